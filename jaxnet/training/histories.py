"""What a run has measured: a table that grows by rows, and the same table on file, which is appended to.

A row has what one step, or one evaluation, has measured: any pytree of arrays. The file holds blocks of rows, each a
line of JSON, which names its arrays, and their bytes; never pickle.
"""

import collections
import json
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.validation import ShapeError


class Table(NamedTuple):
    """Rows of metrics. The arrays have room for more, so that a row costs the same however many there are.

    Attributes:
        structure: of the tree of metrics; None as long as there are no rows.
        columns: its leaves, arrays `(room, ...)`.
        rows: how many are filled.
    """

    structure: Any = None
    columns: tuple[np.ndarray, ...] = ()
    rows: int = 0

    def extended(self, more: Any) -> "Table":
        """Return the table with more rows: a tree of arrays `(rows, ...)`, all with the same number of them.

        The room is shared: after this, only the table returned is to be extended.

        Raises:
            ShapeError: if they are not those that the table has, or of other shapes.

        >>> Table().extended({"loss": np.ones(2)}).extended({"loss": np.zeros(1)}).tree()
        {'loss': array([1., 1., 0.])}
        """
        leaves, structure = jax.tree.flatten(more)
        if not leaves or not len(leaves[0]):
            return self
        if self.structure is None:
            return Table(structure, tuple(leaves), len(leaves[0]))
        if structure != self.structure and _paths(structure) != _paths(self.structure):
            raise ShapeError(
                f"fit: expected the metrics that were measured before, {_paths(self.structure)}, got "
                f"{_paths(structure)}."
            )
        rows = self.rows + len(leaves[0])
        columns = tuple(_filled(*pair, self.rows, rows) for pair in zip(self.columns, leaves, strict=True))
        return Table(structure, columns, rows)

    def tree(self, first: int = 0) -> Any:
        """Return the rows from `first` on, as a tree of arrays that cannot be written to; {} if there are none."""
        if self.structure is None:
            return {}
        views = [column[first : self.rows] for column in self.columns]
        for view in views:
            view.flags.writeable = False
        return self.structure.unflatten(views)

    def copy(self) -> Any:
        """Return all rows as a tree of arrays of the caller's own."""
        return jax.tree.map(np.array, self.tree())


def _filled(column: np.ndarray, more: np.ndarray, start: int, end: int) -> np.ndarray:
    if more.shape[1:] != column.shape[1:]:
        raise ShapeError(
            f"fit: expected a metric of shape {column.shape[1:]} at each step, got {more.shape[1:]} after {start:,} "
            "records. A metric of each example needs batches of one size."
        )
    kind = column.dtype if column.dtype == more.dtype else np.result_type(column, more)
    if end > len(column) or kind != column.dtype:
        larger = np.empty((max(end, 2 * len(column)), *column.shape[1:]), kind)
        larger[:start] = column[:start]
        column = larger
    column[start:end] = more
    return column


def _paths(structure: Any) -> list[str]:
    tree = structure.unflatten(range(structure.num_leaves))
    return [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(tree)]


# The structure of a table on file.


def as_record(tree: Any) -> Any:
    """Return what JSON holds of a structure of dicts, lists, tuples, named tuples and None.

    Raises:
        TypeError: if there is another kind of node.

    >>> as_record({"loss": np.ones(2), "norms": (np.ones(2), None)})
    {'dict': [['loss', 'array'], ['norms', {'tuple': ['array', None]}]]}
    """
    if tree is None:
        return None
    if type(tree) is dict:
        return {"dict": [[name, as_record(value)] for name, value in tree.items()]}
    if type(tree) in (list, tuple):
        return {type(tree).__name__: [as_record(value) for value in tree]}
    if isinstance(tree, tuple) and (fields := getattr(tree, "_fields", None)):
        return {"namedtuple": [type(tree).__name__, *([n, as_record(v)] for n, v in zip(fields, tree, strict=True))]}
    if not isinstance(tree, np.ndarray):
        raise TypeError(
            f"fit: expected metrics in dicts, lists, tuples and named tuples, to keep them in a checkpoint, got "
            f"{type(tree).__name__}. Return a dict."
        )
    return "array"


def from_record(record: Any) -> Any:
    """Return a tree of the structure of which `as_record` made a record, with 0 for each array.

    >>> from_record({"dict": [["loss", "array"], ["norms", {"tuple": ["array", None]}]]})
    {'loss': 0, 'norms': (0, None)}
    """
    if record is None:
        return None
    if record == "array":
        return 0
    ((kind, parts),) = record.items()
    if kind == "dict":
        return {name: from_record(value) for name, value in parts}
    if kind == "namedtuple":
        name, *fields = parts
        return collections.namedtuple(name, [n for n, _ in fields])(*(from_record(v) for _, v in fields))
    return {"list": list, "tuple": tuple}[kind](from_record(value) for value in parts)


# Blocks of rows on file.

_BEGINNING = b'[["['  # of a block: JSON, a list of arrays that are named by paths, as ['history']['loss']


class Appended(NamedTuple):
    """How much of a file of blocks counts: what was appended, and then said to count, is never lost.

    Attributes:
        size: in bytes. What comes after was appended by a writer that was killed, and is overwritten.
        crc32: of these bytes.
    """

    size: int = 0
    crc32: int = 0


def append(path: Path, before: Appended, arrays: dict[str, np.ndarray]) -> Appended:
    """Append a block of arrays to a file, on disk when this returns; its directory is not synchronised.

    Args:
        path: the file, made if it does not exist.
        before: how much of it counts.
        arrays: by name, of any numeric dtype.

    Returns:
        How much of it counts now, once the caller has kept this.
    """
    # NumPy has no names of its own for the dtypes of JAX, so bytes are written, and not arrays.
    arrays = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    head = json.dumps([[name, str(a.dtype), a.shape] for name, a in arrays.items()]).encode() + b"\n"
    block = head + b"".join(a.reshape(-1).view(np.uint8).tobytes() for a in arrays.values())
    with open(path, "r+b" if before.size else "wb") as file:
        file.truncate(before.size)
        file.seek(before.size)
        file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return Appended(before.size + len(block), zlib.crc32(block, before.crc32))


def is_appended(path: Path) -> bool:
    """Return whether there is a file that begins as `append` lets it, and so is none of the user's own.

    Args:
        path: a file, which need not exist.
    """
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        beginning = file.read(len(_BEGINNING))
    return _BEGINNING.startswith(beginning)  # a writer that was killed at once leaves an empty one


def blocks(path: Path, counts: Appended) -> list[dict[str, np.ndarray]]:
    """Return the blocks of a file, as they were appended.

    Raises:
        ValueError: if the bytes are not those that count.
        FileNotFoundError: if there is no file.
    """
    with open(path, "rb") as file:
        data = file.read(counts.size)
    if len(data) < counts.size or zlib.crc32(data) != counts.crc32:
        raise ValueError(f"its first {counts.size:,} bytes are not those that were written")
    found, position = [], 0
    while position < len(data):
        end = data.index(b"\n", position) + 1
        head, position, block = json.loads(data[position:end]), end, {}
        for name, kind, shape in head:
            block[name] = np.ndarray(shape, jnp.dtype(kind), data, position)
            position += block[name].nbytes
        found.append(block)
    return found
