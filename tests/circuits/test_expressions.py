import functools
import operator
import string

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given

from circuits import ParseError, parse
from circuits.gates import AND, NOT, OR, TRUE, XOR
from circuits.netlist import depth

NAMES = ("a", "b_1", "c.d", "w[2]", "_e")


@pytest.fixture(scope="session")
def table(reference, all_rows):
    """The truth table of a text: output name -> zeros and ones, rows in the order of its inputs."""

    def of(text, **options):
        circuit = parse(text, **options)
        columns = reference(circuit, all_rows(circuit.n_inputs)).T.astype(int).tolist()
        return dict(zip(circuit.output_names, columns, strict=True))

    return of


@st.composite
def tokens(draw, depth=3):
    """An expression as tokens, operators and operands in any order that the grammar has, few parentheses."""
    text = []
    for place in range(draw(st.integers(1, 4))):
        if place:
            text.append(draw(st.sampled_from("&^|")))
        text += ["~"] * draw(st.integers(0, 2))
        kind = draw(st.sampled_from(["name"] * 4 + ["constant"] + (["group", "function"] if depth else [])))
        if kind == "name":
            text.append(draw(st.sampled_from(NAMES)))
        elif kind == "constant":
            text.append(draw(st.sampled_from("01")))
        elif kind == "group":
            text += ["(", *draw(tokens(depth=depth - 1)), ")"]
        else:
            name = draw(st.sampled_from(["and", "or", "xor", "nand", "nor", "xnor", "maj", "not", "mux"]))
            count = {"not": 1, "mux": 3}.get(name) or draw(st.integers(1, 5))
            arguments = [draw(tokens(depth=depth - 1)) for _ in range(count)]
            text += [name, "(", *arguments[0], *(t for argument in arguments[1:] for t in (",", *argument)), ")"]
    return text


def majority(*bits):
    """Bit by bit over Python integers of 32 rows."""
    return sum(1 << row for row in range(32) if 2 * sum(bit >> row & 1 for bit in bits) > len(bits))


# What Python's own parser makes of the same tokens: a name is the integer whose bit r is its value in row r.
ENVIRONMENT = {f"x{i}": sum(1 << row for row in range(32) if row >> i & 1) for i in range(5)} | {
    "f_and": lambda *bits: functools.reduce(operator.and_, bits),
    "f_or": lambda *bits: functools.reduce(operator.or_, bits),
    "f_xor": lambda *bits: functools.reduce(operator.xor, bits),
    "f_nand": lambda *bits: ~functools.reduce(operator.and_, bits),
    "f_nor": lambda *bits: ~functools.reduce(operator.or_, bits),
    "f_xnor": lambda *bits: ~functools.reduce(operator.xor, bits),
    "f_maj": majority,
    "f_not": lambda bit: ~bit,
    "f_mux": lambda select, a, b: select & a | ~select & b,
}
AS_PYTHON = {name: f"x{i}" for i, name in enumerate(NAMES)} | {"0": "(0)", "1": "(-1)"}


