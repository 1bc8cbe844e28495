import pytest

from circuits import Counterexample, Equivalent, equivalent, parse
from circuits.verification.answers import Matching
from circuits.verification.port_names import named


def test_names():
    a, b = parse("y = a & ~b; z = a"), parse("N1 = N2 & ~b; z = N2")
    names = {"y": "N1", "a": "N2"}
    assert isinstance(equivalent(a, b, names=names), Equivalent)
    assert named("here", a, b, names) == Matching({"a": "N2", "b": "b"}, {"y": "N1", "z": "z"})


def test_a_counterexample_has_the_names_of_both():
    answer = equivalent(parse("y = a & b"), parse("w = b | p"), names={"y": "w", "a": "p"})
    assert isinstance(answer, Counterexample)
    assert list(answer.inputs) == ["a", "b"]
    assert answer.outputs_a == {"y": False}
    assert answer.outputs_b == {"w": True}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"x": "p"}, "equivalent: names has 'x', which the first circuit lacks; it has 'a', 'b', 'y'."),
        ({"a": "x"}, "equivalent: names has 'x', which the second circuit lacks; it has 'b', 'p', 'y'."),
        (
            {},
            "equivalent: expected a partner for each input, got 'a' of the first circuit and 'p' of the second without "
            "one. Add them to names.",
        ),
        (
            {"a": "p", "b": "p"},
            "equivalent: expected a partner for each input, got none of the first circuit and 'b' of the second "
            "without one. Add them to names.",
        ),
    ],
)
def test_names_that_do_not_fit(error, names, message):
    assert error(ValueError, equivalent, parse("y = a & b"), parse("y = p & b"), names=names) == message
