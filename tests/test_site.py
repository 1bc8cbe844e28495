"""The pages of the site: their cells run, in this process, without Jupyter and with figures that nobody sees."""

import importlib.util
import re
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import pytest

DOCS = Path(__file__).parents[1] / "docs"
QUICK = {"start.md", "threshold.md", "lecture/03_boolean_abstraction.md"}
PAGES = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md")) if "{code-cell}" in path.read_text()]


def cells(text):
    """The code of a page, a string a cell, without the options at its head."""
    found = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(r"\A(:[^\n]*\n)+", "", cell) for cell in found]


def test_cells_are_found_without_their_options():
    page = "```{code-cell}\n:tags: [hide-cell]\n\na = 1\n```\nText.\n```python\nb = 2\n```\n```{code-cell}\na\n```\n"
    assert cells(page) == ["\na = 1\n", "a\n"]


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[] if page in QUICK else pytest.mark.slow, id=page) for page in PAGES]
)
def test_the_cells_of_a_page_run(page, monkeypatch):
    monkeypatch.chdir((DOCS / page).parent)  # where a notebook runs
    space = {"__name__": "__main__"}
    # A reader has the defaults of JAX, not those of the tests.
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"), jax.debug_key_reuse(False):
        for cell in cells((DOCS / page).read_text()):
            exec(compile(cell, page, "exec"), space)
            plt.close("all")


def test_an_example_that_prints_something_else_is_a_warning_with_its_line(tmp_path, caplog):
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("checked_examples", DOCS / "checked_examples.py")
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    page = tmp_path / "page.md"
    extension.check(page, "# A page\n\n```python\n>>> a = 1\n>>> a + 1\n2\n>>> list(range(3))\n[0, ..., 2]\n\n```\n")
    assert not caplog.records
    extension.check(page, "# A page\n\n```python\n>>> a = 1\n>>> a + 1\n3\n>>> b\n1\n\n```\n")
    different, unknown = (record.getMessage() for record in caplog.records)
    assert different.startswith(f'File "{page}", line 5')
    assert "Expected:\n    3\nGot:\n    2" in different
    assert unknown.startswith(f'File "{page}", line 7')
    assert "NameError" in unknown


LECTURE = [page for page in PAGES if page.startswith("lecture/")]


@pytest.mark.parametrize("page", LECTURE)
def test_a_page_of_the_lecture_has_all_its_parts(page):
    text = (DOCS / page).read_text()
    assert re.search(r"^> .+", text, re.MULTILINE), "the claim in a sentence"
    assert "$$" in text, "the equation"
    assert "{py:obj}`" in text, "the function that is it"
    assert "plt.show()" in text or "draw_" in text, "a picture"
    assert text.count("**Change one number.**") == 1
    assert text.count("Solution of exercise") == 2, "two exercises with folded solutions"
    assert "\n## Sources\n" in text
    for name in re.findall(r"\{py:obj\}`([\w.]+)`", text):
        module, _, attribute = name.rpartition(".")
        assert hasattr(__import__(module), attribute), f"{page} names {name}"


def test_a_notebook_has_nothing_that_only_sphinx_knows(monkeypatch):
    pytest.importorskip("jupytext", reason="needs jupytext: pip install jupytext")
    monkeypatch.syspath_prepend(DOCS)
    import notebook_pages

    pages = notebook_pages.PAGES
    assert {page.relative_to(DOCS).as_posix() for page in pages} == set(PAGES)
    for page in pages:
        cells = notebook_pages.notebook(page).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        assert "{py:obj}" not in text
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            inside = target.removesuffix(".ipynb") in {other.stem for other in pages}
            assert inside or (DOCS.parent / "notebooks" / target).resolve().is_file(), f"{page} links to {target}"
        solutions = [cell for cell in cells if cell.source.startswith("# Solution of exercise")]
        assert len(solutions) == (2 if page.parent.name == "lecture" else 0)
        assert all(cell.metadata["jupyter"] == {"source_hidden": True} for cell in solutions)
