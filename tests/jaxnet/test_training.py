"""The step, the rule and the run: closed forms, loops written by hand, and what a run promises."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxnet import (
    Descent,
    Neuron,
    Rule,
    ShapeError,
    gradient_descent,
    identity,
    layer,
    mlp,
    sgd_step,
    squared_error,
    train,
)

XOR = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)
NET = mlp([2, 4, 1])
LINE = layer(2, 1, identity)
THREE = np.array([1.0, 2.0, 6.0], np.float32)


def half_square(theta, x):
    """Its minimum is at the mean of x, where gradient descent goes as mean + (1 - eta)^k (theta_0 - mean)."""
    return jnp.mean((theta - x) ** 2) / 2


def xor_loss(params, batch):
    x, y = batch
    return squared_error(NET.apply(params, x), y).mean()


def f32(*rows):
    return np.array(rows, np.float32)


def start(value=0.0):
    return np.float32(value)


def line_loss(params, batch):
    x, y = batch
    return squared_error(LINE.apply(params, x), y).mean()


# Shared, as the docstring of `gradient_descent` advises, so that tests share compiled runs.
SLOPE = gradient_descent(half_square, optax.sgd(0.25))
LEVEL = gradient_descent(line_loss, optax.sgd(0.25))


# A rule that learns nothing and writes down what it is shown.
WITNESS = Rule(
    init=lambda params: params,
    update=lambda state, batch, key: (state, {"batch": batch, "key": jax.random.key_data(key)}),
)


def numbered(n):
    """The examples 0..n-1, each also as a row of two numbers in another branch of the tree."""
    number = np.arange(n)
    return {"number": number, "rest": ([np.stack([10 * number, -number], axis=-1)], None)}


def witnessed(data, *, steps, batch_size, seed=0):
    _, history = train(WITNESS, (), data, steps=steps, batch_size=batch_size, key=jax.random.key(seed))
    return jax.tree.map(np.asarray, history)


def filled(tree):
    """A tree of arrays from a tree of shapes: a plain tuple of integers is a shape."""
    return jax.tree.map(
        lambda shape: np.ones(shape, np.float32),
        tree,
        is_leaf=lambda t: type(t) is tuple and all(type(n) is int for n in t),
    )


# The step.


def test_a_step_by_hand():
    params = {"w": f32(1, 2), "b": (f32(3),)}
    gradient = {"w": f32(10, -10), "b": (f32(0.5),)}
    new = sgd_step(params, gradient, 0.5)
    np.testing.assert_array_equal(new["w"], [-4, 7])
    np.testing.assert_array_equal(new["b"][0], [2.75])
    np.testing.assert_array_equal(sgd_step(params, gradient, -1)["w"], [11, -8])
    np.testing.assert_array_equal(sgd_step(params, gradient, 0)["w"], [1, 2])


def test_a_step_keeps_the_kind_of_tree():
    params = Neuron(f32([1, 2]), f32(4))
    new = sgd_step((params, None), (params, None), 0.25)
    assert jax.tree.structure(new) == jax.tree.structure((params, None))
    np.testing.assert_array_equal(new[0].w, [[0.75, 1.5]])


def test_a_step_is_that_of_optax_sgd():
    params, gradient = Neuron(f32([1, -2]), f32(0.3)), Neuron(f32([0.1, 5]), f32(1))
    updates, _ = optax.sgd(0.1).update(gradient, optax.sgd(0.1).init(params))
    jax.tree.map(np.testing.assert_array_equal, sgd_step(params, gradient, 0.1), optax.apply_updates(params, updates))


def test_the_step_size_may_be_traced():
    params, gradient = f32(1, 2), f32(10, -10)
    np.testing.assert_array_equal(jax.jit(sgd_step)(params, gradient, 0.5), [-4, 7])
    many = jax.jit(jax.vmap(sgd_step, in_axes=(None, None, 0)))(params, gradient, f32(0, 0.5))
    np.testing.assert_array_equal(many, [[1, 2], [-4, 7]])
    slope = jax.jit(jax.jacobian(sgd_step, argnums=2))(params, gradient, 0.5)
    np.testing.assert_array_equal(slope, [-10, 10])


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float32])
@pytest.mark.parametrize("step_size", [0.5, np.float64(0.5), np.float32(0.5), jnp.bfloat16(0.5)])
def test_a_step_keeps_the_dtype_of_the_parameters(dtype, step_size):
    new = sgd_step(f32(1, 2).astype(dtype), f32(1, -2), step_size)
    assert new.dtype == dtype
    np.testing.assert_array_equal(np.asarray(new, np.float32), [0.5, 3])


def test_a_step_in_float64_has_the_step_size_in_float64():
    with jax.enable_x64(True):
        new = sgd_step(np.array([1.0, 2.0]), np.array([3.0, -3.0]), 0.1)
        np.testing.assert_array_equal(new, [1 - 0.1 * 3.0, 2 + 0.1 * 3.0])


@pytest.mark.parametrize(
    ("params", "gradient", "message"),
    [
        ({"w": (2,)}, {"w": (3,)}, "sgd_step: parameter ['w'] has shape (2,), its gradient (3,)."),
        ({"w": (2, 1)}, {"w": (2,)}, "sgd_step: parameter ['w'] has shape (2, 1), its gradient (2,)."),
        (((), (2,)), ((), ()), "sgd_step: parameter [1] has shape (2,), its gradient ()."),
        (Neuron((2,), ()), Neuron((2,), (1,)), "sgd_step: parameter .b has shape (), its gradient (1,)."),
        ((2,), (3,), "sgd_step: parameter has shape (2,), its gradient (3,)."),
        ([Neuron((2,), ())], [Neuron((1,), ())], "sgd_step: parameter [0].w has shape (2,), its gradient (1,)."),
    ],
)
def test_gradients_of_other_shapes_are_refused(params, gradient, message):
    with pytest.raises(ShapeError) as e:
        sgd_step(filled(params), filled(gradient), 0.1)
    assert str(e.value) == message


def test_the_step_size_is_a_scalar():
    with pytest.raises(ShapeError) as e:
        sgd_step(np.ones(2, np.float32), np.ones(2, np.float32), np.ones(2, np.float32))
    assert str(e.value) == "sgd_step: expected a scalar step size, got shape (2,)."


@pytest.mark.parametrize(
    ("params", "gradient"),
    [
        ({"w": (2,)}, {"v": (2,)}),
        ([(2,)], [(2,), (2,)]),
        ({"w": (2,)}, [(2,)]),
        ({"w": (2,)}, {"w": None}),
        (Neuron((2,), ()), (2,)),
        # Here to stack the gradient would give the shape of the parameter.
        ((2,), Neuron((), ())),
        ({"w": (2, 3)}, {"w": [(3,), (3,)]}),
    ],
)
def test_trees_that_differ_are_refused(params, gradient):
    params, gradient = filled(params), filled(gradient)
    with pytest.raises(ShapeError) as e:
        sgd_step(params, gradient, 0.1)
    assert str(e.value) == (
        f"sgd_step: expected a gradient of the parameters' structure {jax.tree.structure(params)}, "
        f"got {jax.tree.structure(gradient)}."
    )


def test_integer_parameters_do_not_stand_still_in_silence():
    """0.1 in int32 is 0: nothing would move and nothing would be said."""
    with pytest.raises(TypeError) as e:
        sgd_step({"w": np.array([1, 2], np.int32)}, {"w": f32(10, 10)}, 0.1)
    assert str(e.value) == "sgd_step: expected floating parameters, got int32 for parameter ['w']."


# The rule.


def test_a_rule_by_hand():
    state = SLOPE.init(start(7))
    assert isinstance(state, Descent)
    new, metrics = SLOPE.update(state, THREE, jax.random.key(0))
    assert new.params == 6  # 7 - (7 - 3) / 4
    np.testing.assert_allclose(metrics["loss"], (36 + 25 + 1) / 6, rtol=1e-6)
    assert set(metrics) == {"loss"}


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.sgd(0.1, momentum=0.9),
        optax.adamw(0.1, weight_decay=0.1),
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
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), ours, Descent(params, theirs))
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


@pytest.mark.parametrize("steps", [np.int64(4), jnp.array(4)])
def test_whole_numbers_of_any_kind_are_one_program(steps):
    loss, traces = counting(half_square)
    rule = gradient_descent(loss, optax.sgd(0.1))
    for number in (4, steps):
        train(rule, rule.init(start(7)), THREE, steps=number, key=jax.random.key(0))
    assert len(traces) == 1


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


@pytest.mark.parametrize("loss", [half_square, random_shift])
def test_an_optimiser_that_searches_along_a_line(loss):
    """L-BFGS takes value=, grad= and value_fn=: downhill, its first step has length 1 where the slope is steeper."""
    rule = gradient_descent(loss, optax.lbfgs())
    state, metrics = jax.jit(rule.update)(rule.init(start(7)), THREE, jax.random.key(0))
    noise = 0 if loss is half_square else jax.random.normal(jax.random.key(0)).item()
    np.testing.assert_allclose(state.params, 6, rtol=1e-5)
    np.testing.assert_allclose(metrics["loss"], np.mean((7 - THREE - noise) ** 2) / 2, rtol=1e-5)


# The run: what it computes.


def test_a_line_of_steps_by_its_closed_form():
    k = np.arange(8)
    state, history = train(SLOPE, SLOPE.init(start(7)), THREE, steps=8, key=jax.random.key(0))
    distance = 4 * 0.75**k
    variance = np.var(THREE.astype(np.float64))
    np.testing.assert_allclose(state.params, 3 + 4 * 0.75**8, rtol=1e-6)
    np.testing.assert_allclose(history["loss"], (distance**2 + variance) / 2, rtol=1e-6)


def test_linear_regression_by_its_closed_form():
    """With A = [X 1] and H = A'A / n, theta_k - theta* = (I - eta H)^k (theta_0 - theta*), theta* of least squares."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 1))
    a = np.c_[x, np.ones(20)]
    best = np.linalg.lstsq(a, y[:, 0])[0]

    rule, params = gradient_descent(line_loss, optax.sgd(0.3)), Neuron(f32([2, -1]), f32(0.5))
    data, first = (x.astype(np.float32), y.astype(np.float32)), [2, -1, 0.5]
    for steps in (7, 300):
        state, _ = train(rule, rule.init(params), data, steps=steps, key=jax.random.key(0))
        expected = best + np.linalg.matrix_power(np.eye(3) - 0.3 * a.T @ a / 20, steps) @ (first - best)
        np.testing.assert_allclose(np.r_[np.asarray(state.params.w)[0], state.params.b], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(expected, best, atol=1e-6)


def test_xor_is_learned():
    rule = gradient_descent(xor_loss, optax.adam(0.1))
    state, history = train(rule, rule.init(NET.init(jax.random.key(0))), XOR, steps=1000, key=jax.random.key(1))
    np.testing.assert_allclose(jax.jit(NET.apply)(state.params, XOR[0]), XOR[1], atol=0.1)
    assert history["loss"][-1] < 0.01 < history["loss"][0]


def test_a_run_is_a_loop_of_updates():
    """The batches and the keys of a run, written down by the rule itself and played again one by one."""
    rule = gradient_descent(lambda theta, x, key: half_square(theta, x + jax.random.normal(key)), optax.adam(0.1))

    def update(state, batch, key):
        data = jax.random.key_data(key)
        state, metrics = rule.update(state, batch, jax.random.wrap_key_data(data))
        return state, metrics | {"batch": batch, "key": data}

    state, step = rule.init(start(7)), jax.jit(rule.update)
    whole, history = train(Rule(rule.init, update), state, THREE, steps=9, batch_size=2, key=jax.random.key(5))
    history = jax.tree.map(np.asarray, history)
    for i in range(9):
        state, metrics = step(state, history["batch"][i], jax.random.wrap_key_data(history["key"][i]))
        np.testing.assert_allclose(metrics["loss"], history["loss"][i], rtol=1e-5)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), whole, state)


