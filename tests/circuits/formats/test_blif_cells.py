import os
import shutil
import subprocess
from pathlib import Path

import pytest

from circuits import Equivalent, ParseError, equivalent, parse, read, read_cells
from circuits.formats import genlib
from circuits.formats.blif import loads

GENLIB = """\
GATE INV 1 O=!A; PIN * INV 1 999 1 .2 1 .2
GATE NAND2 2 O=!(A*B); PIN * INV 1 999 1 .2 1 .2
GATE XOR2 5 O=A*!B+!A*B; PIN * UNKNOWN 2 999 1.9 0.5 1.9 0.5
GATE AOI21 3 O=!(A*B+C); PIN * INV 1 999 1.6 0.4 1.6 0.4
GATE MUX2 5 O=A*!S+B*S; PIN * UNKNOWN 2 999 1.9 0.5 1.9 0.5
GATE ONE 0 O=CONST1;
"""
LIBERTY = """\
library (mine) {
  cell (DFF) {
    ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; }
    pin (D) { direction : input; } pin (CK) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } pin (QN) { direction : output; function : "IQN"; }
  }
  cell (DFFR) {
    ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; clear : "!RN"; }
    pin (D) { direction : input; } pin (CK) { direction : input; } pin (RN) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; }
  }
  cell (DLATCH) { latch (IQ, IQN) { data_in : "D"; enable : "G"; }
    pin (D) { direction : input; } pin (G) { direction : input; } pin (Q) { direction : output; function : "IQ"; } }
}
"""
COUNTER = "module m(input clk, input e, output reg [1:0] q); always @(posedge clk) if (e) q <= q + 1; endmodule"
GATES = [("NOT", "!A"), ("NAND", "!(A&B)"), ("NOR", "!(A|B)"), ("BUFF", "A")]
HEAD = ".model m\n.inputs a b clk\n.outputs y\n"


def cell(gate):
    name, function = gate
    inputs = "".join(f"pin ({pin}) {{ direction : input; }} " for pin in "AB" if pin in function)
    return f'cell ({name}) {{ area : 1; {inputs} pin (Y) {{ direction : output; function : "{function}"; }} }}\n'


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    (folder / "a.genlib").write_text(GENLIB)
    (folder / "b.lib").write_text(LIBERTY)
    return {**read_cells(folder / "a.genlib"), **read_cells(folder / "b.lib")}


def test_gates_of_a_library(cells):
    circuit = loads(HEAD + ".gate NAND2 A=a B=b O=n1\n.gate INV A=n1 O=y\n.end", library=cells)
    assert circuit.n_gates == 2
    assert isinstance(equivalent(circuit, parse("y = a & b", inputs=["a", "b", "clk"])), Equivalent)


def test_cells_where_yosys_and_models_write_subckt(cells):
    text = HEAD + ".subckt half x=a z=n\n.subckt NAND2 A=n B=b O=y\n.end\n"
    text += ".model half\n.inputs x\n.outputs z\n.gate NAND2 A=x B=k O=z\n.gate ONE O=k\n.end"
    circuit = loads(text, library=cells)
    assert isinstance(equivalent(circuit, parse("y = a | ~b", inputs=["a", "b", "clk"])), Equivalent)


def test_a_library_by_its_path(tmp_path):
    (tmp_path / "a.genlib").write_text(GENLIB)
    (tmp_path / "m.blif").write_text(HEAD + ".gate XOR2 A=a B=b O=y\n.end")
    circuit = read(tmp_path / "m.blif", library=tmp_path / "a.genlib")
    assert circuit.n_gates == 1
    assert isinstance(equivalent(circuit, parse("y = a ^ b", inputs=["a", "b", "clk"])), Equivalent)


def test_flip_flops_are_cut(cells):
    text = HEAD + ".gate DFF D=n CK=clk Q=q QN=y\n.gate XOR2 A=a B=q O=n\n.end"
    circuit = loads(text, registers="cut", library=cells)
    assert circuit.input_names == ("a", "b", "clk", "q")
    assert circuit.output_names == ("y", "q_next")
    expected = parse("y = ~q; q_next = a ^ q", inputs=["a", "b", "clk", "q"])
    assert isinstance(equivalent(circuit, expected), Equivalent)


