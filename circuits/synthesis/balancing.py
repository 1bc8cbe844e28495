"""Balancing: chains of ANDs and of XORs become trees that are as shallow as can be.

J. Cortadella, Timing-driven logic bi-decomposition (2003); A. Mishchenko, S. Chatterjee and R. Brayton (2006).
"""

import heapq

import numpy as np

from circuits.netlist import Circuit
from circuits.synthesis.simplification import simplify
from circuits.synthesis.wide_gates import WideGate, join_gates
from circuits.verification.hashed_graphs import Hashed
from circuits.verification.structural_hashing import circuit_of_literals

# How many gates of one level are tried as the second that a gate reads.
_TRIES = 32


def balance(circuit: Circuit) -> Circuit:
    """Make chains of gates into shallow trees, and simplify them.

    Of the literals that an AND or XOR joins, two of the lowest level are joined first; if there is a choice, two that
    are joined elsewhere. `simplify` finds more in trees than in chains, and so do rewriting and refactoring.

    Args:
        circuit: any circuit.

    Returns:
        A circuit with the same inputs, outputs and names in the same order. It may have more gates than
        `simplify(circuit)`.

    Raises:
        TypeError: if it is no `Circuit`.

    Source: J. Cortadella (2003); A. Mishchenko et al. (2006).

    >>> from circuits import depth, parse
    >>> chain = parse("y = a & (b & (c & (d & (e & (f & (g & h))))))")
    >>> depth(chain), depth(balance(chain))
    (7, 3)
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(f"balance: expected a Circuit, got {type(circuit).__name__}. to_circuit makes one of units.")
    wide, graph = join_gates(circuit), Hashed(circuit.n_inputs)
    literals = {node: 2 * node for node in range(1 + circuit.n_inputs)}
    for node, gate in wide.gates.items():
        of_gate = [literals[literal >> 1] ^ (literal & 1) for literal in gate.literals]
        literals[node] = _tree(graph, WideGate(gate.is_xor, of_gate))
    outputs = [literals[literal >> 1] ^ (literal & 1) for literal in wide.outputs]
    first = 1 + circuit.n_inputs
    reads = [pair for pair in graph.graph.fan_ins[first:] if pair]
    return simplify(circuit_of_literals(circuit, np.array(outputs, int), reads, graph.graph.is_xor[first:]))


def _tree(graph: Hashed, gate: WideGate) -> int:
    """Return the literal of a wide gate, made of gates that read two."""
    levels = graph.graph.levels
    waiting = [(levels[literal >> 1], literal) for literal in gate.literals]
    heapq.heapify(waiting)
    while len(waiting) > 1:
        _, first = heapq.heappop(waiting)
        place = _known(graph, gate.is_xor, first, waiting)
        _, second = waiting.pop(place) if place else heapq.heappop(waiting)
        if place:
            heapq.heapify(waiting)
        joined = graph.gate(gate.is_xor, first, second)
        heapq.heappush(waiting, (levels[joined >> 1], joined))
    return waiting[0][1]


def _known(graph: Hashed, is_xor: bool, first: int, waiting: list[tuple[int, int]]) -> int:
    """Return the place of a literal of the lowest level whose gate with the first is there already; else 0."""
    lowest = waiting[0][0]
    for place, (level, literal) in enumerate(waiting[:_TRIES]):
        if level == lowest and graph.has(is_xor, first, literal):
            return place
    return 0
