"""The search leaves nothing out, and its data come with the package."""

import numpy as np
import pytest

from circuits import recognise
from circuits.threshold.minimal_networks import networks
from circuits.threshold.network_search import FourInputSearch, all_units


def total(network):
    return sum(abs(weight) for weights, _ in network for weight in weights)


@pytest.mark.parametrize(("n", "functions"), [(0, 2), (1, 4), (2, 14), (3, 104), (4, 1882), (5, 94572)])
def test_all_threshold_functions_are_there(n, functions):
    units = all_units(n)
    # A000609.
    assert len(np.unique(units.tables)) == len(units.tables) == functions
    for k in np.linspace(0, functions - 1, 50).astype(int):
        unit = recognise(int(units.tables[k]), n)
        assert np.abs(unit.weights).sum() == units.sums[k]
        np.testing.assert_array_equal(unit.weights, units.weights[k])
        assert unit.threshold == units.thresholds[k]


def test_those_of_small_weights():
    few, every = all_units(5, most=6), all_units(5)
    np.testing.assert_array_equal(np.sort(few.tables), np.sort(every.tables[every.sums <= 6]))


def test_one_and_two_units_are_searched_in_full():
    search = FourInputSearch()
    search.one_unit()
    assert len(search.found) == 15
    search.two_units()
    assert len(search.found) == 189
    for least, network in search.found.items():
        assert len(network) == len(networks()[least])
        assert total(network) == total(networks()[least])


@pytest.mark.slow
def test_three_units_are_searched_by_ascending_weights():
    search = FourInputSearch()
    search.one_unit()
    search.two_units()
    search.three_units()
    assert {least: total(network) for least, network in search.found.items()} == {
        least: total(network) for least, network in networks().items()
    }
