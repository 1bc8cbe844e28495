"""Verilog text before it is read: without comments and attributes, with its compiler directives obeyed.

IEEE 1364-2005, clauses 3.2, 3.8 and 19: `define without arguments, `ifdef, and directives that change no netlist.
"""

import re

from circuits.errors import ParseError, cut_short
from circuits.formats.lines import unix_line_ends

_MARK = re.compile(r'//|/\*|\(\*(?!\s*\))|"|\\|`')
# Parts of a repeated group differ in their first character, so no text makes a match slow.
_STRING = r'"(?:[^"\\\n]|\\.)*"'
_WHOLE = {
    "//": re.compile(r"//[^\n]*+"),
    "/*": re.compile(r"/\*.*?\*/", re.DOTALL),
    "(*": re.compile(rf'\(\*(?:[^"*]|{_STRING}|\*(?!\)))*\*\)', re.DOTALL),
    '"': re.compile(_STRING, re.DOTALL),
    "\\": re.compile(r"\\[!-~]*+"),
    "`": re.compile(r"`\w*+", re.ASCII),
}
_NEVER_CLOSED = {"/*": "comment /*", "(*": "attribute (*"}
_SKIPPED = re.compile(
    r"`(?:timescale\s++10{0,2}\s*+[munpf]?s\s*+/\s*+10{0,2}\s*+[munpf]?s\b"
    r"|(?:celldefine|endcelldefine|resetall|nounconnected_drive|default_nettype[ \t]++(?:wire|none))\b)"
)
_DEFINE = re.compile(r"`define[ \t]++([A-Za-z_]\w*+)(\(?)((?:[^\n\\]|\\\n|\\.)*)", re.ASCII)
_CONDITION = re.compile(r"`(?:(?:ifdef|ifndef|elsif|undef)[ \t]++([A-Za-z_]\w*+)|(?:else|endif)\b)", re.ASCII)
_MOST_EXPANDED = 2**22  # characters that macros may come to, beyond the length of the text


def preprocessed(text: str, source: str) -> str:
    r"""Return a text with the same lines, in which there are only tokens; strings are empty.

    Args:
        text: a Verilog file.
        source: its name, for errors.

    Raises:
        ParseError: with the line, if a comment is not closed, or a directive is not read.

    >>> preprocessed("`define N 2\nwire [`N:0] a; // a wire", "file")
    '\nwire [2:0] a; '
    """
    return _Preprocessor(unix_line_ends(text), source).result()


class _Preprocessor:
    def __init__(self, text: str, source: str):
        self._text, self._source = text, source
        self._macros: dict[str, str | None] = {}
        self._pieces: list[str] = []
        self._expanded = 0
        # Of each `ifdef that is open: its place, whether the text at hand is read, and whether some branch was.
        self._open: list[tuple[int, bool, bool]] = []

    def result(self) -> str:
        """Return the whole text, once."""
        text, at, kept = self._text, 0, 0
        while (mark := _MARK.search(text, at)) is not None:
            start, kind = mark.start(), mark[0]
            whole = _WHOLE[kind].match(text, start)
            if kind == "\\" and self._is_read():
                at = max(whole.end() if whole else 0, start + 1)
                continue
            self._keep(text[kept:start])
            if whole is None and not self._is_read():
                end = start + 1
            elif whole is None:
                what = _NEVER_CLOSED.get(kind)
                said = f"this {what} is never closed" if what else "expected a string that ends in its line, found '\"'"
                raise self._error(said, start)
            elif kind == "`":
                end = self._directive(start)
            else:
                end = whole.end()
                self._keep('""' if kind == '"' else " " if kind != "//" else "", at_any_rate=False)
                self._pieces.append("\n" * text.count("\n", start, end))
            at = kept = end
        self._keep(text[kept:])
        if self._open:
            raise self._error("this `ifdef has no `endif", self._open[-1][0])
        return "".join(self._pieces)

    def _is_read(self) -> bool:
        return not self._open or self._open[-1][1]

    def _keep(self, piece: str, at_any_rate: bool = True) -> None:
        if self._is_read():
            self._pieces.append(piece)
        elif at_any_rate:
            self._pieces.append("\n" * piece.count("\n"))

    def _error(self, message: str, at: int) -> ParseError:
        return ParseError(message, source=self._source, line=self._text.count("\n", 0, at) + 1)

    def _directive(self, start: int) -> int:
        """Obey the directive or macro at a place, and return the place after it."""
        word = _WHOLE["`"].match(self._text, start)
        assert word is not None
        if word[0] in ("`ifdef", "`ifndef", "`elsif", "`else", "`endif", "`undef"):
            condition = _CONDITION.match(self._text, start)
            if condition is None:
                raise self._error(f"expected a name after {word[0]}", start)
            self._condition(word[0], condition[1], start)
            return condition.end()
        if not self._is_read():
            return word.end()
        if skipped := _SKIPPED.match(self._text, start):
            self._pieces.append("\n" * skipped[0].count("\n"))
            return skipped.end()
        if define := _DEFINE.match(self._text, start):
            body = define[3].split("//")[0].replace("\\\n", " ").strip()
            self._macros[define[1]] = None if define[2] else body
            self._pieces.append("\n" * define[0].count("\n"))
            return define.end()
        body = self._macros.get(word[0][1:])
        if body is None:
            raise self._error(f"directive or macro {cut_short(word[0])!r} is not read: run a preprocessor first", start)
        self._pieces.append(self._expansion(body, start))
        return word.end()

    def _condition(self, word: str, name: str, start: int) -> None:
        if word == "`undef":
            if self._is_read():
                self._macros.pop(name, None)
        elif word in ("`ifdef", "`ifndef"):
            holds = (name in self._macros) == (word == "`ifdef")
            # Within text that is not read no branch is: as if one had been already.
            self._open.append((start, holds and self._is_read(), holds or not self._is_read()))
        elif not self._open:
            raise self._error(f"{word} without `ifdef", start)
        else:
            at, _, was_read = self._open.pop()
            if word != "`endif":
                now = not was_read and (word == "`else" or name in self._macros)
                self._open.append((at, now, was_read or now))

    def _expansion(self, body: str, start: int) -> str:
        """Return a macro's text, in which other macros are replaced too."""
        for _ in range(100):
            macros = _WHOLE["`"].findall(body)
            if not macros:
                break
            unknown = next((word for word in macros if self._macros.get(word[1:]) is None), None)
            if unknown is not None:
                raise self._error(f"directive or macro {unknown!r} is not read: run a preprocessor first", start)
            body = _WHOLE["`"].sub(lambda word: self._macros[word[0][1:]] or "", body)
            if len(body) > _MOST_EXPANDED:
                break
        self._expanded += len(body)
        if "`" in body or self._expanded > _MOST_EXPANDED + len(self._text):
            raise self._error("macros expand without end", start)
        return body
