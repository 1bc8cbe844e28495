"""Progress bars: on a terminal and in a notebook; nothing where the output goes to a file or a pipe.

The bars are those of tqdm (C. da Costa-Luis and others), which is imported when one is made.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from jaxnet.notebook import in_notebook


def progress_bar(label: str | None, iterable: Iterable | None = None, *, shown: bool = True, **options: Any) -> Any:
    """Return a bar that shows how far a loop has come.

    Args:
        label: what is being done, to the left of the bar; None for nothing.
        iterable: what the loop goes over; if None, call `bar.update(n)`.
        shown: whether to show it, where somebody looks: on a terminal, also IPython's, and in a notebook (a widget if
            ipywidgets is installed, else text).
        options: as `tqdm.tqdm` takes them: `total`, `unit`, ... A bar disappears at the end unless `leave=True`.

    Returns:
        A `tqdm` bar: an iterable and a context.

    >>> list(progress_bar("squares", range(3), shown=False))
    [0, 1, 2]
    """
    from tqdm import tqdm

    options = {"leave": False, **options}
    if not (shown and in_notebook()):
        return tqdm(iterable, label, disable=None if shown else True, **options)
    # The bar of tqdm.notebook cannot do without ipywidgets, and tqdm.auto warns if it is missing.
    if find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm
    return tqdm(iterable, label, disable=False, **options)
