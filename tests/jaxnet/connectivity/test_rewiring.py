"""Rewirings keep degrees and stay simple, and are uniform where all graphs of some degrees can be listed."""

import collections
import itertools

import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np
import pytest
import scipy.stats

from jaxnet import Graph, Rewired, degrees, rewire
from jaxnet.connectivity.rewiring import map_rewirings

PATH = Graph(5, [(0, 1), (1, 2), (2, 3), (3, 4)], directed=False)


def graphs_of(degree):
    """All simple graphs of these degrees, each a frozen set of edges."""
    pairs = list(itertools.combinations(range(len(degree)), 2))
    return [
        frozenset(edges)
        for edges in itertools.combinations(pairs, sum(degree) // 2)
        if np.array_equal(np.bincount(np.ravel(edges), minlength=len(degree)), degree)
    ]


def edge_set(edges):
    return frozenset(tuple(sorted(edge)) for edge in edges.tolist())


@hypothesis.given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_degrees_stay_and_graphs_stay_simple(seed, share):
    """`Graph` refuses an edge that comes twice or leads back to its node."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 12))
    graph = Graph.from_adjacency(np.triu(rng.random((n, n)) < share, 1)).undirected()
    found = rewire(graph, key=jax.random.key(seed), rewirings=4, swaps_per_edge=5)
    assert found.edges.shape == (4, graph.n_edges, 2)
    assert found.edges.dtype == np.int32
    for edges in found.edges:
        np.testing.assert_array_equal(degrees(Graph(n, edges, directed=False)), degrees(graph))


@pytest.mark.parametrize(
    "degree",
    [
        (2, 2, 2, 2, 2, 2),  # 60 hexagons and 10 pairs of triangles, from which fewer swaps can be made
        (3, 3, 2, 2, 1, 1),
        (4, 3, 3, 2, 2, 2),
        (1, 1, 1, 1),  # three graphs, and no swap is ever refused
    ],
)
def test_every_graph_of_the_degrees_is_as_likely(degree):
    everything = graphs_of(degree)
    graph = Graph(len(degree), sorted(everything[0]), directed=False)
    n = 400 * len(everything)
    found = rewire(graph, key=jax.random.key(5), rewirings=n, swaps_per_edge=30)
    seen = collections.Counter(map(edge_set, found.edges))
    assert set(seen) == set(everything)
    assert scipy.stats.chisquare([seen[edges] for edges in everything]).pvalue > 0.01


def test_the_list_of_all_graphs_is_complete():
    assert [len(graphs_of(degree)) for degree in ((2,) * 6, (1,) * 6, (3, 1, 1, 1))] == [60 + 10, 15, 1]


def test_swaps_are_counted():
    """Twelve swaps of two edges of the path 0-1-2-3-4, listed by hand: four of them are made.

    Neighbouring edges: either way gives an edge from a node to itself or the same two edges. 0-1, 2-3: 0-3, 2-1 is
    there already; 0-2, 3-1 is made. 1-2, 3-4: the same. 0-1, 3-4: both ways are made. So 4 of 12, and 8 are refused.
    """
    found = rewire(PATH, key=jax.random.key(0), rewirings=20_000, swaps_per_edge=1)
    assert found.n_swaps == 4
    start = edge_set(PATH.edges)
    assert all(edge_set(edges) == start for edges in found.edges[found.n_accepted == 0])
    assert all(edge_set(edges) != start for edges in found.edges[found.n_accepted == 1])
    # None in four tries: each is refused from the path itself.
    expected = (8 / 12) ** 4
    assert abs((found.n_accepted == 0).mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / 20_000)


def test_the_share_of_swaps_that_are_made():
    """Two edges a-b and c-d, four nodes: each swap is made. A triangle, a star: none is."""
    two = Graph(4, [(0, 1), (2, 3)], directed=False)
    assert rewire(two, key=jax.random.key(0), rewirings=3).n_accepted.tolist() == [20, 20, 20]
    for stuck in ([(0, 1), (1, 2), (0, 2)], [(0, 1), (0, 2), (0, 3)]):
        graph = Graph(4, stuck, directed=False)
        found = rewire(graph, key=jax.random.key(0), rewirings=3)
        assert found.n_accepted.tolist() == [0, 0, 0]
        np.testing.assert_array_equal(found.edges, np.stack([graph.edges] * 3))


@pytest.mark.parametrize("edges", [[], [(0, 1)]])
def test_there_is_nothing_to_swap(edges):
    graph = Graph(3, edges, directed=False)
    found = rewire(graph, key=jax.random.key(0), rewirings=2)
    assert found.edges.shape == (2, len(edges), 2)
    assert (found.n_swaps, found.n_accepted.tolist()) == (0, [0, 0])


def test_no_swaps_leave_the_graph():
    found = rewire(PATH, key=jax.random.key(0), swaps_per_edge=0)
    np.testing.assert_array_equal(found.edges[0], PATH.edges)


def test_the_same_key_gives_the_same_graphs():
    reordered = Graph(5, PATH.edges[::-1, ::-1], directed=False)
    a, b, c = (
        rewire(graph, key=jax.random.key(seed), rewirings=50).edges
        for graph, seed in ((PATH, 3), (reordered, 3), (PATH, 4))
    )
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    assert {edge_set(edges) for edges in a} == set(graphs_of((1, 2, 2, 2, 1)))


def test_blocks_differ_and_are_all_kept():
    """Memory for a table of 25 bytes and four edges of 8, three times: ten rewirings go in blocks of 3, 3, 3 and 1."""
    widths = []

    def kept(edges):
        widths.append(len(edges))
        return edges

    options = {"rewirings": 10, "swaps_per_edge": 40, "progress": False}
    edges, n_accepted, n_swaps = map_rewirings(
        "here", kept, PATH, **options, block_bytes=3 * (25 + 4 * 8 + 1), key=jax.random.key(0)
    )
    assert widths == [3, 3, 3, 1]
    assert (edges.shape, n_swaps) == ((10, 4, 2), 160)
    assert n_accepted.min() > 0
    assert len({tuple(map(tuple, each.tolist())) for each in edges}) > 7


def test_what_is_given_is_not_changed():
    before = PATH.edges.copy()
    rewire(PATH, key=jax.random.key(0))
    np.testing.assert_array_equal(PATH.edges, before)


def test_a_key_is_used_once():
    key = jax.random.key(0)
    rewire(PATH, key=key)
    with pytest.raises(jax.errors.KeyReuseError):
        rewire(PATH, key=key)


@pytest.mark.parametrize("name", ["rewirings", "swaps_per_edge"])
def test_whole_numbers(name):
    for wrong in (True, 2.0):
        assert refusal(TypeError, **{name: wrong}) == f"rewire: expected {name} to be a whole number, got {wrong}."
    assert rewire(PATH, **{name: np.int64(2)}, key=jax.random.key(0)).edges.shape[1:] == (4, 2)


def refusal(kind, graph=PATH, **named):
    with pytest.raises(kind) as e:
        rewire(graph, key=jax.random.key(0), **named)
    return str(e.value)


def test_refusals():
    assert refusal(ValueError, Graph(2, [(0, 1)])) == (
        "rewire: expected an undirected graph, got Graph(2 nodes, 1 directed edges). "
        "Read its edges without direction: graph.undirected()."
    )
    assert refusal(ValueError, rewirings=0) == "rewire: expected rewirings to be at least 1, got 0."
    assert refusal(ValueError, swaps_per_edge=-1) == "rewire: expected swaps_per_edge to be at least 0, got -1."
    assert refusal(ValueError, Graph(2**16 + 1, [(0, 1)], directed=False)) == (
        "rewire: expected at most 65536 nodes, got 65537: a rewiring marks its edges in an n x n table. "
        "Leave out nodes without edges."
    )


def test_repr():
    found = Rewired(np.zeros((2, 1_000, 2), np.int32), np.array([2_000, 3_000]), 10_000)
    assert repr(found) == "Rewired(2 graphs, 1,000 edges, 2,500 of 10,000 swaps made on average)"
