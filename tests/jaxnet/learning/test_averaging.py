"""The parameters to predict with: averages, the slow ones of a pair, those before a move uphill."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet import ShapeError, ensemble, fit, gradient_descent
from jaxnet.learning.averaging import evaluation_params

THREE = np.array([1.0, 2.0, 6.0], np.float32)


def half_square(theta, x):
    return jnp.mean((theta - x) ** 2) / 2


def run(optimizer, steps, **options):
    rule = gradient_descent(half_square, optimizer, **options)
    key = jax.random.key(0)
    return fit(rule, np.float32(7), THREE, steps=steps, every=1, key=key, validation=THREE, progress=False)


def test_schedule_free_learning_averages():
    """z makes the steps, x is the mean of all z, and the gradient is taken at y = (x + z) / 2."""
    z = x = y = 7.0
    xs = []
    for k in range(1, 5):
        z -= 0.5 * (y - 3)
        x += (z - x) / k
        y = (x + z) / 2
        xs.append(x)
    found = run(optax.chain(optax.clip(100.0), optax.contrib.schedule_free_sgd(0.5, b1=0.5)), 4)
    np.testing.assert_allclose(found.state.params, y, rtol=1e-5)
    np.testing.assert_allclose(found.validation["loss"][-4:], [half_square(v, THREE) for v in xs], rtol=1e-5)
    np.testing.assert_allclose(found.params, min(xs, key=lambda v: abs(v - 3)), rtol=1e-5)


def test_lookahead_evaluates_the_slow_parameters():
    """Fast: 7, 5, 4; then both are halfway between 7 and 4."""
    found = run(optax.lookahead(optax.sgd(0.5), 2, 0.5), 2)
    assert found.state.params == optax.LookaheadParams(5.5, 5.5)
    assert found.params == 5.5
    np.testing.assert_allclose(found.history["loss"][1], half_square(5, THREE))  # of the fast ones
    one = run(optax.lookahead(optax.sgd(0.5), 2, 0.5), 1)
    assert (one.state.params.fast, one.params) == (5, 7)


def test_sam_evaluates_the_parameters_before_its_move_uphill():
    optimizer = optax.contrib.sam(optax.sgd(0.5), optax.sgd(0.25))
    one, two = run(optimizer, 1), run(optimizer, 2)
    assert (one.state.params, one.params) == (8, 7)  # uphill by 0.25 (7 - 3)
    assert (two.state.params, two.params) == (4.5, 4.5)  # 7 - 0.5 (8 - 3)


@pytest.mark.parametrize(
    "optimizer", [optax.contrib.schedule_free_sgd(0.5, b1=0.5), optax.contrib.sam(optax.sgd(0.5), optax.sgd(0.25))]
)
def test_parameters_of_a_part_of_the_optimiser(optimizer):
    """Those of the part are evaluated as alone, the others as they are."""
    alone = run(optimizer, 3)
    parts = optax.partition({"part": optimizer, "rest": optax.sgd(0.5)}, {"a": "part", "b": "rest"})
    rule = gradient_descent(lambda p, x: half_square(p["a"], x) + half_square(p["b"], x), parts)
    start, key = {"a": np.float32(7), "b": np.float32(5)}, jax.random.key(0)
    found = fit(rule, start, THREE, steps=3, key=key, progress=False)
    assert found.params["b"] == 3.25
    np.testing.assert_allclose(found.params["a"], evaluation_params(alone.state.optimizer_state, alone.state.params))
    assert found.params["a"] != found.state.params["a"]


def averaged(decay):
    def update(updates, average, params):
        return updates, optax.incremental_update(optax.apply_updates(params, updates), average, 1 - decay)

    return optax.GradientTransformation(lambda params: params, update)


def test_an_average_of_the_users_own():
    optimizer = optax.chain(optax.sgd(0.5), averaged(0.5))
    found = run(optimizer, 2, evaluation_params=lambda state, params: state[1])
    assert found.state.params == 4
    assert found.params == 0.5 * (0.5 * 7 + 0.5 * 5) + 0.5 * 4


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_members_of_an_ensemble_are_evaluated_each(dtype):
    loss = lambda theta, x: jnp.mean(jnp.abs(theta - x.astype(theta.dtype)) ** 2) / 2  # noqa: E731
    rule = gradient_descent(loss, optax.contrib.sam(optax.sgd(0.5), optax.sgd(0.25)))
    validate = lambda params, x: {"first": params[0].real, "loss": 0 * params[0].real}  # noqa: E731
    start = np.array([7, 3], dtype)
    fit_members = functools.partial(fit, ensemble(rule), start, THREE, key=jax.random.key(0), progress=False)
    found = fit_members(steps=1, validation=THREE, validate=validate)
    np.testing.assert_allclose(found.state.params, [8, 3])
    assert found.validation["first"][-1] == 7


def test_what_is_no_average_is_refused():
    with pytest.raises(TypeError) as e:
        run(optax.sgd(0.5), 1, evaluation_params=0.99)
    assert str(e.value) == "gradient_descent: expected evaluation_params, a function, got 0.99."
    with pytest.raises(ShapeError, match=r"^gradient_descent: expected evaluation_params to return parameters of the"):
        run(optax.sgd(0.5), 1, evaluation_params=lambda state, params: (params, params))
