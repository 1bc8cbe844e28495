"""Graphs by hand, there and back, and what they refuse, in its exact words."""

import itertools
import sys

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

import jaxnet
from jaxnet import Graph, Neuron, ShapeError, Wiring

XOR = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])


def message(kind, function, *arguments, **named):
    with pytest.raises(kind) as caught:
        function(*arguments, **named)
    assert type(caught.value) is kind
    return str(caught.value)


@st.composite
def graphs(draw):
    n, directed = draw(st.integers(0, 7)), draw(st.booleans())
    pairs = (itertools.permutations if directed else itertools.combinations)(range(n), 2)
    chosen = [pair for pair in pairs if draw(st.booleans())]
    return Graph(n, draw(st.permutations(chosen)), directed=directed)


def same(a, b):
    return (a.n_nodes, a.directed, a.names, a.edges.tolist()) == (b.n_nodes, b.directed, b.names, b.edges.tolist())


def test_edges_are_sorted_and_read_only():
    directed = Graph(4, np.array([[3, 1], [1, 3], [0, 2]], np.uint8))
    assert directed.edges.tolist() == [[0, 2], [1, 3], [3, 1]]
    undirected = Graph(4, [(3, 1), (2, 0)], directed=False)
    assert undirected.edges.tolist() == [[0, 2], [1, 3]]
    for graph in (directed, undirected):
        assert graph.edges.dtype == np.int32
        assert not graph.edges.flags.writeable
    assert (repr(directed), directed.n_edges) == ("Graph(4 nodes, 3 directed edges)", 3)
    assert repr(undirected) == "Graph(4 nodes, 2 undirected edges)"
    with pytest.raises(AttributeError):
        directed.n_nodes = 5  # pyright: ignore


def test_what_is_given_is_copied():
    edges = np.array([[0, 1], [1, 2]], np.int32)
    graph = Graph(3, edges)
    edges[0] = 2
    assert graph.edges.tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize("edges", [[], np.zeros((0, 2), np.int32)])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_graphs_without_edges(n, edges):
    assert Graph(n, edges).edges.shape == (0, 2)


def test_simplify_counts_once_and_leaves_loops_out():
    edges = [(1, 1), (0, 1), (1, 0), (0, 1), (2, 2)]
    assert Graph(3, edges, simplify=True).edges.tolist() == [[0, 1], [1, 0]]
    assert Graph(3, edges, directed=False, simplify=True).edges.tolist() == [[0, 1]]


def test_the_largest_node_numbers_do_not_wrap():
    """Node pairs are sorted as one number each, which passes 32 bits."""
    n = 2**31 - 1
    graph = Graph(n, [(n - 1, n - 2), (n - 1, 0), (0, n - 1)])
    assert graph.edges.tolist() == [[0, n - 1], [n - 1, 0], [n - 1, n - 2]]


@pytest.mark.parametrize(
    ("n", "edges", "directed", "words"),
    [
        (3, [(0, 1), (1, 3)], True, "edge 1 is (1, 3), expected nodes among 0..2."),
        (3, [(-1, 1)], True, "edge 0 is (-1, 1), expected nodes among 0..2."),
        (
            3,
            [(0, 1), (2, 2)],
            True,
            "expected edges between two nodes, got one from 2 to itself. Leave it out, or pass simplify=True.",
        ),
        (
            3,
            [(0, 1), (1, 2), (0, 1)],
            True,
            "expected each edge once, got 0 -> 1 more than once. "
            "Leave one out, or pass simplify=True to count them as one.",
        ),
        (
            3,
            [(0, 1), (1, 2), (2, 1)],
            False,
            "expected each edge once, got 1 - 2 more than once. "
            "Leave one out, or pass simplify=True to count them as one.",
        ),
        (-1, [], True, "expected n_nodes in 0..2147483647, got -1."),
        (2**31, [], True, "expected n_nodes in 0..2147483647, got 2147483648."),
    ],
)
def test_refusals(n, edges, directed, words):
    assert message(ValueError, Graph, n, edges, directed=directed) == f"Graph: {words}"


