"""The run: closed forms, loops written by hand, and what it promises."""

import functools
import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.trained import LEVEL, SLOPE, THREE, XOR, f32, half_square, line_loss, start

from jaxnet import (
    Neuron,
    Rule,
    ShapeError,
    fit,
    gradient_descent,
    mlp,
    squared_error,
    train,
)

NET = mlp([2, 4, 1])


def xor_loss(params, batch):
    x, y = batch
    return squared_error(NET.apply(params, x), y).mean()


# A rule that learns nothing and writes down what it is shown.
WITNESS = Rule(
    init=lambda params: params,
    update=lambda state, batch, key: (state, {"batch": batch, "key": jax.random.key_data(key)}),
)


def numbered(n):
    """The examples 0..n-1, each also as a row of two numbers in another branch of the tree."""
    number = np.arange(n)
    return {"number": number, "rest": ([np.stack([10 * number, -number], axis=-1)], None)}


def witnessed(data, *, seed=0, **arguments):
    _, history = train(WITNESS, (), data, key=jax.random.key(seed), **arguments)
    return jax.tree.map(np.asarray, history)


def filled(tree):
    """A tree of arrays from a tree of shapes: a plain tuple of integers is a shape."""
    return jax.tree.map(
        lambda shape: np.ones(shape, np.float32),
        tree,
        is_leaf=lambda t: type(t) is tuple and all(type(n) is int for n in t),
    )


# What it computes.


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


# The order of examples.

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


# Cut into pieces.


def equal(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize(
    ("n", "batch_size"),
    [(7, 3), (5, None), *(pytest.param(*sizes, marks=pytest.mark.slow) for sizes in [(6, 3), (6, 4), (5, 5)])],
)
def test_a_run_cut_anywhere_sees_the_same_examples_with_the_same_keys(n, batch_size):
    """Five steps from each place of a run of 16, wherever that is in its epoch."""
    whole = witnessed(numbered(n), steps=16, batch_size=batch_size)
    for k in range(12):
        piece = witnessed(numbered(n), steps=5, batch_size=batch_size, start=k)
        equal(piece, jax.tree.map(lambda a, k=k: a[k : k + 5], whole))


@pytest.mark.parametrize("batch_size", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (None, 3))])
def test_a_run_cut_in_the_middle_ends_where_the_whole_ends(batch_size):
    """With a loss that draws and an optimiser that remembers; THREE has one epoch and a half in three batches of 2."""
    rule = gradient_descent(lambda theta, x, key: half_square(theta, x + jax.random.normal(key)), optax.adam(0.1))
    go = functools.partial(train, rule, data=THREE, batch_size=batch_size)
    whole, history = go(state=rule.init(start(7)), steps=10, key=jax.random.key(3))
    half, beginning = go(state=rule.init(start(7)), steps=5, key=jax.random.key(3))
    both, end = go(state=half, steps=5, key=jax.random.key(3), start=5)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), both, whole)
    np.testing.assert_allclose(np.r_[beginning["loss"], end["loss"]], history["loss"], rtol=1e-5)


