import re

import pytest

from circuits import ParseError
from circuits.formats.verilog import loads


def module(body, ports="input a, input b, input c, output y"):
    return f"module m ({ports});\n{body}\nendmodule\n"


FIX = '. Yosys makes gates of it: yosys -p "read_verilog FILE; synth -flatten; write_blif out.blif"'
ITEM, WAY = "expected wires, assigns, gates or instances, found ", f"{FIX}; see docs/rtl.md"
ABSENT = f", an instance of a module or cell that is not in the file. library= names cells{WAY}"
ALWAYS = "this 'always' is {}: expected always @(posedge clock)" + WAY
OPERAND = "expected a net, a constant or an expression, found "
UNDRIVEN = 'is driven by nothing: expected input {0} or assign {0} = ...; undriven=0, 1 or "input" chooses what it is'
UNDRIVEN_BIT = UNDRIVEN.format("t[1]")
ERRORS = [
    # More of Verilog than a netlist, each by its name.
    ("always @(a) y = a;", 2, ALWAYS.format("behaviour, and no register")),
    ("\ninitial y = a;", 3, "expected a constant as what a register begins with, found a net"),
    ("integer i;", 2, f"{ITEM}'integer', a variable{WAY}"),
    ("logic r;", 2, f"{ITEM}'logic', a word of SystemVerilog{WAY}"),
    ("always_comb y = a;", 2, f"{ITEM}'always_comb', a word of SystemVerilog{WAY}"),
    ("generate endgenerate", 2, f"{ITEM}'generate', for a design to elaborate{WAY}"),
    ("function f; endfunction", 2, f"{ITEM}'function', behaviour{WAY}"),
    ("inout a;", 2, f"{ITEM}'inout', a port of both directions{WAY}"),
    ("wand g;", 2, f"{ITEM}'wand', another kind of net{WAY}"),
    ("bufif1 (y, a, b);", 2, f"{ITEM}'bufif1', a gate with a third state{WAY}"),
    ("nmos (y, a, b);", 2, f"{ITEM}'nmos', a switch{WAY}"),
    ("pullup (y);", 2, f"{ITEM}'pullup', a strength{WAY}"),
    ("adder u (y, a, b);", 2, f"{ITEM}'adder'{ABSENT}"),
    ("\\and u (y, a, b);", 2, f"{ITEM}'and'{ABSENT}"),
    (";", 2, f"{ITEM}';'{WAY}"),
    ("$display(a);", 2, f"{ITEM}'$display'{WAY}"),
    ('"text"', 2, f"{ITEM}'\"\"'{WAY}"),
    ("output reg z;", 2, "output 'z' is not among the ports of the module"),
    ("wire (strong0, weak1) t = a;", 2, "expected a name, found '('"),
    ("wire t [0:3];", 2, "expected , or ; after 't', found '['"),
    ("wire t u;", 2, "expected , or ; after 't', found 'u'"),
    ("wire ;", 2, "expected a name, found ';'"),
    ("wire t,;", 2, "expected a name, found ';'"),
    ("and (strong0, strong1) g (y, a, b);", 2, "expected nets in parentheses, found 'strong0', a strength"),
    ("and g[3:0] (y, a, b);", 2, "expected nets in parentheses for 'and', found '['"),
    ("and g;", 2, "expected nets in parentheses for 'and', found ';'"),
    ("and (y, a, b) (z, a, b);", 2, "expected , or ; after ), found ')'"),
    ("and ();", 2, "expected nets in parentheses for 'and', found ';'"),
    ("and (y);", 2, "'and' takes an output and inputs, found one net"),
    ("and (y, a,);", 2, f"{OPERAND}')'"),
    ("and (y, .in(a));", 2, f"{OPERAND}'.'"),
    ("not (y);", 2, "'not' takes an output and inputs, found one net"),
    ("assign (strong0, pull1) y = a;", 2, "expected net = value after assign, found '('"),
    ("assign y;", 2, "expected net = value after assign, found 'y'"),
    ("assign ;", 2, "expected net = value after assign, found ';'"),
    ("assign ~y = a;", 2, "expected a net, a part of one, or nets in {} on the left side, found '~'"),
    ("assign (y) = a;", 2, "expected a net, a part of one, or nets in {} on the left side, found '('"),
    ("assign y <= a;", 2, "expected net = value after assign, found 'y'"),
    ("assign y = a\nassign t = b;", 3, "expected an operator or the end, found 'assign'"),
    ("assign y = a", 2, "this 'assign' has no ; at its end"),
    ("assign y = a ~& b;", 2, "expected an operator or the end, found '~&'"),
    ("assign y = a b;", 2, "expected an operator or the end, found 'b'"),
    ("assign y = a && & b |;", 2, f"{OPERAND}';'"),
    ("assign y = ;", 2, f"{OPERAND}';'"),
    ("assign y = ();", 2, f"{OPERAND}')'"),
    ("assign y = {};", 2, f"{OPERAND}'}}'"),
    ("assign y = (a & b;", 2, "this '(' is never closed"),
    ("assign y = {a;", 2, "this '{' is never closed"),
    ("assign y = a ? b;", 2, "this '?' is never closed"),
    ("assign y = a : b;", 2, "unexpected ':': no '?' is open here"),
    ("assign y = a ? b : c : a;", 2, "unexpected ':': no '?' is open here"),
    ("assign y = (a ? b) : c;", 2, "unexpected ')': no '(' is open here"),
    ("assign y = (a, b);", 2, "unexpected ',': no '{' is open here"),
    ("assign y = a);", 2, "unexpected ')': no '(' is open here"),
    ("assign y = f(a);", 2, "expected an operator or the end, found '('"),
    ("assign y = t; wire u;", 2, "net 't' is not declared"),
    ("assign y = 1'q0;", 2, "expected a constant such as 4'b0101 or 4'hA, found \"1'q0\""),
    ("assign y = 1'bx;", 2, "'x' in \"1'bx\" is neither 0 nor 1; dont_cares=0 or 1 chooses"),
    ("assign y = 1'hZ;", 2, "'z' in \"1'hZ\" is a third state: expected 0 and 1"),
    ("assign y = 1'b2;", 2, "expected digits of 01 in \"1'b2\""),
    ("assign y = 1'b;", 2, "expected digits of 01 in \"1'b\""),
    ("assign y = 99999'd2;", 2, "a constant has 1 to 65536 bits, found \"99999'd2\""),
    # A gate takes bits.
    ("wire [1:0] t; and (y, a, t);", 2, "expected one bit, found 2"),
    ("wire [1:0] t; and (t, a, b);", 2, "expected one bit, found 2"),
    # Vectors.
    ("wire [3:0] t; assign y = t[4];", 2, "t[4] is outside [3:0]"),
    ("wire [3:1] t; assign y = t[0];", 2, "t[0] is outside [3:1]"),
    ("wire [3:0] t; assign y = t[0:1];", 2, "t[0:1] runs against its declaration, [3:0]"),
    ("wire [3:0] t; assign y = t[a];", 2, f"expected a constant index, found net 'a'{FIX}"),
    ("wire [3:0] t; assign y = t[2+:3];", 2, "t[4:2] is outside [3:0]"),
    ("wire [3:0] t; assign y = t[0+:0];", 2, "a part has one bit or more, found 0"),
    ("wire [3:0] t; assign y = t[0;", 2, "this '[' is never closed"),
    ("wire [3:0] t; assign y = t[0][0];", 2, "expected an operator or the end, found '['"),
    ("assign y = a[0];", 2, "'a' has one bit and no index, found one"),
    ("wire [N:0] t;", 2, "net 'N' is not declared"),
    ("wire [3] t;", 2, "expected the bounds [number:number] of a vector"),
    ("wire [65536:0] t;", 2, "a vector has at most 65536 bits, found [65536:0]"),
    ("wire [2147483648:0] t;", 2, "expected a plain number below 2^31, found '2147483648'"),
    ("wire [3:0] t; wire \\t[2] ;", 2, "net 't[2]' has the name of a bit of vector 't': rename one"),
    # Declarations.
    ("wire t;\nwire t;", 3, "'t' is declared twice: here and in line 2"),
    ("input a;", 2, "'a' is declared twice: here and in line 1"),
    ("input d;", 2, "input 'd' is not among the ports of the module"),
    ("wire [1:0] a;", 2, "'a' is declared as one bit and as [1:0]"),
    # Registers, instances, parameters.
    ("always @(posedge a or negedge b) y <= c;", 2,
     "expected if (reset) ... else ... in this 'always' of more than one edge"),
    ("always @(posedge a or negedge b) if (c) y <= 0; else y <= c;", 2,
     "expected if (reset) ... else ... in this 'always' of more than one edge"),
    ("always @(posedge a or negedge b) if (!b) y <= c; else y <= c;", 2,
     "expected constants as what an asynchronous reset gives"),
    ("always @(posedge a or b) y <= c;", 2, ALWAYS.format("behaviour, and no register")),
    ("always @* y = a;", 2, ALWAYS.format("behaviour, and no register")),
    ("always @(posedge a) y = b;", 2, f"expected net <= value, found '='{WAY}"),
    ("always @(posedge a)\ncase (b) endcase", 3, f"expected net <= value, found 'case'{WAY}"),
    ("always @(posedge a) y <= b", 3, "expected ;, found 'endmodule'"),
    ("reg q; always @(posedge a) q <= b;", 2,
     "'always' is a register: expected a combinational circuit, without state. "
     'registers="cut" makes its value an input, and its next value an output'),
    ("dff (y, a);", 2, "expected a name and connections in parentheses after 'dff', found ';'"),
    ("dff u[1:0] (y, a);", 2, "expected one instance, found '[': arrays of instances are not read"),
    ("dff u (c, y, .d(a));", 2, "expected all pins by name, or all by place, found both"),
    ("\\$_AND_ u (a, b, y);", 2, "expected .pin(net) of cell '$_AND_', found 'a'"),
    ("\\$_DLATCH_P_ u (.E(a), .D(b), .Q(y));", 2, "cell '$_DLATCH_P_' is refused: "
     "it is a latch, or is set as well as reset. Yosys's async2sync makes it plain"),
    ("\\$lut u (.A(a), .Y(y));", 2, "expected #(.LUT(...), .WIDTH(...)) and pins A and Y of $lut"),
    ("\\$lut #(.LUT(3'h4)) u (.A(a), .Y(y));", 2,
     "a $lut has one output, at most 16 inputs, and a bit for each value of them, found 1, 1 and 3 bits"),
    ("parameter N = a;", 2, "expected a constant, found a net"),
    ("localparam N = 1 / 0;", 2, "1 / 0 has no value"),
    ("localparam N;", 2, "expected localparam N = value, found ';'"),
    ("localparam N = 1, N = 2;", 2, "'N' is declared twice"),
    ("assign y = {0{a}};", 2, "a replication is of 1 to 65536 times, found 0"),
    ("assign y = {a{b}};", 2, "expected a constant, found a net"),
    ("assign y = a / b;", 2, f"'/' is read of constants only{FIX}"),
    ("defparam u.N = 3;", 1, "defparam names 'u', which is no instance"),
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


def test_one_module_of_several_by_its_name(error):
    one, two = (
        "module one (input a, output y); buf (y, a); endmodule\n",
        "module two (output y); buf (y, 1'b1); endmodule",
    )
    assert loads(one + two, model="one").n_gates == 1
    message = "verilog: expected one module that no other uses, found 2: 'one', 'two'; model=\"one\" chooses"
    assert error(ParseError, loads, one + two) == message
    message = "verilog: there is no module 'three', expected one of 'one', 'two'"
    assert error(ParseError, loads, one + two, model="three") == message
    # What is in other modules is none of our business, @(*) not being the beginning of an attribute.
    other = 'module b; integer r; always @(*) $display("x; endmodule", 1.5); endmodule\n'
    assert loads(other + one + other.replace("module b", "\nmodule c"), model="one").n_gates == 1
    circle = "module p (output y); q u (y); endmodule module q (output y); p u (y); endmodule"
    assert error(ParseError, loads, circle) == "verilog: the modules use each other in a circle: 'p', 'q'"
    assert error(ParseError, loads, circle, model="p") == "verilog:1: module 'p' uses itself"
    assert error(ParseError, loads, "module p (output y); p u (y); endmodule") == "verilog:1: module 'p' uses itself"


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        ("add u (a, b, y, y);", "module 'add' has 3 ports, found 4"),
        ("add u (.a(a), .q(y));", "module 'add' has no port 'q', expected 'a', 'b', 'y'"),
        ("add u (.a(a), .a(b));", "pin 'a' is connected twice"),
        ("add u (a, b, ~y);", "expected a net, a part of one, or nets in {} on the left side, found '~'"),
        ("add u (a, b, y), v (a, b, y);", "net 'y' is driven twice: here and in line 2"),
        ("add #(.M(3)) u (a, b, y);", "module 'add' has no parameter 'M', expected 'N'"),
        ("add #(1, 2) u (a, b, y);", "module 'add' has 1 parameters, found 2"),
        ("add #(70000) u (a, b, y);", "a vector has at most 65536 bits, found [69999:0]"),
        ("add u (, b, y);", f"net 'u.a', an input of gate 'y', {UNDRIVEN.format('u.a')}"),
        ("none u (a, b, y);", f"{ITEM}'none'{ABSENT}"),
    ],
)  # fmt: skip
def test_errors_of_instances(instance, message, error):
    add = "module add #(parameter N = 1) (input [N-1:0] a, b, output y); assign y = a[0] & b[0]; endmodule"
    add = add.replace("[N-1:0] a, b", "a, b, input [N-1:0] c") if "u (," in instance else add
    add = add.replace("a[0] & b[0]", "a & b").replace(", input [N-1:0] c", "") if "u (," in instance else add
    text = f"{add}\n" + module(instance).replace("\n", " ", 1)
    line = 1 if "gate 'y'" in message or "70000" in instance else 2
    assert error(ParseError, loads, text, model="m") == f"verilog:{line}: {message}"


