"""Modules that use modules in Verilog: the one at the root, each read once for its parameters, and all as one netlist.

IEEE 1364-2005, clause 12.
"""

import re
from array import array
from collections.abc import Mapping

import numpy as np

from circuits.errors import ParseError, listed
from circuits.formats.cells import Cell
from circuits.formats.gate_lists import Gates, Numbers
from circuits.formats.nets import Nets
from circuits.formats.verilog_cells import FLIP_FLOPS, POSITIONS, cell_of, flip_flop_pins
from circuits.formats.verilog_instances import (
    Instance,
    Ports,
    connect_cell,
    connect_module,
    connect_table,
    instances_of,
    ports_of,
)
from circuits.formats.verilog_modules import Module, Statement
from circuits.formats.verilog_pieces import WAY
from circuits.formats.verilog_roots import modules_of, root_of
from circuits.formats.verilog_statements import Statements
from circuits.formats.verilog_tokens import Text
from circuits.formats.verilog_vectors import Constant, DontCares

Key = tuple[str, tuple[tuple[str | int, Constant], ...]]  # a module with the parameters that are overridden


class _Template:
    """A module with its parameters, read once; `children` are its instances of modules."""

    def __init__(self, module: Module):
        self.module = module
        self.statements = Statements(module)
        self.instances: list[tuple[Key, Instance]] = []
        self.children: list[tuple[Key, str, dict[int, int]]] = []
        self.ports: Ports = ports_of(module)
        self.size = 0


