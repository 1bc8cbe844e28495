import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import ThresholdUnit, from_truth_table, rows, truth_table
from circuits.builder import Builder
from circuits.gates import AND, OR, TRUE, XOR
from circuits.netlist import Circuit
from circuits.simulation.truth_tables import add_table
from circuits.threshold.symmetric_functions import parity


@pytest.mark.parametrize("n", range(13))
def test_rows_are_all_inputs_the_first_changing_fastest(n):
    got = rows(n)
    assert (got.shape, got.dtype) == ((2**n, n), bool)
    # itertools changes the last fastest.
    expected = np.array(list(itertools.product([False, True], repeat=n)), bool).reshape(2**n, n)[:, ::-1]
    np.testing.assert_array_equal(got, expected)


def test_a_number_of_inputs_is_a_whole_number(error):
    assert rows(np.int64(2)).shape == (4, 2)
    for n in (True, 2.0):
        assert error(TypeError, rows, n) == f"rows: expected the number of inputs to be a whole number, got {n!r}."
    assert error(ValueError, rows, -1) == "rows: expected the number of inputs to be at least 0, got -1."


@pytest.mark.parametrize("n", [25, 64])
def test_too_many_inputs_are_refused(n, error):
    assert error(ValueError, rows, n) == (
        f"rows: expected 0 to 24 inputs, got {n}. For more, evaluate or simulate a sample of rows."
    )


@pytest.mark.parametrize("n", [0, 1, 4, 5, 6, 9])
def test_the_truth_table_of_a_circuit(n, random_circuit, reference):
    circuit = random_circuit(n, n, 25, 3)
    table = truth_table(circuit)
    assert isinstance(table, np.ndarray)
    assert (table.shape, table.dtype) == ((2**n, 3), bool)
    np.testing.assert_array_equal(table, reference(circuit, rows(n)))


def test_the_truth_table_of_a_unit_and_of_a_threshold_circuit():
    # 2 a + b - 3 c >= 0, rows a + 2 b + 4 c.
    unit = ThresholdUnit([2, 1, -3], 0)
    assert truth_table(unit).tolist() == [True, True, True, True, False, False, False, True]
    table = truth_table(parity(3))
    assert (table.shape, table.dtype) == ((8, 1), bool)
    assert table[:, 0].tolist() == [row.bit_count() % 2 == 1 for row in range(8)]


def test_the_truth_table_of_a_circuit_without_outputs():
    assert truth_table(Circuit(["a", "b"], [], [], [], [])).shape == (4, 0)


@pytest.mark.parametrize("kind", ["circuit", "threshold circuit", "unit"])
def test_a_table_of_more_than_24_inputs_is_refused(kind, error):
    circuit = Circuit([f"x{i}" for i in range(25)], [], [], [1], ["y"])
    given = {"circuit": circuit, "unit": ThresholdUnit([1] * 25, 1)}.get(kind) or parity(25)
    assert error(ValueError, truth_table, given) == (
        "truth_table: expected 0 to 24 inputs, got 25. For more, evaluate or simulate a sample of rows."
    )


def functions(n):
    """Every function of n bits, one a column: bit r of its number is its value in row r."""
    rows, numbers = np.arange(2**n), np.arange(2 ** (2**n))
    return numbers[None, :] >> rows[:, None] & 1 == 1


@pytest.mark.parametrize("n", range(4))
def test_every_function_of_up_to_three_inputs(n, reference, all_rows):
    for function in functions(n).T:
        circuit = from_truth_table(function)
        np.testing.assert_array_equal(reference(circuit, all_rows(n))[:, 0], function)


def test_functions_of_four_inputs_as_outputs_of_one_circuit(reference, all_rows):
    table = functions(4)[:, 1::7]
    circuit = from_truth_table(table)
    np.testing.assert_array_equal(reference(circuit, all_rows(4)), table)
    # Parts are shared: the three gates of a node for each function, and no more than all functions of three inputs.
    assert circuit.n_gates <= 3 * (table.shape[1] + 2**8)


def test_the_round_trip_through_simulate():
    table = np.random.default_rng(0).integers(0, 2, (2**8, 3)).astype(bool)
    np.testing.assert_array_equal(truth_table(from_truth_table(table)), table)


