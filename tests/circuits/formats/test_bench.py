import re
import shutil
import subprocess
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import ParseError, c17_path, depth, evaluate, read
from circuits.formats.bench import dumps, loads
from circuits.gates import AND, NAND, NOT, TRUE, XOR
from circuits.netlist import Circuit
from circuits.verification.miters import miter

C17 = """\
INPUT(1)
INPUT(2)
INPUT(3)
INPUT(6)
INPUT(7)
OUTPUT(22)
OUTPUT(23)
10 = NAND(1, 3)
11 = NAND(3, 6)
16 = NAND(2, 11)
19 = NAND(11, 7)
22 = NAND(10, 16)
23 = NAND(16, 19)
"""
# Inputs, outputs, gates and inverters: the table of Brglez and Fujiwara (1985), the two kinds of gates added up.
ISCAS85 = {
    "c17": (5, 2, 6),
    "c432": (36, 7, 160),
    "c499": (41, 32, 202),
    "c880": (60, 26, 383),
    "c1355": (41, 32, 546),
    "c1908": (33, 25, 880),
    "c6288": (32, 32, 2416),
}
AB = "INPUT(a)\nINPUT(b)\nOUTPUT(y)\n"


def c17_by_hand(x1, x2, x3, x6, x7):
    n11 = not (x3 and x6)
    n16 = not (x2 and n11)
    return [not (not (x1 and x3) and n16), not (n16 and not (n11 and x7))]


@pytest.fixture(scope="session")
def table(reference, all_rows):
    """The truth table of a text: output name -> zeros and ones, rows in the order of its inputs."""

    def of(text):
        circuit = loads(text)
        columns = reference(circuit, all_rows(circuit.n_inputs)).T.astype(int).tolist()
        return dict(zip(circuit.output_names, columns, strict=True))

    return of


@pytest.mark.parametrize("text", [C17, Path(c17_path).read_text()], ids=["here", "package"])
def test_c17(text, reference, all_rows):
    circuit = loads(text)
    assert (circuit.input_names, circuit.output_names) == (("1", "2", "3", "6", "7"), ("22", "23"))
    assert circuit.tables.tolist() == [NAND] * 6
    assert depth(circuit) == 3
    assert reference(circuit, all_rows(5)).tolist() == [c17_by_hand(*row) for row in all_rows(5)]


@given(order=st.permutations(C17.splitlines()), data=st.data())
def test_lines_may_come_in_any_order(order, data, reference, all_rows):
    circuit = loads("\n".join(order))
    # Inputs and outputs come in the order of the file.
    of_kind = {kind: re.findall(kind + r"\((\w+)\)", "\n".join(order)) for kind in ("INPUT", "OUTPUT")}
    assert [*circuit.input_names] == of_kind["INPUT"]
    assert [*circuit.output_names] == of_kind["OUTPUT"]
    x = data.draw(st.sampled_from(all_rows(5).tolist()))
    values = dict(zip(circuit.input_names, x, strict=True))
    expected = dict(zip(("22", "23"), c17_by_hand(*(values[name] for name in ("1", "2", "3", "6", "7"))), strict=True))
    assert reference(circuit, [x])[0].tolist() == [expected[name] for name in circuit.output_names]


def test_c17_cut_off_at_any_byte_is_an_error():
    # But for the last line break, every cut leaves a line malformed or a net undriven.
    text = Path(c17_path).read_text()
    for cut in range(len(text.rstrip())):
        with pytest.raises(ParseError):
            loads(text[:cut])
    assert loads(text.rstrip()).n_gates == 6


def test_c17_with_any_line_left_out_is_an_error_or_lacks_an_output():
    lines = C17.splitlines()
    for line in lines:
        rest = "\n".join(other for other in lines if other != line)
        if line.startswith("OUTPUT"):
            assert loads(rest).n_outputs == 1
        else:
            with pytest.raises(ParseError, match="driven by nothing"):
                loads(rest)


