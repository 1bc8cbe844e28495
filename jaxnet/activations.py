"""Non-linearities: the sigmoid of eq. 5, its hard limit the step, and JAX's own under their own names.

An activation is any function of one array that keeps its shape; `jaxnet` needs no more of it than that.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.nn import elu as elu
from jax.nn import gelu as gelu
from jax.nn import identity as identity
from jax.nn import leaky_relu as leaky_relu
from jax.nn import relu as relu
from jax.nn import silu as silu
from jax.nn import softplus as softplus
from jax.nn import tanh as tanh
from jax.typing import ArrayLike

Activation = Callable[[Any], Array]


def sigmoid(z: ArrayLike) -> Array:
    """The soft threshold of eq. 5, sigma(z) = 1 / (1 + e^-z), read as a firing rate or a probability.

    Args:
        z: pre-activations, any shape, floating.

    Returns:
        Values in [0, 1], the shape and dtype of `z`. Neither the value nor the derivative overflows at any finite
        `z`; in float32 the value rounds to 1 from about z = 17 on and to 0 below about z = -88.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 5.

    >>> sigmoid(jnp.array([-1000.0, 0.0, 1000.0]))
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    return jax.nn.sigmoid(z)


def step(z: ArrayLike) -> Array:
    """The all-or-none unit, 1 where z >= 0 and 0 elsewhere: the limit of sigmoid(gain * z) as the gain grows.

    At z = 0 the unit fires (the sigmoid has 1/2 there, whatever the gain), so that `step(w.x - T)` is [w.x >= T].
    The derivative is zero everywhere, also at the jump: gradients do not pass, and a network of steps
    is not trained by `jax.grad`.

    Args:
        z: pre-activations, any shape, floating.

    Returns:
        0 or 1 in the dtype of `z`; NaN where `z` is NaN, so that a diverged network does not look Boolean.

    Source: W. S. McCulloch and W. Pitts, A logical calculus of the ideas immanent in nervous activity (1943).

    >>> step(jnp.array([-0.5, 0.0, 0.5]))
    Array([0., 1., 1.], dtype=float32)
    >>> jax.grad(step)(0.5)
    Array(0., dtype=float32, weak_type=True)
    """
    z = jnp.asarray(z)
    return jnp.where(jnp.isnan(z), jax.lax.stop_gradient(z), (z >= 0).astype(z.dtype))
