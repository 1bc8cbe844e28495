"""Orders: never worse than given, and as good as the best of all where those can be tried."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from circuits.drawing.crossings import ordered, sifted


def paid(order, cost):
    return sum(cost[a, b] for a, b in itertools.combinations(order, 2))


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6))
def test_sifting_ends_where_no_move_helps(seed, n):
    cost = np.random.default_rng(seed).integers(0, 9, (n, n))
    found = sifted(list(range(n)), cost)
    assert sorted(found) == list(range(n))
    assert paid(found, cost) <= paid(range(n), cost)
    for item in found:
        rest = [other for other in found if other != item]
        assert all(paid([*rest[:i], item, *rest[i:]], cost) >= paid(found, cost) for i in range(n))


def crossings(columns, links):
    total = 0
    for (left, right), between in zip(itertools.pairwise(columns), links, strict=True):
        for (a, b), (c, d) in itertools.combinations(between, 2):
            total += (left.index(a) - left.index(c)) * (right.index(b) - right.index(d)) < 0
    return total


def test_most_columns_have_as_few_crossings_as_in_the_best_of_all_orders():
    columns = [[0, 1, 2, 3], [4, 5, 6, 7]]
    excess = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        links = [[(a, b) for a in columns[0] for b in columns[1] if rng.random() < 0.4]]
        every = itertools.product(*[map(list, itertools.permutations(column)) for column in columns])
        found = crossings(ordered(columns, links, 12), links)
        excess.append(found - min(crossings(orders, links) for orders in every))
    assert min(excess) == 0
    assert np.mean(np.array(excess) == 0) > 0.75
    assert np.mean(excess) < 0.5


@given(seed=st.integers(0, 10**6))
def test_many_columns_never_have_more_crossings_than_before(seed):
    rng = np.random.default_rng(seed)
    columns = [list(range(5 * i, 5 * i + 5)) for i in range(6)]
    links = [[(a, b) for a in left for b in right if rng.random() < 0.3] for left, right in itertools.pairwise(columns)]
    found = ordered(columns, links, 6)
    assert [sorted(column) for column in found] == columns
    assert crossings(found, links) <= crossings(columns, links)


def test_no_sweeps_leave_the_order():
    assert ordered([[1, 0], [2, 3]], [[(0, 2), (1, 3)]], 0) == [[1, 0], [2, 3]]
