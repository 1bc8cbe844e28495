"""The .bench netlists of the ISCAS-85 and ISCAS-89 benchmarks, read and written, with ABC's look-up tables.

F. Brglez and H. Fujiwara (ISCAS 1985); F. Brglez, D. Bryan and K. Kozminski (ISCAS 1989).
"""

import re
from typing import NamedTuple

import numpy as np

from circuits.builder import Builder
from circuits.errors import ParseError, cut_short
from circuits.formats.lines import numbered_lines
from circuits.formats.naming import names_of
from circuits.formats.nets import Nets, Registers, Undriven
from circuits.gates import AND, BUF, FALSE, NAND, NOR, NOT, OR, TREES, TRUE, XNOR, XOR, essential
from circuits.netlist import Circuit
from circuits.simulation.truth_tables import add_table

# Keywords are ASCII in either case; Python would take the dotless i for an I.
_IO = re.compile(r"((?ai:INPUT|OUTPUT))\s*\(\s*([^\s(),=]+)\s*\)")
_GATE = re.compile(r"([^\s(),=]+)\s*=\s*((?a:\w)+)\s*\(([^()=]*)\)")
_TABLE = re.compile(r"([^\s(),=]+)\s*=\s*(?ai:LUT\s+0x([0-9a-f]+))\s*\(([^()=]*)\)")
# Most lines: a gate or a look-up table of one or two nets.
_SMALL_GATE = re.compile(
    r"([^\s(),=]+)\s*=\s*((?a:\w)+)(?:\s+0x([0-9a-fA-F]+))?\s*\(\s*([^\s(),=]+)\s*(?:,\s*([^\s(),=]+)\s*)?\)"
)
_NET = re.compile(r"[^\s(),=#]+")
_CONSTANT = re.compile(r"([^\s(),=]+)\s*=\s*((?ai:vdd|gnd))")

_AND_NOT = 0b0010
_TREES = {name.upper(): tree for name, tree in TREES.items()} | {"NXOR": TREES["xnor"]}
_UNARY = {"NOT": NOT, "INV": NOT, "BUF": BUF, "BUFF": BUF}
_CONSTANTS = {"VDD": True, "GND": False}
_MUX = "MUX"
_REGISTERS = {"DFF", "DFFSR", "DFFRSE", "LATCH"}
# How ABC writes a plain register: reset, set and enable are not used.
_UNUSED = ("gnd",) * 4
# Inputs of a look-up table, whose 2^n bits are written out.
_MOST_OF_A_TABLE = 16
# How a gate is written; the functions that are not here are look-up tables.
_KINDS = {FALSE: "gnd", TRUE: "vdd", BUF: "BUFF", NOT: "NOT"}
_KINDS |= {AND: "AND", NAND: "NAND", OR: "OR", NOR: "NOR", XOR: "XOR", XNOR: "XNOR"}


