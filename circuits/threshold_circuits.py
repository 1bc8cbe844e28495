"""Loop-free circuits of threshold units: a `jaxnet.Wiring` with integer weights and thresholds, evaluated exactly.

`from_circuit` turns each gate of a netlist into one unit, and an XOR into two; `to_circuit` goes the other way.
"""

import bisect
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from circuits.library import add_columns
from circuits.netlist import AND, NOT, OR, XNOR, XOR, Builder, Circuit, check_names, depth, without_dead_gates
from circuits.simulation import as_bits, evaluate
from circuits.tracing import Bit
from circuits.units import ThresholdUnit, at_least
from jaxnet.validation import integers
from jaxnet.wiring import Wiring, levels

# Bytes of node values that are held at once; the rows of a larger evaluation are taken in blocks.
_LIVE_BYTES = 2**26


@dataclass(frozen=True, eq=False, repr=False)
class ThresholdCircuit:
    """A circuit of units [w.x >= T]: the twin of `Circuit`. Immutable.

    Attributes:
        wiring: what feeds what; node 0 is the first input.
        weights: `(edges,)` int64, read-only, in the order of `wiring.sources`.
        thresholds: `(units,)` int64, read-only.
        input_names: n names.
        output_names: m names.

    Raises:
        TypeError: if a weight or a threshold is no integer.
        ValueError: if shapes or numbers of names do not fit the wiring, or sum |w| + |T| of a unit reaches 2^62.

    Source: W. S. McCulloch and W. Pitts (1943); S. Muroga, Threshold Logic and Its Applications (1971).

    >>> xor = ThresholdCircuit(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]), [1, 1, 1, 1, -2], [2, 1], "ab", "y")
    >>> evaluate(xor, [[0, 0], [1, 0], [0, 1], [1, 1]]).T
    array([[False,  True,  True, False]])
    """

    wiring: Wiring
    weights: np.ndarray
    thresholds: np.ndarray
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]

    def __init__(
        self, wiring: Wiring, weights: Any, thresholds: Any, input_names: Iterable[str], output_names: Iterable[str]
    ):
        weights = integers("ThresholdCircuit", "weights", weights)
        thresholds = integers("ThresholdCircuit", "thresholds", thresholds)
        input_names, output_names = tuple(input_names), tuple(output_names)
        for name, value in (
            ("wiring", wiring),
            ("weights", weights),
            ("thresholds", thresholds),
            ("input_names", input_names),
            ("output_names", output_names),
        ):
            object.__setattr__(self, name, value)
        for what, expected, given in (
            ("weights, one an edge", (wiring.n_edges,), weights.shape),
            ("thresholds, one a unit", (wiring.n_units,), thresholds.shape),
            ("input names", (wiring.n_inputs,), (len(input_names),)),
            ("output names", (wiring.n_outputs,), (len(output_names),)),
        ):
            if expected != given:
                raise ValueError(f"ThresholdCircuit: expected {what}: {expected}, got {given}.")
        check_names("ThresholdCircuit", "input", input_names)
        check_names("ThresholdCircuit", "output", output_names)
        # In floating point, since the sum that is looked for may itself not fit; 2^62 leaves room for the rounding.
        magnitude = self.sums_of_weights(np.abs(weights.astype(float))) + np.abs(thresholds.astype(float))
        if magnitude.max(initial=0) >= 2**62:
            unit = int(magnitude.argmax())
            raise ValueError(
                f"ThresholdCircuit: unit {unit} has sum |w| + |T| near {magnitude[unit]:.3g}, expected below 2^62."
            )

    n_inputs = property(lambda self: self.wiring.n_inputs)
    n_outputs = property(lambda self: self.wiring.n_outputs)
    n_units = property(lambda self: self.wiring.n_units)

    def __repr__(self) -> str:
        return f"ThresholdCircuit({self.n_inputs} inputs, {self.n_outputs} outputs, {self.n_units} units)"

    def sums_of_weights(self, weights: np.ndarray) -> np.ndarray:
        """The sum over the fan-ins of each unit of one number an edge: `(edges,)` -> `(units,)`."""
        unit_of_edge = np.repeat(np.arange(self.n_units), np.diff(self.wiring.offsets))
        return np.bincount(unit_of_edge, weights, minlength=self.n_units)


