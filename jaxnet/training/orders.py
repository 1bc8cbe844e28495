"""The order in which a run sees its examples: for each epoch a permutation, that of `jax.random.permutation`.

One call makes all keys, and one all numbers that are sorted by: that compiles in half the time of `jax.random`.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.lowering.threefry import children, key_words
from jaxnet.pytrees import Key

# Room for at least two batches: XLA removes axes of one, and would fuse a step otherwise.
_ROOM = 2


class RunPosition(NamedTuple):
    """A place in a run, where a part of it begins.

    Attributes:
        step: the number of the next step, from 0.
        epoch: that of its first example.
        offset: how many examples of that epoch were seen before.
    """

    step: ArrayLike
    epoch: ArrayLike
    offset: ArrayLike


BEGINNING = RunPosition(np.uint32(0), np.uint32(0), np.int32(0))


def order_of_examples(key: Key, position: RunPosition, n: int, batch_size: int, steps: int) -> Array:
    """Return the examples of each batch, from a position on, `(steps, batch_size)`; at least two batches.

    They are a window on the stream of all epochs' permutations.
    """
    steps = max(steps, _ROOM)
    # The window begins at a multiple of the greatest common divisor, so at most this far into its first epoch:
    furthest = n - math.gcd(n, batch_size)
    epochs = jnp.arange(-(-(furthest + steps * batch_size) // n), dtype=jnp.uint32) + position.epoch
    window = jax.lax.dynamic_slice_in_dim(permutations(key, epochs, n).reshape(-1), position.offset, steps * batch_size)
    return window.reshape(steps, batch_size)


def permutations(key: Key, epochs: Array, n: int) -> Array:
    """Return a permutation of n examples for each epoch, `(epochs, n)`.

    With a key of `jax.random.key`, that of an epoch is `permutation(fold_in(split(key)[0], epoch), n)` of `jax.random`.
    """
    # Sorting by 32 random bits is repeated until no order is likelier for numbers that are equal.
    rounds = math.ceil(3 * math.log(max(1, n)) / math.log(2**32 - 1))
    root0, root1 = key_words(key)
    roots = jnp.broadcast_to(root0, epochs.shape), jnp.broadcast_to(root1, epochs.shape)
    path = jnp.stack([jnp.zeros_like(epochs), epochs, *[jnp.zeros_like(epochs)] * rounds])

    def descend(words: tuple[Array, Array], child: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Go on from each key to a child of it, and return its child 1, which is there to be used."""
        first, second = children(words, jnp.stack([child, jnp.ones_like(child)]))
        return (first[0], second[0]), (first[1], second[1])

    _, used = jax.lax.scan(descend, roots, path)

    def sort(order: Array, words: tuple[Array, Array]) -> tuple[Array, None]:
        first, second = children((words[0][:, None], words[1][:, None]), jnp.arange(n, dtype=jnp.uint32))
        return jax.lax.sort_key_val(first ^ second, order)[1], None

    orders = jnp.broadcast_to(jnp.arange(n, dtype=jnp.int32), (len(epochs), n))
    return jax.lax.scan(sort, orders, jax.tree.map(lambda words: words[2:], used))[0]
