"""Networks as large loop-free graphs of units (eq. 6 at scale): run, differentiated, composed.

The compiled loops and their derivative are in `level_loops`, the order of what they compute in `level_schedules`.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike, DTypeLike

from jaxnet.networks import level_loops
from jaxnet.networks.activations import Activation, PerUnit, name_of, sigmoid
from jaxnet.networks.level_schedules import LevelSchedule, level_schedule, size_class
from jaxnet.networks.network import Network
from jaxnet.networks.units import Neuron
from jaxnet.networks.wiring import Wiring
from jaxnet.pytrees import Key
from jaxnet.validation import ShapeError, check_floating, check_key


def evaluate(
    wiring: Wiring | LevelSchedule, params: Neuron, x: ArrayLike, activation: Activation | PerUnit = sigmoid
) -> Array:
    """Run a loop-free graph of units, each sigma(sum_i w_i y_i + b) of the nodes that feed it.

    Level by level in a compiled loop over all examples at once, with multiplications and sums in full precision on
    every device. Memory grows with edges, and with nodes times examples. The gradient costs three to seven forwards,
    whatever the depth. Called outside `jit`, one compilation serves all wirings of a size class. Under a `jit` of your
    own a wiring is part of the program; pass `level_schedule(wiring)` as an argument to make it data.

    Args:
        wiring: the graph, or its `level_schedule`.
        params: `(w, b)` with w `(edges,)`, b `(units,)`.
        x: inputs `(..., n)`, floating.
        activation: the non-linearity of every unit, or `jaxnet.per_unit` with one for each; a function of one number,
            which may not close over values that are differentiated.

    Returns:
        `(..., m)`: the values of the nodes in `wiring.outputs`, in the promoted type of parameters and inputs.

    Raises:
        ShapeError: if w, b, x or the activations do not fit the wiring.
        TypeError: if w or x is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 6 and backpropagation.

    >>> from jaxnet.networks.activations import step
    >>> xor = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])
    >>> params = Neuron(w=jnp.array([1.0, 1.0, 1.0, 1.0, -2.0]), b=jnp.array([-1.5, -0.5]))
    >>> evaluate(xor, params, jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), step).T
    Array([[0., 1., 1., 0.]], dtype=float32)
    """
    return _evaluate("evaluate", wiring, params, x, activation)


def unit_sums(
    wiring: Wiring | LevelSchedule, params: Neuron, x: ArrayLike, activation: Activation | PerUnit = sigmoid
) -> Array:
    """Return what every unit of a loop-free graph adds up, z = sum_i w_i y_i + b.

    Args:
        wiring: the graph, or its `level_schedule`.
        params: `(w, b)` with w `(edges,)`, b `(units,)`.
        x: inputs `(..., n)`, floating.
        activation: the non-linearity of every unit, or `jaxnet.per_unit` with one for each.

    Returns:
        `(..., units)`.

    Raises:
        ShapeError: if w, b, x or the activations do not fit the wiring.
        TypeError: if w or x is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 6-7.

    >>> unit_sums(Wiring(1, [0, 1, 2], [0, 1], [2]), Neuron(jnp.ones(2), jnp.zeros(2)), jnp.array([0.0]))
    Array([0. , 0.5], dtype=float32)
    """
    ready, kinds, w, b, x, functions = _prepared("unit_sums", wiring, params, x, activation)
    z = level_loops.unit_sums(ready.layout, kinds, w, b, _columns(x, ready.n_inputs), functions, ready.rows_per_step)
    return _examples(z, x, ready.n_units)


def unit_deltas(
    wiring: Wiring | LevelSchedule,
    params: Neuron,
    z: ArrayLike,
    cotangent: ArrayLike,
    activation: Activation | PerUnit = sigmoid,
) -> Array:
    """Return the deltas of all units, dl/dz, by a pass from the outputs back to the inputs.

    Args:
        wiring: the graph, or its `level_schedule`.
        params: `(w, b)` with w `(edges,)`, b `(units,)`.
        z: `(..., units)`, as `unit_sums` gives it.
        cotangent: `(..., units)`, dl/dv for the values of the units that the loss itself reads, 0 for the others.
        activation: the non-linearity of every unit, or `jaxnet.per_unit` with one for each.

    Returns:
        `(..., units)`: delta_u = sigma'(z_u) (cotangent_u + sum of w_e delta_t over the edges e from u to units t).

    Raises:
        ShapeError: if an array or the activations do not fit the wiring.
        TypeError: if w or z is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), backpropagation.

    >>> wiring, params = Wiring(1, [0, 1, 2], [0, 1], [2]), Neuron(jnp.array([1.0, 3.0]), jnp.zeros(2))
    >>> unit_deltas(wiring, params, jnp.zeros(2), jnp.array([0.0, 1.0]))
    Array([0.1875, 0.25  ], dtype=float32)
    """
    z, cotangent = jnp.asarray(z), jnp.asarray(cotangent)
    if z.ndim == 0 or z.shape[-1] != wiring.n_units or cotangent.shape != z.shape:
        raise ShapeError(
            f"unit_deltas: expected z and cotangent (..., {wiring.n_units}) for {wiring}, got {z.shape} and "
            f"{cotangent.shape}."
        )
    no_inputs = jnp.zeros((*z.shape[:-1], wiring.n_inputs), z.dtype)
    ready, kinds, w, _, x, functions = _prepared("unit_deltas", wiring, params, no_inputs, activation)
    columns = (_columns(jnp.asarray(a).astype(x.dtype), ready.n_units) for a in (z, cotangent))
    deltas = level_loops.deltas(ready.layout, kinds, w, *columns, functions, ready.rows_per_step)
    return _examples(deltas, x, ready.n_units)


class Wired(NamedTuple):
    """The structure of a wiring as a network: the graph, and the non-linearity of its units."""

    wiring: Wiring
    activation: Activation | PerUnit

    @property
    def n_inputs(self) -> int:
        """How many inputs the graph has."""
        return self.wiring.n_inputs

    @property
    def n_outputs(self) -> int:
        """How many of its nodes are read."""
        return self.wiring.n_outputs

    def __repr__(self) -> str:
        return f"{self.wiring} {name_of(self.activation)}"


def wired(wiring: Wiring, activation: Activation | PerUnit = sigmoid, *, dtype: DTypeLike = float) -> Network:
    """Return a wiring as a `Network`, to train or to compose like any other.

    Args:
        wiring: the graph.
        activation: the non-linearity of every unit, or `jaxnet.per_unit` with one for each.
        dtype: of the parameters.

    Returns:
        A `Network` with parameters `Neuron(w, b)`, w `(edges,)` and b `(units,)`; `init` draws the weights of a unit
        with variance 1 / fan-in and starts biases at zero.

    Source: Y. Zhang (2019), eq. 6; Y. LeCun and others, Efficient BackProp (1998), for the initialisation.

    >>> net = wired(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]))
    >>> net.apply(net.init(jax.random.key(0)), jnp.zeros((4, 2))).shape
    (4, 1)
    """

    def init(key: Key) -> Neuron:
        check_key("init", key)
        fan_in = np.diff(wiring.offsets)
        scale = jnp.asarray(1 / np.sqrt(np.repeat(fan_in, fan_in)), dtype)
        return Neuron(scale * jax.random.normal(key, (wiring.n_edges,), dtype), jnp.zeros((wiring.n_units,), dtype))

    def apply(params: Neuron, x: ArrayLike) -> Array:
        return _evaluate("apply", wiring, params, x, activation)

    return Network(init, apply, Wired(wiring, activation))


def _evaluate(
    where: str, wiring: Wiring | LevelSchedule, params: Neuron, x: ArrayLike, activation: Activation | PerUnit
) -> Array:
    ready, kinds, w, b, x, functions = _prepared(where, wiring, params, x, activation)
    y = level_loops.outputs(ready.layout, kinds, w, b, _columns(x, ready.n_inputs), functions, ready.rows_per_step)
    return _examples(y, x, ready.n_outputs)


def _prepared(
    where: str, wiring: Wiring | LevelSchedule, params: Neuron, x: ArrayLike, activation: Activation | PerUnit
):
    """Check the arguments; return them in one dtype, and all but x padded to size classes."""
    w, b = (jnp.asarray(p) for p in params)
    x = jnp.asarray(x)
    check_floating(where, w, x)
    if w.shape != (wiring.n_edges,) or b.shape != (wiring.n_units,):
        raise ShapeError(
            f"{where}: expected weights {(wiring.n_edges,)} and biases {(wiring.n_units,)}, one per edge and one "
            f"per unit of {wiring}, got {w.shape} and {b.shape}."
        )
    if x.ndim == 0 or x.shape[-1] != wiring.n_inputs:
        raise ShapeError(f"{where}: expected inputs (..., {wiring.n_inputs}) for {wiring}, got {x.shape}.")
    functions, kinds = (activation,), np.zeros(wiring.n_units, np.int32)
    if isinstance(activation, PerUnit):
        functions, kinds = activation.functions, np.asarray(activation.kinds, np.int32)
        if kinds.shape != b.shape:
            raise ShapeError(
                f"{where}: expected {wiring.n_units} activations, one per unit of {wiring}, got {len(kinds)}."
            )
    ready = wiring if isinstance(wiring, LevelSchedule) else level_schedule(wiring)
    dtype = jnp.result_type(w, b, x)
    return ready, _padded(kinds), _padded(w.astype(dtype)), _padded(b.astype(dtype)), x.astype(dtype), functions


def _padded(a: Any) -> Any:
    """Append zeros, up to the size class of the first axis."""
    widths = [(0, size_class(len(a)) - len(a))] + [(0, 0)] * (a.ndim - 1)
    return a if widths[0] == (0, 0) else jnp.pad(a, widths)


def _columns(x: Array, n: int) -> Array:
    """Return `(..., n)` as `(n, examples)`, padded."""
    return _padded(x.reshape(math.prod(x.shape[:-1]), n).T)


def _examples(columns: Array, x: Array, n: int) -> Array:
    """Undo `_columns`: `(n, examples)` to `(..., n)`, without padding."""
    return columns[:n].T.reshape(*x.shape[:-1], n)
