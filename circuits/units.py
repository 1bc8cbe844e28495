"""The Boolean neuron: a threshold unit with integer weights, and AND, OR, NOT, majority, k-of-n as single such units.

[w.x >= T] is the all-or-none neuron of W. S. McCulloch and W. Pitts (1943). What one unit cannot do, XOR above all
(M. Minsky and S. Papert, 1969), takes two layers: `circuits.threshold_circuits.parity`.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from circuits.simulation import as_bits, evaluate

# Sums stay below 2^63, so that NumPy's int64 is exact.
MAX_SUM = 2**63 - 1


class ThresholdUnit:
    """A unit that fires where w.x >= T; immutable, exact.

    Attributes:
        weights: `(n,)` int64, read-only.
        threshold: T, a Python integer.

    Raises:
        TypeError: if a weight or the threshold is no integer.
        ValueError: if weights have not one axis, or sum |w_i| + |T| does not fit in 63 bits.

    Source: W. S. McCulloch and W. Pitts, A logical calculus of the ideas immanent in nervous activity (1943).

    >>> ThresholdUnit([1, 1, -2], 1)
    ThresholdUnit([1, 1, -2], 1)
    """

    __slots__ = ("threshold", "weights")
    weights: np.ndarray
    threshold: int

    def __init__(self, weights: Sequence[int] | np.ndarray, threshold: int):
        w, t = integer_weights("ThresholdUnit", weights, threshold)
        total = sum(map(abs, w.tolist())) + abs(int(t))
        if total > MAX_SUM:
            raise ValueError(f"ThresholdUnit: expected sum |w| + |T| below 2^63, got {total}.")
        object.__setattr__(self, "weights", w)
        object.__setattr__(self, "threshold", int(t))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"ThresholdUnit is immutable: make a new one with another {name}.")

    n_inputs = property(lambda self: len(self.weights))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ThresholdUnit):
            return NotImplemented
        return self.threshold == other.threshold and np.array_equal(self.weights, other.weights)

    def __hash__(self) -> int:
        return hash((self.weights.tobytes(), self.threshold))

    def __repr__(self) -> str:
        shown = [str(w) for w in self.weights[:8]] + ["..."] * (self.n_inputs > 8)
        return f"ThresholdUnit([{', '.join(shown)}], {self.threshold})"


def integer_weights(where: str, weights: Any, thresholds: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check and copy the numbers of units: int64, read-only.

    Args:
        where: named in the error.
        weights: one axis of integers.
        thresholds: integers.

    Returns:
        Weights and thresholds as int64.

    Raises:
        TypeError: if either holds anything but integers.
        ValueError: if weights have not one axis, or a number does not fit in 63 bits.

    >>> integer_weights("here", [1, -1], 0)
    (array([ 1, -1]), array(0))
    """
    arrays = []
    for name, value in (("weights", weights), ("thresholds", thresholds)):
        array = np.asarray(value)
        if array.size == 0:
            array = array.astype(np.int64)
        if array.dtype == object or array.dtype == np.uint64:
            try:
                array = np.array([operator.index(v) for v in array.ravel()], np.int64).reshape(array.shape)
            except OverflowError:
                raise ValueError(f"{where}: expected {name} below 2^63 in magnitude.") from None
        if not np.issubdtype(array.dtype, np.integer):
            raise TypeError(
                f"{where}: expected integer {name}, got {array.dtype}. Threshold units are exact: scale and round."
            )
        array = array.astype(np.int64)
        array.flags.writeable = False
        arrays.append(array)
    if arrays[0].ndim != 1:
        raise ValueError(f"{where}: expected weights with one axis, got shape {arrays[0].shape}.")
    return arrays[0], arrays[1]


@evaluate.register
def _(unit: ThresholdUnit, x: Any) -> np.ndarray:
    bits = np.asarray(as_bits(x, unit.n_inputs, unit))
    # A sum over the inputs that are on: no product, and int64 all the way.
    return np.where(bits, unit.weights, 0).sum(axis=-1) >= unit.threshold


def and_(n: int) -> ThresholdUnit:
    """Fires where all n inputs are on: [sum x >= n].

    Args:
        n: fan-in, 1 or more.

    Returns:
        A unit with weights 1.

    Raises:
        ValueError: if n < 1.

    >>> and_(3)
    ThresholdUnit([1, 1, 1], 3)
    """
    return at_least(n, n)


def or_(n: int) -> ThresholdUnit:
    """Fires where any of n inputs is on: [sum x >= 1], as `and_`.

    >>> evaluate(or_(100_000), np.zeros(100_000, bool)).item()
    False
    """
    return at_least(1, n)


def nand(n: int) -> ThresholdUnit:
    """Fires unless all n inputs are on: [-sum x >= 1 - n], as `and_`.

    >>> nand(2)
    ThresholdUnit([-1, -1], -1)
    """
    return complement(and_(n))


def nor(n: int) -> ThresholdUnit:
    """Fires where no input is on: [-sum x >= 0], as `and_`.

    >>> nor(2)
    ThresholdUnit([-1, -1], 0)
    """
    return complement(or_(n))


def not_() -> ThresholdUnit:
    """Fires where its one input is off: [-x >= 0].

    >>> not_()
    ThresholdUnit([-1], 0)
    """
    return nor(1)


def at_least(k: int, n: int) -> ThresholdUnit:
    """Fires where k or more of n inputs are on: [sum x >= k].

    Args:
        k: any integer; below 1 the unit always fires, above n never.
        n: fan-in, 1 or more.

    Returns:
        A unit with weights 1.

    Raises:
        ValueError: if n < 1.

    >>> at_least(2, 4)
    ThresholdUnit([1, 1, 1, 1], 2)
    """
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"expected a fan-in of 1 or more, got {n!r}.")
    return ThresholdUnit(np.ones(n, np.int64), k)


def majority(n: int) -> ThresholdUnit:
    """Fires where more than half of n inputs are on; a tie does not fire.

    Args:
        n: fan-in, 1 or more.

    Returns:
        [sum x >= n // 2 + 1].

    Raises:
        ValueError: if n < 1.

    >>> majority(3)
    ThresholdUnit([1, 1, 1], 2)
    """
    return at_least(n // 2 + 1, n)


def complement(unit: ThresholdUnit) -> ThresholdUnit:
    """The unit that fires where the other does not: not [w.x >= T] is [-w.x >= 1 - T].

    Args:
        unit: any unit.

    Returns:
        A unit of the same fan-in.

    >>> complement(complement(majority(3))) == majority(3)
    True
    """
    return ThresholdUnit(-unit.weights, 1 - unit.threshold)
