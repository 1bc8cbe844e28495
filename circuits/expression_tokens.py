"""The tokens of expressions, and how tightly each operator binds.

Logic texts and Python disagree about some mixes, as `not a & b`. Each operator has its strength in both, so that a
reader can see where they part.
"""

import re
from typing import NamedTuple

from circuits.errors import ParseError
from circuits.gates import AND, NAND, NOR, OR, TREES, XNOR, XOR

IMPLIES = 0b1101  # b or not a
FUNCTIONS = {*TREES, "not", "maj", "mux"}
CONSTANTS = {"0": False, "1": True, "false": False, "true": True}


class Token(NamedTuple):
    """A piece of text.

    Attributes:
        kind: name, constant, word (a function, and perhaps an operator), operator, prime, open, close, comma or end.
        text: as it is written; of the end, what errors call it.
        at: its place in the whole text.
    """

    kind: str
    text: str
    at: int


class Operator(NamedTuple):
    """An operator between two operands, or before one.

    Attributes:
        table: of its gate; None for not.
        logic: how tightly it binds in logic texts and hardware languages, where the spelling does not matter.
        python: how tightly it binds in Python, where words bind less than symbols, and `+` more than `&`.
        side: from which side a row of them is taken, "left" or "right"; "none" where it would mean different things.
    """

    table: int | None
    logic: int
    python: int
    side: str = "left"


OPERATORS = {
    "==": Operator(XNOR, 6, 6, "none"),
    "!=": Operator(XOR, 6, 6, "none"),
    "*": Operator(AND, 5, 11),
    "&": Operator(AND, 5, 9),
    "and": Operator(AND, 5, 4),
    "nand": Operator(NAND, 5, 4, "none"),
    "^": Operator(XOR, 4, 8),
    "xor": Operator(XOR, 4, 3),
    "xnor": Operator(XNOR, 4, 3, "none"),
    "+": Operator(OR, 3, 10),
    "|": Operator(OR, 3, 7),
    "or": Operator(OR, 3, 2),
    "nor": Operator(NOR, 3, 2, "none"),
    "->": Operator(IMPLIES, 2, 1, "right"),
    "=>": Operator(IMPLIES, 2, 1, "right"),
    "<->": Operator(XNOR, 1, 0),
    "<=>": Operator(XNOR, 1, 0),
}
PREFIXES = {"~": Operator(None, 7, 12), "!": Operator(None, 7, 12), "not": Operator(None, 7, 5)}

_TOKEN = re.compile(
    r"(?P<space>[^\S\n]+|#[^\n]*)|(?P<end>[;\n])|(?P<name>[A-Za-z_][\w.]*(?:\[\d+\])?)|(?P<constant>[01](?![\w.]))"
    r"|(?P<operator><->|<=>|->|=>|==|!=|[&*^|+~!])|(?P<prime>')|(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<assign>=)",
    re.ASCII,
)


def statements_of(text: str) -> list[tuple[Token | None, list[Token]]]:
    """Split a text into statements. Parentheses may run over line breaks.

    Args:
        text: its lines end in line feeds.

    Returns:
        The assigned name, or None, and the tokens after it, the last of them an end.

    Raises:
        ParseError: if a character begins no token, or an `=` does not follow one name.

    >>> [[token.text for token in tokens] for _, tokens in statements_of("x = a & b; a -> x'")]
    [['a', '&', 'b', 'end of the statement'], ['a', '->', 'x', "'", 'end of the statement']]
    """
    statements, tokens, at, nesting = [], [], 0, 0
    target = None
    while at <= len(text):
        match = _TOKEN.match(text, at)
        if at == len(text) or (match and match.lastgroup == "end" and (match.group() == ";" or nesting <= 0)):
            if target is not None or tokens:
                statements.append((target, [*tokens, Token("end", "end of the statement", at)]))
            target, tokens, nesting = None, [], 0
            at += 1
            continue
        if match is None:
            raise error_at(text, Token("", "", at), f"unexpected {text[at]!r}")
        kind = match.lastgroup or ""
        token = Token(kind, match.group(), at)
        at = match.end()
        if kind == "assign":
            if target is not None or len(tokens) != 1 or tokens[0].kind != "name":
                raise error_at(text, token, "unexpected '=': an assignment is name = expression")
            target, tokens = tokens[0], []
        elif kind == "name" and token.text.lower() in FUNCTIONS:
            tokens.append(token._replace(kind="word"))
        elif kind == "name" and token.text.lower() in CONSTANTS:
            tokens.append(token._replace(kind="constant"))
        elif kind not in ("space", "end"):
            nesting += (kind == "open") - (kind == "close")
            tokens.append(token)
    return statements


def is_name(text: str) -> bool:
    """Return whether a text is a name in an expression, and neither a word nor a constant.

    >>> [is_name(text) for text in ("a[3]", "top.q", "22", "NOT", "a b")]
    [True, True, False, False, False]
    """
    match = _TOKEN.fullmatch(text)
    return match is not None and match.lastgroup == "name" and text.lower() not in FUNCTIONS | set(CONSTANTS)


def binds_first(waiting: Operator, coming: Operator) -> bool | None:
    """Return whether an operator takes the operand that stands between it and the next one.

    Args:
        waiting: the operator before the operand.
        coming: the operator after it.

    Returns:
        True or False; None if logic texts and Python disagree, or if both stand on one level but are not associative.

    >>> binds_first(OPERATORS["&"], OPERATORS["|"]), binds_first(PREFIXES["not"], OPERATORS["&"])
    (True, None)
    """
    if waiting.table == coming.table and waiting.side == coming.side == "left":
        return True
    answers = {_stronger(waiting.logic, coming.logic, waiting), _stronger(waiting.python, coming.python, waiting)}
    return answers.pop() if len(answers) == 1 else None


def _stronger(waiting: int, coming: int, operator: Operator) -> bool | None:
    """Return which of two levels is higher; of one level only those that are taken from the right may meet."""
    if waiting != coming:
        return waiting > coming
    return False if operator.side == "right" else None


def error_at(text: str, token: Token, message: str) -> ParseError:
    """Return an error with the line and column of a token, and that line."""
    line = text.count("\n", 0, token.at) + 1
    start = text.rfind("\n", 0, token.at) + 1
    shown = text[start:].split("\n", 1)[0]
    return ParseError(message, source="expression", line=line, column=token.at - start + 1, text=shown)
