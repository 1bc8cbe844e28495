import pytest

from circuits import ParseError
from circuits.formats.cell_functions import GENLIB, function_of, table_of
from circuits.formats.genlib import loads

MCNC = """\
GATE inv1       1       O=!a;           PIN * INV 1 999 0.9 0.3 0.9 0.3
#GATE xor2b     5       O=!(a*b+!a*!b); PIN * UNKNOWN 2 999 1.9 0.5 1.9 0.5
GATE xor2a      5       O=a*!b+!a*b;    PIN * UNKNOWN 2 999 1.9 0.5 1.9 0.5
GATE zero       0       O=CONST0;
GATE one        0       O=CONST1;"""
ABC = """\
# The genlib library "sky130A_merged.genlib" with 76 gates
GATE _const0_                       0.00  z=CONST0;
GATE sky130_fd_sc_hd__nand2b_1      6.26  Y=(!(!A_N * B));
    PIN  A_N  UNKNOWN   1 999    83.70     0.00    83.70     0.00
    PIN    B  UNKNOWN   1 999    35.99     0.00    35.99     0.00
GATE HAxp5 0.07  CON=!(A * B);
    PIN  A  UNKNOWN   1 999    19.78     0.00    19.78     0.00
    PIN  B  UNKNOWN   1 999    19.78     0.00    19.78     0.00
GATE HAxp5 0.07  SN=(!A * !B) + (A * B);
    PIN  A  UNKNOWN   1 999    19.78     0.00    19.78     0.00
    PIN  B  UNKNOWN   1 999    19.78     0.00    19.78     0.00
"""
YOSYS = """\
GATE $__ZERO 0 Y=CONST0;

GATE $__CC_MUX 5 Y=((A*!C)+(B*C));
PIN * UNKNOWN 1 9999 10 5 10 5
"""
SIS = """\
GATE "nand3" 2 "O"=!(1A 1B
  1C); PIN * INV 1 999 1.0 0.2 1.0 0.2
LATCH "dff" 9 Q=D;  PIN D NONINV 1 999 1 .2 1 .2
  SEQ Q ANY RISING_EDGE  CONTROL CLK 1 999 1 .2 1 .2  CONSTRAINT D 0.4 0.0
LATCH "dlatch" 9 Q=D;  PIN D NONINV 1 999 1 .2 1 .2  SEQ Q ANY ACTIVE_HIGH  CONTROL GATE 1 999 1 .2 1 .2
"""


def test_gates_of_mcnc():
    cells = loads(MCNC)
    assert list(cells) == ["inv1", "xor2a", "zero", "one"]
    assert cells["xor2a"].inputs == ("a", "b")
    assert table_of(cells["xor2a"].outputs["O"]) == 0b0110
    assert [table_of(cells[name].outputs["O"]) for name in ("inv1", "zero", "one")] == [0b01, 0, 1]


def test_gates_as_abc_and_mockturtle_write_them():
    cells = loads(ABC)
    assert table_of(cells["sky130_fd_sc_hd__nand2b_1"].outputs["Y"]) == table_of(function_of("A_N | !B"))
    half_adder = cells["HAxp5"]
    assert {pin: table_of(f) for pin, f in half_adder.outputs.items()} == {"CON": 0b0111, "SN": 0b1001}
    assert half_adder.inputs == ("A", "B")


def test_names_of_yosys():
    cells = loads(YOSYS)
    assert cells["$__CC_MUX"].inputs == ("A", "C", "B")


def test_latches():
    cells = loads(SIS)
    assert cells["nand3"].inputs == ("1A", "1B", "1C")
    assert table_of(cells["nand3"].outputs["O"]) == 0b01111111
    assert cells["dff"].states == {"Q": function_of("D", GENLIB)}
    assert cells["dff"].inputs == ("D", "CLK")
    assert cells["dlatch"].refused == "it is a latch, expected a gate or a flip-flop"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "genlib: expected at least one GATE name area output=function;, found none"),
        ("GATE a 1 O=!a", "genlib:1: expected GATE name area output=function; and PIN, found 'GATE a 1 O=!a'"),
        ("\n# a\nGATE a 1 O=!(a;", "genlib:3: expected ), found the end of '!(a'"),
        (
            "GATE a 1 O=a;\nPIN * INV 1\nGATR b 1 O=a;",
            "genlib:3: expected GATE name area output=function; and PIN, found 'GATR b 1 O=a;'",
        ),
        ("GATE a 1 O=a;\nGATE a 1 O=!a;", "genlib:2: GATE a is there already"),
        ("library (a) {", "genlib:1: expected GATE name area output=function; and PIN, found 'library (a) {'"),
    ],
)
def test_malformed(error, text, message):
    assert error(ParseError, loads, text) == message
