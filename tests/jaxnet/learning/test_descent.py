"""The rule that follows a gradient: by hand, against Optax, with what optimisers ask for, and what it refuses."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet import (
    DescentState,
    Neuron,
    ShapeError,
    ensemble,
    fit,
    gradient_descent,
    identity,
    layer,
    squared_error,
    train,
    train_ensemble,
)

XOR = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)
LINE = layer(2, 1, identity)
THREE = np.array([1.0, 2.0, 6.0], np.float32)


def half_square(theta, x):
    """Its minimum is at the mean of x, where gradient descent goes as mean + (1 - eta)^k (theta_0 - mean)."""
    return jnp.mean((theta - x) ** 2) / 2


def line_loss(params, batch):
    x, y = batch
    return squared_error(LINE.apply(params, x), y).mean()


def f32(*rows):
    return np.array(rows, np.float32)


def start(value=0.0):
    return np.float32(value)


# Shared, as the docstring of `gradient_descent` advises, so that tests share compiled runs.
SLOPE = gradient_descent(half_square, optax.sgd(0.25))


def test_a_rule_by_hand():
    state = SLOPE.init(start(7))
    assert isinstance(state, DescentState)
    new, metrics = SLOPE.update(state, THREE, jax.random.key(0))
    assert new.params == 6  # 7 - (7 - 3) / 4
    np.testing.assert_allclose(metrics["loss"], (36 + 25 + 1) / 6, rtol=1e-6)
    assert set(metrics) == {"loss"}


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.sgd(0.1, momentum=0.9),
        pytest.param(optax.adamw(0.1, weight_decay=0.1), marks=pytest.mark.slow),
        optax.chain(optax.clip_by_global_norm(1e-3), optax.adam(optax.cosine_decay_schedule(0.1, 5))),
    ],
    ids=["momentum", "adamw", "clip and schedule"],
)
def test_a_rule_is_a_loop_of_optax(optimizer):
    rule = gradient_descent(line_loss, optimizer)

    @jax.jit
    def by_hand(params, state, batch):
        loss, gradient = jax.value_and_grad(line_loss)(params, batch)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state, loss

    params = Neuron(f32([2, -1]), f32(0.5))
    ours, theirs, update = rule.init(params), optimizer.init(params), jax.jit(rule.update)
    assert jax.tree.structure(ours.optimizer_state) == jax.tree.structure(theirs)
    for i in range(3):
        ours, metrics = update(ours, XOR, jax.random.key(i))
        params, theirs, loss = by_hand(params, theirs, XOR)
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), ours, DescentState(params, theirs))
        np.testing.assert_allclose(metrics["loss"], loss, rtol=1e-6)


def test_adam_by_hand():
    """Kingma and Ba (2014), algorithm 1, in float64."""
    rule, theta, m, v = gradient_descent(half_square, optax.adam(0.1)), 5.0, 0.0, 0.0
    for t in range(1, 6):
        g = theta - 3.0
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        theta -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    state, _ = train(rule, rule.init(start(5)), THREE, steps=5, key=jax.random.key(0))
    np.testing.assert_allclose(state.params, theta, rtol=1e-5)


def test_dtype_of_the_parameters_is_kept():
    rule, zeros = gradient_descent(lambda p, x: jnp.sum((p - x) ** 2), optax.adamw(0.1)), np.zeros((2, 3), jnp.bfloat16)
    state, _ = train(rule, rule.init(zeros), zeros + zeros.dtype.type(1), steps=2, key=jax.random.key(0))
    assert state.params.dtype == jnp.bfloat16
    assert (np.asarray(state.params, np.float32) > 0).all()


def test_auxiliary_values_are_recorded_before_the_step():
    def loss(theta, x):
        return half_square(theta, x), {"theta": theta, "residuals": theta - x}

    rule = gradient_descent(loss, optax.sgd(0.5), has_aux=True)
    state, history = train(rule, rule.init(start(7)), THREE, steps=3, key=jax.random.key(0))
    np.testing.assert_array_equal(history["theta"], [7, 5, 4])
    np.testing.assert_array_equal(history["residuals"], [[6, 5, 1], [4, 3, -1], [3, 2, -2]])
    np.testing.assert_allclose(history["loss"], [62 / 6, 26 / 6, 17 / 6], rtol=1e-6)
    assert set(history) == {"loss", "theta", "residuals"}
    assert state.params == 3.5


def test_a_loss_may_draw_and_draws_anew_each_step():
    def loss(theta, x, key):
        noise = jax.random.normal(key)
        return half_square(theta, x + noise), {"noise": noise}

    rule = gradient_descent(loss, optax.sgd(0.5), has_aux=True)

    def run(seed):
        return train(rule, rule.init(start()), THREE, steps=8, key=jax.random.key(seed))

    (state, history), (again, other_history) = run(0), run(1)
    noise = np.asarray(history["noise"])
    assert len(set(noise.tolist() + np.asarray(other_history["noise"]).tolist())) == 16
    theta = 0.0
    for n in noise:
        theta = theta / 2 + (3 + n) / 2
    np.testing.assert_allclose(state.params, theta, rtol=1e-5)
    assert state.params != again.params


def test_a_loss_with_a_third_argument_that_has_a_default_is_called_with_two():
    rule = gradient_descent(lambda theta, x, scale=2.0: scale * half_square(theta, x), optax.sgd(0.25))
    state, _ = rule.update(rule.init(start(7)), THREE, jax.random.key(0))
    assert state.params == 5


def test_a_loss_may_be_a_partial_or_jitted():
    twice = functools.partial(lambda scale, theta, x: scale * half_square(theta, x), 2.0)
    for loss, expected in ((twice, 5), (jax.jit(half_square), 6)):
        rule = gradient_descent(loss, optax.sgd(0.25))
        state, _ = rule.update(rule.init(start(7)), THREE, jax.random.key(0))
        assert state.params == expected


@pytest.mark.parametrize(
    ("loss", "signature"),
    [
        (lambda: 0.0, "()"),
        (lambda a: a, "(a)"),
        (lambda a, b, c, d: a, "(a, b, c, d)"),
        (lambda a, b=0: a, "(a, b=0)"),
        (lambda *args: args[0], "(*args)"),
        (lambda params, x, y: x, "(params, x, y)"),
    ],
)
def test_a_loss_has_two_or_three_arguments(loss, signature):
    with pytest.raises(TypeError) as e:
        gradient_descent(loss, optax.sgd(0.1))
    assert str(e.value) == (
        f"gradient_descent: expected loss(params, batch) or loss(params, batch, key), got loss{signature}. "
        "A batch may be a tuple, such as inputs and targets."
    )


@pytest.mark.parametrize(
    "loss",
    [
        lambda theta, x, key=None: half_square(theta, x) + (0 if key is None else 1),
        lambda theta, x, *, key: half_square(theta, x) + (0 if key is None else 1),
    ],
)
def test_a_parameter_called_key_gets_the_key(loss):
    rule = gradient_descent(loss, optax.sgd(0.1))
    _, metrics = rule.update(rule.init(start(7)), THREE, jax.random.key(0))
    assert metrics["loss"] == half_square(start(7), THREE) + 1


def test_a_third_parameter_with_a_default_and_another_name_keeps_it():
    rule = gradient_descent(lambda theta, x, scale=2.0: scale * half_square(theta, x), optax.sgd(0.1))
    _, metrics = rule.update(rule.init(start(7)), THREE, jax.random.key(0))
    assert metrics["loss"] == 2 * half_square(start(7), THREE)


@pytest.mark.parametrize(
    ("loss", "has_aux", "message"),
    [
        (lambda theta, x: theta, True, "with has_aux, expected the loss to return a scalar and a dict of arrays."),
        (
            lambda theta, x: (theta, None),
            True,
            "with has_aux, expected the loss to return a scalar and a dict of arrays.",
        ),
        (
            lambda theta, x: (theta, theta),
            True,
            "with has_aux, expected the loss to return a scalar and a dict of arrays.",
        ),
        (
            lambda theta, x: (theta, {}),
            False,
            "expected a scalar loss, got several values. Pass has_aux=True for a pair.",
        ),
    ],
)
def test_what_a_loss_returns_is_what_has_aux_says(loss, has_aux, message):
    rule = gradient_descent(loss, optax.sgd(0.1), has_aux=has_aux)
    with pytest.raises(TypeError) as e:
        rule.update(rule.init(start(7)), THREE, jax.random.key(0))
    assert str(e.value) == f"gradient_descent: {message}"


@pytest.mark.parametrize("has_aux", [False, True])
def test_a_loss_is_a_scalar(has_aux):
    def loss(theta, x):
        each = (theta - x) ** 2
        return (each, {}) if has_aux else each

    rule = gradient_descent(loss, optax.sgd(0.1), has_aux=has_aux)
    for act in (
        lambda: rule.update(rule.init(start()), THREE, jax.random.key(0)),
        lambda: train(rule, rule.init(start()), THREE, steps=2, key=jax.random.key(0)),
    ):
        with pytest.raises(ShapeError) as e:
            act()
        assert str(e.value) == "gradient_descent: expected a scalar loss, got shape (3,). Take its mean."


def test_a_loss_of_shape_1_is_not_a_scalar():
    rule = gradient_descent(lambda theta, x: half_square(theta, x)[None], optax.sgd(0.1))
    with pytest.raises(ShapeError) as e:
        rule.update(rule.init(start()), THREE, jax.random.key(0))
    assert str(e.value) == "gradient_descent: expected a scalar loss, got shape (1,). Take its mean."


def test_an_auxiliary_value_does_not_hide_the_loss():
    rule = gradient_descent(lambda theta, x: (half_square(theta, x), {"loss": theta}), optax.sgd(0.1), has_aux=True)
    with pytest.raises(ValueError, match=r"^gradient_descent: ") as e:
        rule.update(rule.init(start(7)), THREE, jax.random.key(0))
    assert str(e.value) == "gradient_descent: an auxiliary metric is called 'loss', as the loss itself. Rename it."


def test_promotion_is_standard_for_optax_alone():
    """The loss runs under the caller's rules, also in `train`, and the setting is not left behind."""
    rule = gradient_descent(lambda theta, x: half_square(theta * np.ones(3, np.int32), x), optax.adam(0.1))
    for act in (
        lambda: rule.update(rule.init(start()), THREE, jax.random.key(0)),
        lambda: train(rule, rule.init(start()), THREE, steps=2, key=jax.random.key(0)),
        lambda: jnp.multiply(np.ones(3, np.int32), THREE),
    ):
        with pytest.raises(ValueError, match="have no available implicit dtype promotion path"):
            act()


