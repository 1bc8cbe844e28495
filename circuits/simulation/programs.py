"""A circuit as a program on rows of words: gates of three inputs, rows used again, every size padded.

A program is data to the loop that runs it, so one compilation serves all circuits whose sizes pad to the same powers
of two. What decided its form, in patterns per second times nodes of the and-inverter graph, on one core of an AMD EPYC
with AVX-512 and jax 0.10.2 (prototypes of the loop, mostly on the circuit square):

- Two-input gates in a loop that XLA runs operation by operation, a row a node: 1e10, since most rows are out of the
  cache. Rows that are used again are a few hundred for 10^4 gates, and stay in the second-level cache.
- The same loop as one native function, by the mark of `native_loops`: 2.2e11. Before XLA writes to the array of
  rows it copies both fan-ins out of it. A gate that is a function of its own, not inlined, has its result copied
  instead: 3.0e11.
- Look-up tables of three inputs: 3.5e11. One costs 1.4 times as much as a two-input gate, and there are 0.4 to 0.6
  times as many of them as nodes.
- Rows of 128 words are slower, since the loop costs 5 ns a gate, and shorter ones are not vectorised; rows of 512 leave
  the cache earlier. Unrolling, and vectors of 512 bits, make no difference beyond the noise.
"""

import contextlib
import functools
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.experimental.xla_metadata import set_xla_metadata

from circuits.netlist import Circuit, last_readers
from circuits.simulation.lookup_tables import LookUpTables, as_lookup_tables
from circuits.simulation.table_orders import depth_first
from jaxnet.lowering.native_loops import in_one_function

# Words of a row where the loop is native: 8,192 patterns.
ROW = 256

# Rows of that length beyond which another order of the gates is tried: half a second-level cache.
_CACHED_ROWS = 512


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["counts", "fan_ins", "polynomials", "targets", "outputs"],
    meta_fields=["rows"],
)
@dataclass(frozen=True)
class Program:
    """A circuit for a compiled loop over rows; row 0 is false, and rows 1..n are the inputs when it starts.

    Attributes:
        counts: `(3,)` uint32: inputs, gates, outputs; all arrays that follow are padded to a power of two.
        fan_ins: `(gates, 3)` uint32: the rows that a gate reads.
        polynomials: `(gates, 8)` uint32: coefficient s is all ones or all zeros, and belongs to the product of the
            fan-ins whose bits are set in s.
        targets: `(gates,)` uint32: the row that it writes, which may be one of those it reads.
        outputs: `(m,)` uint32: the rows of the outputs at the end.
        rows: how many there are.
    """

    counts: Any
    fan_ins: Any
    polynomials: Any
    targets: Any
    outputs: Any
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
    coefficients = tables.tables[:, None] >> np.arange(8, dtype=np.uint8) & 1
    for leaf in (1, 2, 4):
        for product in range(8):
            if product & leaf:
                coefficients[:, product] ^= coefficients[:, product ^ leaf]
    gates = power_of_two(len(tables.nodes), 64)
    return Program(
        np.array([circuit.n_inputs, len(tables.nodes), circuit.n_outputs], np.uint32),
        _padded(placed.fan_ins, gates),
        _padded(-coefficients.astype(np.uint32), gates),
        _padded(placed.targets, gates),
        _padded(placed.outputs, power_of_two(circuit.n_outputs, 16)),
        power_of_two(placed.rows, 64),
    )


class _Placed(NamedTuple):
    """Fan-ins, targets and outputs as rows, and how many rows there are."""

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
    free = [node for node in range(1, first) if last_use[node] < 0]
    rows = first
    for gate, (node, read) in enumerate(zip(nodes.tolist(), leaves_of, strict=True)):
        free += [row[leaf] for leaf in {*read} if last_use[leaf] == gate]
        if free:
            row[node] = free.pop()
        else:
            row[node] = rows
            rows += 1
    place = np.array(row, np.uint32)
    return _Placed(place[leaves], place[nodes], place[circuit.outputs], rows)


