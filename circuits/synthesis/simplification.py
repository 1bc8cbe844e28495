"""Smaller circuits of the same function: constants, equal gates, inverters, and pairs of gates over shared fan-ins.

Two-level rules as in R. Brummayer and A. Biere, Local two-level And-Inverter Graph minimization without blowup (2006),
but by truth table, so for all sixteen functions: a gate on two gates that share a fan-in is a function of three bits.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np

from circuits.gates import NOT, TRUE, essential, flip, swap
from circuits.netlist import Circuit, depth, without_dead_gates
from jaxnet.networks.wiring import levels


def simplify(circuit: Circuit) -> Circuit:
    """Find fewer gates for the same function, or return the circuit without its dead gates.

    Constants are propagated, gates that are equal or complements become one, inverters and buffers merge into the gates
    that read them, and dead gates are removed. A gate that depends on only two nodes below its fan-ins becomes one gate
    on these: three ANDs that make an XOR, or `a & (a | b)`. A gate on three such nodes is decomposed anew where that
    saves a gate: `a & b | a & c`, or the carry `a & b | c & (a | b)` beside the sum `a ^ b ^ c`.

    Args:
        circuit: any circuit.

    Returns:
        A circuit with the same inputs, outputs and names in the same order, also where nothing reads an input. It is
        never deeper, and simplifying it again changes nothing. An output takes a NOT only where it is the complement of
        an input or of another output. Where nothing can be saved, the gates stay as they were.

    Raises:
        TypeError: if it is no `Circuit`.

    Source: R. Brummayer and A. Biere (2006). A pass takes time linear in the gates. Passes go on until one saves
    nothing: at most three on the EPFL and ISCAS-85 circuits.

    >>> from circuits.expressions import parse
    >>> simplify(parse("y = ~(~(a & ~b) & ~(~a & b)); z = ~(a ^ b) & (c | 1)")).tables.tolist()       # XOR and NOT
    [6, 5]
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(f"simplify: expected a Circuit, got {type(circuit).__name__}. to_circuit makes one of units.")
    circuit = without_dead_gates(circuit)
    while _size(smaller := _rebuilt(circuit)) < _size(circuit):
        circuit = smaller
    return circuit


def _size(circuit: Circuit) -> tuple[int, int]:
    """Return what each pass has to lower: the number of gates, then of fan-ins that are not the constant."""
    return circuit.n_gates, int(np.count_nonzero(circuit.fan_ins))


def _rebuilt(circuit: Circuit) -> Circuit:
    """Make one pass over a circuit without dead gates: add its gates to a new one, which shares and rewrites them."""
    first = 1 + circuit.n_inputs
    hashed = _Hashed(circuit.n_inputs)
    literals = list(range(0, 2 * circuit.n_nodes, 2))
    fan_out = np.bincount(np.append(circuit.fan_ins, circuit.outputs), minlength=circuit.n_nodes)
    # By level, so that all gates on two nodes are there before gates above them look for one.
    level = levels(first, 2 * np.arange(circuit.n_gates + 1), circuit.fan_ins.ravel())
    order = np.argsort(level[first:], kind="stable")
    gates = (array[order].tolist() for array in (circuit.tables, circuit.fan_ins, fan_out[first:]))
    for node, table, (a, b), reads in zip((first + order).tolist(), *gates, strict=True):
        a, b = literals[a], literals[b]
        literal = hashed.literal(_INVERTED_INPUTS[table][a & 1][b & 1], a >> 1, b >> 1)
        hashed.uses[literal >> 1] += reads
        literals[node] = literal
    return _emitted(hashed, np.array(literals)[circuit.outputs], circuit)


