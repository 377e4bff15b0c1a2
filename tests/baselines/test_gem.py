"""GEM: its loss, the path it trains on, and that a short training moves a concept to its anchor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.families import tiny
from tests.families.guards import HOW, SET
from tests.families.training import prepared
from unhype.baselines.case import Case
from unhype.baselines.gem import Gem, _path, contrast
from unhype.baselines.weights import replaced
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.prompts.tables import training_tables
from unhype.training import Schedule


def test_the_loss_is_the_difference_of_two_distances_and_never_below_zero() -> None:
    near, far = torch.zeros(2, 3), torch.tensor([[3.0, 0, 0], [3.0, 0, 0]])
    theta = torch.tensor([[1.0, 0, 0], [2.0, 0, 0]])
    assert contrast(theta, near, far, eta=1.0) == pytest.approx((0 + 1) / 2)
    assert contrast(theta, near, far, eta=0.25) == pytest.approx((1 - 0.5 + 2 - 0.25) / 2)
    assert contrast(near, near, far, eta=0.0) == 0


@pytest.fixture(scope="module")
def family() -> Family:
    return family_of(tiny.flux_dev())


def test_it_lies_on_queries_and_keys_of_double_blocks_alone(family: Family) -> None:
    names = {site.name for site in family.joint_layers}
    wanted = ("to_q", "to_k", "add_q_proj", "add_k_proj")
    assert names == {f"transformer_blocks.{i}.attn.{layer}" for i in range(2) for layer in wanted}
    assert not family_of(tiny.sd1()).joint_layers


def test_the_path_is_the_samplers_own(family: Family) -> None:
    text = family.encode(["a photo of Cher", "a photo of Drake"])
    places, times = _path(family, text, 4, 3, 2.0, np.random.default_rng(0))
    path = family.trajectory(4)
    assert times.tolist() == [t for time in path.times[:3].tolist() for t in (time, time)]
    first, second = places.view(3, 2, *family.latent_shape)[:2]
    velocity = family.guided(first, times[:2], text, text, 2.0)
    assert torch.allclose(second, first + (path.times[1] - path.times[0]) * velocity, atol=1e-5)


@pytest.mark.slow
def test_a_short_training_leads_from_the_concept_to_its_anchor_and_resumes(family: Family, tmp_path: Path) -> None:
    tables = training_tables(SET)
    material, _ = prepared(family, tmp_path / "images", switched=False, pairs=False)
    method = Gem(Schedule(steps=30, batch=8, rate=1e-2))
    case = Case(family, "tiny", tables["train"], tables["retain"], material, HOW, 0, tmp_path / "whole")
    losses = [step.loss for step in method.fit(case)]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])

    prompts, anchors = list(tables["train"]["prompt"][:4]), list(tables["train"]["anchor_prompt"][:4])
    noise = torch.randn(4, *family.latent_shape, generator=torch.Generator().manual_seed(0))
    times = family.time_at(1.0, 4)
    with torch.no_grad():
        concept, anchor = (family.predict(noise, times, family.encode(side)) for side in (prompts, anchors))
        with replaced(family.bare_denoiser, case.fitted("gem")):
            after = family.predict(noise, times, family.encode(prompts))
    before, now = (contrast(velocity, anchor, concept, eta=1.0) for velocity in (concept, after))
    assert now < 0.5 * before, "on noise that it was not trained on"

    stopped = replace(case, folder=tmp_path / "stopped")
    steps = method.fit(stopped)
    for _ in range(12):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert next(step.step for step in method.fit(stopped)) == 13
    list(method.fit(stopped))
    again = stopped.fitted("gem")
    assert all(torch.equal(weight, again[name]) for name, weight in case.fitted("gem").items())