def test_a_run_that_goes_on_is_one_run():
    """All examples each step and a loss that draws nothing: 3 + 3 steps are 6, the optimiser's memory included."""
    rule = gradient_descent(half_square, optax.adam(0.1))
    first = rule.init(start(7))
    whole, history = train(rule, first, THREE, steps=6, key=jax.random.key(1))
    half, beginning = train(rule, first, THREE, steps=3, key=jax.random.key(2))
    both, end = train(rule, half, THREE, steps=3, key=jax.random.key(3))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), both, whole)
    np.testing.assert_allclose(np.r_[beginning["loss"], end["loss"]], history["loss"], rtol=1e-5)


def test_no_steps_change_nothing():
    rule = gradient_descent(half_square, optax.adam(0.1))
    first = rule.init(start(7))
    for batch_size in (None, 2):
        state, history = train(rule, first, THREE, steps=0, batch_size=batch_size, key=jax.random.key(0))
        jax.tree.map(np.testing.assert_array_equal, state, first)
        assert history["loss"].shape == (0,)


def test_a_rule_of_your_own():
    """A running sum: no gradient, no optimiser, a state of any kind, nothing to record."""
    rule = Rule(lambda params: {"sum": params}, lambda state, x, key: ({"sum": state["sum"] + x.sum()}, {}))
    state, history = train(rule, rule.init(start()), THREE, steps=2, key=jax.random.key(0))
    assert state["sum"] == 18
    assert history == {}


