"""Bit-parallel simulation: 32 patterns in each uint32 word, so that one bitwise operation runs a gate on all of them.

`simulate` hands blocks of words to a compiled loop over the circuit's `Program`: on CPUs as one native function, on all
cores; elsewhere, and under the transformations of JAX, as an ordinary loop. Patterns do not depend on each other, so
those that are split over devices and processes stay where they are.
"""

import functools
import math
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec, SingleDeviceSharding
from jax.typing import ArrayLike

from circuits.netlist import Circuit
from circuits.simulation.native_runs import pool, simulate_natively
from circuits.simulation.packing import pack, unpack
from circuits.simulation.program_loops import run
from circuits.simulation.programs import Program, lower, power_of_two
from jaxnet.devices.sharding import put_on_devices
from jaxnet.lowering.native_loops import zero_made_here
from jaxnet.validation import whole_number

# Words of all rows together in the ordinary loop: 8 MiB, which stays in the cache.
_LIVE_WORDS = 2**21

_programs: weakref.WeakKeyDictionary[Circuit, dict[Any, Program]] = weakref.WeakKeyDictionary()


def simulate(circuit: Circuit, words: ArrayLike, *, threads: int | None = None) -> Array:
    """Run a circuit on packed patterns; every gate works on 32 of them at once.

    Args:
        circuit: any circuit.
        words: `(n, k)` uint32: bit j of word i of a row is that input's value in pattern 32 i + j; see `pack`.
        threads: the most threads to use on CPUs; if None, one for each core that this process may use, or one thread
            where the work is too short.

    Returns:
        `(m, k)` uint32: the outputs, packed alike.

    Raises:
        ValueError: if words are not `(n, k)`.
        TypeError: if they are not uint32.

    Words that are split over the devices of a mesh along the second axis stay there, and the outputs are split as they
    are: each process simulates what its own devices have, on CPUs with all its cores, and no device waits for another.
    Columns that several devices hold are simulated once. If inputs are split over devices as well, the devices first
    send each other what they lack, and all processes have to call. The outputs are those of one device.

    JAX does not work after `os.fork`, nor does this: use "spawn" with `multiprocessing`.

    >>> from circuits.gates import XOR
    >>> xor = Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"])
    >>> simulate(xor, jnp.array([[0b1010], [0b1100]], jnp.uint32))
    Array([[6]], dtype=uint32)

    >>> mesh = jax.make_mesh((jax.device_count(),), ("patterns",))
    >>> split = NamedSharding(mesh, PartitionSpec(None, "patterns"))
    >>> outputs = simulate(xor, jax.device_put(np.ones((2, 64), np.uint32), split))
    >>> outputs.shape, outputs.sharding.spec
    ((1, 64), P(None, 'patterns'))
    """
    if threads is not None:
        threads = whole_number("simulate", "threads", threads, 1)
    checked, here = as_words("simulate", circuit, words), zero_made_here()
    if _is_data(here) and _is_data(checked):
        if isinstance(checked, np.ndarray):
            if on_cpus(here):
                return jax.device_put(*_simulate_on_cpu(circuit, [checked], threads))
            checked = jax.device_put(checked)
        if isinstance(checked.sharding, SingleDeviceSharding) and on_cpus(checked):
            (result,) = _simulate_on_cpu(circuit, [np.asarray(checked)], threads)
            array = jax.dlpack.from_dlpack(result)  # a device_put takes four times as long
            return array if array.sharding == checked.sharding else jax.device_put(array, checked.sharding)
        if isinstance(checked.sharding, NamedSharding | SingleDeviceSharding):
            return _simulate_where_it_is(circuit, checked, threads)
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
    """Return the program of a circuit, lowered once and kept as long as the circuit.

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


def _is_data(array: Any) -> bool:
    """Return whether the values are known: a tracer of jit, vmap or grad has none, and is on no device."""
    return isinstance(array, np.ndarray) or hasattr(array, "sharding")


def on_cpus(array: Array) -> bool:
    """Return whether all devices of an array are CPUs, where the native loop runs."""
    return all(device.platform == "cpu" for device in array.devices())


def _simulate_where_it_is(circuit: Circuit, words: Array, threads: int | None) -> Array:
    """Simulate the columns that the devices of this process have, and give these the results."""
    sharding: Any = words.sharding
    if isinstance(sharding, NamedSharding):
        spec = sharding.spec
        sharding = NamedSharding(sharding.mesh, PartitionSpec(*[None][: len(spec)], *spec[1:]))
    k = words.shape[1]
    if words.sharding.shard_shape(words.shape)[0] < circuit.n_inputs:
        words = put_on_devices(words, sharding)
    shards = [(shard.device, shard.index[1].indices(k), shard.data) for shard in words.addressable_shards]
    blocks = {columns: block for _, columns, block in shards}
    if on_cpus(words):
        results = _simulate_on_cpu(circuit, [np.asarray(block) for block in blocks.values()], threads)
    else:
        programs = [program_of(circuit, *block.devices()) for block in blocks.values()]
        results = pool().map(lambda *given: _simulate_anywhere(*given)[: circuit.n_outputs], programs, blocks.values())
    result_of = dict(zip(blocks, results, strict=True))
    arrays = [jax.device_put(result_of[columns], device) for device, columns, _ in shards]
    return jax.make_array_from_single_device_arrays((circuit.n_outputs, k), sharding, arrays, dtype=jnp.uint32)


def _simulate_on_cpu(circuit: Circuit, blocks: Sequence[np.ndarray], threads: int | None) -> list[np.ndarray]:
    # Virtual devices share the cores and memory of the first, and each would compile the program anew.
    device = jax.local_devices(backend="cpu")[0]
    counts = program_of(circuit).counts[:3].tolist()  # NumPy's: to read them from a device would take a program
    return simulate_natively(counts, program_of(circuit, device), blocks, threads)


@jax.jit
def _simulate_anywhere(program: Program, words: Array) -> Array:
    """Run the ordinary loop, with rows as long as the cache allows; outputs are padded as in the program."""
    n, k = words.shape
    live = program.rows + len(program.outputs)
    row = min(power_of_two(k), max(16, power_of_two(_LIVE_WORDS // live + 1) // 2))
    padding = -(-max(k, 1) // row) * row - k
    return run(program, jnp.pad(words, ((0, n == 0), (0, padding))), row=row)[:, :k]


@functools.singledispatch
def evaluate(circuit: Any, x: Any) -> Any:
    """Evaluate a circuit, a threshold unit or a threshold circuit on Boolean inputs, exactly.

    Args:
        circuit: a `Circuit` (run by JAX, also under jit), a `ThresholdCircuit` or a `ThresholdUnit` (run by NumPy in
            64-bit integers).
        x: `(..., n)`, Booleans, or integers that are all 0 or 1. For a `Circuit` also a mapping: for each input a bit,
            and for each word (`a[0]`, `a[1]`, ... are the word `a`) an integer, or arrays of them.

    Returns:
        Booleans `(..., m)`, or `(...,)` for a unit; for a mapping a dict of bits and integers by name.

    Raises:
        ValueError: if the last axis is not n, an integer is neither 0 nor 1, or a word does not fit.
        TypeError: if x is floating.

    >>> from circuits.gates import AND, XOR
    >>> half_adder = Circuit(["a", "b"], [[1, 2], [1, 2]], [XOR, AND], [3, 4], ["sum", "carry"])
    >>> evaluate(half_adder, [[0, 1], [1, 1]])
    Array([[ True, False],
           [False,  True]], dtype=bool)
    >>> from circuits import library
    >>> evaluate(library.adder(8), {"a": 200, "b": 100})
    {'s': 300}
    """
    raise TypeError(
        f"evaluate: expected a Circuit, a ThresholdCircuit or a ThresholdUnit, got {type(circuit).__name__}. "
        "A jaxnet network runs as network.apply(params, x)."
    )


@evaluate.register
def _(circuit: Circuit, x: Any) -> Any:
    if isinstance(x, Mapping):
        from circuits.simulation.calls import words_of  # which is built on this file

        return words_of(circuit, x)
    bits = as_bits(x, circuit.n_inputs, circuit)
    patterns = math.prod(bits.shape[:-1])
    flat = bits.reshape(patterns, circuit.n_inputs)
    if isinstance(flat, np.ndarray):
        # These values stay known even if a caller is being traced.
        with jax.ensure_compile_time_eval():
            y = unpack(np.asarray(simulate(circuit, pack(flat))), patterns)
    else:
        y = unpack(simulate(circuit, pack(flat)), patterns)
    return y.reshape(*bits.shape[:-1], circuit.n_outputs)


def as_bits(x: Any, n: int, what: Any, *, where: str = "evaluate") -> Any:
    """Check that x is `(..., n)` and Boolean, or zeros and ones; returns it as Booleans.

    Args:
        x: an array, a nested list, or a traced Boolean array.
        n: the size of the last axis.
        what: named in the error.
        where: the function that was called, named too.

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
    if x.size == 0:  # an empty list comes as floats
        x = x.astype(bool)
    if x.ndim == 0 or x.shape[-1] != n:
        raise ValueError(f"{where}: expected inputs (..., {n}) for {what}, got {x.shape}.")
    hint = f"{where}: expected Boolean inputs, got {x.dtype}. Compare them, for example x > 0."
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
        raise ValueError(f"{where}: expected bits, 0 or 1, got {wrong}. Compare the inputs, for example x > 0.")
    return x.astype(bool, copy=False)
