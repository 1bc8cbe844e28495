import re
import shutil
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from circuits import Circuit, ParseError, parse, read
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
    ("{2{1'b1}}", None),
    ("{1'b0, a & b == c}", None),
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
    if expected is None:
        with pytest.raises(ParseError):
            numbers(f"assign y = {text};", (2, 2, 2), 2)
        return
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


def test_one_module_of_several_by_its_name(error):
    text = "module one (input a, output y); buf (y, a); endmodule\nmodule two (output y);\n one u (a, y); endmodule"
    assert loads(text, top="one").n_gates == 1
    message = "verilog: expected one module, found 'one', 'two': name one by top="
    assert error(ParseError, loads, text) == message
    assert error(ParseError, loads, text, top="three") == "verilog: expected a module 'three', found 'one', 'two'"
    assert error(ParseError, loads, text, top="two") == f"verilog:3: {ITEM}'one', an instance of a module{WAY}"
    # What is in other modules is none of our business, @(*) not being the beginning of an attribute.
    other = 'module b; reg r; always @(*) $display("x", 1.5); endmodule\n'
    assert loads(other + text + other.replace("module b", "\nmodule c"), top="one").n_gates == 1


ITEM, WAY = "expected wires, assigns or gates, found ", ". docs/rtl.md has a way"
OPERAND = "expected a net, a constant or an expression, found "
UNDRIVEN = "is driven by nothing: expected input {0} or assign {0} = ..."
UNDRIVEN_BIT = UNDRIVEN.format("t[1]")
ERRORS = [
    # More of Verilog than a netlist, each by its name.
    ("always @(a) y = a;", 2, f"{ITEM}'always', behaviour{WAY}"),
    ("\ninitial y = a;", 3, f"{ITEM}'initial', behaviour{WAY}"),
    ("reg r;", 2, f"{ITEM}'reg', a variable{WAY}"),
    ("integer i;", 2, f"{ITEM}'integer', a variable{WAY}"),
    ("logic r;", 2, f"{ITEM}'logic', a word of SystemVerilog{WAY}"),
    ("always_comb y = a;", 2, f"{ITEM}'always_comb', a word of SystemVerilog{WAY}"),
    ("parameter N = 3;", 2, f"{ITEM}'parameter', for a design to elaborate{WAY}"),
    ("generate endgenerate", 2, f"{ITEM}'generate', for a design to elaborate{WAY}"),
    ("function f; endfunction", 2, f"{ITEM}'function'{WAY}"),
    ("specify endspecify", 2, f"{ITEM}'specify'{WAY}"),
    ("inout a;", 2, f"{ITEM}'inout', a port of both directions{WAY}"),
    ("supply0 g;", 2, f"{ITEM}'supply0', another kind of net{WAY}"),
    ("wand g;", 2, f"{ITEM}'wand', another kind of net{WAY}"),
    ("bufif1 (y, a, b);", 2, f"{ITEM}'bufif1', a gate with a third state{WAY}"),
    ("nmos (y, a, b);", 2, f"{ITEM}'nmos', a switch{WAY}"),
    ("pullup (y);", 2, f"{ITEM}'pullup', a strength{WAY}"),
    ("adder u (y, a, b);", 2, f"{ITEM}'adder', an instance of a module{WAY}"),
    ("\\and u (y, a, b);", 2, f"{ITEM}'and', an instance of a module{WAY}"),
    (";", 2, f"{ITEM}';'{WAY}"),
    ("$display(a);", 2, f"{ITEM}'$display'{WAY}"),
    ('"text"', 2, f"{ITEM}'\"text\"'{WAY}"),
    ("wire signed t;", 2, "expected a name, found 'signed', arithmetic"),
    ("output reg z;", 2, "expected a name, found 'reg', a variable"),
    ("wire #3 t;", 2, "expected a name, found '#', a delay or a parameter"),
    ("wire (strong0, weak1) t = a;", 2, "expected a name, found '('"),
    ("wire t [0:3];", 2, "expected , or ; after 't', found '['"),
    ("wire t u;", 2, "expected , or ; after 't', found 'u'"),
    ("wire ;", 2, "expected a name, found ';'"),
    ("wire t,;", 2, "expected a name, found ';'"),
    ("and #2 (y, a, b);", 2, "expected nets in parentheses for 'and', found '#', a delay or a parameter"),
    ("and (strong0, strong1) g (y, a, b);", 2, "expected nets in parentheses, found 'strong0', a strength"),
    ("and g[3:0] (y, a, b);", 2, "expected nets in parentheses for 'and', found '['"),
    ("and g;", 2, "expected nets in parentheses for 'and', found ';'"),
    ("and (y, a, b) (z, a, b);", 2, "unexpected ')': no '(' is open here"),
    ("and ();", 2, "expected nets in parentheses for 'and', found ';'"),
    ("and (y);", 2, "'and' takes an output and inputs, found one net"),
    ("and (y, a,);", 2, f"{OPERAND}')'"),
    ("and (y, .in(a));", 2, f"{OPERAND}'.'"),
    ("not (y);", 2, "'not' takes an output and inputs, found one net"),
    ("assign #1 y = a;", 2, "expected a net, a part of one, or nets in {} on the left side, found '#'"),
    ("assign (strong0, pull1) y = a;", 2, "expected net = value after assign, found '('"),
    ("assign y;", 2, "expected net = value after assign, found 'y'"),
    ("assign ;", 2, "expected net = value after assign, found ';'"),
    ("assign ~y = a;", 2, "expected a net, a part of one, or nets in {} on the left side, found '~'"),
    ("assign (y) = a;", 2, "expected a net, a part of one, or nets in {} on the left side, found '('"),
    ("assign y <= a;", 2, "expected net = value after assign, found 'y'"),
    ("assign y = a\nassign t = b;", 3, "expected an operator or the end, found 'assign'"),
    ("assign y = a", 2, "this 'assign' has no ; at its end"),
    ("assign y = a + b;", 2, "expected an operator or the end, found '+', which is not read"),
    ("assign y = a < b;", 2, "expected an operator or the end, found '<', which is not read"),
    ("assign y = a << b;", 2, "expected an operator or the end, found '<<', which is not read"),
    ("assign y = a === b;", 2, "expected an operator or the end, found '===', which is not read"),
    ("assign y = a ~& b;", 2, "expected an operator or the end, found '~&'"),
    ("assign y = a b;", 2, "expected an operator or the end, found 'b'"),
    ("assign y = a && & b |;", 2, f"{OPERAND}';'"),
    ("assign y = ;", 2, f"{OPERAND}';'"),
    ("assign y = ();", 2, f"{OPERAND}')'"),
    ("assign y = {};", 2, f"{OPERAND}'}}'"),
    ("assign y = -a;", 2, f"{OPERAND}'-'"),
    ("assign y = (a & b;", 2, "this '(' is never closed"),
    ("assign y = {a;", 2, "this '{' is never closed"),
    ("assign y = a ? b;", 2, "this '?' is never closed"),
    ("assign y = a : b;", 2, "unexpected ':': no '?' is open here"),
    ("assign y = a ? b : c : a;", 2, "unexpected ':': no '?' is open here"),
    ("assign y = (a ? b) : c;", 2, "unexpected ')': no '(' is open here"),
    ("assign y = (a, b);", 2, "unexpected ',': no '{' is open here"),
    ("assign y = a);", 2, "unexpected ')': no '(' is open here"),
    ("assign y = f(a);", 2, "net 'f' is not declared"),
    ("assign y = t; wire u;", 2, "net 't' is not declared"),
    ("assign y = 0;", 2, "unexpected '0': a constant needs its width, as in 1'b0"),
    ("assign y = {2{a}};", 2, "unexpected '2': replication is not read"),
    ("assign y = 'b0;", 2, "a constant needs its width, as in 1'b0, found \"'b0\""),
    ("assign y = 1'sb0;", 2, "expected a constant such as 4'b0101 or 4'hA, found \"1'sb0\""),
    ("assign y = 1'q0;", 2, "expected a constant such as 4'b0101 or 4'hA, found \"1'q0\""),
    ("assign y = 1'bx;", 2, "'x' in \"1'bx\" is neither 0 nor 1"),
    ("assign y = 1'hZ;", 2, "'z' in \"1'hZ\" is neither 0 nor 1"),
    ("assign y = 1'b2;", 2, "expected digits of 01 in \"1'b2\""),
    ("assign y = 1'b;", 2, "expected digits of 01 in \"1'b\""),
    ("assign y = 1'd2;", 2, "\"1'd2\" has more than 1 bits"),
    ("assign y = 99999'd2;", 2, "a constant has at most 65536 bits, found \"99999'd2\""),
    # Widths are never made to fit.
    ("wire [1:0] t; assign y = t;", 2, "expected one width on both sides of =, found 1 and 2 bits"),
    ("wire [1:0] t = a;", 2, "expected one width on both sides of =, found 2 and 1 bits"),
    ("wire [1:0] t; assign y = t & a;", 2, "'&' takes operands of one width, found 2 and 1 bits"),
    ("wire [1:0] t; assign y = t == a;", 2, "'==' takes operands of one width, found 2 and 1 bits"),
    ("wire [1:0] t; assign y = a && t;", 2, "'&&' takes operands of one bit, found 1 and 2 bits"),
    ("wire [1:0] t; assign y = !t;", 2, "'!' takes operands of one bit, found 2 bits"),
    ("wire [1:0] t; assign y = t ? a : b;", 2, "the condition before '?' has one bit, found 2"),
    ("wire [1:0] t; assign y = a ? t : b;", 2, "'?:' takes operands of one width, found 2 and 1 bits"),
    ("wire [1:0] t; and (y, a, t);", 2, "expected one bit, found 2"),
    ("wire [1:0] t; and (t, a, b);", 2, "expected one bit, found 2"),
    # Vectors.
    ("wire [3:0] t; assign y = t[4];", 2, "t[4] is outside [3:0]"),
    ("wire [3:1] t; assign y = t[0];", 2, "t[0] is outside [3:1]"),
    ("wire [3:0] t; assign y = t[0:1];", 2, "t[0:1] runs against its declaration, [3:0]"),
    ("wire [3:0] t; assign y = t[a];", 2, "expected a plain number below 2^31, found 'a'"),
    ("wire [3:0] t; assign y = t[1'b0];", 2, "expected a plain number below 2^31, found \"1'b0\""),
    ("wire [3:0] t; assign y = t[0+:1];", 2, "expected [number] or [number:number], found '+'"),
    ("wire [3:0] t; assign y = t[0;", 2, "expected [number] or [number:number], found ';'"),
    ("wire [3:0] t; assign y = t[0][0];", 2, "expected an operator or the end, found '['"),
    ("assign y = a[0];", 2, "'a' has one bit and no index, found one"),
    ("wire [N:0] t;", 2, "expected a plain number below 2^31, found 'N'"),
    ("wire [3] t;", 2, "expected the bounds [number:number] of a vector, found [3]"),
    ("wire [65536:0] t;", 2, "a vector has at most 65536 bits, found [65536:0]"),
    ("wire [2147483648:0] t;", 2, "expected a plain number below 2^31, found '2147483648'"),
    ("wire [3:0] t; wire \\t[2] ;", 2, "net 't[2]' has the name of a bit of vector 't': rename one"),
    # Declarations.
    ("wire t;\nwire t;", 3, "'t' is declared twice: here and in line 2"),
    ("input a;", 2, "'a' is declared twice: here and in line 1"),
    ("input d;", 2, "input 'd' is not among the ports of the module"),
    ("wire [1:0] a;", 2, "'a' is declared as one bit and as [1:0]"),
    # Nets.
    ("assign y = a;\nassign y = b;", 3, "net 'y' is driven twice: here and in line 2"),
    ("assign y = a;\nassign b = a;", 3, "net 'b' is driven twice: here and in line 1"),
    ("", 1, f"net 'y' of output y {UNDRIVEN.format('y')}"),
    ("wire t; assign y = t;", 2, f"net 't', an input of gate 'y', {UNDRIVEN.format('t')}"),
    ("and (y, a, t);", 2, f"net 't', an input of gate 'y', {UNDRIVEN.format('t')}"),
    ("wire [1:0] t; buf (t[0], a);\nassign y = &t;", 3, f"net 't[1]', an input of gate 'y', {UNDRIVEN_BIT}"),
    ("assign y = a & y;", 2, "net 'y' depends on itself: y <- y; expected no cycles"),
    ("assign y = a^~(b|y);", 2, "net '| at 2:17' depends on itself: | at 2:17 <- y <- | at 2:17; expected no cycles"),
    # Text.
    ("`include \"x.v\"", 2, "directive or macro '`include' is not read: run a preprocessor first"),
    ("assign y = `ONE;", 2, "directive or macro '`ONE' is not read: run a preprocessor first"),
    ("`default_nettype wand", 2, "directive or macro '`default_nettype' is not read: run a preprocessor first"),
    ("/* assign y = a;", 2, "this comment /* is never closed"),
    ("(* keep assign y = a;", 2, "this attribute (* is never closed"),
    ("assign y = \N{LATIN SMALL LETTER E WITH ACUTE};", 2, "expected Verilog, found 'é'"),
    ('wire "t', 2, "expected a string that ends in its line, found '\"'"),
    ("wire \\", 2, "expected a name and a space after it, found '\\\\'"),
    ("module n;", 2, "expected endmodule, found 'module'"),
    ("endmodule wire t;", 2, "expected module, found 'wire'"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "line", "message"), ERRORS)
