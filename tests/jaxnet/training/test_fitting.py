"""The driver: it changes no numbers, goes on where it was, and says what is wrong."""

import contextlib
import functools
import itertools
import os
import signal
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import jaxnet
from jaxnet import CheckpointError, DivergedError, Rule, ShapeError, fit, gradient_descent, mlp, squared_error, train

X = np.linspace(-1, 1, 10, dtype=np.float32)[:, None]
DATA = X, X**2
NET = mlp([1, 3, 1])
START = NET.init(jax.random.key(0))


def noisy_loss(params, batch, key):
    """Draws, so that a run depends on its keys as well as on its order of examples."""
    x, y = batch
    return squared_error(NET.apply(params, x + 0.1 * jax.random.normal(key, x.shape)), y).mean()


def error(params, batch):
    x, y = batch
    return squared_error(NET.apply(params, x), y).mean()


NOISY = gradient_descent(noisy_loss, optax.adam(0.05))
PLAIN = gradient_descent(error, optax.adam(0.05))
KEY = jax.random.key(5)


def key():
    return jax.random.clone(KEY)


def equal(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(np.testing.assert_array_equal, a, b)


def close(a, b):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), a, b)


# What it computes.


@pytest.mark.parametrize(("batch_size", "record_every"), [(None, 5), (3, 1)])
def test_a_fit_is_a_train(batch_size, record_every):
    state, history = train(
        NOISY, NOISY.init(START), DATA, steps=35, batch_size=batch_size, key=key(), record_every=record_every
    )
    run = fit(NOISY, START, DATA, steps=35, batch_size=batch_size, key=key(), every=10, record_every=record_every)
    close(run.state, state)
    close(run.history["loss"], history["loss"])
    np.testing.assert_array_equal(run.history["step"], np.arange(record_every, 36, record_every))
    equal(run.params, run.state.params)
    assert (run.steps, run.stopped, run.validation) == (35, "finished", {})


def test_visits_change_nothing():
    first, *others = (fit(NOISY, START, DATA, steps=35, batch_size=3, key=key(), every=n) for n in (12, 1, 100))
    for other in others:
        close(other.state, first.state)


def test_epochs():
    assert fit(PLAIN, START, DATA, epochs=3, batch_size=4, key=key()).steps == 8  # 30 examples, of four
    assert fit(PLAIN, START, DATA, epochs=3, key=key()).steps == 3


def test_a_state_is_gone_on_from():
    """All examples each step, and a loss that draws nothing: 4 + 4 steps are 8, Adam's memory included."""
    first = fit(PLAIN, START, DATA, steps=4, key=key())
    close(fit(PLAIN, first.state, DATA, steps=4, key=key()).state, fit(PLAIN, START, DATA, steps=8, key=key()).state)


def test_no_steps():
    run = fit(PLAIN, START, DATA, steps=0, key=key())
    equal(run.params, START)
    assert (run.history, run.steps, run.stopped) == ({}, 0, "finished")


def test_a_second_fit_traces_nothing():
    traces = []

    def loss(params, batch):
        traces.append(1)
        return error(params, batch)

    rule = gradient_descent(loss, optax.sgd(0.1))
    for seed, shift in ((0, 0), (1, 1)):
        data = DATA[0] + shift, DATA[1]
        fit(rule, START, data, steps=25, batch_size=3, key=jax.random.key(seed), every=10, validation=data)
    assert len(traces) == 2  # one for the steps, of whatever number at a time, and one for validation


def test_a_second_fit_compiles_nothing(tmp_path):
    """Also with validation and a checkpoint, another number of steps, and other data of the same shape."""
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(lambda event, seconds, **_: compiled.append(event))

    def go(steps, shift, name):
        data = DATA[0] + shift, DATA[1]
        arguments = {"batch_size": 3, "every": 10, "validation": data, "checkpoint": tmp_path / name}
        fit(PLAIN, START, data, steps=steps, key=key(), **arguments)

    go(25, 0, "first")
    assert any("backend_compile" in event for event in compiled)
    compiled.clear()
    go(47, 1, "second")
    assert not [event for event in compiled if "backend_compile" in event]


# Validation.


