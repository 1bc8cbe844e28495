"""Pictures of learning and of networks: `draw_*(data, *, ax=None, path=None)` returns the figure."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jax.typing import ArrayLike

from jaxnet.canvas import BLUE, DASHES, VERMILION, finished, given_axes, new_figure
from jaxnet.connectivity.rich_club import RichClub
from jaxnet.notebook import picture_of
from jaxnet.training.run_state import Run
from jaxnet.validation import ShapeError, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MEASURED: dict[str, Any] = {"color": BLUE, "linestyle": DASHES[0]}
_REWIRED: dict[str, Any] = {"color": VERMILION, "linestyle": DASHES[1]}
_TRAINING, _VALIDATION = _MEASURED, _REWIRED
_PLAIN = 200  # more records than this are drawn as a running median
_POINTS = 1_000  # at most, on a line
_MAX_CLASSES = 100


def draw_rich_club(found: RichClub, *, ax: Any = None, path: str | Path | None = None) -> "Figure":
    """Draw the rich-club coefficient beside that of rewired graphs, and the normalised coefficient.

    Args:
        found: from `jaxnet.normalised_rich_club`.
        ax: two axes to draw into, for the coefficient and the normalised one; a new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure. Infinite values are not drawn; where only the upper end of a band is infinite, the band
        is drawn up to the upper edge.

    Raises:
        TypeError: if `ax` is anything but axes.
        ValueError: if `ax` are not two axes, or matplotlib does not know the extension.

    >>> import jax, jaxnet
    >>> ring = jaxnet.Graph(6, [(i, (i + 1) % 6) for i in range(6)], directed=False)
    >>> draw_rich_club(jaxnet.normalised_rich_club(ring, key=jax.random.key(0), rewirings=10)).axes[1].get_xlabel()
    'degree k (edges of a node)'
    """
    if ax is None:
        upper, lower = new_figure(6.4, 6.4).subplots(2, 1, sharex=True)
    else:
        upper, lower = given_axes("draw_rich_club", ax, ["the coefficient", "the normalised coefficient"])
        upper.set_xlabel("degree k (edges of a node)")
    low, high = found.quantiles
    band = f"{100 * low:g} % to {100 * high:g} %"

    upper.set_title("Connections among the nodes of degree above k")
    upper.fill_between(found.k, found.low, found.high, color=_REWIRED["color"], alpha=0.25, linewidth=0,
                       label=f"rewired: {band}")  # fmt: skip
    upper.plot(found.k, found.mean, **_REWIRED, label=f"rewired: mean of {found.n_rewirings:,}")
    upper.plot(found.k, found.phi, **_MEASURED, label="measured")
    upper.set_ylabel("rich-club coefficient φ(k)\n(share of possible edges)")
    upper.set_ylim(bottom=0)
    upper.legend(fontsize="small")

    drawn = np.where(np.isfinite(found.normalised), found.normalised, np.nan)
    ends = found.normalised_high
    finite = ends[np.isfinite(ends)]
    # Where few members are left the band is wide: it may leave the picture, the curve may not.
    top = 1.1 * max(
        np.max(drawn, initial=1.5, where=np.isfinite(drawn)), np.quantile(finite, 0.9) if len(finite) else 0
    )
    lower.fill_between(found.k, found.normalised_low, np.where(np.isposinf(ends), top, ends), color=_MEASURED["color"],
                       alpha=0.25, linewidth=0, label=f"over rewired: {band}")  # fmt: skip
    lower.plot(found.k, drawn, **_MEASURED, label="over the mean of rewired")
    lower.axhline(1, **_REWIRED, linewidth=1, label="as the degrees explain")
    lower.set_ylim(0, top)
    lower.locator_params("x", integer=True)
    lower.set_xlabel("degree k (edges of a node)")
    lower.set_ylabel("normalised φ(k)\n(measured / rewired)")
    lower.legend(fontsize="small", loc="lower left")
    return finished(upper, path)


def draw_learning_curves(
    history: Mapping[str, Any] | Run,
    *,
    validation: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
    quantiles: tuple[float, float] = (0.05, 0.95),
    ax: Any = None,
    path: str | Path | None = None,
) -> "Figure":
    """Draw what was measured while learning: a panel for each metric, with training and validation in the same panel.

    The axis of a loss is logarithmic if all its values are positive and span more than a factor of ten. More than 200
    records are drawn as a running median, over a fiftieth of them; the records of a single run are drawn as well, in
    a light colour. An ensemble is drawn as the median over its members and a band. The legend says so.

    Args:
        history: what `jaxnet.fit` returns, a `Run` with its validation, or what `jaxnet.train` measured: a dict of
            real arrays, `(records,)`, or `(records, members)` for an ensemble, as `jax.vmap` makes it with
            `out_axes=(0, 1)`. If it has "step", `(records,)`, that is the horizontal axis; else 1, 2, ... is.
        validation: likewise; it may have other metrics, and fewer records if it has "step".
        units: by name of metric, for the vertical axes: `{"loss": "nats"}`.
        quantiles: the ends of the bands of ensembles, in 0..1.
        ax: as many axes to draw into as there are metrics; a new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure. Values that are not finite are left out, and the legend says how many.

    Raises:
        ShapeError: if an array has another shape, or another number of records than the others.
        TypeError: if an array is not of real numbers, or `ax` is anything but axes.
        ValueError: if there is nothing to draw, if steps are not finite and increasing, if it is not known at which
            step validation was measured, if quantiles are out of order, if there are more or fewer axes than metrics,
            or matplotlib does not know the extension.

    >>> import jax.numpy as jnp
    >>> history = {"loss": jnp.array([4.0, 1.0, 0.2]), "accuracy": jnp.array([0.1, 0.5, 0.9])}
    >>> figure = draw_learning_curves(history, validation={"step": [3], "loss": [0.3]}, units={"loss": "nats"})
    >>> loss, accuracy = figure.axes
    >>> loss.get_ylabel(), loss.get_yscale(), accuracy.get_yscale()
    ('loss (nats)', 'log', 'linear')
    """
    if isinstance(history, Run):
        history, validation = history.history, history.validation if validation is None else validation
    low, high = quantiles
    if not 0 <= low <= 0.5 <= high <= 1:
        raise ValueError(
            f"draw_learning_curves: expected quantiles low <= 0.5 <= high in 0..1, got {written(quantiles)}."
        )
    training = _curves("history", history)
    measured = _curves("validation", {} if validation is None else validation)
    if not training.metrics:
        raise ValueError(
            "draw_learning_curves: expected a history with a metric and a record, got none. Were steps made?"
        )
    x_label = "record" if training.steps is None and measured.steps is None else "step"
    if measured.n:
        measured = measured._replace(steps=_steps_of_validation(training, measured))
    # Losses first: what comes out of a compiled function is in the order of the alphabet.
    names = sorted(dict.fromkeys([*training.metrics, *measured.metrics]), key=lambda name: not _is_loss(name))
    if ax is None:
        columns = min(3, len(names))
        rows = -(-len(names) // columns)
        grid = new_figure(1 + 4.6 * columns, 3.8 * rows).subplots(rows, columns, squeeze=False).ravel()
        for unused in grid[len(names) :]:
            unused.remove()
        panels = grid[: len(names)].tolist()
    else:
        panels = given_axes("draw_learning_curves", ax, names)

    for panel, name in zip(panels, names, strict=True):
        finite = np.array([])
        for curves, label, style in ((training, "training", _TRAINING), (measured, "validation", _VALIDATION)):
            if name in curves.metrics:
                steps = np.arange(1, curves.n + 1) if curves.steps is None else curves.steps
                values = np.where(np.isfinite(curves.metrics[name]), curves.metrics[name], np.nan)
                _draw_curve(panel, steps, values, label, style, quantiles)
                finite = np.append(finite, values[~np.isnan(values)])
        if _is_loss(name) and len(finite) and finite.min() > 0 and finite.max() > 10 * finite.min():
            panel.set_yscale("log")
        if all(curves.steps is None or np.all(curves.steps % 1 == 0) for curves in (training, measured)):
            panel.locator_params("x", integer=True)
        panel.set_xlabel(x_label)
        panel.set_ylabel(f"{name} ({units[name]})" if units and name in units else name)
        panel.legend(fontsize="small")
    return finished(panels[0], path)


def draw_confusion_matrix(
    truth: ArrayLike,
    predicted: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    ax: Any = None,
    path: str | Path | None = None,
) -> "Figure":
    """Draw how often each class was taken for which: a row for each true class, a column for each predicted one.

    Args:
        truth: `(n,)`, integers in 0..m-1 or Booleans: the classes.
        predicted: `(n,)`, likewise; `outputs.argmax(axis=-1)` if a network has the outputs `(n, m)`.
        names: of the m classes; the numbers up to the largest that occurs if None.
        ax: where to draw; the grey scale takes a part of its room. A new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure: counts in the cells, whose grey is the square root of their share of the row, as the
        scale shows; the accuracy in the title.

    Raises:
        ShapeError: if the arrays are not of one shape `(n,)`.
        TypeError: if they are not of integers or Booleans, or `ax` is anything but axes.
        ValueError: if there are no examples, a class is out of range, there are more than 100, `ax` is more than one,
            or matplotlib does not know the extension.

    >>> draw_confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], names=["cat", "dog"]).axes[0].get_title()
    'accuracy 75.00 % (3 of 4)'
    """
    from matplotlib.colors import PowerNorm

    truth, predicted = _classes("truth", truth), _classes("predicted", predicted)
    if truth.shape != predicted.shape:
        raise ShapeError(
            f"draw_confusion_matrix: expected a prediction for each of {len(truth)} examples, got {len(predicted)}."
        )
    if not len(truth):
        raise ValueError("draw_confusion_matrix: expected at least one example, got none.")
    m = int(max(truth.max(), predicted.max())) + 1 if names is None else len(names)
    for where, classes in (("truth", truth), ("predicted", predicted)):
        if classes.min() < 0 or classes.max() >= m:
            wrong = classes.min() if classes.min() < 0 else classes.max()
            raise ValueError(
                f"draw_confusion_matrix: expected classes in 0..{m - 1}"
                f"{'' if names is None else ', as many as names'}, got {wrong} in {where}."
            )
    if m > _MAX_CLASSES:
        raise ValueError(
            f"draw_confusion_matrix: expected at most {_MAX_CLASSES} classes, got {m}. "
            "Number those that occur by numpy.unique(..., return_inverse=True)."
        )
    names = [str(name) for name in (range(m) if names is None else names)]
    counts = np.bincount(truth * m + predicted, minlength=m * m).reshape(m, m)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    if ax is None:
        size = 2.2 + 0.48 * m
        panel = new_figure(size + 1.2, size).subplots()
    else:
        (panel,) = given_axes("draw_confusion_matrix", ax, ["the matrix"])
    # The square root, or the few mistakes of a good classifier would all be white.
    image = panel.imshow(shares, cmap="Greys", norm=PowerNorm(0.5, vmin=0, vmax=1))
    for row, column in np.ndindex(m, m):
        # Zeros can be read, but other numbers are seen first.
        colour = "white" if shares[row, column] > 0.375 else "black" if counts[row, column] else "darkgrey"
        panel.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour, fontsize="small")
    panel.set_xticks(range(m), names, rotation=90 if max(map(len, names)) > 4 else 0)
    panel.set_yticks(range(m), names)
    panel.set_xlabel("predicted class")
    panel.set_ylabel("true class")
    right = int(np.trace(counts))
    panel.set_title(f"accuracy {100 * right / len(truth):.2f} % ({right:,} of {len(truth):,})")
    panel.figure.colorbar(image, ax=panel, shrink=0.8, ticks=[0, 0.01, 0.05, 0.2, 0.5, 1]).set_label(
        "share of the true class (row)"
    )
    return finished(panel, path)


def _is_loss(name: str) -> bool:
    return "loss" in name.lower()


class _Curves(NamedTuple):
    """Metrics by name, each `(n, members)`, and the step of each record if it is known."""

    n: int
    steps: np.ndarray | None
    metrics: dict[str, np.ndarray]


def _curves(where: str, history: Mapping[str, Any]) -> _Curves:
    arrays = {}
    for name, values in history.items():
        values = np.asarray(values)
        dimensions, shapes = ((1,), "(records,)") if name == "step" else ((1, 2), "(records,) or (records, members)")
        if values.ndim not in dimensions or 0 in values.shape[1:]:
            raise ShapeError(
                f"draw_learning_curves: expected {where}[{name!r}] to be {shapes}, got shape {values.shape}."
            )
        try:
            # JAX's short floats are of no kind that NumPy knows, but it can cast them.
            arrays[name] = values.astype(float, casting="same_kind")
        except TypeError:
            raise TypeError(
                f"draw_learning_curves: expected real numbers in {where}[{name!r}], got {values.dtype}."
            ) from None
    sizes = {name: len(values) for name, values in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise ShapeError(f"draw_learning_curves: expected as many records of each metric, got in {where} {sizes}.")
    n = next(iter(sizes.values()), 0)
    steps = arrays.pop("step", None)
    if steps is not None and not (np.isfinite(steps).all() and (np.diff(steps) > 0).all()):
        raise ValueError(f"draw_learning_curves: expected {where}['step'] to be finite and increasing, got {steps}.")
    return _Curves(n, steps, {name: values.reshape(n, -1) for name, values in arrays.items() if n})


def _steps_of_validation(training: _Curves, measured: _Curves) -> np.ndarray | None:
    """Return the steps at which validation was measured, on the axis of training; raise where it would be a guess."""
    if measured.steps is None and measured.n != training.n:
        raise ValueError(
            f"draw_learning_curves: expected validation['step'], since validation has {measured.n} records "
            f"and history {training.n}."
        )
    if measured.steps is not None and training.steps is None and measured.steps[-1] > training.n:
        raise ValueError(
            f"draw_learning_curves: expected history['step'], since validation goes to step {measured.steps[-1]:g} "
            f"and history has {training.n} records."
        )
    return training.steps if measured.steps is None else measured.steps


def _draw_curve(
    ax: "Axes", steps: np.ndarray, values: np.ndarray, label: str, style: dict[str, Any], ends: tuple[float, float]
) -> None:
    """Draw one curve of values `(n, members)`, NaN where there is none."""
    n, members = values.shape
    window = 1 if n <= _PLAIN else n // 50 | 1
    centres = np.unique(np.linspace(0, n - 1, min(n, _POINTS)).round().astype(int))
    low, median, high = _running_quantiles(values, centres, window, (ends[0], 0.5, ends[1]))
    what = [f"median of {members:,}"] if members > 1 else ["running median"] if window > 1 else []
    what += [f"over {window:,} records"] if window > 1 else []
    if members > 1:
        band = f"{label}: {100 * ends[0]:g} % to {100 * ends[1]:g} %"
        ax.fill_between(steps[centres], low, high, color=style["color"], alpha=0.2, linewidth=0, label=band)
    elif window > 1:
        bin_size = 1 if n <= _POINTS else -(-2 * n // _POINTS)
        raw = _extremes(values[:, 0], bin_size)
        which = "each record" if bin_size == 1 else f"least and greatest of each {bin_size:,} records"
        ax.plot(steps[raw], values[raw, 0], color=style["color"], alpha=0.3, linewidth=0.7, label=f"{label}: {which}")
    text = f"{label}: {', '.join(what)}" if what else label
    left_out = np.isnan(values).sum()
    if left_out:
        text += f"\n({left_out:,} of {values.size:,} values not finite, left out)"
    # A number between two that are left out has no line to either side: without a mark it would not be seen.
    marks = {"marker": "o", "markersize": 4 if n <= 50 else 1.5} if window == 1 else {}
    ax.plot(steps[centres], median, **style, **marks, label=text)


def _running_quantiles(values: np.ndarray, centres: np.ndarray, window: int, quantiles: Sequence[float]) -> np.ndarray:
    """Return quantiles of the numbers in a window around each centre, `(quantiles, centres)`; NaN where there is none.

    Near the first record windows get shorter, so that they stay symmetric: a loss begins steep, and a one-sided window
    would hide where. Near the last they are one-sided: one record alone would be noise.
    """
    found = np.full((len(quantiles), len(centres)), np.nan)
    for i, centre in enumerate(centres):
        half = min(window // 2, centre)
        numbers = values[centre - half : centre + half + 1]
        numbers = numbers[~np.isnan(numbers)]
        if len(numbers):
            found[:, i] = np.quantile(numbers, quantiles)
    return found


def _extremes(values: np.ndarray, bin_size: int) -> np.ndarray:
    """Return where the least and the greatest number of each bin are: a line of these alone keeps its peaks."""
    kept = []
    for start in range(0, len(values), bin_size):
        part = values[start : start + bin_size]
        # A bin of NaN keeps one of them, so that a gap stays a gap.
        kept += [start] if np.isnan(part).all() else [start + np.nanargmin(part), start + np.nanargmax(part)]
    return np.unique(kept)


def _classes(where: str, classes: ArrayLike) -> np.ndarray:
    values = np.asarray(classes)
    if values.ndim != 1:
        hint = " Of a network's outputs, pass argmax(axis=-1)." if values.ndim == 2 else ""
        raise ShapeError(f"draw_confusion_matrix: expected {where} to be (n,), got shape {values.shape}.{hint}")
    if len(values) and values.dtype.kind not in "iub":
        raise TypeError(
            f"draw_confusion_matrix: expected integers in {where}, the numbers of classes, got {values.dtype}. "
            "numpy.unique(..., return_inverse=True) numbers other labels."
        )
    return values.astype(int)


@picture_of.register
def png_of_run(run: Run) -> bytes | None:
    """Return the learning curves of a run as a notebook shows them, with how it ended.

    Args:
        run: from `jaxnet.fit`.

    Returns:
        A PNG file; None if nothing was recorded that can be drawn.

    >>> png_of_run(Run((), (), {"loss": np.array([2.0, 1.0])}, {}, 2, "finished"))[1:4]
    b'PNG'
    """
    history, validation = (
        {name: m for name, m in metrics.items() if m.ndim in (1, 2) and 0 not in m.shape and m.dtype.kind != "c"}
        for metrics in (run.history, run.validation)
    )
    if not history.keys() - {"step"}:
        return None
    figure = draw_learning_curves(history, validation=validation)
    figure.suptitle(f"{run.steps:,} steps: {run.stopped}", fontsize="medium")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
