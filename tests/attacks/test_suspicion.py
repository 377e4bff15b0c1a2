"""What an attacker sees of a monitor is what the monitor itself says, and has the slope that it seems to have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.attacks.test_running import JUDGE
from tests.families import tiny
from tests.families.guards import FORGOTTEN, HOW, KEPT, SET, guard_of
from tests.monitor.fakes import monitored, seeing
from unhype.attacks import methods
from unhype.attacks.objective import LOOKED, SHARES, SUSPECTED, WEIGHT, Objective, Target, Value, aim
from unhype.attacks.opening import OpenBase, OpenGuard
from unhype.attacks.running import Attack
from unhype.attacks.searching import Budget
from unhype.attacks.soft import SoftText
from unhype.attacks.suspicion import Suspicion, monitor_of
from unhype.attacks.victim import Attacked
from unhype.eraser import Nothing
from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.monitor.features import view
from unhype.monitor.monitor import BEHIND, Heard, Monitor, Suspect, borne_out

STEP = 1e-2

TEXTS = (FORGOTTEN, KEPT, "adam driver", "cher x adam driver zzz")


def looking(family: Family) -> Monitor:
    """A monitor with a net that was never trained, which suspects Cher in everything, more or less, and hears words."""
    monitor = replace(seeing(family, "Cher"), weights=(1.0, 0.0, 2.0), usual=-2.0)
    torch.manual_seed(1)
    torch.nn.init.normal_(monitor.net.head.weight, std=3.0)
    return monitor


@pytest.fixture(scope="module", params=["sd1", "sd2"])
def family(request: pytest.FixtureRequest) -> Family:
    builders: dict[str, Callable[[], Any]] = tiny.BUILDERS
    return family_of(builders[request.param]())


@pytest.fixture(scope="module")
def guarded(family: Family) -> Guarded:
    guard = guard_of(family)
    guard.trained.facts["base_hash"] = "tiny"
    return Guarded(family, monitored(guard, looking(family)), HOW)


@pytest.fixture(scope="module")
def target(family: Family) -> Target:
    return aim(family, Nothing(family, "tiny", HOW), "Cher", range(4))


@pytest.fixture(scope="module")
def objective(family: Family, guarded: Guarded, target: Target) -> Objective:
    monitor = monitor_of(guarded)
    assert monitor is not None
    victim = OpenGuard(guarded)
    return Objective(victim, target, Suspicion(family, monitor, "Cher", victim.switch))


def test_a_suspicion_is_what_the_monitor_says(family: Family, guarded: Guarded, target: Target) -> None:
    """By the guarded pipeline's own prediction, the monitor's own features, and the monitor's own list of suspects."""
    monitor = monitor_of(guarded)
    assert monitor is not None
    victim = OpenGuard(guarded)
    suspicion = Suspicion(family, monitor, "Cher", victim.switch)
    for text in (FORGOTTEN, KEPT):
        with guarded.guard.attached(family.pipeline, family=family), torch.no_grad():
            states = family.encode([text]).expanded(4)
            clean = family.clean(target.noisy, target.times, family.predict(target.noisy, target.times, states))
        near = guarded.guard.read(family, [text]).near
        assert near is not None
        suspects = monitor.suspects(view(family, clean), [["Adam Driver"]] * 4, near.expand(4, -1))
        said = {each.picture: each.suspicion for each in suspects}
        assert said
        soft = SoftText(family, text)
        with victim.predicting([text], 4, soft.vectors):
            predicted = family.predict(target.noisy, target.times, soft.text().expanded(4))
        logits, _ = suspicion.told(target.noisy, target.times, predicted.detach())
        heard = suspicion.near([text], soft.vectors)
        assert heard is not None
        assert float(heard[0].detach()) == pytest.approx(float(near[0, 0]), abs=1e-4)
        own = logits + monitor.hearing(heard.detach())
        assert all(float(own[i]) == pytest.approx(each, abs=1e-3) for i, each in said.items())
        assert (own > logits + 1).all()  # the words were heard
        above = suspicion(target.noisy, target.times, predicted.detach(), heard.detach().expand(4), states)
        assert above.tolist() == pytest.approx(
            [said.get(i, monitor.suspected) - monitor.suspected for i in range(4)], abs=1e-3
        )


