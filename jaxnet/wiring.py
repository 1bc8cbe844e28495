"""Loop-free graphs of units given as arrays (eq. 6 at scale): what feeds what is data, not code.

A `Wiring` is the graph alone. With float `(w, b)` on it `evaluate` runs it as a network; with integers on it
it is a threshold circuit (`circuits.ThresholdCircuit`). Compressed sparse rows, as in SciPy: edges sorted by unit.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.activations import Activation, sigmoid
from jaxnet.layers import Network
from jaxnet.units import Neuron
from jaxnet.validation import ShapeError, check_floating, integers


@dataclass(frozen=True, eq=False, repr=False)
class Wiring:
    """A loop-free graph: nodes 0..n-1 are the inputs, then come the units, each after all that feed it.

    Attributes:
        n_inputs: n.
        offsets: `(units + 1,)` int64; the edges of unit u are offsets[u]..offsets[u+1]-1. A unit may have none.
        sources: `(edges,)` int32; the node at the start of each edge.
        outputs: `(m,)` int32; the nodes that are read, in order; an input may be one.

    Raises:
        TypeError: if anything but integers is given.
        ValueError: if the offsets are not such, or a unit is fed by a node that does not come before it.

    Source: Y. Zhang (2019), eq. 6.

    >>> Wiring(2, offsets=[0, 2, 5], sources=[0, 1, 0, 1, 2], outputs=[3])       # an XOR in two units
    Wiring(2 inputs, 2 units, 5 edges, 1 outputs)
    """

    n_inputs: int
    offsets: np.ndarray
    sources: np.ndarray
    outputs: np.ndarray

    def __init__(self, n_inputs: int, offsets: Any, sources: Any, outputs: Any):
        for name, value, dtype in (
            ("offsets", offsets, np.int64),
            ("sources", sources, np.int32),
            ("outputs", outputs, np.int32),
        ):
            array = integers("Wiring", name, value, dtype)
            if array.ndim != 1:
                raise ValueError(f"Wiring: expected {name} with one axis, got shape {array.shape}.")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "n_inputs", int(integers("Wiring", "n_inputs", n_inputs)))
        _check(self)

    n_units = property(lambda self: len(self.offsets) - 1)
    n_edges = property(lambda self: len(self.sources))
    n_outputs = property(lambda self: len(self.outputs))

    def __repr__(self) -> str:
        return f"Wiring({self.n_inputs} inputs, {self.n_units} units, {self.n_edges} edges, {self.n_outputs} outputs)"


def levels(n_leaves: int, offsets: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """How many units lie on the longest path that ends in each node.

    Args:
        n_leaves: how many nodes come before the first unit.
        offsets: `(units + 1,)`, as in `Wiring`.
        sources: `(edges,)`, as in `Wiring`.

    Returns:
        `(leaves + units,)` int32: 0 for leaves, 1 or more for units.

    >>> levels(2, np.array([0, 2, 5]), np.array([0, 1, 0, 1, 2]))
    array([0, 0, 1, 2], dtype=int32)
    """
    level = [0] * n_leaves
    ends, feeds = offsets.tolist(), sources.tolist()
    for start, end in itertools.pairwise(ends):
        level.append(1 + max((level[node] for node in feeds[start:end]), default=0))
    return np.array(level, np.int32)


def evaluate(wiring: Wiring, params: Neuron, x: ArrayLike, activation: Activation = sigmoid) -> Array:
    """Run a loop-free graph of units, each sigma(sum_i w_i y_i + b) of the nodes that feed it.

    One unit after another in a compiled loop over all examples at once, in full precision on every device. Memory grows
    with units times the widest fan-in. The wiring is an argument of the compiled function: outside of jit, another
    wiring with as many units and inputs and the same widest fan-in compiles nothing.

    Args:
        wiring: the graph.
        params: `(w, b)` with w `(edges,)`, b `(units,)`.
        x: inputs `(..., n)`, floating.
        activation: the non-linearity of every unit.

    Returns:
        `(..., m)`: the values of the nodes in `wiring.outputs`.

    Raises:
        ShapeError: if w, b or x do not fit the wiring.
        TypeError: if w or x is not floating.

    Source: Y. Zhang (2019), eq. 6.

    >>> from jaxnet.activations import step
    >>> xor = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])
    >>> params = Neuron(w=jnp.array([1.0, 1.0, 1.0, 1.0, -2.0]), b=jnp.array([-1.5, -0.5]))
    >>> evaluate(xor, params, jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), step).T
    Array([[0., 1., 1., 0.]], dtype=float32)
    """
    w, b = (jnp.asarray(p) for p in params)
    x = jnp.asarray(x)
    check_floating(w, x)
    if w.shape != (wiring.n_edges,) or b.shape != (wiring.n_units,):
        raise ShapeError(
            f"evaluate: expected weights {(wiring.n_edges,)} and biases {(wiring.n_units,)}, one an edge and one a "
            f"unit of {wiring}, got {w.shape} and {b.shape}."
        )
    if x.ndim == 0 or x.shape[-1] != wiring.n_inputs:
        raise ShapeError(f"evaluate: expected inputs (..., {wiring.n_inputs}) for {wiring}, got {x.shape}.")
    dtype = jnp.result_type(w, b, x)
    w, b, x = w.astype(dtype), b.astype(dtype), x.astype(dtype)
    edges, sources = _padded(wiring)
    # Padding is an edge of weight 0 from a node of value 0, the last of each.
    weights = jnp.append(w, jnp.zeros((1,), w.dtype))[edges]
    patterns = x.reshape(math.prod(x.shape[:-1]), wiring.n_inputs)
    y = _forward(sources, wiring.outputs, weights, b, patterns.T, activation)
    return y.T.reshape(*x.shape[:-1], wiring.n_outputs)


def wired(wiring: Wiring, activation: Activation = sigmoid) -> Network:
    """A wiring as a `Network`, to train or to compose like any other.

    Args:
        wiring: the graph.
        activation: the non-linearity of every unit.

    Returns:
        A `Network` with parameters `Neuron(w, b)`, w `(edges,)` and b `(units,)`; `init` draws the weights of a unit
        with variance 1 / fan-in and starts biases at zero.

    Source: Y. Zhang (2019), eq. 6; Y. LeCun and others, Efficient BackProp (1998), for the initialisation.

    >>> net = wired(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]))
    >>> net.apply(net.init(jax.random.key(0)), jnp.zeros((4, 2))).shape
    (4, 1)
    """

    def init(key: Array) -> Neuron:
        fan_in = np.diff(wiring.offsets)
        scale = jnp.asarray(1 / np.sqrt(np.repeat(fan_in, fan_in)), float)
        return Neuron(scale * jax.random.normal(key, (wiring.n_edges,), float), jnp.zeros((wiring.n_units,), float))

    return Network(init, lambda params, x: evaluate(wiring, params, x, activation), wiring)


@functools.partial(jax.jit, static_argnames="activation")
def _forward(sources: Array, outputs: Array, weights: Array, b: Array, x: Array, activation: Activation) -> Array:
    """Node-major: x `(n, batch)`, sources and weights `(units, widest)`, result `(m, batch)`."""
    n_inputs, batch = x.shape
    values = jnp.concatenate([x, jnp.zeros((len(sources) + 1, batch), x.dtype)])

    def unit(values: Array, edges: Sequence[Array]) -> tuple[Array, None]:
        node, fed_by, w, bias = edges
        # Multiply and add, not a dot: no device lowers the precision of it.
        z = jnp.sum(w[:, None] * values[fed_by], axis=0) + bias
        return values.at[node].set(activation(z).astype(values.dtype)), None

    nodes = n_inputs + jnp.arange(len(sources))
    values, _ = jax.lax.scan(unit, values, (nodes, sources, weights, b))
    return values[outputs]


def _padded(wiring: Wiring) -> tuple[np.ndarray, np.ndarray]:
    """Edge numbers and source nodes as `(units, widest)`, padded with one edge and one node past the last."""
    fan_in = np.diff(wiring.offsets)
    place = np.arange(fan_in.max(initial=0))
    edges = np.where(place < fan_in[:, None], wiring.offsets[:-1, None] + place, wiring.n_edges)
    return edges.astype(np.int32), np.append(wiring.sources, np.int32(wiring.n_inputs + wiring.n_units))[edges]


def _check(wiring: Wiring) -> None:
    n, offsets, sources = wiring.n_inputs, wiring.offsets, wiring.sources
    if n < 0:
        raise ValueError(f"Wiring: expected a number of inputs, got {n}.")
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(sources) or (np.diff(offsets) < 0).any():
        raise ValueError(f"Wiring: expected offsets that rise from 0 to the {len(sources)} edges, got {offsets}.")
    unit_of_edge = np.repeat(np.arange(wiring.n_units), np.diff(offsets))
    wrong = np.flatnonzero((sources < 0) | (sources >= n + unit_of_edge))
    if wrong.size:
        unit, node = unit_of_edge[wrong[0]], sources[wrong[0]]
        raise ValueError(
            f"Wiring: unit {unit} (node {n + unit}) is fed by node {node}, expected one of 0..{n + unit - 1}: "
            "a unit comes after all that feed it."
        )
    nodes = n + wiring.n_units
    if ((wiring.outputs < 0) | (wiring.outputs >= nodes)).any():
        raise ValueError(f"Wiring: expected outputs among the nodes 0..{nodes - 1}, got {wiring.outputs}.")
