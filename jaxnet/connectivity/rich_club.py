"""The rich club: are the best connected nodes connected to each other more than their degrees explain?

phi(k) is the density among nodes of degree above k (S. Zhou and R. J. Mondragon 2004). Hubs are often connected by
chance alone, so phi is compared with that of random graphs of the same degrees (V. Colizza and others 2006).
"""

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from jaxnet.connectivity.graphs import Graph
from jaxnet.connectivity.rewiring import map_rewirings, undirected_degrees
from jaxnet.pytrees import Key
from jaxnet.validation import whole_number, written


class RichClub(NamedTuple):
    """The result of `normalised_rich_club`; arrays `(K,)` have one entry for each k.

    Attributes:
        k: `(K,)` int64, 0 to the largest degree.
        n_members: `(K,)` int64, how many nodes have a degree above k.
        phi: `(K,)` float64, the rich-club coefficient; NaN where there are fewer than two members.
        mean: the mean phi of the rewired graphs.
        low: the lower quantile of their phi.
        high: the upper quantile of their phi.
        normalised: phi / mean. Where no rewired graph has an edge among the members it is infinite, or NaN if the graph
            itself has none either.
        normalised_low: phi / high; above 1 where phi is above the band of the rewired graphs.
        normalised_high: phi / low.
        p_value: (1 + number of rewired graphs with at least this phi) / (1 + number of rewired graphs): one-sided, for
            one k that is chosen beforehand; not corrected for a choice among many.
        quantiles: those of low and high.
        n_accepted: `(rewirings,)` int64, how many swaps each rewiring made.
        n_swaps: how many swaps each rewiring tried.
    """

    k: np.ndarray
    n_members: np.ndarray
    phi: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    normalised: np.ndarray
    normalised_low: np.ndarray
    normalised_high: np.ndarray
    p_value: np.ndarray
    quantiles: tuple[float, float]
    n_accepted: np.ndarray
    n_swaps: int

    @property
    def n_rewirings(self) -> int:
        """How many random graphs phi is compared with."""
        return len(self.n_accepted)

    def __repr__(self) -> str:
        accepted = f", {self.n_accepted.mean() / self.n_swaps:.0%} of them made" if self.n_swaps else ""
        return f"RichClub(k = 0..{len(self.k) - 1}, {self.n_rewirings} rewirings, {self.n_swaps} swaps each{accepted})"


def rich_club_coefficient(graph: Graph) -> np.ndarray:
    """Return the density among the nodes of degree above k, phi(k) = 2 E_{>k} / (N_{>k} (N_{>k} - 1)), for every k.

    Args:
        graph: undirected; take `graph.undirected()` of a directed one.

    Returns:
        `(largest degree + 1,)` float64, with phi(k) at index k; NaN where fewer than two nodes have a degree above k.

    Raises:
        ValueError: if the graph is directed.

    Source: S. Zhou and R. J. Mondragon, The rich-club phenomenon in the Internet topology (2004).

    >>> square_with_tail = Graph(5, [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (3, 4)], directed=False)
    >>> rich_club_coefficient(square_with_tail)
    array([0.6       , 0.83333333, 1.        ,        nan])
    """
    degree = undirected_degrees("rich_club_coefficient", graph)
    return _over(_edges_within(degree, graph.edges[None])[0], _pairs(_members(degree)))


def rich_club_members(graph: Graph, k: int) -> tuple[Hashable, ...]:
    """List the nodes of degree above k.

    Args:
        graph: undirected.
        k: a degree, 0 or more.

    Returns:
        Their names, or their numbers if they have none, in the order of the nodes.

    Raises:
        TypeError: if k is not a whole number.
        ValueError: if the graph is directed, or k is negative.

    >>> rich_club_members(Graph(4, [(0, 1), (0, 2), (0, 3), (1, 2)], directed=False, names="abcd"), 1)
    ('a', 'b', 'c')
    """
    degree = undirected_degrees("rich_club_members", graph)
    k = whole_number("rich_club_members", "k", k)
    return tuple(graph.name(node) for node in np.flatnonzero(degree > k))


