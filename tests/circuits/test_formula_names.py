import keyword

import hypothesis.strategies as st
import pytest
from hypothesis import given

from circuits import Circuit
from circuits.expression_tokens import is_name
from circuits.formula_names import latex_name, spelled_names


@given(
    names=st.lists(st.text("a_1[$ .é", min_size=1, max_size=4), min_size=1, max_size=6, unique=True),
    python=st.booleans(),
)
def test_all_names_differ_and_can_be_spelled(names, python):
    circuit = Circuit(names, [], [], [1] * len(names), names)
    inputs, outputs, comments = spelled_names(circuit, python, True)
    assert len({*inputs, *outputs}) == 2 * len(names)
    for new, old in zip(inputs, names, strict=True):
        legal = (lambda name: name.isidentifier() and not keyword.iskeyword(name)) if python else is_name
        assert legal(new)
        assert new == old or not legal(old)
    assert not any(name.startswith("_") for name in outputs)
    assert len(comments) == sum(new != old for new, old in zip(inputs + outputs, names * 2, strict=True))


def test_subscripts_tell_names_apart():
    names = ["a", "a3", "a[3]", "a_3", "a_", "_3", "ab", "AB", "top.q", "x03", "x3"]
    assert len({latex_name(name) for name in names}) == len(names)
    assert latex_name("a3") == "a_{3}"


@pytest.mark.parametrize("name", ["a", "a3", "w[12]", "_n7", "carry_in", "top.u1.q", "_"])
def test_matplotlib_draws_them(name):
    from matplotlib.mathtext import MathTextParser

    assert MathTextParser("path").parse(f"${latex_name(name)}$").width > 0
