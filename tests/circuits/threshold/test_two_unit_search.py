"""The classes are those of OEIS A000370 and A001529, and circuits of two units fall where they must."""

import numpy as np
import pytest

from circuits import npn
from circuits.threshold.minimal_networks import networks
from circuits.threshold.two_unit_search import main, two_unit_classes


def two_units_at_random(n, size, all_rows):
    """Tables of circuits of two units with small weights."""
    rng = np.random.default_rng(n)
    rows = all_rows(n).T.astype(int)
    h = rng.integers(-4, 5, (size, n)) @ rows >= rng.integers(-6, 7, (size, 1))
    y = rng.integers(-4, 5, (size, n)) @ rows + rng.integers(-9, 10, (size, 1)) * h >= rng.integers(-6, 7, (size, 1))
    return y @ (1 << np.arange(1 << n, dtype=np.uint64))


def check(n, all_rows):
    found = two_unit_classes(n)
    assert found.sizes.sum() == 1 << (1 << n)
    least = npn(two_units_at_random(n, 3000, all_rows), n)
    place = np.searchsorted(found.least, least)
    np.testing.assert_array_equal(found.least[place], least)
    assert (found.units[place] <= 2).all()
    return found


def test_four_inputs(all_rows):
    found = check(4, all_rows)
    assert dict(zip(found.least.tolist(), found.units.tolist(), strict=True)) == {
        least: len(network) for least, network in networks().items()
    }
    # A000609(4).
    assert found.sizes[found.units == 1].sum() == 1882


def test_three_inputs(all_rows):
    assert np.bincount(check(3, all_rows).units).tolist() == [0, 6, 8]


@pytest.mark.slow
def test_five_inputs(all_rows):
    found = check(5, all_rows)
    assert len(found.least) == 616_126
    assert (found.units == 1).sum() == 63
    assert found.sizes[found.units == 1].sum() == 94_572
    assert (found.units == 2).sum() == 43_473
    assert found.sizes[found.units == 2].sum() == 241_540_680


def test_the_command_prints_a_table(capsys):
    main(["3"])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["units", "classes", "functions"],
        ["1", "6", "104"],
        ["2", "8", "152"],
        ["3", "or", "more", "0", "0"],
        ["all", "14", "256"],
    ]


def test_out_of_range(error):
    assert error(ValueError, two_unit_classes, 6) == "two_unit_classes: expected n in 3..5, got 6."
