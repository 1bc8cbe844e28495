"""The driver of training runs: progress, validation, early stopping and checkpoints between compiled chunks of a run.

All that changes numbers is in `jaxnet.training.loop`; here it is only looked at, kept and written down.
"""

import contextlib
import functools
import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, PartitionSpec

from jaxnet.devices.processes import all_gather, check_same_arguments, is_first, lost_processes_reported
from jaxnet.devices.sharding import (
    automatic,
    mesh_sharding,
    over_processes,
    place,
    put_examples,
    put_on_devices,
    replicated,
    shardings,
    split_examples,
)
from jaxnet.learning.rules import Rule
from jaxnet.progress import progress_bar
from jaxnet.training.batches import prefetched
from jaxnet.training.checkpoints import CheckpointError
from jaxnet.training.loop import n_examples, n_steps, run, whole_number
from jaxnet.training.run_state import Run, RunState, next_visit, resumed, save_visit, since_best, with_steps


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
    mesh: Mesh | None = None,
    specs: Mapping[str, PartitionSpec] | None = None,
) -> Run:
    """Train, with a visit every so many steps: progress bar, validation, early stopping, best parameters, checkpoint.

    The steps are those of `train`, whatever the visits: what step k does depends on the key and on k alone. Killed at
    any moment and called again with the same arguments and its checkpoint, a run gives bit for bit what it would have
    given; finished, it is not run again. SIGINT (Ctrl-C) ends it after the present chunk, saved; a second one at once.

    On a mesh the devices share each batch, and the steps are the same up to the rounding of sums, on any number of
    devices and processes: see `docs/scaling.md`. With several processes each calls it, with the same arguments.

    Args:
        rule: what one step does; keep it and use it again, since a new one is compiled anew.
        params: where to begin: parameters, or the state of a rule (which has `params`), to go on from.
        data: a pytree of arrays with examples along the first axis; or, where it is larger than memory, an iterator of
            batches, all of the same shapes, read one ahead of the computation; or a function that gives such an
            iterator from the number of batches to leave out (of an iterator they are read and dropped). A last batch
            may have fewer examples.
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
        progress: whether to show a bar, on a terminal or in a notebook.
        mesh: of the devices that share the run, from `jax.make_mesh`; examples are split over its axis "data". Arrays
            of data are copied to each device, unless they are spread over the mesh already, as by `from_parts`; of an
            iterator's batches each process reads its own part.
        specs: how to split parameters over the mesh, by path: see `place`. The rest is copied to each device.

    Returns:
        A `Run`.

    Raises:
        DivergedError: if a scalar metric or a parameter is not finite (members of an ensemble may diverge).
        CheckpointError: if the checkpoint is damaged or is of another run, or not all processes see the same.
        ProcessLostError: if another process of the run is gone.
        ShapeError: if arrays of the data, or batches, differ in shape, or a spec does not fit.
        TypeError: if arguments are missing or exclude one another.
        ValueError: if a number is out of range, there is no metric of the name `monitor`, or processes disagree.

    >>> import jaxnet, optax
    >>> rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
    >>> data = jnp.array([1.0, 2.0, 3.0])
    >>> fitted = fit(rule, jnp.array(0.0), data, steps=100, key=jax.random.key(0), validation=jnp.array([2.0]))
    >>> fitted.params.round(3), fitted.history["loss"].shape, fitted.validation["step"][-1], fitted.stopped
    (Array(2., dtype=float32), (100,), np.int64(100), 'finished')
    """
    record_every = whole_number("fit", "record_every", record_every, 1)
    patience = patience if patience is None else whole_number("fit", "patience", patience, 1)
    if validation is None and (validate is not None or patience is not None):
        raise TypeError("fit: expected validation data for validate and patience, got none. Pass validation=...")
    if mesh is None and specs is not None:
        raise TypeError("fit: expected a mesh to split parameters over, got specs alone. Pass mesh=...")
    several = mesh is not None and over_processes(mesh)
    stream = callable(data) or isinstance(data, Iterator)
    if stream:
        if epochs is not None or batch_size is not None:
            raise TypeError("fit: an iterator has batches of its own: expected no epochs and no batch_size.")
        n, total = None, steps if steps is None else whole_number("fit", "steps", steps)
    else:
        n = n_examples("fit", data)
        batch_size = batch_size if batch_size is None else whole_number("fit", "batch_size", batch_size, 1, n)
        total = n_steps("fit", steps, epochs, n, batch_size)
    every = _every(every, record_every, total, n, batch_size)
    if total is not None and total % record_every:
        raise ValueError(f"fit: expected steps to be a multiple of record_every, {record_every}, got {total} steps.")
    settings = {"examples": n, "batch_size": batch_size, "record_every": record_every}
    with contextlib.ExitStack() as stack:
        if mesh is not None:
            stack.enter_context(lost_processes_reported("fit", _how_to_go_on(checkpoint)))
            stack.enter_context(jax.set_mesh(automatic(mesh)))
        if several:
            numbers = [total, every, record_every, batch_size, patience, monitor, checkpoint]
            arrays = {"params": params, "data": None if stream else data, "validation": validation, "key": key}
            check_same_arguments("fit", settings=numbers, **arrays)
        key = key if mesh is None else put_on_devices(key, mesh_sharding(mesh))
        measure = None
        if validation is not None:
            measure = _measurement(rule, validate, _on_devices(validation, mesh), key)
        visit = RunState(_state(rule, params, mesh, specs), [], [], None, 0)
        if checkpoint is not None:
            visit = _resumed_by_all(checkpoint, visit, measure is not None, key, settings, several)
        if total is not None and visit.steps > total:
            raise ValueError(f"fit: {checkpoint} has made {visit.steps} steps, more than the {total} asked for.")

        if stream:
            batches = stack.enter_context(prefetched(data, visit.steps, mesh))
            advance = functools.partial(_batch_by_batch, rule, batches, key, record_every)
        else:
            advance = functools.partial(_chunk, rule, _on_devices(data, mesh), batch_size, key, record_every, every)
        interrupted = stack.enter_context(_interrupts())
        shown = progress and (is_first() or not several)
        options = {"total": total, "initial": visit.steps, "unit": " steps", "unit_scale": True, "leave": True}
        bar = stack.enter_context(progress_bar(None, shown=shown, **options))
        more = True
        while True:
            came = bool(all_gather(interrupted()).any()) if several else interrupted()
            if (stopped := _why_stop(visit, total, more, came, monitor, patience)) is not None:
                return visit.as_run(stopped)
            # Visits are at multiples of `every`, wherever the run began.
            count = every - visit.steps % every
            count = count if total is None else min(count, total - visit.steps)
            state, records, made = advance(visit.state, visit.steps, count)
            more = made == count
            visit = next_visit(visit, state, records, made, measure, monitor)
            if checkpoint is not None:
                save_visit(checkpoint, visit, key, settings)
                if several:
                    all_gather(visit.steps)  # none goes on, or ends, before process 0 has written
            bar.update(made)
            bar.set_postfix(_latest(visit), refresh=False)


