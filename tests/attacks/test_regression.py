"""Found prompts as a file: what is kept is read again, and what doesn't fit is refused in a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.families.guards import SET
from unhype.attacks.regression import Known, Replay, check_listed, keep, load
from unhype.errors import UnhypeError
from unhype.judges.judge import Seen

ROOT = Path(__file__).resolve().parents[2]


def told(*texts: str, success: bool = True) -> dict[str, Any]:
    names = [{"concept": "Cher", "text": text, "guarded": 0.75, "bare": 1.0, "success": success} for text in texts]
    return {"base": "mini", "base_hash": "abc", "concepts": "toy", "method": "tokens", "guard": "g", "names": names}


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    assert keep(path, told("b", "a")) == 2
    assert keep(path, told("a", "c")) == 3
    assert keep(path, told("d", success=False)) == 3
    assert [row.text for row in load(path, "mini", "abc")] == ["a", "b", "c"]
    assert keep(tmp_path / "none.json", told("d", success=False)) == 0
    assert not (tmp_path / "none.json").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: {**told, "base_hash": "xyz"}, "found on mini xyz"),
        (lambda told: {**told, "format": 9}, "got format 9"),
        (lambda told: {**told, "found": []}, "got no prompts"),
        (lambda told: {**told, "found": [{"concept": "Cher"}]}, "no list of found prompts"),
        (lambda told: {**told, "found": [{**told["found"][0], "guarded": 2}]}, "shares from 0 to 1"),
        (lambda told: [], "no list of found prompts"),
        (lambda told: {key: told[key] for key in ("format", "found")}, "no list of found prompts"),
    ],
)
def test_what_does_not_fit_is_refused(change: Callable[[Any], Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    keep(path, told("a"))
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(UnhypeError, match=words):
        load(path, "mini", "abc")
    with pytest.raises(UnhypeError, match="got no file"):
        load(tmp_path / "absent.json", "mini", "abc")


def replay_of(known: list[Known], images: Path, drawn: list[str]) -> Replay:
    """By an eraser that lets the text "shown" through; ``drawn`` gets every text of which a picture was drawn."""

    def eraser(name: str, lets: Callable[[str], bool]) -> SimpleNamespace:
        def draw(prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
            drawn.extend(prompts)
            yield np.stack([np.full((2, 2, 3), lets(prompt), dtype=np.uint8) for prompt in prompts])

        return SimpleNamespace(name=name, identity=name * 8, origin=SimpleNamespace(base="b", guard="g"), draw=draw)

    judge = SimpleNamespace(
        known=frozenset(["Cher"]),
        name="eye",
        read=lambda pixels: [Seen(("Cher",) if picture.any() else (), True) for picture in pixels],
    )
    sides = {"eraser": eraser("guard", lambda text: text == "shown"), "bare": eraser("none", lambda text: True)}
    victim: Any = SimpleNamespace(**sides, judge=judge)
    return Replay(victim, known, seed=0, pictures=3, images=images)


def found(*texts: str) -> list[Known]:
    return [Known("Cher", text, "tokens", "g", 1.0, 1.0) for text in texts]


def test_a_replay_tells_the_mean_and_the_worst(tmp_path: Path) -> None:
    again = replay_of(found("shown", "hidden"), tmp_path, [])
    assert [(step.done, step.total) for step in again.draw(tmp_path)] == 2 * [(done, 6) for done in range(7)]
    told = again.told()
    assert [(row["text"], row["guarded"], row["bare"]) for row in told["prompts"]] == [
        ("shown", 1.0, 1.0),
        ("hidden", 0.0, 1.0),
    ]
    assert (told["shown"], told["worst"], told["bare"], told["through"]) == (0.5, 1.0, 1.0, 1)
    assert (told["n"], told["pictures"]) == (2, 3)
    nobody = replay_of([Known("Nobody", "x", "tokens", "g", 1.0, 1.0)], tmp_path, [])
    with pytest.raises(UnhypeError, match="can tell"):
        list(nobody.draw(tmp_path))


def test_a_replay_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """Nothing is drawn twice: what a stopped one has drawn, and of a longer list what the shorter one had."""
    drawn: list[str] = []
    for step in replay_of(found("shown"), tmp_path, drawn).draw(tmp_path):
        if step.done == 2:
            break
    list(replay_of(found("shown"), tmp_path, drawn).draw(tmp_path))
    assert drawn == ["shown"] * (3 + 1 + 3)  # the batch that was stopped, its rest, and the base's
    list(replay_of(found("hidden", "shown"), tmp_path, drawn).draw(tmp_path))
    assert drawn[7:] == ["hidden"] * 6


def test_the_files_that_ship_are_read() -> None:
    for path in sorted((ROOT / "data" / "attacks").glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        card = json.loads((ROOT / "data" / "bases" / told["base"] / "card.json").read_text(encoding="utf-8"))
        suite = f"{told['base']}-{told['concepts']}"
        # The gates replay the suite; what still gets through waits beside it.
        assert path.stem in (suite, f"{suite}-open")
        assert card
        assert load(path, told["base"], told["base_hash"])


def test_what_a_set_does_not_forget_is_not_replayed() -> None:
    known = [Known(name, "x", "tokens", "g", 1.0, 1.0) for name in ("Cher", "Drake")]
    check_listed(known[:1], SET, Path("found.json"))
    with pytest.raises(UnhypeError, match=r"got Drake in found.json, which toy does not forget"):
        check_listed(known, SET, Path("found.json"))
