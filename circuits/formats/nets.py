"""A netlist as most formats write it: nets by name, in any order, each driven once, and without cycles.

Every error has the line at fault. Registers are refused, cut into an input and an output, or unrolled.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from circuits.errors import ParseError
from circuits.netlist import Builder, Circuit
from circuits.registers import Initial, unroll
from jaxnet.validation import whole_number

Registers = Literal["refuse", "cut", "unroll"]


def check_registers(registers: Registers, cycles: int | None) -> None:
    """Check what a user says that is to be done with registers.

    Args:
        registers: "refuse", "cut" or "unroll".
        cycles: how many to unroll; None otherwise.

    Raises:
        ValueError: if it is none of them, or cycles are missing, too few, or not wanted.
        TypeError: if the cycles are no whole number.
    """
    if registers not in ("refuse", "cut", "unroll"):
        raise ValueError(f"loads: expected registers to be 'refuse', 'cut' or 'unroll', got {registers!r}.")
    if registers == "unroll" and cycles is None:
        raise ValueError('loads: registers="unroll" takes cycles=, how many of them.')
    if registers != "unroll" and cycles is not None:
        raise ValueError(f'loads: cycles goes with registers="unroll", got registers={registers!r}.')
    if cycles is not None:
        whole_number("loads", "cycles", cycles, 1)


class Driver(NamedTuple):
    """What drives a net: a gate of some kind, of other nets."""

    kind: Any
    fan_ins: tuple[str, ...]
    line: int


class Nets:
    """A netlist that is being read.

    Args:
        source: the file, for errors.
        input_as: how the format declares an input, with {net}, for errors.
        gate_as: how it drives a net, with {net}.
        registers: "refuse" them, or "cut" them: a register q becomes an input q, and its next state an output q_next;
            or "unroll" the netlist.
        output_as: how the format declares an output, with {net}.
        cycles: how many are unrolled.

    >>> nets = Nets("file", "input {net}", "{net} = ...")
    >>> nets.input("a", 1)
    >>> nets.output("y", 2)
    >>> nets.drive("y", 0b0101, ("a",), 3)
    >>> nets.circuit(lambda netlist, table, nodes: netlist.gate(table, *nodes))
    Circuit(1 inputs, 1 outputs, 1 gates)
    """

    def __init__(
        self,
        source: str,
        input_as: str,
        gate_as: str,
        registers: Registers = "refuse",
        output_as: str = "OUTPUT({net})",
        cycles: int | None = None,
    ):
        check_registers(registers, cycles)
        self.source, self._registers, self._cycles = source, registers, cycles
        self._input_as, self._gate_as, self._output_as = input_as, gate_as, output_as
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}
        self.drivers: dict[str, Driver] = {}
        self.registers: dict[str, tuple[str, int]] = {}
        self._initial: dict[str, Initial] = {}

    def error(self, message: str, line: int | None = None) -> ParseError:
        """Return the error to raise."""
        return ParseError(message, source=self.source, line=line)

    def input(self, net: str, line: int) -> None:
        """Declare an input."""
        if net in self.inputs:
            raise self.error(f"{self._as_input(net)} stands in line {self.inputs[net]} already", line)
        if (other := self._line(net)) is not None:
            raise self.error(f"net {net!r} is driven twice: by {self._as_input(net)} and in line {other}", line)
        self.inputs[net] = line

    def output(self, net: str, line: int) -> None:
        """Declare an output, which has the name of its net."""
        if net in self.outputs:
            raise self.error(f"{self._output_as.format(net=net)} stands in line {self.outputs[net]} already", line)
        self.outputs[net] = line

    def drive(self, net: str, kind: Any, fan_ins: Sequence[str], line: int) -> None:
        """Drive a net by a gate."""
        self._check_free(net, line)
        self.drivers[net] = Driver(kind, tuple(fan_ins), line)

    def register(self, net: str, fan_ins: Sequence[str], what: str, line: int, initial: Initial = "free") -> None:
        """Drive a net by a register, whose one fan-in is its next state; to unroll it takes an initial value."""
        if self._registers == "refuse":
            raise self.error(
                f"{what} is a register: expected a combinational circuit, without state. "
                'registers="cut" makes its value an input, and its next value an output',
                line,
            )
        if len(fan_ins) != 1:
            raise self.error(f"{what} of {len(fan_ins)} nets cannot be cut, only a register of one", line)
        self._check_free(net, line)
        self.registers[net] = (fan_ins[0], line)
        self._initial[net] = initial

    def circuit(self, add: Callable[[Builder, Any, list[int]], int]) -> Circuit:
        """Return the circuit, once all is declared.

        Args:
            add: makes the node of a net, from what it drives and the nodes of its fan-ins.

        Returns:
            A circuit with a driver for each net, also for those that no output needs.

        Raises:
            ParseError: if a net that is used is driven by nothing, or by itself through others.
        """
        netlist = Builder([*self.inputs, *self.registers])
        circuit = netlist.circuit(self.resolve(netlist.inputs, functools.partial(add, netlist)))
        if self._cycles is None:
            return circuit
        registers = {net: f"{net}_next" for net in self.registers}
        return unroll(circuit, self._cycles, registers=registers, initial=self._initial)

    def resolve(self, inputs: Sequence[int], add: Callable[[Any, list[int]], int]) -> dict[str, int]:
        """Return the nodes of the outputs by name, once all is declared; for units rather than gates.

        Args:
            inputs: the nodes of the inputs, and then of the registers.
            add: makes the node of a net, from what it drives and the nodes of its fan-ins, which come before it.

        Returns:
            The outputs of `circuit`: the node of each by its name.

        Raises:
            ParseError: as `circuit`.
        """
        names = [*self.inputs, *self.registers]
        nodes = dict(zip(names, inputs, strict=True))
        for net in self._in_order(names):
            driver = self.drivers[net]
            nodes[net] = add(driver.kind, [nodes[name] for name in driver.fan_ins])
        outputs = {}
        for net, line in self.outputs.items():
            outputs[net] = self._node(net, nodes, f"of {self._output_as.format(net=net)}", line)
        for net, (next_state, line) in self.registers.items():
            name = f"{net}_next"
            if name in outputs or name in self.inputs or name in self.registers:
                raise self.error(f"register {net!r} would be cut into an output {name!r}, which is there already", line)
            outputs[name] = self._node(next_state, nodes, f", the next state of {net!r},", line)
        return outputs

    def _node(self, net: str, nodes: dict[str, int], what: str, line: int) -> int:
        if net not in nodes:
            raise self._undriven(net, what, line)
        return nodes[net]

    def _check_free(self, net: str, line: int) -> None:
        if (other := self._line(net)) is not None:
            raise self.error(f"net {net!r} is driven twice: here and in line {other}", line)

    def _line(self, net: str) -> int | None:
        """Return the line in which a net is driven; None if it is not."""
        if net in self.inputs:
            return self.inputs[net]
        if net in self.registers:
            return self.registers[net][1]
        return self.drivers[net].line if net in self.drivers else None

    def _in_order(self, inputs: Sequence[str]) -> list[str]:
        """Return the driven nets, each after its fan-ins; depth first, without recursion, so no depth is too deep."""
        order: list[str] = []
        done = set(inputs)
        path: dict[str, None] = {}  # the nets from the root to the one at hand, in order
        for root in self.drivers:
            stack = [root]
            while stack:
                net = stack[-1]
                if net in done:
                    stack.pop()
                    continue
                waiting = [name for name in self.drivers[net].fan_ins if name not in done]
                if not waiting:
                    stack.pop()
                    path.pop(net, None)
                    done.add(net)
                    order.append(net)
                    continue
                path[net] = None
                for name in waiting:
                    if name not in self.drivers:
                        raise self._undriven(name, f", an input of gate {net!r},", self.drivers[net].line)
                    if name in path:
                        nets = list(path)
                        raise self._cycle(nets[nets.index(name) :])
                stack.extend(reversed(waiting))
        return order

    def _as_input(self, net: str) -> str:
        return self._input_as.format(net=net)

    def _undriven(self, net: str, what: str, line: int) -> ParseError:
        expected = f"{self._as_input(net)} or {self._gate_as.format(net=net)}"
        space = "" if what.startswith(",") else " "
        return self.error(f"net {net!r}{space}{what} is driven by nothing: expected {expected}", line)

    def _cycle(self, loop: list[str]) -> ParseError:
        shown = " <- ".join([*loop[:6], *(["..."] if len(loop) > 6 else []), loop[0]])
        return self.error(f"net {loop[0]!r} depends on itself: {shown}; expected no cycles", self.drivers[loop[0]].line)
