"""Verdicts on derivatives from a few function values around a point: differences extrapolated to step size zero.

After C. J. F. Ridders, Accurate computation of F'(x) and F'(x) F''(x) (1982). Plain NumPy in float64, for many
functions of one variable at a time.
"""

from typing import NamedTuple

import numpy as np

# `check_gradients` says what each of them means. The verdict of an array is the last one here among those of its
# entries: an unresolved entry counts only if no other is better than flat.
VERDICTS = ("flat", "unresolved", "right", "kinked", "discontinuous", "wrong", "undefined")
FLAT, UNRESOLVED, RIGHT, KINKED, DISCONTINUOUS, WRONG, UNDEFINED = range(7)

RATIO = 8.0  # of each step size to the next; a power of two, so that x + h and x - h are exact
STEPS = RATIO ** -np.arange(15.0)  # from 1 down to 2e-13


class Judgement(NamedTuple):
    """The verdict on each derivative and its figures, arrays `(k,)`.

    Attributes:
        verdict: an index into `VERDICTS`.
        difference: the central difference, extrapolated.
        uncertainty: how far it may be from the derivative.
        rounding: how much f may change by rounding alone.
    """

    verdict: np.ndarray
    difference: np.ndarray
    uncertainty: np.ndarray
    rounding: np.ndarray


def judge(
    here: np.ndarray,
    right: np.ndarray,
    left: np.ndarray,
    automatic: np.ndarray,
    *,
    tolerance: np.ndarray,
    epsilon: float,
) -> Judgement:
    """Judge given derivatives of k functions of one variable.

    Args:
        here: `(k,)`, f(x).
        right: `(k, 15)`, f(x + h) for each h of `STEPS`.
        left: `(k, 15)`, f(x - h).
        automatic: `(k,)`, the derivatives to judge.
        tolerance: `(k,)`, the relative error that a right derivative may have.
        epsilon: of the floating-point type that f was computed in.

    Returns:
        A `Judgement`.

    >>> x, h = np.array([[2.0]]), STEPS
    >>> judged = judge(x[0] ** 3, (x + h) ** 3, (x - h) ** 3, np.array([12.0]), tolerance=1e-6, epsilon=2e-16)
    >>> VERDICTS[judged.verdict[0]], judged.difference.round(6)
    ('right', array([12.]))
    """
    with np.errstate(all="ignore"):
        f = here[:, None]
        rounding = 4 * epsilon * np.maximum(np.maximum(abs(right), abs(left)), abs(f))
        noise = np.maximum(rounding, _quantum(right - left, rounding))
        noise = noise / STEPS
        # A central difference is the slope plus terms in h^2, h^4, ..; the two one-sided differences differ by the jump
        # of the slope plus terms in h, h^3, ..
        difference, uncertainty = _pick(*_estimates((right - left) / (2 * STEPS), noise, 2), automatic, tolerance)
        change, change_error = _pick(*_estimates((right - 2 * f + left) / STEPS, noise, 1, 3), 0 * here, tolerance)

        size = np.maximum(abs(automatic), abs(difference))
        within = 4 * uncertainty
        agrees = abs(automatic - difference) <= tolerance * size + within
        moves = np.stack([right - f, left - f])
        reach = np.where(np.isfinite(moves), abs(moves), 0).max(axis=(0, 2))
        resolved = (uncertainty <= 1e-3 * size) | (uncertainty <= 1e-6 * reach)
        # From 1/512 down, since an estimate may begin there: it takes four step sizes.
        constant = (abs(moves[:, :, 3:]) <= rounding[:, 3:]).all(axis=(0, 2))
        constant &= (uncertainty <= 1e-3 * reach) | (reach <= 16 * rounding[:, 0])
        flat = agrees & constant & (abs(automatic) <= rounding[:, -1])

        slack = within + 4 * change_error + tolerance * (size + abs(change))
        kinked = abs(change) > slack
        between = abs(automatic - difference) <= abs(change) / 2 + slack
        defined = np.isfinite(here) & np.isfinite(automatic) & np.isfinite(uncertainty)
        verdict = np.select(
            [~defined, _jumps(moves, rounding), kinked & between, kinked, flat, agrees & resolved, agrees],
            [UNDEFINED, DISCONTINUOUS, KINKED, WRONG, FLAT, RIGHT, UNRESOLVED],
            WRONG,
        )
    return Judgement(verdict, difference, uncertainty, rounding[:, -1])


def _quantum(changes: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """Return the smallest change of f, if smaller steps do not change f at all: its inner rounding, `(k, 1)`.

    Steps that rounding hides all give the slope zero, however steep f is. A large first change is a jump, no rounding.
    """
    sizes = np.where(np.isfinite(changes), abs(changes), 0)
    smallest = np.where(sizes > 0, sizes, np.inf).min(axis=1, keepdims=True)
    largest = sizes.max(axis=1, keepdims=True)
    small = smallest <= np.maximum(1e-6 * largest, 16 * rounding[:, -1:])
    return np.where(small & (changes == 0).any(axis=1, keepdims=True), smallest, 0)


def _estimates(slopes: np.ndarray, noise: np.ndarray, *orders: int) -> tuple[np.ndarray, np.ndarray]:
    """Extrapolate slopes, removing errors of these orders in h; return them with bounds on their errors.

    The bound is the larger distance to a neighbour. Where f is smooth, the neighbour of larger step size is farther
    off; where rounding dominates, that of smaller step size: so the larger distance is not small by chance.
    """
    for order in orders:
        factor = RATIO**order
        slopes = (factor * slopes[:, 1:] - slopes[:, :-1]) / (factor - 1)
    middle = slopes[:, 1:-1]
    error = np.maximum(abs(slopes[:, :-2] - middle), abs(slopes[:, 2:] - middle))
    error = error + noise[:, 1 + len(orders) :][:, : middle.shape[1]]
    return middle, np.where(np.isfinite(error), error, np.inf)


def _pick(
    estimates: np.ndarray, errors: np.ndarray, near: np.ndarray, tolerance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pick the estimate nearest to a given number, among those about as accurate as the best one.

    Beside a corner or on a steep slope, all but the smallest step sizes may agree on another slope.
    """
    rows = np.arange(len(estimates))
    best = errors.argmin(axis=1)
    least, size = errors[rows, best], np.maximum(abs(near), abs(estimates[rows, best]))
    allowed = np.maximum(np.maximum(least, tolerance * size), np.minimum(100 * least, 1e-4 * size))
    credible = (errors <= allowed[:, None]) & np.isfinite(errors)
    distance = np.where(credible, abs(estimates - near[:, None]), np.inf)
    best = np.where(credible.any(axis=1), distance.argmin(axis=1), best)
    return estimates[rows, best], errors[rows, best]


def _jumps(moves: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """Return whether f(x + h) - f(x) or f(x - h) - f(x) has a limit other than zero as h shrinks."""
    last = moves[:, :, -3:]
    settled = np.ptp(last, axis=2) <= 0.1 * abs(last).min(axis=2)
    close = np.where(np.isfinite(moves), abs(moves), 0)[:, :, 7:].max(axis=(0, 2))
    height = abs(last).min(axis=2)
    return (settled & (height > 16 * rounding[:, -1]) & (height > 1e-6 * close)).any(axis=0)
