"""Circuits from text: `parse("s = a ^ b ^ c; carry = maj(a, b, c)")`.

An operator-precedence reader (R. W. Floyd, 1963) whose operands are traced bits: each operator is one gate,
functions of many arguments are balanced trees of them.
"""

from collections.abc import Iterable
from typing import NamedTuple

from circuits.builder import Builder
from circuits.errors import ParseError
from circuits.expression_tokens import (
    CONSTANTS,
    OPERATORS,
    PREFIXES,
    Operator,
    Token,
    binds_first,
    error_at,
    statements_of,
)
from circuits.gates import TREES
from circuits.library import maj, mux
from circuits.netlist import Circuit, without_dead_gates
from circuits.tracing import Bit


def parse(text: str, *, inputs: Iterable[str] | None = None, outputs: Iterable[str] | None = None) -> Circuit:
    """Return the circuit that an expression, or a list of assignments, describes.

    The operators, tightest first. Words may be in upper or lower case; `+` is or, as in logic texts.

        ~a  !a  a'  not a      not
        ==  !=                 equal, different; only two
        &  *  and;  nand       and, from the left; nand, only two
        ^  xor;  xnor          exclusive or, from the left; xnor, only two
        |  +  or;  nor         or, from the left; nor, only two
        ->  =>                 implies, from the right
        <->  <=>               if and only if, from the left

    In Python, symbols bind more than `==` and words less, and `*`, `+`, `&`, `^`, `|` stand in this order. A mix that
    Python would group differently is refused rather than guessed at: `not a & b`, `a & b == c`, `a & b + c`. So is a
    row of what takes only two: `a nand b nand c`. Parentheses settle both.

    Functions of any number of arguments: `and`, `or`, `xor`, `nand`, `nor`, `xnor`, `maj` (more than half); `not(a)`;
    `mux(s, a, b)`, a where s holds, else b. Constants: `0`, `1`, `false`, `true`. Names: letters, digits, `_` and `.`,
    and an index, as in `a[3]`. `#` begins a comment.

    Args:
        text: assignments `name = expression`, separated by `;` or line breaks; or one expression, whose output is
            called out.
        inputs: names in the order wanted, all that occur and any more; if None, in the order they occur.
        outputs: the assigned names that are outputs, or the name of a single expression's; if None, all assigned names
            but those that begin with `_`.

    Returns:
        A circuit with one gate per operator.

    Raises:
        ParseError: with line and column, if the text is malformed or can be read in two ways, a name is assigned twice
            or used before it is assigned, or a name is missing from `inputs` or `outputs`, or stands there twice.

    Source: R. W. Floyd, Syntactic analysis and operator precedence (1963).

    >>> parse("s = a ^ b ^ c; carry = maj(a, b, c)")
    Circuit(3 inputs, 2 outputs, 6 gates)
    >>> parse("a and not b -> (c + d')")
    Circuit(4 inputs, 1 outputs, 5 gates)
    >>> parse("a & | b")
    Traceback (most recent call last):
    circuits.ParseError: expression:1:5: expected a name, a constant, ~ or (, found '|'
      a & | b
          ^
    """
    if not isinstance(text, str):
        raise TypeError(f"parse: expected text, got {type(text).__name__}. For a Python function use trace.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    statements = statements_of(text)
    if not statements:
        raise ParseError("expected an expression, found nothing", source="expression", line=1)
    assigned: dict[str, Token] = {}
    for target, tokens in statements:
        if target is None and len(statements) > 1:
            raise error_at(text, tokens[0], "expected name = expression, since there are several statements")
        if target is not None:
            if target.text in assigned:
                raise error_at(text, target, f"{target.text!r} is assigned twice")
            assigned[target.text] = target
    read: dict[str, Token] = {}
    for _, tokens in statements:
        for token in tokens:
            if token.kind == "name" and token.text not in assigned:
                read.setdefault(token.text, token)
    input_names = list(read) if inputs is None else list(inputs)
    _check_unique("input", input_names)
    given = set(input_names)
    for name, token in read.items():
        if name not in given:
            raise error_at(text, token, f"{name!r} is neither assigned nor among the inputs {input_names}")
    for name, token in assigned.items():
        if name in given:
            raise error_at(text, token, f"{name!r} is an input and cannot be assigned")
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


_ARITY = {"not": 1, "mux": 3}


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


class _Waiting(NamedTuple):
    """An operator that waits for its right side, or an open parenthesis, which has none."""

    token: Token
    operator: Operator | None = None
    function: Token | None = None  # the function whose arguments the parenthesis holds
    first: int = 0  # the place of its first operand


def _expression(text: str, tokens: list[Token], known: dict[str, Bit], netlist: Builder) -> Bit:
    """Read one expression with two stacks and no recursion, so nesting and length are bounded by memory alone."""
    operands: list[Bit] = []
    waiting: list[_Waiting] = []
    function: Token | None = None
    wants_operand = True

    def apply_waiting(coming: Operator | None = None, token: Token | None = None) -> None:
        """Apply the waiting operators that bind before the one that comes, back to the last open parenthesis."""
        while waiting and (operator := waiting[-1].operator):
            if coming is not None and token is not None:
                first = binds_first(operator, coming)
                if first is None:
                    raise error_at(text, token, _two_ways(waiting[-1].token, token))
                if not first:
                    return
            waiting.pop()
            right = operands.pop()
            if operator.table is None:
                operands.append(~right)
            else:
                operands.append(Bit(netlist, netlist.gate(operator.table, operands.pop().node, right.node)))

    for token, after in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
        if function is not None and token.kind != "open":
            raise error_at(text, token, f"expected '(' after {function.text!r}, found {_shown(token)}")
        word = token.text.lower()
        if wants_operand:
            match token.kind:
                case "name" if token.text in known:
                    operands.append(known[token.text])
                    wants_operand = False
                case "name":
                    raise error_at(text, token, f"{token.text!r} is used before it is assigned")
                case "constant":
                    operands.append(Bit(netlist, netlist.constant(CONSTANTS[word])))
                    wants_operand = False
                case "operator" | "word" if word in PREFIXES and not (word == "not" and after.kind == "open"):
                    waiting.append(_Waiting(token, PREFIXES[word]))
                case "word":
                    function = token
                case "open":
                    waiting.append(_Waiting(token, function=function, first=len(operands)))
                    function = None
                case _:
                    raise error_at(text, token, f"expected a name, a constant, ~ or (, found {_shown(token)}")
        else:
            match token.kind:
                case "operator" | "word" if word in OPERATORS:
                    apply_waiting(OPERATORS[word], token)
                    waiting.append(_Waiting(token, OPERATORS[word]))
                    wants_operand = True
                case "prime":
                    operands.append(~operands.pop())
                case "comma" | "close":
                    apply_waiting()
                    if not waiting:
                        raise error_at(text, token, f"unexpected {token.text!r}: no '(' is open")
                    opened = waiting[-1]
                    if token.kind == "comma":
                        if opened.function is None:
                            raise error_at(text, token, "unexpected ',': it separates the arguments of a function")
                        wants_operand = True
                    else:
                        waiting.pop()
                        if opened.function is not None:
                            operands[opened.first :] = [_call(text, opened.function, operands[opened.first :])]
                case "end":
                    apply_waiting()
                    if waiting:
                        raise error_at(text, waiting[-1].token, "this '(' is never closed")
                case _:
                    raise error_at(text, token, f"expected an operator, ) or the end, found {_shown(token)}")
    return operands[0]


def _two_ways(first: Token, second: Token) -> str:
    row = first.kind == "word" and first.text.lower() == second.text.lower()
    many = f", or write {first.text}(a, b, c)" if row else ""
    return f"{first.text!r} before {second.text!r} can be read in two ways: put parentheses around one of them{many}"


def _call(text: str, function: Token, bits: list[Bit]) -> Bit:
    name = function.text.lower()
    wanted = _ARITY.get(name, len(bits))
    if len(bits) != wanted:
        raise error_at(text, function, f"{name} takes {wanted} argument{'s' * (wanted > 1)}, got {len(bits)}")
    if name in TREES:
        table, inverted = TREES[name]
        netlist = bits[0].netlist
        return Bit(netlist, netlist.tree(table, [bit.node for bit in bits], inverted=inverted))
    return ~bits[0] if name == "not" else maj(*bits) if name == "maj" else mux(*bits)


def _shown(token: Token) -> str:
    return token.text if token.kind == "end" else repr(token.text)
