from pathlib import Path

import pytest

from circuits import ParseError, c17_path, read

TEXT = "INPUT(a)\nINPUT(b)\nOUTPUT(y)\ny = NAND(a, b)\n"


@pytest.fixture
def file(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


def test_a_file_by_its_path_or_the_name_of_it(file):
    path = file("gate.bench", TEXT)
    for given in (path, str(path)):
        circuit = read(given)
        assert (circuit.input_names, circuit.output_names, circuit.n_gates) == (("a", "b"), ("y",), 1)


@pytest.mark.parametrize("name", ["GATE.BENCH", "Gate.Bench", "c6288.v2.bench", ".bench.bench", "a b.bench"])
def test_the_extension_says_the_format_in_any_case(name, file):
    assert read(file(name, TEXT)).n_gates == 1


@pytest.mark.parametrize(
    ("name", "extension"), [("gate.v", ".v"), ("gate.bench.gz", ".gz"), ("gate", ""), (".bench", "")]
)
def test_an_unknown_extension_is_refused(name, extension, tmp_path, error):
    # Before the file is opened: it does not exist.
    path = tmp_path / name
    message = error(ParseError, read, path)
    assert message == f"{path}: unknown extension {extension!r}, expected one of .bench"


def test_a_missing_file_and_a_folder_are_errors_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.bench")
    (tmp_path / "folder.bench").mkdir()
    with pytest.raises(OSError, match=r"folder\.bench"):
        read(tmp_path / "folder.bench")


def test_errors_name_the_file_and_the_line(file, error):
    path = file("bad.bench", "INPUT(a)\nOUTPUT(y)\n\ny = NADN(a)\n")
    message = error(ParseError, read, path)
    assert message.startswith(f"{path}:4: unknown gate 'NADN', expected one of AND, NAND, OR, NOR, ")
    with pytest.raises(ParseError) as caught:
        read(str(path))
    assert (caught.value.source, caught.value.line, caught.value.column) == (str(path), 4, None)


@pytest.mark.parametrize("data", ["", "\n\n", "# a comment\n"])
def test_an_empty_file_is_refused(data, file, error):
    path = file("empty.bench", data)
    assert error(ParseError, read, path) == f"{path}: expected at least one OUTPUT(net), found none"


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        (b"\xff", 1, "ff"),
        (b"INPUT(a)\nINPUT(\x80)\n", 2, "80"),
        (b"\x7fELF\x02\x01\n\n\n\xfe\xad", 4, "fe"),
        (TEXT.encode("utf-16"), 1, "ff"),
        # A character of two bytes, cut after the first.
        (TEXT.encode() + b"# \xc3", 5, "c3"),
    ],
)
def test_a_file_that_is_no_text_is_refused(data, line, byte, file, error):
    path = file("binary.bench", data)
    assert error(ParseError, read, path) == f"{path}:{line}: expected text, found byte 0x{byte}"


@pytest.mark.parametrize("data", [bytes(range(128)), b"\x00" * 10_000, b"\x89PNG\r\n", b"PK\x03\x04\x14"])
def test_any_bytes_are_an_error_of_their_own(data, file):
    with pytest.raises(ParseError, match=r"binary\.bench"):
        read(file("binary.bench", data))


def test_names_of_any_alphabet(file):
    text = "INPUT(\N{GREEK SMALL LETTER BETA})\nOUTPUT(出)\n出 = NOT(\N{GREEK SMALL LETTER BETA})\n"
    circuit = read(file("names.bench", text))
    assert (circuit.input_names, circuit.output_names) == (("β",), ("出",))


def test_c17_comes_with_the_package():
    circuit = read(c17_path)
    assert Path(c17_path).name == "c17.bench"
    assert (circuit.n_inputs, circuit.n_outputs, circuit.n_gates) == (5, 2, 6)
