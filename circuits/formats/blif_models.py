"""Models that use models in BLIF: checked, and flattened into one netlist."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from circuits.covers import Cover
from circuits.errors import ParseError, listed
from circuits.formats.cells import Cell, parts_of
from circuits.formats.gate_lists import Gates
from circuits.formats.nets import Nets
from circuits.registers import Initial

# What models of models may come to, in characters of the text that they are once flattened: some 2 million gates. They
# grow exponentially, so that a short file may stand for more than any memory holds.
MOST_FLATTENED = 2**26


class Instance(NamedTuple):
    """A .subckt or .gate: the model or cell, the outer net of each of its nets, and the line."""

    model: str
    nets: dict[str, str]
    line: int


class Model:
    """A model as it is written; its nets are not checked yet."""

    def __init__(self):
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}
        self.gates = Gates()
        self.latches: list[tuple[str, str, int, Initial]] = []
        self.instances: list[Instance] = []
        self.dont_cares: Model | None = None  # where the outputs are free: .exdc, if they are to have a value there

    def size(self, separator: str, names: Sequence[str]) -> int:
        """About how many characters an instance of it adds to a flattened netlist, without those in it."""
        nets = [names[net] for net in (*self.gates.nets, *self.gates.fan_ins)]
        nets += [net for latch in self.latches for net in latch[:2]]
        nets += [net for instance in self.instances for net in instance.nets]
        widths = np.diff(self.gates.offsets()).tolist()
        rows = sum(_rows(kind) * (n + 3) for kind, n in zip(self.gates.kinds, widths, strict=True))
        return 10 + rows + sum(map(len, nets)) + (len(separator) + 8) * len(nets)


def root_of(models: dict[str, Model], source: str) -> str:
    """Return the model that no other uses.

    Args:
        models: all of a file, by name.
        source: the file, for errors.

    Raises:
        ParseError: if there are several such models, or none.
    """
    used = {instance.model for name, model in models.items() for instance in model.instances if instance.model != name}
    roots = [name for name in models if name not in used]
    if len(roots) == 1:
        return roots[0]
    if not roots:
        raise ParseError(f"the models use each other in a circle: {listed(models)}", source=source)
    said = f"expected one model that no other uses, found {len(roots)}: {listed(roots)}"
    raise ParseError(f'{said}; model="{roots[0]}" chooses', source=source)


def check_hierarchy(
    top: str, models: dict[str, Model], nets: Nets, separator: str, cells: Mapping[str, Cell] = MappingProxyType({})
) -> None:
    """Check that each model is there, none uses itself, and the flattened text is not too long; without recursion."""
    sizes: dict[str, int] = {}
    names = list(nets.numbers)
    path: dict[str, None] = {}
    stack = [top]
    while stack:
        name = stack[-1]
        if name in sizes:
            stack.pop()
            continue
        inner = [instance for instance in models[name].instances if instance.model in models or not cells]
        for instance in models[name].instances:
            if instance.model not in models and cells and instance.model not in cells:
                message = f"there is no model and no cell {instance.model!r} in the library"
                raise nets.error(message, instance.line)
        waiting = {instance.model: instance.line for instance in inner if instance.model not in sizes}
        path[name] = None
        for child, line in waiting.items():
            if child not in models:
                raise nets.error(f"there is no model {child!r}, expected one of {listed(models)}", line)
            if child in path:
                raise nets.error(f"model {child!r} uses itself, through .subckt", line)
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        path.pop(name)
        total = models[name].size(separator, names) + sum(sizes[instance.model] for instance in inner)
        if total > MOST_FLATTENED:
            message = f"model {name!r} with the models in it comes to more than {MOST_FLATTENED} characters"
            raise nets.error(f"{message}, once flattened")
        sizes[name] = total


def flatten(
    top: str, models: dict[str, Model], nets: Nets, separator: str, cells: Mapping[str, Cell] = MappingProxyType({})
) -> None:
    """Declare and drive the nets of a model and of those it uses; cells stand for models that are not in the file."""
    for net, line in models[top].inputs.items():
        nets.input(net, line)
    for net, line in models[top].outputs.items():
        nets.output(net, line)
    names = list(nets.numbers)
    nets.drive_all(models[top].gates)
    numbers = itertools.count(1)
    # A model, what its formal nets are outside, and what makes the names of its other nets those of this instance.
    stack: list[tuple[Model, dict[str, str], str]] = [(models[top], {}, "")]
    while stack:
        model, outside, suffix = stack.pop()

        def flat(net: str, outside: dict[str, str] = outside, suffix: str = suffix) -> str:
            return outside.get(net) or net + suffix

        def check_driven(net: str, line: int, inputs: dict[str, int] = model.inputs) -> None:
            if net in inputs:
                raise nets.error(f"net {net!r} is driven twice: here and in line {inputs[net]}", line)

        if suffix or model is not models[top]:
            gates = model.gates
            for gate, (number, kind, line) in enumerate(zip(gates.nets, gates.kinds, gates.lines, strict=True)):
                check_driven(names[number], line)
                nets.drive(flat(names[number]), kind, [flat(names[net]) for net in gates.fan_ins_of(gate)], line)
        for net, next_state, line, initial in model.latches:
            check_driven(net, line)
            nets.register(flat(net), [flat(next_state)], ".latch", line, initial)
        inner = []
        for instance in model.instances:
            if instance.model not in models:
                _add_cell(instance, cells[instance.model], flat, nets, separator)
                continue
            child = models[instance.model]
            _check_formals(instance, child, nets)
            for formal in child.outputs:
                if formal not in child.inputs and formal in instance.nets:
                    check_driven(instance.nets[formal], instance.line)
            if child.dont_cares is not None:
                message = f"model {instance.model!r} has .exdc, and is used by another: dont_cares gives it no value"
                raise nets.error(message, instance.line)
            nets_outside = {formal: flat(net) for formal, net in instance.nets.items()}
            inner.append((child, nets_outside, f"{separator}{next(numbers)}"))
        stack.extend(reversed(inner))


def _add_cell(instance: Instance, cell: Cell, flat: Callable[[str], str], nets: Nets, separator: str) -> None:
    try:
        parts = parts_of(instance.model, cell, {pin: flat(net) for pin, net in instance.nets.items()}, separator)
    except ValueError as error:
        raise nets.error(str(error), instance.line) from None
    for net, function, fan_ins in parts.gates:
        nets.drive(net, function, fan_ins, instance.line)
    for net, following in parts.registers:
        nets.register(net, [following], f"cell {instance.model!r}", instance.line)


def _rows(kind: Cover | int | bool) -> int:
    return len(kind.cubes) if isinstance(kind, Cover) else 2


def _check_formals(instance: Instance, child: Model, nets: Nets) -> None:
    formals = child.inputs | child.outputs
    for formal in instance.nets:
        if formal not in formals:
            raise nets.error(
                f"model {instance.model!r} has no net {formal!r}, expected {listed(formals)}", instance.line
            )
