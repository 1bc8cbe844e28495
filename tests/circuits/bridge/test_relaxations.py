"""Lines below and above a unit's value: nowhere crossed, in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.bridge.exact_rows import sigmoid_between
from circuits.bridge.relaxations import value_bounds

ends = st.floats(-60, 60) | st.floats(-1e-6, 1e-6) | st.sampled_from([0.0, 1e-300, -1e-300])


def exact(kind, z):
    """A value of a unit, between two fractions."""
    match kind:
        case "sigmoid":
            return sigmoid_between(z, 200)
        case "tanh":
            return tuple(2 * end - 1 for end in sigmoid_between(2 * z, 200))
        case "step" | "sign":
            value = Fraction(1 if z >= 0 else -(kind == "sign"))
        case "relu":
            value = max(z, Fraction(0))
        case _:
            value = z
    return value, value


@given(st.sampled_from(["sigmoid", "tanh", "relu", "identity", "step", "sign"]), ends, ends, st.floats(0, 1))
def test_lines_are_nowhere_crossed(kind, one, other, share):
    low, high = min(one, other), max(one, other)
    found = value_bounds([kind], np.array([low]), np.array([high]))
    between = Fraction(low) + (Fraction(high) - Fraction(low)) * Fraction(share)
    for z in {Fraction(low), Fraction(high), between, *([Fraction(0)] if low <= 0 <= high else [])}:
        least, most = exact(kind, z)
        lines = [Fraction(float(number[0])) for number in found.lines]
        assert lines[0] * z + lines[1] <= most
        assert least <= lines[2] * z + lines[3]
        assert Fraction(float(found.low[0])) <= most
        assert least <= Fraction(float(found.high[0]))


def test_lines_are_near_a_curve_on_a_short_interval():
    for kind in ("sigmoid", "tanh", "relu"):
        z = np.linspace(-4, 4, 33)
        lines = value_bounds([kind] * 33, z, z + 1e-3).lines
        gap = (lines.high_slope - lines.low_slope) * z + lines.high_shift - lines.low_shift
        assert (gap < 1e-3).all()


def test_units_of_several_kinds():
    low, high = np.array([[-1.0, -2.0]]), np.array([[1.0, 3.0]])
    found = value_bounds(["step", "relu"], low, high)
    assert (found.low.tolist(), found.high.tolist()) == ([[0.0, 0.0]], [[1.0, 3.0]])
    with pytest.raises(ValueError, match=r"^value_bounds: there is no kind of unit 'sin'\.$"):
        value_bounds(["sin"], low, high)
