import pytest

from circuits import ParseError
from circuits.formats.cell_functions import function_of, table_of
from circuits.formats.liberty import loads

# The shapes of sky130_fd_sc_hd.
SKY130 = r"""
library ("sky130_fd_sc_hd__tt_025C_1v80") {
    define(def_sim_opt,library,string);
    delay_model : "table_lookup";
    capacitive_load_unit(1.0000000000, "pf");
    lu_table_template ("del_1_7_7") {
        variable_1 : "input_net_transition";
        index_1("1, 2, 3, 4, 5, 6, 7");
    }
    cell ("sky130_fd_sc_hd__nand2_1") {
        leakage_power () { value : 0.0000010000; when : "A&!B"; }
        area : 3.7536000000;
        pg_pin ("VPWR") { pg_type : "primary_power"; }
        pg_pin ("VGND") { pg_type : "primary_ground"; }
        pin ("A") { direction : "input"; capacitance : 0.00170; }
        pin ("B") { direction : "input"; }
        pin ("Y") {
            direction : "output";
            function : "(!A) | (!B)";
            power_down_function : "(!VPWR + VGND)";
            timing () {
                related_pin : "A";
                cell_fall ("del_1_7_7") { values("0.01, 0.02", \
                    "0.03, 0.04 } { "); }
            }
        }
    }
    cell ("sky130_fd_sc_hd__dfbbn_1") {
        ff ("IQ","IQ_N") {
            clear : "!RESET_B";
            clear_preset_var1 : "H";
            clear_preset_var2 : "L";
            clocked_on : "!CLK_N";
            next_state : "D";
            preset : "!SET_B";
        }
        pin ("CLK_N") { clock : "true"; direction : "input"; }
        pin ("D") { direction : "input"; }
        pin ("RESET_B") { direction : "input"; }
        pin ("SET_B") { direction : "input"; }
        pin ("Q") { direction : "output"; function : "IQ"; }
        pin ("Q_N") { direction : "output"; function : "IQ_N"; }
    }
    cell ("sky130_fd_sc_hd__edfxtp_1") {
        ff ("IQ","IQ_N") { clocked_on : "CLK"; next_state : "(D&DE) | (IQ&!DE)"; }
        pin ("CLK") { direction : "input"; }
        pin ("D") { direction : "input"; }
        pin ("DE") { direction : "input"; }
        pin ("Q") { direction : "output"; function : "IQ"; }
    }
    cell ("sky130_fd_sc_hd__dlxtp_1") {
        latch ("IQ","IQ_N") { data_in : "D"; enable : "GATE"; }
        pin ("D") { direction : "input"; }
        pin ("GATE") { direction : "input"; }
        pin ("Q") { direction : "output"; function : "IQ"; }
    }
    cell ("sky130_fd_sc_hd__ebufn_1") {
        pin ("A") { direction : "input"; }
        pin ("TE_B") { direction : "input"; }
        pin ("Z") { direction : "output"; function : "(A)"; three_state : "(TE_B)"; }
    }
    cell ("sky130_fd_sc_hd__tap_1") { area : 1.25; }
}
"""
# The shapes of the Nangate open cell library, in which all is without quotes, and of Yosys's.
NANGATE = """
/* a comment { with a brace
*/
library (NangateOpenCellLibrary) {
  date : "Thu 10 Feb 2011, 18:11:20";   // another { comment
  voltage_map (VDD, 1.10);
  cell (FA_X1) {
	pin (A) {
		direction		: input;
	}
	pin (B, CI) { direction : input; }
	pin (CO) {
		direction		: output;
		function		: "((A & B) | (CI & (A | B)))";
	}
	pin (S) { direction : output; function : "(CI ^ (A ^ B))"; }
  }
  cell (DFFR_X1) {
	ff ("IQ" , "IQN") { next_state : "D"; clocked_on : "CK"; clear : "!RN"; }
	pin (D) { direction : input; }
	pin (RN) { direction : input; }
	pin (CK) { direction : input; clock : true; }
	pin (Q) { direction : output; function : "IQ"; }
	pin (QN) { direction : output; function : "IQN"; }
  }
  cell (CLKGATE_X1) {
	statetable ("CK E", "IQ") { table : "L L : - : L ,L H : - : H ,H - : - : N"; }
	pin (CK) { direction : input; }
	pin (E) { direction : input; }
	pin (IQ) { direction : internal; internal_node : IQ; }
	pin (GCK) { direction : output; state_function : "(CK & IQ)"; }
  }
  cell(GP_DFFS) {
    ff("IQ", "IQN") { clocked_on: CLK;
                  next_state: D;
                      preset: "nSET'"; }
    pin(CLK) { direction: input; } pin(D) { direction: input; }
    pin(Q) { direction: output;
              function: "IQ"; }
    pin(nSET) { direction: input; }
  }
  cell (ram) { bus (A) { bus_type : word; direction : input; pin (A[0]) { direction : input; } } }
  cell (pad) { pin (P) { direction : inout; function : "A" } }
  cell (late) { pin (A) { direction : input
     } pin (Y) { direction : output; function : "A B"; } }
  cell (both) { ff (IQ,IQN) { clocked_on : C; next_state : D; clear : R; preset : S; } }
  cell (open) { pin (Y) { direction : output; } }
}
"""


