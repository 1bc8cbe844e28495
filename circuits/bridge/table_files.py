"""Tables of numbers and categories from files of comma-separated values (RFC 4180), with a header."""

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from circuits.errors import ParseError, cut_short, listed

_MISSING = ("", "?")


def read_table(path: str | os.PathLike[str], *, like: Mapping[str, Sequence[Any]] | None = None) -> dict[str, list]:
    r"""Return the table of a CSV file: a header, then rows of as many fields, in UTF-8; empty lines are left out.

    A column is of numbers if all its values are: of whole ones if all are whole. Else it is of text, without spaces at
    the ends. An empty field and "?" are missing values.

    Args:
        path: the file.
        like: a table, whose columns this one has to have: numbers where it has numbers, and elsewhere no text that it
            does not have.

    Returns:
        By column name, in the order of the header, `rows` values: int, float, str, or None where one is missing.

    Raises:
        ParseError: if the file is no such table, or not like the one given, with the line.
        OSError: if it cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("size,colour\n1,red\n?,blue\n2.5,\n")
    ...     read_table(f"{folder}/a.csv")
    {'size': [1.0, None, 2.5], 'colour': ['red', 'blue', None]}
    """
    source = os.fspath(path)
    header, rows, lines = _rows(Path(path), source)
    table = {}
    for place, name in enumerate(header):
        texts = [row[place] for row in rows]
        if like is not None and name in like:
            table[name] = _like(name, like[name], texts, lines, source)
        else:
            kind = _kind(texts)
            table[name] = [_value(text, kind) for text in texts]
    lacking = next((name for name in like or () if name not in table), None)
    if lacking is not None:
        raise ParseError(f"expected a column {lacking!r}; the columns are {listed(header)}", source=source)
    return table


def _like(name: str, values: Sequence[Any], texts: list[str], lines: list[int], source: str) -> list:
    """Return a column as numbers if there are numbers already, else as texts that are there already."""
    known = set(values)
    text = any(isinstance(value, str) for value in known)
    whole = all(value is None or isinstance(value, int) for value in known) and all(_fits(t, int) for t in texts)
    kind = str if text else int if whole else float
    allowed = known.union(_MISSING)
    for found, line in zip(texts, lines, strict=True):
        if found in _MISSING and None not in known:
            raise ParseError(f"expected a value in column {name!r}, where none was missing", source=source, line=line)
        if not _fits(found, kind) or (text and found not in allowed):
            expected = f"one of the {len(known - {None}):,} known values" if text else "a number"
            raise ParseError(f"expected {expected} in column {name!r}, got {_shown(found)}", source=source, line=line)
    return [_value(found, kind) for found in texts]


def _value(text: str, kind: type) -> Any:
    return None if text in _MISSING else kind(text)


def _rows(path: Path, source: str) -> tuple[list[str], list[list[str]], list[int]]:
    """Return the header, the rows of texts, and the line on which each ends."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ParseError("expected text in UTF-8, got bytes that are none", source=source, line=line) from None
    if "\0" in text:
        raise ParseError("expected comma-separated values, got a zero byte", source=source)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    header: list[str] = []
    rows, lines = [], []
    try:
        for fields in reader:
            fields = [field.strip() for field in fields]
            if not any(fields) and len(fields) < 2:
                continue
            if not header:
                header = fields
                _check_header(header, source, reader.line_num)
                continue
            if len(fields) != len(header):
                raise ParseError(
                    f"expected {len(header)} fields, one a column, got {len(fields)}",
                    source=source,
                    line=reader.line_num,
                )
            rows.append(fields)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise ParseError(f"expected comma-separated values: {error}", source=source, line=reader.line_num) from None
    if not header:
        raise ParseError("expected a header and rows of comma-separated values, got an empty file", source=source)
    if not rows:
        raise ParseError("expected rows under the header, got none", source=source)
    return header, rows, lines


def _check_header(header: list[str], source: str, line: int) -> None:
    if len(header) == 1:
        other = next((f"; is it separated by {mark!r}?" for mark in ";\t|" if mark in header[0]), "")
        message = f"expected names of two columns or more, separated by commas, got {_shown(header[0])}{other}"
        raise ParseError(message, source=source, line=line)
    if "" in header:
        raise ParseError(f"expected a name for each column, got {listed(header)}", source=source, line=line)
    twice = next((name for place, name in enumerate(header) if name in header[:place]), None)
    if twice is not None:
        raise ParseError(f"expected names of columns, each once, got {twice!r} twice", source=source, line=line)


def _kind(texts: Sequence[str]) -> type:
    """Return what the values of a column are: the first of int, float and str that fits all."""
    return next(kind for kind in (int, float, str) if all(_fits(text, kind) for text in {*texts}))


def _fits(text: str, kind: type) -> bool:
    if kind is str or text in _MISSING:
        return True
    try:
        return "_" not in text and math.isfinite(kind(text))
    except ValueError:
        return False


def _shown(text: str) -> str:
    return repr(cut_short(text))
