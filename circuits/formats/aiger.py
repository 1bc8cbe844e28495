"""AIGER files, ASCII (.aag) and binary (.aig): and-inverter graphs, the common format of logic synthesis and checking.

A. Biere, The AIGER And-Inverter Graph (AIG) format, version 20071012; A. Biere, K. Heljanko and S. Wieringa, AIGER 1.9
and beyond (2011), for reset values, properties and constraints.
"""

import re
from typing import Literal

import numpy as np

from circuits.and_inverter import from_circuit, to_circuit
from circuits.errors import ParseError
from circuits.formats.aiger_binary import ands_bytes
from circuits.formats.aiger_lines import NUMBER, Lines, shown
from circuits.formats.aiger_sections import SECTIONS, Header, read_body, read_header
from circuits.formats.nets import Registers, check_registers
from circuits.netlist import Circuit
from circuits.registers import unroll

Properties = Literal["refuse", "outputs"]

# Names are printable ASCII, as the format has them.
_SYMBOL = re.compile(rb"([ilobcjf])(" + NUMBER + rb") ([ -~]+)")
_NAME = re.compile("[ -~]+")
# A binary file does not list its inputs. Any file may claim this many, and one more for each of its bytes.
_UNLISTED_INPUTS = 1 << 20


def loads(
    data: bytes | str,
    source: str = "aiger",
    *,
    registers: Registers = "refuse",
    cycles: int | None = None,
    properties: Properties = "refuse",
) -> Circuit:
    r"""Read a circuit from an AIGER file, version 1.0 or 1.9, ASCII or binary, as its header says.

    An input, latch or output without a symbol is called by its place, as in the symbol table: i0, l0, o0, with more
    letters in front, ii0, where another has that name.

    Args:
        data: the whole file; of an ASCII file also its text.
        source: its name, for errors.
        registers: "refuse" latches, or "cut" them: a latch q becomes an input q, and its next state an output q_next;
            its reset value is dropped. "unroll" them as `circuits.unroll` does, with their reset values; one that is
            not reset is free.
        cycles: how many to unroll.
        properties: "refuse" bad states, constraints, justice and fairness, or take them for "outputs", after the true
            ones and in this order: b0, c0, j0_0, j0_1, f0, or by their symbols. Outputs q_next come last.

    Returns:
        A circuit with a gate for each AND of the file, in the order of their variables if that has each after its
        fan-ins, and after them a NOT for each variable that is an inverted output.

    Raises:
        ParseError: with the line, or in the binary part and after it with the byte, if the file is not what the format
            says, to the single space; if a literal is defined twice, not at all, or by itself; if two inputs or two
            outputs have one name; or if there is something to refuse.

    Source: A. Biere (2007); A. Biere, K. Heljanko and S. Wieringa (2011).

    >>> loads("aag 3 2 0 1 1\n2\n4\n7\n6 2 4\ni0 a\ni1 b\no0 nand\n")
    Circuit(2 inputs, 1 outputs, 2 gates)
    >>> loads("aag 3 2 0 1 1\n2\n4\n7\n6 2 4 5\n")
    Traceback (most recent call last):
    circuits.ParseError: aiger:5: AND 0: expected three numbers parted by single spaces, found '6 2 4 5'
    """
    check_registers(registers, cycles)
    if properties not in ("refuse", "outputs"):
        raise ValueError(f"loads: expected properties to be 'refuse' or 'outputs', got {properties!r}.")
    text = isinstance(data, str)
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if data.startswith(b"aag ") and data.split(b"\n", 1)[0].endswith(b"\r"):  # a file of Windows
        data = data.replace(b"\r\n", b"\n")
    lines = Lines(data, source)
    header = read_header(lines)
    if header.binary and text:
        raise lines.error("expected the bytes of a binary file, found its text", 1)
    _refuse(header, lines, registers, properties)
    most = _UNLISTED_INPUTS + len(data)
    if header.binary and header.counts["i"] > most:
        raise lines.error(f"expected at most {most} inputs in so short a file, found {header.counts['i']}", 1)
    body = read_body(lines, header)
    symbols = _Symbols(data, body.end, lines, header)
    inputs = [*symbols.names("i"), *symbols.names("l")]
    outputs = [*symbols.names("o"), *symbols.names("b"), *symbols.names("c")]
    for name, size in zip(symbols.names("j"), body.justice, strict=True):
        outputs += [f"{name}_{k}" for k in range(size)]
    outputs += [*symbols.names("f"), *(f"{name}_next" for name in symbols.names("l"))]
    _check_made(outputs, lines)
    circuit = to_circuit(body.graph, inputs, outputs)
    if cycles is None:
        return circuit
    states = symbols.names("l")
    initial = dict(zip(states, body.resets, strict=True))
    return unroll(circuit, cycles, registers={name: f"{name}_next" for name in states}, initial=initial)


