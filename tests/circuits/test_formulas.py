import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import (
    Circuit,
    Equivalent,
    equivalent,
    from_truth_table,
    library,
    parse,
    rows,
    to_expression,
    trace,
    truth_table,
)
from circuits.gates import BUF, NAND, NOT, OR, XOR

STYLES = ["text", "python"]


@given(seed=st.integers(0, 10**6), style=st.sampled_from(STYLES), share=st.booleans())
def test_what_is_written_is_read_back(seed, style, share, random_circuit):
    circuit = random_circuit(seed, n=4, gates=12)
    text = to_expression(circuit, style=style, share=share)
    again = parse(text, inputs=circuit.input_names)
    assert again.output_names == circuit.output_names
    assert isinstance(equivalent(circuit, again), Equivalent)
    one = to_expression(circuit, "o1", style=style)
    (again,) = truth_table(parse(one, inputs=circuit.input_names)).T
    assert again.tolist() == truth_table(circuit)[:, 1].tolist()


@given(seed=st.integers(0, 10**6), share=st.booleans())
def test_python_evaluates_it(seed, share, random_circuit):
    circuit = random_circuit(seed, n=4, gates=12)
    table = truth_table(circuit)
    code, one = (to_expression(circuit, output, style="python", share=share) for output in (None, "o0"))
    for row, values in zip(rows(4).tolist(), table.tolist(), strict=True):
        names = dict(zip(circuit.input_names, row, strict=True))
        exec(code, {}, names)
        assert [names[name] for name in circuit.output_names] == values
        if not share:
            assert eval(one, {}, dict(zip(circuit.input_names, row, strict=True))) is values[0]


def test_the_text_is_python_for_arrays_and_traced_bits():
    adder = library.adder(2)
    # a[0] is an entry of a.
    text = to_expression(adder, "s[2]")
    names = {"a": rows(4).T[:2], "b": rows(4).T[2:]}
    assert eval(text, {}, names).tolist() == truth_table(adder)[:, 2].tolist()
    circuit = parse("a & ~b ^ (c | b)", outputs=["out"])
    traced = trace(eval(f"lambda a, b, c: {to_expression(circuit)}"))
    assert isinstance(equivalent(circuit, traced), Equivalent)


@given(seed=st.integers(0, 10**6))
def test_latex_is_the_same_formula_and_is_drawn(seed, random_circuit):
    from matplotlib.mathtext import MathTextParser

    circuit = random_circuit(seed, n=4, gates=8, m=1)
    circuit = Circuit("abcd", circuit.fan_ins, circuit.tables, circuit.outputs, ["y"])
    formula = to_expression(circuit, style="latex")
    MathTextParser("path").parse(f"${formula}$")
    python = formula.replace(r"\overline{", "~(").replace("}", ")")
    for symbol, operator in ((r"\wedge", "&"), (r"\vee", "|"), (r"\oplus", "^")):
        python = python.replace(symbol, operator)
    masks = {name: sum(1 << row for row in range(16) if row >> i & 1) for i, name in enumerate("abcd")}
    python = re.sub(r"\b1\b", "(-1)", python)
    value = eval(python, {}, masks)
    assert [value >> row & 1 == 1 for row in range(16)] == truth_table(circuit)[:, 0].tolist()


def test_known_expressions():
    assert to_expression(parse("a & b | ~c ^ d")) == "a & b | ~c ^ d"
    assert to_expression(parse("~(a & b) & ~(c | d)")) == "~(a & b) & ~(c | d)"
    assert to_expression(parse("(a | b) & (c ^ d)")) == "(a | b) & (c ^ d)"
    assert to_expression(parse("a nand b xnor c")) == "~(~(a & b) ^ c)"
    assert to_expression(parse("a -> b -> c")) == "~a | ~b | c"
    assert to_expression(parse("~~a'")) == "~a"
    assert to_expression(parse("x = 1; y = 0; z = a")) == "x = 1\ny = 0\nz = a"
    python = [
        to_expression(parse(text), style="python") for text in ("~(a ^ b) & ~c | 1", "a ^ ~b ^ c", "~a & ~(b & c)")
    ]
    assert python == ["not (a != b) and not c or True", "(a != (not b)) != c", "not a and not (b and c)"]
    latex = to_expression(parse("x_in[3] & w10' | ~(top.y ^ b)"), style="latex")
    assert latex == r"\mathrm{x\_in}_{[3]} \wedge \overline{w_{10}} \vee \overline{\mathrm{top.y} \oplus b}"


def test_gates_that_are_read_more_than_once_have_lines():
    text = to_expression(parse("_h = a ^ b; s = _h ^ c; t = ~_h & c | a & b"), share=True)
    assert text == "_n4 = a ^ b\ns = _n4 ^ c\nt = ~_n4 & c | a & b"
    assert to_expression(parse("y = a & b"), share=True) == "y = a & b"
    # Not those that only dead gates read, and inverters never.
    circuit = Circuit(["a", "b"], [[1, 2], [3, 0], [3, 0], [4, 1]], [NAND, NOT, BUF, OR], [6], ["y"])
    assert to_expression(circuit, share=True) == "y = a & b | a"
    assert to_expression(parse("_n = a & b; y = _n ^ _n3; z = _n | _n3"), share=True).startswith("_nn4 = a & b\n")