@given(text=tokens(), spaces=st.lists(st.sampled_from(["", " ", "\t", "  "]), min_size=1, max_size=5))
@example(text=[*"a&", "b_1", *"|~a^", "c.d"], spaces=[""])
def test_expressions_mean_what_python_takes_them_for(text, spaces, reference, all_rows):
    python = [AS_PYTHON.get(t) or (f"f_{t}" if t.isalpha() else t) for t in text]
    value = eval(" ".join(python), {}, ENVIRONMENT)
    written = "".join(token + spaces[i % len(spaces)] for i, token in enumerate(text))
    circuit = parse(written, inputs=NAMES)
    got = reference(circuit, all_rows(5))[:, 0]
    assert got.tolist() == [value >> row & 1 == 1 for row in range(32)]
    # Without inputs they come in the order they occur.
    free = parse(written)
    assert free.input_names == tuple(dict.fromkeys(t for t in text if t in NAMES))
    plain = [t for t in text if t in "&^|~"]
    if not any(t.isalpha() and t not in NAMES for t in text):
        assert free.n_gates == len(plain) + ("1" in text), "one gate an operator, and one for a constant true"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a | b ^ c & ~d", "a | (b ^ (c & (~d)))"),
        ("~a & b ^ c | d", "(((~a) & b) ^ c) | d"),
        ("a & b | c & d", "(a & b) | (c & d)"),
        ("a ^ b | c ^ d", "(a ^ b) | (c ^ d)"),
        ("~~a & b", "(~(~a)) & b"),
        ("~(a & b) & ~c", "((~(a & b)) & (~c))"),
    ],
)
def test_precedence(text, meant, table):
    names = [c for c in "abcd" if c in text]
    assert table(text, inputs=names) == table(meant, inputs=names)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a' & b''", "~a & b"),
        ("(a + b*c)'", "~(a | (b & c))"),
        ("~a'", "a"),
        ("!a*b + c", "((~a) & b) | c"),
        ("a and not b", "a & ~b"),
        ("a AND Not b OR c Xor d", "(a & ~b) | (c ^ d)"),
        ("not a and b", "(~a) & b"),
        ("not(a) & b", "(~a) & b"),
        ("not not a", "a"),
        ("not (a or b) and c", "~(a | b) & c"),
        ("a & b or c & d", "(a & b) | (c & d)"),
        ("a nand b", "~(a & b)"),
        ("a nor b and c", "~(a | (b & c))"),
        ("a xnor b", "~(a ^ b)"),
        ("NAND(a, b, c)", "~(a & b & c)"),
        ("Maj(a, b, c) | MUX(a, b, c)", "a & b | b & c | a & c | (a & b | ~a & c)"),
        ("a -> b", "~a | b"),
        ("a => b -> c", "~a | (~b | c)"),
        ("a & b -> c | d", "~(a & b) | (c | d)"),
        ("a <-> b", "~(a ^ b)"),
        ("a <=> b <-> c", "a ^ b ^ c"),
        ("a -> b <-> c -> d", "~((~a | b) ^ (~c | d))"),
        ("a == b", "~(a ^ b)"),
        ("a != b", "a ^ b"),
        ("a == b and c != d or a", "((~(a ^ b)) & (c ^ d)) | a"),
        ("~a == b'", "~(a ^ b)"),
        ("a==!b", "a ^ b"),
        ("a -> b == c", "~a | ~(b ^ c)"),
        ("a & TRUE | False & b", "a | 0 & b"),
        ("a[3] + a[10]'", "a[3] | ~a[10]"),
    ],
)
def test_other_spellings(text, meant, table):
    names = parse(text).input_names
    assert table(text, inputs=names) == table(meant, inputs=names)


# From the loosest to the tightest: as in logic texts, whatever the spelling, and as in Python, which has no arrows.
LEVELS = {
    "logic": ["<->", "->", "or nor | +", "xor xnor ^", "and nand & *", "== !=", "not ~ !"],
    "Python": ["<->", "->", "or nor", "xor xnor", "and nand", "not", "== !=", "|", "^", "&", "+", "*", "~ !"],
}
MEANINGS = {
    "and": lambda a, b: a & b, "nand": lambda a, b: ~(a & b), "or": lambda a, b: a | b, "nor": lambda a, b: ~(a | b),
    "xor": lambda a, b: a ^ b, "xnor": lambda a, b: ~(a ^ b), "->": lambda a, b: ~a | b, "<->": lambda a, b: ~(a ^ b),
}  # fmt: skip
MEANINGS |= {"&": MEANINGS["and"], "*": MEANINGS["and"], "|": MEANINGS["or"], "+": MEANINGS["or"]}
MEANINGS |= {"^": MEANINGS["xor"], "!=": MEANINGS["xor"], "==": MEANINGS["xnor"]}


def climbed(tokens, levels, level=0):
    """The value of tokens by recursive descent, one function a level: not how `parse` reads."""
    if level == len(levels):
        return ENVIRONMENT[f"x{NAMES.index(tokens.pop(0))}"]
    here = levels[level].split()
    if tokens[0] in here:
        tokens.pop(0)
        return ~climbed(tokens, levels, level)
    value = climbed(tokens, levels, level + 1)
    while tokens and tokens[0] in here:
        symbol = tokens.pop(0)
        right = climbed(tokens, levels, level if symbol == "->" else level + 1)
        value = MEANINGS[symbol](value, right)
    return value


SYMBOLS = ["&", "*", "^", "|", "+", "==", "!="]
WORDS = ["and", "or", "xor", "nand", "nor", "xnor", "->", "<->"]


