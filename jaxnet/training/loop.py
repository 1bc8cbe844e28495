"""A whole training run as one compiled loop, for gradient learning and any other rule."""

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import PartitionSpec
from jax.typing import ArrayLike

from jaxnet.devices.sharding import constrained, on_explicit_axes, replicated, specs_of, split_examples
from jaxnet.learning.rules import Rule
from jaxnet.lowering.native_loops import (
    in_one_function,
    is_small,
    is_traced,
    on_one_cpu,
    without_dots,
    zero_made_here,
)
from jaxnet.lowering.owned_programs import compiled_for_its_function
from jaxnet.pytrees import Batch, Key, Metrics, State
from jaxnet.training.example_arrays import arrays_of
from jaxnet.training.orders import RunPosition, order_of_examples
from jaxnet.training.step_counts import MOST_STEPS, check_multiple, example_count, step_count
from jaxnet.validation import check_arrays, check_key, whole_number

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr

# Room for at least two records: XLA removes axes of one, and would fuse a step otherwise.
_LEAST_RECORDS = 2


def train(
    rule: Rule,
    state: State,
    data: Batch,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    key: Key,
    start: int = 0,
    record_every: int = 1,
) -> tuple[State, Metrics]:
    """Train in one compiled loop, a pure function: put it under jit, vmap, grad or sharding.

    Examples come in a random order, made on the device before the first step (4 bytes for each example of each batch).
    The orders of all epochs, one after the other, are cut into batches: every example is seen once per epoch and all
    batches are full; a batch may have the end of one epoch and the beginning of the next.

    Under `jax.set_mesh`, on a mesh of automatic axes, devices share each batch: its examples are split over the axis
    "data", and the state stays split as it is. `jaxnet.place` puts state, data and key on the mesh. (On explicit axes,
    the default of `jax.make_mesh`, each device would make the whole batch; `fit` takes either kind.)

    What step k does depends on the key and on k alone. So a run may be cut: `start` is the number of steps made before.
    However it is cut, and however often metrics are kept, the bits are the same, also those of `fit`.

    On one CPU, a direct call with a network as small as those of Boolean functions is compiled to one native function,
    up to 20 times as fast. Under jit, vmap or grad of your own, and on explicit axes, it is an ordinary scan, which
    agrees up to rounding. What is compiled for a rule is used again, and freed with the rule.

    Args:
        rule: what one step does; keep it and use it again, since a new one is compiled anew.
        state: from `rule.init(params)`, or from an earlier call, to go on.
        data: a pytree of arrays with examples along the first axis.
        steps: how many; or `epochs`.
        epochs: how many times each example is seen; the last batch is filled up from the epoch after.
        batch_size: examples per step, at most as many as there are; all of them, in their order, if None.
        key: from `jax.random.key`, for the order of examples and for a rule that draws.
        start: the number of steps made before, with the same key, data and batch size.
        record_every: metrics are kept of each k-th step; `steps` is a multiple of it.

    Returns:
        The state after the last step, and the metrics of the steps k, 2 k, ...: a dict of arrays `(steps / k, ...)`.

    Raises:
        ShapeError: if the arrays of `data` differ in their first axis.
        TypeError: if a number is not whole, or not exactly one of `steps` and `epochs` is given.
        ValueError: if there are no examples, or a number is out of range; with a batch size, examples and steps of one
            call are each fewer than 2^31.

    Source: Y. Zhang, Introduction to Neural Networks (2019), gradient learning.

    >>> import jaxnet, optax
    >>> rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
    >>> data = jnp.array([1.0, 2.0, 3.0])
    >>> state, history = train(rule, rule.init(jnp.array(0.0)), data, steps=100, key=jax.random.key(0))
    >>> state.params.round(3), history["loss"].shape
    (Array(2., dtype=float32), (100,))
    """
    data = arrays_of("train", data)
    examples = example_count("train", data)
    batch_size = batch_size if batch_size is None else whole_number("train", "batch_size", batch_size, 1, examples)
    start = whole_number("train", "start", start, 0, MOST_STEPS)
    total = step_count("train", steps, epochs, examples, batch_size)
    whole_number("train", "start + steps", start + total, high=MOST_STEPS + 1)
    record_every = whole_number("train", "record_every", record_every, 1)
    check_multiple("train", "steps", total, record_every)
    check_key("train", key)
    check_arrays("train", "state", state, "Pass rule.init(params), or run.state with start=run.steps.")
    return run(
        "train", rule, state, data, start, key, None, most=total, batch_size=batch_size, record_every=record_every
    )


