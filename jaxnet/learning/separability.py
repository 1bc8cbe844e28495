"""What one Boolean unit can learn: the perceptron convergence theorem, and a proof where there is nothing to learn.

With z = (x, 1), and s = 1 or -1 for the targets 1 and 0, a unit u = (w, b) separates with margin gamma if
s u.z >= gamma ||u|| for all examples. The hull of the points s z either leaves the origin out: its point nearest to it
is the widest unit; or has it in: then no unit separates (P. Gordan 1873). What is claimed is checked in fractions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.answers import Answer, Undecided
from jaxnet.learning.plasticity import PerceptronState, check_examples, perceptron
from jaxnet.networks.units import Neuron, weighted_sums
from jaxnet.validation import ShapeError


@dataclass(frozen=True)
class Separable(Answer):
    """Some unit separates the data: `widest` does, in exact arithmetic, with float64 parameters.

    Attributes:
        params: what the perceptron rule learned; it separates too if `converged`.
        mistakes: how many it made, at most `bound`.
        epochs: how many times it went through the data, the last one without a mistake if `converged`.
        converged: whether it was through within the epochs allowed.
        widest: the unit of the largest margin known.
        margin: that margin, rounded down.
        bound: (R / margin)^2, the least bound on the mistakes that is known, rounded up; infinite if the margin is 0.
    """

    params: Neuron
    mistakes: int
    epochs: int
    converged: bool
    widest: Neuron
    margin: float
    bound: float


@dataclass(frozen=True)
class Inseparable(Answer):
    """No unit separates the data: a mixture of 1-examples is the same point as a mixture of 0-examples.

    A unit that fires on all 1-examples fires on every mixture of them, and so would have to fire and not to fire there.
    `proves_inseparable` checks it.

    Attributes:
        examples: row numbers of the examples that are mixed.
        coefficients: positive fractions, one an example, that sum to 1 over those with target 1, and over the others.
        point: the point that both mixtures are, n fractions.
    """

    examples: tuple[int, ...]
    coefficients: tuple[Fraction, ...]
    point: tuple[Fraction, ...]


@dataclass(frozen=True)
class SeparationUndecided(Undecided):
    """Neither a separating unit was found nor a proof that there is none: the data are at the edge of float64.

    Attributes:
        params: what the perceptron rule had learned when it was stopped.
        mistakes: how many it made until then.
        epochs: how many times it went through the data.
    """

    params: Neuron
    mistakes: int
    epochs: int


def margin(params: Neuron, x: ArrayLike, y: ArrayLike) -> Array:
    """The margin gamma of a unit on data: how far on its right side the worst example is, min s (w.x + b) / ||(w, b)||.

    The bias counts as a weight on a constant input 1, as in the convergence theorem; the distance from the
    hyperplane, which divides by ||w|| alone, is at least as large.

    Args:
        params: `Neuron(w, b)` of one unit or of a layer.
        x: examples `(N, n)`, floating.
        y: Boolean targets, `(N,)` for one unit, `(N, m)` for a layer.

    Returns:
        `()`, or `(m,)` for a layer: positive if the unit separates the data, negative if an example is on the wrong
        side, 0 if the worst one lies on the border or if all parameters are 0. NaN if a target is neither 0 nor 1.

    Raises:
        ShapeError: if parameters, inputs and targets do not fit.
        TypeError: if parameters or inputs are not floating.

    Source: A. B. J. Novikoff, On convergence proofs for perceptrons (1962).

    >>> both = Neuron(jnp.array([2.0, 2.0]), jnp.array(-3.0))
    >>> x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> margin(both, x, jnp.array([0, 0, 0, 1])) * jnp.sqrt(17.0)
    Array(1., dtype=float32)
    """
    params = Neuron(*(jnp.asarray(p) for p in params))
    x, y = check_examples("margin", params, (x, y))
    z = weighted_sums("margin", params, x)
    # As in the rule: NaN for what is neither 0 nor 1.
    signed = jnp.where(y == 1, z, jnp.where(y == 0, -z, jnp.nan)).min(axis=0)
    norm_squared = jnp.square(params.w).sum(axis=-1) + jnp.square(params.b)
    return signed / jnp.sqrt(jnp.where(norm_squared > 0, norm_squared, 1))


def mistake_bound(params: Neuron, x: ArrayLike, y: ArrayLike) -> Array:
    """The perceptron convergence theorem: at most (R / gamma)^2 mistakes, with R^2 = max ||x||^2 + 1.

    gamma is the `margin` of any unit that separates the data: each gives a bound, the widest the least one. It holds
    for `perceptron` from zero weights, for every step size, in exact arithmetic, and for every sequence of these
    examples however long.

    Args:
        params: `Neuron(w, b)` of one unit or of a layer.
        x: examples `(N, n)`, floating.
        y: Boolean targets, `(N,)` for one unit, `(N, m)` for a layer.

    Returns:
        `()`, or `(m,)` for a layer; infinite where the unit does not separate the data with a margin.

    Raises:
        ShapeError: if parameters, inputs and targets do not fit.
        TypeError: if parameters or inputs are not floating.

    Source: A. B. J. Novikoff, On convergence proofs for perceptrons (1962).

    >>> x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> mistake_bound(Neuron(jnp.array([2.0, 2.0]), jnp.array(-3.0)), x, jnp.array([0, 0, 0, 1])).round()
    Array(51., dtype=float32)
    """
    gamma, x = margin(params, x, y), jnp.asarray(x)
    radius_squared = jnp.square(x).sum(axis=-1).max() + 1
    return jnp.where(gamma > 0, radius_squared / jnp.square(jnp.where(gamma > 0, gamma, 1)), jnp.inf)


def separate(x: ArrayLike, y: ArrayLike, *, max_epochs: int = 1000) -> Separable | Inseparable | Undecided:
    """Separate data by the perceptron rule, or prove that no unit can.

    A non-negative least-squares problem finds the widest unit or the proof, which is then solved for again and checked
    in exact arithmetic: the answer does not hang on a tolerance, nor on where a run was cut off. The numbers of
    a proof grow with the inputs: milliseconds for Boolean data, 10 s for 100 inputs of full float64 precision.

    Args:
        x: examples `(N, n)`, finite real numbers, read exactly as float64. Not traced.
        y: Boolean targets `(N,)`.
        max_epochs: when to stop the perceptron rule if the bound on its mistakes is too large to wait for.

    Returns:
        `Separable`, `Inseparable`, or an `Undecided`, `SeparationUndecided`, where rounding leaves the question open.

    Raises:
        ShapeError: if x and y do not fit.
        TypeError: if x is not of real numbers.
        ValueError: if there are no examples, a number is past 1e100 or an integer past 2^53, a target is neither 0 nor
            1, or `max_epochs` is out of range.

    Source: F. Rosenblatt (1958); A. B. J. Novikoff (1962); C. L. Lawson and R. J. Hanson, Solving Least Squares
    Problems (1974), chapter 23, for the two in one.

    >>> x = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> found = separate(x, [0, 0, 0, 1])
    >>> found.mistakes, round(found.bound)
    (11, 51)
    >>> separate(x, [0, 1, 1, 0])    # the middle of the square is a mixture of both
    Inseparable(examples=(0, 1, 2, 3), coefficients=(Fraction(1, 2), ...), point=(Fraction(1, 2), Fraction(1, 2)))
    """
    x, y = _data(x, y)
    if not 1 <= max_epochs < 2**31:
        raise ValueError(f"separate: expected max_epochs of 1 to 2^31 - 1, got {max_epochs}.")
    points = np.where(y, 1.0, -1.0)[:, None] * np.column_stack([x, np.ones(len(x))])
    widest, mixed = _widest(points)
    if not _separates(widest, x, y) and (proof := _prove(mixed, x, y)) is not None:
        return proof
    with jax.enable_x64(True):
        zero = Neuron(jnp.zeros(x.shape[1]), jnp.array(0.0))
        state, epochs, wrong = jax.device_get(_epochs(zero, (jnp.asarray(x), jnp.asarray(y)), max_epochs))
    learned, mistakes, epochs = Neuron(*state.params), int(state.mistakes), int(epochs)
    # Where rounding made the widest unit miss, what was learned may still separate.
    units = [unit for unit in (widest, learned) if _separates(unit, x, y)]
    if not units:
        tried = (f"the perceptron rule: {mistakes:,} mistakes in {epochs:,} epochs", "the widest unit, in fractions")
        return SeparationUndecided(
            "float64, in which the data are too near to one another", tried, learned, mistakes, epochs
        )
    gamma, best = max(((_margin(unit, x, y), unit) for unit in units), key=lambda pair: pair[0])
    slack = 1 + 2 * points.shape[1] * np.finfo(float).eps
    bound = float(np.square(points).sum(axis=1).max() * slack) / gamma**2 if gamma > 0 else math.inf
    converged = bool(wrong == 0) and _separates(learned, x, y)
    return Separable(learned, mistakes, epochs, converged, best, gamma, bound)


def proves_inseparable(proof: Inseparable, x: ArrayLike, y: ArrayLike) -> bool:
    """Check a proof that no unit separates the data, in exact arithmetic and away from what found it.

    Args:
        proof: from `separate`, or from anywhere.
        x: examples `(N, n)`.
        y: Boolean targets `(N,)`.

    Returns:
        Whether the coefficients are positive, sum to 1 over the examples with target 1 and over those with target 0,
        and mix the same point, the one given, from both.

    Raises:
        ShapeError: if x and y do not fit.
        TypeError, ValueError: as from `separate`.

    >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> proof = separate(x, y)
    >>> proves_inseparable(proof, x, y), proves_inseparable(proof, x, [0, 0, 0, 1])
    (True, False)
    """
    x, y = _data(x, y)
    rows = [int(row) for row in proof.examples]
    parts = [Fraction(part) for part in proof.coefficients]
    if len(rows) != len(parts) or not all(part > 0 for part in parts) or not all(0 <= row < len(x) for row in rows):
        return False
    for side in (True, False):
        mixed = [(part, row) for part, row in zip(parts, rows, strict=True) if y[row] == side]
        if sum(part for part, _ in mixed) != 1 or _mixture(mixed, x) != tuple(proof.point):
            return False
    return True


@jax.jit
def _epochs(params: Neuron, data: tuple[Array, Array], max_epochs: ArrayLike) -> tuple[PerceptronState, Array, Array]:
    """Epochs of the perceptron rule until one is without a mistake: the state, their number, and the last mistakes."""
    rule = perceptron()

    def epoch(run: tuple[PerceptronState, Array, Array]) -> tuple[PerceptronState, Array, Array]:
        state, done, _ = run
        state, metrics = rule.update(state, data, jax.random.key(0))
        return state, done + 1, metrics["mistakes"]

    def unfinished(run: tuple[PerceptronState, Array, Array]) -> Array:
        _, done, wrong = run
        return (wrong > 0) & (done < max_epochs)

    return jax.lax.while_loop(unfinished, epoch, (rule.init(params), jnp.int32(0), jnp.int32(1)))


def _widest(points: np.ndarray) -> tuple[Neuron, np.ndarray]:
    """The unit that is the point of a convex hull nearest to the origin, scaled, and the rows it is a mixture of.

    The least-squares problem of Lawson and Hanson's least-distance programming: min ||A'u||^2 + (1 - sum u)^2 over
    u >= 0. Its solution has linearly independent columns (of A' with a row of ones), as an exact solver wants them.
    """
    from scipy.optimize import nnls  # slow to import

    n_points, n = points.shape
    scaled = points.T / np.linalg.norm(points, axis=1).max()
    try:
        parts, _ = nnls(np.vstack([scaled, np.ones(n_points)]), np.append(np.zeros(n), 1.0))
    except RuntimeError:  # it counts its iterations; then nothing is known, and nothing is claimed
        parts = np.zeros(n_points)
    mixed = np.flatnonzero(parts)
    # A'u itself has lost twice the digits. The widest unit is the shortest with p.u = 1 for all points mixed.
    u, *_ = np.linalg.lstsq(points[mixed], np.ones(len(mixed)))
    return Neuron(u[:-1], u[-1]), mixed


def _weighed(unit: Neuron, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a unit adds up in float64, and twice the worst rounding of it, in any order."""
    z = x @ unit.w + unit.b
    doubt = 2 * (len(unit.w) + 2) * np.finfo(float).eps * (np.abs(x) @ np.abs(unit.w) + np.abs(unit.b)) + 1e-300
    return z, doubt


def _separates(unit: Neuron, x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a float64 unit fires for the 1-examples and no others, in exact arithmetic."""
    z, doubt = _weighed(unit, x)
    if not np.all(((z >= 0) == y) | (np.abs(z) <= doubt)):
        return False
    # What rounding leaves open is decided by fractions.
    exact = [Fraction(float(v)) for v in (*unit.w, unit.b)]
    for row in np.flatnonzero(np.abs(z) <= doubt):
        inputs = [*(Fraction(float(v)) for v in x[row]), Fraction(1)]
        if (sum(math.prod(pair) for pair in zip(exact, inputs, strict=True)) >= 0) != y[row]:
            return False
    return True


def _margin(unit: Neuron, x: np.ndarray, y: np.ndarray) -> float:
    """The margin of a unit that separates, rounded down: a bound made of it holds."""
    z, doubt = _weighed(unit, x)
    worst = (np.where(y, z, -z) - doubt).min()
    slack = 1 + 2 * (len(unit.w) + 4) * np.finfo(float).eps
    return float(worst / (np.linalg.norm([*unit.w, unit.b]) * slack)) if worst > 0 else 0.0


def _prove(rows: Sequence[int] | np.ndarray, x: np.ndarray, y: np.ndarray) -> Inseparable | None:
    """The mixtures of these examples that are the same point, solved for exactly; None if there are none."""
    sides = [1 if y[row] else -1 for row in rows]
    equations = [
        [side * Fraction(float(x[row, i])) for side, row in zip(sides, rows, strict=True)] + [Fraction(0)]
        for i in range(x.shape[1])
    ]
    equations += [[Fraction(int(side == s)) for side in sides] + [Fraction(1)] for s in (1, -1)]
    parts = _solve(equations)
    if parts is None:
        return None
    kept = [(int(row), part) for row, part in zip(rows, parts, strict=True) if part != 0]
    point = _mixture([(part, row) for row, part in kept if y[row]], x)
    proof = Inseparable(tuple(row for row, _ in kept), tuple(part for _, part in kept), point)
    return proof if proves_inseparable(proof, x, y) else None


def _mixture(parts: Sequence[tuple[Fraction, int]], x: np.ndarray) -> tuple[Fraction, ...]:
    """The sum of (coefficient) x[row]."""
    columns = range(x.shape[1])
    return tuple(sum((part * Fraction(float(x[row, i])) for part, row in parts), Fraction(0)) for i in columns)


def _solve(equations: list[list[Fraction]]) -> list[Fraction] | None:
    """The one solution of linear equations, each its coefficients and its right side; None if there is not one.

    Elimination without fractions (E. H. Bareiss 1968): all divisions are exact, and nothing is ever reduced.
    """
    scales = (math.lcm(*(v.denominator for v in row)) for row in equations)
    a = np.array([[int(v * scale) for v in row] for row, scale in zip(equations, scales, strict=True)], object)
    n, before = a.shape[1] - 1, 1
    for column in range(n):
        pivots = np.flatnonzero(a[column:, column])
        if not len(pivots):
            return None
        a[[column, column + pivots[0]]] = a[[column + pivots[0], column]]
        top, others = a[column], np.arange(len(a)) != column
        a[others, column + 1 :] = (
            a[others, column + 1 :] * top[column] - np.multiply.outer(a[others, column], top[column + 1 :])
        ) // before
        before = top[column]
    return None if a[n:, n].any() else [Fraction(v, before) for v in a[:n, n]]


def _data(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Examples as float64 and targets as Booleans, neither rounded."""
    given, targets = np.asarray(x), np.asarray(y)
    if given.ndim != 2 or targets.shape != given.shape[:1]:
        raise ShapeError(
            f"separate: expected examples (N, n) and targets (N,), got {given.shape} and {targets.shape}. "
            "For a layer, separate each unit by itself."
        )
    if len(given) == 0:
        raise ValueError("separate: expected at least one example, got none.")
    if jnp.issubdtype(given.dtype, jnp.integer) and max(int(given.max(initial=0)), -int(given.min(initial=0))) > 2**53:
        raise ValueError(f"separate: expected integers of at most 2^53, got {given.min()}..{given.max()}.")
    if given.dtype != bool and not any(jnp.issubdtype(given.dtype, kind) for kind in (jnp.integer, jnp.floating)):
        raise TypeError(f"separate: expected real numbers, got {given.dtype}.")
    examples = given.astype(np.float64)
    if not (np.abs(examples) <= 1e100).all():
        raise ValueError(f"separate: expected numbers within 1e100, got {np.abs(examples).max()}.")
    if not np.isin(targets, (0, 1)).all():
        raise ValueError(f"separate: expected targets 0 and 1, got {np.unique(targets)[:5].tolist()}.")
    return examples, targets.astype(bool)
