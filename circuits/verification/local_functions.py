"""Are two gates the same function of a few nodes below them? Truth tables prove it, without a solver.

A. Kuehlmann and F. Krohm, Equivalence checking using cuts and heaps (1997).
"""

from circuits.simulation.long_words import variable_tables
from circuits.verification.xor_and_graphs import XorAndGraph

# The most leaves of a truth table, and the most gates above them, first and where these are not enough.
_LEAVES = 16
# The most leaves on the way: where they grow beyond, they seldom become fewer again.
_MOST_LEAVES = 20
_GATES = (32, 128)


def equal_nearby(graph: XorAndGraph, node: int, literal: int) -> bool:
    """Return whether a gate and a literal are the same function of at most sixteen nodes below both.

    From both gates downwards, a leaf is replaced by its fan-ins, the one that makes the fewest new leaves first.

    Args:
        graph: where both are.
        node: the gate.
        literal: of another node.

    Returns:
        True, which is a proof; False says nothing, since some values of the leaves may never occur together.

    >>> graph = XorAndGraph.of_inputs(3)
    >>> a_and_b, b_and_c = graph.add(False, 2, 4, variable=4), graph.add(False, 4, 6, variable=5)
    >>> one, other = graph.add(False, 2 * a_and_b, 6, variable=6), graph.add(False, 2, 2 * b_and_c, variable=7)
    >>> equal_nearby(graph, one, 2 * other), equal_nearby(graph, one, 2 * other + 1)
    (True, False)
    """
    other = literal >> 1
    leaves = [node, other] if other else [node]
    met = {node, other, 0}
    above: list[int] = []
    best: list[int] = []
    height = 0
    for gates in _GATES:
        while len(above) < gates and (chosen := _cheapest(graph, leaves, met)) is not None:
            leaves.remove(chosen)
            above.append(chosen)
            for literal_below in graph.fan_ins[chosen] or ():
                if literal_below >> 1 not in met:
                    met.add(literal_below >> 1)
                    leaves.append(literal_below >> 1)
            if len(leaves) <= _LEAVES:
                best, height = leaves.copy(), len(above)
        if height and _same(graph, sorted(above[:height]), best, node, literal):
            return True
        if len(above) < gates:
            return False
    return False


def _cheapest(graph: XorAndGraph, leaves: list[int], met: set[int]) -> int | None:
    """Return the leaf with the fewest fan-ins that are new, the highest of these; None where it is time to stop."""
    fan_ins = graph.fan_ins
    chosen, fewest = None, 2 if len(leaves) > _MOST_LEAVES else 3
    for leaf in leaves:
        reads = fan_ins[leaf]
        if reads is not None:
            new = (reads[0] >> 1 not in met) + (reads[1] >> 1 not in met)
            if new < fewest or (new == fewest and chosen is not None and leaf > chosen):
                chosen, fewest = leaf, new
    return chosen


def _same(graph: XorAndGraph, above: list[int], leaves: list[int], node: int, literal: int) -> bool:
    """Return whether a node and a literal have the same truth table over these leaves."""
    rows = 1 << len(leaves)
    ones = (1 << rows) - 1
    tables = dict(zip(leaves, _VARIABLES[len(leaves)], strict=True))
    tables[0] = 0
    for gate in above:
        reads = graph.fan_ins[gate]
        assert reads is not None
        x, y = reads
        p, q = tables[x >> 1], tables[y >> 1]
        if x & 1:
            p ^= ones
        if y & 1:
            q ^= ones
        tables[gate] = p ^ q if graph.is_xor[gate] else p & q
    return tables[node] ^ tables[literal >> 1] == (ones if literal & 1 else 0)


_VARIABLES = [variable_tables(n) for n in range(_LEAVES + 1)]
