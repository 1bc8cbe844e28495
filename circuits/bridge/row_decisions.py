"""What a network says on each row of a domain, and how close the call was, against the bound on rounding.

Floats decide a row where every output, and every step before it, is further from its threshold than the bound. The few
rows that are left go through float64, and then through `row_checks`. Domains of many rows go through XLA in float32,
where what the columns that change slowly add up is computed once for all rows of the columns that change fast.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from circuits.bridge.dense_levels import levels_of
from circuits.bridge.domains import Domain
from circuits.bridge.exact_rows import Reading
from circuits.bridge.network_units import NetworkUnits, sums
from circuits.bridge.rounding_bounds import ARITHMETICS, sum_bounds
from circuits.bridge.row_checks import decide_rows

# From this number of rows on XLA decides them; below, compiling takes longer than NumPy.
_MANY = 2**16
_FAST_ROWS = 2**12
_ROWS_AT_ONCE = 2**18
_NUMPY_ROWS = 2**14
_ROUNDED_DOWN = 1 - 2.0**-20


class Decisions(NamedTuple):
    """What a network says on some rows.

    Attributes:
        bits: `(rows, m)` bool, in exact arithmetic.
        closest: the smallest distance from a threshold, of an output or of a step before it, that any row has; a lower
            bound of it, infinite where no unit decides.
        uncertain: on how many rows the network's own floats may give other bits.
        unsettled: the places of rows that even fractions did not settle, whose bits mean nothing.
    """

    bits: np.ndarray
    closest: float
    uncertain: int
    unsettled: tuple[int, ...]


def decide(units: NetworkUnits, reading: Reading, x: np.ndarray) -> Decisions:
    """Return what a network says on Boolean rows, by float64 and then by fractions.

    Args:
        units: of a network.
        reading: how its outputs are read.
        x: `(rows, n)` bool.

    >>> from jaxnet.networks.wiring import Wiring
    >>> both = NetworkUnits(Wiring(2, [0, 2], [0, 1], [2]), np.ones(2), np.array([-1.5]), ("sigmoid",), "float32")
    >>> decide(both, Reading(), np.array([[0, 0], [0, 1], [1, 1]], bool)).bits.T
    array([[False, False,  True]])
    """
    return _Decider(units, reading).decide(x)


def decide_domain(units: NetworkUnits, reading: Reading, domain: Domain) -> Iterator[tuple[int, Decisions]]:
    """Decide all rows of a domain, block by block; each with the number of its first row."""
    decider = _Decider(units, reading)
    if domain.n_rows < _MANY:
        for start in range(0, domain.n_rows, _NUMPY_ROWS):
            yield start, decider.decide(domain.block(start, min(start + _NUMPY_ROWS, domain.n_rows)))
        return
    fast, slow = _split(domain)
    inner = fast.block(0, fast.n_rows)
    step = max(1, _ROWS_AT_ONCE // fast.n_rows)
    for first in range(0, slow.n_rows, step):
        start = first * fast.n_rows
        yield start, decider.decide_product(inner, slow.block(first, min(first + step, slow.n_rows)), step)


def _split(domain: Domain) -> tuple[Domain, Domain]:
    """Return a domain as a product of its first columns, of few rows, and the rest."""
    count, rows = 0, 1
    for part in domain.parts:
        if rows * len(part.table) > _FAST_ROWS:
            break
        count, rows = count + 1, rows * len(part.table)
    return Domain(domain.parts[:count]), Domain(domain.parts[count:])


class _Shape(NamedTuple):
    """What XLA compiles for: of each level the kinds of its units; the outputs, and how they are read."""

    kinds: tuple[tuple[str, ...], ...]
    fed_by: tuple[tuple[int, ...], ...]
    outputs: tuple[int, ...]
    read: str


class _Decider:
    """A network made ready."""

    def __init__(self, units: NetworkUnits, reading: Reading):
        self.units, self.reading = units, reading
        self.levels = levels_of(units.plain())
        n = units.wiring.n_inputs
        # Units in the order of their levels, and after them the inputs that are outputs.
        self.order = np.concatenate([np.zeros(0, int), *(level.units for level in self.levels)])
        place = np.argsort(self.order)
        outputs = units.wiring.outputs.tolist()
        self.places = tuple(int(place[node - n]) if node >= n else -1 - node for node in outputs)
        self.is_step = np.array([units.kinds[unit] in ("step", "sign") for unit in self.order], bool)
        self.thresholds = np.array(
            [reading.threshold if node >= n and units.kinds[node - n] == "identity" else 0.0 for node in outputs]
        )
        if reading.read == "argmax":
            self.thresholds[:] = 0
        self.exact = sum_bounds(units, "float64")[self.order]
        self.own = sum_bounds(units, units.dtype)[self.order] + self._near_half(units.dtype)

    def decide(self, x: np.ndarray) -> Decisions:
        with np.errstate(over="ignore", invalid="ignore"):
            z = sums(self.units, x, self.levels)[:, self.order]
            values = _values(np, z, x, self.places) - self.thresholds
            bits, beyond = _read(np, values, z, self.is_step, self.reading.read, self.places, self.exact)
            beyond_own = _read(
                np,
                values,
                z,
                self.is_step,
                self.reading.read,
                self.places,
                (self.exact + self.own) * (2 - _ROUNDED_DOWN),
            )[1]
        bits = np.array(bits)
        # NaN is not decided either.
        left = np.flatnonzero(~(beyond > 0))
        found = decide_rows(self.units.plain(), self.reading, x[left])
        bits[left] = found.bits
        unsettled = left[~found.settled].tolist()
        closest = float(np.where(beyond > 0, beyond, 0).min(initial=math.inf))
        return Decisions(bits, closest, int((~(beyond_own > 0)).sum()), tuple(unsettled))

    def _near_half(self, dtype: str) -> np.ndarray:
        """Return how far from 0 an output unit has to be, so that its sigmoid or tanh shows on which side it is."""
        distance = np.zeros(len(self.order))
        for p in self.places:
            if p >= 0:
                kind = self.units.kinds[self.order[p]]
                distance[p] = {"sigmoid": 5.0, "tanh": 3.0}.get(kind, 0.0) * ARITHMETICS[dtype].sigmoid
        return distance

    @functools.cached_property
    def _compiled(self) -> tuple[_Shape, list[Any], Any, Any]:
        place = np.argsort(self.order)
        shape = _Shape(
            tuple(tuple(self.units.kinds[unit] for unit in level.units) for level in self.levels),
            tuple(tuple(place[level.fed_by].tolist()) for level in self.levels),
            self.places,
            self.reading.read,
        )
        return (
            shape,
            [level.weights.astype(np.float32) for level in self.levels],
            np.concatenate([level.inputs for level in self.levels]).astype(np.float32),
            # Twice, since then any other evaluation in float32 decides alike.
            (2.01 * sum_bounds(self.units, "float32")[self.order] + self._near_half("float32")).astype(np.float32),
        )

    def decide_product(self, inner: np.ndarray, outer: np.ndarray, step: int) -> Decisions:
        """Decide all pairs of rows of the first columns and rows of the others, the first fastest."""
        shape, weights, inputs, bounds = self._compiled
        split = inner.shape[1]
        count = len(outer)
        # Always as many rows, so that one program serves all blocks.
        outer = np.concatenate([outer, np.zeros((step - count, outer.shape[1]), bool)])
        bias = np.concatenate([level.bias for level in self.levels]).astype(np.float32)
        bits, beyond = (
            np.asarray(a)
            for a in _run(
                shape,
                jnp.asarray(_weighted(inner, inputs[:, :split])),
                jnp.asarray(_weighted(outer, inputs[:, split:]) + bias),
                tuple(jnp.asarray(w) for w in weights),
                jnp.asarray(inner),
                jnp.asarray(outer),
                jnp.asarray(self.thresholds, jnp.float32),
                jnp.asarray(bounds),
                jnp.asarray(self.is_step),
            )
        )
        rows = count * len(inner)
        bits, beyond = (a.reshape(-1, *a.shape[2:])[:rows] for a in (bits, beyond))
        decided = beyond > 0
        left = np.flatnonzero(~decided)
        if not len(left):
            return Decisions(bits, float(beyond.min(initial=math.inf)), 0, ())
        # What float32 leaves open, a part of it at a time.
        bits = np.array(bits)
        least, uncertain, unsettled = float(beyond[decided].min(initial=math.inf)), 0, []
        for start in range(0, len(left), _NUMPY_ROWS):
            part = left[start : start + _NUMPY_ROWS]
            x = np.concatenate([inner[part % len(inner)], outer[part // len(inner)]], axis=1)
            found = self.decide(x)
            bits[part] = found.bits
            least, uncertain = min(least, found.closest), uncertain + found.uncertain
            unsettled += part[list(found.unsettled)].tolist()
        return Decisions(bits, least, uncertain, tuple(unsettled))


def _weighted(x: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Return what columns add up for each unit, `(rows, units)` float32."""
    return x.astype(np.float32) @ inputs.T


