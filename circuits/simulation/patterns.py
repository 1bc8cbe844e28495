"""Patterns for `simulate`, packed 32 to a word: random, and all 2^n, block by block, of which pattern r is row r."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnet.pytrees import Key
from jaxnet.validation import check_key, whole_number

# The words of the five inputs that change within a word: bit j of word i is bit i of j.
_WITHIN = np.array([0xAAAAAAAA, 0xCCCCCCCC, 0xF0F0F0F0, 0xFF00FF00, 0xFFFF0000], np.uint32)


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
