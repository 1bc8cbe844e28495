"""Pictures of studies: what is drawn is the data, also into axes of the caller."""

import numpy as np
import pytest

from circuits import draw_comparison
from circuits.study.comparison import SQUARE, Comparison, Constructed, Learned, Threshold
from jaxnet.canvas import new_figure


def study(name, n_outputs=1):
    """A study of made-up numbers: nothing is trained."""
    rng = np.random.default_rng(len(name))
    gains, steps = np.geomspace(1, 32, 5), 10 * np.arange(1, 6)
    losses = rng.random((5, 4))
    slope = np.clip(np.add.outer(SQUARE, SQUARE) / 2, 0, 1)
    surfaces = np.stack([slope > 0.7, slope, slope**2]) if n_outputs == 1 else None
    return Comparison(
        name=name, n_inputs=2, n_outputs=n_outputs, n_gates=1, depth=1, n_rows=4, exhaustive=True,
        threshold=Threshold(1, 1, 0, 1),
        constructed=Constructed(0.1, 4.0, 0.1, 0.095, 0.09, gains, 1 / gains),
        learned=Learned((2, 1), 4, 3, 20.0, 0.1, 3, steps, losses, losses < 0.5),
        surfaces=surfaces,
    )  # fmt: skip


STUDIES = [study("AND"), study("long name, with spaces and $signs$"), study("adder", n_outputs=2)]


def by_title(figure, text):
    return [ax for ax in figure.axes if text in ax.get_title()]


def test_curves_are_the_measured_errors_and_losses():
    figure = draw_comparison(STUDIES)
    (gains,) = by_title(figure, "error against gain")
    line = gains.get_lines()[0]
    assert np.array_equal(line.get_xdata(), STUDIES[0].constructed.gains)
    assert np.array_equal(line.get_ydata(), STUDIES[0].constructed.worst_errors)
    (learning,) = by_title(figure, "AND\n2-1")
    (median,) = learning.get_lines()
    assert np.array_equal(median.get_xdata(), STUDIES[0].learned.steps)
    assert np.allclose(median.get_ydata(), np.median(STUDIES[0].learned.losses, axis=1))


def test_only_functions_of_two_inputs_with_one_output_have_surfaces():
    surfaces = [ax for ax in draw_comparison(STUDIES).axes if ax.collections and ax.get_aspect() == 1]
    assert len(surfaces) == 2 * 3
    shown = np.asarray(surfaces[0].collections[0].get_array())
    assert np.array_equal(shown, STUDIES[0].surfaces[0])
    assert not [ax for ax in draw_comparison(STUDIES[2:]).axes if ax.collections and ax.get_aspect() == 1]


def test_every_axis_that_is_read_has_a_label():
    figure = draw_comparison(STUDIES)
    (gains,) = by_title(figure, "error against gain")
    assert (gains.get_xlabel(), gains.get_ylabel()) == (
        "gain (what multiplies weights and biases)",
        "worst error of an output",
    )
    learning = [ax for ax in figure.axes if "solved" in ax.get_title()]
    assert [ax.get_xlabel() for ax in learning] == ["step"] * 3
    assert [bool(ax.get_ylabel()) for ax in learning] == [True, False, False]


def test_axes_of_the_caller_are_drawn_into(tmp_path):
    figure = new_figure(12, 9)
    axes = figure.subplots(2, 5)
    assert draw_comparison(STUDIES[:2], ax=axes.ravel()[:9]) is figure
    assert draw_comparison(STUDIES[2:], path=tmp_path / "figure.png").axes
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert [ax.get_ylabel().split()[0] for ax in axes.ravel()[:6]] == ["threshold", "constructed", "learned"] * 2
    assert axes[1, 1].get_title().endswith("error against gain")
    assert all(ax.get_ylabel().startswith("squared error") for ax in axes[1, 2:4])
    assert not axes[1, 4].has_data()
    with pytest.raises(ValueError, match=r"draw_comparison: expected ax to be 5 different axes, .* got 10\."):
        draw_comparison(STUDIES[0], ax=axes)


def test_a_study_is_a_table_of_a_notebook():
    table = study("<b>")._repr_html_()
    assert "&lt;b&gt;" in table
    assert "<b>" not in table
    assert "3 of 4 networks have all rows right" in table


def test_many_studies_fit():
    figure = draw_comparison(STUDIES * 3)
    assert len([ax for ax in figure.axes if "solved" in ax.get_title()]) == 9


def test_no_studies_are_refused():
    with pytest.raises(ValueError, match=r"draw_comparison: expected at least one study, got none\."):
        draw_comparison([])