def test_promotion_is_standard_for_optax_where_it_begins_as_well():
    """`inject_hyperparams` computes the first step size of a schedule in `init`."""
    optimizer = optax.inject_hyperparams(optax.sgd)(learning_rate=optax.cosine_decay_schedule(0.5, 4))
    state = gradient_descent(half_square, optimizer).init(start(7))
    assert state.optimizer_state.hyperparams["learning_rate"] == 0.5


def test_an_optimiser_that_looks_at_the_loss():
    """`reduce_on_plateau` takes value=: the loss stays at 1/2 where the gradient is 0, so the scale is halved."""
    optimizer = optax.chain(optax.sgd(0.25), optax.contrib.reduce_on_plateau(factor=0.5, patience=1))
    rule = gradient_descent(lambda theta, x: 0 * theta + x.mean(), optimizer)
    state, update = rule.init(start(7)), jax.jit(rule.update)
    scales = []
    for i in range(4):
        state, _ = update(state, THREE, jax.random.key(i))
        scales.append(float(state.optimizer_state[1].scale))
    assert scales == [1, 0.5, 0.25, 0.125]


def random_shift(theta, x, key):
    return half_square(theta, x + jax.random.normal(key))


@pytest.mark.parametrize("loss", [pytest.param(half_square, marks=pytest.mark.slow), random_shift])
def test_an_optimiser_that_searches_along_a_line(loss):
    """L-BFGS takes value=, grad= and value_fn=: downhill, its first step has length 1 where the slope is steeper."""
    rule = gradient_descent(loss, optax.lbfgs())
    state, metrics = jax.jit(rule.update)(rule.init(start(7)), THREE, jax.random.key(0))
    noise = 0 if loss is half_square else jax.random.normal(jax.random.key(0)).item()
    np.testing.assert_allclose(state.params, 6, rtol=1e-5)
    np.testing.assert_allclose(metrics["loss"], np.mean((7 - THREE - noise) ** 2) / 2, rtol=1e-5)


