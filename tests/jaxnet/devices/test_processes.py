"""Several processes: they compute what one does, say in each what is wrong, and do not outlive one another for long.

They talk over the loopback address, and do what `workers.py` says. A time here is a limit for a busy machine.
"""

import atexit
import contextlib
import fcntl
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet import ProcessLostError, join_processes
from jaxnet.devices.processes import VARIABLES, all_gather, check_same_arguments, lost_processes_reported

WORKERS = Path(__file__).with_name("workers.py")
LIMIT = 240
STOPS = 20  # seconds, in which a process has noticed that another is gone; idle it takes a hundredth of that
LOST = (
    r"jaxnet: another process of this run has ended, or cannot be reached any more, so process {} of {} stops as well\."
)

specification = importlib.util.spec_from_file_location("workers", WORKERS)
workers = importlib.util.module_from_spec(specification)
specification.loader.exec_module(workers)


@contextlib.contextmanager
def started(task, folder, processes=2, devices=1, timeout=30):
    """The processes of a run; none is left behind, whatever happens."""
    inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    running = []
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(socket.socket())  # so the port is free, and stays so for process 0
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        for number in range(processes):
            own = {
                **dict(zip(VARIABLES, (address, str(processes), str(number)), strict=True)),
                "JAX_COORDINATOR_BIND_ADDRESS": address,
                "XLA_FLAGS": os.environ["XLA_FLAGS"] + f" --xla_force_host_platform_device_count={devices}",
                "TIMEOUT": str(timeout),
            }
            output = stack.enter_context(open(folder / f"{task}.{number}.txt", "w"))
            process = subprocess.Popen(
                [sys.executable, WORKERS, task, folder],
                env=inherited | own, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(kill, process)
            running.append(process)
        yield running


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def ended(task, folder, running):
    """The exit statuses, and what each process wrote to its terminal."""
    statuses = [process.wait(LIMIT) for process in running]
    return statuses, [(folder / f"{task}.{number}.txt").read_text() for number in range(len(running))]


def comes(file, running):
    """Wait for a file that a process writes."""
    end = time.monotonic() + LIMIT
    while not file.exists():
        assert time.monotonic() < end, f"{file} has not come"
        assert all(process.poll() is None for process in running), f"a process ended before {file} came"
        time.sleep(0.02)


def found(folder, name, processes=2):
    return [json.loads((folder / f"{name}.{number}.json").read_text()) for number in range(processes)]


def killed(victim, number, running):
    """Send a signal to a process, and see how long the others go on."""
    start = time.monotonic()
    os.kill(running[victim].pid, number)
    for process in running:
        process.wait(LIMIT)
    return time.monotonic() - start


def close(several, one):
    """Up to the rounding of sums, which add up in another order."""
    assert several.keys() == one.keys()
    for name in several:
        if name == "stopped":
            assert several[name] == one[name]
            continue
        for a, b in zip(several[name], one[name], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=name)


def once(tmp_path_factory, name, work):
    """What is worked out in a folder, once for all processes of pytest-xdist; and the folder."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder, result = root / name, root / f"{name}.json"
    with open(root / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            folder.mkdir()
            result.write_text(json.dumps(work(folder)))
    return folder, json.loads(result.read_text())


# What it computes.


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What one device of one process gives."""

    def work(folder):
        return {name: workers.numbers(run) for name, run in workers.results(jax.devices()[:1], workers.QUICK).items()}

    return once(tmp_path_factory, "one", work)[1]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two processes of two devices each: the folder of their results, how they ended, and what they said."""

    def work(folder):
        with started("results", folder, devices=2) as running:
            return ended("results", folder, running)

    return once(tmp_path_factory, "two", work)


@pytest.mark.parametrize("name", workers.QUICK)
def test_two_processes_compute_what_one_does(two, one, name):
    first, second = found(two[0], "results")
    assert first[name] == second[name]
    close(first[name], one[name])


def test_members_of_an_ensemble_are_the_same_bits_on_as_many_devices_of_one_process(two):
    assert found(two[0], "results")[0]["members"] == workers.numbers(workers.of_members(jax.devices()[:4]))


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "devices"), [(2, 1), (3, 1), (4, 1), (2, 3)])
def test_more_processes(tmp_path, processes, devices):
    """Members that are trained each alone are the same bits on one device."""
    one = {name: workers.numbers(run) for name, run in workers.results(jax.devices()[:1]).items()}
    with started("alone", tmp_path, processes, devices) as running:
        statuses, texts = ended("alone", tmp_path, running)
    assert statuses == [1] * processes, texts
    results = found(tmp_path, "results", processes)
    for name in workers.RUNS:
        assert all(result[name] == results[0][name] for result in results)
        close(results[0][name], one[name])
    if processes * devices != 8:
        same = workers.of_members(jax.devices()[: processes * devices])
        assert results[0]["members"] == workers.numbers(same)
    each = workers.numbers(workers.each_alone(jax.devices()[:1]))
    assert found(tmp_path, "each", processes) == [each] * processes


# The checkpoint.


@pytest.mark.parametrize("name", ["whole", "units"])
def test_a_checkpoint_is_gone_on_from_bit_for_bit_and_not_run_again_when_finished(two, name):
    results = found(two[0], "results")[0][name]
    for process in found(two[0], "resumed"):
        run = process["runs"][f"{name} resumed"]
        if name == "whole":  # run without validation data
            run = {**run, "params": results["params"], "validation": results["validation"]}
        assert run == results
        assert process["runs"][f"{name} finished"] == process["runs"][f"{name} resumed"]


@pytest.mark.parametrize(
    ("name", "shape", "names"),
    [
        ("whole", None, None),
        ("units", (4, 2), ("model", "data")),
        pytest.param("whole", (8,), ("data",), marks=pytest.mark.slow),
        pytest.param("units", None, None, marks=pytest.mark.slow),
    ],
)
def test_a_checkpoint_of_two_processes_is_gone_on_from_by_one(two, one, tmp_path, name, shape, names):
    file = shutil.copy(two[0] / f"{name}.half", tmp_path)
    settings = {"validation": workers.VALIDATION} if name == "units" else {}
    if shape:
        settings |= {"mesh": jax.make_mesh(shape, names)}
    if "model" in (names or ()):
        settings |= {"specs": workers.UNITS}
    run = workers.numbers(workers.fit(checkpoint=file, **settings))
    if name == "whole":
        run |= {"params": one["whole"]["params"], "validation": one["whole"]["validation"]}
    close(run, one[name])


def test_only_process_0_writes_a_checkpoint(two):
    """As Python's audit sees it: each chunk opens one file to write, and gives it its name."""
    first, second = (process["written"] for process in found(two[0], "resumed"))
    assert second == []
    for name in ("whole", "units"):
        once = [["open", f"{name}.run.partial"], ["os.rename", f"{name}.run.partial"]]
        assert [event for event in first if event[1].startswith(f"{name}.run")] == once * 4


# What is refused: in each process, in the same words.

SAME = (
    "Call it with the same arguments in each process; join examples that differ with jaxnet.from_parts, or pass an "
    "iterator."
)


def others(where, what):
    return f"ValueError: {where}: expected the same {what} in each process, but process 1 differs from process 0. "


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("data", others("fit", "data") + SAME),
        ("number of examples", others("fit", "data") + SAME),
        ("validation", others("fit", "validation") + SAME),
        ("params", others("fit", "params") + SAME),
        ("key", others("fit", "key") + SAME),
        ("settings", others("fit", "settings") + SAME),
        ("batch_size", others("fit", "settings") + SAME),
        ("members", others("train_ensemble", "data") + SAME),
        (
            "parts",
            "ShapeError: from_parts: expected as many examples in each process, and a multiple of the 2 devices over "
            "which it splits them, got [48, 47]. Leave some out; or call fit with arrays of all examples, the same in "
            "each process, which it copies to each device.",
        ),
        ("no batches", "ShapeError: fit: expected a first batch in each process, got none in process 1."),
        (
            "diverged",
            "DivergedError: fit: loss is inf at step 1. The run up to step 0, where the parameters were finite, is in "
            "the error's attribute `run`. Look at the data: inputs that are not finite, targets or labels out of the "
            "range of the loss.",
        ),
        (
            "checkpoint",
            "CheckpointError: fit: run: expected the same run in each process, got runs of [12, 0] steps. The file has "
            "to be in a folder that all of them see.",
        ),
    ],
)
def test_processes_that_disagree(two, name, message):
    assert [refusals[name] for refusals in found(two[0], "refusals")] == [message] * 2


