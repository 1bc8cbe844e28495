"""Registers written as behaviour: `always @(posedge clk)` with nonblocking assignments, if and else.

IEEE 1364-2005, clauses 9.2.2 and 9.4.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from circuits.formats.verilog_expressions import DrivenBit, Expressions
from circuits.formats.verilog_tokens import Text, Token
from circuits.gates import AND


class Assignment(NamedTuple):
    """One assignment, `target <= value;`."""

    target: Sequence[Token]
    value: Sequence[Token]
    arrow: Token
    end: Token


class Choice(NamedTuple):
    """One of two statements, `if (condition) ... else ...`."""

    condition: Sequence[Token]
    closed: Token
    then: "Statement"
    other: "Statement"


Statement = Assignment | Choice | list


def process_at(text: Text, tokens: Sequence[Token], place: int) -> tuple[Statement, int]:
    """Return what a process does, whose `always` is before a place, and the place after it.

    Args:
        text: the file, for errors.
        tokens: the module.
        place: of what follows `always`.

    Raises:
        ParseError: with the line, if it is anything but registers of one clock edge.
    """
    always = tokens[place - 1]
    head = [token.kind for token in tokens[place : place + 5]]
    if head[:2] != ["@", "("] or head[2:3][0] not in ("posedge", "negedge") or head[3:5] != ["name", ")"]:
        wrong = "expected always @(posedge clock) or @(negedge clock) and registers behind it. docs/rtl.md has a way"
        raise text.error(wrong, always)
    return _statement_at(text, tokens, place + 5)


def _statement_at(text: Text, tokens: Sequence[Token], place: int) -> tuple[Statement, int]:
    first = tokens[place]
    if first.kind == "begin":
        place += 1
        if tokens[place].kind == ":" and tokens[place + 1].kind == "name":
            place += 2
        parts: list[Statement] = []
        while tokens[place].kind != "end":
            part, place = _statement_at(text, tokens, place)
            parts.append(part)
        return parts, place + 1
    if first.kind == "if":
        if tokens[place + 1].kind != "(":
            raise text.error(f"expected ( after if, found {tokens[place + 1]}", tokens[place + 1])
        close, nesting = place + 1, 0
        while True:
            kind = tokens[close].kind
            nesting += {"(": 1, ")": -1}.get(kind, 0)
            if nesting == 0:
                break
            if kind in ("endmodule", ""):
                raise text.error("this ( is never closed", tokens[place + 1])
            close += 1
        condition, closed = tokens[place + 2 : close], tokens[close]
        then, place = _statement_at(text, tokens, close + 1)
        other: Statement = []
        if tokens[place].kind == "else":
            other, place = _statement_at(text, tokens, place + 1)
        return Choice(condition, closed, then, other), place
    if first.kind == ";":
        return [], place + 1
    end = arrow = place
    while tokens[end].kind != ";":
        if tokens[end].kind in ("endmodule", "", "begin", "end"):
            raise text.error(f"expected register <= value; found {first}. docs/rtl.md has a way", first)
        end += 1
    while arrow < end and tokens[arrow].kind != "<=":
        arrow += 1
    if arrow in (place, end) or first.kind not in ("name", "{"):
        raise text.error(f"expected register <= value; found {first}. docs/rtl.md has a way", first)
    value = tokens[arrow + 1 : end]
    if value and value[0].kind == "#":
        value = value[2:]
    return Assignment(tokens[place:arrow], value, tokens[arrow], tokens[end]), end + 1


def next_states(
    expressions: Expressions, statement: Statement, before: Mapping[str, DrivenBit] = MappingProxyType({})
) -> dict[str, DrivenBit]:
    """Return the next value of each net that a process gives one.

    Args:
        expressions: reads what is in the statements.
        statement: what the process does.
        before: what earlier statements gave; a register that nothing gives a value keeps its own.
    """
    if isinstance(statement, Assignment):
        target = expressions.target(statement.target, statement.arrow)
        value = expressions.fitted(statement.value, statement.end, len(target))
        return {**before, **dict(zip(target, value, strict=True))}
    if isinstance(statement, Choice):
        condition = expressions.truth(statement.condition, statement.closed)
        then = next_states(expressions, statement.then, before)
        other = next_states(expressions, statement.other, before)
        found = {}
        for place, net in enumerate({**then, **other}):
            kept = DrivenBit(AND, False, (net,), ("", statement.closed, place))
            found[net] = expressions.choose(
                condition, then.get(net, kept), other.get(net, kept), statement.closed, place
            )
        return found
    found = dict(before)
    for part in statement:
        found = next_states(expressions, part, found)
    return found
