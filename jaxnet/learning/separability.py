"""Linear separability: the perceptron convergence theorem, and a proof where no unit separates the data.

With z = (x, 1), and s = 1 or -1 for the targets 1 and 0, a unit u = (w, b) separates with margin gamma if
s u.z >= gamma ||u|| for all examples. If the convex hull of the points s z contains the origin, no unit separates
(P. Gordan 1873). If not, its point nearest to the origin is the widest unit. Every claim is checked in fractions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.answers import Answer, Undecided
from jaxnet.learning.plasticity import PerceptronState, check_examples, perceptron
from jaxnet.networks.units import Neuron, weighted_sums
from jaxnet.validation import ShapeError, whole_number


@dataclass(frozen=True)
class Separable(Answer):
    """Some unit separates the data: `widest` does, in exact arithmetic, with float64 parameters.

    Attributes:
        params: the unit that the perceptron rule learned; it separates too if `converged`.
        mistakes: how many mistakes the rule made, at most `bound`.
        epochs: how many times the rule went through the data, the last time without a mistake if `converged`.
        converged: whether the rule came to an end within the epochs allowed.
        widest: the unit with the largest margin known.
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
    """No unit separates the data, with a proof: a mixture of 1-examples is the same point as a mixture of 0-examples.

    A unit that separates would fire at that point, as at every mixture of 1-examples, and would not fire, as at every
    mixture of 0-examples. `proves_inseparable` checks the proof.

    Attributes:
        examples: row numbers of the examples that are mixed.
        coefficients: positive fractions, one per example, that sum to 1 over those with target 1, and over the others.
        point: n fractions, the point that both mixtures give.
    """

    examples: tuple[int, ...]
    coefficients: tuple[Fraction, ...]
    point: tuple[Fraction, ...]


@dataclass(frozen=True)
class SeparationUndecided(Undecided):
    """Neither a separating unit nor a proof that there is none was found, since the data exhaust float64.

    Attributes:
        reason: which limit was met.
        what_was_tried: a line for each method.
        params: the unit that the perceptron rule had learned when it was stopped.
        mistakes: how many mistakes the rule had made until then.
        epochs: how many times the rule had gone through the data.
    """

    params: Neuron
    mistakes: int
    epochs: int


def margin(params: Neuron, x: ArrayLike, y: ArrayLike) -> Array:
    """Return the margin gamma of a unit on data, min s (w.x + b) / ||(w, b)|| over the examples.

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
    return _signed_margin("margin", params, x, y)


def mistake_bound(params: Neuron, x: ArrayLike, y: ArrayLike) -> Array:
    """Return the bound of the perceptron convergence theorem, (R / gamma)^2 mistakes, with R^2 = max ||x||^2 + 1.

    gamma is the `margin` of a unit that separates the data. Each such unit gives a bound, the widest the least. It
    holds for `perceptron` from zero weights, in exact arithmetic, for every step size and for every sequence of these
    examples, however long.

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
    gamma, x = _signed_margin("mistake_bound", params, x, y), jnp.asarray(x)
    radius_squared = jnp.square(x).sum(axis=-1).max() + 1
    return jnp.where(gamma > 0, radius_squared / jnp.square(jnp.where(gamma > 0, gamma, 1)), jnp.inf)


