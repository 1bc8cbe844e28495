"""Networks as graphs: values against a loop over units in NumPy, derivatives against one unit after another in JAX.

The second reference is as plain as can be: a dense matrix, a Python loop over its rows, and JAX's own derivatives.
"""

import functools

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxnet import (
    Neuron,
    ShapeError,
    Wired,
    Wiring,
    chain,
    evaluate,
    identity,
    layer,
    level_schedule,
    mlp,
    per_unit,
    sigmoid,
    step,
    tanh,
    unit_deltas,
    unit_sums,
    wired,
)
from jaxnet.networks.activations import PerUnit

XOR = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])
IN_NUMPY = {
    sigmoid: scipy.special.expit,
    tanh: np.tanh,
    identity: lambda z: z,
    step: lambda z: (z >= 0) * 1.0,
    jnp.sqrt: np.sqrt,
    jnp.log: np.log,
}


def each(wiring, activation):
    """The activation of every unit."""
    if isinstance(activation, PerUnit):
        return [activation.functions[kind] for kind in activation.kinds]
    return [activation] * wiring.n_units


def by_hand(wiring, w, b, x, activation):
    """One unit after another in float64, from the definition."""
    w, b, x = (np.asarray(a, np.float64) for a in (w, b, x))
    values = [x[..., i] for i in range(wiring.n_inputs)]
    for u, function in enumerate(each(wiring, activation)):
        edges = range(wiring.offsets[u], wiring.offsets[u + 1])
        z = b[u] + sum((w[e] * values[wiring.sources[e]] for e in edges), np.zeros(x.shape[:-1]))
        values.append(IN_NUMPY[function](z))
    return np.stack([values[node] for node in wiring.outputs], axis=-1)


def as_arrays(wiring):
    """What `unrolled` needs of a graph: the unit and the node of every edge, and the outputs."""
    return np.repeat(np.arange(wiring.n_units), np.diff(wiring.offsets)), wiring.sources, wiring.outputs


def unrolled(graph, w, b, x, functions):
    targets, sources, outputs = graph
    n = x.shape[-1]
    matrix = jnp.zeros((len(b), n + len(b)), w.dtype).at[targets, sources].add(w)
    values = jnp.concatenate([x, jnp.zeros((*x.shape[:-1], len(b)), x.dtype)], axis=-1)
    for u, function in enumerate(functions):
        values = values.at[..., n + u].set(function(values @ matrix[u] + b[u]))
    return values[..., outputs]


@st.composite
def graphs(draw):
    """Three inputs, five units with 0, 1, 2, 3 and 4 edges in any order, three outputs: one shape, one compilation.

    Sources repeat, some units have no edge or feed nothing, outputs repeat and may be inputs.
    """
    fan_in = draw(st.permutations(range(5)))
    sources = [draw(st.integers(0, 3 + u - 1)) for u, n in enumerate(fan_in) for _ in range(n)]
    outputs = draw(st.lists(st.integers(0, 7), min_size=3, max_size=3))
    return Wiring(3, np.cumsum([0, *fan_in]), sources, outputs)


def wide(seed):
    """One shape again: units of 0 to 70 edges, half of them from one node: sums and cotangents have trees.

    Outputs repeat, and one is an input.
    """
    rng = np.random.default_rng(seed)
    fan_in, hub = rng.permutation([0, 1, 2, 3, 35, 70]), rng.integers(0, 3)
    sources = [
        np.where((rng.random(n) < 0.5) & (hub < 3 + u), hub, rng.integers(0, 3 + u, n)) for u, n in enumerate(fan_in)
    ]
    return Wiring(3, np.cumsum([0, *fan_in]), np.concatenate(sources).astype(int), [8, *rng.integers(3, 9, 2), 8, 1])


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


def close(a, b, rtol=1e-10, atol=1e-12):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), a, b)


# One compilation where a graph is run once; the hypothesis tests run many graphs of one shape without it.
run = jax.jit(evaluate, static_argnames=("wiring", "activation"))


# Its value.


@hypothesis.settings(max_examples=10)
@hypothesis.given(graphs(), st.integers(0, 2**32 - 1))
def test_evaluate_against_a_loop_over_units(wiring, seed):
    w, b, x = example(wiring, seed)
    params, inputs = as_float32(w, b, x)
    y = evaluate(wiring, params, inputs)
    np.testing.assert_allclose(y, by_hand(wiring, w, b, x, sigmoid), rtol=1e-4, atol=1e-5)


