"""Expressions of Verilog: widths and signs as the standard has them, then bits as gates on nets.

IEEE 1364-2005, clause 5: a width goes up from the operands, and down again from what an expression is assigned to.
"""

from collections.abc import Callable, Sequence

from circuits.formats.verilog_operators import GATES, ONE, ZERO, DrivenBit, Wiring, inverted, number_of
from circuits.formats.verilog_syntax import Node, postfix
from circuits.formats.verilog_tokens import Text, Token
from circuits.formats.verilog_vectors import MAX_WIDTH, Constant, DontCares, Signal, constant_of, literal, width
from circuits.formats.verilog_widths import COMPARISONS, SHIFTS, Goal, extended, operand_goals, own_type
from circuits.gates import XOR

_OF_TARGETS = {"name", "{}"}
_FIX = 'Yosys makes gates of it: yosys -p "read_verilog FILE; synth -flatten; write_blif out.blif"'


class Expressions:
    """Reads the expressions of a module into drivers of nets.

    Args:
        text: the file, for errors.
        wiring: what gets the gates inside expressions.
        look_up: finds what a name stands for.
        net_of: the number of a net, by its name.
        dont_cares: what x is.
    """

    def __init__(
        self,
        text: Text,
        wiring: Wiring,
        look_up: Callable[[Token], Signal | Constant],
        net_of: Callable[[str], int],
        dont_cares: DontCares,
    ):
        self._text, self.wiring, self._look_up, self._net_of = text, wiring, look_up, net_of
        self._dont_cares: DontCares = dont_cares
        # Vectors promise more than their text holds: bits, in all, are bounded by its length.
        self._bits_left = 2**20 + 64 * text.length

    def value(self, tokens: Sequence[Token], end: Token, target: int | None = None) -> list[DrivenBit]:
        """Return the bits of an expression, lowest first.

        Args:
            tokens: all of it.
            end: what follows, for errors.
            target: how many bits it is assigned to; as many as it has if None.

        Raises:
            ParseError: if it is malformed, or an operator or a name in it is not read.
        """
        return self._evaluate(self._postfix(tokens, end), target)[0]

    def bit(self, tokens: Sequence[Token], end: Token) -> DrivenBit:
        """Return the value of an expression of one bit, or the lowest bit of a constant without a width."""
        bits = self.value(tokens, end)
        if len(bits) != 1 and number_of(bits) not in (0, 1):
            raise self._text.error(f"expected one bit, found {len(bits)}", tokens[0])
        return bits[0]

    def constant(self, tokens: Sequence[Token], end: Token) -> Constant:
        """Return the value of a constant expression."""
        bits, is_signed = self._evaluate(self._postfix(tokens, end), None)
        number = number_of(bits)
        if number is None:
            raise self._text.error("expected a constant, found a net", tokens[0])
        return Constant(number, len(bits), is_signed)

    def target(self, tokens: Sequence[Token], end: Token) -> list[int]:
        """Return the nets, lowest first, of what may be driven: a net, a part of one, or a concatenation of such."""
        expected = "expected a net, a part of one, or nets in {} on the left side"
        nodes = self._postfix(tokens, end)
        for token in tokens:
            if token.kind in ("(", "~"):
                raise self._text.error(f"{expected}, found {token}", token)
        for node in nodes:
            if node.kind not in _OF_TARGETS:
                raise self._text.error(f"{expected}, found {node.token}", node.token)
        bits = self._evaluate(nodes, None)[0]
        if any(not bit.fan_ins for bit in bits):
            raise self._text.error(f"{expected}, found a constant", tokens[0])
        return [bit.fan_ins[0] for bit in bits]

    def bounds(self, tokens: Sequence[Token]) -> tuple[int, int]:
        """Return the bounds of `[3:0]`, all of it."""
        at = [i for i, token in enumerate(tokens) if token.kind == ":"]
        if len(at) != 1:
            raise self._text.error("expected the bounds [number:number] of a vector", tokens[0])
        left = self.constant(tokens[1 : at[0]], tokens[at[0]]).value
        right = self.constant(tokens[at[0] + 1 : -1], tokens[-1]).value
        if width((left, right)) > MAX_WIDTH:
            raise self._text.error(f"a vector has at most {MAX_WIDTH} bits, found [{left}:{right}]", tokens[0])
        return left, right

    def spend(self, n: int, at: Token | int) -> None:
        """Count bits that are taken out of a vector, or come out of an operator.

        Raises:
            ParseError: if there are too many for the length of the text.
        """
        self._bits_left -= n
        if self._bits_left < 0:
            raise self._text.error("too many bits for so short a file: expected fewer or shorter vectors", at)

    def _postfix(self, tokens: Sequence[Token], end: Token) -> list[Node]:
        return postfix(self._text, tokens, end, self._times)

    def _times(self, tokens: Sequence[Token], end: Token) -> int:
        times = self.constant(tokens, end).value
        if not 1 <= times <= MAX_WIDTH:
            raise self._text.error(f"a replication is of 1 to {MAX_WIDTH} times, found {times}", end)
        return times

    def _evaluate(self, nodes: list[Node], target: int | None) -> tuple[list[DrivenBit], bool]:
        """Return the bits, and whether they are a number with a sign."""
        leaves = {i: self._leaf(node) for i, node in enumerate(nodes) if not node.operands}
        widths: list[int] = []
        signs: list[bool] = []
        for i, node in enumerate(nodes):
            n, is_signed = own_type(node, widths, signs, leaves.get(i))
            if n > 2 * MAX_WIDTH * (1 + node.times):
                raise self._text.error(f"a vector has at most {MAX_WIDTH} bits, found {n}", node.token)
            widths.append(n)
            signs.append(is_signed)
        # What each must come to: its width and its sign, and how many of its bits are read.
        goals = [Goal(0, False, 0)] * len(nodes)
        n = max(widths[-1], target or 0)
        goals[-1] = Goal(n, signs[-1], target or n)
        for i in range(len(nodes) - 1, -1, -1):
            for operand, goal in zip(nodes[i].operands, operand_goals(nodes[i], goals[i], widths, signs), strict=True):
                goals[operand] = goal
        values: list[list[DrivenBit]] = []
        for i, (node, goal) in enumerate(zip(nodes, goals, strict=True)):
            if i in leaves:
                value = leaves[i][0]
            else:
                value = self._apply(node, [values[operand] for operand in node.operands], goal, goals)
            for operand in node.operands:
                values[operand] = []
            value = extended(value, goal)
            self.spend(len(value), node.token)
            values.append(value)
        return values[-1], signs[-1]

    def _leaf(self, node: Node) -> tuple[list[DrivenBit], bool]:
        if node.kind == "number":
            return _bits_of(constant := literal(self._text, node.token, self._dont_cares)), constant.signed
        if node.kind != "name":
            raise self._text.error(f"expected a net, a constant or an expression, found {node.token}", node.token)
        found = self._look_up(node.token)
        if isinstance(found, Constant):
            bits = _bits_of(found)
            if not node.select:
                return bits, found.signed
            low, high = self._selected(node, (found.width - 1, 0))
            return bits[low : high + 1], False
        if not node.select:
            names, is_signed = found.bits(), found.signed
        else:
            if found.bounds is None:
                raise self._text.error(f"{found.name!r} has one bit and no index, found one", node.token)
            part = self._selected(node, found.bounds)
            names, is_signed = found._replace(bounds=part[::-1]).bits(), False
            if found.bounds[0] < found.bounds[1]:
                names = found._replace(bounds=part).bits()
        self.spend(len(names), node.token)
        return [DrivenBit(0, False, (self._net_of(name),)) for name in names], is_signed

    def _selected(self, node: Node, bounds: tuple[int, int]) -> tuple[int, int]:
        """Return the indices, the smaller one first, that a select takes out of a vector."""
        name, tokens = node.token.text, node.select[0]
        if len(node.select) > 1:
            raise self._text.error("expected an operator or the end, found '['", node.select[1][0])
        at = next((i for i, token in enumerate(tokens) if token.kind in (":", "+:", "-:")), None)
        first = self._index(tokens[1:at] if at is not None else tokens[1:-1], tokens[-1])
        last = first if at is None else self._index(tokens[at + 1 : -1], tokens[-1])
        left, right = bounds
        if at is not None and tokens[at].kind != ":":
            if last < 1:
                raise self._text.error(f"a part has one bit or more, found {last}", tokens[0])
            far = first + (last - 1 if tokens[at].kind == "+:" else 1 - last)
            first, last = (max(first, far), min(first, far))[:: 1 if left >= right else -1]
        if (first - last) * (left - right) < 0:
            raise self._text.error(f"{name}[{first}:{last}] runs against its declaration, [{left}:{right}]", node.token)
        if min(first, last) < min(bounds) or max(first, last) > max(bounds):
            shown = str(first) if at is None else f"{first}:{last}"
            raise self._text.error(f"{name}[{shown}] is outside [{left}:{right}]", node.token)
        return min(first, last), max(first, last)

    def _index(self, tokens: Sequence[Token], end: Token) -> int:
        for token in tokens:
            if token.kind == "name" and not isinstance(self._look_up(token), Constant):
                raise self._text.error(f"expected a constant index, found net {token}. {_FIX}", token)
        return self.constant(tokens, end).value

    def _apply(
        self,
        node: Node,
        operands: list[list[DrivenBit]],
        goal: Goal,
        goals: list[Goal],
    ) -> list[DrivenBit]:
        token, symbol, wiring = node.token, node.token.text, self.wiring
        if node.kind == "{}":  # the first stands at the left, so its bits are the highest
            return [bit for operand in reversed(operands) for bit in operand]
        if node.kind == "{{}}":
            self.spend(node.times * len(operands[0]), token)
            return operands[0] * node.times
        if node.kind == "signed":
            return operands[0]
        if node.kind == "?:":
            return wiring.choose(wiring.tree("|", operands[0], token), operands[1], operands[2], token)
        if len(operands) == 1 and symbol in ("~", "-", "+"):
            flipped = operands[0] if symbol == "+" else [inverted(bit) for bit in operands[0]]
            named = [
                b if b.origin or len(b.fan_ins) < 2 else b._replace(origin=(symbol, token, i))
                for i, b in enumerate(flipped)
            ]
            return wiring.sum(named, [ZERO] * len(named), ONE, token) if symbol == "-" else named
        if len(operands) == 1:
            return [
                inverted(wiring.tree("|", operands[0], token))
                if symbol == "!"
                else wiring.tree(symbol, operands[0], token)
            ]
        a, b = operands
        is_signed = goals[node.operands[0]].signed
        if symbol in ("&&", "||"):
            left, right = (wiring.tree("|", side, token) for side in operands)
            return [wiring.gate(GATES[symbol][0], left, right, (symbol, token, 0))]
        if symbol in SHIFTS:
            fill = a[-1] if symbol == ">>>" and is_signed else ZERO
            self.spend(len(a) * len(b), token)
            return wiring.shift(a, b, fill, symbol.startswith("<<"), token)
        numbers = number_of(a), number_of(b)
        if symbol in ("/", "%", "**"):
            if numbers[0] is None or numbers[1] is None:
                raise self._text.error(f"{symbol!r} is read of constants only. {_FIX}", token)
            x, y = (constant_of(n, goal.width, is_signed).value for n in numbers if n is not None)
            return _bits_of(constant_of(self._divided(symbol, x, y, token), goal.width))
        if symbol in ("==", "!=", "===", "!=="):
            bits = [wiring.gate(XOR, x, y, ("^", token, i)) for i, (x, y) in enumerate(zip(a, b, strict=True))]
            differ = wiring.tree("|", bits, token)
            return [inverted(differ) if symbol[0] == "=" else differ]
        if symbol in COMPARISONS:
            if is_signed:  # -1 is below 0: the other way round than without a sign
                a, b = [*a[:-1], inverted(a[-1])], [*b[:-1], inverted(b[-1])]
            below = wiring.less(a, b, token) if symbol in ("<", ">=") else wiring.less(b, a, token)
            return [inverted(below) if "=" in symbol else below]
        if symbol == "+":
            return wiring.sum(a, b, ZERO, token)
        if symbol == "-":
            return wiring.sum(a, [inverted(bit) for bit in b], ONE, token)
        if symbol == "*":
            self.spend(4 * len(a) * len(b), token)
            return wiring.product(a, b, token)
        table, is_inverted = GATES[symbol]
        bits = [wiring.gate(table, x, y, (symbol, token, i)) for i, (x, y) in enumerate(zip(a, b, strict=True))]
        return [inverted(bit) for bit in bits] if is_inverted else bits

    def _divided(self, symbol: str, x: int, y: int, token: Token) -> int:
        """Return x / y rounded to 0, its rest with the sign of x, or x ** y."""
        if symbol == "**":
            if not 0 <= y <= MAX_WIDTH or abs(x) ** min(y, 64) >> 4 * MAX_WIDTH:
                raise self._text.error(f"expected a smaller power, found {x} ** {y}", token)
            return pow(x, y, 1 << MAX_WIDTH)
        if y == 0:
            raise self._text.error(f"{x} {symbol} 0 has no value", token)
        quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        return quotient if symbol == "/" else x - quotient * y


def _bits_of(constant: Constant) -> list[DrivenBit]:
    return [ONE if constant.bits >> i & 1 else ZERO for i in range(constant.width)]
