"""An mlp as a wiring and back: the same function, the same gradients; skips worked out by hand, and errors."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet import (
    Network,
    Neuron,
    ShapeError,
    Wiring,
    as_mlp,
    as_wired,
    chain,
    evaluate,
    identity,
    layer,
    mlp,
    per_unit,
    relu,
    sigmoid,
    step,
    tanh,
    wired,
)


def x_of(net, batch=5):
    return jax.random.normal(jax.random.key(7), (batch, net.structure.n_inputs))


@pytest.mark.slow
@pytest.mark.parametrize("activation", [sigmoid, [tanh, relu, identity], [per_unit([tanh, step, relu]), tanh, tanh]])
def test_an_mlp_is_the_same_function_as_a_wiring_and_back(activation):
    net = mlp([4, 3, 2, 3], activation)
    params = net.init(jax.random.key(0))
    params = jax.tree.map(lambda p: p + 0.1, params)
    x = jax.random.normal(jax.random.key(1), (6, 4))
    graph, w = as_wired(net, params)
    np.testing.assert_allclose(graph.apply(w, x), net.apply(params, x), atol=1e-6)
    again, p = as_mlp(graph, w)
    assert again.structure.parts[0].n_inputs == 4
    assert jax.tree.map(jnp.shape, p) == jax.tree.map(jnp.shape, params)
    for mine, theirs in zip(jax.tree.leaves(p), jax.tree.leaves(params), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_wiring_of_an_mlp_by_hand():
    wiring = Wiring.from_mlp([2, 3, 1])
    np.testing.assert_array_equal(wiring.offsets, [0, 2, 4, 6, 9])
    np.testing.assert_array_equal(wiring.sources, [0, 1, 0, 1, 0, 1, 2, 3, 4])
    np.testing.assert_array_equal(wiring.outputs, [5])
    graph, w = as_wired(mlp([2, 1]), (Neuron(jnp.array([[1.0, 2.0]]), jnp.array([3.0])),))
    assert graph.structure.wiring.n_edges == 2
    np.testing.assert_array_equal(w.w, [1, 2])
    np.testing.assert_array_equal(w.b, [3])


def test_a_skip_is_passed_through():
    """XOR in two units, the second of which reads the inputs again: they pass through the first layer."""
    net, params = as_mlp(
        wired(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]), step),
        Neuron(jnp.array([1.0, 1.0, 1.0, 1.0, -2.0]), jnp.array([-1.5, -0.5])),
    )
    assert repr(net) == "Network(2 -> 3 per_unit(2 identity, 1 step) -> 1 step)"
    np.testing.assert_array_equal(params[0].w, [[1, 0], [0, 1], [1, 1]])
    np.testing.assert_array_equal(params[0].b, [0, 0, -1.5])
    np.testing.assert_array_equal(params[1].w, [[1, 1, -2]])
    x = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    np.testing.assert_array_equal(jax.jit(net.apply)(params, x), [[0], [1], [1], [0]])


@st.composite
def graphs(draw):
    n, units = draw(st.integers(1, 3)), draw(st.integers(0, 6))
    fans = [draw(st.lists(st.integers(0, n + u - 1), max_size=3)) for u in range(units)]
    outputs = draw(st.lists(st.integers(0, n + units - 1), min_size=1, max_size=4))
    offsets = np.cumsum([0, *map(len, fans)])
    return Wiring(n, offsets, np.array([s for fan in fans for s in fan], np.int32), outputs)


@pytest.mark.slow
@hypothesis.settings(max_examples=25)
@hypothesis.given(graphs(), st.data())
def test_any_graph_is_the_same_function_as_an_mlp(wiring, data):
    choices = data.draw(st.lists(st.sampled_from([tanh, sigmoid]), min_size=wiring.n_units, max_size=wiring.n_units))
    activation = per_unit(choices) if choices else sigmoid
    rng = np.random.default_rng(0)
    params = Neuron(*(jnp.asarray(rng.normal(size=k), jnp.float32) for k in (wiring.n_edges, wiring.n_units)))
    net, dense = as_mlp(wired(wiring, activation), params)
    x = jnp.asarray(rng.normal(size=(3, wiring.n_inputs)), jnp.float32)
    np.testing.assert_allclose(net.apply(dense, x), evaluate(wiring, params, x, activation), atol=1e-6)


def test_gradients_pass_through_the_conversion():
    wiring = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3, 0])
    graph = wired(wiring)
    params, x = graph.init(jax.random.key(0)), jnp.array([[0.3, -0.7]])

    def dense(params):
        net, p = as_mlp(graph, params)
        return net.apply(p, x).sum()

    expected = jax.jit(jax.grad(lambda params: graph.apply(params, x).sum()))(params)
    for mine, theirs in zip(jax.tree.leaves(jax.jit(jax.grad(dense))(params)), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_dead_units_are_left_out():
    wiring = Wiring(1, [0, 1, 2, 3], [0, 0, 1], [1])
    net, _ = as_mlp(wired(wiring), wired(wiring).init(jax.random.key(0)))
    assert repr(net) == "Network(1 -> 1 sigmoid)"


def test_errors():
    own = Network(lambda key: (), lambda params, x: x)
    with pytest.raises(TypeError) as e:
        as_mlp(mlp([2, 1]), ())
    assert str(e.value) == "as_mlp: expected a network made by jaxnet.wired, got 2 -> 1 sigmoid."
    with pytest.raises(TypeError) as e:
        as_wired(chain(layer(2, 1), own), ())
    assert str(e.value) == "as_wired: expected layers and chains of them, got your own."
    with pytest.raises(ShapeError) as e:
        as_wired(mlp([2, 1]), (Neuron(jnp.zeros((2, 1)), jnp.zeros(1)),))
    assert str(e.value) == "as_wired: expected parameters [(1, 2), (1,)], got [(2, 1), (1,)]."
    wiring = Wiring(1, [0, 1], [0], [1])
    with pytest.raises(ShapeError) as e:
        as_mlp(wired(wiring), Neuron(jnp.zeros(2), jnp.zeros(1)))
    assert str(e.value) == (
        "as_mlp: expected weights (1,) and biases (1,) of Wiring(1 inputs, 1 units, 1 edges, 1 outputs), "
        "got (2,) and (1,)."
    )
    with pytest.raises(ValueError, match="at least one input and one output") as e:
        as_mlp(wired(Wiring(1, [0], [], [])), Neuron(jnp.zeros(0), jnp.zeros(0)))
    with pytest.raises(ValueError, match="at least two sizes") as e:
        Wiring.from_mlp([2])
    assert str(e.value) == "Wiring.from_mlp: expected at least two sizes, inputs and outputs, got [2]."


@pytest.mark.parametrize("size", [True, 2.0])
def test_sizes_of_a_wiring_are_whole_numbers(size):
    with pytest.raises(TypeError) as e:
        Wiring.from_mlp([size, 1])
    assert str(e.value) == f"Wiring.from_mlp: expected size 0 of [{size}, 1] to be a whole number, got {size}."
    with pytest.raises(ValueError, match=r"^Wiring.from_mlp: expected size 1 of \[2, 0\] to be at least 1, got 0\.$"):
        Wiring.from_mlp([2, 0])
    np.testing.assert_array_equal(Wiring.from_mlp(np.array([2, 1])).sources, Wiring.from_mlp([2, 1]).sources)
