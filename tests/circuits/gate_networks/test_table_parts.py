"""Tables divided and encoded: what is held out, thresholds of training rows alone, one line for what is no table."""

import math
import re

import numpy as np
import pytest

from circuits.gate_networks.table_parts import divided_table

TABLE = {
    "size": [1, 2, 3, 4, None, 6, 7, 8, 9, 100],
    "kind": ["a", "b", "a", None, "a", "b", "a", "b", "a", "b"],
    "code": [7, 8, 7, 8, 7, 8, 7, 8, 7, 8],
    "y": [1, 0, 1, 0, 1, 0, 1, 0, 1, 2],
}


def test_rows_are_held_out_and_thresholds_are_of_the_others():
    encoding, classes, parts = divided_table(TABLE, "y", categories=["code"], cuts=20, validation=0.3, seed=1)
    assert (classes, list(parts)) == ((0, 1, 2), ["training", "validation"])
    assert [len(part.y) for part in parts.values()] == [7, 3]
    held_out = np.sort(np.random.default_rng(1).permutation(10)[:3])
    np.testing.assert_array_equal(parts["validation"].y, np.array(TABLE["y"])[held_out])
    known = sorted(v for row, v in enumerate(TABLE["size"]) if v is not None and row not in held_out)
    assert encoding.fields[0].levels == (-math.inf, *known[1:], None)
    assert encoding.names[-5:] == ("kind=a", "kind=b", "kind=?", "code=7", "code=8")


def test_no_validation_and_a_test():
    test = {"y": [2, 0], "kind": ["b", None], "code": [8, 7], "size": [50, math.nan], "more": [0, 0]}
    encoding, _, parts = divided_table(TABLE, "y", test, ["code"], cuts=1, validation=0)
    assert (list(parts), len(parts["training"].y)) == (["training", "test"], 10)
    assert encoding.names[:2] == ("size>=6", "size=?")
    assert parts["test"].y.tolist() == [2, 0]
    assert parts["test"].x.astype(int).tolist() == [[1, 0, 0, 1, 0, 0, 1], [0, 1, 0, 0, 1, 1, 0]]


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"target": "z"}, "there is no column 'z'; the columns are 'size', 'kind', 'code', 'y'."),
        ({}, {"categories": ["z"]}, "there is no column 'z'; the columns are 'size', 'kind', 'code', 'y'."),
        ({"y": [1]}, {}, "expected columns of one length, got lengths [1, 10]."),
        ({"y": [0] * 9 + [None]}, {}, "expected a class in each row of 'y', row 9 has none. Leave it out."),
        ({"y": ["a"] * 10}, {}, "expected 2 to 64 classes in 'y', got 1: 'a'."),
        ({"kind": [None] * 10}, {}, "expected values in column 'kind', all are missing. Leave it out."),
        ({}, {"validation": 1}, "expected a share of validation rows in [0, 1), got 1."),
        ({}, {"validation": 0.95}, "expected more rows, to hold 0.95 of them out, got 10."),
        ({}, {"test": {"size": [1]}}, "the test has no column 'y'; its columns are 'size'."),
        ({}, {"test": {"y": [0, 5]}}, "row 1 of the test is of class 5, which the table does not have."),
        (
            {},
            {"test": {"y": [0], "size": [1], "code": [7], "kind": ["c"]}},
            "of the test, encode: row 0 of 'kind' is 'c', which is none of its 3 levels; give all of them to "
            "fit_encoding by levels.",
        ),
    ],
)
def test_errors_say_what_came(change, arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape('learn_table: ' + message)}$"):
        divided_table(TABLE | change, **{"target": "y", **arguments})


def test_too_many_values_for_classes_and_categories():
    many = {"y": [i / 10 for i in range(600)], "name": [f"n{i}" for i in range(600)]}
    message = (
        "learn_table: expected 2 to 64 classes in 'y', got 600: 0.0, 0.1, 0.2 and 597 more. "
        "Numbers have to be cut into classes first."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        divided_table(many, "y")
    message = "expected numbers, or at most 500 categories, in column 'name', got 600 categories. Leave it out."
    with pytest.raises(ValueError, match=f"^learn_table: {re.escape(message)}$"):
        divided_table(many | {"y": [0, 1] * 300}, "y")
    with pytest.raises(ValueError, match=r"^learn_table: expected columns beside 'y' that vary, got 'x'\.$"):
        divided_table({"y": [0, 1], "x": [1, 1]}, "y", validation=0)
