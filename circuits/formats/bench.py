"""The .bench netlists of the ISCAS-85 and ISCAS-89 benchmarks.

F. Brglez and H. Fujiwara (ISCAS 1985); F. Brglez, D. Bryan and K. Kozminski (ISCAS 1989).
"""

import re
from typing import NamedTuple

from circuits.errors import ParseError
from circuits.netlist import BUF, NOT, TREES, Builder, Circuit

_IO = re.compile(r"(INPUT|OUTPUT)\s*\(\s*([^\s(),=]+)\s*\)", re.IGNORECASE)
_GATE = re.compile(r"([^\s(),=]+)\s*=\s*(\w+)\s*\(([^()=]*)\)")
_CONSTANT = re.compile(r"([^\s(),=]+)\s*=\s*(vdd|gnd)", re.IGNORECASE)

_TREES = {name.upper(): tree for name, tree in TREES.items()} | {"NXOR": TREES["xnor"]}
_UNARY = {"NOT": NOT, "INV": NOT, "BUF": BUF, "BUFF": BUF}
_CONSTANTS = {"VDD": True, "GND": False}
_REGISTERS = {"DFF", "DFFSR", "LATCH"}


class _Driver(NamedTuple):
    """What drives a net: a gate, by its kind, of other nets."""

    kind: str
    fan_ins: tuple[str, ...]
    line: int


def loads(text: str, source: str = "bench") -> Circuit:
    r"""A circuit from the text of a .bench file.

    Lines are `INPUT(net)`, `OUTPUT(net)`, `net = GATE(net, ...)`, in any order; `#` begins a comment. Gates are AND,
    NAND, OR, NOR, XOR, XNOR of one or more nets (XOR is odd parity, XNOR its complement), NOT, BUF or BUFF, and the
    constants `net = vdd` and `net = gnd`. Gate names may be in either case; nets are any text without spaces, commas,
    parentheses and equals signs.

    Args:
        text: the whole file.
        source: its name, for errors.

    Returns:
        A circuit with a gate for each of the file; one of n nets is a balanced tree of n - 1.

    Raises:
        ParseError: with the line, if a line is none of these, a net is driven twice or not at all, a gate is fed by
            itself through others, a gate has the wrong number of nets, or there is a register.

    Source: F. Brglez and H. Fujiwara, A neutral netlist of 10 combinational benchmark circuits (ISCAS 1985).

    >>> loads("INPUT(1)  # a comment\nINPUT(2)\nOUTPUT(3)\n3 = NAND(1, 2)")
    Circuit(2 inputs, 1 outputs, 1 gates)
    >>> loads("INPUT(1)\nOUTPUT(3)\n3 = NAND(1, 2)")
    Traceback (most recent call last):
    circuits.errors.ParseError: bench:3: net '2', an input of gate '3', is driven by nothing: ...
    """
    inputs: dict[str, int] = {}
    outputs: dict[str, int] = {}
    drivers: dict[str, _Driver] = {}
    # Not splitlines, which also ends a line, and so a comment, at form feeds and other separators.
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        line = raw.split("#", 1)[0].strip()
        if line:
            _read_line(line, number, source, inputs, outputs, drivers)
    if not outputs:
        raise ParseError("expected at least one OUTPUT(net), found none", source=source)

    netlist = Builder(list(inputs))
    nodes = dict(zip(inputs, netlist.inputs, strict=True))
    for net in _in_order(inputs, drivers, source):
        kind, fan_ins, _ = drivers[net]
        nodes[net] = _add(netlist, kind, [nodes[name] for name in fan_ins])
    for net, number in outputs.items():
        if net not in nodes:
            raise _undriven(f"OUTPUT({net})", net, number, source)
    return netlist.circuit({net: nodes[net] for net in outputs})