@hypothesis.settings(max_examples=10)
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

    def value(params):
        y = evaluate(wiring, params, inputs, identity)
        return y.sum(), y

    gradient, y = jax.jit(jax.grad(value, has_aux=True))(params)
    np.testing.assert_array_equal(y, (x @ w + 1)[:, None])
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


# Its derivatives, all in float64.

MIXED = per_unit([tanh, jnp.sin] * 3)
# Each gives the second derivative in a direction, or (forward twice) how far that goes in the direction itself.
SECOND = {
    "hessian": lambda f, t, v: jax.hessian(f)(t) @ v,
    "forward over forward": lambda f, t, v: jax.jvp(lambda t: jax.jvp(f, (t,), (v,))[1], (t,), (v,))[1],
    "reverse over reverse": lambda f, t, v: jax.grad(lambda t: jax.grad(f)(t) @ v)(t),
    "reverse over forward": lambda f, t, v: jax.grad(lambda t: jax.jvp(f, (t,), (v,))[1])(t),
}


def two_losses(wiring, activation, seed=0):
    """The loss of `evaluate` and that of `unrolled`, of w, b and x in one vector, there and in a direction."""
    arrays = example(wiring, seed, (2,))
    theta, unravel = jax.flatten_util.ravel_pytree(tuple(a / np.sqrt(1 + a.size / 9) for a in arrays))
    graph, functions = as_arrays(wiring), each(wiring, activation)

    def of_evaluate(theta):
        w, b, x = unravel(theta)
        return jnp.sum(evaluate(wiring, (w, b), x, activation) ** 2)

    def of_unrolled(theta):
        return jnp.sum(unrolled(graph, *unravel(theta), functions) ** 2)

    return of_evaluate, of_unrolled, theta, jnp.cos(jnp.arange(len(theta), dtype=theta.dtype))


@jax.jit
def gradient_of_evaluate(ready, w, b, x):
    return jax.value_and_grad(lambda w, b, x: jnp.sum(evaluate(ready, (w, b), x, tanh) ** 2), (0, 1, 2))(w, b, x)


@jax.jit
def gradient_of_unrolled(graph, w, b, x):
    def loss(w, b, x):
        return jnp.sum(unrolled(graph, w, b, x, [tanh] * len(b)) ** 2)

    return jax.value_and_grad(loss, (0, 1, 2))(w, b, x)


def gradients(wiring, arguments):
    """Of both; the second compiles once for all graphs of a shape."""
    return gradient_of_evaluate(level_schedule(wiring), *arguments), gradient_of_unrolled(as_arrays(wiring), *arguments)


@pytest.mark.slow
@hypothesis.settings(max_examples=4)
@hypothesis.given(graphs(), st.integers(0, 2**32 - 1))
def test_gradient(wiring, seed):
    """With respect to weights, biases and inputs."""
    with jax.enable_x64(True):
        ours, theirs = gradients(wiring, example(wiring, seed))
    close(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_gradient_through_trees_of_sums(seed):
    wiring = wide(seed)
    assert np.bincount(wiring.sources).max() > 32
    with jax.enable_x64(True):
        ours, theirs = gradients(wiring, example(wiring, seed))
    close(ours, theirs)


def test_gradient_against_finite_differences():
    """Central differences of the loop over units, which knows nothing of JAX."""
    wiring, h = wide(0), 1e-6
    arguments = example(wiring, 1)
    with jax.enable_x64(True):
        (_, gradient), _ = gradients(wiring, arguments)
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


@functools.cache
def second_derivative():
    """The plain gradient and Hessian."""
    _, theirs, theta, _ = two_losses(wide(0), MIXED)
    return jax.jit(lambda t: (jax.grad(theirs)(t), jax.hessian(theirs)(t)))(theta)


@pytest.mark.slow
def test_forward_mode():
    with jax.enable_x64(True):
        ours, _, theta, v = two_losses(wide(0), MIXED)
        gradient, _ = second_derivative()
        (_, along), full = jax.jit(lambda t, v: (jax.jvp(ours, (t,), (v,)), jax.jacfwd(ours)(t)))(theta, v)
        close((along, full), (gradient @ v, gradient))


@pytest.mark.slow
@pytest.mark.parametrize("kind", SECOND)
def test_second_order(kind):
    with jax.enable_x64(True):
        ours, _, theta, v = two_losses(wide(0), MIXED)
        _, hessian = second_derivative()
        assert np.abs(hessian).max() > 1e-2
        expected = v @ hessian @ v if kind == "forward over forward" else hessian @ v
        close(jax.jit(functools.partial(SECOND[kind], ours))(theta, v), expected, atol=1e-11)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)], ids=["params", "x", "both"])
