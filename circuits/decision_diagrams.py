"""Binary decision diagrams, and sums of products from them, for functions of too many inputs for a truth table.

R. E. Bryant, Graph-based algorithms for Boolean function manipulation (1986); S. Minato, Fast generation of
irredundant sum-of-products forms from binary decision diagrams (1992).
"""

from collections.abc import Iterator
from typing import NamedTuple

from circuits.gates import AND, OR
from circuits.netlist import Circuit

_AND_NOT = 0b0010


class Cubes(NamedTuple):
    """A set of cubes: those with the literal "input is 0", those with "input is 1", and those without the input.

    Attributes:
        variable: the input; -1 for the set of the one cube without literals.
        zero, one, without: sets of cubes of later inputs; None is the empty set.
        size: how many cubes.
    """

    variable: int
    zero: "Cubes | None" = None
    one: "Cubes | None" = None
    without: "Cubes | None" = None
    size: int = 1


class Diagrams:
    """Diagrams of functions of some inputs, which share their nodes: 0 is false, 1 is true, equal functions are equal.

    Args:
        order: the inputs, from the top of a diagram to its bottom.
        most_steps: when to give up, since a diagram may be exponentially large.

    >>> diagrams = Diagrams([0, 1], 100)
    >>> a, b = diagrams.input(0), diagrams.input(1)
    >>> diagrams.gate(0b1110, a, b) == diagrams.gate(0b0111, diagrams.gate(0b0101, a, 0), diagrams.gate(0b0101, b, 0))
    True
    """

    def __init__(self, order: list[int], most_steps: int):
        self._place = {variable: place for place, variable in enumerate(order)}
        self._order, self._most = order, most_steps
        # Of each node its place in the order, and the nodes to go to where that input is 0 and 1.
        self._nodes = [(len(order), 0, 0), (len(order), 1, 1)]
        self._known: dict[tuple[int, int, int], int] = {}
        self._gates: dict[tuple[int, int, int], int] = {}
        self._sums: dict[tuple[int, int], tuple[Cubes | None, int]] = {}

    def input(self, variable: int) -> int:
        """Return the diagram of an input."""
        return self._node(self._place[variable], 0, 1)

    def gate(self, table: int, a: int, b: int) -> int:
        """Return the diagram of a gate, by its 4-bit table.

        Raises:
            MemoryError: after `most_steps` steps.
        """
        nodes, done = self._nodes, self._gates
        root = (table, a, b)
        waiting = [root]  # no recursion: a diagram is as deep as it has inputs
        while waiting:
            key = waiting[-1]
            if key in done:
                waiting.pop()
                continue
            if len(done) >= self._most:
                raise MemoryError(f"expected at most {self._most:,} steps")
            _, f, g = key
            if (known := _at_once(table, f, g)) is not None:
                done[key] = known
                waiting.pop()
                continue
            (place_f, f0, f1), (place_g, g0, g1) = nodes[f], nodes[g]
            place = min(place_f, place_g)
            if place_f > place:
                f0 = f1 = f
            if place_g > place:
                g0 = g1 = g
            zero, one = (table, f0, g0), (table, f1, g1)
            if zero in done and one in done:
                done[key] = self._node(place, done[zero], done[one])
                waiting.pop()
            else:
                waiting += [zero, one]
        return done[root]

    def irredundant(self, f: int) -> Cubes | None:
        """Return a sum of products for a diagram, none of whose cubes can be left out.

        Raises:
            MemoryError: after `most_steps` steps.
        """
        sums = self._sums
        waiting = [(f, f)]
        while waiting:
            lower, upper = key = waiting[-1]
            if key in sums:
                waiting.pop()
            elif lower == 0:
                sums[key] = None, 0
            elif upper == 1:
                sums[key] = Cubes(-1), 1
            else:
                waiting += self._split(lower, upper)
        return sums[f, f][0]

    def _split(self, lower: int, upper: int) -> list[tuple[int, int]]:
        """Add the sum between two diagrams to `_sums`, or return what has to be there before."""
        (place, l0, l1), (place_u, u0, u1) = self._nodes[lower], self._nodes[upper]
        if place < place_u:
            u0 = u1 = upper
        elif place_u < place:
            place, l0, l1 = place_u, lower, lower
        # What holds on both sides needs no literal of the input.
        zero, one = (self.gate(_AND_NOT, l0, u1), u0), (self.gate(_AND_NOT, l1, u0), u1)
        if zero not in self._sums or one not in self._sums:
            return [zero, one]
        (cubes_0, is_0), (cubes_1, is_1) = self._sums[zero], self._sums[one]
        left = self.gate(OR, self.gate(_AND_NOT, l0, is_0), self.gate(_AND_NOT, l1, is_1))
        both = (left, self.gate(AND, u0, u1))
        if both not in self._sums:
            return [both]
        without, is_both = self._sums[both]
        parts = (cubes_0, cubes_1, without)
        size = sum(part.size for part in parts if part is not None)
        cubes = Cubes(self._order[place], *parts, size) if cubes_0 or cubes_1 else without
        covered = self._node(place, self.gate(OR, is_0, is_both), self.gate(OR, is_1, is_both))
        self._sums[lower, upper] = cubes, covered
        return []

    def _node(self, place: int, zero: int, one: int) -> int:
        if zero == one:
            return zero
        key = (place, zero, one)
        if key not in self._known:
            self._known[key] = len(self._nodes)
            self._nodes.append(key)
        return self._known[key]


