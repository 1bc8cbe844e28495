from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from circuits.threshold import exact_simplex as file
from circuits.threshold.exact_simplex import maximise


@pytest.mark.parametrize("stalled", [-1, 20])  # Bland's rule from the first step, and when it is needed
@pytest.mark.parametrize("seed", range(40))
def test_optima_and_rays_against_highs(seed, stalled, monkeypatch):
    monkeypatch.setattr(file, "_STALLED", stalled)
    rng = np.random.default_rng(seed)
    m, k = int(rng.integers(1, 6)), int(rng.integers(1, 20))
    a = np.hstack([np.eye(m, dtype=np.int64), rng.integers(-3, 4, (m, k))])
    b, c = np.concatenate([np.zeros(m, np.int64), rng.integers(-4, 5, k)]), rng.integers(0, 3, m)
    best = maximise(a, b, c, list(range(m)), np.eye(m, dtype=np.int64))
    expected = linprog(-b, A_eq=a, b_eq=c, bounds=(0, None), method="highs")
    y = np.zeros(m + k, object)
    y[best.columns] = best.y
    assert (y >= 0).all()
    if best.prices is None:
        assert not expected.success
        assert not (a.astype(object) @ y).any()
        assert b.astype(object) @ y > 0
        return
    assert (a.astype(object) @ y == best.scale * c).all()
    # A dual solution of the same value: both are optimal, whatever HiGHS says.
    prices = np.array(best.prices, object)
    assert (prices @ a.astype(object) >= best.scale * b).all()
    assert prices @ c.astype(object) == b.astype(object) @ y
    assert float(Fraction(int(b.astype(object) @ y), best.scale)) == pytest.approx(-expected.fun, abs=1e-9)


def test_large_prices_are_exact():
    big = 1 << 40
    a = np.array([[1, 0, big, 1], [0, 1, 1, big]])
    best = maximise(a, np.array([0, 0, big, big]), np.array([1, 1]), [0, 1], np.eye(2, dtype=np.int64))
    assert Fraction(sum(best.prices), best.scale) == Fraction(2 * big, big + 1)
