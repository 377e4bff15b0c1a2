"""Learned embeddings: they bring the person nearer, every door is tried, and the pipeline is given back as it was."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import tiny
from tests.families.guards import FORGOTTEN, HOW, SET, draw, guard_of
from unhype.adapters.watching import is_guarded
from unhype.attacks.doors import DOORS, through
from unhype.attacks.inversion import TOKEN, Placed, check_encoders, check_vectors, learn
from unhype.attacks.inverting import Inversion
from unhype.attacks.opening import OpenBase, OpenGuard
from unhype.attacks.reporting import door_rows
from unhype.attacks.searching import Budget
from unhype.attacks.victim import Attacked, Sought
from unhype.eraser import Nothing
from unhype.erasing.guarded import Guarded
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.judges.judge import Seen

JUDGE: Any = SimpleNamespace(name="eye", known={"Cher"}, read=lambda pixels: [Seen(("Cher",), True) for _ in pixels])


@pytest.fixture(scope="module")
def family() -> Family:
    return family_of(tiny.sd1())


@pytest.fixture(scope="module")
def victim(family: Family) -> Attacked:
    return victim_of(family, inversions=True)


def victim_of(family: Family, inversions: bool) -> Attacked:
    guard = guard_of(family, inversions=inversions)
    guard.trained.facts["base_hash"] = "tiny"
    return Attacked(Guarded(family, guard, HOW), Nothing(family, "tiny", HOW), family, JUDGE, SET)


def name_vectors(family: Family) -> torch.Tensor:
    """The embeddings of the forgotten name itself: what an inversion would like to find."""
    ids = family.pipeline.tokenizer("Cher", add_special_tokens=False).input_ids
    found: torch.Tensor = family.pipeline.text_encoder.get_input_embeddings().weight[ids].detach().clone()
    return found


def test_placed_vectors_are_read_as_a_loaded_inversion_is(family: Family) -> None:
    placed = Placed(family, f"a photo of {TOKEN}", name_vectors(family))
    assert torch.allclose(placed.text().states, family.encode([FORGOTTEN]).states, atol=1e-5)
    phrases = {TOKEN: "Cher", f"of {TOKEN}": "of Cher"}
    assert torch.allclose(placed.vectors(list(phrases)), family.vectors(list(phrases.values())), atol=1e-5)


@pytest.mark.parametrize("k", [1, 3])
def test_what_is_learned_comes_nearer_and_the_same_seed_learns_the_same(
    victim: Attacked, family: Family, k: int
) -> None:
    def run(steps: int) -> list[Any]:
        return list(learn(victim, OpenBase(family), Sought("Cher"), k, Budget(None, steps), 0))

    learned = run(40)
    assert [each.step for each in learned] == list(range(1, 41))
    first, last = (np.mean([each.loss for each in part]) for part in (learned[:8], learned[-8:]))
    assert last < 0.9 * first
    assert learned[-1].vectors.shape == (k, tiny.WIDTH)
    assert torch.equal(run(3)[-1].vectors, learned[2].vectors)


def test_the_alarm_of_the_victim_is_heard(victim: Attacked, family: Family) -> None:
    free, heard = (
        list(learn(victim, view, Sought("Cher"), 1, Budget(None, 2), 0))[-1].vectors
        for view in (OpenBase(family), _Loud(victim.eraser))
    )
    assert not torch.equal(free, heard)


class _Loud(OpenGuard):
    """Alarmed by everything."""

    def alarm(self, texts: Any, vectors: Any = None) -> torch.Tensor:
        return vectors([TOKEN]).square().sum(1)


@pytest.mark.parametrize("door", DOORS)
def test_a_door_lets_the_base_draw_the_name_and_the_guard_reads_it_or_closes(
    victim: Attacked, family: Family, door: str
) -> None:
    vectors, seeds = name_vectors(family), [1]
    before = draw(family, [FORGOTTEN])
    bare = through(door, victim.bare, family, vectors, seeds, HOW)
    assert isinstance(bare, np.ndarray)
    assert np.abs(bare.astype(int) - before).max() <= 1  # the same tokens, whatever they are called
    guarded = through(door, victim.eraser, family, vectors, seeds, HOW)
    if door == "prompt_embeds":
        assert isinstance(guarded, str)
        assert guarded.startswith("got")
    else:
        assert isinstance(guarded, np.ndarray)
    assert not is_guarded(family.pipeline)
    assert len(family.pipeline.tokenizer) == 2304
    assert np.array_equal(draw(family, [FORGOTTEN]), before)


def test_an_inversion_from_names_to_its_report(victim: Attacked, tmp_path: Path) -> None:
    attack = Inversion(victim, 2, Budget(None, 2), 0, tmp_path, HOW, transfer=True)
    list(attack.run(["Cher"]))
    told = attack.report()
    assert (told["method"], told["n"], told["ASR"]) == ("inversion-2-transfer-allowed", 1, 1.0)
    assert told["doors"]["prompt_embeds"]["closed"] == 1
    assert told["doors"]["loaded before"] == {"closed": 0, "said": "", "guarded": 1.0, "worst": 1.0, "bare": 1.0}
    first = door_rows({**told})[1][0]
    assert first[:4] == ["prompt_embeds", "1 of 1", "–", "1.00"]
    assert first[4].startswith("got")
    (kept,) = tmp_path.rglob("*.safetensors")
    written = kept.stat().st_mtime_ns
    list(attack.run(["Cher"]))
    assert attack.report() == told
    assert kept.stat().st_mtime_ns == written


def test_a_guard_that_was_told_nothing_closes_every_door(family: Family, tmp_path: Path) -> None:
    attack = Inversion(victim_of(family, inversions=False), 2, Budget(None, 2), 0, tmp_path, HOW)
    list(attack.run(["Cher"]))
    told = attack.report()
    assert (told["method"], told["ASR"], told["must_go"]) == ("inversion-2", 0.0, 0.0)
    assert {door: each["closed"] for door, each in told["doors"].items()} == dict.fromkeys(DOORS, 1)


def test_mistakes(victim: Attacked, tmp_path: Path) -> None:
    for k in (0, 17, -1):
        with pytest.raises(UnhypeError, match=f"got --vectors {k}, wanted from 1 to 16"):
            check_vectors(k)
    two = family_of(tiny.sdxl())
    base = Nothing(two, "tiny", HOW)
    with pytest.raises(UnhypeError, match="text_encoder_2"):
        list(Inversion(Attacked(base, base, two, JUDGE, SET), 1, Budget(), 0, tmp_path, HOW).run(["Cher"]))


@pytest.mark.parametrize("kind", ["sdxl", "flux_dev"])
def test_more_encoders_are_refused(kind: str) -> None:
    with pytest.raises(UnhypeError, match=r"text_encoder and text_encoder_2.*--method tokens, pictures"):
        check_encoders(family_of(tiny.BUILDERS[kind]()))
    check_encoders(family_of(tiny.sd1()))
