"""`Bit`, what a traced function works on: operators on it add gates to a netlist under construction."""

from typing import Any

import numpy as np

from circuits.builder import Builder
from circuits.gates import AND, NOT, OR, XNOR, XOR


class Bit:
    """A bit of a circuit under construction: `&`, `|`, `^`, `~`, `==` and `!=` add gates. Made by `trace`."""

    __slots__ = ("netlist", "node")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # so that a NumPy constant on the left leaves the operator to us

    def __init__(self, netlist: Builder, node: int):
        self.netlist, self.node = netlist, node

    def __and__(self, other: "Bit | int") -> "Bit":
        return _gate(AND, self, other)

    def __or__(self, other: "Bit | int") -> "Bit":
        return _gate(OR, self, other)

    def __xor__(self, other: "Bit | int") -> "Bit":
        return _gate(XOR, self, other)

    def __invert__(self) -> "Bit":
        return Bit(self.netlist, self.netlist.gate(NOT, self.node))

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __eq__(self, other: object) -> "Bit":  # type: ignore[override]
        return _gate(XNOR, self, other)

    def __ne__(self, other: object) -> "Bit":  # type: ignore[override]
        return _gate(XOR, self, other)

    def __bool__(self) -> bool:
        raise TypeError(
            "trace: a traced bit has no value yet: instead of if, and, or, not write mux(s, a, b), &, |, ~."
        )

    def __repr__(self) -> str:
        return f"Bit(node {self.node})"


def node_of(netlist: Builder, bit: Any) -> int:
    """Return the node of a bit, or of a Python constant.

    Args:
        netlist: under construction.
        bit: a bit of it, or 0, 1, False or True.

    Raises:
        TypeError: if it is neither.

    >>> node_of(Builder(["a"]), 0)
    0
    """
    if isinstance(bit, Bit):
        if bit.netlist is not netlist:
            raise TypeError("trace: a bit of another trace cannot be used here: traces do not share bits.")
        return bit.node
    if isinstance(bit, (int, np.integer, np.bool_)) and bit in (0, 1):
        return netlist.constant(bool(bit))
    raise TypeError(f"trace: expected a bit, got {bit!r} of type {type(bit).__name__}.")


def _gate(table: int, a: Bit, b: Any) -> Any:
    if hasattr(b, "width"):  # a word, which knows what to do with a bit
        return NotImplemented
    return Bit(a.netlist, a.netlist.gate(table, a.node, node_of(a.netlist, b)))
