"""One neuron: a weighted sum followed by a non-linearity (eq. 2-5), as a pure function `(params, x) -> y`.

The pair `(w, b)` is the one parameter pair of the package: a layer of m units is m neurons stacked, w `(m, n)` and b
`(m,)`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxnet.networks.activations import Activation, sigmoid
from jaxnet.pytrees import Key
from jaxnet.validation import ShapeError, check_floating, check_key


class Neuron(NamedTuple):
    """The parameters theta = (b, w_1..w_n) of eq. 4.

    Attributes:
        w: weights, `(n,)` for one unit, `(m, n)` for a layer of m units.
        b: biases, `()` for one unit, `(m,)` for a layer.
    """

    w: Any
    b: Any


def neuron(params: Neuron, x: ArrayLike, activation: Activation = sigmoid) -> Array:
    """Return what one unit makes of its inputs, f(x) = sigma(sum_i w_i x_i + b): eq. 4.

    Args:
        params: `Neuron(w, b)` with w `(n,)` and b `()`.
        x: inputs `(..., n)`, floating.
        activation: the non-linearity; `jaxnet.step` makes it a Boolean unit.

    Returns:
        `(...,)`, one value per example.

    Raises:
        ShapeError: if w, b and x do not fit.
        TypeError: if w or x is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 4.

    >>> both = Neuron(w=jnp.array([20.0, 20.0]), b=jnp.array(-30.0))       # a soft AND
    >>> neuron(both, jnp.array([[0.0, 1.0], [1.0, 1.0]])).round(3)
    Array([0., 1.], dtype=float32)
    """
    if jnp.ndim(params[0]) != 1:
        raise ShapeError(
            f"neuron: expected weights of shape (n,), got {jnp.shape(params[0])}. "
            "For a layer of units use jaxnet.layer, for an ensemble jax.vmap."
        )
    return activation(weighted_sums("neuron", params, x))


def sample(params: Neuron, x: ArrayLike, activation: Activation = sigmoid, *, key: Key) -> Array:
    """Draw whether each unit fires, with probability sigma(w.x + b): the stochastic reading of eq. 2-3.

    The draws are independent over units and examples, given x. The derivative is zero: what changes with the parameters
    is how often a unit fires, E[sample] = sigma(w.x + b), so differentiate `neuron` or a layer for that.

    Args:
        params: `(w, b)`: w `(n,)` and b `()` for one unit, w `(m, n)` and b `(m,)` for a layer.
        x: inputs `(..., n)`, floating.
        activation: gives the probability; with `jaxnet.step` nothing is left to chance.
        key: from `jax.random.key`; a new one for each call.

    Returns:
        `(...,)` for one unit, `(..., m)` for a layer, in the dtype of `x`: 1 where a unit fires and 0 elsewhere; NaN
        where the activation gives no probability: a number outside [0, 1], as `tanh` may, or NaN.

    Raises:
        ShapeError: if w, b and x do not fit.
        TypeError: if w or x is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 2-3; D. Ackley, G. Hinton, T. Sejnowski, A learning
    algorithm for Boltzmann machines (1985).

    >>> coin = Neuron(w=jnp.zeros(2), b=jnp.array(0.0))
    >>> sample(coin, jnp.ones((8, 2)), key=jax.random.key(0))
    Array([0., 0., 1., 1., 0., 1., 1., 0.], dtype=float32)
    """
    check_key("sample", key)
    x = jnp.asarray(x)
    p = activation(weighted_sums("sample", params, x))
    # In bfloat16 the draws themselves would be coarse; mode="high" is right for rare events too, below 1e-7.
    wide = p if jnp.finfo(p.dtype).bits >= 32 else p.astype(jnp.float32)
    fires = jax.random.bernoulli(key, wide, mode="high").astype(x.dtype)
    # Traced probabilities cannot be refused; NaN shows, where a comparison with it would not.
    return jnp.where((p >= 0) & (p <= 1), fires, jnp.nan)


def pre_activation(params: Neuron, x: ArrayLike) -> Array:
    """Return what a unit or a layer adds up before its non-linearity, Fbar(x) = W x + b: eq. 7.

    Args:
        params: `(w, b)`: w `(n,)` and b `()` for one unit, w `(m, n)` and b `(m,)` for a layer.
        x: inputs `(..., n)`, floating.

    Returns:
        `(...,)` for one unit, `(..., m)` for a layer.

    Raises:
        ShapeError: if w, b and x do not fit.
        TypeError: if w or x is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 7.

    >>> pre_activation(Neuron(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([0.5, 0.0])), jnp.array([1.0, 1.0]))
    Array([3.5, 7. ], dtype=float32)
    """
    return weighted_sums("pre_activation", params, x)


def weighted_sums(where: str, params: Neuron, x: ArrayLike) -> Array:
    """Return `pre_activation(params, x)`; errors begin with `where`, the function that the user called."""
    w, b = (jnp.asarray(p) for p in params)
    x = jnp.asarray(x)
    check_floating(where, w, x)
    if w.ndim not in (1, 2) or b.shape != w.shape[:-1]:
        if w.ndim == 2 and b.shape == w.shape[1:]:
            hint = "Weights are (outputs, inputs): are these transposed?"
        else:
            hint = "For parameters with further leading axes use jax.vmap."
        raise ShapeError(
            f"{where}: expected weights (n,) with a bias () or weights (m, n) with biases (m,), "
            f"got {w.shape} and {b.shape}. {hint}"
        )
    if x.ndim == 0 or x.shape[-1] != w.shape[-1]:
        raise ShapeError(f"{where}: expected inputs (..., {w.shape[-1]}) for weights {w.shape}, got {x.shape}.")
    z = x @ w.T
    return z + jnp.broadcast_to(b, z.shape)