def is_function(function, text):
    """Whether two functions are the same, as sets of pins and on all rows."""
    expected = function_of(text)
    pins = sorted({*function.inputs, *expected.inputs})
    tables = []
    for f in (function, expected):
        table = table_of(f)
        rows = [{pin: row >> i & 1 for i, pin in enumerate(pins)} for row in range(2 ** len(pins))]
        tables.append([table >> sum(row[pin] << i for i, pin in enumerate(f.inputs)) & 1 for row in rows])
    return tables[0] == tables[1]


def test_gates_of_sky130():
    cells = loads(SKY130)
    nand2 = cells["sky130_fd_sc_hd__nand2_1"]
    assert nand2.inputs == ("A", "B")
    assert is_function(nand2.outputs["Y"], "!(A*B)")
    assert nand2.supplies == {"VPWR", "VGND"}
    assert not nand2.refused
    assert cells["sky130_fd_sc_hd__tap_1"] == ((), {}, {}, frozenset(), "")


def test_flip_flops_of_sky130():
    cells = loads(SKY130)
    enabled = cells["sky130_fd_sc_hd__edfxtp_1"]
    assert list(enabled.states) == ["IQ"]
    assert is_function(enabled.states["IQ"], "D*DE + IQ*!DE")
    assert is_function(enabled.outputs["Q"], "IQ")
    # Clear and preset act at once; with both, Q is 1 and Q_N is 0.
    both = cells["sky130_fd_sc_hd__dfbbn_1"]
    assert is_function(both.outputs["Q"], "!SET_B + RESET_B*IQ")
    assert is_function(both.outputs["Q_N"], "SET_B*(!RESET_B + !IQ)")
    assert is_function(both.states["IQ"], "!SET_B + RESET_B*D")


def test_cells_of_nangate():
    cells = loads(NANGATE)
    adder = cells["FA_X1"]
    assert adder.inputs == ("A", "B", "CI")
    assert is_function(adder.outputs["S"], "A^B^CI")
    assert is_function(adder.outputs["CO"], "A*B + A*CI + B*CI")
    cleared = cells["DFFR_X1"]
    assert is_function(cleared.states["IQ"], "RN*D")
    assert is_function(cleared.outputs["Q"], "RN*IQ")
    assert is_function(cleared.outputs["QN"], "!(RN*IQ)")
    assert is_function(cells["GP_DFFS"].states["IQ"], "!nSET + D")


@pytest.mark.parametrize(
    ("library", "cell", "why"),
    [
        (SKY130, "sky130_fd_sc_hd__dlxtp_1", "it has a latch, expected gates or flip-flops"),
        (SKY130, "sky130_fd_sc_hd__ebufn_1", "its output 'Z' has a third state"),
        (NANGATE, "CLKGATE_X1", "it has a state table, expected gates or flip-flops"),
        (NANGATE, "ram", "it has pins that are a bus, expected gates or flip-flops"),
        (NANGATE, "pad", "its pin 'P' is of direction 'inout', expected input or output"),
        (NANGATE, "late", "'Y' is a function of 'B', which is no input"),
        (NANGATE, "open", "its output 'Y' has no function"),
        (
            NANGATE,
            "both",
            "its flip-flop has no value for clear and preset at once, which clear_preset_var1 and var2 are",
        ),
    ],
)
def test_what_is_no_gate_and_no_flip_flop_is_refused_where_it_is_used(library, cell, why):
    assert loads(library)[cell].refused == why


CELL = "library (l) {\n cell (a) {\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "liberty:1: expected library (name) {, found 'the end'"),
        ("GATE inv 1 O=!a;", "liberty:1: expected library (name) {, found 'GATE inv 1 O=!a;'"),
        (CELL, "liberty:2: cell (a) has no } at its end"),
        (CELL + "}", "liberty:1: library (l) has no } at its end"),
        (CELL + " timing () { ", "liberty:3: timing has no } at its end"),
        (
            CELL + ") }",
            "liberty:3: expected name : value;, name (values); or a group name (values) {, found ') }'",
        ),
        (CELL + "} cell (a) {} }", "liberty:3: cell 'a' is there already"),
        (CELL + "} cell (a, b) {} }", "liberty:3: expected cell (name), found ['a', 'b']"),
        (
            CELL + 'pin (Y) { direction : output;\n function : "A +"; } } }',
            "liberty:4: expected a pin, 0, 1, ! or (, found the end of 'A +'",
        ),
    ],
)
def test_malformed(error, text, message):
    assert error(ParseError, loads, text) == message