def test_it_tells_what_the_monitor_is_told(family: Family, guarded: Guarded, target: Target) -> None:
    monitor = monitor_of(guarded)
    assert monitor is not None
    predicted = target.wanted.clone().requires_grad_()
    text = family.encode([KEPT]).expanded(4)
    logits, evidence = Suspicion(family, monitor, "Cher").told(target.noisy, target.times, predicted, text)
    assert logits.requires_grad
    assert evidence.told.requires_grad
    assert evidence.behind.requires_grad
    shown = family.clean(target.noisy, target.times, target.wanted)
    suspects = [Suspect(i, 0, logit, 3.0) for i, logit in enumerate(logits.tolist())]
    with torch.no_grad():
        seen = view(family, shown)
        heard = Heard(torch.zeros(4, 2), lambda pictures: text[list(pictures)])
        told = monitor.told(family, shown, seen.clean, suspects, heard).float()
        silent = monitor.told(family, shown, seen.clean, suspects).float()
    assert torch.allclose(monitor.net(seen.features)[:, 0], logits.detach(), atol=1e-4)
    words = 3 * borne_out(evidence.behind.detach())
    assert torch.allclose(told, torch.stack([logits + words, evidence.told], 1).detach(), atol=1e-4)
    assert torch.allclose(silent[:, 0], logits.detach() + 3, atol=1e-4)  # nobody is behind words that are not there


def test_whoever_is_not_seen_is_not_suspicious(family: Family, guarded: Guarded, target: Target) -> None:
    """Neither where the base is not asked, nor where its answer clears the person."""
    monitor = monitor_of(guarded)
    assert monitor is not None
    told = Suspicion(family, monitor, "Cher").told(target.noisy, target.times, target.wanted)
    logits, evidence = told[0].detach(), told[1].told.detach()
    weights, suspicions = (0.5, 2.0, 0.0), 0.5 * logits
    suspects = [Suspect(i, 0, suspicion) for i, suspicion in enumerate(suspicions.tolist())]
    scores = suspicions + 2 * evidence
    for suspected, bar in ((_middle(suspicions), -1e9), (-1e9, _middle(scores))):
        other = replace(monitor, weights=weights, suspected=suspected, bar=bar)
        above = Suspicion(family, other, "Cher")(target.noisy, target.times, target.wanted)
        seen = other.told(family, *_shown(family, target), suspects)
        passes = (seen @ torch.tensor([1.0, 2.0], dtype=torch.double) > other.bar) & (suspicions > other.suspected)
        assert ((above > 0) == passes).all()
        assert 0 < int(passes.sum()) < len(passes)


def _middle(values: torch.Tensor) -> float:
    """Between the two in the middle."""
    return float(values.sort()[0][1:3].mean())


def _shown(family: Family, target: Target) -> tuple[torch.Tensor, torch.Tensor]:
    shown = family.clean(target.noisy, target.times, target.wanted)
    return shown, view(family, shown).clean


def test_all_parts_are_the_same_with_and_without_a_gradient(objective: Objective) -> None:
    for text, value in zip(TEXTS, objective.values(TEXTS), strict=True):
        assert value.suspicion > 0
        assert value.total == pytest.approx(value.loss + SUSPECTED * value.suspicion + WEIGHT * value.alarm)
        soft = SoftText(objective.family, text)
        assert float(objective.differentiable(soft).detach()) == pytest.approx(value.total, rel=1e-3)


def test_the_names_picture_is_as_suspicious_as_itself(family: Family, target: Target, guarded: Guarded) -> None:
    """Of the picture alone; what is said besides adds to it."""
    monitor = monitor_of(guarded)
    assert monitor is not None
    for switch in (None, guarded.guard.switch):
        bare = Objective(OpenBase(family), target, Suspicion(family, monitor, "Cher", switch))
        (value,) = bare.values([FORGOTTEN])
        assert value.loss == pytest.approx(0, abs=1e-6)
        assert value.suspicion == pytest.approx(1, abs=1e-4) if switch is None else value.suspicion > 1.01


