"""What a comparison says of a method: one figure a column, from the scores of its strata.

Acc_e is of forgotten ones, Acc_s of unseen ones (where a set has none, of trained ones), Acc_g of aliases.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unhype.evaluation.scores import GroupScore, Protocol, accuracies


def summary(scores: Mapping[str, GroupScore], general: bool = False) -> dict[str, float]:
    """Acc_e, Acc_s, Acc_g, H, shares kept of what the base shows, faces, and the drift of what must stay.

    Without a judge the drift alone.

    Args:
        general: see :func:`unhype.evaluation.scores.accuracies`.
    """
    others = "unseen" if "unseen" in scores else "trained"
    found = accuracies(scores, Protocol("forgotten", others, "alias"), general)
    for name, score in scores.items():
        if score.must_go is not None:
            found[f"{name}: shown"] = score.must_go
        if score.must_stay is not None and score.must_stay_base:
            found[f"{name}: kept of base"] = score.must_stay / score.must_stay_base
    whole = [score for score in scores.values() if not score.n_go]
    found["drift"] = float(np.average([s.drift for s in whole], weights=[s.n for s in whole])) if whole else 0.0
    forgotten = scores["forgotten"]
    if forgotten.face is not None and forgotten.neutral is not None:
        found |= {"face": forgotten.face, "neutral": forgotten.neutral}
    return found
