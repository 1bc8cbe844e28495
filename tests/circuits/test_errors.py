import copy

import pytest

from circuits import ParseError, loads
from circuits.errors import cut_short, listed


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({}, "message"),
        ({"source": "expression"}, "expression: message"),
        ({"source": "a.bench"}, "a.bench: message"),
        ({"source": "a.bench", "line": 3}, "a.bench:3: message"),
        ({"source": "expression", "line": 3, "column": 7}, "expression:3:7: message"),
        # Without a column there is no place for a caret, so the text is not shown.
        ({"source": "expression", "line": 3, "text": "a & | b"}, "expression:3: message"),
        (
            {"source": "expression", "line": 1, "column": 5, "text": "a & | b"},
            "expression:1:5: message\n  a & | b\n      ^",
        ),
        ({"source": "expression", "line": 1, "column": 1, "text": "|"}, "expression:1:1: message\n  |\n  ^"),
        # A column one past the end: something is missing there.
        ({"source": "expression", "line": 1, "column": 4, "text": "a &"}, "expression:1:4: message\n  a &\n     ^"),
    ],
)
def test_the_message_has_the_place_and_the_text(place, text):
    assert str(ParseError("message", **place)) == text


@pytest.mark.parametrize("column", [1, 59, 60, 61, 62, 500, 1000, 1001])
def test_a_long_line_is_cut_and_the_caret_stays_under_its_column(column):
    text = "".join(chr(0x4E00 + i) for i in range(1000))
    _, shown, caret = str(ParseError("message", line=1, column=column, text=text)).split("\n")
    assert len(shown) <= 2 + 100
    assert caret.strip() == "^"
    if column <= 1000:
        assert shown[caret.index("^")] == text[column - 1]
    else:
        assert caret.index("^") == len(shown)


def test_it_is_a_value_error_with_its_place_as_attributes():
    error = ParseError("message", source="file", line=2, column=3)
    assert isinstance(error, ValueError)
    assert (error.source, error.line, error.column) == ("file", 2, 3)
    bare = ParseError("message")
    assert (bare.source, bare.line, bare.column) == (None, None, None)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_a_copy_says_the_same(again):
    # As exceptions are on their way out of worker processes (multiprocessing, pytest-xdist).
    error = ParseError("message", source="file", line=2, column=3, text="abc")
    assert str(again(error)) == str(error)
    assert again(error).line == 2


@pytest.mark.parametrize(("length", "shown"), [(0, 0), (59, 59), (60, 60), (61, 60), (10**6, 60)])
def test_a_long_text_is_cut_short(length, shown):
    text = cut_short("a" * length)
    assert len(text) == shown
    assert text.endswith("...") == (length > 60)


def test_names_are_listed_and_the_rest_is_counted():
    assert listed(f"y{i}" for i in range(8)) == "'y0', 'y1', 'y2', 'y3', 'y4', 'y5', 'y6', 'y7'"
    assert listed([f"y{i}" for i in range(10)], most=1) == "'y0' and 9 more"
    assert listed([]) == "none"
    assert len(listed(["y" * 1000])) == 60


def test_a_warning_points_at_the_line_of_the_caller():
    with pytest.warns(UserWarning, match="which are read") as caught:
        loads(".i 1\n.o 1\n.p 2\n1 1\n.e", ".pla")
    assert caught[0].filename == __file__
