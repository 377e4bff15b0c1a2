"""Times of flow matching: the sampler's own shift, for few tokens too, and the laws by which training draws them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.flux.pipeline_flux import calculate_shift

from tests.families.test_refused import refused
from tests.families.training import settings
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.material import Material
from unhype.erasing.phrases import Reading
from unhype.erasing.trainer import Trainer
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.flow import LAWS, drawn, mu_of, shift_of, shifted, unshifted
from unhype.params import Params
from unhype.pipeline.job import open_job

TOKENS = (16, 64, 256, 1024, 4096)
"""Of pictures of 16 to 1024 pixels; below 256 tokens diffusers goes on along its line."""

DYNAMIC = {"use_dynamic_shifting": True, "shift": 3.0}
SCHEDULES: dict[str, dict[str, Any]] = {
    "dev": DYNAMIC,
    "schnell": {"use_dynamic_shifting": False, "shift": 1.0},
    "static": {"use_dynamic_shifting": False, "shift": 3.0},
    "linear": {**DYNAMIC, "time_shift_type": "linear"},
    "of its own": {**DYNAMIC, "base_shift": 0.2, "max_shift": 2.0, "base_image_seq_len": 64, "max_image_seq_len": 512},
}


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_steps_are_shifted_as_the_sampler_shifts_them(name: str, tokens: int) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(**SCHEDULES[name])
    keys = {"base_image_seq_len": "base_seq_len", "max_image_seq_len": "max_seq_len"}
    own = {keys.get(key, key): value for key, value in SCHEDULES[name].items() if key.startswith(("base", "max"))}
    mu = calculate_shift(tokens, **own)
    assert mu_of(scheduler, tokens) == pytest.approx(mu)
    even = np.linspace(1.0, 1 / 20, 20)
    scheduler.set_timesteps(sigmas=even, mu=mu)
    a = shift_of(scheduler, tokens)
    np.testing.assert_allclose(shifted(even, a), scheduler.sigmas[:-1].numpy(), rtol=1e-5)
    np.testing.assert_allclose([unshifted(float(sigma), a) for sigma in shifted(even, a)], even, rtol=1e-6)
    assert [unshifted(edge, a) for edge in (0.0, 1.0)] == [0.0, 1.0]


def test_few_tokens_are_shifted_less_than_many_and_still_upwards() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(**DYNAMIC)
    shifts = [shift_of(scheduler, tokens) for tokens in TOKENS]
    assert shifts == sorted(shifts)
    assert shifts[1] == pytest.approx(np.exp(0.5 - 192 * 0.65 / 3840))
    assert shifts[0] > 1


def sample(law: str, earliest: float, a: float, n: int = 40_000) -> np.ndarray:
    found = drawn(n, np.random.default_rng(0), a, earliest, law)
    assert found.dtype == torch.float32
    return found.double().numpy()


@pytest.mark.parametrize("earliest", [0.0, 0.2, 0.7])
def test_uniform_is_uniform_in_the_samplers_own_steps(earliest: float) -> None:
    """Of the steps above the earliest, each stretch between two is met as often as another."""
    scheduler = FlowMatchEulerDiscreteScheduler(**DYNAMIC)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / 50, 50), mu=mu_of(scheduler, 64))
    sigmas = scheduler.sigmas.double().numpy()[::-1]
    edges = sigmas[sigmas >= earliest]
    counts, _ = np.histogram(sample("uniform", earliest, shift_of(scheduler, 64)), edges)
    share = 40_000 / (50 * (1 - unshifted(earliest, shift_of(scheduler, 64))))
    np.testing.assert_allclose(counts, share, atol=5 * share**0.5)


@pytest.mark.parametrize("law", LAWS)
def test_what_is_left_above_the_earliest_keeps_its_law(law: str) -> None:
    whole, above = sample(law, 0.0, 1.6, 120_000), sample(law, 0.4, 1.6)
    assert above.min() >= 0.4
    assert 0 <= whole.min() < 0.1
    assert whole.max() <= 1
    quantiles = np.linspace(0.02, 0.98, 25)
    wanted = np.quantile(whole[whole >= 0.4], quantiles)
    np.testing.assert_allclose(np.quantile(above, quantiles), wanted, atol=0.006)


def test_logit_normal_is_a_logistic_of_a_normal_in_the_steps() -> None:
    sigma = torch.from_numpy(sample("logit_normal", 0.0, 1.6))
    normal = torch.logit(sigma / (1.6 - 0.6 * sigma))
    assert float(normal.mean()) == pytest.approx(0, abs=0.02)
    assert float(normal.std()) == pytest.approx(1, abs=0.02)
    assert float((normal.abs() < 1).double().mean()) == pytest.approx(0.6827, abs=0.01)


def test_training_draws_by_the_law_of_its_settings(pipelines: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    family, asked = family_of(pipelines["flux_dev"]), []
    times = type(family).times
    monkeypatch.setattr(type(family), "times", lambda *given: asked.append(given[-1]) or times(*given))
    for law, wanted in (("", ""), ("logit_normal", "logit_normal")):
        trainer = trainer_of(family, law)
        trainer._loss(0, np.random.default_rng(0))
        assert asked[-1] == wanted
    different = [family.times(64, np.random.default_rng(0), 0.2, law) for law in LAWS]
    assert not torch.equal(*different)
    assert torch.equal(family.times(64, np.random.default_rng(0), 0.2), different[0])


def trainer_of(family: Any, law: str) -> Trainer[Hypernet]:
    how = settings(1, times=law)
    how = replace(how, schedule=replace(how.schedule, batch=2))
    reading = Reading(torch.zeros(1, 1, family.width), torch.ones(1, 1))
    latents = torch.zeros(1, *family.latent_shape)
    material = Material(["a man"], ["a dog"], reading, reading, latents, np.zeros((1, 1), dtype=np.int64))
    return Trainer(
        family, how, material, lambda: Hypernet(how.hypernet, family.sites, family.width).bind(family.denoiser)
    )


def test_laws_that_a_family_does_not_have(pipelines: dict[str, Any]) -> None:
    for name, law in (("sd1", "logit_normal"), ("flux_dev", "cosine")):
        with pytest.raises(UnhypeError, match=f"got the times '{law}' for .*, wanted one of uniform") as error:
            trainer_of(family_of(pipelines[name]), law)
        assert "training.times of params.yaml" in refused(error)


@pytest.mark.parametrize("choice", [{"times": "logit_normal"}, {"sites": "published"}, {"reads": "states"}])
def test_a_job_with_choices_of_another_family_is_not_opened(choice: dict[str, str], data: Path, tmp_path: Path) -> None:
    params = replace(Params(), training=replace(Params().training, **choice))
    with pytest.raises(UnhypeError, match=f"for stable_diffusion, wanted one of .* in training.{next(iter(choice))}"):
        open_job(params, "celeb10", "mini-sd", data, tmp_path / "build")
