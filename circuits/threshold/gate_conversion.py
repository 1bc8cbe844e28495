"""Gates as threshold units, and threshold units as gates, both exactly.

`from_circuit` turns each gate into one unit, and an XOR into two. `to_circuit` turns units into gates, as N. Een and
N. Sorensson (2006) and I. Abio et al. (2012) do for SAT solvers.
"""

import bisect
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from circuits.builder import Builder
from circuits.gates import AND, NOT, OR, XNOR, XOR, flip
from circuits.library import add_columns
from circuits.netlist import Circuit, without_dead_gates
from circuits.threshold.threshold_circuits import ThresholdCircuit
from circuits.threshold.units import ThresholdUnit
from circuits.tracing import Bit
from jaxnet.networks.wiring import Wiring


class UnitsOfGates(NamedTuple):
    """A circuit as threshold units, and where its nodes went.

    Attributes:
        circuit: the units.
        places: `(nodes,)`, the node of `circuit` for each node of the netlist; -1 for the constant if it is not read.
    """

    circuit: ThresholdCircuit
    places: np.ndarray


def from_circuit(circuit: Circuit) -> ThresholdCircuit:
    """Turn a circuit into threshold units, gate by gate.

    A gate is one unit, an XOR or XNOR two, a constant that is read one.

    XOR is [a + b - 2 h >= 1] with h = [a + b >= 2]. Inverters and buffers are units too: nothing is merged.

    Args:
        circuit: any circuit.

    Returns:
        A threshold circuit with the same inputs, outputs and function.

    Source: M. Minsky and S. Papert, Perceptrons (1969), for what XOR needs.

    >>> from circuits.gates import XOR
    >>> from_circuit(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]))
    ThresholdCircuit(2 inputs, 1 outputs, 2 units)
    """
    return units_of_gates(circuit).circuit


def units_of_gates(circuit: Circuit) -> UnitsOfGates:
    """Turn a circuit into threshold units as `from_circuit` does, and say which unit is which gate.

    >>> from circuits.gates import XOR
    >>> units_of_gates(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"])).places
    array([-1,  0,  1,  3])
    """
    offsets, sources, weights, thresholds = [0], [], [], []

    def add(edges: list[tuple[int, int]], threshold: int) -> int:
        weights.extend(weight for weight, _ in edges)
        sources.extend(node for _, node in edges)
        offsets.append(len(sources))
        thresholds.append(threshold)
        return circuit.n_inputs + len(thresholds) - 1

    # The node of the wiring for each node of the netlist; a unit stands for the constant once it is read.
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
    units = ThresholdCircuit(wiring, weights, thresholds, circuit.input_names, circuit.output_names)
    return UnitsOfGates(units, np.array([-1 if node is None else node for node in nodes]))


def from_unit(unit: ThresholdUnit) -> ThresholdCircuit:
    """Turn a single threshold unit into a circuit of one unit.

    Args:
        unit: any unit.

    Returns:
        A circuit of one unit, with inputs x0, x1, ... and output y.

    >>> from circuits.threshold.units import at_least
    >>> from_unit(at_least(2, 3))
    ThresholdCircuit(3 inputs, 1 outputs, 1 units)
    """
    n = unit.n_inputs
    wiring = Wiring(n, [0, n], np.arange(n), [n])
    return ThresholdCircuit(wiring, unit.weights, [unit.threshold], [f"x{i}" for i in range(n)], ["y"])


def _smallest_units() -> dict[int, tuple[tuple[int, int], int]]:
    """Return the smallest weights and threshold of each gate that is one unit, by its truth table, found by trial."""
    units: dict[int, tuple[tuple[int, int], int]] = {}
    pairs = ((a, b) for a in (0, 1, -1) for b in (0, 1, -1))
    for weights in sorted(pairs, key=lambda pair: abs(pair[0]) + abs(pair[1])):
        for threshold in (0, 1, -1, 2):
            sums = (weights[0] * (row & 1) + weights[1] * (row >> 1) for row in range(4))
            table = sum((total >= threshold) << row for row, total in enumerate(sums))
            units.setdefault(table, (weights, threshold))
    return units


_UNITS = _smallest_units()


