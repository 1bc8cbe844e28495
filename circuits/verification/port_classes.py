"""Classes of ports that look alike in two circuits, split by simulation.

H. Katebi and I. L. Markov, Large-scale Boolean matching (DATE 2010).
"""

import itertools
import math
from collections import deque
from typing import NamedTuple

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.simulator import simulate

# Rounds without a new class after which classes are taken to stay; each round has 64 random patterns.
_IDLE_ROUNDS = 4
# Words that are simulated at once: 64 MiB of inputs.
_MOST_WORDS = 2**24
# How far around an input its structure is looked at, in gates.
_STRUCTURE_ROUNDS = 24
# The most gates times sets of inputs, where several inputs are flipped together.
_MOST_WORK = 2**24


class PortClasses(NamedTuple):
    """Ports that may belong together have one number, from 0, in both circuits; rows are the circuits."""

    inputs: np.ndarray
    outputs: np.ndarray


def refined(
    a: Circuit, b: Circuit, classes: PortClasses, flips: int, seeds: deque[np.ndarray], rng: np.random.Generator
) -> PortClasses | None:
    """Split classes until they stay; None if there are more of one class in a than in b.

    Inputs of one class have the same value in a pattern, so that the patterns of both circuits are the same one under
    each matching that respects the classes; then all sets of so many inputs are flipped in turn.

    Args:
        a: a circuit.
        b: another, with as many inputs and outputs.
        classes: from where to go on.
        flips: how many inputs are flipped together: 1, or 2 and more for those whose class has several.
        seeds: patterns of a near which to look; such as told ports apart are added.
        rng: of the patterns.
    """
    idle = 0
    while idle < _IDLE_ROUNDS:
        n_before = [count(part) for part in classes]
        flipped = [_flipped(circuit, row, flips) for circuit, row in zip((a, b), classes.inputs, strict=True)]
        if not all(sets.size for sets in flipped) and flips > 1:
            return classes
        rows = mixed_rows(64, n_before[0], rng)
        if seeds:  # every other row is near a pattern that told ports apart
            near = np.stack([seeds[i] for i in rng.integers(0, len(seeds), 32)])
            rows[::2] ^= near[:, np.unique(classes.inputs[0], return_index=True)[1]]
        words = np.packbits(rows.T.copy(), axis=1).view(np.uint64).ravel()
        plain, changes, kinds = [], [], []
        for circuit, row, sets in zip((a, b), classes.inputs, flipped, strict=True):
            values = _responses(circuit, words[row], sets)
            plain.append(values[:, 0])
            changes.append(values[:, 1:] ^ values[:, :1])
            kinds.append(mixed(row)[sets].sum(1, dtype=np.uint64))
        hits = [mixed(change, kind) for change, kind in zip(changes, kinds, strict=True)]
        outputs = _classes_of(
            [
                mixed(own, base, hit.sum(1, dtype=np.uint64))
                for own, base, hit in zip(classes.outputs, plain, hits, strict=True)
            ]
        )
        if outputs is None:
            return None
        colours = []
        for own, hit, column, sets in zip(classes.inputs, hits, outputs, flipped, strict=True):
            sums = np.zeros(len(own), np.uint64)
            np.add.at(sums, sets, mixed(hit, column[:, None]).sum(0, dtype=np.uint64)[:, None])
            colours.append(mixed(own, sums))
        inputs = _classes_of(colours)
        if inputs is None:
            return None
        own_class = classes.inputs[0]
        classes = PortClasses(inputs, outputs)
        undecided = (np.bincount(inputs[0])[inputs[0]] > 1)[flipped[0]].any(1)
        active = np.unpackbits(np.bitwise_or.reduce(changes[0][:, undecided], axis=None).reshape(1).view(np.uint8))
        if 0 < active.sum() <= 16:
            seeds.append(rows[rng.choice(np.flatnonzero(active))][own_class])
        idle = idle + flips if [count(part) for part in classes] == n_before else 0
    return classes


