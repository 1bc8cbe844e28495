"""`python -m circuits`: what it prints, its exit statuses, and one clear line for what is no circuit."""

import contextlib
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import circuits
from circuits.command_line import _COMMANDS, main
from circuits.study.comparison import Comparison, Constructed, Learned, Threshold

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ["JAXNET_DATA"])
FAST = ["--seeds", "2", "--steps", "10"]


def test_an_expression_gets_a_line_of_the_table(capsys, monkeypatch):
    def study(circuit, *, name, seeds, steps):
        assert (circuit.input_names, seeds, steps) == (("a", "b"), 2, 10)
        learned = Learned((2, 2, 1), seeds, 0, None, None, 0, None, None, None)
        constructed = Constructed(0.1, 7.1875, 0.069, 0.0389, 0.0388, None, None)
        return Comparison(name, 2, 1, 1, 1, 4, True, Threshold(2, 2, 0, 2), constructed, learned, None)

    monkeypatch.setattr("circuits.study.comparison.compare", study)
    assert main(["compare", "a ^ b", *FAST]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + 7
    assert lines[2].split()[:8] == ["a", "^", "b", "1", "2", "2", "0/4", "2"]


@pytest.mark.slow
def test_files_and_expressions_mix_and_a_picture_is_drawn(capsys, tmp_path):
    figure = tmp_path / "figure.png"
    assert main(["compare", circuits.c17_path, "y = p; z = ~p", *FAST, "--out", str(figure)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:5] == ["c17", "6", "6", "3", "0/32"]
    assert lines[3].startswith("y = p; z = ~p ")
    assert lines[-1] == f"figure: {figure}"
    assert figure.stat().st_size > 10_000


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no folder {SHARED}")
def test_the_published_c17_is_the_one_of_the_package():
    published = circuits.read(SHARED / "circuits/iscas85/bench/c17.bench")
    ours = circuits.read(circuits.c17_path)
    assert (circuits.truth_table(published) == circuits.truth_table(ours)).all()
    assert (published.input_names, published.output_names) == (ours.input_names, ours.output_names)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("a &", "circuits: expression:1:4: expected a name, a constant, ~ or (, found end of the statement"),
        ("a ! b", "circuits: expression:1:3: expected an operator, ) or the end, found '!'"),
        ("", "circuits: expression:1: expected an expression, found nothing"),
        ("1", "circuits: 1: expected at least one input and one output"),
        ("nowhere.bench", "circuits: nowhere.bench: no such file or directory"),
        (
            "no/where",
            "circuits: no/where: unknown extension '', expected one of .aag, .aig, .bench, .blif, .pla, .v, .th, .c",
        ),
    ],
)
def test_what_is_no_circuit_exits_with_2_and_one_line(capsys, argument, message):
    assert main(["compare", argument]) == 2
    captured = capsys.readouterr()
    assert captured.err == message + "\n"
    assert captured.out == ""


def test_a_broken_file_is_named_with_its_line(capsys, tmp_path):
    broken = tmp_path / "broken.bench"
    broken.write_text("INPUT(a)\nOUTPUT(y)\ny = NADN(a, a)\n")
    assert main(["compare", str(broken)]) == 2
    assert capsys.readouterr().err == (
        f"circuits: {broken}:3: unknown gate 'NADN', expected one of "
        "AND, NAND, OR, NOR, XOR, XNOR, NXOR, NOT, INV, BUF, BUFF, MUX\n"
    )


