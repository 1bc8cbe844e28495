"""The house: what `dir` shows, which wing may import which, and that each wing says in which order it is read."""

import ast
import re
from pathlib import Path

import pytest

import circuits
import jaxnet

ROOT = Path(__file__).parents[1]
PACKAGES = {"jaxnet": jaxnet, "circuits": circuits}
# Files beside the wings: those that come before them, and those that come after.
BEFORE = {
    "jaxnet": ["validation", "answers", "pytrees", "notebook", "progress"],
    "circuits": [
        "errors",
        "gates",
        "netlist",
        "builder",
        "registers",
        "ports",
        "composition",
        "bits",
        "arithmetic",
        "words",
        "tracing",
        "library",
        "expression_tokens",
        "expressions",
        "and_inverter",
        "covers",
        "decision_diagrams",
        "minimal_covers",
        "formula_names",
        "formulas",
        "measures",
    ],
}
AFTER = {
    "jaxnet": ["figure", "canvas", "plots", "network_layout", "network_pictures", "launch"],
    "circuits": [
        "circuit_arguments",
        "commands",
        "bridge_commands",
        "gate_network_commands",
        "picture_commands",
        "playground_commands",
        "command_line",
        "__main__",
    ],
}
FILES = [(package, path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def wings(package):
    """The wings of a package, in the order in which its docstring names them."""
    return [name for name in re.findall(r"`(\w+)`", package.__doc__) if hasattr(package, name) and name != "library"]


def storey(package, module):
    """Where a file stands: its wing, or itself, in the order from the ground up."""
    order = [*BEFORE[package], *wings(PACKAGES[package]), *AFTER[package]]
    return order.index(module.split(".")[1])


def imported(path):
    """The modules that a file imports, when it is loaded or later."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_wings_are_the_folders_of_a_package(package):
    folders = sorted(path.parent.name for path in (ROOT / package).glob("*/__init__.py"))
    assert sorted(wings(PACKAGES[package])) == folders
    assert sorted(PACKAGES[package]._WINGS) == folders


@pytest.mark.parametrize("package", PACKAGES)
def test_dir_shows_the_api_and_the_wings(package):
    module = PACKAGES[package]
    shown = dir(module)
    assert shown == sorted(set(shown))
    assert set(wings(module)) | {"__version__"} <= set(shown)
    stub = ROOT / package / "__init__.pyi"
    text = (stub if stub.exists() else stub.with_suffix(".py")).read_text()
    exported = set(re.findall(r"\b([a-zA-Z]\w*) as \1\b", text))
    extra = {"library", "c17_path", "__version__"} if package == "circuits" else {"__version__"}
    assert set(shown) == exported | set(wings(module)) | extra
    assert all(getattr(module, name) is not None for name in shown)


def test_both_packages_have_one_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", jaxnet.__version__)
    assert circuits.__version__ == jaxnet.__version__


@pytest.mark.parametrize(("package", "path"), FILES, ids=lambda value: value if isinstance(value, str) else value.stem)
def test_files_import_only_what_stands_before_them(package, path):
    place = path.relative_to(ROOT).with_suffix("").parts
    if place[-1] == "__init__":
        return
    for name in imported(path):
        top = name.split(".")[0]
        assert not (package == "jaxnet" and top == "circuits"), f"{path} imports {name}"
        if top == package and "." in name:
            assert storey(package, name) <= storey(package, ".".join(place)), f"{path} imports {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wing_is_a_docstring_that_names_its_files(package):
    for path in sorted((ROOT / package).glob("*/__init__.py")):
        (only,) = ast.parse(path.read_text()).body
        assert isinstance(only, ast.Expr)
        doc = ast.get_docstring(ast.parse(path.read_text()))
        named = set(re.findall(r"`(\w+)`", doc))
        files = {file.stem for file in path.parent.glob("*.py")} - {"__init__"}
        # A family of files is named by its first: `verilog` for verilog_tokens.py.
        unnamed = {file for file in files if not any(file == name or file.startswith(f"{name}_") for name in named)}
        assert not unnamed, f"{path} does not name {sorted(unnamed)}"
        assert named <= files, f"{path} names {sorted(named - files)}, which are no files"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_files_have_one_name_and_no_wing_is_a_function(package):
    stems = [path.stem for path in (ROOT / package).rglob("*.py") if path.stem not in ("__init__", "__main__")]
    assert len(stems) == len(set(stems))
    for path in (ROOT / package).rglob("*.py"):
        functions = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        assert not functions & set(wings(PACKAGES[package])), f"{path} has a function with the name of a wing"
        assert path.stem not in functions - {"launch"}, f"{path} bears the name of a function in it"
