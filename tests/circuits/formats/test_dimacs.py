import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import parse, read
from circuits.formats.dimacs import dumps
from circuits.gates import AND, BUF, FALSE, NOT, OR, TRUE, XOR
from circuits.netlist import Circuit
from circuits.verification.miters import miter


def read_cnf(text):
    """The number of variables, the clauses, and the comments of DIMACS text, which must be as its header says."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if not line.startswith("c "))
    p, cnf, variables, n_clauses = lines[start].split()
    assert (p, cnf) == ("p", "cnf")
    clauses = [[int(word) for word in line.split()] for line in lines[start + 1 :]]
    assert len(clauses) == int(n_clauses)
    assert all(clause[-1] == 0 and 0 not in clause[:-1] and clause[:-1] for clause in clauses)
    assert all(abs(literal) <= int(variables) for clause in clauses for literal in clause)
    return int(variables), [clause[:-1] for clause in clauses], lines[:start]


def models(clauses, variables):
    """All assignments that satisfy the clauses, one a row, by trying them all."""
    assignments = np.array([[row >> i & 1 for i in range(variables)] for row in range(2**variables)], bool)
    holds = np.ones(len(assignments), bool)
    for clause in clauses:
        holds &= np.any([assignments[:, abs(x) - 1] == (x > 0) for x in clause], axis=0)
    return assignments[holds]


@given(seed=st.integers(0, 10**6), n=st.integers(0, 4), gates=st.integers(0, 8), value=st.booleans())
def test_models_are_the_inputs_on_which_the_output_has_the_value(
    seed, n, gates, value, random_circuit, reference, all_rows
):
    circuit = random_circuit(seed, n, gates, 2)
    expected = reference(circuit, all_rows(n))
    for output, column in zip(circuit.output_names, expected.T, strict=True):
        variables, clauses, _ = read_cnf(dumps(circuit, output, value))
        assert variables <= n + gates + 1
        # One model for each such input: the other variables follow from it.
        got = models(clauses, variables)[:, :n]
        assert sorted(got.tolist()) == sorted(all_rows(n)[column == value].tolist())


@pytest.mark.parametrize("table", range(16))
def test_the_clauses_of_each_gate(table):
    circuit = Circuit("ab", [[1, 2]], [table], [3], "y")
    variables, clauses, _ = read_cnf(dumps(circuit))
    assert variables == 3
    assert [list(row) for row in models(clauses[:-1], 3)] == sorted(
        [[a, b, bool(table >> a + 2 * b & 1)] for a in (False, True) for b in (False, True)],
        key=lambda row: row[0] + 2 * row[1] + 4 * row[2],
    )
    # None of them is more than is needed.
    expected = {FALSE: 1, TRUE: 1, BUF: 2, NOT: 2, 0b1100: 2, 0b0011: 2, XOR: 4, XOR ^ 15: 4}
    assert len(clauses) - 1 == expected.get(table, 3)


def test_the_text():
    circuit = Circuit(["a", "b c"], [[1, 2], [3, 1]], [AND, XOR], [3, 4], ["y", "z 1"])
    lines = dumps(circuit, "z 1", value=False).splitlines()
    assert lines[:4] == ["c input 1 a", "c input 2 b c", "c output 4 z 1", "p cnf 4 8"]
    assert sorted(lines[4:7]) == ["-3 1 0", "-3 2 0", "3 -1 -2 0"]
    assert sorted(lines[7:11]) == ["-4 -3 -1 0", "-4 3 1 0", "4 -3 1 0", "4 3 -1 0"]
    assert lines[11:] == ["-4 0"]


def test_only_what_the_output_depends_on_is_there():
    circuit = Circuit("ab", [[1, 2], [1, 2], [3, 1]], [AND, OR, XOR], [4, 5], "yz")
    variables, clauses, _ = read_cnf(dumps(circuit, "y"))
    assert (variables, sorted(clauses)) == (3, [[-3, 1, 2], [3], [3, -2], [3, -1]])


@pytest.mark.parametrize("value", [False, True])
def test_outputs_that_are_no_gates(value):
    # An input, and the constant, which has the variable after the others.
    circuit = Circuit("ab", [], [], [2, 0], "yz")
    sign = 1 if value else -1
    assert read_cnf(dumps(circuit, "y", value)) == (2, [[sign * 2]], ["c input 1 a", "c input 2 b", "c output 2 y"])
    variables, clauses, comments = read_cnf(dumps(circuit, "z", value))
    assert (variables, clauses, comments[-1]) == (3, [[-3], [sign * 3]], "c output 3 z")
    assert len(models(clauses, 3)) == (0 if value else 4)


def test_two_circuits_are_equal_where_their_miter_has_no_model():
    a, b = parse("y = a ^ b"), parse("y = (a | b) & ~(a & b)")
    variables, clauses, _ = read_cnf(dumps(miter(a, b)))
    assert len(models(clauses, variables)) == 0
    variables, clauses, _ = read_cnf(dumps(miter(a, parse("y = a | b"))))
    assert models(clauses, variables)[:, :2].tolist() == [[True, True]]


def test_c432_has_a_variable_a_node(iscas85):
    circuit = read(iscas85 / "c432.bench")
    variables, clauses, comments = read_cnf(dumps(circuit, "432"))
    assert comments[:36] == [f"c input {i} {name}" for i, name in enumerate(circuit.input_names, start=1)]
    assert 36 < variables <= 36 + circuit.n_gates
    assert len(clauses) <= 4 * circuit.n_gates


def test_one_output_must_be_chosen(error):
    circuit = parse("y = a & b; z = a | b")
    message = "dumps: expected the name of one output, got {!r}; the outputs are 'y', 'z'."
    assert error(ValueError, dumps, circuit) == message.format(None)
    assert error(ValueError, dumps, circuit, "a") == message.format("a")
    assert error(ValueError, dumps, Circuit("a", [], [], [], [])).endswith("got None; the outputs are none.")
    many = Circuit("a", [], [], [1] * 10, [f"y{i}" for i in range(10)])
    assert error(ValueError, dumps, many).endswith("'y7' and 2 more.")


@pytest.mark.parametrize("name", ["a\n", "\ra", "a\u2028b", "a\x0cb"])
def test_a_name_with_a_line_break_is_refused(name, error):
    message = f"dumps: .cnf cannot hold the name {name!r}, which has a line break. Rename it."
    assert error(ValueError, dumps, Circuit([name], [], [], [1], ["y"])) == message
    assert error(ValueError, dumps, Circuit(["a"], [], [], [1], [name])) == message
