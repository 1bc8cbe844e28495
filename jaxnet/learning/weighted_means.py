"""Means over examples that do not count alike, as in a last batch that is padded.

Pad with finite numbers at which the loss has a finite derivative: a masked value has the gradient 0, but the chain rule
multiplies that by the derivative of the loss, and 0 times NaN is NaN.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxnet.validation import ShapeError


def weighted_mean(values: ArrayLike, weights: ArrayLike) -> Array:
    """Return the mean of values that do not count alike, sum_i w_i v_i / sum_i w_i.

    Args:
        values: any shape, floating, such as one loss per example.
        weights: of the same shape, not negative; integers and Booleans are read as numbers.

    Returns:
        A scalar in the dtype of `values`; half precision is summed in float32. A value of weight 0 does not count,
        even if it is NaN or infinite, and its gradient is 0. If all weights are 0 the mean is NaN, but its gradient
        is 0: an empty batch shows in the record and leaves the parameters as they are.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `values` is not floating.

    >>> weighted_mean(jnp.array([1.0, 5.0, jnp.inf]), jnp.array([3, 1, 0]))
    Array(2., dtype=float32)
    """
    return _mean("weighted_mean", "weights", values, jnp.asarray(weights))


def masked_mean(values: ArrayLike, mask: ArrayLike) -> Array:
    """Return the mean of the values where the mask is True, as for a last batch that is padded.

    Args:
        values: any shape, floating, such as one loss per example.
        mask: of the same shape, Boolean.

    Returns:
        A scalar in the dtype of `values`, as `weighted_mean` with weights 0 and 1: a value that is masked out, NaN or
        not, reaches neither mean nor gradient. If all are masked out, NaN with gradient 0.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `values` is not floating or `mask` is not Boolean.

    >>> masked_mean(jnp.array([1.0, 3.0, jnp.nan]), jnp.array([True, True, False]))
    Array(2., dtype=float32)
    """
    mask = jnp.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"masked_mean: expected a Boolean mask, got {mask.dtype}. For weights use weighted_mean.")
    return _mean("masked_mean", "mask", values, mask)


def _mean(where: str, noun: str, values: ArrayLike, weights: Array) -> Array:
    """Return the weighted mean; `noun` is what the caller calls the weights."""
    values = jnp.asarray(values)
    if not jnp.issubdtype(values.dtype, jnp.floating):
        raise TypeError(f"{where}: expected floating values, got {values.dtype}. They come first, then the {noun}.")
    if values.shape != weights.shape:
        raise ShapeError(
            f"{where}: expected {noun} of the shape of the values {values.shape}, got {weights.shape}. "
            f"Means do not broadcast. Reshape or repeat the {noun}, or reduce the values to one per example."
        )
    dtype = values.dtype if jnp.finfo(values.dtype).bits >= 32 else jnp.float32
    w = weights.astype(dtype)
    # Only infinite values and NaN are replaced: by a weight of 0 the mean keeps its derivative (v - mean) / total.
    v = jnp.where((w == 0) & ~jnp.isfinite(values), 0, values).astype(dtype)
    total = w.sum()
    mean = (w * v).sum() / jnp.where(total == 0, 1, total)
    return jnp.where(total == 0, jnp.nan, mean).astype(values.dtype)
