"""Don't-cares of BLIF, .exdc: a second network that says where the outputs of a model are free."""

from circuits.formats.blif_models import Model
from circuits.formats.nets import Nets
from circuits.gates import OR

# An output is kept where it is not free: a and not b.
_AND_NOT = 0b0010


def drive_free_outputs(model: Model, value: int, nets: Nets, separator: str) -> None:
    """Give the outputs of a model, which is flattened already, a value where its don't-cares say that they are free.

    Args:
        model: has `dont_cares`, whose nets go by the names of inputs and registers of the model, or are its own.
        value: 0 or 1.
        nets: where the nets of the model are driven.
        separator: a text that no name of the file has.

    Raises:
        ParseError: if the don't-cares have registers or instances, or are of a net that is no output.
    """
    free = model.dont_cares
    assert free is not None
    for what, line in (
        *((".latch", latch[2]) for latch in free.latches),
        *((".subckt", i.line) for i in free.instances),
    ):
        raise nets.error(f"{what} in .exdc: expected don't-cares as .names alone", line)
    names = list(nets.numbers)
    driven = {names[net]: line for net, line in zip(free.gates.nets, free.gates.lines, strict=True)}
    outputs = free.outputs or {net: line for net, line in driven.items() if net in model.outputs}
    sources = {*model.inputs, *(latch[0] for latch in model.latches)}
    for net, line in outputs.items():
        if net not in model.outputs:
            raise nets.error(f".exdc has an output {net!r}, which its model has not", line)

    def inner(net: str) -> str:
        return f"{net}{separator}exdc" if net in driven or net not in sources else net

    for gate, (net, kind, line) in enumerate(zip(free.gates.nets, free.gates.kinds, free.gates.lines, strict=True)):
        nets.drive(inner(names[net]), kind, [inner(names[i]) for i in free.gates.fan_ins_of(gate)], line)
    for net, line in outputs.items():
        nets.drive(f"{net}{separator}", OR if value else _AND_NOT, [net, inner(net)], line)
        nets.output_from(net, f"{net}{separator}")
