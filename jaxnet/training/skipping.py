"""Steps that are not taken: those that would make the numbers of a state infinite or NaN."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxnet.learning.rules import Rule
from jaxnet.pytrees import Batch, Key, Metrics, State


class Counted(NamedTuple):
    """A state, and how many steps were left out on the way to it."""

    state: State
    skipped: Any


def without_spoiling_steps(rule: Rule) -> Rule:
    """Return a rule that leaves out each step after which a finite number of the state is finite no more.

    Its state is `Counted`, and its metrics have "skipped" too: how many steps were left out so far. Two of one rule are
    equal, so that they are compiled once.

    Args:
        rule: any rule.

    >>> rule = Rule(lambda p: p, lambda p, batch, key: (p / batch, {"p": p}))
    >>> careful = without_spoiling_steps(rule)
    >>> careful.update(careful.init(jnp.float32(3)), jnp.array(0.0), jax.random.key(0))[0]
    Counted(state=Array(3., dtype=float32), skipped=Array(1, dtype=int32))
    """
    return Rule(_Started(rule.init), _Careful(rule.update))


class _Started(NamedTuple):
    init: Callable

    def __call__(self, params: Any) -> Counted:
        return Counted(self.init(params), jnp.int32(0))


class _Careful(NamedTuple):
    update: Callable

    def __call__(self, counted: Counted, batch: Batch, key: Key) -> tuple[Counted, Metrics]:
        state, metrics = self.update(counted.state, batch, key)
        if metrics and not any(jnp.ndim(m) == 0 for m in metrics.values() if isinstance(m, jax.Array)):
            raise ValueError(
                "fit: expected a scalar metric with on_nonfinite='skip', got none, as from an ensemble: its members "
                "share each step, so that one could stop them all. Use 'go on'."
            )
        if "skipped" in metrics:
            raise ValueError("fit: a metric is called 'skipped', as the number of steps left out is. Rename it.")
        spoils = _spoils(counted.state, state)
        state = jax.tree.map(lambda old, new: jnp.where(spoils, old, new), counted.state, state)
        skipped = counted.skipped + spoils.astype(jnp.int32)
        return Counted(state, skipped), {**metrics, "skipped": skipped}


def _spoils(old: State, new: State) -> Array:
    # Some optimisers begin with infinity, as the best loss so far.
    pairs = zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
    spoiled = [
        jnp.any(jnp.isfinite(o) & ~jnp.isfinite(n)) for o, n in pairs if jnp.issubdtype(jnp.result_type(n), jnp.inexact)
    ]
    return jnp.any(jnp.array(spoiled, bool))
