"""Truth tables as pictures: Karnaugh maps, in which neighbours differ in one input.

M. Karnaugh, The map method for synthesis of combinational logic circuits (1953). matplotlib is imported when one is
drawn.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.truth_tables import truth_table
from circuits.threshold.threshold_circuits import ThresholdCircuit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_INPUTS, MAX_OUTPUTS = 10, 16
_DIGITS = 6  # inputs up to which the digits are written
_WIDEST = 12  # inches
_COLOURS = ("#F4F4F4", "#0072B2")  # of 0 and 1; in grey as well, light and dark


def draw_karnaugh_map(circuit: Circuit | ThresholdCircuit, path: str | Path | None = None) -> "Figure":
    """Draw the truth table of each output as a map whose rows and columns are in the order of a Gray code.

    Args:
        circuit: of at most 10 inputs and 1 to 16 outputs.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure, a panel an output: the first half of the inputs runs down, the others, one more if n is
        odd, run to the right; the last cell of a row or column is a neighbour of the first. Digits are written up to 6
        inputs.

    Raises:
        TypeError: if it is no circuit.
        ValueError: if there are more than 10 inputs or 16 outputs, or no output, or matplotlib does not know the
            extension.

    Source: M. Karnaugh (1953).

    >>> from circuits import parse
    >>> figure = draw_karnaugh_map(parse("carry = maj(a, b, c)"))
    >>> [text.get_text() for text in figure.axes[0].texts]                 # rows a = 0, 1; columns bc = 00, 01, 11, 10
    ['0', '0', '1', '0', '0', '1', '1', '1']
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
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
        raise ValueError(f"draw_karnaugh_map: expected 1 to {MAX_OUTPUTS} outputs, one a panel, got {m}.")
    down, right = n // 2, n - n // 2
    cell = 0.3 if n <= _DIGITS else 0.17  # inches
    width, height = cell * 2**right + 0.45 + 0.07 * down, cell * 2**down + 0.62 + 0.07 * right * (right > 2)
    columns = min(m, max(1, int(_WIDEST / width)))
    panel_rows = -(-m // columns)
    figure = Figure(
        figsize=(columns * width, panel_rows * height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    )
    FigureCanvasAgg(figure)
    panels = figure.subplots(panel_rows, columns, squeeze=False).ravel()
    for panel in panels[m:]:
        panel.remove()
    for ax, name, cells in zip(panels, circuit.output_names, _maps(truth_table(circuit), down, right), strict=False):
        ax.imshow(cells, cmap=ListedColormap(_COLOURS), vmin=0, vmax=1)
        # White lines between the cells.
        ax.set_xticks(np.arange(1, 2**right) - 0.5, minor=True)
        ax.set_yticks(np.arange(1, 2**down) - 0.5, minor=True)
        ax.grid(which="minor", color="white", linewidth=1)
        ax.tick_params(which="both", length=0, labelsize="small")
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_xticks(range(2**right), _codes(right), rotation=90 if right > 2 else 0)
        ax.set_yticks(range(2**down), _codes(down))
        ax.set_title(_shown(name), fontsize="medium", parse_math=False)
        ax.set_xlabel(_shown(*circuit.input_names[down:]), parse_math=False)
        ax.set_ylabel(_shown(*circuit.input_names[:down]), parse_math=False)
        if n <= _DIGITS:
            for place, value in np.ndenumerate(cells):
                ax.text(place[1], place[0], str(int(value)), ha="center", va="center", fontsize="small",
                        color="white" if value else "black")  # fmt: skip
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def gray_code(n: int) -> np.ndarray:
    """The numbers of n bits in an order in which neighbours differ in one bit, and so do the last and the first.

    Args:
        n: 0 or more.

    Returns:
        `(2^n,)` int64.

    Source: F. Gray, Pulse code communication (1953).

    >>> gray_code(2)
    array([0, 1, 3, 2])
    """
    place = np.arange(2**n)
    return place ^ place >> 1


def _maps(table: np.ndarray, down: int, right: int) -> np.ndarray:
    """The columns of a truth table as maps `(m, 2^down, 2^right)`; the first input is the highest digit of a row."""
    # Row r of the table is sum x_i 2^i: axes from the last input to the first.
    bits = table.T.reshape(-1, *[2] * (down + right)).transpose(0, *range(down + right, 0, -1))
    return bits.reshape(-1, 2**down, 2**right)[:, gray_code(down)][:, :, gray_code(right)]


def _codes(n: int) -> list[str]:
    return [f"{code:0{n}b}" if n else "" for code in gray_code(n).tolist()]


def _shown(*names: Any) -> str:
    text = " ".join(names)
    text = text if len(text) <= 24 else text[:23] + "…"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
