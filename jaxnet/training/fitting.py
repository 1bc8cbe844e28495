"""The driver of training runs: a loop over compiled chunks, with evaluation, early stopping and checkpoints between.

The steps themselves are those of `jaxnet.training.loop`; nothing here changes a number.
"""

import contextlib
import functools
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, PartitionSpec

from jaxnet.devices.processes import all_gather, check_same_arguments, is_first, lost_processes_reported
from jaxnet.devices.sharding import (
    automatic,
    check_mesh,
    mesh_sharding,
    over_processes,
    put_examples,
    put_on_devices,
    shardings,
)
from jaxnet.learning.rules import Rule
from jaxnet.progress import progress_bar
from jaxnet.pytrees import Batch, Key, Metrics, Params, State
from jaxnet.training.batches import Stream, batch_count, checked_epochs, is_stream, opened
from jaxnet.training.checkpoints import CheckpointError
from jaxnet.training.chunks import Advance, Plan, advance_on_arrays, advance_on_batches, measure_validation
from jaxnet.training.example_arrays import arrays_of, non_finite_data_noted
from jaxnet.training.run_state import (
    Run,
    RunState,
    after_chunk,
    load_run_state,
    save_run_state,
    since_best,
)
from jaxnet.training.step_counts import MOST_STEPS, check_multiple, example_count, step_count
from jaxnet.training.validation_batches import checked_validation, measured_by_batches
from jaxnet.validation import check_key, check_untraced, whole_number


