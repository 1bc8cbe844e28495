"""The driver of training runs: a loop over compiled chunks, with evaluation, early stopping and checkpoints between.

The steps themselves are those of `jaxnet.training.loop`; nothing here changes a number.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
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
)
from jaxnet.learning.rules import Rule, predicting_params
from jaxnet.pytrees import Batch, Key, Metrics, Params, State
from jaxnet.training.batches import opened
from jaxnet.training.beginnings import Beginning, begin, first_state
from jaxnet.training.chunks import Advance, advance_on_arrays, advance_on_batches
from jaxnet.training.evaluations import Measure, Validation, checked_validation, measuring
from jaxnet.training.example_arrays import arrays_of, non_finite_data_noted
from jaxnet.training.interrupts import interruptible, say_interrupted
from jaxnet.training.orders import kept_orders
from jaxnet.training.plans import Plan, make_plan
from jaxnet.training.run_files import RunFile
from jaxnet.training.run_state import Run, RunState, check_finite, evaluated
from jaxnet.training.skipping import Counted, without_spoiling_steps
from jaxnet.training.streams import Stream, is_restarted, is_stream
from jaxnet.training.visits import bar_of_steps, show, visited
from jaxnet.validation import check_key, check_untraced


def fit(
    rule: Rule,
    params: Params | State | Run,
    data: Batch | Iterable[Batch] | Callable[[], Iterator[Batch]] | Callable[[int], Iterator[Batch]],
    *,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    key: Key,
    start: int | None = None,
    every: int | None = None,
    record_every: int = 1,
    validation: Batch | Iterable[Batch] | Callable[[], Iterator[Batch]] | None = None,
    validation_batch_size: int | None = None,
    validate: Callable[[Params, Batch], Array | Metrics] | None = None,
    monitor: str = "loss",
    mode: Literal["min", "max"] = "min",
    patience: int | None = None,
    on_nonfinite: Literal["stop", "skip", "go on"] = "stop",
    on_visit: Callable[[Run], Any] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    mesh: Mesh | None = None,
    specs: Mapping[str, PartitionSpec] | None = None,
) -> Run:
    """Train in chunks, with an evaluation after each: progress bar, early stopping, best parameters, checkpoint.

    The steps are those of `train`, whatever the chunks: what step k does depends on the key and on k alone. A run that
    was killed at any moment, called again with the same arguments and its checkpoint, gives bit for bit what it would
    have given; a finished one is not run again. SIGINT (Ctrl-C) ends a run after the present chunk, saved; a second
    one, also within ten seconds of that end, ends the program. Where SIGINT is ignored, as for `script &`, it stays so.

    On a mesh the devices share each batch, and the steps are the same up to the rounding of sums, on any number of
    devices and processes: see `docs/scaling.md`. With several processes each calls it, with the same arguments.

    Args:
        rule: what one step does; keep it and use it again, since a new one is compiled anew.
        params: where to begin: parameters; or a run, to go on with the step after its last; or a state of the rule,
            with `start`. Histories and best parameters are those of this call alone.
        data: all examples, a pytree of arrays with examples along the first axis, or lists of numbers; or batches of
            one shape, each read while the one before is worked on: an iterator, a loader (any iterable that is no
            pytree), a function of no arguments that returns one of them, or a function of the number of batches to
            leave out, `start` included. The others begin with the batch of the step after `start`; what a run has seen
            up to its checkpoint is read again and dropped. A list is a pytree: for a list of batches pass
            `lambda: batches`.
        steps: how many to make, those of the checkpoint included; or `epochs`; neither to use batches up once.
        epochs: how many times each example is seen, where the last batch is filled up from the epoch after; or how many
            times a loader is read.
        batch_size: examples per step; all of them if None.
        key: from `jax.random.key`.
        start: the number of steps made before, with the same key, data and batch size; that of a run, or 0, if None.
        every: steps per chunk, a multiple of `record_every`. If None an epoch, but at least a hundredth of the run; or
            100 with batches whose number is not known.
        record_every: metrics are kept of each k-th step.
        validation: data that are measured before the first step and after each chunk: of the same kind as a batch; or
            a loader of batches, or a function that returns an iterator of them.
        validation_batch_size: examples of `validation` that are measured at a time; all of them if None. Metrics of
            batches are averaged by their numbers of examples.
        validate: `validate(params, validation)`, a scalar or a dict of metrics, pure, of the parameters to predict with
            (`Rule.evaluation_params`). If None the metrics of the rule, without learning (`Rule.measure`).
        monitor: the scalar among the validation metrics by which parameters are the best, those at the start included.
        mode: "min" if a smaller one is better, "max" if a larger one is; NaN is never better.
        patience: evaluations without a better one after which the run ends; None to go on.
        on_nonfinite: what to do where parameters become infinite or NaN: "stop" with an error; "skip" the steps that
            make a finite number of the state not finite, counted as `run.skipped` and in the history; or "go on".
            Metrics that are not finite are recorded, and do nothing else.
        on_visit: called after each chunk with the `Run` up to there, to look at: None goes on, "stop" ends the run, and
            a state like `run.state` takes its place. With several processes, the same in each.
        checkpoint: a file, written after each chunk, from which the run goes on if it exists; see `jaxnet.save`. A long
            history has a second file, `checkpoint` + ".history", until the run ends.
        progress: True for a bar, or, where nobody looks at a terminal or a notebook, a line every 30 s, as in a log
            file; False for none; None for a bar where somebody looks.
        mesh: of the devices that share the run, from `jax.make_mesh`; examples are split over its axis "data". Arrays
            of data are copied to each device, unless they are split over the mesh already, as by `from_parts`; the
            iterator of a process has its own part of each batch.
        specs: how to split parameters over the mesh, by path: see `place`. The rest is copied to each device.

    Returns:
        A `Run`.

    Raises:
        DivergedError: if a parameter is not finite and a metric is a scalar (members of an ensemble may diverge).
        CheckpointError: if the checkpoint is damaged or is of another run, or not all processes see the same.
        OSError: if the checkpoint cannot be written; before the first step, where that can be known.
        ProcessLostError: if another process of the run is gone.
        ShapeError: if arrays of the data, or batches, differ in shape, or a spec does not fit.
        TypeError: if arguments are missing or exclude one another, or are not what they are to be.
        ValueError: if a number is out of range, parameters are not finite at the start, there is no scalar metric
            `monitor`, or processes disagree.

    >>> import jaxnet, optax
    >>> rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
    >>> data = jnp.array([1.0, 2.0, 3.0])
    >>> fitted = fit(rule, jnp.array(0.0), data, steps=100, key=jax.random.key(0), validation=jnp.array([2.0]))
    >>> fitted.params.round(3), fitted.history["loss"].shape, fitted.validation["step"][-1], fitted.stopped
    (Array(2., dtype=float32), (100,), np.int64(100), 'finished')
    >>> fit(rule, fitted, data, steps=10, key=jax.random.key(0)).history["step"][[0, -1]]
    array([101, 110])
    """
    _check_functions(rule, validate, on_visit)
    data = data if is_stream(data) else arrays_of("fit", data)
    checked = checked_validation(validation, validation_batch_size, validate)
    check_untraced("fit", "jaxnet.train is a pure function, for jit, vmap and grad.", params, data, key, checked)
    check_key("fit", key)
    beginning = begin(rule, params, start)
    plan = make_plan(
        data, beginning.start, steps, epochs, batch_size, every, record_every, monitor, mode, patience, on_nonfinite,
        checkpoint,
    )  # fmt: skip
    if checked is None and (validate, patience, monitor, mode) != (None, None, "loss", "min"):
        raise TypeError(
            "fit: expected validation data for validate, monitor, mode and patience, got none. Pass validation=..."
        )
    if mesh is None and specs is not None:
        raise TypeError("fit: expected a mesh to split parameters over, got specs alone. Pass mesh=...")
    if mesh is not None:
        check_mesh("fit", mesh, splits=not specs)
    with _set_up(rule, beginning, data, key, checked, plan, on_visit, progress, mesh, specs) as setup:
        run_state, more, asked = setup.start, True, False
        while (stopped := _why_stop(plan, run_state, more, asked, setup.interrupted())) is None:
            run_state, more = _advanced(setup, plan, run_state)
            run_state, asked = setup.visit(run_state)
            setup.save(run_state)
            setup.show(run_state)
        setup.finish(run_state)
    if stopped == "interrupted":
        say_interrupted("fit", run_state.steps)
    return run_state.as_run(stopped)


def _check_functions(rule: Any, validate: Any, on_visit: Any) -> None:
    if not isinstance(rule, Rule):
        raise TypeError(
            f"fit: expected a rule, got {type(rule).__name__}. jaxnet.gradient_descent(loss, optimizer) makes one."
        )
    for name, function in (("validate", validate), ("on_visit", on_visit)):
        if function is not None and not callable(function):
            raise TypeError(f"fit: expected {name} to be a function, got {type(function).__name__}.")


def _why_stop(plan: Plan, run_state: RunState, more: bool, asked: bool, interrupted: bool) -> str | None:
    if run_state.steps == plan.total:
        return "finished"
    if not more:
        return "no more data" if plan.epochs is None else "finished"
    if interrupted:
        return "interrupted"
    if asked:
        return "on_visit"
    return "no improvement" if plan.patience is not None and run_state.since_best >= plan.patience else None


def _advanced(setup: "_Setup", plan: Plan, run_state: RunState) -> tuple[RunState, bool]:
    """Make a chunk, check and evaluate it; return what the run has then, and whether there may be more data."""
    count = plan.next_chunk(run_state.steps)
    state, skipped = run_state.state, run_state.skipped
    if plan.on_nonfinite == "skip":
        counted, records, made = setup.advance(Counted(state, jnp.int32(skipped)), run_state.steps, count)
        state, skipped = counted.state, int(counted.skipped)
    else:
        state, records, made = setup.advance(state, run_state.steps, count)
    steps = run_state.steps + made
    if plan.on_nonfinite == "stop":
        check_finite(run_state, state, records, steps)
    history = run_state.history.extended(records)
    run_state = run_state._replace(state=state, steps=steps, history=history, skipped=skipped)
    if setup.measure is not None and made > 0:
        run_state = evaluated(run_state, setup.measure, plan)
    return run_state, made == count


# The setting up: all that a run needs on its devices and around it, closed again at its end.


class _Setup(NamedTuple):
    """What the loop of `fit` calls.

    Attributes:
        start: what the run has when it begins: nothing yet, or what its checkpoint holds.
        advance: makes the steps of a chunk.
        measure: measures the validation data, given the state; None without such data.
        interrupted: whether SIGINT has come, to this process or another one of the run.
        visit: calls `on_visit`; returns what the run has then, and whether it is to stop.
        save: writes the checkpoint, if there is one.
        show: moves the progress bar.
        finish: leaves the checkpoint as one file.
    """

    start: RunState
    advance: Advance
    measure: Measure | None
    interrupted: Callable[[], bool]
    visit: Callable[[RunState], tuple[RunState, bool]]
    save: Callable[[RunState], None]
    show: Callable[[RunState], None]
    finish: Callable[[RunState], None]


@contextlib.contextmanager
def _set_up(
    rule: Rule, beginning: Beginning, data: Any, key: Key, validation: Validation | None, plan: Plan,
    on_visit: Callable | None, progress: bool | None, mesh: Mesh | None, specs: Mapping[str, PartitionSpec] | None,
) -> Iterator[_Setup]:  # fmt: skip
    several = mesh is not None and over_processes(mesh)
    with contextlib.ExitStack() as stack:
        if mesh is not None:
            stack.enter_context(lost_processes_reported("fit", _how_to_go_on(plan)))
            stack.enter_context(jax.set_mesh(automatic(mesh)))
        if several:
            _check_same(beginning, data, key, validation, plan)
        key = key if mesh is None else put_on_devices(key, mesh_sharding(mesh))
        measure = None if validation is None else measuring(rule, validation, key, mesh)
        state = first_state(rule, beginning, mesh, specs)
        start = RunState(state, plan.start, predicting=functools.partial(predicting_params, rule))
        file = None if plan.checkpoint is None else RunFile(plan, key, several)
        start = _resumed(start, file, measure, plan)
        advance = stack.enter_context(_advancing(rule, data, key, plan, start, mesh, several))
        bar = stack.enter_context(bar_of_steps(plan, start.steps, progress if is_first() or not several else False))
        interrupted = stack.enter_context(interruptible("fit"))
        yield _Setup(
            start,
            advance,
            measure,
            (lambda: bool(all_gather(interrupted()).any())) if several else interrupted,
            functools.partial(visited, on_visit, mesh, several),
            _nothing if file is None else file.save,
            functools.partial(show, bar),
            _nothing if file is None else file.finish,
        )


def _resumed(start: RunState, file: RunFile | None, measure: Measure | None, plan: Plan) -> RunState:
    """Return what the run has when it begins, its checkpoint and first evaluation included."""
    if file is not None:
        start = file.resumed(start, measure is not None)
        if plan.total is not None and start.steps > plan.total:
            raise ValueError(f"fit: {file.path} has made {start.steps} steps, more than the {plan.total} asked for.")
    if measure is None or (start.validation.rows and start.steps == plan.total):
        return start
    first = evaluated(start, measure, plan)  # fails now if it fails
    return start if start.validation.rows else first


@contextlib.contextmanager
def _advancing(
    rule: Rule, data: Any, key: Key, plan: Plan, start: RunState, mesh: Mesh | None, several: bool
) -> Iterator[Advance]:
    """Yield what makes the steps of a chunk, on the data that it has put on devices or opened."""
    rule = without_spoiling_steps(rule) if plan.on_nonfinite == "skip" else rule
    if not is_stream(data):
        data = put_examples(data, mesh)
        with non_finite_data_noted(data):
            orders = None
            n, batch_size = plan.examples, plan.batch_size
            # A chunk of an epoch or more has an order of its own.
            if n is not None and batch_size is not None and plan.every * batch_size < n:
                orders = kept_orders(key, n, batch_size, plan.every)
            yield functools.partial(advance_on_arrays, rule, data, key, orders, plan)
        return
    told = callable(data) and not is_restarted(data)
    passes = plan.epochs or (1 if plan.total is None else None)
    stream = Stream(data, start.steps if told else start.steps - plan.start, passes, whole=not several)
    with opened(stream, mesh) as batches:
        yield functools.partial(advance_on_batches, rule, batches, key, plan)


def _check_same(beginning: Beginning, data: Any, key: Key, validation: Validation | None, plan: Plan) -> None:
    """Check that all processes of a run have been given the same, but for what each reads itself."""
    arrays = {"params": beginning.tree, "data": None if is_stream(data) else data, "key": key}
    arrays["validation"] = None if validation is None or is_stream(validation.data) else validation.data
    settings = plan._replace(examples=None, checkpoint=None)
    check_same_arguments("fit", settings=[*settings, str(plan.checkpoint)], **arrays)


def _how_to_go_on(plan: Plan) -> str:
    if plan.checkpoint is None:
        return "Start all processes again; with checkpoint=... they would go on from their last chunk."
    return f"{plan.checkpoint} has the run up to its last chunk: start any number of processes, to go on from there."


def _nothing(run_state: RunState) -> None:
    """Do what a run without a checkpoint does to save itself."""