FOLDS = {
    "AND": all,
    "OR": any,
    "XOR": lambda bits: sum(bits) % 2,
    "NAND": lambda bits: not all(bits),
    "NOR": lambda bits: not any(bits),
    "XNOR": lambda bits: (sum(bits) + 1) % 2,
    "NXOR": lambda bits: (sum(bits) + 1) % 2,
}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("kind", FOLDS)
def test_gates_of_many_nets(kind, n, table):
    nets = [f"x{i}" for i in range(n)]
    text = "".join(f"INPUT({net})\n" for net in nets) + f"OUTPUT(y)\ny = {kind}({', '.join(nets)})"
    assert table(text) == {"y": [int(FOLDS[kind]([row >> i & 1 for i in range(n)])) for row in range(2**n)]}
    circuit = loads(text)
    assert circuit.n_gates == max(1, n - 1)
    assert depth(circuit) == max(1, (n - 1).bit_length())


@pytest.mark.parametrize(
    ("kind", "expected"), [("NOT", [1, 0]), ("INV", [1, 0]), ("BUF", [0, 1]), ("BUFF", [0, 1]), ("not", [1, 0])]
)
def test_gates_of_one_net(kind, expected, table):
    text = f"INPUT(a)\nOUTPUT(y)\ny = {kind}(a)"
    assert table(text) == {"y": expected}
    assert loads(text).n_gates == 1


@pytest.mark.parametrize(("written", "value"), [("vdd", 1), ("gnd", 0), ("VDD", 1), ("Gnd", 0), ("vdd()", 1)])
def test_constants(written, value, table):
    assert table(f"OUTPUT(y)\ny = {written}") == {"y": [value]}
    assert table(f"INPUT(a)\nOUTPUT(y)\ny = XOR(a, c)\nc = {written}") == {"y": [value, 1 - value]}


@pytest.mark.parametrize(
    "text",
    [
        "y = AND(a, b)",
        "y=AND(a,b)",
        "  y\t=  AND  (  a  ,\tb  )  ",
        "y = and(a, b)",
        "y = And(a, b)",
        "y = AND(a, b) # y = OR(a, b)",
        "#\n\n   # INPUT(c)\ny = AND(a, b)#",
        "y = NOT(n)\nn = NAND(a, b)",
        "y = AND(a, b)\nunused = OR(a, b)",
        "y = BUF(y.1)\ny.1 = AND(a, b)",
        "y = BUF(INPUT)\nINPUT = AND(a, b)",
        "y = BUF([3]/top:u1'$-+)\n[3]/top:u1'$-+ = AND(b, a)",
        "y = AND(a, b, a, b, b)",
    ],
)
def test_layout_case_comments_and_names(text, table):
    assert table(AB + text) == {"y": [0, 0, 0, 1]}
    assert table((AB + text).replace("\n", "\r\n")) == {"y": [0, 0, 0, 1]}
    assert table(AB.lower().replace("put(", "put  ( ") + text) == {"y": [0, 0, 0, 1]}


def test_names_keep_their_case_and_their_zeros():
    circuit = loads("INPUT(A)\nINPUT(a)\nINPUT(01)\nINPUT(1)\nOUTPUT(y)\ny = AND(A, a, 01, 1)")
    assert circuit.input_names == ("A", "a", "01", "1")


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_a_comment_ends_with_its_line(separator, table):
    # str.splitlines breaks at these, and then text that was commented out comes alive.
    text = f"INPUT(a)\nOUTPUT(y)\n# as it was:{separator}y = BUF(a)\ny = NOT(a)"
    assert table(text) == {"y": [1, 0]}


def test_an_output_may_be_an_input(table):
    assert table("INPUT(a)\nOUTPUT(a)") == {"a": [0, 1]}
    assert table("OUTPUT(a)\nOUTPUT(y)\nINPUT(a)\ny = NOT(a)") == {"a": [0, 1], "y": [1, 0]}


def test_an_input_that_nothing_reads_stays():
    assert loads(AB + "y = NOT(a)").input_names == ("a", "b")


def test_the_gates_of_a_file_stay_gates():
    # Nothing is simplified: equal gates, double inverters and gates that no output needs are all there.
    circuit = loads(AB + "y = NOT(p)\np = NOT(q)\nq = AND(a, b)\nr = AND(a, b)\ns = BUF(a)")
    assert circuit.n_gates == 5


