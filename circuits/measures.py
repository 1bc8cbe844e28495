"""What a circuit is made of, in numbers: gates by function, levels, fan-out, and its size as an and-inverter graph."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from circuits.and_inverter import AndInverter, from_circuit
from circuits.netlist import Circuit, without_dead_gates
from jaxnet.networks.wiring import levels

# By truth table; gates with one inverted fan-in have one name, whichever it is.
NAMES = ("FALSE", "NOR", "a & ~b", "NOT", "a & ~b", "NOT", "XOR", "NAND")
NAMES += ("AND", "XNOR", "BUF", "a | ~b", "BUF", "a | ~b", "OR", "TRUE")

# A longer list of levels is cut in the middle when it is printed.
_SHOWN_LEVELS = 16


@dataclass(frozen=True, repr=False)
class Statistics:
    """The result of `statistics`, a table to print.

    Attributes:
        inputs: how many.
        outputs: how many.
        gates: how many, dead ones too.
        dead_gates: those on which no output depends.
        functions: how many gates have each function, dead ones too, the most frequent first.
        depth: gates on the longest path to an output.
        levels: how many gates end a longest path of 1, 2, ..., `depth` gates; here and below without the dead ones.
        max_fan_out: how often the input or gate that is read most often is read, by gates and as an output.
        mean_fan_out: the mean of that over all inputs and gates.
        ands: the nodes that the circuit takes as an and-inverter graph.
    """

    inputs: int
    outputs: int
    gates: int
    dead_gates: int
    functions: dict[str, int]
    depth: int
    levels: tuple[int, ...]
    max_fan_out: int
    mean_fan_out: float
    ands: int

    def __repr__(self) -> str:
        functions = ", ".join(f"{name} {count:,}" for name, count in self.functions.items())
        widths = list(map(str, self.levels))
        if len(widths) > _SHOWN_LEVELS:
            widths[_SHOWN_LEVELS // 2 : -_SHOWN_LEVELS // 2] = ["..."]
        lines = {
            "inputs": f"{self.inputs:,}",
            "outputs": f"{self.outputs:,}",
            "gates": f"{self.gates:,}" + (f", {self.dead_gates:,} of them dead" if self.dead_gates else ""),
            "functions": functions or "none",
            "depth": f"{self.depth:,}",
            "by level": " ".join(widths) or "none",
            "fan-out": f"{self.max_fan_out:,} at most, {self.mean_fan_out:.2f} on average",
            "as an AIG": f"{self.ands:,} ANDs",
        }
        return "\n".join(f"{name:<11}{value}" for name, value in lines.items())


def statistics(circuit: Circuit) -> Statistics:
    """Count what a circuit is made of.

    Args:
        circuit: any circuit.

    Returns:
        Its `Statistics`. As an and-inverter graph, an XOR is three ANDs, ~(a & b) & ~(~a & ~b), every other gate of
        two fan-ins one; ANDs of constants or of alike literals are folded, and equal ones are one (structural hashing).

    Raises:
        TypeError: if it is no `Circuit`.

    Source: A. Kuehlmann and F. Krohm, Equivalence checking using cuts and heaps (1997), for the hashed graph.

    >>> from circuits.expressions import parse
    >>> statistics(parse("s = a ^ b ^ c; carry = maj(a, b, c)"))
    inputs     3
    outputs    2
    gates      6
    functions  XOR 3, AND 2, OR 1
    depth      3
    by level   3 2 1
    fan-out    3 at most, 1.56 on average
    as an AIG  7 ANDs
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(
            f"statistics: expected a Circuit, got {type(circuit).__name__}. circuits.to_circuit makes one of units."
        )
    alive = without_dead_gates(circuit)
    first = 1 + circuit.n_inputs
    level = levels(first, 2 * np.arange(alive.n_gates + 1), alive.fan_ins.ravel())
    fan_out = np.bincount(np.append(alive.fan_ins, alive.outputs), minlength=alive.n_nodes)[1:]
    functions: Counter[str] = Counter()
    for name, count in zip(NAMES, np.bincount(circuit.tables, minlength=16).tolist(), strict=True):
        functions[name] += count
    return Statistics(
        inputs=circuit.n_inputs,
        outputs=circuit.n_outputs,
        gates=circuit.n_gates,
        dead_gates=circuit.n_gates - alive.n_gates,
        functions={name: count for name, count in functions.most_common() if count},
        depth=int(level.max(initial=0)),
        levels=tuple(np.bincount(level[first:])[1:].tolist()),
        max_fan_out=int(fan_out.max(initial=0)),
        mean_fan_out=float(fan_out.mean()) if fan_out.size else 0.0,
        ands=_distinct_ands(from_circuit(alive)),
    )


def _distinct_ands(graph: AndInverter) -> int:
    """Count the ANDs that an output depends on, after structural hashing."""
    literals = list(range(0, 2 * graph.n_inputs + 2, 2))
    fan_ins: list[tuple[int, int]] = []
    made: dict[tuple[int, int], int] = {}
    for a, b in graph.ands.tolist():
        a, b = literals[a >> 1] ^ a & 1, literals[b >> 1] ^ b & 1
        if a > b:
            a, b = b, a
        # An AND with a constant, with itself or with its complement.
        if a == 0 or a ^ b == 1:
            literal = 0
        elif a == 1 or a == b:
            literal = b
        else:
            literal = made.setdefault((a, b), 2 * (1 + graph.n_inputs + len(fan_ins)))
            if literal >> 1 == 1 + graph.n_inputs + len(fan_ins):
                fan_ins.append((a, b))
        literals.append(literal)
    outputs = {literals[output >> 1] >> 1 for output in graph.outputs.tolist()}
    node, count = 1 + graph.n_inputs + len(fan_ins), 0
    for a, b in reversed(fan_ins):
        node -= 1
        if node in outputs:
            count += 1
            outputs |= {a >> 1, b >> 1}
    return count
