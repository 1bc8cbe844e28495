"""The convergence theorem over many data sets; separable or not, against a linear program and exhaustive counts."""

import itertools
import os
from fractions import Fraction
from pathlib import Path

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import jaxnet
from jaxnet import Inseparable, Neuron, Separable, ShapeError, Undecided

DATA = Path(os.environ["JAXNET_DATA"]) / "learning"
HALF = Fraction(1, 2)
MARGIN, BOUND = jax.jit(jaxnet.margin), jax.jit(jaxnet.mistake_bound)
N = 12  # examples of a random data set: one shape, compiled once


def rows(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.float32)


def signed(x, y):
    """The points s (x, 1), s = 1 for target 1 and -1 for target 0."""
    return np.where(y, 1.0, -1.0)[:, None] * np.column_stack([np.asarray(x, float), np.ones(len(x))])


def separable_by_linear_program(x, y):
    """Whether some u has u.p >= 1 for all signed points, as SciPy's HiGHS sees it."""
    points = signed(x, y)
    found = scipy.optimize.linprog(
        np.zeros(points.shape[1]), A_ub=-points, b_ub=-np.ones(len(x)), bounds=(None, None), method="highs"
    )
    assert found.status in (0, 2)
    return found.status == 0


def check(found, x, y):
    """Check all that a result claims, in integers or fractions, without the library; whether it says separable."""
    exact = [[Fraction(float(v)) for v in (*row, 1)] for row in np.asarray(x)]
    if isinstance(found, Separable):
        for unit in [found.widest, found.params][: 1 + found.converged]:
            u = [Fraction(float(v)) for v in (*unit.w, unit.b)]
            assert [sum(p * q for p, q in zip(u, z, strict=True)) >= 0 for z in exact] == [bool(v) for v in y]
        assert found.mistakes <= found.bound
        return True
    assert isinstance(found, Inseparable)
    mixtures = []
    for side in (0, 1):
        mixed = [(c, exact[i]) for i, c in zip(found.examples, found.coefficients, strict=True) if bool(y[i]) == side]
        assert all(c > 0 for c, _ in mixed)
        mixtures.append([sum(c * z[j] for c, z in mixed) for j in range(len(exact[0]))])
    assert mixtures[0] == mixtures[1] == [*found.point, 1]
    assert jaxnet.proves_inseparable(found, x, y)
    return False


# By hand.


def test_xor_is_inseparable_by_the_middle_of_the_square():
    found = jaxnet.separate(rows(2), [0, 1, 1, 0])
    assert found == Inseparable((0, 1, 2, 3), (HALF,) * 4, (HALF, HALF))


def test_the_same_example_with_both_targets():
    assert jaxnet.separate([[3.0], [5.0], [3.0]], [1, 1, 0]) == Inseparable((0, 2), (1, 1), (3,))


def test_a_point_between_two_others():
    """2/3 of 0 and 1/3 of 3 is 1: thirds, which no float is."""
    found = jaxnet.separate([[0], [1], [3]], [0, 1, 0])
    assert found == Inseparable((0, 1, 2), (Fraction(2, 3), 1, Fraction(1, 3)), (1,))


def test_decimals_are_read_as_the_floats_they_are():
    """0.1 + 0.2 is not 0.3 in float64, and so the middle of 0.1 and 0.2 is 0.15 only almost."""
    between = jaxnet.separate([[0.1], [0.15], [0.2]], [0, 1, 0])
    check(between, [[0.1], [0.15], [0.2]], [0, 1, 0])
    assert between.point == (Fraction(0.15),)
    assert between.coefficients[0] != HALF


@pytest.mark.parametrize(
    ("name", "function", "n", "bound"),
    [
        ("and", all, 2, 51),  # the widest unit is (2, 2, -3) / sqrt(17), and R^2 = 3
        ("or", any, 2, 27),  # (2, 2, -1) / 3
        ("and", all, 3, 148),  # (2, 2, 2, -5) / sqrt(37), R^2 = 4
        ("majority", lambda v: sum(v) >= 2, 3, 84),  # (2, 2, 2, -3) / sqrt(21)
        ("majority", lambda v: sum(v) >= 3, 5, 6 * 45),  # (2, 2, 2, 2, 2, -5) / sqrt(45), R^2 = 6
    ],
)
def test_known_margins(name, function, n, bound):
    x = rows(n)
    y = np.array([function(v) for v in x])
    found = jaxnet.separate(x, y)
    assert check(found, x, y)
    assert found.converged
    np.testing.assert_allclose(found.bound, bound, rtol=1e-9)
    np.testing.assert_allclose(jaxnet.mistake_bound(jax.tree.map(np.float32, found.widest), x, y), bound, rtol=1e-5)
    np.testing.assert_allclose(found.margin, np.sqrt((n + 1) / bound), rtol=1e-9)


