"""Learning rules: the incremental step, and a rule as two functions or more.

The step is theta <- theta - eta dl/dtheta with dl/dtheta = <grad l_y, dF/dtheta> (eq. 10). The lecture prints
theta - eta grad l_y(F(x)), without the factor dF/dtheta: a slip of the pen.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxnet.pytrees import Batch, Key, Metrics, Params, State
from jaxnet.validation import ShapeError


class Rule(NamedTuple):
    """A learning rule: `init(params) -> state` and `update(state, batch, key) -> (state, metrics)`.

    Attributes:
        init: makes the state of a run, which has the parameters as `state.params`.
        update: makes one step; pure. `metrics` is a dict of arrays, which `train` records.
        measure: `measure(state, batch) -> metrics` of validation data, without learning; None: those of `update`.
        evaluation_params: `evaluation_params(state)`, the parameters to predict with; None: `state.params`.
    """

    init: Callable[[Params], State]
    update: Callable[[State, Batch, Key], tuple[State, Metrics]]
    measure: Callable[[State, Batch], Metrics] | None = None
    evaluation_params: Callable[[State], Params] | None = None


def predicting_params(rule: Rule, state: State) -> Params:
    """Return the parameters to predict with; a state that has none is those itself.

    >>> predicting_params(Rule(lambda p: p, lambda p, batch, key: (p, {}), evaluation_params=lambda p: p / 2), 4.0)
    2.0
    """
    return getattr(state, "params", state) if rule.evaluation_params is None else rule.evaluation_params(state)


def sgd_step(params: Params, gradient: Params, step_size: ArrayLike) -> Params:
    """Make the incremental adaptation step, theta <- theta - eta dl/dtheta.

    Args:
        params: a pytree of floating or complex arrays.
        gradient: a pytree of the same structure and shapes, as `jax.grad` gives it: that of a complex parameter is the
            conjugate of the direction of ascent, so it is conjugated here.
        step_size: eta, a scalar of any sign and size; it may be traced.

    Returns:
        New parameters; each leaf keeps its dtype.

    Raises:
        ShapeError: if a gradient has not the shape of its parameter, the two trees differ, or eta is no scalar.
        TypeError: if a parameter is not floating or complex, or only its gradient is complex.

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
        if not jnp.issubdtype(p.dtype, jnp.inexact):
            raise TypeError(f"sgd_step: expected floating or complex parameters, got {p.dtype} for {name}.")
        if jnp.iscomplexobj(g) and not jnp.iscomplexobj(p):
            raise TypeError(f"sgd_step: expected a real gradient for {name}, which is {p.dtype}, got {g.dtype}.")
        if p.shape != g.shape:
            raise ShapeError(f"sgd_step: expected a gradient of shape {p.shape} for {name}, got {g.shape}.")
        return p - jnp.asarray(step_size, p.real.dtype).astype(p.dtype) * jnp.conj(g).astype(p.dtype)

    return jax.tree.map_with_path(leaf, params, gradient)
