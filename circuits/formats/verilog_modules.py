"""A module of structural Verilog: which of a file it is, what it declares, and what it connects.

IEEE 1364-2005, clauses 4, 6, 7 and 12. Whatever changes with time, and whatever needs another module, is refused.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from circuits.errors import ParseError
from circuits.formats.cells import Cell
from circuits.formats.nets import Nets
from circuits.formats.verilog_cells import Piece, add_cell
from circuits.formats.verilog_expressions import DrivenBit, Expressions
from circuits.formats.verilog_processes import next_states, process_at
from circuits.formats.verilog_tokens import KEYWORDS, SYSTEM_VERILOG, Text, Token
from circuits.formats.verilog_vectors import MAX_WIDTH, DontCares, Signal, number_at, numbers_at, width
from circuits.gates import AND, BUF, NOT, OR, TREES, XOR, flip

_DIRECTIONS = ("input", "output")
_UNARY = {"buf": False, "not": True}
_INVERTING = ("not", "nand", "nor", "xnor")
# Nets, and the value of those that are constants.
_NETS: dict[str, bool | None] = {"wire": None, "tri": None, "reg": None, "supply0": False, "supply1": True}
_ITEMS = (*_DIRECTIONS, *_NETS, "assign", "parameter", "localparam", *TREES, *_UNARY)
# Of statements that are one token: what they begin with, their nets, and the table of what an assign has at its right.
_SIMPLE = re.compile(r"(assign\b|(?:and|nand|or|nor|xor|xnor|not|buf)\b)(?:(?<!assign)[^(]*\()?")
_OPERAND = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*+(?:\[[0-9]+\])?|\\[!-~]++[ \t\n]")
_OPERATORS = re.compile(r"\\[!-~]++[ \t\n]|[^~&|^]")
_ASSIGNED = {
    ("~" * not_a + symbol + "~" * not_b): flip(table, not_a, not_b)
    for symbol, table in {"&": AND, "|": OR, "^": XOR}.items()
    for not_a in range(2)
    for not_b in range(2)
} | {"": BUF, "~": NOT}
# What is refused, where its own word does not say it.
_WHAT = {
    **dict.fromkeys(("always", "initial"), "behaviour"),
    **dict.fromkeys(("integer", "real", "realtime", "time", "event"), "a variable"),
    **dict.fromkeys(("tri0", "tri1", "triand", "trior", "trireg"), "another kind of net"),
    **dict.fromkeys(("wand", "wor", "uwire"), "another kind of net"),
    **dict.fromkeys(("bufif0", "bufif1", "notif0", "notif1"), "a gate with a third state"),
    **dict.fromkeys(("nmos", "pmos", "cmos", "rnmos", "rpmos", "rcmos"), "a switch"),
    **dict.fromkeys(("tran", "tranif0", "tranif1", "rtran", "rtranif0", "rtranif1"), "a switch"),
    **dict.fromkeys(("pullup", "pulldown"), "a strength"),
    **dict.fromkeys(("defparam", "genvar", "generate"), "for a design to elaborate"),
    "inout": "a port of both directions",
    "primitive": "a gate of the file's own",
    "signed": "arithmetic",
    "#": "a delay or a parameter",
}
_STRENGTHS = re.compile("(strong|pull|weak|highz)[01]|supply[01]|small|medium|large")
_FLIP_FLOP = "module {} (CK, Q, D); input CK, D; output reg Q; always @(posedge CK) Q <= D; endmodule"
_NESTING = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_INDEXED = re.compile(r"(.+)\[(0|-?[1-9][0-9]{0,9})\]")


def modules_of(text: Text, cells: Mapping[str, Cell] = MappingProxyType({})) -> dict[str, list[Token]]:
    """Return the tokens of each module by its name, from the name to `endmodule`.

    Args:
        text: the file.
        cells: of a library, which are no modules.

    Raises:
        ParseError: with the line, if modules are not closed or something stands outside of them.
    """
    modules: dict[str, list[Token]] = {}
    start = None
    for place, token in enumerate(text.tokens):
        if start is None:
            if token.kind in ("module", "macromodule"):
                start = place + 1
            elif token.kind:
                first = text.words_of(token)[0] if token.kind == "statement" else token
                raise text.error(f"expected module, found {_found(first)}", token)
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
    for name in ("dff", "DFF"):
        # The netlists of ISCAS-89 use it without a module, or with one of transistors.
        made = any(token.kind == "trireg" for token in modules.get(name, []))
        if made or (name not in modules and name not in cells):
            modules[name] = Text(_FLIP_FLOP.format(name), text.source).tokens[1:-1]
    return modules


def root_of(modules: Mapping[str, Sequence[Token]], text: Text, top: str | None) -> str:
    """Return the module to read: the named one, or the one that no other instantiates.

    Args:
        modules: all of a file.
        text: the file, for errors.
        top: the name that was asked for, or None.

    Raises:
        ParseError: if there is no such module, or none or several that no other instantiates.
    """
    shown = ", ".join([*map(repr, [*modules][:6]), *["..."] * (len(modules) > 6)]) or "none"
    if top is not None:
        if top not in modules:
            raise ParseError(f"expected a module {top!r}, found {shown}", source=text.source)
        return top
    used = {
        token.text
        for name, tokens in modules.items()
        for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if token.kind == "name"
        and token.text in modules
        and token.text != name
        and (before.kind in (";", "end", "statement") or before is tokens[0])
        and after.kind in ("name", "#")
    }
    roots = [name for name in modules if name not in used and name not in ("dff", "DFF")]
    if len(roots) == 1:
        return roots[0]
    if not modules:
        raise ParseError("expected one module, found none", source=text.source)
    if not roots:
        raise ParseError(f"the modules use each other in a circle: {shown}", source=text.source)
    shown = ", ".join([*map(repr, roots[:6]), *["..."] * (len(roots) > 6)])
    raise ParseError(
        f"expected one module that no other uses, found {len(roots)}: {shown}; top={roots[0]!r} chooses",
        source=text.source,
    )


class Design(NamedTuple):
    """What all modules of a file share.

    Attributes:
        text: the file.
        modules: their tokens, by name.
        nets: what gets the inputs, outputs, gates and registers.
        cells: what instances may be of, beside modules.
        dont_cares: the value of x in constants.
    """

    text: Text
    modules: Mapping[str, Sequence[Token]]
    nets: Nets
    cells: Mapping[str, Cell]
    dont_cares: DontCares


class Outside(NamedTuple):
    """What an instance of a module is connected to.

    Attributes:
        instance: its name, after those of the instances around it.
        expressions: reads what is connected, in the module outside.
        by_place: what is connected to the ports in their order, or
        by_name: to ports by their names; each is tokens and what ends them.
        parameters: values in place of those that the module has, in their order or by name.
        modules: those around it, which it must not be one of.
        token: where it stands.
    """

    instance: str
    expressions: Expressions
    by_place: list[Piece] | None
    by_name: dict[str, Piece]
    parameters: dict[str | int, int]
    modules: tuple[str, ...]
    token: Token


class Module:
    """Reads a module, and the modules that it instantiates, into nets.

    Args:
        design: the file.
        name: of the module.
        outside: what an instance of it is connected to; None for the root, whose ports are inputs and outputs.

    Raises:
        ParseError: with the line, if it is malformed, or more than a netlist.
    """

    def __init__(self, design: Design, name: str, outside: Outside | None = None):
        self._design, self._text, self._outside = design, design.text, outside
        self._prefix = f"{outside.instance}." if outside else ""
        self._name, tokens = name, design.modules[name]
        self._signals: dict[str, Signal] = {}
        self._ports: dict[str, Token] = {}  # by name, in the order of the module's header
        self._header_ports: list[list[str]] = []  # a place of the header may join several, the highest first
        self._directions: dict[str, tuple[str, Token]] = {}
        self._wires: dict[str, Token] = {}
        self._statements: list[tuple[str, Any, Token]] = []  # what drives nets, and what ends it
        self._parameters: dict[str, int] = {}
        self._aliases: dict[str, str] = {}  # nets of ports that are nets of the module outside
        self._operands: dict[str, str] = {}  # as they stand in simple statements, and their nets
        self._constants: list[tuple[str, bool, Token]] = []  # supply0 and supply1
        self.nets = design.nets
        self._expressions = Expressions(
            design.text,
            self.nets,
            self._signal,
            net_of=self._net_of,
            prefix=self._prefix,
            parameters=self._parameters,
            dont_cares=design.dont_cares,
        )
        place = self._header(tokens)
        while tokens[place].kind != "endmodule":
            place = self._item(tokens, place)
        self._declare_ports(tokens[0])
        for net, value, token in self._constants:
            self.nets.drive(self._net_of(net), value, (), self._text.line(token))
        # All that is declared is known now, wherever it stands.
        for keyword, body, end in self._statements:
            if keyword == "statement":
                self._simple(end)
            elif keyword == "assign":
                self._assign(body, end)
            elif keyword == "always":
                for net, bit in next_states(self._expressions, body).items():
                    self._register(net, bit, end)
            elif keyword == "name":
                self._instances(body, end)
            else:
                self._gate(keyword, body, end)
        self._check_names()

    def _net_of(self, bit: str) -> str:
        """Return the net of a bit of this module."""
        return self._aliases.get(bit) or self._prefix + bit

    def _register(self, net: str, bit: DrivenBit, token: Token) -> None:
        following = self._expressions.net(bit)
        self.nets.register(net, [following], "always @(posedge ...)", self._text.line(token))

    def _header(self, tokens: Sequence[Token]) -> int:
        """Read `name (ports);` and return the place after it."""
        place = next((i for i, token in enumerate(tokens) if token.kind == ";"), len(tokens) - 1)
        end = tokens[place]
        if end.kind != ";":
            raise self._text.error("expected ; after the ports of the module, found none", tokens[0])
        ports = tokens[1:place]
        if ports and ports[0].kind == "#":
            close = next((i for i, token in enumerate(ports) if token.kind == ")"), 0)
            self._parameter_list(ports[2:close], ports[close])
            ports = ports[close + 1 :]
        if ports and (ports[0].kind != "(" or ports[-1].kind != ")"):
            wrong = ports[0] if ports[0].kind != "(" else end
            raise self._text.error(f"expected the ports of the module in parentheses, found {_found(wrong)}", wrong)
        direction, bounds = "", None
        for piece, after in _split(ports[1:-1], ports[-1]) if len(ports) > 2 else []:
            rest = piece
            if len(piece) > 2 and piece[0].kind == "{" and piece[-1].kind == "}":
                names = [self._only_name(part, part_end) for part, part_end in _split(piece[1:-1], piece[-1])]
                self._ports |= {name.text: name for name in names}
                self._header_ports.append([name.text for name in names])
                continue
            if piece and piece[0].kind in _DIRECTIONS and (direction or not self._ports):
                direction = piece[0].kind
                bounds, rest = self._bounds(piece[1:], after)
            name = self._only_name(rest, after)
            if name.text in self._ports:
                raise self._text.error(f"port {name} is there twice", name)
            self._ports[name.text] = name
            self._header_ports.append([name.text])
            if direction:
                self._declare(direction, name, bounds)
        return place + 1

    def _item(self, tokens: Sequence[Token], place: int) -> int:
        """Read a declaration, or keep an assign or a gate for later, and return the place after it."""
        first = tokens[place]
        keyword = first.kind
        if keyword == "statement":
            self._statements.append((keyword, None, first))
            return place + 1
        if keyword == "always":
            process, after = process_at(self._text, tokens, place + 1)
            self._statements.append((keyword, process, first))
            return after
        if keyword == "name" and (first.text in self._design.modules or first.text in self._design.cells):
            keyword = "name"
        elif keyword not in _ITEMS:
            instance = ", an instance of a module" if first.kind == "name" and first.text not in SYSTEM_VERILOG else ""
            hint = ": library= names a file of cells" if instance else ""
            found = _found(first) + instance
            raise self._text.error(
                f"expected wires, assigns or gates, found {found}{hint}. docs/rtl.md has a way", first
            )
        start = place if keyword == "name" else place + 1
        while tokens[place].kind != ";":
            if tokens[place].kind == "endmodule":
                raise self._text.error(f"this {first} has no ; at its end", first)
            place += 1
        body, end = tokens[start:place], tokens[place]
        if keyword in _DIRECTIONS or keyword in _NETS:
            self._declaration(keyword, body, end)
        elif keyword in ("parameter", "localparam"):
            self._parameter_list(body, end, local=keyword == "localparam")
        else:
            self._statements.append((keyword, body, end))
        return place + 1

    def _parameter_list(self, tokens: Sequence[Token], end: Token, *, local: bool = False) -> None:
        """Read `name = number, ...`, perhaps with a range, which changes nothing here."""
        given = self._outside.parameters if self._outside else {}
        for piece, after in _split(tokens, end):
            while piece and piece[0].kind in ("parameter", "localparam", "integer"):
                piece = piece[1:]
            if piece and piece[0].kind == "[":
                piece = self._range(piece, after)[1]
            if len(piece) < 3 or piece[0].kind != "name" or piece[1].kind != "=":
                raise self._text.error(f"expected name = number, found {_found(after)}", after)
            name = piece[0].text
            number, place = number_at(self._text, piece, 2, after, self._parameters)
            if place != len(piece):
                raise self._text.error(f"expected a number, found {piece[place]}", piece[place])
            if not local:
                number = given.get(name, given.get(len(self._parameters), number))
            self._parameters[name] = number

    def _declaration(self, keyword: str, body: Sequence[Token], end: Token) -> None:
        bounds, names = self._bounds(body, end)
        if keyword in _NETS:
            keyword, constant = "wire", _NETS[keyword]
        else:
            constant = None
        for piece, after in _split(names, end):
            if constant is not None:
                name = self._only_name(piece, after)
                self._declare(keyword, name, bounds)
                self._constants += [(bit, constant, name) for bit in self._signals[name.text].bits()]
            elif keyword == "wire" and len(piece) > 1 and piece[1].kind == "=":
                self._declare(keyword, self._only_name(piece[:1], after), bounds)
                self._statements.append(("assign", piece, after))
            else:
                self._declare(keyword, self._only_name(piece, after), bounds)

    def _bounds(self, tokens: Sequence[Token], end: Token) -> tuple[tuple[int, int] | None, Sequence[Token]]:
        """Return the bounds of a port, which may have `wire` or `reg` before them, and the tokens after them."""
        return self._range(tokens[1:] if tokens and tokens[0].kind in ("wire", "reg", "tri") else tokens, end)

    def _range(self, tokens: Sequence[Token], end: Token) -> tuple[tuple[int, int] | None, Sequence[Token]]:
        if not tokens or tokens[0].kind != "[":
            return None, tokens
        numbers, place = numbers_at(self._text, tokens, 0, end, self._parameters)
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
            if name in self._parameters:
                raise self._text.error(f"{token} is a parameter already", token)
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
            self._expressions.spend(width(self._signals[name].bounds), self._directions[name][1])
        if self._outside:
            self._connect(self._outside, module)
            return
        for name in self._ports:
            direction, token = self._directions[name]
            for net in self._signals[name].bits():
                (self.nets.input if direction == "input" else self.nets.output)(net, self._text.line(token))
        if not self.nets.outputs and not any(keyword == "always" for keyword, _, _ in self._statements):
            raise self._text.error(f"expected at least one output of module {module}, found none", module)

    def _connect(self, outside: Outside, module: Token) -> None:
        """Make the nets of the ports those outside that they are connected to, or drive them by these."""
        if outside.by_place is not None and len(outside.by_place) > len(self._header_ports):
            most, given = len(self._header_ports), len(outside.by_place)
            found = f"expected at most {most} nets for module {module}, found {given}"
            raise self._text.error(found, outside.token)
        for name in outside.by_name:
            if [name] not in self._header_ports:
                raise self._text.error(f"module {module} has no port {name!r}", outside.token)
        for place, names in enumerate(self._header_ports):
            piece = outside.by_name.get(names[0]) if len(names) == 1 else None
            if outside.by_place is not None:
                piece = outside.by_place[place] if place < len(outside.by_place) else None
            if piece is None or not piece[0]:
                continue
            bits = [bit for name in reversed(names) for bit in self._signals[name].bits()]
            kinds = {self._directions[name][0] for name in names}
            if len(kinds) > 1:
                raise self._text.error(f"a port of module {module} joins inputs and outputs", outside.token)
            if kinds == {"output"}:
                target = outside.expressions.target(*piece)
                self._aliases.update(zip(bits, target, strict=False))
                for net in target[len(bits) :]:
                    self.nets.drive(net, False, (), self._text.line(outside.token))
                continue
            for bit, value in zip(bits, outside.expressions.fitted(*piece, len(bits)), strict=True):
                if len(value.fan_ins) == 1 and not value.inverted:
                    self._aliases[bit] = value.fan_ins[0]
                else:
                    outside.expressions.drive(self._prefix + bit, value, piece[1])

    def _simple(self, statement: Token) -> None:
        """Read a statement that is one token: a gate of plain nets, or an assign of one operator."""
        match = _SIMPLE.match(statement.text)
        assert match is not None
        known, nets = self._operands, []
        operands = _OPERAND.findall(statement.text, match.end())
        for operand in operands:
            net = known.get(operand) or self._operand(operand, statement, implied=match[1] != "assign" or not nets)
            if net is None:
                break
            nets.append(net)
        keyword = match[1]
        if len(nets) < len(operands) or (keyword in _UNARY and len(nets) > 2):
            *words, end = self._text.words_of(statement)
            if keyword == "assign":
                self._assign(words[1:], end)
            else:
                self._gate(keyword, words[1:], end)
            return
        line = self._text.line(statement)
        if keyword == "assign":
            table = _ASSIGNED[_OPERATORS.sub("", statement.text[statement.text.index("=") + 1 :])]
        elif len(nets) == 2:
            table = NOT if keyword in _INVERTING else BUF
        elif len(nets) == 3:
            table, inverted = TREES[keyword]
            table ^= 0b1111 if inverted else 0
        else:
            self.nets.drive(nets[0], TREES[keyword], nets[1:], line)
            return
        self.nets.drive(nets[0], table, nets[1:], line)

    def _operand(self, operand: str, statement: Token, *, implied: bool) -> str | None:
        """Return the net of an operand of a simple statement; None where the words must be looked at.

        What a gate connects or an assign drives is a wire of one bit where it is not declared: `implied`.
        """
        name, index = (operand[1:-1], None) if operand[0] == "\\" else (operand, None)
        if operand[0] != "\\" and operand[-1] == "]":
            name, _, digits = operand[:-1].partition("[")
            index = int(digits) if len(digits) < 10 else None
            if index is None:
                return None
        if ((name in KEYWORDS or name in SYSTEM_VERILOG) and operand[0] != "\\") or name in self._parameters:
            return None
        signal = self._signals.get(name)
        if signal is None:
            if index is not None or not implied:
                return None
            self._declare("wire", Token("name", name, statement.at), None)
            signal = self._signals[name]
        if (signal.bounds is None) != (index is None):
            return None
        if signal.bounds is not None and index is not None and not min(signal.bounds) <= index <= max(signal.bounds):
            return None
        net = self._operands[operand] = self._net_of(name if index is None else f"{name}[{index}]")
        return net

    def _assign(self, body: Sequence[Token], end: Token) -> None:
        """Read `target = value, target = value`."""
        for piece, after in _split(self._after_delay(body, end), end):
            place = next((i for i, token in enumerate(piece) if token.kind == "="), 0)
            if not place or self._is_strength(piece[0], piece[1]):
                wrong = piece[0] if piece else after
                raise self._text.error(f"expected net = value after assign, found {_found(wrong)}", wrong)
            self._imply(piece[:place])
            target = self._expressions.target(piece[:place], piece[place])
            value = self._expressions.fitted(piece[place + 1 :], after, len(target))
            for net, bit in zip(target, value, strict=True):
                self._expressions.drive(net, bit, piece[0])

    def _gate(self, keyword: str, body: Sequence[Token], end: Token) -> None:
        """Read `name (output, input, ...), name (...)`; names may be left out."""
        for piece, after in _split(self._after_delay(body, end), end):
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
        """Read `cell #(parameters) name (.port(net), ...), name (...)`."""
        first, rest = body[0], body[1:]
        parameters: dict[str | int, int] = {}
        if rest and rest[0].kind == "#":
            if len(rest) < 2 or rest[1].kind != "(":
                raise self._text.error(f"expected #(parameters), found {rest[0]}", rest[0])
            inside, rest = _parenthesised(rest[1:])
            for place, (piece, after) in enumerate(_split(inside, rest[0] if rest else end)):
                named = len(piece) > 4 and piece[0].kind == "."
                key: str | int = piece[1].text if named else place
                parameters[key] = number_at(self._text, piece, 3 if named else 0, after, self._parameters)[0]
        for piece, after in _split(rest, end):
            if len(piece) < 3 or [token.kind for token in (*piece[:2], piece[-1])] != ["name", "(", ")"]:
                raise self._text.error(f"expected a name and .pin(net) in parentheses, found {_found(after)}", after)
            pins = _split(piece[2:-1], piece[-1]) if len(piece) > 3 else []
            by_name = bool(pins) and bool(pins[0][0]) and pins[0][0][0].kind == "."
            for pin, _ in pins:
                self._imply(pin[3:-1] if by_name else pin)
            if first.text in self._design.modules:
                self._instance(first, piece[0], pins, by_name, parameters)
            else:
                cell = self._design.cells[first.text]
                add_cell(self._text, self.nets, self._expressions, first, cell, pins)

    def _instance(
        self, first: Token, name: Token, pins: list[Piece], by_name: bool, parameters: dict[str | int, int]
    ) -> None:
        """Read the module of an instance."""
        around = (*self._outside.modules, self._name) if self._outside else (self._name,)
        if first.text in around:
            raise self._text.error(f"module {first} uses itself", first)
        named: dict[str, Piece] = {}
        for piece, after in pins if by_name else []:
            if len(piece) < 4 or [token.kind for token in (*piece[:3], piece[-1])] != [".", "name", "(", ")"]:
                raise self._text.error(f"expected .port(net), found {piece[0] if piece else after}", after)
            if piece[1].text in named:
                raise self._text.error(f"port {piece[1]} is connected twice", piece[1])
            named[piece[1].text] = piece[3:-1], piece[-1]
        self._expressions.spend(len(self._design.modules[first.text]), first)
        instance = self._prefix + name.text
        outside = Outside(instance, self._expressions, None if by_name else pins, named, parameters, around, name)
        Module(self._design, first.text, outside)

    def _after_delay(self, body: Sequence[Token], end: Token) -> Sequence[Token]:
        """Return what follows a delay, which changes nothing of the function."""
        if not body or body[0].kind != "#":
            return body
        if len(body) > 1 and body[1].kind == "(":
            return _parenthesised(body[1:])[1]
        return body[2:]

    def _is_strength(self, opened: Token, token: Token) -> bool:
        return opened.kind == "(" and _STRENGTHS.fullmatch(token.kind) is not None

    def _imply(self, tokens: Sequence[Token]) -> None:
        """Declare a name that stands alone as what a gate connects or an assign drives: a wire of one bit."""
        known = self._signals, self._parameters
        if len(tokens) == 1 and tokens[0].kind == "name" and not any(tokens[0].text in names for names in known):
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


def _parenthesised(tokens: Sequence[Token]) -> tuple[Sequence[Token], Sequence[Token]]:
    """Return what is in the parentheses at the beginning, and what follows them."""
    nesting = 0
    for place, token in enumerate(tokens):
        nesting += _NESTING.get(token.kind, 0)
        if nesting == 0:
            return tokens[1:place], tokens[place + 1 :]
    return tokens[1:], []


def _found(token: Token) -> str:
    """Return a token, and what it is."""
    what = _WHAT.get(token.kind)
    if token.kind == "name" and token.text in SYSTEM_VERILOG:
        what = "a word of SystemVerilog"
    return f"{token}, {what}" if what else str(token)


def _shown(bounds: tuple[int, int] | None) -> str:
    return "one bit" if bounds is None else f"[{bounds[0]}:{bounds[1]}]"
