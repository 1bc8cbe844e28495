"""Loop-free circuits of threshold units: a `jaxnet.Wiring` with integer weights and thresholds, evaluated exactly.

`from_circuit` turns each gate of a netlist into one unit, and an XOR into two; `circuits.expansion` goes the other way.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from circuits.netlist import XNOR, XOR, Circuit, check_names, depth
from circuits.simulation import as_bits, evaluate
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
