"""Losses (eq. 10), one value per example; none of them broadcasts.

A prediction `(n, 1)` and a target `(n,)` would broadcast to `(n, n)` and train on nonsense in silence: here they raise.
What no target can be, such as a label of -1 for a Boolean, gives NaN with an infinite gradient, since traced values
cannot be refused: so parameters become NaN at that step, and `fit` stops.
Examples are reduced by `jnp.mean`, or by `weighted_mean` or `masked_mean` where they do not count alike.
"""

import math
import numbers

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike

from jaxnet.validation import ShapeError, written


def squared_error(v: ArrayLike, y: ArrayLike) -> Array:
    """Return half the squared distance to the target, l_y(v) = 1/2 ||y - v||^2: eq. 10; its gradient is v - y.

    Args:
        v: outputs `(..., m)`, floating; a scalar counts as m = 1.
        y: targets of the same shape; integers and Booleans are read in the dtype of `v`.

    Returns:
        `(...,)`: the sum over the last axis, one value per example.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `v` is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 10.

    >>> squared_error(jnp.array([[0.0, 3.0], [1.0, 1.0]]), jnp.array([[0.0, 1.0], [1.0, 1.0]]))
    Array([2., 0.], dtype=float32)
    """
    v, y = same_shape("squared_error", v, y)
    return over_outputs(jnp.square(y - v) / 2)


def absolute_error(v: ArrayLike, y: ArrayLike) -> Array:
    """Return the sum of the distances to the target, sum_i |y_i - v_i|; its gradient is the sign of v - y.

    Args:
        v: outputs `(..., m)`, floating.
        y: targets of the same shape; integers and Booleans are read in the dtype of `v`.

    Returns:
        `(...,)`: the sum over the last axis, one value per example; where v = y the gradient is 0.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `v` is not floating.

    >>> absolute_error(jnp.array([[0.0, 3.0], [1.0, 1.0]]), jnp.array([[0.5, 1.0], [1.0, 1.0]]))
    Array([2.5, 0. ], dtype=float32)
    """
    v, y = same_shape("absolute_error", v, y)
    error = v - y
    # Not jnp.abs, whose derivative at 0 is 1: that would pull at a perfect fit.
    return over_outputs(error * jnp.sign(error))


def huber(v: ArrayLike, y: ArrayLike, delta: ArrayLike = 1.0) -> Array:
    """Return the sum over errors e = v - y of e^2 / 2 up to |e| = delta, and of delta (|e| - delta / 2) beyond.

    Args:
        v: outputs `(..., m)`, floating.
        y: targets of the same shape; integers and Booleans are read in the dtype of `v`.
        delta: the error at which the loss turns from a parabola into a line, a positive scalar.

    Returns:
        `(...,)`: the sum over the last axis, one value per example; its gradient is v - y clipped to [-delta, delta].

    Raises:
        ShapeError: if the shapes differ, or `delta` is not a scalar.
        TypeError: if `v` is not floating.
        ValueError: if `delta` is a number, not an array, and not positive and finite.

    Source: P. Huber, Robust estimation of a location parameter (1964); Optax's `huber_loss`.

    >>> huber(jnp.array([[0.5], [10.0]]), jnp.array([[0.0], [0.0]]))
    Array([0.125, 9.5  ], dtype=float32)
    """
    v, y = same_shape("huber", v, y)
    if jnp.ndim(delta) != 0:
        raise ShapeError(f"huber: expected one delta for all outputs, got {jnp.shape(delta)}. Losses do not broadcast.")
    if isinstance(delta, numbers.Real) and not 0 < float(delta) < math.inf:
        raise ValueError(f"huber: expected a positive, finite delta, got {written(delta)}.")
    return over_outputs(optax.huber_loss(v, y, delta=jnp.asarray(delta).astype(v.dtype)))


