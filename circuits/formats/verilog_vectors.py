"""Vectors of structural Verilog: their bounds, the nets of their bits, and constants.

IEEE 1364-2005, clauses 3.5, 4.3 and 5.2.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from circuits.formats.verilog_tokens import Text, Token

# The least that IEEE 1364-2005 (4.3.1) asks for as the longest vector; a longer one is refused.
MAX_WIDTH = 2**16
# The width of a constant that is written without one.
UNSIZED = 32

DontCares = Literal["refuse", 0, 1]

_DIGITS = {"b": ("01", 1), "o": ("01234567", 3), "h": ("0123456789abcdef", 4), "d": ("0123456789", 0)}
_LITERAL = re.compile(r"([0-9_]*)\s*'(s?)([a-z])\s*([\w?]*)", re.ASCII | re.IGNORECASE)


class Signal(NamedTuple):
    """A declared net or vector: its bounds as written, such as (3, 0), or None for a net of one bit."""

    name: str
    bounds: tuple[int, int] | None

    def bits(self) -> list[str]:
        """Return the nets of its bits, lowest first: the right bound is the lowest bit, whichever is larger."""
        return [self.name] if self.bounds is None else [f"{self.name}[{i}]" for i in indices(*self.bounds)]


def constant(text: Text, token: Token, dont_cares: DontCares = "refuse") -> tuple[str, bool]:
    """Return the binary digits of a constant such as 4'hA, 'b1 or 3, highest first, and whether it has a width.

    One without a width has 32 bits (3.5.1); a number with more digits than bits loses the highest.
    """
    if token.kind == "number":
        number = natural(token.text)
        if number is None:
            raise text.error(f"expected a plain number below 2^31, found {token}", token)
        return f"{number:0{UNSIZED}b}", False
    match = _LITERAL.fullmatch(token.text)
    base = match[3].lower() if match else ""
    if match is None or match[2] or base not in _DIGITS:
        raise text.error(f"expected a constant such as 4'b0101 or 4'hA, found {token}", token)
    n = natural(match[1]) if match[1] else UNSIZED
    if not n:
        raise text.error(f"a constant has at least one bit, found {token}", token)
    if n > MAX_WIDTH:
        raise text.error(f"a constant has at most {MAX_WIDTH} bits, found {token}", token)
    digits, (known, per_digit) = match[4].lower().replace("_", ""), _DIGITS[base]
    if unknown := set(digits) & {"x", "z", "?"}:
        if unknown != {"x"} or dont_cares == "refuse" or base == "d":
            hint = ": dont_cares=0 or 1 chooses a value" if unknown == {"x"} and base != "d" else ""
            raise text.error(f"{min(unknown)!r} in {token} is neither 0 nor 1{hint}", token)
        # An x at the left fills up to the width (3.5.1).
        digits = (
            digits[0] * max(0, -(-n // per_digit) - len(digits)) + digits if digits[0] == "x" else digits
        ).replace("x", known[-1] if dont_cares else "0")
    if not digits or not set(digits) <= set(known):
        raise text.error(f"expected digits of {known} in {token}", token)
    if base == "d" and len(digits) > 4000:
        raise text.error(f"expected at most 4000 decimal digits, found {len(digits)}", token)
    number = int(digits, 10 if base == "d" else 2**per_digit) & (1 << n) - 1
    return f"{number:0{n}b}", bool(match[1])


def numbers_at(
    text: Text, tokens: Sequence[Token], place: int, end: Token, parameters: Mapping[str, int] = MappingProxyType({})
) -> tuple[list[int], int]:
    """Return the one or two numbers of `[3]` or `[3:0]`, which begins at a place, and the place that comes after it."""
    start, place = place, place + 1
    numbers: list[int] = []
    while True:
        number, place = number_at(text, tokens, place, end, parameters)
        numbers.append(number)
        token = tokens[place] if place < len(tokens) else end
        if token.kind == ":" and len(numbers) == 1:
            place += 1
            continue
        if token.kind != "]":
            raise text.error(f"expected [number] or [number:number], found {token}", tokens[start])
        return numbers, place + 1


def number_at(
    text: Text, tokens: Sequence[Token], place: int, end: Token, parameters: Mapping[str, int]
) -> tuple[int, int]:
    """Return the value of numbers and parameters joined by + - *, and the place after them; * binds tighter."""
    total, factor, sign = 0, 1, 1
    while True:
        token = tokens[place] if place < len(tokens) else end
        if token.kind == "-":
            sign, place = -sign, place + 1
            continue
        if token.kind == "name" and token.text in parameters:
            number, place = parameters[token.text], place + 1
        elif token.kind == "(":
            number, place = number_at(text, tokens, place + 1, end, parameters)
            token = tokens[place] if place < len(tokens) else end
            if token.kind != ")":
                raise text.error(f"expected ) after a number, found {token}", token)
            place += 1
        else:
            found = natural(token.text) if token.kind == "number" else None
            if token.kind == "literal":
                found = int(constant(text, token)[0], 2)
            if found is None:
                raise text.error(f"expected a plain number below 2^31, found {token}", token)
            number, place = found, place + 1
        factor *= sign * number
        if abs(factor) >= 2**62:
            raise text.error("expected numbers below 2^31, found a larger product", token)
        sign = 1
        token = tokens[place] if place < len(tokens) else end
        if token.kind in ("+", "-"):
            total, factor, sign, place = total + factor, 1, 1 if token.kind == "+" else -1, place + 1
        elif token.kind == "*":
            place += 1
        else:
            total += factor
            if abs(total) >= 2**31:
                raise text.error(f"expected a plain number below 2^31, found {total}", token)
            return total, place


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
