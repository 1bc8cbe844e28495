"""The statements of gates in C, in parts that compile in linear time: written from a circuit, and read as one.

A value that a later part reads goes through an array `v`, in which a place is free again after the last part that reads
it. gcc 12 takes more than linear time for one function of all gates, and 64 gates a part run as fast as any number.
"""

import json
import re
from typing import NamedTuple

import numpy as np

from circuits.errors import ParseError, cut_short
from circuits.gates import AND, BUF, FALSE, NAND, NOR, NOT, OR, TRUE, XNOR, XOR
from circuits.netlist import Circuit

PART = 64  # statements of a function
_FALSE = "UINT64_C(0)"
_GATES = {FALSE: _FALSE, TRUE: f"~{_FALSE}", BUF: "{a}", NOT: "~{a}"}
_GATES |= {AND: "{a} & {b}", OR: "{a} | {b}", XOR: "{a} ^ {b}"}
_GATES |= {NAND: "~({a} & {b})", NOR: "~({a} | {b})", XNOR: "~({a} ^ {b})"}
_GATES |= {0b0010: "{a} & ~{b}", 0b0100: "~{a} & {b}", 0b1011: "{a} | ~{b}", 0b1101: "~{a} | {b}"}

_NUMBER = "(?:0|[1-9][0-9]{0,9})"  # no leading zeros, which are octal in C
_VALUE = rf"(?:in\[{_NUMBER}\]|v\[{_NUMBER}\]|n{_NUMBER})"
_GATE = re.compile(rf"    const uint64_t (n{_NUMBER}) = ([^;]*);")
_OPERANDS = re.compile(_VALUE)
_KEEP = re.compile(rf"    v\[({_NUMBER})\] = ({_VALUE});")
_OUT = re.compile(rf"    out\[({_NUMBER})\] = ({_VALUE}|UINT64_C\(0\));")
_SLOTS = re.compile(rf"    uint64_t v\[({_NUMBER})\];")
_PORT = re.compile(rf' \* (in|out)\[({_NUMBER})\] is ("(?:[^"\\]|\\.)*")')
_TABLES = {text.format(a="x", b="y"): table for table, text in _GATES.items()}


class Signature(NamedTuple):
    """What the functions of a file are called, and their sizes; `groups` is 0 where nothing is counted."""

    name: str
    n_inputs: int
    n_outputs: int
    groups: int


