"""Instances in Verilog: of modules and of cells, with what is connected to their ports and pins.

IEEE 1364-2005, clause 12.3.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from circuits.errors import listed
from circuits.formats.cells import Cell, parts_of
from circuits.formats.verilog_modules import Module
from circuits.formats.verilog_operators import DrivenBit
from circuits.formats.verilog_pieces import closing, found, split, without_delay
from circuits.formats.verilog_statements import Register, Statements
from circuits.formats.verilog_tokens import Token
from circuits.formats.verilog_vectors import Constant
from circuits.gates import BUF

# Inputs of a look-up table, whose 2^n bits are written out.
_MOST_OF_A_TABLE = 16


class Table(NamedTuple):
    """A look-up table: bit a + 2b + ... is its value."""

    bits: int


class Connection(NamedTuple):
    """What is connected to a port: its name, None if it goes by its place, and an expression, which may be empty."""

    port: Token | None
    inside: Sequence[Token]
    end: Token


class Instance(NamedTuple):
    """An instance of a module or cell.

    Attributes:
        of: the name of the module or cell.
        name: its own.
        parameters: what it overrides, by name or by place.
        connections: to its ports.
    """

    of: Token
    name: Token
    parameters: dict[str | int, Constant]
    connections: list[Connection]


def instances_of(module: Module, tokens: Sequence[Token]) -> list[Instance]:
    """Return the instances of `cell #(parameters) name (...), name (...);`."""
    text, end = module.text, tokens[-1]
    of, body = tokens[0], tokens[1:-1]
    parameters: dict[str | int, Constant] = {}
    if len(body) > 1 and body[0].kind == "#" and body[1].kind == "(":
        close = closing(text, body, 1, end)
        for i, connection in enumerate(_connections(module, body[2:close], body[close])):
            key = connection.port.text if connection.port else i
            parameters[key] = module.expressions.constant(connection.inside, connection.end)
        body = body[close + 1 :]
    else:
        body = without_delay(text, body, end)
    instances = []
    for piece, after in split(body, end):
        if len(piece) < 3 or [token.kind for token in (*piece[:2], piece[-1])] != ["name", "(", ")"]:
            if len(piece) > 1 and piece[0].kind == "name" and piece[1].kind == "[":
                raise text.error(f"expected one instance, found {piece[1]}: arrays of instances are not read", piece[1])
            raise text.error(f"expected a name and connections in parentheses after {of}, found {found(after)}", after)
        connections = _connections(module, piece[2:-1], piece[-1])
        instances.append(Instance(of, piece[0], parameters, connections))
    return instances


def _connections(module: Module, tokens: Sequence[Token], end: Token) -> list[Connection]:
    connections: list[Connection] = []
    names: set[str] = set()
    for piece, after in split(tokens, end) if tokens else []:
        if not piece or piece[0].kind != ".":
            connections.append(Connection(None, piece, after))
            continue
        if len(piece) < 4 or [token.kind for token in (piece[1], piece[2], piece[-1])] != ["name", "(", ")"]:
            raise module.text.error(f"expected .pin(net), found {piece[1] if len(piece) > 1 else after}", piece[0])
        if piece[1].text in names:
            raise module.text.error(f"pin {piece[1]} is connected twice", piece[1])
        names.add(piece[1].text)
        connections.append(Connection(piece[1], piece[3:-1], piece[-1]))
    if names and len(names) < len(connections):
        raise module.text.error("expected all pins by name, or all by place, found both", end)
    return connections


def connect_cell(
    module: Module, statements: Statements, instance: Instance, cell: Cell, order: Mapping[str, str] | None
) -> None:
    """Drive the nets on the outputs of a cell, and make its registers.

    Args:
        module: the module that has the instance.
        statements: gets the registers.
        instance: with pins by name, or by place if `order` is given.
        cell: what it is.
        order: the pin of the cell for each pin of the instance, in the order of places.

    Raises:
        ParseError: with the line, if a pin is unknown, given twice or needed and not connected, if a net on it is not
            of one bit, or if the cell is refused.
    """
    text, expressions, of = module.text, module.expressions, instance.of
    if cell.refused:
        raise text.error(f"cell {of} is refused: {cell.refused}", of)
    pins: dict[str, str] = {}
    places = list(order) if order else []
    for place, (port, inside, end) in enumerate(instance.connections):
        if port is None and place >= len(places):
            what = f"at most {len(places)} pins" if order else ".pin(net)"
            raise text.error(f"expected {what} of cell {of}, found {inside[0] if inside else end}", end)
        given = places[place] if port is None else port.text
        pin = (order or {}).get(given, given)
        if not inside or pin in cell.supplies:  # nothing is connected, or nothing that matters
            continue
        module.imply(inside)
        if pin in cell.outputs:
            target = expressions.target(inside, end)
            if len(target) != 1:
                raise text.error(f"expected one bit on pin {given!r}, found {len(target)}", end)
            net = target[0]
        else:
            net = expressions.wiring.net(expressions.bit(inside, end), inside[0])
        pins[pin] = module.name_of(net)
    try:
        parts = parts_of(of.text, cell, pins)
    except ValueError as error:
        raise text.error(str(error), of) from None
    plain = {net: fan_ins[0] for net, function, fan_ins in parts.gates if function.steps == (0,)}
    following = {next_net for _, next_net in parts.registers}
    for net, function, fan_ins in parts.gates:
        if net in plain and net in following:
            continue
        kind = BUF if net in plain else function
        module.plain.gates.add(module.numbers[net], kind, [module.numbers[name] for name in fan_ins], of.at)
    for net, next_net in parts.registers:
        next_number = module.numbers[plain.get(next_net, next_net)]
        statements.registers.append(Register(module.numbers[net], next_number, f"cell {of}", of.at))


def connect_table(module: Module, instance: Instance) -> None:
    """Drive the net on Y of Yosys's `$lut`, whose parameter LUT has the value for each number on A."""
    text, expressions, of = module.text, module.expressions, instance.of
    pins = {port.text: (inside, end) for port, inside, end in instance.connections if port is not None}
    table = instance.parameters.get("LUT")
    if table is None or not {*pins} == {"A", "Y"}:
        raise text.error("expected #(.LUT(...), .WIDTH(...)) and pins A and Y of $lut", of)
    for inside, _ in pins.values():
        module.imply(inside)
    target = expressions.target(*pins["Y"])
    bits = expressions.value(*pins["A"])
    if len(target) != 1 or len(bits) > _MOST_OF_A_TABLE or table.bits >> 2 ** len(bits):
        said = f"a $lut has one output, at most {_MOST_OF_A_TABLE} inputs, and a bit for each value of them"
        raise text.error(f"{said}, found {len(target)}, {len(bits)} and {table.bits.bit_length()} bits", of)
    nets = [expressions.wiring.net(bit, of) for bit in bits]
    module.plain.gates.add(target[0], Table(table.bits), nets, of.at)