def test_instances_that_double_are_refused(error):
    # 2^40 gates in forty lines.
    modules = "".join(
        f"module m{i} (input a, output y); wire t; m{i + 1} u (a, t), v (t, y); endmodule\n" for i in range(40)
    )
    message = error(ParseError, loads, modules + "module m40 (input a, output y); not (y, a); endmodule")
    said = r"verilog:\d+: module 'm\d+' with the modules in it comes to more than \d+ gates and nets, once flattened"
    assert re.fullmatch(said, message)


def test_a_deep_hierarchy():
    modules = "".join(f"module m{i} (input a, output y); m{i + 1} u (a, y); endmodule\n" for i in range(1000))
    assert loads(modules + "module m1000 (input a, output y); not (y, a); endmodule").n_gates == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('`include "x.v"', "1: directive or macro '`include' is not read: run a preprocessor first"),
        ("`ifdef A\nmodule", "1: this `ifdef has no `endif"),
        ("\n`else", "2: `else without `ifdef"),
        ("`ifdef\n", "1: expected a name after `ifdef"),
        ("`define F(x) x\n`F(1)", "2: directive or macro '`F' is not read: run a preprocessor first"),
        ("`define A `B\n`define B `A\n`A", "3: macros expand without end"),
        ("`define A `B\n`A", "2: directive or macro '`B' is not read: run a preprocessor first"),
    ],
)
def test_errors_of_directives(text, message, error):
    assert error(ParseError, loads, text) == f"verilog:{message}"


