"""Links as they are in the repository, made to lead somewhere on the site too."""

import re
from pathlib import Path

from sphinx.application import Sphinx

# Pages of the site that include a file from elsewhere in the repository.
_PAGES = {
    "../examples/README.md": "examples.md",
    "../benchmarks/README.md": "benchmark_scripts.md",
    "../CONTRIBUTING.md": "contributing.md",
}


def setup(app: Sphinx) -> None:
    """Rewrite links where Sphinx reads a page, or a file that a page includes."""
    app.connect("source-read", lambda app, page, text: _rewrite(Path(app.srcdir), "", text))
    app.connect("include-read", lambda app, file, page, text: _rewrite(Path(app.srcdir), f"{file.parent}/", text))


def _rewrite(pages: Path, folder: str, text: list[str]) -> None:
    """Rewrite the links of a text that lies in a folder, which is relative to that of the pages."""

    def link(found: re.Match) -> str:
        shown, target = found.groups()
        target = _PAGES.get(folder + target, folder + target)
        return shown if (pages / target).is_dir() else f"[{shown}]({target})"

    text[0] = re.sub(r"\[([^][]+)\]\((?!\w+:|#)([^)\s]+)\)", link, text[0])
