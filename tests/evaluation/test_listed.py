"""Somebody's own list of prompts: read as published lists are written, refused where it is doubtful, scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from unhype.eraser import Origin
from unhype.errors import UnhypeError
from unhype.evaluation.album import BATCH
from unhype.evaluation.columns import is_rated, read_lines, renamed
from unhype.evaluation.listed import Lookers, read_prompts, score_list
from unhype.judges.judge import Seen
from unhype.judges.nudity import Box, NudeNet
from unhype.pictures.seeds import HIGHEST

PEOPLE = ("Cher", "Cher Lloyd", "Elon Musk", "Jackie Chan")
WORDS = {name: name for name in PEOPLE} | {"plane": "airplane", "airplane": "airplane", "dog": "dog"}
HEAD = "type,prompt,evaluation_seed\n"
GOOD = HEAD + "erased,a photo of cher,1\nothers,a plane in the sky,2\n"
I2P = (
    "prompt,categories,hard,prompt_toxicity,inappropriate_percentage,nudity_percentage,q16_percentage,"
    "sd_safety_percentage,sd_seed,sd_guidance_scale,sd_image_width,sd_image_height,sd_model\n"
    '"a painting of a dog, vivid colors ","shocking",0,0.05,12.5,0.0,10.0,0.0,4261553411,13,512,512,1.4\n'
    '"portrait of someone, dramatic light",shocking,1,0.01,60.0,0.0,55.0,0.0,1305868,7,512,704,1.4\n'
)
COCO = "case_number,source,prompt,evaluation_seed,coco_id\n0,coco-30k,A dog on a couch.,41337,203564\n"


def write(folder: Path, text: str | bytes) -> Path:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "prompts.csv").write_bytes(content)
    return folder / "prompts.csv"


def read(folder: Path, text: str | bytes, *columns: str) -> list[tuple[object, ...]]:
    table = read_prompts(write(folder, text), WORDS, PEOPLE, renamed(columns))
    assert list(table.columns) == ["group", "erased", "kept", "prompt", "seed"]
    assert all((row.group == "forget") == bool(row.erased) for row in table.itertuples())
    return [(row.group, row.erased or row.kept or None, row.prompt, row.seed) for row in table.itertuples()]


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        (GOOD + "others,a photo of Cher Lloyd,3\n", ["Cher", "airplane", "Cher Lloyd"]),
        (HEAD + 'erased,"a photo of Elon Musk, with a dog",5\nerased,"Elon Musk, a dog",6\n', ["Elon Musk"] * 2),
        (HEAD + 'erased,"Elon Musk, smiling, oil painting",5\n', ["Elon Musk"]),
        (HEAD + "erased,a photo of Elon Musk's face,5\n", ["Elon Musk"]),
        ("type,concept,prompt,evaluation_seed\nerased,elon musk,A,1\nerased,Elon_Musk,A,2\n", ["Elon Musk"] * 2),
        ("type,prompt,evaluation_seed,concept\nerased,the singer,1,Cher\nerased,the singer Cher,1,\n", ["Cher"] * 2),
        (
            "type,prompt,evaluation_seed,concept\nerased,Elon Musk and Jackie Chan,5,Elon Musk\n"
            "others,Elon Musk and Jackie Chan,5,Jackie Chan\n",
            ["Elon Musk", "Jackie Chan"],
        ),
    ],
)
def test_each_row_has_the_concept_that_is_meant(tmp_path: Path, text: str, concepts: list[str]) -> None:
    assert [concept for _, concept, _, _ in read(tmp_path, text)] == concepts


@pytest.mark.parametrize(
    "text", [GOOD, "\n\n" + GOOD, GOOD.replace(",", ";"), GOOD.replace(",", "\t"), "\ufeff" + GOOD]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_ends_and_marks_do_not_matter(tmp_path: Path, text: str, end: str) -> None:
    assert read(tmp_path, text.replace("\n", end)) == [
        ("forget", "Cher", "a photo of cher", 1),
        ("evaluation", "airplane", "a plane in the sky", 2),
    ]


def test_a_prompt_may_hold_line_ends_and_the_separator(tmp_path: Path) -> None:
    rows = read(tmp_path, HEAD + '\nerased,"Cher,\nin ""oil""",7\n')
    assert rows == [("forget", "Cher", 'Cher,\nin "oil"', 7)]
    with pytest.raises(UnhypeError, match="in line 5 "):
        read(tmp_path, HEAD + '\nerased,"Cher,\nin oil",7\nerased,Cher,soon\n')


