"""Which inputs and outputs of two circuits belong together, where their names do not say: found by simulation.

H. Katebi and I. L. Markov, Large-scale Boolean matching (DATE 2010): classes of ports that look alike are split until
one of each circuit is left, with backtracking where that is not enough.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.patterns import pack
from circuits.simulation.simulator import simulate
from circuits.verification.answers import Counterexample, Equivalent, Matching
from circuits.verification.port_names import renamed
from jaxnet.answers import Undecided

# Rounds without a new class after which classes are taken to stay; each round has 64 random patterns.
_IDLE_ROUNDS = 4
# Patterns that told ports apart and are kept.
_MOST_SEEDS = 64
# Words that are simulated at once: 64 MiB of inputs.
_MOST_WORDS = 2**24
# Patterns on which a matching is tried before it is proposed.
_TRIAL = 1024


# What proves or refutes that the first circuit and one with its names are equal, in some seconds.
Prove = Callable[[Circuit, float | None], Equivalent | Counterexample | Undecided]


class _Classes(NamedTuple):
    """Ports that may belong together have one number, from 0, in both circuits; rows are the circuits."""

    inputs: np.ndarray
    outputs: np.ndarray


def match_and_prove(
    a: Circuit, b: Circuit, prove: Prove, *, time_limit: float | None = None, seed: int = 0
) -> Equivalent | Undecided:
    """Find a matching of two circuits under which they are proved equal.

    Args:
        a: a circuit.
        b: another.
        prove: called with b under the names of a, and the seconds that are left.
        time_limit: seconds; None for no limit.
        seed: of the random patterns.

    Returns:
        `Equivalent` with the matching; `Undecided` if none was found, which does not mean that there is none.

    Raises:
        ValueError: if they have other numbers of inputs or outputs.
    """
    for kind, of_a, of_b in (("inputs", a.n_inputs, b.n_inputs), ("outputs", a.n_outputs, b.n_outputs)):
        if of_a != of_b:
            raise ValueError(f"equivalent: expected as many {kind} in both circuits, got {of_a} and {of_b}.")
    start = time.perf_counter()

    def left() -> float | None:
        return None if time_limit is None else max(0.0, time_limit - (time.perf_counter() - start))

    refuted: list[np.ndarray] = []
    for matching in matchings(a, b, refuted, seed=seed, expired=lambda: left() == 0):
        answer = prove(renamed(b, matching), left())
        if isinstance(answer, Equivalent):
            return replace(answer, seconds=time.perf_counter() - start, matching=matching)
        if isinstance(answer, Undecided):
            return replace(answer, what_was_tried=("a matching that agrees on random patterns", *answer.what_was_tried))
        refuted.append(np.array([answer.inputs[name] for name in a.input_names], bool))
    tried = (f"{len(refuted):,} matchings that agree on random patterns, each refuted",)
    if left() == 0:
        return Undecided(f"time limit of {time_limit:g} s", tried)
    return Undecided("no matching of the inputs and outputs was found", tried)


def matchings(
    a: Circuit,
    b: Circuit,
    patterns: list[np.ndarray],
    *,
    seed: int = 0,
    expired: Callable[[], bool] = lambda: False,
) -> Iterator[Matching]:
    """Propose matchings under which two circuits agree on random patterns; if one is an equivalence, it is among them.

    Args:
        a: a circuit.
        b: another with as many inputs and outputs.
        patterns: inputs of a, `(n,)` bool, for which proposals must agree too; the caller adds what refutes one.
        seed: of the random patterns.
        expired: whether to stop.

    Yields:
        Matchings, none of them twice.

    Source: H. Katebi and I. L. Markov (2010).

    >>> from circuits import parse
    >>> next(matchings(parse("y = a & ~b"), parse("z = ~p & q"), []))
    Matching(inputs={'a': 'q', 'b': 'p'}, outputs={'y': 'z'})
    """
    rng = np.random.default_rng(seed)
    trial = np.asarray(pack(_mixed_rows(_TRIAL, a.n_inputs, rng)))
    start = _Classes(np.zeros((2, a.n_inputs), int), np.zeros((2, a.n_outputs), int))
    waiting: list[_Classes] = [start]
    seeds = deque(maxlen=_MOST_SEEDS)
    proposed = set()
    while waiting and not expired():
        classes = _refined(a, b, waiting.pop(), seeds, rng)
        if classes is None:
            continue
        while (matching := _completed(a, b, classes, trial, patterns)) is not None:
            key = (*matching.inputs.values(), *matching.outputs.values())
            if key in proposed:
                break
            proposed.add(key)
            yield matching
            seeds += patterns[-1:]
        waiting += reversed(_split(classes))


def _mixed_rows(count: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return random patterns, `(count, n)` bool, from nearly none to nearly all ones.

    Many functions, such as a comparison of words, hardly ever change where zeros and ones are even.
    """
    few = min(0.25, 2 / max(1, n))
    densities = np.resize([few, 0.5, few, 1 - few, 0.0, 0.5, few / 2, 1.0], count)
    return rng.random((count, n)) < densities[:, None]


