"""The base as a witness: whoever denoises a picture best explains it best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests.families import tiny
from unhype.families.choosing import family_of
from unhype.families.text import Text
from unhype.monitor.witness import SHARES, evidence

SHAPE = (4, 8, 8)


class Knowing:
    """A base that knows two pictures by heart, and draws the one or the other, whatever it is given."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.known = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1))

    def time_at(self, share: float, n: int) -> torch.Tensor:
        return torch.full((n,), share)

    def noised(self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return torch.lerp(latents, noise, times.view(-1, 1, 1, 1))

    def predict(self, noisy: torch.Tensor, times: torch.Tensor, text: Text) -> torch.Tensor:
        return self.known[text.states[:, 0, 0].long()]

    def clean(self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        return predicted

    def remembered(self, sentences: Sequence[str]) -> Text:
        return Text(torch.tensor([float(sentence) for sentence in sentences]).view(-1, 1, 1))


def told(latents: torch.Tensor) -> torch.Tensor:
    base: Any = Knowing()
    return evidence(base, latents, [(row, "0") for row in range(len(latents))], ["1"])


def test_a_picture_of_the_concept_speaks_for_it_and_one_of_the_anchor_against() -> None:
    known = Knowing().known
    found = told(known)
    assert found.shape == (2, len(SHARES))
    assert (found[0] > 0.5).all()
    assert (found[1] <= 0).all() or (found[1] < found[0]).all()


def test_half_a_picture_is_enough() -> None:
    known, stranger = Knowing().known, torch.randn(*SHAPE, generator=torch.Generator().manual_seed(2))
    beside = torch.cat([known[0][:, :, :4], stranger[:, :, 4:]], 2)
    assert (told(beside[None]) > 0.3).all()
    assert (told(beside[None]) > told(stranger[None]) + 0.2).all()


def test_a_picture_is_judged_alone_and_each_time_the_same() -> None:
    latents = torch.randn(5, *SHAPE)
    assert torch.allclose(told(latents)[3:4], told(latents[3:4]))
    assert torch.equal(told(latents), told(latents))


@pytest.mark.parametrize("build", [tiny.sd1, tiny.sd2, tiny.sdxl, tiny.flux_dev, tiny.flux_schnell])
def test_every_family_can_be_asked(build: Any) -> None:
    family = family_of(build())
    latents = torch.randn(2, *family.latent_shape)
    suspects = [(1, "Cher"), (0, "Cher"), (0, "Adam Driver")]
    found = evidence(family, latents, suspects, ["a man", "a woman"])
    same = evidence(family, latents, suspects[:2], ["Cher"])
    alone = evidence(family, latents[:1], [(0, "Cher")], ["a man", "a woman"])
    assert found.isfinite().all()
    assert found.shape == (3, len(SHARES))
    assert (same.abs() < 1e-4).all()
    assert torch.allclose(found[1:2], alone, atol=1e-3)
    assert not torch.allclose(found[:2], same, atol=1e-6)
