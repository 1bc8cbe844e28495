"""A network of threshold units that changes: what each unit reads, and who reads it.

`ThresholdCircuit` is for keeps; this is what the steps of mapping work on, unit by unit.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from circuits.mapping.cuts import LEAVES, Cuts
from circuits.netlist import Circuit
from circuits.threshold.recognition import recognise
from circuits.threshold.threshold_circuits import ThresholdCircuit, of_units


class Unit(NamedTuple):
    """[sum of weights over the nodes that are on >= threshold].

    Attributes:
        weights: by node, none of them 0.
        threshold: an integer.
    """

    weights: Mapping[int, int]
    threshold: int

    def fires(self, values: Mapping[int, np.ndarray], rows: int) -> np.ndarray:
        """Return where the unit is on, bool `(rows,)`, given the values of the nodes it reads."""
        total = np.zeros(rows, np.int64)
        for source, weight in self.weights.items():
            total += weight * values[source]
        return total >= self.threshold

    def inverted(self) -> "Unit":
        """Return the unit of the complement."""
        return Unit({node: -weight for node, weight in self.weights.items()}, 1 - self.threshold)


def reduced(weights: Mapping[int, int], threshold: int) -> Unit:
    """Return a unit of the same function without weights of 0 and without a common factor.

    >>> reduced({0: 2, 1: 4, 2: 0}, 3)
    Unit(weights={0: 1, 1: 2}, threshold=2)
    """
    kept = {node: weight for node, weight in weights.items() if weight}
    factor = math.gcd(*kept.values()) or 1
    if factor > 1:
        kept = {node: weight // factor for node, weight in kept.items()}
        threshold = -(-threshold // factor)
    return Unit(kept, threshold)


class UnitNetwork:
    """Units by node; nodes below `n_inputs` are inputs, and numbers say nothing about the order of units.

    Attributes:
        units: by node.
        readers: by node, the units that read it.
        outputs: the node of each output.
        changes: how often a unit was changed so far.
        last_change: by node, the number of the last change of its unit or its readers.
    """

    def __init__(self, input_names: Iterable[str], output_names: Iterable[str]):
        self.input_names, self.output_names = tuple(input_names), tuple(output_names)
        self.n_inputs = len(self.input_names)
        self.units: dict[int, Unit] = {}
        self.readers: dict[int, set[int]] = {node: set() for node in range(self.n_inputs)}
        self.outputs: list[int] = []
        self.next_node = self.n_inputs
        self.changes = 0
        self.last_change: dict[int, int] = {}

    def add(self, unit: Unit) -> int:
        """Add a unit and return its node."""
        node = self.next_node
        self.next_node += 1
        self.readers[node] = set()
        self.units[node] = Unit({}, 0)
        self.change(node, unit)
        return node

    def change(self, node: int, unit: Unit) -> None:
        """Give a node another unit. What nobody reads any more stays until `drop`."""
        old = self.units[node].weights
        for source in old:
            self.readers[source].discard(node)
        self.units[node] = unit
        for source in unit.weights:
            self.readers[source].add(node)
        self._note([node, *old, *unit.weights])

    def drop(self, nodes: Iterable[int]) -> None:
        """Remove those of the nodes that nobody reads, and what only they read."""
        waiting, outputs = list(nodes), set(self.outputs)
        while waiting:
            node = waiting.pop()
            if node in self.units and not self.readers[node] and node not in outputs:
                sources = self.units[node].weights
                for source in sources:
                    self.readers[source].discard(node)
                waiting += sources
                del self.units[node], self.readers[node]
                self._note([node, *sources])

    def _note(self, nodes: Iterable[int]) -> None:
        self.changes += 1
        self.last_change.update(dict.fromkeys(nodes, self.changes))

    def order(self) -> list[int]:
        """Return the units that outputs need, each after those it reads."""
        order: list[int] = []
        state: dict[int, bool] = {}
        stack = list(reversed(self.outputs))
        while stack:
            node = stack[-1]
            if node < self.n_inputs or state.get(node):
                stack.pop()
            elif node in state:
                stack.pop()
                state[node] = True
                order.append(node)
            else:
                state[node] = False
                stack += [source for source in self.units[node].weights if source not in state]
        return order

    def order_within(self, leaves: Iterable[int], nodes: Iterable[int]) -> list[int]:
        """Return nodes and all between them and the leaves, each after those it reads."""
        order: list[int] = []
        done, stack = set(leaves), list(nodes)
        while stack:
            top = stack[-1]
            below = [] if top in done else [source for source in self.units[top].weights if source not in done]
            if below:
                stack += below
                continue
            stack.pop()
            if top not in done:
                done.add(top)
                order.append(top)
        return order

    def circuit(self) -> ThresholdCircuit:
        """Return the units that outputs need as a threshold circuit."""
        order = self.order()
        place = {node: node for node in range(self.n_inputs)}
        place |= {node: self.n_inputs + k for k, node in enumerate(order)}
        units = []
        for node in order:
            weights, threshold = self.units[node]
            units.append(({place[source]: weight for source, weight in weights.items()}, threshold))
        outputs = {name: place[node] for name, node in zip(self.output_names, self.outputs, strict=True)}
        return of_units(self.input_names, units, outputs)


def of_threshold_circuit(circuit: ThresholdCircuit) -> UnitNetwork:
    """Return a network of the units of a threshold circuit, those of equal structure once.

    >>> from circuits.threshold.constructions import full_adder
    >>> len(of_threshold_circuit(full_adder()).units)
    2
    """
    network = UnitNetwork(circuit.input_names, circuit.output_names)
    wiring = circuit.wiring
    for k in range(circuit.n_units):
        edges = slice(wiring.offsets[k], wiring.offsets[k + 1])
        weights = dict(zip(wiring.sources[edges].tolist(), circuit.weights[edges].tolist(), strict=True))
        network.add(reduced(weights, int(circuit.thresholds[k])))
    network.outputs = wiring.outputs.tolist()
    share_equal(network)
    return network


def of_cover(circuit: Circuit, cuts: Cuts, chosen: Mapping[int, int]) -> UnitNetwork:
    """Return the units of a cover; a parity becomes a chain.

    Args:
        circuit: what the cuts are of.
        cuts: as from `enumerate_cuts`.
        chosen: as from `cover`.

    Returns:
        A `UnitNetwork` of the same inputs and outputs.
    """
    network = UnitNetwork(circuit.input_names, circuit.output_names)
    nodes = list(chosen)
    tables = np.array([cuts.tables[node, place] for node, place in chosen.items()], np.uint64)
    leaves = [
        [leaf for leaf in cuts.leaves[node, place].tolist() if leaf < circuit.n_nodes] for node, place in chosen.items()
    ]
    found = recognise(tables, LEAVES)
    # The node of the network for each node of the circuit that is read.
    place = {1 + i: i for i in range(circuit.n_inputs)}
    for k, (node, sources) in enumerate(zip(nodes, leaves, strict=True)):
        sources = [place[leaf] for leaf in sources]
        if found.found[k]:
            weights = dict(zip(sources, found.weights[k].tolist(), strict=False))
            place[node] = network.add(reduced(weights, int(found.thresholds[k])))
        else:
            place[node] = parity(network, sources, bool(int(tables[k]) & 1))
    if 0 in circuit.outputs:
        place[0] = network.add(Unit({}, 1))
    network.outputs = [place[node] for node in circuit.outputs.tolist()]
    share_equal(network)
    return network


def parity(network: UnitNetwork, sources: list[int], inverted: bool) -> int:
    """Add the bits of how many nodes are on, highest first, and return the lowest, or its complement.

    The last unit reads all the others: W. H. Kautz (1961).

    >>> network = UnitNetwork("abcd", ["y"])
    >>> parity(network, [0, 1, 2, 3], False), len(network.units)
    (6, 3)
    """
    weights = dict.fromkeys(sources, 1)
    for bit in reversed(range(1, len(sources).bit_length())):
        weights = {**weights, network.add(Unit(weights, 1 << bit)): -(1 << bit)}
    last = Unit(weights, 1)
    return network.add(last.inverted() if inverted else last)


def share_equal(network: UnitNetwork) -> None:
    """Let units of equal structure be one, and complements of one another too where no output reads the second."""
    known: dict[tuple[tuple[tuple[int, int], ...], int], int] = {}
    outputs = set(network.outputs)
    replaced: dict[int, int] = {}
    for node in network.order():
        unit = network.units[node]
        key = tuple(sorted(unit.weights.items())), unit.threshold
        other = known.get(key)
        if other is not None:
            replaced[node] = other
            substitute(network, node, other, False)
            continue
        inverse = unit.inverted()
        other = known.get((tuple(sorted(inverse.weights.items())), inverse.threshold))
        if other is not None and node not in outputs:
            substitute(network, node, other, True)
            network.drop([node])
            continue
        known[key] = node
    network.outputs = [replaced.get(node, node) for node in network.outputs]
    network.drop(replaced)


def substitute(network: UnitNetwork, node: int, other: int, inverted: bool) -> None:
    """Let all readers of a node read another one instead, which is equal to it or its complement."""
    for reader in list(network.readers[node]):
        weights, threshold = network.units[reader]
        weights = dict(weights)
        weight = weights.pop(node)
        if inverted:
            threshold, weight = threshold - weight, -weight
        weights[other] = weights.get(other, 0) + weight
        network.change(reader, reduced(weights, threshold))