def _read_line(
    line: str, number: int, source: str, inputs: dict[str, int], outputs: dict[str, int], drivers: dict[str, _Driver]
) -> None:
    def fail(message: str) -> ParseError:
        return ParseError(message, source=source, line=number)

    if match := _IO.fullmatch(line):
        nets = inputs if match[1].upper() == "INPUT" else outputs
        net = match[2]
        if net in nets:
            raise fail(f"{match[1].upper()}({net}) stands in line {nets[net]} already")
        if nets is inputs and net in drivers:
            raise fail(f"net {net!r} is driven twice: by INPUT({net}) and in line {drivers[net].line}")
        nets[net] = number
        return
    if match := _GATE.fullmatch(line):
        net, kind, arguments = match[1], match[2].upper(), match[3]
        fan_ins = tuple(name.strip() for name in arguments.split(",")) if arguments.strip() else ()
        for name in fan_ins:
            if not name or any(map(str.isspace, name)):
                raise fail(f"expected nets parted by commas, found {arguments.strip()!r}")
    elif match := _CONSTANT.fullmatch(line):
        net, kind, fan_ins = match[1], match[2].upper(), ()
    else:
        raise fail(f"expected INPUT(net), OUTPUT(net) or net = GATE(net, ...), found {_shortened(line)!r}")

    if kind in _REGISTERS:
        raise fail(f"{kind} is a register: expected a combinational circuit, without state")
    if kind not in _TREES and kind not in _UNARY and kind not in _CONSTANTS:
        raise fail(f"unknown gate {kind!r}, expected one of {', '.join([*_TREES, *_UNARY])}")
    if kind in _UNARY and len(fan_ins) != 1:
        raise fail(f"{kind} takes one net, found {len(fan_ins)}")
    if kind in _TREES and not fan_ins:
        raise fail(f"{kind} takes one or more nets, found none")
    if kind in _CONSTANTS and fan_ins:
        raise fail(f"{kind} takes no nets, found {len(fan_ins)}")
    if net in inputs or net in drivers:
        other = inputs[net] if net in inputs else drivers[net].line
        raise fail(f"net {net!r} is driven twice: here and in line {other}")
    drivers[net] = _Driver(kind, fan_ins, number)


def _in_order(inputs: dict[str, int], drivers: dict[str, _Driver], source: str) -> list[str]:
    """The driven nets, each after its fan-ins; depth first with a stack of its own, so no depth is too deep."""
    order: list[str] = []
    done = set(inputs)
    path: dict[str, None] = {}  # the nets from the root to the one at hand, in order
    for root in drivers:
        stack = [root]
        while stack:
            net = stack[-1]
            if net in done:
                stack.pop()
                continue
            waiting = [name for name in drivers[net].fan_ins if name not in done]
            if not waiting:
                stack.pop()
                path.pop(net, None)
                done.add(net)
                order.append(net)
                continue
            path[net] = None
            for name in waiting:
                if name not in drivers:
                    raise _undriven(f"an input of gate {net!r}", name, drivers[net].line, source)
                if name in path:
                    nets = list(path)
                    raise _cycle(nets[nets.index(name) :], drivers[name].line, source)
            stack.extend(reversed(waiting))
    return order


def _add(netlist: Builder, kind: str, nodes: list[int]) -> int:
    if kind in _CONSTANTS:
        return netlist.constant(_CONSTANTS[kind])
    if kind in _UNARY:
        return netlist.gate(_UNARY[kind], nodes[0])
    table, inverted = _TREES[kind]
    if len(nodes) == 1:
        return netlist.gate(NOT if inverted else BUF, nodes[0])
    return netlist.tree(table, nodes, inverted=inverted)


def _undriven(what: str, net: str, line: int, source: str) -> ParseError:
    shown = f"net {net!r}, {what}," if not what.startswith("OUTPUT") else f"net {net!r} of {what}"
    return ParseError(
        f"{shown} is driven by nothing: expected INPUT({net}) or {net} = GATE(...)", source=source, line=line
    )


def _cycle(loop: list[str], line: int, source: str) -> ParseError:
    shown = " <- ".join([*loop[:6], *(["..."] if len(loop) > 6 else []), loop[0]])
    return ParseError(f"net {loop[0]!r} depends on itself: {shown}; expected no cycles", source=source, line=line)


def _shortened(line: str) -> str:
    return line if len(line) <= 60 else line[:57] + "..."
