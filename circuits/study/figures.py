"""Pictures of studies: decision surfaces, error against gain, learning curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.study.comparison import SQUARE, Comparison, Recovered
from jaxnet.canvas import COLOURS, DASHES, finished, given_axes, new_figure
from jaxnet.notebook import html_table, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READINGS = ("threshold", "constructed", "learned")
_MAX_SURFACES = 4
_MAX_COLUMNS = 4  # of learning curves


def draw_comparison(
    studies: Comparison | Sequence[Comparison], *, ax: Any = None, path: str | Path | None = None
) -> "Figure":
    """Draw studies side by side: decision surfaces of two-input functions, error against gain, learning curves.

    Args:
        studies: one or more; surfaces are drawn for the first four that have them.
        ax: the axes to draw into: the surfaces (threshold, constructed, learned) of each study that has them, then one
            for error against gain, then one for the learning of each study; a new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure. Learning is the median over seeds, with bands of the middle 50 % and 90 %.

    Raises:
        TypeError: if `ax` is anything but axes.
        ValueError: if there are no studies, if there are more or fewer axes than panels, or matplotlib does not know
            the extension.

    >>> draw_comparison([])                                                # [compare(a), compare(b)] draws two
    Traceback (most recent call last):
    ValueError: draw_comparison: expected at least one study, got none.
    """
    studies = [studies] if isinstance(studies, Comparison) else list(studies)
    if not studies:
        raise ValueError("draw_comparison: expected at least one study, got none.")
    planar = [study for study in studies if study.surfaces is not None][:_MAX_SURFACES]
    if ax is None:
        surfaces, gains, curves = _panels(studies, len(planar))
    else:
        names = [f"{reading} {study.name}" for study in planar for reading in _READINGS]
        names += ["error against gain", *(f"learning {study.name}" for study in studies)]
        axes = given_axes("draw_comparison", ax, names)
        surfaces, (gains, *curves) = axes[: 3 * len(planar)], axes[3 * len(planar) :]
    for i, study in enumerate(planar):
        _draw_surfaces(surfaces[3 * i : 3 * i + 3], study, y_label=ax is not None or i == 0)
    if planar:
        bar = surfaces[0].figure.colorbar(
            surfaces[0].collections[0], ax=surfaces, location="bottom", shrink=0.9, aspect=15 * len(planar), pad=0.02
        )
        bar.set_label("output (white line: ½)\ndots: the function, black is 1", fontsize="medium")
    _draw_gains(gains, studies)
    columns = min(_MAX_COLUMNS, len(studies))
    for i, (panel, study) in enumerate(zip(curves, studies, strict=True)):
        # Panels of a new figure share their axes: the left and the lowest ones are labelled, also in a row not full.
        left, lowest = i % columns == 0, i + columns >= len(studies)
        _draw_learning(panel, study, COLOURS[i % 7], ax is not None or left, ax is not None or lowest)
    return finished(gains, path)


def _panels(studies: Sequence[Comparison], n_planar: int) -> "tuple[list[Axes], Axes, list[Axes]]":
    """Make a figure for studies: the panels of surfaces, study by study, that of gains, and those of learning."""
    columns = min(_MAX_COLUMNS, len(studies))
    rows = -(-len(studies) // columns)
    learning_height = 0.5 + 1.9 * rows
    height = 3.4 + learning_height
    surfaces_width = 0.7 + 1.7 * n_planar if n_planar else 0
    figure = new_figure(surfaces_width + 8.8, height)
    surfaces, right = [], figure
    if n_planar:
        left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(surfaces_width, 8.8), wspace=0.03))
        left.suptitle("Three readings", fontsize="large")
        surfaces = left.subplots(3, n_planar, sharex=True, sharey=True, squeeze=False).T.ravel().tolist()
    upper, lower = np.asarray(right.subfigures(2, 1, height_ratios=(height - learning_height, learning_height)))
    seeds = studies[0].learned.n_seeds
    lower.suptitle(
        f"Sigmoids by learning: {seeds} seeds each (line: median; bands: middle 50 % and 90 %)", fontsize="large"
    )
    curves = lower.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in curves[len(studies) :]:
        unused.set_visible(False)
    return surfaces, upper.subplots(), curves[: len(studies)].tolist()


def _draw_surfaces(panels: "Sequence[Axes]", study: Comparison, y_label: bool) -> None:
    assert study.surfaces is not None
    for ax, reading, surface in zip(panels, _READINGS, study.surfaces, strict=True):
        ax.pcolormesh(SQUARE, SQUARE, surface, vmin=0, vmax=1, cmap="cividis", shading="gouraud", rasterized=True)
        # Steps show their edge by themselves; a surface that never passes 1/2 has no contour there.
        if surface.min() < 0.5 < surface.max() and not np.isin(surface, (0, 1)).all():
            ax.contour(SQUARE, SQUARE, surface, levels=[0.5], colors="white", linewidths=1.5)
        _draw_corners(ax, study.surfaces[0])
        ax.set_aspect("equal")
        if y_label:
            ax.set_ylabel(f"{reading}\ninput $x_2$")
    panels[0].set_title(_short(study.name, 16), fontsize="medium")
    panels[-1].set_xlabel("input $x_1$")


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
        style: dict[str, Any] = {"color": COLOURS[i % 7], "linestyle": DASHES[i % 7]}
        found = study.constructed
        ax.plot(found.gains, np.maximum(found.worst_errors, 1e-8), **style, label=_short(study.name, 22))
        ax.plot(
            found.gain, max(found.worst_error, 1e-8), "o", color=style["color"], markersize=7, markeredgecolor="black"
        )
        if found.certified is not None:
            ax.plot(found.gain, found.certified, "_", color=style["color"], markersize=14, markeredgewidth=2)
    ax.plot([], [], "o", color="white", markeredgecolor="black", label="gain that the theorem gives")
    ax.plot([], [], "_", color="black", markersize=14, markeredgewidth=2, label="error that is proved there")
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


def _draw_learning(ax: "Axes", study: Comparison, colour: str, y_label: bool, x_label: bool) -> None:
    learned = study.learned
    low, quarter, median, three_quarters, high = np.nanquantile(learned.losses, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    ax.fill_between(learned.steps, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.fill_between(learned.steps, quarter, three_quarters, color=colour, alpha=0.35, linewidth=0)
    ax.plot(learned.steps, median, color=colour)
    shape = "-".join(map(str, learned.sizes))
    found = study.recovered
    best = "" if found is None or not learned.n_solved else f"\nbest: {found.size}, {found.guarantee}"
    solved = f"{shape}: {learned.n_solved / learned.n_seeds:.0%} solved"
    ax.set_title(f"{_short(study.name, 24)}\n{solved}{best}", fontsize="small")
    ax.set_yscale("log")
    ax.set_xscale("log")
    if y_label:
        ax.set_ylabel("squared error\n$\\frac{1}{2}\\|y - v\\|^2$", fontsize="small")
    if x_label:
        ax.set_xlabel("step", fontsize="small")
        ax.xaxis.set_tick_params(labelbottom=True)
    ax.tick_params(labelsize="small")


def _short(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


@picture_of.register
def html_of(study: Comparison) -> str:
    """Return a study as a table in HTML, a row for each reading of the function.

    Args:
        study: what `compare` found.

    Returns:
        A `<table>` element.
    """
    threshold, constructed, learned = study.threshold, study.constructed, study.learned
    rows = "all" if study.exhaustive else f"sampled of 2^{study.n_inputs}"
    solved = f"{learned.n_solved} of {learned.n_seeds} networks have all rows right"
    if learned.median_steps is not None:
        solved += (
            f" (medians: after {learned.median_steps:.0f} steps, worst error {learned.worst_error:.3f}), "
            f"{learned.n_hardened} of them also with steps for sigmoids"
        )
    found = study.recovered
    mapped = "" if threshold.n_mapped is None else f"; mapped, {threshold.n_mapped} units"
    certified = "nothing proved" if constructed.certified is None else f"proved {constructed.certified:.4f}"
    recovered = [] if found is None else [("circuit of the best network", found.size, _guaranteed(found))]
    return html_table(
        (study.name, "made of", "found"),
        [
            (
                "circuit",
                f"{study.n_gates} gates, depth {study.depth}",
                f"{study.n_inputs} inputs, {study.n_outputs} outputs, {study.n_rows:,} rows ({rows})",
            ),
            (
                "threshold units",
                f"{threshold.n_units} units, depth {threshold.depth}",
                f"{threshold.wrong_rows} wrong rows{mapped}",
            ),
            (
                "sigmoids by construction",
                f"the same units, gain {constructed.gain:.2f}",
                f"worst error {constructed.worst_error:.4f}, {certified}, asked for {constructed.asked:g}",
            ),
            ("sigmoids by learning", "-".join(map(str, learned.sizes)), solved),
            *recovered,
        ],
    )


def _guaranteed(found: Recovered) -> str:
    return f"{found.guarantee} guarantee that it is the network; {found.wrong_rows} wrong rows"