def test_vmap(axes):
    """Of values and of gradients."""
    wiring = wide(0)
    many = [example(wiring, seed) for seed in range(3)]
    many = [(*(many[k * (axis == 0)][i] for i, axis in enumerate((axes[0], *axes))),) for k in range(3)]
    arguments = [
        many[0][i] if axis is None else np.stack([one[i] for one in many]) for i, axis in enumerate((axes[0], *axes))
    ]

    def loss(w, b, x):
        return jnp.sum(evaluate(wiring, (w, b), x, tanh) ** 2)

    with jax.enable_x64(True):
        together = jax.jit(jax.vmap(jax.value_and_grad(loss, (0, 1, 2)), (axes[0], *axes)))(*arguments)
        alone = [gradient_of_unrolled(as_arrays(wiring), *one) for one in many]
        close(together, jax.tree.map(lambda *leaves: np.stack(leaves), *alone))


def test_gradient_inside_scan():
    """Ten steps of descent end at the same place."""
    with jax.enable_x64(True):
        *losses, theta, _ = two_losses(wide(0), tanh)

        def descend(f, theta):
            return jax.lax.scan(lambda t, _: (t - 0.05 * jax.grad(f)(t), f(t)), theta, length=10)

        ours, theirs = (jax.jit(functools.partial(descend, f))(theta) for f in losses)
        assert theirs[1][-1] < theirs[1][0]
        close(ours, theirs)


@pytest.mark.slow
def test_an_activation_is_not_asked_outside_its_domain():
    """sqrt and log see positive sums, tanh negative ones, at which the other two would be NaN in value and slope."""
    activation = per_unit([jnp.sqrt, tanh, jnp.log, identity])
    wiring = Wiring(1, [0, 1, 2, 4, 7], [0, 0, 0, 1, 0, 2, 3], [4, 3, 2, 1])
    w, b, x = np.array([1.0, -2, 1, 1, -1, 1, 1]), np.array([0.0, -1, 1, 0]), np.array([[1.0], [4], [9]])

    with jax.enable_x64(True):
        arguments = jnp.asarray(w), jnp.asarray(b), jnp.asarray(x)
        y, gradient = jax.jit(
            jax.value_and_grad(lambda w, b, x: jnp.sum(evaluate(wiring, (w, b), x, activation)), argnums=(0, 1, 2))
        )(*arguments)
        expected = jax.jit(
            jax.grad(lambda *a: jnp.sum(unrolled(as_arrays(wiring), *a, each(wiring, activation))), argnums=(0, 1, 2))
        )(*arguments)
        assert y == pytest.approx(by_hand(wiring, w, b, x, activation).sum(), rel=1e-13)
        close(gradient, expected)
        curvature = jax.jit(jax.hessian(lambda x: evaluate(wiring, arguments[:2], x, activation)[0]))(arguments[2][0])
        assert np.isfinite(curvature).all()


def test_nan_reaches_only_what_it_feeds():
    """Unit 0 is sqrt(-1), unit 1 is fed by it; unit 2 and its gradient know neither."""
    wiring = Wiring(1, [0, 1, 2, 3], [0, 1, 0], [1, 2, 3])
    activation, params = per_unit([jnp.sqrt, tanh, tanh]), Neuron(f32(-1, 1, 0.5), zeros(3))
    y = run(wiring, params, f32([1]), activation)
    np.testing.assert_allclose(y, [[np.nan, np.nan, np.tanh(0.5)]], rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda p: evaluate(wiring, p, f32(1), activation).sum()))(params)
    np.testing.assert_allclose(gradient.w[2], 1 - np.tanh(0.5) ** 2, rtol=1e-6)
    np.testing.assert_allclose(gradient.b[2], 1 - np.tanh(0.5) ** 2, rtol=1e-6)


