"""The two forms of a layered network, dense matrices (eq. 7-8) and a graph of units (eq. 6), each made into the other.

A value that is read more than one layer further on is passed through the layers between by units that only repeat it.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnet.networks.activations import Activation, PerUnit, identity, per_unit
from jaxnet.networks.evaluation import Wired, wired
from jaxnet.networks.layers import mlp
from jaxnet.networks.network import Chain, Layer, Network, Structure, describe
from jaxnet.networks.units import Neuron
from jaxnet.networks.wiring import Wiring, levels, live_units
from jaxnet.pytrees import Params
from jaxnet.validation import ShapeError


def as_wired(network: Network, params: Params) -> tuple[Network, Neuron]:
    """Return a multilayer perceptron as a graph of units, with an edge for every weight, also those of zero.

    Args:
        network: made by `layer`, `mlp` or `chain` of them.
        params: its parameters; they may be traced.

    Returns:
        The same function as a `wired` network and its parameters, w `(edges,)` and b `(units,)`.

    Raises:
        TypeError: if a part of the network is not a layer.
        ShapeError: if the parameters do not fit.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 6-8.

    >>> net = mlp([2, 3, 1])
    >>> as_wired(net, net.init(jax.random.key(0)))[0]
    Network(Wiring(2 inputs, 4 units, 9 edges, 1 outputs) sigmoid)
    """
    layers = _layers(network.structure)
    arrays = [jnp.asarray(leaf) for leaf in jax.tree.leaves(params)]
    expected = [shape for part in layers for shape in ((part.n_outputs, part.n_inputs), (part.n_outputs,))]
    if [leaf.shape for leaf in arrays] != expected:
        raise ShapeError(f"as_wired: expected parameters {expected}, got {[leaf.shape for leaf in arrays]}.")
    wiring = Wiring.from_mlp([layers[0].n_inputs, *(part.n_outputs for part in layers)])
    activations = [sigma for part in layers for sigma in _of_units(part.activation, part.n_outputs)]
    w, b = (jnp.concatenate([leaf.reshape(-1) for leaf in arrays[start::2]]) for start in (0, 1))
    return wired(wiring, _common(activations)), Neuron(w, b)


def as_mlp(network: Network, params: Neuron) -> tuple[Network, tuple[Neuron, ...]]:
    """Return a graph of units as a multilayer perceptron, with units of the identity that pass values through layers.

    Units that no output depends on are left out. The matrices are dense: an entry for every pair of units, those that
    pass values included, of neighbouring layers.

    Args:
        network: made by `wired`.
        params: `Neuron(w, b)`, w `(edges,)`, b `(units,)`; they may be traced.

    Returns:
        The same function as an `mlp` and its parameters, one `Neuron(w, b)` per layer.

    Raises:
        TypeError: if the network was not made by `wired`.
        ValueError: if the graph has no inputs or no outputs.
        ShapeError: if the parameters do not fit.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 6-8.

    >>> xor = wired(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]))
    >>> net, params = as_mlp(xor, xor.init(jax.random.key(0)))
    >>> net
    Network(2 -> 3 per_unit(2 identity, 1 sigmoid) -> 1 sigmoid)
    """
    if not isinstance(network.structure, Wired):
        raise TypeError(f"as_mlp: expected a network made by jaxnet.wired, got {describe(network.structure)}.")
    wiring, activation = network.structure
    w, b = (jnp.asarray(p) for p in params)
    if (w.shape, b.shape) != ((wiring.n_edges,), (wiring.n_units,)):
        raise ShapeError(
            f"as_mlp: expected weights {(wiring.n_edges,)} and biases {(wiring.n_units,)} of {wiring}, "
            f"got {w.shape} and {b.shape}."
        )
    n, activations = wiring.n_inputs, _of_units(activation, wiring.n_units)
    if n == 0 or wiring.n_outputs == 0:
        raise ValueError(f"as_mlp: expected at least one input and one output, got {wiring}.")
    level = levels(n, wiring.offsets, wiring.sources)
    depth = max(1, int(level[wiring.outputs].max()))
    last = last_layers(wiring, level, depth)

    sizes, kinds, entries = [n], [], []
    before = np.arange(n)
    for place in range(1, depth + 1):
        nodes = wiring.outputs if place == depth else np.flatnonzero((level <= place) & (last >= place))
        column = np.full(len(level), -1)
        column[before] = np.arange(len(before))
        own = np.flatnonzero(level[nodes] == place)
        passed = np.flatnonzero(level[nodes] < place)
        units = nodes[own] - n
        wanted = [(row, wiring.offsets[unit], wiring.offsets[unit + 1]) for row, unit in zip(own, units, strict=True)]
        rows = np.array([row for row, start, end in wanted for _ in range(start, end)], int)
        edges = np.array([edge for _, start, end in wanted for edge in range(start, end)], int)
        entries.append(((rows, column[wiring.sources[edges]], edges), (passed, column[nodes[passed]]), (own, units)))
        kinds.append(_common([activations[v - n] if level[v] == place else identity for v in nodes.tolist()]))
        sizes.append(len(nodes))
        before = nodes

    @jax.jit  # else each operation would be compiled for each layer
    def layers(w: Array, b: Array) -> tuple[Neuron, ...]:
        return tuple(
            Neuron(
                jnp.zeros((m, k), w.dtype).at[rows, columns].add(w[edges]).at[passed].set(1),
                jnp.zeros((m,), b.dtype).at[own].set(b[units]),
            )
            for (k, m), ((rows, columns, edges), passed, (own, units)) in zip(
                itertools.pairwise(sizes), entries, strict=True
            )
        )

    return mlp(sizes, kinds, dtype=w.dtype), layers(w, b)


def last_layers(wiring: Wiring, level: np.ndarray, depth: int) -> np.ndarray:
    """Return the last layer in which each node is wanted, if each unit reads from the layer just before its own.

    Args:
        wiring: the graph.
        level: `(nodes,)`, the layer of each node, 0 for inputs.
        depth: the layer of the outputs.

    Returns:
        `(nodes,)`: `depth` for outputs, -1 for nodes that no output depends on.

    >>> last_layers(Wiring(2, [0, 2, 4], [0, 1, 0, 2], [3]), np.array([0, 0, 1, 2]), 2)
    array([1, 0, 1, 2])
    """
    last = np.full(len(level), -1)
    last[wiring.outputs] = depth
    readers = np.repeat(np.arange(wiring.n_units), np.diff(wiring.offsets))
    wanted = live_units(wiring)[readers]
    # A unit reads from the layer just before its own.
    np.maximum.at(last, wiring.sources[wanted], level[wiring.n_inputs + readers[wanted]] - 1)
    return last


def _layers(structure: Structure) -> list[Layer]:
    if isinstance(structure, Layer):
        return [structure]
    if isinstance(structure, Chain):
        return [part for inner in structure.parts for part in _layers(inner)]
    raise TypeError(f"as_wired: expected layers and chains of them, got {describe(structure)}.")


def _of_units(activation: Activation | PerUnit, n_units: int) -> list[Activation]:
    if isinstance(activation, PerUnit):
        return [activation.functions[kind] for kind in activation.kinds]
    return [activation] * n_units


def _common(activations: list[Activation]) -> Activation | PerUnit:
    return (
        activations[0]
        if activations and activations.count(activations[0]) == len(activations)
        else per_unit(activations)
    )
