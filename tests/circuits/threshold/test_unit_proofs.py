import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import (
    Counterexample,
    Equivalent,
    ThresholdUnit,
    Undecided,
    evaluate,
    from_unit,
    parse,
    prove_unit,
    read,
    rows,
    to_circuit,
    trace,
    truth_table,
)
from circuits.netlist import Circuit
from circuits.threshold.unit_proofs import _near_the_threshold, _with_sum
from circuits.threshold.units import and_, at_least, complement, majority, or_


def sorted_by_insertion(bits):
    """The bits, those that are on first."""
    done = []
    for bit in bits:
        new = []
        for other in done:
            new.append(other | bit)
            bit &= other
        done = [*new, bit]
    return done


def with_table(circuit, gate, table):
    """The circuit with another gate at one place."""
    tables = circuit.tables.copy()
    tables[gate] = table
    return Circuit(circuit.input_names, circuit.fan_ins, tables, circuit.outputs, circuit.output_names)


def check(answer, circuit, unit):
    """That a counterexample is one, by evaluating both."""
    x = np.array(list(answer.inputs.values()))
    assert list(answer.inputs) == list(circuit.input_names)
    (given_bit,), (expected,) = answer.outputs_a.values(), answer.outputs_b.values()
    assert (bool(evaluate(circuit, x)[0]), bool(evaluate(unit, x))) == (given_bit, expected)
    assert given_bit != expected


@given(st.lists(st.integers(-2, 2), min_size=4, max_size=4), st.integers(-4, 4))
def test_small_functions_against_their_truth_tables(weights, threshold):
    unit = ThresholdUnit(weights, threshold)
    assert isinstance(prove_unit(to_circuit(from_unit(unit)), unit), Equivalent)
    other = parse("y = (a | b) & (c | d)")
    answer = prove_unit(other, unit)
    if (np.asarray(truth_table(other))[:, 0] == evaluate(unit, rows(4))).all():
        assert isinstance(answer, Equivalent)
    else:
        check(answer, other, unit)


@pytest.mark.parametrize("k", [1, 6, 11, 20, 21])
def test_a_sorting_network_has_all_counts(k):
    circuit = trace(lambda x: {"y": sorted_by_insertion(list(x))[k - 1]}, x=21)
    answer = prove_unit(circuit, at_least(k, 21))
    assert isinstance(answer, Equivalent)
    assert (answer.method, answer.calls) == ("partial sums", 0)
    assert answer.seconds > 0
    for other in (k - 1, k + 1):
        wrong = prove_unit(circuit, at_least(other, 21))
        assert isinstance(wrong, Counterexample)
        assert sum(wrong.inputs.values()) == min(k, other)
        check(wrong, circuit, at_least(other, 21))


def test_gates_of_another_kind_are_left_to_equivalent():
    """An input of weight 0 on which a gate depends is no function of the sum."""
    circuit = parse("y = (a & b) | (a & ~b)", inputs=["a", "b"])
    answer = prove_unit(circuit, ThresholdUnit([1, 0], 1))
    assert isinstance(answer, Equivalent)
    assert answer.method == "all patterns"


def test_a_difference_far_from_the_threshold():
    """25 of 26 inputs are on: random patterns miss it, the function of the sum does not."""

    def function(x):
        ranks = sorted_by_insertion(list(x))
        return {"y": ranks[9] & ~(ranks[24] & ~ranks[25])}

    circuit = trace(function, x=26)
    answer = prove_unit(circuit, at_least(10, 26))
    assert isinstance(answer, Counterexample)
    assert answer.method == "partial sums"
    assert sum(answer.inputs.values()) == 25
    check(answer, circuit, at_least(10, 26))


@pytest.mark.parametrize("unit", [and_(40), or_(40), at_least(0, 40), at_least(41, 40), complement(at_least(3, 40))])
def test_units_at_the_ends(unit):
    circuit = to_circuit(from_unit(unit))
    assert isinstance(prove_unit(circuit, unit), Equivalent)
    check(prove_unit(circuit, complement(unit)), circuit, complement(unit))


@given(st.lists(st.integers(-5, 5), min_size=5, max_size=5), st.integers(-12, 12))
def test_rows_near_the_threshold(weights, threshold):
    unit = ThresholdUnit(weights, threshold)
    sums = rows(5) @ np.array(weights)
    below, above = sums[sums < threshold], sums[sums >= threshold]
    got = _near_the_threshold(unit, 0) @ np.array(weights)
    if len(below) and len(above):
        assert got.min() < threshold <= got.max()


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=7), st.data())
def test_inputs_with_a_sum(weights, data):
    sums = rows(len(weights)) @ np.array(weights)
    total = data.draw(st.sampled_from(sums.tolist()))
    x = _with_sum(np.array(weights), total)
    assert x is not None
    assert x @ np.array(weights) == total


def test_sums_too_large_to_list():
    assert _with_sum(np.array([2**60, 1]), 2**60) is None


def test_a_time_limit():
    circuit = trace(lambda x: {"y": sorted_by_insertion(list(x))[14]}, x=30)
    assert isinstance(prove_unit(circuit, at_least(15, 30), time_limit=0), Undecided)


def test_errors_name_what_came():
    gates = parse("y = a & b")
    with pytest.raises(TypeError, match=r"^prove_unit: expected a Circuit and a ThresholdUnit, got Circuit and int\.$"):
        prove_unit(gates, 3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"^prove_unit: expected as many inputs as the unit has, 3, got 2\.$"):
        prove_unit(gates, and_(3))
    with pytest.raises(ValueError, match=r"^prove_unit: expected one output, got 2\. `cone` takes one of them\.$"):
        prove_unit(parse("y = a; z = b"), and_(2))
    with pytest.raises(
        ValueError, match=r"^prove_unit: expected a time limit of 0 seconds or more, or None, got -1\.$"
    ):
        prove_unit(gates, and_(2), time_limit=-1)


@pytest.mark.slow
def test_epfls_voter_is_one_majority(iscas85):
    file = iscas85.parents[1] / "epfl" / "aig" / "voter.aig"
    if not file.exists():
        pytest.skip(f"needs {file}; JAXNET_DATA names another data folder")
    voter = read(file)
    assert isinstance(voter, Circuit)
    answer = prove_unit(voter, majority(1001))
    assert isinstance(answer, Equivalent)
    assert answer.method == "partial sums"
    for unit in (at_least(500, 1001), at_least(502, 1001), complement(majority(1001))):
        check(prove_unit(voter, unit), voter, unit)
    # One gate is changed, near the inputs, in the middle, at the output.
    for gate in (5, 6_000, 9_000, 13_000, 13_758):
        changed = with_table(voter, gate, 15 - voter.tables[gate])
        check(prove_unit(changed, majority(1001)), changed, majority(1001))
