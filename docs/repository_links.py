"""Links that leave the folder of the pages: read as in the repository, they must lead somewhere on the site too."""

import re
from pathlib import Path

from sphinx.application import Sphinx

# Pages of the site that include a file from elsewhere in the repository.
_PAGES = {"../examples/README.md": "examples.md", "../benchmarks/README.md": "benchmark_scripts.md"}


def setup(app: Sphinx) -> None:
    """Rewrite links where Sphinx reads a page, or a file that a page includes."""
    app.connect("source-read", _to_pages)
    app.connect("include-read", _from_elsewhere)


def _to_pages(app: Sphinx, page: str, text: list[str]) -> None:
    for file, other in _PAGES.items():
        text[0] = text[0].replace(f"]({file})", f"]({other})")


def _from_elsewhere(app: Sphinx, file: Path, page: str, text: list[str]) -> None:
    """Links of a file that is included are relative to where it lies, not to the page."""
    folder = f"{file.parent.as_posix()}/"
    text[0] = re.sub(r"\]\((?!\w+:|#)", f"]({folder}", text[0])
