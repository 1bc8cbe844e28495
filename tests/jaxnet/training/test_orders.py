"""Orders of examples: those of `jax.random`, bit by bit, wherever a window begins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxnet.training.orders import BEGINNING, RunPosition, order_of_examples, permutations

# One round of sorting is enough for 1,625 numbers.
SIZES = [1, 2, 3, 1000, 1625, 1626, 5000]


def of_jax(key, epoch, n):
    return jax.random.permutation(jax.random.fold_in(jax.random.split(jax.random.clone(key))[0], epoch), n)


@pytest.mark.parametrize("n", SIZES)
def test_a_permutation_is_that_of_jax(n):
    key, epochs = jax.random.key(n), jnp.array([0, 1, 7, 2**32 - 1], jnp.uint32)
    found = permutations(key, epochs, n)
    assert found.dtype == np.int32
    for row, epoch in zip(found, epochs, strict=True):
        np.testing.assert_array_equal(row, of_jax(key, epoch, n))


def test_an_older_key_is_its_words():
    epochs = jnp.arange(2, dtype=jnp.uint32)
    np.testing.assert_array_equal(
        permutations(jax.random.PRNGKey(3), epochs, 9), permutations(jax.random.key(3), epochs, 9)
    )


@pytest.mark.parametrize("kind", ["rbg", "unsafe_rbg"])
def test_another_generator_seeds_the_order(kind):
    epochs = jnp.arange(3, dtype=jnp.uint32)
    orders = [permutations(jax.random.key(seed, impl=kind), epochs, 50) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(np.sort(orders[0]), np.tile(np.arange(50), (3, 1)))
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()
    assert (orders[0][0] != orders[0][1]).any()


@settings(max_examples=10)
@given(st.integers(1, 9), st.data())
def test_batches_are_a_window_on_the_stream_of_epochs(n, data):
    batch_size = data.draw(st.integers(1, n))
    start = data.draw(st.integers(0, 20))
    key, steps = jax.random.key(data.draw(st.integers(0, 2**32 - 1))), 5
    epoch, offset = divmod(start * batch_size, n)
    found = order_of_examples(
        key, RunPosition(np.uint32(start), np.uint32(epoch), np.int32(offset)), n, batch_size, steps
    )
    last = (start + steps) * batch_size // n
    stream = np.concatenate([of_jax(key, epoch, n) for epoch in range(last + 1)])
    np.testing.assert_array_equal(
        found.reshape(-1), stream[start * batch_size : start * batch_size + steps * batch_size]
    )


def test_keys_of_members_are_mapped_over():
    keys = jax.random.split(jax.random.key(0), 3)
    found = jax.vmap(lambda key: order_of_examples(key, BEGINNING, 8, 4, 2), out_axes=1)(keys)
    assert found.shape == (2, 3, 4)
    np.testing.assert_array_equal(found[:, 2].reshape(-1), of_jax(keys[2], 0, 8))
