"""Relaxations: two lines that a unit's value lies between, while what it adds up is in an interval.

A secant or a tangent, whichever side the curve bends to (H. Zhang et al., Efficient neural network robustness
certification with general activation functions, 2018, table 2). The shift of a line is moved outwards by more than
rounding can be, so that the lines hold in exact arithmetic.
"""

from typing import NamedTuple

import numpy as np

# Makes up for the error of sigmoid and tanh in float64, of their slopes, and of the lines themselves.
_OUTWARDS = 2.0**-46


class Lines(NamedTuple):
    """low_slope z + low_shift <= f(z) <= high_slope z + high_shift, each `(..., units)` float64."""

    low_slope: np.ndarray
    low_shift: np.ndarray
    high_slope: np.ndarray
    high_shift: np.ndarray


class ValueBounds(NamedTuple):
    """Between which numbers, and which lines, the values of units are."""

    low: np.ndarray
    high: np.ndarray
    lines: Lines


def value_bounds(kinds: list[str], low: np.ndarray, high: np.ndarray) -> ValueBounds:
    """Return what bounds the values of units whose sums are in intervals.

    Args:
        kinds: of each unit, one of `KINDS`.
        low: `(..., units)` float64.
        high: as many, nowhere less.

    >>> found = value_bounds(["relu"], np.array([-1.0]), np.array([3.0]))
    >>> found.low, found.high, found.lines.high_slope
    (array([0.]), array([3.]), array([0.75]))
    """
    if len(set(kinds)) == 1:
        return _of_kind(kinds[0], low, high)
    found = [_of_kind(kind, low[..., i], high[..., i]) for i, kind in enumerate(kinds)]
    lines = (np.stack(each, axis=-1) for each in zip(*(one.lines for one in found), strict=True))
    return ValueBounds(
        np.stack([one.low for one in found], axis=-1), np.stack([one.high for one in found], axis=-1), Lines(*lines)
    )


def _of_kind(kind: str, low: np.ndarray, high: np.ndarray) -> ValueBounds:
    zero = np.zeros_like(low)
    match kind:
        case "identity":
            return ValueBounds(low, high, Lines(zero + 1, zero, zero + 1, zero))
        case "step" | "sign":
            return _step(low, high, 2.0 if kind == "sign" else 1.0, -1.0 if kind == "sign" else 0.0)
        case "relu":
            return _relu(low, high)
        case "sigmoid":
            at_low, at_high = (0.5 + 0.5 * np.tanh(z / 2) for z in (low, high))
            lines = _curve(low, high, at_low, at_high, lambda z: 0.5 + 0.5 * np.tanh(z / 2), lambda v: v * (1 - v))
            return ValueBounds(np.maximum(at_low - 2.0**-50, 0), np.minimum(at_high + 2.0**-50, 1), lines)
        case "tanh":
            at_low, at_high = np.tanh(low), np.tanh(high)
            lines = _curve(low, high, at_low, at_high, np.tanh, lambda v: (1 - v) * (1 + v))
            return ValueBounds(np.maximum(at_low - 2.0**-49, -1), np.minimum(at_high + 2.0**-49, 1), lines)
    raise ValueError(f"value_bounds: there is no kind of unit {kind!r}.")


def _relu(low: np.ndarray, high: np.ndarray) -> ValueBounds:
    on, off = low >= 0, high <= 0
    slope = np.where(on, 1.0, np.where(off, 0.0, high / np.where(on | off, 1.0, high - low)))
    ends = np.maximum(np.maximum(low, 0) - slope * low, np.maximum(high, 0) - slope * high)
    shift = np.where(on | off, 0.0, ends + _OUTWARDS * (np.abs(low) + high))
    below = np.where(on | (~off & (high > -low)), 1.0, 0.0)
    return ValueBounds(np.maximum(low, 0), np.maximum(high, 0), Lines(below, np.zeros_like(low), slope, shift))


def _step(low: np.ndarray, high: np.ndarray, height: float, base: float) -> ValueBounds:
    """Of base + height [z >= 0]: where it is open, lines through (0, base), (high, top) and (low, base), (0, top)."""
    on, off = low >= 0, high < 0
    # A steep line says little, and its rounding much.
    rise = ~(on | off) & (high > -low / 16)
    fall = ~(on | off) & (-low > high / 16)
    low_slope = np.where(rise, height / np.where(rise, high, 1.0), 0.0)
    high_slope = np.where(fall, height / np.where(fall, -low, 1.0), 0.0)
    outwards = 64 * _OUTWARDS
    low_shift = np.where(on, base + height, base - rise * outwards)
    high_shift = np.where(off, base, base + height + fall * outwards)
    return ValueBounds(
        base + height * on, np.where(off, base, base + height), Lines(low_slope, low_shift, high_slope, high_shift)
    )


def _curve(low: np.ndarray, high: np.ndarray, at_low: np.ndarray, at_high: np.ndarray, f, slope_at) -> Lines:
    """Of a curve that bends up below 0 and down above it."""
    slope_low, slope_high = slope_at(at_low), slope_at(at_high)
    width = high - low
    secant = (at_high - at_low) / np.where(width > 0, width, 1.0)
    middle = (low + high) / 2
    at_middle = f(middle)
    tangent = slope_at(at_middle)
    # Across 0 the slope is nowhere less than at one of the ends, unless the secant keeps to its side.
    least = np.minimum(slope_low, slope_high)
    bends_up, bends_down = high <= 0, low >= 0
    high_slope = np.where(
        bends_up | (~bends_down & (secant <= slope_high)), secant, np.where(bends_down, tangent, least)
    )
    low_slope = np.where(bends_down | (~bends_up & (secant <= slope_low)), secant, np.where(bends_up, tangent, least))
    outwards = _OUTWARDS * (1 + np.abs(low) + np.abs(high))
    ends_high = np.maximum(at_low - high_slope * low, at_high - high_slope * high)
    ends_low = np.minimum(at_low - low_slope * low, at_high - low_slope * high)
    high_shift = np.where(bends_down, at_middle - high_slope * middle, ends_high) + outwards
    low_shift = np.where(bends_up, at_middle - low_slope * middle, ends_low) - outwards
    return Lines(low_slope, low_shift, high_slope, high_shift)
