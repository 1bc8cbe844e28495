"""Tolerances: true, certified, and for small units the largest there are."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from circuits import evaluate, library, parse, rows, to_network
from circuits.bridge.certificates import CertificateError
from circuits.bridge.tolerances import tolerance
from circuits.threshold import units


def largest_of_a_unit(unit):
    """Until which r no w (1 +- r), T (1 +- r) crosses 0 on any row, by trying all rows: the worst signs are known."""
    w, b = np.array(unit.weights, float), 0.5 - unit.threshold
    sums = [(abs(np.dot(w, v) + b), np.dot(np.abs(w), v) + abs(b)) for v in itertools.product((0, 1), repeat=len(w))]
    return min(distance / size for distance, size in sums)


@pytest.mark.parametrize(
    "unit", [units.and_(2), units.or_(2), units.nor(3), units.majority(5), units.at_least(2, 5), units.not_()]
)
def test_of_a_step_it_is_the_largest(unit):
    exact = largest_of_a_unit(unit)
    found = tolerance(to_network(unit))
    assert found < exact
    # Within rounding and the precision of the search.
    assert found > 0.998 * exact


@pytest.mark.parametrize(
    "activation", [jaxnet.sigmoid, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (jaxnet.step, jaxnet.tanh))]
)
def test_noise_within_it_never_changes_the_function(activation):
    circuit = library.adder(2)
    compiled = to_network(circuit, activation, error=None if activation is jaxnet.step else 0.05)
    r = tolerance(compiled)
    assert 0.005 < r < 0.2
    compiled.check(compiled.claim(0.9999 if activation is jaxnet.tanh else 0.4999, r))
    x = rows(4)
    expected, middle = evaluate(circuit, x), 0.0 if activation is jaxnet.tanh else 0.5
    random = np.random.default_rng(0)
    for trial in range(20):
        signs = [
            random.choice([-1, 1], p.shape) if trial % 2 else random.uniform(-1, 1, p.shape) for p in compiled.params
        ]
        noisy = [p * jnp.asarray(1 + r * s, jnp.float32) for p, s in zip(compiled.params, signs, strict=True)]
        y = compiled.network.apply(jaxnet.Neuron(*noisy), jnp.asarray(x, jnp.float32))
        np.testing.assert_array_equal(np.asarray(y) > middle, expected)


def test_more_is_not_claimed():
    compiled = to_network(library.adder(2), jaxnet.sigmoid, error=0.05)
    r = tolerance(compiled)
    with pytest.raises(CertificateError, match="expected gain / 2 > D"):
        compiled.claim(0.4999, 1.002 * r).check()
    assert tolerance(compiled, error=0.1) < r


def test_no_tolerance_below_the_gain_of_the_theorem():
    compiled = to_network(parse("(a ^ b) ^ c"), jaxnet.sigmoid, gain=2)
    with pytest.raises(CertificateError):
        tolerance(compiled)


def test_rectifiers_are_refused(error):
    message = error(ValueError, tolerance, to_network(parse("a & b"), jaxnet.relu))
    assert message == "tolerance: expected steps, sigmoids or tanhs; rectifiers pass errors on as they are."
