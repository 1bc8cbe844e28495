import itertools
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import (
    Counterexample,
    Equivalent,
    equivalent,
    read,
    rows,
    trace,
    truth_table,
)
from circuits.library import add_columns
from circuits.netlist import Circuit
from circuits.verification.algebraic_rewriting import polynomial_of, words_equal
from circuits.verification.miters import miter


def full_adder(a, b, c=None):
    """The sum and the carry of two or three bits."""
    half = a ^ b
    return (half, a & b) if c is None else (half ^ c, (a & b) | (half & c))


def ripple_carry(columns):
    """The sum of columns of at most two bits."""
    digits, carry = [], []
    for column in columns:
        bits = [*column, *carry]
        total, *carry = full_adder(*bits) if len(bits) > 1 else bits or [0]
        digits.append(total)
    return digits


def kogge_stone(columns):
    """The same by parallel prefixes: each carry is generated at once from all lower columns."""
    zero = columns[0][0] & ~columns[0][0]
    pairs = [[*column, zero, zero][:2] for column in columns]
    half = [a ^ b for a, b in pairs]
    generate, propagate, reach = [a & b for a, b in pairs], half, 1
    while reach < len(columns):
        before = range(len(columns) - reach)
        generate = generate[:reach] + [generate[i + reach] | (propagate[i + reach] & generate[i]) for i in before]
        propagate = propagate[:reach] + [propagate[i + reach] & propagate[i] for i in before]
        reach *= 2
    return [half[0], *(h ^ carry for h, carry in zip(half[1:], generate, strict=False))]


def array_of_adders(columns):
    """The sum of columns, a full adder at a time, the oldest bits first."""
    return add_columns(columns)[: len(columns)]


def wallace(columns, final=ripple_carry):
    """Each layer adds up all threes and twos of each column (C. S. Wallace, 1964)."""
    while max(map(len, columns)) > 2:
        layer = [[] for _ in range(len(columns) + 1)]
        for i, column in enumerate(columns):
            for first in range(0, len(column), 3):
                bits = column[first : first + 3]
                total, *carry = full_adder(*bits) if len(bits) > 1 else bits
                layer[i].append(total)
                layer[i + 1] += carry
        columns = layer[:-1]
    return final(columns)


def dadda(columns, final=ripple_carry):
    """Each layer adds up no more than it must (L. Dadda, 1965)."""
    columns, heights = [list(column) for column in columns], [2]
    while heights[-1] * 3 // 2 < max(map(len, columns)):
        heights.append(heights[-1] * 3 // 2)
    for height in reversed(heights):
        for i, column in enumerate(columns):
            while len(column) > height:
                bits = [column.pop(0) for _ in range(2 if len(column) == height + 1 else 3)]
                total, carry = full_adder(*bits)
                column.append(total)
                if i + 1 < len(columns):
                    columns[i + 1].append(carry)
    return final(columns)


def lookahead(tree):
    return lambda columns: tree(columns, kogge_stone)


KINDS = {
    "array": array_of_adders,
    "wallace": wallace,
    "dadda": dadda,
    "wallace, kogge-stone": lookahead(wallace),
    "dadda, kogge-stone": lookahead(dadda),
}


def multiplier(n, kind):
    def product(a, b):
        columns = [[] for _ in range(2 * n)]
        for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b)):
            columns[i + j].append(x & y)
        return {f"p[{i}]": digit for i, digit in enumerate(KINDS[kind](columns))}

    return trace(product, a=n, b=n)


def swapped(circuit):
    """The circuit with its two numbers swapped."""
    n = circuit.n_inputs // 2
    names = circuit.input_names[n:] + circuit.input_names[:n]
    return Circuit(names, circuit.fan_ins, circuit.tables, circuit.outputs, circuit.output_names)


def proved(a, b):
    """Whether algebra alone proves that two circuits are equal."""
    question = miter(a, b, "position")
    left, right = question.fan_ins[a.n_gates + b.n_gates :][: a.n_outputs].T
    return words_equal(question, left, right)


@pytest.mark.parametrize("kind", KINDS)
def test_the_multipliers_multiply(kind):
    x = rows(6)
    a, b = x[:, :3] @ [1, 2, 4], x[:, 3:] @ [1, 2, 4]
    assert (truth_table(multiplier(3, kind)) @ 2 ** np.arange(6) == a * b).all()


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_a_product_is_that_of_the_swapped_numbers_and_of_an_array(n, kind):
    circuit = multiplier(n, kind)
    assert proved(circuit, swapped(circuit))
    assert proved(multiplier(n, "array"), circuit)


