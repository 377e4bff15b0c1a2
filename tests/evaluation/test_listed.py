"""Somebody's own list of prompts: read strictly, scored against what its prompts name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from unhype.errors import UnhypeError
from unhype.evaluation.listed import read_prompts, score_list
from unhype.judges.judge import Seen

WORDS = {"Cher": "Cher", "Cher Lloyd": "Cher Lloyd", "plane": "airplane", "airplane": "airplane"}
GOOD = "type,prompt,evaluation_seed\nerased,a photo of cher,1\nothers,a plane in the sky,2\n"


def write(folder: Path, text: str) -> Path:
    (folder / "prompts.csv").write_text(text)
    return folder / "prompts.csv"


def test_the_longest_word_that_a_prompt_holds_is_meant(tmp_path: Path) -> None:
    table = read_prompts(write(tmp_path, GOOD + "others,a photo of Cher Lloyd,3\n"), WORDS)
    assert table["erased"].tolist() == ["Cher", "", ""]
    assert table["kept"].tolist() == ["", "airplane", "Cher Lloyd"]
    assert table["group"].tolist() == ["forget", "evaluation", "evaluation"]


def test_a_column_concept_wins(tmp_path: Path) -> None:
    table = read_prompts(write(tmp_path, "type,prompt,evaluation_seed,concept\nerased,the singer,1,Cher\n"), WORDS)
    assert table["erased"].tolist() == ["Cher"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type,prompt\nerased,Cher\n", "without the column evaluation_seed"),
        ("type,prompt,evaluation_seed\n", "without a row"),
        ("", "malformed"),
        (GOOD + "kept,Cher,3\n", "the type 'kept' in line 4"),
        (GOOD + "others,Cher,soon\n", "evaluation_seed 'soon' in line 4"),
        (GOOD + "others,nobody at all,3\n", "'nobody at all' in line 4"),
    ],
)
def test_a_bad_row_is_named_by_its_number(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UnhypeError, match=message):
        read_prompts(write(tmp_path, text), WORDS)


def test_scores_of_a_list(tmp_path: Path) -> None:
    class Painter:
        name, identity = "painter", "x" * 20

        def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
            yield np.array([np.full((4, 4, 3), seed) for seed in seeds], dtype=np.uint8)

    class Judge:
        name, known = "judge", frozenset(WORDS)

        def read(self, pixels: np.ndarray) -> list[Seen]:
            return [Seen(("airplane",), False) for _ in pixels]

    scores = score_list(read_prompts(write(tmp_path, GOOD), WORDS), Painter(), Judge(), tmp_path / "images")
    assert (scores["Acc_e"], scores["Acc_s"], scores["H"], scores["n"]) == (0.0, 1.0, 1.0, 2)
    assert scores["roles"]["others"] == {"group": "evaluation", "n": 1, "shown": 1.0, "face": 0.0, "neutral": 0.0}
    with pytest.raises(UnhypeError, match="got no judge"):
        score_list(read_prompts(write(tmp_path, GOOD), WORDS), Painter(), None, tmp_path / "images")
