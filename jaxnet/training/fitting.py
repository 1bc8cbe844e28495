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
)
from jaxnet.learning.rules import Rule, predicting_params
from jaxnet.progress import progress_bar
from jaxnet.pytrees import Batch, Key, Metrics, Params, State
from jaxnet.training.batches import Stream, is_restarted, is_stream, opened
from jaxnet.training.beginnings import begin, first_state
from jaxnet.training.chunks import Advance, advance_on_arrays, advance_on_batches, measure_validation
from jaxnet.training.example_arrays import arrays_of, non_finite_data_noted
from jaxnet.training.interrupts import interruptible, say_interrupted
from jaxnet.training.plans import Plan, make_plan
from jaxnet.training.run_files import RunFile
from jaxnet.training.run_state import Run, RunState, check_finite, evaluated, monitored
from jaxnet.training.skipping import Counted, without_spoiling_steps
from jaxnet.training.validation_batches import checked_validation, measured_by_batches
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
        data: a pytree of arrays with examples along the first axis, of NumPy, JAX, pandas or PyTorch, or lists of
            numbers; or batches, all of the same shapes, each read while the one before is worked on: an iterator, a
            loader (any iterable that is no pytree), a function of no arguments that returns one of them, or a function
            that is given the number of batches to leave out, `start` included. From the others those of the checkpoint
            are read and dropped; their first batch is that of the step after `start`. The last batch may have fewer
            examples. A list is a pytree: for a list of batches pass `lambda: batches`.
        steps: how many to make, those of the checkpoint included, and as many batches are read; or `epochs`; neither
            to use batches up once.
        epochs: how many times each example is seen; the last batch is filled up from the epoch after. Of a loader, how
            many times it is read.
        batch_size: examples per step; all of them if None.
        key: from `jax.random.key`.
        start: the number of steps made before, with the same key, data and batch size; that of a run, or 0, if None.
        every: steps per chunk, a multiple of `record_every`; if None an epoch, or a hundredth of the run if that is
            longer or all examples are one batch; 100 with batches whose number is not known.
        record_every: metrics are kept of each k-th step.
        validation: data of the same kind as a batch, measured before the first step and after each chunk; or a loader
            of batches of them, or a function that returns an iterator of them, of which the metrics are means, weighted
            by numbers of examples.
        validation_batch_size: examples of `validation` that are measured at a time, likewise; all of them if None.
        validate: `validate(params, validation)`, a scalar or a dict of metrics, pure, of the parameters to predict with
            (`Rule.evaluation_params`); if None, the metrics of the rule, without learning (`Rule.measure`).
        monitor: the scalar among the validation metrics by which parameters are the best, those at the start included.
        mode: "min" if a smaller one is better, "max" if a larger one is; NaN is never better.
        patience: evaluations without a better one after which the run ends; None to go on.
        on_nonfinite: what to do where parameters become infinite or NaN: "stop" with an error; "skip" the steps that
            make a finite number of the state not finite, counted as `run.skipped` and in the history; or "go on". A
            metric that is not finite, as the loss of a batch that is masked whole, is recorded and does nothing else.
        on_visit: called after each chunk with the `Run` up to there, to look at: None goes on, "stop" ends the run, and
            a state like `run.state` takes its place. With several processes, the same in each.
        checkpoint: a file, written after each chunk, from which the run goes on if it exists; see `jaxnet.save`. A run
            with a long history has a second file, `checkpoint` + ".history", until it ends.
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
        OSError: before the first step, if the checkpoint cannot be written.
        ProcessLostError: if another process of the run is gone.
        ShapeError: if arrays of the data, or batches, differ in shape, or a spec does not fit.
        TypeError: if arguments are missing or exclude one another, or a state comes without `start`.
        ValueError: if a number is out of range, there is no metric of the name `monitor`, or processes disagree.

    >>> import jaxnet, optax
    >>> rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
    >>> data = jnp.array([1.0, 2.0, 3.0])
    >>> fitted = fit(rule, jnp.array(0.0), data, steps=100, key=jax.random.key(0), validation=jnp.array([2.0]))
    >>> fitted.params.round(3), fitted.history["loss"].shape, fitted.validation["step"][-1], fitted.stopped
    (Array(2., dtype=float32), (100,), np.int64(100), 'finished')
    >>> fit(rule, fitted, data, steps=10, key=jax.random.key(0)).history["step"][[0, -1]]
    array([101, 110])
    """
    data = data if is_stream(data) else arrays_of("fit", data)
    validation, validation_batch_size = checked_validation(validation, validation_batch_size)
    check_untraced("fit", "jaxnet.train is a pure function, for jit, vmap and grad.", params, data, key, validation)
    params, is_state, start = begin(rule, params, start)
    plan = make_plan(
        data, start, steps, epochs, batch_size, every, record_every, monitor, mode, patience, on_nonfinite, checkpoint
    )
    if validation is None and (validate is not None or patience is not None):
        raise TypeError("fit: expected validation data for validate and patience, got none. Pass validation=...")
    if mesh is None and specs is not None:
        raise TypeError("fit: expected a mesh to split parameters over, got specs alone. Pass mesh=...")
    if mesh is not None:
        check_mesh("fit", mesh, splits=not specs)
    validated = (validation, validation_batch_size, validate)
    with _set_up(rule, params, is_state, data, key, validated, plan, on_visit, progress, mesh, specs) as setup:
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
    measure: Callable[[State], Metrics] | None
    interrupted: Callable[[], bool]
    visit: Callable[[RunState], tuple[RunState, bool]]
    save: Callable[[RunState], None]
    show: Callable[[RunState], None]
    finish: Callable[[RunState], None]


@contextlib.contextmanager
def _set_up(
    rule: Rule, params: Params | State, is_state: bool, data: Any, key: Key,
    validated: tuple[Any, int | None, Callable | None], plan: Plan, on_visit: Callable | None, progress: bool | None,
    mesh: Mesh | None, specs: Mapping[str, PartitionSpec] | None,
) -> Iterator[_Setup]:  # fmt: skip
    check_key("fit", key)
    stream, several = is_stream(data), mesh is not None and over_processes(mesh)
    validation, validation_batch_size, validate = validated
    with contextlib.ExitStack() as stack:
        if mesh is not None:
            stack.enter_context(lost_processes_reported("fit", _how_to_go_on(plan)))
            stack.enter_context(jax.set_mesh(automatic(mesh)))
        if several:
            arrays = {"params": params, "data": None if stream else data, "key": key}
            arrays["validation"] = None if is_stream(validation) else validation
            settings = plan._replace(examples=None, checkpoint=None)
            check_same_arguments("fit", settings=[*settings, str(plan.checkpoint)], **arrays)
        key = key if mesh is None else put_on_devices(key, mesh_sharding(mesh))
        measure = None
        if validation is not None:
            measure = measured_by_batches(
                lambda batch, state: measure_validation(rule, validate, batch, key, state),
                validation, validation_batch_size, mesh,
            )  # fmt: skip

        predicting = functools.partial(predicting_params, rule)
        start = RunState(first_state(rule, params, is_state, mesh, specs), plan.start, predicting=predicting)
        file = None
        if plan.checkpoint is not None:
            file = RunFile(plan, key, several)
            start = file.resumed(start, measure is not None)
        if plan.total is not None and start.steps > plan.total:
            raise ValueError(
                f"fit: {plan.checkpoint} has made {start.steps} steps, more than the {plan.total} asked for."
            )
        if measure is not None and not start.validation.rows:
            start = evaluated(start, measure, plan)
        elif measure is not None and start.steps != plan.total:
            monitored(jax.tree.map(np.asarray, measure(start.state)), plan)  # fails now if it fails

        step_rule = without_spoiling_steps(rule) if plan.on_nonfinite == "skip" else rule
        if stream:
            told = callable(data) and not is_restarted(data)
            passes = plan.epochs or (1 if plan.total is None else None)
            stream = Stream(data, start.steps if told else start.steps - plan.start, passes)
            batches = stack.enter_context(opened(stream, mesh))
            advance = functools.partial(advance_on_batches, step_rule, batches, key, plan)
        else:
            data = _on_devices(data, mesh)
            stack.enter_context(non_finite_data_noted(data))
            advance = functools.partial(advance_on_arrays, step_rule, data, key, plan)
        shown = progress if is_first() or not several else False
        bar = stack.enter_context(_bar(plan, start.steps, shown))
        interrupted = stack.enter_context(interruptible("fit"))
        yield _Setup(
            start,
            advance,
            measure,
            (lambda: bool(all_gather(interrupted()).any())) if several else interrupted,
            functools.partial(_visit, on_visit, mesh, several),
            _nothing if file is None else file.save,
            functools.partial(_show, bar),
            _nothing if file is None else file.finish,
        )


def _on_devices(data: Batch, mesh: Mesh | None) -> Batch:
    return jax.tree.map(jnp.asarray, data) if mesh is None else put_examples(data, mesh)


def _how_to_go_on(plan: Plan) -> str:
    if plan.checkpoint is None:
        return "Start all processes again; with checkpoint=... they would go on from their last chunk."
    return f"{plan.checkpoint} has the run up to its last chunk: start any number of processes, to go on from there."


# Between the chunks: the visit, the bar.


def _visit(on_visit: Callable | None, mesh: Mesh | None, several: bool, run_state: RunState) -> tuple[RunState, bool]:
    if on_visit is None:
        return run_state, False
    answer = on_visit(run_state.as_run("running"))
    asked = isinstance(answer, str) and answer == "stop"
    if answer is not None and not asked:
        run_state = run_state._replace(state=_taken(answer, run_state.state, mesh))
    return run_state, bool(all_gather(asked).any()) if several else asked


def _taken(answer: Any, state: State, mesh: Mesh | None) -> State:
    """Return a state of the user's, which is to take the place of the run's, on the devices of that."""
    shapes = [[jnp.shape(leaf) for leaf in jax.tree.leaves(tree)] for tree in (answer, state)]
    if jax.tree.structure(answer) != jax.tree.structure(state) or shapes[0] != shapes[1]:
        raise TypeError(
            f'fit: expected on_visit to return None, "stop" or a state of the shapes of run.state, got '
            f"{type(answer).__name__}. run.state._replace(...) makes one of a NamedTuple."
        )

    def leaf(new: Any, old: Array) -> Array:
        new = new if jnp.issubdtype(old.dtype, jax.dtypes.prng_key) else jnp.asarray(new, old.dtype)
        return new if mesh is None else put_on_devices(new, old.sharding)

    return jax.tree.map(leaf, answer, state)


def _nothing(run_state: RunState) -> None:
    """Do what a run without a checkpoint does to save itself."""


def _bar(plan: Plan, made: int, shown: bool | None) -> Any:
    options: Any = {"total": plan.total, "initial": made, "unit": " steps", "unit_scale": True}
    return progress_bar("fit" if shown else None, **options, leave=True, shown=shown)


def _show(bar: Any, run_state: RunState) -> None:
    """Move the progress bar to the steps that were made, and show the losses."""
    bar.update(run_state.steps - bar.n)
    tables = {"loss": run_state.history, "validation": run_state.validation}
    losses = {name: table.tree()["loss"][-1] for name, table in tables.items() if "loss" in table.tree()}
    bar.set_postfix({name: f"{np.mean(loss):.4g}" for name, loss in losses.items()}, refresh=False)
