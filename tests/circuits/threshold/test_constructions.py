"""Small circuits of units are proved equal to the gates of the library, with the units and depths they promise."""

import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import Equivalent, depth, equivalent, evaluate, library, to_circuit
from circuits.threshold.constructions import adder, cnf, comparator, dnf, full_adder, multiplexer


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize(
    ("make", "twin", "units"),
    [(adder, library.adder, lambda n: 2 * n), (comparator, library.comparator, lambda n: 3)],
    ids=["adder", "comparator"],
)
def test_arithmetic_is_proved(make, twin, units, n):
    circuit = make(n)
    assert (circuit.n_units, depth(circuit)) == (units(n), 2)
    assert np.abs(circuit.weights).max() <= max(2, 2 ** (n - 1))
    assert isinstance(equivalent(to_circuit(circuit), twin(n)), Equivalent)


def test_wide_numbers_are_added_exactly():
    a, b = 2**60 - 1, 2**59 + 12345
    bits = [number >> i & 1 for number in (a, b) for i in range(60)]
    assert sum(int(bit) << i for i, bit in enumerate(evaluate(adder(60), bits))) == a + b
    assert evaluate(comparator(60), bits).tolist() == [False, False, True]


@pytest.mark.parametrize("make", [adder, comparator])
def test_wider_numbers_are_refused(make):
    with pytest.raises(ValueError, match=rf"^{make.__name__}: expected n in 1\.\.60, got 61\.$"):
        make(61)


def test_a_full_adder(all_rows):
    x = all_rows(3)
    np.testing.assert_array_equal(evaluate(full_adder(), x) @ [1, 2], x.sum(1))


@pytest.mark.parametrize("n_select", [0, 1, 2, 3])
def test_multiplexers_are_proved(n_select):
    circuit = multiplexer(n_select)
    assert (circuit.n_units, depth(circuit)) == (2**n_select, min(2, n_select + 1))
    assert isinstance(equivalent(to_circuit(circuit), library.multiplexer(n_select)), Equivalent)


@given(rows=st.lists(st.text("01-", min_size=4, max_size=4), max_size=5))
def test_normal_forms(rows, all_rows):
    x = all_rows(4)
    agree = np.array(
        [[[bit != "-" and int(bit) == on for bit, on in zip(row, point, strict=True)] for point in x] for row in rows]
    )
    cares = np.array([[bit != "-" for bit in row] for row in rows])
    products = [(agree[i] | ~cares[i]).all(-1) for i in range(len(rows))]
    clauses = [agree[i].any(-1) for i in range(len(rows))]
    either, both = dnf(rows, 4), cnf(rows, 4)
    np.testing.assert_array_equal(evaluate(either, x)[:, 0], np.any([np.zeros(16, bool), *products], axis=0))
    np.testing.assert_array_equal(evaluate(both, x)[:, 0], np.all([np.ones(16, bool), *clauses], axis=0))
    for circuit in (either, both):
        assert depth(circuit) <= 2
        assert circuit.n_units <= len(rows) + 1
        assert set(circuit.weights.tolist()) <= {1, -1}


@pytest.mark.parametrize(
    ("rows", "n", "message"),
    [
        ([], None, "dnf: expected n, the number of inputs, where there are no rows."),
        (["10", "1"], None, "dnf: expected row 1 to be 2 of the characters 0, 1 and -, got '1'."),
        (["1x"], None, "dnf: expected row 0 to be 2 of the characters 0, 1 and -, got '1x'."),
    ],
)
def test_what_is_no_normal_form(rows, n, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dnf(rows, n)
