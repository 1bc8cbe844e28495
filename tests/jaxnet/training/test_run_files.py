"""The checkpoint of a run: history is appended, and found again whenever the writer is killed; one file at the end."""

import errno
import itertools
import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.fitted import DATA, NOISY, START, State, X, equal, key

import jaxnet
from jaxnet import CheckpointError, Rule, fit
from jaxnet.training import run_files

# Counts, and measures a tree of metrics.
COUNT = Rule(
    State,
    lambda s, b, k: (State(s.params + 1), {"loss": -s.params, "pair": (s.params, {"w": jnp.stack([s.params] * 2)})}),
)


def count(steps, file, **settings):
    return fit(COUNT, jnp.array(0.0), X, steps=steps, key=key(), every=5, validation=X, checkpoint=file, **settings)


def test_a_history_comes_back_as_train_has_it(tmp_path):
    file = tmp_path / "run.safetensors"
    for steps in (10, 25, 25):
        run = count(steps, file)
    _, history = jaxnet.train(COUNT, State(jnp.array(0.0)), X, steps=25, key=key())
    equal(run.history, {"step": np.arange(1, 26), **jax.tree.map(np.asarray, history)})
    assert run.validation["pair"][1]["w"].shape == (6, 2)
    assert os.listdir(tmp_path) == ["run.safetensors"]


@pytest.fixture
def appending(monkeypatch):
    """However short it is, history is appended as soon as it is longer than the state."""
    monkeypatch.setattr(run_files, "_SHORT", 0)


@pytest.mark.usefixtures("appending")
def test_a_run_killed_at_any_byte_of_its_history_is_the_whole_one(tmp_path):
    """Each visit leaves two files. A kill may leave the one of before beside any number of bytes of the other."""
    file, beside = tmp_path / "run.safetensors", tmp_path / "run.safetensors.history"
    left = []

    def look(run):
        if file.exists():
            left.append((file.read_bytes(), beside.read_bytes()))

    whole = count(25, file, on_visit=look)
    assert os.listdir(tmp_path) == [file.name]
    assert len(left) == 4
    for (main, before), (_, after) in itertools.pairwise(left):
        for end in {*range(len(before), len(after), 97), len(after)}:
            file.write_bytes(main)
            beside.write_bytes(after[:end])
            equal(count(25, file), whole)
            assert os.listdir(tmp_path) == [file.name]


@pytest.mark.usefixtures("appending")
def test_a_run_killed_at_its_end_is_the_whole_one(tmp_path):
    """After the one file has taken the history back, and before the other is removed."""
    file, beside = tmp_path / "run.safetensors", tmp_path / "run.safetensors.history"

    def keep(run):
        if beside.exists():
            shutil.copy(beside, tmp_path / "kept")

    whole = count(25, file, on_visit=keep)
    shutil.copy(tmp_path / "kept", beside)
    equal(count(25, file), whole)
    assert not beside.exists()
    shutil.copy(tmp_path / "kept", beside)
    equal(count(40, file), count(40, None))


@pytest.mark.usefixtures("appending")
def test_a_history_that_is_lost_or_changed_is_said(tmp_path):
    file, beside = tmp_path / "run.safetensors", tmp_path / "run.safetensors.history"
    kept = []

    def keep(run):
        kept[:] = [file.read_bytes(), beside.read_bytes()] if file.exists() else []

    count(15, file, on_visit=keep)
    file.write_bytes(kept[0])
    with pytest.raises(CheckpointError, match=f"^fit: {file}: expected the first part of its history in {beside}, but"):
        count(15, file)
    beside.write_bytes(kept[1][:-1] + b"?")
    size = len(kept[1])
    with pytest.raises(CheckpointError) as e:
        count(15, file)
    assert str(e.value) == (
        f"fit: {file}: expected the first part of its history in {beside}, but its first {size:,} bytes are not those "
        "that were written. Keep the two files together while a run goes on, or load its parameters alone with "
        "jaxnet.load(..., part=...)."
    )


