"""Circuits and networks as SVG: a network is drawn once, and the values of its units are written over it.

matplotlib takes a tenth of a second for a network, and a value written into a circle takes none.
"""

import base64
import functools
import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from circuits.bridge.compilation import to_network
from circuits.drawing.gate_symbols import draw_circuit
from circuits.netlist import Circuit
from circuits.playground.choices import shortened
from circuits.playground.frames import FONT
from circuits.playground.runs import Run, network_at
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.canvas import new_figure, svg_of
from jaxnet.network_layout import RADIUS, curve, places, unit_graph
from jaxnet.network_pictures import draw_network
from jaxnet.networks.network import Network
from jaxnet.pytrees import Params

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_GATES = 40  # of a circuit that was read back: more cannot be read on the page
MOST_LABELS = 24  # weights that are written
_POINTS = 72  # of an inch: the unit of the SVG


class Picture(NamedTuple):
    """A picture that can be written over.

    Attributes:
        svg: an `<svg>` element.
        centres: `(k, 2)`, of units, in points from the left and the top.
        radius: of units, in points.
    """

    svg: str
    centres: np.ndarray
    radius: float = 0.0


def image(svg: str, alt: str) -> str:
    """Return an SVG as an element of the page.

    Args:
        svg: an `<svg>` element with its width in points.
        alt: what it shows, for those who do not see it.

    Returns:
        An `<img>` element, from which no style reaches the page. It shrinks on a narrow page, down to half its width.
    """
    width = round(float(re.findall(r'<svg[^>]*? width="([\d.]+)pt"', svg)[0]) * 96 / _POINTS)
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(alt, quote=True)}" '
        f'style="width: {width}px; min-width: {min(width, max(width // 2, 250))}px">'
    )


@functools.lru_cache(maxsize=128)
def circuit_picture(circuit: Circuit, bits: tuple[int, ...] | None = None) -> str:
    """Return a circuit in gate symbols.

    Args:
        circuit: of at most 300 gates, inputs and outputs.
        bits: of its inputs, whose values the wires then show.
    """
    return _svg(draw_circuit(circuit, inputs=bits))


@functools.lru_cache(maxsize=16)
def units_picture(circuit: ThresholdCircuit) -> Picture:
    """Return the network of a circuit, with weights and thresholds; its units stand in the order of the circuit.

    Args:
        circuit: of threshold units.
    """
    made = to_network(circuit)
    picture = network_picture(made.network, made.params, circuit.input_names, circuit.output_names)
    if circuit.wiring.n_edges > MOST_LABELS:
        return picture
    below = 1.12 * picture.radius + 6.5
    thresholds = [
        _label(x, y + below, f"≥ {_number(threshold)}", 7, 2.5)
        for (x, y), threshold in zip(picture.centres[circuit.n_inputs :], circuit.thresholds.tolist(), strict=True)
    ]
    return picture._replace(svg=_over(picture.svg, thresholds))


def as_sigmoids(picture: Picture) -> Picture:
    """Return the picture of threshold units as one of sigmoids: it differs in a word, in grey under each column.

    Args:
        picture: of `units_picture`.
    """
    return picture._replace(svg=re.sub(r"(fill: #696969[^>]*>)step<", r"\1sigmoid<", picture.svg))


