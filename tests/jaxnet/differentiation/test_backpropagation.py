"""Backpropagation by hand, and against jax.grad, on layers, chains of chains and wirings."""

import functools

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet import Network, Neuron, ShapeError, Wiring, backprop, chain, layer, mlp, wired
from jaxnet import per_example_gradient_norms as norms_of
from jaxnet import per_example_gradients as gradients_of

LN3 = np.log(3)
LOSSES = [jaxnet.squared_error, jaxnet.huber, jaxnet.binary_cross_entropy, jaxnet.softmax_cross_entropy]
SMOOTH = [jaxnet.sigmoid, jaxnet.tanh, jaxnet.identity, jaxnet.gelu]
# Node 2 feeds unit 1 twice, unit 2 has no edge, an input and one unit twice are read.
GRAPH = Wiring(2, [0, 2, 5, 5, 9], [0, 1, 2, 0, 2, 3, 4, 1, 2], [5, 0, 3, 5])
MIXED = jaxnet.per_unit([jaxnet.tanh, jaxnet.sigmoid, jaxnet.identity, jaxnet.gelu])
NETWORKS = {
    "mlp": mlp([2, 4, 3], [jaxnet.tanh, jaxnet.identity]),
    "chain of chains, per unit, softmax": chain(layer(2, 4, MIXED), chain(chain(layer(4, 3, jax.nn.softmax)))),
    "wired between layers": chain(layer(2, 2, jaxnet.tanh), wired(GRAPH, MIXED), layer(4, 2)),
    "wired after wired": chain(wired(GRAPH, jaxnet.tanh), wired(Wiring(4, [0, 2], [0, 3], [4, 1]))),
    # Parts of those above, each by itself.
    "layer": layer(2, 3),
    "per unit": layer(2, 4, MIXED),
    "softmax": layer(2, 3, jax.nn.softmax),
    "wired": wired(GRAPH, jaxnet.tanh),
    "wired, per unit": wired(GRAPH, MIXED),
}
PARTS = ("layer", "per unit", "softmax", "wired", "wired, per unit", "wired after wired")


def f32(*rows):
    return np.array(rows, np.float32)


def example(network, batch=(5,), dtype=np.float32, seed=7):
    """Parameters, inputs and targets, drawn by NumPy: it compiles nothing."""
    random = np.random.default_rng(seed)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    params = jax.tree.map(lambda p: random.normal(size=p.shape).astype(dtype), shapes)
    x = random.normal(size=(*batch, 2)).astype(dtype)
    m = jax.eval_shape(network.apply, params, x).shape[-1]
    return params, x, random.uniform(size=(*batch, m)).astype(dtype)


def summed(network, loss=jaxnet.squared_error):
    return lambda params, x, y: loss(network.apply(params, x), y).sum()


@functools.cache
def compiled(name):
    """All results, by one program for each network and shape."""

    @jax.jit
    def results(params, x, y):
        found = backprop(NETWORKS[name], params, x, y, jaxnet.squared_error)
        return found, gradients_of(NETWORKS[name], found), norms_of(NETWORKS[name], found)

    return results


def total(each, batch=(5,)):
    """The sum over examples."""
    return jax.tree.map(lambda leaf: np.asarray(leaf).sum(axis=tuple(range(len(batch)))), each)


def close(found, expected, rtol=1e-5, atol=1e-6):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for f, e in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (f.shape, f.dtype) == (e.shape, e.dtype)
        np.testing.assert_allclose(np.asarray(f, np.float64), np.asarray(e, np.float64), rtol=rtol, atol=atol)


def test_the_xor_network_by_hand():
    """Hidden units sigma(+-ln 3 (x1 - x2)) of 1/2, 3/4 or 1/4, and every output 1/2 with sigma' = 1/4."""
    net = mlp([2, 2, 1])
    params = (Neuron(f32([LN3, -LN3], [-LN3, LN3]), f32(0, 0)), Neuron(f32([2, 2]), f32(-2)))
    x, y = f32([0, 0], [1, 0], [0, 1], [1, 1]), f32([0], [1], [1], [0])
    found = jax.jit(lambda params: backprop(net, params, x, y, jaxnet.squared_error))(params)
    hidden = f32([1 / 2, 1 / 2], [3 / 4, 1 / 4], [1 / 4, 3 / 4], [1 / 2, 1 / 2])
    first = f32([1 / 16] * 2, [-3 / 64] * 2, [-3 / 64] * 2, [1 / 16] * 2)
    last = f32([1 / 8], [-1 / 8], [-1 / 8], [1 / 8])
    gradient = (Neuron(np.full((2, 2), 1 / 64, np.float32), f32(1 / 32, 1 / 32)), Neuron(f32([0, 0]), f32(0)))
    close(found.losses, f32(*[1 / 8] * 4))
    close(found.activations, (x, hidden, np.full((4, 1), 0.5, np.float32)))
    close(found.pre_activations, (f32([0, 0], [LN3, -LN3], [-LN3, LN3], [0, 0]), np.zeros((4, 1), np.float32)))
    close(found.deltas, (first, last))
    close(found.gradient, gradient)
    close(norms_of(net, found), np.sqrt(f32(1 / 32, 35 / 1024, 35 / 1024, 3 / 64)))
    close(gradients_of(net, found)[0].w[1], f32([-3 / 64, 0], [-3 / 64, 0]))


