"""Cuts: at most six nodes that decide a gate, and its truth table over them, for all gates of a level at once.

J. Cong, C. Wu and Y. Ding, Cut ranking and pruning (1999); A. Mishchenko, S. Cho, S. Chatterjee and R. Brayton,
Combinational and sequential mapping with priority cuts (2007). A cut is priced in threshold units.
"""

from typing import NamedTuple

import numpy as np

from circuits.netlist import Circuit
from circuits.threshold.packed_tables import VARIABLE_WORDS
from circuits.threshold.recognition import recognise
from jaxnet.networks.wiring import levels

LEAVES = 6
# The price of a table that is neither one unit nor a parity.
NO_UNITS = 255
_PARITIES = np.bitwise_xor.accumulate(VARIABLE_WORDS)


class Cuts(NamedTuple):
    """The cuts of each node, cheapest first.

    Attributes:
        leaves: `(nodes, k, 6)` int32, ascending, then the number of nodes where a cut has fewer.
        tables: `(nodes, k)` uint64, the node over its leaves; leaf i is bit i of the row.
        units: `(nodes, k)` uint8, how many units such a table takes; 255 where it is not offered, or there is no cut.
    """

    leaves: np.ndarray
    tables: np.ndarray
    units: np.ndarray


def enumerate_cuts(
    circuit: Circuit, *, kept: int = 12, passing: int = 8, max_fan_in: int = 16, max_weight: int = 255
) -> Cuts:
    """Return for each gate its cheapest cuts whose table is one threshold unit or a parity.

    Cheap is the area flow: the units of the table, and of all below it, shared among those that read them.

    Args:
        circuit: without gates of constants.
        kept: cuts of each gate that are returned.
        passing: cuts of other tables, of which those of higher gates are made as well.
        max_fan_in: of a unit, 3 or more.
        max_weight: likewise, 2 or more.

    Returns:
        `Cuts`.

    Source: A. Mishchenko et al. (2007).

    >>> from circuits import parse
    >>> cuts = enumerate_cuts(parse("y = a & b | c"))
    >>> cuts.leaves[5, 0], cuts.units[5, 0]                                 # a, b and c, in one unit
    (array([1, 2, 3, 6, 6, 6], dtype=int32), np.uint8(1))
    """
    n, nodes = circuit.n_inputs, circuit.n_nodes
    slots = kept + passing + 1
    leaves = np.full((nodes, slots, LEAVES), nodes, np.int32)
    tables = np.zeros((nodes, slots), np.uint64)
    units = np.full((nodes, slots), NO_UNITS, np.uint8)
    there = np.zeros((nodes, slots), bool)
    # Each node is a cut of the nodes above it; the constant is a table of no leaves.
    there[:, -1] = True
    leaves[1:, -1, 0] = np.arange(1, nodes)
    tables[1:, -1] = VARIABLE_WORDS[0]
    readers = np.bincount(circuit.fan_ins.ravel(), minlength=nodes) + np.bincount(circuit.outputs, minlength=nodes)
    flow = np.zeros(nodes + 1)
    level = levels(1 + n, np.arange(0, 2 * circuit.n_gates + 1, 2), circuit.fan_ins.ravel())[1 + n :]
    order = np.argsort(level, kind="stable")
    for gates in np.split(order, np.flatnonzero(np.diff(level[order])) + 1) if len(order) else []:
        a, b = circuit.fan_ins[gates].T
        row, i, j = _pairs(leaves, there, a, b)
        row, table, found = _over_both(circuit.tables[gates], (leaves, tables), (a, b), (row, i, j))
        price = _prices(table, (found < nodes).sum(axis=1), max_fan_in, max_weight)
        offered = price < NO_UNITS
        score = flow[found].sum(axis=1) + np.where(offered, price, 0)
        ranked = np.lexsort(((found < nodes).sum(axis=1), score, ~offered, row))
        row, table, found, price, offered, score = (x[ranked] for x in (row, table, found, price, offered, score))
        # The place of each cut in its own list: those on offer from 0, the others from `kept`.
        kind = 2 * row + ~offered
        place = np.arange(len(row)) - np.searchsorted(kind, kind)
        cheapest = offered & (place == 0)
        flow[1 + n + gates[row[cheapest]]] = score[cheapest] / readers[1 + n + gates[row[cheapest]]].clip(1)
        stays = place < np.where(offered, kept, passing)
        slot, node = (place + np.where(offered, 0, kept))[stays], 1 + n + gates[row[stays]]
        leaves[node, slot], tables[node, slot], units[node, slot] = found[stays], table[stays], price[stays]
        there[node, slot] = True
    return Cuts(leaves[:, :kept], tables[:, :kept], units[:, :kept])


