"""The front door: the README stays short, links lead somewhere, and no text names what is no longer there."""

import functools
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("jaxnet", "circuits", "docs", "examples", "benchmarks", "fuzz", "tests")
SUFFIXES = (".md", ".py", ".toml", ".yaml", ".yml", ".c")
TEXTS = [path for path in ROOT.iterdir() if path.suffix in SUFFIXES or path.name == "Makefile"]
TEXTS += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
GENERATED = ROOT / "docs" / "reference"  # pages that `make docs` writes
TEXTS = sorted({path for path in TEXTS if GENERATED not in path.parents} - {ROOT / "CHANGELOG.md", Path(__file__)})
PAGES = [path for path in TEXTS if path.suffix == ".md"]
OLD_NAMES = ["small_loops", "members_apart", "from_each", "kept_of_rewired", "losses_noticed", "one_ahead"]
OLD_NAMES += ["exhaustive_words", "layering", "draw_rich", "Corrected"]


def relative(path):
    return str(path.relative_to(ROOT))


def test_the_readme_fits_a_screen_or_two():
    text = (ROOT / "README.md").read_bytes()
    assert len(text.splitlines()) <= 100
    assert len(text) <= 6_000


def headings(page):
    """The anchors of a page, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"https?://", link):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            assert target.exists(), link
            assert not anchor or anchor in headings(target), link


def test_files_that_are_named_exist():
    for path in TEXTS:
        for name in re.findall(rf"(?<![\w/.])(?:{'|'.join(FOLDERS)})/[\w./]*\w\.\w+", path.read_text(encoding="utf-8")):
            if Path(name).suffix in SUFFIXES and "NAME" not in name:
                assert (ROOT / name).exists(), f"{relative(path)}: {name}"


@functools.cache
def is_there(dotted):
    """Whether modules and their attributes have these names; what stands in a class is not looked at."""
    name, *rest = dotted.split(".")
    found = importlib.import_module(name)
    for part in rest:
        if not isinstance(found, ModuleType):
            return True
        name = f"{name}.{part}"
        if hasattr(found, part):
            found = getattr(found, part)
            continue
        try:
            found = importlib.import_module(name)
        except ModuleNotFoundError:
            return False
    return True


def test_modules_and_functions_that_are_named_exist():
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        for dotted in re.findall(r"(?<![\w./-])(?:jaxnet|circuits)(?:\.[a-zA-Z]\w*)+", text):
            first = dotted.split(".")[1]
            # A variable named `circuits` is a list or a dict.
            if not (hasattr(list, first) or hasattr(dict, first)):
                assert is_there(dotted), f"{relative(path)}: {dotted}"


def test_no_old_name_is_left():
    pattern = re.compile(rf"\b(?:{'|'.join(OLD_NAMES)})\b")
    for path in TEXTS:
        assert not pattern.findall(path.read_text(encoding="utf-8")), relative(path)
