"""Checkpoints: a tree of arrays as one safetensors file, which is whole whenever the writer is killed; never pickle.

Every leaf is a tensor named by its path, so any reader of safetensors sees plain arrays. A JSON header in the file's
`__metadata__` says what each leaf is, with a CRC-32 of its bytes, and has one itself: a damaged file is not loaded.
"""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.devices.processes import is_first
from jaxnet.devices.sharding import as_numpy, put_on_devices

_FORMAT = 1
_LONGEST_HEADER = 25_000_000  # characters; safetensors stops at 100 MB, and writes these with escapes
_SHOWN = 5  # leaves in one error
# Held by every version of safetensors that pyproject.toml allows, and read back by safetensors.numpy.
_NATIVE = {"bool", "float16", "float32", "float64", "bfloat16"}
_NATIVE |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_PYTHON = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}
_ARRAYS = jax.Array | np.ndarray | np.generic


class CheckpointError(ValueError):
    """A file that is no whole checkpoint, or one of another tree; the message names the leaf and what was expected."""

    __module__ = "jaxnet"  # the name that users import and that tracebacks print


def save(path: str | os.PathLike[str], tree: Any, metadata: Mapping[str, Any] | None = None) -> None:
    """Save a tree of arrays in one file, which is replaced only when the new one is complete and on disk.

    The bytes go to `path` + ".partial" in the same directory, which then takes the place of `path`: killed at any
    moment, the process leaves the old file or the new one. After an error the old file is as it was. Missing
    directories are made; where `path` is a link, the file that it names is replaced.

    Arrays that are split over several processes go into one file too: all processes call it, and process 0 writes.
    Arrays that each process has a copy of are not sent.

    Args:
        path: the file, by custom `*.safetensors`.
        tree: a pytree of JAX and NumPy arrays of any shape and numeric dtype, typed PRNG keys, and Python's bool, int
            (of 64 bits), float and complex. None and empty containers are structure. Dtypes that safetensors lacks are
            stored as their bytes (float8, int4) or as pairs of real numbers (complex), all of them bit for bit.
        metadata: a dict that JSON can hold: text as keys, lists instead of tuples, no NaN.

    Raises:
        TypeError: if a leaf is none of these, or if the metadata are not JSON.
        ValueError: if two leaves have the same path, if an integer has more than 64 bits, or if the header would be
            longer than safetensors allows.
        OSError: if the file cannot be written.
        RuntimeError: if another process writes the same file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.safetensors", {"w": jnp.ones(2), "step": 3}, {"name": "first"})
    ...     load(f"{folder}/run.safetensors", like={"w": jnp.zeros(2), "step": 0})
    {'step': 3, 'w': Array([1., 1.], dtype=float32)}
    """
    from safetensors.numpy import save as serialize

    metadata = _as_json(metadata)
    leaves, structure = _described("save", tree, _ARRAYS)
    shared = any(isinstance(leaf, jax.Array) and not leaf.is_fully_addressable for leaf, _ in leaves.values())
    tensors, records = {}, {}
    for name, (leaf, record) in leaves.items():
        tensor = tensors[name] = _tensor(name, leaf, record)
        records[name] = {**record, **_extras(name, leaf), "crc32": _crc32(_bytes(tensor))}
    header = {
        "format": _FORMAT,
        "jaxnet": version("jaxnet-circuits"),
        "jax": jax.__version__,
        "structure": str(structure),
        "leaves": records,
        "metadata": metadata,
    }
    if shared and not is_first():
        return
    text = json.dumps(header)
    if len(text) > _LONGEST_HEADER:
        raise ValueError(
            f"save: expected a header of at most {_LONGEST_HEADER:,} characters, got {len(text):,}, "
            f"{len(json.dumps(metadata)):,} of them metadata. Save what is long as an array in the tree."
        )
    _replace(Path(path), serialize(tensors, {"jaxnet": text, "crc32": _crc32(text.encode())}))


