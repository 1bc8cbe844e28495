"""Functions of bits for any width, and circuits of them: parity, majority, counters, comparators, adders, multipliers.

A function of bits takes anything that has `&`, `|`, `^` and `~`: traced bits, which record a circuit, or Boolean
arrays, which compute (not Python's own bools, whose `~` is that of integers). Numbers are lists of bits, lowest first.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from circuits.builder import Builder
from circuits.gates import AND, OR, XOR
from circuits.netlist import Circuit
from circuits.ports import bits_of
from circuits.tracing import trace
from circuits.words import Word, choose, concat
from jaxnet.validation import whole_number


def mux(select: Any, when_true: Any, when_false: Any) -> Any:
    """Return `when_true` where `select` holds, else `when_false`: the order of `jnp.where` and of C's `? :`.

    Args:
        select: a bit, or anything with `&`, `|` and `~`, such as a Boolean array.
        when_true: the same, or a word.
        when_false: the same, or a word; one of two words may be an int.

    Returns:
        The chosen bit, four gates in a trace, or the chosen word, three a bit.

    >>> from circuits.simulation.truth_tables import truth_table
    >>> truth_table(trace(mux)).ravel().astype(int)          # rows: select changes fastest
    array([0, 0, 0, 1, 1, 0, 1, 1])
    """
    if isinstance(when_true, Word) or isinstance(when_false, Word):
        return choose(select, when_true, when_false)
    return (select & when_true) | (~select & when_false)


def maj(*bits: Any) -> Any:
    """Return true where more than half of the bits are.

    Args:
        bits: one or more; a tie is false.

    Returns:
        Their strict majority: four gates for three bits, about 5 n for n (a population count, compared with n / 2).

    >>> trace(lambda a, b, c: maj(a, b, c))
    Circuit(3 inputs, 1 outputs, 4 gates)
    """
    if not bits:
        raise TypeError("maj: expected at least one bit.")
    if len(bits) == 3:
        a, b, c = bits
        return (a & b) | ((a ^ b) & c)
    return at_least(len(bits) // 2 + 1, bits)


def at_least(k: int, bits: Sequence[Any]) -> Any:
    """Return true where k or more of the bits are.

    Args:
        k: 1 to the number of bits.
        bits: one or more.

    Returns:
        One bit.

    >>> trace(lambda a, b, c: at_least(1, [a, b, c])).n_inputs
    3
    """
    if not len(bits):
        raise ValueError("at_least: expected at least one bit, got none.")
    k = whole_number("at_least", "k", k, 1, len(bits))
    # From the lowest digit up: count >= k so far; None stands for "always", before the first 1 in k.
    reached = None
    for place, digit in enumerate(count(bits)):
        if k >> place & 1:
            reached = digit if reached is None else digit & reached
        elif reached is not None:
            reached = digit | reached
    return reached


def count(bits: Sequence[Any]) -> list[Any]:
    """Count the bits that are true, as a binary number, lowest digit first.

    Args:
        bits: one or more.

    Returns:
        floor(log2 n) + 1 bits, by a tree of full adders.

    Source: C. S. Wallace, A suggestion for a fast multiplier (1964), for the counting by columns.

    >>> trace(lambda a, b, c: count([a, b, c]))
    Circuit(3 inputs, 2 outputs, 5 gates)
    """
    return add_columns([list(bits)])


def add_columns(columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Add bits of different weights: the sum as a binary number, lowest digit first.

    Args:
        columns: columns[i] are the bits of weight 2^i.

    Returns:
        One bit per digit: as many as there are columns, and then the carries. An empty column that no carry reaches
        gives the constant 0.

    Source: C. S. Wallace (1964).

    >>> trace(lambda a, b: add_columns([[a, b]]))                          # a half adder
    Circuit(2 inputs, 2 outputs, 2 gates)
    """
    waiting = [deque(column) for column in columns]
    digits = []
    while len(digits) < len(waiting):
        queue = waiting[len(digits)]
        while len(queue) > 1:
            a, b = queue.popleft(), queue.popleft()
            total, carry = a ^ b, a & b
            if queue:
                c = queue.popleft()
                total, carry = total ^ c, carry | (total & c)
            queue.append(total)
            if len(digits) + 1 == len(waiting):
                waiting.append(deque())
            waiting[len(digits) + 1].append(carry)
        digits += queue or [0]
    return digits


