import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import ThresholdUnit, parse, read, write
from circuits.gates import AND, OR
from circuits.netlist import Circuit
from circuits.synthesis.optimisation import optimise
from circuits.synthesis.simplification import simplify

DATA = Path(os.environ["JAXNET_DATA"]) / "circuits"
EPFL = ("adder", "arbiter", "bar", "cavlc", "ctrl", "dec", "i2c", "int2float", "max", "priority", "router", "sin")
EPFL += ("square", "voter")

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"needs the circuits in {DATA}; JAXNET_DATA names another data folder"
)


@pytest.fixture
def aigverse():
    """Skips where the extra is not installed."""
    return pytest.importorskip("aigverse")


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6), gates=st.integers(0, 30), m=st.integers(0, 5))
def test_the_function_stays_and_is_no_larger(seed, n, gates, m, random_circuit, reference, all_rows):
    pytest.importorskip("aigverse")
    circuit = random_circuit(seed, n, gates, m)
    tables = np.random.default_rng(seed).choice([1, 2, 4, 6, 7, 8, 9, 11, 13, 14], gates)  # few constants
    circuit = Circuit(circuit.input_names, circuit.fan_ins, tables, circuit.outputs, circuit.output_names)
    best = optimise(circuit)
    assert (best.input_names, best.output_names) == (circuit.input_names, circuit.output_names)
    assert best.n_gates <= simplify(circuit).n_gates
    np.testing.assert_array_equal(reference(best, all_rows(n)), reference(circuit, all_rows(n)))


@pytest.mark.usefixtures("aigverse")
def test_more_is_found_than_by_simplify():
    # b & mux(a, c, d), as a sum of products with one that is implied.
    circuit = parse("y = a & b & c | ~a & b & d | b & c & d")
    assert simplify(circuit).n_gates > 4
    assert optimise(circuit).n_gates == 4


@pytest.mark.usefixtures("aigverse")
def test_names_may_be_any_and_inputs_stay_unread():
    circuit = Circuit(["å", "b c", "\n", "unread"], [[1, 2], [1, 3], [5, 6]], [AND, AND, OR], [7, 1], ["å", "i0"])
    best = optimise(circuit)
    assert (best.input_names, best.output_names) == (circuit.input_names, circuit.output_names)
    assert best.n_gates == 2


@pytest.mark.usefixtures("aigverse")
@needs_data
@pytest.mark.parametrize(("name", "gates"), [("ctrl", 100), pytest.param("int2float", 225, marks=pytest.mark.slow)])
def test_epfl_control_circuits(name, gates, reference, all_rows):
    circuit = read(DATA / f"epfl/aig/{name}.aig")
    best = optimise(circuit)
    assert best.n_gates <= gates < simplify(circuit).n_gates
    rows = all_rows(circuit.n_inputs)
    np.testing.assert_array_equal(reference(best, rows), reference(circuit, rows))


@pytest.mark.slow
@pytest.mark.usefixtures("aigverse")
@needs_data
@pytest.mark.skipif(shutil.which("berkeley-abc") is None, reason="needs berkeley-abc, Debian's ABC")
@pytest.mark.parametrize("name", EPFL)
def test_epfl_circuits_are_proved_equal_by_abc_too(name, tmp_path):
    circuit = read(DATA / f"epfl/aig/{name}.aig")
    write(circuit, tmp_path / "before.aig")
    write(optimise(circuit), tmp_path / "after.aig")
    command = ["berkeley-abc", "-c", "cec before.aig after.aig"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert "Networks are equivalent" in done.stdout, done.stdout


def test_another_function_is_not_returned(monkeypatch, error):
    circuit = Circuit("abc", [[1, 2], [4, 3]], [AND, OR], [5], ["y"])
    other = Circuit(["i0", "i1", "i2"], [[1, 3]], [AND], [4], ["o0"])
    # An aigverse that gives a & c, whatever it is given.
    passes = dict.fromkeys(
        ("aig_cut_rewriting", "aig_resubstitution", "sop_refactoring"), lambda graph, **options: graph
    )
    files = {"read_aiger_into_aig": lambda path: other, "write_aiger": lambda graph, path: write(graph, path)}
    monkeypatch.setitem(sys.modules, "aigverse", types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, "aigverse.algorithms", types.SimpleNamespace(**passes))
    monkeypatch.setitem(sys.modules, "aigverse.io", types.SimpleNamespace(**files))
    message = error(RuntimeError, optimise, circuit)
    assert message.startswith("optimise: expected the same function, got Counterexample(inputs={'a': ")
    assert message.endswith(": a mistake, probably in aigverse, which simplify does without.")


def test_anything_else_is_refused(error):
    assert error(TypeError, optimise, ThresholdUnit([1], 1)) == (
        "optimise: expected a Circuit, got ThresholdUnit. circuits.to_circuit makes one of units."
    )


def test_without_aigverse_it_says_what_to_install(monkeypatch, error):
    monkeypatch.setitem(sys.modules, "aigverse.algorithms", None)
    assert error(ImportError, optimise, parse("y = a & b")) == (
        "optimise: aigverse cannot be imported (import of aigverse.algorithms halted; None in sys.modules). "
        "Install it: pip install jaxnet-circuits[aigverse]."
    )


def test_circuits_without_gates_need_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "aigverse.algorithms", None)
    assert optimise(parse("y = a; z = b & ~b")).n_gates == 0
