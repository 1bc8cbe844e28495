"""Networks as large loop-free graphs of units (eq. 6 at scale): run, and differentiated at any depth.

Automatic differentiation of a loop that writes into one long buffer is quadratic in the number of steps. So the
derivative is written down: with z = W sigma(z) + b over all units, (I - W D) dz = dW v + db, where D is sigma'(z) and
v = sigma(z). That system is triangular; the forward schedule solves it level by level, the backward schedule its
transpose, which is backpropagation. `custom_linear_solve` makes of the two every derivative of any order.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.activations import Activation, PerUnit, name_of, sigmoid
from jaxnet.layers import Network
from jaxnet.schedules import NO_EDGE, SUM_EDGE, Layout, Schedule, Sweep, schedule, size_class
from jaxnet.units import Neuron
from jaxnet.validation import ShapeError, check_floating
from jaxnet.wiring import Wiring

# Rows whose weighted sums are added up at once where no order is to be kept.
_BLOCK = 1024


def evaluate(
    wiring: Wiring | Schedule, params: Neuron, x: ArrayLike, activation: Activation | PerUnit = sigmoid
) -> Array:
    """Run a loop-free graph of units, each sigma(sum_i w_i y_i + b) of the nodes that feed it.

    Level by level in a compiled loop over all examples at once, with multiplications and sums in full precision on
    every device. Memory grows with edges, and with nodes times examples. The gradient costs about three times as much,
    whatever the depth. Called outside `jit`, one compilation serves all wirings of a size class. Under a `jit` of your
    own a wiring is part of the program; pass `schedule(wiring)` as an argument to make it data.

    Args:
        wiring: the graph, or its `schedule`.
        params: `(w, b)` with w `(edges,)`, b `(units,)`.
        x: inputs `(..., n)`, floating.
        activation: the non-linearity of every unit, or `jaxnet.per_unit` of one for each.

    Returns:
        `(..., m)`: the values of the nodes in `wiring.outputs`, in the promoted type of parameters and inputs.

    Raises:
        ShapeError: if w, b, x or the activations do not fit the wiring.
        TypeError: if w or x is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 6 and backpropagation.

    >>> from jaxnet.activations import step
    >>> xor = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])
    >>> params = Neuron(w=jnp.array([1.0, 1.0, 1.0, 1.0, -2.0]), b=jnp.array([-1.5, -0.5]))
    >>> evaluate(xor, params, jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), step).T
    Array([[0., 1., 1., 0.]], dtype=float32)
    """
    w, b = (jnp.asarray(p) for p in params)
    x = jnp.asarray(x)
    check_floating(w, x)
    if w.shape != (wiring.n_edges,) or b.shape != (wiring.n_units,):
        raise ShapeError(
            f"evaluate: expected weights {(wiring.n_edges,)} and biases {(wiring.n_units,)}, one an edge and one a "
            f"unit of {wiring}, got {w.shape} and {b.shape}."
        )
    if x.ndim == 0 or x.shape[-1] != wiring.n_inputs:
        raise ShapeError(f"evaluate: expected inputs (..., {wiring.n_inputs}) for {wiring}, got {x.shape}.")
    functions, kinds = (activation,), np.zeros(wiring.n_units, np.int32)
    if isinstance(activation, PerUnit):
        functions, kinds = activation.functions, np.asarray(activation.kinds, np.int32)
        if kinds.shape != b.shape:
            raise ShapeError(
                f"evaluate: expected {wiring.n_units} activations, one a unit of {wiring}, got {len(kinds)}."
            )
    ready = wiring if isinstance(wiring, Schedule) else schedule(wiring)
    dtype = jnp.result_type(w, b, x)
    padded = (_padded(a.astype(dtype)) for a in (w, b))
    patterns = _padded(x.astype(dtype).reshape(math.prod(x.shape[:-1]), wiring.n_inputs).T)
    y = _evaluate(ready.layout, _padded(kinds), *padded, patterns, functions, ready.rows_per_step)
    return y[: wiring.n_outputs].T.reshape(*x.shape[:-1], wiring.n_outputs)


class Wired(NamedTuple):
    """The structure of a wiring as a network: the graph, and the non-linearity of its units."""

    wiring: Wiring
    activation: Activation | PerUnit

    n_inputs = property(lambda self: self.wiring.n_inputs)
    n_outputs = property(lambda self: self.wiring.n_outputs)

    def __repr__(self) -> str:
        return f"{self.wiring} {name_of(self.activation)}"


def wired(wiring: Wiring, activation: Activation | PerUnit = sigmoid, *, dtype: Any = float) -> Network:
    """A wiring as a `Network`, to train or to compose like any other.

    Args:
        wiring: the graph.
        activation: the non-linearity of every unit, or `jaxnet.per_unit` of one for each.
        dtype: of the parameters.

    Returns:
        A `Network` with parameters `Neuron(w, b)`, w `(edges,)` and b `(units,)`; `init` draws the weights of a unit
        with variance 1 / fan-in and starts biases at zero.

    Source: Y. Zhang (2019), eq. 6; Y. LeCun and others, Efficient BackProp (1998), for the initialisation.

    >>> net = wired(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]))
    >>> net.apply(net.init(jax.random.key(0)), jnp.zeros((4, 2))).shape
    (4, 1)
    """

    def init(key: Array) -> Neuron:
        fan_in = np.diff(wiring.offsets)
        scale = jnp.asarray(1 / np.sqrt(np.repeat(fan_in, fan_in)), dtype)
        return Neuron(scale * jax.random.normal(key, (wiring.n_edges,), dtype), jnp.zeros((wiring.n_units,), dtype))

    return Network(init, lambda params, x: evaluate(wiring, params, x, activation), Wired(wiring, activation))


def _padded(a: Any) -> Any:
    """Zeros after the end, up to the size class of the first axis."""
    widths = [(0, size_class(len(a)) - len(a))] + [(0, 0)] * (a.ndim - 1)
    return a if widths[0] == (0, 0) else jnp.pad(a, widths)


# From here on values are node-major, (positions, examples), and positions are those of the schedule.


@functools.partial(jax.jit, static_argnames=("functions", "rows_per_step"))
def _evaluate(layout: Layout, kinds: Array, w: Array, b: Array, x: Array, functions: tuple, rows_per_step: tuple):
    """`(m, examples)` of inputs `(n, examples)`."""
    # One more kind than there are functions, 0, for positions that hold no unit.
    kinds = _fill(kinds + 1, layout.units, 0)
    return _outputs(functions, rows_per_step, layout, kinds, w, b, x)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _outputs(functions: tuple, rows_per_step: tuple, layout: Layout, kinds: Array, w: Array, b: Array, x: Array):
    """What is read, when no derivative is: the values alone are kept."""
    forward, rows = layout.forward, rows_per_step[0]
    slots, biases = _weights(forward, w), _fill(b, layout.units, 0)

    def step(i: Array, values: Array) -> Array:
        start = forward.starts[i]
        here = start + len(values) - len(forward.sources)
        z = _sums(_rows(slots, start, rows), values, _rows(forward.sources, start, rows))
        z = z + _rows(biases, here, rows)[:, None]
        return _put(values, _activate(functions, _rows(kinds, here, rows), z), here)

    return jax.lax.fori_loop(0, forward.n_steps, step, _buffer(forward, x))[layout.outputs]


@_outputs.defjvp
def _outputs_jvp(functions: tuple, rows_per_step: tuple, primals: tuple, tangents: tuple):
    layout, kinds, *arrays = primals

    def read(w: Array, b: Array, x: Array) -> Array:
        z = _pre_activations(functions, rows_per_step, layout, kinds, w, b, x)
        return _activate(functions, kinds[layout.outputs], z[layout.outputs])

    return jax.jvp(read, tuple(arrays), tangents[2:])


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _pre_activations(
    functions: tuple, rows_per_step: tuple, layout: Layout, kinds: Array, w: Array, b: Array, x: Array
):
    """z at every position; inputs and rows that are parts of sums have the identity for an activation."""
    forward, rows = layout.forward, rows_per_step[0]
    slots, biases = _weights(forward, w), _fill(b, layout.units, 0)

    def step(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        values, zs = carry
        start = forward.starts[i]
        here = start + len(values) - len(forward.sources)
        z = _sums(_rows(slots, start, rows), values, _rows(forward.sources, start, rows))
        z = z + _rows(biases, here, rows)[:, None]
        return _put(values, _activate(functions, _rows(kinds, here, rows), z), here), _put(zs, z, here)

    values = _buffer(forward, x)
    return jax.lax.fori_loop(0, forward.n_steps, step, (values, values))[1]


@_pre_activations.defjvp
def _pre_activations_jvp(functions: tuple, rows_per_step: tuple, primals: tuple, tangents: tuple):
    layout, kinds, w, b, x = primals
    _, _, dw, db, dx = tangents
    forward, backward = layout.forward, layout.backward
    z = _pre_activations(functions, rows_per_step, *primals)
    activate = functools.partial(_activate, functions, kinds)
    v, slopes = jax.jvp(activate, (z,), (jnp.ones_like(z),))
    slots = _weights(forward, w)

    def matvec(dz: Array) -> Array:
        return dz - _buffer(forward, jnp.zeros_like(x), _all_sums(slots, slopes * dz, forward.sources))

    def solve(_: Any, right: Array) -> Array:
        def step(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            values, dzs = carry
            start = forward.starts[i]
            here = start + len(values) - len(forward.sources)
            dz = _sums(_rows(slots, start, rows_per_step[0]), values, _rows(forward.sources, start, rows_per_step[0]))
            dz = dz + _rows(right, here, rows_per_step[0])
            return _put(values, _rows(slopes, here, rows_per_step[0]) * dz, here), _put(dzs, dz, here)

        return jax.lax.fori_loop(0, forward.n_steps, step, (slopes * right, right))[1]

    def solve_transposed(_: Any, right: Array) -> Array:
        slots = _weights(backward, w)

        def step(i: Array, deltas: Array) -> Array:
            start = backward.starts[i]
            delta = _sums(
                _rows(slots, start, rows_per_step[1]), deltas, _rows(backward.sources, start, rows_per_step[1])
            )
            nodes = _rows(layout.nodes, start, rows_per_step[1])
            return _put(deltas, _get(right, nodes) + _get(slopes, nodes) * delta, 1 + start)

        deltas = jnp.zeros((1 + len(backward.sources), right.shape[1]), right.dtype)
        return _get(jax.lax.fori_loop(0, backward.n_steps, step, deltas), layout.places)

    dslots = jnp.where(forward.edges == SUM_EDGE, 0, _fill(dw, forward.edges, 0))
    right = _buffer(forward, dx, _all_sums(dslots, v, forward.sources)) + _fill(db, layout.units, 0)[:, None]
    return z, jax.lax.custom_linear_solve(matvec, right, solve, solve_transposed)


def _weights(sweep: Sweep, w: Array) -> Array:
    """The weight of every slot."""
    return jnp.where(sweep.edges == SUM_EDGE, jnp.ones((), w.dtype), _fill(w, sweep.edges, 0))


def _sums(weights: Array, values: Array, sources: Array) -> Array:
    """`(rows, examples)`: the weighted sum of the sources of each row; no dot, whose precision a device may lower."""
    found = _get(values, sources)
    terms = [weights[:, slot, None] * found[:, slot] for slot in range(sources.shape[1])]
    return functools.reduce(jnp.add, terms)


def _all_sums(weights: Array, values: Array, sources: Array) -> Array:
    """The same for all rows, in blocks; in the reverse pass the values are gathered again, not kept."""

    @jax.checkpoint
    def row(weights: Array, sources: Array) -> Array:
        found = _get(values, sources)
        return functools.reduce(jnp.add, [weights[slot] * found[slot] for slot in range(len(sources))])

    return jax.lax.map(lambda slots: row(*slots), (weights, sources), batch_size=_BLOCK)


def _activate(functions: tuple, kinds: Array, z: Array) -> Array:
    values = z
    for kind, function in enumerate(functions, start=1):
        chosen = jnp.broadcast_to((kinds == kind)[:, None], z.shape)
        # Another unit's pre-activation may be outside the domain of this function, whose NaN would reach the gradient.
        values = jnp.where(chosen, function(jnp.where(chosen, z, 0)).astype(z.dtype), values)
    return values


def _buffer(sweep: Sweep, inputs: Array, rows: Array | None = None) -> Array:
    """Zero, then the inputs, then the rows of a sweep."""
    shape = inputs.shape[1:]
    rows = jnp.zeros((len(sweep.sources), *shape), inputs.dtype) if rows is None else rows
    return jnp.concatenate([jnp.zeros((1, *shape), inputs.dtype), inputs, rows])


def _fill(values: Array, places: Array, missing: int) -> Array:
    return values.at[places].get(mode="fill", fill_value=missing)


def _get(values: Array, places: Array) -> Array:
    return values.at[places].get(mode="promise_in_bounds")


def _rows(values: Array, start: Array, n: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(values, start, n)


def _put(values: Array, rows: Array, start: Array) -> Array:
    return jax.lax.dynamic_update_slice_in_dim(values, rows, start, 0)
