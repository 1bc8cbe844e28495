"""The modules of a Verilog file, and the one to read: that which no other uses."""

import re
from collections.abc import Mapping

from circuits.errors import ParseError, listed
from circuits.formats.verilog_pieces import found
from circuits.formats.verilog_tokens import Text

_BOUNDARY = re.compile(r"(?<![\w$\\])(?:end)?(?:macro)?module(?![\w$])")
_NAME = r"(?:[A-Za-z_][\w$]*+|\\[!-~]++\s)"
_INSTANCE = re.compile(rf"({_NAME})\s*+(?:#|{_NAME}\s*+[\[(])", re.ASCII)


def modules_of(text: Text) -> dict[str, tuple[int, int]]:
    """Return where each module of a file begins, with its name, and where it ends.

    Raises:
        ParseError: if there is anything else, or a module has no end, or stands there twice.
    """
    modules: dict[str, tuple[int, int]] = {}
    at = 0
    while True:
        first = next(text.tokens(at))
        if not first.kind:
            return modules
        if first.kind not in ("module", "macromodule"):
            raise text.error(f"expected module, found {found(first)}", first)
        start = first.at + len(first.text)
        end = next(
            (match for match in _BOUNDARY.finditer(text.text, start) if _is_word(text.text, match.start())), None
        )
        if end is None or not end[0].startswith("end"):
            shown = repr(end[0]) if end else "the end of the file"
            raise text.error(f"expected endmodule, found {shown}", end.start() if end else len(text.text))
        name = next(text.tokens(start))
        if name.kind != "name":
            raise text.error(f"expected the name of a module, found {found(name)}", name)
        if name.text in modules:
            raise text.error(f"module {name} stands in line {text.line(modules[name.text][0])} already", name)
        modules[name.text] = (name.at, end.start())
        at = end.end()


def _is_word(text: str, at: int) -> bool:
    """Return whether a keyword is one, and no part of an escaped name."""
    begin = at
    while begin > 0 and "!" <= text[begin - 1] <= "~":
        begin -= 1
    return "\\" not in text[begin:at]


def root_of(text: Text, modules: Mapping[str, tuple[int, int]], model: str | None) -> str:
    """Return the module to read.

    Args:
        text: the file.
        modules: all of it, by name.
        model: the one that is asked for; the one that no other uses if None.

    Raises:
        ParseError: if there is no such module, or there are several.
    """
    if model is not None and model not in modules:
        raise ParseError(f"there is no module {model!r}, expected one of {listed(modules)}", source=text.source)
    if not modules:
        raise ParseError("expected a module, found none", source=text.source)
    if model is not None:
        return model
    if len(modules) == 1:
        return next(iter(modules))
    used = set()
    for name, (start, end) in modules.items():
        for match in _INSTANCE.finditer(text.text, start, end):
            child = match[1].strip().removeprefix("\\")
            if child in modules and child != name:
                used.add(child)
    roots = [name for name in modules if name not in used]
    if len(roots) == 1:
        return roots[0]
    if not roots:
        raise ParseError(f"the modules use each other in a circle: {listed(modules)}", source=text.source)
    said = f"expected one module that no other uses, found {len(roots)}: {listed(roots)}"
    raise ParseError(f'{said}; model="{roots[0]}" chooses', source=text.source)
