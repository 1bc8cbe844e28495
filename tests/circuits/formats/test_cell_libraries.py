import gzip

import pytest

from circuits import ParseError
from circuits.formats.cell_functions import table_of
from circuits.formats.cell_libraries import library_of, read_cells

GENLIB = "GATE inv 1 O=!a;"
LIBERTY = (
    'library (l) { cell (inv) { pin (A) { direction : input; } pin (Y) { direction : output; function : "A\'"; } } }'
)


def test_the_extension_says_which_format(tmp_path):
    for name, text in [("a.genlib", GENLIB), ("a.lib", LIBERTY), ("a.LIBERTY", LIBERTY), ("a.library", GENLIB)]:
        (tmp_path / name).write_text(text)
        (function,) = read_cells(tmp_path / name)["inv"].outputs.values()
        assert table_of(function) == 0b01


def test_compressed(tmp_path):
    (tmp_path / "a.lib.gz").write_bytes(gzip.compress(LIBERTY.encode()))
    assert read_cells(str(tmp_path / "a.lib.gz"))["inv"].inputs == ("A",)


def test_latin_1_in_a_comment(tmp_path):
    (tmp_path / "a.lib").write_bytes("/* é */".encode("latin-1") + LIBERTY.encode())
    assert list(read_cells(tmp_path / "a.lib")) == ["inv"]


def test_errors_name_the_file(tmp_path, error):
    (tmp_path / "a.lib").write_text(GENLIB)
    message = error(ParseError, read_cells, tmp_path / "a.lib")
    assert message == f"{tmp_path}/a.lib:1: expected library (name) {{, found 'GATE inv 1 O=!a;'"


def test_what_a_user_gives(tmp_path, error):
    (tmp_path / "a.lib").write_text(LIBERTY)
    cells = read_cells(tmp_path / "a.lib")
    assert library_of("loads", cells) is cells
    assert library_of("loads", str(tmp_path / "a.lib")) == cells
    assert library_of("loads", None) == {}
    message = "loads: expected library to be a path or what read_cells returns, got int."
    assert error(TypeError, library_of, "loads", 3) == message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("my.lib", b"library (x) {\n\0}", "2: expected text, found byte 0x00"),
        ("my.genlib.gz", b"GATE", " expected gzip, as its name says: Not a gzipped file (b'GA')"),
    ],
)
def test_what_is_no_text_and_no_gzip(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ParseError) as e:
        read_cells(path)
    assert str(e.value) == f"{path}:{message}"