def test_a_checkpoint_that_one_process_cannot_read(two):
    first, second = (refusals["damaged"] for refusals in found(two[0], "refusals"))
    assert first == (
        "CheckpointError: fit: damaged: expected the same run in each process, got runs of [12, -1] steps (-1: it "
        "could not be read). The file has to be in a folder that all of them see."
    )
    assert second.startswith(
        "CheckpointError: fit: damaged: expected a whole checkpoint, but it is no whole safetensors"
    )


@pytest.mark.parametrize(
    ("name", "where", "kinds"),
    [
        ("columns", "from_parts", ["((5,), 'float32')", "((4,), 'float32')"]),
        ("dtypes", "from_parts", ["((5,), 'float32')", "((5,), 'int32')"]),
        ("batches", "fit", ["(((5,), 'float32'), ((2,), 'float32'))", "(((4,), 'float32'), ((2,), 'float32'))"]),
    ],
)
def test_examples_of_another_kind(two, name, where, kinds):
    start = others(where, "shapes and dtypes of examples")
    expected = [f"{start}Those of process {number} are {kind}." for number, kind in enumerate(kinds)]
    assert [refusals[name] for refusals in found(two[0], "refusals")] == expected


def test_an_error_in_one_process_ends_all(two):
    """The last thing that they do is to read batches, of which one process cannot read the fourth; and how to go on."""
    folder, (statuses, (first, second)) = two
    assert statuses == [1, 1]
    assert second.rstrip().endswith("OSError: the disk is gone")
    assert re.search(LOST.format(0, 2), first)
    assert re.search(r"\njaxnet\.ProcessLostError: fit: another process of this run has ended", first)
    file = folder / "unreadable"
    assert f"{file} has the run up to its last chunk: start any number of processes, to go on from there." in first


