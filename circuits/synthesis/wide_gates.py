"""A circuit as ANDs and XORs of any number of literals: what a tree of two-input gates is without its shape.

J. A. Darringer and others, Logic synthesis through local transformations (1981).
"""

import itertools
from typing import NamedTuple

from circuits.netlist import Circuit
from circuits.verification.hashed_graphs import Hashed


class WideGate(NamedTuple):
    """The AND or XOR of literals of different nodes.

    Attributes:
        is_xor: whether it is an XOR, else an AND.
        literals: 2 node, or 2 node + 1 for its complement; of an XOR, at most the first is inverted. Node 0 is the
            constant false, and only a gate that is constant reads it.
    """

    is_xor: bool
    literals: list[int]


class WideGates(NamedTuple):
    """A circuit of wide gates.

    Attributes:
        gates: by node, each after those it reads; nodes 1..n are the inputs, and some numbers are left out.
        outputs: a literal for each.
    """

    gates: dict[int, WideGate]
    outputs: list[int]


def join_gates(circuit: Circuit, *, duplicate: int = 0) -> WideGates:
    """Join gates that read one another into wide ones.

    An AND joins the AND that reads it, where nothing else does and it is not inverted; likewise an XOR.

    Args:
        circuit: any circuit.
        duplicate: join an AND with all ANDs that read it, as long as they read at most so many literals.

    Returns:
        Gates that the outputs need, and the outputs.

    >>> from circuits import parse
    >>> join_gates(parse("y = (a & b) & (c & d)"))
    WideGates(gates={7: WideGate(is_xor=False, literals=[2, 4, 6, 8])}, outputs=[14])
    """
    hashed = Hashed(circuit.n_inputs)
    literals, graph = hashed.add(circuit), hashed.graph
    outputs = [literals[node] for node in circuit.outputs.tolist()]
    first = 1 + circuit.n_inputs
    uses = [0] * len(graph.fan_ins)
    for literal in outputs:
        uses[literal >> 1] += 1
    for node in reversed(range(first, len(uses))):
        if uses[node]:
            for literal in graph.fan_ins[node] or ():
                uses[literal >> 1] += 1

    def joined(node: int) -> WideGate:
        is_xor, found, waiting = graph.is_xor[node], [], list(graph.fan_ins[node] or ())
        most = 0 if is_xor else duplicate
        while waiting:
            literal = waiting.pop()
            below = literal >> 1
            alike = below >= first and graph.is_xor[below] == is_xor and (is_xor or not literal & 1)
            if alike and (uses[below] == 1 or len(found) + len(waiting) + 2 <= most):
                waiting += graph.fan_ins[below] or ()
                if literal & 1:
                    found.append(1)
            else:
                found.append(literal)
        return WideGate(is_xor, _of_different_nodes(is_xor, found))

    gates: dict[int, WideGate] = {}
    waiting = [literal >> 1 for literal in outputs]
    while waiting:
        node = waiting.pop()
        if node >= first and node not in gates:
            gates[node] = joined(node)
            waiting += [literal >> 1 for literal in gates[node].literals]
    return WideGates(dict(sorted(gates.items())), outputs)


def _of_different_nodes(is_xor: bool, literals: list[int]) -> list[int]:
    """Return what an AND or XOR reads, once for each node."""
    if not is_xor:
        kept = sorted(set(literals))
        constant = any(x ^ 1 == y for x, y in itertools.pairwise(kept) if not x & 1)
        return [0] if constant else kept
    inverted, odd = 0, set()
    for literal in literals:
        inverted ^= literal & 1
        odd ^= {literal & ~1}
    kept = sorted(odd - {0})
    return [kept[0] ^ inverted, *kept[1:]] if kept else [inverted]
