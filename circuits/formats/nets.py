"""A netlist as most formats write it: nets by name, in any order, each driven once, and without cycles.

Every error has the line at fault. Registers are refused, cut into an input and an output, or unrolled; nets that
nothing drives are refused, or take a value, or become inputs.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from circuits.builder import Builder
from circuits.errors import ParseError
from circuits.formats.gate_lists import CycleError, Gates, Numbers, in_order
from circuits.gates import TRUE
from circuits.netlist import Circuit
from circuits.registers import Initial, unroll
from jaxnet.validation import whole_number

Registers = Literal["refuse", "cut", "unroll"]
Undriven = Literal["refuse", "input", 0, 1]


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
        undriven: "refuse" nets that are read and that nothing drives, give them the value 0 or 1, or make each an
            "input", after the declared ones and before the registers, in the order in which the file reads them. None
            refuses them too, for a format without that option, which errors then do not name.

    A gate's kind is its 4-bit table if it is one gate of one or two nets, or the value of a constant, as a bool, or
    anything that the format's own function makes gates of.

    >>> nets = Nets("file", "input {net}", "{net} = ...")
    >>> nets.input("a", 1)
    >>> nets.output("y", 2)
    >>> nets.drive("y", 0b0101, ("a",), 3)
    >>> nets.circuit()
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
        *,
        undriven: Undriven | None = None,
    ):
        check_registers(registers, cycles)
        if undriven not in (None, "refuse", "input", 0, 1) or isinstance(undriven, (bool, float)):
            raise ValueError(f"loads: expected undriven to be 'refuse', 0, 1 or 'input', got {undriven!r}.")
        self.source, self._registers, self._cycles, self._undriven = source, registers, cycles, undriven
        self._input_as, self._gate_as, self._output_as = input_as, gate_as, output_as
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}
        self._output_of: dict[str, str] = {}  # the net of an output, where it has another name
        self.registers: dict[str, tuple[str, int]] = {}
        self._initial: dict[str, Initial] = {}
        self.numbers = Numbers()
        self._gates = Gates()

    def error(self, message: str, line: int | None = None) -> ParseError:
        """Return the error to raise."""
        return ParseError(message, source=self.source, line=line)

    def is_driven(self, net: str) -> bool:
        """Return whether something drives a net, by what is declared so far."""
        return self._line(net) is not None

    def input(self, net: str, line: int) -> None:
        """Declare an input."""
        if net in self.inputs:
            raise self.error(f"{self._as_input(net)} stands in line {self.inputs[net]} already", line)
        if (other := self._line(net)) is not None:
            raise self.error(f"net {net!r} is driven twice: by {self._as_input(net)} and in line {other}", line)
        self.inputs[net] = line
        self.numbers.drivers[self.numbers[net]] = Numbers.DECLARED

    def output(self, net: str, line: int) -> None:
        """Declare an output, which has the name of its net."""
        if net in self.outputs:
            raise self.error(f"{self._output_as.format(net=net)} stands in line {self.outputs[net]} already", line)
        self.outputs[net] = line

    def output_from(self, output: str, net: str) -> None:
        """Take the value of an output from another net than the one of its name, which others may read."""
        self._output_of[output] = net

    def drive(self, net: str, kind: Any, fan_ins: Iterable[str], line: int) -> None:
        """Drive a net by a gate."""
        numbers, gates = self.numbers, self._gates
        number = numbers[net]
        if numbers.drivers[number] != Numbers.FREE:
            self._check_free(net, line)
        numbers.drivers[number] = len(gates.kinds)
        gates.add(number, kind, map(numbers.__getitem__, fan_ins), line)

    def drive_all(self, gates: Gates) -> None:
        """Drive nets by gates, whose nets go by their numbers; the first call of all, since it keeps the columns."""
        assert not self._gates.kinds
        drivers = np.frombuffer(self.numbers.drivers, np.int32) if gates else np.zeros(0, np.int32)
        nets = np.asarray(gates.nets)
        if (drivers[nets] != Numbers.FREE).any() or (np.bincount(nets, minlength=1) > 1).any():
            names, lines = list(self.numbers), dict[int, int]()
            for net, line in zip(gates.nets, gates.lines, strict=True):
                self._check_free(names[net], line)
                if net in lines:
                    raise self.error(f"net {names[net]!r} is driven twice: here and in line {lines[net]}", line)
                lines[net] = line
        drivers[nets] = np.arange(len(gates))
        self._gates = gates

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
        self.numbers.drivers[self.numbers[net]] = Numbers.DECLARED

    def circuit(self, add: Callable[[Builder, Any, list[int]], int] | None = None) -> Circuit:
        """Return the circuit, once all is declared.

        Args:
            add: makes the node of a net, from a kind that is neither a table nor a constant and from the nodes of its
                fan-ins; None where there is no such kind.

        Returns:
            A circuit with a driver for each net, also for those that no output needs.

        Raises:
            ParseError: if a net that is used is driven by nothing, or by itself through others.
        """
        self._settle()
        circuit = self._made(add)
        if self._cycles is None:
            return circuit
        registers = {net: f"{net}_next" for net in self.registers}
        return unroll(circuit, self._cycles, registers=registers, initial=self._initial)

    def _made(self, add: Callable[[Builder, Any, list[int]], int] | None) -> Circuit:
        """Return the circuit with its registers cut."""
        names = [*self.inputs, *self.registers]
        if {*map(type, self._gates.kinds)} <= {int, bool}:
            return self._of_tables(names)
        netlist = Builder(names)

        def made(kind: Any, nodes: list[int]) -> int:
            if type(kind) is int:
                return netlist.gate(kind, *nodes)
            if type(kind) is bool:
                return netlist.constant(kind)
            assert add is not None
            return add(netlist, kind, nodes)

        nodes = self._nodes(netlist.inputs, made)
        outputs = {name: nodes[net] for name, net in self._output_nets().items()}
        return netlist.circuit(outputs, dict(zip(self.numbers, nodes, strict=True)))

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
        self._settle()
        nodes = self._nodes(inputs, add)
        return {name: nodes[net] for name, net in self._output_nets().items()}

    def _nodes(self, inputs: Sequence[int], add: Callable[[Any, list[int]], int]) -> list[int]:
        """Return the node of each net by its number."""
        names = [*self.inputs, *self.registers]
        nodes = [0] * len(self.numbers)
        for name, node in zip(names, inputs, strict=True):
            nodes[self.numbers[name]] = node
        gates = self._gates
        for gate in self._in_order().tolist():
            nodes[gates.nets[gate]] = add(gates.kinds[gate], [nodes[net] for net in gates.fan_ins_of(gate)])
        return nodes

    def _of_tables(self, names: list[str]) -> Circuit:
        """Return the circuit of gates that are all tables or constants: no gate is touched one by one."""
        nodes = np.zeros(len(self.numbers), np.int32)
        nodes[[self.numbers[name] for name in names]] = 1 + np.arange(len(names))
        fan_ins, tables, driven = self._wire(nodes, 1 + len(names))
        outputs = self._output_nets()
        called = list(self.numbers)
        gate_names = [called[net] for net in driven.tolist()]
        return Circuit(names, fan_ins, tables, nodes[list(outputs.values())], outputs, gate_names)

    def _wire(self, nodes: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Number the nets that gates drive, from `first` on; returns the gates' fan-ins, tables and nets."""
        gates, order = self._gates, self._in_order()
        tables = np.fromiter(gates.kinds, np.uint8, len(order))[order]
        constant = np.fromiter((type(kind) is bool for kind in gates.kinds), bool, len(order))[order]
        # False is node 0, and true one gate, which all nets share.
        true = np.flatnonzero(constant & (tables == 1))
        made = ~constant
        made[true[:1]], tables[true[:1]] = True, TRUE
        numbers = np.where(made, first - 1 + np.cumsum(made, dtype=np.int32), 0)
        numbers[true] = numbers[true[:1]]
        nodes[np.asarray(gates.nets)[order]] = numbers
        order, offsets = order[made], gates.offsets()
        begin, width = offsets[order], np.diff(offsets)[order]
        fed_by = np.append(nodes[np.asarray(gates.fan_ins)], np.zeros(2, np.int32))
        return (
            np.stack([np.where(width > i, fed_by[begin + i], 0) for i in range(2)], axis=1),
            tables[made],
            np.asarray(gates.nets)[order],
        )

    def _settle(self) -> None:
        """Drive the nets that nothing drives, as the caller chose."""
        if self._undriven in (None, "refuse"):
            return
        gates, drivers = self._gates, self.numbers.drivers
        names = list(self.numbers)
        free = np.asarray(drivers)[np.asarray(gates.fan_ins)] == Numbers.FREE
        feeding = np.searchsorted(gates.ends, np.flatnonzero(free), "right")
        open_nets = {
            names[gates.fan_ins[i]]: gates.lines[g] for i, g in zip(np.flatnonzero(free), feeding, strict=True)
        }
        for net, line in [*self.outputs.items(), *self.registers.values()]:
            if not self.is_driven(net):
                open_nets.setdefault(net, line)
        for net, line in open_nets.items():
            if self._undriven == "input":
                self.input(net, line)
            else:
                self.drive(net, bool(self._undriven), (), line)

    def _output_nets(self) -> dict[str, int]:
        """Return the number of the net of each output, by the name of the output."""
        outputs = {}
        for net, line in self.outputs.items():
            outputs[net] = self._number(self._output_of.get(net, net), f"of {self._output_as.format(net=net)}", line)
        for net, (next_state, line) in self.registers.items():
            name = f"{net}_next"
            if name in outputs or name in self.inputs or name in self.registers:
                raise self.error(f"register {net!r} would be cut into an output {name!r}, which is there already", line)
            outputs[name] = self._number(next_state, f", the next state of {net!r},", line)
        return outputs

    def _number(self, net: str, what: str, line: int) -> int:
        if not self.is_driven(net):
            raise self._not_driven(net, what, line)
        return self.numbers[net]

    def _check_free(self, net: str, line: int) -> None:
        if (other := self._line(net)) is not None:
            raise self.error(f"net {net!r} is driven twice: here and in line {other}", line)

    def _line(self, net: str) -> int | None:
        """Return the line in which a net is driven; None if it is not."""
        if net in self.inputs:
            return self.inputs[net]
        if net in self.registers:
            return self.registers[net][1]
        driver = self.numbers.drivers[self.numbers[net]] if net in self.numbers else Numbers.FREE
        return None if driver == Numbers.FREE else self._gates.lines[driver]

    def _in_order(self) -> np.ndarray:
        """Return the gates, each after its fan-ins."""
        gates = self._gates
        sources = np.asarray(self.numbers.drivers)[np.asarray(gates.fan_ins)]
        free = np.flatnonzero(sources == Numbers.FREE)
        if free.size:
            gate = int(np.searchsorted(gates.ends, free[0], "right"))
            names = list(self.numbers)
            what = f", an input of gate {names[gates.nets[gate]]!r},"
            raise self._not_driven(names[gates.fan_ins[free[0]]], what, gates.lines[gate])
        try:
            return in_order(sources, gates.offsets())
        except CycleError as cycle:
            names = list(self.numbers)
            raise self._cycle([names[gates.nets[gate]] for gate in cycle.gates]) from None

    def _as_input(self, net: str) -> str:
        return self._input_as.format(net=net)

    def _not_driven(self, net: str, what: str, line: int) -> ParseError:
        expected = f"{self._as_input(net)} or {self._gate_as.format(net=net)}"
        space = "" if what.startswith(",") else " "
        choice = "" if self._undriven is None else '; undriven=0, 1 or "input" chooses what it is'
        return self.error(f"net {net!r}{space}{what} is driven by nothing: expected {expected}{choice}", line)

    def _cycle(self, loop: list[str]) -> ParseError:
        shown = " <- ".join([*loop[:6], *(["..."] if len(loop) > 6 else []), loop[0]])
        return self.error(f"net {loop[0]!r} depends on itself: {shown}; expected no cycles", self._line(loop[0]))
