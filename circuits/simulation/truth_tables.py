"""Truth tables: a circuit's values on all 2^n rows, and a circuit for any table.

Row r is the input x with r = sum_i x_i 2^i: the first input changes fastest.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from circuits.builder import Builder
from circuits.errors import listed
from circuits.gates import NOT, XOR
from circuits.netlist import Circuit, check_names, nodes_by_name
from circuits.simulation.packing import unpack
from circuits.simulation.patterns import exhaustive_patterns
from circuits.simulation.simulator import evaluate, simulate
from jaxnet.validation import whole_number

# 2^24 rows of a few outputs are tens of megabytes; past that a table is no answer.
MAX_INPUTS = 24


def rows(n: int) -> np.ndarray:
    """Return all 2^n inputs of n bits, in the order of a truth table.

    Args:
        n: 0 to 24.

    Returns:
        `(2^n, n)` bool; entry [r, i] is bit i of r.

    Raises:
        ValueError: if n is out of range.

    >>> rows(2).astype(int)
    array([[0, 0],
           [1, 0],
           [0, 1],
           [1, 1]])
    """
    n = _few_inputs("rows", n)
    row = np.arange(2**n, dtype=np.int32)
    bits = np.empty((len(row), n), bool)
    for i in range(n):
        bits[:, i] = row >> i & 1
    return bits


def truth_table(circuit: Any, *, node: str | None = None) -> np.ndarray:
    """Return the values of a circuit on each row.

    Args:
        circuit: a `Circuit`, `ThresholdCircuit` or `ThresholdUnit` of at most 24 inputs.
        node: the name of any node of a `Circuit`, as in `values`: that of the file, of its output, or n17.

    Returns:
        `(2^n, m)` bool, `(2^n,)` for a unit or a node; rows in the order of `rows(n)`.

    Raises:
        ValueError: if there are more than 24 inputs, or there is no such node.

    >>> from circuits.gates import XOR
    >>> truth_table(Circuit(["a", "b"], [[1, 2]], [XOR], [3], ["y"])).T
    array([[False,  True,  True, False]])
    """
    n = circuit.n_inputs
    _few_inputs("truth_table", n)
    if node is not None:
        return truth_table(_node_alone(circuit, node))[:, 0]
    if isinstance(circuit, Circuit):
        with jax.ensure_compile_time_eval():  # a table stays known even if a caller is being traced
            words = simulate(circuit, exhaustive_patterns(n, 2**MAX_INPUTS)[0])
            return np.asarray(unpack(words, 2**n))
    return evaluate(circuit, rows(n))


def _node_alone(circuit: Any, node: str) -> Circuit:
    """Return a circuit whose one output is a node."""
    if not isinstance(circuit, Circuit):
        raise TypeError(f"truth_table: expected a Circuit, whose nodes have names, got {type(circuit).__name__}.")
    nodes = nodes_by_name(circuit)
    if node not in nodes:
        raise ValueError(f"truth_table: there is no node {node!r}; the nodes are {listed(nodes)}.")
    return Circuit(circuit.input_names, circuit.fan_ins, circuit.tables, [nodes[node]], [node])


def from_truth_table(
    table: Any, input_names: list[str] | None = None, output_names: list[str] | None = None
) -> Circuit:
    """Make a circuit for any truth table, by splitting on one input after another and sharing equal parts.

    Args:
        table: `(2^n,)` or `(2^n, m)`, Booleans or zeros and ones, rows in the order of `rows(n)`, n at most 24.
        input_names: n names; x0, x1, ... if None.
        output_names: m names; y, or y0, y1, ..., if None.

    Returns:
        A circuit with that table: the shared decision diagrams in the given order of inputs, at most three gates per
        node. For a random table of 8 to 14 inputs that is about 6 times 2^n / n; Shannon showed that some tables
        need about 2^n / n.

    Raises:
        ValueError: if the number of rows is not a power of two up to 2^24, or an entry is no bit.

    Source: C. E. Shannon, The synthesis of two-terminal switching circuits (1949); R. E. Bryant (1986) for the sharing.

    >>> from_truth_table([0, 1, 1, 0])
    Circuit(2 inputs, 1 outputs, 1 gates)
    """
    bits = np.asarray(table)
    if bits.ndim == 1:
        bits = bits[:, None]
    n = len(bits).bit_length() - 1 if bits.ndim == 2 else -1
    if bits.ndim != 2 or len(bits) != 2 ** max(n, 0) or n > MAX_INPUTS:
        raise ValueError(
            f"from_truth_table: expected (2^n,) or (2^n, m) with n at most {MAX_INPUTS}, got {np.shape(table)}."
        )
    if bits.dtype != bool and not np.isin(bits, (0, 1)).all():
        raise ValueError("from_truth_table: expected Booleans, or zeros and ones.")
    bits = bits.astype(bool)
    m = bits.shape[1]
    netlist = Builder([f"x{i}" for i in range(n)] if input_names is None else input_names)
    if len(netlist.inputs) != n:
        raise ValueError(f"from_truth_table: expected {n} input names, got {len(netlist.inputs)}.")
    names = output_names
    if names is None:
        names = ["y"] if m == 1 else [f"y{i}" for i in range(m)]
    check_names("from_truth_table", "output", names)
    if len(names) != m:
        raise ValueError(f"from_truth_table: expected {m} output names, got {len(names)}.")

    made: dict[bytes, int] = {}
    outputs = {name: add_table(netlist, bits[:, i], netlist.inputs, made) for i, name in enumerate(names)}
    return netlist.circuit(outputs)


def add_table(netlist: Builder, table: np.ndarray, inputs: Sequence[int], made: dict[bytes, int] | None = None) -> int:
    """Add the gates of a truth table to a netlist, as `from_truth_table` makes them.

    Args:
        netlist: what they are added to.
        table: `(2^n,)` bool, rows in the order of `rows(n)`.
        inputs: n nodes.
        made: the functions of these inputs that have been added, to share them from call to call.

    Returns:
        The node of the function.

    >>> netlist = Builder(["a", "b", "c"])
    >>> y = add_table(netlist, np.array([0, 0, 0, 1, 0, 1, 1, 1], bool), netlist.inputs)
    >>> netlist.circuit({"maj": y})
    Circuit(3 inputs, 1 outputs, 5 gates)
    """
    made = {} if made is None else made

    def node(f: np.ndarray) -> int:
        """Return the node of a function of the first log2(len(f)) inputs."""
        packed = f.tobytes()
        if packed not in made:
            made[packed] = split(f)
        return made[packed]

    def split(f: np.ndarray) -> int:
        if f.all() or not f.any():
            return netlist.constant(bool(f[0]))
        low, high = np.split(f, 2)
        last = inputs[len(f).bit_length() - 2]
        if (low == high).all():
            return node(low)
        if not low.any() and high.all():
            return last
        if low.all() and not high.any():
            return netlist.gate(NOT, last)
        if len(f) == 4:
            # Four rows are the truth table of a gate as they stand.
            return netlist.gate(int(f @ (1 << np.arange(4))), inputs[0], last)
        # Rows of a gate on (a, s): where one half is constant or the complement of the other, one gate joins them.
        if not low.any():
            return netlist.gate(0b1000, node(high), last)  # a & s
        if low.all():
            return netlist.gate(0b1011, node(high), last)  # a | ~s
        if not high.any():
            return netlist.gate(0b0010, node(low), last)  # a & ~s
        if high.all():
            return netlist.gate(0b1110, node(low), last)  # a | s
        if (low != high).all():
            return netlist.gate(XOR, node(low), last)
        when_low, when_high = netlist.gate(0b0010, node(low), last), netlist.gate(0b1000, node(high), last)
        return netlist.gate(0b1110, when_low, when_high)

    return node(table)


def _few_inputs(name: str, n: int) -> int:
    n = whole_number(name, "the number of inputs", n)
    if n > MAX_INPUTS:
        raise ValueError(
            f"{name}: expected 0 to {MAX_INPUTS} inputs, got {n}. For more, evaluate or simulate a sample of rows."
        )
    return n
