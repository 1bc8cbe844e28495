"""Structural hashing: a circuit in which no two gates read the same, so that equal structures are one.

A. Kuehlmann, V. Paruthi, F. Krohm and M. K. Ganai, Robust Boolean reasoning for equivalence checking and functional
property verification (2002). Gates become ANDs and XORs of literals; an XOR that was written as three ANDs is found.
"""

from collections.abc import Sequence

import numpy as np

from circuits.gates import AND, NOT, TRUE, XOR, flip
from circuits.netlist import Circuit, without_dead_gates
from circuits.verification.xor_and_graphs import xor_or_and

_CONSTANT, _ONE, _AND, _XOR = range(4)


def hashed(circuit: Circuit) -> Circuit:
    """Return a circuit of the same function with each structure once, in one pass over the gates.

    Args:
        circuit: any circuit.

    Returns:
        A circuit with the same inputs and outputs: ANDs of inputs that may be inverted, XORs, and a gate for each
        output that is inverted or always true. Constants are passed on, and gates that no output needs are left out.

    Source: A. Kuehlmann et al. (2002).

    >>> from circuits import parse
    >>> hashed(parse("y = (a & ~b) | (b & ~a); z = ~(b ^ a); w = y & ~a"))
    Circuit(2 inputs, 3 outputs, 3 gates)
    """
    first = 1 + circuit.n_inputs
    # A literal is 2 node + (1 if inverted); for each node of the circuit, the literal that it is in the new one.
    literals = list(range(0, 2 * first, 2))
    reads: list[tuple[int, int]] = []
    known: dict[int, int] = {}
    is_xor: list[bool] = []

    def kept(x: int, y: int, xor: bool) -> int:
        """Return the literal of a gate, new or known; the literals come in order, and those of an XOR not inverted."""
        key = (x << 32 | y) << 1 | xor
        literal = known.get(key)
        if literal is None:
            literal = known[key] = 2 * (first + len(reads))
            reads.append((x, y))
            is_xor.append(xor)
        return literal

    def xor_of(x: int, y: int) -> int:
        inverted = (x ^ y) & 1
        x, y = (x & ~1, y & ~1) if x < y else (y & ~1, x & ~1)
        if x == y:
            return inverted
        return (y if x == 0 else kept(x, y, True)) ^ inverted

    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        kind, inverted, x, y = _FORMS[table]
        if kind == _AND:
            x ^= literals[a]
            y ^= literals[b]
            if x > y:
                x, y = y, x
            if x < 2:
                literal = y if x else 0
            elif x >> 1 == y >> 1:
                literal = x if x == y else 0
            else:
                if x & y & 1:
                    # ~(p & q) & ~(~p & ~q) is p ^ q, for any literals p and q.
                    p, q = (x >> 1) - first, (y >> 1) - first
                    if p >= 0 and q >= 0 and not is_xor[p] and not is_xor[q]:
                        (p, r), (q, s) = reads[p], reads[q]
                        if (p ^ q == 1 and r ^ s == 1) or (p ^ s == 1 and q ^ r == 1):
                            literals.append(xor_of(p, r) ^ inverted)
                            continue
                literal = kept(x, y, False)
        elif kind == _XOR:
            literal = xor_of(literals[a], literals[b])
        else:
            literal = literals[b if y else a] if kind == _ONE else 0
        literals.append(literal ^ inverted)
    return circuit_of_literals(circuit, np.array(literals)[circuit.outputs], reads, is_xor)


def circuit_of_literals(
    like: Circuit, outputs: np.ndarray, reads: Sequence[tuple[int, int]], is_xor: Sequence[bool]
) -> Circuit:
    """Return a circuit of those ANDs and XORs of literals that its outputs need.

    Args:
        like: has the names of the inputs and outputs.
        outputs: `(m,)`, a literal for each output.
        reads: for each gate, the literals it reads.
        is_xor: for each gate, whether it is an XOR; its literals are not inverted.

    >>> from circuits import parse
    >>> circuit_of_literals(parse("y = a | b"), np.array([7]), [(3, 5)], [False])    # ~(~a & ~b)
    Circuit(2 inputs, 1 outputs, 2 gates)
    """
    literals = np.array(reads, int).reshape(-1, 2)
    inverted, fan_ins = literals & 1, literals >> 1
    tables = np.where(np.array(is_xor, bool), XOR, _TABLES[inverted[:, 0], inverted[:, 1]])
    found, places = np.unique(outputs[outputs & 1 == 1], return_inverse=True)
    nodes = outputs >> 1
    nodes[outputs & 1 == 1] = 1 + like.n_inputs + len(reads) + places
    return without_dead_gates(
        Circuit(
            like.input_names,
            np.concatenate([fan_ins, np.stack([found >> 1, 0 * found], axis=1)]),
            np.concatenate([tables, np.where(found == 1, TRUE, NOT)]),
            nodes,
            like.output_names,
        )
    )


def _form(table: int) -> tuple[int, int, int, int]:
    """Return (kind, whether inverted, and two numbers) of a gate of different fan-ins that are no constants.

    The two numbers say which fan-ins of an AND are inverted; the second says which fan-in a gate of one reads.
    """
    is_xor, inverted, x, y = xor_or_and(table, 2, 4)
    if is_xor:
        return _XOR, inverted, 0, 0
    if x == y:
        return (_ONE, inverted ^ (x & 1), 0, int(x >> 1 == 2)) if x > 1 else (_CONSTANT, inverted ^ x, 0, 0)
    return _AND, inverted, x & 1, y & 1


_FORMS = [_form(table) for table in range(16)]
# The table of an AND by which of its fan-ins are inverted.
_TABLES = np.array([[flip(AND, a, b) for b in range(2)] for a in range(2)], np.uint8)
