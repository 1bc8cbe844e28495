"""One neuron and its weighted sum against NumPy in float64, and what they refuse."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from jaxnet import Neuron, ShapeError, identity, neuron, pre_activation, sample, step, tanh

pytestmark = pytest.mark.usefixtures("optimised")  # samples are compared to the last bit

N, M = 4, 3
SUM, NEURON = jax.jit(pre_activation), jax.jit(neuron, static_argnums=2)
SAMPLE = jax.jit(sample, static_argnames="activation")
FLOATS = st.floats(-100, 100, width=32, allow_subnormal=False)


def weighted_sum(w, b, x):
    """The definition, in float64: z_i = sum_j w_ij x_j + b_i."""
    w, b, x = (np.asarray(a, np.float64) for a in (w, b, x))
    return np.einsum("...n,n->..." if w.ndim == 1 else "...n,mn->...m", x, w) + b


def example(batch, units=(), dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    w, b, x = (rng.normal(size=shape) for shape in ((*units, N), units, (*batch, N)))
    return Neuron(w.astype(dtype), np.asarray(b, dtype)), x.astype(dtype)


def test_by_hand():
    """0.5 * 2 - 1 * 3 + 0.25 * 4 + 1 = 0, so the neuron is at one half."""
    params, x = Neuron(np.array([0.5, -1, 0.25], np.float32), np.float32(1)), np.array([2, 3, 4], np.float32)
    assert pre_activation(params, x) == 0
    assert neuron(params, x) == 0.5
    assert neuron(params, x, jnp.cos) == 1


@pytest.mark.parametrize("batch", [(), (5,), (2, 5)])
def test_neuron_against_numpy(batch):
    params, x = example(batch)
    y = NEURON(params, x)
    assert y.shape == batch
    np.testing.assert_allclose(y, scipy.special.expit(weighted_sum(*params, x)), rtol=1e-5)


@pytest.mark.parametrize("units", [(), (M,)])
@pytest.mark.parametrize("batch", [(), (5,), (2, 5), (0,)])
def test_pre_activation_against_numpy(batch, units):
    params, x = example(batch, units)
    z = SUM(params, x)
    assert z.shape == batch + units
    np.testing.assert_allclose(z, weighted_sum(*params, x), rtol=1e-5, atol=1e-5)


@hypothesis.given(
    hnp.arrays(np.float32, (M, N), elements=FLOATS),
    hnp.arrays(np.float32, M, elements=FLOATS),
    hnp.arrays(np.float32, (5, N), elements=FLOATS),
)
def test_pre_activation_is_within_the_rounding_of_any_order_of_summation(w, b, x):
    bound = 8 * 2.0**-24 * weighted_sum(abs(w), abs(b), abs(x)) + 1e-30
    assert (abs(SUM(Neuron(w, b), x) - weighted_sum(w, b, x)) <= bound).all()


@pytest.mark.parametrize(("dtype", "rtol"), [(jnp.bfloat16, 2e-2), (jnp.float32, 1e-5), (jnp.float64, 1e-13)])
@pytest.mark.parametrize("units", [(), (M,)])
def test_dtype_is_kept(dtype, rtol, units):
    with jax.enable_x64(True):
        params, x = example((5,), units, dtype)
        z = SUM(params, x)
        assert z.dtype == dtype
        np.testing.assert_allclose(np.asarray(z, np.float64), weighted_sum(*params, x), rtol=rtol, atol=rtol)
        if units == ():
            assert jax.eval_shape(neuron, params, x).dtype == dtype


def test_a_layer_is_its_neurons_stacked():
    params, x = example((5,), (M,))
    z = np.asarray(SUM(params, x))
    for i, row in enumerate(zip(*params, strict=True)):
        np.testing.assert_allclose(z[:, i], SUM(row, x), rtol=1e-5, atol=1e-6)


def test_params_may_be_any_pair_and_arrays_those_of_numpy_or_jax():
    params, x = example((5,))
    plain = neuron([jnp.asarray(params.w), jnp.asarray(params.b)], jnp.asarray(x))
    np.testing.assert_array_equal(plain, neuron(params, x))


@pytest.mark.parametrize(
    ("w", "b", "truth"),
    [
        ((1.0, 1.0, 1.0), -2.5, [0, 0, 0, 0, 0, 0, 0, 1]),  # AND
        ((1.0, 1.0, 1.0), -0.5, [0, 1, 1, 1, 1, 1, 1, 1]),  # OR
        ((1.0, 1.0, 1.0), -1.5, [0, 0, 0, 1, 0, 1, 1, 1]),  # majority
        ((-1.0, 0.0, 0.0), 0.0, [1, 0, 1, 0, 1, 0, 1, 0]),  # NOT of the first input: at 0 the unit fires
    ],
)
def test_with_a_step_a_neuron_is_a_boolean_function(w, b, truth):
    rows = np.array([[r >> i & 1 for i in range(3)] for r in range(8)], np.float32)
    np.testing.assert_array_equal(NEURON(Neuron(np.array(w, np.float32), np.float32(b)), rows, step), truth)


def test_a_fan_in_of_100_000_is_exact_on_integers():
    """All partial sums are integers under 2^24, which float32 holds in any order; 1001 needs more than bfloat16."""
    rng = np.random.default_rng(0)
    w, x = rng.integers(-1001, 1002, (2, 100_000)), rng.random((3, 100_000)) < 0.2
    assert (abs(w) @ x.T).max() < 2**24
    z = SUM(Neuron(w.astype(np.float32), np.array([1, -2], np.float32)), x.astype(np.float32))
    np.testing.assert_array_equal(z, x @ w.T + [1, -2])
    z = SUM(Neuron(w[0].astype(np.float32), np.float32(1)), x.astype(np.float32))
    np.testing.assert_array_equal(z, x @ w[0] + 1)


def test_a_fan_in_of_100_000_in_bfloat16_does_not_stall():
    """A running sum of ones in bfloat16 stops at 256, where the gap is 2."""
    ones = np.ones(100_000, jnp.bfloat16)
    assert abs(float(SUM(Neuron(ones, np.zeros((), jnp.bfloat16)), ones)) - 100_000) <= 512


def test_gradient_is_the_derivative_of_the_activation_times_the_input():
    """df/dw = sigma'(z) x and df/db = sigma'(z), with sigma' = sigma (1 - sigma)."""
    params, x = example(())
    s = scipy.special.expit(weighted_sum(*params, x))
    gradient = jax.jit(jax.grad(neuron))(params, x)
    assert isinstance(gradient, Neuron)
    np.testing.assert_allclose(gradient.w, s * (1 - s) * np.asarray(x), rtol=1e-5)
    np.testing.assert_allclose(gradient.b, s * (1 - s), rtol=1e-5)


