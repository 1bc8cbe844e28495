import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import library, random_patterns
from circuits.gates import AND, NOT, XOR
from circuits.netlist import Circuit
from circuits.simulation.program_loops import run
from circuits.simulation.programs import lower


@pytest.mark.parametrize("table", range(16))
def test_the_polynomial_of_a_gate_is_its_algebraic_normal_form(table):
    program = lower(Circuit(["a", "b"], [[1, 2]], [table], [3], ["y"]))
    assert set(program.polynomials.ravel().tolist()) <= {0, 0xFFFFFFFF}
    coefficients = (program.polynomials[0] & 1).tolist()
    for row in range(4):
        value = {0: 0, 1: row & 1, 2: row >> 1}
        x = [value[place] for place in program.fan_ins[0].tolist()]
        terms = [c * all(x[i] for i in range(3) if s >> i & 1) for s, c in enumerate(coefficients)]
        assert sum(terms) % 2 == table >> row & 1


@pytest.mark.parametrize(
    ("n", "gates", "outputs", "rows"), [(8, 64, 16, 64), (64, 128, 128, 256)], ids=["smallest class", "another"]
)
def test_a_program_is_padded_to_powers_of_two(n, gates, outputs, rows):
    circuit = library.adder(n)
    program = lower(circuit)
    assert (program.fan_ins.shape, program.polynomials.shape) == ((gates, 3), (gates, 8))
    assert (program.targets.shape, program.outputs.shape, program.rows) == ((gates,), (outputs,), rows)
    assert program.counts.tolist() == [2 * n, 2 * n, n + 1, 0, n + 1]


def test_rows_are_used_again():
    # A chain of 1,000 gates keeps one value beside its inputs.
    fan_ins = [[1, 2]] + [[5 + i, 1 + i % 4] for i in range(999)]
    program = lower(Circuit(list("abcd"), fan_ins, [XOR, *[AND, XOR, 7] * 333], [1004], ["y"]))
    *inner, last = program.targets[: program.counts[1]].tolist()
    assert len(inner) > 300
    assert program.rows == 64
    assert max(inner) <= 5
    assert last == program.rows


@given(seed=st.integers(0, 10**6), gates=st.integers(0, 60))
def test_a_row_is_written_only_when_what_it_held_is_needed_no_more(seed, gates, random_circuit, nodes_of):
    circuit = random_circuit(seed, 4, gates, 3)
    program = lower(circuit)
    inputs, count, outputs = program.counts[:3].tolist()
    x = np.random.default_rng(seed).integers(0, 2, (50, 4)).astype(bool)
    values = np.zeros((program.rows + len(program.outputs), 50), np.uint32)
    values[1 : 1 + inputs] = x.T
    one = np.ones(50, np.uint32)
    for read, coefficients, target in zip(program.fan_ins[:count], program.polynomials, program.targets, strict=False):
        products = [np.bitwise_and.reduce([values[read[i]] for i in range(3) if s >> i & 1] or [one]) for s in range(8)]
        values[target] = np.bitwise_xor.reduce([c & 1 & p for c, p in zip(coefficients, products, strict=True)])
    expected = nodes_of(circuit, x)[:, circuit.outputs]
    np.testing.assert_array_equal(values[program.outputs[:outputs]].T, expected)


@given(seed=st.integers(0, 10**6), gates=st.integers(0, 60))
def test_what_is_no_row_is_an_output_written_once_and_read_by_no_gate(seed, gates, random_circuit):
    program = lower(random_circuit(seed, 4, gates, 12))
    _, count, outputs, copied, runs = program.counts.tolist()
    assert program.fan_ins.max() < program.rows
    targets = program.targets[:count].tolist()
    written = [target for target in targets if target >= program.rows]
    assert len({*written}) == len(written)
    copies = program.copied[:copied].tolist()
    assert sorted([target - program.rows for target in written] + copies) == list(range(outputs))
    assert [place for place in range(outputs) if program.outputs[place] < program.rows] == copies
    # The runs are those of such gates, and one that is empty ends the program.
    in_runs = [gate for start, stop in program.runs[:runs].tolist() for gate in range(start, stop)]
    assert in_runs == [gate for gate in range(count) if targets[gate] >= program.rows]
    assert program.runs[runs - 1].tolist() == [count, count]


def test_an_output_that_a_gate_reads_or_that_is_given_twice_is_copied():
    circuit = Circuit(["a", "b"], [[1, 2], [1, 2], [3, 4]], [AND, XOR, XOR], [3, 4, 5, 5, 1], ["p", "q", "r", "s", "t"])
    program = lower(circuit)
    # p and q are read by r in the netlist; as a function of a and b, r reads neither.
    assert program.copied[: program.counts[3]].tolist() == [2, 3, 4]
    assert program.outputs[:2].tolist() == [program.rows, program.rows + 1]


def test_a_program_of_no_gates_and_one_of_constants():
    for circuit in (
        Circuit(["a"], [], [], [1, 0], ["y", "z"]),
        Circuit(["a"], [[0, 0], [1, 0]], [15, NOT], [2], ["y"]),
    ):
        words = random_patterns(circuit.n_inputs, 3, key=jax.random.key(0))
        got = run(lower(circuit), words, row=1)[: circuit.n_outputs]
        expected = {0: np.zeros_like(words[0]), 1: words[0], 2: np.full_like(words[0], 0xFFFFFFFF)}
        np.testing.assert_array_equal(got, [expected[node] for node in circuit.outputs.tolist()])


def test_a_program_prints_in_a_line():
    assert repr(lower(library.and_(3))) == "Program(64 padded gates, 64 rows)"
