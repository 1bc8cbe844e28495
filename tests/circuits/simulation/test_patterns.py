import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import exhaustive_patterns, random_patterns, rows, unpack


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
