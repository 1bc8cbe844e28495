"""Trades of rows: what refutes a threshold function, and what proves that weights are minimal, in integers.

On every true row w.x is at least 1 above what it is on any false row. So true rows and as many false rows with the same
ones in sum are a contradiction: a trading transform (J. D. Taylor and W. S. Zwicker, Weighted voting, multicameral
representation, and power, 1993; C. C. Elgot, Truth functions realizable by single threshold organs, 1961).
"""

from dataclasses import dataclass

import numpy as np

from circuits.threshold.units import ThresholdUnit

Rows = tuple[tuple[int, int], ...]


def _surplus(n: int, table: int, true: Rows, false: Rows) -> list[int] | None:
    """Return how many more ones the true rows have in each variable; None if they are no trade of this table."""
    rows = (*true, *false)
    if not true or any(not 0 <= row < 1 << n or times < 1 for row, times in rows):
        return None
    if any(not table >> row & 1 for row, _ in true) or any(table >> row & 1 for row, _ in false):
        return None
    if sum(times for _, times in true) != sum(times for _, times in false):
        return None
    return [
        sum(times for row, times in true if row >> i & 1) - sum(times for row, times in false if row >> i & 1)
        for i in range(n)
    ]


@dataclass(frozen=True)
class TradingTransform:
    """A proof that a function is no threshold function: true and false rows with the same ones in sum.

    Attributes:
        n: how many inputs.
        table: an integer of 2^n bits, bit r the value on row r.
        true: true rows, each with how often it counts.
        false: as many false rows.
        binate: the variable that the function both rises and falls with, where that is the reason; None otherwise.

    >>> trade = TradingTransform(2, 0b0110, ((1, 1), (2, 1)), ((0, 1), (3, 1)))     # XOR
    >>> print(trade, trade.check())
    true 10 + 01 = false 00 + 11 True
    """

    n: int
    table: int
    true: Rows
    false: Rows
    binate: int | None = None

    def __repr__(self) -> str:
        return f"TradingTransform({self})"

    def __str__(self) -> str:
        def shown(rows: Rows) -> str:
            texts = [f"{row:0{self.n}b}"[::-1] + (f" x{times}" if times > 1 else "") for row, times in rows[:4]]
            return " + ".join(texts + ["..."] * (len(rows) > 4))

        return f"true {shown(self.true)} = false {shown(self.false)}"

    def check(self) -> bool:
        """Return whether the rows are true and false, as many of each, and have the same ones in sum; integers only."""
        surplus = _surplus(self.n, self.table, self.true, self.false)
        if surplus is None or any(surplus):
            return False
        if self.binate is None:
            return True
        # All rows pair up along the one variable.
        bit = 1 << self.binate if 0 <= self.binate < self.n else 0
        return bit > 0 and sorted(row ^ bit for row, _ in self.true) == sorted(row for row, _ in self.false)


@dataclass(frozen=True)
class MinimalSum:
    """A proof that no integer weights of a function have a smaller sum of |w_i|, the threshold not counted.

    Of M true and M false rows, the true ones have at most `scale` more or fewer ones in each variable. So
    scale * sum |w_i| >= M, and sum |w_i|, an integer, is at least M / scale rounded up.

    Attributes:
        unit: the unit with these weights.
        true: true rows of it, each with how often it counts.
        false: as many false rows.
        scale: a positive integer.

    >>> MinimalSum(ThresholdUnit([1, 1], 2), ((3, 2),), ((1, 1), (2, 1)), 1).check()
    True
    """

    unit: ThresholdUnit
    true: Rows
    false: Rows
    scale: int

    @property
    def bound(self) -> int:
        """Return the smallest sum that integer weights can have, by these rows."""
        return -(-sum(times for _, times in self.true) // self.scale) if self.true else 0

    def __repr__(self) -> str:
        rows = len(self.true) + len(self.false)
        return f"MinimalSum({self.unit!r}, {rows} rows: sum of |w| is at least {self.bound})"

    def check(self) -> bool:
        """Return whether the rows prove the sum of this unit's weights minimal; integers only."""
        total = sum(map(abs, self.unit.weights.tolist()))
        if not total or self.scale < 1:
            return total == 0 and not self.true and not self.false and self.scale == 1
        table = table_of(self.unit)
        surplus = _surplus(self.unit.n_inputs, table, self.true, self.false)
        return surplus is not None and max(map(abs, surplus)) <= self.scale and self.bound == total


def table_of(unit: ThresholdUnit) -> int:
    """Return the truth table of a unit as an integer of 2^n bits.

    >>> bin(table_of(ThresholdUnit([1, 1, 1], 2)))
    '0b11101000'
    """
    return int.from_bytes(np.packbits(fires(unit.weights, unit.threshold), bitorder="little").tobytes(), "little")


def fires(weights: np.ndarray, threshold: int) -> np.ndarray:
    """Return on which rows [w.x >= T] is on, `(2^n,)` bool, in int64: sums stay below 2^63 in any unit."""
    sums = np.zeros(1, np.int64)
    for weight in weights:
        sums = np.concatenate([sums, sums + weight])
    return sums >= threshold
