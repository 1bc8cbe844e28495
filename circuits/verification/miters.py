"""The miter of two circuits: one output that is 1 where they differ, so that they are equal where it is never 1.

D. Brand, Verification of large synthesized designs (ICCAD 1993).
"""

from typing import Literal

from circuits.gates import OR, XOR
from circuits.netlist import Builder, Circuit


def miter(a: Circuit, b: Circuit, by: Literal["name", "position"] = "name") -> Circuit:
    """Two circuits on the same inputs, and whether any of their outputs differ.

    Args:
        a: any circuit.
        b: another with as many inputs and outputs.
        by: which inputs and outputs belong together: those of the same "name", in any order, or those at the same
            "position", whatever their names.

    Returns:
        A circuit with the inputs of a, in that order, and one output `differs`. It has the gates of both, and 2 m - 1
        more for m outputs; without outputs nothing differs.

    Raises:
        ValueError: if the inputs or outputs do not match, with those that are left over.

    Source: D. Brand (1993).

    >>> from circuits import parse
    >>> from circuits.simulation.truth_tables import truth_table
    >>> truth_table(miter(parse("y = a | b"), parse("y = ~(~b & ~a)"))).any().item()
    False
    """
    if by not in ("name", "position"):
        raise ValueError(f"miter: expected by to be 'name' or 'position', got {by!r}.")
    inputs_of_b = _matched("input", a.input_names, b.input_names, by)
    outputs_of_b = _matched("output", a.output_names, b.output_names, by)
    netlist = Builder(a.input_names)
    nodes_of_a = _copy(netlist, a, netlist.inputs)
    by_place = dict(zip(inputs_of_b, netlist.inputs, strict=True))
    nodes_of_b = _copy(netlist, b, [by_place[place] for place in range(b.n_inputs)])
    differences = [
        netlist.gate(XOR, nodes_of_a[a.outputs[i]], nodes_of_b[b.outputs[j]]) for i, j in enumerate(outputs_of_b)
    ]
    return netlist.circuit({"differs": netlist.tree(OR, differences) if differences else netlist.constant(False)})


def _matched(kind: str, a: tuple[str, ...], b: tuple[str, ...], by: str) -> list[int]:
    """For each name of a, the place of its partner in b."""
    if by == "position":
        if len(a) != len(b):
            raise ValueError(f"miter: expected as many {kind}s in both circuits, got {len(a)} and {len(b)}.")
        return list(range(len(a)))
    of_a, of_b = set(a), set(b)
    only_a, only_b = [x for x in a if x not in of_b], [x for x in b if x not in of_a]
    if only_a or only_b:
        raise ValueError(
            f"miter: expected the same {kind} names in both circuits, got {_shown(only_a)} only in the first and "
            f'{_shown(only_b)} only in the second. Rename them, or by="position".'
        )
    place = {name: i for i, name in enumerate(b)}
    return [place[name] for name in a]


def _shown(names: list[str]) -> str:
    if not names:
        return "none"
    return ", ".join(map(repr, names[:6])) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _copy(netlist: Builder, circuit: Circuit, inputs: list[int]) -> list[int]:
    """Add the gates of a circuit; returns the node of each of its nodes."""
    nodes = [0, *inputs]
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        nodes.append(netlist.gate(table, nodes[a], nodes[b]))
    return nodes
