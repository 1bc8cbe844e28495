"""The words of Verilog text: names, numbers and symbols.

IEEE 1364-2005, clause 3.
"""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from circuits.errors import ParseError, cut_short
from circuits.formats.verilog_preprocessing import preprocessed

# IEEE 1364-2005, annex B.
_KEYWORDS = """
    always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default defparam
    design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify endtable
    endtask event for force forever fork function generate genvar highz0 highz1 if ifnone incdir include initial inout
    input instance integer join large liblist library localparam macromodule medium module nand negedge nmos nor
    noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1
    scalared showcancelled signed small specify specparam strong0 strong1 supply0 supply1 table task time tran tranif0
    tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
"""

# IEEE 1800-2017, annex B, without those above: names in Verilog, but not for a reader of both.
_SYSTEM_VERILOG = """
    accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break byte chandle
    checker class clocking const constraint context continue cover covergroup coverpoint cross dist do endchecker
    endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum eventually expect
    export extends extern final first_match foreach forkjoin global iff ignore_bins illegal_bins implements implies
    import inside int interconnect interface intersect join_any join_none let local logic longint matches modport
    nettype new nexttime null package packed priority program property protected pure rand randc randcase randsequence
    ref reject_on restrict return s_always s_eventually s_nexttime s_until s_until_with sequence shortint shortreal
    soft solve static string strong struct super sync_accept_on sync_reject_on tagged this throughout timeprecision
    timeunit type typedef union unique unique0 until until_with untyped var virtual void wait_order weak wildcard with
    within
"""

KEYWORDS, SYSTEM_VERILOG = frozenset(_KEYWORDS.split()), frozenset(_SYSTEM_VERILOG.split())

# `*+` and `++` never give back what they took, so no text makes a match slow.
_TOKEN = re.compile(
    r"""
    [ \t\n\f]*+(?:
        (?P<escaped>\\[!-~]++(?=[ \t\n\f]))
      | (?P<name>[A-Za-z_][A-Za-z0-9_$]*+)
      | (?P<literal>(?:[0-9][0-9_]*+\s*+)?'[sS]?[A-Za-z]\s*+[A-Za-z0-9_?]*+)
      | (?P<real>[0-9][0-9_]*+\.[0-9][0-9_]*+)
      | (?P<number>[0-9][0-9_]*+)
      | (?P<string>"")
      | (?P<system>\$[A-Za-z0-9_$]++)
      | (?P<symbol>[<>]{3} | [=!]== | << | >> | [<>=!]= | && | \|\| | \*\* | ~[\^&|] | \^~ | -> | [+-]:
          | [][(){},;.:?@\#=~&|^!<>+*/%-])
      | (?P<end>\Z)
      | (?P<wrong>.)
    )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Token(NamedTuple):
    """A word of the text.

    Attributes:
        kind: name, number (3), literal (4'b0101), string, system ($display) or nothing, at the end of the file;
            symbols and keywords are their own kinds.
        text: as written, but an escaped name without its backslash.
        at: offset in the text.
    """

    kind: str
    text: str
    at: int

    def __str__(self) -> str:
        if not self.kind:
            return self.text
        return repr(cut_short(self.text))


class Text:
    r"""The text of a file, whose tokens are taken where they are wanted, with the line of each.

    Args:
        text: the whole file.
        source: its name, for errors.

    Raises:
        ParseError: with the line, if a comment is not closed, or there is a directive that is not read.

    >>> text = Text("assign y = \\a.b & c; // a comment", "file")
    >>> [token.text for token in text.tokens(0)]
    ['assign', 'y', '=', 'a.b', '&', 'c', ';', 'the end of the file']
    """

    def __init__(self, text: str, source: str):
        self.source = source
        self.length = len(text)
        self.text = preprocessed(text, source)

    @functools.cached_property
    def _line_ends(self) -> np.ndarray:
        if self.text.isascii():
            return np.flatnonzero(np.frombuffer(self.text.encode(), np.uint8) == ord("\n"))
        return np.array([match.start() for match in re.finditer("\n", self.text)], int)

    def tokens(self, start: int, end: int | None = None) -> Iterator[Token]:
        """Yield the tokens from one offset to another, or to the end of the file.

        Raises:
            ParseError: with the line, at a character that begins no token.
        """
        end = len(self.text) if end is None else end
        for match in _TOKEN.finditer(self.text, start, end):
            kind = match.lastgroup or ""
            word, at = match[kind], match.start(kind)
            if kind == "symbol" or (kind == "name" and word in KEYWORDS):
                yield Token(word, word, at)
            elif kind == "escaped":
                yield Token("name", word[1:], at)
            elif kind == "wrong":
                expected = "a name and a space after it" if word == "\\" else "Verilog"
                raise self.error(f"expected {expected}, found {word!r}", Token(kind, word, at))
            elif kind != "end":
                yield Token(kind, word, at)
            elif end == len(self.text):
                yield Token("", "the end of the file", at)
                return

    def error(self, message: str, at: "Token | int") -> ParseError:
        """Return the error to raise, with the line of a token or an offset."""
        return ParseError(message, source=self.source, line=self.line(at))

    def line(self, at: "Token | int") -> int:
        """Return the line of a token or an offset, from 1."""
        return int(self.lines(np.array([at.at if isinstance(at, Token) else at]))[0])

    def lines(self, offsets: np.ndarray) -> np.ndarray:
        """Return the lines of offsets, from 1."""
        return np.searchsorted(self._line_ends, offsets) + 1

    def place(self, token: Token) -> str:
        """Return the line and column of a token, both from 1."""
        line = self.line(token)
        start = int(self._line_ends[line - 2]) + 1 if line > 1 else 0
        return f"{line}:{token.at - start + 1}"
