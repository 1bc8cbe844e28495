"""Verilog's operators on vectors of bits, as gates on nets.

A bit waits as the gate that makes it until something reads it: so a NOT merges into the gate before or after it, and
`assign y = ~(a & b)` is one NAND. What constants decide is no gate.
"""

from collections.abc import Sequence
from typing import NamedTuple

from circuits.formats.gate_lists import Gates, Numbers
from circuits.formats.verilog_tokens import Text, Token
from circuits.gates import AND, BUF, NOT, OR, XOR, flip

# The gate of an operator, and whether it is inverted.
GATES = {"&": (AND, False), "|": (OR, False), "^": (XOR, False), "~&": (AND, True), "~|": (OR, True)}
GATES |= {"~^": (XOR, True), "^~": (XOR, True), "&&": (AND, False), "||": (OR, False)}


class DrivenBit(NamedTuple):
    """The value of one bit, as what drives it: a tree of one kind of gate over nets.

    Attributes:
        table: the gate; it does not matter where there are fewer than two nets.
        inverted: the last gate's value is inverted. Without nets, the value itself.
        fan_ins: the numbers of the nets; one alone is a net or its complement, none a constant.
        origin: the operator and the bit of its result, for a name should its net need one.
    """

    table: int
    inverted: bool
    fan_ins: tuple[int, ...]
    origin: tuple[str, Token, int] | None = None


ZERO, ONE = DrivenBit(AND, False, ()), DrivenBit(AND, True, ())


def number_of(bits: Sequence[DrivenBit]) -> int | None:
    """Return the number that constant bits are, lowest first; None if some are not constant."""
    if any(bit.fan_ins for bit in bits):
        return None
    return sum(bit.inverted << i for i, bit in enumerate(bits))


