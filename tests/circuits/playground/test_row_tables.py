"""The truth table of the page."""

import numpy as np

import circuits
from circuits.playground.row_tables import row_of, truth_table_html


def test_rows_are_numbered_as_in_the_library():
    x = circuits.rows(4)
    assert [row_of(tuple(bits)) for bits in np.asarray(x)] == list(range(16))


def test_each_row_has_its_cells_and_one_is_marked():
    table = truth_table_html(circuits.parse("s = a ^ b; carry = a & b"), 3)
    lines = table.splitlines()[2:-1]
    assert [line.count("aria-current") for line in lines] == [0, 0, 0, 1]
    assert lines[3].endswith('<td>1</td><td>1</td><td class="out">0</td><td class="out on">1</td></tr>')


def test_names_are_escaped():
    circuit = circuits.rename(circuits.parse("y = a"), {"a": "<b>", "y": "&"})
    assert '<th scope="col">&lt;b&gt;</th><th scope="col" class="out">&amp;</th>' in truth_table_html(circuit, 0)


def test_long_names_are_cut():
    circuit = circuits.rename(circuits.parse("y = a"), {"a": "a" * 300, "y": "y" * 300})
    table = truth_table_html(circuit, 0)
    assert f'<th scope="col">{"a" * 20}…</th><th scope="col" class="out">{"y" * 20}…</th>' in table
