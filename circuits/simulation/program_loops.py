"""The compiled loops that run a `Program`: one for any device and transformation, one that is a single native function.

What decided the form of the native one, in patterns per second times nodes of the and-inverter graph, on one core of an
AMD EPYC with AVX-512 and jax 0.10.2 (prototypes of the loop, mostly on the circuit square):

- Two-input gates in a loop that XLA runs operation by operation, a row a node: 1e10, since most rows are out of the
  cache. Rows that are used again are a few hundred for 10^4 gates, and stay in the second-level cache.
- The same loop as one native function, by the mark of `native_loops`: 2.2e11. Before XLA writes to the array of
  rows it copies both fan-ins out of it. A gate that is a function of its own, not inlined, has its result copied
  instead: 3.0e11.
- Look-up tables of three inputs: 3.5e11. One costs 1.4 times as much as a two-input gate, and there are 0.4 to 0.6
  times as many of them as nodes.

On an Intel Xeon a gate that looks at its eight coefficients takes 33 ns, and one that is one of 40 pieces of code, by
its kind, 26, about what the memory takes: parity alone takes 23 to 26. A piece for each of the 80 functions up to
order takes 24 and twice as long to compile; one for each of the 14 up to all negations takes 30.

A gate whose value only an output takes is written where the output stays, in a loop of its own: one loop that chooses
for each gate takes 34 ns. Coefficients are fast enough there, and compile in no time.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from circuits.simulation.gate_kinds import KINDS
from circuits.simulation.programs import Program
from jaxnet.lowering.native_loops import in_one_function

# From JAX 0.12 on XLA makes one native function of such loops by itself, and copies what a marked one writes to.
_BY_ITSELF = jax.__version_info__ >= (0, 12)

# Unsigned, so that no code is made for indices that count from the end.
_ZERO, _ONE = np.uint32(0), np.uint32(1)


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
    >>> from circuits.netlist import Circuit
    >>> from circuits.simulation.programs import ROW, lower
    >>> xor = lower(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]))
    >>> run(xor, jnp.array([[0b1010], [0b1100]], jnp.uint32), row=1)[:1]
    Array([[6]], dtype=uint32)
    """
    k = words.shape[1]
    values = jnp.zeros((program.rows + len(program.outputs), row), jnp.uint32)
    results = jnp.zeros((len(program.outputs), k), jnp.uint32)
    return _loop(program, jnp.uint32(k // row), words, values, results)[1]


class Columns(NamedTuple):
    """The columns that the native loop runs, and where they are; all in words.

    Attributes:
        length: how many columns, at least `ROW`.
        start: the column of the inputs to begin with.
        stride: words from one row of the inputs to the next.
        second: the word of the inputs at which the second window begins; see `run_on_one_cpu`.
        to: the column of the results to begin with.
        to_stride: words from one row of the results to the next.
    """

    length: Any
    start: Any
    stride: Any
    second: Any
    to: Any
    to_stride: Any


# Vectors of 512 bits, where there are some, take 0.85 of the time; a machine without them halves them.
@functools.partial(
    jax.jit, donate_argnames=["values", "results"], compiler_options={"xla_cpu_prefer_vector_width": 512}
)
def run_on_one_cpu(
    program: Program, columns: np.ndarray, first: Array, second: Array, values: Array, results: Array
) -> tuple[Array, Array, Array]:
    """Run a program as one native function, `ROW` words at once; not to be called under a transformation.

    Sizes of arguments are part of what is compiled, the place and number of the columns are not. So inputs of any size
    stay where they are, seen through two windows on the same memory, each as long as the largest power of two that
    fits: one begins where they begin, the other ends where they end.

    Args:
        program: of a circuit, on a CPU.
        columns: `(6,)` uint32: `Columns`. If `ROW` does not divide their number, the last `ROW` begin among those
            before and are run again, so that nothing is read or written beside what was asked for.
        first: `(window,)` uint32 there, at least 16 `ROW` words (XLA stops the process at an argument that has no use,
            as the index into an array of one row).
        second: `(window,)` uint32 there, in which each row of `ROW` columns lies that the first does not hold.
        values: `(rows, ROW)` uint32 there, of which row 0 is zeros. It and the results are overwritten, so that no
            memory has to be made ready.
        results: `(words,)` uint32 there, for as many rows as the program has outputs without padding.

    Returns:
        The values and the results, in the same memory; and the program's counts, since XLA must see a use of what goes
        in.

    >>> from circuits.gates import XOR
    >>> from circuits.netlist import Circuit
    >>> from circuits.simulation.programs import ROW, lower
    >>> xor = lower(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]))
    >>> words = jnp.zeros((16, ROW), jnp.uint32).at[:2, 0].set(jnp.array([0b1010, 0b1100], jnp.uint32)).ravel()
    >>> columns = np.array(Columns(length=ROW, start=0, stride=ROW, second=0, to=0, to_stride=ROW), np.uint32)
    >>> values, results = jnp.zeros((xor.rows, ROW), jnp.uint32), jnp.zeros(16 * ROW, jnp.uint32)
    >>> run_on_one_cpu(xor, columns, words, words, values, results)[1][:2]
    Array([6, 0], dtype=uint32)
    """
    if _BY_ITSELF:
        return *_native_loop(program, jnp.asarray(columns), first, second, values, results), program.counts
    (values, results), kept = in_one_function(_native_loop, program, columns, first, second, values, results)
    return values, results, kept[0]  # its first argument: the counts, which are small


def _loop(program: Program, n_blocks: Array, words: Array, values: Array, results: Array) -> tuple[Array, Array]:
    """Run block after block: copy the rows of the inputs in, run gate after gate, copy the rows of the outputs out."""
    counts, fan_ins, polynomials, targets = program.counts, program.fan_ins, program.polynomials, program.targets
    row = values.shape[1]

    def block(j: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        start = j * jnp.uint32(row)

        def read(i: Array, values: Array) -> Array:
            return _put(values, i + _ONE, _row(words, i, start, row))

        def compute(i: Array, values: Array) -> Array:
            return _put(values, _entry(targets, i), _gate(fan_ins, polynomials, values, i))

        def write(i: Array, results: Array) -> Array:
            return lax.dynamic_update_slice(results, _row(values, _entry(program.outputs, i), _ZERO, row), (i, start))

        values, results = state
        values = lax.fori_loop(_ZERO, counts[0], read, values)
        values = lax.fori_loop(_ZERO, counts[1], compute, values)
        return values, lax.fori_loop(_ZERO, counts[2], write, results)

    return lax.fori_loop(_ZERO, n_blocks, block, (values, results))


def _native_loop(
    program: Program, columns: Array, first: Array, second: Array, values: Array, results: Array
) -> tuple[Array, Array]:
    """Do what `_loop` does on flat memory."""
    counts, fan_ins, polynomials, targets = program.counts, program.fan_ins, program.polynomials, program.targets
    row, at = jnp.uint32(values.shape[1]), Columns(*(_entry(columns, i) for i in range(len(Columns._fields))))
    room, rows = jnp.uint32(len(first)) - row, jnp.uint32(len(values))

    def block(j: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        done = jnp.minimum(j * row, at.length - row)
        start, to = at.start + done, at.to + done
        # Rows that begin in the first window and end there.
        whole = jnp.where(start > room, _ZERO, jnp.minimum(counts[0], (room - start) // at.stride + _ONE))

        def read(window: Array, offset: Array, i: Array, values: Array) -> Array:
            return _put(
                values, i + _ONE, lax.dynamic_slice(window, (i * at.stride + offset,), (values.shape[1],))[None]
            )

        def write(i: Array, found: Array, results: Array) -> Array:
            return lax.dynamic_update_slice(results, found[0], (i * at.to_stride + to,))

        def compute(i: Array, values: Array) -> Array:
            return _put(values, _entry(targets, i), _gate_by_kind(fan_ins, polynomials, program.kinds, values, i))

        def compute_run(i: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            values, results, done = state
            start, stop = _entry(program.runs, i, 0), _entry(program.runs, i, 1)
            values = lax.fori_loop(done, start, compute, values)

            def compute_output(i: Array, results: Array) -> Array:
                return write(_entry(targets, i) - rows, _gate(fan_ins, polynomials, values, i), results)

            return values, lax.fori_loop(start, stop, compute_output, results), stop

        def copy(i: Array, results: Array) -> Array:
            place = _entry(program.copied, i)
            return write(place, _row(values, _entry(program.outputs, place), _ZERO, values.shape[1]), results)

        values, results = state
        values = lax.fori_loop(_ZERO, whole, functools.partial(read, first, start), values)
        # Unsigned numbers wrap around, and back again.
        values = lax.fori_loop(whole, counts[0], functools.partial(read, second, start - at.second), values)
        values, results, _ = lax.fori_loop(_ZERO, counts[4], compute_run, (values, results, _ZERO))
        return values, lax.fori_loop(_ZERO, counts[3], copy, results)

    return lax.fori_loop(_ZERO, (at.length + row - _ONE) // row, block, (values, results))


def _gate(fan_ins: Array, polynomials: Array, values: Array, i: Array) -> Array:
    """Compute the row of gate i, `(1, row)`."""
    coefficients = [_entry(polynomials, i, product) for product in range(8)]
    return _polynomial(coefficients, values, *(_entry(fan_ins, i, leaf) for leaf in range(3)))


def _gate_by_kind(fan_ins: Array, polynomials: Array, kinds: Array, values: Array, i: Array) -> Array:
    """Compute the row of gate i, `(1, row)`, by code in which the coefficients are known."""
    coefficients = [[np.uint32(-(kind >> product & 1) & 0xFFFFFFFF) for product in range(8)] for kind in KINDS]
    of_kind = [functools.partial(_polynomial, known) for known in coefficients]
    row = lax.switch(
        _entry(kinds, i).astype(jnp.int32), of_kind, values, *(_entry(fan_ins, i, leaf) for leaf in range(3))
    )
    return row ^ _entry(polynomials, i, 0)


def _polynomial(f: Sequence[Any], values: Array, *fan_ins: Array) -> Array:
    a, b, c = (_row(values, fan_in, _ZERO, values.shape[1]) for fan_in in fan_ins)
    without_c = f[0] ^ (f[1] & a) ^ ((f[2] ^ (f[3] & a)) & b)
    with_c = f[4] ^ (f[5] & a) ^ ((f[6] ^ (f[7] & a)) & b)
    return without_c ^ (with_c & c)


def _row(array: Array, i: Any, start: Any, row: int) -> Array:
    return lax.dynamic_slice(array, (i, start), (1, row))


def _put(values: Array, i: Array, row: Array) -> Array:
    return lax.dynamic_update_slice(values, row, (i, _ZERO))


def _entry(array: Array, *place: Any) -> Array:
    return lax.dynamic_slice(array, [jnp.uint32(i) for i in place], (1,) * array.ndim).reshape(())
