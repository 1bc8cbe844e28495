"""The charts of the page: error against gain, losses of all networks, decision surfaces, outputs on all rows.

Blue is 0 and what was measured, vermilion is 1 and what is promised or solved; dashes, shapes and digits say the same.
"""

import base64
import io

import numpy as np
from contourpy import contour_generator  # of matplotlib

from circuits.playground.choices import shortened
from circuits.playground.frames import GREY, Frame, axes, band, cursor, decade, line, page, text
from circuits.playground.runs import Run, surface
from circuits.playground.soft_units import GainCurve
from jaxnet.canvas import BLUE, VERMILION

WIDTH = 340.0  # of a chart, in points
_GRID = np.linspace(-0.25, 1.25, 61)
_LOWEST = 1e-6  # error or loss that is drawn


def gain_chart(curve: GainCurve, place: int) -> str:
    """Return the error of sigmoids against their gain, measured and promised, with a line at one gain.

    Args:
        curve: what was found.
        place: which of its gains.

    Returns:
        An `<svg>` element, as from all of these functions.
    """
    frame = Frame(46, 44, WIDTH - 62, 196, (1, 64), (1e-6, 1), (True, True))
    doubled = {float(2**i): str(2**i) for i in range(7)}
    decades, half = {10.0**i: decade(i) for i in range(-6, 1)}, np.array(0.5)
    return page(
        WIDTH, 282,
        axes(frame, doubled, decades, "gain"),
        text(frame.left, 16, "largest error of an output on all rows", "start"),
        line(frame, np.array([1, 64]), np.array([half, half]), GREY, 1),
        text(frame.left + frame.width - 4, float(frame.at(np.array(64), half)[1]) + 12, "1/2", "end", GREY, 11),
        line(frame, curve.gains, np.where(curve.promised < 1e-6, np.nan, curve.promised), VERMILION, 5, "7 3"),
        line(frame, curve.gains, np.where(curve.measured < 1e-6, np.nan, curve.measured), BLUE, 2),
        _legend(frame, ("measured", BLUE, ""), ("bound, proved", VERMILION, "7 3")),
        cursor(frame, curve.gains[place]),
    )  # fmt: skip