@depth.register
def _(circuit: ThresholdCircuit) -> int:
    wiring = circuit.wiring
    level = levels(wiring.n_inputs, wiring.offsets, wiring.sources)
    return int(level[wiring.outputs].max(initial=0))


def from_circuit(circuit: Circuit) -> ThresholdCircuit:
    """A circuit as threshold units, gate by gate: one unit a gate, two an XOR or XNOR, one for a constant that is read.

    XOR is [a + b - 2 h >= 1] with h = [a + b >= 2]. Inverters and buffers are units too: nothing is merged.

    Args:
        circuit: any circuit.

    Returns:
        A threshold circuit with the same inputs, outputs and function.

    Source: M. Minsky and S. Papert, Perceptrons (1969), for what XOR needs.

    >>> from circuits.netlist import XOR
    >>> from_circuit(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]))
    ThresholdCircuit(2 inputs, 1 outputs, 2 units)
    """
    offsets, sources, weights, thresholds = [0], [], [], []

    def add(edges: list[tuple[int, int]], threshold: int) -> int:
        weights.extend(weight for weight, _ in edges)
        sources.extend(node for _, node in edges)
        offsets.append(len(sources))
        thresholds.append(threshold)
        return circuit.n_inputs + len(thresholds) - 1

    # From nodes of the netlist to nodes of the wiring, which has no constant: a unit makes it once it is read.
    nodes: list[int | None] = [None, *range(circuit.n_inputs)]

    def read(node: int) -> int:
        known = nodes[node]
        if known is None:
            known = nodes[node] = add([], 1)
        return known

    for table, fan_ins in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        if table in (XOR, XNOR):
            a, b = map(read, fan_ins)
            both = add([(1, a), (1, b)], 2)
            sign, threshold = (1, 1) if table == XOR else (-1, 0)
            nodes.append(add([(sign, a), (sign, b), (-2 * sign, both)], threshold))
        else:
            gate_weights, threshold = _UNITS[table]
            edges = [(w, read(node)) for w, node in zip(gate_weights, fan_ins, strict=True) if w]
            nodes.append(add(edges, threshold))
    outputs = [read(node) for node in circuit.outputs.tolist()]
    wiring = Wiring(circuit.n_inputs, offsets, sources, outputs)
    return ThresholdCircuit(wiring, weights, thresholds, circuit.input_names, circuit.output_names)