def network_picture(network: Network, params: Params, inputs: Sequence[str], outputs: Sequence[str]) -> Picture:
    """Return a network, units and weights, whose numbers stand at the lines where there are at most `MOST_LABELS`.

    Args:
        network: as `jaxnet.draw_network` takes it.
        params: its parameters, finite.
        inputs: names of inputs.
        outputs: names of outputs.
    """
    figure = new_figure(4, 3, layout=None)
    ax = figure.add_axes((0, 0, 1, 1))
    inputs, outputs = ([shortened(name) for name in names] for names in (inputs, outputs))
    # matplotlib takes what stands between dollars for a formula.
    plain = [[name.replace("$", r"\$") for name in names] for names in (inputs, outputs)]
    draw_network(network, params, input_names=plain[0], output_names=plain[1], ax=ax)
    # Without the scale of colours and without a layout to be found: half of the time, and more room.
    figure.axes[1].remove()
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    inch = float(np.clip(10 / (high - low), 0.3, 0.5))  # from a unit to the next in its column
    before, after = (max(0.0, 0.09 * max(map(len, names)) - 0.45) for names in (inputs, outputs))  # for long names
    across, height = inch * (right - left), inch * (high - low)
    width = before + across + after
    figure.set_size_inches(width, height)
    ax.set_position((before / width, 0, across / width, 1))
    graph = unit_graph("network_picture", network, params)
    at = places(graph)
    svg = _svg(figure)

    def on_page(points: np.ndarray) -> np.ndarray:
        x, y = (ax.transData.transform(points) * _POINTS / figure.dpi).T
        return np.stack([x, _POINTS * height - y], axis=1)

    if 0 < len(graph.edges) <= MOST_LABELS:
        middles = on_page(np.array([_near_source(at, source, target) for source, target, _ in graph.edges]))
        weights = [_number(round(weight, 1)) for *_, weight in graph.edges]
        svg = _over(svg, [_label(x, y, weight) for (x, y), weight in zip(middles, weights, strict=True)])
    centres = on_page(at)
    return Picture(svg, centres, float(on_page(at[:1] + np.array([RADIUS, 0]))[0, 0] - centres[0, 0]))


def _near_source(at: np.ndarray, source: int, target: int) -> np.ndarray:
    """Return a point of the line between two units, where `draw_network` draws it."""
    start, end = at[source], at[target]
    # At the end where lines are further apart: that of the higher column.
    t = 0.68 if np.sum(at[:, 0] == end[0]) > np.sum(at[:, 0] == start[0]) else 0.3
    past = ((at[:, 0] > start[0] + RADIUS) & (at[:, 0] < end[0] - RADIUS)).any()
    control = curve(start, end, at)[1] if past else (start + end) / 2
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


def with_values(picture: Picture, values: np.ndarray) -> str:
    """Return a network with a number in each unit, the more coloured the nearer it is to 1.

    Args:
        picture: of a network.
        values: of its inputs and units, in order.
    """
    made = []
    for (x, y), value in zip(picture.centres, values, strict=True):
        colour = _mixed("#FFFFFF", "#F7B98B", float(np.clip(value, 0, 1)))
        made.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{picture.radius:.1f}" fill="{colour}" stroke="black" '
            f'stroke-width="0.6"/>{_label(x, y, _number(float(value)), 0.8 * picture.radius, 0)}'
        )
    return _over(picture.svg, made)


@functools.lru_cache(maxsize=64)
def learned_picture(run: Run, member: int, record: int) -> Picture:
    """Return a learned network.

    Args:
        run: what was recorded.
        member: which network.
        record: when.
    """
    network, params = network_at(run, member, record)
    return network_picture(network, params, run.circuit.input_names, run.circuit.output_names)


def _svg(figure: "Figure") -> str:
    from matplotlib import rc_context

    # Text stays text: half of the time, and letters of the browser.
    with rc_context({"svg.fonttype": "none"}):
        return svg_of(figure)


def _over(svg: str, more: list[str]) -> str:
    return svg.replace("</svg>", f"{''.join(more)}</svg>")


def _label(x: float, y: float, text: str, size: float = 8.5, rim: float = 3.5) -> str:
    """Return a text with its middle at a point, on a white rim so that lines do not cross it."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" dy="0.36em" text-anchor="middle" font-size="{size:.1f}" {FONT} '
        f'stroke="white" stroke-width="{rim}" stroke-linejoin="round" paint-order="stroke">{text}</text>'
    )


def _mixed(a: str, b: str, share: float) -> str:
    parts = [(int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(low + share * (high - low)):02x}" for low, high in parts)


def _number(value: float) -> str:
    """Return a number in at most four letters, with a true minus sign."""
    if value == round(value):
        text = f"{value:.0f}"
    elif abs(value) < 0.995:
        text = f"{value:.2f}".replace("0.", ".", 1)
    else:
        text = f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
    return text.replace("-", "−")  # noqa: RUF001