def test_vmap_over_parameters_is_an_ensemble():
    params, x = example((5,), (M,))
    y = jax.jit(jax.vmap(neuron, in_axes=(0, None), out_axes=1))(params, x)
    np.testing.assert_allclose(y, scipy.special.expit(weighted_sum(*params, x)), rtol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint8, jnp.bool_])
def test_inputs_that_are_not_floating_are_refused(dtype):
    params, x = example((5,))
    with pytest.raises(TypeError) as e:
        neuron(params, x.astype(dtype))
    name = jnp.dtype(dtype).name
    assert str(e.value) == f"neuron: expected floating inputs, got {name}. Convert them, for example x.astype(float32)."


@pytest.mark.parametrize(
    ("w", "b", "x", "message"),
    [
        (
            (M, N),
            (2,),
            (N,),
            "expected weights (n,) with a bias () or weights (m, n) with biases (m,), got (3, 4) and (2,). "
            "For parameters with further leading axes use jax.vmap.",
        ),
        (
            (N,),
            (1,),
            (N,),
            "expected weights (n,) with a bias () or weights (m, n) with biases (m,), got (4,) and (1,). "
            "For parameters with further leading axes use jax.vmap.",
        ),
        (
            (M, N),
            (),
            (N,),
            "expected weights (n,) with a bias () or weights (m, n) with biases (m,), got (3, 4) and (). "
            "For parameters with further leading axes use jax.vmap.",
        ),
        (
            (2, M, N),
            (2, M),
            (N,),
            "expected weights (n,) with a bias () or weights (m, n) with biases (m,), got (2, 3, 4) and (2, 3). "
            "For parameters with further leading axes use jax.vmap.",
        ),
        (
            (),
            (),
            (N,),
            "expected weights (n,) with a bias () or weights (m, n) with biases (m,), got () and (). "
            "For parameters with further leading axes use jax.vmap.",
        ),
        ((N,), (), (), "expected inputs (..., 4) for weights (4,), got ()."),
        ((N,), (), (N, 1), "expected inputs (..., 4) for weights (4,), got (4, 1)."),
        ((M, N), (M,), (5, 2), "expected inputs (..., 4) for weights (3, 4), got (5, 2)."),
        (
            (M, N),
            (M,),
            (5, M),
            "expected inputs (..., 4) for weights (3, 4), got (5, 3).",
        ),
    ],
)
def test_shapes_that_do_not_fit(w, b, x, message):
    with pytest.raises(ShapeError) as e:
        pre_activation(Neuron(np.ones(w, np.float32), np.ones(b, np.float32)), np.ones(x, np.float32))
    assert str(e.value) == f"pre_activation: {message}"


