"""The syntax of Verilog's expressions: tokens into postfix order, tightest operators first.

An operator-precedence reader (R. W. Floyd, 1963), as in `circuits.expressions`, so that no nesting is too deep.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from circuits.formats.verilog_tokens import Text, Token

# Table 5-4, tightest last; unary operators bind tighter than any of these, ?: less, and an open bracket is a wall.
_BINARY = {"||": 2, "&&": 3, "|": 4, "^": 5, "~^": 5, "^~": 5, "&": 6, "==": 7, "!=": 7, "===": 7, "!==": 7}
_BINARY |= {"<": 8, "<=": 8, ">": 8, ">=": 8, "<<": 9, ">>": 9, "<<<": 9, ">>>": 9, "+": 10, "-": 10}
_BINARY |= {"*": 11, "/": 11, "%": 11, "**": 12}
_UNARY = dict.fromkeys(["~", "!", "&", "~&", "|", "~|", "^", "~^", "^~", "+", "-"], 13)
_TERNARY = 1
_WALL = -1


class Node(NamedTuple):
    """A part of an expression.

    Attributes:
        kind: "name" with its select, "number", "unary", "binary", "?:", "{}", "{{}}", or "signed" for `$signed`.
        token: its name, number or operator.
        operands: the places of its operands, all before it.
        select: the tokens of each `[...]` after a name.
        times: how often a replication has its operand.
    """

    kind: str
    token: Token
    operands: tuple[int, ...] = ()
    select: tuple[Sequence[Token], ...] = ()
    times: int = 1


class _Waiting(NamedTuple):
    """An operator that waits for its right side, or an open bracket."""

    token: Token
    precedence: int
    n_operands: int = 0
    first: int = 0  # of a concatenation: how many values were there before it
    begin: int = 0  # of a concatenation: the place of the token after it
    n_nodes: int = 0
    kind: str = "binary"
    times: int = 1  # of the inner bracket of a replication


def postfix(
    text: Text, tokens: Sequence[Token], end: Token, count: Callable[[Sequence[Token], Token], int]
) -> list[Node]:
    """Return the nodes of an expression, each after its operands.

    Args:
        text: the file, for errors.
        tokens: all of it.
        end: what follows, for errors.
        count: the value of a constant expression, that a replication has.

    Raises:
        ParseError: if it is malformed.
    """
    nodes: list[Node] = []
    values: list[int] = []
    waiting: list[_Waiting] = []
    wants_operand = True

    def push(node: Node) -> None:
        values.append(len(nodes))
        nodes.append(node)

    def reduce(precedence: int) -> None:
        while waiting and waiting[-1].precedence >= precedence:
            operator = waiting.pop()
            operands = tuple(values[len(values) - operator.n_operands :])
            del values[len(values) - operator.n_operands :]
            push(Node(operator.kind, operator.token, operands))

    def opened(symbol: str, token: Token) -> _Waiting:
        if not waiting or waiting[-1].token.kind != symbol:
            raise text.error(f"unexpected {token}: no {symbol!r} is open here", token)
        return waiting[-1]

    place = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        symbol = token.kind
        if wants_operand:
            if symbol == "name":
                select = []
                while place < len(tokens) and tokens[place].kind == "[":
                    inner, place = _bracketed(text, tokens, place)
                    select.append(inner)
                push(Node("name", token, select=tuple(select)))
                wants_operand = False
            elif symbol in ("literal", "number"):
                push(Node("number", token))
                wants_operand = False
            elif symbol == "system" and token.text in ("$signed", "$unsigned"):
                waiting.append(_Waiting(token, 13, 1, kind="signed"))
            elif symbol == "(":
                waiting.append(_Waiting(token, _WALL))
            elif symbol == "{":
                waiting.append(_Waiting(token, _WALL, first=len(values), begin=place, n_nodes=len(nodes)))
            elif symbol in _UNARY:
                waiting.append(_Waiting(token, _UNARY[symbol], 1, kind="unary"))
            else:
                raise text.error(f"expected a net, a constant or an expression, found {token}", token)
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
            question = opened("?", token).token
            waiting[-1] = _Waiting(question._replace(kind="?:"), _TERNARY, 3, kind="?:")
            wants_operand = True
        elif symbol == ")":
            reduce(0)
            opened("(", token)
            waiting.pop()
        elif symbol == "{":
            reduce(0)
            if not waiting or not waiting[-1].begin or waiting[-1].n_operands:
                raise text.error(f"expected an operator or the end, found {token}", token)
            # {n{...}}: what stands before the inner bracket is how often.
            outer = waiting[-1]
            times = count(tokens[outer.begin : place - 1], token)
            del nodes[outer.n_nodes :], values[outer.first :]
            waiting[-1] = outer._replace(begin=0, times=times)
            waiting.append(_Waiting(token, _WALL, first=len(values), begin=place, n_nodes=len(nodes)))
            wants_operand = True
        elif symbol in (",", "}"):
            reduce(0)
            bracket = opened("{", token)
            wants_operand = symbol == ","
            if wants_operand:
                if not bracket.begin:
                    raise text.error("expected } after a replication, found ','", token)
                waiting[-1] = bracket._replace(n_operands=1)
            else:
                waiting.pop()
                operands = tuple(values[bracket.first :])
                del values[bracket.first :]
                kind = "{}" if bracket.begin else "{{}}"
                push(Node(kind, bracket.token, operands, times=bracket.times))
        else:
            raise text.error(f"expected an operator or the end, found {token}", token)
    if wants_operand:
        raise text.error(f"expected a net, a constant or an expression, found {end}", end)
    reduce(0)
    if waiting:
        raise text.error(f"this {waiting[-1].token} is never closed", waiting[-1].token)
    return nodes


def _bracketed(text: Text, tokens: Sequence[Token], place: int) -> tuple[Sequence[Token], int]:
    """Return what is between the bracket at a place and the next `]`, with both, and the place after it."""
    begin = place
    place += 1
    while place < len(tokens) and tokens[place].kind not in ("[", "]"):
        place += 1
    if place == len(tokens):
        raise text.error(f"this {tokens[begin]} is never closed", tokens[begin])
    if tokens[place].kind == "[":
        raise text.error("expected [number] or [number:number], found '['", tokens[place])
    return tokens[begin : place + 1], place + 1