@pytest.mark.usefixtures("appending")
def test_a_visit_writes_as_much_however_long_the_run_is(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(run_files, "save", lambda path, tree, metadata: written.append(tree["history"]["loss"].nbytes))
    append = run_files.append

    def measured(path, before, arrays):
        after = append(path, before, arrays)
        written.append(after.size - before.size)
        return after

    monkeypatch.setattr(run_files, "append", measured)
    count(500, tmp_path / "run")
    of_visits = written[:-1]  # the last one takes the history back
    assert max(of_visits) <= 2 * max(of_visits[:10])


def test_the_parameters_alone_out_of_a_checkpoint(tmp_path):
    file = tmp_path / "run.safetensors"
    run = fit(NOISY, START, DATA, steps=20, key=key(), validation=DATA, checkpoint=file)
    equal(jaxnet.load(file, START, part="['best']"), run.params)
    equal(jaxnet.load(file, START, part="['state'].params"), run.state.params)
    equal(jaxnet.load(file, START[0].b, part="['best'][0].b"), run.params[0].b)
    with pytest.raises(CheckpointError) as e:
        jaxnet.load(file, START, part="['params']")
    assert str(e.value) == (
        f"load: {file}: expected a part ['params'], found the leaves ['best'][0].w, ['best'][0].b, ['best'][1].w, "
        f"['best'][1].b, ['history']['loss'] and {len(jaxnet.read_header(file)['leaves']) - 5} more."
    )
    with pytest.raises(CheckpointError, match=r"\['best'\]\[1\]\.w: expected float32 \(3, 1\), found float32 \(1, 3\)"):
        jaxnet.load(file, (START[0], START[0]), part="['best']")
    with pytest.raises(CheckpointError, match=r"expected a part \['best'\]\[0, found"):
        jaxnet.load(file, START, part="['best'][0")


@pytest.mark.parametrize("name", ["file/run", "x" * 300, "folder"])
def test_a_checkpoint_that_cannot_be_written_is_refused_before_the_first_step(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    made = []

    def batches(first):
        made.append(first)
        yield DATA

    with pytest.raises((OSError, CheckpointError), match=r"fit: .*expected a checkpoint") as e:
        fit(NOISY, START, batches, key=key(), checkpoint=tmp_path / name)
    assert str(tmp_path / name) in str(e.value)
    assert made == []
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_tilde_is_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    fit(NOISY, START, DATA, steps=2, key=key(), checkpoint="~/runs/run.safetensors")
    assert os.listdir(tmp_path / "runs") == ["run.safetensors"]
    jaxnet.save("~/params.safetensors", START)
    equal(jaxnet.load("~/params.safetensors", START), START)
    assert jaxnet.read_header("~/params.safetensors")["metadata"] == {}
    jaxnet.draw_learning_curves({"loss": [1.0, 0.5]}, path="~/curves.svg")
    assert {"curves.svg", "params.safetensors", "runs"} <= {*os.listdir(tmp_path)}  # and what matplotlib keeps


@pytest.mark.usefixtures("appending")
def test_a_file_of_the_users_is_not_taken_for_the_history(tmp_path):
    file, beside = tmp_path / "run", tmp_path / "run.history"
    beside.write_text("notes")
    with pytest.raises(FileExistsError) as e:
        count(15, file)
    assert str(e.value) == (
        "[Errno 17] fit: expected room for the history of the run, got a file that fit has not written. Name another "
        f"checkpoint, or move that file: '{beside}'"
    )
    assert (beside.read_text(), file.exists()) == ("notes", False)
    beside.unlink()
    count(15, file)
    beside.write_text("notes")
    count(15, file)  # nothing is left to do
    assert beside.read_text() == "notes"


@pytest.mark.usefixtures("appending")
def test_a_disk_that_is_full_is_said_and_the_run_goes_on_later(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(run):
        if run.steps == 15:
            monkeypatch.setattr(run_files, "append", full)

    file, append = tmp_path / "run", run_files.append
    with pytest.raises(OSError, match="fit: ") as e:
        count(25, file, on_visit=fill)
    assert str(e.value) == (
        "[Errno 28] fit: expected to write the checkpoint after step 15, got: No space left on device. What was "
        f"saved before is whole: make room, and call fit again, to go on from there: '{file}'"
    )
    assert jaxnet.read_header(file)["metadata"]["steps"] == 10
    monkeypatch.setattr(run_files, "append", append)
    equal(count(25, file), count(25, None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "max"}, "expected a run with mode max, got one with min. Call fit as that run was called"),
        ({"monitor": "other"}, "expected a run with monitor other, got one with loss. Call fit as that run was called"),
        ({"validation": None}, "expected a run without validation data, got one with some. Call fit as that run was"),
    ],
)
def test_the_best_parameters_on_file_are_those_of_the_same_question(tmp_path, change, message):
    file = tmp_path / "run"
    count(10, file)
    with pytest.raises(CheckpointError) as e:
        fit(COUNT, jnp.array(0.0), X, **{"steps": 20, "key": key(), "validation": X, "checkpoint": file, **change})
    assert str(e.value).startswith(f"fit: {file}: {message}")


def test_other_validation_metrics_are_refused_before_the_first_step(tmp_path):
    count(10, tmp_path / "run")
    with pytest.raises(ValueError, match=r"fit: expected the metrics that were measured before, \[\"\['loss'\]"):
        count(20, tmp_path / "run", validate=lambda p, x: p, on_visit=lambda run: pytest.fail("a step was made"))


def test_a_checkpoint_of_another_version_is_said(tmp_path):
    file = tmp_path / "run"
    jaxnet.save(file, {"state": State(jnp.array(0.0)), "key": key()}, {"steps": 3, "examples": 10})
    with pytest.raises(CheckpointError) as e:
        count(10, file)
    assert str(e.value) == (
        f"fit: {file}: expected a checkpoint of jaxnet.fit, got one of another version. Finish the run with that "
        "version, or load its parameters alone, as by jaxnet.load(..., part=...)."
    )


@pytest.mark.usefixtures("appending")
def test_a_run_that_diverged_goes_on_without_the_steps_that_spoil_it(tmp_path):
    """And back: numbers of skipped steps come into the history, and go, with `on_nonfinite`."""
    file, descent = tmp_path / "run", jaxnet.gradient_descent(lambda p, x: jnp.mean((p - x) ** 2), optax.sgd(0.1))
    rows = [X, X, X, X * np.nan, X, X, X]

    def go(steps, on_nonfinite):
        options = {"steps": steps, "key": key(), "every": 1, "checkpoint": file, "on_nonfinite": on_nonfinite}
        return fit(descent, jnp.array(0.0), lambda first: iter(rows[first:]), **options)

    with pytest.raises(jaxnet.DivergedError):
        go(6, "stop")
    run = go(6, "skip")
    assert run.history["skipped"].tolist() == [0, 0, 0, 1, 1, 1]
    run = go(7, "stop")
    assert (run.skipped, sorted(run.history), run.history["step"][-1]) == (1, ["loss", "step"], 7)