def test_a_depth_of_10_000_is_exact_on_integers():
    """With weights and biases of one, unit k of a line is x + k, and that is the derivative by the next weight."""
    n = 10_000
    wiring, params = (
        Wiring(1, np.arange(n + 1), np.arange(n), [n]),
        Neuron(np.ones(n, np.float32), np.ones(n, np.float32)),
    )
    x = f32([2], [3])
    y, (gradient, by_x) = jax.jit(
        jax.value_and_grad(lambda p, x: evaluate(wiring, p, x, identity).sum(), argnums=(0, 1))
    )(params, x)
    assert y == 2 * n + 5
    np.testing.assert_array_equal(gradient.w, 2 * np.arange(n) + 5)
    np.testing.assert_array_equal(gradient.b, np.full(n, 2))
    np.testing.assert_array_equal(by_x, [[1], [1]])


# The two sweeps by themselves.


def test_pre_activations():
    """Their activations are the values of the units, and they are the sums."""
    wiring = wide(3)
    w, b, x = example(wiring, 3, (2, 3))
    units = Wiring(3, wiring.offsets, wiring.sources, 3 + np.arange(6))
    with jax.enable_x64(True):
        z = unit_sums(wiring, (w / 8, b), x, MIXED)
        v = evaluate(units, (w / 8, b), x, MIXED)
        assert z.shape == (2, 3, 6)
        for u, function in enumerate(each(wiring, MIXED)):
            close(function(z[..., u]), v[..., u])
    targets, sources, _ = as_arrays(wiring)
    matrix = np.zeros((6, 9))
    np.add.at(matrix, (targets, sources), w / 8)
    close(z, np.concatenate([x, v], axis=-1) @ matrix.T + b)


def test_backpropagate():
    """The delta of a unit is the derivative by its bias, in each example."""
    wiring = wide(4)
    w, b, x = example(wiring, 4, (2, 3))
    w, cotangent = w / 8, np.random.default_rng(5).normal(size=(2, 3, 6))
    graph, functions = (*as_arrays(wiring)[:2], 3 + np.arange(6)), each(wiring, MIXED)

    @jax.jit
    @jax.vmap
    @jax.vmap
    def by_vjp(x, cotangent):
        return jax.vjp(lambda b: unrolled(graph, w, b, x, functions), b)[1](cotangent)[0]

    with jax.enable_x64(True):
        z = unit_sums(wiring, (w, b), x, MIXED)
        deltas = unit_deltas(wiring, (w, b), z, cotangent, MIXED)
        close(deltas, by_vjp(x, jnp.asarray(cotangent)))


def test_the_sweeps_keep_the_dtype():
    params = Neuron(jnp.ones(5, jnp.bfloat16), jnp.zeros(2, jnp.bfloat16))
    z = unit_sums(XOR, params, jnp.ones((4, 2), jnp.bfloat16))
    assert (z.shape, z.dtype.name) == ((4, 2), "bfloat16")
    assert unit_deltas(XOR, params, z, z).dtype.name == "bfloat16"


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


def test_the_gradient_of_a_batch_sharded_over_two_devices():
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])
    wiring = wide(0)
    params, x = as_float32(*example(wiring, 0))
    sharded = jax.device_put(x, NamedSharding(mesh, PartitionSpec("batch")))
    gradient = jax.jit(jax.grad(lambda p, x: jnp.sum(evaluate(wiring, p, x, tanh) ** 2)))
    close(gradient(params, sharded), gradient(params, x), rtol=1e-5, atol=1e-5)


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
        "apply: layer 2 of 3 (Wiring(2 inputs, 2 units, 5 edges, 1 outputs) sigmoid): expected weights (5,) and "
        "biases (2,), one per edge and one per unit of Wiring(2 inputs, 2 units, 5 edges, 1 outputs), got (4,) and "
        "(2,)."
    )
    with pytest.raises(ShapeError) as e:
        chain(layer(3, 3), wired(XOR))
    assert str(e.value) == "chain: part 1 gives 3 outputs, but part 2 takes 2 inputs."