def statements(circuit: Circuit, name: str) -> tuple[str, int]:
    """Return the functions of the gates, the one that calls them, and how many places `v` has.

    Args:
        circuit: whose gates read only what they depend on.
        name: of the function.
    """
    first, parts = 1 + circuit.n_inputs, -(-circuit.n_gates // PART)
    part = np.full(circuit.n_nodes, -1)
    part[first:] = np.arange(circuit.n_gates) // PART
    last = part.copy()
    for column in circuit.fan_ins.T:
        np.maximum.at(last, column, part[first:])
    last[circuit.outputs] = parts
    places, free, slots = {}, [], 0
    freed: list[list[int]] = [[] for _ in range(parts + 1)]
    part_of, last_of = part.tolist(), last.tolist()
    tables, fan_ins = circuit.tables.tolist(), circuit.fan_ins.tolist()

    def value(node: int, here: int) -> str:
        if node < first:
            return f"in[{node - 1}]" if node else _FALSE
        return f"n{node}" if part_of[node] == here else f"v[{places[node]}]"

    functions = []
    for here in range(parts):
        gates, kept = [], []
        free += freed[here]  # all gates of a part are read before its places of v are written
        for node in range(first + here * PART, min(first + (here + 1) * PART, circuit.n_nodes)):
            a, b = fan_ins[node - first]
            gate = _GATES[tables[node - first]].format(a=value(a, here), b=value(b, here))
            gates.append(f"    const uint64_t n{node} = {gate};")
            if last_of[node] > here:
                if not free:
                    free.append(slots)
                    slots += 1
                places[node] = free.pop()
                freed[last_of[node]].append(places[node])
                kept.append(f"    v[{places[node]}] = n{node};")
        functions.append(gates + kept)
    outputs = [f"    out[{i}] = {value(node, parts)};" for i, node in enumerate(circuit.outputs.tolist())]
    functions += [outputs[i : i + PART] for i in range(0, len(outputs), PART)]
    lines = [line for i, body in enumerate(functions) for line in (*_opening(name, i), *body, "}")]
    calls = [f"    {name}_part{i}(in, v, out);" for i in range(len(functions))]
    lines += [*_main(name), f"    uint64_t v[{max(1, slots)}];", *_UNUSED_HERE, *calls, "}"]
    return "".join(f"{line}\n" for line in lines), max(1, slots)


def _opening(name: str, part: int) -> list[str]:
    head = f"static {name}_APART void {name}_part{part}(const uint64_t *in, uint64_t *v, uint64_t *out)"
    return ["", head, "{", "    (void)in;", "    (void)v;", "    (void)out;"]


_UNUSED_HERE = ["    (void)in;", "    (void)v;", "    (void)out;"]


def _main(name: str) -> list[str]:
    return ["", f"void {name}_words(const uint64_t *in, uint64_t *out)", "{"]


def fault(source: str, line: int, expected: str, found: str | None) -> ParseError:
    """Return the error of a line that is not what the writer writes."""
    got = "the end of the file" if found is None else repr(cut_short(found))
    hint = "only C that circuits.write wrote is read"
    return ParseError(f"expected {expected}, found {got}; {hint}", source=source, line=line)


def signature(text: str, source: str) -> tuple[Signature, list[str], list[str]]:
    """Return the name and the sizes of a file, and the names of its inputs and outputs.

    Raises:
        ParseError: if they are not there.
    """
    enum = r"^enum \{ (\w+)_n_inputs = (N), \1_n_outputs = (N), \1_n_groups = (N) \};$".replace("N", _NUMBER)
    found = re.search(enum, text, re.MULTILINE | re.ASCII)
    if found is None:
        expected = "C of a circuit, with a line 'enum { NAME_n_inputs = ...'"
        raise ParseError(f"expected {expected}, found none; only C that circuits.write wrote is read", source=source)
    sizes = Signature(found[1], *map(int, found.groups()[1:]))
    if sizes.groups and sizes.n_outputs % sizes.groups:
        line = text.count("\n", 0, found.start()) + 1
        raise fault(source, line, f"groups that split {sizes.n_outputs} outputs", str(sizes.groups))
    names: dict[str, list[str]] = {"in": [], "out": []}
    for number, line in enumerate(text[: found.start()].split("\n"), 1):
        if port := _PORT.fullmatch(line):
            try:
                names[port[1]].append(json.loads(port[3]))
            except ValueError:
                raise fault(source, number, "a name as a string of JSON", port[3]) from None
    for kind, expected in (("in", sizes.n_inputs), ("out", sizes.n_outputs)):
        if len(names[kind]) != expected:
            raise ParseError(f"expected {expected} lines {kind}[i] is NAME, found {len(names[kind])}", source=source)
        if len({*names[kind]}) != expected or "" in names[kind]:
            raise ParseError(f"expected different names of {kind}[i], found one twice, or an empty one", source=source)
    return sizes, names["in"], names["out"]


def read_statements(
    text: str, sizes: Signature, inputs: list[str], outputs: list[str], source: str
) -> tuple[Circuit, int, int, int]:
    """Return the circuit of the statements, the places of `v`, and the lines where the functions begin and end.

    Raises:
        ParseError: with the line.
    """
    lines = text.split("\n")
    name, n, m, _ = sizes
    heads = (_opening(name, 0)[1], _main(name)[1])
    begin = next((i - 1 for i, line in enumerate(lines) if line in heads), None)
    if begin is None or begin < 0:
        raise ParseError(f"expected {heads[0]!r}, found none", source=source)
    reader = _Reader(lines, source, n, m)
    at, part = begin, 0
    while lines[at + 1 : at + 2] == [_opening(name, part)[1]]:
        at = reader.fixed(at, _opening(name, part))
        at = reader.statements(at)
        part += 1
    at = reader.fixed(at, _main(name))
    declared = _SLOTS.fullmatch(lines[at]) if at < len(lines) else None
    if declared is None:
        raise reader.error(at, "'    uint64_t v[N];'")
    slots = int(declared[1])
    if slots != max(1, reader.slots):
        raise reader.error(at, f"'    uint64_t v[{max(1, reader.slots)}];', the places that are used")
    at = reader.fixed(at + 1, _UNUSED_HERE)
    at = reader.fixed(at, [f"    {name}_part{i}(in, v, out);" for i in range(part)] + ["}"])
    if missing := [i for i in range(m) if i not in reader.out]:
        raise ParseError(f"expected a line 'out[{missing[0]}] = ...;', found none", source=source)
    nodes = [reader.out[i] for i in range(m)]
    return Circuit(inputs, reader.fan_ins, reader.tables, nodes, outputs), slots, begin, at


class _Reader:
    """Statements, one after another, as the circuit that they build."""

    def __init__(self, lines: list[str], source: str, n: int, m: int):
        self.lines, self.source, self.n, self.m = lines, source, n, m
        self.fan_ins: list[tuple[int, int]] = []
        self.tables: list[int] = []
        self.kept: dict[str, int] = {}  # what v holds, by the text of it
        self.local: dict[str, int] = {}
        self.out: dict[int, int] = {}
        self.slots = 0

    def error(self, at: int, expected: str) -> ParseError:
        return fault(self.source, at + 1, expected, self.lines[at] if at < len(self.lines) else None)

    def fixed(self, at: int, expected: list[str]) -> int:
        """Read lines that must be these; returns the line after them."""
        for line in expected:
            if at >= len(self.lines) or self.lines[at] != line:
                raise self.error(at, repr(line))
            at += 1
        return at

    def statements(self, at: int) -> int:
        """Read the statements of one part, to its brace."""
        self.local = {}
        while at < len(self.lines) and self.lines[at] != "}":
            line = self.lines[at]
            if gate := _GATE.fullmatch(line):
                self._gate(at, gate[1], gate[2])
            elif kept := _KEEP.fullmatch(line):
                self.kept[f"v[{kept[1]}]"] = self._node(at, kept[2])
                self.slots = max(self.slots, int(kept[1]) + 1)
            elif out := _OUT.fullmatch(line):
                if int(out[1]) in self.out or int(out[1]) >= self.m:
                    raise self.error(at, f"each of {self.m} outputs once")
                self.out[int(out[1])] = 0 if out[2] == _FALSE else self._node(at, out[2])
            else:
                raise self.error(at, "a gate 'const uint64_t n... = ...;', 'v[...] = ...;' or 'out[...] = ...;'")
            at += 1
        if at == len(self.lines):
            raise self.error(at, "'}'")
        return at + 1

    def _gate(self, at: int, local: str, expression: str) -> None:
        operands = _OPERANDS.findall(expression)
        letters = iter("xyz")
        shape = _OPERANDS.sub(lambda _: next(letters, "z"), expression)
        if shape not in _TABLES or len(operands) > 2:
            raise self.error(at, "an expression of one gate, such as 'in[0] & ~n7'")
        if local in self.local:
            raise self.error(at, f"a new name, {local} is there already")
        a, b = [*(self._node(at, operand) for operand in operands), 0, 0][:2]
        self.fan_ins.append((a, b))
        self.tables.append(_TABLES[shape])
        self.local[local] = self.n + len(self.tables)

    def _node(self, at: int, value: str) -> int:
        """Return the node of a value, if it is there."""
        if value.startswith("in["):
            node = int(value[3:-1]) + 1
            if node > self.n:
                raise self.error(at, f"an input below in[{self.n}]")
            return node
        node = (self.kept if value.startswith("v[") else self.local).get(value)
        if node is None:
            raise self.error(at, f"a value that is there already, which {value} is not")
        return node
