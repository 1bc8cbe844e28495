"""Circuits on file: `read` and `write` go by the file's extension. A reader refuses what it would have to guess."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from circuits.errors import ParseError
from circuits.formats import aiger, bench, blif, c_functions, dimacs, dot, pla, th, verilog
from circuits.formats.renaming import original, renamed
from circuits.formats.zipped_files import bytes_of, content_of, is_zipped
from circuits.netlist import Circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit


class Format(NamedTuple):
    """A file format for circuits.

    Attributes:
        extension: of files, in lower case.
        what: the name of the format, for people.
        loads: reads a circuit from the content of a file; None if the format is only written.
        dumps: writes a circuit as the content of a file.
        binary: whether the content is bytes.
        comments: what begins one, up to the end of its line.
        legal: whether a name can be written; None where the writer refuses names itself.
    """

    extension: str
    what: str
    loads: Callable[..., Any] | None
    dumps: Callable[..., Any]
    binary: bool = False
    comments: tuple[bytes, ...] = (b"#",)
    legal: Callable[[str], bool] | None = None


FORMATS = {
    format.extension: format
    for format in (
        Format(
            ".aag", "AIGER, ASCII", aiger.loads, partial(aiger.dumps, binary=False), binary=True, legal=aiger.is_legal
        ),
        Format(
            ".aig", "AIGER, binary", aiger.loads, partial(aiger.dumps, binary=True), binary=True, legal=aiger.is_legal
        ),
        Format(".bench", "ISCAS", bench.loads, bench.dumps, legal=bench.is_legal),
        Format(".blif", "Berkeley logic interchange format", blif.loads, blif.dumps, legal=blif.is_legal),
        Format(".pla", "espresso", pla.loads, pla.dumps, legal=pla.is_legal),
        Format(
            ".v", "structural Verilog", verilog.loads, verilog.dumps, comments=(b"//", b"/*"), legal=verilog.is_legal
        ),
        Format(".th", "threshold units, threABC", th.loads, th.dumps),
        Format(".c", "C functions", c_functions.loads, c_functions.dumps, comments=()),
        Format(".cnf", "DIMACS", None, dimacs.dumps),
        Format(".dot", "Graphviz", None, dot.dumps),
    )
}


def read(path: str | Path, format: str | None = None, **options: Any) -> Circuit | ThresholdCircuit:
    """Read a circuit from a file.

    Args:
        path: a file.
        format: its format, as the extension of such files: ".aag" or ".aig" (AIGER), ".bench" (ISCAS), ".blif", ".pla"
            (espresso), ".v" (structural Verilog), ".th" (threshold units), ".c" (C that `write` wrote); by the file's
            own extension if None. A file whose name ends in .gz is unzipped, and its extension is the one before.
        options: of the format's `loads`, such as `registers="cut"` or `dont_cares=0`.

    Returns:
        The circuit, with the names and the order of inputs and outputs that the file has; a `ThresholdCircuit` from
        ".th".

    Raises:
        ParseError: if the format is unknown, or the file is malformed or is not a circuit, with the line.
        OSError: if the file cannot be read.
        TypeError: if the format has no such option.

    >>> from circuits import c17_path
    >>> read(c17_path)
    Circuit(5 inputs, 2 outputs, 6 gates)
    """
    path = Path(path)
    known = _format("read", path, format)
    return _loaded("read", known, bytes_of(path), str(path), options)


def loads(data: str | bytes, format: str, *, source: str | None = None, **options: Any) -> Circuit | ThresholdCircuit:
    r"""Read a circuit from text or bytes.

    Args:
        data: the content of a file; text may begin with a byte order mark.
        format: as for `read`.
        source: what errors call it; the format's name if None.
        options: as for `read`.

    Returns:
        As `read`.

    Raises:
        ParseError: as `read`.
        TypeError: if the format has no such option.

    >>> loads("INPUT(a)\nOUTPUT(y)\ny = NOT(a)\n", ".bench")
    Circuit(1 inputs, 1 outputs, 1 gates)
    """
    known = _format("loads", None, format)
    data = data.encode() if isinstance(data, str) else bytes(data)
    return _loaded("loads", known, data, known.extension[1:] if source is None else source, options)


def write(circuit: Circuit | ThresholdCircuit, path: str | Path, format: str | None = None, **options: Any) -> None:
    """Write a circuit into a file, which is not touched if the circuit cannot be written.

    Args:
        circuit: any circuit; a `ThresholdCircuit` for ".th" and ".dot".
        path: the file.
        format: as for `read`, and ".cnf" (DIMACS) and ".dot" (Graphviz), which are only written.
        options: of the format's `dumps`, such as `output="y"` for ".cnf" or `counts=10` for ".c".

    Raises:
        ParseError: if the format is unknown.
        ValueError: if the format cannot hold the circuit, such as a name with a space.
        OSError: if the file cannot be written.
        TypeError: if the format has no such option, or is of the other kind of circuit.

    >>> import tempfile
    >>> from circuits import c17_path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(read(c17_path), f"{folder}/c17.blif")
    ...     read(f"{folder}/c17.blif")
    Circuit(5 inputs, 2 outputs, 6 gates)
    """
    path = Path(path)
    data = _dumped("write", circuit, _format("write", path, format), options)
    path.write_bytes(content_of(path, data.encode() if isinstance(data, str) else data))


def dumps(circuit: Circuit | ThresholdCircuit, format: str, **options: Any) -> str | bytes:
    """Write a circuit as text, or as bytes in the formats of AIGER.

    Args:
        circuit: as for `write`.
        format: as for `write`.
        options: as for `write`.

    Returns:
        The content of a file.

    Raises:
        ParseError, ValueError, TypeError: as `write`.

    >>> from circuits import parse
    >>> print(dumps(parse("y = a & b"), ".bench"), end="")
    INPUT(a)
    INPUT(b)
    OUTPUT(y)
    y = AND(a, b)
    """
    return _dumped("dumps", circuit, _format("dumps", None, format), options)


def extension_of(path: Path) -> str:
    """Return the extension that says the format of a file, in lower case; the one before .gz.

    >>> extension_of(Path("c432.bench.gz"))
    '.bench'
    """
    return Path(path.stem if is_zipped(path) else path).suffix.lower()


def _dumped(where: str, circuit: Any, known: Format, options: dict[str, Any]) -> str | bytes:
    of_units = isinstance(circuit, ThresholdCircuit)
    if not of_units and not isinstance(circuit, Circuit):
        raise TypeError(f"{where}: expected a Circuit or a ThresholdCircuit, got {type(circuit).__name__}.")
    if of_units and known.extension not in (".th", ".dot"):
        raise TypeError(
            f"{where}: {known.extension} holds gates, got threshold units. circuits.to_circuit makes gates of them."
        )
    if not of_units and known.extension == ".th":
        raise TypeError(f"{where}: .th holds threshold units, got gates. circuits.from_circuit makes units of them.")
    lines: list[str] = []
    if known.legal is not None and isinstance(circuit, Circuit):
        circuit, lines = renamed(circuit, known.legal, apart=known.extension == ".v")
    data = _said_by(where, known.dumps, circuit, **options)
    if not lines:
        return data
    mark = "//" if known.extension == ".v" else "#"
    kept = "".join(f"{mark} {line}\n" for line in lines)
    return data + b"c\n" + kept.encode() if isinstance(data, bytes) else kept + data


def _format(where: str, path: Path | None, format: str | None) -> Format:
    """Return the format that is asked for, if `where`, a function of this module, takes it."""
    extension = (extension_of(path) if path is not None else "") if format is None else format
    known = FORMATS.get(extension.lower())
    possible = [f.extension for f in FORMATS.values() if f.loads is not None or where in ("write", "dumps")]
    if known is None or known.extension not in possible:
        kind = "extension" if format is None else "format"
        what = f"unknown {kind} {extension!r}" if known is None else f"{known.extension} is written, not read"
        raise ParseError(f"{what}, expected one of {', '.join(possible)}", source=where if path is None else str(path))
    return known


def _loaded(where: str, known: Format, data: bytes, source: str, options: dict[str, Any]) -> Any:
    assert known.loads is not None
    if known.binary:
        return original(_said_by(where, known.loads, data, source, **options), data[data.rfind(b"\nc\n") :])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        before = data[data.rfind(b"\n", 0, error.start) + 1 : error.start]
        if any(mark in before for mark in known.comments):  # an old editor's letter, in a comment
            data = b"\n".join(_without_comment(line, known.comments) for line in data.split(b"\n"))
            return _loaded(where, known, data, source, options)
        message = f"expected text, found byte 0x{data[error.start]:02x}"
        raise ParseError(message, source=source, line=line) from None
    circuit = _said_by(where, known.loads, text, source, **options)
    return original(circuit, data) if known.legal is not None else circuit


def _without_comment(line: bytes, marks: tuple[bytes, ...]) -> bytes:
    """Return a line as UTF-8 whose comment, if that is not UTF-8, is taken for Latin-1."""
    try:
        line.decode()
    except UnicodeDecodeError:
        begin = min((at for mark in marks if (at := line.find(mark)) >= 0), default=len(line))
        return line[:begin] + line[begin:].decode("latin-1").encode()
    return line


def _said_by(where: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function of a format; its errors begin with the function that the user called."""
    try:
        return call(*arguments, **options)
    except (ValueError, TypeError) as error:
        name, colon, said = str(error).partition(": ")
        if where in ("read", "write") and name in ("loads", "dumps") and colon:
            raise type(error)(f"{where}: {said}") from None
        raise
