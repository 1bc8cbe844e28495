"""Circuits made of circuits: outputs selected, inputs fixed, names changed, parts put side by side and connected.

Each takes time linear in the gates. Where a name is asked for, that of a word `a` stands for `a[0]`, `a[1]`, ...
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from circuits import netlist
from circuits.errors import listed
from circuits.gates import BUF, FALSE, TRUE, essential, flip
from circuits.netlist import Circuit, node_names, without_dead_gates
from circuits.ports import bits_of, grouped, places_of, split


def select(circuit: Circuit, outputs: str | Sequence[str]) -> Circuit:
    """Return a circuit with some of its outputs, in the given order, and all of its gates.

    Args:
        circuit: any circuit.
        outputs: names of outputs or words of them, or one name.

    Returns:
        A circuit with these outputs; `cone` leaves out the gates that they do not need as well.

    Raises:
        ValueError: if there is no such output, or one is asked for twice.

    >>> from circuits import parse
    >>> select(parse("s = a ^ b; c = a & b"), ["c"])
    Circuit(2 inputs, 1 outputs, 2 gates)
    """
    asked = [outputs] if isinstance(outputs, str) else list(outputs)
    found = places_of("select", "output", circuit.output_names, asked)
    places = [place for name in asked for place in found[name]]
    names = [circuit.output_names[i] for i in places]
    netlist.check_names("select", "output", names)
    return _with(circuit, outputs=circuit.outputs[places], output_names=names)


def cone(circuit: Circuit, outputs: str | Sequence[str], *, all_inputs: bool = False) -> Circuit:
    """Return the part of a circuit that some of its outputs depend on.

    Args:
        circuit: any circuit.
        outputs: names of outputs or words of them, or one name.
        all_inputs: keep the inputs that nothing reads.

    Returns:
        A circuit with these outputs, in this order, and the gates and inputs that they depend on.

    Raises:
        ValueError: if there is no such output, or one is asked for twice.

    >>> from circuits import parse
    >>> cone(parse("y = a & b; z = b ^ c"), "z").input_names
    ('b', 'c')
    """
    asked = [outputs] if isinstance(outputs, str) else list(outputs)
    places_of("cone", "output", circuit.output_names, asked)
    part = without_dead_gates(select(circuit, asked))
    if all_inputs:
        return part
    used = np.zeros(part.n_nodes, bool)
    used[part.fan_ins.ravel()] = used[part.outputs] = True
    used[0] = True
    used[1 + part.n_inputs :] = True
    number = np.cumsum(used) - 1
    kept = [name for name, is_used in zip(part.input_names, used[1:], strict=False) if is_used]
    return _with(part, input_names=kept, fan_ins=number[part.fan_ins], outputs=number[part.outputs])


def restrict(circuit: Circuit, values: Mapping[str, Any] | None = None, /, **named: Any) -> Circuit:
    """Return a circuit with some of its inputs fixed: its cofactor.

    Args:
        circuit: any circuit.
        values: the values of inputs by name: 0 or 1, or an integer for a word.
        named: the same, where the name is one of Python.

    Returns:
        A circuit without these inputs. Constants are propagated, and gates that no output needs left out.

    Raises:
        ValueError: if there is no such input, or a value does not fit.

    Source: G. Boole (1854), C. E. Shannon (1949): the expansion of a function.

    >>> from circuits import parse
    >>> restrict(parse("y = (a & b) ^ c"), a=1)
    Circuit(2 inputs, 1 outputs, 1 gates)
    """
    fixed = split("restrict", circuit.input_names, {**(values or {}), **named})
    kept = [place for place in range(circuit.n_inputs) if place not in fixed]
    # What each node has become: a node of the new circuit, 0 for false and -1 for true.
    became = [0] * (1 + circuit.n_inputs)
    for node, place in enumerate(kept, start=1):
        became[1 + place] = node
    for place, value in fixed.items():
        became[1 + place] = -int(value)
    first, fan_ins, tables, gates = 1 + len(kept), [], [], []
    for gate, (table, (a, b)) in enumerate(zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True)):
        a, b = became[a], became[b]
        new, nodes = essential(flip(table, a < 0, b < 0), max(a, 0), max(b, 0))
        if new in (FALSE, TRUE):
            became.append(-int(new == TRUE))
        elif new == BUF and table not in (BUF, 0b1100):  # a buffer that was written stays
            became.append(nodes[0])
        else:
            became.append(first + len(tables))
            fan_ins.append(nodes if len(nodes) == 2 else (nodes[0], 0))
            tables.append(new)
            gates.append(gate)
    outputs = [became[node] for node in circuit.outputs.tolist()]
    names = circuit.gate_names.split("\n") if circuit.gate_names else []
    names = [names[gate] for gate in gates] if names else []
    if -1 in outputs:
        outputs = [first + len(tables) if node < 0 else node for node in outputs]
        fan_ins.append((0, 0))
        tables.append(TRUE)
        names += [""] * bool(names)
    input_names = [circuit.input_names[place] for place in kept]
    return without_dead_gates(Circuit(input_names, fan_ins, tables, outputs, circuit.output_names, names))


def rename(circuit: Circuit, names: Mapping[str, str]) -> Circuit:
    """Return a circuit with other names.

    Args:
        circuit: any circuit.
        names: new names by old ones, of inputs, outputs, or words of them. A name that an input and an output share
            is changed in both.

    Returns:
        The same gates; names may change places.

    Raises:
        ValueError: if there is no such name, or two inputs or two outputs would have one name.

    >>> from circuits import parse
    >>> rename(parse("y = a & b"), {"a": "b", "b": "a"}).input_names
    ('b', 'a')
    """
    known = {kind: dict.fromkeys([*grouped(old), *old]) for kind, old in _both(circuit)}
    unknown = [name for name in names if name not in known["input"] and name not in known["output"]]
    if unknown:
        raise ValueError(
            f"rename: there is no input or output {unknown[0]!r}; "
            f"the inputs are {listed(known['input'])}, the outputs {listed(known['output'])}."
        )
    changed = {}
    for kind, old in _both(circuit):
        new, bits = list(old), set(old)
        for name, places in places_of("rename", kind, old, [name for name in names if name in known[kind]]).items():
            renamed = [names[name]] if name in bits else bits_of(names[name], len(places))
            for place, bit in zip(places, renamed, strict=True):
                new[place] = bit
        netlist.check_names("rename", kind, new)
        changed[f"{kind}_names"] = new
    return _with(circuit, **changed)


def join(*circuits: Circuit) -> Circuit:
    """Put circuits side by side: the inputs, gates and outputs of each, one after another.

    Args:
        circuits: any number, with different names.

    Returns:
        One circuit; `connect` then wires its parts.

    Raises:
        ValueError: if two have an input or an output of the same name.

    >>> from circuits import parse
    >>> join(parse("y = a & b"), parse("z = c ^ d"))
    Circuit(4 inputs, 2 outputs, 2 gates)
    """
    for kind in ("input", "output"):
        seen: dict[str, int] = {}
        for i, circuit in enumerate(circuits):
            for name in getattr(circuit, f"{kind}_names"):
                if name in seen:
                    raise ValueError(
                        f"join: {kind} {name!r} is in circuit {seen[name]} and in circuit {i}: expected different "
                        f"names. Rename one: rename(circuit, {{{name!r}: ...}})."
                    )
                seen[name] = i
    n = sum(circuit.n_inputs for circuit in circuits)
    parts, inputs, gates = [], 1, 1 + n
    for circuit in circuits:
        nodes = np.concatenate(
            [[0], inputs + np.arange(circuit.n_inputs), gates + np.arange(circuit.n_gates)], dtype=np.int64
        )
        parts.append((nodes[circuit.fan_ins], circuit.tables, nodes[circuit.outputs]))
        inputs, gates = inputs + circuit.n_inputs, gates + circuit.n_gates
    empty = (np.zeros((0, 2), np.int32), np.zeros(0, np.uint8), np.zeros(0, np.int32))
    fan_ins, tables, outputs = (np.concatenate(group) for group in zip(empty, *parts, strict=True))
    names: list[str] = []
    if any(circuit.gate_names for circuit in circuits):
        for circuit in circuits:
            names += circuit.gate_names.split("\n") if circuit.gate_names else [""] * len(circuit)
    return Circuit(
        [name for circuit in circuits for name in circuit.input_names],
        fan_ins,
        tables,
        outputs,
        [name for circuit in circuits for name in circuit.output_names],
        names,
    )


def connect(circuit: Circuit, wires: Mapping[str, str]) -> Circuit:
    """Feed inputs of a circuit from its outputs; `connect(join(a, b), ...)` connects two.

    Args:
        circuit: any circuit.
        wires: for each input to be fed, the output or the other input that feeds it; words feed words of their width.

    Returns:
        A circuit without the inputs that are fed, and with all outputs.

    Raises:
        ValueError: if there is no such name, widths differ, or a gate would depend on itself; the loop is named.

    >>> from circuits import parse
    >>> connect(join(parse("y = a & b"), parse("z = ~c")), {"c": "y"})                        # NAND
    Circuit(2 inputs, 2 outputs, 2 gates)
    """
    fed = _sources(circuit, wires)
    first = 1 + circuit.n_inputs
    fan_ins = circuit.fan_ins.tolist()
    order, done = [], [node < first and node not in fed for node in range(circuit.n_nodes)]

    def waits_for(node: int) -> list[int]:
        return [fed[node]] if node < first else fan_ins[node - first]

    for root in range(1, circuit.n_nodes):
        stack, path = [root], dict[int, None]()
        while stack:
            node = stack[-1]
            if done[node]:
                stack.pop()
                continue
            waiting = [source for source in waits_for(node) if not done[source]]
            if not waiting:
                done[node] = True
                path.pop(node, None)
                order.append(node)
                continue
            path[node] = None
            for source in waiting:
                if source in path:
                    raise _loop(circuit, [*path][[*path].index(source) :])
            stack.extend(reversed(waiting))
    kept = [node for node in range(1, first) if node not in fed]
    became = np.zeros(circuit.n_nodes, np.int64)
    became[kept] = np.arange(1, 1 + len(kept))
    gates = [node for node in order if node >= first]
    became[gates] = np.arange(1 + len(kept), 1 + len(kept) + len(gates))
    for node in order:
        if node < first:
            became[node] = became[fed[node]]
    rows = np.array(gates, np.int64) - first
    names = circuit.gate_names.split("\n") if circuit.gate_names else []
    return Circuit(
        [circuit.input_names[node - 1] for node in kept],
        became[circuit.fan_ins[rows]],
        circuit.tables[rows],
        became[circuit.outputs],
        circuit.output_names,
        [names[row] for row in rows] if names else [],
    )


def _sources(circuit: Circuit, wires: Mapping[str, str]) -> dict[int, int]:
    """Return for each input that is fed, as a node, the node that feeds it."""
    names, of_inputs = circuit.output_names, {*circuit.input_names, *grouped(circuit.input_names)}
    of_outputs = {*names, *grouped(names)}
    for name, source in wires.items():
        if source not in of_outputs and source not in of_inputs:
            raise ValueError(
                f"connect: there is no output {source!r} to feed input {name!r}; the outputs are "
                f"{listed(grouped(names))}."
            )
    sources = {
        name: [1 + place for place in places]
        for name, places in places_of("connect", "input", circuit.input_names, set(wires.values()) - of_outputs).items()
    }
    for name, places in places_of("connect", "output", names, of_outputs & set(wires.values())).items():
        sources[name] = circuit.outputs[places].tolist()
    fed: dict[int, int] = {}
    for name, places in places_of("connect", "input", circuit.input_names, wires).items():
        nodes = sources[wires[name]]
        if len(nodes) != len(places):
            raise ValueError(
                f"connect: input {name!r} has the width {len(places)} and {wires[name]!r} the width {len(nodes)}: "
                "expected the same."
            )
        for place, node in zip(places, nodes, strict=True):
            if 1 + place in fed:
                raise ValueError(f"connect: input {circuit.input_names[place]!r} is fed twice.")
            fed[1 + place] = node
    return fed


def _loop(circuit: Circuit, nodes: list[int]) -> ValueError:
    names = node_names(circuit)
    shown = [names[node] for node in nodes]
    text = " <- ".join([*shown[:6], *(["..."] if len(shown) > 6 else []), shown[0]])
    return ValueError(f"connect: {shown[0]!r} would depend on itself: {text}. A circuit has no loops.")


def _has(names: Sequence[str], name: str) -> bool:
    return name in names or f"{name}[0]" in names


def _both(circuit: Circuit) -> list[tuple[str, tuple[str, ...]]]:
    return [("input", circuit.input_names), ("output", circuit.output_names)]


def _with(circuit: Circuit, **changed: Any) -> Circuit:
    """Return a circuit with other arrays or names."""
    fields = ("input_names", "fan_ins", "tables", "outputs", "output_names", "gate_names")
    return Circuit(**{**{field: getattr(circuit, field) for field in fields}, **changed})
