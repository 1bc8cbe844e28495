"""The order in which a loop-free graph is computed, level by level, as padded arrays that a compiled function takes.

Every unit becomes rows of at most `width` weighted sources: a wider one becomes a tree of sums, so that a fan-in of
100,000 beside one of 2 costs what its edges cost. Rows are sorted by level, and a step of the loop computes
`rows_per_step` neighbouring rows at once. The backward schedule is that of the graph with its edges reversed: the
reverse pass of `evaluate` is a forward pass over it, without a scatter and so in the same order on every device.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnet.networks.wiring import Wiring, live_units

# The number of the edge in a slot: 0 for none, 1 inside a tree of sums, e + 2 for edge e of the wiring. The weights 0
# and 1 stand before those of the wiring.
NO_EDGE, SUM_EDGE, FIRST_EDGE = 0, 1, 2

# The number of rows is a multiple of this, or smaller, so that work that needs no order can be done in blocks.
BLOCK = 1024

_WIDTHS = (2, 3, 4, 6, 8, 10, 12, 16, 24, 32)
# Costs, by which width and rows per step are chosen: of a row in units of a slot, and of starting a step in units of a
# slot for one example. Measured on a CPU (0.4 us and 0.2 ns); a kernel launch costs more.
_ROW_IN_SLOTS = 4
_STEP_IN_SLOTS = {"cpu": 2_000}
_STEP_OF_A_KERNEL = 500_000
_NOMINAL_BATCH = 8
# The most rows of a step on a CPU: what 128 rows of 10 gather for 32 examples, 160 kB, stays in the second-level cache.
# With 2,048 rows a forward pass of 10^5 units took 2.5 times as long.
_MOST_CACHED_ROWS = 128


class Sweep(NamedTuple):
    """One pass over a graph: which rows each step computes, and what feeds them.

    Attributes:
        starts: `(steps,)` int32; the first row of each step; a step may run into the next level, whose own step
            then writes over those rows.
        n_steps: `()` int32; how many of `starts` are used.
        sources: `(rows, width)` int32; positions in the buffer of values, which has zero at position 0.
        edges: `(rows, width)` int32; `NO_EDGE`, `SUM_EDGE`, or `FIRST_EDGE` + the number of an edge.
    """

    starts: Any
    n_steps: Any
    sources: Any
    edges: Any


class SweepLayout(NamedTuple):
    """The arrays of a schedule; the buffer of values has zero, the inputs, then the rows of the forward sweep.

    Attributes:
        forward: the sweep from inputs to outputs.
        units: `(1 + inputs + rows,)` int32; 1 + the unit that each position holds, 0 for none.
        positions: `(units,)` int32; where each unit is.
        live: `(1 + inputs + rows,)` bool; whether a position holds a unit on which an output depends.
        outputs: `(m,)` int32; the positions that are read.
        backward: the sweep from outputs to inputs; its buffer has zero, then its own rows.
        nodes: `(backward rows,)` int32; the forward position that each backward row holds, 0 for none.
        places: `(1 + inputs + rows,)` int32; the backward position of each forward one, 0 for none.
    """

    forward: Sweep
    units: Any
    positions: Any
    live: Any
    outputs: Any
    backward: Sweep
    nodes: Any
    places: Any


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["layout"],
    meta_fields=["rows_per_step", "n_inputs", "n_units", "n_edges", "n_outputs"],
)
@dataclass(frozen=True, eq=False)
class LevelSchedule:
    """A wiring made ready to run: a pytree of arrays, to be passed through `jax.jit` as an argument.

    Attributes:
        layout: the arrays, padded to size classes.
        rows_per_step: that of the forward and that of the backward sweep.
        n_inputs: n.
        n_units: how many units.
        n_edges: how many edges.
        n_outputs: m.
    """

    layout: SweepLayout
    rows_per_step: tuple[int, int]
    n_inputs: int
    n_units: int
    n_edges: int
    n_outputs: int

    def __repr__(self) -> str:
        return (
            f"LevelSchedule({self.n_inputs} inputs, {self.n_units} units, {self.n_edges} edges, "
            f"{self.n_outputs} outputs)"
        )


def level_schedule(wiring: Wiring) -> LevelSchedule:
    """Return the order in which `evaluate` computes a wiring; it is made once and kept with the wiring.

    Args:
        wiring: the graph.

    Returns:
        A `LevelSchedule`. Schedules of the same size class have arrays of the same shapes, and share compiled programs.

    >>> level_schedule(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]))
    LevelSchedule(2 inputs, 2 units, 5 edges, 1 outputs)
    """
    kept = wiring.__dict__.get("_schedule")
    if kept is None:
        # Under a trace too these are numbers, not tracers, since the wiring outlives the trace.
        with jax.ensure_compile_time_eval():
            kept = _build(wiring)
        wiring.__dict__["_schedule"] = kept
    return kept


def most_rows() -> int:
    """Return how many rows may be computed at once: on a CPU what they gather stays in its cache.

    >>> most_rows() in (128, 131072)
    True
    """
    return _MOST_CACHED_ROWS if jax.default_backend() == "cpu" else 2**17


def size_class(size: int) -> int:
    """Return the smallest of the sizes 1..8, 10, 12, 14, 16, 20, 24, 28, 32, 40, ... that is not below `size`.

    >>> [size_class(n) for n in (0, 3, 9, 17, 1000, 1025)]
    [1, 3, 10, 20, 1024, 1280]
    """
    size = max(size, 1)  # An array of nothing cannot be gathered from, one of padding can.
    step = 1 << max(0, (size - 1).bit_length() - 3)
    return -(-size // step) * step


def _build(wiring: Wiring) -> LevelSchedule:
    n = size_class(wiring.n_inputs)
    if max(FIRST_EDGE + size_class(wiring.n_edges), 1 + n + size_class(wiring.n_units)) >= 2**31:
        raise ValueError(
            "level_schedule: expected fewer than 2^31 edges and nodes, filled up to a size class, got "
            f"{wiring.n_edges:,} edges and {wiring.n_inputs + wiring.n_units:,} nodes. Numbers have 32 bits: cut it "
            "into several."
        )
    fan_in = np.diff(wiring.offsets)
    # From nodes of the wiring to positions of a buffer that begins with a zero and has room for padded inputs.
    positions = np.where(wiring.sources < wiring.n_inputs, wiring.sources + 1, wiring.sources + 1 + n - wiring.n_inputs)
    forward, rows_of_units, rows_per_step, n_rows = _sweep(
        1 + n, fan_in, positions.astype(np.int32), FIRST_EDGE + np.arange(wiring.n_edges, dtype=np.int32)
    )
    units = np.zeros(1 + n + len(forward.sources), np.int32)
    units[rows_of_units] = 1 + np.arange(wiring.n_units)
    positions_of_units = np.pad(rows_of_units, (0, size_class(wiring.n_units) - wiring.n_units))
    live = np.zeros(len(units), bool)
    live[rows_of_units] = live_units(wiring)
    outputs = np.zeros(size_class(wiring.n_outputs), np.int32)
    inner = wiring.outputs >= wiring.n_inputs
    outputs[: wiring.n_outputs] = wiring.outputs + 1
    outputs[: wiring.n_outputs][inner] = rows_of_units[wiring.outputs[inner] - wiring.n_inputs]

    # The reversed graph: nodes in reverse order, each fed by those that it fed. Position p becomes node last - p.
    last = n + n_rows
    targets, slots = np.nonzero(forward.edges[:n_rows] != NO_EDGE)
    feeding = forward.sources[targets, slots]
    order = np.argsort(last - feeding, kind="stable")
    fan_out = np.bincount(last - feeding, minlength=last)
    turned = (last - (1 + n + targets[order])).astype(np.int32)
    backward, rows_of_nodes, backward_rows_per_step, _ = _sweep(
        1, fan_out, 1 + turned, forward.edges[targets, slots][order]
    )
    nodes = np.zeros(len(backward.sources), np.int32)
    nodes[rows_of_nodes - 1] = last - np.arange(last)
    places = np.zeros(len(units), np.int32)
    places[1 : last + 1] = rows_of_nodes[::-1]
    layout = SweepLayout(forward, units, positions_of_units, live, outputs, backward, nodes, places)
    # With its dtype an array is copied; without, JAX 0.10 compiles a program for each shape that does so.
    layout = jax.tree.map(lambda a: jnp.asarray(a, a.dtype), layout)
    counts = wiring.n_inputs, wiring.n_units, wiring.n_edges, wiring.n_outputs
    return LevelSchedule(layout, (rows_per_step, backward_rows_per_step), *counts)


def _sweep(
    n_leaves: int, fan_in: np.ndarray, sources: np.ndarray, edges: np.ndarray
) -> tuple[Sweep, np.ndarray, int, int]:
    """Cut units into rows, sort rows into levels, and cut levels into steps.

    Positions are leaves 0..n_leaves-1, of which 0 is the zero, then units. Returns the sweep, the position of each
    unit in it, the rows of a step, and how many rows are not padding.
    """
    step_cost = _STEP_IN_SLOTS.get(jax.default_backend(), _STEP_OF_A_KERNEL)
    choices = []
    work = {width: _n_rows(fan_in, width) * (width + _ROW_IN_SLOTS) for width in _WIDTHS}
    best, second = sorted(work, key=lambda width: work[width])[:2]
    # A narrow width has trees in more levels, which only shows in the number of steps.
    for width in (best, second) if work[second] < 1.5 * work[best] else (best,):
        rows = _rows(n_leaves, fan_in, sources, edges, width)
        level = _levels(n_leaves, rows[0])
        sizes = np.bincount(level, minlength=1)[1:]
        for rows_per_step in (1 << i for i in range(2, most_rows().bit_length())):
            cost = step_cost + rows_per_step * _NOMINAL_BATCH * (width + _ROW_IN_SLOTS)
            choices.append((int((-(-sizes // rows_per_step)).sum()) * cost, rows_per_step, rows, level, sizes))
    _, rows_per_step, (sources, edges, own), level, sizes = min(choices, key=lambda choice: choice[0])

    order = np.argsort(level, kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    position = np.concatenate([np.arange(n_leaves, dtype=np.int32), n_leaves + rank])
    steps = -(-sizes // rows_per_step)
    before = np.repeat(np.cumsum(steps) - steps, steps)
    starts = np.repeat(np.cumsum(sizes) - sizes, steps) + rows_per_step * (np.arange(len(before)) - before)

    # A step of padding rows past the end, since the last step may run over it.
    n_rows = size_class(len(rank)) + rows_per_step
    padding = (n_rows if n_rows <= BLOCK else -(-n_rows // BLOCK) * BLOCK) - len(rank)
    sweep = Sweep(
        np.pad(starts.astype(np.int32), (0, size_class(len(starts)) - len(starts))),
        np.int32(len(starts)),
        np.pad(position[sources[order]], ((0, padding), (0, 0))),
        np.pad(edges[order], ((0, padding), (0, 0))),
    )
    return sweep, position[n_leaves + own], rows_per_step, len(rank)


def _n_rows(fan_in: np.ndarray, width: int) -> int:
    n, wide = len(fan_in), fan_in[fan_in > width]
    while wide.size:
        wide = -(-wide // width)
        n += int(wide.sum())
        wide = wide[wide > width]
    return n


def _rows(
    n_leaves: int, fan_in: np.ndarray, sources: np.ndarray, edges: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of `width` slots, those of a unit together with its sum last, and the row of each unit."""
    groups, left = [], fan_in
    while (left > width).any():
        left = np.where(left > width, -(-left // width), 0)
        groups.append(left)
    rows_of = 1 + sum(groups, np.zeros_like(fan_in))
    own = np.cumsum(rows_of) - 1
    row_sources = np.zeros((int(rows_of.sum()), width), np.int32)
    row_edges = np.full_like(row_sources, NO_EDGE)
    inner = sources >= n_leaves
    sources = sources.copy()
    sources[inner] = n_leaves + own[sources[inner] - n_leaves]

    unit, count, free = np.repeat(np.arange(len(fan_in)), fan_in), fan_in, own - rows_of + 1
    for group in [*groups, None]:
        place = np.arange(len(unit)) - np.repeat(np.cumsum(count) - count, count)
        if group is None:
            row, slot = own[unit], place
        else:
            wide = group[unit] > 0
            row = np.where(wide, free[unit] + place // width, own[unit])
            slot = np.where(wide, place % width, place)
        row_sources[row, slot], row_edges[row, slot] = sources, edges
        if group is not None:
            unit, count = np.repeat(np.arange(len(group)), group), group
            row = np.repeat(free - np.cumsum(group) + group, group) + np.arange(len(unit))
            sources, edges, free = n_leaves + row, np.full(len(unit), SUM_EDGE), free + group
    return row_sources, row_edges, own


def _levels(n_leaves: int, sources: np.ndarray) -> np.ndarray:
    """Return the level of each row, 1 or more, as `wiring.levels` does, but compiled, for millions of rows."""
    padded = np.pad(sources, ((0, size_class(len(sources)) - len(sources)), (0, 0)))
    try:
        cpu = jax.local_devices(backend="cpu")[0]  # an accelerator is slow at one small step after another
    except RuntimeError:
        cpu = None
    with jax.default_device(cpu):
        return np.asarray(_longest_paths(padded, n_leaves))[n_leaves : n_leaves + len(sources)]


@partial(jax.jit, static_argnames="n_leaves")
def _longest_paths(sources: Array | np.ndarray, n_leaves: int) -> Array:
    def row(i: Array, level: Array) -> Array:
        return level.at[n_leaves + i].set(1 + jnp.max(level[sources[i]]))

    return jax.lax.fori_loop(0, len(sources), row, jnp.zeros(n_leaves + len(sources), jnp.int32))
