"""The sixteen gates of two inputs, each a 4-bit truth table: bit r is its value where a + 2b = r.

`flip` and `swap`, in kitty's words (M. Soeken and others, 2018): what a table becomes when inputs are inverted, or
change places.
"""

# Truth tables of a gate; NOT and BUF read a alone, and their second fan-in is the constant, node 0.
FALSE, NOR, NOT, XOR, NAND = 0b0000, 0b0001, 0b0101, 0b0110, 0b0111
TRUE, OR, BUF, XNOR, AND = 0b1111, 0b1110, 0b1010, 0b1001, 0b1000

# Functions of any number of bits, as `Builder.tree` makes them: the table, and whether the last gate is inverted.
TREES = {
    "and": (AND, False),
    "nand": (AND, True),
    "or": (OR, False),
    "nor": (OR, True),
    "xor": (XOR, False),
    "xnor": (XOR, True),
}


def essential(table: int, a: int, b: int) -> tuple[int, tuple[int, ...]]:
    """Return a gate by the nodes that it depends on, without constants and fan-ins that change nothing.

    Args:
        table: 0..15.
        a: the first fan-in; 0 is the constant false.
        b: the second.

    Returns:
        The table and its nodes: `FALSE` or `TRUE` and none, `BUF` or `NOT` and one, or another table and two.

    >>> essential(AND, 5, 5) == (BUF, (5,)), essential(NAND, 5, 0) == (TRUE, ()), essential(XOR, 0, 7) == (BUF, (7,))
    (True, True, True)
    """
    low, of_a, of_b, high = (table >> row & 1 for row in range(4))
    if a == b:
        of_a = of_b = high
    if a == 0:
        of_a, high = low, of_b
    if b == 0:
        of_b, high = low, of_a
    if a == b or (low, of_a) == (of_b, high):  # b changes nothing
        a, b, of = a, 0, of_a
    elif (low, of_b) == (of_a, high):
        a, b, of = b, 0, of_b
    else:
        return table, (a, b)
    if low == of:
        return (TRUE if low else FALSE), ()
    return (NOT if low else BUF), (a,)


def flip(table: int, a: bool | int, b: bool | int) -> int:
    """Return the table of a gate whose inputs are inverted.

    Args:
        table: 0..15.
        a: whether its first input is, as False or True, or as 0 or 1.
        b: whether its second is.

    >>> flip(AND, True, True) == NOR
    True
    """
    return _FLIPPED[table][a + 2 * b]


def swap(table: int) -> int:
    """Return the table of a gate whose two inputs change places.

    >>> swap(0b0010) == 0b0100                                  # a & ~b, ~a & b
    True
    """
    return _SWAPPED[table]


# Precomputed, since readers of files ask for each gate. Rows change places: r with r ^ inverted, and 1 with 2.
_FLIPPED = [[sum((t >> (r ^ inverted) & 1) << r for r in range(4)) for inverted in range(4)] for t in range(16)]
_SWAPPED = [table & 0b1001 | (table & 0b0010) << 1 | (table & 0b0100) >> 1 for table in range(16)]
