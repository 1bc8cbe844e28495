import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import ThresholdUnit, parse, proposition, truth_table
from circuits.threshold import units
from circuits.threshold.propositions import _primes, inequality
from circuits.threshold.trades import fires

UNITS = st.integers(1, 7).flatmap(
    lambda n: st.builds(ThresholdUnit, st.lists(st.integers(-5, 5), min_size=n, max_size=n), st.integers(-6, 6))
)


@given(UNITS, st.sampled_from(["factored", "dnf", "cnf"]))
def test_a_proposition_is_the_function(unit, form):
    text = proposition(unit, form=form)
    circuit = parse(text, inputs=[f"x{i}" for i in range(unit.n_inputs)])
    np.testing.assert_array_equal(truth_table(circuit)[:, 0], truth_table(unit))


@given(UNITS)
def test_factored_has_no_more_literals(unit):
    dnf, cnf, factored = (len(re.findall(r"x\d", proposition(unit, form=form))) for form in ("dnf", "cnf", "factored"))
    assert factored <= min(dnf, cnf)


@given(UNITS)
def test_primes_by_brute_force(unit):
    values = fires(np.abs(unit.weights), unit.threshold - int(unit.weights[unit.weights < 0].sum()))
    n, row = unit.n_inputs, range(1 << unit.n_inputs)
    lowest = [r for r in row if values[r] and not any(r >> i & 1 and values[r ^ 1 << i] for i in range(n))]
    highest = [r for r in row if not values[r] and all(r >> i & 1 or values[r ^ 1 << i] for i in range(n))]
    implicants, clauses = _primes(unit)
    assert {sum(1 << i for i in term) for term in implicants} == set(lowest)
    assert {(1 << n) - 1 - sum(1 << i for i in term) for term in clauses} == set(highest)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (units.and_(3), "a & b & c"),
        (units.or_(2), "a | b"),
        (units.nand(2), "~a | ~b"),
        (units.nor(2), "~a & ~b"),
        (units.not_(), "~a"),
        (units.majority(3), "a & (b | c) | b & c"),
        (ThresholdUnit([2, 1, 1], 2), "a | b & c"),
        (ThresholdUnit([0, 0], 0), "1"),
        (ThresholdUnit([1, -1], 2), "0"),
    ],
)
def test_gates_as_they_are_written(unit, expected):
    assert proposition(unit, list("abc")[: unit.n_inputs]) == expected


def test_sixteen_inputs_have_all_their_primes():
    assert proposition(units.at_least(8, 16), form="dnf").count("|") == 12_869


@pytest.mark.parametrize(
    ("names", "form", "message"),
    [
        (["a"], "dnf", "proposition: expected 2 names, one for each input, got 1."),
        (None, "nnf", "proposition: expected a form of factored, dnf, cnf, got 'nnf'."),
    ],
)
def test_errors(names, form, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011, since the message is checked below
        proposition(units.and_(2), names, form=form)
    assert str(raised.value) == message


@given(UNITS)
def test_an_inequality_reads_back(unit):
    left, right = inequality(unit).split(" >= ")
    found = dict.fromkeys((f"x{i}" for i in range(unit.n_inputs)), 0)
    for sign, size, name in re.findall(r"(-?)(?: ?)(?:(\d+) )?(x\d)", left.replace("+ ", "")):
        found[name] = (-1 if sign else 1) * int(size or 1)
    assert (list(found.values()), int(right)) == (unit.weights.tolist(), unit.threshold)


def test_inequalities():
    assert inequality(ThresholdUnit([1, -1, 0, -2], -1)) == "x0 - x1 - 2 x3 >= -1"
    assert inequality(ThresholdUnit([-3, 1], 0), "ab") == "-3 a + b >= 0"
    assert inequality(ThresholdUnit([0, 0], 1)) == "0 >= 1"


def test_errors_of_inequality(error):
    assert error(ValueError, inequality, ThresholdUnit([1, 1], 1), "abc") == (
        "inequality: expected 2 names, one for each input, got 3."
    )
