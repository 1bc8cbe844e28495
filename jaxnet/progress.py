"""Progress bars: on a terminal and in a notebook; on request also lines in a log file or a pipe.

The bars are those of tqdm (C. da Costa-Luis and others), which is imported when one is made.
"""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from jaxnet.notebook import in_notebook

LINE_EVERY = 30.0  # seconds between two lines in a log file
_LINE = "{percentage:.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
_LINE_WITHOUT_END = "{n_fmt} [{elapsed}, {rate_fmt}{postfix}]"


def progress_bar(
    label: str | None, iterable: Iterable | None = None, *, shown: bool | None = None, **options: Any
) -> Any:
    """Return a bar that shows how far a loop has come.

    Args:
        label: what is being done, to the left of the bar; None for nothing.
        iterable: what the loop goes over; if None, call `bar.update(n)`.
        shown: True to show it everywhere: where nobody looks, as in a log file, as a line every 30 s and one at the
            end; None for a bar where somebody looks, on a terminal, also IPython's, and in a notebook (a widget if
            ipywidgets is installed, else text); False for nothing.
        options: as `tqdm.tqdm` takes them: `total`, `unit`, ... A bar disappears at the end unless `leave=True`.

    Returns:
        A `tqdm` bar: an iterable and a context.

    >>> list(progress_bar("squares", range(3), shown=False))
    [0, 1, 2]
    """
    from tqdm import tqdm

    options = {"leave": False, **options}
    if shown is not False and in_notebook():
        if find_spec("ipywidgets") is not None:  # without it, tqdm.auto warns
            from tqdm.auto import tqdm
        return tqdm(iterable, label, disable=False, **options)
    if shown and not getattr(sys.stderr, "isatty", bool)():
        with_end = options.get("total") is not None or hasattr(iterable, "__len__")
        options |= {"leave": True, "mininterval": LINE_EVERY, "maxinterval": LINE_EVERY}
        form = ("{desc}: " if label else "") + (_LINE if with_end else _LINE_WITHOUT_END)
        return tqdm(iterable, label, disable=False, file=_Lines(sys.stderr), bar_format=form, **options)
    return tqdm(iterable, label, disable=True if shown is False else None, **options)


class _Lines:
    """A stream on which each picture of a bar, which would overwrite the one before, is a line of its own."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._made = stream, ""

    def write(self, text: str) -> None:
        line = text.strip()
        made = line.split(" [")[0]  # without times
        if line and made != self._made:
            self._made = made
            self._stream.write(line + "\n")

    def flush(self) -> None:
        self._stream.flush()
