"""Truth tables packed 64 rows a word, many at once: Chow parameters, influence, unateness, symmetries, NPN classes.

C. K. Chow, On the characterization of threshold functions (1961), for the parameters that bear his name.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxnet.validation import whole_number

MAX_INPUTS = 16
# The truth tables of the six variables inside a word: bit r of word i is bit i of r.
VARIABLE_WORDS = np.array(
    [
        0xAAAAAAAAAAAAAAAA,
        0xCCCCCCCCCCCCCCCC,
        0xF0F0F0F0F0F0F0F0,
        0xFF00FF00FF00FF00,
        0xFFFF0000FFFF0000,
        0xFFFFFFFF << 32,
    ],
    np.uint64,
)


def pack_tables(tables: Any, n: int, *, where: str = "pack_tables") -> np.ndarray:
    """Pack truth tables of n inputs, bit r of a table being its value on row r.

    Args:
        tables: one Python integer of 2^n bits; or bool `(..., 2^n)`; or integers `(...)` for n <= 6; or uint64
            `(..., 2^(n-6))` for n >= 7, row 0 the lowest bit of word 0.
        n: 0 to 16.
        where: the function that errors name.

    Returns:
        `(..., max(1, 2^(n-6)))` uint64; bits past 2^n are 0.

    Raises:
        ValueError: if the shape does not fit, or a table has bits past 2^n.
        TypeError: if tables are neither bool nor integers.

    >>> pack_tables(0b1000, 2)
    array([8], dtype=uint64)
    """
    n = whole_number(where, "n", n, 0, MAX_INPUTS)
    rows, words = 1 << n, max(1, 1 << n >> 6)
    if isinstance(tables, int) and not isinstance(tables, bool):
        if not 0 <= tables < 1 << rows:
            raise ValueError(f"{where}: expected a table of {rows} bits for n = {n}, got {_bits_of(tables)}.")
        return np.frombuffer(tables.to_bytes(8 * words, "little"), "<u8").astype(np.uint64)
    array = np.asarray(tables)
    if array.dtype == bool:
        if array.ndim == 0 or array.shape[-1] != rows:
            raise ValueError(f"{where}: expected bool tables of shape (..., {rows}) for n = {n}, got {array.shape}.")
        padded = np.zeros((*array.shape[:-1], 64 * words), bool)
        padded[..., :rows] = array
        return np.packbits(padded, axis=-1, bitorder="little").view("<u8").astype(np.uint64, copy=False)
    if array.dtype.kind not in "ui":
        raise TypeError(f"{where}: expected tables of bool or integers, got {array.dtype}.")
    if n <= 6:
        if array.dtype.kind == "i" and (array < 0).any():
            raise ValueError(f"{where}: expected tables of {rows} bits for n = {n}, got {array.min()}, a negative one.")
        array = array.astype(np.uint64, copy=False)[..., None]
        if n < 6 and (array >> np.uint64(rows)).any():
            raise ValueError(f"{where}: expected tables of {rows} bits for n = {n}, got {_bits_of(int(array.max()))}.")
        return array
    if array.dtype != np.uint64 or array.ndim == 0 or array.shape[-1] != words:
        raise ValueError(
            f"{where}: expected uint64 tables of shape (..., {words}) for n = {n}, got {array.dtype} {array.shape}."
        )
    return array


def unpack_tables(words: np.ndarray, n: int) -> np.ndarray:
    """Return packed tables as bool `(..., 2^n)`.

    >>> unpack_tables(pack_tables(0b1000, 2), 2)
    array([False, False, False,  True])
    """
    octets = np.ascontiguousarray(words, "<u8").view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=1 << n, bitorder="little").view(bool)


def chow_parameters(tables: Any, n: int) -> np.ndarray:
    """Return the Chow parameters: how many more true rows have x_i = 1 than have x_i = 0, then how many pass half.

    Args:
        tables: as for `pack_tables`.
        n: 0 to 16.

    Returns:
        `(..., n + 1)` int32: for each variable; and last, twice the true rows less 2^n, halved (for n = 0, 0 or 1).

    Raises:
        ValueError, TypeError: as `pack_tables`.

    Source: C. K. Chow (1961): no other function has the parameters of a threshold function.

    >>> chow_parameters(0b11101000, 3)                                      # majority
    array([2, 2, 2, 0], dtype=int32)
    """
    words = pack_tables(tables, n, where="chow_parameters")
    found = np.empty((*words.shape[:-1], n + 1), np.int32)
    ones = np.bitwise_count(words)
    total = ones.sum(axis=-1, dtype=np.int32)
    for i in range(n):
        if i < 6:
            having = np.bitwise_count(words & VARIABLE_WORDS[i]).sum(axis=-1, dtype=np.int32)
        else:
            having = ones.reshape(*ones.shape[:-1], -1, 2, 1 << (i - 6))[..., 1, :].sum(axis=(-1, -2), dtype=np.int32)
        found[..., i] = 2 * having - total
    found[..., n] = total - (1 << n >> 1)
    return found


def _cofactors(words: np.ndarray, n: int, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the words where x_i = 0 and those where x_i = 1, each value at the place of the row with x_i = 0."""
    if i < 6:
        low = ~VARIABLE_WORDS[i] & np.uint64((1 << min(64, 1 << n)) - 1)
        return words & low, (words >> np.uint64(1 << i)) & low
    halves = words.reshape(*words.shape[:-1], -1, 2, 1 << (i - 6))
    return halves[..., 0, :].reshape(*words.shape[:-1], -1), halves[..., 1, :].reshape(*words.shape[:-1], -1)