def test_lists_without_a_type_are_read_as_they_are_published(tmp_path: Path) -> None:
    assert read(tmp_path, I2P) == [
        ("listed", None, "a painting of a dog, vivid colors ", 4261553411),
        ("listed", None, "portrait of someone, dramatic light", 1305868),
    ]
    assert read(tmp_path, COCO) == [("listed", None, "A dog on a couch.", 41337)]
    assert read(tmp_path, "case_number,prompt,evaluation_seed,concept\n0,a picture,3,DOG\n1,another,4,\n") == [
        ("named", "dog", "a picture", 3),
        ("listed", None, "another", 4),
    ]


def test_columns_go_by_the_names_that_are_given(tmp_path: Path) -> None:
    text = "kind,Text,noise,seed,class\nerased,a picture,7,8,dog\n"
    columns = ("type=kind", "prompt=text", "seed=noise", "concept=class")
    assert read(tmp_path, text, *columns) == [("forget", "dog", "a picture", 7)]
    assert read(tmp_path, "type,prompt,seed\nartist,a picture,7\n", "type=") == [("listed", None, "a picture", 7)]


def test_the_largest_seed_is_kept_to_the_digit(tmp_path: Path) -> None:
    rows = read(tmp_path, HEAD + f"erased,Cher,{HIGHEST}\nerased,Cher,1\n")
    assert [int(seed) for *_, seed in rows] == [HIGHEST, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "type,prompt\nerased,Cher\n",
            "without a column evaluation_seed or sd_seed or seed for the seed.*--columns seed=",
        ),
        ("a;b;c\n1;2;3\n", "without a column prompt"),
        (HEAD, "without a row"),
        ("", "empty file"),
        (HEAD + 'erased,"Cher,1\n', "malformed.*quote"),
        (HEAD + "erased,Cher, in oil,1\n", "4 values in line 2 .*wanted 3.*quotes"),
        (HEAD + "erased, ,1\n", "an empty prompt in line 2"),
        ("prompt,seed,sd_seed\nx,1,2\n", "columns sd_seed and seed .*--columns seed="),
        ("prompt,prompt,seed\nx,y,2\n", "columns prompt and prompt"),
        (GOOD + "kept,Cher,3\n", "the type 'kept' in line 4"),
        (GOOD + "others,Cher,soon\n", "'soon' as the seed in line 4"),
        (GOOD + "others,Cher,²\n", "'²' as the seed in line 4"),
        (GOOD + "others,Cher,-1\n", "'-1' as the seed in line 4"),
        (HEAD + "erased,Cher,99999999999999999999999\n", "99999999999999999999999 as the seed in line 2.*a generator"),
        (GOOD + "others,nobody at all,3\n", "'nobody at all' in line 4.*add a column concept"),
        ("concept,prompt,seed\nElon Mask,x,1\n", "'Elon Mask' in line 2.*did you mean Elon Musk"),
        (
            HEAD + "erased,Elon Musk and Jackie Chan,5\nothers,Elon Musk and Jackie Chan,5\n",
            "line 2.*line 3.*column concept",
        ),
        (GOOD.encode("utf-16"), "UTF-16"),
        ((GOOD + "erased,Cher – in oil,3\n").encode("cp1252"), "cp1252.*save the file as UTF-8"),
    ],
)
def test_a_bad_list_is_refused_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(UnhypeError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pair", ["seed", "sed=sd_seed", "=x"])
def test_what_a_column_can_be_called_for_is_said(pair: str) -> None:
    with pytest.raises(UnhypeError, match="prompt=NAME, seed=NAME"):
        renamed([pair])


def test_a_misspelt_column_gets_the_close_one(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match="did you mean sd_seed"):
        read_lines(write(tmp_path, I2P), {"seed": "sd-sed"})


class Painter:
    """Paints its seed, and a shade more under guard."""

    def __init__(self, name: str, more: int) -> None:
        self.name, self.identity, self.more, self.origin = name, name * 4, more, Origin("base", name)

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        yield np.array([np.full((4, 4, 3), seed + self.more * (seed > 1)) for seed in seeds], dtype=np.uint8)

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return np.zeros(len(prompts), dtype=bool)


class Judge:
    """Sees an airplane in what is bright, and somebody in the dark."""

    name, known = "judge", frozenset(WORDS.values())

    def read(self, pixels: np.ndarray) -> list[Seen]:
        return [Seen(("airplane",), False) if p.max() > 50 else Seen(("unknown",), True) for p in pixels]


def test_scores_of_a_list_with_types(tmp_path: Path) -> None:
    table = read_prompts(write(tmp_path, GOOD), WORDS)
    scores = score_list(table, Painter("guard", 51), Lookers(Judge()), tmp_path / "images", Painter("bare", 0))
    assert (scores["Acc_e"], scores["Acc_s"], scores["H"], scores["n"]) == (0.0, 1.0, 1.0, 2)
    assert list(scores["roles"]) == ["erased", "others"]
    assert not (tmp_path / "images" / "bare-barebarebare").exists(), "nothing is drawn that no score needs"


def test_scores_of_a_list_without_types(tmp_path: Path) -> None:
    text = "prompt,seed,concept\nx,1,\ny,2,\nz,3,plane\n"
    table = read_prompts(write(tmp_path, text), WORDS)
    scores = score_list(table, Painter("guard", 51), Lookers(Judge()), tmp_path / "images", Painter("bare", 0))
    assert not {"Acc_e", "Acc_s", "H"} & set(scores)
    listed, named = scores["roles"]["listed"], scores["roles"]["named"]
    assert "shown" not in listed
    assert (listed["n"], listed["face"], listed["face_base"]) == (2, 0.5, 1.0)
    assert (listed["identical"], listed["drift"]) == (0.5, pytest.approx(51 / 255 / 2))
    assert (named["shown"], named["shown_base"]) == (1.0, 0.0)
    assert scores["found"] == {"unknown": 0.5, "airplane": 0.5}
    assert scores["found_base"] == {"unknown": 1.0}


class Clip:
    """Sees how bright a picture is; every prompt asks for a dark one."""

    name, scale = "clip", 1.0

    def see(self, pixels: np.ndarray) -> np.ndarray:
        assert len(pixels) <= BATCH, "pictures stream"
        bright = pixels.reshape(len(pixels), -1).mean(1) > 50
        return np.stack([~bright, bright], 1).astype(np.float32)

    def hear(self, prompts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0]] * len(prompts), dtype=np.float32)


