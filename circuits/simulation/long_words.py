"""A few gates on many patterns, or once: Python's integers as words of any length, without a compiled program."""

from collections.abc import Sequence

from circuits.gates import AND, BUF, FALSE, NAND, NOR, NOT, OR, TRUE, XNOR, XOR, flip
from circuits.netlist import Circuit

_GATES = {
    FALSE: lambda x, y, ones: 0,
    NOR: lambda x, y, ones: (x | y) ^ ones,
    NOT: lambda x, y, ones: x ^ ones,
    XOR: lambda x, y, ones: x ^ y,
    NAND: lambda x, y, ones: (x & y) ^ ones,
    TRUE: lambda x, y, ones: ones,
    OR: lambda x, y, ones: x | y,
    BUF: lambda x, y, ones: x,
    XNOR: lambda x, y, ones: x ^ y ^ ones,
    AND: lambda x, y, ones: x & y,
    flip(AND, 1, 0): lambda x, y, ones: y & ~x,
    flip(AND, 0, 1): lambda x, y, ones: x & ~y,
    flip(OR, 1, 0): lambda x, y, ones: (x & ~y) ^ ones,
    flip(OR, 0, 1): lambda x, y, ones: (y & ~x) ^ ones,
    0b1100: lambda x, y, ones: y,
    0b0011: lambda x, y, ones: y ^ ones,
}


def simulate_long_words(circuit: Circuit, inputs: Sequence[int], patterns: int) -> list[int]:
    """Return the values of all nodes of a circuit, each an integer with a bit per pattern.

    Args:
        circuit: any circuit.
        inputs: n integers of as many bits as there are patterns.
        patterns: how many there are. Memory is that many bits for each node.

    Returns:
        The constant, the inputs and the gates.

    >>> from circuits.gates import XOR
    >>> simulate_long_words(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]), [0b1010, 0b1100], 4)
    [0, 10, 12, 6]
    """
    ones = (1 << patterns) - 1
    values = [0, *inputs]
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        values.append(_GATES[table](values[a], values[b], ones))
    return values


def variable_tables(n: int) -> list[int]:
    """Return the truth tables of n variables: integers of 2^n bits, bit r of variable i is bit i of r.

    >>> [f"{table:04b}" for table in variable_tables(2)]
    ['1010', '1100']
    """
    tables = []
    for i in range(n):
        # 2^i zeros and as many ones, then twice as much each time; a division of long integers would be quadratic.
        table = ((1 << (1 << i)) - 1) << (1 << i)
        for j in range(i + 1, n):
            table |= table << (1 << j)
        tables.append(table)
    return tables