@pytest.mark.slow
@hypothesis.settings(max_examples=8)
@hypothesis.given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3), st.data(), st.sampled_from(LOSSES), st.integers(0, 99)
)
def test_random_mlps_against_jax_grad(sizes, data, loss, seed):
    sigmas = [data.draw(st.sampled_from(SMOOTH)) for _ in sizes]
    net = mlp([2, *sizes], sigmas)
    params, x, y = example(net, seed=seed)
    found = jax.jit(lambda params: backprop(net, params, x, y, loss))(params)
    close(found.gradient, jax.jit(jax.grad(summed(net, loss)))(params, x, y), 1e-4, 1e-5)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in PARTS or name == "wired between layers" else [])
        for name in NETWORKS
    ],
)
def test_every_kind_of_network_against_jax_grad(name):
    net = NETWORKS[name]
    args = example(net)
    found, each, norms = compiled(name)(*args)
    expected = jax.jit(jax.vmap(jax.grad(summed(net)), in_axes=(None, 0, 0)))(*args)
    close(found.gradient, total(expected), 1e-4, 1e-5)
    close(each, expected, 1e-4, 1e-5)
    squares = sum(np.square(leaf).reshape(5, -1).sum(axis=1) for leaf in map(np.asarray, jax.tree.leaves(expected)))
    close(norms, np.sqrt(squares), 1e-4, 1e-5)


def test_the_shapes_of_a_wiring():
    net = NETWORKS["wired between layers"]
    found = jax.eval_shape(lambda *a: backprop(net, *a, loss=jaxnet.squared_error), *example(net, (3, 2)))
    assert [a.shape for a in found.activations] == [(3, 2, 2), (3, 2, 2), (3, 2, 6), (3, 2, 2)]
    assert [d.shape for d in found.deltas] == [z.shape for z in found.pre_activations]
    assert [d.shape for d in found.deltas] == [(3, 2, 2), (3, 2, 4), (3, 2, 2)]


@pytest.mark.slow
def test_so_many_examples_that_edges_go_in_blocks():
    """The same five examples 2^16 times: three of the nine edges fill a block of 2^20 numbers."""
    name, n = "wired between layers", 2**16
    net = NETWORKS[name]
    params, x, y = example(net)
    few, _, norms = compiled(name)(params, x, y)

    @jax.jit
    def many(params, x, y):
        found = backprop(net, params, x, y, jaxnet.squared_error)
        return found.gradient, found.deltas, norms_of(net, found)

    gradient, deltas, many_norms = many(params, np.tile(x, (n, 1)), np.tile(y, (n, 1)))
    # A float32 sum over 327,680 examples is good to three digits; what belongs to one example, to all.
    close(jax.tree.map(lambda g: np.asarray(g) / np.float32(n), gradient), few.gradient, 1e-2, 1e-3)
    close([d[-5:] for d in deltas], list(few.deltas))
    close(many_norms[-5:], norms)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "wired between layers"])
@pytest.mark.parametrize("batch", [(), (2, 3), (0,)])
def test_any_leading_axes(name, batch):
    net = NETWORKS[name]
    args = example(net, batch)
    found, each, norms = compiled(name)(*args)
    close(found.gradient, jax.jit(jax.grad(summed(net)))(*args), 1e-5, 1e-5)
    assert norms.shape == found.losses.shape == batch
    close(total(each, batch), found.gradient, 1e-5, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "wired between layers"])
def test_vmap_over_parameters_and_examples(name):
    net = NETWORKS[name]
    params, x, y = example(net, (4,))
    pairs = jax.tree.map(lambda p: np.stack([p, 2 * p, -p, p / 2]), params)
    found = jax.jit(jax.vmap(lambda *a: backprop(net, *a, loss=jaxnet.squared_error).gradient))(pairs, x, y)
    close(found, jax.jit(jax.vmap(jax.grad(summed(net))))(pairs, x, y))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "wired between layers"])
