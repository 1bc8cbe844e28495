"""Verdicts on functions of one variable, made to be smooth, kinked, discontinuous, noisy, steep or badly scaled."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxnet.differentiation.finite_differences import STEPS, VERDICTS, judge


def verdict(f, x, automatic, tolerance=1e-6, epsilon=2.0**-52):
    x = np.asarray(x, float).reshape(1)
    with np.errstate(all="ignore"):
        values = f(x), f(x[:, None] + STEPS), f(x[:, None] - STEPS)
    judged = judge(*values, np.array([automatic], float), tolerance=np.array([tolerance]), epsilon=epsilon)
    return VERDICTS[judged.verdict[0]]


def relu(x):
    return np.maximum(x, 0)


def step(x):
    return (x >= 0).astype(float)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


SMOOTH = [
    (np.sin, np.cos),
    (np.exp, np.exp),
    (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    (lambda x: x**3, lambda x: 3 * x**2),
    (lambda x: 5 + 0 * x + x, lambda x: 1.0),
    (lambda x: np.sin(1e6 * x), lambda x: 1e6 * np.cos(1e6 * x)),
    (lambda x: sigmoid(1e7 * x), lambda x: 1e7 * sigmoid(1e7 * x) * (1 - sigmoid(1e7 * x))),
    (lambda x: sigmoid(1e-8 * x), lambda x: 1e-8 * sigmoid(1e-8 * x) * (1 - sigmoid(1e-8 * x))),
    (lambda x: np.sqrt(x + 1e-6), lambda x: 0.5 / np.sqrt(x + 1e-6)),
    (lambda x: np.exp(300 * x), lambda x: 300 * np.exp(300 * x)),
]


@pytest.mark.parametrize("number", range(len(SMOOTH)))
@pytest.mark.parametrize("x", [0.0, 1e-9, 3e-7, 0.5])
@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1.0, 1e8, 1e100])
def test_smooth_functions_at_every_scale(number, x, scale):
    f, slope = SMOOTH[number]
    automatic = scale * slope(x)
    resolved = automatic != 0 and abs(slope(x)) > 1e-12
    assert verdict(lambda x: scale * f(x), x, automatic) in (("right",) if resolved else ("right", "flat"))
    if resolved:
        for wrong in (0, -automatic, 2 * automatic, 1.001 * automatic, 0.999 * automatic):
            assert verdict(lambda x: scale * f(x), x, wrong) == "wrong"


@hypothesis.given(
    st.lists(st.floats(-3, 3, width=16), min_size=1, max_size=6), st.floats(-0.9, 0.9), st.floats(1e-5, 10)
)
@hypothesis.settings(max_examples=300)
def test_polynomials_are_right_and_no_other_slope_is(coefficients, x, error):
    """Right to the tolerance, in absolute terms where the slope itself is nearly zero."""
    f = np.polynomial.Polynomial([1.0, *coefficients])
    slope = f.deriv()(x)
    found = verdict(f, x, slope)
    assert found == "right" or (found == "flat" and max(map(abs, coefficients)) < 1e-4) or abs(slope) < 1e-9
    assert verdict(f, x, slope + error * max(1, abs(slope))) == "wrong"


@pytest.mark.parametrize("tolerance", [1e-9, 1e-6, 1e-3])
def test_the_tolerance_is_relative(tolerance):
    """x^3 at 1/2, of which the slope 3/4 is known to twelve digits."""
    assert verdict(lambda x: x**3, 0.5, 0.75 * (1 + 0.5 * tolerance), tolerance) == "right"
    assert verdict(lambda x: x**3, 0.5, 0.75 * (1 + 3 * tolerance), tolerance) == "wrong"


@pytest.mark.parametrize("automatic", [0.0, 0.5, 1.0])
def test_a_corner_is_kinked_for_every_slope_between(automatic):
    assert verdict(relu, 0.0, automatic) == "kinked"
    assert verdict(lambda x: 1e8 + 3 * relu(x), 0.0, 3 * automatic) == "kinked"
    assert verdict(lambda x: np.exp(relu(x)) + x, 0.0, 1 + automatic) == "kinked"
    assert verdict(lambda x: np.abs(x), 0.0, 2 * automatic - 1) == "kinked"


@pytest.mark.parametrize("automatic", [-0.01, 1.01, 2.0])
def test_a_slope_outside_a_corner_is_wrong(automatic):
    assert verdict(relu, 0.0, automatic) == "wrong"
    assert verdict(lambda x: np.exp(relu(x)) + x, 0.0, 1 + automatic) == "wrong"


@hypothesis.given(st.floats(-16, 0), st.sampled_from([-1.0, 1.0]), st.floats(0.1, 10))
@hypothesis.settings(max_examples=200)
def test_beside_a_corner_the_slope_there_passes(exponent, side, x):
    """From right on it to far from it, at no distance is a correct slope called wrong."""
    corner = x - side * 10.0**exponent * x
    slope = 1.0 if x >= corner else 0.25
    f = lambda x: np.where(x >= corner, x - corner, 0.25 * (x - corner)) + 1  # noqa: E731
    assert verdict(f, x, slope) in ("right", "kinked")
    assert verdict(f, x, 2.0) == "wrong"


@pytest.mark.parametrize("automatic", [0.0, 1.0, 1e6])
def test_a_jump_is_discontinuous(automatic):
    assert verdict(step, 0.0, automatic) == "discontinuous"
    assert verdict(np.sign, 0.0, automatic) == "discontinuous"
    assert verdict(lambda x: x + 1e-3 * step(x), 0.0, automatic) == "discontinuous"
    assert verdict(lambda x: 1e8 * step(x - 5) + x, 5.0, automatic) == "discontinuous"
    assert verdict(lambda x: (x == 0).astype(float), 0.0, automatic) == "discontinuous"


def test_constant_functions_are_flat():
    for f in (lambda x: 0 * x, lambda x: 0 * x + 1e10, lambda x: relu(x - 5), lambda x: sigmoid(x + 40)):
        assert verdict(f, 0.0, 0.0) == "flat"
        assert verdict(f, 0.0, 1.0) == "wrong"
    assert verdict(lambda x: sigmoid(x + 40), 0.0, np.exp(-40)) == "flat"


def test_at_the_bottom_of_a_bowl_zero_is_right_and_not_flat():
    for f in (lambda x: x**2, lambda x: 1 + x**2, np.cos, np.cosh):
        assert verdict(f, 0.0, 0.0) == "right"
        assert verdict(f, 0.0, 1e-5) == "wrong"


@pytest.mark.parametrize("slope", [1e-14, 1e-12])
def test_what_rounding_hides_is_unresolved(slope):
    assert verdict(lambda x: 1 + slope * x, 0.3, slope) == "unresolved"
    assert verdict(lambda x: 1 + slope * x, 0.3, 1e-9) == "wrong"


def test_infinite_values_and_slopes_are_undefined():
    assert verdict(np.sqrt, 0.0, np.inf) == "undefined"
    assert verdict(np.sqrt, -1.0, np.nan) == "undefined"
    assert verdict(np.sin, 0.0, np.nan) == "undefined"
    assert verdict(np.sin, 0.0, np.inf) == "undefined"
    assert verdict(lambda x: 1 / x, 0.0, 0.0) == "undefined"
    # What is infinite only farther off does not matter.
    assert verdict(np.log, 1e-3, 1e3) == "right"
    assert verdict(lambda x: np.exp(1e3 * x), 0.0, 1e3) == "right"


@pytest.mark.parametrize("x", [0.0, 0.1234567, 0.77])
def test_rounding_inside_a_function_is_no_slope(x):
    """A residual of 1e-10 between numbers of size 1: f is 1e-20, and its steps are a millionth of that."""
    f = lambda x: ((1 + 1e-4 * x) - (1 - 1e-10)) ** 2  # noqa: E731
    residual = (1 + 1e-4 * x) - (1 - 1e-10)
    assert verdict(f, x, 2e-4 * residual) == "right"
    assert verdict(f, x, 4e-4 * residual) == "wrong"


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_function_computed_in_a_smaller_type(dtype):
    f = lambda x: np.sin((x + 1).astype(dtype)).astype(float)  # noqa: E731
    epsilon = float(np.finfo(dtype).eps)
    for x in (0.0, 0.3, 0.5001):
        found = verdict(f, x, np.cos(x + 1), epsilon=epsilon)
        assert found == ("right" if dtype == np.float32 else "unresolved")
        assert verdict(f, x, 0.0, epsilon=epsilon) in (("wrong",) if dtype == np.float32 else ("wrong", "unresolved"))