def separate(x: ArrayLike, y: ArrayLike, *, max_epochs: int = 1000) -> Separable | Inseparable | SeparationUndecided:
    """Separate data by the perceptron rule, or prove that no unit can.

    A non-negative least-squares problem finds the widest unit or the examples of a proof. The proof is then solved for
    and checked in exact arithmetic: the answer depends neither on a tolerance nor on where a run was stopped. The
    numbers of a proof grow with the inputs: milliseconds for Boolean data, 10 s for 100 inputs of full float64
    precision.

    Args:
        x: examples `(N, n)`, finite real numbers, read exactly as float64. Not traced.
        y: Boolean targets `(N,)`.
        max_epochs: when to stop the perceptron rule, 1 to 2^31 - 1, as the bound on its mistakes may be too large to
            wait for.

    Returns:
        `Separable`, `Inseparable`, or, if rounding leaves the question open, `SeparationUndecided`, an `Undecided`.
        None of them is true or false: ask with `isinstance` or `match`.

    Raises:
        ShapeError: if x and y do not fit.
        TypeError: if x is not of real numbers, or `max_epochs` is not a whole number.
        ValueError: if there are no examples, a number is past 1e100 or an integer past 2^53, a target is neither 0 nor
            1, or `max_epochs` is out of range.

    Source: F. Rosenblatt (1958); A. B. J. Novikoff (1962); C. L. Lawson and R. J. Hanson, Solving Least Squares
    Problems (1974), chapter 23, for the least-squares problem.

    >>> x = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> found = separate(x, [0, 0, 0, 1])
    >>> found.mistakes, round(found.bound)
    (11, 51)
    >>> separate(x, [0, 1, 1, 0])    # the middle of the square is a mixture of both
    Inseparable(examples=(0, 1, 2, 3), coefficients=(Fraction(1, 2), ...), point=(Fraction(1, 2), Fraction(1, 2)))
    """
    x, y = _data("separate", x, y)
    max_epochs = whole_number("separate", "max_epochs", max_epochs, 1, 2**31 - 1)
    points = np.where(y, 1.0, -1.0)[:, None] * np.column_stack([x, np.ones(len(x))])
    widest, mixed = _widest(points)
    if not _separates(widest, x, y) and (proof := _prove(mixed, x, y)) is not None:
        return proof
    with jax.enable_x64(True):
        zero = Neuron(jnp.zeros(x.shape[1]), jnp.array(0.0))
        state, epochs, wrong = jax.device_get(_epochs(zero, (x, y), max_epochs))
    learned, mistakes, epochs = Neuron(*state.params), int(state.mistakes), int(epochs)
    # If rounding made the widest unit miss, the learned one may still separate.
    units = [unit for unit in (widest, learned) if _separates(unit, x, y)]
    if not units:
        tried = (
            "the widest unit: it does not separate, and proves nothing",
            f"the perceptron rule: {mistakes:,} mistakes in {epochs:,} epochs",
        )
        return SeparationUndecided("precision of float64", tried, learned, mistakes, epochs)
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
        TypeError, ValueError: if x and y are not as for `separate`.

    >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> proof = separate(x, y)
    >>> proves_inseparable(proof, x, y), proves_inseparable(proof, x, [0, 0, 0, 1])
    (True, False)
    """
    x, y = _data("proves_inseparable", x, y)
    rows = [int(row) for row in proof.examples]
    parts = [Fraction(part) for part in proof.coefficients]
    if len(rows) != len(parts) or not all(part > 0 for part in parts) or not all(0 <= row < len(x) for row in rows):
        return False
    for side in (True, False):
        mixed = [(part, row) for part, row in zip(parts, rows, strict=True) if y[row] == side]
        if sum(part for part, _ in mixed) != 1 or _mixture(mixed, x) != tuple(proof.point):
            return False
    return True


def _signed_margin(where: str, params: Neuron, x: ArrayLike, y: ArrayLike) -> Array:
    """Return what `margin` does; errors name the function called."""
    params = Neuron(*(jnp.asarray(p) for p in params))
    x, y = check_examples(where, params, (x, y))
    z = weighted_sums(where, params, x)
    # As in the rule, NaN for a target that is neither 0 nor 1.
    signed = jnp.where(y == 1, z, jnp.where(y == 0, -z, jnp.nan)).min(axis=0)
    norm_squared = jnp.square(params.w).sum(axis=-1) + jnp.square(params.b)
    return signed / jnp.sqrt(jnp.where(norm_squared > 0, norm_squared, 1))


@jax.jit
def _epochs(params: Neuron, data: tuple[Array, Array], max_epochs: ArrayLike) -> tuple[PerceptronState, Array, Array]:
    """Run the perceptron rule until an epoch has no mistake; return the state, the epochs, and the last mistakes."""
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
    """Find the widest unit, a multiple of the hull's point nearest to the origin, and the rows it is a mixture of.

    The problem is that of Lawson and Hanson's least-distance programming: min ||A'u||^2 + (1 - sum u)^2 over u >= 0.
    The columns (of A' with a row of ones) in its solution are linearly independent, as the exact solver needs.
    """
    from scipy.optimize import nnls  # slow to import

    n_points, n = points.shape
    scaled = points.T / np.linalg.norm(points, axis=1).max()
    try:
        parts, _ = nnls(np.vstack([scaled, np.ones(n_points)]), np.append(np.zeros(n), 1.0))
    except RuntimeError:  # too many iterations: nothing is known, and nothing is claimed
        parts = np.zeros(n_points)
    mixed = np.flatnonzero(parts)
    # A'u would have half the digits. The widest unit is the shortest with p.u = 1 for all points in the mixture.
    u, *_ = np.linalg.lstsq(points[mixed], np.ones(len(mixed)))
    return Neuron(u[:-1], u[-1]), mixed


def _weighed(unit: Neuron, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pre-activations in float64, and twice their worst rounding error in any order of summation."""
    z = x @ unit.w + unit.b
    doubt = 2 * (len(unit.w) + 2) * np.finfo(float).eps * (np.abs(x) @ np.abs(unit.w) + np.abs(unit.b)) + 1e-300
    return z, doubt


def _separates(unit: Neuron, x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether a float64 unit fires for the 1-examples and no others, in exact arithmetic."""
    z, doubt = _weighed(unit, x)
    if not np.all(((z >= 0) == y) | (np.abs(z) <= doubt)):
        return False
    # Fractions decide what rounding leaves open.
    exact = [Fraction(float(v)) for v in (*unit.w, unit.b)]
    for row in np.flatnonzero(np.abs(z) <= doubt):
        inputs = [*(Fraction(float(v)) for v in x[row]), Fraction(1)]
        if (sum(math.prod(pair) for pair in zip(exact, inputs, strict=True)) >= 0) != y[row]:
            return False
    return True


def _margin(unit: Neuron, x: np.ndarray, y: np.ndarray) -> float:
    """Return the margin of a unit that separates, rounded down, so that a bound made of it holds."""
    z, doubt = _weighed(unit, x)
    worst = (np.where(y, z, -z) - doubt).min()
    slack = 1 + 2 * (len(unit.w) + 4) * np.finfo(float).eps
    return float(worst / (np.linalg.norm([*unit.w, unit.b]) * slack)) if worst > 0 else 0.0


def _prove(rows: Sequence[int] | np.ndarray, x: np.ndarray, y: np.ndarray) -> Inseparable | None:
    """Solve exactly for mixtures of these examples, one for each target, that are one point; None if there are none."""
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
    """Return the sum of coefficient times x[row]."""
    columns = range(x.shape[1])
    return tuple(sum((part * Fraction(float(x[row, i])) for part, row in parts), Fraction(0)) for i in columns)


def _solve(equations: list[list[Fraction]]) -> list[Fraction] | None:
    """Solve linear equations, each its coefficients and then its right side; None unless there is just one solution.

    Elimination without fractions (E. H. Bareiss 1968): all divisions are exact.
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


def _data(where: str, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return examples as float64 and targets as Booleans, neither rounded."""
    given, targets = np.asarray(x), np.asarray(y)
    if given.ndim != 2 or targets.shape != given.shape[:1]:
        raise ShapeError(
            f"{where}: expected examples (N, n) and targets (N,), got {given.shape} and {targets.shape}. "
            "For a layer, separate each unit by itself."
        )
    if len(given) == 0:
        raise ValueError(f"{where}: expected at least one example, got none.")
    if jnp.issubdtype(given.dtype, jnp.integer) and max(int(given.max(initial=0)), -int(given.min(initial=0))) > 2**53:
        raise ValueError(f"{where}: expected integers of at most 2^53, got {given.min()}..{given.max()}.")
    if given.dtype != bool and not any(jnp.issubdtype(given.dtype, kind) for kind in (jnp.integer, jnp.floating)):
        raise TypeError(f"{where}: expected real numbers, got {given.dtype}.")
    examples = given.astype(np.float64)
    if not (np.abs(examples) <= 1e100).all():
        raise ValueError(f"{where}: expected numbers within 1e100, got {np.abs(examples).max()}.")
    if not np.isin(targets, (0, 1)).all():
        raise ValueError(f"{where}: expected targets 0 and 1, got {np.unique(targets)[:5].tolist()}.")
    return examples, targets.astype(bool)