def ways_to_split(classes: PortClasses, structures: np.ndarray) -> list[PortClasses]:
    """Return the ways to give an input of a, from a smallest class of several, a partner in b.

    Args:
        classes: to split.
        structures: `(2, n)`, the structure of each input of both; partners that have the same come first.
    """
    of_a, of_b = classes.inputs
    sizes = np.bincount(of_a) if of_a.size else np.zeros(0, int)
    if not (sizes > 1).any():
        return []
    chosen = np.flatnonzero(sizes == sizes[sizes > 1].min())[0]
    first = np.flatnonzero(of_a == chosen)[0]
    ways = []
    partners = np.flatnonzero(of_b == chosen)
    for partner in partners[np.argsort(structures[1, partners] != structures[0, first], kind="stable")]:
        inputs = classes.inputs.copy()
        inputs[0, first] = inputs[1, partner] = len(sizes)
        ways.append(PortClasses(inputs, classes.outputs))
    return ways


def structure(circuit: Circuit) -> np.ndarray:
    """Return a number for each input that is the same where the gates around it are wired alike, `(n,)` uint64.

    Where several matchings are right, one under which the circuits have common gates is by far the easiest to prove.
    """
    a, b = circuit.fan_ins.T
    gates = slice(1 + circuit.n_inputs, None)
    kind = np.zeros(circuit.n_nodes, np.uint64)
    kind[gates] = 1 + circuit.tables
    np.add.at(kind, circuit.outputs, np.uint64(32))
    kind[0] = 64
    colour = kind
    for _ in range(_STRUCTURE_ROUNDS):
        near = np.zeros(circuit.n_nodes, np.uint64)
        near[gates] = mixed(colour[a], np.array([1], np.uint64)) + mixed(colour[b], np.array([2], np.uint64))
        np.add.at(near, a, mixed(colour[gates], np.array([3], np.uint64)))
        np.add.at(near, b, mixed(colour[gates], np.array([4], np.uint64)))
        colour = mixed(kind, colour, near)
    return colour[1 : 1 + circuit.n_inputs]


def count(classes: np.ndarray) -> int:
    """Return how many classes there are, of inputs or of outputs."""
    return int(classes.max(initial=-1)) + 1


def mixed_rows(rows: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return random patterns, `(rows, n)` bool, from nearly none to nearly all ones.

    Many functions, such as a comparison of words, hardly ever change where zeros and ones are even.
    """
    few = min(0.25, 2 / max(1, n))
    densities = np.resize([few, 0.5, few, 1 - few, 0.0, 0.5, few / 2, 1.0], rows)
    return rng.random((rows, n)) < densities[:, None]


def _flipped(circuit: Circuit, classes: np.ndarray, flips: int) -> np.ndarray:
    """Return the sets of inputs to flip, `(sets, flips)`: each alone, or those of several that are not known yet."""
    if flips == 1:
        return np.arange(circuit.n_inputs)[:, None]
    unknown = np.flatnonzero(np.bincount(classes)[classes] > 1)
    if math.comb(len(unknown), flips) * (circuit.n_nodes + circuit.n_outputs) > _MOST_WORK:
        return np.zeros((0, flips), int)
    return np.array([*itertools.combinations(unknown.tolist(), flips)], int).reshape(-1, flips)


def _responses(circuit: Circuit, words: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    """Return the outputs for 64 patterns, and those with each set of inputs flipped: `(m, 1 + sets)` uint64."""
    columns = []
    step = max(1, _MOST_WORDS // (2 * max(1, circuit.n_inputs)))
    for start in range(0, 1 + len(flipped), step):
        block = np.repeat(words[:, None], min(step, 1 + len(flipped) - start), axis=1)
        sets = np.arange(max(start, 1), start + block.shape[1])  # column 0 has none flipped
        for each in flipped[sets - 1].T:
            block[each, sets - start] ^= np.uint64(2**64 - 1)
        out = np.array(simulate(circuit, np.ascontiguousarray(block).view(np.uint32)))
        columns.append(out.view(np.uint64).reshape(circuit.n_outputs, -1))
    return np.concatenate(columns, axis=1)


def mixed(*parts: np.ndarray) -> np.ndarray:
    """Return a hash of numbers, element by element: splitmix64 of one after another."""
    value = np.zeros((), np.uint64)
    for part in parts:
        value = (value ^ part.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        value = value ^ (value >> np.uint64(31))
    return np.asarray(value)


def _classes_of(colours: list[np.ndarray]) -> np.ndarray | None:
    """Number the colours of both circuits; None if they are not the same ones, each as often."""
    kinds, numbers = np.unique(np.stack(colours), return_inverse=True)
    numbers = numbers.reshape(2, -1)
    sizes = [np.bincount(row, minlength=len(kinds)) for row in numbers]
    return numbers if (sizes[0] == sizes[1]).all() else None
