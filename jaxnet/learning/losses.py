"""Losses (eq. 10), one value per example, and the means that reduce them. None of them broadcasts.

A prediction `(n, 1)` and a target `(n,)` would broadcast to `(n, n)` and train on nonsense in silence: here they raise.
What no target or probability can be (outside of [0, 1], a target row that does not sum to 1, a class that there is not)
gives NaN, everywhere alike, since traced values cannot be refused; `fit` names the step. An infinite logit with a
target that agrees gives the limit, with a finite gradient.
To reduce over examples, take `jnp.mean`, or `weighted_mean` or `masked_mean` where examples do not count alike, as in a
padded batch. Pad with finite numbers at which the loss has a finite derivative: a masked value has gradient 0, but the
chain rule multiplies that by the derivative of the loss, and 0 times NaN is NaN.
"""

import math
from collections.abc import Callable

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
    v, y = _same_shape("squared_error", v, y)
    return _over_outputs(jnp.square(y - v) / 2)


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
    v, y = _same_shape("absolute_error", v, y)
    error = v - y
    # Not jnp.abs, whose derivative at 0 is 1: that would pull at a perfect fit.
    return _over_outputs(error * jnp.sign(error))


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
        ValueError: if `delta` is a plain number and not positive and finite.

    Source: P. Huber, Robust estimation of a location parameter (1964); Optax's `huber_loss`.

    >>> huber(jnp.array([[0.5], [10.0]]), jnp.array([[0.0], [0.0]]))
    Array([0.125, 9.5  ], dtype=float32)
    """
    v, y = _same_shape("huber", v, y)
    if jnp.ndim(delta) != 0:
        raise ShapeError(f"huber: expected one delta for all outputs, got {jnp.shape(delta)}. Losses do not broadcast.")
    if isinstance(delta, (int, float)) and not 0 < delta < math.inf:
        raise ValueError(f"huber: expected a positive, finite delta, got {written(delta)}.")
    return _over_outputs(optax.huber_loss(v, y, delta=jnp.asarray(delta).astype(v.dtype)))


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
    logits, y = _same_shape("hinge", logits, y)
    # A target of -1 would give the sign -3.
    return _over_outputs(jnp.where((y == 0) | (y == 1), optax.hinge_loss(logits, 2 * y - 1), jnp.nan))


def binary_cross_entropy(logits: ArrayLike, y: ArrayLike) -> Array:
    """Return the cross-entropy of Boolean outputs, -sum_i y_i log p_i + (1 - y_i) log(1 - p_i), p = sigmoid(logits).

    Args:
        logits: pre-activations of the output units `(..., m)`, floating: use `identity` for the last layer.
        y: targets in [0, 1] of the same shape; integers and Booleans are read in the dtype of `logits`.

    Returns:
        `(...,)`: nats, the sum over the last axis; finite for every finite logit, and 0 at an infinite one that agrees
        with its target. NaN where a target is outside [0, 1].

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `logits` is not floating.

    Source: Optax's `sigmoid_binary_cross_entropy`, summed over the outputs; 0 log 0 = 0.

    >>> binary_cross_entropy(jnp.array([0.0, 1000.0]), jnp.array([1.0, 1.0]))
    Array(0.6931472, dtype=float32)
    """
    logits, y = _same_shape("binary_cross_entropy", logits, y)
    log_p, log_not_p = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    each = -_times_log(y, log_p) - _times_log(1 - y, log_not_p)
    return _over_outputs(_where_possible(y, each))


def binary_cross_entropy_from_probabilities(p: ArrayLike, y: ArrayLike) -> Array:
    """Return the cross-entropy of Boolean outputs given as probabilities, -sum_i y_i log p_i + (1 - y_i) log(1 - p_i).

    If there are logits, prefer `binary_cross_entropy`: where a sigmoid has rounded to 0 or 1 its derivative is zero,
    however wrong the output.

    Args:
        p: probabilities `(..., m)`, floating, such as the values of `sigmoid`.
        y: targets in [0, 1] of the same shape; integers and Booleans are read in the dtype of `p`.

    Returns:
        `(...,)`: nats, the sum over the last axis, with 0 log 0 = 0: at p = 0 or 1 the loss is 0 with a finite gradient
        if the target is the same, and infinite otherwise. NaN where p or a target is outside [0, 1].

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `p` is not floating.

    >>> binary_cross_entropy_from_probabilities(jnp.array([[0.5, 1.0], [0.5, 0.0]]), jnp.array([[1, 1], [1, 1]]))
    Array([0.6931472,       inf], dtype=float32)
    """
    p, y = _same_shape("binary_cross_entropy_from_probabilities", p, y)
    # log1p keeps what 1 - p would round away.
    each = _times_log_of(y, p, jnp.log, pole=0) + _times_log_of(1 - y, p, lambda p: jnp.log1p(-p), pole=1)
    return -_over_outputs(_where_possible(y, each))


def softmax_cross_entropy(logits: ArrayLike, y: ArrayLike) -> Array:
    """Return the cross-entropy of one choice among m, -sum_i y_i log softmax(logits)_i.

    Args:
        logits: `(..., m)`, floating.
        y: probabilities or one-hot targets of the same shape.

    Returns:
        `(...,)`: nats, one value per example; finite if the differences of the logits are, or if the logits that are
        minus infinity have the target 0; one logit of infinity has all the probability. NaN where a target is outside
        [0, 1], or the targets of an example do not sum to 1, within 0.01.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `logits` is not floating.

    Source: Optax's `softmax_cross_entropy`; 0 log 0 = 0.

    >>> softmax_cross_entropy(jnp.array([0.0, 0.0]), jnp.array([1.0, 0.0]))
    Array(0.6931472, dtype=float32)
    """
    logits, y = _same_shape("softmax_cross_entropy", logits, y)
    if logits.ndim == 0:
        raise ShapeError("softmax_cross_entropy: expected logits (..., m), got a scalar.")
    log_p = jax.nn.log_softmax(_limit(logits), axis=-1)
    return _where_one_choice(y, -_times_log(y, log_p).sum(axis=-1))


def softmax_cross_entropy_from_probabilities(p: ArrayLike, y: ArrayLike) -> Array:
    """Return the cross-entropy of one choice among m given as probabilities, -sum_i y_i log p_i.

    If there are logits, prefer `softmax_cross_entropy`, as with Boolean outputs.

    Args:
        p: probabilities `(..., m)`, floating, such as those of `jax.nn.softmax`. Their sum is not checked.
        y: probabilities or one-hot targets of the same shape.

    Returns:
        `(...,)`: nats, one value per example, with 0 log 0 = 0: an impossible choice costs nothing unless it is the
        target, and then the loss is infinite. NaN where p or a target is outside [0, 1], or the targets of an example
        do not sum to 1, within 0.01.

    Raises:
        ShapeError: if the shapes differ.
        TypeError: if `p` is not floating.

    >>> softmax_cross_entropy_from_probabilities(jnp.array([0.5, 0.5, 0.0]), jnp.array([1.0, 0.0, 0.0]))
    Array(0.6931472, dtype=float32)
    """
    p, y = _same_shape("softmax_cross_entropy_from_probabilities", p, y)
    if p.ndim == 0:
        raise ShapeError("softmax_cross_entropy_from_probabilities: expected probabilities (..., m), got a scalar.")
    each = _times_log_of(y, jnp.where(p > 1, jnp.nan, p), jnp.log, pole=0)
    return _where_one_choice(y, -each.sum(axis=-1))


def softmax_cross_entropy_with_integer_labels(logits: ArrayLike, labels: ArrayLike) -> Array:
    """Return the cross-entropy of one choice among m, with the target given by its number.

    Args:
        logits: `(..., m)`, floating.
        labels: `(...,)`, integers in 0..m-1.

    Returns:
        `(...,)`: nats, one value per example; NaN where a label is out of range.

    Raises:
        ShapeError: if labels have not the shape of the logits without the last axis.
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
    # NumPy would read -1 as the last class.
    known = (labels >= 0) & (labels < logits.shape[-1])
    losses = jnp.asarray(optax.softmax_cross_entropy_with_integer_labels(_limit(logits), labels))
    return jnp.where(known, losses, jnp.nan)


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


