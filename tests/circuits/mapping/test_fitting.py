"""Fitting: weights for given rows, or none; brute force over small weights says the same."""

import itertools

import numpy as np
import pytest

from circuits.mapping.fitting import one_unit
from circuits.mapping.unit_networks import Unit


def by_brute_force(rows, target):
    for weights in itertools.product(range(-3, 4), repeat=rows.shape[1]):
        sums = rows @ np.array(weights)
        if sums[target].min(initial=99) > sums[~target].max(initial=-99):
            return True
    return False


@pytest.mark.parametrize("seed", range(40))
def test_a_unit_is_found_just_where_there_is_one(seed):
    random = np.random.default_rng(seed)
    rows, target = random.integers(0, 2, (9, 3)).astype(bool), random.integers(0, 2, 9).astype(bool)
    found = one_unit(rows, target)
    assert (found is not None) == by_brute_force(rows, target)
    if found is not None:
        sums = sum((w * rows[:, k] for k, w in found.weights.items()), np.zeros(9, int))
        np.testing.assert_array_equal(sums >= found.threshold, target)


def test_rows_that_are_all_on_or_all_off():
    rows = np.eye(3, dtype=bool)
    assert one_unit(rows, np.ones(3, bool)) == Unit({}, 0)
    assert one_unit(rows, np.zeros(3, bool)) == Unit({}, 1)
