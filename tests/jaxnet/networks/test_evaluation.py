"""Networks as graphs: values against a loop over units in NumPy, what is compiled once, and what is refused."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from common.wirings import XOR, each, example, f32, graphs, wide, zeros
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxnet import (
    Neuron,
    PerUnit,
    ShapeError,
    Wiring,
    evaluate,
    identity,
    level_schedule,
    per_unit,
    sigmoid,
    step,
    tanh,
    unit_deltas,
    unit_sums,
    wired,
)
from jaxnet.networks import level_loops

IN_NUMPY = {
    sigmoid: scipy.special.expit,
    tanh: np.tanh,
    identity: lambda z: z,
    step: lambda z: (z >= 0) * 1.0,
    jnp.sqrt: np.sqrt,
    jnp.log: np.log,
}


def by_hand(wiring, w, b, x, activation):
    """One unit after another in float64, from the definition."""
    w, b, x = (np.asarray(a, np.float64) for a in (w, b, x))
    values = [x[..., i] for i in range(wiring.n_inputs)]
    for u, function in enumerate(each(wiring, activation)):
        edges = range(wiring.offsets[u], wiring.offsets[u + 1])
        z = b[u] + sum((w[e] * values[wiring.sources[e]] for e in edges), np.zeros(x.shape[:-1]))
        values.append(IN_NUMPY[function](z))
    return np.stack([values[node] for node in wiring.outputs], axis=-1)


def as_float32(w, b, x):
    return Neuron(np.asarray(w, np.float32), np.asarray(b, np.float32)), np.asarray(x, np.float32)


# One compilation where a graph is run once; the hypothesis tests run many graphs of one shape without it.
run = jax.jit(evaluate, static_argnames=("wiring", "activation"))


# Which unit has which activation is data: one program serves both.
ALL_SOFT, ALL_HARD = (PerUnit((sigmoid, step), (kind,) * 5) for kind in (0, 1))

# Its value.


@hypothesis.settings(max_examples=6)
@hypothesis.given(graphs(), st.integers(0, 2**32 - 1))
def test_evaluate_against_a_loop_over_units(wiring, seed):
    w, b, x = example(wiring, seed)
    params, inputs = as_float32(w, b, x)
    y = evaluate(wiring, params, inputs, ALL_SOFT)
    np.testing.assert_allclose(y, by_hand(wiring, w, b, x, sigmoid), rtol=1e-4, atol=1e-5)


@hypothesis.settings(max_examples=10)
@hypothesis.given(graphs(), st.integers(0, 2**32 - 1))
def test_as_a_threshold_circuit_it_is_exact(wiring, seed):
    rng = np.random.default_rng(seed)
    w, b, x = rng.integers(-3, 4, wiring.n_edges), rng.integers(-3, 4, wiring.n_units), rng.integers(0, 2, (4, 3))
    y = evaluate(wiring, *as_float32(w, b, x), ALL_HARD)
    np.testing.assert_array_equal(y, by_hand(wiring, w, b, x, step))


def test_xor():
    params = Neuron(f32(1, 1, 1, 1, -2), f32(-1.5, -0.5))
    y = run(XOR, params, f32([0, 0], [1, 0], [0, 1], [1, 1]), step)
    np.testing.assert_array_equal(y, [[0], [1], [1], [0]])


# Of 8 to 31 examples the sums are compiled in another way.
@pytest.mark.parametrize("batch", [(), (4,), (2, 2), (12,), (40,), (0,), (2, 0)])
def test_batch_shapes(batch):
    w, b, x = example(XOR, 0, batch)
    y = run(XOR, *as_float32(w, b, x))
    assert y.shape == (*batch, 1)
    np.testing.assert_allclose(y, by_hand(XOR, w, b, x, sigmoid), rtol=1e-5)


def test_wide_levels_of_many_examples():
    """A program of its own; its gradients are the sums of those of its halves, which run as few examples do."""
    rng, width = np.random.default_rng(0), 100
    sources = rng.integers(0, width, (2, width, 5)) + width * np.arange(2)[:, None, None]
    wiring = Wiring(width, 5 * np.arange(2 * width + 1), sources.ravel(), width + np.arange(2 * width))
    assert min(level_schedule(wiring).rows_per_step) >= level_loops._WIDE
    w, b, x = example(wiring, 0, (level_loops._MANY,))
    params, inputs = as_float32(w, b, x)

    @jax.jit
    def value_and_gradient(params, ready, x):
        def loss(params):
            y = evaluate(ready, params, x)
            return jnp.sum(y**2), y

        return jax.grad(loss, has_aux=True)(params)[::-1]

    ready = level_schedule(wiring)
    y, gradient = value_and_gradient(params, ready, inputs)
    (y0, g0), (y1, g1) = (value_and_gradient(params, ready, part) for part in np.split(inputs, 2))
    np.testing.assert_allclose(y, by_hand(wiring, w, b, x, sigmoid), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(y, np.concatenate([y0, y1]), rtol=1e-5)
    jax.tree.map(lambda g, *parts: np.testing.assert_allclose(g, sum(parts), rtol=1e-4, atol=1e-5), gradient, g0, g1)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_dtype_is_kept(dtype):
    with jax.enable_x64(dtype == "float64"):
        params = Neuron(np.zeros(5, dtype), np.zeros(2, dtype))
        assert jax.eval_shape(wired(XOR).apply, params, np.zeros((4, 2), dtype)).dtype == dtype


def test_params_may_be_any_pair_of_arrays():
    params, x = as_float32(*example(XOR, 0))
    plain = evaluate(XOR, [jnp.asarray(params.w), jnp.asarray(params.b)], jnp.asarray(x))
    np.testing.assert_array_equal(plain, evaluate(XOR, params, x))


def test_a_graph_without_units_passes_inputs_on():
    y = run(Wiring(2, [0], [], [1, 0, 1]), Neuron(zeros(0), zeros(0)), f32([3, 4]))
    np.testing.assert_array_equal(y, [[4, 3, 4]])


def test_a_unit_without_inputs_is_the_activation_of_its_bias():
    y = run(Wiring(2, [0, 0], [], [2, 0]), Neuron(zeros(0), f32(0.5)), f32([3, 4]), jnp.exp)
    np.testing.assert_allclose(y, [[np.exp(0.5), 3]], rtol=1e-6)


def test_a_graph_without_outputs():
    assert run(Wiring(2, [0, 0], [], []), Neuron(zeros(0), zeros(1)), zeros(4, 2)).shape == (4, 0)


def test_a_graph_without_inputs_is_constant():
    """Unit 0 is 2, unit 1 is 3 * 2 + 1; `Wiring` accepts it, so `evaluate` runs it."""
    wiring, params = Wiring(0, [0, 0, 1], [0], [1]), Neuron(f32(3), f32(2, 1))
    np.testing.assert_array_equal(run(wiring, params, zeros(4, 0), identity), np.full((4, 1), 7.0))


def test_repeated_sources_count_each_time():
    y = run(Wiring(1, [0, 3], [0, 0, 0], [1]), Neuron(f32(1, 2, 4), f32(0.5)), f32([2]), identity)
    np.testing.assert_array_equal(y, [[14.5]])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_unit_depends_on_nothing_but_what_feeds_it(value):
    """Unit 0 is fed by input 1 alone; that input 0 has diverged is none of its business."""
    wiring = Wiring(2, [0, 1, 3], [1, 0, 1], [2])
    y = run(wiring, Neuron(f32(1, 1, 1), zeros(2)), f32([value, 2]), identity)
    np.testing.assert_array_equal(y, [[2.0]])


@pytest.mark.slow
def test_a_fan_in_of_100_000_is_exact_on_integers():
    """All partial sums are integers under 2^24, which float32 holds in any order; 1001 needs more than bfloat16."""
    n, rng = 100_000, np.random.default_rng(0)
    w, x = rng.integers(-1001, 1002, n), rng.random((3, n)) < 0.2
    assert (x @ abs(w)).max() < 2**24
    wiring = Wiring(n, [0, n], np.arange(n), [n])
    params, inputs = as_float32(w, [1], x)

    def value(params, ready):
        y = evaluate(ready, params, inputs, identity)
        return y.sum(), y

    gradient, y = jax.jit(jax.grad(value, has_aux=True))(params, level_schedule(wiring))
    np.testing.assert_array_equal(y, (x @ w + 1)[:, None])
    np.testing.assert_array_equal(gradient.w, x.sum(axis=0))
    np.testing.assert_array_equal(gradient.b, [3])


@pytest.mark.slow
def test_dtype_decides_the_precision():
    wiring = wide(0)
    w, b, x = example(wiring, 0)
    expected = by_hand(wiring, w, b, x, tanh)
    with jax.enable_x64(True):
        np.testing.assert_allclose(run(wiring, (w, b), x, tanh), expected, rtol=1e-13, atol=1e-14)
        params, inputs = as_float32(w, b, x)
        with jax.numpy_dtype_promotion("standard"):
            for pair in ((params, x), ((w, b), inputs)):
                assert jax.eval_shape(wired(wiring).apply, *pair).dtype == np.float64
    np.testing.assert_allclose(run(wiring, params, inputs, tanh), expected, rtol=1e-5, atol=1e-5)
    halves = [jnp.asarray(a, jnp.bfloat16) for a in (w / 8, b, x)]
    gradient, y = jax.jit(
        jax.grad(lambda w, b, x: (lambda y: (y.sum(), y))(evaluate(wiring, (w, b), x, tanh)), (0, 1, 2), has_aux=True)
    )(*halves)
    assert {a.dtype.name for a in (y, *gradient)} == {"bfloat16"}
    np.testing.assert_allclose(y.astype(np.float32), by_hand(wiring, w / 8, b, x, tanh), atol=0.05)


# Compiled once, and on several devices.


def test_another_wiring_of_the_same_shape_compiles_nothing():
    traces = []

    def counted(z):
        traces.append(z.shape)
        return jnp.tanh(z)

    w, b, x = example(XOR, 0)
    evaluate(XOR, *as_float32(w, b, x), counted)
    once = len(traces)
    assert once > 0
    other = Wiring(2, [0, 3, 5], [1, 1, 0, 2, 0], [2])
    y = evaluate(other, *as_float32(w, b, x), counted)
    assert len(traces) == once
    np.testing.assert_allclose(y, by_hand(other, w, b, x, tanh), rtol=1e-5)


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_a_batch_sharded_over_two_devices(kind):
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(kind,), devices=jax.devices()[:2])
    w, b, x = example(XOR, 0)
    params, inputs = as_float32(w, b, x)
    y = evaluate(XOR, params, jax.device_put(inputs, NamedSharding(mesh, PartitionSpec("batch"))))
    np.testing.assert_allclose(y, by_hand(XOR, w, b, x, sigmoid), rtol=1e-5)


def test_graphs_of_a_size_class_share_a_compilation():
    """Nine or ten of everything; the activations too are data."""
    traces = []

    def counted(z):
        traces.append(z.shape)
        return 2 * z

    compiled = []
    for n in (9, 10):
        sources, x = np.random.default_rng(n).integers(0, n, n), np.arange(n, dtype=np.float32)
        wiring = Wiring(n, np.arange(n + 1), sources, n + np.arange(n))
        params = Neuron(np.full(n, 3, np.float32), np.ones(n, np.float32))
        y = evaluate(wiring, params, x, per_unit([counted, identity] + [counted] * (n - 2)))
        np.testing.assert_array_equal(y, [2, 1, *[2] * (n - 2)] * (3 * x[sources] + 1))
        compiled.append(len(traces))
    assert compiled[0] == compiled[1] > 0


# What it refuses.


@pytest.mark.parametrize(("w", "b"), [((4,), (2,)), ((5,), (1,)), ((5, 1), (2,)), ((5,), ())])
def test_parameters_that_do_not_fit(w, b):
    with pytest.raises(ShapeError) as e:
        evaluate(XOR, Neuron(zeros(*w), zeros(*b)), zeros(4, 2))
    assert str(e.value) == (
        "evaluate: expected weights (5,) and biases (2,), one per edge and one per unit of "
        f"Wiring(2 inputs, 2 units, 5 edges, 1 outputs), got {w} and {b}."
    )


@pytest.mark.parametrize("shape", [(), (3,), (2, 1), (2, 4)])
def test_inputs_that_do_not_fit(shape):
    with pytest.raises(ShapeError) as e:
        evaluate(XOR, Neuron(zeros(5), zeros(2)), zeros(*shape))
    assert str(e.value) == (
        f"evaluate: expected inputs (..., 2) for Wiring(2 inputs, 2 units, 5 edges, 1 outputs), got {shape}."
    )


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.bool_])
def test_inputs_that_are_not_floating_are_refused(dtype):
    with pytest.raises(TypeError) as e:
        evaluate(XOR, Neuron(zeros(5), zeros(2)), np.zeros((4, 2), dtype))
    assert str(e.value) == (
        f"evaluate: expected floating inputs, got {jnp.dtype(dtype).name}. Convert them, for example x.astype(float32)."
    )


@pytest.mark.parametrize(("z", "cotangent"), [((4, 3), (4, 3)), ((4, 2), (2,)), ((), ()), ((2,), (3,))])
def test_cotangents_that_do_not_fit(z, cotangent):
    with pytest.raises(ShapeError) as e:
        unit_deltas(XOR, Neuron(zeros(5), zeros(2)), zeros(*z), zeros(*cotangent))
    assert str(e.value) == (
        "unit_deltas: expected z and cotangent (..., 2) for Wiring(2 inputs, 2 units, 5 edges, 1 outputs), got "
        f"{z} and {cotangent}."
    )


def test_activations_that_do_not_fit():
    with pytest.raises(ShapeError) as e:
        evaluate(XOR, Neuron(zeros(5), zeros(2)), zeros(4, 2), per_unit([tanh]))
    assert str(e.value) == (
        "evaluate: expected 2 activations, one per unit of Wiring(2 inputs, 2 units, 5 edges, 1 outputs), got 1."
    )


def test_errors_name_the_function_and_the_schedule():
    with pytest.raises(ShapeError) as e:
        unit_sums(level_schedule(XOR), Neuron(zeros(5), zeros(2)), zeros(4, 3))
    assert str(e.value) == (
        "unit_sums: expected inputs (..., 2) for LevelSchedule(2 inputs, 2 units, 5 edges, 1 outputs), got (4, 3)."
    )


def test_weights_that_are_not_floating_are_refused():
    with pytest.raises(TypeError) as e:
        evaluate(XOR, Neuron(np.zeros(5, np.int32), zeros(2)), zeros(4, 2))
    assert str(e.value) == "evaluate: expected floating weights, got int32. Convert them, for example w.astype(float)."
