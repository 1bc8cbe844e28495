"""Every circuit computes its table, and fewer units do not: trades of four rows refute any two units."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import evaluate, minimal_network, npn, recognise
from circuits.threshold.minimal_networks import networks, table_of_network


def values(table, n=4):
    return (table >> np.arange(1 << n) & 1).astype(bool)


def test_of_222_classes_15_need_one_unit_174_two_and_33_three():
    assert Counter(len(network) for network in networks().values()) == {1: 15, 2: 174, 3: 33}
    np.testing.assert_array_equal(sorted(networks()), np.unique(npn(np.arange(1 << 16), 4)))


@given(st.integers(0, 4).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, (1 << (1 << n)) - 1))))
def test_any_table_is_computed(all_rows, case):
    n, table = case
    circuit = minimal_network(table, n)
    np.testing.assert_array_equal(evaluate(circuit, all_rows(n))[:, 0], values(table, n))
    np.testing.assert_array_equal(evaluate(minimal_network(values(table, n), n), all_rows(n))[:, 0], values(table, n))
    assert circuit.input_names == tuple(f"x{i}" for i in range(n))
    assert (circuit.n_units == 1) == bool(recognise(table, n))


def test_all_classes_are_computed(all_rows):
    for table, network in networks().items():
        assert table_of_network(network) == table
        circuit = minimal_network(table, 4)
        np.testing.assert_array_equal(evaluate(circuit, all_rows(4))[:, 0], values(table))
        assert circuit.n_units == len(network)


def test_no_single_unit_computes_the_others():
    found = recognise(np.array(sorted(networks())), 4).found
    assert found.tolist() == [len(networks()[table]) == 1 for table in sorted(networks())]


def test_no_two_units_compute_33_of_them():
    # The output reads the inputs and one unit h. Two true rows with the same inputs and the same h in sum as two false
    # rows are a contradiction, whatever the weights are: a trading transform of (x, h).
    hidden = np.flatnonzero(recognise(np.arange(1 << 16), 4).found)
    assert len(hidden) == 1882
    h = hidden[:, None] >> np.arange(16) & 1
    # Pairs of rows with the same sum have the same AND and the same XOR.
    sums = {}
    for pair in itertools.combinations(range(16), 2):
        sums.setdefault((pair[0] & pair[1], pair[0] ^ pair[1]), []).append(pair)
    for table in (table for table, network in networks().items() if len(network) == 3):
        refuted = np.zeros(len(hidden), bool)
        for pairs in sums.values():
            for (a, b), (c, d) in itertools.permutations(pairs, 2):
                if all(table >> row & 1 for row in (a, b)) and not any(table >> row & 1 for row in (c, d)):
                    refuted |= h[:, a] + h[:, b] == h[:, c] + h[:, d]
        assert refuted.all(), f"{table:#x}"


def test_parity_of_four_takes_three_units():
    assert minimal_network(0x6996, 4).n_units == 3


@pytest.mark.parametrize(
    ("table", "n", "message"),
    [
        (0, 5, "expected n in 0..4, got 5."),
        (16, 2, "expected a table of 4 bits for n = 2, got 0x10."),
        (np.arange(4), 2, "expected one table, got shape (4,); call it for each."),
    ],
)
def test_wrong_tables(table, n, message, error):
    assert error(ValueError, minimal_network, table, n) == f"minimal_network: {message}"
