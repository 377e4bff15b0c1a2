"""The base as a witness: whoever denoises a picture best explains it best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests.families import tiny
from unhype.families.choosing import family_of
from unhype.families.text import Text
from unhype.monitor.features import view
from unhype.monitor.monitor import BEHIND, borne_out
from unhype.monitor.witness import evidence

SHAPE = (4, 8, 8)


class Knowing:
    """A base that knows a picture by heart, and draws it whatever it is given."""

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
    """Of the first picture that it knows; told nothing, it draws the second."""
    base: Any = Knowing()
    nobody = base.known[1].expand_as(latents)
    return evidence(base, latents, nobody, [(row, "0") for row in range(len(latents))]).told


def test_a_picture_of_the_concept_speaks_for_it_and_another_against() -> None:
    concept, other = told(Knowing().known)
    assert float(concept) > 0.5
    assert float(other) < 0


def test_half_a_picture_is_enough() -> None:
    known, stranger = Knowing().known, torch.randn(*SHAPE, generator=torch.Generator().manual_seed(2))
    beside = torch.cat([known[0][:, :, :4], stranger[:, :, 4:]], 2)
    assert float(told(beside[None])) > 0.3
    assert float(told(beside[None])) > float(told(stranger[None])) + 0.2


def test_a_name_is_behind_the_prompt_that_drew_a_stranger_and_not_behind_its_own() -> None:
    base: Any = Knowing()
    nobody = torch.zeros(2, *SHAPE)
    own = base.remembered(["0", "1"])
    told, behind = evidence(base, base.known, nobody, [(0, "0"), (1, "0")], own)
    assert told[0] > 0.5 > told[1]
    assert float(behind[0]) == pytest.approx(0, abs=1e-6)
    assert behind[1] > BEHIND[1]
    assert borne_out(behind).tolist() == [1, 0]
    middle = torch.tensor([-1.0, sum(BEHIND) / 2, 9.0])
    assert borne_out(middle).tolist() == pytest.approx([1, 0.5, 0])


def test_a_picture_is_judged_alone_and_each_time_the_same() -> None:
    latents = torch.randn(5, *SHAPE)
    assert torch.allclose(told(latents)[3:4], told(latents[3:4]))
    assert torch.equal(told(latents), told(latents))


@pytest.mark.parametrize("build", [tiny.sd1, tiny.sd2, tiny.sdxl, tiny.flux_dev, tiny.flux_schnell])
def test_every_family_can_be_asked(build: Any) -> None:
    family = family_of(build())
    latents = torch.randn(2, *family.latent_shape)
    clean = view(family, latents).clean
    own, suspects = family.encode(["a dog", "Cher"]), [(1, "Cher"), (0, "Cher"), (0, "Adam Driver")]
    for found, alone in zip(
        evidence(family, latents, clean, suspects, own),
        evidence(family, latents[:1], clean[:1], [(0, "Cher")], own[:1]),
        strict=True,
    ):
        assert found.isfinite().all()
        assert found.shape == (3,)
        assert found[1:].abs().min() > 1e-6
        assert torch.allclose(found[1:2], alone, atol=1e-3)
    silent = evidence(family, latents, clean, suspects)
    assert torch.equal(silent.told, evidence(family, latents, clean, suspects, own).told)
    assert not silent.behind.any()


@pytest.mark.parametrize("build", [tiny.sd1, tiny.sd2, tiny.flux_dev, tiny.flux_schnell])
def test_what_was_seen_without_words_is_what_the_empty_prompt_would_draw(build: Any) -> None:
    """So a suspect costs no more than its own row. (XL says nothing by zeros, not by the empty prompt.)"""
    family = family_of(build())
    latents = torch.randn(2, *family.latent_shape)
    none = evidence(family, latents, view(family, latents).clean, [(0, ""), (1, "")]).told
    assert none.abs().max() < 1e-4
