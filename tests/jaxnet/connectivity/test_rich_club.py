"""The rich club by hand, by brute force, against networkx, and of C. elegans."""

import csv
import os
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np
import pytest

from jaxnet import Graph, RichClub, degrees, normalised_rich_club, rewire, rich_club_coefficient, rich_club_members

# Four hubs, all connected, with two neighbours each in a ring of eight.
RING = [(4 + i, 4 + (i + 1) % 8) for i in range(8)]
CLUB = Graph(
    12, [(i, j) for i in range(4) for j in range(i)] + [(i % 4, 4 + i) for i in range(8)] + RING, directed=False
)
STAR = Graph(5, [(0, i) for i in range(1, 5)], directed=False)
TWO_STARS = Graph(10, [(i, j) for i in (0, 1) for j in range(2 + 4 * i, 6 + 4 * i)], directed=False)


# Two hubs that meet, three neighbours each, and an edge apart.
MET = Graph(10, [(0, 1), *((i % 2, i) for i in range(2, 8)), (8, 9)], directed=False)


@pytest.fixture(scope="module")
def connectome():
    data = Path(os.environ["JAXNET_DATA"])
    path = data / "connectome" / "celegans" / "celegans279_undirected.csv"
    if not path.is_file():
        pytest.skip(f"needs the connectome in {path}; JAXNET_DATA names another data folder")
    with path.open(newline="") as file:
        return Graph.from_pairs(list(csv.reader(file))[1:], directed=False)


@st.composite
def graphs(draw):
    n = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Graph.from_adjacency(np.triu(rng.random((n, n)) < draw(st.floats(0, 1)), 1)).undirected()


def brute_force(graph, k):
    members = set(np.flatnonzero(degrees(graph) > k).tolist())
    edges = sum(u in members and v in members for u, v in graph.edges.tolist())
    return edges / (len(members) * (len(members) - 1) / 2) if len(members) > 1 else np.nan


def run(graph, seed=0, **named):
    return normalised_rich_club(graph, key=jax.random.key(seed), **{"rewirings": 100, **named})


