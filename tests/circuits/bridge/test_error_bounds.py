"""The theorem against forty digits, by another way, and its published gains."""

import decimal
import functools
import math
from decimal import Decimal

import numpy as np
import pytest

import jaxnet
from circuits import Circuit, parse, to_network
from circuits.bridge.error_bounds import best_eps, gains_for, promised_error, smallest_gain, weights_of_units
from circuits.gates import AND
from circuits.threshold.gate_conversion import from_circuit
from circuits.threshold.threshold_circuits import of_units

# DESIGN's table: W, and the gain at the best eps, to two places.
PUBLISHED = {2: 7.18, 3: 8.36, 4: 9.14, 8: 10.92, 16: 12.60, 32: 14.24, 64: 15.84, 128: 17.42}


def largest_weight(circuit):
    return int(weights_of_units(circuit).max(initial=0))


# Bisection and golden sections instead of SciPy and iteration.


@pytest.fixture(autouse=True)
def forty_digits():
    with decimal.localcontext(prec=40):
        yield


def gain_for(weight, eps):
    return ((1 - eps) / eps).ln() / (Decimal(1) / 2 - weight * eps)


@functools.cache
def best_gain(weight, error=None):
    """The least gain over 0 < eps < 1 / (2 W), and eps <= error."""
    low, high = Decimal(10) ** -30, Decimal(1) / (2 * weight)
    high = min(high, Decimal(error)) if error else high
    # The gain falls and then rises: three-way search in the logarithm of eps.
    low, high = low.ln(), high.ln()
    for _ in range(150):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if b.exp() * 2 * weight < 1 and gain_for(weight, a.exp()) > gain_for(weight, b.exp()):
            low = a
        else:
            high = b
    return gain_for(weight, low.exp()), low.exp()


def image(weight, gain, eps):
    """The error of a unit whose fan-ins are off by eps."""
    return 1 / (1 + (Decimal(gain) * (Decimal(1) / 2 - weight * eps)).exp())


def smallest_fixed_point(weight, gain):
    """The map is convex below 1 / (2 W), so it has two fixed points there or none: None."""
    low, high = Decimal(0), Decimal(1) / (2 * weight) if weight else Decimal(1) / 2
    bottom_low, bottom_high = low, high
    for _ in range(250):
        a, b = (2 * bottom_low + bottom_high) / 3, (bottom_low + 2 * bottom_high) / 3
        if image(weight, gain, a) - a > image(weight, gain, b) - b:
            bottom_low = a
        else:
            bottom_high = b
    if image(weight, gain, bottom_low) > bottom_low:
        return None
    high = bottom_low
    for _ in range(130):
        middle = (low + high) / 2
        if image(weight, gain, middle) > middle:
            low = middle
        else:
            high = middle
    return high


@pytest.mark.parametrize(("weight", "published"), PUBLISHED.items())
def test_the_published_gains(weight, published):
    exact, eps = best_gain(weight)
    assert abs(exact - Decimal(published)) <= Decimal("0.005")
    gain = smallest_gain(weight, 0.4999)
    assert exact <= Decimal(gain) <= exact * Decimal("1.00001") + Decimal(1) / 64
    assert (64 * gain).is_integer()
    # The simple choice eps = 1 / (4 W) gives 4 ln(4 W - 1), and the best is below it.
    assert gain_for(weight, Decimal(1) / (4 * weight)) == pytest.approx(4 * Decimal(4 * weight - 1).ln())
    assert gain < 4 * math.log(4 * weight - 1)
    assert 0 < eps < Decimal(1) / (2 * weight)


@pytest.mark.parametrize("weight", [0, 1, 2, 3, 7, 64, 1000, 10**6])
@pytest.mark.parametrize("error", [0.49, 0.2, 0.05, 1e-3, 1e-6, 1e-12])
def test_the_smallest_gain_for_an_error(weight, error):
    if weight:
        exact, _ = best_gain(weight, error)
    else:
        exact = 2 * ((1 - Decimal(error)) / Decimal(error)).ln()
    gain = smallest_gain(weight, error)
    assert exact <= Decimal(gain) <= exact * Decimal("1.00001") + Decimal(1) / 64
    assert promised_error(weight, gain) <= error


