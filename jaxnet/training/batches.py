"""Batches from an iterator, for data larger than memory: read one ahead of the computation, all of one shape."""

import contextlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxnet.devices.process_data import from_uneven_parts
from jaxnet.pytrees import Batch
from jaxnet.validation import ShapeError


@contextlib.contextmanager
def prefetched(data: Any, first: int, mesh: Mesh | None = None) -> Iterator[Iterator[Batch]]:
    """Iterate over batches, of which the next one is read while one is worked on.

    Args:
        data: an iterator of batches, pytrees of arrays; or a function from the number of batches to leave out to one.
        first: the number of the first batch that is wanted; an iterator's batches before it are read and dropped.
        mesh: of the devices that share a batch; each process reads its own part of it.

    Yields:
        An iterator of batches of JAX arrays, which a thread reads.

    Raises:
        ShapeError: from the iterator, if the shapes of a batch differ from those of the first (only the last one may
            have fewer examples), or if a batch has no examples.

    >>> with prefetched(iter([[1.0], [2.0], [3.0]]), first=1) as batches:
    ...     [batch[0].item() for batch in batches]
    [2.0, 3.0]
    """
    given: Any = data(first) if callable(data) else itertools.islice(data, first, None)
    parts = iter(given)

    def read() -> Batch | None:
        for part in parts:
            return jax.tree.map(jnp.asarray if mesh is None else np.asarray, part)
        return None

    def ahead(pool: ThreadPoolExecutor) -> Iterator[Batch]:
        like, coming = None, pool.submit(read)
        while True:
            part = coming.result()
            coming = pool.submit(read)
            batch = part if mesh is None else from_uneven_parts("fit", part, like, mesh)
            if batch is None:
                return
            like = like if part is None else part
            yield batch

    pool = ThreadPoolExecutor(1, "jaxnet-batches")
    try:
        yield _of_one_shape(ahead(pool), first)
    finally:
        # Not waited for: an iterator may take as long as it likes for a batch that nobody wants.
        pool.shutdown(wait=False, cancel_futures=True)


def _of_one_shape(batches: Iterator[Batch], first: int) -> Iterator[Batch]:
    """Check the shapes of batches: each further shape would be another program to compile."""
    expected = short = None
    for number, batch in enumerate(batches, first):
        shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), batch)
        if any(a.shape[:1] == (0,) for a in jax.tree.leaves(shapes)):
            raise ShapeError(f"fit: expected at least one example in batch {number} (the first is 0), got none.")
        expected = shapes if expected is None else expected
        if short is not None or not (shapes == expected or _is_shorter(shapes, expected)):
            found, number = (shapes, number) if short is None else (short, number - 1)
            raise ShapeError(
                f"fit: expected batches of the same shapes, {_written(expected)}, got {_written(found)} for batch "
                f"{number} (the first is 0). Only the last one may have fewer examples: fill it up, or leave it out."
            )
        short = shapes if shapes != expected else None
        yield batch


def _is_shorter(shapes: Any, expected: Any) -> bool:
    """Return whether shapes differ from the expected ones in that there are fewer examples, and in nothing else."""
    rows = {a.shape[:1] for a in jax.tree.leaves(shapes)}
    if len(rows) != 1 or () in rows:
        return False
    (n,) = rows.pop()
    fewer = jax.tree.map(lambda a: jax.ShapeDtypeStruct((min(n, *a.shape[:1]), *a.shape[1:]), a.dtype), expected)
    return shapes == fewer


def _written(shapes: Any) -> Any:
    return jax.tree.map(lambda a: (a.shape, a.dtype.name), shapes)
