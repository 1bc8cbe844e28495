"""Losses by hand, against Optax and NumPy, and their refusal to broadcast."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet import ShapeError

# Compiled whole, one compilation a shape; they keep their names, and refuse when traced.
squared_error = jax.jit(jaxnet.squared_error)
binary_cross_entropy = jax.jit(jaxnet.binary_cross_entropy)
softmax_cross_entropy = jax.jit(jaxnet.softmax_cross_entropy)
softmax_cross_entropy_with_integer_labels = jax.jit(jaxnet.softmax_cross_entropy_with_integer_labels)

SAME_SHAPE = [squared_error, binary_cross_entropy, softmax_cross_entropy]
ARRAYS = hnp.arrays(np.float32, (5, 3), elements=st.floats(-30, 30, width=32, allow_subnormal=False))
LABELS = hnp.arrays(np.int32, (5,), elements=st.integers(0, 2))
LN2 = 0.6931471805599453


def f32(*rows):
    return np.array(rows, np.float32)


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


def log_softmax(z):
    z = np.asarray(z, np.float64)
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def test_squared_error_by_hand():
    v, y = f32([1, 2], [0, -1]), f32([4, -2], [0, 0])
    np.testing.assert_array_equal(squared_error(v, y), [(9 + 16) / 2, 0.5])
    assert squared_error(np.float32(3), np.float32(1)) == 2


def test_binary_cross_entropy_by_hand():
    """With p = 3/4: -ln 3/4 where the target is 1, -ln 1/4 where it is 0; one half in between."""
    logits, y = f32([np.log(3), np.log(3)], [0, 0]), f32([1, 0], [0.5, 1])
    np.testing.assert_allclose(binary_cross_entropy(logits, y), [np.log(16 / 3), 2 * LN2], rtol=1e-6)
    np.testing.assert_allclose(binary_cross_entropy(logits[0, 0], y[1, 0]), np.log(16 / 3) / 2, rtol=1e-6)


def test_softmax_cross_entropies_by_hand():
    """The logits ln 1, ln 2, ln 5 have the probabilities 1/8, 2/8, 5/8."""
    logits = np.log(f32([1, 2, 5], [1, 2, 5]))
    expected = [np.log(4), (np.log(8) + np.log(8 / 5)) / 2]
    np.testing.assert_allclose(softmax_cross_entropy(logits, f32([0, 1, 0], [0.5, 0, 0.5])), expected, rtol=1e-6)
    by_label = softmax_cross_entropy_with_integer_labels(logits, np.array([1, 2], np.int32))
    np.testing.assert_allclose(by_label, [np.log(4), np.log(8 / 5)], rtol=1e-6)


@pytest.mark.parametrize("loss", SAME_SHAPE[:2])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (4, 2, 3), (0, 3)])
def test_one_value_an_example(loss, shape):
    """Of 1/2 of an output that is off by one, or of ln 2 of one that says nothing."""
    off = np.ones(shape, np.float32) if loss is squared_error else zeros(*shape)
    value = loss(off, zeros(*shape))
    assert value.shape == shape[:-1]
    n_outputs = shape[-1] if shape else 1
    np.testing.assert_allclose(value, n_outputs * (0.5 if loss is squared_error else LN2), rtol=1e-6)


@pytest.mark.parametrize("batch", [(), (2,), (4, 2)])
def test_one_value_an_example_of_a_choice(batch):
    value = softmax_cross_entropy(zeros(*batch, 3), np.broadcast_to(f32(1, 0, 0), (*batch, 3)))
    by_label = softmax_cross_entropy_with_integer_labels(zeros(*batch, 3), zeros(*batch, dtype=np.int32))
    assert value.shape == by_label.shape == batch
    np.testing.assert_allclose(value, np.log(3), rtol=1e-6)
    np.testing.assert_allclose(by_label, np.log(3), rtol=1e-6)


GRADIENT = jax.jit(jax.grad(lambda v, y: jaxnet.squared_error(v, y).sum()))
L2_LOSS = jax.jit(lambda v, y: optax.l2_loss(v, y).sum(axis=-1))


@hypothesis.given(ARRAYS, ARRAYS)
def test_gradient_of_the_squared_error_is_v_minus_y(v, y):
    np.testing.assert_allclose(GRADIENT(v, y), v - y, rtol=1e-6)


@hypothesis.given(ARRAYS, ARRAYS)
def test_squared_error_is_the_sum_of_optax_l2_loss(v, y):
    np.testing.assert_allclose(squared_error(v, y), L2_LOSS(v, y), rtol=1e-6)


@hypothesis.given(ARRAYS, LABELS)
def test_softmax_cross_entropies_agree_with_numpy_and_each_other(logits, labels):
    expected = -log_softmax(logits)[np.arange(5), labels]
    by_label = softmax_cross_entropy_with_integer_labels(logits, labels)
    np.testing.assert_allclose(by_label, expected, rtol=1e-5, atol=1e-5)
    one_hot = np.eye(3, dtype=np.float32)[labels]
    np.testing.assert_allclose(softmax_cross_entropy(logits, one_hot), expected, rtol=1e-5, atol=1e-5)


@hypothesis.given(ARRAYS, hnp.arrays(np.float32, (5, 3), elements=st.floats(0, 1, width=32, allow_subnormal=False)))
def test_binary_cross_entropy_against_numpy(logits, y):
    """-y log p - (1 - y) log(1 - p) = log(1 + e^z) - y z."""
    z = logits.astype(np.float64)
    expected = (np.logaddexp(0, z) - y * z).sum(axis=-1)
    np.testing.assert_allclose(binary_cross_entropy(logits, y), expected, rtol=1e-5, atol=1e-5)


def test_gradient_of_binary_cross_entropy_is_p_minus_y():
    gradient = jax.jit(jax.grad(jaxnet.binary_cross_entropy))(f32(-2, 0, 1e4), f32(1, 0, 1))
    np.testing.assert_allclose(gradient, [1 / (1 + np.exp(2)) - 1, 0.5, 0], rtol=1e-6)


def test_gradient_of_softmax_cross_entropy_is_p_minus_y():
    logits, expected = np.log(f32(1, 2, 5)), np.array([1 / 8, 2 / 8 - 1, 5 / 8])
    gradient = jax.jit(jax.grad(jaxnet.softmax_cross_entropy))
    np.testing.assert_allclose(gradient(logits, f32(0, 1, 0)), expected, rtol=1e-6)
    np.testing.assert_array_equal(gradient(f32(1e4, -1e4, 0), f32(0, 1, 0)), [1, -1, 0])
    by_label = jax.jit(jax.grad(jaxnet.softmax_cross_entropy_with_integer_labels))(logits, np.int32(1))
    np.testing.assert_allclose(by_label, expected, rtol=1e-6)


def test_huge_logits():
    big = f32([1e4], [-1e4], [1e30], [-1e30])
    np.testing.assert_array_equal(binary_cross_entropy(big, f32([1], [0], [1], [0])), np.zeros(4))
    wrong = binary_cross_entropy(big, f32([0], [1], [0], [1]))
    np.testing.assert_allclose(wrong, [1e4, 1e4, 1e30, 1e30], rtol=1e-6)
    rows = f32([1e4, -1e4, -1e4], [1e4, -1e4, -1e4])
    np.testing.assert_array_equal(softmax_cross_entropy(rows, f32([1, 0, 0], [0, 1, 0])), [0, 2e4])
    by_label = softmax_cross_entropy_with_integer_labels(rows, np.array([0, 1], np.int32))
    np.testing.assert_array_equal(by_label, [0, 2e4])


@pytest.mark.parametrize("loss", SAME_SHAPE)
@pytest.mark.parametrize("dtype", [jnp.bool_, jnp.int32, jnp.uint8, jnp.bfloat16])
def test_targets_are_read_in_the_dtype_of_the_outputs(loss, dtype):
    v, y = f32([0.5, -1, 2], [2, 0.25, -2]), f32([0, 1, 0], [1, 0, 0])
    result = loss(v, y.astype(dtype))
    assert result.dtype == v.dtype
    np.testing.assert_array_equal(result, loss(v, y))


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint8, jnp.int16])
def test_labels_may_be_any_integers(dtype):
    logits = np.log(f32([1, 2, 5], [1, 2, 5]))
    loss = softmax_cross_entropy_with_integer_labels(logits, np.array([1, 2], dtype))
    np.testing.assert_allclose(loss, [np.log(4), np.log(8 / 5)], rtol=1e-6)


@pytest.mark.parametrize("loss", SAME_SHAPE)
def test_dtype_is_that_of_the_outputs(loss):
    y = f32(0, 1)
    assert jax.eval_shape(loss, np.zeros(2, jnp.bfloat16), y).dtype == jnp.bfloat16
    with jax.enable_x64(True):
        assert jax.eval_shape(loss, np.zeros(2), y).dtype == jnp.float64


@pytest.mark.parametrize("loss", SAME_SHAPE)
@pytest.mark.parametrize(
    ("v", "y", "fix"),
    [
        ((3, 1), (3,), "Reshape the target: y.reshape((3, 1))."),
        ((3,), (3, 1), "Reshape the target: y.reshape((3,))."),
        ((1, 3), (3, 1), "Reshape the target: y.reshape((1, 3))."),
        ((1,), (), "Reshape the target: y.reshape((1,))."),
        ((3, 2), (2,), "Is a batch axis missing on one side?"),
        ((2,), (3, 2), "Is a batch axis missing on one side?"),
        ((3, 2), (3, 1), "Is a batch axis missing on one side?"),
        ((3, 2), (), "Is a batch axis missing on one side?"),
        # To reshape (3, 2) to (2, 3) would mix the examples up.
        ((2, 3), (3, 2), "Is a batch axis missing on one side?"),
    ],
)
def test_losses_do_not_broadcast(loss, v, y, fix):
    with pytest.raises(ShapeError) as e:
        loss(zeros(*v), zeros(*y))
    assert str(e.value) == (
        f"{loss.__name__}: expected a target of the output's shape {v}, got {y}. Losses do not broadcast. {fix}"
    )


@pytest.mark.parametrize(
    ("logits", "labels"), [((2, 3), (2, 1)), ((2, 3), (3,)), ((2, 3), ()), ((2, 3), (2, 3)), ((3,), (1,))]
)
def test_labels_do_not_broadcast(logits, labels):
    with pytest.raises(ShapeError) as e:
        softmax_cross_entropy_with_integer_labels(zeros(*logits), zeros(*labels, dtype=np.int32))
    assert str(e.value) == (
        f"softmax_cross_entropy_with_integer_labels: expected labels {logits[:-1]} for logits {logits}, got {labels}. "
        "Losses do not broadcast."
    )


def test_a_choice_needs_an_axis():
    with pytest.raises(ShapeError) as e:
        softmax_cross_entropy(np.float32(0), np.float32(1))
    assert str(e.value) == "softmax_cross_entropy: expected logits (..., m), got a scalar."


def test_a_choice_by_number_needs_an_axis():
    """The labels () are what a scalar is told to have, and what it has."""
    with pytest.raises(ShapeError) as e:
        softmax_cross_entropy_with_integer_labels(np.float32(0), np.int32(0))
    assert str(e.value) == "softmax_cross_entropy_with_integer_labels: expected logits (..., m), got a scalar."


@pytest.mark.parametrize("loss", [*SAME_SHAPE, softmax_cross_entropy_with_integer_labels])
@pytest.mark.parametrize("dtype", [jnp.int32, jnp.bool_])
def test_outputs_that_are_not_floating_are_refused(loss, dtype):
    with pytest.raises(TypeError) as e:
        loss(zeros(2, 3, dtype=dtype), zeros(2, 3))
    assert str(e.value) == (
        f"{loss.__name__}: expected floating outputs, got {jnp.dtype(dtype).name}. Is the target passed first?"
    )


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bool_])
def test_labels_that_are_not_integers_are_refused(dtype):
    with pytest.raises(TypeError) as e:
        softmax_cross_entropy_with_integer_labels(zeros(2, 3), zeros(2, dtype=dtype))
    assert str(e.value) == (
        f"softmax_cross_entropy_with_integer_labels: expected integer labels, got {jnp.dtype(dtype).name}. "
        "For one-hot use softmax_cross_entropy."
    )


def test_shapes_are_checked_without_jit_too():
    with pytest.raises(ShapeError, match=r"^squared_error: expected a target of the output's shape \(3, 1\), got"):
        jaxnet.squared_error(zeros(3, 1), zeros(3))


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_gives_nan_and_the_others_are_untouched(label):
    found = softmax_cross_entropy_with_integer_labels(zeros(2, 3), np.array([label, 2], np.int32))
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1], np.log(3), rtol=1e-6)
