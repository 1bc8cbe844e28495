"""Expressions of Verilog with widths and signs of all kinds, against the simulator iverilog."""

import random
import shutil
import subprocess

import numpy as np
import pytest

from circuits import ParseError
from circuits.formats.verilog import loads

NAMES = {"a": 3, "b": 2, "c": 1, "s": 3, "t": 2}  # s and t are signed
PORTS = "input [2:0] a, input [1:0] b, input c, input signed [2:0] s, input signed [1:0] t"
BINARY = ["&", "|", "^", "~^", "+", "-", "*", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "<<", ">>", "<<<", ">>>"]
UNARY = ["~", "!", "-", "+", "&", "|", "^", "~&", "~|", "~^"]
LEAVES = [
    *NAMES,
    *"abcst",
    "a[1]",
    "a[2:1]",
    "s[1:0]",
    "s[0]",
    "b[0+:2]",
    "1",
    "0",
    "-1",
    "3",
    "4'b1010",
    "2'sb10",
    "5'd9",
]
LEAVES += ["3'sd3", "1'b1", "'hf", "'sd2", "P", "Q"]


def expression(chance, depth):
    """A random expression, and always with parentheses, so that `& &a` is no `&&a`."""
    kind = chance.random()
    inner = lambda: expression(chance, depth - 1)  # noqa: E731
    if depth == 0 or kind < 0.15:
        return chance.choice(LEAVES)
    if kind < 0.3:
        return f"({chance.choice(UNARY)}({inner()}))"
    if kind < 0.75:
        return f"(({inner()}) {chance.choice(BINARY)} ({inner()}))"
    if kind < 0.83:
        return f"(({inner()}) ? ({inner()}) : ({inner()}))"
    part = chance.choice(["{{{}, {}}}", "{{{}}}", "{{2{{{}}}}}", "{{3{{{}}}}}", "$signed({})", "$unsigned({})"])
    # An unsized constant must not stand within braces.
    sized = [f"({chance.choice(['a', 's', 'b[1]', '3'])} == {inner()})", "a", "s[1:0]", "4'b1010", f"(|({inner()}))"]
    return part.format(chance.choice(sized), chance.choice(sized))


def module(expressions, widths):
    outputs = ", ".join(f"output {'signed ' * (i % 3 == 0)}[{n - 1}:0] y{i}" for i, n in enumerate(widths))
    assigns = "\n".join(f"  assign y{i} = {text};" for i, text in enumerate(expressions))
    constants = "  parameter P = 5;\n  localparam signed [2:0] Q = -3;\n"
    return f"module m ({PORTS}, {outputs});\n{constants}{assigns}\nendmodule\n"


def simulated(text, widths, folder):
    """The values of all outputs, lowest bit first, for all rows of the inputs."""
    inputs = "{t, s, c, b, a}"  # a has the lowest bits
    outputs = "{" + ", ".join(f"y{i}" for i in reversed(range(len(widths)))) + "}"
    declared = "reg [2:0] a; reg [1:0] b; reg c; reg signed [2:0] s; reg signed [1:0] t; integer row;\n"
    declared += "".join(f"wire [{n - 1}:0] y{i};\n" for i, n in enumerate(widths))
    ports = ", ".join(f".{name}({name})" for name in [*NAMES, *(f"y{i}" for i in range(len(widths)))])
    bench = f"module bench; {declared} m u ({ports});\n initial for (row = 0; row < 2048; row = row + 1) begin\n"
    bench += f'  {inputs} = row; #1 $display("%b", {outputs}); end\nendmodule\n'
    (folder / "m.v").write_text(text + bench)
    run = lambda *command: subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=120)  # noqa: E731
    run("iverilog", "-g2005", "-o", "m.out", "m.v")
    lines = run("vvp", "-n", "m.out").stdout.split()
    return np.array([[character == "1" for character in line[::-1]] for line in lines])


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs iverilog")
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 40))])
def test_random_expressions_mean_what_a_simulator_makes_of_them(seed, tmp_path, reference, all_rows):
    chance = random.Random(seed)
    expressions = [expression(chance, 3) for _ in range(60)]
    widths = [chance.choice([1, 2, 3, 4, 6, 9]) for _ in expressions]
    text = module(expressions, widths)
    circuit = loads(text)
    assert circuit.input_names[:4] == ("a[0]", "a[1]", "a[2]", "b[0]")
    got, expected = reference(circuit, all_rows(11)), simulated(text, widths, tmp_path)
    wrong = np.flatnonzero((got != expected).any(axis=0))
    places = np.repeat(np.arange(len(widths)), widths)
    assert not wrong.size, [(widths[i], expressions[i]) for i in np.unique(places[wrong])]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", 63),
        ("3'b101", 5),
        ("3'sb101", 0b111101),
        ("2'd7", 3),
        ("8'hff >> 4", 15),
        ("-8 / 3", 62),
        ("-8 % 3", 62),
        ("8'd200 / 7", 28),
        ("2 ** 5", 32),
        ("-8 >>> 1", 60),
        ("{2'b1, 2'b10}", 6),
        ("{3{2'b01}}", 0b010101),
        ("{1 + 1{3'b1}}", 9),
        ("P * 2", 10),
        ("P[2:1]", 2),
        ("Q", 60),
        ("Q < 0 ? 5 : 6", 5),
        ("3'd1 - 3'd2 > 0", 1),
        ("4'b1_0_1_0 ^ 4 'o 1", 0b1011),
        ("3 === 3", 1),
        ("$unsigned(Q)", 4),
    ],
)  # fmt: skip
def test_constants(text, value, reference):
    body = f"parameter P = 5; localparam signed [2:0] Q = -4; assign y = {text};"
    circuit = loads(f"module m (input a, output [5:0] y);\n{body}\nendmodule")
    assert set(circuit.tables.tolist()) <= {0, 15}
    assert (reference(circuit, np.zeros((1, 1), bool))[0] @ (1 << np.arange(6))).tolist() == value


@pytest.mark.parametrize(("dont_cares", "value"), [(0, 0b1001000), (1, 0b1111101)])
def test_dont_cares_are_what_the_caller_chooses(dont_cares, value, reference, error):
    text = "module m (input a, output [6:0] y); assign y = {1'b1, 2'bx, 1'h1, 3'bx0x | 3'bxx0 & 3'b001}; endmodule"
    got = reference(loads(text, dont_cares=dont_cares), np.zeros((1, 1), bool))[0] @ (1 << np.arange(7))
    assert got == value
    assert error(ParseError, loads, text) == "verilog:1: 'x' in \"2'bx\" is neither 0 nor 1; dont_cares=0 or 1 chooses"
    message = "loads: expected dont_cares to be 'refuse', 0 or 1, got 'x'."
    assert error(ValueError, loads, text, dont_cares="x") == message
