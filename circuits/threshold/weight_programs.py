"""The least integer weights of an ordered function, or why it has none: a linear program, then an integer one.

Weights fall along the order, so that the lowest true and the highest false points decide all (S. Muroga, Threshold
Logic and its Applications, 1971). Minimal integer representations: J. Freixas and X. Molinero (2009), S. Kurz, On
minimum sum representations for weighted voting games (2012), J. Freixas and S. Kurz, On minimum integer
representations of weighted games (2014).
"""

import math
from typing import NamedTuple

import numpy as np

from circuits.threshold.desirability import Ordered, lowest_and_highest, strict_pairs
from circuits.threshold.exact_simplex import Optimum, maximise
from circuits.threshold.trades import Rows

# What HiGHS may take for the integer program.
_SECONDS = 2.0


class Weights(NamedTuple):
    """Positive weights in the order of the variables, falling.

    Attributes:
        weights: integers.
        bound: the least sum that the linear program allows; it is rational, and this is it rounded up.
        proved: "linear program" where the sum is that bound, "integer program" where HiGHS says that no sum is less,
            "" where it did not finish.
        true: the rows that prove the bound.
        false: as many false ones.
        scale: how many more ones the true rows have in each variable, at most.
    """

    weights: list[int]
    bound: int
    proved: str
    true: Rows
    false: Rows
    scale: int


def least_weights(function: Ordered) -> Weights | tuple[Rows, Rows]:
    """Return the least weights of an ordered function, or the rows of a trading transform.

    Args:
        function: one that is not constant.

    Returns:
        `Weights`; where there are none, true rows and false rows with the same ones in sum.
    """
    groups = len(function.sizes)
    low, high = lowest_and_highest(function.table)
    # The columns: w_k - w_k+1 >= 1 and the last >= 1; then c.w - T >= 0 of true points, T - c.w >= 1 of false ones.
    order = np.vstack([np.eye(groups, dtype=np.int64) - np.eye(groups, k=-1, dtype=np.int64), np.zeros((1, groups))])
    a = np.hstack([order, np.vstack([low.T, -np.ones(len(low))]), np.vstack([-high.T, np.ones(len(high))])])
    a = a.astype(np.int64)
    b = np.concatenate([np.ones(groups), np.zeros(len(low)), np.ones(len(high))]).astype(np.int64)
    below = np.tril(np.ones((groups, groups), np.int64))
    inverse = np.block(
        [[below, below @ low[0][:, None]], [np.zeros((1, groups), np.int64), -np.ones((1, 1), np.int64)]]
    )
    best = maximise(a, b, np.array([*function.sizes, 0]), list(range(groups + 1)), inverse.astype(np.int64))
    true, false, turns = _rows(function, best, low, high)
    if best.prices is None:
        return true, false
    *prices, _ = best.prices
    total = sum(size * price for size, price in zip(function.sizes, prices, strict=True))
    bound = -(-total // best.scale)
    factor = math.gcd(best.scale, *best.prices)
    weights = [price // factor for price, size in zip(prices, function.sizes, strict=True) for _ in range(size)]
    proved = "linear program" if sum(weights) == bound else ""
    if not proved:
        found = _integer_program(function.sizes, low, high, bound)
        if found is not None and (found[1] or sum(found[0]) < sum(weights)):
            weights = found[0]
            proved = "linear program" if sum(weights) == bound else "integer program" if found[1] else ""
    return Weights(weights, bound, proved, true, false, best.scale * turns)


def _rows(function: Ordered, best: Optimum, low: np.ndarray, high: np.ndarray) -> tuple[Rows, Rows, int]:
    """Return the true and false rows of columns of the program, and how often each group went round.

    The program knows counts alone. A full turn of every group gives equally desirable variables equally many ones.
    """
    groups = len(function.sizes)
    pairs = strict_pairs(function.table)
    turns = math.lcm(*function.sizes)
    true: dict[int, int] = {}
    false: dict[int, int] = {}

    def add(rows: dict[int, int], counts: tuple[int, ...], times: int) -> None:
        for turn in range(turns):
            row = function.rows_of(counts, turn)
            rows[row] = rows.get(row, 0) + times

    for column, times in zip(best.columns, best.y, strict=True):
        if column < groups:
            # The order itself is seen in two rows.
            add(true, pairs[column][0], times)
            add(false, pairs[column][1], times)
        elif column < groups + len(low):
            add(true, tuple(low[column - groups].tolist()), times)
        else:
            add(false, tuple(high[column - groups - len(low)].tolist()), times)
    if best.prices is None:
        factor = math.gcd(*true.values(), *false.values())
        true, false = ({row: times // factor for row, times in rows.items()} for rows in (true, false))
    return tuple(sorted(true.items())), tuple(sorted(false.items())), turns


def _integer_program(sizes: list[int], low: np.ndarray, high: np.ndarray, bound: int) -> tuple[list[int], bool] | None:
    """Return integer weights of least sum by HiGHS, and whether it finished; None if it found none.

    Equally desirable variables may have different weights, falling, since that can make the sum smaller.
    """
    from scipy.optimize import Bounds, milp  # here, since it takes a tenth of a second

    n = sum(sizes)
    ends = np.cumsum([0, *sizes])
    low_rows, high_rows = np.zeros((len(low), n + 1)), np.zeros((len(high), n + 1))
    for k, size in enumerate(sizes):
        place = np.arange(size)
        # Of a true point the lightest of each group are on, of a false one the heaviest.
        low_rows[:, ends[k] : ends[k + 1]] = place >= size - low[:, k, None]
        high_rows[:, ends[k] : ends[k + 1]] = place < high[:, k, None]
    low_rows[:, n] = high_rows[:, n] = -1
    order = np.zeros((n, n + 1))
    order[:, :n] = np.eye(n) - np.eye(n, k=1)
    strict = np.isin(np.arange(1, n + 1), ends).astype(float)
    cost = np.append(np.ones(n), 0)
    constraints = [
        (low_rows, 0, np.inf),
        (high_rows, -np.inf, -1),
        (order, strict, np.inf),
        (cost[None], bound, np.inf),
    ]
    answer = milp(
        cost,
        constraints=constraints,
        bounds=Bounds(0, np.inf),
        integrality=np.ones(n + 1),
        options={"time_limit": _SECONDS, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        return None
    weights = np.round(answer.x[:n]).astype(np.int64)
    # Float arithmetic only proposes: in integers, weights must fall, and a threshold fit between the points.
    if (np.diff(weights) > 0).any() or (low_rows[:, :n].astype(np.int64) @ weights).min() <= (
        high_rows[:, :n].astype(np.int64) @ weights
    ).max():
        return None
    return weights.tolist(), answer.status == 0
