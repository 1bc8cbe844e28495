"""One set of bits however a run is cut or looked at, and rules that are freed with what they close over."""

import functools
import gc
import itertools
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.trained import THREE, half_square, start

from jaxnet import Rule, fit, gradient_descent, mlp, squared_error, tanh, train, train_ensemble

pytestmark = pytest.mark.usefixtures("optimised")

KEY = jax.random.key(0)
STEPS = 12


def problem(sizes, optimizer, n=7):
    """A loss that draws, its first state and parameters, and random examples."""
    net, random = mlp(sizes, [tanh] * (len(sizes) - 1)), np.random.default_rng(0)
    data = tuple(random.random((n, size), np.float32) for size in (sizes[0], sizes[-1]))

    def loss(params, batch, key):
        noise = 0.1 * jax.random.normal(key, batch[0].shape)
        return squared_error(net.apply(params, batch[0] + noise), batch[1]).mean()

    rule, params = gradient_descent(loss, optimizer), jax.jit(net.init)(jax.random.clone(KEY))
    return rule, params, data


def bits(state):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


def runs(rule, params, data, folder, batch_size):
    """Yield the name, the last state, and the losses with their steps, of one run made in many ways."""
    options = {"batch_size": batch_size, "key": jax.random.clone(KEY)}
    first = jax.jit(rule.init)(params)

    def steps(loss, each=1):
        return np.arange(each, STEPS + 1, each), loss

    for each in (1, STEPS):
        state, history = train(rule, first, data, steps=STEPS, record_every=each, **again(options))
        yield f"recorded every {each}", state, *steps(history["loss"], each)
    for cuts in ([1, 11], [11, 1], [1] * STEPS):
        state, losses = first, []
        for k, count in zip(np.cumsum([0, *cuts]), cuts, strict=False):
            state, history = train(rule, state, data, steps=count, start=k, **again(options))
            losses += history["loss"].tolist()
        yield f"cut into {cuts}", state, *steps(losses)
    for every in (1, 11):
        run = fit(rule, params, data, steps=STEPS, every=every, progress=False, **again(options))
        yield f"fitted every {every}", run.state, run.history["step"], run.history["loss"]
    for total in (5, STEPS):
        file = folder / "run"
        run = fit(rule, params, data, steps=total, every=1, checkpoint=file, progress=False, **again(options))
    yield "resumed", run.state, run.history["step"], run.history["loss"]
    if batch_size is None:
        batches = itertools.repeat(data, STEPS)
        run = fit(rule, params, iter(batches), key=jax.random.clone(KEY), progress=False)
        yield "of an iterator", run.state, run.history["step"], run.history["loss"]


def again(options):
    return options | {"key": jax.random.clone(options["key"])}


@pytest.mark.parametrize(
    ("sizes", "optimizer", "batch_size"),
    [
        ((2, 8, 1), optax.adam(0.1), 3),  # a native function
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ((2, 4, 1), optax.sgd(0.5, momentum=0.9), None),
                ((64, 40, 3), optax.sgd(0.5, momentum=0.9), None),
                ((64, 40, 3), optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.01)), 3),
                ((300, 1), optax.adamw(optax.cosine_decay_schedule(0.1, 9)), 1),
            ]
        ),
    ],
)
def test_a_run_has_one_set_of_bits(sizes, optimizer, batch_size, tmp_path):
    rule, params, data = problem(sizes, optimizer)
    (_, whole, _, losses), *others = runs(rule, params, data, tmp_path, batch_size)
    for name, state, steps, some in others:
        assert bits(state) == bits(whole), name
        np.testing.assert_array_equal(np.asarray(some, np.float32), losses[np.asarray(steps) - 1], err_msg=name)


@pytest.mark.parametrize("batch_size", [None, pytest.param(3, marks=pytest.mark.slow)])
def test_records_leave_the_bits_of_an_ensemble_alone(batch_size):
    rule, params, data = problem((2, 4, 1), optax.adam(0.1))
    states = jax.jit(jax.vmap(rule.init))(jax.tree.map(lambda a: jnp.stack([a, 2 * a, 3 * a]), params))
    go = functools.partial(train_ensemble, rule, states, data, steps=STEPS, batch_size=batch_size)
    whole, history = go(keys=jax.random.split(jax.random.key(1), 3))
    same, last = go(keys=jax.random.split(jax.random.key(1), 3), record_every=STEPS)
    assert bits(whole) == bits(same)
    np.testing.assert_array_equal(last["loss"], history["loss"][:, -1:])


# What a rule keeps alive.


class Data:
    """A number that can be referred to weakly."""

    def __init__(self):
        self.number = 1.0


def fresh_rule(data):
    return gradient_descent(lambda theta, x: half_square(theta, data.number * x), optax.sgd(0.1))


def trained(data):
    rule = fresh_rule(data)
    train(rule, rule.init(start()), THREE, steps=2, key=jax.random.key(0))


def fitted(data):
    fit(fresh_rule(data), start(), THREE, steps=2, key=jax.random.key(0), validation=THREE, progress=False)


def validated(data):
    def validate(theta, x):
        return (data.number * x).sum()

    fit(SAME, start(), THREE, steps=2, key=jax.random.key(0), validation=THREE, validate=validate, progress=False)


def trained_together(data):
    rule = fresh_rule(data)
    keys = jax.random.split(jax.random.key(0), 2)
    train_ensemble(rule, jax.vmap(rule.init)(jnp.zeros(2)), THREE, keys=keys, steps=2)


SAME = gradient_descent(half_square, optax.sgd(0.1))
RUNS = [trained, fitted, validated, trained_together]


@pytest.mark.parametrize("run", RUNS)
def test_a_rule_that_goes_frees_what_it_closes_over(run):
    data = Data()
    gone = weakref.ref(data)
    run(data)
    del data
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("run", RUNS)
def test_nothing_is_leaked(run):
    with jax.checking_leaks():
        run(Data())


def test_equal_rules_are_one_program():
    traces = []

    class Learner:
        def update(self, state, batch, key):
            traces.append(1)
            return state + batch.mean(), {}

    learner = Learner()
    for _ in range(2):
        rule = Rule(lambda params: params, learner.update)  # another method each time, and equal
        train(rule, jnp.array(0.0), THREE, steps=2, key=jax.random.key(0))
        del rule
    assert len(traces) == 1


def test_gradients_by_what_a_rule_closes_over():
    """theta_4 = mean - mean (1 - rate)^4 from zero, so d theta_4 / d rate = 4 mean (1 - rate)^3."""

    def last(rate):
        rule = gradient_descent(half_square, optax.sgd(rate))
        return train(rule, rule.init(start()), THREE, steps=4, key=jax.random.key(0))[0].params

    np.testing.assert_allclose(jax.grad(last)(0.25), 4 * THREE.mean() * 0.75**3, rtol=1e-6)
