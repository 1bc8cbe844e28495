"""Functions of cells as libraries write them, `!(A*B + C)`: read, and made gates.

E. Sentovich and others, SIS (1992), for genlib; the Liberty user guide, function statement. The two differ in how
tightly ^ binds.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from circuits.builder import Builder
from circuits.covers import Signal, add_signal, join
from circuits.gates import AND, OR, XOR

# Binary operators and how tightly they bind. ABC reads a*b^c of genlib as (a*b)^c; Liberty has a*(b^c).
GENLIB = {"|": 1, "^": 2, "&": 3}
LIBERTY = {"|": 1, "&": 2, "^": 3}
_SYMBOLS = {"*": "&", "+": "|", "CONST0": "0", "CONST1": "1"}
_TOKEN = re.compile(r"\s*([!'()*+&|^]|\"[^\"]+\"|[^\s!'()*+&|^\"]+)")
_TABLES = {"&": AND, "|": OR, "^": XOR}
_MOST_OF_A_TABLE = 2


class Function(NamedTuple):
    """A function of named pins, in postfix order.

    Attributes:
        inputs: the pins that it reads, each once.
        steps: the place of a pin among `inputs`, or "0", "1", "!", "&", "|", "^", each after its operands.

    >>> function_of("!(A*B)")
    Function(inputs=('A', 'B'), steps=(0, 1, '&', '!'))
    """

    inputs: tuple[str, ...]
    steps: tuple[int | str, ...]


def function_of(text: str, binding: Mapping[str, int] = LIBERTY) -> Function:
    """Read a function.

    Args:
        text: pins, 0, 1 (or CONST0, CONST1), `!` before or `'` after an operand, `&`, `*` or nothing for and, `|` or
            `+` for or, `^`, and parentheses.
        binding: how tightly the binary operators bind: `LIBERTY` or `GENLIB`.

    Raises:
        ValueError: if it is malformed, with what was found.

    >>> function_of("A B' + C").steps
    (0, 1, '!', '&', 2, '|')
    """
    places: dict[str, int] = {}
    steps: list[int | str] = []
    waiting: list[str] = []

    def reduce(least: int) -> None:
        while waiting and waiting[-1] != "(" and (waiting[-1] == "!" or binding[waiting[-1]] >= least):
            steps.append(waiting.pop())

    def close() -> None:
        reduce(0)
        if not waiting:
            raise ValueError(f"no ( is open before ) in {text!r}")
        waiting.pop()

    wants_operand = True
    for word in _tokens(text):
        token = _SYMBOLS.get(word, word)
        if not wants_operand and token not in binding and token not in ("'", ")"):
            reduce(binding["&"])  # nothing between two operands means and
            waiting.append("&")
            wants_operand = True
        if wants_operand:
            if token in ("!", "("):
                waiting.append(token)
                continue
            if token in binding or token in ("'", ")"):
                raise ValueError(f"expected a pin, 0, 1, ! or (, found {word!r} in {text!r}")
            steps.append(token if token in ("0", "1") else places.setdefault(token.strip('"'), len(places)))
            wants_operand = False
        elif token == "'":
            steps.append("!")
        elif token == ")":
            close()
        else:
            reduce(binding[token])
            waiting.append(token)
            wants_operand = True
    if wants_operand:
        raise ValueError(f"expected a pin, 0, 1, ! or (, found the end of {text!r}")
    reduce(0)
    if waiting:
        raise ValueError(f"expected ), found the end of {text!r}")
    return Function(tuple(places), tuple(steps))


def with_pins(function: Function, replaced: Mapping[str, Function]) -> Function:
    """Return a function in which functions stand for some of the pins.

    >>> with_pins(function_of("IQ*E"), {"IQ": function_of("!QN")})
    Function(inputs=('QN', 'E'), steps=(0, '!', 1, '&'))
    """
    names: list[str] = []
    steps: list[int | str] = []
    for step in function.steps:
        inner = Function((), (step,))
        if isinstance(step, int):
            name = function.inputs[step]
            inner = replaced.get(name, Function((name,), (0,)))
        places = {name: i for i, name in enumerate(dict.fromkeys([*names, *inner.inputs]))}
        names = list(places)
        steps += [part if isinstance(part, str) else places[inner.inputs[part]] for part in inner.steps]
    return Function(tuple(names), tuple(steps))


def inverted(function: Function) -> Function:
    """Return the complement of a function.

    >>> inverted(function_of("!A")).steps
    (0,)
    """
    steps = function.steps
    return Function(function.inputs, steps[:-1] if steps[-1] == "!" else (*steps, "!"))


def table_of(function: Function) -> int:
    """Return the truth table of a function: bit r is its value where pin i of `inputs` is bit i of r.

    >>> bin(table_of(function_of("A*B | C")))
    '0b11111000'
    """
    n_rows = 1 << len(function.inputs)
    everything = (1 << n_rows) - 1
    stack: list[int] = []
    for step in function.steps:
        if isinstance(step, int):
            # Blocks of 2^i zeros and 2^i ones, over all rows.
            block = (1 << (1 << step)) - 1
            stack.append(everything // (block * (block + 2)) * (block << (1 << step)))
        elif step in "01":
            stack.append(everything * int(step))
        elif step == "!":
            stack.append(stack.pop() ^ everything)
        else:
            b, a = stack.pop(), stack.pop()
            stack.append(a & b if step == "&" else a | b if step == "|" else a ^ b)
    return stack[0]


def add_function(netlist: Builder, function: Function, nodes: list[int]) -> int:
    """Add the gates of a function.

    Args:
        netlist: what they are added to.
        function: of n pins.
        nodes: n nodes, in the order of its `inputs`.

    Returns:
        The node of the function: for one or two pins exactly one gate, for more of them a gate per binary operator,
        with inverters inside the gates.

    >>> netlist = Builder(["a", "b", "c"])
    >>> netlist.circuit({"y": add_function(netlist, function_of("!(A*B + !C)"), netlist.inputs)})
    Circuit(3 inputs, 1 outputs, 2 gates)
    """
    if not nodes:
        return netlist.constant(bool(table_of(function)))
    if len(nodes) <= _MOST_OF_A_TABLE:
        table = table_of(function)
        return netlist.gate(table if len(nodes) == 2 else table * 0b0101, *nodes)
    stack: list[Signal] = []
    for step, after in zip(function.steps, (*function.steps[1:], ""), strict=True):
        if isinstance(step, int):
            stack.append((nodes[step], False))
        elif step in "01":
            stack.append((0, step == "1"))
        elif step == "!":
            node, is_inverted = stack.pop()
            stack.append((node, not is_inverted))
        else:
            b, a = stack.pop(), stack.pop()
            # An inverter that follows is taken into the gate; its own step then undoes the sign.
            node, is_inverted = join(netlist, _TABLES[step], (a, b), inverted=after == "!")
            stack.append((node, is_inverted != (after == "!")))
    return add_signal(netlist, stack[0])


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"unexpected {text[at:].lstrip()[0]!r} in {text!r}")
        tokens.append(match[1])
        at = match.end()
    return tokens
