import copy

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from circuits import ThresholdUnit, evaluate
from circuits.threshold import units

MAX = 2**63 - 1


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (units.and_, lambda ones, n: ones == n),
        (units.or_, lambda ones, n: ones > 0),
        (units.nand, lambda ones, n: ones < n),
        (units.nor, lambda ones, n: ones == 0),
        (units.majority, lambda ones, n: 2 * ones > n),
    ],
)
def test_gates_as_single_units(make, expected, n, all_rows):
    x = all_rows(n)
    got = evaluate(make(n), x)
    assert (got.shape, got.dtype) == ((2**n,), bool)
    np.testing.assert_array_equal(got, expected(x.sum(axis=1), n))
    assert set(np.abs(make(n).weights).tolist()) == {1}


@pytest.mark.parametrize("n", range(1, 9))
def test_at_least_k_of_n(n, all_rows):
    x = all_rows(n)
    # Below 1 the unit always fires, above n never.
    for k in range(-2, n + 3):
        np.testing.assert_array_equal(evaluate(units.at_least(k, n), x), x.sum(axis=1) >= k)


def test_not():
    assert evaluate(units.not_(), [[0], [1]]).tolist() == [True, False]
    assert units.not_() == ThresholdUnit([-1], 0)


@pytest.mark.parametrize(
    ("make", "least", "most"),
    [
        (units.and_, 100_000, 100_000),
        (units.or_, 1, 100_000),
        (units.nand, 0, 99_999),
        (units.nor, 0, 0),
        (units.majority, 50_001, 100_000),
        (lambda n: units.at_least(31_415, n), 31_415, 100_000),
    ],
)
def test_a_fan_in_of_100_000(make, least, most):
    n = 100_000
    unit = make(n)
    for ones in {0, 1, least - 1, least, most, most + 1, n // 2, n - 1, n} & set(range(n + 1)):
        x = np.random.default_rng(ones).permutation(n) < ones
        assert evaluate(unit, x).item() == (least <= ones <= most)


INTEGERS = st.integers(-(2**60), 2**60)


@given(weights=st.lists(INTEGERS, max_size=6), threshold=INTEGERS, data=st.data())
def test_a_unit_is_exact(weights, threshold, data, all_rows):
    # Thresholds near a sum that occurs are where a rounded sum would err.
    x = all_rows(len(weights))
    sums = [sum(w for w, on in zip(weights, row, strict=True) if on) for row in x.tolist()]
    threshold = data.draw(st.sampled_from([threshold, *(total + d for total in sums for d in (0, 1))]))
    got = evaluate(ThresholdUnit(weights, threshold), x)
    assert got.tolist() == [total >= threshold for total in sums]


@pytest.mark.parametrize("big", [2**31, 2**53, 2**62 - 2])
def test_weights_beyond_floating_point(big):
    # Neighbours of a large sum: in float64 all three are one number from 2^54 on.
    unit = ThresholdUnit([big, 1, -1], big + 1)
    x = [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]]
    assert evaluate(unit, x).tolist() == [False, True, False, False, False]


@pytest.mark.parametrize(
    ("weights", "threshold"), [([2**62, 2**62 - 1], 0), ([MAX], 0), ([-MAX], 0), ([], MAX), ([], -MAX), ([1], MAX - 1)]
)
def test_sums_of_63_bits_are_taken(weights, threshold):
    unit = ThresholdUnit(weights, threshold)
    x = [True] * len(weights)
    assert evaluate(unit, x).item() == (sum(weights) >= threshold)


@pytest.mark.parametrize(
    ("weights", "threshold", "total"),
    [
        ([2**62, 2**62], 0, 2**63),
        ([2**62, -(2**62)], 0, 2**63),
        ([MAX], 1, 2**63),
        ([MAX], -1, 2**63),
        ([-(2**63)], 0, 2**63),
        ([0], -(2**63), 2**63),
        ([MAX] * 1000, 0, 1000 * MAX),
    ],
)
def test_sums_that_do_not_fit_are_refused(weights, threshold, total, error):
    message = error(ValueError, ThresholdUnit, weights, threshold)
    assert message == f"ThresholdUnit: expected sum |w| + |T| below 2^63, got {total}."


@pytest.mark.parametrize("big", [2**63, 2**64, -(2**64), 10**30])
def test_numbers_that_do_not_fit_are_refused(big, error):
    message = "ThresholdUnit: expected {} in -9223372036854775808..9223372036854775807, got {}..{}."
    assert error(ValueError, ThresholdUnit, [big, 1], 0) == message.format("weights", min(big, 1), max(big, 1))
    assert error(ValueError, ThresholdUnit, [1], big) == message.format("the threshold", big, big)


NO_INTEGERS = "ThresholdUnit: expected integers in {}, got {}."


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1.0, "float64"), (True, "bool"), (np.float32(1), "float32"), (1j, "complex128"), ("1", "<U1")],
)
def test_numbers_that_are_no_integers_are_refused(value, dtype, error):
    assert error(TypeError, ThresholdUnit, [value], 1) == NO_INTEGERS.format("weights", dtype)
    assert error(TypeError, ThresholdUnit, [1], value) == NO_INTEGERS.format("the threshold", dtype)


