"""The launcher starts processes, says who they are, and leaves none behind. A time is a limit for a busy machine."""

import fcntl
import functools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jaxnet
from jaxnet.devices.processes import VARIABLES

LAUNCH = ["-m", "jaxnet.launch"]
WORKERS = Path(__file__).parent / "devices/workers.py"
LIMIT = 240


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, f"{condition} did not come true"
        time.sleep(0.02)


def launch(*arguments, **options):
    return subprocess.run(
        [sys.executable, *LAUNCH, *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT, **options
    )


NUMBER = 'import os, pathlib, sys, time; n = int(os.environ["JAX_PROCESS_ID"]); '


def test_the_launcher_tells_each_process_who_it_is():
    names = ", ".join(f'os.environ["{name}"]' for name in (*VARIABLES, "JAX_COORDINATOR_BIND_ADDRESS"))
    line = f'" ".join([{names}, *sys.argv[1:]]) + "\\n"'
    done = launch(3, "-c", f"{NUMBER}sys.stdout.write({line})", "--steps", 5)
    assert (done.returncode, done.stderr) == (0, "")
    lines = sorted(line.split() for line in done.stdout.splitlines())
    address = lines[0][0]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", address)
    assert lines == [[address, "3", str(number), address, "--steps", "5"] for number in range(3)]


@pytest.mark.parametrize(
    ("code", "status", "how"),
    [
        ("time.sleep(n); sys.exit(4 - n)", 4, "process 0 of 2 ended with exit status 4"),
        ("time.sleep(1 - n); sys.exit(4 - n)", 3, "process 1 of 2 ended with exit status 3"),
        ("n and os.kill(os.getpid(), 9)", 137, "process 1 of 2 ended by signal 9 (Killed)"),
    ],
)
def test_the_exit_status_is_that_of_the_first_that_failed(code, status, how):
    done = launch(2, "-c", NUMBER + code)
    assert (done.returncode, done.stderr) == (status, f"launch.py: {how}\n")


@pytest.mark.slow
def test_the_others_have_ten_seconds():
    start = time.monotonic()
    done = launch(2, "-c", NUMBER + 'n or sys.exit(3); time.sleep(5); print("noticed", flush=True); time.sleep(100)')
    assert (done.returncode, done.stdout) == (3, "noticed\n")
    assert 10 < time.monotonic() - start < 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["two"], "argument processes: invalid int value: 'two'"),
        ([2], "expected how many processes, at least 1, and a script"),
        ([0, WORKERS], "expected how many processes, at least 1, and a script"),
        ([2, "no_such_script.py"], "expected a script, found no file no_such_script.py"),
    ],
)
def test_the_launcher_refuses(arguments, message):
    done = launch(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"launch.py: error: {message}\n")


# Processes that hold a lock as long as they are there, each with a child that does, and ignore what they can.
HOLD = (
    "import fcntl, signal, subprocess; signal.signal(2, lambda *_: (folder / f'interrupted{n}').touch()); "
    "folder = pathlib.Path(sys.argv[1]); file = open(folder / f'{n}', 'w'); fcntl.flock(file, fcntl.LOCK_EX); "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'], pass_fds=[file.fileno()]); "
    "(folder / f'ready{n}').touch(); time.sleep(1000)"
)


@pytest.mark.parametrize("numbers", [[signal.SIGTERM], [signal.SIGHUP], [signal.SIGINT, signal.SIGINT]])
def test_a_launcher_that_is_stopped_leaves_no_process_behind(tmp_path, numbers):
    """The first SIGINT is passed on, for `fit` to stop in order; all others end the launcher."""
    launcher = subprocess.Popen([sys.executable, *LAUNCH, "2", "-c", NUMBER + HOLD, tmp_path])
    try:
        for number in (0, 1):
            until((tmp_path / f"ready{number}").exists)
        launcher.send_signal(numbers[0])
        if numbers[0] == signal.SIGINT:
            for number in (0, 1):
                until((tmp_path / f"interrupted{number}").exists)
            launcher.send_signal(numbers[1])
        assert launcher.wait(LIMIT) == 128 + numbers[0]
        for number in (0, 1):
            with open(tmp_path / f"{number}") as file:
                until(functools.partial(is_free, file))
    finally:
        launcher.send_signal(signal.SIGTERM)
        launcher.wait(LIMIT)


def is_free(file):
    """Whether nobody holds the lock of a file."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@pytest.mark.slow
def test_the_launcher_interrupts_a_run_in_order(tmp_path):
    """As Ctrl-C does: all processes end well, saved."""
    environment = {**os.environ, "XLA_FLAGS": ""}
    launcher = subprocess.Popen([sys.executable, *LAUNCH, "2", WORKERS, "endless", tmp_path], env=environment)
    try:
        until((tmp_path / "run").exists)
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(LIMIT) == 0
    finally:
        launcher.send_signal(signal.SIGTERM)
        launcher.wait(LIMIT)
    assert jaxnet.read_header(tmp_path / "run")["metadata"]["steps"] > 0
