"""Libraries of cells on file, which netlists of mapped circuits are read with."""

from collections.abc import Mapping
from pathlib import Path

from circuits.errors import ParseError
from circuits.formats import genlib, liberty
from circuits.formats.cells import Cell
from circuits.formats.zipped_files import bytes_of, is_zipped


def read_cells(path: str | Path) -> dict[str, Cell]:
    """Read the cells of a library, for `read(..., library=...)` of several files.

    Args:
        path: a genlib file, or Liberty if its extension is ".lib" or ".liberty"; compressed if it ends in ".gz".

    Returns:
        The cells by name. A cell that is no gate and no flip-flop, such as a latch, is an error only where it is used.

    Raises:
        ParseError: if the file is malformed, with the line.
        OSError: if it cannot be read.

    Source: E. Sentovich and others, SIS: a system for sequential circuit synthesis (1992); the Liberty user guide.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "my.genlib").write_text("GATE nand2 2 O=!(a*b); PIN * INV 1 999 1 .2 1 .2")
    ...     read_cells(f"{folder}/my.genlib")["nand2"].inputs
    ('a', 'b')
    """
    path = Path(path)
    data = bytes_of(path)
    if (zero := data.find(b"\0")) >= 0:
        raise ParseError("expected text, found byte 0x00", source=str(path), line=data.count(b"\n", 0, zero) + 1)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if is_zipped(path):
        suffixes = suffixes[:-1]
    loads = liberty.loads if suffixes[-1:] in ([".lib"], [".liberty"]) else genlib.loads
    # Latin-1 takes any byte; names are ASCII in practice, and comments need not be.
    return loads(data.decode("latin-1"), str(path))


def library_of(where: str, library: object) -> Mapping[str, Cell]:
    """Return the cells of what a user gave as `library=`: a path, or cells that `read_cells` has read; {} for None."""
    if library is None:
        return {}
    if isinstance(library, str | Path):
        return read_cells(library)
    if isinstance(library, Mapping):
        return library
    raise TypeError(f"{where}: expected library to be a path or what read_cells returns, got {type(library).__name__}.")
