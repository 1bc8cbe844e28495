"""Learning without a gradient of the whole: the perceptron, the delta rule, Hebb and Oja, each a `Rule` for `train`.

All are one idea, dw = eta (what the unit says) (what the synapse hears), averaged over the examples of a batch; they
differ in what the unit says. Parameters are `Neuron(w, b)` of one unit or of a layer; the bias is a weight on a
constant input 1, except for Hebb and Oja, who leave it alone.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxnet.learning.losses import squared_error
from jaxnet.learning.rules import Rule
from jaxnet.networks.activations import Activation, sigmoid, step
from jaxnet.networks.units import Neuron, pre_activation
from jaxnet.validation import ShapeError, check_floating


class PlasticState(NamedTuple):
    """The state of `delta`, `hebb` and `oja`: they remember nothing but the parameters."""

    params: Neuron


class PerceptronState(NamedTuple):
    """The state of `perceptron`: the parameters, and how many mistakes each unit has made since `init`, int32."""

    params: Neuron
    mistakes: Array


def perceptron(step_size: ArrayLike = 1.0) -> Rule:
    """The perceptron rule: where a Boolean unit is wrong, add the input to its weights, or take it away.

    For one example after another, (w, b) <- (w, b) + eta (y - f(x)) (x, 1), with f(x) = [w.x + b >= 0]. A batch is
    gone through in its order, each example with the weights that the one before it left: with `batch_size=None` a step
    of `train` is one epoch. From zero weights and on data that a unit separates, it makes at most
    `mistake_bound(unit, x, y)` mistakes, in any order and with any step size, and then none; on other data
    it never stops. `separate` says which.

    Args:
        step_size: eta, a positive scalar. From zero weights it only scales them.

    Returns:
        A `Rule` on batches `(x, y)`: x `(N, n)` and Boolean targets y `(N,)` for one unit, `(N, m)` for a layer. Its
        state is `PerceptronState(params, mistakes)`; its metrics are `{"mistakes": ...}`, those of the batch, `()` or
        `(m,)`
        int32. A target that is neither 0 nor 1 (such as -1) makes the weights NaN.

    Raises:
        ShapeError: from `init` and `update`, if parameters, inputs and targets do not fit.
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

    def update(
        state: PerceptronState, batch: tuple[ArrayLike, ArrayLike], key: Array
    ) -> tuple[PerceptronState, dict[str, Array]]:
        x, y = check_examples("perceptron", state.params, batch)
        # Traced targets cannot be refused; NaN shows, where targets of -1 would look like data that no unit separates.
        y = jnp.where((y == 0) | (y == 1), y, jnp.nan)

        def correct(state: PerceptronState, example: tuple[Array, Array]) -> tuple[PerceptronState, None]:
            params, mistakes = state
            x, y = example
            error = y - step(pre_activation(params, x))
            params = _add(params, step_size, jnp.multiply.outer(error, x), error)
            return PerceptronState(params, mistakes + (error != 0).astype(jnp.int32)), None

        after, _ = jax.lax.scan(correct, state, (x, y))
        return after, {"mistakes": after.mistakes - state.mistakes}

    return Rule(init, update)


def delta(step_size: ArrayLike, activation: Activation = sigmoid) -> Rule:
    """The delta rule, dw = eta (y - v) sigma'(z) x: the gradient step of one layer on the squared error of eq. 10.

    With the identity it is the rule of Widrow and Hoff, least mean squares: it settles at the least-squares fit if
    eta < 2 / lambda, lambda the largest eigenvalue of the mean of (x, 1)(x, 1)'. With a step nothing is learned, since
    its derivative is 0: that is what `perceptron` is for.

    Args:
        step_size: eta, a scalar.
        activation: sigma, differentiable.

    Returns:
        A `Rule` on batches `(x, y)`: x `(N, n)` and targets y `(N,)` for one unit, `(N, m)` for a layer. The change
        is the mean over the batch. Its state is `PlasticState(params)`; its metrics are `{"loss": ...}`, the mean
        of `squared_error` before the step.

    Raises:
        ShapeError: from `init` and `update`, if parameters, inputs and targets do not fit.
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

    def update(
        state: PlasticState, batch: tuple[ArrayLike, ArrayLike], key: Array
    ) -> tuple[PlasticState, dict[str, Array]]:
        x, y = check_examples("delta", state.params, batch)
        v, pull_back = jax.vjp(activation, pre_activation(state.params, x))
        (error,) = pull_back(y - v)
        loss = squared_error(v.reshape(len(x), -1), y.reshape(len(x), -1)).mean()
        return PlasticState(_add(state.params, step_size, error.T @ x / len(x), error.mean(axis=0))), {"loss": loss}

    return Rule(init, update)


def hebb(step_size: ArrayLike) -> Rule:
    """Hebb's rule, dw = eta y x with y = w.x + b: what fires together wires together.

    Nothing bounds it: with b = 0 the weights are multiplied by I + eta C a step, C the mean of x x', so that they grow
    like (1 + eta lambda)^t along the eigenvector of the largest eigenvalue lambda, whatever the step size; only
    weights in the null space of C (zero among them) stay. Their direction is the answer: divide by the norm, or use
    `oja`, which does it in passing.

    Args:
        step_size: eta, a scalar; a negative one unlearns.

    Returns:
        A `Rule` on batches x `(N, n)`, without targets. The change is the mean over the batch; b takes part in y and
        is not changed. Its state is `PlasticState(params)`; its metrics are `{"norm": ...}`, that of w before the step,
        `()` for one unit, `(m,)` for a layer.

    Raises:
        ShapeError: from `init` and `update`, if parameters and inputs do not fit.
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

    def update(state: PlasticState, batch: ArrayLike, key: Array) -> tuple[PlasticState, dict[str, Array]]:
        w, b = state.params
        x = _inputs("hebb", state.params, batch)
        y = pre_activation(state.params, x)
        return PlasticState(_add(state.params, step_size, y.T @ x / len(x), jnp.zeros_like(b))), {"norm": _norm(w)}

    return Rule(init, update)


