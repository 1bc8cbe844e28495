"""Whether a function is one threshold unit, with least integer weights, or a refutation; every answer exact.

At most 7 inputs are looked up by Chow parameters; more go through unateness, the order of variables and a linear
program in integers. Which sum is least: that of the |w_i|, the threshold not counted, as in the voting literature.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np

from circuits.threshold.desirability import Ordered, ordered
from circuits.threshold.minimal_weights import VARIABLES, look_up
from circuits.threshold.packed_tables import MAX_INPUTS, pack_tables, unpack_tables
from circuits.threshold.trades import MinimalSum, TradingTransform, fires, table_of
from circuits.threshold.units import ThresholdUnit
from circuits.threshold.weight_programs import Weights, least_weights
from jaxnet.validation import whole_number


@dataclass(frozen=True)
class NotThreshold:
    """The answer that a function is no threshold unit.

    Attributes:
        certificate: the proof, which `certificate.check()` checks in integers.
    """

    certificate: TradingTransform

    def __bool__(self) -> bool:
        return False


class Recognised(NamedTuple):
    """Which of k tables are threshold functions.

    Attributes:
        found: `(k,)` bool.
        weights: `(k, n)` integers, 0 where there is no unit: int8 for n <= 7, int64 for more.
        thresholds: `(k,)` integers likewise: int16 for n <= 7, int64 for more.
    """

    found: np.ndarray
    weights: np.ndarray
    thresholds: np.ndarray

    def unit(self, k: int) -> ThresholdUnit | None:
        """Return the unit of table k, None if there is none; `recognise` of that table alone gives the reason."""
        return ThresholdUnit(self.weights[k].astype(np.int64), int(self.thresholds[k])) if self.found[k] else None


class Minimality(NamedTuple):
    """How far the weights of a unit are known to be minimal.

    Attributes:
        minimal: whether no integer weights of the same function have a smaller sum of |w_i|.
        by: "linear program", with a certificate; "integer program", by HiGHS only; "weights", smaller ones are known;
            "nothing", where the integer program did not finish.
        bound: a sum that no integer weights fall below, by the linear program.
        certificate: the proof, where it is by the linear program.
    """

    minimal: bool
    by: str
    bound: int
    certificate: MinimalSum | None


@overload
def recognise(tables: int, n: int) -> ThresholdUnit | NotThreshold: ...
@overload
def recognise(tables: Any, n: int) -> Any: ...


def recognise(tables: Any, n: int) -> ThresholdUnit | NotThreshold | Recognised:
    """Find the threshold unit of a truth table, with least integer weights, or prove that there is none.

    Of all integer weights those with the least sum of |w_i| are taken, the threshold not counted. For n <= 7 the sum
    with |2 T - 1 - sum w_i|, the weight of a constant input, is least as well. `minimality` tells the proof; for large
    weights the integer program may give up after 2 s, and the weights are exact but perhaps not the least.

    Args:
        tables: one table, as an integer of 2^n bits or bool `(2^n,)`, bit r being the value on row r; or k of them:
            bool `(k, 2^n)`, integers `(k,)` for n <= 6, uint64 `(k, 2^(n-6))` for n >= 7 (see `pack_tables`).
        n: how many inputs, 0 to 16.

    Returns:
        For one table a `ThresholdUnit` or a `NotThreshold`, which is false and has a certificate; for k tables
        `Recognised`, arrays.

    Raises:
        ValueError: if n is out of range, or tables do not fit it.
        TypeError: if tables are neither bool nor integers.

    Source: C. K. Chow (1961) and R. O. Winder (1965) for the look-up; S. Muroga (1971) for the linear program; C. C.
    Elgot (1961) and J. D. Taylor and W. S. Zwicker (1993) for the refutation; S. Kurz (2012) for the least sum.

    >>> recognise(0b11101000, 3)                                            # majority
    ThresholdUnit([1, 1, 1], 2)
    >>> recognise(0b0110, 2)                                                # XOR
    NotThreshold(certificate=TradingTransform(true 10 + 01 = false 00 + 11))
    >>> int(recognise(np.arange(16), 2).found.sum())                             # all but XOR and XNOR
    14
    """
    n = whole_number("recognise", "n", n, 0, MAX_INPUTS)
    words = pack_tables(tables, n, where="recognise")
    if words.ndim > 2:
        raise ValueError(f"recognise: expected one table, or k of them, got shape {np.shape(tables)}; reshape them.")
    if n < VARIABLES:
        found, weights, thresholds = look_up(np.atleast_2d(words), n)
        if words.ndim == 2:
            return Recognised(found, weights, thresholds)
        if found[0]:
            return ThresholdUnit(weights[0].astype(np.int64), int(thresholds[0]))
    if words.ndim == 1:
        return _decide(words, n)[0]
    answers = [_decide(each, n)[0] for each in words]
    found = np.array([isinstance(answer, ThresholdUnit) for answer in answers], bool)
    weights, thresholds = np.zeros((len(words), n), np.int64), np.zeros(len(words), np.int64)
    for k, answer in enumerate(answers):
        if isinstance(answer, ThresholdUnit):
            weights[k], thresholds[k] = answer.weights, answer.threshold
    return Recognised(found, weights, thresholds)


def minimality(unit: ThresholdUnit) -> Minimality:
    """Return whether no integer weights for the function of a unit have a smaller sum of |w_i|, and by which proof.

    The optimum of the linear program is a lower bound, and its dual a certificate in integers. It is not always
    reached: [19, 15, 11, 9, 7, 5, 4, 2, 1] with T = 19 has a sum of 73 and a bound of 71. There the integer program, in
    float64, is the only word.

    Args:
        unit: of at most 16 inputs.

    Returns:
        A `Minimality`.

    Raises:
        ValueError: if there are more inputs.

    >>> minimality(ThresholdUnit([1, 1, 1], 2)).certificate.check()
    True
    >>> minimality(ThresholdUnit([2, 2, 2], 3))
    Minimality(minimal=False, by='weights', bound=3, certificate=None)
    """
    n = whole_number("minimality", "the fan-in", unit.n_inputs, 0, MAX_INPUTS)
    total = sum(map(abs, unit.weights.tolist()))
    _, best = _decide(pack_tables(table_of(unit), n), n)
    if best is None:
        # A constant: no weight is needed.
        certificate = MinimalSum(unit, (), (), 1) if total == 0 else None
        return Minimality(total == 0, "weights" if total else "linear program", 0, certificate)
    if total == best.bound:
        return Minimality(True, "linear program", total, MinimalSum(unit, best.true, best.false, best.scale))
    if total > sum(best.weights):
        return Minimality(False, "weights", best.bound, None)
    proved = best.proved == "integer program" and total == sum(best.weights)
    return Minimality(proved, best.proved if proved else "nothing", best.bound, None)


def _decide(words: np.ndarray, n: int) -> tuple[ThresholdUnit | NotThreshold, Weights | None]:
    """Return the answer for one packed table without the look-up, and how the weights came about."""
    table = int.from_bytes(np.ascontiguousarray(words, "<u8").tobytes(), "little")
    if table in (0, (1 << (1 << n)) - 1):
        return ThresholdUnit(np.zeros(n, np.int64), int(table == 0)), None
    function = ordered(words, n)
    if isinstance(function, TradingTransform):
        return _refused(function), None
    best = least_weights(function)
    if not isinstance(best, Weights):
        return _refused(TradingTransform(n, table, *best)), None
    return _unit(function, best.weights, unpack_tables(words, n)), best


def _refused(certificate: TradingTransform) -> NotThreshold:
    if not certificate.check():
        raise RuntimeError("recognise: a refutation that fails its own check: a mistake in circuits.")
    return NotThreshold(certificate)


def _unit(function: Ordered, falling: list[int], values: np.ndarray) -> ThresholdUnit:
    """Return the unit with these weights, checked on every row."""
    n = len(values).bit_length() - 1
    if sum(falling) >= 1 << 62:
        raise RuntimeError(f"recognise: weights of a sum of {sum(falling)}, past 2^62, are no unit.")
    weights = np.zeros(n, np.int64)
    weights[function.variables] = np.array(falling) * function.signs
    sums = np.zeros(1, np.int64)
    for weight in weights:
        sums = np.concatenate([sums, sums + weight])
    threshold = int(sums[values].min())
    if not np.array_equal(fires(weights, threshold), values):
        raise RuntimeError("recognise: weights that fail a check on all rows: a mistake in circuits.")
    return ThresholdUnit(weights, threshold)
