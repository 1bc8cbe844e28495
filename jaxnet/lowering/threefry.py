"""The generator of `jax.random`, written out.

XLA compiles each of its calls anew, in some 0.07 s, which is a good part of the time to a first step. Here many keys
and numbers are computed by one call, with the same bits.

Source: J. Salmon, M. Moraes, R. Dror and D. Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
"""

import jax
import jax.numpy as jnp
from jax import Array

from jaxnet.pytrees import Key

_ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)


def is_threefry(key: Key) -> bool:
    """Return whether a key is one of this generator, the default of JAX."""
    return str(jax.random.key_impl(_typed(key))) == "threefry2x32"


def key_words(key: Key) -> tuple[Array, Array]:
    """Return the two words of a key; of another generator's key, two that it draws."""
    typed = _typed(key)
    first, second = jax.random.key_data(typed) if is_threefry(typed) else jax.random.bits(typed, (2,))
    return first, second


def children(words: tuple[Array, Array], numbers: Array) -> tuple[Array, Array]:
    """Return the words of the child of each key that has a number, as `fold_in` and `split` of `jax.random` make them.

    The number i of `jax.random.bits` is the exclusive or of the words of child i.

    Args:
        words: of keys.
        numbers: of children, uint32; of a shape that broadcasts with that of the words.
    """
    first, second, numbers = jnp.broadcast_arrays(*words, numbers)
    keys = first, second, first ^ second ^ jnp.uint32(0x1BD11BDA)
    x, y = first, second + numbers
    for block in range(5):
        for by in _ROTATIONS[block % 2]:
            x = x + y
            y = ((y << by) | (y >> (32 - by))) ^ x
        x = x + keys[(block + 1) % 3]
        y = y + keys[(block + 2) % 3] + jnp.uint32(block + 1)
    return x, y


def _typed(key: Key) -> Key:
    return key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