def test_validation_is_measured_at_each_visit():
    run = fit(PLAIN, START, DATA, steps=25, key=key(), every=10, validation=DATA)
    np.testing.assert_array_equal(run.validation["step"], [10, 20, 25])
    # The loss of the training data before a step is that of the validation data after the step before.
    close(run.validation["loss"][:2], run.history["loss"][[10, 20]])


def test_the_best_parameters_are_kept():
    """A rule that walks through 3, 2, 1, 0, 1, 2, ...: the best is where it came nearest to zero."""
    walk = Rule(lambda p: State(p), lambda s, b, k: (State(s.params - 1), {"loss": jnp.abs(s.params)}))
    run = fit(walk, jnp.array(5.0), X, steps=9, key=key(), every=1, validation=X)
    assert (run.params, run.state.params) == (0, -4)
    np.testing.assert_array_equal(run.validation["loss"], [4, 3, 2, 1, 0, 1, 2, 3, 4])
    run = fit(walk, jnp.array(5.0), X, steps=100, key=key(), every=1, validation=X, patience=2)
    assert (run.params, run.steps, run.stopped) == (0, 7, "no improvement")


class State(tuple):
    """A state of somebody's own: a tree with `params`."""

    __slots__ = ()

    def __new__(cls, params):
        return super().__new__(cls, (params,))

    @property
    def params(self):
        return self[0]


jax.tree_util.register_pytree_node(State, lambda s: (tuple(s), None), lambda _, children: State(children[0]))


def test_a_validation_of_your_own():
    def validate(params, data):
        return {"loss": error(params, data), "worst": jnp.max(jnp.abs(NET.apply(params, data[0]) - data[1]))}

    run = fit(PLAIN, START, DATA, steps=20, key=key(), every=10, validation=DATA, validate=validate, monitor="worst")
    assert run.validation.keys() == {"step", "loss", "worst"}
    run = fit(PLAIN, START, DATA, steps=20, key=key(), every=10, validation=DATA, validate=error)
    assert run.validation.keys() == {"step", "loss"}


def test_a_monitor_that_is_not_measured():
    with pytest.raises(ValueError, match="monitor") as e:
        fit(PLAIN, START, DATA, steps=2, key=key(), validation=DATA, monitor="accuracy")
    assert str(e.value) == ("fit: expected monitor to be a scalar of the validation metrics, ['loss'], got 'accuracy'.")


# Checkpoints.


@pytest.mark.parametrize("validation", [None, DATA])
@pytest.mark.parametrize("batch_size", [None, 3])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path, batch_size, validation):
    arguments = {"batch_size": batch_size, "every": 10, "validation": validation}
    whole = fit(NOISY, START, DATA, steps=45, key=key(), **arguments)
    file = tmp_path / "folder" / "run.safetensors"
    for steps in (20, 30, 45, 45):
        run = fit(NOISY, START, DATA, steps=steps, key=key(), checkpoint=file, **arguments)
    equal(run.state, whole.state)
    equal(run.params, whole.params)
    equal(run.history, whole.history)
    equal(run.validation, whole.validation)
    assert [p.name for p in file.parent.iterdir()] == ["run.safetensors"]


def test_a_run_that_was_stopped_early_is_not_run_again(tmp_path):
    walk = Rule(State, lambda s, b, k: (State(s.params - 1), {"loss": jnp.abs(s.params)}))
    arguments = {"steps": 100, "every": 1, "validation": X, "patience": 2, "checkpoint": tmp_path / "run.safetensors"}
    first = fit(walk, jnp.array(5.0), X, key=key(), **arguments)
    again = fit(walk, jnp.array(5.0), X, key=key(), **arguments)
    assert (first.steps, first.stopped) == (again.steps, again.stopped) == (7, "no improvement")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 4}, "expected a run with batch_size 4, got one with 3. Call fit as that run was called, or"),
        ({"data": (X[:9], X[:9])}, "expected a run with examples 9, got one with 10. Call fit as that run was"),
        ({"record_every": 2}, "expected a run with record_every 2, got one with 1. Call fit as that run was"),
        ({"key": jax.random.key(6)}, "expected a run with this key, got one with another. Choose another file."),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change, message):
    file = tmp_path / "run.safetensors"
    arguments = {"data": DATA, "steps": 20, "batch_size": 3, "every": 10, "checkpoint": file}
    fit(NOISY, START, key=key(), **arguments)
    before = file.read_bytes()
    with pytest.raises(CheckpointError) as e:
        fit(NOISY, START, **{"key": key(), **arguments, **change})
    assert str(e.value).startswith(f"{file}: {message}")
    assert file.read_bytes() == before