def loads(
    text: str,
    source: str = "bench",
    *,
    registers: Registers = "refuse",
    cycles: int | None = None,
    undriven: Undriven = "refuse",
) -> Circuit:
    r"""Read a circuit from the text of a .bench file.

    Lines are `INPUT(net)`, `OUTPUT(net)`, `net = GATE(net, ...)`, in any order; `#` begins a comment. Gates are AND,
    NAND, OR, NOR, XOR, XNOR of one or more nets (XOR is odd parity, XNOR its complement), NOT, BUF or BUFF, the
    constants `net = vdd` and `net = gnd`, and ABC's `net = LUT 0x8 (a, b)`, in which bit a + 2b + ... of the number is
    the value, and `net = MUX(s, a, b)`, which is a where s is 1 and b where it is 0, as in ABC. Gate names may be in
    either case; nets are any text without spaces, commas, parentheses and equals signs.

    Args:
        text: the whole file.
        source: its name, for errors.
        registers: "refuse" them, or "cut" them: a register q becomes an input q, and its next state an output q_next.
            "unroll" them as `circuits.unroll` does, with free initial values, since the format has none.
        cycles: how many to unroll.
        undriven: "refuse" nets that are read and that nothing drives, give them the value 0 or 1, or make each an
            "input", after the declared ones.

    Returns:
        A circuit with a gate per gate of the file; a gate of n nets becomes a balanced tree of n - 1.

    Raises:
        ParseError: with the line, if a line is none of these, a net is driven twice or not at all, a gate is fed by
            itself through others, a gate has the wrong number of nets, or there is a register to refuse.

    Source: F. Brglez and H. Fujiwara, A neutral netlist of 10 combinational benchmark circuits (ISCAS 1985).

    >>> loads("INPUT(1)  # a comment\nINPUT(2)\nOUTPUT(3)\n3 = NAND(1, 2)")
    Circuit(2 inputs, 1 outputs, 1 gates)
    >>> loads("INPUT(1)\nOUTPUT(3)\n3 = NAND(1, 2)")
    Traceback (most recent call last):
    circuits.ParseError: bench:3: net '2', an input of gate '3', is driven by nothing: ...
    """
    nets = Nets(source, "INPUT({net})", "{net} = GATE(...)", registers, cycles=cycles, undriven=undriven)
    kinds: dict[tuple[str, str | None, bool], int | bool | None] = {}  # most are among a few
    for number, line in numbered_lines(text):
        if match := _SMALL_GATE.fullmatch(line):
            net, gate, digits, a, b = match.groups()
            key = (gate, digits, b is None)
            if key not in kinds:
                kinds[key] = _small_kind(gate.upper(), digits, 1 if b is None else 2)
            if (kind := kinds[key]) is not None:
                nets.drive(net, kind, (a,) if b is None else (a, b), number)
                continue
        if line:
            _read_line(line, number, nets)
    if not nets.outputs and not nets.registers:
        raise ParseError("expected at least one OUTPUT(net), found none", source=source)
    return nets.circuit(_add)


def is_legal(name: str) -> bool:
    """Return whether a name can be written."""
    return _NET.fullmatch(name) is not None


def _read_line(line: str, number: int, nets: Nets) -> None:
    if match := _IO.fullmatch(line):
        declare = nets.input if match[1].upper() == "INPUT" else nets.output
        declare(match[2], number)
        return
    table = None
    if match := _TABLE.fullmatch(line):
        net, kind, arguments = match[1], "LUT", match[3]
        table = match[2]
    elif match := _GATE.fullmatch(line):
        net, kind, arguments = match[1], match[2].upper(), match[3]
    elif match := _CONSTANT.fullmatch(line):
        net, kind, arguments = match[1], match[2].upper(), ""
    else:
        expected = "INPUT(net), OUTPUT(net) or net = GATE(net, ...)"
        raise nets.error(f"expected {expected}, found {cut_short(line)!r}", number)
    fan_ins = tuple(name.strip() for name in arguments.split(",")) if arguments.strip() else ()
    for name in fan_ins:
        if not name or any(map(str.isspace, name)):
            raise nets.error(f"expected nets parted by commas, found {cut_short(arguments.strip())!r}", number)
    if kind in _REGISTERS:
        plain = kind == "DFFRSE" and fan_ins[1:] == _UNUSED
        nets.register(net, fan_ins[:1] if plain else fan_ins, kind, number)
    elif table is not None:
        _check_table(table, len(fan_ins), nets, number)
        nets.drive(net, _table_kind(int(table, 16), len(fan_ins)), fan_ins, number)
    else:
        if kind not in _TREES and kind not in _UNARY and kind not in _CONSTANTS and kind != _MUX:
            raise nets.error(
                f"unknown gate {cut_short(kind)!r}, expected one of {', '.join([*_TREES, *_UNARY, _MUX])}", number
            )
        if kind in _UNARY and len(fan_ins) != 1:
            raise nets.error(f"{kind} takes one net, found {len(fan_ins)}", number)
        if kind in _TREES and not fan_ins:
            raise nets.error(f"{kind} takes one or more nets, found none", number)
        if kind in _CONSTANTS and fan_ins:
            raise nets.error(f"{kind} takes no nets, found {len(fan_ins)}", number)
        if kind == _MUX and len(fan_ins) != 3:
            raise nets.error(f"MUX takes three nets, the selecting one first, found {len(fan_ins)}", number)
        nets.drive(net, _kind(kind, len(fan_ins)), fan_ins, number)