@pytest.mark.parametrize("weight", [0, 1, 2, 3, 4, 8, 128, 5000])
@pytest.mark.parametrize("above", [1.0001, 1.01, 1.2, 2.0, 5.0])
def test_a_promise_is_a_little_above_the_fixed_point_and_kept_by_the_map(weight, above):
    gain = above * (float(best_gain(weight)[0]) if weight else 3.0)
    exact, promised = smallest_fixed_point(weight, gain), Decimal(promised_error(weight, gain))
    assert exact <= promised <= exact * Decimal("1.000003")
    assert image(weight, gain, promised) <= promised
    assert 2 * weight * promised < 1


@pytest.mark.parametrize("weight", [1, 2, 3, 4, 8, 128, 5000])
@pytest.mark.parametrize("below", [0.9999, 0.99, 0.5, 0.01])
def test_below_the_best_gain_nothing_is_promised(weight, below):
    gain = below * float(best_gain(weight)[0])
    assert smallest_fixed_point(weight, gain) is None
    assert promised_error(weight, gain) == 1.0


def settled(gain, steps):
    """The error of h <- AND(h, h), two edges of weight 1 from one unit, after so many units."""
    eps = 0.0
    for _ in range(steps):
        eps = 1 / (1 + math.exp(gain * (0.5 - 2 * eps)))
    return eps


def test_the_theorem_is_tight():
    exact, eps = best_gain(2)
    best = float(exact)
    assert settled(best, 200_000) == pytest.approx(0.0753, abs=5e-5)
    assert settled(best, 200_000) == pytest.approx(float(eps), abs=1e-4)
    assert settled(0.99 * best, 5000) == pytest.approx(0.99998, abs=5e-6)


@pytest.mark.parametrize("error", [0.3, 0.05, 1e-4])
def test_each_unit_has_the_least_gain_for_one_eps(error):
    weights = np.array([0, 1, 2, 8, 100])
    eps = best_eps(100, error)
    gains = gains_for(weights, eps)
    assert gains[-1] == smallest_gain(100, error)
    exact = [gain_for(int(weight), Decimal(eps)) for weight in weights]
    assert all(
        low <= Decimal(gain) <= low * Decimal("1.00001") + Decimal(1) / 64
        for low, gain in zip(exact, gains, strict=True)
    )
    assert promised_error(weights, gains) <= eps
    # With less for any unit that the eps leaves no slack, nothing or less is promised.
    assert promised_error(weights, gains - 1 / 16) > eps


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("a", 0),
        ("a & b", 0),
        ("a & b | c", 1),
        ("a & b | c & d", 2),
        ("a ^ b", 2),
        ("(a & b) ^ c", 3),
        ("(a & b) ^ (c & d)", 4),
    ],
)
def test_the_weight_that_units_have_over_units(text, weight):
    assert largest_weight(from_circuit(parse(text))) == weight


def test_the_weight_of_units_counts_constants_and_not_inputs():
    # A constant is a unit, and a soft one; inputs are exact, however large their weights.
    assert largest_weight(from_circuit(Circuit(["a"], [[1, 0]], [AND], [2], ["y"]))) == 1
    assert largest_weight(of_units("ab", [({0: 1000, 1: -1000}, 0)], {"y": 2})) == 0
    assert largest_weight(of_units("a", [], {"y": 0})) == 0


@pytest.mark.parametrize("wrong", [0, 0.5, 0.7, 1, -0.1, float("nan"), float("inf")])
def test_errors_out_of_range(wrong, error):
    message = f"expected an error between 0 and 1/2, got {wrong}."
    assert error(ValueError, smallest_gain, 2, wrong) == f"smallest_gain: {message}"
    assert error(ValueError, to_network, parse("a ^ b"), jaxnet.sigmoid, error=wrong) == f"to_network: {message}"


@pytest.mark.parametrize("function", [smallest_gain, promised_error])
def test_the_weight_of_units_is_a_whole_number(function, error):
    name = function.__name__
    assert error(ValueError, function, -1, 0.1) == f"{name}: expected weight to be at least 0, got -1."
    for weight in (True, 2.0):
        message = f"{name}: expected weight to be a whole number, got {weight!r}."
        assert error(TypeError, function, weight, 0.1) == message
    assert function(np.int64(2), 0.1) == function(2, 0.1)


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), -float("inf")])
def test_gains_that_are_not_positive(wrong, error):
    message = f"promised_error: expected a positive, finite gain, got {wrong}."
    assert error(ValueError, promised_error, 2, wrong) == message
    assert error(ValueError, to_network, parse("a ^ b"), jaxnet.sigmoid, gain=wrong) == (
        f"to_network: expected a positive, finite gain, got {wrong}."
    )