def test_errors_say_the_line_and_what(body, line, message, error):
    text = module(body)
    assert error(ParseError, loads, text) == f"verilog:{line}: {message}"
    assert error(ParseError, loads, text.replace("\n", "\r\n"), source="a.v") == f"a.v:{line}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": expected one module, found none"),
        ("// module m (output y); endmodule", ": expected one module, found none"),
        ("assign y = a;", ":1: expected module, found 'assign'"),
        ("primitive p (y, a); endprimitive", ":1: expected module, found 'primitive', a gate of the file's own"),
        ("module", ":1: expected endmodule, found the end of the file"),
        ("module endmodule", ":1: expected the name of a module, found 'endmodule'"),
        ("module and (output y); endmodule", ":1: expected the name of a module, found 'and'"),
        ("module m endmodule", ":1: expected ; after the ports of the module, found none"),
        ("module m; endmodule", ":1: expected at least one output of module 'm', found none"),
        ("module m (); endmodule", ":1: expected at least one output of module 'm', found none"),
        ("module m (input a); endmodule", ":1: expected at least one output of module 'm', found none"),
        ("module m (a,\nb); input b; endmodule", ":1: port 'a' is declared neither input nor output"),
        ("module m (a,\na); endmodule", ":2: port 'a' is there twice"),
        ("module m (a,, b); endmodule", ":1: expected a name, found ','"),
        ("module m (a, b,); endmodule", ":1: expected a name, found ')'"),
        ("module m (.a(b)); endmodule", ":1: expected a name, found '.'"),
        ("module m (a[3:0]); endmodule", ":1: expected , or ) after 'a', found '['"),
        ("module m (a, input b); endmodule", ":1: expected a name, found 'input'"),
        ("module m (inout a); endmodule", ":1: expected a name, found 'inout', a port of both directions"),
        ("module m (output reg y); endmodule", ":1: expected a name, found 'reg', a variable"),
        ("module m (output logic y); endmodule", ":1: expected a name, found 'logic', a word of SystemVerilog"),
        ("module m (input signed [3:0] a); endmodule", ":1: expected a name, found 'signed', arithmetic"),
        (
            "module m #(parameter N = 1) (input a); endmodule",
            ":1: expected the ports of the module in parentheses, found '#', a delay or a parameter",
        ),
        ("module m (input a; endmodule", ":1: expected the ports of the module in parentheses, found ';'"),
        ("module m (output y); endmodule\nmodule m; endmodule", ":2: module 'm' stands in line 1 already"),
    ],
)  # fmt: skip
def test_errors_of_modules_and_ports(text, message, error):
    assert error(ParseError, loads, text) == f"verilog{message}"


