"""Graphs of ANDs and XORs without two gates of the same structure, in which XORs made of ANDs are XORs again.

J. A. Darringer and others, Logic synthesis through local transformations (1981), for the rules of two levels.
"""

from circuits.netlist import Circuit
from circuits.verification.xor_and_graphs import XorAndGraph, folded, xor_or_and


class Hashed:
    """A graph of ANDs and XORs that grows, in which no two gates have the same structure.

    An XOR that is made of ANDs becomes one gate.

    >>> graph = Hashed(2)
    >>> 2 * 3 == graph.gate(False, 2, 4) == graph.gate(False, 4, 2)
    True
    """

    def __init__(self, n: int):
        self.graph = XorAndGraph.of_inputs(n)
        self.known: dict[tuple[bool, int, int], int] = {}

    def gate(self, is_xor: bool, x: int, y: int) -> int:
        """Return the literal of an AND or XOR of two literals."""
        inverted = 0
        if is_xor:
            inverted, x, y = (x ^ y) & 1, x & ~1, y & ~1
        else:
            x, y = self._absorbed(x, y), self._absorbed(y, x)
        x, y = sorted((x, y))
        key = (is_xor, x, y)
        literal = folded(*key)
        if literal is None:
            literal = self.known.get(key)
        if literal is None:
            pair = None if is_xor else self._xor(x, y)
            literal = self.gate(True, *pair) if pair else 2 * self.graph.add(*key, variable=0)
            self.known[key] = literal
        return literal ^ inverted

    def has(self, is_xor: bool, x: int, y: int) -> bool:
        """Return whether there is an AND or XOR of two literals already."""
        if is_xor:
            x, y = x & ~1, y & ~1
        return (is_xor, min(x, y), max(x, y)) in self.known

    def add(self, circuit: Circuit) -> list[int]:
        """Add the gates of a circuit with these inputs; returns the literal of each of its nodes."""
        literals = [2 * node for node in range(circuit.n_inputs + 1)]
        for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
            is_xor, inverted, x, y = xor_or_and(table, literals[a], literals[b])
            literals.append(self.gate(is_xor, x, y) ^ inverted)
        return literals

    def _and(self, literal: int) -> tuple[int, int] | None:
        """Return the fan-ins of an AND that is read inverted."""
        node = literal >> 1
        return self.graph.fan_ins[node] if literal & 1 and not self.graph.is_xor[node] else None

    def _absorbed(self, x: int, y: int) -> int:
        """Return what x may be replaced by in the AND of x and y: where x = ~(y & z), by ~z."""
        pair = self._and(x)
        if pair and y in pair:
            return pair[pair[0] == y] ^ 1
        return x

    def _xor(self, x: int, y: int) -> tuple[int, int] | None:
        """Return the fan-ins of the XOR that an AND is: ~(p & q) & ~(~p & ~q)."""
        first, second = self._and(x), self._and(y)
        if first and second and (second[0] ^ 1, second[1] ^ 1) in (first, first[::-1]):
            return first
        return None
