"""Liberty (.lib), the cell libraries of foundries: the pins of each cell, their functions, and its flip-flops.

Synopsys, the Liberty user guide. Delays, power and all else that changes nothing of the function is passed over.
"""

import re
from typing import NamedTuple

from circuits.errors import ParseError, cut_short
from circuits.formats.cell_functions import LIBERTY, Function, inverted, with_pins
from circuits.formats.cells import Cell, checked_function
from circuits.formats.lines import unix_line_ends

_STRING = r'"(?:[^"\\]|\\.)*+"'
_COMMENT = re.compile(rf"{_STRING}|/\*.*?\*/|//[^\n]*|\\[ \t]*\n", re.DOTALL)
# The end of a group; `name : value;`; or `name (words)`, which begins a group if { follows.
_STATEMENT = re.compile(
    rf"[\s;]*+(?:(?P<end>\}})|(?P<name>[\w.$\-]++|{_STRING})\s*+"
    rf"(?::[ \t]*+(?P<value>(?:{_STRING}|[^;}}\n\"])*+)|\((?P<words>(?:{_STRING}|[^()\"])*+)\)(?P<group>\s*+\{{)?))",
    re.DOTALL,
)
_BRACE = re.compile(rf"{_STRING}|[^{{}}\"]++|[{{}}]", re.DOTALL)
_KEPT = ("library", "cell", "pin", "pg_pin", "ff")
# Groups of a cell that are no gates and flip-flops, and what they are.
_REFUSED = {
    "latch": "a latch",
    "latch_bank": "latches",
    "ff_bank": "a bank of flip-flops",
    "statetable": "a state table",
    "bus": "pins that are a bus",
    "bundle": "pins that are a bundle",
    "lut": "a look-up table",
}


class Group(NamedTuple):
    """A group as it is written: `kind (words) { name : value; ... }`."""

    kind: str
    words: list[str]
    line: int
    values: dict[str, tuple[str, int]]
    groups: list["Group"]


def loads(text: str, source: str = "liberty") -> dict[str, Cell]:
    r"""Read the cells of a Liberty library.

    A clear or a preset of a flip-flop acts at once, as in Yosys's async2sync: while it is on, the pin shows that value,
    and it is the next value too. Clocks are left out, as in all of our readers.

    Args:
        text: the whole file.
        source: its name, for errors.

    Returns:
        The cells by name. Those with latches, state tables, buses, pins of both directions or of a third state are
        refused where they are used.

    Raises:
        ParseError: with the line, if the file is malformed, a function is, or a cell is there twice.

    Source: Synopsys, Liberty user guide.

    >>> inverter = 'pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; }'
    >>> loads("library (mine) { cell (inv_1) { area : 3.2; " + inverter + " } }")["inv_1"].outputs
    {'Y': Function(inputs=('A',), steps=(0, '!'))}
    """
    # Neither comments nor line ends after a backslash are seen from here on; lines keep their numbers.
    text = _COMMENT.sub(
        lambda match: match[0] if match[0][0] == '"' else "\n" * match[0].count("\n") or " ", unix_line_ends(text)
    )
    library = _groups(text, source)
    cells: dict[str, Cell] = {}
    for group in library.groups:
        if group.kind == "cell":
            name = _only_word(group, source)
            if name in cells:
                raise ParseError(f"cell {name!r} is there already", source=source, line=group.line)
            cells[name] = _cell(group, source)
    return cells


def _groups(text: str, source: str) -> Group:
    """Return the library, with the groups that are kept; without recursion."""
    at, line, counted = 0, 1, 0
    open_groups: list[Group] = []

    def line_at(place: int) -> int:
        nonlocal line, counted
        line, counted = line + text.count("\n", counted, place), place
        return line

    while match := _STATEMENT.match(text, at):
        at = match.end()
        if match["end"]:
            if not open_groups:
                break
            last = open_groups.pop()
            if not open_groups:
                return last
            open_groups[-1].groups.append(last)
            continue
        kind = match["name"]
        if match["group"]:
            if not open_groups and kind != "library":
                break
            if kind in _KEPT or (kind in _REFUSED and open_groups[-1].kind == "cell"):
                words = [word.strip().strip('"').strip() for word in match["words"].split(",")]
                open_groups.append(Group(kind, words, line_at(match.start("name")), {}, []))
            else:
                at = _after(text, at, kind, source, line_at(match.start("name")))
        elif not open_groups:
            break
        elif match["value"] is not None and open_groups[-1].kind in _KEPT[1:]:
            value = match["value"].strip()
            value = value[1:-1] if value[:1] == '"' == value[-1:] else value
            open_groups[-1].values[kind] = value, line_at(match.start("name"))
    rest = text[at:].lstrip("; \t\n")
    if open_groups and not rest:
        last = open_groups[-1]
        shown = f"{last.kind} ({', '.join(last.words)})"
        raise ParseError(f"{shown} has no }} at its end", source=source, line=last.line)
    expected = "name : value;, name (values); or a group name (values) {" if open_groups else "library (name) {"
    found = cut_short(text[at:].lstrip("; \t\n").split("\n", 1)[0]) or "the end"
    raise ParseError(f"expected {expected}, found {found!r}", source=source, line=line_at(len(text) - len(rest)))


