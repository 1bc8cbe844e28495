"""The theorem of the bridge: which gain keeps sigmoids for steps within which error, at any depth.

A unit [w.x >= T] with integer weights has the bias b = 1/2 - T, so that on Boolean inputs |w.x + b| >= 1/2. Put
sigma(gain z) for the step, and let every fan-in that is itself a unit be within eps of its Boolean value. With W the
sum of |w| over such fan-ins (the inputs of the circuit are exact), the pre-activation keeps its sign and a magnitude of
at least 1/2 - W eps, so the unit is within sigma(-gain (1/2 - W eps)) of its Boolean value. By induction over the graph
every unit stays within eps, whatever the depth, if each has

    gain >= ln((1 - eps) / eps) / (1/2 - W eps),   0 < eps < min(1 / (2 W), 1/2).
"""

import math
from typing import Any

import numpy as np

from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.validation import whole_number

# Gains are rounded up to a multiple of this step. Weights and biases are then multiples of half a step, so that
# float32, with its 24 bits, adds them up exactly while sums stay below 2^23 steps.
GAIN_STEP = 1 / 64


def weights_of_units(circuit: ThresholdCircuit) -> np.ndarray:
    """Return W of the theorem for each unit: its sum of |w| over fan-ins that are units themselves.

    Args:
        circuit: any threshold circuit.

    Returns:
        `(units,)` int64, 0 where a unit is fed by inputs alone.

    >>> from circuits.threshold.symmetric_functions import parity
    >>> weights_of_units(parity(3))
    array([0, 0, 0, 3])
    """
    inexact = circuit.wiring.sources >= circuit.n_inputs
    return circuit.sums_of_weights(np.where(inexact, np.abs(circuit.weights), 0)).astype(np.int64)


def smallest_gain(weight: int, error: float) -> float:
    """Return the smallest gain for which the theorem keeps every unit within `error` of its Boolean value.

    Args:
        weight: the largest W of a unit, 0 or more.
        error: in (0, 1/2).

    Returns:
        The minimum over eps <= error of ln((1 - eps)/eps) / (1/2 - W eps), rounded up to a multiple of 1/64.

    Raises:
        ValueError: if `weight` or `error` is out of range.

    Source: the theorem of this module.

    >>> smallest_gain(0, 0.1)                                   # ln 9 / (1/2) = 4.3944
    4.40625
    >>> smallest_gain(2, 0.1), smallest_gain(128, 0.1)          # 7.18 and 17.42
    (7.1875, 17.421875)
    """
    if not 0 < error < 0.5:
        raise ValueError(f"smallest_gain: expected an error between 0 and 1/2, got {error}.")
    weight = whole_number("smallest_gain", "weight", weight)
    return float(gains_for(np.array([weight]), best_eps(weight, error))[0])


def best_eps(weight: int, error: float) -> float:
    """Return the eps, at most `error`, that a unit of the weight W keeps with the least gain."""
    import scipy.optimize  # here, since it takes a quarter of a second

    def gain(log_eps: float) -> float:
        eps = math.exp(log_eps)
        margin = 0.5 - weight * eps
        return (math.log1p(-eps) - log_eps) / margin if margin > 0 else math.inf

    # In log eps, since the best eps of a wide unit is near 1 / (2 W ln W); below 1 / (2 W) the gain has one valley.
    upper = math.log(min(error, 0.5 / weight if weight else error))
    found = scipy.optimize.minimize_scalar(gain, bounds=(upper - 12, upper), method="bounded", options={"xatol": 1e-10})
    return math.exp(upper if gain(upper) <= found.fun else float(found.x))


def gains_for(weights: np.ndarray, eps: float) -> np.ndarray:
    """Return the least gain with which each unit keeps eps, rounded up to a multiple of 1/64.

    Args:
        weights: `(units,)`, W of each, below 1 / (2 eps).
        eps: in (0, 1/2).

    >>> gains_for(np.array([0, 2]), 0.0753)
    array([5.03125, 7.1875 ])
    """
    least = (math.log1p(-eps) - math.log(eps)) / (0.5 - weights * eps)
    # A little above the minimum: at the minimum itself, rounding may tip a deep circuit over.
    return np.ceil(least * (1 + 1e-5) / GAIN_STEP) * GAIN_STEP


def promised_error(weight: Any, gain: Any) -> float:
    """Return the smallest eps that the theorem keeps for given gains, or 1 where it promises nothing.

    Args:
        weight: W, 0 or more; `(units,)` if units differ.
        gain: positive; `(units,)` if units differ.

    Returns:
        An eps with sigma(-gain (1/2 - W eps)) <= eps < 1 / (2 W) for every unit, within 1e-6 of the smallest, or 1.

    Raises:
        ValueError: if a gain is not positive, or a weight is negative.

    >>> round(promised_error(0, 4.3944), 4), promised_error(2, 7.0)
    (0.1, 1.0)
    """
    if np.ndim(weight) == 0:
        weight = whole_number("promised_error", "weight", weight)
    weights, gains = np.broadcast_arrays(np.asarray(weight, float), np.asarray(gain, float))
    if not ((gains > 0) & (gains < math.inf)).all():
        raise ValueError(f"promised_error: expected a positive, finite gain, got {gain}.")
    if not (weights >= 0).all():
        raise ValueError(f"promised_error: expected weights of 0 or more, got {weight}.")
    if not weights.size:
        return 0.0
    weights, gains = np.unique(np.stack([weights.ravel(), gains.ravel()]), axis=1)

    def image(eps: float) -> float:
        return float((1 / (1 + np.exp(np.minimum(700.0, gains * (0.5 - weights * eps))))).max())

    # From 0 the map climbs to its smallest fixed point. An eps a little above it is kept, which is checked.
    eps = 0.0
    for _ in range(100_000):
        eps = image(eps)
        above = eps * (1 + 1e-6)
        if (weights * above >= 0.5).any() or above >= 0.5:
            break
        if image(above) <= above:
            return above
    return 1.0
