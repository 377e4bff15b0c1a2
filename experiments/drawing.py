"""Pictures of calls that say more than one prompt: a second prompt, a negative one, another length."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling, sample

Around = Callable[[list[str]], AbstractContextManager[Any]]
"""A batch's prompts → what is to be open while it is drawn."""


def drawn(
    family: Family,
    prompts: Sequence[str],
    seeds: Sequence[int],
    how: Sampling,
    each: Mapping[str, Sequence[str]] | None = None,
    around: Around = lambda prompts: nullcontext(),
    **options: Any,
) -> np.ndarray:
    """One picture for each (prompt, seed), ``uint8 [n, height, width, 3]``.

    Args:
        each: arguments of the pipeline with a text for every picture.
        options: arguments that are the same for all.

    Raises:
        UnhypeError: a pipeline that does not take one of them.
    """
    taken = inspect.signature(family.pipeline.__call__).parameters
    if strange := [name for name in {**options, **(each or {})} if name not in taken]:
        raise UnhypeError(f"got a base of the family {family.name}, wanted one that is told {', '.join(strange)}")
    pictures: list[np.ndarray] = []
    for start in range(0, len(prompts), how.batch):
        part = slice(start, start + how.batch)
        batch = list(prompts[part])
        told = {**family.call_options(how), **options}
        told |= {name: list(texts[part]) for name, texts in (each or {}).items()}
        with around(batch):
            pictures += sample(family.pipeline, batch, seeds[part], how, **told)
    return np.concatenate(pictures)


def change(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The largest difference of a pixel value between pictures, of 255: ``[n]``."""
    return np.abs(one.astype(int) - other).max((1, 2, 3))
