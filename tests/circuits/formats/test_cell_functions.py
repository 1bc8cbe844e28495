import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from circuits.builder import Builder
from circuits.formats.cell_functions import (
    GENLIB,
    LIBERTY,
    add_function,
    function_of,
    inverted,
    table_of,
    with_pins,
)

PINS = ["A", "B", "CI", "D_N"]


def value(text, row):
    """What Python makes of a fully parenthesised text of & | ^ and a leading !."""
    words = re.sub(r"\w+", lambda m: m[0] if m[0] in "01" else str(row[m[0]]), text)
    return eval(words.replace("!", "1^"))


def written(node):
    if isinstance(node, str):
        return node, node
    symbol, *operands = node
    texts = [written(operand) for operand in operands]
    if symbol == "!":
        return f"!({texts[0][0]})", f"(!({texts[0][1]}))"
    return f"({texts[0][0]}) {symbol} ({texts[1][0]})", f"({texts[0][1]}{symbol}{texts[1][1]})"


FORMULAS = st.recursive(
    st.sampled_from([*PINS, "0", "1"]),
    lambda inner: st.one_of(st.tuples(st.just("!"), inner), st.tuples(st.sampled_from("&|^"), inner, inner)),
    max_leaves=12,
)


@given(FORMULAS)
def test_gates_and_tables_have_the_values_of_the_formula(reference, all_rows, formula):
    text, plain = written(formula)
    function = function_of(text)
    netlist = Builder(function.inputs)
    circuit = netlist.circuit({"y": add_function(netlist, function, netlist.inputs)})
    rows = all_rows(len(function.inputs))
    expected = [value(plain, dict(zip(function.inputs, row.astype(int).tolist(), strict=True))) & 1 for row in rows]
    assert reference(circuit, rows)[:, 0].astype(int).tolist() == expected
    assert [table_of(function) >> r & 1 for r in range(len(rows))] == expected
    assert [table_of(inverted(function)) >> r & 1 for r in range(len(rows))] == [1 - bit for bit in expected]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A B", "A&B"),
        ("A*B + C D", "(A&B)|(C&D)"),
        ("A B'", "A&(!B)"),
        ("(A B)'", "!(A&B)"),
        ("A''", "A"),
        ("!A B", "(!A)&B"),
        ("!!A", "A"),
        ("!A'", "A"),
        ("!(A+B)'", "A|B"),
        ("A(B|C)", "A&(B|C)"),
        ("(A)(B)!C", "(A&B)&(!C)"),
        ("A & B | C", "(A&B)|C"),
        ("A | B & C", "A|(B&C)"),
        ("A^B^C", "(A^B)^C"),
        ("!A^B", "(!A)^B"),
        ("\tA\n+ B", "A|B"),
        ('"D[1]" & "D[0]"', "D[1]&D[0]"),
    ],
)
def test_spellings(text, same):
    function, plain = function_of(text), function_of(same)
    assert function.inputs == plain.inputs
    assert table_of(function) == table_of(plain)


def test_xor_binds_as_the_format_has_it():
    assert table_of(function_of("A*B^C", LIBERTY)) == table_of(function_of("A*(B^C)"))
    assert table_of(function_of("A*B^C", GENLIB)) == table_of(function_of("(A*B)^C"))
    assert table_of(function_of("A+B^C", GENLIB)) == table_of(function_of("A+(B^C)"))
    assert table_of(function_of("CONST1", GENLIB)) == 1
    assert table_of(function_of("CONST0", GENLIB)) == 0


@pytest.mark.parametrize(
    ("text", "gates"),
    [("!(A*B)", 1), ("A*!B + !A*B", 1), ("!A", 1), ("A", 1), ("1", 1), ("!(A*B+C)", 2), ("!(A&B)|(C^!D)", 3)],
)
def test_gates(text, gates):
    netlist = Builder("ABCD")
    function = function_of(text)
    node = add_function(netlist, function, ["ABCD".index(pin) + 1 for pin in function.inputs])
    assert netlist.circuit({"y": node}).n_gates == gates


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a pin, 0, 1, ! or (, found the end of ''"),
        ("A +", "expected a pin, 0, 1, ! or (, found the end of 'A +'"),
        ("+ A", "expected a pin, 0, 1, ! or (, found '+' in '+ A'"),
        ("(A", "expected ), found the end of '(A'"),
        ("A)", "no ( is open before ) in 'A)'"),
        ("'A", 'expected a pin, 0, 1, ! or (, found "\'" in "\'A"'),
        ("()", "expected a pin, 0, 1, ! or (, found ')' in '()'"),
        ('A "', "unexpected '\"' in 'A \"'"),
    ],
)
def test_malformed(error, text, message):
    assert error(ValueError, function_of, text) == message


def test_deep_nesting_is_no_recursion():
    deep = function_of("(" * 50_000 + "A" + ")'" * 50_000)
    assert table_of(deep) == 0b10


def test_functions_stand_for_pins():
    muxed = with_pins(function_of("IQ*!E + D*E"), {"IQ": function_of("!QN"), "E": function_of("EN*G")})
    assert muxed.inputs == ("QN", "EN", "G", "D")
    assert table_of(muxed) == table_of(function_of("(!QN)*!(EN*G) + D*(EN*G)"))
