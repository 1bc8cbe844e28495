import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import c17_path, parse, read, write
from circuits.gates import AND, BUF, NAND, NOT, OR, TRUE, XOR
from circuits.measures import NAMES, Statistics, statistics
from circuits.netlist import Circuit, depth, without_dead_gates
from circuits.threshold import units

DATA = Path(os.environ["JAXNET_DATA"]) / "circuits"
# Inputs, outputs and ANDs of the EPFL circuits, as their authors publish them.
EPFL = {
    "adder": (256, 129, 1020),
    "arbiter": (256, 129, 11839),
    "bar": (135, 128, 3336),
    "cavlc": (10, 11, 693),
    "ctrl": (7, 26, 174),
    "dec": (8, 256, 304),
    "i2c": (147, 142, 1342),
    "int2float": (11, 7, 260),
    "max": (512, 130, 2865),
    "priority": (128, 8, 978),
    "router": (60, 30, 257),
    "sin": (24, 25, 5416),
    "square": (64, 128, 18484),
    "voter": (1001, 1, 13758),
}


def test_c17():
    assert statistics(read(c17_path)) == Statistics(
        inputs=5,
        outputs=2,
        gates=6,
        dead_gates=0,
        functions={"NAND": 6},
        depth=3,
        levels=(2, 2, 2),
        max_fan_out=2,
        # Twelve fan-ins and two outputs, of five inputs and six gates.
        mean_fan_out=14 / 11,
        ands=6,
    )


def test_dead_gates_are_counted_but_have_no_levels_and_read_nothing():
    circuit = Circuit("ab", [[1, 2], [1, 1], [4, 1], [5, 5]], [AND, OR, XOR, NAND], [3, 3], ["y", "z"])
    assert statistics(circuit) == Statistics(
        inputs=2,
        outputs=2,
        gates=4,
        dead_gates=3,
        functions={"OR": 1, "XOR": 1, "NAND": 1, "AND": 1},
        depth=1,
        levels=(1,),
        max_fan_out=2,
        mean_fan_out=4 / 3,
        ands=1,
    )


@pytest.mark.parametrize("table", range(16))
def test_names_of_functions_are_what_they_compute(table):
    a, b = np.array([0, 1, 0, 1], bool), np.array([0, 0, 1, 1], bool)
    values = np.array([table >> row & 1 for row in range(4)], bool)
    both, either = a & b, a | b
    meaning = {
        "FALSE": [a & ~a],
        "TRUE": [a | ~a],
        "AND": [both],
        "NAND": [~both],
        "OR": [either],
        "NOR": [~either],
        "XOR": [a ^ b],
        "XNOR": [~(a ^ b)],
        "BUF": [a, b],
        "NOT": [~a, ~b],
        "a & ~b": [a & ~b, b & ~a],
        "a | ~b": [a | ~b, b | ~a],
    }
    assert [name for name, tables in meaning.items() if any((t == values).all() for t in tables)] == [NAMES[table]]
    found = statistics(Circuit("ab", [[1, 2]] * 3, [table] * 3, [3], ["y"]))
    assert found.functions == {NAMES[table]: 3}


@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), gates=st.integers(0, 40), m=st.integers(0, 4))
def test_the_figures_fit_together(seed, n, gates, m, random_circuit):
    circuit = random_circuit(seed, n, gates, m)
    found = statistics(circuit)
    alive = without_dead_gates(circuit)
    assert (found.inputs, found.outputs, found.gates) == (n, m, gates)
    assert found.gates - found.dead_gates == sum(found.levels) == alive.n_gates
    assert sum(found.functions.values()) == gates
    assert list(found.functions.values()) == sorted(found.functions.values(), reverse=True)
    assert found.depth == len(found.levels) == depth(circuit)
    assert all(found.levels)
    reads = Counter([*alive.fan_ins.ravel().tolist(), *alive.outputs.tolist()])
    del reads[0]
    assert found.max_fan_out == max(reads.values(), default=0)
    assert found.mean_fan_out == pytest.approx(reads.total() / max(1, n + alive.n_gates))
    assert found.ands <= 3 * alive.n_gates


