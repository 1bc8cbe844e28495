"""Activations against SciPy in float64, closed forms and JAX's own objects."""

import copy
import functools

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import jaxnet
from jaxnet import (
    PerUnit,
    ShapeError,
    SurrogateStep,
    clipped_straight_through_step,
    identity,
    per_unit,
    relu,
    sigmoid,
    step,
    straight_through_step,
    surrogate_step,
    tanh,
)
from jaxnet.networks import activations

EXTREMES = np.array([-1e4, -np.inf, 1e4, np.inf, np.nan], np.float32)


def test_sigmoid_by_hand():
    z = np.log(np.array([1 / 3, 1, 3, 9], np.float32))
    np.testing.assert_allclose(sigmoid(z), [0.25, 0.5, 0.75, 0.9], rtol=1e-6)
    assert sigmoid(np.float32(0)) == 0.5


@hypothesis.given(st.floats(-80, 80, width=32))
def test_sigmoid_against_scipy_in_float64(z):
    np.testing.assert_allclose(sigmoid(np.float32(z)), scipy.special.expit(np.float64(z)), rtol=2e-6)


def test_sigmoid_in_float64():
    z = np.linspace(-700, 40, 500)
    with jax.enable_x64(True):
        y = sigmoid(jnp.asarray(z))
        assert y.dtype == jnp.float64
        np.testing.assert_allclose(y, scipy.special.expit(z), rtol=1e-13)


def test_sigmoid_is_stable_at_the_extremes():
    np.testing.assert_array_equal(sigmoid(EXTREMES), [0, 0, 1, 1, np.nan])


def test_derivative_of_sigmoid_is_stable_at_the_extremes():
    first = jax.grad(sigmoid)
    for derivative in (first, jax.grad(first)):
        np.testing.assert_array_equal(jax.jit(jax.vmap(derivative))(EXTREMES), [0, 0, 0, 0, np.nan])


def test_derivative_of_sigmoid_against_finite_differences():
    z, h = np.linspace(-6, 6, 25), 1e-5
    numerical = (scipy.special.expit(z + h) - scipy.special.expit(z - h)) / (2 * h)
    with jax.enable_x64(True):
        np.testing.assert_allclose(jax.vmap(jax.grad(sigmoid))(jnp.asarray(z)), numerical, rtol=1e-8)


def test_derivative_of_sigmoid_at_zero_is_a_quarter():
    assert jax.grad(sigmoid)(0.0) == 0.25


@hypothesis.given(st.floats(-1e4, 1e4, width=32))
def test_sigmoid_is_symmetric_about_one_half(z):
    z = np.float32(z)
    np.testing.assert_allclose(float(sigmoid(-z)), 1 - float(sigmoid(z)), rtol=0, atol=2**-23)


def test_sigmoid_never_falls():
    y = np.asarray(sigmoid(np.linspace(-120, 120, 10_001, dtype=np.float32)))
    assert (np.diff(y) >= 0).all()
    assert (y >= 0).all()
    assert (y <= 1).all()


def test_sigmoid_rounds_to_one_from_about_17():
    """1 - sigma(z) is about e^-z, and half of the gap of float32 below 1 is 2^-25: ln 2^25 = 17.3."""
    assert sigmoid(np.float32(16)) < 1
    assert sigmoid(np.float32(18)) == 1


STEPS = [straight_through_step, clipped_straight_through_step, surrogate_step(), surrogate_step(tanh, 0.5)]


@pytest.mark.parametrize("f", [sigmoid, step, *STEPS, per_unit([sigmoid, step, *STEPS[1:3], tanh])])
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64])
def test_shape_and_dtype_are_kept(f, dtype):
    with jax.enable_x64(True):
        z = np.zeros((2, 5), dtype)
        assert jax.eval_shape(f, z) == jax.ShapeDtypeStruct((2, 5), dtype)
        assert jax.eval_shape(jax.grad(lambda z: f(z).sum()), z) == jax.ShapeDtypeStruct((2, 5), dtype)


@hypothesis.given(st.floats(-80, 80, width=32), st.sampled_from([0.0, 0.5, 1, 4.0, -2.0]))
def test_sigmoid_with_a_gain_against_scipy(z, gain):
    expected = scipy.special.expit(np.float64(gain) * np.float64(np.float32(z)))
    np.testing.assert_allclose(sigmoid(np.float32(z), gain), expected, rtol=2e-6, atol=1e-38)


