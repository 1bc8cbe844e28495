import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import Satisfiable, Undecided, Unsatisfiable, count_models, evaluate, library, miter, parse
from circuits.netlist import Circuit
from circuits.verification import satisfiability
from circuits.verification.satisfiability import satisfiable


def wide(n):
    """True for one of 2^n inputs."""
    return parse(f"y = {' & '.join('~' * (i % 2) + f'x{i}' for i in range(n))}")


@given(seed=st.integers(0, 10**6), n=st.integers(0, 7), data=st.data())
@pytest.mark.parametrize("few", [0, 24])
def test_random_circuits_agree_with_a_plain_loop(few, seed, n, data, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n, 30, 3)
    place = data.draw(st.integers(0, 2))
    with pytest.MonkeyPatch.context() as patch:
        # -1: not even the pattern of no inputs.
        patch.setattr(satisfiability, "_MAX_INPUTS", few or -1)
        answer = satisfiable(circuit, f"o{place}")
    ones = reference(circuit, all_rows(n))[:, place]
    if isinstance(answer, Satisfiable):
        assert list(answer.inputs) == [f"i{i}" for i in range(n)]
        assert ones[sum(bit << i for i, bit in enumerate(answer.inputs.values()))]
        # The first row of the table, where all are tried in order.
        assert not few or ones.argmax() == sum(bit << i for i, bit in enumerate(answer.inputs.values()))
    else:
        assert isinstance(answer, Unsatisfiable)
        assert not ones.any()
        assert answer.method == ("all patterns" if few else "SAT sweeping")


def test_the_last_of_many_patterns_is_found():
    # 2^21 patterns are four blocks; the last one has all ones.
    circuit = parse(f"y = {' & '.join(f'x{i}' for i in range(21))}")
    answer = satisfiable(circuit)
    assert (answer.method, set(answer.inputs.values())) == ("all patterns", {True})


@pytest.mark.parametrize(("n", "method"), [(24, "all patterns"), (25, "SAT sweeping"), (100, "SAT sweeping")])
def test_methods_by_the_number_of_inputs(n, method):
    circuit = wide(n)
    answer = satisfiable(circuit)
    assert isinstance(answer, Satisfiable)
    assert answer.method == method
    assert list(answer.inputs.values()) == [i % 2 == 0 for i in range(n)]
    assert answer.seconds > 0
    never = parse(f"y = ({' & '.join(f'x{i}' for i in range(n))}) & (x0 ^ x1)")
    assert satisfiable(never).method == method


def test_random_patterns_find_what_is_often_so():
    assert satisfiable(library.parity(100)).method == "random patterns"
    # All ones but two: sparse patterns have that.
    assert satisfiable(parse(f"y = {' & '.join(f'x{i}' for i in range(60))}")).method == "random patterns"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("y = 1", Satisfiable), ("y = 0", Unsatisfiable), ("y = a", Satisfiable), ("y = a & ~a", Unsatisfiable)],
)
@pytest.mark.parametrize("prove", [False, True])
def test_small_ones(text, expected, prove, tmp_path):
    answer = satisfiable(parse(text), proof=tmp_path / "p" if prove else None)
    assert isinstance(answer, expected)


def test_a_proof_is_left_only_where_there_is_one(tmp_path):
    satisfiable(parse("y = a & b"), proof=tmp_path / "no")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["no.cnf"]
    answer = satisfiable(parse("y = (a ^ b) & ~(a | b)"), proof=str(tmp_path / "yes.1"))
    assert answer.proof == (tmp_path / "yes.1.cnf", tmp_path / "yes.1.drat")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["no.cnf", "yes.1.cnf", "yes.1.drat"]


def test_an_answer_is_no_truth_value(error):
    answers = satisfiable(parse("y = a")), satisfiable(parse("y = 0")), Undecided("", ())
    for answer in answers:
        name = type(answer).__name__
        assert error(TypeError, bool, answer) == (
            f"{name} is neither true nor false, since an answer may be Undecided. Ask which it is: match on its type, "
            "or isinstance."
        )


def hard():
    product = library.multiplier(16)
    a, b = product.input_names[:16], product.input_names[16:]
    return miter(product, Circuit(b + a, product.fan_ins, product.tables, product.outputs, product.output_names))


