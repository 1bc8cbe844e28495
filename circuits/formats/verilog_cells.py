"""Instances of library cells in Verilog: `NAND2_X1 u1 (.A1(a), .A2(b), .ZN(n));`, as mapped netlists have them."""

from collections.abc import Sequence

from circuits.formats.cell_functions import function_of
from circuits.formats.cells import Cell, parts_of
from circuits.formats.nets import Nets
from circuits.formats.verilog_expressions import Expressions
from circuits.formats.verilog_tokens import Text, Token

# What Yosys writes without a library: its internal gates and simple registers.
_YOSYS = {
    "BUF": "A",
    "NOT": "!A",
    "AND": "A*B",
    "NAND": "!(A*B)",
    "OR": "A+B",
    "NOR": "!(A+B)",
    "XOR": "A^B",
    "XNOR": "!(A^B)",
    "ANDNOT": "A*!B",
    "ORNOT": "A+!B",
    "MUX": "(A*!S)+(B*S)",
    "NMUX": "!((A*!S)+(B*S))",
    "AOI3": "!((A*B)+C)",
    "OAI3": "!((A+B)*C)",
    "AOI4": "!((A*B)+(C*D))",
    "OAI4": "!((A+B)*(C+D))",
}
YOSYS_CELLS = {
    f"$_{name}_": Cell(tuple(pin for pin in "ABCDS" if pin in text), {"Y": function_of(text)})
    for name, text in _YOSYS.items()
} | {f"$_DFF_{edge}_": Cell(("C", "D"), {"Q": function_of("IQ")}, {"IQ": function_of("D")}) for edge in "PN"}

Piece = tuple[Sequence[Token], Token]  # tokens, and what ends them


def add_cell(text: Text, nets: Nets, expressions: Expressions, first: Token, cell: Cell, pieces: list[Piece]) -> None:
    """Drive the nets on the outputs of an instance, and make its registers.

    Args:
        text: the file, for errors.
        nets: get the gates and registers.
        expressions: what reads the nets on the pins.
        first: the name of the cell.
        cell: what it is.
        pieces: `.pin(net)` for each pin.

    Raises:
        ParseError: with the line, if a pin is unknown, given twice or needed and not connected, if a net on it is not
            of one bit, or if the cell is refused.
    """
    pins: dict[str, str] = {}
    for piece, after in pieces:
        if len(piece) < 4 or [token.kind for token in (*piece[:3], piece[-1])] != [".", "name", "(", ")"]:
            raise text.error(f"expected .pin(net) of cell {first}, found {piece[0] if piece else after}", after)
        pin, inner = piece[1].text, piece[3:-1]
        if pin in pins:
            raise text.error(f"pin {piece[1]} is connected twice", piece[1])
        if not inner or pin in cell.supplies:  # nothing is connected, or nothing that matters
            continue
        if pin in cell.outputs:
            target = expressions.target(inner, piece[-1])
            if len(target) != 1:
                raise text.error(f"expected one bit on pin {piece[1]}, found {len(target)}", piece[1])
            pins[pin] = target[0]
        else:
            pins[pin] = expressions.net(expressions.bit(inner, piece[-1]))
    try:
        parts = parts_of(first.text, cell, pins)
    except ValueError as error:
        raise text.error(str(error), first) from None
    line = text.line(first)
    for net, function, fan_ins in parts.gates:
        nets.drive(net, function, fan_ins, line)
    for net, following in parts.registers:
        nets.register(net, [following], f"cell {first}", line)
