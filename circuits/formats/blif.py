"""BLIF, the Berkeley Logic Interchange Format, read and written: nets driven by covers, and models of models.

University of California, Berkeley (1992), with the extensions of ABC and Yosys that are found in files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from circuits.builder import Builder
from circuits.covers import Cover, add_cover, kind_of
from circuits.errors import ParseError, cut_short, listed, warn
from circuits.formats.blif_dont_cares import drive_free_outputs
from circuits.formats.blif_models import Instance, Model, check_hierarchy, flatten, root_of
from circuits.formats.cell_functions import Function, add_function
from circuits.formats.cell_libraries import library_of
from circuits.formats.cells import Cell
from circuits.formats.gate_lists import Numbers
from circuits.formats.lines import numbered_lines
from circuits.formats.naming import names_of
from circuits.formats.nets import Nets, Registers, Undriven
from circuits.gates import BUF, essential
from circuits.netlist import Circuit

# Clocks, delays, loads and what Yosys knows of cells: they change nothing of the function.
_SKIPPED = {".clock", ".clock_event", ".cycle", ".latch_order", ".area", ".delay", ".wire", ".wire_load_slope"}
_SKIPPED |= {".input_arrival", ".output_required", ".default_input_arrival", ".default_output_required"}
_SKIPPED |= {".input_drive", ".output_load", ".max_input_load"}
_SKIPPED |= {".default_input_drive", ".default_output_load", ".default_max_input_load"}
_SKIPPED |= {".attr", ".param", ".cname"}
_REFUSED = {
    ".gate": "a cell of a library; library= names the genlib or Liberty file",
    ".mlatch": "a cell of a library, which is another file",
    ".search": "another file to read; put its models into this one",
    ".start_kiss": "a state machine, not a netlist",
    ".blackbox": "a model without a function",
}
_READ = [".model", ".inputs", ".outputs", ".names", ".subckt", ".latch", ".conn", ".exdc", ".end"]
# Yosys's constants; by default it declares them in each model.
_CONSTANTS = {"$true": True, "$false": False}
_UNDEFINED = "$undef"


def loads(
    text: str,
    source: str = "blif",
    *,
    model: str | None = None,
    registers: Registers = "refuse",
    cycles: int | None = None,
    undriven: Undriven = "refuse",
    dont_cares: Literal[0, 1] | None = None,
    exdc: Literal["warn", "ignore", "refuse"] = "warn",
    library: str | Path | Mapping[str, Cell] | None = None,
) -> Circuit:
    r"""Read a circuit from the text of a BLIF file.

    Read are .model, .inputs, .outputs, .names with the rows on which a net is 1, or those on which it is 0, .subckt of
    models in the same file, which is flattened, .gate of a library, .latch, Yosys's .conn, ABC's .barbuf, and .end,
    which may be missing. Lines of a model may come in any order; `#` begins a comment, and a backslash at its end
    continues a line. Clocks, delays, loads, .attr, .param and .cname are passed over. An inner net of a model that is
    used by others is net@1, net@2.

    Args:
        text: the whole file.
        source: its name, for errors.
        model: which one of several models; the one that no other uses if None.
        registers: "refuse" them, or "cut" them: a latch q becomes an input q, and its next state an output q_next.
            Clocks and initial values are left out then. "unroll" them as `circuits.unroll` does, with initial values
            0 and 1 as the file has them; 2 and 3, and none, are free.
        cycles: how many to unroll.
        undriven: "refuse" nets that are read and that nothing drives, give them the value 0 or 1, or make each an
            "input", after the declared ones.
        dont_cares: the value, 0 or 1, of the outputs at their don't-cares (.exdc), and on rows that have an x for an
            input or an output; such rows are refused if it is None, and so is a model with .exdc that others use if
            it is not.
        exdc: what to do with don't-cares (.exdc) that `dont_cares` gives no value: "warn" and "ignore" read what the
            file gives for the outputs there, "refuse" is an error.
        library: the cells of .gate, and of .subckt where the file has no such model: a genlib or Liberty file, or what
            `read_cells` returns.

    Returns:
        A circuit with one gate for each .names of up to two nets, and trees of AND and OR gates for the others.

    Raises:
        ParseError: with the line, if a line is none of these, a net is driven twice or not at all, or by itself
            through others, a cover is malformed or has rows of both values, several models are used by no other, a
            model is missing, lacks a net or uses itself, models of models come to more than `MOST_FLATTENED`
            characters, Yosys's $undef is read, there is a register to refuse, a cell that the library lacks, or what
            needs other files: .mlatch, .search.

    Source: University of California, Berkeley, Berkeley Logic Interchange Format (1992).

    >>> loads(".model xor\n.inputs a b\n.outputs y\n.names a b y\n10 1\n01 1\n.end")
    Circuit(2 inputs, 1 outputs, 1 gates)
    """
    if exdc not in ("warn", "ignore", "refuse"):
        raise ValueError(f"loads: expected exdc to be 'warn', 'ignore' or 'refuse', got {exdc!r}.")
    if dont_cares not in (None, 0, 1) or isinstance(dont_cares, (bool, float)):
        raise ValueError(f"loads: expected dont_cares to be 0, 1 or None, got {dont_cares!r}.")
    separator = _free_separator(text)
    cells = library_of("loads", library)
    nets = Nets(source, ".inputs {net}", ".names ... {net}", registers, ".outputs {net}", cycles, undriven=undriven)
    models = _Reader(text, source, exdc, nets.numbers, dont_cares=dont_cares, has_cells=bool(cells)).models
    if model is not None and model not in models:
        raise ParseError(f"there is no model {model!r}, expected one of {listed(models)}", source=source)
    top = root_of(models, source) if model is None else model
    if models[top].instances:
        check_hierarchy(top, models, nets, separator, cells)
    flatten(top, models, nets, separator, cells)
    if dont_cares is not None and models[top].dont_cares is not None:
        drive_free_outputs(models[top], dont_cares, nets, separator)
    if not nets.outputs and not nets.registers:
        raise nets.error("expected at least one net in .outputs, found none")
    return nets.circuit(_add)


def dumps(circuit: Circuit, model: str = "circuit") -> str:
    r"""Write a circuit as the text of a BLIF file: one .names per gate.

    Args:
        circuit: any circuit with outputs; its names have no spaces and no `#`, and do not end with a backslash.
        model: the name of the model.

    Returns:
        Text that `loads` reads as the same function with the same names, and that ABC and Yosys read.

    Raises:
        ValueError: if a name cannot be written, or there is no output.

    >>> from circuits import parse
    >>> print(dumps(parse("y = a ^ b")))
    .model circuit
    .inputs a b
    .outputs y
    .names a b y
    10 1
    01 1
    .end
    <BLANKLINE>
    """
    if not circuit.n_outputs:
        raise ValueError("dumps: .blif holds one output or more, got none.")
    if not is_legal(model):
        raise ValueError(f"dumps: .blif cannot hold the name {model!r} of the model. Rename it.")
    names, buffers = names_of(circuit, ".blif", is_legal)
    lines = [f".model {model}", _declared(".inputs", circuit.input_names), _declared(".outputs", circuit.output_names)]
    gates = zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True)
    for node, (table, fan_ins) in enumerate(gates, start=1 + circuit.n_inputs):
        table, operands = essential(table, *fan_ins)
        lines.append(" ".join([".names", *(str(names[n]) for n in operands), str(names[node])]))
        lines += _ROWS[table, len(operands)]
    for name, node in buffers:
        lines += [f".names {names[node]} {name}", "1 1"] if node else [f".names {name}"]
    return "\n".join([*lines, ".end", ""])


def _add(netlist: Builder, kind: Cover | Function, nodes: list[int]) -> int:
    if isinstance(kind, Function):
        return add_function(netlist, kind, nodes)
    return add_cover(netlist, kind, nodes)


def _rows(table: int, n: int) -> list[str]:
    """Return the rows on which a gate of n nets is 1."""
    on = [row for row in range(2**n) if table >> row & 1]
    return ["".join(str(row >> i & 1) for i in range(n)) + " 1" if n else "1" for row in on]


_ROWS = {(table, n): _rows(table, n) for table in range(16) for n in range(3)}


class _Reader:
    """Reads the models of a file, line by line."""

    def __init__(
        self,
        text: str,
        source: str,
        exdc: str,
        numbers: Numbers,
        *,
        dont_cares: int | None = None,
        has_cells: bool = False,
    ):
        self.source, self._exdc, self._dont_cares = source, exdc, dont_cares
        self._instances = (".subckt", ".gate") if has_cells else (".subckt",)
        self.models: dict[str, Model] = {}
        self._model: Model | None = None  # the one at hand; None after .end
        self._names: tuple[list[str], int] | None = None  # the words of the .names at hand
        self._rows: list[str] = []
        self._row_lines: list[int] = []
        self._covers: dict[tuple[int, tuple[str, ...]], Cover | int | bool] = {}  # most are among a few
        self._numbers = numbers  # of the nets of all models
        self._has_undefined = _UNDEFINED in text
        for number, line in _lines(text, source):
            if line[0] == ".":
                self._end_names()
                self._directive(line.split(), number)
            elif self._names is None:
                raise self._error(f"expected a line that begins with a dot, found {cut_short(line)!r}", number)
            else:
                self._rows.append(line)
                self._row_lines.append(number)
        self._end_names()
        if not self.models:
            raise ParseError("expected a .model, found none", source=source)
        for name in _CONSTANTS:
            if name in text:
                self._add_constant(name)

    def _error(self, message: str, line: int) -> ParseError:
        return ParseError(message, source=self.source, line=line)

    def _directive(self, words: list[str], number: int) -> None:
        kind = words[0]
        if kind == ".names" and self._model is not None:
            if len(words) == 1:
                raise self._error(".names takes the nets of a cover and the net that it drives, found none", number)
            self._names = words, number
            return
        if kind == ".model":
            self._start_model(words[1:], number)
            return
        if self._model is None:
            # A file may do without .model, but not once it has had one.
            if self.models:
                raise self._error(f"expected .model after .end, found {cut_short(' '.join(words))!r}", number)
            self._start_model([], number)
            self._directive(words, number)
            return
        words = words[1:]
        match kind:
            case ".inputs" | ".outputs":
                self._declare(kind, words, number)
            case _ if kind in self._instances:
                self._instance(words, number)
            case ".latch":
                if not 2 <= len(words) <= 5:
                    raise self._error(f".latch takes 2 to 5 words, found {len(words)}", number)
                self._check_read(words[:1], number)
                # A clock is two words, its edge and its net; an initial value comes last.
                value = words[-1] if len(words) in (3, 5) else ""
                initial = 0 if value == "0" else 1 if value == "1" else "free"
                self._at_hand.latches.append((words[1], words[0], number, initial))
            case ".conn" | ".barbuf":
                if len(words) != 2:
                    raise self._error(f"{kind} takes two nets, found {len(words)}", number)
                self._check_read(words[:1], number)
                net, fan_in = self._numbers[words[1]], self._numbers[words[0]]
                self._at_hand.gates.add(net, BUF, (fan_in,), number)
            case ".exdc":
                self._start_exdc(number)
            case ".end":
                self._model = None
            case _ if kind in _REFUSED:
                raise self._error(f"{kind} is refused: it is {_REFUSED[kind]}", number)
            case _ if kind not in _SKIPPED:
                raise self._error(f"unknown {cut_short(kind)!r}, expected one of {', '.join(_READ)}", number)

    @property
    def _at_hand(self) -> Model:
        assert self._model is not None
        return self._model

    def _start_model(self, words: list[str], number: int) -> None:
        if len(words) > 1:
            raise self._error(f".model takes one name, found {len(words)}", number)
        name = words[0] if words else ""
        if name in self.models:
            raise self._error(f"model {name!r} is there already", number)
        self._model = self.models[name] = Model()

    def _start_exdc(self, number: int) -> None:
        free = Model()  # read like any other, and left if it is to be ignored
        if self._dont_cares is not None:
            if self._at_hand.dont_cares is not None:
                raise self._error(".exdc is there already", number)
            self._at_hand.dont_cares = free.dont_cares = free  # its own too, so that a second .exdc is an error
            self._model = free
            return
        message = ".exdc gives don't-cares, and a circuit has none"
        if self._exdc == "refuse":
            said = f'{message}; exdc="ignore" reads the value that the file has there'
            raise self._error(f"{said}, dont_cares=0 or 1 chooses one", number)
        if self._exdc == "warn":
            said = f'{self.source}:{number}: {message}: they are ignored; exdc="ignore" says that this is meant'
            warn(f"{said}, dont_cares=0 or 1 gives them a value")
        self._model = free

    def _declare(self, kind: str, words: list[str], number: int) -> None:
        declared = self._at_hand.inputs if kind == ".inputs" else self._at_hand.outputs
        if kind == ".outputs":
            self._check_read(words, number)
        for net in words:
            if net in declared:
                raise self._error(f"{kind} {net} stands in line {declared[net]} already", number)
            declared[net] = number

    def _instance(self, words: list[str], number: int) -> None:
        if not words:
            raise self._error(".subckt takes a model and formal=actual for each of its nets, found none", number)
        nets = {}
        for word in words[1:]:
            formal, equals, actual = word.partition("=")
            if not formal or not equals:
                raise self._error(f"expected formal=actual, found {cut_short(word)!r}", number)
            if formal in nets:
                raise self._error(f"formal net {formal!r} is given twice", number)
            self._check_read([actual], number)
            if actual:  # `formal=` alone is not connected
                nets[formal] = actual
        self._at_hand.instances.append(Instance(words[0], nets, number))

    def _add_constant(self, name: str) -> None:
        """Drive a constant of Yosys in each model that does not do so."""
        for model in self.models.values():
            if name not in model.inputs and self._numbers[name] not in model.gates.nets:
                model.gates.add(self._numbers[name], _CONSTANTS[name], (), 0)

    def _end_names(self) -> None:
        """Keep the .names at hand, now that all its rows are there."""
        if self._names is None:
            return
        (_, *fan_ins, net), number = self._names[0], self._names[1]
        if self._has_undefined:
            self._check_read(fan_ins, number)
        key = (len(fan_ins), tuple(self._rows))
        if key not in self._covers:
            self._covers[key] = kind_of(self._cover(len(fan_ins)), len(fan_ins))
        numbers = self._numbers
        self._at_hand.gates.add(numbers[net], self._covers[key], map(numbers.__getitem__, fan_ins), number)
        self._names, self._rows, self._row_lines = None, [], []

    def _cover(self, n: int) -> Cover:
        cubes, free = [], []
        of_value = ""
        for row, number in zip(self._rows, self._row_lines, strict=True):
            *inputs, value = row.split()
            cube = inputs[0] if inputs else ""
            if len(inputs) != (n > 0) or len(cube) != n or cube.strip("01-x") or value not in ("0", "1", "x"):
                characters = f"{n} of the characters 0, 1, - and then " if n else ""
                raise self._error(f"expected {characters}0 or 1, found {cut_short(row)!r}", number)
            if "x" in row and self._dont_cares is None:
                raise self._error("x is a don't-care; dont_cares=0 or 1 chooses a value", number)
            (free if "x" in row else cubes).append(cube.replace("x", "-"))
            if of_value and value not in (of_value, "x"):
                raise self._error(f"a cover has rows of one value, found {value} after {of_value}", number)
            of_value = of_value if value == "x" else value
        on = of_value != "0"
        return Cover((*cubes, *(free if self._dont_cares == on else ())), on)

    def _check_read(self, words: list[str], number: int) -> None:
        if _UNDEFINED in words:
            raise self._error(f"net {_UNDEFINED!r} is read: Yosys has no value for it, expected another net", number)


def _lines(text: str, source: str) -> Iterator[tuple[int, str]]:
    """Return the lines that are not empty, with their numbers: without comments, and continued lines joined."""
    pieces, first = [], 0
    for number, line in numbered_lines(text):
        if line.endswith("\\"):
            first = first or number
            pieces.append(line[:-1])
            continue
        if first:
            pieces.append(line)
            number, line = first, " ".join(pieces).strip()
            pieces, first = [], 0
        if line:
            yield number, line
    if first:
        raise ParseError("expected a line after the backslash, found the end of the file", source=source, line=first)


def _free_separator(text: str) -> str:
    """Return a text to put before the number of an instance, so that no name of the file comes out."""
    return "@" * (1 + max(map(len, re.findall("@+", text)), default=0))


def _declared(kind: str, nets: Sequence[str]) -> str:
    return " \\\n".join(" ".join([kind] * (i == 0) + [*nets[i : i + 10]]) for i in range(0, max(1, len(nets)), 10))


def is_legal(name: str) -> bool:
    """Return whether a name can be written."""
    return (
        len(name.split()) == 1
        and name.split()[0] == name
        and "#" not in name
        and name[-1] != "\\"
        and name != _UNDEFINED
    )
