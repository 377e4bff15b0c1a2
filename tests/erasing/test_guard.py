"""The guard on a real pipeline.

Every prompt has its own LoRA, nothing of it is in the unconditional half, and the pipeline is itself again afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unhype.adapters.lora import active
from unhype.bases.identity import identify
from unhype.bases.loading import load_pipeline
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.checkpoint import Trained
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.guard import Guard, beside
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.erasing.phrases import Reading
from unhype.erasing.switch import Switch
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.text import Text
from unhype.miniature.folders import BASE
from unhype.pictures.sampling import Sampling, sample

pytestmark = pytest.mark.slow

HOW = Sampling(steps=3, batch=4)
PROMPTS = ["a photo of Cher", "a photo of a dog", "a photo of Prince"]
SEEDS = [1, 2, 3]
FORGOTTEN = ("Cher", "Prince")
FACTS = {"base": "mini-sd", "family": "stable_diffusion", "site_table": "cross_attention"}


@pytest.fixture(scope="module")
def family(data: Path) -> Family:
    return family_of(load_pipeline(data / BASE))


@pytest.fixture(scope="module")
def switch(family: Family) -> Switch:
    return fit_to_set(
        family,
        ConceptSet(
            "toy",
            "people",
            tuple(Entry(name, "a person") for name in FORGOTTEN),
            ("Amy Adams", "Drake", "a dog", "a man"),
        ),
    )


@pytest.fixture(scope="module")
def guard(data: Path, family: Family, switch: Switch) -> Guard:
    """Not trained, but strong: what it does to a picture can't be overlooked."""
    torch.manual_seed(0)
    hypernet = Hypernet(HypernetConfig(rank=2, alpha=300.0), family.sites, family.width)
    return Guard(Trained(hypernet.eval(), switch, identify(family.parts), {**FACTS, "sha256": "x"}))


def draw(family: Family, prompts: list[str] = PROMPTS, seeds: list[int] = SEEDS, how: Sampling = HOW) -> np.ndarray:
    return np.concatenate(list(sample(family.pipeline, prompts, seeds, how)))


def test_forgotten_prompts_change_others_do_not_and_detaching_restores_every_bit(family: Family, guard: Guard) -> None:
    before = draw(family)
    with guard.attached(family.pipeline):
        during = draw(family)
    after = draw(family)
    assert np.array_equal(before, after)
    changed = np.abs(before.astype(int) - during).mean((1, 2, 3))
    assert changed[0] > 5
    assert changed[2] > 5
    assert changed[1] == 0, "a shut switch leaves the base's own picture"
    assert not family.denoiser._forward_hooks
    assert all(not module._forward_hooks for module in family.denoiser.modules())


def test_a_prompt_is_guarded_alike_alone_and_in_a_batch(family: Family, guard: Guard) -> None:
    with guard.attached(family.pipeline):
        together = draw(family)
        alone = np.concatenate([draw(family, [prompt], [seed]) for prompt, seed in zip(PROMPTS, SEEDS, strict=True)])
    assert np.abs(together.astype(int) - alone).max() <= 2


def test_it_draws_what_a_merged_static_lora_would(family: Family, guard: Guard) -> None:
    factors = guard.factors(family, ["a photo of Cher"])
    states = family.encode(["a photo of Cher"])
    noisy = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    timestep = torch.tensor([700])
    with torch.no_grad(), active(family.denoiser, factors):
        hooked = family.predict(noisy, timestep, states)
    original = {name: family.denoiser.get_submodule(name).weight.clone() for name in factors}
    try:
        with torch.no_grad():
            for name, factor in factors.items():
                family.denoiser.get_submodule(name).weight += factor.merged()[0]
            merged = family.predict(noisy, timestep, states)
    finally:
        for name, weight in original.items():
            family.denoiser.get_submodule(name).weight.data = weight
    with torch.no_grad():
        bare = family.predict(noisy, timestep, states)
    assert torch.allclose(hooked, merged, atol=1e-4)
    assert not torch.allclose(hooked, bare, atol=1e-2)


