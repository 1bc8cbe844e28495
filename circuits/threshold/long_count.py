"""The count of threshold functions as a command that may be killed at any moment and goes on when it is run again.

    python -m circuits.threshold.long_count 9 --resume count9.safetensors

The file has the classes of one level and of the next, and the counts so far; it is replaced whole every minute.
"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from circuits.threshold.enumeration import KNOWN_CLASSES, Tally, ThresholdCounts
from circuits.threshold.self_dual_levels import MOST_VARIABLES, LevelWalk
from jaxnet.progress import progress_bar
from jaxnet.training.checkpoints import load_header, load_tree, save
from jaxnet.validation import whole_number

_SEQUENCES = {
    "functions": "A000609",
    "unate_classes": "A002078",
    "np_classes": "A000617",
    "npn_classes": "A001529",
    "self_dual_classes": "A001532",
}


def resumable_count(
    n: int, path: str | os.PathLike[str], *, seconds: float = 60.0, progress: bool = False
) -> ThresholdCounts:
    """Count the threshold functions of n variables, and keep on file how far it came.

    Args:
        n: 0 to 9.
        path: the file. If it is there, the count goes on from it; at the end it has the result.
        seconds: how often to save; a process that is killed loses that much time, and nothing else.
        progress: whether to show a bar.

    Returns:
        What `count_threshold_functions` returns.

    Raises:
        ValueError: if n is out of range, or the file is of another n.
        CheckpointError: if the file is damaged, or none of this function.
        OSError: if the file cannot be read or written.

    Source: R. O. Winder (1965).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     resumable_count(3, f"{folder}/count3.safetensors").functions
    104
    """
    n = whole_number("resumable_count", "n", n, 0, MOST_VARIABLES - 1)
    walk, tally = LevelWalk(n + 1), Tally(n + 1)
    if Path(path).exists():
        _load(path, walk, tally)
    saved = time.monotonic()
    options = {"total": KNOWN_CLASSES[n + 1], "initial": tally.sums[0], "unit": " classes"}
    with progress_bar("self-dual classes", walk, shown=progress, **options) as bar:
        for found in bar:
            tally.add(found)
            if time.monotonic() - saved > seconds:
                _save(path, walk, tally)
                saved = time.monotonic()
    _save(path, walk, tally)
    return tally.counts()


def _save(path: str | os.PathLike[str], walk: LevelWalk, tally: Tally) -> None:
    above = np.array(list(walk.above.values()), np.int64).reshape(-1, walk.n)
    save(path, {"level": walk.level, "above": above}, {"n": walk.n - 1, "place": walk.place, "sums": tally.sums})


def _load(path: str | os.PathLike[str], walk: LevelWalk, tally: Tally) -> None:
    header = load_header("resumable_count", path)
    metadata = header["metadata"]
    if metadata.keys() != {"n", "place", "sums"}:
        raise ValueError(f"resumable_count: {path} is no file of this function; name one that is, or a new one.")
    if metadata["n"] != walk.n - 1:
        raise ValueError(
            f"resumable_count: {path} is a count for n = {metadata['n']}, expected n = {walk.n - 1}; name another file."
        )
    like = {name: np.zeros(header["leaves"][f"['{name}']"]["shape"], np.int64) for name in ("level", "above")}
    tree = load_tree("resumable_count", path, like)
    walk.resume(tree["level"], metadata["place"], tree["above"])
    tally.sums = metadata["sums"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, and print the counts with their sequences in OEIS."""
    parser = argparse.ArgumentParser(
        "python -m circuits.threshold.long_count", description="Count the threshold functions of n variables."
    )
    parser.add_argument("n", type=int, choices=range(MOST_VARIABLES), help="how many variables")
    parser.add_argument("--resume", required=True, metavar="FILE", help="go on from FILE; a new one if there is none")
    options = parser.parse_args(arguments)
    counts = resumable_count(options.n, options.resume, progress=True)
    for name, count in counts._asdict().items():
        term = options.n + (name == "self_dual_classes")
        print(f"{_SEQUENCES[name]}({term})  {count:>23,}  {name.replace('_', ' ')}")


if __name__ == "__main__":
    main()
