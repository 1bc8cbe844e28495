"""What is checked at the door: shapes, floating inputs, keys, whole numbers.

Errors say what was expected and what came.
"""

import contextlib
import itertools
import operator
import reprlib
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import DTypeLike


class ShapeError(ValueError):
    """A shape that does not fit; the message says where, what was expected, what came, and the likely fix."""

    __module__ = "jaxnet"  # the name that users import and that tracebacks print


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 6, 120, 200, 40
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = _SHORT.maxfrozenset = _SHORT.maxarray = 8


def written(value: Any) -> str:
    """Return the repr of what a user passed, cut to a line: an error never prints data.

    Args:
        value: anything.

    >>> written([0.5] * 1000)
    '[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, ...]'
    """
    text = " ".join(_SHORT.repr(value).split())
    return text if len(text) <= 300 else f"{text[:200]} ..."


def listed(items: Iterable[Any], most: int = 8) -> str:
    """Return the first items of many, with commas, and how many more there are.

    Args:
        items: anything that `str` writes.
        most: how many are written.

    >>> listed(range(1000), 3)
    '0, 1, 2 and 997 more'
    """
    items = iter(items)
    first = ", ".join(map(str, itertools.islice(items, most)))
    more = sum(1 for _ in items)
    return f"{first} and {more:,} more" if more else first


@contextlib.contextmanager
def located(function: str, place: str = "") -> Iterator[None]:
    """Put the name of the function that was called in front of errors from inside, and then the place.

    Args:
        function: what the user called. It stands in the place of `apply` or `init`, so that a network inside a network
            says `apply` once, and `summary`, which calls `apply` itself, says `summary`.
        place: the layer or node; places inside it follow.

    Raises:
        ShapeError: the one from inside, with both in front.
        TypeError: likewise; JAX's own kinds of it, which are made of tracers and not of text, get a note.

    >>> with located("apply", "layer 2"), located("apply", "node 'f'"):
    ...     raise ShapeError("expected 3, got 4.")
    Traceback (most recent call last):
    jaxnet.ShapeError: apply: layer 2: node 'f': expected 3, got 4.
    """
    try:
        yield
    except (ShapeError, TypeError) as error:
        if type(error) not in (ShapeError, TypeError):
            if place:
                error.add_note(f"In {place}.")
            raise
        message = str(error).removeprefix("apply: ").removeprefix("init: ")
        raise type(error)(": ".join(filter(None, (function, place, message)))) from None


def check_floating(where: str, w: Array, x: Array) -> None:
    """Check that weights and inputs are floating.

    Args:
        where: named in the error.
        w: weights.
        x: inputs.

    Raises:
        TypeError: if either is not.

    >>> check_floating("neuron", jnp.zeros(2), jnp.zeros(2))
    """
    if not jnp.issubdtype(w.dtype, jnp.floating):
        raise TypeError(
            f"{where}: expected floating weights, got {w.dtype}. Convert them, for example w.astype(float)."
        )
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(
            f"{where}: expected floating inputs, got {x.dtype}. Convert them, for example x.astype({w.dtype})."
        )


def check_key(where: str, key: Any) -> None:
    """Check that a key of `jax.random` is one, and a single one.

    Args:
        where: named in the error.
        key: from `jax.random.key`, or from the older `jax.random.PRNGKey`.

    Raises:
        TypeError: if it is something else, such as the seed itself.
        ShapeError: if it is an array of several keys.

    >>> check_key("init", 0)
    Traceback (most recent call last):
    TypeError: init: expected a key, got 0. jax.random.key(0) makes one.
    """
    dtype = getattr(key, "dtype", None)
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not typed and not (dtype == np.uint32 and key.shape[-1:] in ((2,), (4,))):
        seed = key if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < 2**63 else 0
        raise TypeError(f"{where}: expected a key, got {written(key)}. jax.random.key({seed}) makes one.")
    if key.ndim != (0 if typed else 1):
        raise ShapeError(f"{where}: expected one key, got keys of shape {key.shape}. jax.vmap maps over keys.")


def checked_keys(where: str, keys: Any, members: int) -> Array:
    """Return keys of `jax.random`, one for each member of many.

    Args:
        where: named in the error.
        keys: `(members,)` of `jax.random.split`; or the older kind, `(members, 2)` of uint32.
        members: how many there are.

    Raises:
        TypeError: if they are something else, such as a seed.
        ShapeError: if they are not as many.

    >>> checked_keys("train_ensemble", jax.random.split(jax.random.PRNGKey(0), 3), 3).shape
    (3,)
    """
    advice = f"jax.random.split(jax.random.key(0), {members}) makes them."
    dtype = getattr(keys, "dtype", None)
    if dtype == np.uint32 and keys.ndim > 1 and keys.shape[-1] in (2, 4):
        keys = jax.random.wrap_key_data(keys)
    elif dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key):
        raise TypeError(f"{where}: expected a key for each of the {members} members, got {written(keys)}. {advice}")
    if keys.shape != (members,):
        raise ShapeError(
            f"{where}: expected a key for each of the {members} members, got keys of shape {keys.shape}. {advice}"
        )
    return keys