def losses_chart(run: Run, member: int, record: int) -> str:
    """Return the losses of all networks of a run with quantiles, and the share that is right; a line at one record.

    Args:
        run: what was recorded.
        member: whose loss is drawn too.
        record: where the line is.
    """
    losses = np.maximum(run.losses, _LOWEST)
    low, high = int(np.floor(np.log10(losses.min()))), max(0, int(np.ceil(np.log10(losses.max()))))
    x = 0.0, float(run.steps[-1])
    upper = Frame(46, 44, WIDTH - 62, 150, x, (10.0**low, 10.0**high), (False, True))
    lower = Frame(46, 226, WIDTH - 62, 50, x, (0, 100))
    steps, q = run.steps, np.quantile(losses, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    return page(
        WIDTH, 318,
        axes(upper, {}, {10.0**i: decade(i) for i in range(low, high + 1)}, "", ""),
        text(upper.left, 16, "loss (eq. 10) of all networks", "start"),
        band(upper, steps, q[0], q[4], BLUE, 0.18), band(upper, steps, q[1], q[3], BLUE, 0.4),
        line(upper, steps, q[2], BLUE, 2.5), line(upper, steps, losses[member], "black", 1.2, "3 2"),
        _legend(upper, ("median, half, 90 %", BLUE, ""), ("the network shown", "black", "3 2")),
        axes(lower, {x[1] * part / 4: f"{x[1] * part / 4:g}" for part in range(5)}, {0: "0", 100: "100"}, "step",
             "solved, % of all networks"),
        line(lower, run.steps, 100 * run.solved, VERMILION, 2.5),
        cursor(upper, run.steps[record]), cursor(lower, run.steps[record]),
    )  # fmt: skip


def learned_chart(run: Run, member: int, record: int) -> str:
    """Return the decision surfaces of a network of two inputs, and of any other its outputs on all rows.

    Args:
        run: what was recorded.
        member: which network.
        record: when.
    """
    if run.circuit.n_inputs == 2:
        return _surfaces(run, member, record)
    values, m = run.outputs[member, record], run.bits.shape[1]
    each = max(34.0, 160.0 / m)
    parts, last = [], len(run.bits) - 1
    for k, name in enumerate(map(shortened, run.circuit.output_names)):
        frame = Frame(60, 24 + k * (each + 8), WIDTH - 76, each, (-0.6, last + 0.6), (-0.12, 1.12))
        ticks = {float(row): str(row) for row in range(0, last + 1, 1 if last < 16 else 8)} if k == m - 1 else {}
        label = "outputs on all rows; the line is 1/2" if k == 0 else ""
        parts += [axes(frame, ticks, {0.0: "0", 1.0: "1"}, "row of the truth table" * (k == m - 1), label),
                  line(frame, np.array(frame.x), np.array([0.5, 0.5]), GREY, 1),
                  text(42, frame.top + each / 2 + 4, name if len(name) < 6 else name[:5] + "…", "end")]  # fmt: skip
        for x, y, bit in zip(*frame.at(np.arange(last + 1), values[:, k]), run.bits[:, k], strict=True):
            parts.append(_mark(float(x), float(y), bool(bit), 4 if last < 32 else 3))
    return page(WIDTH, 24 + m * (each + 8) + 40, *parts)


def _surfaces(run: Run, member: int, record: int) -> str:
    """Return a square for each output, up to two beside each other."""
    points = np.stack(np.meshgrid(_GRID, _GRID), axis=-1).reshape(-1, 2)
    values = surface(run, member, record, points).reshape(len(_GRID), len(_GRID), -1)
    side, parts = 206.0, []
    for k, name in enumerate(map(shortened, run.circuit.output_names)):
        ends = float(_GRID[0]), float(_GRID[-1])
        frame = Frame(58 + k * (side + 62), 24, side, side, ends, ends)
        parts.append(f'<image x="{frame.left}" y="24" width="{side}" height="{side}" preserveAspectRatio="none" '
                     f'href="data:image/png;base64,{_png(values[..., k])}"/>')  # fmt: skip
        lines = contour_generator(_GRID, _GRID, values[..., k]).lines(0.5)
        parts += [line(frame, at[:, 0], at[:, 1], "black", 2) for at in map(np.asarray, lines)]
        a, b = (shortened(name, 6) for name in run.circuit.input_names)  # what fits beside the surface
        parts += [axes(frame, {0.0: "0", 1.0: "1"}, {0.0: "0", 1.0: "1"}, a, f"{name}; the line is 1/2"),
                  text(frame.left - 22, 24 + side / 2, b, "end")]  # fmt: skip
        for row, bit in enumerate(run.bits[:, k]):
            x, y = frame.at(np.array(row & 1), np.array(row >> 1))
            ink, fill = ("white", "black") if bit else ("black", "white")
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="10" fill="{fill}" stroke="black" stroke-width="1.5"/>')
            parts.append(text(float(x), float(y) + 4, str(int(bit)), "middle", ink))
    return page(max(WIDTH, 58 + len(run.circuit.output_names) * (side + 62)), 270, *parts)


def _png(values: np.ndarray) -> str:
    """Return values from 0 to 1 as an image from blue to vermilion, in base64; the first row is the lowest."""
    from matplotlib.image import imsave

    ends = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (BLUE, VERMILION)], float)
    value = values[::-1, :, None]
    far = np.abs(2 * value - 1)
    file = io.BytesIO()
    imsave(file, (255 * (1 - far) + far * np.where(value < 0.5, *ends)).astype(np.uint8), format="png")
    return base64.b64encode(file.getvalue()).decode()


def _mark(x: float, y: float, bit: bool, size: float) -> str:
    """Return a filled square for a row that should be 1, an open circle for one that should be 0."""
    if bit:
        return (
            f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size}" height="{2 * size}" fill="{VERMILION}"/>'
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="white" stroke="{BLUE}" stroke-width="2"/>'


def _legend(frame: Frame, *lines: tuple[str, str, str]) -> str:
    """Return what lines mean, side by side above a frame."""
    made = []
    for k, (label, colour, dash) in enumerate(lines):
        x, y, dashes = frame.left + k * frame.width / 2, frame.top - 8, f' stroke-dasharray="{dash}"' if dash else ""
        made.append(f'<path d="M{x} {y - 4}h22" stroke="{colour}" stroke-width="2.5"{dashes}/>')
        made.append(text(x + 27, y, label, "start", size=11))
    return "".join(made)
