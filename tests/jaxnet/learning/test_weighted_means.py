"""Weighted and masked means against NumPy in float64, what does not count, and their refusal to broadcast."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet import ShapeError

weighted_mean, masked_mean = jax.jit(jaxnet.weighted_mean), jax.jit(jaxnet.masked_mean)
BOTH = jax.jit(jax.value_and_grad(jaxnet.weighted_mean, argnums=(0, 1)))
MASKED = jax.jit(jax.value_and_grad(jaxnet.masked_mean))
BAD = [np.nan, np.inf, -np.inf]


def f32(*values):
    return np.array(values, np.float32)


def test_by_hand():
    assert weighted_mean(f32(1, 2, 4), f32(2, 1, 1)) == 2
    assert weighted_mean(np.array([[1, 2], [4, 9]], np.float32), np.array([[2, 1], [1, 0]])) == 2
    assert masked_mean(f32(1, 2, 6), np.array([True, False, True])) == 3.5
    assert masked_mean(np.float32(7), True) == 7


@hypothesis.given(
    hnp.arrays(np.float32, (4, 3), elements=st.floats(-100, 100, width=32, allow_subnormal=False)),
    hnp.arrays(np.float32, (4, 3), elements=st.floats(0.125, 100, width=32)),
    hnp.arrays(np.bool_, (4, 3)),
)
def test_against_numpy(values, weights, mask):
    weights = weights * mask
    if mask.any():
        expected = np.average(values.astype(np.float64), weights=weights)
        (value, gradients) = BOTH(values, weights)
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-4)
        # d/dv_i = w_i / sum w and d/dw_i = (v_i - mean) / sum w, at w_i = 0 as elsewhere.
        total = weights.sum(dtype=np.float64)
        np.testing.assert_allclose(gradients[0], weights / total, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(gradients[1], (values - expected) / total, rtol=1e-4, atol=1e-2 / total)
        np.testing.assert_allclose(masked_mean(values, mask), values[mask].mean(dtype=np.float64), rtol=1e-5, atol=1e-4)


def test_the_scale_of_the_weights_does_not_matter():
    values, weights = f32(1, 2, 4), f32(2, 1, 1)
    np.testing.assert_allclose(weighted_mean(values, weights * 1e-20), 2, rtol=1e-6)
    np.testing.assert_allclose(weighted_mean(values, weights * 1e20), 2, rtol=1e-6)


@pytest.mark.parametrize("bad", BAD)
def test_what_does_not_count_poisons_neither_value_nor_gradient(bad):
    values, weights = f32(1, bad, 3), f32(3, 0, 1)
    value, gradients = BOTH(values, weights)
    assert value == 1.5
    np.testing.assert_array_equal(gradients[0], [0.75, 0, 0.25])
    assert np.isfinite(gradients[1]).all()
    value, gradient = MASKED(values, weights > 0)
    assert value == 2
    np.testing.assert_array_equal(gradient, [0.5, 0, 0.5])


@pytest.mark.parametrize("bad", BAD)
def test_what_counts_is_not_hidden(bad):
    np.testing.assert_array_equal(weighted_mean(f32(1, bad, 3), f32(3, 1, 1)), bad)
    np.testing.assert_array_equal(masked_mean(f32(1, bad, 3), np.array([True, True, False])), bad)
    assert np.isnan(weighted_mean(f32(1, 2, 3), f32(3, np.nan, 1)))


@pytest.mark.parametrize("values", [f32(1, 2), f32(np.nan, np.inf), np.zeros(0, np.float32)])
def test_the_mean_of_nothing_is_nan_and_its_gradient_zero(values):
    value, gradients = BOTH(values, np.zeros_like(values))
    assert np.isnan(value)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, np.zeros_like(values))
    value, gradient = MASKED(values, np.zeros(values.shape, bool))
    assert np.isnan(value)
    np.testing.assert_array_equal(gradient, np.zeros_like(values))


def test_a_batch_of_nothing_leaves_the_parameters_as_they_are():
    """The padding of a batch holds what it likes, here an infinite loss, where the derivative of the loss is finite."""

    def loss(w, mask):
        return jaxnet.masked_mean(jaxnet.squared_error(w * f32([1], [2]), f32([3], [1e30])), mask)

    gradient = jax.jit(jax.grad(loss))
    assert gradient(np.float32(1), np.array([False, False])) == 0
    assert gradient(np.float32(1), np.array([True, False])) == -2


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision_is_summed_in_float32(dtype):
    """A sum of 100,000 threes overflows float16, and stalls in bfloat16; so do the weights."""
    values, mask = np.full(100_000, 3, dtype), np.arange(100_000) % 2 == 0
    mixed = np.tile(np.array([1, 1.5], dtype), 50_000)

    @jax.jit
    def means(values, mixed, mask):
        weights = mask.astype(dtype), 7 * mask.astype(jnp.int32)
        three = masked_mean(values, mask), *(weighted_mean(values, each) for each in weights)
        return three, masked_mean(mixed, mask | ~mask)

    three, middle = means(values, mixed, mask)
    for mean in three:
        assert mean.dtype == dtype
        assert mean == 3
    # Neighbours in bfloat16: the mean of equal parts of 1 and 1.5 is 1.25.
    assert middle == 1.25


def test_dtype_is_that_of_the_values():
    with jax.enable_x64(True):
        for dtype in (jnp.bfloat16, jnp.float32, jnp.float64):
            values = np.ones(3, dtype)
            for weights in (np.ones(3, bool), np.ones(3, np.int32), np.ones(3, np.float32), np.ones(3)):
                assert jax.eval_shape(jaxnet.weighted_mean, values, weights).dtype == dtype
            assert jax.eval_shape(jaxnet.masked_mean, values, np.ones(3, bool)).dtype == dtype
        np.testing.assert_allclose(weighted_mean(np.full(7, 1 / 3), np.arange(7)), 1 / 3, rtol=1e-15)


def test_vmap_gives_a_mean_a_row():
    values, mask = f32([1, 2, 3], [4, 5, 6]), np.array([[True, True, False], [False, False, True]])
    np.testing.assert_array_equal(jax.jit(jax.vmap(jaxnet.masked_mean))(values, mask), [1.5, 6])


@pytest.mark.parametrize(
    ("values", "given"), [((3, 1), (3,)), ((3,), (3, 1)), ((3, 2), (3,)), ((3, 2), (2,)), ((3,), ()), ((1,), (3,))]
)
def test_means_do_not_broadcast(values, given):
    with pytest.raises(ShapeError) as e:
        weighted_mean(np.ones(values, np.float32), np.ones(given, np.float32))
    assert str(e.value) == (
        f"weighted_mean: expected weights of the shape of the values {values}, got {given}. Means do not broadcast. "
        "Reshape or repeat the weights, or reduce the values to one per example."
    )
    with pytest.raises(ShapeError) as e:
        masked_mean(np.ones(values, np.float32), np.ones(given, bool))
    assert str(e.value) == (
        f"masked_mean: expected mask of the shape of the values {values}, got {given}. Means do not broadcast. "
        "Reshape or repeat the mask, or reduce the values to one per example."
    )


def test_a_mask_is_boolean():
    with pytest.raises(TypeError) as e:
        masked_mean(f32(1, 2), f32(1, 0))
    assert str(e.value) == "masked_mean: expected a Boolean mask, got float32. For weights use weighted_mean."


def test_values_are_floating():
    with pytest.raises(TypeError) as e:
        weighted_mean(np.array([1, 2]), f32(1, 0))
    assert str(e.value) == "weighted_mean: expected floating values, got int32. They come first, then the weights."
    with pytest.raises(TypeError) as e:
        masked_mean(np.array([True, False]), np.array([True, False]))
    assert str(e.value) == "masked_mean: expected floating values, got bool. They come first, then the mask."
