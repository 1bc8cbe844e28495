"""The driver of training runs: progress, validation, early stopping and checkpoints between compiled chunks of a run.

All that changes numbers is in `jaxnet.training`; here it is only looked at, kept and written down.
"""

import ast
import contextlib
import functools
import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnet.checkpoints import CheckpointError, load, read_header, save
from jaxnet.rules import Rule
from jaxnet.training import n_examples, n_steps, run, whole
from jaxnet.validation import ShapeError


class Run(NamedTuple):
    """What a run of `fit` has made.

    Attributes:
        params: the best parameters by validation, or the last ones if there is no validation data.
        state: of the rule, after the last step: `fit(rule, run.state, ...)` goes on from it.
        history: the metrics of the steps, arrays `(records, ...)`, and "step", which counts from 1.
        validation: those of the validation data, `(visits,)`, and "step", how many steps had been made; empty without.
        steps: how many steps have been made.
        stopped: why it ended: "finished", "no improvement", "interrupted" or "no more data".
    """

    params: Any
    state: Any
    history: dict[str, np.ndarray]
    validation: dict[str, np.ndarray]
    steps: int
    stopped: str


class DivergedError(FloatingPointError):
    """A metric or a parameter is no longer finite.

    Attributes:
        step: the first step of which that was recorded, counted from 1.
        metric: its name, or "params".
        run: the `Run` up to the last visit, where all was finite.
    """

    def __init__(self, step: int, metric: str, value: float, run: Run) -> None:
        super().__init__(
            f"fit: {metric} is {value} at step {step:,}. The run up to step {run.steps:,}, where all was finite, is in "
            "the error's attribute `run`. A smaller step size or optax.clip_by_global_norm may help."
        )
        self.step, self.metric, self.run = step, metric, run