def fit(
    rule: Rule,
    params: Params | State,
    data: Batch | Iterable[Batch] | Callable[[], Iterator[Batch]] | Callable[[int], Iterator[Batch]],
    *,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    key: Key,
    every: int | None = None,
    record_every: int = 1,
    validation: Batch | Iterable[Batch] | Callable[[], Iterator[Batch]] | None = None,
    validation_batch_size: int | None = None,
    validate: Callable[[Params, Batch], Array | Metrics] | None = None,
    monitor: str = "loss",
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
    mesh: Mesh | None = None,
    specs: Mapping[str, PartitionSpec] | None = None,
) -> Run:
    """Train in chunks, with an evaluation after each: progress bar, early stopping, best parameters, checkpoint.

    The steps are those of `train`, whatever the chunks: what step k does depends on the key and on k alone. A run that
    was killed at any moment, called again with the same arguments and its checkpoint, gives bit for bit what it would
    have given; a finished one is not run again. SIGINT (Ctrl-C) ends a run after the present chunk, saved; a second one
    at once. Where SIGINT is ignored, as for `script &`, it stays ignored.

    On a mesh the devices share each batch, and the steps are the same up to the rounding of sums, on any number of
    devices and processes: see `docs/scaling.md`. With several processes each calls it, with the same arguments.

    Args:
        rule: what one step does; keep it and use it again, since a new one is compiled anew.
        params: where to begin: parameters, or the state of a rule (which has `params`), to go on from.
        data: a pytree of arrays with examples along the first axis, of NumPy, JAX, pandas or PyTorch, or lists of
            numbers; or batches, all of the same shapes, each read while the one before is worked on: an iterator, a
            loader (any iterable that is no pytree), a function of no arguments that returns one of them, or a function
            that is given the number of batches to leave out, where a run goes on (otherwise they are read and dropped).
            The last batch may have fewer examples. A list is a pytree: for a list of batches pass `lambda: batches`.
        steps: how many in all, those of the checkpoint included, and as many batches are read; or `epochs`; neither to
            use batches up once.
        epochs: how many times each example is seen; the last batch is filled up from the epoch after. Of a loader, how
            many times it is read.
        batch_size: examples per step; all of them if None.
        key: from `jax.random.key`.
        every: steps per chunk, a multiple of `record_every`; if None an epoch, or a hundredth of the run if that is
            longer or all examples are one batch; 100 with batches whose number is not known.
        record_every: metrics are kept of each k-th step.
        validation: data of the same kind as a batch, measured after each chunk; or a loader of batches of them, or a
            function that returns an iterator of them, of which the metrics are means, weighted by numbers of examples.
        validation_batch_size: examples of `validation` that are measured at a time, likewise; all of them if None.
        validate: `validate(params, validation)`, a scalar or a dict of scalars, pure; the metrics of the rule if None.
        monitor: the validation metric, smaller is better, by which parameters are the best.
        patience: evaluations without a better one after which the run ends; None to go on.
        checkpoint: a file, written after each chunk, from which the run goes on if it exists; see `jaxnet.save`.
        progress: whether to show a bar, on a terminal or in a notebook.
        mesh: of the devices that share the run, from `jax.make_mesh`; examples are split over its axis "data". Arrays
            of data are copied to each device, unless they are split over the mesh already, as by `from_parts`; the
            iterator of a process has its own part of each batch.
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
    data = data if is_stream(data) else arrays_of("fit", data)
    validation, validation_batch_size = checked_validation(validation, validation_batch_size)
    check_untraced("fit", "jaxnet.train is a pure function, for jit, vmap and grad.", params, data, key, validation)
    plan = _plan(data, steps, epochs, batch_size, every, record_every, monitor, patience, checkpoint)
    if validation is None and (validate is not None or patience is not None):
        raise TypeError("fit: expected validation data for validate and patience, got none. Pass validation=...")
    if mesh is None and specs is not None:
        raise TypeError("fit: expected a mesh to split parameters over, got specs alone. Pass mesh=...")
    if mesh is not None:
        check_mesh("fit", mesh, splits=not specs)
    validated = (validation, validation_batch_size, validate)
    with _set_up(rule, params, data, key, validated, plan, progress, mesh, specs) as setup:
        run_state, more = setup.start, True
        while (stopped := _why_stop(plan, run_state, more, setup.interrupted())) is None:
            count = plan.next_chunk(run_state.steps)
            state, records, made = setup.advance(run_state.state, run_state.steps, count)
            more = made == count
            run_state = after_chunk(run_state, state, records, made, setup.measure, monitor)
            setup.save(run_state)
            setup.show(run_state)
        return run_state.as_run(stopped)


def _plan(
    data: Any, steps: int | None, epochs: int | None, batch_size: int | None, every: int | None, record_every: int,
    monitor: str, patience: int | None, checkpoint: str | os.PathLike[str] | None,
) -> Plan:  # fmt: skip
    """Check the numbers of a run."""
    record_every = whole_number("fit", "record_every", record_every, 1)
    patience = patience if patience is None else whole_number("fit", "patience", patience, 1)
    if is_stream(data):
        epochs = checked_epochs(data, steps, epochs, batch_size)
        examples, total = None, 0 if epochs == 0 else steps
        total = total if total is None else whole_number("fit", "steps", total, high=MOST_STEPS)
        epoch = batch_count(data)
        planned = epochs * epoch if epochs and epoch else total
    else:
        examples = example_count("fit", data)
        batch_size = batch_size if batch_size is None else whole_number("fit", "batch_size", batch_size, 1, examples)
        planned = total = step_count("fit", steps, epochs, examples, batch_size)
        epochs, epoch = None, 1 if batch_size is None else -(-examples // batch_size)
    if every is None:
        every = 100 if epoch is None or planned is None else max(epoch, -(-planned // 100), 1)
        every = -(-every // record_every) * record_every
    every = whole_number("fit", "every", every, 1)
    check_multiple("fit", "every", every, record_every)
    if total is not None:
        check_multiple("fit", "steps", total, record_every)
    return Plan(examples, batch_size, total, every, record_every, monitor, patience, checkpoint, epochs)


def _why_stop(plan: Plan, run_state: RunState, more: bool, interrupted: bool) -> str | None:
    if run_state.steps == plan.total:
        return "finished"
    if not more:
        return "no more data" if plan.epochs is None else "finished"
    if interrupted:
        return "interrupted"
    out_of_patience = plan.patience is not None and since_best(run_state, plan.monitor) >= plan.patience
    return "no improvement" if out_of_patience else None


# The setting up: all that a run needs on its devices and around it, closed again at its end.


class _Setup(NamedTuple):
    """What the loop of `fit` calls.

    Attributes:
        start: what the run has when it begins: nothing yet, or what its checkpoint holds.
        advance: makes the steps of a chunk.
        measure: measures the validation data, given the state; None without such data.
        interrupted: whether SIGINT has come, to this process or another one of the run.
        save: writes the checkpoint, if there is one.
        show: moves the progress bar.
    """

    start: RunState
    advance: Advance
    measure: Callable[[State], Metrics] | None
    interrupted: Callable[[], bool]
    save: Callable[[RunState], None]
    show: Callable[[RunState], None]


@contextlib.contextmanager
def _set_up(
    rule: Rule, params: Params | State, data: Any, key: Key, validated: tuple[Any, int | None, Callable | None],
    plan: Plan, progress: bool, mesh: Mesh | None, specs: Mapping[str, PartitionSpec] | None,
) -> Iterator[_Setup]:  # fmt: skip
    check_key("fit", key)
    stream, several = is_stream(data), mesh is not None and over_processes(mesh)
    validation, validation_batch_size, validate = validated
    with contextlib.ExitStack() as stack:
        if mesh is not None:
            stack.enter_context(lost_processes_reported("fit", _how_to_go_on(plan.checkpoint)))
            stack.enter_context(jax.set_mesh(automatic(mesh)))
        if several:
            arrays = {"params": params, "data": None if stream else data, "key": key}
            arrays["validation"] = None if is_stream(validation) else validation
            check_same_arguments("fit", settings=list(plan._replace(examples=None)), **arrays)
        key = key if mesh is None else put_on_devices(key, mesh_sharding(mesh))
        measure = None
        if validation is not None:
            measure = measured_by_batches(
                lambda batch, state: measure_validation(rule, validate, batch, key, state),
                validation, validation_batch_size, mesh,
            )  # fmt: skip

        start = RunState(_first_state(rule, params, mesh, specs), [], [], None, 0)
        if plan.checkpoint is not None:
            start = _resumed(plan.checkpoint, start, measure is not None, key, plan.saved, several)
        if plan.total is not None and start.steps > plan.total:
            raise ValueError(
                f"fit: {plan.checkpoint} has made {start.steps} steps, more than the {plan.total} asked for."
            )

        if stream:
            passes = plan.epochs or (1 if plan.total is None else None)
            batches = stack.enter_context(opened(Stream(data, start.steps, passes), mesh))
            advance = functools.partial(advance_on_batches, rule, batches, key, plan)
        else:
            data = _on_devices(data, mesh)
            stack.enter_context(non_finite_data_noted(data))
            advance = functools.partial(advance_on_arrays, rule, data, key, plan)
        interrupted = stack.enter_context(_interrupts())
        bar = stack.enter_context(_bar(plan.total, start.steps, progress and (is_first() or not several)))
        yield _Setup(
            start,
            advance,
            measure,
            (lambda: bool(all_gather(interrupted()).any())) if several else interrupted,
            functools.partial(_save, plan, key, several),
            functools.partial(_show, bar),
        )


def _on_devices(data: Batch, mesh: Mesh | None) -> Batch:
    return jax.tree.map(jnp.asarray, data) if mesh is None else put_examples(data, mesh)


def _first_state(
    rule: Rule, params: Params | State, mesh: Mesh | None, specs: Mapping[str, PartitionSpec] | None
) -> State:
    """Return the state to begin with, on its devices."""
    if mesh is None:
        return params if hasattr(params, "params") else _initialised(rule, params)
    params = jax.tree.map(put_on_devices, params, shardings("fit", params, mesh, specs))
    if hasattr(params, "params"):
        return params
    where = shardings("fit", jax.eval_shape(rule.init, params), mesh, specs)
    return jax.jit(rule.init, out_shardings=where)(params)


@functools.partial(jax.jit, static_argnums=0)
def _initialised(rule: Rule, params: Params) -> State:
    """Initialise in one program: leaf by leaf, an optimiser takes longer to begin than to make its first step."""
    return rule.init(params)


def _how_to_go_on(checkpoint: str | os.PathLike[str] | None) -> str:
    if checkpoint is None:
        return "Start all processes again; with checkpoint=... they would go on from their last chunk."
    return f"{checkpoint} has the run up to its last chunk: start any number of processes, to go on from there."


def _resumed(
    checkpoint: str | os.PathLike[str], start: RunState, validated: bool, key: Key, saved: dict, several: bool
) -> RunState:
    """Return what the checkpoint holds, if it exists; raise in every process if one cannot go on as the others do."""
    failure = None
    try:
        if Path(checkpoint).exists():
            start = load_run_state(checkpoint, start.state, validated, key, saved)
    except (OSError, ValueError) as error:
        failure = error
    steps = all_gather(-1 if failure else start.steps) if several else np.array([start.steps])
    if failure is not None:
        raise failure
    if (steps != steps[0]).any():
        unread = " (-1: it could not be read)" if steps.min() < 0 else ""
        raise CheckpointError(
            f"fit: {checkpoint}: expected the same run in each process, got runs of {steps.tolist()} steps{unread}. "
            "The file has to be in a folder that all of them see."
        )
    return start


@contextlib.contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Remember SIGINT instead of raising it, and yield whether it has come; a second one is raised."""
    came = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()  # Python gives signals to no other thread
    if not in_main or before in (None, signal.SIG_IGN):  # None: a handler that is not of Python
        yield came.is_set
        return

    def remember(number: int, frame: Any) -> None:
        came.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, remember)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)


# Between the chunks: the evaluation, the checkpoint, the bar.


def _save(plan: Plan, key: Key, several: bool, run_state: RunState) -> None:
    if plan.checkpoint is not None:
        save_run_state(plan.checkpoint, run_state, key, plan.saved)
        if several:
            all_gather(run_state.steps)  # no process goes on, or ends, before process 0 has written


def _bar(total: int | None, made: int, progress: bool) -> Any:
    options: Any = {"total": total, "initial": made, "unit": " steps", "unit_scale": True}
    return progress_bar(None, **options, leave=True, shown=progress)


def _show(bar: Any, run_state: RunState) -> None:
    """Move the progress bar to the steps that were made, and show the losses."""
    bar.update(run_state.steps - bar.n)
    tables = {"loss": run_state.records, "validation": run_state.measured}
    losses = {name: table[-1]["loss"][-1] for name, table in tables.items() if table and "loss" in table[-1]}
    bar.set_postfix({name: f"{np.mean(loss):.4g}" for name, loss in losses.items()}, refresh=False)
