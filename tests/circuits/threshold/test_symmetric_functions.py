"""Every symmetric function of up to six inputs, in as few units as promised; and the digits of a count."""

import itertools
import re

import numpy as np
import pytest

from circuits import Equivalent, depth, equivalent, evaluate, library, to_circuit
from circuits.threshold.symmetric_functions import parity, population_count, symmetric


@pytest.mark.parametrize("n", range(1, 7))
@pytest.mark.parametrize("skips", [False, True])
def test_every_symmetric_function(n, skips, all_rows):
    x = all_rows(n)
    for values in itertools.product((0, 1), repeat=n + 1):
        circuit = symmetric(values, skips=skips)
        np.testing.assert_array_equal(evaluate(circuit, x)[:, 0], np.array(values)[x.sum(1)])
        changes = sum(a != b for a, b in itertools.pairwise(values))
        assert depth(circuit) == (1 if changes < 2 else 2)
        assert circuit.n_units == (1 if changes < 2 else changes // 2 + 1 if skips else changes + 1)


def test_values_as_text():
    assert symmetric("0110").weights.tolist() == symmetric([0, 1, 1, 0]).weights.tolist()


@pytest.mark.parametrize("values", ["", "1", "012", [0, 2]])
def test_what_is_no_symmetric_function(values):
    message = f"symmetric: expected a bit for each number 0..n of inputs that are on, n at least 1, got {values!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        symmetric(values)


def test_a_number_is_no_symmetric_function(error):
    assert error(TypeError, symmetric, 5) == (
        "symmetric: expected the values for 0, 1, ..., n inputs that are on, got 5."
    )


@pytest.mark.parametrize(("form", "units", "weight"), [("layers", 10, 1), ("skips", 5, 2), ("chain", 4, 8)])
def test_forms_of_parity(form, units, weight, all_rows):
    circuit = parity(9, form)
    assert (circuit.n_units, np.abs(circuit.weights).max()) == (units, weight)
    assert depth(circuit) == (4 if form == "chain" else 2)
    np.testing.assert_array_equal(evaluate(circuit, all_rows(9))[:, 0], all_rows(9).sum(1) % 2)


@pytest.mark.parametrize("form", ["layers", "skips", "chain"])
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_parity_is_proved(form, n):
    assert isinstance(equivalent(to_circuit(parity(n, form)), library.parity(n)), Equivalent)


def test_no_such_form():
    with pytest.raises(ValueError, match=r"^parity: expected form to be one of 'layers', 'skips', 'chain', got 'x'\.$"):
        parity(3, "x")


@pytest.mark.parametrize("n", [1, 2, 7, 8, 12])
def test_population_counts_are_proved(n):
    circuit = population_count(n)
    assert circuit.n_units == depth(circuit) == n.bit_length()
    assert isinstance(equivalent(to_circuit(circuit), library.population_count(n)), Equivalent)


def test_the_count_of_many():
    x = np.random.default_rng(0).random((5, 1000)) < 0.5
    digits = evaluate(population_count(1000), x)
    np.testing.assert_array_equal(digits @ (1 << np.arange(10)), x.sum(1))
