"""What `registers="unroll"` gives, of each format that has registers."""

import shutil
import subprocess

import pytest

from circuits import Equivalent, ParseError, equivalent, loads, parse, read, unroll

BLIF = """\
.model m
.inputs a clk
.outputs y
.names a p y
11 1
.latch a p re clk 1
.latch p q 0
.latch q r
.names r z
0 1
.outputs z
.end
"""


def test_initial_values_of_blif():
    circuit = loads(BLIF, ".blif", registers="unroll", cycles=3)
    assert circuit.input_names == ("a@0", "clk@0", "r@0", "a@1", "clk@1", "a@2", "clk@2")
    expected = parse(
        "y@0 = a0; z@0 = ~r0; y@1 = a1 & a0; z@1 = 1; y@2 = a2 & a1; z@2 = 0".replace("@", "_"),
        inputs=["a0", "c0", "r0", "a1", "c1", "a2", "c2"],
    )
    assert circuit.output_names == ("y@0", "z@0", "y@1", "z@1", "y@2", "z@2")
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)


def test_resets_of_aiger():
    text = "aag 4 1 3 3 0\n2\n4 2\n6 2 1\n8 2 8\n4\n6\n8\ni0 a\nl0 p\nl1 q\nl2 r\no0 x\no1 y\no2 z\n"
    circuit = loads(text, ".aag", registers="unroll", cycles=2)
    assert circuit.input_names == ("a@0", "r@0", "a@1")
    expected = parse("x0 = 0; y0 = 1; z0 = r; x1 = a; y1 = a; z1 = a", inputs=["a", "r", "b"])
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)


def test_bench_has_no_initial_values(iscas89):
    path = iscas89 / "s27.bench"
    circuit = read(path, registers="unroll", cycles=4)
    assert isinstance(equivalent(circuit, unroll(read(path, registers="cut"), 4)), Equivalent)
    assert circuit.input_names[:7] == ("G0@0", "G1@0", "G2@0", "G3@0", "G5@0", "G6@0", "G7@0")


def test_without_registers_the_cycles_are_copies():
    circuit = loads("INPUT(a)\nOUTPUT(y)\ny = NOT(a)\n", ".bench", registers="unroll", cycles=2)
    assert (circuit.input_names, circuit.output_names) == (("a@0", "a@1"), ("y@0", "y@1"))


@pytest.mark.skipif(shutil.which("berkeley-abc") is None, reason="needs berkeley-abc")
@pytest.mark.parametrize("format", ["blif", "aiger"])
def test_files_that_abc_wrote(iscas89, tmp_path, format):
    commands = f"read_bench {iscas89}/s298.bench; strash; zero; write_blif s.blif; write_aiger s.aig"
    commands += "; frames -F 5 -i; write_bench -l frames.bench"
    subprocess.run(["berkeley-abc", "-c", commands], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    path = tmp_path / ("s.blif" if format == "blif" else "s.aig")
    circuit = read(path, registers="unroll", cycles=5)
    assert isinstance(equivalent(circuit, read(tmp_path / "frames.bench"), by="position"), Equivalent)


@pytest.mark.parametrize(
    ("format", "text"), [(".blif", BLIF), (".bench", "INPUT(a)\nOUTPUT(a)\n"), (".aag", "aag 0 0 0 1 0\n0\n")]
)
def test_errors(error, format, text):
    message = 'loads: registers="unroll" takes cycles=, how many of them.'
    assert error(ValueError, loads, text, format, registers="unroll") == message
    message = "loads: cycles goes with registers=\"unroll\", got registers='cut'."
    assert error(ValueError, loads, text, format, registers="cut", cycles=2) == message
    message = "loads: expected cycles to be at least 1, got 0."
    assert error(ValueError, loads, text, format, registers="unroll", cycles=0) == message
    message = "loads: expected registers to be 'refuse', 'cut' or 'unroll', got 'keep'."
    assert error(ValueError, loads, text, format, registers="keep") == message


def test_a_register_that_cannot_be_cut(error):
    text = "INPUT(q_next)\nOUTPUT(q)\nq = DFF(q_next)\n"
    message = "bench:3: register 'q' would be cut into an output 'q_next', which is there already"
    assert error(ParseError, loads, text, ".bench", registers="unroll", cycles=2) == message