def less_equal_greater(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Compare two numbers.

    Args:
        a: n bits, lowest first.
        b: n bits, lowest first.

    Returns:
        Three bits: a < b, a == b, a > b.

    Raises:
        ValueError: if the widths differ or are zero.

    >>> from numpy import array
    >>> less, equal, greater = less_equal_greater([array([True])], [array([False])])              # 1 and 0
    >>> less.item(), equal.item(), greater.item()
    (False, False, True)
    """
    if len(a) != len(b) or not len(a):
        raise ValueError(f"less_equal_greater: expected two numbers of the same width, got {len(a)} and {len(b)} bits.")
    less, greater, equal = ~a[0] & b[0], a[0] & ~b[0], ~(a[0] ^ b[0])
    for x, y in zip(a[1:], b[1:], strict=True):
        same = ~(x ^ y)
        less, greater, equal = (~x & y) | (same & less), (x & ~y) | (same & greater), same & equal
    return less, equal, greater


def and_(n: int) -> Circuit:
    """Return the conjunction of n bits, with inputs x[0], x[1], ...

    Args:
        n: 1 or more.

    Returns:
        A balanced tree of n - 1 gates, output y.

    >>> and_(8)
    Circuit(8 inputs, 1 outputs, 7 gates)
    """
    return _tree("and_", AND, n)


def or_(n: int) -> Circuit:
    """Return the disjunction of n bits, as `and_`.

    >>> or_(8)
    Circuit(8 inputs, 1 outputs, 7 gates)
    """
    return _tree("or_", OR, n)


def parity(n: int) -> Circuit:
    """Return the exclusive or of n bits, true where an odd number of them are, as `and_`.

    >>> parity(8)
    Circuit(8 inputs, 1 outputs, 7 gates)
    """
    return _tree("parity", XOR, n)


def majority(n: int) -> Circuit:
    """Return the majority of n bits: true where more than half of them are.

    Args:
        n: 1 or more.

    Returns:
        About 5 n gates: a population count, compared with a constant. Inputs x[0], x[1], ..., output y.

    >>> majority(3)
    Circuit(3 inputs, 1 outputs, 4 gates)
    """
    n = _width("majority", n)
    return trace(lambda x: {"y": maj(*x)}, x=n)


def population_count(n: int) -> Circuit:
    """Return a counter of the true ones among n bits.

    Args:
        n: 1 or more.

    Returns:
        Inputs x[0], x[1], ...; outputs count[0] (lowest), count[1], ...: floor(log2 n) + 1 digits, about 5 n gates.

    >>> population_count(7)
    Circuit(7 inputs, 3 outputs, 20 gates)
    """
    n = _width("population_count", n)
    return trace(lambda x: _word("count", count(x)), x=n)


def multiplexer(n_select: int) -> Circuit:
    """Return a multiplexer: one of 2^k data bits, chosen by k select bits.

    Args:
        n_select: k, 0 or more.

    Returns:
        Inputs select[0] (lowest), ..., data[0], data[1], ...; output y = data[select].

    Raises:
        ValueError: if k is negative.

    >>> multiplexer(2).input_names
    ('select[0]', 'select[1]', 'data[0]', 'data[1]', 'data[2]', 'data[3]')
    """
    n_select = whole_number("multiplexer", "n_select", n_select)

    def choose(select: list, data: list) -> dict:
        for bit in select:
            data = [mux(bit, odd, even) for even, odd in zip(data[0::2], data[1::2], strict=True)]
        return {"y": data[0]}

    return trace(choose, select=n_select, data=2**n_select)


def comparator(n: int) -> Circuit:
    """Return a comparator of two n-bit numbers.

    Args:
        n: 1 or more.

    Returns:
        Inputs a[0] (lowest), ..., b[0], ...; outputs less (a < b), equal, greater.

    >>> comparator(4).output_names
    ('less', 'equal', 'greater')
    """
    n = _width("comparator", n)
    return trace(lambda a, b: dict(zip(("less", "equal", "greater"), less_equal_greater(a, b), strict=True)), a=n, b=n)


def adder(n: int) -> Circuit:
    """Return an adder of two n-bit numbers, a chain of full adders (ripple carry).

    Args:
        n: 1 or more.

    Returns:
        Inputs a[0] (lowest), ..., b[0], ...; outputs s[0], ..., s[n], of which the last is the carry; 5 n - 3 gates.

    >>> adder(8)
    Circuit(16 inputs, 9 outputs, 37 gates)
    """
    n = _width("adder", n)
    return trace(lambda a, b: _word("s", add_columns(list(zip(a, b, strict=True)))), a=n, b=n)


def multiplier(n: int, m: int | None = None) -> Circuit:
    """Return a multiplier of an n-bit and an m-bit number, which adds up the columns of partial products.

    Args:
        n: width of the first factor, 1 or more.
        m: width of the second; n if None.

    Returns:
        Inputs a[0] (lowest), ..., b[0], ...; outputs p[0], ..., p[n+m-1]; about 6 n m gates.

    Source: C. S. Wallace, A suggestion for a fast multiplier (1964).

    >>> multiplier(8).n_outputs
    16
    """
    n = _width("multiplier", n)
    m = n if m is None else _width("multiplier", m)

    def multiply(a: list, b: list) -> dict:
        columns: list[list] = [[] for _ in range(n + m - 1)]
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                columns[i + j].append(x & y)
        digits = add_columns(columns)
        # A product of a one-bit number never reaches its top digit.
        return _word("p", [*digits, *[0] * (n + m - len(digits))])

    return trace(multiply, a=n, b=m)


def _tree(name: str, table: int, n: int) -> Circuit:
    n = _width(name, n)
    netlist = Builder(bits_of("x", n))
    return netlist.circuit({"y": netlist.tree(table, netlist.inputs)})


def _word(name: str, bits: Sequence[Any]) -> dict[str, Word]:
    return {name: concat(*bits)}


def _width(name: str, n: int) -> int:
    return whole_number(name, "a width", n, 1)
