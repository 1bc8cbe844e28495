"""Boolean patterns packed 32 to a word, and unpacked: bit j of word i of a row is that input in pattern 32 i + j.

On the host, bits are packed along the rows as they stand in memory, and blocks of 32 x 32 bits are transposed: five
steps that each swap halves of what the last one swapped (H. S. Warren, Hacker's Delight, 2nd edition, 2012, 7-3).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.lowering.native_loops import on_one_cpu
from jaxnet.validation import whole_number

_PLACES = np.arange(32, dtype=np.uint32)

# Patterns that are transposed at once: for 400 inputs half a MB of words, which stays in the cache.
_BLOCK = 8192

# Patterns up to which the calls of the five steps cost more than they save, for `pack` and for `unpack`.
_FEW, _FEW_WORDS = 128, 2048


def pack(x: ArrayLike) -> Array:
    """Pack Boolean patterns into words, 32 to a word.

    Args:
        x: `(patterns, n)` bool.

    Returns:
        `(n, ceil(patterns / 32))` uint32; missing patterns of the last word are zeros.

    Raises:
        TypeError: if x is not Boolean.
        ValueError: if it does not have two axes.

    >>> pack(jnp.array([[True], [False], [True]]))
    Array([[5]], dtype=uint32)
    """
    given, place = _on_the_host(x)
    if given.dtype != bool:
        raise TypeError(f"pack: expected Booleans, got {given.dtype}. Compare them, for example x > 0.")
    if given.ndim != 2:
        raise ValueError(f"pack: expected patterns (patterns, n), got shape {given.shape}.")
    patterns, n = given.shape
    k = -(-patterns // 32)
    if isinstance(given, np.ndarray):  # no program is compiled for its shape
        return _put(_packed(given), place)
    bits = jnp.pad(given, ((0, 32 * k - patterns), (0, 0))).reshape(k, 32, n).astype(jnp.uint32)
    return jnp.sum(bits << _PLACES[None, :, None], axis=1, dtype=jnp.uint32).T


def unpack(words: ArrayLike, patterns: int) -> Array:
    """Unpack words into Boolean patterns, the inverse of `pack`.

    Args:
        words: `(m, k)` uint32.
        patterns: how many, at most 32 k.

    Returns:
        `(patterns, m)` bool.

    Raises:
        TypeError: if words are not uint32.
        ValueError: if they do not have two axes, or hold fewer patterns.

    >>> unpack(jnp.array([[5]], jnp.uint32), 3).T
    Array([[ True, False,  True]], dtype=bool)
    """
    given, place = _on_the_host(words)
    if given.dtype != np.uint32:
        raise TypeError(f"unpack: expected uint32 words, got {given.dtype}.")
    patterns = whole_number("unpack", "patterns", patterns)
    if given.ndim != 2 or patterns > 32 * given.shape[1]:
        raise ValueError(f"unpack: expected words (m, k) of at least {patterns} patterns, got shape {given.shape}.")
    if isinstance(given, np.ndarray):
        return _put(_unpacked(given, patterns), place)
    bits = (given[:, :, None] >> _PLACES[None, None, :]) & 1
    return bits.reshape(given.shape[0], 32 * given.shape[1])[:, :patterns].T.astype(bool)


def _on_the_host(array: Any) -> tuple[Any, Any]:
    """Return an array as NumPy's, if it is on the host already, and the device where the user put it."""
    if not isinstance(array, jax.Array):
        return np.asarray(array), None
    if on_one_cpu(array) and array.is_fully_addressable:
        return np.asarray(array), array.sharding if array.committed else None
    return array, None


def _put(array: np.ndarray, place: Any) -> Array:
    return jnp.asarray(array) if place is None else jax.device_put(array, place)


def _packed(x: np.ndarray) -> np.ndarray:
    """Pack on the host."""
    patterns, n = x.shape
    if n < 32 or patterns <= _FEW or x.flags.f_contiguous:
        return _words(np.packbits(x.T, axis=1, bitorder="little"), -(-patterns // 32))
    words = np.empty((-(-n // 32), 32, -(-patterns // 32)), np.uint32)
    for start in range(0, patterns, _BLOCK):
        octets = np.packbits(x[start : start + _BLOCK], axis=1, bitorder="little")
        by_place = _rows_of_32(_words(octets, len(words)))
        _transpose_bits(by_place)
        words[:, :, start // 32 : (start + _BLOCK) // 32] = by_place.swapaxes(0, 1)
    return words.reshape(-1, words.shape[-1])[:n]


def _unpacked(words: np.ndarray, patterns: int) -> np.ndarray:
    """Unpack on the host."""
    m = len(words)
    if m < 32 or patterns <= _FEW_WORDS:
        octets = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
        return np.unpackbits(octets, axis=1, count=patterns, bitorder="little").T.astype(bool)
    x = np.empty((patterns, m), bool)
    for start in range(0, patterns, _BLOCK):
        by_place = _rows_of_32(words[:, start // 32 : min(start + _BLOCK, patterns + 31) // 32])
        _transpose_bits(by_place)
        octets = by_place.swapaxes(0, 1).reshape(-1, by_place.shape[2]).astype("<u4", copy=False).view(np.uint8)
        block = x[start : start + _BLOCK]
        block[:] = np.unpackbits(octets[: len(block)], axis=1, count=m, bitorder="little").view(bool)
    return x


def _words(octets: np.ndarray, k: int) -> np.ndarray:
    """Return rows of at most 4 k octets, `(rows, k)` uint32; what is missing is zeros."""
    if octets.shape[1] < 4 * k or not octets.flags.c_contiguous:
        padded = np.zeros((len(octets), 4 * k), np.uint8)
        padded[:, : octets.shape[1]] = octets
        octets = padded
    return octets.view("<u4").astype(np.uint32, copy=False)


def _rows_of_32(words: np.ndarray) -> np.ndarray:
    """Return the words of 32 rows after another as `(32, columns, rows / 32)`, a copy; missing rows are zeros."""
    rows, columns = words.shape
    by_place = np.zeros((32, columns, -(-rows // 32)), np.uint32)
    whole = rows // 32
    by_place[:, :, :whole] = words[: 32 * whole].reshape(whole, 32, columns).transpose(1, 2, 0)
    by_place[: rows - 32 * whole, :, whole:] = words[32 * whole :, :, None]
    return by_place


def _transpose_bits(words: np.ndarray) -> None:
    """Transpose blocks of 32 words in place: bit j of words[i] changes places with bit i of words[j].

    Source: H. S. Warren (2012), 7-3.
    """
    mask = np.uint32(0xFFFFFFFF)
    for step in (16, 8, 4, 2, 1):
        mask ^= mask << np.uint32(step)
        halves = words.reshape(16 // step, 2, step, *words.shape[1:])
        low, high = halves[:, 0], halves[:, 1]
        swapped = low >> np.uint32(step)
        swapped ^= high
        swapped &= mask
        high ^= swapped
        swapped <<= np.uint32(step)
        low ^= swapped
