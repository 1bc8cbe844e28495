"""Answers that may be "not known" refuse to be taken for true or false."""

import dataclasses

import pytest

import jaxnet
from jaxnet.answers import Answer, Undecided


def test_no_answer_is_true_or_false():
    class Yes(Answer):
        pass

    for answer, name in ((Undecided("time limit of 1 s", ()), "Undecided"), (Yes(), "Yes")):
        with pytest.raises(TypeError) as e:
            bool(answer)
        assert str(e.value) == (
            f"{name} is neither true nor false, since an answer may be Undecided. Ask which it is: match on its type, "
            "or isinstance."
        )


def test_undecided_says_why_and_cannot_be_changed():
    answer = Undecided("time limit of 1 s", ("1,024 random patterns",))
    assert answer == Undecided(reason="time limit of 1 s", what_was_tried=("1,024 random patterns",))
    assert repr(answer) == "Undecided(reason='time limit of 1 s', what_was_tried=('1,024 random patterns',))"
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.reason = ""


def test_it_is_exported():
    assert jaxnet.Undecided is Undecided
