"""Places of the symbols and wires of a drawing: columns, the order within them, heights, and the wires between.

Layered drawing after K. Sugiyama, S. Tagawa and M. Toda (1981); columns and heights as linear programs after E. R.
Gansner et al. (1993).
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from circuits.drawing.crossings import ordered
from circuits.drawing.routing import Pieces, Strand, route
from circuits.gates import BUF, FALSE, essential, swap
from circuits.netlist import Circuit
from jaxnet.validation import whole_number

# In units of the drawing.
GATE_WIDTH = 6
_PIN = 1  # from the middle of a gate to each of its two pins
# How much height an item takes above its middle, and as much below.
_ROOM = {"input": 1, "gate": 3, "output": 1, "wire": 1}


class Symbol(NamedTuple):
    """A gate, or the name of an input or an output.

    Attributes:
        kind: "input", "gate" or "output".
        node: whose value it has: a gate or an input itself, or the node that is the output.
        name: of an input or output, else "".
        table: of a gate, as `essential` gives it, for `fan_ins` in this order; else BUF.
        fan_ins: the nodes at its pins, from the top: none, one, or two different ones.
        x: of its left edge; inputs and outputs have no width, and their names are beside them.
        y: of its middle; heights grow downwards. Two pins are one unit above and below, one is at y.
    """

    kind: str
    node: int
    name: str
    table: int
    fan_ins: tuple[int, ...]
    x: int
    y: int


class Wire(NamedTuple):
    """All lines that carry the value of one node.

    Attributes:
        node: the node.
        segments: `(k, 4)` float64, x and y of both ends; horizontal or vertical, with the left or upper end first.
        dots: `(d, 2)` float64, where it branches.
    """

    node: int
    segments: np.ndarray
    dots: np.ndarray


class Drawing(NamedTuple):
    """A drawing without its shapes."""

    symbols: tuple[Symbol, ...]
    wires: tuple[Wire, ...]


def arrange(circuit: Circuit, sweeps: int = 12) -> Drawing:
    """Place the parts of a circuit from left to right: inputs, gates in columns after their fan-ins, outputs.

    Args:
        circuit: any circuit; a few hundred gates take a second or two.
        sweeps: how often to go over the columns to lower the number of crossings; 0 keeps the order of the netlist.

    Returns:
        The same `Drawing` for the same circuit. Fan-ins that change nothing are left out, as `essential` does; the
        constant, node 0, is drawn as a gate if it is an output. No two gates meet, no wire crosses a gate, and wires
        of different nodes cross, but do not lie on each other.

    Raises:
        TypeError: if `sweeps` is no whole number.
        ValueError: if it is negative.

    Source: K. Sugiyama, S. Tagawa and M. Toda, Methods for visual understanding of hierarchical system structures
        (1981); E. R. Gansner, E. Koutsofios, S. C. North and K.-P. Vo, A technique for drawing directed graphs (1993).

    >>> from circuits.gates import AND
    >>> drawing = arrange(Circuit(["a", "b"], [[1, 2]], [AND], [3], ["y"]))
    >>> [(symbol.kind, symbol.x, symbol.y) for symbol in drawing.symbols]
    [('input', 0, 0), ('input', 0, 2), ('gate', 2, 1), ('output', 10, 1)]
    """
    sweeps = whole_number("arrange", "sweeps", sweeps)
    symbols = _symbols(circuit)
    graph = _graph(symbols, _columns(symbols))
    orders = ordered(graph.columns, graph.links, sweeps)
    symbols = _with_sorted_pins(symbols, graph, orders)
    y = _heights(symbols, graph, orders)
    return _routed(symbols, graph, y)


def pin_offset(symbol: Symbol, i: int) -> int:
    """Return how far below the middle of a symbol its i-th pin from the top is.

    Args:
        symbol: an output, or a gate with fan-ins.
        i: the place of a fan-in.

    Returns:
        0 where it is the only one, else -1 or 1.

    >>> pin_offset(Symbol("gate", 3, "", 8, (1, 2), 0, 0), 1)
    1
    """
    return 0 if len(symbol.fan_ins) == 1 else _PIN * (2 * i - 1)


def _symbols(circuit: Circuit) -> list[Symbol]:
    found = [Symbol("input", i, name, BUF, (), 0, 0) for i, name in enumerate(circuit.input_names, 1)]
    if 0 in circuit.outputs:
        found.append(Symbol("gate", 0, "", FALSE, (), 0, 0))
    gates = zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True)
    for node, (table, fan_ins) in enumerate(gates, 1 + circuit.n_inputs):
        found.append(Symbol("gate", node, "", *essential(table, *fan_ins), 0, 0))
    ends = zip(circuit.outputs.tolist(), circuit.output_names, strict=True)
    return found + [Symbol("output", node, name, BUF, (node,), 0, 0) for node, name in ends]


def _columns(symbols: list[Symbol]) -> list[int]:
    """Return the column of each symbol: inputs first, outputs last, and all wires together as short as possible."""
    earliest = {symbol.node: 0 for symbol in symbols if symbol.kind == "input"}
    for symbol in symbols:
        if symbol.kind == "gate":
            earliest[symbol.node] = 1 + max((earliest[node] for node in symbol.fan_ins), default=0)
    last = 1 + max(earliest.values(), default=0)
    n, source = len(symbols), _sources(symbols)
    bounds = [{"input": (0, 0), "gate": (1, last - 1), "output": (last, last)}[symbol.kind] for symbol in symbols]
    # Variables: the column of each symbol, and that where its wire ends.
    rows = [(n + i, i, 0) for i in range(n)]
    for i, symbol in enumerate(symbols):
        for fan_in in (source[node] for node in symbol.fan_ins):
            rows += [(i, fan_in, 1), (n + fan_in, i, 0)]
    # Among columns that cost the same, a gate goes into the latest: near the gates that read it.
    cost = np.repeat([-1.001, 1.0], n)
    return _solved(cost, rows, [*bounds, *[(0, last)] * n])[:n].tolist()


class _Graph(NamedTuple):
    """Items in columns, each linked to items of the next column.

    The first items are the symbols, in their order; the others are wires that pass through a column.

    Attributes:
        columns: the items of each column.
        nodes: for each item, the node whose value leaves it.
        links: for each channel between a column and the next, pairs of an item and one that it feeds.
    """

    columns: list[list[int]]
    nodes: list[int]
    links: list[list[tuple[int, int]]]


def _graph(symbols: list[Symbol], column: list[int]) -> _Graph:
    source = _sources(symbols)
    columns: list[list[int]] = [[] for _ in range(1 + max(column, default=0))]
    for item, place in enumerate(column):
        columns[place].append(item)
    nodes = [symbol.node for symbol in symbols]
    links: list[list[tuple[int, int]]] = [[] for _ in columns[1:]]
    passing: dict[tuple[int, int], int] = {}
    for item, symbol in enumerate(symbols):
        for node in symbol.fan_ins:
            left = source[node]
            for place in range(column[left] + 1, column[item]):
                if (node, place) not in passing:
                    passing[node, place] = len(nodes)
                    columns[place].append(len(nodes))
                    links[place - 1].append((left, len(nodes)))
                    nodes.append(node)
                left = passing[node, place]
            links[column[item] - 1].append((left, item))
    return _Graph(columns, nodes, links)


def _sources(symbols: list[Symbol]) -> dict[int, int]:
    return {symbol.node: item for item, symbol in enumerate(symbols) if symbol.kind != "output"}


def _with_sorted_pins(symbols: list[Symbol], graph: _Graph, orders: list[list[int]]) -> list[Symbol]:
    """Return symbols whose two pins are in the order in which their wires arrive, with tables that fit."""
    rank = {item: i for order in orders for i, item in enumerate(order)}
    at = {(graph.nodes[left], right): rank[left] for left, right in itertools.chain.from_iterable(graph.links)}
    found = []
    for item, symbol in enumerate(symbols):
        if len(symbol.fan_ins) == 2:
            a, b = symbol.fan_ins
            if at[a, item] > at[b, item]:
                symbol = symbol._replace(fan_ins=(b, a), table=swap(symbol.table))
        found.append(symbol)
    return found


def _pin(symbols: list[Symbol], graph: _Graph, left: int, right: int) -> int:
    """Return how far below the middle of the right item the wire from the left one ends."""
    if right >= len(symbols):
        return 0
    return pin_offset(symbols[right], symbols[right].fan_ins.index(graph.nodes[left]))


def _heights(symbols: list[Symbol], graph: _Graph, orders: list[list[int]]) -> list[int]:
    """Return the height of each item, so that wires bend little, and long ones least."""
    n, n_symbols = len(graph.nodes), len(symbols)
    room = [_ROOM[symbol.kind] for symbol in symbols] + [_ROOM["wire"]] * (n - n_symbols)
    cost = [0.0] * n
    rows: list[tuple[int, int, float]] = []
    for order in orders:
        rows += [(below, above, room[above] + room[below]) for above, below in itertools.pairwise(order)]
        if order:  # where no wire pulls, close together
            cost[order[0]] -= 0.01
            cost[order[-1]] += 0.01
    for left, right in itertools.chain.from_iterable(graph.links):
        pin = _pin(symbols, graph, left, right)
        weight = (1.0, 3.0, 8.0)[(left >= n_symbols) + (right >= n_symbols)]
        # A wire bends by |left - right - pin|: how far its ends are below the upper of both, one more variable.
        rows += [(left, len(cost), 0), (right, len(cost), -pin)]
        cost[left] += weight
        cost[right] += weight
        cost.append(-2 * weight)
    y = _solved(np.array(cost), rows, [(0, None)] * len(cost))[:n]
    return (y - y.min(initial=0)).tolist()


def _solved(cost: np.ndarray, rows: Sequence[tuple[int, int, float]], bounds: list[tuple]) -> np.ndarray:
    """Return x of least cost . x where x[i] - x[j] >= k for each row (i, j, k); there are integers."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    if not len(cost):
        return np.zeros(0, int)
    i, j, k = (np.array(part) for part in zip(*rows, strict=True)) if rows else np.zeros((3, 0), int)
    places = np.arange(len(rows))
    at_most = csr_array(
        (np.repeat([-1.0, 1.0], len(rows)), (np.tile(places, 2), np.concatenate([i, j]))), shape=(len(rows), len(cost))
    )
    found = linprog(cost, at_most, -k.astype(float), bounds=bounds, method="highs-ds")
    assert found.success, found.message
    return np.rint(found.x).astype(int)


