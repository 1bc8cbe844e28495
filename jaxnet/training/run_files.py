"""The checkpoint of a run: one file, and beside it, while a long run goes on, a second one that history is appended to.

Each visit saves the state. The history goes with it as long as it is shorter than the state; what is longer is appended
to the file of the history, where it stays, so that a visit costs the same however long the run is. A run that ends
takes its history back into the one file.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.devices.processes import all_gather, is_first
from jaxnet.pytrees import Key
from jaxnet.training.checkpoints import CheckpointError, load_header, load_tree, save
from jaxnet.training.histories import Appended, Table, append, as_record, blocks, from_record
from jaxnet.training.plans import Plan
from jaxnet.training.run_state import RunState, with_best

_TABLES: tuple[str, ...] = ("history", "validation")
_SHORT = 2**16  # bytes of history that are cheap to write with each state


class RunFile:
    """The file of one run, written by `save` after each chunk.

    Args:
        plan: of the run, which has a checkpoint.
        key: of the run.
        several: whether several processes make the run, of which the first one writes.
    """

    def __init__(self, plan: Plan, key: Key, several: bool) -> None:
        assert plan.checkpoint is not None
        self.path, self._plan, self._key, self._several = plan.checkpoint, plan, key, several
        self._appended, self._rows = Appended(), dict.fromkeys(_TABLES, 0)  # what is in the file of the history

    @property
    def _history(self) -> Path:
        target = self.path.resolve()
        return target.with_name(f"{target.name}.history")

    def check_writable(self) -> None:
        """Check that the file can be written, as far as that can be known before.

        Raises:
            OSError: if it cannot.
        """
        probe = self._history.with_name(f"{self._history.name}.partial")
        try:
            if self.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            probe.parent.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def save(self, run_state: RunState) -> None:
        """Save what a run has, whole whenever the process is killed."""
        tables = {name: getattr(run_state, name) for name in _TABLES}
        tails = {name: table.tree(self._rows[name]) for name, table in tables.items()}
        if _size(tails) > max(_SHORT, _size((run_state.state, run_state.best))):
            if not self._several or is_first():
                named = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tails)}
                self._appended = append(self._history, self._appended, named)
            self._rows = {name: table.rows for name, table in tables.items()}
        self._save(run_state)

    def finish(self, run_state: RunState) -> None:
        """Take the history back into the one file, at the end of a run."""
        if any(self._rows.values()):
            self._appended, self._rows = Appended(), dict.fromkeys(_TABLES, 0)
            self._save(run_state)
        if (not self._several or is_first()) and self.path.exists():
            self._history.unlink(missing_ok=True)

    def _save(self, run_state: RunState) -> None:
        tables = {name: getattr(run_state, name) for name in _TABLES}
        tails = {name: table.tree(self._rows[name]) for name, table in tables.items()}
        metadata = {
            "steps": run_state.steps,
            "skipped": run_state.skipped,
            "tables": {name: as_record(table.tree()) for name, table in tables.items()},
            "appended": list(self._appended),
            **self._plan.saved,
        }
        save(self.path, {"state": run_state.state, "best": run_state.best, "key": self._key, **tails}, metadata)
        if self._several:
            all_gather(run_state.steps)  # no process goes on, or ends, before process 0 has written

    def resumed(self, start: RunState, validated: bool) -> RunState:
        """Return what the file holds, if it exists, or else `start`.

        Args:
            start: what the run has at its start, with a state of the shapes and on the devices that are wanted.
            validated: whether the run has validation data.

        Raises:
            CheckpointError: in every process, if the file is damaged or is of another run, or not all see the same.
            OSError: if it cannot be read or written.
        """
        failure = None
        try:
            found = self._load(start, validated) if self._exists() else start
            if found.steps != self._plan.total and (not self._several or is_first()):
                self.check_writable()
        except (OSError, ValueError) as error:
            found, failure = start, error
        steps = all_gather(-1 if failure else found.steps) if self._several else np.array([found.steps])
        if failure is not None:
            raise failure
        if (steps != steps[0]).any():
            unread = " (-1: it could not be read)" if steps.min() < 0 else ""
            raise CheckpointError(
                f"fit: {self.path}: expected the same run in each process, got runs of {steps.tolist()} steps{unread}. "
                "The file has to be in a folder that all of them see."
            )
        return found

    def _exists(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:  # such as a name that is too long
            raise _unwritable(self.path, error) from None

    def _load(self, start: RunState, validated: bool) -> RunState:
        header = load_header("fit", self.path)
        saved, leaves = header["metadata"], header["leaves"]
        if set(saved) != {"steps", "skipped", "tables", "appended", *self._plan.saved}:
            raise CheckpointError(f"fit: {self.path}: expected a checkpoint of jaxnet.fit, got another of jaxnet.save.")
        for name, value in self._plan.saved.items():
            if saved[name] != value:
                raise CheckpointError(
                    f"fit: {self.path}: expected a run with {name} {value}, got one with {saved[name]}. "
                    "Call fit as that run was called, or choose another file."
                )

        def empty(name: str) -> np.ndarray:
            return np.empty(leaves[name]["shape"], jnp.dtype(leaves[name]["dtype"]))

        tails = {name: _arranged(name, record, empty) for name, record in saved["tables"].items()}
        best = start.predicting(start.state) if validated and tails["validation"] else None
        found = load_tree("fit", self.path, {"state": start.state, "best": best, "key": self._key, **tails})
        if not np.array_equal(jax.random.key_data(found["key"]), jax.random.key_data(self._key)):
            raise CheckpointError(
                f"fit: {self.path}: expected a run with this key, got one with another. Choose another file."
            )

        self._appended, tables = Appended(*saved["appended"]), dict.fromkeys(_TABLES, Table())
        for block in self._blocks():
            for name, record in saved["tables"].items():
                tables[name] = tables[name].extended(_arranged(name, record, block.__getitem__))
        self._rows = {name: table.rows for name, table in tables.items()}
        tables = {name: table.extended(found[name]) for name, table in tables.items()}
        made = start._replace(state=found["state"], steps=saved["steps"], best=found["best"], skipped=saved["skipped"])
        return with_best(made._replace(**tables), self._plan)

    def _blocks(self) -> list[dict[str, np.ndarray]]:
        if not self._appended.size:
            return []
        try:
            return blocks(self._history, self._appended)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"fit: {self.path}: expected the first part of its history in {self._history}, but {error}. Keep the "
                "two files together while a run goes on, or load its parameters alone with jaxnet.load(..., part=...)."
            ) from error


def _arranged(table: str, record: Any, find: Callable[[str], np.ndarray]) -> Any:
    """Return the arrays of a table in the structure that it had; `find` takes their paths in the checkpoint."""
    return jax.tree.map_with_path(lambda path, _: find(f"['{table}']{jax.tree_util.keystr(path)}"), from_record(record))


def _size(tree: Any) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def _unwritable(path: Path, error: OSError) -> OSError:
    return OSError(
        error.errno,
        f"fit: expected a checkpoint that can be written, got: {error.strerror}. Name another file",
        str(path),
    )
