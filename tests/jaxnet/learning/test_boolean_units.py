"""Penalties by NumPy and from compiled circuits; the gain in the weights against a gain in the activation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import circuits
import jaxnet
from jaxnet import Neuron, ShapeError, anneal_gain, integer_penalty, margin_penalty, pre_activation

NET = jaxnet.mlp([3, 4, 2, 1])
PARAMS = tuple(
    Neuron(*(jnp.asarray(3 * np.random.default_rng(m).normal(size=shape), jnp.float32) for shape in ((m, n), (m,))))
    for n, m in ((3, 4), (4, 2), (2, 1))
)
X = circuits.rows(3).astype(np.float32)


def by_definition(margin):
    z = X @ np.float64(PARAMS[0].w).T + np.float64(PARAMS[0].b)
    deeper = 1 / (1 + np.exp(-z)) @ np.float64(PARAMS[1].w).T + np.float64(PARAMS[1].b)
    return np.mean(np.maximum(0, 1 - np.abs(np.concatenate([z, deeper], axis=1)) / margin) ** 2)


def test_margins_are_those_of_all_hidden_units():
    penalty = jax.jit(functools.partial(margin_penalty, NET, PARAMS))
    for margin in (1.0, 12.0):
        assert penalty(X, margin) == pytest.approx(by_definition(margin), rel=1e-5)


@pytest.mark.slow  # compiles a loop
def test_a_wiring_has_the_penalty_of_its_mlp():
    net, params = jaxnet.as_wired(NET, PARAMS)
    assert margin_penalty(net, params, X) == pytest.approx(by_definition(12.0), rel=1e-5)


def test_one_layer_has_no_hidden_units():
    assert margin_penalty(jaxnet.layer(3, 4), PARAMS[0], X) == 0


def test_the_margin_is_widened_on_the_side_where_a_sum_is():
    net, x = jaxnet.mlp([1, 1, 1]), jnp.ones((1, 1))

    def of(b):
        return margin_penalty(net, (Neuron(jnp.zeros((1, 1)), b), Neuron(jnp.ones((1, 1)), jnp.zeros(1))), x, 2.0)

    # d/dz (1 - |z| / 2)^2 = -(1 - |z| / 2) sign(z), and nothing from the margin on.
    slopes = jax.jit(jax.vmap(jax.grad(of)))(jnp.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]]))
    np.testing.assert_allclose(slopes[:, 0], [0, 0.5, 0, -0.5, 0], atol=1e-7)


def test_integer_penalty_is_zero_for_compiled_circuits_alone():
    soft = circuits.to_network(circuits.parse("maj(a, b, c) ^ d"), jaxnet.sigmoid, gain=8.0)
    assert integer_penalty(soft.params, 8.0) < 1e-10
    shifted = soft.params._replace(b=soft.params.b + 8.0 / 2)
    size = soft.params.w.size + soft.params.b.size
    assert integer_penalty(shifted, 8.0) == pytest.approx(soft.params.b.size / size, rel=1e-5)
    halfway = soft.params._replace(w=soft.params.w + 8.0 / 4)
    assert integer_penalty(halfway, 8.0) == pytest.approx(soft.params.w.size / size / 2, rel=1e-5)


@pytest.mark.slow
def test_descent_on_the_integer_penalty_ends_at_integers():
    rule = jaxnet.gradient_descent(lambda params, batch: integer_penalty(params, 2.0), optax.adam(0.02))
    state, _ = jaxnet.train(rule, rule.init(PARAMS), X, steps=1000, key=jax.random.key(0))
    for before, (w, b) in zip(PARAMS, state.params, strict=True):
        np.testing.assert_allclose(w / 2, np.round(before.w / 2), atol=1e-3)
        np.testing.assert_allclose(b / 2, np.floor(before.b / 2) + 0.5, atol=1e-3)


def test_a_growing_gain_in_the_weights_is_a_growing_gain_of_the_sigmoid():
    """By steps along the sign of the gradient, which do not see its size, so that both are the same run."""
    gain, rate, target = optax.exponential_decay(1.0, 6, 12.0, end_value=12.0), 0.03, jnp.asarray(X[:, :1])

    def outputs(hidden, last, k):
        return jaxnet.sigmoid(pre_activation(last, jaxnet.sigmoid(pre_activation(hidden, X), k)))

    @jax.jit
    @jax.grad
    def gradient(params, k):
        return jaxnet.squared_error(outputs(*params, k), target).mean()

    start = Neuron(PARAMS[0].w, PARAMS[0].b), Neuron(PARAMS[1].w[:1], PARAMS[1].b[:1])
    plain = start
    for step in range(9):
        signs = jax.tree.map(jnp.sign, gradient(plain, jnp.asarray(gain(step), jnp.float32)))
        plain = jax.tree.map(lambda p, s: p - rate * s, plain, signs)

    net = jaxnet.mlp([3, 4, 1])
    optimizer = optax.chain(optax.sign_sgd(rate), optax.masked(anneal_gain(gain), (True, False)))
    rule = jaxnet.gradient_descent(lambda p, b: jaxnet.squared_error(net.apply(p, b[0]), b[1]).mean(), optimizer)
    state, _ = jaxnet.train(rule, rule.init(start), (jnp.asarray(X), target), steps=9, key=jax.random.key(0))
    np.testing.assert_allclose(state.params[0].w, 12 * plain[0].w, rtol=1e-4)
    np.testing.assert_allclose(state.params[0].b, 12 * plain[0].b, rtol=1e-4)
    np.testing.assert_allclose(state.params[1].w, plain[1].w, rtol=1e-4)


def test_what_does_not_fit_is_refused():
    with pytest.raises(TypeError, match=r"^margin_penalty: expected a network made by .*, got your own\.$"):
        margin_penalty(jaxnet.Network(NET.init, NET.apply), PARAMS, X)
    with pytest.raises(ShapeError, match=r"^margin_penalty: expected parameters for 3 layers, got 2\.$"):
        margin_penalty(NET, PARAMS[:2], X)
    with pytest.raises(ShapeError, match=r"^margin_penalty: expected inputs \(\.\.\., 3\)"):
        margin_penalty(NET, PARAMS, X[:, :2])
    with pytest.raises(ValueError, match=r"^margin_penalty: expected a positive, finite margin, got 0\.$"):
        margin_penalty(NET, PARAMS, X, 0)
    with pytest.raises(TypeError, match=r"^integer_penalty: expected parameters Neuron\(w, b\), got dict\.$"):
        integer_penalty({"w": jnp.ones(3)}, 1.0)
    with pytest.raises(ValueError, match=r"^integer_penalty: expected a positive, finite step, got -1\.0\.$"):
        integer_penalty(PARAMS, -1.0)
    optimizer = anneal_gain(optax.constant_schedule(1.0))
    with pytest.raises(ValueError, match=r"^anneal_gain: expected the parameters too"):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))


def learned(key, harden):
    """Sixty XOR networks of three hidden units, half of their steps under the penalty and the gain if `harden`."""
    net, data = jaxnet.mlp([2, 3, 1]), (circuits.rows(2).astype(np.float32), np.array([[0.0], [1], [1], [0]], "f"))

    def loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    first = jaxnet.gradient_descent(loss, optax.adam(0.05))
    gain = optax.exponential_decay(1.0, 1000, 12.0, end_value=12.0)
    second = jaxnet.gradient_descent(
        lambda params, batch: loss(params, batch) + 0.1 * margin_penalty(net, params, batch[0]),
        optax.chain(optax.adam(0.05), optax.masked(anneal_gain(gain), (True, False))),
    )

    def run(key):
        state, _ = jaxnet.train(first, first.init(net.init(key)), data, steps=1000, key=jax.random.key(0))
        rule = second if harden else first
        return jaxnet.train(rule, rule.init(state.params), data, steps=1200, key=jax.random.key(1))[0].params

    params = jax.jit(jax.vmap(run))(jax.random.split(key, 60))
    outputs = np.asarray(jax.vmap(net.apply, (0, None))(params, data[0]))
    right = np.flatnonzero((abs(outputs - data[1]) < 0.5).all(axis=(1, 2)))
    return [(net, jax.tree.map(lambda p, i=i: p[i], params)) for i in right]


@pytest.mark.slow
def test_networks_that_learned_with_both_are_their_hardening():
    hardened = learned(jax.random.key(0), harden=True)
    assert len(hardened) > 40
    for net, params in hardened:
        assert circuits.from_network(net, params).guarantee == "structural"
        values = jaxnet.sigmoid(pre_activation(params[0], circuits.rows(2).astype(np.float32)))
        assert np.minimum(values, 1 - values).max() < 0.05