def _split(classes: _Classes) -> list[_Classes]:
    """Return the ways to give an input of a, from a smallest class of several, a partner in b."""
    of_a, of_b = classes.inputs
    sizes = np.bincount(of_a) if of_a.size else np.zeros(0, int)
    if not (sizes > 1).any():
        return []
    chosen = np.flatnonzero(sizes == sizes[sizes > 1].min())[0]
    first = np.flatnonzero(of_a == chosen)[0]
    ways = []
    for partner in np.flatnonzero(of_b == chosen):
        inputs = classes.inputs.copy()
        inputs[0, first] = inputs[1, partner] = len(sizes)
        ways.append(_Classes(inputs, classes.outputs))
    return ways


def _refined(
    a: Circuit, b: Circuit, classes: _Classes, seeds: deque[np.ndarray], rng: np.random.Generator
) -> _Classes | None:
    """Split classes until they stay; None if there are more of one class in a than in b.

    Inputs of one class have the same value in a pattern, so that the patterns of both circuits are the same one under
    each matching that respects the classes; then one input after another is flipped.
    """
    idle = 0
    while idle < _IDLE_ROUNDS:
        n_before = [_count(part) for part in classes]
        rows = _mixed_rows(64, n_before[0], rng)
        if seeds:  # every other row is near a pattern that told ports apart
            near = np.stack([seeds[i] for i in rng.integers(0, len(seeds), 32)])
            rows[::2] ^= near[:, np.unique(classes.inputs[0], return_index=True)[1]]
        words = np.packbits(rows.T.copy(), axis=1).view(np.uint64).ravel()
        plain, flipped = zip(
            *(_responses(circuit, words[row]) for circuit, row in zip((a, b), classes.inputs, strict=True)), strict=True
        )
        of_a = rows[:, classes.inputs[0]]
        changes = [each ^ base[:, None] for each, base in zip(flipped, plain, strict=True)]
        outputs = _classes_of(
            [
                _mixed(own, base, (_mixed(change, row)).sum(1, dtype=np.uint64))
                for own, base, change, row in zip(classes.outputs, plain, changes, classes.inputs, strict=True)
            ]
        )
        if outputs is None:
            return None
        inputs = _classes_of(
            [
                _mixed(own, (_mixed(change, column[:, None])).sum(0, dtype=np.uint64))
                for own, change, column in zip(classes.inputs, changes, outputs, strict=True)
            ]
        )
        if inputs is None:
            return None
        classes = _Classes(inputs, outputs)
        several = np.bincount(inputs[0])[inputs[0]] > 1
        active = np.unpackbits(np.bitwise_or.reduce(changes[0][:, several], axis=None).reshape(1).view(np.uint8))
        if 0 < active.sum() <= 16:
            seeds.append(of_a[rng.choice(np.flatnonzero(active))])
        idle = idle + 1 if [_count(part) for part in classes] == n_before else 0
    return classes


def _count(classes: np.ndarray) -> int:
    return int(classes.max(initial=-1)) + 1


def _responses(circuit: Circuit, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs for 64 patterns, and those with each input flipped in turn: `(m,)` and `(m, n)` uint64."""
    n = circuit.n_inputs
    columns = []
    step = max(1, _MOST_WORDS // (2 * max(1, n)))
    for start in range(0, n + 1, step):
        block = np.repeat(words[:, None], min(step, n + 1 - start), axis=1)
        flips = np.arange(max(start, 1), start + block.shape[1])  # column 0 has none flipped
        block[flips - 1, flips - start] ^= np.uint64(2**64 - 1)
        out = np.array(simulate(circuit, np.ascontiguousarray(block).view(np.uint32)))
        columns.append(out.view(np.uint64).reshape(circuit.n_outputs, -1))
    out = np.concatenate(columns, axis=1)
    return out[:, 0], out[:, 1:]


def _mixed(*parts: np.ndarray) -> np.ndarray:
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


def _completed(
    a: Circuit, b: Circuit, classes: _Classes, trial: np.ndarray, patterns: list[np.ndarray]
) -> Matching | None:
    """Pair the inputs of each class as they come, and outputs that agree on all patterns; None if they do not."""
    words = trial
    if patterns:  # each as a word of its own
        words = np.concatenate([trial, np.stack(patterns, axis=1) * np.uint32(2**32 - 1)], axis=1)
    order_a, order_b = (np.argsort(row, kind="stable") for row in classes.inputs)
    words_b = np.empty_like(words)
    words_b[order_b] = words[order_a]
    values = [np.asarray(simulate(circuit, w)) for circuit, w in ((a, words), (b, words_b))]
    keys = [np.column_stack([row, value]) for row, value in zip(classes.outputs, values, strict=True)]
    outputs_a, outputs_b = (np.lexsort(key.T[::-1]) for key in keys)
    if not np.array_equal(keys[0][outputs_a], keys[1][outputs_b]):
        return None
    partners = dict(zip(order_a.tolist(), order_b.tolist(), strict=True))
    of_outputs = dict(zip(outputs_a.tolist(), outputs_b.tolist(), strict=True))
    return Matching(
        {name: b.input_names[partners[i]] for i, name in enumerate(a.input_names)},
        {name: b.output_names[of_outputs[i]] for i, name in enumerate(a.output_names)},
    )