def test_the_time_limit():
    answer = satisfiable(hard(), time_limit=1)
    assert isinstance(answer, Undecided)
    assert answer.reason == "time limit of 1 s"
    patterns, sweeping = answer.what_was_tried
    assert patterns == "524,288 random patterns"
    assert sweeping.startswith("SAT sweeping: ")
    assert " questions to a solver" in sweeping


def test_the_time_limit_of_all_patterns():
    answer = satisfiable(parse(f"y = {' & '.join(f'x{i}' for i in range(24))}"), time_limit=0)
    assert answer == Undecided("time limit of 0 s", ("0 of all 2^24 patterns",))


@pytest.mark.parametrize("limit", [-1, math.nan])
def test_limits_that_are_none_are_refused(limit, error):
    assert error(ValueError, satisfiable, parse("y = a"), time_limit=limit) == (
        f"satisfiable: expected a time limit of 0 seconds or more, or None, got {limit!r}."
    )


@pytest.mark.parametrize("function", [satisfiable, count_models])
def test_outputs_that_are_not_there(function, error):
    assert error(ValueError, function, parse("y = a; z = a")) == (
        "satisfiable: expected the name of one output, got None; the outputs are 'y', 'z'."
    )
    assert error(ValueError, function, parse("y = a"), "z") == (
        "satisfiable: expected the name of one output, got 'z'; the outputs are 'y'."
    )
    assert error(ValueError, function, Circuit("a", [], [], [], [])) == (
        "satisfiable: expected the name of one output, got None; the outputs are none."
    )


def test_a_model_that_is_none_is_a_mistake_that_is_reported(monkeypatch, error):
    monkeypatch.setattr(satisfiability, "_first", lambda circuit, words: np.array([False, True]))
    assert error(RuntimeError, satisfiable, parse("y = a & b")) == (
        "satisfiable: all patterns gave inputs for which 'y' is not 1: a mistake in circuits."
    )


class TestCountModels:
    @pytest.fixture(autouse=True)
    def _needs_dd(self):
        pytest.importorskip("dd.autoref", reason="needs dd")

    @given(seed=st.integers(0, 10**6), n=st.integers(0, 7))
    def test_random_circuits(self, seed, n, random_circuit, reference, all_rows):
        circuit = random_circuit(seed, n, 30, 2)
        for place in range(2):
            assert count_models(circuit, f"o{place}") == reference(circuit, all_rows(n))[:, place].sum()

    def test_known_numbers(self):
        assert count_models(library.majority(31)) == 2**30
        assert count_models(library.parity(100)) == 2**99
        # a < b for as many pairs as b < a, of 2^64 pairs less those that are equal.
        assert count_models(library.comparator(32), library.comparator(32).output_names[0]) in (2**32, 2**63 - 2**31)
        carry = library.adder(40).output_names[-1]
        # Pairs with a + b >= 2^40.
        assert count_models(library.adder(40), carry) == 2**39 * (2**40 - 1)

    def test_it_says_when_it_gives_up(self):
        product = library.multiplier(12)
        middle = product.output_names[11]
        answer = count_models(product, middle, max_nodes=2_000)
        assert answer.reason == "limit of 2,000 nodes"
        (tried,) = answer.what_was_tried
        assert tried.startswith("decision diagrams of ")
        answer = count_models(product, middle, time_limit=0)
        assert answer.reason == "time limit of 0 s"

    def test_very_deep_diagrams(self):
        n = 2 * sys.getrecursionlimit()
        answer = count_models(library.parity(n))
        assert answer == 2 ** (n - 1) or answer.reason == "a diagram too deep for Python"


def test_without_dd(monkeypatch, error):
    monkeypatch.setitem(sys.modules, "dd.autoref", None)
    assert error(ImportError, count_models, parse("y = a")) == (
        "count_models needs the package dd: pip install 'jaxnet-circuits[counting]'."
    )


def test_evaluate_agrees():
    circuit = parse("y = (a | b) & ~c; z = c")
    answer = satisfiable(circuit, "y")
    assert evaluate(circuit, list(answer.inputs.values()))[0]
