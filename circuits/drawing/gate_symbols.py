"""Circuits as pictures: the distinctive shapes of gates, IEEE Std 91a-1991, where `layout` places them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from circuits.drawing.layout import GATE_WIDTH, Drawing, Symbol, arrange, pin_offset
from circuits.gates import AND, BUF, FALSE, NAND, NOR, NOT, OR, TRUE, XNOR, XOR
from circuits.netlist import Circuit, cone
from circuits.simulation.calls import bits_of_words
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.canvas import BLUE, VERMILION, finished, given_axes, new_figure, svg_of
from jaxnet.notebook import picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_SYMBOLS = 300
_MAX_SHOWN = 100  # symbols of a circuit that a notebook draws without being asked
_MAX_NAME = 24  # letters of a name that are shown

_INCH = 0.09  # a unit of the layout, in a figure of its own
_FONT, _GAP, _CIRCLE = 1.4, 0.7, 0.42  # in units: the size of letters, before names, the radius of an inversion
_PEN = {"m": 1, "l": 2, "q": 3, "c": 4}  # as matplotlib numbers them


class _Style(NamedTuple):
    """How a value is shown: by colour, and for print in grey by the width of lines, in units."""

    colour: str
    width: float
    filling: str


_PLAIN = _Style("black", 0.17, "white")
_VALUES = (_Style(BLUE, 0.13, "white"), _Style(VERMILION, 0.36, "#FBD9BF"))


class _Shape(NamedTuple):
    """An outline in units of the layout, from the left edge of a gate and from its middle.

    Attributes:
        pen: a letter for each point: m where the pen is set down, l of a line, q and c of Bézier curves.
        outline: the points.
        pin: x where wires end.
        tip: x where the outline ends.
        middle: x of the digit that is written in it.
    """

    pen: str
    outline: tuple[tuple[float, float], ...]
    pin: float
    tip: float
    middle: float


_ARC = ((4.1, -2), (5, -1.1), (5, 0), (5, 1.1), (4.1, 2), (3, 2))
_BOW = ((1, -2), (1.7, -2), (3.3, -2), (4.4, -1.2), (5, 0), (4.4, 1.2), (3.3, 2), (1.7, 2), (1, 2), (2.1, 0), (1, -2))
_AND = _Shape("mlccccccll", ((1, -2), (3, -2), *_ARC, (1, 2), (1, -2)), 1, 5, 2.9)
_OR = _Shape("mlcccccclqq", _BOW, 1.41, 5, 3.1)
_XOR = _Shape("mlcccccclqq", _BOW, 0.62, 5, 3.1)
_BEHIND_XOR = ((0.3, -2), (1.4, 0), (0.3, 2))
_BUFFER = _Shape("mlll", ((1.2, -1.8), (4.4, 0), (1.2, 1.8), (1.2, -1.8)), 1.2, 4.4, 2.3)
_CONSTANT = _Shape("mllll", ((2.6, -1.2), (5, -1.2), (5, 1.2), (2.6, 1.2), (2.6, -1.2)), 2.6, 5, 3.8)

# The shape of each table, and where a circle stands for an inversion: at the output, or at pin 0 or 1 from the top.
_SHAPES: dict[int, tuple[_Shape, str | int | None]] = {
    AND: (_AND, None), NAND: (_AND, "output"), 0b0010: (_AND, 1), 0b0100: (_AND, 0),
    OR: (_OR, None), NOR: (_OR, "output"), 0b1011: (_OR, 1), 0b1101: (_OR, 0),
    XOR: (_XOR, None), XNOR: (_XOR, "output"), BUF: (_BUFFER, None), NOT: (_BUFFER, "output"),
    FALSE: (_CONSTANT, None), TRUE: (_CONSTANT, None),
}  # fmt: skip


def draw_circuit(
    circuit: Circuit,
    *,
    inputs: Sequence[Any] | Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
    ax: Any = None,
    path: str | Path | None = None,
) -> "Figure":
    """Draw a circuit from left to right in gate symbols, and the value of each wire if inputs are given.

    Args:
        circuit: of at most 300 gates, inputs and outputs; about 60 gates can be read on a page. Gates that no output
            depends on are drawn. Fan-ins that change nothing are not: a gate that reads one node twice is a buffer.
        inputs: `(n,)` bits, or by name a bit for each input and a number for each word, as `evaluate` takes them. Wires
            that carry 1 are then thick and vermilion, those that carry 0 thin and blue; the digits are in the gates and
            beside the names.
        outputs: names of outputs: only these are drawn, with the gates and inputs that they depend on.
        ax: where to draw; a new figure, as large as the circuit needs, if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: if it is no `Circuit`, a name of an input is missing or unknown, or `ax` is anything but axes.
        ValueError: if there is more to draw than 300 symbols, an input has no value or does not fit, an output is
            unknown, `ax` is more than one, or matplotlib does not know the extension.

    Source: IEEE Std 91a-1991, the distinctive shapes; `circuits.drawing.layout` for their places.

    >>> from circuits import parse
    >>> figure = draw_circuit(parse("s = a ^ b; carry = a & b"), inputs={"a": 1, "b": 0})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['a = 1', 'b = 0', '1', '0', 's = 1', 'carry = 0']
    """
    if isinstance(circuit, ThresholdCircuit):
        raise TypeError(
            "draw_circuit: expected a Circuit, got a ThresholdCircuit. circuits.to_circuit makes gates of its units."
        )
    if not isinstance(circuit, Circuit):
        raise TypeError(f"draw_circuit: expected a Circuit, got {type(circuit).__name__}.")
    bits = None if inputs is None else _bits(circuit, inputs)
    part = circuit if outputs is None else _part(circuit, outputs)
    size = part.n_gates + part.n_inputs + part.n_outputs
    if size > MAX_SYMBOLS:
        raise ValueError(
            f"draw_circuit: expected at most {MAX_SYMBOLS} gates, inputs and outputs, got {size}. Draw a part, "
            "outputs=[...], or have Graphviz draw it: circuits.write(circuit, 'circuit.dot')."
        )
    values = None if bits is None else _values(part, bits)
    drawing = arrange(part)
    corners = _corners(drawing, values)
    if ax is None:
        left, right, top, bottom = corners
        panel = new_figure(_INCH * (right - left), _INCH * (bottom - top), layout=None).add_axes((0, 0, 1, 1))
    else:
        (panel,) = given_axes("draw_circuit", ax, ["the circuit"])
    _paint(panel, drawing, values, corners)
    return finished(panel, path)


@picture_of.register
def svg_of_circuit(circuit: Circuit) -> str | None:
    """Return a circuit as a notebook shows it.

    Args:
        circuit: any circuit.

    Returns:
        An SVG element; None if there are more than 100 gates, inputs and outputs.

    >>> from circuits import library
    >>> svg_of_circuit(library.adder(2))[:4], svg_of_circuit(library.adder(20))
    ('<svg', None)
    """
    small = circuit.n_gates + circuit.n_inputs + circuit.n_outputs <= _MAX_SHOWN
    return svg_of(draw_circuit(circuit)) if small else None


def _bits(circuit: Circuit, inputs: Sequence[Any] | Mapping[str, Any]) -> dict[str, int]:
    """Return the bit of each input, by name."""
    names = circuit.input_names
    if isinstance(inputs, Mapping):
        bits = bits_of_words(circuit, inputs, where="draw_circuit")
        if bits.ndim > 1:
            raise ValueError("draw_circuit: expected one value for each input, got an array of them.")
        return dict(zip(names, bits.astype(int).tolist(), strict=True))
    row = list(inputs)
    if len(row) != len(names):
        raise ValueError(f"draw_circuit: expected {len(names)} inputs for {circuit}, got {len(row)}.")
    for name, bit in zip(names, row, strict=True):
        if np.ndim(bit) or bit not in (0, 1):
            raise ValueError(f"draw_circuit: expected input {name!r} to be 0 or 1, got {bit!r}.")
    return {name: int(bit) for name, bit in zip(names, row, strict=True)}


def _part(circuit: Circuit, outputs: Sequence[str]) -> Circuit:
    """Return the circuit of these outputs, with only the gates and inputs that they depend on."""
    unknown = [name for name in outputs if name not in circuit.output_names]
    if isinstance(outputs, str) or unknown:
        raise ValueError(
            f"draw_circuit: expected outputs to be a list of some of {list(circuit.output_names)}, got {outputs!r}."
        )
    kept = cone(circuit, outputs)
    read = np.ones(kept.n_nodes, bool)
    read[1 : 1 + kept.n_inputs] = False
    read[kept.fan_ins] = read[kept.outputs] = True
    place = np.cumsum(read) - 1
    names = [name for name, is_read in zip(kept.input_names, read[1:], strict=False) if is_read]
    return Circuit(names, place[kept.fan_ins], kept.tables, place[kept.outputs], kept.output_names)


def _values(circuit: Circuit, bits: dict[str, int]) -> list[int]:
    values = [0, *[bits[name] for name in circuit.input_names]]
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        values.append(table >> (values[a] + 2 * values[b]) & 1)
    return values


def _label(symbol: Symbol, values: list[int] | None) -> str:
    name = symbol.name if len(symbol.name) <= _MAX_NAME else symbol.name[: _MAX_NAME - 1] + "…"
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    return shown if values is None else f"{shown} = {values[symbol.node]}"


def _corners(drawing: Drawing, values: list[int] | None) -> tuple[float, float, float, float]:
    """Return left, right, top and bottom of what is drawn, with the names and a margin."""
    from matplotlib.textpath import TextPath

    boxes = [(0.0, 0.0, 0.0, 0.0)]
    for symbol in drawing.symbols:
        if symbol.kind == "gate":
            boxes.append((symbol.x, symbol.x + GATE_WIDTH, symbol.y - 2, symbol.y + 2))
        else:
            # A dollar would begin a formula; a dot before measures spaces too.
            text = TextPath((0, 0), f".{_label(symbol, values)}".replace("$", "S"), size=_FONT)
            width = _GAP + 1.08 * text.get_extents().width  # more, as letters are set on whole pixels
            side = -width if symbol.kind == "input" else width
            boxes.append((symbol.x + min(side, 0), symbol.x + max(side, 0), symbol.y - 1, symbol.y + 1))
    left, right, top, bottom = zip(*boxes, strict=True)
    return min(left) - 0.5, max(right) + 0.5, min(top) - 1, max(bottom) + 1


def _paint(ax: "Axes", drawing: Drawing, values: list[int] | None, corners: tuple[float, float, float, float]) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Circle, PathPatch
    from matplotlib.path import Path as Outline

    left, right, top, bottom = corners
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    frame = ax.get_window_extent()
    unit = 72 / ax.figure.dpi * min(frame.width / (right - left), frame.height / (bottom - top))  # in points
    lines: dict[int, list[Any]] = {wire.node: list(wire.segments) for wire in drawing.wires}

    def style(node: int) -> _Style:
        return _PLAIN if values is None else _VALUES[values[node]]

    def write(x: float, y: float, text: str, side: str, colour: str = "black") -> None:
        ax.text(x, y, text, ha=side, va="center_baseline", color=colour, fontsize=_FONT * unit, parse_math=False)

    edge: dict[str, Any] = {"edgecolor": "black", "linewidth": _PLAIN.width * unit, "zorder": 3}
    for symbol in drawing.symbols:
        x, y, node = symbol.x, symbol.y, symbol.node
        if symbol.kind == "input":
            write(x - _GAP, y, _label(symbol, values), "right", "black" if node in lines else "grey")
        elif symbol.kind == "output":
            write(x + _GAP, y, _label(symbol, values), "left")
        else:
            shape, inverted = _SHAPES[symbol.table]
            outline = Outline(np.add(shape.outline, (x, y)), [_PEN[letter] for letter in shape.pen])
            ax.add_artist(PathPatch(outline, facecolor=style(node).filling, joinstyle="miter", **edge))
            if shape is _XOR:
                behind = Outline(np.add(_BEHIND_XOR, (x, y)), [_PEN[letter] for letter in "mqq"])
                ax.add_artist(PathPatch(behind, fill=False, **edge))
            circles = [(shape.tip + _CIRCLE, 0)] if inverted == "output" else []
            lines.setdefault(node, []).append((x + shape.tip + 2 * _CIRCLE * len(circles), y, x + GATE_WIDTH, y))
            for i, fan_in in enumerate(symbol.fan_ins):
                down = pin_offset(symbol, i)
                if inverted == i:
                    circles.append((shape.pin - _CIRCLE, down))
                end = x + shape.pin - 2 * _CIRCLE * (inverted == i)
                lines[fan_in].append((x, y + down, end, y + down))
            for right, down in circles:
                ax.add_artist(Circle((x + right, y + down), _CIRCLE, facecolor="white", **edge))
            if shape is _CONSTANT:
                write(x + shape.middle, y, "1" if symbol.table else "0", "center")
            elif values is not None:
                write(x + shape.middle, y, str(values[node]), "center")
    for node, segments in lines.items():
        look = style(node)
        ax.add_collection(
            LineCollection(
                _joined(segments), colors=look.colour, linewidths=look.width * unit, capstyle="projecting",
                zorder=1 + look.width,
            ),
            autolim=False,
        )  # fmt: skip
    for wire in drawing.wires:
        look = style(wire.node)
        for dot in wire.dots:
            ax.add_artist(Circle(dot, 0.2 + look.width / 2, color=look.colour, linewidth=0, zorder=2))


def _joined(segments: Sequence[Any]) -> list[list[tuple[float, float]]]:
    """Return segments as lines: horizontal ones that meet become one, so that no seam is seen."""
    found: list[list[tuple[float, float]]] = [[(x, y), (x, end)] for x, y, end_x, end in segments if x == end_x]
    level = sorted((y, x, end) for x, y, end, _ in segments if x != end)
    for i, (y, x, end) in enumerate(level):
        if i and level[i - 1][0] == y and x <= found[-1][1][0]:
            found[-1][1] = (max(end, found[-1][1][0]), y)
        else:
            found.append([(x, y), (end, y)])
    return found
