"""Circuits on file: `read` picks the format by the file's extension. A reader refuses rather than guesses."""

from pathlib import Path

from circuits.errors import ParseError
from circuits.formats import bench
from circuits.netlist import Circuit

READERS = {".bench": bench.loads}


def read(path: str | Path) -> Circuit:
    """Read a circuit from a file.

    Args:
        path: a file whose extension says its format: .bench (ISCAS).

    Returns:
        The circuit, with the names and the order of inputs and outputs that the file has.

    Raises:
        ParseError: if the format is unknown, or the file is malformed, with the line.
        OSError: if the file cannot be read.

    >>> from circuits import c17_path
    >>> read(c17_path)
    Circuit(5 inputs, 2 outputs, 6 gates)
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise ParseError(f"unknown extension {path.suffix!r}, expected one of {known}", source=str(path))
    data = path.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"expected text, found byte 0x{data[error.start]:02x}"
        raise ParseError(message, source=str(path), line=line) from None
    return reader(text, source=str(path))