@pytest.mark.parametrize("target", [0, 1])
def test_one_class_alone_is_separable(target):
    found = jaxnet.separate(rows(2), [target] * 4)
    assert check(found, rows(2), [target] * 4)
    assert (found.mistakes, found.epochs) == ((0, 1) if target else (1, 2))


def test_no_inputs_is_a_bias_alone():
    assert check(jaxnet.separate(np.zeros((2, 0)), [0, 0]), np.zeros((2, 0)), [0, 0])
    assert jaxnet.separate(np.zeros((2, 0)), [0, 1]) == Inseparable((0, 1), (1, 1), ())


# A run that was cut off, and the edge of float64.


def test_a_run_cut_off_is_not_called_inseparable():
    """Years: a margin of 2.5e-4 against a radius of 2,021, and so a bound of 7e13 mistakes."""
    x, y = np.array([[2019], [2020], [2021]]), [0, 0, 1]
    found = jaxnet.separate(x, y, max_epochs=10)
    assert check(found, x, y)
    assert (found.converged, found.epochs) == (False, 10)
    # The widest unit is (2, -4041), up to a factor.
    np.testing.assert_allclose(found.margin, 1 / np.hypot(2, 4041), rtol=1e-6)
    np.testing.assert_allclose(found.bound, (1 + 2021**2) / found.margin**2, rtol=1e-12)


@pytest.mark.parametrize("x", [[[0.0], [1e-200]], [[1e9], [1e9 + 1e-6]]])
def test_what_float64_does_not_see_is_undecided(x):
    """Separable both, by a hair: neither is claimed."""
    found = jaxnet.separate(x, [0, 1], max_epochs=5)
    assert isinstance(found, Undecided)
    assert found.epochs == 5


def test_when_least_squares_gives_up_nothing_is_claimed_but_what_was_learned(monkeypatch):
    def give_up(*arguments):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(scipy.optimize, "nnls", give_up)
    learned = jaxnet.separate(rows(2), [0, 0, 0, 1])
    assert check(learned, rows(2), [0, 0, 0, 1])
    np.testing.assert_array_equal(learned.widest.w, learned.params.w)
    assert learned.margin > 0 or learned.bound == np.inf
    assert isinstance(jaxnet.separate(rows(2), [0, 1, 1, 0], max_epochs=20), Undecided)


# Over many data sets.


POINTS = hnp.arrays(np.int64, (N, 3), elements=st.integers(-4, 4))
TARGETS = hnp.arrays(np.int64, (N,), elements=st.integers(0, 1))
UNITS = hnp.arrays(np.int64, (4,), elements=st.integers(-5, 5))


@hypothesis.given(POINTS, UNITS)
def test_the_convergence_theorem(x, unit):
    """Data that some unit with integer weights labels are found separable, within the bound."""
    y = x @ unit[:3] + unit[3] >= 0
    found = jaxnet.separate(x, y)
    assert check(found, x, y)
    # The given unit, shifted by half to have nothing on its border, has no larger margin than the widest.
    shifted = np.append(unit[:3], unit[3] + 0.5)
    assert (signed(x, y) @ shifted).min() / np.linalg.norm(shifted) <= found.margin * (1 + 1e-9)
    assert found.converged or found.bound > 1000


@hypothesis.given(POINTS, TARGETS, st.integers(1, N))
def test_separable_or_not_as_the_linear_program_says(x, y, n_labels):
    y = np.where(np.arange(N) < n_labels, y, 0)  # from nearly one class to any mixture
    assert check(jaxnet.separate(x, y), x, y) == separable_by_linear_program(x, y)


@hypothesis.given(hnp.arrays(np.float64, (N, 3), elements=st.floats(-1, 1, allow_subnormal=False)), TARGETS)
def test_real_data_are_decided_exactly_or_not_at_all(x, y):
    found = jaxnet.separate(x, y, max_epochs=20)
    assert isinstance(found, Undecided) or check(found, x, y) in (True, False)


@pytest.mark.parametrize(("n", "count"), [(2, 14), (3, 104)])
def test_all_boolean_functions(n, count):
    """14 of the 16 functions of two inputs and 104 of the 256 of three are threshold functions (OEIS A000609)."""
    x = rows(n)
    found = [check(jaxnet.separate(x, y), x, y) for y in itertools.product((0, 1), repeat=2**n)]
    assert sum(found) == count


