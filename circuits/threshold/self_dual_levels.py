"""Self-dual threshold functions, level by level: neighbours of each class are tried, and each decision is exact.

A self-dual function is the sign of w.x for x in {-1, 1}^n. Up to permutations and negations of variables there is one
with 0 <= w_1 <= ... <= w_n for each class. Two such regions of weights with a wall between them differ in one pair of
points x, -x. As w_n grows, true points without variable n turn false one at a time, each at a wall, until the function
is x_n. So level d, the classes with d such points, holds a neighbour of each class of level d + 1, and from x_n all are
reached. R. O. Winder, Enumeration of seven-argument threshold functions (1965), for the regions and their walls.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

# From this on one level takes more memory than most machines have.
MOST_VARIABLES = 10
# Residuals of float64 below it are refuted exactly, those above it accepted exactly; they lie 14 orders apart.
_NONE = 1e-6
# Tried first, since products with them are small integers, which float64 holds exactly.
_SCALES = np.arange(1.0, 65)[:, None]
_DENOMINATORS = np.arange(1.0, 257)[:, None]


class SelfDualClass(NamedTuple):
    """A class of self-dual threshold functions.

    Attributes:
        table: the truth table of the one with ascending weights, an integer of 2^n bits: bit x is the value where
            variable i is bit i of x.
        weights: n ascending integers, not negative, with w.x != 0 for all x in {-1, 1}^n; not always minimal.
    """

    table: int
    weights: tuple[int, ...]


class LevelWalk:
    """A walk through all classes of n variables; what it keeps between two steps are a few arrays of weights.

    Attributes:
        n: how many variables.
        level: `(k, n)` int64, the weights of the classes of one level.
        place: how many of them the walk has passed.
        above: the classes of the next level that were found, by table.

    >>> walk = LevelWalk(3)
    >>> [found.weights for found in walk]
    [(0, 0, 1), (1, 1, 1)]
    """

    def __init__(self, n: int):
        self.n = n
        self.level = np.eye(n, dtype=np.int64)[-1:]
        self.place = 0
        self.above: dict[int, tuple[int, ...]] = {}
        # Neighbours of this level that are no threshold functions; it saves time only.
        self._refuted: set[int] = set()
        rows = range(1 << n)
        self._last = len(rows) - 1
        self._points = np.array([[1 if row >> i & 1 else -1 for i in range(n)] for row in rows])
        # A point is above another if it has one more variable, or one at a heavier place: bit x of the table moves by
        # that much, where the mask allows it.
        self._moves = [(1, sum(1 << row for row in rows if row & 1))]
        for i in range(1, n):
            mask = sum(1 << row for row in rows if row >> i & 1 and not row >> (i - 1) & 1)
            self._moves.append((1 << (i - 1), mask))
        # The walls of 0 <= w_1 <= ... <= w_n.
        self._order = np.eye(n, dtype=int) - np.eye(n, k=-1, dtype=int)

    def __iter__(self) -> Iterator[SelfDualClass]:
        """Yield each class that is left, after its neighbours of the next level were found."""
        while self.place < len(self.level):
            weights = self.level[self.place]
            found = SelfDualClass(self.table_of(weights), tuple(weights.tolist()))
            for table, neighbour in self._neighbours(found):
                self.above[table] = neighbour
            self.place += 1
            if self.place == len(self.level):
                self.level = np.array(list(self.above.values()), np.int64).reshape(-1, self.n)
                self.place, self.above, self._refuted = 0, {}, set()
            yield found

    def resume(self, level: np.ndarray, place: int, above: np.ndarray) -> None:
        """Go on from where another walk was.

        Args:
            level: of that walk.
            place: of that walk.
            above: `(m, n)` int64, the weights in `above` of that walk, in their order.
        """
        self.level, self.place = level, place
        self.above = {self.table_of(weights): tuple(weights.tolist()) for weights in above}

    def table_of(self, weights: np.ndarray) -> int:
        """Return the truth table of integer weights."""
        return int.from_bytes(np.packbits(self._points @ weights > 0, bitorder="little").tobytes(), "little")

    def _lowest(self, table: int) -> list[int]:
        """Return the true points that are above no other true point."""
        left = table
        for shift, mask in self._moves:
            left &= ~((table << shift) & mask)
        found = []
        while left:
            bit = left & -left
            found.append(bit.bit_length() - 1)
            left ^= bit
        return found

    def _neighbours(self, found: SelfDualClass) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the classes of the next level beyond each wall of a region, but for those that are known."""
        # Off the walls between equal weights; w.x >= 1 for integers, so that no sign changes.
        inside = np.array(found.weights) + np.arange(1, self.n + 1) / (2 * self.n**2)
        lowest = self._lowest(found.table)
        walls = self._points[lowest]
        for k, x in enumerate(lowest):
            if not x >> (self.n - 1):
                continue  # beyond it, level d - 1
            beyond = found.table ^ (1 << x) | 1 << (self._last - x)
            if beyond in self.above or beyond in self._refuted:
                continue
            # Is x.w > 0 a wall: does it not follow from the other walls and the order? It does if x is a sum of them.
            others = np.concatenate([walls[:k], walls[k + 1 :], self._order])
            factors = _factors(others, self._points[x])
            away = others.T @ factors - self._points[x]
            if np.abs(away).max() < _NONE:
                _refute(others, factors, self._points[x])
                self._refuted.add(beyond)
                continue
            after = self._points[self._lowest(beyond)]
            weights = _integers(after, _crossed(after, self._points[x], inside, away))
            yield beyond, weights or self._by_programming(beyond, after)

    def _by_programming(self, table: int, lowest: np.ndarray) -> tuple[int, ...]:
        """Return integer weights of a function by a linear program, which is slower, but sure of its way."""
        from scipy.optimize import linprog  # here, since it takes a tenth of a second

        walls = np.vstack([lowest, self._order])
        least = np.append(np.ones(len(lowest)), np.zeros(self.n))
        found = linprog(np.ones(self.n), A_ub=-walls, b_ub=-least, method="highs").x
        weights = None if found is None else _integers(lowest, found / np.abs(found).max())
        if weights is None:
            raise RuntimeError(f"self_dual_levels: no integer weights for table {table:#x}: a mistake in circuits.")
        return weights


