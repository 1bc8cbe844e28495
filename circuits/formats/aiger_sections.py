"""What stands in an AIGER file before its symbols: the header, and sections of literals, one after another.

A literal is 2v for variable v and 2v + 1 for its complement; 0 and 1 are the constants.
"""

import re
from typing import NamedTuple

import numpy as np

from circuits.and_inverter import AndInverter, CycleError, in_order
from circuits.formats.aiger_binary import read_ands
from circuits.formats.aiger_lines import NUMBER, Lines, shown
from circuits.registers import Initial

# By the letter of their symbols; the last four are of AIGER 1.9.
SECTIONS = {
    "i": "input",
    "l": "latch",
    "o": "output",
    "b": "bad state",
    "c": "constraint",
    "j": "justice property",
    "f": "fairness constraint",
}
_HEADER = re.compile(rb"(aag|aig)((?: " + NUMBER + rb"){5,9})")


class Header(NamedTuple):
    """The first line of a file.

    Attributes:
        binary: "aig", not "aag".
        highest: M, the highest variable.
        counts: how many there are of each of `SECTIONS`, by its letter.
        ands: A, how many ANDs.
    """

    binary: bool
    highest: int
    counts: dict[str, int]
    ands: int


class Body(NamedTuple):
    """The sections of a file.

    Attributes:
        graph: its inputs are the inputs and the latches; its outputs are the outputs, bad states, constraints, literals
            of justice properties, fairness constraints, and the next states of the latches.
        justice: how many literals each justice property has.
        resets: the initial value of each latch.
        end: the byte after them.
    """

    graph: AndInverter
    justice: list[int]
    resets: list[Initial]
    end: int


class _Literals(NamedTuple):
    """Literals, and the line of each."""

    values: np.ndarray
    lines: np.ndarray


def read_header(lines: Lines) -> Header:
    """Read the first line."""
    line = lines.next()
    match = _HEADER.fullmatch(line)
    if match is None:
        expected = "'aag' or 'aig' and M I L O A, and up to four numbers more, parted by single spaces"
        raise lines.error(f"expected {expected}, found {shown(line)}", 1)
    highest, *numbers = map(int, match[2].split())
    inputs, latches, outputs, ands, *properties = numbers + [0] * (8 - len(numbers))
    binary, defined = match[1] == b"aig", inputs + latches + ands
    if highest < defined or (binary and highest > defined):
        expected = f"{'' if binary else 'at least '}I + L + A = {defined}"
        raise lines.error(f"expected M to be {expected}, found {highest}", 1)
    counts = dict(zip(SECTIONS, (inputs, latches, outputs, *properties), strict=True))
    return Header(binary, highest, counts, ands)


def read_body(lines: Lines, header: Header) -> Body:
    """Read the sections after the header."""
    return _read_binary(lines, header) if header.binary else _read_ascii(lines, header)


def _read_binary(lines: Lines, header: Header) -> Body:
    # Definitions are not listed: variables are in order, inputs first, then latches, then ANDs.
    n = header.counts["i"] + header.counts["l"]
    _, next_states, resets = _latches(lines, header)
    outputs, justice = _outputs(lines, header)
    start = lines.offset
    ands, used = read_ands(lines.rest, n, header.ands, lambda message, byte: lines.error_at(message, start + byte))
    literals = np.concatenate([outputs.values, next_states.values])
    return Body(AndInverter(n, ands, literals), justice, resets, start + used)


def _read_ascii(lines: Lines, header: Header) -> Body:
    counts, highest = header.counts, header.highest
    constant = _Literals(np.zeros(1, np.int64), np.zeros(1, np.int64))
    defined = _define(lines, highest, "input", constant, _section(lines, "input", counts["i"]))
    states, next_states, resets = _latches(lines, header)
    defined = _define(lines, highest, "latch", defined, states)
    outputs, justice = _outputs(lines, header)
    first = lines.read + 1
    ands = lines.numbers("AND", header.ands, columns=3)
    line_of_and = np.arange(first, first + len(ands))
    defined = _define(lines, highest, "AND", defined, _Literals(ands[:, 0], line_of_and))
    fan_ins = _Literals(ands[:, 1:].ravel(), np.repeat(line_of_and, 2))
    _check_range(lines, highest, "fan-in", fan_ins)

    # The graph has the inputs and latches in the order of their lines, and the ANDs in that of their variables, which
    # as a rule is topological; the lines may come in any.
    n = counts["i"] + counts["l"]
    rows = np.argsort(ands[:, 0])
    by_node = np.concatenate([np.arange(1 + n), 1 + n + rows])
    defined = _Literals(defined.values[by_node], defined.lines[by_node])
    in_file_order = (next_states, outputs, fan_ins)
    next_literals, literals, pairs = (_renumbered(lines, used, defined) for used in in_file_order)
    graph = AndInverter(n, pairs.reshape(-1, 2)[rows], np.concatenate([literals, next_literals]))
    try:
        return Body(in_order(graph), justice, resets, lines.offset)
    except CycleError as error:
        loop = [str(defined.values[node]) for node in error.loop]
        arrows = " <- ".join([*loop[:6], *["..."] * (len(loop) > 6), loop[0]])
        line = int(defined.lines[error.loop[0]])
        raise lines.error(f"AND {loop[0]} depends on itself: {arrows}; expected no cycles", line) from None