# Killed, interrupted, hanging.


@pytest.fixture(scope="module")
def one_killed(tmp_path_factory):
    def work(folder):
        with started("endless", folder) as running:
            comes(folder / "run", running)
            time.sleep(0.5)
            return killed(1, signal.SIGKILL, running), ended("endless", folder, running)

    return once(tmp_path_factory, "one_killed", work)


@pytest.fixture(scope="module")
def went_on(tmp_path_factory, one_killed):
    """From there on: finished, then process 0 killed."""

    def work(folder):
        shutil.copy(one_killed[0] / "run", folder)
        with started("go_on", folder) as running:
            comes(folder / "to_kill", running)
            time.sleep(0.5)
            return killed(0, signal.SIGKILL, running), ended("go_on", folder, running)

    return once(tmp_path_factory, "went_on", work)


@pytest.mark.slow  # that a process which ends by an error ends all is seen above, always
def test_of_two_processes_one_is_killed(one_killed):
    """The other says what it noticed, and how to go on."""
    folder, (took, (statuses, texts)) = one_killed
    assert statuses == [1, -signal.SIGKILL]
    assert took < STOPS
    assert re.search(LOST.format(0, 2), texts[0])
    assert (
        f"{folder / 'run'} has the run up to its last chunk: start any number of processes, to go on from there."
        in texts[0]
    )


@pytest.mark.slow
def test_process_0_is_killed(went_on):
    """JAX may end the other one before that has told all."""
    _, (took, ((first, second), texts)) = went_on
    assert first == -signal.SIGKILL
    assert second in (1, -signal.SIGABRT)
    assert took < STOPS
    assert re.search(LOST.format(1, 2), texts[1]) or "the JAX distributed service detected fatal errors" in texts[1]


@pytest.mark.slow
def test_a_run_of_which_one_was_killed_goes_on_bit_for_bit(went_on):
    for resumed, whole in found(went_on[0], "runs"):
        assert resumed == whole
        assert resumed["steps"][0] > 40


@pytest.mark.slow
def test_a_run_of_which_one_was_killed_goes_on_in_one_process(one_killed, tmp_path):
    file = shutil.copy(one_killed[0] / "run", tmp_path)
    steps = jaxnet.read_header(file)["metadata"]["steps"] + 40
    run, whole = (workers.fit(steps=steps, every=20, checkpoint=checkpoint) for checkpoint in (file, None))
    close(workers.numbers(run), workers.numbers(whole))


def test_one_process_is_interrupted_and_all_stop_saved(two):
    folder = two[0]
    first, second = found(folder, "interrupted")
    assert first == second
    assert first["stopped"] == ["interrupted"]
    assert first["steps"] == [jaxnet.read_header(folder / "to_interrupt")["metadata"]["steps"]]
    assert 0 < first["steps"][0] < workers.ENDLESS
    assert first["steps"][0] % 6 == 0


@pytest.mark.slow
def test_sigterm_ends_a_process(tmp_path):
    with started("endless", tmp_path) as running:
        comes(tmp_path / "run", running)
        assert killed(1, signal.SIGTERM, running) < STOPS
        assert ended("endless", tmp_path, running)[0] == [1, -signal.SIGTERM]


@pytest.mark.slow
def test_after_a_loss_that_was_caught_the_exit_does_not_wait(tmp_path):
    with started("caught", tmp_path) as running:
        comes(tmp_path / "run", running)
        assert killed(1, signal.SIGKILL, running) < STOPS
        assert ended("caught", tmp_path, running)[0] == [1, -signal.SIGKILL]
    (caught,) = found(tmp_path, "caught", 1)
    assert caught.startswith("fit: another process of this run has ended, or cannot be reached any more, so process 0")


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_hangs(tmp_path, victim):
    """Its host may have lost its power. JAX ends the other one, in words of its own."""
    with started("endless", tmp_path, timeout=10) as running:
        comes(tmp_path / "run", running)
        start = time.monotonic()
        running[victim].send_signal(signal.SIGSTOP)
        assert running[1 - victim].wait(LIMIT) == -signal.SIGABRT
        assert 5 < time.monotonic() - start < 60
        text = (tmp_path / f"endless.{1 - victim}.txt").read_text()
        assert "Terminating process because the JAX distributed service detected fatal errors" in text


