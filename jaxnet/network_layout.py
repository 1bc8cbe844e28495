"""Where the units of a network stand in a picture: columns by level, an order in each, and curves past other units.

The order is by barycentres (K. Sugiyama and others, Methods for visual understanding of hierarchical system structures,
1981); inputs keep theirs.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnet.networks.activations import PerUnit, name_of
from jaxnet.networks.composition import Dag
from jaxnet.networks.evaluation import Wired, evaluate
from jaxnet.networks.network import Chain, Layer, Network, Structure, describe
from jaxnet.networks.wiring import Wiring
from jaxnet.pytrees import Params

RADIUS = 0.32  # of a unit, where neighbours in a column are 1 apart
_COLUMN, _STEEPEST = 3.0, 0.4  # from one column to the next: at least so far, and in the height of the highest
_GAP = 0.5  # between units of different parts
_SWEEPS = 8
_BENDS = (0.0, 0.7, -0.7, 1.4, -1.4, 2.1, -2.1, 2.8, -2.8, 3.5, -3.5)


@dataclass
class UnitGraph:
    """The units of a network and what they read; nodes are inputs, then units, each after all that it reads.

    Attributes:
        level: of each node, 0 for inputs.
        part: of each node the name of the node of a dag that it belongs to, or "".
        activation: of each node the name of its non-linearity, "" for inputs.
        bias: of each node, 0 for inputs.
        value: of each node what it gives, if asked for.
        delta: of each node the derivative of the loss by its pre-activation, if asked for; NaN for inputs.
        edges: source, target and weight of each.
        outputs: the nodes that are read.
    """

    level: list[int] = field(default_factory=list)
    part: list[str] = field(default_factory=list)
    activation: list[str] = field(default_factory=list)
    bias: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    delta: list[float] = field(default_factory=list)
    edges: list[tuple[int, int, float]] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    @property
    def n_nodes(self) -> int:
        """How many inputs and units there are."""
        return len(self.level)

    def add(self, part: str, activation: str, bias: float, delta: float, reads: Mapping[int, float]) -> int:
        """Add a unit that reads nodes with weights; return its number."""
        self.level.append(1 + max((self.level[source] for source in reads), default=0))
        self.part.append(part)
        self.activation.append(activation)
        self.bias.append(bias)
        self.delta.append(delta)
        node = self.n_nodes - 1
        self.edges += [(source, node, weight) for source, weight in reads.items()]
        return node


def unit_graph(where: str, network: Network, params: Params, x: Any = None, slopes: Params = None) -> UnitGraph:
    """Return the units of a network.

    Args:
        where: named in errors.
        network: made by `layer`, `mlp`, `chain`, `wired` and `dag`.
        params: its parameters.
        x: `(n,)`, an example whose values are kept; None for none.
        slopes: the gradient of a loss of that example, in which the derivative by a bias is the delta of its unit.

    Raises:
        TypeError: if a part of the network is of another kind.

    >>> import jax
    >>> from jaxnet.networks.layers import mlp
    >>> net = mlp([2, 3, 1])
    >>> unit_graph("draw_network", net, net.init(jax.random.key(0))).level
    [0, 0, 1, 1, 1, 2]
    """
    n = int(getattr(network.structure, "n_inputs", 0) or 0)
    graph = UnitGraph([0] * n, [""] * n, [""] * n, [0.0] * n, [], [np.nan] * n)
    if x is not None:
        graph.value = np.asarray(x, float).tolist()
    graph.outputs = _grow(where, graph, network.structure, params, slopes, list(range(n)), x, "")[0]
    return graph


def _grow(
    where: str,
    graph: UnitGraph,
    structure: Structure,
    params: Params,
    slopes: Params,
    nodes: list[int],
    x: Any,
    part: str,
) -> tuple[list[int], Any]:
    """Add the units of a structure that reads some nodes, of values x; return the nodes and values that it gives."""
    if isinstance(structure, Chain):
        for i, (inner, p) in enumerate(zip(structure.parts, params, strict=True)):
            nodes, x = _grow(where, graph, inner, p, None if slopes is None else slopes[i], nodes, x, part)
        return nodes, x
    if isinstance(structure, Dag):
        return _grow_dag(where, graph, structure, params, slopes, nodes, x, part)
    if isinstance(structure, Layer | Wired):
        return _grow_units(graph, structure, params, slopes, nodes, x, part)
    raise TypeError(
        f"{where}: expected a network made of jaxnet.layer, mlp, chain, wired and dag, got {describe(structure)}."
    )


def _grow_dag(
    where: str, graph: UnitGraph, structure: Dag, params: Params, slopes: Params, nodes: list[int], x: Any, part: str
) -> tuple[list[int], Any]:
    given, start = {}, 0
    for name, size in structure.inputs:
        given[name] = nodes[start : start + size], None if x is None else x[start : start + size]
        start += size
    for name, inner, reads in structure.nodes:
        own = None if slopes is None else slopes[name]
        joined = _joined([given[source] for source in reads])
        given[name] = _grow(where, graph, inner, params[name], own, *joined, f"{part}.{name}" if part else name)
    return _joined([given[name] for name in structure.outputs])


def _grow_units(
    graph: UnitGraph, structure: Layer | Wired, params: Params, slopes: Params, nodes: list[int], x: Any, part: str
) -> tuple[list[int], Any]:
    wiring = structure.wiring if isinstance(structure, Wired) else _dense(structure)
    w, b = (np.asarray(leaf, float).ravel() for leaf in params)
    deltas = np.full(len(b), np.nan) if slopes is None else np.asarray(slopes[1], float)
    activation, n = structure.activation, wiring.n_inputs
    names = [name_of(activation)] * len(b)
    if isinstance(activation, PerUnit):
        names = [name_of(activation.functions[kind]) for kind in activation.kinds]
    known = list(nodes)
    for unit, (first, last) in enumerate(itertools.pairwise(wiring.offsets)):
        weights: dict[int, float] = {}
        for edge in range(first, last):
            source = known[wiring.sources[edge]]
            weights[source] = weights.get(source, 0.0) + float(w[edge])
        known.append(graph.add(part, names[unit], float(b[unit]), float(deltas[unit]), weights))
    y = None
    if x is not None:
        y = jnp.concatenate([jnp.asarray(x), _values(structure, wiring, params, x)])
        graph.value += np.asarray(y[n:], float).tolist()
        y = y[wiring.outputs]
    return [known[node] for node in wiring.outputs.tolist()], y


def _joined(given: list[tuple[list[int], Any]]) -> tuple[list[int], Any]:
    nodes = [node for some, _ in given for node in some]
    return nodes, None if given[0][1] is None else jnp.concatenate([jnp.asarray(x) for _, x in given])


def _dense(structure: Layer) -> Wiring:
    n, m = structure.n_inputs, structure.n_outputs
    return Wiring(n, np.arange(m + 1) * n, np.tile(np.arange(n), m), np.arange(n, n + m))


def _values(structure: Layer | Wired, wiring: Wiring, params: Params, x: Any) -> Any:
    """Return the values of all units."""
    if isinstance(structure, Layer):
        return structure.activation(jnp.asarray(x) @ jnp.asarray(params[0]).T + jnp.asarray(params[1]))
    every = Wiring(wiring.n_inputs, wiring.offsets, wiring.sources, np.arange(wiring.n_units) + wiring.n_inputs)
    return evaluate(every, params, x, structure.activation)


def places(graph: UnitGraph) -> np.ndarray:
    """Return where each node stands, so that lines cross little.

    Args:
        graph: of a network.

    Returns:
        `(nodes, 2)`: columns of inputs and levels from left to right, each centred at 0.

    >>> import jax
    >>> from jaxnet.networks.layers import mlp
    >>> net = mlp([2, 1])
    >>> places(unit_graph("here", net, net.init(jax.random.key(0)))).tolist()
    [[0.0, 0.5], [0.0, -0.5], [3.0, 0.0]]
    """
    level = np.array(graph.level)
    columns = [np.flatnonzero(level == i).tolist() for i in range(level.max(initial=0) + 1)]
    near: list[list[int]] = [[] for _ in level]
    for source, target, _ in graph.edges:
        near[source].append(target)
        near[target].append(source)
    y = np.zeros(len(level))
    _centre(y, columns[0], graph.part)
    for sweep in range(_SWEEPS):
        for column in columns[1:]:
            others = [[node for node in near[unit] if sweep or level[node] < level[unit]] for unit in column]
            wish = {unit: float(np.mean(y[of])) if of else 0.0 for unit, of in zip(column, others, strict=True)}
            of_part = {
                part: np.mean([wish[unit] for unit in column if graph.part[unit] == part])
                for part in {graph.part[unit] for unit in column}
            }
            # Units of one part stay together; equal wishes leave the order as it is.
            column.sort(key=lambda unit: (-of_part[graph.part[unit]], graph.part[unit], -round(wish[unit], 6)))
            _centre(y, column, graph.part)
    width = max(_COLUMN, _STEEPEST * max(map(len, columns)))
    return np.stack([width * level, y], axis=1)


def _centre(y: np.ndarray, column: list[int], part: list[str]) -> None:
    gaps = [1 + _GAP * (part[a] != part[b]) for a, b in itertools.pairwise(column)]
    down = np.cumsum([0, *gaps])
    y[column] = down[-1] / 2 - down[: len(column)]


def curve(start: np.ndarray, end: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the control points of a quadratic curve that passes by other units, as far as it can.

    Args:
        start: `(2,)`.
        end: `(2,)`.
        others: `(k, 2)`, the centres of units.

    Returns:
        `(3, 2)`: start, control point, end.

    >>> curve(np.array([0.0, 0.0]), np.array([6.0, 0.0]), np.array([[3.0, 0.0]])).tolist()
    [[0.0, 0.0], [3.0, 1.4], [6.0, 0.0]]
    """
    between = others[(others[:, 0] > start[0] + RADIUS) & (others[:, 0] < end[0] - RADIUS)]
    t = np.linspace(0, 1, 41)[:, None]
    best, most = None, -1.0
    for bend in _BENDS:
        control = (start + end) / 2 + [0, bend]
        points = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
        gaps = np.linalg.norm(points[:, None] - between, axis=2)
        free = float(gaps.min()) if gaps.size else np.inf
        if best is None or free > most:
            best, most = np.stack([start, control, end]), free
        if free > 1.4 * RADIUS:
            break
    assert best is not None
    return best
