"""Statements of Verilog taken to pieces at commas and brackets, and what errors say of a token."""

from collections.abc import Sequence

from circuits.formats.verilog_tokens import SYSTEM_VERILOG, Text, Token

# What is refused, where its own word does not say it.
_WHAT = {
    **dict.fromkeys(("integer", "real", "realtime", "time", "event"), "a variable"),
    **dict.fromkeys(("tri0", "tri1", "triand", "trior", "trireg", "wand", "wor", "uwire"), "another kind of net"),
    **dict.fromkeys(("bufif0", "bufif1", "notif0", "notif1"), "a gate with a third state"),
    **dict.fromkeys(("nmos", "pmos", "cmos", "rnmos", "rpmos", "rcmos"), "a switch"),
    **dict.fromkeys(("tran", "tranif0", "tranif1", "rtran", "rtranif0", "rtranif1"), "a switch"),
    **dict.fromkeys(("pullup", "pulldown"), "a strength"),
    **dict.fromkeys(("genvar", "generate", "for", "if"), "for a design to elaborate"),
    **dict.fromkeys(("function", "task"), "behaviour"),
    "reg": "a variable",
    "inout": "a port of both directions",
    "primitive": "a gate of the file's own",
    "signed": "arithmetic",
    "#": "a delay or a parameter",
}
WAY = '. Yosys makes gates of it: yosys -p "read_verilog FILE; synth -flatten; write_blif out.blif"; see docs/rtl.md'
_NESTING = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}

Piece = tuple[Sequence[Token], Token]  # tokens, and what ends them


def split(tokens: Sequence[Token], end: Token) -> list[Piece]:
    """Return the parts between commas that are in no bracket, each with what ends it."""
    parts, start, nesting = [], 0, 0
    for place, token in enumerate(tokens):
        nesting += _NESTING.get(token.kind, 0)
        if token.kind == "," and nesting == 0:
            parts.append((tokens[start:place], token))
            start = place + 1
    return [*parts, (tokens[start:], end)]


def closing(text: Text, tokens: Sequence[Token], place: int, end: Token) -> int:
    """Return the place of the bracket that closes the one at a place."""
    nesting = 0
    for at in range(place, len(tokens)):
        nesting += _NESTING.get(tokens[at].kind, 0)
        if nesting <= 0:
            if at == place:
                raise text.error(f"expected (, found {found(tokens[place])}", tokens[place])
            return at
    where = tokens[place] if place < len(tokens) else end
    raise text.error(f"this {where} is never closed", where)


def without_delay(text: Text, tokens: Sequence[Token], end: Token) -> Sequence[Token]:
    """Return tokens without the `#3` or `#(2:3:4, 5)` at their beginning."""
    if not tokens or tokens[0].kind != "#":
        return tokens
    if len(tokens) > 1 and tokens[1].kind in ("number", "real", "name"):
        return tokens[2:]
    return tokens[closing(text, tokens, 1, end) + 1 :]


def found(token: Token) -> str:
    """Return a token, and what it is."""
    what = _WHAT.get(token.kind)
    if token.kind == "name" and token.text in SYSTEM_VERILOG:
        what = "a word of SystemVerilog"
    return f"{token}, {what}" if what else str(token)
