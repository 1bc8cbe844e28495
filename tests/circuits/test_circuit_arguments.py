"""The flags of the readers on the command line, and errors and warnings as they are typed."""

import argparse
import inspect
import subprocess
import sys

import pytest

from circuits import c17_path
from circuits.circuit_arguments import READ_OPTIONS, add_flags
from circuits.command_line import main
from circuits.formats.files import FORMATS

LIBRARY = "GATE NAND2 2 O=!(A*B); PIN * INV 1 999 1 .2 1 .2\nGATE INV 1 O=!A; PIN * INV 1 999 1 .2 1 .2\n"
MAPPED = ".model m\n.inputs a b\n.outputs y\n.gate NAND2 A=a B=b O=n\n.gate INV A=n O=y\n.end\n"
TOGGLE = ".model t\n.inputs e\n.outputs q\n.latch n q 0\n.names e q n\n10 1\n01 1\n.end\n"
OPEN = "INPUT(a)\nOUTPUT(y)\ny = AND(a, t)\n"
TWO = ".model a\n.inputs x\n.outputs y\n.names x y\n1 1\n.end\n.model b\n.inputs x\n.outputs y\n.names x y\n0 1\n.end\n"
BAD = "aag 2 2 0 0 0 1\n2\n4\n2\n"
EXDC = ".model m\n.inputs a b\n.outputs y\n.names a b y\n11 1\n.exdc\n.names a b y\n01 1\n.end\n"
PLA = ".i 2\n.o 1\n11 1\n00 -\n.e\n"
TOPS = "".join(
    f"module {name}(a, y); input a; output y; assign y = {value}; endmodule\n"
    for name, value in (("f", "a"), ("g", "~a"))
)


@pytest.fixture
def write(tmp_path):
    """Writes a file, and returns its path."""

    def write(name, text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_every_option_of_every_format_has_a_flag():
    parser = argparse.ArgumentParser()
    add_flags(parser)
    flags = {action.dest for action in parser._actions}
    assert set(READ_OPTIONS) <= flags
    for known in FORMATS.values():
        if known.loads is not None:
            options = [p.name for p in inspect.signature(known.loads).parameters.values() if p.kind is p.KEYWORD_ONLY]
            assert set(options) <= set(READ_OPTIONS), known.extension


@pytest.mark.parametrize(
    ("name", "text", "flags", "same"),
    [
        ("t.blif", TOGGLE, ["--registers", "cut"], "y = 0 & e | q; z = e ^ q"),
        ("t.blif", TOGGLE, ["--registers", "unroll", "--cycles", "2"], None),
        ("t.bench", OPEN, ["--undriven", "1"], "y = a"),
        ("t.bench", OPEN, ["--undriven", "input"], "y = a & t"),
        ("t.blif", TWO, ["--model", "b"], "y = ~x"),
        ("t.aag", BAD, ["--properties", "outputs"], None),
        ("t.pla", PLA, ["--dont-cares", "1"], "y = ~(a ^ b)"),
        ("t.blif", EXDC, ["--exdc", "ignore"], "y = a & b"),
        ("t.v", TOPS, ["--model", "g"], "y = ~a"),
    ],
)
def test_each_flag_reaches_its_reader(name, text, flags, same, write, capsys):
    path = write(name, text)
    assert main(["stats", path, *flags]) == 0
    if same is not None:
        assert main(["prove", path, same, "--by", "position", *flags]) == 0
    assert capsys.readouterr().err == ""


def test_a_mapped_netlist_is_proved_equal_with_its_library(write, capsys):
    mapped, library = write("mapped.blif", MAPPED), write("two.genlib", LIBRARY)
    assert main(["prove", mapped, "y = a & b", "--library", library]) == 0
    assert main(["stats", mapped]) == 2
    captured = capsys.readouterr()
    assert captured.out.startswith("equivalent")
    assert captured.err == (
        f"circuits: {mapped}:4: .gate is refused: it is a cell of a library; --library names the genlib or Liberty "
        "file\n"
    )


def test_an_option_goes_to_the_file_whose_format_has_it(write, capsys):
    path = write("t.bench", OPEN)
    assert main(["prove", path, write("t.pla", ".i 1\n.o 1\n.ilb a\n.ob y\n1 1\n.e"), "--undriven", "1"]) == 0
    assert main(["prove", path, c17_path, "--model", "m"]) == 2
    assert capsys.readouterr().err == f"circuits: {path}, {c17_path}: none of these formats has an option --model\n"
    assert main(["stats", "a & b", "--model", "m"]) == 2
    assert capsys.readouterr().err == "circuits: a & b: this format has no option --model\n"


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("name", "text", "flags", "said"),
    [
        ("t.blif", EXDC, [], ":6: .exdc gives don't-cares, and a circuit has none: they are ignored"),
        ("t.pla", ".i 1\n.o 1\n.p 2\n1 1\n.e", [], ":3: .p says 2 rows, found 1, which are read"),
        ("t.bench", OPEN, [], '; --undriven 0, 1 or "input" chooses what it is'),
        ("t.blif", TOGGLE, [], ". --registers cut makes its value an input, and its next value an output"),
        ("t.blif", TOGGLE, ["--registers", "unroll"], "read: --registers unroll takes --cycles, how many of them."),
        ("t.pla", PLA, [], "; --dont-cares 0 or 1 chooses a value"),
        ("t.blif", TWO, [], "; --model a chooses"),
        ("t.aag", BAD, [], "--properties outputs makes each an output"),
    ],
)
def test_errors_and_warnings_are_one_line_without_python(name, text, flags, said, write, capsys):
    path = write(name, text)
    main(["stats", path, *flags])
    err = capsys.readouterr().err
    assert err.startswith("circuits: ")
    assert said in err
    assert err.count("\n") == 1
    assert ".py" not in err


def test_a_warning_of_the_program_has_no_path_of_python(write):
    path = write("t.pla", ".i 1\n.o 1\n.p 2\n1 1\n.e")
    run = subprocess.run([sys.executable, "-m", "circuits", "stats", path], capture_output=True, text=True, check=True)
    assert run.stderr == f"circuits: {path}:3: .p says 2 rows, found 1, which are read\n"


def test_ports_are_paired_by_names_and_by_function(capsys):
    assert main(["prove", "y = a & ~b", "z = p & ~b", "--names", "a=p", "y=z"]) == 0
    assert main(["prove", "y = a & ~b", "z = p | b", "--names", "a=p", "--names", "y=z"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "output y=0 of the first, z=1 of the second"
    assert main(["prove", "s = a ^ b; less = ~a & b", "u = q & ~p; v = p ^ q", "--by", "function"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["inputs a=p b=q", "outputs s=v less=u"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a"], "--names: expected a=b, each a once, got 'a'"),
        (["a=p", "a=q"], "--names: expected a=b, each a once, got 'a=q'"),
        (["c=p"], "equivalent: names has 'c', which the first circuit lacks; it has 'a', 'y'."),
    ],
)
def test_names_that_cannot_be_paired_are_refused(names, said, capsys):
    assert main(["prove", "y = a", "y = p", "--names", *names]) == 2
    assert capsys.readouterr().err == f"circuits: {said}\n"


@pytest.mark.parametrize("cycles", ["0", "x", "12345678"])
def test_cycles_are_a_number(cycles, capsys):
    with pytest.raises(SystemExit):
        main(["stats", c17_path, "--registers", "unroll", "--cycles", cycles])
    said = f"argument --cycles: expected a number of cycles, 1 to 1,000,000, got '{cycles}'"
    assert capsys.readouterr().err.splitlines()[-1].endswith(said)