N = 20_000
LONG = {
    "parentheses": ("(" * N + "a" + ")" * N, 1),
    "braces": ("{" * N + "a" + "}" * N, 1),
    "inverters": ("~" * N + "a", 1),
    "a sum": ("a & " * N + "b", N),
    "nested to the right": ("a ^ (" * N + "b" + ")" * N, N),
}


@pytest.mark.parametrize("name", LONG)
def test_long_expressions(name):
    text, n_gates = LONG[name]
    assert loads(module(f"assign y = {text};")).n_gates == n_gates


@pytest.mark.parametrize("text", ["a ? b : " * N + "c", "a ? " * N + "c" + " : b" * 20_000])
def test_long_choices(text):
    assert loads(module(f"assign y = {text};")).n_gates == 3 * N


def test_a_long_chain_of_gates_in_the_wrong_order():
    lines = [f"not (x{i + 1}, x{i});" for i in range(N)][::-1]
    assert loads(module("\n".join(lines), f"input x0, output x{N}")).n_gates == N


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"wire [65535:0] {', '.join(f'w{i} = {{x, x}}' for i in range(100))};", marks=pytest.mark.slow),
        pytest.param(f"wire [65535:0] t = {'~' * 1000}{{x, x}};", marks=pytest.mark.slow),
        f"wire [65535:0] t = {'{' * 1000}x, x{'}' * 1000};",
    ],
)
def test_a_short_file_that_promises_much_is_refused(body, error):
    message = error(ParseError, loads, module(body, "input [32767:0] x, output y"))
    assert message == "verilog:2: too many bits for so short a file: expected fewer or shorter vectors"


