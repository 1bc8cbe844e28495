import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from circuits.gate_networks.gate_wirings import at_random, balanced, candidates, is_matched, readers
from circuits.gates import swap

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 12)


@given(seed=seeds, n=sizes, width=st.integers(1, 50))
def test_a_balanced_wiring_reads_all_nodes_equally_often_and_has_no_twins(seed, n, width):
    reads = balanced(np.random.default_rng(seed), n, width)
    assert (reads.shape, reads.dtype) == ((2, width), np.int32)
    counts = np.bincount(reads.ravel(), minlength=n)
    assert len(counts) == n
    assert counts.max() - counts.min() <= 1
    assert n == 1 or (reads[0] != reads[1]).all()
    assert is_matched(reads, n) == (n == width)


@pytest.mark.parametrize(("n", "width"), [(2, 1), (2, 2), (2, 3), (2, 999), (3, 2), (1, 5), (1, 1), (1000, 3)])
def test_balanced_at_the_edges(n, width):
    for seed in range(20):
        reads = balanced(np.random.default_rng(seed), n, width)
        counts = np.bincount(reads.ravel(), minlength=n)
        assert counts.max() - counts.min() <= 1
        assert n == 1 or (reads[0] != reads[1]).all()


def test_the_seed_decides_a_wiring():
    for draw in (balanced, at_random):
        one, same, other = (draw(np.random.default_rng(seed), 30, 40) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()


def test_all_ordered_pairs_are_drawn_alike():
    first, second = at_random(np.random.default_rng(0), 4, 12_000)
    counts = np.bincount(4 * first + second, minlength=16).reshape(4, 4)
    assert (np.diag(counts) == 0).all()
    expected = 1000
    assert np.abs(counts[~np.eye(4, dtype=bool)] - expected).max() < 5 * np.sqrt(expected)


def test_one_node_is_read_twice():
    assert at_random(np.random.default_rng(0), 1, 3).tolist() == [[0, 0, 0]] * 2
    assert balanced(np.random.default_rng(0), 1, 3).tolist() == [[0, 0, 0]] * 2


@given(seed=seeds, n=sizes, width=sizes, choices=sizes)
def test_candidates_are_balanced_wirings_or_all_nodes(seed, n, width, choices):
    reads = candidates(np.random.default_rng(seed), n, width, choices)
    assert reads.shape == (min(choices, n), 2, width)
    if choices >= n:
        assert (reads == np.arange(n)[:, None, None]).all()
    else:
        for wiring in reads:
            counts = np.bincount(wiring.ravel(), minlength=n)
            assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("width", [40, 50])
def test_both_inputs_have_a_choice(width):
    """Also where gate i reads node i first, as in each balanced wiring of a square layer."""
    reads = candidates(np.random.default_rng(0), 40, width, 4)
    assert width != 40 or (reads[0, 0] == np.arange(40)).all()
    distinct = (np.diff(np.sort(reads, axis=0), axis=0) > 0).sum(axis=0) + 1
    assert (distinct.mean(axis=1) > 3.5).all()


@given(seed=seeds, n=sizes, width=sizes, choices=st.integers(1, 3))
def test_readers_add_up_what_a_scatter_adds_up(seed, n, width, choices):
    rng = np.random.default_rng(seed)
    reads, g = rng.integers(0, n, (choices, 2, width)), rng.integers(-9, 9, choices * 2 * width)
    expected = np.zeros(n, int)
    np.add.at(expected, reads.ravel(), g)
    table = readers(reads, n)
    if table is None:
        assert np.bincount(reads.ravel()).max() > 64
        return
    assert (table.dtype, table.shape) == (np.int32, (np.bincount(reads.ravel()).max(), n))
    np.testing.assert_array_equal(np.append(g, 0)[table].sum(axis=0), expected)


def test_there_are_no_readers_past_64_of_a_node():
    table = readers(np.zeros((2, 32), np.int32), 3)
    assert table is not None
    assert table.shape == (64, 3)
    assert readers(np.zeros((2, 33), np.int32), 3) is None


@given(seed=seeds, width=st.integers(1, 30))
def test_a_wiring_that_reads_each_node_twice_splits_into_two_perfect_matchings(seed, width):
    """So nothing is lost by the form in which gate i reads nodes i and p(i): gates are only put in another order."""
    rng = np.random.default_rng(seed)
    reads = rng.permutation(np.repeat(np.arange(width), 2)).reshape(2, width)  # twins and doubles included
    tables = rng.integers(0, 16, width)
    of_gate = csr_array((np.ones(2 * width), (np.tile(np.arange(width), 2), reads.ravel())), shape=(width, width))
    gate_of = maximum_bipartite_matching(of_gate, perm_type="row")  # of each node
    assert sorted(gate_of) == list(range(width))
    given_first = reads[0, gate_of] == np.arange(width)
    other = np.where(given_first, reads[1, gate_of], reads[0, gate_of])
    form = np.stack([np.arange(width), other])
    assert is_matched(form, width)
    in_form = np.where(given_first, tables[gate_of], [swap(table) for table in tables[gate_of]])
    x = rng.integers(0, 2, (64, width))
    values = tables >> (x[:, reads[0]] + 2 * x[:, reads[1]]) & 1
    np.testing.assert_array_equal(in_form >> (x[:, form[0]] + 2 * x[:, form[1]]) & 1, values[:, gate_of])


def test_is_matched_needs_nodes_in_order_and_a_permutation():
    assert is_matched(np.array([[0, 1], [1, 0]]), 2)
    assert is_matched(np.array([[0, 1], [0, 1]]), 2)
    assert not is_matched(np.array([[1, 0], [0, 1]]), 2)
    assert not is_matched(np.array([[0, 1], [0, 0]]), 2)
    assert not is_matched(np.array([[0, 1], [1, 0]]), 3)