def influence(tables: Any, n: int) -> np.ndarray:
    """Return for each variable the share of rows on which flipping it changes the value.

    Args:
        tables: as for `pack_tables`.
        n: 0 to 16.

    Returns:
        `(..., n)` float64, exact; for unate functions |Chow parameter| / 2^(n-1), the Banzhaf index of voting theory.

    Source: M. Ben-Or and N. Linial, Collective coin flipping (1985).

    >>> influence(0b11101000, 3)
    array([0.5, 0.5, 0.5])
    """
    words = pack_tables(tables, n, where="influence")
    found = np.empty((*words.shape[:-1], n))
    for i in range(n):
        off, on = _cofactors(words, n, i)
        found[..., i] = np.bitwise_count(off ^ on).sum(axis=-1, dtype=np.int64) / (1 << (n - 1))
    return found


def unate(tables: Any, n: int) -> np.ndarray:
    """Return for each variable how the value follows it.

    Args:
        tables: as for `pack_tables`.
        n: 0 to 16.

    Returns:
        `(..., n)` int8: 1 where it rises, -1 where it falls, 0 where it does neither, 2 where it does both, at
        different rows: the variable is binate, and the function no threshold function.

    >>> unate(0b0110, 2), unate(0b0010, 2)                                  # XOR; a and not b
    (array([2, 2], dtype=int8), array([ 1, -1], dtype=int8))
    """
    words = pack_tables(tables, n, where="unate")
    found = np.empty((*words.shape[:-1], n), np.int8)
    for i in range(n):
        off, on = _cofactors(words, n, i)
        rises, falls = (on & ~off).any(axis=-1), (off & ~on).any(axis=-1)
        found[..., i] = np.where(rises & falls, 2, rises.astype(np.int8) - falls.astype(np.int8))
    return found


