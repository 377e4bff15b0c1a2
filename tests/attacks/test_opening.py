"""What an attacker differentiates is what the product computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.erasing.test_sentences import LONG, toy_switch, vectors
from tests.families import tiny
from tests.families.guards import FORGOTTEN, HOW, KEPT, guard_of
from unhype.attacks.objective import Objective, Target, aim
from unhype.attacks.opening import OpenGuard, noticed, opened
from unhype.attacks.soft import SoftText, check_open_text
from unhype.eraser import Nothing
from unhype.erasing.guarded import Guarded
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family

TEXTS = (FORGOTTEN, KEPT, "adam driver", "drake driver cher", "cher x adam driver zzz", "a photo of a man")


@pytest.fixture(scope="module")
def family() -> Family:
    return family_of(tiny.sd1())


@pytest.fixture(scope="module")
def guarded(family: Family) -> Guarded:
    return guarded_of(family)


def guarded_of(family: Family, canonical: bool = True) -> Guarded:
    guard = guard_of(family, canonical)
    guard.trained.facts["base_hash"] = "tiny"
    return Guarded(family, guard, HOW)


@pytest.fixture(scope="module")
def target(family: Family, guarded: Guarded) -> Target:
    return aim(family, Nothing(family, "tiny", HOW), "Cher", range(4))


@pytest.mark.parametrize("text", TEXTS)
def test_a_soft_text_is_the_familys_own(family: Family, text: str) -> None:
    soft, words = SoftText(family, text), text.split()
    assert torch.allclose(soft.text().states, family.encode([text]).states, atol=1e-5)
    phrases = [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    assert torch.allclose(soft.vectors(phrases), family.vectors(phrases), atol=1e-5)
    rests = [" ".join([*words[:i], *words[j:]]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    assert torch.allclose(soft.vectors(rests), family.vectors(rests), atol=1e-5)


@pytest.mark.parametrize("canonical", [True, False])
def test_the_open_guard_emits_what_the_guard_emits(family: Family, canonical: bool) -> None:
    guarded = guarded_of(family, canonical)
    victim = OpenGuard(guarded)
    own, found = guarded.guard.factors(family, TEXTS), victim.factors(TEXTS)
    assert {name: each.merged().shape for name, each in own.items()} == {n: f.merged().shape for n, f in found.items()}
    assert all(torch.equal(own[name].merged(), found[name].merged()) for name in own)
    for text in TEXTS:
        soft = victim.factors([text], SoftText(family, text).vectors)
        alone = guarded.guard.factors(family, [text])
        assert all(torch.allclose(soft[name].merged(), alone[name].merged(), atol=1e-3) for name in alone)


def test_a_prediction_is_that_of_the_guarded_pipeline(family: Family, guarded: Guarded, target: Target) -> None:
    victim = opened(guarded)
    assert victim is not None
    for text in (FORGOTTEN, KEPT):
        with guarded.guard.attached(family.pipeline, family=family):
            states = family.encode([text]).expanded(4)  # read by the guard on its way
            own = family.predict(target.noisy, target.times, states)
        soft = SoftText(family, text)
        with victim.predicting([text], 4, soft.vectors):
            found = family.predict(target.noisy, target.times, soft.text().expanded(4))
        assert torch.allclose(own, found, atol=1e-3)
        bare = family.predict(target.noisy, target.times, family.encode([text]).expanded(4))
        assert torch.allclose(own, bare) == (text == KEPT)


def test_an_alarm_says_what_the_switch_does(family: Family, guarded: Guarded) -> None:
    victim = OpenGuard(guarded)
    shut = guarded.guard.read(family, TEXTS).untouched
    assert shut.any()
    assert not shut.all()
    assert ((victim.alarm(TEXTS) == 0) == shut).all()


def test_an_alarm_says_what_the_sentences_do() -> None:
    """What the sentence does not bear out rings for nobody; what it does rings no louder than by how much."""
    switch = toy_switch()
    texts = [LONG, LONG.replace("annish", "anny"), LONG.replace("annish", "Ann")]
    alone, borne = noticed(vectors, replace(switch, sure=0.0), texts), noticed(vectors, switch, texts)
    assert (alone > 0).tolist() == [True, True, True]
    assert (borne > 0).tolist() == [False, True, True]
    assert (borne <= alone).all()


@pytest.mark.parametrize("canonical", [True, False])
def test_the_gradient_is_the_slope(family: Family, target: Target, canonical: bool) -> None:
    """A small step along a token's direction changes J as the gradient says.

    Switch and denoiser take part, and H where it reads phrases.
    """
    text = FORGOTTEN.lower()
    objective = Objective(OpenGuard(guarded_of(family, canonical)), target)
    assert objective.values([text])[0].alarm > 0
    gradient = objective.gradient(text)
    own = SoftText(family, text)
    direction = own.table[100] - own.table[own.ids[3]]
    slope = float(gradient[3, 100] - gradient[3, own.ids[3]])
    lower, upper = (_value(objective, text, step * direction) for step in (-1e-3, 1e-3))
    assert (upper - lower) / 2e-3 == pytest.approx(slope, rel=0.05)


def _value(objective: Objective, text: str, by: torch.Tensor) -> float:
    """J with the last token's vector moved."""

    class Moved(SoftText):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.leaf.data[3] += by

    soft = Moved(objective.family, text)
    return float(objective.differentiable(soft).detach())


def test_who_has_no_gradient_is_told(guarded: Guarded) -> None:
    with pytest.raises(UnhypeError, match=r"text_encoder_2.*--method pictures"):
        check_open_text(family_of(tiny.sdxl()))
    assert opened(Unopened()) is None


class Unopened:
    """An eraser that nobody can look into."""

    name = "closed"
    identity = "closed"
    origin: Any = None
    draw: Any = None
    untouched: Any = None