class Ports(NamedTuple):
    """The ports of a module: of each the direction and its nets, lowest bit first; and whether they are a number."""

    bits: dict[str, tuple[str, list[int], bool]]


def ports_of(module: Module) -> Ports:
    """Return the ports of a module, in the order of its header.

    Raises:
        ParseError: if one is declared neither input nor output, or both.
    """
    bits = {}
    for name, port in module.ports.items():
        if port.inside is None:
            names = [port.token]
        else:
            names = [token for token in port.inside if token.kind == "name" and token.text not in module.parameters]
        directions = set()
        for token in names:
            if token.text not in module.directions:
                raise module.text.error(f"port {token} is declared neither input nor output", token)
            directions.add(module.directions[token.text][0])
        if len(directions) > 1:
            raise module.text.error("expected a port of inputs or of outputs, found both", port.token)
        if port.inside is None:
            signal = module.signals[port.token.text]
            module.expressions.spend(len(signal.bits()), port.token)
            nets = [module.numbers[net] for net in signal.bits()]
            bits[name] = (directions.pop(), nets, signal.signed)
        elif port.inside:
            nets = module.expressions.target(port.inside, port.token)
            bits[name] = (directions.pop() if directions else "input", nets, False)
    return Ports(bits)


def connect_module(module: Module, instance: Instance, ports: Ports) -> dict[int, int]:
    """Return which net of the module each net of an instance is, by their numbers.

    Args:
        module: the module that has the instance.
        instance: what is connected.
        ports: those of the module that it is of.

    Raises:
        ParseError: with the line, if a port is unknown, or there are too many.
    """
    text, expressions = module.text, module.expressions
    names = list(ports.bits)
    outer: dict[int, int] = {}
    if len(instance.connections) > len(names) and instance.connections[0].inside:
        said = f"module {instance.of} has {len(names)} ports, found {len(instance.connections)}"
        raise text.error(said, instance.of)
    for place, (port, inside, end) in enumerate(instance.connections):
        if port is not None and port.text not in ports.bits:
            raise text.error(f"module {instance.of} has no port {port}, expected {listed(names)}", port)
        if not inside:
            continue
        direction, nets, is_signed = ports.bits[port.text if port is not None else names[place]]
        module.imply(inside)
        if direction == "input":
            bits = expressions.value(inside, end, len(nets))[: len(nets)]
            for net, bit in zip(nets, bits, strict=True):
                outer[net] = expressions.wiring.net(bit, inside[0])
            continue
        target = expressions.target(inside, end)
        if len(target) > len(nets) and is_signed:
            said = f"port of {len(nets)} bits drives {len(target)}: its sign is not spread over nets"
            raise text.error(said, inside[0])
        for net, given in zip(nets, target, strict=False):
            if net in outer:  # a net that two ports show
                module.plain.gates.add(given, BUF, [outer[net]], instance.of.at)
            else:
                outer[net] = given
        for given in target[len(nets) :]:
            expressions.wiring.drive(given, DrivenBit(0, False, ()), instance.of.at)
    return outer