def test_one_step_traces_once():
    traces = []

    def loss(params, batch):
        traces.append(1)
        return line_loss(params, batch)

    rule = gradient_descent(loss, optax.adam(0.1))
    state, update = rule.init(Neuron(f32([2, -1]), f32(0.5))), jax.jit(rule.update)
    for i in range(3):
        state, _ = update(state, XOR, jax.random.key(i))
    assert len(traces) == 1


# Complex parameters: the twin problem has their real and imaginary parts as parameters of their own.


def complex_loss(z, t):
    return jnp.mean(jnp.abs(z * jnp.exp(z / 4) - t) ** 2)


def twin_loss(parts, t):
    """The same, in real numbers: (x + iy) e^((x + iy) / 4)."""
    x, y = parts
    growth, c, s = jnp.exp(x / 4), jnp.cos(y / 4), jnp.sin(y / 4)
    re, im = growth * (x * c - y * s), growth * (x * s + y * c)
    return jnp.mean((re - t.real) ** 2 + (im - t.imag) ** 2)


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.sgd(0.1),
        optax.sgd(0.05, momentum=0.9),
        optax.adam(0.1),
        pytest.param(optax.lbfgs(), marks=pytest.mark.slow),
    ],
    ids=["sgd", "momentum", "adam", "L-BFGS"],
)
def test_complex_parameters_learn_as_their_parts(optimizer):
    t = np.array([1 + 2j, 1 - 1j], np.complex64)
    rule, twin = gradient_descent(complex_loss, optimizer), gradient_descent(twin_loss, optimizer)
    state, history = train(rule, rule.init(np.complex64(0.5 + 0.25j)), t, steps=10, key=jax.random.key(0))
    parts, expected = train(twin, twin.init(f32(0.5, 0.25)), t, steps=10, key=jax.random.key(0))
    assert state.params.dtype == np.complex64
    np.testing.assert_allclose([state.params.real, state.params.imag], parts.params, rtol=1e-4)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-4)
    assert history["loss"][-1] < history["loss"][0]