def test_differentiable_again(name):
    """In both modes."""
    net = NETWORKS[name]
    params, x, y = example(net)

    def ours(params):
        return backprop(net, params, x, y, jaxnet.squared_error).gradient

    def automatic(params):
        return jax.grad(summed(net))(params, x, y)

    def along(gradient):
        return jax.jit(lambda params: jax.jvp(gradient, (params,), (jax.tree.map(jnp.cos, params),))[1])

    def again(gradient):
        return jax.jit(jax.grad(lambda params: sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(gradient(params)))))

    close(along(ours)(params), along(automatic)(params), 1e-3, 1e-4)
    close(again(ours)(params), again(automatic)(params), 1e-3, 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "wired between layers"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_dtypes(name, dtype):
    net = NETWORKS[name]
    with jax.enable_x64(dtype == "float64"):
        args = example(net, dtype=jnp.dtype(dtype))
        found = jax.jit(lambda *a: backprop(net, *a, loss=jaxnet.squared_error))(*args)
        assert {str(leaf.dtype) for leaf in jax.tree.leaves((found, norms_of(net, found)))} == {dtype}
        tolerance = (1e-12, 1e-12) if dtype == "float64" else (0.05, 0.05)
        close(found.gradient, jax.jit(jax.grad(summed(net)))(*args), *tolerance)


def test_a_kink_is_left_to_the_activation():
    """JAX has relu'(0) = 0 and abs'(0) = 1; a step has no derivative, a surrogate that of another function."""
    params, x, y = Neuron(f32([1]), f32(0)), f32(0), f32(-4)
    expected = {jaxnet.relu: 0, jnp.abs: 4, jaxnet.step: 0, jaxnet.surrogate_step(jaxnet.tanh): 5}

    @jax.jit
    def deltas(params, x, y):
        return [backprop(layer(1, 1, f), params, x, y, jaxnet.squared_error).deltas[0] for f in expected]

    np.testing.assert_array_equal(np.ravel(deltas(params, x, y)), list(expected.values()))


@pytest.mark.slow
def test_labels_as_targets_and_lists_of_pairs_as_parameters():
    net = mlp([2, 3], jaxnet.identity)
    params, x, _ = example(net)
    labels, loss = np.array([0, 1, 2, 1, 0]), jaxnet.softmax_cross_entropy_with_integer_labels
    params = [[params[0].w, params[0].b]]
    close(backprop(net, params, x, labels, loss).gradient, jax.grad(summed(net, loss))(params, x, labels))


def result_of(network):
    """What `backprop` returns, as shapes."""
    return jax.eval_shape(lambda *args: backprop(network, *args, loss=jaxnet.squared_error), *example(network))


OWN = Network(lambda key: (), lambda params, x: jnp.asarray(x))


@pytest.mark.parametrize(
    ("network", "found"),
    [
        (OWN, "this is a network of your own, whose structure is None"),
        (chain(layer(2, 2), OWN), "part 2 of the chain is a network of your own, whose structure is None"),
        (chain(layer(2, 2), chain(OWN)), "part 2.1 of the chain is a network of your own, whose structure is None"),
        (OWN._replace(structure="attention"), "this is 'attention'"),
    ],
)
def test_a_network_without_a_known_structure_is_refused(network, found):
    known = result_of(layer(2, 2))
    for name, call in (
        ("backprop", lambda: backprop(network, (), np.zeros((1, 2)), None, jaxnet.squared_error)),
        ("per_example_gradients", lambda: gradients_of(network, known)),
        ("per_example_gradient_norms", lambda: norms_of(network, known)),
    ):
        with pytest.raises(TypeError) as e:
            call()
        assert str(e.value) == (
            f"{name}: expected a network made of jaxnet.layer, mlp, chain and wired, but {found}. "
            "For any function use jax.grad."
        )


def test_the_result_of_another_network_is_refused():
    known = result_of(layer(2, 2))
    with pytest.raises(ValueError, match=r"^per_example_gradient_norms: ") as e:
        norms_of(mlp([2, 2, 1]), known)
    assert str(e.value) == (
        "per_example_gradient_norms: expected the backprop of this network of 2 layers, got one of 1."
    )


@pytest.mark.parametrize(("loss", "shape"), [(lambda v, y: jnp.mean(v - y), "()"), (lambda v, y: v - y, "(5, 3)")])
def test_a_loss_of_another_shape_is_refused(loss, shape):
    net = NETWORKS["mlp"]
    with pytest.raises(ShapeError) as e:
        backprop(net, *example(net), loss=loss)
    assert str(e.value) == (
        f"backprop: expected a loss of one value per example, (5,) for outputs (5, 3), got {shape}. "
        "Leave sums and means over examples to the caller."
    )


def test_what_does_not_fit_is_refused_with_the_place_in_the_network():
    net = NETWORKS["mlp"]
    params, x, y = example(net)
    with pytest.raises(ShapeError) as e:
        backprop(net, params, x[:, :1], y, jaxnet.squared_error)
    place = "backprop: layer 1 of 2 (2 -> 4 tanh): "
    assert str(e.value) == f"{place}expected inputs (..., 2) for weights (4, 2), got (5, 1)."
    with pytest.raises(TypeError) as e:
        backprop(net, params, np.ones((5, 2), np.int32), y, jaxnet.squared_error)
    assert str(e.value) == f"{place}expected floating inputs, got int32. Convert them, for example x.astype(float32)."
