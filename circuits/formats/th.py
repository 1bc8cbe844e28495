"""The .th text of threABC: a network of threshold units [w.x >= T], read and written.

N.-Z. Lee, H.-Y. Kuo, Y.-H. Lai and J.-H. R. Jiang, Analytic approaches to the collapse operation and equivalence
verification of threshold logic circuits (ICCAD 2016).
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from circuits.errors import cut_short
from circuits.formats.lines import unix_line_ends
from circuits.formats.naming import free_prefix
from circuits.formats.nets import Nets
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.networks.wiring import Wiring

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DECLARATIONS = {kind: kind for kind in (".model", ".input", ".output", ".end")}
_DECLARATIONS |= {".inputs": ".input", ".outputs": ".output"}
# How many words follow; any number of names follows the others.
_WORDS = {".model": 1, ".end": 0}
# threABC's name of the constant true, which is declared nowhere.
_TRUE = "CONST1"
# Below the 2^62 of ThresholdCircuit, which adds up in floating point, by more than what that rounds.
_LARGEST_SUM = 2**62 - 2**40


def loads(text: str, source: str = "th") -> ThresholdCircuit:
    r"""Read a threshold circuit from the text of a .th file.

    The first line is a title, which is not read. Then come `.model name`, `.input` and `.output` with names, and for
    each unit two lines: `.threshold`, the names of its fan-ins and its own, and below it their weights and T. Units
    come in any order. `CONST1` is the constant true; `.end` may stand at the end.

    Args:
        text: the whole file.
        source: its name, for errors.

    Returns:
        A threshold circuit with a unit per unit of the file, each after its fan-ins.

    Raises:
        ParseError: with the line, if a line is none of these, a number is no integer, weights and T are too many, too
            few or too large (sum |w| + |T| is below 2^62), a unit has two drivers or none or feeds itself, or an
            output is an input, which threABC reads as another node.

    >>> loads("an AND\n.model and\n.input a b\n.output y\n.threshold a b y\n1 1 2")
    ThresholdCircuit(2 inputs, 1 outputs, 1 units)
    """
    nets = Nets(source, ".input {net}", ".threshold ... {net}", output_as=".output {net}")
    lines = unix_line_ends(text).split("\n")
    if lines[0].lstrip().startswith("."):
        raise nets.error(f"expected a title in the first line, which is not read, found {cut_short(lines[0])!r}", 1)
    _read(((number, line.split()) for number, line in enumerate(lines, start=1) if number > 1 and line.strip()), nets)
    for net, line in nets.outputs.items():
        if net in nets.inputs:
            raise nets.error(f"output {net!r} is an input: expected a unit of its own, such as one of weight 1", line)

    offsets, sources, weights, thresholds = [0], [], [], []

    def add(unit: list[int], nodes: list[int]) -> int:
        sources.extend(nodes)
        weights.extend(unit[:-1])
        thresholds.append(unit[-1])
        offsets.append(len(sources))
        return len(nets.inputs) + len(thresholds) - 1

    outputs = nets.resolve(range(len(nets.inputs)), add)
    lists = (np.array(numbers, np.int64) for numbers in (offsets, sources, list(outputs.values())))
    wiring = Wiring(len(nets.inputs), *lists)
    return ThresholdCircuit(wiring, weights, thresholds, nets.inputs, outputs)


def _read(statements: Iterator[tuple[int, list[str]]], nets: Nets) -> None:
    """Declare all that the lines after the title declare."""
    declared: dict[str, int] = {}
    for number, (keyword, *names) in statements:
        if ".end" in declared:
            raise nets.error(f"expected nothing after .end, found {cut_short(keyword)!r}", number)
        if keyword == ".threshold":
            _read_unit(names, number, statements, nets)
            continue
        if keyword not in _DECLARATIONS:
            expected = ".model, .input, .output, .threshold or .end"
            raise nets.error(f"expected {expected}, found {cut_short(keyword)!r}", number)
        kind = _DECLARATIONS[keyword]
        if kind in declared:
            raise nets.error(f"{kind} stands in line {declared[kind]} already", number)
        declared[kind] = number
        if kind in _WORDS and len(names) != _WORDS[kind]:
            raise nets.error(f"words after {kind}: expected {_WORDS[kind]}, found {len(names)}", number)
        for name in () if kind in _WORDS else names:
            _check_name(name, number, nets)
            (nets.input if kind == ".input" else nets.output)(name, number)
    for kind in (".model", ".input", ".output"):
        if kind not in declared:
            raise nets.error(f"expected a line {kind}, found none")


def _read_unit(names: list[str], number: int, statements: Iterator[tuple[int, list[str]]], nets: Nets) -> None:
    """Declare a unit, whose weights are the next statement."""
    if not names:
        raise nets.error("expected .threshold, the fan-ins and the name of a unit, found no name", number)
    *fan_ins, net = names
    _check_name(net, number, nets)
    for name in fan_ins:
        if name != _TRUE:
            _check_name(name, number, nets)
        elif not nets.is_driven(_TRUE):
            nets.drive(_TRUE, [0], (), number)
    line, words = next(statements, (None, []))
    if line is None:
        raise nets.error(f"expected a line of weights and a threshold below unit {net!r}, found the end", number)
    for word in words:
        if not _INTEGER.fullmatch(word):
            raise nets.error(f"expected an integer of at most 19 digits, found {cut_short(word)!r}", line)
    if len(words) != len(names):
        expected = f"{len(fan_ins)} weights and a threshold for unit {net!r}"
        raise nets.error(f"expected {expected}, found {len(words)} numbers", line)
    unit = [int(word) for word in words]
    if sum(map(abs, unit)) >= _LARGEST_SUM:
        raise nets.error(f"unit {net!r} has sum |w| + |T| = {sum(map(abs, unit))}, expected below 2^62", line)
    nets.drive(net, unit, fan_ins, number)


def dumps(circuit: ThresholdCircuit) -> str:
    r"""Write a threshold circuit as the text of a .th file.

    Args:
        circuit: any threshold circuit; its names have no spaces, do not begin with a dot, and are not `CONST1`.

    Returns:
        Text that `loads` reads as the same function with the same names. As threABC wants it, the units of the outputs
        come first, and have one fan-in: a unit [x >= 1] is added for each output that has more.

    Raises:
        ValueError: if a name cannot be written, or an output has the name of an input.

    >>> from circuits import from_unit
    >>> from circuits.threshold.units import majority
    >>> print(dumps(from_unit(majority(3))), end="")
    Written by circuits: threshold units, w.x >= T
    .model circuit
    .input x0 x1 x2
    .output y
    .threshold n3 y
    1 1
    .threshold x0 x1 x2 n3
    1 1 1 2
    .end
    """
    n, offsets, sources = circuit.n_inputs, circuit.wiring.offsets.tolist(), circuit.wiring.sources.tolist()
    outputs = circuit.wiring.outputs.tolist()
    for name in (*circuit.input_names, *circuit.output_names):
        if not _legal(name):
            raise ValueError(f"dumps: .th cannot hold the name {name!r}. Rename it.")
    for name in set(circuit.input_names).intersection(circuit.output_names):
        raise ValueError(f"dumps: .th cannot hold output {name!r}, which has the name of an input. Rename it.")
    prefix = free_prefix([*circuit.input_names, *circuit.output_names])
    names = [*circuit.input_names, *(f"{prefix}{node}" for node in range(n, n + circuit.n_units))]

    def unit(name: str, fan_ins: Sequence[int], numbers: Sequence[int]) -> str:
        return " ".join([".threshold", *(names[node] for node in fan_ins), name]) + "\n" + " ".join(map(str, numbers))

    units = []
    for (start, end), threshold in zip(itertools.pairwise(offsets), circuit.thresholds.tolist(), strict=True):
        units.append((sources[start:end], [*circuit.weights[start:end].tolist(), threshold]))
    # Units that are read by nothing but one output, and have one fan-in, are that output's own.
    reads = Counter([*sources, *outputs])
    own = {node for node in outputs if node >= n and reads[node] == 1 and len(units[node - n][0]) == 1}
    lines = ["Written by circuits: threshold units, w.x >= T", ".model circuit"]
    lines += [" ".join([".input", *circuit.input_names]), " ".join([".output", *circuit.output_names])]
    for name, node in zip(circuit.output_names, outputs, strict=True):
        lines.append(unit(name, *units[node - n]) if node in own else unit(name, [node], [1, 1]))
    lines += [unit(names[n + i], *units[i]) for i in range(circuit.n_units) if n + i not in own]
    return "".join(f"{line}\n" for line in [*lines, ".end"])


def _legal(name: str) -> bool:
    return name.split() == [name] and not name.startswith(".") and name != _TRUE


def _check_name(name: str, line: int, nets: Nets) -> None:
    if not _legal(name):
        raise nets.error(f"expected a name that does not begin with a dot and is not {_TRUE}, found {name!r}", line)
