"""Fitting: one unit that has given values on given rows, by a linear program whose answer is checked in integers."""

import numpy as np

from circuits.mapping.unit_networks import Unit, reduced

# So many rows are tried first.
_FEW = 256


def one_unit(rows: np.ndarray, target: np.ndarray) -> Unit | None:
    """Return a unit that fits rows, or None if none was found; integers check what the linear program proposes.

    Args:
        rows: `(rows, n)` bool.
        target: `(rows,)` bool.

    Returns:
        A `Unit` over columns, of small weights.

    >>> one_unit(np.array([[0, 0], [1, 0], [1, 1]], bool), np.array([0, 1, 0], bool))
    Unit(weights={0: 1, 1: -1}, threshold=1)
    """
    packed = np.packbits(rows, axis=1, bitorder="little")
    codes = np.zeros(len(rows), np.uint64)
    for k in range(packed.shape[1]):
        codes |= packed[:, k].astype(np.uint64) << np.uint64(8 * k)
    _, true = np.unique(codes[target], return_index=True)
    _, false = np.unique(codes[~target], return_index=True)
    if not len(true) or not len(false):
        return Unit({}, 0 if len(true) else 1)
    true, false = rows[target][true], rows[~target][false]
    if np.intersect1d(codes[target], codes[~target]).size:
        return None
    # Most rows have no solution, and a few of them show it.
    if len(true) + len(false) > 2 * _FEW and _real_weights(_some(true), _some(false)) is None:
        return None
    weights = _real_weights(true, false)
    if weights is None:
        return None
    for scale in (1, 2, 3, 4, 6, 12):
        whole = np.round(scale * weights).astype(np.int64)
        least, most = (true @ whole).min(), (false @ whole).max()
        if least > most:
            return reduced(dict(enumerate(whole.tolist())), int(least))
    return None


def _some(rows: np.ndarray) -> np.ndarray:
    return rows[:: 1 + 2 * len(rows) // _FEW]


def _real_weights(true: np.ndarray, false: np.ndarray) -> np.ndarray | None:
    """Return weights of least sum |w| whose sums are larger by 1 on all true rows than on all false ones."""
    from scipy.optimize import linprog  # here, since it takes a tenth of a second

    n = true.shape[1]
    a = np.concatenate([-true.astype(float), false.astype(float)])
    side = np.concatenate([np.ones(len(true)), -np.ones(len(false))])
    a = np.hstack([a, -a, side[:, None]])
    b = np.concatenate([np.zeros(len(true)), -np.ones(len(false))])
    cost = np.ones(2 * n + 1)
    cost[-1] = 0
    answer = linprog(cost, A_ub=a, b_ub=b, bounds=[(0, None)] * (2 * n) + [(None, None)], method="highs")
    if answer.status != 0:
        return None
    return answer.x[:n] - answer.x[n : 2 * n]
