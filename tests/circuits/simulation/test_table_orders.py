import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from circuits import library, simplify
from circuits.netlist import Circuit, last_readers
from circuits.simulation.lookup_tables import as_lookup_tables
from circuits.simulation.programs import lower
from circuits.simulation.table_orders import depth_first


def most_live(tables, circuit):
    """The most values that are there and still needed after a table, counted table by table."""
    last = last_readers(tables.leaves, circuit.outputs, circuit.n_nodes)
    there, most = [node for node in range(1, 1 + circuit.n_inputs) if last[node] >= 0], 0
    for table, node in enumerate(tables.nodes.tolist()):
        there = [other for other in there if last[other] > table] + [node]
        most = max(most, len(there))
    return most


@given(seed=st.integers(0, 10**6), gates=st.integers(0, 80))
def test_the_same_tables_each_after_what_it_reads(seed, gates, random_circuit):
    circuit = random_circuit(seed, 5, gates, 4)
    tables = as_lookup_tables(circuit)
    ordered = depth_first(tables, circuit.outputs, circuit.n_nodes)
    there = set(range(1 + circuit.n_inputs))
    for node, leaves in zip(ordered.nodes.tolist(), ordered.leaves.tolist(), strict=True):
        assert there >= {*leaves}
        there.add(node)
    assert there >= {*circuit.outputs.tolist()}
    back = np.argsort(ordered.nodes)
    for array, other in zip(ordered, tables, strict=True):
        np.testing.assert_array_equal(array[back], other[np.argsort(tables.nodes)])


def test_trees_side_by_side_keep_few_values():
    # 64 trees of 8 leaves, level by level: all 256 values of the first level wait for the second.
    layers, nodes, first = [], np.arange(1, 513), 513
    for width in (256, 128, 64):
        layers.append(nodes.reshape(width, 2))
        nodes, first = np.arange(first, first + width), first + width
    circuit = Circuit([f"x{i}" for i in range(512)], np.concatenate(layers), [6] * 448, nodes, [f"y{i}" for i in nodes])
    tables = as_lookup_tables(circuit)
    ordered = depth_first(tables, circuit.outputs, circuit.n_nodes)
    assert [nodes.searchsorted(node) for node in ordered.nodes.tolist() if node in nodes] == list(range(64))
    assert most_live(ordered, circuit) <= most_live(tables, circuit)
    # One tree is done before the next begins: what it reads is its own.
    place = {node: i for i, node in enumerate(ordered.nodes.tolist())}
    ends = [place[node] for node in nodes.tolist()]
    assert np.diff([-1, *ends]).tolist() == [len(tables.nodes) // 64] * 64


def test_a_full_adder_adds_when_it_carries():
    # 255 bits, counted: a tree level by level keeps all carries of a digit, in order it keeps a few for each digit.
    circuit = library.population_count(255)
    tables = as_lookup_tables(circuit)
    assert most_live(depth_first(tables, circuit.outputs[::-1], circuit.n_nodes), circuit) <= 256


def test_a_program_takes_the_order_that_needs_fewer_rows():
    # 1,200 gates that are read in the end by 400 others, which simplification by level would put last.
    n = 600
    first = [[1 + i % n, 1 + (7 * i + 1) % n] for i in range(1200)]
    pairs = [[1 + n + i, 1 + n + 600 + i] for i in range(600)]
    reads = [1 + n + 1200 + i for i in range(600)]
    chain, fan_ins = reads[0], [*first, *pairs]
    for node in reads[1:]:
        fan_ins.append([chain, node])
        chain = n + len(fan_ins)
    circuit = Circuit([f"x{i}" for i in range(n)], fan_ins, [8] * len(fan_ins), [chain], ["y"])
    tables = as_lookup_tables(circuit)
    program = lower(circuit)
    targets = program.targets[program.targets < program.rows]  # the output has its own row
    assert targets.max() < most_live(tables, circuit)
    assert len(simplify(circuit)) <= len(circuit)
