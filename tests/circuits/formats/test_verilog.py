import re
import shutil
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from circuits import Circuit, ParseError, parse, read
from circuits.formats import blif
from circuits.formats.renaming import renamed
from circuits.formats.verilog import dumps, loads
from circuits.gates import AND, NAND, NOR, NOT, XNOR, XOR

C17 = """\
// c17, as the ISCAS-85 netlists have it
module c17 (N1,N2,N3,N6,N7,N22,N23);

input N1,N2,N3,N6,N7;
output N22,N23;
wire N10,N11,N16,N19;

nand NAND2_1 (N10, N1, N3);
nand NAND2_2 (N11, N3, N6);
nand NAND2_3 (N16, N2, N11);
nand NAND2_4 (N19, N11, N7);
nand NAND2_5 (N22, N10, N16);
nand NAND2_6 (N23, N16, N19);

endmodule"""
# Inputs, outputs and ANDs, as the EPFL benchmarks publish them. An output that is a constant or a copy is a gate too.
EPFL = {
    "adder": (256, 129, 1020),
    "cavlc": (10, 11, 693),
    "ctrl": (7, 26, 174 + 1),
    "int2float": (11, 7, 260),
    "router": (60, 30, 257),
}


@pytest.fixture(scope="session")
def table(reference, all_rows):
    """The truth table of a text: output name -> zeros and ones, rows in the order of its inputs."""

    def of(text):
        circuit = loads(text)
        columns = reference(circuit, all_rows(circuit.n_inputs)).T.astype(int).tolist()
        return dict(zip(circuit.output_names, columns, strict=True))

    return of


@pytest.fixture(scope="session")
def numbers(reference, all_rows):
    """What a module makes of numbers: all values of inputs `a` and `b`, of some widths, in; the value of `y` out."""

    def of(body, widths, y):
        ports = ", ".join(f"input [{n - 1}:0] {name}" for name, n in zip("abc", widths, strict=False))
        circuit = loads(f"module m ({ports}, output [{y - 1}:0] y);\n{body}\nendmodule")
        rows = all_rows(sum(widths))
        places = np.split(np.arange(sum(widths)), np.cumsum(widths)[:-1])
        values = [(rows[:, at] @ (1 << np.arange(len(at)))).tolist() for at in places]
        return list(zip(*values, strict=True)), (reference(circuit, rows) @ (1 << np.arange(y))).tolist()

    return of


@pytest.fixture(scope="session")
def epfl(iscas85):
    """The folder with the EPFL benchmarks; they are no part of the repository."""
    folder = iscas85.parents[1] / "epfl"
    if not folder.is_dir():
        pytest.skip(f"needs the EPFL benchmarks in {folder}; JAXNET_DATA names another data folder")
    return folder


@pytest.fixture(scope="session")
def abc():
    """Runs commands of ABC; returns what it prints."""
    program = shutil.which("berkeley-abc") or shutil.which("abc")
    if program is None:
        pytest.skip("needs ABC, as berkeley-abc or abc")
    return lambda commands: subprocess.run([program, "-q", commands], capture_output=True, text=True, check=True).stdout


def module(body, ports="input a, input b, input c, output y"):
    return f"module m ({ports});\n{body}\nendmodule\n"


def test_c17(reference, all_rows):
    circuit = loads(C17)
    assert circuit.input_names == ("N1", "N2", "N3", "N6", "N7")
    assert circuit.output_names == ("N22", "N23")
    assert circuit.tables.tolist() == [NAND] * 6

    def by_hand(x1, x2, x3, x6, x7):
        n11 = not (x3 and x6)
        n16 = not (x2 and n11)
        return [not (not (x1 and x3) and n16), not (n16 and not (n11 and x7))]

    assert reference(circuit, all_rows(5)).tolist() == [by_hand(*row) for row in all_rows(5)]


def test_c17_cut_off_at_any_byte_is_an_error():
    for cut in range(len(C17)):
        with pytest.raises(ParseError):
            loads(C17[:cut])


FOLDS = {
    "and": all,
    "or": any,
    "xor": lambda bits: sum(bits) % 2 == 1,
    "nand": lambda bits: not all(bits),
    "nor": lambda bits: not any(bits),
    "xnor": lambda bits: sum(bits) % 2 == 0,
}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", FOLDS)
def test_gates_of_many_nets(kind, n, table):
    nets = [f"x{i}" for i in range(n)]
    text = module(f"{kind} (y, {', '.join(nets)});", f"input {', '.join(nets)}, output y")
    assert table(text) == {"y": [int(FOLDS[kind]([row >> i & 1 for i in range(n)])) for row in range(2**n)]}
    assert loads(text).n_gates == max(1, n - 1)