class _Hashed:
    """A circuit under construction, without two equal gates; each has two fan-ins, and is 0 where both of them are.

    Literals are 2 node, or 2 node + 1 for its complement.
    """

    def __init__(self, n_inputs: int):
        # By node; the fan-ins of the constant and of inputs are 0, and no gate reads node 0.
        self.first, self.second, self.tables = ([0] * (1 + n_inputs) for _ in range(3))
        # How often a node is read, by gates that are here and by gates of the old circuit that are still to come. It is
        # never too low, so that a node which is read once is dead when its reader goes.
        self.uses = [0] * (1 + n_inputs)
        self.made: dict[int, int] = {}

    def literal(self, table: int, a: int, b: int) -> int:
        """Return the literal of a gate on two nodes, whose `uses` count it already; add a gate only if need be."""
        inverted = 0
        # The loop ends, since `_better` lowers the sum of the levels of a and b, or saves a gate.
        while True:
            if a > b:
                a, b, table = b, a, _SWAPPED[table]
            unary = (_ALIKE if a == b else _UNARY if a else _CONSTANT)[table]
            if unary:
                self._move_reader((a, b), ())
                reads_a, reads_b, complement = unary
                return 2 * (reads_a * a + reads_b * b) + (complement ^ inverted)
            if table & 1:
                table ^= 0b1111
                inverted ^= 1
            found = self._find(table, a, b)
            if found is not None:
                self._move_reader((a, b), ())
                return 2 * found + inverted
            better = self._better(table, a, b) if self.first[b] else None
            if better is None:
                return 2 * self._add(table, a, b) + inverted
            self._move_reader((a, b), better[1:])
            table, a, b = better

    def _find(self, table: int, a: int, b: int) -> int | None:
        if a > b:
            a, b, table = b, a, _SWAPPED[table]
        return self.made.get(a << 36 | b << 4 | table)

    def _add(self, table: int, a: int, b: int) -> int:
        if a > b:
            a, b, table = b, a, _SWAPPED[table]
        node = len(self.tables)
        self.first.append(a)
        self.second.append(b)
        self.tables.append(table)
        self.uses.append(0)
        self.made[a << 36 | b << 4 | table] = node
        return node

    def _add_reader(self, table: int, a: int, b: int) -> int:
        self._move_reader((), (a, b))
        return self._add(table, a, b)

    def _move_reader(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        for node in old:
            self.uses[node] -= 1
        for node in new:
            self.uses[node] += 1

    def _better(self, table: int, a: int, b: int) -> tuple[int, int, int] | None:
        """Return the table and fan-ins of a better gate than this one, where b > a is a gate; None if there is none.

        It is no deeper, since it reads fan-ins of a and b and gates no deeper than b.
        """
        p, q, r, s = self.first[a], self.second[a], self.first[b], self.second[b]
        of_a, of_b = self.tables[a], self.tables[b]
        if a in (r, s):
            return _composed(table, _X if a == r else _Y, of_b), r, s
        if not p:
            return None
        if p == r and q == s:
            return _composed(table, of_a, of_b), p, q
        # Where they share a fan-in, as functions of (x, y) and (x, z).
        if p == r:
            return self._of_three(_three(table, of_a, of_b), (p, q, s), a, b)
        if p == s:
            return self._of_three(_three(table, of_a, _SWAPPED[of_b]), (p, q, r), a, b)
        if q == r:
            return self._of_three(_three(table, _SWAPPED[of_a], of_b), (q, p, s), a, b)
        if q == s:
            return self._of_three(_three(table, _SWAPPED[of_a], _SWAPPED[of_b]), (q, p, r), a, b)
        return self._beside(table, a, b) or self._beside(_SWAPPED[table], b, a)

    def _of_three(self, three: "_Three", leaves: tuple[int, int, int], a: int, b: int) -> tuple[int, int, int] | None:
        """Return the better gate for one that reads a and b, given what it is as a function of three leaves."""
        if three.pair:
            table, u, v = three.pair
            return table, leaves[u], leaves[v]
        dying = [node for node in (a, b) if self.uses[node] == 1]
        best, most = None, 0
        for split in three.splits:
            inner = self._find(split.inner, leaves[split.u], leaves[split.v])
            saved = sum(node != inner for node in dying) - (inner is None or self.uses[inner] == 0)
            # Where nothing is saved, a leaf may still replace a gate, which then has one reader less.
            if saved > most or (saved == 0 and best is None and inner in (a, b)):
                best, most = (split, inner), saved
        if best is None:
            return None
        split, inner = best
        if inner is None:
            inner = self._add_reader(split.inner, leaves[split.u], leaves[split.v])
        return split.outer, leaves[split.alone], inner

    def _beside(self, table: int, a: int, b: int) -> tuple[int, int, int] | None:
        """Return the better gate for one on a, a gate on x and y, and b, a gate on z and another gate c on x and y.

        Where nothing else reads b and c, any existing gate on x and y may replace c that leaves this gate the same
        function: a & b | c & (a | b) is a & b | c & (a ^ b).
        """
        x, y = self.first[a], self.second[a]
        if not x or self.uses[b] != 1:
            return None
        for z, c, of_b in (
            (self.first[b], self.second[b], self.tables[b]),
            (self.second[b], self.first[b], _SWAPPED[self.tables[b]]),
        ):
            if self.first[c] == x and self.second[c] == y and self.uses[c] == 1:
                for of_c, new_of_b in _alternatives(table, self.tables[a], of_b, self.tables[c]):
                    other = self._find(of_c, x, y)
                    if other is None or not self.uses[other]:
                        continue
                    node = self._find(new_of_b, z, other)
                    if node is None:
                        return table, a, self._add_reader(new_of_b, z, other)
                    if self.uses[node]:  # a dead one could be what this gate replaced before, again and again
                        return table, a, node
        return None


def _emitted(hashed: _Hashed, outputs: np.ndarray, old: Circuit) -> Circuit:
    """Return a hashed circuit as a `Circuit` without dead gates, given the literals of its outputs.

    A gate that is an output in inverted form only is inverted itself. Other inverted outputs take a NOT each; or, where
    that would be deeper than the old circuit, a second gate on the same fan-ins.
    """
    first = 1 + old.n_inputs
    fan_ins = np.stack([hashed.first, hashed.second], axis=1)
    node, inverted = outputs >> 1, outputs & 1
    flipped = np.zeros(len(fan_ins), np.int64)
    flipped[node] = 1
    flipped[node[inverted == 0]] = 0
    flipped[:first] = 0
    tables = np.array(_INVERTED_INPUTS)[hashed.tables, *flipped[fan_ins].T] ^ 0b1111 * flipped
    wrong = inverted != flipped[node]
    inverses, place = np.unique(node[wrong], return_inverse=True)
    node[wrong] = len(fan_ins) + place

    def with_inverses(more_fan_ins: np.ndarray, more_tables: np.ndarray) -> Circuit:
        fed, by = np.concatenate([fan_ins[first:], more_fan_ins]), np.append(tables[first:], more_tables)
        return without_dead_gates(Circuit(old.input_names, fed, by, node, old.output_names))

    unary = np.stack([inverses, 0 * inverses], axis=1), np.where(inverses == 0, TRUE, NOT)
    circuit = with_inverses(*unary)
    if inverses.size and depth(circuit) > depth(old):
        of_gate = inverses >= first
        again = np.where(of_gate[:, None], fan_ins[inverses], unary[0])
        circuit = with_inverses(again, np.where(of_gate, tables[inverses] ^ 0b1111, unary[1]))
    return circuit


class _Split(NamedTuple):
    """A function of three leaves as a gate of two: outer(leaf `alone`, inner(leaf u, leaf v)); both are 0 at 0, 0."""

    outer: int
    alone: int
    inner: int
    u: int
    v: int


class _Three(NamedTuple):
    """A function of three leaves: as (table, u, v) if two of them are enough; else all ways to split it."""

    pair: tuple[int, int, int] | None
    splits: tuple[_Split, ...]


def _composed(table: int, f: int, g: int, rows: int = 4) -> int:
    """Return the table of a gate on two functions, which are given by their tables."""
    every = (1 << rows) - 1
    terms = (every ^ f) & (every ^ g), f & (every ^ g), (every ^ f) & g, f & g
    return sum(term for row, term in enumerate(terms) if table >> row & 1)


# The leaves as functions of two; the rows of three leaves in which each of them is 0.
_X, _Y = 0b1010, 0b1100
_LOW_ROWS = ((0, 2, 4, 6), (0, 1, 4, 5), (0, 1, 2, 3))
_OTHERS = ((1, 2), (0, 2), (0, 1))


@functools.cache
def _three(table: int, of_xy: int, of_xz: int) -> _Three:
    """Return how to write a gate on two gates that share a fan-in x, given the three tables."""
    rows = range(8)
    f = sum((of_xy >> (row & 3) & 1) << row for row in rows)
    g = sum((of_xz >> (row & 1 | row >> 1 & 2) & 1) << row for row in rows)
    h = _composed(table, f, g, 8)
    # By leaf, the function of the other two where it is 0, and where it is 1.
    halves = []
    for leaf, low_rows in enumerate(_LOW_ROWS):
        low, high = (sum((h >> (row + on) & 1) << i for i, row in enumerate(low_rows)) for on in (0, 1 << leaf))
        if low == high:
            return _Three((low, *_OTHERS[leaf]), ())
        halves.append((low, high))
    splits = []
    for leaf, (low, high) in enumerate(halves):
        inner = low if low not in (0, 0b1111) else high
        inner ^= 0b1111 * (inner & 1)
        # What each half is as a function of `inner`, in rows 0 and 1.
        known = {0: 0b00, 0b1111: 0b11, inner: 0b10, inner ^ 0b1111: 0b01}
        if low in known and high in known:
            low, high = known[low], known[high]
            outer = low & 1 | (high & 1) << 1 | (low & 2) << 1 | (high & 2) << 2
            splits.append(_Split(outer, leaf, inner, *_OTHERS[leaf]))
    return _Three(None, tuple(splits))


@functools.cache
def _alternatives(table: int, of_a: int, of_b: int, of_c: int) -> list[tuple[int, int]]:
    """Return other tables of c and b that leave a gate on a(x, y) and b(z, c(x, y)) the same function, as (c, b)."""

    def gate(of_b: int, of_c: int) -> int:
        # As rows of (x, y, z): twice the four of (x, y), and z is the second half of them.
        return _composed(table, of_a * 0b10001, _composed(of_b, 0b11110000, of_c * 0b10001, 8), 8)

    others = itertools.product(_NORMAL, _NORMAL)
    return [(c, b) for c, b in others if c != of_c and gate(b, c) == gate(of_b, of_c)]


def _unary(a: int, b: int) -> list[tuple[bool, bool, int] | None]:
    """Return for each table (reads a, reads b, complemented), if a gate on a and b needs at most one of them."""
    reduced = [essential(table, a, b) for table in range(16)]
    return [(a in of and a > 0, b in of and b != a, table & 1) if len(of) < 2 else None for table, of in reduced]


# Two-input gates that are 0 where both fan-ins are.
_NORMAL = (0b0010, 0b0100, 0b0110, 0b1000, 0b1110)
_UNARY, _CONSTANT, _ALIKE = _unary(1, 2), _unary(0, 2), _unary(1, 1)
_INVERTED_INPUTS = [[[flip(table, a, b) for b in (0, 1)] for a in (0, 1)] for table in range(16)]
_SWAPPED = [swap(table) for table in range(16)]
