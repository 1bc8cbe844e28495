"""Local learning rules for one unit or one layer: the perceptron, the delta rule, Hebb and Oja, each a `Rule`.

In each a weight changes by dw = eta (signal of the unit) (input at the synapse), averaged over a batch; they differ in
the signal. Parameters are `Neuron(w, b)`; the bias is a weight on a constant input 1, which `hebb` and `oja` leave
unchanged.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxnet.learning.losses import squared_error
from jaxnet.learning.rules import Rule
from jaxnet.networks.activations import Activation, sigmoid, step
from jaxnet.networks.units import Neuron, pre_activation
from jaxnet.pytrees import Batch, Key, Metrics, Params
from jaxnet.validation import ShapeError, check_floating


class PlasticState(NamedTuple):
    """The state of `delta`, `hebb` and `oja`: the parameters alone."""

    params: Neuron


class PerceptronState(NamedTuple):
    """The state of `perceptron`: the parameters, and the number of mistakes of each unit since `init`, int32."""

    params: Neuron
    mistakes: Array


def perceptron(step_size: ArrayLike = 1.0) -> Rule:
    """Make the perceptron rule: when a Boolean unit is wrong, add the input to its weights, or subtract it.

    For one example after another, (w, b) <- (w, b) + eta (y - f(x)) (x, 1), with f(x) = [w.x + b >= 0]. The examples of
    a batch are seen in order, each with the weights that the one before it left: with `batch_size=None` a step of
    `train` is one epoch. From zero weights, and on data that a unit separates, the rule makes at most
    `mistake_bound(unit, x, y)` mistakes, in any order and with any step size, and then none. On other data
    it never stops. `separate` decides which is the case.

    Args:
        step_size: eta, a positive scalar. If the weights begin at zero, it only scales them.

    Returns:
        A `Rule` on batches `(x, y)`: x `(N, n)` and Boolean targets y `(N,)` for one unit, `(N, m)` for a layer. Its
        state is `PerceptronState(params, mistakes)`; its metrics are `{"mistakes": ...}`, those of the batch, int32
        `()` or `(m,)`. A target that is neither 0 nor 1 (such as -1) makes the weights NaN.

    Raises:
        ShapeError: from `init` and `update`, if parameters, inputs and targets do not fit, or eta is no scalar.
        TypeError: from `init` and `update`, if parameters or inputs are not floating.

    Source: F. Rosenblatt, The perceptron: a probabilistic model (1958).

    >>> x, y = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), jnp.array([0, 0, 0, 1])     # AND
    >>> rule = perceptron()
    >>> state = rule.init(Neuron(jnp.zeros(2), jnp.array(0.0)))
    >>> for epoch in range(6):
    ...     state, metrics = rule.update(state, (x, y), jax.random.key(0))
    >>> state.params, int(state.mistakes), int(metrics["mistakes"])
    (Neuron(w=Array([2., 1.], dtype=float32), b=Array(-3., dtype=float32)), 11, 0)
    """

    def init(params: Neuron) -> PerceptronState:
        params = _strong("perceptron", params)
        return PerceptronState(params, jnp.zeros(params.b.shape, jnp.int32))

    def update(state: PerceptronState, batch: Batch, key: Key) -> tuple[PerceptronState, Metrics]:
        x, y = check_examples("perceptron", state.params, batch)
        # Traced targets cannot be refused, but NaN shows; targets of -1 would look like data that no unit separates.
        y = jnp.where((y == 0) | (y == 1), y, jnp.nan)

        def correct(state: PerceptronState, example: tuple[Array, Array]) -> tuple[PerceptronState, None]:
            params, mistakes = state
            x, y = example
            error = y - step(pre_activation(params, x))
            params = _add("perceptron", params, step_size, jnp.multiply.outer(error, x), error)
            return PerceptronState(params, mistakes + (error != 0).astype(jnp.int32)), None

        after, _ = jax.lax.scan(correct, state, (x, y))
        return after, {"mistakes": after.mistakes - state.mistakes}

    return Rule(init, update)


def delta(step_size: ArrayLike, activation: Activation = sigmoid) -> Rule:
    """Make the delta rule, dw = eta (y - v) sigma'(z) x: the gradient step of one layer on the squared error (eq. 10).

    With the identity it is the rule of Widrow and Hoff, least mean squares: it converges to the least-squares fit if
    eta < 2 / lambda, lambda the largest eigenvalue of the mean of (x, 1)(x, 1)'. With a step nothing is learned, since
    its derivative is 0: use `perceptron`.

    Args:
        step_size: eta, a scalar.
        activation: sigma, differentiable.

    Returns:
        A `Rule` on batches `(x, y)`: x `(N, n)` and targets y `(N,)` for one unit, `(N, m)` for a layer. The change
        is the mean over the batch. Its state is `PlasticState(params)`; its metrics are `{"loss": ...}`, the mean
        of `squared_error` before the step.

    Raises:
        ShapeError: from `init` and `update`, if parameters, inputs and targets do not fit, or eta is no scalar.
        TypeError: from `init` and `update`, if parameters or inputs are not floating.

    Source: B. Widrow and M. E. Hoff, Adaptive switching circuits (1960); D. E. Rumelhart, G. E. Hinton and R. J.
    Williams, Learning internal representations by error propagation (1986), for a differentiable activation.

    >>> rule = delta(0.5, activation=lambda z: z)
    >>> state = rule.init(Neuron(jnp.zeros(1), jnp.array(0.0)))
    >>> state, metrics = rule.update(state, (jnp.array([[1.0], [3.0]]), jnp.array([2.0, 4.0])), jax.random.key(0))
    >>> state.params, float(metrics["loss"])
    (Neuron(w=Array([3.5], dtype=float32), b=Array(1.5, dtype=float32)), 5.0)
    """

    def init(params: Neuron) -> PlasticState:
        return PlasticState(_strong("delta", params))

    def update(state: PlasticState, batch: Batch, key: Key) -> tuple[PlasticState, Metrics]:
        x, y = check_examples("delta", state.params, batch)
        v, pull_back = jax.vjp(activation, pre_activation(state.params, x))
        (error,) = pull_back(y - v)
        loss = squared_error(v.reshape(len(x), -1), y.reshape(len(x), -1)).mean()
        params = _add("delta", state.params, step_size, error.T @ x / len(x), error.mean(axis=0))
        return PlasticState(params), {"loss": loss}

    return Rule(init, update)


def hebb(step_size: ArrayLike) -> Rule:
    """Make Hebb's rule, dw = eta y x with y = w.x + b: what fires together wires together.

    The weights grow without bound. With b = 0 each step multiplies them by I + eta C, C the mean of x x', so that they
    grow like (1 + eta lambda)^t along the eigenvector of the largest eigenvalue lambda, for any step size; only
    weights in the null space of C, such as zero, stay. Their direction is the answer: divide by the norm, or use
    `oja`, which keeps the norm at 1.

    Args:
        step_size: eta, a scalar; a negative one unlearns.

    Returns:
        A `Rule` on batches x `(N, n)`, without targets. The change is the mean over the batch; b takes part in y and
        is not changed. Its state is `PlasticState(params)`; its metrics are `{"norm": ...}`, that of w before the step,
        `()` for one unit, `(m,)` for a layer.

    Raises:
        ShapeError: from `init` and `update`, if parameters and inputs do not fit, or eta is no scalar.
        TypeError: from `init` and `update`, if parameters or inputs are not floating.

    Source: D. O. Hebb, The Organization of Behavior (1949); for the growth, E. Oja (1982).

    >>> rule = hebb(0.5)
    >>> state = rule.init(Neuron(jnp.array([1.0, 0.0]), jnp.array(0.0)))
    >>> state, metrics = rule.update(state, jnp.ones((1, 2)), jax.random.key(0))
    >>> state.params.w
    Array([1.5, 0.5], dtype=float32)
    """

    def init(params: Neuron) -> PlasticState:
        return PlasticState(_strong("hebb", params))

    def update(state: PlasticState, batch: Batch, key: Key) -> tuple[PlasticState, Metrics]:
        w, b = state.params
        x = _inputs("hebb", state.params, batch)
        y = pre_activation(state.params, x)
        params = _add("hebb", state.params, step_size, y.T @ x / len(x), jnp.zeros_like(b))
        return PlasticState(params), {"norm": _norm(w)}

    return Rule(init, update)


def oja(step_size: ArrayLike) -> Rule:
    """Make Oja's rule, dw = eta y (x - y w) with y = w.x + b: Hebb's, with a decay that keeps the norm at 1.

    With b = 0 and centred data one unit becomes the first principal component, up to sign. The units of a layer become
    the first m, in order, by Sanger's rule: the decay of unit i is y_i (y_1 w_1 + ... + y_i w_i), so that it learns
    from what the units before it leave. (In Oja's own layer the decay of each is the sum over all units: it finds the
    span of the components, but not the components.) Zero weights stay zero. The rule converges from weights of a norm
    near 1, if eta lambda < 1, lambda the largest eigenvalue of the mean of x x'.

    Args:
        step_size: eta, a positive scalar.

    Returns:
        A `Rule` on batches x `(N, n)`, without targets. The change is the mean over the batch; b takes part in y and
        is not changed. Its state is `PlasticState(params)`; its metrics are `{"norm": ...}`, that of w before the step,
        `()` for one unit, `(m,)` for a layer.

    Raises:
        ShapeError: from `init` and `update`, if parameters and inputs do not fit, or eta is no scalar.
        TypeError: from `init` and `update`, if parameters or inputs are not floating.

    Source: E. Oja, A simplified neuron model as a principal component analyzer (1982); T. D. Sanger, Optimal
    unsupervised learning in a single-layer linear feedforward neural network (1989).

    >>> x = jnp.array([[3.0, 4.0], [-3.0, -4.0], [0.4, -0.3], [-0.4, 0.3]])
    >>> rule = oja(0.05)
    >>> state = rule.init(Neuron(jnp.array([1.0, 0.0]), jnp.array(0.0)))
    >>> for epoch in range(100):
    ...     state, metrics = rule.update(state, x, jax.random.key(0))
    >>> state.params.w.round(3)
    Array([0.6, 0.8], dtype=float32)
    """

    def init(params: Neuron) -> PlasticState:
        return PlasticState(_strong("oja", params))

    def update(state: PlasticState, batch: Batch, key: Key) -> tuple[PlasticState, Metrics]:
        w, b = state.params
        x = _inputs("oja", state.params, batch)
        y = pre_activation(state.params, x)
        products = y.T @ y / len(x)
        decay = products * w if w.ndim == 1 else jnp.tril(products) @ w
        params = _add("oja", state.params, step_size, y.T @ x / len(x) - decay, jnp.zeros_like(b))
        return PlasticState(params), {"norm": _norm(w)}

    return Rule(init, update)


def check_examples(where: str, params: Neuron, batch: Batch) -> tuple[Array, Array]:
    """Check that inputs and targets fit the parameters of a unit or a layer, and return them.

    Args:
        where: named in the errors.
        params: `Neuron(w, b)` of arrays.
        batch: the pair (x, y): x `(N, n)`, floating; y `(N,)` for one unit, `(N, m)` for a layer.

    Returns:
        x, and y cast to the dtype of the weights: it may be integers or Booleans.

    Raises:
        ShapeError: if they do not fit, or there are no examples.
        TypeError: if the batch is not a pair, or weights or inputs are not floating.

    >>> x, y = check_examples("here", Neuron(jnp.zeros(2), jnp.array(0.0)), (jnp.zeros((1, 2)), jnp.array([True])))
    >>> y
    Array([1.], dtype=float32)
    """
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        got = f"{len(batch)} values" if isinstance(batch, (tuple, list)) else "one value"
        raise TypeError(f"{where}: expected a batch (x, y) of inputs and targets, got {got}.")
    x, y = _inputs(where, params, jnp.asarray(batch[0])), jnp.asarray(batch[1])
    expected = (len(x), *params.b.shape)
    if y.shape != expected:
        raise ShapeError(f"{where}: expected targets {expected} for inputs {x.shape}, got {y.shape}.")
    return x, y.astype(params.w.dtype)


def _add(where: str, params: Neuron, step_size: ArrayLike, w: Array, b: Array) -> Neuron:
    """Return the parameters plus eta times (w, b), in the dtypes of the parameters."""
    if jnp.ndim(step_size) != 0:
        raise ShapeError(
            f"{where}: expected a scalar step size, got shape {jnp.shape(step_size)}. For several use jax.vmap."
        )
    eta = jnp.asarray(step_size, params.w.dtype)
    return Neuron(params.w + eta * w, params.b + eta.astype(params.b.dtype) * b.astype(params.b.dtype))


def _norm(w: Array) -> Array:
    return jnp.sqrt(jnp.square(w).sum(axis=-1))


def _strong(where: str, params: Params) -> Neuron:
    """Return the parameters as a `Neuron` of arrays that fit each other, strongly typed, as they are after a step."""
    if not isinstance(params, tuple) or len(params) != 2 or any(isinstance(p, tuple) for p in params):
        hint = " An mlp of one layer has them as params[0]." if isinstance(params, tuple) and len(params) == 1 else ""
        raise ShapeError(f"{where}: expected parameters Neuron(w, b) of one unit or one layer.{hint}")
    w, b = (jax.lax.convert_element_type(p, jnp.result_type(p)) for p in params)
    check_floating(where, w, w)
    if w.ndim not in (1, 2) or b.shape != w.shape[:-1]:
        raise ShapeError(
            f"{where}: expected weights (n,) with a bias () or weights (m, n) with biases (m,), got {w.shape} and "
            f"{b.shape}. For an ensemble use jax.vmap."
        )
    return Neuron(w, b)


def _inputs(where: str, params: Neuron, x: Batch) -> Array:
    """Return the inputs as an array that fits the parameters."""
    if isinstance(x, (tuple, list)):
        raise TypeError(
            f"{where}: expected a batch of inputs alone, an array, got {len(x)} values. This rule takes no targets."
        )
    x = jnp.asarray(x)
    check_floating(where, params.w, x)
    n = params.w.shape[-1]
    if x.ndim != 2 or x.shape[1] != n:
        hint = " For one example use x[None]." if x.shape == (n,) else ""
        raise ShapeError(f"{where}: expected inputs (examples, {n}), got {x.shape}.{hint}")
    if len(x) == 0:
        raise ShapeError(f"{where}: expected at least one example, got none.")
    return x
