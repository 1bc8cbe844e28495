"""All threshold functions of n variables, counted: neighbours of each class are tried, and each decision is exact.

A self-dual function is the sign of w.x for x in {-1, 1}^n. Up to permutations and negations of variables there is one
with 0 <= w_1 <= ... <= w_n for each class. Two such regions of weights with a wall between them differ in one pair of
points x, -x, so that all classes are reached from any one. R. O. Winder, Enumeration of seven-argument threshold
functions (1965); S. Muroga, T. Tsuboi and C. R. Baugh, Enumeration of threshold functions of eight variables (1970).
"""

import math
from collections import Counter, deque
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from jaxnet.progress import progress_bar
from jaxnet.validation import whole_number

# From this on the walk takes a core half a day and more memory than most machines have.
_MOST_VARIABLES = 9
# Residuals of float64 below it are refuted exactly, those above it accepted exactly; they lie 14 orders apart.
_NONE = 1e-6


class SelfDualClass(NamedTuple):
    """A class of self-dual threshold functions.

    Attributes:
        table: the truth table of the one with ascending weights, an integer of 2^n bits: bit x is the value where
            variable i is bit i of x.
        weights: n ascending integers, not negative, with w.x != 0 for all x in {-1, 1}^n; not always minimal.
    """

    table: int
    weights: tuple[int, ...]


class ThresholdCounts(NamedTuple):
    """How many threshold functions of n variables there are.

    Attributes:
        functions: of at most n variables, A000609.
        unate_classes: up to negations of variables, A002078; as many are positive.
        np_classes: up to permutations and negations of variables, A000617.
        npn_classes: up to negation of the output too, A001529.
        self_dual_classes: of self-dual functions of n + 1 variables, A001532.
    """

    functions: int
    unate_classes: int
    np_classes: int
    npn_classes: int
    self_dual_classes: int


