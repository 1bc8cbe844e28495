from pathlib import Path

import numpy as np
import pytest

from circuits import Circuit, ParseError, c17_path, dumps, loads, parse, read, to_circuit, write
from circuits.formats.files import FORMATS
from circuits.threshold.gate_conversion import from_circuit

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


@pytest.mark.parametrize(("name", "extension"), [("gate.vhd", ".vhd"), ("gate.gz", ""), ("gate", ""), (".bench", "")])
def test_an_unknown_extension_is_refused(name, extension, tmp_path, error):
    # Before the file is opened: it does not exist.
    path = tmp_path / name
    message = error(ParseError, read, path)
    assert (
        message
        == f"{path}: unknown extension {extension!r}, expected one of .aag, .aig, .bench, .blif, .pla, .v, .th, .c"
    )


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
        (TEXT.encode() + b"y\xc3", 5, "c3"),
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


READABLE = [f.extension for f in FORMATS.values() if f.loads is not None]
XOR_AND = parse("y = a ^ b; z = ~a & b & c")


def as_held(circuit, extension):
    return from_circuit(circuit) if extension == ".th" else circuit


@pytest.mark.parametrize("extension", READABLE)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_written_is_read_as_the_same_function_with_the_same_names(
    extension, seed, random_circuit, reference, all_rows, tmp_path
):
    circuit = random_circuit(seed)
    path = tmp_path / f"circuit{extension.upper()}"
    write(as_held(circuit, extension), path)
    again = read(path)
    again = again if isinstance(again, Circuit) else to_circuit(again)
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    np.testing.assert_array_equal(reference(again, all_rows(5)), reference(circuit, all_rows(5)))


@pytest.mark.parametrize("extension", READABLE)
def test_text_and_bytes_are_read_alike(extension):
    written = dumps(as_held(XOR_AND, extension), extension)
    data = written if isinstance(written, bytes) else written.encode()
    circuits = [loads(data, extension)]
    if extension != ".aig":
        circuits.append(loads(data.decode(), extension))
    if not isinstance(written, bytes):
        circuits.append(loads(b"\xef\xbb\xbf" + data, extension))  # a byte order mark, as editors leave it
    for circuit in circuits:
        assert (circuit.input_names, circuit.output_names) == (("a", "b", "c"), ("y", "z"))


def test_a_format_is_named_or_goes_by_the_extension(tmp_path):
    path = tmp_path / "netlist.txt"
    write(XOR_AND, path, ".blif")
    assert path.read_text().startswith(".model circuit\n")
    assert read(path, ".BLIF").output_names == ("y", "z")
    assert read(path, format=".blif", registers="cut").n_inputs == 3


def test_what_is_only_written_cannot_be_read(tmp_path, error):
    write(XOR_AND, tmp_path / "y.cnf", output="y")
    assert (tmp_path / "y.cnf").read_text().startswith("c input 1 a\n")
    message = error(ParseError, read, tmp_path / "y.cnf")
    assert message == f"{tmp_path / 'y.cnf'}: .cnf is written, not read, expected one of {', '.join(READABLE)}"
    assert (
        error(ParseError, loads, "", ".txt") == f"loads: unknown format '.txt', expected one of {', '.join(READABLE)}"
    )


def test_gates_and_threshold_units_are_not_mistaken_for_each_other(error):
    assert error(TypeError, dumps, XOR_AND, ".th") == (
        "dumps: .th holds threshold units, got gates. circuits.from_circuit makes units of them."
    )
    assert error(TypeError, dumps, from_circuit(XOR_AND), ".blif") == (
        "dumps: .blif holds gates, got threshold units. circuits.to_circuit makes gates of them."
    )
    assert error(TypeError, dumps, "y = a", ".blif") == "dumps: expected a Circuit or a ThresholdCircuit, got str."


@pytest.mark.parametrize("extension", [".cnf", ".th"])
def test_a_file_is_not_touched_where_the_circuit_cannot_be_written(extension, tmp_path):
    path = tmp_path / f"kept{extension}"
    path.write_text("as it was")
    with pytest.raises(ValueError, match="name"):
        write(as_held(Circuit(["a\n"], [], [], [1], ["y"]), extension), path)
    assert path.read_text() == "as it was"


def test_an_option_of_another_format_is_refused(tmp_path):
    write(XOR_AND, tmp_path / "y.blif")
    with pytest.raises(TypeError, match="top"):
        read(tmp_path / "y.blif", top="m")


def test_a_file_is_zipped_by_its_name(tmp_path, error):
    circuit = loads("INPUT(a)\nOUTPUT(y)\ny = NOT(a)\n", ".bench")
    write(circuit, tmp_path / "x.BENCH.gz")
    assert (tmp_path / "x.BENCH.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert read(tmp_path / "x.BENCH.gz").n_gates == 1
    (tmp_path / "y.blif.gz").write_bytes(b"no zip")
    assert error(ParseError, read, tmp_path / "y.blif.gz").startswith(f"{tmp_path / 'y.blif.gz'}: expected gzip, as")


def test_a_comment_may_be_latin1():
    text = b"# r\xe9seau\nINPUT(a)\nOUTPUT(y)\ny = NOT(a)\n"
    assert loads(text, ".bench").n_gates == 1


def test_errors_begin_with_the_function_that_was_called(tmp_path, error):
    (tmp_path / "x.bench").write_text("INPUT(a)\nOUTPUT(a)\n")
    assert error(ValueError, read, tmp_path / "x.bench", registers="keep").startswith("read: expected registers to be")
    assert error(TypeError, write, 3, tmp_path / "x.blif").startswith("write: expected a Circuit or")
