"""The rules and data that the tests of train share."""

import jax.numpy as jnp
import numpy as np
import optax

from jaxnet import gradient_descent, identity, layer, squared_error

XOR = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)
LINE = layer(2, 1, identity)
THREE = np.array([1.0, 2.0, 6.0], np.float32)


def half_square(theta, x):
    """Its minimum is at the mean of x, where gradient descent goes as mean + (1 - eta)^k (theta_0 - mean)."""
    return jnp.mean((theta - x) ** 2) / 2


def f32(*rows):
    return np.array(rows, np.float32)


def start(value=0.0):
    return np.float32(value)


def line_loss(params, batch):
    x, y = batch
    return squared_error(LINE.apply(params, x), y).mean()


# Kept and used again, so that tests share compiled runs.
SLOPE = gradient_descent(half_square, optax.sgd(0.25))
LEVEL = gradient_descent(line_loss, optax.sgd(0.25))
