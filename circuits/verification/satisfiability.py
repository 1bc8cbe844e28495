"""Can an output of a circuit be 1? All patterns are tried if they are few, else random ones, then SAT sweeping.

S. A. Cook, The complexity of theorem-proving procedures (1971): no known method is fast for all circuits, so one of the
answers is "not known".
"""

import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from circuits.netlist import Circuit, cone, output_named
from circuits.simulation.long_words import simulate_long_words, variable_tables
from circuits.simulation.patterns import exhaustive_patterns
from circuits.simulation.simulator import evaluate, simulate
from circuits.verification.algebraic_rewriting import words_equal
from circuits.verification.answers import Satisfiable, Unsatisfiable
from circuits.verification.cnf import dimacs_text
from circuits.verification.drat import Proof, ProofFiles
from circuits.verification.structural_hashing import hashed
from circuits.verification.sweeping import Swept, mixed_patterns, sweep
from jaxnet.answers import Undecided
from jaxnet.progress import progress_bar
from jaxnet.validation import whole_number

# All patterns are tried up to this number of inputs, and of gates times patterns: some seconds.
_MAX_INPUTS, _MAX_WORK = 24, 2**41
# Gates times patterns that are not worth a compiled program, whose making takes a tenth of a second.
_SMALL_WORK = 2**28
# Gates times random patterns, and the most words of these: hundredths of a second, and a bit of memory for each.
_RANDOM_WORK, _MAX_WORDS = 2**29, 2**10


def satisfiable(
    circuit: Circuit,
    output: str | None = None,
    *,
    time_limit: float | None = None,
    proof: str | os.PathLike | None = None,
    progress: bool = False,
    seed: int = 0,
) -> Satisfiable | Unsatisfiable | Undecided:
    """Find inputs for which an output is 1, or prove that there are none.

    Equal structures are found first. Then, up to 24 inputs and 2^41 gates times patterns, all patterns are tried;
    beyond that, random ones, then SAT sweeping: gates that look alike are proved equal and merged, inputs first, until
    the output is easy to decide.

    Args:
        circuit: any circuit.
        output: its name; None is the only output.
        time_limit: seconds; looked at now and then, so that it may take a few more. None for no limit.
        proof: where to write the question as `proof.cnf` and, if the output is never 1, the proof as `proof.drat`.
            No patterns are tried then, since trying them leaves nothing to check.
        progress: whether to show a bar, on a terminal or in a notebook.
        seed: of the random patterns.

    Returns:
        `Satisfiable`, `Unsatisfiable`, or, only with a time limit, `Undecided`.

    Raises:
        ValueError: if there is no such output, or more than one to choose from; or with a proof, if a name has a line
            break; or if the time limit or the seed is out of range.
        TypeError: if the seed is not whole.
        KeyboardInterrupt: at Ctrl-C, also while a solver runs.

    Source: A. Kuehlmann and F. Krohm (1997); A. Mishchenko et al. (2005), for the sweeping.

    >>> from circuits import parse
    >>> satisfiable(parse("y = (a | b) & ~a")).inputs
    {'a': False, 'b': True}
    >>> satisfiable(parse("y = (a ^ b) & ~(a | b)")).method
    'all patterns'
    """
    return decide("satisfiable", circuit, output, time_limit=time_limit, proof=proof, progress=progress, seed=seed)


