"""Pictures: what is drawn is the data; files are what their names say."""

import numpy as np
import pytest

import circuits
from circuits.study.comparison import compare
from circuits.study.figures import draw_comparison


@pytest.fixture(scope="module")
def studies():
    functions = {"AND": "a & b", "long name, with spaces and $signs$": "a ^ b", "adder": "s = a ^ b; c = a & b"}
    return [
        compare(circuits.parse(text), name=name, seeds=4, steps=50, progress=False) for name, text in functions.items()
    ]


def by_title(figure, text):
    return [ax for ax in figure.axes if text in ax.get_title()]


def test_curves_are_the_measured_errors_and_losses(studies):
    figure = draw_comparison(studies)
    (gains,) = by_title(figure, "error against gain")
    line = gains.get_lines()[0]
    assert np.array_equal(line.get_xdata(), studies[0].constructed.gains)
    assert np.array_equal(line.get_ydata(), studies[0].constructed.worst_errors)
    (learning,) = by_title(figure, "AND\n2-1")
    (median,) = learning.get_lines()
    assert np.array_equal(median.get_xdata(), studies[0].learned.steps)
    assert np.allclose(median.get_ydata(), np.median(studies[0].learned.losses, axis=1))


def test_only_functions_of_two_inputs_with_one_output_have_surfaces(studies):
    surfaces = [ax for ax in draw_comparison(studies).axes if ax.collections and ax.get_aspect() == 1]
    assert len(surfaces) == 2 * 3
    shown = np.asarray(surfaces[0].collections[0].get_array())
    assert np.array_equal(shown, studies[0].surfaces[0])
    assert not [ax for ax in draw_comparison(studies[2:]).axes if ax.collections and ax.get_aspect() == 1]


def test_every_axis_that_is_read_has_a_label(studies):
    figure = draw_comparison(studies)
    (gains,) = by_title(figure, "error against gain")
    assert (gains.get_xlabel(), gains.get_ylabel()) == (
        "gain (what multiplies weights and biases)",
        "worst error of an output",
    )


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_files_are_what_their_names_say(studies, tmp_path, suffix, magic):
    draw_comparison(studies, path=tmp_path / f"figure{suffix}")
    assert (tmp_path / f"figure{suffix}").read_bytes().startswith(magic)


def test_many_studies_fit(studies):
    figure = draw_comparison(studies * 3)
    assert len([ax for ax in figure.axes if "solved" in ax.get_title()]) == 9


def test_no_studies_are_refused():
    with pytest.raises(ValueError, match=r"draw_comparison: expected at least one study, got none\."):
        draw_comparison([])
