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

import jax
import numpy as np

from circuits.gates import OR, XNOR, XOR, essential
from circuits.netlist import Circuit
from circuits.simulation.patterns import random_patterns
from circuits.verification.drat import FALSE_VARIABLE, Proof
from circuits.verification.sat_queries import OutOfTime, XorAndGraph, prove_equal
from jaxnet.progress import progress_bar

# Random patterns at the beginning, and those made of each counterexample; past so many no more are kept.
_PATTERNS, _NEIGHBOURS, _MOST_PATTERNS = 2048, 32, 2**15
# Conflicts after which two gates are left apart.
_EFFORT = 1_000


class Swept(NamedTuple):
    """What a sweep found, and what it did.

    Attributes:
        decided: whether it is known if the output is ever 1.
        model: inputs, `n` bits, for which it is 1; None where it never is, or where that is not known.
        passed: gates that were looked at; all of them where it never is.
        hashed: gates that were a constant, an input or another gate by their structure alone.
        merged: gates that a solver proved to be so, up to inversion.
        apart: gates that look like another on all patterns, left undecided.
        calls: questions to a solver.
    """

    decided: bool
    model: list[bool] | None
    passed: int
    hashed: int
    merged: int
    apart: int
    calls: int


def sweep(
    circuit: Circuit, *, deadline: float = math.inf, seed: int = 0, proof: Proof | None = None, progress: bool = False
) -> Swept:
    """Find inputs for which the output of a circuit is 1, or prove that there are none.

    Gate after gate, inputs first: what has the structure of an earlier gate is that gate; what has the same values on
    all patterns so far, or the complements, is asked of a SAT solver, with a few gates around it before all. Where they
    are equal, one replaces the other, so that later questions are small; where not, the answer is another pattern.

    Args:
        circuit: any circuit with one output, without dead gates for speed.
        deadline: where `time.perf_counter()` says it is enough; looked at between slices of solving, of up to seconds.
        seed: of the patterns.
        proof: where to write, as lemmas over the nodes of the circuit, why the output is never 1; None for no proof.
        progress: whether to show a bar, on a terminal or in a notebook.

    Returns:
        A `Swept`. Without a deadline it is decided, however long that takes.

    Raises:
        ValueError: if there is not exactly one output.
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
    stopped = threading.Event()
    state = _Sweep(circuit, lambda: stopped.is_set() or time.perf_counter() > deadline, seed, proof)
    # In the main thread, PySAT would answer Ctrl-C by a jump out of the solver, which does not survive that.
    with ThreadPoolExecutor(1) as worker:
        try:
            decided, model = True, worker.submit(state.run, progress).result()
        except OutOfTime:
            decided, model = False, None
        finally:
            stopped.set()
    passed = len(state.literals) - 1 - circuit.n_inputs
    return Swept(decided, model, passed, state.hashed, state.merged, state.apart, state.calls)


class _Sweep:
    """The netlist that is left so far, and what each of its nodes gives on the patterns so far."""

    def __init__(self, circuit: Circuit, enough: Callable[[], bool], seed: int, proof: Proof | None):
        self.circuit, self.enough, self.proof = circuit, enough, proof
        self.random = random.Random(seed)
        n = circuit.n_inputs
        self.netlist = XorAndGraph(
            [False] * (n + 1), [None] * (n + 1), [0] * (n + 1), [FALSE_VARIABLE, *range(1, n + 1)]
        )
        # The literal of each node of the circuit, and of each gate by its structure.
        self.literals = [2 * node for node in range(n + 1)]
        self.known: dict[tuple[bool, int, int], int] = {}
        # The values of each node left, a bit a pattern, inverted where the first is 1: so a node and its complement
        # have the same; and the first node that has them.
        self.width = _PATTERNS
        self.values: list[int] = []
        self.inverted: list[bool] = []
        self._append(0)
        for words in mixed_patterns(seed, n, _PATTERNS // 32):
            self._append(int.from_bytes(words.astype("<u4").tobytes(), "little"))
        self.classes: dict[int, int] = {}
        self._classify()
        self.calls = self.merged = self.hashed = self.apart = 0

    def run(self, progress: bool) -> list[bool] | None:
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
        """Inputs for which a node of the circuit is 1; None where it was proved that there are none, and it is 0."""
        literal = self.literals[goal]
        if literal and not self._value(literal):
            self.calls += 1
            answer = prove_equal(self.netlist, literal >> 1, literal & 1, None, self.enough, self.proof)
            if answer is True:
                self.literals[goal] = literal = 0
            else:
                assert answer is not None
                self._refine(answer)
        if not literal:
            return None
        ones = self._value(literal)
        place = (ones & -ones).bit_length() - 1
        return [bool(value >> place & 1) for value in map(self._value, range(2, 2 + 2 * self.circuit.n_inputs, 2))]

    def _add(self, node: int, table: int, a: int, b: int) -> int:
        """Add a gate of the circuit; returns its literal among what is left."""
        is_xor, inverted, x, y = _normal(table, self.literals[a], self.literals[b])
        key = (is_xor, x, y)
        literal = _folded(*key)
        if literal is None:
            literal = self.known.get(key)
        if literal is not None:
            self.hashed += 1
            literal ^= inverted
            if self.proof:
                self._lemma_of_equality(node, literal, self.literals[a] if is_xor else None)
            return literal
        kept = self.netlist.add(is_xor, x, y, -node if inverted else node)
        if self.proof and not {abs(self.netlist.variables[x >> 1]), abs(self.netlist.variables[y >> 1])} <= {a, b}:
            for clause in self.netlist.clauses(kept, self.netlist.variables[kept], self.netlist.signed):
                self.proof.add(clause)
        self._append(self._value(x) ^ self._value(y) if is_xor else self._value(x) & self._value(y))
        literal = self.known[key] = self._merge(kept)
        if literal != 2 * kept:
            self.netlist.pop()
            self.values.pop()
            self.inverted.pop()
        return literal ^ inverted

    def _merge(self, node: int) -> int:
        """The literal of the first node that the newest one is equal to, up to inversion; itself if there is none."""
        while True:
            other = self.classes.setdefault(self.values[node], node)
            if other == node:
                return 2 * node
            literal = 2 * other ^ self.inverted[node] ^ self.inverted[other]
            self.calls += 1
            answer = prove_equal(self.netlist, node, literal, _EFFORT, self.enough, self.proof)
            if answer is True:
                self.merged += 1
                return literal
            if answer is None or self.width >= _MOST_PATTERNS:
                self.apart += 1
                return 2 * node
            self._refine(answer)

    def _refine(self, inputs: dict[int, bool]) -> None:
        """Add patterns: these inputs, the others random, and some with an input or more inverted."""
        n, width = self.circuit.n_inputs, _NEIGHBOURS
        mask = (1 << width) - 1
        block = [0, *(-inputs[i] & mask if i in inputs else self.random.getrandbits(width) for i in range(1, n + 1))]
        for place in range(1, width):
            for i in self.random.sample(sorted(inputs), min(len(inputs), 1 + place // 16)):
                block[i] ^= 1 << place
        for is_xor, fan_ins in zip(self.netlist.is_xor[n + 1 :], self.netlist.fan_ins[n + 1 :], strict=True):
            x, y = fan_ins
            a, b = block[x >> 1] ^ -(x & 1) & mask, block[y >> 1] ^ -(y & 1) & mask
            block.append(a ^ b if is_xor else a & b)
        flipped = (word ^ -inverted & mask for word, inverted in zip(block, self.inverted, strict=True))
        self.values = [old | new << self.width for old, new in zip(self.values, flipped, strict=True)]
        self.width += width
        self._classify()

    def _classify(self) -> None:
        places = range(len(self.values) - 1, -1, -1)
        self.classes = dict(zip(reversed(self.values), places, strict=True))

    def _append(self, value: int) -> None:
        self.inverted.append(bool(value & 1))
        self.values.append(value ^ -(value & 1) & (1 << self.width) - 1)

    def _value(self, literal: int) -> int:
        node = literal >> 1
        inverted = self.inverted[node] ^ literal & 1
        return self.values[node] ^ (1 << self.width) - 1 if inverted else self.values[node]

    def _lemma_of_equality(self, node: int, literal: int, split: int | None) -> None:
        """Why a gate of the circuit is a literal: propagation shows it, of an XOR for each value of a fan-in."""
        assert self.proof is not None
        equal = self.netlist.signed(literal)
        for clause in ([-node, equal], [node, -equal]):
            if split is not None:
                self.proof.add([*clause, self.netlist.signed(split)])
            self.proof.add(clause)


def _normal(table: int, x: int, y: int) -> tuple[bool, int, int, int]:
    """A gate on literals as an XOR or an AND of literals, in order: whether it is XOR, is inverted, and on what."""
    table, operands = essential(table, 1, 2)
    if len(operands) < 2:
        literal = (x, y)[operands[0] - 1] if operands else 0
        return False, table & 1, literal, literal
    if table in (XOR, XNOR):
        inverted = (table == XNOR) ^ (x & 1) ^ (y & 1)
        x, y = sorted((x & ~1, y & ~1))
        return True, inverted, x, y
    # An AND, of inverted fan-ins where the only row that is 1 has a 0; inverted where only one row is 0.
    inverted = int(table.bit_count() == 3)
    row = (table ^ -inverted & 0b1111).bit_length() - 1
    x, y = sorted((x ^ ~row & 1, y ^ ~row >> 1 & 1))
    return False, inverted, x, y


def _folded(is_xor: bool, x: int, y: int) -> int | None:
    """The literal that an XOR or an AND is by itself; None if there is none."""
    if is_xor:
        return 0 if x == y else y if x == 0 else None
    if x == 0 or x ^ y == 1:
        return 0
    return y if x in (1, y) else None


def _goals(circuit: Circuit) -> set[int]:
    """The gates that are never 1 if, and only if, the output is not: itself, and what it is the OR of."""
    goals: set[int] = set()
    waiting, first = circuit.outputs.tolist(), 1 + circuit.n_inputs
    while waiting:
        node = waiting.pop()
        if node >= first and node not in goals:
            goals.add(node)
            if circuit.tables[node - first] == OR:
                waiting += circuit.fan_ins[node - first].tolist()
    return goals


def mixed_patterns(seed: int, n: int, words: int) -> np.ndarray:
    """Random patterns, half of them fair, a quarter with few ones and a quarter with few zeros.

    One of n inputs on average is 1, or 0: wide ANDs and decoders are constant on all else.

    Args:
        seed: of the fair ones.
        n: the inputs.
        words: of 32 patterns; a multiple of 4.

    Returns:
        `(n, words)` uint32.

    >>> mixed_patterns(0, 100, 64).shape
    (100, 64)
    """
    with jax.ensure_compile_time_eval():  # they are known, also where a caller is being traced
        fair, quarter = np.asarray(random_patterns(n, words, key=jax.random.key(seed))), words // 4
    few_ones, few_zeros = fair[:, :quarter].copy(), fair[:, quarter : 2 * quarter].copy()
    for draw in range(1, max(2, n.bit_length() - 1)):
        few_ones &= np.roll(fair[:, :quarter], draw, axis=1)
        few_zeros |= np.roll(fair[:, quarter : 2 * quarter], draw, axis=1)
    return np.concatenate([few_ones, few_zeros, fair[:, 2 * quarter :]], axis=1)
