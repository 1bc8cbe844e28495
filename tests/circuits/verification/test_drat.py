import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.verification.drat import FALSE_VARIABLE, Proof, check

# All four clauses of two variables.
SQUARE = "p cnf 2 4\n1 2 0\n1 -2 0\n-1 2 0\n-1 -2 0\n"


@pytest.fixture
def files(tmp_path):
    """Two files with these texts."""

    def write(cnf, drat):
        (tmp_path / "q.cnf").write_text(cnf)
        (tmp_path / "q.drat").write_text(drat)
        return tmp_path / "q.cnf", tmp_path / "q.drat"

    return write


@pytest.mark.parametrize(
    ("cnf", "drat", "checked"),
    [
        (SQUARE, "1 0\n0\n", 1),
        (SQUARE, "c the other way\n-2 0\n", 1),
        (SQUARE, "1 2 0\nd 1 2 0\n1 2 0\n1 0\n0\n", 3),
        ("p cnf 1 2\n1 0\n-1 0\n", "", 0),  # propagation alone
        ("p cnf 1 2\n1 0\n-1 0\n", "0\n", 0),
        ("p cnf 0 1\n0\n", "", 0),
        ("p cnf 3 4\n1 1 2 0\n3 -3 0\n-2 1 0\n-1 0\n", "", 0),  # a literal twice, a clause that is always true
    ],
)
def test_proofs_that_hold(files, cnf, drat, checked):
    assert check(*files(cnf, drat)) == checked


@pytest.mark.parametrize(
    ("cnf", "drat", "message"),
    [
        (SQUARE, "0\n", "line 1 of {drat} does not follow by unit propagation: the empty clause."),
        (SQUARE, "3 0\n1 0\n", "line 1 of {drat} has a variable that is not in {cnf}."),
        (
            "p cnf 2 2\n1 2 0\n-1 2 0\n",
            "c\n2 0\n-2 1 0\n0\n",
            "line 3 of {drat} does not follow by unit propagation: -2 1.",
        ),
        (SQUARE, "d 1 2 0\nd -1 2 0\n-2 0\n2 0\n", "line 4 of {drat} does not follow by unit propagation: 2."),
        ("p cnf 2 1\n1 2 0\n", "1 2 0\n", "{drat} ends after 1 lemmas, and nothing is refuted."),
        (SQUARE, "", "{drat} ends after 0 lemmas, and nothing is refuted."),
        (SQUARE, "1\n", "line 1 of {drat}: expected a clause that ends with 0, got '1\\n'."),
        (SQUARE, "1 0 2 0\n", "line 1 of {drat}: expected a clause that ends with 0, got '1 0 2 0\\n'."),
        (SQUARE, "d\n", "line 1 of {drat}: expected a clause that ends with 0, got 'd\\n'."),
        ("p cnf 1 1\nx 0\n", "", "line 2 of {cnf}: expected a clause that ends with 0, got 'x 0\\n'."),
        ("p cnf 1 1\nd 1 0\n", "", "{cnf} deletes a clause, which only a proof does."),
    ],
)
def test_what_is_no_proof_is_refused(files, error, cnf, drat, message):
    cnf, drat = files(cnf, drat)
    assert error(ValueError, check, cnf, drat) == f"check: {message.format(cnf=cnf, drat=drat)}"


def test_a_lemma_may_be_true_already(files):
    assert check(*files("p cnf 2 3\n1 0\n-1 2 0\n-2 0\n", "")) == 0
    assert check(*files("p cnf 3 5\n1 0\n2 3 0\n2 -3 0\n-2 3 0\n-2 -3 0\n", "1 2 0\n2 0\n")) == 2


def test_what_a_deleted_clause_made_true_stays_true(files):
    # As in drat-trim, and no mistake: all lemmas follow from the clauses at the beginning.
    assert check(*files("p cnf 2 3\n1 0\n-1 2 0\n-1 -2 -1 0\n", "d 1 0\n0\n")) == 0


def satisfiable(clauses, n):
    """By trying."""
    return any(
        all(any((x > 0) == row[abs(x) - 1] for x in clause) for clause in clauses)
        for row in itertools.product([False, True], repeat=n)
    )


@given(seed=st.integers(0, 10**6), n=st.integers(1, 7), per=st.integers(2, 7))
def test_propagation_finds_what_a_plain_loop_finds(seed, n, per, tmp_path_factory):
    random = np.random.default_rng(seed)
    clauses = [
        [int(x) for x in (random.permutation(n) + 1)[: random.integers(1, 4)] * random.choice([-1, 1])]
        for _ in range(per * n)
    ]
    clauses = [[x * int(random.choice([-1, 1])) for x in clause] for clause in clauses]

    def refuted(assumed):
        true = set(assumed)
        while True:
            if any(-x in true for x in true) or any(all(-x in true for x in clause) for clause in clauses):
                return True
            units = [[x for x in clause if -x not in true] for clause in clauses]
            new = {unit[0] for unit in units if len(set(unit)) == 1} - true
            if not new:
                return False
            true |= new

    folder = tmp_path_factory.getbasetemp()
    text = "".join(f"{' '.join(map(str, clause))} 0\n" for clause in clauses)
    (folder / "q.cnf").write_text(f"p cnf {n} {len(clauses)}\n{text}")

    def complaint(lemma):
        (folder / "q.drat").write_text(f"{' '.join(map(str, lemma))} 0\n")
        try:
            check(folder / "q.cnf", folder / "q.drat")
        except ValueError as error:
            return str(error)
        return ""

    assert (complaint([]) == "") == refuted([])
    for _ in range(5):
        lemma = [int(x) for x in (random.permutation(n) + 1)[:2] * random.choice([-1, 1], min(2, n))]
        follows = "does not follow" not in complaint(lemma)
        assert follows == refuted([-x for x in lemma])
        assert not follows or not satisfiable([*clauses, *([-x] for x in lemma)], n)


def test_what_is_written(tmp_path):
    with open(tmp_path / "p.drat", "w") as file:
        proof = Proof(file)
        proof.add([3, -1, 3])
        proof.add([-FALSE_VARIABLE, 2])
        proof.add([2, -2])
        proof.delete([-1, FALSE_VARIABLE, 3])
        proof.delete([-FALSE_VARIABLE])
        proof.add([FALSE_VARIABLE])
    assert (tmp_path / "p.drat").read_text() == "-1 3 0\nd -1 3 0\n0\n"


def test_a_variable_that_is_not_in_the_question_is_refused(tmp_path, error):
    cnf, drat = tmp_path / "q.cnf", tmp_path / "q.drat"
    cnf.write_text("p cnf 2 4\n1 2 0\n1 -2 0\n-1 2 0\n-1 -2 0\n")
    drat.write_text("400000000 0\n0\n")
    assert error(ValueError, check, cnf, drat) == f"check: line 1 of {drat} has a variable that is not in {cnf}."
    drat.write_bytes(b"2 -2 0\n\xff 0\n0\n")
    assert error(ValueError, check, cnf, drat).startswith(f"check: line 2 of {drat}: expected a clause")
