"""A chunk of a run of `fit`, and the evaluation after it: its steps, its validation data."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxnet.devices.sharding import replicated, split_examples
from jaxnet.learning.rules import Rule, predicting_params
from jaxnet.lowering.owned_programs import compiled_for_its_function
from jaxnet.pytrees import Batch, Key, Metrics, Params, State
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
    rule: Rule, data: Batch, key: Key, plan: Plan, state: State, step: int, count: int
) -> tuple[State, dict[str, Any], int]:
    """Make the steps of a chunk on arrays that hold all examples; see `Advance`."""
    state, metrics = run(
        "fit", rule, state, data, step, same_key(key), count,
        most=plan.every, batch_size=plan.batch_size, record_every=plan.record_every,
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


def measure_validation(rule: Rule, validate: Callable | None, validation: Batch, key: Key, state: State) -> Metrics:
    """Measure the validation data by `validate`, or, if it is None, as the rule does.

    Raises:
        TypeError: if the loss of the rule cannot tell validation from training, or `validate` returns several values.
    """
    if validate is None:
        if rule.measure is not None:
            return _called(rule.measure, state, validation)
        return _metrics(rule.update, state, validation, same_key(key))
    found = _called(validate, predicting_params(rule, state), validation)
    if isinstance(found, (tuple, list)) or found is None:
        raise TypeError(
            f"fit: expected validate to return a scalar or a dict of metrics, got a {type(found).__name__}. "
            'Name its parts, as {"loss": ..., "accuracy": ...}.'
        )
    return found if isinstance(found, dict) else {"loss": found}


@compiled_for_its_function()
def _metrics(update: Callable, state: State, batch: Batch, key: Key) -> Metrics:
    """Return the metrics of a step, which are measured before it; the step is not used, so XLA leaves it out."""
    return replicated(update(state, split_examples(batch), key)[1])


@compiled_for_its_function()
def _called(function: Callable, params: Params | State, data: Batch) -> Any:
    return replicated(function(params, split_examples(data)))
