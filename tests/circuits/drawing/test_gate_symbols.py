"""Drawings: what is seen is the circuit and its values; nothing is cut off; errors say what to do."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch

import circuits
from circuits import draw_circuit, library
from circuits.drawing.layout import arrange
from circuits.gates import AND, NOT, XOR
from circuits.netlist import Circuit

FULL_ADDER = circuits.parse("s = a ^ b ^ c; carry = maj(a, b, c)")


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def shapes(figure, kind):
    return [patch for patch in figure.axes[0].patches if type(patch) is kind]


def lines(figure):
    return [found for found in figure.axes[0].collections if isinstance(found, LineCollection)]


def test_digits_are_the_values(nodes_of):
    circuit = library.adder(3)
    for row in ([0, 1, 1, 1, 0, 1], [1] * 6):
        shown = texts(draw_circuit(circuit, inputs=row))
        values = nodes_of(circuit, [row])[0].astype(int)
        symbols = arrange(circuit).symbols
        expected = [f"{symbol.name} = {values[symbol.node]}".removeprefix(" = ") for symbol in symbols]
        assert shown == expected


def test_a_wire_that_carries_1_is_thicker_and_of_another_colour(nodes_of):
    circuit = library.adder(3)
    row = np.array([0, 1, 1, 1, 0, 1])
    values = nodes_of(circuit, [row])[0].astype(int)
    found = lines(draw_circuit(circuit, inputs=row))
    wires = list(dict.fromkeys(wire.node for wire in arrange(circuit).wires))
    assert len(found) == len(wires)
    widths = {0: set(), 1: set()}
    colours = {0: set(), 1: set()}
    for node, line in zip(wires, found, strict=True):
        widths[values[node]].add(line.get_linewidth()[0])
        colours[values[node]].add(to_hex(line.get_color()[0]))
    assert [len(widths[value]) for value in (0, 1)] == [1, 1]
    assert widths[1].pop() > 2 * widths[0].pop()
    assert colours == {0: {"#0072b2"}, 1: {"#d55e00"}}


def test_inputs_by_name_and_by_place_are_the_same():
    by_name = draw_circuit(FULL_ADDER, inputs={"c": True, "a": 0, "b": np.int64(1)})
    assert texts(by_name) == texts(draw_circuit(FULL_ADDER, inputs=np.array([False, True, True])))


def test_words_are_given_as_numbers():
    adder = library.adder(2)
    assert texts(draw_circuit(adder, inputs={"a": 2, "b": 1})) == texts(draw_circuit(adder, inputs=[0, 1, 1, 0]))


def test_every_table_has_its_shape():
    # Circles: of an inverted output, or of one inverted fan-in.
    inverted = {table: table in (0b0111, 0b0001, 0b1001, 0b0010, 0b0100, 0b1011, 0b1101) for table in range(16)}
    for table in range(16):
        figure = draw_circuit(Circuit(["a", "b"], [[1, 2]], [table], [3], ["y"]))
        essential = {0: "0", 15: "1"}.get(table)
        assert texts(figure) == ["a", "b", *([essential] if essential else []), "y"]
        circles = [circle for circle in shapes(figure, Circle) if to_hex(circle.get_facecolor()) == "#ffffff"]
        assert len(circles) == (inverted[table] or table in (0b0101, 0b0011))
        assert len(shapes(figure, PathPatch)) == 1 + (table in (XOR, 0b1001))


@pytest.mark.parametrize("table", [0b0010, 0b0100, 0b1011, 0b1101])
@pytest.mark.parametrize("fan_ins", [[1, 2], [2, 1]])
def test_the_circle_is_at_the_inverted_pin(table, fan_ins):
    circuit = Circuit(["a", "b"], [fan_ins], [table], [3], ["y"])
    (gate,) = [symbol for symbol in arrange(circuit).symbols if symbol.kind == "gate"]
    (circle,) = shapes(draw_circuit(circuit), Circle)
    upper = circle.center[1] < gate.y
    inverted = fan_ins[table in (0b0010, 0b1011)]
    assert gate.fan_ins[0 if upper else 1] == inverted
    assert circle.center[0] < gate.x + 2


@pytest.mark.parametrize("inputs", [None, [0, 1, 1]])
@pytest.mark.parametrize("names", ["abc", ["a_name_that_goes_on_and_on_and_on", "WWWWWWWWWWWWWWWWWWWWWWWW", "$x^2$"]])
def test_nothing_is_cut_off_and_no_names_overlap(inputs, names):
    circuit = Circuit(names, [[1, 2], [3, 4], [1, 1]], [XOR, AND, NOT], [4, 5, 6], ["out\nput", "$y_1$", "z" * 80])
    figure = draw_circuit(circuit, inputs=inputs)
    figure.canvas.draw()
    ax = figure.axes[0]
    frame = ax.get_window_extent()
    boxes = [text.get_window_extent() for text in ax.texts]
    for box in boxes + [patch.get_window_extent() for patch in ax.patches]:
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    shown = texts(figure)
    assert any(text.startswith(r"out\nput") for text in shown)
    assert any(text.startswith("z" * 23 + "…") for text in shown)


def test_names_of_a_tall_circuit_do_not_overlap():
    figure = draw_circuit(library.multiplexer(4))
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_figure_grows_with_the_circuit_and_stays_on_a_page_to_60_gates():
    small, large = (draw_circuit(circuit).get_size_inches() for circuit in (FULL_ADDER, library.multiplier(4)))
    assert (large > 2 * small).all()
    assert library.multiplier(4).n_gates > 60
    assert (large < (16, 10)).all()


def test_some_outputs_are_drawn_with_what_they_depend_on():
    adder = library.adder(4)
    assert sorted(texts(draw_circuit(adder, outputs=["s[1]"]))) == ["a[0]", "a[1]", "b[0]", "b[1]", "s[1]"]
    row = [1, 1, 0, 0, 1, 0, 0, 0]
    whole = texts(draw_circuit(adder, inputs=row))
    part = texts(draw_circuit(adder, inputs=row, outputs=["s[2]", "s[1]"]))
    assert {"s[1] = 0", "s[2] = 1", "a[1] = 1", "b[0] = 1"} <= set(part)
    assert {text for text in part if "=" in text} < set(whole)
    constant = Circuit(["a", "b"], [[2, 0]], [NOT], [0, 3], ["x", "y"])
    assert texts(draw_circuit(constant, outputs=["x"])) == ["0", "x"]
    assert texts(draw_circuit(constant, outputs=["y"])) == ["b", "y"]


def test_axes_of_another_figure_are_drawn_into(error):
    figure = Figure(figsize=(8, 4))
    left, right = figure.subplots(1, 2)
    assert draw_circuit(FULL_ADDER, inputs=[0, 1, 1], ax=right) is figure
    assert not left.texts
    assert error(ValueError, draw_circuit, FULL_ADDER, ax=[left, right]) == (
        "draw_circuit: expected ax to be one axes, for the circuit, got 2."
    )
    sizes = {text.get_fontsize() for text in right.texts}
    alone = {text.get_fontsize() for text in draw_circuit(FULL_ADDER).axes[0].texts}
    assert max(sizes) < min(alone)
    figure.canvas.draw()
    frame = right.get_window_extent()
    assert all(frame.x0 <= text.get_window_extent().x0 for text in right.texts)


def test_inputs_that_nothing_reads_are_grey():
    figure = draw_circuit(Circuit(["a", "b"], [[1, 0]], [NOT], [3], ["y"]))
    assert [text.get_color() for text in figure.axes[0].texts] == ["black", "grey", "black"]


@pytest.mark.parametrize(
    "circuit",
    [
        Circuit([], [], [], [], []),
        Circuit(["a"], [], [], [1, 0, 1], ["a", "zero", "b"]),
        Circuit(["a"], [[1, 1]], [XOR], [], []),
    ],
    ids=str,
)
@pytest.mark.parametrize("valued", [False, True])
def test_circuits_with_little_to_draw(circuit, valued):
    figure = draw_circuit(circuit, inputs=[1] * circuit.n_inputs if valued else None)
    figure.canvas.draw()
    assert (figure.get_size_inches() > 0).all()
    assert len(texts(figure)) == circuit.n_inputs + circuit.n_outputs + (0 in circuit.outputs) + circuit.n_gates


def test_a_file_is_what_its_name_says(tmp_path):
    draw_circuit(FULL_ADDER, path=tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_notebook_shows_small_circuits():
    assert FULL_ADDER._repr_svg_().startswith("<svg")
    assert library.adder(20)._repr_svg_() is None


def test_too_large(error):
    assert error(ValueError, draw_circuit, library.adder(40)) == (
        "draw_circuit: expected at most 300 gates, inputs and outputs, got 318. Draw a part, outputs=[...], or have "
        "Graphviz draw it: circuits.write(circuit, 'circuit.dot')."
    )
    assert draw_circuit(library.adder(40), outputs=["s[3]"]).axes


def test_other_things_than_circuits(error):
    units = circuits.from_circuit(FULL_ADDER)
    assert error(TypeError, draw_circuit, units) == (
        "draw_circuit: expected a Circuit, got a ThresholdCircuit. circuits.to_circuit makes gates of its units."
    )
    assert error(TypeError, draw_circuit, "a ^ b") == "draw_circuit: expected a Circuit, got str."


def test_wrong_inputs(error):
    assert error(ValueError, draw_circuit, FULL_ADDER, inputs=[0, 1]) == (
        "draw_circuit: expected 3 inputs for Circuit(3 inputs, 2 outputs, 6 gates), got 2."
    )
    assert (
        error(ValueError, draw_circuit, FULL_ADDER, inputs=[0, 1, 2])
        == "draw_circuit: expected input 'c' to be 0 or 1, got 2."
    )
    assert error(ValueError, draw_circuit, FULL_ADDER, inputs=[[0, 1, 1]] * 3) == (
        "draw_circuit: expected input 'a' to be 0 or 1, got [0, 1, 1]."
    )
    assert error(TypeError, draw_circuit, FULL_ADDER, inputs={"a": 1, "x": 0}) == (
        "draw_circuit: Circuit(3 inputs, 2 outputs, 6 gates) has no input 'x'; it takes 'a', 'b', 'c'."
    )
    assert error(TypeError, draw_circuit, FULL_ADDER, inputs={"a": 1}) == (
        "draw_circuit: Circuit(3 inputs, 2 outputs, 6 gates) takes 'a', 'b', 'c'; no value for 'b', 'c'."
    )
    assert error(ValueError, draw_circuit, FULL_ADDER, inputs={"a": [0, 1], "b": 0, "c": 0}) == (
        "draw_circuit: expected one value for each input, got an array of them."
    )


def test_wrong_outputs(error):
    message = "draw_circuit: expected outputs to be a list of some of ['s', 'carry'], got {}."
    assert error(ValueError, draw_circuit, FULL_ADDER, outputs=["sum"]) == message.format("['sum']")
    assert error(ValueError, draw_circuit, FULL_ADDER, outputs="s") == message.format("'s'")
