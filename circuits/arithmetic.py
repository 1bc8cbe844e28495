"""Arithmetic on the nodes of a netlist under construction: adders, multipliers, comparators, gates without constants.

Numbers are tuples of nodes, lowest first, of one width. Adders ripple and multipliers add shifted rows: the textbook's
circuits, short rather than fast.
"""

from circuits.builder import Builder
from circuits.gates import AND, BUF, FALSE, NOT, OR, TRUE, XNOR, XOR, essential, flip

Nodes = tuple[int, ...]

# The constant true, which becomes a gate only where an output or a bit needs one.
ALWAYS = -1


def material(netlist: Builder, node: int) -> int:
    """Return the node of a bit of a word in the netlist, where the constant true is a gate.

    >>> material(Builder(["a"]), 1)
    1
    """
    return netlist.constant(True) if node == ALWAYS else node


def gate(netlist: Builder | None, table: int, a: int, b: int) -> int:
    """Add a gate unless constants make it a constant or a wire."""
    table, nodes = essential(flip(table, a == ALWAYS, b == ALWAYS), max(a, 0), max(b, 0))
    if table in (FALSE, TRUE):
        return ALWAYS if table == TRUE else 0
    if table == BUF:
        return nodes[0]
    assert netlist is not None  # where all nodes are constants, so is the gate
    return netlist.gate(table, *nodes)


def mux(netlist: Builder | None, s: int, a: Nodes, b: Nodes) -> Nodes:
    """Return a where s holds, else b: b ^ (s & (a ^ b)), of which a constant s leaves one."""

    def one(x: int, y: int) -> int:
        return gate(netlist, XOR, y, gate(netlist, AND, s, gate(netlist, XOR, x, y)))

    if s in (0, ALWAYS):
        return a if s else b
    return tuple(one(x, y) for x, y in zip(a, b, strict=True))


def add(netlist: Builder | None, a: Nodes, b: Nodes, carry: int) -> tuple[Nodes, int]:
    """Return the sum of two numbers and a carry, and the carry out."""
    digits = []
    for x, y in zip(a, b, strict=True):
        half = gate(netlist, XOR, x, y)
        digits.append(gate(netlist, XOR, half, carry))
        carry = gate(netlist, OR, gate(netlist, AND, x, y), gate(netlist, AND, half, carry))
    return tuple(digits), carry


def subtract(netlist: Builder | None, a: Nodes, b: Nodes) -> tuple[Nodes, int]:
    """Return a - b, and whether a >= b."""
    return add(netlist, a, tuple(gate(netlist, NOT, y, 0) for y in b), ALWAYS)


def multiply(netlist: Builder | None, a: Nodes, b: Nodes) -> Nodes:
    """Return the lower half of a product, as wide as its factors: rows a, shifted, where b has a bit."""
    total = (0,) * len(a)
    for i, y in enumerate(b):
        row = tuple(gate(netlist, AND, x, y) for x in a[: len(a) - i])
        total = total[:i] + add(netlist, total[i:], row, 0)[0]
    return total


def less(netlist: Builder | None, a: Nodes, b: Nodes) -> int:
    """Return a < b, from the lowest bit up: the highest bit that differs decides."""
    less = 0
    for x, y in zip(a, b, strict=True):
        differs = gate(netlist, XOR, x, y)
        (less,) = mux(netlist, differs, (y,), (less,))
    return less


def equal(netlist: Builder | None, a: Nodes, b: Nodes) -> int:
    """Return a == b: a balanced tree of the pairs of bits that agree."""
    layer = [gate(netlist, XNOR, x, y) for x, y in zip(a, b, strict=True)] or [ALWAYS]
    while len(layer) > 1:
        paired = [gate(netlist, AND, x, y) for x, y in zip(layer[0::2], layer[1::2], strict=False)]
        layer = paired + layer[len(layer) - len(layer) % 2 :]
    return layer[0]


def divide(netlist: Builder | None, a: Nodes, b: Nodes) -> tuple[Nodes, Nodes]:
    """Return quotient and remainder, by restoring division from the highest bit down."""
    remainder, quotient = (0,) * len(a), []
    for x in reversed(a):
        wide = (x, *remainder)
        rest, fits = subtract(netlist, wide, (*b, 0))
        remainder = mux(netlist, fits, rest, wide)[:-1]
        quotient.insert(0, fits)
    return tuple(quotient), remainder


def pointwise(netlist: Builder | None, table: int, a: Nodes, b: Nodes) -> Nodes:
    """Add a gate for each pair of bits."""
    return tuple(gate(netlist, table, x, y) for x, y in zip(a, b, strict=True))
