"""Pictures of logic gate networks: which gates there are, what hardening costs in training, which inputs are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.typing import ArrayLike

from circuits.gate_networks.gate_statistics import gate_types
from circuits.gate_networks.logic_gate_networks import GateParams
from jaxnet.canvas import BLUE, DASHES, VERMILION, finished, given_axes, new_figure
from jaxnet.networks.network import Network
from jaxnet.training.run_state import Run
from jaxnet.validation import ShapeError, integers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The truth tables by kind, each with its name: 1 where no, two, one, three and two rows of four are.
_KINDS: dict[str, dict[int, str]] = {
    "constant": {0b0000: "0", 0b1111: "1"},
    "copy or\ninverter": {0b1010: "a", 0b1100: "b", 0b0101: "~a", 0b0011: "~b"},
    "like AND": {0b1000: "a & b", 0b0010: "a & ~b", 0b0100: "~a & b", 0b0001: "~a & ~b"},
    "like OR": {0b1110: "a | b", 0b1011: "a | ~b", 0b1101: "~a | b", 0b0111: "~a | ~b"},
    "like XOR": {0b0110: "a ^ b", 0b1001: "~(a ^ b)"},
}
_MOST_NUMBERED = 12  # layers of which the shares are written into the cells


def draw_gate_types(
    network: Network, params: GateParams, *, ax: Any = None, path: str | Path | None = None
) -> "Figure":
    """Draw the share of each truth table among the gates of each layer, and above it how decided the gates are.

    Args:
        network: made by `gate_network`.
        params: its parameters.
        ax: two axes to draw into, for the entropy and the types; a new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure: the mean entropy of a gate in bits, and a row for each of the sixteen tables, darker the
        more gates are nearest to it. Shares are written into the cells of up to 12 layers, those below 0.5 % as a dot.

    Raises:
        TypeError: if the network is no logic gate network, or `ax` is anything but axes.
        ShapeError: if the parameters do not fit.
        ValueError: if `ax` are not two axes, or matplotlib does not know the extension.

    Source: F. Petersen and others, Deep differentiable logic gate networks (2022), for the types by layer.

    >>> import jax
    >>> from circuits import gate_network
    >>> network = gate_network(4, [6, 6, 6])
    >>> figure = draw_gate_types(network, network.init(jax.random.key(0)))
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['entropy (bits)', 'gate of inputs a, b']
    """
    types = gate_types(network, params)
    n = len(types.counts)
    if ax is None:
        width = 2.6 + 0.5 * min(max(n, 3), 18)
        upper, lower = new_figure(width, 6.4).subplots(2, 1, sharex=True, height_ratios=(1, 4.2))
    else:
        upper, lower = given_axes("draw_gate_types", ax, ["the entropy", "the types"])
    layers = np.arange(1, n + 1)
    upper.bar(layers, types.entropy, width=0.6, color=BLUE)
    upper.set_ylim(0, max(0.5, 1.15 * float(types.entropy.max())))
    upper.set_ylabel("entropy (bits)")
    upper.set_title("mean entropy of a gate", fontsize="medium")
    upper.grid(axis="y", alpha=0.3)
    upper.set_axisbelow(True)
    upper.tick_params(labelbottom=ax is not None)
    _draw_shares(lower, types.counts / types.counts.sum(axis=1, keepdims=True))
    for panel in (upper, lower):
        panel.set_xlim(0.5, n + 0.5)
        panel.set_xticks(layers[:: 1 + n // 25])
    lower.set_xlabel("layer")
    return finished(lower, path)


def draw_accuracy(history: Mapping[str, Any] | Run, *, ax: Any = None, path: str | Path | None = None) -> "Figure":
    """Draw how often a logic gate network is right while it learns, soft and hardened, and how its gates decide.

    Args:
        history: from `jaxnet.fit` with `validate=gate_errors(network)`, the run or its `validation`: "soft" and "hard",
            shares of errors `(evaluations,)` in [0, 1]; perhaps "entropy1", ..., for each layer; and "step".
        ax: axes to draw into, one for the accuracy and, where there are entropies, one for them; a new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure. What lies between the two accuracies, the discretisation gap, is filled.

    Raises:
        TypeError: if `ax` is anything but axes.
        ShapeError: if the arrays are not of one shape `(evaluations,)`.
        ValueError: if an array or all evaluations are missing, there are more or fewer axes than panels, or matplotlib
            does not know the extension.

    >>> figure = draw_accuracy({"step": [100, 200], "soft": [0.5, 0.1], "hard": [0.6, 0.1]})
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['soft gates: 90.00 % at the end', 'hardened: 90.00 % at the end', 'discretisation gap']
    """
    steps, curves = _evaluations(history.validation if isinstance(history, Run) else history)
    entropies = sorted((name for name in curves if name.startswith("entropy")), key=lambda name: (len(name), name))
    panels = ["the accuracy", "the entropies"][: 1 + bool(entropies)]
    if ax is None:
        figure = new_figure(6.4, 3.4 + 2.6 * bool(entropies))
        axes = np.ravel(figure.subplots(len(panels), 1, sharex=True, height_ratios=(1.2, 1)[: len(panels)])).tolist()
    else:
        axes = given_axes("draw_accuracy", ax, panels)
    soft, hard = (100 * (1 - curves[name]) for name in ("soft", "hard"))
    upper = axes[0]
    upper.fill_between(steps, soft, hard, color="grey", alpha=0.3, linewidth=0, label="discretisation gap")
    marks = {"marker": "o", "markersize": 3} if len(steps) <= 50 else {}
    upper.plot(steps, soft, linestyle=DASHES[0], color=BLUE, label=f"soft gates: {soft[-1]:.2f} % at the end", **marks)
    upper.plot(
        steps, hard, linestyle=DASHES[1], color=VERMILION, label=f"hardened: {hard[-1]:.2f} % at the end", **marks
    )
    upper.set_ylabel("accuracy (%)")
    handles, labels = upper.get_legend_handles_labels()
    upper.legend(handles[1:] + handles[:1], labels[1:] + labels[:1], fontsize="small", loc="lower right")
    if entropies:
        _draw_entropies(axes[1], steps, [curves[name] for name in entropies])
    for panel in axes:
        panel.grid(axis="y", alpha=0.3)
        panel.set_axisbelow(True)
    axes[-1].set_xlabel("step")
    return finished(upper, path)


def draw_input_map(
    counts: ArrayLike, shape: tuple[int, int], *, ax: Any = None, path: str | Path | None = None
) -> "Figure":
    """Draw by how many gates each pixel of an image is read.

    Args:
        counts: `(n,)`, numbers of gates, such as those of `input_readers`; row by row from the upper left pixel.
        shape: rows and columns of the image, whose product is n.
        ax: where to draw; the scale takes a part of its room. A new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure: darker, the more gates read a pixel; pixels that none reads are crossed out.

    Raises:
        TypeError: if counts are no integers, or `ax` is anything but axes.
        ShapeError: if there are not as many as pixels.
        ValueError: if `ax` is more than one, or matplotlib does not know the extension.

    >>> draw_input_map([0, 1, 2, 1], (2, 2)).axes[0].get_title()
    '3 of 4 pixels are read, 4 times in all'
    """
    numbers = integers("draw_input_map", "counts", counts, np.int64)
    rows, columns = shape
    if numbers.shape != (rows * columns,):
        raise ShapeError(
            f"draw_input_map: expected counts ({rows * columns},) for an image of {rows} x {columns}, got "
            f"{numbers.shape}."
        )
    if ax is None:
        panel = new_figure(5.4, 0.9 + 3.5 * max(0.5, min(2.0, rows / columns))).subplots()
    else:
        (panel,) = given_axes("draw_input_map", ax, ["the map"])
    image = panel.imshow(numbers.reshape(shape), cmap="Blues", vmin=0, vmax=max(1, numbers.max(initial=0)))
    empty = np.argwhere(numbers.reshape(shape) == 0)
    if len(empty):
        panel.plot(empty[:, 1], empty[:, 0], "x", color="black", markersize=60 / max(rows, columns), linestyle="none")
    panel.set(xlabel="column of the image (pixels)", ylabel="row of the image (pixels)")
    panel.locator_params(integer=True)
    read = int((numbers > 0).sum())
    panel.set_title(f"{read:,} of {numbers.size:,} pixels are read, {numbers.sum():,} times in all", fontsize="medium")
    bar = panel.figure.colorbar(image, ax=panel, shrink=0.9)
    bar.set_label("gates that read the pixel (x: none)")
    return finished(panel, path)


def _draw_shares(panel: "Axes", shares: np.ndarray) -> None:
    """Draw the shares `(layers, 16)`, tables from above by kind."""
    n = len(shares)
    tables = [table for kind in _KINDS.values() for table in kind]
    ordered = 100 * shares[:, tables].T
    high = max(10.0, float(ordered.max()))
    edges = np.arange(17) - 0.5
    panel.pcolormesh(np.arange(n + 1) + 0.5, edges, ordered, cmap="Blues", vmin=0, vmax=1.15 * high, rasterized=True)
    panel.set_ylim(15.5, -0.5)
    panel.set_yticks(range(16), [name for kind in _KINDS.values() for name in kind.values()], family="monospace")
    panel.tick_params(axis="y", length=0)
    panel.set_ylabel("gate of inputs a, b")
    first = 0
    for kind, names in _KINDS.items():
        last = first + len(names)
        if last < 16:
            panel.axhline(last - 0.5, color="black", linewidth=0.8)
        panel.annotate(kind, (1, (first + last - 1) / 2), xycoords=("axes fraction", "data"), xytext=(6, 0),
                       textcoords="offset points", va="center", fontsize="small")  # fmt: skip
        first = last
    if n > _MOST_NUMBERED:
        bar = panel.figure.colorbar(panel.collections[0], ax=panel, location="bottom", shrink=0.8, aspect=40)
        bar.set_label("share of the gates of a layer (%)")
        return
    for row, column in np.ndindex(ordered.shape):
        share = ordered[row, column]
        text = f"{share:.0f}" if share >= 0.5 else "·" if share else ""
        panel.text(column + 1, row, text, ha="center", va="center", fontsize="small",
                   color="white" if share > 0.65 * high else "black")  # fmt: skip
    panel.set_title("share of the gates of a layer (%)", fontsize="medium")


def _draw_entropies(panel: "Axes", steps: np.ndarray, entropies: list[np.ndarray]) -> None:
    """Draw a line for each layer, from light to dark."""
    import matplotlib

    shades = matplotlib.colormaps["cividis"](np.linspace(0.9, 0, len(entropies)))
    for place, (entropy, shade) in enumerate(zip(entropies, shades, strict=True)):
        panel.plot(steps, entropy, linestyle=DASHES[place % 7], color=shade, label=f"layer {place + 1}")
    panel.set_ylim(bottom=0)
    panel.set_ylabel("mean entropy of a gate (bits)")
    panel.legend(fontsize="small", ncols=2 if len(entropies) <= 8 else 4)


def _evaluations(history: Mapping[str, Any]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the steps and what was measured there; raise if something is missing."""
    missing = [name for name in ("step", "soft", "hard") if name not in history]
    if missing:
        raise ValueError(
            f"draw_accuracy: expected step, soft and hard, got {sorted(history)}. Pass validation= and "
            "validate=gate_errors(network) to jaxnet.fit."
        )
    curves = {name: np.asarray(values, float) for name, values in history.items()}
    steps = curves.pop("step")
    shapes = {name: values.shape for name, values in curves.items()}
    if steps.ndim != 1 or set(shapes.values()) != {steps.shape}:
        raise ShapeError(f"draw_accuracy: expected arrays (evaluations,), steps are {steps.shape}, others {shapes}.")
    if not len(steps):
        raise ValueError("draw_accuracy: expected at least one evaluation, got none.")
    return steps, curves
