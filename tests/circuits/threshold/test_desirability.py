import itertools

import numpy as np
import pytest

from circuits import TradingTransform, pack_tables
from circuits.threshold.desirability import Ordered, lowest_and_highest, ordered, strict_pairs
from circuits.threshold.trades import fires


@pytest.mark.parametrize("n", [3, 5, 8])
def test_counts_tell_the_function(n, all_rows):
    rng = np.random.default_rng(n)
    for _ in range(10):
        table = fires(rng.integers(-4, 5, n), int(rng.integers(-4, 5)))
        if table.all() or not table.any():
            continue
        function = ordered(pack_tables(table, n), n)
        assert isinstance(function, Ordered)
        idle = [i for i in range(n) if i not in function.variables]
        for row, bits in enumerate(all_rows(n)):
            on = [
                bits[i] if sign > 0 else not bits[i] for i, sign in zip(function.variables, function.signs, strict=True)
            ]
            ends = np.cumsum([0, *function.sizes])
            counts = tuple(sum(on[a:b]) for a, b in itertools.pairwise(ends))
            assert function.table[counts] == table[row]
            assert all(table[function.rows_of(counts, turn)] == table[row] for turn in range(4))
        assert all(table[r] == table[r ^ 1 << i] for i in idle for r in range(1 << n))
        low, high = lowest_and_highest(function.table)
        assert all(function.table[tuple(place)] for place in low)
        assert not any(function.table[tuple(place)] for place in high)
        for true, false in strict_pairs(function.table):
            assert function.table[true]
            assert not function.table[false]


def test_two_variables_that_cannot_be_ordered():
    table = np.array([row & 3 == 3 or row & 12 == 12 for row in range(16)])
    found = ordered(pack_tables(table, 4), 4)
    assert isinstance(found, TradingTransform)
    assert found.binate is None
    assert found.check()