def test_weights_as_other_libraries_store_them_get_the_hint():
    """Weights (inputs, outputs) come with biases (outputs,): the one way in which transposed weights occur."""
    with pytest.raises(ShapeError) as e:
        pre_activation(Neuron(np.ones((N, M), np.float32), np.ones(M, np.float32)), np.ones((5, N), np.float32))
    assert str(e.value) == (
        "pre_activation: expected weights (n,) with a bias () or weights (m, n) with biases (m,), got (4, 3) and (3,). "
        "Weights are (outputs, inputs): are these transposed?"
    )


def test_a_neuron_has_one_row_of_weights():
    params, x = example((5,), (M,))
    with pytest.raises(ShapeError) as e:
        neuron(params, x)
    assert str(e.value) == (
        "neuron: expected weights of shape (n,), got (3, 4). "
        "For a layer of units use jaxnet.layer, for an ensemble jax.vmap."
    )


def test_shapes_are_checked_when_traced():
    params, _ = example(())
    with pytest.raises(ShapeError) as e:
        jax.eval_shape(neuron, params, jax.ShapeDtypeStruct((5, 2), jnp.float32))
    assert str(e.value) == "neuron: expected inputs (..., 4) for weights (4,), got (5, 2)."


def test_a_shape_error_is_a_value_error():
    assert issubclass(ShapeError, ValueError)


def test_integer_weights_are_refused():
    with pytest.raises(TypeError) as e:
        pre_activation(Neuron(np.ones(2, np.int32), np.int32(0)), np.ones(2, np.float32))
    assert (
        str(e.value)
        == "pre_activation: expected floating weights, got int32. Convert them, for example w.astype(float)."
    )


# Seeds are fixed, so these tests are sure; a right sampler fails one for some seed with the stated probability.
ALPHA = 1e-6


@pytest.mark.parametrize("z", [-7.0, -2.0, 0.0, 1.0, 4.0])
def test_a_stochastic_unit_fires_with_its_probability(z):
    n = 100_000
    y = SAMPLE(Neuron(np.ones(1, np.float32), np.float32(0)), np.full((n, 1), z, np.float32), key=jax.random.key(1))
    assert set(np.unique(y)) == {0, 1}
    assert scipy.stats.binomtest(int(np.sum(y)), n, scipy.special.expit(z)).pvalue > ALPHA


@pytest.mark.parametrize("units", [(), (M,)])
@pytest.mark.parametrize("batch", [(), (5,), (2, 5), (0,)])
def test_samples_have_the_shape_of_the_layer(units, batch):
    params, x = example(batch, units)
    assert jax.eval_shape(SAMPLE, params, x, key=jax.random.key(0)).shape == batch + units


def test_stochastic_units_and_examples_are_independent():
    """Three units, and three examples of one unit: each of the eight outcomes is as frequent as the product says."""
    n, p = 40_000, np.array([0.2, 0.5, 0.7])
    layer = Neuron(np.zeros((3, 1), np.float32), np.log(p / (1 - p)).astype(np.float32))
    units = SAMPLE(layer, np.zeros((n, 1), np.float32), key=jax.random.key(2))
    unit, z = Neuron(np.ones(1, np.float32), np.float32(0)), np.log(p / (1 - p)).astype(np.float32)
    examples = SAMPLE(unit, np.broadcast_to(z[:, None], (n, 3, 1)), key=jax.random.key(3))
    outcome = np.array([[r >> i & 1 for i in range(3)] for r in range(8)])
    expected = n * np.prod(np.where(outcome, p, 1 - p), axis=1)
    for y in (units, examples):
        counts = np.bincount(np.asarray(y, int) @ [1, 2, 4], minlength=8)
        assert scipy.stats.chisquare(counts, expected).pvalue > ALPHA


