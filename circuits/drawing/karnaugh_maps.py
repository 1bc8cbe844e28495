"""Truth tables as pictures: Karnaugh maps, in which neighbouring cells differ in one input.

M. Karnaugh, The map method for synthesis of combinational logic circuits (1953).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.truth_tables import truth_table
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.canvas import BLUE, finished, given_axes, new_figure
from jaxnet.validation import whole_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_INPUTS, MAX_OUTPUTS = 10, 16
_DIGITS = 6  # inputs up to which the digits are written
_WIDEST = 12  # inches
_COLOURS = ("#F4F4F4", BLUE)  # of 0 and 1; light and dark also in grey print


def draw_karnaugh_map(
    circuit: Circuit | ThresholdCircuit, *, ax: Any = None, path: str | Path | None = None
) -> "Figure":
    """Draw the truth table of each output as a map whose rows and columns are in the order of a Gray code.

    Args:
        circuit: of at most 10 inputs and 1 to 16 outputs.
        ax: as many axes to draw into as there are outputs; a new figure if None.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure, with a panel for each output. The first half of the inputs runs down and the others to
        the right (one more of them if n is odd); the last cell of a row or column is a neighbour of the first. Digits
        are written up to 6 inputs.

    Raises:
        TypeError: if it is no circuit, or `ax` is anything but axes.
        ValueError: if there are more than 10 inputs or 16 outputs, or no output, if there are more or fewer axes than
            outputs, or matplotlib does not know the extension.

    Source: M. Karnaugh (1953).

    >>> from circuits import parse
    >>> figure = draw_karnaugh_map(parse("carry = maj(a, b, c)"))
    >>> [text.get_text() for text in figure.axes[0].texts]                 # rows a = 0, 1; columns bc = 00, 01, 11, 10
    ['0', '0', '1', '0', '0', '1', '1', '1']
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    if not isinstance(circuit, (Circuit, ThresholdCircuit)):
        raise TypeError(f"draw_karnaugh_map: expected a Circuit or a ThresholdCircuit, got {type(circuit).__name__}.")
    n, m = circuit.n_inputs, circuit.n_outputs
    if n > MAX_INPUTS:
        raise ValueError(
            f"draw_karnaugh_map: expected at most {MAX_INPUTS} inputs, got {n}: a map of 2^{n} cells cannot be read. "
            "circuits.truth_table has the values of up to 24 inputs."
        )
    if not 1 <= m <= MAX_OUTPUTS:
        raise ValueError(f"draw_karnaugh_map: expected 1 to {MAX_OUTPUTS} outputs, a panel for each, got {m}.")
    down, right = n // 2, n - n // 2
    if ax is None:
        cell = 0.3 if n <= _DIGITS else 0.17  # inches
        width = cell * 2**right + 0.45 + 0.07 * down
        height = cell * 2**down + 0.62 + 0.07 * right * (right > 2)
        columns = min(m, max(1, int(_WIDEST / width)))
        rows = -(-m // columns)
        layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
        grid = new_figure(columns * width, rows * height, layout).subplots(rows, columns, squeeze=False).ravel()
        for unused in grid[m:]:
            unused.remove()
        panels = grid[:m].tolist()
    else:
        panels = given_axes("draw_karnaugh_map", ax, circuit.output_names)
    for panel, name, cells in zip(panels, circuit.output_names, _maps(truth_table(circuit), down, right), strict=True):
        panel.imshow(cells, cmap=ListedColormap(_COLOURS), vmin=0, vmax=1)
        # White lines between the cells.
        panel.set_xticks(np.arange(1, 2**right) - 0.5, minor=True)
        panel.set_yticks(np.arange(1, 2**down) - 0.5, minor=True)
        panel.grid(which="minor", color="white", linewidth=1)
        panel.tick_params(which="both", length=0, labelsize="small")
        for spine in panel.spines.values():
            spine.set_visible(False)
        panel.set_xticks(range(2**right), _codes(right), rotation=90 if right > 2 else 0)
        panel.set_yticks(range(2**down), _codes(down))
        panel.set_title(_shown(name), fontsize="medium", parse_math=False)
        panel.set_xlabel(_shown(*circuit.input_names[down:]), parse_math=False)
        panel.set_ylabel(_shown(*circuit.input_names[:down]), parse_math=False)
        if n <= _DIGITS:
            for place, value in np.ndenumerate(cells):
                panel.text(place[1], place[0], str(int(value)), ha="center", va="center", fontsize="small",
                        color="white" if value else "black")  # fmt: skip
    return finished(panels[0], path)


def gray_code(n: int) -> np.ndarray:
    """Return the numbers of n bits in an order in which neighbours differ in one bit, and the last and the first too.

    Args:
        n: 0 to 24.

    Returns:
        `(2^n,)` int64.

    Raises:
        TypeError: if n is no whole number.
        ValueError: if it is out of range.

    Source: F. Gray, Pulse code communication (1953).

    >>> gray_code(2)
    array([0, 1, 3, 2])
    """
    place = np.arange(2 ** whole_number("gray_code", "n", n, 0, 24))
    return place ^ place >> 1


def _maps(table: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return the columns of a truth table as maps `(m, 2^down, 2^right)`, the first input as the highest digit."""
    # Row r of the table is sum x_i 2^i, so the axes of the reshaped table go from the last input to the first.
    bits = table.T.reshape(-1, *[2] * (down + right)).transpose(0, *range(down + right, 0, -1))
    return bits.reshape(-1, 2**down, 2**right)[:, gray_code(down)][:, :, gray_code(right)]


def _codes(n: int) -> list[str]:
    return [f"{code:0{n}b}" if n else "" for code in gray_code(n).tolist()]


def _shown(*names: Any) -> str:
    text = " ".join(names)
    text = text if len(text) <= 24 else text[:23] + "…"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