# The run: the order of examples.

SEVEN = {"steps": 16, "batch_size": 3}  # of seven examples: six epochs and six examples of the seventh


@pytest.mark.parametrize(("n", "batch_size", "steps"), [(7, 3, 16), (3, 3, 3000), (6, 1, 12)])
def test_every_example_is_seen_once_an_epoch(n, batch_size, steps):
    """The stream of examples, cut after every n: each piece is a permutation, the last one the beginning of one."""
    seen = witnessed(numbered(n), steps=steps, batch_size=batch_size)["batch"]["number"]
    assert seen.shape == (steps, batch_size)
    stream = seen.ravel().tolist()
    for first in range(0, len(stream), n):
        epoch = stream[first : first + n]
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(n))


def test_rows_of_a_tree_of_data_stay_together():
    seen = witnessed(numbered(7), **SEVEN)["batch"]
    ((rows,), nothing), number = seen["rest"], seen["number"]
    assert rows.shape == (16, 3, 2)
    assert nothing is None
    np.testing.assert_array_equal(rows, np.stack([10 * number, -number], axis=-1))


def test_epochs_differ_in_order():
    epochs = witnessed(numbered(7), **SEVEN)["batch"]["number"].ravel()[:42].reshape(6, 7)
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 6


def test_every_order_is_as_likely():
    """3,000 epochs of three examples: the chi-square of the six orders has 5 degrees of freedom; 20.5 is 1 in 1,000."""
    epochs = witnessed(numbered(3), steps=3000, batch_size=3)["batch"]["number"].tolist()
    counts = [sum(epoch == list(order) for epoch in epochs) for order in itertools.permutations(range(3))]
    assert sum(counts) == 3000
    assert sum((count - 500) ** 2 / 500 for count in counts) < 20.5


