"""Intervals: Wilson's as in tables; the bootstrap's as normal theory has it, wider where concepts go together."""

from __future__ import annotations

import numpy as np
import pytest

from unhype.gates.intervals import bootstrap, wilson


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [(0.5, 10, 0.2366, 0.7634), (0.0, 10, 0.0, 0.2775), (1.0, 10, 0.7225, 1.0), (0.1, 100, 0.0552, 0.1744)],
)
def test_wilson_as_in_the_tables(share: float, n: int, low: float, high: float) -> None:
    assert wilson(share, n) == pytest.approx((low, high), abs=1e-4)


def test_the_bootstrap_agrees_with_the_normal_theory() -> None:
    differences = np.repeat([1.0, -1.0, 0.0], [40, 20, 340])
    low, high = bootstrap(differences.tolist(), range(400), 8000)
    half = 1.96 * differences.std() / 20
    assert (low, high) == pytest.approx((0.05 - half, 0.05 + half), abs=0.003)


def test_no_difference_is_sure() -> None:
    assert bootstrap([0.0] * 50, range(50), 100) == (0.0, 0.0)


def test_the_same_question_has_the_same_answer() -> None:
    values = [0.0, 1.0] * 25
    assert bootstrap(values, range(50), 200) == bootstrap(values, range(50), 200)
    assert bootstrap(values, range(50), 200) != bootstrap(values, range(50), 200, seed=1)


def test_concepts_that_stand_and_fall_together_count_once() -> None:
    """Ten pictures of a concept that all go wrong are one fact: the interval is about √10 times as wide."""
    differences, concepts = np.repeat([1.0, 0.0], 200), np.repeat(np.arange(40), 10)
    single = np.subtract(*bootstrap(differences.tolist(), range(400), 4000)[::-1])
    whole = np.subtract(*bootstrap(differences.tolist(), concepts.tolist(), 4000)[::-1])
    assert whole / single == pytest.approx(np.sqrt(10), rel=0.1)


def test_a_few_concepts_say_nothing_of_others() -> None:
    values = [1.0, 0.0] * 20
    assert bootstrap(values, ["a"] * 40, 500) == pytest.approx(bootstrap(values, range(40), 500), abs=0.05)


@pytest.mark.parametrize("n", [1, 4, 7, 100, 101, 500])
def test_the_interval_holds_the_share_whatever_is_rounded(n: int) -> None:
    for k in range(n + 1):
        low, high = wilson(k / n, n)
        assert 0 <= low <= k / n <= high <= 1
