"""Circuits from Python functions: `trace(f)` calls f once, on bits that record what is done to them."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from circuits.gates import AND, NOT, OR, XOR
from circuits.netlist import Builder, Circuit, check_names, without_dead_gates
from jaxnet.validation import whole_number


class Bit:
    """A bit of a circuit under construction: `&`, `|`, `^` and `~` add gates. Made by `trace`, not by hand."""

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

    def __bool__(self) -> bool:
        raise TypeError(
            "trace: a traced bit has no value yet: instead of if, and, or, not write mux(s, a, b), &, |, ~."
        )

    def __eq__(self, other: object) -> bool:
        raise TypeError("trace: traced bits cannot be compared: write ~(a ^ b) for a == b and a ^ b for a != b.")

    def __repr__(self) -> str:
        return f"Bit(node {self.node})"


def trace(f: Callable, /, **widths: int) -> Circuit:
    """Return the circuit that a Python function of bits computes.

    Args:
        f: a function of bits that uses `&`, `|`, `^`, `~`, `mux`, `maj` and constants; it returns a bit, a list of
            bits, or a dict of bits by name. It is called once, so its loops are unrolled and its ifs must not ask for
            the value of a bit. A parameter with a default is no input and keeps it.
        widths: parameters that are words: `trace(f, a=4)` calls f with a list of four bits, named a0 (lowest) to a3.

    Returns:
        A circuit whose inputs have the names of the parameters. A single output is called out, a list of them
        out0, out1, ...; gates that no output needs are left out.

    Raises:
        TypeError: if f asks for the value of a bit or returns anything but bits, or if a width is no whole number.
        ValueError: if a width is negative.

    >>> trace(lambda a, b: {"sum": a ^ b, "carry": a & b})
    Circuit(2 inputs, 2 outputs, 2 gates)
    >>> trace(lambda a: [bit ^ a[0] for bit in a[1:]], a=4)
    Circuit(4 inputs, 3 outputs, 3 gates)
    """
    if not callable(f):
        raise TypeError(f"trace: expected a function of bits, got {type(f).__name__}. For text use parse.")
    # A parameter with a default keeps it, unless it is made a word.
    signature = inspect.signature(f)
    every = signature.parameters
    parameters = {name: p for name, p in every.items() if p.default is p.empty or name in widths}
    if unknown := set(widths) - set(parameters):
        raise TypeError(f"trace: {sorted(unknown)} are no parameters of the function; it has {list(parameters)}.")
    for p in parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise TypeError(f"trace: parameter {p} has no fixed number of bits; name each of them.")
    widths = {p: whole_number("trace", f"the width of {p!r}", width) for p, width in widths.items()}
    names = {p: [f"{p}{i}" for i in range(widths[p])] if p in widths else [p] for p in parameters}
    input_names = [name for group in names.values() for name in group]
    check_names("trace", "input", input_names)
    netlist = Builder(input_names)
    nodes = iter(netlist.inputs)
    words = {p: [Bit(netlist, next(nodes)) for _ in group] for p, group in names.items()}
    arguments = {p: bits if p in widths else bits[0] for p, bits in words.items()}
    bound = inspect.BoundArguments(signature, arguments)  # type: ignore[arg-type]
    bound.apply_defaults()
    result = f(*bound.args, **bound.kwargs)
    if isinstance(result, dict):
        named = result
    elif isinstance(result, (list, tuple)):
        named = {f"out{i}": bit for i, bit in enumerate(result)}
    else:
        named = {"out": result}
    check_names("trace", "output", list(named))
    return without_dead_gates(netlist.circuit({name: _node(netlist, bit) for name, bit in named.items()}))


def _node(netlist: Builder, bit: Any) -> int:
    """Return the node of a bit or of a Python constant."""
    if isinstance(bit, Bit):
        if bit.netlist is not netlist:
            raise TypeError("trace: a bit of another trace cannot be used here: traces do not share bits.")
        return bit.node
    if isinstance(bit, (int, np.integer, np.bool_)) and bit in (0, 1):
        return netlist.constant(bool(bit))
    raise TypeError(f"trace: expected a bit, got {bit!r} of type {type(bit).__name__}.")


def _gate(table: int, a: Bit, b: Any) -> Bit:
    return Bit(a.netlist, a.netlist.gate(table, a.node, _node(a.netlist, b)))
