"""What a method did to each stratum, beside what the base does with the same prompts and seeds.

gone   1 − the share of what must go that is still shown, among pictures with a face (things: among all)
stays  the share of what must stay that is shown, among all pictures
H      the harmonic mean of gone (forgotten) and stays (unseen; where a set has none, trained); of things also of gone (alias)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from unhype.evaluation.scores import harmonic
from unhype.judges.judge import UNKNOWN, Seen
from unhype.prompts.strata import SEPARATOR


@dataclass(frozen=True)
class StratumScore:
    """One stratum; shares of ``n`` pictures, ``None`` where the stratum does not ask.

    Attributes:
        shown: of what must go, the share that is still there; each concept of a prompt counts.
        stays: of what must stay, the share that is there.
        face: pictures with a face.
        neutral: pictures with people, and none that has a name.
        drift: mean absolute difference of pixels to the base's picture, in 0…1.
        identical: pictures without one different pixel.
    """

    stratum: str
    n: int
    shown: float | None
    shown_base: float | None
    stays: float | None
    stays_base: float | None
    face: float
    face_base: float
    neutral: float
    drift: float
    identical: float


def score_strata(
    table: pd.DataFrame, guarded: Sequence[Seen], bare: Sequence[Seen], drift: np.ndarray, faces: bool
) -> dict[str, StratumScore]:
    """Stratum → its score.

    Args:
        table: see :func:`unhype.prompts.strata.strata_table`; rows in the order of the readings.
        drift: of each picture, ``[n]``.
        faces: whether only pictures with a face can show what must go (people) or all (things).
    """
    if not len(table) == len(guarded) == len(bare) == len(drift):
        raise ValueError(
            f"got {len(table)} rows, {len(guarded)} and {len(bare)} readings and {len(drift)} drifts, wanted equally many"
        )
    scores = {}
    for stratum, index in table.groupby("stratum", sort=False).indices.items():
        rows, now, before = table.iloc[index], [guarded[i] for i in index], [bare[i] for i in index]
        scores[str(stratum)] = StratumScore(
            str(stratum),
            len(index),
            _shown(rows["erased"], now, faces),
            _shown(rows["erased"], before, faces),
            _shown(rows["kept"], now, faces=False),
            _shown(rows["kept"], before, faces=False),
            float(np.mean([seen.face for seen in now])),
            float(np.mean([seen.face for seen in before])),
            float(np.mean([seen.face and all(concept == UNKNOWN for concept in seen.concepts) for seen in now])),
            float(drift[index].mean()),
            float((drift[index] == 0).mean()),
        )
    return scores


def _shown(asked: pd.Series, seen: Sequence[Seen], faces: bool) -> float | None:
    marks = [
        concept in s.concepts
        for text, s in zip(asked, seen, strict=True)
        if s.face or not faces
        for concept in str(text).split(SEPARATOR)
        if concept
    ]
    if not any(asked):
        return None
    return float(np.mean(marks)) if marks else 0.0


def summary(scores: Mapping[str, StratumScore], faces: bool = True) -> dict[str, float]:
    """The table's columns: Acc_e, Acc_s, Acc_g, H, shares kept of what the base shows, faces, drift of what must stay."""
    forgotten, others = scores["forgotten"], scores.get("unseen") or scores["trained"]
    found = {"Acc_e": forgotten.shown or 0.0, "Acc_s": others.stays or 0.0}
    if "alias" in scores:
        found["Acc_g"] = scores["alias"].shown or 0.0
    found["H"] = harmonic(
        1 - found["Acc_e"], found["Acc_s"], *([1 - found["Acc_g"]] if "alias" in scores and not faces else [])
    )
    for name, score in scores.items():
        if score.shown is not None:
            found[f"{name}: shown"] = score.shown
        if score.stays is not None and score.stays_base:
            found[f"{name}: kept of base"] = score.stays / score.stays_base
    whole = [score for score in scores.values() if score.shown is None]
    found["drift"] = (
        float(np.average([score.drift for score in whole], weights=[score.n for score in whole])) if whole else 0.0
    )
    found["face"] = forgotten.face
    found["neutral"] = forgotten.neutral
    return found
