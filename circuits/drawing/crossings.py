"""Orders of items in columns, with few crossings of the links between neighbouring columns.

Sweeps after K. Sugiyama, S. Tagawa and M. Toda (1981), sifting after C. Matuszewski, R. Schönfeld and P. Molitor
(1999).
"""

import itertools
from typing import Any

import numpy as np

Links = list[list[tuple[int, int]]]


def ordered(columns: list[list[int]], links: Links, sweeps: int) -> list[list[int]]:
    """Put the items of each column into an order with few crossings.

    Args:
        columns: the items of each column, by any numbers.
        links: for each column but the last, pairs of one of its items and one of the next column.
        sweeps: how often to go over the columns; 0 leaves them as they are.

    Returns:
        The items of each column from the top, with no more crossings than before.

    Source: K. Sugiyama, S. Tagawa and M. Toda (1981), for the sweeps.

    >>> ordered([[0, 1], [2, 3]], [[(0, 3), (1, 2)]], sweeps=3)
    [[0, 1], [3, 2]]
    """
    best = [list(column) for column in columns]
    if not sweeps:
        return best
    fewest = _crossings(best, links)
    for start in (best, _depth_first(columns, links)):
        orders = [list(column) for column in start]
        for sweep in range(sweeps):
            # One sweep orders each column by its left neighbour, the next by its right one, the third by both.
            sides = ((-1,), (1,), (-1, 1))[sweep % 3]
            places = range(len(orders)) if -1 in sides else range(len(orders) - 1, -1, -1)
            for place in places:
                cost = np.sum([_cost(orders, links, place, side) for side in sides], axis=0)
                orders[place] = sifted(orders[place], cost)
            if (crossings := _crossings(orders, links)) < fewest:
                best, fewest = [list(order) for order in orders], crossings
    return best


def _depth_first(columns: list[list[int]], links: Links) -> list[list[int]]:
    """Return columns ordered as a depth-first walk from the outputs, against the wires, comes to their items."""
    fed_by: dict[int, list[int]] = {}
    for left, right in itertools.chain.from_iterable(links):
        fed_by.setdefault(right, []).append(left)
    rank: dict[int, int] = {}
    waiting = [item for column in columns for item in reversed(column)]  # the outputs are at the end
    while waiting:
        item = waiting.pop()
        if item not in rank:
            rank[item] = len(rank)
            waiting += reversed(fed_by.get(item, []))
    return [sorted(column, key=rank.__getitem__) for column in columns]


def _cost(orders: list[list[int]], links: Links, place: int, side: int) -> np.ndarray:
    """Return how many links to the column at one side cross: entry [u, v] if the u-th item is above the v-th."""
    order = orders[place]
    if not 0 <= place + side < len(orders):
        return np.zeros((len(order), len(order)), int)
    row = {item: i for i, item in enumerate(order)}
    column = {item: i for i, item in enumerate(orders[place + side])}
    linked = np.zeros((len(row), len(column)))
    for left, right in links[min(place, place + side)]:
        here, there = (left, right) if side > 0 else (right, left)
        linked[row[here], column[there]] += 1
    return (linked @ (np.cumsum(linked, axis=1) - linked).T).astype(int)


def _crossings(orders: list[list[int]], links: Links) -> int:
    return sum(int(np.triu(_cost(orders, links, place, 1)).sum()) for place in range(len(orders)))


def sifted(order: list[Any], cost: np.ndarray) -> list[Any]:
    """Move one item after another to its best place, while that helps.

    Args:
        order: n items.
        cost: `(n, n)`; entry [i, j] is paid if the i-th of them comes before the j-th.

    Returns:
        The items in an order that costs no more.

    Source: C. Matuszewski, R. Schönfeld and P. Molitor, Using sifting for k-layer straightline crossing minimization
        (1999), after R. Rudell (1993).

    >>> sifted(["a", "b", "c"], np.array([[0, 0, 5], [0, 0, 0], [0, 0, 0]]))
    ['b', 'c', 'a']
    """
    ranks = list(range(len(order)))
    moved = True
    while moved:
        moved = False
        for item in range(len(order)):
            at = ranks.index(item)
            rest = ranks[:at] + ranks[at + 1 :]
            change = cost[rest, item] - cost[item, rest]  # by going past each
            total = np.concatenate([[0], np.cumsum(change)])
            best = int(total.argmin())
            if total[best] < total[at]:
                ranks = [*rest[:best], item, *rest[best:]]
                moved = True
    return [order[rank] for rank in ranks]
