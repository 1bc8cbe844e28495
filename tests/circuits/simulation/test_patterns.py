import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import exhaustive_patterns, pack, random_patterns, rows, unpack


def patterns(seed, count, n):
    return np.random.default_rng(seed).integers(0, 2, (count, n)).astype(bool)


def test_pack_puts_pattern_32_i_plus_j_in_bit_j_of_word_i():
    x = patterns(0, 70, 3)
    words = np.asarray(pack(x))
    assert (words.shape, words.dtype) == ((3, 3), np.uint32)
    for i in range(3):
        packed = sum(int(word) << 32 * place for place, word in enumerate(words[i]))
        assert packed == sum(1 << p for p in range(70) if x[p, i])


@pytest.mark.parametrize("count", [0, 1, 32, 33, 1000])
def test_unpack_is_the_inverse_of_pack(count):
    x = patterns(count, count, 5)
    words = pack(x)
    assert words.shape == (5, -(-count // 32))
    back = unpack(words, count)
    assert (back.shape, back.dtype) == ((count, 5), bool)
    np.testing.assert_array_equal(back, x)


def test_pack_and_unpack_under_jit():
    x = jnp.asarray(patterns(1, 40, 3))
    np.testing.assert_array_equal(jax.jit(lambda x: unpack(pack(x), 40))(x), x)


@pytest.mark.parametrize("n", [0, 2])
def test_unpack_of_no_rows(n):
    assert unpack(jnp.zeros((0, 2), jnp.uint32), n).shape == (n, 0)


@pytest.mark.parametrize(("count", "n"), [(0, 3), (1, 0), (31, 2), (32, 1), (100, 3)])
def test_numpy_and_jax_pack_alike(count, n):
    x = patterns(count, count, n)
    words = pack(x)
    np.testing.assert_array_equal(words, pack(jnp.asarray(x)))
    np.testing.assert_array_equal(unpack(np.asarray(words), count), unpack(words, count))


def test_words_that_are_not_in_order_in_memory_are_unpacked():
    words = np.arange(12, dtype=np.uint32).reshape(3, 4)
    np.testing.assert_array_equal(unpack(words.T, 40), unpack(np.ascontiguousarray(words.T), 40))


@pytest.mark.parametrize("dtype", ["int32", "float32", "uint32"])
def test_what_is_not_boolean_is_not_packed(dtype, error):
    assert error(TypeError, pack, np.zeros((2, 2), dtype)) == (
        f"pack: expected Booleans, got {dtype}. Compare them, for example x > 0."
    )
    assert error(TypeError, unpack, np.zeros((2, 2), bool), 1) == "unpack: expected uint32 words, got bool."


@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 3)])
def test_patterns_have_two_axes(shape, error):
    assert (
        error(ValueError, pack, np.zeros(shape, bool)) == f"pack: expected patterns (patterns, n), got shape {shape}."
    )


def test_no_more_patterns_than_words_hold(error):
    words = np.zeros((3, 2), np.uint32)
    assert unpack(words, np.int64(64)).shape == (64, 3)
    assert error(ValueError, unpack, words, 65) == (
        "unpack: expected words (m, k) of at least 65 patterns, got shape (3, 2)."
    )
    assert error(ValueError, unpack, words, -1) == "unpack: expected patterns to be at least 0, got -1."
    assert error(TypeError, unpack, words, 2.0) == "unpack: expected patterns to be a whole number, got 2.0."


def test_random_patterns_are_fair_coins_of_the_key():
    words = random_patterns(3, 20_000, key=jax.random.key(0))
    assert (words.shape, words.dtype) == ((3, 20_000), jnp.uint32)
    ones = np.bitwise_count(np.asarray(words)).sum(axis=1) / (32 * 20_000)
    # Six standard deviations of the mean of 640,000 coins.
    assert (abs(ones - 0.5) < 6 * 0.5 / 800).all()
    np.testing.assert_array_equal(words, random_patterns(3, 20_000, key=jax.random.key(0)))
    assert (words != random_patterns(3, 20_000, key=jax.random.key(1))).any(axis=1).all()
    assert random_patterns(0, 2, key=jax.random.key(0)).shape == (0, 2)


@pytest.mark.parametrize(("n", "k"), [(-1, 1), (1, -1)])
def test_negative_numbers_of_random_patterns_are_refused(n, k, error):
    draw = functools.partial(random_patterns, key=jax.random.key(0))
    name = "n" if n < 0 else "k"
    assert error(ValueError, draw, n, k) == f"random_patterns: expected {name} to be at least 0, got -1."
    for other in (True, 2.0):
        message = f"random_patterns: expected {name} to be a whole number, got {other!r}."
        assert error(TypeError, draw, *((other, k) if n < 0 else (n, other))) == message
    assert draw(np.int64(2), np.int64(1)).shape == (2, 1)


@pytest.mark.parametrize("n", range(13))
@pytest.mark.parametrize("block", [1, 4, 2**14])
def test_exhaustive_patterns_are_the_rows_packed(n, block):
    blocks = exhaustive_patterns(n, block)
    assert {b.shape for b in blocks} == {(n, min(block, max(1, 2**n // 32)))}
    assert {b.dtype for b in blocks} == {np.dtype(np.uint32)}
    words = np.concatenate(list(blocks), axis=1)
    assert words.shape == (n, max(1, 2**n // 32))
    bits = (words[:, :, None] >> np.arange(32, dtype=np.uint32) & 1).reshape(n, 32 * words.shape[1]).T.astype(bool)
    # Below five inputs the rows repeat to fill the word.
    np.testing.assert_array_equal(bits, np.tile(rows(n), (len(bits) // 2**n, 1)))


@pytest.mark.parametrize("number", [0, 1, 77, 2**30 - 1, -1])
def test_any_block_of_many_may_be_asked_for(number):
    n, block = 40, 32
    blocks = exhaustive_patterns(n, block)
    assert len(blocks) == 2**30
    first = 32 * block * (number % len(blocks))
    bits = np.asarray(unpack(blocks[number], 32 * block))
    values = sum(bits[:, i].astype(np.int64) << i for i in range(n))
    assert values.tolist() == list(range(first, first + 32 * block))


def test_a_block_that_there_is_not_is_refused(error):
    blocks = exhaustive_patterns(7, 2)
    assert error(IndexError, blocks.__getitem__, 2) == "exhaustive_patterns: expected a block in 0..1, got 2."


def test_too_many_inputs_for_all_patterns_are_refused(error):
    assert error(ValueError, exhaustive_patterns, 63) == (
        "exhaustive_patterns: expected 0 to 62 inputs, got 63. Draw random_patterns for more."
    )
    assert error(ValueError, exhaustive_patterns, -1) == "exhaustive_patterns: expected n to be at least 0, got -1."
    assert error(TypeError, exhaustive_patterns, 2.0) == (
        "exhaustive_patterns: expected n to be a whole number, got 2.0."
    )


@pytest.mark.parametrize("block", [0, 3, 12])
def test_a_block_is_a_power_of_two(block, error):
    assert error(ValueError, exhaustive_patterns, 4, block) == (
        f"exhaustive_patterns: expected a power of two as block, got {block}."
    )