EXPECTED = "expected INPUT(net), OUTPUT(net) or net = GATE(net, ...), found {!r}"
GATES = "AND, NAND, OR, NOR, XOR, XNOR, NXOR, NOT, INV, BUF, BUFF, MUX"
NOTHING = 'is driven by nothing: expected INPUT({0}) or {0} = GATE(...); undriven=0, 1 or "input" chooses what it is'
REGISTER = (
    "is a register: expected a combinational circuit, without state. "
    'registers="cut" makes its value an input, and its next value an output'
)
ERRORS = [
    ("y = AND(a, b", 4, EXPECTED.format("y = AND(a, b")),
    ("y = AND a, b", 4, EXPECTED.format("y = AND a, b")),
    ("y = AND(a,\nb)", 4, EXPECTED.format("y = AND(a,")),
    ("y = AND(a, b))", 4, EXPECTED.format("y = AND(a, b))")),
    ("y = AND(a, OR(a, b))", 4, EXPECTED.format("y = AND(a, OR(a, b))")),
    ("y = AND(a, b);", 4, EXPECTED.format("y = AND(a, b);")),
    ("y = AND(a, b) z = OR(a, b)", 4, EXPECTED.format("y = AND(a, b) z = OR(a, b)")),
    ("y AND(a, b)", 4, EXPECTED.format("y AND(a, b)")),
    ("y == AND(a, b)", 4, EXPECTED.format("y == AND(a, b)")),
    ("y z = AND(a, b)", 4, EXPECTED.format("y z = AND(a, b)")),
    ("= AND(a, b)", 4, EXPECTED.format("= AND(a, b)")),
    ("y = (a, b)", 4, EXPECTED.format("y = (a, b)")),
    ("y = a", 4, EXPECTED.format("y = a")),
    ("y = vcc", 4, EXPECTED.format("y = vcc")),
    ("y = LUT (a, b)", 4, "unknown gate 'LUT', expected one of " + GATES),
    ("y = LUT 8 (a, b)", 4, EXPECTED.format("y = LUT 8 (a, b)")),
    ("y = LUT 0x (a, b)", 4, EXPECTED.format("y = LUT 0x (a, b)")),
    ("y = LUT 0xg (a, b)", 4, EXPECTED.format("y = LUT 0xg (a, b)")),
    ("y = LUT 0x10 (a, b)", 4, "LUT 0x10 has more than the 4 bits that 2 nets have"),
    ("y = LUT 0x2 ()", 4, "LUT 0x2 has more than the 1 bits that 0 nets have"),
    ("y = LUT 0x0 (" + "a, " * 16 + "a)", 4, "LUT takes at most 16 nets, found 17"),
    ("y = LUT 0x8 (a b)", 4, "expected nets parted by commas, found 'a b'"),
    ("\N{LATIN SMALL LETTER DOTLESS I}nput(c)", 4, EXPECTED.format("\N{LATIN SMALL LETTER DOTLESS I}nput(c)")),
    ("y = BU\N{LATIN SMALL LIGATURE FF}(a)", 4, EXPECTED.format("y = BU\N{LATIN SMALL LIGATURE FF}(a)")),
    ("y = " + "x" * 100 + "(a)", 4, f"unknown gate '{'X' * 57}...', expected one of {GATES}"),
    ("y = AND(" + "a " * 100 + ")", 4, f"expected nets parted by commas, found '{('a ' * 29)[:57]}...'"),
    ("INPUT()", 4, EXPECTED.format("INPUT()")),
    ("INPUT(c d)", 4, EXPECTED.format("INPUT(c d)")),
    ("INPUT(c, d)", 4, EXPECTED.format("INPUT(c, d)")),
    ("INPUT c", 4, EXPECTED.format("INPUT c")),
    ("INPUT(c) INPUT(d)", 4, EXPECTED.format("INPUT(c) INPUT(d)")),
    ("INOUT(c)", 4, EXPECTED.format("INOUT(c)")),
    ("\ufeffy = NOT(a)\n!", 5, EXPECTED.format("!")),
    ("\n\n  what is this?  # a comment", 6, EXPECTED.format("what is this?")),
    ("x" * 100, 4, EXPECTED.format("x" * 57 + "...")),
    ("y = AND(a,, b)", 4, "expected nets parted by commas, found 'a,, b'"),
    ("y = AND(a, b,)", 4, "expected nets parted by commas, found 'a, b,'"),
    ("y = AND(,)", 4, "expected nets parted by commas, found ','"),
    ("y = AND(a b)", 4, "expected nets parted by commas, found 'a b'"),
    ("y = NADN(a, b)", 4, f"unknown gate 'NADN', expected one of {GATES}"),
    ("y = mux(a, b)", 4, "MUX takes three nets, the selecting one first, found 2"),
    ("y = AND()", 4, "AND takes one or more nets, found none"),
    ("y = NOT()", 4, "NOT takes one net, found 0"),
    ("y = NOT(a, b)", 4, "NOT takes one net, found 2"),
    ("y = buff(a, b)", 4, "BUFF takes one net, found 2"),
    ("y = VDD(a)", 4, "VDD takes no nets, found 1"),
    ("y = DFF(a)", 4, f"DFF {REGISTER}"),
    ("\ny = dff(a)", 5, f"DFF {REGISTER}"),
    ("y = LATCH(a, b)", 4, f"LATCH {REGISTER}"),
    ("y = DFFSR(a, b)", 4, f"DFFSR {REGISTER}"),
    ("y = DFFRSE(a, gnd, gnd, gnd, gnd)", 4, f"DFFRSE {REGISTER}"),
    ("y = AND(a, b)\ny = OR(a, b)", 5, "net 'y' is driven twice: here and in line 4"),
    ("y = AND(a, b)\n\na = NOT(b)", 6, "net 'a' is driven twice: here and in line 1"),
    ("y = AND(a, b)\nINPUT(y)", 5, "net 'y' is driven twice: by INPUT(y) and in line 4"),
    ("INPUT(y)\ny = AND(a, b)", 5, "net 'y' is driven twice: here and in line 4"),
    ("y = AND(a, b)\nINPUT(a)", 5, "INPUT(a) stands in line 1 already"),
    ("y = AND(a, b)\noutput(y)", 5, "OUTPUT(y) stands in line 3 already"),
    ("", 3, f"net 'y' of OUTPUT(y) {NOTHING.format('y')}"),
    ("y = AND(a, c)", 4, f"net 'c', an input of gate 'y', {NOTHING.format('c')}"),
    ("y = AND(a, b)\nunused = OR(a, c)", 5, f"net 'c', an input of gate 'unused', {NOTHING.format('c')}"),
    ("y = AND(A, b)", 4, f"net 'A', an input of gate 'y', {NOTHING.format('A')}"),
    ("y = AND(a, y)", 4, "net 'y' depends on itself: y <- y; expected no cycles"),
    ("y = NOT(p)\np = NOT(q)\nq = NOT(y)", 4, "net 'y' depends on itself: y <- p <- q <- y; expected no cycles"),
    # What a net of the loop reads besides is not shown as a part of it.
    (
        "y = AND(d, q)\nd = NOT(e)\ne = NOT(a)\nq = NOT(y)",
        4,
        "net 'y' depends on itself: y <- q <- y; expected no cycles",
    ),
    # A loop beside the outputs, and one that hangs off other logic: the line is one of the loop's own.
    ("y = AND(a, b)\nc = NOT(d)\nd = NOT(c)", 5, "net 'c' depends on itself: c <- d <- c; expected no cycles"),
    ("y = AND(a, p)\np = OR(b, q)\nq = NOT(p)", 5, "net 'p' depends on itself: p <- q <- p; expected no cycles"),
]