def test_a_flip_flop_with_an_asynchronous_clear(cells):
    circuit = loads(HEAD + ".gate DFFR D=a RN=b CK=clk Q=y\n.end", registers="cut", library=cells)
    expected = parse("y = s & b; t = a & b", inputs=["a", "b", "clk", "s"])
    assert circuit.input_names == ("a", "b", "clk", "y@IQ")
    assert isinstance(equivalent(circuit, expected, by="position"), Equivalent)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (".gate NAND3 A=a B=b O=y", "blif:4: there is no model and no cell 'NAND3' in the library"),
        (".gate NAND2 A=a O=y", "blif:4: pin 'B' of cell 'NAND2' is not connected"),
        (".gate NAND2 A=a B=b Y=y", "blif:4: cell 'NAND2' has no pin 'Y', expected 'A', 'B', 'O'"),
        (".gate INV A=a O=y\n.gate INV A=b O=y", "blif:5: net 'y' is driven twice: here and in line 4"),
        (
            ".gate DFF D=a CK=clk Q=y",
            "blif:4: cell 'DFF' is a register: expected a combinational circuit, without state. "
            'registers="cut" makes its value an input, and its next value an output',
        ),
        (
            ".gate DLATCH D=a G=clk Q=y",
            "blif:4: cell 'DLATCH' is refused: it has a latch, expected gates or flip-flops",
        ),
    ],
)
def test_errors(error, cells, line, message):
    assert error(ParseError, loads, HEAD + line, library=cells) == message


def test_the_field_file():
    path = Path(os.environ["JAXNET_DATA"]) / "field" / "13_gate.blif"
    if not path.is_file():
        pytest.skip(f"needs {path}; JAXNET_DATA names another data folder")
    assert isinstance(equivalent(read(path, library=genlib.loads(GENLIB)), parse("y = a & b")), Equivalent)


@pytest.mark.skipif(shutil.which("berkeley-abc") is None, reason="needs berkeley-abc")
@pytest.mark.parametrize("name", ["c432", "c499", "c880", "c1908"])
def test_netlists_that_abc_mapped(iscas85, tmp_path, name):
    (tmp_path / "a.genlib").write_text(GENLIB + "GATE ZERO 0 O=CONST0;\nGATE BUF 1 O=A; PIN * NONINV 1 999 1 1 1 1\n")
    source = iscas85 / f"{name}.bench"
    commands = f"read_genlib a.genlib; read_bench {source}; strash; map; write_blif mapped.blif"
    subprocess.run(["berkeley-abc", "-c", commands], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    mapped = read(tmp_path / "mapped.blif", library=tmp_path / "a.genlib")
    assert isinstance(equivalent(mapped, read(source)), Equivalent)


@pytest.mark.skipif(shutil.which("yosys") is None, reason="needs yosys")
def test_a_netlist_that_yosys_mapped(tmp_path):
    (tmp_path / "b.lib").write_text(LIBERTY.replace("library (mine) {", "library (mine) {" + "".join(map(cell, GATES))))
    (tmp_path / "m.v").write_text(COUNTER)
    commands = "read_verilog m.v; synth; dfflibmap -liberty b.lib; abc -liberty b.lib; clean; write_blif -gates m.blif"
    subprocess.run(["yosys", "-q", "-p", commands], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    mapped = read(tmp_path / "m.blif", registers="cut", library=tmp_path / "b.lib")
    assert sorted(mapped.input_names) == ["clk", "e", "q[0]", "q[1]"]
    expected = parse("a = q0; b = q1; c = q0 ^ e; d = q1 ^ (q0 & e)", inputs=["clk", "e", "q0", "q1"])
    assert isinstance(
        equivalent(
            expected,
            mapped,
            names={"q0": "q[0]", "q1": "q[1]", "a": "q[0]", "b": "q[1]", "c": "q[0]_next", "d": "q[1]_next"},
        ),
        Equivalent,
    )