@pytest.mark.slow
def test_a_process_may_work_longer_than_the_others(tmp_path):
    with started("longer", tmp_path, timeout=10) as running:
        statuses, texts = ended("longer", tmp_path, running)
    assert statuses == [0, 0], texts


@pytest.fixture
def of_two(monkeypatch):
    """As if this were process 1 of 2, which does not end when it has lost the other."""
    at_exit = []
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    monkeypatch.setattr(atexit, "register", at_exit.append)
    return at_exit


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (
            jax.errors.JaxRuntimeError,
            "UNKNOWN: Gloo all-reduce failed: [external/pair.cc:538] Read error [::1]:1: Connection reset by peer",
            "Connection reset by peer",
        ),
        (ValueError, "UNKNOWN: Gloo AllGather failed: closed", "closed"),  # as where a computation only begins
        (jax.errors.JaxRuntimeError, "UNAVAILABLE: the coordination service", "the coordination service"),
    ],
)
def test_losses_are_noticed(of_two, kind, text, reason):
    with pytest.raises(ProcessLostError) as e, lost_processes_reported("fit", "Start again."):
        raise kind(text)
    assert str(e.value) == (
        "fit: another process of this run has ended, or cannot be reached any more, so process 1 of 2 stops as well. "
        f"Start again. (XLA says: {reason})"
    )
    assert len(of_two) == 1


@pytest.mark.parametrize(
    "error",
    [
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory"),
        jax.errors.JaxRuntimeError("INTERNAL: CpuCallback error calling callback: Connection reset by peer"),
        ValueError("fit: expected a gloomy day: Connection reset by peer"),
        ConnectionResetError("Connection reset by peer"),
        KeyError("UNKNOWN: Gloo"),
    ],
)
def test_other_errors_are_left_as_they_are(of_two, error):
    with pytest.raises(type(error)) as e, lost_processes_reported("fit", "Start again."):
        raise error
    assert e.value is error
    assert of_two == []


# How they join.


@pytest.mark.parametrize(
    "values",
    [
        ("127.0.0.1:1234", None, None),
        (None, "2", "0"),
        ("127.0.0.1:1234", "2", ""),
        ("127.0.0.1", "2", "0"),
        ("127.0.0.1:", "2", "0"),
        ("127.0.0.1:1234", "two", "0"),
        ("127.0.0.1:1234", "2", "-1"),
        ("127.0.0.1:1234", "2", "2"),
        ("127.0.0.1:1234", "0", "0"),
    ],
)
def test_variables_that_are_missing_or_wrong(monkeypatch, values):
    for name, value in zip(VARIABLES, values, strict=True):
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="join_processes: ") as e:
        join_processes()
    address, count, number = values
    assert str(e.value) == (
        "join_processes: expected an address with a port, the number of processes n, and a number in 0..n-1, got "
        f"JAX_COORDINATOR_ADDRESS={address}, JAX_NUM_PROCESSES={count}, JAX_PROCESS_ID={number}. Set all three, as "
        "python -m jaxnet.launch does, or none to run alone."
    )


@pytest.mark.parametrize("timeout", [True, 30.0])
def test_a_timeout_is_a_whole_number(timeout):
    with pytest.raises(TypeError) as e:
        join_processes(timeout)
    assert str(e.value) == f"join_processes: expected timeout to be a whole number, got {timeout}."
    with pytest.raises(ValueError, match=r"^join_processes: expected timeout to be at least 1, got 0\.$"):
        join_processes(np.int64(0))


def test_joining_when_jax_is_in_use():
    jax.devices()
    hook = sys.excepthook
    with pytest.raises(RuntimeError) as e:
        join_processes()
    assert str(e.value) == (
        "join_processes: expected to be called before JAX is used, or is asked for its devices. Put it first."
    )
    assert sys.excepthook is hook


def test_alone_nothing_is_done():
    """Neither to the process, nor to what is said or waited for."""
    code = (
        "import sys, jax, jaxnet; hook = sys.excepthook; jaxnet.join_processes(); jaxnet.join_processes(); "
        "assert sys.excepthook is hook; assert (jax.process_count(), jax.process_index()) == (1, 0); sys.exit(5)"
    )
    inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run([sys.executable, "-c", code], env=inherited, capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, done.stdout, done.stderr) == (5, "", "")


def test_of_one_process_there_is_nothing_to_gather_or_agree_on():
    np.testing.assert_array_equal(all_gather([1, 2]), [[1, 2]])
    check_same_arguments("fit", data=object())
