"""Names of models: a set's on the miniature, with the base's own elsewhere; an alias and its hub id are one base."""

from __future__ import annotations

import pytest

from unhype.names import check_name
from unhype.registry.naming import model_name


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("mini-sd", "unhype-celeb100"),
        ("data/bases/mini-sd", "unhype-celeb100"),
        ("mini-flux", "unhype-celeb100-mini-flux"),
        ("sd14", "unhype-celeb100-sd14"),
        ("CompVis/stable-diffusion-v1-4", "unhype-celeb100-sd14"),
        ("somebody/SD.1.5 tuned", "unhype-celeb100-SD-1-5-tuned"),
        ("./mine/", "unhype-celeb100-mine"),
        ("~/models/a.b.safetensors", "unhype-celeb100-a-b"),
        ("..", "unhype-celeb100-base"),
    ],
)
def test_a_model_is_called_by_set_and_base(base: str, name: str) -> None:
    assert model_name("celeb100", base) == name
    check_name(name, "the model name")