def load(path: str | os.PathLike[str], like: Any) -> Any:
    """Load a tree that `save` saved; nothing is cast and nothing is guessed.

    Args:
        path: the file.
        like: a tree with the leaves of the saved one, whose values are not used: JAX arrays, typed keys or
            `jax.ShapeDtypeStruct`; NumPy arrays; Python's bool, int, float and complex.

    Returns:
        A tree of the structure of `like`; leaves are matched by their paths. A leaf is a NumPy array where `like` has
        one, and a JAX array where `like` has one or a `jax.ShapeDtypeStruct`: with the sharding of that leaf, if it is
        committed to one, else on the default device. A weakly typed array stays weakly typed.

    Raises:
        CheckpointError: if the file is no whole checkpoint; or if a leaf is missing, is not in `like`, or has another
            kind, shape or dtype; or if a leaf has 64 bits where JAX has them turned off.
        FileNotFoundError: if there is no file.
        TypeError: if a leaf of `like` is none of these.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.safetensors", {"w": jnp.ones(2)})
    ...     load(f"{folder}/run.safetensors", like={"w": jax.ShapeDtypeStruct((2,), jnp.float32)})
    {'w': Array([1., 1.], dtype=float32)}
    """
    return load_tree("load", path, like)


def load_tree(where: str, path: str | os.PathLike[str], like: Any) -> Any:
    """Do what `load` does, with another name in the errors.

    Args:
        where: the function that the user called.
        path: the file.
        like: a tree with the leaves of the saved one.
    """
    leaves, structure = _described(where, like, _ARRAYS | jax.ShapeDtypeStruct)
    with _opened(where, path) as (file, header):
        found = header["leaves"]
        differences = list(_differences(leaves, found))
        if differences:
            lines = [f"{where}: {path}: {len(differences)} of its leaves and those of `like` do not match:"]
            lines += [f"  {line}" for line in differences[:_SHOWN]]
            lines += [f"  and {len(differences) - _SHOWN} more"] * (len(differences) > _SHOWN)
            lines += ["Pass a `like` made as the saved tree was; jaxnet.read_header tells what the file holds."]
            raise CheckpointError("\n".join(lines))
        values = []
        for name, (leaf, record) in leaves.items():
            tensor = file.get_tensor(name)
            crc32 = _crc32(_bytes(tensor))
            if crc32 != found[name]["crc32"]:
                what = f"leaf {_shown(name)} has CRC-32 {crc32}, expected {found[name]['crc32']}"
                raise _damaged(where, path, what)
            values.append(_placed(_value(tensor, leaf, record), leaf, found[name]))
    return structure.unflatten(values)


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a checkpoint holds, without its arrays.

    Args:
        path: the file.

    Returns:
        A dict: `leaves`, by path a dict of `kind` ("array", "key", "int", ...), `dtype`, `shape` and more; the caller's
        `metadata`; `structure`, the tree as text; `format`, `jaxnet` and `jax`, the versions that wrote it.

    Raises:
        CheckpointError: if the file is no whole checkpoint; the bytes of the arrays are not read.
        FileNotFoundError: if there is no file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.safetensors", {"history": jnp.ones((3, 2))}, {"epochs": 3})
    ...     header = read_header(f"{folder}/run.safetensors")
    >>> header["leaves"]["['history']"]["shape"], header["metadata"]
    ([3, 2], {'epochs': 3})
    """
    return load_header("read_header", path)


def load_header(where: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Do what `read_header` does, with another name in the errors.

    Args:
        where: the function that the user called.
        path: the file.
    """
    with _opened(where, path) as (_, header):
        return header


