"""Lines of text, as the readers of all text formats take them."""

from collections.abc import Iterator

_PIECE = 2**16  # characters


def unix_line_ends(text: str) -> str:
    r"""Return a text in which every line ends with "\n" alone.

    >>> unix_line_ends("a\r\nb\rc")
    'a\nb\nc'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Return the lines of a text with their numbers, from 1, without comments and without spaces at either end.

    >>> list(numbered_lines("a  # a comment\r\n\nb"))
    [(1, 'a'), (2, ''), (3, 'b')]
    """
    text = unix_line_ends(text)
    before, start = 0, 0
    while start <= len(text):
        # In pieces, since a line as an object of its own takes more memory than the text of it.
        end = text.find("\n", start + _PIECE)
        end = len(text) if end < 0 else end
        # Not splitlines, which also ends a line, and so a comment, at form feeds and other separators.
        lines = text[start:end].split("\n")
        for number, line in enumerate(lines, start=before + 1):
            yield number, (line.split("#", 1)[0] if "#" in line else line).strip()
        before, start = before + len(lines), end + 1
