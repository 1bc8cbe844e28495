"""How a checkpoint is written: the old file or the new one, whenever the writer fails or is killed."""

import errno
import os
import re
import resource
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from jaxnet import load, save
from jaxnet.training import checkpoint_files, checkpoint_leaves, checkpoints


def message(error, expected):
    return pytest.raises(error, match=f"^{re.escape(expected)}$")


# Writing: the old file or the new one.


def test_missing_directories_are_made(tmp_path):
    save(tmp_path / "runs" / "today" / "x.safetensors", 1)
    assert load(str(tmp_path / "runs" / "today" / "x.safetensors"), 0) == 1


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save("x.safetensors", 1)
    assert load("x.safetensors", 0) == 1
    assert os.listdir() == ["x.safetensors"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "store").mkdir()
    link = tmp_path / "latest"
    link.symlink_to(tmp_path / "store" / "x.safetensors")
    for value in (1, 2):
        save(link, value)
        assert load(link, 0) == value
    assert link.is_symlink()
    assert os.listdir(tmp_path / "store") == ["x.safetensors"]


def test_what_a_killed_writer_left_goes_with_the_next(path):
    partial = path.with_name("run.safetensors.partial")
    partial.write_bytes(b"half")
    save(path, 1)
    assert not partial.exists()
    assert load(path, 0) == 1


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=str)
def test_what_fails_leaves_the_old_file(path, monkeypatch, where, error):
    save(path, 1)

    def fail(*args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, where, fail)
        with pytest.raises(type(error)):
            save(path, 2)
    assert os.listdir(path.parent) == [path.name]
    assert load(path, 0) == 1


def test_a_full_disk(path):
    """The system itself refuses to write more than 1,000 bytes."""
    save(path, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save(path, np.ones(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(path.parent) == [path.name]
    assert load(path, 0) == 1


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        save(tmp_path / "file" / "x.safetensors", 1)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder"):
        save(tmp_path / "folder", 1)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_the_file_is_on_disk_before_it_has_its_name_and_then_the_directory(path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        done.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def watched_replace(source, target):
        assert os.path.getsize(source) > 0
        done.append(("replace", str(source), str(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    save(path, 1)
    partial = f"{path}.partial"
    assert done == [("fsync", partial), ("replace", partial, str(path)), ("fsync", str(path.parent))]


def test_two_writers_of_one_file(path, monkeypatch):
    """Another begins while this one writes: this one says so, and leaves the other's file alone."""
    save(path, 1)
    fsync, partial = os.fsync, path.with_name("run.safetensors.partial")

    def meanwhile(descriptor):
        partial.unlink()
        partial.write_bytes(b"the other's")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with message(RuntimeError, f"save: another process writes {path} too. Give each run a file of its own."):
        save(path, 2)
    assert partial.read_bytes() == b"the other's"
    assert load(path, 0) == 1


KILLED = """
    import os, random, signal, sys, time
    import numpy as np
    from jaxnet.training.checkpoints import load, save

    folder = sys.argv[1]
    path = os.path.join(folder, "run.safetensors")
    trees = [{"w": np.full(200_000 * (i + 1), float(i)), "i": i} for i in range(2)]

    def save_for_ever():
        while True:
            for tree in trees:
                save(path, tree)

    def in_child(work):
        pid = os.fork()
        if not pid:
            try:
                work()
            finally:
                os._exit(9)
        return pid

    def check():
        found = []
        for tree in trees:
            try:
                found.append(load(path, tree))
            except ValueError as error:
                assert "do not match" in str(error), error
        assert len(found) == 1
        assert (found[0]["w"] == float(found[0]["i"])).all()
        assert set(os.listdir(folder)) <= {"run.safetensors", "run.safetensors.partial"}
        return found[0]["i"]

    save(path, trees[0])

    # At random moments.
    random.seed(0)
    partials = 0
    for _ in range(20):
        pid = in_child(save_for_ever)
        time.sleep(random.uniform(0.002, 0.03))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        partials += os.path.exists(path + ".partial")
        check()

    # Before and after each step of a save, of tree 1 over tree 0.
    def killed_at(name, after, count):
        real, calls = getattr(os, name), 0
        def step(*args):
            nonlocal calls
            calls += 1
            if after:
                real(*args)
            if calls == count:
                os.kill(os.getpid(), signal.SIGKILL)
            if not after:
                real(*args)
        def work():
            setattr(os, name, step)
            save(path, trees[1])
        return work

    outcomes = []
    for name, count in [("fsync", 1), ("replace", 1), ("fsync", 2)]:
        for after in (False, True):
            save(path, trees[0])
            _, status = os.waitpid(in_child(killed_at(name, after, count)), 0)
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            outcomes.append(check())
    print(partials, *outcomes)
"""


def test_killed_at_any_moment(tmp_path):
    """A child is killed 20 times at random and once at each step; what it leaves is one of two trees, whole."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(KILLED), tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    _, *outcomes = map(int, done.stdout.split())
    assert outcomes == [0, 0, 0, 1, 1, 1]


def test_jaxnet_does_not_import_safetensors():
    code = "import sys, jaxnet; assert not [name for name in sys.modules if name.startswith('safetensors')]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_pickle():
    assert not any("pickle" in vars(module) for module in (checkpoint_files, checkpoint_leaves, checkpoints))