def test_complex_members_of_an_ensemble_learn():
    """|z - t|^2 halves its distance in each step of 1/4."""
    rule = gradient_descent(lambda z, t: jnp.mean(jnp.abs(z - t) ** 2), optax.sgd(0.25))
    keys, t = jax.random.split(jax.random.key(0), 2), np.full(4, 1 + 2j, np.complex64)
    states = jax.vmap(rule.init)(np.array([0, 5 + 2j], np.complex64))
    states, _ = train_ensemble(rule, states, t, keys=keys, steps=3)
    np.testing.assert_allclose(states.params, [(1 + 2j) * 7 / 8, 1 + 2j + 0.5], rtol=1e-6)


# What is not trained, what is measured without learning, gradients per example.


def centred(theta, x, state, train):
    """Centred at the mean of the batch in training, at the running mean otherwise."""
    mean = x.mean() if train else state
    return jnp.mean((theta - (x - mean)) ** 2), (state + x.mean()) / 2, {"mean": mean}


def test_a_state_that_is_not_trained():
    rule = gradient_descent(centred, optax.sgd(0.25), has_aux=True, model_state=np.float32(0))
    state, history = train(rule, rule.init(start(8)), THREE, steps=3, key=jax.random.key(0))
    np.testing.assert_allclose([state.params, state.model_state], [1, (0 + 3 / 2 + 3) / 4 + 3 / 2], rtol=1e-6)
    np.testing.assert_array_equal(history["mean"], [3, 3, 3])
    measured = rule.measure(state, THREE)
    assert measured["mean"] == 2.625
    np.testing.assert_allclose(measured["loss"], np.mean((1 + 2.625 - THREE) ** 2))
    assert rule.evaluation_params(state) == (state.params, 2.625)


