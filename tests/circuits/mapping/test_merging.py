"""Merging: a unit inside its reader is the same function, or it is refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import Equivalent, equivalent, from_circuit, parse, recognise, to_circuit
from circuits.mapping.merging import by_band, merge
from circuits.mapping.unit_networks import Unit, of_threshold_circuit

weights = st.dictionaries(st.integers(0, 4), st.integers(-5, 5).filter(bool), min_size=1, max_size=4)


def fires(unit, values):
    return sum(w * values[node] for node, w in unit.weights.items()) >= unit.threshold


@given(weights, st.integers(-6, 6), weights, st.integers(-6, 6), st.integers(-6, 6).filter(bool))
def test_a_unit_by_its_band_has_the_values_of_both(outer, threshold, inner, inner_threshold, weight):
    inner = Unit(inner, inner_threshold)
    outer = Unit({**outer, 5: weight}, threshold)
    found = by_band(outer, 5, inner)
    table = []
    for bits in itertools.product((0, 1), repeat=5):
        values = dict(enumerate(bits[::-1]))
        values[5] = fires(inner, values)
        table.append(fires(outer, values))
        if found is not None:
            assert fires(found, values) == table[-1]
    if found is not None:
        assert recognise(np.array(table), 5)


@pytest.mark.parametrize("text", ["y = a & (b | c & (d | e & f))", "y = (a | b) & (c | d); z = a | b", "y = a ^ b ^ c"])
def test_the_function_stays(text):
    circuit = parse(text)
    network = of_threshold_circuit(from_circuit(circuit))
    before = len(network.units)
    assert merge(network) == before - len(network.units)
    assert isinstance(equivalent(circuit, to_circuit(network.circuit())), Equivalent)


def test_bounds_are_kept():
    circuit = parse("y = a & (b | c & (d | e & (f | g & h)))")
    for fan_in, weight in itertools.product((3, 5, 8), (2, 4, 255)):
        network = of_threshold_circuit(from_circuit(circuit))
        merge(network, max_fan_in=fan_in, max_weight=weight)
        assert max(len(unit.weights) for unit in network.units.values()) <= fan_in
        assert max(abs(w) for unit in network.units.values() for w in unit.weights.values()) <= weight
        assert isinstance(equivalent(circuit, to_circuit(network.circuit())), Equivalent)