def run(
    where: str,
    rule: Rule,
    state: State,
    data: Batch,
    start: int,
    key: Key,
    steps: int | None,
    *,
    most: int,
    batch_size: int | None,
    record_every: int,
    orders: Callable[[int], Array] | None = None,
) -> tuple[State, Metrics]:
    """Run `train` from step `start`, for `steps` steps of at most `most`; for `most` if None.

    Runs that differ in `start` and `steps` alone are one program. `orders` are `kept_orders` of the whole run, if any.
    Where a mesh is set, its devices share the batches, the state stays split as it is, and all have the metrics.
    """
    examples = 1 if batch_size is None else len(jax.tree.leaves(data)[0])
    if batch_size is not None and max(examples, most) >= 2**31:
        raise ValueError(
            f"{where}: expected fewer than 2^31 examples, and steps in one call, to draw batches from them, got "
            f"{examples:,} examples and {most:,} steps. Give fit an iterator of batches; go on with start=..."
        )
    epoch, offset = divmod(start * (batch_size or 1), examples)
    position = RunPosition(np.uint32(start), np.uint32(epoch), np.int32(offset))
    on_cpu = on_one_cpu(zero_made_here(), state, data, key)
    # Where it is traced it may be differentiated, and on explicit axes a history would have to say how it is split.
    by_scan = not on_cpu and (is_traced(zero_made_here(), state, data, key) or on_explicit_axes(state, data, key))
    compiled = functools.partial(
        _compiled, rule.update, state, data, position, key, None if orders is None else orders(epoch),
        None if by_scan else length_of(most if steps is None else steps, record_every),
        most=most, records=most // record_every, batch_size=batch_size, specs=specs_of(state),
    )  # fmt: skip
    if on_cpu:
        with contextlib.suppress(jax.errors.JaxRuntimeError):  # XLA cannot make a native function of everything
            return compiled(native=True)[0]
    return compiled(native=False)[0]


class Length(NamedTuple):
    """How long a run is: steps, and steps per record."""

    steps: ArrayLike
    record_every: ArrayLike


def length_of(steps: int, record_every: int) -> Length:
    """Return the length of a run as numbers that a program takes, so that other ones are the same program."""
    return Length(np.uint32(steps), np.uint32(record_every))


