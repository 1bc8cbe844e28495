"""The leaves of a tree as tensors of a checkpoint: what each is, how its bytes are stored, and how it comes back."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.devices.sharding import as_numpy, put_on_devices
from jaxnet.training.checkpoint_files import bytes_of, damaged, read_tensor

# Held by every version of safetensors that pyproject.toml allows, and read back by safetensors.numpy.
_NATIVE = {"bool", "float16", "float32", "float64", "bfloat16"}
_NATIVE |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_PYTHON = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}
ARRAYS = jax.Array | np.ndarray | np.generic


def described(where: str, tree: Any, arrays: Any) -> tuple[dict[str, tuple[Any, dict[str, Any]]], Any]:
    """Return the leaves by name, each with the record that says what it is, and the structure.

    Args:
        where: the function that the user called.
        tree: of arrays and numbers.
        arrays: the types of arrays that it may have.
    """
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


def as_tensor(name: str, leaf: Any, record: dict[str, Any]) -> np.ndarray:
    """Return a leaf as safetensors holds it.

    Args:
        name: of the leaf.
        leaf: an array or a number.
        record: of `described`.
    """
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


def extras(name: str, leaf: Any) -> dict[str, Any]:
    """Return what `load` takes from the file instead of `like`.

    Args:
        name: of the leaf.
        leaf: an array or a number.
    """
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


def read_leaves(
    where: str,
    path: Any,
    file: Any,
    found: dict[str, dict[str, Any]],
    leaves: dict[str, tuple[Any, dict[str, Any]]],
) -> list[Any]:
    """Return leaves of an open file, checked, as the kinds that `like` has.

    Args:
        where: the function that the user called.
        path: the file.
        file: as `opened` gives it.
        found: the records of the file.
        leaves: of `like`, as `described` gives them, which do not differ.
    """
    values = []
    for name, (leaf, record) in leaves.items():
        tensor = read_tensor(where, path, file, name, found[name]["crc32"])
        try:
            values.append(placed(as_value(tensor, leaf, record), leaf, found[name]))
        except ValueError as error:
            raise damaged(where, path, f"leaf {_shown(name)} is not as its header describes it ({error})") from None
    return values


def as_value(tensor: np.ndarray, leaf: Any, record: dict[str, Any]) -> np.ndarray:
    """Return a tensor in the dtype and shape that it had as a leaf.

    Args:
        tensor: of the file.
        leaf: one like it.
        record: of `described`.
    """
    if record["kind"] == "key":
        return tensor
    return bytes_of(tensor).view(_PYTHON.get(type(leaf)) or leaf.dtype).reshape(record["shape"])


def placed(value: np.ndarray, leaf: Any, found: dict[str, Any]) -> Any:
    """Return a value as the kind of leaf that `like` has, on its devices.

    Args:
        value: of the file.
        leaf: the one of `like`.
        found: the record of the file.
    """
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


def differences_of(leaves: dict[str, tuple[Any, dict[str, Any]]], found: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield how the leaves of `like` and those of a file differ.

    Args:
        leaves: of `like`, as `described` gives them.
        found: the records of the file.
    """
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


def _shown(name: str) -> str:
    return name or "(the root)"


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


def _too_wide(dtype: Any) -> bool:
    return jax.dtypes.canonicalize_dtype(dtype) != dtype


def _written(record: dict[str, Any] | None) -> str:
    if record is None:
        return "nothing"
    if record["kind"] in ("array", "key"):
        return f"{record['dtype']} {tuple(record['shape'])}"
    return f"a Python {record['kind']}"
