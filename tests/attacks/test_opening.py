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
from unhype.attacks.soft import SoftText
from unhype.eraser import Nothing
from unhype.erasing.guarded import Guarded
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


@pytest.fixture(scope="module", params=tiny.BUILDERS)
def each(request: pytest.FixtureRequest) -> Family:
    """Every family in turn."""
    return family_of(tiny.BUILDERS[request.param]())


@pytest.mark.parametrize("text", TEXTS)
def test_a_soft_text_is_the_familys_own(each: Family, text: str) -> None:
    soft, words = SoftText(each, text), text.split()
    own, found = each.encode([text]), soft.text()
    assert torch.allclose(found.states, own.states, atol=1e-5)
    assert (found.pooled is None) == (own.pooled is None)
    assert found.pooled is None or torch.allclose(found.pooled, own.pooled, atol=1e-5)
    phrases = [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    assert torch.allclose(soft.vectors(phrases), each.vectors(phrases), atol=1e-5)
    rests = [" ".join([*words[:i], *words[j:]]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    assert torch.allclose(soft.vectors(rests), each.vectors(rests), atol=1e-5)


def test_every_encoder_reads_what_the_tokens_have_become(each: Family) -> None:
    """Other vectors are other text: as that text's own, though the encoders are given the first."""
    text, other = "adam driver", "cher x adam"
    soft, wanted = SoftText(each, text), SoftText(each, other)
    for part, become in zip(soft.parts, wanted.parts, strict=True):
        part.ids, part.ends, part.leaf = become.ids, become.ends, become.leaf
    found, own = soft.text(), each.encode([other])
    assert torch.allclose(found.states, own.states, atol=1e-5)
    assert found.pooled is None or torch.allclose(found.pooled, own.pooled, atol=1e-5)
    assert torch.allclose(each.encode([text]).states, SoftText(each, text).text().states, atol=1e-5)  # and lets go


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
def test_the_gradient_is_the_slope(each: Family, canonical: bool) -> None:
    """A small step along a token's direction changes J as the gradient says, in every encoder.

    Switch and denoiser take part, and H where it reads phrases.
    """
    text = FORGOTTEN.lower()
    target = aim(each, Nothing(each, "tiny", HOW), "Cher", range(4))
    objective = Objective(OpenGuard(guarded_of(each, canonical)), target)
    assert objective.values([text])[0].alarm > 0
    for place, gradient in enumerate(objective.gradients(text)):
        own, token = SoftText(each, text).parts[place], 100
        direction = own.table[token] - own.table[own.ids[-1]]
        slope = float(gradient[-1, token] - gradient[-1, own.ids[-1]])
        assert slope
        lower, upper = (_value(objective, text, place, step * direction) for step in (-1e-3, 1e-3))
        assert (upper - lower) / 2e-3 == pytest.approx(slope, rel=0.05)


def _value(objective: Objective, text: str, place: int, by: torch.Tensor) -> float:
    """J with the last token's vector moved, of one of the encoders."""
    soft = SoftText(objective.family, text)
    with torch.no_grad():
        soft.parts[place].leaf[-1] += by
    return float(objective.differentiable(soft).detach())


def test_an_eraser_that_only_gives_pictures_has_no_open_form() -> None:
    assert opened(Unopened()) is None


class Unopened:
    """An eraser that nobody can look into."""

    name = "closed"
    identity = "closed"
    origin: Any = None
    draw: Any = None
    untouched: Any = None