def test_without_a_batch_size_every_step_sees_all_examples_in_order():
    seen = witnessed(THREE, steps=4, batch_size=None)["batch"]
    np.testing.assert_array_equal(seen, np.tile(THREE, (4, 1)))


def test_every_step_has_a_key_of_its_own():
    keys = [witnessed(numbered(7), **SEVEN, seed=seed)["key"] for seed in (0, 1)]
    assert len({tuple(key) for key in np.concatenate(keys).tolist()}) == 32


def test_the_same_key_is_the_same_run_bit_for_bit_and_another_key_another():
    def run(seed):
        state, history = train(SLOPE, SLOPE.init(start(7)), THREE, steps=4, batch_size=2, key=jax.random.key(seed))
        return state.params.item(), tuple(history["loss"].tolist())

    assert run(5) == run(5)
    assert len({run(seed) for seed in range(5)}) > 1
    orders = [witnessed(numbered(7), **SEVEN, seed=seed)["batch"]["number"].tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


# The run: under transformations.


@jax.jit
def short_run(theta, data, key):
    return train(SLOPE, SLOPE.init(theta), data, steps=4, batch_size=2, key=key)


def test_a_run_goes_under_jit_with_data_of_numpy_or_jax():
    outside = train(SLOPE, SLOPE.init(start(7)), THREE, steps=4, batch_size=2, key=jax.random.key(0))
    for data in (THREE, jnp.asarray(THREE)):
        inside = short_run(start(7), data, jax.random.key(0))
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), inside, outside)


