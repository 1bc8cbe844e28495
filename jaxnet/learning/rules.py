"""Learning rules: the incremental step, a rule as two functions, and the rule that follows the gradient of a loss.

The step is theta <- theta - eta dl/dtheta with dl/dtheta = <grad l_y, dF/dtheta> (eq. 10). The lecture prints
theta - eta grad l_y(F(x)), without the factor dF/dtheta: a slip of the pen.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike

from jaxnet.pytrees import Batch, Key, Metrics, Params, State
from jaxnet.validation import ShapeError


class Rule(NamedTuple):
    """A learning rule: `init(params) -> state` and `update(state, batch, key) -> (state, metrics)`.

    Attributes:
        init: makes the state of a run, which has the parameters as `state.params`.
        update: makes one step; pure. `metrics` is a dict of arrays, which `train` records.
    """

    init: Callable[[Params], State]
    update: Callable[[State, Batch, Key], tuple[State, Metrics]]


class DescentState(NamedTuple):
    """The state of `gradient_descent`: the parameters, and what the optimiser remembers."""

    params: Params
    optimizer_state: Any


def sgd_step(params: Params, gradient: Params, step_size: ArrayLike) -> Params:
    """Make the incremental adaptation step, theta <- theta - eta dl/dtheta.

    Args:
        params: a pytree of floating arrays.
        gradient: a pytree of the same structure and shapes, as `jax.grad` gives it.
        step_size: eta, a scalar of any sign and size; it may be traced.

    Returns:
        New parameters; each leaf keeps its dtype.

    Raises:
        ShapeError: if a gradient has not the shape of its parameter, the two trees differ, or eta is no scalar.
        TypeError: if a parameter is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), gradient learning.

    >>> sgd_step({"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([10.0, -10.0])}, 0.1)
    {'w': Array([0., 3.], dtype=float32)}
    """
    if jnp.ndim(step_size) != 0:
        raise ShapeError(f"sgd_step: expected a scalar step size, got shape {jnp.shape(step_size)}.")

    structure, given = jax.tree.structure(params), jax.tree.structure(gradient)
    if structure != given:
        raise ShapeError(f"sgd_step: expected a gradient of the parameters' structure {structure}, got {given}.")

    def leaf(path: Any, p: ArrayLike, g: ArrayLike) -> Array:
        p, g = jnp.asarray(p), jnp.asarray(g)
        name = f"parameter {jax.tree_util.keystr(path)}" if path else "the parameter"
        if not jnp.issubdtype(p.dtype, jnp.floating):
            raise TypeError(f"sgd_step: expected floating parameters, got {p.dtype} for {name}.")
        if p.shape != g.shape:
            raise ShapeError(f"sgd_step: expected a gradient of shape {p.shape} for {name}, got {g.shape}.")
        return p - jnp.asarray(step_size, p.dtype) * g.astype(p.dtype)

    return jax.tree.map_with_path(leaf, params, gradient)


def gradient_descent(loss: Callable, optimizer: optax.GradientTransformation, *, has_aux: bool = False) -> Rule:
    """Make the learning rule that follows the gradient of a loss with an Optax optimiser.

    Args:
        loss: `loss(params, batch)` or `loss(params, batch, key)`, a scalar; with `has_aux`, a pair of a scalar and a
            dict of arrays, which are recorded too. A parameter called `key` gets the key of the step.
        optimizer: any Optax transformation; `optax.sgd(eta)` gives the step of the lecture.
        has_aux: whether the loss returns a pair.

    Returns:
        A `Rule` whose state is `DescentState(params, optimizer_state)` and whose metrics are `{"loss": ...}` and the
        auxiliary ones, all measured before the step. Keep the rule and use it again: `train` compiles anew for
        another one.

    Raises:
        TypeError: if the loss takes other arguments, or, from `update`, if it does not return what `has_aux` says.
        ShapeError: from `update`, if the loss is not a scalar.
        ValueError: from `update`, if an auxiliary metric is called "loss".

    Source: Y. Zhang (2019), gradient learning; Optax (DeepMind, 2020) for the optimisers.

    >>> rule = gradient_descent(lambda theta, x: (theta - x) ** 2, optax.sgd(0.25))
    >>> state, metrics = rule.update(rule.init(jnp.array(2.0)), jnp.array(0.0), jax.random.key(0))
    >>> state.params.item(), metrics["loss"].item()
    (1.0, 4.0)
    """
    call = _with_key(loss)
    # Some optimisers look at the loss too, to search along a line or to notice a plateau.
    optimizer = optax.with_extra_args_support(optimizer)

    def objective(params: Params, batch: Batch, key: Key) -> tuple[Array, Metrics]:
        result = call(params, batch, key)
        if has_aux and not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise TypeError(
                "gradient_descent: with has_aux, expected the loss to return a scalar and a dict of arrays."
            )
        if not has_aux and isinstance(result, (tuple, list)):
            raise TypeError(
                "gradient_descent: expected a scalar loss, got several values. Pass has_aux=True for a pair."
            )
        value, aux = result if isinstance(result, tuple) else (result, {})
        if jnp.shape(value) != ():
            raise ShapeError(f"gradient_descent: expected a scalar loss, got shape {jnp.shape(value)}. Take its mean.")
        if "loss" in aux:
            raise ValueError("gradient_descent: an auxiliary metric is called 'loss', as the loss itself. Rename it.")
        return value, aux

    def init(params: Params) -> DescentState:
        # Strongly typed, as they are after a step: so a run that goes on compiles nothing new.
        params = jax.tree.map(lambda p: jax.lax.convert_element_type(p, jnp.result_type(p)), params)
        with jax.numpy_dtype_promotion("standard"):  # see below
            return DescentState(params, optimizer.init(params))

    def update(state: DescentState, batch: Batch, key: Key) -> tuple[DescentState, Metrics]:
        (value, aux), gradient = jax.value_and_grad(objective, has_aux=True)(state.params, batch, key)
        # Optax multiplies Python floats by its integer step count, which strict promotion refuses.
        with jax.numpy_dtype_promotion("standard"):
            updates, optimizer_state = optimizer.update(
                gradient,
                state.optimizer_state,
                state.params,
                value=value,
                grad=gradient,
                value_fn=lambda params: objective(params, batch, jax.random.clone(key))[0],
            )
            params = optax.apply_updates(state.params, updates)
        return DescentState(params, optimizer_state), {"loss": value, **aux}

    return Rule(init, update)


def _with_key(loss: Callable) -> Callable[[Params, Batch, Key], Any]:
    """Return the loss as a function of three arguments, whether it takes the key or not."""
    parameters = inspect.signature(loss).parameters
    if "key" in parameters:
        return lambda params, batch, key: loss(params, batch, key=key)
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters.values() if p.kind in positional and p.default is p.empty]
    if len(required) != 2:
        raise TypeError(
            "gradient_descent: expected loss(params, batch) or loss(params, batch, key), "
            f"got loss{inspect.signature(loss)}. A batch may be a tuple, such as inputs and targets."
        )
    return lambda params, batch, key: loss(params, batch)