def check_arrays(where: str, name: str, tree: Any, advice: str) -> None:
    """Check that the leaves of a tree are arrays or numbers.

    Args:
        where: named in the error.
        name: what the tree is, named in the error.
        tree: parameters, or a state of a rule.
        advice: the end of the error.

    Raises:
        TypeError: if one is something else, as in a network or a run.

    >>> check_arrays("fit", "params", {"w": jnp.zeros(2), "gain": 1.0, "name": "first"}, "Leave it out.")
    Traceback (most recent call last):
    TypeError: fit: expected arrays in params, got a str in params['name']. Leave it out.
    """
    if all(map(_is_array, jax.tree.leaves(tree))):  # paths take time
        return
    path, leaf = next(pair for pair in jax.tree.leaves_with_path(tree) if not _is_array(pair[1]))
    place = f"{name}{jax.tree_util.keystr(path)}"
    raise TypeError(f"{where}: expected arrays in {name}, got a {type(leaf).__name__} in {place}. {advice}")


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") or isinstance(leaf, bool | int | float | complex)


def check_untraced(where: str, advice: str, *trees: Any) -> None:
    """Check that a function is not called while JAX traces, as under jit, vmap or grad.

    Args:
        where: the function, named in the error.
        advice: what to call instead.
        trees: its arguments.

    Raises:
        TypeError: if it is.

    >>> check_untraced("fit", "jaxnet.train is a pure function.", jnp.zeros(2))
    """
    # Under jit a new array is traced as well, whatever the arguments are.
    leaves = jax.tree.leaves((trees, jnp.zeros(())), is_leaf=lambda node: isinstance(node, Iterator))
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        raise TypeError(f"{where}: expected a call outside of jit, vmap and grad, got traced values. {advice}")


def integers(where: str, name: str, value: Any, dtype: DTypeLike = np.int64) -> np.ndarray:
    """Return a read-only copy of an array of whole numbers, neither rounded nor wrapped.

    Args:
        where: named in the error.
        name: what they are, named in the error.
        value: an array or a nested list.
        dtype: an integer type.

    Returns:
        An array of that type.

    Raises:
        TypeError: if the numbers are not integers.
        ValueError: if one does not fit the type.

    >>> integers("here", "numbers", [1, 2], np.uint8)
    array([1, 2], dtype=uint8)
    """
    array = np.asarray(value)
    kind = array.dtype
    if kind.kind == "f" and not hasattr(value, "dtype"):
        array = np.asarray(value, object)  # NumPy makes floats of Python integers past 63 bits, and of an empty list
    if kind.kind not in "iu" and not all(type(number) is int for number in array.flat):
        raise TypeError(f"{where}: expected integers in {name}, got {kind}.")
    if array.size:
        limits = np.iinfo(dtype)
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            raise ValueError(f"{where}: expected {name} in {limits.min}..{limits.max}, got {low}..{high}.")
    array = array.astype(dtype)
    array.flags.writeable = False
    return array


def whole_number(where: str, name: str, number: Any, low: int = 0, high: int | None = None) -> int:
    """Return a whole number as a Python integer, if it is one and in range.

    Args:
        where: named in the error.
        name: what the number is, named in the error.
        number: a Python, NumPy or JAX integer; no Boolean and no float, not even 2.0.
        low: the smallest that is allowed.
        high: the largest that is allowed; None for no limit.

    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is out of range.

    >>> whole_number("mlp", "a size", np.int64(2), 1)
    2
    >>> whole_number("mlp", "a size", 2.0, 1)
    Traceback (most recent call last):
    TypeError: mlp: expected a size to be a whole number, got 2.0.
    """
    try:
        index = None if isinstance(number, bool | np.bool_) else operator.index(number)
    except TypeError:
        index = None
    if index is None:
        raise TypeError(f"{where}: expected {name} to be a whole number, got {written(number)}.")
    if index < low or (high is not None and index > high):
        expected = f"to be at least {low}" if high is None else f"in {low}..{high}"
        raise ValueError(f"{where}: expected {name} {expected}, got {written(index)}.")
    return index
