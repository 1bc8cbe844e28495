"""The generator written out, against `jax.random`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.lowering.threefry import bits_by_numpy, children, is_threefry, key_words


def test_children_are_those_of_fold_in_and_split():
    key, numbers = jax.random.key(5), jnp.array([0, 1, 2, 2**31, 2**32 - 1], jnp.uint32)
    first, second = key_words(key)
    found = jnp.stack(children(jnp.full_like(numbers, first), jnp.full_like(numbers, second), numbers), axis=1)
    expected = jax.vmap(lambda number: jax.random.fold_in(jax.random.clone(key), number))(numbers)
    np.testing.assert_array_equal(found, jax.random.key_data(expected))
    np.testing.assert_array_equal(found[:3], jax.random.key_data(jax.random.split(key, 3)))


def test_many_keys_have_children_each():
    keys = jax.random.split(jax.random.key(0), 3)
    words = jax.random.key_data(keys)
    numbers = jax.lax.broadcasted_iota(jnp.uint32, (3, 4), 1)
    first, second = (jnp.broadcast_to(words[:, i, None], (3, 4)) for i in (0, 1))
    found = children(first, second, numbers)
    expected = jax.random.key_data(jax.vmap(lambda key: jax.random.split(key, 4))(keys))
    np.testing.assert_array_equal(jnp.stack(found, axis=-1), expected)


def test_numpy_computes_the_same():
    random = np.random.default_rng(0)
    first, second, numbers = random.integers(0, 2**32, (3, 50), dtype=np.uint32)
    by_jax = children(jnp.asarray(first), jnp.asarray(second), jnp.asarray(numbers))
    np.testing.assert_array_equal(children(first, second, numbers), by_jax)


@pytest.mark.parametrize("count", [0, 1, 100, 2**14 + 3])
def test_bits_are_those_of_jax(count):
    first, second = np.asarray(key_words(jax.random.key(7)))
    found = bits_by_numpy(first, second, count)
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, jax.random.bits(jax.random.key(7), (count,)))


@pytest.mark.parametrize("key", [jax.random.key(3), jax.random.PRNGKey(3)], ids=["key", "PRNGKey"])
def test_words_of_a_key(key):
    assert is_threefry(key)
    assert [int(word) for word in key_words(key)] == [0, 3]


@pytest.mark.parametrize("kind", ["rbg", "unsafe_rbg"])
def test_the_key_of_another_generator_draws_words(kind):
    assert not is_threefry(jax.random.key(0, impl=kind))
    words = [np.asarray(key_words(jax.random.key(seed, impl=kind))) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(words[0], words[1])
    assert (words[0] != words[2]).any()