@pytest.mark.parametrize(("text", "line", "message"), ERRORS)
def test_errors_say_the_line_and_what(text, line, message, error):
    assert error(ParseError, loads, AB + text) == f"bench:{line}: {message}"
    assert error(ParseError, loads, (AB + text).replace("\n", "\r\n"), source="a.bench") == f"a.bench:{line}: {message}"


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("LUT 0x8 (a, b)", [0, 0, 0, 1]),
        ("LUT 0x2 ( a, b )", [0, 1, 0, 0]),
        ("lut 0XD(b,a)", [1, 1, 0, 1]),
        ("LUT 0x0008 (a, b)", [0, 0, 0, 1]),
        ("LUT 0xe8 (a, b, a)", [0, 1, 0, 1]),
        ("LUT 0x1 (a)", [1, 0, 1, 0]),
        ("LUT 0x1 ()", [1, 1, 1, 1]),
        ("LUT 0x0 ()", [0, 0, 0, 0]),
    ],
)
def test_look_up_tables(written, values, table):
    assert table(AB + "y = " + written) == {"y": values}


@pytest.mark.parametrize("n", [3, 5, 8])
def test_a_look_up_table_of_n_nets(n, table):
    bits = np.random.default_rng(n).integers(0, 2, 2**n).tolist()
    nets = [f"x{i}" for i in range(n)]
    number = sum(bit << row for row, bit in enumerate(bits))
    text = "".join(f"INPUT({net})\n" for net in nets) + f"OUTPUT(y)\ny = LUT 0x{number:x} ({', '.join(nets)})"
    assert table(text) == {"y": bits}