def fit(
    rule: Rule,
    params: Any,
    data: Any,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    key: Array,
    every: int | None = None,
    record_every: int = 1,
    validation: Any = None,
    validate: Callable[[Any, Any], Any] | None = None,
    monitor: str = "loss",
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Run:
    """Train, with a visit every so many steps: progress bar, validation, early stopping, best parameters, checkpoint.

    The steps are those of `train`, whatever the visits: what step k does depends on the key and on k alone. Killed at
    any moment and called again with the same arguments and its checkpoint, a run gives bit for bit what it would have
    given; finished, it is not run again. SIGINT (Ctrl-C) ends it after the present chunk, saved; a second one at once.

    Args:
        rule: what one step does; keep it and use it again, since a new one is compiled anew.
        params: where to begin: parameters, or the state of a rule (which has `params`), to go on from.
        data: a pytree of arrays with examples along the first axis; or, where it is larger than memory, an iterator of
            batches, all of the same shapes, read one ahead of the computation; or a function that gives such an
            iterator from the number of batches to leave out (of an iterator they are read and dropped).
        steps: how many in all, those of the checkpoint included; or `epochs`; with an iterator neither, to use it up.
        epochs: how many times each example is seen; the last batch is filled up from the epoch after.
        batch_size: examples a step; all of them if None.
        key: from `jax.random.key`.
        every: steps between visits, a multiple of `record_every`; if None an epoch, or a hundredth of the run if that
            is longer or all examples are one batch; 100 with an iterator.
        record_every: metrics are kept of each k-th step.
        validation: data of the same kind as a batch, measured at each visit.
        validate: `validate(params, validation)`, a scalar or a dict of scalars, pure; the metrics of the rule if None.
        monitor: the validation metric, smaller is better, by which parameters are the best.
        patience: visits without a better one after which the run ends; None to go on.
        checkpoint: a file, written at each visit, where the run goes on if it is there; see `jaxnet.save`.
        progress: whether to show a bar, on a terminal.

    Returns:
        A `Run`.

    Raises:
        DivergedError: if a scalar metric or a parameter is not finite (members of an ensemble may diverge).
        CheckpointError: if the checkpoint is damaged or is of another run.
        ShapeError: if arrays of the data, or batches, differ in shape.
        TypeError: if arguments are missing or exclude one another.
        ValueError: if a number is out of range, or there is no metric of the name `monitor`.

    >>> import jaxnet, optax
    >>> rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
    >>> data = jnp.array([1.0, 2.0, 3.0])
    >>> fitted = fit(rule, jnp.array(0.0), data, steps=100, key=jax.random.key(0), validation=jnp.array([2.0]))
    >>> fitted.params.round(3), fitted.history["loss"].shape, fitted.validation["step"][-1], fitted.stopped
    (Array(2., dtype=float32), (100,), np.int64(100), 'finished')
    """
    record_every = whole("fit", "record_every", record_every, 1)
    patience = patience if patience is None else whole("fit", "patience", patience, 1)
    if validation is None and (validate is not None or patience is not None):
        raise TypeError("fit: expected validation data for validate and patience, got none. Pass validation=...")
    stream = callable(data) or isinstance(data, Iterator)
    if stream:
        if epochs is not None or batch_size is not None:
            raise TypeError("fit: an iterator has batches of its own: expected no epochs and no batch_size.")
        n, total = None, steps if steps is None else whole("fit", "steps", steps)
    else:
        n = n_examples("fit", data)
        batch_size = batch_size if batch_size is None else whole("fit", "batch_size", batch_size, 1, n)
        total = n_steps("fit", steps, epochs, n, batch_size)
        data = jax.tree.map(jnp.asarray, data)
    every = _every(every, record_every, total, n, batch_size)
    if total is not None and total % record_every:
        raise ValueError(f"fit: expected steps to be a multiple of record_every, {record_every}, got {total} steps.")
    if validation is not None:
        measure = _measurement(rule, validate, jax.tree.map(jnp.asarray, validation), key)
    else:
        measure = None

    settings = {"examples": n, "batch_size": batch_size, "record_every": record_every}
    visit = Visit(_state(rule, params), [], [], None, 0)
    if checkpoint is not None and Path(checkpoint).exists():
        visit = _resumed(checkpoint, visit.state, measure is not None, key, settings)
        if total is not None and visit.steps > total:
            raise ValueError(f"fit: {checkpoint} has made {visit.steps} steps, more than the {total} asked for.")

    with contextlib.ExitStack() as stack:
        if stream:
            batches = stack.enter_context(_one_ahead(data, visit.steps))
            advance = functools.partial(_batch_by_batch, rule, batches, key, record_every)
        else:
            advance = functools.partial(_chunk, rule, data, batch_size, key, record_every, every)
        interrupted = stack.enter_context(_interrupts())
        bar = stack.enter_context(_bar(total, visit.steps, progress))
        more = True
        while (stopped := _why_stop(visit, total, more, interrupted(), monitor, patience)) is None:
            # Visits are at multiples of `every`, wherever the run began.
            count = every - visit.steps % every
            count = count if total is None else min(count, total - visit.steps)
            state, records, made = advance(visit.state, visit.steps, count)
            more = made == count
            visit = _visited(visit, state, records, made, measure, monitor)
            if checkpoint is not None:
                _save(checkpoint, visit, key, settings)
            bar.update(made)
            bar.set_postfix(_latest(visit), refresh=False)
    return visit.as_run(stopped)


class Visit(NamedTuple):
    """What a run has at a visit, all of which a checkpoint holds.

    Attributes:
        state: of the rule.
        records: metrics, one dict a visit, arrays `(records, ...)`.
        measured: metrics of the validation data, one dict a visit, arrays `(1,)`.
        best: the parameters that were best by validation, or None.
        steps: how many steps have been made.
    """

    state: Any
    records: list[dict[str, np.ndarray]]
    measured: list[dict[str, np.ndarray]]
    best: Any
    steps: int

    def as_run(self, stopped: str) -> Run:
        """The run up to here."""
        params = getattr(self.state, "params", self.state) if self.best is None else self.best
        return Run(params, self.state, _joined(self.records), _joined(self.measured), self.steps, stopped)


def _why_stop(
    visit: Visit, total: int | None, more: bool, interrupted: bool, monitor: str, patience: int | None
) -> str | None:
    if visit.steps == total:
        return "finished"
    if not more:
        return "no more data"
    if interrupted:
        return "interrupted"
    return "no improvement" if patience is not None and _since_best(visit, monitor) >= patience else None


def _joined(records: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([r[name] for r in records]) for name in records[0]} if records else {}


def _state(rule: Rule, params: Any) -> Any:
    return params if hasattr(params, "params") else _initialised(rule, params)


@functools.partial(jax.jit, static_argnums=0)
def _initialised(rule: Rule, params: Any) -> Any:
    """In one program: leaf by leaf, an optimiser takes longer to begin than to make its first step."""
    return rule.init(params)


def _every(every: int | None, record_every: int, total: int | None, n: int | None, batch_size: int | None) -> int:
    if every is None:
        epoch = 1 if n is None or batch_size is None else -(-n // batch_size)
        every = 100 if n is None or total is None else max(epoch, -(-total // 100), 1)
        every = -(-every // record_every) * record_every
    every = whole("fit", "every", every, 1)
    if every % record_every:
        raise ValueError(f"fit: expected every to be a multiple of record_every, {record_every}, got {every}.")
    return every


# Steps: from a state and the number of the first step to a state, metrics with their steps, and how many were made.


def _chunk(
    rule: Rule, data: Any, batch_size: int | None, key: Array, record_every: int, every: int,
    state: Any, step: int, count: int,
) -> tuple[Any, dict[str, np.ndarray], int]:  # fmt: skip
    state, metrics = run(
        rule, state, data, step, jax.random.clone(key), count,
        most=every, batch_size=batch_size, record_every=record_every,
    )  # fmt: skip
    n_records = count // record_every
    steps = step + record_every * np.arange(1, n_records + 1)
    return state, _with_steps({name: np.asarray(m)[:n_records] for name, m in metrics.items()}, steps), count


def _batch_by_batch(
    rule: Rule, batches: Iterator[Any], key: Array, record_every: int, state: Any, step: int, count: int
) -> tuple[Any, dict[str, np.ndarray], int]:
    metrics, steps, made = [], [], 0
    for made, batch in enumerate(itertools.islice(batches, count), start=1):  # noqa: B007
        state, now = run(
            rule, state, batch, step, jax.random.clone(key), None,
            most=1, batch_size=None, record_every=1,
        )  # fmt: skip
        step += 1
        if step % record_every == 0:
            metrics.append(now)
            steps.append(step)
    joined = {name: np.concatenate([m[name] for m in metrics]) for name in metrics[0]} if metrics else {}
    return state, _with_steps(joined, np.array(steps, int)) if metrics else {}, made


def _with_steps(metrics: dict[str, np.ndarray], steps: np.ndarray) -> dict[str, np.ndarray]:
    if "step" in metrics:
        raise ValueError("fit: a metric is called 'step', as the numbers of the steps are. Rename it.")
    return {"step": steps, **metrics}


@contextlib.contextmanager
def _one_ahead(data: Any, first: int) -> Iterator[Iterator[Any]]:
    """The batches from number `first` on, the next one being read and put on the device while one is worked on."""
    batches: Iterator[Any] = iter(data(first)) if callable(data) else itertools.islice(data, first, None)

    def read() -> Any:
        for batch in batches:
            return jax.tree.map(jnp.asarray, batch)
        return None

    def ahead(pool: ThreadPoolExecutor) -> Iterator[Any]:
        shapes, coming = None, pool.submit(read)
        for number in itertools.count(first):
            batch = coming.result()
            if batch is None:
                return
            coming = pool.submit(read)
            found = jax.tree.map(lambda a: (a.shape, a.dtype.name), batch)
            if shapes is not None and found != shapes:
                raise ShapeError(
                    f"fit: expected batches of the same shapes, {shapes}, got {found} for batch {number} (the first is "
                    "0). Leave out a last batch that is smaller, or fill it up."
                )
            shapes = found
            yield batch

    pool = ThreadPoolExecutor(1, "jaxnet-batches")
    try:
        yield ahead(pool)
    finally:
        # Not waited for: an iterator may take as long as it likes for a batch that nobody wants.
        pool.shutdown(wait=False, cancel_futures=True)


# What is looked at between the chunks.


def _measurement(rule: Rule, validate: Callable | None, validation: Any, key: Array) -> Callable[[Any], dict]:
    """A function of the state that measures the validation data."""

    def measure(state: Any) -> dict[str, Any]:
        if validate is None:
            return _metrics(rule, state, validation, jax.random.clone(key))
        found = _called(validate, state.params, validation)
        return found if isinstance(found, dict) else {"loss": found}

    return measure


@functools.partial(jax.jit, static_argnums=0)
def _metrics(rule: Rule, state: Any, batch: Any, key: Array) -> dict[str, Array]:
    """Metrics are measured before the step, which is left out here: nothing uses it, so it is not compiled."""
    return rule.update(state, batch, key)[1]


@functools.partial(jax.jit, static_argnums=0)
def _called(function: Callable, params: Any, data: Any) -> Any:
    return function(params, data)


@jax.jit
def _finite(params: Any) -> Array:
    floating = [p for p in jax.tree.leaves(params) if jnp.issubdtype(p.dtype, jnp.inexact)]
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(p)) for p in floating], bool))


def _visited(
    last: Visit, state: Any, records: dict[str, np.ndarray], made: int, measure: Callable | None, monitor: str
) -> Visit:
    """The visit after more steps, if all is finite there."""
    scalars = {name: m for name, m in records.items() if m.ndim == 1 and jnp.issubdtype(m.dtype, jnp.inexact)}
    for name, values in scalars.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            step = int(records["step"][bad[0]])
            raise DivergedError(step, name, float(values[bad[0]]), last.as_run("diverged"))
    steps = last.steps + made
    if scalars and not _finite(getattr(state, "params", ())):
        raise DivergedError(steps, "a parameter", float("nan"), last.as_run("diverged"))
    visit = Visit(state, last.records + [records] * bool(records), last.measured, last.best, steps)
    if measure is None or made == 0:
        return visit

    found = {name: np.asarray(m) for name, m in measure(state).items()}
    if monitor not in found or found[monitor].shape != ():
        scalar = [name for name, m in found.items() if m.shape == ()]
        raise ValueError(f"fit: expected monitor to be a scalar of the validation metrics, {scalar}, got {monitor!r}.")
    measured = [*last.measured, _with_steps({name: m[None] for name, m in found.items()}, np.array([steps]))]
    visit = visit._replace(measured=measured)
    return visit._replace(best=state.params) if _since_best(visit, monitor) == 0 else visit


def _since_best(visit: Visit, monitor: str) -> int:
    """How many visits ago the validation metric was the smallest; NaN never is, unless there is nothing else."""
    if not visit.measured:
        return 0
    values = np.concatenate([m[monitor] for m in visit.measured]).astype(float)
    return len(values) - 1 - int(np.argmin(np.where(np.isnan(values), np.inf, values)))


def _latest(visit: Visit) -> dict[str, str]:
    """The loss, as the progress bar shows it."""
    found = {"loss": visit.records, "validation": visit.measured}
    losses = {name: r[-1]["loss"][-1] for name, r in found.items() if r and "loss" in r[-1]}
    return {name: f"{np.mean(loss):.4g}" for name, loss in losses.items()}


def _bar(total: int | None, made: int, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=made, unit=" steps", unit_scale=True, disable=None if progress else True)


@contextlib.contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT has come, which is remembered instead of raised; a second one is raised."""
    came = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield came.is_set  # Python gives signals to the main thread only, and None means that somebody else has them.
        return

    def remember(number: int, frame: Any) -> None:
        came.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, remember)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)


# Checkpoints: a visit as a tree of arrays.


def _save(checkpoint: str | os.PathLike[str], visit: Visit, key: Array, settings: dict[str, int | None]) -> None:
    tree = {
        "state": visit.state,
        "best": visit.best,
        "key": key,
        "history": _joined(visit.records),
        "validation": _joined(visit.measured),
    }
    save(checkpoint, tree, {"steps": visit.steps, **settings})


def _resumed(
    checkpoint: str | os.PathLike[str], state: Any, validated: bool, key: Array, settings: dict[str, int | None]
) -> Visit:
    header = read_header(checkpoint)
    saved = header["metadata"]
    if set(saved) != {"steps", *settings}:
        raise CheckpointError(f"{checkpoint}: expected a checkpoint of jaxnet.fit, got another of jaxnet.save.")
    for name, value in settings.items():
        if saved[name] != value:
            raise CheckpointError(
                f"{checkpoint}: expected a run with {name} {value}, got one with {saved[name]}. "
                "Call fit as that run was called, or choose another file."
            )
    tables = {"history": {}, "validation": {}}
    for path, leaf in header["leaves"].items():
        for table, columns in tables.items():
            if path.startswith(f"['{table}']"):
                name = ast.literal_eval(path[len(f"['{table}'][") : -1])
                columns[name] = np.empty(leaf["shape"], jnp.dtype(leaf["dtype"]))
    best = state.params if validated and tables["validation"] else None
    found = load(checkpoint, {"state": state, "best": best, "key": key, **tables})
    if not np.array_equal(jax.random.key_data(found["key"]), jax.random.key_data(key)):
        raise CheckpointError(f"{checkpoint}: expected a run with this key, got one with another. Choose another file.")
    records, measured = ([found[table]] if found[table] else [] for table in tables)
    return Visit(found["state"], records, measured, found["best"], saved["steps"])
