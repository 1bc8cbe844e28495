"""Orders of examples: those of `jax.random`, bit by bit, wherever a window begins."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnet
from jaxnet.training.orders import (
    BEGINNING,
    RunPosition,
    _sorted_places,
    _sorted_places_on_cpu,
    kept_orders,
    order_of_examples,
    permutations,
)

RULE = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
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


@pytest.mark.parametrize("kind", ["rbg", "unsafe_rbg"])
def test_runs_with_another_generator_use_their_key_once(kind):
    data, key = jnp.arange(4.0), lambda: jax.random.key(1, impl=kind)
    state, _ = jaxnet.train(RULE, RULE.init(jnp.array(0.0)), data, steps=3, batch_size=2, key=key())
    run = jaxnet.fit(RULE, jnp.array(0.0), data, steps=3, batch_size=2, every=1, key=key(), progress=False)
    assert run.params == state.params


@settings(max_examples=5)
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


def test_orders_that_are_kept_are_those_of_the_epochs_and_drawn_once():
    key, position = jax.random.key(4), RunPosition(np.uint32(7), np.uint32(3), np.int32(5))
    orders = kept_orders(key, 9, 4, 5)
    np.testing.assert_array_equal(
        order_of_examples(key, position, 9, 4, 5, orders(3)), order_of_examples(key, position, 9, 4, 5)
    )
    assert orders(3) is orders(3)
    assert (orders(4)[0] == orders(3)[1]).all()


@pytest.mark.parametrize("sorted_places", [_sorted_places, _sorted_places_on_cpu])
def test_equal_numbers_stay_in_order(sorted_places):
    numbers = jnp.array([[2**32 - 1, 0, 5, 0, 5, 2**31]] * 2, jnp.uint32)
    places = jax.jit(sorted_places)(numbers)
    assert places.dtype == np.int32
    assert places.tolist() == [[1, 3, 2, 4, 5, 0]] * 2
