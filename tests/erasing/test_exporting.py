"""An exported file draws what the guard draws: through diffusers' own load_lora_weights, in every format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from unhype.adapters.lora import active
from unhype.bases.identity import identify
from unhype.bases.loading import load_pipeline
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.checkpoint import Trained
from unhype.erasing.exporting import concepts_of, export, export_all
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.lora_files import FORMATS
from unhype.miniature.folders import BASE
from unhype.pictures.sampling import Sampling, sample

pytestmark = pytest.mark.slow

PROMPT = "Cher and Prince in the rain"
PLAIN = Sampling(steps=3, guidance=1.0)


@pytest.fixture(scope="module")
def family(data: Path) -> Family:
    return family_of(load_pipeline(data / BASE))


@pytest.fixture(scope="module")
def guard(family: Family) -> Guard:
    """Not trained, but strong: what it does to a picture can't be overlooked."""
    forget = tuple(Entry(name, "a person") for name in ("Cher", "Prince"))
    switch = fit_to_set(family, ConceptSet("toy", "people", forget, ("Amy Adams", "Drake", "a dog", "a man")))
    torch.manual_seed(0)
    hypernet = Hypernet(HypernetConfig(rank=2, alpha=300.0), family.sites, family.width)
    facts = {"base": BASE.name, "family": "stable_diffusion", "site_table": "cross_attention", "concepts": "toy"}
    return Guard(Trained(hypernet.eval(), switch, identify(family.parts), {**facts, "sha256": "x"}))


def draw(family: Family) -> np.ndarray:
    return np.concatenate(list(sample(family.pipeline, [PROMPT], [7], PLAIN))).astype(int)


@torch.no_grad()
def predicted(family: Family) -> torch.Tensor:
    noisy = torch.randn(1, *family.latent_shape, generator=torch.Generator().manual_seed(0))
    return family.predict(noisy, torch.tensor([700]), family.encode([PROMPT]))


@pytest.mark.parametrize("form", FORMATS)
def test_load_lora_weights_draws_what_the_guard_draws(form: str, family: Family, guard: Guard, tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="the extra `export` is not installed")
    bare, bare_prediction = draw(family), predicted(family)
    with guard.attached(family.pipeline):
        guarded = draw(family)
    with active(family.denoiser, guard.factors(family, [PROMPT])):
        wanted = predicted(family)
    export(guard, family, PROMPT, form).write(tmp_path / "lora.safetensors")
    family.pipeline.load_lora_weights(tmp_path / "lora.safetensors")
    try:
        loaded, prediction = draw(family), predicted(family)
    finally:
        family.pipeline.unload_lora_weights()
    assert torch.allclose(prediction, wanted, atol=1e-4)
    assert not torch.allclose(prediction, bare_prediction, atol=1e-2)
    assert np.abs(loaded - guarded).max() <= 1
    assert np.abs(loaded - bare).mean() > 5
    assert np.array_equal(draw(family), bare)


def test_a_file_says_what_it_is(family: Family, guard: Guard, tmp_path: Path) -> None:
    export(guard, family, PROMPT, "kohya").write(tmp_path / "lora.safetensors")
    with safe_open(tmp_path / "lora.safetensors", framework="pt") as file:
        told = file.metadata()
        down = file.get_tensor(next(key for key in file.keys() if key.endswith(".lora_down.weight")))  # noqa: SIM118
    assert down.shape[0] == 4 == int(told["unhype.rank"]) == int(told["unhype.alpha"]), "two phrases of rank 2"
    assert told["unhype.prompt"] == PROMPT
    assert told["unhype.concepts"] == "toy"
    assert told["unhype.guard"] == "x"
    assert told["unhype.base_identity"] == identify(family.parts).label
    assert told["ss_network_dim"] == "4"


def test_what_opens_nothing_is_refused(family: Family, guard: Guard) -> None:
    with pytest.raises(UnhypeError, match=r"got the prompt 'a dog', for which this guard emits no LoRA.*Cher, Prince"):
        export(guard, family, "a dog", "peft")
    with pytest.raises(UnhypeError, match="emits no LoRA"):
        export(Guard(guard.trained, share=0.0), family, PROMPT, "peft")


def test_all_concepts_have_a_file_and_an_index(family: Family, guard: Guard, tmp_path: Path) -> None:
    prompts = {"Cher": "Cher", "Prince": "Prince", "cher!": "a dog"}
    assert list(export_all(guard, family, prompts, "diffusers", tmp_path)) == list(prompts)
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert [entry["file"] for entry in index["files"]] == ["cher.safetensors", "prince.safetensors", None]
    assert index["base_identity"] == guard.trained.identity.label
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cher.safetensors", "index.json", "prince.safetensors"]
    assert concepts_of(guard) == ("Cher", "Prince")