def test_short_lines_of_long_tables_take_no_memory():
    # 2^16 bits each, of one digit.
    nets = ", ".join(["a", "b"] * 8)
    text = AB + "".join(f"y{i} = LUT 0x1 ({nets})\n" for i in range(500)) + "y = BUF(y0)"
    assert loads(text).n_gates < 500 * 17


SEQUENTIAL = "INPUT(a)\nOUTPUT(y)\ny = XOR(a, q)\nq = DFF(y)\n"


def test_registers_are_cut(table, error):
    circuit = loads(SEQUENTIAL, registers="cut")
    assert (circuit.input_names, circuit.output_names) == (("a", "q"), ("y", "q_next"))
    assert circuit.outputs.tolist() == [3, 3]
    # As ABC writes it, and a register of which the state is the only output.
    abc = SEQUENTIAL.replace("DFF(y)", "DFFRSE( y, gnd, gnd, gnd, gnd )")
    assert loads(abc, registers="cut").outputs.tolist() == [3, 3]
    assert loads("q = DFF(q)", registers="cut").output_names == ("q_next",)
    for kind, n in (("DFFSR(a, y)", 2), ("DFFRSE(y, a, gnd, gnd, gnd)", 5), ("LATCH()", 0)):
        assert error(ParseError, loads, SEQUENTIAL.replace("DFF(y)", kind), registers="cut") == (
            f"bench:4: {kind.split('(')[0]} of {n} nets cannot be cut, only a register of one"
        )


def test_a_word_for_registers_that_is_none(error):
    assert error(ValueError, loads, C17, registers="keep") == (
        "loads: expected registers to be 'refuse', 'cut' or 'unroll', got 'keep'."
    )


def test_an_error_carries_its_place():
    with pytest.raises(ParseError) as caught:
        loads(AB + "y = DFF(a)", source="s27.bench")
    assert (caught.value.source, caught.value.line, caught.value.column) == ("s27.bench", 4, None)


@pytest.mark.parametrize("text", ["", "\n \n", "# INPUT(a)", "INPUT(a)", "INPUT(a)\ny = NOT(a)"])
def test_a_file_without_outputs_is_refused(text, error):
    assert error(ParseError, loads, text) == "bench: expected at least one OUTPUT(net), found none"


def test_a_long_loop_is_shown_in_short(error):
    n = 50_000
    text = "OUTPUT(x0)\n" + "\n".join(f"x{i} = NOT(x{(i + 1) % n})" for i in range(n))
    loop = "x0 <- x1 <- x2 <- x3 <- x4 <- x5 <- ... <- x0"
    assert error(ParseError, loads, text) == f"bench:2: net 'x0' depends on itself: {loop}; expected no cycles"


@pytest.mark.parametrize("step", [1, -1])
def test_a_chain_of_20_000_gates(step):
    n = 20_000
    lines = [f"x{i + 1} = NOT(x{i})" for i in range(n)][::step]
    circuit = loads("\n".join(["INPUT(x0)", f"OUTPUT(x{n})", *lines]))
    assert circuit.n_gates == n
    # Whatever their order in the file, each gate comes after the one that feeds it.
    assert circuit.fan_ins[:, 0].tolist() == list(range(1, n + 1))


def test_a_gate_of_200_000_nets():
    n = 200_000
    text = "INPUT(a)\nOUTPUT(y)\ny = AND(" + ", ".join(["a"] * n) + ")"
    circuit = loads(text)
    assert (circuit.n_gates, depth(circuit)) == (n - 1, 18)


@pytest.mark.parametrize("line", ["x" * 10**6, "x " * 10**5, "y = AND(" + "a " * 10**5, "x" + " " * 10**5 + "!"])
def test_a_huge_line_of_nonsense_is_refused_in_short(line, error):
    assert len(error(ParseError, loads, AB + line)) < 200


