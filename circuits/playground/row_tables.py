"""Rows on the page, in HTML: the truth table of a circuit with the row that is set, and the names of its inputs."""

import html

import numpy as np

from circuits.netlist import Circuit
from circuits.playground.choices import shortened
from circuits.simulation.truth_tables import rows, truth_table


def row_of(bits: tuple[int, ...]) -> int:
    """Return which row of a truth table has these inputs; the first input changes fastest.

    Args:
        bits: of the inputs, in order.

    >>> row_of((0, 1, 1))
    6
    """
    return sum(int(bit) << i for i, bit in enumerate(bits))


def as_label(name: str) -> str:
    """Return a name as the label of a control, which is Markdown, in which a name may mean something else.

    Args:
        name: any.

    >>> as_label("a_1"), as_label("<b>")
    ('a&#95;1', '&#60;b&#62;')
    """
    return "".join(letter if letter.isalnum() else f"&#{ord(letter)};" for letter in shortened(name))


def truth_table_html(circuit: Circuit, row: int) -> str:
    """Return the truth table of a circuit, with one row marked.

    Args:
        circuit: of at most 10 inputs.
        row: which row is marked, from 0.

    Returns:
        A `<table>` element, whose styles are those of the page.

    >>> from circuits import parse
    >>> print(truth_table_html(parse("y = ~a"), 1))
    <table class="truth">
    <tr><th scope="col">a</th><th scope="col" class="out">y</th></tr>
    <tr><td>0</td><td class="out on">1</td></tr>
    <tr aria-current="true"><td>1</td><td class="out">0</td></tr>
    </table>
    """
    names = [f'<th scope="col">{html.escape(shortened(name))}</th>' for name in circuit.input_names]
    names += [f'<th scope="col" class="out">{html.escape(shortened(name))}</th>' for name in circuit.output_names]
    lines = ['<table class="truth">', f"<tr>{''.join(names)}</tr>"]
    for k, (inputs, outputs) in enumerate(zip(rows(circuit.n_inputs), np.asarray(truth_table(circuit)), strict=True)):
        cells = [f"<td>{int(bit)}</td>" for bit in inputs]
        cells += [f'<td class="out{" on" * int(bit)}">{int(bit)}</td>' for bit in outputs]
        mark = ' aria-current="true"' if k == row else ""
        lines.append(f"<tr{mark}>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table>"])
