"""Axes, lines and bands as SVG: a chart takes a millisecond, where matplotlib takes a quarter of a second."""

import html
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

FONT = "font-family=\"system-ui, 'DejaVu Sans', sans-serif\""
GREY = "#595959"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Frame(NamedTuple):
    """A rectangle on the page in which numbers are drawn.

    Attributes:
        left: of the rectangle, in points from the left.
        top: of the rectangle, in points from the top.
        width: in points.
        height: in points.
        x: the numbers at the left and the right.
        y: the numbers at the bottom and the top.
        logs: whether x and y are logarithmic.
    """

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    logs: tuple[bool, bool] = (False, False)

    def at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where numbers stand on the page; those outside stand at the edge, NaN stays NaN."""
        across, up = _share(x, self.x, self.logs[0]), _share(y, self.y, self.logs[1])
        return self.left + self.width * across, self.top + self.height * (1 - up)


def decade(power: int) -> str:
    """Return a power of ten as the label of an axis.

    Args:
        power: of ten.

    >>> decade(-3), decade(0), decade(-1)
    ('10⁻³', '1', '0.1')
    """
    return {0: "1", -1: "0.1", 1: "10"}.get(power, "10" + str(power).translate(_SUPERSCRIPTS))


def axes(frame: Frame, x: Mapping[float, str], y: Mapping[float, str], x_label: str = "", y_label: str = "") -> str:
    """Return the edges of a frame, with labels.

    Args:
        frame: where.
        x: labels of numbers along the bottom.
        y: labels of numbers along the left.
        x_label: below the labels of x.
        y_label: above the frame, so that it is read without turning the head.
    """
    left, top, width, height = frame[:4]
    made = [f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="{GREY}"/>']
    for number, label in x.items():
        across = float(frame.at(np.array(number), np.array(frame.y[0]))[0])
        made.append(f'<path d="M{across:.1f} {top + height}v4" stroke="{GREY}"/>')
        made.append(text(across, top + height + 16, label, "middle"))
    for number, label in y.items():
        down = float(frame.at(np.array(frame.x[0]), np.array(number))[1])
        made.append(f'<path d="M{left} {down:.1f}h-4" stroke="{GREY}"/>')
        made.append(text(left - 7, down + 4, label, "end"))
    if x_label:
        made.append(text(left + width / 2, top + height + 33, x_label, "middle"))
    if y_label:
        made.append(text(left, top - 7, y_label, "start"))
    return "".join(made)


def text(x: float, y: float, label: str, anchor: str, colour: str = "black", size: float = 12) -> str:
    """Return a text.

    Args:
        x: where it begins, ends or has its middle.
        y: of its base line.
        label: the text.
        anchor: "start", "middle" or "end".
        colour: of the letters.
        size: of the letters, in points.

    >>> text(1, 2, "a < b", "start")
    '<text x="1.0" y="2.0" text-anchor="start" fill="black" font-size="12">a &lt; b</text>'
    """
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size:g}">'
        f"{html.escape(label)}</text>"
    )


def line(frame: Frame, x: np.ndarray, y: np.ndarray, colour: str, width: float = 2, dash: str = "") -> str:
    """Return a line through points, with a gap where one is NaN.

    Args:
        frame: where.
        x: of the points.
        y: of the points.
        colour: of the line.
        width: of the line.
        dash: lengths of dashes and gaps, such as "6 3".

    >>> line(Frame(0, 0, 10, 10, (0, 1), (0, 1)), np.array([0, 1]), np.array([0, 1]), "black")
    '<path d="M0.0 10.0L10.0 0.0" fill="none" stroke="black" stroke-width="2"/>'
    """
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{_path(*frame.at(x, y))}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}/>'


def band(frame: Frame, x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, opacity: float) -> str:
    """Return the area between two lines.

    Args:
        frame: where.
        x: of the points of both.
        low: the lower line.
        high: the upper line.
        colour: of the area.
        opacity: from 0 to 1.
    """
    edge = _path(*frame.at(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])))
    return f'<path d="{edge}Z" fill="{colour}" fill-opacity="{opacity}"/>' if edge else ""


def cursor(frame: Frame, x: float) -> str:
    """Return a line from the bottom to the top of a frame.

    Args:
        frame: where.
        x: of the line.
    """
    return line(frame, np.array([x, x]), np.array(frame.y), "black", 1.5)


def page(width: float, height: float, *parts: str) -> str:
    """Return an SVG of parts.

    Args:
        width: in points.
        height: in points.
        parts: elements, the lowest first.

    >>> page(10, 20)[:60]
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20" '
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}pt" '
        f'height="{height:g}pt" {FONT}><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )


def _share(numbers: np.ndarray, ends: tuple[float, float], log: bool) -> np.ndarray:
    """Return where numbers are between two, from 0 to 1."""
    low, high = np.log(ends) if log else ends
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.log(numbers) if log else np.asarray(numbers, float)
    return np.clip((shown - low) / (high - low), 0, 1)


def _path(across: np.ndarray, down: np.ndarray) -> str:
    made, pen = [], "M"
    for x, y in zip(across.tolist(), down.tolist(), strict=True):
        if x == x and y == y:  # no NaN
            made.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(made)