def symmetric_variables(tables: Any, n: int) -> np.ndarray:
    """Return which pairs of variables may be swapped without changing the function.

    Args:
        tables: as for `pack_tables`.
        n: 0 to 16.

    Returns:
        `(..., n, n)` bool, symmetric, true on the diagonal.

    >>> symmetric_variables(0b10101000, 3).astype(int)                      # a and (b or c)
    array([[1, 0, 0],
           [0, 1, 1],
           [0, 1, 1]])
    """
    words = pack_tables(tables, n, where="symmetric_variables")
    found = np.ones((*words.shape[:-1], n, n), bool)
    for i, j in itertools.combinations(range(n), 2):
        off, on = _cofactors(words, n, j)
        # Once x_j is gone, x_i has its old place below x_j; in a word its place is kept.
        places = n if j < 6 else n - 1
        a = _cofactors(off, places, i)[1]
        b = _cofactors(on, places, i)[0]
        found[..., i, j] = found[..., j, i] = (a == b).all(axis=-1)
    return found


def npn(tables: Any, n: int) -> np.ndarray:
    """Return the least table that negations and permutations of inputs, and negation of the output, can make.

    Args:
        tables: as for `pack_tables`.
        n: 0 to 6; n = 6 takes 0.1 to 0.2 s, and 0.1 ms more for each table.

    Returns:
        `(...)` uint64: equal for two functions if and only if they are of one NPN class.

    Raises:
        ValueError: if n is out of range.

    Source: E. Goto and H. Takahasi, Some theorems useful in threshold logic (1962), for the classes.

    >>> npn([0b1000, 0b1110, 0b0110], 2)                                    # AND and OR are one class
    array([1, 1, 6], dtype=uint64)
    """
    n = whole_number("npn", "n", n, 0, 6)
    words = pack_tables(tables, n, where="npn")[..., 0]
    full = np.uint64((1 << (1 << n)) - 1)
    least = np.minimum(words, words ^ full)
    for image in images(words, n):
        least = np.minimum(least, np.minimum(image, image ^ full))
    return least


def images(words: np.ndarray, n: int) -> Iterator[np.ndarray]:
    """Yield tables with their inputs in each order and each negated or not, n! 2^n times, the same for all of them.

    Args:
        words: one-word tables, unsigned integers of 2^n bits or more.
        n: 0 to 6.

    >>> [int(image[0]) for image in images(np.array([0b1000], np.uint64), 2)]   # the four ANDs, and again
    [4, 1, 2, 8, 4, 1, 2, 8]
    """
    kind = words.dtype.type
    for place in _adjacent_swaps(n):
        if place is not None:
            words = swapped(words, place)
        for step in range(1, (1 << n) + 1):
            # A Gray code meets every negation by one flip a step; the last flip goes home.
            i = min((step & -step).bit_length() - 1, n - 1)
            if i >= 0:
                low, shift = kind(~VARIABLE_WORDS[i] & np.iinfo(kind).max), kind(1 << i)
                words = (words & low) << shift | (words >> shift) & low
            yield words


def _adjacent_swaps(n: int) -> list[int | None]:
    """Return a walk over all orders of n things by swaps of places i and i + 1 (S. M. Johnson, 1963)."""
    if n < 2:
        return [None]
    below = _adjacent_swaps(n - 1)
    walk: list[int | None] = []
    for number, place in enumerate(below):
        # The last thing runs down, then up; the others move while it is at an end.
        down = number % 2 == 0
        if number:
            assert place is not None
            walk.append(place if down else place + 1)
        else:
            walk.append(None)
        walk.extend(range(n - 2, -1, -1) if down else range(n - 1))
    return walk


def swapped(words: np.ndarray, i: int) -> np.ndarray:
    """Return one-word tables with variables i and i + 1 swapped.

    >>> swapped(np.array([0b1010], np.uint64), 0)
    array([12], dtype=uint64)
    """
    kind = words.dtype.type
    most = np.iinfo(kind).max
    low, high = (
        kind(~VARIABLE_WORDS[i + 1] & VARIABLE_WORDS[i] & most),
        kind(VARIABLE_WORDS[i + 1] & ~VARIABLE_WORDS[i] & most),
    )
    shift = kind(1 << i)
    return words & ~(low | high) | (words & low) << shift | (words & high) >> shift


def _bits_of(table: int) -> str:
    return f"{table:#x}" if table < 1 << 64 else f"one of {table.bit_length()} bits"
