"""SAT sweeping: is an output ever 1? Gates that look alike in simulation are proved equal, inputs first, and merged.

A. Kuehlmann and F. Krohm, Equivalence checking using cuts and heaps (1997); A. Mishchenko, S. Chatterjee, R. Jiang and
R. Brayton, FRAIGs: a unifying representation for logic synthesis and verification (2005).
"""

import math
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from pysat.solvers import Glucose4

from circuits.gates import OR
from circuits.netlist import Circuit
from circuits.verification.drat import Proof
from circuits.verification.local_functions import equal_nearby
from circuits.verification.sat_queries import AlwaysEqual, DeadlinePassed, Encoding, SometimesDifferent, prove_equal
from circuits.verification.xor_and_graphs import XorAndGraph, folded, xor_or_and
from jaxnet.answers import Undecided
from jaxnet.progress import progress_bar
from jaxnet.validation import whole_number

# Patterns that are made of each counterexample, and how many counterexamples are simulated together.
_NEIGHBOURS = 32
_BATCH = 32
# Gates that look alike and are known to differ, after which counterexamples are not waited for.
_MOST_ALIKE = 8


class Swept(NamedTuple):
    """What a sweep found, and what it did.

    Attributes:
        decided: whether it is known if the output is ever 1.
        model: inputs, `n` bits, for which it is 1; None where it never is, or where that is not known.
        passed: gates that were looked at; all of them where the output is never 1.
        hashed: gates that equal a constant, an input or another gate by their structure alone.
        merged: gates that a solver proved equal to such, up to inversion.
        apart: gates that look like another on all patterns, for which the solver gave up.
        calls: queries to a solver.
    """

    decided: bool
    model: list[bool] | None
    passed: int
    hashed: int
    merged: int
    apart: int
    calls: int


def sweep(
    circuit: Circuit,
    *,
    deadline: float = math.inf,
    seed: int = 0,
    proof: Proof | None = None,
    progress: bool = False,
    effort: int = 1_000,
    patterns: int = 2_048,
    most_patterns: int = 2**15,
    merge: bool = True,
) -> Swept:
    """Find inputs for which the output of a circuit is 1, or prove that there are none.

    Gate after gate, inputs first: a gate with the structure of an earlier one is that gate; for a gate with the values
    of an earlier one on all patterns so far, or the complements, a SAT solver is asked whether they are equal, given
    the few gates nearby before all of them. Where they are, one replaces the other, so that later queries are small;
    where they are not, the inputs that show it make more patterns.

    Args:
        circuit: any circuit with one output; without dead gates it is faster.
        deadline: a time of `time.perf_counter()`; looked at between slices of solving, which take up to seconds.
        seed: of the patterns.
        proof: where to write, as lemmas over the nodes of the circuit, why the output is never 1; None for no proof.
        progress: whether to show a bar, on a terminal or in a notebook.
        effort: conflicts after which two gates that look alike are left apart.
        patterns: random ones at the beginning, a multiple of 128.
        most_patterns: when there are as many, counterexamples make no more.
        merge: whether to prove gates equal that look alike; False where their structure is known to be enough.

    Returns:
        A `Swept`. Without a deadline it is decided, however long that takes.

    Raises:
        ValueError: if there is not exactly one output, or a number is out of range.
        TypeError: if a number is not whole.
        KeyboardInterrupt: at Ctrl-C, also while a solver runs, after up to seconds.

    Source: A. Kuehlmann and F. Krohm (1997); A. Mishchenko et al. (2005).

    >>> from circuits import parse
    >>> sweep(parse("y = (a ^ b) & ~(a | b)")).model is None
    True
    >>> sweep(parse("y = (a ^ b) & ~a")).model
    [False, True]
    """
    if circuit.n_outputs != 1:
        raise ValueError(f"sweep: expected one output, got {circuit.n_outputs}. Take the miter of two circuits first.")
    seed = whole_number("sweep", "seed", seed, 0, 2**32 - 1)
    effort = whole_number("sweep", "effort", effort, 1)
    patterns = whole_number("sweep", "patterns", patterns, 128)
    if patterns % 128:
        raise ValueError(f"sweep: expected patterns to be a multiple of 128, got {patterns}.")
    most_patterns = whole_number("sweep", "most_patterns", most_patterns)
    stopped = threading.Event()
    state = _Sweep(
        circuit,
        expired=lambda: stopped.is_set() or time.perf_counter() > deadline,
        seed=seed,
        proof=proof,
        effort=effort,
        patterns=patterns,
        most_patterns=most_patterns,
        merge=merge,
    )
    # In the main thread, PySAT would answer Ctrl-C by a jump out of the solver, which does not survive that.
    with ThreadPoolExecutor(1) as worker:
        try:
            decided, model = True, worker.submit(state.run, progress).result()
        except DeadlinePassed:
            decided, model = False, None
        finally:
            stopped.set()
    passed = len(state.literals) - 1 - circuit.n_inputs
    return Swept(decided, model, passed, state.hashed, state.merged, state.apart, state.calls)