@pytest.mark.parametrize("first", [2**31 // 3 - 4, 2**31 - 4, 2**32 - 9])
def test_a_run_that_starts_beyond_two_billion_examples(first):
    """The number of an example has more than 32 bits there; 7 divides no power of 2, so a wrapped one would show."""
    one, other = (witnessed(numbered(7), steps=8, batch_size=3, start=k) for k in (first, first + 1))
    equal(jax.tree.map(lambda a: a[1:], one), jax.tree.map(lambda a: a[:-1], other))
    numbers = one["batch"]["number"].ravel().tolist()
    epochs = [(3 * first + i) // 7 for i in range(24)]
    seen = [[x for x, e in zip(numbers, epochs, strict=True) if e == epoch] for epoch in sorted(set(epochs))]
    assert all(len(set(epoch)) == len(epoch) for epoch in seen)
    assert all(sorted(epoch) == list(range(7)) for epoch in seen[1:-1])
    early = witnessed(numbered(7), steps=8, batch_size=3, start=first % 7)
    assert not set(map(tuple, one["key"].tolist())) & set(map(tuple, early["key"].tolist()))


def test_numbers_of_steps_that_do_not_fit_are_refused():
    rule = gradient_descent(half_square, optax.sgd(0.1))
    expected = re.escape("train: expected start + steps in 0..4294967296, got 4294967297.")
    with pytest.raises(ValueError, match=expected):
        train(rule, rule.init(start(7)), THREE, steps=3, key=jax.random.key(0), start=2**32 - 2)
    with pytest.raises(ValueError, match=re.escape("expected steps in 0..4294967295, got 6442450943.")):
        train(rule, rule.init(start(7)), THREE, epochs=2**32 - 1, batch_size=2, key=jax.random.key(0))


def test_runs_that_differ_in_their_start_are_one_program():
    loss, traces = counting(half_square)
    rule = gradient_descent(loss, optax.sgd(0.1))
    for k in (0, 1, np.int64(2), 2**31):
        train(rule, rule.init(start(7)), THREE, steps=4, batch_size=2, key=jax.random.key(0), start=k)
    assert len(traces) == 1


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("k", [3, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 12))])
def test_every_kth_record_is_that_of_steps_k_2k(k, batch_size):
    every = witnessed(numbered(7), steps=12, batch_size=batch_size)
    some = witnessed(numbered(7), steps=12, batch_size=batch_size, record_every=k)
    equal(some, jax.tree.map(lambda a: a[k - 1 :: k], every))


def test_how_often_metrics_are_kept_does_not_change_the_run():
    go = functools.partial(train, SLOPE, data=THREE, batch_size=2, steps=12)
    state, history = go(state=SLOPE.init(start(7)), key=jax.random.key(0))
    same, some = go(state=SLOPE.init(start(7)), key=jax.random.key(0), record_every=4)
    np.testing.assert_allclose(same.params, state.params, rtol=1e-6)
    np.testing.assert_allclose(some["loss"], history["loss"][3::4], rtol=1e-6)


# In epochs.


@pytest.mark.parametrize(
    ("n", "batch_size", "epochs", "steps"),
    [
        *[(7, 3, 2, 5), (5, None, 2, 2), (5, 2, 0, 0)],
        *(pytest.param(*numbers, marks=pytest.mark.slow) for numbers in [(7, 3, 1, 3), (7, 3, 3, 7), (6, 3, 2, 4)]),
    ],
)
def test_epochs_are_steps_until_every_example_was_seen_so_often(n, batch_size, epochs, steps):
    numbers = witnessed(numbered(n), epochs=epochs, batch_size=batch_size)["batch"]["number"]
    assert len(numbers) == steps
    counts = np.bincount(numbers.ravel()[: n * epochs].astype(int), minlength=n)
    assert (counts == epochs).all()


# What it compiles.


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


@pytest.mark.parametrize("steps", [np.int64(4), jnp.array(4)])
def test_whole_numbers_of_any_kind_are_one_program(steps):
    loss, traces = counting(half_square)
    rule = gradient_descent(loss, optax.sgd(0.1))
    for number in (4, steps):
        train(rule, rule.init(start(7)), THREE, steps=number, key=jax.random.key(0))
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


# What it refuses.


def refusal(error, data=THREE, steps=1, **arguments):
    with pytest.raises(error) as e:
        train(SLOPE, SLOPE.init(start()), data, steps=steps, key=jax.random.key(0), **arguments)
    return str(e.value)


@pytest.mark.parametrize(("steps", "epochs", "got"), [(None, None, "neither"), (3, 3, "both"), (0, 0, "both")])
def test_either_steps_or_epochs(steps, epochs, got):
    assert refusal(TypeError, steps=steps, epochs=epochs) == f"train: expected either steps or epochs, got {got}."


@pytest.mark.parametrize(("steps", "record_every"), [(4, 3), (1, 2)])
def test_steps_are_a_multiple_of_record_every(steps, record_every):
    assert refusal(ValueError, steps=steps, record_every=record_every) == (
        f"train: expected steps to be a multiple of record_every, {record_every}, got {steps} steps."
    )


def test_steps_made_of_epochs_are_a_multiple_of_record_every():
    assert refusal(ValueError, steps=None, epochs=2, batch_size=2, record_every=2) == (
        "train: expected steps to be a multiple of record_every, 2, got 3 steps."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": -1}, "train: expected start in 0..4294967295, got -1."),
        ({"start": 2**32}, "train: expected start in 0..4294967295, got 4294967296."),
        ({"record_every": 0}, "train: expected record_every to be at least 1, got 0."),
        ({"steps": None, "epochs": -1}, "train: expected epochs to be at least 0, got -1."),
    ],
)
def test_numbers_out_of_range(arguments, message):
    assert refusal(ValueError, **arguments) == message


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


@pytest.mark.parametrize("data", [np.zeros((0, 2), np.float32), (np.zeros(0), np.zeros((0, 2))), (), {}])
def test_no_data(data):
    assert refusal(ValueError, data) == "train: expected at least one example, got none."


def test_data_that_are_none():
    assert refusal(TypeError, None) == (
        "train: expected data, got None. Pass arrays of numbers with examples along the first axis, or a tuple or dict "
        "of such arrays."
    )


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
        ({"start": 1.5}, "train: expected start to be a whole number, got 1.5."),
        ({"record_every": True}, "train: expected record_every to be a whole number, got True."),
        ({"steps": None, "epochs": 0.5}, "train: expected epochs to be a whole number, got 0.5."),
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


@pytest.mark.parametrize(("n", "steps"), [(2**31, 1), (4, 2**31)])
def test_examples_and_steps_that_32_bits_do_not_number(n, steps):
    """On shapes alone; from there on every batch would be the first."""
    data = jax.ShapeDtypeStruct((n,), np.float32)
    run = functools.partial(train, LEVEL, steps=steps, batch_size=2, key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"^train: expected fewer than 2\^31 examples, and steps in one"):
        jax.eval_shape(run, LEVEL.init(Neuron(f32([2, -1]), f32(0.5))), data)


def test_what_is_no_state():
    run = fit(SLOPE, start(), THREE, steps=1, key=jax.random.key(0))
    with pytest.raises(TypeError) as e:
        train(SLOPE, run, THREE, steps=1, key=jax.random.key(0))
    assert str(e.value) == (
        "train: expected arrays in state, got a str in state.stopped. Pass rule.init(params), or run.state with "
        "start=run.steps."
    )
    with pytest.raises(TypeError, match=r"^update: expected a state, as rule.init\(params\) gives, got an array\."):
        train(SLOPE, start(), THREE, steps=1, key=jax.random.key(0))