@pytest.mark.parametrize(
    "body",
    [
        "nand g (y, a, b);",
        "nand (y, a, b);",
        "nand \\g[0] (y, a, b), g2 (z, a, c);",
        "and g (t, a, b); not (y, t);",
        "wire t; not (y, t); and g (t, a, b);",
        "wire t; assign y = ~t, t = a & b;",
        "assign t = a & b; not (y, t);",
        "wire t = a & b, u = ~t; buf (v, y, u);",
        "nand (y, ~(~a), b);",
        "assign y = ~(a & b);",
        "assign y = !(a && b);",
        "assign y = ~a | ~b;",
        "assign y = a ? ~b : 1'b1;",
        "assign y = ~& {a, b};",
        "assign y = {a, b} != 2'b11;",
        "assign y = a & (a ~^ b) ? 1'h1 & ~b : 1'd1;",
        "assign {y} = ~(a & b);",
        "assign \\y = ~(\\a & b);",
        "wire t; wire [0:0] u; assign {t, u} = {a, b}; nand (y, t, u[0]);",
        '(* keep = "*)" *) nand /* ( // */ g // )\n (y, (* n *) a, b);',
        "\t assign\ty\n=~(\ra&b)\r\n;",
        "`celldefine\n`timescale 1ns / 100 ps\n`default_nettype none\n assign y = ~(a & b);\n`endcelldefine `resetall",
    ],
)
def test_ways_to_write_a_nand(body, table):
    assert table(module(body)) == {"y": [1, 1, 1, 0] * 2}


@pytest.mark.parametrize(
    "ports",
    [
        "(a, b, y); input a, b; output y;",
        "(a, b, y); output wire y; input a; input wire b;",
        "(a, b, y); input a; output y; wire a, y; input b; wire b;",
        "(input a, b, output y);",
        "(input wire a, input b, output wire y);",
        "(input a, input b, output y); wire y;",
    ],
)
def test_ways_to_declare_ports(ports):
    circuit = loads(f"module m {ports} xor (y, a, b); endmodule")
    assert (circuit.input_names, circuit.output_names, circuit.tables.tolist()) == (("a", "b"), ("y",), [XOR])


def test_ports_come_in_the_order_of_the_header_and_the_lowest_bit_first():
    circuit = loads(
        "module m (y, c, b, a, z); input a; input [2:0] b; input [4:5] c; output [0:1] y; output [-1:-2] z;"
        "assign y = c, z = {a, b[2]}; endmodule"
    )
    assert circuit.input_names == ("c[5]", "c[4]", "b[0]", "b[1]", "b[2]", "a")
    assert circuit.output_names == ("y[1]", "y[0]", "z[-2]", "z[-1]")
    # c[4], at the left of its bounds, goes to y[0], at the left of its own.
    assert circuit.fan_ins[circuit.outputs - circuit.n_inputs - 1, 0].tolist() == [1, 2, 5, 6]


