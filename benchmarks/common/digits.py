"""MNIST's images and classes, from its four files."""

import gzip
from pathlib import Path

import numpy as np


def read_digits(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the images `(n, 784)` uint8 and classes `(n,)` uint8 of a part, "train" or "t10k"; None without files."""
    files = [folder / f"{part}-{kind}.gz" for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    if not all(file.is_file() for file in files):
        return None
    images, classes = (np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8) for file in files)
    return images[16:].reshape(-1, 784), classes[8:]
