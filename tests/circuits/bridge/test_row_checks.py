"""Rows by floats with bounds: no bit is wrong, no call is closer than said, and ties of exact sums are no doubt."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from common.exact_networks import EQUAL, by_definition, exact_units, networks
from hypothesis import assume, given

from circuits import rows
from circuits.bridge import row_checks
from circuits.bridge.exact_rows import Reading, Units
from circuits.bridge.rounding_bounds import sum_bounds
from circuits.bridge.row_checks import decide_rows, float_limits

readings = st.one_of(
    st.builds(Reading, st.just("bits"), st.integers(-4, 4).map(lambda k: k / 4)), st.just(Reading("argmax"))
)


@given(networks(), readings)
def test_bits_are_those_of_the_definition(units, reading):
    assume(reading.read == "bits" or units.wiring.outputs.min() >= units.wiring.n_inputs)
    x = rows(units.wiring.n_inputs)
    found = decide_rows(units.plain(), reading, x)
    for r, row in enumerate(x):
        assert not found.settled[r] or found.bits[r].tolist() == by_definition(units, reading, row)


@given(networks(most=5), st.sampled_from([0.0, 0.25, 0.5, 1.0, 1e-9]))
def test_rows_are_near_or_uncertain_by_the_definition(units, distance):
    n, x, plain = units.wiring.n_inputs, rows(units.wiring.n_inputs), units.plain()
    calls = sum(kind in ("step", "sign") for kind in units.kinds) + len(plain.outputs)
    found = decide_rows(plain, Reading(), x, distance, np.full(calls, distance))
    for r, row in enumerate(x):
        assume(found.settled[r])
        sums = exact_units(units, row)
        numbers = [abs(z) for z, kind in zip(sums, units.kinds, strict=True) if kind in ("step", "sign")]
        numbers += [abs(sums[node - n]) for node in plain.outputs if node >= n]
        # Of smooth units the fractions are intervals, and a distance to within 2^-40 may count as nearer.
        assert found.near[r] >= any(z < Fraction(distance) - EQUAL for z in numbers)
        assert found.near[r] <= any(z < Fraction(distance) + Fraction(1, 2**40) for z in numbers)
        assert found.uncertain[r] >= any(z <= Fraction(distance) for z in numbers)
        assert found.uncertain[r] <= any(z <= Fraction(distance) + Fraction(1, 2**40) for z in numbers)


@given(networks(("step", "sign", "relu", "identity")), readings)
def test_floats_that_add_up_exactly_need_no_fractions(units, reading):
    """Quarters and float32 of one size are added without rounding, so that ties are decided by floats."""
    assume(reading.read == "bits" or units.wiring.outputs.min() >= units.wiring.n_inputs)
    units = units._replace(w=np.round(4 * units.w) / 4, b=np.round(4 * units.b) / 4)
    x = rows(units.wiring.n_inputs)
    bits, distance, bound = row_checks._in_floats(units.plain(), reading, x)
    assert ((bound == 0) | (distance > bound)).all()
    assert bits.tolist() == [by_definition(units, reading, row) for row in x]


@pytest.mark.parametrize("bias", [0.0, 2.0**-60, -(2.0**-60), 1e300])
def test_sums_that_round_are_not_taken_for_exact(bias):
    units = Units(2, [[(0, 1.0), (1, -1.0)], [(2, 1.0)]], [bias, 0.0], ["relu", "identity"], [3], "float64")
    reading = Reading("bits", 2.0**-61)
    assert decide_rows(units, reading, rows(2)).bits[:, 0].tolist() == [bias > 0, True, bias > 1, bias > 0]


def test_a_weight_of_zero_on_a_sigmoid():
    units = Units(1, [[(0, 1.0)], [(1, 0.0)]], [0.3, 0.0], ["sigmoid", "step"], [2], "float32")
    found = decide_rows(units, Reading(), rows(1))
    assert found.bits.all()
    assert found.settled.all()


@given(networks(), readings)
def test_limits_are_no_larger_than_the_bounds_of_the_extraction(units, reading):
    """So that a count of uncertain rows that the extraction made is never refused."""
    assume(reading.read == "bits" or units.wiring.outputs.min() >= units.wiring.n_inputs)
    from circuits.bridge.row_decisions import _Decider

    decider = _Decider(units, reading)
    own = dict(zip(decider.order.tolist(), decider.own.tolist(), strict=True))
    n = units.wiring.n_inputs
    outputs = [own[node - n] if node >= n else 0.0 for node in units.wiring.outputs.tolist()]
    if reading.read == "argmax":
        outputs = [2 * max(outputs)] * len(outputs)
    steps = [own[unit] for unit, kind in enumerate(units.kinds) if kind in ("step", "sign")]
    limits = float_limits(units.plain(), reading)
    assert (limits <= np.array([*steps, *outputs])).all()
    plain = sum_bounds(units, units.dtype)
    assert all(
        limit > 0.5 * plain[node - n]
        for limit, node in zip(limits[len(steps) :], units.wiring.outputs, strict=True)
        if node >= n
    )


def test_floats_that_may_overflow_have_no_limit():
    units = Units(2, [[(0, 3e38), (1, 3e38)]], [0.0], ["step"], [2], "float32")
    assert float_limits(units, Reading()).tolist() == [np.inf, np.inf]
    found = decide_rows(units, Reading(), rows(2), 0.0, float_limits(units, Reading()))
    assert found.uncertain.all()
    assert found.settled.all()


def test_no_rows():
    units = Units(1, [[(0, 1.0)]], [0.0], ["step"], [1], "float32")
    assert decide_rows(units, Reading(), np.zeros((0, 1), bool)).bits.shape == (0, 1)


def test_sums_beyond_53_bits_are_not_taken_for_exact():
    units = Units(1, [[(0, 2.0**54), (0, 1.0), (0, -(2.0**54))]], [0.0], ["identity"], [1], "float64")
    assert decide_rows(units, Reading("bits", 1.0), rows(1)).bits[:, 0].tolist() == [False, True]
