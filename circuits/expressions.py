"""Circuits from text: `parse("s = a ^ b ^ c; carry = maj(a, b, c)")`.

An operator-precedence reader (R. W. Floyd, 1963) whose operands are traced bits: each operator is one gate,
functions of many arguments are balanced trees of them.
"""

import operator
import re
from collections.abc import Iterable
from typing import NamedTuple

from circuits.errors import ParseError
from circuits.library import maj, mux
from circuits.netlist import AND, OR, XOR, Builder, Circuit, without_dead_gates
from circuits.tracing import Bit


def parse(text: str, *, inputs: Iterable[str] | None = None, outputs: Iterable[str] | None = None) -> Circuit:
    """The circuit that an expression, or a list of assignments, describes.

    Operators, tightest first, as in Python and C: `~`, `&`, `^`, `|`; and parentheses. Functions of any number of
    arguments: `and`, `or`, `xor`, `nand`, `nor`, `xnor`, `maj` (more than half); `not(a)`; `mux(s, a, b)`, a where s
    holds, else b. Constants: `0`, `1`. Names: letters, digits, `_` and `.`, and an index, as in `a[3]`. `#` begins a
    comment.

    Args:
        text: assignments `name = expression`, parted by `;` or line breaks; or one expression, whose output is
            called out.
        inputs: names in the order wanted, all that occur and any more; if None, in the order they occur.
        outputs: the assigned names that are outputs; if None, all but those that begin with `_`.

    Returns:
        A circuit with one gate an operator.

    Raises:
        ParseError: with line and column, if the text is malformed, a name is assigned twice or used before it is
            assigned, or a name is missing from `inputs` or `outputs`.

    Source: R. W. Floyd, Syntactic analysis and operator precedence (1963).

    >>> parse("s = a ^ b ^ c; carry = maj(a, b, c)")
    Circuit(3 inputs, 2 outputs, 6 gates)
    >>> parse("a & | b")
    Traceback (most recent call last):
    circuits.errors.ParseError: expression:1:5: expected a name, a constant, ~ or (, found '|'
      a & | b
          ^
    """
    if not isinstance(text, str):
        raise TypeError(f"parse: expected text, got {type(text).__name__}. For a Python function use trace.")
    statements = _statements(text)
    if not statements:
        raise ParseError("expected an expression, found nothing", line=1)
    assigned: dict[str, _Token] = {}
    for target, tokens in statements:
        if target is not None and target.text in assigned:
            raise _error(text, target, f"{target.text!r} is assigned twice")
        if target is None and len(statements) > 1:
            raise _error(text, tokens[0], "expected name = expression, since there are several statements")
        if target is not None:
            assigned[target.text] = target
    used = {t.text: t for _, tokens in reversed(statements) for t in reversed(tokens) if t.kind == "name"}
    free = [
        name
        for name in dict.fromkeys(t.text for _, tokens in statements for t in tokens if t.kind == "name")
        if name not in assigned
    ]
    names = free if inputs is None else list(inputs)
    for name in free:
        if name not in names:
            raise _error(text, used[name], f"{name!r} is neither assigned nor among the inputs {names}")
    for name in names:
        if name in assigned:
            raise _error(text, assigned[name], f"{name!r} is an input and cannot be assigned")
    wanted = [name for name in assigned if not name.startswith("_")] if outputs is None else list(outputs)
    if assigned:
        for name in wanted:
            if name not in assigned:
                raise ParseError(f"output {name!r} is not assigned; assigned are {list(assigned)}")
        if not wanted:
            raise ParseError("expected an output, found only local names, which begin with _")

    netlist = Builder(names)
    known = {name: Bit(netlist, node) for name, node in zip(names, netlist.inputs, strict=True)}
    for target, tokens in statements:
        value = _expression(text, tokens, known, netlist, assigned)
        known["out" if target is None else target.text] = value
    return without_dead_gates(netlist.circuit({name: known[name].node for name in (wanted if assigned else ["out"])}))


class _Token(NamedTuple):
    kind: str  # name, constant, function, operator, open, close, comma, end
    text: str
    at: int  # offset in the whole text


_TOKEN = re.compile(
    r"(?P<space>[^\S\n]+|#[^\n]*)|(?P<end>[;\n])|(?P<name>[A-Za-z_][\w.]*(?:\[\d+\])?)|(?P<constant>[01](?![\w.]))"
    r"|(?P<operator>[&^|~])|(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<assign>=(?!=))"
)
_PRECEDENCE = {"|": 1, "^": 2, "&": 3, "~": 4}
_OPERATORS = {"|": operator.or_, "^": operator.xor, "&": operator.and_}
_FUNCTIONS = {"and", "or", "xor", "nand", "nor", "xnor", "not", "maj", "mux"}
_HINTS = {
    "!": "not is written ~",
    "'": "not is written ~ before the operand",
    "+": "or is written |",
    "*": "and is written &",
}


