"""Circuits in layers: the same function, and each unit reads the layer before."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import Circuit, evaluate, parse, rows
from circuits.threshold.gate_conversion import from_circuit
from circuits.threshold.layered_circuits import in_layers
from circuits.threshold.threshold_circuits import of_units


@st.composite
def circuits(draw):
    n, gates = draw(st.integers(1, 4)), draw(st.integers(0, 12))
    fan_ins = [[draw(st.integers(0, n + k)), draw(st.integers(0, n + k))] for k in range(gates)]
    tables = [draw(st.integers(0, 15)) for _ in range(gates)]
    outputs = draw(st.lists(st.integers(0, n + gates), min_size=1, max_size=4))
    return Circuit([f"x{k}" for k in range(n)], fan_ins, tables, outputs, [f"y{k}" for k in range(len(outputs))])


@given(circuits())
def test_it_is_the_same_function_layer_by_layer(circuit):
    units = from_circuit(circuit)
    layered, sizes, places = in_layers(units)
    x = rows(circuit.n_inputs)
    np.testing.assert_array_equal(evaluate(layered, x), evaluate(circuit, x))
    ends = np.cumsum(sizes)
    assert ends[-1] == layered.n_inputs + layered.n_units
    assert layered.wiring.outputs.tolist() == list(range(ends[-2], ends[-1]))
    for unit, (start, end) in enumerate(itertools.pairwise(layered.wiring.offsets.tolist())):
        layer = int(np.searchsorted(ends, layered.n_inputs + unit, side="right"))
        sources = layered.wiring.sources[start:end]
        assert ((sources >= ends[layer - 1] - sizes[layer - 1]) & (sources < ends[layer - 1])).all()
    # Every node that has a place has its value there.
    kept = np.flatnonzero(places >= 0)
    one = of_units(units.input_names, _terms(units), {f"y{k}": int(k) for k in kept})
    other = of_units(layered.input_names, _terms(layered), {f"y{k}": int(places[k]) for k in kept})
    np.testing.assert_array_equal(evaluate(one, x), evaluate(other, x))


def _terms(units):
    made = []
    for (start, end), threshold in zip(
        itertools.pairwise(units.wiring.offsets.tolist()), units.thresholds.tolist(), strict=True
    ):
        terms = {}
        for source, weight in zip(
            units.wiring.sources[start:end].tolist(), units.weights[start:end].tolist(), strict=True
        ):
            terms[source] = terms.get(source, 0) + weight
        made.append((terms, threshold))
    return made


def test_values_are_repeated_and_outputs_have_units_of_their_own():
    layered, sizes, places = in_layers(from_circuit(parse("y = a & b & c & d; z = a")))
    # The ANDs, each beside what is read further on: c, d, a; d, a; at last a's own unit.
    assert sizes == [4, 4, 3, 2]
    assert places.tolist() == [0, 1, 2, 3, 7, 10, 11]
    assert layered.n_units == 9


@pytest.mark.parametrize("circuit", [of_units([], [({}, 1)], {"y": 0}), of_units("a", [], {})])
def test_no_inputs_or_no_outputs(circuit, error):
    message = error(ValueError, in_layers, circuit)
    assert message == f"in_layers: expected at least one input and one output, got {circuit}."
