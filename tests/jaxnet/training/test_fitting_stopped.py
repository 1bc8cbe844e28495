"""A run that stops: resumed bit for bit, killed, interrupted, diverged."""

import contextlib
import copy
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.fitted import DATA, NOISY, PLAIN, START, State, X, equal, key, noisy_loss

import jaxnet
from jaxnet import CheckpointError, DivergedError, Rule, fit, gradient_descent, mlp
from jaxnet.training import interrupts

pytestmark = pytest.mark.usefixtures("optimised")  # runs are compared bit for bit

# Checkpoints.


@pytest.mark.parametrize(
    ("batch_size", "validation"),
    [(3, DATA), pytest.param(3, None, marks=pytest.mark.slow), pytest.param(None, DATA, marks=pytest.mark.slow)],
)
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
    assert str(e.value).startswith(f"fit: {file}: {message}")
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
    assert str(e.value) == (
        f"fit: {file}: expected a checkpoint of jaxnet.fit, got another of jaxnet.save. Choose another file."
    )


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
from jaxnet.training import run_files
run_files._SHORT = 0
folder, kills = sys.argv[1], int(sys.argv[2])
x = np.linspace(-1, 1, 10, dtype=np.float32)[:, None]

def a_run(checkpoint):
    net = jaxnet.mlp([1, 3, 1])
    def loss(params, batch, key=None):
        x, y = batch
        noise = 0 if key is None else 0.1 * jax.random.normal(key, x.shape)
        return jaxnet.squared_error(net.apply(params, x + noise), y).mean()
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
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0: break
    assert code == -signal.SIGKILL  # and no error, again and again
    killed += 1
child = os.fork()
if child == 0:
    jaxnet.save(folder + "/whole.safetensors", a_run(None))
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(killed, resumed)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kills", "least"), [(2, 1), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((3, 2), (8, 4)))]
)
def test_a_run_that_is_killed_at_any_moment_is_the_uninterrupted_one_bit_for_bit(tmp_path, kills, least):
    """SIGKILL at random moments, and right before and after what makes a file whole; each child is a new process."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, str(kills)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    killed, resumed = map(int, done.stdout.split())
    assert killed >= least, done.stdout  # a run may get to its end before a random kill, never before the others
    assert resumed >= least // 2, done.stdout
    ends = [jaxnet.read_header(tmp_path / f"{name}.safetensors")["leaves"] for name in ("end", "whole")]
    assert ends[0] == ends[1]  # with a CRC-32 of every leaf
    assert len(ends[0]) > 20


# Interrupts.


@pytest.fixture
def sigint_raises():
    """As Python begins; a parent such as nohup, or a shell for `script &`, may have SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts._last_end = -float("inf")
    yield
    interrupts._last_end = -float("inf")
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint_raises")
def test_sigint_ends_a_run_saved(tmp_path, capfd):
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
    assert capfd.readouterr().err == (
        "\nfit: interrupted, ends after the present chunk. Ctrl-C again ends the program at once.\n"
        "\nfit: interrupted after step 30. Ctrl-C again within 10 s ends the program.\n"
    )
    assert signal.getsignal(signal.SIGINT) is handler
    rest = fit(NOISY, START, batches, steps=60, key=key(), every=10, checkpoint=file)
    whole = fit(NOISY, START, batches, steps=60, key=key(), every=10)
    assert rest.stopped == whole.stopped == "finished"
    equal(rest[:4], whole[:4])


@pytest.mark.usefixtures("sigint_raises")
def test_a_second_sigint_ends_a_run_at_once():
    def batches(first):
        for i in itertools.count(first):
            if i >= 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield DATA

    with pytest.raises(KeyboardInterrupt):
        fit(NOISY, START, batches, steps=10**6, key=key(), every=10**6)


