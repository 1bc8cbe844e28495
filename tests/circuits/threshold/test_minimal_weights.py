import numpy as np
import pytest

from circuits import ThresholdUnit, minimality, pack_tables, recognise
from circuits.threshold.minimal_weights import look_up, self_dual_weights


@pytest.mark.parametrize(("n", "functions"), [(0, 2), (1, 4), (2, 14), (3, 104), (4, 1882)])
def test_threshold_functions_are_as_many_as_in_a000609(n, functions, all_rows):
    tables = np.arange(1 << (1 << n), dtype=np.uint64)
    found, weights, thresholds = look_up(tables[:, None], n)
    assert found.sum() == functions
    values = weights[found].astype(int) @ all_rows(n).T.astype(int) >= thresholds[found, None]
    np.testing.assert_array_equal(pack_tables(values, n)[:, 0], tables[found])


def test_threshold_functions_of_five_inputs_are_94572():
    # Fixing an input of a threshold function leaves one: all pairs of those of four inputs are tried.
    four = np.arange(1 << 16, dtype=np.uint64)
    four = four[look_up(four[:, None], 4)[0]]
    pairs = (four[:, None] | four << np.uint64(16)).reshape(-1, 1)
    assert look_up(pairs, 5)[0].sum() == 94_572


@pytest.mark.parametrize("n", [5, 6, 7])
def test_random_units_are_found_in_any_order_and_sign(n, all_rows):
    rng = np.random.default_rng(n)
    weights, thresholds = rng.integers(-9, 10, (3000, n)), rng.integers(-9, 10, 3000)
    values = weights @ all_rows(n).T.astype(int) >= thresholds[:, None]
    answer = recognise(values, n)
    assert answer.found.all()
    got = answer.weights.astype(int) @ all_rows(n).T.astype(int) >= answer.thresholds[:, None]
    np.testing.assert_array_equal(got, values)
    assert (np.abs(answer.weights).sum(axis=1) <= np.abs(weights).sum(axis=1)).all()
    # One value changed, next to a unit: a table is found only if its unit computes it.
    values[np.arange(3000), rng.integers(0, 1 << n, 3000)] ^= True
    answer = recognise(values, n)
    got = answer.weights.astype(int) @ all_rows(n).T.astype(int) >= answer.thresholds[:, None]
    np.testing.assert_array_equal((got == values).all(axis=1), answer.found)
    assert 0 < answer.found.sum() < 3000


def test_there_are_2470_classes_by_different_keys():
    keys, weights = self_dual_weights()
    assert len(np.unique(keys)) == len(weights) == 2470
    # R. O. Winder: of 1 to 8 variables.
    by_number = np.bincount((weights > 0).sum(axis=1), minlength=9).cumsum()
    assert by_number[1:].tolist() == [1, 1, 2, 3, 7, 21, 135, 2470]


def unit_without(weights, place):
    """The function of 7 inputs that fixes one variable of a self-dual one at 1."""
    rest = np.delete(weights, place).astype(int)
    return ThresholdUnit(rest, (int(rest.sum()) - int(weights[place]) + 1) // 2)


def check_minimal(classes):
    for weights in classes:
        for place in np.unique(weights, return_index=True)[1]:
            unit = unit_without(weights, place)
            proof = minimality(unit)
            assert (proof.minimal, proof.by) == (True, "linear program"), unit
            assert proof.certificate.check()


def test_some_sums_are_minimal_by_certificate():
    check_minimal(self_dual_weights().weights[::25])


@pytest.mark.slow
def test_all_sums_are_minimal_by_certificate():
    check_minimal(self_dual_weights().weights)
