"""What a circuit computes, bit-parallel: 32 patterns in each uint32 word, so one bitwise operation runs a gate on all.

`simulate` hands blocks of words to a compiled loop over the circuit's `Program`: on CPUs as one native function, on all
cores; elsewhere, and under the transformations of JAX, as an ordinary loop.
"""

import contextlib
import functools
import math
import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.netlist import Circuit
from circuits.patterns import pack, unpack
from circuits.programs import ROW, Program, lower, run, run_on_one_cpu, size_class
from jaxnet.small_loops import on_one_cpu, probe

# What one call of the native loop reads and writes: 4 MiB.
_PART_WORDS = 2**20

# Words between the rows of a part: one line of the cache.
_GAP = 16

# Gates times words from which on threads are worth their start: a millisecond.
_LONG = 2**23

# Words of all rows at once where the loop is an ordinary one: 8 MiB, which stays in the cache.
_LIVE_WORDS = 2**21

_programs: weakref.WeakKeyDictionary[Circuit, dict[Any, Program]] = weakref.WeakKeyDictionary()


def simulate(circuit: Circuit, words: ArrayLike) -> Array:
    """Run a circuit on packed patterns; every gate works on 32 of them at once.

    Args:
        circuit: any circuit.
        words: `(n, k)` uint32: bit j of word i of a row is that input's value in pattern 32 i + j; see `pack`.

    Returns:
        `(m, k)` uint32: the outputs, packed alike.

    Raises:
        ValueError: if words are not `(n, k)`.
        TypeError: if they are not uint32.

    After `os.fork`, as of `multiprocessing` with "fork", nothing of JAX works in the child, nor does this; use "spawn".

    >>> from circuits.netlist import XOR
    >>> xor = Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"])
    >>> simulate(xor, jnp.array([[0b1010], [0b1100]], jnp.uint32))
    Array([[6]], dtype=uint32)
    """
    checked = as_words("simulate", circuit, words)
    if checked.shape[1] == 0:
        return jnp.zeros((circuit.n_outputs, 0), jnp.uint32)
    if on_one_cpu(here := probe()) and on_one_cpu(checked):
        (device,) = (checked if isinstance(checked, jax.Array) else here).devices()
        return _simulate_natively(circuit, np.asarray(checked), device)
    return _simulate_anywhere(program_of(circuit), jnp.asarray(checked))[: circuit.n_outputs]


def as_words(where: str, circuit: Circuit, words: ArrayLike) -> Any:
    """Check that words are patterns for a circuit.

    Args:
        where: named in the error.
        circuit: any circuit.
        words: `(n, k)` uint32.

    Returns:
        The words: an array of NumPy, or of JAX if they were that.

    Raises:
        ValueError: if they are not `(n, k)`.
        TypeError: if they are not uint32.

    >>> from circuits import parse
    >>> as_words("simulate", parse("a & b"), np.zeros((2, 3), np.uint32)).shape
    (2, 3)
    """
    if not isinstance(words, jax.Array):
        words = np.asarray(words)
    if words.dtype != np.uint32:
        raise TypeError(f"{where}: expected uint32 words, got {words.dtype}. Pack Boolean arrays with circuits.pack.")
    if words.ndim != 2 or words.shape[0] != circuit.n_inputs:
        raise ValueError(f"{where}: expected words ({circuit.n_inputs}, k) for {circuit}, got {words.shape}.")
    return words


def program_of(circuit: Circuit, device: Any = None) -> Program:
    """The program of a circuit, lowered once and kept for as long as the circuit is.

    Args:
        circuit: any circuit.
        device: where its arrays are; NumPy's if None.

    Returns:
        A `Program`.

    >>> from circuits import parse
    >>> carry = parse("maj(a, b, c)")
    >>> program_of(carry) is program_of(carry)
    True
    """
    kept = _programs.setdefault(circuit, {})
    if None not in kept:
        kept[None] = lower(circuit)
    if device not in kept:
        kept[device] = jax.device_put(kept[None], device)
    return kept[device]


