"""Numbers on the page: ends of frames, logarithms, gaps."""

import numpy as np

from circuits.playground.frames import Frame, axes, band, cursor, line

LOG = Frame(10, 20, 100, 50, (1, 100), (0.01, 1), (True, True))


def test_ends_are_edges_and_the_middle_of_a_logarithm_is_its_root():
    x, y = LOG.at(np.array([1, 10, 100]), np.array([0.01, 0.1, 1]))
    assert x.tolist() == [10, 60, 110]
    assert y.tolist() == [70, 45, 20]


def test_what_is_outside_stands_at_the_edge():
    x, y = LOG.at(np.array([0.5, 1e9]), np.array([0.0, np.inf]))
    assert (x.tolist(), y.tolist()) == ([10, 110], [70, 20])


def test_a_line_has_a_gap_where_a_number_is_missing():
    made = line(LOG, np.array([1, 10, 100, 100]), np.array([1, np.nan, 1, 0.1]), "black", 1, "2 1")
    assert 'd="M10.0 20.0M110.0 20.0L110.0 45.0"' in made
    assert 'stroke-dasharray="2 1"' in made


def test_a_band_is_closed_and_an_empty_one_is_nothing():
    assert 'd="M10.0 70.0L110.0 70.0L110.0 20.0L10.0 20.0Z"' in band(
        LOG, np.array([1, 100]), np.array([0.01, 0.01]), np.array([1, 1]), "black", 0.5
    )
    assert band(LOG, np.zeros(0), np.zeros(0), np.zeros(0), "black", 0.5) == ""


def test_a_cursor_goes_from_edge_to_edge():
    assert 'd="M60.0 70.0L60.0 20.0"' in cursor(LOG, 10)


def test_labels_are_escaped():
    assert "a &lt; b" in axes(LOG, {}, {}, "a < b")
