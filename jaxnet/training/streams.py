"""What batches come from: an iterator, a loader or a function, told from arrays, and how often it is read."""

import contextlib
import inspect
from collections.abc import Iterator, Mapping, Set
from typing import Any, NamedTuple

import jax

from jaxnet.training.example_arrays import is_sparse
from jaxnet.validation import whole_number


def is_stream(data: Any) -> bool:
    """Return whether data come as batches: from an iterator, a loader or a function that returns one of them.

    Args:
        data: what the user passed. An iterable that JAX takes for a tree, as a list, is no stream; nor is one that
            NumPy takes for an array, as a table of pandas.

    >>> import numpy as np
    >>> is_stream(iter([np.ones(2)])), is_stream([np.ones(2)]), is_stream(np.ones(2))
    (True, False, False)
    """
    if callable(data) or isinstance(data, Iterator):
        return True
    no_batches = isinstance(data, str | bytes | Set | Mapping) or hasattr(data, "__array__") or is_sparse(data)
    return hasattr(data, "__iter__") and not no_batches and jax.tree_util.all_leaves([data])


def is_restarted(data: Any) -> bool:
    """Return whether a stream can be read again and again, pass after pass: a loader, or a function of no arguments.

    Args:
        data: a stream.

    Raises:
        TypeError: if it is a function of which one cannot tell whether it takes the number of batches to leave out.

    >>> is_restarted(lambda: iter([1.0])), is_restarted(lambda first: iter([1.0][first:])), is_restarted(iter([1.0]))
    (True, False, False)
    """
    if is_iterable(data):
        return not isinstance(data, Iterator)
    try:
        signature = inspect.signature(data)
    except (TypeError, ValueError):  # a function of C that does not tell
        return False
    takes_none, takes_one = _takes(signature), _takes(signature, 0)
    optional = next(iter(signature.parameters.values()), None) if takes_none and takes_one else None
    told = optional is None or optional.name == "first" or optional.kind == inspect.Parameter.VAR_POSITIONAL
    if not told or not (takes_none or takes_one):
        raise TypeError(
            "fit: expected a function of no arguments, or of the number of batches to leave out, got one of "
            f"{str(signature)[:200]}. Pass lambda: function(...), or lambda first: function(...)."
        )
    return not takes_one


def _takes(signature: inspect.Signature, *arguments: int) -> bool:
    with contextlib.suppress(TypeError):
        signature.bind(*arguments)
        return True
    return False


def is_iterable(data: Any) -> bool:
    """Return whether one can go over something as it is; a class is called, its instances may be iterable.

    Args:
        data: a stream, or what a function has returned.

    >>> is_iterable([1]), is_iterable(list)
    (True, False)
    """
    return hasattr(type(data), "__iter__")


def batch_count(data: Any) -> int | None:
    """Return how many batches a loader says that it has in a pass; None if it does not say.

    Args:
        data: a stream.

    >>> batch_count(iter([1.0]))
    """
    with contextlib.suppress(TypeError, NotImplementedError):
        return len(data)
    return None


def checked_epochs(data: Any, steps: int | None, epochs: int | None, batch_size: int | None) -> int | None:
    """Return how many passes over a stream are asked for, if that goes with the stream and the other numbers of a run.

    Args:
        data: a stream.
        steps: of the run, or None.
        epochs: likewise.
        batch_size: likewise.

    Raises:
        TypeError: if an argument does not go with the stream, or with another one.
        ValueError: if `epochs` is out of range.

    >>> checked_epochs(lambda: iter([1.0]), None, 3, None)
    3
    """
    restarted = is_restarted(data)
    if batch_size is not None:
        raise TypeError("fit: expected no batch_size, since the data have batches of their own, got one.")
    if epochs is None:
        return None
    if not restarted:
        raise TypeError(
            "fit: expected no epochs, since the data can be read only once, got some. Epochs are passes over a loader, "
            "or over what a function of no arguments returns: lambda: batches."
        )
    if steps is not None:
        raise TypeError("fit: expected either steps or epochs, got both.")
    return whole_number("fit", "epochs", epochs)


class Stream(NamedTuple):
    """Batches as the user gave them, and how many times they are read.

    Attributes:
        data: an iterator of pytrees of arrays, read once; a function from the number of batches to leave out to one; or
            what can be read again, pass after pass: an iterable, or a function of no arguments.
        first: the number of the first batch that is wanted. Those before it are read and dropped, but by a function
            that is told.
        passes: over what can be read again; None for as many as it takes.
        name: what it is, named in errors.
        whole: whether this process reads all of each batch, so that as many come as anybody has seen.
    """

    data: Any
    first: int = 0
    passes: int | None = 1
    name: str = "data"
    whole: bool = True
