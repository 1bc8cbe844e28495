"""What a run has made so far: in memory after each chunk, and in a checkpoint."""

import ast
import os
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnet.notebook import picture_of
from jaxnet.pytrees import Key, Params, State
from jaxnet.training.checkpoints import CheckpointError, load_header, load_tree, save


class Run(NamedTuple):
    """What a run of `fit` has made.

    Attributes:
        params: the best parameters by validation, or the last ones if there is no validation data: those to predict
            with, `Rule.evaluation_params`.
        state: of the rule, after the last step: `fit(rule, run.state, ...)` goes on from it.
        history: the metrics of the steps, arrays `(records, ...)`, and "step", which counts from 1.
        validation: the metrics of the validation data, `(evaluations,)`, and "step", how many steps had been made;
            empty without validation data.
        steps: how many steps have been made.
        stopped: why it ended: "finished", "no improvement", "interrupted" or "no more data".
    """

    params: Params
    state: State
    history: dict[str, np.ndarray]
    validation: dict[str, np.ndarray]
    steps: int
    stopped: str

    def __repr__(self) -> str:
        last = {name: float(m[-1]) for name, m in self.history.items() if m.ndim == 1 and len(m) and name != "step"}
        metrics = "".join(f", {name} {value:.4g}" for name, value in last.items())
        return f"Run({self.steps:,} steps, {self.stopped}{metrics})"

    def _repr_png_(self) -> bytes | None:
        return picture_of(self)


class DivergedError(FloatingPointError):
    """A metric or a parameter is no longer finite.

    Attributes:
        step: the first step where that was recorded, counted from 1.
        metric: its name, or "a parameter".
        run: the `Run` up to the end of the last chunk, where all was finite.
    """

    __module__ = "jaxnet"  # the name that users import and that tracebacks print

    def __init__(self, step: int, metric: str, value: float, run: Run) -> None:
        super().__init__(
            f"fit: {metric} is {value} at step {step:,}. The run up to step {run.steps:,}, where all was finite, is in "
            "the error's attribute `run`. A smaller step size or optax.clip_by_global_norm may help."
        )
        self.step, self.metric, self.run = step, metric, run


class RunState(NamedTuple):
    """What a run has made after some chunks, all of which a checkpoint holds.

    Attributes:
        state: of the rule.
        records: metrics, one dict per chunk, arrays `(records, ...)`.
        measured: metrics of the validation data, one dict per evaluation, arrays `(1,)`.
        best: the parameters that were best by validation, or None.
        steps: how many steps have been made.
        predicting: gives the parameters to predict with, from a state.
    """

    state: State
    records: list[dict[str, np.ndarray]]
    measured: list[dict[str, np.ndarray]]
    best: Params | None
    steps: int
    predicting: Callable[[State], Params] = lambda state: getattr(state, "params", state)

    def as_run(self, stopped: str) -> Run:
        """Return the run up to here."""
        params = self.predicting(self.state) if self.best is None else self.best
        return Run(params, self.state, _joined(self.records), _joined(self.measured), self.steps, stopped)


def _joined(records: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([r[name] for r in records]) for name in records[0]} if records else {}


def with_steps(metrics: dict[str, np.ndarray], steps: np.ndarray) -> dict[str, np.ndarray]:
    """Return metrics with the numbers of their steps, in a column called "step"."""
    if "step" in metrics:
        raise ValueError("fit: a metric is called 'step', as the numbers of the steps are. Rename it.")
    return {"step": steps, **metrics}


@jax.jit
def _finite(params: Params) -> Array:
    floating = [p for p in jax.tree.leaves(params) if jnp.issubdtype(p.dtype, jnp.inexact)]
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(p)) for p in floating], bool))


