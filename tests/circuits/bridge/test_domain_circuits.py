import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import evaluate, from_truth_table, to_expression
from circuits.bridge.domain_circuits import circuit_on_domain
from circuits.bridge.domains import Domain

MIXED = Domain.one_hot([3, 2]) * Domain.thermometer([2]) * Domain.listed([[0, 1], [1, 0], [1, 1]]) * Domain.cube(1)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_the_values_are_those_that_were_given(seed, share):
    values = np.random.default_rng(seed).random((MIXED.n_rows, 2)) < share
    circuit = circuit_on_domain(MIXED, values)
    np.testing.assert_array_equal(evaluate(circuit, MIXED.block(0, MIXED.n_rows)), values)


@given(st.integers(0, 2**32 - 1))
def test_listed_rows_of_many_columns(seed):
    random = np.random.default_rng(seed)
    domain = Domain.listed(random.random((60, 40)) < 0.3)
    values = random.random(domain.n_rows) < 0.5
    np.testing.assert_array_equal(evaluate(circuit_on_domain(domain, values), domain.block(0, 60))[:, 0], values)


def test_parity_of_12_takes_a_gate_an_input():
    domain = Domain.cube(12)
    parity = domain.block(0, 2**12).sum(axis=1) % 2
    assert circuit_on_domain(domain, parity).n_gates == 11
    assert circuit_on_domain(domain, 1 - parity).n_gates <= 12
    np.testing.assert_array_equal(
        evaluate(circuit_on_domain(domain, parity), domain.block(0, 2**12)),
        evaluate(from_truth_table(parity), domain.block(0, 2**12)),
    )


def test_monk_1_is_its_formula():
    """S. Thrun and others, The MONK's problems (1991): (a1 = a2) or (a5 = 1)."""
    sizes = [3, 3, 2, 3, 4, 2]
    domain = Domain.one_hot(sizes)
    rows = domain.block(0, domain.n_rows)
    values = (rows[:, :3] & rows[:, 3:6]).any(axis=1) | rows[:, 11]
    names = [f"a{i}={v}" for i, size in enumerate(sizes, 1) for v in range(1, size + 1)]
    circuit = circuit_on_domain(domain, values, names)
    assert circuit.n_gates == 6
    assert "a5_1 | " in to_expression(circuit)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (
            [0, 1],
            {},
            "circuit_on_domain: expected values (4,) or (4, m) for Domain(2 columns: 2 bits; 4 rows), got (2,).",
        ),
        ([0, 1, 2, 3], {}, "circuit_on_domain: expected Booleans, or zeros and ones."),
        ([0, 1, 1, 1], {"output_names": "yz"}, "circuit_on_domain: expected 1 output names, got 2."),
        (
            [0, 1, 1, 1],
            {"input_names": "a"},
            "circuit_on_domain: expected 2 names for Domain(2 columns: 2 bits; 4 rows), got 1.",
        ),
    ],
)
def test_errors_say_what_came(values, options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        circuit_on_domain(Domain.cube(2), values, **options)
