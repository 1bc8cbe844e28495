"""The generator of `jax.random`, written out.

XLA compiles each of its calls anew, in some 0.07 s, which is a good part of the time to a first step. Here one call
computes many keys or numbers, and NumPy computes those that are drawn once, with the same bits.

Source: J. Salmon, M. Moraes, R. Dror and D. Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
"""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnet.pytrees import Key

Words = TypeVar("Words", Array, np.ndarray)

_ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)
_BLOCK = 2**14


def is_threefry(key: Key) -> bool:
    """Return whether a key is one of this generator, the default of JAX."""
    return str(jax.random.key_impl(_typed(key))) == "threefry2x32"


def key_words(key: Key) -> Array:
    """Return the two words of a key, `(2,)` uint32; of another generator's key, two that a clone of it draws."""
    typed = _typed(key)
    return jax.random.key_data(typed) if is_threefry(typed) else jax.random.bits(jax.random.clone(typed), (2,))


def children(first: Words, second: Words, numbers: Words) -> tuple[Words, Words]:
    """Return the words of the child of each key that has a number, as `fold_in` and `split` of `jax.random` make them.

    `split` does so unless `jax_threefry_partitionable` is off. The number i of `jax.random.bits` is the exclusive or of
    the words of child i.

    Args:
        first: the first word of each key, uint32; of NumPy or JAX, as all three.
        second: the second one, of the same shape.
        numbers: of the children, of the same shape.
    """
    keys = first, second, first ^ second ^ 0x1BD11BDA
    x, y = first, second + numbers
    for block in range(5):
        for by in _ROTATIONS[block % 2]:
            x = x + y
            y = ((y << by) | (y >> (32 - by))) ^ x
        x = x + keys[(block + 1) % 3]
        y = y + keys[(block + 2) % 3] + (block + 1)
    return x, y


def bits_by_numpy(first: np.integer, second: np.integer, count: int) -> np.ndarray:
    """Return `jax.random.bits` of the key of two words, `(count,)` uint32, in blocks that fit a cache."""
    found = np.empty(count, np.uint32)
    for start in range(0, count, _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, count), dtype=np.uint32)
        x, y = children(np.full_like(numbers, first), np.full_like(numbers, second), numbers)
        found[start : start + _BLOCK] = x ^ y
    return found


def _typed(key: Key) -> Key:
    return key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
