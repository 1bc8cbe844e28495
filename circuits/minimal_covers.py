"""Minimal sums of products: all prime implicants, then the fewest of them that cover a function.

The primes are those of W. V. Quine (1952) and E. J. McCluskey (1956), found for all 3^n cubes at once; the cover is an
integer program, solved by HiGHS (Q. Huangfu and J. A. J. Hall, 2018).
"""

from typing import Any, NamedTuple

import numpy as np

MAX_INPUTS = 10


class MinimalCover(NamedTuple):
    """A sum of products.

    Attributes:
        cubes: the products, strings with a character for each input: 0, 1, or - where the input does not matter.
        proved: whether HiGHS proved that no sum of products has fewer cubes, or as many and fewer literals.
        fewest: how many cubes any sum of products has at least; the number of cubes if proved.
    """

    cubes: tuple[str, ...]
    proved: bool
    fewest: int


def prime_implicants(table: Any, dont_care: Any = None) -> np.ndarray:
    """Return the prime implicants of a function: the largest cubes on which it is 1.

    Args:
        table: `(2^n,)`, zeros and ones, rows in the order of `circuits.rows(n)`, n at most 10.
        dont_care: likewise, 1 where the value does not matter; nowhere if None.

    Returns:
        `(primes, n)` int8: 0, 1, or 2 where the input does not matter. Cubes of nothing but don't-cares are left out.

    Raises:
        ValueError: if a table has not 2^n entries or one that is no bit.

    Source: W. V. Quine, The problem of simplifying truth functions (1952); E. J. McCluskey, Minimization of Boolean
        functions (1956).

    >>> prime_implicants([0, 0, 0, 1, 0, 1, 1, 1])
    array([[1, 1, 2],
           [1, 2, 1],
           [2, 1, 1]], dtype=int8)
    """
    on, free = _tables("prime_implicants", table, dont_care)
    return _primes(on, free)


def minimal_cover(table: Any, dont_care: Any = None, *, time_limit: float = 60) -> MinimalCover:
    """Return a sum of products with the fewest products, and of those one with the fewest literals.

    Args:
        table: `(2^n,)`, zeros and ones, rows in the order of `circuits.rows(n)`, n at most 10.
        dont_care: likewise, 1 where the value does not matter; nowhere if None.
        time_limit: seconds after which HiGHS stops, with the best that it has found: once for the number of products,
            and once for that of literals.

    Returns:
        The cover, and whether it is proved minimal.

    Raises:
        ValueError: if a table has not 2^n entries or one that is no bit.

    Source: E. J. McCluskey (1956); Q. Huangfu and J. A. J. Hall, Parallelizing the dual revised simplex method (2018).

    >>> minimal_cover([0, 0, 0, 1, 0, 1, 1, 1])
    MinimalCover(cubes=('-11', '1-1', '11-'), proved=True, fewest=3)
    """
    on, free = _tables("minimal_cover", table, dont_care)
    primes = _primes(on, free)
    row_bits = np.flatnonzero(on)[:, None] >> np.arange(primes.shape[1]) & 1
    covers = ((primes == 2) | (primes == row_bits[:, None])).all(axis=2)
    literals = (primes != 2).sum(axis=1)
    needed, rows, columns = _core(covers, literals)
    found, proved, fewest = _fewest(covers[np.ix_(rows, columns)], literals[columns], time_limit)
    cubes = primes[np.concatenate([needed, columns[found]])]
    return MinimalCover(tuple(sorted("".join("01-"[v] for v in cube) for cube in cubes)), proved, len(needed) + fewest)


