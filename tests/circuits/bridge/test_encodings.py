import re

import numpy as np
import pytest

from circuits import parse
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
            lambda: formula(parse("a & b"), ["x"]),
            "formula: expected 2 names for Circuit(2 inputs, 1 outputs, 1 gates), got 1.",
        ),
    ],
)
def test_errors_say_what_came(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
