"""The compiled loops over a level schedule, and the derivative of the forward one (eq. 6 and backpropagation).

Automatic differentiation of a loop that writes into one long buffer is quadratic in the number of steps. So the
derivative is written down: with z = W sigma(z) + b over all units, (I - W D) dz = dW v + db, where D is sigma'(z) and
v = sigma(z). That system is triangular; the forward schedule solves it level by level, the backward schedule its
transpose, which is backpropagation. `custom_linear_solve` derives from the two all derivatives, of any order.

Values are node-major, (positions, examples), and positions are those of the schedule.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxnet.lowering.native_loops import apart
from jaxnet.networks.level_schedules import BLOCK, Sweep, SweepLayout, most_rows

# From this many rows and examples on, a CPU sums rows, gathers included, in a loop over registers, and activates them
# in another: 10^5 units take 0.75 of the time with 8 or 32 examples. With fewer rows XLA makes the whole loop one
# native function, and two calls in each step would take three times as long.
_WIDE, _MANY = 64, 8


@functools.partial(jax.jit, static_argnames=("functions", "rows_per_step"))
def outputs(layout: SweepLayout, kinds: Array, w: Array, b: Array, x: Array, functions: tuple, rows_per_step: tuple):
    """Return the outputs `(m, examples)` for inputs `(n, examples)`."""
    return _outputs(functions, rows_per_step, layout, _kinds(layout, kinds), w, b, x)


@functools.partial(jax.jit, static_argnames=("functions", "rows_per_step"))
def unit_sums(layout: SweepLayout, kinds: Array, w: Array, b: Array, x: Array, functions: tuple, rows_per_step: tuple):
    """Return what every unit adds up, `(units, examples)`."""
    return _activity(functions, rows_per_step, layout, _kinds(layout, kinds), w, b, x)[0][layout.positions]


@functools.partial(jax.jit, static_argnames=("functions", "rows_per_step"))
def deltas(
    layout: SweepLayout, kinds: Array, w: Array, z: Array, cotangent: Array, functions: tuple, rows_per_step: tuple
):
    """Return dl/dz of every unit, `(units, examples)`."""
    z, cotangent = (jnp.concatenate([jnp.zeros_like(a[:1]), a])[layout.units] for a in (z, cotangent))
    kinds = _kinds(layout, kinds)
    right = _slopes(functions, kinds[:, None], z) * cotangent
    # Transposed as a linear solve: the sweep alone has no derivative of its own.
    propagate = functools.partial(_propagate, functions, rows_per_step, layout, kinds, w, z)
    return jax.linear_transpose(propagate, right)(right)[0][layout.positions]


def _kinds(layout: SweepLayout, kinds: Array) -> Array:
    """Return for every position 1 + the index of its unit's function, and 0 where there is no unit."""
    return _get(jnp.concatenate([jnp.zeros(1, kinds.dtype), kinds + 1]), layout.units)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _outputs(functions: tuple, rows_per_step: tuple, layout: SweepLayout, kinds: Array, w: Array, b: Array, x: Array):
    """Return the outputs, where no derivative is wanted: values alone are kept, no sums."""
    forward, rows = layout.forward, rows_per_step[0]
    slots, biases = _weights(forward, w), _biases(layout, b)

    def step(i: Array, values: Array) -> Array:
        start = forward.starts[i]
        here = start + len(values) - len(forward.sources)
        z = _sums(rows, slots, values, forward.sources, start)
        z = z + _rows(biases, here, rows)[:, None]
        return _put(values, _of_rows(_activate, functions, _rows(kinds, here, rows), z), here)

    return jax.lax.fori_loop(0, forward.n_steps, step, _buffer(forward, x))[layout.outputs]


