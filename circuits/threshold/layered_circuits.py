"""Threshold circuits in layers: units that repeat a value pass it on, so that each layer reads only the one before.

The form of a multilayer perceptron: Y. Zhang, Introduction to Neural Networks (2019), eq. 7-8.
"""

import itertools
from typing import NamedTuple

import numpy as np

from circuits.threshold.threshold_circuits import ThresholdCircuit, of_units
from jaxnet.networks.conversion import last_layers
from jaxnet.networks.wiring import levels


class LayeredCircuit(NamedTuple):
    """A circuit in layers.

    Attributes:
        circuit: its units are in the order of their layers; the last layer is the outputs, in their order.
        sizes: of the layers, inputs first.
        places: for each node of the circuit that it was made from its node here, -1 for one that no output depends on.
    """

    circuit: ThresholdCircuit
    sizes: list[int]
    places: np.ndarray


def in_layers(circuit: ThresholdCircuit) -> LayeredCircuit:
    """Return a circuit with the same function, in which each unit reads the layer just before its own.

    A value that is read further on is repeated by a unit [v >= 1] in each layer between. Units that no output depends
    on are left out, and every output has a unit of its own in the last layer.

    Args:
        circuit: with at least one input and one output.

    Raises:
        ValueError: if it has no input or no output.

    Source: Y. Zhang (2019), eq. 7-8.

    >>> from circuits.threshold.symmetric_functions import parity
    >>> in_layers(parity(3, "skips")).sizes         # a unit, and three that repeat the inputs
    [3, 4, 1]
    """
    if circuit.n_inputs == 0 or circuit.n_outputs == 0:
        raise ValueError(f"in_layers: expected at least one input and one output, got {circuit}.")
    circuit = _with_merged_edges(circuit)
    wiring, n = circuit.wiring, circuit.n_inputs
    level = levels(n, wiring.offsets, wiring.sources)
    depth = max(1, int(level[wiring.outputs].max()))
    last = last_layers(wiring, level, depth)
    offsets, sources, weights = wiring.offsets.tolist(), wiring.sources.tolist(), circuit.weights.tolist()
    thresholds, units, sizes = circuit.thresholds.tolist(), [], [n]
    places = np.concatenate([np.arange(n), np.full(circuit.n_units, -1)])
    # Where each value stands in the layer before.
    before = dict(enumerate(range(n)))
    for place in range(1, depth + 1):
        nodes = wiring.outputs if place == depth else np.flatnonzero((level <= place) & (last >= place))
        now: dict[int, int] = {}
        for node in nodes.tolist():
            own = n + len(units)
            if level[node] == place and node >= n:
                edges = range(offsets[node - n], offsets[node - n + 1])
                units.append(({before[sources[edge]]: weights[edge] for edge in edges}, thresholds[node - n]))
            else:
                units.append(({before[node]: 1}, 1))
            if places[node] < 0:
                places[node] = own
            now[node] = own
        sizes.append(len(nodes))
        before = now
    outputs = {name: n + len(units) - circuit.n_outputs + k for k, name in enumerate(circuit.output_names)}
    return LayeredCircuit(of_units(circuit.input_names, units, outputs), sizes, places)


def _with_merged_edges(circuit: ThresholdCircuit) -> ThresholdCircuit:
    """Return a circuit without edges of weight 0, and with one edge for several from a node, so that all are wanted."""
    wiring, units = circuit.wiring, []
    sources, weights = wiring.sources.tolist(), circuit.weights.tolist()
    for (start, end), threshold in zip(
        itertools.pairwise(wiring.offsets.tolist()), circuit.thresholds.tolist(), strict=True
    ):
        terms: dict[int, int] = {}
        for source, weight in zip(sources[start:end], weights[start:end], strict=True):
            terms[source] = terms.get(source, 0) + weight
        units.append((terms, threshold))
    outputs = dict(zip(circuit.output_names, wiring.outputs.tolist(), strict=True))
    return of_units(circuit.input_names, units, outputs)
