"""Netlists of AND and XOR gates on literals, which SAT sweeping grows gate by gate.

A literal is 2 node + (1 if inverted), as in AIGER; literals 0 and 1 are the constants.
"""

from collections.abc import Callable
from dataclasses import dataclass

from circuits.gates import XNOR, XOR, essential
from circuits.verification.drat import FALSE_VARIABLE


@dataclass(frozen=True)
class XorAndGraph:
    """A netlist of AND and XOR gates on literals that grows; node 0 is false, then come the inputs.

    Attributes:
        is_xor: by node, whether it is an XOR.
        fan_ins: by node, two literals of earlier nodes; None for the constant and the inputs.
        levels: by node, gates on the longest path to it.
        variables: by node, its signed variable in a proof.

    >>> graph = XorAndGraph.of_inputs(2)
    >>> graph.clauses(graph.add(False, 2, 5, variable=3), 3, graph.signed)              # a & ~b
    [[-3, 1], [-3, -2], [3, -1, 2]]
    """

    is_xor: list[bool]
    fan_ins: list[tuple[int, int] | None]
    levels: list[int]
    variables: list[int]

    @classmethod
    def of_inputs(cls, n: int) -> "XorAndGraph":
        """Return the graph of n inputs and no gates."""
        return cls([False] * (n + 1), [None] * (n + 1), [0] * (n + 1), [FALSE_VARIABLE, *range(1, n + 1)])

    def add(self, is_xor: bool, x: int, y: int, variable: int) -> int:
        """Add a gate and return its node."""
        self.is_xor.append(is_xor)
        self.fan_ins.append((x, y))
        self.levels.append(1 + max(self.levels[x >> 1], self.levels[y >> 1]))
        self.variables.append(variable)
        return len(self.variables) - 1

    def pop(self) -> None:
        """Remove the last gate."""
        for column in (self.is_xor, self.fan_ins, self.levels, self.variables):
            column.pop()

    def signed(self, literal: int) -> int:
        """Return the signed variable of a literal in a proof."""
        variable = self.variables[literal >> 1]
        return -variable if literal & 1 else variable

    def clauses(self, node: int, z: int, signed: Callable[[int], int]) -> list[list[int]]:
        """Return the Tseitin clauses of a gate, in signed variables.

        Args:
            node: a gate.
            z: its variable.
            signed: gives the signed variable of each literal that it reads.
        """
        fan_ins = self.fan_ins[node]
        assert fan_ins is not None
        x, y = map(signed, fan_ins)
        if self.is_xor[node]:
            return [[-z, x, y], [-z, -x, -y], [z, x, -y], [z, -x, y]]
        return [[-z, x], [-z, y], [z, -x, -y]]


def xor_or_and(table: int, x: int, y: int) -> tuple[bool, int, int, int]:
    """Return any gate as an XOR or an AND of literals, perhaps inverted.

    Args:
        table: 0..15.
        x: the literal that is its first fan-in.
        y: the literal that is its second.

    Returns:
        (is_xor, inverted, x, y), the literals in ascending order; those of an XOR are not inverted. A gate that depends
        on one fan-in or none is the AND of a literal with itself.

    >>> from circuits.gates import OR
    >>> xor_or_and(OR, 2, 4)                                                     # ~(~a & ~b)
    (False, 1, 3, 5)
    """
    table, operands = essential(table, 1, 2)
    if len(operands) < 2:
        literal = (x, y)[operands[0] - 1] if operands else 0
        return False, table & 1, literal, literal
    if table in (XOR, XNOR):
        inverted = (table == XNOR) ^ (x & 1) ^ (y & 1)
        x, y = sorted((x & ~1, y & ~1))
        return True, inverted, x, y
    # An AND has one row that is 1, where its inverted fan-ins are 0; a table with one row that is 0 is an AND inverted.
    inverted = int(table.bit_count() == 3)
    row = (table ^ -inverted & 0b1111).bit_length() - 1
    x, y = sorted((x ^ ~row & 1, y ^ ~row >> 1 & 1))
    return False, inverted, x, y


def folded(is_xor: bool, x: int, y: int) -> int | None:
    """Return the literal that a gate equals by its structure alone; None if there is none.

    Args:
        is_xor: whether it is an XOR, else an AND.
        x: a literal.
        y: a literal, not below x.

    >>> folded(True, 4, 4), folded(False, 1, 6), folded(False, 4, 6)             # b ^ b, 1 & c, b & c
    (0, 6, None)
    """
    if is_xor:
        return 0 if x == y else y if x == 0 else None
    if x == 0 or x ^ y == 1:
        return 0
    return y if x in (1, y) else None