@given(
    mixed=st.lists(
        st.tuples(st.sampled_from(SYMBOLS + WORDS), st.sampled_from(["", "", "~", "!", "not"]), st.integers(0, 4)),
        min_size=2,
        max_size=5,
    )
)
@hypothesis.settings(max_examples=300)
def test_what_is_accepted_means_the_same_in_logic_texts_and_python(mixed, reference, all_rows):
    tokens = []
    for place, (symbol, prefix, name) in enumerate(mixed):
        tokens += [symbol] * (place > 0)
        # Python has no not after a symbol.
        tokens += [prefix] * (prefix != "" and (prefix != "not" or place == 0 or symbol in WORDS)) + [NAMES[name]]
    try:
        circuit = parse(" ".join(tokens), inputs=NAMES)
    except ParseError:
        hypothesis.event("refused")
        return
    got = reference(circuit, all_rows(5))[:, 0].tolist()
    for levels in LEVELS.values():
        value = climbed(list(tokens), levels)
        assert got == [value >> row & 1 == 1 for row in range(32)]


def test_operators_of_one_kind_are_taken_from_the_left():
    assert parse("a ^ b ^ c ^ d").fan_ins.tolist() == [[1, 2], [5, 3], [6, 4]]


def test_an_operator_is_one_gate():
    assert parse("a & b | c ^ ~d").tables.tolist() == [AND, NOT, XOR, OR]


FOLDS = {
    "and": all,
    "or": any,
    "xor": lambda bits: sum(bits) % 2,
    "nand": lambda bits: not all(bits),
    "nor": lambda bits: not any(bits),
    "xnor": lambda bits: (sum(bits) + 1) % 2,
    "maj": lambda bits: 2 * sum(bits) > len(bits),
}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8])
@pytest.mark.parametrize("name", FOLDS)
def test_functions_of_many_arguments(name, n, table):
    text = f"{name}({', '.join(string.ascii_lowercase[:n])})"
    assert table(text)["out"] == [int(FOLDS[name]([row >> i & 1 for i in range(n)])) for row in range(2**n)]
    if name != "maj" and n > 1:
        assert parse(text).n_gates == n - 1
        assert depth(parse(text)) == (n - 1).bit_length()


def test_not_and_mux(table):
    assert table("not(a)") == {"out": [1, 0]}
    assert table("mux(s, a, b)") == {"out": [int(a if s else b) for b in (0, 1) for a in (0, 1) for s in (0, 1)]}
    assert table("~not(a) & mux(a, a, a)")["out"] == [0, 1]


def test_constants(table):
    assert table("0") == {"out": [0]}
    assert table("1") == {"out": [1]}
    assert table("a & 1 ^ 0 | 0") == {"out": [0, 1]}
    assert parse("1 & a").tables.tolist() == [TRUE, AND]
    assert parse("x = 1; y = 1").tables.tolist() == [TRUE]
    # A name may begin like a constant's neighbour, and hold digits.
    assert parse("a1 & _0").input_names == ("a1", "_0")


def test_names():
    text = "a & B & a1 & _x & top.u1.q & w[0] & w[12] & w.v[3] & Andy & out & Truth"
    assert parse(text).input_names == tuple(text.split(" & "))


def test_a_single_name_is_a_circuit_without_gates():
    circuit = parse("a")
    assert (circuit.input_names, circuit.output_names, circuit.n_gates) == (("a",), ("out",), 0)


@pytest.mark.parametrize(
    "text",
    [
        "x = a & b; y = a | b",
        "x = a & b\ny = a | b",
        "x = a & b;\ny = a | b;\n",
        ";;x = a & b;;\n\n;y = a | b\n;",
        "  x=a&b\t;\ty=a|b  ",
        "# a comment\nx = a & b # another; z = a\n\n#\ny = a | b #",
        "x = (a &\n b)\ny = or(a,\n\n  b\n)",
        "x = (a # of two lines\n & b)\ny = a | b",
        "x = a & b\r\ny = a | b\r\n",
        "_t = a & b; x = _t; y = a ^ b ^ _t",
        "x = a & b; y = x ^ (a ^ b)",
    ],
)
def test_statements_comments_and_line_breaks(text, table):
    assert table(text) == {"x": [0, 0, 0, 1], "y": [0, 1, 1, 1]}


def test_a_comment_ends_with_its_line_however_the_line_ends():
    # As in a .bench file, where a bare carriage return ends a line; a statement must not vanish.
    assert parse("x = a # note\ry = b").output_names == ("x", "y")


