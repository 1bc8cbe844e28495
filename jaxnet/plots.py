"""Pictures of networks; matplotlib is imported when one is drawn. Colours after M. Okabe and K. Ito (2008)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxnet.rich_club import RichClub

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart by the colour-blind, and in grey by their dashes.
_MEASURED = {"color": "#0072B2", "linestyle": "-"}
_REWIRED = {"color": "#D55E00", "linestyle": "--"}


def draw_rich_club(found: RichClub, path: str | Path | None = None) -> "Figure":
    """Draw the rich-club coefficient with that of rewired graphs above, and the normalised one below.

    Args:
        found: from `jaxnet.normalised_rich_club`.
        path: where to save the figure, by its extension; not saved if None.

    Returns:
        The matplotlib figure. Infinite values are not drawn; where only the upper end of the band is, the band goes on
        to the upper edge.

    Raises:
        ValueError: if matplotlib does not know the extension.

    >>> import jax, jaxnet
    >>> ring = jaxnet.Graph(6, [(i, (i + 1) % 6) for i in range(6)], directed=False)
    >>> draw_rich_club(jaxnet.normalised_rich_club(ring, key=jax.random.key(0), rewirings=10)).axes[1].get_xlabel()
    'degree k (edges of a node)'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    low, high = found.quantiles
    band = f"{100 * low:g} % to {100 * high:g} %"

    upper.set_title("Connections among the nodes of degree above k")
    upper.fill_between(found.k, found.low, found.high, color=_REWIRED["color"], alpha=0.25, linewidth=0,
                       label=f"rewired: {band}")  # fmt: skip
    upper.plot(found.k, found.mean, **_REWIRED, label=f"rewired: mean of {found.n_rewirings:,}")
    upper.plot(found.k, found.phi, **_MEASURED, label="measured")
    upper.set_ylabel("rich-club coefficient φ(k)\n(share of possible edges)")
    upper.set_ylim(bottom=0)
    upper.legend(fontsize="small")

    drawn = np.where(np.isfinite(found.normalised), found.normalised, np.nan)
    ends = found.normalised_high
    finite = ends[np.isfinite(ends)]
    # Where few members are left the band is wide: it may leave the picture, the curve may not.
    top = 1.1 * max(
        np.max(drawn, initial=1.5, where=np.isfinite(drawn)), np.quantile(finite, 0.9) if len(finite) else 0
    )
    lower.fill_between(found.k, found.normalised_low, np.where(np.isposinf(ends), top, ends), color=_MEASURED["color"],
                       alpha=0.25, linewidth=0, label=f"over rewired: {band}")  # fmt: skip
    lower.plot(found.k, drawn, **_MEASURED, label="over the mean of rewired")
    lower.axhline(1, **_REWIRED, linewidth=1, label="as the degrees explain")
    lower.set_ylim(0, top)
    lower.set_xlabel("degree k (edges of a node)")
    lower.set_ylabel("normalised φ(k)\n(measured / rewired)")
    lower.legend(fontsize="small", loc="lower left")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
