"""Examples as users have them, made arrays: those of NumPy, pandas or PyTorch, and lists of numbers.

What would lose something is refused, as masked values or whole numbers past 32 bits.
"""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.pytrees import Batch
from jaxnet.validation import listed

_Number = bool | int | float | complex | np.number | np.bool_
_CONTAINERS = "arrays of numbers with examples along the first axis, or a tuple or dict of such arrays"


def arrays_of(where: str, data: Any, name: str = "data") -> Batch:
    """Return data as a pytree of arrays that JAX takes.

    A list of numbers, or of lists of them, is an array; any other list is a pytree, as for JAX. A list of tuples (or of
    other trees) may be batches, examples or one pytree: it is refused.

    Args:
        where: named in the error.
        data: a pytree; its leaves are arrays of JAX or NumPy, lists of numbers, or have an `__array__`, as those of
            pandas and PyTorch do.
        name: what they are, named in the error.

    Returns:
        A pytree of NumPy and JAX arrays, in the byte order of this machine, and of numbers.

    Raises:
        TypeError: if something is no array, or an array holds no numbers.
        ValueError: if values are masked, lists are of unequal lengths, or whole numbers are past the 32 bits of JAX.

    >>> arrays_of("fit", ([[1.0, 2.0], [3.0, 4.0]], np.ones(2, ">f4")))
    (array([[1., 2.],
           [3., 4.]], dtype=float32), array([1., 1.], dtype=float32))
    >>> arrays_of("fit", np.ma.masked_equal([1.0, -1.0, 2.0], -1))
    Traceback (most recent call last):
    ValueError: fit: expected no masked values in data, got 1 of 3. Fill them by .filled(0), and pass the mask
    beside, for jaxnet.masked_mean.
    """
    if data is None:
        raise TypeError(f"{where}: expected {name}, got None. Pass {_CONTAINERS}.")
    _refuse_list_of_trees(where, data, name)
    try:
        leaves, structure = jax.tree.flatten_with_path(data, is_leaf=_is_leaf)
    except (TypeError, ValueError) as error:  # keys of a dict that have no order
        raise TypeError(f"{where}: expected {name} to be a pytree of JAX: {str(error)[:200]}") from error
    return structure.unflatten(
        [leaf if _is_fine(leaf) else _array(where, name + jax.tree_util.keystr(path), leaf) for path, leaf in leaves]
    )


@contextlib.contextmanager
def non_finite_data_noted(data: Batch) -> Iterator[None]:
    """Add to a `FloatingPointError` that the data themselves have values that are not finite, if they have.

    Args:
        data: a pytree of arrays, on the devices of this process or of all.

    >>> try:
    ...     with non_finite_data_noted({"x": jnp.array([1.0, jnp.nan])}):
    ...         raise FloatingPointError("loss is nan")
    ... except FloatingPointError as error:
    ...     print(error.__notes__[0])
    The data have values that are not finite: data['x'] 1 of 2.
    """
    try:
        yield
    except FloatingPointError as error:
        leaves = [leaf for leaf in jax.tree.leaves_with_path(data) if jnp.issubdtype(leaf[1].dtype, jnp.inexact)]
        counts = [(path, int(jnp.sum(~jnp.isfinite(leaf))), leaf.size) for path, leaf in leaves]
        bad = [f"data{jax.tree_util.keystr(path)} {count:,} of {size:,}" for path, count, size in counts if count]
        if bad:
            error.add_note(f"The data have values that are not finite: {listed(bad)}.")
        raise


def _is_leaf(node: Any) -> bool:
    return (isinstance(node, list) and _is_numbers(node)) or is_sparse(node) or isinstance(node, Iterator)


def _is_numbers(node: Any) -> bool:
    """Return whether there are numbers, or texts, in a list and in the lists and tuples in it, and nothing else."""
    return all(map(_is_numbers, node)) if isinstance(node, list | tuple) else isinstance(node, _Number | str)


def is_sparse(node: Any) -> bool:
    """Return whether something is a sparse array of JAX or SciPy.

    Args:
        node: anything.

    >>> is_sparse(np.ones(3))
    False
    """
    of_jax = sys.modules.get("jax.experimental.sparse")  # None where nobody has imported it
    return type(node).__module__.startswith("scipy.sparse") or (of_jax and isinstance(node, of_jax.JAXSparse)) or False


def _refuse_list_of_trees(where: str, data: Any, name: str) -> None:
    if not isinstance(data, list) or not data or _is_numbers(data):
        return
    kinds = {jax.tree.structure(item, is_leaf=_is_leaf) for item in data}
    if len(kinds) == 1 and not jax.tree_util.treedef_is_leaf(kinds.pop()):
        raise TypeError(
            f"{where}: expected {_CONTAINERS}, got a list of {len(data):,} {type(data[0]).__name__}s. For batches pass "
            f"a function, lambda: {name}, to fit; for one pytree tuple({name}); single examples have to be stacked, "
            f"jax.tree.map(lambda *rows: np.stack(rows), *{name})."
        )


