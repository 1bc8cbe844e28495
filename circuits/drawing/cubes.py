"""Functions of two and three inputs on the square and the cube: a unit is a cut, and a refutation is a crossing.

S. Muroga, Threshold Logic and its Applications (1971), for the plane; C. C. Elgot, Truth functions realizable by single
threshold organs (1961), for true and false corners with one sum.
"""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.truth_tables import truth_table
from circuits.threshold.packed_tables import pack_tables, unpack_tables
from circuits.threshold.propositions import inequality
from circuits.threshold.recognition import recognise
from circuits.threshold.threshold_circuits import ThresholdCircuit
from circuits.threshold.trades import Rows, TradingTransform, fires
from circuits.threshold.units import ThresholdUnit
from jaxnet.canvas import BLUE, VERMILION, finished, given_axes, new_figure
from jaxnet.validation import whole_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Where one more on each axis leads on the page: to the right and up; of three axes, to the front, right and up, so that
# the planes of positive weights are seen from above.
_PAGE = {2: np.array([[1, 0], [0, 1]]), 3: np.array([[-0.62, -0.3], [1, 0], [0, 1]])}
# The corner behind all others; and where labels go of corners that have edges all around: between two of these.
_BEHIND = {2: None, 3: 0b000}
_INNER = {2: {}, 3: {0b000: (1, 1), 0b111: (1, -1)}}
_EDGE, _TRUE, _FALSE = "#767676", BLUE, "white"
_ABOVE = {"zorder": 3, "linewidth": 2.2}


