"""The order in which a run sees its examples: for each epoch a permutation, that of `jax.random.permutation`.

One call makes all keys, and one all numbers that are sorted by: that compiles in half the time of `jax.random`.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.devices.sharding import replicated
from jaxnet.lowering.threefry import children, key_words
from jaxnet.pytrees import Key

# Room for at least two batches: XLA removes axes of one, and would fuse a step otherwise.
_LEAST_BATCHES = 2


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


def order_of_examples(
    key: Key, position: RunPosition, n: int, batch_size: int, steps: int, orders: Array | None = None
) -> Array:
    """Return the examples of each batch, from a position on, `(steps, batch_size)`; at least two batches.

    They are a window on the stream of all epochs' permutations; `orders` are these permutations from the first epoch
    on, if they were drawn before.
    """
    steps = max(steps, _LEAST_BATCHES)
    if orders is None:
        orders = _orders_from(key, position.epoch, n, _epochs_touched(n, batch_size, steps))
    window = jax.lax.dynamic_slice_in_dim(orders.reshape(-1), position.offset, steps * batch_size)
    return window.reshape(steps, batch_size)


def kept_orders(key: Key, n: int, batch_size: int, steps: int) -> Callable[[int], Array]:
    """Return the function of an epoch that has the `orders` of parts of a run of at most so many steps.

    It keeps the last, so that all parts that begin in one epoch share it: to draw one takes as long as many steps.
    """
    count = _epochs_touched(n, batch_size, max(steps, _LEAST_BATCHES))
    return functools.lru_cache(maxsize=1)(lambda epoch: _drawn_orders(key, np.uint32(epoch), n, count))


def _epochs_touched(n: int, batch_size: int, steps: int) -> int:
    # The window begins at a multiple of the greatest common divisor, so at most this far into its first epoch:
    furthest = n - math.gcd(n, batch_size)
    return -(-(furthest + steps * batch_size) // n)


def _orders_from(key: Key, epoch: ArrayLike, n: int, count: int) -> Array:
    return permutations(key, jnp.arange(count, dtype=jnp.uint32) + epoch, n)


@functools.partial(jax.jit, static_argnums=(2, 3))
def _drawn_orders(key: Key, epoch: ArrayLike, n: int, count: int) -> Array:
    # Every device needs all of it, and draws it for itself.
    return replicated(_orders_from(key, epoch, n, count))


def permutations(key: Key, epochs: Array, n: int) -> Array:
    """Return a permutation of n examples for each epoch, `(epochs, n)`.

    With a key of `jax.random.key`, that of an epoch is `permutation(fold_in(split(key)[0], epoch), n)` of `jax.random`.
    """
    # Sorting by 32 random bits is repeated until no order is likelier for numbers that are equal.
    rounds = math.ceil(3 * math.log(max(1, n)) / math.log(2**32 - 1))
    roots = jnp.broadcast_to(key_words(key)[:, None], (2, len(epochs)))
    path = jnp.stack([jnp.zeros_like(epochs), epochs, *[jnp.zeros_like(epochs)] * rounds])

    def descend(words: Array, child: Array) -> tuple[Array, Array]:
        """Go on from each key to a child of it, and return its child 1, which is there to be used."""
        numbers = jnp.stack([child, jnp.ones_like(child)])
        found = jnp.stack(children(jnp.stack([words[0]] * 2), jnp.stack([words[1]] * 2), numbers))
        return found[:, 0], found[:, 1]

    _, used = jax.lax.scan(descend, roots, path)

    def sort(order: Array, words: Array) -> tuple[Array, None]:
        numbers = jax.lax.broadcasted_iota(jnp.uint32, order.shape, 1)
        of_each = jnp.broadcast_to(words[:, :, None], (2, *order.shape))
        first, second = children(of_each[0], of_each[1], numbers)
        places = jax.lax.platform_dependent(first ^ second, cpu=_sorted_places_on_cpu, default=_sorted_places)
        return jnp.take_along_axis(order, places, axis=1, mode="promise_in_bounds"), None

    orders = jnp.broadcast_to(jnp.arange(n, dtype=jnp.int32), (len(epochs), n))
    return jax.lax.scan(sort, orders, used[2:])[0]


def _sorted_places(numbers: Array) -> Array:
    """Return the places of the numbers of each row, the smallest first; equal numbers stay in order."""
    places = jax.lax.broadcasted_iota(jnp.int32, numbers.shape, 1)
    return jax.lax.sort_key_val(numbers, places)[1]


def _sorted_places_on_cpu(numbers: Array) -> Array:
    """Return the same; XLA's sort calls a function to compare pairs, but sorts single words five times as fast."""
    places = jax.lax.broadcasted_iota(jnp.uint32, numbers.shape, 1)
    with jax.enable_x64(True):
        words = numbers.astype(jnp.uint64) << 32 | places.astype(jnp.uint64)
        return (jax.lax.sort(words) & 0xFFFFFFFF).astype(jnp.int32)
