"""Decision diagrams against truth tables, and sums of products against both."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import Circuit, library, parse
from circuits.builder import Builder
from circuits.covers import uncovered
from circuits.decision_diagrams import Diagrams, irredundant_sums, strings
from circuits.gates import AND, XOR


def holds(cubes, rows):
    """Whether one of the cubes holds, for each row."""
    value = np.zeros(len(rows), bool)
    for cube in cubes:
        fixed = [i for i, literal in enumerate(cube) if literal != "-"]
        value |= (rows[:, fixed] == [cube[i] == "1" for i in fixed]).all(axis=1)
    return value


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6))
def test_sums_are_the_function_and_no_cube_can_be_left_out(seed, n, random_circuit, reference, all_rows):
    circuit, rows = random_circuit(seed, n=n), all_rows(n)
    expected = reference(circuit, rows)
    for output, cubes in enumerate(irredundant_sums(circuit, 2**16)):
        shown = list(strings(cubes, n))
        assert len(shown) == (cubes.size if cubes else 0)
        assert (holds(shown, rows) == expected[:, output]).all()
        for i in range(len(shown)):
            assert (holds(shown[:i] + shown[i + 1 :], rows) != expected[:, output]).any()


def test_equal_functions_are_one_node():
    diagrams = Diagrams([1, 0, 2], 100)
    a, b, c = (diagrams.input(i) for i in range(3))
    left = diagrams.gate(XOR, diagrams.gate(XOR, a, b), c)
    assert left == diagrams.gate(XOR, a, diagrams.gate(XOR, c, b))
    assert diagrams.gate(XOR, left, left) == 0
    assert diagrams.gate(0b1001, left, left) == 1


def test_the_known_number_of_cubes():
    # Parity of n has 2^(n-1), majority of 2k+1 has C(2k+1, k+1), an AND one; NAND as many as inputs.
    circuit = parse("p = a ^ b ^ c ^ d ^ e; m = maj(a, b, c); n = ~(a & b & c & d & e)")
    assert [cubes.size for cubes in irredundant_sums(circuit, 1000)] == [16, 3, 5]


def test_thousands_of_inputs_need_no_recursion():
    netlist = Builder([f"x{i}" for i in range(3000)])
    (cubes,) = irredundant_sums(netlist.circuit({"y": netlist.tree(AND, netlist.inputs)}), 10**5)
    assert list(strings(cubes, 3000)) == ["1" * 3000]


def test_cubes_are_counted_before_they_are_written():
    n = 200
    fan_ins = [[1, 2], *([n + 1 + i, 3 + i] for i in range(n - 2))]
    circuit = Circuit([f"x{i}" for i in range(n)], fan_ins, [XOR] * (n - 1), [2 * n - 1], ["y"])
    (cubes,) = irredundant_sums(circuit, 10**6)
    assert cubes.size == 2 ** (n - 1)


def test_it_gives_up_in_time():
    with pytest.raises(MemoryError, match="expected at most 1,000 steps"):
        list(irredundant_sums(library.multiplier(8), 1000))


def test_a_sum_covers_all_of_a_tautology():
    (cubes,) = irredundant_sums(parse("y = a & b | ~a | ~b"), 100)
    assert uncovered(list(strings(cubes, 2)), 2) is None
