"""A table as few units: the units compute it, and known functions take as few as published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.mapping.unit_synthesis import units_of_table


def table_of(units, n):
    values = list(np.arange(1 << n) >> np.arange(n)[:, None] & 1)
    for weights, threshold in units:
        sums = sum((w * values[node] for node, w in weights.items()), np.zeros(1 << n, int))
        values.append((sums >= threshold).astype(int))
    return values[-1].astype(bool)


@given(st.integers(0, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 2 ** (2**n) - 1))))
def test_units_compute_the_table(case):
    n, table = case
    values = np.array([table >> row & 1 for row in range(1 << n)], bool)
    np.testing.assert_array_equal(table_of(units_of_table(values, n), n), values)


@pytest.mark.parametrize(
    ("n", "function", "units"),
    [
        (9, lambda x: 3 <= x.bit_count() <= 6, 2),  # 9symml: W. H. Kautz (1961)
        (8, lambda x: x.bit_count() % 2, 4),
        (6, lambda x: (x ^ 0b101010).bit_count() == 3, 2),  # symmetric once three inputs are inverted
        (8, lambda x: (x & 15) + (x >> 4) >= 16, 1),  # the carry of two numbers of four bits
        (10, lambda x: all(x >> i & 3 in (0, 3) for i in range(0, 10, 2)), 11),  # five pairs are equal
    ],
)
def test_known_functions(n, function, units):
    values = np.array([bool(function(x)) for x in range(1 << n)])
    found = units_of_table(values, n)
    np.testing.assert_array_equal(table_of(found, n), values)
    assert len(found) <= units


def test_inputs_that_do_not_matter_are_not_read():
    values = np.array([(x >> 2 ^ x >> 5) & 1 for x in range(64)], bool)
    assert {node for unit in units_of_table(values, 6) for node in unit.weights if node < 6} == {2, 5}
