"""Expressions of structural Verilog: operators on vectors of bits, as gates on nets.

An operator-precedence reader (R. W. Floyd, 1963), as in `circuits.expressions`. A bit waits as the gate that makes it
until something reads it: so a NOT merges into the gate before or after it, and `assign y = ~(a & b)` is one NAND.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from circuits.formats.nets import Nets
from circuits.formats.verilog_tokens import Text, Token
from circuits.formats.verilog_vectors import UNSIZED, DontCares, Signal, constant, number_at, numbers_at, width
from circuits.gates import AND, BUF, NOT, OR, XOR, flip

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


class Value(NamedTuple):
    """The value of an expression, which its context may make longer.

    Attributes:
        bits: lowest first.
        above: each bit that the context adds: 0, but after `~` the complement, and so on.
        sized: whether it has a width of its own; a constant such as 1 has not.
    """

    bits: list[DrivenBit]
    above: DrivenBit
    sized: bool = True

    def bit(self, place: int) -> DrivenBit:
        """Return a bit, also of those above."""
        return self.bits[place] if place < len(self.bits) else self.above


class _Waiting(NamedTuple):
    """An operator that waits for its right side, or an open bracket."""

    token: Token
    precedence: int
    n_operands: int = 0
    first: int = 0  # of a concatenation: the place of its first operand
    repeated: int | None = None  # of a replication: how often
    question: Token | None = None  # of a `:`


class Expressions:
    """Reads expressions into drivers of nets.

    Args:
        text: the file, for errors.
        nets: what the gates inside expressions are added to.
        signal: finds what a name stands for.
        net_of: the net of a bit; another one in an instance of a module.
        prefix: of the names of nets that are made.
        parameters: constants by name.
        dont_cares: the value of x in constants.
    """

    def __init__(
        self,
        text: Text,
        nets: Nets,
        signal: Callable[[Token], Signal],
        *,
        net_of: Callable[[str], str] = str,
        prefix: str = "",
        parameters: Mapping[str, int] = MappingProxyType({}),
        dont_cares: DontCares = "refuse",
    ):
        self._text, self._nets, self._signal = text, nets, signal
        self._net_of, self._prefix, self._parameters = net_of, prefix, parameters
        self._dont_cares: DontCares = dont_cares
        self._made: set[str] = set()  # nets of bits that several gates read
        # Vectors promise more than their text holds: bits, in all, are bounded by its length.
        self._bits_left = 2**20 + 64 * text.length

    def fitted(self, tokens: Sequence[Token], end: Token, n: int) -> list[DrivenBit]:
        """Return the n bits of an expression that is assigned to n bits: made longer, or cut (5.4, 5.5)."""
        value = self.value(tokens, end)
        return [value.bit(place) for place in range(n)]

    def value(self, tokens: Sequence[Token], end: Token) -> Value:
        """Return the value of an expression.

        Args:
            tokens: all of it.
            end: what follows, for errors.

        Raises:
            ParseError: if it is malformed, or an operator is not read.
        """
        values: list[Value] = []
        waiting: list[_Waiting] = []
        wants_operand = True

        def reduce(precedence: int) -> None:
            while waiting and waiting[-1].precedence >= precedence:
                operator = waiting.pop()
                operands = values[len(values) - operator.n_operands :]
                del values[len(values) - operator.n_operands :]
                values.append(self._apply(operator, operands))
                self.spend(len(values[-1].bits), operator.token)

        place = 0
        while place < len(tokens):
            token = tokens[place]
            place += 1
            symbol = token.kind
            if wants_operand:
                opens = waiting and waiting[-1].token.kind == "{" and waiting[-1].first == len(values)
                if opens and self._repeats(tokens, place - 1):
                    number, place = number_at(self._text, tokens, place - 1, end, self._parameters)
                    if number < 1:
                        raise self._text.error(f"a replication repeats once or more, found {number}", token)
                    waiting[-1] = waiting[-1]._replace(repeated=number)
                elif token.kind == "name" and token.text in self._parameters:
                    values.append(self._number(self._parameters[token.text], token))
                    wants_operand = False
                elif token.kind == "name":
                    nets, place = self._select(tokens, place, end)
                    origin = ("", token, 0)
                    values.append(Value([DrivenBit(AND, False, (net,), origin) for net in nets], _zero(token)))
                    wants_operand = False
                elif token.kind in ("literal", "number"):
                    values.append(self._literal(token))
                    wants_operand = False
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
                if not values[-1].sized:
                    raise self._text.error(f"a constant in {{}} needs its width, as in 1'b0, before {token}", token)
                if symbol == "," and waiting[-1].repeated is not None:
                    raise self._text.error(f"expected }} after what is repeated, found {token}", token)
                if symbol == "}":
                    opened = waiting.pop()
                    # The first stands at the left, so its bits are the highest.
                    bits = [bit for value in reversed(values[opened.first :]) for bit in value.bits]
                    self.spend(len(bits) * (opened.repeated or 1), token)
                    values[opened.first :] = [Value(bits * (opened.repeated or 1), _zero(token))]
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
        if len(value.bits) != 1 and value.sized:
            raise self._text.error(f"expected one bit, found {len(value.bits)}", tokens[0])
        return value.bits[0]

    def truth(self, tokens: Sequence[Token], end: Token) -> DrivenBit:
        """Return whether an expression is other than 0."""
        value = self.value(tokens, end)
        return self._truth(value, tokens[0])

    def target(self, tokens: Sequence[Token], end: Token) -> list[str]:
        """Return the nets, lowest first, of what may be driven: a net, a part of one, or a concatenation of such."""
        for token in tokens:
            if token.kind not in _OF_TARGETS:
                expected = "expected a net, a part of one, or nets in {} on the left side"
                raise self._text.error(f"{expected}, found {token}", token)
        bits = self.value(tokens, end).bits
        if not all(bit.fan_ins for bit in bits):
            raise self._text.error(f"expected nets on the left side, found a constant before {end}", end)
        return [bit.fan_ins[0] for bit in bits]

    def drive(self, net: str, bit: DrivenBit, token: Token) -> None:
        """Drive a net with the value of a bit."""
        kind: Any = bit.table, bit.inverted
        if len(bit.fan_ins) == 2:
            kind = bit.table ^ 0b1111 if bit.inverted else bit.table
        elif len(bit.fan_ins) == 1:
            kind = NOT if bit.inverted else BUF
        self._nets.drive(net, kind, bit.fan_ins, self._text.line(token))

    def net(self, bit: DrivenBit) -> str:
        """Return the net of a bit, which is driven now if it has not been."""
        if len(bit.fan_ins) == 1 and not bit.inverted:
            return bit.fan_ins[0]
        operator, at, index = bit.origin
        name = f"{self._prefix}{operator} at {self._text.place(at)}" + f"[{index}]" * (
            index > 0
        )  # no name in Verilog has a space
        if name not in self._made:
            self._made.add(name)
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

    def choose(self, which: DrivenBit, then: DrivenBit, other: DrivenBit, token: Token, place: int = 0) -> DrivenBit:
        """Return one of two bits: the first where the condition is 1."""
        if then[:3] == other[:3]:
            return then
        net, inverted = self._literal_of(which)
        yes = DrivenBit(AND, inverted, (net,), which.origin)
        no = DrivenBit(AND, not inverted, (net,), which.origin)
        if_so = self._gate(AND, yes, then, ("?", token, place))
        if_not = self._gate(AND, no, other, (":", token, place))
        return self._gate(OR, if_so, if_not, ("?:", token, place))

    def _apply(self, operator: _Waiting, operands: list[Value]) -> Value:
        token, symbol = operator.token, operator.token.text
        if operator.question is not None:
            which, then, other = operands
            n = max(len(then.bits), len(other.bits))
            truth = self._truth(which, operator.question)
            chosen = [self.choose(truth, then.bit(i), other.bit(i), operator.question, i) for i in range(n)]
            above = self.choose(truth, then.above, other.above, operator.question, n)
            return Value(chosen, above, then.sized and other.sized)
        if symbol in ("!", "&&", "||"):
            bits = [self._truth(operand, token) for operand in operands]
            if symbol == "!":
                return Value([bits[0]._replace(inverted=not bits[0].inverted, origin=(symbol, token, 0))], _zero(token))
            return Value([self._gate(_GATES[symbol][0], bits[0], bits[1], (symbol, token, 0))], _zero(token))
        if symbol == "~":
            bits = [
                DrivenBit(bit.table, not bit.inverted, bit.fan_ins, (symbol, token, i))
                for i, bit in enumerate(operands[0].bits)
            ]
            above = operands[0].above
            return Value(bits, above._replace(inverted=not above.inverted), operands[0].sized)
        if len(operands) == 1:
            return Value([self._tree(symbol, operands[0].bits, token)], _zero(token))
        equality = symbol in ("==", "!=")
        table, inverted = (XOR, False) if equality else _GATES[symbol]
        a, b = operands
        # The shorter one is as long as the longer one, by the bits above it.
        shared, n = min(len(a.bits), len(b.bits)), max(len(a.bits), len(b.bits))
        name = "^" if equality else symbol
        bits = [
            (self._gate if i < shared else self._folded)(table, a.bit(i), b.bit(i), (name, token, i), inverted)
            for i in range(n)
        ]
        if not equality:
            above = self._folded(table, a.above, b.above, (name, token, n), inverted)
            return Value(bits, above, a.sized and b.sized)
        bits = bits[:shared] + [bit for bit in bits[shared:] if bit.fan_ins or bit.inverted]
        differ = bits[0] if len(bits) == 1 else self._tree("|", bits, token)
        return Value([differ._replace(inverted=differ.inverted ^ (symbol == "=="))], _zero(token))

    def _truth(self, value: Value, token: Token) -> DrivenBit:
        """Return whether a value is other than 0."""
        bits = (
            value.bits if value.sized else [bit for bit in value.bits if bit.fan_ins or bit.inverted] or value.bits[:1]
        )
        return bits[0] if len(bits) == 1 else self._tree("|", bits, token)

    def _folded(
        self, table: int, a: DrivenBit, b: DrivenBit, origin: tuple[str, Token, int], inverted: bool = False
    ) -> DrivenBit:
        """Return a gate of two bits of which one or both may be constants that a context added."""
        if a.fan_ins and b.fan_ins:
            return self._gate(table, a, b, origin, inverted)
        of_a, of_b = ([int(x.inverted)] if not x.fan_ins else [0, 1] for x in (a, b))
        values = [bool(table >> (x + 2 * y) & 1) ^ inverted for y in of_b for x in of_a]
        if len(set(values)) == 1:
            return DrivenBit(AND, values[0], (), origin)
        other = a if a.fan_ins else b
        return other if values[1] else other._replace(inverted=not other.inverted, origin=origin)

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
            return [self._net_of(bit) for bit in signal.bits()], place
        bounds, place = numbers_at(self._text, tokens, place, end, self._parameters)
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
        return [self._net_of(bit) for bit in part.bits()], place

    def _literal(self, token: Token) -> Value:
        digits, sized = constant(self._text, token, self._dont_cares)
        self.spend(len(digits), token)
        bits = [DrivenBit(AND, digit == "1", (), (digit, token, i)) for i, digit in enumerate(reversed(digits))]
        return Value(bits, _zero(token), sized)

    def _number(self, number: int, token: Token) -> Value:
        """Return the value of a parameter: 32 bits, as an unsized constant has."""
        bits = [DrivenBit(AND, bool(number >> i & 1), (), (str(number >> i & 1), token, i)) for i in range(UNSIZED)]
        return Value(bits, _zero(token), sized=False)

    def _repeats(self, tokens: Sequence[Token], place: int) -> bool:
        """Return whether a number begins here that a `{` follows: a replication."""
        while place < len(tokens) and (
            tokens[place].kind in ("number", "literal", "+", "-", "*")
            or (tokens[place].kind == "name" and tokens[place].text in self._parameters)
        ):
            place += 1
            if place < len(tokens) and tokens[place].kind == "{":
                return True
        return False


def _zero(token: Token) -> DrivenBit:
    return DrivenBit(AND, False, (), ("0", token, 0))
