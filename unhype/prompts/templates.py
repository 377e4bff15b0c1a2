"""Frames for prompts, by style: what is trained on, what is tuned on, what is reported.

Three disjoint sets. Training uses ``TRAINING`` alone; ``DEVELOPMENT`` is for tuning and diagnosis; figures that are
reported come from ``HELD_OUT``.
"""

from __future__ import annotations

from importlib import resources

from unhype.handwritten import parse_yaml

Templates = dict[str, tuple[str, ...]]
"""Style → frames, each with one ``{}`` for the subject."""


def _read(name: str) -> dict[str, Templates]:
    raw = parse_yaml(resources.files("unhype.prompts").joinpath(name).read_text(encoding="utf-8"), name)
    return {split: {style: tuple(frames) for style, frames in styles.items()} for split, styles in raw.items()}


TRAINING = _read("templates.yaml")["training"]
DEVELOPMENT = _read("templates.yaml")["development"]
HELD_OUT = _read("held_out.yaml")["held_out"]