@pytest.mark.usefixtures("sigint_raises")
@pytest.mark.parametrize(("wait", "ended"), [(0, 2), (10, 5)])
def test_a_second_sigint_ends_a_loop_of_runs(monkeypatch, wait, ended):
    """The first one ends the second run; the next, if it comes soon, ends the program, and else the third run alone."""
    runs, now = [], [0.0]
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: now[0])

    def batches(first):
        if len(runs) in (1, 2):
            now[0] += wait
            os.kill(os.getpid(), signal.SIGINT)
        for _ in range(3):
            yield DATA

    with pytest.raises(KeyboardInterrupt) if ended == 2 else contextlib.nullcontext():
        while len(runs) < 5:
            runs.append(fit(NOISY, START, batches, key=key(), every=1).stopped)
    assert len(runs) == ended
    assert runs[:2] == ["no more data", "interrupted"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow  # that it stays ignored is seen below, always
def test_a_script_that_a_shell_runs_beside_it_ignores_sigint(tmp_path):
    code = """
import os, signal, jax, jax.numpy as jnp, optax, jaxnet
rule = jaxnet.gradient_descent(lambda p, x: jnp.mean((p - x) ** 2), optax.sgd(0.1))
visit = lambda run: os.kill(os.getpid(), signal.SIGINT)
run = jaxnet.fit(rule, jnp.array(0.0), jnp.ones(4), steps=6, every=2, key=jax.random.key(0), on_visit=visit)
print(run.stopped)
"""
    (tmp_path / "script.py").write_text(code)
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} script.py & wait"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "finished\n", done.stderr


@pytest.mark.usefixtures("sigint_raises")
def test_where_sigint_is_ignored_it_stays_ignored():
    def batches(first):
        for _ in range(first, 3):
            os.kill(os.getpid(), signal.SIGINT)
            yield DATA

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = fit(NOISY, START, batches, key=key())
    assert (run.steps, run.stopped) == (3, "no more data")
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_a_fit_in_a_thread_leaves_signals_alone():
    results = []
    thread = threading.Thread(target=lambda: results.append(fit(PLAIN, START, DATA, steps=3, key=key())))
    thread.start()
    thread.join()
    assert results[0].steps == 3


# What diverges.


def falling_at(step):
    """Counts up, and makes NaN of the loss and the parameter in one step; measured before it, as always."""

    def update(state, batch, key):
        p = jnp.where(state.params >= step - 1, jnp.nan, state.params + 1)
        return State(p), {"loss": jnp.where(state.params == 3, jnp.nan, jnp.where(jnp.isnan(p), jnp.nan, p - 1))}

    return Rule(State, update)


def test_parameters_that_are_not_finite_name_the_step_and_keep_what_was_good():
    with pytest.raises(DivergedError) as e:
        fit(falling_at(14), jnp.array(0.0), X, steps=100, key=key(), every=5)
    assert str(e.value) == (
        "fit: loss is nan at step 14. The run up to step 10, where the parameters were finite, is in the error's "
        "attribute `run`. A smaller step size or optax.clip_by_global_norm may help."
    )
    assert (e.value.step, e.value.metric, e.value.run.steps, e.value.run.params) == (14, "loss", 10, 10)
    np.testing.assert_array_equal(e.value.run.history["loss"], [0, 1, 2, np.nan, *range(4, 10)])


def test_parameters_that_are_not_finite_beside_a_loss_that_is():
    """The loss is measured before the step that spoils them."""
    rule = Rule(State, lambda s, b, k: (State(jnp.where(s.params >= 9, jnp.inf, s.params + 1)), {"loss": s.params}))
    with pytest.raises(DivergedError, match="fit: a parameter is nan at step 10") as e:
        fit(rule, jnp.array(0.0), X, steps=10, key=key(), every=5)
    assert e.value.run.params == 5


def test_divergence_leaves_the_last_good_checkpoint(tmp_path):
    rule = falling_at(14)
    for _ in range(2):
        with pytest.raises(DivergedError):
            fit(rule, jnp.array(0.0), X, steps=99, key=key(), every=5, checkpoint=tmp_path / "run.safetensors")
        assert jaxnet.read_header(tmp_path / "run.safetensors")["metadata"]["steps"] == 10


def test_a_batch_that_is_masked_whole_stops_nothing():
    """Its loss is NaN, and its gradient 0."""

    def masked(params, mask):
        return jaxnet.masked_mean((params - jnp.full(3, 2.0)) ** 2, mask)

    masks = ([i != 2] * 3 for i in range(5))
    run = fit(gradient_descent(masked, optax.sgd(0.25)), jnp.array(0.0), masks, key=key())
    np.testing.assert_array_equal(np.isnan(run.history["loss"]), [False, False, True, False, False])
    assert run.params == 2 - 2 * 0.5**4
    assert run.skipped == 0


BATCHES = [np.full(3, np.nan if i == 2 else 2.0, np.float32) for i in range(5)]


