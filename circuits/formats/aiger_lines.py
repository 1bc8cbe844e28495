"""The text of an AIGER file: lines of numbers parted by single spaces, read a section at a time."""

import re

import numpy as np

from circuits.errors import ParseError, cut_short

# Decimal, without sign and leading zeros; 18 digits fit an int64, also when doubled.
NUMBER = rb"(?:0|[1-9][0-9]{0,17})"
_DIGITS = 18
_FORMS = {1: "a number", 2: "two numbers parted by a space", 3: "three numbers parted by single spaces"}


class Lines:
    r"""The lines of a file, from the first on. Lines end with "\n" alone; the last may lack it.

    >>> lines = Lines(b"2\n4\n6 2 4\n", "file")
    >>> lines.numbers("input", 2).T, lines.numbers("AND", 1, columns=3)
    (array([[2, 4]]), array([[6, 2, 4]]))
    """

    def __init__(self, data: bytes, source: str):
        self.source = source
        self._data = data if data.endswith(b"\n") else data + b"\n"
        self._bytes = np.frombuffer(self._data, np.uint8)
        self._starts = np.concatenate([[0], np.flatnonzero(self._bytes == ord("\n")) + 1])
        self._size = len(data)
        self.read = 0  # how many lines have been

    @property
    def offset(self) -> int:
        """The byte that the next line begins with."""
        return min(int(self._starts[self.read]), self._size)

    @property
    def rest(self) -> np.ndarray:
        """The bytes from `offset` on."""
        return self._bytes[self.offset : self._size]

    def error(self, message: str, line: int) -> ParseError:
        """Return the error to raise."""
        return ParseError(message, source=self.source, line=line)

    def error_at(self, message: str, byte: int) -> ParseError:
        """Return the error to raise where there are no lines."""
        return ParseError(f"byte {byte}: {message}", source=self.source)

    def next(self) -> bytes:
        """Return the next line; a file has at least one."""
        start, end = self._starts[self.read : self.read + 2]
        self.read += 1
        return self._data[start : end - 1]

    def match(self, what: str, count: int, pattern: bytes, form: str) -> list[bytes]:
        """Return the next lines, each of which must match a pattern."""
        lines = []
        for k in range(count):
            self._check_present(what, k, count)
            line = self.next()
            if not re.fullmatch(pattern, line):
                raise self.error(f"{what} {k}: expected {form}, found {shown(line)}", self.read)
            lines.append(line)
        return lines

    def numbers(self, what: str, count: int, columns: int = 1) -> np.ndarray:
        """Return the numbers of the next lines.

        Args:
            what: what each is, for errors.
            count: how many lines.
            columns: how many numbers per line.

        Returns:
            `(count, columns)` int64.

        Raises:
            ParseError: if there are fewer lines, or one is anything else.
        """
        end = min(self.read + count, len(self._starts) - 1)
        block = self._bytes[self._starts[self.read] : self._starts[end]]
        if count and not _well_formed(block, count, columns):
            # The line at fault is among these: read one by one, it raises the error.
            self.match(what, count, b" ".join([NUMBER] * columns), _FORMS[columns])
        self.read = end
        if not count:
            return np.empty((0, columns), np.int64)
        return np.fromstring(block.tobytes(), np.int64, sep=" ").reshape(count, columns)

    def _check_present(self, what: str, k: int, count: int) -> None:
        if self.read >= len(self._starts) - 1:
            raise self.error(f"expected {what} {k} of {count}, found the end of the file", self.read + 1)


def _well_formed(block: np.ndarray, count: int, columns: int) -> bool:
    """Return whether bytes are `count` lines of `NUMBER`s parted by single spaces."""
    ends = np.flatnonzero(block < ord("0"))
    if len(ends) != count * columns or block.max() > ord("9"):
        return False
    separators = np.array([ord(" ")] * (columns - 1) + [ord("\n")], np.uint8)
    if (block[ends].reshape(count, columns) != separators).any():
        return False
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts
    zero_first = (block[starts] == ord("0")) & (lengths > 1)
    return bool(lengths.min() > 0 and lengths.max() <= _DIGITS and not zero_first.any())


def shown(line: bytes) -> str:
    """Return a line as errors show it."""
    return repr(cut_short(line[:61].decode("latin-1")))
