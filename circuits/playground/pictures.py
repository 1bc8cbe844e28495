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
from circuits.playground.runs import Run, network_at
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.canvas import svg_of
from jaxnet.network_layout import RADIUS, places, unit_graph
from jaxnet.network_pictures import draw_network
from jaxnet.networks.network import Network
from jaxnet.pytrees import Params

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_GATES = 60  # of a circuit that was read back: more cannot be read on the page
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
    """Return the threshold network of a circuit, whose units stand in the order of their circuit.

    Args:
        circuit: of threshold units.
    """
    made = to_network(circuit)
    return network_picture(made.network, made.params, circuit.input_names, circuit.output_names)


def network_picture(network: Network, params: Params, inputs: Sequence[str], outputs: Sequence[str]) -> Picture:
    """Return a network, units and weights.

    Args:
        network: as `jaxnet.draw_network` takes it.
        params: its parameters, finite.
        inputs: names of inputs.
        outputs: names of outputs.
    """
    figure = draw_network(network, params, input_names=inputs, output_names=outputs)
    at = places(unit_graph("network_picture", network, params))
    svg = _svg(figure)  # which lays the figure out
    to_page = figure.axes[0].transData.transform
    x, y = (to_page(np.concatenate([at, at[:1] + np.array([RADIUS, 0])])) * _POINTS / figure.dpi).T
    centres = np.stack([x, _POINTS * figure.get_size_inches()[1] - y], axis=1)
    return Picture(svg, centres[:-1], float(x[-1] - x[0]))


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
            f'stroke-width="0.6"/><text x="{x:.1f}" y="{y:.1f}" dy="0.36em" text-anchor="middle" '
            f'font-family="DejaVu Sans, Verdana, sans-serif" font-size="{0.66 * picture.radius:.1f}">'
            f"{_number(float(value))}</text>"
        )
    return picture.svg.replace("</svg>", f"{''.join(made)}</svg>")


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


def _mixed(a: str, b: str, share: float) -> str:
    parts = [(int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(low + share * (high - low)):02x}" for low, high in parts)


def _number(value: float) -> str:
    """Return a value in at most four letters."""
    if value == round(value) and abs(value) < 100:
        return f"{value:.0f}".replace("-", "−")  # noqa: RUF001
    return f"{value:.2f}".replace("-", "−").replace("0.", ".", 1) if abs(value) < 10 else f"{value:.0f}"  # noqa: RUF001