def _pairs(leaves: np.ndarray, there: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return which gate, which cut of its first and which of its second fan-in have few leaves together, roughly."""
    signature = np.bitwise_or.reduce(
        np.where(leaves[[*a, *b]] < len(leaves), np.uint64(1) << (leaves[[*a, *b]] % 64).astype(np.uint64), 0), axis=2
    )
    both = np.bitwise_or(signature[: len(a), :, None], signature[len(a) :, None, :])
    few = np.bitwise_count(both) <= LEAVES
    return np.nonzero(few & there[a][:, :, None] & there[b][:, None, :])


def _over_both(
    gates: np.ndarray,
    cuts: tuple[np.ndarray, np.ndarray],
    fan_ins: tuple[np.ndarray, np.ndarray],
    pairs: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each pair of cuts with at most six leaves which gate it is of, its table and its leaves, each once."""
    (leaves, tables), (a, b), (row, i, j) = cuts, fan_ins, pairs
    nodes = len(leaves)
    together = np.concatenate([leaves[a[row], i], leaves[b[row], j]], axis=1)
    together.sort(axis=1)
    together[:, 1:][together[:, 1:] == together[:, :-1]] = nodes
    together.sort(axis=1)
    few = together[:, LEAVES] == nodes
    row, i, j, found = row[few], i[few], j[few], together[few, :LEAVES]
    first = _firsts(row, found)
    row, i, j, found = row[first], i[first], j[first], found[first]
    p = _spread(tables[a[row], i], leaves[a[row], i], found, nodes)
    q = _spread(tables[b[row], j], leaves[b[row], j], found, nodes)
    rows = np.array([~p & ~q, p & ~q, ~p & q, p & q])
    on = gates[row] >> np.arange(4, dtype=np.uint8)[:, None] & 1
    table = np.bitwise_or.reduce(np.where(on, rows, np.uint64(0)), axis=0)
    table, found = _without_idle(table, found, nodes)
    first = _firsts(row, found)
    return row[first], table[first], found[first]


def _firsts(row: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the place of the first of all that have the same gate and leaves."""
    order = np.lexsort((*found.T, row))
    row, found = row[order], found[order]
    new = np.ones(len(order), bool)
    new[1:] = (row[1:] != row[:-1]) | (found[1:] != found[:-1]).any(axis=1)
    return order[new]


def _spread(table: np.ndarray, leaves: np.ndarray, wider: np.ndarray, nodes: int) -> np.ndarray:
    """Return tables over leaves as tables over more of them, both ascending."""
    # From the last leaf down, so that the place it moves to is free: nothing depends on it.
    for k in reversed(range(LEAVES)):
        place = (wider < leaves[:, k, None]).sum(axis=1)
        table = _swapped(table, k, np.where(leaves[:, k] < nodes, place, k))
    return table


def _swapped(table: np.ndarray, k: int, place: np.ndarray) -> np.ndarray:
    """Return tables with variable k and a later one swapped, another one for each table."""
    moved, shift = _MOVED[k][place], _SHIFTS[k][place]
    return (table & ~(moved | moved << shift)) | (table & moved) << shift | (table >> shift & moved)


def _without_idle(table: np.ndarray, leaves: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return tables and leaves without the leaves that a table does not depend on."""
    table, leaves = table.copy(), leaves.copy()
    for k in reversed(range(LEAVES)):
        same = ((table >> np.uint64(1 << k) ^ table) & ~VARIABLE_WORDS[k]) == 0
        idle = np.flatnonzero(same & (leaves[:, k] < nodes))
        part = table[idle]
        for later in range(k, LEAVES - 1):
            part = _swapped(part, later, np.full(len(part), later + 1))
        table[idle] = part
        leaves[idle, k:-1] = leaves[idle, k + 1 :]
        leaves[idle, -1] = nodes
    return table, leaves


def _prices(table: np.ndarray, sizes: np.ndarray, max_fan_in: int, max_weight: int) -> np.ndarray:
    """Return how many units each table takes: 1, or floor(log2 n) + 1 where it is a parity of n leaves."""
    different, which = np.unique(table, return_inverse=True)
    answer = recognise(different, LEAVES)
    one = answer.found & (np.abs(answer.weights.astype(int)).max(axis=1) <= max_weight)
    price = np.where(one[which] & (sizes <= max_fan_in), 1, NO_UNITS)
    parity = _PARITIES[np.maximum(sizes, 1) - 1]
    # The last unit of a parity reads the others too; the first has the largest weight.
    bits = np.frexp(sizes)[1]
    offered = (sizes > 1) & (sizes + bits - 1 <= max_fan_in) & (1 << bits - 1 <= max_weight)
    return np.where(offered & ((table == parity) | (table == ~parity)), bits, price).astype(np.uint8)


# For two variables k < i: the rows where k is on and i is not, which change places with those this far above.
_SHIFTS = np.array([[max(0, (1 << i) - (1 << k)) for i in range(LEAVES)] for k in range(LEAVES)], np.uint64)
_MOVED = np.array(
    [[VARIABLE_WORDS[k] & ~VARIABLE_WORDS[i] if k < i else 0 for i in range(LEAVES)] for k in range(LEAVES)], np.uint64
)
