"""Classes as single outputs, and formulas: rules where the domain is small, else names of columns."""

import numpy as np

from circuits import evaluate, fit_encoding, parse, rows
from circuits.gate_networks.class_formulas import class_bits, short_formula
from circuits.gate_networks.class_outputs import with_counts


def test_exactly_one_class_is_on_the_first_of_the_largest():
    votes = parse("p = a; q = b; r = c")
    bits = class_bits(with_counts(votes, 3, "class"), ["x", "y", "z = 1"])
    every = np.asarray(rows(3))
    found = np.asarray(evaluate(bits, every))
    assert bits.output_names == ("x", "y", "z = 1")
    np.testing.assert_array_equal(found, np.eye(3, dtype=bool)[every.argmax(axis=1)])


def test_on_a_large_domain_a_formula_in_names_of_columns():
    # 2^40 rows: no rule.
    encoding = fit_encoding({f"c{i} ": ["n", "y"] for i in range(40)})
    names = [f"x{i}" for i in range(80)]
    circuit = parse("y = x1 & (x3 | x79); long = x1 ^ x3 ^ x5 ^ x7", inputs=names)
    assert short_formula(circuit, encoding, "y") == "c0 =y & (c1 =y | c39 =y)"
    assert short_formula(circuit, encoding, "long", most=4) == "c0 =y ^ c1 =y ^ c2 =y ^ c3 =y"
    assert short_formula(circuit, encoding, "long", most=3) is None


def test_a_formula_that_is_shorter_as_a_least_sum_of_products():
    encoding = fit_encoding({f"c{i}": ["n", "y"] for i in range(40)})
    # As it is built it names columns six times, and says c0=y & c1=y.
    circuit = parse("a & b & c | a & b & ~c", inputs=["z", "a", "y", "b", "x", "c", *(f"x{i}" for i in range(74))])
    assert short_formula(circuit, encoding, "out", most=2) == "c0=y & c1=y"
