"""The parameters that make sigmoids, tanhs, steps and rectifiers of integer units, and the units read from parameters.

A sigmoid adds up gain (w.v + 1/2 - T). A tanh is 2 h - 1 for such a sigmoid h of the double sum; so weights on inputs,
0 or 1, are halved, and weights on units, -1 or 1, are halved twice. Two rectifiers are a step on integers:
[s >= T] = relu(s - T + 1) - relu(s - T), and the second is left out where it is always 0.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.bridge.certificates import CertifiedUnit
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.networks.activations import identity, per_unit, relu, sigmoid, step, tanh
from jaxnet.networks.conversion import as_wired
from jaxnet.networks.evaluation import Wired, wired
from jaxnet.networks.network import Chain, Layer, Network
from jaxnet.networks.units import Neuron, pre_activation
from jaxnet.networks.wiring import Wiring
from jaxnet.pytrees import Params

NAMES: dict[Callable, str] = {step: "step", sigmoid: "sigmoid", tanh: "tanh", relu: "relu"}


class Rectifiers(NamedTuple):
    """The graph of rectifiers of a threshold circuit, with a unit of the identity for each output.

    Attributes:
        wiring: the graph.
        params: w `(edges,)` and b `(units,)`, float32.
        first: `(nodes,)`, for each node of the circuit its input, or the first of its rectifiers.
        second: `(nodes,)`, the second, -1 where there is none.
    """

    wiring: Wiring
    params: Neuron
    first: np.ndarray
    second: np.ndarray


def network_of(circuit: ThresholdCircuit, activation: Callable, gains: np.ndarray) -> tuple[Network, Neuron]:
    """Return a threshold circuit as a graph of units of another kind, and its parameters.

    Args:
        circuit: any threshold circuit.
        activation: one of `NAMES`.
        gains: `(units,)`; rectifiers have none.

    >>> from circuits.threshold.gate_conversion import from_unit
    >>> from circuits.threshold.units import and_
    >>> network_of(from_unit(and_(2)), tanh, np.array([8.0]))[1]
    Neuron(w=Array([4., 4.], dtype=float32), b=Array([-6.], dtype=float32))
    """
    if activation is relu:
        made = rectifiers(circuit)
        kinds = [relu] * (made.wiring.n_units - circuit.n_outputs) + [identity] * circuit.n_outputs
        return wired(made.wiring, per_unit(kinds) if kinds else relu), made.params
    gain_of_edge = np.repeat(gains, np.diff(circuit.wiring.offsets))
    w, b = gain_of_edge * circuit.weights, gains * (0.5 - circuit.thresholds)
    if activation is tanh:
        of_units = circuit.wiring.sources >= circuit.n_inputs
        w = np.where(of_units, w / 4, w / 2)
        b = b / 2 + circuit.sums_of_weights(np.where(of_units, w, 0))
    params = Neuron(*jax.device_put((w.astype(np.float32), b.astype(np.float32))))
    return wired(circuit.wiring, activation), params


def rectifiers(circuit: ThresholdCircuit) -> Rectifiers:
    """Return a threshold circuit as rectifiers.

    >>> from circuits.threshold.gate_conversion import from_unit
    >>> from circuits.threshold.units import and_, or_
    >>> rectifiers(from_unit(and_(2))).wiring, rectifiers(from_unit(or_(2))).wiring
    (Wiring(2 inputs, 2 units, 3 edges, 1 outputs), Wiring(2 inputs, 3 units, 6 edges, 1 outputs))
    """
    n = circuit.n_inputs
    first, second = list(range(n)), [-1] * n
    offsets, sources, weights, bias = [0], [], [], []

    def add(edges: list[tuple[int, int]], constant: int) -> int:
        for node, weight in edges:
            sources.append(first[node])
            weights.append(weight)
            if second[node] >= 0:
                sources.append(second[node])
                weights.append(-weight)
        offsets.append(len(sources))
        bias.append(constant)
        return n + len(bias) - 1

    ends, reads, w = circuit.wiring.offsets.tolist(), circuit.wiring.sources.tolist(), circuit.weights.tolist()
    for k, threshold in enumerate(circuit.thresholds.tolist()):
        edges = [(reads[edge], w[edge]) for edge in range(ends[k], ends[k + 1])]
        most = sum(weight for _, weight in edges if weight > 0)
        node = add(edges, 1 - threshold)
        other = add(edges, -threshold) if most > threshold else -1
        first.append(node)
        second.append(other)
    outputs = [add([(node, 1)], 0) for node in circuit.wiring.outputs.tolist()]
    params = Neuron(*jax.device_put((np.array(weights, np.float32), np.array(bias, np.float32))))
    return Rectifiers(Wiring(n, offsets, sources, outputs), params, np.array(first), np.array(second))


def node_values(
    circuit: ThresholdCircuit, activation: Callable, network: Network, params: Params, x: ArrayLike
) -> Array:
    """Return the value of every node of a circuit in a network that stands for it.

    Args:
        circuit: that the network was made from.
        activation: of its units.
        network: made by `network_of`, or by `as_mlp` of that.
        params: its parameters, or others of the same shapes.
        x: `(..., n)` floats.

    Returns:
        `(..., n + units)`; of a unit of two rectifiers their difference.
    """
    if isinstance(network.structure, Wired):
        wiring, functions = network.structure
        nodes = np.arange(wiring.n_inputs + wiring.n_units)
        everywhere = Wiring(wiring.n_inputs, wiring.offsets, wiring.sources, nodes)
        values = wired(everywhere, functions).apply(params, x)
    else:
        assert isinstance(network.structure, Chain)
        layers = [jnp.asarray(x)]
        for part, own in zip(network.structure.parts, params, strict=True):
            assert isinstance(part, Layer)
            layers.append(part.activation(pre_activation(own, layers[-1])))
        values = jnp.concatenate(layers, axis=-1)
    if activation is not relu:
        return values
    _, _, first, second = rectifiers(circuit)
    return values[..., first] - jnp.where(second >= 0, values[..., second], 0)


def certified_units(
    circuit: ThresholdCircuit, network: Network, params: Params, gains: np.ndarray
) -> list[CertifiedUnit]:
    """Return the units of a circuit beside the parameters that a network of steps, sigmoids or tanhs has for them.

    Args:
        circuit: whose units the network's are, one by one.
        network: made by `network_of`, or by `as_mlp` of that; a weight between units that the circuit does not join
            stands for an edge of weight 0.
        params: its parameters.
        gains: `(units,)`.
    """
    if not isinstance(network.structure, Wired):
        network, params = as_wired(network, params)
    assert isinstance(network.structure, Wired)
    wiring = network.structure.wiring
    # The bias is read from the same parameters as the weights; doubles hold float32 exactly.
    w, b = (np.asarray(leaf, np.float64).tolist() for leaf in params)
    gain = gains.tolist()
    own, given = _edges(circuit.wiring, circuit.weights.tolist()), _edges(wiring, w)
    units = []
    for k, threshold in enumerate(circuit.thresholds.tolist()):
        edges, reads = own[k], given[k]
        if wiring is not circuit.wiring:
            weights = dict(edges)
            reads = [(source, p) for source, p in reads if p or source in weights]
            edges = [(source, weights.get(source, 0)) for source, _ in reads]
        sources, integers = [source for source, _ in edges], [weight for _, weight in edges]
        units.append(CertifiedUnit(sources, integers, threshold, gain[k], [p for _, p in reads], b[k]))
    return units


def _edges(wiring: Wiring, values: list) -> list[list[tuple]]:
    """Return the (source, value) of the edges of each unit."""
    edges = list(zip(wiring.sources.tolist(), values, strict=True))
    return [edges[start:end] for start, end in itertools.pairwise(wiring.offsets.tolist())]
