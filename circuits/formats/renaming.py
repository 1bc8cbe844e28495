"""Names that a format cannot hold: written with _ for each odd character, and the map kept in comments of the file."""

import json
import re
from collections.abc import Callable

from circuits.netlist import Circuit

_KEPT = re.compile(rb'^(?:#|//) (input|output) ([A-Za-z0-9_]+) is ("(?:[^"\\\n]|\\.)*")\r?$', re.MULTILINE)


def renamed(circuit: Circuit, legal: Callable[[str], bool], *, apart: bool = False) -> tuple[Circuit, list[str]]:
    """Return a circuit whose names can all be written, and the lines of the map.

    Args:
        circuit: any circuit.
        legal: whether a name can be written.
        apart: whether outputs must not have the names of inputs, even of those that they are.

    Returns:
        The circuit, in which a name that is not legal has _ for each character that is no ASCII letter, digit or _,
        and more of them at its end if that name is taken; so has an output with the name of an input that it is not.

    >>> circuit, lines = renamed(Circuit(["a(0)"], [], [], [1], ["y"]), str.isalnum)
    >>> circuit.input_names, lines
    (('a_0_',), ['input a_0_ is "a(0)"'])
    """
    taken = {*circuit.input_names, *circuit.output_names}
    fresh: dict[str, str] = {}

    def spelled(name: str) -> str:
        new = re.sub("[^A-Za-z0-9_]", "_", name)
        while new in taken:
            new += "_"
        taken.add(new)
        return new

    for name in (*circuit.input_names, *circuit.output_names):
        if name not in fresh:
            fresh[name] = name if legal(name) else spelled(name)
    node_of = {name: node for node, name in enumerate(circuit.input_names, start=1)}
    inputs = [fresh[name] for name in circuit.input_names]
    outputs = []
    for name, node in zip(circuit.output_names, circuit.outputs.tolist(), strict=True):
        clash = name in node_of and (apart or node_of[name] != node)
        outputs.append(spelled(name) if clash else fresh[name])
    lines = [
        f"{kind} {new} is {json.dumps(name)}"
        for kind, names, news in (("input", circuit.input_names, inputs), ("output", circuit.output_names, outputs))
        for name, new in zip(names, news, strict=True)
        if name != new
    ]
    if not lines:
        return circuit, []
    return Circuit(inputs, circuit.fan_ins, circuit.tables, circuit.outputs, outputs), lines


def original(circuit: Circuit, data: bytes) -> Circuit:
    """Return a circuit with the names that the comments of its file keep.

    >>> original(Circuit(["a_0_"], [], [], [1], ["y"]), b'# input a_0_ is "a(0)"').input_names
    ('a(0)',)
    """
    kept = {(kind.decode(), new.decode()): json.loads(name) for kind, new, name in _KEPT.findall(data)}
    if not kept:
        return circuit
    inputs = [kept.get(("input", name), name) for name in circuit.input_names]
    outputs = [kept.get(("output", name), name) for name in circuit.output_names]
    if len({*inputs}) < len(inputs) or len({*outputs}) < len(outputs):
        return circuit  # a file that was changed since
    return Circuit(inputs, circuit.fan_ins, circuit.tables, circuit.outputs, outputs)