class _Sweep:
    """The graph that is left so far, and the values of its nodes on the patterns so far."""

    def __init__(
        self,
        circuit: Circuit,
        *,
        expired: Callable[[], bool],
        seed: int,
        proof: Proof | None,
        effort: int,
        patterns: int,
        most_patterns: int,
        merge: bool,
    ):
        self.merge = merge
        self.circuit, self.expired, self.proof = circuit, expired, proof
        self.effort, self.most_patterns = effort, most_patterns
        self.random = random.Random(seed)
        n = circuit.n_inputs
        self.graph = XorAndGraph.of_inputs(n)
        # For each node of the circuit, its literal in the graph.
        self.literals = [2 * node for node in range(n + 1)]
        # What a proof says of a query is about its own solver.
        self.whole = None if proof else Encoding(self.graph, Glucose4())
        # For each structure, the literal of the gate that has it.
        self.known: dict[tuple[bool, int, int], int] = {}
        # For each node of the graph, its values as an integer with a bit per pattern. They are inverted where the first
        # is 1, so that a node and its complement have the same.
        self.width = patterns
        self.values: list[int] = []
        self.inverted: list[bool] = []
        self._append(0)
        for words in mixed_patterns(n, patterns // 32, seed=seed):
            self._append(int.from_bytes(words.astype("<u4").tobytes(), "little"))
        # For each such integer, the nodes that have it and that no merge has replaced; all of them differ.
        self.classes: dict[int, list[int]] = {}
        for node, value in enumerate(self.values):
            self.classes.setdefault(value, []).append(node)
        # Counterexamples that are not among the patterns yet.
        self.waiting: list[dict[int, bool]] = []
        self.calls = self.merged = self.hashed = self.apart = 0

    def run(self, progress: bool) -> list[bool] | None:
        """Add all gates; return inputs for which the output is 1, or None where it is proved that there are none."""
        circuit, first = self.circuit, 1 + self.circuit.n_inputs
        goals = _goals(circuit)
        gates = zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True)
        bar = progress_bar("SAT sweeping", gates, total=circuit.n_gates, unit=" gates", shown=progress)
        for node, (table, fan_ins) in enumerate(bar, start=first):
            self.literals.append(self._add(node, table, *fan_ins))
            if node in goals and (model := self._model(node)) is not None:
                return model
        if (model := self._model(int(circuit.outputs[0]))) is not None:
            return model
        if self.proof:
            self.proof.add([])
        return None

    def _model(self, goal: int) -> list[bool] | None:
        """Return inputs for which a node of the circuit is 1; None where there are none, and it is then constant."""
        literal = self.literals[goal]
        if literal and not self._value(literal):
            self.calls += 1
            match self._ask(literal >> 1, literal & 1, None):
                case AlwaysEqual():
                    self.literals[goal] = literal = 0
                case SometimesDifferent(inputs):
                    self.waiting.append(inputs)
                    self._refine()
        if not literal:
            return None
        ones = self._value(literal)
        place = (ones & -ones).bit_length() - 1
        return [bool(value >> place & 1) for value in map(self._value, range(2, 2 + 2 * self.circuit.n_inputs, 2))]

    def _add(self, node: int, table: int, a: int, b: int) -> int:
        """Add a gate of the circuit and return its literal in the graph."""
        is_xor, inverted, x, y = xor_or_and(table, self.literals[a], self.literals[b])
        key = (is_xor, x, y)
        literal = folded(*key)
        if literal is None:
            literal = self.known.get(key)
        if literal is not None:
            self.hashed += 1
            literal ^= inverted
            if self.proof:
                self._lemma_of_equality(node, literal, self.literals[a] if is_xor else None)
            return literal
        kept = self.graph.add(is_xor, x, y, -node if inverted else node)
        if self.proof and not {abs(self.graph.variables[x >> 1]), abs(self.graph.variables[y >> 1])} <= {a, b}:
            for clause in self.graph.clauses(kept, self.graph.variables[kept], self.graph.signed):
                self.proof.add(clause)
        self._append(self._value(x) ^ self._value(y) if is_xor else self._value(x) & self._value(y))
        literal = self.known[key] = self._merge(kept)
        if literal != 2 * kept:
            if self.whole:
                self.whole.forget(kept)
            self.graph.pop()
            self.values.pop()
            self.inverted.pop()
        return literal ^ inverted

    def _merge(self, node: int) -> int:
        """Return the literal that the newest node is: its own, or that of an earlier one, perhaps inverted."""
        if not self.merge:
            return 2 * node
        while (literal := self._merged(node)) is None:
            pass
        return literal

    def _merged(self, node: int) -> int | None:
        """Return the same; None where counterexamples have parted the gates that look alike: ask again."""
        alike = self.classes.setdefault(self.values[node], [])
        for other in alike:
            literal = 2 * other ^ self.inverted[node] ^ self.inverted[other]
            # Truth tables leave nothing in a proof.
            if not self.proof and equal_nearby(self.graph, node, literal):
                self.merged += 1
                return literal
            self.calls += 1
            match self._ask(node, literal, self.effort):
                case AlwaysEqual():
                    self.merged += 1
                    return literal
                case SometimesDifferent(inputs) if self.width < self.most_patterns:
                    self.waiting.append(inputs)
                    if len(self.waiting) >= _BATCH or len(alike) >= _MOST_ALIKE:
                        self._refine()
                        return None
                case SometimesDifferent() | Undecided():
                    self.apart += 1
                    return 2 * node
        alike.append(node)
        return 2 * node

    def _ask(self, node: int, literal: int, effort: int | None) -> AlwaysEqual | SometimesDifferent | Undecided:
        """Ask a solver whether a node always has the value of a literal."""
        return prove_equal(
            self.graph, node, literal, effort=effort, expired=self.expired, proof=self.proof, whole=self.whole
        )

    def _refine(self) -> None:
        """Add patterns for each counterexample: its inputs with random other ones, then with some inverted."""
        n, width = self.circuit.n_inputs, _NEIGHBOURS * len(self.waiting)
        block = [0] * (n + 1)
        for number, inputs in enumerate(self.waiting):
            shift = _NEIGHBOURS * number
            for i in range(1, n + 1):
                same = -inputs[i] & (1 << _NEIGHBOURS) - 1 if i in inputs else self.random.getrandbits(_NEIGHBOURS)
                block[i] |= same << shift
            met = sorted(inputs)
            for place in range(1, _NEIGHBOURS):
                for i in self.random.sample(met, min(len(met), 1 + place // 16)):
                    block[i] ^= 1 << shift + place
        self.waiting = []
        mask = (1 << width) - 1
        gates = zip(self.graph.is_xor[n + 1 :], filter(None, self.graph.fan_ins[n + 1 :]), strict=True)
        for is_xor, (x, y) in gates:
            a, b = block[x >> 1] ^ -(x & 1) & mask, block[y >> 1] ^ -(y & 1) & mask
            block.append(a ^ b if is_xor else a & b)
        flipped = (word ^ -inverted & mask for word, inverted in zip(block, self.inverted, strict=True))
        self.values = [old | new << self.width for old, new in zip(self.values, flipped, strict=True)]
        self.width += width
        classes: dict[int, list[int]] = {}
        for alike in self.classes.values():
            for node in alike:
                classes.setdefault(self.values[node], []).append(node)
        self.classes = classes

    def _append(self, value: int) -> None:
        """Keep the values of the newest node."""
        self.inverted.append(bool(value & 1))
        self.values.append(value ^ -(value & 1) & (1 << self.width) - 1)

    def _value(self, literal: int) -> int:
        """Return the values of a literal, a bit per pattern."""
        node = literal >> 1
        inverted = self.inverted[node] ^ literal & 1
        return self.values[node] ^ (1 << self.width) - 1 if inverted else self.values[node]

    def _lemma_of_equality(self, node: int, literal: int, split: int | None) -> None:
        """Write that a gate of the circuit equals a literal; an XOR needs a lemma for each value of a fan-in first."""
        assert self.proof is not None
        equal = self.graph.signed(literal)
        for clause in ([-node, equal], [node, -equal]):
            if split is not None:
                self.proof.add([*clause, self.graph.signed(split)])
            self.proof.add(clause)


def _goals(circuit: Circuit) -> set[int]:
    """Return the gates that are never 1 if the output is not: the output itself, and those that it is the OR of."""
    goals: set[int] = set()
    waiting, first = circuit.outputs.tolist(), 1 + circuit.n_inputs
    while waiting:
        node = waiting.pop()
        if node >= first and node not in goals:
            goals.add(node)
            if circuit.tables[node - first] == OR:
                waiting += circuit.fan_ins[node - first].tolist()
    return goals


def mixed_patterns(n: int, words: int, *, seed: int) -> np.ndarray:
    """Return random patterns: half of them fair, a quarter with few ones and a quarter with few zeros.

    Few means one of the n inputs on average: wide ANDs and decoders are constant on all other patterns.

    Args:
        n: how many inputs.
        words: of 32 patterns each; a multiple of 4.
        seed: of what is drawn.

    Returns:
        `(n, words)` uint32.

    >>> mixed_patterns(100, 64, seed=0).shape
    (100, 64)
    """
    # By NumPy, since JAX would compile a program for each number of inputs.
    fair, quarter = np.random.default_rng(seed).integers(0, 2**32, (n, words), np.uint32), words // 4
    few_ones, few_zeros = fair[:, :quarter].copy(), fair[:, quarter : 2 * quarter].copy()
    for draw in range(1, max(2, n.bit_length() - 1)):
        few_ones &= np.roll(fair[:, :quarter], draw, axis=1)
        few_zeros |= np.roll(fair[:, quarter : 2 * quarter], draw, axis=1)
    return np.concatenate([few_ones, few_zeros, fair[:, 2 * quarter :]], axis=1)
