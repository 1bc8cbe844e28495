"""Circuits as text: what `parse` reads, LaTeX, Python, and the minimal sum of products of one output."""

from typing import Literal, NamedTuple

import numpy as np

from circuits.builder import Builder
from circuits.errors import cut_short
from circuits.formula_names import latex_name, spelled_names
from circuits.gates import AND, BUF, FALSE, NAND, NOR, NOT, OR, TRUE, XNOR, XOR, essential
from circuits.minimal_covers import MAX_INPUTS, minimal_cover
from circuits.netlist import Circuit, cone, output_named

MAX_OPERATORS = 10_000


def to_expression(
    circuit: Circuit,
    output: str | None = None,
    *,
    style: Literal["text", "latex", "python"] = "text",
    share: bool = False,
    minimal: bool = False,
    dont_care: str | None = None,
    time_limit: float = 60,
) -> str:
    r"""Return a circuit as an expression, as it is built or as a minimal sum of products.

    Args:
        circuit: any circuit.
        output: which output; all of them if None.
        style: "text" is what `parse` reads, and Python for arrays of Booleans and for traced bits; "python" has
            Python's words, for its own True and False; "latex" is a formula without the dollars, which matplotlib
            draws too.
        share: whether a gate that is read more than once gets a line of its own, `_n7 = ...`. Without, it is written
            out each time, up to 10,000 operators.
        minimal: whether to write the sum of products with the fewest products and, of those, with the fewest literals,
            for one output of at most 10 inputs; inputs that the gates of the output do not read do not count.
        dont_care: an output that is 1 where the value of the other does not matter; only with `minimal`.
        time_limit: for how many seconds a minimal sum is looked for.

    Returns:
        One expression if there is one output, else a line `name = expression` for each; lines too if gates are shared.
        A name that the style cannot spell is changed, and a comment above says so: its other characters become `_`,
        `x` comes in front of a digit or a word of the language, and `_` is added to a name that is taken. LaTeX has the
        names of the text, with numbers as subscripts, and no comments.

    Raises:
        TypeError: if it is no circuit.
        ValueError: if there is no such output or style, more than 10 inputs to minimise or 10,000 operators to write.
        TimeoutError: if no sum was proved minimal in time; `minimal_cover` returns the best that was found.

    Source: E. J. McCluskey, Minimization of Boolean functions (1956).

    >>> from circuits import parse
    >>> adder = parse("s = a ^ b ^ c; carry = maj(a, b, c)")
    >>> print(to_expression(adder))
    s = a ^ b ^ c
    carry = a & b | (a ^ b) & c
    >>> to_expression(adder, "carry", minimal=True)
    'a & b | a & c | b & c'
    >>> print(to_expression(parse("a1 & ~b | c"), style="latex"))
    a_{1} \wedge \overline{b} \vee c
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(
            f"to_expression: expected a Circuit, got {type(circuit).__name__}. circuits.to_circuit makes one of units."
        )
    if style not in _STYLES:
        raise ValueError(f"to_expression: expected a style of {', '.join(_STYLES)}, got {style!r}.")
    if dont_care is not None and not minimal:
        raise ValueError("to_expression: dont_care is for a minimal sum: add minimal=True, or leave it out.")
    if minimal:
        circuit = _minimal(circuit, output_named("to_expression", circuit, output), dont_care, time_limit)
    elif output is not None:
        circuit = cone(circuit, [output_named("to_expression", circuit, output)])
    gates = _operations(circuit)
    roots = [gates.signals[node] for node in circuit.outputs.tolist()]
    shared = _shared(gates, roots) if share else []
    if not share:
        _check_size(gates, roots)
    lines = share or circuit.n_outputs != 1
    inputs, outputs, comments = spelled_names(circuit, style == "python", lines)
    prefix = "_n"
    while any(name.startswith(prefix) for name in [*inputs, *outputs]):
        prefix += "n"
    named = {**dict(enumerate(inputs, start=1)), **{node: f"{prefix}{node}" for node in shared}}
    if style == "latex":
        named, outputs = (
            {node: latex_name(name) for node, name in named.items()},
            [latex_name(name) for name in outputs],
        )
    written = [f"{named[node]} = {_written(_STYLES[style], gates, named, (node, False), node)}" for node in shared]
    for name, root in zip(outputs, roots, strict=True):
        written.append(f"{name} = " * lines + _written(_STYLES[style], gates, named, root))
    return "\n".join([*comments * (style != "latex"), *written])


Signal = tuple[int, bool]  # a node, and whether it is inverted; node 0 is false


class _Gates(NamedTuple):
    """A circuit without inverters: each node as a signal, and the gates that signals end at."""

    signals: list[Signal]
    gates: dict[int, tuple[int, Signal, Signal, bool]]  # AND, OR or XOR of two signals, and whether it is inverted


class _Style(NamedTuple):
    """How operators are written, and which stand inside which others without parentheses, (inner, outer)."""

    negation: tuple[str, str]
    operators: dict[int, str]
    constants: tuple[str, str]
    bare: set[tuple[int, int]]


_SAME = {(AND, AND), (OR, OR)}
_STYLES = {
    "text": _Style(
        ("~", ""), {AND: " & ", XOR: " ^ ", OR: " | "}, ("0", "1"),
        {*_SAME, (XOR, XOR), (AND, XOR), (AND, OR), (XOR, OR), (NOT, AND), (NOT, XOR), (NOT, OR)},
    ),
    "latex": _Style(
        (r"\overline{", "}"), {AND: r" \wedge ", XOR: r" \oplus ", OR: r" \vee "}, ("0", "1"),
        {*_SAME, (XOR, XOR), (AND, OR), *((NOT, outer) for outer in (AND, XOR, OR)), (AND, NOT), (XOR, NOT), (OR, NOT)},
    ),
    "python": _Style(
        ("not ", ""), {AND: " and ", XOR: " != ", OR: " or "}, ("False", "True"),
        {*_SAME, (AND, OR), (XOR, AND), (XOR, OR), (NOT, AND), (NOT, OR)},
    ),
}  # fmt: skip
# Each table of two inputs: AND, OR or XOR, and whether a, b and the result are inverted.
_OF_TABLE = {
    AND: (AND, False, False, False), NAND: (AND, False, False, True), OR: (OR, False, False, False),
    NOR: (OR, False, False, True), XOR: (XOR, False, False, False), XNOR: (XOR, False, False, True),
    0b0010: (AND, False, True, False), 0b0100: (AND, True, False, False),
    0b1011: (OR, False, True, False), 0b1101: (OR, True, False, False),
}  # fmt: skip


def _operations(circuit: Circuit) -> _Gates:
    signals = [(node, False) for node in range(1 + circuit.n_inputs)]
    gates = {}
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        table, nodes = essential(table, a, b)
        if table in (FALSE, TRUE):
            signals.append((0, table == TRUE))
        elif table in (BUF, NOT):
            node, inverted = signals[nodes[0]]
            signals.append((node, inverted != (table == NOT)))
        else:
            operator, invert_a, invert_b, inverted = _OF_TABLE[table]
            left, right = signals[nodes[0]], signals[nodes[1]]
            gates[len(signals)] = (operator, (left[0], left[1] != invert_a), (right[0], right[1] != invert_b), inverted)
            signals.append((len(signals), False))
    return _Gates(signals, gates)


def _shared(gates: _Gates, roots: list[Signal]) -> list[int]:
    """Return the gates that are read more than once, in order."""
    readers = [0] * len(gates.signals)
    for node, _ in roots:
        readers[node] += 1
    for node, (_, left, right, _) in reversed(gates.gates.items()):
        if readers[node]:
            readers[left[0]] += 1
            readers[right[0]] += 1
    return [node for node in gates.gates if readers[node] > 1]


def _check_size(gates: _Gates, roots: list[Signal]) -> None:
    operators = [0] * len(gates.signals)
    for node, (_, left, right, _) in gates.gates.items():
        # Numbers that may double with each gate are kept small.
        operators[node] = min(1 + operators[left[0]] + operators[right[0]], 2**40)
    total = sum(operators[node] for node, _ in roots)
    if total > MAX_OPERATORS:
        raise ValueError(
            f"to_expression: expected at most {MAX_OPERATORS:,} operators, got {total:,}{'+' * (total >= 2**40)} with "
            "each gate written out as often as it is read. share=True gives such gates a line of their own."
        )


def _written(style: _Style, gates: _Gates, named: dict[int, str], root: Signal, opened: int | None = None) -> str:
    """Write a signal; `opened` is a gate that is written out although it has a name."""
    pieces, waiting = [], [(root, 0)]
    while waiting:
        item, outer = waiting.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        node, inverted = item
        if node == 0:
            pieces.append(style.constants[inverted])
            continue
        inside: list = [named.get(node)]
        operator = 0
        if inside == [None] or node == opened:
            operator, left, right, flipped = gates.gates[node]
            inverted = inverted != flipped
            inside = [(left, operator), style.operators[operator], (right, operator)]
        if inverted:
            inside = [style.negation[0], *_wrapped(style, inside, operator, NOT), style.negation[1]]
            operator = NOT
        inside = _wrapped(style, inside, operator, outer)
        waiting.extend(part if isinstance(part, tuple) else (part, 0) for part in reversed(inside))
    return "".join(pieces)


def _wrapped(style: _Style, inside: list, operator: int, outer: int) -> list:
    return inside if not operator or not outer or (operator, outer) in style.bare else ["(", *inside, ")"]


def _minimal(circuit: Circuit, output: str, dont_care: str | None, time_limit: float) -> Circuit:
    """Return one output as the circuit of a minimal sum of products."""
    names = [output] if dont_care is None else [output, output_named("to_expression", circuit, dont_care)]
    read, tables = _tables(cone(circuit, names), output)
    cover = minimal_cover(*tables, time_limit=time_limit)
    if not cover.proved:
        raise TimeoutError(
            f"to_expression: within {time_limit:g} s no sum of products for {cut_short(repr(output))} was proved "
            f"minimal; the best has {len(cover.cubes)}, and at least {cover.fewest} are needed. "
            "Raise time_limit, or take what minimal_cover found."
        )
    netlist = Builder(circuit.input_names)
    products = []
    # Short products first, then in the order of the inputs, as one writes them.
    for cube in sorted(cover.cubes, key=lambda cube: (-cube.count("-"), cube.translate(str.maketrans("10-", "012")))):
        literals = [
            node if value == "1" else netlist.gate(NOT, node)
            for node, value in zip(read, cube, strict=True) if value != "-"
        ]  # fmt: skip
        products.append(netlist.tree(AND, literals) if literals else netlist.constant(True))
    return netlist.circuit({output: netlist.tree(OR, products) if products else 0})


def _tables(circuit: Circuit, output: str) -> tuple[list[int], list[np.ndarray]]:
    """Return the inputs that some gate or output reads, and the truth tables of the outputs on their rows."""
    used = np.union1d(circuit.fan_ins, circuit.outputs)
    read = used[(used > 0) & (used <= circuit.n_inputs)].tolist()
    if len(read) > MAX_INPUTS:
        raise ValueError(
            f"to_expression: expected at most {MAX_INPUTS} inputs to minimise, got {cut_short(repr(output))}, which "
            f"reads {len(read)}. Leave out minimal=True."
        )
    # The values of a node on all rows are the bits of one integer.
    rows = range(2 ** len(read))
    every = (1 << len(rows)) - 1
    values = [0] * (1 + circuit.n_inputs)
    for place, node in enumerate(read):
        values[node] = sum(1 << row for row in rows if row >> place & 1)
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        a, b = values[a], values[b]
        minterms = every ^ (a | b), a & ~b, b & ~a, a & b
        values.append(sum(minterm for row, minterm in enumerate(minterms) if table >> row & 1))
    return read, [np.array([values[node] >> row & 1 for row in rows]) for node in circuit.outputs.tolist()]
