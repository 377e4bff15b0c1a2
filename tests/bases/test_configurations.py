"""Shipped configurations: the parameters that they describe are those that were published."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from unhype.bases.aliases import ALIASES
from unhype.bases.configurations import configurations
from unhype.bases.finding import Source, find_base
from unhype.errors import UnhypeError
from unhype.families.skeleton import parameters, skeleton

MILLION = 1_000_000

PUBLISHED = {
    "sd14": {"unet": 860, "text_encoder": 123, "vae": 84},
    "sd15": {"unet": 860, "text_encoder": 123, "vae": 84},
    "sd21": {"unet": 866, "text_encoder": 340, "vae": 84},
    "sdxl": {"unet": 2567, "text_encoder": 123, "text_encoder_2": 695, "vae": 84},
    "flux-dev": {"transformer": 11_901, "text_encoder": 123, "text_encoder_2": 4762, "vae": 84},
    "flux-schnell": {"transformer": 11_891, "text_encoder": 123, "text_encoder_2": 4762, "vae": 84},
}
"""Base → part → millions of parameters, rounded."""

SITES = {"sd14": 32, "sd15": 32, "sd21": 32, "sdxl": 140, "flux-dev": 2, "flux-schnell": 2}
"""Of the family's first choice; the published 95 of Flux are counted in tests/families/test_adapted.py."""


@pytest.mark.slow
@pytest.mark.parametrize("base", PUBLISHED)
def test_parameters_are_the_published_ones(base: str, tmp_path: Path) -> None:
    family = skeleton(configurations(find_base(base, tmp_path)), torch.bfloat16)
    found = {name: round(count / MILLION) for name, count in parameters(family).items()}
    assert found == PUBLISHED[base]
    assert len(family.sites) == SITES[base]
    assert all(p.is_meta for part in family.parts.values() for p in part.parameters())


def test_every_alias_ships_its_configuration() -> None:
    assert set(PUBLISHED) == set(ALIASES)
    for alias, hub in ALIASES.items():
        assert "vae" in configurations(Source(alias, hub=hub))


def test_a_folder_says_its_own(data: Path) -> None:
    found = configurations(find_base("mini-sd", data))
    assert set(found) == {"unet", "vae", "text_encoder", "tokenizer", "scheduler"} - {"scheduler"}
    assert found["unet"]["_class_name"] == "UNet2DConditionModel"
    assert found["tokenizer"]["model_max_length"] == 48


def test_what_has_no_configuration_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match=r"got nobody/nothing, whose configuration is not here, wanted one of sd14"):
        configurations(find_base("nobody/nothing", tmp_path))
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(UnhypeError, match="damaged diffusers folder"):
        configurations(Source("x", folder=tmp_path))