def test_many_paths_are_walked_once():
    # Every gate reads the two before it: as many paths as Fibonacci numbers, in an order that walks them all at once.
    n = 5000
    lines = [f"x{i} = AND(x{i - 1}, x{i - 2})" for i in range(n, 1, -1)]
    circuit = loads("\n".join(["INPUT(x0)", "INPUT(x1)", f"OUTPUT(x{n})", *lines]))
    assert circuit.n_gates == n - 1


# The ISCAS-85 circuits themselves.


def two_input_gates(text):
    """How many gates the text has when each of n nets is n - 1 of two: counted from the text alone."""
    nets = re.findall(r"^\S+\s*=\s*\w+\s*\(([^)]*)\)", text, re.MULTILINE)
    return sum(max(1, arguments.count(",")) for arguments in nets)


@pytest.mark.parametrize(("name", "counts"), ISCAS85.items())
def test_the_published_counts(name, counts, iscas85):
    path = iscas85 / f"{name}.bench"
    circuit, text = read(path), path.read_text()
    assert (circuit.n_inputs, circuit.n_outputs, len(re.findall("=", text))) == counts
    assert circuit.n_gates == two_input_gates(text)
    assert list(circuit.input_names) == re.findall(r"^INPUT\((\w+)\)", text, re.MULTILINE)
    assert list(circuit.output_names) == re.findall(r"^OUTPUT\((\w+)\)", text, re.MULTILINE)


def test_c17_of_the_package_is_that_of_the_benchmarks(iscas85):
    here, there = read(c17_path), read(iscas85 / "c17.bench")
    assert (here.input_names, here.output_names) == (there.input_names, there.output_names)
    assert here.fan_ins.tolist() == there.fan_ins.tolist()


def test_c6288_is_a_16_bit_multiplier(iscas85):
    circuit = read(iscas85 / "c6288.bench")
    # Found by trying, and in keeping with its structure: inputs 1..256 are one factor and 273..528 the other, lowest
    # bit first. The outputs are listed by the numbers of their nets, lowest bit first, but for the last two: 6287 is
    # the last carry, bit 31, and 6288 the sum beside it, bit 30.
    assert circuit.output_names[-2:] == ("6287", "6288")
    rng = np.random.default_rng(0)
    a = np.concatenate([rng.integers(0, 2**16, 3000), [0, 1, 2**16 - 1, 2**16 - 1, 2**15]])
    b = np.concatenate([rng.integers(0, 2**16, 3000), [9, 2**16 - 1, 2**16 - 1, 1, 2**15]])
    x = np.hstack([a[:, None] >> np.arange(16) & 1, b[:, None] >> np.arange(16) & 1])
    places = np.array([*range(30), 31, 30])
    product = np.asarray(evaluate(circuit, x)).astype(np.int64) @ (1 << places)
    np.testing.assert_array_equal(product, a * b)
    # All gates but inverters have two nets, and the ripple through the array is the longest known path.
    assert depth(circuit) == 124


def test_c499_and_c1355_are_one_function(iscas85):
    # c1355 is c499 with each XOR written as four NANDs (Brglez and Fujiwara 1985); names differ, places do not.
    x = np.random.default_rng(0).integers(0, 2, (20_000, 41)).astype(bool)
    got = evaluate(read(iscas85 / "c499.bench"), x)
    np.testing.assert_array_equal(got, evaluate(read(iscas85 / "c1355.bench"), x))
    assert 0.4 < np.asarray(got).mean() < 0.6


def test_c499_corrects_single_errors(iscas85):
    # A (40, 32) error corrector (M. C. Hansen, H. Yalcin and J. P. Hayes, Unveiling the ISCAS-85 benchmarks, 1999): of
    # 32 data bits, 8 check bits and an enable, it passes on the data; with the right check bits all are unchanged, and
    # flipping any one data bit is undone.
    circuit = read(iscas85 / "c499.bench")
    rng = np.random.default_rng(0)
    data = rng.integers(0, 2, 32).astype(bool)
    checks = np.array([[row >> i & 1 for i in range(8)] for row in range(256)], bool)
    candidates = np.hstack([np.tile(data, (256, 1)), checks, np.ones((256, 1), bool)])
    assert set(circuit.input_names[32:]) == {str(name) for name in range(129, 138)}
    unchanged = (np.asarray(evaluate(circuit, candidates)) == data).all(axis=1)
    flipped = candidates[unchanged][:, None] ^ np.eye(32, 41, dtype=bool)
    undone = (np.asarray(evaluate(circuit, flipped)) == data).all(axis=(1, 2))
    assert undone.sum() == 1