@pytest.mark.slow
def test_no_order_of_examples_and_no_step_size_breaks_the_bound():
    """The theorem holds for any sequence: 30 random ones of 1,500 examples for each step size, majority of five."""
    x = rows(5)
    y = x.sum(axis=1) >= 3

    @jax.vmap
    def run(eta, key):
        rule = jaxnet.perceptron(eta)
        state = rule.init(Neuron(jnp.zeros(5), jnp.array(0.0)))
        return jaxnet.train(rule, state, (jnp.asarray(x), jnp.asarray(y)), steps=1500, batch_size=1, key=key)

    state, history = run(jnp.repeat(jnp.array([1.0, 0.1, 37.0]), 30), jax.random.split(jax.random.key(1), 90))
    assert state.mistakes.max() <= 270  # as in test_known_margins
    np.testing.assert_array_equal(state.mistakes, history["mistakes"].sum(axis=1))
    assert history["mistakes"][:, -200:].sum() == 0
    outputs = jax.vmap(lambda params: jaxnet.neuron(params, x, jaxnet.step))(state.params)
    assert (np.asarray(outputs) == y).all()


# The margin and the bound.


@hypothesis.given(hnp.arrays(np.float32, (4,), elements=st.floats(-5, 5, width=16)), POINTS, TARGETS)
def test_margin_against_numpy(unit, x, y):
    x, norm = x.astype(np.float32), np.linalg.norm(unit)
    expected = (signed(x, y) @ unit).min() / norm if norm else 0
    found = MARGIN(Neuron(unit[:3], unit[3]), x, y)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_margin_and_bound_of_a_layer_are_those_of_its_units():
    x, y = rows(2), np.array([[0, 0, 0], [0, 1, 1], [0, 1, 1], [1, 1, 0]])
    layer = Neuron(np.float32([[2, 2], [2, 2], [1, 1]]), np.float32([-3, -1, -1]))
    gamma, bound = MARGIN(layer, x, y), BOUND(layer, x, y)
    np.testing.assert_allclose(gamma, [1 / np.sqrt(17), 1 / 3, -1 / np.sqrt(3)], rtol=1e-6)
    np.testing.assert_allclose(bound, [51, 27, np.inf], rtol=1e-6)
    for i in range(3):
        unit = Neuron(layer.w[i], layer.b[i])
        np.testing.assert_allclose(MARGIN(unit, x, y[:, i]), gamma[i], rtol=1e-6)
        np.testing.assert_allclose(BOUND(unit, x, y[:, i]), bound[i], rtol=1e-6)


def test_margin_of_nothing_and_of_targets_that_are_not_boolean():
    zero = Neuron(np.zeros(2, np.float32), np.float32(0))
    both = Neuron(np.float32([2, 2]), np.float32(-3))
    x, y = rows(2), np.array([0, 0, 0, 1])
    assert MARGIN(zero, x, y) == 0
    assert BOUND(zero, x, y) == np.inf
    assert np.isnan(MARGIN(both, x, 2 * y - 1))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.jit(jax.grad(jaxnet.margin))(zero, x, y)))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
def test_margin_and_bound_keep_the_dtype(dtype):
    with jax.enable_x64(dtype == jnp.float64):
        unit = Neuron(jnp.array([2, 2], dtype), jnp.array(-3, dtype))
        x, y = jnp.asarray(rows(2), dtype), np.array([False, False, False, True])
        gamma, bound = MARGIN(unit, x, y), BOUND(unit, x, y)
        assert gamma.dtype == bound.dtype == dtype
        np.testing.assert_allclose(float(bound), 51, rtol=0.02)


# The checker.


@pytest.mark.parametrize(
    "forged",
    [
        Inseparable((0, 1, 2, 3), (HALF, HALF, HALF, HALF), (HALF, Fraction(1, 3))),  # another point
        Inseparable((0, 1, 2, 3), (HALF, HALF, HALF, 1), (HALF, HALF)),  # sums to 3/2
        Inseparable((0, 3), (HALF, HALF), (HALF, HALF)),  # one side alone
        Inseparable((0, 1, 2), (HALF, HALF, HALF), (HALF, HALF)),
        Inseparable((0, 1, 2, 3), (HALF, HALF, HALF), (HALF, HALF)),  # one coefficient too few
        Inseparable((0, 1, 2, 4), (HALF,) * 4, (HALF, HALF)),  # no such example
        Inseparable((0, 1, 2, -1), (HALF,) * 4, (HALF, HALF)),
        Inseparable((0, 3, 1, 2, 1, 2), (HALF, HALF, 1, 1, -HALF, -HALF), (HALF, HALF)),  # negative ones
        Inseparable((), (), (0, 0)),
    ],
)
def test_a_forged_proof_is_no_proof(forged):
    assert not jaxnet.proves_inseparable(forged, rows(2), [0, 1, 1, 0])


