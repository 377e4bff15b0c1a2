"""What is drawn is worked out where somebody looks, and nowhere else."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.families import tiny
from unhype.adapters.looking import Drawn
from unhype.adapters.onlooker import looking_on
from unhype.adapters.watching import is_guarded
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling

HOW = Sampling(steps=4, guidance=3.0, batch=2)


@pytest.fixture(params=["sd1", "flux_dev"])
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


class Looker:
    """Sees nothing, and notes what it is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[float, torch.Tensor]] = []

    def look(self, family: Any, drawn: Drawn, seen: Sequence[Sequence[int]]) -> list[int]:
        self.shown.append((drawn.share, drawn.latents))
        assert (family.share_of(drawn.times) == drawn.share).all()
        return [-1] * len(drawn.said)


@pytest.mark.parametrize(("steps", "share"), [(8, 0.3), (8, 0.0), (1, 0.2)])
def test_a_picture_is_worked_out_once(
    family: Family, steps: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the call that comes late enough, or after the last where none does: never at each of the calls."""
    worked: list[Any] = []
    whole = type(family).drawn_in
    monkeypatch.setattr(type(family), "drawn_in", lambda self, *given: worked.append(given) or whole(self, *given))
    looker = Looker()
    with looking_on(family, share, looker.look):
        list(family.draw(["Cher", "a dog"], range(2), replace(HOW, steps=steps)))
    assert len(worked) == len(looker.shown) == 1
    assert looker.shown[0][1].shape == (2, *family.latent_shape)


def test_the_last_call_is_looked_at_as_it_was(family: Family) -> None:
    """Whoever watches every call sees the same at the last, whatever the pipeline wrote over it meanwhile."""
    last, every, given = Looker(), list[torch.Tensor](), list[torch.Tensor]()
    signature = inspect.signature(type(family.denoiser).forward)
    decode = family.pipeline.vae.decode

    def noting(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        given.extend(part for part in (*output, *args, *kwargs.values()) if isinstance(part, torch.Tensor))
        every.append(family.drawn_in(signature.bind_partial(module, *args, **kwargs).arguments, output)[0].clone())

    def overwriting(*args: Any, **options: Any) -> Any:
        for part in given:
            part.zero_()
        return decode(*args, **options)

    with looking_on(family, 0.0, last.look), pytest.MonkeyPatch.context() as patch:
        handle = family.denoiser.register_forward_hook(noting, with_kwargs=True)
        patch.setattr(family.pipeline.vae, "decode", overwriting)
        list(family.draw(["Cher", "a dog"], range(2), HOW))
        handle.remove()
    assert len(every) == HOW.steps
    assert len(last.shown) == 1
    assert torch.equal(last.shown[0][1], every[-1][-2:])


def test_the_pipeline_is_bare_afterwards(family: Family) -> None:
    with pytest.raises(ZeroDivisionError), looking_on(family, 1.0, lambda *given: 1 // 0):  # type: ignore[arg-type]
        list(family.draw(["Cher"], [0], Sampling(steps=2, guidance=3.0)))
    assert not is_guarded(family.pipeline)