def _described(where: str, tree: Any, arrays: Any) -> tuple[dict[str, tuple[Any, dict[str, Any]]], Any]:
    """Return the leaves by name, each with the record that says what it is, and the structure."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
    named = {}
    for key_path, leaf in leaves:
        name = jax.tree_util.keystr(key_path)
        if name in named or name == "__metadata__":  # the latter is safetensors' own
            raise ValueError(
                f"{where}: expected a path of its own for each leaf, got {name} twice or reserved. "
                f"Give the nodes other keys, see jax.tree_util.register_pytree_with_keys."
            )
        named[name] = leaf, _record(where, name, leaf, arrays)
    return named, structure


def _record(where: str, name: str, leaf: Any, arrays: Any) -> dict[str, Any]:
    if type(leaf) in _PYTHON:
        return {"kind": type(leaf).__name__, "dtype": _PYTHON[type(leaf)], "shape": []}
    if not isinstance(leaf, arrays) or np.ma.isMaskedArray(leaf):
        raise TypeError(
            f"{where}: leaf {_shown(name)}: expected an array or a number, got {type(leaf).__name__}. "
            f"Take it out of the tree; text and settings go into metadata."
        )
    record = {"kind": "array", "dtype": str(leaf.dtype), "shape": list(leaf.shape)}
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return {**record, "kind": "key"}
    if _storage(leaf.dtype) is None:
        raise TypeError(
            f"{where}: leaf {_shown(name)}: expected a numeric dtype of native byte order, got {leaf.dtype}."
        )
    return record


def _storage(dtype: Any) -> Any:
    """Return the dtype in the file; None for one that cannot be saved."""
    if str(dtype) in _NATIVE:
        return dtype
    if str(dtype) in ("complex64", "complex128"):
        return np.dtype(f"float{4 * dtype.itemsize}")
    return np.dtype("uint8") if dtype.itemsize == 1 and jnp.issubdtype(dtype, np.number) else None


def _tensor(name: str, leaf: Any, record: dict[str, Any]) -> np.ndarray:
    if record["kind"] == "key":
        return as_numpy(jax.random.key_data(leaf))
    try:
        if isinstance(leaf, jax.Array):
            leaf = as_numpy(leaf)
        array = np.asarray(leaf, record["dtype"] if type(leaf) in _PYTHON else None, order="C")
    except OverflowError:
        raise ValueError(f"save: leaf {_shown(name)}: expected an integer of 64 bits, got {leaf}.") from None
    if array.dtype.kind == "c":
        array = array[..., None]
    return array.view(_storage(array.dtype))


def _value(tensor: np.ndarray, leaf: Any, record: dict[str, Any]) -> np.ndarray:
    if record["kind"] == "key":
        return tensor
    return _bytes(tensor).view(_PYTHON.get(type(leaf)) or leaf.dtype).reshape(record["shape"])


def _bytes(tensor: np.ndarray) -> np.ndarray:
    return tensor.reshape(-1).view(np.uint8)


def _extras(name: str, leaf: Any) -> dict[str, Any]:
    """Return what `load` takes from the file instead of `like`."""
    if not isinstance(leaf, jax.Array):
        return {}
    if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return {"weak_type": leaf.weak_type}
    implementation = jax.random.key_impl(leaf)
    if not isinstance(implementation, str):
        raise TypeError(
            f"save: leaf {_shown(name)}: expected a key of an implementation that JAX knows by name, got {leaf.dtype}. "
            f"Save jax.random.key_data(key)."
        )
    return {"implementation": implementation}


def _placed(value: np.ndarray, leaf: Any, found: dict[str, Any]) -> Any:
    if type(leaf) in _PYTHON:
        return value.item()
    if isinstance(leaf, np.ndarray | np.generic):
        return value if isinstance(leaf, np.ndarray) else value[()]
    placed = value
    if found["kind"] == "key":
        placed = jax.random.wrap_key_data(jnp.asarray(value), impl=found["implementation"])
    elif found.get("weak_type"):
        # Only Python numbers make weakly typed arrays. Strongly typed, a resumed run could promote to other dtypes.
        zeros = jnp.full(value.shape, value.dtype.type(0).item())
        placed = zeros.at[...].set(value) if zeros.dtype == value.dtype else value
    sharding = leaf.sharding if getattr(leaf, "committed", True) else None
    return jax.device_put(placed) if sharding is None else put_on_devices(placed, sharding)


def _differences(leaves: dict[str, tuple[Any, dict[str, Any]]], found: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, (leaf, record) in leaves.items():
        other = found.get(name)
        if other is None or {field: other[field] for field in record} != record:
            yield f"{_shown(name)}: expected {_written(record)}, found {_written(other)}"
        elif not isinstance(leaf, np.ndarray | np.generic) and record["kind"] == "array" and _too_wide(leaf.dtype):
            yield (
                f"{_shown(name)}: found {_written(other)}, but JAX's 64 bits are off: "
                f"turn on jax_enable_x64, or have a NumPy array in `like`"
            )
    for name, other in found.items():
        if name not in leaves:
            yield f"{_shown(name)}: expected nothing, found {_written(other)}"


def _too_wide(dtype: Any) -> bool:
    return jax.dtypes.canonicalize_dtype(dtype) != dtype


def _written(record: dict[str, Any] | None) -> str:
    if record is None:
        return "nothing"
    if record["kind"] in ("array", "key"):
        return f"{record['dtype']} {tuple(record['shape'])}"
    return f"a Python {record['kind']}"


def _shown(name: str) -> str:
    return name or "(the root)"


def _crc32(data: Any) -> str:
    return f"{zlib.crc32(data):08x}"


def _as_json(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    metadata = {} if metadata is None else metadata
    try:
        back = json.loads(json.dumps(metadata, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"save: expected metadata that JSON can hold, got an error: {error}.") from error
    if not isinstance(back, dict) or back != metadata:
        raise TypeError(
            "save: expected metadata, a dict, that comes back from JSON as it was. "
            "Keys must be text, and lists stand where there are tuples."
        )
    return back


def _replace(path: Path, data: bytes) -> None:
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    # One fixed name: whatever the number of writers that were killed, one file is left, and the next writer removes it.
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    with partial.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if not _is(partial, file.fileno()):
                raise RuntimeError(f"save: another process writes {path} too. Give each run a file of its own.")
            os.replace(partial, target)
        except BaseException:
            if _is(partial, file.fileno()):
                partial.unlink()
            raise
    # The new name is on disk only when its directory is.
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _is(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


@contextlib.contextmanager
def _opened(where: str, path: str | os.PathLike[str]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Open a file and yield it with its header, checked."""
    from safetensors import SafetensorError, safe_open

    if os.path.isdir(path):
        raise CheckpointError(f"{where}: {path}: expected a checkpoint, found a directory. Name the file in it.")
    try:
        with safe_open(path, framework="np") as file:
            yield file, _header(where, path, file)
    except SafetensorError as error:
        raise _damaged(where, path, f"it is no whole safetensors file ({error})") from error