@functools.partial(jax.jit, static_argnames="row")
def run(program: Program, words: Array, row: int) -> Array:
    """Run a program, gate after gate, on any device and under any transformation.

    Args:
        program: of a circuit.
        words: `(n, k)` uint32.
        row: the words that are run at once, which divide k.

    Returns:
        `(m, k)` uint32, the outputs padded as in the program.

    >>> from circuits.gates import XOR
    >>> xor = lower(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]))
    >>> run(xor, jnp.array([[0b1010], [0b1100]], jnp.uint32), row=1)[:1]
    Array([[6]], dtype=uint32)
    """
    k = words.shape[1]
    values = jnp.zeros((program.rows, row), jnp.uint32)
    results = jnp.zeros((len(program.outputs), k), jnp.uint32)
    return _loop(*_arguments(program, jnp.uint32(k // row), words, values, results), gate=_gate)[1]


@functools.partial(jax.jit, donate_argnames=["values", "results"])
def run_on_one_cpu(
    program: Program, n_blocks: Array, words: Array, values: Array, results: Array
) -> tuple[Array, Array, Array]:
    """Run a program as one native function, `ROW` words at once; not to be called under a transformation.

    Args:
        program: of a circuit, on a CPU.
        n_blocks: `()` uint32: how many times `ROW` words are to be run.
        words: `(n, k)` uint32 there, with n padded to a power of two, at least 16 (XLA stops the process at an argument
            that has no use, as the index into an axis of one), and k at least that many.
        values: `(rows, ROW)` uint32 there, of which row 0 is zeros. It and the results are overwritten, so that no
            memory has to be made ready.
        results: `(m, k)` uint32 there.

    Returns:
        The values and the results, in the same memory, the outputs padded as in the program; and the program's counts,
        since XLA must see a use of what goes in.

    >>> from circuits.gates import XOR
    >>> xor = lower(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]))
    >>> words = jnp.zeros((16, ROW), jnp.uint32).at[:2, 0].set(jnp.array([0b1010, 0b1100], jnp.uint32))
    >>> values, results = jnp.zeros((xor.rows, ROW), jnp.uint32), jnp.zeros((16, ROW), jnp.uint32)
    >>> run_on_one_cpu(xor, jnp.uint32(1), words, values, results)[1][:1, :2]
    Array([[6, 0]], dtype=uint32)
    """
    gate = jax.jit(_gate)

    def not_inlined(*args: Array) -> Any:
        return set_xla_metadata(gate(*args), inlineable="false")

    loop = functools.partial(_loop, gate=not_inlined)
    (values, results), kept = in_one_function(loop, *_arguments(program, n_blocks, words, values, results))
    return values, results, kept[0]


def _arguments(program: Program, *others: Array) -> tuple[Array, ...]:
    """Return what `_loop` takes, the small counts first: a native function returns its first argument too."""
    arrays = program.fan_ins, program.polynomials, program.targets, program.outputs
    return jnp.asarray(program.counts), *map(jnp.asarray, arrays), *others


def _loop(
    counts: Array,
    fan_ins: Array,
    polynomials: Array,
    targets: Array,
    outputs: Array,
    n_blocks: Array,
    words: Array,
    values: Array,
    results: Array,
    *,
    gate: Callable[..., Array],
) -> tuple[Array, Array]:
    """Run block after block: copy the rows of the inputs in, run gate after gate, copy the rows of the outputs out."""
    row = values.shape[1]
    # Unsigned, so that no code is made for indices that count from the end.
    zero, one = jnp.uint32(0), jnp.uint32(1)

    def block(j: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        start = j * jnp.uint32(row)

        def read(i: Array, values: Array) -> Array:
            return lax.dynamic_update_slice(values, _row(words, i, start, row), (i + one, zero))

        def compute(i: Array, values: Array) -> Array:
            return lax.dynamic_update_slice(values, gate(values, i, fan_ins, polynomials), (_entry(targets, i), zero))

        def write(i: Array, results: Array) -> Array:
            return lax.dynamic_update_slice(results, _row(values, _entry(outputs, i), zero, row), (i, start))

        values, results = state
        values = lax.fori_loop(zero, counts[0], read, values)
        values = lax.fori_loop(zero, counts[1], compute, values)
        return values, lax.fori_loop(zero, counts[2], write, results)

    return lax.fori_loop(zero, n_blocks, block, (values, results))


def _gate(values: Array, i: Array, fan_ins: Array, polynomials: Array) -> Array:
    """Compute the row of gate i, `(1, row)`."""
    a, b, c = (_row(values, _entry(fan_ins, i, leaf), jnp.uint32(0), values.shape[1]) for leaf in range(3))
    f = [_entry(polynomials, i, product) for product in range(8)]
    without_c = f[0] ^ (f[1] & a) ^ ((f[2] ^ (f[3] & a)) & b)
    with_c = f[4] ^ (f[5] & a) ^ ((f[6] ^ (f[7] & a)) & b)
    return without_c ^ (with_c & c)


def _row(array: Array, i: Array, start: Array, row: int) -> Array:
    return lax.dynamic_slice(array, (i, start), (1, row))


def _entry(array: Array, *place: Any) -> Array:
    return lax.dynamic_slice(array, [jnp.uint32(i) for i in place], (1,) * array.ndim).reshape(())


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