def test_two_forgotten_in_one_prompt_have_a_lora_each(family: Family, guard: Guard) -> None:
    both, one = guard.factors(family, ["Cher and Prince in the rain"]), guard.factors(family, ["Cher in the rain"])
    rank = guard.trained.hypernet.config.rank
    assert {factors.A.shape[1] for factors in both.values()} == {2 * rank}
    assert {factors.A.shape[1] for factors in one.values()} == {rank}
    read = guard.read(family, ["Drake and Cher", "Drake and Amy Adams"])
    assert read.untouched.tolist() == [False, True]


def test_without_guidance_and_with_several_pictures_a_prompt(family: Family, guard: Guard) -> None:
    with guard.attached(family.pipeline):
        plain = draw(family, how=Sampling(steps=2, guidance=1.0))
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2, 3, 4)]
        several = family.pipeline(
            PROMPTS[:2], num_inference_steps=2, num_images_per_prompt=2, generator=generators, output_type="np"
        ).images
    assert plain.shape[0] == 3
    assert several.shape[0] == 4


def test_the_dial_and_a_choice_of_concepts(family: Family, guard: Guard) -> None:
    strengths = [Guard(guard.trained, share=share).strength(family, PROMPTS[:1]).item() for share in (0.0, 0.5, 1.0)]
    assert strengths[0] == 0
    assert strengths[0] < strengths[1] < strengths[2]
    only = Guard(guard.trained, ["Prince"]).strength(family, PROMPTS)
    assert only[2] > 10 * only[0]


def test_it_fails_closed(family: Family, guard: Guard) -> None:
    embeds = family.encode(["a photo of Cher"]).states
    with guard.attached(family.pipeline):
        with pytest.raises(UnhypeError, match="wanted the prompts themselves"):
            family.pipeline(prompt_embeds=embeds, negative_prompt_embeds=embeds, num_inference_steps=1)
        with pytest.raises(UnhypeError, match="under guard already"):
            guard.attach(family.pipeline)
    detach = guard.attach(family.pipeline)
    with pytest.raises(UnhypeError, match="no guarded pipeline has read"):
        family.predict(torch.randn(1, 4, 16, 16), torch.tensor([5]), Text(embeds))
    detach()


def test_another_base_is_refused(family: Family, guard: Guard) -> None:
    identity = guard.trained.identity
    strange = replace(identity, entries={name: 1.02 * entries for name, entries in identity.entries.items()})
    with pytest.raises(UnhypeError, match=r"tensors differ, by 2\.0% on average.*train a guard for this base"):
        Guard(replace(guard.trained, identity=strange)).attach(family.pipeline)
    other = Hypernet(HypernetConfig(), family.sites[:3], family.width)
    with pytest.raises(UnhypeError, match="layers are not those"):
        Guard(Trained(other, None, identity, FACTS)).attach(family.pipeline)
    with pytest.raises(UnhypeError, match="got a pipeline of the family stable_diffusion, wanted flux"):
        Guard(replace(guard.trained, facts={**FACTS, "family": "flux"})).attach(family.pipeline)
    assert all(not module._forward_hooks for module in family.denoiser.modules())


@pytest.mark.parametrize(
    ("concepts", "message"), [(["Nobody"], "got the concept 'Nobody'"), ([], "got the concept ''")]
)
def test_unknown_choices_are_refused(guard: Guard, concepts: list[str], message: str) -> None:
    with pytest.raises(UnhypeError, match=message):
        Guard(guard.trained, concepts)
    with pytest.raises(UnhypeError, match="without a switch"):
        Guard(replace(guard.trained, switch=None), concepts)
    with pytest.raises(UnhypeError, match="share of 2"):
        Guard(guard.trained, share=2)


def test_what_both_prompts_say_counts_once() -> None:
    one = Reading(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.tensor([[0.9, 0.4]]))
    other = Reading(torch.tensor([[[0.0, 1.0], [0.5, 0.5]]]), torch.tensor([[0.4, 0.7]]))
    both = beside([one, other])
    assert both.opened.tolist() == [[pytest.approx(0.9), pytest.approx(0.4), 0.0, pytest.approx(0.7)]]
    assert beside([one]).opened.tolist() == one.opened.tolist()
