"""The minimal integer weights of every threshold function of at most 7 inputs, found by its Chow parameters.

A function of n inputs is a self-dual one of n + 1 with a variable fixed at 1, whose Chow parameters are its own. Up to
permutations and negations there are 2,470 self-dual threshold functions of 8 variables, which hold those of fewer
(R. O. Winder, 1965); their weights come with the package. `python -m circuits.threshold.minimal_weights` makes the
file anew, in half a minute, and proves each sum minimal by linear programs in float64.
"""

import functools
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from circuits.threshold.packed_tables import chow_parameters

_FILE = files("circuits") / "data" / "self_dual_weights.npy"
VARIABLES = 8
# A table costs some 60 bytes on the way; blocks of it stay in the cache.
_BLOCK = 1 << 14


class SelfDualWeights(NamedTuple):
    """The classes of self-dual threshold functions of 8 variables.

    Attributes:
        keys: `(2470,)` uint64, ascending: the Chow parameters, falling, 7 bits each.
        weights: `(2470, 8)` int8, falling, not negative: as the Chow parameters do.
    """

    keys: np.ndarray
    weights: np.ndarray


@functools.cache
def self_dual_weights() -> SelfDualWeights:
    """Return the classes, their keys computed from their weights.

    >>> self_dual_weights().weights.shape
    (2470, 8)
    """
    with _FILE.open("rb") as file:
        weights = np.load(file, allow_pickle=False)
    points = 2 * ((np.arange(256)[:, None] >> np.arange(VARIABLES)) & 1) - 1
    signs = np.sign(weights.astype(np.int32) @ points.T)
    if not signs.all():
        raise ValueError(f"self_dual_weights: {_FILE} has weights that sum to 0 on some row; install the package anew.")
    keys = _keys((signs @ points // 4).astype(np.uint64))
    order = np.argsort(keys)
    return SelfDualWeights(keys[order], weights[order])


def _keys(falling: np.ndarray) -> np.ndarray:
    keys = np.zeros(len(falling), np.uint64)
    for column in falling.T:
        keys = keys << np.uint64(7) | column.astype(np.uint64)
    return keys


def look_up(words: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the minimal weights of packed tables by their Chow parameters alone.

    That is exact: where the parameters are those of a threshold function up to signs and order, the function is that
    one, since no other function has them (C. K. Chow, 1961).

    Args:
        words: `(k, words)` uint64, as from `pack_tables`.
        n: 0 to 7.

    Returns:
        `(k,)` bool, which are threshold functions; `(k, n)` int8 weights and `(k,)` int16 thresholds, 0 for the others.
    """
    found = np.zeros(len(words), bool)
    weights, thresholds = np.zeros((len(words), n), np.int8), np.zeros(len(words), np.int16)
    for start in range(0, len(words), _BLOCK):
        block = slice(start, start + _BLOCK)
        found[block], weights[block], thresholds[block] = _look_up(words[block], n)
    return found, weights, thresholds


def _look_up(words: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    classes = self_dual_weights()
    if n == 0:
        # Half a row is no number: as a function of one input, which it does not need.
        chow = chow_parameters(words[:, 0] * np.uint64(3), 1) * 64
        chow = chow[:, 1:]
    else:
        chow = chow_parameters(words if n > 6 else words[:, 0], n) << (7 - n)
    # The place of a parameter rides in its three lowest bits, so that a sort of values is one of both.
    codes = np.zeros((len(words), VARIABLES), np.uint16)
    codes[:, : n + 1] = np.abs(chow) << 3
    codes |= np.arange(VARIABLES, dtype=np.uint16)
    codes.sort(axis=1)
    codes = codes[:, ::-1]
    keys = _keys(codes >> 3)
    place = np.minimum(np.searchsorted(classes.keys, keys), len(classes.keys) - 1)
    found = classes.keys[place] == keys
    hits = np.flatnonzero(found)
    sizes = np.zeros((len(hits), VARIABLES), np.int16)
    np.put_along_axis(sizes, (codes[hits] & 7).astype(np.intp), classes.weights[place[hits]].astype(np.int16), axis=1)
    signed = sizes[:, : n + 1] * np.sign(chow[hits]).astype(np.int16)
    weights, thresholds = np.zeros((len(words), n), np.int8), np.zeros(len(words), np.int16)
    weights[hits] = signed[:, :n]
    # In signs, [sum w_i s_i + w_0 > 0], and s = 2 x - 1; all weights together are odd.
    thresholds[hits] = (signed[:, :n].sum(axis=1) - signed[:, n] + 1) // 2
    return found, weights, thresholds


def _minimal(weights: tuple[int, ...]) -> np.ndarray:
    """Return the integer weights of one self-dual function that minimise their sum, with or without any one of them."""
    from scipy.optimize import linprog  # here, since it takes a tenth of a second

    points = 2 * ((np.arange(256)[:, None] >> np.arange(VARIABLES)) & 1) - 1
    true = points[points @ np.array(weights) > 0]
    # The lowest true points imply the others: no single 1 can fall to 0 and leave the point true.
    sums = true @ np.array(weights)
    lowest = true[[all(total <= 2 * w for w, s in zip(weights, row, strict=True) if s > 0)
                   for row, total in zip(true, sums, strict=True)]]  # fmt: skip

    def least(cost: np.ndarray) -> tuple[np.ndarray, float]:
        answer = linprog(cost, A_ub=-lowest, b_ub=-np.ones(len(lowest)), bounds=(0, None), method="highs")
        return answer.x, answer.fun

    solution, _ = least(np.ones(VARIABLES))
    chow = (np.sign(points @ np.array(weights)) @ points).tolist()
    # Equal parameters are swapped freely, so that their mean is as good.
    mean = [np.mean([w for w, c in zip(solution, chow, strict=True) if c == own]) for own in chow]
    found = np.round(mean).astype(np.int8)
    if not (np.sign(points @ found.astype(int)) == np.sign(points @ np.array(weights))).all():
        raise ValueError(f"minimal_weights: the linear program of {weights} has no integer optimum, got {mean}.")
    for place in (None, *dict(zip(chow, range(VARIABLES), strict=True)).values()):
        cost = np.ones(VARIABLES)
        if place is not None:
            cost[place] = 0
        if np.ceil(least(cost)[1] - 1e-6) != cost @ found:
            raise ValueError(f"minimal_weights: {found} is not minimal without variable {place}.")
    return found[np.argsort(chow)[::-1]]


def _make() -> None:
    from circuits.threshold.enumeration import self_dual_classes

    found = [_minimal(each.weights) for each in self_dual_classes(VARIABLES, progress=True)]
    np.save(str(_FILE), np.array(sorted(map(tuple, found)), np.int8))


if __name__ == "__main__":
    _make()
