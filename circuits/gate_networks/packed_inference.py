"""Classes of Boolean rows from a circuit: packed, simulated with the class scores counted by gates, block by block.

A class score is the number of ones in the group of outputs of that class, as in F. Petersen, C. Borgelt, H. Kuehne and
O. Deussen, Deep differentiable logic gate networks (NeurIPS 2022). Full adders in the circuit count 32 rows with each
operation, and only the few bits of the result leave the cache.
"""

import weakref
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from circuits import library
from circuits.bits import Bit
from circuits.errors import listed
from circuits.netlist import Builder, Circuit
from circuits.ports import bits_of, grouped, is_word
from circuits.simulation.packing import pack
from circuits.simulation.simulator import as_bits, simulate
from circuits.synthesis.simplification import simplify
from jaxnet.validation import whole_number

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
    if classes is not None:
        classes = whole_number(where, "classes", classes, 1)
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
    elif circuit.n_outputs % classes or not circuit.n_outputs:
        raise ValueError(
            f"{where}: expected outputs that are {classes} equal groups, one a class, got {circuit.n_outputs} outputs."
        )
    circuit = simplify(circuit)
    # A builder numbers gates as a circuit does.
    netlist = Builder(circuit.input_names)
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        netlist.gate(table, a, b)
    outputs = [Bit(netlist, node) for node in circuit.outputs.tolist()]
    if classes is None:
        results = [[outputs[place] for place in places] for places in chosen]
    else:
        size = len(outputs) // classes
        results = [library.count(outputs[start : start + size]) for start in range(0, len(outputs), size)]
    if where == "classify" and len(results) > 1:
        results = [_first_largest(results, Bit(netlist, 0), Bit(netlist, netlist.constant(True)))]
    elif where == "classify" and classes == 1:
        results = [[Bit(netlist, 0)]]
    named = {}
    for i, bits in enumerate(results):
        named |= {name: bit.node for name, bit in zip(bits_of(f"w{i}", len(bits)), bits, strict=True)}
    return netlist.circuit(named)


def _first_largest(scores: Sequence[Sequence[Bit]], zero: Bit, one: Bit) -> list[Bit]:
    """Return the number of the first of the largest scores, by a tournament in which only a larger one wins."""
    width = max(map(len, scores))
    digits = max(1, (len(scores) - 1).bit_length())
    players = [
        ([*score, *[zero] * (width - len(score))], [one if number >> i & 1 else zero for i in range(digits)])
        for number, score in enumerate(scores)
    ]
    while len(players) > 1:
        pairs = zip(players[0::2], players[1::2], strict=False)
        winners = [_winner(first, second) for first, second in pairs]
        players = winners + players[2 * len(winners) :]
    return players[0][1]


def _winner(first: tuple[list[Bit], list[Bit]], second: tuple[list[Bit], list[Bit]]) -> tuple[list[Bit], list[Bit]]:
    """Return score and number of the second where its score is larger, else those of the first."""
    larger, *_ = library.less_equal_greater(first[0], second[0])
    score, number = (
        [library.mux(larger, bit, other) for other, bit in zip(*pair, strict=True)]
        for pair in zip(first, second, strict=True)
    )
    return score, number
