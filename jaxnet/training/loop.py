"""A whole training run as one compiled loop, for gradient learning and any other rule."""

import contextlib
import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import PartitionSpec
from jax.typing import ArrayLike

from jaxnet.devices.sharding import constrained, replicated, specs_of, split_examples
from jaxnet.learning.rules import Rule
from jaxnet.lowering.native_loops import in_one_function, is_small, on_one_cpu, without_dots, zero_made_here
from jaxnet.pytrees import Batch, Key, Metrics, State
from jaxnet.training.example_arrays import arrays_of
from jaxnet.training.step_counts import MOST_STEPS, check_multiple, example_count, step_count
from jaxnet.validation import check_key, whole_number

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr


class RunPosition(NamedTuple):
    """A place in a run, where a part of it begins.

    Attributes:
        step: the number of the next step, from 0.
        epoch: that of its first example.
        offset: how many examples of that epoch were seen before.
    """

    step: ArrayLike
    epoch: ArrayLike
    offset: ArrayLike


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

    On one CPU, a direct call with a network as small as those of Boolean functions is compiled to one native function,
    up to 20 times as fast; under jit or vmap of your own it is an ordinary loop.

    Args:
        rule: what one step does.
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
) -> tuple[State, Metrics]:
    """Run `train` from step `start`, for `steps` steps of at most `most`; for `most` if None.

    Runs that differ in `start` and `steps` alone are one program. Where a mesh is set, its devices share the batches,
    the state stays split as it is, and all of them have the metrics.
    """
    check_key(where, key)
    examples = 1 if batch_size is None else len(jax.tree.leaves(data)[0])
    if batch_size is not None and max(examples, most) >= 2**31:
        raise ValueError(
            f"{where}: expected fewer than 2^31 examples, and steps in one call, to draw batches from them, got "
            f"{examples:,} examples and {most:,} steps. Give fit an iterator of batches; go on with start=..."
        )
    epoch, offset = divmod(start * (batch_size or 1), examples)
    position = RunPosition(np.uint32(start), np.uint32(epoch), np.int32(offset))
    blocks = None if steps is None else np.int32(steps // record_every)
    compiled = functools.partial(
        _run, rule, state, data, position, key, blocks,
        most=most, batch_size=batch_size, record_every=record_every, specs=specs_of(state),
    )  # fmt: skip
    if on_one_cpu(zero_made_here(), state, data, key):
        with contextlib.suppress(jax.errors.JaxRuntimeError):  # XLA cannot make a native function of everything
            return compiled(native=True)[0]
    return compiled(native=False)[0]


@functools.partial(jax.jit, static_argnames=("rule", "most", "batch_size", "record_every", "specs", "native"))
def _run(
    rule: Rule,
    state: State,
    data: Batch,
    position: RunPosition,
    key: Key,
    blocks: Array | None,
    *,
    most: int,
    batch_size: int | None,
    record_every: int,
    specs: tuple[PartitionSpec, ...] | None,
    native: bool,
) -> tuple[tuple[State, Metrics], Any]:
    order_key, step_key = jax.random.split(key)
    if batch_size is None:
        rows, data = None, split_examples(data)
    else:
        n = len(jax.tree.leaves(data)[0])
        # Every device needs all of it, and draws it for itself.
        rows = replicated(_order(order_key, position, n, batch_size, max(most, 1)))

    def inputs(i: ArrayLike, state: State, data: Batch, rows: Array | None, step_key: Key) -> tuple[State, Batch, Key]:
        batch = data if rows is None else split_examples(jax.tree.map(lambda a: a[rows[i]], data))
        return state, batch, jax.random.fold_in(step_key, position.step + jnp.asarray(i, jnp.uint32))

    # Traced once, although a loop that records every k-th step contains it twice.
    traced, results = jax.make_jaxpr(rule.update, return_shape=True)(*inputs(0, state, data, rows, step_key))
    most_blocks = most // record_every
    native = native and most_blocks > 1 and is_small(traced.jaxpr) and on_one_cpu(traced.consts)
    update = _as_update(traced, results, native)

    def loop(state: State, *rest: Any) -> tuple[State, Metrics]:
        def step(i: ArrayLike, state: State) -> tuple[State, Metrics]:
            state, metrics = update(*inputs(i, state, *rest))
            return constrained(state, specs), metrics

        block = _block(step, record_every)
        if blocks is None:
            return jax.lax.scan(block, state, jnp.arange(most_blocks))
        return _first_blocks(block, state, blocks, most_blocks, results[1])

    if native:
        return in_one_function(loop, state, data, rows, step_key)
    state, history = loop(state, data, rows, step_key)
    return (constrained(state, specs), replicated(history)), ()


def _as_update(traced: "ClosedJaxpr", results: Any, native: bool) -> Callable[..., tuple[State, Metrics]]:
    """Return the update of a rule as a function again, from its trace."""
    from jax.extend.core import jaxpr_as_fun

    flat = without_dots(traced) if native else jaxpr_as_fun(traced)
    structure = jax.tree.structure(results)
    return lambda *inputs: jax.tree.unflatten(structure, flat(*jax.tree.leaves(inputs)))


def _block(step: Callable, record_every: int) -> Callable[[State, ArrayLike], tuple[State, Metrics]]:
    """Return a function that makes `record_every` steps and returns the metrics of the last one."""

    def block(state: State, b: ArrayLike) -> tuple[State, Metrics]:
        first = b * record_every
        if record_every > 1:
            state = jax.lax.fori_loop(0, record_every - 1, lambda i, s: step(first + i, s)[0], state)
        return step(first + record_every - 1, state)

    return block


def _first_blocks(block: Callable, state: State, blocks: Array, most: int, metrics: Any) -> tuple[State, Metrics]:
    """Run as many blocks as a traced number says, and keep their metrics in arrays that have room for `most`."""

    def block_and_record(b: ArrayLike, carry: tuple[State, Metrics]) -> tuple[State, Metrics]:
        state, metrics = block(carry[0], b)
        record = functools.partial(jax.lax.dynamic_update_index_in_dim, index=b, axis=0)
        return state, jax.tree.map(record, carry[1], metrics)

    history = jax.tree.map(lambda m: jnp.zeros((most, *m.shape), m.dtype), metrics)
    return jax.lax.fori_loop(0, blocks, block_and_record, (state, history))


def _order(key: Key, position: RunPosition, n: int, batch_size: int, steps: int) -> Array:
    """Return the examples of each batch, `(steps, batch_size)`: a window on the stream of all epochs' permutations."""
    # The window begins at a multiple of the greatest common divisor, so at most this far into its first epoch:
    furthest = n - math.gcd(n, batch_size)
    epochs = position.epoch + jnp.arange(-(-(furthest + steps * batch_size) // n), dtype=jnp.uint32)
    stream = jax.vmap(lambda epoch: jax.random.permutation(jax.random.fold_in(key, epoch), n))(epochs)
    window = jax.lax.dynamic_slice_in_dim(stream.reshape(-1), position.offset, steps * batch_size)
    return window.reshape(steps, batch_size)
