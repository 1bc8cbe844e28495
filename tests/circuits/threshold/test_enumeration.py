"""The counts of OEIS."""

import numpy as np
import pytest

from circuits.threshold.enumeration import ThresholdCounts, count_threshold_functions, self_dual_classes

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


def test_three_variables_by_brute_force():
    tables = set()
    for weights in np.ndindex(9, 9, 9, 17):
        w, threshold = np.array(weights[:3]) - 4, weights[3] - 8
        rows = np.arange(8)[:, None] >> np.arange(3) & 1
        tables.add(tuple((rows @ w >= threshold).tolist()))
    assert len(tables) == count_threshold_functions(3).functions


def test_out_of_range(error):
    assert error(ValueError, count_threshold_functions, 9) == "count_threshold_functions: expected n in 0..8, got 9."
    assert error(TypeError, count_threshold_functions, 2.0) == (
        "count_threshold_functions: expected n to be a whole number, got 2.0."
    )
    assert error(ValueError, list, self_dual_classes(11)) == "self_dual_classes: expected n in 1..10, got 11."
