"""Pictures of circuits, truth tables and studies; matplotlib is imported when one is drawn.

Colours after M. Okabe and K. Ito, Color universal design (2008).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.study.comparison import SQUARE, Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Told apart by the colour-blind, and in grey by their dashes.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))
_READINGS = ("threshold", "constructed", "learned")
_MAX_SURFACES = 4


def draw_comparison(studies: Sequence[Comparison], path: str | Path | None = None) -> "Figure":
    """Draw studies side by side: decision surfaces of two-input functions, gain against error, learning curves.

    Args:
        studies: one or more; surfaces are drawn for the first four that have them.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: if there are no studies, or matplotlib does not know the extension.

    >>> from circuits import parse
    >>> from circuits.study.comparison import compare
    >>> len(draw_comparison([compare(parse("a & b"), seeds=2, steps=20, progress=False)]).axes) > 3
    True
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not studies:
        raise ValueError("draw_comparison: expected at least one study, got none.")
    planar = [study for study in studies if study.surfaces is not None][:_MAX_SURFACES]
    columns = min(4, len(studies))
    curve_rows = -(-len(studies) // columns)
    learning_height = 0.5 + 1.7 * curve_rows
    height = 3.4 + learning_height
    surfaces_width = 0.7 + 1.7 * len(planar) if planar else 0
    figure = Figure(figsize=(surfaces_width + 8.8, height), layout="constrained")
    FigureCanvasAgg(figure)
    if planar:
        left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(surfaces_width, 8.8), wspace=0.03))
        _draw_surfaces(left, planar)
    else:
        right = figure
    gains, curves = np.asarray(right.subfigures(2, 1, height_ratios=(height - learning_height, learning_height)))
    _draw_gains(gains.subplots(), studies)
    _draw_learning(curves, studies, curve_rows, columns)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _draw_surfaces(figure: "Figure | SubFigure", studies: Sequence[Comparison]) -> None:
    figure.suptitle("Three readings", fontsize="large")
    axes = figure.subplots(3, len(studies), sharex=True, sharey=True, squeeze=False)
    image = None
    for column, study in zip(axes.T, studies, strict=True):
        assert study.surfaces is not None
        column[0].set_title(_short(study.name, 16), fontsize="medium")
        for ax, surface in zip(column, study.surfaces, strict=True):
            image = ax.pcolormesh(
                SQUARE, SQUARE, surface, vmin=0, vmax=1, cmap="cividis", shading="gouraud", rasterized=True
            )
            # Steps show their edge by themselves; a surface that never passes 1/2 has no contour there.
            if surface.min() < 0.5 < surface.max() and not np.isin(surface, (0, 1)).all():
                ax.contour(SQUARE, SQUARE, surface, levels=[0.5], colors="white", linewidths=1.5)
            _draw_corners(ax, study.surfaces[0])
            ax.set_aspect("equal")
        column[-1].set_xlabel("input $x_1$")
    for ax, reading in zip(axes[:, 0], _READINGS, strict=True):
        ax.set_ylabel(f"{reading}\ninput $x_2$")
    assert image is not None
    bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.9, aspect=15 * len(studies), pad=0.02)
    bar.set_label("output (white line: ½)\ndots: the function, black is 1", fontsize="medium")


def _draw_corners(ax: "Axes", exact: np.ndarray) -> None:
    for x1 in (0, 1):
        for x2 in (0, 1):
            value = exact[np.searchsorted(SQUARE, x2), np.searchsorted(SQUARE, x1)]
            ax.plot(x1, x2, "o", markersize=9, markeredgecolor="black", markeredgewidth=1.5,
                    markerfacecolor="black" if value > 0.5 else "white")  # fmt: skip
    ax.set_xticks([0, 1])
    ax.set_yticks([0, 1])


def _draw_gains(ax: "Axes", studies: Sequence[Comparison]) -> None:
    ax.set_title("Sigmoids by construction: error against gain")
    for i, study in enumerate(studies):
        style: dict[str, Any] = {"color": _COLOURS[i % 7], "linestyle": _DASHES[i % 7]}
        found = study.constructed
        ax.plot(found.gains, np.maximum(found.worst_errors, 1e-8), **style, label=_short(study.name, 22))
        ax.plot(
            found.gain, max(found.worst_error, 1e-8), "o", color=style["color"], markersize=7, markeredgecolor="black"
        )
    ax.plot([], [], "o", color="white", markeredgecolor="black", label="gain that the theorem gives")
    ax.set_xscale("log", base=2)
    asked = studies[0].constructed.asked
    ax.axhline(asked, color="grey", linewidth=1)
    ax.annotate(f"asked: {asked:g}", (1, asked), xycoords=("axes fraction", "data"), xytext=(-4, 3),
                textcoords="offset points", ha="right", fontsize="small", color="dimgrey")  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(1e-4, 1.3)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("gain (what multiplies weights and biases)")
    ax.set_ylabel("worst error of an output")
    ax.legend(fontsize="small", ncols=2, loc="lower left")


def _draw_learning(figure: "Figure | SubFigure", studies: Sequence[Comparison], n_rows: int, columns: int) -> None:
    seeds = studies[0].learned.n_seeds
    figure.suptitle(
        f"Sigmoids by learning: {seeds} seeds each (line: median; bands: middle 50 % and 90 %)", fontsize="large"
    )
    axes = figure.subplots(n_rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.ravel()[len(studies) :]:
        ax.set_visible(False)
    for i, (ax, study) in enumerate(zip(axes.ravel(), studies, strict=False)):
        learned = study.learned
        low, quarter, median, three_quarters, high = np.nanquantile(
            learned.losses, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1
        )
        colour = _COLOURS[i % 7]
        ax.fill_between(learned.steps, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.fill_between(learned.steps, quarter, three_quarters, color=colour, alpha=0.35, linewidth=0)
        ax.plot(learned.steps, median, color=colour)
        shape = "-".join(map(str, learned.sizes))
        ax.set_title(
            f"{_short(study.name, 24)}\n{shape}: {learned.n_solved / learned.n_seeds:.0%} solved", fontsize="small"
        )
        ax.set_yscale("log")
        ax.set_xscale("log")
        # The lowest panel of each column has the axis, also where the last row is not full.
        if i + columns >= len(studies):
            ax.set_xlabel("step", fontsize="small")
            ax.xaxis.set_tick_params(labelbottom=True)
        ax.tick_params(labelsize="small")
    figure.supylabel("squared error, $\\frac{1}{2}\\|y - v\\|^2$", fontsize="small")


def _short(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"
