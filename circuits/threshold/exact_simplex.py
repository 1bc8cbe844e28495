"""The simplex method in integers: no rounding, so that an optimum and a ray are proofs.

The inverse of the basis is an integer matrix over one common denominator, its determinant (J. Edmonds, 1967; integer
pivoting as in E. H. Bareiss, 1968).
"""

from typing import NamedTuple

import numpy as np

# After so many steps in a row that gain nothing, the rule of R. G. Bland (1977) takes over, which cannot cycle.
_STALLED = 20


class Optimum(NamedTuple):
    """The optimum of max b.y with A y = c, y >= 0, or a ray along which it is unbounded.

    Attributes:
        columns: the columns of A in use.
        y: integers for them, not negative; y / scale is the optimum. For a ray, A y = 0 and b.y > 0.
        prices: integers; prices / scale is the optimum of the dual, min c.w with A^T w >= b. None for a ray.
        scale: a positive integer.
    """

    columns: list[int]
    y: list[int]
    prices: list[int] | None
    scale: int


def maximise(a: np.ndarray, b: np.ndarray, c: np.ndarray, basis: list[int], inverse: np.ndarray) -> Optimum:
    """Solve max b.y with A y = c, y >= 0, from a basis that is known to be feasible, of determinant 1 or -1.

    Args:
        a: `(m, k)` int64, of full rank.
        b: `(k,)` int64.
        c: `(m,)` int64.
        basis: m columns with A_basis y = c for some y >= 0.
        inverse: `(m, m)`: that of A_basis, in integers.

    Returns:
        An `Optimum`.

    >>> maximise(np.array([[1, 2]]), np.array([1, 3]), np.array([1]), [0], np.array([[1]]))
    Optimum(columns=[1], y=[1], prices=[3], scale=2)
    """
    basis, matrix, scale = list(basis), inverse.astype(object), 1
    widest = int(np.abs(a).sum(axis=0).max(initial=0)) + int(np.abs(b).max(initial=0))
    stalled = 0
    while True:
        values = matrix @ c.astype(object)
        prices = b[basis].astype(object) @ matrix
        # int64 as long as no sum can pass it, Python's integers after that.
        small = max(scale, *map(abs, prices)) * widest < 1 << 62
        gains = scale * b - prices.astype(np.int64) @ a if small else scale * b.astype(object) - prices @ a
        bland = stalled > _STALLED
        enters = int(np.argmax(gains > 0)) if bland else int(np.argmax(gains))
        if gains[enters] <= 0:
            used = [(column, int(y)) for column, y in zip(basis, values, strict=True) if y]
            return Optimum([column for column, _ in used], [y for _, y in used], list(map(int, prices)), scale)
        step = matrix @ a[:, enters].astype(object)
        rising = [i for i in range(len(basis)) if step[i] > 0]
        if not rising:
            used = [(enters, scale), *((column, int(-s)) for column, s in zip(basis, step, strict=True) if s)]
            return Optimum([column for column, _ in used], [y for _, y in used], None, 1)
        leaves = rising[0]
        for i in rising[1:]:
            lead = values[i] * step[leaves] - values[leaves] * step[i]
            if lead < 0 or (lead == 0 and basis[i] < basis[leaves]):
                leaves = i
        stalled = 0 if values[leaves] else stalled + 1
        pivot, row = step[leaves], matrix[leaves].copy()
        matrix = (pivot * matrix - np.outer(step, row)) // scale
        matrix[leaves], basis[leaves], scale = row, enters, int(pivot)