@pytest.mark.parametrize(("name", "line"), [("s27", 14), ("s298", 18), ("s344", 29)])
def test_a_circuit_with_registers_is_refused(name, line, iscas89, error):
    path = iscas89 / f"{name}.bench"
    assert error(ParseError, read, path) == f"{path}:{line}: DFF {REGISTER}"


@pytest.mark.parametrize(
    ("name", "registers", "counts"), [("s27", 3, (4, 1)), ("s298", 14, (3, 6)), ("s344", 15, (9, 11))]
)
def test_a_circuit_with_registers_is_cut(name, registers, counts, iscas89):
    # Inputs, outputs and registers: the table of Brglez, Bryan and Kozminski (1989).
    text = (iscas89 / f"{name}.bench").read_text()
    circuit = loads(text, registers="cut")
    assert (circuit.n_inputs - registers, circuit.n_outputs - registers) == counts
    states = re.findall(r"^(\S+)\s*=\s*DFF", text, re.MULTILINE)
    assert list(circuit.input_names[counts[0] :]) == states
    assert list(circuit.output_names[counts[1] :]) == [f"{state}_next" for state in states]


def test_s27_step_by_step(iscas89, reference):
    # By hand, from the netlist: G10, G11, G13 are the next states of G5, G6, G7.
    circuit = loads((iscas89 / "s27.bench").read_text(), registers="cut")
    assert circuit.input_names == ("G0", "G1", "G2", "G3", "G5", "G6", "G7")
    assert circuit.output_names == ("G17", "G5_next", "G6_next", "G7_next")
    for row in np.random.default_rng(0).integers(0, 2, (40, 7)).astype(bool):
        g0, g1, g2, g3, g5, g6, g7 = row.tolist()
        g8, g12 = (not g0) and g6, not (g1 or g7)
        g9 = not ((g3 or g8) and (g12 or g8))
        g11 = not (g5 or g9)
        expected = [not g11, not (not g0 or g11), g11, not (g2 or g12)]
        assert reference(circuit, [row])[0].tolist() == expected


# Written, and read again.


@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), gates=st.integers(0, 30), m=st.integers(1, 4))
def test_dumps_and_loads_keep_names_and_function(seed, n, gates, m, random_circuit, reference, all_rows):
    # Constants, inputs as outputs, and two outputs of one node are among them.
    circuit = random_circuit(seed, n, gates, m)
    again = loads(dumps(circuit))
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    np.testing.assert_array_equal(reference(again, all_rows(n)), reference(circuit, all_rows(n)))


def test_the_text_of_awkward_outputs():
    # Two outputs of a gate, one that is an input, one that is the input of its name, constants, and all that is left.
    fan_ins, tables = [[1, 2], [3, 0], [1, 2], [4, 4]], [AND, NOT, 0b0010, TRUE]
    circuit = Circuit("ab", fan_ins, tables, [3, 3, 2, 1, 0, 6], ["y", "z", "t", "a", "zero", "one"])
    assert dumps(circuit) == (
        "INPUT(a)\nINPUT(b)\nOUTPUT(y)\nOUTPUT(z)\nOUTPUT(t)\nOUTPUT(a)\nOUTPUT(zero)\nOUTPUT(one)\n"
        "y = AND(a, b)\nn4 = NOT(y)\nn5 = LUT 0x2 (a, b)\none = vdd\nz = BUFF(y)\nt = BUFF(b)\nzero = gnd\n"
    )


@pytest.mark.parametrize("name", ["a b", "a(b)", "a,b", "a=b", "a#b", "a\n", "\u2028"])
def test_names_that_cannot_be_written_are_refused(name, error):
    for circuit in (Circuit([name], [], [], [1], ["y"]), Circuit(["a"], [], [], [1], [name])):
        assert error(ValueError, dumps, circuit) == (f"dumps: .bench cannot hold the name {name!r}. Rename it.")


