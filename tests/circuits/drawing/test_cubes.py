"""Squares and cubes: corners are the truth table, a cut leaves true and false ones apart, a refutation meets itself."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import circuits
from circuits import draw_cube, library, recognise
from circuits.drawing.cubes import _PAGE
from circuits.threshold.units import ThresholdUnit, majority
from jaxnet.canvas import VERMILION, new_figure


def marks(ax):
    """The colour of the corner at each place."""
    corners = [line for line in ax.lines if line.get_marker() == "o"]
    return {tuple(np.round(line.get_xydata()[0], 9)): line.get_markerfacecolor() for line in corners}


def page(bits):
    return tuple(np.round(np.array(bits) @ _PAGE[len(bits)], 9))


def coloured(ax):
    return [line for line in ax.lines if line.get_color() == VERMILION and len(line.get_xydata()) > 1]


@pytest.fixture(scope="module")
def panels():
    return new_figure(4, 4).subplots(1, 1)


@given(n=st.integers(2, 3), data=st.data())
def test_corners_are_the_truth_table(panels, n, data):
    table = data.draw(st.integers(0, 2**2**n - 1))
    panels.clear()
    draw_cube(table, n, ax=panels)
    shown = marks(panels)
    for row, bits in enumerate(itertools.product((0, 1), repeat=n)):
        place = page(bits[::-1])
        assert (shown[place] != "white") == bool(table >> row & 1)
    labels = {text.get_text() for text in panels.texts}
    assert {"".join(map(str, bits)) for bits in itertools.product((0, 1), repeat=n)} <= labels


@pytest.mark.parametrize("table", range(16))
def test_a_line_leaves_true_corners_on_one_side(panels, table):
    panels.clear()
    draw_cube(table, 2, ax=panels)
    lines = coloured(panels)
    if table in (0b0000, 0b1111):
        assert lines == []
        return
    if table in (0b0110, 0b1001):
        assert len(lines) == 4
        return
    (line,) = lines
    (x0, y0), (x1, y1) = line.get_xydata()
    side = [(x1 - x0) * (b - y0) - (y1 - y0) * (a - x0) for b in (0, 1) for a in (0, 1)]
    true = {bool(s > 0) for row, s in enumerate(side) if table >> row & 1}
    false = {bool(s > 0) for row, s in enumerate(side) if not table >> row & 1}
    assert len(true) == len(false) == 1
    assert true != false


@pytest.mark.parametrize("table", [0b11101000, 0b10000000, 0b10101000, 0b00001110, 0b00010111])
def test_a_plane_meets_the_edges_whose_ends_differ(panels, table):
    panels.clear()
    draw_cube(table, 3, ax=panels)
    unit = recognise(table, 3)
    (filled, outline) = panels.patches
    polygon = np.unique(np.round(outline.get_xy(), 9), axis=0)
    expected = []
    for row, i in itertools.product(range(8), range(3)):
        other = row | 1 << i
        if other != row and (table >> row ^ table >> other) & 1:
            near, far = (np.array([r >> k & 1 for k in range(3)]) for r in (row, other))
            share = (unit.threshold - 0.5 - near @ unit.weights) / ((far - near) @ unit.weights)
            assert 0 < share < 1
            expected.append((near + share * (far - near)) @ _PAGE[3])
    assert np.allclose(polygon, np.unique(np.round(expected, 9), axis=0))
    # Around a convex polygon every turn is to the same side.
    xy = outline.get_xy()[:-1]
    ahead = np.roll(xy, -1, axis=0) - xy
    turns = ahead[:, 0] * np.roll(ahead[:, 1], -1) - ahead[:, 1] * np.roll(ahead[:, 0], -1)
    assert (turns > 0).all() or (turns < 0).all()
    assert np.array_equal(filled.get_xy(), outline.get_xy())


@given(table=st.integers(0, 255))
def test_segments_of_a_refutation_meet_in_one_point(panels, table):
    panels.clear()
    draw_cube(table, 3, ax=panels)
    answer = recognise(table, 3)
    if answer:
        assert not panels.get_title().startswith("no unit")
        return
    lines = coloured(panels)
    starts = {tuple(np.round(line.get_xydata()[0], 9)) for line in lines}
    ends = {tuple(np.round(line.get_xydata()[1], 9)) for line in lines}
    rows = [row for row, _ in (*answer.certificate.true, *answer.certificate.false)]
    assert starts == {page([row >> i & 1 for i in range(3)]) for row in rows}
    assert len(ends) == 1


def test_titles():
    def title(*arguments):
        return draw_cube(*arguments).axes[0].get_title().replace("\N{MINUS SIGN}", "-")

    assert title(0b0110, 2) == "no unit: 10 + 01 = 00 + 11"
    assert title(circuits.parse("y = a & ~b & ~c")) == "a - b - c ≥ 1"
    assert title(circuits.parse("y = ~a & ~b | c")) == "-a - b + 2 c ≥ 0"
    assert title(ThresholdUnit([5, 0], 3)) == "x0 ≥ 1"
    names = ["a-b", "a much longer name", "c"]
    renamed = circuits.rename(circuits.parse("y = ~a & ~b | c"), dict(zip("abc", names, strict=True)))
    assert title(renamed) == "-a-b - a much … + 2 c >= 0".replace(">=", "≥")
    assert title(np.zeros(8, bool), 3) == "always 0"
    assert title(0b1111, 2) == "always 1"


def test_inputs_name_the_axes():
    (square,) = draw_cube(circuits.parse("p | q")).axes
    assert (square.get_xlabel(), square.get_ylabel()) == ("p", "q")
    (cube,) = draw_cube(library.majority(3)).axes
    assert {"x[0]", "x[1]", "x[2]"} <= {text.get_text() for text in cube.texts}
    assert draw_cube(circuits.from_unit(majority(3))).axes[0].get_title() == "x0 + x1 + x2 ≥ 2"


@pytest.mark.parametrize("table", [(0b0110, 2), (0b1000, 2), (0b11101000, 3), (0b10000001, 3)], ids=str)
def test_nothing_is_cut_off(table):
    figure = draw_cube(*table)
    figure.canvas.draw()
    box, whole = figure.get_tightbbox(), figure.bbox_inches
    assert whole.x0 <= box.x0 < box.x1 <= whole.x1
    assert whole.y0 <= box.y0 < box.y1 <= whole.y1


def test_a_new_figure_has_a_legend_and_given_axes_have_none():
    figure = draw_cube(0b0110, 2)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["true", "false", "same sum"]
    figure = draw_cube(0b1111, 2)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["true", "false"]
    figure = new_figure(4, 4)
    assert draw_cube(0b0110, 2, ax=figure.subplots()) is figure
    assert not figure.legends


def test_a_file_is_what_its_name_says(tmp_path):
    draw_cube(0b0110, 2, path=tmp_path / "xor.png")
    assert (tmp_path / "xor.png").read_bytes().startswith(b"\x89PNG")


def test_errors(error):
    assert error(ValueError, draw_cube, library.majority(5)) == (
        "draw_cube: expected 2 or 3 inputs, got 5. draw_karnaugh_map has the maps of up to 10."
    )
    assert error(ValueError, draw_cube, circuits.parse("a")) == "draw_cube: expected 2 or 3 inputs, got 1."
    assert error(ValueError, draw_cube, circuits.parse("s = a ^ b; c = a & b")) == (
        "draw_cube: expected one output, got 2; circuits.cone takes one of them."
    )
    assert error(ValueError, draw_cube, majority(3), 2) == (
        "draw_cube: expected n to be None, or the 3 inputs of the function, got 2."
    )
    assert error(TypeError, draw_cube, 0b0110) == (
        "draw_cube: expected n, the number of inputs of a truth table, got none."
    )
    assert error(ValueError, draw_cube, 0b0110, 4).startswith("draw_cube: expected n")
    assert error(ValueError, draw_cube, 1 << 16, 2) == ("draw_cube: expected a table of 4 bits for n = 2, got 0x10000.")
    assert error(ValueError, draw_cube, [1, 2], 2) == "draw_cube: expected one truth table, got shape (2,)."
    assert error(ValueError, draw_cube, 6, 2, ax=new_figure(4, 4).subplots(1, 2)) == (
        "draw_cube: expected ax to be one axes, for the cube, got 2."
    )