def test_a_checkpoint_of_another_network_or_optimiser_names_the_leaf(tmp_path):
    file = tmp_path / "run.safetensors"
    fit(NOISY, START, DATA, steps=20, key=key(), checkpoint=file)
    with pytest.raises(CheckpointError, match=r"\['state'\]\.params\[0\]\.w"):
        fit(NOISY, mlp([1, 4, 1]).init(jax.random.key(0)), DATA, steps=20, key=key(), checkpoint=file)
    momentum = gradient_descent(noisy_loss, optax.sgd(0.1, momentum=0.9))
    with pytest.raises(CheckpointError, match=r"\['state'\]\.optimizer_state"):
        fit(momentum, START, DATA, steps=20, key=key(), checkpoint=file)


def test_a_checkpoint_of_somebody_else(tmp_path):
    file = tmp_path / "run.safetensors"
    jaxnet.save(file, START)
    with pytest.raises(CheckpointError) as e:
        fit(NOISY, START, DATA, steps=20, key=key(), checkpoint=file)
    assert str(e.value) == f"{file}: expected a checkpoint of jaxnet.fit, got another of jaxnet.save."


def test_fewer_steps_than_were_made(tmp_path):
    file = tmp_path / "run.safetensors"
    fit(NOISY, START, DATA, steps=20, key=key(), checkpoint=file)
    with pytest.raises(ValueError, match="has made") as e:
        fit(NOISY, START, DATA, steps=10, key=key(), checkpoint=file)
    assert str(e.value) == f"fit: {file} has made 20 steps, more than the 10 asked for."


KILLED = """
import os, random, signal, sys, time
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
import jax, jax.numpy as jnp, numpy as np, optax, jaxnet
folder, kills = sys.argv[1], int(sys.argv[2])
x = np.linspace(-1, 1, 10, dtype=np.float32)[:, None]

def a_run(checkpoint):
    net = jaxnet.mlp([1, 3, 1])
    def loss(params, batch, key):
        x, y = batch
        return jaxnet.squared_error(net.apply(params, x + 0.1 * jax.random.normal(key, x.shape)), y).mean()
    rule = jaxnet.gradient_descent(loss, optax.adam(0.05))
    params = net.init(jax.random.key(0))
    run = jaxnet.fit(rule, params, (x, x**2), steps=200, batch_size=3, key=jax.random.key(5), every=5,
                     validation=(x, x**2), checkpoint=checkpoint)
    return tuple(run[:4])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def dying(function, n, before):
    calls = []
    def called(*args):
        calls.append(1)
        if before and len(calls) == n: die()
        result = function(*args)
        if len(calls) == n: die()
        return result
    return called

random.seed(0)
killed = resumed = 0
while True:
    resumed += os.path.exists(folder + "/run.safetensors")
    child = os.fork()
    if child == 0:
        way = killed % 4
        if killed >= kills: pass
        elif way == 0: os.fsync = dying(os.fsync, random.randint(1, 8), random.random() < 0.5)
        elif way == 1: os.replace = dying(os.replace, random.randint(1, 4), random.random() < 0.5)
        jaxnet.save(folder + "/end.safetensors", a_run(folder + "/run.safetensors"))
        os._exit(0)
    if killed < kills and killed % 4 > 1:
        time.sleep(random.uniform(0.2, 1.2))
        os.kill(child, signal.SIGKILL)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0: break
    killed += 1
child = os.fork()
if child == 0:
    jaxnet.save(folder + "/whole.safetensors", a_run(None))
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(killed, resumed)
"""


