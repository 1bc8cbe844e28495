"""Random graphs with given degrees, by double-edge swaps: what a measured graph is compared with.

S. Maslov and K. Sneppen 2002. Plain NumPy over all rewirings at once: on two CPU cores faster than a compiled scan.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jax import Array

from jaxnet.connectivity.graphs import Graph
from jaxnet.connectivity.network_measures import degrees
from jaxnet.progress import progress_bar
from jaxnet.validation import integers

# A step costs at least 15 us, however few rewirings it serves: a block is as wide as this much memory lets it be.
_BLOCK_BYTES = 2**27
_MAX_NODES = 2**16
_CHUNK = 64  # steps that are drawn at once


class Rewired(NamedTuple):
    """Random graphs with the degrees of a graph.

    Attributes:
        edges: `(rewirings, E, 2)` int32; an edge is no longer from the smaller node to the larger.
        n_accepted: `(rewirings,)` int64, how many swaps were made; the others would have made an edge twice or
            from a node to itself.
        n_swaps: how many were tried in each.
    """

    edges: np.ndarray
    n_accepted: np.ndarray
    n_swaps: int


def rewire(graph: Graph, *, key: Array, rewirings: int = 1, swaps_per_edge: int = 10, progress: bool = True) -> Rewired:
    """Random simple graphs with the degrees of a graph, by double-edge swaps.

    A swap takes two edges a-b and c-d at random, in a random direction, and makes them a-d and c-b. One that would make
    an edge twice or from a node to itself is not made, but counted: so every graph of these degrees comes to be equally
    likely as the swaps go on. Ten for each edge are the custom. Where hardly any is made (see `n_accepted`) there are
    few such graphs, or more swaps are needed. All rewirings are made at once, in blocks of at most 128 MiB if one alone
    needs no more: each marks its edges in a table of n^2 bytes.

    Args:
        graph: undirected; take `graph.undirected()` of a directed one.
        key: from `jax.random.key`; the same one gives the same graphs.
        rewirings: how many, at least 1; each begins at the graph itself.
        swaps_per_edge: how many swaps to try, for each edge.
        progress: whether to show a bar, on a terminal or in a notebook.

    Returns:
        A `Rewired`: the edges of each, and how many swaps it made.

    Raises:
        TypeError: if a number is not whole.
        ValueError: if the graph is directed or has more than 65,536 nodes, or a number is out of range.

    Source: S. Maslov and K. Sneppen, Specificity and stability in topology of protein networks (2002); B. K. Fosdick
        and others, Configuring random graph models with fixed degree sequences (2018), for why a refused swap counts.

    >>> ring = Graph(6, [(i, (i + 1) % 6) for i in range(6)], directed=False)
    >>> found = rewire(ring, key=jax.random.key(0), rewirings=3)
    >>> found.edges.shape, [degrees(Graph(6, edges, directed=False)).tolist() for edges in found.edges][0]
    ((3, 6, 2), [2, 2, 2, 2, 2, 2])
    """
    return Rewired(*map_rewirings("rewire", graph, key, rewirings, swaps_per_edge, progress, np.copy))


def map_rewirings(
    where: str,
    graph: Graph,
    key: Array,
    rewirings: int,
    swaps_per_edge: int,
    progress: bool,
    keep: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray, int]:
    """As `rewire`, but only what `keep` makes of the edges `(block, E, 2)` of each block stays in memory.

    Args:
        where: named in errors and beside the bar.
        graph: as in `rewire`.
        key: as in `rewire`.
        rewirings: as in `rewire`.
        swaps_per_edge: as in `rewire`.
        progress: as in `rewire`.
        keep: maps `(block, E, 2)` to `(block, ...)`; the edges change after it.

    Returns:
        What was kept `(rewirings, ...)`, how many swaps each rewiring made `(rewirings,)`, and how many it tried.
    """
    undirected_degrees(where, graph)
    n = int(integers(where, "rewirings", rewirings))
    per_edge = int(integers(where, "swaps_per_edge", swaps_per_edge))
    if n < 1 or per_edge < 0:
        raise ValueError(f"{where}: expected at least 1 rewiring and 0 swaps per edge, got {n} and {per_edge}.")
    nodes, n_edges = graph.n_nodes, graph.n_edges
    if nodes > _MAX_NODES:
        raise ValueError(
            f"{where}: expected at most {_MAX_NODES} nodes, got {nodes}: a rewiring marks its edges in an n x n table. "
            "Leave out nodes without edges."
        )
    n_swaps = per_edge * n_edges if n_edges > 1 else 0
    rng = np.random.default_rng(np.asarray(jax.random.bits(key, (4,), np.uint32)))
    # The diagonal is marked too: an edge from a node to itself is refused like one that is there already.
    table = np.eye(nodes, dtype=bool)
    table[tuple(graph.edges.T)] = True
    width = max(1, _BLOCK_BYTES // (table.size + graph.edges.nbytes + 1))
    kept, accepted = [], np.zeros(n, np.int64)

    with progress_bar(where, total=n * n_swaps, unit="swap", unit_scale=True, shown=progress) as bar:
        for start in range(0, n, width):
            made = accepted[start : start + width]
            block = len(made)
            ends, taken = np.tile(graph.edges.ravel(), block), np.tile(table.ravel(), block)
            for done in range(0, n_swaps, _CHUNK):
                steps = min(_CHUNK, n_swaps - done)
                for slots in _draws(rng, steps, block, n_edges):
                    made[_swap(ends, taken, slots, nodes)] += 1
                bar.update(steps * block)
            kept.append(keep(ends.reshape(block, n_edges, 2)))
    return np.concatenate(kept), accepted, n_swaps


def undirected_degrees(where: str, graph: Graph) -> np.ndarray:
    """The degrees of an undirected graph; another one is refused.

    >>> undirected_degrees("here", Graph(2, [(0, 1)], directed=False))
    array([1, 1])
    """
    degree = degrees(graph)
    if graph.directed:
        raise ValueError(
            f"{where}: expected an undirected graph, got {graph}. Read its edges without direction: graph.undirected()."
        )
    return degree


def _draws(rng: np.random.Generator, steps: int, block: int, n_edges: int) -> np.ndarray:
    """Where in the ends of the edges stand a, c, b and d of each swap: `(steps, 4, block)`."""
    first = rng.integers(0, n_edges, (steps, block))
    second = rng.integers(0, 2 * (n_edges - 1), (steps, block))
    turned = second & 1
    second >>= 1
    second += second >= first  # another edge than the first, each as likely
    edge = n_edges * np.arange(block)
    a, c = 2 * (edge + first), 2 * (edge + second)
    return np.stack([a, c + turned, a + 1, c + 1 - turned], axis=1)


def _swap(ends: np.ndarray, taken: np.ndarray, slots: np.ndarray, nodes: int) -> np.ndarray:
    """Make a-b, c-d into a-d, c-b in each rewiring that allows it, in place; which ones did.

    This is the inner loop. `take` is several times faster than an index in brackets; its mode does not matter, as all
    places are in range, but to clip is faster than to check.
    """
    tables = nodes**2 * np.arange(slots.shape[1])
    abcd = ends.take(slots, mode="clip")
    made = _places(abcd[:2], abcd[:1:-1], nodes, tables)
    refused = taken.take(made, mode="clip")
    allowed = np.flatnonzero(~(refused[0] | refused[1]))
    slots, abcd, made = (array.take(allowed, axis=1, mode="clip") for array in (slots, abcd, made))
    taken[_places(abcd[:2], abcd[2:], nodes, tables.take(allowed))] = False
    taken[made] = True
    ends[slots[2:]] = abcd[:1:-1]
    return allowed


def _places(u: np.ndarray, v: np.ndarray, nodes: int, tables: np.ndarray) -> np.ndarray:
    return np.minimum(u, v) * np.int64(nodes) + np.maximum(u, v) + tables
