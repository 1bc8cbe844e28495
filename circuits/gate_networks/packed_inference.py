"""Classes of Boolean rows from a circuit: packed, simulated with the class scores counted by gates, block by block.

A class score is the number of ones in the group of outputs of that class, as in F. Petersen, C. Borgelt, H. Kuehne and
O. Deussen, Deep differentiable logic gate networks (NeurIPS 2022). Full adders in the circuit count 32 rows with each
operation, and only the few bits of the result leave the cache.
"""

import weakref
from typing import Any

import jax
import numpy as np

from circuits.errors import listed
from circuits.gate_networks.class_outputs import check_groups, circuit_of_words, first_largest, reopened, with_counts
from circuits.netlist import Circuit
from circuits.ports import grouped, is_word
from circuits.simulation.packing import pack
from circuits.simulation.simulator import as_bits, simulate
from circuits.synthesis.simplification import simplify

# Rows that are packed and simulated at once: 16 MB of inputs where there are 256 of them.
_BLOCK = 2**16

_with_results: weakref.WeakKeyDictionary[Circuit, dict[Any, Circuit]] = weakref.WeakKeyDictionary()


def classify(circuit: Circuit, x: Any, *, classes: int | None = None) -> np.ndarray:
    """Return the class of each row: the first of those with the largest score.

    Args:
        circuit: of n inputs. If it has a word `class`, that is the class. Else each of its words is the score of a
            class, in their order; or, where `classes` is given, its outputs are groups of which the ones are counted.
        x: `(rows, n)` Booleans, or integers that are all 0 or 1; any number of rows.
        classes: how many equal groups the outputs are, the first of them the outputs of class 0.

    Returns:
        `(rows,)` int64, in 0..classes - 1.

    Raises:
        ValueError: if x is not `(rows, n)`, or the outputs are no class, no scores and no such groups.
        TypeError: if x is neither Boolean nor integer, or classes no whole number.

    The first call simplifies the circuit and lowers it, 15 us per gate; the result is kept as long as the circuit.

    >>> from circuits import parse
    >>> circuit = parse("none = ~(a | b); one = a ^ b")
    >>> classify(circuit, [[0, 0], [0, 1], [1, 1]], classes=2)          # scores (1, 0), (0, 1) and (0, 0)
    array([0, 1, 0])
    """
    return _numbers("classify", circuit, x, classes)[:, 0]


def class_scores(circuit: Circuit, x: Any, *, classes: int | None = None) -> np.ndarray:
    """Return the scores of each row.

    Args:
        circuit: of n inputs, whose words are the scores; or, where `classes` is given, its outputs are groups of which
            the ones are counted.
        x: `(rows, n)` Booleans, or integers that are all 0 or 1; any number of rows.
        classes: how many equal groups the outputs are, the first of them the outputs of class 0.

    Returns:
        `(rows, classes)` int64, at least 0.

    Raises:
        ValueError: if x is not `(rows, n)`, or the outputs are no scores and no such groups.
        TypeError: if x is neither Boolean nor integer, or classes no whole number.

    >>> from circuits import parse
    >>> circuit = parse("p = a; q = b; r = a & b; s = 0")
    >>> class_scores(circuit, [[0, 1], [1, 1]], classes=2)
    array([[1, 0],
           [2, 1]])
    """
    return _numbers("class_scores", circuit, x, classes)


def _numbers(where: str, circuit: Circuit, x: Any, classes: int | None) -> np.ndarray:
    """Return the words that come out for each row, `(rows, words)`."""
    x = x if isinstance(x, jax.Array) else np.asarray(x)
    if x.ndim != 2 or x.shape[1] != circuit.n_inputs:
        raise ValueError(f"{where}: expected rows (rows, {circuit.n_inputs}) for {circuit}, got shape {x.shape}.")
    kept = _with_results.setdefault(circuit, {})
    if (where, classes) not in kept:
        kept[where, classes] = _with_result(where, circuit, classes)
    short = kept[where, classes]
    words = list(grouped(short.output_names).values())
    numbers = np.zeros((len(words), len(x)), np.int64)
    for start in range(0, len(x), _BLOCK):
        block = numbers[:, start : start + _BLOCK]
        rows = as_bits(x[start : start + _BLOCK], circuit.n_inputs, circuit, where=where)
        packed = np.asarray(simulate(short, pack(rows)))
        for number, places in zip(block, words, strict=True):
            number[:] = _unpacked_word(packed[places], len(number))
    return numbers.T


def _unpacked_word(packed: np.ndarray, rows: int) -> np.ndarray:
    """Return the numbers of which `packed` has the bits, lowest first."""
    octets = np.ascontiguousarray(packed.astype("<u4")).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, count=rows, bitorder="little")
    number = bits[0].astype(np.min_scalar_type(2 ** len(bits) - 1))
    for place, bit in enumerate(bits[1:], 1):
        number += bit.astype(number.dtype) << number.dtype.type(place)
    return number


def _with_result(where: str, circuit: Circuit, classes: int | None) -> Circuit:
    """Return the circuit with the class, or the scores, as its only outputs."""
    names = circuit.output_names
    words, chosen = grouped(names), []
    if where == "classify" and classes is None and "class" in words:
        chosen = [words["class"]]
    elif classes is None:
        chosen = [places for name, places in words.items() if is_word(name, places, names)]
        if len(chosen) != len(words) or len(words) < 2:
            raise ValueError(
                f"{where}: expected the scores of two or more classes as words score0[0], score0[1], ..., got "
                f"{listed(words)}. Outputs that are groups, one a class, need classes=."
            )
    else:
        check_groups(where, circuit, classes)
    circuit = simplify(circuit)
    if classes is not None:
        return with_counts(circuit, classes, "class" if where == "classify" else "counts")
    netlist, outputs = reopened(circuit)
    results = [[outputs[place] for place in places] for places in chosen]
    if where == "classify" and len(results) > 1:
        results = [first_largest(netlist, results)]
    return circuit_of_words(netlist, {f"w{i}": bits for i, bits in enumerate(results)})
