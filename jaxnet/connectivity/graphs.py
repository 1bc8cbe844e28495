"""Graphs of networks: which nodes are connected, read from a wiring, weights, a matrix, pairs or networkx.

A `Graph` may have cycles, unlike a `Wiring`. It is simple, with no edge twice and none from a node to itself, since
degrees, densities and rich clubs are defined on simple graphs.
"""

import importlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from jaxnet.networks.units import Neuron
from jaxnet.networks.wiring import Wiring
from jaxnet.pytrees import Params
from jaxnet.validation import ShapeError, integers, whole_number, written


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A simple graph: nodes 0..n-1 and the edges between them, directed or not.

    Edges are kept sorted, and those of an undirected graph from the smaller node to the larger: the order in which they
    are given does not matter.

    Args:
        n_nodes: n, at most 2^31 - 1.
        edges: `(E, 2)` integers, each row a source and a target.
        directed: whether an edge has a direction.
        names: one for each node, hashable and distinct; if None, the nodes are called 0..n-1.
        simplify: whether to count repeated edges as one and to leave out edges from a node to itself; if not, they
            are refused.

    Attributes:
        n_nodes: n.
        edges: `(E, 2)` int32.
        directed: whether an edge has a direction.
        names: a tuple of n names, or None.

    Raises:
        TypeError: if `n_nodes` or nodes are not integers.
        ShapeError: if the edges are not `(E, 2)`.
        ValueError: if an edge has an unknown node, comes twice, or leads from a node to itself; if names are not
            distinct, or not as many as nodes; if `n_nodes` is out of range.

    >>> Graph(3, [(0, 1), (1, 2), (2, 0)])
    Graph(3 nodes, 3 directed edges)
    """

    n_nodes: int
    edges: np.ndarray
    directed: bool
    names: tuple[Hashable, ...] | None

    def __init__(
        self,
        n_nodes: int,
        edges: Any,
        *,
        directed: bool = True,
        names: Iterable[Hashable] | None = None,
        simplify: bool = False,
    ):
        n = whole_number("Graph", "n_nodes", n_nodes, 0, 2**31 - 1)
        array = integers("Graph", "edges", edges, np.int32)
        if array.size == 0:
            array = array.reshape(0, 2)
        if array.ndim != 2 or array.shape[1] != 2:
            raise ShapeError(
                f"Graph: expected edges (E, 2), a source and a target each, got {array.shape}. "
                "For an adjacency matrix use Graph.from_adjacency."
            )
        names = None if names is None else tuple(names)
        if names is not None and len(names) != n:
            raise ValueError(f"Graph: expected {n} names, one per node, got {len(names)}.")
        if names is not None and len(set(names)) < n:
            twice = next(name for place, name in enumerate(names) if name in names[:place])
            raise ValueError(f"Graph: expected distinct names, got {twice!r} twice.")
        for name, value in (("n_nodes", n), ("directed", bool(directed)), ("names", names)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "edges", self._simple(array, simplify))

    @property
    def n_edges(self) -> int:
        """The number of edges, E."""
        return len(self.edges)

    def __repr__(self) -> str:
        return f"Graph({self.n_nodes} nodes, {self.n_edges} {'' if self.directed else 'un'}directed edges)"

    def _simple(self, edges: np.ndarray, simplify: bool) -> np.ndarray:
        """Return the edges sorted and each once; refuse, or simplify, what is not simple."""
        unknown = ((edges < 0) | (edges >= self.n_nodes)).any(axis=1)
        if unknown.any():
            row = int(np.argmax(unknown))
            raise ValueError(
                f"Graph: edge {row} is {tuple(edges[row].tolist())}, expected nodes among 0..{self.n_nodes - 1}."
            )
        loops = edges[:, 0] == edges[:, 1]
        if loops.any() and not simplify:
            node = self.name(int(edges[np.argmax(loops), 0]))
            raise ValueError(
                f"Graph: expected edges between two nodes, got one from {node} to itself. "
                "Leave it out, or pass simplify=True."
            )
        edges = edges[~loops]
        first, second = (edges[:, 0], edges[:, 1]) if self.directed else (edges.min(axis=1), edges.max(axis=1))
        keys = first.astype(np.int64) * self.n_nodes + second
        if (keys[1:] <= keys[:-1]).any():
            keys.sort()
            again = keys[1:] == keys[:-1]
            if again.any() and not simplify:
                source, target = (self.name(int(node)) for node in divmod(keys[np.argmax(again)], self.n_nodes))
                arrow = "->" if self.directed else "-"
                raise ValueError(
                    f"Graph: expected each edge once, got {source} {arrow} {target} more than once. "
                    "Leave one out, or pass simplify=True to count them as one."
                )
            keys = keys[np.append(True, ~again)]
        simple = np.stack(np.divmod(keys, max(1, self.n_nodes)), axis=1).astype(np.int32)
        simple.flags.writeable = False
        return simple

    def name(self, node: SupportsIndex) -> Hashable:
        """Return the name of a node: its number if the graph has no names.

        Raises:
            TypeError: if the node is not a whole number.
            ValueError: if the graph has no such node.

        >>> Graph(2, [(0, 1)], names=["AVAL", "AVAR"]).name(1)
        'AVAR'
        """
        number = whole_number("Graph.name", "node", node, 0, self.n_nodes - 1)
        return number if self.names is None else self.names[number]

    def undirected(self) -> "Graph":
        """Return the graph without directions: two nodes are connected if an edge leads either way between them.

        >>> Graph(3, [(0, 1), (1, 0), (1, 2)]).undirected()
        Graph(3 nodes, 2 undirected edges)
        """
        return Graph(self.n_nodes, self.edges, directed=False, names=self.names, simplify=True)

    @classmethod
    def from_wiring(
        cls, wiring: Wiring, params: Neuron | None = None, threshold: float = 0.0, **options: Any
    ) -> "Graph":
        """Return the graph of a wiring: its nodes, inputs first, and an edge from each node to each unit that reads it.

        Args:
            wiring: the wiring; which nodes are outputs does not matter here.
            params: `(w, b)` on it, w `(edges,)`; if given, only edges with |w| > `threshold` count.
            threshold: of the weights, 0 or more.
            options: `names` and `simplify`, as in `Graph`. A wiring may have an edge twice; with `simplify` it counts
                once, if any of its weights is above the threshold.

        Returns:
            A directed graph.

        Raises:
            ShapeError: if the weights do not fit the wiring.
            ValueError: if a weight is NaN, and for the reasons of `Graph`.

        >>> Graph.from_wiring(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])).edges.tolist()
        [[0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
        """
        fan_ins = np.diff(wiring.offsets)
        targets = wiring.n_inputs + np.repeat(np.arange(len(fan_ins)), fan_ins)
        edges = np.stack([wiring.sources, targets], axis=1)
        if params is not None:
            w = np.asarray(params[0])
            if w.shape != wiring.sources.shape:
                raise ShapeError(
                    f"Graph.from_wiring: expected weights {wiring.sources.shape}, one per edge, got {w.shape}."
                )
            edges = edges[_connects("Graph.from_wiring", w, threshold)]
        return cls(wiring.n_inputs + len(fan_ins), edges, **options)

    @classmethod
    def from_weights(cls, params: Params, threshold: float = 0.0, **options: Any) -> "Graph":
        """Return the graph of an MLP: an edge for each weight that is not zero, or larger than a threshold.

        Args:
            params: the parameters of `jaxnet.layer`, `jaxnet.mlp` or a `jaxnet.chain` of them: a pair `(w, b)` with w
                `(m, n)` per layer, in tuples or lists, nested or not.
            threshold: an edge counts if |w| > threshold; 0 or more.
            options: `names`, as in `Graph`.

        Returns:
            A directed graph: nodes 0..n-1 are the inputs, then the units of each layer.

        Raises:
            TypeError: if the parameters are something else.
            ShapeError: if the inputs of a layer are not as many as the units of the one before it.
            ValueError: if a weight is NaN.

        >>> xor = (Neuron(np.array([[1.0, 1.0], [1.0, 1.0]]), np.zeros(2)),
        ...        Neuron(np.array([[1.0, -1.0]]), np.zeros(1)))
        >>> Graph.from_weights(xor)
        Graph(5 nodes, 6 directed edges)
        """
        layers = list(_layers(params))
        if not layers:
            raise TypeError("Graph.from_weights: expected at least one layer, got none.")
        edges, first = [], 0
        for place, w in enumerate(layers, start=1):
            if place > 1 and w.shape[1] != layers[place - 2].shape[0]:
                n_units = layers[place - 2].shape[0]
                raise ShapeError(
                    f"Graph.from_weights: expected {n_units} inputs in layer {place}, one for each unit of layer "
                    f"{place - 1}, got weights {w.shape}, for {w.shape[1]} inputs."
                )
            units, inputs = np.nonzero(_connects(f"Graph.from_weights: layer {place}", w, threshold))
            edges.append(np.stack([first + inputs, first + w.shape[1] + units], axis=1))
            first += w.shape[1]
        return cls(first + layers[-1].shape[0], np.concatenate(edges), **options)

    @classmethod
    def from_adjacency(cls, matrix: Any, threshold: float = 0.0, *, directed: bool = True, **options: Any) -> "Graph":
        """Return the graph of an adjacency matrix, with A[i, j] for the edge from i to j.

        The rows of the weights of a recurrent layer are targets: give their transpose.

        Args:
            matrix: `(n, n)`, an array or a sparse matrix or array of SciPy; Boolean or numbers.
            threshold: an edge counts if |A[i, j]| > threshold; 0 or more.
            directed: if false, the edges must be the same in both directions.
            options: `names` and `simplify`, as in `Graph`.

        Returns:
            A graph.

        Raises:
            ShapeError: if the matrix is not square.
            ValueError: if an entry is NaN, or the edges of an undirected graph have directions; and for the reasons of
                `Graph`.

        >>> Graph.from_adjacency([[0, 1], [1, 0]], directed=False)
        Graph(2 nodes, 1 undirected edges)
        """
        where = "Graph.from_adjacency"
        import scipy.sparse  # here, since it takes a tenth of a second

        array = matrix if scipy.sparse.issparse(matrix) else np.asarray(matrix)
        if array.ndim != 2 or array.shape[0] != array.shape[1]:
            raise ShapeError(f"{where}: expected a square matrix, got shape {array.shape}.")
        if scipy.sparse.issparse(matrix):
            rows, columns, weights = scipy.sparse.find(matrix)
            connected = _connects(where, weights, threshold)
            rows, columns = rows[connected], columns[connected]
        else:
            rows, columns = np.nonzero(_connects(where, array, threshold))
        if not directed:
            n = array.shape[0]
            there, back = rows.astype(np.int64) * n + columns, columns.astype(np.int64) * n + rows
            alone = np.setdiff1d(there, back)
            if len(alone):
                i, j = (int(node) for node in divmod(alone[0], n))
                raise ValueError(
                    f"{where}: expected a symmetric matrix for an undirected graph, got an edge from {i} "
                    f"to {j} and none back. Read it as directed, and take Graph.undirected() of that."
                )
            rows, columns = rows[rows <= columns], columns[rows <= columns]
        return cls(array.shape[0], np.stack([rows, columns], axis=1), directed=directed, **options)

    @classmethod
    def from_pairs(
        cls,
        pairs: Iterable[Sequence[Hashable]],
        *,
        directed: bool = True,
        names: Iterable[Hashable] | None = None,
        simplify: bool = False,
    ) -> "Graph":
        """Return the graph of pairs of names, such as the rows of a table of connections.

        Args:
            pairs: sources and targets.
            directed: whether an edge has a direction.
            names: all nodes in order; if None, those in the pairs in the order of their first appearance.
            simplify: as in `Graph`.

        Returns:
            A graph with names.

        Raises:
            ValueError: if one is not a pair, or has a name that is not among `names`; and for the reasons of `Graph`.

        >>> graph = Graph.from_pairs([("AVAL", "PVCL"), ("PVCL", "AVBL")])
        >>> graph.names, graph.edges.tolist()
        (('AVAL', 'PVCL', 'AVBL'), [[0, 1], [1, 2]])
        """
        pairs = [tuple(pair) for pair in pairs]
        for row, pair in enumerate(pairs):
            if len(pair) != 2:
                raise ValueError(f"Graph.from_pairs: expected pairs of names, got {written(pair)} in row {row}.")
        names = tuple(dict.fromkeys(name for pair in pairs for name in pair) if names is None else names)
        number = {name: node for node, name in enumerate(names)}
        try:
            edges = [(number[source], number[target]) for source, target in pairs]
        except KeyError as error:
            raise ValueError(
                f"Graph.from_pairs: expected pairs of the given names, got {error.args[0]!r}, which is not among them."
            ) from None
        return cls(len(names), edges, directed=directed, names=names, simplify=simplify)

    @classmethod
    def from_networkx(cls, graph: Any, *, simplify: bool = False) -> "Graph":
        """Return the nodes and edges of a networkx graph, directed if it is; their attributes are left out.

        Args:
            graph: a `networkx.Graph`, `DiGraph`, `MultiGraph` or `MultiDiGraph`.
            simplify: as in `Graph`; a multigraph may need it.

        Returns:
            A graph whose names are the nodes of the given one.

        Raises:
            TypeError: if it is not a networkx graph.
            ValueError: for the reasons of `Graph`.

        >>> networkx = importlib.import_module("networkx")                      # doctest: +SKIP
        >>> Graph.from_networkx(networkx.karate_club_graph())                   # doctest: +SKIP
        Graph(34 nodes, 78 undirected edges)
        """
        if not all(callable(getattr(graph, name, None)) for name in ("is_directed", "nodes", "edges")):
            raise TypeError(f"Graph.from_networkx: expected a networkx graph, got {type(graph).__name__}.")
        return cls.from_pairs(graph.edges(), directed=graph.is_directed(), names=graph.nodes(), simplify=simplify)

    def to_networkx(self) -> Any:
        """Return a `networkx.DiGraph` or, if undirected, a `networkx.Graph`, with the names as nodes.

        Raises:
            ImportError: if networkx is not installed.

        >>> Graph(3, [(0, 1), (1, 2)]).to_networkx().number_of_edges()          # doctest: +SKIP
        2
        """
        try:
            networkx = importlib.import_module("networkx")
        except ImportError:
            raise ImportError(
                "Graph.to_networkx: networkx is not installed, and nothing else here needs it. "
                "Install it: pip install networkx."
            ) from None
        graph = networkx.DiGraph() if self.directed else networkx.Graph()
        graph.add_nodes_from(map(self.name, range(self.n_nodes)))
        graph.add_edges_from((self.name(source), self.name(target)) for source, target in self.edges.tolist())
        return graph


def _layers(params: Params) -> Iterable[np.ndarray]:
    """Yield the weights of each layer, first to last."""
    if not isinstance(params, (tuple, list)):
        raise TypeError(
            "Graph.from_weights: expected the parameters of an MLP, pairs (w, b) in tuples or lists, "
            f"got {type(params).__name__}. For those of a wiring use Graph.from_wiring(wiring, params)."
        )
    if len(params) == 2 and hasattr(params[0], "ndim") and hasattr(params[1], "ndim"):
        w = np.asarray(params[0])
        if w.ndim != 2:
            raise ShapeError(
                f"Graph.from_weights: expected weights (m, n), got {w.shape}. For those of a wiring use "
                "Graph.from_wiring(wiring, params); for one unit, w[None] and b[None]."
            )
        yield w
    else:
        for part in params:
            yield from _layers(part)


def _connects(where: str, w: np.ndarray, threshold: float) -> np.ndarray:
    """Return which weights count as edges."""
    if not threshold >= 0:
        raise ValueError(f"{where}: expected a threshold of 0 or more, got {written(threshold)}.")
    strength = np.abs(w)
    if (strength != strength).any():
        raise ValueError(f"{where}: expected numbers for weights, got NaN, which is neither an edge nor none.")
    return strength > threshold
