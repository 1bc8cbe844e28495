"""Canvases: files are what their names say; axes of the caller are checked; a figure shows itself in a notebook."""

import numpy as np
import pytest

from jaxnet.canvas import COLOURS, DASHES, finished, given_axes, new_figure, svg_of


@pytest.fixture(scope="module")
def figure():
    figure = new_figure(3, 2)
    figure.subplots(1, 3)
    return figure


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_files_are_what_their_names_say(figure, tmp_path, suffix, magic):
    assert finished(figure.axes[0], tmp_path / f"figure{suffix}") is figure
    assert (tmp_path / f"figure{suffix}").read_bytes().startswith(magic)


def test_an_axes_in_a_part_of_a_figure_gives_the_whole_figure():
    whole = new_figure(3, 2)
    left, _ = whole.subfigures(1, 2)
    assert finished(left.subplots(), None) is whole


def test_an_extension_that_matplotlib_does_not_know_is_refused(figure, tmp_path):
    with pytest.raises(ValueError, match="supported"):
        finished(figure.axes[0], tmp_path / "figure.unknown")


def test_axes_may_be_one_a_list_or_an_array(figure):
    a, b, c = figure.axes
    assert given_axes("f", a, ["one"]) == [a]
    assert given_axes("f", [a, b], ["one", "two"]) == [a, b]
    assert given_axes("f", np.array([[a], [c]]), ["one", "two"]) == [a, c]


def test_other_axes_are_refused(figure):
    a, b, _ = figure.axes
    for ax, kind, message in (
        (figure, TypeError, "expected ax to be axes of matplotlib, as figure.subplots() makes them, got Figure."),
        ([a, None], TypeError, "expected ax to be axes of matplotlib, as figure.subplots() makes them, got NoneType."),
        ([], ValueError, "expected ax to be 2 different axes, one for each of one, two, got 0."),
        (figure.axes, ValueError, "expected ax to be 2 different axes, one for each of one, two, got 3."),
        (
            [b, b],
            ValueError,
            "expected ax to be 2 different axes, one for each of one, two, got 2, of which 1 different.",
        ),
    ):
        with pytest.raises(kind) as caught:
            given_axes("f", ax, ["one", "two"])
        assert str(caught.value) == f"f: {message}"


def test_a_figure_shows_itself_in_a_notebook(figure):
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert repr(figure) == "<Figure size 300x200 with 3 Axes>"


def test_svg_is_one_element_without_notes(figure):
    text = svg_of(figure)
    assert text.startswith("<svg")
    assert text.rstrip().endswith("</svg>")
    assert "metadata" not in text


def test_each_colour_has_dashes_of_its_own():
    assert len(set(COLOURS)) == len(set(DASHES)) == len(COLOURS) == len(DASHES)
