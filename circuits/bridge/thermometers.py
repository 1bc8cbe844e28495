"""Cut points: where numbers are cut into ranges, at quantiles, for the thermometers of an encoding."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from jaxnet.validation import whole_number


def cut_points(values: Iterable[Any], most: int = 8) -> list[Any]:
    """Return thresholds at quantiles of numbers, for `fit_encoding(..., thresholds=...)`.

    Args:
        values: numbers; None and NaN, missing ones, are left out.
        most: how many thresholds, at least 1.

    Returns:
        At most so many of the values, ascending, the smallest value not among them: all the others if these are no
        more. Else quantiles; where these are equal, as most rows have one value, the rest are quantiles of the values
        that there are, each counted once.

    Raises:
        TypeError: if `most` is no whole number.
        ValueError: if it is not positive.

    >>> cut_points([3, 1, 2, None, 1]), cut_points(range(100), 3), cut_points([0] * 90 + list(range(10)), 3)
    ([2, 3], [25, 50, 75], [3, 5, 7])
    """
    most = whole_number("cut_points", "most", most, 1)
    known = np.array([value for value in values if value is not None and not math.isnan(value)])
    levels = np.unique(known)[1:]
    if len(levels) > most:
        found = np.setdiff1d(_quantiles(known, most), known.min())
        rest = most - len(found)
        levels = np.union1d(found, _quantiles(levels, rest)) if rest else found
    return levels.tolist()


def _quantiles(numbers: np.ndarray, count: int) -> np.ndarray:
    return np.quantile(numbers, np.arange(1, count + 1) / (count + 1), method="higher")
