import pytest

from circuits import ParseError
from circuits.formats.verilog import loads


def module(body, ports="input a, input b, input c, output y"):
    return f"module m ({ports});\n{body}\nendmodule\n"


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
