"""A whole training run as one compiled loop, for gradient learning and any other rule."""

import contextlib
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import jaxpr_as_fun
from jax.sharding import PartitionSpec
from jax.typing import ArrayLike

from jaxnet.devices.sharding import constrained, replicated, specs_of, split_examples
from jaxnet.learning.rules import Rule
from jaxnet.lowering.native_loops import in_one_function, is_small, on_one_cpu, without_dots, zero_made_here
from jaxnet.validation import ShapeError, whole_number


class RunPosition(NamedTuple):
    """Where a run begins: the number of its first step, and the place of that in the stream of examples."""

    step: ArrayLike
    epoch: ArrayLike
    offset: ArrayLike


def train(
    rule: Rule,
    state: Any,
    data: Any,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    key: Array,
    start: int = 0,
    record_every: int = 1,
) -> tuple[Any, dict[str, Array]]:
    """A whole training run as one compiled loop, with no input or output: put it under jit, vmap, grad or sharding.

    Examples come in a random order, made on the device before the first step (4 bytes for each example of each batch):
    the order of one epoch after that of another, cut into batches, so that every example is seen once an epoch and all
    batches are full; a batch may have the end of one epoch and the beginning of the next.

    Under `jax.set_mesh`, on a mesh of automatic axes, devices share each batch: its examples are split over the axis
    "data", and the state stays split as it is. `jaxnet.place` puts state, data and key on the mesh. (On explicit axes,
    which `jax.make_mesh` makes unless told otherwise, each device would make the whole batch; `fit` takes either kind.)

    What step k does depends on the key and on k alone. So a run may be cut: `start` says how many steps were made.

    Called directly, on one CPU, a run of a network as small as those of Boolean functions is compiled to one native
    function, up to 20 times as fast; under jit or vmap of your own it is an ordinary loop.

    Args:
        rule: what one step does.
        state: from `rule.init(params)`, or from an earlier call, to go on.
        data: a pytree of arrays with examples along the first axis.
        steps: how many; or `epochs`.
        epochs: how many times each example is seen; the last batch is filled up from the epoch after.
        batch_size: examples a step, at most as many as there are; all of them, in their order, if None.
        key: from `jax.random.key`, for the order of examples and for a rule that draws.
        start: the number of steps made before, with the same key, data and batch size.
        record_every: metrics are kept of each k-th step; `steps` is a multiple of it.

    Returns:
        The state after the last step, and the metrics of the steps k, 2 k, ...: a dict of arrays `(steps / k, ...)`.

    Raises:
        ShapeError: if the arrays of `data` differ in their first axis.
        TypeError: if a number is not whole, or not exactly one of `steps` and `epochs` is given.
        ValueError: if there are no examples, or a number is out of range; of examples, and of steps in one call, there
            are fewer than 2^31 where batches are drawn.

    Source: Y. Zhang, Introduction to Neural Networks (2019), gradient learning.

    >>> import jaxnet, optax
    >>> rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
    >>> data = jnp.array([1.0, 2.0, 3.0])
    >>> state, history = train(rule, rule.init(jnp.array(0.0)), data, steps=100, key=jax.random.key(0))
    >>> state.params.round(3), history["loss"].shape
    (Array(2., dtype=float32), (100,))
    """
    n = n_examples("train", data)
    batch_size = batch_size if batch_size is None else whole_number("train", "batch_size", batch_size, 1, n)
    start = whole_number("train", "start", start, 0)
    total = n_steps("train", steps, epochs, n, batch_size)
    whole_number("train", "start + steps", start + total, high=2**32)  # the number of a step has 32 bits
    record_every = whole_number("train", "record_every", record_every, 1)
    if total % record_every:
        raise ValueError(f"train: expected steps to be a multiple of record_every, {record_every}, got {total} steps.")
    return run(rule, state, data, start, key, None, most=total, batch_size=batch_size, record_every=record_every)


