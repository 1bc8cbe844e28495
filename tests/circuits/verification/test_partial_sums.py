import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import ThresholdUnit, from_unit, library, parse, rows, to_circuit, trace, truth_table
from circuits.gates import AND, NOR, XOR
from circuits.netlist import Circuit
from circuits.verification.partial_sums import function_of_sum


def added(a, b):
    """The sum of two binary words, by a chain of full adders."""
    carry, digits = 0, []
    for i in range(max(len(a), len(b))):
        x, y = (word[i] if i < len(word) else 0 for word in (a, b))
        digits.append(x ^ y ^ carry)
        carry = (x & y) | ((x ^ y) & carry)
    return [*digits, carry]


def tree(bits):
    """The digits of how many bits are on: halves are counted, then added."""
    half = len(bits) // 2
    return added(tree(bits[:half]), tree(bits[half:])) if half else list(bits)


def chain(bits):
    """The same, a bit at a time."""
    count = [bits[0]]
    for bit in bits[1:]:
        count = added(count, [bit])
    return count


def sorted_by_insertion(bits):
    """The bits, those that are on first: each in turn is compared with all before it."""
    done = []
    for bit in bits:
        new = []
        for other in done:
            new.append(other | bit)
            bit &= other
        done = [*new, bit]
    return done


def reached(digits, threshold):
    """Whether a binary word is at least a number, from the lowest digit up."""
    result = 1
    for place, digit in enumerate(digits):
        result = digit & result if threshold >> place & 1 else digit | result
    return result


MAJORITIES = {
    "tree of adders": lambda bits: reached(tree(bits), len(bits) // 2 + 1),
    "chain of adders": lambda bits: reached(chain(bits), len(bits) // 2 + 1),
    "columns of adders": lambda bits: reached(library.count(bits), len(bits) // 2 + 1),
    "sorting network": lambda bits: sorted_by_insertion(bits)[len(bits) // 2],
}


def made(function, n):
    return trace(lambda x: {"y": function(list(x))}, x=n)


@st.composite
def netlists(draw, n, gates, tables):
    """Small netlists of some gates, and weights other than 0."""
    fan_ins = [draw(st.tuples(*[st.integers(0, n + i)] * 2)) for i in range(gates)]
    tables = draw(st.lists(st.sampled_from(tables), min_size=gates, max_size=gates))
    weights = draw(st.lists(st.integers(-3, 3).filter(bool), min_size=n, max_size=n))
    return Circuit([f"x{i}" for i in range(n)], fan_ins, tables, [n + gates], ["y"]), weights


def by_all_rows(circuit, weights):
    """The function of the sum as a dictionary, by the truth table; None if it is none."""
    sums = rows(circuit.n_inputs) @ np.array(weights)
    known = {}
    for total, value in zip(sums.tolist(), np.asarray(truth_table(circuit))[:, 0].tolist(), strict=True):
        if known.setdefault(total, value) != value:
            return None
    return known


def found(circuit, weights):
    """What is proved, as a dictionary."""
    function = function_of_sum(circuit, weights)
    return None if function is None else dict(zip(function.sums.tolist(), function.values.tolist(), strict=True))


@given(netlists(4, 8, range(16)) | netlists(4, 14, [XOR, AND, NOR]))
def test_a_function_is_found_just_where_the_truth_table_is_one(case):
    circuit, weights = case
    assert found(circuit, weights) == by_all_rows(circuit, weights)


@pytest.mark.parametrize("kind", MAJORITIES)
@given(data=st.data())
def test_one_gate_of_a_majority_changed(kind, data):
    circuit = made(MAJORITIES[kind], 7)
    gate = data.draw(st.integers(0, circuit.n_gates - 1))
    tables = circuit.tables.copy()
    tables[gate] = data.draw(st.integers(0, 15))
    changed = Circuit(circuit.input_names, circuit.fan_ins, tables, circuit.outputs, circuit.output_names)
    assert found(changed, [1] * 7) == by_all_rows(changed, [1] * 7)


@given(st.lists(st.integers(-9, 9).filter(bool), min_size=6, max_size=6), st.integers(-20, 20))
def test_units_of_any_weights(weights, threshold):
    function = found(to_circuit(from_unit(ThresholdUnit(weights, threshold)), diagrams=False), weights)
    sums = set((rows(6) @ np.array(weights)).tolist())
    assert function == {total: total >= threshold for total in sums}


@pytest.mark.parametrize("kind", ["tree of adders", "chain of adders", "sorting network"])
def test_majorities_of_many_inputs(kind):
    n = 33
    function = function_of_sum(made(MAJORITIES[kind], n), np.ones(n, int))
    assert function is not None
    np.testing.assert_array_equal(function.sums, np.arange(n + 1))
    np.testing.assert_array_equal(function.values, np.arange(n + 1) > n // 2)


def test_other_functions_of_a_sum():
    n = 40
    parity = function_of_sum(library.parity(n), np.ones(n, int))
    assert parity is not None
    np.testing.assert_array_equal(parity.values, np.arange(n + 1) % 2 == 1)
    exactly = made(lambda bits: reached(tree(bits), 7) & ~reached(tree(bits), 8), n)
    assert found(exactly, [1] * n) == {total: total == 7 for total in range(n + 1)}


def test_numbers_added_and_compared():
    """a + 2 b >= 20 for two numbers of five digits: weights 1, 2, 4, ... and 2, 4, 8, ..."""
    circuit = trace(lambda a, b: {"y": reached(added(list(a), [0, *b]), 20)}, a=5, b=5)
    weights = [1, 2, 4, 8, 16, 2, 4, 8, 16, 32]
    assert found(circuit, weights) == {total: total >= 20 for total in range(94)}


def test_constants_inputs_and_weights_of_zero():
    assert found(parse("y = a & ~a", inputs=["a", "b"]), [1, 2]) == dict.fromkeys(range(4), False)
    assert found(parse("y = ~a", inputs=["a"]), [-2]) == {-2: False, 0: True}
    assert found(parse("y = a", inputs=["a", "b"]), [1, 1]) is None
    assert found(parse("y = a", inputs=["a", "b"]), [1, 0]) == {0: False, 1: True}
    assert found(parse("y = b", inputs=["a", "b"]), [1, 0]) is None
    assert found(parse("y = a & b"), [2**60, 2**60]) == {0: False, 2**60: False, 2**61: True}


def test_wrong_weights_are_no_function():
    circuit = made(MAJORITIES["tree of adders"], 9)
    assert function_of_sum(circuit, [1] * 8 + [2]) is None
    assert function_of_sum(circuit, [1] * 8 + [-1]) is None


def test_a_deadline_that_has_passed():
    circuit = made(MAJORITIES["tree of adders"], 9)
    assert function_of_sum(circuit, [1] * 9, deadline=time.perf_counter()) is None


def test_errors_name_what_came():
    gates = parse("y = a & b")
    with pytest.raises(ValueError, match=r"^function_of_sum: expected 2 weights, one per input, got shape \(3,\)\.$"):
        function_of_sum(gates, [1, 1, 1])
    with pytest.raises(ValueError, match=r"^function_of_sum: expected sum \|w\| of at most 2\^61, got \d+\.$"):
        function_of_sum(gates, [2**61, 2**61])
    with pytest.raises(TypeError, match=r"^function_of_sum: "):
        function_of_sum(gates, [0.5, 1])
    with pytest.raises(ValueError, match=r"^function_of_sum: expected one output, got 2\. `cone` takes one of them"):
        function_of_sum(parse("y = a; z = a"), [1])