def normalised_rich_club(
    graph: Graph,
    *,
    rewirings: int = 1000,
    swaps_per_edge: int = 10,
    quantiles: tuple[float, float] = (0.025, 0.975),
    progress: bool | None = None,
    key: Key,
) -> RichClub:
    """Compare the rich-club coefficient with that of random graphs of the same degrees.

    Args:
        graph: undirected; take `graph.undirected()` of a directed one.
        rewirings: how many random graphs, at least 1.
        swaps_per_edge: how many swaps to try per edge in each, see `rewire`.
        quantiles: the band of the random graphs; by default the central 95 %.
        progress: None for a bar on a terminal or in a notebook, True for lines elsewhere too, False for neither.
        key: from `jax.random.key`; the same key gives the same result.

    Returns:
        A `RichClub`: phi, its mean and band among the random graphs, phi over these, p-values.

    Raises:
        TypeError: if a number is not a whole number.
        ValueError: if the graph is directed or has more than 65,536 nodes, or a number is out of range.

    Source: V. Colizza and others, Detecting rich-club ordering in complex networks (2006); M. P. van den Heuvel and
        O. Sporns, Rich-club organization of the human connectome (2011); B. Phipson and G. K. Smyth (2010) for p.

    >>> import jax
    >>> wheel = Graph(6, [(0, i) for i in range(1, 6)] + [(i, i % 5 + 1) for i in range(1, 6)], directed=False)
    >>> normalised_rich_club(wheel, rewirings=20, key=jax.random.key(0))
    RichClub(k = 0..5, 20 rewirings, 100 swaps each, 5% of them made)
    """
    name = "normalised_rich_club"
    degree = undirected_degrees(name, graph)
    low, high = quantiles
    if not 0 <= low <= high <= 1:
        raise ValueError(f"{name}: expected quantiles in order within 0..1, got {written(quantiles)}.")
    random, n_accepted, n_swaps = map_rewirings(
        name,
        lambda edges: _edges_within(degree, edges),
        graph,
        rewirings=rewirings,
        swaps_per_edge=swaps_per_edge,
        progress=progress,
        key=key,
    )
    n_members = _members(degree)
    pairs = _pairs(n_members)
    count = _edges_within(degree, graph.edges[None])[0]
    mean = random.mean(axis=0)
    low_count, high_count = np.quantile(random, [low, high], axis=0)
    p_value = (1 + (random >= count).sum(axis=0)) / (1 + len(random))
    return RichClub(
        k=np.arange(len(count)),
        n_members=n_members,
        phi=_over(count, pairs),
        mean=_over(mean, pairs),
        low=_over(low_count, pairs),
        high=_over(high_count, pairs),
        # Ratios of counts, since all are over the same number of pairs.
        normalised=_over(count, mean),
        normalised_low=_over(count, high_count),
        normalised_high=_over(count, low_count),
        p_value=np.where(pairs > 0, p_value, np.nan),
        quantiles=(float(low), float(high)),
        n_accepted=n_accepted,
        n_swaps=n_swaps,
    )


def _edges_within(degree: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Count the edges `(graphs, E, 2)` among the nodes of degree above each k: `(graphs, K)`."""
    width = int(degree.max(initial=0)) + 1
    lesser = degree[edges].min(axis=-1)
    graphs = np.arange(len(edges))[:, None]
    exactly = np.bincount((width * graphs + lesser).ravel(), minlength=width * len(edges)).reshape(-1, width)
    return edges.shape[1] - np.cumsum(exactly, axis=1)


def _members(degree: np.ndarray) -> np.ndarray:
    """Count the nodes of degree above each k: `(K,)`."""
    return len(degree) - np.cumsum(np.bincount(degree, minlength=1))


def _pairs(n_members: np.ndarray) -> np.ndarray:
    """Count the pairs of members: the edges there could be."""
    return n_members * (n_members - 1) // 2


def _over(count: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Divide; infinite or NaN where the total is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(count, float) / total