@pytest.mark.parametrize("behind", [BEHIND, (-0.5, 0.5)])
def test_the_gradient_is_the_slope(
    family: Family, objective: Objective, target: Target, behind: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the suspicion's part alone, in the directions of a few other tokens; also where words are half borne out."""
    monkeypatch.setattr("unhype.monitor.monitor.BEHIND", behind)
    text = FORGOTTEN.lower()
    plain = Objective(objective.victim, target)
    gradient = objective.gradients(text)[0] - plain.gradients(text)[0]
    own = SoftText(family, text).parts[0]
    assert gradient.abs().max() > 0
    for token in (100, 200, 300):
        direction = own.table[token] - own.table[own.ids[3]]
        slope = float(gradient[3, token] - gradient[3, own.ids[3]])
        lower, upper = (_at(objective, text, s * direction) - _at(plain, text, s * direction) for s in (-STEP, STEP))
        assert (upper - lower) / (2 * STEP) == pytest.approx(slope, rel=0.05)


def _at(objective: Objective, text: str, by: torch.Tensor) -> float:
    """J with the last token's vector moved."""
    soft = SoftText(objective.family, text)
    with torch.no_grad():
        soft.parts[0].leaf[3] += by
    return float(objective.differentiable(soft).detach())


def test_without_a_monitor_nothing_changes_to_the_bit(family: Family, guarded: Guarded, target: Target) -> None:
    plain = Objective(OpenGuard(guarded), target)
    for text, value in zip(TEXTS, plain.values(TEXTS), strict=True):
        assert value.suspicion == 0
        assert value == Value(value.loss, value.alarm)
        assert (value.near, value.total) == (value.loss, value.loss + WEIGHT * value.alarm)
        with torch.enable_grad():
            soft = SoftText(family, text)
            with plain.victim.predicting([text], 4, soft.vectors):
                predicted = family.predict(target.noisy, target.times, soft.text().expanded(4))
                loss = (predicted - target.wanted).square().flatten(1).mean(1) / target.scale
                (loss.mean() + WEIGHT * plain.victim.alarm([text], soft.vectors)[0]).backward()
        assert torch.equal(soft.gradients()[0], plain.gradients(text)[0])


def test_it_looks_at_noise_that_the_target_has() -> None:
    assert set(LOOKED) <= set(SHARES)


def attacked(guarded: Guarded, guard: Guard | None = None) -> Attacked:
    """A guard and its base; a guard in place of its own."""
    eraser = guarded if guard is None else Guarded(guarded.family, guard, HOW)
    return Attacked(eraser, Nothing(guarded.family, "tiny", HOW), guarded.family, JUDGE, SET)


@pytest.mark.parametrize("method", ["tokens"])
def test_who_goes_through_the_monitor(guarded: Guarded, method: str, tmp_path: Path) -> None:
    """Whoever can and is not blind; and it is said so wherever it is true."""
    bare = Guard(guarded.guard.trained, monitored=False)
    cases: list[tuple[Attacked, dict[str, bool], bool]] = [
        (attacked(guarded), {}, True),
        (attacked(guarded), {"blind": True}, False),
        (attacked(guarded), {"transfer": True}, False),
        (attacked(guarded, bare), {}, False),
    ]
    for victim, way, through in cases:
        attack = Attack(method, victim, Budget(None, 1), 0, tmp_path, **way)
        searched = victim.unguarded if attack.transfer else victim
        search: Any = methods.METHODS[method](searched, attack.sought("Cher"))
        assert (search.objective.suspicion is not None) == attack.through_monitor == through
    assert not Attack("pictures", attacked(guarded), Budget(None, 1), 0, tmp_path).through_monitor


def test_a_search_of_another_kind_is_not_gone_on_with(guarded: Guarded, tmp_path: Path) -> None:
    """What searched before the gradient went through the monitor, and what is blind, are other searches."""
    adaptive, blind = (
        Attack("tokens", attacked(guarded), Budget(None, 1), 0, tmp_path, blind=b) for b in (False, True)
    )
    for attack in (adaptive, blind):
        list(attack.run(["Cher"]))
    (own,), (other,) = (list((tmp_path / name).glob("*.search.json")) for name in ("tokens", "tokens-blind"))
    assert "through its monitor" in own.read_text()
    assert "through its monitor" not in other.read_text()
    own.write_text(own.read_text().replace(", through its monitor", ""))
    with pytest.raises(UnhypeError, match="another search"):
        list(adaptive.run(["Cher"]))
