"""Cross-entropies: of Boolean outputs, or of one choice among m; given as logits, probabilities or labels.

An infinite logit whose target agrees gives the limit, with a finite gradient. Probabilities and targets outside of
[0, 1], targets of a choice that do not sum to 1 and labels of no class give NaN with an infinite gradient, as in
`losses`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike

from jaxnet.learning.losses import floating, over_outputs, same_shape, where_possible
from jaxnet.validation import ShapeError


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
    logits, y = same_shape("binary_cross_entropy", logits, y)
    log_p, log_not_p = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    each = -_times_log(y, log_p) - _times_log(1 - y, log_not_p)
    return over_outputs(where_possible(_is_probability(y), each, logits))


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
    p, y = same_shape("binary_cross_entropy_from_probabilities", p, y)
    possible = _is_probability(y) & _is_probability(p)
    q = jnp.where(p > 1, 1, p)
    # log1p keeps what 1 - q would round away.
    each = 0 - _times_log_of(y, q, jnp.log, pole=0) - _times_log_of(1 - y, q, lambda q: jnp.log1p(-q), pole=1)
    return over_outputs(where_possible(possible, each, p))


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
    logits, y = same_shape("softmax_cross_entropy", logits, y)
    if logits.ndim == 0:
        raise ShapeError("softmax_cross_entropy: expected logits (..., m), got a scalar.")
    log_p = jax.nn.log_softmax(_limit(logits), axis=-1)
    return where_possible(_is_distribution(y), 0 - _times_log(y, log_p).sum(axis=-1), logits.sum(axis=-1))


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
    p, y = same_shape("softmax_cross_entropy_from_probabilities", p, y)
    if p.ndim == 0:
        raise ShapeError("softmax_cross_entropy_from_probabilities: expected probabilities (..., m), got a scalar.")
    possible = _is_distribution(y) & _is_probability(p).all(axis=-1)
    each = _times_log_of(y, jnp.where(p > 1, 1, p), jnp.log, pole=0)
    return where_possible(possible, 0 - each.sum(axis=-1), p.sum(axis=-1))


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
    logits, labels = floating(name, logits), jnp.asarray(labels)
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
    losses = optax.softmax_cross_entropy_with_integer_labels(_limit(logits), jnp.where(known, labels, 0))
    return where_possible(known, jnp.asarray(losses), logits.sum(axis=-1))


def _times_log(y: Array, log_p: Array) -> Array:
    """Return y log p, with 0 log 0 = 0: the product is NaN, and its derivative by y is the infinite log p."""
    zero = (y == 0) & (log_p == -jnp.inf)
    return jnp.where(zero, 0, y) * jnp.where(zero, 0, log_p)


def _limit(logits: Array) -> Array:
    """Return logits whose softmax is the limit, if just one is infinite: infinity less infinity is not a number."""
    infinite = logits == jnp.inf
    alone = infinite.sum(axis=-1, keepdims=True) == 1
    return jnp.where(alone, jnp.where(infinite, 0, -jnp.inf), logits)


def _times_log_of(y: Array, p: Array, log: Callable[[Array], Array], pole: float) -> Array:
    """Return y log(p), with 0 log 0 = 0: as `jax.scipy.special.xlogy`, whose derivative y / p there is NaN."""
    zero = (y == 0) & (p == pole)
    return jnp.where(zero, 0, y * log(jnp.where(zero, 0.5, p)))


def _is_probability(p: Array) -> Array:
    """Return where numbers are in [0, 1], but for rounding: a mean of probabilities may be a little above."""
    return (p >= 0) & (p <= 1 + 8 * jnp.finfo(p.dtype).eps)


def _is_distribution(y: Array) -> Array:
    """Return where the targets of an example are probabilities of sum 1, up to the rounding of narrow types."""
    tolerance = max(0.01, 8 * float(jnp.finfo(y.dtype).eps))
    total = y.sum(axis=-1, dtype=y.dtype if jnp.finfo(y.dtype).bits >= 32 else jnp.float32)
    return _is_probability(y).all(axis=-1) & (abs(total - 1) <= tolerance)
