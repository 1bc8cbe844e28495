"""The binary ANDs of AIGER: differences of literals, in bytes of seven bits, lowest first. A. Biere (2007)."""

from collections.abc import Callable

import numpy as np

# Nine times seven bits fit an int64, and no file is so long that its literals need more.
_MOST_BYTES = 9


def read_ands(
    data: np.ndarray, n_leaves: int, count: int, error: Callable[[str, int], Exception]
) -> tuple[np.ndarray, int]:
    """Read the ANDs at the start of some bytes.

    Args:
        data: `(bytes,)` uint8, from the first AND on; more may follow.
        n_leaves: the variables before the first AND, without the constant.
        count: how many ANDs.
        error: makes what to raise, of a message and the byte at fault, counted from the start of `data`.

    Returns:
        `(count, 2)` int64 literals, and the number of bytes read.

    >>> read_ands(np.frombuffer(bytes([2, 2]), np.uint8), 2, 1, lambda message, byte: ValueError(message))
    (array([[4, 2]]), 2)
    """
    ends = np.flatnonzero(data < 0x80)[: 2 * count]
    starts = np.concatenate([[0], ends + 1])
    if len(ends) < 2 * count:
        raise error(f"AND {len(ends) // 2} of {count}: expected two numbers, found the end of the file", len(data))
    starts, used = starts[:-1], int(starts[-1])
    lengths = ends + 1 - starts
    wrong = np.flatnonzero((lengths > _MOST_BYTES) | (lengths > 1) & (data[ends] == 0))
    if wrong.size:
        i = wrong[0]
        found = "a zero as the last" if lengths[i] <= _MOST_BYTES else lengths[i]
        raise error(f"AND {i // 2}: expected a number in as few bytes as it needs, found {found}", int(starts[i]))
    values = (data[starts] & 0x7F).astype(np.int64)
    for k in range(1, lengths.max(initial=0)):
        longer = np.flatnonzero(lengths > k)
        values[longer] |= (data[starts[longer] + k] & 0x7F).astype(np.int64) << 7 * k

    differences = values.reshape(count, 2)
    left = 2 * np.arange(n_leaves + 1, n_leaves + 1 + count)
    first = left - differences[:, 0]
    second = first - differences[:, 1]
    wrong = np.flatnonzero((first == left) | (first < 0) | (second < 0))
    if wrong.size:
        i = wrong[0]
        literal, (one, two) = left[i], differences[i]
        raise error(
            f"AND {i}: expected literals {literal} > a >= b >= 0, found differences {one} and {two}",
            int(starts[2 * i]),
        )
    return np.stack([first, second], axis=1), used


def ands_bytes(ands: np.ndarray, n_leaves: int) -> bytes:
    r"""Write ANDs as the bytes that `read_ands` reads.

    Args:
        ands: `(count, 2)` literals, in each the larger first.
        n_leaves: the variables before the first AND, without the constant.

    >>> ands_bytes(np.array([[4, 2]]), 2)
    b'\x02\x02'
    """
    left = 2 * np.arange(n_leaves + 1, n_leaves + 1 + len(ands))
    values = np.stack([left - ands[:, 0], ands[:, 0] - ands[:, 1]], axis=1).ravel()
    lengths = np.ones(len(values), np.int64)
    for k in range(1, _MOST_BYTES):
        lengths += values >> 7 * k > 0
    starts = np.cumsum(lengths) - lengths
    data = np.empty(lengths.sum(), np.uint8)
    for k in range(lengths.max(initial=0)):
        longer = np.flatnonzero(lengths > k)
        more = lengths[longer] > k + 1
        data[starts[longer] + k] = values[longer] >> 7 * k & 0x7F | more.astype(np.int64) << 7
    return data.tobytes()
