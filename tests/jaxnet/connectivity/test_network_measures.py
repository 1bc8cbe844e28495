"""Counts by hand and against matrices; depth against matrix powers; the connectome's known numbers."""

import csv
import itertools
import os
from pathlib import Path

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxnet import Graph, Wiring, degrees, density, depth, fan_in, fan_out
from jaxnet.networks.wiring import levels

MATRICES = st.integers(2, 8).flatmap(lambda n: hnp.arrays(bool, (n, n))).map(lambda a: a & ~np.eye(len(a), dtype=bool))


@pytest.fixture(scope="module")
def celegans():
    data = Path(os.environ["JAXNET_DATA"])
    folder = data / "connectome" / "celegans"
    if not folder.is_dir():
        pytest.skip(f"needs the connectome in {folder}; JAXNET_DATA names another data folder")
    return folder


def pairs(path):
    with path.open(newline="") as file:
        return [row[:2] for row in list(csv.reader(file))[1:]]


@hypothesis.given(MATRICES)
def test_counts_against_the_matrix(matrix):
    graph = Graph.from_adjacency(matrix)
    n = len(matrix)
    np.testing.assert_array_equal(fan_in(graph), matrix.sum(axis=0))
    np.testing.assert_array_equal(fan_out(graph), matrix.sum(axis=1))
    np.testing.assert_array_equal(degrees(graph), matrix.sum(axis=0) + matrix.sum(axis=1))
    assert density(graph) == matrix.sum() / (n * (n - 1))
    np.testing.assert_array_equal(degrees(graph.undirected()), (matrix | matrix.T).sum(axis=0))
    assert density(graph.undirected()) == (matrix | matrix.T).sum() / (n * (n - 1))


@hypothesis.given(MATRICES)
def test_depth_is_the_last_power_of_the_matrix_that_is_not_zero(matrix):
    """Entry i, j of A^d counts the paths of d edges; in a loop-free graph none is longer than n - 1."""
    matrix = np.triu(matrix)
    order = np.random.default_rng(len(matrix)).permutation(len(matrix))
    power, expected = np.eye(len(matrix), dtype=int), 0
    while (power := power @ matrix).any():
        expected += 1
    assert depth(Graph.from_adjacency(matrix[order][:, order])) == expected


@hypothesis.given(MATRICES)
def test_the_cycle_in_the_error_is_one(matrix):
    graph = Graph.from_adjacency(matrix)
    if np.linalg.matrix_power(matrix.astype(int), len(matrix)).any():
        with pytest.raises(ValueError, match="got the cycle") as e:
            depth(graph)
        cycle = [int(node) for node in str(e.value).split("cycle ")[1].split(". ")[0].split(" -> ")]
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1 >= 2
        assert all(matrix[i, j] for i, j in itertools.pairwise(cycle))
    else:
        assert depth(graph) < len(matrix)


def test_depth_of_a_wiring_is_its_last_level():
    offsets, sources = np.array([0, 2, 4, 4, 6]), np.array([0, 1, 2, 1, 3, 4])
    wiring = Wiring(2, offsets, sources, [5])
    assert depth(Graph.from_wiring(wiring)) == levels(2, offsets, sources)[5] == 3


def test_the_wording_of_a_cycle():
    graph = Graph.from_pairs([("AVAL", "PVCL"), ("PVCL", "AVBL"), ("AVBL", "PVCL"), ("AVBL", "DVA")])
    with pytest.raises(ValueError) as e:  # noqa: PT011
        depth(graph)
    assert str(e.value) in [
        f"depth: expected a loop-free graph, got the cycle {cycle}. "
        "Depth is the length of the longest path: remove an edge of each cycle."
        for cycle in ("PVCL -> AVBL -> PVCL", "AVBL -> PVCL -> AVBL")
    ]


def test_a_long_cycle_is_shortened():
    with pytest.raises(ValueError, match="got the cycle ") as e:
        depth(Graph(1000, [(i, (i + 1) % 1000) for i in range(1000)]))
    cycle = str(e.value).split("cycle ")[1].split(". ")[0]
    assert cycle == "0 -> 1 -> 2 -> 3 -> 4 -> (992 more) -> 997 -> 998 -> 999 -> 0"


def test_a_path_of_a_hundred_thousand_edges():
    """Deeper than Python calls may be nested."""
    n = 100_001
    order = np.random.default_rng(0).permutation(n)
    assert depth(Graph(n, np.stack([order[:-1], order[1:]], axis=1))) == n - 1


def test_small_graphs():
    for n in (0, 1):
        assert np.isnan(density(Graph(n, [])))
        assert depth(Graph(n, [])) == 0
        assert degrees(Graph(n, [])).tolist() == [0] * n
    assert density(Graph(2, [])) == 0
    for count in (degrees, fan_in, fan_out):
        assert count(Graph(3, [])).dtype == np.int64


@pytest.mark.parametrize(
    ("function", "fix"),
    [
        (fan_in, " For the number of edges of a node use degrees."),
        (fan_out, " For the number of edges of a node use degrees."),
        (depth, ""),
    ],
)
def test_directions_are_not_made_up(function, fix):
    with pytest.raises(ValueError) as e:  # noqa: PT011
        function(Graph(2, [(0, 1)], directed=False))
    expected = "expected a directed graph, got Graph(2 nodes, 1 undirected edges)."
    assert str(e.value) == f"{function.__name__}: {expected}{fix}"


@pytest.mark.parametrize("function", [degrees, fan_in, fan_out, density, depth])
def test_other_things_are_refused(function):
    with pytest.raises(TypeError) as e:
        function(Wiring(1, [0], [], [0]))
    assert str(e.value) == (
        f"{function.__name__}: expected a jaxnet.Graph, got Wiring. "
        "Make one, for example Graph.from_wiring(wiring) or Graph.from_weights(params)."
    )


def test_the_connectome_in_two_readings(celegans):
    """2,990 arcs and 2,287 edges; the one without directions is the other, as the file of the data says."""
    arcs = pairs(celegans / "celegans279_directed_weighted.csv")
    with pytest.raises(ValueError, match=r"to itself\. Leave it out, or pass simplify=True\.$"):
        Graph.from_pairs(arcs)
    directed = Graph.from_pairs(arcs, simplify=True)
    edges = pairs(celegans / "celegans279_undirected.csv")
    undirected = Graph.from_pairs(edges, directed=False, names=directed.names)
    assert (directed.n_nodes, directed.n_edges, undirected.n_edges) == (279, 2990, 2287)
    np.testing.assert_array_equal(directed.undirected().edges, undirected.edges)
    assert degrees(undirected).max() == 93