def test_files_and_patterns_may_come_after_options(capsys, tmp_path):
    netlist, units = tmp_path / "and", tmp_path / "and.th"
    netlist.write_text("INPUT(a)\nINPUT(b)\nOUTPUT(y)\ny = AND(a, b)\n")
    assert main(["simulate", str(netlist), "01", "--from", ".bench", "11"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["01 0", "11 1"]
    assert main(["map", "a & b", "--fan-in", "4", str(units)]) == 0
    assert units.is_file()


def test_nothing_runs_when_one_of_several_is_broken(capsys):
    assert main(["compare", "a & b", "a &", *FAST]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_two_files_of_one_name_are_both_shown(capsys, tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.bench").write_text("INPUT(a)\nOUTPUT(y)\ny = NOT(a)\n")
    assert main(["compare", str(tmp_path / "first/x.bench"), str(tmp_path / "second/x.bench"), *FAST]) == 0
    assert len([line for line in capsys.readouterr().out.splitlines() if line.startswith("x ")]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0"], "argument --seeds: expected a positive integer, got '0'"),
        (["--out", "figure.xyz"], "argument --out: expected a file that ends in .png, .pdf, .svg, got 'figure.xyz'"),
        (["--out", "no/folder/figure.png"], "argument --out: there is no folder no/folder"),
    ],
)
def test_bad_options_exit_with_2_before_anything_runs(capsys, arguments, message):
    with pytest.raises(SystemExit) as raised:
        main(["compare", "a", *arguments])
    assert raised.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)


def test_stats_of_several_circuits(capsys):
    assert main(["stats", circuits.c17_path, "y = a ^ b"]) == 0
    first, second = capsys.readouterr().out.split("\n\n")
    assert first.splitlines()[:4] == ["c17", "inputs     5", "outputs    2", "gates      6"]
    assert second.splitlines()[0] == "y = a ^ b"
    assert "XOR 1" in second


@pytest.mark.parametrize("format", [".aag", ".aig", ".bench", ".blif", ".v", ".th"])
def test_convert_into_a_file_and_back(format, capsys, tmp_path):
    there, back = str(tmp_path / f"there{format}"), str(tmp_path / "back.blif")
    assert main(["convert", circuits.c17_path, there]) == 0
    assert main(["convert", there, back]) == 0
    assert main(["prove", circuits.c17_path, back, "--by", "position"]) == 0
    assert capsys.readouterr().out.startswith("equivalent, by structure in ")


def test_convert_between_standard_input_and_output(capfdbinary, monkeypatch):
    with open(circuits.c17_path) as file:
        monkeypatch.setattr("sys.stdin", file)
        assert main(["convert", "-", "-", "--from", ".bench", "--to", ".aig"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"aig 11 5 0 2 6\n")


def test_simplify_says_how_many_gates_and_writes_them(capsys, tmp_path):
    out = str(tmp_path / "xor.bench")
    assert main(["simplify", "~(~(a & ~b) & ~(~a & b))", out]) == 0
    assert capsys.readouterr().out == "8 gates, depth 5 -> 1 gates, depth 1\n"
    assert circuits.read(out).n_gates == 1


def test_simplify_to_standard_output_counts_on_standard_error(capfd):
    assert main(["simplify", "y = a & a", "-", "--to", ".bench"]) == 0
    captured = capfd.readouterr()
    assert captured.out == "INPUT(a)\nOUTPUT(y)\ny = BUFF(a)\n"
    assert captured.err == "1 gates, depth 1 -> 0 gates, depth 0\n"


def test_simulate_patterns(capsys, monkeypatch):
    adder = "s = a ^ b; carry = a & b"
    assert main(["simulate", adder, "01", "11"]) == 0
    assert capsys.readouterr().out == "# a b -> s carry\n01 10\n11 01\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("01  # one\n\n11\n"))
    assert main(["simulate", adder, "-"]) == 0
    assert capsys.readouterr().out == "# a b -> s carry\n01 10\n11 01\n"
    assert main(["simulate", adder, "--all"]) == 0
    assert capsys.readouterr().out == "# a b -> s carry\n00 00\n10 10\n01 10\n11 01\n"


def test_random_patterns_follow_the_seed(capsys):
    texts = []
    for seed in ("1", "1", "2"):
        assert main(["simulate", circuits.c17_path, "--random", "40", "--seed", seed]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]
    assert len(texts[0].splitlines()) == 41


def test_activity(capsys):
    assert main(["simulate", "y = a & b & c & d & e", "--all", "--activity"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["node", "ones", "toggles"]
    assert rows[1] == ["a", "0.5000", "1.0000"]
    assert rows[-1] == ["y", "0.0312", "0.0323"]


def test_prove_tells_by_its_status(capsys):
    assert main(["prove", "y = a ^ b", "y = (a | b) & ~(a & b)"]) == 0
    assert capsys.readouterr().out.startswith("equivalent, by structure in ")
    assert main(["prove", "y = a ^ b", "y = a | b"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("not equivalent, found by all patterns in ")
    assert lines[1:] == ["inputs a=1 b=1", "output y=0 of the first, y=1 of the second"]
    assert main(["prove", "y = a ^ b", "z = p | q", "--by", "position"]) == 1
    assert capsys.readouterr().out.splitlines()[2] == "output y=0 of the first, z=1 of the second"


def test_prove_may_end_undecided(capsys, monkeypatch):
    answer = circuits.Undecided("time limit of 1 s", ("this", "that"))
    monkeypatch.setattr("circuits.verification.equivalence.equivalent", lambda *_, **__: answer)
    assert main(["prove", "a", "a", "--time-limit", "1"]) == 3
    assert capsys.readouterr().out == "undecided: time limit of 1 s; tried this; that\n"


def test_prove_writes_a_proof(capsys, tmp_path):
    proof = str(tmp_path / "proof")
    assert main(["prove", "y = a & b & c", "y = c & b & a", "--proof", proof]) == 0
    assert capsys.readouterr().out.splitlines()[1] == f"the question is in {proof}.cnf, its proof in {proof}.drat"
    assert (tmp_path / "proof.cnf").read_text().count("p cnf") == 1
    assert (tmp_path / "proof.drat").is_file()


def test_recognise_prints_a_unit_and_what_it_says(capsys):
    assert main(["recognise", "a & (b | ~c)"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "out = [2 a + b - c >= 2]",
        "  a & (b | ~c)",
        "  sum of |w| 4: the least, by a linear program; certificate checked",
    ]


def test_recognise_prints_why_there_is_no_unit(capsys):
    assert main(["recognise", "y = p ^ q; z = p | q; u = a & b | c & d"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "y is no threshold unit",
        "  it both rises and falls with p",
        "  rows of p q: true 10 + 01 = false 00 + 11; certificate checked",
        "z = [p + q >= 1]",
        "  p | q",
        "  sum of |w| 2: the least, by a linear program; certificate checked",
        "u is no threshold unit",
        "  rows of a b c d: true 1100 + 0011 = false 1010 + 0101; certificate checked",
    ]


def test_recognise_says_where_least_weights_have_no_certificate(capsys, tmp_path):
    path = str(tmp_path / "nine.th")
    unit = circuits.ThresholdUnit([19, 15, 11, 9, 7, 5, 4, 2, 1], 19)
    circuits.write(circuits.from_unit(unit), path)
    assert main(["recognise", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "y = [19 x0 + 15 x1 + 11 x2 + 9 x3 + 7 x4 + 5 x5 + 4 x6 + 2 x7 + x8 >= 19]"
    assert lines[2] == "  sum of |w| 73: the least, by an integer program, without a certificate"


def test_recognise_of_constants_and_wires(capsys):
    assert main(["recognise", "k = 1; w = a; v = ~a"]) == 0
    assert capsys.readouterr().out.splitlines()[:-1:3] == ["k = [0 >= 0]", "w = [a >= 1]", "v = [-a >= 0]"]


FORMATS = ".aag, .aig, .bench, .blif, .pla, .v, .th, .c, .cnf, .dot"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stats", "nowhere.aig"], "nowhere.aig: no such file or directory"),
        (["stats", "-"], "<stdin>: expected --from FORMAT, such as --from .blif"),
        (["prove", "missing.net", "missing.net"], "missing.net: no such file; as an expression, write y = missing.net"),
        (["simulate", "a & b", "--all", "--random", "9"], "expected one of patterns, --all and --random, got more"),
        (["convert", "a & b", "-"], "<stdout>: expected --to FORMAT, such as --to .blif"),
        (["convert", "a & b", "x.xyz"], f"x.xyz: unknown format '.xyz', expected one of {FORMATS}"),
        (["convert", "a & b", "-", "--to", ".aig", "--output", "y"], "-: --output is for .cnf"),
        (["convert", "a & b", "no/folder/x.aig"], "no/folder/x.aig: no such file or directory"),
        (
            ["recognise", f"y = {' & '.join(f'x{i}' for i in range(17))}"],
            f"y = {' & '.join(f'x{i}' for i in range(17))}: output y reads 17 inputs, expected at most 16",
        ),
        (["simulate", "a & b"], "expected patterns such as 0110, - for standard input, --all or --random N"),
        (["simulate", "a & b", "01", "012"], "pattern:2: expected 2 digits 0 or 1, one per input, got '012'"),
        (["simulate", "a & b", "01", "--activity"], "--activity: expected a multiple of 32 patterns, got 1"),
        (
            ["prove", "y = a", "y = b"],
            "equivalent: expected the same input names in both circuits, got 'a' only in the ",
        ),
        (
            ["stats", circuits.c17_path, "--dont-cares", "0"],
            f"{circuits.c17_path}: this format has no option --dont-cares",
        ),
    ],
)
def test_what_cannot_be_done_exits_with_2_and_one_line(capsys, arguments, message):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"circuits: {message}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_file_is_not_overwritten_by_what_is_no_circuit(tmp_path):
    out = tmp_path / "out.aig"
    out.write_bytes(b"kept")
    assert main(["convert", "a &", str(out)]) == 2
    assert out.read_bytes() == b"kept"


@pytest.mark.parametrize("command", _COMMANDS)
def test_each_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as raised:
        main([command, "--help"])
    assert raised.value.code == 0
    assert f"example:\n  python -m circuits {command} " in capsys.readouterr().out


def test_a_mistake_of_ours_is_no_answer(capsys, monkeypatch):
    monkeypatch.setattr("circuits.commands.prove", lambda options: 1 // 0)
    assert main(["prove", "a", "a"]) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate", "a", "--random", "1000000000000"], "--random: expected at most 4,194,304, got 1000000000000"),
        (
            ["prove", "a", "a", "--seed", "9" * 30],
            f"--seed: expected a number, 0 or more and below 2^32, got '{'9' * 30}'",
        ),
        (["compare", "a", "--seeds", "9999999999"], "--seeds: expected at most 1,000,000, got 9999999999"),
    ],
)
def test_numbers_that_nothing_can_hold_are_refused(capsys, arguments, message):
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)


def test_the_version(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out == f"circuits {circuits.__version__}\n"


def test_the_page_shows_what_is_printed(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/command_line.md").read_text()
    shown = re.findall(r"^    \$ python -m circuits (.*)\n((?:    .*\n)+)", page, re.MULTILINE)
    assert len(shown) == 6
    for command, printed in shown:
        main(shlex.split(command))
        assert capsys.readouterr().out == textwrap.dedent(printed), command


LINES, BLOCKS = 1, -1


def main_unread(arguments, buffering):
    """The exit status where standard output is a pipe that nobody reads, written to at line ends or when it is full."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering) as pipe, contextlib.redirect_stdout(pipe):
        return main(arguments)


def test_a_reader_that_goes_away_is_no_error(capfd):
    assert main_unread(["stats", "a & b"], BLOCKS) == 0
    assert capfd.readouterr().err == ""


def test_a_reader_that_goes_away_is_not_told_of_a_unit(capfd):
    assert main_unread(["recognise", "a & b"], LINES) == 141
    assert capfd.readouterr().err == ""


def test_a_reader_that_goes_away_is_not_told_of_a_proof(capfd, tmp_path):
    assert main_unread(["network", "a & b", str(tmp_path / "and.safetensors")], LINES) == 141
    assert main_unread(["extract", str(tmp_path / "and.safetensors")], LINES) == 141
    assert main_unread(["extract", str(tmp_path / "and.safetensors")], BLOCKS) == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("buffering", "status"), [(LINES, 141), (BLOCKS, 1)], ids=["before", "after"])
def test_a_reader_that_goes_away_is_not_told_that_circuits_are_equal(buffering, status, capfd):
    assert main_unread(["prove", "y = a", "y = ~a"], buffering) == status
    assert capfd.readouterr().err == ""


# What `python -m circuits` is; with Ctrl-C also where that is ignored, as under nohup.
PROGRAM = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("circuits", run_name="__main__", alter_sys=True)
"""


def run(*arguments):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONUNBUFFERED": "1"}
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)


def test_ctrl_c_ends_quietly():
    with run("stats", circuits.c17_path, "-", "--from", ".bench") as process:
        # The first circuit is read, and now it waits for the second.
        assert process.stdout.readline() == "c17\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")


@pytest.mark.slow
def test_ctrl_c_ends_learning_quietly():
    process = run("compare", "--steps", "100000")
    process.stdout.readline()
    time.sleep(0.5)
    # Python loses a signal that comes inside a callback of the compiler; a person would press again.
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=20)
            break
        except subprocess.TimeoutExpired:
            continue
    else:
        process.kill()
        process.communicate()
        pytest.fail("it goes on after four signals")
    assert process.returncode == 130
    assert "Traceback" not in err


def test_map_says_how_many_units_and_writes_them(capsys, tmp_path):
    out = str(tmp_path / "units.th")
    assert main(["map", "y = a & (b | c & d); z = a ^ b", out]) == 0
    assert capsys.readouterr().out == "4 gates, 5 units gate by gate -> 3 units, depth 2, proved equal\n"
    assert isinstance(circuits.read(out), circuits.ThresholdCircuit)
    # A format that cannot be written is known before the circuit is even read.
    assert main(["map", "not there", "units.xyz"]) == 2
    assert capsys.readouterr().err.startswith("circuits: units.xyz: unknown format '.xyz', expected one of .aag, ")
    with pytest.raises(SystemExit):
        main(["map", "a ^ b", "--fan-in", "2"])
    assert "argument --fan-in: expected at least 3, got 2" in capsys.readouterr().err