class Design:
    """Reads the module at the root and those that it uses.

    Args:
        text: the file.
        nets: gets the netlist.
        cells: of a library.
        dont_cares: what x is.
    """

    def __init__(self, text: Text, nets: Nets, cells: Mapping[str, Cell], dont_cares: DontCares):
        self._text, self._nets, self._cells = text, nets, cells
        self._dont_cares: DontCares = dont_cares
        self._modules = modules_of(text)
        self._templates: dict[Key, _Template] = {}
        self._flip_flops: dict[str, dict[str, str]] = {}  # modules of switches that are flip-flops: pins by ports
        self._most = 2**22 + 64 * text.length
        run = max(map(len, re.findall(r"\.+", " ".join(re.findall(r"\\[!-~]+", text.text)))), default=0)
        self._separator = "." * (1 + run)  # so that no escaped name is that of a net within an instance

    def read(self, model: str | None) -> None:
        """Read a module, and declare and drive all its nets."""
        root: Key = (root_of(self._text, self._modules, model), ())
        path: dict[str, None] = {}
        stack = [root]
        while stack:
            key = stack[-1]
            template = self._templates.get(key)
            if template is not None and key[0] not in path:
                stack.pop()
                continue
            if template is None:
                template = self._templates[key] = self._scanned(key, key == root)
                path[key[0]] = None
                waiting = {}
                for child, instance in template.instances:
                    if child[0] in path:
                        raise self._text.error(f"module {child[0]!r} uses itself", instance.of)
                    if child not in self._templates:
                        waiting[child] = None
                stack += waiting
                continue
            stack.pop()
            path.pop(key[0])
            self._bind(key, template)
        self._flatten(root)

    def _cell_of(self, name: str) -> Cell | None:
        return None if name in self._modules else cell_of(name, self._cells)

    def _scanned(self, key: Key, is_root: bool) -> _Template:
        name, overridden = key
        start, end = self._modules[name]
        numbers = self._nets.numbers if is_root else Numbers()
        by_name = {str(name): value for name, value in overridden}
        module = Module(self._text, start, end, numbers, by_name, self._dont_cares, self._cell_of)
        template = _Template(module)
        if is_root and not any(direction == "output" for direction, _ in module.directions.values()):
            first = next(self._text.tokens(start))
            raise self._text.error(f"expected at least one output of module {first}, found none", first)
        for net, value, at in module.supplies:
            module.plain.gates.add(module.numbers[net], value, (), at)
        changed = self._defparams(module)
        for statement in module.statements:
            self._connect(template, statement, changed)
        for state, net in template.statements.shown.items():
            if net in template.statements.initial:
                template.statements.initial[state] = template.statements.initial[net]
        for instance, values in changed.items():
            if values:
                raise self._text.error(f"defparam names {instance!r}, which is no instance", start)
        return template

    def _defparams(self, module: Module) -> dict[str, dict[str | int, Constant]]:
        """Return what `defparam instance.N = value;` gives, by instances."""
        changed: dict[str, dict[str | int, Constant]] = {}
        for statement in module.statements:
            if statement.keyword == "defparam":
                tokens = module.statement(statement.start)[0]
                if [token.kind for token in tokens[1:5]] != ["name", ".", "name", "="]:
                    raise self._text.error("expected defparam instance.parameter = value", tokens[0])
                value = module.expressions.constant(tokens[5:-1], tokens[-1])
                changed.setdefault(tokens[1].text, {})[tokens[3].text] = value
        return changed

    def _connect(
        self, template: _Template, statement: Statement, changed: dict[str, dict[str | int, Constant]]
    ) -> None:
        module, statements = template.module, template.statements
        if statement.process is not None:
            statements.process(*statement.process)
        elif statement.keyword == "name":
            for instance in instances_of(module, module.statement(statement.start)[0]):
                self._instance(template, instance, changed)
        elif statement.keyword != "defparam":
            is_inner = self._text.text[statement.end - 1] == ","
            tokens = module.statement(statement.start, statement.end if is_inner else None)[0]
            statements.connect(statement.keyword, tokens)

    def _instance(self, template: _Template, instance: Instance, changed: dict[str, dict[str | int, Constant]]) -> None:
        name = instance.of.text
        if name in self._modules and name not in self._flip_flops:
            values = self._parameters(instance, changed.pop(instance.name.text, {}))
            key = (name, values)
            try:
                if key not in self._templates and name in FLIP_FLOPS:
                    Module(self._text, *self._modules[name], Numbers(), dict(values), self._dont_cares, self._cell_of)  # type: ignore
            except ParseError:
                self._flip_flops[name] = self._switched(name)
            else:
                template.instances.append((key, instance))
                return
        if name == "$lut":
            connect_table(template.module, instance)
            return
        cell = cell_of(name, self._cells)
        if cell is None:
            what = f"{instance.of}, an instance of a module or cell that is not in the file"
            said = f"expected wires, assigns, gates or instances, found {what}. library= names cells"
            raise self._text.error(f"{said}{WAY}", instance.of)
        order = self._flip_flops.get(name)
        if order is None and name in POSITIONS and name not in self._cells:
            places = [connection for connection in instance.connections if connection.port is None]
            pins = POSITIONS[name][1:] if len(places) == 2 else POSITIONS[name]
            given = [c.port.text for c in instance.connections if c.port is not None]
            order = flip_flop_pins(given) or {pin: pin for pin in pins}
        connect_cell(template.module, template.statements, instance, cell, order)

    def _switched(self, name: str) -> dict[str, str]:
        """Return the pins of a module of switches that is a flip-flop by its name and its ports."""
        start, end = self._modules[name]
        tokens = []
        for token in self._text.tokens(start, end):
            if token.kind == ";":
                break
            tokens.append(token)
        pins = flip_flop_pins([token.text for token in tokens[1:] if token.kind == "name"])
        if pins is None:
            Module(self._text, start, end, Numbers(), {}, self._dont_cares, self._cell_of)  # which raises what is wrong
            raise AssertionError
        return pins

    def _parameters(
        self, instance: Instance, changed: dict[str | int, Constant]
    ) -> tuple[tuple[str | int, Constant], ...]:
        """Return the values of the parameters that an instance overrides, by name."""
        given = instance.parameters | changed
        if not given:
            return ()
        start, end = self._modules[instance.of.text]
        names = Module(self._text, start, end, Numbers(), {}, self._dont_cares, self._cell_of).parameter_names
        values: dict[str | int, Constant] = {}
        for name, value in given.items():
            if isinstance(name, int) and name >= len(names):
                said = f"module {instance.of} has {len(names)} parameters, found {len(given)}"
                raise self._text.error(said, instance.of)
            chosen = names[name] if isinstance(name, int) else name
            if chosen not in names:
                said = f"module {instance.of} has no parameter {chosen!r}, expected {listed(names)}"
                raise self._text.error(said, instance.of)
            values[chosen] = value
        return tuple(sorted(values.items(), key=lambda item: str(item[0])))

    def _bind(self, key: Key, template: _Template) -> None:
        """Connect the instances of a module to its nets, now that their ports are known."""
        module = template.module
        template.size = len(module.numbers) + len(module.plain.gates)
        driven: dict[int, int] = {}  # by instances, and where
        for child, instance in template.instances:
            other = self._templates[child]
            nets = connect_module(module, instance, other.ports)
            template.children.append((child, instance.name.text, nets))
            outputs = [bits for direction, bits, _ in other.ports.bits.values() if direction == "output"]
            for net in {nets[bit] for bits in outputs for bit in bits if bit in nets}:
                if net in driven:
                    raise self._driven_twice(module, net, driven[net], instance.of.at)
                driven[net] = instance.of.at
            template.size += other.size
            if template.size > self._most:
                said = f"module {key[0]!r} with the modules in it comes to more than {self._most} gates and nets"
                raise self._text.error(f"{said}, once flattened", instance.of)

        for net, at in zip(module.plain.gates.nets, module.plain.gates.lines, strict=True) if driven else ():
            if net in driven:
                raise self._driven_twice(module, net, driven[net], at)

    def _driven_twice(self, module: Module, net: int, first: int, at: int) -> ParseError:
        name = list(module.numbers)[net]
        return self._text.error(f"net {name!r} is driven twice: here and in line {self._text.line(first)}", at)

    def _flatten(self, root: Key) -> None:
        """Declare and drive the nets of the root and of all that is in it."""
        nets, text = self._nets, self._text
        top = self._templates[root]
        names = list(nets.numbers)
        for port, (direction, bits, _) in top.ports.bits.items():
            token = top.module.ports[port].token
            line = text.line(top.module.directions.get(port, ("", token))[1])
            for bit in dict.fromkeys(bits if top.module.ports[port].inside is None else bits[::-1]):
                (nets.input if direction == "input" else nets.output)(names[bit], line)
        del names
        flat = top.module.plain.gates
        registers = list(top.statements.registers)
        initial = dict(top.statements.initial)
        stack = [(child, name + self._separator, bound) for child, name, bound in reversed(top.children)]
        while stack:
            key, prefix, bound = stack.pop()
            template = self._templates[key]
            outer = np.array(
                [
                    bound[i] if i in bound else nets.numbers[prefix + name]
                    for i, name in enumerate(template.module.numbers)
                ],
                np.int32,
            )
            _append(flat, template.module.plain.gates, outer)
            registers += [
                register._replace(net=int(outer[register.net]), following=int(outer[register.following]))
                for register in template.statements.registers
            ]
            initial |= {int(outer[net]): value for net, value in template.statements.initial.items()}
            for child, name, inner in reversed(template.children):
                bound_outer = {net: int(outer[given]) for net, given in inner.items()}
                stack.append((child, prefix + name + self._separator, bound_outer))
        flat.lines = array("i", text.lines(np.asarray(flat.lines)).astype(np.int32).tobytes())
        nets.drive_all(flat)
        every = list(nets.numbers) if registers else []
        for net, following, what, at in registers:
            nets.register(every[net], [every[following]], what, text.line(at), initial.get(net, "free"))


def _append(flat: Gates, gates: Gates, outer: np.ndarray) -> None:
    """Add the gates of an instance, whose nets have other numbers outside."""
    if not gates:
        return
    flat.kinds += gates.kinds
    ends = np.asarray(gates.ends) + len(flat.fan_ins)
    flat.nets.frombytes(outer[np.asarray(gates.nets)].tobytes())
    if gates.fan_ins:
        flat.fan_ins.frombytes(outer[np.asarray(gates.fan_ins)].tobytes())
    flat.ends.frombytes(ends.astype(np.int32).tobytes())
    flat.lines.extend(gates.lines)
