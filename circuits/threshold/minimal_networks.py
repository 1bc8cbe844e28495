"""The fewest threshold units for every function of at most four inputs, by look-up.

A unit reads inputs and earlier units. Of the 222 NPN classes 15 need one unit, 174 two and 33 three. The circuits come
with the package, one for each class, of least sum of |w| among those with the fewest units; `network_search` finds
them, and shows by trying all that no smaller ones exist.
"""

import functools
import itertools
from importlib.resources import files
from typing import Any

import numpy as np

from circuits.threshold.packed_tables import pack_tables, unpack_tables
from circuits.threshold.threshold_circuits import ThresholdCircuit, of_units
from jaxnet.validation import whole_number

FILE = files("circuits") / "data" / "minimal_networks.npy"
INPUTS, MOST_UNITS = 4, 3

# The units in order, the last the output: weights for the four inputs and the units before it, and the threshold.
Network = list[tuple[list[int], int]]


def minimal_network(table: Any, n: int) -> ThresholdCircuit:
    """Return a circuit of the fewest threshold units for a truth table.

    Args:
        table: an integer of 2^n bits, bit r the value on row r; or bool `(2^n,)`.
        n: 0 to 4.

    Returns:
        A `ThresholdCircuit` of 1 to 3 units with inputs x0, x1, ... and output y.

    Raises:
        ValueError: if n is out of range, or the table does not fit it.
        TypeError: if the table is neither an integer nor bool.

    Source: S. Muroga, Threshold Logic and Its Applications (1971), for circuits of few units; E. Goto and H. Takahasi
    (1962) for the classes.

    >>> minimal_network(0b0110, 2)                                          # XOR
    ThresholdCircuit(2 inputs, 1 outputs, 2 units)
    """
    n = whole_number("minimal_network", "n", n, 0, INPUTS)
    words = pack_tables(table, n, where="minimal_network")
    if words.shape != (1,):
        raise ValueError(f"minimal_network: expected one table, got shape {np.shape(table)}; call it for each.")
    # The same function of four inputs, which does not need the last ones.
    rows = np.resize(unpack_tables(words, n), 1 << INPUTS)
    place, negated, complemented, least = to_least(rows)
    # What leads back: input place[i] of the least table is input i of this one, negated or not.
    back = np.argsort(place).tolist()
    network = moved(networks()[least], back, [negated[i] for i in back], complemented)
    return _circuit(network, n)


def to_least(rows: np.ndarray) -> tuple[list[int], list[bool], bool, int]:
    """Return how a function of four inputs becomes the least table of its NPN class.

    Args:
        rows: `(16,)` bool.

    Returns:
        Where each input goes, which inputs are negated, whether the output is, and the least table.
    """
    moves, sources = _moves()
    tables = rows[sources] @ (1 << np.arange(1 << INPUTS))
    both = np.concatenate([tables, tables ^ (1 << (1 << INPUTS)) - 1])
    best = int(both.argmin())
    place, negated = moves[best % len(moves)]
    return place, negated, best >= len(moves), int(both[best])


@functools.cache
def _moves() -> tuple[list[tuple[list[int], list[bool]]], np.ndarray]:
    """Return all orders and negations of the inputs, and for each the row that each row comes from."""
    rows = np.arange(1 << INPUTS)
    moves, sources = [], []
    for place in itertools.permutations(range(INPUTS)):
        for negated in itertools.product((False, True), repeat=INPUTS):
            moves.append((list(place), list(negated)))
            sources.append(sum(((rows >> place[i] & 1) ^ negated[i]) << i for i in range(INPUTS)))
    return moves, np.array(sources)


def moved(network: Network, place: list[int], negated: list[bool], complemented: bool) -> Network:
    """Return the circuit that reads input place[i], negated or not, where another reads input i."""
    found = []
    for weights, threshold in network:
        inputs = [0] * INPUTS
        for i, weight in enumerate(weights[:INPUTS]):
            # w (1 - x) is w - w x.
            inputs[place[i]] = -weight if negated[i] else weight
            threshold -= weight * negated[i]
        found.append((inputs + weights[INPUTS:], threshold))
    if complemented:
        weights, threshold = found[-1]
        found[-1] = [-weight for weight in weights], 1 - threshold
    return found


def _circuit(network: Network, n: int) -> ThresholdCircuit:
    """Return a circuit of four inputs as one of the first n, the others 0."""
    nodes = [*range(n), *[None] * (INPUTS - n), *range(n, n + len(network))]
    units = [
        ({node: w for node, w in zip(nodes, weights, strict=False) if node is not None}, threshold)
        for weights, threshold in network
    ]
    return of_units([f"x{i}" for i in range(n)], units, {"y": n + len(network) - 1})


@functools.cache
def networks() -> dict[int, Network]:
    """Return a circuit for the least table of each of the 222 classes.

    >>> len(networks())
    222
    """
    with FILE.open("rb") as file:
        stored = np.load(file, allow_pickle=False).tolist()
    found = {}
    for units in stored:
        network = [(unit[: INPUTS + k], unit[-1]) for k, unit in enumerate(u for u in units if any(u))]
        found[table_of_network(network)] = network
    return found


def table_of_network(network: Network) -> int:
    """Return the truth table of a circuit of four inputs, an integer of 16 bits."""
    values = [np.arange(1 << INPUTS) >> i & 1 for i in range(INPUTS)]
    for weights, threshold in network:
        sums = np.array(weights) @ np.array(values)
        values.append((sums >= threshold).astype(int))
    return int(values[-1] @ (1 << np.arange(1 << INPUTS)))
