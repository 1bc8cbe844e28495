"""Threshold circuits that are known to be small: parity in two layers of units."""

import numpy as np

from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.networks.wiring import Wiring
from jaxnet.validation import whole_number


def parity(n: int) -> ThresholdCircuit:
    """Return the exclusive or of n inputs in two layers of units.

    The hidden unit k fires where k or more inputs are on; with weights +1, -1, +1, ... they add up to 1 where the
    number of inputs that are on is odd, and to 0 elsewhere.

    Args:
        n: 1 or more; the circuit has n^2 + n edges.

    Returns:
        n + 1 units in depth 2. `parity(2)` is the XOR of the textbooks: OR, AND, and OR but not AND.

    Raises:
        ValueError: if n < 1.
        TypeError: if n is no whole number.

    Source: M. Minsky and S. Papert, Perceptrons (1969); S. Muroga (1971).

    >>> from circuits import evaluate
    >>> evaluate(parity(3), [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]).T
    array([[False,  True, False,  True]])
    """
    n = whole_number("parity", "n", n, 1)
    offsets = np.append(np.arange(n + 1) * n, n * n + n)
    sources = np.append(np.tile(np.arange(n), n), n + np.arange(n))
    weights = np.append(np.ones(n * n, np.int64), (-1) ** np.arange(n))
    thresholds = np.append(np.arange(1, n + 1), 1)
    return ThresholdCircuit(
        Wiring(n, offsets, sources, [2 * n]), weights, thresholds, [f"x{i}" for i in range(n)], ["y"]
    )
