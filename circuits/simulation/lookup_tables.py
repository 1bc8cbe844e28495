"""A circuit as look-up tables of three inputs, few of them: what is simulated in place of its gates.

A cut of a node is a set of leaves that determine it; its table is the node as a function of them. Each node keeps its
cheapest cuts by area flow, made of those of its fan-ins (A. Mishchenko, S. Cho, S. Chatterjee and R. Brayton,
Combinational and sequential mapping with priority cuts, ICCAD 2007).
"""

import functools
from typing import NamedTuple

import numpy as np

from circuits.netlist import Circuit

# How many cuts a node keeps, beside itself: with two, a full adder may lose the cut of its three bits.
_KEPT = 3

# The tables of the three leaves themselves: bit r of the table of leaf i is bit i of r.
_LEAVES = (0b10101010, 0b11001100, 0b11110000)


class LookUpTables(NamedTuple):
    """A circuit of g look-up tables, each after the tables that it reads.

    Attributes:
        nodes: `(g,)` int32: which node of the circuit a table computes.
        leaves: `(g, 3)` int32: the nodes that it reads; 0, the constant, where it reads fewer.
        tables: `(g,)` uint8: bit r is its value where the leaves spell r, the first of them the lowest bit.
    """

    nodes: np.ndarray
    leaves: np.ndarray
    tables: np.ndarray


def as_lookup_tables(circuit: Circuit) -> LookUpTables:
    """Cover a circuit with look-up tables of at most three inputs.

    Args:
        circuit: any circuit.

    Returns:
        `LookUpTables` for all outputs that are gates; what no output needs is left out. There are never more tables
        than gates, and a table depends on each of its leaves.

    Source: A. Mishchenko et al. (2007).

    >>> from circuits import library
    >>> as_lookup_tables(library.adder(8)).nodes.size                       # a sum and a carry a bit
    16
    """
    first = 1 + circuit.n_inputs
    fan_outs = np.bincount(circuit.fan_ins.ravel(), minlength=circuit.n_nodes)
    fan_outs += np.bincount(circuit.outputs, minlength=circuit.n_nodes)
    # A cut is (leaves in ascending order, table). The constant has no leaves, an input is its own leaf.
    itself = [((node,), _LEAVES[0]) for node in range(circuit.n_nodes)]
    cuts: list[tuple] = [(((), 0),), *((cut,) for cut in itself[1:first])]
    flow = [0.0] * first
    gates = zip(circuit.fan_ins.tolist(), circuit.tables.tolist(), fan_outs[first:].tolist(), strict=True)
    for node, ((a, b), table, fan_out) in enumerate(gates, first):
        cost: dict[frozenset, float] = {}
        halves = {}
        for of_a in cuts[a]:
            for of_b in cuts[b]:
                leaves = frozenset((*of_a[0], *of_b[0]))
                if len(leaves) <= 3 and leaves not in halves:
                    cost[leaves] = sum([flow[leaf] for leaf in leaves], 1.0)
                    halves[leaves] = of_a, of_b
        kept = sorted(cost, key=cost.__getitem__)[:_KEPT]
        made = [_cut(table, tuple(sorted(leaves)), *halves[leaves]) for leaves in kept]
        flow.append(cost[kept[0]] / max(1, fan_out))
        cuts.append((*made, itself[node]))
    return _chosen(circuit, cuts, flow)


def _cut(table: int, leaves: tuple[int, ...], a: tuple, b: tuple) -> tuple[tuple[int, ...], int]:
    """Join a cut of each fan-in to a cut of the gate, without the leaves that it does not depend on."""
    of_a = _moved(a[1], tuple(map(leaves.index, a[0])))
    of_b = _moved(b[1], tuple(map(leaves.index, b[0])))
    joined = (
        (-(table & 1) & ~(of_a | of_b))
        | (-(table >> 1 & 1) & of_a & ~of_b)
        | (-(table >> 2 & 1) & ~of_a & of_b)
        | (-(table >> 3) & of_a & of_b)
    ) & 255
    kept, smaller = _essential(joined, len(leaves))
    return (leaves, joined) if len(kept) == len(leaves) else (tuple(leaves[i] for i in kept), smaller)


@functools.cache
def _moved(table: int, places: tuple[int, ...]) -> int:
    """Return a table whose leaf i moves to place places[i]."""
    return sum((table >> sum((row >> place & 1) << i for i, place in enumerate(places)) & 1) << row for row in range(8))


@functools.cache
def _essential(table: int, n: int) -> tuple[tuple[int, ...], int]:
    """Return the leaves that a table of n leaves depends on, and its table over these alone."""
    kept = tuple(i for i in range(n) if ((table >> (1 << i)) ^ table) & ~_LEAVES[i] & 255)
    rows = [sum((row >> i & 1) << place for i, place in enumerate(kept)) for row in range(8)]
    return kept, sum((table >> source & 1) << row for row, source in enumerate(rows))


def _chosen(circuit: Circuit, cuts: list[tuple], flow: list[float]) -> LookUpTables:
    """Keep a cut of each output, of the leaves of these, and so on: the one whose leaves cost least anew.

    Flow alone would make a table of the half sum in each full adder, which is read twice; but the carry and the sum are
    both tables of the same three bits.
    """
    first = 1 + circuit.n_inputs
    needed = bytearray(circuit.n_nodes)
    needed[:first] = b"\1" * first
    for node in circuit.outputs.tolist():
        needed[node] = True

    def price(cut: tuple) -> float:
        return sum([flow[leaf] for leaf in cut[0] if not needed[leaf]])

    chosen = []
    for node in range(circuit.n_nodes - 1, first - 1, -1):
        if needed[node]:
            chosen.append(min(cuts[node][:-1], key=price))
            for leaf in chosen[-1][0]:
                needed[leaf] = True
    chosen.reverse()
    nodes = first + np.flatnonzero(np.frombuffer(needed, np.uint8)[first:]).astype(np.int32)
    leaves = np.array([(*leaves, 0, 0, 0)[:3] for leaves, _ in chosen], np.int32).reshape(-1, 3)
    return LookUpTables(nodes, leaves, np.array([table for _, table in chosen], np.uint8))
