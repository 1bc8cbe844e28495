"""Many small networks at once: members that differ in parameters, keys or hyper-parameters, trained in one program."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import Mesh

from jaxnet.devices.per_device import run_per_device
from jaxnet.learning.rules import Rule
from jaxnet.lowering.last_axis import is_fast, members_last
from jaxnet.lowering.native_loops import is_traced, zero_made_here
from jaxnet.lowering.owned_programs import compiled_for_its_function
from jaxnet.pytrees import Batch, Key, Metrics, State
from jaxnet.training.example_arrays import arrays_of
from jaxnet.training.loop import Length, length_of, make_steps
from jaxnet.training.orders import BEGINNING, order_of_examples
from jaxnet.training.step_counts import check_multiple, common_length, example_count, step_count
from jaxnet.validation import checked_keys, whole_number

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr

# This many tiny networks, with all that a step needs, stay in the first cache of a CPU.
_GROUP = 256


def ensemble(rule: Rule) -> Rule:
    """Return the rule of many members that see the same batches, for `train` and `fit` alike.

    All arrays of its parameters, states and metrics have the members along their first axis; each member draws with a
    key of its own. Members that diverge do not stop the others.

    Args:
        rule: that of one member.

    Returns:
        The rule of all, whatever their number.

    >>> import jaxnet, optax
    >>> rule = ensemble(jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1)))
    >>> state, history = jaxnet.train(rule, rule.init(jnp.arange(3.0)), jnp.ones(4), steps=100, key=jax.random.key(0))
    >>> state.params.round(3), history["loss"].shape
    (Array([1., 1., 1.], dtype=float32), (100, 3))
    """

    def update(state: State, batch: Batch, key: Key) -> tuple[State, Metrics]:
        keys = jax.random.split(key, _n_members("ensemble", state))
        return jax.vmap(rule.update, in_axes=(0, None, 0))(state, batch, keys)

    measure = None if rule.measure is None else jax.vmap(rule.measure, in_axes=(0, None))
    evaluation_params = None if rule.evaluation_params is None else jax.vmap(rule.evaluation_params)
    return Rule(jax.vmap(rule.init), update, measure, evaluation_params)


def train_ensemble(
    rule: Rule,
    states: State,
    data: Batch,
    *,
    keys: Key,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    record_every: int = 1,
    group: int | None = None,
    mesh: Mesh | None = None,
) -> tuple[State, Metrics]:
    """Train many members, each as `train` would alone, in one program: `jax.vmap`, in groups that a cache holds.

    Members that differ in a hyper-parameter have it in their states: see `optax.inject_hyperparams`. For members that
    differ in their data use `jax.vmap` over `train`. Tiny networks that see all examples each step are computed with
    the members along the last axis of every array, where they fill the vector units of a CPU.

    On a mesh each device trains its own members, by the program that one device alone would run, and sends nothing to
    the others. With the same `group` the results are the same bits on any number of devices and processes; without,
    they are up to rounding, since XLA rounds differently for other numbers of members at a time.

    Args:
        rule: that of one member.
        states: of all members, along the first axis: `jax.vmap(rule.init)(params)`.
        data: a pytree of arrays with examples along the first axis, the same for all members.
        keys: one per member, `(members,)`, from `jax.random.split`.
        steps: how many; or `epochs`.
        epochs: how many times each example is seen.
        batch_size: examples per step; all of them if None.
        record_every: metrics are kept of each k-th step: a record takes 4 bytes per metric and member. The bits of the
            members are the same for any.
        group: members at a time, fewer need less memory; the last group is filled up. If None, 256 for tiny networks
            on a CPU, and otherwise all.
        mesh: of the devices that share the members. With several processes each calls it, with the same arguments.

    Returns:
        The states, and the metrics `(members, records, ...)`; on a mesh split over its members, or, if it does not
        divide them, copied to each device.

    Raises:
        ShapeError: if states and keys differ in the number of members, or the data in that of examples.
        TypeError: if a number is not whole, or not exactly one of `steps` and `epochs` is given.
        ValueError: if there are no examples, or a number is out of range.

    >>> import jaxnet, optax
    >>> rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
    >>> states, keys = jax.vmap(rule.init)(jnp.arange(3.0)), jax.random.split(jax.random.key(0), 3)
    >>> states, history = train_ensemble(rule, states, jnp.ones(4), keys=keys, steps=100)
    >>> states.params.round(3), history["loss"].shape
    (Array([1., 1., 1.], dtype=float32), (3, 100))
    """
    data = arrays_of("train_ensemble", data)
    examples = example_count("train_ensemble", data)
    if batch_size is not None:
        batch_size = whole_number("train_ensemble", "batch_size", batch_size, 1, examples)
    total = step_count("train_ensemble", steps, epochs, examples, batch_size)
    members = _n_members("train_ensemble", states, _HOW_TO_MAKE_STATES)
    keys = checked_keys("train_ensemble", keys, members)
    group = group if group is None else whole_number("train_ensemble", "group", group, 1)
    record_every = whole_number("train_ensemble", "record_every", record_every, 1)
    check_multiple("train_ensemble", "steps", total, record_every)
    traced = is_traced(zero_made_here(), states, data, keys)
    run = functools.partial(
        _run, rule.update, None if traced else length_of(total, record_every),
        most=total, records=total // record_every, batch_size=batch_size, group=group,
    )  # fmt: skip
    if mesh is None:
        return run(states, keys, data)
    return run_per_device(run, (states, keys), data, members, group or 1, mesh)


_HOW_TO_MAKE_STATES = " Make one of each key: jax.vmap(lambda key: rule.init(network.init(key)))(keys)."


def _n_members(where: str, states: State, advice: str = "") -> int:
    return common_length(where, "states with the same number of members", "state", states, advice)


@compiled_for_its_function("most", "records", "batch_size", "group")
def _run(
    update: Callable,
    length: Length | None,
    states: State,
    keys: Key,
    data: Batch,
    *,
    most: int,
    records: int,
    batch_size: int | None,
    group: int | None,
) -> tuple[State, Metrics]:
    members = len(keys)
    run = functools.partial(_run_group, data, length, most=most, records=records, batch_size=batch_size)
    if batch_size is None and jax.default_backend() == "cpu":
        first = jax.tree.map(lambda a: a[0], (states, jax.random.clone(keys)))
        closed, results = jax.make_jaxpr(update, return_shape=True)(first[0], data, first[1])
        if is_fast(closed.jaxpr):
            together = _members_last(closed, jax.tree.structure(results))
            return _in_groups(
                functools.partial(run, together, -1), members, group or _evened(members, _GROUP), states, keys
            )
    together = jax.vmap(update, in_axes=(0, None if batch_size is None else 0, 0))
    return _in_groups(functools.partial(run, together, 0), members, group or members, states, keys)


def _run_group(
    data: Batch,
    length: Length | None,
    update: Callable,
    axis: int,
    states: State,
    keys: Key,
    *,
    most: int,
    records: int,
    batch_size: int | None,
) -> tuple[State, Metrics]:
    """Run one loop over the steps of all members, which lie along an axis of what the update takes and returns.

    The number of the step is in the state, since each member has keys of its own, for the order and for the steps.
    """
    step_keys = jax.vmap(lambda key: jax.random.split(key)[1])(keys)
    n = len(jax.tree.leaves(data)[0])

    def order(key: Key) -> Array | None:
        return None if batch_size is None else order_of_examples(key, BEGINNING, n, batch_size, most)

    rows = jax.vmap(order, out_axes=1)(keys)

    def step(carry: tuple[State, Array], data: Batch, key: Key) -> tuple[tuple[State, Array], Metrics]:
        states, number = carry
        of_members = None if rows is None else rows[number]
        batch = data if of_members is None else jax.tree.map(lambda a: a[of_members], data)
        states, metrics = update(states, batch, jax.vmap(jax.random.fold_in, in_axes=(0, None))(step_keys, number))
        return (states, number + 1), metrics

    first = jax.tree.map(lambda a: jnp.moveaxis(a, 0, axis), states), jnp.uint32(0)
    ((states, _), history), _ = make_steps(
        step, first, data, BEGINNING, jax.random.key(0), None, length, most=most, records=records, batch_size=None
    )
    return (
        jax.tree.map(lambda a: jnp.moveaxis(a, axis, 0), states),
        jax.tree.map(lambda a: jnp.moveaxis(a, axis if axis < 0 else axis + 1, 0), history),
    )


def _evened(members: int, most: int) -> int:
    """Return the size of groups of at most `most` members that are equal, or nearly."""
    return -(-members // -(-members // most))


def _in_groups(function: Callable, members: int, group: int, *trees: Any) -> Any:
    """Call a function for `group` members at a time; the last member is repeated to fill up the last group."""
    groups = -(-members // group)
    which = jnp.minimum(jnp.arange(groups * group), members - 1).reshape(groups, group)
    results = jax.lax.map(lambda some: function(*some), jax.tree.map(lambda a: a[which], trees))
    return jax.tree.map(lambda a: a.reshape(groups * group, *a.shape[2:])[:members], results)


def _members_last(closed: "ClosedJaxpr", results: Any) -> Callable[[State, Batch, Key], tuple[State, Metrics]]:
    """Return the update of many members, from that of one: states have the members last, all share the batch."""

    def update(state: State, batch: Batch, keys: Key) -> tuple[State, Metrics]:
        flat = [*jax.tree.leaves(state), *jax.tree.leaves(batch), keys]
        of_members = [a is keys or n < len(jax.tree.leaves(state)) for n, a in enumerate(flat)]
        return jax.tree.unflatten(results, members_last(closed, flat, of_members, len(keys)))

    return update
