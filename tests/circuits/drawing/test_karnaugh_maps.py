"""Karnaugh maps: every cell is the value of its row of the truth table, and neighbours differ in one input."""

import numpy as np
import pytest

import circuits
from circuits import draw_karnaugh_map, library
from circuits.drawing.karnaugh_maps import gray_code
from circuits.netlist import Circuit
from jaxnet.canvas import new_figure


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def image(ax):
    return np.asarray(ax.get_images()[0].get_array())


@pytest.mark.parametrize("n", range(9))
def test_neighbours_in_a_gray_code_differ_in_one_bit(n):
    codes = gray_code(n).tolist()
    assert sorted(codes) == list(range(2**n))
    assert all((a ^ b).bit_count() == 1 for a, b in zip(codes, codes[1:] + codes[:1], strict=True) if n)


@pytest.mark.parametrize("n", [0, 1, 3, 6, 7])
def test_cells_are_the_values_at_their_labels(random_circuit, reference, n):
    circuit = random_circuit(n, n, 20, 3)
    figure = draw_karnaugh_map(circuit)
    assert [ax.get_title() for ax in figure.axes] == ["o0", "o1", "o2"]
    for output, ax in enumerate(figure.axes):
        assert ax.get_ylabel().split() + ax.get_xlabel().split() == list(circuit.input_names)
        rows = [[int(digit) for digit in above + beside] for above in labels(ax.yaxis) for beside in labels(ax.xaxis)]
        values = reference(circuit, np.array(rows).reshape(len(rows), n))[:, output]
        assert np.array_equal(image(ax).ravel(), values)
        if n <= 6:
            assert [int(text.get_text()) for text in ax.texts] == image(ax).ravel().tolist()
        else:
            assert not ax.texts


def test_the_textbook_map_of_the_majority():
    (ax,) = draw_karnaugh_map(circuits.parse("maj(a, b, c)")).axes
    assert labels(ax.yaxis) == ["0", "1"]
    assert labels(ax.xaxis) == ["00", "01", "11", "10"]
    assert image(ax).astype(int).tolist() == [[0, 0, 1, 0], [0, 1, 1, 1]]


def test_threshold_circuits_have_maps():
    gates = library.majority(3)
    units = circuits.from_circuit(gates)
    assert np.array_equal(image(draw_karnaugh_map(gates).axes[0]), image(draw_karnaugh_map(units).axes[0]))


@pytest.mark.parametrize("circuit", [library.comparator(3), library.majority(9)], ids=str)
def test_nothing_is_cut_off(circuit):
    figure = draw_karnaugh_map(circuit)
    figure.canvas.draw()
    box, whole = figure.get_tightbbox(), figure.bbox_inches
    assert whole.x0 <= box.x0 < box.x1 <= whole.x1
    assert whole.y0 <= box.y0 < box.y1 <= whole.y1


def test_names_are_shown_as_they_are():
    figure = draw_karnaugh_map(Circuit(["$x$", "\t"], [], [], [1], ["$f_1$"]))
    figure.canvas.draw()
    (ax,) = figure.axes
    assert (ax.get_title(), ax.get_ylabel(), ax.get_xlabel()) == ("$f_1$", "$x$", r"\t")


def test_axes_of_another_figure_are_drawn_into(error):
    figure = new_figure(6, 3)
    axes = figure.subplots(1, 3)
    circuit = library.adder(1)
    assert draw_karnaugh_map(circuit, ax=axes[:2]) is figure
    assert [ax.get_title() for ax in axes] == [*circuit.output_names, ""]
    names = ", ".join(circuit.output_names)
    assert error(ValueError, draw_karnaugh_map, circuit, ax=axes) == (
        f"draw_karnaugh_map: expected ax to be 2 different axes, one for each of {names}, got 3."
    )


@pytest.mark.parametrize(("n", "kind"), [(True, TypeError), (2.0, TypeError), (-1, ValueError), (25, ValueError)])
def test_bits_of_a_gray_code_are_a_whole_number(n, kind):
    assert gray_code(np.int64(2)).tolist() == [0, 1, 3, 2]
    with pytest.raises(kind, match="gray_code: expected n"):
        gray_code(n)


def test_a_file_is_what_its_name_says(tmp_path):
    draw_karnaugh_map(library.majority(3), path=tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_errors(error):
    assert error(ValueError, draw_karnaugh_map, library.majority(11)) == (
        "draw_karnaugh_map: expected at most 10 inputs, got 11: a map of 2^11 cells cannot be read. "
        "circuits.truth_table has the values of up to 24 inputs."
    )
    assert error(ValueError, draw_karnaugh_map, Circuit(["a"], [], [], [], [])) == (
        "draw_karnaugh_map: expected 1 to 16 outputs, a panel for each, got 0."
    )
    assert error(TypeError, draw_karnaugh_map, "a") == (
        "draw_karnaugh_map: expected a Circuit or a ThresholdCircuit, got str."
    )
