"""Expressions of structural Verilog: operators on vectors of bits, as gates on nets.

An operator-precedence reader (R. W. Floyd, 1963), as in `circuits.expressions`. A bit waits as the gate that makes it
until something reads it: so a NOT merges into the gate before or after it, and `assign y = ~(a & b)` is one NAND.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from circuits.formats.nets import Nets
from circuits.formats.verilog_tokens import Text, Token
from circuits.formats.verilog_vectors import Signal, constant, numbers_at, width
from circuits.gates import AND, OR, XOR, flip

# Table 5-4, tightest last; unary operators bind tighter than any of these, ?: less, and an open bracket is a wall.
_BINARY = {"||": 2, "&&": 3, "|": 4, "^": 5, "~^": 5, "^~": 5, "&": 6, "==": 7, "!=": 7}
_UNARY = {"~": 8, "!": 8, "&": 8, "~&": 8, "|": 8, "~|": 8, "^": 8, "~^": 8, "^~": 8}
_TERNARY = 1
_WALL = -1
# The gate of an operator, and whether it is inverted.
_GATES = {"&": (AND, False), "|": (OR, False), "^": (XOR, False), "~&": (AND, True), "~|": (OR, True)}
_GATES |= {"~^": (XOR, True), "^~": (XOR, True), "&&": (AND, False), "||": (OR, False)}
_OF_TARGETS = {"name", "number", "{", "}", ",", "[", "]", ":", "-"}
_ARITHMETIC = {"+", "-", "*", "/", "%", "**", "<", ">", "<=", ">=", "<<", ">>", "<<<", ">>>", "===", "!=="}


class DrivenBit(NamedTuple):
    """The value of one bit, as what drives it: a tree of one kind of gate over nets.

    Attributes:
        table: the gate; it does not matter where there are fewer than two nets.
        inverted: the last gate's value is inverted. Without nets, the value itself.
        fan_ins: the nets; one alone is a net or its complement, none a constant.
        origin: the operator and the bit of its result, for a name should its net need one.
    """

    table: int
    inverted: bool
    fan_ins: tuple[str, ...]
    origin: tuple[str, Token, int]


class _Waiting(NamedTuple):
    """An operator that waits for its right side, or an open bracket."""

    token: Token
    precedence: int
    n_operands: int = 0
    first: int = 0  # of a concatenation: the place of its first operand
    question: Token | None = None  # of a `:`


class Expressions:
    """Reads expressions into drivers of nets.

    Args:
        text: the file, for errors.
        nets: what the gates inside expressions are added to.
        signal: finds what a name stands for.
    """

    def __init__(self, text: Text, nets: Nets, signal: Callable[[Token], Signal]):
        self._text, self._nets, self._signal = text, nets, signal
        # Vectors promise more than their text holds: bits, in all, are bounded by its length.
        self._bits_left = 2**20 + 64 * text.length

    def value(self, tokens: Sequence[Token], end: Token) -> list[DrivenBit]:
        """Return the bits of an expression, lowest first.

        Args:
            tokens: all of it.
            end: what follows, for errors.

        Raises:
            ParseError: if it is malformed, the widths of operands differ, or an operator is not read.
        """
        values: list[list[DrivenBit]] = []
        waiting: list[_Waiting] = []
        wants_operand = True

        def reduce(precedence: int) -> None:
            while waiting and waiting[-1].precedence >= precedence:
                operator = waiting.pop()
                operands = values[len(values) - operator.n_operands :]
                del values[len(values) - operator.n_operands :]
                values.append(self._apply(operator, operands))
                self.spend(len(values[-1]), operator.token)

        place = 0
        while place < len(tokens):
            token = tokens[place]
            place += 1
            symbol = token.kind
            if wants_operand:
                if token.kind == "name":
                    nets, place = self._select(tokens, place, end)
                    origin = ("", token, 0)
                    values.append([DrivenBit(AND, False, (net,), origin) for net in nets])
                    wants_operand = False
                elif token.kind == "literal":
                    values.append(self._literal(token))
                    wants_operand = False
                elif token.kind == "number":
                    replicated = place < len(tokens) and tokens[place].kind == "{"
                    hint = "replication is not read" if replicated else "a constant needs its width, as in 1'b0"
                    raise self._text.error(f"unexpected {token}: {hint}", token)
                elif symbol in ("(", "{"):
                    waiting.append(_Waiting(token, _WALL, first=len(values)))
                elif symbol in _UNARY:
                    waiting.append(_Waiting(token, _UNARY[symbol], 1))
                else:
                    raise self._text.error(f"expected a net, a constant or an expression, found {token}", token)
            elif symbol in _BINARY:
                reduce(_BINARY[symbol])
                waiting.append(_Waiting(token, _BINARY[symbol], 2))
                wants_operand = True
            elif symbol == "?":
                reduce(_TERNARY + 1)
                waiting.append(_Waiting(token, _WALL))
                wants_operand = True
            elif symbol == ":":
                reduce(_TERNARY)
                question = self._opened(waiting, "?", token)
                waiting[-1] = _Waiting(token, _TERNARY, 3, question=question)
                wants_operand = True
            elif symbol == ")":
                reduce(0)
                self._opened(waiting, "(", token)
                waiting.pop()
            elif symbol in (",", "}"):
                reduce(0)
                self._opened(waiting, "{", token)
                wants_operand = symbol == ","
                if symbol == "}":
                    first = waiting.pop().first
                    # The first stands at the left, so its bits are the highest.
                    values[first:] = [[bit for value in reversed(values[first:]) for bit in value]]
                    self.spend(len(values[-1]), token)
            else:
                hint = ", which is not read" if symbol in _ARITHMETIC else ""
                raise self._text.error(f"expected an operator or the end, found {token}{hint}", token)
        if wants_operand:
            raise self._text.error(f"expected a net, a constant or an expression, found {end}", end)
        reduce(0)
        if waiting:
            raise self._text.error(f"this {waiting[-1].token} is never closed", waiting[-1].token)
        return values[0]

    def bit(self, tokens: Sequence[Token], end: Token) -> DrivenBit:
        """Return the value of an expression of one bit."""
        value = self.value(tokens, end)
        if len(value) != 1:
            raise self._text.error(f"expected one bit, found {len(value)}", tokens[0])
        return value[0]

    def target(self, tokens: Sequence[Token], end: Token) -> list[str]:
        """Return the nets, lowest first, of what may be driven: a net, a part of one, or a concatenation of such."""
        for token in tokens:
            if token.kind not in _OF_TARGETS:
                expected = "expected a net, a part of one, or nets in {} on the left side"
                raise self._text.error(f"{expected}, found {token}", token)
        return [bit.fan_ins[0] for bit in self.value(tokens, end)]

    def drive(self, net: str, bit: DrivenBit, token: Token) -> None:
        """Drive a net with the value of a bit."""
        self._nets.drive(net, (bit.table, bit.inverted), bit.fan_ins, self._text.line(token))

    def net(self, bit: DrivenBit) -> str:
        """Return the net of a bit, which is driven now if it has not been."""
        if len(bit.fan_ins) == 1 and not bit.inverted:
            return bit.fan_ins[0]
        operator, at, index = bit.origin
        name = f"{operator} at {self._text.place(at)}" + f"[{index}]" * (index > 0)  # no name in Verilog has a space
        self.drive(name, bit, at)
        return name

    def spend(self, width: int, token: Token) -> None:
        """Count bits that are taken out of a vector, or come out of an operator.

        Raises:
            ParseError: if there are too many for the length of the text.
        """
        self._bits_left -= width
        if self._bits_left < 0:
            raise self._text.error("too many bits for so short a file: expected fewer or shorter vectors", token)

    def _apply(self, operator: _Waiting, operands: list[list[DrivenBit]]) -> list[DrivenBit]:
        token, symbol = operator.token, operator.token.text
        if operator.question is not None:
            return self._choose(operator.question, token, *operands)
        widths = [len(operand) for operand in operands]
        if symbol in ("!", "&&", "||") and widths != [1] * len(widths):
            found = " and ".join(map(str, widths))
            raise self._text.error(f"{symbol!r} takes operands of one bit, found {found} bits", token)
        if widths[0] != widths[-1]:
            message = f"{symbol!r} takes operands of one width, found {widths[0]} and {widths[1]} bits"
            raise self._text.error(message, token)
        if symbol in ("~", "!"):
            bits = enumerate(operands[0])
            return [DrivenBit(bit.table, not bit.inverted, bit.fan_ins, (symbol, token, i)) for i, bit in bits]
        if len(operands) == 1:
            return [self._tree(symbol, operands[0], token)]
        equality = symbol in ("==", "!=")
        table, inverted = (XOR, False) if equality else _GATES[symbol]
        name = "^" if equality else symbol
        pairs = enumerate(zip(*operands, strict=True))
        bits = [self._gate(table, a, b, (name, token, i), inverted) for i, (a, b) in pairs]
        if equality:
            differ = bits[0] if len(bits) == 1 else self._tree("|", bits, token)
            return [differ._replace(inverted=symbol == "==")]
        return bits

    def _choose(
        self, question: Token, colon: Token, which: list[DrivenBit], then: list[DrivenBit], other: list[DrivenBit]
    ) -> list[DrivenBit]:
        if len(which) != 1:
            raise self._text.error(f"the condition before '?' has one bit, found {len(which)}", question)
        if len(then) != len(other):
            message = f"'?:' takes operands of one width, found {len(then)} and {len(other)} bits"
            raise self._text.error(message, question)
        net, inverted = self._literal_of(which[0])
        yes = DrivenBit(AND, inverted, (net,), which[0].origin)
        no = DrivenBit(AND, not inverted, (net,), which[0].origin)
        chosen = []
        for i, (a, b) in enumerate(zip(then, other, strict=True)):
            if_so, if_not = self._gate(AND, yes, a, ("?", question, i)), self._gate(AND, no, b, (":", colon, i))
            chosen.append(self._gate(OR, if_so, if_not, ("?:", question, i)))
        return chosen

    def _gate(
        self, table: int, a: DrivenBit, b: DrivenBit, origin: tuple[str, Token, int], inverted: bool = False
    ) -> DrivenBit:
        """Return a gate of two bits, into which the inverters before it are merged."""
        (net_a, not_a), (net_b, not_b) = self._literal_of(a), self._literal_of(b)
        return DrivenBit(flip(table, not_a, not_b), inverted, (net_a, net_b), origin)

    def _tree(self, symbol: str, bits: list[DrivenBit], token: Token) -> DrivenBit:
        table, inverted = _GATES.get(symbol, _GATES["|"])
        return DrivenBit(table, inverted, tuple(self.net(bit) for bit in bits), (symbol, token, 0))

    def _literal_of(self, bit: DrivenBit) -> tuple[str, bool]:
        """Return a bit as a net, and whether it is inverted."""
        if len(bit.fan_ins) == 1:
            return bit.fan_ins[0], bit.inverted
        return self.net(bit), False

    def _opened(self, waiting: list[_Waiting], symbol: str, token: Token) -> Token:
        if not waiting or waiting[-1].token.kind != symbol:
            raise self._text.error(f"unexpected {token}: no {symbol!r} is open here", token)
        return waiting[-1].token

    def _select(self, tokens: Sequence[Token], place: int, end: Token) -> tuple[list[str], int]:
        """Return the nets of a name, with any `[3]` or `[3:0]` after it, and the place after these."""
        token = tokens[place - 1]
        signal = self._signal(token)
        if place == len(tokens) or tokens[place].kind != "[":
            self.spend(width(signal.bounds), token)
            return signal.bits(), place
        bounds, place = numbers_at(self._text, tokens, place, end)
        if signal.bounds is None:
            raise self._text.error(f"{signal.name!r} has one bit and no index, found one", token)
        left, right = signal.bounds
        if any(not min(left, right) <= index <= max(left, right) for index in bounds):
            shown = ":".join(map(str, bounds))
            raise self._text.error(f"{signal.name}[{shown}] is outside [{left}:{right}]", token)
        first, last = bounds[0], bounds[-1]
        if (first - last) * (left - right) < 0:
            message = f"{signal.name}[{first}:{last}] runs against its declaration, [{left}:{right}]"
            raise self._text.error(message, token)
        part = signal._replace(bounds=(first, last))
        self.spend(width(part.bounds), token)
        return part.bits(), place

    def _literal(self, token: Token) -> list[DrivenBit]:
        digits = constant(self._text, token)
        self.spend(len(digits), token)
        return [DrivenBit(AND, digit == "1", (), (digit, token, i)) for i, digit in enumerate(reversed(digits))]