def after_chunk(
    last: RunState, state: State, records: dict[str, np.ndarray], made: int, measure: Callable | None, monitor: str
) -> RunState:
    """Return what a run has after one more chunk, evaluated.

    Args:
        last: what it had before.
        state: of the rule, after the chunk.
        records: the metrics of the chunk, with the numbers of their steps.
        made: how many steps the chunk has made.
        measure: a function of the state that measures the validation data, or None.
        monitor: the validation metric by which parameters are the best.

    Raises:
        DivergedError: if a metric or a parameter is not finite.
        ValueError: if `monitor` is no scalar of the validation metrics.
    """
    scalars = {name: m for name, m in records.items() if m.ndim == 1 and jnp.issubdtype(m.dtype, jnp.inexact)}
    for name, values in scalars.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            step = int(records["step"][bad[0]])
            raise DivergedError(step, name, float(values[bad[0]]), last.as_run("diverged"))
    steps = last.steps + made
    if scalars and not _finite(getattr(state, "params", ())):
        raise DivergedError(steps, "a parameter", float("nan"), last.as_run("diverged"))
    run_state = last._replace(state=state, records=last.records + [records] * bool(records), steps=steps)
    if measure is None or made == 0:
        return run_state

    found = {name: np.asarray(m) for name, m in measure(state).items()}
    if monitor not in found or found[monitor].shape != ():
        scalar = [name for name, m in found.items() if m.shape == ()]
        raise ValueError(f"fit: expected monitor to be a scalar of the validation metrics, {scalar}, got {monitor!r}.")
    measured = [*last.measured, with_steps({name: m[None] for name, m in found.items()}, np.array([steps]))]
    run_state = run_state._replace(measured=measured)
    return run_state._replace(best=last.predicting(state)) if since_best(run_state, monitor) == 0 else run_state


def since_best(run_state: RunState, monitor: str) -> int:
    """Return how many evaluations ago the validation metric was the smallest; NaN counts as infinite."""
    if not run_state.measured:
        return 0
    values = np.concatenate([m[monitor] for m in run_state.measured]).astype(float)
    return len(values) - 1 - int(np.argmin(np.where(np.isnan(values), np.inf, values)))


def save_run_state(
    checkpoint: str | os.PathLike[str], run_state: RunState, key: Key, settings: dict[str, int | None]
) -> None:
    """Save what a run has in a file, with the key and the settings that a run needs to go on from it."""
    tree = {
        "state": run_state.state,
        "best": run_state.best,
        "key": key,
        "history": _joined(run_state.records),
        "validation": _joined(run_state.measured),
    }
    save(checkpoint, tree, {"steps": run_state.steps, **settings})


def load_run_state(
    checkpoint: str | os.PathLike[str], start: RunState, validated: bool, key: Key, settings: dict[str, int | None]
) -> RunState:
    """Return what a run has in a file.

    Args:
        checkpoint: the file.
        start: what the run would begin with; its state has the shapes and devices that the one in the file is to have.
        validated: whether the run has validation data.
        key: of the run.
        settings: those that the run in the file must have too.

    Raises:
        CheckpointError: if the file is damaged, or of a run with another state, key or settings.
    """
    header = load_header("fit", checkpoint)
    saved = header["metadata"]
    if set(saved) != {"steps", *settings}:
        raise CheckpointError(f"fit: {checkpoint}: expected a checkpoint of jaxnet.fit, got another of jaxnet.save.")
    for name, value in settings.items():
        if saved[name] != value:
            raise CheckpointError(
                f"fit: {checkpoint}: expected a run with {name} {value}, got one with {saved[name]}. "
                "Call fit as that run was called, or choose another file."
            )
    tables = {"history": {}, "validation": {}}
    for path, leaf in header["leaves"].items():
        for table, columns in tables.items():
            if path.startswith(f"['{table}']"):
                name = ast.literal_eval(path[len(f"['{table}'][") : -1])
                columns[name] = np.empty(leaf["shape"], jnp.dtype(leaf["dtype"]))
    best = start.predicting(start.state) if validated and tables["validation"] else None
    found = load_tree("fit", checkpoint, {"state": start.state, "best": best, "key": key, **tables})
    if not np.array_equal(jax.random.key_data(found["key"]), jax.random.key_data(key)):
        raise CheckpointError(
            f"fit: {checkpoint}: expected a run with this key, got one with another. Choose another file."
        )
    records, measured = ([found[table]] if found[table] else [] for table in tables)
    return RunState(found["state"], records, measured, found["best"], saved["steps"], start.predicting)
