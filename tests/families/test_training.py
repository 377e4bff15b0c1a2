"""A short training on every family: what is forgotten moves towards its anchor, what is kept does not move."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.families.guards import SET
from tests.families.test_as_the_pipeline import unit_noise
from tests.families.training import prepared, settings
from unhype.adapters.lora import active
from unhype.bases.identity import identify
from unhype.erasing.checkpoint import Trained
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.losses import guided_target
from unhype.erasing.material import Shares
from unhype.erasing.trainer import Trainer
from unhype.families.family import Family

pytestmark = pytest.mark.slow

FORGOTTEN = ["a photo of Cher", "Adam Driver in the rain", "a painting of Cher"]
ANCHORS = ["a photo of a woman", "a man in the rain", "a painting of a woman"]
RETAINED = ["a photo of Drake", "a painting of Bob Marley", "Drake in the rain"]


def trained(family: Family, folder: Path, switched: bool) -> Guard:
    # Sixty steps say little of what a LoRA must leave alone: most of their rows are about who must go.
    material, switch = prepared(family, folder / "images", switched, shares=Shares(pairs=0.4, kept=0.1))
    how = settings(60, switch=switched, retain=0.3)
    trainer = Trainer(
        family, how, material, lambda: Hypernet(how.hypernet, family.sites, family.width).bind(family.denoiser)
    )
    losses = [report.loss for report in trainer.run(folder / "training.safetensors")]
    assert len(losses) == 60
    assert all(loss == loss for loss in losses), "not a number"
    facts = {"base": "tiny", "family": family.name, "site_table": family.table}
    return Guard(Trained(trainer.emitter, switch, identify(family.parts), facts))


@torch.no_grad()
def left(family: Family, guard: Guard) -> float:
    """The task's error on forgotten prompts at one noise, as a share of the bare base's."""
    times = family.time_at(0.8, len(FORGOTTEN))
    noisy = family.noised(unit_noise(family, 3), unit_noise(family, 3).flip(0), times)
    text = family.encode(FORGOTTEN)
    bare, anchor = family.predict(noisy, times, text), family.predict(noisy, times, family.encode(ANCHORS))
    target = guided_target(bare, anchor, gamma=0.25, share=torch.ones(3))
    with active(family.denoiser, guard.factors(family, FORGOTTEN)):
        guarded = family.predict(noisy, times, text)
    return float(((guarded - target) ** 2).sum() / ((bare - target) ** 2).sum())


def test_forgotten_comes_near_its_anchor_and_retained_has_no_lora(on_every_table: Family, tmp_path: Path) -> None:
    guard = trained(on_every_table, tmp_path, switched=True)
    assert guard.switch is not None
    assert guard.switch.concepts == tuple(entry.concept for entry in SET.forget)
    assert left(on_every_table, guard) < 0.9
    assert guard.strength(on_every_table, RETAINED).tolist() == [0.0, 0.0, 0.0]
    assert guard.strength(on_every_table, FORGOTTEN).min() > 0


def test_without_a_switch_retained_has_a_weaker_lora(family: Family, tmp_path: Path) -> None:
    guard = trained(family, tmp_path, switched=False)
    assert left(family, guard) < 0.9
    assert guard.strength(family, RETAINED).mean() < guard.strength(family, FORGOTTEN).mean()
