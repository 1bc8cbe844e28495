"""Units by depth, before and after a change: whether a mapping made a circuit smaller, shallower, or neither.

The depth is the number of steps that a chip, or a brain, takes: K.-Y. Siu, V. Roychowdhury and T. Kailath, Discrete
Neural Computation (1995).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.canvas import BLUE, DASHES, VERMILION, finished, given_axes, new_figure
from jaxnet.networks.wiring import levels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_units_by_depth(
    before: ThresholdCircuit,
    after: ThresholdCircuit,
    *,
    names: Sequence[str] = ("before", "after"),
    ax: Any = None,
    path: str | Path | None = None,
) -> "Figure":
    """Draw how many units of two circuits lie at each depth.

    Args:
        before: any threshold circuit.
        after: any other.
        names: of the two, for the legend.
        ax: axes to draw into; a new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure: a dashed outline before, a filled one after.

    Raises:
        TypeError: if one is no `ThresholdCircuit`, or `ax` is anything but axes.
        ValueError: if names are not two, `ax` is more than one, or matplotlib does not know the extension.

    Source: K.-Y. Siu, V. Roychowdhury and T. Kailath (1995), for depth against size.

    >>> import circuits
    >>> from circuits.threshold.constructions import adder
    >>> figure = draw_units_by_depth(circuits.from_circuit(circuits.library.adder(8)), adder(8))
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['before: 52 units, depth 16', 'after: 16 units, depth 2']
    """
    for circuit in (before, after):
        if not isinstance(circuit, ThresholdCircuit):
            hint = " from_circuit makes one of gates." if type(circuit).__name__ == "Circuit" else ""
            raise TypeError(f"draw_units_by_depth: expected a ThresholdCircuit, got {type(circuit).__name__}.{hint}")
    if isinstance(names, str) or len(names) != 2:
        raise ValueError(f"draw_units_by_depth: expected two names, before and after, got {names!r}.")
    if ax is None:
        panel = new_figure(5.6, 3.4).subplots()
    else:
        (panel,) = given_axes("draw_units_by_depth", ax, ["units by depth"])
    profiles = [_units_at(before), _units_at(after)]
    last = max(map(len, profiles))
    styles: list[dict[str, Any]] = [
        {"color": VERMILION, "linestyle": DASHES[1], "linewidth": 1.8, "zorder": 3},
        {"facecolor": BLUE, "edgecolor": BLUE, "fill": True, "alpha": 0.75, "zorder": 2},
    ]
    for name, circuit, counts, style in zip(names, (before, after), profiles, styles, strict=True):
        label = f"{name}: {circuit.n_units:,} units, depth {len(counts):,}"
        # Each level from half a step before to half a step after; none where a circuit has ended.
        panel.stairs(counts, np.arange(len(counts) + 1) + 0.5, baseline=0, label=label, **style)
    panel.set_xlim(0.3, max(last, 3) + 0.7)
    panel.set_ylim(0, 1.08 * max(1, *(counts.max(initial=0) for counts in profiles)))
    panel.locator_params(integer=True)
    panel.set(xlabel="depth of a unit (units on the longest path to it)", ylabel="units")
    panel.grid(axis="y", alpha=0.3)
    panel.legend(fontsize="small")
    return finished(panel, path)


def _units_at(circuit: ThresholdCircuit) -> np.ndarray:
    """Return how many units lie at depths 1, 2, ..."""
    wiring = circuit.wiring
    level = levels(wiring.n_inputs, wiring.offsets, wiring.sources)[wiring.n_inputs :]
    return np.bincount(level, minlength=1)[1:]
