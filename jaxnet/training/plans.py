"""The plan of a run of `fit`: how many steps, cut into chunks of how many, when it ends, where it is saved; checked."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from jaxnet.training.step_counts import MOST_STEPS, check_multiple, example_count, step_count
from jaxnet.training.streams import batch_count, checked_epochs, is_stream
from jaxnet.validation import whole_number


class Plan(NamedTuple):
    """How a run is cut into chunks, when it ends, and where it is saved.

    Attributes:
        examples: how many there are; None for an iterator.
        batch_size: examples per step; None for all of them.
        start: how many steps had been made before.
        total: steps in all, those before included; None to use an iterator up.
        every: steps per chunk.
        record_every: steps per record.
        monitor: the validation metric that counts.
        mode: "min" if it is to fall, "max" if it is to rise.
        patience: evaluations without a better one after which the run ends, or None.
        on_nonfinite: "stop", "skip" or "go on".
        checkpoint: the file, or None.
        epochs: passes over a loader, after which the run ends, or None.
    """

    examples: int | None
    batch_size: int | None
    start: int
    total: int | None
    every: int
    record_every: int
    monitor: str
    mode: str
    patience: int | None
    on_nonfinite: str
    checkpoint: Path | None
    epochs: int | None

    @property
    def saved(self) -> dict[str, int | None]:
        """What a run must have in common with its checkpoint."""
        return {name: getattr(self, name) for name in ("examples", "batch_size", "start", "record_every")}

    def next_chunk(self, steps: int) -> int:
        """Return how many steps come next: chunks end at multiples of `every`, wherever the run was resumed."""
        count = self.every - (steps - self.start) % self.every
        return count if self.total is None else min(count, self.total - steps)


def make_plan(
    data: Any, start: int, steps: int | None, epochs: int | None, batch_size: int | None, every: int | None,
    record_every: int, monitor: str, mode: str, patience: int | None, on_nonfinite: str,
    checkpoint: str | os.PathLike[str] | None,
) -> Plan:  # fmt: skip
    """Check the arguments of `fit` that are numbers and words, and return its plan.

    Raises:
        TypeError: if a number is not whole, or arguments are missing or exclude one another.
        ValueError: if a number is out of range, or a word is none of those that are known.
    """
    _check_word("mode", mode, ("min", "max"))
    _check_word("on_nonfinite", on_nonfinite, ("stop", "skip", "go on"))
    record_every = whole_number("fit", "record_every", record_every, 1)
    patience = patience if patience is None else whole_number("fit", "patience", patience, 1)
    if is_stream(data):
        epochs = checked_epochs(data, steps, epochs, batch_size)
        examples, count = None, 0 if epochs == 0 else steps
        count = count if count is None else whole_number("fit", "steps", count, high=MOST_STEPS)
        epoch = batch_count(data)
        planned = epochs * epoch if epochs and epoch else count
    else:
        examples = example_count("fit", data)
        batch_size = batch_size if batch_size is None else whole_number("fit", "batch_size", batch_size, 1, examples)
        planned = count = step_count("fit", steps, epochs, examples, batch_size)
        epochs, epoch = None, 1 if batch_size is None else -(-examples // batch_size)
    if every is None:
        every = 100 if epoch is None or planned is None else max(epoch, -(-planned // 100), 1)
        every = -(-every // record_every) * record_every
    every = whole_number("fit", "every", every, 1)
    check_multiple("fit", "every", every, record_every)
    if count is not None:
        check_multiple("fit", "steps", count, record_every)
        whole_number("fit", "start + steps", start + count, high=MOST_STEPS)
    total = None if count is None else start + count
    return Plan(
        examples, batch_size, start, total, every, record_every, monitor, mode, patience, on_nonfinite,
        None if checkpoint is None else _path(checkpoint), epochs,
    )  # fmt: skip


def _path(checkpoint: Any) -> Path:
    if not isinstance(checkpoint, str | os.PathLike):
        raise TypeError(f"fit: expected a path for checkpoint, got {type(checkpoint).__name__}.")
    return Path(os.path.expanduser(checkpoint))


def _check_word(name: str, word: Any, known: tuple[str, ...]) -> None:
    if word not in known:
        raise ValueError(f"fit: expected {name} to be one of {', '.join(map(repr, known))}, got {word!r}.")
