"""The examples with `>>>` of a page, run when Sphinx reads it: one that prints something else is a warning."""

import doctest
import tomllib
from pathlib import Path

import jax
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
_FLAGS = _PROJECT["tool"]["pytest"]["ini_options"]["doctest_optionflags"]


def setup(app: Sphinx) -> None:
    """Check a page before anything rewrites it, so that lines are counted as in its file."""
    jax.config.update("jax_disable_most_optimizations", True)  # most of what is compiled runs once
    app.connect("source-read", lambda app, page, text: check(app.env.doc2path(page), text[0]), priority=0)
    app.connect("doctree-read", lambda app, page: _trim(page))


def check(path: Path, text: str) -> None:
    """Run the examples of a page, of which the later know the names of the earlier."""
    page = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, path.name, str(path), 0)
    flags = sum(doctest.OPTIONFLAGS_BY_NAME[name] for name in _FLAGS)
    warn = logging.getLogger(__name__).warning
    doctest.DocTestRunner(verbose=False, optionflags=flags).run(page, out=lambda report: warn(report.lstrip("*\n")))


def _trim(page: nodes.document) -> None:
    """Do not show the empty line that ends the examples of a block."""
    for block in page.findall(nodes.literal_block):
        if block.astext().startswith(">>> "):
            block.rawsource = block.astext().rstrip()
            block[:] = [nodes.Text(block.rawsource)]
