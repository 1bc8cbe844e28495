"""Checkpoints: a tree of arrays as one safetensors file, which is whole whenever the writer is killed; never pickle.

Every leaf is a tensor named by its path, so any reader of safetensors sees plain arrays. A JSON header in the file's
`__metadata__` says what each leaf is, with a CRC-32 of its bytes, and has one itself: a damaged file is not loaded.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import jax

from jaxnet.devices.processes import is_first
from jaxnet.networks.network import Network
from jaxnet.training.checkpoint_files import CheckpointError as CheckpointError
from jaxnet.training.checkpoint_files import crc32, opened, write_file
from jaxnet.training.checkpoint_leaves import (
    ARRAYS,
    as_tensor,
    bytes_of,
    described,
    differences_of,
    extras,
    read_leaves,
)
from jaxnet.training.saved_networks import network_on_file

_SHOWN = 5  # leaves in one error


def save(
    path: str | os.PathLike[str],
    tree: Any,
    metadata: Mapping[str, Any] | None = None,
    *,
    network: Network | None = None,
) -> None:
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
        network: whose parameters the tree is: what it is made of is saved as well, and `load_network` gives both back.
            Activations are saved by name.

    Raises:
        TypeError: if a leaf is none of these, or if the metadata are not JSON.
        ValueError: if two leaves have the same path, if an integer has more than 64 bits, if the header would be longer
            than safetensors allows; or if the tree is not that of the network, or the network cannot be saved.
        OSError: if the file cannot be written.
        RuntimeError: if another process writes the same file.

    >>> import tempfile
    >>> import jax.numpy as jnp
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.safetensors", {"w": jnp.ones(2), "step": 3}, {"name": "first"})
    ...     load(f"{folder}/run.safetensors", like={"w": jnp.zeros(2), "step": 0})
    {'step': 3, 'w': Array([1., 1.], dtype=float32)}
    """
    metadata = _as_json(metadata)
    leaves, structure = described("save", tree, ARRAYS)
    shared = any(isinstance(leaf, jax.Array) and not leaf.is_fully_addressable for leaf, _ in leaves.values())
    tensors, records = {}, {}
    for name, (leaf, record) in leaves.items():
        tensors[name] = as_tensor(name, leaf, record)
        records[name] = {**record, **extras(name, leaf), "crc32": crc32(bytes_of(tensors[name]))}
    header = {"structure": str(structure), "leaves": records, "metadata": metadata}
    if network is not None:
        record, arrays = network_on_file(network, tree)
        header["network"] = {"record": record, "arrays": {name: crc32(bytes_of(a)) for name, a in arrays.items()}}
        tensors |= arrays
    if shared and not is_first():
        return
    write_file(path, tensors, header)


def load(path: str | os.PathLike[str], like: Any, *, part: str = "") -> Any:
    """Load a tree that `save` saved, or a part of it; nothing is cast and nothing is guessed.

    Args:
        path: the file.
        like: a tree with the leaves of the saved one, whose values are not used: JAX arrays, typed keys or
            `jax.ShapeDtypeStruct`; NumPy arrays; Python's bool, int, float and complex.
        part: the path of the part that is wanted, as `read_header` shows it. In a checkpoint of `fit`, "['best']" are
            the best parameters by validation, and "['state'].params" the last ones.

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
    >>> import jax.numpy as jnp
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.safetensors", {"w": jnp.ones(2)})
    ...     load(f"{folder}/run.safetensors", like={"w": jax.ShapeDtypeStruct((2,), jnp.float32)})
    {'w': Array([1., 1.], dtype=float32)}
    """
    return load_tree("load", path, like, part)


def load_tree(
    where: str,
    path: str | os.PathLike[str],
    like: Any,
    part: str = "",
    *,
    named: str = "`like`",
    advice: str = "Pass a `like` made as the saved tree was; jaxnet.read_header tells what the file holds.",
) -> Any:
    """Do what `load` does, with another name in the errors.

    Args:
        where: the function that the user called.
        path: the file.
        like: a tree with the leaves of the saved one, or of the part.
        part: its path.
        named: what the user knows `like` as, in the error.
        advice: the end of the error.
    """
    leaves, structure = described(where, like, ARRAYS | jax.ShapeDtypeStruct)
    leaves = {part + name: leaf for name, leaf in leaves.items()}
    with opened(where, path) as (file, header):
        found = {name: leaf for name, leaf in header["leaves"].items() if _is_in(name, part)}
        if part and not found:
            names = [*header["leaves"]]
            listed = ", ".join(names[:_SHOWN]) + f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN)
            raise CheckpointError(f"{where}: {path}: expected a part {part}, found the leaves {listed}.")
        differences = list(differences_of(leaves, found))
        if differences:
            lines = [f"{where}: {path}: {len(differences)} of its leaves and those of {named} do not match:"]
            lines += [f"  {line}" for line in differences[:_SHOWN]]
            lines += [f"  and {len(differences) - _SHOWN} more"] * (len(differences) > _SHOWN)
            raise CheckpointError("\n".join([*lines, advice]))
        values = read_leaves(where, path, file, found, leaves)
    return structure.unflatten(values)


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a checkpoint holds, without its arrays.

    Args:
        path: the file.

    Returns:
        A dict: `leaves`, by path a dict of `kind` ("array", "key", "int", ...), `dtype`, `shape` and more; the caller's
        `metadata`; `structure`, the tree as text; `format`, `jaxnet` and `jax`, the versions that wrote it; `network`,
        what it is made of, if it was saved with one.

    Raises:
        CheckpointError: if the file is no whole checkpoint; the bytes of the arrays are not read.
        FileNotFoundError: if there is no file.

    >>> import tempfile
    >>> import jax.numpy as jnp
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
    with opened(where, path) as (_, header):
        return header


def _is_in(name: str, part: str) -> bool:
    """Return whether a leaf is in the part of a tree that has this path: ['a'] has ['a'].b and no ['a']2."""
    return name.startswith(part) and (not part or name[len(part) : len(part) + 1] in ("", "[", "."))


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
