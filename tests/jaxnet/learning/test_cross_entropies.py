"""Cross-entropies by hand, against SciPy and NumPy; their limits, and what they refuse."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import jaxnet
from jaxnet import ShapeError

# Compiled whole, one compilation a shape; they keep their names, and refuse when traced.
binary_cross_entropy = jax.jit(jaxnet.binary_cross_entropy)
softmax_cross_entropy = jax.jit(jaxnet.softmax_cross_entropy)
softmax_cross_entropy_with_integer_labels = jax.jit(jaxnet.softmax_cross_entropy_with_integer_labels)
binary_cross_entropy_from_probabilities = jax.jit(jaxnet.binary_cross_entropy_from_probabilities)
softmax_cross_entropy_from_probabilities = jax.jit(jaxnet.softmax_cross_entropy_from_probabilities)

A_CHOICE = [softmax_cross_entropy, softmax_cross_entropy_from_probabilities]
ARRAYS = hnp.arrays(np.float32, (5, 3), elements=st.floats(-30, 30, width=32, allow_subnormal=False))
LABELS = hnp.arrays(np.int32, (5,), elements=st.integers(0, 2))
LN2 = 0.6931471805599453
INF = np.inf


def f32(*rows):
    return np.array(rows, np.float32)


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


def log_softmax(z):
    z = np.asarray(z, np.float64)
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


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


def test_one_value_per_example_of_a_choice():
    """One of three, each as likely."""
    batches = [(), (2,), (4, 2)]

    @jax.jit
    def losses(z):
        found = []
        for batch in batches:
            first = np.broadcast_to(f32(1, 0, 0), (*batch, 3))
            logits, p = jnp.full((*batch, 3), z), jnp.full((*batch, 3), z + np.float32(1 / 3))
            found.append(softmax_cross_entropy(logits, first))
            found.append(softmax_cross_entropy_from_probabilities(p, first))
            found.append(softmax_cross_entropy_with_integer_labels(logits, zeros(*batch, dtype=np.int32)))
        return found

    found = losses(np.float32(0))
    assert [each.shape for each in found] == [batch for batch in batches for _ in range(3)]
    for each in found:
        np.testing.assert_allclose(each, np.log(3), rtol=1e-6)


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


PROBABILITIES = hnp.arrays(np.float32, (5, 3), elements=st.floats(0, 1, width=32, allow_subnormal=False))
BINARY_GRADIENT = jax.jit(jax.grad(lambda p, y: jaxnet.binary_cross_entropy_from_probabilities(p, y).sum()))


@hypothesis.given(PROBABILITIES, PROBABILITIES)
def test_binary_cross_entropy_from_probabilities_against_scipy(p, y):
    wide, target = p.astype(np.float64), y.astype(np.float64)
    expected = -(scipy.special.xlogy(target, wide) + scipy.special.xlog1py(1 - target, -wide)).sum(axis=-1)
    np.testing.assert_allclose(binary_cross_entropy_from_probabilities(p, y), expected, rtol=1e-5)


@hypothesis.given(PROBABILITIES, hnp.arrays(np.bool_, (5, 3)))
def test_gradient_of_binary_cross_entropy_from_probabilities(p, y):
    """1 / (1 - p) where the target is 0 and -1 / p where it is 1; infinite, not NaN, where the loss is."""
    with np.errstate(divide="ignore"):
        expected = np.where(y, -1 / p.astype(np.float64), 1 / (1 - p.astype(np.float64)))
    np.testing.assert_allclose(BINARY_GRADIENT(p, y), expected, rtol=1e-5)


def test_binary_cross_entropy_at_certain_probabilities():
    p, y = f32([0], [1], [0], [1], [0], [1]), f32([0], [1], [1], [0], [0.5], [0.5])
    np.testing.assert_array_equal(binary_cross_entropy_from_probabilities(p, y), [0, 0, *[np.inf] * 4])
    np.testing.assert_array_equal(BINARY_GRADIENT(p, y)[:, 0], [1, -1, -np.inf, np.inf, -np.inf, np.inf])
    second = jax.jit(jax.vmap(jax.grad(jax.grad(jaxnet.binary_cross_entropy_from_probabilities))))(p[:2, 0], y[:2, 0])
    np.testing.assert_array_equal(second, [1, 1])


def test_binary_cross_entropy_keeps_small_probabilities():
    """-log(1 - 2^-40) is 2^-40 to float32, and log(1 - p) would say 0."""
    loss = binary_cross_entropy_from_probabilities(f32([2**-40], [2**-40]), f32([0], [1]))
    np.testing.assert_allclose(loss, [2.0**-40, 40 * LN2], rtol=1e-6)


@hypothesis.given(hnp.arrays(np.float32, (5, 3), elements=st.floats(-8, 8, width=32, allow_subnormal=False)), LABELS)
def test_cross_entropies_from_probabilities_agree_with_those_from_logits(logits, labels):
    y = np.eye(3, dtype=np.float32)[labels]
    binary = binary_cross_entropy_from_probabilities(jax.nn.sigmoid(logits), y)
    np.testing.assert_allclose(binary, binary_cross_entropy(logits, y), rtol=1e-3)
    choice = softmax_cross_entropy_from_probabilities(jax.nn.softmax(logits), y)
    np.testing.assert_allclose(choice, softmax_cross_entropy(logits, y), rtol=1e-4, atol=1e-6)


def test_softmax_cross_entropy_from_probabilities_by_hand():
    p, y = f32([0.25, 0.5, 0.25], [0, 0, 1], [0, 0, 1]), f32([0.5, 0.5, 0], [0, 0, 1], [1, 0, 0])
    np.testing.assert_allclose(softmax_cross_entropy_from_probabilities(p, y), [1.5 * LN2, 0, np.inf], rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda p: jaxnet.softmax_cross_entropy_from_probabilities(p, y).sum()))(p)
    np.testing.assert_array_equal(gradient, [[-2, -1, 0], [0, 0, -1], [-np.inf, 0, 0]])


@pytest.mark.parametrize("loss", [binary_cross_entropy_from_probabilities, softmax_cross_entropy_from_probabilities])
@pytest.mark.parametrize("p", [-0.25, 1.25, np.nan])
@pytest.mark.parametrize("y", [0, 1])
def test_what_is_no_probability_gives_nan(loss, p, y):
    found = loss(f32([p, 0.5], [0.5, 0.5]), f32([y, 1 - y], [1, 0]))
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


def test_huge_logits():
    big = f32([1e4], [-1e4], [1e30], [-1e30])
    np.testing.assert_array_equal(binary_cross_entropy(big, f32([1], [0], [1], [0])), np.zeros(4))
    wrong = binary_cross_entropy(big, f32([0], [1], [0], [1]))
    np.testing.assert_allclose(wrong, [1e4, 1e4, 1e30, 1e30], rtol=1e-6)
    rows = f32([1e4, -1e4, -1e4], [1e4, -1e4, -1e4])
    np.testing.assert_array_equal(softmax_cross_entropy(rows, f32([1, 0, 0], [0, 1, 0])), [0, 2e4])
    by_label = softmax_cross_entropy_with_integer_labels(rows, np.array([0, 1], np.int32))
    np.testing.assert_array_equal(by_label, [0, 2e4])


def test_labels_may_be_any_integers():
    logits = np.log(f32([1, 2, 5], [1, 2, 5]))
    labels = [np.array([1, 2], dtype) for dtype in (jnp.int32, jnp.uint8, jnp.int16)]
    losses = jax.jit(lambda z, labels: [softmax_cross_entropy_with_integer_labels(z, each) for each in labels])
    for loss in losses(logits, labels):
        np.testing.assert_allclose(loss, [np.log(4), np.log(8 / 5)], rtol=1e-6)


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


def test_a_choice_by_probabilities_needs_an_axis():
    with pytest.raises(ShapeError) as e:
        softmax_cross_entropy_from_probabilities(np.float32(0), np.float32(1))
    assert str(e.value) == "softmax_cross_entropy_from_probabilities: expected probabilities (..., m), got a scalar."


def test_a_choice_needs_an_axis():
    with pytest.raises(ShapeError) as e:
        softmax_cross_entropy(np.float32(0), np.float32(1))
    assert str(e.value) == "softmax_cross_entropy: expected logits (..., m), got a scalar."


def test_a_choice_by_number_needs_an_axis():
    """The labels () are what a scalar is told to have, and what it has."""
    with pytest.raises(ShapeError) as e:
        softmax_cross_entropy_with_integer_labels(np.float32(0), np.int32(0))
    assert str(e.value) == "softmax_cross_entropy_with_integer_labels: expected logits (..., m), got a scalar."


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bool_])
def test_labels_that_are_not_integers_are_refused(dtype):
    with pytest.raises(TypeError) as e:
        softmax_cross_entropy_with_integer_labels(zeros(2, 3), zeros(2, dtype=dtype))
    assert str(e.value) == (
        f"softmax_cross_entropy_with_integer_labels: expected integer labels, got {jnp.dtype(dtype).name}. "
        "For one-hot use softmax_cross_entropy."
    )


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_gives_nan_and_the_others_are_untouched(label):
    found = softmax_cross_entropy_with_integer_labels(zeros(2, 3), np.array([label, 2], np.int32))
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1], np.log(3), rtol=1e-6)


def test_infinite_logits_that_agree_with_their_targets():
    """The limits: ln 2 of two equal logits, whatever the third; 0 where all the probability is on the target."""
    logits, y = f32([0, 0, -INF], [INF, 0, 1], [0, -INF, -INF]), f32([1, 0, 0], [1, 0, 0], [1, 0, 0])
    labels = np.zeros(3, np.int32)

    @jax.jit
    def of_choices(logits):
        losses = (
            jaxnet.softmax_cross_entropy(logits, y),
            jaxnet.softmax_cross_entropy_with_integer_labels(logits, labels),
            jaxnet.softmax_cross_entropy_from_probabilities(jax.nn.softmax(f32(0, 0, -INF)), y[0])[None],
        )
        return jnp.concatenate(losses)

    np.testing.assert_allclose(of_choices(logits), [LN2, 0, 0, LN2, 0, 0, LN2], rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda z: of_choices(z).sum() / 2))(logits)
    np.testing.assert_allclose(gradient, [[-0.5, 0.5, 0], [0, 0, 0], [0, 0, 0]], atol=1e-7)

    values, gradient = jax.jit(jax.vmap(jax.value_and_grad(jaxnet.binary_cross_entropy)))(f32(INF, -INF), f32(1, 0))
    np.testing.assert_array_equal([values, gradient], np.zeros((2, 2)))


def test_infinite_logits_against_their_targets():
    assert binary_cross_entropy(f32(INF, -INF), f32(0, 0)) == INF
    np.testing.assert_array_equal(softmax_cross_entropy(f32([0, INF, 1], [0, -INF, 1]), f32([1, 0, 0], [0, 1, 0])), INF)
    np.testing.assert_array_equal(
        softmax_cross_entropy_with_integer_labels(f32([0, INF, 1], [0, -INF, 1]), np.array([0, 1])), INF
    )
    assert np.isnan(softmax_cross_entropy(f32(INF, INF, 0), f32(1, 0, 0)))  # infinity less infinity has no limit


@pytest.mark.parametrize("loss", A_CHOICE, ids=lambda f: f.__name__)
def test_targets_of_a_choice_sum_to_one(loss):
    p = f32([0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    found = loss(p, f32([0.3, 0.7], [0.304, 0.7], [1, 1], [0, 0]))
    assert np.isfinite(found).tolist() == [True, True, False, False]
    # 0.1 in bfloat16 is 0.10009765625, and 10 of them are within the tolerance.
    narrow = np.full(10, 0.1, jnp.bfloat16)
    assert np.isfinite(loss(narrow, narrow))


@pytest.mark.parametrize("p", [f32(-0.1, 0.5), f32(0.5, 1.1)])
def test_impossible_probabilities_are_not_numbers(p):
    for y in (f32(1, 0), f32(0, 1)):
        assert np.isnan(binary_cross_entropy_from_probabilities(p, y))
        assert np.isnan(softmax_cross_entropy_from_probabilities(p, y))


def test_probabilities_may_be_rounded_to_a_little_more_than_1():
    """As a mean of probabilities may be; a loss of 0 is no negative zero."""
    p, y = f32([1 + 2**-22, 0], [1, 0]), f32([1, 0], [1, 0])
    for loss in (binary_cross_entropy_from_probabilities, softmax_cross_entropy_from_probabilities):
        found = loss(p, y)
        np.testing.assert_array_equal(found, [0, 0])
        assert not np.signbit(found).any()