def test_inputs_come_in_the_order_asked_for():
    circuit = parse("a & b", inputs=["b", "unused", "a"])
    assert circuit.input_names == ("b", "unused", "a")
    assert circuit.fan_ins.tolist() == [[3, 1]]
    assert parse("a", inputs=iter(["b", "a"])).outputs.tolist() == [2]
    assert parse("1", inputs=["a"]).n_inputs == 1


def test_inputs_come_in_the_order_they_occur():
    assert parse("y = c & a; z = y & b; w = a").input_names == ("c", "a", "b")


def test_outputs_are_the_assigned_names():
    text = "x = a & b; _t = a ^ b; y = _t | x; unused = a"
    assert parse(text).output_names == ("x", "y", "unused")
    circuit = parse(text, outputs=["_t", "x"])
    assert circuit.output_names == ("_t", "x")
    assert circuit.tables.tolist() == [AND, XOR]
    # Inputs stay, also where no output needs them.
    assert parse(text, outputs=["unused"]).input_names == ("a", "b")


def test_no_outputs_may_be_asked_for():
    circuit = parse("x = a & b", outputs=[])
    assert (circuit.n_inputs, circuit.n_outputs, circuit.n_gates) == (2, 0, 0)


def test_the_one_output_of_an_expression_is_called_out_unless_told():
    assert parse("a & b", outputs=["y"]).output_names == ("y",)
    assert parse("a & b", outputs=["a"]).output_names == ("a",)
    assert parse("out & a", inputs=["a", "out"]).output_names == ("out",)
    assert parse("out = a").output_names == ("out",)


@pytest.mark.parametrize("names", [[], ["y", "z"], ["y", "y"]])
def test_an_expression_has_one_output(names, error):
    message = error(ParseError, parse, "a & b", outputs=names)
    assert message == f"expression: one expression has one output, got {len(names)} names for it"


