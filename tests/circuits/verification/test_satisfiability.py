import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import Satisfiable, Undecided, Unsatisfiable, equivalent, evaluate, library, miter, parse
from circuits.netlist import Circuit
from circuits.verification import satisfiability
from circuits.verification.satisfiability import satisfiable
from circuits.verification.sweeping import sweep


def wide(n):
    """True for one of 2^n inputs."""
    return parse(f"y = {' & '.join('~' * (i % 2) + f'x{i}' for i in range(n))}")


@given(seed=st.integers(0, 10**6), n=st.integers(0, 7), place=st.integers(0, 2))
@pytest.mark.parametrize("prove", [False, True], ids=["all patterns", "SAT sweeping"])
def test_random_circuits_agree_with_a_plain_loop(
    prove, seed, n, place, random_circuit, reference, all_rows, tmp_path_factory
):
    circuit = random_circuit(seed, n, 30, 3)
    answer = satisfiable(circuit, f"o{place}", proof=tmp_path_factory.getbasetemp() / "p" if prove else None)
    ones = reference(circuit, all_rows(n))[:, place]
    if isinstance(answer, Satisfiable):
        assert list(answer.inputs) == [f"i{i}" for i in range(n)]
        assert ones[sum(bit << i for i, bit in enumerate(answer.inputs.values()))]
        # The first row of the table, where all are tried in order.
        assert prove or ones.argmax() == sum(bit << i for i, bit in enumerate(answer.inputs.values()))
    else:
        assert isinstance(answer, Unsatisfiable)
        assert not ones.any()
        assert answer.method in (("SAT sweeping",) if prove else ("structure", "all patterns"))


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


def hard():
    product = library.multiplier(16)
    a, b = product.input_names[:16], product.input_names[16:]
    return miter(product, Circuit(b + a, product.fan_ins, product.tables, product.outputs, product.output_names))


def test_the_time_limit():
    answer = satisfiable(hard(), time_limit=0.5)
    assert isinstance(answer, Undecided)
    assert answer.reason == "time limit of 0.5 s"
    patterns, sweeping = answer.what_was_tried
    assert patterns == "random patterns: 32,768"
    assert sweeping.startswith("SAT sweeping: ")
    assert " queries to a solver" in sweeping


def test_the_time_limit_of_all_patterns():
    answer = satisfiable(parse(f"y = {' & '.join(f'x{i}' for i in range(24))}"), time_limit=0)
    assert answer == Undecided("time limit of 0 s", ("all patterns: 0 of 2^24",))


@pytest.mark.parametrize("limit", [-1, math.nan])
@pytest.mark.parametrize(
    ("name", "ask"),
    [("satisfiable", satisfiable), ("equivalent", lambda a, **limit: equivalent(a, a, **limit))],
)
def test_limits_that_are_none_are_refused(name, ask, limit, error):
    assert error(ValueError, ask, parse("y = a"), time_limit=limit) == (
        f"{name}: expected a time limit of 0 seconds or more, or None, got {limit!r}."
    )


@pytest.mark.parametrize(
    ("name", "ask"),
    [("satisfiable", satisfiable), ("equivalent", lambda a, **seed: equivalent(a, a, **seed)), ("sweep", sweep)],
)
def test_the_seed_is_a_whole_number(name, ask, error):
    circuit = parse("y = a")
    assert type(ask(circuit, seed=np.int64(2))) is type(ask(circuit, seed=2))
    for wrong in (True, 2.0):
        assert (
            error(TypeError, ask, circuit, seed=wrong) == f"{name}: expected seed to be a whole number, got {wrong!r}."
        )
    assert error(ValueError, ask, circuit, seed=2**32) == f"{name}: expected seed in 0..4294967295, got 4294967296."


def test_outputs_that_are_not_there(error):
    assert error(ValueError, satisfiable, parse("y = a; z = a")) == (
        "satisfiable: expected the name of one output, got None; the outputs are 'y', 'z'."
    )
    assert error(ValueError, satisfiable, parse("y = a"), "z") == (
        "satisfiable: expected the name of one output, got 'z'; the outputs are 'y'."
    )
    assert error(ValueError, satisfiable, Circuit("a", [], [], [], [])) == (
        "satisfiable: expected the name of one output, got None; the outputs are none."
    )


def test_a_model_that_is_none_is_a_mistake_that_is_reported(monkeypatch, error):
    monkeypatch.setattr(satisfiability, "evaluate", lambda circuit, x: [False])
    assert error(RuntimeError, satisfiable, parse("y = a & b")) == (
        "satisfiable: all patterns gave inputs for which 'y' is not 1: a mistake in circuits."
    )


def test_evaluate_agrees():
    circuit = parse("y = (a | b) & ~c; z = c")
    answer = satisfiable(circuit, "y")
    assert evaluate(circuit, list(answer.inputs.values()))[0]