def test_many_runs_are_vmap_over_keys():
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.tree.map(np.asarray, jax.vmap(short_run, in_axes=(None, None, 0))(start(7), THREE, keys))
    assert together[1]["loss"].shape == (3, 4)
    assert len(set(together[0].params.tolist())) > 1
    for i, key in enumerate(jax.random.split(jax.random.key(0), 3)):
        alone = short_run(start(7), THREE, key)
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-5), together, alone)


def after_four_steps(eta):
    rule = gradient_descent(half_square, optax.sgd(eta))
    return train(rule, rule.init(start(7)), THREE, steps=4, key=jax.random.key(0))[0].params


def test_many_step_sizes_are_vmap_over_a_closure():
    eta = f32(0, 0.25, 1, 2)
    np.testing.assert_allclose(jax.vmap(after_four_steps)(eta), 3 + 4 * (1 - eta) ** 4, rtol=1e-6)


def test_many_step_sizes_are_vmap_over_the_state():
    """With `inject_hyperparams` the step size is data, and one compiled run serves all."""
    rule = gradient_descent(half_square, optax.inject_hyperparams(optax.sgd)(learning_rate=0.0))

    def run(eta):
        state = rule.init(start(7))
        state.optimizer_state.hyperparams["learning_rate"] = eta
        return train(rule, state, THREE, steps=4, key=jax.random.key(0))[0].params

    eta = f32(0, 0.25, 1, 2)
    np.testing.assert_allclose(jax.vmap(run)(eta), 3 + 4 * (1 - eta) ** 4, rtol=1e-6)


def test_a_run_is_differentiable_in_its_step_size():
    """d/d eta of 3 + 4 (1 - eta)^4 at 1/4 is -16 (3/4)^3."""
    np.testing.assert_allclose(jax.grad(after_four_steps)(0.25), -16 * 0.75**3, rtol=1e-6)


@pytest.mark.parametrize(("kind", "batch_size"), [(AxisType.Auto, 2), (AxisType.Explicit, None)])
def test_a_run_on_two_devices(kind, batch_size):
    """`jax.make_mesh` gives explicit axes unless told otherwise; batches want automatic ones."""
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(kind,), devices=jax.devices()[:2])
    data = tuple(jax.device_put(a, NamedSharding(mesh, PartitionSpec("batch"))) for a in XOR)
    params = Neuron(f32([2, -1]), f32(0.5))
    first = LEVEL.init(jax.device_put(params, NamedSharding(mesh, PartitionSpec())))
    one = train(LEVEL, LEVEL.init(params), XOR, steps=3, batch_size=batch_size, key=jax.random.key(1))
    two = train(LEVEL, first, data, steps=3, batch_size=batch_size, key=jax.random.key(1))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), two, one)


# The run: what it compiles.


