"""A count that is killed goes on where it was saved, and ends with the same result."""

import numpy as np
import pytest

from circuits.threshold import long_count as command
from circuits.threshold.enumeration import count_threshold_functions
from circuits.threshold.long_count import main, resumable_count
from jaxnet import CheckpointError, save


class Killed(BaseException):
    pass


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_whole_run_and_a_run_after_it(n, tmp_path):
    path = tmp_path / "count"
    assert resumable_count(n, path) == resumable_count(n, path) == count_threshold_functions(n)


@pytest.mark.parametrize("after", [1, 5, 9, 16, 67, 133])
def test_killed_after_some_saves(after, tmp_path, monkeypatch):
    path = tmp_path / "count"
    saves = iter(range(after))

    def save_or_die(*arguments):
        if next(saves, None) is None:
            raise Killed
        save(*arguments)

    monkeypatch.setattr(command, "save", save_or_die)
    with pytest.raises(Killed):
        resumable_count(6, path, seconds=0)
    monkeypatch.undo()
    # Some classes after the last save are counted again, but once.
    assert resumable_count(6, path) == count_threshold_functions(6)


def test_files_of_others_are_refused(tmp_path, error):
    path = tmp_path / "count"
    resumable_count(2, path)
    assert error(ValueError, resumable_count, 3, path) == (
        f"resumable_count: {path} is a count for n = 2, expected n = 3; name another file."
    )
    save(path, {"w": np.ones(2)})
    assert error(ValueError, resumable_count, 3, path) == (
        f"resumable_count: {path} is no file of this function; name one that is, or a new one."
    )
    path.write_bytes(b"damaged")
    assert error(CheckpointError, resumable_count, 3, path).startswith("resumable_count: ")
    assert error(ValueError, resumable_count, 10, path) == "resumable_count: expected n in 0..9, got 10."


def test_the_command_prints_the_sequences(tmp_path, capsys):
    main(["4", "--resume", str(tmp_path / "count")])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "A000609(4) 1,882 functions",
        "A002078(4) 150 unate classes",
        "A000617(4) 27 np classes",
        "A001529(4) 15 npn classes",
        "A001532(5) 7 self dual classes",
    ]
