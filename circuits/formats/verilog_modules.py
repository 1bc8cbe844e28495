"""A module of Verilog as it is written: its ports, parameters, nets, and the statements that connect them.

IEEE 1364-2005, clauses 4, 12 and 19. Nothing is connected here; `verilog_statements` does that.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from circuits.formats.cells import Cell
from circuits.formats.gate_lists import Numbers
from circuits.formats.verilog_expressions import Expressions
from circuits.formats.verilog_gates import PlainStatements
from circuits.formats.verilog_operators import Wiring
from circuits.formats.verilog_pieces import WAY, closing, found, split, without_delay
from circuits.formats.verilog_processes import Process, process_of
from circuits.formats.verilog_tokens import KEYWORDS, SYSTEM_VERILOG, Text, Token
from circuits.formats.verilog_vectors import Constant, DontCares, Signal, constant_of
from circuits.gates import TREES

DIRECTIONS = ("input", "output")
UNARY = {"buf": False, "not": True}
_NETS = {"wire", "tri", "reg", "supply0", "supply1"}
_PARAMETERS = {"parameter", "localparam"}
_CONNECTING = {"assign", "defparam", *TREES, *UNARY}
_INDEXED = re.compile(r"(.+)\[(0|-?[1-9][0-9]{0,9})\]")
_TO_SEMICOLON = re.compile(r"(?:[^;\\]++|\\[!-~]*+)*;")
_WORD = re.compile(r"\s*+(?:\\[!-~]++|[A-Za-z_$][A-Za-z0-9_$]*+|.)", re.DOTALL)


class Port(NamedTuple):
    """A port: the name that instances know it by, and the expression of nets inside, or None if that is its name."""

    name: str
    inside: Sequence[Token] | None
    token: Token


class Statement(NamedTuple):
    """An assign, gate, instance or defparam, by its place in the text, or a process."""

    keyword: str
    start: int
    end: int
    process: Process | None = None


class Module:
    """Reads what one module declares.

    Args:
        text: the file.
        start: the place of its name in the text.
        end: that of its `endmodule`.
        numbers: its nets by their names.
        overridden: values that an instance gives to parameters.
        cell_of: the cell of a name that is no module; None if there is none.
        dont_cares: what x is.

    Raises:
        ParseError: with the line, if it is malformed, or more than a netlist.
    """

    def __init__(
        self,
        text: Text,
        start: int,
        end: int,
        numbers: Numbers,
        overridden: Mapping[str, Constant],
        dont_cares: DontCares,
        cell_of: Callable[[str], Cell | None],
    ):
        self.text, self._end = text, end
        self.signals: dict[str, Signal] = {}
        self.parameters: dict[str, Constant] = {}
        self.parameter_names: list[str] = []  # without those that are local
        self.ports: dict[str, Port] = {}  # in the order of the header
        self.directions: dict[str, tuple[str, Token]] = {}
        self.wires: dict[str, Token] = {}
        self.statements: list[Statement] = []
        self.supplies: list[tuple[str, bool, int]] = []
        self.plain = PlainStatements(numbers)
        self.numbers = numbers
        self._overridden = dict(overridden)
        self._cell_of = cell_of
        self._dont_cares: DontCares = dont_cares
        self._known: dict[str, object] = {}
        self._names: list[str] = []
        self._has_inner_ports = False  # ports that are expressions of nets inside
        self.expressions = self._reader()
        at = self._header(start)
        while True:
            at = self.plain.read(text.text, at, end, self._known)
            if _WORD.match(text.text, at, end) is None:
                break
            at = self._item(at)
        self._settle()

    def _reader(self) -> Expressions:
        wiring = Wiring(self.text, self.numbers, self.plain.gates)
        return Expressions(self.text, wiring, self.look_up, self.numbers.__getitem__, self._dont_cares)

    def statement(self, at: int, end: int | None = None) -> tuple[list[Token], int]:
        """Return the tokens of a statement, its ; among them, and the place after it."""
        end = self._end_of(at) if end is None else end
        return list(self.text.tokens(at, end)), end

    def _end_of(self, at: int) -> int:
        """Return the place after the ; of a statement."""
        semicolon = _TO_SEMICOLON.match(self.text.text, at, self._end)
        if semicolon is None:
            first = next(self.text.tokens(at))
            list(self.text.tokens(at, self._end))  # what is no token is the better error
            raise self.text.error(f"this {first} has no ; at its end", first)
        return semicolon.end()

    def look_up(self, token: Token) -> Signal | Constant:
        """Return what a name stands for."""
        name = token.text
        if name in self.signals:
            return self.signals[name]
        if name in self.parameters:
            return self.parameters[name]
        declared, number = self.plain.declared, self.numbers.get(name, -1)
        if not 0 <= number < len(declared) or declared[number] == -1:
            raise self.text.error(f"net {token} is not declared", token)
        return Signal(name, None)

    def name_of(self, net: int) -> str:
        """Return the name of a net."""
        if net >= len(self._names):
            self._names += list(self.numbers)[len(self._names) :]
        return self._names[net]

    def is_declared(self, name: str) -> bool:
        """Return whether a name is that of a net, a vector or a parameter."""
        number = self.numbers.get(name, -1)
        plainly = 0 <= number < len(self.plain.declared) and self.plain.declared[number] != -1
        return plainly or name in self.signals or name in self.parameters

    def imply(self, tokens: Sequence[Token]) -> None:
        """Declare a name that stands alone as what a gate connects or an assign drives: a wire of one bit."""
        if len(tokens) == 1 and tokens[0].kind == "name" and not self.is_declared(tokens[0].text):
            self.declare("wire", tokens[0], None, False)

    def _header(self, at: int) -> int:
        """Read `name #(parameters) (ports);` and return the place after it."""
        text = self.text
        name = next(text.tokens(at))
        if _TO_SEMICOLON.match(text.text, at, self._end) is None:
            raise text.error("expected ; after the ports of the module, found none", name)
        tokens, after = self.statement(at)
        ports, end = tokens[1:-1], tokens[-1]
        if ports and ports[0].kind == "#":
            close = closing(text, ports, 1, end)
            keyword, kind = "parameter", None
            for piece, piece_end in split(ports[2:close], ports[close]):
                if piece and piece[0].kind in _PARAMETERS:
                    keyword, kind, piece = piece[0].kind, None, piece[1:]
                kind = self._parameter(keyword, piece, piece_end, kind)
            ports = ports[close + 1 :]
        if ports and (ports[0].kind != "(" or ports[-1].kind != ")"):
            wrong = ports[0] if ports[0].kind != "(" else end
            raise text.error(f"expected the ports of the module in parentheses, found {found(wrong)}", wrong)
        direction, bounds, is_signed = "", None, False
        for piece, piece_end in split(ports[1:-1], ports[-1]) if len(ports) > 2 else []:
            rest = piece
            if piece and piece[0].kind in DIRECTIONS and (direction or not self.ports):
                direction = piece[0].kind
                bounds, is_signed, rest = self._type(piece[1:], piece_end, direction)
            port = self._port(rest, piece_end, bool(direction))
            if port.name in self.ports:
                raise text.error(f"port {port.token} is there twice", port.token)
            self.ports[port.name] = port
            self._has_inner_ports |= port.inside is not None
            if direction:
                self.declare(direction, port.token, bounds, is_signed)
        return after

    def _port(self, tokens: Sequence[Token], end: Token, is_declared: bool) -> Port:
        first = tokens[0] if tokens else end
        if not is_declared and first.kind == "." and len(tokens) > 3:
            name = self._only_name(tokens[1:2], tokens[2])
            if tokens[2].kind != "(" or tokens[-1].kind != ")":
                raise self.text.error(f"expected .{name.text}(nets), found {found(end)}", end)
            return Port(name.text, tokens[3:-1], name)
        if not is_declared and (first.kind == "{" or (first.kind == "name" and len(tokens) > 1)):
            return Port(f" {len(self.ports)}", tokens, first)  # it is known by its place alone
        name = self._only_name(tokens, end)
        return Port(name.text, None, name)

    def _item(self, at: int) -> int:
        """Read a declaration, or keep a statement for later, and return the place after it."""
        text = self.text
        word = _WORD.match(text.text, at, self._end)
        assert word is not None
        keyword = word[0].strip()
        at = word.end() - len(keyword)
        if keyword == "specify":  # delays
            end = text.text.find("endspecify", at, self._end)
            if end >= 0:
                return end + len("endspecify")
        if keyword in ("always", "initial"):
            process, end = process_of(text, at, self._end)
            self.statements.append(Statement(keyword, at, end, process))
            return end
        is_instance = keyword[0] == "\\" or (
            re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", keyword) and keyword not in KEYWORDS | SYSTEM_VERILOG
        )
        if keyword in DIRECTIONS or keyword in _NETS or keyword in _PARAMETERS:
            tokens, end = self.statement(at)
            self._declaration(keyword, tokens[1:-1], tokens[-1])
        elif keyword in _CONNECTING or is_instance:
            end = self._end_of(at)
            self.statements.append(Statement("name" if is_instance else keyword, at, end))
        else:
            first = next(text.tokens(at))
            raise text.error(f"expected wires, assigns, gates or instances, found {found(first)}{WAY}", first)
        return end

    def _declaration(self, keyword: str, body: Sequence[Token], end: Token) -> None:
        if keyword in _PARAMETERS:
            kind = None
            for piece, after in split(body, end):
                kind = self._parameter(keyword, piece, after, kind)
            return
        bounds, is_signed, names = self._type(body, end, keyword)
        for piece, after in split(names, end):
            name = self._only_name(piece[:1] if len(piece) > 1 and piece[1].kind == "=" else piece, after)
            self.declare(keyword if keyword in DIRECTIONS else "wire", name, bounds, is_signed)
            if keyword.startswith("supply"):
                self.supplies += [(net, keyword == "supply1", name.at) for net in self.signals[name.text].bits()]
            if len(piece) > 1:
                is_reg = keyword == "reg" or any(token.kind == "reg" for token in body[: len(body) - len(names)])
                self.statements.append(Statement("initially" if is_reg else "assign", name.at, after.at + 1))

    def _type(
        self, tokens: Sequence[Token], end: Token, keyword: str
    ) -> tuple[tuple[int, int] | None, bool, Sequence[Token]]:
        """Return the bounds and the sign of a declaration, and the names after them."""
        place, is_signed = 0, False
        allowed = ("wire", "reg", "tri", "signed") if keyword in DIRECTIONS else ("signed",)
        while place < len(tokens) and tokens[place].kind in allowed:
            is_signed |= tokens[place].kind == "signed"
            place += 1
        bounds = None
        if place < len(tokens) and tokens[place].kind == "[":
            close = closing(self.text, tokens, place, end)
            bounds = self.expressions.bounds(tokens[place : close + 1])
            place = close + 1
        return bounds, is_signed, without_delay(self.text, tokens[place:], end)

    def _parameter(
        self, keyword: str, tokens: Sequence[Token], end: Token, kind: tuple[int, bool] | None
    ) -> tuple[int, bool] | None:
        """Read `signed [3:0] N = value`, and return the width and the sign, which the next one has too."""
        if tokens and tokens[0].kind == "integer":
            kind, tokens = (32, True), tokens[1:]
        else:
            bounds, is_signed, rest = self._type(tokens, end, keyword)
            if bounds is not None or is_signed:
                kind = (abs(bounds[0] - bounds[1]) + 1 if bounds else 32, is_signed)
            tokens = rest
        name = self._only_name(tokens[:1], tokens[1] if len(tokens) > 1 else end)
        if len(tokens) < 3 or tokens[1].kind != "=":
            raise self.text.error(f"expected {keyword} {name.text} = value, found {found(end)}", end)
        if name.text in self.parameters or name.text in self.signals:
            raise self.text.error(f"{name} is declared twice", name)
        value = self.expressions.constant(tokens[2:], end)
        if keyword == "parameter":
            self.parameter_names.append(name.text)
            value = self._overridden.pop(name.text, value)
        if kind is not None:
            value = constant_of(value.value, *kind)
        self.parameters[name.text] = self._known[name.text] = value
        return kind

    def _only_name(self, tokens: Sequence[Token], end: Token) -> Token:
        name, *rest = [*tokens[:2], end]
        if name.kind != "name" or (len(tokens) > 1 and name.text in SYSTEM_VERILOG):
            raise self.text.error(f"expected a name, found {found(name)}", name)
        if len(tokens) > 1:
            raise self.text.error(f"expected , or {end.text} after {name}, found {found(rest[0])}", rest[0])
        return name

    def declare(self, keyword: str, token: Token, bounds: tuple[int, int] | None, is_signed: bool) -> None:
        """Declare a wire, input or output."""
        name, text = token.text, self.text
        if keyword == "wire":
            before = self.wires.setdefault(name, token)
        else:
            if name not in self.ports and not self._has_inner_ports:
                raise text.error(f"{keyword} {token} is not among the ports of the module", token)
            before = self.directions.setdefault(name, (keyword, token))[1]
        line = text.line(before) if before is not token else 0
        if (number := self.numbers.get(name, -1)) >= 0 and name not in self.signals:
            declared = self.plain.declared
            line = text.line(declared[number]) if number < len(declared) and declared[number] != -1 else line
        if line or name in self.parameters:
            raise text.error(f"{token} is declared twice" + (f": here and in line {line}" if line else ""), token)
        signal = self.signals.setdefault(name, Signal(name, bounds, is_signed))
        self._known[name] = signal
        if signal.bounds != bounds:
            raise text.error(f"{token} is declared as {_shown(signal.bounds)} and as {_shown(bounds)}", token)
        if is_signed and not signal.signed:
            self.signals[name] = signal._replace(signed=True)

    def _settle(self) -> None:
        """Look at the names in plain statements, now that all is declared; read again those that are not so plain."""
        names = list(self.numbers)
        wrong: set[int] = set()
        candidates = []
        for number in self.plain.undeclared():
            name = names[number]
            signal = self.signals.get(name)
            if signal is not None:
                if signal.bounds is not None:
                    wrong.add(number)
                continue
            match = _INDEXED.fullmatch(name)
            vector = self.signals.get(match[1]) if match else None
            if match and vector and vector.bounds and min(vector.bounds) <= int(match[2]) <= max(vector.bounds):
                continue
            if match or name in KEYWORDS or name in self.parameters:
                wrong.add(number)
            else:
                candidates.append(number)
        implied = self.plain.implied(candidates) if candidates else set()
        wrong |= {*candidates} - implied
        for place in self.plain.taken_out(wrong):
            word = _WORD.match(self.text.text, place)
            assert word is not None
            self.statements.append(Statement(word[0].strip(), place, self._end_of(place)))
        for place in self.plain.instances.connect(wrong, self._cell_of, self.plain.gates):
            self.statements.append(Statement("name", place, self._end_of(place)))
        for number in sorted(implied):
            self.declare("wire", Token("name", names[number], 0), None, False)
        self.statements.sort(key=lambda statement: statement.start)
        self.expressions = self._reader()
        if self._overridden:
            name = next(iter(self._overridden))
            known = ", ".join(map(repr, self.parameter_names)) or "none"
            raise self.text.error(f"the module has no parameter {name!r}, expected one of {known}", self._start_token())
        self._check_names()

    def _start_token(self) -> int:
        return next(iter(self.ports.values())).token.at if self.ports else self._end

    def _check_names(self) -> None:
        r"""Refuse a net `\x[0] ` beside a vector x that has such a bit, since they would be one name."""
        vectors = {name: signal.bounds for name, signal in self.signals.items() if signal.bounds is not None}
        for name in [*self.numbers, *self.signals] if vectors else ():
            match = _INDEXED.fullmatch(name) if name[-1:] == "]" else None
            bounds = vectors.get(match[1]) if match else None
            if match and bounds and self.is_declared(name) and min(bounds) <= int(match[2]) <= max(bounds):
                token = self.wires.get(name) or self.directions.get(name, (None, None))[1]
                at = token or self.plain.declared[self.numbers[name]]
                raise self.text.error(f"net {name!r} has the name of a bit of vector {match[1]!r}: rename one", at)


def _shown(bounds: tuple[int, int] | None) -> str:
    return "one bit" if bounds is None else f"[{bounds[0]}:{bounds[1]}]"