@functools.partial(jax.jit, static_argnums=0)
def _run(
    shape: _Shape,
    inner: Any,
    outer: Any,
    weights: tuple,
    x_inner: Any,
    x_outer: Any,
    thresholds: Any,
    bounds: Any,
    steps: Any,
) -> tuple[Any, Any]:
    sums_so_far, values, start = [], [], 0
    q, p = len(outer), len(inner)
    for kinds, fed_by, w in zip(shape.kinds, shape.fed_by, weights, strict=True):
        own = slice(start, start + len(kinds))
        start += len(kinds)
        z = outer[:, None, own] + inner[None, :, own]
        if fed_by:
            v = jnp.concatenate(values, axis=2)
            if fed_by != tuple(range(v.shape[2])):
                v = v[:, :, np.array(fed_by)]
            z = z + jnp.einsum("qpk,mk->qpm", v, w, precision=jax.lax.Precision.HIGHEST)
        sums_so_far.append(z)
        values.append(_activated(kinds, z))
    z = jnp.concatenate(sums_so_far, axis=2) if sums_so_far else jnp.zeros((q, p, 0), jnp.float32)
    x = jnp.concatenate(
        [
            jnp.broadcast_to(x_inner[None], (q, p, x_inner.shape[1])),
            jnp.broadcast_to(x_outer[:, None], (q, p, x_outer.shape[1])),
        ],
        axis=2,
    )
    found = _values(jnp, z, x, shape.outputs) - jnp.broadcast_to(thresholds, (q, p, len(thresholds)))
    return _read(jnp, found, z, steps, shape.read, shape.outputs, bounds)


