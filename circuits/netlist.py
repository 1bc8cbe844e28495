"""`Circuit`, the one data structure of the package: a loop-free netlist of two-input gates, held in arrays (eq. 1).

Node 0 is the constant false, nodes 1..n are the inputs, then come the gates, each after its fan-ins. A gate is two
fan-in nodes a, b and a 4-bit truth table: bit r is its value where a + 2b = r. So all sixteen functions of two bits,
XOR among them, are one gate. The layout follows ABC and mockturtle (and kitty for the tables).
"""

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.errors import listed
from jaxnet.networks.wiring import levels
from jaxnet.notebook import picture_of
from jaxnet.validation import integers


@dataclass(frozen=True, eq=False, repr=False)
class Circuit:
    """A Boolean circuit, f: {0,1}^n -> {0,1}^m: eq. 1. Immutable, plain NumPy arrays, nine bytes per gate.

    `circuit(...)` uses it as a function, inside `trace` and outside. `len` is its number of gates. `==` is identity, so
    that a circuit can be a key; whether two have one function is asked of `equivalent`.

    Attributes:
        input_names: n different names.
        fan_ins: `(gates, 2)` int32, the nodes a and b that feed each gate.
        tables: `(gates,)` uint8, the truth table of each gate.
        outputs: `(m,)` int32, the node of each output; any node may be one, more than once.
        output_names: m different names; an output may have the name of an input.
        gate_names: a name per gate, "" for a gate without one, as one text of lines; "" where no gate has a name. One
            text takes a tenth of the memory of many. May be given as a list.

    Raises:
        TypeError: if an array holds anything but integers.
        ValueError: if an array has the wrong shape, a gate is fed by a node that does not come before it, a table is
            not in 0..15, an output is no node, or a name is missing or given twice.

    Source: W. S. McCulloch and W. Pitts (1943); Y. Zhang (2019), eq. 1.

    >>> from circuits.gates import XOR
    >>> Circuit(["a", "b"], fan_ins=[[1, 2]], tables=[XOR], outputs=[3], output_names=["y"])
    Circuit(2 inputs, 1 outputs, 1 gates)
    """

    input_names: tuple[str, ...]
    fan_ins: np.ndarray
    tables: np.ndarray
    outputs: np.ndarray
    output_names: tuple[str, ...]
    gate_names: str

    def __init__(
        self,
        input_names: Iterable[str],
        fan_ins: Any,
        tables: Any,
        outputs: Any,
        output_names: Iterable[str],
        gate_names: str | Iterable[str] = "",
    ):
        input_names, output_names = tuple(input_names), tuple(output_names)
        n_nodes = 1 + len(input_names) + np.size(tables)
        if n_nodes > np.iinfo(np.int32).max:
            raise ValueError(f"Circuit: expected fewer than 2^31 nodes, got {n_nodes}.")
        fan_ins = integers("Circuit", "fan_ins", fan_ins)
        arrays = {
            "fan_ins": fan_ins.reshape(0, 2) if fan_ins.size == 0 else fan_ins,
            "tables": integers("Circuit", "tables", tables),
            "outputs": integers("Circuit", "outputs", outputs),
        }
        _check(arrays, input_names, output_names)
        for name, array in arrays.items():
            array = array.astype(np.uint8 if name == "tables" else np.int32)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "input_names", input_names)
        object.__setattr__(self, "output_names", output_names)
        object.__setattr__(self, "gate_names", _as_lines(gate_names, len(self.tables)))

    @property
    def n_inputs(self) -> int:
        """Return the number of inputs."""
        return len(self.input_names)

    @property
    def n_outputs(self) -> int:
        """Return the number of outputs."""
        return len(self.outputs)

    @property
    def n_gates(self) -> int:
        """Return the number of gates."""
        return len(self.tables)

    @property
    def n_nodes(self) -> int:
        """Return the number of nodes: the constant, the inputs and the gates."""
        return 1 + self.n_inputs + self.n_gates

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Use the circuit as a function; see `circuits.simulation.calls`."""
        return call(self, arguments, named)

    def __len__(self) -> int:
        return self.n_gates

    def __bool__(self) -> bool:
        return True  # also without gates

    def __repr__(self) -> str:
        return f"Circuit({self.n_inputs} inputs, {self.n_outputs} outputs, {self.n_gates} gates)"

    def _repr_svg_(self) -> str | None:
        return picture_of(self)


@functools.singledispatch
def call(circuit: Any, arguments: tuple, named: dict[str, Any]) -> Any:
    """Use a circuit as a function. Simulation registers how, so that the netlist need not import it.

    Args:
        circuit: a `Circuit`.
        arguments: values by position.
        named: values by name.

    Raises:
        TypeError: if it is no circuit.
    """
    raise TypeError(f"call: expected a Circuit, got {type(circuit).__name__}.")


@functools.singledispatch
def depth(circuit: Any) -> int:
    """Return the number of gates or units on the longest path from an input or a constant to an output.

    Args:
        circuit: a `Circuit` or a `ThresholdCircuit`.

    Returns:
        0 where every output is an input or the constant; gates that feed no output do not count.

    Raises:
        TypeError: if it is neither.

    >>> from circuits.gates import NOT, XOR
    >>> depth(Circuit(["a", "b"], [[1, 2], [3, 0]], [XOR, NOT], [4], ["y"]))
    2
    """
    raise TypeError(f"depth: expected a Circuit or a ThresholdCircuit, got {type(circuit).__name__}.")


@depth.register
def _(circuit: Circuit) -> int:
    gate_offsets = 2 * np.arange(circuit.n_gates + 1)
    level = levels(1 + circuit.n_inputs, gate_offsets, circuit.fan_ins.ravel())
    return int(level[circuit.outputs].max(initial=0))


def without_dead_gates(circuit: Circuit) -> Circuit:
    """Return the circuit without the gates that no output depends on.

    Args:
        circuit: any circuit.

    Returns:
        A circuit with the same inputs, outputs and function; inputs that nothing reads stay.

    >>> from circuits.gates import AND, OR
    >>> without_dead_gates(Circuit(["a", "b"], [[1, 2], [1, 2]], [AND, OR], [4], ["y"]))
    Circuit(2 inputs, 1 outputs, 1 gates)
    """
    first = 1 + circuit.n_inputs
    alive = [node < first for node in range(circuit.n_nodes)]
    for node in circuit.outputs.tolist():
        alive[node] = True
    fan_ins = circuit.fan_ins.tolist()
    for gate in range(circuit.n_gates - 1, -1, -1):
        if alive[first + gate]:
            a, b = fan_ins[gate]
            alive[a] = alive[b] = True
    kept = np.array(alive)
    renumbered = np.cumsum(kept) - 1
    gates = kept[first:]
    names = circuit.gate_names
    return Circuit(
        circuit.input_names,
        renumbered[circuit.fan_ins[gates]],
        circuit.tables[gates],
        renumbered[circuit.outputs],
        circuit.output_names,
        names and list(itertools.compress(names.split("\n"), gates)),
    )


def output_named(where: str, circuit: Circuit, output: str | None) -> str:
    """Return the name of an output, if there is one of that name.

    Args:
        where: named in the error.
        circuit: any circuit.
        output: its name; None is the only output.

    Raises:
        ValueError: if there is no such output, or more than one to choose from.

    >>> output_named("here", Circuit(["a"], [], [], [1], ["y"]), None)
    'y'
    """
    names = circuit.output_names
    if output is None and len(names) == 1:
        return names[0]
    if output in names:
        return output
    raise ValueError(f"{where}: expected the name of one output, got {output!r}; the outputs are {listed(names)}.")


def cone(circuit: Circuit, outputs: Sequence[str]) -> Circuit:
    """Return the part of a circuit that some of its outputs depend on, with all inputs.

    Args:
        circuit: any circuit.
        outputs: their names.

    Returns:
        A circuit with these outputs, in this order, and the gates that they depend on.

    >>> from circuits.gates import AND, OR
    >>> cone(Circuit(["a", "b"], [[1, 2], [1, 2]], [AND, OR], [3, 4], ["y", "z"]), ["z"])
    Circuit(2 inputs, 1 outputs, 1 gates)
    """
    place = {name: i for i, name in enumerate(circuit.output_names)}
    nodes = circuit.outputs[[place[name] for name in outputs]]
    return without_dead_gates(
        Circuit(circuit.input_names, circuit.fan_ins, circuit.tables, nodes, outputs, circuit.gate_names)
    )


def node_names(circuit: Circuit) -> list[str]:
    """Return a name for every node: its own where it has one, else `n17` by its number.

    Args:
        circuit: any circuit.

    Returns:
        One name per node: "0" for the constant, inputs by their names, gates by theirs, or that of their output.
        Where `n17` is taken, the numbers have more letters in front.

    >>> from circuits.gates import AND, NOT
    >>> node_names(Circuit(["a", "b"], [[1, 2], [3, 0]], [AND, NOT], [4], ["y"]))
    ['0', 'a', 'b', 'n3', 'y']
    """
    names = [
        "0",
        *circuit.input_names,
        *(circuit.gate_names.split("\n") if circuit.gate_names else [""] * len(circuit)),
    ]
    for name, node in zip(circuit.output_names, circuit.outputs.tolist(), strict=True):
        names[node] = names[node] or name
    taken, prefix = {*names, *circuit.output_names}, "n"
    numbered = {name.rstrip("0123456789") for name in taken if name[-1:].isdecimal()}
    while prefix in numbered:
        prefix += "n"
    return [name or f"{prefix}{node}" for node, name in enumerate(names)]


def nodes_by_name(circuit: Circuit) -> dict[str, int]:
    """Return the node of every name of a circuit, the other way round than `node_names`.

    Args:
        circuit: any circuit.

    Returns:
        Nodes by name, in their order, and then outputs. A name of two nodes means the output, then the input.

    >>> nodes_by_name(Circuit(["a"], [], [], [1], ["y"]))
    {'0': 0, 'a': 1, 'y': 1}
    """
    names = node_names(circuit)
    nodes = {name: node for node, name in enumerate(names)}
    nodes.update(zip(circuit.input_names, range(1, 1 + circuit.n_inputs), strict=True))
    nodes.update(zip(circuit.output_names, circuit.outputs.tolist(), strict=True))
    return nodes


def last_readers(fan_ins: np.ndarray, outputs: np.ndarray, n_nodes: int) -> np.ndarray:
    """Return which gate reads each node last; after it the value of the node is needed no more.

    Args:
        fan_ins: `(gates, k)`, the nodes that each gate reads.
        outputs: `(m,)`, the nodes that are read in the end.
        n_nodes: how many nodes there are.

    Returns:
        `(n_nodes,)` int64: a gate as a row of `fan_ins`; `gates` for an output, -1 for a node that nothing reads.

    >>> last_readers(np.array([[1, 2], [1, 3]]), np.array([4]), 5).tolist()
    [-1, 1, 0, 1, 2]
    """
    last = np.full(n_nodes, -1)
    np.maximum.at(last, fan_ins, np.arange(len(fan_ins))[:, None])
    last[outputs] = len(fan_ins)
    return last


def check_names(where: str, kind: str, names: Sequence[Any]) -> None:
    """Check that names are non-empty strings, and that none is given twice.

    Args:
        where: named in the error.
        kind: "input" or "output", named in the error.
        names: any number.

    Raises:
        ValueError: if they are not.

    >>> check_names("Circuit", "input", ["a", "b"])
    """
    seen = set()
    for name in names:
        if not isinstance(name, str) or not name:
            raise ValueError(f"{where}: expected {kind} names that are non-empty strings, got {name!r}.")
        if name in seen:
            raise ValueError(f"{where}: {kind} name {name!r} is given twice.")
        seen.add(name)


def _as_lines(names: str | Iterable[str], n_gates: int) -> str:
    """Return names of gates as one text of lines, once there is one for each gate and none has a line break."""
    text = names if isinstance(names, str) else "\n".join(names)
    if not text.strip("\n"):
        return ""
    if (given := text.count("\n") + 1) != n_gates:
        raise ValueError(f"Circuit: expected {n_gates} gate names, one per gate and each in one line, got {given}.")
    return text


def _check(arrays: dict[str, np.ndarray], input_names: tuple, output_names: tuple) -> None:
    fan_ins, tables, outputs = arrays["fan_ins"], arrays["tables"], arrays["outputs"]
    if tables.ndim != 1 or outputs.ndim != 1 or fan_ins.shape != (len(tables), 2):
        raise ValueError(
            "Circuit: expected fan_ins (gates, 2), tables (gates,) and outputs (m,), "
            f"got {fan_ins.shape}, {tables.shape} and {outputs.shape}."
        )
    check_names("Circuit", "input", input_names)
    check_names("Circuit", "output", output_names)
    if len(output_names) != len(outputs):
        raise ValueError(f"Circuit: expected {len(outputs)} output names, one per output, got {len(output_names)}.")
    first = 1 + len(input_names)
    nodes = first + len(tables)
    wrong = np.flatnonzero(((fan_ins < 0) | (fan_ins >= first + np.arange(len(tables))[:, None])).any(axis=1))
    if wrong.size:
        gate = int(wrong[0])
        raise ValueError(
            f"Circuit: gate {gate} (node {first + gate}) has fan-ins {fan_ins[gate].tolist()}, "
            f"expected nodes in 0..{first + gate - 1}: a gate comes after its fan-ins."
        )
    wrong = np.flatnonzero((tables < 0) | (tables > 15))
    if wrong.size:
        raise ValueError(f"Circuit: gate {wrong[0]} has truth table {tables[wrong[0]]}, expected one of 0..15.")
    wrong = np.flatnonzero((outputs < 0) | (outputs >= nodes))
    if wrong.size:
        name = output_names[wrong[0]]
        raise ValueError(f"Circuit: output {name!r} is node {outputs[wrong[0]]}, expected one of 0..{nodes - 1}.")
