"""Activations against SciPy in float64, closed forms and JAX's own objects."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import jaxnet
from jaxnet import activations, sigmoid, step

EXTREMES = np.array([-1e4, -np.inf, 1e4, np.inf, np.nan], np.float32)


def test_sigmoid_by_hand():
    z = np.log(np.array([1 / 3, 1, 3, 9], np.float32))
    np.testing.assert_allclose(sigmoid(z), [0.25, 0.5, 0.75, 0.9], rtol=1e-6)
    assert sigmoid(np.float32(0)) == 0.5


@hypothesis.given(st.floats(-80, 80, width=32))
def test_sigmoid_against_scipy_in_float64(z):
    np.testing.assert_allclose(sigmoid(np.float32(z)), scipy.special.expit(np.float64(z)), rtol=2e-6)


def test_sigmoid_in_float64():
    z = np.linspace(-700, 40, 500)
    with jax.enable_x64(True):
        y = sigmoid(jnp.asarray(z))
        assert y.dtype == jnp.float64
        np.testing.assert_allclose(y, scipy.special.expit(z), rtol=1e-13)


def test_sigmoid_is_stable_at_the_extremes():
    np.testing.assert_array_equal(sigmoid(EXTREMES), [0, 0, 1, 1, np.nan])


def test_derivative_of_sigmoid_is_stable_at_the_extremes():
    first = jax.grad(sigmoid)
    for derivative in (first, jax.grad(first)):
        np.testing.assert_array_equal(jax.jit(jax.vmap(derivative))(EXTREMES), [0, 0, 0, 0, np.nan])


def test_derivative_of_sigmoid_against_finite_differences():
    z, h = np.linspace(-6, 6, 25), 1e-5
    numerical = (scipy.special.expit(z + h) - scipy.special.expit(z - h)) / (2 * h)
    with jax.enable_x64(True):
        np.testing.assert_allclose(jax.vmap(jax.grad(sigmoid))(jnp.asarray(z)), numerical, rtol=1e-8)


def test_derivative_of_sigmoid_at_zero_is_a_quarter():
    assert jax.grad(sigmoid)(0.0) == 0.25


@hypothesis.given(st.floats(-1e4, 1e4, width=32))
def test_sigmoid_is_symmetric_about_one_half(z):
    z = np.float32(z)
    np.testing.assert_allclose(float(sigmoid(-z)), 1 - float(sigmoid(z)), rtol=0, atol=2**-23)


def test_sigmoid_never_falls():
    y = np.asarray(sigmoid(np.linspace(-120, 120, 10_001, dtype=np.float32)))
    assert (np.diff(y) >= 0).all()
    assert (y >= 0).all()
    assert (y <= 1).all()


def test_sigmoid_rounds_to_one_from_about_17():
    """1 - sigma(z) is about e^-z, and half of the gap of float32 below 1 is 2^-25: ln 2^25 = 17.3."""
    assert sigmoid(np.float32(16)) < 1
    assert sigmoid(np.float32(18)) == 1


@pytest.mark.parametrize("f", [sigmoid, step])
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_shape_and_dtype_are_kept(f, dtype):
    y = jax.eval_shape(f, np.zeros((2, 3), dtype))
    assert y.shape == (2, 3)
    assert y.dtype == dtype


def test_sigmoid_refuses_integers():
    with pytest.raises(TypeError):
        sigmoid(jnp.array([0, 1]))


def test_step_fires_at_zero_of_either_sign():
    z = np.array([-np.inf, -1, -1e-30, -0.0, 0, 1e-30, 1, np.inf], np.float32)
    np.testing.assert_array_equal(step(z), [0, 0, 0, 1, 1, 1, 1, 1])


def test_step_keeps_nan():
    np.testing.assert_array_equal(step(np.array([np.nan, -np.nan, 1], np.float32)), [np.nan, np.nan, 1])


def test_derivative_of_step_is_zero():
    z = np.array([-np.inf, -2, -0.0, 0, 1e-30, 2, np.inf], np.float32)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.grad(step)))(z), np.zeros(7))
    _, tangent = jax.jvp(step, (z,), (np.ones(7, np.float32),))
    np.testing.assert_array_equal(tangent, np.zeros(7))


def test_derivative_of_step_is_zero_at_nan_too():
    """NaN passes, its derivative does not."""
    assert jax.grad(step)(np.float32(np.nan)) == 0


@hypothesis.given(st.floats(-8, 8, width=32), st.sampled_from([1.0, 4.0, 64.0, 1024.0]))
def test_step_is_the_limit_of_a_steep_sigmoid(z, gain):
    """|sigma(g z) - [z >= 0]| = 1 / (1 + e^(g |z|)), which is under e^(-g |z|) and goes to 0 for z != 0."""
    z = np.float32(z)
    distance = abs(float(sigmoid(np.float32(gain) * z)) - float(step(z)))
    assert distance <= np.exp(-gain * abs(float(z))) + 2**-23


def test_at_zero_the_sigmoid_is_one_half_whatever_the_gain():
    np.testing.assert_array_equal(sigmoid(np.array([1, 1e4, 1e30], np.float32) * 0), [0.5, 0.5, 0.5])


@pytest.mark.parametrize("name", ["elu", "gelu", "identity", "leaky_relu", "relu", "silu", "softplus", "tanh"])
def test_the_others_are_the_objects_of_jax(name):
    assert getattr(jaxnet, name) is getattr(activations, name) is getattr(jax.nn, name)
