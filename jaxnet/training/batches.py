"""Batches of a stream, for data larger than memory.

They are of one shape, each is read while the one before is worked on, and none is read that no step needs.
"""

import contextlib
import inspect
import itertools
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxnet.devices.process_data import from_uneven_parts
from jaxnet.pytrees import Batch
from jaxnet.training.example_arrays import arrays_of
from jaxnet.training.streams import Stream, is_iterable, is_restarted
from jaxnet.validation import ShapeError, written


class _Part(NamedTuple):
    """A batch of NumPy arrays (or, of this process, its part), and in which pass it came."""

    turn: int
    batch: Batch


def _parts(stream: Stream, to_array: Callable[[Any], Any]) -> Iterator[_Part]:
    """Yield the batches of a stream that are wanted, with copies of their arrays: an iterator may fill them again.

    What is opened here is closed when this generator is, as nothing else holds it; the user's own iterator stays open.
    """
    data, first, passes, name, whole = stream
    place = f"a batch of {name}"
    if not is_restarted(data):
        _check_beginning(data, first)
        batches = itertools.islice(data, first, None) if is_iterable(data) else _called(data, first)
        yield from (_Part(0, jax.tree.map(to_array, arrays_of("fit", batch, place))) for batch in batches)
        return
    read = 0
    for turn in itertools.count() if passes is None else range(passes):
        before = read
        for batch in data if is_iterable(data) else _called(data):
            read += 1
            if read > first:
                yield _Part(turn, jax.tree.map(to_array, arrays_of("fit", batch, place)))
        if read == before:
            where = f" in pass {turn} (the first is 0)" if turn else ""
            advice = "" if is_iterable(data) else " A function has to return a new iterator each time."
            raise ValueError(f"fit: expected at least one batch of {name}, got none{where}.{advice}")
    if read < first and whole:
        raise ValueError(
            f"fit: expected the {first:,} batches of {name} that the run has seen, and those after them, got {read:,} "
            f"with epochs={passes}. Ask for more epochs, or for steps."
        )


def _called(function: Any, *first: int) -> Any:
    batches = function(*first)
    if not is_iterable(batches):
        raise TypeError(
            f"fit: expected a function that returns an iterator of batches, got {written(batches)} from it."
        )
    return batches


def _check_beginning(data: Any, first: int) -> None:
    """Refuse a generator that gave the batches before `first` already; other iterators do not tell."""
    if first and inspect.isgenerator(data) and inspect.getgeneratorstate(data) == inspect.GEN_SUSPENDED:
        raise ValueError(
            f"fit: expected an iterator at its beginning, of which the {first:,} batches that the run has seen are to "
            "be left out, got a generator that has begun. Make it anew, or pass a function that makes it."
        )


def _on_device(array: Any) -> jax.Array:
    # JAX reads the memory of a large array after `jnp.array` has returned.
    return array if isinstance(array, jax.Array) else jnp.asarray(np.array(array))


