"""Networks whose width, non-linearity and optimiser are data learn what plain networks learn."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from circuits.playground.members import ACTIVATIONS, WIDEST, initial_params, on
from circuits.playground.runs import Plan, train
from circuits.tracing import trace

AND3 = trace(lambda a, b, c: a & b & c)
PLAIN = {"gradient descent": optax.sgd(0.5), "momentum 0.9": optax.sgd(0.5, momentum=0.9), "Adam": optax.adam(0.5)}


@pytest.mark.parametrize(
    ("width", "activation", "optimiser"),
    [(2, "sigmoid", "gradient descent"), (3, "tanh", "momentum 0.9"), (2, "relu", "Adam")],
)
def test_a_run_is_that_of_the_plain_network(width, activation, optimiser):
    run = train(AND3, Plan(width, activation, optimiser, 0.5, seeds=2, seed=1))
    net = jaxnet.mlp([3, width, 1], [ACTIVATIONS[activation], jaxnet.sigmoid])

    def loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(loss, PLAIN[optimiser])
    start = on(width, jax.tree.map(lambda leaf: leaf[1], initial_params(3, 1, width, 2, 1)))
    data = jnp.asarray(np.arange(8)[:, None] >> np.arange(3) & 1, float), jnp.asarray(run.bits, float)
    state, history = jaxnet.train(rule, rule.init(start), data, steps=50, key=jax.random.key(0))
    learned = on(width, jax.tree.map(lambda leaf: leaf[1, 5], run.params))
    for plain, own in zip(jax.tree.leaves(state.params), jax.tree.leaves(learned), strict=True):
        np.testing.assert_allclose(own, plain, atol=1e-4)
    np.testing.assert_allclose(run.losses[1, :5], history["loss"][::10], atol=1e-5)


def test_units_that_are_off_stay_off():
    run = train(AND3, Plan(width=2, seeds=2))
    hidden, last = run.params
    assert not run.hidden[..., 2:].any()
    assert not np.asarray(hidden.w)[..., 2:, :].any()
    assert not np.asarray(last.w)[..., 2:].any()


def test_starts_do_not_depend_on_how_many_there_are():
    few, many = initial_params(2, 1, 3, 2, 7), initial_params(2, 1, 3, 5, 7)
    for one, other in zip(jax.tree.leaves(few), jax.tree.leaves(many), strict=True):
        np.testing.assert_array_equal(one, np.asarray(other)[:2])
    hidden, last = initial_params(4, 2, WIDEST, 400, 0)
    # Glorot: variance 2 / (fan-in + fan-out).
    assert np.asarray(hidden.w).var() == pytest.approx(2 / (4 + WIDEST), rel=0.05)
    assert np.asarray(last.w).var() == pytest.approx(2 / (2 + WIDEST), rel=0.05)
