"""Loop-free graphs of units against a loop over units in NumPy, finite differences and an mlp written as a wiring."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxnet import Neuron, ShapeError, Wired, Wiring, chain, evaluate, identity, layer, mlp, sigmoid, step, tanh, wired
from jaxnet.wiring import levels

XOR = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])
IN_NUMPY = {sigmoid: scipy.special.expit, tanh: np.tanh, identity: lambda z: z, step: lambda z: (z >= 0) * 1.0}


def by_hand(wiring, w, b, x, activation):
    """One unit after another in float64, from the definition."""
    w, b, x = (np.asarray(a, np.float64) for a in (w, b, x))
    values = [x[..., i] for i in range(wiring.n_inputs)]
    for u in range(wiring.n_units):
        edges = range(wiring.offsets[u], wiring.offsets[u + 1])
        z = b[u] + sum((w[e] * values[wiring.sources[e]] for e in edges), np.zeros(x.shape[:-1]))
        values.append(IN_NUMPY[activation](z))
    return np.stack([values[node] for node in wiring.outputs], axis=-1)


@st.composite
def graphs(draw):
    """Three inputs, five units with 0, 1, 2, 3 and 4 edges in any order, three outputs: one shape, one compilation.

    Sources repeat, some units have no edge or feed nothing, outputs repeat and may be inputs.
    """
    fan_in = draw(st.permutations(range(5)))
    sources = [draw(st.integers(0, 3 + u - 1)) for u, n in enumerate(fan_in) for _ in range(n)]
    outputs = draw(st.lists(st.integers(0, 7), min_size=3, max_size=3))
    return Wiring(3, np.cumsum([0, *fan_in]), sources, outputs)


def example(wiring, seed, batch=(4,)):
    rng = np.random.default_rng(seed)
    shapes = (wiring.n_edges,), (wiring.n_units,), (*batch, wiring.n_inputs)
    return tuple(rng.normal(size=shape) for shape in shapes)


def as_float32(w, b, x):
    return Neuron(np.asarray(w, np.float32), np.asarray(b, np.float32)), np.asarray(x, np.float32)


def f32(*rows):
    return np.array(rows, np.float32)


def zeros(*shape):
    return np.zeros(shape, np.float32)


# One compilation where a graph is run once; the hypothesis tests run many graphs of one shape without it.
run = jax.jit(evaluate, static_argnames=("wiring", "activation"))


# The graph.


def test_a_wiring_keeps_what_it_is_given():
    assert XOR.n_inputs == 2
    assert (XOR.n_units, XOR.n_edges, XOR.n_outputs) == (2, 5, 1)
    assert (XOR.offsets.dtype, XOR.sources.dtype, XOR.outputs.dtype) == (np.int64, np.int32, np.int32)
    np.testing.assert_array_equal(XOR.offsets, [0, 2, 5])
    np.testing.assert_array_equal(XOR.sources, [0, 1, 0, 1, 2])
    np.testing.assert_array_equal(XOR.outputs, [3])


def test_repr():
    assert repr(XOR) == "Wiring(2 inputs, 2 units, 5 edges, 1 outputs)"


def test_the_smallest_graphs():
    assert repr(Wiring(0, [0], [], [])) == "Wiring(0 inputs, 0 units, 0 edges, 0 outputs)"
    assert repr(Wiring(0, [0, 0, 2], [0, 0], [1])) == "Wiring(0 inputs, 2 units, 2 edges, 1 outputs)"


def test_a_wiring_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        XOR.n_inputs = 3
    for array in (XOR.offsets, XOR.sources, XOR.outputs):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_wiring_copies_the_arrays_of_the_caller():
    offsets, sources, outputs = np.array([0, 1]), np.array([0], np.int32), np.array([1], np.int32)
    wiring = Wiring(1, offsets, sources, outputs)
    offsets[1], sources[0], outputs[0] = 7, 7, 7
    assert (wiring.offsets[1], wiring.sources[0], wiring.outputs[0]) == (1, 0, 1)


def test_a_wiring_is_hashable():
    assert len({XOR, XOR, Wiring(2, [0], [], [0])}) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, [0], [], []), "Wiring: expected a number of inputs, got -1."),
        ((2, [[0, 2]], [0, 1], [2]), "Wiring: expected offsets with one axis, got shape (1, 2)."),
        ((2, [0, 2], [[0, 1]], [2]), "Wiring: expected sources with one axis, got shape (1, 2)."),
        ((2, [0, 2], [0, 1], 2), "Wiring: expected outputs with one axis, got shape ()."),
        ((2, [], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got []."),
        ((2, [1, 2], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got [1 2]."),
        ((2, [0, 1], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got [0 1]."),
        ((2, [0, 3], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got [0 3]."),
        ((2, [0, 3, 2], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got [0 3 2]."),
        (
            (2, [0, 2], [0, 2], [2]),
            "Wiring: unit 0 (node 2) is fed by node 2, expected one of 0..1: a unit comes after all that feed it.",
        ),
        (
            (2, [0, 0, 2], [3, 0], [2]),
            "Wiring: unit 1 (node 3) is fed by node 3, expected one of 0..2: a unit comes after all that feed it.",
        ),
        (
            (2, [0, 1, 2], [3, 0], [2]),
            "Wiring: unit 0 (node 2) is fed by node 3, expected one of 0..1: a unit comes after all that feed it.",
        ),
        (
            (2, [0, 2], [0, -1], [2]),
            "Wiring: unit 0 (node 2) is fed by node -1, expected one of 0..1: a unit comes after all that feed it.",
        ),
        ((2, [0, 2], [0, 1], [2, 3]), "Wiring: expected outputs among the nodes 0..2, got [2 3]."),
        ((2, [0, 2], [0, 1], [-1]), "Wiring: expected outputs among the nodes 0..2, got [-1]."),
    ],
)
def test_graphs_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=r"^Wiring: ") as e:
        Wiring(*arguments)
    assert str(e.value) == message


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((2, [0, 2], [0.9, 1.9], [2]), TypeError, "Wiring: expected integers in sources, got float64."),
        ((2, [0, 2.0], [0, 1], [2]), TypeError, "Wiring: expected integers in offsets, got float64."),
        ((2, [0, 2], [False, True], [2]), TypeError, "Wiring: expected integers in sources, got bool."),
        ((2.7, [0, 2], [0, 1], [2]), TypeError, "Wiring: expected integers in n_inputs, got float64."),
        (
            (2, [0, 2], np.array([0, 2**32 + 1]), [2]),  # would wrap to [0, 1]
            ValueError,
            "Wiring: expected sources in -2147483648..2147483647, got 0..4294967297.",
        ),
        (
            (2, [0, 2], [0, 1], [2**80]),
            ValueError,
            f"Wiring: expected outputs in -2147483648..2147483647, got {2**80}..{2**80}.",
        ),
    ],
)
def test_numbers_that_are_no_nodes_are_not_rounded_or_wrapped(arguments, error, message):
    with pytest.raises(error) as e:
        Wiring(*arguments)
    assert str(e.value) == message


@pytest.mark.parametrize(
    ("n_leaves", "offsets", "sources", "expected"),
    [
        (0, [0], [], []),
        (3, [0], [], [0, 0, 0]),
        (2, [0, 2, 5], [0, 1, 0, 1, 2], [0, 0, 1, 2]),
        (1, [0, 1, 2, 3], [0, 1, 2], [0, 1, 2, 3]),  # a line
        (1, [0, 1, 2, 4], [0, 0, 1, 2], [0, 1, 1, 2]),  # a diamond
        (1, [0, 0, 1, 2], [1, 0], [0, 1, 2, 1]),  # a unit without inputs, and one fed by it
        (1, [0, 1, 3], [0, 0, 1], [0, 1, 2]),  # a short way and a long one
    ],
)
def test_levels_by_hand(n_leaves, offsets, sources, expected):
    level = levels(n_leaves, np.array(offsets), np.array(sources, int))
    assert level.dtype == np.int32
    np.testing.assert_array_equal(level, np.array(expected))


@hypothesis.given(graphs())
def test_levels_are_the_longest_paths(wiring):
    """Peeling: after k rounds a unit is alive if a path with more than k units ends in it."""
    feeds = np.zeros((8, 8), bool)
    for u in range(wiring.n_units):
        feeds[3 + u, wiring.sources[wiring.offsets[u] : wiring.offsets[u + 1]]] = True
    is_unit = np.arange(8) >= 3
    level, alive = np.zeros(8, int), is_unit
    while alive.any():
        level += alive
        alive = is_unit & (feeds & alive).any(axis=1)
    np.testing.assert_array_equal(levels(3, wiring.offsets, wiring.sources), level)


# Its value.


@hypothesis.given(graphs(), st.integers(0, 2**32 - 1), st.sampled_from([sigmoid, tanh]))
def test_evaluate_against_a_loop_over_units(wiring, seed, activation):
    w, b, x = example(wiring, seed)
    params, inputs = as_float32(w, b, x)
    y = evaluate(wiring, params, inputs, activation)
    np.testing.assert_allclose(y, by_hand(wiring, w, b, x, activation), rtol=1e-4, atol=1e-5)


@hypothesis.given(graphs(), st.integers(0, 2**32 - 1))
def test_as_a_threshold_circuit_it_is_exact(wiring, seed):
    rng = np.random.default_rng(seed)
    w, b, x = rng.integers(-3, 4, wiring.n_edges), rng.integers(-3, 4, wiring.n_units), rng.integers(0, 2, (4, 3))
    y = evaluate(wiring, *as_float32(w, b, x), step)
    np.testing.assert_array_equal(y, by_hand(wiring, w, b, x, step))


def test_xor():
    params = Neuron(f32(1, 1, 1, 1, -2), f32(-1.5, -0.5))
    y = run(XOR, params, f32([0, 0], [1, 0], [0, 1], [1, 1]), step)
    np.testing.assert_array_equal(y, [[0], [1], [1], [0]])


@pytest.mark.parametrize("batch", [(), (4,), (2, 2), (0,), (2, 0)])
def test_batch_shapes(batch):
    w, b, x = example(XOR, 0, batch)
    y = run(XOR, *as_float32(w, b, x))
    assert y.shape == (*batch, 1)
    np.testing.assert_allclose(y, by_hand(XOR, w, b, x, sigmoid), rtol=1e-5)


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


def test_a_fan_in_of_100_000_is_exact_on_integers():
    """All partial sums are integers under 2^24, which float32 holds in any order; 1001 needs more than bfloat16."""
    n, rng = 100_000, np.random.default_rng(0)
    w, x = rng.integers(-1001, 1002, n), rng.random((3, n)) < 0.2
    assert (x @ abs(w)).max() < 2**24
    wiring = Wiring(n, [0, n], np.arange(n), [n])
    params, inputs = as_float32(w, [1], x)
    np.testing.assert_array_equal(run(wiring, params, inputs, identity), (x @ w + 1)[:, None])
    gradient = jax.jit(jax.grad(lambda p: evaluate(wiring, p, inputs, identity).sum()))(params)
    np.testing.assert_array_equal(gradient.w, x.sum(axis=0))
    np.testing.assert_array_equal(gradient.b, [3])


def dense(sizes):
    """An mlp as a wiring: every unit of a layer is fed by all of the layer before, in order."""
    starts = np.cumsum([0, *sizes])
    fan_in = np.repeat(sizes[:-1], sizes[1:])
    sources = [np.tile(np.arange(starts[i], starts[i + 1]), m) for i, m in enumerate(sizes[1:])]
    outputs = np.arange(starts[-2], starts[-1])
    return Wiring(sizes[0], np.cumsum([0, *fan_in]), np.concatenate(sources), outputs)


def test_an_mlp_is_a_wiring():
    """Value and gradient; the weights of the wiring are those of the layers, row by row."""
    sizes, rng = [3, 4, 2], np.random.default_rng(0)
    net, wiring = mlp(sizes, tanh), dense(sizes)
    params = tuple(as_float32(rng.normal(size=(m, n)), rng.normal(size=m), ())[0] for n, m in ((3, 4), (4, 2)))
    x = rng.normal(size=(4, 3)).astype(np.float32)

    def flat(params):
        return Neuron(*(np.concatenate([np.ravel(a) for a in leaves]) for leaves in zip(*params, strict=True)))

    def value_and_gradient(apply):
        return jax.jit(jax.value_and_grad(lambda p: jnp.sum(apply(p, x) ** 2)))

    y, gradient = value_and_gradient(net.apply)(params)
    value, derivative = value_and_gradient(wired(wiring, tanh).apply)(flat(params))
    np.testing.assert_allclose(value, y, rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), derivative, flat(gradient))
    np.testing.assert_allclose(evaluate(wiring, flat(params), x, tanh), net.apply(params, x), rtol=1e-5, atol=1e-6)


@hypothesis.settings(max_examples=15)
@hypothesis.given(graphs(), st.integers(0, 2**32 - 1))
def test_gradient_against_finite_differences(wiring, seed):
    """With respect to weights, biases and inputs; central differences of the loop over units in float64."""
    arguments, h = example(wiring, seed), 1e-6
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(
            lambda w, b, x: jnp.sum(evaluate(wiring, (w, b), x, tanh) ** 2), argnums=(0, 1, 2)
        )(*arguments)
    np.testing.assert_allclose(value, (by_hand(wiring, *arguments, tanh) ** 2).sum(), rtol=1e-13)
    for i, argument in enumerate(arguments):
        numerical = np.zeros_like(argument)
        for index in np.ndindex(argument.shape):
            ends = []
            for sign in (1, -1):
                moved = argument.copy()
                moved[index] += sign * h
                values = by_hand(wiring, *(moved if i == k else a for k, a in enumerate(arguments)), tanh)
                ends.append((values**2).sum())
            numerical[index] = (ends[0] - ends[1]) / (2 * h)
        np.testing.assert_allclose(gradient[i], numerical, rtol=1e-6, atol=1e-7)


def test_evaluate_goes_under_jit_and_vmap():
    wiring = dense([3, 4, 2])
    many = [example(wiring, seed) for seed in range(3)]
    expected = np.stack([by_hand(wiring, *one, sigmoid) for one in many])
    params, x = as_float32(*(np.stack(arrays) for arrays in zip(*many, strict=True)))
    np.testing.assert_allclose(jax.jit(jax.vmap(wired(wiring).apply))(params, x), expected, rtol=1e-5)


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


# What it refuses.


@pytest.mark.parametrize(("w", "b"), [((4,), (2,)), ((5,), (1,)), ((5, 1), (2,)), ((5,), ())])
def test_parameters_that_do_not_fit(w, b):
    with pytest.raises(ShapeError) as e:
        evaluate(XOR, Neuron(zeros(*w), zeros(*b)), zeros(4, 2))
    assert str(e.value) == (
        "evaluate: expected weights (5,) and biases (2,), one an edge and one a unit of "
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
        f"expected floating inputs, got {jnp.dtype(dtype).name}. Convert them, for example x.astype(float32)."
    )


# A wiring as a network.


def test_wired_is_evaluate():
    net = wired(XOR, tanh)
    params, x = as_float32(*example(XOR, 0))
    assert net.structure == Wired(XOR, tanh)
    np.testing.assert_array_equal(net.apply(params, x), evaluate(XOR, params, x, tanh))
    np.testing.assert_array_equal(wired(XOR).apply(params, x), evaluate(XOR, params, x, sigmoid))


def test_wired_starts_with_variance_one_over_fan_in():
    """5,000 units of 4 edges, 200 of 100, some without: 20,000 weights each, so the estimate is within 1 %."""
    fan_in = np.concatenate([np.full(5000, 4), np.zeros(10, int), np.full(200, 100)])
    wiring = Wiring(100, np.cumsum([0, *fan_in]), np.tile(np.arange(100), 400), [0])
    params = jax.tree.map(np.asarray, wired(wiring).init(jax.random.key(0)))
    assert params.w.shape == (40_000,)
    np.testing.assert_array_equal(params.b, np.zeros(5210))
    for weights, n in ((params.w[:20_000], 4), (params.w[20_000:], 100)):
        weights = weights.astype(np.float64)
        np.testing.assert_allclose(weights.var(), 1 / n, rtol=0.05)
        assert abs(weights.mean()) < 5 * np.sqrt(1 / n / 20_000)


def test_wired_starts_the_same_from_the_same_key():
    net = wired(XOR)
    first, again, other = (np.asarray(net.init(jax.random.key(seed)).w) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert len(np.unique(first)) == 5
    with jax.enable_x64(True):
        assert {a.dtype.name for a in jax.eval_shape(net.init, jax.random.key(0))} == {"float64"}


def test_wired_in_a_chain():
    net = chain(layer(3, 2), wired(XOR), layer(1, 4))
    assert repr(net) == (
        "Network(3 -> 2 sigmoid -> (Wiring(2 inputs, 2 units, 5 edges, 1 outputs) sigmoid) -> (1 -> 4 sigmoid))"
    )
    params = jax.eval_shape(net.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((5, 3), np.float32)
    assert jax.eval_shape(net.apply, params, x).shape == (5, 4)
    with pytest.raises(ShapeError) as e:
        jax.eval_shape(net.apply, (params[0], Neuron(zeros(4), zeros(2)), params[2]), x)
    assert str(e.value) == (
        "layer 2 of 3 (Wiring(2 inputs, 2 units, 5 edges, 1 outputs) sigmoid): evaluate: expected weights (5,) and biases "
        "(2,), one an edge and one a unit of Wiring(2 inputs, 2 units, 5 edges, 1 outputs), got (4,) and (2,)."
    )
    with pytest.raises(ShapeError) as e:
        chain(layer(3, 3), wired(XOR))
    assert str(e.value) == "chain: part 1 gives 3 outputs, but part 2 takes 2 inputs."
