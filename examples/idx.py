"""IDX, the format of MNIST's files: `python examples/idx.py FILE ...` says what is in them.

A file has two zero bytes, a byte for the type of the numbers, one for the number of dimensions; then the dimensions
and the numbers, all big-endian. (Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits.)
"""

import gzip
import math
import sys
import zlib
from pathlib import Path

import numpy as np

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class IdxError(ValueError):
    """A file that is not IDX, or is not whole; the message names the file."""


def read_idx(path):
    """Return the array in a file, plain or gzipped, in this machine's byte order."""
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise IdxError(f"{path}: damaged gzip: {error}. Fetch the file again.") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise IdxError(
            f"{path}: expected an IDX file, which begins 00 00 08 for bytes, got {data[:4].hex(' ') or '-'}."
        )
    dtype, n_dimensions = np.dtype(TYPES[data[2]]), data[3]
    start = 4 + 4 * n_dimensions
    if n_dimensions == 0 or len(data) < start:
        raise IdxError(
            f"{path}: expected one dimension or more of 4 bytes each, got {n_dimensions} in {len(data)} bytes."
        )
    shape = tuple(np.frombuffer(data, ">u4", n_dimensions, 4).tolist())
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise IdxError(f"{path}: expected {expected:,} bytes for shape {shape} of {dtype.name}, got {len(data):,}.")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def read_mnist(folder, part):
    """Return the images `(n, 28, 28)` and labels `(n,)` of MNIST, bytes; `part` is "train" or "t10k"."""
    _, images = _bytes_of(folder, f"{part}-images-idx3-ubyte", (28, 28))
    path, labels = _bytes_of(folder, f"{part}-labels-idx1-ubyte", ())
    if len(labels) != len(images) or labels.max() > 9:
        wanted, got = f"{len(images):,} labels in 0..9, one per image", f"{len(labels):,} up to {labels.max()}"
        raise IdxError(f"{path}: expected {wanted}, got {got}.")
    return images, labels


def _bytes_of(folder, name, shape):
    plain = Path(folder) / name
    path = plain if plain.exists() else plain.with_name(f"{name}.gz")
    array = read_idx(path)
    if array.dtype != np.uint8 or array.shape[1:] != shape or not len(array):
        wanted = str(("n", *shape)).replace("'", "")
        raise IdxError(f"{path}: expected bytes of shape {wanted}, got {array.dtype} {array.shape}.")
    return path, array


if __name__ == "__main__":
    for name in sys.argv[1:]:
        try:
            array = read_idx(name)
        except (OSError, IdxError) as error:
            sys.exit(f"idx: {error}")
        print(f"{name}: {array.dtype} {array.shape}", *([f"{array.min()} to {array.max()}"] if array.size else []))
    if not sys.argv[1:]:
        print("python examples/idx.py FILE ...: what is in IDX files, such as those of examples/mnist.py")