def _crossed(after: np.ndarray, x: np.ndarray, inside: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Return weights on the way from inside a region to away: beyond the wall of x, before any other."""
    first = x @ inside / (x @ inside - x @ away)
    near, far = after @ inside, after @ away
    # Of the lowest points beyond the wall, -x is the one whose wall is behind.
    falls = (far < near) & (after != -x).any(axis=1)
    met = near[falls] / (near[falls] - far[falls])
    last = met[met > first].min(initial=1.0)
    place = (first + last) / 2
    weights = (1 - place) * inside + place * away
    return weights / np.abs(weights).max()


def _integers(lowest: np.ndarray, weights: np.ndarray) -> tuple[int, ...] | None:
    """Return integer weights that make the lowest points true, given float ones, by the smallest scale that does."""
    for scales in (_SCALES, 2.0 ** np.arange(7, 50)[:, None]):
        # Rounding keeps ascending weights ascending; what is below 0 by rounding becomes 0.
        rounded = np.maximum.accumulate(np.maximum(np.round(weights * scales), 0), axis=1)
        exact = rounded if scales is _SCALES else rounded.astype(np.int64)
        fits = (exact @ lowest.T > 0).all(axis=1)
        if fits.any():
            return tuple(int(weight) for weight in exact[fits.argmax()])
    return None


def _refute(others: np.ndarray, factors: np.ndarray, x: np.ndarray) -> None:
    """Check exactly that x is a sum of the others with factors that are not negative."""
    used = np.flatnonzero(factors > _NONE)
    # As integers over one denominator; mostly it is small.
    times = np.round(factors[used] * _DENOMINATORS)
    if (times @ others[used] == x * _DENOMINATORS).all(axis=1).any():
        return
    exact = _solved(others[used].T.tolist(), x.tolist())
    if exact is None:
        from scipy.optimize import linprog

        # The points used depend on one another; a basic solution has some that do not.
        basic = linprog(np.ones(len(others)), A_eq=others.T, b_eq=x, method="highs-ds").x
        used = np.flatnonzero(np.zeros(len(others)) if basic is None else basic > _NONE)
        exact = _solved(others[used].T.tolist(), x.tolist())
    if exact is None or any(factor < 0 for factor in exact):
        raise RuntimeError("self_dual_levels: a class was neither reached nor refuted: a mistake in circuits.")


def _factors(others: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return factors that are not negative, for the sum of the others that is nearest to x."""
    from scipy.optimize import lsq_linear, nnls  # here, since it takes a tenth of a second

    # SciPy's nnls sometimes stops far from the optimum without a word; then another order of the points may do.
    for points in (others, others[::-1]):
        factors, _ = nnls(points.T.astype(float), x.astype(float))
        away = points.T @ factors - x
        # At the optimum, no other point is in its way.
        if (points @ away).min() >= -_NONE and x @ away <= 0:
            return factors if points is others else factors[::-1]
    return lsq_linear(others.T.astype(float), x.astype(float), bounds=(0, np.inf), method="bvls", tol=1e-12).x


def _solved(matrix: list[list[int]], right: list[int]) -> list[Fraction] | None:
    """Return the only solution of a system of equations, by elimination; None if there is none, or more than one."""
    rows = [[Fraction(value) for value in (*row, value_right)] for row, value_right in zip(matrix, right, strict=True)]
    unknowns = len(matrix[0]) if matrix else 0
    for column in range(unknowns):
        pivot = next((i for i in range(column, len(rows)) if rows[i][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for i, row in enumerate(rows):
            if i != column and row[column]:
                rows[i] = [a - row[column] * b for a, b in zip(row, rows[column], strict=True)]
    if any(row[-1] for row in rows[unknowns:]):
        return None
    return [row[-1] for row in rows[:unknowns]]
