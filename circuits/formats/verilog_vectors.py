"""Vectors of structural Verilog: their bounds, the nets of their bits, and constants.

IEEE 1364-2005, clauses 3.5, 4.3 and 5.2.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from circuits.formats.verilog_tokens import Text, Token

# The least that IEEE 1364-2005 (4.3.1) asks for as the longest vector; a longer one is refused.
MAX_WIDTH = 2**16

_DIGITS = {"b": ("01", 1), "o": ("01234567", 3), "h": ("0123456789abcdef", 4), "d": ("0123456789", 0)}
_LITERAL = re.compile(r"([0-9_]*)\s*'(s?)([a-z])\s*([\w?]*)", re.ASCII | re.IGNORECASE)


class Signal(NamedTuple):
    """A declared net or vector: its bounds as written, such as (3, 0), or None for a net of one bit."""

    name: str
    bounds: tuple[int, int] | None

    def bits(self) -> list[str]:
        """Return the nets of its bits, lowest first: the right bound is the lowest bit, whichever is larger."""
        return [self.name] if self.bounds is None else [f"{self.name}[{i}]" for i in indices(*self.bounds)]


def constant(text: Text, token: Token) -> str:
    """Return the binary digits of a constant such as 4'hA, highest first."""
    match = _LITERAL.fullmatch(token.text)
    base = match[3].lower() if match else ""
    if match is None or match[2] or base not in _DIGITS:
        raise text.error(f"expected a constant such as 4'b0101 or 4'hA, found {token}", token)
    n = natural(match[1])
    if not n:
        raise text.error(f"a constant needs its width, as in 1'b0, found {token}", token)
    if n > MAX_WIDTH:
        raise text.error(f"a constant has at most {MAX_WIDTH} bits, found {token}", token)
    digits, (known, per_digit) = match[4].lower().replace("_", ""), _DIGITS[base]
    if unknown := set(digits) & {"x", "z", "?"}:
        raise text.error(f"{min(unknown)!r} in {token} is neither 0 nor 1", token)
    if not digits or not set(digits) <= set(known):
        raise text.error(f"expected digits of {known} in {token}", token)
    if base == "d" and len(digits) > 4000:
        raise text.error(f"expected at most 4000 decimal digits, found {len(digits)}", token)
    number = int(digits, 10 if base == "d" else 2**per_digit)
    if number >> n:
        raise text.error(f"{token} has more than {n} bits", token)
    return f"{number:0{n}b}"


def numbers_at(text: Text, tokens: Sequence[Token], place: int, end: Token) -> tuple[list[int], int]:
    """Return the one or two numbers of `[3]` or `[3:0]`, which begins at a place, and the place that comes after it."""
    start = place
    numbers: list[int] = []
    while True:
        place += 1
        sign = 1
        if place < len(tokens) and tokens[place].kind == "-":
            sign, place = -1, place + 1
        token = tokens[place] if place < len(tokens) else end
        number = natural(token.text) if token.kind == "number" else None
        if number is None:
            raise text.error(f"expected a plain number below 2^31, found {token}", token)
        numbers.append(sign * number)
        place += 1
        token = tokens[place] if place < len(tokens) else end
        if token.kind == ":" and len(numbers) == 1:
            continue
        if token.kind != "]":
            raise text.error(f"expected [number] or [number:number], found {token}", tokens[start])
        return numbers, place + 1


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