def _check_table(digits: str, n: int, nets: Nets, line: int) -> None:
    if n > _MOST_OF_A_TABLE:
        raise nets.error(f"LUT takes at most {_MOST_OF_A_TABLE} nets, found {n}", line)
    if int(digits, 16) >> 2**n:
        raise nets.error(f"LUT 0x{cut_short(digits)} has more than the {2**n} bits that {n} nets have", line)


def dumps(circuit: Circuit) -> str:
    r"""Write a circuit as the text of a .bench file: a line per input, output and gate.

    Args:
        circuit: any circuit; its names have no spaces, commas, parentheses, equals signs and `#`.

    Returns:
        Text that `loads` reads as the same function with the same names, and that ABC reads. Gates without a name of
        their own in the format, such as a and not b, are look-up tables.

    Raises:
        ValueError: if a name cannot be written, or there are no outputs.

    >>> from circuits import parse
    >>> print(dumps(parse("y = a ^ b")), end="")
    INPUT(a)
    INPUT(b)
    OUTPUT(y)
    y = XOR(a, b)
    """
    if not circuit.n_outputs:
        raise ValueError("dumps: .bench holds one output or more, got none.")
    names, buffers = names_of(circuit, ".bench", is_legal)
    lines = [f"INPUT({name})" for name in circuit.input_names]
    lines += [f"OUTPUT({name})" for name in circuit.output_names]
    gates = zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True)
    for node, (table, fan_ins) in enumerate(gates, start=1 + circuit.n_inputs):
        table, operands = essential(table, *fan_ins)
        kind = _KINDS.get(table, f"LUT 0x{table:X} ")
        lines.append(f"{names[node]} = {kind}" + f"({', '.join(str(names[n]) for n in operands)})" * bool(operands))
    lines += [f"{name} = {f'BUFF({names[node]})' if node else 'gnd'}" for name, node in buffers]
    return "".join(f"{line}\n" for line in lines)


class _Table(NamedTuple):
    """A look-up table whose bits are written out only when gates are made of it: a short line may have many."""

    bits: int


def _table_kind(bits: int, n: int) -> int | bool | _Table:
    """Return the kind of a look-up table of n nets: one gate as it stands, where that is all."""
    return (bool(bits), bits * 0b0101, bits)[n] if n <= 2 else _Table(bits)


def _small_kind(gate: str, digits: str | None, n: int) -> int | None:
    """Return the table of a gate of one or two nets; None where it has none, or is an error."""
    if digits is not None:
        bits = int(digits, 16)
        return _table_kind(bits, n) if gate == "LUT" and bits >> 2**n == 0 else None  # pyright: ignore[reportReturnType]
    known = gate in _TREES or (gate in _UNARY and n == 1)
    return _kind(gate, n) if known else None  # pyright: ignore[reportReturnType]


def _kind(gate: str, n: int) -> int | bool | str:
    """Return the kind of a gate of n nets by its name."""
    if gate in _CONSTANTS:
        return _CONSTANTS[gate]
    if gate in _UNARY:
        return _UNARY[gate]
    if n > 2 or gate == _MUX:
        return gate
    table, inverted = _TREES[gate]
    if n == 1:
        return NOT if inverted else BUF
    return table ^ 0b1111 if inverted else table


def _add(netlist: Builder, kind: str | _Table, nodes: list[int]) -> int:
    if isinstance(kind, _Table):
        table = np.frombuffer(kind.bits.to_bytes(2 ** len(nodes) // 8, "little"), np.uint8)
        return add_table(netlist, np.unpackbits(table, bitorder="little").astype(bool), nodes)
    if kind == _MUX:
        select, a, b = nodes
        return netlist.gate(OR, netlist.gate(AND, a, select), netlist.gate(_AND_NOT, b, select))
    table, inverted = _TREES[kind]
    return netlist.tree(table, nodes, inverted=inverted)