def _why_stop(
    visit: RunState, total: int | None, more: bool, interrupted: bool, monitor: str, patience: int | None
) -> str | None:
    if visit.steps == total:
        return "finished"
    if not more:
        return "no more data"
    if interrupted:
        return "interrupted"
    return "no improvement" if patience is not None and since_best(visit, monitor) >= patience else None


def _on_devices(data: Any, mesh: Mesh | None) -> Any:
    return jax.tree.map(jnp.asarray, data) if mesh is None else put_examples(data, mesh)


def _state(rule: Rule, params: Any, mesh: Mesh | None, specs: Mapping[str, PartitionSpec] | None) -> Any:
    """The state to begin with, on its devices."""
    if mesh is None:
        return params if hasattr(params, "params") else _initialised(rule, params)
    params = place(params, mesh, specs)
    if hasattr(params, "params"):
        return params
    where = shardings(jax.eval_shape(rule.init, params), mesh, specs)
    return jax.jit(rule.init, out_shardings=where)(params)


def _how_to_go_on(checkpoint: str | os.PathLike[str] | None) -> str:
    if checkpoint is None:
        return "Start them all again; with checkpoint=... they would go on from their last visit."
    return f"{checkpoint} has the run up to its last visit: start as many as you like, to go on from there."


def _resumed_by_all(
    checkpoint: str | os.PathLike[str], visit: RunState, validated: bool, key: Array, settings: dict, several: bool
) -> RunState:
    """The visit in the checkpoint, if it is there; an error in each process, if one cannot go on as the others do."""
    failure = None
    try:
        if Path(checkpoint).exists():
            visit = resumed(checkpoint, visit.state, validated, key, settings)
    except (OSError, ValueError) as error:
        failure = error
    steps = all_gather(-1 if failure else visit.steps) if several else np.array([visit.steps])
    if failure is not None:
        raise failure
    if (steps != steps[0]).any():
        unread = " (-1: it could not be read)" if steps.min() < 0 else ""
        raise CheckpointError(
            f"{checkpoint}: expected the same run in each process, got runs of {steps.tolist()} steps{unread}. "
            "The file has to be in a folder that all of them see."
        )
    return visit


@functools.partial(jax.jit, static_argnums=0)
def _initialised(rule: Rule, params: Any) -> Any:
    """In one program: leaf by leaf, an optimiser takes longer to begin than to make its first step."""
    return rule.init(params)


def _every(every: int | None, record_every: int, total: int | None, n: int | None, batch_size: int | None) -> int:
    if every is None:
        epoch = 1 if n is None or batch_size is None else -(-n // batch_size)
        every = 100 if n is None or total is None else max(epoch, -(-total // 100), 1)
        every = -(-every // record_every) * record_every
    every = whole_number("fit", "every", every, 1)
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
    return state, with_steps({name: np.asarray(m)[:n_records] for name, m in metrics.items()}, steps), count


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
    return state, with_steps(joined, np.array(steps, int)) if metrics else {}, made


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
    return replicated(rule.update(state, split_examples(batch), key)[1])


@functools.partial(jax.jit, static_argnums=0)
def _called(function: Callable, params: Any, data: Any) -> Any:
    return replicated(function(params, split_examples(data)))


def _latest(visit: RunState) -> dict[str, str]:
    """The loss, as the progress bar shows it."""
    found = {"loss": visit.records, "validation": visit.measured}
    losses = {name: r[-1]["loss"][-1] for name, r in found.items() if r and "loss" in r[-1]}
    return {name: f"{np.mean(loss):.4g}" for name, loss in losses.items()}


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
