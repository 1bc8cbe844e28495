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
from jaxnet import launch
from jaxnet.devices.processes import VARIABLES

LAUNCH = ["-m", "jaxnet.launch"]
WORKERS = Path(__file__).parent / "devices/workers.py"
LIMIT = 240


@pytest.fixture(autouse=True)
def signals_as_python_begins():
    """What started the tests may ignore some of them, as nohup and `script &` do; and a launcher catches them."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, f"{condition} did not come true"
        time.sleep(0.02)


def called(monkeypatch, *arguments):
    """The exit status of the launcher, called in this process."""
    monkeypatch.setattr(sys, "argv", ["launch.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as e:
        launch.main()
    return e.value.code


NUMBER = 'import os, pathlib, sys, time; n = int(os.environ["JAX_PROCESS_ID"]); '


@pytest.mark.parametrize("how", ["-c", "-m", "script"])
def test_the_launcher_tells_each_process_who_it_is(tmp_path, monkeypatch, capfd, how):
    names = ", ".join(f'os.environ["{name}"]' for name in (*VARIABLES, "JAX_COORDINATOR_BIND_ADDRESS"))
    code = NUMBER + f"sys.stdout.write(' '.join([{names}, *sys.argv[1:]]) + '\\n')"
    (tmp_path / "of a user.py").write_text(code)
    (tmp_path / "a_module.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = {"-c": ["-c", code], "-m": ["-m", "a_module"], "script": [tmp_path / "of a user.py"]}[how]
    assert called(monkeypatch, 3, *command, "--steps", 5, "--help") == 0
    out, err = capfd.readouterr()
    assert err == ""
    lines = sorted(line.split() for line in out.splitlines())
    address = lines[0][0]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", address)
    assert lines == [[address, "3", str(number), address, "--steps", "5", "--help"] for number in range(3)]


@pytest.mark.parametrize(
    ("code", "status", "how"),
    [
        ("time.sleep(n); sys.exit(4 - n)", 4, "process 0 of 2 ended with exit status 4"),
        ("time.sleep(1 - n); sys.exit(4 - n)", 3, "process 1 of 2 ended with exit status 3"),
        ("n and os.kill(os.getpid(), 9)", 137, "process 1 of 2 ended by signal 9 (Killed)"),
    ],
)
def test_the_exit_status_is_that_of_the_first_that_failed(monkeypatch, capfd, code, status, how):
    assert called(monkeypatch, 2, "-c", NUMBER + code) == status
    assert capfd.readouterr() == ("", f"jaxnet.launch: {how}\n")


@pytest.mark.slow
def test_the_others_have_ten_seconds(monkeypatch, capfd):
    start = time.monotonic()
    code = NUMBER + 'n or sys.exit(3); time.sleep(5); print("noticed", flush=True); time.sleep(100)'
    assert called(monkeypatch, 2, "-c", code) == 3
    assert capfd.readouterr().out == "noticed\n"
    assert time.monotonic() - start > 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: processes, command"),
        (["two"], "argument processes: invalid int value: 'two'"),
        ([2], "expected how many processes, at least 1, and a script"),
        ([0, WORKERS], "expected how many processes, at least 1, and a script"),
        ([2, "no_such_script.py"], "expected a script, found no file no_such_script.py"),
    ],
)
def test_the_launcher_refuses(monkeypatch, capsys, arguments, message):
    assert called(monkeypatch, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(
        "usage: python -m jaxnet.launch [-h] processes (script | -m module | -c code) [arguments ...]"
    )
    assert err.endswith(f"python -m jaxnet.launch: error: {message}\n")


def test_the_launcher_says_where_it_does_not_work(monkeypatch, capsys):
    """As on Windows."""
    monkeypatch.delattr(os, "killpg")
    assert called(monkeypatch, 2, WORKERS) == 2
    assert "error: expected Linux or macOS" in capsys.readouterr().err


def test_the_launcher_has_a_help(monkeypatch, capsys):
    assert called(monkeypatch, "--help") == 0
    assert "python -m jaxnet.launch 2 train.py" in capsys.readouterr().out


# Processes that hold a lock as long as they are there, each with a child that does, and ignore what they can.
HOLD = (
    "import fcntl, signal, subprocess; signal.signal(2, lambda *_: (folder / f'interrupted{n}').touch()); "
    "folder = pathlib.Path(sys.argv[1]); file = open(folder / f'{n}', 'w'); fcntl.flock(file, fcntl.LOCK_EX); "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'], pass_fds=[file.fileno()]); "
    "(folder / f'ready{n}').touch(); time.sleep(1000)"
)


@pytest.mark.parametrize(
    "numbers",
    [
        [signal.SIGINT, signal.SIGINT],
        pytest.param([signal.SIGTERM], marks=pytest.mark.slow),
        pytest.param([signal.SIGHUP], marks=pytest.mark.slow),
    ],
)
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


@pytest.mark.slow
def test_what_is_ignored_stays_ignored(tmp_path):
    """So a run that was started by nohup goes on when its terminal is gone."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    code = "(pathlib.Path(sys.argv[1]) / f'ready{n}').touch(); time.sleep(3)"
    launcher = subprocess.Popen([sys.executable, *LAUNCH, "1", "-c", NUMBER + code, tmp_path])
    until((tmp_path / "ready0").exists)
    launcher.send_signal(signal.SIGHUP)
    assert launcher.wait(LIMIT) == 0


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
