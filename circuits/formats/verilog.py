"""Structural Verilog: modules of modules, read with their gates, assigns and registers; written as assigns.

IEEE 1364-2005, the part of it that is a netlist. Behaviour is refused; docs/rtl.md has a way for it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from circuits.builder import Builder
from circuits.formats.cell_functions import Function, add_function
from circuits.formats.cell_libraries import library_of
from circuits.formats.cells import Cell
from circuits.formats.naming import names_of
from circuits.formats.nets import Nets, Registers, Undriven
from circuits.formats.verilog_hierarchy import Design
from circuits.formats.verilog_instances import Table
from circuits.formats.verilog_tokens import KEYWORDS, SYSTEM_VERILOG, Text
from circuits.formats.verilog_vectors import DontCares
from circuits.gates import AND, BUF, FALSE, NAND, NOR, NOT, OR, TRUE, XNOR, XOR, essential
from circuits.netlist import Circuit
from circuits.simulation.truth_tables import add_table

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
# How a gate is written; with essential fan-ins these are all there are.
_FORMS = {FALSE: "1'b0", TRUE: "1'b1", BUF: "{0}", NOT: "~{0}", AND: "{0} & {1}", OR: "{0} | {1}", XOR: "{0} ^ {1}"}
_FORMS |= {NAND: "~({0} & {1})", NOR: "~({0} | {1})", XNOR: "~({0} ^ {1})"}
_FORMS |= {0b0010: "{0} & ~{1}", 0b0100: "~{0} & {1}", 0b1011: "{0} | ~{1}", 0b1101: "~{0} | {1}"}


def loads(
    text: str,
    source: str = "verilog",
    *,
    model: str | None = None,
    registers: Registers = "refuse",
    cycles: int | None = None,
    undriven: Undriven = "refuse",
    dont_cares: DontCares = "refuse",
    library: str | Path | Mapping[str, Cell] | None = None,
) -> Circuit:
    r"""Read a circuit from the text of a Verilog file: modules of gates, assigns, instances and simple registers.

    Gates are and, nand, or, nor, xor, xnor, buf and not. Assigns have all operators; `/ % **` and indices are of
    constants. Widths and signs are those of the standard: an operand is extended to the longest, or to what the
    expression is assigned to, and what does not fit there is cut off. `always @(posedge clock)` with `<=`, if and else
    is a register, and so are instances of dff, DFF and Yosys's `$_DFF_P_`. Delays and specify blocks are passed over.

    Modules in the file are flattened: net t of instance u is u.t. Bits of a vector x are named x[0], x[1], ..., as is
    the net `\x[0] `. They come in the order of the ports, a vector's lowest bit first: that is the right one of its
    bounds, so x[3] first for `input [0:3] x`.

    Args:
        text: the whole file.
        source: its name, for errors.
        model: which one of several modules; the one that no other uses if None.
        registers: "refuse" registers, "cut" or "unroll" them, as BLIF does; a module dff that is made of switches is a
            register too.
        cycles: how many to unroll.
        undriven: "refuse" nets that are read and that nothing drives, give them the value 0 or 1, or make each an
            "input", after the declared ones.
        dont_cares: "refuse" x in constants, or the value 0 or 1 of each.
        library: the cells of instances, with pins by name, where the file has no such module: a genlib or Liberty
            file, or what `read_cells` returns. Yosys's own cells (`$_AND_`) need none.

    Returns:
        A circuit with a gate per gate of the file, and per operator and bit; a NOT beside another operator is a part of
        its gate, and what constants decide is none. A gate of n bits becomes a balanced tree of n - 1.

    Raises:
        ParseError: with the line, if the file is malformed, uses more of Verilog than this, or a net is driven by
            nothing, twice, or by itself.

    Source: IEEE 1364-2005, IEEE Standard for Verilog Hardware Description Language.

    >>> loads("module m (input [1:0] a, output y); assign y = a[0] & ~a[1]; endmodule").input_names
    ('a[0]', 'a[1]')
    >>> loads("module m (input a, output reg y);\n always @(a) y = a;\nendmodule")
    Traceback (most recent call last):
    circuits.ParseError: verilog:2: this 'always' is behaviour, and no register: expected always @(posedge clock). ...
    """
    if dont_cares not in ("refuse", 0, 1) or isinstance(dont_cares, bool):
        raise ValueError(f"loads: expected dont_cares to be 'refuse', 0 or 1, got {dont_cares!r}.")
    cells = library_of("loads", library)
    nets = Nets(source, "input {net}", "assign {net} = ...", registers, "output {net}", cycles, undriven=undriven)
    Design(Text(text, source), nets, cells, dont_cares).read(model)
    return nets.circuit(_add)


def dumps(circuit: Circuit, module: str = "circuit") -> str:
    r"""Write a circuit as the text of a Verilog file: one module, with one assign per gate.

    Args:
        circuit: any circuit; its names are of printable ASCII characters, without spaces.
        module: the name of the module.

    Returns:
        Text that `loads` reads as the same gates with the same names, and that ABC and Yosys read. A name that is no
        Verilog identifier is escaped, so x[0] is the net `\x[0] ` and no part of a vector.

    Raises:
        ValueError: if a name cannot be written, or an output has the name of an input.

    >>> from circuits import parse
    >>> print(dumps(parse("y = ~(a & x[0])")))
    module circuit (
      a,
      \x[0] ,
      y
    );
      input a;
      input \x[0] ;
      output y;
      wire n3;
      assign n3 = a & \x[0] ;
      assign y = ~n3;
    endmodule
    <BLANKLINE>
    """
    if not is_legal(module):
        raise ValueError(f"dumps: .v cannot hold the name {module!r} of the module. Rename it.")
    names, buffers = names_of(circuit, ".v", is_legal)
    if both := sorted({*circuit.input_names} & {*circuit.output_names}):
        raise ValueError(f"dumps: .v cannot hold output {both[0]!r}, which has the name of an input. Rename it.")
    written = [_written(name) for name in names if name is not None]
    inputs, gates = written[: circuit.n_inputs], written[circuit.n_inputs :]
    outputs = [_written(name) for name in circuit.output_names]
    ports = ",\n".join(f"  {port}" for port in inputs + outputs)
    lines = [f"module {_written(module)} (\n{ports}\n);"]
    lines += [f"  input {port};" for port in inputs]
    lines += [f"  output {port};" for port in outputs]
    is_output = {*outputs}
    lines += [f"  wire {gate};" for gate in gates if gate not in is_output]
    for gate, table, fan_ins in zip(gates, circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        table, operands = essential(table, *fan_ins)
        lines.append(f"  assign {gate} = {_FORMS[table].format(*(written[node - 1] for node in operands))};")
    lines += [f"  assign {_written(name)} = {written[node - 1] if node else _FORMS[FALSE]};" for name, node in buffers]
    lines.append("endmodule")
    return "".join(f"{line}\n" for line in lines)


def is_legal(name: str) -> bool:
    """Return whether a name can be written."""
    return re.fullmatch("[!-~]+", name) is not None


def _written(name: str) -> str:
    """Return a name as it is, or escaped, with the space that must follow."""
    plain = _PLAIN.fullmatch(name) and name not in KEYWORDS | SYSTEM_VERILOG
    return name if plain else f"\\{name} "


def _add(netlist: Builder, kind: tuple[int, bool] | Function | Table, nodes: list[int]) -> int:
    if isinstance(kind, Table):
        values = [bool(kind.bits >> row & 1) for row in range(2 ** len(nodes))]
        return add_table(netlist, np.array(values), nodes)
    if isinstance(kind, Function):
        return add_function(netlist, kind, nodes)
    table, inverted = kind
    return netlist.tree(table, nodes, inverted=inverted)
