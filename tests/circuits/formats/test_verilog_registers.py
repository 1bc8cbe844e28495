"""Registers in Verilog: cut, unrolled, and compared with .bench files, with Yosys and with a simulator."""

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from circuits import Circuit, Equivalent, ParseError, equivalent, parse, read
from circuits.formats.verilog import loads

ISCAS89 = Path(os.environ["JAXNET_DATA"]) / "circuits" / "iscas89"
SWITCHES = """
module dff (CK,Q,D);
  input CK,D; output Q;
  wire NM,NCK; trireg NQ,M;
  nmos N7 (M,D,NCK); not P3 (NM,M); nmos N9 (NQ,NM,CK); not P5 (Q,NQ); not P1 (NCK,CK);
endmodule
"""


def cut(body, ports="input clk, a, b, output reg q"):
    return loads(f"module m({ports});\n{body}\nendmodule", registers="cut")


@pytest.mark.parametrize(
    ("body", "following"),
    [
        ("always @(posedge clk) q <= a;", "a"),
        ("always @(negedge clk) q <= #1 a & b;", "a & b"),
        ("always @(posedge clk) if (a) q <= b;", "a & b | ~a & q"),
        ("always @(posedge clk) if (a) q <= 0; else if (b) q <= 1; else q <= ~q;", "~a & (b | ~q)"),
        ("always @(posedge clk) begin : name q <= a; if (b) q <= ~q; end", "b & ~q | ~b & a"),
        ("always @(posedge clk) begin if (a) begin end else begin ; q <= b; end end", "a & q | ~a & b"),
        ("initial q = 1'b0; always @(posedge clk) {q} <= a + b;", "a ^ b"),
        ("wire t; dff u(clk, t, a); always @(posedge clk) q <= t;", None),
    ],
)
def test_processes(body, following):
    circuit = cut(body)
    if following is None:
        assert (circuit.input_names, circuit.output_names) == (("clk", "a", "b", "t", "q"), ("q", "t_next", "q_next"))
        return
    assert circuit.input_names == ("clk", "a", "b", "q")
    expected = parse(f"shown = q; q_next = {following}", inputs=circuit.input_names)
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)


@pytest.mark.parametrize(
    "instance",
    [
        "dff u(clk, q, a);", "DFF u(q, a);", "dff u(.clk(clk), .q(q), .d(a));", "dff u(.CK(clk), .Q(q), .D(a));",
        "\\$_DFF_P_ u(.C(clk), .D(a), .Q(q));", "\\$_DFFE_PN_ u(.C(clk), .D(a), .E(1'b0), .Q(q));",
        "\\$_SDFF_PN1_ u(.C(clk), .D(a), .R(1'b1), .Q(q));",
    ],
)  # fmt: skip
def test_flip_flops(instance):
    circuit = cut(instance, "input clk, a, b, output q")
    expected = parse("shown = q; q_next = a", inputs=["clk", "a", "b", "q"])
    assert circuit.output_names == ("q", "q_next")
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)


def test_a_module_of_switches_called_dff_is_a_flip_flop(error):
    text = SWITCHES + "module m(input c, a, output y); wire q; dff u(c, q, n); xor (n, q, a); buf (y, n); endmodule"
    circuit = loads(text, registers="cut")
    assert isinstance(equivalent(circuit, parse("y = q ^ a; q_next = q ^ a", inputs=["c", "a", "q"])), Equivalent)
    # Where its ports are no flip-flop's, the switch is what is wrong with it.
    message = error(
        ParseError, loads, text.replace("CK,Q,D", "CK,Q,E").replace("CK,D", "CK,E").replace("D,NCK", "E,NCK")
    )
    assert "found 'trireg', another kind of net" in message
    # And one that says what it does is read as it is.
    text = text.replace(
        SWITCHES, "module dff(CK, Q, D); input CK, D; output Q; reg Q; always @(posedge CK) Q <= ~D; endmodule\n"
    )
    circuit = loads(text, registers="cut")
    assert isinstance(equivalent(circuit, parse("y = q ^ a; q_next = ~(q ^ a)", inputs=["c", "a", "q"])), Equivalent)


@pytest.mark.parametrize(
    "body",
    [
        "always @(posedge clk or negedge a) if (!a) q <= 1'b1; else q <= b;",
        "\\$_DFF_PN1_ u(.C(clk), .R(a), .D(b), .Q(q));",
    ],
)
def test_an_asynchronous_reset_is_a_gate_behind_the_register(body):
    circuit = cut(body, "input clk, a, b, output q" if "$" in body else "input clk, a, b, output reg q")
    assert circuit.input_names[:3] == ("clk", "a", "b")
    assert circuit.input_names[3].startswith("q@")
    expected = parse("q = s | ~a; s_next = b | ~a", inputs=["clk", "a", "b", "s"])
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)


def test_unrolled_registers_begin_as_initial_says(reference):
    body = "reg [1:0] n = 2; reg t; initial t = 1; always @(posedge clk) begin n <= n + 1; t <= a ^ t; end"
    text = f"module m(input clk, a, output [2:0] y); {body} assign y = {{t, n}}; endmodule"
    circuit = loads(text, registers="unroll", cycles=4)
    assert circuit.input_names == tuple(f"{name}@{cycle}" for cycle in range(4) for name in ("clk", "a"))
    x = np.zeros((1, 8), bool)
    x[0, [1, 3]] = True
    values = reference(circuit, x)[0].reshape(4, 3) @ [1, 2, 4]
    assert values.tolist() == [4 + 2, 0 + 3, 4 + 0, 4 + 1]


