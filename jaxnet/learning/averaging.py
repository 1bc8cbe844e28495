"""The parameters to predict with, where they are not those at which an optimiser takes its gradients.

An average of those it went through (schedule-free learning, Defazio et al. 2024), the slow ones of a pair (lookahead,
Zhang et al. 2019), or those before a move uphill (SAM, Foret et al. 2021).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnet.pytrees import Params


def evaluation_params(optimizer_state: Any, params: Params) -> Params:
    """Return the parameters to predict with, by what is found in the state of the optimiser; else those given.

    Args:
        optimizer_state: of any Optax optimiser, also in a chain, or for some of the parameters only, as `masked` and
            `partition` have it.
        params: those that the gradient is taken at; for lookahead the pair, `optax.LookaheadParams`.

    Returns:
        Parameters of the same structure; for lookahead the slow ones of the pair.

    >>> optimizer, params = optax.contrib.schedule_free_sgd(1.0, b1=0.5), jnp.array(1.0)
    >>> state = optimizer.init(params)
    >>> for step in range(2):
    ...     updates, state = optimizer.update(params, state, params)  # the gradient of 1/2 params^2
    ...     params = optax.apply_updates(params, updates)
    >>> params, evaluation_params(state, params)
    (Array(0., dtype=float32), Array(0., dtype=float32))
    """
    if isinstance(params, optax.LookaheadParams):
        return params.slow
    for found in states_of(optimizer_state, optax.contrib.ScheduleFreeState):
        if (seen := _seen(found.z, params)) is not None:
            params = _where_seen(optax.contrib.schedule_free_eval_params(found, seen), params)
    for found in states_of(optimizer_state, optax.contrib.SAMState):
        if (seen := _seen(found.cache, params)) is not None:
            uphill = functools.partial(jnp.where, found.steps_since_sync != 0)
            params = _where_seen(jax.tree.map(uphill, found.cache, seen), params)
    return params


def states_of(optimizer_state: Any, kind: type | tuple[type, ...]) -> list[Any]:
    """Return the states of a kind in that of an optimiser, also those inside of chains and wrappers."""
    is_one: Callable[[Any], bool] = lambda s: isinstance(s, kind)  # noqa: E731
    return [s for s in jax.tree.leaves(optimizer_state, is_leaf=is_one) if is_one(s)]


def _seen(tree: Params, params: Params) -> Params | None:
    """Return the parameters that a part of the optimiser sees, which has such a tree; None if it is of other ones."""
    try:
        seen = jax.tree.map(lambda own, p: own if _is_masked(own) else p, tree, params, is_leaf=_is_masked)
    except ValueError:
        return None
    return seen if jax.tree.structure(seen) == jax.tree.structure(tree) else None


def _where_seen(tree: Params, params: Params) -> Params:
    """Return the tree, with parameters where it is masked."""
    return jax.tree.map(lambda own, p: p if _is_masked(own) else own, tree, params, is_leaf=_is_masked)


def _is_masked(leaf: Any) -> bool:
    return isinstance(leaf, optax.MaskedNode)
