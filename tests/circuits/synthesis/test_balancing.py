"""Balancing: the same function, shallow trees, and gates that are shared."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import Circuit, depth, parse, read
from circuits.synthesis.balancing import balance


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6), gates=st.integers(0, 60), m=st.integers(0, 5))
def test_the_function_and_the_names_stay(seed, n, gates, m, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n, gates, m)
    balanced = balance(circuit)
    assert (balanced.input_names, balanced.output_names) == (circuit.input_names, circuit.output_names)
    assert (reference(balanced, all_rows(n)) == reference(circuit, all_rows(n))).all()


@pytest.mark.parametrize("operator", "&|^")
@pytest.mark.parametrize("n", [2, 3, 7, 8, 9, 100])
def test_a_chain_becomes_a_tree(operator, n):
    circuit = parse("y = " + f" {operator} (".join(f"x{i}" for i in range(n)) + ")" * (n - 1))
    balanced = balance(circuit)
    assert (depth(circuit), depth(balanced), balanced.n_gates) == (n - 1, math.ceil(math.log2(n)), n - 1)


def test_a_late_signal_stays_near_the_output():
    # x is three levels up; a balanced tree of four would put it at the fifth.
    balanced = balance(parse("x = (p ^ q & r) & s ^ t; y = x & (a & (b & c))"))
    assert depth(balanced) == 5


def test_pairs_that_are_there_are_used():
    circuit = parse("z = a & c; w = b & d; y = a & b & c & d; v = y & e")
    assert balance(circuit).n_gates == 4


def test_wide_gates_take_no_time():
    circuit = parse("y = " + " & ".join(f"x{i}" for i in range(5000)))
    assert depth(balance(circuit)) == 13


def test_c432_is_less_deep(iscas85):
    circuit = read(iscas85 / "c432.bench")
    assert depth(balance(circuit)) < depth(circuit)


def test_no_gates():
    assert balance(Circuit(["a"], [], [], [1, 0], ["y", "z"])).n_gates == 0


def test_errors(error):
    assert error(TypeError, balance, "y = a") == (
        "balance: expected a Circuit, got str. to_circuit makes one of units."
    )
