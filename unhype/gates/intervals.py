"""How sure a share is: Wilson's interval of one, and the bootstrap's of a mean of paired differences.

Wilson, J. Am. Stat. Assoc. 22 (1927); Efron and Tibshirani, An Introduction to the Bootstrap (1993), 13.3: percentiles.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt

import numpy as np

Z = 1.959963984540054
"""Of 95 %."""

FEW = 10
"""With fewer concepts than this, single pictures are drawn: so few wholes say nothing of others."""


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of ``n`` independent pictures; honest at 0 and 1, too, and it holds the share."""
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    # At 0 and 1 rounding alone would leave the share outside.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def bootstrap(
    differences: Sequence[float], concepts: Sequence[Hashable], samples: int, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of a mean of paired differences.

    Pictures of one concept stand and fall together: whole concepts are drawn anew, with all of their pictures.

    Args:
        differences: one a pair.
        concepts: whose pair each is.
        samples: how often is drawn; the same ``seed`` gives the same interval.
    """
    values = np.asarray(differences, dtype=float)
    whose = np.unique(np.asarray(concepts, dtype=str), return_inverse=True)[1]
    if whose.max() + 1 < FEW:
        whose = np.arange(len(values))
    sums, counts = np.bincount(whose, values), np.bincount(whose)
    m = len(sums)
    drawn = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / m), size=samples)
    means = (drawn @ sums) / (drawn @ counts)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