def hinge(logits: ArrayLike, y: ArrayLike) -> Array:
    """Return the hinge loss, sum_i max(0, 1 - s_i logits_i) with the sign s = 2 y - 1: zero from a margin of 1 on.

    Args:
        logits: scores `(..., m)`, floating: the pre-activations of the output units.
        y: targets of the same shape, 0 or 1 as everywhere in this package, not -1 or 1.

    Returns:
        `(...,)`: the sum over the last axis, one value per example; NaN where a target is neither 0 nor 1. At a margin
        of exactly 1 the gradient is halfway between both sides, -s / 2.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `logits` is not floating.

    Source: C. Cortes and V. Vapnik, Support-vector networks (1995); Optax's `hinge_loss`.

    >>> hinge(jnp.array([[2.0, -0.5], [0.0, 0.0]]), jnp.array([[1, 0], [1, 1]]))
    Array([0.5, 2. ], dtype=float32)
    """
    logits, y = same_shape("hinge", logits, y)
    # A target of -1 would give the sign -3.
    return over_outputs(where_possible((y == 0) | (y == 1), optax.hinge_loss(logits, 2 * y - 1), logits))


def where_possible(possible: Array, losses: Array, v: Array) -> Array:
    """Return losses, and where a target is impossible NaN with an infinite gradient.

    Args:
        possible: Booleans.
        losses: of the same shape.
        v: of the same shape, what the gradient is taken by: outputs, or sums of them.

    >>> where_possible(jnp.array([True, False]), jnp.zeros(2), jnp.zeros(2))
    Array([ 0., nan], dtype=float32)
    """
    # The gradient of a NaN out of `where` is 0: the run would go on, with the other examples. It overflows rather than
    # being NaN, so that it is 0 for an example that is masked out: 0 times NaN is NaN. XLA would make infinity of the
    # product of two constants.
    huge = jnp.where(possible, 1, jnp.maximum(jnp.finfo(v.dtype).max, jax.lax.stop_gradient(v)))
    return jnp.where(possible, losses, v * huge * huge + jnp.nan)


def floating(where: str, v: ArrayLike) -> Array:
    """Return outputs as an array; refuse integers, Booleans and complex numbers.

    Args:
        where: named in the error.
        v: outputs.

    Raises:
        TypeError: if they are not floating.

    >>> floating("here", 0.5)
    Array(0.5, dtype=float32, weak_type=True)
    """
    v = jnp.asarray(v)
    if not jnp.issubdtype(v.dtype, jnp.floating):
        raise TypeError(f"{where}: expected floating outputs, got {v.dtype}. Is the target passed first?")
    return v


def same_shape(where: str, v: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Return outputs and targets as arrays of one shape and dtype; refuse any other.

    Args:
        where: named in errors.
        v: outputs.
        y: targets.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if outputs are not floating, or targets are complex.

    >>> same_shape("here", jnp.zeros(2), jnp.ones(2, bool))[1]
    Array([1., 1.], dtype=float32)
    """
    v, y = floating(where, v), jnp.asarray(y)
    if v.shape != y.shape:
        # A hint to reshape only if nothing but axes of length 1 differ: anything else would mix up the examples.
        same_but_ones = [d for d in v.shape if d != 1] == [d for d in y.shape if d != 1]
        fix = f"Reshape the target: y.reshape({v.shape})." if same_but_ones else "Is a batch axis missing on one side?"
        raise ShapeError(
            f"{where}: expected a target of the output's shape {v.shape}, got {y.shape}. Losses do not broadcast. {fix}"
        )
    if jnp.iscomplexobj(y):
        raise TypeError(f"{where}: expected real targets, got {y.dtype}. Take a loss of the distance, jnp.abs(v - y).")
    return v, y.astype(v.dtype)


def over_outputs(each: Array) -> Array:
    """Return the sum over the outputs of each example; a scalar is an output by itself.

    Args:
        each: `(..., m)`, or a scalar.

    >>> over_outputs(jnp.ones((2, 3)))
    Array([3., 3.], dtype=float32)
    """
    return each if each.ndim == 0 else each.sum(axis=-1)
