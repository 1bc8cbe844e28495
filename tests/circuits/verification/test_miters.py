import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import ThresholdUnit, parse
from circuits.gates import AND, XOR
from circuits.netlist import Circuit
from circuits.verification.miters import miter


@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), m=st.integers(0, 4), data=st.data())
def test_the_miter_is_1_where_an_output_differs(seed, n, m, data, random_circuit, reference, all_rows):
    a, b = random_circuit(seed, n, 12, m), random_circuit(seed + 1, n, 9, m)
    # The same inputs and outputs, in another order.
    inputs = data.draw(st.permutations(range(n)))
    outputs = data.draw(st.permutations(range(m)))
    names = [a.input_names[i] for i in inputs], [a.output_names[i] for i in outputs]
    x = all_rows(n)
    shuffled = Circuit(names[0], b.fan_ins, b.tables, b.outputs, names[1])
    by_name, by_place = miter(a, shuffled), miter(a, shuffled, "position")
    for circuit in (by_name, by_place):
        assert (circuit.input_names, circuit.output_names) == (a.input_names, ("differs",))
        assert circuit.n_gates == 21 + max(0, 2 * m - 1)
    expected = (reference(a, x) != reference(b, x)).any(axis=1)
    np.testing.assert_array_equal(reference(by_place, x)[:, 0], expected)
    expected = (reference(a, x)[:, outputs] != reference(b, x[:, inputs])).any(axis=1)
    np.testing.assert_array_equal(reference(by_name, x)[:, 0], expected)


def test_equal_circuits_never_differ(reference, all_rows):
    a, b = parse("y = a ^ b; z = a & b"), parse("z = ~(~a | ~b); y = (a | b) & ~(a & b)")
    assert not reference(miter(a, b), all_rows(2)).any()
    # One row of one output.
    assert reference(miter(a, parse("z = a & b; y = a | b")), all_rows(2))[:, 0].tolist() == [False, False, False, True]


def test_the_gates_of_both_are_there_in_order():
    gate = Circuit("ab", [[1, 2]], [AND], [3], ["y"])
    both = miter(gate, gate)
    assert both.tables.tolist() == [AND, AND, XOR]
    assert both.fan_ins.tolist() == [[1, 2], [1, 2], [3, 4]]


def test_names_that_do_not_match_are_listed(error):
    a, b = parse("y = a & b"), parse("z = b & c")
    assert error(ValueError, miter, a, b) == (
        "miter: expected the same input names in both circuits, got 'a' only in the first and 'c' only in the second. "
        'Rename them, or pass by="position".'
    )
    assert error(ValueError, miter, a, parse("y = a & b; z = a")) == (
        "miter: expected the same output names in both circuits, got none only in the first and "
        "'z' only in the second. Rename them, or pass by=\"position\"."
    )
    many = Circuit([f"x{i}" for i in range(9)], [], [], [], [])
    assert "'x0', 'x1', 'x2', 'x3', 'x4', 'x5' and 3 more only in the first" in error(ValueError, miter, many, a)


@pytest.mark.parametrize(
    ("b", "message"),
    [
        ("y = a", "miter: expected as many inputs in both circuits, got 2 and 1."),
        ("y = a & b; z = a | b", "miter: expected as many outputs in both circuits, got 1 and 2."),
    ],
)
def test_numbers_that_do_not_match_are_refused(b, message, error):
    assert error(ValueError, miter, parse("p = q & r"), parse(b), "position") == message


def test_another_way_to_pair_is_refused(error):
    a = parse("y = a & b")
    assert error(ValueError, miter, a, a, "order") == "miter: expected by to be 'name' or 'position', got 'order'."


def test_what_is_no_circuit_is_refused(error):
    assert error(TypeError, miter, parse("y = a"), ThresholdUnit([1], 1)) == (
        "miter: expected two Circuits, got ThresholdUnit. circuits.to_circuit makes one of threshold units."
    )