def make_steps(
    update: Callable,
    state: State,
    data: Batch,
    position: RunPosition,
    key: Key,
    orders: Array | None,
    length: Length | None,
    *,
    most: int,
    records: int,
    batch_size: int | None,
    specs: tuple[PartitionSpec, ...] | None = None,
    native: bool = False,
) -> tuple[tuple[State, Metrics], Any]:
    """Make steps in one loop, in a program that is compiled.

    Args:
        update: of a rule.
        state: before the first step.
        data: all examples.
        position: where the first step is in the whole run.
        key: of the whole run.
        orders: of the examples, in the epochs of these steps, `(epochs, n)`; drawn here if None.
        length: at most `most` steps. None for `most` of them by a scan, which can be differentiated; its bits depend
            on how many there are.
        most: for so many steps there is an order of examples.
        records: for so many records there is room in the history; the metrics are those of the last step of each.
        batch_size: examples per step; None for all.
        specs: how the state is split over the mesh that is set.
        native: whether to make a native function of a small loop.

    Returns:
        State and history, and what a program with a native function has to return as well.
    """
    step_key = jax.random.split(key)[1]  # its child 0 makes the order
    if batch_size is None:
        rows, data = None, split_examples(data)
    else:
        n = len(jax.tree.leaves(data)[0])
        # Every device needs all of it, and draws it for itself.
        rows = replicated(order_of_examples(key, position, n, batch_size, most, orders))

    def inputs(i: ArrayLike, state: State, data: Batch, rows: Array | None, step_key: Key) -> tuple[State, Batch, Key]:
        batch = (
            data
            if rows is None
            else split_examples(jax.tree.map(lambda a: a.at[rows[i]].get(mode="promise_in_bounds"), data))
        )
        return state, batch, jax.random.fold_in(step_key, position.step + jnp.asarray(i, jnp.uint32))

    traced, results = jax.make_jaxpr(update, return_shape=True)(*inputs(0, state, data, rows, step_key))
    native = native and is_small(traced.jaxpr) and on_one_cpu(traced.consts)
    same_update = _as_update(traced, results, native)

    def loop(state: State, *rest: Any) -> tuple[State, Metrics]:
        def step(i: ArrayLike, state: State) -> tuple[State, Metrics]:
            state, metrics = same_update(*inputs(i, state, *rest))
            return constrained(state, specs), metrics

        if length is None or is_traced(traced.consts):
            return _differentiable(step, state, most, records, results[1])
        return _cut_anywhere(step, state, length, records, results[1])

    if native:
        return in_one_function(loop, state, data, rows, step_key)
    state, history = loop(state, data, rows, step_key)
    return (constrained(state, specs), replicated(history)), ()


_compiled = compiled_for_its_function("most", "records", "batch_size", "specs", "native")(make_steps)


def _as_update(traced: "ClosedJaxpr", results: Any, native: bool) -> Callable[..., tuple[State, Metrics]]:
    """Return the update of a rule as a function again, from its trace."""
    from jax.extend.core import jaxpr_as_fun

    flat = without_dots(traced) if native else jaxpr_as_fun(traced)
    structure = jax.tree.structure(results)
    return lambda *inputs: jax.tree.unflatten(structure, flat(*jax.tree.leaves(inputs)))


def _cut_anywhere(step: Callable, state: State, length: Length, records: int, metrics: Any) -> tuple[State, Metrics]:
    """Make as many steps as a traced number says, and keep the metrics of the last one of each record."""

    def step_and_record(i: ArrayLike, carry: tuple[State, Metrics]) -> tuple[State, Metrics]:
        state, now = step(i, carry[0])
        row = jax.lax.div(i, length.record_every)
        return state, jax.tree.map(lambda h, m: _with_row(h, m, row), carry[1], now)

    history = jax.tree.map(lambda m: jnp.zeros((max(records, _LEAST_RECORDS), *m.shape), m.dtype), metrics)
    state, history = jax.lax.fori_loop(jnp.uint32(0), length.steps, step_and_record, (state, history))
    return state, jax.tree.map(lambda h: h[:records], history)


def _with_row(history: Array, metric: Array, row: ArrayLike) -> Array:
    return jax.lax.dynamic_update_index_in_dim(history, metric, row, 0, allow_negative_indices=False)


def _differentiable(step: Callable, state: State, most: int, records: int, metrics: Any) -> tuple[State, Metrics]:
    """Make `most` steps by a scan over records, which can be differentiated."""
    each = most // records if records else 1

    def record(state: State, b: ArrayLike) -> tuple[State, Metrics]:
        if each == 1:
            return step(b, state)
        none_yet = jax.tree.map(lambda m: jnp.zeros(m.shape, m.dtype), metrics)
        return jax.lax.fori_loop(0, each, lambda i, carry: step(b * each + i, carry[0]), (state, none_yet))

    return jax.lax.scan(record, state, jnp.arange(records))