def test_sigmoid_with_a_gain_for_each_unit():
    z, gain = np.array([[1, 1, 1], [-1, 0, 2]], np.float32), np.array([0, 2, 1000], np.float32)
    expected = scipy.special.expit(z * gain.astype(np.float64))
    np.testing.assert_allclose(jax.jit(sigmoid)(z, gain), expected, rtol=1e-6)
    np.testing.assert_allclose(sigmoid(z, gain.astype(np.int32)), expected, rtol=1e-6)
    assert sigmoid(z.astype(jnp.bfloat16), gain).dtype == jnp.bfloat16


def test_derivatives_of_sigmoid_with_a_gain():
    """By z it is gain s (1 - s), by the gain z s (1 - s); far out both are 0, whatever overflows."""
    z, gain = np.float32(0.5), np.float32(3)
    s = scipy.special.expit(1.5)
    found = jax.grad(sigmoid, argnums=(0, 1))(z, gain)
    np.testing.assert_allclose(found, [3 * s * (1 - s), 0.5 * s * (1 - s)], rtol=1e-6)
    for z in (-1e30, 1e30):
        np.testing.assert_array_equal(jax.grad(sigmoid, argnums=(0, 1))(np.float32(z), np.float32(1e30)), [0, 0])


@pytest.mark.parametrize(("z", "gain"), [((2, 3), (2,)), ((2, 3), (2, 3)), ((2, 3), (1,)), ((), (1,)), ((3,), (1, 3))])
def test_a_gain_is_one_or_one_a_unit(z, gain):
    with pytest.raises(ShapeError) as e:
        sigmoid(np.zeros(z, np.float32), np.ones(gain, np.float32))
    assert str(e.value) == f"sigmoid: expected one gain, or one per unit {z[-1:]} for pre-activations {z}, got {gain}."


def test_sigmoid_refuses_integers():
    with pytest.raises(TypeError) as e:
        sigmoid(jnp.array([0, 1]))
    assert str(e.value) == "sigmoid: expected floating pre-activations, got int32. Convert them: z.astype(float)."


def test_step_fires_at_zero_of_either_sign():
    z = np.array([-np.inf, -1, -1e-30, -0.0, 0, 1e-30, 1, np.inf], np.float32)
    np.testing.assert_array_equal(step(z), [0, 0, 0, 1, 1, 1, 1, 1])


def test_step_keeps_nan():
    np.testing.assert_array_equal(step(np.array([np.nan, -np.nan, 1], np.float32)), [np.nan, np.nan, 1])


def test_derivative_of_step_is_zero():
    z = np.array([-np.inf, -2, -0.0, 0, 1e-30, 2, np.inf], np.float32)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.grad(step)))(z), np.zeros(7))
    _, tangent = jax.jvp(step, (z,), (np.ones(7, np.float32),))
    np.testing.assert_array_equal(tangent, np.zeros(7))


def test_derivative_of_step_is_zero_at_nan_too():
    """NaN passes, its derivative does not."""
    assert jax.grad(step)(np.float32(np.nan)) == 0


@hypothesis.given(st.floats(-8, 8, width=32), st.sampled_from([1.0, 4.0, 64.0, 1024.0]))
def test_step_is_the_limit_of_a_steep_sigmoid(z, gain):
    """|sigma(g z) - [z >= 0]| = 1 / (1 + e^(g |z|)), which is under e^(-g |z|) and goes to 0 for z != 0."""
    z = np.float32(z)
    distance = abs(float(sigmoid(np.float32(gain) * z)) - float(step(z)))
    assert distance <= np.exp(-gain * abs(float(z))) + 2**-23


def test_at_zero_the_sigmoid_is_one_half_whatever_the_gain():
    np.testing.assert_array_equal(sigmoid(np.array([1, 1e4, 1e30], np.float32) * 0), [0.5, 0.5, 0.5])


Z = np.array([-np.inf, -2, -1, -0.5, -0.0, 0, 1e-30, 0.5, 1, 2, np.inf], np.float32)


@pytest.mark.parametrize("f", STEPS)
def test_a_step_with_another_derivative_has_the_values_of_the_step(f):
    np.testing.assert_array_equal(jax.jit(f)(Z), step(Z))
    np.testing.assert_array_equal(jax.vmap(jax.value_and_grad(f))(Z)[0], step(Z))
    assert np.isnan(f(np.float32(np.nan)))


