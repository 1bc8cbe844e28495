"""Pictures of circuits for Graphviz: inputs at the left, outputs at the right, a circle where an edge is inverted.

E. R. Gansner and S. C. North, An open graph visualization system and its applications to software engineering (2000).
"""

import functools
from typing import Any

from circuits.gates import AND, BUF, FALSE, NAND, NOR, NOT, OR, TRUE, XNOR, XOR, essential
from circuits.netlist import Circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit

_LABELS = {FALSE: "0", TRUE: "1", BUF: "BUF", NOT: "NOT"}
_LABELS |= {AND: "AND", NAND: "NAND", OR: "OR", NOR: "NOR", XOR: "XOR", XNOR: "XNOR"}
# Gates that have no name without an inverted fan-in: which one it is.
_INVERTED = {0b0010: ("AND", 1), 0b0100: ("AND", 0), 0b1011: ("OR", 1), 0b1101: ("OR", 0)}


@functools.singledispatch
def dumps(circuit: Any) -> str:
    r"""Write a circuit as the text of a Graphviz graph.

    Args:
        circuit: a `Circuit` or a `ThresholdCircuit`.

    Returns:
        Text for `dot`. A gate has its function, a and not b being an AND with a circle at the edge from b; a
        threshold unit has its threshold, and its edges their weights. Any name can be written: what is not
        printable is shown as Python escapes it.

    Raises:
        TypeError: if it is neither.

    >>> print(dumps(Circuit(["a", "b"], [[1, 2]], [0b0010], [3], ["y"])))
    digraph {
      rankdir=LR;
      { rank=source; 1 [label="a", shape=plain]; 2 [label="b", shape=plain]; }
      3 [label="AND"];
      1 -> 3;
      2 -> 3 [arrowhead=odot];
      { rank=sink; y0 [label="y", shape=plain]; }
      3 -> y0;
    }
    <BLANKLINE>
    """
    raise TypeError(f"dumps: expected a Circuit or a ThresholdCircuit, got {type(circuit).__name__}.")


@dumps.register
def _(circuit: Circuit) -> str:
    lines = []
    first = 1 + circuit.n_inputs
    # The constant is drawn where an output is it; gates that read it are drawn without it.
    if 0 in circuit.outputs:
        lines.append('0 [label="0"];')
    gates = zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True)
    for node, (table, fan_ins) in enumerate(gates, start=first):
        table, operands = essential(table, *fan_ins)
        label, inverted = _INVERTED.get(table) or (_LABELS[table], None)
        lines.append(f'{node} [label="{label}"];')
        for place, operand in enumerate(operands):
            lines.append(f"{operand} -> {node}{' [arrowhead=odot]' * (place == inverted)};")
    return _graph(circuit, 1, lines, circuit.outputs.tolist())


@dumps.register
def _(circuit: ThresholdCircuit) -> str:
    lines = []
    wiring, weights = circuit.wiring, circuit.weights.tolist()
    sources, offsets = wiring.sources.tolist(), wiring.offsets.tolist()
    for unit, threshold in enumerate(circuit.thresholds.tolist()):
        node = circuit.n_inputs + unit
        lines.append(f'{node} [label="\N{GREATER-THAN OR EQUAL TO} {threshold}"];')
        edges = range(offsets[unit], offsets[unit + 1])
        lines += [f'{sources[edge]} -> {node} [label="{weights[edge]}"];' for edge in edges]
    return _graph(circuit, 0, lines, wiring.outputs.tolist())


def _graph(circuit: Circuit | ThresholdCircuit, first: int, lines: list[str], outputs: list[int]) -> str:
    """Return the graph of the inputs, which are nodes from `first` on, the lines between, and the outputs."""

    def rank(which: str, nodes: list[str], names: tuple[str, ...]) -> list[str]:
        shown = [f'{node} [label="{_escaped(name)}", shape=plain];' for node, name in zip(nodes, names, strict=True)]
        return [f"{{ rank={which}; {' '.join(shown)} }}"] if shown else []

    inputs = rank("source", [str(first + i) for i in range(circuit.n_inputs)], circuit.input_names)
    ends = [f"y{i}" for i in range(circuit.n_outputs)]
    outside = rank("sink", ends, circuit.output_names)
    edges = [f"{node} -> {end};" for node, end in zip(outputs, ends, strict=True)]
    body = ["rankdir=LR;", *inputs, *lines, *outside, *edges]
    return "".join(["digraph {\n", *[f"  {line}\n" for line in body], "}\n"])


def _escaped(name: str) -> str:
    """Escape what has a meaning to Graphviz inside quotes: quotes, backslashes and HTML's character entities."""
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    return shown.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
