"""Networks drawn as units and weights: circles in columns, lines in the colour, width and dashes of their weights."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxnet.canvas import BLUE, VERMILION, finished, given_axes, new_figure
from jaxnet.network_layout import RADIUS, UnitGraph, curve, places, unit_graph
from jaxnet.networks.composition import Dag
from jaxnet.networks.evaluation import Wired
from jaxnet.networks.network import Chain, Layer, Network, Structure
from jaxnet.networks.network_records import check_fit, shapes_by_path, shapes_of
from jaxnet.networks.records import RecordError
from jaxnet.pytrees import Params
from jaxnet.validation import ShapeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_UNITS = 100
_MOST_INPUTS = 64
_WIDTHS = 0.4, 3.2  # of lines, in points, from weight 0 to the largest
_INCH, _LEAST, _HEIGHT = 0.5, 0.3, 10.0  # from a unit to the next in its column, less where a column is higher
_CHARACTER, _LONGEST, _LONGEST_PART = 0.09, 40, 20  # of names: the width of a character in inches, and the most of them
_PALE = "#D9D9D9"  # weights near 0: seen, but after all others


def draw_network(
    network: Network,
    params: Params,
    inputs: ArrayLike | None = None,
    targets: Any = None,
    *,
    loss: Callable[..., Any] | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    ax: Any = None,
    path: str | Path | None = None,
) -> "Figure":
    """Draw a network: units as circles, one column for each level; weights as lines, biases as rims of the circles.

    Positive weights are vermilion and solid, negative ones blue and dashed; the larger, the darker and the thicker.
    With `inputs` each unit shows its value; with targets and a loss its delta, the derivative of the loss by what the
    unit adds up, as backpropagation finds it (eq. 9-10).

    Args:
        network: made of `layer`, `mlp`, `chain`, `wired` and `dag`, of at most 100 units and 64 inputs.
        params: its parameters.
        inputs: `(n,)`, one example; None to show no numbers.
        targets: of that example, in the form that the loss takes.
        loss: `loss(v, y)` of outputs and targets, such as `jaxnet.squared_error`.
        input_names: of the n inputs; x0, x1, ... if None, x if there is one.
        output_names: of the m outputs; y0, y1, ... if None, y if there is one.
        ax: where to draw; the scale of colours takes a part of its room. A new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: if a part of the network is of another kind, or `ax` is anything but axes.
        ShapeError: if the parameters or the inputs do not fit.
        ValueError: if the network is too large, a parameter or an input is not finite, names are too many or too few,
            there are targets without a loss or the reverse, `ax` is more than one, or matplotlib does not know the
            extension.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 6-10, for what is drawn.

    >>> from jaxnet import mlp
    >>> net = mlp([2, 2, 1])
    >>> figure = draw_network(net, net.init(jax.random.key(0)), jnp.array([0.0, 1.0]), input_names="ab")
    >>> figure.axes[0].get_title()
    'values of the units'
    """
    graph = _checked(network, params, inputs, targets, loss)
    n, m = graph.level.count(0), len(graph.outputs)
    # Units without a level 0: a wiring may have no inputs.
    names = _names("input_names", input_names, "x", n), _names("output_names", output_names, "y", m)
    at = places(graph)
    low, high = at.min(axis=0) - 1.6, at.max(axis=0) + np.array([2.2, 0.9])
    inch = float(np.clip(_HEIGHT / (high[1] - low[1]), _LEAST, _INCH))
    left, right = (_CHARACTER / inch * max(map(len, some), default=0) for some in names)
    low[0], high[0] = min(low[0], at[:, 0].min() - 0.6 - left), max(high[0], at[:, 0].max() + 1.2 + right)
    width, height = 2.0 + inch * (high[0] - low[0]), 0.4 + inch * max(4.5, high[1] - low[1])
    if ax is None:
        panel = new_figure(width, height).subplots()
    else:
        (panel,) = given_axes("draw_network", ax, ["the network"])
    panel.set_axis_off()
    panel.set_aspect("equal")
    largest = max([abs(weight) for *_, weight in graph.edges] + [abs(bias) for bias in graph.bias], default=0.0) or 1.0
    _draw_boxes(panel, graph, at)
    _draw_weights(panel, graph, at, largest)
    _draw_outputs(panel, graph, at, names[1])
    numbers = None if inputs is None else graph.value if loss is None else graph.delta
    _draw_units(panel, graph, at, largest, numbers, 7 * inch / _INCH)
    for node in range(n):
        panel.text(at[node, 0] - 1.5 * RADIUS, at[node, 1], names[0][node], ha="right", va="center")
    _draw_activations(panel, graph, at)
    if inputs is not None:
        panel.set_title("values of the units" if loss is None else "deltas of the units")
    panel.set_xlim(low[0], high[0])
    panel.set_ylim(low[1], high[1])
    _draw_scale(panel, largest)
    return finished(panel, path)


def _checked(network: Network, params: Params, inputs: Any, targets: Any, loss: Any) -> UnitGraph:
    """Return the units of a network, with values or deltas, if it can be drawn."""
    units, n = _count(network.structure), getattr(network.structure, "n_inputs", None) or 0
    if units > _MOST_UNITS or n > _MOST_INPUTS:
        raise ValueError(
            f"draw_network: expected at most {_MOST_UNITS} units and {_MOST_INPUTS} inputs, got {units:,} and {n:,}. "
            f"{_smaller(network.structure)}"
        )
    if (targets is None) != (loss is None) or (targets is not None and inputs is None):
        raise ValueError("draw_network: expected inputs, targets and a loss to show deltas, got only some of them.")
    try:
        needed = shapes_of(network)
        zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape), needed)
        unit_graph("draw_network", network, zeros)  # refuses other kinds of networks
        check_fit(network, needed, shapes_by_path(params))
    except RecordError as error:
        raise ShapeError(f"draw_network: {str(error).removeprefix('network: ')}.") from None
    # NumPy: JAX would compile this for each new shape.
    if not all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(params)):
        raise ValueError("draw_network: expected finite parameters, got NaN or infinity: did the training diverge?")
    if inputs is None:
        return unit_graph("draw_network", network, params)
    x = jnp.asarray(inputs)
    x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(float)
    if x.shape != (n,):
        raise ShapeError(f"draw_network: expected inputs ({n},), one example, got {x.shape}.")
    if not bool(jnp.isfinite(x).all()):
        raise ValueError("draw_network: expected finite inputs, got NaN or infinity.")
    if loss is None:
        return unit_graph("draw_network", network, params, x)
    # Of one example, the derivative by a bias is that by the sum to which it is added.
    slopes = jax.grad(lambda p: jnp.sum(loss(network.apply(p, x), targets)))(params)
    return unit_graph("draw_network", network, params, x, slopes)


def _count(structure: Structure) -> int:
    """Return how many units a structure has, 0 for what is not known."""
    if isinstance(structure, Chain):
        return sum(map(_count, structure.parts))
    if isinstance(structure, Dag):
        return sum(_count(part) for _, part, _ in structure.nodes)
    return structure.wiring.n_units if isinstance(structure, Wired) else getattr(structure, "n_outputs", None) or 0


def _smaller(structure: Structure) -> str:
    """Return what to draw instead of a network that is too large: the last layers that fit, if there are some."""
    parts = structure.parts if isinstance(structure, Chain) else ()
    for first in range(1, len(parts)):
        rest = [part for part in parts[first:] if isinstance(part, Layer)]
        sizes = [rest[0].n_inputs, *(part.n_outputs for part in rest)] if len(rest) == len(parts) - first else []
        if sizes and sizes[0] <= _MOST_INPUTS and sum(sizes[1:]) <= _MOST_UNITS:
            return f"Draw its last layers, draw_network(jaxnet.mlp({sizes}, ...), params[{first}:])."
    return "Draw a part, or a matrix of weights as an image, matplotlib.pyplot.imshow(w)."


def _names(what: str, names: Sequence[str] | None, stem: str, count: int) -> list[str]:
    if names is None:
        return [stem] if count == 1 else [f"{stem}{i}" for i in range(count)]
    if len(names) != count:
        raise ValueError(f"draw_network: expected {count} {what}, got {len(names)}.")
    return [_cut(str(name), _LONGEST) for name in names]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


@functools.cache
def _colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("weights", [BLUE, _PALE, VERMILION])


def _style(weight: float, largest: float) -> dict[str, Any]:
    """Return the colour, width and dashes of a weight: in grey print its sign is told by the dashes."""
    share = abs(weight) / largest
    colour = _colours()(0.5 + 0.5 * weight / largest)
    width = _WIDTHS[0] + (_WIDTHS[1] - _WIDTHS[0]) * share
    return {"edgecolor": colour, "linewidth": width, "linestyle": "-" if weight >= 0 else (0, (3, 1.5))}


def _draw_weights(ax: "Axes", graph: UnitGraph, at: np.ndarray, largest: float) -> None:
    for source, target, weight in sorted(graph.edges, key=lambda edge: abs(edge[2])):
        _draw_line(ax, at[source], at[target], at, zorder=1 + abs(weight) / largest, **_style(weight, largest))


def _draw_line(ax: "Axes", start: np.ndarray, end: np.ndarray, at: np.ndarray, **style: Any) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Line

    far = bool(((at[:, 0] > start[0] + RADIUS) & (at[:, 0] < end[0] - RADIUS)).any())
    points = curve(start, end, at) if far else np.stack([start, end])
    codes = [Line.MOVETO, *[Line.CURVE3 if far else Line.LINETO] * (len(points) - 1)]
    ax.add_artist(PathPatch(Line(points, codes), facecolor="none", capstyle="butt", **style))


def _draw_units(
    ax: "Axes", graph: UnitGraph, at: np.ndarray, largest: float, numbers: list[float] | None, size: float
) -> None:
    from matplotlib.patches import Circle

    most = np.nanmax(np.abs(numbers), initial=0.0) if numbers else 0.0
    for node, (level, bias) in enumerate(zip(graph.level, graph.bias, strict=True)):
        number = None if numbers is None or np.isnan(numbers[node]) else numbers[node]
        share = abs(number) / most if number is not None and 0 < most < np.inf else 0.0
        if level and bias:
            ax.add_artist(Circle(tuple(at[node]), 1.12 * RADIUS, facecolor="white", zorder=3, **_style(bias, largest)))
        # Grey that leaves black text readable.
        fill = {"facecolor": str(1 - 0.35 * share), "edgecolor": "black", "linewidth": 0.6}
        ax.add_artist(Circle(tuple(at[node]), RADIUS, zorder=4, **fill))
        if number is not None:
            ax.text(at[node, 0], at[node, 1], _written(number), ha="center", va="center", fontsize=size, zorder=5)


def _written(number: float) -> str:
    """Return a number in at most five characters or so, with a true minus sign."""
    if not np.isfinite(number):
        return "∞" if number > 0 else "−∞"  # noqa: RUF001
    if number == round(number) and abs(number) < 1000:
        text = f"{number:.0f}"
    else:
        text = f"{number:.2f}" if 0.005 <= abs(number) < 100 else f"{number:.0e}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("-", "−")  # noqa: RUF001


def _draw_outputs(ax: "Axes", graph: UnitGraph, at: np.ndarray, names: list[str]) -> None:
    """Draw a line from each unit that is read to the right, with the name of the output."""
    right = at[:, 0].max(initial=0.0)
    taken: list[float] = []
    for node, name in zip(graph.outputs, names, strict=True):
        y = at[node, 1]
        while any(abs(y - other) < 0.45 for other in taken):  # two outputs at one unit, or at one height
            y -= 0.5
        taken.append(y)
        end = np.array([right + 1.0, y])
        _draw_line(ax, at[node], end, at, edgecolor="black", linewidth=0.6, zorder=0.5)
        ax.text(end[0] + 0.1, y, name, ha="left", va="center")


def _draw_activations(ax: "Axes", graph: UnitGraph, at: np.ndarray) -> None:
    """Write under each column what its units are."""
    bottom = at[:, 1].min(initial=0.0) - 1.0
    for level in sorted({*graph.level}):
        nodes = [node for node, own in enumerate(graph.level) if own == level]
        kinds = dict.fromkeys(graph.activation[node] for node in nodes)
        text = "\n".join(kinds).replace("(", "\n(") if level else "inputs"  # settings in a line of their own
        ax.text(at[nodes[0], 0], bottom, text, ha="center", va="top", fontsize="small", color="dimgrey")


def _draw_boxes(ax: "Axes", graph: UnitGraph, at: np.ndarray) -> None:
    """Draw a pale box with a name around the units of each node of a dag."""
    from matplotlib.patches import FancyBboxPatch

    for part, level in dict.fromkeys(zip(graph.part, graph.level, strict=True)):
        inside = [at[i] for i in range(graph.n_nodes) if (graph.part[i], graph.level[i]) == (part, level)]
        if part:
            (x, low), (_, high) = np.min(inside, axis=0), np.max(inside, axis=0)
            size = 2 * RADIUS, high - low + 2 * RADIUS
            box = FancyBboxPatch((x - RADIUS, low - RADIUS), *size, boxstyle="round,pad=0.1", zorder=0,
                                 facecolor="whitesmoke", edgecolor="darkgrey", linewidth=0.6)  # fmt: skip
            ax.add_artist(box)
            ax.text(
                x, high + 1.4 * RADIUS, _cut(part, _LONGEST_PART), ha="center", va="bottom", fontsize="small", zorder=5
            )


def _draw_scale(ax: "Axes", largest: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = ax.figure.colorbar(
        ScalarMappable(Normalize(-largest, largest), _colours()), ax=ax, shrink=0.8, pad=0.02, aspect=30
    )
    bar.set_label("weight (line), bias (rim)\ndashed below 0", fontsize="small")
