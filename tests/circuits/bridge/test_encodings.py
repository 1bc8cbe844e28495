import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import from_circuit, parse
from circuits.bridge.encodings import fit_encoding, formula

TABLE = {"colour": ["red", "blue", "red"], "age": np.array([30, 20, 40]), "size": [0, 2, 1]}
ENCODING = fit_encoding(TABLE, {"age": "thermometer", "size": "bits"})


def test_names_rows_and_domain():
    assert ENCODING.names == ("colour=blue", "colour=red", "age>=30", "age>=40", "size[0]", "size[1]")
    encoded = ENCODING.encode(TABLE)
    assert encoded.astype(int).tolist() == [[0, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 1], [0, 1, 1, 1, 1, 0]]
    # Three sizes in two bits: 11 is no row of the domain.
    assert (ENCODING.domain.n_rows, ENCODING.domain.n_columns) == (2 * 3 * 3, 6)
    assert ENCODING.domain.contains(encoded).all()
    assert not ENCODING.domain.contains([1, 0, 0, 0, 1, 1])


def test_decode_is_the_inverse_of_encode():
    assert ENCODING.decode(ENCODING.encode(TABLE)) == {
        "colour": TABLE["colour"],
        "age": [30, 20, 40],
        "size": [0, 2, 1],
    }
    every = ENCODING.domain.block(0, ENCODING.domain.n_rows)
    np.testing.assert_array_equal(ENCODING.encode(ENCODING.decode(every)), every)


def test_levels_that_the_table_lacks():
    encoding = fit_encoding({"a": [1]}, levels={"a": [1, 2, 3]})
    assert encoding.names == ("a=1", "a=2", "a=3")
    assert fit_encoding({"a": [5]}, "thermometer").names == ()


def test_formulas_keep_names_that_look_like_other_names():
    text = formula(
        parse(
            "y = input1 & ~b | c",
        ),
        ["a5=red", "input1", "a 1"],
    )
    assert text == "y = a5=red & ~input1 | a 1" or text == "a5=red & ~input1 | a 1"
    assert formula(parse("maj(a, b, c)"), minimal=True) == "a & b | a & c | b & c"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: fit_encoding({"a": [1]}, {"b": "bits"}),
            "fit_encoding: there is no column 'b'; the columns are ['a'].",
        ),
        (
            lambda: fit_encoding({"a": [1]}, {"a": "onehot"}),
            "fit_encoding: expected a kind of one-hot, thermometer, bits for 'a', got 'onehot'.",
        ),
        (
            lambda: fit_encoding({"a": [1]}, levels={"a": [1, 1]}),
            "fit_encoding: expected levels of 'a', each once, got [1, 1].",
        ),
        (
            lambda: ENCODING.encode({"colour": ["red"]}),
            "encode: expected the columns ['colour', 'age', 'size'], there is no 'age'.",
        ),
        (
            lambda: ENCODING.encode({"colour": ["red"], "age": [20, 30], "size": [0]}),
            "encode: expected columns of one length, got lengths [1, 2].",
        ),
        (
            lambda: ENCODING.encode({"colour": ["green"], "age": [20], "size": [0]}),
            "encode: row 0 of 'colour' is 'green', which is none of its 2 levels; give all of them to fit_encoding by "
            "levels.",
        ),
        (
            lambda: fit_encoding({"a": [1, 2]}).decode([[1, 1]]),
            "decode: row 0 is not in the Domain(2 columns: 1 one-hot group of 2; 2 rows).",
        ),
        (
            lambda: fit_encoding({"a": [1]}, thresholds={"a": [2, 2]}),
            "fit_encoding: expected thresholds of 'a' that are numbers and ascend, got [2, 2].",
        ),
        (
            lambda: fit_encoding({"a": [1]}, thresholds={"b": [2]}),
            "fit_encoding: there is no column 'b'; the columns are ['a'].",
        ),
        (
            lambda: fit_encoding({"a": [1, None]}, "bits"),
            "fit_encoding: values of 'a' are missing: expected it one-hot, or thresholds.",
        ),
        (
            lambda: fit_encoding({"a": [1]}, thresholds={"a": [2]}).encode({"a": [1, None]}),
            "encode: row 1 of 'a' is None; expected a number.",
        ),
        (
            lambda: fit_encoding({"a": [None]}, thresholds={"a": [2]}).encode({"a": ["red"]}),
            "encode: row 0 of 'a' is 'red'; expected a number, or None for a missing one.",
        ),
        (
            lambda: formula(parse("a & b"), ["x"]),
            "formula: expected 2 names for Circuit(2 inputs, 1 outputs, 1 gates), got 1.",
        ),
    ],
)
def test_errors_say_what_came(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


def test_formula_of_units_says_how_to_make_gates(error):
    assert error(TypeError, formula, from_circuit(parse("a & b"))) == (
        "formula: expected a Circuit, got ThresholdCircuit. circuits.to_circuit makes one of units."
    )


def test_numbers_between_thresholds_and_missing_ones():
    table = {"age": [25, None, 70], "weight": np.array([1.5, np.nan, 0.0]), "colour": ["red", None, "blue"]}
    encoding = fit_encoding(table, thresholds={"age": [30, 65], "weight": [0.5]})
    assert encoding.names == (
        *("age>=30", "age>=65", "age=?", "weight>=0.5", "weight=?"),
        *("colour=blue", "colour=red", "colour=?"),
    )
    rows = encoding.encode(
        {"age": [30, 29.9, None], "weight": [0.5, -1e300, float("nan")], "colour": ["red", None, "red"]}
    )
    assert rows.astype(int).tolist() == [[1, 0, 0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 1, 0, 1, 0, 1, 0]]
    assert encoding.domain.n_rows == 4 * 3 * 3
    assert encoding.domain.contains(rows).all()
    assert not encoding.domain.contains([1, 0, 1, 1, 0, 0, 1, 0])
    decoded = {"age": [30, -math.inf, None], "weight": [0.5, -math.inf, None], "colour": ["red", None, "red"]}
    assert encoding.decode(rows) == decoded
    every = encoding.domain.block(0, encoding.domain.n_rows)
    np.testing.assert_array_equal(encoding.encode(encoding.decode(every)), every)


def test_a_column_without_thresholds_has_no_columns():
    assert fit_encoding({"a": [1, 2]}, thresholds={"a": []}).encode({"a": [5]}).shape == (1, 0)


@given(
    numbers=st.lists(st.floats(allow_nan=False), min_size=1, max_size=9),
    cuts=st.lists(st.floats(-9, 9), unique=True, max_size=5).map(sorted),
)
def test_each_threshold_says_whether_a_number_reaches_it(numbers, cuts):
    found = fit_encoding({"a": numbers}, thresholds={"a": cuts}).encode({"a": numbers})
    np.testing.assert_array_equal(found, np.array(numbers)[:, None] >= np.array(cuts)[None])