def decide(
    where: str,
    circuit: Circuit,
    output: str | None,
    *,
    time_limit: float | None,
    proof: str | os.PathLike | None,
    progress: bool,
    seed: int,
    words: tuple[Sequence[int], Sequence[int]] | None = None,
) -> Satisfiable | Unsatisfiable | Undecided:
    """Answer `satisfiable`, for functions that have errors of their own.

    Args:
        where: named in the errors.
        circuit: any circuit.
        output: its name; None is the only output.
        time_limit: seconds, or None.
        proof: where to write a proof, or None.
        progress: whether to show a bar.
        seed: of the random patterns.
        words: two words of nodes, if the output is 1 just where they differ.
    """
    check_time_limit(where, time_limit)
    seed = whole_number(where, "seed", seed, 0, 2**32 - 1)
    start = time.perf_counter()
    deadline = math.inf if time_limit is None else start + time_limit
    name = output_named(where, circuit, output)
    place = circuit.output_names.index(name)
    part = cone(circuit, [name])
    if proof is None:
        part = hashed(part)
        if not part.outputs[0]:
            return Unsatisfiable("structure", time.perf_counter() - start)

    def found(method: str, x: list[bool] | np.ndarray) -> Satisfiable:
        if not np.asarray(evaluate(circuit, np.asarray(x, bool)))[place]:
            raise RuntimeError(f"{where}: {method} gave inputs for which {name!r} is not 1: a mistake in circuits.")
        inputs = dict(zip(circuit.input_names, map(bool, x), strict=True))
        return Satisfiable(inputs, method, time.perf_counter() - start)

    tried = []
    few = part.n_inputs <= _MAX_INPUTS and part.n_gates << part.n_inputs <= _MAX_WORK
    if proof is None and few:
        done, x = _all_patterns(part, deadline, progress)
        if x is not None:
            return found("all patterns", x)
        if done == 2**part.n_inputs:
            return Unsatisfiable("all patterns", time.perf_counter() - start)
        tried.append(f"all patterns: {done:,} of 2^{part.n_inputs}")
        return Undecided(f"time limit of {time_limit:g} s", tuple(tried))
    if proof is None:
        n_words = 1 << max(4, min(_MAX_WORDS, _RANDOM_WORK // (32 * max(1, part.n_gates))).bit_length() - 1)
        rows = mixed_patterns(part.n_inputs, n_words, seed=seed)
        inputs = [int.from_bytes(row.astype("<u4").tobytes(), "little") for row in rows]
        if (x := _first_of_words(part, inputs, 32 * n_words)) is not None:
            return found("random patterns", x)
        tried.append(f"random patterns: {32 * n_words:,}")
        if words and words_equal(circuit, *words, deadline=deadline, seed=seed):
            return Unsatisfiable("algebraic rewriting", time.perf_counter() - start)
    swept, files = _sweep(part, deadline, seed, proof, progress)
    if swept.model is not None:
        return found("SAT sweeping", swept.model)
    if swept.decided:
        return Unsatisfiable("SAT sweeping", time.perf_counter() - start, swept.calls, swept.merged, files)
    tried.append(
        f"SAT sweeping: {swept.passed:,} of {part.n_gates:,} gates, {swept.hashed:,} merged by structure and "
        f"{swept.merged:,} by proof, {swept.apart:,} pairs left apart, {swept.calls:,} queries to a solver"
    )
    return Undecided(f"time limit of {time_limit:g} s", tuple(tried))


def check_time_limit(where: str, time_limit: float | None) -> None:
    """Check that a time limit is None, or 0 seconds or more.

    Args:
        where: named in the error.
        time_limit: what was given.

    Raises:
        ValueError: if it is negative or no number.

    >>> check_time_limit("here", 0.5)
    """
    if time_limit is not None and not time_limit >= 0:
        raise ValueError(f"{where}: expected a time limit of 0 seconds or more, or None, got {time_limit!r}.")


def _all_patterns(circuit: Circuit, deadline: float, progress: bool) -> tuple[int, np.ndarray | None]:
    """Return how many patterns were tried, and the first for which the only output is 1, if there is one."""
    n = circuit.n_inputs
    if max(1, circuit.n_gates) << n <= _SMALL_WORK:
        return 2**n, _first_of_words(circuit, variable_tables(n), 2**n)
    blocks = exhaustive_patterns(n)
    bar = progress_bar("all patterns", blocks, shown=progress)
    for i, words in enumerate(bar):
        if time.perf_counter() > deadline:
            return 32 * blocks.block * i, None
        if (x := _first(circuit, words)) is not None:
            return 2**n, x
    return 2**n, None


def _first_of_words(circuit: Circuit, inputs: list[int], patterns: int) -> np.ndarray | None:
    """Return the first pattern for which the only output is 1, of patterns that are integers; None if there is none."""
    ones = simulate_long_words(circuit, inputs, patterns)[circuit.outputs[0]]
    place = (ones & -ones).bit_length() - 1
    return np.array([word >> place & 1 for word in inputs], bool) if ones else None


def _first(circuit: Circuit, words: np.ndarray) -> np.ndarray | None:
    """Return the first pattern for which the only output is 1, `(n,)` bool; None if there is none."""
    with jax.ensure_compile_time_eval():
        ones = np.asarray(simulate(circuit, words))[0]
    if not ones.any():
        return None
    word = int(np.flatnonzero(ones)[0])
    place = (int(ones[word]) & -int(ones[word])).bit_length() - 1
    return (words[:, word] >> np.uint32(place) & 1).astype(bool)


def _sweep(
    circuit: Circuit, deadline: float, seed: int, proof: str | os.PathLike | None, progress: bool
) -> tuple[Swept, ProofFiles | None]:
    """Sweep a circuit of one output; with a proof, write the question, and the proof if the output is never 1."""
    if proof is None:
        return sweep(circuit, deadline=deadline, seed=seed, progress=progress), None
    files = ProofFiles(Path(f"{os.fspath(proof)}.cnf"), Path(f"{os.fspath(proof)}.drat"))
    files.drat.unlink(missing_ok=True)  # an older one is of another question
    files.cnf.write_text(dimacs_text(circuit), encoding="utf-8")
    # It gets its name when it is complete, so that no half of one is taken for a proof.
    unfinished = files.drat.with_name(f"{files.drat.name}.unfinished")
    try:
        with open(unfinished, "w", encoding="ascii") as file:
            # Where the structure is enough, nothing is to be proved equal but what looks alike by accident.
            merge = bool(hashed(circuit).outputs[0])
            swept = sweep(circuit, deadline=deadline, seed=seed, proof=Proof(file), progress=progress, merge=merge)
        if swept.decided and swept.model is None:
            unfinished.replace(files.drat)
    finally:
        unfinished.unlink(missing_ok=True)
    return swept, files
