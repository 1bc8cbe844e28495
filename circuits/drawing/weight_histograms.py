"""Weights and fan-ins of a threshold circuit, by size: what a chip, or a theorem, must pay for.

Small weights cost depth and units: M. Goldmann and M. Karpinski, Simulating threshold circuits by majority circuits
(1998).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.canvas import BLUE, finished, given_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EACH = 24  # the largest size up to which each size has a bar of its own
_WIDE = 100  # from this ratio of the bars on, their axis is logarithmic


def draw_weights(circuit: ThresholdCircuit, *, ax: Any = None, path: str | Path | None = None) -> "Figure":
    """Draw how many weights, and how many units by fan-in, there are of each size.

    Args:
        circuit: any threshold circuit with an edge.
        ax: two axes to draw into, for weights and fan-ins; a new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure. Sizes above 24 share bars, from each power of two up to the next, on a logarithmic axis;
        counts have a logarithmic axis if the highest is 100 times the lowest or more.

    Raises:
        TypeError: if it is no `ThresholdCircuit`, or `ax` is anything but axes.
        ValueError: if there is no edge, `ax` are not two axes, or matplotlib does not know the extension.

    Source: M. Goldmann and M. Karpinski (1998).

    >>> from circuits.threshold.constructions import comparator
    >>> [ax.get_title() for ax in draw_weights(comparator(4)).axes]
    ['18 weights: median 2, largest 8', '3 units: median fan-in 8, largest 8']
    """
    if not isinstance(circuit, ThresholdCircuit):
        hint = " from_circuit makes one of gates." if type(circuit).__name__ == "Circuit" else ""
        raise TypeError(f"draw_weights: expected a ThresholdCircuit, got {type(circuit).__name__}.{hint}")
    sizes, fan_ins = np.abs(circuit.weights), np.diff(circuit.wiring.offsets)
    if not len(sizes):
        raise ValueError(f"draw_weights: expected a circuit with an edge, got {circuit}, which has none.")
    if ax is None:
        left, right = new_figure(7.2, 3.2).subplots(1, 2)
    else:
        left, right = given_axes("draw_weights", ax, ["weights", "fan-ins"])
    _draw_sizes(left, sizes)
    left.set(xlabel="size of a weight, |w|", ylabel="weights")
    left.set_title(f"{len(sizes):,} weights: median {_median(sizes)}, largest {sizes.max():,}", fontsize="medium")
    _draw_sizes(right, fan_ins)
    right.set(xlabel="fan-in of a unit", ylabel="units")
    right.set_title(
        f"{len(fan_ins):,} units: median fan-in {_median(fan_ins)}, largest {fan_ins.max():,}", fontsize="medium"
    )
    return finished(left, path)


def _draw_sizes(panel: "Axes", sizes: np.ndarray) -> None:
    """Draw a bar for each size, or for each power of two."""
    largest = int(sizes.max())
    if largest <= _EACH:
        first = int(sizes.min() < 1)
        counts = np.bincount(sizes, minlength=largest + 1)
        places = np.arange(1 - first, largest + 1)
        panel.bar(places, counts[places], width=0.8, color=BLUE)
        panel.set_xlim(places[0] - 0.7, max(largest, 5) + 0.7)
        panel.locator_params("x", integer=True)
    else:
        # A unit without fan-in has none of size 1 or more, and no place on a logarithmic axis: it stands at 1/2.
        powers = np.frexp(np.maximum(sizes, 0.5))[1] - 1
        first, last = int(powers.min()), int(powers.max())
        counts = np.bincount(powers - first)
        starts = 2.0 ** np.arange(first, last + 1)
        panel.bar(starts, counts, width=0.9 * starts, align="edge", color=BLUE)
        panel.set_xscale("log", base=2)
    seen = counts[counts > 0]
    if seen.max() >= _WIDE * seen.min():
        panel.set_yscale("log")
        panel.set_ylim(bottom=0.5)
    else:
        panel.locator_params("y", integer=True)
    panel.grid(axis="y", alpha=0.3)
    panel.set_axisbelow(True)


def _median(sizes: np.ndarray) -> str:
    return f"{np.median(sizes):,g}"
