"""The gallery: each circuit fits the page, and a few are known."""

import numpy as np
import pytest

from circuits import truth_table
from circuits.playground.choices import MOST_INPUTS, MOST_UNITS, from_gallery
from circuits.playground.gallery import NAMES, circuit_named


@pytest.mark.parametrize("name", NAMES)
def test_each_circuit_fits_the_page(name):
    choice = from_gallery(name)
    assert (choice.name, choice.message) == (name, "")
    assert 1 <= choice.circuit.n_inputs <= MOST_INPUTS
    assert choice.units.n_units <= MOST_UNITS


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("XOR", [0, 1, 1, 0]),
        ("implication", [1, 0, 1, 1]),
        ("exactly one of 3", [0, 1, 1, 0, 1, 0, 0, 0]),
        ("majority of 3", [0, 0, 0, 1, 0, 1, 1, 1]),
        ("multiplexer", [0, 0, 0, 1, 1, 0, 1, 1]),
    ],
)
def test_values_that_are_known(name, values):
    assert np.asarray(truth_table(circuit_named(name)))[:, 0].astype(int).tolist() == values
