"""A name for every node of a circuit, for formats in which nets go by their names."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from circuits.netlist import Circuit


class Names(NamedTuple):
    """What the nodes of a circuit are called in a file.

    Attributes:
        nodes: the name of each node; None for the constant, node 0, which formats have ways of their own to write.
        buffers: outputs that are written as a buffer of a node, `(name, node)`: the node has another name already.
    """

    nodes: list[str | None]
    buffers: list[tuple[str, int]]


def names_of(circuit: Circuit, extension: str, legal: Callable[[str], bool]) -> Names:
    """Return names for a file in which each net has one name, and inputs and outputs are nets.

    Args:
        circuit: any circuit.
        extension: of the format, for errors.
        legal: whether a name can be written.

    Returns:
        Inputs and outputs have their own names; other gates are n17, n18, ... by their nodes, with more letters in
        front where an input or output has such a name.

    Raises:
        ValueError: if a name cannot be written, or an output has the name of an input and is not that input.

    >>> from circuits import parse
    >>> names_of(parse("y = (a & b) ^ c; z = y; t = b"), ".bench", str.isalnum)
    Names(nodes=[None, 'a', 'b', 'c', 'n4', 'y'], buffers=[('z', 5), ('t', 2)])
    """
    taken = {*circuit.input_names, *circuit.output_names}
    for name in taken:
        if not legal(name):
            raise ValueError(f"dumps: {extension} cannot hold the name {name!r}. Rename it.")
    nodes: list[str | None] = [None, *circuit.input_names, *[None] * circuit.n_gates]
    node_of_input = {name: node for node, name in enumerate(circuit.input_names, start=1)}
    buffers = []
    for name, node in zip(circuit.output_names, circuit.outputs.tolist(), strict=True):
        if name in node_of_input:
            if node_of_input[name] != node:
                raise ValueError(
                    f"dumps: {extension} cannot hold output {name!r}, which has the name of an input "
                    "and is another net. Rename it."
                )
        elif node == 0 or nodes[node] is not None:
            buffers.append((name, node))
        else:
            nodes[node] = name
    prefix = free_prefix(taken)
    for node in range(1 + circuit.n_inputs, circuit.n_nodes):
        if nodes[node] is None:
            nodes[node] = f"{prefix}{node}"
    return Names(nodes, buffers)


def free_prefix(taken: Iterable[str]) -> str:
    """Return a prefix for the numbers of nodes that makes none of the names that are taken.

    Args:
        taken: any names.

    Returns:
        "n", "nn" or longer.

    >>> free_prefix(["n", "n1", "nn2", "no", "m3"])
    'nnn'
    """
    numbered = {name.rstrip("0123456789") for name in taken if name[-1:].isdecimal()}
    prefix = "n"
    while prefix in numbered:
        prefix += "n"
    return prefix
