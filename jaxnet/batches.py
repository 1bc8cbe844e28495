"""Batches from an iterator, for data larger than memory: read one ahead of the computation, all of one shape."""

import contextlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.validation import ShapeError


@contextlib.contextmanager
def one_ahead(data: Any, first: int) -> Iterator[Iterator[Any]]:
    """Batches, of which the next one is read and put on the device while one is worked on.

    Args:
        data: an iterator of batches, pytrees of arrays; or a function that gives one from how many to leave out.
        first: the number of the first batch that is wanted; of an iterator those before are read and dropped.

    Yields:
        An iterator of batches of JAX arrays; inside it a thread reads.

    Raises:
        ShapeError: from the iterator, if a batch has another shape than the one before.

    >>> with one_ahead(iter([[1.0], [2.0], [3.0]]), first=1) as batches:
    ...     [batch[0].item() for batch in batches]
    [2.0, 3.0]
    """
    given: Any = data(first) if callable(data) else itertools.islice(data, first, None)
    batches = iter(given)

    def read() -> Any:
        for batch in batches:
            return jax.tree.map(jnp.asarray, batch)
        return None

    def ahead(pool: ThreadPoolExecutor) -> Iterator[Any]:
        shapes, coming = None, pool.submit(read)
        for number in itertools.count(first):
            batch = coming.result()
            if batch is None:
                return
            coming = pool.submit(read)
            found = jax.tree.map(lambda a: (a.shape, a.dtype.name), batch)
            if shapes is not None and found != shapes:
                raise ShapeError(
                    f"fit: expected batches of the same shapes, {shapes}, got {found} for batch {number} (the first is "
                    "0). Leave out a last batch that is smaller, or fill it up."
                )
            shapes = found
            yield batch

    pool = ThreadPoolExecutor(1, "jaxnet-batches")
    try:
        yield ahead(pool)
    finally:
        # Not waited for: an iterator may take as long as it likes for a batch that nobody wants.
        pool.shutdown(wait=False, cancel_futures=True)