def _simulate_natively(circuit: Circuit, words: np.ndarray, device: Any) -> Array:
    """On one CPU: the words are cut into parts, which threads take in turn."""
    program = program_of(circuit, device)
    k = words.shape[1]
    padded = size_class(circuit.n_inputs, 16), len(program.outputs)
    gates = int(program_of(circuit).counts[1])  # NumPy's: to take it from a device would be a program
    cores = _cores() if k * gates >= _LONG else 1
    part = min(size_class(-(-k // cores), ROW), size_class(max(4 * ROW, _PART_WORDS // sum(padded))))
    results = _aligned(circuit.n_outputs, k)

    def run_parts(starts: range) -> None:
        with _workspace(program.rows, *padded, part, device) as space:
            for start in starts:
                chosen = words[:, start : start + part]
                length = chosen.shape[1]
                space.words[: len(words), :length] = chosen
                n_blocks = np.uint32(-(-length // ROW))
                space.values, space.results, _ = run_on_one_cpu(
                    program, n_blocks, space.words, space.values, space.results
                )
                # A view by DLPack is gone with the statement; NumPy's would stay, and the memory with it.
                results[:, start : start + length] = np.from_dlpack(space.results)[  # type: ignore[arg-type]
                    : len(results), :length
                ]

    starts = range(0, k, part)
    threads = min(len(starts), cores)
    if threads == 1:
        run_parts(starts)
    else:
        list(_pool().map(run_parts, [starts[thread::threads] for thread in range(threads)]))
    return jax.device_put(results, device)


@dataclass
class _Workspace:
    """What a thread runs parts in: made ready once, since memory that is new costs more than the simulation."""

    words: np.ndarray
    values: Array
    results: Array


@contextlib.contextmanager
def _workspace(rows: int, n: int, m: int, part: int, device: Any) -> Iterator[_Workspace]:
    """The workspace that this thread used last, if it fits; it is kept unless something goes wrong."""
    wanted = rows, n, m, part, device
    shape, space = vars(_last).pop("used", (None, None))
    if shape != wanted:
        # Rows that began a power of two apart would have the same few places in the cache.
        columns = part + _GAP
        values = jnp.zeros((rows, ROW), jnp.uint32, device=device)
        space = _Workspace(_aligned(n, columns), values, jnp.zeros((m, columns), jnp.uint32, device=device))
    yield space
    _last.used = wanted, space


_last = threading.local()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), "simulate")


@jax.jit
def _simulate_anywhere(program: Program, words: Array) -> Array:
    """As an ordinary loop, with rows as long as the cache allows; outputs padded as in the program."""
    n, k = words.shape
    row = min(size_class(k), max(16, size_class(_LIVE_WORDS // program.rows + 1) // 2))
    return run(program, jnp.pad(words, ((0, n == 0), (0, -k % row))), row=row)[:, :k]


def _aligned(*shape: int) -> np.ndarray:
    """An array of words, not initialised, that a CPU device takes over without a copy."""
    raw = np.empty(4 * math.prod(shape) + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + 4 * math.prod(shape)].view(np.uint32).reshape(shape)


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.singledispatch
def evaluate(circuit: Any, x: ArrayLike) -> Any:
    """What a circuit, a threshold unit or a threshold circuit gives for Boolean inputs, exactly.

    Args:
        circuit: a `Circuit` (run by JAX, also under jit), a `ThresholdCircuit` or a `ThresholdUnit` (run by NumPy in
            64-bit integers).
        x: `(..., n)`, Booleans, or integers that are all 0 or 1.

    Returns:
        Booleans `(..., m)`; of a unit `(...,)`.

    Raises:
        ValueError: if the last axis is not n, or an integer is neither 0 nor 1.
        TypeError: if x is floating.

    >>> from circuits.netlist import AND, XOR
    >>> half_adder = Circuit(["a", "b"], [[1, 2], [1, 2]], [XOR, AND], [3, 4], ["sum", "carry"])
    >>> evaluate(half_adder, [[0, 1], [1, 1]])
    Array([[ True, False],
           [False,  True]], dtype=bool)
    """
    raise TypeError(
        f"evaluate: expected a Circuit, a ThresholdCircuit or a ThresholdUnit, got {type(circuit).__name__}. "
        "A jaxnet network runs as network.apply(params, x)."
    )


@evaluate.register
def _(circuit: Circuit, x: ArrayLike) -> Array:
    bits = as_bits(x, circuit.n_inputs, circuit)
    patterns = math.prod(bits.shape[:-1])
    flat = bits.reshape(patterns, circuit.n_inputs)
    if isinstance(flat, np.ndarray):
        # What is known here stays known where a caller is being traced.
        with jax.ensure_compile_time_eval():
            y = unpack(np.asarray(simulate(circuit, pack(flat))), patterns)
    else:
        y = unpack(simulate(circuit, pack(flat)), patterns)
    return y.reshape(*bits.shape[:-1], circuit.n_outputs)


def as_bits(x: Any, n: int, what: Any) -> Any:
    """Check that x is `(..., n)` and Boolean, or zeros and ones; returns it as Booleans.

    Args:
        x: an array, a nested list, or a traced Boolean array.
        n: the size of the last axis.
        what: named in the error.

    Returns:
        A Boolean array of the same shape: NumPy's, or the traced one.

    Raises:
        ValueError: if the last axis is not n, or an integer is neither 0 nor 1.
        TypeError: if x is neither Boolean nor integer.

    >>> as_bits([0, 1, 1], 3, "an adder")
    array([False,  True,  True])
    """
    if not isinstance(x, jax.Array):
        x = np.asarray(x)
    if x.size == 0:  # nothing that could be wrong; an empty list comes as floats
        x = x.astype(bool)
    if x.ndim == 0 or x.shape[-1] != n:
        raise ValueError(f"evaluate: expected inputs (..., {n}) for {what}, got {x.shape}.")
    hint = f"evaluate: expected Boolean inputs, got {x.dtype}. Compare them, for example x > 0."
    if x.dtype != bool and not np.issubdtype(x.dtype, np.integer):
        raise TypeError(hint)
    try:
        x = np.asarray(x)
    except jax.errors.TracerArrayConversionError:
        if x.dtype != bool:  # traced, so that 0 or 1 cannot be checked
            raise TypeError(hint) from None
        return x
    if x.dtype != bool and ((x != 0) & (x != 1)).any():
        wrong = x[(x != 0) & (x != 1)].flat[0]
        raise ValueError(f"evaluate: expected bits, 0 or 1, got {wrong}. Compare the inputs, for example x > 0.")
    return x.astype(bool)
