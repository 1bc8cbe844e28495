"""What is drawn is the data, also into axes of the caller; what cannot be drawn is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet import (
    Graph,
    Run,
    ShapeError,
    draw_confusion_matrix,
    draw_learning_curves,
    draw_rich_club,
    normalised_rich_club,
)
from jaxnet.canvas import new_figure

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


def test_rich_clubs_are_drawn_into_axes_of_the_caller(found, tmp_path):
    figure = new_figure(6, 3)
    left, right = figure.subplots(1, 2)
    assert draw_rich_club(found, ax=[left, right], path=tmp_path / "figure.png") is figure
    assert left.get_xlabel() == right.get_xlabel() == "degree k (edges of a node)"
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"draw_rich_club: expected ax to be 2 different axes, .* got 1\."):
        draw_rich_club(found, ax=left)


# Learning curves.


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_run_of_train_is_drawn_record_by_record():
    rule = jaxnet.gradient_descent(lambda theta, x: (jnp.mean((theta - x) ** 2), {"theta": theta}), optax.sgd(0.1),
                                   has_aux=True)  # fmt: skip
    data = jnp.array([1.0, 2.0])
    _, history = jaxnet.train(rule, rule.init(jnp.array(0.0)), data, steps=20, key=jax.random.key(0))
    figure = draw_learning_curves(history)
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "theta"]
    for ax, name in zip(figure.axes, history, strict=True):
        assert ax.get_xlabel() == "record"
        np.testing.assert_array_equal(line(ax, "training").get_xdata(), np.arange(1, 21))
        np.testing.assert_array_equal(line(ax, "training").get_ydata(), np.asarray(history[name], float))


def test_validation_is_on_the_same_axes_at_its_own_steps_and_differs_without_colour():
    history = {"step": [10, 20, 30], "loss": [3.0, 2.0, 1.0]}
    validation = {"step": jnp.array([20, 30]), "loss": jnp.array([2.5, 1.5]), "accuracy": jnp.array([0.5, 0.75])}
    loss, accuracy = draw_learning_curves(
        history, validation=validation, units={"loss": "nats", "accuracy": "share right"}
    ).axes
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("step", "loss (nats)")
    assert accuracy.get_ylabel() == "accuracy (share right)"
    assert labels(loss) == ["training", "validation"]
    assert labels(accuracy) == ["validation"]
    np.testing.assert_array_equal(line(loss, "training").get_xdata(), [10, 20, 30])
    np.testing.assert_array_equal(line(loss, "validation").get_xdata(), [20, 30])
    np.testing.assert_array_equal(line(loss, "validation").get_ydata(), [2.5, 1.5])
    assert len({one.get_linestyle() for one in loss.get_lines()}) == 2
    assert len({one.get_color() for one in loss.get_lines()}) == 2


@pytest.mark.parametrize(
    ("name", "values", "validation", "scale"),
    [
        ("loss", [1.01, 0.1], [0.5, 0.5], "log"),
        ("squared_Loss", [1.01, 0.1], [0.5, 0.5], "log"),
        ("loss", [1.0, 0.1], [0.5, 0.5], "linear"),  # not more than a decade
        ("loss", [1.0, 0.5], [0.5, 0.01], "log"),  # the two together
        ("loss", [1.0, 0.01], [0.5, 0.0], "linear"),
        ("loss", [1.0, -0.01], [0.5, 0.5], "linear"),
        ("loss", [np.inf, 1.0], [0.5, 0.5], "linear"),
        ("loss", [np.nan, np.nan], [np.nan, np.nan], "linear"),
        ("accuracy", [0.01, 1.0], [0.5, 0.5], "linear"),
    ],
)
def test_the_axis_of_a_loss_is_logarithmic_where_that_helps(name, values, validation, scale):
    figure = draw_learning_curves({name: values}, validation={name: validation})
    figure.canvas.draw()
    assert figure.axes[0].get_yscale() == scale


def test_values_that_are_not_finite_are_gaps_and_counted():
    (ax,) = draw_learning_curves(
        {"loss": [3.0, np.nan, 1.0, -np.inf, np.inf]}, validation={"loss": [1.0, np.nan, 1, 1, 1]}
    ).axes
    assert labels(ax) == [
        "training\n(3 of 5 values not finite, left out)",
        "validation\n(1 of 5 values not finite, left out)",
    ]
    training = line(ax, labels(ax)[0])
    np.testing.assert_array_equal(training.get_ydata(), [3, np.nan, 1, np.nan, np.nan])
    assert training.get_marker() == "o"  # or the 3, between nothing and a gap, would not be seen


@pytest.mark.parametrize(("n", "bin_size"), [(201, None), (1000, None), (1001, 3), (5000, 10)])
def test_long_histories_get_a_running_median_over_the_records_themselves(n, bin_size):
    values = np.random.default_rng(n).normal(size=n)
    values[[n // 3, n // 2]] = 100, -100
    (ax,) = draw_learning_curves({"accuracy": values, "step": 2 * np.arange(1, n + 1)}).axes
    window = n // 50 + (n // 50 + 1) % 2
    raw, median = ax.get_lines()
    which = "each record" if bin_size is None else f"least and greatest of each {bin_size} records"
    assert labels(ax) == [f"training: {which}", f"training: running median, over {window} records"]

    # What is drawn are records, and the peaks are among them.
    x, y = (np.asarray(data).astype(float) for data in raw.get_data())
    np.testing.assert_array_equal(values[(x / 2 - 1).astype(int)], y)
    assert {100, -100} <= set(y)
    assert len(x) == n if bin_size is None else len(x) <= 1000

    x, y = (np.asarray(data).astype(float) for data in median.get_data())
    assert len(x) == min(n, 1000)
    assert (x[0], x[-1]) == (2, 2 * n)
    assert y[0] == values[0]
    for i in (1, 3, len(x) // 2, -1):
        record = int(x[i] / 2 - 1)
        half = min(window // 2, record)
        assert y[i] == np.median(values[record - half : record + half + 1])


def test_a_run_is_drawn_with_its_validation():
    history, validation = (
        {"step": np.array([1, 2]), "loss": np.array([2.0, 1.0])},
        {"step": np.array([2]), "loss": [3.0]},
    )
    (ax,) = draw_learning_curves(Run(None, None, history, validation, 2, "finished")).axes
    assert labels(ax) == ["training", "validation"]
    np.testing.assert_array_equal(ax.get_lines()[1].get_data(), [[2], [3]])


def test_two_hundred_records_are_drawn_as_they_are():
    (ax,) = draw_learning_curves({"loss": np.arange(200)}).axes
    assert labels(ax) == ["training"]


def test_of_a_long_gap_nothing_is_drawn():
    values = np.ones(3000)
    values[1000:2000] = np.nan
    raw, median = draw_learning_curves({"loss": values}).axes[0].get_lines()
    for one in (raw, median):
        x, y = (np.asarray(data).astype(float) for data in one.get_data())
        np.testing.assert_array_equal(x[np.isnan(y)] > 1000, True)
        # The window of the median is 61 records wide, 30 to either side.
        np.testing.assert_array_equal(np.isnan(y[(x > 1031) & (x < 1970)]), True)
        assert np.isnan(y).any()


@pytest.mark.parametrize("n", [3, 400])
def test_ensembles_are_a_median_and_a_band(n):
    values = np.arange(1.0, 12)[None] * np.ones((n, 1))
    values[0, 10] = np.nan
    (ax,) = draw_learning_curves({"error": jnp.asarray(values)}, quantiles=(0.1, 0.8)).axes
    (band,) = ax.collections
    (median,) = ax.get_lines()
    over = ", over 9 records" if n == 400 else ""
    assert labels(ax) == [
        "training: 10 % to 80 %",
        f"training: median of 11{over}\n(1 of {11 * n:,} values not finite, left out)",
    ]
    np.testing.assert_array_equal(median.get_ydata()[[0, -1]], [5.5, 6])
    edges = {tuple(corner) for corner in band.get_paths()[0].vertices.round(6).tolist()}
    assert {(1, 1.9), (1, 8.2), (n, 2), (n, 9)} <= edges


def test_a_vmapped_run_is_an_ensemble():
    rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))

    def run(theta):
        return jaxnet.train(rule, rule.init(theta), jnp.array([1.0, 2.0]), steps=5, key=jax.random.key(0))[1]

    history = jax.vmap(run, out_axes=1)(jnp.arange(4.0))
    (ax,) = draw_learning_curves(history).axes
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), np.median(history["loss"], axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("history", "validation", "label", "steps"),
    [
        ({"loss": [3, 2, 1]}, {"loss": [3, 2, 1]}, "record", [1, 2, 3]),
        ({"step": [5, 10, 15], "loss": [3, 2, 1]}, {"loss": [3, 2, 1]}, "step", [5, 10, 15]),
        ({"loss": [3, 2, 1]}, {"step": [0, 3], "loss": [2, 1]}, "step", [0, 3]),
        ({"step": [5, 10, 15], "loss": [3, 2, 1]}, {"step": [0, 20], "loss": [2, 1]}, "step", [0, 20]),
    ],
)
def test_where_validation_is_drawn(history, validation, label, steps):
    (ax,) = draw_learning_curves(history, validation=validation).axes
    assert ax.get_xlabel() == label
    np.testing.assert_array_equal(line(ax, "validation").get_xdata(), steps)


@pytest.mark.parametrize("validation", [None, {}, {"step": np.array([]), "loss": np.array([])}])
def test_validation_may_be_empty(validation):
    (ax,) = draw_learning_curves({"loss": jnp.array([1.0, 0.5], jnp.bfloat16)}, validation=validation).axes
    assert labels(ax) == ["training"]
    ax.figure.canvas.draw()


def test_each_metric_has_a_panel_and_losses_are_first():
    figure = draw_learning_curves(
        {name: [1, 2] for name in ("b", "a", "loss", "step")}, validation={"c": [1, 2], "a": [1, 2]}
    )
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "b", "a", "c"]


@pytest.mark.parametrize(
    ("history", "validation", "kind", "message"),
    [
        ({}, None, ValueError, "expected a history with a metric and a record, got none. Were steps made?"),
        ({"step": [1]}, None, ValueError, "expected a history with a metric and a record, got none. Were steps made?"),
        ({"loss": []}, None, ValueError, "expected a history with a metric and a record, got none. Were steps made?"),
        (
            {"loss": 1.0},
            None,
            ShapeError,
            "expected history['loss'] to be (records,) or (records, members), got shape ().",
        ),
        (
            {"loss": np.ones((2, 0))},
            None,
            ShapeError,
            "expected history['loss'] to be (records,) or (records, members), got shape (2, 0).",
        ),
        (
            {"loss": [1]},
            {"step": [[1]], "loss": [1]},
            ShapeError,
            "expected validation['step'] to be (records,), got shape (1, 1).",
        ),
        (
            {"loss": [1, 2], "accuracy": [1]},
            None,
            ShapeError,
            "expected as many records of each metric, got in history {'loss': 2, 'accuracy': 1}.",
        ),
        ({"loss": ["low"]}, None, TypeError, "expected real numbers in history['loss'], got <U3."),
        ({"loss": [1j]}, None, TypeError, "expected real numbers in history['loss'], got complex128."),
        (
            {"step": [1, 1], "loss": [1, 2]},
            None,
            ValueError,
            "expected history['step'] to be finite and increasing, got [1. 1.].",
        ),
        (
            {"loss": [1, 2, 3]},
            {"loss": [1]},
            ValueError,
            "expected validation['step'], since validation has 1 records and history 3.",
        ),
        (
            {"loss": [1, 2, 3]},
            {"step": [10, 30], "loss": [1, 2]},
            ValueError,
            "expected history['step'], since validation goes to step 30 and history has 3 records.",
        ),
    ],
)
def test_what_is_no_history_is_refused(tmp_path, history, validation, kind, message):
    with pytest.raises(kind) as caught:
        draw_learning_curves(history, validation=validation, path=tmp_path / "figure.png")
    assert str(caught.value) == f"draw_learning_curves: {message}"
    assert not (tmp_path / "figure.png").exists()


@pytest.mark.parametrize("quantiles", [(0.6, 0.9), (-0.1, 0.9), (0.1, 1.1), (np.nan, 0.9)])
def test_quantiles_are_about_the_median(quantiles):
    with pytest.raises(ValueError, match=r"expected quantiles low <= 0.5 <= high in 0..1, got \("):
        draw_learning_curves({"loss": [1]}, quantiles=quantiles)


# The confusion matrix.

TRUTH, PREDICTED = np.array([0, 0, 0, 0, 1, 1, 3]), np.array([0, 0, 0, 2, 1, 0, 3])


def cells(ax):
    texts = {text.get_position()[::-1]: text for text in ax.texts}
    m = round(len(texts) ** 0.5)
    return np.array([[texts[i, j] for j in range(m)] for i in range(m)])


def test_cells_count_and_grey_is_the_share_of_the_row():
    ax, bar = draw_confusion_matrix(TRUTH, jnp.asarray(PREDICTED)).axes
    assert ax.get_title() == "accuracy 71.43 % (5 of 7)"
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")
    assert bar.get_ylabel() == "share of the true class (row)"
    counts = [[int(cell.get_text()) for cell in row] for row in cells(ax)]
    assert counts == [[3, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    (image,) = ax.images
    shares = [[0.75, 0, 0.25, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(image.get_array(), shares)
    red, green, blue, _ = np.moveaxis(image.to_rgba(np.linspace(0, 1, 20)), -1, 0)
    np.testing.assert_allclose(red, green, atol=0.01)
    np.testing.assert_allclose(red, blue, atol=0.01)
    assert (np.diff(red) < 0).all()


@pytest.mark.slow
def test_numbers_are_read_on_every_grey():
    """At least 4.5 to 1, as the guidelines for web content ask of text; zeros are meant to recede."""
    from matplotlib.colors import to_rgb

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    for right in range(1, 101):
        ax = draw_confusion_matrix([0] * 100, [0] * right + [1] * (100 - right)).axes[0]
        for (i, j), cell in np.ndenumerate(cells(ax)):
            (image,) = ax.images
            behind, text = (
                luminance(c) for c in (image.to_rgba(image.get_array())[i, j, :3], to_rgb(cell.get_color()))
            )
            if cell.get_text() != "0":
                assert (max(behind, text) + 0.05) / (min(behind, text) + 0.05) >= 4.5, (right, cell.get_text())


def test_classes_may_have_names_and_be_booleans():
    ax, _ = draw_confusion_matrix(TRUTH > 0, PREDICTED > 0, names=np.array(["setosa", "virginica"])).axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["setosa", "virginica"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["setosa", "virginica"]
    assert len(ax.texts) == 4
    assert len(draw_confusion_matrix([0], [0], names=["a", "b", "c"]).axes[0].texts) == 9


@pytest.mark.parametrize(
    ("truth", "predicted", "names", "kind", "message"),
    [
        ([], [], None, ValueError, "expected at least one example, got none."),
        ([0, 1], [0], None, ShapeError, "expected a prediction for each of 2 examples, got 1."),
        (
            [0],
            [[0.5, 0.5]],
            None,
            ShapeError,
            "expected predicted to be (n,), got shape (1, 2). Of a network's outputs, pass argmax(axis=-1).",
        ),
        (0, 0, None, ShapeError, "expected truth to be (n,), got shape ()."),
        (
            ["a"],
            [0],
            None,
            TypeError,
            "expected integers in truth, the numbers of classes, got <U1. "
            "numpy.unique(..., return_inverse=True) numbers other labels.",
        ),
        (
            [0],
            [0.0],
            None,
            TypeError,
            "expected integers in predicted, the numbers of classes, got float64. "
            "numpy.unique(..., return_inverse=True) numbers other labels.",
        ),
        ([0, 1], [0, -1], None, ValueError, "expected classes in 0..1, got -1 in predicted."),
        ([0, 2], [0, 1], ["a", "b"], ValueError, "expected classes in 0..1, as many as names, got 2 in truth."),
        (
            [0, 100],
            [0, 1],
            None,
            ValueError,
            "expected at most 100 classes, got 101. Number those that occur by numpy.unique(..., return_inverse=True).",
        ),
    ],
)
def test_what_are_no_classes_is_refused(truth, predicted, names, kind, message):
    with pytest.raises(kind) as caught:
        draw_confusion_matrix(truth, predicted, names=names)
    assert str(caught.value) == f"draw_confusion_matrix: {message}"


def test_pictures_of_learning_are_drawn_into_axes_of_the_caller(tmp_path):
    figure = new_figure(9, 3)
    left, middle, right = figure.subplots(1, 3)
    assert draw_learning_curves({"b": [1, 2], "loss": [3, 4]}, ax=[left, middle]) is figure
    assert [ax.get_ylabel() for ax in (left, middle, right)] == ["loss", "b", ""]
    assert draw_confusion_matrix(TRUTH, PREDICTED, ax=right, path=tmp_path / "figure.png") is figure
    assert right.get_title() == "accuracy 71.43 % (5 of 7)"
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"draw_learning_curves: expected ax to be one axes, for loss, got 2\."):
        draw_learning_curves({"loss": [1]}, ax=[left, middle])
    with pytest.raises(ValueError, match=r"draw_confusion_matrix: expected ax to be one axes, for the matrix, got 2\."):
        draw_confusion_matrix([0], [0], ax=[left, middle])


def test_steps_are_whole_numbers_on_the_axis():
    (ax,) = draw_learning_curves({"loss": [1, 2, 3]}).axes
    assert all(tick % 1 == 0 for tick in ax.get_xticks())


# A run in a notebook.


def test_a_run_is_a_line_of_text_and_its_learning_curves():
    history = {"step": np.arange(1, 4), "loss": np.array([3.0, 2.0, 1.0]), "gradient": np.ones((3, 2, 2))}
    run = Run((), (), history, {"step": np.array([3]), "loss": np.array([1.5])}, 3, "finished")
    assert repr(run) == "Run(3 steps, finished, loss 1)"
    assert run._repr_png_().startswith(b"\x89PNG")


def test_a_run_without_records_is_a_line_of_text():
    run = Run((), (), {}, {}, 0, "no more data")
    assert (repr(run), run._repr_png_()) == ("Run(0 steps, no more data)", None)