@pytest.mark.parametrize("style", STYLES)
def test_names_that_cannot_be_spelled_are_changed_and_listed(style):
    names = ["22", "a<3>", "and", "a_3", "top q", "$"]
    circuit = Circuit(names, [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], [XOR] * 5, [11, 1], ["22", "_t"])
    text = to_expression(circuit, style=style)
    assert text.split("\n")[:7] == [
        "# x22 is '22'", "# a_3_ is 'a<3>'", "# xand is 'and'", "# top_q is 'top q'", "# x is '$'", "# x22_ is '22'",
        "# x_t is '_t'",
    ]  # fmt: skip
    again = parse(text, inputs=["x22", "a_3_", "xand", "a_3", "top_q", "x"])
    assert isinstance(equivalent(circuit, again, by="position"), Equivalent)


def test_names_with_dots_and_brackets_are_changed_only_for_python():
    circuit = parse("y = a[3] & top.q")
    assert to_expression(circuit) == "a[3] & top.q"
    assert to_expression(circuit, style="python") == "# a_3 is 'a[3]'\n# top_q is 'top.q'\na_3 and top_q"
    assert eval(to_expression(circuit, style="python"), {}, {"a_3": True, "top_q": False}) is False


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6))
def test_minimal_sums_are_equal(seed, n):
    table = np.random.default_rng(seed).integers(0, 2, 2**n)
    circuit = from_truth_table(table)
    for style in STYLES:
        again = parse(to_expression(circuit, minimal=True, style=style), inputs=circuit.input_names, outputs=["y"])
        assert isinstance(equivalent(circuit, again), Equivalent)


def test_known_minimal_sums():
    assert to_expression(library.majority(5), minimal=True).count("|") == 9
    assert to_expression(library.parity(4), minimal=True).count("|") == 7
    assert to_expression(parse("y = a & (b | ~b)"), minimal=True) == "a"
    assert to_expression(parse("y = a & ~a"), minimal=True) == "0"
    assert to_expression(parse("y = a | ~a"), minimal=True, style="python") == "True"
    assert to_expression(parse("x = a & b; y = a ^ b"), "y", minimal=True, share=True) == "y = a & ~b | ~a & b"
    # Only the inputs that the output reads count, two of 64.
    assert to_expression(library.adder(32), "s[0]", minimal=True) == "a[0] & ~b[0] | ~a[0] & b[0]"


def test_segment_a_of_a_digit():
    # The segment at the top of a seven-segment display is dark for 1 and 4; 10 to 15 are no digits.
    lit = [row not in (1, 4) for row in range(16)]
    circuit = from_truth_table(np.stack([lit, np.arange(16) > 9], axis=1), output_names=["top", "free"])
    text = to_expression(circuit, "top", minimal=True, dont_care="free")
    assert sorted(text.split(" | ")) == ["x0 & x2", "x1", "x3", "~x0 & ~x2"]
    values = truth_table(parse(text, inputs=circuit.input_names))[:10, 0]
    assert values.tolist() == lit[:10]


def test_many_gates():
    n = 20_000
    chain = parse("y = " + "^".join(f"x{i}" for i in range(n)))
    assert to_expression(chain, share=True) == "y = " + " ^ ".join(f"x{i}" for i in range(n))
    doubled = "x0 = a ^ b\n" + "\n".join(f"x{i + 1} = x{i} ^ (x{i} & b)" for i in range(200))
    circuit = parse(doubled, outputs=["x200"])
    assert len(to_expression(circuit, share=True).split("\n")) == 201


@pytest.mark.parametrize("name", ["c432", "c880"])
def test_netlists_are_read_back(name, iscas85):
    from circuits import read

    circuit = read(iscas85 / f"{name}.bench")
    text = to_expression(circuit, share=True)
    comments = [line.removeprefix("# ").split(" is ")[0] for line in text.split("\n") if line.startswith("#")]
    again = parse(text, inputs=comments[: circuit.n_inputs] or circuit.input_names)
    assert isinstance(equivalent(circuit, again, by="position"), Equivalent)


def test_errors(error):
    adder = parse("s = a ^ b; carry = a & b")
    assert error(TypeError, to_expression, "a") == (
        "to_expression: expected a Circuit, got str. circuits.to_circuit makes one of units."
    )
    assert error(ValueError, to_expression, adder, style="tex") == (
        "to_expression: expected a style of text, latex, python, got 'tex'."
    )
    assert error(ValueError, to_expression, adder, "t") == (
        "to_expression: expected the name of one output, got 't'; the outputs are 's', 'carry'."
    )
    assert error(ValueError, to_expression, adder, minimal=True) == (
        "to_expression: expected the name of one output, got None; the outputs are 's', 'carry'."
    )
    assert error(ValueError, to_expression, adder, "s", dont_care="carry") == (
        "to_expression: dont_care is for a minimal sum: add minimal=True, or leave it out."
    )
    assert error(ValueError, to_expression, library.parity(11), minimal=True) == (
        "to_expression: expected at most 10 inputs to minimise, got 'y', which reads 11. Leave out minimal=True."
    )
    text = "x0 = a ^ b\n" + "\n".join(f"x{i + 1} = x{i} ^ (x{i} & b)" for i in range(14))
    assert error(ValueError, to_expression, parse(text, outputs=["x14"])) == (
        "to_expression: expected at most 10,000 operators, got 49,150 with each gate written out as often as it is "
        "read. share=True gives such gates a line of their own."
    )
    hard = from_truth_table(np.random.default_rng(0).random(1024) < 0.7)
    message = error(TimeoutError, to_expression, hard, minimal=True, time_limit=0.001)
    assert message.startswith("to_expression: within 0.001 s no sum of products for 'y' was proved minimal; the best ")
    assert message.endswith("are needed. Raise time_limit, or take what minimal_cover found.")
