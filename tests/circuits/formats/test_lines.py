import pytest

from circuits.formats import lines
from circuits.formats.lines import numbered_lines, unix_line_ends


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_alike_and_are_counted_from_1(end):
    assert unix_line_ends(f"a{end}{end}b") == "a\n\nb"
    assert list(numbered_lines(f"a{end}{end} b # c{end}")) == [(1, "a"), (2, ""), (3, "b"), (4, "")]


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_a_comment_ends_at_the_end_of_its_line_only(separator):
    assert list(numbered_lines(f"a # b{separator}c\nd")) == [(1, "a"), (2, "d")]


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("text", ["", "\n", "a", "a\n", "a\nbc\n\n\ndef # g\nh", "abcdefgh\n\ni"])
def test_a_text_in_pieces_has_the_same_lines(piece, text, monkeypatch):
    monkeypatch.setattr(lines, "_PIECE", piece)
    expected = [line.split("#")[0].strip() for line in text.split("\n")]
    assert list(numbered_lines(text)) == list(enumerate(expected, start=1))
