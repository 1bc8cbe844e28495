"""`python -m circuits learn`: what it prints and writes, and one line for what is wrong."""

import itertools
import re
import shlex
import textwrap
from pathlib import Path

import pytest

import circuits
from circuits.command_line import main
from circuits.gate_networks.certified_files import check_certificate

ROWS = list(itertools.product(["red", "blue"], range(4), ["n", "?"])) * 3
TABLE = "colour,size,old,worth\n" + "".join(
    f"{colour},{size},{old},{'much' if colour == 'red' and size >= 2 else 'little'}\n" for colour, size, old in ROWS
)
QUICK = ["--gates", "16", "--layers", "2", "--seeds", "4", "--steps", "150"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(TABLE)


def test_a_table_becomes_a_certified_circuit(capsys):
    Path("test.csv").write_text(TABLE)
    assert main(["learn", "data.csv", "--target", "worth", "--test", "test.csv", "--out", "worth", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "3 columns as 7 Booleans; 2 classes of worth",
        "network 7 -> 2 x 16 gates -> 2 classes, of 4 the best on the validation rows",
        "               rows   network   circuit  majority",
    ]
    assert [line.split()[:2] for line in lines[3:6]] == [["training", "38"], ["validation", "10"], ["test", "48"]]
    assert lines[5].split()[4:] == ["100.00", "%", "75.00", "%"]
    assert lines[6].startswith("all 4: circuits right on ")
    assert lines[7].startswith("discretisation gap: ")
    assert lines[8].startswith("gates: 32, ")
    assert lines[9] == "worth=much: colour = red and size >= 2"
    assert lines[10].startswith("32 gates, simplified: proved equal by ")
    assert check_certificate("worth.json") == []
    written = circuits.read("worth.aig")
    assert isinstance(written, circuits.Circuit)
    assert written.input_names == ("colour=blue", "colour=red", "size>=1", "size>=2", "size>=3", "old=n", "old=?")
    assert written(0, 1, 1, 1, 0, 1, 0) == 1
    assert written(1, 0, 1, 1, 0, 1, 0) == 0


@pytest.mark.slow
def test_columns_left_out_and_numbers_as_categories(capsys):
    command = ["learn", "data.csv", "--target", "worth", "--without", "old", "--categories", "size", *QUICK]
    assert main([*command, "--validation", "0", "--seeds", "1", "--steps", "5", "--gates", "10,6"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 columns as 6 Booleans; 2 classes of worth"
    assert lines[1] == "network 6 -> 10 -> 6 gates -> 2 classes"
    assert [line.split()[0] for line in lines[3:]][:3] == ["training", "discretisation", "gates:"]


# J. R. Quinlan, C4.5: programs for machine learning (1993).
WEATHER = """outlook,temperature,humidity,windy,play
sunny,85,85,no,no
sunny,80,90,yes,no
overcast,83,78,no,yes
rain,70,96,no,yes
rain,68,80,no,yes
rain,65,70,yes,no
overcast,64,65,yes,yes
sunny,72,95,no,no
sunny,69,70,no,yes
rain,75,80,no,yes
sunny,75,70,yes,yes
overcast,72,90,yes,yes
overcast,81,75,no,yes
rain,71,80,yes,no
"""


@pytest.mark.slow  # the whole way of a table is gone above, always
def test_the_page_shows_what_is_printed(capsys):
    Path("weather.csv").write_text(WEATHER)
    page = (Path(__file__).parents[2] / "docs/command_line.md").read_text()
    ((command, shown),) = re.findall(
        r"^    python -m (circuits learn weather.*)\n\n((?:    .*\n)+)", page, re.MULTILINE
    )
    assert main(shlex.split(command)[1:]) == 0
    lines, expected = capsys.readouterr().out.splitlines(), textwrap.dedent(shown).splitlines()
    # All rows are learned anywhere; how many gates that takes may depend on how a processor rounds.
    assert lines[:6] == expected[:6]
    assert len(lines) == len(expected)
    assert [line.split(":")[0] for line in lines[6:]] == ["gates", "play=yes"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, ["--target", "price"], "data.csv: --target: there is no column 'price', only colour, size, old, worth"),
        (None, ["--without", "x"], "data.csv: --without: there is no column 'x', only colour, size, old, worth"),
        (None, ["--test", "no.csv"], "no.csv: no such file or directory"),
        ("", [], "data.csv: expected a header and rows of comma-separated values, got an empty file"),
        ("a,worth\n1,2\n1\n", [], "data.csv:3: expected 2 fields, one a column, got 1"),
        ("a,worth\n1,x\n2,x\n", [], "data.csv: expected 2 to 64 classes in 'worth', got 1: 'x'."),
        ("a,worth\n?,x\n,y\n", [], "data.csv: expected values in column 'a', all are missing. Leave it out."),
        ("a,worth\n1,x\n2,?\n", [], "data.csv: expected a class in each row of 'worth', row 1 has none. Leave it out."),
        (b"\xff\xfe", [], "data.csv:1: expected text in UTF-8, got bytes that are none"),
    ],
)
def test_one_line_for_what_is_wrong(content, options, message, capsys):
    if content is not None:
        Path("data.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["learn", "data.csv", "--target", "worth", *options]) == 2
    assert capsys.readouterr().err == f"circuits: {message}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "x.aig"], "argument --out: expected a name without extension, got 'x.aig'"),
        (["--out", "no/x"], "argument --out: there is no folder no"),
        (["--gates", "0"], "argument --gates: expected a positive integer, got '0'"),
        (["--gates", "8,"], "argument --gates: expected a positive integer, got ''"),
    ],
)
def test_options_that_are_wrong(options, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["learn", "data.csv", "--target", "worth", *options])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)