def counting(loss):
    traces = []

    def counted(params, batch):
        traces.append(1)
        return loss(params, batch)

    return counted, traces


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_run_traces_the_loss_once_and_a_second_run_not_at_all(batch_size):
    """From where the first run ended, from a new start, with other data and other keys."""
    loss, traces = counting(half_square)
    rule = gradient_descent(loss, optax.adam(0.1))
    first, other = rule.init(start(7)), THREE + 1
    state, _ = train(rule, first, THREE, steps=5, batch_size=batch_size, key=jax.random.key(1))
    assert len(traces) == 1
    state, _ = train(rule, state, other, steps=5, batch_size=batch_size, key=jax.random.key(2))
    train(rule, rule.init(start(5)), other, steps=5, batch_size=batch_size, key=jax.random.key(4))
    assert len(traces) == 1


def test_one_step_traces_once():
    loss, traces = counting(line_loss)
    rule = gradient_descent(loss, optax.adam(0.1))
    state, update = rule.init(Neuron(f32([2, -1]), f32(0.5))), jax.jit(rule.update)
    for i in range(3):
        state, _ = update(state, XOR, jax.random.key(i))
    assert len(traces) == 1


def test_vmap_traces_once():
    loss, traces = counting(half_square)
    rule = gradient_descent(loss, optax.sgd(0.1))
    jax.vmap(lambda theta: train(rule, rule.init(theta), THREE, steps=4, key=jax.random.key(0)))(THREE)
    assert len(traces) == 1


def test_a_run_that_goes_on_from_a_scalar_traces_nothing():
    """`jnp.array(7.0)` is weakly typed, what a step returns is not: the types must settle in `init`, not run by run."""
    loss, traces = counting(half_square)
    rule = gradient_descent(loss, optax.adam(0.1))
    state = rule.init(jnp.array(7.0))
    for seed in range(3):
        state, _ = train(rule, state, THREE, steps=4, key=jax.random.key(seed))
    assert len(traces) == 1


# The run: what it refuses.


def refusal(error, data=THREE, steps=1, **arguments):
    with pytest.raises(error) as e:
        train(SLOPE, SLOPE.init(start()), data, steps=steps, key=jax.random.key(0), **arguments)
    return str(e.value)


@pytest.mark.parametrize(
    ("shapes", "sizes"),
    [
        (((3,), (4, 2)), "data[0]: 3, data[1]: 4"),
        ({"x": (3, 2), "y": ()}, "data['x']: 3, data['y']: a scalar"),
        ((((3,), (3,)), [(2,)]), "data[0][0]: 3, data[0][1]: 3, data[1][0]: 2"),
        ((), "data: a scalar"),
    ],
)
def test_data_of_different_lengths(shapes, sizes):
    assert refusal(ShapeError, filled(shapes)) == (
        f"train: expected arrays with the same number of examples along the first axis, got {sizes}"
    )


@pytest.mark.parametrize("data", [np.zeros((0, 2), np.float32), (np.zeros(0), np.zeros((0, 2))), (), {}, None])
def test_no_data(data):
    assert refusal(ValueError, data) == "train: expected at least one example, got none."


def test_a_negative_number_of_steps():
    assert refusal(ValueError, steps=-1) == "train: expected steps in 0..4294967295, got -1."


@pytest.mark.parametrize("batch_size", [0, -2, 4])
def test_a_batch_size_out_of_range(batch_size):
    assert refusal(ValueError, batch_size=batch_size) == (f"train: expected batch_size in 1..3, got {batch_size}.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 2.5}, "train: expected steps to be a whole number, got 2.5."),
        ({"steps": 2.0, "batch_size": 2}, "train: expected steps to be a whole number, got 2.0."),
        ({"batch_size": 1.5}, "train: expected batch_size to be a whole number, got 1.5."),
    ],
)
def test_fractions_of_steps_and_examples(arguments, message):
    """2.5 steps are not 3."""
    assert refusal(TypeError, **arguments) == message


def test_numbers_of_steps_and_examples_may_be_those_of_numpy():
    four, two = np.int64(4), np.int32(2)
    state, _ = train(SLOPE, SLOPE.init(start(7)), THREE, steps=four, batch_size=two, key=jax.random.key(0))
    expected, _ = train(SLOPE, SLOPE.init(start(7)), THREE, steps=4, batch_size=2, key=jax.random.key(0))
    assert state.params == expected.params
