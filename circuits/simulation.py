"""What a circuit computes, bit-parallel: 32 patterns in each uint32 word, so one bitwise operation runs a gate on all.

A circuit is lowered to a nameless padded `Program` that the compiled function takes as data: circuits of one size
class share one compilation.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.netlist import Circuit

# Words of node values that are live at once: 8 MiB, which stays in the cache.
_LIVE_WORDS = 2**21

_PLACES = np.arange(32, dtype=np.uint32)


class Program(NamedTuple):
    """A circuit as arrays for a compiled loop; every size is padded to a power of two, the counts are data.

    Attributes:
        fan_ins: `(gates, 2)` int32.
        polynomials: `(gates, 4)` uint32: each gate as c0 ^ ca a ^ cb b ^ cab ab, coefficients all zeros or all ones.
        outputs: `(m,)` int32.
        n_inputs: `()` int32.
        n_gates: `()` int32.
    """

    fan_ins: np.ndarray
    polynomials: np.ndarray
    outputs: np.ndarray
    n_inputs: np.int32
    n_gates: np.int32


def lower(circuit: Circuit) -> Program:
    """The program that computes a circuit.

    Args:
        circuit: any circuit.

    Returns:
        Its `Program`.

    Source: the polynomial of a gate is its algebraic normal form (I. I. Zhegalkin, 1927).

    >>> from circuits.netlist import XOR
    >>> program = lower(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"]))
    >>> (program.polynomials[0] & 1).tolist()                              # 0 ^ a ^ b
    [0, 1, 1, 0]
    """
    gates = _size_class(circuit.n_gates)
    f00, f10, f01, f11 = ((circuit.tables >> row) & 1 for row in range(4))
    coefficients = np.stack([f00, f00 ^ f10, f00 ^ f01, f00 ^ f10 ^ f01 ^ f11], axis=1).astype(np.uint32)
    return Program(
        _pad_rows(circuit.fan_ins, gates),
        _pad_rows(coefficients * np.uint32(0xFFFFFFFF), gates),
        _pad_rows(circuit.outputs, _size_class(circuit.n_outputs)),
        np.int32(circuit.n_inputs),
        np.int32(circuit.n_gates),
    )


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

    >>> from circuits.netlist import XOR
    >>> xor = Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"])
    >>> simulate(xor, jnp.array([[0b1010], [0b1100]], jnp.uint32))
    Array([[6]], dtype=uint32)
    """
    words = jnp.asarray(words)
    if words.dtype != jnp.uint32:
        raise TypeError(f"simulate: expected uint32 words, got {words.dtype}. Pack Boolean arrays with circuits.pack.")
    if words.ndim != 2 or words.shape[0] != circuit.n_inputs:
        raise ValueError(f"simulate: expected words ({circuit.n_inputs}, k) for {circuit}, got {words.shape}.")
    k = words.shape[1]
    if k == 0:
        return jnp.zeros((circuit.n_outputs, 0), jnp.uint32)
    padding = (_size_class(circuit.n_inputs) - circuit.n_inputs, _size_class(k) - k)
    result = _run(lower(circuit), jnp.pad(words, [(0, p) for p in padding]))
    return result[: circuit.n_outputs, :k]


def pack(x: ArrayLike) -> Array:
    """Boolean patterns as words, 32 to one.

    Args:
        x: `(patterns, n)` bool.

    Returns:
        `(n, ceil(patterns / 32))` uint32; missing patterns of the last word are zeros.

    Raises:
        TypeError: if x is not Boolean.
        ValueError: if it has not two axes.

    >>> pack(jnp.array([[True], [False], [True]]))
    Array([[5]], dtype=uint32)
    """
    x = jnp.asarray(x)
    if x.dtype != bool:
        raise TypeError(f"pack: expected Booleans, got {x.dtype}. Compare them, for example x > 0.")
    if x.ndim != 2:
        raise ValueError(f"pack: expected patterns (patterns, n), got shape {x.shape}.")
    patterns, n = x.shape
    k = -(-patterns // 32)
    bits = jnp.pad(x, ((0, 32 * k - patterns), (0, 0))).reshape(k, 32, n).astype(jnp.uint32)
    return jnp.sum(bits << _PLACES[None, :, None], axis=1, dtype=jnp.uint32).T


def unpack(words: ArrayLike, patterns: int) -> Array:
    """The inverse of `pack`.

    Args:
        words: `(m, k)` uint32.
        patterns: how many, at most 32 k.

    Returns:
        `(patterns, m)` bool.

    Raises:
        TypeError: if words are not uint32.
        ValueError: if they have not two axes, or there are not so many patterns.

    >>> unpack(jnp.array([[5]], jnp.uint32), 3).T
    Array([[ True, False,  True]], dtype=bool)
    """
    words = jnp.asarray(words)
    if words.dtype != jnp.uint32:
        raise TypeError(f"unpack: expected uint32 words, got {words.dtype}.")
    if words.ndim != 2 or not 0 <= patterns <= 32 * words.shape[1]:
        raise ValueError(f"unpack: expected words (m, k) of at least {patterns} patterns, got shape {words.shape}.")
    bits = (words[:, :, None] >> _PLACES[None, None, :]) & 1
    return bits.reshape(words.shape[0], 32 * words.shape[1])[:, :patterns].T.astype(bool)


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
        # Padded to a size class in NumPy, so that another number of patterns is no other program. What is known here
        # stays known where a caller is being traced.
        with jax.ensure_compile_time_eval():
            words = pack(np.pad(flat, ((0, 32 * _size_class(-(-patterns // 32)) - patterns), (0, 0))))
            y = jnp.asarray(np.asarray(unpack(simulate(circuit, words), 32 * words.shape[1]))[:patterns])
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


@jax.jit
def _run(program: Program, words: Array) -> Array:
    """Gate after gate on a `(nodes, words)` buffer, one block of words after another."""
    (n_padded, k), n_gates_padded = words.shape, len(program.fan_ins)
    rows = 1 + n_padded + n_gates_padded
    block = min(k, max(16, _size_class(_LIVE_WORDS // rows + 1) // 2))
    # Node 0 is false, then the inputs; gates overwrite the padding behind the inputs from here on.
    first = 1 + program.n_inputs

    def gate(i: Array, values: Array) -> Array:
        a, b = values[program.fan_ins[i, 0]], values[program.fan_ins[i, 1]]
        c0, ca, cb, cab = program.polynomials[i]
        return values.at[first + i].set(c0 ^ (ca & a) ^ (cb & b) ^ (cab & a & b))

    def run(inputs: Array) -> Array:
        values = jnp.zeros((rows, block), jnp.uint32).at[1 : 1 + n_padded].set(inputs)
        return jax.lax.fori_loop(0, program.n_gates, gate, values)[program.outputs]

    blocks = jax.lax.map(run, words.reshape(n_padded, k // block, block).swapaxes(0, 1))
    return blocks.swapaxes(0, 1).reshape(-1, k)


def _size_class(n: int) -> int:
    """The power of two at or above n, and at least 1."""
    return 1 << max(0, n - 1).bit_length()


def _pad_rows(array: np.ndarray, rows: int) -> np.ndarray:
    return np.pad(array, [(0, rows - len(array))] + [(0, 0)] * (array.ndim - 1))
