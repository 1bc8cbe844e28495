"""Losses (eq. 10), one value an example; they refuse to broadcast, and reduction over examples is the caller's.

A prediction `(n, 1)` against a target `(n,)` broadcasts to `(n, n)` and trains on nonsense without a word: here it
raises.
"""

import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike

from jaxnet.validation import ShapeError


def squared_error(v: ArrayLike, y: ArrayLike) -> Array:
    """Half the squared distance of an output from its target, l_y(v) = 1/2 ||y - v||^2: eq. 10; its gradient is v - y.

    Args:
        v: outputs `(..., m)`, floating; a scalar is an output with m = 1.
        y: targets of the same shape; integers and Booleans are read in the dtype of `v`.

    Returns:
        `(...,)`: the sum over the last axis, one value an example.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `v` is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 10.

    >>> squared_error(jnp.array([[0.0, 3.0], [1.0, 1.0]]), jnp.array([[0.0, 1.0], [1.0, 1.0]]))
    Array([2., 0.], dtype=float32)
    """
    v, y = _same_shape("squared_error", v, y)
    return _over_outputs(jnp.square(y - v) / 2)


def binary_cross_entropy(logits: ArrayLike, y: ArrayLike) -> Array:
    """The cross-entropy of Boolean outputs, -sum_i y_i log p_i + (1 - y_i) log(1 - p_i) with p = sigmoid(logits).

    Args:
        logits: pre-activations of the output units `(..., m)`, floating: use `identity` for the last layer.
        y: targets in [0, 1] of the same shape; integers and Booleans are read in the dtype of `logits`.

    Returns:
        `(...,)`: nats, the sum over the last axis; finite for every finite logit.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `logits` is not floating.

    Source: Optax's `sigmoid_binary_cross_entropy`, summed over the outputs.

    >>> binary_cross_entropy(jnp.array([0.0, 1000.0]), jnp.array([1.0, 1.0]))
    Array(0.6931472, dtype=float32)
    """
    logits, y = _same_shape("binary_cross_entropy", logits, y)
    return _over_outputs(optax.sigmoid_binary_cross_entropy(logits, y))


def softmax_cross_entropy(logits: ArrayLike, y: ArrayLike) -> Array:
    """The cross-entropy of one choice among m, -sum_i y_i log softmax(logits)_i.

    Args:
        logits: `(..., m)`, floating.
        y: probabilities or one-hot targets of the same shape.

    Returns:
        `(...,)`: nats, one value an example; finite where differences of logits are.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `logits` is not floating.

    Source: Optax's `softmax_cross_entropy`.

    >>> softmax_cross_entropy(jnp.array([0.0, 0.0]), jnp.array([1.0, 0.0]))
    Array(0.6931472, dtype=float32)
    """
    logits, y = _same_shape("softmax_cross_entropy", logits, y)
    if logits.ndim == 0:
        raise ShapeError("softmax_cross_entropy: expected logits (..., m), got a scalar.")
    return optax.softmax_cross_entropy(logits, y)


def softmax_cross_entropy_with_integer_labels(logits: ArrayLike, labels: ArrayLike) -> Array:
    """The cross-entropy of one choice among m, with the choice given by its number.

    Args:
        logits: `(..., m)`, floating.
        labels: `(...,)`, integers in 0..m-1.

    Returns:
        `(...,)`: nats, one value an example; NaN where a label is out of range.

    Raises:
        ShapeError: if labels are not of the shape of logits less its last axis.
        TypeError: if `logits` is not floating or `labels` are not integers.

    Source: Optax's `softmax_cross_entropy_with_integer_labels`.

    >>> softmax_cross_entropy_with_integer_labels(jnp.array([[0.0, 0.0]]), jnp.array([1]))
    Array([0.6931472], dtype=float32)
    """
    name = "softmax_cross_entropy_with_integer_labels"
    logits, labels = _floating(name, logits), jnp.asarray(labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"{name}: expected integer labels, got {labels.dtype}. For one-hot use softmax_cross_entropy.")
    if logits.ndim == 0:
        raise ShapeError(f"{name}: expected logits (..., m), got a scalar.")
    if labels.shape != logits.shape[:-1]:
        raise ShapeError(
            f"{name}: expected labels {logits.shape[:-1]} for logits {logits.shape}, got {labels.shape}. "
            "Losses do not broadcast."
        )
    # Traced labels cannot be refused; NaN shows, where NumPy's reading of -1 as the last class would not.
    known = (labels >= 0) & (labels < logits.shape[-1])
    losses = jnp.asarray(optax.softmax_cross_entropy_with_integer_labels(logits, labels))
    return jnp.where(known, losses, jnp.nan)


def _floating(name: str, v: ArrayLike) -> Array:
    v = jnp.asarray(v)
    if not jnp.issubdtype(v.dtype, jnp.floating):
        raise TypeError(f"{name}: expected floating outputs, got {v.dtype}. Is the target passed first?")
    return v


def _same_shape(name: str, v: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    v, y = _floating(name, v), jnp.asarray(y)
    if v.shape != y.shape:
        # Only axes of length 1 are in the way: to reshape anything else would mix the examples up.
        same_but_ones = [d for d in v.shape if d != 1] == [d for d in y.shape if d != 1]
        fix = f"Reshape the target: y.reshape({v.shape})." if same_but_ones else "Is a batch axis missing on one side?"
        raise ShapeError(
            f"{name}: expected a target of the output's shape {v.shape}, got {y.shape}. Losses do not broadcast. {fix}"
        )
    return v, y.astype(v.dtype)


def _over_outputs(each: Array) -> Array:
    return each if each.ndim == 0 else each.sum(axis=-1)
