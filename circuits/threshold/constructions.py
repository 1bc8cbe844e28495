"""Circuits of threshold units that are known to be small: comparators, adders, multiplexers, normal forms.

Each has the ports of its twin in `circuits.library`, so that `equivalent` proves the two equal. Bits are in the order
lowest first. Those of symmetric functions are in `symmetric_functions`.
"""

from collections.abc import Mapping, Sequence

from circuits.ports import bits_of
from circuits.threshold.threshold_circuits import ThresholdCircuit, of_units
from jaxnet.validation import whole_number

# 2^60 times a bit is the largest weight that leaves sums below 2^62.
_WIDEST = 60


def comparator(n: int) -> ThresholdCircuit:
    """Return a comparator of two n-bit numbers: one unit for "less", one for "greater", one more for "equal".

    [a - b >= 1] is a single unit, since a number is a weighted sum of its bits.

    Args:
        n: 1 to 60.

    Returns:
        Inputs a[0], ..., b[0], ...; outputs less, equal, greater: 3 units, depth 2, weights up to 2^(n-1), which one
        unit cannot do without: its weights must grow exponentially.

    Raises:
        ValueError: if n is out of range.
        TypeError: if n is no whole number.

    Source: J. Hastad, On the size of weights for threshold gates (1994), for the growth.

    >>> comparator(8)
    ThresholdCircuit(16 inputs, 3 outputs, 3 units)
    """
    n = whole_number("comparator", "n", n, 1, _WIDEST)
    difference = {i: 1 << i for i in range(n)} | {n + i: -(1 << i) for i in range(n)}
    less = {node: -weight for node, weight in difference.items()}
    units = [(less, 1), (difference, 1), ({2 * n: -1, 2 * n + 1: -1}, 0)]
    outputs = {"less": 2 * n, "equal": 2 * n + 2, "greater": 2 * n + 1}
    return of_units(_numbers(n), units, outputs)


def full_adder() -> ThresholdCircuit:
    """Return the sum of three bits: two units, the carry [a + b + c >= 2] and the sum [a + b + c - 2 carry >= 1].

    Returns:
        Inputs a, b, c; outputs sum, carry: 2 units, depth 2, weights up to 2. One unit is not enough: two outputs.

    >>> full_adder()
    ThresholdCircuit(3 inputs, 2 outputs, 2 units)
    """
    bits = {0: 1, 1: 1, 2: 1}
    return of_units("abc", [(bits, 2), ({**bits, 3: -2}, 1)], {"sum": 4, "carry": 3})


def adder(n: int) -> ThresholdCircuit:
    """Return an adder of two n-bit numbers in depth 2: 2 n units, n of them carries.

    The carry out of place i is [(a mod 2^(i+1)) + (b mod 2^(i+1)) >= 2^(i+1)], straight from the inputs. The sum of
    place i is a_i + b_i + (carry into it) - 2 (carry out of it), which is 0 or 1.

    Args:
        n: 1 to 60.

    Returns:
        Inputs a[0], ..., b[0], ...; outputs s[0], ..., s[n], of which the last is the carry: 2 n units, depth 2,
        weights up to 2^(n-1).

    Raises:
        ValueError: if n is out of range.
        TypeError: if n is no whole number.

    Source: K.-Y. Siu and J. Bruck, On the power of threshold circuits with small weights (1991), who also make the
        weights small, in depth 3.

    >>> adder(8)
    ThresholdCircuit(16 inputs, 9 outputs, 16 units)
    """
    n = whole_number("adder", "n", n, 1, _WIDEST)
    carries = [({j: 1 << j for j in range(i + 1)} | {n + j: 1 << j for j in range(i + 1)}, 2 << i) for i in range(n)]
    sums = [({i: 1, n + i: 1, 2 * n + i: -2} | ({2 * n + i - 1: 1} if i else {}), 1) for i in range(n)]
    outputs = {f"s[{i}]": 3 * n + i for i in range(n)} | {f"s[{n}]": 3 * n - 1}
    return of_units(_numbers(n), carries + sums, outputs)


