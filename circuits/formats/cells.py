"""Cells of a library: the functions and the registers that an instance of a cell stands for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from circuits.errors import ParseError, cut_short, listed
from circuits.formats.cell_functions import Function, function_of, inverted, with_pins


class Cell(NamedTuple):
    """A cell.

    Attributes:
        inputs: its pins, in the order of the library.
        outputs: the function of each, of inputs and of states.
        states: the next value of each register, of inputs and of states; clocks are left out.
        supplies: power pins, which may be connected to anything.
        refused: why the cell cannot be read as gates and registers; empty if it can.
    """

    inputs: tuple[str, ...]
    outputs: dict[str, Function]
    states: Mapping[str, Function] = MappingProxyType({})
    supplies: frozenset[str] = frozenset()
    refused: str = ""


class Parts(NamedTuple):
    """What an instance of a cell adds to a netlist.

    Attributes:
        gates: `(net, function, nets that it reads)` for each net that is driven.
        registers: `(net, net of its next value)`.
    """

    gates: list[tuple[str, Function, tuple[str, ...]]]
    registers: list[tuple[str, str]]


def parts_of(name: str, cell: Cell, nets: Mapping[str, str], separator: str = "@") -> Parts:
    """Return the gates and registers of an instance of a cell.

    A register has the name of the net on the pin that shows its value, or else its complement; it holds that value. One
    that no pin shows as it is, for example behind an asynchronous clear, is called net@state by the first output's net.

    Args:
        name: of the cell, for errors.
        cell: what it is.
        nets: the net on each pin that is connected.
        separator: between a net and the state, in the names of inner nets.

    Raises:
        ValueError: if a pin is unknown, an input that is needed is not connected, or the cell is refused.

    >>> from circuits.formats.cell_functions import function_of
    >>> nand2 = Cell(("A", "B"), {"Y": function_of("!(A*B)")})
    >>> parts_of("nand2", nand2, {"A": "a", "B": "b", "Y": "y"}).gates
    [('y', Function(inputs=('A', 'B'), steps=(0, 1, '&', '!')), ('a', 'b'))]
    """
    for pin in nets:
        if pin not in cell.inputs and pin not in cell.outputs and pin not in cell.supplies:
            pins = [*cell.inputs, *cell.outputs]
            raise ValueError(f"cell {name!r} has no pin {pin!r}, expected {listed(pins)}")
    if cell.refused:
        raise ValueError(f"cell {name!r} is refused: {cell.refused}")
    shown = {pin: function for pin, function in cell.outputs.items() if pin in nets}
    inner: dict[str, str] = {}  # states and the nets that hold them
    held: dict[str, Function] = {}  # a state as a function of the net that holds it, where that is the complement
    holds: set[str] = set()
    for state in cell.states:
        plain = Function((state,), (0,))
        pin = next((pin for pin, function in shown.items() if function == plain), None)
        if pin is None:
            pin = next((pin for pin, function in shown.items() if function == inverted(plain)), None)
            if pin is not None:
                held[state] = inverted(plain)
        if pin is not None:
            holds.add(pin)
            inner[state] = nets[pin]
        elif shown:
            inner[state] = f"{nets[next(iter(shown))]}{separator}{state}"

    def gate(net: str, function: Function) -> tuple[str, Function, tuple[str, ...]]:
        function = with_pins(function, held)
        for pin in function.inputs:
            if pin not in inner and pin not in nets:
                raise ValueError(f"pin {pin!r} of cell {name!r} is not connected")
        return net, function, tuple(inner.get(pin) or nets[pin] for pin in function.inputs)

    gates = [gate(nets[pin], function) for pin, function in shown.items() if pin not in holds]
    registers = []
    for state, net in inner.items():
        following = cell.states[state]
        next_net = f"{net}{separator}next"
        gates.append(gate(next_net, inverted(following) if state in held else following))
        registers.append((net, next_net))
    return Parts(gates, registers)


def checked_function(text: str, source: str, line: int, binding: Mapping[str, int]) -> Function:
    """Return the function that a library has in a line, with errors that name it."""
    try:
        return function_of(text, binding)
    except ValueError as error:
        raise ParseError(cut_short(str(error), 200), source=source, line=line) from None
