"""The figures that `draw_*` return. This file imports matplotlib, so it is imported when a picture is drawn."""

import io
from typing import Any

from matplotlib import figure
from matplotlib.backends.backend_agg import FigureCanvasAgg


class Figure(figure.Figure):
    """A figure of matplotlib that pyplot knows nothing of, and that a notebook shows when it is the value of a cell."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        # pyplot in a notebook has IPython use a function of its own for figures, instead of this one.
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()