OPERAND = "expected a name, a constant, ~ or (, found {}"
OPERATOR = "expected an operator, ) or the end, found {}"
ASSIGNMENT = "unexpected '=': an assignment is name = expression"
SEVERAL = "expected name = expression, since there are several statements"
END = "end of the statement"
TWO_WAYS = "{!r} before {!r} can be read in two ways: put parentheses around one of them"
ERRORS = [
    ("not a & b", (1, 7), TWO_WAYS.format("not", "&")),
    ("x = c\ny = NOT a == b", (2, 11), TWO_WAYS.format("NOT", "==")),
    ("a & b == c", (1, 7), TWO_WAYS.format("&", "==")),
    ("a == b == c", (1, 8), TWO_WAYS.format("==", "==")),
    ("a == b != c", (1, 8), TWO_WAYS.format("==", "!=")),
    ("a & b + c", (1, 7), TWO_WAYS.format("&", "+")),
    ("a | b and c", (1, 7), TWO_WAYS.format("|", "and")),
    ("a + b ^ c", (1, 7), TWO_WAYS.format("+", "^")),
    ("a nand b & c", (1, 10), TWO_WAYS.format("nand", "&")),
    ("a nand b nand c", (1, 10), TWO_WAYS.format("nand", "nand") + ", or write nand(a, b, c)"),
    ("a XNOR b xnor c", (1, 10), TWO_WAYS.format("XNOR", "xnor") + ", or write XNOR(a, b, c)"),
    ("a = b'c", (1, 7), OPERATOR.format("'c'")),
    ("'a", (1, 1), OPERAND.format('"\'"')),
    ("a mux b", (1, 3), OPERATOR.format("'mux'")),
    ("a true", (1, 3), OPERATOR.format("'true'")),
    ("a ! b", (1, 3), OPERATOR.format("'!'")),
    ("a -> <-> b", (1, 6), OPERAND.format("'<->'")),
    ("a <- b", (1, 3), "unexpected '<'"),
    ("True = a", (1, 6), ASSIGNMENT),
    ("MAJ & b", (1, 5), "expected '(' after 'MAJ', found '&'"),
    ("a & | b", (1, 5), OPERAND.format("'|'")),
    ("& a", (1, 1), OPERAND.format("'&'")),
    ("a && b", (1, 4), OPERAND.format("'&'")),
    ("a &", (1, 4), OPERAND.format(END)),
    ("a & # b", (1, 8), OPERAND.format(END)),
    ("~", (1, 2), OPERAND.format(END)),
    ("x = ", (1, 5), OPERAND.format(END)),
    ("x = a\ny = ; z = b", (2, 5), OPERAND.format(END)),
    ("()", (1, 2), OPERAND.format("')'")),
    ("(", (1, 2), OPERAND.format(END)),
    ("(a & )", (1, 6), OPERAND.format("')'")),
    ("and()", (1, 5), OPERAND.format("')'")),
    ("and(a,)", (1, 7), OPERAND.format("')'")),
    ("and(,a)", (1, 5), OPERAND.format("','")),
    ("a b", (1, 3), OPERATOR.format("'b'")),
    ("a 1", (1, 3), OPERATOR.format("'1'")),
    ("a ~b", (1, 3), OPERATOR.format("'~'")),
    ("a (b)", (1, 3), OPERATOR.format("'('")),
    ("(a)(b)", (1, 4), OPERATOR.format("'('")),
    ("(a\n b)", (2, 2), OPERATOR.format("'b'")),
    ("w[1]b", (1, 5), OPERATOR.format("'b'")),
    ("a if b", (1, 3), OPERATOR.format("'if'")),
    ("x = maj", (1, 8), f"expected '(' after 'maj', found {END}"),
    ("a & or | b", (1, 8), "expected '(' after 'or', found '|'"),
    ("(a", (1, 1), "this '(' is never closed"),
    ("a & (b | (c)", (1, 5), "this '(' is never closed"),
    ("x = a\ny = (b | c", (2, 5), "this '(' is never closed"),
    ("and(a, b", (1, 4), "this '(' is never closed"),
    ("a)", (1, 2), "unexpected ')': no '(' is open"),
    ("(a))", (1, 4), "unexpected ')': no '(' is open"),
    ("a, b", (1, 2), "unexpected ',': no '(' is open"),
    ("(a, b)", (1, 3), "unexpected ',': it separates the arguments of a function"),
    ("and((a, b))", (1, 7), "unexpected ',': it separates the arguments of a function"),
    ("not(a, b)", (1, 1), "not takes 1 argument, got 2"),
    ("a & mux(a, b)", (1, 5), "mux takes 3 arguments, got 2"),
    ("mux(a, b, c, d)", (1, 1), "mux takes 3 arguments, got 4"),
    ("a = b = c", (1, 7), ASSIGNMENT),
    ("(a = b)", (1, 4), ASSIGNMENT),
    ("and = a", (1, 5), ASSIGNMENT),
    ("1 = a", (1, 3), ASSIGNMENT),
    ("= a", (1, 1), ASSIGNMENT),
    ("~x = a", (1, 4), ASSIGNMENT),
    ("x, y = a", (1, 6), ASSIGNMENT),
    ("x := a", (1, 3), "unexpected ':'"),
    ("a - b", (1, 3), "unexpected '-'"),
    ("a & 2", (1, 5), "unexpected '2'"),
    ("a & 10", (1, 5), "unexpected '1'"),
    ("a & 1b", (1, 5), "unexpected '1'"),
    ("a & 0.5", (1, 5), "unexpected '0'"),
    ("a[]", (1, 2), "unexpected '['"),
    ("a[i]", (1, 2), "unexpected '['"),
    ("a [1]", (1, 3), "unexpected '['"),
    ("a & \N{GREEK SMALL LETTER BETA}", (1, 5), "unexpected 'β'"),
    ("a ∧ b", (1, 3), "unexpected '∧'"),
    ("x = a\ny = \x00", (2, 5), r"unexpected '\x00'"),
    ("\ufeffa", (1, 1), r"unexpected '\ufeff'"),
    ("a; b", (1, 1), SEVERAL),
    ("x = a; b & c", (1, 8), SEVERAL),
    ("x = a\n b\ny = c", (2, 2), SEVERAL),
    ("x = a; x = b", (1, 8), "'x' is assigned twice"),
    ("x = a\ny = b\n x = b", (3, 2), "'x' is assigned twice"),
    ("x = y; y = a", (1, 5), "'y' is used before it is assigned"),
    ("x = a & x", (1, 9), "'x' is used before it is assigned"),
]


@pytest.mark.parametrize(("text", "place", "message"), ERRORS)
def test_errors_say_where_and_what(text, place, message, error):
    line, column = place
    shown = text.split("\n")[line - 1]
    expected = f"expression:{line}:{column}: {message}\n  {shown}\n  {' ' * (column - 1)}^"
    assert error(ParseError, parse, text) == expected
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert (caught.value.source, caught.value.line, caught.value.column) == ("expression", line, column)


