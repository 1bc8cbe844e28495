"""The file of a checkpoint: safetensors with a JSON header, replaced whole, and opened only if it is whole.

The header stands in the file's `__metadata__`, with a CRC-32 of its own.
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
import numpy as np

_FORMAT, _WITH_NETWORK = 1, 2  # versions of jaxnet that know no networks refuse the latter
_LONGEST_HEADER = 25_000_000  # characters; safetensors stops at 100 MB, and writes these with escapes


class CheckpointError(ValueError):
    """A file that is no whole checkpoint, or one of another tree; the message names the leaf and what was expected."""

    __module__ = "jaxnet"  # the name that users import and that tracebacks print


def write_file(path: str | os.PathLike[str], tensors: dict[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Replace a file by one of these tensors, whatever happens; errors are those of `save`.

    Args:
        path: the file; "~" is home.
        tensors: by name, of the dtypes that safetensors has.
        header: what JSON can hold, with `leaves` and `metadata`.
    """
    from safetensors.numpy import save as serialize

    number = _WITH_NETWORK if "network" in header else _FORMAT
    versions = {"format": number, "jaxnet": version("jaxnet-circuits"), "jax": jax.__version__}
    text = json.dumps({**versions, **header})
    if len(text) > _LONGEST_HEADER:
        raise ValueError(
            f"save: expected a header of at most {_LONGEST_HEADER:,} characters, got {len(text):,}, "
            f"{len(json.dumps(header['metadata'])):,} of them metadata. Save what is long as an array in the tree."
        )
    _replace(Path(os.path.expanduser(path)), serialize(tensors, {"jaxnet": text, "crc32": crc32(text.encode())}))


@contextlib.contextmanager
def opened(where: str, path: str | os.PathLike[str]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Open a file and yield it with its header, checked.

    Args:
        where: the function that the user called.
        path: the file; "~" is home.
    """
    from safetensors import SafetensorError, safe_open

    at_home = os.path.expanduser(path)
    if os.path.isdir(at_home):
        raise CheckpointError(f"{where}: {path}: expected a checkpoint, found a directory. Name the file in it.")
    try:
        with safe_open(at_home, framework="np") as file:
            yield file, _header(where, path, file)
    except SafetensorError as error:
        raise damaged(where, path, f"it is no whole safetensors file ({error})") from error


def read_tensor(where: str, path: str | os.PathLike[str], file: Any, name: str, expected: Any) -> np.ndarray:
    """Return a tensor of an open file, if its bytes are those that were written.

    Args:
        where: the function that the user called.
        path: the file.
        file: as `opened` gives it.
        name: of the tensor.
        expected: its CRC-32, as the header has it.
    """
    tensor = file.get_tensor(name)
    found = crc32(bytes_of(tensor))
    if found != expected:
        raise damaged(where, path, f"leaf {name or '(the root)'} has CRC-32 {found}, expected {expected}")
    return tensor


def bytes_of(tensor: np.ndarray) -> np.ndarray:
    """Return the bytes of an array, without a copy.

    Args:
        tensor: in C order.
    """
    return tensor.reshape(-1).view(np.uint8)


def damaged(where: str, path: str | os.PathLike[str], what: str) -> CheckpointError:
    """Return the error of a file that is not as it was written.

    Args:
        where: the function that the user called.
        path: the file.
        what: is wrong with it.
    """
    return CheckpointError(
        f"{where}: {path}: expected a whole checkpoint, but {what}. It was cut off or changed after it was saved, or "
        f"is another kind of file: name another, or restore it from a copy."
    )


def crc32(data: Any) -> str:
    """Return the CRC-32 of bytes as eight digits.

    >>> crc32(b"123456789")
    'cbf43926'
    """
    return f"{zlib.crc32(data):08x}"


def _header(where: str, path: str | os.PathLike[str], file: Any) -> dict[str, Any]:
    metadata = file.metadata() or {}
    if "jaxnet" not in metadata:
        raise CheckpointError(
            f"{where}: {path}: expected a checkpoint, found a safetensors file that jaxnet.save did not write. "
            f"Read it with safetensors.numpy.load_file."
        )
    text = metadata["jaxnet"]
    if metadata.get("crc32") != crc32(text.encode()):
        raise damaged(where, path, f"its header has CRC-32 {crc32(text.encode())}, expected {metadata.get('crc32')}")
    try:
        header = json.loads(text)
        if header["format"] not in (_FORMAT, _WITH_NETWORK):
            raise CheckpointError(
                f"{where}: {path}: expected format {_FORMAT} or {_WITH_NETWORK}, found {header['format']}, "
                f"written by jaxnet {header['jaxnet']}. Read it with that version."
            )
        leaves, arrays = header["leaves"], header["network"]["arrays"] if "network" in header else {}
        whole = all({"kind", "dtype", "shape", "crc32"} <= record.keys() for record in leaves.values())
        if not whole or sorted(file.keys()) != sorted([*leaves, *arrays]):
            raise damaged(where, path, "its tensors are not those that its header describes")
    except CheckpointError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise damaged(where, path, f"its header cannot be read ({error!r})") from error
    return header


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
