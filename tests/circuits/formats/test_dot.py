import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from circuits import Circuit, c17_path, parse, read
from circuits.formats.dot import dumps
from circuits.gates import AND, BUF, FALSE, NAND, NOR, NOT, OR, TRUE, XNOR, XOR
from circuits.threshold.gate_conversion import from_circuit
from circuits.threshold.symmetric_functions import parity

LABELS = {FALSE: "0", TRUE: "1", BUF: "BUF", NOT: "NOT", AND: "AND", NAND: "NAND", OR: "OR", NOR: "NOR"}
LABELS |= {XOR: "XOR", XNOR: "XNOR", 0b1100: "BUF", 0b0011: "NOT"}
LABELS |= {0b0010: "AND", 0b0100: "AND", 0b1011: "OR", 0b1101: "OR"}


def quoted(text):
    """The contents of the quoted strings, by Graphviz's rules: a backslash and what follows it are one character."""
    return [re.sub(r"\\(.)", r"\1", string, flags=re.DOTALL) for string in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]


def test_the_text_of_an_adder():
    assert dumps(parse("s = a ^ b; c = a & b; zero = 0")) == (
        "digraph {\n"
        "  rankdir=LR;\n"
        '  { rank=source; 1 [label="a", shape=plain]; 2 [label="b", shape=plain]; }\n'
        '  0 [label="0"];\n'
        '  3 [label="XOR"];\n'
        "  1 -> 3;\n"
        "  2 -> 3;\n"
        '  4 [label="AND"];\n'
        "  1 -> 4;\n"
        "  2 -> 4;\n"
        '  { rank=sink; y0 [label="s", shape=plain]; y1 [label="c", shape=plain]; y2 [label="zero", shape=plain]; }\n'
        "  3 -> y0;\n"
        "  4 -> y1;\n"
        "  0 -> y2;\n"
        "}\n"
    )


@pytest.mark.parametrize("table", range(16))
def test_a_gate_is_its_function_of_what_it_depends_on(table):
    text = dumps(Circuit(["a", "b"], [[1, 2]], [table], [3], ["y"]))
    values = [table >> row & 1 for row in range(4)]
    reads = {1: values[0::2] != values[1::2], 2: values[:2] != values[2:]}
    assert f'3 [label="{LABELS[table]}"]' in text
    edges = dict(re.findall(r"(\d) -> 3( \[arrowhead=odot\])?;", text))
    assert [int(node) for node in edges] == [node for node in reads if reads[node]]
    # A circle stands where no name says it: the function of what comes through the circles is that of the name.
    named = {"AND": AND, "OR": OR}.get(LABELS[table], table)
    inverted = sum(1 << place for place, node in enumerate("12") if edges.get(node))
    assert [named >> (row ^ inverted) & 1 for row in range(4)] == values


def test_c17_has_an_edge_a_fan_in():
    circuit = read(c17_path)
    text = dumps(circuit)
    assert text.count('label="NAND"') == 6
    fan_ins = [(a, node) for node, pair in enumerate(circuit.fan_ins.tolist(), 6) for a in pair]
    assert [(int(a), int(b)) for a, b in re.findall(r"(\d+) -> (\d+);", text)] == fan_ins
    assert quoted(text)[:5] == ["1", "2", "3", "6", "7"]


def test_threshold_units_have_weights_and_thresholds():
    text = dumps(parity(2))
    assert re.findall(r'(\d) \[label="≥ (.*?)"\]', text) == [("2", "1"), ("3", "2"), ("4", "1")]
    edges = [("0", "2", "1"), ("1", "2", "1"), ("0", "3", "1"), ("1", "3", "1"), ("2", "4", "1"), ("3", "4", "-1")]
    assert re.findall(r'(\d) -> (\d) \[label="(.*?)"\]', text) == edges
    assert re.findall(r"(\d) -> (y\d);", text) == [("4", "y0")]


@given(names=st.lists(st.text(min_size=1), min_size=2, max_size=4, unique=True))
def test_any_name_is_shown_as_it_is(names):
    circuit = Circuit(names[1:], [], [], [1], names[:1])
    for drawn in (circuit, from_circuit(circuit)):
        text = dumps(drawn)
        text.encode()
        shown = [label.replace("&amp;", "&") for label in quoted(text)]
        printable = ["".join(c if c.isprintable() else repr(c)[1:-1] for c in name) for name in names]
        assert shown == [*printable[1:], printable[0]]
        # Nothing of a name is outside its quotes, and each line is a whole one.
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
        assert re.fullmatch(r"[\w\[\]{}=,;> \n-]*", bare)


def test_names_that_graphviz_would_take_for_something_else():
    text = dumps(Circuit(['"', "\\N", "&lt;", "a\nb", "<b>"], [], [], [1], ["é\0"]))
    assert re.findall(r"label=(.*?), shape", text) == [
        r'"\""', r'"\\N"', '"&amp;lt;"', r'"a\\nb"', '"<b>"', r'"é\\x00"'
    ]  # fmt: skip


def test_a_circuit_of_nothing():
    assert dumps(Circuit([], [], [], [], [])) == "digraph {\n  rankdir=LR;\n}\n"


def test_anything_else_is_refused(error):
    assert error(TypeError, dumps, 3) == "dumps: expected a Circuit or a ThresholdCircuit, got int."