def plain(params, batch):
    return jnp.mean((params - batch) ** 2)


def test_a_step_that_optax_leaves_out_stops_nothing():
    rule = gradient_descent(plain, optax.apply_if_finite(optax.sgd(0.25), 3))
    assert fit(rule, jnp.array(0.0), iter(BATCHES), key=key()).params == 2 - 2 * 0.5**4


@pytest.mark.parametrize("optimizer", [optax.sgd(0.25), optax.sgd(0.25, momentum=0.0)])
def test_steps_that_spoil_are_skipped_and_counted(tmp_path, optimizer):
    rule, file = gradient_descent(plain, optimizer), tmp_path / "run.safetensors"
    for steps, skipped in ((4, 1), (5, 1)):
        run = fit(rule, jnp.array(0.0), lambda i: BATCHES[i:], steps=steps, key=key(), on_nonfinite="skip", every=2,
                  checkpoint=file)  # fmt: skip
        assert run.skipped == skipped
    np.testing.assert_array_equal(run.history["skipped"], [0, 0, 1, 1, 1])
    assert run.params == 2 - 2 * 0.5**4
    assert repr(run).startswith("Run(5 steps, finished, 1 skipped, loss ")
    arrays = fit(rule, jnp.array(0.0), jnp.array([2.0, jnp.nan]), steps=6, batch_size=1, key=key(), on_nonfinite="skip")
    assert arrays.skipped == 3
    assert arrays.params == 2 - 2 * 0.5**3


def test_a_skipped_step_leaves_the_optimiser_as_it_was():
    """With four batches a step, NaN among the first three is in the sum long before it is in a parameter."""
    optimizer = optax.MultiSteps(optax.sgd(0.25), 4).gradient_transformation()
    run = fit(gradient_descent(plain, optimizer), jnp.array(0.0), iter(BATCHES), key=key(), on_nonfinite="skip")
    assert (run.params, run.skipped) == (1, 1)


@pytest.mark.slow  # L-BFGS takes ten seconds to compile
def test_an_optimiser_that_begins_with_infinity_skips_nothing():
    rule = gradient_descent(plain, optax.lbfgs())
    run = fit(rule, jnp.array(0.0), jnp.full(3, 2.0), steps=3, key=key(), on_nonfinite="skip")
    assert run.skipped == 0
    np.testing.assert_allclose(run.params, 2, rtol=1e-6)


def test_going_on_does_nothing():
    run = fit(falling_at(14), jnp.array(0.0), X, steps=30, key=key(), every=5, on_nonfinite="go on")
    assert (run.steps, run.stopped) == (30, "finished")
    assert np.isnan(run.params)


def test_steps_of_an_ensemble_are_not_skipped():
    rule = jaxnet.ensemble(gradient_descent(plain, optax.sgd(0.25)))
    with pytest.raises(ValueError, match="expected a scalar metric with on_nonfinite='skip', got none, as from an ens"):
        fit(rule, jnp.zeros(3), X, steps=3, key=key(), on_nonfinite="skip")
    assert fit(rule, jnp.array([0.0, jnp.inf]), X, steps=3, key=key()).steps == 3


def test_an_error_survives_pickle_and_copy():
    with pytest.raises(DivergedError) as e:
        fit(falling_at(14), jnp.array(0.0), X, steps=100, key=key(), every=5)
    e.value.add_note("of trial 7")
    for error in (pickle.loads(pickle.dumps(e.value)), copy.copy(e.value), copy.deepcopy(e.value)):
        assert str(error) == str(e.value)
        assert (error.step, error.metric, error.run.steps, error.__notes__) == (14, "loss", 10, ["of trial 7"])
        equal(error.run.history, e.value.run.history)


def test_a_network_and_a_rule_survive_cloudpickle():
    cloudpickle = pytest.importorskip("cloudpickle")
    network = mlp([2, 3, 1])
    rule = gradient_descent(lambda params, x: jnp.mean(network.apply(params, x) ** 2), optax.adam(0.1))
    x = np.ones((4, 2), np.float32)
    network_again, rule_again = pickle.loads(cloudpickle.dumps((network, rule)))
    assert repr(network_again) == repr(network)
    runs = [fit(r, n.init(key()), x, steps=3, key=key()) for n, r in ((network, rule), (network_again, rule_again))]
    equal(runs[0].history, runs[1].history)
