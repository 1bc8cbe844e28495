"""Is an output a function of one weighted sum of the inputs? Partial sums, over more and more inputs, show it exactly.

A gate that depends on some inputs is often a function of their weighted sum alone: a digit of how many of them are on,
in a tree of adders; whether at least k are, in a sorting network. Where all that a gate reads are functions of sums
over disjoint inputs, a table over the values of these sums shows what the gate is. It has few rows: 501^2 for two
halves of 1,000 inputs. These are the cuts of A. Kuehlmann and F. Krohm (1997), with sums at the leaves.
"""

import itertools
import math
import time
from typing import Any, NamedTuple

import numpy as np

from circuits.netlist import Circuit
from circuits.verification.hashed_graphs import Hashed
from circuits.verification.sweeping import mixed_patterns
from circuits.verification.xor_and_graphs import XorAndGraph
from jaxnet.validation import integers

# Random patterns that suggest which gates are functions of a sum; a wrong suggestion costs a table that fails.
_PATTERNS = 1024
# Sets of inputs whose sums on these patterns are taken at once.
_BATCH = 256
# The most gates above the leaves of a cut, the most rows of a table, and the most bits of all gates in it.
_MOST_GATES, _MOST_ROWS, _MOST_BITS = 500, 2**22, 2**30
# Bits of all tables together, after which to give up: some ten seconds.
_MOST_WORK = 2**35


class SumFunction(NamedTuple):
    """A function of a sum.

    Attributes:
        sums: `(k,)` int64, the values that the sum takes, ascending.
        values: `(k,)` bool, the function of each.
    """

    sums: np.ndarray
    values: np.ndarray


class _Known(NamedTuple):
    """A node that is a function of the sum over some inputs.

    Attributes:
        inputs: which, as a bit set.
        values: `(k,)` bool, for each value that the sum takes.
        period: a power of two; sums that are equal modulo it have equal values.
    """

    inputs: int
    values: np.ndarray
    period: int


def function_of_sum(circuit: Circuit, weights: Any, *, deadline: float = math.inf, seed: int = 0) -> SumFunction | None:
    """Try to prove that the output of a circuit is a function of one weighted sum of its inputs.

    Gates are proved to be functions of partial sums one after another, inputs first, so that this works where numbers
    are added up in a tree or a chain, or counts are sorted, and the parts meet in no more than about 2,000 x 2,000
    values. In a tree of carry-save adders they do not, since no gate there is a digit of a partial sum.

    Args:
        circuit: any circuit with one output.
        weights: `(n,)` integers, one for each input.
        deadline: a time of `time.perf_counter()`; looked at now and then.
        seed: of the patterns that suggest which gates are functions of partial sums.

    Returns:
        The function, which is a proof. None means that none was found, which says nothing.

    Raises:
        ValueError: if there is not one output, or not one weight per input, or if sum |w| passes 2^61.
        TypeError: if a weight is no integer.

    Source: A. Kuehlmann and F. Krohm (1997), for cuts.

    >>> from circuits import library, parse
    >>> function_of_sum(parse("y = maj(a, b, c)"), [1, 1, 1])
    SumFunction(sums=array([0, 1, 2, 3]), values=array([False, False,  True,  True]))
    >>> function_of_sum(parse("y = a & ~b"), [1, 1]) is None                     # a and b differ for the sum 1
    True
    """
    w = integers("function_of_sum", "weights", weights)
    if circuit.n_outputs != 1:
        raise ValueError(f"function_of_sum: expected one output, got {circuit.n_outputs}. `cone` takes one of them.")
    if w.shape != (circuit.n_inputs,):
        raise ValueError(f"function_of_sum: expected {circuit.n_inputs} weights, one per input, got shape {w.shape}.")
    if (total := sum(map(abs, w.tolist()))) > 2**61:
        raise ValueError(f"function_of_sum: expected sum |w| of at most 2^61, got {total}.")
    hashed = Hashed(circuit.n_inputs)
    output = hashed.add(circuit)[int(circuit.outputs[0])]
    return _PartialSums(hashed, w, seed).proved(output, deadline)


