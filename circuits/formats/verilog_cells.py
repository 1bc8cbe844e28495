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
# A flip-flop of Yosys: an enable E, a synchronous reset R to 0 or 1, either on the level P or N.
_FLIP_FLOP = re.compile(r"\$_(?:DFF|DFFE|SDFF|SDFFE|SDFFCE)_[PN]([PN]?)([01]?)([PN]?)_|\$_FF_")
_REFUSED = re.compile(r"\$_(?:DFF|DFFE|ALDFFE?|DFFSRE?)_[PN]{2}|\$_(?:DLATCH|SR)\w*_")


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
POSITIONS = {name: ("CK", "Q", "D") for name in FLIP_FLOPS}
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
        return _flip_flop(name, *match.groups(default=""))
    if _REFUSED.match(name):
        return Cell((), {}, refused="it is a latch, or has an asynchronous set or reset; Yosys's async2sync makes it plain")
    return _CELLS.get(name)


def _flip_flop(name: str, first: str, value: str, last: str) -> Cell:
    """Return a plain flip-flop of Yosys: Q takes D, unless R or E say otherwise."""
    text, pins = "D", ["C", "D"]
    enable, reset = (first, "") if name.startswith("$_DFFE") else (last, first if "SDFF" in name else "")
    if name.startswith("$_DFF_") and (first or value):
        return Cell((), {}, refused="its reset is asynchronous; Yosys's async2sync makes it plain")
    if name.startswith("$_DFFE") and value:
        return Cell((), {}, refused="its reset is asynchronous; Yosys's async2sync makes it plain")
    on = {"P": "{}", "N": "!{}"}
    enabled = f"({on[enable].format('E')})" if enable else ""
    resets = f"({on[reset].format('R')})" if reset else ""
    kept = f"({enabled}*{text}+!{enabled}*IQ)" if enable else text
    following = kept
    if reset:
        set_to = f"{resets}+{{}}" if value == "1" else f"!{resets}*{{}}"
        following = set_to.format(kept)
        if "SDFFCE" in name:  # the enable is for the reset too
            following = f"{enabled}*({set_to.format(text)})+!{enabled}*IQ"
    pins += ["E"] * bool(enable) + ["R"] * bool(reset)
    return Cell(tuple(pins), _STATE, {"IQ": function_of(following)})


def flip_flop_pins(names: list[str]) -> dict[str, str] | None:
    """Return which pin of a flip-flop each port is, by its name; None if they are no flip-flop's.

    >>> flip_flop_pins(["CK", "Q", "D"])
    {'CK': 'CK', 'Q': 'Q', 'D': 'D'}
    """
    pins = {name: _PIN.get(name.lower(), "") for name in names}
    return pins if {*pins.values()} >= {"Q", "D"} and "" not in pins.values() else None
