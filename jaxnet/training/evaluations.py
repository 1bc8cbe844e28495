"""An evaluation: validation data measured by the rule or by the user's function, at once or batch by batch."""

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxnet.devices.sharding import put_examples, replicated, split_examples
from jaxnet.learning.rules import Rule, predicting_params
from jaxnet.lowering.owned_programs import compiled_for_its_function
from jaxnet.pytrees import Batch, Key, Metrics, Params, State
from jaxnet.training.batches import opened
from jaxnet.training.chunks import same_key
from jaxnet.training.example_arrays import arrays_of
from jaxnet.training.step_counts import example_count
from jaxnet.training.streams import Stream, is_restarted, is_stream
from jaxnet.validation import ShapeError, whole_number

# Measures all validation data, given the state of a rule.
Measure = Callable[[State], Metrics]


class Validation(NamedTuple):
    """What is measured after each chunk, and how.

    Attributes:
        data: a pytree of arrays, or what gives its batches again and again.
        batch_size: examples of arrays that are measured at a time; None for all of them.
        validate: the user's function of parameters and data; None to measure as the rule does.
    """

    data: Any
    batch_size: int | None = None
    validate: Callable[[Params, Batch], Any] | None = None


def checked_validation(data: Any, batch_size: int | None, validate: Callable | None) -> Validation | None:
    """Return what `fit` was told to measure; None without validation data.

    Raises:
        TypeError: if there are no data for the others, the data can be read only once, or batches have a batch size.
        ValueError: if there are no examples, or the batch size is out of range.

    >>> checked_validation([1.0, 2.0], 2, None)
    Validation(data=array([1., 2.], dtype=float32), batch_size=2, validate=None)
    """
    if data is None or is_stream(data):
        if batch_size is not None:
            got = "none" if data is None else "batches"
            raise TypeError(f"fit: expected arrays of validation data for validation_batch_size, got {got}.")
        if data is not None and not is_restarted(data):
            raise TypeError(
                "fit: expected validation data that can be read again after each chunk, as a loader, or a function of "
                "no arguments that returns an iterator, got what can be read once."
            )
        return None if data is None else Validation(data, None, validate)
    data = arrays_of("fit", data, "validation")
    if any(np.shape(a)[:1] == (0,) for a in jax.tree.leaves(data)):
        raise ValueError("fit: expected at least one example of validation, got none.")
    if batch_size is not None:
        examples = example_count("fit", data, "validation")
        batch_size = whole_number("fit", "validation_batch_size", batch_size, 1, examples)
    return Validation(data, batch_size, validate)


def measuring(rule: Rule, validation: Validation, key: Key, mesh: Mesh | None) -> Measure:
    """Return a function of the state that measures all validation data.

    Of batches it gives the means of their metrics, weighted by their numbers of examples: what the metrics would be
    of all examples, if each is a mean over examples. One batch at a time is on the devices.

    Args:
        rule: of the run.
        validation: of `checked_validation`.
        key: of the run, for a rule whose metrics are those of a step.
        mesh: of the devices that share a batch.

    >>> rule = Rule(lambda p: p, lambda p, batch, key: (p, {"mean": batch.mean()}))
    >>> halves = measuring(rule, Validation(np.array([1.0, 2.0, 6.0]), 2), jax.random.key(0), None)
    >>> halves(0.0)
    {'mean': array(3., dtype=float32)}
    """
    measure = functools.partial(_measured, rule, validation.validate, key)
    if validation.batch_size is None and not is_stream(validation.data):
        return functools.partial(measure, put_examples(validation.data, mesh))

    def by_batches(state: State) -> Metrics:
        total, sums, found = 0, None, {}
        for batch in _batches(validation):
            n = example_count("fit", batch, "validation")
            found = measure(put_examples(batch, mesh), state)
            total += n
            weighted = jax.tree.map_with_path(lambda path, value: n * _mean(path, value), found)  # noqa: B023
            sums = weighted if sums is None else jax.tree.map(_added, sums, weighted)
        if sums is None:
            return {}
        return jax.tree.map(lambda s, m: np.asarray(s / total, np.result_type(m.dtype, np.float32)), sums, found)

    return by_batches


def _batches(validation: Validation) -> Iterator[Batch]:
    if validation.batch_size is None:
        with opened(Stream(validation.data, name="validation")) as batches:
            yield from batches.take(sys.maxsize)
        return
    examples, size = example_count("fit", validation.data), validation.batch_size
    for start in range(0, examples, size):
        yield jax.tree.map(lambda a: a[start : start + size], validation.data)  # noqa: B023


def _mean(path: Any, metric: Any) -> np.ndarray:
    if not jnp.issubdtype(jnp.result_type(metric), jnp.inexact):
        raise TypeError(
            f"fit: expected metrics that are means over examples, to be averaged over batches of validation data, got "
            f"{jnp.result_type(metric)} for {jax.tree_util.keystr(path)}. Divide a count by the number of examples."
        )
    return np.asarray(metric, np.float64)


def _added(total: np.ndarray, more: np.ndarray) -> np.ndarray:
    if total.shape != more.shape:
        raise ShapeError(
            f"fit: expected metrics that are means over examples, of the same shape in each batch of validation data, "
            f"got {total.shape} and {more.shape}."
        )
    return total + more


def _measured(rule: Rule, validate: Callable | None, key: Key, validation: Batch, state: State) -> Metrics:
    """Measure a batch of validation data by `validate`, or, if it is None, as the rule does.

    Raises:
        TypeError: if the loss of the rule cannot tell validation from training, or `validate` returns several values.
    """
    if validate is None:
        if rule.measure is not None:
            return _called(rule.measure, state, validation)
        return _metrics(rule.update, state, validation, same_key(key))
    try:
        found = _called(validate, predicting_params(rule, state), validation)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        error.add_note(
            "fit compiles validate. Functions of NumPy or scikit-learn go through jax.pure_callback, or into on_visit."
        )
        raise
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