def test_phi_by_hand():
    """Hubs have degree 5 and all six edges they could have; the others have degree 3."""
    np.testing.assert_allclose(rich_club_coefficient(CLUB), [22 / 66, 22 / 66, 22 / 66, 1, 1, np.nan])
    np.testing.assert_allclose(rich_club_coefficient(STAR), [0.4, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(rich_club_coefficient(TWO_STARS)[1:], [0, 0, 0, np.nan])


@hypothesis.given(graphs())
def test_phi_against_brute_force(graph):
    expected = [brute_force(graph, k) for k in range(degrees(graph).max(initial=0) + 1)]
    np.testing.assert_allclose(rich_club_coefficient(graph), expected, rtol=1e-15)


@hypothesis.given(graphs())
def test_phi_against_networkx(graph):
    networkx = pytest.importorskip("networkx")
    hypothesis.assume(graph.n_edges > 0)
    expected = networkx.rich_club_coefficient(graph.to_networkx(), normalized=False)
    found = rich_club_coefficient(graph)
    assert expected == pytest.approx({k: phi for k, phi in enumerate(found.tolist()) if not np.isnan(phi)})


def test_members():
    assert rich_club_members(CLUB, 4) == (0, 1, 2, 3)
    assert rich_club_members(CLUB, 5) == ()
    named = Graph(3, [(0, 1), (1, 2)], directed=False, names=["AVAL", "DVA", "PVCL"])
    assert rich_club_members(named, 1) == ("DVA",)


def test_normalised_is_over_the_rewired_graphs():
    """The same statistics, from the edges that `rewire` gives for the same key, graph by graph."""
    found = run(CLUB, seed=7, quantiles=(0.1, 0.8))
    rewired = rewire(CLUB, key=jax.random.key(7), rewirings=100)
    random = np.array([rich_club_coefficient(Graph(12, edges, directed=False)) for edges in rewired.edges])
    np.testing.assert_array_equal(found.phi, rich_club_coefficient(CLUB))
    low, high = np.quantile(random, [0.1, 0.8], axis=0)
    for value, expected in (
        (found.mean, random.mean(axis=0)),
        (found.low, low),
        (found.high, high),
        (found.normalised, found.phi / random.mean(axis=0)),
        (found.normalised_low, found.phi / high),
        (found.normalised_high, found.phi / low),
        (found.p_value[:-1], (1 + (random >= found.phi).sum(axis=0)[:-1]) / 101),
    ):
        np.testing.assert_allclose(value, expected, rtol=1e-12)
    assert np.isnan(found.p_value[-1])
    np.testing.assert_array_equal(found.n_accepted, rewired.n_accepted)
    assert (found.n_swaps, found.n_rewirings, found.quantiles) == (220, 100, (0.1, 0.8))
    np.testing.assert_array_equal(found.k, np.arange(6))
    np.testing.assert_array_equal(found.n_members, [12, 12, 12, 4, 4, 0])


def test_where_the_degrees_explain_all():
    """k = 0 has all edges of any graph; a star is the only graph of its degrees."""
    for graph in (CLUB, STAR):
        found = run(graph)
        assert found.normalised[0] == found.normalised_low[0] == found.normalised_high[0] == found.p_value[0] == 1
    assert run(STAR).n_accepted.sum() == 0


def test_a_club_is_above_the_band_and_strangers_are_not():
    club, strangers = run(CLUB, rewirings=400), run(TWO_STARS, rewirings=400)
    assert club.normalised_low[4] > 1
    assert club.normalised[4] > 1.3
    assert club.p_value[4] < 0.05
    assert (strangers.normalised[1:4] == 0).all()
    assert (strangers.p_value[1:4] == 1).all()
    assert (strangers.mean[1:4] > 0.1).all()


def test_infinite_and_undefined_ratios():
    """Where no rewired graph has an edge among the members: none is made at all here, so they are the graph itself."""
    found = run(TWO_STARS, swaps_per_edge=0, rewirings=3)
    np.testing.assert_array_equal(found.normalised, [1, np.nan, np.nan, np.nan, np.nan])
    strangers = run(TWO_STARS, rewirings=300)
    assert strangers.low[1] == 0
    assert np.isnan(strangers.normalised_high[1])
    met = run(MET, rewirings=300)
    assert met.low[1] == 0
    assert np.isposinf(met.normalised_high[1])
    assert 1 < met.normalised[1] < np.inf
    alone = [run(MET, seed=seed, rewirings=1) for seed in range(20)]
    assert {found.normalised[1] for found in alone} == {1, np.inf}


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_graph_without_edges(n):
    found = run(Graph(n, [], directed=False), rewirings=2)
    assert found.k.tolist() == [0]
    assert found.n_members.tolist() == [0]
    assert np.isnan(found.phi).all()
    assert repr(found) == "RichClub(k = 0..0, 2 rewirings, 0 swaps each)"


def test_the_same_key_gives_the_same_result():
    a, b, c = run(CLUB, seed=1), run(CLUB, seed=1), run(CLUB, seed=2)
    for field in RichClub._fields:
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    assert not np.array_equal(a.mean, c.mean)


def test_refusals():
    directed = Graph(2, [(0, 1)])
    for name, function in (
        ("rich_club_coefficient", rich_club_coefficient),
        ("rich_club_members", lambda graph: rich_club_members(graph, 1)),
        ("normalised_rich_club", run),
    ):
        with pytest.raises(ValueError) as e:  # noqa: PT011
            function(directed)
        assert str(e.value) == (
            f"{name}: expected an undirected graph, got Graph(2 nodes, 1 directed edges). "
            "Read its edges without direction: graph.undirected()."
        )
    for quantiles in ((0.9, 0.1), (-0.1, 0.5), (0.5, 1.1)):
        with pytest.raises(ValueError) as e:  # noqa: PT011
            run(CLUB, quantiles=quantiles)
        assert str(e.value) == f"normalised_rich_club: expected quantiles in order within 0..1, got {quantiles}."
    with pytest.raises(ValueError, match=r"^normalised_rich_club: expected rewirings to be at least 1, got 0\."):
        run(CLUB, rewirings=0)


def test_whole_numbers():
    for wrong in (True, 2.0):
        with pytest.raises(TypeError, match=r"^rich_club_members: expected k to be a whole number, got "):
            rich_club_members(CLUB, wrong)  # pyright: ignore
        with pytest.raises(TypeError, match=r"^normalised_rich_club: expected swaps_per_edge to be a whole number"):
            run(CLUB, swaps_per_edge=wrong)
    with pytest.raises(ValueError, match=r"^rich_club_members: expected k to be at least 0, got -1\."):
        rich_club_members(CLUB, -1)
    assert rich_club_members(CLUB, np.int64(4)) == (0, 1, 2, 3)
    assert run(CLUB, rewirings=np.int64(2)).n_rewirings == 2


def test_the_rich_club_of_c_elegans(connectome):
    """E. K. Towlson and others (2013): eleven neurons of degree above 40, phi(40) = 0.8364 = 46/55."""
    phi = rich_club_coefficient(connectome)
    assert phi[40] == 46 / 55
    assert round(phi[40], 4) == 0.8364
    club = {f"{neuron}{side}" for neuron in ("AVA", "AVB", "AVD", "AVE", "PVC") for side in "LR"} | {"DVA"}
    members = rich_club_members(connectome, 40)
    assert len(members) == 11
    assert set(members) == club


def test_the_club_of_c_elegans_is_more_than_its_degrees(connectome):
    found = run(connectome, rewirings=100)
    assert found.normalised_low[40] > 1.1
    assert 1.3 < found.normalised[40] < 1.42
    assert found.p_value[40] == 1 / 101
    assert 0.70 < found.n_accepted.mean() / found.n_swaps < 0.78


@pytest.mark.slow
def test_the_null_of_c_elegans_against_networkx(connectome):
    """Their swaps and ours have the same mean, within 4 standard errors of theirs."""
    networkx = pytest.importorskip("networkx")
    theirs = []
    for seed in range(8):
        graph = connectome.to_networkx()
        networkx.double_edge_swap(graph, nswap=2 * connectome.n_edges, max_tries=10**6, seed=seed)
        theirs.append(rich_club_coefficient(Graph.from_networkx(graph))[40])
    ours = run(connectome, rewirings=200)
    assert abs(np.mean(theirs) - ours.mean[40]) < 4 * np.std(theirs, ddof=1) / np.sqrt(len(theirs))
