"""The incremental step: by hand, against Optax, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet import Neuron, ShapeError, sgd_step


def f32(*rows):
    return np.array(rows, np.float32)


def filled(tree):
    """A tree of arrays from a tree of shapes: a plain tuple of integers is a shape."""
    return jax.tree.map(
        lambda shape: np.ones(shape, np.float32),
        tree,
        is_leaf=lambda t: type(t) is tuple and all(type(n) is int for n in t),
    )


def test_a_step_by_hand():
    params = {"w": f32(1, 2), "b": (f32(3),)}
    gradient = {"w": f32(10, -10), "b": (f32(0.5),)}
    new = sgd_step(params, gradient, 0.5)
    np.testing.assert_array_equal(new["w"], [-4, 7])
    np.testing.assert_array_equal(new["b"][0], [2.75])
    np.testing.assert_array_equal(sgd_step(params, gradient, -1)["w"], [11, -8])
    np.testing.assert_array_equal(sgd_step(params, gradient, 0)["w"], [1, 2])


def test_a_step_keeps_the_kind_of_tree():
    params = Neuron(f32([1, 2]), f32(4))
    new = sgd_step((params, None), (params, None), 0.25)
    assert jax.tree.structure(new) == jax.tree.structure((params, None))
    np.testing.assert_array_equal(new[0].w, [[0.75, 1.5]])


def test_a_step_is_that_of_optax_sgd():
    params, gradient = Neuron(f32([1, -2]), f32(0.3)), Neuron(f32([0.1, 5]), f32(1))
    updates, _ = optax.sgd(0.1).update(gradient, optax.sgd(0.1).init(params))
    jax.tree.map(np.testing.assert_array_equal, sgd_step(params, gradient, 0.1), optax.apply_updates(params, updates))


def test_the_step_size_may_be_traced():
    params, gradient = f32(1, 2), f32(10, -10)
    np.testing.assert_array_equal(jax.jit(sgd_step)(params, gradient, 0.5), [-4, 7])
    many = jax.jit(jax.vmap(sgd_step, in_axes=(None, None, 0)))(params, gradient, f32(0, 0.5))
    np.testing.assert_array_equal(many, [[1, 2], [-4, 7]])
    slope = jax.jit(jax.jacobian(sgd_step, argnums=2))(params, gradient, 0.5)
    np.testing.assert_array_equal(slope, [-10, 10])


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float32])
@pytest.mark.parametrize("step_size", [0.5, np.float64(0.5), np.float32(0.5), jnp.bfloat16(0.5)])
def test_a_step_keeps_the_dtype_of_the_parameters(dtype, step_size):
    new = sgd_step(f32(1, 2).astype(dtype), f32(1, -2), step_size)
    assert new.dtype == dtype
    np.testing.assert_array_equal(np.asarray(new, np.float32), [0.5, 3])


def test_a_step_in_float64_has_the_step_size_in_float64():
    with jax.enable_x64(True):
        new = sgd_step(np.array([1.0, 2.0]), np.array([3.0, -3.0]), 0.1)
        np.testing.assert_array_equal(new, [1 - 0.1 * 3.0, 2 + 0.1 * 3.0])


@pytest.mark.parametrize(
    ("params", "gradient", "message"),
    [
        ({"w": (2,)}, {"w": (3,)}, "(2,) for parameter ['w'], got (3,)."),
        ({"w": (2, 1)}, {"w": (2,)}, "(2, 1) for parameter ['w'], got (2,)."),
        (((), (2,)), ((), ()), "(2,) for parameter [1], got ()."),
        (Neuron((2,), ()), Neuron((2,), (1,)), "() for parameter .b, got (1,)."),
        ((2,), (3,), "(2,) for the parameter, got (3,)."),
        ([Neuron((2,), ())], [Neuron((1,), ())], "(2,) for parameter [0].w, got (1,)."),
    ],
)
def test_gradients_of_other_shapes_are_refused(params, gradient, message):
    with pytest.raises(ShapeError) as e:
        sgd_step(filled(params), filled(gradient), 0.1)
    assert str(e.value) == f"sgd_step: expected a gradient of shape {message}"


def test_the_step_size_is_a_scalar():
    with pytest.raises(ShapeError) as e:
        sgd_step(np.ones(2, np.float32), np.ones(2, np.float32), np.ones(2, np.float32))
    assert str(e.value) == "sgd_step: expected a scalar step size, got shape (2,)."


@pytest.mark.parametrize(
    ("params", "gradient"),
    [
        ({"w": (2,)}, {"v": (2,)}),
        ([(2,)], [(2,), (2,)]),
        ({"w": (2,)}, [(2,)]),
        ({"w": (2,)}, {"w": None}),
        (Neuron((2,), ()), (2,)),
        # Here to stack the gradient would give the shape of the parameter.
        ((2,), Neuron((), ())),
        ({"w": (2, 3)}, {"w": [(3,), (3,)]}),
    ],
)
def test_trees_that_differ_are_refused(params, gradient):
    params, gradient = filled(params), filled(gradient)
    with pytest.raises(ShapeError) as e:
        sgd_step(params, gradient, 0.1)
    assert str(e.value) == (
        f"sgd_step: expected a gradient of the parameters' structure {jax.tree.structure(params)}, "
        f"got {jax.tree.structure(gradient)}."
    )


def test_integer_parameters_do_not_stand_still_in_silence():
    """0.1 in int32 is 0: nothing would move and nothing would be said."""
    with pytest.raises(TypeError) as e:
        sgd_step({"w": np.array([1, 2], np.int32)}, {"w": f32(10, 10)}, 0.1)
    assert str(e.value) == "sgd_step: expected floating or complex parameters, got int32 for parameter ['w']."


def test_a_complex_step_goes_down_the_conjugate():
    """|z|^2 has the gradient 2 conj(z) in JAX, and goes to 0 in one step of 1/2."""
    z = np.array([1 + 2j, -3j], np.complex64)
    new = sgd_step(z, jax.grad(lambda z: jnp.sum(jnp.abs(z) ** 2))(z), 0.5)
    assert new.dtype == np.complex64
    np.testing.assert_allclose(new, [0, 0], atol=1e-6)
    np.testing.assert_array_equal(sgd_step(z, np.ones(2, np.float32), 1), [2j, -1 - 3j])


def test_a_complex_gradient_of_a_real_parameter_is_refused():
    with pytest.raises(TypeError) as e:
        sgd_step({"w": f32(1)}, {"w": np.array([1j], np.complex64)}, 0.1)
    assert str(e.value) == ("sgd_step: expected a real gradient for parameter ['w'], which is float32, got complex64.")