def test_equivalent_proves_products_by_algebra():
    answer = equivalent(multiplier(16, "wallace"), multiplier(16, "array"))
    assert isinstance(answer, Equivalent)
    assert answer.method == "algebraic rewriting"


def test_highest_digit_first():
    a, b = (multiplier(13, kind) for kind in ("array", "dadda"))
    a, b = (Circuit(c.input_names, c.fan_ins, c.tables, c.outputs[::-1], c.output_names) for c in (a, b))
    assert proved(a, b)


def test_the_polynomial_of_a_product():
    circuit = multiplier(5, "wallace, kogge-stone")
    expected = {frozenset([1 + i, 6 + j]): 2 ** (i + j) for i in range(5) for j in range(5)}
    assert polynomial_of(circuit, circuit.outputs) == expected


def test_words_of_no_arithmetic_are_left_to_others(random_circuit):
    a = random_circuit(0, 30, 3000, 8)
    assert not proved(a, Circuit(a.input_names, a.fan_ins, a.tables, a.outputs[[1, 0, *range(2, 8)]], a.output_names))


@settings(max_examples=80)
@given(n=st.integers(1, 4), kind=st.sampled_from(list(KINDS)), gate=st.integers(0, 10**6), table=st.integers(1, 15))
def test_a_wrong_gate_is_never_taken_for_right(n, kind, gate, table, reference, all_rows):
    right = multiplier(n, kind)
    tables = right.tables.copy()
    tables[gate % right.n_gates] ^= table
    wrong = Circuit(right.input_names, right.fan_ins, tables, right.outputs, right.output_names)
    x = all_rows(2 * n)
    same = (reference(wrong, x) == reference(right, x)).all()
    for a, b in ((right, wrong), (wrong, right), (wrong, multiplier(n, "array"))):
        assert same or not proved(a, b)


@settings(max_examples=80)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5), gates=st.integers(1, 25), m=st.integers(1, 5))
def test_the_polynomial_of_any_circuit_has_its_values(seed, n, gates, m, random_circuit, reference):
    circuit = random_circuit(seed, n, gates, m)
    polynomial = polynomial_of(circuit, circuit.outputs)
    assert polynomial is not None
    x = rows(n)
    values = sum(c * x[:, [i - 1 for i in sorted(term)]].all(axis=1).astype(int) for term, c in polynomial.items())
    assert (values % 2**m == reference(circuit, x) @ 2 ** np.arange(m)).all()


def test_a_wrong_large_product_has_a_counterexample():
    right = multiplier(16, "wallace")
    tables = right.tables.copy()
    tables[700] ^= 0b0110
    wrong = Circuit(right.input_names, right.fan_ins, tables, right.outputs, right.output_names)
    answer = equivalent(right, wrong)
    assert isinstance(answer, Counterexample)
    assert answer.outputs_a != answer.outputs_b


def test_a_deadline_that_has_passed():
    circuit = multiplier(8, "wallace, kogge-stone")
    question = miter(circuit, swapped(circuit), "position")
    left, right = question.fan_ins[2 * circuit.n_gates :][:16].T
    assert not words_equal(question, left, right, deadline=0)


def test_a_multiplier_of_iscas85(iscas85):
    # Its last two outputs are in the other order: 6287 is the carry.
    circuit = read(iscas85 / "c6288.bench")
    outputs = circuit.outputs[[*range(30), 31, 30]]
    circuit = Circuit(circuit.input_names, circuit.fan_ins, circuit.tables, outputs, circuit.output_names)
    answer = equivalent(circuit, multiplier(16, "wallace, kogge-stone"), by="position")
    assert isinstance(answer, Equivalent)
    assert answer.method == "algebraic rewriting"


@pytest.mark.parametrize("n", [4, 16])
def test_a_multiplier_that_yosys_made_of_verilog(n, tmp_path):
    yosys = shutil.which("yosys")
    if yosys is None:
        pytest.skip("needs Yosys")
    source, netlist = tmp_path / "m.v", tmp_path / "m.blif"
    ports = f"input [{n - 1}:0] a, input [{n - 1}:0] b, output [{2 * n - 1}:0] p"
    source.write_text(f"module m({ports}); assign p = a * b; endmodule\n")
    script = f"read_verilog {source}; synth -top m; abc -fast; write_blif {netlist}"
    subprocess.run([yosys, "-q", "-p", script], check=True, capture_output=True, timeout=120)
    assert proved(read(netlist), multiplier(n, "array"))