@_outputs.defjvp
def _outputs_jvp(functions: tuple, rows_per_step: tuple, primals: tuple, tangents: tuple):
    layout, kinds, *arrays = primals
    # Units on which no output depends have no part in the derivative, not even with a NaN.
    kinds = jnp.where(layout.live, kinds, 0)

    def read(w: Array, b: Array, x: Array) -> Array:
        # The outputs are computed again from their z, which is cheaper than the slopes of all units.
        z = _activity(functions, rows_per_step, layout, kinds, w, b, x)[0][layout.outputs]
        return _activate(functions, kinds[layout.outputs][:, None], z)

    return jax.jvp(read, tuple(arrays), tangents[2:])


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _activity(functions: tuple, rows_per_step: tuple, layout: SweepLayout, kinds: Array, w: Array, b: Array, x: Array):
    """Return what every position adds up, z, and its value, v; inputs and parts of sums have the identity."""
    forward, rows = layout.forward, rows_per_step[0]
    slots, biases = _weights(forward, w), _biases(layout, b)

    def step(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        zs, values = carry
        start = forward.starts[i]
        here = start + len(values) - len(forward.sources)
        z = _sums(rows, slots, values, forward.sources, start)
        z = z + _rows(biases, here, rows)[:, None]
        return _put(zs, z, here), _put(values, _of_rows(_activate, functions, _rows(kinds, here, rows), z), here)

    values = _buffer(forward, x)
    return jax.lax.fori_loop(0, forward.n_steps, step, (values, values))


@_activity.defjvp
def _activity_jvp(functions: tuple, rows_per_step: tuple, primals: tuple, tangents: tuple):
    layout, kinds, w, _, _ = primals
    _, _, dw, db, dx = tangents
    z, v = _activity(functions, rows_per_step, *primals)
    sums = _all_sums(_weights(layout.forward, dw, sum_edge=0), v, layout.forward.sources)
    right = _buffer(layout.forward, dx, sums) + _biases(layout, db)[:, None]
    dz = _propagate(functions, rows_per_step, layout, kinds, w, z, right)
    return (z, v), (dz, _slopes(functions, kinds[:, None], z) * dz)


def _propagate(
    functions: tuple, rows_per_step: tuple, layout: SweepLayout, kinds: Array, w: Array, z: Array, right: Array
) -> Array:
    """Solve (I - W D) dz = right for dz; the transpose of this is backpropagation."""
    forward, slots, rows = layout.forward, _weights(layout.forward, w), rows_per_step[0]

    def matvec(dz: Array) -> Array:
        dv = _slopes(functions, kinds[:, None], z) * dz
        no_inputs = jnp.zeros_like(dz[: len(dz) - len(forward.sources) - 1])
        return dz - _buffer(forward, no_inputs, _all_sums(slots, dv, forward.sources))

    def solve(_: Any, right: Array) -> Array:
        def step(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            dzs, dvs = carry
            start = forward.starts[i]
            here = start + len(dvs) - len(forward.sources)
            dz = _sums(rows, slots, dvs, forward.sources, start) + _rows(right, here, rows)
            dv = _of_rows(_slopes, functions, _rows(kinds, here, rows), _rows(z, here, rows)) * dz
            return _put(dzs, dz, here), _put(dvs, dv, here)

        return jax.lax.fori_loop(0, forward.n_steps, step, (right, right))[0]

    def solve_transposed(_: Any, right: Array) -> Array:
        return _sweep_back(functions, rows_per_step[1], layout, kinds, w, z, right)

    return jax.lax.custom_linear_solve(matvec, right, solve, solve_transposed)


def _sweep_back(
    functions: tuple, rows: int, layout: SweepLayout, kinds: Array, w: Array, z: Array, right: Array
) -> Array:
    """Backpropagate: return delta = right + D W^T delta at every position."""
    backward, slots = layout.backward, _weights(layout.backward, w)

    def step(i: Array, deltas: Array) -> Array:
        start = backward.starts[i]
        nodes = _rows(layout.nodes, start, rows)
        delta = _sums(rows, slots, deltas, backward.sources, start)
        delta = _get(right, nodes) + _of_rows(_slopes, functions, _get(kinds, nodes), _get(z, nodes)) * delta
        return _put(deltas, delta, 1 + start)

    deltas = jnp.zeros((1 + len(backward.sources), right.shape[1]), right.dtype)
    return _get(jax.lax.fori_loop(0, backward.n_steps, step, deltas), layout.places)


def _slopes(functions: tuple, kinds: Array, z: Array) -> Array:
    return jax.jvp(functools.partial(_activate, functions, kinds), (z,), (jnp.ones_like(z),))[1]


def _weights(sweep: Sweep, w: Array, sum_edge: int = 1) -> Array:
    """Return the weight of every slot."""
    return _get(jnp.concatenate([jnp.array([0, sum_edge], w.dtype), w]), sweep.edges)


def _biases(layout: SweepLayout, b: Array) -> Array:
    """Return the bias at every position."""
    return _get(jnp.concatenate([jnp.zeros(1, b.dtype), b]), layout.units)


def _sums(n: int, weights: Array, values: Array, sources: Array, start: Array) -> Array:
    """Return the weighted sum of the sources of each of `n` rows from `start` on, `(n, examples)`.

    It is no dot, whose precision a device may lower.
    """

    def sums(weights: Array, values: Array, sources: Array, start: Array) -> Array:
        weights, sources = _rows(weights, start, n), _rows(sources, start, n)
        slots = range(sources.shape[1])
        if wide:
            found = [_get(values, sources[:, slot]) for slot in slots]
        else:
            rows = _get(values, sources)
            found = [rows[:, slot] for slot in slots]
        return functools.reduce(jnp.add, (weights[:, slot, None] * found[slot] for slot in slots))

    wide = _is_wide(n, values)
    return apart(sums, weights, values, sources, start) if wide else sums(weights, values, sources, start)


def _is_wide(n: int, values: Array) -> bool:
    return n >= _WIDE and values.shape[1] >= _MANY


def _all_sums(weights: Array, values: Array, sources: Array) -> Array:
    """Return `_sums` of all rows, in blocks; the reverse pass gathers the values again instead of keeping them."""

    @jax.checkpoint
    def block(weights: Array, sources: Array) -> Array:
        # A dot, which has the faster transpose, in full precision.
        return jnp.einsum("rk,rkb->rb", weights, _get(values, sources), precision="highest")

    rows = len(sources) if len(sources) <= BLOCK else math.gcd(BLOCK, most_rows())
    shape = -1, rows, sources.shape[1]
    sums = jax.lax.map(lambda slots: block(*slots), (weights.reshape(shape), sources.reshape(shape)))
    return sums.reshape(len(sources), -1)


def _activate(functions: tuple, kinds: Array, z: Array) -> Array:
    values = z
    for kind, function in enumerate(functions, start=1):
        chosen = jnp.broadcast_to(kinds == kind, z.shape)
        # One number at a time, so that no function sees several examples. Another unit's sum may be outside the domain
        # of this function, and NaN would reach the gradient.
        found = jax.vmap(jax.vmap(function))(jnp.where(chosen, z, 0))
        values = jnp.where(chosen, found.astype(z.dtype), values)
    return values


def _of_rows(function: Callable[..., Array], functions: tuple, kinds: Array, z: Array) -> Array:
    """Return `_activate` or `_slopes` of the rows of a step."""
    if not _is_wide(len(z), z):
        return function(functions, kinds[:, None], z)
    # Along the rows, which fill the registers of a CPU where a few examples do not.
    return apart(lambda kinds, z: function(functions, kinds, z), kinds[None], z.T).T


def _buffer(sweep: Sweep, inputs: Array, rows: Array | None = None) -> Array:
    """Return the buffer of values: zero, then the inputs, then the rows of a sweep."""
    shape = inputs.shape[1:]
    rows = jnp.zeros((len(sweep.sources), *shape), inputs.dtype) if rows is None else rows
    return jnp.concatenate([jnp.zeros((1, *shape), inputs.dtype), inputs, rows])


def _get(values: Array, places: Array) -> Array:
    return values.at[places].get(mode="promise_in_bounds")


def _rows(values: Array, start: Array, n: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(values, start, n)


def _put(values: Array, rows: Array, start: Array) -> Array:
    return jax.lax.dynamic_update_slice_in_dim(values, rows, start, 0)
