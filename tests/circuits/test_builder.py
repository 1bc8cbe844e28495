"""Netlists gate by gate: numbers of nodes, constants, balanced trees."""

import math

import numpy as np
import pytest

from circuits.builder import Builder
from circuits.gates import AND, BUF, NOT, OR, TRUE, XOR
from circuits.netlist import depth


def test_a_builder_numbers_nodes_and_simplifies_nothing():
    builder = Builder(["a", "b"])
    a, b = builder.inputs
    assert (a, b) == (1, 2)
    assert [builder.gate(AND, a, b), builder.gate(AND, a, b), builder.gate(NOT, 3)] == [3, 4, 5]
    circuit = builder.circuit({"y": 5, "z": 4})
    assert circuit.fan_ins.tolist() == [[1, 2], [1, 2], [3, 0]]
    assert circuit.tables.tolist() == [AND, AND, NOT]
    assert (circuit.outputs.tolist(), circuit.output_names) == ([5, 4], ("y", "z"))


def test_a_builder_makes_a_constant_once():
    builder = Builder(["a"])
    assert builder.constant(False) == 0
    assert builder.constant(True) == builder.constant(True) == 2
    circuit = builder.circuit({"y": 2})
    assert circuit.tables.tolist() == [TRUE]


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    ("table", "fold"), [(AND, lambda x: x.all(1)), (OR, lambda x: x.any(1)), (XOR, lambda x: x.sum(1) % 2 == 1)]
)
@pytest.mark.parametrize("n", range(1, 10))
def test_a_tree_is_balanced_and_of_n_minus_1_gates(table, fold, n, inverted, reference, all_rows):
    builder = Builder([f"x{i}" for i in range(n)])
    circuit = builder.circuit({"y": builder.tree(table, builder.inputs, inverted=inverted)})
    np.testing.assert_array_equal(reference(circuit, all_rows(n))[:, 0], fold(all_rows(n)) != inverted)
    assert circuit.n_gates == max(n - 1, int(inverted))
    assert depth(circuit) == max(math.ceil(math.log2(n)), int(inverted))


def test_a_tree_leaves_the_list_of_nodes_alone():
    builder = Builder(list("abcde"))
    nodes = list(builder.inputs)
    builder.tree(AND, nodes)
    assert nodes == [1, 2, 3, 4, 5]
    assert builder.circuit({}).n_gates == 4
    assert Builder(["a"]).tree(BUF, [1]) == 1


def test_a_tree_of_nothing_is_refused(error):
    assert error(ValueError, Builder([]).tree, AND, []) == "tree: expected at least one node, got none."