def _activated(kinds: tuple[str, ...], z: Any) -> Any:
    functions = {
        "step": lambda z: (z >= 0).astype(z.dtype),
        "sign": lambda z: jnp.where(z >= 0, jnp.ones_like(z), -jnp.ones_like(z)),
        "sigmoid": jax.nn.sigmoid,
        "tanh": jnp.tanh,
        "relu": jax.nn.relu,
        "identity": lambda z: z,
    }
    if len(set(kinds)) == 1:
        return functions[kinds[0]](z)
    return jnp.stack([functions[kind](z[:, :, i]) for i, kind in enumerate(kinds)], axis=2)


def _values(xp: Any, z: Any, x: Any, places: tuple[int, ...]) -> Any:
    """Return the sum of each output unit; for an input that is an output, a sum that leaves no doubt."""
    columns = [z[..., p] if p >= 0 else xp.where(x[..., -1 - p], xp.inf, -xp.inf).astype(z.dtype) for p in places]
    return xp.stack(columns, axis=-1)


def _read(xp: Any, values: Any, z: Any, steps: Any, read: str, places: tuple[int, ...], bounds: Any) -> tuple:
    """Return the bits `(..., m)`, and for each row by how much the closest call of its units passes their bounds."""
    own = xp.stack([bounds[p] if p >= 0 else xp.zeros((), bounds.dtype) for p in places]) if places else bounds[:0]
    size = xp.abs(values) * _ROUNDED_DOWN
    if read == "argmax":
        top = values.argmax(axis=-1)[..., None]
        number = xp.arange(values.shape[-1]).reshape((1,) * (values.ndim - 1) + (-1,))
        bits = number == top
        if values.shape[-1] > 1:
            lead = xp.take_along_axis(values, top, axis=-1) - values
            size = xp.where(bits, xp.inf, lead * _ROUNDED_DOWN).min(axis=-1)[..., None]
            own = 2 * own.max()[None]
        else:
            size = xp.full_like(size, xp.inf)
    else:
        bits = values >= 0
    beyond = (size - own.reshape((1,) * (size.ndim - 1) + (-1,))).min(axis=-1, initial=xp.inf)
    before = xp.where(steps.reshape((1,) * (z.ndim - 1) + (-1,)), xp.abs(z) * _ROUNDED_DOWN, xp.inf)
    left = before - bounds.reshape((1,) * (z.ndim - 1) + (-1,))
    return bits, xp.minimum(beyond, left.min(axis=-1, initial=xp.inf))