def to_circuit(circuit: ThresholdCircuit) -> Circuit:
    """A threshold circuit as two-input gates, exactly; what proves circuits equal can then be asked about it.

    Each unit is its reduced decision diagram over its inputs, by falling |w|, of at most two gates a node. Where that
    has more gates than 5 for each bit that is set in a weight, the unit is adders and a comparison with T instead,
    which have about so many; so a unit of n inputs and weights of k bits is at most about 5 n k gates.

    Args:
        circuit: any threshold circuit.

    Returns:
        A circuit with the same inputs, outputs and function; gates that no output needs are left out.

    Source: I. Abio, R. Nieuwenhuis, A. Oliveras, E. Rodriguez-Carbonell and V. Mayer-Eichberger, A new look at BDDs for
    pseudo-Boolean constraints (2012), for the diagram; N. Een and N. Sorensson, Translating pseudo-Boolean constraints
    into SAT (2006), for the choice.

    >>> to_circuit(from_unit(at_least(2, 3)))
    Circuit(3 inputs, 1 outputs, 4 gates)
    """
    netlist = Builder(circuit.input_names)
    nodes = list(netlist.inputs)
    inverses: dict[int, int] = {}
    constants = {0: False}
    weights, sources = circuit.weights.tolist(), circuit.wiring.sources.tolist()
    offsets = itertools.pairwise(circuit.wiring.offsets.tolist())
    for (start, end), threshold in zip(offsets, circuit.thresholds.tolist(), strict=True):
        # Python's integers, since T grows by the negative weights.
        total: dict[int, int] = {}
        for weight, source in zip(weights[start:end], sources[start:end], strict=True):
            node = nodes[source]
            if node in constants:
                threshold -= weight * constants[node]
            else:
                total[node] = total.get(node, 0) + weight
        # Where w < 0, w x is |w| (1 - x) - |w|.
        terms = sorted((_Term(abs(w), node, w < 0) for node, w in total.items() if w), reverse=True)
        threshold += sum(term.weight for term in terms if term.inverted)
        factor = math.gcd(*(term.weight for term in terms)) or 1
        terms = [term._replace(weight=term.weight // factor) for term in terms]
        threshold = -(-threshold // factor)
        always = threshold <= 0
        if always or threshold > sum(term.weight for term in terms):
            node = netlist.constant(always)
            constants[node] = always
        elif (diagram := _diagram(terms, threshold)) is not None:
            node = _add_diagram(netlist, terms, diagram)
        else:
            node = _add_sum(netlist, terms, threshold, inverses)
        nodes.append(node)
    outputs = [nodes[output] for output in circuit.wiring.outputs.tolist()]
    return without_dead_gates(netlist.circuit(dict(zip(circuit.output_names, outputs, strict=True))))


class _Term(NamedTuple):
    """A positive weight, times a node or its complement."""

    weight: int
    node: int
    inverted: bool


# The leaves of a diagram, and what its nodes are: the term, and the nodes where it is off and on.
_FALSE, _TRUE = 0, 1
_Diagram = list[tuple[int, int, int]]


def _diagram(terms: list[_Term], threshold: int) -> _Diagram | None:
    """The decision diagram of a unit that is not constant, its nodes 2, 3, ... after what they read, the root last.

    None where it has more gates than 5 for each bit set in a weight.
    """
    most = 5 * sum(term.weight.bit_count() for term in terms)
    # left[i]: the sum of the weights from term i on.
    left = list(itertools.accumulate((term.weight for term in reversed(terms)), initial=0))[::-1]
    # At each term, the thresholds of which each node is the function, which are an interval: first, last, node.
    found: list[list[tuple[float, float, int]]] = [[] for _ in terms]

    def known(i: int, t: int) -> tuple[float, float, int] | None:
        if t <= 0:
            return -math.inf, 0, _TRUE
        if t > left[i]:
            return left[i] + 1, math.inf, _FALSE
        place = bisect.bisect_right(found[i], t, key=lambda interval: interval[0]) - 1
        return found[i][place] if place >= 0 and t <= found[i][place][1] else None

    diagram: _Diagram = []
    gates = intervals = 0
    waiting = [(0, threshold)]  # depth first, without recursion
    while waiting:
        i, t = waiting[-1]
        weight = terms[i].weight
        if (low := known(i + 1, t)) is None:
            waiting.append((i + 1, t))
        elif (high := known(i + 1, t - weight)) is None:
            waiting.append((i + 1, t - weight))
        else:
            waiting.pop()
            node = low[2]
            if node != high[2]:
                diagram.append((i, node, high[2]))
                gates += (node != _FALSE) + (high[2] != _TRUE)
                node = len(diagram) + 1
            bisect.insort(found[i], (max(low[0], high[0] + weight), min(low[1], high[1] + weight), node))
            intervals += 1
            if gates > most or intervals > 2 * most:
                return None
    return diagram


def _add_diagram(netlist: Builder, terms: list[_Term], diagram: _Diagram) -> int:
    """The gates of a diagram; its functions rise with each term, so that a node is low | (term & high)."""

    def gate(table: int, a: tuple[int, bool], b: tuple[int, bool]) -> tuple[int, bool]:
        rows = [row ^ (a[1] + 2 * b[1]) for row in range(4)]  # of the table, where inverted bits are read as they are
        return netlist.gate(sum((table >> row & 1) << place for place, row in enumerate(rows)), a[0], b[0]), False

    # Nodes, and whether they are to be inverted; those of the leaves are not read.
    values = [(0, False), (0, False)]
    for i, low, high in diagram:
        value = terms[i].node, terms[i].inverted
        if high != _TRUE:
            value = gate(AND, value, values[high])
        if low != _FALSE:
            value = gate(OR, value, values[low])
        values.append(value)
    node, inverted = values[-1]
    return netlist.gate(NOT, node) if inverted else node


def _add_sum(netlist: Builder, terms: list[_Term], threshold: int, inverses: dict[int, int]) -> int:
    """The gates that add up the terms in binary and compare the sum with T > 0; inverters are made once."""
    columns: list[list[Bit]] = [[] for _ in range(terms[0].weight.bit_length())]
    for weight, node, inverted in terms:
        if inverted and node not in inverses:
            inverses[node] = netlist.gate(NOT, node)
        bit = Bit(netlist, inverses[node] if inverted else node)
        for place in range(weight.bit_length()):
            if weight >> place & 1:
                columns[place].append(bit)
    digits: list[Any] = add_columns(columns)
    # Digits below the lowest 1 of T do not matter. From there up: is the sum at least T, as far as these digits say?
    first = (threshold & -threshold).bit_length() - 1
    reached = digits[first]
    for place in range(first + 1, len(digits)):
        reached = digits[place] & reached if threshold >> place & 1 else digits[place] | reached
    return reached.node


def from_unit(unit: ThresholdUnit) -> ThresholdCircuit:
    """A single threshold unit as a circuit.

    Args:
        unit: any unit.

    Returns:
        A circuit of one unit, with inputs x0, x1, ... and output y.

    >>> from_unit(at_least(2, 3))
    ThresholdCircuit(3 inputs, 1 outputs, 1 units)
    """
    n = unit.n_inputs
    wiring = Wiring(n, [0, n], np.arange(n), [n])
    return ThresholdCircuit(wiring, unit.weights, [unit.threshold], [f"x{i}" for i in range(n)], ["y"])


def parity(n: int) -> ThresholdCircuit:
    """The exclusive or of n inputs in two layers of units.

    The hidden unit k fires where k or more inputs are on; with weights +1, -1, +1, ... they add up to 1 where the
    number of inputs that are on is odd, and to 0 elsewhere.

    Args:
        n: 1 or more; the circuit has n^2 + n edges.

    Returns:
        n + 1 units in depth 2. `parity(2)` is the XOR of the textbooks: OR, AND, and OR but not AND.

    Raises:
        ValueError: if n < 1.

    Source: M. Minsky and S. Papert, Perceptrons (1969); S. Muroga (1971).

    >>> evaluate(parity(3), [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]).T
    array([[False,  True, False,  True]])
    """
    unit = at_least(1, n)
    offsets = np.append(np.arange(n + 1) * n, n * n + n)
    sources = np.append(np.tile(np.arange(n), n), n + np.arange(n))
    weights = np.append(np.tile(unit.weights, n), (-1) ** np.arange(n))
    thresholds = np.append(np.arange(1, n + 1), 1)
    return ThresholdCircuit(
        Wiring(n, offsets, sources, [2 * n]), weights, thresholds, [f"x{i}" for i in range(n)], ["y"]
    )


@evaluate.register
def _(circuit: ThresholdCircuit, x: Any) -> np.ndarray:
    wiring, n = circuit.wiring, circuit.n_inputs
    bits = np.asarray(as_bits(x, n, circuit))
    patterns = bits.reshape(math.prod(bits.shape[:-1]), n)
    nodes = n + circuit.n_units
    # int64 sums by SciPy's sparse product, a level at a time, so that no unit is read before it is known.
    matrix = scipy.sparse.csr_array((circuit.weights, wiring.sources, wiring.offsets), shape=(circuit.n_units, nodes))
    level = levels(n, wiring.offsets, wiring.sources)[n:]
    order = np.argsort(level, kind="stable")
    layers = np.split(order, np.flatnonzero(np.diff(level[order])) + 1) if len(order) else []
    steps = [(units, matrix[units], circuit.thresholds[units, None]) for units in layers]
    y = np.zeros((len(patterns), circuit.n_outputs), bool)
    block = max(1, _LIVE_BYTES // (8 * max(1, nodes)))
    for start in range(0, len(patterns), block):
        rows = patterns[start : start + block]
        values = np.zeros((nodes, len(rows)), np.int64)
        values[:n] = rows.T
        for units, weights, thresholds in steps:
            values[n + units] = weights @ values >= thresholds
        y[start : start + block] = values[wiring.outputs].T
    return y.reshape(*bits.shape[:-1], circuit.n_outputs)


def _units_of_gates() -> dict[int, tuple[tuple[int, int], int]]:
    """Weights and threshold of each gate that is one unit, by its truth table: the smallest, by trying them all."""
    units: dict[int, tuple[tuple[int, int], int]] = {}
    pairs = ((a, b) for a in (0, 1, -1) for b in (0, 1, -1))
    for weights in sorted(pairs, key=lambda pair: abs(pair[0]) + abs(pair[1])):
        for threshold in (0, 1, -1, 2):
            sums = (weights[0] * (row & 1) + weights[1] * (row >> 1) for row in range(4))
            table = sum((total >= threshold) << row for row, total in enumerate(sums))
            units.setdefault(table, (weights, threshold))
    return units


_UNITS = _units_of_gates()
