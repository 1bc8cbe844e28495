"""Mapping whole circuits: proved equal, within bounds, and in as few units as known."""

import os
from pathlib import Path

import numpy as np
import pytest

from circuits import Circuit, Equivalent, equivalent, from_circuit, map_to_units, parse, read, to_circuit
from circuits.library import adder, multiplier

DATA = Path(os.environ["JAXNET_DATA"]) / "circuits"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("fan_in", "weight"), [(3, 2), (6, 3), (16, 255)])
def test_the_function_and_the_bounds(seed, fan_in, weight, random_circuit):
    circuit = random_circuit(seed, n=6, gates=40, m=4)
    found = map_to_units(circuit, max_fan_in=fan_in, max_weight=weight)
    assert isinstance(equivalent(circuit, to_circuit(found)), Equivalent)
    assert (found.input_names, found.output_names) == (circuit.input_names, circuit.output_names)
    assert np.diff(found.wiring.offsets).max(initial=0) <= fan_in
    assert np.abs(found.weights).max(initial=0) <= weight


@pytest.mark.parametrize(
    ("circuit", "units"),
    [
        (adder(4), 8),  # a sum and a carry a bit
        (parse("y = a & (b | c & (d | e))"), 1),
        (parse("y = a ^ b ^ c ^ d ^ e ^ f ^ g"), 3),  # floor(log2 7) + 1
        (parse("y = a; z = ~a; w = 1"), 2),  # an output that is an input is no unit
    ],
)
def test_known_circuits(circuit, units):
    assert map_to_units(circuit).n_units == units


def test_no_gates_and_no_outputs():
    assert map_to_units(Circuit(["a"], np.zeros((0, 2), int), [], [1], ["y"])).n_units == 0
    assert map_to_units(Circuit(["a"], np.zeros((0, 2), int), [], [], [])).n_units == 0


def test_c17(iscas85):
    assert map_to_units(read(iscas85 / "c17.bench")).n_units == 3


@pytest.mark.slow
def test_c432(iscas85):
    before = read(iscas85 / "c432.bench")
    # Without aigverse 67.
    assert map_to_units(before).n_units <= 67 < from_circuit(before).n_units


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the circuits in {DATA}; JAXNET_DATA names another data folder")
@pytest.mark.parametrize(("file", "units"), [("router", 35), ("priority", 200), ("int2float", 70), ("ctrl", 45)])
def test_control_logic_takes_fewer_units_than_threabc_finds(file, units):
    """Wide ANDs, mapped again and again; bounds as in the table of threABC's figures."""
    pytest.importorskip("aigverse")
    before = read(DATA / f"epfl/aig/{file}.aig")
    assert map_to_units(before, max_fan_in=64, max_weight=10**7).n_units <= units


@pytest.mark.slow
def test_a_multiplier():
    """At most one unit for each product of two bits, and two for each of n (n - 1) adders of bits."""
    assert map_to_units(multiplier(8)).n_units <= 64 + 2 * 56


def test_errors():
    circuit = parse("y = a & b")
    with pytest.raises(TypeError) as error:
        map_to_units(from_circuit(circuit))
    assert str(error.value) == (
        "map_to_units: expected a Circuit, got ThresholdCircuit. circuits.to_circuit makes one of units."
    )
    with pytest.raises(ValueError, match=r"^map_to_units: expected max_fan_in to be at least 3, got 2\.$"):
        map_to_units(circuit, max_fan_in=2)
    with pytest.raises(ValueError, match=r"^map_to_units: expected max_weight to be at least 2, got 1\.$"):
        map_to_units(circuit, max_weight=1)