def test_a_state_on_file_and_in_an_ensemble(tmp_path):
    rule = gradient_descent(centred, optax.sgd(0.25), has_aux=True, model_state=np.float32(0))
    options = {"key": jax.random.key(0), "every": 1, "validation": THREE, "progress": False}
    whole = fit(rule, start(8), THREE, steps=4, **options)
    fit(rule, start(8), THREE, steps=2, checkpoint=tmp_path / "run", **options)
    cut = fit(rule, start(8), THREE, steps=4, checkpoint=tmp_path / "run", **options)
    jax.tree.map(np.testing.assert_array_equal, cut[:2], whole[:2])
    both, _ = train(ensemble(rule), ensemble(rule).init(f32(8, 4)), THREE, steps=3, key=jax.random.key(0))
    np.testing.assert_allclose([both.params, both.model_state], [[1, 0.5], [2.625, 2.625]], rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "options", "error", "message"),
    [
        (half_square, {"model_state": f32(0)}, TypeError, "got model_state, but a loss without a parameter `state`."),
        (lambda p, x, state: (p, state), {}, TypeError, "got no model_state."),
        (centred, {"model_state": f32(0), "per_example": True}, TypeError, "expected no model_state."),
    ],
)
def test_a_state_and_a_loss_that_do_not_go_together(loss, options, error, message):
    with pytest.raises(error, match=message):
        gradient_descent(loss, optax.sgd(0.1), **options)


def test_what_a_loss_with_a_state_returns():
    for loss, options, error, message in (
        (
            lambda p, x, state: p.sum(), {}, TypeError,
            "with model_state, expected the loss to return a scalar, its next state.",
        ),
        (
            lambda p, x, state: (p.sum(), state), {"has_aux": True}, TypeError,
            "with has_aux and model_state, expected the loss to return a scalar, its next state and a dict of arrays.",
        ),
        (
            lambda p, x, state: (p.sum(), state[None]), {}, ShapeError,
            "expected the loss to return a state of shapes (), got (1,).",
        ),
    ):  # fmt: skip
        rule = gradient_descent(loss, optax.sgd(0.1), model_state=np.float32(0), **options)
        with pytest.raises(error) as e:
            jax.eval_shape(rule.update, rule.init(start()), THREE, jax.random.key(0))
        assert str(e.value) == f"gradient_descent: {message}"


def noisy(theta, x, key=None):
    return half_square(theta, x) + (0 if key is None else jax.random.uniform(key))


def test_validation_does_not_draw():
    rule = gradient_descent(noisy, optax.sgd(0.0))
    found = fit(rule, start(7), THREE, steps=2, every=1, key=jax.random.key(0), validation=THREE, progress=False)
    np.testing.assert_allclose(found.validation["loss"], half_square(7, THREE), rtol=1e-6)
    assert (found.history["loss"] > found.validation["loss"][-1]).all()


