"""And-inverter graphs: circuits of ANDs whose inputs may be inverted, as AIGER files hold them; to and from `Circuit`.

A literal is 2v for variable v and 2v + 1 for its complement; variable 0 is the constant false. A. Biere (2007).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from circuits.gates import BUF, FALSE, NOT, TRUE, XNOR, XOR, essential
from circuits.netlist import Circuit


class AndInverter(NamedTuple):
    """An and-inverter graph: variables 1..n are the inputs, then come the ANDs, each after its fan-ins.

    Attributes:
        n_inputs: n.
        ands: `(ands, 2)` int64, the two literals that each AND joins.
        outputs: `(m,)` int64 literals.
    """

    n_inputs: int
    ands: np.ndarray
    outputs: np.ndarray


def to_circuit(graph: AndInverter, input_names: Sequence[str], output_names: Sequence[str]) -> Circuit:
    """Make a circuit with a gate for each AND, whose table takes in the inverters, and a NOT for each inverted output.

    Args:
        graph: n inputs, m outputs.
        input_names: n names.
        output_names: m names.

    Returns:
        A circuit. Outputs that are the complement of one variable share a NOT; those that are always true share a gate.

    >>> to_circuit(AndInverter(2, np.array([[3, 5]]), np.array([7])), ["a", "b"], ["a_or_b"])
    Circuit(2 inputs, 1 outputs, 2 gates)
    """
    # An AND is true in one row of its table, the one in which either fan-in is 1, or 0 if it is inverted.
    row = (1 - (graph.ands & 1)) @ [1, 2]
    inverted = np.unique(graph.outputs[graph.outputs % 2 == 1])
    fan_ins = np.concatenate([graph.ands >> 1, np.stack([inverted >> 1, 0 * inverted], axis=1)])
    tables = np.concatenate([1 << row, np.where(inverted == 1, TRUE, NOT)])
    inverters = 1 + graph.n_inputs + len(graph.ands) + np.searchsorted(inverted, graph.outputs)
    outputs = np.where(graph.outputs % 2 == 1, inverters, graph.outputs >> 1)
    return Circuit(input_names, fan_ins, tables, outputs, output_names)


# What `essential` makes of each table for the four ways in which two fan-ins may be constant or alike.
_PAIRS = ((1, 2), (0, 2), (1, 0), (1, 1))
_ESSENTIAL = [[essential(table, *pair) for pair in _PAIRS] for table in range(16)]
_TABLE = np.array([[table for table, _ in row] for row in _ESSENTIAL])
_READS_B = np.array([[operands == (2,) for _, operands in row] for row in _ESSENTIAL])
# For each table of an essential gate: how many ANDs it takes, whether they give its complement, and, where it takes
# one, which of that AND's inputs are inverted: as in the one row in which the gate is true, or else false.
_ANDS = np.array([{1: 1, 3: 1}.get(table.bit_count(), 3 * (table in (XOR, XNOR))) for table in range(16)])
_COMPLEMENTED = np.array([table.bit_count() == 3 or table in (XNOR, NOT, TRUE) for table in range(16)], np.int64)
_ROW = np.array([(table if table.bit_count() == 1 else table ^ 0b1111).bit_length() - 1 for table in range(16)])
_INVERTED = np.stack([1 - (_ROW & 1), 1 - (_ROW >> 1 & 1)], axis=1)


def from_circuit(circuit: Circuit) -> AndInverter:
    """Make an and-inverter graph: an AND for each gate, three for an XOR, none for a constant, BUF or NOT.

    Args:
        circuit: any circuit.

    Returns:
        A graph with the larger literal of each AND first. Gates of one fan-in or none are made essential; nothing else
        is simplified, and gates that no output needs stay.

    >>> from circuits import parse
    >>> from_circuit(parse("y = ~(a & ~b)"))
    AndInverter(n_inputs=2, ands=array([[5, 2]]), outputs=array([7]))
    """
    n = circuit.n_inputs
    a, b = circuit.fan_ins.astype(np.int64).T
    pair = np.where(a == b, 3, (a == 0) + 2 * (b == 0))
    a, table = np.where(_READS_B[circuit.tables, pair], b, a), _TABLE[circuit.tables, pair]
    last = n + np.cumsum(_ANDS[table])  # the variable of a gate is that of its last AND
    unary = (table == BUF) | (table == NOT)
    variable = np.where((table == FALSE) | (table == TRUE), 0, last)
    literals = np.concatenate([2 * np.arange(1 + n), 2 * variable + _COMPLEMENTED[table]])

    # A BUF or NOT is a literal of what it reads. Chains of them are halved until all read something else.
    reads, inverted = np.arange(circuit.n_nodes), np.zeros(circuit.n_nodes, np.int64)
    reads[1 + n :][unary] = a[unary]
    inverted[1 + n :][unary] = table[unary] == NOT
    while (further := reads[reads] != reads).any():
        inverted[further] ^= inverted[reads[further]]
        reads = reads[reads]
    literals = literals[reads] ^ inverted

    operands = literals[np.stack([a, b], axis=1)]
    ands = np.empty((_ANDS.take(table).sum(), 2), np.int64)
    one, three = _ANDS[table] == 1, _ANDS[table] == 3
    place = last - n - 1
    ands[place[one]] = operands[one] ^ _INVERTED[table[one]]
    # a ^ b is neither a & b nor ~a & ~b.
    ands[place[three] - 2] = operands[three]
    ands[place[three] - 1] = operands[three] ^ 1
    ands[place[three]] = 2 * last[three, None] - [3, 1]
    ands = np.stack([ands.max(axis=1), ands.min(axis=1)], axis=1)
    return AndInverter(n, ands, literals[circuit.outputs])


class CycleError(ValueError):
    """A graph that is not loop-free.

    Attributes:
        loop: its nodes, each fed by the next, and the last by the first.
    """

    def __init__(self, loop: list[int]):
        super().__init__(f"node {loop[0]} depends on itself")
        self.loop = loop

    def __reduce__(self) -> tuple:
        return type(self), (self.loop,), self.__dict__  # with the notes


def in_order(graph: AndInverter) -> AndInverter:
    """Sort a graph so that each AND comes after its fan-ins.

    Args:
        graph: one whose ANDs are in any order; if all come after their fan-ins, it is returned as it is.

    Returns:
        A graph with the ANDs and outputs renumbered.

    Raises:
        CycleError: if there is no such order.

    >>> in_order(AndInverter(1, np.array([[6, 2], [2, 3]]), np.array([4])))
    AndInverter(n_inputs=1, ands=array([[2, 3], [4, 2]]), outputs=array([6]))
    """
    first, fan_ins = 1 + graph.n_inputs, graph.ands >> 1
    if (fan_ins < first + np.arange(len(fan_ins))[:, None]).all():
        return graph
    order = _depth_first(first, fan_ins)
    variables = np.arange(first + len(order))
    variables[order] = first + np.arange(len(order))

    def renumbered(literals: np.ndarray) -> np.ndarray:
        return 2 * variables[literals >> 1] + (literals & 1)

    return AndInverter(graph.n_inputs, renumbered(graph.ands[order - first]), renumbered(graph.outputs))


def _depth_first(first: int, fan_ins: np.ndarray) -> np.ndarray:
    """Return the nodes from `first` on, each after its two fan-ins. The stack is the path to the present node."""
    left, right = ([0] * first + column for column in fan_ins.T.tolist())
    done, on_path = bytearray([1]) * first + bytearray(len(fan_ins)), bytearray(first + len(fan_ins))
    order = []
    for root in range(first, len(done)):
        stack = [] if done[root] else [root]
        while stack:
            node = stack[-1]
            child = left[node]
            if done[child]:
                child = right[node]
                if done[child]:
                    done[node] = 1
                    order.append(node)
                    stack.pop()
                    continue
            on_path[node] = 1
            if on_path[child]:
                raise CycleError(stack[stack.index(child) :])
            stack.append(child)
    return np.array(order, np.int64)