@pytest.mark.parametrize("text", ["/*" * N, '(*"' * N, '"\\' * N, "1" + " " * N, "1" * N, "'" * N, "\\" * N, "`" * N])
def test_a_huge_line_of_nonsense_is_refused_in_short(text, error):
    assert len(error(ParseError, loads, f"module m (output y); assign y = {text}")) < 200


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
    message = f"Verilog: the name {name!r} cannot be written in this format. Rename it."
    assert error(ValueError, dumps, Circuit([name], [], [], [1], ["y"])) == message
    message = f"Verilog: the name {name!r} of the module cannot be written in this format. Rename it."
    assert error(ValueError, dumps, Circuit(["a"], [], [], [1], ["y"]), name) == message


def test_an_output_that_is_an_input_is_refused(error):
    message = "Verilog: output 'a' has the name of an input, and a port is one of them. Rename it."
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
TOKENS = re.findall(r"\\\S+ |\w+|\s+|.", WHOLE)
WORDS = re.findall(
    r"\S+", "( ) [ ] { } ; , ? : ~ & | ^ = - . # \" \\ ` && == assign wire input output and endmodule 4'bx 7 // /* (*"
)


@settings(max_examples=300)
@given(
    edits=st.lists(
        st.tuples(st.sampled_from("rdismc"), st.integers(0, len(TOKENS) - 1), st.integers(0, 255)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_accepted_comes_back(edits, reference, all_rows):
    tokens = list(TOKENS)
    for kind, place, number in edits:
        other = number % len(tokens)
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
                tokens[place] = chr(number) + tokens[place][1:]
    try:
        circuit = loads("".join(tokens))
    except ParseError:
        return
    back = loads(dumps(circuit))
    assert (back.input_names, back.output_names) == (circuit.input_names, circuit.output_names)
    rows = all_rows(circuit.n_inputs)
    np.testing.assert_array_equal(reference(back, rows), reference(circuit, rows))


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_text_is_an_error_of_its_own(text):
    with pytest.raises(ParseError, match=r"^verilog:"):
        loads(text)
    with pytest.raises(ParseError, match=r"^verilog:"):
        loads(f"module m (input a, output y); assign y = a; {text or ';'}")