class _Reader:
    """Reads parts in one thread of its own, each when it is asked for, before it is wanted or then.

    The thread does not keep the process from ending, whatever it waits for.
    """

    def __init__(self, parts: Iterator[_Part]) -> None:
        self._orders: SimpleQueue[bool] = SimpleQueue()
        self._results: SimpleQueue[tuple[_Part | None, BaseException | None]] = SimpleQueue()
        self._asked = False
        config: Any = jax.config
        settings = (config.jax_enable_x64, config.jax_default_device)  # which the caller's thread may have alone
        inputs = (parts, self._orders, self._results, *settings)
        self._thread = threading.Thread(target=_serve, args=inputs, name="jaxnet-batches", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Let the next part be read, if it is not being read."""
        if not self._asked:
            self._orders.put(True)
            self._asked = True

    def get(self) -> _Part | None:
        """Return the next part, None at the end, or raise what reading it has raised."""
        self.ask()
        part, error = self._results.get()
        self._asked = False
        if error is not None:
            raise error
        return part

    def close(self) -> None:
        """Let the thread end. It is not waited for while it reads what nobody wants any more."""
        self._orders.put(False)
        if not self._asked:
            self._thread.join()


def _serve(parts: Iterator[_Part], orders: SimpleQueue, results: SimpleQueue, x64: bool, device: Any) -> None:
    with jax.enable_x64(x64), jax.default_device(device):
        while orders.get():
            try:
                results.put((next(parts, None), None))
            except BaseException as error:  # raised where the batch is wanted, with its traceback
                results.put((None, error))


class Batches:
    """Batches of a run, which `take` reads for the steps that need them, and no others."""

    def __init__(self, reader: _Reader, first: int, mesh: Mesh | None) -> None:
        self._reader, self._mesh = reader, mesh
        self._checked = _of_one_shape(self._joined(first), first)
        self._begun = False

    def take(self, count: int) -> Iterator[Batch]:
        """Yield as many batches as there are steps to come, or fewer at the end; each but the first is read ahead.

        Before the first step of a run nothing is read ahead: if it fails, as a loss does that has a mistake, no batch
        but its own is lost.
        """
        for left in reversed(range(count)):
            batch = next(self._checked, None)
            if batch is None:
                return
            if left and self._begun:
                self._reader.ask()
            self._begun = True
            yield batch[1]

    def _joined(self, first: int) -> Iterator[tuple[int, Batch]]:
        """Yield batches of JAX arrays; on a mesh, those of the parts of all processes."""
        like, turn, any_came = None, 0, first > 0
        while True:
            part = self._reader.get()
            batch = None if part is None else part.batch
            if self._mesh is not None:
                joined = from_uneven_parts("fit", batch, like, self._mesh)
                batch, like = joined, like if batch is None else batch
            if batch is None and not any_came:
                raise ValueError("fit: expected at least one batch, got none: the iterator is empty, or used up.")
            if batch is None:
                return
            any_came, turn = True, turn if part is None else part.turn
            yield turn, batch


@contextlib.contextmanager
def opened(stream: Stream, mesh: Mesh | None = None) -> Iterator[Batches]:
    """Open a stream for a run.

    Args:
        stream: what is read.
        mesh: of the devices that share a batch; each process reads its own part of it.

    Yields:
        Batches of JAX arrays, to `take`.

    Raises:
        ShapeError: when taken, if the shapes of a batch differ from those of the first (only the last one of a pass may
            have fewer examples), or if a batch has no examples.
        TypeError: when taken, if something in a batch is no array.
        ValueError: when taken, if there is no batch at all, or none in a pass.

    >>> with opened(Stream(iter([[1.0], [2.0], [3.0]]), first=1)) as batches:
    ...     [batch[0].item() for batch in batches.take(2)]
    [2.0, 3.0]
    """
    reader = _Reader(_parts(stream, _on_device if mesh is None else np.array))
    try:
        yield Batches(reader, stream.first, mesh)
    finally:
        reader.close()


def _of_one_shape(batches: Iterator[tuple[int, Batch]], first: int) -> Iterator[tuple[int, Batch]]:
    """Check the shapes of batches: each further shape would be another program to compile."""
    expected = short = None
    for number, (turn, batch) in enumerate(batches, first):
        shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), batch)
        if any(a.shape[:1] == (0,) for a in jax.tree.leaves(shapes)):
            raise ShapeError(f"fit: expected at least one example in batch {number} (the first is 0), got none.")
        expected = shapes if expected is None else expected
        if short is not None and short[0] != turn:
            short = None
        if short is not None or not (shapes == expected or _is_shorter(shapes, expected)):
            found, number = (shapes, number) if short is None else (short[1], number - 1)
            raise ShapeError(
                f"fit: expected batches of the same shapes, {_shapes(expected)}, got {_shapes(found)} for batch "
                f"{number} (the first is 0). Only the last one may have fewer examples: fill it up, or leave it out."
            )
        short = (turn, shapes) if shapes != expected else None
        yield turn, batch


def _is_shorter(shapes: Any, expected: Any) -> bool:
    """Return whether shapes differ from the expected ones in that there are fewer examples, and in nothing else."""
    rows = {a.shape[:1] for a in jax.tree.leaves(shapes)}
    if len(rows) != 1 or () in rows:
        return False
    (n,) = rows.pop()
    fewer = jax.tree.map(lambda a: jax.ShapeDtypeStruct((min(n, *a.shape[:1]), *a.shape[1:]), a.dtype), expected)
    return shapes == fewer


def _shapes(shapes: Any) -> str:
    return written(jax.tree.map(lambda a: (a.shape, a.dtype.name), shapes))
