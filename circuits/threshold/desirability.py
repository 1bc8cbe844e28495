"""The order of variables by desirability, and a function of it by counts: what recognition looks at in place of rows.

Variable a is at least as desirable as b if 01 on (a, b) never gives a true row whose swap is false. In a threshold
function all are comparable, and the Chow parameters tell the order (J. R. Isbell, 1958; F. Carreras and J. Freixas,
Complete simple games, 1996). Equally desirable variables form a group, where only the number of ones matters.
"""

from typing import NamedTuple

import numpy as np

from circuits.threshold.packed_tables import chow_parameters, unate, unpack_tables
from circuits.threshold.trades import TradingTransform


class Ordered(NamedTuple):
    """A unate function whose variables are all comparable.

    Attributes:
        variables: those that matter, most desirable first.
        signs: of each, 1 where the function rises with it and -1 where it falls.
        sizes: of each group of equally desirable ones.
        table: bool, an axis of length size + 1 for each group: the value by how many of the group are on, where a
            falling variable counts when it is off.
        rows: integers, an axis of length 2 for each variable: the row of the truth table.
    """

    variables: list[int]
    signs: list[int]
    sizes: list[int]
    table: np.ndarray
    rows: np.ndarray

    def rows_of(self, counts: tuple[int, ...], turn: int = 0) -> int:
        """Return a row with these counts: of each group the first ones are on, after `turn` steps round the group."""
        place, first = [], 0
        for count, size in zip(counts, self.sizes, strict=True):
            place += [int((i - turn) % size < count) for i in range(size)]
            first += size
        return int(self.rows[tuple(place)])


def ordered(words: np.ndarray, n: int) -> Ordered | TradingTransform:
    """Order the variables of a packed table, or show two that cannot be, or one that is binate.

    Args:
        words: `(max(1, 2^(n-6)),)` uint64.
        n: 0 to 16.

    Returns:
        An `Ordered`, or a `TradingTransform` of four rows.

    >>> from circuits.threshold.packed_tables import pack_tables
    >>> ordered(pack_tables(0b10101000, 3), 3).sizes                        # a and (b or c)
    [1, 2]
    """
    values = unpack_tables(words, n)
    whole = int.from_bytes(np.ascontiguousarray(words, "<u8").tobytes(), "little")
    direction = unate(words if n > 6 else words[0], n)
    rows = np.arange(1 << n)
    for i in np.flatnonzero(direction == 2).tolist():
        off = rows[rows >> i & 1 == 0]
        rise = int(off[values[off | 1 << i] & ~values[off]][0])
        fall = int(off[values[off] & ~values[off | 1 << i]][0])
        true, false = (rise | 1 << i, fall), (rise, fall | 1 << i)
        return _transform(n, whole, true, false, i)
    chow = np.abs(chow_parameters(words if n > 6 else words[0], n)[:n])
    variables = [i for i in np.argsort(-chow, kind="stable").tolist() if direction[i]]
    signs = [int(direction[i]) for i in variables]
    # Row numbers move with the values: falling variables turned, the idle ones at 0, the heaviest axis first.
    start = sum(1 << i for i, sign in zip(variables, signs, strict=True) if sign < 0)
    bits = [sign << i for i, sign in zip(variables, signs, strict=True)]
    placed = np.array(start)
    for bit in bits:
        placed = np.stack([placed, placed + bit], axis=-1)
    cube = values[placed]
    for j in range(len(variables) - 1):
        heavy = _at(cube, j, 1, 0), _at(placed, j, 1, 0)
        light = _at(cube, j, 0, 1), _at(placed, j, 0, 1)
        wrong = light[0] & ~heavy[0]
        if wrong.any():
            # The heavier one is true as often, so that there is an opposite pair.
            right = heavy[0] & ~light[0]
            true = int(light[1][wrong][0]), int(heavy[1][right][0])
            false = int(heavy[1][wrong][0]), int(light[1][right][0])
            return _transform(n, whole, true, false, None)
    sizes = [int(np.sum(chow[variables] == value)) for value in sorted(set(chow[variables].tolist()), reverse=True)]
    place, index = len(variables), np.array(0)
    for size in sizes:
        steps = [sum(1 << (place - 1 - i) for i in range(count)) for count in range(size + 1)]
        index, place = index[..., None] + np.array(steps), place - size
    return Ordered(variables, signs, sizes, cube.reshape(-1)[index], placed)


def _at(cube: np.ndarray, axis: int, first: int, second: int) -> np.ndarray:
    return cube[(slice(None),) * axis + (first, second)]


def _transform(
    n: int, table: int, true: tuple[int, ...], false: tuple[int, ...], binate: int | None
) -> TradingTransform:
    return TradingTransform(n, table, counted(true), counted(false), binate)


def counted(rows: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return rows as pairs of a row and how often it is there."""
    return tuple((row, rows.count(row)) for row in sorted(set(rows)))


def lowest_and_highest(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of the true points above no other, and of the false points below no other.

    A point is above another if one more of the last group is on, or one of a group in place of one of the next.

    Args:
        table: as in `Ordered`, of at least one axis.

    Returns:
        Two integer arrays with a column for each group.
    """
    low, high = table.copy(), ~table
    for axis in range(table.ndim):
        up, down = [slice(None)] * table.ndim, [slice(None)] * table.ndim
        up[axis], down[axis] = slice(1, None), slice(None, -1)
        if axis + 1 < table.ndim:
            up[axis + 1], down[axis + 1] = slice(None, -1), slice(1, None)
        low[tuple(up)] &= ~table[tuple(down)]
        high[tuple(down)] &= table[tuple(up)]
    return np.argwhere(low), np.argwhere(high)


def strict_pairs(table: np.ndarray) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return for each group a true point that is false once one of the group gives way to one of the next, or to none.

    >>> strict_pairs(np.array([False, False, True]))
    [((2,), (1,))]
    """
    pairs = []
    for axis in range(table.ndim):
        up, down = [slice(None)] * table.ndim, [slice(None)] * table.ndim
        up[axis], down[axis] = slice(1, None), slice(None, -1)
        if axis + 1 < table.ndim:
            up[axis + 1], down[axis + 1] = slice(None, -1), slice(1, None)
        place = np.argwhere(table[tuple(up)] & ~table[tuple(down)])[0]
        true, false = place.copy(), place.copy()
        true[axis] += 1
        if axis + 1 < table.ndim:
            false[axis + 1] += 1
        pairs.append((tuple(true.tolist()), tuple(false.tolist())))
    return pairs
