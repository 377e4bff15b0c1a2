"""The miniature bases: where each lies, what it must be able to draw, how it is called, and who writes its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unhype.miniature.canvas import SIZE
from unhype.miniature.folders import BASE, FLUX
from unhype.miniature.modelcard import mini_sd_card
from unhype.miniature.modelcard_flux import mini_flux_card


@dataclass(frozen=True)
class Miniature:
    """One of them.

    Attributes:
        folder: below the data folder.
        bars: stratum of :mod:`measuring` → the share of pictures that must be right; None asks for nothing.
        call: of a loaded pipeline, what a call needs besides prompt, seed, steps and guidance.
        card: its card and figures → the text of its README.
        brings_judges: whether judge and CLIP are of its own recipe, and examined with it.
    """

    folder: Path
    bars: Mapping[str, float | None]
    call: Callable[[Any], dict[str, Any]]
    card: Callable[[Mapping[str, Any], Mapping[str, Any]], str]
    brings_judges: bool = False


def _flux_call(pipeline: Any) -> dict[str, Any]:
    """diffusers draws every Flux at 512 pixels and pads T5 to 512 tokens, unless told: neither is in a file."""
    return {"height": SIZE, "width": SIZE, "max_sequence_length": pipeline.tokenizer_2.model_max_length}


MINIATURES: Mapping[str, Miniature] = {
    BASE.name: Miniature(
        BASE,
        {
            "avatar": 0.95,
            "class": 0.97,
            "synonym": 0.93,
            "alias": 0.90,
            "two people": 0.70,
            "neutral person": None,
        },
        lambda pipeline: {},
        mini_sd_card,
        brings_judges=True,
    ),
    FLUX.name: Miniature(
        FLUX,
        {
            "avatar": 0.95,
            "class": 0.97,
            "synonym": 0.93,
            "alias": 0.88,
            "two people": 0.80,
            "neutral person": 0.93,
        },
        _flux_call,
        mini_flux_card,
    ),
}
"""Name → base."""
