import os
import shutil
import subprocess
from pathlib import Path

import pytest

from circuits import Equivalent, ParseError, equivalent, parse, read
from circuits.formats import liberty
from circuits.formats.verilog import loads

LIBERTY = """\
library (mine) {
  cell (sky130_fd_sc_hd__nand2_1) { area : 3.75;
    pg_pin (VPWR) { } pg_pin (VGND) { }
    pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "(!A) | (!B)"; } }
  cell (sky130_fd_sc_hd__inv_2) { area : 1;
    pin (A) { direction : input; } pin (Y) { direction : output; function : "(!A)"; } }
  cell (NOR2) { area : 2; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A+B)"; } }
  cell (BUFF) { area : 1; pin (A) { direction : input; } pin (Y) { direction : output; function : "A"; } }
  cell (DFF) {
    ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; }
    pin (D) { direction : input; } pin (CK) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } pin (QN) { direction : output; function : "IQN"; } }
  cell (DFFR) {
    ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; clear : "!RN"; }
    pin (D) { direction : input; } pin (CK) { direction : input; } pin (RN) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } }
  cell (DLATCH) { latch (IQ, IQN) { data_in : "D"; enable : "G"; }
    pin (D) { direction : input; } pin (G) { direction : input; } pin (Q) { direction : output; function : "IQ"; } }
}
"""
CELLS = liberty.loads(LIBERTY)
COUNTER = "module m(input clk, input e, output reg [1:0] q); always @(posedge clk) if (e) q <= q + 1; endmodule"


def module(body, ports="input a, input b, input [1:0] v, output y"):
    return f"module m({ports});\n{body}\nendmodule"


def test_gates():
    body = "wire n; sky130_fd_sc_hd__nand2_1 _1_ (.A(a), .B(b), .Y(n));\nsky130_fd_sc_hd__inv_2 _2_ (.A(n), .Y(y));"
    circuit = loads(module(body, "input a, input b, output y"), library=CELLS)
    assert circuit.n_gates == 2
    assert isinstance(equivalent(circuit, parse("y = a & b")), Equivalent)


def test_pins_as_mapped_netlists_connect_them():
    body = "sky130_fd_sc_hd__nand2_1 _1_ (.A(v[1]), .B(1'b1), .Y(\\n[0] ), .VPWR(VPWR), .VGND()),"
    body += " \\_2_ (.A(~v[0]), .B(\\n[0] ), .Y(y)), _3_ (.A(a), .B(b), .Y());"
    circuit = loads(module(body), library=CELLS)
    expected = parse("y = v0 | v1", inputs=["a", "b", "v0", "v1"])
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)


def test_flip_flops():
    body = "wire q; sky130_fd_sc_hd__inv_2 i(.A(q), .Y(n)); DFF r(.D(n), .CK(a), .Q(q), .QN(y));"
    circuit = loads(module(body, "input a, output y"), registers="cut", library=CELLS)
    assert circuit.input_names == ("a", "q")
    assert isinstance(equivalent(circuit, parse("y = ~q; q_next = ~q", inputs=["a", "q"])), Equivalent)
    assert loads(module(body, "input a, output y"), registers="unroll", cycles=3, library=CELLS).n_outputs == 3


def test_a_flip_flop_with_an_asynchronous_clear():
    body = "DFFR r(.D(a), .CK(clk), .RN(b), .Q(y));"
    circuit = loads(module(body, "input a, b, clk, output y"), registers="cut", library=CELLS)
    assert circuit.input_names == ("a", "b", "clk", "y@IQ")
    expected = parse("y = s & b; t = a & b", inputs=["a", "b", "clk", "s"])
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("DFF r(a, b, y);", "expected .pin(net) of cell 'DFF', found 'a'"),
        ("DFF r(.D(a), .D(b));", "pin 'D' is connected twice"),
        ("DFF r(.D(a), .X(b), .Q(y));", "cell 'DFF' has no pin 'X', expected 'D', 'CK', 'Q', 'QN'"),
        ("DFF r(.CK(a), .Q(y));", "pin 'D' of cell 'DFF' is not connected"),
        ("DFF r(.D(v), .Q(y));", "expected one bit, found 2"),
        ("wire [1:0] w; DFF r(.D(a), .Q(w));", "expected one bit on pin 'Q', found 2"),
        ("DFF (.D(a), .Q(y));", "expected a name and connections in parentheses after 'DFF', found ';'"),
        ("DLATCH r(.D(a), .G(b), .Q(y));", "cell 'DLATCH' is refused: it has a latch, expected gates or flip-flops"),
        (
            "DFF r(.D(a), .Q(y));",
            "cell 'DFF' is a register: expected a combinational circuit, without state. "
            'registers="cut" makes its value an input, and its next value an output',
        ),
    ],
)
def test_errors(error, body, message):
    assert error(ParseError, loads, module(body), library=CELLS) == f"verilog:2: {message}"


def test_the_field_file():
    path = Path(os.environ["JAXNET_DATA"]) / "field" / "17_sky130.v"
    if not path.is_file():
        pytest.skip(f"needs {path}; JAXNET_DATA names another data folder")
    assert isinstance(equivalent(read(path, library=CELLS), parse("y = a & b")), Equivalent)


@pytest.mark.skipif(shutil.which("yosys") is None, reason="needs yosys")
def test_a_netlist_that_yosys_mapped(tmp_path):
    (tmp_path / "b.lib").write_text(LIBERTY)
    (tmp_path / "m.v").write_text(COUNTER)
    commands = "read_verilog m.v; synth; dfflibmap -liberty b.lib; abc -liberty b.lib; clean; opt_clean -purge"
    commands += "; write_verilog -noattr mapped.v; write_blif -gates mapped.blif"
    subprocess.run(["yosys", "-q", "-p", commands], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    a, b = (read(tmp_path / f"mapped{e}", registers="cut", library=tmp_path / "b.lib") for e in (".v", ".blif"))
    assert isinstance(equivalent(a, b), Equivalent)
    expected = parse("a = q0; b = q1; c = q0 ^ e; d = q1 ^ (q0 & e)", inputs=["clk", "e", "q0", "q1"])
    assert isinstance(equivalent(a, expected, by="function"), Equivalent)