# From an expression to what Python makes of the same numbers: IEEE 1364-2005, clause 5.1.
PRECEDENCE = [
    ("a | b & c", lambda a, b, c: a | (b & c)),
    ("a ^ b & c", lambda a, b, c: a ^ (b & c)),
    ("a | b ^ c", lambda a, b, c: a | (b ^ c)),
    ("a & b ^ c", lambda a, b, c: (a & b) ^ c),
    ("a ~^ b | c", lambda a, b, c: (a ^ b ^ 3) | c),
    ("a ^~ b & c", lambda a, b, c: a ^ (b & c) ^ 3),
    ("a ^ ~b & ~c", lambda a, b, c: a ^ ((b ^ 3) & (c ^ 3))),
    ("~a & b", lambda a, b, c: (a ^ 3) & b),
    ("~(a & b) | c", lambda a, b, c: ((a & b) ^ 3) | c),
    ("{2{1'b1}}", lambda a, b, c: 3),
    ("{1'b0, a & b == c}", lambda a, b, c: a & (b == c)),
    ("{1'b0, b == c & |a}", lambda a, b, c: b == c and a != 0),
    ("{1'b0, a == b ^ c == b}", lambda a, b, c: (a == b) != (c == b)),
    ("{1'b0, a != b | a != c}", lambda a, b, c: a != b or a != c),
    ("{1'b0, a == b || a == c && b == c}", lambda a, b, c: a == b or (a == c and b == c)),
    ("{1'b0, a == b && a != c | b == c}", lambda a, b, c: a == b and (a != c or b == c)),
    ("{1'b0, ^a ^ |b ^ &c}", lambda a, b, c: (a in (1, 2)) ^ (b > 0) ^ (c == 3)),
    ("{~^a, ~|b}", lambda a, b, c: 2 * (a in (0, 3)) + (b == 0)),
    ("{!a[1], ~&c}", lambda a, b, c: 2 * (a < 2) + (c < 3)),
    ("a == b ? b : c", lambda a, b, c: b if a == b else c),
    ("a[0] ? a : b[0] ? b : c", lambda a, b, c: a if a & 1 else b if b & 1 else c),
    ("a[0] ? b[0] ? a : b : c", lambda a, b, c: (a if b & 1 else b) if a & 1 else c),
    ("a[0] | b[0] ? a | b : b & c", lambda a, b, c: a | b if (a | b) & 1 else b & c),
    ("(a[0] ? b : c) ^ {a[0], {b[1]}}", lambda a, b, c: (b if a & 1 else c) ^ (2 * (a & 1) + (b >> 1))),
    ("2'b1_0 ^ a ^ 2'd1 ^ 2 'h 2 ^ 2'O0 ^ 2'B1", lambda a, b, c: a),
    ("{a[0:0], a[1:1]} & 2'b1", lambda a, b, c: a >> 1),
]


@pytest.mark.parametrize(("text", "expected"), PRECEDENCE)
def test_expressions_mean_what_the_standard_says(text, expected, numbers):
    rows, got = numbers(f"assign y = {text};", (2, 2, 2), 2)
    assert got == [int(expected(*row)) for row in rows]


def test_an_operator_is_a_gate_a_bit_and_inverters_are_part_of_gates():
    def tables(text):
        return loads(module(f"assign y = {text};")).tables.tolist()

    assert tables("~(a | b)") == [NOR]
    assert tables("~a & ~b") == [NOR]
    assert tables("~a ^ b") == [XNOR]
    assert tables("a & ~b") == [0b0010]
    assert tables("~a | b") == [0b1101]
    assert tables("~a") == [NOT]
    assert tables("(a & b) ^ ~(b & c)") == [AND, NAND, XOR]
    assert len(tables("a ? b : c")) == 3
    assert (
        loads("module m (input [7:0] a, b, output [7:0] y); assign y = ~(a ^ b); endmodule").tables.tolist()
        == [XNOR] * 8
    )


def test_a_carry_chain_within_one_vector(numbers):
    # Each bit of `carry` reads the one below: a loop of the vector, and none of its bits.
    body = """
      wire [4:0] carry;
      assign carry = {(a & b) | ((a ^ b) & carry[3:0]), 1'b0};
      assign y = {carry[4], a ^ b ^ carry[3:0]};
    """
    rows, got = numbers(body, (4, 4), 5)
    assert got == [a + b for a, b in rows]


# Writing.


def test_the_text_that_is_written():
    circuit = parse("y = ~(a[0] & b); z = y; and_ = a[0]; t = 1", inputs=["a[0]", "b"])
    assert dumps(circuit, "top.1") == (
        "module \\top.1  (\n  \\a[0] ,\n  b,\n  y,\n  z,\n  and_,\n  t\n);\n"
        "  input \\a[0] ;\n  input b;\n  output y;\n  output z;\n  output and_;\n  output t;\n"
        "  wire n3;\n"
        "  assign n3 = \\a[0]  & b;\n  assign y = ~n3;\n  assign t = 1'b1;\n"
        "  assign z = y;\n  assign and_ = \\a[0] ;\nendmodule\n"
    )


@pytest.mark.parametrize("seed", range(20))
def test_random_circuits_come_back(seed, random_circuit, reference, all_rows):
    circuit = random_circuit(seed)
    names = ["x[0]", "and", "\\", "a,b", "n7"], ["bit", "y", "//"]
    circuit = Circuit(names[0], circuit.fan_ins, circuit.tables, circuit.outputs, names[1])
    back = loads(dumps(circuit))
    assert (back.input_names, back.output_names) == (circuit.input_names, circuit.output_names)
    rows = all_rows(5)
    np.testing.assert_array_equal(reference(back, rows), reference(circuit, rows))


