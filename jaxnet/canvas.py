"""What all pictures share: new figures, axes of the caller, colours, files. matplotlib is imported when one is drawn.

Colours after M. Okabe and K. Ito, Color universal design (2008): the colour-blind can tell them apart.
"""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BLUE, VERMILION, *_ = COLOURS
# One style of line for each colour: in grey print, lines differ by their dashes.
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))


def new_figure(width: float, height: float, layout: Any = "constrained") -> "Figure":
    """Return an empty figure that is no part of pyplot's global state.

    Args:
        width: in inches.
        height: in inches.
        layout: as `matplotlib.figure.Figure` takes it; None to place axes by hand.

    Returns:
        A figure with a canvas of its own; a notebook shows it where it is the value of a cell.

    >>> new_figure(5, 3).get_size_inches().tolist()
    [5.0, 3.0]
    """
    from jaxnet.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def given_axes(where: str, ax: Any, panels: Sequence[str]) -> "list[Axes]":
    """Return the axes that the caller passed as `ax=`, one for each panel.

    Args:
        where: the function that was called, named in errors.
        ax: an `Axes`, or an array or a list of them.
        panels: the names of the panels, in order.

    Returns:
        As many axes as there are panels.

    Raises:
        TypeError: if something else than axes is passed.
        ValueError: if there are more or fewer axes than panels, or one of them twice.

    >>> given_axes("draw_map", new_figure(5, 3).subplots(1, 3), ["sum", "carry"])
    Traceback (most recent call last):
    ValueError: draw_map: expected ax to be 2 different axes, one for each of sum, carry, got 3.
    """
    from matplotlib.axes import Axes

    axes = np.asarray(ax, object).ravel().tolist()
    for one in axes:
        if not isinstance(one, Axes):
            raise TypeError(
                f"{where}: expected ax to be axes of matplotlib, as figure.subplots() makes them, "
                f"got {type(one).__name__}."
            )
    n = len(set(axes))
    if n != len(panels) or n != len(axes):
        many = f"{len(panels)} different axes, one for each of" if len(panels) > 1 else "one axes, for"
        got = f"{len(axes)}" if n == len(axes) else f"{len(axes)}, of which {n} different"
        raise ValueError(f"{where}: expected ax to be {many} {', '.join(panels)}, got {got}.")
    return axes


def finished(ax: "Axes", path: str | Path | None) -> "Figure":
    """Return the figure that an axes belongs to, and save it if there is a path.

    Args:
        ax: one that was drawn into.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The whole figure, also if the axes is in a part of it.

    Raises:
        ValueError: if matplotlib does not know the extension.

    >>> ax = new_figure(5, 3).subplots()
    >>> finished(ax, path=None) is ax.figure
    True
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    if path is not None:
        figure.savefig(os.path.expanduser(path), dpi=150)
    return figure


def svg_of(figure: "Figure") -> str:
    """Return a figure as an SVG element, as a notebook embeds it.

    Args:
        figure: any figure.

    Returns:
        The `<svg>` element, without a date or other notes.

    >>> svg_of(new_figure(5, 3))[:4]
    '<svg'
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = file.getvalue()
    return text[text.index("<svg") :]