def run(
    rule: Rule,
    state: Any,
    data: Any,
    start: int,
    key: Array,
    steps: int | None,
    *,
    most: int,
    batch_size: int | None,
    record_every: int,
) -> tuple[Any, dict[str, Array]]:
    """The run of `train` from step `start`, with `steps` of at most `most` steps: all if None.

    Runs that differ in `start` and `steps` alone are one program. Where a mesh is set, its devices share the batches,
    the state stays split as it is, and all of them have the metrics.
    """
    examples = 1 if batch_size is None else len(jax.tree.leaves(data)[0])
    if batch_size is not None and max(examples, most) >= 2**31:
        raise ValueError(
            "train: expected fewer than 2^31 examples, and steps in one call, to draw batches from them, got "
            f"{examples:,} examples and {most:,} steps. Give fit an iterator of batches; go on with start=..."
        )
    epoch, offset = divmod(start * (batch_size or 1), examples)
    place = RunPosition(np.uint32(start), np.uint32(epoch), np.int32(offset))
    blocks = None if steps is None else np.int32(steps // record_every)
    compiled = functools.partial(
        _run, rule, state, data, place, key, blocks,
        most=most, batch_size=batch_size, record_every=record_every, specs=specs_of(state),
    )  # fmt: skip
    if on_one_cpu(zero_made_here(), state, data, key):
        with contextlib.suppress(jax.errors.JaxRuntimeError):  # of XLA, for what it cannot make a native function of
            return compiled(native=True)[0]
    return compiled(native=False)[0]


@functools.partial(jax.jit, static_argnames=("rule", "most", "batch_size", "record_every", "specs", "native"))
def _run(
    rule: Rule,
    state: Any,
    data: Any,
    place: RunPosition,
    key: Array,
    blocks: Array | None,
    *,
    most: int,
    batch_size: int | None,
    record_every: int,
    specs: tuple[PartitionSpec, ...] | None,
    native: bool,
) -> tuple[tuple[Any, dict[str, Array]], Any]:
    order_key, step_key = jax.random.split(key)
    rows = None
    if batch_size is not None:
        n = len(jax.tree.leaves(data)[0])
        # Drawn by every device for itself, since each needs all of it.
        rows = replicated(_order(order_key, place, n, batch_size, max(most, 1)))
    else:
        data = split_examples(data)

    def inputs(i: ArrayLike, state: Any, data: Any, rows: Array | None, step_key: Array) -> tuple[Any, Any, Array]:
        batch = data if rows is None else split_examples(jax.tree.map(lambda a: a[rows[i]], data))
        return state, batch, jax.random.fold_in(step_key, place.step + jnp.asarray(i, jnp.uint32))

    most_blocks = most // record_every
    # Traced once, although the loop may have it twice.
    closed, results = jax.make_jaxpr(rule.update, return_shape=True)(*inputs(0, state, data, rows, step_key))
    native = native and most_blocks > 1 and is_small(closed.jaxpr) and on_one_cpu(closed.consts)
    update = without_dots(closed) if native else jaxpr_as_fun(closed)
    structure = jax.tree.structure(results)

    def loop(state: Any, *rest: Any) -> tuple[Any, dict[str, Array]]:
        def step(i: ArrayLike, state: Any) -> tuple[Any, dict[str, Array]]:
            state, metrics = jax.tree.unflatten(structure, update(*jax.tree.leaves(inputs(i, state, *rest))))
            return constrained(state, specs), metrics

        def block(state: Any, b: ArrayLike) -> tuple[Any, dict[str, Array]]:
            first = b * record_every
            if record_every > 1:
                state = jax.lax.fori_loop(0, record_every - 1, lambda i, s: step(first + i, s)[0], state)
            return step(first + record_every - 1, state)

        def block_and_record(b: ArrayLike, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            state, metrics = block(carry[0], b)
            record = functools.partial(jax.lax.dynamic_update_index_in_dim, index=b, axis=0)
            return state, jax.tree.map(record, carry[1], metrics)

        if blocks is None:
            return jax.lax.scan(block, state, jnp.arange(most_blocks))
        history = jax.tree.map(lambda m: jnp.zeros((most_blocks, *m.shape), m.dtype), results[1])
        return jax.lax.fori_loop(0, blocks, block_and_record, (state, history))

    if native:
        return in_one_function(loop, state, data, rows, step_key)
    state, history = loop(state, data, rows, step_key)
    return (constrained(state, specs), replicated(history)), ()


def _order(key: Array, place: RunPosition, n: int, batch_size: int, steps: int) -> Array:
    """The examples of each batch, `(steps, batch_size)`: a window on the stream of all epochs' permutations."""
    # The window begins at a multiple of the greatest common divisor, at most so far into its first epoch:
    furthest = n - math.gcd(n, batch_size)
    epochs = place.epoch + jnp.arange(-(-(furthest + steps * batch_size) // n), dtype=jnp.uint32)
    stream = jax.vmap(lambda epoch: jax.random.permutation(jax.random.fold_in(key, epoch), n))(epochs)
    window = jax.lax.dynamic_slice_in_dim(stream.reshape(-1), place.offset, steps * batch_size)
    return window.reshape(steps, batch_size)


def n_examples(where: str, data: Any) -> int:
    """How many examples there are, if the arrays agree on it."""
    leaves = jax.tree.leaves(data)
    sizes = {np.shape(a)[:1] for a in leaves}
    if len(sizes) > 1 or () in sizes:
        named = {jax.tree_util.keystr(path): np.shape(a)[:1] for path, a in jax.tree.leaves_with_path(data)}
        raise ShapeError(
            f"{where}: expected arrays with the same number of examples along the first axis, got "
            + ", ".join(f"data{path}: {size[0] if size else 'a scalar'}" for path, size in named.items())
        )
    if not leaves or sizes == {(0,)}:
        raise ValueError(f"{where}: expected at least one example, got none.")
    return np.shape(leaves[0])[0]


def n_steps(where: str, steps: int | None, epochs: int | None, n: int, batch_size: int | None) -> int:
    """How many steps are asked for, in steps or in epochs."""
    if (steps is None) == (epochs is None):
        raise TypeError(f"{where}: expected either steps or epochs, got {'neither' if steps is None else 'both'}.")
    if epochs is not None:
        steps = -(-whole_number(where, "epochs", epochs) * n // (n if batch_size is None else batch_size))
    return whole_number(where, "steps", steps)
