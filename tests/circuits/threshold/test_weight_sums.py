"""The numbers of OEIS A003217."""

import pytest

from circuits import largest_weight_sum
from circuits.threshold import weight_sums
from circuits.threshold.recognition import Minimality

# a(1), ..., a(8); a(0) is 0 there, since a constant is left without its weight.
PUBLISHED = [1, 3, 5, 9, 17, 35, 79, 209]


@pytest.mark.parametrize("n", [*range(1, 7), *(pytest.param(n, marks=pytest.mark.slow) for n in (7, 8))])
def test_the_published_sums(n):
    assert largest_weight_sum(n) == PUBLISHED[n - 1]


def test_a_sum_without_a_certificate_is_no_answer(monkeypatch, error):
    monkeypatch.setattr(weight_sums, "minimality", lambda unit: Minimality(True, "integer program", 0, None))
    assert error(RuntimeError, largest_weight_sum, 2) == (
        "largest_weight_sum: ThresholdUnit([1, 1, 1], 2) has no certificate that its weights are minimal."
    )


def test_out_of_range(error):
    assert error(ValueError, largest_weight_sum, 0) == "largest_weight_sum: expected n in 1..8, got 0."
    assert error(ValueError, largest_weight_sum, 9) == "largest_weight_sum: expected n in 1..8, got 9."