def _at_once(table: int, f: int, g: int) -> int | None:
    """Return a gate of two diagrams where that needs no look at their inputs."""
    rows = range(4)
    if f < 2:
        rows = [row for row in rows if row & 1 == f]
    if g < 2:
        rows = [row for row in rows if row >> 1 == g]
    if f == g:
        rows = [row for row in rows if row in (0, 3)]
    values = {table >> row & 1 for row in rows}
    if len(values) == 1:
        return values.pop()
    if g > 1 and all(table >> row & 1 == row >> 1 for row in rows):
        return g
    if f > 1 and all(table >> row & 1 == row & 1 for row in rows):
        return f
    return None


def strings(cubes: Cubes | None, n: int) -> Iterator[str]:
    """Return the cubes of a set as strings of n characters.

    >>> diagrams = Diagrams([0, 1], 100)
    >>> list(strings(diagrams.irredundant(diagrams.gate(0b1001, diagrams.input(0), diagrams.input(1))), 2))
    ['00', '11']
    """
    waiting: list[tuple[Cubes | None, dict[int, str]]] = [(cubes, {})]
    while waiting:
        at, literals = waiting.pop()
        if at is None:
            continue
        if at.variable < 0:
            cube = ["-"] * n
            for variable, value in literals.items():
                cube[variable] = value
            yield "".join(cube)
            continue
        waiting += [(at.without, literals), (at.one, {**literals, at.variable: "1"})]
        waiting.append((at.zero, {**literals, at.variable: "0"}))


def irredundant_sums(circuit: Circuit, most_steps: int) -> Iterator[Cubes | None]:
    """Return an irredundant sum of products for each output, in turn.

    Args:
        circuit: any circuit.
        most_steps: when to give up on an output, since its diagrams may be exponentially large.

    Raises:
        MemoryError: after `most_steps` steps.

    >>> from circuits import parse
    >>> [sum.size for sum in irredundant_sums(parse("y = a & b | c; z = a ^ b ^ c"), 100)]
    [2, 4]
    """
    first = 1 + circuit.n_inputs
    fan_ins, tables = circuit.fan_ins.tolist(), circuit.tables.tolist()
    for node in circuit.outputs.tolist():
        variables, gates = reached(fan_ins, first, node)
        diagrams = Diagrams(variables, most_steps)
        done = {0: 0} | {1 + variable: diagrams.input(variable) for variable in variables}
        for gate in gates:
            a, b = fan_ins[gate - first]
            done[gate] = diagrams.gate(tables[gate - first], done[a], done[b])
        yield diagrams.irredundant(done[node])


def reached(fan_ins: list[list[int]], first: int, root: int) -> tuple[list[int], list[int]]:
    """Return the inputs that a node depends on, in the order in which depth first comes to them, and the gates.

    That order keeps inputs together that meet in one gate, which makes small diagrams.

    Args:
        fan_ins: of all gates.
        first: the node of the first gate; inputs are 1..first - 1.
        root: the node.

    Returns:
        Places of inputs, 0..first - 2; nodes of gates, ascending.

    >>> reached([[2, 1], [3, 2]], 3, 4)
    ([1, 0], [3, 4])
    """
    seen, variables, waiting = {0}, [], [root]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node < first:
            variables.append(node - 1)
        else:
            waiting += reversed(fan_ins[node - first])
    return variables, sorted(node for node in seen if node >= first)
