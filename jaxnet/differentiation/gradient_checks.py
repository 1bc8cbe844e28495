"""The gradient check: automatic derivatives against central differences in float64, a verdict for each parameter.

`perturbed_values` evaluates the function around its parameters, `finite_differences` judges what it finds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.differentiation.complex_parts import split_complex
from jaxnet.differentiation.finite_differences import (
    DISCONTINUOUS,
    FLAT,
    KINKED,
    RATIO,
    RIGHT,
    STEPS,
    UNRESOLVED,
    VERDICTS,
    Judgement,
    judge,
)
from jaxnet.differentiation.perturbed_values import PerturbedFunction, perturbed
from jaxnet.pytrees import Params
from jaxnet.validation import whole_number

_PASSING = (VERDICTS[FLAT], VERDICTS[RIGHT], VERDICTS[KINKED])
_SEARCHED = 32  # entries of an array around which a far jump is looked for


class GradientRow(NamedTuple):
    """The verdict on one parameter array, and the figures of its worst entry.

    Attributes:
        path: where the array is, as in `params[0].w`.
        verdict: one of `VERDICTS`.
        entry: the worst one; None if it is the random direction through the whole array.
        automatic: its derivative by JAX.
        difference: its derivative by central differences, extrapolated to step size zero.
        uncertainty: how well the difference is known.
        checked: how many entries were checked one by one.
        size: how many there are.
    """

    path: str
    verdict: str
    entry: tuple[int, ...] | None
    automatic: float
    difference: float
    uncertainty: float
    checked: int
    size: int

    @property
    def error(self) -> float:
        """How far the two derivatives are apart."""
        return abs(self.automatic - self.difference)


@dataclass(frozen=True)
class GradientCheck:
    """The result of `check_gradients`: a table to print, true if every row passes.

    Attributes:
        rows: one per parameter array.
        notes: what a reader of the figures should know.
    """

    rows: tuple[GradientRow, ...]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return all(row.verdict in _PASSING for row in self.rows)

    def __str__(self) -> str:
        head = ("parameter", "verdict", "worst entry", "automatic", "difference", "error", "checked")
        table: list[tuple[str, ...]] = [head]
        for row in self.rows:
            entry = "a random direction" if row.entry is None else str(list(row.entry))
            checked = f"all {row.size}" if row.checked == row.size else f"{row.checked} of {row.size} and a direction"
            figures = (f"{row.automatic:.6g}", f"{row.difference:.6g}", f"{row.error:.1e}")
            table.append((row.path, row.verdict, entry if row.size else "", *figures, checked))
        widths = [max(len(line[column]) for line in table) for column in range(len(head))]
        aligns = "<<<>>><"
        lines = (
            "  ".join(f"{cell:{align}{width}}" for cell, align, width in zip(line, aligns, widths, strict=True))
            for line in table
        )
        return "\n".join([*(line.rstrip() for line in lines), *(f"Note: {note}" for note in self.notes)])

    def raise_if_wrong(self) -> "GradientCheck":
        """Return the check itself if every row passes: write `check_gradients(...).raise_if_wrong()` in a test.

        Returns:
            The same object.

        Raises:
            AssertionError: with the table, if a row is neither right, flat nor kinked.

        >>> check_gradients(jnp.sin, 1.0).raise_if_wrong().rows[0].verdict
        'right'
        """
        if not self:
            failed = [f"{row.path} is {row.verdict}" for row in self.rows if row.verdict not in _PASSING]
            raise AssertionError(f"check_gradients: {', '.join(failed)}.\n{self}")
        return self


def check_gradients(
    f: Callable[..., Any], params: Params, *args: Any, tolerance: float = 1e-6, limit: int = 1_000, seed: int = 0
) -> GradientCheck:
    """Compare automatic derivatives by the parameters with central differences in float64.

    Each entry is moved by fifteen step sizes. The largest is a power of two, at least 1 and at least the size of the
    entry; the smallest is 2e-13 of it. The entry passes as

    - *right*: the derivatives agree, and the difference is known to three digits, or to 1e-6 of the change of f;
    - *flat*: both are zero, and f does not change beyond its rounding when the entry moves by 1/512 of its size;
    - *kinked*: the derivatives from the left and from the right differ, and the automatic one lies between, as for a
      correct ReLU at its corner.

    It does not pass as

    - *wrong*: the derivatives differ by more than the tolerance and the uncertainty of the difference;
    - *discontinuous*: f jumps here; or f is constant here, like a step unit away from its threshold, and jumps before
      the entry has moved by its own size. At most 32 such entries of an array are searched, each at the first change
      of f that a step size shows: a jump that is undone before the next step size is missed;
    - *unresolved*: the difference is lost in the rounding of f, and decides nothing;
    - *undefined*: f or its derivative is infinite or not a number.

    A row has the verdict of its worst entry; an unresolved one counts only if no entry is better than flat. Verdicts
    are about this point: a function that has a slope here and jumps farther off is right here. A smooth function that
    rises within 1e-9 of the size of an entry is too steep to tell from a jump, and does not pass.

    Args:
        f: `f(params, *args)`, pure; it returns an array or a pytree of arrays, real and floating. If it has several
            outputs, a random projection of them is checked.
        params: a pytree of floating or complex arrays. A complex array has two rows, its real and its imaginary parts.
        args: whatever else f takes. Floating arrays are cast to float64, complex ones to complex128, as params are;
            everything else, keys too, is passed on unchanged, as are arrays that f closes over. Where f itself rounds
            to a smaller type, a note says so, and the check is as sharp as that type allows.
        tolerance: the relative error that a right derivative may have.
        limit: how many entries of an array to check one by one, at least 1. A larger array is checked at a random
            sample of that many entries, and along a random direction through all of it.
        seed: of the sample, the direction and the projection; 0 or more.

    Returns:
        A `GradientCheck`: print it, or end a test with `check_gradients(...).raise_if_wrong()`.

    Raises:
        TypeError: if a parameter is not floating or complex, an output not real and floating, or `limit` or `seed` not
            a whole number.
        ValueError: if there are no parameters or no outputs, or `limit` or `seed` is out of range.

    Source: C. J. F. Ridders (1982), Advances in Engineering Software 4(2).

    >>> print(check_gradients(lambda p: p["a"] ** 2 + jax.nn.relu(p["b"]), {"a": 3.0, "b": 0.0}))
    parameter    verdict  worst entry  automatic  difference    error  checked
    params['a']  right    []                   6           6  ...      all 1
    params['b']  kinked   []                   0         0.5  5.0e-01  all 1
    """
    limit = whole_number("check_gradients", "limit", limit, 1)
    seed = whole_number("check_gradients", "seed", seed)
    names, leaves = [], []
    with jax.enable_x64(True):  # or the parts of a complex128 would be float32
        params = split_complex(params)
    for path, leaf in jax.tree.leaves_with_path(params):
        names.append(f"params{jax.tree_util.keystr(path)}")
        dtype = jnp.result_type(leaf)
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(
                f"check_gradients: expected floating or complex parameters, got {dtype} at {names[-1]}. "
                "Pass what should not be checked in args."
            )
        leaves.append(np.asarray(leaf, np.float64))
    if not sum(leaf.size for leaf in leaves):
        raise ValueError("check_gradients: expected at least one parameter, got none.")

    # A key in args is used again at every evaluation, which keeps f the same function.
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"), jax.debug_key_reuse(False):
        random = np.random.default_rng(seed)
        function = perturbed(f, leaves, jax.tree.structure(params), args, random)
        return _check(function, names, leaves, tolerance, limit, random)


def _check(
    function: PerturbedFunction,
    names: list[str],
    leaves: list[np.ndarray],
    tolerance: float,
    limit: int,
    random: np.random.Generator,
) -> GradientCheck:
    entries = [
        np.arange(leaf.size) if leaf.size <= limit else np.sort(random.choice(leaf.size, limit, replace=False))
        for leaf in leaves
    ]
    starts = np.cumsum([0, *(leaf.size for leaf in leaves)])
    # The entries that move together: each by itself, and, last in an array that is only sampled, all of them.
    spans = []
    for leaf, chosen, start in zip(leaves, entries, starts[:-1], strict=True):
        spans.append(start + np.stack([chosen, chosen + 1], axis=1))
        spans.append(np.full((int(leaf.size > limit), 2), [start, start + leaf.size]))
    owner = np.repeat(np.arange(len(spans)) // 2, [len(each) for each in spans])
    spans = np.concatenate(spans)
    lengths = spans[:, 1] - spans[:, 0]

    slopes = function.gradient()
    automatic = np.array([slopes[a:b] @ function.unit[a:b] for a, b in spans])
    signs = np.array([1.0, -1.0])
    steps = np.outer(np.repeat(signs, len(spans)), np.concatenate([[0.0], STEPS]))
    values = function.values(np.concatenate([spans, spans]), steps).reshape(2, len(spans), -1)
    # In a sum over a whole array, the error of one entry is small compared with the rest.
    accepted = tolerance / np.sqrt(lengths)
    judged = judge(
        values[0, :, 0], values[0, :, 1:], values[1, :, 1:], automatic, tolerance=accepted, epsilon=function.epsilon
    )
    _look_farther(function, spans, owner, values, automatic, judged)

    unit = np.where(lengths == 1, function.unit[spans[:, 0]], 1.0)
    with np.errstate(all="ignore"):
        error = abs(automatic - judged.difference) / (accepted * abs(automatic) + 4 * judged.uncertainty)
    rows = []
    for number, (name, leaf, chosen) in enumerate(zip(names, leaves, entries, strict=True)):
        mine = np.flatnonzero(owner == number)
        if not len(mine):
            rows.append(GradientRow(name, VERDICTS[FLAT], None, 0.0, 0.0, 0.0, 0, 0))
            continue
        worst = mine[np.lexsort([error[mine], judged.verdict[mine]])[-1]]
        if len(mine) > len(chosen) and judged.verdict[worst] == RIGHT and judged.verdict[mine[-1]] == UNRESOLVED:
            worst = mine[-1]  # nothing is known about the entries that were not sampled
        place = worst - mine[0]
        index = np.unravel_index(chosen[place], leaf.shape) if place < len(chosen) else None
        rows.append(
            GradientRow(
                path=name,
                verdict=VERDICTS[judged.verdict[worst]],
                entry=None if index is None else tuple(map(int, index)),
                automatic=float(automatic[worst] / unit[worst]),
                difference=float(judged.difference[worst] / unit[worst]),
                uncertainty=float(abs(judged.uncertainty[worst] / unit[worst])),
                checked=len(chosen),
                size=leaf.size,
            )
        )
    return GradientCheck(tuple(rows), function.notes)


def _look_farther(
    function: PerturbedFunction,
    spans: np.ndarray,
    owner: np.ndarray,
    values: np.ndarray,
    automatic: np.ndarray,
    judged: Judgement,
) -> None:
    """Find the first change of functions that are constant here, and turn the verdict if it is a jump."""
    with np.errstate(invalid="ignore"):
        changed = ~(abs(values - values[:, :, :1]) <= judged.rounding[:, None])
        idle = (judged.verdict <= RIGHT) & (abs(automatic) <= 4 * judged.uncertainty)
    sides, rows = np.nonzero(idle & ~changed[:, :, -1] & changed.any(axis=2))
    if not len(rows):
        return
    kept = np.concatenate([np.flatnonzero(owner[rows] == o)[:_SEARCHED] for o in np.unique(owner[rows])])
    sides, rows = sides[kept], rows[kept]
    before = values[sides, rows, 0]
    # The smallest step size that changes f: a jump lies between it and the next smaller one.
    smallest = changed.shape[2] - 1 - changed[sides, rows, ::-1].argmax(axis=1)
    far = np.where(sides == 0, 1.0, -1.0) * STEPS[smallest - 1]
    near = far / RATIO
    low, high = before, values[sides, rows, smallest]
    change, each = abs(high - before), np.arange(len(rows))
    for _ in range(12):  # each time into 16 pieces: 2^-48 of the distance in the end
        points = near[:, None] + (far - near)[:, None] * np.arange(1, 17) / 16
        found = function.values(spans[rows], points)
        with np.errstate(invalid="ignore"):
            after = ~(abs(found - before[:, None]) <= judged.rounding[rows, None])
        after[:, -1] = True
        first = after.argmax(axis=1)
        far, high = points[each, first], found[each, first]
        near = np.where(first > 0, points[each, first - 1], near)
        low = np.where(first > 0, found[each, first - 1], low)
    with np.errstate(invalid="ignore"):
        height = abs(high - low)
        jumps = (height > 16 * judged.rounding[rows]) & (height > 1e-6 * change)
    judged.verdict[rows[jumps]] = DISCONTINUOUS