def _times_log(y: Array, log_p: Array) -> Array:
    """Return y log p, with 0 log 0 = 0: the product is NaN, and its derivative by y is the infinite log p."""
    zero = (y == 0) & (log_p == -jnp.inf)
    return jnp.where(zero, 0, y) * jnp.where(zero, 0, log_p)


def _limit(logits: Array) -> Array:
    """Return logits whose softmax is the limit, if just one is infinite: infinity less infinity is not a number."""
    infinite = logits == jnp.inf
    alone = infinite.sum(axis=-1, keepdims=True) == 1
    return jnp.where(alone, jnp.where(infinite, 0, -jnp.inf), logits)


def _where_possible(y: Array, each: Array) -> Array:
    """Return NaN where a target is outside [0, 1]."""
    return jnp.where((y >= 0) & (y <= 1), each, jnp.nan)


def _where_one_choice(y: Array, each: Array) -> Array:
    """Return NaN where the targets of an example are no probabilities, up to the rounding of narrow types."""
    tolerance = max(0.01, 8 * float(jnp.finfo(y.dtype).eps))
    total = y.sum(axis=-1, dtype=y.dtype if jnp.finfo(y.dtype).bits >= 32 else jnp.float32)
    possible = ((y >= 0) & (y <= 1)).all(axis=-1) & (abs(total - 1) <= tolerance)
    return jnp.where(possible, each, jnp.nan)


def _times_log_of(y: Array, p: Array, log: Callable[[Array], Array], pole: float) -> Array:
    """Return y log(p), with 0 log 0 = 0: as `jax.scipy.special.xlogy`, whose derivative y / p there is NaN."""
    zero = (y == 0) & (p == pole)
    return jnp.where(zero, 0, y * log(jnp.where(zero, 0.5, p)))


def _floating(where: str, v: ArrayLike) -> Array:
    """Return outputs as an array; refuse integers and Booleans."""
    v = jnp.asarray(v)
    if not jnp.issubdtype(v.dtype, jnp.floating):
        raise TypeError(f"{where}: expected floating outputs, got {v.dtype}. Is the target passed first?")
    return v


def _same_shape(where: str, v: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Return outputs and targets as arrays of one shape and dtype; refuse any other."""
    v, y = _floating(where, v), jnp.asarray(y)
    if v.shape != y.shape:
        # A hint to reshape only if nothing but axes of length 1 differ: anything else would mix up the examples.
        same_but_ones = [d for d in v.shape if d != 1] == [d for d in y.shape if d != 1]
        fix = f"Reshape the target: y.reshape({v.shape})." if same_but_ones else "Is a batch axis missing on one side?"
        raise ShapeError(
            f"{where}: expected a target of the output's shape {v.shape}, got {y.shape}. Losses do not broadcast. {fix}"
        )
    return v, y.astype(v.dtype)


def _over_outputs(each: Array) -> Array:
    """Sum over the outputs of each example; a scalar is an output by itself."""
    return each if each.ndim == 0 else each.sum(axis=-1)


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
