"""Bounds on rounding: sums in any order stay within them."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from common.exact_networks import exact_units, networks
from hypothesis import given

from circuits import rows
from circuits.bridge.network_units import NetworkUnits, sums
from circuits.bridge.rounding_bounds import sum_bounds
from jaxnet.networks.wiring import Wiring

SMOOTH = ("sigmoid", "tanh", "relu", "identity")


def in_floats(units, row, dtype, random):
    """Every sum in floats, edge by edge in a random order."""
    wiring = units.wiring
    functions = {
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: max(z, z * 0),
        "identity": lambda z: z,
    }
    values, found = list(row.astype(dtype)), []
    for unit, kind in enumerate(units.kinds):
        edges = np.arange(wiring.offsets[unit], wiring.offsets[unit + 1])
        terms = [dtype(units.w[e]) * values[wiring.sources[e]] for e in edges] + [dtype(units.b[unit])]
        z = dtype(0)
        for k in random.permutation(len(terms)):
            z = z + terms[k]
        found.append(z)
        values.append(dtype(functions[kind](z)))
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(units=networks(SMOOTH, most=6), seed=st.integers(0, 99))
def test_sums_in_any_order_are_within_the_bound(dtype, units, seed):
    if dtype == np.float32:
        units = units._replace(w=units.w.astype(np.float32).astype(float), b=units.b.astype(np.float32).astype(float))
    random = np.random.default_rng(seed)
    bounds = sum_bounds(units, dtype.__name__)
    for row in rows(units.wiring.n_inputs):
        exact = exact_units(units, row)
        for z, float_z, bound in zip(exact, in_floats(units, row, dtype, random), bounds, strict=True):
            assert abs(Fraction(float(float_z)) - z) <= Fraction(float(bound))


@given(networks(SMOOTH))
def test_evaluation_level_by_level_is_within_the_bound(units):
    x, bounds = rows(units.wiring.n_inputs), sum_bounds(units, "float64")
    for row, found in zip(x, sums(units, x), strict=True):
        for z, float_z, bound in zip(exact_units(units, row), found, bounds, strict=True):
            assert abs(Fraction(float_z) - z) <= Fraction(float(bound))


@pytest.mark.parametrize("w", [1e16, 2.0**70])
def test_edges_from_one_node_that_cancel(w):
    """What two edges add up to is rounded too: here 1 is lost beside them."""
    units = NetworkUnits(Wiring(1, [0, 3], [0, 0, 0], [1]), np.array([w, 1.0, -w]), np.zeros(1), ("step",), "float64")
    (z,) = exact_units(units, [True])
    assert abs(Fraction(float(sums(units, np.ones((1, 1), bool))[0, 0])) - z) <= Fraction(
        float(sum_bounds(units, "float64")[0])
    )


def test_floats_that_may_overflow_have_no_bound():
    units = NetworkUnits(Wiring(2, [0, 2], [0, 1], [2]), np.full(2, 3e38), np.zeros(1), ("step",), "float32")
    assert sum_bounds(units, "float32")[0] == np.inf
    assert sum_bounds(units, "float64")[0] < 1e24


def test_weights_that_become_zero_beside_large_values():
    w = np.array([2.0**100, 2.0**-160])
    units = NetworkUnits(Wiring(1, [0, 1, 2], [0, 1], [2]), w, np.zeros(2), ("relu", "identity"), "float64")
    assert in_floats(units, np.ones(1), np.float32, np.random.default_rng(0))[1] == 0
    assert exact_units(units, [1])[1] == Fraction(1, 2**60) <= Fraction(float(sum_bounds(units, "float32")[1]))
