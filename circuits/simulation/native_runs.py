"""Simulation on CPUs by the native loop: parts of the columns, run by threads, in memory that is used again.

Fresh memory costs more than the simulation of a small circuit, and so does each copy. So one thread writes where the
result stays, and reads inputs where they are. Only narrow or badly aligned inputs are copied, a part at a time; and
results where several threads, or blocks, share the work, since XLA gives away no memory that two programs write to.
"""

import contextlib
import functools
import math
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from circuits.simulation.program_loops import Columns, run_on_one_cpu
from circuits.simulation.programs import ROW, Program, power_of_two
from jaxnet.networks.level_schedules import size_class

# Words that one call of the native loop reads and writes: 4 MiB.
_PART_WORDS = 2**20

# Words between the rows of a part that is copied: one line of the cache.
_GAP = 16

# Gates times words above which threads are worth their start: a millisecond of work.
_LONG = 2**23

# Words of the smallest array that is read or written where it is. Smaller ones share the compiled programs of parts.
_LEAST_IN_PLACE = 32 * ROW

# Bytes at a multiple of which memory has to begin, for a CPU device to take it over.
_ALIGNED = 64

_WORD = np.dtype(np.uint32).str

# Words of the largest memory that is kept for the next result: 16 MiB.
_MOST_KEPT = 2**22