def _refuse(header: Header, lines: Lines, registers: Registers, properties: Properties) -> None:
    counts = header.counts
    if counts["l"] and registers == "refuse":
        raise lines.error(
            f"the header has latches ({counts['l']}): expected a combinational circuit, without state. "
            'registers="cut" makes the value of each an input, and its next value an output',
            1,
        )
    found = ", ".join(f"{SECTIONS[letter]}: {counts[letter]}" for letter in "bcjf" if counts[letter])
    if found and properties == "refuse":
        raise lines.error(
            f"the header has properties ({found}): expected inputs, outputs and ANDs alone. "
            'properties="outputs" makes each an output',
            1,
        )


def _check_made(names: list[str], lines: Lines) -> None:
    """Symbols are different from each other, but what is made of them need not be."""
    seen = set()
    for name in names:
        if name in seen:
            made = "a latch q gives an output q_next, and a justice property j gives j_0, j_1, ..."
            raise ParseError(f"two outputs would be called {name!r}: {made}", source=lines.source)
        seen.add(name)


class _Symbols:
    """The symbol table: names by the letter of their section and their place in it."""

    def __init__(self, data: bytes, start: int, lines: Lines, header: Header):
        self._header = header
        self._given: dict[tuple[str, int], str] = {}
        # Inputs and latches must have different names, and so must all the others.
        self._taken: dict[bool, set[str]] = {True: set(), False: set()}
        line = lines.read
        while start < len(data):
            end = data.find(b"\n", start)
            text = data[start : end if end >= 0 else len(data)]
            line += 1
            if text == b"c" or (header.binary and _is_name_of_abc(data, start)):
                break  # comments
            if message := self._add(text):
                raise lines.error_at(message, start) if header.binary else lines.error(message, line)
            start += len(text) + 1

    def _add(self, line: bytes) -> str | None:
        """Take a line of the table; returns what is wrong with it."""
        match = _SYMBOL.fullmatch(line)
        if match is None:
            return f"expected a symbol, such as 'i0 name', or 'c' alone before comments, found {shown(line)}"
        letter, place, name = match[1].decode(), int(match[2]), match[3].decode()
        what, count = SECTIONS[letter], self._header.counts[letter]
        if place >= count:
            return f"a symbol for {what} {place}: the header has {count}, counted from 0"
        if (letter, place) in self._given:
            return f"{what} {place} has a symbol already, {self._given[letter, place]!r}"
        taken = self._taken[letter in "il"]
        if name in taken:
            return f"two {'inputs or latches' if letter in 'il' else 'outputs'} are called {name!r}"
        taken.add(name)
        self._given[letter, place] = name
        return None

    def names(self, letter: str) -> list[str]:
        """Return the names of a section; a nameless part is called by its place, with more letters if that is taken."""
        taken = self._taken[letter in "il"]
        names = []
        for place in range(self._header.counts[letter]):
            name = self._given.get((letter, place))
            if name is None:
                name = f"{letter}{place}"
                while name in taken:
                    name = letter + name
            names.append(name)
        return names


def _is_name_of_abc(data: bytes, start: int) -> bool:
    """Return whether comments begin with the design's name, as of ABC's &write: c, n, four bytes of length, text."""
    if data[start : start + 2] != b"cn":
        return False
    end = start + 6 + int.from_bytes(data[start + 2 : start + 6], "big")
    return end <= len(data) and data[end : end + 1] in (b"", b"\n")


def is_legal(name: str) -> bool:
    """Return whether a name can be written."""
    return _NAME.fullmatch(name) is not None


def dumps(circuit: Circuit, *, binary: bool) -> bytes:
    r"""Write a circuit as the bytes of an AIGER file.

    Args:
        circuit: any circuit; its names are printable ASCII, spaces among it.
        binary: whether to write the binary format, or else ASCII; they have the same ANDs in the same order.

    Returns:
        A file that `loads` reads as the same function with the same names: an AND for each gate, three for an XOR,
        none for constants, BUF and NOT, and a symbol for each input and output.

    Raises:
        ValueError: if a name cannot be written.

    >>> from circuits import parse
    >>> dumps(parse("y = ~(a & b)"), binary=False)
    b'aag 3 2 0 1 1\n2\n4\n7\n6 4 2\ni0 a\ni1 b\no0 y\n'
    """
    extension = ".aig" if binary else ".aag"
    for name in (*circuit.input_names, *circuit.output_names):
        if not is_legal(name):
            raise ValueError(f"dumps: {extension} cannot hold the name {name!r}: expected printable ASCII. Rename it.")
    n, ands, outputs = from_circuit(circuit)
    highest = n + len(ands)
    inputs, left = range(2, 2 * n + 1, 2), np.arange(2 * n + 2, 2 * highest + 1, 2)
    header = f"{extension[1:]} {highest} {n} 0 {len(outputs)} {len(ands)}\n"
    listed = [*([] if binary else inputs), *outputs.tolist()]
    text = header + "".join(f"{literal}\n" for literal in listed)
    if binary:
        body = ands_bytes(ands, n)
    else:
        rows = np.column_stack([left, ands])
        body = (b"%d %d %d\n" * len(rows)) % tuple(rows.ravel().tolist())
    symbols = [f"i{k} {name}\n" for k, name in enumerate(circuit.input_names)]
    symbols += [f"o{k} {name}\n" for k, name in enumerate(circuit.output_names)]
    return text.encode() + body + "".join(symbols).encode()