def _statements(text: str) -> list[tuple[_Token | None, list[_Token]]]:
    """The tokens of each statement, with the name that it assigns to. Parentheses may run over line breaks."""
    statements, tokens, at, nesting = [], [], 0, 0
    target = None
    while at <= len(text):
        match = _TOKEN.match(text, at)
        if at == len(text) or (match and match.lastgroup == "end" and (match.group() == ";" or nesting <= 0)):
            if target is not None or tokens:
                statements.append((target, [*tokens, _Token("end", "end of the statement", at)]))
            target, tokens, nesting = None, [], 0
            at += 1
            continue
        if match is None:
            hint = _HINTS.get(text[at])
            message = f"unexpected {text[at]!r}" + (f": {hint}" if hint else "")
            raise _error(text, _Token("", "", at), message)
        kind = match.lastgroup or ""
        token = _Token(kind, match.group(), at)
        at = match.end()
        if kind == "assign":
            if target is not None or len(tokens) != 1 or tokens[0].kind != "name":
                raise _error(text, token, "unexpected '=': an assignment is name = expression")
            target, tokens = tokens[0], []
        elif kind == "name" and token.text in _FUNCTIONS:
            tokens.append(token._replace(kind="function"))
        elif kind not in ("space", "end"):
            nesting += (kind == "open") - (kind == "close")
            tokens.append(token)
    return statements


def _expression(
    text: str, tokens: list[_Token], known: dict[str, Bit], netlist: Builder, assigned: dict[str, _Token]
) -> Bit:
    """Reads one expression with two stacks and no recursion, so nesting and length are bounded by memory alone."""
    operands: list[Bit] = []
    # Operators that wait for their right side; "(" carries its function token, if any, and its first operand's place.
    waiting: list[tuple[str, _Token, _Token | None, int]] = []
    function = None
    wants_operand = True

    def reduce(precedence: int) -> None:
        while waiting and waiting[-1][0] != "(" and _PRECEDENCE[waiting[-1][0]] >= precedence:
            symbol = waiting.pop()[0]
            right = operands.pop()
            operands.append(~right if symbol == "~" else _OPERATORS[symbol](operands.pop(), right))

    for token in tokens:
        if function is not None and token.kind != "open":
            raise _error(text, token, f"expected '(' after {function.text!r}, found {_shown(token)}")
        if wants_operand:
            if token.kind == "name":
                if token.text not in known:
                    what = "in its own definition" if token.text not in assigned else "before it is assigned"
                    raise _error(text, token, f"{token.text!r} is used {what}")
                operands.append(known[token.text])
                wants_operand = False
            elif token.kind == "constant":
                operands.append(Bit(netlist, netlist.constant(token.text == "1")))
                wants_operand = False
            elif token.kind == "function":
                function = token
            elif token.text == "~":
                waiting.append(("~", token, None, 0))
            elif token.kind == "open":
                waiting.append(("(", token, function, len(operands)))
                function = None
            else:
                raise _error(text, token, f"expected a name, a constant, ~ or (, found {_shown(token)}")
        elif token.kind == "operator" and token.text != "~":
            reduce(_PRECEDENCE[token.text])
            waiting.append((token.text, token, None, 0))
            wants_operand = True
        elif token.kind in ("close", "comma"):
            reduce(0)
            if not waiting:
                raise _error(text, token, f"unexpected {token.text!r}: no '(' is open")
            _, _, called, first = waiting[-1]
            if token.kind == "comma":
                if called is None:
                    raise _error(text, token, "unexpected ',': it parts the arguments of a function")
                wants_operand = True
            else:
                waiting.pop()
                if called is not None:
                    arguments = operands[first:]
                    del operands[first:]
                    operands.append(_call(text, called, arguments))
        elif token.kind == "end":
            reduce(0)
            if waiting:
                raise _error(text, waiting[-1][1], "this '(' is never closed")
        else:
            hint = f"; between operands it is written {_INFIX[token.text]}" if token.text in _INFIX else ""
            raise _error(text, token, f"expected an operator, ) or the end, found {_shown(token)}{hint}")
    return operands[0]


_INFIX = {"and": "&", "or": "|", "xor": "^"}


def _call(text: str, function: _Token, bits: list[Bit]) -> Bit:
    name, netlist, nodes = function.text, bits[0].netlist, [bit.node for bit in bits]
    for wanted, names in ((1, ("not",)), (3, ("mux",))):
        if name in names and len(bits) != wanted:
            raise _error(text, function, f"{name} takes {wanted} argument{'s' * (wanted > 1)}, got {len(bits)}")
    match name:
        case "not":
            return ~bits[0]
        case "mux":
            return mux(*bits)
        case "maj":
            return maj(*bits)
        case "and" | "nand":
            return Bit(netlist, netlist.tree(AND, nodes, inverted=name == "nand"))
        case "or" | "nor":
            return Bit(netlist, netlist.tree(OR, nodes, inverted=name == "nor"))
        case _:
            return Bit(netlist, netlist.tree(XOR, nodes, inverted=name == "xnor"))


def _shown(token: _Token) -> str:
    return token.text if token.kind == "end" else repr(token.text)


def _error(text: str, token: _Token, message: str) -> ParseError:
    line = text.count("\n", 0, token.at) + 1
    start = text.rfind("\n", 0, token.at) + 1
    shown = text[start:].split("\n", 1)[0]
    return ParseError(message, line=line, column=token.at - start + 1, text=shown)