def test_whole_numbers():
    for wrong in (True, 2.0):
        assert message(TypeError, Graph, wrong, []) == f"Graph: expected n_nodes to be a whole number, got {wrong}."
        for graph in (Graph(3, []), Graph(3, [], names="abc")):
            assert message(TypeError, graph.name, wrong) == (
                f"Graph.name: expected node to be a whole number, got {wrong}."
            )
            assert message(ValueError, graph.name, 3) == "Graph.name: expected node in 0..2, got 3."
    assert Graph(np.int64(2), []).n_nodes == 2
    assert Graph(2, []).name(np.int64(1)) == 1
    assert Graph(2, [], names="ab").name(np.int64(1)) == "b"


def test_refusals_of_shapes_and_types():
    assert message(ShapeError, Graph, 2, np.eye(3, dtype=int)) == (
        "Graph: expected edges (E, 2), a source and a target each, got (3, 3). "
        "For an adjacency matrix use Graph.from_adjacency."
    )
    assert message(TypeError, Graph, 2, [(0.0, 1.0)]) == "Graph: expected integers in edges, got float64."
    assert message(ValueError, Graph, 2, [], names="a") == "Graph: expected 2 names, one per node, got 1."
    assert message(ValueError, Graph, 3, [], names="aba") == "Graph: expected distinct names, got 'a' twice."


def test_errors_name_the_nodes():
    assert "got one from AVAL to itself." in message(ValueError, Graph.from_pairs, [("AVAL", "AVAL")])
    assert "got A -> B more than once." in message(ValueError, Graph.from_pairs, [("A", "B"), ("A", "B")])


def test_undirected_merges_both_directions():
    graph = Graph(3, [(0, 1), (1, 0), (2, 1)], names="abc").undirected()
    assert (graph.edges.tolist(), graph.directed, graph.names) == ([[0, 1], [1, 2]], False, ("a", "b", "c"))
    assert same(graph.undirected(), graph)


