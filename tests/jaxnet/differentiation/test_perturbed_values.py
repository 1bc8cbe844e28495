"""Values around a point, and where f leaves float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.differentiation.perturbed_values import perturbed


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def made(f, params, *args):
    leaves, structure = jax.tree.flatten(params)
    return perturbed(f, [np.asarray(leaf, float) for leaf in leaves], structure, args, np.random.default_rng(0))


def polynomial(p, x):
    return (p["a"] ** 2).sum() + p["b"] * x


PARAMS = {"a": [[1.0, -5.0], [0.0, 1e-9]], "b": 3.0}


def test_the_unit_is_a_power_of_two_no_smaller_than_the_parameter_or_one():
    found = made(polynomial, {"a": jnp.array([[1.0, -5.0], [0.0, 1e-9]]), "b": 3e8}, 2.0)
    np.testing.assert_array_equal(abs(found.unit), [1, 8, 1, 1, 2.0**29])
    assert set(np.sign(made(lambda p: p.sum(), np.zeros(50)).unit)) == {-1, 1}


def test_spans_move_one_entry_or_many():
    f = made(polynomial, {"a": jnp.array([[1.0, -5.0], [0.0, 1e-9]]), "b": 3.0}, np.float32(2))
    spans, steps = np.array([[0, 1], [4, 5], [0, 5]]), np.array([[0, 0.5], [0, -1], [0, 0.25]])
    expected = []
    for (start, stop), row in zip(spans, steps, strict=True):
        for step in row:
            moved = f.theta.copy()
            moved[start:stop] += step * f.unit[start:stop]
            expected.append((moved[:4] ** 2).sum() + 2 * moved[4])
    np.testing.assert_allclose(f.values(spans, steps).reshape(-1), expected, rtol=1e-14)
    np.testing.assert_allclose(f.gradient(), [2, -10, 0, 2e-9, 2])


@pytest.mark.parametrize("size", [1, 1000, 700_000])
def test_any_number_of_parameters(size):
    """One vector of 700,000 float64 is more than a chunk."""
    f = made(lambda p: p.sum(), np.ones(size))
    found = f.values(np.array([[0, 1], [0, size], [size - 1, size]]), np.array([[0.0, 1.0]] * 3))
    np.testing.assert_array_equal(found - size, [[0, f.unit[0]], [0, f.unit.sum()], [0, f.unit[-1]]])


def notes(f, *args):
    return made(f, np.ones(2), *args).notes


def test_what_leaves_float64_is_noted():
    half = "f rounds float64 to bfloat16: errors below 8e-03 of f are not seen."
    single = "f rounds float64 to float32: errors below 1e-07 of f are not seen."
    assert notes(lambda p: p.astype(jnp.float32).sum()) == (single,)
    assert notes(lambda p: p.astype(jnp.bfloat16).astype(float).sum()) == (half,)
    assert notes(jax.jit(lambda p: jax.lax.cond(p[0] > 0, lambda: jnp.float32(p[1]), lambda: jnp.float32(0)))) == (
        single,
    )
    assert made(lambda p: p.astype(jnp.float32).sum(), np.ones(2)).epsilon == 2.0**-23
    assert made(lambda p: p.sum(), np.ones(2)).epsilon == 2.0**-52


def test_enclosed_and_made_float32_arrays_lose_nothing():
    enclosed = jnp.ones(2, jnp.float32)
    assert notes(lambda p: (p * enclosed * jnp.array([0, 1], jnp.float32)).sum()) == ()
    assert notes(lambda p, x: (p * x).sum(), np.ones(2, np.float32)) == ()
    assert notes(lambda p, k: (p * (k > 0).astype(jnp.float32)).sum(), np.arange(2)) == ()


def test_several_outputs_are_projected():
    f = made(lambda p: {"a": p[0] * jnp.ones((2, 2)), "b": p[1]}, np.array([3.0, 5.0]))
    assert f.notes == ("f has 5 outputs: a random projection of them is checked.",)
    assert f.projection.shape == (5,)
    assert ((abs(f.projection) >= 0.5) & (abs(f.projection) <= 1.5)).all()
    expected = 3 * f.projection[:4].sum() + 5 * f.projection[4]
    np.testing.assert_allclose(f.values(np.array([[0, 1]]), np.array([[0.0]])), [[expected]])


def test_other_arguments_keep_their_types():
    seen = {}

    def f(p, *args):
        seen.update(enumerate(args))
        return p.sum()

    made(f, np.ones(1), np.float32(1), np.arange(3, dtype=np.int8), jax.random.key(0), "name", 3, None, len)
    assert seen[0].dtype == jnp.float64
    assert seen[1].dtype == jnp.int8
    assert jnp.issubdtype(seen[2].dtype, jax.dtypes.prng_key)
    assert [seen[i] for i in range(3, 7)] == ["name", 3, None, len]


def test_a_second_probe_of_the_same_function_traces_it_only_for_its_shapes():
    calls = []

    def f(p):
        calls.append(1)
        return (p**2).sum()

    for _ in range(2):
        before = len(calls)
        made(f, np.ones(3)).values(np.array([[0, 1]]), np.array([[0.0, 1.0]]))
    assert len(calls) - before == 1  # to look for what leaves float64


def test_outputs_that_are_refused():
    with pytest.raises(TypeError) as e:
        made(lambda p: p > 0, np.ones(2))
    assert str(e.value) == "check_gradients: expected real floating outputs, got bool."
    with pytest.raises(TypeError) as e:
        made(lambda p: p * 1j, np.ones(2))
    assert str(e.value) == "check_gradients: expected real floating outputs, got complex128."
    with pytest.raises(ValueError, match="no outputs") as e:
        made(lambda p: {}, np.ones(2))
    assert str(e.value) == "check_gradients: expected f to give a number, got no outputs."