def test_a_run_that_is_killed_at_any_moment_is_the_uninterrupted_one_bit_for_bit(tmp_path):
    """SIGKILL at random moments, and right before and after what makes a file whole; each child is a new process."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, "8"], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    killed, resumed = map(int, done.stdout.split())
    assert killed >= 4, done.stdout  # a slow machine may get to the end between random kills, never before the others
    assert resumed >= 2, done.stdout
    ends = [jaxnet.read_header(tmp_path / f"{name}.safetensors")["leaves"] for name in ("end", "whole")]
    assert ends[0] == ends[1]  # with a CRC-32 of every leaf
    assert len(ends[0]) > 20


# Interrupts.


def test_sigint_ends_a_run_saved(tmp_path):
    file, seen = tmp_path / "run.safetensors", []

    def batches(first):
        for i in itertools.count(first):
            if i == 25 and not seen:
                seen.append(i)
                os.kill(os.getpid(), signal.SIGINT)
            yield DATA[0][i % 7 :][:3], DATA[1][i % 7 :][:3]

    handler = signal.getsignal(signal.SIGINT)
    first = fit(NOISY, START, batches, steps=60, key=key(), every=10, checkpoint=file)
    assert (first.steps, first.stopped) == (30, "interrupted")
    assert signal.getsignal(signal.SIGINT) is handler
    rest = fit(NOISY, START, batches, steps=60, key=key(), every=10, checkpoint=file)
    whole = fit(NOISY, START, batches, steps=60, key=key(), every=10)
    assert rest.stopped == whole.stopped == "finished"
    equal(rest[:4], whole[:4])


def test_a_second_sigint_ends_a_run_at_once():
    def batches(first):
        for i in itertools.count(first):
            if i >= 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield DATA

    with pytest.raises(KeyboardInterrupt):
        fit(NOISY, START, batches, steps=10**6, key=key(), every=10**6)


def test_a_fit_in_a_thread_leaves_signals_alone():
    results = []
    thread = threading.Thread(target=lambda: results.append(fit(PLAIN, START, DATA, steps=3, key=key())))
    thread.start()
    thread.join()
    assert results[0].steps == 3


# What diverges.


def test_a_loss_that_is_not_finite_names_the_step_and_keeps_what_was_good():
    rule = Rule(State, lambda s, b, k: (State(s.params + 1), {"loss": jnp.where(s.params >= 13, jnp.nan, s.params)}))
    with pytest.raises(DivergedError) as e:
        fit(rule, jnp.array(0.0), X, steps=100, key=key(), every=5)
    assert str(e.value) == (
        "fit: loss is nan at step 14. The run up to step 10, where all was finite, is in the error's attribute `run`. "
        "A smaller step size or optax.clip_by_global_norm may help."
    )
    assert (e.value.step, e.value.metric, e.value.run.steps, e.value.run.params) == (14, "loss", 10, 10)
    np.testing.assert_array_equal(e.value.run.history["loss"], np.arange(10))


def test_parameters_that_are_not_finite():
    """The loss is measured before the step that spoils them."""
    rule = Rule(State, lambda s, b, k: (State(jnp.where(s.params >= 9, jnp.inf, s.params + 1)), {"loss": s.params}))
    with pytest.raises(DivergedError, match="fit: a parameter is nan at step 10") as e:
        fit(rule, jnp.array(0.0), X, steps=10, key=key(), every=5)
    assert e.value.run.params == 5


def test_divergence_leaves_the_last_good_checkpoint(tmp_path):
    rule = Rule(State, lambda s, b, k: (State(s.params + 1), {"loss": jnp.where(s.params >= 13, jnp.nan, s.params)}))
    for _ in range(2):
        with pytest.raises(DivergedError):
            fit(rule, jnp.array(0.0), X, steps=99, key=key(), every=5, checkpoint=tmp_path / "run.safetensors")
        assert jaxnet.read_header(tmp_path / "run.safetensors")["metadata"]["steps"] == 10


# Iterators.


def slices(n):
    return ((DATA[0][i % 7 :][:3], DATA[1][i % 7 :][:3]) for i in range(n))


def test_batches_of_an_iterator():
    run = fit(NOISY, START, slices(25), key=key(), every=10, validation=DATA)
    assert (run.steps, run.stopped) == (25, "no more data")
    np.testing.assert_array_equal(run.validation["step"], [10, 20, 25])
    state, step_key = NOISY.init(START), jax.random.split(key())[1]
    for i, batch in enumerate(slices(25)):
        state, metrics = jax.jit(NOISY.update)(state, batch, jax.random.fold_in(jax.random.clone(step_key), i))
        np.testing.assert_allclose(run.history["loss"][i], metrics["loss"], rtol=1e-5)
    close(run.state, state)


def test_an_iterator_is_drawn_no_further_than_one_ahead_and_compiled_once():
    drawn, traces = [], []

    def loss(params, batch):
        traces.append(1)
        return error(params, batch)

    def batches():
        for i in itertools.count():
            drawn.append(i)
            yield DATA

    run = fit(gradient_descent(loss, optax.sgd(0.1)), START, batches(), steps=20, key=key(), record_every=5)
    np.testing.assert_array_equal(run.history["step"], [5, 10, 15, 20])
    assert len(traces) == 1
    assert len(drawn) <= 21


def test_a_resumed_iterator_begins_where_it_was(tmp_path):
    file = tmp_path / "run.safetensors"
    fit(NOISY, START, slices(30), steps=10, key=key(), every=10, checkpoint=file)
    rest = fit(NOISY, START, slices(30), key=key(), every=10, checkpoint=file)
    whole = fit(NOISY, START, slices(30), key=key(), every=10)
    equal(rest[:4], whole[:4])


def test_an_error_of_an_iterator_is_its_own():
    def batches():
        yield DATA
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        fit(PLAIN, START, batches(), key=key())


def test_batches_of_different_shapes():
    with pytest.raises(ShapeError) as e:
        fit(PLAIN, START, iter([DATA, DATA, (X[:7], X[:7]), DATA]), key=key())
    assert str(e.value) == (
        "fit: expected batches of the same shapes, (((10, 1), 'float32'), ((10, 1), 'float32')), got "
        "(((7, 1), 'float32'), ((7, 1), 'float32')) for batch 2 (the first is 0). "
        "Only the last one may have fewer examples: fill it up, or leave it out."
    )


def test_a_last_batch_of_fewer_examples():
    """The steps are those of the same batches by hand."""
    batches = [DATA, DATA, (X[:7], X[:7])]
    fitted = fit(PLAIN, START, iter(batches), key=key())
    state, update = PLAIN.init(START), jax.jit(PLAIN.update)
    for batch in batches:
        state, _ = update(state, batch, key())
    assert (fitted.steps, fitted.stopped) == (3, "no more data")
    for got, expected in zip(jax.tree.leaves(fitted.params), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


# What it refuses.


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (TypeError, {}, "fit: expected either steps or epochs, got neither."),
        (TypeError, {"steps": 1, "epochs": 1}, "fit: expected either steps or epochs, got both."),
        (TypeError, {"steps": 1.5}, "fit: expected steps to be a whole number, got 1.5."),
        (ValueError, {"steps": 5, "batch_size": 11}, "fit: expected batch_size in 1..10, got 11."),
        (ValueError, {"steps": 5, "every": 0}, "fit: expected every in 1..4294967295, got 0."),
        (
            ValueError,
            {"steps": 5, "record_every": 2},
            "fit: expected steps to be a multiple of record_every, 2, got 5 steps.",
        ),
        (
            ValueError,
            {"steps": 6, "record_every": 2, "every": 3},
            "fit: expected every to be a multiple of record_every, 2, got 3.",
        ),
        (
            TypeError,
            {"steps": 5, "patience": 3},
            "fit: expected validation data for validate and patience, got none. Pass validation=...",
        ),
        (
            TypeError,
            {"data": iter([]), "batch_size": 3},
            "fit: an iterator has batches of its own: expected no epochs and no batch_size.",
        ),
    ],
)
def test_arguments_that_do_not_fit(error, arguments, message):
    with pytest.raises(error) as e:
        fit(PLAIN, START, **{"data": DATA, "key": key(), **arguments})
    assert str(e.value) == message


def test_a_metric_called_step():
    rule = Rule(State, lambda s, b, k: (s, {"step": s.params}))
    with pytest.raises(ValueError, match="fit: a metric is called 'step', as the numbers of the steps are"):
        fit(rule, jnp.array(0.0), X, steps=1, key=key())


def test_progress_is_silent_where_there_is_no_terminal(capfd):
    fit(PLAIN, START, DATA, steps=3, key=key())
    assert capfd.readouterr() == ("", "")


# On a mesh: X has ten examples, which neither 3 nor 8 devices divide, nor batches of 4.

UNITS = {"[0]": P("model"), "[1].w": P(None, "model")}  # the three hidden units
FULLY = {"[0]": P("data"), "[1].w": P(None, "data")}
LAYERS = optax.partition(
    {"a": optax.inject_hyperparams(optax.adam)(0.05), "b": optax.sgd(0.1, momentum=0.9)}, lambda params: ("a", "b")
)
TRACES = []


def traced(loss):
    @functools.wraps(loss)
    def counted(*args, **kwargs):
        TRACES.append(1)
        return loss(*args, **kwargs)

    return counted


SHARED = gradient_descent(traced(noisy_loss), optax.MultiSteps(LAYERS, 2))
SHARED_SETTINGS = {"steps": 36, "batch_size": 4, "every": 12, "record_every": 2, "validation": DATA}


def mesh_of(shape, names=("data",), kind=AxisType.Explicit, first=0):
    """A mesh of explicit axes, as `jax.make_mesh` gives them unless told otherwise."""
    devices = jax.devices()[first : first + int(np.prod(shape))]
    return jax.make_mesh(shape, names, axis_types=(kind,) * len(names), devices=devices)


def where(tree):
    return [leaf.sharding for leaf in jax.tree.leaves(tree)]


@functools.cache
def alone():
    return fit(SHARED, START, DATA, key=key(), **SHARED_SETTINGS)


@pytest.mark.parametrize(
    ("shape", "names", "specs"),
    [
        ((3,), ("data",), FULLY),
        ((2, 3), ("data", "model"), UNITS),
        pytest.param((2,), ("data",), None, marks=pytest.mark.slow),
        pytest.param((8,), ("data",), None, marks=pytest.mark.slow),
        pytest.param((3, 2), ("model", "data"), {"": P(), **UNITS}, marks=pytest.mark.slow),
        pytest.param((2, 3), ("other", "model"), UNITS, marks=pytest.mark.slow),
        pytest.param((8,), ("other",), None, marks=pytest.mark.slow),
    ],
)
def test_a_run_on_a_mesh_is_the_run_on_one_device_up_to_rounding(shape, names, specs):
    """A second one is the same bit for bit, with nothing traced, whatever the kind of the axes."""
    arguments, before = {"key": key(), "specs": specs, **SHARED_SETTINGS}, len(TRACES)
    run = fit(SHARED, START, DATA, mesh=mesh_of(shape, names), **arguments)
    assert len(TRACES) == before + 2  # one for the steps, one for validation
    automatic = mesh_of(shape, names, AxisType.Auto)
    again = fit(SHARED, START, DATA, mesh=automatic, **arguments)
    further = fit(SHARED, run.state, DATA, mesh=automatic, **arguments)
    assert len(TRACES) == before + 2
    equal(again[:4], run[:4])
    close(run[:4], alone()[:4])
    # All is where it was put, after every chunk and run, and what is remembered of a parameter with it.
    assert where(run.params) == where(jaxnet.place(START, automatic, specs))
    assert where(run.state) == where(further.state) == where(jaxnet.place(run.state, automatic, specs))
    # The three parameters, what MultiSteps sums up of them, and the memories of Adam and of momentum.
    assert len([s for s in where(run.state) if any(s.spec)]) == (0 if specs is None else 3 + 3 + 4 + 1)


def test_in_float64_a_run_on_a_mesh_differs_by_rounding_alone():
    """The difference is smaller by the factor by which the rounding is."""
    rule = gradient_descent(error, optax.sgd(0.1))
    with jax.enable_x64(True):
        start, data = jax.tree.map(lambda a: np.asarray(a, np.float64), (START, DATA))
        one, three = (fit(rule, start, data, steps=50, key=key(), mesh=mesh) for mesh in (None, mesh_of((3,))))
    assert three.history["loss"].dtype == np.float64
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), three[:3], one[:3])


@pytest.mark.parametrize("first", [pytest.param(0, marks=pytest.mark.slow), 5])
def test_a_run_on_a_mesh_of_one_device_is_the_run_without_bit_for_bit(first):
    """Whichever device it is, and whatever mesh is set around it."""
    arguments = {"steps": 35, "batch_size": 3, "every": 10, "key": key(), "validation": DATA}
    one = mesh_of((1,), first=first)
    run = fit(NOISY, START, DATA, mesh=one, specs=FULLY, **arguments)
    equal(run[:4], fit(NOISY, START, DATA, **arguments)[:4])
    assert {device for s in where(run.state) for device in s.device_set} == {jax.devices()[first]}
    with jax.set_mesh(mesh_of((8,))):
        equal(fit(NOISY, START, DATA, mesh=one, **arguments)[:4], run[:4])


def test_what_was_put_elsewhere_is_put_on_the_mesh():
    """Parameters, a state, data and a key that are on other devices or meshes, or of other dtypes: the same run."""
    rule = gradient_descent(traced(error), optax.adam(0.05))
    mesh, other, eight = mesh_of((2,)), mesh_of((4,), first=2), mesh_of((8,), kind=AxisType.Auto)
    arguments = {"params": START, "data": DATA, "steps": 10, "every": 5}
    close(fit(rule, key=key(), **arguments).state, fit(PLAIN, key=key(), **arguments).state)
    run, before = fit(rule, key=key(), mesh=mesh, **arguments), len(TRACES)
    for elsewhere in [
        {"params": jaxnet.place(START, other)},
        {"params": jaxnet.place(START, mesh_of((3,)), FULLY)},
        {"params": jaxnet.place(rule.init(START), mesh_of((2, 3), ("data", "model")), UNITS)},
        {"data": jax.device_put(DATA, jax.devices()[7])},
        {"data": jaxnet.from_parts(DATA, mesh_of((5,)))},
        {"data": tuple(a.astype(np.float64) for a in DATA)},
        {"key": jax.device_put(key(), jax.devices()[7])},
        {"key": jaxnet.place(key(), eight)},
    ]:
        with contextlib.nullcontext() if "data" in elsewhere else jax.set_mesh(eight):
            same = fit(rule, mesh=mesh, **{"key": key(), **arguments, **elsewhere})
        equal(same[:4], run[:4])
    assert len(TRACES) == before


@pytest.mark.parametrize("devices", [pytest.param(3, marks=pytest.mark.slow), 8])
def test_data_and_batches_on_a_mesh_are_seen_whole(devices):
    """By a rule that adds them up: data copied and split, batches that devices divide or do not, a short one."""
    mesh, numbers = mesh_of((devices,)), np.arange(24.0, dtype=np.float32)
    rule = Rule(State, lambda s, b, k: (State(s.params + b.sum()), {"sum": b.sum()}))
    run = fit(rule, jnp.array(0.0), numbers[:23], steps=3, key=key(), mesh=mesh)
    np.testing.assert_array_equal(run.history["sum"], [253, 253, 253])
    split = jaxnet.from_parts(numbers, mesh)
    run = fit(rule, jnp.array(0.0), split, epochs=2, batch_size=6, key=key(), mesh=mesh)
    np.testing.assert_array_equal([run.history["sum"][:4].sum(), run.params], [276, 552])
    batches = [numbers[:8], numbers[8:16], numbers[16:23]]
    run = fit(rule, jnp.array(0.0), iter(batches), key=key(), every=2, mesh=mesh)
    np.testing.assert_array_equal(run.history["sum"], [28, 92, 133])
    assert (run.params, run.steps, run.stopped) == (253, 3, "no more data")


def test_on_a_mesh_a_run_stops_and_fails_as_it_does_without():
    mesh = mesh_of((8,))
    walk = Rule(State, lambda s, b, k: (State(s.params - 1), {"loss": jnp.abs(s.params)}))
    run = fit(walk, jnp.array(5.0), X, steps=100, key=key(), every=1, validation=X, patience=2, mesh=mesh)
    assert (run.params, run.steps, run.stopped) == (0, 7, "no improvement")
    rule = Rule(State, lambda s, b, k: (State(s.params + 1), {"loss": jnp.where(s.params >= 13, jnp.nan, s.params)}))
    with pytest.raises(DivergedError, match=r"^fit: loss is nan at step 14\. The run up to step 10,") as e:
        fit(rule, jnp.array(0.0), X, steps=100, key=key(), every=5, mesh=mesh)
    assert (e.value.step, e.value.run.steps, e.value.run.params) == (14, 10, 10)


LAYER = jaxnet.Neuron(jnp.array([[0.5, -0.25], [0.25, 0.5]]), jnp.array([0.25, -0.5]))
CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 1]], np.float32)
LABELS = np.array([[0, 0], [0, 1], [0, 1], [1, 1], [1, 0]], np.int32)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "data", "exact"),
    [
        (jaxnet.perceptron(), (CORNERS, LABELS), True),  # one example after another
        (jaxnet.delta(0.5), (CORNERS, LABELS), False),
        (jaxnet.hebb(0.1), CORNERS, False),
        (jaxnet.oja(0.1), CORNERS, False),
    ],
)
def test_rules_without_a_gradient_on_a_mesh(rule, data, exact):
    arguments = {"steps": 20, "batch_size": 3, "every": 10}
    mesh, specs = mesh_of((2, 2), ("data", "model")), {"": P("model")}
    run = fit(rule, LAYER, data, mesh=mesh, specs=specs, key=key(), **arguments)
    one = fit(rule, LAYER, data, key=key(), **arguments)
    (equal if exact else close)(run[:3], one[:3])
    assert {s.spec for s in where(run.params)} == {P("model")}


@pytest.mark.slow
def test_members_of_an_ensemble_over_devices():
    """They send nothing to one another, but XLA rounds otherwise for another number of members at a time."""
    rule = jaxnet.ensemble(PLAIN)
    params = jax.vmap(NET.init)(jax.random.split(jax.random.key(0), 4))
    run = fit(rule, params, DATA, steps=30, key=key(), mesh=mesh_of((4,), ("members",)), specs={"": P("members")})
    close(run[:3], fit(rule, params, DATA, steps=30, key=key())[:3])
    assert {s.spec for s in where(run.params)} == {P("members")}


def test_a_checkpoint_of_one_mesh_is_gone_on_from_on_another_and_on_none(tmp_path):
    """On the same again it is the uninterrupted run bit for bit, and split as that."""
    meshes = {"three": (mesh_of((3,)), FULLY), "six": (mesh_of((2, 3), ("data", "model")), UNITS), "none": (None, None)}

    def go(file, steps, name):
        mesh, specs = meshes[name]
        arguments = {**SHARED_SETTINGS, "steps": steps, "checkpoint": tmp_path / file}
        return fit(SHARED, START, DATA, key=key(), mesh=mesh, specs=specs, **arguments)

    for steps, name in ((12, "three"), (24, "six"), (36, "none")):
        run = go("moved", steps, name)
        assert run.steps == steps
    close(run[:4], alone()[:4])
    assert all(isinstance(s, jax.sharding.SingleDeviceSharding) for s in where(run.state))
    for steps in (12, 24, 36):
        parts = go("same", steps, "six")
    whole = go("whole", 36, "six")
    equal(parts[:4], whole[:4])
    assert where(parts[:2]) == where(whole[:2])


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (TypeError, {"specs": UNITS}, "fit: expected a mesh to split parameters over, got specs alone. Pass mesh=..."),
        (TypeError, {"mesh": jax.devices()}, "expected a jax.sharding.Mesh, as jax.make_mesh gives, got list."),
        (
            ValueError,
            {"mesh": mesh_of((2,)), "specs": UNITS},
            "place: expected axes of the mesh, ('data',), in the spec of [0].w, got P('model',).",
        ),
        (
            ShapeError,
            {"mesh": mesh_of((2,)), "specs": FULLY},
            "place: [0].w has shape (3, 1), and its axis of 3 cannot be split into 2 equal parts, as P('data',) says. "
            "Split another axis, or take another number of units.",
        ),
    ],
)
def test_meshes_and_specs_that_do_not_fit(error, arguments, message):
    with pytest.raises(error) as e:
        fit(PLAIN, START, DATA, steps=2, key=key(), **arguments)
    assert str(e.value) == message
