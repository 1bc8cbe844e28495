"""How a network is connected: degrees, fan-in and fan-out, density, depth. The rich club is in `rich_club`."""

import numpy as np

from jaxnet.connectivity.graphs import Graph


def degrees(graph: Graph) -> np.ndarray:
    """How many edges each node has; in a directed graph, those that come and those that go.

    Args:
        graph: any graph.

    Returns:
        `(n,)` int64.

    >>> degrees(Graph(3, [(0, 1), (1, 0), (1, 2)]))
    array([2, 3, 1])
    """
    _check_graph("degrees", graph)
    return np.bincount(graph.edges.ravel(), minlength=graph.n_nodes)


def fan_in(graph: Graph) -> np.ndarray:
    """How many edges come to each node.

    Args:
        graph: a directed graph.

    Returns:
        `(n,)` int64.

    Raises:
        ValueError: if the graph is undirected.

    >>> fan_in(Graph(3, [(0, 1), (1, 2), (0, 2)]))
    array([0, 1, 2])
    """
    _check_directed("fan_in", graph, " For the number of edges of a node use degrees.")
    return np.bincount(graph.edges[:, 1], minlength=graph.n_nodes)


def fan_out(graph: Graph) -> np.ndarray:
    """How many edges go from each node.

    Args:
        graph: a directed graph.

    Returns:
        `(n,)` int64.

    Raises:
        ValueError: if the graph is undirected.

    >>> fan_out(Graph(3, [(0, 1), (1, 2), (0, 2)]))
    array([2, 1, 0])
    """
    _check_directed("fan_out", graph, " For the number of edges of a node use degrees.")
    return np.bincount(graph.edges[:, 0], minlength=graph.n_nodes)


def density(graph: Graph) -> float:
    """The share of the edges there could be that there are: E / (n (n - 1)) directed, twice that undirected.

    Args:
        graph: any graph. That of an MLP has edges between neighbouring layers only, hence a density well below 1.

    Returns:
        A number in [0, 1]; NaN for fewer than two nodes.

    >>> density(Graph(3, [(0, 1), (1, 2), (0, 2)])), density(Graph(3, [(0, 1), (1, 2), (0, 2)], directed=False))
    (0.5, 1.0)
    """
    _check_graph("density", graph)
    possible = graph.n_nodes * (graph.n_nodes - 1)
    return (1 if graph.directed else 2) * graph.n_edges / possible if possible else float("nan")


def depth(graph: Graph) -> int:
    """The number of edges on the longest path of a loop-free graph; an MLP of L layers has depth L.

    Args:
        graph: a directed graph without cycles.

    Returns:
        0 or more.

    Raises:
        ValueError: if the graph is undirected, or has a cycle, which the error shows.

    Source: A. B. Kahn, Topological sorting of large networks (1962).

    >>> depth(Graph(4, [(0, 1), (1, 2), (2, 3), (0, 3)]))
    3
    """
    _check_directed("depth", graph)
    starts = np.searchsorted(graph.edges[:, 0], np.arange(graph.n_nodes + 1)).tolist()
    targets = graph.edges[:, 1].tolist()
    missing = fan_in(graph).tolist()
    level = [0] * graph.n_nodes
    ready = [node for node, count in enumerate(missing) if count == 0]
    for node in ready:  # grows as it is read
        above = level[node] + 1
        for target in targets[starts[node] : starts[node + 1]]:
            level[target] = above  # nodes become ready level by level: the last to feed one is the deepest
            missing[target] -= 1
            if missing[target] == 0:
                ready.append(target)
    if len(ready) < graph.n_nodes:
        raise ValueError(
            f"depth: expected a loop-free graph, got the cycle {_cycle(graph, np.array(missing) > 0)}. "
            "Depth is the length of the longest path: remove an edge of each cycle."
        )
    return max(level, default=0)


def _cycle(graph: Graph, left: np.ndarray) -> str:
    """One cycle among nodes that are each fed by another one of them."""
    fed_by = np.full(graph.n_nodes, -1)
    edges = graph.edges[left[graph.edges].all(axis=1)]
    fed_by[edges[:, 1]] = edges[:, 0]
    place: dict[int, int] = {}
    node = int(np.argmax(left))
    while node not in place:
        place[node] = len(place)
        node = int(fed_by[node])
    walked = list(place)[place[node] :]
    cycle = [node, *reversed(walked)]
    if len(cycle) <= 10:
        return graph._arrow(cycle)
    return f"{graph._arrow(cycle[:5])} -> ({len(cycle) - 9} more) -> {graph._arrow(cycle[-4:])}"


def _check_graph(where: str, graph: Graph) -> None:
    if not isinstance(graph, Graph):
        raise TypeError(
            f"{where}: expected a jaxnet.Graph, got {type(graph).__name__}. "
            "Make one, for example Graph.from_wiring(wiring) or Graph.from_weights(params)."
        )


def _check_directed(where: str, graph: Graph, fix: str = "") -> None:
    _check_graph(where, graph)
    if not graph.directed:
        raise ValueError(f"{where}: expected a directed graph, got {graph}.{fix}")
