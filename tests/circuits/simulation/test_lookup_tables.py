import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import Circuit, library, parse
from circuits.builder import Builder
from circuits.gates import AND, BUF, NOT, XOR
from circuits.simulation.lookup_tables import as_lookup_tables


def outputs_by(tables, circuit, x):
    """The outputs of a circuit, from its look-up tables alone."""
    values = np.zeros((circuit.n_nodes, len(x)), int)
    values[1 : 1 + circuit.n_inputs] = np.asarray(x).T
    for node, leaves, table in zip(*map(np.ndarray.tolist, tables), strict=True):
        values[node] = table >> (values[leaves[0]] + 2 * values[leaves[1]] + 4 * values[leaves[2]]) & 1
    return values[circuit.outputs].T.astype(bool)


@given(seed=st.integers(0, 10**6), gates=st.integers(0, 80))
def test_random_circuits_keep_their_function(seed, gates, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, 5, gates, 4)
    tables = as_lookup_tables(circuit)
    np.testing.assert_array_equal(outputs_by(tables, circuit, all_rows(5)), reference(circuit, all_rows(5)))
    assert len(tables.nodes) <= gates
    # In order, each after what it reads, and a table reads nothing that it does not depend on.
    assert (np.diff(tables.nodes) > 0).all()
    made = {0, *range(1, 6), *tables.nodes.tolist()}
    for node, leaves, table in zip(*map(np.ndarray.tolist, tables), strict=True):
        assert made >= {*leaves}
        assert max(leaves) < node
        for i, leaf in enumerate(leaves):
            depends = any((table >> row ^ table >> (row ^ 1 << i)) & 1 for row in range(8))
            assert depends == (leaf > 0)


@pytest.mark.parametrize(
    ("circuit", "count"),
    [
        (library.adder(16), 32),  # a sum and a carry a bit, whose least bit has no carry in
        (parse("a ^ b ^ c ^ d ^ e"), 2),
        (parse("maj(a, b, c)"), 1),
        (parse("mux(s, a, b)"), 1),
        (parse("a & b & c | d"), 2),
        (parse("~~~~~a"), 1),
        (parse("a & ~a"), 1),
    ],
    ids=str,
)
def test_known_numbers_of_tables(circuit, count):
    assert len(as_lookup_tables(circuit).nodes) == count


def test_an_and_inverter_graph_of_an_adder_is_two_tables_a_bit():
    netlist = Builder([f"{x}{i}" for i in range(8) for x in "ab"])

    def xor(x, y):  # as three ANDs with inverters
        return netlist.gate(0b0001, netlist.gate(0b1000, x, y), netlist.gate(0b0001, x, y))

    carry, sums = 0, {}
    for i in range(8):
        a, b = netlist.inputs[2 * i : 2 * i + 2]
        half = xor(a, b)
        sums[f"s{i}"] = xor(half, carry)
        carry = netlist.gate(0b0111, netlist.gate(0b0111, a, b), netlist.gate(0b0111, half, carry))
    circuit = netlist.circuit({**sums, "carry": carry})
    assert circuit.n_gates == 72
    assert len(as_lookup_tables(circuit).nodes) == 16


def test_what_no_output_needs_is_left_out():
    circuit = Circuit(["a", "b"], [[1, 2], [1, 2], [3, 0]], [AND, XOR, NOT], [4], ["y"])
    assert as_lookup_tables(circuit).nodes.tolist() == [4]


def test_outputs_that_are_inputs_or_the_constant_need_none():
    nodes, leaves, tables = as_lookup_tables(Circuit(["a"], [], [], [1, 0], ["y", "z"]))
    assert (nodes.shape, leaves.shape, tables.shape) == ((0,), (0, 3), (0,))


def test_long_chains_take_time_in_proportion():
    # Every gate is an output, and a function of one input: cones that were walked again for each would be 2 10^8 gates.
    n = 20_000
    circuit = Circuit(["a"], [[1 + i, 0] for i in range(n)], [NOT] * n, range(2, n + 2), [f"y{i}" for i in range(n)])
    _, leaves, tables = as_lookup_tables(circuit)
    assert (leaves[:, 0] == 1).all()
    assert set(tables[::2].tolist()) == {0b01010101}
    assert set(tables[1::2].tolist()) == {0b10101010}


def test_a_buffer_of_an_input_is_a_table():
    assert as_lookup_tables(Circuit(["a"], [[1, 0]], [BUF], [2], ["y"])).tables.tolist() == [0b10101010]
