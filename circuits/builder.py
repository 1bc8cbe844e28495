"""Netlists gate by gate: `Builder`, for readers of files and for what makes circuits."""

from collections.abc import Mapping, Sequence

from circuits.gates import NOT, TRUE
from circuits.netlist import Circuit


class Builder:
    """A netlist under construction: add inputs, then gates, then ask for the `Circuit`.

    It simplifies nothing, so that a netlist from a file has the gates that were written there.

    >>> from circuits.gates import XOR
    >>> netlist = Builder(["a", "b"])
    >>> a, b = netlist.inputs
    >>> netlist.circuit({"y": netlist.gate(XOR, a, b)})
    Circuit(2 inputs, 1 outputs, 1 gates)
    """

    def __init__(self, input_names: Sequence[str]):
        self.input_names = list(input_names)
        self.inputs = list(range(1, len(self.input_names) + 1))
        self._fan_ins: list[tuple[int, int]] = []
        self._tables: list[int] = []
        self._true: int | None = None

    def gate(self, table: int, a: int, b: int = 0) -> int:
        """Add a gate with a 4-bit truth table on nodes a and b; returns its node."""
        self._fan_ins.append((a, b))
        self._tables.append(table)
        return len(self.input_names) + len(self._tables)

    def constant(self, value: bool) -> int:
        """Return the node of a constant: node 0, or one gate for true, made once."""
        if not value:
            return 0
        if self._true is None:
            self._true = self.gate(TRUE, 0)
        return self._true

    def tree(self, table: int, nodes: Sequence[int], *, inverted: bool = False) -> int:
        """Add a balanced tree of AND, OR or XOR gates over one or more nodes; returns its node.

        `inverted` makes the last gate NAND, NOR or XNOR. A single node comes back as it is, or through a NOT.
        """
        if not nodes:
            raise ValueError("tree: expected at least one node, got none.")
        layer = list(nodes)
        while len(layer) > 2:
            paired = [self.gate(table, a, b) for a, b in zip(layer[0::2], layer[1::2], strict=False)]
            layer = paired + layer[len(layer) - len(layer) % 2 :]
        if len(layer) == 1:
            return self.gate(NOT, layer[0]) if inverted else layer[0]
        return self.gate(table ^ 0b1111 if inverted else table, *layer)

    def circuit(self, outputs: dict[str, int], names: Mapping[str, int] | None = None) -> Circuit:
        """Return the finished circuit, with these nodes as its outputs, by name; `names` may name any nodes.

        Of several names of a gate the first is kept; inputs have their names already.
        """
        gate_names = [""] * len(self._tables) if names else []
        first = 1 + len(self.input_names)
        for name, node in (names or {}).items():
            if node >= first and not gate_names[node - first]:
                gate_names[node - first] = name
        return Circuit(self.input_names, self._fan_ins, self._tables, list(outputs.values()), list(outputs), gate_names)
