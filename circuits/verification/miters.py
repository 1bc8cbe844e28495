"""The miter of two circuits: one output that is 1 where they differ. They are equal if it is never 1.

D. Brand, Verification of large synthesized designs (ICCAD 1993).
"""

from typing import Literal

import numpy as np

from circuits.errors import listed
from circuits.gates import OR, XOR
from circuits.netlist import Circuit

By = Literal["name", "position"]


def miter(a: Circuit, b: Circuit, by: By = "name") -> Circuit:
    """Return two circuits on the same inputs, with one output that says whether any of their outputs differ.

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
        TypeError: if one of them is no `Circuit`.

    Source: D. Brand (1993).

    >>> from circuits import parse
    >>> from circuits.simulation.truth_tables import truth_table
    >>> truth_table(miter(parse("y = a | b"), parse("y = ~(~b & ~a)"))).any().item()
    False
    """
    return joined("miter", a, b, by)


def joined(where: str, a: Circuit, b: Circuit, by: By) -> Circuit:
    """Return the miter of two circuits: `miter`, for functions that have errors of their own.

    Args:
        where: named in the errors.
        a: any circuit.
        b: another.
        by: "name" or "position".

    Raises:
        TypeError: if one of them is no `Circuit`.
        ValueError: if the inputs or outputs do not match.
    """
    for circuit in (a, b):
        check_circuit(where, circuit)
    if by not in ("name", "position"):
        raise ValueError(f"{where}: expected by to be 'name' or 'position', got {by!r}.")
    inputs_of_b = _matched(where, "input", a.input_names, b.input_names, by)
    outputs_of_b = _matched(where, "output", a.output_names, b.output_names, by)
    # Nodes of the miter: the constant, the inputs of a, its gates, the gates of b, then the comparison.
    end_of_a = a.n_nodes
    nodes_of_b = np.concatenate([np.zeros(1 + b.n_inputs, np.int64), end_of_a + np.arange(b.n_gates)])
    nodes_of_b[1 + np.array(inputs_of_b, int)] = 1 + np.arange(a.n_inputs)
    pairs = np.stack([a.outputs, nodes_of_b[b.outputs[np.array(outputs_of_b, int)]]], axis=1)
    fan_ins, tables = [a.fan_ins, nodes_of_b[b.fan_ins], pairs], [a.tables, b.tables, np.full(len(pairs), XOR)]
    layer, last = end_of_a + b.n_gates + np.arange(len(pairs)), end_of_a + b.n_gates + len(pairs)
    while len(layer) > 1:
        even = len(layer) // 2 * 2
        fan_ins.append(layer[:even].reshape(-1, 2))
        tables.append(np.full(even // 2, OR))
        layer, last = np.append(last + np.arange(even // 2), layer[even:]), last + even // 2
    differs = layer if len(layer) else [0]
    return Circuit(a.input_names, np.concatenate(fan_ins), np.concatenate(tables), differs, ["differs"])


def check_circuit(where: str, circuit: object) -> None:
    """Check that what is to be compared is a circuit.

    Args:
        where: named in the error.
        circuit: what was given.

    Raises:
        TypeError: if it is none.
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(
            f"{where}: expected two Circuits, got {type(circuit).__name__}. circuits.to_circuit makes one of "
            "threshold units."
        )


def _matched(where: str, kind: str, a: tuple[str, ...], b: tuple[str, ...], by: By) -> list[int]:
    """Return for each name of a the place of its partner in b."""
    if by == "position":
        if len(a) != len(b):
            raise ValueError(f"{where}: expected as many {kind}s in both circuits, got {len(a)} and {len(b)}.")
        return list(range(len(a)))
    of_a, of_b = set(a), set(b)
    only_a, only_b = [x for x in a if x not in of_b], [x for x in b if x not in of_a]
    if only_a or only_b:
        raise ValueError(
            f"{where}: expected the same {kind} names in both circuits, got {listed(only_a, 6)} only in the first and "
            f'{listed(only_b, 6)} only in the second. Rename them, or pass by="position".'
        )
    place = {name: i for i, name in enumerate(b)}
    return [place[name] for name in a]
