"""Layouts: what a reader of the drawing relies on, for circuits of any gates, and few crossings for known ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import circuits
from circuits import library
from circuits.builder import Builder
from circuits.drawing.layout import GATE_WIDTH, arrange, pin_offset
from circuits.gates import AND, BUF, FALSE, NAND, TRUE, XOR, essential
from circuits.netlist import Circuit

HALF = 2  # of the height of a gate

KNOWN = {
    "c17": lambda: circuits.read(circuits.c17_path),
    "adder": lambda: library.adder(6),
    "multiplier": lambda: library.multiplier(3),
    "multiplexer": lambda: library.multiplexer(3),
    "comparator": lambda: library.comparator(4),
}


def segments(drawing):
    return [(wire.node, *segment) for wire in drawing.wires for segment in wire.segments.tolist()]


def touch(a, b):
    """Whether two segments share a point."""
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def cross(a, b):
    """Whether they share a point that is inside of both, one being vertical and one horizontal."""
    if a[0] != a[2]:
        a, b = b, a
    return a[0] == a[2] and b[1] == b[3] and b[0] < a[0] < b[2] and a[1] < b[1] < a[3]


def crossings(drawing):
    return sum(cross(a[1:], b[1:]) for a, b in itertools.combinations(segments(drawing), 2) if a[0] != b[0])


def check(circuit, drawing):
    symbols = drawing.symbols
    gates = [symbol for symbol in symbols if symbol.kind == "gate"]
    for kind, names in (("input", circuit.input_names), ("output", circuit.output_names)):
        assert [symbol.name for symbol in symbols if symbol.kind == kind] == list(names)
    assert [symbol.node for symbol in symbols if symbol.kind == "output"] == circuit.outputs.tolist()
    first = 1 + circuit.n_inputs
    constant = [0] if 0 in circuit.outputs else []
    assert [symbol.node for symbol in gates] == constant + list(range(first, circuit.n_nodes))

    # Each gate computes what it did, though its pins may be exchanged.
    for symbol in gates:
        if symbol.node:
            table, fan_ins = essential(int(circuit.tables[symbol.node - first]), *circuit.fan_ins[symbol.node - first])
            assert sorted(symbol.fan_ins) == sorted(map(int, fan_ins))
            if symbol.fan_ins != tuple(map(int, fan_ins)):
                table = sum((table >> row & 1) << (row >> 1 | (row & 1) << 1) for row in range(4))
            assert symbol.table == table

    # From left to right, and apart.
    ends = {
        symbol.node: symbol.x + GATE_WIDTH * (symbol.kind == "gate") for symbol in symbols if symbol.kind != "output"
    }
    for symbol in symbols:
        assert all(ends[fan_in] < symbol.x for fan_in in symbol.fan_ins)
    for a, b in itertools.combinations(gates, 2):
        assert a.x >= b.x + GATE_WIDTH or b.x >= a.x + GATE_WIDTH or abs(a.y - b.y) > 2 * HALF
    for kind in ("input", "output"):
        names = [symbol for symbol in symbols if symbol.kind == kind]
        assert len({symbol.x for symbol in names}) <= 1
        assert all(abs(a.y - b.y) >= 2 for a, b in itertools.combinations(names, 2))

    pieces = segments(drawing)
    for node, x, y, end_x, end_y in pieces:
        assert (x < end_x and y == end_y) or (x == end_x and y < end_y)
        for gate in gates:
            assert x >= gate.x + GATE_WIDTH or end_x <= gate.x or y > gate.y + HALF or end_y < gate.y - HALF, (
                node,
                gate,
            )
    for a, b in itertools.combinations(pieces, 2):
        if a[0] != b[0] and touch(a[1:], b[1:]):
            assert cross(a[1:], b[1:]), (a, b)

    # Each wire is in one piece, and its loose ends are the pins that it connects.
    pins = {}
    for symbol in symbols:
        if symbol.kind != "output":
            pins.setdefault(symbol.node, []).insert(0, (ends[symbol.node], symbol.y))
        for i, fan_in in enumerate(symbol.fan_ins):
            pins.setdefault(fan_in, []).append((symbol.x, symbol.y + pin_offset(symbol, i)))
    wires = {wire.node: wire for wire in drawing.wires}
    assert set(wires) == {node for node, own in pins.items() if len(own) > 1}
    for node, wire in wires.items():
        own = wire.segments.tolist()
        reached, waiting = set(), [0]
        while waiting:
            i = waiting.pop()
            if i not in reached:
                reached.add(i)
                waiting += [k for k in range(len(own)) if touch(own[i], own[k])]
        assert len(reached) == len(own)
        points = [(x, y) for segment in own for x, y in (segment[:2], segment[2:])]

        def degree(x, y, own=own):
            return sum(
                (1 if (x, y) in ((s[0], s[1]), (s[2], s[3])) else 2) for s in own if touch((x, y, x, y), tuple(s))
            )

        assert sorted({p for p in points if degree(*p) == 1}) == sorted(pins[node])
        assert sorted({p for p in points if degree(*p) > 2}) == sorted(map(tuple, wire.dots.tolist()))


@given(seed=st.integers(0, 10**6), gates=st.integers(0, 25), n=st.integers(0, 6), m=st.integers(0, 5))
def test_any_circuit_can_be_read(random_circuit, seed, gates, n, m):
    circuit = random_circuit(seed, n, gates, m)
    check(circuit, arrange(circuit))


@pytest.mark.parametrize("sweeps", [0, 12])
@pytest.mark.parametrize("name", KNOWN)
def test_known_circuits_can_be_read(name, sweeps):
    circuit = KNOWN[name]()
    check(circuit, arrange(circuit, sweeps))


@pytest.mark.slow
def test_c432_can_be_read(iscas85):
    circuit = circuits.read(iscas85 / "c432.bench")
    check(circuit, arrange(circuit))


@pytest.mark.parametrize("name", KNOWN)
def test_crossings_are_fewer_than_in_the_order_of_the_netlist(name):
    circuit = KNOWN[name]()
    assert crossings(arrange(circuit)) < crossings(arrange(circuit, sweeps=0)) / 2


def test_a_tree_has_no_crossings_whatever_the_order_of_its_inputs():
    order = np.random.default_rng(0).permutation(16) + 1
    netlist = Builder([f"x{i}" for i in range(16)])
    tree = netlist.circuit({"y": netlist.tree(XOR, order.tolist())})
    assert crossings(arrange(tree)) == 0


def test_the_same_circuit_has_the_same_layout(random_circuit):
    first, second = (arrange(random_circuit(3)) for _ in range(2))
    assert first.symbols == second.symbols
    for a, b in zip(first.wires, second.wires, strict=True):
        assert a.node == b.node
        assert np.array_equal(a.segments, b.segments)
        assert np.array_equal(a.dots, b.dots)


@pytest.mark.parametrize(
    "circuit",
    [
        Circuit([], [], [], [], []),
        Circuit(["a"], [], [], [], []),
        Circuit([], [], [], [0], ["zero"]),
        Circuit(["a"], [], [], [1], ["a"]),
        Circuit(["a", "b"], [], [], [1, 1, 0, 0], ["w", "x", "y", "z"]),
        Circuit(["a"], [[0, 0]], [TRUE], [2], ["one"]),
        Circuit(["a", "b"], [[1, 1], [3, 3]], [AND, NAND], [4], ["y"]),
        Circuit(["a", "b"], [[1, 2]], [AND], [], []),
        Circuit(["a", "b"], [[1, 2], [2, 1]], [XOR, 0b0010], [3, 4, 3], ["x", "y", "z"]),
    ],
    ids=str,
)
def test_corner_cases(circuit):
    check(circuit, arrange(circuit))


@pytest.mark.parametrize(("sweeps", "kind"), [(True, TypeError), (2.0, TypeError), (-1, ValueError)])
def test_sweeps_are_a_whole_number(sweeps, kind):
    circuit = Circuit(["a"], [], [], [1], ["a"])
    assert arrange(circuit, np.int64(2)).symbols == arrange(circuit).symbols
    with pytest.raises(kind, match="arrange: expected sweeps"):
        arrange(circuit, sweeps)


def test_a_gate_is_drawn_by_what_it_does():
    same = Circuit(["a"], [[1, 1], [1, 1]], [AND, XOR], [2, 3], ["y", "zero"])
    gates = [(symbol.table, symbol.fan_ins) for symbol in arrange(same).symbols if symbol.kind == "gate"]
    assert gates == [(BUF, (1,)), (FALSE, ())]


def test_every_pair_of_four_inputs():
    names = [f"x{i}" for i in range(4)]
    fan_ins = list(itertools.product(range(1, 5), repeat=2))
    circuit = Circuit(names, fan_ins, [AND] * 16, range(5, 21), [f"y{i}" for i in range(16)])
    check(circuit, arrange(circuit))
