"""Pictures that come in: img2img from a picture of the forgotten person, at several strengths, guarded and bare.

A guard reads words. What is in the start stays in the picture, the less of it is drawn anew the more: that is measured
here, with a prompt that names the person and with one that names nobody.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import torch

from unhype.attacks.acting import acting
from unhype.attacks.objective import PROMPT
from unhype.attacks.verdicts import AIMING, drawn
from unhype.attacks.victim import Attacked
from unhype.concepts.schema import ConceptSet
from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.judges.judge import check_known
from unhype.pictures.sampling import Sampling, sample
from unhype.prompts.rows import FIRST_SEED, SEEDS, Asked, table_of

STRENGTHS = (0.3, 0.5, 0.7, 0.9)
"""How much of the start is drawn anew: 0 nothing, 1 all."""

NAMED, NEUTRAL = "named", "neutral"
GROUPS = {f"strength {strength}, {prompt}": strength for prompt in (NEUTRAL, NAMED) for strength in STRENGTHS}

STARTS = 4
"""Pictures of each person."""

SEEDS_FROM = SEEDS + 4_500_000
"""Seeds start so far behind the evaluation's first, beyond those of the disguises."""


def started(concepts: ConceptSet, names: Sequence[str]) -> pd.DataFrame:
    """A row for each group, name and start, columns :data:`unhype.prompts.rows.COLUMNS`; the same seeds in all groups.

    A neutral prompt asks for the anchor.
    """
    anchors = {entry.concept: entry.anchor for entry in concepts.forget}
    rows = []
    for group in GROUPS:
        seeds = count(FIRST_SEED["evaluation"] + SEEDS_FROM)
        for name in names:
            text = concepts.sort.phrase(name if group.endswith(NAMED) else anchors[name])
            rows += [(Asked(group, text, (name,)), PROMPT, next(seeds)) for _ in range(STARTS)]
    return table_of(rows, "evaluation")


def image_to_image(family: Family) -> Any:
    """The family's img2img, on the pipeline's own parts."""
    import diffusers

    pipeline = family.pipeline
    kind = getattr(diffusers, family.plain.replace("Pipeline", "Img2ImgPipeline"))
    options = {"requires_safety_checker": False} if "safety_checker" in pipeline.components else {}
    return kind(**pipeline.components, **options)  # from_pipe would cast the parts, which are shared


class Starts:
    """The base's pictures of the people, and what img2img makes of them."""

    def __init__(self, victim: Attacked, names: Sequence[str], how: Sampling) -> None:
        """Draw them.

        Raises:
            UnhypeError: concepts that the judge can't tell, an eraser that acts on its own pipeline alone, or too few
                steps.
        """
        check_known(victim.judge, names, f"the set {victim.concepts.name}")
        acting(victim.eraser, None)  # refuses before the work
        if how.steps * min(STRENGTHS) < 1:
            raise UnhypeError(
                f"got {how.steps} steps, of which a strength of {min(STRENGTHS)} leaves none to be drawn, wanted "
                f"{math.ceil(1 / min(STRENGTHS))} or more: sampling.steps in params.yaml"
            )
        self.victim, self.how = victim, how
        phrases = [PROMPT.format(victim.concepts.sort.phrase(name)) for name in names for _ in range(STARTS)]
        pictures = drawn(victim.bare, phrases, range(AIMING, AIMING + len(phrases)))
        self.pictures = dict(zip(names, pictures.reshape(len(names), STARTS, *pictures.shape[1:]), strict=True))
        seen = victim.judge.read(pictures)
        owners = [name for name in names for _ in range(STARTS)]
        self.shown = float(np.mean([name in each.concepts for name, each in zip(owners, seen, strict=True)]))

    def draw(self, eraser: Eraser, rows: pd.DataFrame) -> np.ndarray:
        """The pictures of one group, ``uint8 [n, height, width, 3]``."""
        (group,) = set(rows["group"])
        pipeline = image_to_image(self.victim.family)
        pipeline.set_progress_bar_config(disable=True)
        pixels = np.concatenate([self.pictures[name] for name in rows["concept"].unique()])
        starts = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        takes = inspect.signature(type(pipeline).__call__).parameters
        options = self.victim.family.call_options(replace(self.how, size=pixels.shape[1])).items()
        sized = {key: value for key, value in options if key in takes}  # Stable Diffusion has the start's size anyway
        prompts, seeds, found = list(rows["prompt"]), list(rows["seed"]), []
        with acting(eraser, pipeline):
            for i in range(0, len(prompts), self.how.batch):
                part = slice(i, i + self.how.batch)
                told = {"image": starts[part], "strength": GROUPS[group], **sized}
                found += list(sample(pipeline, prompts[part], seeds[part], self.how, **told))
        return np.concatenate(found)
