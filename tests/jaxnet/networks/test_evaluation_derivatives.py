"""Derivatives of networks as graphs, against one unit after another in JAX, all in float64.

The reference is as plain as can be: a dense matrix, a Python loop over its rows, and JAX's own derivatives.
"""

import functools

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.wirings import XOR, each, example, f32, graphs, wide, zeros
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxnet import (
    Neuron,
    Wiring,
    evaluate,
    identity,
    level_schedule,
    mlp,
    per_unit,
    tanh,
    unit_deltas,
    unit_sums,
    wired,
)


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


def forward(wiring, w, b, x):
    """The values of the outputs with tanh in every unit, one after another in NumPy."""
    values = [x[..., i] for i in range(wiring.n_inputs)]
    for u in range(wiring.n_units):
        edges = range(wiring.offsets[u], wiring.offsets[u + 1])
        values.append(np.tanh(b[u] + sum((w[e] * values[wiring.sources[e]] for e in edges), np.zeros(x.shape[:-1]))))
    return np.stack([values[node] for node in wiring.outputs], axis=-1)


def close(a, b, rtol=1e-10, atol=1e-12):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), a, b)


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
        _, gradient = gradient_of_evaluate(level_schedule(wiring), *arguments)
    for i, argument in enumerate(arguments):
        numerical = np.zeros_like(argument)
        for index in np.ndindex(argument.shape):
            ends = []
            for sign in (1, -1):
                moved = argument.copy()
                moved[index] += sign * h
                values = forward(wiring, *(moved if i == k else a for k, a in enumerate(arguments)))
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


@pytest.mark.parametrize(
    "axes",
    [(0, None), *(pytest.param(axes, marks=pytest.mark.slow) for axes in ((None, 0), (0, 0)))],
    ids=["params", "x", "both"],
)
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


@pytest.mark.slow
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
            jax.value_and_grad(
                lambda *a: jnp.sum(unrolled(as_arrays(wiring), *a, each(wiring, activation))), argnums=(0, 1, 2)
            )
        )(*arguments)
        close((y, gradient), expected)
        curvature = jax.jit(jax.hessian(lambda x: evaluate(wiring, arguments[:2], x, activation)[0]))(arguments[2][0])
        assert np.isfinite(curvature).all()


def test_nan_reaches_only_what_it_feeds():
    """Unit 0 is sqrt(-1), unit 1 is fed by it; unit 2 and its gradient know neither."""
    wiring = Wiring(1, [0, 1, 2, 3], [0, 1, 0], [1, 2, 3])
    activation, params = per_unit([jnp.sqrt, tanh, tanh]), Neuron(f32(-1, 1, 0.5), zeros(3))
    y = jax.jit(lambda p: evaluate(wiring, p, f32([1]), activation))(params)
    np.testing.assert_allclose(y, [[np.nan, np.nan, np.tanh(0.5)]], rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda p: evaluate(wiring, p, f32(1), activation).sum()))(params)
    np.testing.assert_allclose(gradient.w[2], 1 - np.tanh(0.5) ** 2, rtol=1e-6)
    np.testing.assert_allclose(gradient.b[2], 1 - np.tanh(0.5) ** 2, rtol=1e-6)


@pytest.mark.slow
def test_a_depth_of_10_000_is_exact_on_integers():
    """With weights and biases of one, unit k of a line is x + k, and that is the derivative by the next weight."""
    n = 10_000
    wiring, params = (
        Wiring(1, np.arange(n + 1), np.arange(n), [n]),
        Neuron(np.ones(n, np.float32), np.ones(n, np.float32)),
    )
    x = f32([2], [3])
    y, (gradient, by_x) = jax.jit(
        jax.value_and_grad(lambda p, x, ready: evaluate(ready, p, x, identity).sum(), argnums=(0, 1))
    )(params, x, level_schedule(wiring))
    assert y == 2 * n + 5
    np.testing.assert_array_equal(gradient.w, 2 * np.arange(n) + 5)
    np.testing.assert_array_equal(gradient.b, np.full(n, 2))
    np.testing.assert_array_equal(by_x, [[1], [1]])


def test_an_mlp_is_a_wiring():
    """Value and gradient; the weights of the wiring are those of the layers, row by row."""
    sizes, rng = [3, 4, 2], np.random.default_rng(0)
    net, wiring = mlp(sizes, tanh), Wiring.from_mlp(sizes)
    params = tuple(Neuron(f32(*rng.normal(size=(m, n))), f32(*rng.normal(size=m))) for n, m in ((3, 4), (4, 2)))
    x = rng.normal(size=(4, 3)).astype(np.float32)

    def flat(params):
        return Neuron(*(np.concatenate([np.ravel(a) for a in leaves]) for leaves in zip(*params, strict=True)))

    def value_and_gradient(apply):
        return jax.jit(jax.value_and_grad(lambda p: jnp.sum(apply(p, x) ** 2)))

    y, gradient = value_and_gradient(net.apply)(params)
    value, derivative = value_and_gradient(wired(wiring, tanh).apply)(flat(params))
    np.testing.assert_allclose(value, y, rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), derivative, flat(gradient))
    one, other = jax.jit(lambda p, q: (evaluate(wiring, q, x, tanh), net.apply(p, x)))(params, flat(params))
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_gradient_of_a_batch_sharded_over_two_devices():
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])
    wiring = wide(0)
    w, b, x = (a.astype(np.float32) for a in example(wiring, 0))
    params = Neuron(w, b)
    sharded = jax.device_put(x, NamedSharding(mesh, PartitionSpec("batch")))
    gradient = jax.jit(jax.grad(lambda p, x: jnp.sum(evaluate(wiring, p, x, tanh) ** 2)))
    close(gradient(params, sharded), gradient(params, x), rtol=1e-5, atol=1e-5)


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
    sums, deltas = (functools.partial(f, level_schedule(XOR)) for f in (unit_sums, unit_deltas))
    z = jax.eval_shape(sums, params, jnp.ones((4, 2), jnp.bfloat16))
    assert (z.shape, z.dtype.name) == ((4, 2), "bfloat16")
    assert jax.eval_shape(deltas, params, z, z).dtype.name == "bfloat16"
