"""Random graphs with given degrees, by double-edge swaps: the null model of a measured graph.

S. Maslov and K. Sneppen 2002. Plain NumPy over all rewirings at once: on two CPU cores faster than a compiled scan.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from jaxnet.connectivity.graphs import Graph
from jaxnet.connectivity.network_measures import degrees
from jaxnet.progress import progress_bar
from jaxnet.pytrees import Key
from jaxnet.validation import check_key, whole_number

_MAX_NODES = 2**16
_CHUNK = 64  # swaps of each rewiring that are drawn at once


class Rewired(NamedTuple):
    """Random graphs with the degrees of a graph.

    Attributes:
        edges: `(rewirings, E, 2)` int32; the smaller node of an edge may come second.
        n_accepted: `(rewirings,)` int64, how many swaps were made; the others would have made an edge twice or
            from a node to itself.
        n_swaps: how many swaps were tried in each.
    """

    edges: np.ndarray
    n_accepted: np.ndarray
    n_swaps: int

    def __repr__(self) -> str:
        rewirings, edges, _ = self.edges.shape
        made = self.n_accepted.mean()
        return f"Rewired({rewirings:,} graphs, {edges:,} edges, {made:,.0f} of {self.n_swaps:,} swaps made on average)"


def rewire(
    graph: Graph, *, rewirings: int = 1, swaps_per_edge: int = 10, progress: bool | None = None, key: Key
) -> Rewired:
    """Draw random simple graphs with the degrees of a graph, by double-edge swaps.

    A swap takes two edges a-b and c-d at random, in a random direction, and makes them a-d and c-b. A swap that would
    make an edge twice or from a node to itself is refused, but counts as tried: then all graphs of these degrees become
    equally likely as the swaps go on. Ten swaps per edge are customary. If hardly any is made (see `n_accepted`), there
    are few such graphs, or more swaps are needed.

    Each rewiring marks its edges in a table of n^2 bytes. As many are made at once as fit into 128 MiB, at least one.

    Args:
        graph: undirected; take `graph.undirected()` of a directed one.
        rewirings: how many graphs, at least 1; each begins as the graph itself.
        swaps_per_edge: how many swaps to try per edge, 0 or more.
        progress: None for a bar on a terminal or in a notebook, True for lines elsewhere too, False for neither.
        key: from `jax.random.key`; the same key gives the same graphs.

    Returns:
        A `Rewired`: the edges of each graph, and how many swaps were made.

    Raises:
        TypeError: if a number is not a whole number.
        ValueError: if the graph is directed or has more than 65,536 nodes, or a number is out of range.

    Source: S. Maslov and K. Sneppen, Specificity and stability in topology of protein networks (2002); B. K. Fosdick
        and others, Configuring random graph models with fixed degree sequences (2018), for why a refused swap counts.

    >>> ring = Graph(6, [(i, (i + 1) % 6) for i in range(6)], directed=False)
    >>> found = rewire(ring, rewirings=3, key=jax.random.key(0))
    >>> found.edges.shape, [degrees(Graph(6, edges, directed=False)).tolist() for edges in found.edges][0]
    ((3, 6, 2), [2, 2, 2, 2, 2, 2])
    """
    return Rewired(
        *map_rewirings(
            "rewire",
            np.asarray,  # the edges as they are
            graph,
            rewirings=rewirings,
            swaps_per_edge=swaps_per_edge,
            progress=progress,
            key=key,
        )
    )


def map_rewirings(
    where: str,
    function: Callable[[np.ndarray], np.ndarray],
    graph: Graph,
    *,
    rewirings: int,
    swaps_per_edge: int,
    progress: bool | None,
    block_bytes: int = 2**27,
    key: Key,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Apply a function to the graphs that `rewire` draws, a block of them at a time, without storing them all.

    Args:
        where: the function called, named in errors and on the progress bar.
        function: maps the edges of the graphs in a block, `(block, E, 2)`, to `(block, ...)`.
        graph: as in `rewire`.
        rewirings: as in `rewire`.
        swaps_per_edge: as in `rewire`.
        progress: as in `rewire`.
        block_bytes: memory for a block. A swap in all graphs of a block costs at least 15 us: the more graphs, the
            cheaper.
        key: as in `rewire`.

    Returns:
        The values of the function, `(rewirings, ...)`; how many swaps each rewiring made, `(rewirings,)`; and how many
        it tried.

    Raises:
        TypeError, ValueError: as from `rewire`.

    >>> triangle = Graph(3, [(0, 1), (1, 2), (2, 0)], directed=False)
    >>> options = dict(rewirings=2, swaps_per_edge=1, progress=False)
    >>> map_rewirings("here", lambda edges: edges.max(axis=(1, 2)), triangle, **options, key=jax.random.key(0))
    (array([2, 2], dtype=int32), array([0, 0]), 3)
    """
    check_key(where, key)
    undirected_degrees(where, graph)
    n = whole_number(where, "rewirings", rewirings, 1)
    per_edge = whole_number(where, "swaps_per_edge", swaps_per_edge)
    nodes, n_edges = graph.n_nodes, graph.n_edges
    if nodes > _MAX_NODES:
        raise ValueError(
            f"{where}: expected at most {_MAX_NODES} nodes, got {nodes}: a rewiring marks its edges in an n x n table. "
            "Leave out nodes without edges."
        )
    n_swaps = per_edge * n_edges if n_edges > 1 else 0
    rng = np.random.default_rng(np.asarray(jax.random.bits(key, (4,), np.uint32)))
    # The diagonal is marked too: an edge from a node to itself is refused like one that exists already.
    table = np.eye(nodes, dtype=bool)
    table[tuple(graph.edges.T)] = True
    width = max(1, block_bytes // (table.size + graph.edges.nbytes + 1))
    values, accepted = [], np.zeros(n, np.int64)

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
            values.append(function(ends.reshape(block, n_edges, 2)))
    return np.concatenate(values), accepted, n_swaps


def undirected_degrees(where: str, graph: Graph) -> np.ndarray:
    """Return the degrees of an undirected graph; refuse a directed one.

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
    """Draw swaps: the places of a, c, b and d among the ends of the edges, `(steps, 4, block)`."""
    first = rng.integers(0, n_edges, (steps, block))
    second = rng.integers(0, 2 * (n_edges - 1), (steps, block))
    turned = second & 1
    second >>= 1
    second += second >= first  # any edge but the first, all equally likely
    edge = n_edges * np.arange(block)
    a, c = 2 * (edge + first), 2 * (edge + second)
    return np.stack([a, c + turned, a + 1, c + 1 - turned], axis=1)


def _swap(ends: np.ndarray, taken: np.ndarray, slots: np.ndarray, nodes: int) -> np.ndarray:
    """Turn a-b, c-d into a-d, c-b in each rewiring that allows it, in place; return which ones did.

    This is the inner loop. `take` is several times faster than indexing with brackets. All places are in range, and
    mode "clip" saves the check.
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
    """Return the places of the edges u-v in the tables."""
    return np.minimum(u, v) * np.int64(nodes) + np.maximum(u, v) + tables
