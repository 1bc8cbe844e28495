"""The rule that follows the gradient of a loss, with any optimiser of Optax (DeepMind 2020).

Everything an optimiser may ask for is passed on: the loss, its gradient, and both as functions of the parameters.
Complex parameters are given to it as their real and imaginary parts, see `complex_parts`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from jaxnet.differentiation.complex_parts import join_complex, split_complex
from jaxnet.learning.averaging import evaluation_params as found_evaluation_params
from jaxnet.learning.averaging import states_of
from jaxnet.learning.loss_signatures import LossCall, loss_call
from jaxnet.learning.rules import Rule
from jaxnet.pytrees import Batch, Key, Metrics, Params
from jaxnet.validation import ShapeError, written


class DescentState(NamedTuple):
    """The state of `gradient_descent`.

    Attributes:
        params: the parameters, those at which the gradient is taken.
        optimizer_state: what the optimiser remembers.
        model_state: what the loss remembers and no gradient changes, such as running means; None if nothing.
    """

    params: Params
    optimizer_state: Any
    model_state: Any = None


def gradient_descent(
    loss: Callable,
    optimizer: optax.GradientTransformation | optax.MultiSteps,
    *,
    has_aux: bool = False,
    per_example: bool = False,
    model_state: Any = None,
    evaluation_params: Callable[[Any, Params], Params] | None = None,
) -> Rule:
    """Make the learning rule that follows the gradient of a loss with an Optax optimiser.

    Args:
        loss: `loss(params, batch)` or `loss(params, batch, key)`, a scalar; with `has_aux`, a pair of a scalar and a
            dict of arrays, which are recorded too. Parameters called `key` or `rng`, or ending so, get the key of the
            step; with the default None they get none in validation. A parameter `train` is True in a step and False in
            validation; `training`, `is_training`, `deterministic` and `inference` are known too. A parameter `state`
            gets `model_state`. A loss that draws, or has a state, and cannot tell is refused in validation.
        optimizer: any Optax transformation; `optax.sgd(eta)` gives the step of the lecture.
        has_aux: whether the loss returns metrics too.
        per_example: whether the optimiser takes the gradient of each example, `(examples, ...)`, as those of
            differential privacy do. Each example is then a batch of one; metrics are means over them.
        model_state: a pytree of arrays that the loss changes and no gradient does, such as the running means of batch
            normalisation, as it is before the first step. The loss then returns its next value second:
            `(loss, state)` or, with `has_aux`, `(loss, state, metrics)`. Validation uses it as it is.
        evaluation_params: the parameters to predict with, from `(optimizer_state, params)`, such as an average. If
            None, those of schedule-free learning, lookahead and SAM are found; all others are the parameters.

    Returns:
        A `Rule` whose state is a `DescentState` and whose metrics are `{"loss": ...}` and the auxiliary ones, all
        measured before the step. Its `evaluation_params` are what `fit` validates and returns as `Run.params`; with
        `model_state`, the pair of both. Keep the rule and use it again: `train` compiles anew for another one.

    Raises:
        TypeError: if the loss takes other arguments, or the optimiser is none; from `init`, if the optimiser does not
            go with `per_example`, or a parameter is not floating or complex; from `update`, if the loss does not return
            what `has_aux` and `model_state` say; from `measure`, if the loss cannot tell validation from training.
        ShapeError: from `update`, if the loss is not a scalar, or the loss or the optimiser changes shapes.
        ValueError: from `update`, if an auxiliary metric is called "loss".

    Source: Y. Zhang (2019), gradient learning; Optax (DeepMind, 2020) for the optimisers.

    >>> rule = gradient_descent(lambda theta, x: (theta - x) ** 2, optax.sgd(0.25))
    >>> state, metrics = rule.update(rule.init(jnp.array(2.0)), jnp.array(0.0), jax.random.key(0))
    >>> state.params.item(), metrics["loss"].item()
    (1.0, 4.0)
    """
    call = loss_call(loss)
    if not (evaluation_params is None or callable(evaluation_params)):
        raise TypeError(f"gradient_descent: expected evaluation_params, a function, got {written(evaluation_params)}.")
    if (call.state is None) != (model_state is None):
        given = "no model_state" if model_state is None else "model_state, but a loss without a parameter `state`"
        raise TypeError(f"gradient_descent: expected model_state=... and loss(params, batch, state), got {given}.")
    if per_example and model_state is not None:
        raise TypeError(
            "gradient_descent: expected no model_state with per_example=True: each example would change it on its own."
        )
    descent = _Descent(
        call, _optimizer(optimizer), has_aux, per_example, model_state, evaluation_params or found_evaluation_params
    )
    return Rule(descent.init, descent.update, descent.measure, descent.evaluation_params)


def _optimizer(optimizer: Any) -> optax.GradientTransformationExtraArgs:
    if isinstance(optimizer, optax.MultiSteps):
        optimizer = optimizer.gradient_transformation()
    if not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
        name = getattr(optimizer, "__name__", type(optimizer).__name__)
        fix = f" Call it, as in optax.{name}(0.01)." if callable(optimizer) else ""
        raise TypeError(f"gradient_descent: expected an optimiser of Optax, got {name}.{fix}")
    return optax.with_extra_args_support(optimizer)


@dataclass(frozen=True, eq=False, repr=False)
class _Descent:
    """The functions of the rule; its fields are the arguments of `gradient_descent`."""

    loss: LossCall
    optimizer: optax.GradientTransformationExtraArgs
    has_aux: bool
    per_example: bool
    model_state: Any
    to_evaluate: Callable[[Any, Params], Params]

    def init(self, params: Params) -> DescentState:
        for path, leaf in jax.tree.leaves_with_path(params):
            if not jnp.issubdtype(dtype := jnp.result_type(leaf), jnp.inexact):
                raise TypeError(
                    f"gradient_descent: expected floating or complex parameters, got {dtype} for {_name_of(path)}."
                )
        # Strongly typed, as they are after a step: so a run that goes on compiles nothing new.
        params = jax.tree.map(lambda p: jax.lax.convert_element_type(p, jnp.result_type(p)), params)
        with jax.numpy_dtype_promotion("standard"):  # see below
            optimizer_state = self.optimizer.init(split_complex(params))
        if states_of(optimizer_state, optax.LookaheadState) and not isinstance(params, optax.LookaheadParams):
            params = optax.LookaheadParams.init_synced(params)
        private = states_of(optimizer_state, optax.contrib.DifferentiallyPrivateAggregateState)
        if private and not self.per_example:
            raise TypeError(
                "gradient_descent: expected per_example=True, since differential privacy clips the gradient of each "
                "example. Pass it."
            )
        return _strongly_typed(DescentState(params, optimizer_state, self.model_state))

    def update(self, state: DescentState, batch: Batch, key: Key) -> tuple[DescentState, Metrics]:
        if not isinstance(state, DescentState):
            found = "an array" if isinstance(state, jax.Array) else f"a {type(state).__name__}"
            raise TypeError(f"update: expected a state, as rule.init(params) gives, got {found}.")
        params = split_complex(state.params)
        (value, (model_state, aux)), gradient = self._gradient(_learned(params), state.model_state, batch, key)

        def grad_fn(params: Params, i: int = 0) -> Params:
            return self._gradient(params, state.model_state, batch, jax.random.clone(key))[1]

        def value_fn(params: Params) -> Array:
            return self._objective(params, state.model_state, batch, jax.random.clone(key))[0]

        # Some optimisers search along a line, notice a plateau, or look at the gradient elsewhere.
        extra = {"value": value, "grad": gradient, "value_fn": value_fn, "obj_fn": value_fn, "grad_fn": grad_fn}
        # Optax multiplies Python floats by its integer step count, which strict promotion refuses.
        with jax.numpy_dtype_promotion("standard"):
            updates, optimizer_state = _updates(self.optimizer, gradient, state.optimizer_state, params, extra)
            _check_shapes(params, updates)
            params = join_complex(optax.apply_updates(params, updates))
        return _strongly_typed(DescentState(params, optimizer_state, model_state)), {"loss": value, **aux}

    def measure(self, state: DescentState, batch: Batch) -> Metrics:
        params = self._predicting(state)
        result = self.loss.in_validation(params, batch, state.model_state)
        value, (_, aux) = self._parts(result, state.model_state)
        return {"loss": value, **aux}

    def evaluation_params(self, state: DescentState) -> Params:
        params = self._predicting(state)
        return params if state.model_state is None else (params, state.model_state)

    def _predicting(self, state: DescentState) -> Params:
        params = split_complex(state.params)
        found = self.to_evaluate(state.optimizer_state, params)
        if jax.tree.structure(found) != jax.tree.structure(learned := _learned(params)):
            raise ShapeError(
                f"gradient_descent: expected evaluation_params to return parameters of the structure "
                f"{jax.tree.structure(learned)}, got {jax.tree.structure(found)}."
            )
        return state.params if found is params else join_complex(found)

    def _gradient(self, params: Params, model_state: Any, batch: Batch, key: Key) -> tuple[Any, Params]:
        """Return `((loss, (model state, metrics)), gradient)`, of the batch or, the gradient alone, of each example."""
        gradient = jax.value_and_grad(self._objective, has_aux=True)
        if not self.per_example:
            return gradient(params, model_state, batch, key)
        examples = jax.tree.map(lambda a: a[:, None], batch)
        keys = jax.random.split(key, len(jax.tree.leaves(batch)[0]))
        measured, gradients = jax.vmap(gradient, in_axes=(None, None, 0, 0))(params, model_state, examples, keys)
        return jax.tree.map(lambda a: a.mean(axis=0), measured), gradients

    def _objective(self, params: Params, model_state: Any, batch: Batch, key: Key) -> tuple[Array, Any]:
        return self._parts(self.loss.in_training(join_complex(params), batch, key, model_state), model_state)

    def _parts(self, result: Any, model_state: Any) -> tuple[Array, tuple[Any, Metrics]]:
        """Return what a loss has returned as `(loss, (model state, metrics))`, and refuse anything else."""
        has_state = model_state is not None
        n_values = 1 + has_state + self.has_aux
        several = isinstance(result, (tuple, list))
        metrics = result[-1] if several and self.has_aux and len(result) == n_values else {}
        if (self.has_aux or has_state) and not (
            isinstance(result, tuple) and len(result) == n_values and isinstance(metrics, dict)
        ):
            asked = " and ".join(["has_aux"] * self.has_aux + ["model_state"] * has_state)
            values = "".join([", its next state"] * has_state)
            last = " and a dict of arrays" if self.has_aux else ""
            raise TypeError(f"gradient_descent: with {asked}, expected the loss to return a scalar{values}{last}.")
        if n_values == 1 and several:
            raise TypeError(
                "gradient_descent: expected a scalar loss, got several values. Pass has_aux=True for a pair."
            )
        value = result[0] if several else result
        if value is None or not jnp.issubdtype(jnp.result_type(value), jnp.floating):
            kind = None if value is None else jnp.result_type(value)
            raise TypeError(f"gradient_descent: expected a loss that is a real floating number, got {kind}.")
        if jnp.shape(value) != ():
            raise ShapeError(f"gradient_descent: expected a scalar loss, got shape {jnp.shape(value)}. Take its mean.")
        if "loss" in metrics:
            raise ValueError("gradient_descent: an auxiliary metric is called 'loss', as the loss itself. Rename it.")
        return value, (_like(model_state, result[1]) if has_state else None, metrics)


def _learned(params: Params) -> Params:
    """Return the parameters that the loss sees: the fast ones of a pair, else all."""
    return params.fast if isinstance(params, optax.LookaheadParams) else params


def _strongly_typed(state: DescentState) -> DescentState:
    """Return the state in the types that every later one has: weak ones would be compiled anew after the first step."""
    return jax.tree.map(
        lambda a: jax.lax.convert_element_type(a, a.dtype) if getattr(a, "weak_type", False) else a, state
    )


def _updates(optimizer: Any, gradient: Params, state: Any, params: Params, extra: dict[str, Any]) -> tuple[Any, Any]:
    """Call the optimiser with those of the extra arguments that it takes.

    Most optimisers take any; SAM and searches along a line refuse what they do not know by a TypeError that names it,
    in a chain too.
    """
    while True:
        try:
            return optimizer.update(gradient, state, params, **extra)
        except TypeError as error:
            message = str(error)
            refused = extra.keys() & set(re.findall(r"'(\w+)'", message))
            if "unexpected keyword argument" not in message.lower() or not refused:
                raise
            extra = {name: value for name, value in extra.items() if name not in refused}


def _check_shapes(params: Params, updates: Params) -> None:
    """Refuse updates that would broadcast: per-example gradients that nothing has averaged, or the reverse."""
    if jax.tree.structure(params) != jax.tree.structure(updates):
        return  # None stands for no update
    for (path, p), u in zip(jax.tree.leaves_with_path(params), jax.tree.leaves(updates), strict=True):
        if jnp.shape(p) != jnp.shape(u):
            raise ShapeError(
                f"gradient_descent: expected an update of shape {jnp.shape(p)} for {_name_of(path)}, got "
                f"{jnp.shape(u)} from the optimiser. per_example=True is for those that take the gradient of each "
                "example, and for no other."
            )


def _name_of(path: Any) -> str:
    return f"parameter {jax.tree_util.keystr(path)}" if path else "the parameter"


def _like(before: Any, state: Any) -> Any:
    """Return the next state of a loss in the dtypes of the one before; refuse other shapes."""
    shapes = [jax.tree.map(jnp.shape, s) for s in (before, state)]
    if jax.tree.structure(before) != jax.tree.structure(state) or shapes[0] != shapes[1]:
        raise ShapeError(
            f"gradient_descent: expected the loss to return a state of shapes {shapes[0]}, got {shapes[1]}."
        )
    return jax.tree.map(lambda b, s: jnp.asarray(s, jnp.result_type(b)), before, state)
