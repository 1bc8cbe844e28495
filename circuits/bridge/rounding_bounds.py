"""Rounding: how far a float may be from the real number that a unit adds up, and the sign of that number in any case.

The bound of a sum of k products in floats of unit roundoff u is gamma_k = k u / (1 - k u) times the sum of magnitudes,
in whatever order it is added (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1). What
the bound leaves open is decided by intervals of fractions, with one-sided series for exp.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from circuits.bridge.network_units import NetworkUnits, levels_of


class Arithmetic(NamedTuple):
    """What is assumed of floats.

    Attributes:
        roundoff: u, the largest relative error of a rounded sum or product.
        tiny: below this a number may become 0.
        sigmoid: the largest absolute error of a sigmoid; twice that for a tanh.
    """

    roundoff: float
    tiny: float
    sigmoid: float


# On millions of random numbers the sigmoids of XLA and NumPy were off by at most 1.5 u, XLA's tanh by 4.7 u in float32
# and 7.0 u in float64; here it is 8 u and 16 u.
ARITHMETICS = {
    "float32": Arithmetic(2.0**-24, 2.0**-126, 2.0**-21),
    "float64": Arithmetic(2.0**-53, 2.0**-1022, 2.0**-50),
}
# Makes up for the rounding of the bounds themselves, which are sums of a few thousand positive float64.
_ROUNDED_UP = 1 + 2.0**-20


def sum_bounds(units: NetworkUnits, dtype: str) -> np.ndarray:
    """Return for each unit how far its float sum is from the exact one, on any Boolean row, in any order of summation.

    Steps and signs are taken to be right: that is for the caller to see, unit by unit.

    Args:
        units: of a network.
        dtype: "float32" or "float64", what it is evaluated in.

    Returns:
        `(units,)` float64; infinite or NaN where floats may overflow.

    Source: N. J. Higham (2002), eq. 3.5.

    >>> from jaxnet.networks.wiring import Wiring
    >>> one = NetworkUnits(Wiring(2, [0, 2], [0, 1], [2]), np.ones(2), np.ones(1), ("step",), "float32")
    >>> float(sum_bounds(one, "float32")[0]) < 2.0**-18
    True
    """
    u, tiny, sigmoid = ARITHMETICS[dtype]
    bound, error, size, most = (np.zeros(len(units.b)) for _ in range(4))
    # Edges from one node add up too, and may cancel: it is their magnitudes that count.
    magnitudes = units._replace(w=np.abs(units.w))
    edges = np.diff(units.wiring.offsets)
    with np.errstate(over="ignore", invalid="ignore"):
        for level in levels_of(magnitudes):
            # Four more operations for the bias and for sums in parts.
            terms = edges[level.units] + 4
            gamma = np.where(terms * u < 0.5, terms * u / (1 - np.minimum(terms * u, 0.5)), math.inf)
            passed = level.weights @ error[level.fed_by]
            total = level.inputs.sum(axis=1) + level.weights @ size[level.fed_by] + np.abs(level.bias) + passed
            most[level.units] = total * _ROUNDED_UP
            bound[level.units] = (gamma * most[level.units] + passed + terms * tiny) * _ROUNDED_UP
            for unit in level.units.tolist():
                own = {"sigmoid": bound[unit] / 4 + sigmoid, "tanh": bound[unit] + 2 * sigmoid, "step": 0, "sign": 0}
                error[unit] = own.get(units.kinds[unit], bound[unit])
                size[unit] = most[unit] if units.kinds[unit] in ("relu", "identity") else 1
        largest = float(np.finfo(dtype).max)
        return np.where(bound + most < largest / 4, bound, math.inf)


Interval = tuple[Fraction, Fraction]


def exact_sums(units: NetworkUnits, row: np.ndarray, precision: int) -> list[Interval]:
    """Return an interval for what each unit adds up on a row, in fractions; a step that is not decided is in [0, 1].

    Args:
        units: of a network.
        row: `(n,)` bool.
        precision: how many binary places the ends of an interval have, about.

    Source: R. E. Moore, Interval Analysis (1966).

    >>> from jaxnet.networks.wiring import Wiring
    >>> one = NetworkUnits(Wiring(1, [0, 1], [0], [1]), np.array([3.0]), np.array([-1.0]), ("sigmoid",), "float32")
    >>> exact_sums(one, np.array([True]), 20)
    [(Fraction(2, 1), Fraction(2, 1))]
    """
    n = units.wiring.n_inputs
    values: list[Interval] = [(Fraction(int(bit)), Fraction(int(bit))) for bit in row]
    found = []
    for unit, (start, end) in enumerate(zip(units.wiring.offsets[:-1], units.wiring.offsets[1:], strict=True)):
        low = high = Fraction(float(units.b[unit]))
        for source, weight in zip(units.wiring.sources[start:end].tolist(), units.w[start:end].tolist(), strict=True):
            ends = values[source]
            w = Fraction(weight)
            low += w * ends[w < 0]
            high += w * ends[w >= 0]
        found.append((low, high))
        values.append(_value(units.kinds[unit], low, high, precision))
    assert len(values) == n + len(found)
    return found


def _value(kind: str, low: Fraction, high: Fraction, precision: int) -> Interval:
    match kind:
        case "step" | "sign":
            off = Fraction(-1 if kind == "sign" else 0)
            return (Fraction(1) if low >= 0 else off), (off if high < 0 else Fraction(1))
        case "relu":
            return max(low, Fraction(0)), max(high, Fraction(0))
        case "sigmoid":
            return sigmoid_between(low, precision)[0], sigmoid_between(high, precision)[1]
        case "tanh":
            return 2 * sigmoid_between(2 * low, precision)[0] - 1, 2 * sigmoid_between(2 * high, precision)[1] - 1
    return low, high


def sigmoid_between(x: Fraction, precision: int) -> Interval:
    """Return two fractions that have sigma(x) between them, 2^(8 - precision) apart or less.

    >>> low, high = sigmoid_between(Fraction(1), 60)
    >>> low < high, round(float(low), 12) == round(1 / (1 + math.exp(-1)), 12)
    (True, True)
    """
    if x == 0:
        return Fraction(1, 2), Fraction(1, 2)
    low, high = _exp_of_negative(abs(x), precision)
    # sigma(|x|) = 1 / (1 + e^-|x|).
    one = 1 << precision
    ends = Fraction((one * one) // (one + high), one), Fraction(-((-one * one) // (one + low)), one)
    return ends if x > 0 else (1 - ends[1], 1 - ends[0])


def _exp_of_negative(x: Fraction, precision: int) -> tuple[int, int]:
    """Return integers l, h with l <= 2^precision e^-x <= h, for x > 0."""
    if x > precision:
        return 0, 1  # since e^-x < 2^-x
    halvings = max(0, x.__ceil__().bit_length() + 1)
    one = 1 << precision
    # e^-r for r = x / 2^halvings <= 1/2: partial sums of the alternating series are above and below it in turn.
    r_low = (x.numerator << precision) // (x.denominator << halvings)
    low, high = _series(r_low + 1, precision)[0], _series(r_low, precision)[1]
    for _ in range(halvings):
        low, high = (low * low) >> precision, -((-high * high) >> precision)
    return max(low, 0), min(high, one)


def _series(r: int, precision: int) -> tuple[int, int]:
    """Return integers around 2^precision e^-(r / 2^precision), for 0 <= r <= 2^(precision - 1)."""
    one = 1 << precision
    below_term = above_term = one
    low = high = one
    k = 0
    while above_term > 1 or k % 2:
        k += 1
        below_term, above_term = (below_term * r >> precision) // k, -((-above_term * r >> precision) // k)
        if k % 2:
            low, high = low - above_term, high - below_term
        else:
            low, high = low + below_term, high + above_term
        # After an odd term the sum is below, so that the next, smaller one bounds the rest.
    rest = above_term + 1
    return low - rest, high + rest
