"""Circuits as arguments of the command line: files, text, standard input, and the flags that say how to read them."""

import argparse
import functools
import inspect
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from circuits.errors import ParseError
from circuits.expressions import parse
from circuits.formats.cell_libraries import read_cells
from circuits.formats.cells import Cell
from circuits.formats.files import FORMATS, dumps, extension_of, loads, read
from circuits.formats.zipped_files import content_of
from circuits.netlist import Circuit
from circuits.threshold.gate_conversion import from_circuit, to_circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit

# Options of the readers, each of which has a flag.
READ_OPTIONS = (
    "registers",
    "cycles",
    "undriven",
    "dont_cares",
    "library",
    "model",
    "exdc",
    "properties",
)
# An option as errors and warnings of the API name it; not in what they quote.
_IN_PYTHON = re.compile(
    rf"""(?<![\w'"/-])({"|".join([*READ_OPTIONS, "by", "read"])})=(?:"([\w.-]+)"|'([\w.-]+)'|(\d))?"""
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the readers to a command.

    Args:
        parser: of the command.

    >>> parser = argparse.ArgumentParser()
    >>> add_flags(parser)
    >>> parser.parse_args(["--registers", "unroll", "--cycles", "3", "--undriven", "0"]).cycles
    3
    """
    flags = parser.add_argument_group("how files are read")
    add = flags.add_argument
    add("--from", dest="from_", metavar="FORMAT", help="format of files whose names have none, such as .blif")
    add("--registers", choices=("refuse", "cut", "unroll"), help="cut each into an input and an output, or unroll them")
    add("--cycles", type=_cycles, metavar="K", help="how many cycles to unroll")
    add("--undriven", type=_undriven, metavar="0|1|input", help="what a net is that is read and that nothing drives")
    add("--dont-cares", type=int, choices=(0, 1), help="which value to give where a file leaves it open")
    add("--library", metavar="FILE", help="the cells of a mapped netlist, genlib or Liberty (.lib)")
    add("--model", metavar="NAME", help="which model of a .blif or module of a .v, if not the one that no other uses")
    add("--exdc", choices=("warn", "ignore", "refuse"), help="what to do with .exdc of a .blif, without --dont-cares")
    add("--properties", choices=("refuse", "outputs"), help="read bad states and such of AIGER as outputs")


def load(text: str, options: argparse.Namespace) -> Circuit:
    """Return what `load_any` does, with threshold units made into gates.

    Args:
        text: as it was typed.
        options: with `from_` and those of `READ_OPTIONS`, which are for files.

    Raises:
        ParseError: if it is no circuit, or nothing takes one of the options.
        OSError: if the file cannot be read.

    >>> load("a & b", argparse.Namespace(from_=None))
    Circuit(2 inputs, 1 outputs, 1 gates)
    """
    return next(load_all([text], options))


def load_all(texts: Sequence[str], options: argparse.Namespace) -> Iterator[Circuit]:
    """Return several circuits in turn; an option goes to those whose format has it, and one of them must.

    Args:
        texts: as they were typed.
        options: as for `load`.

    Raises:
        ParseError, OSError: as `load`.
    """
    _check_taken(texts, options)
    for text in texts:
        yield to_circuit(_loaded(text, options))


def load_any(text: str, options: argparse.Namespace) -> Circuit | ThresholdCircuit:
    """Return a circuit from an expression, a file, or standard input if the text is "-".

    Args:
        text: as it was typed.
        options: as for `load`.

    Raises:
        ParseError, OSError: as `load`.
    """
    _check_taken([text], options)
    return _loaded(text, options)


def refuse_flags(source: str, options: argparse.Namespace) -> None:
    """Refuse the flags of the readers of circuits where only networks are read, which have no use for them.

    Args:
        source: named in the error.
        options: as for `load`.

    Raises:
        ParseError: if one of them is given.
    """
    given = ["from"] * (options.from_ is not None) + list(_chosen(options))
    if given:
        flag = given[0].replace("_", "-")
        raise ParseError(f"--{flag} is for circuits, and this is a network on file", source=source)


def format_to_write(out: str, options: argparse.Namespace) -> str:
    """Return the format of what is to be written, so that a wrong one is known before the work.

    Args:
        out: the path, or "-".
        options: with `to`, the format if the path does not give it.

    Raises:
        ParseError: if it is unknown.
    """
    if out == "-" and options.to is None:
        raise ParseError("expected --to FORMAT, such as --to .blif", source="<stdout>")
    format = (extension_of(Path(out)) if options.to is None else options.to).lower()
    if format not in FORMATS:
        raise ParseError(f"unknown format {format!r}, expected one of {', '.join(FORMATS)}", source=out)
    return format


def save(circuit: Circuit | ThresholdCircuit, out: str, options: argparse.Namespace) -> None:
    """Write a circuit into a file, or to standard output if that is "-".

    Args:
        circuit: a `Circuit` or a `ThresholdCircuit`; converted to the kind that the format holds.
        out: the path, or "-".
        options: with `to`, the format if the path does not give it, and `output`, for DIMACS.

    Raises:
        ParseError: if the format is unknown, or cannot hold the circuit.
        OSError: if the file cannot be written.
    """
    format = format_to_write(out, options)
    if format == ".th" and isinstance(circuit, Circuit):
        circuit = from_circuit(circuit)
    if format not in (".th", ".dot") and isinstance(circuit, ThresholdCircuit):
        circuit = to_circuit(circuit)
    chosen = {} if options.output is None else {"output": options.output}
    try:
        data = dumps(circuit, format, **chosen)
    except TypeError:
        raise ParseError("--output is for .cnf", source=out) from None
    except ValueError as error:
        raise ParseError(str(error)) from None
    data = data.encode() if isinstance(data, str) else data
    if out == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        Path(out).write_bytes(content_of(Path(out), data))


def name_of(text: str) -> str:
    """Return the name to print for a circuit: of a file its name without the extension, else the expression.

    Args:
        text: as it was typed.

    Returns:
        A name.

    >>> name_of("folder/c17.bench"), name_of("folder/c17.blif.gz"), name_of("a & b")
    ('c17', 'c17', 'a & b')
    """
    path = Path(text)
    if not _is_readable(path):
        return text
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def as_flags(message: str) -> str:
    """Return a message of the API with its options as they are typed.

    Args:
        message: of an error or a warning.

    >>> as_flags('registers="cut" makes its value an input; undriven=0, 1 or "input" chooses')
    '--registers cut makes its value an input; --undriven 0, 1 or "input" chooses'
    """
    return _IN_PYTHON.sub(_as_flag, message)


def _as_flag(found: re.Match) -> str:
    name, *values = found.groups()
    return " ".join([f"--{name.replace('_', '-')}", *filter(None, values)])


def standard_input() -> TextIO:
    """Return standard input.

    Raises:
        ParseError: if it is closed.
    """
    if sys.stdin is None:
        raise ParseError("it is closed", source="<stdin>")
    return sys.stdin


def lines_of_rows(file: Iterable[str], source: str) -> list[tuple[int, str]]:
    """Return the lines of a file with rows of bits, each with its number, without comments and blank lines.

    Args:
        file: open, or any lines.
        source: named in errors.

    Raises:
        ParseError: if the file is no text.

    >>> lines_of_rows(["01  # first", "", "11"], "<stdin>")
    [(1, '01'), (3, '11')]
    """
    try:
        stripped = [(number, line.split("#")[0].strip()) for number, line in enumerate(file, 1)]
    except UnicodeDecodeError:
        raise ParseError("expected lines of digits 0 and 1, got bytes that are no text", source=source) from None
    return [(number, text) for number, text in stripped if text]


def rows_of_texts(numbered: Sequence[tuple[int, str]], n: int, source: str) -> np.ndarray:
    """Return rows of bits from texts of digits.

    Args:
        numbered: each with the number that errors name.
        n: how many digits a row has.
        source: named in errors.

    Returns:
        `(rows, n)` bool.

    Raises:
        ParseError: if a text is no such row.

    >>> rows_of_texts([(1, "01"), (3, "11")], 2, "<stdin>").astype(int)
    array([[0, 1],
           [1, 1]])
    """
    for number, text in numbered:
        if len(text) != n or set(text) - {"0", "1"}:
            raise ParseError(f"expected {n} digits 0 or 1, one per input, got {text!r}", source=source, line=number)
    digits = "".join(text for _, text in numbered).encode()
    return np.frombuffer(digits, np.uint8).reshape(len(numbered), n) == ord("1")


def _check_taken(texts: Sequence[str], options: argparse.Namespace) -> None:
    """Check that each option that is given is one of a format that is read."""
    for name in _chosen(options):
        if not any(name in _options_of(text, options) for text in texts):
            what = "none of these formats has an" if len(texts) > 1 else "this format has no"
            raise ParseError(f"{what} option --{name.replace('_', '-')}", source=", ".join(texts))


def _loaded(text: str, options: argparse.Namespace) -> Circuit | ThresholdCircuit:
    if not _is_file(text, options):
        if re.fullmatch(r"[\w.-]*\.[A-Za-z]\w*", text):
            raise ParseError(f"no such file; as an expression, write y = {text}", source=text)
        return parse(text)
    taken = _options_of(text, options)
    chosen = {name: value for name, value in _chosen(options).items() if name in taken}
    if "library" in chosen:
        chosen["library"] = _cells(chosen["library"])
    try:
        if text == "-":
            return loads(standard_input().buffer.read(), options.from_, source="<stdin>", **chosen)
        return read(text, options.from_, **chosen)
    except ValueError as error:  # options that do not go together; files are a ParseError, which is one too
        if isinstance(error, ParseError):
            raise
        raise ParseError(str(error)) from None


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of readers that are given."""
    given = {name: getattr(options, name, None) for name in READ_OPTIONS}
    return {name: value for name, value in given.items() if value is not None}


def _is_file(text: str, options: argparse.Namespace) -> bool:
    """Return whether a text is a path: it ends like one, has a slash, or is a file; "a.b & c" is none of these."""
    if text == "-" and options.from_ is None:
        raise ParseError("expected --from FORMAT, such as --from .blif", source="<stdin>")
    return options.from_ is not None or _is_readable(Path(text)) or "/" in text or os.path.isfile(text)


def _options_of(text: str, options: argparse.Namespace) -> Collection[str]:
    """Return the options of the reader of a text; all of them where the reader will refuse it anyway."""
    if not _is_file(text, options):
        return ()
    known = FORMATS.get((options.from_ or extension_of(Path(text))).lower())
    if known is None or known.loads is None:
        return READ_OPTIONS
    return inspect.signature(known.loads).parameters


@functools.lru_cache(maxsize=1)
def _cells(library: str) -> dict[str, Cell]:
    """Return the cells of a library, which takes seconds to read and serves for all circuits of a command."""
    return read_cells(library)


def _is_readable(path: Path) -> bool:
    known = FORMATS.get(extension_of(path))
    return known is not None and known.loads is not None


def _undriven(text: str) -> int | str:
    if text not in ("0", "1", "input", "refuse"):
        raise argparse.ArgumentTypeError(f"expected 0, 1, input or refuse, got {text!r}")
    return int(text) if text in ("0", "1") else text


def _cycles(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= 10**6 or len(text) > 7:
        raise argparse.ArgumentTypeError(f"expected a number of cycles, 1 to 1,000,000, got {text!r}")
    return int(text)
