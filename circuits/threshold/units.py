"""The Boolean neuron: a threshold unit with integer weights, and AND, OR, NOT, majority, k-of-n as single such units.

[w.x >= T] is the all-or-none neuron of W. S. McCulloch and W. Pitts (1943). What one unit cannot do, XOR above all
(M. Minsky and S. Papert, 1969), takes two layers: `symmetric_functions.parity`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.simulation.simulator import as_bits, evaluate
from jaxnet.validation import integers, whole_number

# Sums stay below 2^63, so that NumPy's int64 is exact.
MAX_SUM = 2**63 - 1


@dataclass(frozen=True, eq=False, repr=False)
class ThresholdUnit:
    """A unit that fires where w.x >= T; immutable, exact.

    Attributes:
        weights: `(n,)` int64, read-only.
        threshold: T, a Python integer.

    Raises:
        TypeError: if a weight or the threshold is no integer.
        ValueError: if weights do not have one axis, the threshold is not one number, or sum |w_i| + |T| passes 2^63.

    Source: W. S. McCulloch and W. Pitts, A logical calculus of the ideas immanent in nervous activity (1943).

    >>> ThresholdUnit([1, 1, -2], 1)
    ThresholdUnit([1, 1, -2], 1)
    """

    weights: np.ndarray
    threshold: int

    def __init__(self, weights: Any, threshold: Any):
        w = integers("ThresholdUnit", "weights", weights)
        t = integers("ThresholdUnit", "the threshold", threshold)
        if w.ndim != 1 or t.ndim != 0:
            raise ValueError(
                f"ThresholdUnit: expected weights with one axis and one threshold, got shapes {w.shape} and {t.shape}."
            )
        total = sum(map(abs, w.tolist())) + abs(int(t))
        if total > MAX_SUM:
            raise ValueError(f"ThresholdUnit: expected sum |w| + |T| below 2^63, got {total}.")
        object.__setattr__(self, "weights", w)
        object.__setattr__(self, "threshold", int(t))

    @property
    def n_inputs(self) -> int:
        """Return the number of inputs."""
        return len(self.weights)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ThresholdUnit):
            return NotImplemented
        return self.threshold == other.threshold and np.array_equal(self.weights, other.weights)

    def __hash__(self) -> int:
        return hash((self.weights.tobytes(), self.threshold))

    def __repr__(self) -> str:
        shown = [str(w) for w in self.weights[:8]] + ["..."] * (self.n_inputs > 8)
        return f"ThresholdUnit([{', '.join(shown)}], {self.threshold})"


@evaluate.register
def _(unit: ThresholdUnit, x: Any) -> np.ndarray:
    bits = np.asarray(as_bits(x, unit.n_inputs, unit))
    # A sum over the inputs that are on: no product, and int64 all the way.
    return np.where(bits, unit.weights, 0).sum(axis=-1) >= unit.threshold


def and_(n: int) -> ThresholdUnit:
    """Return the unit that fires where all n inputs are on: [sum x >= n].

    Args:
        n: fan-in, 1 or more.

    Returns:
        A unit with weights 1.

    Raises:
        ValueError: if n < 1.

    >>> and_(3)
    ThresholdUnit([1, 1, 1], 3)
    """
    return _counting("and_", n, n)


def or_(n: int) -> ThresholdUnit:
    """Return the unit that fires where any of n inputs is on: [sum x >= 1], as `and_`.

    >>> evaluate(or_(100_000), np.zeros(100_000, bool)).item()
    False
    """
    return _counting("or_", 1, n)


def nand(n: int) -> ThresholdUnit:
    """Return the unit that fires unless all n inputs are on: [-sum x >= 1 - n], as `and_`.

    >>> nand(2)
    ThresholdUnit([-1, -1], -1)
    """
    return complement(_counting("nand", n, n))


def nor(n: int) -> ThresholdUnit:
    """Return the unit that fires where no input is on: [-sum x >= 0], as `and_`.

    >>> nor(2)
    ThresholdUnit([-1, -1], 0)
    """
    return complement(_counting("nor", 1, n))


def not_() -> ThresholdUnit:
    """Return the unit that fires where its one input is off: [-x >= 0].

    >>> not_()
    ThresholdUnit([-1], 0)
    """
    return nor(1)


def at_least(k: int, n: int) -> ThresholdUnit:
    """Return the unit that fires where k or more of n inputs are on: [sum x >= k].

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
    return _counting("at_least", k, n)


def majority(n: int) -> ThresholdUnit:
    """Return the unit that fires where more than half of n inputs are on; a tie does not fire.

    Args:
        n: fan-in, 1 or more.

    Returns:
        [sum x >= n // 2 + 1].

    Raises:
        ValueError: if n < 1.

    >>> majority(3)
    ThresholdUnit([1, 1, 1], 2)
    """
    return _counting("majority", whole_number("majority", "a fan-in", n, 1) // 2 + 1, n)


def complement(unit: ThresholdUnit) -> ThresholdUnit:
    """Return the unit that fires where another does not: not [w.x >= T] is [-w.x >= 1 - T].

    Args:
        unit: any unit.

    Returns:
        A unit of the same fan-in.

    >>> complement(complement(majority(3))) == majority(3)
    True
    """
    return ThresholdUnit(-unit.weights, 1 - unit.threshold)


def _counting(where: str, k: int, n: int) -> ThresholdUnit:
    """Return the unit [sum x >= k] on n inputs."""
    n = whole_number(where, "a fan-in", n, 1)
    # k may be negative: then the unit always fires.
    return ThresholdUnit(np.ones(n, np.int64), whole_number(where, "k", k, -MAX_SUM))