@pytest.mark.parametrize(
    ("text", "ands"),
    [
        ("y = a", 0),
        ("y = ~a; z = 1", 0),
        ("y = a & 1 & (b | 0)", 1),
        ("y = a & b; z = ~(~b | ~a)", 1),
        ("y = a & ~a | b", 0),
        ("y = a | b & b", 1),
        ("y = (a & b) & (b & a)", 1),
        ("y = (a & b) & ~(b & a)", 0),
        ("y = a ^ b", 3),
        ("y = a ^ b; z = ~(a ^ b)", 3),
        # ~(a & ~b) & ~(~a & b): other ANDs than those of a ^ b.
        ("y = a ^ b; z = a ^ ~b", 6),
        ("s = a ^ b; carry = a & b", 3),
        ("s = a ^ b ^ c; carry = a & b | (a ^ b) & c", 7),
        ("y = a ^ a", 0),
        # No rule looks at two levels.
        ("y = a & (a | b)", 2),
    ],
)
def test_and_inverter_sizes(text, ands):
    assert statistics(parse(text)).ands == ands


def test_a_table_to_print():
    fan_ins = [[1, 2], [3, 0]] + [[node, 2] for node in range(4, 24)] + [[0, 0]]
    found = statistics(Circuit("ab", fan_ins, [AND, NOT] + [XOR] * 20 + [TRUE], [24, 4], ["y", "z"]))
    assert repr(found).splitlines() == [
        "inputs     2",
        "outputs    2",
        "gates      23, 1 of them dead",
        "functions  XOR 20, NOT 1, AND 1, TRUE 1",
        "depth      22",
        "by level   1 1 1 1 1 1 1 1 ... 1 1 1 1 1 1 1 1",
        "fan-out    21 at most, 1.88 on average",
        "as an AIG  61 ANDs",
    ]
    assert repr(statistics(Circuit([], [], [], [], []))).splitlines() == [
        "inputs     0",
        "outputs    0",
        "gates      0",
        "functions  none",
        "depth      0",
        "by level   none",
        "fan-out    0 at most, 0.00 on average",
        "as an AIG  0 ANDs",
    ]
    assert "functions  BUF 1\n" in repr(statistics(Circuit("a", [[1, 0]], [BUF], [2], ["y"])))


def test_anything_else_is_refused(error):
    assert error(TypeError, statistics, units.at_least(2, 3)) == (
        "statistics: expected a Circuit, got ThresholdUnit. circuits.to_circuit makes one of units."
    )


@pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the circuits in {DATA}; JAXNET_DATA names another data folder")
@pytest.mark.parametrize("name", EPFL)
@pytest.mark.parametrize("kind", ["aig", "blif"])
def test_epfl_circuits_have_the_published_figures(name, kind):
    found = statistics(read(DATA / "epfl" / kind / f"{name}.{kind}"))
    assert (found.inputs, found.outputs, found.ands) == EPFL[name]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("berkeley-abc") is None, reason="needs berkeley-abc, Debian's ABC")
@pytest.mark.parametrize("seed", range(10))
def test_abc_hashes_to_the_same_size(seed, tmp_path, random_circuit):
    circuit = random_circuit(seed, 8, 300, 20)
    tables = np.random.default_rng(seed).choice([1, 2, 4, 6, 7, 8, 9, 11, 13, 14], 300)
    circuit = Circuit(circuit.input_names, circuit.fan_ins, tables, circuit.outputs, circuit.output_names)
    write(circuit, tmp_path / "circuit.aig")
    command = ["berkeley-abc", "-c", "read circuit.aig; print_stats"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    (ands,) = re.findall(r"and =\s*(\d+)", done.stdout)
    assert statistics(circuit).ands == int(ands)