def test_a_sample_is_a_function_of_its_key():
    params, x = example((100,), (M,))
    first, again, other = (SAMPLE(params, x, key=jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (np.asarray(first) != other).any()


@pytest.mark.slow
def test_rare_events_are_as_rare_as_they_are():
    """Uniform draws of 23 bits fire at 2^-23 = 1.2e-7 whatever p below that; 4 of these 2e7 times, not 0.04."""
    units = Neuron(np.zeros((1000, 1), np.float32), np.full(1000, -20, np.float32))
    never = SAMPLE(units, np.zeros((20_000, 1), np.float32), key=jax.random.key(2))
    assert never.sum() == 0


@pytest.mark.parametrize(
    "dtype", [jnp.bfloat16, *(pytest.param(d, marks=pytest.mark.slow) for d in (jnp.float16, jnp.float32, jnp.float64))]
)
def test_samples_have_the_dtype_of_x_and_its_probability_to_the_last_bit(dtype):
    """Draws in bfloat16 would be multiples of 2^-14: p = sigma(-9.5), 1.2 times that, would fire far too often."""
    n = 4_000_000
    with jax.enable_x64(True):
        unit, x = Neuron(np.ones(1, dtype), np.zeros((), dtype)), np.full((n, 1), -9.5, dtype)
        y = SAMPLE(unit, x, key=jax.random.key(4))
        assert y.dtype == dtype
        p = float(NEURON(unit, x[0]))
        assert scipy.stats.binomtest(int(np.sum(np.asarray(y, int))), n, p).pvalue > ALPHA


def test_with_a_step_nothing_is_left_to_chance():
    params, x = example((50,), (M,))
    z = weighted_sum(*params, x)
    np.testing.assert_array_equal(SAMPLE(params, x, step, key=jax.random.key(0)), z >= 0)
    saturated = Neuron(params.w * 0, np.array([-200, 200, 200], np.float32))
    np.testing.assert_array_equal(SAMPLE(saturated, x, key=jax.random.key(0)), np.broadcast_to([0, 1, 1], (50, 3)))


def test_gradient_of_a_sample_is_zero():
    params, x = example((5,), (M,))
    gradient = jax.jit(jax.grad(lambda params, x: sample(params, x, key=jax.random.key(0)).sum(), argnums=(0, 1)))(
        params, x
    )
    for leaf in jax.tree.leaves(gradient):
        np.testing.assert_array_equal(leaf, np.zeros_like(leaf))


def test_what_is_no_probability_is_nan_and_the_others_are_drawn():
    unit = Neuron(np.ones(1, np.float32), np.float32(0))
    x = np.array([[-0.5], [0.0], [1.0], [1.5], [np.nan], [np.inf]], np.float32)
    np.testing.assert_array_equal(SAMPLE(unit, x, identity, key=jax.random.key(0)), [np.nan, 0, 1, *[np.nan] * 3])
    found = SAMPLE(unit, x, tanh, key=jax.random.key(0))
    np.testing.assert_array_equal(np.isnan(found), [True, False, False, False, True, False])


def test_sample_refuses_what_a_unit_refuses():
    params, x = example((5,))
    with pytest.raises(ShapeError) as e:
        SAMPLE(params, x[:, :2], key=jax.random.key(0))
    assert str(e.value) == "sample: expected inputs (..., 4) for weights (4,), got (5, 2)."
    with pytest.raises(TypeError) as e:
        SAMPLE(params, x.astype(np.int32), key=jax.random.key(0))
    assert str(e.value) == "sample: expected floating inputs, got int32. Convert them, for example x.astype(float32)."


def test_one_key_an_example_under_vmap():
    params, x = example((5,), (M,))
    keys = jax.random.split(jax.random.key(0), 5)
    y = jax.jit(jax.vmap(lambda x, key: sample(params, x, key=key)))(x, keys)
    for row, key, drawn in zip(x, keys, np.asarray(y), strict=True):
        np.testing.assert_array_equal(SAMPLE(params, row, key=key), drawn)
