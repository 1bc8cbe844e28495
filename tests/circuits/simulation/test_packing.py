import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import pack, unpack


def patterns(seed, count, n):
    return np.random.default_rng(seed).integers(0, 2, (count, n)).astype(bool)


def test_pack_puts_pattern_32_i_plus_j_in_bit_j_of_word_i():
    x = patterns(0, 70, 3)
    words = np.asarray(pack(x))
    assert (words.shape, words.dtype) == ((3, 3), np.uint32)
    for i in range(3):
        packed = sum(int(word) << 32 * place for place, word in enumerate(words[i]))
        assert packed == sum(1 << p for p in range(70) if x[p, i])


def by_definition(x):
    words = np.zeros((x.shape[1], -(-len(x) // 32)), np.uint32)
    for p, row in enumerate(x):
        words[:, p // 32] |= row.astype(np.uint32) << np.uint32(p % 32)
    return words


# Few and many patterns, of few and many inputs; sizes that are no multiples of 8 or 32; more than a block.
SHAPES = [(0, 0), (0, 40), (7, 0), (1, 1), (5, 3), (129, 32), (129, 33), (200, 31), (1000, 45), (2049, 32), (8223, 40)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_words_of_any_shape_and_back(shape):
    x = patterns(2, *shape)
    words = np.asarray(pack(x))
    np.testing.assert_array_equal(words, by_definition(x))
    assert words.dtype == np.uint32
    back = unpack(words, len(x))
    assert (back.shape, back.dtype) == (shape, bool)
    np.testing.assert_array_equal(back, x)
    # Fewer than the words hold.
    np.testing.assert_array_equal(unpack(words, len(x) // 3), x[: len(x) // 3])


def test_rows_that_are_not_in_order_in_memory_are_packed():
    x = patterns(3, 600, 70)
    expected = by_definition(x)
    for same in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], np.repeat(x, 2, axis=1)[:, ::2], x[::-1][::-1]):
        np.testing.assert_array_equal(pack(same), expected)
    # Bytes other than 0 and 1 that are taken as Booleans are true.
    np.testing.assert_array_equal(pack((x * np.uint8(6)).view(bool)), expected)


def test_bits_that_the_last_patterns_lack_are_zeros():
    words = np.asarray(pack(np.ones((1000, 64), bool)))
    assert (words[:, :-1] == 0xFFFFFFFF).all()
    assert (words[:, -1] == 0xFF).all()


def test_words_stay_on_the_device_of_the_patterns():
    device = jax.devices()[-1]
    x = jax.device_put(patterns(4, 40, 3), device)
    words = pack(x)
    assert words.devices() == unpack(words, 40).devices() == {device}


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
def test_the_host_and_a_compiled_program_pack_alike(count, n):
    x = patterns(count, count, n)
    words = pack(x)
    np.testing.assert_array_equal(words, pack(jnp.asarray(x)))
    np.testing.assert_array_equal(words, jax.jit(pack)(x))
    np.testing.assert_array_equal(unpack(np.asarray(words), count), jax.jit(unpack, static_argnums=1)(words, count))


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
