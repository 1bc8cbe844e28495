"""Circuits from text: `parse("s = a ^ b ^ c; carry = maj(a, b, c)")`.

An operator-precedence reader (R. W. Floyd, 1963) whose operands are traced bits: each operator is one gate,
functions of many arguments are balanced trees of them.
"""

import operator
import re
from collections.abc import Iterable
from typing import NamedTuple

from circuits.errors import ParseError
from circuits.gates import TREES
from circuits.library import maj, mux
from circuits.netlist import Builder, Circuit, without_dead_gates
from circuits.tracing import Bit


def parse(text: str, *, inputs: Iterable[str] | None = None, outputs: Iterable[str] | None = None) -> Circuit:
    """Return the circuit that an expression, or a list of assignments, describes.

    Operators, tightest first, as in Python and C: `~`, `&`, `^`, `|`; and parentheses. Functions of any number of
    arguments: `and`, `or`, `xor`, `nand`, `nor`, `xnor`, `maj` (more than half); `not(a)`; `mux(s, a, b)`, a where s
    holds, else b. Constants: `0`, `1`. Names: letters, digits, `_` and `.`, and an index, as in `a[3]`. `#` begins a
    comment.

    Args:
        text: assignments `name = expression`, separated by `;` or line breaks; or one expression, whose output is
            called out.
        inputs: names in the order wanted, all that occur and any more; if None, in the order they occur.
        outputs: the assigned names that are outputs, or the name of a single expression's; if None, all assigned names
            but those that begin with `_`.

    Returns:
        A circuit with one gate per operator.

    Raises:
        ParseError: with line and column, if the text is malformed, a name is assigned twice or used before it is
            assigned, or a name is missing from `inputs` or `outputs`, or stands there twice.

    Source: R. W. Floyd, Syntactic analysis and operator precedence (1963).

    >>> parse("s = a ^ b ^ c; carry = maj(a, b, c)")
    Circuit(3 inputs, 2 outputs, 6 gates)
    >>> parse("a & | b")
    Traceback (most recent call last):
    circuits.ParseError: expression:1:5: expected a name, a constant, ~ or (, found '|'
      a & | b
          ^
    """
    if not isinstance(text, str):
        raise TypeError(f"parse: expected text, got {type(text).__name__}. For a Python function use trace.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    statements = _statements(text)
    if not statements:
        raise ParseError("expected an expression, found nothing", source="expression", line=1)
    assigned: dict[str, _Token] = {}
    for target, tokens in statements:
        if target is None and len(statements) > 1:
            raise _error(text, tokens[0], "expected name = expression, since there are several statements")
        if target is not None:
            if target.text in assigned:
                raise _error(text, target, f"{target.text!r} is assigned twice")
            assigned[target.text] = target
    read: dict[str, _Token] = {}
    for _, tokens in statements:
        for token in tokens:
            if token.kind == "name" and token.text not in assigned:
                read.setdefault(token.text, token)
    input_names = list(read) if inputs is None else list(inputs)
    _check_unique("input", input_names)
    given = set(input_names)
    for name, token in read.items():
        if name not in given:
            raise _error(text, token, f"{name!r} is neither assigned nor among the inputs {input_names}")
    for name, token in assigned.items():
        if name in given:
            raise _error(text, token, f"{name!r} is an input and cannot be assigned")
    output_names = _output_names(list(assigned), outputs)

    netlist = Builder(input_names)
    known = {name: Bit(netlist, node) for name, node in zip(input_names, netlist.inputs, strict=True)}
    bit = None
    for target, tokens in statements:
        bit = _expression(text, tokens, known, netlist)
        if target is not None:
            known[target.text] = bit
    assert bit is not None
    nodes = {name: known[name].node for name in output_names} if assigned else {output_names[0]: bit.node}
    return without_dead_gates(netlist.circuit(nodes))


def _output_names(assigned: list[str], outputs: Iterable[str] | None) -> list[str]:
    names = None if outputs is None else list(outputs)
    if not assigned:
        if names is not None and len(names) != 1:
            raise ParseError(f"one expression has one output, got {len(names)} names for it", source="expression")
        return ["out"] if names is None else names
    if names is None:
        names = [name for name in assigned if not name.startswith("_")]
        if not names:
            raise ParseError("expected an output, found only local names, which begin with _", source="expression")
    _check_unique("output", names)
    for name in names:
        if name not in assigned:
            raise ParseError(f"output {name!r} is not assigned; assigned are {assigned}", source="expression")
    return names


def _check_unique(kind: str, names: list[str]) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ParseError(f"{kind} {twice!r} is given twice", source="expression")


class _Token(NamedTuple):
    kind: str  # name, constant, function, operator, open, close, comma, end
    text: str
    at: int  # offset in the whole text


_TOKEN = re.compile(
    r"(?P<space>[^\S\n]+|#[^\n]*)|(?P<end>[;\n])|(?P<name>[A-Za-z_][\w.]*(?:\[\d+\])?)|(?P<constant>[01](?![\w.]))"
    r"|(?P<operator>[&^|~])|(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<assign>=(?!=))",
    re.ASCII,
)
_PRECEDENCE = {"|": 1, "^": 2, "&": 3, "~": 4}
_OPERATORS = {"|": operator.or_, "^": operator.xor, "&": operator.and_}
_FUNCTIONS = {*TREES, "not", "maj", "mux"}
_ARITY = {"not": 1, "mux": 3}
_INFIX = {"and": "&", "or": "|", "xor": "^"}
_HINTS = {
    "!": "not is written ~",
    "'": "not is written ~ before the operand",
    "+": "or is written |",
    "*": "and is written &",
}


def _statements(text: str) -> list[tuple[_Token | None, list[_Token]]]:
    """Split a text into statements, (assigned name, tokens). Parentheses may run over line breaks."""
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


class _Waiting(NamedTuple):
    """An operator that waits for its right side, or an open parenthesis."""

    token: _Token
    function: _Token | None = None  # the function whose arguments the parenthesis holds
    first: int = 0  # the place of its first operand


def _expression(text: str, tokens: list[_Token], known: dict[str, Bit], netlist: Builder) -> Bit:
    """Read one expression with two stacks and no recursion, so nesting and length are bounded by memory alone."""
    operands: list[Bit] = []
    waiting: list[_Waiting] = []
    function: _Token | None = None
    wants_operand = True

    def reduce(precedence: int) -> None:
        """Apply the waiting operators that bind at least this tightly, back to the last open parenthesis."""
        while waiting and _PRECEDENCE.get(waiting[-1].token.text, -1) >= precedence:
            symbol = waiting.pop().token.text
            right = operands.pop()
            operands.append(~right if symbol == "~" else _OPERATORS[symbol](operands.pop(), right))

    for token in tokens:
        if function is not None and token.kind != "open":
            raise _error(text, token, f"expected '(' after {function.text!r}, found {_shown(token)}")
        if wants_operand:
            match token.kind:
                case "name" if token.text in known:
                    operands.append(known[token.text])
                    wants_operand = False
                case "name":
                    raise _error(text, token, f"{token.text!r} is used before it is assigned")
                case "constant":
                    operands.append(Bit(netlist, netlist.constant(token.text == "1")))
                    wants_operand = False
                case "function":
                    function = token
                case "open":
                    waiting.append(_Waiting(token, function, len(operands)))
                    function = None
                case "operator" if token.text == "~":
                    waiting.append(_Waiting(token))
                case _:
                    raise _error(text, token, f"expected a name, a constant, ~ or (, found {_shown(token)}")
        else:
            match token.kind:
                case "operator" if token.text != "~":
                    reduce(_PRECEDENCE[token.text])
                    waiting.append(_Waiting(token))
                    wants_operand = True
                case "comma" | "close":
                    reduce(0)
                    if not waiting:
                        raise _error(text, token, f"unexpected {token.text!r}: no '(' is open")
                    opened = waiting[-1]
                    if token.kind == "comma":
                        if opened.function is None:
                            raise _error(text, token, "unexpected ',': it separates the arguments of a function")
                        wants_operand = True
                    else:
                        waiting.pop()
                        if opened.function is not None:
                            operands[opened.first :] = [_call(text, opened.function, operands[opened.first :])]
                case "end":
                    reduce(0)
                    if waiting:
                        raise _error(text, waiting[-1].token, "this '(' is never closed")
                case _:
                    hint = f"; between operands it is written {_INFIX[token.text]}" if token.text in _INFIX else ""
                    raise _error(text, token, f"expected an operator, ) or the end, found {_shown(token)}{hint}")
    return operands[0]


def _call(text: str, function: _Token, bits: list[Bit]) -> Bit:
    name = function.text
    wanted = _ARITY.get(name, len(bits))
    if len(bits) != wanted:
        raise _error(text, function, f"{name} takes {wanted} argument{'s' * (wanted > 1)}, got {len(bits)}")
    if name in TREES:
        table, inverted = TREES[name]
        netlist = bits[0].netlist
        return Bit(netlist, netlist.tree(table, [bit.node for bit in bits], inverted=inverted))
    return ~bits[0] if name == "not" else maj(*bits) if name == "maj" else mux(*bits)


def _shown(token: _Token) -> str:
    return token.text if token.kind == "end" else repr(token.text)


def _error(text: str, token: _Token, message: str) -> ParseError:
    line = text.count("\n", 0, token.at) + 1
    start = text.rfind("\n", 0, token.at) + 1
    shown = text[start:].split("\n", 1)[0]
    return ParseError(message, source="expression", line=line, column=token.at - start + 1, text=shown)