class _PartialSums:
    """A graph, and which of its nodes are known to be functions of the sum over the inputs below them."""

    def __init__(self, hashed: Hashed, weights: np.ndarray, seed: int):
        self.graph, self.structures = hashed.graph, hashed.known
        self.weights, self.seed = weights, seed
        self.supports = _supports(self.graph)
        # The place of each gate in the order in which they are looked at.
        self.place: dict[int, int] = {}
        self.work = 0
        # All sums are different modulo this number.
        self.modulus = 1 << sum(map(abs, weights.tolist())).bit_length()
        # For each set of inputs the values that their sum takes, ascending.
        self.sums = {0: np.zeros(1, np.int64)}
        self.known = {0: _Known(0, np.zeros(1, bool), 1)}
        for node, weight in enumerate(weights.tolist(), start=1):
            if weight:  # An input of weight 0 is no function of its term.
                inputs = 1 << node - 1
                self.sums[inputs] = np.sort(np.array([0, weight]))
                self.known[node] = self._with_period(inputs, np.array([weight < 0, weight > 0]))

    def proved(self, output: int, deadline: float) -> SumFunction | None:
        """Return a literal as a function of the sum over all inputs; None if that is not proved."""
        top = output >> 1
        cone = _cone(self.graph, top)
        suggested = self._suggested(cone)
        if cone and top not in suggested:
            return None
        # Each gate comes after those it reads, also after it was made to read another gate of its level.
        order = sorted(cone, key=lambda node: (self.graph.levels[node], node not in suggested, node))
        self.place = {node: i for i, node in enumerate(order)}
        for node in order:
            if time.perf_counter() > deadline or self.work > _MOST_WORK:
                return None
            self._reassociate(node)
            if node in suggested and (found := self._proved(node)):
                self.known[node] = found
        if top not in self.known:
            return None
        inputs, values, _ = self.known[top]
        return self._over_all(inputs, values ^ bool(output & 1))

    def _suggested(self, gates: list[int]) -> set[int]:
        """Return the gates that are functions of the sum over the inputs below them on random patterns."""
        graph, n = self.graph, len(self.weights)
        words = mixed_patterns(n, _PATTERNS // 32, seed=self.seed).astype("<u4")
        values = {0: 0} | {i: int.from_bytes(row.tobytes(), "little") for i, row in enumerate(words, start=1)}
        _simulate(graph, gates, values, _PATTERNS)
        # In floating point, where a product of matrices is fast: nothing depends on a suggestion but the time.
        terms = self.weights[:, None] * np.unpackbits(words.view(np.uint8), axis=1, bitorder="little").astype(float)
        below: dict[int, list[int]] = {}
        for gate in gates:
            below.setdefault(self.supports[gate], []).append(gate)
        chosen: set[int] = set()
        for start in range(0, len(below), _BATCH):
            supports = list(itertools.islice(below, start, start + _BATCH))
            members = np.stack([_bits(support, n) for support in supports]).astype(float)
            for support, sums in zip(supports, members @ terms, strict=True):
                order = np.argsort(sums)
                table = np.stack([_bits(values[gate], _PATTERNS) for gate in below[support]])[:, order]
                wrong = (table[:, 1:] != table[:, :-1]) & (np.diff(sums[order]) == 0)
                chosen.update(itertools.compress(below[support], ~wrong.any(axis=1)))
        return chosen

    def _reassociate(self, node: int) -> None:
        """Let a gate read a known node instead of an unknown one, if it can: x & (p & q) is (x & p) & q."""
        graph = self.graph
        is_xor = graph.is_xor[node]
        for x, y in _both_ways(graph, node):
            if y & 1 or y >> 1 in self.known or graph.is_xor[y >> 1] != is_xor:
                continue
            for p, q in _both_ways(graph, y >> 1):
                literal = self.structures.get((is_xor, min(x, p), max(x, p)))
                if literal is not None and literal >> 1 in self.known:
                    graph.fan_ins[node] = literal, q
                    self._reassociate(node)
                    return

    def _proved(self, node: int) -> _Known | None:
        """Return a gate as a function of a sum, by a table over sums of disjoint inputs; None if that fails."""
        opened: set[int] = set()
        while cut := self._cut(node, opened):
            leaves, gates = cut
            blocks = sorted({self.known[leaf].inputs for leaf in leaves}, key=int.bit_count)
            union, overlapping = 0, None
            for block in blocks:
                if block & union:
                    overlapping = block
                union |= block
            if overlapping is None:
                return self._tabulated(union, blocks, leaves, gates)
            # What is known of these inputs is no leaf then: the cut goes on below it.
            opened.add(overlapping)
        return None

    def _cut(self, node: int, opened: set[int]) -> tuple[list[int], list[int]] | None:
        """Return the nearest known nodes below a gate, and the gates above them; None if these are too many."""
        leaves, gates, stack = set(), {node}, [node]
        while stack:
            for literal in self.graph.fan_ins[stack.pop()] or ():
                below = literal >> 1
                if below in self.known and self.known[below].inputs not in opened:
                    leaves.add(below)
                elif self.graph.fan_ins[below] is None:
                    return None
                elif below not in gates:
                    gates.add(below)
                    stack.append(below)
            if len(gates) > _MOST_GATES:
                return None
        return list(leaves), sorted(gates, key=self.place.__getitem__)

    def _tabulated(self, union: int, blocks: list[int], leaves: list[int], gates: list[int]) -> _Known | None:
        """Return the last of some gates as a function of the sum over all blocks; None if that fails."""
        if union not in self.sums:
            sums = _sums_of([self.sums[block] for block in blocks])
            if sums is None:
                return None
            self.sums[union] = sums
        # Low digits of a sum depend on low digits of its parts only: fewer rows, to try first.
        for modulus in dict.fromkeys((max(self.known[leaf].period for leaf in leaves), self.modulus)):
            found = self._table(blocks, leaves, gates, modulus)
            if found is not None:
                residues, values = found
                return self._with_period(union, values[np.searchsorted(residues, self.sums[union] % modulus)])
        return None

    def _table(
        self, blocks: list[int], leaves: list[int], gates: list[int], modulus: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Return sums modulo a number, ascending, and the last gate for each; None if it is no function of them."""
        parts = [np.unique(self.sums[block] % modulus, return_index=True) for block in blocks]
        rows = math.prod(len(residues) for residues, _ in parts)
        if rows > _MOST_ROWS or rows * len(gates) > _MOST_BITS:
            return None
        self.work += rows * (len(leaves) + len(gates))
        totals = np.zeros(1, np.int64)
        for residues, _ in parts:
            totals = np.add.outer(totals, residues).ravel() % modulus
        values = {}
        for leaf in leaves:
            i = blocks.index(self.known[leaf].inputs)
            one = self.known[leaf].values[parts[i][1]]
            after = math.prod(len(residues) for residues, _ in parts[i + 1 :])
            values[leaf] = _word(np.tile(np.repeat(one, after), rows // (len(one) * after)))
        _simulate(self.graph, gates, values, rows)
        return _function(totals, _bits(values[gates[-1]], rows))

    def _with_period(self, inputs: int, values: np.ndarray) -> _Known:
        """Return a function of the sum over some inputs with its least period."""
        period = 1
        while period < self.modulus and _function(self.sums[inputs] % period, values) is None:
            period *= 2
        return _Known(inputs, values, period)

    def _over_all(self, inputs: int, values: np.ndarray) -> SumFunction | None:
        """Return a function of the sum over some inputs as one of the sum over all; None if it is none."""
        others = [np.array([0, weight]) for i, weight in enumerate(self.weights.tolist()) if not inputs >> i & 1]
        rest = _sums_of(others)
        if rest is None or len(rest) * len(values) > _MOST_ROWS:
            return None
        found = _function(np.add.outer(self.sums[inputs], rest).ravel(), np.repeat(values, len(rest)))
        return None if found is None else SumFunction(*found)


def _supports(graph: XorAndGraph) -> list[int]:
    """Return for each node the inputs below it, as a bit set."""
    supports: list[int] = []
    for node, fan_ins in enumerate(graph.fan_ins):
        supports.append(supports[fan_ins[0] >> 1] | supports[fan_ins[1] >> 1] if fan_ins else 1 << node >> 1)
    return supports


def _cone(graph: XorAndGraph, top: int) -> list[int]:
    """Return the gates that a node depends on, and itself if it is one, each after those that it reads."""
    gates, stack = set(), [top]
    while stack:
        node = stack.pop()
        if node not in gates and (fan_ins := graph.fan_ins[node]):
            gates.add(node)
            stack += [literal >> 1 for literal in fan_ins]
    return sorted(gates)


def _both_ways(graph: XorAndGraph, node: int) -> list[tuple[int, int]]:
    """Return the fan-ins of a gate in both orders; nothing for an input."""
    if fan_ins := graph.fan_ins[node]:
        x, y = fan_ins
        return [(x, y), (y, x)]
    return []


def _simulate(graph: XorAndGraph, gates: list[int], values: dict[int, int], patterns: int) -> None:
    """Add the values of gates, each an integer with a bit per pattern, to those of all other nodes that they read."""
    ones = (1 << patterns) - 1
    for gate in gates:
        fan_ins = graph.fan_ins[gate]
        assert fan_ins is not None
        a, b = (values[literal >> 1] ^ (ones if literal & 1 else 0) for literal in fan_ins)
        values[gate] = a ^ b if graph.is_xor[gate] else a & b


def _sums_of(parts: list[np.ndarray]) -> np.ndarray | None:
    """Return all sums of one number of each part, ascending; None if there are too many."""
    sums = np.zeros(1, np.int64)
    for part in parts:
        if len(sums) * len(part) > _MOST_ROWS:
            return None
        sums = np.unique(np.add.outer(sums, part))
    return sums


def _function(sums: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the different sums and the value of each; None if equal sums have different values."""
    lowest, highest = int(sums.min()), int(sums.max())
    if highest - lowest <= len(sums):
        distinct, where = np.arange(lowest, highest + 1), sums - lowest  # without sorting
    else:
        distinct, where = np.unique(sums, return_inverse=True)
    ones, count = np.bincount(where, values), np.bincount(where)
    if ((ones > 0) & (ones < count)).any():
        return None
    met = count > 0
    return distinct[met], ones[met] > 0


def _word(bits: np.ndarray) -> int:
    """Return bits as an integer, the lowest first."""
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def _bits(word: int, n: int) -> np.ndarray:
    """Return the lowest n bits of an integer, `(n,)` bool."""
    octets = np.frombuffer(word.to_bytes((n + 7) // 8, "little"), np.uint8)
    return np.unpackbits(octets, count=n, bitorder="little").astype(bool)