def test_macros_that_double_are_refused(error):
    text = "`define A0 a & a\n" + "".join(f"`define A{i + 1} `A{i} `A{i}\n" for i in range(60)) + "`A60"
    assert error(ParseError, loads, text) == "verilog:62: macros expand without end"


@pytest.mark.parametrize(("body", "line", "message"), ERRORS)
def test_errors_say_the_line_and_what(body, line, message, error):
    text = module(body)
    assert error(ParseError, loads, text) == f"verilog:{line}: {message}"
    assert error(ParseError, loads, text.replace("\n", "\r\n"), source="a.v") == f"a.v:{line}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": expected a module, found none"),
        ("// module m (output y); endmodule", ": expected a module, found none"),
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
        ("module m (.a(b)); endmodule", ":1: port 'b' is declared neither input nor output"),
        ("module m (a[3:0]); endmodule", ":1: port 'a' is declared neither input nor output"),
        ("module m ({a, b}); input a; output b; endmodule", ":1: expected a port of inputs or of outputs, found both"),
        ("module m (a, input b); endmodule", ":1: expected a name, found 'input'"),
        ("module m (inout a); endmodule", ":1: expected a name, found 'inout', a port of both directions"),
        ("module m (output logic y); endmodule", ":1: expected a name, found 'logic', a word of SystemVerilog"),
        ("module m #(N = 1 (input a); endmodule", ":1: this '(' is never closed"),
        ("module m (input a; endmodule", ":1: expected the ports of the module in parentheses, found ';'"),
        ("module m (output y); endmodule\nmodule m; endmodule", ":2: module 'm' stands in line 1 already"),
    ],
)  # fmt: skip
def test_errors_of_modules_and_ports(text, message, error):
    assert error(ParseError, loads, text) == f"verilog{message}"


N = 5_000
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


@pytest.mark.parametrize("text", ["a ? b : " * N + "c", "a ? " * N + "c" + " : b" * N])
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