def test_of_a_wiring():
    graph = Graph.from_wiring(XOR)
    assert graph.directed
    assert graph.edges.tolist() == [[0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert Graph.from_wiring(XOR, names=["a", "b", "both", "one"]).name(2) == "both"
    assert Graph.from_wiring(Wiring(3, [0], [], [0])).n_nodes == 3


def test_of_a_wiring_with_weights():
    params = Neuron(jnp.array([1.0, 0.0, -2.0, 0.5, 0.25], jnp.bfloat16), jnp.zeros(2))
    assert Graph.from_wiring(XOR, params).edges.tolist() == [[0, 2], [0, 3], [1, 3], [2, 3]]
    assert Graph.from_wiring(XOR, params, threshold=0.5).edges.tolist() == [[0, 2], [0, 3]]
    assert message(ShapeError, Graph.from_wiring, XOR, Neuron(np.zeros(4), np.zeros(2))) == (
        "Graph.from_wiring: expected weights (5,), one per edge, got (4,)."
    )


def test_a_wiring_with_an_edge_twice():
    twice = Wiring(1, [0, 2], [0, 0], [1])
    assert "got 0 -> 1 more than once." in message(ValueError, Graph.from_wiring, twice)
    assert Graph.from_wiring(twice, simplify=True).edges.tolist() == [[0, 1]]
    params = Neuron(np.array([0.0, 3.0]), np.zeros(1))
    assert Graph.from_wiring(twice, params).edges.tolist() == [[0, 1]]


def test_of_the_weights_of_an_mlp():
    params = (
        Neuron(np.array([[1.0, 0.0, -0.1], [0.0, np.inf, 2.0]]), np.zeros(2)),
        Neuron(np.array([[0.0, -1.0]]), np.zeros(1)),
    )
    expected = [[0, 3], [1, 4], [2, 3], [2, 4], [4, 5]]
    assert Graph.from_weights(params).edges.tolist() == expected
    assert Graph.from_weights(params).n_nodes == 6
    assert Graph.from_weights(params, threshold=0.1).edges.tolist() == [[0, 3], [1, 4], [2, 4], [4, 5]]
    assert Graph.from_weights(params, threshold=np.inf).n_edges == 0
    for nested in ([params[0], (params[1],)], ((params[0],), [[params[1]]]), [tuple(p) for p in params]):
        assert Graph.from_weights(nested).edges.tolist() == expected
    assert Graph.from_weights(params[0]).edges.tolist() == expected[:4]


def test_of_networks_as_they_are_made():
    net = jaxnet.chain(jaxnet.mlp([5, 4, 3]), jaxnet.layer(3, 2))
    shapes = jax.eval_shape(net.init, jax.random.key(0))
    graph = Graph.from_weights(jax.tree.map(lambda leaf: np.ones(leaf.shape), shapes))
    assert (graph.n_nodes, graph.n_edges) == (14, 5 * 4 + 4 * 3 + 3 * 2)
    np.testing.assert_array_equal(jaxnet.fan_in(graph), [0] * 5 + [5] * 4 + [4] * 3 + [3] * 2)
    np.testing.assert_array_equal(jaxnet.fan_out(graph), [4] * 5 + [3] * 4 + [2] * 3 + [0] * 2)
    assert jaxnet.depth(graph) == 3


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        (
            TypeError,
            {"w": np.eye(2)},
            "expected the parameters of an MLP, pairs (w, b) in tuples or lists, got dict. "
            "For those of a wiring use Graph.from_wiring(wiring, params).",
        ),
        (TypeError, (), "expected at least one layer, got none."),
        (
            ShapeError,
            Neuron(np.zeros(3), np.zeros(())),
            "expected weights (m, n), got (3,). For those of a wiring use Graph.from_wiring(wiring, params); "
            "for one unit, w[None] and b[None].",
        ),
        (
            ShapeError,
            (Neuron(np.eye(2), np.zeros(2)), Neuron(np.ones((1, 3)), np.zeros(1))),
            "expected 2 inputs in layer 2, one for each unit of layer 1, got weights (1, 3), for 3 inputs.",
        ),
    ],
)
def test_other_weights_are_refused(kind, params, words):
    assert message(kind, Graph.from_weights, params) == f"Graph.from_weights: {words}"


def test_nan_is_no_edge_and_no_gap():
    params = (Neuron(np.eye(2), np.zeros(2)), Neuron(np.array([[1.0, np.nan]]), np.zeros(1)))
    words = "expected numbers for weights, got NaN, which is neither an edge nor none."
    assert message(ValueError, Graph.from_weights, params) == f"Graph.from_weights: layer 2: {words}"
    assert message(ValueError, Graph.from_adjacency, [[0, np.nan], [0, 0]]) == f"Graph.from_adjacency: {words}"
    weights = Neuron(np.full(5, np.nan), np.zeros(2))
    assert message(ValueError, Graph.from_wiring, XOR, weights) == f"Graph.from_wiring: {words}"


@pytest.mark.parametrize("threshold", [-1.0, float("nan")])
def test_a_threshold_is_not_negative(threshold):
    assert message(ValueError, Graph.from_adjacency, np.zeros((2, 2)), threshold) == (
        f"Graph.from_adjacency: expected a threshold of 0 or more, got {threshold}."
    )


@hypothesis.given(graphs())
def test_adjacency_there_and_back(graph):
    matrix = np.zeros((graph.n_nodes, graph.n_nodes), bool)
    matrix[tuple(graph.edges.T)] = True
    if not graph.directed:
        matrix |= matrix.T
    assert same(Graph.from_adjacency(matrix, directed=graph.directed), graph)
    assert same(Graph.from_adjacency(-0.5 * matrix, directed=graph.directed), graph)
    assert same(Graph.from_adjacency(scipy.sparse.csr_array(matrix.astype(float)), directed=graph.directed), graph)


