"""A circuit for values that are given on a domain alone: what it does elsewhere does not matter.

A diagram over the parts of the domain, of which each node has one branch for each row of its part (A. Srinivasan, T.
Kam, S. Malik and R. K. Brayton, Algorithms for discrete function manipulation, 1990). Which branch to take is a
decision tree over the columns of the part, by the split of least entropy (J. R. Quinlan, Induction of decision trees,
1986).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from circuits.bridge.domains import Domain, column_names
from circuits.builder import Builder
from circuits.gates import AND, NOT, OR, XOR
from circuits.netlist import Circuit, check_names, without_dead_gates


def circuit_on_domain(
    domain: Domain, values: Any, input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None
) -> Circuit:
    """Return a circuit that has given values on the rows of a domain.

    Args:
        domain: any domain.
        values: `(rows,)` or `(rows, m)`, Booleans or zeros and ones, in the order of the domain's rows.
        input_names: one for each column; x0, x1, ... if None.
        output_names: m names; y, or y0, y1, ..., if None.

    Returns:
        A circuit with these values on the domain, and any others outside it.

    Raises:
        ValueError: if there are not as many values as rows, or a value is no bit.

    Source: A. Srinivasan, T. Kam, S. Malik, R. K. Brayton (1990); J. R. Quinlan (1986).

    >>> from circuits import to_expression
    >>> colours = Domain.one_hot([3]) * Domain.one_hot([2])
    >>> to_expression(circuit_on_domain(colours, [0, 1, 1, 1, 1, 1], ["red", "green", "blue", "small", "large"]))
    'large | ~red'
    """
    bits = np.asarray(values)
    if bits.ndim == 1:
        bits = bits[:, None]
    if bits.ndim != 2 or len(bits) != domain.n_rows:
        raise ValueError(
            f"circuit_on_domain: expected values ({domain.n_rows},) or ({domain.n_rows}, m) for {domain}, got "
            f"{np.shape(values)}."
        )
    if bits.dtype != bool and not np.isin(bits, (0, 1)).all():
        raise ValueError("circuit_on_domain: expected Booleans, or zeros and ones.")
    bits = bits.astype(bool)
    m = bits.shape[1]
    names = (["y"] if m == 1 else [f"y{i}" for i in range(m)]) if output_names is None else list(output_names)
    check_names("circuit_on_domain", "output", names)
    if len(names) != m:
        raise ValueError(f"circuit_on_domain: expected {m} output names, got {len(names)}.")
    netlist = _Shared(column_names("circuit_on_domain", domain, input_names))
    diagram = _Diagram(netlist, domain)
    outputs = {name: diagram.values(bits[:, i]) for i, name in enumerate(names)}
    return without_dead_gates(netlist.circuit(outputs))


def circuit_of_regions(
    domain: Domain,
    order: Sequence[int],
    regions: Iterable[tuple[Sequence[int], np.ndarray]],
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] = ("y",),
) -> Circuit:
    """Return a circuit that has given values on regions that a domain is divided into.

    Args:
        domain: any domain.
        order: numbers of parts, in the order in which the regions split them.
        regions: for the first parts of that order, the place of the row that each was given; and `(m,)` bool.
        input_names: one for each column; x0, x1, ... if None.
        output_names: m names.

    Returns:
        A decision diagram of the regions, in which equal branches are one.

    >>> from circuits import to_expression
    >>> regions = [((0,), np.array([False])), ((1, 0), np.array([False])), ((1, 1), np.array([True]))]
    >>> to_expression(circuit_of_regions(Domain.cube(3), [2, 0], regions))
    'x0 & x2'
    """
    netlist = _Shared(column_names("circuit_of_regions", domain, input_names))
    diagram = _Diagram(netlist, domain)
    made = {tuple(places): [netlist.true if bit else 0 for bit in bits] for places, bits in regions}
    # From the last splits to the first, without a recursion, which may be too deep for Python.
    for depth in range(max(map(len, made)), 0, -1):
        split: dict[tuple[int, ...], dict[int, list[int]]] = {}
        for places in [places for places in made if len(places) == depth]:
            split.setdefault(places[:-1], {})[places[-1]] = made.pop(places)
        for places, branches in split.items():
            nodes = np.array([branches[place] for place in range(len(branches))])
            made[places] = [diagram.joined(order[depth - 1], each) for each in nodes.T]
    return without_dead_gates(netlist.circuit(dict(zip(output_names, made[()], strict=True))))


class _Shared(Builder):
    """A netlist in which equal gates are one, and gates with constants are none; node 0 is false, and `true` true."""

    def __init__(self, input_names: Sequence[str]):
        super().__init__(input_names)
        self._made: dict[tuple[int, int, int], int] = {}

    def _get(self, table: int, a: int, b: int = 0) -> int:
        key = (table, a, b)
        if key not in self._made:
            self._made[key] = self.gate(table, a, b)
        return self._made[key]

    @property
    def true(self) -> int:
        return self.constant(True)

    def invert(self, a: int) -> int:
        if a in (0, self.true):
            return self.true if a == 0 else 0
        return self._get(NOT, a)

    def both(self, a: int, b: int) -> int:
        if 0 in (a, b):
            return 0
        return a if b in (a, self.true) else b if a == self.true else self._get(AND, min(a, b), max(a, b))

    def either(self, a: int, b: int) -> int:
        if self.true in (a, b):
            return self.true
        return a if b in (a, 0) else b if a == 0 else self._get(OR, min(a, b), max(a, b))

    def differ(self, a: int, b: int) -> int:
        if 0 in (a, b):
            return a + b
        return self._get(XOR, min(a, b), max(a, b))


class _Diagram:
    """The nodes of a diagram over the parts of a domain, the last part on top."""

    def __init__(self, netlist: _Shared, domain: Domain):
        self._netlist = netlist
        self._parts = [
            (part.table, netlist.inputs[columns])
            for part, columns in zip(domain.parts, domain.columns_of_parts(), strict=True)
        ]
        # Parts of one row split nothing, and there may be more of them than Python's recursion is deep.
        self._free = [part for part in self._parts if len(part[0]) > 1]
        self._made: dict[tuple[int, bytes], int] = {}

    def values(self, values: np.ndarray) -> int:
        """Return the node of a function of all parts."""
        return self.node(values, len(self._free))

    def node(self, values: np.ndarray, depth: int) -> int:
        """Return the node of a function of the first `depth` parts that have rows to choose from."""
        if not values.any():
            return 0
        if values.all():
            return self._netlist.true
        key = depth, np.packbits(values).tobytes()
        if key not in self._made:
            self._made[key] = self._split(values, depth)
        return self._made[key]

    def _split(self, values: np.ndarray, depth: int) -> int:
        netlist = self._netlist
        table, inputs = self._free[depth - 1]
        branches = values.reshape(len(table), -1)
        packed = [row.tobytes() for row in np.packbits(branches, axis=1)]
        places = {function: place for place, function in enumerate(sorted(set(packed)))}
        which = np.array([places[function] for function in packed])
        kinds = [branches[int((which == place).argmax())] for place in range(len(places))]
        if len(kinds) == 1:
            return self.node(kinds[0], depth - 1)
        if len(kinds) == 2 and (kinds[0] != kinds[1]).all():
            return netlist.differ(self._chosen(table, inputs, which == 1), self.node(kinds[0], depth - 1))
        true = np.array([function.all() for function in kinds])[which]
        result = self._chosen(table, inputs, true)
        # Where a branch to true is chosen the others do not matter, and a branch to false adds nothing.
        left, which = table[~true], which[~true]
        for kind, function in enumerate(kinds):
            if function.any() and not function.all():
                chosen = self._chosen(left, inputs, which == kind)
                result = netlist.either(result, netlist.both(chosen, self.node(function, depth - 1)))
        return result

    def joined(self, part: int, nodes: np.ndarray) -> int:
        """Return a node that is, for each row of a part, a given node where the part has this row."""
        if (nodes == nodes[0]).all():
            return int(nodes[0])
        netlist = self._netlist
        table, inputs = self._parts[part]
        true = nodes == netlist.true
        result = self._chosen(table, inputs, true)
        # As in _split: what is true already may be anything.
        left, nodes = table[~true], nodes[~true]
        for node in np.unique(nodes[nodes != 0]).tolist():
            result = netlist.either(result, netlist.both(self._chosen(left, inputs, nodes == node), node))
        return result

    def _chosen(self, table: np.ndarray, inputs: list[int], wanted: np.ndarray) -> int:
        """Return the node that is true on the wanted rows of a part and false on its others: a decision tree."""
        netlist = self._netlist
        if wanted.all() or not wanted.any():
            return netlist.true if wanted.all() else 0
        column = _best_column(table, wanted)
        on = table[:, column]
        low, high = (self._chosen(table[side], inputs, wanted[side]) for side in (~on, on))
        x = inputs[column]
        if high == netlist.true:
            return netlist.either(x, low)
        if low == netlist.true:
            return netlist.either(netlist.invert(x), high)
        return netlist.either(netlist.both(netlist.invert(x), low), netlist.both(x, high))


def _best_column(table: np.ndarray, wanted: np.ndarray) -> int:
    """Return the column whose two sides tell most about what is wanted: of least entropy."""
    rows = len(table)
    on, hits = table.sum(axis=0, dtype=np.int64), table[wanted].sum(axis=0, dtype=np.int64)
    total = int(wanted.sum())
    entropy = _entropy(on, hits) + _entropy(rows - on, total - hits)
    # Of equal columns one that is on where it is wanted, for a literal without a negation. A column that splits nothing
    # is no choice, however the entropies round.
    entropy = entropy - 1e-9 * (hits * rows > on * total)
    return int(np.where((on == 0) | (on == rows), np.inf, entropy).argmin())


def _entropy(rows: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Return rows times the entropy of hits among them, in nats."""

    def xlogx(x: np.ndarray) -> np.ndarray:
        return x * np.log(np.maximum(x, 1))

    return xlogx(rows) - xlogx(hits) - xlogx(rows - hits)
