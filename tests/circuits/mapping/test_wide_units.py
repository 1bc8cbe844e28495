"""Wide units: the function, the bounds, and how few they are for wide gates."""

import numpy as np
import pytest

from circuits import Circuit, Equivalent, equivalent, parse, to_circuit
from circuits.mapping.wide_units import of_wide_gates


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("fan_in", "weight"), [(3, 2), (5, 3), (16, 255)])
def test_the_function_and_the_bounds(seed, fan_in, weight, random_circuit):
    circuit = random_circuit(seed, n=6, gates=40, m=4)
    found = of_wide_gates(circuit, max_fan_in=fan_in, max_weight=weight).circuit()
    assert isinstance(equivalent(circuit, to_circuit(found)), Equivalent)
    assert np.diff(found.wiring.offsets).max(initial=0) <= fan_in
    assert np.abs(found.weights).max(initial=0) <= weight


@pytest.mark.parametrize(("fan_in", "units"), [(3, 4), (4, 3), (9, 1), (16, 1)])
def test_an_and_of_nine(fan_in, units):
    circuit = parse("y = " + " & ".join("abcdefghi"))
    assert len(of_wide_gates(circuit, max_fan_in=fan_in).units) == units


@pytest.mark.parametrize(
    ("fan_in", "weight", "units"),
    [
        (16, 255, 4),  # the three high bits of the count of nine, and the lowest
        (16, 4, 2 + 3),  # one of three first, so that seven are left: weights 4, 2 and 1
        (3, 2, 2 * 8),  # eight of two
    ],
)
def test_an_xor_of_nine(fan_in, weight, units):
    circuit = parse("y = " + " ^ ".join("abcdefghi"))
    network = of_wide_gates(circuit, max_fan_in=fan_in, max_weight=weight)
    assert len(network.units) == units
    assert max(max(map(abs, unit.weights.values())) for unit in network.units.values()) <= weight


def test_constants_and_inverters_at_outputs():
    circuit = parse("y = a & b & ~a; z = ~b; w = a | ~a; v = a; u = ~(a & b)")
    found = of_wide_gates(circuit).circuit()
    assert isinstance(equivalent(circuit, to_circuit(found)), Equivalent)
    assert of_wide_gates(Circuit(["a"], [], [], [], [])).circuit().n_units == 0
