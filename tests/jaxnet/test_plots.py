"""What is drawn is the data; files are what their names say."""

import jax
import numpy as np
import pytest

from jaxnet import Graph, draw_rich_club, normalised_rich_club

# Four hubs, all connected, with two neighbours each in a ring of eight.
HUBS = Graph(
    12,
    [(i, j) for i in range(4) for j in range(i)]
    + [e for i in range(8) for e in [(i % 4, 4 + i), (4 + i, 4 + (i + 1) % 8)]],
    directed=False,
)


@pytest.fixture(scope="module")
def found():
    return normalised_rich_club(HUBS, key=jax.random.key(0), rewirings=50, quantiles=(0.1, 0.75), progress=False)


def line(ax, label):
    (one,) = [one for one in ax.get_lines() if one.get_label() == label]
    return one


def test_curves_are_the_coefficients(found):
    upper, lower = draw_rich_club(found).axes
    for ax, label, values in (
        (upper, "measured", found.phi),
        (upper, "rewired: mean of 50", found.mean),
        (lower, "over the mean of rewired", found.normalised),
    ):
        np.testing.assert_array_equal(line(ax, label).get_xdata(), found.k)
        np.testing.assert_array_equal(line(ax, label).get_ydata(), np.where(np.isfinite(values), values, np.nan))


def test_bands_are_the_quantiles(found):
    (band,) = draw_rich_club(found).axes[0].collections
    assert band.get_label() == "rewired: 10 % to 75 %"
    corners = {tuple(corner) for path in band.get_paths() for corner in path.vertices.tolist()}
    drawn = np.isfinite(found.low)
    assert corners >= set(zip(found.k[drawn].tolist(), found.low[drawn].tolist(), strict=True))
    assert corners >= set(zip(found.k[drawn].tolist(), found.high[drawn].tolist(), strict=True))


def test_every_axis_is_labelled_and_curves_differ_without_colour(found):
    figure = draw_rich_club(found)
    upper, lower = figure.axes
    assert lower.get_xlabel() == "degree k (edges of a node)"
    assert upper.get_ylabel() == "rich-club coefficient φ(k)\n(share of possible edges)"
    assert lower.get_ylabel() == "normalised φ(k)\n(measured / rewired)"
    styles = [one.get_linestyle() for one in upper.get_lines()]
    assert len(set(styles)) == len(styles) == 2


def test_infinite_ends_reach_the_edge_and_the_curve_stays_inside(found):
    infinite = found._replace(
        normalised_high=np.where(found.k >= 3, np.inf, found.normalised_high),
        normalised=np.where(found.k == 4, np.inf, found.normalised),
    )
    _, lower = draw_rich_club(infinite).axes
    low, high = lower.get_ylim()
    (band,) = lower.collections
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(high)
    drawn = line(lower, "over the mean of rewired").get_ydata()
    assert np.isnan(drawn[4])
    assert low <= np.nanmin(drawn) <= np.nanmax(drawn) < high


def test_a_graph_without_edges_is_drawn():
    draw_rich_club(normalised_rich_club(Graph(3, [], directed=False), key=jax.random.key(0), rewirings=2)).canvas.draw()


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_files_are_what_their_names_say(found, tmp_path, suffix, magic):
    draw_rich_club(found, tmp_path / f"figure{suffix}")
    assert (tmp_path / f"figure{suffix}").read_bytes().startswith(magic)
