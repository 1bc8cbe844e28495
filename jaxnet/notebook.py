"""What a notebook is shown instead of text. IPython is never imported: where there is a notebook, it is loaded."""

import functools
import html
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

# Modules that register pictures of what is made without them.
_DRAWING = ("jaxnet.networks.summaries", "jaxnet.plots")


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook; a terminal of IPython is none.

    >>> in_notebook()
    False
    """
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return getattr(get_ipython and get_ipython(), "kernel", None) is not None


@functools.singledispatch
def picture_of(value: Any) -> Any:
    """Return what a notebook shows of a value, as HTML, SVG or PNG; None for its text.

    Those who can draw a class register it here, so that it need not import them: the netlist knows of no drawing. They
    are imported when a picture is wanted.

    Args:
        value: anything.

    >>> picture_of(3) is None
    True
    """
    for module in _DRAWING:
        import_module(module)
    draw = picture_of.dispatch(type(value))
    return None if draw is picture_of.dispatch(object) else draw(value)


def html_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table in HTML.

    Args:
        header: the titles of the columns.
        rows: cells: text, which is escaped and stands at the left, or numbers, which stand at the right.

    Returns:
        A `<table>` element.

    >>> html_table(["name", "bytes"], [("a < b", 4096)]).splitlines()[2]
    '<tr><td style="text-align: left">a &lt; b</td><td style="text-align: right">4,096</td></tr>'
    """
    rows = [tuple(row) for row in rows]
    numeric = [bool(rows) and not isinstance(cell, str) for cell in (rows[0] if rows else header)]

    def line(tag: str, cells: Sequence[Any]) -> str:
        made = []
        for cell, right in zip(cells, numeric, strict=True):
            text = html.escape(cell if isinstance(cell, str) else f"{cell:,}")
            made.append(f'<{tag} style="text-align: {"right" if right else "left"}">{text}</{tag}>')
        return f"<tr>{''.join(made)}</tr>"

    return "\n".join(["<table>", line("th", header), *(line("td", row) for row in rows), "</table>"])
