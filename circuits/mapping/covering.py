"""Covering: one cut for each gate that is needed, with few units in all.

J. Cong and Y. Ding (1994) for the cover; V. Manohararajah, S. D. Brown and Z. G. Vranesic, Heuristics for area
minimization in LUT-based FPGA technology mapping (2006), for area flow; A. Mishchenko et al. (2007) for exact area.
"""

import numpy as np

from circuits.mapping.cuts import NO_UNITS, Cuts
from circuits.netlist import Circuit
from jaxnet.networks.wiring import levels


def cover(circuit: Circuit, cuts: Cuts, *, rounds: int = 4) -> dict[int, int]:
    """Choose a cut for each gate that is needed.

    First by area flow, where what a node costs is shared among as many as read it in the cover before; then by exact
    area, the units that this choice alone adds.

    Args:
        circuit: as given to `enumerate_cuts`.
        cuts: as from there.
        rounds: how often each is done.

    Returns:
        For each gate that the outputs need, as a node, the place of its cut.

    >>> from circuits import parse
    >>> from circuits.mapping.cuts import enumerate_cuts
    >>> circuit = parse("y = a & b | c")
    >>> cover(circuit, enumerate_cuts(circuit))
    {5: 0}
    """
    first, nodes = 1 + circuit.n_inputs, circuit.n_nodes
    level = levels(first, np.arange(0, 2 * circuit.n_gates + 1, 2), circuit.fan_ins.ravel())
    order = np.argsort(level[first:], kind="stable") + first
    by_level = np.split(order, np.flatnonzero(np.diff(level[order])) + 1) if len(order) else []
    price = np.where(cuts.units == NO_UNITS, np.inf, cuts.units)
    readers = np.bincount(circuit.fan_ins.ravel(), minlength=nodes) + np.bincount(circuit.outputs, minlength=nodes)
    shared = np.maximum(1, readers).astype(float)
    best_area, best = np.inf, np.zeros(nodes, np.int64)
    for _ in range(rounds):
        choice, flow = np.zeros(nodes, np.int64), np.zeros(nodes + 1)
        for gates in by_level:
            total = price[gates] + flow[cuts.leaves[gates]].sum(axis=2)
            choice[gates] = total.argmin(axis=1)
            flow[gates] = total.min(axis=1) / shared[gates]
        needed = _needed(circuit, cuts, choice)
        area = price[np.arange(nodes), choice][(needed > 0) & (np.arange(nodes) >= first)].sum()
        if area < best_area:
            best_area, best = area, choice
        shared = np.maximum(1, (shared + 2 * needed) / 3)
    return _exact_area(circuit, cuts, best, rounds)


def _needed(circuit: Circuit, cuts: Cuts, choice: np.ndarray) -> np.ndarray:
    """Return how often each node is read in a cover."""
    nodes = circuit.n_nodes
    needed = np.bincount(circuit.outputs, minlength=nodes + 1).tolist()
    leaves = cuts.leaves[np.arange(nodes), choice].tolist()
    for node in range(nodes - 1, circuit.n_inputs, -1):
        if needed[node]:
            for leaf in leaves[node]:
                needed[leaf] += 1
    return np.array(needed[:nodes])


def _exact_area(circuit: Circuit, cuts: Cuts, start: np.ndarray, rounds: int) -> dict[int, int]:
    """Change the cut of one gate after another where that leaves fewer units."""
    first, nodes = 1 + circuit.n_inputs, circuit.n_nodes
    choice, needed = start.tolist(), _needed(circuit, cuts, start).tolist()
    offers = [
        [
            ([leaf for leaf in leaves if leaf < nodes], units)
            for leaves, units in zip(of_node, prices, strict=True)
            if units < NO_UNITS
        ]
        for of_node, prices in zip(cuts.leaves.tolist(), cuts.units.tolist(), strict=True)
    ]

    def count(node: int, step: int) -> int:
        """Read the leaves of a node once more, or once less; return the units that come, or go."""
        area, waiting = 0, [node]
        while waiting:
            leaves, units = offers[top := waiting.pop()][choice[top]]
            area += units
            for leaf in leaves:
                if step < 0:
                    needed[leaf] -= 1
                if not needed[leaf] and leaf >= first:
                    waiting.append(leaf)
                if step > 0:
                    needed[leaf] += 1
        return area

    for _ in range(rounds):
        changed = False
        for node in range(first, nodes):
            if needed[node] and len(offers[node]) > 1:
                least, before = count(node, -1), choice[node]
                for place in range(len(offers[node])):
                    if place == before:
                        continue
                    choice[node], kept = place, choice[node]
                    area = count(node, 1)
                    count(node, -1)
                    if area < least:
                        least, changed = area, True
                    else:
                        choice[node] = kept
                count(node, 1)
        if not changed:
            break
    return {node: choice[node] for node in range(first, nodes) if needed[node]}
