"""Where a run begins: a state is told from parameters by what the rule makes, and has to say where it stands."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.fitted import DATA, NET, NOISY, PLAIN, START, State, X, close, equal, key

from jaxnet import CheckpointError, Rule, fit, gradient_descent

SEEN = Rule(State, lambda s, b, k: (s, {"rows": b[:, 0], "noise": jax.random.normal(k)}))


def test_a_run_gone_on_from_sees_the_rest_of_the_epoch():
    whole = fit(SEEN, jnp.array(0.0), X, steps=4, batch_size=5, key=key())
    first = fit(SEEN, jnp.array(0.0), X, steps=1, batch_size=5, key=key())
    rest = fit(SEEN, first, X, steps=3, batch_size=5, key=key())
    for name in ("rows", "noise", "step"):
        np.testing.assert_array_equal(np.concatenate([first.history[name], rest.history[name]]), whole.history[name])
    again = fit(SEEN, first, X, steps=1, batch_size=5, key=key(), start=0)
    equal(again.history, first.history)


def test_a_state_without_its_start_is_refused():
    run = fit(PLAIN, START, DATA, steps=2, key=key())
    with pytest.raises(TypeError) as e:
        fit(PLAIN, run.state, DATA, steps=2, key=key())
    assert str(e.value) == (
        "fit: expected to be told how many steps a state has made, as start=run.steps, or start=0 to have the order "
        "and the noise of the first steps again. Or pass the run itself: fit(rule, run, ...)."
    )


class Own(NamedTuple):
    """Parameters that have an attribute `params`, and are no state."""

    params: object
    scale: object


def test_parameters_with_an_attribute_params_are_no_state():
    def loss(p, x):
        return jnp.mean((p.scale * p.params - x) ** 2)

    own = Own(jnp.array(1.0), jnp.array(2.0))
    rule = gradient_descent(loss, optax.sgd(0.1))
    run = fit(rule, own, jnp.full(3, 4.0), steps=100, key=key())
    assert isinstance(run.params, Own)
    np.testing.assert_allclose(run.params.scale * run.params.params, 4, rtol=1e-5)
    assert fit(rule, run, jnp.full(3, 4.0), steps=1, key=key()).steps == 101
    assert fit(rule, run.state, jnp.full(3, 4.0), steps=1, key=key(), start=7).steps == 8


def test_a_state_of_another_rule_is_refused():
    state = fit(gradient_descent(lambda p, b: jnp.sum(p**2), optax.sgd(0.1)), jnp.ones(2), X, steps=1, key=key()).state
    with pytest.raises(TypeError) as e:
        fit(gradient_descent(lambda p, b: jnp.sum(p**2), optax.adam(0.1)), state, X, steps=1, key=key(), start=1)
    assert str(e.value) == (
        "fit: expected parameters or a state of this rule, got a DescentState of another rule. Pass the parameters, "
        "state.params, to begin anew from them."
    )


def test_a_checkpoint_of_another_start_is_refused(tmp_path):
    file = tmp_path / "run"
    first = fit(NOISY, START, DATA, steps=5, batch_size=3, key=key())
    for steps in (3, 6):
        rest = fit(NOISY, first, DATA, steps=steps, batch_size=3, key=key(), checkpoint=file)
    close(rest.state, fit(NOISY, START, DATA, steps=11, batch_size=3, key=key()).state)
    np.testing.assert_array_equal(rest.history["step"], np.arange(6, 12))
    with pytest.raises(
        CheckpointError, match=f"fit: {file}: expected a run with start 11, got one with 5. Call fit as"
    ):
        fit(NOISY, rest, DATA, steps=5, batch_size=3, key=key(), checkpoint=file)


def test_a_run_of_another_rule_is_refused():
    run = fit(PLAIN, START, DATA, steps=2, key=key())
    with pytest.raises(TypeError) as e:
        fit(gradient_descent(lambda p, b: p[0].w.mean(), optax.sgd(0.1)), run, DATA, steps=2, key=key())
    assert str(e.value) == (
        "fit: expected parameters or a state of this rule, got a DescentState of another rule. Pass the parameters, "
        "state.params, to begin anew from them."
    )
    with pytest.raises(TypeError) as e:
        fit(SEEN, run, X, steps=2, key=key())
    assert str(e.value) == (
        "fit: expected a run of this rule, got one of another rule. Pass its parameters, run.params, to begin anew "
        "from them."
    )


def test_a_network_is_no_parameters():
    with pytest.raises(TypeError) as e:
        fit(PLAIN, NET, DATA, steps=2, key=key())
    assert str(e.value) == (
        "fit: expected arrays in params, got a function in params.init. Pass parameters, as network.init(key) makes "
        "them."
    )
