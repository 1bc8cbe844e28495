"""Symmetric functions as few threshold units: those that depend on how many inputs are on, such as parity.

S. Muroga (1959) has them in depth 2; the forms with skip connections, which read the inputs in the last layer too, are
by R. C. Minnick (1961) and W. H. Kautz (1961).
"""

import itertools
from collections.abc import Iterable

from circuits.ports import bits_of
from circuits.threshold.threshold_circuits import ThresholdCircuit, of_units
from jaxnet.validation import whole_number

_PARITIES = ("layers", "skips", "chain")


def symmetric(values: str | Iterable[int], *, skips: bool = True) -> ThresholdCircuit:
    """Return a symmetric function of n inputs in depth 2, or 1 if it is a threshold function.

    Let s be how many inputs are on. Without skip connections, a hidden unit fires from each s where the value changes,
    and the output adds them up with signs +1 and -1 in turn. With skip connections, the output reads s itself, and a
    hidden unit [s >= f] for each s = f where the value falls from 1 to 0 takes away so much that the sum reaches the
    threshold again at the next s where the value rises: as many hidden units as falls, or as rises if they are fewer
    (of the complement, whose unit is then negated).

    Args:
        values: n + 1 bits, the value for s = 0, 1, ..., n: "0101" is the parity of three inputs.
        skips: whether the output may read the inputs.

    Returns:
        Inputs x[0], x[1], ...; output y. Weights of hidden units are 1; of the output at most n + 1.

    Raises:
        ValueError: if there are fewer than two values, or one is not a bit.
        TypeError: if they are no sequence.

    Source: S. Muroga, The principle of majority decision logical elements (1959); R. C. Minnick, Linear-input logic
        (1961).

    >>> symmetric("0110"), symmetric("0110", skips=False), symmetric("0011")
    (ThresholdCircuit(3 inputs, 1 outputs, 2 units), ThresholdCircuit(3 inputs, 1 outputs, 3 units), \
ThresholdCircuit(3 inputs, 1 outputs, 1 units))
    """
    if not isinstance(values, Iterable):
        raise TypeError(f"symmetric: expected the values for 0, 1, ..., n inputs that are on, got {values!r}.")
    digits = ["01".find(value) if isinstance(value, str) else value for value in values]
    bits = [int(digit) for digit in digits if digit in (0, 1)]
    if len(digits) < 2 or len(bits) != len(digits):
        raise ValueError(
            f"symmetric: expected a bit for each number 0..n of inputs that are on, n at least 1, got {values!r}."
        )
    n = len(bits) - 1
    changes = [s for s in range(1, n + 1) if bits[s] != bits[s - 1]]
    rises, falls = changes[bits[0] :: 2], changes[1 - bits[0] :: 2]
    all_inputs = dict.fromkeys(range(n), 1)
    if len(changes) <= 1:
        sign = -1 if falls or (not changes and not bits[0]) else 1
        threshold = changes[0] if changes else 0
        units = [_signed(all_inputs, threshold, sign)]
    elif skips:
        # The complement falls where this function rises.
        negated = len(rises) < len(falls)
        starts, ends = (falls, rises) if negated else (rises, falls)
        if bits[0] != negated:
            starts = [0, *starts]
        units = [(all_inputs, end) for end in ends]
        later = [*starts[1:], n + 1][: len(ends)]
        # The sum is s - (start of the stretch - first start) from the end of each stretch to that of the next.
        steps = [stop - start for start, stop in itertools.pairwise([starts[0], *later])]
        taken = {n + k: -step for k, step in enumerate(steps)}
        units.append(_signed({**all_inputs, **taken}, starts[0], -1 if negated else 1))
    else:
        sign = -1 if bits[0] else 1
        units = [(all_inputs, s) for s in changes]
        units.append(({n + k: sign * (-1) ** k for k in range(len(changes))}, 0 if bits[0] else 1))
    return of_units(bits_of("x", n), units, {"y": n + len(units) - 1})


