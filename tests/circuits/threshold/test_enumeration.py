"""The counts of OEIS, and every class found is what its weights say."""

from fractions import Fraction

import numpy as np
import pytest

from circuits.threshold import enumeration
from circuits.threshold.enumeration import (
    ThresholdCounts,
    _solved,
    chow_parameters_of,
    count_threshold_functions,
    self_dual_classes,
)

# OEIS A000609, A002078, A000617, A001529, A001532.
PUBLISHED = [
    (2, 2, 2, 1, 1),
    (4, 3, 3, 2, 1),
    (14, 6, 5, 3, 2),
    (104, 20, 10, 6, 3),
    (1882, 150, 27, 15, 7),
    (94572, 3287, 119, 63, 21),
    (15028134, 244158, 1113, 567, 135),
    (8378070864, 66291591, 29375, 14755, 2470),
    (17561539552946, 68863243522, 2730166, 1366318, 175428),
]


@pytest.mark.parametrize("n", [*range(8), pytest.param(8, marks=pytest.mark.slow)])
def test_the_published_counts(n):
    assert count_threshold_functions(n) == ThresholdCounts(*PUBLISHED[n])


@pytest.mark.parametrize("n", range(1, 8))
def test_weights_make_the_tables_and_classes_differ(n):
    points = 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) - 1
    classes = list(self_dual_classes(n))
    for table, weights in classes:
        sums = points @ weights
        assert (sums != 0).all()
        assert sum(1 << int(row) for row in np.flatnonzero(sums > 0)) == table
        assert list(weights) == sorted(weights)
        assert weights[0] >= 0
    # By Chow's theorem: a threshold function is told from all others by these numbers.
    assert len({tuple(sorted(chow_parameters_of(table, n))) for table, _ in classes}) == len(classes)


def test_three_variables_by_brute_force():
    tables = set()
    for weights in np.ndindex(9, 9, 9, 17):
        w, threshold = np.array(weights[:3]) - 4, weights[3] - 8
        rows = np.arange(8)[:, None] >> np.arange(3) & 1
        tables.add(tuple((rows @ w >= threshold).tolist()))
    assert len(tables) == count_threshold_functions(3).functions


def test_what_a_float_solver_says_is_checked(monkeypatch):
    # It says that nothing is a sum of others: then a class is reached in integers, or the walk ends with an error.
    monkeypatch.setattr(enumeration, "_factors", lambda others, x: np.zeros(len(others)))
    tables = {found.table for found in self_dual_classes(4)}
    monkeypatch.undo()
    assert tables <= {found.table for found in self_dual_classes(4)}


def test_sums_are_solved_in_fractions():
    assert _solved([[1, 1], [1, -1], [2, 0]], [1, 0, 1]) == [Fraction(1, 2), Fraction(1, 2)]
    assert _solved([[1, 1], [1, -1], [2, 0]], [1, 0, 2]) is None
    assert _solved([[1, 2], [2, 4]], [1, 2]) is None


def test_out_of_range(error):
    assert error(ValueError, count_threshold_functions, 9) == "count_threshold_functions: expected n in 0..8, got 9."
    assert error(TypeError, count_threshold_functions, 2.0) == (
        "count_threshold_functions: expected n to be a whole number, got 2.0."
    )
