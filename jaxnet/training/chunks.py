"""The steps of a chunk, those between two evaluations: on arrays that hold all examples, or on batches."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array

from jaxnet.learning.rules import Rule
from jaxnet.pytrees import Batch, Key, State
from jaxnet.training.batches import Batches
from jaxnet.training.loop import run
from jaxnet.training.plans import Plan
from jaxnet.training.run_state import with_steps

# Makes the steps of a chunk: takes a state, the number of its next step, and how many to make; returns the state after
# them, their metrics, and how many were made (an iterator may end).
Advance = Callable[[State, int, int], tuple[State, dict[str, Any], int]]


def same_key(key: Key) -> Key:
    """Return a key once more: a clone, which takes its time, where JAX looks after keys that are used twice."""
    config: Any = jax.config
    return jax.random.clone(key) if config.jax_debug_key_reuse else key


def advance_on_arrays(
    rule: Rule, data: Batch, key: Key, orders: Callable[[int], Array] | None, plan: Plan,
    state: State, step: int, count: int,
) -> tuple[State, dict[str, Any], int]:  # fmt: skip
    """Make the steps of a chunk on arrays that hold all examples; see `Advance`."""
    state, metrics = run(
        "fit", rule, state, data, step, same_key(key), count,
        most=plan.every, batch_size=plan.batch_size, record_every=plan.record_every, orders=orders,
    )  # fmt: skip
    n_records = count // plan.record_every
    steps = step + plan.record_every * np.arange(1, n_records + 1)
    return state, with_steps(jax.tree.map(lambda m: np.asarray(m)[:n_records], metrics), steps), count


def advance_on_batches(
    rule: Rule, batches: Batches, key: Key, plan: Plan, state: State, step: int, count: int
) -> tuple[State, dict[str, Any], int]:
    """Make the steps of a chunk on batches of an iterator, until that ends; see `Advance`."""
    metrics, steps, made = [], [], 0
    for made, batch in enumerate(batches.take(count), start=1):  # noqa: B007
        state, now = run("fit", rule, state, batch, step, same_key(key), None, most=1, batch_size=None, record_every=1)
        step += 1
        if (step - plan.start) % plan.record_every == 0:
            metrics.append(now)
            steps.append(step)
    joined = jax.tree.map(lambda *rows: np.concatenate(rows), *metrics) if metrics else {}
    return state, with_steps(joined, np.array(steps, int)) if metrics else {}, made
