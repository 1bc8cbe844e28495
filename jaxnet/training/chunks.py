"""A chunk of a run of `fit`, and the evaluation after it: the plan of a run, its steps, its validation data."""

import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.devices.sharding import replicated, split_examples
from jaxnet.learning.rules import Rule
from jaxnet.pytrees import Batch, Key, Metrics, Params, State
from jaxnet.training.batches import Batches
from jaxnet.training.loop import run
from jaxnet.training.run_state import with_steps

# Makes the steps of a chunk: takes a state, the number of its next step, and how many to make; returns the state after
# them, their metrics, and how many were made (an iterator may end).
Advance = Callable[[State, int, int], tuple[State, dict[str, np.ndarray], int]]


class Plan(NamedTuple):
    """How a run is cut into chunks, when it ends, and where it is saved.

    Attributes:
        examples: how many there are; None for an iterator.
        batch_size: examples per step; None for all of them.
        total: steps in all; None to use an iterator up.
        every: steps per chunk.
        record_every: steps per record.
        monitor: the validation metric that is to fall.
        patience: evaluations without a better one after which the run ends, or None.
        checkpoint: the file, or None.
        epochs: passes over a loader, after which the run ends, or None.
    """

    examples: int | None
    batch_size: int | None
    total: int | None
    every: int
    record_every: int
    monitor: str
    patience: int | None
    checkpoint: str | os.PathLike[str] | None
    epochs: int | None = None

    @property
    def saved(self) -> dict[str, int | None]:
        """What a run must have in common with its checkpoint."""
        return {"examples": self.examples, "batch_size": self.batch_size, "record_every": self.record_every}

    def next_chunk(self, steps: int) -> int:
        """Return how many steps come next: chunks end at multiples of `every`, wherever the run began."""
        count = self.every - steps % self.every
        return count if self.total is None else min(count, self.total - steps)


def advance_on_arrays(
    rule: Rule, data: Batch, key: Key, plan: Plan, state: State, step: int, count: int
) -> tuple[State, dict[str, np.ndarray], int]:
    """Make the steps of a chunk on arrays that hold all examples; see `Advance`."""
    state, metrics = run(
        "fit", rule, state, data, step, jax.random.clone(key), count,
        most=plan.every, batch_size=plan.batch_size, record_every=plan.record_every,
    )  # fmt: skip
    n_records = count // plan.record_every
    steps = step + plan.record_every * np.arange(1, n_records + 1)
    return state, with_steps({name: np.asarray(m)[:n_records] for name, m in metrics.items()}, steps), count


def advance_on_batches(
    rule: Rule, batches: Batches, key: Key, plan: Plan, state: State, step: int, count: int
) -> tuple[State, dict[str, np.ndarray], int]:
    """Make the steps of a chunk on batches of an iterator, until that ends; see `Advance`."""
    metrics, steps, made = [], [], 0
    for made, batch in enumerate(batches.take(count), start=1):  # noqa: B007
        state, now = run(
            "fit", rule, state, batch, step, jax.random.clone(key), None, most=1, batch_size=None, record_every=1
        )
        step += 1
        if step % plan.record_every == 0:
            metrics.append(now)
            steps.append(step)
    joined = {name: np.concatenate([m[name] for m in metrics]) for name in metrics[0]} if metrics else {}
    return state, with_steps(joined, np.array(steps, int)) if metrics else {}, made


def measure_validation(rule: Rule, validate: Callable | None, validation: Batch, key: Key, state: State) -> Metrics:
    """Measure the validation data by `validate`, or, if it is None, by the metrics of the rule."""
    if validate is None:
        return _metrics(rule, state, validation, jax.random.clone(key))
    found = _called(validate, state.params, validation)
    return found if isinstance(found, dict) else {"loss": found}


@functools.partial(jax.jit, static_argnums=0)
def _metrics(rule: Rule, state: State, batch: Batch, key: Key) -> Metrics:
    """Return the metrics of a step, which are measured before it; the step is not used, so XLA leaves it out."""
    return replicated(rule.update(state, split_examples(batch), key)[1])


@functools.partial(jax.jit, static_argnums=0)
def _called(function: Callable, params: Params, data: Batch) -> Any:
    return replicated(function(params, split_examples(data)))
