"""The derivatives of layers of gates, against those that JAX finds for plain formulas, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits.gate_networks.gate_layers import gates, gathered, matched_layers, mixed, picked
from circuits.gate_networks.gate_wirings import readers
from circuits.gate_networks.parametrisations import Coefficients

RNG = np.random.default_rng(0)
W, BATCH, DEPTH = 6, 7, 3
A, B, WEIGHTS = RNG.random((3, W, BATCH))
K = RNG.normal(size=(DEPTH, 4, W))
SECOND = np.stack([RNG.permutation(W) for _ in range(DEPTH)])
INVERSE = np.argsort(SECOND, axis=1)
READS = RNG.integers(0, W, (3, 8))
MIXING = RNG.random((3, 8))
TABLE = readers(READS, W)
assert TABLE is not None


def value(squash, k, a, b):
    """A gate by its formula; of a step, what its derivative is taken from."""
    z = k[0][:, None] + k[1][:, None] * a + k[2][:, None] * b + k[3][:, None] * a * b
    return z if squash == "none" else 1 / (1 + jnp.exp(-z))


def both(f, g, *arguments):
    """Values and derivatives of two functions in one program, in float64."""
    with jax.enable_x64(True):

        def of(function):
            def weighted(*arguments):
                y = function(*arguments)
                return (y * jnp.asarray(RNG_WEIGHTS[: y.size]).reshape(y.shape)).sum(), y

            return jax.value_and_grad(weighted, tuple(range(len(arguments))), has_aux=True)

        ((_, y), dy), ((_, z), dz) = jax.jit(lambda *a: (of(f)(*a), of(g)(*a)))(*map(jnp.asarray, arguments))
        return (y, z), jax.tree.map(np.asarray, (dy, dz))


RNG_WEIGHTS = RNG.normal(size=200)


def check(f, g, *arguments):
    (y, z), (dy, dz) = both(f, g, *arguments)
    np.testing.assert_allclose(y, z, rtol=1e-12, atol=1e-14)
    for one, other in zip(dy, dz, strict=True):
        assert one.dtype == np.float64
        assert np.abs(other).max() > 0.1
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("squash", ["none", "sigmoid"])
def test_gates(squash):
    check(lambda k, a, b: gates(Coefficients(k, squash), a, b), lambda k, a, b: value(squash, k, a, b), K[0], A, B)


@pytest.mark.parametrize("squash", ["none", "sigmoid"])
def test_matched_layers(squash):
    def one_by_one(k, x):
        for of_layer, p in zip(k, SECOND, strict=True):
            x = value(squash, of_layer, x, x[p])
        return x

    def together(k, x):
        return matched_layers(Coefficients(k, squash), jnp.asarray(SECOND), jnp.asarray(INVERSE), x)

    check(together, one_by_one, K, A)


def test_a_step_has_the_derivative_of_the_sigmoid():
    (y, z), (dy, dz) = both(
        lambda k, a, b: gates(Coefficients(k, "step"), a, b), lambda k, a, b: value("sigmoid", k, a, b), K[0], A, B
    )
    np.testing.assert_array_equal(y, np.asarray(z) > 0.5)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13), dy, dz)


@pytest.mark.parametrize("table", [TABLE, None], ids=["readers", "none"])
def test_gathered_rows(table):
    flat = READS.ravel()
    check(lambda x: gathered(x, jnp.asarray(flat), table), lambda x: x[flat], A)


@pytest.mark.parametrize("table", [TABLE, None], ids=["readers", "none"])
def test_mixed_rows(table):
    check(
        lambda weights, x: mixed(weights, x, jnp.asarray(READS), table),
        lambda weights, x: (weights[:, :, None] * x[READS]).sum(axis=0),
        MIXING,
        A,
    )


def test_derivatives_have_derivatives():
    """Backwards through the way back, as for a penalty on a gradient."""

    def penalty(layers):
        return jax.grad(lambda k: (jax.grad(lambda x: layers(k, x).sum())(jnp.asarray(A)) ** 2).sum())(jnp.asarray(K))

    def one_by_one(k, x):
        for of_layer, p in zip(k, SECOND, strict=True):
            x = value("none", of_layer, x, x[p])
        return x

    with jax.enable_x64(True):
        found, expected = jax.jit(
            lambda: (
                penalty(lambda k, x: matched_layers(Coefficients(k, "none"), SECOND, INVERSE, x)),
                penalty(one_by_one),
            )
        )()
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("reads", [READS, np.broadcast_to(np.arange(W)[:, None], (W, 8))], ids=["some", "all"])
def test_picked_rows_have_the_derivatives_of_the_mixture_by_the_weights(reads):
    chosen, weights = reads[1], np.abs(RNG.normal(size=reads.shape))
    exactly = np.eye(len(reads))[1][:, None] * np.ones(8)

    def straight_through(w, x):
        return ((exactly + w - jax.lax.stop_gradient(w))[:, :, None] * x[reads]).sum(axis=0)

    check(lambda w, x: picked(w, jnp.asarray(chosen), x, jnp.asarray(reads)), straight_through, weights, A)
