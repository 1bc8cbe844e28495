"""What the visitor chose: what fits is shown, and what fails leaves the choice before with a message."""

import gzip
from pathlib import Path

import pytest

import circuits
from circuits.playground.choices import from_gallery, from_text, from_upload

XOR = from_gallery("XOR")
C17 = Path(circuits.c17_path).read_bytes()
LONG = "; ".join(f"y{k} = a" for k in range(41))


def kept(choice, message):
    """Whether all is as before, with a message."""
    return choice[:3] == XOR[:3] and choice.message == message


def test_an_expression_becomes_the_choice():
    choice = from_text(" s = a ^ b;\n carry = a & b ", XOR)
    assert choice.name == "s = a ^ b; carry = a & b"
    assert choice.circuit.output_names == ("s", "carry")
    assert choice.message == ""


def test_a_blank_expression_takes_the_message_away():
    assert from_text("  ", XOR._replace(message="wrong")) == XOR


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a ^", "expression:1:4: expected a name, a constant, ~ or (, found end of the statement"),
        ("1", "1: expected 1 to 6 inputs, got 0"),
        (" & ".join("abcdefg"), "a & b & c & d & e & f & g: expected 1 to 6 inputs, got 7"),
        (LONG, LONG[:60] + "…: expected 1 to 40 outputs, got 41"),
        ("~" * 20_000 + "a", "~" * 60 + "…: expected at most 40 threshold units, got 20,000 gates"),
    ],
)
def test_an_expression_that_fails_leaves_the_choice_before(text, message):
    assert kept(from_text(text, XOR), message)


@pytest.mark.parametrize("format", [".bench", ".blif", ".aag", ".aig", ".v", ".pla", ".c"])
def test_files_of_all_formats(format):
    data = circuits.dumps(circuits.parse("y = a & ~b"), format)
    choice = from_upload(f"one{format}", data if isinstance(data, bytes) else data.encode(), XOR)
    assert (choice.name, choice.message) == (f"one{format}", "")
    assert isinstance(circuits.equivalent(choice.circuit, circuits.parse("y = a & ~b")), circuits.Equivalent)


def test_threshold_units_are_shown_as_they_are():
    units = circuits.from_unit(circuits.ThresholdUnit([2, 1, 1], 3))
    choice = from_upload("unit.th", circuits.dumps(units, ".th").encode(), XOR)
    # The format gives the output a unit of its own.
    assert (choice.units.weights.tolist(), choice.units.thresholds.tolist()) == ([2, 1, 1, 1], [3, 1])
    assert isinstance(
        circuits.equivalent(choice.circuit, circuits.parse("y = a & (b | c)"), by="position"), circuits.Equivalent
    )


def test_a_zipped_file_and_a_name_with_folders():
    choice = from_upload("C:\\files\\c17.bench.gz", gzip.compress(C17), XOR)
    assert (choice.name, choice.circuit.n_gates, choice.message) == ("c17.bench.gz", 6, "")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("c17.bench", C17.replace(b"NAND(10, 16)", b"NADN(10, 16)"), "c17.bench:17: unknown gate 'NADN'"),
        ("c17.txt", C17, "c17.txt: unknown extension '.txt', expected one of .aag"),
        ("c17", C17, "c17: "),
        ("../../c17.aig", b"\xff\x00", "c17.aig:"),
        ("", b"", "file: "),
    ],
)
def test_a_broken_file_leaves_the_choice_before(name, data, message):
    choice = from_upload(name, data, XOR)
    assert choice[:3] == XOR[:3]
    assert choice.message.startswith(message)
    assert "\n" not in choice.message
    assert "tmp" not in choice.message


def test_a_circuit_that_is_too_large_is_refused():
    many = circuits.dumps(circuits.library.adder(4), ".bench").encode()
    assert kept(from_upload("adder.bench", many, XOR), "adder.bench: expected 1 to 6 inputs, got 8")
    text = "".join(f"y{i} = a ^ b; " for i in range(1, 25))
    wide = circuits.dumps(circuits.parse(text), ".blif").encode()
    assert kept(from_upload("wide.blif", wide, XOR), "wide.blif: expected at most 40 threshold units, got 48")


def test_a_warning_of_a_reader_is_shown_beside_the_circuit():
    text = b".model m\n.inputs a b\n.outputs y\n.names a b y\n11 1\n.exdc\n.names a y\n1 1\n.end\n"
    choice = from_upload("m.blif", text, XOR)
    assert choice.name == "m.blif"
    assert "exdc" in choice.message


@pytest.mark.parametrize("name", ["big.bench", "big.bench.gz"])
def test_a_file_that_is_too_large_or_unzips_to_too_much_is_not_read(name):
    data = b"#" * 2**20 + b"\n"
    data = gzip.compress(data) if name.endswith(".gz") else data
    assert kept(from_upload(name, data, XOR), f"{name}: expected at most 1,048,576 bytes, got more")


def test_a_long_expression_has_a_short_name():
    choice = from_text("(" * 3_000 + "a & b" + ")" * 3_000, XOR)
    assert (choice.name, choice.circuit.n_gates) == ("(" * 60 + "…", 1)


def test_an_expression_behind_many_blanks_has_a_name():
    assert from_text(" " * 1_000 + "a  & b", XOR).name == "a & b"
