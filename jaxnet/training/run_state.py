"""What a run has made so far: the state of its rule, what was measured, the best parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnet.notebook import picture_of
from jaxnet.pytrees import Params, State
from jaxnet.training.histories import Table
from jaxnet.training.plans import Plan


class Run(NamedTuple):
    """What a run of `fit` has made.

    Attributes:
        params: the best parameters by validation, or the last ones if there is no validation data: those to predict
            with, `Rule.evaluation_params`.
        state: of the rule, after the last step.
        history: the metrics of the steps, arrays `(records, ...)`, and "step", which counts from 1. A metric that is a
            pair, a list or a dict is one of arrays.
        validation: the metrics of the validation data, `(evaluations, ...)`, and "step", how many steps had been made;
            empty without validation data.
        steps: how many steps have been made, those before its `start` included: `fit(rule, run, ...)` goes on there.
        stopped: why it ended: "finished", "no improvement", "interrupted", "no more data" or "on_visit"; "running"
            between two chunks.
        skipped: how many steps were not taken, with `on_nonfinite="skip"`.
    """

    params: Params
    state: State
    history: dict[str, Any]
    validation: dict[str, Any]
    steps: int
    stopped: str
    skipped: int = 0

    def __repr__(self) -> str:
        scalars = {name: m for name, m in self.history.items() if name not in ("step", "skipped") and np.ndim(m) == 1}
        metrics = [f"{name} {float(m[-1]):.4g}" for name, m in scalars.items() if isinstance(m, np.ndarray) and len(m)]
        skipped = [f"{self.skipped:,} skipped"] if self.skipped else []
        return f"Run({', '.join([f'{self.steps:,} steps', self.stopped, *skipped, *metrics])})"

    def _repr_png_(self) -> bytes | None:
        return picture_of(self)


class DivergedError(FloatingPointError):
    """A parameter is no longer finite.

    Attributes:
        step: where a metric, or the parameter, was not finite for the first time and from then on, counted from 1.
        metric: its name, or "a parameter".
        value: what it was.
        run: the `Run` up to the end of the last chunk, where all parameters were finite.
    """

    __module__ = "jaxnet"  # the name that users import and that tracebacks print

    def __init__(self, step: int, metric: str, value: float, run: Run) -> None:
        fix = "A smaller step size or optax.clip_by_global_norm may help."
        if step == 1:  # before any step could have gone too far
            fix = "Look at the data: inputs that are not finite, targets or labels out of the range of the loss."
        super().__init__(
            f"fit: {metric} is {value} at step {step:,}. The run up to step {run.steps:,}, where the parameters were "
            f"finite, is in the error's attribute `run`. {fix}"
        )
        self.step, self.metric, self.value, self.run = step, metric, value, run

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.step, self.metric, self.value, self.run), self.__dict__  # with the notes


class RunState(NamedTuple):
    """What a run has made after some chunks, all of which a checkpoint holds.

    Attributes:
        state: of the rule.
        steps: how many steps have been made.
        history: the metrics of the steps.
        validation: the metrics of the validation data.
        best: the parameters that were best by validation, or None.
        best_value: their metric, or its negative where larger is better.
        since_best: how many evaluations ago that was.
        skipped: how many steps were not taken.
        predicting: gives the parameters to predict with, from a state.
    """

    state: State
    steps: int
    history: Table = Table()
    validation: Table = Table()
    best: Params | None = None
    best_value: float = np.inf
    since_best: int = 0
    skipped: int = 0
    predicting: Callable[[State], Params] = lambda state: getattr(state, "params", state)

    def as_run(self, stopped: str) -> Run:
        """Return the run up to here; between two chunks its history cannot be written to."""
        params = self.predicting(self.state) if self.best is None else self.best
        tables = (table.tree() if stopped == "running" else table.copy() for table in (self.history, self.validation))
        history, validation = ({"step": table["step"], **table} if table else {} for table in tables)
        return Run(params, self.state, history, validation, self.steps, stopped, self.skipped)


def with_steps(metrics: dict[str, Any], steps: np.ndarray) -> dict[str, Any]:
    """Return metrics with the numbers of their steps, in a column called "step"."""
    if "step" in metrics:
        raise ValueError("fit: a metric is called 'step', as the numbers of the steps are. Rename it.")
    return {"step": steps, **metrics}


@jax.jit
def _finite(params: Params) -> Array:
    floating = [p for p in jax.tree.leaves(params) if jnp.issubdtype(p.dtype, jnp.inexact)]
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(p)) for p in floating], bool))


def check_finite(last: RunState, state: State, records: dict[str, Any], steps: int) -> None:
    """Check that the parameters after a chunk are finite.

    A metric that is not, beside parameters that are, does no harm: such is the loss of a batch that is masked whole,
    or of a step that the optimiser leaves out.

    Args:
        last: what the run had before.
        state: of the rule, after the chunk.
        records: the metrics of the chunk, with the numbers of their steps. Without a scalar among them, as for an
            ensemble, whose members may diverge, nothing is checked.
        steps: how many steps have been made.

    Raises:
        DivergedError: if they are not; it names the metric that went astray first.
        ValueError: if they were not before.
    """
    scalars = _scalars(records)
    if not scalars or _finite(getattr(state, "params", ())):
        return
    if not _finite(getattr(last.state, "params", ())):
        raise ValueError(f"fit: expected finite parameters to begin with, got infinity or NaN at step {last.steps:,}.")
    astray = {}
    for name, values in scalars.items():
        finite = np.flatnonzero(np.isfinite(values))
        if (first := finite[-1] + 1 if len(finite) else 0) < len(values):
            astray[name] = first
    if not astray:
        raise DivergedError(steps, "a parameter", float("nan"), last.as_run("diverged"))
    name = min(astray, key=lambda name: astray[name])
    at = astray[name]
    raise DivergedError(int(records["step"][at]), name, float(np.real(scalars[name][at])), last.as_run("diverged"))


def _scalars(records: dict[str, Any]) -> dict[str, np.ndarray]:
    arrays = {name: m for name, m in records.items() if isinstance(m, np.ndarray)}
    return {name: m for name, m in arrays.items() if m.ndim == 1 and jnp.issubdtype(m.dtype, jnp.inexact)}


def evaluated(run_state: RunState, measure: Callable[[State], dict[str, Any]], plan: Plan) -> RunState:
    """Return what a run has after one more evaluation of its validation data.

    Raises:
        ValueError: if `monitor` is no scalar of the validation metrics.
    """
    metrics = jax.tree.map(np.asarray, measure(run_state.state))
    value = monitored(metrics, plan)
    row = jax.tree.map(lambda m: m[None], metrics)
    run_state = run_state._replace(
        validation=run_state.validation.extended(with_steps(row, np.array([run_state.steps]))),
        since_best=run_state.since_best + 1,
    )
    if run_state.best is None or value < run_state.best_value:
        run_state = run_state._replace(best=run_state.predicting(run_state.state), best_value=value, since_best=0)
    return run_state


def monitored(metrics: dict[str, Any], plan: Plan) -> float:
    """Return the metric that says which parameters are the best, as a number that is to fall; NaN counts as infinite.

    Raises:
        ValueError: if it is no scalar of the metrics.
    """
    scalars = [name for name, m in metrics.items() if isinstance(m, np.ndarray) and m.shape == ()]
    if plan.monitor not in scalars:
        shape = getattr(metrics.get(plan.monitor), "shape", None)
        advice = f" of shape {shape}. Pass validate=..., which returns its mean" if shape else ""
        raise ValueError(
            f"fit: expected monitor to be a scalar of the validation metrics, {scalars}, got {plan.monitor!r}{advice}."
        )
    return float(_to_fall(metrics[plan.monitor], plan))


def _to_fall(values: np.ndarray, plan: Plan) -> np.ndarray:
    values = np.asarray(values, float) if plan.mode == "min" else -np.asarray(values, float)
    return np.where(np.isnan(values), np.inf, values)


def with_best(run_state: RunState, plan: Plan) -> RunState:
    """Return what a run has on file, with what follows from it: how good the best parameters are, and how old."""
    if not run_state.validation.rows:
        return run_state
    values = _to_fall(run_state.validation.tree()[plan.monitor], plan)
    return run_state._replace(best_value=float(values.min()), since_best=len(values) - 1 - int(np.argmin(values)))
