import json
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import evaluate, rows, to_expression
from circuits.bridge.domains import Domain

sizes = st.lists(st.integers(1, 3), max_size=2)
small = st.one_of(
    st.integers(0, 3).map(Domain.cube),
    sizes.map(Domain.one_hot),
    sizes.map(Domain.thermometer),
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=4).map(Domain.listed),
    st.tuples(st.lists(st.booleans(), min_size=3, max_size=3), st.sets(st.integers(0, 2))).map(
        lambda given: Domain.around(*given)
    ),
)


@given(small, small, st.integers(1, 9))
def test_rows_are_those_of_which_membership_holds_each_once(first, second, size):
    domain = first * second
    listed = np.concatenate([np.zeros((0, domain.n_columns), bool), *domain.blocks(size)])
    assert len(listed) == domain.n_rows == len({row.tobytes() for row in listed})
    every = rows(domain.n_columns)
    inside = domain.contains(every)
    assert inside.sum() == domain.n_rows
    assert domain.contains(listed).all()
    np.testing.assert_array_equal(evaluate(domain.membership(), every)[:, 0], inside)
    assert domain.contains(domain.sample(5, np.random.default_rng(0))).all()


@given(small, small)
def test_descriptions_go_through_json(first, second):
    domain = first * second
    again = Domain.from_description(json.loads(json.dumps(domain.description())))
    assert again == domain
    assert (hash(again), repr(again)) == (hash(domain), repr(domain))
    np.testing.assert_array_equal(again.block(0, again.n_rows), domain.block(0, domain.n_rows))


def test_the_cube_has_the_order_of_a_truth_table():
    np.testing.assert_array_equal(Domain.cube(5).block(0, 32), rows(5))


def test_the_first_part_changes_fastest():
    block = Domain.one_hot([2]) * Domain.thermometer([1])
    assert block.block(0, 4).astype(int).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1]]


def test_domains_of_more_rows_than_int64_counts():
    domain = Domain.cube(200)
    assert domain.n_rows == 2**200
    assert domain.block(2**150 - 1, 2**150 + 1).sum(axis=1).tolist() == [150, 1]
    assert domain.block(2**200 - 1, 2**200).all()
    assert repr(domain) == "Domain(200 columns: 200 bits; 1.607e+60 rows)"


def test_a_person_reads_what_it_is():
    domain = Domain.one_hot([3, 3, 2]) * Domain.cube(1) * Domain.listed([[0, 1], [1, 0]]) * Domain.around([1, 1], [0])
    assert repr(domain) == (
        "Domain(13 columns: 2 listed rows of 2, 1 fixed, 2 bits, 3 one-hot groups of 3, 3, 2; 144 rows)"
    )
    assert repr(Domain.one_hot([2] * 10)) == (
        "Domain(20 columns: 10 one-hot groups of 2, 2, 2, 2, 2, 2, 2, 2, ...; 1,024 rows)"
    )
    assert to_expression(Domain.thermometer([3]).membership("abc")) == "(a | ~b) & (b | ~c)"


def test_ten_listed_rows_of_which_two_are_equal():
    domain = Domain.listed([[1, 1], [0, 1], [1, 1]])
    assert domain.block(0, 2).astype(int).tolist() == [[1, 1], [0, 1]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Domain.cube(-1), "Domain.cube: expected n to be at least 0, got -1."),
        (lambda: Domain.one_hot([2, 0]), "Domain.one_hot: expected a size to be at least 1, got 0."),
        (lambda: Domain.listed([0, 1]), "Domain.listed: expected an array (k, n), got shape (2,)."),
        (lambda: Domain.listed([[0, 2]]), "Domain.listed: expected Booleans, or zeros and ones."),
        (lambda: Domain.listed(np.zeros((0, 3))), "Domain.listed: expected at least one row, got none."),
        (lambda: Domain.around([0, 1], [2]), "Domain.around: expected a free column in 0..1, got 2."),
        (
            lambda: Domain.cube(2).contains([[0]]),
            "contains: expected rows (..., 2) for Domain(2 columns: 2 bits; 4 rows), got (1, 1).",
        ),
        (
            lambda: Domain.cube(2).membership("abc"),
            "membership: expected 2 names for Domain(2 columns: 2 bits; 4 rows), got 3.",
        ),
        (lambda: Domain.cube(2).block(0, 5), "block: expected stop in 0..4, got 5."),
        (
            lambda: Domain.from_description([{"kind": "rows", "rows": ["0", "11"]}]),
            "Domain.from_description: expected a list of parts, as description() gives it, got "
            "{'kind': 'rows', 'rows': ['0', '11']}.",
        ),
    ],
)
def test_errors_say_what_came(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
