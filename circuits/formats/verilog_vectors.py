"""Vectors of structural Verilog: their bounds, the nets of their bits, and constants.

IEEE 1364-2005, clauses 3.5, 4.3 and 5.2.
"""

import re
from typing import Literal, NamedTuple

from circuits.formats.verilog_tokens import Text, Token

# The least that IEEE 1364-2005 (4.3.1) asks for as the longest vector; a longer one is refused.
MAX_WIDTH = 2**16

DontCares = Literal["refuse", 0, 1]

_DIGITS = {"b": 1, "o": 3, "h": 4, "d": 0}
_LITERAL = re.compile(r"([0-9_]*)\s*'([sS]?)([a-zA-Z])\s*([\w?]*)", re.ASCII)
_UNSIZED = 32  # bits of a number without a width: the least that 4.8.1 allows, and what all tools take


class Constant(NamedTuple):
    """A constant: the bits of a literal, or of a parameter's value.

    Attributes:
        bits: as a number, without a sign.
        width: how many there are.
        signed: whether the highest one is a sign.
    """

    bits: int
    width: int
    signed: bool

    @property
    def value(self) -> int:
        """The number that the bits mean."""
        return self.bits - (1 << self.width) if self.signed and self.bits >> (self.width - 1) else self.bits


def constant_of(value: int, width: int = _UNSIZED, signed: bool = True) -> Constant:
    """Return a constant with the lowest bits of a number."""
    return Constant(value & ((1 << width) - 1), width, signed)


class Signal(NamedTuple):
    """A declared net or vector: its bounds as written, such as (3, 0), or None for a net of one bit."""

    name: str
    bounds: tuple[int, int] | None
    signed: bool = False

    def bits(self) -> list[str]:
        """Return the nets of its bits, lowest first: the right bound is the lowest bit, whichever is larger."""
        return [self.name] if self.bounds is None else [f"{self.name}[{i}]" for i in indices(*self.bounds)]


def literal(text: Text, token: Token, dont_cares: DontCares) -> Constant:
    """Return what a number such as 3, 4'hA or 2'bx0 means: cut to its width, or filled up to it.

    Args:
        text: the file, for errors.
        token: the number.
        dont_cares: what x is.

    Raises:
        ParseError: if it is malformed, or has a z, or an x that is refused.
    """
    if token.kind == "number":
        number = natural(token.text)
        if number is None:
            raise text.error(f"expected a plain number below 2^31, found {token}", token)
        return constant_of(number)
    match = _LITERAL.fullmatch(token.text)
    base = match[3].lower() if match else ""
    if match is None or base not in _DIGITS:
        raise text.error(f"expected a constant such as 4'b0101 or 4'hA, found {token}", token)
    width = natural(match[1]) if match[1] else _UNSIZED
    if not width or width > MAX_WIDTH:
        raise text.error(f"a constant has 1 to {MAX_WIDTH} bits, found {token}", token)
    digits, each = match[4].lower().replace("_", ""), _DIGITS[base]
    if set(digits) & {"z", "?"}:
        raise text.error(f"{min(set(digits) & {'z', '?'})!r} in {token} is a third state: expected 0 and 1", token)
    if "x" in digits and dont_cares == "refuse":
        raise text.error(f"'x' in {token} is neither 0 nor 1; dont_cares=0 or 1 chooses", token)
    known = "0123456789abcdef"[: 1 << each] if each else "0123456789"
    of_x = digits == "x" if base == "d" else "x" in digits
    if not digits or not set(digits) <= {*known, *"x" * of_x}:
        raise text.error(f"expected digits of {known} in {token}", token)
    if base == "d" and len(digits) > 4000:
        raise text.error(f"expected at most 4000 decimal digits, found {len(digits)}", token)
    chosen = known[-1] if dont_cares == 1 else "0"
    if base == "d":
        number = (-1 if dont_cares == 1 else 0) if of_x else int(digits)
    else:
        number = int(digits.replace("x", chosen), 1 << each)
        if digits[0] == "x" and dont_cares == 1:  # an x at the left fills the width
            number |= -1 << (each * len(digits))
    return constant_of(number, width, bool(match[2]))


def natural(digits: str) -> int | None:
    """Return a number, or None if it is not below 2^31."""
    digits = digits.replace("_", "").lstrip("0") or "0" * bool(digits)
    return int(digits) if 0 < len(digits) <= 10 and int(digits) < 2**31 else None


def indices(first: int, last: int) -> range:
    """Return the indices of [first:last], the last one first."""
    return range(last, first + 1) if first >= last else range(last, first - 1, -1)


def width(bounds: tuple[int, int] | None) -> int:
    """Return how many bits are within bounds; one if there are none."""
    return 1 if bounds is None else abs(bounds[0] - bounds[1]) + 1
