"""Errors and margins by hand, against Optax and NumPy; and what all losses have in common: they do not broadcast."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special

import jaxnet
from jaxnet import ShapeError

# Compiled whole, one compilation a shape; they keep their names, and refuse when traced.
squared_error = jax.jit(jaxnet.squared_error)
binary_cross_entropy = jax.jit(jaxnet.binary_cross_entropy)
softmax_cross_entropy = jax.jit(jaxnet.softmax_cross_entropy)
softmax_cross_entropy_with_integer_labels = jax.jit(jaxnet.softmax_cross_entropy_with_integer_labels)
absolute_error = jax.jit(jaxnet.absolute_error)
huber = jax.jit(jaxnet.huber)
hinge = jax.jit(jaxnet.hinge)
binary_cross_entropy_from_probabilities = jax.jit(jaxnet.binary_cross_entropy_from_probabilities)
softmax_cross_entropy_from_probabilities = jax.jit(jaxnet.softmax_cross_entropy_from_probabilities)

PER_OUTPUT = [squared_error, absolute_error, huber, hinge, binary_cross_entropy]
PER_OUTPUT += [binary_cross_entropy_from_probabilities]
A_CHOICE = [softmax_cross_entropy, softmax_cross_entropy_from_probabilities]
SAME_SHAPE = PER_OUTPUT + A_CHOICE
ARRAYS = hnp.arrays(np.float32, (5, 3), elements=st.floats(-30, 30, width=32, allow_subnormal=False))
LN2 = 0.6931471805599453


def f32(*rows):
    return np.array(rows, np.float32)


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


def test_squared_error_by_hand():
    v, y = f32([1, 2], [0, -1]), f32([4, -2], [0, 0])
    np.testing.assert_array_equal(squared_error(v, y), [(9 + 16) / 2, 0.5])
    assert squared_error(np.float32(3), np.float32(1)) == 2


@pytest.mark.parametrize(
    ("loss", "output", "value"),
    [
        (squared_error, 1, 0.5),
        (absolute_error, 1, 1),
        (huber, 1, 0.5),
        (hinge, 1, 2),
        (binary_cross_entropy, 0, LN2),
        (binary_cross_entropy_from_probabilities, 0.5, LN2),
    ],
)
def test_one_value_per_example(loss, output, value):
    """An output against the target 0: off by one, or saying nothing. All shapes in one program."""
    shapes = [(), (3,), (2, 3), (4, 2, 3), (0, 3)]
    outputs = [np.full(shape, output, np.float32) for shape in shapes]
    found = jax.jit(lambda outputs: [loss(v, zeros(*v.shape)) for v in outputs])(outputs)
    for each, shape in zip(found, shapes, strict=True):
        assert each.shape == shape[:-1]
        n_outputs = shape[-1] if shape else 1
        np.testing.assert_allclose(each, n_outputs * value, rtol=1e-6)


GRADIENT = jax.jit(jax.grad(lambda v, y: jaxnet.squared_error(v, y).sum()))
L2_LOSS = jax.jit(lambda v, y: optax.l2_loss(v, y).sum(axis=-1))


@hypothesis.given(ARRAYS, ARRAYS)
def test_gradient_of_the_squared_error_is_v_minus_y(v, y):
    np.testing.assert_allclose(GRADIENT(v, y), v - y, rtol=1e-6)


@hypothesis.given(ARRAYS, ARRAYS)
def test_squared_error_is_the_sum_of_optax_l2_loss(v, y):
    np.testing.assert_allclose(squared_error(v, y), L2_LOSS(v, y), rtol=1e-6)


def test_absolute_error_by_hand():
    v, y = f32([1, 2], [0, -1], [5, 5]), f32([4, -2], [0, 0], [5, 5])
    np.testing.assert_array_equal(absolute_error(v, y), [3 + 4, 1, 0])
    gradient = jax.jit(jax.grad(lambda v: jaxnet.absolute_error(v, y).sum()))(v)
    np.testing.assert_array_equal(gradient, [[-1, 1], [0, -1], [0, 0]])


@hypothesis.given(ARRAYS, ARRAYS, st.sampled_from([0.25, 1, 4.0]))
def test_huber_against_scipy_and_its_gradient_is_clipped(v, y, delta):
    e = v.astype(np.float64) - y
    np.testing.assert_allclose(huber(v, y, delta), scipy.special.huber(delta, e).sum(axis=-1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(HUBER_GRADIENT(v, y, delta), np.clip(e, -delta, delta), rtol=1e-5, atol=1e-5)


HUBER_GRADIENT = jax.jit(jax.grad(lambda v, y, delta: jaxnet.huber(v, y, delta).sum()))


def test_huber_at_the_corner_and_far_away():
    v = f32([-1], [1], [1e30], [0])
    np.testing.assert_allclose(huber(v, zeros(4, 1)), [0.5, 0.5, 1e30, 0], rtol=1e-6)
    np.testing.assert_array_equal(HUBER_GRADIENT(v, zeros(4, 1), 1.0), [[-1], [1], [1], [0]])
    half = jax.eval_shape(huber, np.ones(2, jnp.bfloat16), zeros(2), np.float32(2))
    assert half.dtype == jnp.bfloat16


@pytest.mark.parametrize("delta", [0, -1.0, float("inf"), float("nan"), np.float32(-1)])
def test_huber_refuses_a_delta_that_is_not_positive(delta):
    with pytest.raises(ValueError, match=r"^huber: expected a positive, finite delta, got .*\.$") as e:
        jaxnet.huber(zeros(2), zeros(2), delta)
    assert str(e.value) == f"huber: expected a positive, finite delta, got {delta!r}."


def test_huber_does_not_broadcast_its_delta():
    with pytest.raises(ShapeError) as e:
        huber(zeros(2), zeros(2), np.ones(2, np.float32))
    assert str(e.value) == "huber: expected one delta for all outputs, got (2,). Losses do not broadcast."


def test_hinge_by_hand():
    """With the signs + - + - on 2, 2, 1, -1/2 the margins are 2, -2, 1, 1/2."""
    logits, y = f32([2, 2], [1, -0.5]), np.array([[True, False], [True, False]])
    np.testing.assert_array_equal(hinge(logits, y), [3, 0.5])
    gradient = jax.jit(jax.grad(lambda z: jaxnet.hinge(z, y).sum()))(logits)
    np.testing.assert_array_equal(gradient, [[0, 1], [-0.5, 1]])
    far = hinge(f32([1e30], [-np.inf], [np.inf]), f32([0], [1], [1]))
    np.testing.assert_array_equal(far, np.array([1e30, np.inf, 0], np.float32))


@pytest.mark.parametrize("target", [-1, 0.5, 2, np.nan])
def test_hinge_of_a_target_that_is_not_boolean_is_nan_and_the_others_are_untouched(target):
    np.testing.assert_array_equal(hinge(f32([0], [3]), f32([target], [0])), [np.nan, 4])


@pytest.mark.parametrize("loss", SAME_SHAPE)
def test_targets_are_read_in_the_dtype_of_the_outputs(loss):
    v, y = f32([0.5, 0.25, 0.75], [0.125, 0.25, 0.5]), f32([0, 1, 0], [1, 0, 0])
    targets = [y.astype(dtype) for dtype in (jnp.float32, jnp.bool_, jnp.int32, jnp.uint8, jnp.bfloat16)]
    expected, *others = jax.jit(lambda v, targets: [loss(v, y) for y in targets])(v, targets)
    for result in others:
        assert result.dtype == v.dtype
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("loss", SAME_SHAPE)
def test_dtype_is_that_of_the_outputs(loss):
    y = f32(0, 1)
    assert jax.eval_shape(jax.grad(loss), np.zeros(2, jnp.bfloat16), y).dtype == jnp.bfloat16
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


@pytest.mark.parametrize("loss", [*SAME_SHAPE, softmax_cross_entropy_with_integer_labels])
@pytest.mark.parametrize("dtype", [jnp.int32, jnp.bool_])
def test_outputs_that_are_not_floating_are_refused(loss, dtype):
    with pytest.raises(TypeError) as e:
        loss(zeros(2, 3, dtype=dtype), zeros(2, 3))
    assert str(e.value) == (
        f"{loss.__name__}: expected floating outputs, got {jnp.dtype(dtype).name}. Is the target passed first?"
    )


def test_shapes_are_checked_without_jit_too():
    with pytest.raises(ShapeError, match=r"^squared_error: expected a target of the output's shape \(3, 1\), got"):
        jaxnet.squared_error(zeros(3, 1), zeros(3))


@pytest.mark.parametrize(
    "loss", [hinge, binary_cross_entropy, binary_cross_entropy_from_probabilities, *A_CHOICE], ids=lambda f: f.__name__
)
def test_impossible_targets_are_not_numbers(loss):
    """Labels of -1 and 1 would train a cross-entropy to minus infinity."""
    p = f32([0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    found = loss(p, f32([1, 0], [1, -1], [2, -1], [np.nan, 1]))
    assert np.isfinite(found).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (hinge, f32([1, 0], [-1, 1])),
        (binary_cross_entropy, f32([1, 0], [-1, 1])),
        (softmax_cross_entropy, f32([1, 0], [1, 1])),
        (softmax_cross_entropy_from_probabilities, f32([1, 0], [1, 1])),
        (softmax_cross_entropy_with_integer_labels, np.array([0, -1])),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_impossible_targets_stop_a_run_unless_they_are_masked(loss, targets):
    """A NaN from `where` alone has the gradient 0: the run would go on with the other examples, and say nothing."""
    x = f32([0.25, 0.5], [0.5, 0.75])
    rule = jaxnet.gradient_descent(lambda shift, batch: loss(batch[0] + shift, batch[1]).mean(), optax.adam(0.1))
    with pytest.raises(jaxnet.DivergedError, match="loss is nan at step 1"):
        jaxnet.fit(rule, np.float32(0.125), (x, targets), steps=2, key=jax.random.key(0), progress=False)

    def masked(shift, mask):
        return jaxnet.masked_mean(loss(x + shift, targets), mask)

    assert np.isfinite(jax.jit(jax.grad(masked))(np.float32(0.125), np.array([True, False])))


def test_complex_targets_are_refused():
    with pytest.raises(TypeError) as e:
        squared_error(f32(1), np.array([1j], np.complex64))
    assert str(e.value) == (
        "squared_error: expected real targets, got complex64. Take a loss of the distance, jnp.abs(v - y)."
    )
