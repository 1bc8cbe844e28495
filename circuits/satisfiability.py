"""Can an output of a circuit be 1? All patterns where they are few, else random ones, then SAT sweeping.

S. A. Cook, The complexity of theorem-proving procedures (1971): there is no fast way for all circuits, so there is an
answer for "not known". Models are counted on a decision diagram: R. E. Bryant (1986).
"""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from circuits.formats import dimacs
from circuits.netlist import Circuit, without_dead_gates
from circuits.patterns import exhaustive_patterns
from circuits.proofs import Proof, ProofFiles
from circuits.simulation import evaluate, simulate
from circuits.sweeping import Swept, mixed_patterns, sweep

# All patterns are tried up to so many inputs and so many gates times patterns: some seconds.
_MAX_INPUTS, _MAX_WORK = 24, 2**39
# Gates times random patterns, and the most words of them: a tenth of a second.
_RANDOM_WORK, _MAX_WORDS = 2**33, 2**14


class Answer:
    """What may be unknown is no truth value: `if satisfiable(...)` would take `Undecided` for one of the two."""

    def __bool__(self) -> bool:
        raise TypeError(
            f"{type(self).__name__} is neither true nor false, since an answer may be Undecided. Ask which it is: "
            "match on its type, or isinstance."
        )


@dataclass(frozen=True)
class Satisfiable(Answer):
    """The output can be 1.

    Attributes:
        inputs: for these, by name; `evaluate` was asked.
        method: what found them.
        seconds: how long that took.
    """

    inputs: dict[str, bool]
    method: str
    seconds: float


@dataclass(frozen=True)
class Proved(Answer):
    """What every proof has.

    Attributes:
        method: "all patterns" or "SAT sweeping".
        seconds: how long that took.
        calls: questions that a SAT solver was asked; none where the patterns or the structure were enough.
        merged: gates that it proved equal to others.
        proof: the files of the proof, if it was asked for; `circuits.proofs.check` checks them.
    """

    method: str
    seconds: float
    calls: int = 0
    merged: int = 0
    proof: ProofFiles | None = None


class Unsatisfiable(Proved):
    """The output is never 1; see `Proved`."""