def _is_fine(leaf: Any) -> bool:
    """Return whether JAX takes a leaf as it is, and loses nothing."""
    if isinstance(leaf, jax.Array | bool | int | float | complex):
        return True
    return type(leaf) is np.ndarray and leaf.dtype.isnative and leaf.dtype in _PLAIN


_PLAIN = frozenset(map(np.dtype, ("?", "b", "h", "i", "B", "H", "I", "e", "f", "F")))
_KINDS = {
    "O": "objects. Convert them, for example by .astype(float)",
    "M": "dates. Convert them, for example to days since the first: (x - x.min()) / np.timedelta64(1, 'D')",
    "m": "times. Convert them, for example to seconds: x / np.timedelta64(1, 's')",
    "V": "records. Take their fields by name, or stack them",
} | dict.fromkeys("USTa", "text. Number it, for example by np.unique(..., return_inverse=True)[1]")


def _array(where: str, place: str, leaf: Any) -> np.ndarray:
    """Return one array of numbers in the byte order of this machine."""
    if isinstance(leaf, np.ma.MaskedArray):
        masked = int(np.ma.count_masked(leaf))
        if masked:
            raise ValueError(
                f"{where}: expected no masked values in {place}, got {masked:,} of {leaf.size:,}. Fill them by "
                ".filled(0), and pass the mask beside, for jaxnet.masked_mean."
            )
        leaf = leaf.data
    if is_sparse(leaf):
        raise TypeError(
            f"{where}: expected dense arrays, got a sparse one in {place}. Make it dense, by toarray() or todense()."
        )
    array = leaf if isinstance(leaf, np.ndarray) else _converted(where, place, leaf)
    if array.dtype.kind == "O":
        array = _of_objects(array)
    kind = array.dtype
    # Those of `ml_dtypes`, such as bfloat16, are records to NumPy and numbers to JAX.
    if kind.kind not in "biufc" and not jnp.issubdtype(kind, np.number):
        raise TypeError(f"{where}: expected numbers in {place}, got {_KINDS.get(kind.kind, kind)}.")
    return np.asarray(_narrowed(where, place, array))  # of a subclass, as np.matrix, the array


def _narrowed(where: str, place: str, array: np.ndarray) -> np.ndarray:
    """Return numbers in the type that JAX would give them, if they all fit it; JAX would not say."""
    kind, wide = array.dtype, array.dtype.kind in "iufc" and array.dtype.itemsize >= 8
    if not wide:
        return array if kind.isnative else array.astype(kind.newbyteorder("="))
    to = jax.dtypes.canonicalize_dtype({"i": np.int64, "u": np.uint64, "f": float, "c": complex}[kind.kind])
    if kind.kind in "iu" and array.size:
        limits, low, high = np.iinfo(to), int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            raise ValueError(
                f"{where}: expected whole numbers in {limits.min}..{limits.max} in {place}, got {low}..{high}. JAX "
                "would keep their last 32 bits: make floats of them, or set jax_enable_x64."
            )
    try:
        with np.errstate(over="raise"):
            return array.astype(to, copy=False)
    except FloatingPointError:
        most = np.finfo(to).max
        raise ValueError(
            f"{where}: expected numbers up to {most:.2g} in {place}, got larger ones, which would be infinite in {to}. "
            "Scale them, or set jax_enable_x64."
        ) from None


def _converted(where: str, place: str, leaf: Any) -> np.ndarray:
    """Return a leaf of another library, or a list, as an array of NumPy."""
    if isinstance(leaf, list):
        try:
            return np.asarray(leaf)
        except ValueError:
            message = f"{where}: expected lists of equal lengths in {place}, got a list of {len(leaf):,} that differ."
            raise ValueError(f"{message} Fill them up, or make arrays of them.") from None
    if not hasattr(leaf, "__array__"):
        raise TypeError(f"{where}: expected {_CONTAINERS}, got {_described(leaf)} in {place}.{_advice(leaf)}")
    try:
        return np.asarray(leaf)
    except Exception as error:  # a tensor on another device, or one that is part of a graph
        message = f"{where}: {place}, {_described(leaf)}, makes no array of NumPy: {str(error)[:200]}"
        raise TypeError(message) from error


def _described(leaf: Any) -> str:
    kind = type(leaf)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}.{kind.__name__}"
    return f"a {name}"


def _advice(leaf: Any) -> str:
    if isinstance(leaf, str | bytes):
        return " Load the file first, as by np.load."
    if isinstance(leaf, Mapping):
        return " Make a dict of it: dict(data)."
    if hasattr(leaf, "__iter__") or callable(leaf):
        return " jaxnet.fit takes an iterator of batches, or a loader, in the place of data as a whole."
    if hasattr(leaf, "__getitem__"):
        return " Stack its examples, or give fit a loader of its batches."
    return ""


def _of_objects(array: np.ndarray) -> np.ndarray:
    """Return an array of objects, as pandas makes of columns of several types, as one of numbers, if all are."""
    try:
        numbers = np.asarray(array.tolist())
    except ValueError:  # lists of unequal lengths
        return array
    return numbers if numbers.shape == array.shape and numbers.dtype.kind in "biufcUS" else array