def count_threshold_functions(n: int, *, progress: bool = False) -> ThresholdCounts:
    """Count the threshold functions of n variables, from one representative of each self-dual class of n + 1.

    A function of n variables is a self-dual one of n + 1 with one variable fixed, so that classes, with the numbers of
    their different Chow parameters, tell all counts. Every class comes with integer weights, and every neighbour that
    is none is refuted by an identity in fractions: no count depends on rounding.

    Args:
        n: 0 to 8; 7 takes a second, 8 some minutes.
        progress: whether to show a bar, on a terminal or in a notebook.

    Returns:
        A `ThresholdCounts`.

    Raises:
        ValueError: if n is out of range.
        TypeError: if n is no whole number.

    Source: R. O. Winder (1965); OEIS A000609, A002078, A000617, A001529, A001532.

    >>> count_threshold_functions(4)
    ThresholdCounts(functions=1882, unate_classes=150, np_classes=27, npn_classes=15, self_dual_classes=7)
    """
    n = whole_number("count_threshold_functions", "n", n, 0, _MOST_VARIABLES - 1)
    by_number = [_counts(m, progress and m == n) for m in range(n + 1)]
    functions, np_classes, npn_classes, classes = by_number[n]
    # Of exactly k variables, by inclusion and exclusion; each is one of 2^k by negations of its variables.
    exactly = [sum((-1) ** (k - j) * math.comb(k, j) * by_number[j][0] for j in range(k + 1)) for k in range(n + 1)]
    unate = sum(math.comb(n, k) * exactly[k] // 2**k for k in range(n + 1))
    return ThresholdCounts(functions, unate, np_classes, npn_classes, classes)


def _counts(n: int, progress: bool) -> tuple[int, int, int, int]:
    """Return the functions, the NP and the NPN classes of n variables, and the self-dual classes of n + 1."""
    functions = np_classes = npn_classes = classes = 0
    for found in self_dual_classes(n + 1, progress=progress):
        chow = Counter(chow_parameters_of(found.table, n + 1))
        orbit = math.factorial(n + 1)
        for times in chow.values():
            orbit //= math.factorial(times)
        # Each variable with another Chow parameter than 0 may be negated; fixing one at 1 takes nothing away.
        functions += orbit << (n + 1 - chow[0])
        npn_classes += len(chow)
        np_classes += sum(1 if value == 0 else 2 for value in chow)
        classes += 1
    return functions, np_classes, npn_classes, classes


def self_dual_classes(n: int, *, progress: bool = False) -> Iterator[SelfDualClass]:
    """Yield a representative of each class of self-dual threshold functions of n variables.

    Args:
        n: 1 to 9.
        progress: whether to show a bar.

    Yields:
        A `SelfDualClass`, its weights checked in integers.

    Raises:
        ValueError: if n is out of range.

    Source: R. O. Winder (1965).

    >>> [found.weights for found in self_dual_classes(3)]
    [(0, 0, 1), (1, 1, 1)]
    """
    n = whole_number("self_dual_classes", "n", n, 1, _MOST_VARIABLES)
    walk = _Walk(n)
    start = SelfDualClass(walk.table_of([0] * (n - 1) + [1]), (0,) * (n - 1) + (1,))
    seen, waiting = {start.table}, deque([start])
    with progress_bar("self-dual classes", None, total=_KNOWN.get(n), unit=" classes", shown=progress) as bar:
        while waiting:
            found = waiting.popleft()
            yield found
            bar.update()
            for neighbour in walk.neighbours(found, seen):
                seen.add(neighbour.table)
                waiting.append(neighbour)


# Of 1 to 9 variables, for the bar alone.
_KNOWN = dict(enumerate([1, 1, 2, 3, 7, 21, 135, 2470, 175428], start=1))


class _Walk:
    """What a step from one class to its neighbours needs."""

    def __init__(self, n: int):
        self.n, self.rows = n, 1 << n
        rows = range(self.rows)
        self.points = np.array([[1 if row >> i & 1 else -1 for i in range(n)] for row in rows])
        # A point is above another if it has one more variable, or one at a heavier place: bit x of the table moves by
        # that much, where the mask allows it.
        self.moves = [(1, sum(1 << row for row in rows if row & 1))]
        for i in range(1, n):
            mask = sum(1 << row for row in rows if row >> i & 1 and not row >> (i - 1) & 1)
            self.moves.append((1 << (i - 1), mask))
        # The walls of 0 <= w_1 <= ... <= w_n.
        self.order = np.eye(n, dtype=int) - np.eye(n, k=-1, dtype=int)

    def table_of(self, weights: list[int]) -> int:
        """Return the truth table of weights."""
        return sum(1 << row for row in range(self.rows) if int(self.points[row] @ weights) > 0)

    def lowest(self, table: int) -> list[int]:
        """Return the true points that are above no other true point."""
        left = table
        for shift, mask in self.moves:
            left &= ~((table << shift) & mask)
        found = []
        while left:
            bit = left & -left
            found.append(bit.bit_length() - 1)
            left ^= bit
        return found

    def neighbours(self, found: SelfDualClass, seen: set[int]) -> Iterator[SelfDualClass]:
        """Yield the classes beyond each wall of a region, but for those that were seen."""
        # Off the walls between equal weights; w.x >= 1 for integers, so that no sign changes.
        inside = np.array(found.weights) + np.arange(1, self.n + 1) / (2 * self.n**2)
        lowest = self.lowest(found.table)
        walls = self.points[lowest]
        for k, x in enumerate(lowest):
            beyond = found.table ^ (1 << x) | 1 << (self.rows - 1 - x)
            if beyond in seen:
                continue
            # Is x.w > 0 a wall: does it not follow from the other walls and the order? It does if x is a sum of them.
            others = np.vstack([np.delete(walls, k, axis=0), self.order])
            factors = _factors(others, self.points[x])
            away = others.T @ factors - self.points[x]
            if np.abs(away).max() < _NONE:
                self.refute(others, factors, self.points[x])
                continue
            weights = self.integers(beyond, self.crossed(beyond, x, inside, away)) or self.by_programming(beyond)
            yield SelfDualClass(beyond, weights)

    def crossed(self, beyond: int, x: int, inside: np.ndarray, away: np.ndarray) -> np.ndarray:
        """Return weights on the way from inside a region to away: beyond the wall of x, before any other."""
        before, after = self.points[x] @ inside, self.points[x] @ away
        first = before / (before - after)
        last = 1.0
        for row in self.lowest(beyond):
            near, far = self.points[row] @ inside, self.points[row] @ away
            if row != self.rows - 1 - x and far < near and near / (near - far) > first:
                last = min(last, near / (near - far))
        place = (first + last) / 2
        weights = (1 - place) * inside + place * away
        return weights / np.abs(weights).max()

    def by_programming(self, table: int) -> tuple[int, ...]:
        """Return integer weights of a function by a linear program, which is slower, but sure of its way."""
        from scipy.optimize import linprog

        walls = np.vstack([self.points[self.lowest(table)], self.order])
        least = np.append(np.ones(len(walls) - self.n), np.zeros(self.n))
        found = linprog(np.ones(self.n), A_ub=-walls, b_ub=-least, method="highs").x
        weights = None if found is None else self.integers(table, found / np.abs(found).max())
        if weights is None:
            raise RuntimeError(f"self_dual_classes: no integer weights for table {table:#x}: a mistake in circuits.")
        return weights

    def integers(self, table: int, weights: np.ndarray) -> tuple[int, ...] | None:
        """Return integer weights of a function, given float ones: the smallest scale that passes an exact check."""
        lowest = self.points[self.lowest(table)]
        for scale in (*range(1, 12), *(2**bits for bits in range(4, 50))):
            # Rounding keeps ascending weights ascending; what is below 0 by rounding becomes 0.
            rounded = np.maximum.accumulate(np.maximum(np.round(weights * scale), 0)).astype(np.int64)
            if (lowest @ rounded > 0).all():
                return tuple(rounded.tolist())
        return None

    def refute(self, others: np.ndarray, factors: np.ndarray, x: np.ndarray) -> None:
        """Check in fractions that x is a sum of the others with factors that are not negative."""
        from scipy.optimize import linprog

        used = np.flatnonzero(factors > _NONE)
        exact = _solved(others[used].T.tolist(), x.tolist())
        if exact is None:
            # The points used depend on one another; a basic solution has some that do not.
            basic = linprog(np.ones(len(others)), A_eq=others.T, b_eq=x, method="highs-ds").x
            used = np.flatnonzero(np.zeros(len(others)) if basic is None else basic > _NONE)
            exact = _solved(others[used].T.tolist(), x.tolist())
        if exact is None or any(factor < 0 for factor in exact):
            raise RuntimeError("self_dual_classes: a class was neither reached nor refuted: a mistake in circuits.")


def _factors(others: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return factors that are not negative, for the sum of the others that is nearest to x."""
    from scipy.optimize import lsq_linear, nnls  # here, since it takes a tenth of a second

    factors, _ = nnls(others.T.astype(float), x.astype(float))
    away = others.T @ factors - x
    # SciPy's nnls sometimes stops far from the optimum without a word; at the optimum, no other point is in its way.
    if (others @ away).min() < -_NONE or x @ away > 0:
        factors = lsq_linear(others.T.astype(float), x.astype(float), bounds=(0, np.inf), method="bvls", tol=1e-12).x
    return factors


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


def chow_parameters_of(table: int, n: int) -> list[int]:
    """Return, for each variable of a self-dual function, how many more true rows have it than have it not.

    Args:
        table: an integer of 2^n bits.
        n: how many variables.

    >>> chow_parameters_of(0b11101000, 3)
    [2, 2, 2]
    """
    from circuits.simulation.long_words import variable_tables

    ones = table.bit_count()
    return [2 * (table & variable).bit_count() - ones for variable in variable_tables(n)]