def to_circuit(circuit: ThresholdCircuit | Circuit, *, diagrams: bool = True) -> Circuit:
    """Turn a threshold circuit into two-input gates, exactly, so that it can be proved equal to others.

    Each unit becomes its reduced decision diagram over its inputs, by falling |w|, of at most two gates per node. If
    that takes more than 5 gates for each bit set in a weight, the unit becomes adders and a comparison with T instead,
    which take about that many. So a unit of n inputs and weights of k bits takes at most about 5 n k gates.

    Args:
        circuit: any threshold circuit; a `Circuit` is returned as it is.
        diagrams: whether units may become decision diagrams; if not, all of them become adders.

    Returns:
        A circuit with the same inputs, outputs and function; gates that no output needs are left out.

    Raises:
        TypeError: if it is neither.

    Source: I. Abio, R. Nieuwenhuis, A. Oliveras, E. Rodriguez-Carbonell and V. Mayer-Eichberger, A new look at BDDs for
    pseudo-Boolean constraints (2012), for the diagram; N. Een and N. Sorensson, Translating pseudo-Boolean constraints
    into SAT (2006), for the choice.

    >>> from circuits.threshold.units import at_least
    >>> to_circuit(from_unit(at_least(2, 3)))
    Circuit(3 inputs, 1 outputs, 4 gates)
    """
    if isinstance(circuit, Circuit):
        return circuit
    if not isinstance(circuit, ThresholdCircuit):
        raise TypeError(f"to_circuit: expected a ThresholdCircuit or a Circuit, got {type(circuit).__name__}.")
    weights, sources = circuit.weights.tolist(), circuit.wiring.sources.tolist()
    offsets = itertools.pairwise(circuit.wiring.offsets.tolist())
    units = (
        (zip(sources[start:end], weights[start:end], strict=True), threshold)
        for (start, end), threshold in zip(offsets, circuit.thresholds.tolist(), strict=True)
    )
    outputs = dict(zip(circuit.output_names, circuit.wiring.outputs.tolist(), strict=True))
    return gates_of_units(circuit.input_names, units, outputs, diagrams=diagrams)


def gates_of_units(
    input_names: Sequence[str],
    units: Iterable[tuple[Iterable[tuple[int, int]], int]],
    outputs: Mapping[str, int],
    *,
    diagrams: bool = True,
) -> Circuit:
    """Turn units that are listed one by one into gates, as `to_circuit` does, with integers of any size.

    Args:
        input_names: nodes 0..n-1, in this order.
        units: for each (node, weight) of what it reads, and its threshold; unit k is node n + k.
        outputs: by name, the node of each.
        diagrams: whether units may become decision diagrams.

    Returns:
        A circuit with these inputs and outputs; gates that no output needs are left out.

    >>> gates_of_units("ab", [([(0, 2**100), (1, 1)], 2**100)], {"y": 2})
    Circuit(2 inputs, 1 outputs, 0 gates)
    """
    netlist = Builder(input_names)
    nodes = list(netlist.inputs)
    inverses: dict[int, int] = {}
    constants = {0: False}
    for reads, threshold in units:
        # Python's integers, since T grows by the negative weights and may not fit int64.
        total: dict[int, int] = {}
        for source, weight in reads:
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
        elif diagrams and (diagram := _diagram(terms, threshold)) is not None:
            node = _add_diagram(netlist, terms, diagram)
        else:
            node = _add_sum(netlist, terms, threshold, inverses)
        nodes.append(node)
    return without_dead_gates(netlist.circuit({name: nodes[output] for name, output in outputs.items()}))


class _Term(NamedTuple):
    """A positive weight, times a node or its complement."""

    weight: int
    node: int
    inverted: bool


# The leaves of a diagram; a node is a term, and the nodes to go to where it is off and on.
_FALSE, _TRUE = 0, 1
_Diagram = list[tuple[int, int, int]]


def _diagram(terms: list[_Term], threshold: int) -> _Diagram | None:
    """Return the decision diagram of a unit that is not constant: nodes 2, 3, ..., each after those it reads.

    Returns None if it takes more than 5 gates for each bit set in a weight.
    """
    most = 5 * sum(term.weight.bit_count() for term in terms)
    # left[i] is the sum of the weights from term i on.
    left = list(itertools.accumulate((term.weight for term in reversed(terms)), initial=0))[::-1]
    # For each term, the intervals of thresholds that share a node: first, last, node.
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
    """Add the gates of a diagram; its functions rise with each term, so that a node is low | (term & high)."""

    def gate(table: int, a: tuple[int, bool], b: tuple[int, bool]) -> tuple[int, bool]:
        return netlist.gate(flip(table, a[1], b[1]), a[0], b[0]), False

    # Nodes, and whether they are inverted; the first two stand for the leaves and are not read.
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
    """Add the gates that sum the terms in binary and compare the sum with T > 0; inverters are made once."""
    columns: list[list[Bit]] = [[] for _ in range(terms[0].weight.bit_length())]
    for weight, node, inverted in terms:
        if inverted and node not in inverses:
            inverses[node] = netlist.gate(NOT, node)
        bit = Bit(netlist, inverses[node] if inverted else node)
        for place in range(weight.bit_length()):
            if weight >> place & 1:
                columns[place].append(bit)
    digits: list[Any] = add_columns(columns)
    # Digits below the lowest 1 of T do not matter. From there up: whether the sum reaches T in the digits so far.
    first = (threshold & -threshold).bit_length() - 1
    reached = digits[first]
    for place in range(first + 1, len(digits)):
        reached = digits[place] & reached if threshold >> place & 1 else digits[place] | reached
    return reached.node
