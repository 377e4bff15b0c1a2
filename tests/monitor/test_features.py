"""What the base makes of a picture: alike whatever stands beside it, and however the base is compiled."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

from tests.families import tiny
from tests.families.toy import Pipeline, Toy
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.monitor.features import CHANNELS, view


@pytest.fixture(params=["sd1", "sd2", "sdxl", "flux_dev", "flux_schnell"])
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


def features_of(family: Family, latents: torch.Tensor) -> torch.Tensor:
    return view(family, latents).features


def pictures(family: Family, n: int) -> torch.Tensor:
    return torch.randn(n, *family.latent_shape, generator=torch.Generator().manual_seed(0))


def test_a_picture_is_seen_alone_and_each_time_the_same(family: Family) -> None:
    latents = pictures(family, 3)
    found = features_of(family, latents)
    assert found.isfinite().all()
    assert found.shape[2:] == tuple(side // 2 for side in latents.shape[2:])
    assert torch.equal(found, features_of(family, latents))
    assert torch.allclose(found[1:2], features_of(family, latents[1:2]), atol=1e-3)
    assert not torch.allclose(found[1], found[2], atol=1e-2)


def test_it_is_seen_where_it_is(family: Family) -> None:
    """What changes in a corner changes that corner most."""
    one = pictures(family, 1)
    other = one.clone()
    other[:, :, :2, :2] += 3
    change = (features_of(family, one) - features_of(family, other)).abs().mean((0, 1))
    assert change[0, 0] > change[change.shape[0] // 2 :, change.shape[1] // 2 :].mean()


def test_nothing_is_left_behind(family: Family) -> None:
    features_of(family, pictures(family, 1))
    assert not any(block._forward_hooks for block in family.feature_blocks)


def test_another_threads_calls_are_not_its_own() -> None:
    family = family_of(tiny.sd1())
    latents = pictures(family, 2)
    expected = features_of(family, latents[:1])

    def disturb(module: Any, args: Any, output: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(
                target=lambda: family.predict(latents[1:], family.time_at(0.9, 1), family.encode(["Cher"]))
            )
            other.start()
            other.join()

    handle = family.pipeline.unet.conv_out.register_forward_hook(disturb)
    try:
        assert torch.equal(features_of(family, latents[:1]), expected)
    finally:
        handle.remove()


@pytest.mark.slow
def test_a_compiled_denoiser_says_the_same() -> None:
    family = family_of(tiny.sd1())
    latents = pictures(family, 1)
    expected = features_of(family, latents)
    family.pipeline.unet.compile(backend="eager")
    family.predict(latents, family.time_at(0.5, 1), family.encode(["Cher"]))
    assert torch.allclose(features_of(family, latents), expected, atol=1e-4)


def test_wide_blocks_are_projected_and_keep_their_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    family = family_of(tiny.sd1())
    latents = pictures(family, 6)
    plain = features_of(family, latents)
    monkeypatch.setattr("unhype.monitor.features.CHANNELS", 8)
    narrow = features_of(family, latents)
    assert narrow.shape[1] == 8 * len(family.feature_blocks) < plain.shape[1]
    far = [torch.cdist(each.flatten(1), each.flatten(1))[~torch.eye(6, dtype=torch.bool)] for each in (plain, narrow)]
    assert float(torch.corrcoef(torch.stack(far))[0, 1]) > 0.5
    assert max(plain.shape[1:2]) <= CHANNELS * len(family.feature_blocks)


def test_a_family_that_names_no_blocks_cannot_be_looked_through() -> None:
    with pytest.raises(UnhypeError, match=r"whose blocks nobody has named.*monitor: when: never"):
        view(Toy(Pipeline()), torch.zeros(1, 4, 8, 8))
