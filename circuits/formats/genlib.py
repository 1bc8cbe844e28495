"""genlib, the cell libraries of SIS, MIS and ABC: a function for each gate, and what it costs, which is passed over.

E. Sentovich and others, SIS: a system for sequential circuit synthesis (1992).
"""

import re

from circuits.errors import ParseError, cut_short
from circuits.formats.cell_functions import GENLIB, Function
from circuits.formats.cells import Cell, checked_function
from circuits.formats.lines import numbered_lines

_GATE = re.compile(r"(GATE|LATCH)\s+(\"[^\"]+\"|\S+)\s+[^\s=;]+\s+(\"[^\"]+\"|[^\s=;]+)\s*=([^;]*);")
# What describes the pins of the gate before it.
_PINS = re.compile(r"\s*(?:(?:PIN|SEQ|CONTROL|CONSTRAINT)\s[^;=]*)?")
_SPACE = re.compile(r"\s*")
_CLOCK = re.compile(r"\bCONTROL\s+(\S+)")
_EDGES = re.compile(r"\bSEQ\b.*?\b(RISING_EDGE|FALLING_EDGE)\b", re.DOTALL)


def loads(text: str, source: str = "genlib") -> dict[str, Cell]:
    r"""Read the cells of a genlib library.

    Args:
        text: the whole file: `GATE name area output=function;` and `LATCH`, each with PIN lines. `#` begins a comment.
        source: its name, for errors.

    Returns:
        The cells by name. A gate that is there again with another output has both outputs, as mockturtle writes them.
        A LATCH of a clock's edge is a register.

    Raises:
        ParseError: with the line, if it is anything else, or a function is malformed.

    Source: E. Sentovich and others (1992).

    >>> loads("GATE aoi21 3 O=!(a*b+c); PIN * INV 1 999 1.6 0.4 1.6 0.4")["aoi21"].inputs
    ('a', 'b', 'c')
    """
    text = "\n".join(line for _, line in numbered_lines(text))
    cells: dict[str, Cell] = {}
    gates = [*_GATE.finditer(text)]
    starts = [gate.start() for gate in gates] + [len(text)]
    line, at = 1, 0
    for gate, end in zip([None, *gates], starts, strict=True):
        pins = text[gate.end() if gate else 0 : end]
        if gate is not None:
            line, at = line + text.count("\n", at, gate.start()), gate.start()
            _add(cells, gate, pins, source, line)
        if not (_PINS if gate else _SPACE).fullmatch(pins):
            wrong = line + text[at:end].rstrip().count("\n")
            found = cut_short(pins.strip().split("\n")[-1])
            raise ParseError(
                f"expected GATE name area output=function; and PIN, found {found!r}", source=source, line=wrong
            )
    if not cells:
        raise ParseError("expected at least one GATE name area output=function;, found none", source=source)
    return cells


def _add(cells: dict[str, Cell], gate: re.Match, pins: str, source: str, line: int) -> None:
    kind, name, output, written = gate.groups()
    name, output = name.strip('"'), output.strip('"')
    function = checked_function(written, source, line, GENLIB)
    before = cells.get(name)
    if before is not None and (output in before.outputs or kind == "LATCH"):
        raise ParseError(f"{kind} {name} is there already", source=source, line=line)
    if kind == "GATE":
        outputs = {**(before.outputs if before else {}), output: function}
        inputs = tuple(dict.fromkeys([*(before.inputs if before else ()), *function.inputs]))
        cells[name] = Cell(inputs, outputs)
    elif output in function.inputs or not _EDGES.search(pins):
        cells[name] = Cell(function.inputs, {}, refused="it is a latch, expected a gate or a flip-flop")
    else:
        inputs = tuple(dict.fromkeys([*function.inputs, *_CLOCK.findall(pins)]))
        cells[name] = Cell(inputs, {output: Function((output,), (0,))}, {output: function})
