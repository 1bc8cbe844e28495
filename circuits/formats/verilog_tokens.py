"""The words of Verilog text: names, numbers and symbols, without comments, attributes and harmless directives.

IEEE 1364-2005, clauses 3 and 19.
"""

import bisect
import re
from typing import NamedTuple

from circuits.errors import ParseError, cut_short
from circuits.formats.lines import unix_line_ends

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

# `*+` and `++` never give back what they took, so no text makes a match slow; groups are repeated by `*`, since Python
# 3.11.2 misreads `(...)*+`, and their parts differ in the first character. Directives that stand here change nothing
# that is read: times are refused, and so are the instances that a cell is for; without implicit nets
# (default_nettype none) a correct file means the same.
_NET = r"(?:[A-Za-z_][A-Za-z0-9_$]*+(?:\[[0-9]+\])?|\\[!-~]++[ \t\n])"
_GAP = r"[ \t\n]*+"
# Most of a netlist is gates of plain nets, and assigns of one operator: each is one token, far quicker to read.
_SIMPLE = rf"""
    (?:and|nand|or|nor|xor|xnor|not|buf)[ \t\n]*+(?:(?<=[ \t\n])[A-Za-z_][A-Za-z0-9_$]*+{_GAP})?
        \({_GAP}{_NET}(?:{_GAP},{_GAP}{_NET})+{_GAP}\){_GAP};
  | assign[ \t\n]++{_NET}{_GAP}={_GAP}~?{_NET}(?:{_GAP}[&|^]{_GAP}~?{_NET})?{_GAP};
"""
_TOKEN = re.compile(
    rf"""
    [ \t\n\f]*+(?:
        (?P<statement>{_SIMPLE})
      | (?P<space>//[^\n]*+ | /\*.*?\*/ | \(\*(?!\))(?:[^"*] | "(?:[^"\\\n] | \\.)*" | \*(?!\)))*\*\)
          | `timescale\s++10{{0,2}}\s*+[munpf]?s\s*+/\s*+10{{0,2}}\s*+[munpf]?s\b
          | `(?:celldefine | endcelldefine | resetall | default_nettype[ \t]++(?:wire | none))\b | \Z)
      | (?P<open>/\* | \(\*(?!\)))
      | (?P<escaped>\\[!-~]++(?=[ \t\n\f]))
      | (?P<name>[A-Za-z_][A-Za-z0-9_$]*+)
      | (?P<literal>(?:[0-9][0-9_]*+\s*+)?'[sS]?[A-Za-z]\s*+[A-Za-z0-9_?]*+)
      | (?P<number>[0-9][0-9_]*+)
      | (?P<directive>`\w*+)
      | (?P<string>"(?:[^"\\\n] | \\.)*")
      | (?P<system>\$[A-Za-z0-9_$]++)
      | (?P<symbol>[<>]{{3}} | [=!]== | << | >> | [<>=!]= | && | \|\| | \*\* | ~[\^&|] | \^~ | ->
          | [][(){{}},;.:?@\#=~&|^!<>+*/%-])
      | (?P<wrong>.)
    )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_WORD = re.compile(_TOKEN.pattern.replace(_SIMPLE, "(?!)"), _TOKEN.flags)
_REFUSED = {"open", "directive", "wrong"}


class Token(NamedTuple):
    """A word of the text.

    Attributes:
        kind: name, number (3), literal (4'b0101), string, system ($display), statement (a whole gate or assign of plain
            nets) or nothing, at the end of the file; symbols and keywords are their own kinds.
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
    r"""The text of a file, taken apart, with the line of each token.

    Args:
        text: the whole file.
        source: its name, for errors.

    Raises:
        ParseError: with the line, if a comment is not closed, or there is a directive or a character that is not read.

    >>> [token.text for token in Text("wire \\a.b , c; and (y, a, c); // a comment", "file").tokens]
    ['wire', 'a.b', ',', 'c', ';', 'and (y, a, c);', 'the end of the file']
    """

    def __init__(self, text: str, source: str):
        text = unix_line_ends(text)
        self.source = source
        self.length = len(text)
        self._line_ends = [match.start() for match in re.finditer("\n", text)]
        self._text = text
        self.tokens = self._tokens(_TOKEN, 0, len(text))
        self.tokens.append(Token("", "the end of the file", len(text)))

    def words_of(self, statement: Token) -> list[Token]:
        """Return the words of a token that is a whole statement."""
        return self._tokens(_WORD, statement.at, statement.at + len(statement.text))

    def _tokens(self, pattern: re.Pattern[str], start: int, end: int) -> list[Token]:
        tokens: list[Token] = []
        for match in pattern.finditer(self._text, start, end):
            kind = match.lastgroup or ""
            word, at = match[kind], match.start(kind)
            if kind == "symbol" or (kind == "name" and word in KEYWORDS):
                tokens.append(Token(word, word, at))
            elif kind == "escaped":
                tokens.append(Token("name", word[1:], at))
            elif kind in _REFUSED:
                raise self._refused(Token(kind, word, at))
            elif kind != "space":
                tokens.append(Token(kind, word, at))
        return tokens

    def error(self, message: str, token: Token) -> ParseError:
        """Return the error to raise, with the line of a token."""
        return ParseError(message, source=self.source, line=self.line(token))

    def line(self, token: Token) -> int:
        """Return the line of a token, from 1."""
        return bisect.bisect_left(self._line_ends, token.at) + 1

    def place(self, token: Token) -> str:
        """Return the line and column of a token, both from 1."""
        line = self.line(token)
        start = self._line_ends[line - 2] + 1 if line > 1 else 0
        return f"{line}:{token.at - start + 1}"

    def _refused(self, token: Token) -> ParseError:
        if token.kind == "open":
            what = "comment /*" if token.text == "/*" else "attribute (*"
            return self.error(f"this {what} is never closed", token)
        if token.kind == "directive":
            return self.error(f"directive or macro {token} is not read: run a preprocessor first", token)
        expected = {'"': "a string that ends in its line", "\\": "a name and a space after it"}.get(
            token.text, "Verilog"
        )
        return self.error(f"expected {expected}, found {token}", token)
