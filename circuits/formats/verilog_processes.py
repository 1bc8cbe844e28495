"""`always @(posedge clk)` and `initial`, as far as they are registers: `<=` alone, in `begin ... end` and `if`.

IEEE 1364-2005, clause 9. Further edges are those of asynchronous sets and resets, as IEEE 1364.1 (5.2) has them.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from circuits.formats.verilog_tokens import Text, Token

_MOST_NESTED = 100
_FIX = 'Yosys makes gates of it: yosys -p "read_verilog FILE; synth -flatten; write_blif out.blif"; see docs/rtl.md'


class Assignment(NamedTuple):
    """One `target <= value;`."""

    target: Sequence[Token]
    value: Sequence[Token]
    equals: Token
    end: Token


class If(NamedTuple):
    """`if (condition) then else other`; `end` closes the condition."""

    condition: Sequence[Token]
    then: "list[Assignment | If]"
    other: "list[Assignment | If]"
    end: Token


class Process(NamedTuple):
    """What happens at each edge of a clock, or at the beginning; `edges` has their signals."""

    first: Token
    edges: tuple[str, ...]
    body: list[Assignment | If]


def process_of(text: Text, start: int, end: int) -> tuple[Process, int]:
    """Read the process at a place, and return the place after it.

    Raises:
        ParseError: with the line, if it is more than registers.
    """
    reader = _Reader(text, start, end)
    first = reader.take()
    edges = reader.edges(first) if first.kind == "always" else ()
    body = reader.statement(0, "<=" if first.kind == "always" else "=")
    return Process(first, edges, body), reader.place


class _Reader:
    def __init__(self, text: Text, start: int, end: int):
        self._text, self._tokens = text, text.tokens(start, end)
        self._ahead: list[Token] = []
        self._end = Token("endmodule", "endmodule", end)
        self.place = start

    def take(self, kind: str | None = None) -> Token:
        """Return the next token."""
        token = self._ahead.pop() if self._ahead else next(self._tokens, self._end)
        if kind is not None and token.kind != kind:
            raise self._text.error(f"expected {kind}, found {token}", token)
        self.place = token.at + len(token.text)
        return token

    def peek(self) -> Token:
        """Return the next token, which stays."""
        if not self._ahead:
            self._ahead.append(next(self._tokens, self._end))
        return self._ahead[-1]

    def edges(self, first: Token) -> tuple[str, ...]:
        """Read `@(posedge clock or negedge reset)`."""
        tokens = []
        if self.peek().kind == "@":
            self.take()
            if self.peek().kind == "(":
                self.take()
                tokens = list(self._until(")"))
                self.take()
        kinds = [token.kind for token in tokens]
        are_edges = {*kinds[::3]} <= {"posedge", "negedge"} and {*kinds[2::3]} <= {"or", ","}
        if len(kinds) % 3 != 2 or not are_edges or {*kinds[1::3]} != {"name"}:
            said = "this 'always' is behaviour, and no register: expected always @(posedge clock)"
            raise self._text.error(f"{said}. {_FIX}", first)
        return tuple(token.text for token in tokens[1::3])

    def statement(self, nesting: int, sign: str) -> "list[Assignment | If]":
        """Read a statement."""
        token = self.peek()
        if nesting > _MOST_NESTED:
            raise self._text.error(f"statements are nested more than {_MOST_NESTED} deep", token)
        if token.kind == ";":
            self.take()
            return []
        if token.kind == "begin":
            self.take()
            if self.peek().kind == ":":
                self.take()
                self.take("name")
            body: list[Assignment | If] = []
            while self.peek().kind != "end":
                body += self.statement(nesting + 1, sign)
            self.take()
            return body
        if token.kind == "if" and sign == "<=":
            self.take()
            self.take("(")
            condition = list(self._until(")"))
            end = self.take()
            then = self.statement(nesting + 1, sign)
            other = []
            if self.peek().kind == "else":
                self.take()
                other = self.statement(nesting + 1, sign)
            return [If(condition, then, other, end)]
        if token.kind not in ("name", "{"):
            raise self._text.error(f"expected net {sign} value, found {token}. {_FIX}", token)
        target = list(self._until(sign, "=", ";"))
        equals = self.take()
        if equals.kind != sign:
            raise self._text.error(f"expected net {sign} value, found {equals}. {_FIX}", equals)
        if self.peek().kind == "#":
            self.take()
            if self.peek().kind == "(":
                self.take()
                list(self._until(")"))
            self.take()
        value = list(self._until(";"))
        return [Assignment(target, value, equals, self.take())]

    def _until(self, *kinds: str) -> Iterator[Token]:
        """Yield the tokens before the next of some kinds that is in no bracket, which stays."""
        nesting = 0
        while nesting or self.peek().kind not in kinds:
            token = self.take()
            if token.kind in ("endmodule", "begin", "end", "always", "assign"):
                raise self._text.error(f"expected {kinds[0]}, found {token}", token)
            nesting += (token.kind in ("(", "[", "{")) - (token.kind in (")", "]", "}"))
            yield token
