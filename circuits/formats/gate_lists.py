"""The gates of a netlist that is being read, in plain columns: a few bytes a gate, whatever the order of the file."""

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np


class Numbers(dict[str, int]):
    """The number of each net by its name; a name that is new gets the next one.

    Attributes:
        drivers: what drives each net: its gate in `Gates`, or one of the constants `FREE` and `DECLARED`.
    """

    FREE, DECLARED = -1, -2  # driven by nothing (yet); an input or a register

    def __init__(self):
        super().__init__()
        self.drivers = array("i")

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self)
        self.drivers.append(self.FREE)
        return number


class Gates:
    """Gates by columns: of each its kind, the net that it drives, the nets that feed it, and its line in the file."""

    def __init__(self):
        self.kinds: list[Any] = []
        self.nets, self.lines = array("i"), array("i")
        self.fan_ins, self.ends = array("i"), array("i")  # the fan-ins of all, and where those of each end

    def add(self, net: int, kind: Any, fan_ins: Iterable[int], line: int) -> None:
        """Add a gate, by the numbers of its nets."""
        self.kinds.append(kind)
        self.nets.append(net)
        self.fan_ins.extend(fan_ins)
        self.ends.append(len(self.fan_ins))
        self.lines.append(line)

    def __len__(self) -> int:
        return len(self.kinds)

    def offsets(self) -> np.ndarray:
        """Return where the fan-ins of each gate begin, and where they all end."""
        return np.concatenate([[0], np.asarray(self.ends)]).astype(np.int64)

    def fan_ins_of(self, gate: int) -> array:
        """Return the nets that feed a gate."""
        return self.fan_ins[self.ends[gate - 1] if gate else 0 : self.ends[gate]]


class CycleError(Exception):
    """Gates of which each feeds the one before it, and the first the last."""

    def __init__(self, gates: list[int]):
        super().__init__(gates)
        self.gates = gates


def in_order(sources: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the gates, each after those that feed it.

    Args:
        sources: the gate that drives each fan-in; negative for an input.
        offsets: which of them are those of each gate, as `Gates.offsets` returns them.

    Returns:
        The gates as they are if each comes after its fan-ins already, which costs next to nothing; else depth first.

    Raises:
        CycleError: if a gate feeds itself through others.

    >>> in_order(np.array([1, -2]), np.array([0, 1, 2])).tolist()
    [1, 0]
    """
    n = len(offsets) - 1
    if (sources < np.repeat(np.arange(n), np.diff(offsets))).all():
        return np.arange(n)
    feeding, begins = sources.tolist(), offsets.tolist()
    order: list[int] = []
    done = bytearray(n)
    path: dict[int, None] = {}  # from the root to the gate at hand, in order
    for root in range(n):
        stack = [root]  # no recursion, so no depth is too deep
        while stack:
            gate = stack[-1]
            if done[gate]:
                stack.pop()
                continue
            fed_by = feeding[begins[gate] : begins[gate + 1]]
            waiting = [source for source in fed_by if source >= 0 and not done[source]]
            if not waiting:
                stack.pop()
                path.pop(gate, None)
                done[gate] = True
                order.append(gate)
                continue
            path[gate] = None
            for source in waiting:
                if source in path:
                    gates = list(path)
                    raise CycleError(gates[gates.index(source) :])
            stack.extend(reversed(waiting))
    return np.array(order, np.int64)
