"""Validation data measured batch by batch, where all at once would not fit the memory of a device."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxnet.devices.sharding import put_examples
from jaxnet.pytrees import Batch, Metrics, State
from jaxnet.training.batches import Stream, is_restarted, is_stream, opened
from jaxnet.training.example_arrays import arrays_of
from jaxnet.training.step_counts import example_count
from jaxnet.validation import whole_number

# Measures a batch, given the state of a rule.
Measure = Callable[[Batch, State], Metrics]


def checked_validation(validation: Any, batch_size: int | None) -> tuple[Any, int | None]:
    """Return validation data as arrays, or as the stream that they are, and the batch size.

    Args:
        validation: a pytree of arrays, or what gives its batches again and again: a loader or a function.
        batch_size: examples at a time; None for all of them.

    Raises:
        TypeError: if the data can be read only once, or batches have a batch size.
        ValueError: if the batch size is out of range.

    >>> checked_validation([1.0, 2.0], 2)
    (array([1., 2.], dtype=float32), 2)
    """
    if validation is None or is_stream(validation):
        if batch_size is not None:
            got = "none" if validation is None else "batches"
            raise TypeError(f"fit: expected arrays of validation data for validation_batch_size, got {got}.")
        if validation is not None and not is_restarted(validation):
            raise TypeError(
                "fit: expected validation data that can be read again after each chunk, as a loader, or a function of "
                "no arguments that returns an iterator, got what can be read once."
            )
        return validation, None
    validation = arrays_of("fit", validation, "validation")
    if batch_size is not None:
        examples = example_count("fit", validation, "validation")
        batch_size = whole_number("fit", "validation_batch_size", batch_size, 1, examples)
    return validation, batch_size


def measured_by_batches(
    measure: Measure, validation: Any, batch_size: int | None, mesh: Mesh | None
) -> Callable[[State], Metrics]:
    """Return a function of the state that measures all validation data.

    Of batches it gives the means of their metrics, weighted by their numbers of examples: what the metrics would be
    of all examples, if each is a mean over examples. One batch at a time is on the devices.

    Args:
        measure: measures a batch.
        validation: of `checked_validation`.
        batch_size: likewise.
        mesh: of the devices that share a batch.

    >>> halves = measured_by_batches(lambda x, state: {"mean": x.mean()}, np.array([1.0, 2.0, 6.0]), 2, None)
    >>> halves(None)
    {'mean': array(3., dtype=float32)}
    """
    if batch_size is None and not is_stream(validation):
        placed = _on_devices(validation, mesh)
        return lambda state: measure(placed, state)

    def measured(state: State) -> Any:
        total, sums, found = 0, None, {}
        for batch in _batches(validation, batch_size):
            n = example_count("fit", batch, "validation")
            found = measure(_on_devices(batch, mesh), state)
            total += n
            weighted = jax.tree.map(lambda value: n * np.asarray(value, np.float64), found)  # noqa: B023
            sums = weighted if sums is None else jax.tree.map(np.add, sums, weighted)
        if sums is None:
            return {}
        return jax.tree.map(lambda s, m: np.asarray(s / total, np.result_type(m.dtype, np.float32)), sums, found)

    return measured


def _on_devices(batch: Batch, mesh: Mesh | None) -> Batch:
    return jax.tree.map(jnp.asarray, batch) if mesh is None else put_examples(batch, mesh)


def _batches(validation: Any, batch_size: int | None) -> Iterator[Batch]:
    if batch_size is None:
        with opened(Stream(validation, name="validation")) as batches:
            yield from batches.take(sys.maxsize)
        return
    for start in range(0, example_count("fit", validation), batch_size):
        yield jax.tree.map(lambda a: a[start : start + batch_size], validation)  # noqa: B023
