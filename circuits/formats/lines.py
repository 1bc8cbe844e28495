"""Lines of text, as the readers of all text formats take them."""

from collections.abc import Iterator


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
    # Not splitlines, which also ends a line, and so a comment, at form feeds and other separators.
    for number, line in enumerate(unix_line_ends(text).split("\n"), start=1):
        yield number, (line.split("#", 1)[0] if "#" in line else line).strip()
