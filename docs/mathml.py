"""Formulas as MathML, which browsers draw themselves: no script, and nothing from the network."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    """Offer the renderer, which is the only one, so that Sphinx takes it."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))


def _inline(self: object, node: nodes.Element) -> None:
    self.body.append(convert(node.astext()))  # type: ignore[attr-defined]
    raise nodes.SkipNode


def _block(self: object, node: nodes.Element) -> None:
    self.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>')  # type: ignore[attr-defined]
    raise nodes.SkipNode