def simulate_natively(
    counts: Sequence[int], program: Program, blocks: Sequence[np.ndarray], threads: int | None
) -> list[np.ndarray]:
    """Simulate words on a CPU.

    Args:
        counts: inputs, gates and outputs of the circuit.
        program: of the circuit, on the CPU.
        blocks: `(n, columns)` uint32 each, all of one width. Parts of the columns of all together are simulated.
        threads: the most threads; if None, one for each core, or one where the work is too short.

    Returns:
        `(m, columns)` uint32 for each block, in memory that JAX takes over without a copy.

    >>> from circuits import parse
    >>> from circuits.simulation.programs import lower
    >>> program = lower(parse("a & b"))
    >>> on_cpu = jax.device_put(program, jax.local_devices(backend="cpu")[0])
    >>> simulate_natively(program.counts[:3].tolist(), on_cpu, [np.array([[12], [10]], np.uint32)], threads=1)
    [array([[8]], dtype=uint32)]
    """
    n, gates, m = counts
    k = sum(block.shape[1] for block in blocks)
    if threads is None:
        threads = cores() if k * gates >= _LONG else 1
    padded = power_of_two(n, 16), len(program.outputs)
    part = min(power_of_two(-(-k // threads), ROW), power_of_two(max(4 * ROW, _PART_WORDS // sum(padded))))
    threads = min(-(-k // part), threads)
    device = next(iter(program.counts.devices()))
    one_block = len(blocks) == 1 and k >= ROW
    inputs = _Windows.on(blocks[0]) if one_block else None
    result = _Memory.of(m * k, device) if one_block and threads == 1 and _LEAST_IN_PLACE <= m * k < 2**32 else None
    # Parts are there to be copied.
    step = k if inputs and result else part
    copies = [] if result else [_aligned(m, block.shape[1]) for block in blocks]

    def run_parts(starts: Sequence[int]) -> None:
        with _workspace(program.rows, *padded, part, device) as space:
            for start in starts:
                # The last part begins earlier if it were no row long, where there are as many columns.
                start = max(0, min(start, k - ROW))
                stop = min(start + step, k)
                pieces = list(_pieces(k // len(blocks), start, stop))
                read, to = inputs, (start, k) if result else (0, space.stride)
                if read is None:
                    for block, columns, place in pieces:
                        space.words.reshape(-1, space.stride)[:n, place] = blocks[block][:, columns]
                    read = _Windows(space.words, space.words, 0, space.stride)
                at = Columns(max(stop - start, ROW), start if inputs else 0, read.stride, read.second_at, *to)
                filled = result or space
                space.values, filled.results, _ = run_on_one_cpu(
                    program, np.array(at, np.uint32), read.first, read.second, space.values, filled.results
                )
                filled.results.block_until_ready()  # before what it reads is written again
                for block, columns, place in [] if result else pieces:
                    # A view by DLPack ends with the statement; NumPy's would stay and keep the memory.
                    copies[block][:, columns] = np.from_dlpack(space.results).reshape(  # type: ignore[arg-type]
                        -1, space.stride
                    )[:m, place]

    starts = range(0, k, step)
    # If a mesh is set in this thread, JAX would run the program on all its devices; threads of the pool have none.
    if threads == 1 and jax.sharding.get_abstract_mesh().empty:
        run_parts(starts)
    else:
        list(pool().map(run_parts, [starts[thread::threads] for thread in range(threads)]))
    return [result.view(m, k)] if result else copies


def _pieces(width: int, start: int, stop: int) -> Iterator[tuple[int, slice, slice]]:
    """Split the columns start..stop of the concatenated blocks: yields (block, its columns, their destination)."""
    for block in range(start // width, -(-stop // width)):
        first, last = max(start, block * width), min(stop, (block + 1) * width)
        yield block, slice(first - block * width, last - block * width), slice(first - start, last - start)


class _Windows(NamedTuple):
    """Two windows on inputs in memory, as `run_on_one_cpu` takes them: `second_at` is where the second begins."""

    first: np.ndarray
    second: np.ndarray
    second_at: int
    stride: int

    @classmethod
    def on(cls, block: np.ndarray) -> Self | None:
        """Return windows on words `(n, k)` without a copy, or None if they are too few, or JAX would copy them."""
        if block.size < _LEAST_IN_PLACE or block.size >= 2**32 or not block.flags.c_contiguous:
            return None
        window = 1 << block.size.bit_length() - 1
        second_at = block.size - window
        # A row of the loop that crosses the end of the first window has to lie in the second.
        if block.ctypes.data % _ALIGNED or 4 * second_at % _ALIGNED or second_at > window - ROW + 1:
            return None
        flat = block.reshape(-1)
        return cls(flat[:window], flat[second_at:], second_at, block.shape[1])


class _Memory:
    """The memory of a result, which is kept for the next one of its size when no array shows it any more."""

    _kept: ClassVar[deque[Array]] = deque(maxlen=2)

    def __init__(self, results: Array) -> None:
        self.results = results

    @classmethod
    def of(cls, words: int, device: Any) -> Self:
        """Return memory of a size class of at least so many words."""
        size = size_class(words)
        with contextlib.suppress(IndexError):
            while (kept := cls._kept.pop()).size != size:
                pass
            return cls(kept)
        return cls(jnp.zeros(size, jnp.uint32, device=device))

    def view(self, m: int, k: int) -> np.ndarray:
        """Return the first words as `(m, k)`. It, and all that is made of it without a copy, keeps this object."""
        return np.asarray(self)[: m * k].reshape(m, k)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {
            "version": 3,
            "shape": self.results.shape,
            "typestr": _WORD,
            "data": (self.results.unsafe_buffer_pointer(), False),
        }

    def __del__(self) -> None:
        if self.results.size <= _MOST_KEPT and not self.results.is_deleted():
            self._kept.append(self.results)


@dataclass
class _Workspace:
    """The memory in which a thread runs parts, allocated once, since fresh memory costs more than the simulation."""

    words: np.ndarray
    values: Array
    results: Array
    stride: int


@contextlib.contextmanager
def _workspace(rows: int, n: int, m: int, part: int, device: Any) -> Iterator[_Workspace]:
    """Give the workspace that this thread used last, if it fits; it is kept unless an error is raised."""
    wanted = rows, n, m, part, device
    shape, space = vars(_last).pop("used", (None, None))
    if shape != wanted:
        # Rows that begin a power of two apart would compete for the same few lines of the cache.
        columns = part + _GAP
        values = jnp.zeros((rows, ROW), jnp.uint32, device=device)
        results = jnp.zeros(m * columns, jnp.uint32, device=device)
        space = _Workspace(_aligned(n * columns), values, results, columns)
    yield space
    _last.used = wanted, space


_last = threading.local()


@functools.cache
def pool() -> ThreadPoolExecutor:
    """Return the threads of this process, as many as it may use cores."""
    return ThreadPoolExecutor(cores(), "simulate")


def _aligned(*shape: int) -> np.ndarray:
    """Return an uninitialised array of words that a CPU device takes over without a copy."""
    raw = np.empty(4 * math.prod(shape) + _ALIGNED, np.uint8)
    start = -raw.ctypes.data % _ALIGNED
    return raw[start : start + 4 * math.prod(shape)].view(np.uint32).reshape(shape)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
