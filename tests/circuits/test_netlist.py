import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import gates
from circuits.builder import Builder
from circuits.gates import AND, BUF, FALSE, NOT, OR, TRUE, XOR, essential
from circuits.netlist import (
    Circuit,
    depth,
    last_readers,
    node_names,
    nodes_by_name,
    without_dead_gates,
)

# A half adder, and the ways to spoil it.
GOOD = {
    "input_names": ["a", "b"],
    "fan_ins": [[1, 2], [1, 2]],
    "tables": [XOR, AND],
    "outputs": [3, 4],
    "output_names": ["sum", "carry"],
}
SHAPES = "Circuit: expected fan_ins (gates, 2), tables (gates,) and outputs (m,), got "
SPOILED = [
    ({"fan_ins": [[1.0, 2.0], [1.0, 2.0]]}, "Circuit: expected integers in fan_ins, got float64."),
    ({"tables": [True, False]}, "Circuit: expected integers in tables, got bool."),
    ({"outputs": [3.0, 4.0]}, "Circuit: expected integers in outputs, got float64."),
    ({"outputs": ["3", "4"]}, "Circuit: expected integers in outputs, got <U1."),
    ({"fan_ins": [1, 2, 1, 2]}, SHAPES + "(4,), (2,) and (2,)."),
    ({"fan_ins": [[1, 2, 0], [1, 2, 0]]}, SHAPES + "(2, 3), (2,) and (2,)."),
    ({"fan_ins": [[1, 2]]}, SHAPES + "(1, 2), (2,) and (2,)."),
    ({"fan_ins": []}, SHAPES + "(0, 2), (2,) and (2,)."),
    ({"tables": [[XOR, AND]]}, SHAPES + "(2, 2), (1, 2) and (2,)."),
    ({"tables": [XOR, AND, OR]}, SHAPES + "(2, 2), (3,) and (2,)."),
    ({"outputs": 3}, SHAPES + "(2, 2), (2,) and ()."),
    ({"outputs": [[3, 4]]}, SHAPES + "(2, 2), (2,) and (1, 2)."),
    ({"input_names": ["a", ""]}, "Circuit: expected input names that are non-empty strings, got ''."),
    ({"input_names": ["a", 1]}, "Circuit: expected input names that are non-empty strings, got 1."),
    ({"output_names": ["sum", None]}, "Circuit: expected output names that are non-empty strings, got None."),
    ({"input_names": ["a", "a"]}, "Circuit: input name 'a' is given twice."),
    ({"output_names": ["y", "y"]}, "Circuit: output name 'y' is given twice."),
    ({"output_names": ["sum"]}, "Circuit: expected 2 output names, one per output, got 1."),
    ({"output_names": ["x", "y", "z"]}, "Circuit: expected 2 output names, one per output, got 3."),
    (
        {"fan_ins": [[1, 3], [1, 2]]},
        "Circuit: gate 0 (node 3) has fan-ins [1, 3], expected nodes in 0..2: a gate comes after its fan-ins.",
    ),
    (
        {"fan_ins": [[1, 2], [4, 2]]},
        "Circuit: gate 1 (node 4) has fan-ins [4, 2], expected nodes in 0..3: a gate comes after its fan-ins.",
    ),
    (
        {"fan_ins": [[1, 2], [1, -1]]},
        "Circuit: gate 1 (node 4) has fan-ins [1, -1], expected nodes in 0..3: a gate comes after its fan-ins.",
    ),
    (
        {"fan_ins": np.array([[1, 2], [1, 2**32 + 2]])},
        "Circuit: gate 1 (node 4) has fan-ins [1, 4294967298], expected nodes in 0..3: a gate comes after its fan-ins.",
    ),
    ({"tables": [XOR, 16]}, "Circuit: gate 1 has truth table 16, expected one of 0..15."),
    ({"tables": [-1, AND]}, "Circuit: gate 0 has truth table -1, expected one of 0..15."),
    ({"tables": [256 + AND, AND]}, "Circuit: gate 0 has truth table 264, expected one of 0..15."),
    ({"outputs": [3, 5]}, "Circuit: output 'carry' is node 5, expected one of 0..4."),
    ({"outputs": [-1, 4]}, "Circuit: output 'sum' is node -1, expected one of 0..4."),
    ({"outputs": np.array([2**32 + 3, 4])}, "Circuit: output 'sum' is node 4294967299, expected one of 0..4."),
]


@pytest.mark.parametrize(("change", "message"), SPOILED)
def test_a_malformed_netlist_is_refused(change, message, error):
    kind = TypeError if "expected integers" in message else ValueError
    assert error(kind, Circuit, **(GOOD | change)) == message