def test_a_proof_is_checked_exactly():
    """A third to 17 digits is not a third."""
    x, y = [[0], [1], [3]], [0, 1, 0]
    good = Inseparable((0, 1, 2), (Fraction(2, 3), Fraction(1), Fraction(1, 3)), (Fraction(1),))
    assert jaxnet.proves_inseparable(good, x, y)
    assert not jaxnet.proves_inseparable(good._replace(coefficients=(Fraction(2 / 3), 1, Fraction(1 / 3))), x, y)


# Real data.


def one_hot(columns):
    values = [sorted(set(column)) for column in columns]
    return np.array(
        [[v == u for v, us in zip(row, values, strict=True) for u in us] for row in zip(*columns, strict=True)], float
    )


@pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the folder {DATA}; JAXNET_DATA names another data folder")
def test_iris():
    """Setosa is separable from the rest; versicolor and virginica are not (R. A. Fisher 1936)."""
    table = [line.split(",") for line in (DATA / "iris/iris.csv").read_text().split()]
    x, kinds = np.array([row[:4] for row in table], float), np.array([row[4] for row in table])
    outcomes = {}
    for kind in np.unique(kinds):
        found = jaxnet.separate(x, kinds == kind)
        outcomes[str(kind)] = check(found, x, kinds == kind)
        assert outcomes[str(kind)] == separable_by_linear_program(x, kinds == kind)
    assert outcomes == {"Iris-setosa": True, "Iris-versicolor": False, "Iris-virginica": False}


@pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the folder {DATA}; JAXNET_DATA names another data folder")
@pytest.mark.parametrize("problem", [1, 2, 3])
def test_the_problems_of_the_monks_are_not_for_one_unit(problem):
    table = [line.split() for line in (DATA / f"monk/monks-{problem}.train").read_text().splitlines() if line.strip()]
    x = one_hot(list(zip(*(row[1:7] for row in table), strict=True)))
    y = np.array([row[0] == "1" for row in table])
    assert x.shape == ({1: 124, 2: 169, 3: 122}[problem], 17)
    assert not check(jaxnet.separate(x, y), x, y)
    assert not separable_by_linear_program(x, y)


# Refusals.


@pytest.mark.parametrize(
    ("x", "y", "kind", "message"),
    [
        ([[1.0]], [[1]], ShapeError, "expected examples (N, n) and targets (N,), got (1, 1) and (1, 1). "),
        ([1.0], [1], ShapeError, "expected examples (N, n) and targets (N,), got (1,) and (1,). "),
        ([[1.0]], [1, 0], ShapeError, "expected examples (N, n) and targets (N,), got (1, 1) and (2,). "),
        (np.zeros((0, 2)), [], ValueError, "expected at least one example, got none."),
        ([[np.nan]], [1], ValueError, "expected numbers within 1e100, got nan."),
        ([[-np.inf]], [1], ValueError, "expected numbers within 1e100, got inf."),
        ([[2**53 + 1]], [1], ValueError, "expected integers of at most 2^53, got 9007199254740993..9007199254740993."),
        ([[2**70]], [1], TypeError, "expected real numbers, got object."),
        ([[1j]], [1], TypeError, "expected real numbers, got complex128."),
        ([[1.0], [2.0]], [-1, 1], ValueError, "expected targets 0 and 1, got [-1, 1]."),
    ],
)
def test_data_that_are_none(x, y, kind, message):
    hint = "For a layer, separate each unit by itself." if kind is ShapeError else ""
    for function in (jaxnet.separate, lambda x, y: jaxnet.proves_inseparable(Inseparable((), (), ()), x, y)):
        with pytest.raises(kind) as e:
            function(x, y)
        assert str(e.value) == "separate: " + message + hint


@pytest.mark.parametrize("max_epochs", [0, -1, 2**31])
def test_epochs_out_of_range(max_epochs):
    with pytest.raises(ValueError, match=r"^separate: expected max_epochs of 1 to 2\^31 - 1, got ") as e:
        jaxnet.separate(rows(2), [0, 0, 0, 1], max_epochs=max_epochs)
    assert str(e.value).endswith(f"got {max_epochs}.")


@pytest.mark.parametrize("function", [jaxnet.margin, jaxnet.mistake_bound])
def test_margins_refuse_what_does_not_fit(function):
    unit = Neuron(np.zeros(2, np.float32), np.float32(0))
    with pytest.raises(ShapeError) as e:
        function(unit, rows(2), np.zeros(3))
    assert str(e.value) == "margin: expected targets (4,) for inputs (4, 2), got (3,)."
    with pytest.raises(ShapeError) as e:
        function(unit, rows(3), np.zeros(8))
    assert str(e.value) == "margin: expected inputs (examples, 2), got (8, 3)."
    with pytest.raises(TypeError) as e:
        function(unit, [[0, 0]], [1])
    assert str(e.value) == "margin: expected floating inputs, got int32. Convert them, for example x.astype(float32)."