def test_sparse_entries_are_summed_before_the_threshold():
    matrix = scipy.sparse.coo_array(([1.0, -1.0, 0.5, 0.5], ([0, 0, 1, 1], [1, 1, 0, 0])), shape=(2, 2))
    assert Graph.from_adjacency(matrix, threshold=0.7).edges.tolist() == [[1, 0]]


def test_other_matrices_are_refused():
    assert message(ShapeError, Graph.from_adjacency, np.zeros((2, 3))) == (
        "Graph.from_adjacency: expected a square matrix, got shape (2, 3)."
    )
    assert message(ValueError, Graph.from_adjacency, [[0, 1], [0, 0]], directed=False) == (
        "Graph.from_adjacency: expected a symmetric matrix for an undirected graph, got an edge from 0 to 1 and none "
        "back. Read it as directed, and take Graph.undirected() of that."
    )
    assert "got one from 1 to itself." in message(ValueError, Graph.from_adjacency, [[0, 1], [0, 1]])
    assert Graph.from_adjacency([[1, 1], [1, 1]], directed=False, simplify=True).edges.tolist() == [[0, 1]]


def test_pairs_of_names():
    graph = Graph.from_pairs([["b", "a"], ["a", "c"]], names="abcd")
    assert (graph.n_nodes, graph.names, graph.edges.tolist()) == (4, ("a", "b", "c", "d"), [[0, 2], [1, 0]])
    assert Graph.from_pairs(iter([(2, 1), (1, 5)])).names == (2, 1, 5)
    assert message(ValueError, Graph.from_pairs, [("a", "e")], names="abcd") == (
        "Graph.from_pairs: expected pairs of the given names, got 'e', which is not among them."
    )
    assert message(ValueError, Graph.from_pairs, [("a", "b"), ("a", "b", 1)]) == (
        "Graph.from_pairs: expected pairs of names, got ('a', 'b', 1) in row 1."
    )


@hypothesis.given(graphs())
def test_networkx_there_and_back(graph):
    pytest.importorskip("networkx")
    named = Graph(graph.n_nodes, graph.edges, directed=graph.directed, names="abcdefg"[: graph.n_nodes])
    other = named.to_networkx()
    assert list(other.nodes) == list(named.names)
    assert other.is_directed() == graph.directed
    assert same(Graph.from_networkx(other), named)
    assert list(graph.to_networkx().nodes) == list(range(graph.n_nodes))


def test_networkx_multigraphs():
    networkx = pytest.importorskip("networkx")
    several = networkx.MultiDiGraph([(0, 1), (0, 1), (1, 1)])
    assert "to itself" in message(ValueError, Graph.from_networkx, several)
    assert Graph.from_networkx(several, simplify=True).edges.tolist() == [[0, 1]]


def test_anything_that_answers_like_networkx_is_read():
    """So that reading is tested where networkx is not installed."""

    class Stand:
        def is_directed(self):
            return False

        def nodes(self):
            return ["a", "b", "c"]

        def edges(self):
            return [("c", "a")]

    graph = Graph.from_networkx(Stand())
    assert (graph.names, graph.directed, graph.edges.tolist()) == (("a", "b", "c"), False, [[0, 2]])


def test_what_is_no_networkx_graph_is_refused():
    assert message(TypeError, Graph.from_networkx, XOR) == "Graph.from_networkx: expected a networkx graph, got Wiring."


def test_without_networkx_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    assert message(ImportError, Graph(2, [(0, 1)]).to_networkx) == (
        "Graph.to_networkx: networkx is not installed, and nothing else here needs it. "
        "Install it: pip install networkx."
    )
