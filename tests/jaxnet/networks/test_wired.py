"""A wiring as a network: what it computes, how it starts, and how it composes."""

import jax
import numpy as np
import pytest

from jaxnet import Neuron, ShapeError, Wired, Wiring, chain, evaluate, layer, sigmoid, tanh, wired

XOR = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])


def test_wired_is_evaluate():
    net = wired(XOR, tanh)
    params, x = net.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (4, 2))
    assert net.structure == Wired(XOR, tanh)
    np.testing.assert_array_equal(net.apply(params, x), evaluate(XOR, params, x, tanh))
    assert wired(XOR).structure == Wired(XOR, sigmoid)


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
        jax.eval_shape(net.apply, (params[0], Neuron(np.zeros(4, np.float32), np.zeros(2, np.float32)), params[2]), x)
    assert str(e.value) == (
        "apply: layer 2 of 3 (Wiring(2 inputs, 2 units, 5 edges, 1 outputs) sigmoid): expected weights (5,) and "
        "biases (2,), one per edge and one per unit of Wiring(2 inputs, 2 units, 5 edges, 1 outputs), got (4,) and "
        "(2,)."
    )
    with pytest.raises(ShapeError) as e:
        chain(layer(3, 3), wired(XOR))
    assert str(e.value) == "chain: part 1 gives 3 outputs, but part 2 takes 2 inputs."
