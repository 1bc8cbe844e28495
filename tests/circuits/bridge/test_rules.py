"""Rules: exactly what the circuit says, on every row, and the published ones found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import circuit_on_domain, fit_encoding, parse, rule

SIZES = (3, 3, 2, 3, 4, 2)
MONK = fit_encoding(
    {f"a{k}": [1] for k in range(1, 7)}, levels={f"a{k}": range(1, size + 1) for k, size in enumerate(SIZES, 1)}
)


def means(text, table):
    """The values of a rule, read by Python."""
    python = text.replace(" = ", " == ").replace("always", "True").replace("never", "False")
    rows = zip(*table.values(), strict=True)
    return np.array([eval(python, {}, dict(zip(table, row, strict=True))) for row in rows])


def values_of(function, encoding):
    table = encoding.decode(encoding.domain.block(0, encoding.domain.n_rows))
    return table, np.array([function(*row) for row in zip(*table.values(), strict=True)])


# S. Thrun and others, The MONK's problems (1991).
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda a1, a2, a3, a4, a5, a6: a1 == a2 or a5 == 1, "a5 = 1 or a1 = a2"),
        (
            lambda a1, a2, a3, a4, a5, a6: (a5 == 3 and a4 == 1) or (a5 != 4 and a2 != 3),
            "a2 != 3 and a5 != 4 or a4 = 1 and a5 = 3",
        ),
        (lambda *a: False, "never"),
        (lambda *a: True, "always"),
        (lambda a1, a2, a3, a4, a5, a6: a1 != a2 and a3 == 2, "a3 = 2 and a1 != a2"),
    ],
)
def test_published_rules_are_found(function, expected):
    _, wanted = values_of(function, MONK)
    assert rule(circuit_on_domain(MONK.domain, wanted, MONK.names), MONK) == expected


@given(st.lists(st.booleans(), min_size=24, max_size=24), st.sampled_from(["one-hot", "thermometer", "bits"]))
def test_a_rule_says_what_the_circuit_says(values, kind):
    encoding = fit_encoding({"a": [0, 1, 2, 3], "b": [1, 2, 3], "c": [0, 1]}, kind)
    wanted = np.array(values)
    text = rule(circuit_on_domain(encoding.domain, wanted, encoding.names), encoding)
    table = encoding.decode(encoding.domain.block(0, 24))
    np.testing.assert_array_equal(means(text, table), wanted)


def test_ordered_levels_and_a_complement():
    encoding = fit_encoding({"age": [10, 20, 30, 40, 50]}, "thermometer")
    table, wanted = values_of(lambda age: 20 <= age < 50, encoding)
    text = rule(circuit_on_domain(encoding.domain, wanted, encoding.names), encoding)
    np.testing.assert_array_equal(means(text, table), wanted)
    assert len(text.split(" and ")) + len(text.split(" or ")) <= 3


def test_errors(error):
    encoding = fit_encoding({"a": [1, 2], "b": [1, 2]})
    message = error(ValueError, rule, parse("x & y"), encoding)
    assert (
        message == f"rule: expected a circuit of 4 inputs for {encoding!r}, got Circuit(2 inputs, 1 outputs, 1 gates)."
    )
    two = parse("p = a & b & c; q = d")
    assert error(ValueError, rule, two, encoding) == (
        "rule: expected the name of one output, got None; the outputs are 'p', 'q'."
    )
    assert rule(two, encoding, "q") == "b = 2"
    wide = fit_encoding({f"a{k}": [0, 1] for k in range(17)}, "bits")
    assert error(ValueError, rule, parse("|".join(f"a{k}" for k in range(17))), wide) == (
        "rule: expected a domain of at most 65,536 rows, got 131,072."
    )


def test_thresholds_and_missing_values_in_rules():
    encoding = fit_encoding({"age": [25, None, 70], "cut": [30]}, thresholds={"age": [30, 65], "cut": [30, 65]})
    names = ["age30", "age65", "unknown", "cut30", "cut65"]
    assert rule(parse("age30 & ~age65", inputs=names), encoding) == "age >= 30 and age < 65"
    assert rule(parse("unknown", inputs=names), encoding) == "age = ?"
    # Not "age < 65", which a missing age is not.
    assert rule(parse("~age65", inputs=names), encoding) in ("age < 65 or age = ?", "not (age >= 65)")
    # Both columns have the same thresholds, and yet equal ranges are not equal numbers.
    assert "cut = age" not in rule(parse("age30 & cut30 | ~age30 & ~cut30 & ~unknown", inputs=names), encoding)


def test_a_rule_of_few_conditions_or_none():
    encoding = fit_encoding({name: ["n", "y"] for name in "abcd"})
    names = [f"{name}{level}" for name in "abcd" for level in "ny"]
    assert rule(parse("ay & by", inputs=names), encoding, most=2) == "a = y and b = y"
    with pytest.raises(ValueError, match=r"^rule: found none of at most 3 conditions for 'out' of Circuit"):
        rule(parse("ay ^ by ^ cy", inputs=names), encoding, most=3)
