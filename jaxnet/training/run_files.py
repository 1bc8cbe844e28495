"""The checkpoint of a run: one file, and beside it, while a long run goes on, a second one that history is appended to.

Each visit saves the state. The history goes with it as long as it is shorter than the state; what is longer is appended
to the file of the history, where it stays, so that a visit costs the same however long the run is. A run that ends
takes its history back into the one file.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.devices.processes import all_gather, is_first
from jaxnet.pytrees import Key
from jaxnet.training.checkpoints import CheckpointError, load_header, load_tree, save
from jaxnet.training.histories import Appended, Table, append, as_record, blocks, from_record, is_appended
from jaxnet.training.plans import Plan
from jaxnet.training.run_state import RunState, with_best

_TABLES: tuple[str, ...] = ("history", "validation")
_AS_THAT_RUN = "Call fit as that run was called, or choose another file."
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
        if self._history.exists() and not is_appended(self._history):
            raise FileExistsError(
                errno.EEXIST,
                "fit: expected room for the history of the run, got a file that fit has not written. Name another "
                "checkpoint, or move that file",
                str(self._history),
            )

    def save(self, run_state: RunState) -> None:
        """Save what a run has, whole whenever the process is killed.

        Raises:
            OSError: if that cannot be written; the file has the run up to the chunk before.
        """
        with self._failure_said(run_state):
            tails = self._tails(run_state)
            if _size(tails) > max(_SHORT, _size((run_state.state, run_state.best))):
                if not self._several or is_first():
                    named = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tails)}
                    self._appended = append(self._history, self._appended, named)
                self._rows = {name: getattr(run_state, name).rows for name in _TABLES}
            self._save(run_state)

    def finish(self, run_state: RunState) -> None:
        """Take the history back into the one file, at the end of a run.

        Raises:
            OSError: if that cannot be written; the two files have the run.
        """
        with self._failure_said(run_state):
            if any(self._rows.values()):
                self._appended, self._rows = Appended(), dict.fromkeys(_TABLES, 0)
                self._save(run_state)
            if (not self._several or is_first()) and self.path.exists() and is_appended(self._history):
                self._history.unlink()

    @contextlib.contextmanager
    def _failure_said(self, run_state: RunState) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(
                error.errno,
                f"fit: expected to write the checkpoint after step {run_state.steps:,}, got: {_reason(error)}. What "
                "was saved before is whole: make room, and call fit again, to go on from there",
                str(self.path),
            ) from error

    def _tails(self, run_state: RunState) -> dict[str, Any]:
        """Return the rows of the tables that are not in the file of the history."""
        return {name: getattr(run_state, name).tree(self._rows[name]) for name in _TABLES}

    def _save(self, run_state: RunState) -> None:
        metadata = {
            "steps": run_state.steps,
            "skipped": run_state.skipped,
            "tables": {name: as_record(getattr(run_state, name).tree()) for name in _TABLES},
            "appended": list(self._appended),
            "monitor": self._plan.monitor,
            "mode": self._plan.mode,
            **self._plan.saved,
        }
        tree = {"state": run_state.state, "best": run_state.best, "key": self._key, **self._tails(run_state)}
        save(self.path, tree, metadata)
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
        self._check_settings(saved, leaves, validated)

        def empty(name: str) -> np.ndarray:
            return np.empty(leaves[name]["shape"], jnp.dtype(leaves[name]["dtype"]))

        tails = {name: _arranged(name, record, empty) for name, record in saved["tables"].items()}
        counted = self._plan.on_nonfinite == "skip"
        best = start.predicting(start.state) if validated and tails["validation"] else None
        like = {"state": start.state, "best": best, "key": self._key, **tails}
        found = load_tree("fit", self.path, like, named="this run", advice=_AS_THAT_RUN)
        if not np.array_equal(jax.random.key_data(found["key"]), jax.random.key_data(self._key)):
            raise CheckpointError(
                f"fit: {self.path}: expected a run with this key, got one with another. Choose another file."
            )

        self._appended, tables = Appended(*saved["appended"]), dict.fromkeys(_TABLES, Table())
        for block in self._blocks():
            for name, record in saved["tables"].items():
                tables[name] = tables[name].extended(_counted(_arranged(name, record, block.get), name, counted))
        self._rows = {name: table.rows for name, table in tables.items()}
        tables = {name: table.extended(_counted(found[name], name, counted)) for name, table in tables.items()}
        made = start._replace(state=found["state"], steps=saved["steps"], best=found["best"], skipped=saved["skipped"])
        return with_best(made._replace(**tables), self._plan)

    def _check_settings(self, saved: dict[str, Any], leaves: dict[str, Any], validated: bool) -> None:
        """Check that the file is of a run that was called as this one."""
        if set(saved) != {"steps", "skipped", "tables", "appended", "monitor", "mode", *self._plan.saved}:
            found, advice = "another of jaxnet.save", "Choose another file."
            if "steps" in saved and "['key']" in leaves:
                found = "one of another version"
                advice = (
                    "Finish the run with that version, or load its parameters alone, as by jaxnet.load(..., part=...)."
                )
            raise CheckpointError(f"fit: {self.path}: expected a checkpoint of jaxnet.fit, got {found}. {advice}")
        settings: dict[str, Any] = self._plan.saved
        if saved["tables"]["validation"] != as_record({}):  # by which parameters were found to be the best
            if not validated:
                raise CheckpointError(
                    f"fit: {self.path}: expected a run without validation data, got one with some. {_AS_THAT_RUN}"
                )
            settings = {**settings, "monitor": self._plan.monitor, "mode": self._plan.mode}
        for name, value in settings.items():
            if saved[name] != value:
                raise CheckpointError(
                    f"fit: {self.path}: expected a run with {name} {value}, got one with {saved[name]}. {_AS_THAT_RUN}"
                )

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


def _arranged(table: str, record: Any, find: Callable[[str], np.ndarray | None]) -> Any:
    """Return the arrays of a table in the structure that it had; `find` takes their paths in the checkpoint."""
    return jax.tree.map_with_path(lambda path, _: find(f"['{table}']{jax.tree_util.keystr(path)}"), from_record(record))


def _counted(rows: dict[str, Any], table: str, counted: bool) -> dict[str, Any]:
    """Return the rows of a table with numbers of skipped steps, or without, where a run goes on with another choice."""
    if table != "history" or not rows:
        return rows
    skipped, rows = rows.get("skipped"), {name: column for name, column in rows.items() if name != "skipped"}
    if not counted:
        return rows
    return {**rows, "skipped": np.zeros(len(rows["step"]), np.int32) if skipped is None else skipped}


def _size(tree: Any) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def _unwritable(path: Path, error: OSError) -> OSError:
    return OSError(
        error.errno,
        f"fit: expected a checkpoint that can be written, got: {_reason(error)}. Name another file",
        str(path),
    )


def _reason(error: OSError) -> str:
    return f"{error.strerror}, {error.filename!r}" if error.filename else f"{error.strerror}"
