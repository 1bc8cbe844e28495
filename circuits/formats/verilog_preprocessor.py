"""Verilog's compiler directives that choose text: macros without arguments, and parts that a name switches on or off.

IEEE 1364-2005, clauses 19.3 and 19.4. Lines stay where they are, so that errors have the right one.
"""

import re

from circuits.errors import ParseError

_DIRECTIVE = re.compile(r"\s*`(define|undef|ifdef|ifndef|elsif|else|endif)\b[ \t]*([A-Za-z_][\w$]*)?(.*)", re.DOTALL)
_MACRO = re.compile(r"`([A-Za-z_][\w$]*)")
_MOST_GROWN = 2**26


def preprocessed(text: str, source: str) -> str:
    r"""Return the text without directives that choose text, and with macros replaced by what they stand for.

    Args:
        text: the whole file.
        source: its name, for errors.

    Raises:
        ParseError: with the line, if a macro takes arguments or calls itself, or an `endif or its `ifdef is missing.

    >>> preprocessed("`define N 4\n`ifdef N\ninput [`N-1:0] a;\n`else\ninput a;\n`endif\n", "file")
    '\n\ninput [4-1:0] a;\n\n\n\n'
    """
    if not re.search(r"`(define|undef|ifdef|ifndef|else|elsif|endif)\b", text):
        return text
    macros: dict[str, str] = {}
    # For each open `ifdef: whether its text is read now, whether a branch has been read, and its line.
    open_parts: list[tuple[bool, bool, int]] = []
    lines: list[str] = []
    given = text.split("\n")
    place = size = 0
    while place < len(given):
        number, line = place + 1, given[place]
        place += 1
        match = _DIRECTIVE.match(line)
        if match is None:
            kept = all(part[0] for part in open_parts)
            lines.append(_expanded(line, macros, source, number) if kept else "")
            size += len(lines[-1])
            if size > len(text) + _MOST_GROWN:
                raise ParseError("macros make too much text of so short a file", source=source, line=number)
            continue
        word, name, rest = match.groups()
        lines.append("")
        while word == "define" and rest.endswith("\\") and place < len(given):
            rest = rest[:-1] + " " + given[place]
            place += 1
            lines.append("")
        if word not in ("else", "endif") and name is None:
            raise ParseError(f"expected a name after `{word}", source=source, line=number)
        if word in ("ifdef", "ifndef"):
            chosen = (name in macros) == (word == "ifdef")
            open_parts.append((chosen, chosen, number))
        elif word in ("elsif", "else", "endif"):
            if not open_parts:
                raise ParseError(f"`{word} without an `ifdef before it", source=source, line=number)
            _, done, start = open_parts.pop()
            if word != "endif":
                chosen = not done and (word == "else" or name in macros)
                open_parts.append((chosen, done or chosen, start))
        elif all(part[0] for part in open_parts):
            if word == "undef":
                macros.pop(str(name), None)
            elif rest.startswith("("):
                raise ParseError(
                    f"macro {name!r} takes arguments: run a preprocessor first", source=source, line=number
                )
            else:
                macros[str(name)] = re.sub(r"//.*", "", rest).strip()
    if open_parts:
        raise ParseError("this `ifdef has no `endif", source=source, line=open_parts[-1][2])
    return "\n".join(lines)


def _expanded(line: str, macros: dict[str, str], source: str, number: int) -> str:
    """Return a line with its macros replaced; those that are not defined stay, for the reader to refuse."""
    for _ in range(32):
        if not any(name in macros for name in _MACRO.findall(line)):
            return line
        line = _MACRO.sub(lambda match: macros.get(match[1], match[0]), line)
        if len(line) > _MOST_GROWN:
            break
    raise ParseError("a macro calls itself, or grows too long", source=source, line=number)