def parity(n: int, form: str = "layers") -> ThresholdCircuit:
    """Return the exclusive or of n inputs.

    | form | units | depth | largest weight | how |
    |---|---|---|---|---|
    | "layers" | n + 1 | 2 | 1 | [s >= k] for each k, with signs +1, -1, ...: the sum is s mod 2 |
    | "skips" | n // 2 + 1 | 2 | 2 | s - 2 [s >= 2] - 2 [s >= 4] - ... is s mod 2 |
    | "chain" | floor(log2 n) + 1 | floor(log2 n) + 1 | 2^floor(log2 n) | the digits of s, highest first |

    Args:
        n: 1 or more; the first form has n^2 + n edges.
        form: one of the table.

    Returns:
        Inputs x[0], x[1], ...; output y. `parity(2)` is the XOR of the textbooks: OR, AND, and OR but not AND.

    Raises:
        ValueError: if n < 1, or there is no such form.
        TypeError: if n is no whole number.

    Source: M. Minsky and S. Papert, Perceptrons (1969); R. C. Minnick (1961); W. H. Kautz, The realization of
        symmetric switching functions with linear-input logical elements (1961), for the chain.

    >>> from circuits import evaluate
    >>> evaluate(parity(3), [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]).T
    array([[False,  True, False,  True]])
    >>> [parity(100, form).n_units for form in ("layers", "skips", "chain")]
    [101, 51, 7]
    """
    n = whole_number("parity", "n", n, 1)
    if form not in _PARITIES:
        raise ValueError(f"parity: expected form to be one of {', '.join(map(repr, _PARITIES))}, got {form!r}.")
    names, inputs = bits_of("x", n), dict.fromkeys(range(n), 1)
    if form == "chain":
        units = _digits(n)
        return of_units(names, units, {"y": n + len(units) - 1})
    if form == "skips":
        hidden = [(inputs, k) for k in range(2, n + 1, 2)]
        last = {**inputs, **{n + k: -2 for k in range(len(hidden))}}
    else:
        hidden = [(inputs, k) for k in range(1, n + 1)]
        last = {n + k: (-1) ** k for k in range(n)}
    return of_units(names, [*hidden, (last, 1)], {"y": n + len(hidden)})


def population_count(n: int) -> ThresholdCircuit:
    """Return the number of inputs that are on, as a chain of one unit a digit, the highest first.

    The digit of 2^k is [s - (the digits above) >= 2^k]: what is left after the higher digits is below 2^(k+1).

    Args:
        n: 1 or more.

    Returns:
        Inputs x[0], x[1], ...; outputs count[0] (lowest), ...: floor(log2 n) + 1 units, as deep, with weights up to
        2^floor(log2 n). It is the twin of `circuits.library.population_count`.

    Raises:
        ValueError: if n < 1.
        TypeError: if n is no whole number.

    Source: W. H. Kautz (1961).

    >>> population_count(7)
    ThresholdCircuit(7 inputs, 3 outputs, 3 units)
    """
    n = whole_number("population_count", "n", n, 1)
    units = _digits(n)
    top = n + len(units) - 1
    return of_units(bits_of("x", n), units, {f"count[{k}]": top - k for k in range(len(units))})


def _digits(n: int) -> list[tuple[dict[int, int], int]]:
    """Return units for the binary digits of how many of n inputs are on, the highest first."""
    inputs, top = dict.fromkeys(range(n), 1), n.bit_length() - 1
    return [({**inputs, **{n + j: -(1 << (top - j)) for j in range(top - k)}}, 1 << k) for k in range(top, -1, -1)]


def _signed(weights: dict[int, int], threshold: int, sign: int) -> tuple[dict[int, int], int]:
    """Return a unit, or its complement for the sign -1."""
    return (weights, threshold) if sign > 0 else ({node: -w for node, w in weights.items()}, 1 - threshold)