def multiplexer(n_select: int) -> ThresholdCircuit:
    """Return a multiplexer of 2^k data bits in depth 2.

    A unit for each data bit but the first fires where the bit is on and chosen; the output fires where one of them
    does, or where the first bit is on and no select bit is.

    Args:
        n_select: k, 0 to 20.

    Returns:
        Inputs select[0], ..., data[0], ...; output y: 2^k units, depth 2 (1 for k = 0), weights up to k + 1.

    Raises:
        ValueError: if k is out of range.
        TypeError: if k is no whole number.

    >>> multiplexer(2)
    ThresholdCircuit(6 inputs, 1 outputs, 4 units)
    """
    k = whole_number("multiplexer", "n_select", n_select, 0, 20)
    data = range(k, k + (1 << k))
    names = bits_of("select", k) + bits_of("data", len(data))
    chosen = [
        ({i: 1 if place >> i & 1 else -1 for i in range(k)} | {data[place]: 1}, place.bit_count() + 1)
        for place in range(1, len(data))
    ]
    first = len(names)
    either = dict.fromkeys(range(k), -1) | {data[0]: 1} | {first + j: k + 1 for j in range(len(chosen))}
    return of_units(names, [*chosen, (either, 1)], {"y": first + len(chosen)})


def dnf(products: Sequence[str], n: int | None = None) -> ThresholdCircuit:
    """Return a disjunctive normal form in depth 2: a unit for each product of two or more literals, and their OR.

    Args:
        products: rows of a PLA, such as "1-0" for x[0] and not x[2]; none for the constant 0.
        n: the number of inputs; that of the first product if None.

    Returns:
        Inputs x[0], ...; output y: at most one unit more than products, depth at most 2, weights 1 and -1. A single
        product is one unit.

    Raises:
        ValueError: if products differ in length, have other characters than 0, 1 and -, or there are none and n is
            not given.

    Source: W. S. McCulloch and W. Pitts (1943): every proposition is a net of depth 2.

    >>> from circuits import evaluate
    >>> evaluate(dnf(["10", "01"]), [[0, 0], [0, 1], [1, 0], [1, 1]]).T
    array([[False,  True,  True, False]])
    """
    return _normal_form("dnf", products, n, conjunctive=False)


def cnf(clauses: Sequence[str], n: int | None = None) -> ThresholdCircuit:
    """Return a conjunctive normal form in depth 2: a unit for each clause of two or more literals, and their AND.

    Args:
        clauses: rows such as "1-0" for x[0] or not x[2]; none for the constant 1.
        n: as for `dnf`.

    Returns:
        As `dnf`.

    Raises:
        ValueError: as for `dnf`.

    >>> from circuits import evaluate
    >>> evaluate(cnf(["11", "00"]), [[0, 0], [0, 1], [1, 0], [1, 1]]).T
    array([[False,  True,  True, False]])
    """
    return _normal_form("cnf", clauses, n, conjunctive=True)


def _normal_form(where: str, rows: Sequence[str], n: int | None, *, conjunctive: bool) -> ThresholdCircuit:
    if n is None and not rows:
        raise ValueError(f"{where}: expected n, the number of inputs, where there are no rows.")
    n = len(rows[0]) if n is None else whole_number(where, "n", n)
    for number, row in enumerate(rows):
        if len(row) != n or set(row) - set("01-"):
            raise ValueError(f"{where}: expected row {number} to be {n} of the characters 0, 1 and -, got {row!r}.")
    units: list[tuple[Mapping[int, int], int]] = []
    literals = []
    for row in rows:
        signs = {i: 1 if bit == "1" else -1 for i, bit in enumerate(row) if bit != "-"}
        if len(signs) == 1 and len(rows) > 1:
            literals.append(next(iter(signs.items())))
            continue
        units.append(_together(signs, conjunctive=not conjunctive))
        literals.append((n + len(units) - 1, 1))
    if len(rows) != 1:
        # The same literal twice counts once; a literal and its complement decide it all.
        if any((node, -sign) in literals for node, sign in literals):
            units = [({}, 1 if conjunctive else 0)]
        else:
            units.append(_together(dict(literals), conjunctive=conjunctive))
    return of_units(bits_of("x", n), units, {"y": n + len(units) - 1})


def _together(signs: Mapping[int, int], *, conjunctive: bool) -> tuple[Mapping[int, int], int]:
    """Return the unit that is the AND, or the OR, of literals: nodes with +1, and with -1 where they are negated."""
    negated = sum(sign < 0 for sign in signs.values())
    return signs, (len(signs) if conjunctive else 1) - negated


def _numbers(n: int) -> list[str]:
    return bits_of("a", n) + bits_of("b", n)