def draw_cube(function: Any, n: int | None = None, *, ax: Any = None, path: str | Path | None = None) -> "Figure":
    """Draw a function on the corners of the square or the cube, with the cut of its unit, or why it has none.

    True corners are filled, false ones open. A threshold function has a line, or a plane, between them: that of its
    least weights, w.x = T - 1/2. Any other has true corners and false corners with the same sum, whose segments meet
    in one point, and no line or plane has that point on both of its sides.

    Args:
        function: a `Circuit` or `ThresholdCircuit` of one output, a `ThresholdUnit`, or a truth table as `recognise`
            takes it: an integer of 2^n bits, or bool `(2^n,)`.
        n: the number of inputs of a truth table, 2 or 3; None for all else.
        ax: axes to draw into; a new figure, with a legend, if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure, with the unit or the sum of corners as its title. A corner is written as its inputs, the
        first one first.

    Raises:
        TypeError: if a table is neither bool nor integer, n is missing or no whole number, or `ax` is anything but
            axes.
        ValueError: if there are not 2 or 3 inputs and 1 output, a table does not fit n, `ax` is more than one, or
            matplotlib does not know the extension.

    Source: S. Muroga, Threshold Logic and its Applications (1971).

    >>> draw_cube(0b11101000, 3).axes[0].get_title()                        # majority
    'x0 + x1 + x2 ≥ 2'
    >>> draw_cube(0b0110, 2).axes[0].get_title()                            # XOR
    'no unit: 10 + 01 = 00 + 11'
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    values, names = _read(function, n)
    n = len(names)
    answer = recognise(values, n)
    if ax is None:
        panel = new_figure(3.8, 4.0, ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.12)).subplots()
    else:
        (panel,) = given_axes("draw_cube", ax, ["the cube"])
    corners = np.arange(1 << n)[:, None] >> np.arange(n) & 1
    _draw_edges(panel, corners)
    if isinstance(answer, ThresholdUnit):
        label = _draw_cut(panel, answer, corners)
        title = _title(answer, names)
    else:
        label = "same sum"
        title = f"no unit: {_sum_of(answer.certificate.true, n)} = {_sum_of(answer.certificate.false, n)}"
        _draw_trade(panel, answer.certificate, corners)
    _draw_corners(panel, corners, values)
    panel.set_title(title, fontsize="medium", parse_math=False)
    _draw_axes(panel, names)
    if ax is None:
        _draw_legend(panel, label)
    return finished(panel, path)


def _read(function: Any, n: int | None) -> tuple[np.ndarray, Sequence[str]]:
    """Return the value at each corner, `(2^n,)` bool, and the names of the inputs."""
    where = "draw_cube"
    if isinstance(function, (Circuit, ThresholdCircuit, ThresholdUnit)):
        found = function.n_inputs
        if n not in (None, found):
            raise ValueError(f"{where}: expected n to be None, or the {found} inputs of the function, got {n!r}.")
        if not 2 <= found <= 3:
            hint = " draw_karnaugh_map has the maps of up to 10." if found > 3 else ""
            raise ValueError(f"{where}: expected 2 or 3 inputs, got {found}.{hint}")
        if isinstance(function, ThresholdUnit):
            return fires(function.weights, function.threshold), _numbered(found)
        if function.n_outputs != 1:
            raise ValueError(
                f"{where}: expected one output, got {function.n_outputs}; circuits.cone takes one of them."
            )
        return truth_table(function)[:, 0], function.input_names
    if n is None:
        raise TypeError(f"{where}: expected n, the number of inputs of a truth table, got none.")
    n = whole_number(where, "n", n, 2, 3)
    words = pack_tables(function, n, where=where)
    if words.ndim != 1:
        raise ValueError(f"{where}: expected one truth table, got shape {np.shape(function)}.")
    return unpack_tables(words, n), _numbered(n)


def _numbered(n: int) -> list[str]:
    return [f"x{i}" for i in range(n)]


def _edges(n: int) -> list[tuple[int, int]]:
    return [(row, row | 1 << i) for row in range(1 << n) for i in range(n) if not row >> i & 1]


def _draw_edges(panel: "Axes", corners: np.ndarray) -> None:
    n = corners.shape[1]
    for a, b in _edges(n):
        hidden = _BEHIND[n] in (a, b)
        panel.plot(
            *(corners[[a, b]] @ _PAGE[n]).T, color=_EDGE, linewidth=1, linestyle=":" if hidden else "-", zorder=2
        )


def _draw_cut(panel: "Axes", unit: ThresholdUnit, corners: np.ndarray) -> str | None:
    """Draw where w.x = T - 1/2 meets the square or the cube; return what it is called, None for a constant."""
    n = unit.n_inputs
    excess = corners @ unit.weights - (unit.threshold - 0.5)
    # The excess is never 0 at a corner, and is linear on an edge.
    crossed = [(a, b) for a, b in _edges(n) if excess[a] * excess[b] < 0]
    if not crossed:
        return None
    share = [excess[a] / (excess[a] - excess[b]) for a, b in crossed]
    points = np.array([corners[a] + s * (corners[b] - corners[a]) for (a, b), s in zip(crossed, share, strict=True)])
    points = points @ _PAGE[n]
    away = points - points.mean(axis=0)
    if n == 2:
        # A line goes on beyond the square.
        length = np.hypot(*away.T)[:, None]
        panel.plot(*(points + 0.18 * away / length).T, color=VERMILION, **_ABOVE)
        return "separating line"
    # A plane meets the cube in a convex polygon: its points in the order of their directions.
    points = points[np.argsort(np.arctan2(*away.T[::-1]))]
    panel.fill(*points.T, facecolor=VERMILION, alpha=0.25, linewidth=0, zorder=2.5)
    panel.fill(*points.T, fill=False, edgecolor=VERMILION, joinstyle="round", **_ABOVE)
    return "separating plane"


def _draw_trade(panel: "Axes", trade: TradingTransform, corners: np.ndarray) -> None:
    """Draw the segments of true corners, and of false ones: both have the same mean."""
    page = _PAGE[trade.n]
    for rows, style in ((trade.true, "-"), (trade.false, (0, (3, 1.5)))):
        places, times = np.array(rows).T
        mean = times @ corners[places] / times.sum()
        for place in places:
            ends = np.array([corners[place], mean]) @ page
            panel.plot(*ends.T, color=VERMILION, linestyle=style, **_ABOVE)
    panel.plot(*(mean @ page), marker="X", color=VERMILION, markeredgecolor="white", markersize=13, zorder=4)


def _draw_corners(panel: "Axes", corners: np.ndarray, values: np.ndarray) -> None:
    from matplotlib.patheffects import withStroke

    n = corners.shape[1]
    halo = [withStroke(linewidth=2.5, foreground="white")]
    middle = _PAGE[n].sum(axis=0) / 2
    for row, (corner, value) in enumerate(zip(corners, values, strict=True)):
        place = corner @ _PAGE[n]
        colour = _TRUE if value else _FALSE
        panel.plot(
            *place, marker="o", markersize=13, color=colour, markeredgecolor=_TRUE, markeredgewidth=1.8, zorder=5
        )
        # Labels to the outer side, so that no edge runs through them.
        right, up = _INNER[n].get(row, np.where(place > middle, 1, -1))
        panel.annotate("".join(map(str, corner)), place, (7 * right, 7 * up), textcoords="offset points",
                       ha="left" if right > 0 else "right", va="bottom" if up > 0 else "top", fontsize="small",
                       path_effects=halo, zorder=6)  # fmt: skip


def _draw_axes(panel: "Axes", names: Sequence[str]) -> None:
    """Name the axes: of a square at its sides, of a cube along three edges."""
    n = len(names)
    for spine in panel.spines.values():
        spine.set_visible(False)
    panel.set_aspect("equal")
    margin = 0.24
    for low, high, limits in zip(
        np.minimum(_PAGE[n], 0).sum(axis=0), np.maximum(_PAGE[n], 0).sum(axis=0), (panel.set_xlim, panel.set_ylim),
        strict=True,
    ):  # fmt: skip
        limits(low - margin, high + margin)
    panel.tick_params(length=0)
    if n == 2:
        panel.set_xticks([0, 1])
        panel.set_yticks([0, 1])
        panel.set_xlabel(_shown(names[0]), parse_math=False)
        panel.set_ylabel(_shown(names[1]), parse_math=False)
        return
    panel.set_xticks([])
    panel.set_yticks([])
    # At the outer edges: the lower right one, the lower front one, the left one.
    middles = np.array([[0.5, 1, 0], [1, 0.5, 0], [1, 0, 0.5]]) @ _PAGE[3]
    sides = [((7, -5), "left", "top"), ((0, -7), "center", "top"), ((-8, 0), "right", "center")]
    for name, middle, (away, ha, va) in zip(names, middles, sides, strict=True):
        panel.annotate(_shown(name), middle, away, textcoords="offset points", ha=ha, va=va, parse_math=False)


def _draw_legend(panel: "Axes", label: str | None) -> None:
    from matplotlib.lines import Line2D

    ring: dict[str, Any] = {"marker": "o", "linestyle": "", "markeredgecolor": _TRUE, "markersize": 9}
    handles = [Line2D([], [], color=_TRUE, **ring, label="true"), Line2D([], [], color=_FALSE, **ring, label="false")]
    if label is not None:
        handles.append(Line2D([], [], color=VERMILION, linewidth=_ABOVE["linewidth"], label=label))
    panel.figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize="small")


def _title(unit: ThresholdUnit, names: Sequence[str]) -> str:
    if not unit.weights.any():
        return f"always {int(unit.threshold <= 0)}"
    shown = [_shown(name) for name in names]
    text = inequality(unit, shown if len(set(shown)) == len(names) else None)
    # Names keep their hyphens.
    return re.sub(r"(^| )-", "\\1\N{MINUS SIGN}", text).replace(">=", "≥")


def _sum_of(rows: Rows, n: int) -> str:
    each = itertools.chain.from_iterable([row] * times for row, times in rows)
    return " + ".join(f"{row:0{n}b}"[::-1] for row in each)


def _shown(name: str) -> str:
    return name if len(name) <= 8 else name[:7] + "…"