@dataclass(frozen=True)
class Undecided(Answer):
    """Not known within the limit that was set.

    Attributes:
        reason: which limit.
        what_was_tried: a line for each method.
    """

    reason: str
    what_was_tried: tuple[str, ...]


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

    Up to 24 inputs and 2^39 gates times patterns, all patterns are tried. Beyond, random ones; then SAT sweeping: gates
    that look alike are proved equal and merged, inputs first, until the output is an easy question.

    Args:
        circuit: any circuit.
        output: its name; where there is only one output, None is that.
        time_limit: seconds; looked at now and then, so that it may take a few more. None for no limit.
        proof: where to write the question as `proof.cnf` and, if the output is never 1, the proof as `proof.drat`.
            Then no patterns are tried, since those are no proof that can be checked.
        progress: whether to show a bar, on a terminal.
        seed: of the random patterns.

    Returns:
        `Satisfiable`, `Unsatisfiable`, or, only with a time limit, `Undecided`.

    Raises:
        ValueError: if there is no such output, or more than one to choose from; or with a proof, if a name has a line
            break; or if the time limit is negative.
        KeyboardInterrupt: at Ctrl-C, also while a solver runs.

    Source: A. Kuehlmann and F. Krohm (1997); A. Mishchenko et al. (2005), for the sweeping.

    >>> from circuits import parse
    >>> satisfiable(parse("y = (a | b) & ~a")).inputs
    {'a': False, 'b': True}
    >>> satisfiable(parse("y = (a ^ b) & ~(a | b)")).method
    'all patterns'
    """
    if time_limit is not None and not time_limit >= 0:
        raise ValueError(f"satisfiable: expected a time limit of 0 seconds or more, or None, got {time_limit!r}.")
    start = time.perf_counter()
    deadline = math.inf if time_limit is None else start + time_limit
    name = _output(circuit, output)
    place = circuit.output_names.index(name)
    cone = _cone(circuit, name)

    def found(method: str, x: list[bool] | np.ndarray) -> Satisfiable:
        if not np.asarray(evaluate(circuit, np.asarray(x, bool)))[place]:
            raise RuntimeError(f"satisfiable: {method} gave inputs for which {name!r} is not 1: a mistake in circuits.")
        inputs = dict(zip(circuit.input_names, map(bool, x), strict=True))
        return Satisfiable(inputs, method, time.perf_counter() - start)

    tried = []
    few = cone.n_inputs <= _MAX_INPUTS and cone.n_gates << cone.n_inputs <= _MAX_WORK
    if proof is None and few:
        done, x = _all_patterns(cone, deadline, progress)
        if x is not None:
            return found("all patterns", x)
        if done == 2**cone.n_inputs:
            return Unsatisfiable("all patterns", time.perf_counter() - start)
        return Undecided(f"time limit of {time_limit:g} s", (f"{done:,} of all 2^{cone.n_inputs} patterns",))
    if proof is None:
        words = 1 << max(4, min(_MAX_WORDS, _RANDOM_WORK // (32 * max(1, cone.n_gates))).bit_length() - 1)
        if (x := _first(cone, mixed_patterns(seed, cone.n_inputs, words))) is not None:
            return found("random patterns", x)
        tried.append(f"{32 * words:,} random patterns")
    swept, files = _sweep(cone, deadline, seed, proof, progress)
    if swept.model is not None:
        return found("SAT sweeping", swept.model)
    if swept.decided:
        return Unsatisfiable("SAT sweeping", time.perf_counter() - start, swept.calls, swept.merged, files)
    tried.append(
        f"SAT sweeping: {swept.passed:,} of {cone.n_gates:,} gates, {swept.hashed:,} merged by structure and "
        f"{swept.merged:,} by proof, {swept.apart:,} pairs left apart, {swept.calls:,} questions to a solver"
    )
    return Undecided(f"time limit of {time_limit:g} s", tuple(tried))


def _output(circuit: Circuit, output: str | None) -> str:
    names = circuit.output_names
    if output is None and len(names) == 1:
        return names[0]
    if output in names:
        return output
    shown = ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "none"
    raise ValueError(f"satisfiable: expected the name of one output, got {output!r}; the outputs are {shown}.")


def _cone(circuit: Circuit, output: str) -> Circuit:
    """The gates that one output depends on, with all inputs."""
    outputs = circuit.outputs[[circuit.output_names.index(output)]]
    return without_dead_gates(Circuit(circuit.input_names, circuit.fan_ins, circuit.tables, outputs, [output]))


def _all_patterns(circuit: Circuit, deadline: float, progress: bool) -> tuple[int, np.ndarray | None]:
    """How many patterns were tried, and the first for which the only output is 1, if there is one."""
    n = circuit.n_inputs
    blocks = exhaustive_patterns(n)
    bar = tqdm(blocks, "all patterns", leave=False, disable=None if progress else True)
    for i, words in enumerate(bar):
        if time.perf_counter() > deadline:
            return 32 * blocks.block * i, None
        if (x := _first(circuit, words)) is not None:
            return 2**n, x
    return 2**n, None


def _first(circuit: Circuit, words: np.ndarray) -> np.ndarray | None:
    """The first pattern for which the only output is 1, `(n,)` bool; None if there is none."""
    with jax.ensure_compile_time_eval():
        ones = np.asarray(simulate(circuit, words))[0]
    if not ones.any():
        return None
    word = int(np.flatnonzero(ones)[0])
    place = (int(ones[word]) & -int(ones[word])).bit_length() - 1
    return (words[:, word] >> np.uint32(place) & 1).astype(bool)


def _sweep(
    cone: Circuit, deadline: float, seed: int, proof: str | os.PathLike | None, progress: bool
) -> tuple[Swept, ProofFiles | None]:
    if proof is None:
        return sweep(cone, deadline=deadline, seed=seed, progress=progress), None
    files = ProofFiles(Path(f"{os.fspath(proof)}.cnf"), Path(f"{os.fspath(proof)}.drat"))
    files.drat.unlink(missing_ok=True)  # that of another question
    files.cnf.write_text(dimacs.dumps(cone), encoding="utf-8")
    # Under another name until it is one.
    unfinished = files.drat.with_name(f"{files.drat.name}.unfinished")
    try:
        with open(unfinished, "w", encoding="ascii") as file:
            swept = sweep(cone, deadline=deadline, seed=seed, proof=Proof(file), progress=progress)
        if swept.decided and swept.model is None:
            unfinished.replace(files.drat)
    finally:
        unfinished.unlink(missing_ok=True)
    return swept, files


def count_models(
    circuit: Circuit, output: str | None = None, *, time_limit: float | None = None, max_nodes: int = 200_000
) -> int | Undecided:
    """Count the inputs for which an output is 1, on its decision diagram; needs the package dd.

    The inputs are ordered as a walk from the output meets them, and are not ordered anew. That is good for adders,
    comparators and counters; multipliers have no small diagram in any order. Plain Python: some 10,000 nodes a second.

    Args:
        circuit: any circuit.
        output: its name; where there is only one output, None is that.
        time_limit: seconds; looked at after each gate. None for no limit.
        max_nodes: of the diagrams of all gates that are still needed, looked at after each gate.

    Returns:
        The number, of 2^n, exactly; or `Undecided` past a limit.

    Raises:
        ValueError: if there is no such output, or more than one to choose from.
        ImportError: if dd is not installed.

    Source: R. E. Bryant, Graph-based algorithms for Boolean function manipulation (1986).

    >>> from circuits import library
    >>> count_models(library.majority(31)) == 2**30                                       # doctest: +SKIP
    True
    """
    try:
        from dd.autoref import BDD
    except ImportError:
        raise ImportError("count_models needs the package dd: pip install 'jaxnet-circuits[counting]'.") from None
    start = time.perf_counter()
    name = _output(circuit, output)
    cone = _cone(circuit, name)
    diagrams: Any = BDD()
    diagrams.configure(reordering=False)
    order = _met(cone)
    diagrams.declare(*(f"x{node}" for node in order))
    values: dict[int, Any] = {0: diagrams.false, **{node: diagrams.var(f"x{node}") for node in order}}
    last = _last_readers(cone)
    root = int(cone.outputs[0])
    gates = zip(cone.tables.tolist(), cone.fan_ins.tolist(), strict=True)
    for done, (table, (a, b)) in enumerate(gates, start=1):
        node = cone.n_inputs + done
        try:
            values[node] = _applied(diagrams, table, values[a], values[b])
        except RecursionError:
            return Undecided("a diagram too deep for Python", (f"decision diagrams of {done - 1:,} gates",))
        for read in {a, b}:
            if last[read] == node:
                del values[read]
        if len(diagrams) > max_nodes:
            diagrams.collect_garbage()
        tried = (f"decision diagrams of {done:,} of {cone.n_gates:,} gates, {len(diagrams):,} nodes",)
        if len(diagrams) > max_nodes:
            return Undecided(f"limit of {max_nodes:,} nodes", tried)
        if time_limit is not None and time.perf_counter() - start > time_limit:
            return Undecided(f"time limit of {time_limit:g} s", tried)
    return int(diagrams.count(values[root], nvars=len(order))) << circuit.n_inputs - len(order)


def _met(circuit: Circuit) -> list[int]:
    """The inputs that an output depends on, in the order in which a walk down from it meets them."""
    first, seen, met = 1 + circuit.n_inputs, {0}, []
    waiting = circuit.outputs.tolist()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node < first:
            met.append(node)
        else:
            waiting += circuit.fan_ins[node - first].tolist()[::-1]
    return met


def _last_readers(circuit: Circuit) -> dict[int, int]:
    """Of each node that is read the last gate that reads it; the output is read in the end."""
    last: dict[int, int] = {}
    for node, fan_ins in enumerate(circuit.fan_ins.tolist(), start=1 + circuit.n_inputs):
        last.update(dict.fromkeys(fan_ins, node))
    last.update(dict.fromkeys(circuit.outputs.tolist(), circuit.n_nodes))
    return last


def _applied(diagrams: Any, table: int, a: Any, b: Any) -> Any:
    """A gate on decision diagrams."""
    rows = [diagrams.true if table >> row & 1 else diagrams.false for row in range(4)]
    return diagrams.ite(b, diagrams.ite(a, rows[3], rows[2]), diagrams.ite(a, rows[1], rows[0]))
