"""A family that nobody here knows: one class, one line in the list, and every room works on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.families import toy
from tests.families.guards import draw
from tests.families.test_rivals import RIVALS, case_of, fitted, method_of
from tests.families.training import prepared, settings
from unhype.bases.identity import identify
from unhype.erasing.checkpoint import Trained, save
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.trainer import Trainer
from unhype.errors import UnhypeError
from unhype.families import choosing
from unhype.families.choosing import family_of
from unhype.families.family import Family

PROMPTS = ["a photo of Cher", "a photo of Drake"]


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Family:
    monkeypatch.setattr(choosing, "FAMILIES", [*choosing.FAMILIES, toy.Toy])
    return family_of(toy.Pipeline())


def test_a_family_that_is_not_in_the_list_is_refused() -> None:
    with pytest.raises(UnhypeError, match=r"got a Pipeline, wanted .* stable_diffusion, sdxl, flux: .*README.md"):
        family_of(toy.Pipeline())


def test_it_is_trained_guarded_saved_and_drawn_with(family: Family, tmp_path: Path) -> None:
    assert choosing.named("toy") is toy.Toy
    before = draw(family, PROMPTS)
    material, switch = prepared(family, tmp_path / "images", switched=True)
    how = settings(2)
    trainer = Trainer(
        family, how, material, lambda: Hypernet(how.hypernet, family.sites, family.width).bind(family.denoiser)
    )
    assert len(list(trainer.run(tmp_path / "training.safetensors"))) == 2
    facts = {"base": "toy", "family": family.name, "site_table": family.table}
    save(Trained(trainer.emitter, switch, identify(family.parts), facts), tmp_path / "guard")
    guard = Guard.load(tmp_path / "guard")
    assert guard.strength(family, PROMPTS)[1] == 0
    with guard.attached(family.pipeline):
        during = draw(family, PROMPTS)
    assert not np.array_equal(during[0], before[0])
    assert np.array_equal(during[1], before[1])
    assert np.array_equal(draw(family, PROMPTS), before)


@pytest.mark.slow
def test_every_rival_works_on_it(family: Family, tmp_path: Path) -> None:
    case, before = case_of(family, tmp_path, "toy"), draw(family, PROMPTS)
    for name in set(RIVALS) - {"gem"}:  # for rectified flows alone
        method = method_of(name, tmp_path)
        fitted(method, case)
        assert np.concatenate(list(method.eraser(case).draw(PROMPTS, [1, 2]))).shape == (2, 8, 8, 3), name
        assert np.array_equal(draw(family, PROMPTS), before), name
