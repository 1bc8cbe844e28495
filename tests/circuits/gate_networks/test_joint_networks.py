"""Networks side by side are the same networks alone: outputs, gradients, and what Adam makes of them."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from circuits.gate_networks.joint_networks import joint_loss, side_by_side, split_params
from circuits.gate_networks.logic_gate_networks import gate_loss, gate_network

X = np.random.default_rng(0).integers(0, 2, (16, 6)).astype(bool)
Y = (X[:, 0] ^ X[:, 3]).astype(int)


def networks(**options):
    return [gate_network(6, [6, 8, 8], classes=2, seed=seed, **options) for seed in range(3)]


def same(one, other, atol=1e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol, rtol=1e-5), one, other)


def alone_of(member):
    """One program of all that a network alone gives: its loss, derivatives and outputs."""
    loss = jax.value_and_grad(gate_loss(member))
    return lambda params: (*loss(params, (X, Y), None), member.apply(params, X))


# With six inputs and a first layer of six gates, the layers that run together are others than those of the whole.
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="balanced"),
        pytest.param({"parametrisation": "softmax", "wiring": "random"}, id="random", marks=pytest.mark.slow),
        pytest.param({"wiring": ["learned"] * 3, "choices": 6}, id="learned", marks=pytest.mark.slow),
    ],
)
def test_parameters_outputs_and_gradients_are_those_of_each(options):
    members = networks(**options)
    several = side_by_side(members)
    params = several.init(jax.random.key(1))
    parts = split_params(several, params)
    for member, part, k in zip(members, parts, jax.random.split(jax.random.key(1), 3), strict=True):
        same(part, member.init(k))
    (total, metrics), gradient = jax.jit(jax.value_and_grad(joint_loss(several), has_aux=True))(params, (X, Y))
    outputs = jax.jit(several.apply)(params, X)
    assert outputs.shape == (16, 3, 2)
    for place, (member, part) in enumerate(zip(members, parts, strict=True)):
        value, alone, own = jax.jit(alone_of(member))(part)
        same(outputs[:, place], own)
        same(metrics["members"][place], value)
        same(split_params(several, gradient)[place], alone)
    same(total, metrics["members"].sum())


def test_adam_trains_each_as_if_alone():
    members, steps = networks(), 40
    several = side_by_side(members)
    optimizer = optax.adam(0.1)
    start = several.init(jax.random.key(0))
    joint = jaxnet.gradient_descent(joint_loss(several), optimizer, has_aux=True)
    state, history = jaxnet.train(joint, joint.init(start), (X, Y), steps=steps, key=jax.random.key(2))
    assert history["members"].shape == (steps, 3)
    last = 1
    rule = jaxnet.gradient_descent(gate_loss(members[last]), optimizer)
    alone = rule.init(split_params(several, start)[last])
    alone, losses = jaxnet.train(rule, alone, (X, Y), steps=steps, key=jax.random.key(3))
    same(history["members"][:, last], losses["loss"], atol=1e-4)
    same(split_params(several, state.params)[last], alone.params, atol=1e-3)
    assert losses["loss"][-1] < 0.8 * losses["loss"][0]


def test_leading_axes_and_gates_without_classes():
    several = side_by_side([gate_network(6, [4], seed=seed) for seed in range(2)])
    params = several.init(jax.random.key(0))
    assert several.apply(params, jnp.asarray(X).reshape(2, 8, 6)).shape == (2, 8, 2, 4)
    with pytest.raises(ValueError, match="joint_loss: expected networks with classes, got 2 side by side: 6 -> 4"):
        joint_loss(several)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: side_by_side([]), ValueError, "side_by_side: expected at least one network, got none."),
        (
            lambda: side_by_side([gate_network(2, [4]), gate_network(2, [5])]),
            ValueError,
            "side_by_side: expected networks of one shape, got 2 -> 4 gates and, as number 1, 2 -> 5 gates.",
        ),
        (
            lambda: side_by_side([gate_network(2, [4], tau=1), gate_network(2, [4], tau=2)]),
            ValueError,
            "side_by_side: expected networks of one shape, got 2 -> 4 gates and, as number 1, 2 -> 4 gates, which "
            "differ in tau, logits or candidates.",
        ),
        (
            lambda: side_by_side([jaxnet.mlp([2, 1])]),
            TypeError,
            "side_by_side: expected networks made by gate_network, got Network(2 -> 1 sigmoid).",
        ),
        (
            lambda: split_params(gate_network(2, [4]), gate_network(2, [4]).init(jax.random.key(0))),
            TypeError,
            "split_params: expected a network made by side_by_side, got Network(2 -> 4 gates).",
        ),
    ],
)
def test_errors_say_what_came(make, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        make()