def _tables(where: str, table: Any, dont_care: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return where a function is 1, and where its value does not matter."""
    on = np.asarray(table)
    free = np.zeros(on.shape, bool) if dont_care is None else np.asarray(dont_care)
    for bits in (on, free):
        if bits.ndim != 1 or len(bits) not in [2**n for n in range(MAX_INPUTS + 1)] or bits.shape != on.shape:
            raise ValueError(
                f"{where}: expected tables of 2^n rows with n at most {MAX_INPUTS}, got {on.shape} and {free.shape}."
            )
        if bits.dtype != bool and not np.isin(bits, (0, 1)).all():
            raise ValueError(f"{where}: expected Booleans, or zeros and ones.")
    free = free.astype(bool)
    return on.astype(bool) & ~free, free


def _primes(on: np.ndarray, free: np.ndarray) -> np.ndarray:
    n = len(on).bit_length() - 1
    # Axis i is input i: entries 0 and 1, then 2 for both. The rows of a table have the first input as the last axis.
    shape, order = [2] * n, range(n)[::-1]
    all_on, any_on = ((values.reshape(shape).transpose(*order)) for values in (on | free, on))
    for i in range(n):
        all_on = np.concatenate([all_on, all_on.all(axis=i, keepdims=True)], axis=i)
        any_on = np.concatenate([any_on, any_on.any(axis=i, keepdims=True)], axis=i)
    prime = all_on & any_on
    for i in range(n):
        # A cube with a literal of input i is no prime if it stays an implicant without it.
        prime &= ~all_on.take([2], axis=i) | (np.arange(3) == 2).reshape([3 if j == i else 1 for j in range(n)])
    return np.argwhere(prime).astype(np.int8)


def _core(covers: np.ndarray, literals: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the primes that some minimal cover has in any case, and the rows and primes between which to choose.

    In turn, until nothing changes: take a prime that alone covers a row; drop a row that is covered whenever another
    one is; drop a prime that covers no more than another one, which has no more literals.
    """
    rows, columns, needed = np.arange(len(covers)), np.arange(covers.shape[1]), []
    left = None
    while left != (left := (len(rows), len(columns))):
        within = covers[np.ix_(rows, columns)]
        alone = within[within.sum(axis=1) == 1].any(axis=0)
        needed.append(columns[alone])
        rows, columns = rows[~within[:, alone].any(axis=1)], columns[~alone]
        rows = rows[~_contained(~covers[np.ix_(rows, columns)], np.zeros(len(rows)))]
        columns = columns[~_contained(covers[np.ix_(rows, columns)].T, literals[columns])]
    return np.concatenate(needed), rows, columns


def _contained(sets: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return which sets, rows of Booleans, are contained in one that costs no more; of equal ones the first stays."""
    count = sets.astype(np.float32)
    inside = (count @ count.T == count.sum(axis=1)[:, None]) & (cost <= cost[:, None])
    place = np.arange(len(sets))
    return (inside & (~inside.T | (place < place[:, None]))).any(axis=1)


def _fewest(covers: np.ndarray, literals: np.ndarray, time_limit: float) -> tuple[np.ndarray, bool, int]:
    """Return the fewest columns that cover all rows and have fewest literals, whether it is proved, and a bound."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    if not covers.size:
        return np.zeros(0, int), True, 0
    ones = np.ones(covers.shape[1])
    each = LinearConstraint(csr_array(covers.astype(float)), 1, np.inf)
    # The default gap would call a cover optimal that is 0.01 % above the bound.
    options = {"time_limit": time_limit, "mip_rel_gap": 0}
    shared: Any = {"integrality": ones, "bounds": Bounds(0, 1), "options": options}
    fewer = milp(ones, constraints=[each], **shared)
    best = _greedy(covers) if fewer.x is None else np.flatnonzero(fewer.x > 0.5)
    fewest = 1 if fewer.mip_dual_bound is None else max(1, int(np.ceil(fewer.mip_dual_bound - 1e-3)))
    if fewer.status != 0:
        return best, False, min(fewest, len(best))
    shorter = milp(
        literals.astype(float), constraints=[each, LinearConstraint(ones[None], 0, len(best) + 0.5)], **shared
    )
    if shorter.x is not None:
        best = np.flatnonzero(shorter.x > 0.5)
    return best, shorter.status == 0, fewest


def _greedy(covers: np.ndarray) -> np.ndarray:
    """Return columns that cover each row, each time the one that covers most of those that are left."""
    chosen = []
    while len(covers):
        chosen.append(int(covers.sum(axis=0).argmax()))
        covers = covers[~covers[:, chosen[-1]]]
    return np.array(chosen, int)
