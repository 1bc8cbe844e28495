"""Instances of library cells read at a stroke, as mapped netlists have them by the thousand: `ND2 u (.A(a), .Y(y));`.

Instances of one cell with the same pins are alike: what they add is found once for all of them.
"""

from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from circuits.formats.cell_functions import table_of
from circuits.formats.cells import Cell
from circuits.formats.gate_lists import Gates

Shape = tuple[str, tuple[str, ...]]  # a cell, and its pins in the order of the text


class _Output(NamedTuple):
    """What an instance drives: the kind of gate, and the places of its output and of its inputs among the pins."""

    kind: Any
    output: int
    inputs: tuple[int, ...]


class MappedInstances:
    """The instances of a module whose pins go by name to nets, by columns.

    Attributes:
        nets: the numbers of the nets on the pins of all.
    """

    def __init__(self):
        self._shapes: dict[Shape, int] = {}
        self._kinds, self.nets, self._ends, self._places = array("i"), array("i"), array("i"), array("i")

    def add(self, cell: str, pins: tuple[str, ...], nets: Sequence[int], place: int) -> None:
        """Add an instance."""
        self._kinds.append(self._shapes.setdefault((cell, pins), len(self._shapes)))
        self.nets.extend(nets)
        self._ends.append(len(self.nets))
        self._places.append(place)

    def connect(self, wrong: set[int], cell_of: Callable[[str], Cell | None], gates: Gates) -> list[int]:
        """Add the gates of all instances that are no more than gates, and return the places of the others.

        Args:
            wrong: numbers of names that are no nets of one bit.
            cell_of: the cell of a name; None where there is none, or something else.
            gates: what they are added to.
        """
        plans = [_plan(cell_of(name), pins) for name, pins in self._shapes]
        left, begin = [], 0
        has_wrong = bool(wrong) and bool(np.isin(np.asarray(self.nets), [*wrong]).any())
        for kind, end, place in zip(self._kinds, self._ends, self._places, strict=True):
            nets = self.nets[begin:end]
            begin = end
            plan = plans[kind]
            if plan is None or (has_wrong and not wrong.isdisjoint(nets)):
                left.append(place)
                continue
            for gate, output, inputs in plan:
                gates.add(nets[output], gate, [nets[i] for i in inputs], place)
        return left


def _plan(cell: Cell | None, pins: tuple[str, ...]) -> list[_Output] | None:
    """Return what an instance drives; None if it is more than gates, or wrong."""
    if cell is None or cell.refused or cell.states or len({*pins}) < len(pins):
        return None
    places = {pin: i for i, pin in enumerate(pins)}
    if not {*pins} <= {*cell.inputs, *cell.outputs, *cell.supplies}:
        return None
    plan = []
    for pin, function in cell.outputs.items():
        if pin not in places:
            continue
        if not {*function.inputs} <= {*pins}:
            return None
        kind: Any = function
        if len(function.inputs) == 2:
            kind = table_of(function)
        elif len(function.inputs) == 1:
            kind = table_of(function) * 0b0101
        elif not function.inputs:
            kind = bool(table_of(function))
        plan.append(_Output(kind, places[pin], tuple(places[name] for name in function.inputs)))
    return plan
