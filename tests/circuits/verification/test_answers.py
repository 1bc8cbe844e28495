import pytest

from circuits import Counterexample, Equivalent, Satisfiable, Undecided, Unsatisfiable
from circuits.verification.drat import ProofFiles

ANSWERS = [
    (
        Satisfiable({"a": True}, "all patterns", 0.5),
        "Satisfiable(inputs={'a': True}, method='all patterns', seconds=0.5)",
    ),
    (
        Counterexample({"a": True}, {"y": True}, {"z": False}, "random patterns", 0.5),
        "Counterexample(inputs={'a': True}, outputs_a={'y': True}, outputs_b={'z': False}, method='random patterns', "
        "seconds=0.5)",
    ),
    (
        Unsatisfiable("SAT sweeping", 0.5, 3, 2, ProofFiles("q.cnf", "q.drat")),
        "Unsatisfiable(method='SAT sweeping', seconds=0.5, calls=3, merged=2, "
        "proof=ProofFiles(cnf='q.cnf', drat='q.drat'))",
    ),
    (
        Equivalent("all patterns", 0.5),
        "Equivalent(method='all patterns', seconds=0.5, calls=0, merged=0, proof=None, matching=None)",
    ),
    (
        Undecided("time limit of 1 s", ("all patterns",)),
        "Undecided(reason='time limit of 1 s', what_was_tried=('all patterns',))",
    ),
]


@pytest.mark.parametrize(("answer", "shown"), ANSWERS, ids=[type(answer).__name__ for answer, _ in ANSWERS])
def test_an_answer_is_no_truth_value_and_says_what_it_is(answer, shown, error):
    assert error(TypeError, bool, answer) == (
        f"{type(answer).__name__} is neither true nor false, since an answer may be Undecided. Ask which it is: match "
        "on its type, or isinstance."
    )
    assert repr(answer) == shown


def test_answers_of_two_kinds_are_never_equal():
    assert Equivalent("all patterns", 0.5) == Equivalent("all patterns", 0.5)
    assert Equivalent("all patterns", 0.5) != Unsatisfiable("all patterns", 0.5)
