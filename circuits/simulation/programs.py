"""A circuit as a program on rows of words: gates of three inputs, rows used again, every size padded.

A program is data to the loops of `program_loops`, so one compilation serves all circuits whose sizes pad to the same
powers of two.
"""

import contextlib
import functools
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from circuits.netlist import Circuit, last_readers
from circuits.simulation.gate_kinds import KINDS, kinds_of
from circuits.simulation.lookup_tables import LookUpTables, as_lookup_tables
from circuits.simulation.table_orders import depth_first

# Words of a row where the loop is native: 8,192 patterns. Rows of 128 words are slower, since the loop costs 5 ns a
# gate, and shorter ones are not vectorised; rows of 512 leave the cache earlier.
ROW = 256

# Rows of that length beyond which another order of the gates is tried: half a second-level cache.
_CACHED_ROWS = 512


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["counts", "fan_ins", "polynomials", "kinds", "targets", "runs", "outputs", "copied"],
    meta_fields=["rows"],
)
@dataclass(frozen=True)
class Program:
    """A circuit for a compiled loop over rows; row 0 is false, and rows 1..n are the inputs when it starts.

    Attributes:
        counts: `(5,)` uint32: inputs, gates, outputs, outputs to copy, runs; all arrays that follow are padded to a
            power of two.
        fan_ins: `(gates, 3)` uint32: the rows that a gate reads.
        polynomials: `(gates, 8)` uint32: coefficient s is all ones or all zeros, and belongs to the product of the
            fan-ins whose bits are set in s.
        kinds: `(gates,)` uint32: the places in `KINDS` of the polynomials without their constants.
        targets: `(gates,)` uint32: the row that it writes, which may be one of those it reads. From `rows` on there is
            a row for each output, so that one that no gate reads can be written where it stays.
        runs: `(2 m, 2)` uint32: of each stretch of gates that write outputs, the first gate and the one after the last;
            an empty stretch ends the program.
        outputs: `(m,)` uint32: the rows of the outputs at the end.
        copied: `(m,)` uint32: which outputs have rows before `rows`.
        rows: how many there are, without those of the outputs.
    """

    counts: Any
    fan_ins: Any
    polynomials: Any
    kinds: Any
    targets: Any
    runs: Any
    outputs: Any
    copied: Any
    rows: int

    def __repr__(self) -> str:
        return f"Program({np.shape(self.fan_ins)[0]} padded gates, {self.rows} rows)"


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's collector of cycles, which would find none, from walking all that JAX has made again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_collector_paused()
def lower(circuit: Circuit) -> Program:
    """Return the program that computes a circuit.

    Args:
        circuit: any circuit.

    Returns:
        Its `Program`, of NumPy arrays.

    Source: the polynomial of a gate is its algebraic normal form (I. I. Zhegalkin, 1927).

    >>> from circuits.gates import XOR
    >>> program = lower(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]))
    >>> (program.polynomials[0] & 1).tolist()                              # a ^ b
    [0, 1, 1, 0, 0, 0, 0, 0]
    """
    tables = as_lookup_tables(circuit)
    placed = _rows(circuit, tables)
    if placed.rows > _CACHED_ROWS:
        reordered = depth_first(tables, circuit.outputs, circuit.n_nodes)
        tables, placed = min((tables, placed), (reordered, _rows(circuit, reordered)), key=lambda pair: pair[1].rows)
    coefficients = tables.tables[:, None] >> np.arange(8) & 1
    for leaf in (1, 2, 4):
        for product in range(8):
            if product & leaf:
                coefficients[:, product] ^= coefficients[:, product ^ leaf]
    kinds, order = kinds_of(coefficients)
    coefficients[:, 1:] = np.array(KINDS)[kinds, None] >> np.arange(1, 8) & 1
    gates, m = power_of_two(len(tables.nodes), 64), power_of_two(circuit.n_outputs, 16)
    rows = power_of_two(placed.rows, 64)
    targets, outputs = (np.where(row < 0, rows - 1 - row, row).astype(np.uint32) for row in placed[1:3])
    copied = np.flatnonzero(outputs < rows).astype(np.uint32)
    runs = np.flatnonzero(np.diff(np.concatenate([[0], targets >= rows, [0]])))
    runs = np.append(runs, [len(targets)] * 2).astype(np.uint32).reshape(-1, 2)
    return Program(
        np.array([circuit.n_inputs, len(targets), circuit.n_outputs, len(copied), len(runs)], np.uint32),
        _padded(np.take_along_axis(placed.fan_ins, order, axis=1).astype(np.uint32), gates),
        _padded(-coefficients.astype(np.uint32), gates),
        _padded(kinds.astype(np.uint32), gates),
        _padded(targets, gates),
        _padded(runs, 2 * m),
        _padded(outputs, m),
        _padded(copied, m),
        rows,
    )


class _Placed(NamedTuple):
    """Fan-ins, targets and outputs as rows, -1 - i for output i itself, and how many rows there are."""

    fan_ins: np.ndarray
    targets: np.ndarray
    outputs: np.ndarray
    rows: int


def _rows(circuit: Circuit, tables: LookUpTables) -> _Placed:
    """Give each table a row that no later table needs.

    Source: M. Poletto and V. Sarkar, Linear scan register allocation (1999).
    """
    nodes, leaves, _ = tables
    first, leaves_of = 1 + circuit.n_inputs, leaves.tolist()
    # Row 0 is false to the end.
    last_use = last_readers(leaves, np.append(circuit.outputs, 0), circuit.n_nodes).tolist()
    row = list(range(circuit.n_nodes))
    nodes_of_outputs, times = np.unique(circuit.outputs, return_counts=True)
    once = {*nodes_of_outputs[times == 1].tolist()} - {*leaves.ravel().tolist()}
    place = {node: -1 - i for i, node in enumerate(circuit.outputs.tolist()) if node in once}
    free = [node for node in range(1, first) if last_use[node] < 0]
    rows = first
    for gate, (node, read) in enumerate(zip(nodes.tolist(), leaves_of, strict=True)):
        free += [row[leaf] for leaf in {*read} if last_use[leaf] == gate]
        if node in place:
            row[node] = place[node]
        elif free:
            row[node] = free.pop()
        else:
            row[node] = rows
            rows += 1
    row_of = np.array(row)
    return _Placed(row_of[leaves], row_of[nodes], row_of[circuit.outputs], rows)


def power_of_two(n: int, least: int = 1) -> int:
    """Return the smallest power of two that is not below n.

    Args:
        n: at least 0.
        least: the smallest result, a power of two.

    Returns:
        The size to which arrays of n entries are padded, so that few programs are compiled.

    >>> [power_of_two(n) for n in (0, 1, 5, 8)], power_of_two(3, least=64)
    ([1, 1, 8, 8], 64)
    """
    return max(least, 1 << max(0, n - 1).bit_length())


def _padded(array: np.ndarray, length: int) -> np.ndarray:
    return np.pad(array, [(0, length - len(array))] + [(0, 0)] * (array.ndim - 1))