def test_what_cannot_be_read_again_is_not_written(error):
    assert error(ValueError, dumps, Circuit("ab", [[1, 2]], [XOR], [3], ["a"])) == (
        "dumps: .bench cannot hold output 'a', which has the name of an input and is another net. Rename it."
    )
    assert error(ValueError, dumps, Circuit("a", [], [], [], [])) == "dumps: .bench holds one output or more, got none."


@pytest.mark.parametrize("name", ISCAS85)
def test_iscas85_written_and_read(name, iscas85, reference):
    circuit = read(iscas85 / f"{name}.bench")
    again = loads(dumps(circuit))
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    assert again.n_gates == circuit.n_gates
    x = np.random.default_rng(0).integers(0, 2, (64, circuit.n_inputs)).astype(bool)
    np.testing.assert_array_equal(reference(again, x), reference(circuit, x))


@pytest.mark.skipif(shutil.which("berkeley-abc") is None, reason="needs berkeley-abc")
def test_abc_reads_what_is_written_and_writes_what_is_read(tmp_path, random_circuit, reference, all_rows):
    ours, tables, gates = (tmp_path / f"{name}.bench" for name in ("ours", "tables", "gates"))
    for seed in range(5):
        circuit = random_circuit(seed, 5, 30, 4)
        ours.write_text(dumps(circuit))
        command = f"read_bench {ours}; write_bench {tables}; strash; write_bench -l {gates}; cec {ours} {gates}"
        said = subprocess.run(["berkeley-abc", "-c", command], capture_output=True, text=True, check=True).stdout
        assert "Networks are equivalent" in said
        assert "LUT" in tables.read_text()
        for path in (tables, gates):
            assert not reference(miter(circuit, loads(path.read_text())), all_rows(5)).any()


EDITS = [
    "INPUT(",
    ")",
    "(",
    ",",
    "=",
    "#",
    "LUT 0x6 ",
    "0x",
    "DFF(",
    "vdd",
    "gnd",
    "a",
    "y",
    "q_next",
    "\r",
    "\x00",
    "\x85",
]
SEEDS = [C17, SEQUENTIAL, AB + "OUTPUT(a)\ny = LUT 0xe8 ( a, b, k )\nk = vdd\nq = XOR(y, k, r)\nr = DFF(q)\n"]


@given(data=st.data())
def test_any_change_to_a_file_is_an_error_or_a_circuit(data, reference, all_rows):
    text = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 4))):
        by = data.draw(st.sampled_from([" ", "\n", ""]))
        parts = text.split(by) if by else list(text)
        if not parts:
            break
        i, j = (data.draw(st.integers(0, len(parts) - 1)) for _ in range(2))
        kind = data.draw(st.sampled_from(["swap", "copy", "drop", "new"]))
        if kind == "swap":
            parts[i], parts[j] = parts[j], parts[i]
        else:
            parts[i : i + 1] = {"copy": [parts[i], parts[j]], "drop": []}.get(kind) or data.draw(
                st.lists(st.sampled_from(EDITS), max_size=1)
            )
        text = by.join(parts)
    try:
        circuit = loads(text, registers="cut")
    except ParseError:
        return
    again = loads(dumps(circuit))
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    x = all_rows(circuit.n_inputs)
    np.testing.assert_array_equal(reference(again, x), reference(circuit, x))


def test_a_multiplexer_is_that_of_abc(reference, all_rows):
    circuit = loads("INPUT(a)\nINPUT(b)\nINPUT(s)\nOUTPUT(y)\ny = MUX(s, a, b)")
    rows = all_rows(3).astype(int)
    assert reference(circuit, all_rows(3))[:, 0].astype(int).tolist() == [(a if s else b) for a, b, s in rows.tolist()]


def test_nets_that_nothing_drives_take_a_value_or_become_inputs(reference, all_rows, error):
    text = "INPUT(a)\nOUTPUT(y)\nOUTPUT(z)\ny = AND(a, t)\n"
    for value in (0, 1):
        circuit = loads(text, undriven=value)
        assert reference(circuit, all_rows(1)).astype(int).T.tolist() == [[0, value], [value, value]]
    assert loads(text, undriven="input").input_names == ("a", "t", "z")
    message = "loads: expected undriven to be 'refuse', 0, 1 or 'input', got 'x'."
    assert error(ValueError, loads, text, undriven="x") == message