def test_more_nodes_than_an_int32_counts_are_refused(error):
    # Broadcast arrays have the length without the memory.
    fan_ins, tables = np.broadcast_to(0, (2**31, 2)), np.broadcast_to(0, (2**31,))
    message = error(ValueError, Circuit, [], fan_ins, tables, [], [])
    assert message == "Circuit: expected fewer than 2^31 nodes, got 2147483649."


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_any_integer_type_is_taken_and_stored_small(dtype):
    arrays = {name: np.array(GOOD[name], dtype) for name in ("fan_ins", "tables", "outputs")}
    circuit = Circuit(**(GOOD | arrays))
    assert (circuit.fan_ins.dtype, circuit.tables.dtype, circuit.outputs.dtype) == (np.int32, np.uint8, np.int32)
    assert circuit.fan_ins.tolist() == GOOD["fan_ins"]
    assert circuit.fan_ins.nbytes + circuit.tables.nbytes == 9 * circuit.n_gates


def test_what_a_circuit_says_of_itself():
    circuit = Circuit(**GOOD)
    assert (circuit.n_inputs, circuit.n_outputs, circuit.n_gates, circuit.n_nodes) == (2, 2, 2, 5)
    assert repr(circuit) == "Circuit(2 inputs, 2 outputs, 2 gates)"
    assert circuit.input_names == ("a", "b")
    assert circuit.output_names == ("sum", "carry")


def test_names_may_be_any_iterable_and_an_output_may_have_the_name_of_an_input():
    circuit = Circuit(iter("ab"), [[1, 2]], [AND], [3], (name for name in ["a"]))
    assert (circuit.input_names, circuit.output_names) == (("a", "b"), ("a",))


def test_a_circuit_is_immutable():
    tables = np.array([XOR, AND], np.uint8)
    circuit = Circuit(**(GOOD | {"tables": tables}))
    for field in dataclasses.fields(Circuit):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(circuit, field.name, None)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(circuit, field.name)
    for array in (circuit.fan_ins, circuit.tables, circuit.outputs):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    tables[:] = OR
    assert circuit.tables.tolist() == [XOR, AND]


def test_circuits_are_equal_and_hash_by_identity():
    circuit, twin = Circuit(**GOOD), Circuit(**GOOD)
    assert circuit == circuit
    assert circuit != twin
    assert len({circuit, twin, circuit}) == 2


@pytest.mark.parametrize("n", [0, 2])
@pytest.mark.parametrize("gates", [0, 1])
@pytest.mark.parametrize("m", [0, 2])
def test_there_may_be_no_inputs_no_gates_and_no_outputs(n, gates, m):
    circuit = Circuit(["a", "b"][:n], [[0, 0]] * gates, [TRUE] * gates, [0] * m, ["y", "z"][:m])
    assert (circuit.n_inputs, circuit.n_gates, circuit.n_outputs) == (n, gates, m)
    assert circuit.fan_ins.shape == (gates, 2)
    assert depth(circuit) == 0
    assert without_dead_gates(circuit).n_gates == 0


@pytest.mark.parametrize(
    ("table", "function"),
    [
        (gates.FALSE, lambda a, b: False),
        (gates.NOR, lambda a, b: not (a or b)),
        (gates.NOT, lambda a, b: not a),
        (gates.XOR, lambda a, b: a != b),
        (gates.NAND, lambda a, b: not (a and b)),
        (gates.TRUE, lambda a, b: True),
        (gates.OR, lambda a, b: a or b),
        (gates.BUF, lambda a, b: a),
        (gates.XNOR, lambda a, b: a == b),
        (gates.AND, lambda a, b: a and b),
    ],
)
def test_the_names_of_tables(table, function):
    # Bit a + 2b of the table.
    assert table == sum(1 << a + 2 * b for a in (0, 1) for b in (0, 1) if function(a, b))


def longest_path(circuit, node):
    """By its definition: gates on the longest path that ends in the node."""
    found = {}

    def of(node):
        if node <= circuit.n_inputs:
            return 0
        if node not in found:
            found[node] = 1 + max(of(fan_in) for fan_in in circuit.fan_ins[node - 1 - circuit.n_inputs].tolist())
        return found[node]

    return of(node)


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6), gates=st.integers(0, 40), m=st.integers(0, 4))
def test_depth_is_the_longest_path_to_an_output(seed, n, gates, m, random_circuit):
    circuit = random_circuit(seed, n, gates, m)
    assert depth(circuit) == max((longest_path(circuit, node) for node in circuit.outputs.tolist()), default=0)


def test_depth_does_not_count_gates_that_feed_no_output():
    fan_ins = [[1, 0]] + [[1 + gate, 0] for gate in range(1, 10)]
    assert depth(Circuit(["a"], fan_ins, [NOT] * 10, [11], ["y"])) == 10
    assert depth(Circuit(["a"], fan_ins, [NOT] * 10, [4], ["y"])) == 3
    assert depth(Circuit(["a"], fan_ins, [NOT] * 10, [1, 0], ["y", "z"])) == 0