class Wiring:
    """Adds gates to a netlist, and nets where they need some.

    Args:
        text: the file, for the lines of gates and the names of nets.
        numbers: the nets.
        gates: what they are added to.
    """

    def __init__(self, text: Text, numbers: Numbers, gates: Gates):
        self._text, self._numbers, self._gates = text, numbers, gates

    def drive(self, net: int, bit: DrivenBit, at: int) -> None:
        """Drive a net with the value of a bit; `at` is the place in the text."""
        table, is_inverted, fan_ins, _ = bit
        if not fan_ins:
            kind = is_inverted
        elif len(fan_ins) == 1:
            kind = NOT if is_inverted else BUF
        elif len(fan_ins) == 2:
            kind = table ^ 0b1111 * is_inverted
        else:
            kind = (table, is_inverted)
        self._gates.add(net, kind, fan_ins, at)

    def net(self, bit: DrivenBit, token: Token) -> int:
        """Return the net of a bit, which is driven now if it has not been."""
        if len(bit.fan_ins) == 1 and not bit.inverted:
            return bit.fan_ins[0]
        operator, at, index = bit.origin or (f"{int(bit.inverted)}", token, 0)
        # No name in Verilog has a space.
        name = f"{operator} at {self._text.place(at)}" + f"[{index}]" * (index > 0)
        net = self._numbers[f"{name} ({len(self._numbers)})" if name in self._numbers else name]
        self.drive(net, bit, at.at)
        return net

    def gate(self, table: int, a: DrivenBit, b: DrivenBit, origin: tuple[str, Token, int]) -> DrivenBit:
        """Return a gate of two bits, into which the inverters before it are merged."""
        if not a.fan_ins or not b.fan_ins:
            return _decided(table, a, b, origin)
        (net_a, not_a), (net_b, not_b) = self._literal(a, origin), self._literal(b, origin)
        return DrivenBit(flip(table, not_a, not_b), False, (net_a, net_b), origin)

    def tree(self, symbol: str, bits: Sequence[DrivenBit], token: Token) -> DrivenBit:
        """Return the bits of a vector folded by an operator."""
        table, is_inverted = GATES[symbol]
        fixed = [bit.inverted for bit in bits if not bit.fan_ins]
        open_bits = [bit for bit in bits if bit.fan_ins]
        if table == XOR:
            is_inverted ^= sum(fixed) % 2 == 1
        elif (table == OR) in fixed:
            return DrivenBit(AND, (table == OR) != is_inverted, ())
        if not open_bits:
            return DrivenBit(AND, (table == AND) != is_inverted, ())
        if len(open_bits) == 1:
            return open_bits[0]._replace(inverted=open_bits[0].inverted != is_inverted)
        nets = tuple(self.net(bit, token) for bit in open_bits)
        return DrivenBit(table, is_inverted, nets, (symbol, token, 0))

    def choose(
        self, which: DrivenBit, then: Sequence[DrivenBit], other: Sequence[DrivenBit], token: Token
    ) -> list[DrivenBit]:
        """Return the bits of `then` or `other`: three gates for each."""
        if not which.fan_ins:
            return list(then if which.inverted else other)
        net, is_inverted = self._literal(which, ("?", token, 0))
        yes, no = DrivenBit(AND, is_inverted, (net,)), DrivenBit(AND, not is_inverted, (net,))
        chosen = []
        for i, (a, b) in enumerate(zip(then, other, strict=True)):
            if a == b:
                chosen.append(a)
                continue
            if_so, if_not = self.gate(AND, yes, a, ("?", token, i)), self.gate(AND, no, b, (":", token, i))
            chosen.append(self.gate(OR, if_so, if_not, ("?:", token, i)))
        return chosen

    def sum(self, a: Sequence[DrivenBit], b: Sequence[DrivenBit], carry: DrivenBit, token: Token) -> list[DrivenBit]:
        """Return a + b + carry, of as many bits as both have: a ripple-carry adder."""
        bits = []
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            half = self.gate(XOR, x, y, ("+", token, i))
            half = half if len(half.fan_ins) < 2 else DrivenBit(AND, False, (self.net(half, token),))
            bits.append(self.gate(XOR, half, carry, ("+ sum", token, i)))
            if i + 1 < len(a):
                both, chained = (
                    self.gate(AND, x, y, ("+ and", token, i)),
                    self.gate(AND, half, carry, ("+ on", token, i)),
                )
                carry = self.gate(OR, both, chained, ("+ carry", token, i))
                carry = carry if len(carry.fan_ins) < 2 else DrivenBit(AND, False, (self.net(carry, token),))
        return bits

    def product(self, a: Sequence[DrivenBit], b: Sequence[DrivenBit], token: Token) -> list[DrivenBit]:
        """Return the lowest bits of a * b, as many as both have: shifted and added."""
        n = len(a)
        total: list[DrivenBit] = [ZERO] * n
        for i, bit in enumerate(b):
            if bit == ZERO:
                continue
            row = [self.gate(AND, bit, x, ("*", token, i)) for x in a[: n - i]]
            total[i:] = self.sum(total[i:], row, ZERO, token)
        return total

    def less(self, a: Sequence[DrivenBit], b: Sequence[DrivenBit], token: Token) -> DrivenBit:
        """Return a < b, of numbers without sign: from the lowest bit up."""
        below = ZERO
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            differ = self.gate(XOR, x, y, ("<", token, i))
            below = self.choose(differ, [y], [below], token)[0] if differ.fan_ins else y if differ.inverted else below
        return below

    def shift(
        self, a: Sequence[DrivenBit], amount: Sequence[DrivenBit], fill: DrivenBit, left: bool, token: Token
    ) -> list[DrivenBit]:
        """Return bits shifted by a number: a choice for each of its bits."""
        bits, n = list(a), len(a)
        for i, bit in enumerate(amount):
            by = min(n, 1 << min(i, 20))
            moved = [fill] * by + bits[: n - by] if left else bits[by:] + [fill] * by
            bits = self.choose(bit, moved, bits, token)
        return bits

    def _literal(self, bit: DrivenBit, origin: tuple[str, Token, int]) -> tuple[int, bool]:
        """Return a bit as a net, and whether it is inverted."""
        if len(bit.fan_ins) == 1:
            return bit.fan_ins[0], bit.inverted
        return self.net(bit, origin[1]), False


def inverted(bit: DrivenBit) -> DrivenBit:
    """Return the complement of a bit."""
    return bit._replace(inverted=not bit.inverted)


def _decided(table: int, a: DrivenBit, b: DrivenBit, origin: tuple[str, Token, int]) -> DrivenBit:
    """Return a gate of which one bit is constant: the other bit, its complement, or a constant."""
    if a.fan_ins:
        low, high = table >> 2 * b.inverted & 1, table >> (1 + 2 * b.inverted) & 1
        bit = a
    else:
        low, high = table >> a.inverted & 1, table >> (2 + a.inverted) & 1
        bit = b
    if not bit.fan_ins:
        return DrivenBit(AND, bool(high if bit.inverted else low), ())
    if low == high:
        return DrivenBit(AND, bool(low), ())
    return bit if high else inverted(bit)
