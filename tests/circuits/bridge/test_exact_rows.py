"""Rows in fractions: intervals have the real number in them, and what cancels is 0 exactly."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from common.exact_networks import EQUAL, by_definition, exact_units, exponential, networks
from hypothesis import assume, given

from circuits import rows
from circuits.bridge.exact_rows import Form, Reading, Units, combined, decide_in_fractions, sigmoid_between

readings = st.one_of(
    st.builds(Reading, st.just("bits"), st.integers(-4, 4).map(lambda k: k / 4)), st.just(Reading("argmax"))
)
BOTH = np.array([[True, True]])


def row_of(units, reading, row):
    return decide_in_fractions(units, reading, np.array([row], bool))[0]


@given(networks(), readings)
def test_rows_are_those_of_the_definition(units, reading):
    assume(reading.read == "bits" or units.wiring.outputs.min() >= units.wiring.n_inputs)
    x = rows(units.wiring.n_inputs)
    for row, (bits, _) in zip(x, decide_in_fractions(units.plain(), reading, x), strict=True):
        assert bits is None or bits == by_definition(units, reading, row)


@given(networks(most=6), st.integers(-4, 4))
def test_distances_are_lower_bounds_and_close(units, quarters):
    n, reading, x = units.wiring.n_inputs, Reading("bits", quarters / 4), rows(units.wiring.n_inputs)
    for row, (bits, distances) in zip(x, decide_in_fractions(units.plain(), reading, x), strict=True):
        assume(bits is not None)
        sums = exact_units(units, row)
        exact = [abs(z) for z, kind in zip(sums, units.kinds, strict=True) if kind in ("step", "sign")]
        for node in units.wiring.outputs.tolist():
            shift = Fraction(reading.threshold) if node >= n and units.kinds[node - n] == "identity" else 0
            exact.append(float("inf") if node < n else abs(sums[node - n] - shift))
        for low, distance in zip(distances, exact, strict=True):
            assert low == distance == float("inf") or -EQUAL <= distance - low <= 2.0**-40


@given(networks(("sigmoid", "tanh", "identity"), most=4), readings)
def test_one_layer_of_sigmoids_is_decided_always(units, reading):
    """Ties of sigmoids of inputs are those in which they cancel."""
    n = units.wiring.n_inputs
    wiring = units.wiring
    hidden = [
        unit
        for unit in range(wiring.n_units - 1)
        if (wiring.sources[wiring.offsets[unit] : wiring.offsets[unit + 1]] < n).all()
    ]
    assume(len(hidden) == wiring.n_units - 1 and (reading.read == "bits" or wiring.outputs.min() >= n))
    x = rows(n)
    for row, (bits, _) in zip(x, decide_in_fractions(units.plain(), reading, x), strict=True):
        assert bits == by_definition(units, reading, row)


@pytest.mark.parametrize(
    ("kind", "bias", "constant"),
    [("sigmoid", [0.0, 0.0], 0.0), ("tanh", [1.0, 1.0], 0.0), ("sigmoid", [1.0, 1.0], 0.0), ("relu", [1.0, 1.0], 0.0)],
)
def test_what_is_subtracted_from_itself_is_zero(kind, bias, constant):
    edges = [[(0, 1.0)], [(1, 1.0)], [(2, 1.5), (3, -1.5)]]
    units = Units(2, edges, [*bias, constant], [kind, kind, "sigmoid"], [4], "float32")
    assert row_of(units, Reading(), [1, 1]) == ([True], [0])
    nearly = units._replace(edges=[[(0, 1 + 2.0**-50)], [(1, 1.0)], [(2, -1.5), (3, 1.5)]])
    assert row_of(nearly, Reading(), [1, 1])[0] == [False]


def test_sigmoids_of_opposite_sums_add_up_to_one():
    edges = [[(0, 3.0)], [(0, -3.0)], [(1, 1.0), (2, 1.0)]]
    units = Units(1, edges, [0.5, -0.5, -1.0], ["sigmoid"] * 3, [3], "float32")
    assert row_of(units, Reading(), [1]) == ([True], [0])
    # And tanh(z) = 2 sigma(2 z) - 1.
    edges = [[(0, 3.0)], [(0, 6.0)], [(1, 1.0), (2, -2.0)]]
    units = Units(1, edges, [0.0, 0.0, 1.0], ["tanh", "sigmoid", "sigmoid"], [3], "float32")
    assert row_of(units, Reading(), [1]) == ([True], [0])


def test_deeper_layers_that_tie():
    edges = [[(0, 1.0), (1, 1.0)], [(0, 2.0)], [(2, 1.0)], [(3, 1.0)], [(4, 1.0), (5, -1.0)]]
    units = Units(
        2, edges, [0.25, 0.25, 0.0, 0.0, 0.0], ["sigmoid", "tanh", "tanh", "sigmoid", "identity"], [6], "float32"
    )
    assert row_of(units._replace(kinds=["sigmoid"] * 5), Reading(), [1, 1]) == ([True], [0])
    assert row_of(units, Reading(), [1, 1])[0] in ([True], [False])


def test_a_tie_that_no_cancelling_explains_is_left_open():
    """sigma(sigma(0) - 1/2) = 1/2 is known; a step of something that is 0 for another reason is not."""
    # relu(z) - z of an unknown sign... of which -relu(-z) is the same: two names of one number.
    edges = [[(0, 1.0)], [(1, 1.0)], [(1, -1.0)], [(2, 1.0), (3, -1.0), (1, -1.0)]]
    units = Units(1, edges, [0.0, -0.75, 0.75, 0.75], ["sigmoid", "relu", "relu", "identity"], [4], "float32")
    assert row_of(units, Reading(), [1]) == ([True], [0])


def test_arg_max_of_ties_is_the_first():
    edges = [[(0, 1.0)], [(1, 1.0)], [(2, 1.0)], [(3, 1.0)], [(2, 1.0), (0, -1.0)]]
    units = Units(2, edges, [0.0] * 5, ["sigmoid"] * 2 + ["identity"] * 3, [4, 5, 6], "float32")
    assert row_of(units, Reading("argmax"), [1, 1]) == ([True, False, False], [float("inf"), 0, 1])


def test_rows_with_equal_sums_are_decided_once(monkeypatch):
    from circuits.bridge import exact_rows

    seen, decided = [], exact_rows._decided
    monkeypatch.setattr(exact_rows, "_decided", lambda *given: seen.append(given) or decided(*given))
    units = Units(10, [[(k, 1.0) for k in range(10)]], [-5.0], ["sigmoid"], [10, 0], "float32")
    found = decide_in_fractions(units, Reading(), rows(10))
    assert [bits for bits, _ in found] == [[bool(row.sum() >= 5), bool(row[0])] for row in rows(10)]
    assert len(seen) == 20


@pytest.mark.parametrize("scale", [2.0**-1060, 2.0**1000])
def test_weights_of_any_size(scale):
    units = Units(2, [[(0, scale), (1, -scale), (1, 2.0**-1074)]], [0.0], ["step"], [2], "float64")
    assert [bits for bits, _ in decide_in_fractions(units, Reading(), rows(2))] == [[True], [True], [False], [True]]


@given(st.fractions(-300, 300), st.integers(8, 160))
def test_sigmoids_lie_between_two_fractions_close_by(x, precision):
    low, high = sigmoid_between(x, precision)
    exact = 1 / (1 + exponential(-x))
    assert 0 <= low <= exact + EQUAL
    assert exact - EQUAL <= high <= 1
    assert high - low <= Fraction(2) ** (8 - precision)


def test_the_sigmoid_of_zero_is_a_half_exactly():
    assert sigmoid_between(Fraction(0), 8) == (Fraction(1, 2), Fraction(1, 2))


def test_terms_that_cancel_are_left_out():
    one = Fraction(1)
    assert combined(one, [(one, Form(one, {3: one})), (-one, Form(one, {3: one, 4: one}))]) == Form(one, {4: -one})
