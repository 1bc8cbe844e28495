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
    """Return the parameters to predict with, by what is found in the state of the optimiser.

    Args:
        optimizer_state: of any Optax optimiser, also in a chain.
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
        if jax.tree.structure(found.z) == jax.tree.structure(params):
            return optax.contrib.schedule_free_eval_params(found, params)
    for found in states_of(optimizer_state, optax.contrib.SAMState):
        if jax.tree.structure(found.cache) == jax.tree.structure(params):
            uphill = found.steps_since_sync != 0
            return jax.tree.map(functools.partial(jnp.where, uphill), found.cache, params)
    return params


def states_of(optimizer_state: Any, kind: type | tuple[type, ...]) -> list[Any]:
    """Return the states of a kind in that of an optimiser, also those inside of chains and wrappers."""
    is_one: Callable[[Any], bool] = lambda s: isinstance(s, kind)  # noqa: E731
    return [s for s in jax.tree.leaves(optimizer_state, is_leaf=is_one) if is_one(s)]
