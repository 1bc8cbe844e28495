"""Hardened units: the fractions of the definition, with signs for tanhs, whatever the scale of the weights."""

import hypothesis.strategies as st
import numpy as np
from common.exact_networks import by_definition, exact_units, networks
from hypothesis import assume, given

from circuits import Circuit, ThresholdCircuit, evaluate, rows
from circuits.bridge.exact_rows import Reading
from circuits.bridge.hardening import HardUnit, HardUnits, fires, hard_units
from circuits.bridge.network_units import NetworkUnits
from jaxnet.networks.wiring import Wiring

BOOLEAN = ("step", "sign", "sigmoid", "tanh", "identity")
readings = st.one_of(
    st.builds(Reading, st.just("bits"), st.integers(-4, 4).map(lambda k: k / 4)), st.just(Reading("argmax"))
)


@given(networks(BOOLEAN), readings)
def test_outputs_are_those_of_the_definition(units, reading):
    hard, n = hard_units(units, reading), units.wiring.n_inputs
    assume(reading.read == "bits" or units.wiring.outputs.min() >= n)
    x = rows(n)
    on = fires(hard, x)
    expected = [by_definition(units.hardened(), reading, row) for row in x]
    np.testing.assert_array_equal(on[:, hard.outputs], expected)
    names = [f"y{k}" for k in range(len(hard.outputs))]
    np.testing.assert_array_equal(evaluate(hard.circuit([f"x{k}" for k in range(n)], names), x), expected)


@given(networks(BOOLEAN))
def test_places_are_the_units_of_the_network(units):
    hard, x = hard_units(units, Reading()), rows(units.wiring.n_inputs)
    on = fires(hard, x)
    for r, row in enumerate(x):
        for z, kind, place in zip(exact_units(units.hardened(), row), units.kinds, hard.places, strict=True):
            assert place is None if kind == "identity" else on[r, place] == (z >= 0)


def test_rectifiers_have_no_hardened_units():
    assert (
        hard_units(NetworkUnits(Wiring(1, [0, 1], [0], [1]), np.ones(1), np.ones(1), ("relu",), "float32"), Reading())
        is None
    )


def test_common_factors_are_divided_out():
    w, b = np.array([1.5, -3.0]), np.array([-1.0])
    units = NetworkUnits(Wiring(2, [0, 2], [0, 1], [2]), w, b, ("step",), "float32")
    # 1.5 x - 3 y >= 1 is x - 2 y >= 2/3, and for integers 1.
    assert hard_units(units, Reading()).units == (HardUnit({0: 1, 1: -2}, 1),)


def test_a_unit_of_nothing_is_a_constant():
    units = NetworkUnits(
        Wiring(1, [0, 0, 1], [0], [1, 2]), np.zeros(1), np.array([0.0, -1e-30]), ("tanh",) * 2, "float32"
    )
    assert fires(hard_units(units, Reading()), rows(1)).tolist() == [[False, True, False], [True, True, False]]


def test_weights_that_int64_does_not_hold_become_gates():
    w = np.array([1.0, -1.0, 2.0**-70])
    units = NetworkUnits(Wiring(3, [0, 3], [0, 1, 2], [3]), w, np.array([-(2.0**-71)]), ("step",), "float64")
    hard = hard_units(units, Reading())
    circuit, x = hard.circuit("abc", "y"), rows(3)
    assert isinstance(circuit, Circuit)
    assert not isinstance(circuit, ThresholdCircuit)
    expected = [by_definition(units, Reading(), row) for row in x]
    np.testing.assert_array_equal(evaluate(circuit, x), expected)
    np.testing.assert_array_equal(fires(hard, x)[:, hard.outputs], expected)


def test_of_values_that_tie_the_first_is_the_largest():
    w = np.array([1.0, 1.0, 1.0, 2.0])
    kinds = ("sigmoid", "sigmoid", "sigmoid")
    units = NetworkUnits(Wiring(2, [0, 1, 2, 4], [0, 1, 0, 1], [2, 3, 4]), w, np.zeros(3), kinds, "float32")
    hard = hard_units(units, Reading("argmax"))
    assert fires(hard, rows(2))[:, hard.outputs].astype(int).tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]


def test_units_at_the_edge_of_int64():
    hard = HardUnits(2, (HardUnit({0: 2**60, 1: 2**60 - 2}, 1),), (2,), (2,))
    assert isinstance(hard.circuit("ab", "y"), ThresholdCircuit)
    hard = HardUnits(2, (HardUnit({0: 2**60, 1: 2**60}, 1),), (2,), (2,))
    assert isinstance(hard.circuit("ab", "y"), Circuit)
    assert evaluate(hard.circuit("ab", "y"), rows(2))[:, 0].tolist() == [False, True, True, True]