@pytest.mark.parametrize(
    ("f", "derivative", "second"),
    [
        (straight_through_step, np.ones_like, np.zeros_like),
        (clipped_straight_through_step, lambda z: abs(z) <= 1, np.zeros_like),
        (surrogate_step(tanh), lambda z: 1 - np.tanh(z) ** 2, lambda z: -2 * np.tanh(z) * (1 - np.tanh(z) ** 2)),
        (
            surrogate_step(sigmoid, gain=4.0),
            lambda z: 4 * scipy.special.expit(4 * z) * scipy.special.expit(-4 * z),
            lambda z: -16 * scipy.special.expit(4 * z) * scipy.special.expit(-4 * z) * np.tanh(2 * z),
        ),
    ],
)
def test_derivatives_are_those_of_the_surrogate(f, derivative, second):
    """In reverse and in forward mode, first and second; those of z f(z) are f + z f' and 2 f' + z f''."""
    z = Z[1:-1]
    wide = z.astype(np.float64)

    def product(z):
        return z * f(z)

    @jax.jit
    @jax.vmap
    def derivatives(z):
        modes = jax.grad(jax.grad(product)), jax.jacfwd(jax.grad(product)), jax.jacfwd(jax.jacfwd(product))
        return jax.grad(f)(z), jax.jacfwd(f)(z), jax.grad(jax.grad(f))(z), jax.grad(product)(z), [g(z) for g in modes]

    reverse, forward, twice, of_product, twice_of_product = derivatives(z)
    np.testing.assert_allclose(reverse, derivative(wide), rtol=1e-4)
    np.testing.assert_allclose(forward, reverse, rtol=1e-6)
    np.testing.assert_allclose(twice, second(wide), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(of_product, (wide >= 0) + wide * derivative(wide), rtol=1e-5, atol=1e-6)
    for found in twice_of_product:
        np.testing.assert_allclose(found, 2.0 * derivative(wide) + wide * second(wide), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("f", STEPS)
def test_far_from_the_threshold_the_derivative_is_finite(f):
    assert np.isfinite(jax.vmap(jax.grad(f))(Z)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "always"), [(surrogate_step(sigmoid, gain=2.0), True), (step, False)])
def test_a_network_of_steps_learns_xor_through_a_surrogate(activation, always):
    """From 50 beginnings; with `step` the hidden units stay as they began, which is good enough for some of them."""
    x = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    y = np.array([[0], [1], [1], [0]], np.float32)
    net = jaxnet.mlp([2, 8, 1], [activation, identity])

    def loss(params):
        return jaxnet.binary_cross_entropy(net.apply(params, x), y).mean()

    @jax.jit
    @jax.vmap
    def learned(key):
        def descend(_, params):
            return jaxnet.sgd_step(params, jax.grad(loss)(params), 0.5)

        params = jax.lax.fori_loop(0, 2000, descend, net.init(key))
        return ((net.apply(params, x) > 0) == (y > 0)).all()

    found = learned(jax.random.split(jax.random.key(0), 50))
    assert found.all() == always
    assert found.any()


def test_surrogate_steps_made_alike_are_the_same_activation():
    f, again = surrogate_step(sigmoid, gain=4), surrogate_step(sigmoid, gain=4.0)
    assert f == again
    assert hash(f) == hash(again)
    assert f != surrogate_step(sigmoid, gain=2.0)
    assert f != surrogate_step(tanh, gain=4.0)
    assert isinstance(f, SurrogateStep)
    assert repr(f) == "surrogate_step(sigmoid, gain=4)"
    assert repr(jaxnet.layer(2, 3, f)) == "Network(2 -> 3 surrogate_step(sigmoid, gain=4))"
    assert repr(surrogate_step(functools.partial(sigmoid, gain=2))) == "surrogate_step(sigmoid(gain=2), gain=1)"


def traces(activations):
    """How often a function with a static activation is traced for these, one after another."""
    count = 0

    @functools.partial(jax.jit, static_argnums=1)
    def f(z, activation):
        nonlocal count
        count += 1
        return activation(z)

    for activation in activations:
        f(np.zeros(3, np.float32), activation)
    return count


def test_activations_made_anew_compile_once():
    assert traces(surrogate_step(tanh, 2.0) for _ in range(3)) == 1
    assert traces(per_unit([sigmoid, surrogate_step(tanh, 2.0), step]) for _ in range(3)) == 1
    assert traces([surrogate_step(tanh, 2.0), surrogate_step(tanh, 3.0)]) == 2


@pytest.mark.parametrize("gain", [0, -1.0, float("inf"), float("nan")])
def test_a_surrogate_wants_a_positive_gain(gain):
    with pytest.raises(ValueError, match=r"^surrogate_step: expected a positive, finite gain, got") as e:
        surrogate_step(sigmoid, gain)
    assert str(e.value) == f"surrogate_step: expected a positive, finite gain, got {gain}."


def test_a_surrogate_wants_a_plain_gain_and_a_function():
    with pytest.raises(TypeError) as e:
        jax.jit(lambda gain: surrogate_step(sigmoid, gain)(0.5))(2.0)
    assert str(e.value).startswith("surrogate_step: expected gain to be a plain number, got ")
    with pytest.raises(TypeError) as e:
        surrogate_step(4.0)
    assert str(e.value) == "surrogate_step: expected a function of z, such as jaxnet.sigmoid, got 4.0."


MIXED = [sigmoid, step, identity, sigmoid, tanh, step]


def reciprocal(z):
    return 1 / z


@pytest.mark.slow
@pytest.mark.parametrize("batch", [(), (4,), (2, 4), (0,)])
def test_per_unit_applies_each_to_its_unit(batch):
    z = np.random.default_rng(0).normal(size=(*batch, 6)).astype(np.float32)
    f = per_unit(MIXED)
    expected = np.stack([g(z[..., i]) for i, g in enumerate(MIXED)], axis=-1)
    np.testing.assert_allclose(jax.jit(f)(z), expected, rtol=1e-6)
    _, tangent = jax.jvp(f, (z,), (np.ones_like(z),))
    slopes = [jax.jvp(g, (z[..., i],), (np.ones_like(z[..., i]),))[1] for i, g in enumerate(MIXED)]
    np.testing.assert_allclose(tangent, np.stack(slopes, axis=-1), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(lambda z: f(z).sum())(z), tangent, rtol=1e-6)


@pytest.mark.slow
def test_derivatives_per_unit_in_every_mode():
    f, z = per_unit([tanh, identity, surrogate_step(tanh, 2.0)]), np.array([0.5, -0.25, 0.125], np.float32)
    singles = [tanh, identity, surrogate_step(tanh, 2.0)]
    first = np.diag([jax.grad(g)(v) for g, v in zip(singles, z, strict=True)])
    np.testing.assert_allclose(jax.jacrev(f)(z), first, rtol=1e-6)
    np.testing.assert_allclose(jax.jacfwd(f)(z), first, rtol=1e-6)
    second = [jax.grad(jax.grad(g))(v) for g, v in zip(singles, z, strict=True)]
    third = [jax.grad(jax.grad(jax.grad(g)))(v) for g, v in zip(singles, z, strict=True)]
    hessian = jax.hessian(f)(z)
    np.testing.assert_allclose(np.einsum("iii->i", hessian), second, rtol=1e-5)
    assert np.count_nonzero(hessian) == 2
    found = jax.jit(jax.jacrev(jax.hessian(f)))(z)
    np.testing.assert_allclose(np.einsum("iiii->i", found), third, rtol=1e-5)


@pytest.mark.parametrize("bad", [reciprocal, jnp.log, jnp.sqrt, lambda z: jnp.exp(1e4 * (1 - z))])
def test_what_is_not_selected_poisons_neither_value_nor_derivatives(bad):
    """At 0 these or their derivatives are infinite, and the first unit has nothing to do with them."""
    f, z = per_unit([identity, bad, sigmoid]), np.array([0, 1, 0], np.float32)

    @jax.jit
    def derivatives(z):
        reverse = jax.grad(lambda z: f(z).sum())
        forward = jax.jvp(f, (z,), (jnp.ones_like(z),))[1]
        return (
            f(z),
            reverse(z),
            forward,
            jax.grad(lambda z: reverse(z).sum())(z),
            jax.grad(bad)(z[1]),
            jax.grad(jax.grad(bad))(z[1]),
        )

    value, reverse, forward, second, slope, curvature = derivatives(z)
    np.testing.assert_allclose(value, [0, bad(np.float32(1)), 0.5])
    np.testing.assert_allclose(reverse, [1, slope, 0.25])
    np.testing.assert_allclose(forward, [1, slope, 0.25])
    np.testing.assert_allclose(second, [0, curvature, 0])


def test_per_unit_makes_canonical_kinds():
    f = per_unit(MIXED)
    assert f.functions == (sigmoid, step, identity, tanh)
    assert f.kinds == (0, 1, 2, 0, 3, 1)
    assert f == per_unit(iter(MIXED)) == PerUnit(f.functions, f.kinds)
    assert hash(f) == hash(per_unit(MIXED))
    assert f != per_unit(MIXED[::-1])
    assert repr(f) == "per_unit(2 sigmoid, 2 step, 1 identity, 1 tanh)"
    assert repr(jaxnet.layer(2, 6, f)) == f"Network(2 -> 6 {f!r})"


def test_per_unit_of_one_kind_is_that_function():
    z = np.linspace(-3, 3, 7, dtype=np.float32)
    f = per_unit([sigmoid] * 7)
    np.testing.assert_array_equal(f(z), sigmoid(z))
    np.testing.assert_array_equal(jax.grad(lambda z: f(z).sum())(z), jax.grad(lambda z: sigmoid(z).sum())(z))


def test_per_unit_survives_a_copy():
    f = per_unit([sigmoid, step])
    hash(f), f(np.zeros(2, np.float32))
    other = copy.deepcopy(f)
    assert other == f
    assert hash(other) == hash(f)
    assert vars(copy.deepcopy(f)).keys() == {"functions", "kinds"}


def test_per_unit_of_100_000_units_is_hashed_once():
    class Counted:
        hashes = 0

        def __call__(self, z):
            return z

        def __hash__(self):
            Counted.hashes += 1
            return 0

    f = PerUnit((relu, Counted()), (0, 1) * 50_000)
    for _ in range(3):
        hash(f)
    assert Counted.hashes == 1
    z = np.random.default_rng(0).normal(size=(2, 100_000)).astype(np.float32)
    y = np.asarray(jax.jit(f)(z))
    np.testing.assert_array_equal(y[:, ::2], np.maximum(z[:, ::2], 0))
    np.testing.assert_array_equal(y[:, 1::2], z[:, 1::2])


@pytest.mark.parametrize("shape", [(), (2,), (3, 4), (3, 1)])
def test_per_unit_wants_its_number_of_units(shape):
    with pytest.raises(ShapeError) as e:
        jax.jit(per_unit([sigmoid, step, sigmoid]))(np.zeros(shape, np.float32))
    assert str(e.value) == (
        "per_unit: expected pre-activations (..., 3), one for each activation of per_unit(2 sigmoid, 1 step), "
        f"got {shape}."
    )


def test_in_a_network_the_layer_is_named():
    net = jaxnet.mlp([2, 4, 1], [per_unit([sigmoid, step]), sigmoid])
    with pytest.raises(ShapeError) as e:
        net.apply(net.init(jax.random.key(0)), np.zeros(2, np.float32))
    assert str(e.value) == (
        "apply: layer 1 of 2 (2 -> 4 per_unit(1 sigmoid, 1 step)): per_unit: expected pre-activations (..., 2), "
        "one for each activation of per_unit(1 sigmoid, 1 step), got (4,)."
    )


def test_per_unit_refuses_nothing_and_what_is_not_a_function():
    with pytest.raises(ValueError, match=r"^per_unit: expected at least one activation, got none\.$"):
        per_unit([])
    with pytest.raises(TypeError) as e:
        per_unit([sigmoid, "relu"])
    assert str(e.value) == "per_unit: expected functions of z, such as jaxnet.sigmoid, got 'relu'."
    for kinds in ((0, 2), (-1, 0)):
        with pytest.raises(ValueError, match=r"^PerUnit: expected kinds in 0\.\.1, one for each unit\.$"):
            PerUnit((sigmoid, step), kinds)


@pytest.mark.parametrize("name", ["elu", "gelu", "identity", "leaky_relu", "relu", "silu", "softplus", "tanh"])
def test_the_others_are_the_objects_of_jax(name):
    assert getattr(jaxnet, name) is getattr(activations, name) is getattr(jax.nn, name)
