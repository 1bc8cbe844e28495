"""Names of ports: one circuit under the names of another."""

from collections.abc import Mapping

from circuits.errors import listed
from circuits.netlist import Circuit
from circuits.verification.answers import Matching


def renamed(circuit: Circuit, matching: Matching) -> Circuit:
    """Return the second circuit with the names of the first.

    >>> from circuits import parse
    >>> renamed(parse("z = p & q"), Matching({"a": "q", "b": "p"}, {"y": "z"})).input_names
    ('b', 'a')
    """
    inputs = {theirs: name for name, theirs in matching.inputs.items()}
    outputs = {theirs: name for name, theirs in matching.outputs.items()}
    return Circuit(
        [inputs[name] for name in circuit.input_names],
        circuit.fan_ins,
        circuit.tables,
        circuit.outputs,
        [outputs[name] for name in circuit.output_names],
    )


def named(where: str, a: Circuit, b: Circuit, names: Mapping[str, str]) -> Matching:
    """Return the matching that a mapping of names describes; a port that it leaves out keeps its name.

    Args:
        where: named in the errors.
        a: a circuit.
        b: another.
        names: the name in b of ports of a, inputs and outputs alike.

    Raises:
        ValueError: if a name is none of the circuits', or some ports are left without a partner.
    """
    for circuit, which, given in ((a, "first", [*names]), (b, "second", [*names.values()])):
        ports = {*circuit.input_names, *circuit.output_names}
        if unknown := [name for name in given if name not in ports]:
            raise ValueError(
                f"{where}: names has {listed(unknown)}, which the {which} circuit lacks; it has "
                f"{listed(sorted(ports))}."
            )
    pairs = []
    for kind, of_a, of_b in (("input", a.input_names, b.input_names), ("output", a.output_names, b.output_names)):
        partner = {name: names.get(name, name) for name in of_a}
        only_a, only_b = [n for n in of_a if partner[n] not in of_b], sorted({*of_b} - {*partner.values()})
        if only_a or only_b or len(of_a) != len(of_b):
            raise ValueError(
                f"{where}: expected a partner for each {kind}, got {listed(only_a, 6)} of the first circuit and "
                f"{listed(only_b, 6)} of the second without one. Add them to names."
            )
        pairs.append(partner)
    return Matching(*pairs)