def essential_subfunctions(table):
    """The nodes of the shared decision diagram: the distinct subfunctions, split on the last input first, that do
    depend on the input they are split on."""
    waiting, found = [tuple(column) for column in np.asarray(table).reshape(len(table), -1).T.tolist()], set()
    while waiting:
        f = waiting.pop()
        if len(f) == 1 or f in found:
            continue
        low, high = f[: len(f) // 2], f[len(f) // 2 :]
        if low == high:
            waiting.append(low)
        else:
            found.add(f)
            waiting += [low, high]
    return found


@given(seed=st.integers(0, 10**6), n=st.integers(0, 7), m=st.integers(1, 3), odds=st.sampled_from([0.05, 0.5, 0.9]))
def test_random_tables_and_the_promised_size(seed, n, m, odds, reference, all_rows):
    table = np.random.default_rng(seed).random((2**n, m)) < odds
    circuit = from_truth_table(table)
    np.testing.assert_array_equal(reference(circuit, all_rows(n)), table)
    # Three gates a node of the diagram, and one for the constant true.
    assert circuit.n_gates <= 3 * len(essential_subfunctions(table)) + 1


@pytest.mark.parametrize("n", range(2, 11))
def test_symmetric_functions_of_n_inputs_that_take_n_minus_1_gates(n):
    ones = rows(n).sum(axis=1)
    for table, kind in ((ones == n, AND), (ones > 0, OR), (ones % 2 == 1, XOR)):
        assert from_truth_table(table).tables.tolist() == [kind] * (n - 1)


def test_constants_and_single_inputs():
    assert from_truth_table([0] * 8).n_gates == 0
    assert from_truth_table([0] * 8).outputs.tolist() == [0]
    assert from_truth_table([1] * 8).tables.tolist() == [TRUE]
    for i in range(3):
        circuit = from_truth_table(rows(3)[:, i])
        assert (circuit.n_gates, circuit.outputs.tolist()) == (0, [1 + i])
        assert from_truth_table(~rows(3)[:, i]).n_gates == 1


def test_a_table_of_no_inputs():
    for value in (0, 1):
        circuit = from_truth_table([value])
        assert circuit.n_inputs == 0
        assert truth_table(circuit).tolist() == [[bool(value)]]


def test_equal_outputs_are_one_node():
    column = [0, 1, 1, 0, 1, 0, 0, 1]
    circuit = from_truth_table(np.array([column, column]).T)
    assert circuit.outputs[0] == circuit.outputs[1]


@pytest.mark.parametrize("dtype", [bool, np.uint8, int, float, object])
def test_zeros_and_ones_of_any_type(dtype):
    assert from_truth_table(np.array([0, 1, 1, 0], dtype)).tables.tolist() == [XOR]


def test_names():
    circuit = from_truth_table(np.zeros((4, 1)))
    assert (circuit.input_names, circuit.output_names) == (("x0", "x1"), ("y",))
    circuit = from_truth_table(np.zeros((4, 2)))
    assert circuit.output_names == ("y0", "y1")
    circuit = from_truth_table(np.zeros((4, 2)), ["a", "b"], ["p", "q"])
    assert (circuit.input_names, circuit.output_names) == (("a", "b"), ("p", "q"))
    assert from_truth_table(np.zeros((4, 0))).output_names == ()


@pytest.mark.parametrize(
    ("table", "shape"),
    [([], (0,)), ([0, 1, 1], (3,)), (1, ()), (np.zeros((2, 2, 2)), (2, 2, 2)), ([[0, 1]] * 6, (6, 2))],
)
def test_tables_of_the_wrong_shape_are_refused(table, shape, error):
    assert error(ValueError, from_truth_table, table) == (
        f"from_truth_table: expected (2^n,) or (2^n, m) with n at most 24, got {shape}."
    )


def test_a_table_of_more_than_24_inputs_is_no_table(error):
    assert error(ValueError, from_truth_table, np.broadcast_to(False, 2**25)) == (
        "from_truth_table: expected (2^n,) or (2^n, m) with n at most 24, got (33554432,)."
    )


@pytest.mark.parametrize("table", [[0, 2], [0.5, 1], [0, -1], [np.nan, 1], ["0", "1"]])
def test_entries_that_are_no_bits_are_refused(table, error):
    assert error(ValueError, from_truth_table, table) == "from_truth_table: expected Booleans, or zeros and ones."


def test_wrong_numbers_of_names_are_refused(error):
    message = error(ValueError, from_truth_table, [0, 1], ["a", "b"])
    assert message == "from_truth_table: expected 1 input names, got 2."
    message = error(ValueError, from_truth_table, [0, 1], ["a"], ["y", "z"])
    assert message == "from_truth_table: expected 1 output names, got 2."
    message = error(ValueError, from_truth_table, [0, 1], ["a"], [])
    assert message == "from_truth_table: expected 1 output names, got 0."
    assert error(ValueError, from_truth_table, [0, 1, 1, 1], ["a", "a"]) == "Circuit: input name 'a' is given twice."


def test_an_output_name_given_twice_is_refused(error):
    # Two columns must not become one output.
    error(ValueError, from_truth_table, np.zeros((4, 2)), None, ["y", "y"])


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6))
def test_a_table_on_any_nodes_of_a_netlist(seed, n, reference, all_rows):
    # The nodes are inputs, gates and the constant, in any order, some of them twice.
    rng = np.random.default_rng(seed)
    netlist = Builder(["a", "b", "c"])
    nodes = [0, *netlist.inputs, netlist.gate(XOR, 1, 2), netlist.gate(AND, 3, 2)]
    read, table = rng.choice(nodes, n).tolist(), rng.integers(0, 2, 2**n).astype(bool)
    outputs = {f"n{node}": node for node in nodes} | {"y": add_table(netlist, table, read)}
    values = reference(netlist.circuit(outputs), all_rows(3))
    row = sum((values[:, nodes.index(node)].astype(int) << i for i, node in enumerate(read)), np.zeros(8, int))
    np.testing.assert_array_equal(values[:, -1], table[row])


def test_tables_share_what_is_made_of_the_same_nodes():
    netlist, made = Builder(["a", "b", "c"]), {}
    majority, parity = np.array([0, 0, 0, 1, 0, 1, 1, 1], bool), np.array([0, 1, 1, 0, 1, 0, 0, 1], bool)
    first = add_table(netlist, majority, netlist.inputs, made)
    assert add_table(netlist, majority, netlist.inputs, made) == first
    assert netlist.circuit({"y": first}).n_gates == 5
    # The parity of the first two bits is new, and shared with nothing: two gates.
    add_table(netlist, parity, netlist.inputs, made)
    assert netlist.circuit({}).n_gates == 7
    # Without what has been made, all is made again.
    assert add_table(netlist, majority, netlist.inputs) != first
    assert netlist.circuit({}).n_gates == 12
