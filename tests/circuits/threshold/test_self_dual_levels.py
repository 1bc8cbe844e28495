"""Every class found is what its weights say, and what floats propose is decided exactly."""

from fractions import Fraction

import numpy as np
import pytest

from circuits.threshold import self_dual_levels
from circuits.threshold.enumeration import chow_parameters_of
from circuits.threshold.self_dual_levels import LevelWalk, _refute, _solved


@pytest.mark.parametrize("n", range(1, 8))
def test_weights_make_the_tables_and_classes_differ(n):
    points = 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) - 1
    classes = list(LevelWalk(n))
    for table, weights in classes:
        sums = points @ weights
        assert (sums != 0).all()
        assert sum(1 << int(row) for row in np.flatnonzero(sums > 0)) == table
        assert list(weights) == sorted(weights)
        assert weights[0] >= 0
    # By Chow's theorem: a threshold function is told from all others by these numbers.
    assert len({tuple(sorted(chow_parameters_of(table, n))) for table, _ in classes}) == len(classes)


@pytest.mark.parametrize("n", range(1, 8))
def test_level_d_has_d_true_points_without_the_last_variable(n):
    levels = [(table & (1 << (1 << (n - 1))) - 1).bit_count() for table, _ in LevelWalk(n)]
    assert levels == sorted(levels)
    assert set(levels) == set(range(levels[-1] + 1))


@pytest.mark.parametrize("steps", [1, 20, 60, 135])
def test_a_walk_goes_on_where_another_was(steps):
    walk, rest = LevelWalk(7), LevelWalk(7)
    classes = list(LevelWalk(7))
    ahead = iter(walk)
    assert [next(ahead) for _ in range(steps)] == classes[:steps]
    rest.resume(walk.level, walk.place, np.array(list(walk.above.values()), np.int64).reshape(-1, 7))
    assert list(rest) == classes[steps:]


def test_what_a_float_solver_says_is_checked(monkeypatch):
    tables = {found.table for found in LevelWalk(5)}
    # It says that nothing is a sum of others: then a class is reached in integers, or the walk ends with an error.
    monkeypatch.setattr(self_dual_levels, "_factors", lambda others, x: np.zeros(len(others)))
    assert {found.table for found in LevelWalk(5)} <= tables
    # It says that all are: then the sum is wrong.
    monkeypatch.setattr(self_dual_levels, "_factors", lambda others, x: np.linalg.pinv(others.T) @ x)
    with pytest.raises(RuntimeError, match="neither reached nor refuted"):
        list(LevelWalk(5))


def test_a_linear_program_stands_in(monkeypatch):
    tables = [found.table for found in LevelWalk(6)]
    monkeypatch.setattr(self_dual_levels, "_crossed", lambda after, *_: np.zeros(after.shape[1]))
    assert [found.table for found in LevelWalk(6)] == tables


def test_refutations_of_large_denominators_are_solved_in_fractions():
    # (1, 1) = 2/1009 (1, 0) + 1/1009 (1007, 1009).
    others, x = np.array([[1, 0], [1007, 1009], [-1, 0]]), np.array([1, 1])
    _refute(others, np.array([2 / 1009, 1 / 1009, 0]), x)
    with pytest.raises(RuntimeError):
        _refute(others[1:], np.array([1 / 1009, 0]), x)


def test_sums_are_solved_in_fractions():
    assert _solved([[1, 1], [1, -1], [2, 0]], [1, 0, 1]) == [Fraction(1, 2), Fraction(1, 2)]
    assert _solved([[1, 1], [1, -1], [2, 0]], [1, 0, 2]) is None
    assert _solved([[1, 2], [2, 4]], [1, 2]) is None
