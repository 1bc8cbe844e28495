"""Measures of a graph: degrees, fan-in and fan-out, density, depth. The rich club is in `rich_club`."""

import numpy as np

from jaxnet.connectivity.graphs import Graph


def degrees(graph: Graph) -> np.ndarray:
    """Count the edges of each node; in a directed graph, those that enter it and those that leave it.

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
    """Count the edges that enter each node.

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
    """Count the edges that leave each node.

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
    """Return the share of the possible edges that exist: E / (n (n - 1)) if directed, twice that if undirected.

    Args:
        graph: any graph. An MLP has edges between neighbouring layers only, and so a density well below 1.

    Returns:
        A number in [0, 1]; NaN for fewer than two nodes.

    >>> density(Graph(3, [(0, 1), (1, 2), (0, 2)])), density(Graph(3, [(0, 1), (1, 2), (0, 2)], directed=False))
    (0.5, 1.0)
    """
    _check_graph("density", graph)
    possible = graph.n_nodes * (graph.n_nodes - 1)
    return (1 if graph.directed else 2) * graph.n_edges / possible if possible else float("nan")


def depth(graph: Graph) -> int:
    """Return the number of edges on the longest path of a loop-free graph; an MLP of L layers has depth L.

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
            level[target] = above  # nodes become ready level by level: the last source of a node is its deepest
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
    """Write out one cycle among nodes that each have a source among them."""
    source = np.full(graph.n_nodes, -1)
    edges = graph.edges[left[graph.edges].all(axis=1)]
    source[edges[:, 1]] = edges[:, 0]
    place: dict[int, int] = {}
    node = int(np.argmax(left))
    while node not in place:
        place[node] = len(place)
        node = int(source[node])
    walked = list(place)[place[node] :]
    cycle = [str(graph.name(node)) for node in (node, *reversed(walked))]
    if len(cycle) > 10:
        cycle[5:-4] = [f"({len(cycle) - 9} more)"]
    return " -> ".join(cycle)


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
