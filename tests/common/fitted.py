"""The runs of `fit` that its tests share: one small network, one function to learn, two rules."""

import collections

import jax
import numpy as np
import optax

from jaxnet import gradient_descent, mlp, squared_error

X = np.linspace(-1, 1, 10, dtype=np.float32)[:, None]
DATA = X, X**2
NET = mlp([1, 3, 1])
START = NET.init(jax.random.key(0))


def noisy_loss(params, batch, key=None):
    """Draws in training, so that a run depends on its keys as well as on its order of examples."""
    x, y = batch
    noise = 0 if key is None else 0.1 * jax.random.normal(key, x.shape)
    return squared_error(NET.apply(params, x + noise), y).mean()


def error(params, batch):
    x, y = batch
    return squared_error(NET.apply(params, x), y).mean()


NOISY = gradient_descent(noisy_loss, optax.adam(0.05))
PLAIN = gradient_descent(error, optax.adam(0.05))
KEY = jax.random.key(5)

# A state of the user's own.
State = collections.namedtuple("State", "params")


def key():
    return jax.random.clone(KEY)


def equal(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(np.testing.assert_array_equal, a, b)


def close(a, b):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), a, b)
