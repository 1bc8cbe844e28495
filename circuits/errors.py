"""`ParseError`, the one exception of everything that reads text; how errors show long texts and lists; warnings."""

import inspect
import warnings
from collections.abc import Iterable


class ParseError(ValueError):
    """Text that is not a circuit: the message has the place, what was found there, and what was expected.

    Attributes:
        source: the file, or "expression"; None where the message says it all.
        line: counted from 1; None where no single line is at fault.
        column: counted from 1; None where the whole line is at fault.

    >>> print(ParseError("no such gate: 'NADN'", source="c17.bench", line=14))
    c17.bench:14: no such gate: 'NADN'
    """

    __module__ = "circuits"  # the name that users import and that tracebacks print

    def __init__(
        self,
        message: str,
        *,
        source: str | None = None,
        line: int | None = None,
        column: int | None = None,
        text: str | None = None,
    ):
        place = ":".join(str(part) for part in (source, line, column) if part is not None)
        # The text that is at fault, cut to what a terminal shows, with a caret under the column.
        shown = ""
        if text is not None and column is not None:
            start = max(0, column - 60)
            shown = f"\n  {text[start : column + 40]}\n  {' ' * (column - 1 - start)}^"
        super().__init__(f"{place}: {message}{shown}" if place else message)
        self.source, self.line, self.column = source, line, column


def cut_short(text: str, most: int = 60) -> str:
    """Return a text as errors show it: one of more than `most` characters ends in "...".

    >>> cut_short("a" * 100, 10)
    'aaaaaaa...'
    """
    return text if len(text) <= most else text[: most - 3] + "..."


def listed(names: Iterable[object], most: int = 8) -> str:
    """Return names as errors list them: quoted, each cut short, at most `most` of them, and how many more there are.

    >>> listed(["a", "b", "c"], 2)
    "'a', 'b' and 1 more"
    >>> listed([])
    'none'
    """
    names = list(names)
    shown = ", ".join(cut_short(repr(name)) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "none"


def warn(message: str) -> None:
    """Warn with the line of the user's that called the package, rather than a line of the package."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "circuits":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=1 + level)