@pytest.mark.parametrize("text", ["", "   ", "\n\n", ";;", "# only a comment", "\t# one\n;# two\n"])
def test_nothing_is_no_expression(text, error):
    assert error(ParseError, parse, text) == "expression:1: expected an expression, found nothing"


def test_errors_about_inputs_and_outputs(error):
    assert error(ParseError, parse, "a\n", inputs=["b", "c"]) == (
        "expression:1:1: 'a' is neither assigned nor among the inputs ['b', 'c']\n  a\n  ^"
    )
    # The first place where the name stands.
    assert error(ParseError, parse, "x = a & b\ny = b & b", inputs=["a"]) == (
        "expression:1:9: 'b' is neither assigned nor among the inputs ['a']\n  x = a & b\n          ^"
    )
    assert error(ParseError, parse, "x = a; y = x", inputs=["a", "x"]) == (
        "expression:1:1: 'x' is an input and cannot be assigned\n  x = a; y = x\n  ^"
    )
    assert error(ParseError, parse, "x = a; y = b", outputs=["z"]) == (
        "expression: output 'z' is not assigned; assigned are ['x', 'y']"
    )
    assert error(ParseError, parse, "x = a", outputs=["a"]) == (
        "expression: output 'a' is not assigned; assigned are ['x']"
    )
    assert error(ParseError, parse, "_t = a; _u = b") == (
        "expression: expected an output, found only local names, which begin with _"
    )
    assert error(ParseError, parse, "a", inputs=["b", "a", "b"]) == "expression: input 'b' is given twice"
    message = error(ParseError, parse, "x = a; y = b", outputs=["x", "y", "x"])
    assert message == "expression: output 'x' is given twice"


def test_of_several_wrong_names_the_first_is_shown(error):
    # Whatever the seed of Python's hashes: the same text gives the same error.
    names = [f"n{i}" for i in range(40)]
    assert error(ParseError, parse, " & ".join(names), inputs=[]).startswith(
        "expression:1:1: 'n0' is neither assigned nor among the inputs []"
    )
    text = "; ".join(f"{name} = a" for name in names)
    message = error(ParseError, parse, text, inputs=["a", *reversed(names)])
    assert message.startswith("expression:1:1: 'n0' is an input and cannot be assigned")


@pytest.mark.parametrize("text", [None, b"a", 1, ["a"]])
def test_only_text_is_parsed(text, error):
    kind = type(text).__name__
    assert error(TypeError, parse, text) == f"parse: expected text, got {kind}. For a Python function use trace."


# Far past the depth at which Python's recursion ends.
MANY = 20_000


def test_nesting_of_many_levels():
    circuit = parse("~(" * MANY + "a" + ")" * MANY)
    assert (circuit.n_gates, depth(circuit)) == (MANY, MANY)


def test_expressions_of_many_operators():
    circuit = parse("~" * MANY + "a")
    assert (circuit.n_gates, depth(circuit)) == (MANY, MANY)
    # Of rising and falling precedence by turns, so that both stacks work: a & b ^ c | a & b ^ c | ... | a
    circuit = parse("a&b^c|" * (MANY // 3) + "a")
    assert circuit.n_gates == MANY // 3 * 3
    # A tree has the depth of a logarithm.
    circuit = parse(f"and({','.join('a' * MANY)})")
    assert (circuit.n_gates, depth(circuit)) == (MANY - 1, 15)


def test_many_names_and_statements():
    n = MANY // 5
    assert parse("|".join(f"x{i}" for i in range(n))).n_inputs == n
    circuit = parse("\n".join(f"x{i + 1} = ~x{i}" for i in range(n)), outputs=[f"x{n}"])
    assert (circuit.input_names, depth(circuit)) == (("x0",), n)


def test_an_error_after_much_text_is_found_and_shown_in_short():
    with pytest.raises(ParseError) as caught:
        parse("(" * MANY + "a")
    assert (caught.value.line, caught.value.column) == (1, MANY)
    assert len(str(caught.value)) < 250
    with pytest.raises(ParseError) as caught:
        parse("x = a\n" + "\n" * MANY + "a $ b")
    assert (caught.value.line, caught.value.column) == (MANY + 2, 3)


def test_shared_parts_are_read_once(reference, all_rows):
    circuit = parse("_h = a ^ b; s = _h ^ c; t = _h & c | a & b")
    assert circuit.n_gates == 5
    total = reference(circuit, all_rows(3)) @ np.array([1, 2])
    assert total.tolist() == [row.bit_count() for row in range(8)]
