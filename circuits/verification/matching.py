"""Which inputs and outputs of two circuits belong together, where their names do not say: found by simulation.

H. Katebi and I. L. Markov, Large-scale Boolean matching (DATE 2010): classes of ports that look alike are split until
one of each circuit is left, with backtracking where that is not enough.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.packing import pack
from circuits.simulation.simulator import simulate
from circuits.verification.answers import Counterexample, Equivalent, Matching
from circuits.verification.port_classes import PortClasses, count, mixed_rows, refined, structure, ways_to_split
from circuits.verification.port_names import renamed
from jaxnet.answers import Undecided

# Patterns that told ports apart and are kept.
_MOST_SEEDS = 64
# Inputs that are flipped together where single ones tell nothing apart.
_MOST_FLIPS = 3
# Patterns on which a matching is tried before it is proposed.
_TRIAL = 1024


# What proves or refutes that the first circuit and one with its names are equal, in some seconds.
Prove = Callable[[Circuit, float | None], Equivalent | Counterexample | Undecided]


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
    trial = np.asarray(pack(mixed_rows(_TRIAL, a.n_inputs, rng)))
    structures = np.stack([structure(a), structure(b)])
    start = PortClasses(np.zeros((2, a.n_inputs), int), np.zeros((2, a.n_outputs), int))
    waiting: list[PortClasses] = [start]
    seeds = deque(maxlen=_MOST_SEEDS)
    proposed = set()
    while waiting and not expired():
        classes, flips = waiting.pop(), 1
        while classes is not None and flips <= _MOST_FLIPS:
            n_before = count(classes.inputs)
            classes = refined(a, b, classes, flips, seeds, rng)
            if classes is None:
                break
            if flips == 1:
                while (matching := _completed(a, b, classes, structures, trial, patterns)) is not None:
                    key = (*matching.inputs.values(), *matching.outputs.values())
                    if key in proposed:
                        break
                    proposed.add(key)
                    yield matching
                    seeds += patterns[-1:]
            # What several flips told apart is looked at by single ones again.
            flips = 1 if flips > 1 and count(classes.inputs) > n_before else flips + 1
        if classes is not None:
            waiting += reversed(ways_to_split(classes, structures))


def _completed(
    a: Circuit, b: Circuit, classes: PortClasses, structures: np.ndarray, trial: np.ndarray, patterns: list[np.ndarray]
) -> Matching | None:
    """Pair the inputs of each class by structure, and outputs that agree on all patterns; None if they do not."""
    words = trial
    if patterns:  # each as a word of its own
        words = np.concatenate([trial, np.stack(patterns, axis=1) * np.uint32(2**32 - 1)], axis=1)
    order_a, order_b = (np.lexsort((near, row)) for near, row in zip(structures, classes.inputs, strict=True))
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
