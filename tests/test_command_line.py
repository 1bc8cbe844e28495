"""`python -m circuits compare`: what it prints, and one clear line with exit status 2 for what is no circuit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import circuits
from circuits.__main__ import main

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("JAXNET_DATA", ROOT.parent / "shared" / "data"))
FAST = ["--seeds", "2", "--steps", "10"]


def test_an_expression_gets_a_line_of_the_table(capsys):
    assert main(["compare", "a ^ b", *FAST]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + 5
    assert lines[2].split()[:10] == ["a", "^", "b", "2", "1", "1", "1", "2", "2", "0/4"]


@pytest.mark.slow
def test_files_and_expressions_mix_and_a_picture_is_drawn(capsys, tmp_path):
    figure = tmp_path / "figure.png"
    assert main(["compare", circuits.c17_path, "y = p; z = ~p", *FAST, "--out", str(figure)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:8] == ["c17", "5", "2", "6", "3", "6", "3", "0/32"]
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
        ("a ! b", "circuits: expression:1:3: unexpected '!': not is written ~"),
        ("", "circuits: expression:1: expected an expression, found nothing"),
        ("1", "circuits: 1: expected at least one input and one output"),
        ("nowhere.bench", "circuits: nowhere.bench: no such file or directory"),
        (
            "no/where",
            "circuits: no/where: unknown extension '', expected one of .aag, .aig, .bench, .blif, .pla, .v, .th",
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
        "AND, NAND, OR, NOR, XOR, XNOR, NXOR, NOT, INV, BUF, BUFF\n"
    )


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


def run(*arguments, **options):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen([sys.executable, "-m", "circuits", *arguments], cwd=ROOT, env=environment, **options)


def test_help_answers_without_jax():
    process = run("compare", "--help", stdout=subprocess.PIPE, text=True)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "examples:" in out


def test_ctrl_c_ends_quietly():
    process = run("compare", "--steps", "100000", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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


def test_a_reader_that_goes_away_is_no_error():
    with run("compare", "a", "b", *FAST, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0
    assert err == ""
