"""The generator written out, against `jax.random`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.lowering.threefry import children, is_threefry, key_words


def test_children_are_those_of_fold_in_and_split():
    key, numbers = jax.random.key(5), jnp.array([0, 1, 2, 2**31, 2**32 - 1], jnp.uint32)
    found = jnp.stack(children(key_words(key), numbers), axis=1)
    expected = jax.vmap(lambda number: jax.random.fold_in(jax.random.clone(key), number))(numbers)
    np.testing.assert_array_equal(found, jax.random.key_data(expected))
    np.testing.assert_array_equal(found[:3], jax.random.key_data(jax.random.split(key, 3)))


def test_many_keys_have_children_each():
    keys = jax.random.split(jax.random.key(0), 3)
    words = jax.random.key_data(keys)
    found = children((words[:, :1], words[:, 1:]), jnp.arange(4, dtype=jnp.uint32))
    expected = jax.random.key_data(jax.vmap(lambda key: jax.random.split(key, 4))(keys))
    np.testing.assert_array_equal(jnp.stack(found, axis=-1), expected)


def test_bits_are_the_words_of_children():
    first, second = children(key_words(jax.random.key(7)), jnp.arange(100, dtype=jnp.uint32))
    np.testing.assert_array_equal(first ^ second, jax.random.bits(jax.random.key(7), (100,)))


@pytest.mark.parametrize("key", [jax.random.key(3), jax.random.PRNGKey(3)], ids=["key", "PRNGKey"])
def test_words_of_a_key(key):
    assert is_threefry(key)
    assert [int(word) for word in key_words(key)] == [0, 3]


@pytest.mark.parametrize("kind", ["rbg", "unsafe_rbg"])
def test_the_key_of_another_generator_draws_words(kind):
    assert not is_threefry(jax.random.key(0, impl=kind))
    words = [np.stack(key_words(jax.random.key(seed, impl=kind))) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(words[0], words[1])
    assert (words[0] != words[2]).any()