@pytest.mark.parametrize("name", ["and", "end", "bit", "logic", "0", "a$", "$a", "a.b", "_", "a-b"])
def test_names_that_are_escaped(name):
    circuit = Circuit([name], [], [], [1], ["y"])
    assert loads(dumps(circuit, name)).input_names == (name,)
    # As the standards have it: keywords of Verilog and of SystemVerilog, and what does not look like a name.
    assert (f"input {name};" in dumps(circuit)) == (name in ("a$", "_"))


def test_every_gate_comes_back_as_one_gate():
    for table in (0b0001, 0b0010, 0b0100, 0b0110, 0b0111, 0b1000, 0b1001, 0b1011, 0b1101, 0b1110):
        circuit = Circuit(["a", "b"], [[1, 2]], [table], [3], ["y"])
        back = loads(dumps(circuit))
        assert (back.fan_ins.tolist(), back.tables.tolist()) == ([[1, 2]], [table])


@pytest.mark.parametrize("name", ["a b", "é", "a\n", "\x7f"])
def test_a_name_that_cannot_be_written_is_refused(name, error):
    message = f"dumps: .v cannot hold the name {name!r}. Rename it."
    assert error(ValueError, dumps, Circuit([name], [], [], [1], ["y"])) == message
    message = f"dumps: .v cannot hold the name {name!r} of the module. Rename it."
    assert error(ValueError, dumps, Circuit(["a"], [], [], [1], ["y"]), name) == message


def test_an_output_that_is_an_input_is_refused(error):
    message = "dumps: .v cannot hold output 'a', which has the name of an input. Rename it."
    assert error(ValueError, dumps, Circuit(["a"], [], [], [1], ["a"])) == message


# Files of others.


@pytest.mark.parametrize(("name", "counts"), EPFL.items())
def test_the_published_counts(name, counts, epfl):
    circuit = loads((epfl / "v" / f"{name}.v").read_text())
    assert (circuit.n_inputs, circuit.n_outputs, circuit.n_gates) == counts


def test_the_epfl_adder_adds(epfl, reference):
    circuit = loads((epfl / "v" / "adder.v").read_text())
    assert (circuit.input_names[0], circuit.input_names[128], circuit.output_names[-1]) == ("a[0]", "b[0]", "cOut")
    x = np.random.default_rng(0).integers(0, 2, (200, 256)).astype(bool)
    number = lambda bits: sum(int(bit) << i for i, bit in enumerate(bits))  # noqa: E731
    for row, y in zip(x, reference(circuit, x), strict=True):
        assert number(y) == number(row[:128]) + number(row[128:])


@pytest.mark.parametrize("name", EPFL)
def test_the_epfl_circuits_are_proved_equal_to_their_and_inverter_graphs(name, epfl, abc, tmp_path):
    ours = tmp_path / "ours.v"
    ours.write_text(dumps(loads((epfl / "v" / f"{name}.v").read_text())))
    assert "Networks are equivalent" in abc(f"cec {ours} {epfl / 'aig' / name}.aig")


@pytest.mark.parametrize("name", ["c17", "c432", "c880"])
def test_the_iscas_circuits_are_those_of_the_bench_files(name, iscas85, reference):
    ours = loads((iscas85.parent / "verilog" / f"{name}.v").read_text())
    other = read(iscas85 / f"{name}.bench")
    assert set(ours.input_names) == {f"N{net}" for net in other.input_names}
    x = np.random.default_rng(0).integers(0, 2, (2000, other.n_inputs)).astype(bool)
    places = [other.input_names.index(net[1:]) for net in ours.input_names]
    expected = reference(other, x)[:, [other.output_names.index(net[1:]) for net in ours.output_names]]
    np.testing.assert_array_equal(reference(ours, x[:, places]), expected)


def test_abc_reads_what_is_written_and_the_other_way(abc, random_circuit, reference, all_rows, tmp_path):
    theirs, rows = tmp_path / "theirs.v", all_rows(5)
    for seed in range(3):
        circuit = random_circuit(seed)
        circuit = Circuit(
            [f"x[{i}]" for i in range(5)], circuit.fan_ins, circuit.tables, circuit.outputs, ["y", "a.b", "_"]
        )
        (tmp_path / "ours.v").write_text(dumps(circuit))
        abc(f"read_verilog {tmp_path / 'ours.v'}; strash; write_verilog {theirs}")
        back = loads(theirs.read_text())
        assert (back.input_names, back.output_names) == (circuit.input_names, circuit.output_names)
        np.testing.assert_array_equal(reference(back, rows), reference(circuit, rows))


