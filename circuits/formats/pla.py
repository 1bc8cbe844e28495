"""PLA, the two-level format of espresso, read and written: rows of an input part and an output part.

R. Rudell, espresso(5), University of California, Berkeley (1986).
"""

import functools
import operator
from collections.abc import Iterable, Iterator
from typing import Literal

from circuits.covers import irredundant
from circuits.decision_diagrams import irredundant_sums, strings
from circuits.formats.pla_rows import Rows
from circuits.netlist import Circuit, last_readers

# Sums of products come from truth tables of up to so many inputs, and from decision diagrams beyond.
MAX_OF_TABLES = 16
# What `dumps` tries and writes for an output of more inputs.
MOST_STEPS, MOST_CUBES = 2**19, 2**16

DontCares = Literal[0, 1, "refuse"]


def loads(text: str, source: str = "pla", *, dont_cares: DontCares = "refuse") -> Circuit:
    r"""Read a circuit from the text of a PLA.

    Keywords are .i and .o (how many inputs and outputs), .ilb and .ob (their names; v0, v1, ... and v9.0, v9.1, ...
    after the 9 inputs otherwise, as espresso calls them), .type, .p and .e or .end; `#` begins a comment. Rows have 0,
    1 or - (or 2) for each input and then 1 (4), 0, - (2) or ~ (3) for each output; spaces and bars may stand between
    them, a row may go over several lines, and a new one begins on a new line. By the type a row with 1 is in the
    ON-set, with 0 in the OFF-set (fr, fdr), with - in the don't-care set (fd, fdr), and says nothing otherwise. What
    no row speaks of is off for f and fd, and a don't-care for fr and fdr, of which espresso keeps only to the OFF-set.

    Args:
        text: the whole file.
        source: its name, for errors.
        dont_cares: "refuse" them, or the value there, 0 or 1; of fd also where a row says 1.

    Returns:
        A circuit with a tree of AND gates for each row and one of OR gates for each output.

    Raises:
        ParseError: with the line, if a line is none of these, a row is too long or short, two
            sets of fr or fdr meet, there are don't-cares to refuse, or a keyword of many-valued or symbolic
            minimisation is used.

    Source: R. Rudell, espresso(5) (1986).

    >>> loads(".i 2\n.o 1\n10 1\n01 1\n11 -\n.e", dont_cares=0)
    Circuit(2 inputs, 1 outputs, 3 gates)
    """
    if dont_cares not in (0, 1, "refuse"):
        raise ValueError(f"loads: expected dont_cares to be 0, 1 or 'refuse', got {dont_cares!r}.")
    pla = Rows(text, source)
    if dont_cares == "refuse":
        pla.refuse_dont_cares()
    return pla.circuit(dont_cares == 1)


def loads_with_dont_cares(text: str, source: str = "pla") -> tuple[Circuit, Circuit]:
    r"""Read a circuit from the text of a PLA, and a circuit that says where its values are free.

    Args:
        text: the whole file, as `loads` takes it.
        source: its name, for errors.

    Returns:
        The circuit, false where it is free, and a circuit of the same inputs and outputs that is true there.

    Raises:
        ParseError: as `loads`.

    >>> from circuits import truth_table
    >>> circuit, free = loads_with_dont_cares(".i 1\n.o 1\n1 -\n.e")
    >>> truth_table(circuit).T, truth_table(free).T
    (array([[False, False]]), array([[False,  True]]))
    """
    pla = Rows(text, source)
    return pla.circuit(False), pla.free()


def dumps(circuit: Circuit) -> str:
    """Write a circuit as the text of a PLA: an irredundant sum of products for each output, rows shared between them.

    Args:
        circuit: one with outputs, whose names have no spaces and no `#` and begin with no dot.

    Returns:
        Text that `loads` reads as the same function with the same names, and that espresso and ABC read.

    Raises:
        ValueError: if there is no output, a name cannot be written, or with more than 16 inputs, an output takes more
            than `MOST_CUBES` rows, or more than `MOST_STEPS` steps to find them.

    Source: S. Minato (1992) and E. Morreale (1970), for the sums of products.

    >>> from circuits import parse
    >>> print(dumps(parse("y = a & b | c; z = a & b")))
    .i 3
    .o 2
    .ilb a b c
    .ob y z
    .p 2
    --1 10
    11- 11
    .e
    """
    if not circuit.n_outputs:
        raise ValueError("dumps: .pla holds one output or more, got none.")
    for name in (*circuit.input_names, *circuit.output_names):
        if not is_legal(name):
            raise ValueError(f"dumps: .pla cannot hold the name {name!r}. Rename it.")
    outputs_of: dict[str, list[int]] = {}
    for output, cubes in enumerate(_sums(circuit)):
        for cube in cubes:
            outputs_of.setdefault(cube, []).append(output)
    rows = [_row_of(cube, outputs, circuit.n_outputs) for cube, outputs in sorted(outputs_of.items())]
    names = [" ".join([".ilb", *circuit.input_names]), " ".join([".ob", *circuit.output_names])]
    lines = [f".i {circuit.n_inputs}", f".o {circuit.n_outputs}", *names, f".p {len(rows)}", *rows, ".e"]
    return "".join(f"{line}\n" for line in lines)


def _row_of(cube: str, outputs: list[int], n: int) -> str:
    values = bytearray(b"0" * n)
    for output in outputs:
        values[output] = ord("1")
    return f"{cube} {values.decode()}".strip()


def _sums(circuit: Circuit) -> Iterator[Iterable[str]]:
    """Return the cubes of each output."""
    if circuit.n_inputs <= MAX_OF_TABLES:
        yield from (irredundant(table, circuit.n_inputs) for table in _tables(circuit))
        return
    sums = irredundant_sums(circuit, MOST_STEPS)
    for name in circuit.output_names:
        try:
            cubes = next(sums)
        except MemoryError:
            raise ValueError(
                f"dumps: no sum of products for output {name!r} within {MOST_STEPS:,} steps. .blif holds any circuit."
            ) from None
        if cubes is not None and cubes.size > MOST_CUBES:
            raise ValueError(
                f"dumps: .pla is written with at most {MOST_CUBES:,} rows for an output, got {cubes.size:,} for "
                f"{name!r}. .blif holds any circuit."
            )
        yield strings(cubes, circuit.n_inputs)


def is_legal(name: str) -> bool:
    """Return whether a name can be written."""
    return [name] == name.split() and "#" not in name and name[0] != "."


def _tables(circuit: Circuit) -> list[int]:
    """Return the truth table of each output, row r in bit r. As Python's integers, so that nothing is compiled."""
    everything = (1 << 2**circuit.n_inputs) - 1
    nodes = [0, *(everything // ((1 << 2**i) + 1) << 2**i for i in range(circuit.n_inputs))]
    fan_ins = circuit.fan_ins.tolist()
    # A table is forgotten after its last use: those of a million gates would take gigabytes.
    last_use = last_readers(circuit.fan_ins, circuit.outputs, circuit.n_nodes).tolist()
    for gate, (table, pair) in enumerate(zip(circuit.tables.tolist(), fan_ins, strict=True)):
        a, b = (nodes[node] for node in pair)
        rows = (~(a | b), a & ~b, b & ~a, a & b)
        nodes.append(everything & functools.reduce(operator.or_, (r for i, r in enumerate(rows) if table >> i & 1), 0))
        for node in pair:
            if last_use[node] == gate:
                nodes[node] = 0
    return [nodes[node] for node in circuit.outputs.tolist()]
