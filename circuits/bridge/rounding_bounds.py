"""Rounding: how far a float may be from the real number that a unit adds up.

The bound of a sum of k products in floats of unit roundoff u is gamma_k = k u / (1 - k u) times the sum of magnitudes,
in whatever order it is added (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1).
"""

import math
from typing import NamedTuple

import numpy as np

from circuits.bridge.dense_levels import levels_of
from circuits.bridge.network_units import NetworkUnits
from circuits.bridge.row_checks import FLOATS


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


ARITHMETICS = {dtype: Arithmetic(*numbers[:3]) for dtype, numbers in FLOATS.items()}
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
        for level in levels_of(magnitudes.plain()):
            # Four more operations for the bias and for sums in parts.
            terms = edges[level.units] + 4
            gamma = np.where(terms * u < 0.5, terms * u / (1 - np.minimum(terms * u, 0.5)), math.inf)
            passed = level.weights @ error[level.fed_by]
            total = level.inputs.sum(axis=1) + level.weights @ size[level.fed_by] + np.abs(level.bias) + passed
            most[level.units] = total * _ROUNDED_UP
            # A weight or a product may become 0, however large the value beside it.
            lost = tiny * (terms + (level.weights > 0) @ size[level.fed_by])
            bound[level.units] = (gamma * most[level.units] + passed + lost) * _ROUNDED_UP
            for unit in level.units.tolist():
                own = {"sigmoid": bound[unit] / 4 + sigmoid, "tanh": bound[unit] + 2 * sigmoid, "step": 0, "sign": 0}
                error[unit] = own.get(units.kinds[unit], bound[unit])
                size[unit] = most[unit] if units.kinds[unit] in ("relu", "identity") else 1
        largest = float(np.finfo(dtype).max)
        return np.where(bound + most < largest / 4, bound, math.inf)