def _section(lines: Lines, what: str, count: int) -> _Literals:
    """One literal a line."""
    first = lines.read + 1
    values = lines.numbers(what, count)[:, 0]
    return _Literals(values, np.arange(first, first + len(values)))


def _latches(lines: Lines, header: Header) -> tuple[_Literals, _Literals, list[Initial]]:
    """Read the latches, their next states, and their reset values."""
    count, first = header.counts["l"], lines.read + 1
    form, numbers = ("'next' or 'next reset'", 1) if header.binary else ("'latch next' or 'latch next reset'", 2)
    pattern = NUMBER + (b" " + NUMBER) * (numbers - 1) + b"(?: " + NUMBER + b")?"
    rows = [list(map(int, line.split())) for line in lines.match("latch", count, pattern, form)]
    if header.binary:
        rows = [[2 * latch, *row] for latch, row in enumerate(rows, start=1 + header.counts["i"])]
    resets: list[Initial] = []
    for line, (latch, _, *reset) in enumerate(rows, start=first):
        resets.append("free" if reset and reset[0] == latch else 1 if reset and reset[0] else 0)
        if reset and reset[0] not in (0, 1, latch):
            raise lines.error(
                f"expected latch {latch} to be reset to 0, 1 or {latch} (not at all), found {reset[0]}", line
            )
    table = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    line_of_latch = np.arange(first, first + len(table))
    next_states = _Literals(table[:, 1], line_of_latch)
    _check_range(lines, header.highest, "next state", next_states)
    return _Literals(table[:, 0], line_of_latch), next_states, resets


def _outputs(lines: Lines, header: Header) -> tuple[_Literals, list[int]]:
    """Read the literals from the outputs to the fairness constraints, and the sizes of the justice properties."""
    parts = []

    def read(what: str, count: int) -> None:
        parts.append(_section(lines, what, count))
        _check_range(lines, header.highest, what, parts[-1])

    for letter in "obc":
        read(SECTIONS[letter], header.counts[letter])
    sizes = _section(lines, "the size of justice property", header.counts["j"]).values.tolist()
    read("literal of justice properties", sum(sizes))
    read(SECTIONS["f"], header.counts["f"])
    return _Literals(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))), sizes


def _define(lines: Lines, highest: int, what: str, defined: _Literals, new: _Literals) -> _Literals:
    """All the literals that are defined, once new ones are: even, and none twice."""
    wrong = np.flatnonzero((new.values < 2) | (new.values > 2 * highest) | (new.values % 2 == 1))
    if wrong.size:
        found = f"expected {what} as an even number from 2 to {2 * highest}, found {new.values[wrong[0]]}"
        raise lines.error(found, int(new.lines[wrong[0]]))
    values, line_of = (np.concatenate(arrays) for arrays in zip(defined, new, strict=True))
    order = np.argsort(values, kind="stable")
    again = order[1:][np.diff(values[order]) == 0]
    if again.size:
        second = again.min()
        first = np.argmax(values == values[second])
        raise lines.error(f"{values[second]} is defined twice: here and in line {line_of[first]}", int(line_of[second]))
    return _Literals(values, line_of)


def _check_range(lines: Lines, highest: int, what: str, used: _Literals) -> None:
    wrong = np.flatnonzero(used.values > 2 * highest + 1)
    if wrong.size:
        found = f"expected {what} as a literal from 0 to {2 * highest + 1}, found {used.values[wrong[0]]}"
        raise lines.error(found, int(used.lines[wrong[0]]))


def _renumbered(lines: Lines, used: _Literals, defined: _Literals) -> np.ndarray:
    """Literals by the places of their variables among those defined."""
    wanted, variables = used.values >> 1, defined.values >> 1
    order = np.argsort(variables, kind="stable")
    ordered = variables[order]
    found = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    wrong = np.flatnonzero(ordered[found] != wanted)
    if wrong.size:
        literal, line = used.values[wrong[0]], int(used.lines[wrong[0]])
        expected = f"expected an input, a latch or an AND that defines {literal & ~1}"
        raise lines.error(f"literal {literal} is undefined: {expected}", line)
    return 2 * order[found] + (used.values & 1)