# Anything at all.

WHOLE = module(
    """  wire [3:0] t; // a comment
  wire u = a ^ b, \\v[0] ;
  assign {t[3:2], t[1:0]} = c ? 4'hA : {a, ~b, u, 1'b1} & {\\v[0] , {a, b}, c};
  nand g1 (\\v[0] , a, b), (y, t[0], w);
  not (w, z, t[3]); (* keep *)
  assign x = &t | t == 4'd3 && !a;""",
    "input a, b, c, output y, output [0:0] x",
)
OTHERS = """
module p #(parameter N = 2, M = 1) (input [N-1:0] a, input signed [1:0] s, output [M:0] y, output reg q);
  supply1 one; localparam K = N * 2 - 1; reg r = 1'bx;
  assign y = s < $signed(a) ? {2{a[0]}} : a + K - (s >>> 1);
  wire n = a == 'h3; always @(posedge one or posedge n) if (n) q <= 1'b0; else begin q <= #1 ~q; r <= q & y[0]; end
endmodule
`define X x
module `X (clk, a, {b, c}, .z(t[1:0]), w); input clk, a, b, c; output [2:0] t; output w;
  p #(.N(2)) u (.a({b, c}), .s(a), .y(t[1:0]), .q()), v ({2{a}}, 2'sb10, , w);
  dff f (clk, t[2], i); \\$_MUX_ g (.A(a), .B(b), .S(t[0]), .Y(i)); defparam v.M = 1;
`ifdef X
endmodule
`endif
"""
TOKENS = [re.findall(r"\\\S+ |\w+|\s+|.", text) for text in (WHOLE, OTHERS)]
WORDS = re.findall(
    r"\S+",
    "( ) [ ] { } ; , ? : ~ & | ^ = - . # \" \\ ` && == assign wire input output and endmodule 4'bx 7 // /* (*"
    " reg always posedge begin end if else <= module p x defparam parameter `ifdef `endif + << 1'sb1 supply0 \\$lut ",
)
CHOICES = {"registers": "cut", "undriven": "input", "dont_cares": 1}


@settings(max_examples=300)
@given(
    which=st.integers(0, 1),
    edits=st.lists(
        st.tuples(st.sampled_from("rdismc"), st.integers(0, 2000), st.integers(0, 2000)), min_size=0, max_size=4
    ),
)
def test_whatever_is_accepted_comes_back(which, edits, reference, all_rows):
    tokens = list(TOKENS[which])
    for kind, place, number in edits:
        place, other = place % len(tokens), number % len(tokens)
        match kind:
            case "r":
                tokens[place] = WORDS[number % len(WORDS)]
            case "d":
                tokens[place] = ""
            case "i":
                tokens[place] += WORDS[number % len(WORDS)]
            case "s":
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case "m":
                tokens[place] = tokens[other]
            case "c":
                tokens[place] = chr(number % 256) + tokens[place][1:]
    try:
        circuit = loads("".join(tokens), **CHOICES)
    except ParseError:
        return
    if {*circuit.input_names} & {*circuit.output_names}:  # a register that is shown
        outputs = [f"{name} out" for name in circuit.output_names]
        circuit = Circuit(circuit.input_names, circuit.fan_ins, circuit.tables, circuit.outputs, outputs)
        back = blif.loads(blif.dumps(renamed(circuit, str.isidentifier)[0]))
    else:
        back = loads(dumps(circuit))
        assert (back.input_names, back.output_names) == (circuit.input_names, circuit.output_names)
    rows = all_rows(min(circuit.n_inputs, 12))
    rows = np.pad(rows, ((0, 0), (0, circuit.n_inputs - rows.shape[1])))
    np.testing.assert_array_equal(reference(back, rows), reference(circuit, rows))


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_text_is_an_error_of_its_own(text):
    with pytest.raises(ParseError, match=r"^verilog:"):
        loads(text)
    with pytest.raises(ParseError, match=r"^verilog:"):
        loads(f"module m (input a, output y); assign y = a; {text or ';'}")