def oja(step_size: ArrayLike) -> Rule:
    """Oja's rule, dw = eta y (x - y w) with y = w.x + b: Hebb's, with a decay that keeps the norm at 1.

    With b = 0 and centred data one unit becomes the first principal component, up to sign. The units of a layer become
    the first m, in order, by Sanger's rule: unit i forgets y_i (y_1 w_1 + ... + y_i w_i), so that it learns from what
    the units before it leave. (Oja's own layer, where each forgets the sum over all, finds their span, but no axes
    in it.) Zero weights stay zero; and it settles only if eta lambda < 1, lambda the largest eigenvalue of the mean
    of x x', from weights of a norm near 1.

    Args:
        step_size: eta, a positive scalar.

    Returns:
        A `Rule` on batches x `(N, n)`, without targets. The change is the mean over the batch; b takes part in y and
        is not changed. Its state is `PlasticState(params)`; its metrics are `{"norm": ...}`, that of w before the step,
        `()` for one unit, `(m,)` for a layer.

    Raises:
        ShapeError: from `init` and `update`, if parameters and inputs do not fit.
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

    def update(state: PlasticState, batch: ArrayLike, key: Array) -> tuple[PlasticState, dict[str, Array]]:
        w, b = state.params
        x = _inputs("oja", state.params, batch)
        y = pre_activation(state.params, x)
        together = y.T @ y / len(x)
        forgotten = together * w if w.ndim == 1 else jnp.tril(together) @ w
        change = y.T @ x / len(x) - forgotten
        return PlasticState(_add(state.params, step_size, change, jnp.zeros_like(b))), {"norm": _norm(w)}

    return Rule(init, update)


def check_examples(where: str, params: Neuron, batch: Any) -> tuple[Array, Array]:
    """Check that inputs and targets fit the parameters of a unit or a layer.

    Args:
        where: named in the errors.
        params: `Neuron(w, b)` of arrays.
        batch: the pair (x, y): x `(N, n)`, floating; y `(N,)` for one unit, `(N, m)` for a layer.

    Returns:
        x, and y in the dtype of the weights, so that integers and Booleans do.

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


def _add(params: Neuron, step_size: ArrayLike, w: Array, b: Array) -> Neuron:
    """The parameters, and eta times what is to be added to each; dtypes are those of the parameters."""
    if jnp.ndim(step_size) != 0:
        raise ShapeError(f"expected a scalar step size, got shape {jnp.shape(step_size)}. For several use jax.vmap.")
    eta = jnp.asarray(step_size, params.w.dtype)
    return Neuron(params.w + eta * w, params.b + eta.astype(params.b.dtype) * b.astype(params.b.dtype))


def _norm(w: Array) -> Array:
    return jnp.sqrt(jnp.square(w).sum(axis=-1))


def _strong(name: str, params: Any) -> Neuron:
    """The parameters as `Neuron` of arrays that fit each other; strongly typed, since they are so after a step."""
    if not isinstance(params, tuple) or len(params) != 2 or any(isinstance(p, tuple) for p in params):
        hint = " An mlp of one layer has them as params[0]." if isinstance(params, tuple) and len(params) == 1 else ""
        raise ShapeError(f"{name}: expected parameters Neuron(w, b) of one unit or one layer.{hint}")
    w, b = (jax.lax.convert_element_type(p, jnp.result_type(p)) for p in params)
    check_floating(name, w, w)
    if w.ndim not in (1, 2) or b.shape != w.shape[:-1]:
        raise ShapeError(
            f"{name}: expected weights (n,) with a bias () or weights (m, n) with biases (m,), got {w.shape} and "
            f"{b.shape}. For an ensemble use jax.vmap."
        )
    return Neuron(w, b)


def _inputs(name: str, params: Neuron, x: ArrayLike) -> Array:
    if isinstance(x, (tuple, list)):
        raise TypeError(f"{name}: expected a batch of inputs alone, an array, got {len(x)} values. It has no targets.")
    x = jnp.asarray(x)
    check_floating(name, params.w, x)
    n = params.w.shape[-1]
    if x.ndim != 2 or x.shape[1] != n:
        hint = " For one example use x[None]." if x.shape == (n,) else ""
        raise ShapeError(f"{name}: expected inputs (examples, {n}), got {x.shape}.{hint}")
    if len(x) == 0:
        raise ShapeError(f"{name}: expected at least one example, got none.")
    return x