def test_a_loss_that_cannot_be_validated_is_refused_before_the_first_step():
    stepped = []

    def loss(theta, x, rng):
        jax.debug.callback(lambda: stepped.append(1))
        return half_square(theta, x)

    rule = gradient_descent(loss, optax.sgd(0.1))
    with pytest.raises(TypeError, match="the loss draws with rng, and cannot tell validation from training"):
        fit(rule, start(7), THREE, steps=2, key=jax.random.key(0), validation=THREE, progress=False)
    assert not stepped


def test_gradients_per_example_and_their_metrics():
    def loss(theta, x, key):
        return half_square(theta, x), {"x": x[0], "draw": jax.random.uniform(key)}

    def mean(updates, state, params=None):
        return updates.mean(axis=0), updates

    keeping = optax.GradientTransformation(lambda params: np.zeros(3, np.float32), mean)
    rule = gradient_descent(loss, optax.chain(keeping, optax.sgd(0.5)), has_aux=True, per_example=True)
    state, metrics = rule.update(rule.init(start(7)), THREE, jax.random.key(0))
    np.testing.assert_array_equal(state.optimizer_state[0], [6, 5, 1])
    assert (state.params, metrics["x"]) == (5, 3)
    draws = jax.vmap(jax.random.uniform)(jax.random.split(jax.random.key(0), 3))
    np.testing.assert_allclose(metrics["draw"], draws.mean(), rtol=1e-6)


def test_gradients_per_example_are_for_the_optimisers_that_take_them():
    rule = gradient_descent(half_square, optax.sgd(0.1), per_example=True)
    with pytest.raises(ShapeError) as e:
        rule.update(rule.init(start(7)), THREE, jax.random.key(0))
    assert str(e.value) == (
        "gradient_descent: expected an update of shape () for the parameter, got (3,) from the optimiser. "
        "per_example=True is for those that take the gradient of each example, and for no other."
    )
    private = optax.contrib.differentially_private_aggregate(1.0, 0.1, 0)
    with pytest.raises(TypeError, match="expected per_example=True, since differential privacy clips the gradient of"):
        gradient_descent(half_square, optax.chain(private, optax.sgd(0.1))).init(start(7))


@pytest.mark.parametrize(
    ("optimizer", "got"), [(optax.sgd, "sgd. Call it, as in optax.sgd(0.01)."), (0.1, "float."), (None, "NoneType.")]
)
def test_what_is_no_optimiser_is_refused(optimizer, got):
    with pytest.raises(TypeError) as e:
        gradient_descent(half_square, optimizer)
    assert str(e.value) == f"gradient_descent: expected an optimiser of Optax, got {got}"


def test_extra_arguments_go_where_they_are_taken():
    """SAM refuses all but `grad_fn`, also in a chain, where another then misses what it needs, and says so."""
    sam = optax.contrib.sam(optax.sgd(0.5), optax.sgd(0.25))
    rule = gradient_descent(half_square, optax.chain(sam, optax.identity()))
    assert rule.update(rule.init(start(7)), THREE, jax.random.key(0))[0].params == 8
    rule = gradient_descent(half_square, optax.chain(sam, optax.contrib.reduce_on_plateau()))
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'value'"):
        rule.update(rule.init(start(7)), THREE, jax.random.key(0))


@pytest.mark.parametrize(
    ("params", "loss", "message"),
    [
        ({"n": 3}, lambda p, x: p["n"] * x.sum(), "floating or complex parameters, got int32 for parameter ['n']."),
        (1.0, lambda p, x: (p * x.sum()).astype(complex), "a loss that is a real floating number, got complex64."),
        (1.0, lambda p, x: (x > p).sum(), "a loss that is a real floating number, got int32."),
        (1.0, lambda p, x: None, "a loss that is a real floating number, got None."),
    ],
)
def test_what_has_no_gradient_is_refused(params, loss, message):
    rule = gradient_descent(loss, optax.sgd(0.1))
    with pytest.raises(TypeError) as e:
        rule.update(rule.init(params), jnp.ones(2), jax.random.key(0))
    assert str(e.value) == f"gradient_descent: expected {message}"
