"""Tables from CSV: kinds of columns, missing values, quotes; one line for what is no table."""

import re

import pytest

from circuits import ParseError
from circuits.bridge.table_files import read_table


@pytest.fixture
def csv(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(content, name="a.csv"):
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return write


def test_numbers_text_and_missing_values(csv):
    text = '\ufeffage, size,kind,"a, b"\r\n30,1.5, red ,"x ""y"""\r\n\r\n?,2,,x\r\n-4,1e3,?,"two\r\nlines"\r\n'
    assert read_table(csv(text)) == {
        "age": [30, None, -4],
        "size": [1.5, 2.0, 1000.0],
        "kind": ["red", None, None],
        "a, b": ['x "y"', "x", "two\r\nlines"],
    }


def test_what_only_looks_like_a_number_is_text(csv):
    table = read_table(csv("a,b,c\n1_0,nan,0x1\n2,1,inf\n"))
    assert table == {"a": ["1_0", "2"], "b": ["nan", "1"], "c": ["0x1", "inf"]}


def test_a_second_table_is_read_like_the_first(csv):
    first = {"n": [1, 2], "x": [0.5, None], "kind": ["red", "1"], "y": [0, 1]}
    found = read_table(csv("y,kind,x,n,more\n1,1,?,3,hm\n0,red,2,4,hm\n"), like=first)
    assert found == {"y": [1, 0], "kind": ["1", "red"], "x": [None, 2.0], "n": [3, 4], "more": ["hm", "hm"]}
    assert [type(value) for value in found["n"]] == [int, int]
    assert read_table(csv("n,x,kind,y\n1.5,1,red,0\n"), like=first)["n"] == [1.5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.csv: expected a header and rows of comma-separated values, got an empty file"),
        ("\n\n", "a.csv: expected a header and rows of comma-separated values, got an empty file"),
        ("a,b\n", "a.csv: expected rows under the header, got none"),
        ("a,b\n1,2\n\n1,2,3\n", "a.csv:4: expected 2 fields, one a column, got 3"),
        ('a,b\n"x\ny",2\n1\n', "a.csv:4: expected 2 fields, one a column, got 1"),
        ("a,b\n1,\xe9\n".encode("latin-1"), "a.csv:2: expected text in UTF-8, got bytes that are none"),
        (b"a,b\n1,\x00\n", "a.csv: expected comma-separated values, got a zero byte"),
        ('a,b\n1,"x" y\n', "a.csv:2: expected comma-separated values: ',' expected after '\"'"),
        ('a,b\n1,"x\n', "a.csv:2: expected comma-separated values: unexpected end of data"),
        ("a,,c\n1,2,3\n", "a.csv:1: expected a name for each column, got 'a', '', 'c'"),
        ("a,b,a\n1,2,3\n", "a.csv:1: expected names of columns, each once, got 'a' twice"),
        (
            "a;b\n1;2\n",
            "a.csv:1: expected names of two columns or more, separated by commas, got 'a;b'; is it separated by ';'?",
        ),
        ("%PDF-1.4\nx\n", "a.csv:1: expected names of two columns or more, separated by commas, got '%PDF-1.4'"),
    ],
)
def test_what_is_no_table(csv, content, message):
    with pytest.raises(ParseError, match=f"^{re.escape(message)}$"):
        read_table(csv(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("n,kind\n1,red\nx,red\n", "a.csv:3: expected a number in column 'n', got 'x'"),
        ("n,kind\n1,green\n", "a.csv:2: expected one of the 2 known values in column 'kind', got 'green'"),
        ("n,kind\n1,?\n", "a.csv:2: expected a value in column 'kind', where none was missing"),
        ("n,kinds\n1,red\n", "a.csv: expected a column 'kind'; the columns are 'n', 'kinds'"),
    ],
)
def test_what_is_not_like_the_first(csv, content, message):
    with pytest.raises(ParseError, match=f"^{re.escape(message)}$"):
        read_table(csv(content), like={"n": [1, None], "kind": ["red", "blue"]})
