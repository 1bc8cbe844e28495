"""Cells that instances may be of where the file has no such module: those of Yosys, flip-flops, and a library's."""

import re
from collections.abc import Mapping

from circuits.formats.cell_functions import Function, function_of
from circuits.formats.cells import Cell

_GATES = {
    "BUF": "A", "NOT": "!A", "AND": "A*B", "NAND": "!(A*B)", "OR": "A+B", "NOR": "!(A+B)", "XOR": "A^B",
    "XNOR": "!(A^B)", "ANDNOT": "A*!B", "ORNOT": "A+!B", "MUX": "S*B+!S*A", "NMUX": "!(S*B+!S*A)",
    "AOI3": "!(A*B+C)", "OAI3": "!((A+B)*C)", "AOI4": "!(A*B+C*D)", "OAI4": "!((A+B)*(C+D))",
}  # fmt: skip
# A flip-flop of Yosys: the edge of its clock, then the level of a reset R and its value, then the level of an enable E.
_FLIP_FLOP = re.compile(r"\$_(S?)DFF(E|CE)?_[PN](?:([PN])([01]))?([PN])?_")
_REFUSED = re.compile(r"\$_(?:ALDFFE?|DFFSRE?|DLATCH(?:SR)?|SR)_\w*")


def _yosys_cells() -> dict[str, Cell]:
    cells = {}
    for name, text in _GATES.items():
        function = function_of(text)
        pins = tuple(pin for pin in "ABCDS" if pin in function.inputs)
        cells[f"$_{name}_"] = Cell(pins, {"Y": function})
    return cells


_CELLS = _yosys_cells()
_STATE = {"Q": Function(("IQ",), (0,))}
# Of ISCAS-89's Verilog and what was made of it: by position (clock, q, d).
FLIP_FLOPS = {"dff", "DFF"}
POSITIONS = dict.fromkeys(FLIP_FLOPS, ("CK", "Q", "D"))
_PIN = {"ck": "CK", "clk": "CK", "clock": "CK", "c": "CK", "cp": "CK", "q": "Q", "d": "D"}


def cell_of(name: str, library: Mapping[str, Cell]) -> Cell | None:
    """Return the cell of a name, the library's first; None if there is no such cell.

    >>> cell_of("$_MUX_", {}).inputs
    ('A', 'B', 'S')
    """
    if name in library:
        return library[name]
    if name in FLIP_FLOPS:
        return Cell(("CK", "D"), _STATE, {"IQ": function_of("D")})
    if match := _FLIP_FLOP.fullmatch(name):
        return _flip_flop(*match.groups(default=""))
    if _REFUSED.match(name):
        return Cell((), {}, refused="it is a latch, or is set as well as reset. Yosys's async2sync makes it plain")
    return _CELLS.get(name)


def _flip_flop(synchronous: str, kind: str, reset: str, value: str, enable: str) -> Cell:
    """Return a flip-flop of Yosys: Q takes D, unless R or E say otherwise."""
    on_reset = {"P": "(R)", "N": "(!R)", "": ""}[reset]
    on_enable = {"P": "(E)", "N": "(!E)", "": ""}[enable]

    def unless_reset(text: str) -> str:
        return f"({on_reset}+({text}))" if value == "1" else f"(!{on_reset}*({text}))" if reset else text

    def if_enabled(text: str) -> str:
        return f"({on_enable}*({text})+!{on_enable}*IQ)" if enable else text

    following = if_enabled(unless_reset("D")) if kind == "CE" else unless_reset(if_enabled("D"))
    shown = _STATE if synchronous or not reset else {"Q": function_of(unless_reset("IQ"))}
    pins = ("C", "D", *["R"] * bool(reset), *["E"] * bool(enable))
    return Cell(pins, shown, {"IQ": function_of(following)})


def flip_flop_pins(names: list[str]) -> dict[str, str] | None:
    """Return which pin of a flip-flop each port is, by its name; None if they are no flip-flop's.

    >>> flip_flop_pins(["CK", "Q", "D"])
    {'CK': 'CK', 'Q': 'Q', 'D': 'D'}
    """
    pins = {name: _PIN.get(name.lower(), "") for name in names}
    return pins if {*pins.values()} >= {"Q", "D"} and "" not in pins.values() else None
