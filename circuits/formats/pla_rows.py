"""The rows of a PLA as a reader finds them, checked, and the circuits that they are.

R. Rudell, espresso(5), University of California, Berkeley (1986).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from circuits.builder import Builder
from circuits.covers import Signal, add_product, add_signal, columns, join, meeting, uncovered
from circuits.errors import ParseError, cut_short, warn
from circuits.formats.lines import numbered_lines
from circuits.gates import AND, OR
from circuits.netlist import Circuit

# What the characters of an output part say, for each .type: the row is in the ON-set (1), in the OFF-set (0), in the
# don't-care set (-), or it says nothing (~).
_MEANINGS = {"f": "1~~", "fd": "1~-", "fr": "10~", "fdr": "10-"}
_INPUTS, _OUTPUTS = str.maketrans("2", "-"), str.maketrans("423", "1-~")
_REFUSED = [".mv", ".kiss", ".symbolic", ".symbolic-output", ".phase", ".pair", ".label"]
_READ = [".i", ".o", ".ilb", ".ob", ".type", ".p", ".e", ".end"]


class _Row(NamedTuple):
    """A cube of the inputs, and what it says of each output."""

    inputs: str
    outputs: str
    line: int


class Rows:
    """The rows of a PLA, and the circuits that they are."""

    def __init__(self, text: str, source: str):
        self.source = source
        self.rows: list[_Row] = []
        self._type = "fd"
        self._sizes: dict[str, int] = {}
        self._labels: dict[str, list[str]] = {}
        self._said: tuple[int, int] | None = None  # .p and its line
        # What may go on in the next line: "a row", or .ilb or .ob; where it begins, its parts, and how long it is.
        self._begun, self._first, self._parts, self._length = "", 0, [], 0
        self._longest = max(len(text), 2**16)
        self._read(text)
        # The sets share nothing; of fd, what is in the ON-set and in the don't-care set is a don't-care.
        if self._type in ("fr", "fdr"):
            for this, other in ("10", "1-", "0-"):
                self._check_apart(this, other)

    def circuit(self, value: bool) -> Circuit:
        """Return the circuit, with this value where it is free."""
        overlaps = [0] * self._sizes[".o"]
        free = self._saying("-")
        if self._type == "fd" and not value:
            for _, output, others in self._meetings("1", "-"):
                overlaps[output] |= others

        def function(netlist: Builder, output: int, union: Callable[..., Signal]) -> Signal:
            if self._type in ("fr", "fdr"):
                return union("0", inverted=True) if value else union("1")
            if value:
                return union("1-")
            if not overlaps[output]:
                return union("1")
            inside = [row for k, row in enumerate(free) if overlaps[output] >> k & 1]
            return join(netlist, AND, [union("1"), union("-", inside, inverted=True)])

        return self._circuit(function)

    def free(self) -> Circuit:
        """Return the circuit that is true where the value is free."""
        if self._type in ("fr", "fdr"):
            return self._circuit(lambda netlist, output, union: union("10", inverted=True))
        return self._circuit(lambda netlist, output, union: union("-"))

    def refuse_dont_cares(self) -> None:
        """Check that each output has a value everywhere."""
        names = self._names(".ob")
        choice = "dont_cares=0 or 1 chooses a value"
        for row in self._saying("-"):
            raise self._error(f"output {names[row.outputs.index('-')]!r} is a don't-care here; {choice}", row.line)
        if self._type not in ("fr", "fdr"):
            return
        shown = set()
        for output, name in enumerate(names):
            cubes = tuple(row.inputs for row in self.rows if row.outputs[output] != "~")
            if cubes in shown:
                continue
            shown.add(cubes)
            try:
                row = uncovered(cubes, self._sizes[".i"])
            except TimeoutError:
                message = f"cannot show within reasonable time that output {name!r} has a value for all inputs"
                raise self._error(f"{message}; {choice}") from None
            if row is not None:
                raise self._error(f"no row says what output {name!r} is for inputs {cut_short(row)}; {choice}")

    def _circuit(self, function: Callable[[Builder, int, Callable[..., Signal]], Signal]) -> Circuit:
        netlist = Builder(self._names(".ilb"))
        products: dict[str, Signal] = {}
        outputs = {}
        for output, name in enumerate(self._names(".ob")):

            def union(what: str, rows: list[_Row] = self.rows, output: int = output, inverted: bool = False) -> Signal:
                """Return where a row has one of some characters for this output."""
                cubes = {row.inputs: None for row in rows if row.outputs[output] in what}
                for cube in cubes:
                    if cube not in products:
                        products[cube] = add_product(netlist, cube, netlist.inputs)
                return join(netlist, OR, [products[cube] for cube in cubes], inverted=inverted)

            outputs[name] = add_signal(netlist, function(netlist, output, union))
        return netlist.circuit(outputs)

    def _saying(self, what: str) -> list[_Row]:
        return [row for row in self.rows if what in row.outputs]

    def _meetings(self, this: str, other: str) -> Iterator[tuple[_Row, int, int]]:
        """Each row that says `this` of an output, the output, and which of `_saying(other)` share inputs with it."""
        others = self._saying(other)
        if not others:
            return
        within = columns([row.inputs for row in others], self._sizes[".i"])
        saying = str.maketrans("10-~", "".join(str(int(value == other)) for value in "10-~"))
        of_output = zip(*(row.outputs.translate(saying) for row in reversed(others)), strict=True)
        masks = [int("".join(column), 2) for column in of_output]
        for row in self._saying(this):
            alive = meeting(row.inputs, within, len(others))
            for output, value in enumerate(row.outputs if alive else ""):
                if value == this and alive & masks[output]:
                    yield row, output, alive & masks[output]

    def _check_apart(self, this: str, other: str) -> None:
        kinds = {"1": "1", "0": "0", "-": "a don't-care"}
        for row, output, others in self._meetings(this, other):
            first = self._saying(other)[(others & -others).bit_length() - 1]
            name, line = self._names(".ob")[output], max(row.line, first.line)
            raise self._error(
                f"output {name!r} is {kinds[this]} in line {row.line} and {kinds[other]} in line {first.line} "
                "for some of the same inputs",
                line,
            )

    def _names(self, kind: str) -> list[str]:
        """Return the labels, or without them the names that espresso uses."""
        n = self._sizes[".i"]
        if kind in self._labels:
            return self._labels[kind]
        return [f"v{i}" for i in range(n)] if kind == ".ilb" else [f"v{n}.{i}" for i in range(self._sizes[".o"])]

    def _error(self, message: str, line: int | None = None) -> ParseError:
        return ParseError(message, source=self.source, line=line)

    def _read(self, text: str) -> None:
        ended = None
        for number, line in numbered_lines(text):
            if not line:
                continue
            if ended is not None:
                raise self._error(f"expected nothing after {ended}, found {cut_short(line)!r}", number)
            if line[0] == ".":
                self._check_nothing_begun()
                kind, *words = line.split()
                if kind in (".e", ".end"):
                    ended = kind
                self._keyword(kind, words, number)
            elif self._begun in (".ilb", ".ob"):
                self._more(self._begun, line.split(), number)
            else:
                self._more("a row", line.replace("|", " ").split(), number)
        self._check_nothing_begun()
        for kind in (".i", ".o"):
            if kind not in self._sizes:
                raise self._error(f"expected {kind} and a number, found none")
        if self._said is not None and self._said[0] != len(self.rows):
            message = f".p says {self._said[0]} rows, found {len(self.rows)}, which are read"
            warn(f"{self.source}:{self._said[1]}: {message}")

    def _keyword(self, kind: str, words: list[str], number: int) -> None:
        match kind:
            case ".i" | ".o":
                if kind in self._sizes:
                    raise self._error(f"{kind} is there already", number)
                size = self._number(kind, words, number)
                if size > self._longest:
                    raise self._error(f"{kind} {size} is more than a file of this length can have", number)
                if kind == ".o" and size == 0:
                    raise self._error("expected at least one output, found .o 0", number)
                self._sizes[kind] = size
            case ".p":
                self._said = self._number(kind, words, number), number
            case ".ilb" | ".ob":
                if kind in self._labels:
                    raise self._error(f"{kind} is there already", number)
                self._more(kind, words, number)
            case ".type":
                if self.rows:
                    raise self._error(".type comes before the rows", number)
                if len(words) != 1 or words[0] not in _MEANINGS:
                    found = cut_short(" ".join(words))
                    raise self._error(f".type is one of {', '.join(_MEANINGS)}, found {found!r}", number)
                self._type = words[0]
            case ".e" | ".end":
                if words:
                    raise self._error(f"expected nothing after {kind}, found {cut_short(' '.join(words))!r}", number)
            case _ if kind in _REFUSED:
                raise self._error(f"{kind} is refused: expected inputs and outputs of two values, as they are", number)
            case _:
                raise self._error(f"unknown {cut_short(kind)!r}, expected one of {', '.join(_READ)}", number)

    def _number(self, kind: str, words: list[str], number: int) -> int:
        if len(words) != 1 or not (words[0].isascii() and words[0].isdecimal()) or len(words[0]) > 18:
            raise self._error(f"{kind} takes a number, found {cut_short(' '.join(words))!r}", number)
        return int(words[0])

    def _more(self, kind: str, parts: list[str], number: int) -> None:
        """Take more characters of a row, or more labels; what has all of them is done."""
        if len(self._sizes) < 2:
            raise self._error(f"expected .i and .o before {kind}, found {cut_short(' '.join(parts))!r}", number)
        if not self._begun:
            self._begun, self._first, self._parts, self._length = kind, number, [], 0
        self._parts += parts
        self._length += len("".join(parts)) if kind == "a row" else len(parts)
        n, m = self._sizes[".i"], self._sizes[".o"]
        expected = {"a row": n + m, ".ilb": n, ".ob": m}[kind]
        if self._length > expected:
            self._check_nothing_begun()
        if self._length == expected:
            self._begun = ""
            if kind == "a row":
                self._row("".join(self._parts), n)
            else:
                self._label(kind)

    def _row(self, row: str, n: int) -> None:
        inputs, outputs = row[:n].translate(_INPUTS), row[n:].translate(_OUTPUTS)
        for part, shown, legal in (
            (inputs, "an input", "0, 1, - or 2"),
            (outputs, "an output", "0, 1, -, ~, 2, 3 or 4"),
        ):
            if wrong := part.strip("01-~" if part is outputs else "01-"):
                raise self._error(f"expected {legal} for {shown}, found {wrong[0]!r}", self._first)
        meaning = str.maketrans("10-", _MEANINGS[self._type])
        self.rows.append(_Row(inputs, outputs.translate(meaning), self._first))

    def _label(self, kind: str) -> None:
        seen = set()
        for name in self._parts:
            if name in seen:
                raise self._error(f"{kind} has {name!r} twice", self._first)
            seen.add(name)
        self._labels[kind] = self._parts

    def _check_nothing_begun(self) -> None:
        if self._begun:
            n, m = self._sizes[".i"], self._sizes[".o"]
            expected = {"a row": f"{n} + {m} characters", ".ilb": f"{n} names", ".ob": f"{m} names"}[self._begun]
            raise self._error(f"{self._begun} takes {expected}, found {self._length}", self._first)