def _after(text: str, at: int, kind: str, source: str, line: int) -> int:
    """Return the place after a group that is passed over."""
    nesting = 1
    for piece in _BRACE.finditer(text, at):
        nesting += {"{": 1, "}": -1}.get(piece[0], 0)
        if nesting == 0:
            return piece.end()
    raise ParseError(f"{kind} has no }} at its end", source=source, line=line)


def _only_word(group: Group, source: str) -> str:
    if len(group.words) != 1 or not group.words[0]:
        raise ParseError(f"expected {group.kind} (name), found {group.words}", source=source, line=group.line)
    return group.words[0]


def _cell(group: Group, source: str) -> Cell:
    inputs: list[str] = []
    supplies = {_only_word(pin, source) for pin in group.groups if pin.kind == "pg_pin"}
    written: dict[str, Function] = {}
    states: dict[str, Function] = {}
    visible: dict[str, Function] = {}  # what pins show of the states
    whys = [
        f"it has {_REFUSED[part.kind]}, expected gates or flip-flops" for part in group.groups if part.kind in _REFUSED
    ]
    for part in group.groups:
        if part.kind == "ff":
            why = _flip_flop(part, states, visible, source)
            whys += [why] if why else []
    for pin in (part for part in group.groups if part.kind == "pin"):
        direction = pin.values.get("direction", ("", 0))[0]
        for name in pin.words:
            if direction == "input":
                inputs.append(name)
            elif direction == "output":
                if "function" in pin.values:
                    written[name] = _function(pin, "function", source)
                else:
                    whys.append(f"its output {name!r} has no function")
                if "three_state" in pin.values:
                    whys.append(f"its output {name!r} has a third state")
            elif direction != "internal":
                whys.append(f"its pin {name!r} is of direction {direction!r}, expected input or output")
    outputs = {name: with_pins(function, visible) for name, function in written.items()}
    if not whys:
        for name, function in [*outputs.items(), *states.items()]:
            unknown = [pin for pin in function.inputs if pin not in inputs and pin not in states]
            whys += [f"{name!r} is a function of {unknown[0]!r}, which is no input"] if unknown else []
    return Cell(tuple(inputs), outputs, states, frozenset(supplies), whys[0] if whys else "")


def _function(group: Group, name: str, source: str) -> Function:
    return checked_function(*(group.values[name][0], source, group.values[name][1]), LIBERTY)


def _flip_flop(group: Group, states: dict[str, Function], visible: dict[str, Function], source: str) -> str:
    """Add a flip-flop; returns why it is refused, if it is."""
    state, complement = [*group.words, ""][:2]
    for name in ("next_state", "clocked_on"):
        if name not in group.values:
            return f"its flip-flop has no {name}"
    clear, preset = (_function(group, name, source) if name in group.values else None for name in ("clear", "preset"))
    values = [group.values.get(f"clear_preset_var{i}", ("", 0))[0] for i in (1, 2)]
    if clear and preset and not set(values) <= {"H", "L"}:
        return "its flip-flop has no value for clear and preset at once, which clear_preset_var1 and var2 are"
    visible[state] = _forced(Function((state,), (0,)), clear, preset, values[0] == "H")
    visible[complement] = _forced(Function((state,), (0, "!")), preset, clear, values[1] == "H")
    following = with_pins(_function(group, "next_state", source), visible)
    states[state] = _forced(following, clear, preset, values[0] == "H")
    return ""


def _forced(value: Function, off: Function | None, on: Function | None, on_wins: bool) -> Function:
    """Return a value that one function makes 0 and one makes 1, either of which may be missing."""
    steps = [("&", inverted(off))] if off else []
    steps[len(steps) if on_wins else 0 : 0] = [("|", on)] if on else []
    for symbol, function in steps:
        value = with_pins(Function(("a", "b"), (0, 1, symbol)), {"a": value, "b": function})
    return value
