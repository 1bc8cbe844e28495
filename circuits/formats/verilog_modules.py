"""A module of structural Verilog: which of a file it is, what it declares, and what it connects.

IEEE 1364-2005, clauses 4, 6, 7 and 12. Whatever changes with time, and whatever needs another module, is refused.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from circuits.errors import ParseError
from circuits.formats.cells import Cell
from circuits.formats.nets import Nets, Registers
from circuits.formats.verilog_cells import add_cell
from circuits.formats.verilog_expressions import DrivenBit, Expressions
from circuits.formats.verilog_tokens import SYSTEM_VERILOG, Text, Token
from circuits.formats.verilog_vectors import MAX_WIDTH, Signal, numbers_at, width
from circuits.gates import BUF, TREES

_DIRECTIONS = ("input", "output")
_UNARY = {"buf": False, "not": True}
# What is refused, where its own word does not say it.
_WHAT = {
    **dict.fromkeys(("always", "initial"), "behaviour"),
    **dict.fromkeys(("reg", "integer", "real", "realtime", "time", "event"), "a variable"),
    **dict.fromkeys(("supply0", "supply1", "tri", "tri0", "tri1", "triand", "trior", "trireg"), "another kind of net"),
    **dict.fromkeys(("wand", "wor", "uwire"), "another kind of net"),
    **dict.fromkeys(("bufif0", "bufif1", "notif0", "notif1"), "a gate with a third state"),
    **dict.fromkeys(("nmos", "pmos", "cmos", "rnmos", "rpmos", "rcmos"), "a switch"),
    **dict.fromkeys(("tran", "tranif0", "tranif1", "rtran", "rtranif0", "rtranif1"), "a switch"),
    **dict.fromkeys(("pullup", "pulldown"), "a strength"),
    **dict.fromkeys(("parameter", "localparam", "defparam", "genvar", "generate"), "for a design to elaborate"),
    "inout": "a port of both directions",
    "primitive": "a gate of the file's own",
    "signed": "arithmetic",
    "#": "a delay or a parameter",
}
_STRENGTHS = re.compile("(strong|pull|weak|highz)[01]|supply[01]|small|medium|large")
_NESTING = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_INDEXED = re.compile(r"(.+)\[(0|-?[1-9][0-9]{0,9})\]")


def module_of(text: Text, top: str | None) -> list[Token]:
    """Return the tokens of the module to read, from its name to its `endmodule`.

    Args:
        text: the file.
        top: the name of the module; None if there is only one.

    Raises:
        ParseError: if there is no such module, or none or several to choose from.
    """
    modules: dict[str, list[Token]] = {}
    start = None
    for place, token in enumerate(text.tokens):
        if start is None:
            if token.kind == "module":
                start = place + 1
            elif token.kind:
                raise text.error(f"expected module, found {_found(token)}", token)
        elif token.kind == "endmodule":
            name = text.tokens[start]
            if name.kind != "name":
                raise text.error(f"expected the name of a module, found {_found(name)}", name)
            if name.text in modules:
                raise text.error(f"module {name} stands in line {text.line(modules[name.text][0])} already", name)
            modules[name.text] = text.tokens[start : place + 1]
            start = None
        elif not token.kind or token.kind == "module":
            raise text.error(f"expected endmodule, found {token}", token)
    shown = ", ".join([*map(repr, [*modules][:6]), *["..."] * (len(modules) > 6)]) or "none"
    if top is not None and top not in modules:
        raise ParseError(f"expected a module {top!r}, found {shown}", source=text.source)
    if top is None and len(modules) != 1:
        hint = ": name one by top=" if modules else ""
        raise ParseError(f"expected one module, found {shown}{hint}", source=text.source)
    return modules[top] if top is not None else next(iter(modules.values()))


class Module:
    """Reads one module into nets.

    Args:
        text: the file, for errors.
        tokens: the module, from its name to its `endmodule`.
        cells: what instances may be of.
        registers: what to do with those among them that are registers.
        cycles: how many to unroll.

    Raises:
        ParseError: with the line, if it is malformed, or more than a netlist.
    """

    def __init__(
        self,
        text: Text,
        tokens: Sequence[Token],
        cells: Mapping[str, Cell] = MappingProxyType({}),
        registers: Registers = "refuse",
        cycles: int | None = None,
    ):
        self._text, self._cells = text, cells
        self._signals: dict[str, Signal] = {}
        self._ports: dict[str, Token] = {}  # by name, in the order of the module's header
        self._directions: dict[str, tuple[str, Token]] = {}
        self._wires: dict[str, Token] = {}
        self._statements: list[tuple[str, Sequence[Token], Token]] = []  # assigns and gates, and what ends them
        self.nets = Nets(text.source, "input {net}", "assign {net} = ...", registers, "output {net}", cycles)
        self._expressions = Expressions(text, self.nets, self._signal)
        place = self._header(tokens)
        while tokens[place].kind != "endmodule":
            place = self._item(tokens, place)
        self._declare_ports(tokens[0])
        # All that is declared is known now, wherever it stands.
        for keyword, body, end in self._statements:
            if keyword == "assign":
                self._assign(body, end)
            elif keyword == "name":
                self._instances(body, end)
            else:
                self._gate(keyword, body, end)
        self._check_names()

    def _header(self, tokens: Sequence[Token]) -> int:
        """Read `name (ports);` and return the place after it."""
        place = next((i for i, token in enumerate(tokens) if token.kind == ";"), len(tokens) - 1)
        end = tokens[place]
        if end.kind != ";":
            raise self._text.error("expected ; after the ports of the module, found none", tokens[0])
        ports = tokens[1:place]
        if ports and (ports[0].kind != "(" or ports[-1].kind != ")"):
            wrong = ports[0] if ports[0].kind != "(" else end
            raise self._text.error(f"expected the ports of the module in parentheses, found {_found(wrong)}", wrong)
        direction, bounds = "", None
        for piece, after in _split(ports[1:-1], ports[-1]) if len(ports) > 2 else []:
            rest = piece
            if piece and piece[0].kind in _DIRECTIONS and (direction or not self._ports):
                direction = piece[0].kind
                bounds, rest = self._bounds(piece[1:], after)
            name = self._only_name(rest, after)
            if name.text in self._ports:
                raise self._text.error(f"port {name} is there twice", name)
            self._ports[name.text] = name
            if direction:
                self._declare(direction, name, bounds)
        return place + 1

    def _item(self, tokens: Sequence[Token], place: int) -> int:
        """Read a declaration, or keep an assign or a gate for later, and return the place after it."""
        first = tokens[place]
        keyword = first.kind
        is_cell = keyword == "name" and first.text in self._cells
        if not is_cell and keyword not in (*_DIRECTIONS, "wire", "assign", *TREES, *_UNARY):
            instance = ", an instance of a module" if first.kind == "name" and first.text not in SYSTEM_VERILOG else ""
            found = _found(first) + instance
            raise self._text.error(f"expected wires, assigns or gates, found {found}. docs/rtl.md has a way", first)
        start = place if is_cell else place + 1
        while tokens[place].kind != ";":
            if tokens[place].kind == "endmodule":
                raise self._text.error(f"this {first} has no ; at its end", first)
            place += 1
        body, end = tokens[start:place], tokens[place]
        if keyword in _DIRECTIONS or keyword == "wire":
            self._declaration(keyword, body, end)
        else:
            self._statements.append((keyword, body, end))
        return place + 1

    def _declaration(self, keyword: str, body: Sequence[Token], end: Token) -> None:
        bounds, names = self._bounds(body, end) if keyword != "wire" else self._range(body, end)
        for piece, after in _split(names, end):
            if keyword == "wire" and len(piece) > 1 and piece[1].kind == "=":
                self._declare(keyword, self._only_name(piece[:1], after), bounds)
                self._statements.append(("assign", piece, after))
            else:
                self._declare(keyword, self._only_name(piece, after), bounds)

    def _bounds(self, tokens: Sequence[Token], end: Token) -> tuple[tuple[int, int] | None, Sequence[Token]]:
        """Return the bounds of a port, which may have `wire` before them, and the tokens after them."""
        return self._range(tokens[1:] if tokens and tokens[0].kind == "wire" else tokens, end)

    def _range(self, tokens: Sequence[Token], end: Token) -> tuple[tuple[int, int] | None, Sequence[Token]]:
        if not tokens or tokens[0].kind != "[":
            return None, tokens
        numbers, place = numbers_at(self._text, tokens, 0, end)
        if len(numbers) != 2:
            raise self._text.error(f"expected the bounds [number:number] of a vector, found [{numbers[0]}]", tokens[0])
        left, right = numbers
        if width((left, right)) > MAX_WIDTH:
            raise self._text.error(f"a vector has at most {MAX_WIDTH} bits, found [{left}:{right}]", tokens[0])
        return (left, right), tokens[place:]

    def _only_name(self, tokens: Sequence[Token], end: Token) -> Token:
        name, *rest = [*tokens[:2], end]
        if name.kind != "name" or (len(tokens) > 1 and name.text in SYSTEM_VERILOG):
            raise self._text.error(f"expected a name, found {_found(name)}", name)
        if len(tokens) > 1:
            raise self._text.error(f"expected , or {end.text} after {name}, found {_found(rest[0])}", rest[0])
        return name

    def _declare(self, keyword: str, token: Token, bounds: tuple[int, int] | None) -> None:
        name = token.text
        if keyword == "wire":
            before = self._wires.setdefault(name, token)
        else:
            if name not in self._ports:
                raise self._text.error(f"{keyword} {token} is not among the ports of the module", token)
            before = self._directions.setdefault(name, (keyword, token))[1]
        if before is not token:
            raise self._text.error(f"{token} is declared twice: here and in line {self._text.line(before)}", token)
        signal = self._signals.setdefault(name, Signal(name, bounds))
        if signal.bounds != bounds:
            raise self._text.error(f"{token} is declared as {_shown(signal.bounds)} and as {_shown(bounds)}", token)

    def _declare_ports(self, module: Token) -> None:
        for name, port in self._ports.items():
            if name not in self._directions:
                raise self._text.error(f"port {port} is declared neither input nor output", port)
            direction, token = self._directions[name]
            self._expressions.spend(width(self._signals[name].bounds), token)
            for net in self._signals[name].bits():
                (self.nets.input if direction == "input" else self.nets.output)(net, self._text.line(token))
        if not self.nets.outputs:
            raise self._text.error(f"expected at least one output of module {module}, found none", module)

    def _assign(self, body: Sequence[Token], end: Token) -> None:
        """Read `target = value, target = value`."""
        for piece, after in _split(body, end):
            place = next((i for i, token in enumerate(piece) if token.kind == "="), 0)
            if not place or self._is_strength(piece[0], piece[1]):
                wrong = piece[0] if piece else after
                raise self._text.error(f"expected net = value after assign, found {_found(wrong)}", wrong)
            self._imply(piece[:place])
            target = self._expressions.target(piece[:place], piece[place])
            value = self._expressions.value(piece[place + 1 :], after)
            if len(target) != len(value):
                message = f"expected one width on both sides of =, found {len(target)} and {len(value)} bits"
                raise self._text.error(message, piece[place])
            for net, bit in zip(target, value, strict=True):
                self._expressions.drive(net, bit, piece[0])

    def _gate(self, keyword: str, body: Sequence[Token], end: Token) -> None:
        """Read `name (output, input, ...), name (...)`; names may be left out."""
        for piece, after in _split(body, end):
            named = bool(piece) and piece[0].kind == "name"
            terminals = piece[named:]
            if len(terminals) < 3 or terminals[0].kind != "(" or terminals[-1].kind != ")":
                wrong = terminals[0] if terminals and terminals[0].kind != "(" else after
                raise self._text.error(f"expected nets in parentheses for {keyword!r}, found {_found(wrong)}", wrong)
            if self._is_strength(*terminals[:2]):
                raise self._text.error(f"expected nets in parentheses, found {terminals[1]}, a strength", terminals[1])
            nets = _split(terminals[1:-1], terminals[-1])
            for operand, _ in nets:
                self._imply(operand)
            n_outputs = len(nets) - 1 if keyword in _UNARY else 1
            if len(nets) < 2:
                raise self._text.error(f"{keyword!r} takes an output and inputs, found one net", terminals[0])
            bits = [self._expressions.bit(*operand) for operand in nets[n_outputs:]]
            names = tuple(self._expressions.net(bit) for bit in bits)
            table, inverted = TREES.get(keyword) or (BUF, _UNARY[keyword])
            for operand, operand_end in nets[:n_outputs]:
                target = self._expressions.target(operand, operand_end)
                if len(target) != 1:
                    raise self._text.error(f"expected one bit, found {len(target)}", operand[0])
                gate = DrivenBit(table, inverted, names, (keyword, terminals[0], 0))
                self._expressions.drive(target[0], gate, terminals[0])

    def _instances(self, body: Sequence[Token], end: Token) -> None:
        """Read `cell name (.pin(net), ...), name (...)`."""
        for piece, after in _split(body[1:], end):
            if len(piece) < 3 or [token.kind for token in (*piece[:2], piece[-1])] != ["name", "(", ")"]:
                raise self._text.error(f"expected a name and .pin(net) in parentheses, found {_found(after)}", after)
            pins = _split(piece[2:-1], piece[-1]) if len(piece) > 3 else []
            for pin, _ in pins:
                self._imply(pin[3:-1])
            add_cell(self._text, self.nets, self._expressions, body[0], self._cells[body[0].text], pins)

    def _is_strength(self, opened: Token, token: Token) -> bool:
        return opened.kind == "(" and _STRENGTHS.fullmatch(token.kind) is not None

    def _imply(self, tokens: Sequence[Token]) -> None:
        """Declare a name that stands alone as what a gate connects or an assign drives: a wire of one bit."""
        if len(tokens) == 1 and tokens[0].kind == "name" and tokens[0].text not in self._signals:
            self._declare("wire", tokens[0], None)

    def _signal(self, token: Token) -> Signal:
        if token.text not in self._signals:
            raise self._text.error(f"net {token} is not declared", token)
        return self._signals[token.text]

    def _check_names(self) -> None:
        r"""Refuse a net `\x[0] ` beside a vector x that has such a bit, since they would be one name."""
        for name, signal in self._signals.items():
            match = _INDEXED.fullmatch(name)
            bounds = self._signals[match[1]].bounds if match and match[1] in self._signals else None
            if signal.bounds is None and match and bounds and min(bounds) <= int(match[2]) <= max(bounds):
                token = self._wires.get(name) or self._directions[name][1]
                raise self._text.error(f"net {token} has the name of a bit of vector {match[1]!r}: rename one", token)


def _split(tokens: Sequence[Token], end: Token) -> list[tuple[Sequence[Token], Token]]:
    """Parts between commas that are in no bracket, each with what ends it."""
    parts, start, nesting = [], 0, 0
    for place, token in enumerate(tokens):
        nesting += _NESTING.get(token.kind, 0)
        if token.kind == "," and nesting == 0:
            parts.append((tokens[start:place], token))
            start = place + 1
    return [*parts, (tokens[start:], end)]


def _found(token: Token) -> str:
    """Return a token, and what it is."""
    what = _WHAT.get(token.kind)
    if token.kind == "name" and token.text in SYSTEM_VERILOG:
        what = "a word of SystemVerilog"
    return f"{token}, {what}" if what else str(token)


def _shown(bounds: tuple[int, int] | None) -> str:
    return "one bit" if bounds is None else f"[{bounds[0]}:{bounds[1]}]"
