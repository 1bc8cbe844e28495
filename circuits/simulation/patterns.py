"""Patterns for `simulate`, 32 to a word: packed and unpacked, random, and all 2^n, block by block.

Bit j of word i of a row is the value of that input in pattern 32 i + j. Of all 2^n, pattern r is row r.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.pytrees import Key
from jaxnet.validation import check_key, whole_number

_PLACES = np.arange(32, dtype=np.uint32)

# The words of the five inputs that change within a word: bit j of word i is bit i of j.
_WITHIN = np.array([0xAAAAAAAA, 0xCCCCCCCC, 0xF0F0F0F0, 0xFF00FF00, 0xFFFF0000], np.uint32)


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
    x = x if isinstance(x, jax.Array) else np.asarray(x)
    if x.dtype != bool:
        raise TypeError(f"pack: expected Booleans, got {x.dtype}. Compare them, for example x > 0.")
    if x.ndim != 2:
        raise ValueError(f"pack: expected patterns (patterns, n), got shape {x.shape}.")
    patterns, n = x.shape
    k = -(-patterns // 32)
    if isinstance(x, np.ndarray):  # no program is compiled for its shape
        octets = np.zeros((n, 4 * k), np.uint8)
        octets[:, : -(-patterns // 8)] = np.packbits(x.T, axis=1, bitorder="little")
        return jnp.asarray(octets.view("<u4").astype(np.uint32))
    bits = jnp.pad(x, ((0, 32 * k - patterns), (0, 0))).reshape(k, 32, n).astype(jnp.uint32)
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
    words = words if isinstance(words, jax.Array) else np.asarray(words)
    if words.dtype != np.uint32:
        raise TypeError(f"unpack: expected uint32 words, got {words.dtype}.")
    patterns = whole_number("unpack", "patterns", patterns)
    if words.ndim != 2 or patterns > 32 * words.shape[1]:
        raise ValueError(f"unpack: expected words (m, k) of at least {patterns} patterns, got shape {words.shape}.")
    if isinstance(words, np.ndarray):
        octets = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
        return jnp.asarray(np.unpackbits(octets, axis=1, count=patterns, bitorder="little").T.astype(bool))
    bits = (words[:, :, None] >> _PLACES[None, None, :]) & 1
    return bits.reshape(words.shape[0], 32 * words.shape[1])[:, :patterns].T.astype(bool)


def random_patterns(n: int, k: int, *, key: Key) -> Array:
    """Draw patterns, each bit a fair coin.

    Args:
        n: the number of inputs.
        k: the number of words: 32 k patterns.
        key: from `jax.random.key`.

    Returns:
        `(n, k)` uint32.

    Raises:
        ValueError: if n or k is negative.
        TypeError: if one is no whole number.

    >>> random_patterns(3, 1_000, key=jax.random.key(0)).shape
    (3, 1000)
    """
    check_key("random_patterns", key)
    n, k = whole_number("random_patterns", "n", n), whole_number("random_patterns", "k", k)
    return jax.random.bits(key, (n, k), jnp.uint32)


class ExhaustivePatterns(Sequence[np.ndarray]):
    """All 2^n patterns in blocks of words, each made when it is asked for; see `exhaustive_patterns`."""

    def __init__(self, n: int, block: int):
        self.n, self.block = n, block

    def __len__(self) -> int:
        return max(1, 2**self.n // (32 * self.block))

    def __getitem__(self, i):  # type: ignore[override]  # slices are not for a sequence that is never held
        if not -len(self) <= i < len(self):
            raise IndexError(f"exhaustive_patterns: expected a block in 0..{len(self) - 1}, got {i}.")
        # Bit b of the number of a word is input 5 + b; the upper bits are the same in all words of the block.
        lower = min(self.block.bit_length() - 1, max(0, self.n - 5))
        word = np.arange(self.block, dtype=np.uint32)
        words = np.empty((self.n, self.block), np.uint32)
        words[:5] = _WITHIN[: self.n, None]
        for bit in range(lower):
            words[5 + bit] = -(word >> np.uint32(bit) & np.uint32(1))
        for bit in range(lower, self.n - 5):
            words[5 + bit] = 0xFFFFFFFF if i % len(self) >> (bit - lower) & 1 else 0
        return words


def exhaustive_patterns(n: int, block: int = 2**14) -> ExhaustivePatterns:
    """Return all 2^n patterns of n inputs, in the order of a truth table and in blocks that are made on demand.

    Args:
        n: 0 to 62.
        block: words per block, a power of two, of 32 patterns each. Blocks are smaller if there are fewer patterns.

    Returns:
        A sequence of `(n, block)` uint32 arrays, in any order of access; it has a length, so `tqdm` shows what is left.
        For n < 5 the patterns repeat to fill the one word.

    Raises:
        ValueError: if n is out of range, or block is no power of two.

    >>> [hex(word) for word in exhaustive_patterns(3)[0][:, 0]]
    ['0xaaaaaaaa', '0xcccccccc', '0xf0f0f0f0']
    >>> len(exhaustive_patterns(32))
    8192
    """
    n, block = whole_number("exhaustive_patterns", "n", n), whole_number("exhaustive_patterns", "block", block)
    if n > 62:
        raise ValueError(f"exhaustive_patterns: expected 0 to 62 inputs, got {n}. Draw random_patterns for more.")
    if block < 1 or block & (block - 1):
        raise ValueError(f"exhaustive_patterns: expected a power of two as block, got {block}.")
    return ExhaustivePatterns(n, min(block, max(1, 2**n // 32)))