def test_depth_of_a_chain_of_100_000_gates():
    gates = 100_000
    fan_ins = np.stack([np.arange(1, gates + 1), np.zeros(gates, int)], axis=1)
    assert depth(Circuit(["a"], fan_ins, [NOT] * gates, [gates + 1], ["y"])) == gates


def reached(circuit):
    """The gates that some output depends on, from the outputs down."""
    first, found, waiting = 1 + circuit.n_inputs, set(), circuit.outputs.tolist()
    while waiting:
        node = waiting.pop()
        if node >= first and node not in found:
            found.add(node)
            waiting += circuit.fan_ins[node - first].tolist()
    return found


@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), gates=st.integers(0, 40), m=st.integers(0, 4))
def test_without_dead_gates(seed, n, gates, m, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n, gates, m)
    pruned = without_dead_gates(circuit)
    assert (pruned.input_names, pruned.output_names) == (circuit.input_names, circuit.output_names)
    np.testing.assert_array_equal(reference(pruned, all_rows(n)), reference(circuit, all_rows(n)))
    # Every gate that is left reaches an output, and every one that does is left, in the old order.
    assert len(reached(pruned)) == pruned.n_gates == len(reached(circuit))
    alive = [node - 1 - n for node in sorted(reached(circuit))]
    assert pruned.tables.tolist() == circuit.tables[alive].tolist()


@pytest.mark.parametrize("table", range(16))
@pytest.mark.parametrize(("a", "b"), [(5, 7), (7, 5), (5, 5), (5, 0), (0, 5), (0, 0)])
def test_essential_keeps_the_function_and_nothing_that_changes_nothing(table, a, b):
    kind, fan_ins = essential(table, a, b)
    rows = [{0: 0, 5: x, 7: y} for y in (0, 1) for x in (0, 1)]

    def values(table, nodes):
        places = [*nodes, 0, 0][:2]
        return [table >> row[places[0]] + 2 * row[places[1]] & 1 for row in rows]

    assert values(kind, fan_ins) == values(table, (a, b))
    # Node 5 is bit 0 of the number of the row, and node 7 bit 1.
    outputs = values(table, (a, b))
    depends = {node for node, bit in ((5, 1), (7, 2)) if any(outputs[r] != outputs[r ^ bit] for r in range(4))}
    assert set(fan_ins) == depends
    assert len(fan_ins) == len(depends)
    assert kind in {0: (FALSE, TRUE), 1: (BUF, NOT), 2: (table,)}[len(depends)]


def test_the_last_reader_of_each_node(random_circuit):
    circuit = random_circuit(3, 5, 60, 4)
    last = last_readers(circuit.fan_ins, circuit.outputs, circuit.n_nodes)
    expected = {node: gate for gate, fan_ins in enumerate(circuit.fan_ins.tolist()) for node in fan_ins}
    expected |= dict.fromkeys(circuit.outputs.tolist(), 60)
    assert last.tolist() == [expected.get(node, -1) for node in range(circuit.n_nodes)]
    assert last_readers(np.zeros((0, 2), int), np.array([1]), 3).tolist() == [-1, 0, -1]


def named():
    netlist = Builder(["a", "b"])
    left = netlist.gate(AND, 1, 2)
    dead = netlist.gate(OR, 1, 2)
    top = netlist.gate(XOR, left, 1)
    return netlist.circuit({"y": top}, {"a": 1, "left": left, "dead": dead, "top": top, "again": top})


def test_gates_keep_the_names_of_the_file():
    assert named().gate_names == "left\ndead\ntop"
    assert node_names(named()) == ["0", "a", "b", "left", "dead", "top"]
    assert nodes_by_name(named()) == {"0": 0, "a": 1, "b": 2, "left": 3, "dead": 4, "top": 5, "y": 5}
    assert without_dead_gates(named()).gate_names == "left\ntop"
    assert node_names(Circuit(["n3"], [[1, 1], [1, 1]], [AND, AND], [3], ["y"])) == ["0", "n3", "nn2", "y"]
    assert Circuit(["a"], [[1, 1]] * 2, [AND] * 2, [3], ["y"], ["", ""]).gate_names == ""


def test_gate_names_that_do_not_fit_are_refused(error):
    for names, count in ((["x"], 1), (["x", "y", "z"], 3), (["x\ny", "z"], 3)):
        message = error(ValueError, Circuit, *GOOD.values(), names)
        assert message == f"Circuit: expected 2 gate names, one per gate and each in one line, got {count}."


def test_len_is_the_number_of_gates_and_a_circuit_is_true_without_any():
    assert len(named()) == 3
    empty = Circuit([], [], [], [], [])
    assert (len(empty), bool(empty)) == (0, True)
    assert named() != named()