def _header(where: str, path: str | os.PathLike[str], file: Any) -> dict[str, Any]:
    metadata = file.metadata() or {}
    if "jaxnet" not in metadata:
        raise CheckpointError(
            f"{where}: {path}: expected a checkpoint, found a safetensors file that jaxnet.save did not write. "
            f"Read it with safetensors.numpy.load_file."
        )
    text = metadata["jaxnet"]
    if metadata.get("crc32") != _crc32(text.encode()):
        raise _damaged(where, path, f"its header has CRC-32 {_crc32(text.encode())}, expected {metadata.get('crc32')}")
    try:
        header = json.loads(text)
        if header["format"] != _FORMAT:
            raise CheckpointError(
                f"{where}: {path}: expected format {_FORMAT}, found {header['format']}, "
                f"written by jaxnet {header['jaxnet']}. Read it with that version."
            )
        whole = all({"kind", "dtype", "shape", "crc32"} <= record.keys() for record in header["leaves"].values())
        if not whole or set(file.keys()) != set(header["leaves"]):
            raise _damaged(where, path, "its tensors are not those that its header describes")
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise _damaged(where, path, f"its header cannot be read ({error!r})") from error
    return header


def _damaged(where: str, path: str | os.PathLike[str], what: str) -> CheckpointError:
    return CheckpointError(
        f"{where}: {path}: expected a whole checkpoint, but {what}. It was cut off or changed after it was saved, or "
        f"is another kind of file: name another, or restore it from a copy."
    )