def test_registers_within_instances():
    text = "module p(input c, d, output reg q); reg t; always @(posedge c) begin t <= d; q <= t; end endmodule\n"
    circuit = loads(
        text + "module m(input c, d, output y); wire w; p u(c, d, w), v(c, w, y); endmodule", registers="cut"
    )
    assert circuit.input_names == ("c", "d", "u.t", "w", "v.t", "y")
    assert circuit.output_names == ("y", "u.t_next", "w_next", "v.t_next", "y_next")


@pytest.mark.skipif(not ISCAS89.is_dir(), reason=f"needs {ISCAS89}; JAXNET_DATA names another data folder")
@pytest.mark.parametrize("name", ["s27", "s298", "s344"])
def test_iscas89_as_verilog_is_that_of_the_bench_files(name):
    path = next(ISCAS89.rglob(f"{name}.bench"))
    bench = read(path, registers="cut")
    ours = loads(as_verilog(path.read_text(), name) + SWITCHES, registers="cut")
    assert ours.input_names == ("CK", *bench.input_names)
    gates = np.where(bench.fan_ins > 0, bench.fan_ins + 1, 0)
    expected = Circuit(ours.input_names, gates, bench.tables, bench.outputs + 1, bench.output_names)
    assert isinstance(equivalent(ours, expected), Equivalent)


def as_verilog(text, name):
    """A .bench file as ISCAS-89's Verilog has it: gates with numbered names, and flip-flops dff X(CK, q, d)."""
    inputs, outputs = (re.findall(rf"(?m)^{kind}\((.*)\)", text) for kind in ("INPUT", "OUTPUT"))
    gates = re.findall(r"(?m)^(\S+) = (\w+)\((.*)\)", text)
    assert inputs
    assert gates
    lines = [f"module {name}(CK,{','.join(inputs + outputs)});", f"input CK,{','.join(inputs)};"]
    lines += [f"output {','.join(outputs)};", f"  wire {','.join(net for net, *_ in gates if net not in outputs)};"]
    for i, (net, kind, operands) in enumerate(gates):
        clock = "CK," if kind == "DFF" else ""
        lines.append(f"  {kind.lower().replace('buff', 'buf')} {kind}_{i}({clock}{net},{operands.replace(' ', '')});")
    return "\n".join([*lines, "endmodule", ""])


COUNTER = """
module counter (input clk, rst, en, input [1:0] step, output reg [3:0] n, output reg odd, output wrap);
  initial n = 0;
  initial odd = 1;
  always @(posedge clk)
    if (rst) begin n <= 4'd3; odd <= 1'b1; end
    else if (en) begin n <= n + step; odd <= odd ^ step[0]; end
  assign wrap = n > 12 && en;
endmodule
"""


@pytest.mark.skipif(shutil.which("yosys") is None, reason="needs yosys")
def test_yosys_makes_the_same_of_it(tmp_path):
    (tmp_path / "counter.v").write_text(COUNTER)
    commands = "read_verilog counter.v; synth; write_verilog -noexpr cells.v; write_verilog -noattr flat.v"
    commands += "; dfflegalize -cell $_DFF_P_ 01; opt_clean; write_blif counter.blif"
    subprocess.run(["yosys", "-q", "-p", commands], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    ours = loads(COUNTER, registers="cut")
    for name in ("cells.v", "flat.v", "counter.blif"):
        assert isinstance(equivalent(ours, read(tmp_path / name, registers="cut")), Equivalent), name


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs iverilog")
def test_a_simulator_makes_the_same_of_it_cycle_by_cycle(tmp_path, reference):
    cycles, chance = 40, random.Random(0)
    rows = [
        [0, chance.random() < 0.1, chance.random() < 0.7, chance.random() < 0.5, chance.random() < 0.5]
        for _ in range(cycles)
    ]
    bench = "module bench; reg clk = 0, rst, en; reg [1:0] step; wire [3:0] n; wire odd, wrap;\n"
    bench += "counter u (clk, rst, en, step, n, odd, wrap); initial begin\n"
    for _, rst, en, low, high in rows:
        bench += f'{{rst, en, step}} = 4\'b{rst:d}{en:d}{high:d}{low:d}; #1 $display("%b", {{wrap, odd, n}});\n'
        bench += "clk = 1; #1 clk = 0;\n"
    (tmp_path / "m.v").write_text(COUNTER + bench + "end endmodule\n")
    subprocess.run(["iverilog", "-o", "m.out", "m.v"], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    lines = subprocess.run(
        ["vvp", "-n", "m.out"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120
    )
    expected = [[character == "1" for character in line[::-1]] for line in lines.stdout.split()]
    circuit = loads(COUNTER, registers="unroll", cycles=cycles)
    got = reference(circuit, np.array(rows, bool).reshape(1, -1))[0].reshape(cycles, 6)
    np.testing.assert_array_equal(got, expected)