def test_objects_that_are_no_integers_are_refused(error):
    for value in (None, 1.5, "1"):
        with pytest.raises(TypeError, match=r"^ThresholdUnit: expected integers in weights, got object"):
            ThresholdUnit(np.array([1, value], object), 1)
    with pytest.raises(TypeError, match=r"^ThresholdUnit: expected integers in the threshold"):
        ThresholdUnit([1], None)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, object])
def test_any_integers_are_taken(dtype):
    unit = ThresholdUnit(np.array([1, 2], dtype), np.array(3, dtype))
    assert unit == ThresholdUnit([1, 2], 3)
    assert unit.weights.dtype == np.int64
    assert type(unit.threshold) is int


@pytest.mark.parametrize(("weights", "shape"), [(1, ()), ([[1]], (1, 1)), (np.ones((2, 3), int), (2, 3))])
def test_weights_have_one_axis(weights, shape, error):
    message = error(ValueError, ThresholdUnit, weights, 1)
    assert message == (f"ThresholdUnit: expected weights with one axis and one threshold, got shapes {shape} and ().")


@pytest.mark.parametrize("threshold", [[1], [1, 2], [], np.array([1])])
def test_a_threshold_is_one_number(threshold):
    with pytest.raises((TypeError, ValueError), match=r"^ThresholdUnit"):
        ThresholdUnit([1], threshold)


def test_a_unit_without_inputs_is_a_constant():
    assert evaluate(ThresholdUnit([], 0), []).item() is True
    assert evaluate(ThresholdUnit([], 1), np.zeros((3, 0), bool)).tolist() == [False] * 3


@pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 3), (2, 0)])
def test_the_shape_of_what_a_unit_gives(shape):
    got = evaluate(units.majority(3), np.ones((*shape, 3), bool))
    assert isinstance(got, (np.ndarray, np.bool_))
    assert np.shape(got) == shape
    assert np.all(got)


def test_inputs_are_checked(error):
    unit = units.majority(3)
    message = error(ValueError, evaluate, unit, [0, 1])
    assert message == "evaluate: expected inputs (..., 3) for ThresholdUnit([1, 1, 1], 2), got (2,)."
    message = error(TypeError, evaluate, unit, [0.0, 1.0, 1.0])
    assert message == "evaluate: expected Boolean inputs, got float64. Compare them, for example x > 0."
    message = error(ValueError, evaluate, unit, [0, 1, 2])
    assert message == "evaluate: expected bits, 0 or 1, got 2. Compare the inputs, for example x > 0."
    assert evaluate(unit, jnp.array([0, 1, 1])).item() is True


@given(weights=st.lists(st.integers(-5, 5), max_size=5), threshold=st.integers(-9, 9))
def test_the_complement_fires_where_the_unit_does_not(weights, threshold, all_rows):
    unit, x = ThresholdUnit(weights, threshold), all_rows(len(weights))
    np.testing.assert_array_equal(evaluate(units.complement(unit), x), ~evaluate(unit, x))
    assert units.complement(units.complement(unit)) == unit


def test_equality_and_hash():
    unit, twin = ThresholdUnit([1, -2], 3), ThresholdUnit(np.array([1, -2], np.int8), np.int16(3))
    assert unit == twin
    assert hash(unit) == hash(twin)
    others = [ThresholdUnit([1, -2], 2), ThresholdUnit([-2, 1], 3), ThresholdUnit([1, -2, 0], 3), ThresholdUnit([], 3)]
    assert len({unit, twin, *others}) == 5
    assert unit != "ThresholdUnit([1, -2], 3)"
    assert (unit == [1, -2]) is False


def test_repr():
    assert repr(ThresholdUnit([1, -2], 3)) == "ThresholdUnit([1, -2], 3)"
    assert repr(ThresholdUnit([], -1)) == "ThresholdUnit([], -1)"
    assert repr(units.and_(8)) == "ThresholdUnit([1, 1, 1, 1, 1, 1, 1, 1], 8)"
    assert repr(units.and_(100)) == "ThresholdUnit([1, 1, 1, 1, 1, 1, 1, 1, ...], 100)"


def test_a_unit_is_immutable(error):
    weights = np.array([1, 2])
    unit = ThresholdUnit(weights, 2)
    weights[0] = 9
    assert unit.weights.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        unit.weights[0] = 9
    for name in ("weights", "threshold", "other"):
        with pytest.raises(AttributeError, match=f"cannot assign to field '{name}'"):
            setattr(unit, name, 1)


def test_attributes_of_a_unit_cannot_be_deleted():
    unit = ThresholdUnit([1, 2], 2)
    with pytest.raises(AttributeError):
        del unit.threshold
    assert unit.threshold == 2


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy],
)
def test_a_unit_can_be_copied(again):
    unit = ThresholdUnit([1, 2], 2)
    assert again(unit) == unit


@pytest.mark.parametrize(
    "make", [units.and_, units.or_, units.nand, units.nor, units.majority, lambda n: units.at_least(1, n)]
)
def test_a_fan_in_is_a_whole_number_from_1(make):
    name = make.__name__.replace("<lambda>", "at_least")
    assert make(np.int64(2)) == make(2)
    for n in (0, -1):
        with pytest.raises(ValueError, match=rf"^{name}: expected a fan-in to be at least 1, got {n}\.$"):
            make(n)
    for n in (True, 2.0):
        with pytest.raises(TypeError, match=rf"^{name}: expected a fan-in to be a whole number, got {n!r}\.$"):
            make(n)
