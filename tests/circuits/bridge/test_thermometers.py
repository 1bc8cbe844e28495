import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.bridge.thermometers import cut_points


def test_all_values_but_the_smallest_if_they_are_few():
    assert cut_points([2, 1, 2, 3]) == [2, 3]
    assert cut_points(np.array([0.5, math.nan, 0.25])) == [0.5]
    assert cut_points([7, 7, None]) == []


def test_quantiles_of_rows_and_where_they_are_equal_of_values():
    # By hand: of 0..99 the quarters; of a column that is mostly 0, as gains are, the values that there are otherwise.
    assert cut_points(range(100), 3) == [25, 50, 75]
    gains = [0] * 900 + list(range(1, 101))
    assert cut_points(gains, 4) == [21, 41, 61, 81]


@given(
    st.lists(st.floats(-1e6, 1e6) | st.none() | st.integers(-3, 3), min_size=1, max_size=40).filter(any),
    st.integers(1, 9),
)
def test_thresholds_ascend_are_values_and_divide(values, most):
    known = {value for value in values if value is not None}
    found = cut_points(values, most)
    assert found == sorted(set(found))
    assert set(found) <= known - {min(known)}
    assert min(1, len(known) - 1) <= len(found) <= most


def test_how_many_is_a_positive_number():
    with pytest.raises(ValueError, match=r"^cut_points: expected most to be at least 1, got 0"):
        cut_points([1], 0)
