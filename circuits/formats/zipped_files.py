"""Files whose names end in .gz: unzipped as they are read, and zipped as they are written."""

import gzip
import zlib
from pathlib import Path

from circuits.errors import ParseError


def is_zipped(path: Path) -> bool:
    """Return whether the name of a file ends in .gz.

    >>> is_zipped(Path("c17.bench.gz"))
    True
    """
    return path.suffix.lower() == ".gz"


def bytes_of(path: Path) -> bytes:
    """Return the content of a file, unzipped if its name ends in .gz.

    Args:
        path: the file.

    Raises:
        ParseError: if it is not what its name says.
        OSError: if it cannot be read.
    """
    data = path.read_bytes()
    if not is_zipped(path):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ParseError(f"expected gzip, as its name says: {error}", source=str(path)) from None


def content_of(path: Path, data: bytes) -> bytes:
    """Return what to write into a file: zipped if its name ends in .gz."""
    return gzip.compress(data, mtime=0) if is_zipped(path) else data
