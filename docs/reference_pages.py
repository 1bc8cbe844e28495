"""The reference: a page for each wing, written from the docstrings when the site is built.

Names that a package exports come first in their file's section, by the names that users import.
"""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils import nodes
from jax.typing import ArrayLike
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

import circuits
import jaxnet

_ROOT = Path(__file__).parents[1]
_ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")


def setup(app: Sphinx) -> None:
    """Write the pages before Sphinx looks for them, and have docstrings read as what they are: text with `code`."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "reference"))
    app.connect("autodoc-process-docstring", _escape, priority=400)  # before napoleon takes it apart
    app.connect("autodoc-process-signature", _shorten)
    app.add_role("name", _name_role)


def _escape(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Have reStructuredText take `|`, `*` and a last `_` for themselves, and `code` for code wherever it stands."""
    blocks = "\n".join(lines).split("\n\n")
    lines[:] = "\n\n".join(block if ">>>" in block else _escaped(block) for block in blocks).split("\n")


def _escaped(block: str) -> str:
    parts = block.split("`")
    parts[::2] = [re.sub(r"[|*]|_\b", r"\\\g<0>", part) for part in parts[::2]]
    parts[1::2] = [part.replace("\\", "\\\\").strip() for part in parts[1::2]]
    # A letter right after code, as the s of a plural, needs a space that is not shown.
    parts[2::2] = [re.sub(r"^(?=\w)", r"\\ ", part) for part in parts[2::2]]
    return "`".join(parts)


def _shorten(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Write `ArrayLike` where Python only knows what that is an alias of."""
    return tuple(text and text.replace(_ARRAY_LIKE, "ArrayLike") for text in (signature, returned))  # type: ignore[return-value]


def _name_role(name: str, rawtext: str, text: str, lineno: int, inliner: Any, **_: Any) -> tuple[list, list]:
    """Show `text` as code, as a link where it is a name that a package exports."""
    code = nodes.literal(text, text)
    package = next((p.__name__ for p in (jaxnet, circuits) if text in dir(p)), None)
    if package is None:
        return [code], []
    target = pending_xref("", code, refdomain="py", reftype="obj", reftarget=f"{package}.{text}", refwarn=False)
    return [target], []


def write_pages(folder: Path) -> None:
    """Write a page for each wing, and one for the files beside the wings of each package."""
    folder.mkdir(exist_ok=True)
    pages = []
    for package in (jaxnet, circuits):
        name = package.__name__
        pages += [name, *(f"{name}.{wing}" for wing in _wings(package))]
        _write(folder / f"{name}.md", _page(name, package.__doc__ or "", _files_beside_wings(package), package))
        for wing in _wings(package):
            module = importlib.import_module(f"{name}.{wing}")
            files = [f"{name}.{wing}.{file}" for file in _reading_order(module)]
            _write(folder / f"{name}.{wing}.md", _page(f"{name}.{wing}", module.__doc__ or "", files, package))
    about = "A page for each wing. Names that `import jaxnet` or `import circuits` gives come first on it.\n\n"
    _write(folder / "index.md", "# Reference\n\n" + about + "```{toctree}\n" + "\n".join(pages) + "\n```\n")


def _write(path: Path, text: str) -> None:
    # Sphinx reads a page again if the file is newer.
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _wings(package: ModuleType) -> list[str]:
    """Return the wings in the order in which the docstring of the package names them."""
    named = re.findall(r"`(\w+)`", package.__doc__ or "")
    return [name for name in named if (_ROOT / package.__name__ / name / "__init__.py").exists()]


def _reading_order(wing: ModuleType) -> list[str]:
    """Return the files of a wing in the order in which its docstring names them."""
    folder = Path(wing.__file__ or "").parent
    files = {path.stem for path in folder.glob("[!_]*.py")}
    named = [name for name in re.findall(r"\w+", wing.__doc__ or "") if name in files]
    return list(dict.fromkeys(named)) + sorted(files - set(named))


def _files_beside_wings(package: ModuleType) -> list[str]:
    return [f"{package.__name__}.{path.stem}" for path in sorted((_ROOT / package.__name__).glob("[!_]*.py"))]


def _page(title: str, about: str, files: list[str], package: ModuleType) -> str:
    """Return a page: what the wing is, the names that the package exports, then the others by file."""
    text = f"# {title}\n\n{about.strip()}\n\n"
    exported = {file: [name for name in _names(file) if _is_exported(package, file, name)] for file in files}
    for file, names in exported.items():
        text += _section(file, package.__name__, names)
    text += "## What they are made of\n\nImport these from their files.\n\n"
    for file in files:
        text += _section(file, file, [name for name in _names(file) if name not in exported[file]], "###")
    return text


def _section(file: str, prefix: str, names: list[str], level: str = "##") -> str:
    """Return the section of a file: what it is, then functions and classes; nothing without any."""
    if not names:
        return ""
    module = importlib.import_module(file)
    text = f"{level} {file.rpartition('.')[2]}\n\n{(module.__doc__ or '').strip()}\n\n"
    for name in names:
        kind = "class" if isinstance(getattr(module, name), type) else "function"
        text += f"```{{eval-rst}}\n.. auto{kind}:: {prefix}.{name}\n```\n\n"
    return text


def _names(file: str) -> list[str]:
    """Return the public functions and classes that a file defines, once each if they have overloads."""
    tree = ast.parse((_ROOT / (file.replace(".", "/") + ".py")).read_text())
    defined = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return [name for name in dict.fromkeys(defined) if not name.startswith("_")]


def _is_exported(package: ModuleType, file: str, name: str) -> bool:
    return getattr(package, name, None) is getattr(importlib.import_module(file), name)