def _routed(symbols: list[Symbol], graph: _Graph, y: list[int]) -> Drawing:
    """Return symbols and wires at their places; the channel between two columns is as wide as its wires need."""
    pieces: dict[int, list[Pieces]] = {node: [] for node in graph.nodes}
    x = [0] * len(graph.columns)
    for place, links in enumerate(graph.links):
        start = x[place] + GATE_WIDTH * (place > 0)
        exits: dict[int, list[float]] = {}
        for left, right in links:
            exits.setdefault(left, []).append(y[right] + _pin(symbols, graph, left, right))
        strands = [Strand(graph.nodes[left], y[left], tuple(sorted(ends))) for left, ends in exits.items()]
        x[place + 1], routed = route(strands, start)
        for node, piece in routed.items():
            pieces[node].append(piece)
        for left in graph.columns[place]:
            if left >= len(symbols):  # a wire that passes
                pieces[graph.nodes[left]].append(Pieces([(x[place], y[left], start, y[left])], []))
    column = {item: place for place, items in enumerate(graph.columns) for item in items}
    placed = [symbol._replace(x=x[column[item]], y=y[item]) for item, symbol in enumerate(symbols)]
    return Drawing(tuple(placed), tuple(_wire(node, own) for node, own in sorted(pieces.items()) if own))


def _wire(node: int, pieces: list[Pieces]) -> Wire:
    segments, dots = ([part for piece in pieces for part in piece[i]] for i in range(2))
    return Wire(node, np.array(segments, float).reshape(-1, 4), np.array(dots, float).reshape(-1, 2))
