"""Modules of modules in Verilog: the small files of the field, and what Yosys makes of the same."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from circuits import Equivalent, ParseError, Undecided, equivalent, parse, read
from circuits.formats.verilog import loads

FIELD = Path(os.environ["JAXNET_DATA"]) / "field"
INVERTER = "module inv(a, y); input a; output y; wire t; not g(t, a); buf (y, t); endmodule\n"
ADDER = """
  module fa(input x, y, ci, output sum, co);
    assign sum = x ^ y ^ ci, co = (x & y) | (ci & (x ^ y));
  endmodule
"""


def is_same(circuit, other):
    answer = equivalent(circuit, other)
    assert not isinstance(answer, Undecided)
    return isinstance(answer, Equivalent)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # By name and by place, before and after the module, under a name that must be escaped.
        (INVERTER + "module m(input a, output y); wire t; inv u(.a(a), .y(t)), v(t, y); endmodule", "y = a"),
        ("module m(input a, output y); inv u(.y(y), .a(~a)); endmodule\n" + INVERTER, "y = a"),
        ("module m(input a, output y); inv \\u/1 (a, y); endmodule\n" + INVERTER, "y = ~a"),
        # Nested, and inner nets of one name.
        (
            INVERTER + "module two(input a, output y); wire t; inv u(a, t); inv v(t, y); endmodule\n"
            "module m(input a, b, output y, z); two u(a, y); two v(b, z); endmodule",
            "y = a; z = b",
        ),
        # Vectors, parts of them and concatenations, of ports as the standard fits them.
        (
            "module p(input [1:0] a, input [0:1] b, output [1:0] y); assign y = a & b; endmodule\n"
            "module m(input a, b, c, d, output y, z); p u({a, b}, .b({c, d}), .y({y, z})); endmodule".replace(
                "{a, b}, .b", ".a({a, b}), .b"
            ),
            "y = a & c; z = b & d",
        ),
        (
            "module p(input [2:0] a, output [2:0] y); assign y = ~a; endmodule\n"
            "module m(input a, output y, z); wire [3:0] t; p u(a, t); assign y = t[0], z = t[1] & ~t[3]; endmodule",
            "y = ~a; z = 1",
        ),
        (
            "module p(input signed [2:0] a, output y); assign y = &a; endmodule\n"
            "module m(input signed [0:0] a, output y); p u(a, y); endmodule",
            "y = a",
        ),
        ("module p({a, b}, y); input a, b; output y; and (y, a, b); endmodule\n"
         "module m(input [1:0] a, output y); p u(a, y); endmodule", "y = a0 & a1"),
        ("module p(.x(a), .z(b[1]), .y({b[0], c})); input a; output [1:0] b; output c;\n"
         "assign b = {a, ~a}, c = a; endmodule\n"
         "module m(input a, output [1:0] y, output z); p u(.x(a), .y(y), .z(z)); endmodule", "y0 = a; y1 = ~a; z = a"),
        # Outputs that are left open, and what they drive.
        (ADDER + "module m(input a, b, output y); fa u(.x(a), .y(b), .ci(1'b0), .sum(y)); endmodule", "y = a ^ b"),
        (ADDER + "module m(input a, b, output y); fa u(a, b, 1'b1, y, ); endmodule", "y = ~(a ^ b)"),
        (ADDER + "module m(input a, b, output y); fa u(.x(a), .y(b), .ci(1), .sum(y), .co()); endmodule",
         "y = ~(a ^ b)"),
        # A wire that only an instance declares.
        (INVERTER + "module m(input a, output y); inv u(a, t); inv v(t, y); endmodule", "y = a"),
        # An input that is an output at once, and one net on two ports.
        ("module p(input a, output y, z); assign y = a, z = y; endmodule\n"
         "module m(input a, output y, z); p u(a, y, z); endmodule", "y = a; z = a"),
        ("module p(.a(a), .y(t), .z(t)); input a; output t; not (t, a); endmodule\n"
         "module m(input a, output y, z); p u(a, y, z); endmodule", "y = ~a; z = ~a"),
        # Parameters.
        ("module p #(parameter N = 1, M = N + 1) (input [N-1:0] a, output [M-1:0] y); assign y = a + 1; endmodule\n"
         "module m(input a, output [1:0] y); p u(a, y); endmodule", "y0 = ~a; y1 = a"),
        ("module p(a, y); parameter N = 1; input [N-1:0] a; output y; assign y = &a; endmodule\n"
         "module m(input a, b, output y, z); p #(2) u({a, b}, y); p #(.N(1)) v(b, z); endmodule", "y = a & b; z = b"),
        ("module p(a, y); parameter N = 1; input [N-1:0] a; output y; assign y = &a; endmodule\n"
         "module m(input a, b, output y); defparam u.N = 2; p u({a, b}, y); endmodule", "y = a & b"),
        ("module p(input a, output y); parameter [1:0] I = 0; localparam J = ~I[0]; assign y = J ? a : ~a; endmodule\n"
         "module m(input a, b, output y, z); p #(2'b10) u(a, y); p #(.I(1)) v(b, z); endmodule", "y = a; z = ~b"),
        # Constant nets, macros, delays, specify blocks.
        ("module m(input a, output y, z); supply1 one; supply0 [1:0] zero; and (y, a, one);\n"
         "or (z, a, zero[1]); endmodule",
         "y = a; z = a"),
        ("`define AND &\n`define TWICE(x) x\n`ifdef NONE\nnonsense `else\nmodule m(input a, b, output y);\n`endif\n"
         "`ifndef NONE\nassign y = a `AND b;\n`else `ifdef NONE `endif nonsense\n`endif\nendmodule", "y = a & b"),
        ("`timescale 1ns/1ps\nmodule m(input a, b, output y); wire #1 t = a; and #(1:2:3, 4) g(y, t, b);\n"
         "specify (a => y) = 3; endspecify endmodule", "y = a & b"),
        ("module m(input a, b, output y, z); buf (y, z, a); not #2.5 (t, u, b); endmodule", "y = a; z = a"),
        ("module m(input a, b, output [1:0] y); assign #3 y[1] = a, {y[0]} = b; endmodule", "y0 = b; y1 = a"),
        # Yosys's cells.
        ("module m(input a, b, c, output y); wire t; \\$_MUX_ u (.A(a), .B(b), .S(c), .Y(t));\n"
         "\\$_NOT_ v (.A(t), .Y(y)); endmodule", "y = ~(c & b | ~c & a)"),
        ("module m(input a, b, c, output y); \\$lut #(.LUT(8'b11101000), .WIDTH(32'd3)) u\n"
         "(.A({a, b, c}), .Y(y)); endmodule",
         "y = a & b | b & c | a & c"),
    ],
)  # fmt: skip
def test_what_is_read(text, expected):
    circuit = loads(text)
    inputs = [name.replace("[", "").replace("]", "") for name in circuit.input_names]
    wanted = parse(expected, inputs=[name if name != "a0" or len(inputs) > 1 else "a" for name in inputs])
    answer = equivalent(circuit, wanted, by="position")
    assert isinstance(answer, Equivalent)


def test_the_names_of_inner_nets_are_those_of_the_hierarchy(error):
    loop = "module p(input a, output y); wire t; and (t, a, y); buf (y, t); endmodule\n"
    message = error(ParseError, loads, loop + "module m(input a, output y); p u(a, y); endmodule")
    assert message == "verilog:1: net 'u.t' depends on itself: u.t <- y <- u.t; expected no cycles"
    # An escaped name that looks like one of them is another net.
    text = (
        INVERTER + "module m(input a, output y, z); wire \\u.t ; inv u(a, y); buf (\\u.t , a), (z, \\u.t ); endmodule"
    )
    assert is_same(loads(text), parse("y = ~a; z = a"))


@pytest.mark.skipif(not FIELD.is_dir(), reason=f"needs {FIELD}; JAXNET_DATA names another data folder")
@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("17_hier.v", {}, "y = a"),
        ("17_unsized.v", {}, "y = ~a; z = a"),
        ("17_concat_port.v", {}, "y = a & b"),
        ("14_undriven.v", {"undriven": 1}, "y = a; z = 1"),
        ("14_undriven.v", {"undriven": 0}, "y = 0; z = 0"),
    ],
)
def test_files_of_the_field(name, options, expected):
    circuit = read(FIELD / name, **options)
    assert is_same(circuit, parse(expected, inputs=circuit.input_names))


@pytest.mark.skipif(not FIELD.is_dir(), reason=f"needs {FIELD}; JAXNET_DATA names another data folder")
def test_the_hierarchy_that_yosys_writes(reference, all_rows):
    circuit = read(FIELD / "17_yosys_hier.v")
    assert circuit.input_names == (*(f"a[{i}]" for i in range(4)), *(f"b[{i}]" for i in range(4)), "cin")
    assert circuit.output_names == (*(f"s[{i}]" for i in range(4)), "z", "one", "pass[0]", "pass[1]", "odd-name[3]")
    x = all_rows(9)
    a, b, cin = x[:, :4] @ (1 << np.arange(4)), x[:, 4:8] @ (1 << np.arange(4)), x[:, 8]
    y = reference(circuit, x)
    np.testing.assert_array_equal(y[:, :4] @ (1 << np.arange(4)), (a + b + cin) % 16)
    np.testing.assert_array_equal(y[:, 4:], np.stack([0 * cin, 0 * cin + 1, x[:, 0], x[:, 1], ~cin], axis=1))


def test_undriven_nets(error):
    text = "module p(input a, b, output y); and (y, a, b); endmodule\n"
    text += "module m(input a, output y, z); wire t; p u(.a(a), .y(y)); or (z, t, a); endmodule"
    said = 'undriven=0, 1 or "input" chooses what it is'
    message = (
        f"verilog:2: net 't', an input of gate 'z', is driven by nothing: expected input t or assign t = ...; {said}"
    )
    assert error(ParseError, loads, text) == message
    circuit = loads(text, undriven="input")
    assert circuit.input_names == ("a", "t", "u.b")
    expected = parse("y = a & b; z = t | a", inputs=["a", "t", "b"])
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)
    assert is_same(loads(text, undriven=0), parse("y = 0; z = a", inputs=["a"]))
    assert is_same(loads(text, undriven=1), parse("y = a; z = 1", inputs=["a"]))


DESIGN = """
module alu #(parameter W = 4) (input [W-1:0] a, b, input [1:0] op, output reg_zero, output [W-1:0] y);
  wire [W-1:0] sum, less;
  adder #(.N(W)) add (.a(a), .b(op[0] ? ~b : b), .carry_in(op[0]), .y(sum), .carry_out());
  assign less = {{(W-1){1'b0}}, $signed(a) < $signed(b)};
  assign y = op == 2 ? a & b : op == 3 ? less : sum;
  assign reg_zero = ~|y;
endmodule
module adder #(parameter N = 1) (input [N-1:0] a, b, input carry_in, output [N-1:0] y, output carry_out);
  wire [N:0] carry;
  assign carry = {(a & b) | (carry[N-1:0] & (a ^ b)), carry_in};
  assign y = a ^ b ^ carry[N-1:0], carry_out = carry[N];
endmodule
"""
LEAVES = """
module leaf(input [1:0] x, output [1:0] y); assign y = {x[0] ^ x[1], ~x[0]}; endmodule
module mid(input [3:0] x, output [3:0] y); leaf a(x[1:0], y[1:0]), b(.x(x[3:2]), .y(y[3:2])); endmodule
module m(input [7:0] x, output [7:0] y);
  wire [7:0] t;
  mid u(x[7:4], t[7:4]); mid v(x[3:0], t[3:0]); mid w({t[4], t[3], t[6:5]}, y[5:2]); leaf z(t[1:0], {y[0], y[6]});
  assign {y[7], y[1]} = t[7] ? 2 : t[2:1];
endmodule
"""


@pytest.mark.skipif(shutil.which("yosys") is None, reason="needs yosys")
@pytest.mark.parametrize("text", [DESIGN, LEAVES])
def test_yosys_makes_the_same_of_it(text, tmp_path):
    (tmp_path / "design.v").write_text(text)
    commands = "read_verilog design.v; hierarchy -auto-top; proc; opt; write_verilog hierarchy.v"
    commands += "; flatten; write_verilog -noattr flat.v; techmap; simplemap; opt; write_verilog -noexpr cells.v"
    commands += "; abc -lut 4; opt_clean; write_verilog -noexpr luts.v; design -reset; read_verilog design.v"
    commands += "; synth -flatten; opt_clean -purge; write_blif out.blif"
    subprocess.run(["yosys", "-q", "-p", commands], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    circuit = loads(text)
    for name in ("out.blif", "hierarchy.v", "flat.v", "cells.v", "luts.v"):
        # Dead wires that it leaves behind are driven by nothing.
        undriven = "refuse" if name == "out.blif" else 0
        assert is_same(circuit, read(tmp_path / name, undriven=undriven)), name
