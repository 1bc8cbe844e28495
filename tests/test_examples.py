"""Every example runs from start to end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
SHORT = ("two_input_functions",)  # to be sure that the way to run them works


@pytest.mark.parametrize(
    "example",
    [pytest.param(path, marks=[] if path.stem in SHORT else pytest.mark.slow, id=path.stem) for path in EXAMPLES],
)
def test_example_runs(example):
    environment = {**os.environ, "MPLBACKEND": "agg"}
    # The experiments take most of a minute at full size.
    options = ["--quick"] if "--quick" in example.read_text() else []
    done = subprocess.run(
        [sys.executable, "-W", "error", example, *options], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_xor_is_short_enough_to_read():
    assert len((FOLDER / "xor.py").read_text().splitlines()) <= 60


@pytest.mark.parametrize("folder", [FOLDER, FOLDER.parent / "benchmarks"], ids=lambda folder: folder.name)
def test_every_script_has_its_question_in_the_readme(folder):
    for script in folder.glob("*.py"):
        assert f"[{script.name}]({script.name})" in (folder / "README.md").read_text(), script.name
