"""The units of a network: the numbers it computes, whatever it was made of, and errors that say what is none."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.exact_networks import exact_units, networks
from hypothesis import given

import jaxnet
from circuits import rows
from circuits.bridge.dense_levels import levels_of
from circuits.bridge.network_units import NetworkUnits, sums, units_of_network
from jaxnet import Neuron, ShapeError, chain, identity, layer, mlp, per_unit, relu, sigmoid, step, tanh, wired
from jaxnet.networks.wiring import Wiring

EDGE = Wiring(2, [0, 1, 3], [0, 1, 2], [3])


@given(networks())
def test_sums_are_those_of_the_definition(units):
    x = rows(units.wiring.n_inputs)
    found = sums(units, x)
    # A sum that is 0 in fractions may be on either side in floats, so that a step after it may be wrong.
    for row, z in zip(x, found, strict=True):
        for exact, number in zip(exact_units(units, row), z, strict=True):
            if abs(exact) < 1e-9:
                break
            np.testing.assert_allclose(number, float(exact), rtol=1e-9, atol=1e-9)


@given(networks())
def test_levels_have_each_unit_once_after_those_that_feed_it(units):
    found = levels_of(units.plain())
    seen = []
    for level in found:
        assert set(level.fed_by.tolist()) <= set(seen)
        seen += level.units.tolist()
    assert sorted(seen) == list(range(len(units.b)))
    total = sum(level.inputs.sum() + level.weights.sum() for level in found)
    np.testing.assert_allclose(total, units.w.sum(), atol=1e-12)


@pytest.mark.parametrize(
    ("network", "sizes", "kinds"),
    [
        (mlp([2, 3, 1], [relu, sigmoid]), [2, 3, 1], ("relu",) * 3 + ("sigmoid",)),
        (chain(layer(2, 2, tanh), layer(2, 1, identity)), [2, 2, 1], ("tanh", "tanh", "identity")),
        (layer(2, 1, step), [2, 1], ("step",)),
        (layer(2, 1, jax.nn.sigmoid), [2, 1], ("sigmoid",)),
        (layer(2, 1, jaxnet.straight_through_step), [2, 1], ("step",)),
    ],
)
def test_whatever_it_was_made_of(network, sizes, kinds):
    random = np.random.default_rng(0)
    layers = tuple(
        Neuron(*(random.normal(size=shape).astype(np.float32) for shape in ((m, n), (m,))))
        for n, m in itertools.pairwise(sizes)
    )
    units = units_of_network("from_network", network, layers[0] if len(sizes) == 2 else layers)
    assert (units.kinds, units.dtype) == (kinds, "float32")
    v = rows(2).astype(float)
    for w, b in layers:
        z = v @ w.astype(float).T + b
        v = {"relu": np.maximum(z, 0), "tanh": np.tanh(z)}.get(units.kinds[0], z)
    np.testing.assert_allclose(sums(units, rows(2))[:, units.wiring.outputs - 2], z, rtol=1e-12)


def test_a_graph_of_several_activations():
    params = Neuron(np.array([1.0, -2.0, 3.0], np.float32), np.array([0.5, -0.25], np.float32))
    units = units_of_network("from_network", wired(EDGE, per_unit([relu, tanh])), params)
    assert (units.kinds, units.w.tolist(), units.b.tolist()) == (("relu", "tanh"), [1.0, -2.0, 3.0], [0.5, -0.25])
    assert sums(units, rows(2)).tolist() == [[0.5, 1.25], [1.5, 4.25], [0.5, -0.75], [1.5, 2.25]]
    assert units.plain().edges == [[(0, 1.0)], [(1, -2.0), (2, 3.0)]]


def test_float64_is_kept():
    with jax.enable_x64(True):
        params = Neuron(jnp.array([[1 / 3, 1.0]]), jnp.array([0.1]))
        units = units_of_network("from_network", layer(2, 1, sigmoid), params)
    assert units.dtype == "float64"
    assert units.w.tolist() == [1 / 3, 1.0]


def test_hardened_units_are_steps_and_signs():
    units = NetworkUnits(EDGE, np.ones(3), np.ones(2), ("sigmoid", "tanh"), "float32")
    assert units.hardened().kinds == ("step", "sign")
    assert units._replace(kinds=("relu", "identity")).hardened().kinds == ("relu", "identity")


@pytest.mark.parametrize(
    ("network", "params", "kind", "message"),
    [
        (
            layer(2, 1, jnp.sin),
            Neuron(np.ones((1, 2), "f"), np.ones(1, "f")),
            TypeError,
            "f: expected units of sigmoid, tanh, relu, identity or step, got sin. Multiply a gain into weights and "
            "biases.",
        ),
        (
            wired(EDGE),
            Neuron(np.ones(2, "f"), np.ones(2, "f")),
            ShapeError,
            "f: expected weights (3,) and biases (2,) of Wiring(2 inputs, 2 units, 3 edges, 1 outputs), got (2,) and "
            "(2,).",
        ),
        (
            wired(EDGE),
            Neuron(np.ones(3, np.float16), np.ones(2, np.float16)),
            TypeError,
            "f: expected parameters of float32 or float64, got float16.",
        ),
        (
            wired(EDGE),
            Neuron(np.full(3, np.nan, "f"), np.ones(2, "f")),
            ValueError,
            "f: expected finite parameters, got NaN or infinity: did the training diverge?",
        ),
    ],
)
def test_errors_say_what_came(network, params, kind, message):
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        units_of_network("f", network, params)


def test_what_is_no_such_network():
    class Odd:
        structure = None

    with pytest.raises(TypeError, match=r"^f: expected a network made by jaxnet\.mlp, layer, chain or wired, got "):
        units_of_network("f", Odd(), ())