class Finder(NudeNet):
    """Finds two things in what is bright."""

    name = "finder"

    def boxes(self, pixels: np.ndarray, labels: Sequence[str] = ()) -> list[tuple[Box, ...]]:
        return [(Box("BELLY_EXPOSED", 0.9),) * 2 if picture.max() > 50 else () for picture in pixels]


def test_what_a_clip_and_a_detector_find_in_a_list_without_concepts(tmp_path: Path) -> None:
    text = "prompt,seed\n" + "".join(f"x,{seed}\n" for seed in range(BATCH + 1))
    table = read_prompts(write(tmp_path, text), None)
    by = Lookers(clip=Clip(), detector=Finder())
    scores = score_list(table, Painter("guard", 51), by, tmp_path / "images", Painter("bare", 0))
    listed, n = scores["roles"]["listed"], BATCH + 1
    bare, guarded = sum(seed <= 50 for seed in range(n)), 2  # dark pictures; seeds 0 and 1 are as they were
    assert (listed["clip_score_base"], listed["clip_score"]) == (pytest.approx(bare / n), pytest.approx(guarded / n))
    assert listed["cmmd"] > listed["cmmd_floor"]
    assert scores["nudity"] == {"detector": "finder", "n": n, "detections": 2 * (n - 2) / n, "exposed": (n - 2) / n}
    assert scores["nudity_base"]["exposed"] == (n - bare) / n
    assert (scores["judge"], scores["unjudged"], scores["clip"]) == (None, True, "clip")


def test_a_list_with_types_is_scored_by_drift_where_nobody_judges(tmp_path: Path) -> None:
    table = read_prompts(write(tmp_path, HEAD + "erased,nobody at all,2\nothers,somebody,1\n"), None)
    scores = score_list(table, Painter("guard", 51), Lookers(), tmp_path / "images", Painter("bare", 0))
    assert scores["roles"] == {
        "erased": {"group": "forget", "n": 1, "drift": 0.2, "identical": 0.0},
        "others": {"group": "evaluation", "n": 1, "drift": 0.0, "identical": 1.0},
    }
    assert not {"Acc_e", "Acc_s", "H", "found", "clip"} & set(scores)


def test_lists_that_rate_nudity_are_known(tmp_path: Path) -> None:
    assert is_rated(write(tmp_path, I2P))
    assert not is_rated(write(tmp_path, GOOD))
