"""A guarded pipeline in threads, and without a trace after detaching."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import DDIMScheduler, StableDiffusionPipeline

from tests.erasing.conftest import NAME, OTHER, draw, guards
from unhype.adapters.watching import is_guarded
from unhype.erasing.guard import Guard

pytestmark = pytest.mark.slow


def in_threads(*calls: Callable[[], np.ndarray]) -> list[np.ndarray]:
    found: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=lambda i=i, c=call: found.__setitem__(i, c())) for i, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[i] for i in range(len(calls))]


@pytest.mark.parametrize("shared", [True, False])
def test_two_threads_draw_what_each_draws_alone(pipe: Any, strong: Guard, shared: bool) -> None:
    scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    other = StableDiffusionPipeline.from_pipe(pipe, scheduler=scheduler) if shared else copy.deepcopy(pipe)
    with strong.attached(pipe), strong.attached(other):
        alone = draw(pipe, [NAME, OTHER], 4), draw(other, [OTHER, NAME], 4)
        together = in_threads(lambda: draw(pipe, [NAME, OTHER], 4), lambda: draw(other, [OTHER, NAME], 4))
    assert all(np.array_equal(*pair) for pair in zip(alone, together, strict=True))


def state(pipe: Any) -> list[Any]:
    found: list[Any] = [type(pipe), {name: id(value) for name, value in vars(pipe).items()}]
    for part in (pipe.unet, pipe.text_encoder, pipe.vae):
        for name, module in part.named_modules():
            hooks = {key: list(value) for key, value in vars(module).items() if "hooks" in key and value is not None}
            found.append((name, type(module), sorted(vars(module)), hooks, module.training))
        found.append([(name, id(p), p.requires_grad) for name, p in part.named_parameters()])
    return found


def test_everything_is_what_it_was_after_detaching(pipe: Any, strong: Guard, tmp_path: Path) -> None:
    pipe.unet.requires_grad_(True).train()
    before = state(pipe)
    with strong.attached(pipe):
        assert type(pipe).__name__ == "StableDiffusionPipeline"
        assert isinstance(pipe, StableDiffusionPipeline)
        assert sorted(pipe.components) == sorted(StableDiffusionPipeline.from_pipe(pipe).components)
        with pytest.warns(UserWarning, match="guard is not in the files"):
            pipe.save_pretrained(tmp_path)
    assert state(pipe) == before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = StableDiffusionPipeline.from_pretrained(tmp_path)
    assert not is_guarded(loaded)
    guards(loaded, strong)
