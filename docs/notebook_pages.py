"""The pages that run, as notebooks of Jupyter: `make notebooks`. What only Sphinx knows becomes what Jupyter knows."""

import re
import sys
from pathlib import Path

import jupytext

DOCS = Path(__file__).resolve().parent
PAGES = sorted(path for path in DOCS.rglob("*.md") if "{code-cell}" in path.read_text(encoding="utf-8"))


def notebook(page: Path) -> dict:
    """Return a page as a notebook that stands in a folder beside `docs`: roles as code, folded cells folded."""
    found = jupytext.read(page)
    for cell in found.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\{py:obj\}(`[^`]+`)", r"\1", cell.source)
            cell.source = re.sub(r"\]\((?!\w+:|#)([^)#\s]+)", lambda link: f"]({_target(page, link[1])}", cell.source)
            continue
        if {"hide-cell", "hide-input"} & set(cell.metadata.get("tags", [])):
            cell.source = f"# {cell.metadata.get('mystnb', {}).get('code_prompt_show', 'Hidden')}\n{cell.source}"
            cell.metadata["jupyter"] = {"source_hidden": True}
    return found


def _target(page: Path, link: str) -> str:
    """Return where a link of a page leads from its notebook: to another notebook if there is one."""
    target = (page.parent / link).resolve()
    return target.stem + ".ipynb" if target in PAGES else f"../{target.relative_to(DOCS.parent).as_posix()}"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for page in PAGES:
        jupytext.write(notebook(page), folder / f"{page.stem}.ipynb")
