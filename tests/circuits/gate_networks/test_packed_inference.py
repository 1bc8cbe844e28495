import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import class_scores, classify, evaluate, parse
from circuits.gate_networks import packed_inference
from circuits.netlist import Circuit


def booleans(seed, rows, n):
    return np.random.default_rng(seed).integers(0, 2, (rows, n)).astype(bool)


def words_of(*numbers, bits=3, name="score"):
    """A circuit of one input that nothing reads, whose words have given values: 15 is true."""
    named = [f"{name}{i}[{j}]" for i in range(len(numbers)) for j in range(bits)]
    nodes = [2 if number >> j & 1 else 0 for number in numbers for j in range(bits)]
    return Circuit(["a"], [[0, 0]], [15], nodes, named)


@given(seed=st.integers(0, 10**6), classes=st.integers(1, 7), size=st.integers(1, 6))
def test_groups_are_counted_and_the_first_largest_wins(seed, classes, size, random_circuit):
    circuit = random_circuit(seed, 6, 40, classes * size)
    x = booleans(seed, 45, 6)
    scores = np.asarray(evaluate(circuit, x)).reshape(45, classes, size).sum(axis=2)
    np.testing.assert_array_equal(class_scores(circuit, x, classes=classes), scores)
    np.testing.assert_array_equal(classify(circuit, x, classes=classes), scores.argmax(axis=1))


@pytest.mark.parametrize(
    ("scores", "winner"), [((3, 5, 5), 1), ((7, 7, 7), 0), ((0, 0, 0, 0, 1), 4), ((6, 2, 6, 7), 3), ((4, 3), 0)]
)
def test_words_are_scores_and_of_equal_ones_the_first_wins(scores, winner):
    circuit = words_of(*scores)
    assert class_scores(circuit, [[0], [1]]).tolist() == [list(scores)] * 2
    assert classify(circuit, [[0], [1]]).tolist() == [winner] * 2


def test_scores_may_have_different_widths():
    circuit = Circuit(["a", "b"], [], [], [1, 2, 0, 1], ["low[0]", "high[0]", "high[1]", "high[2]"])
    x = [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert class_scores(circuit, x).tolist() == [[0, 0], [1, 4], [0, 1], [1, 5]]
    assert classify(circuit, x).tolist() == [0, 1, 1, 1]


def test_a_word_class_is_the_class():
    circuit = Circuit(["a", "b"], [], [], [2, 1, 2], ["class[0]", "class[1]", "other"])
    assert classify(circuit, [[0, 0], [1, 0], [0, 1], [1, 1]]).tolist() == [0, 2, 1, 3]
    assert classify(parse("class = a & b"), [[1, 1], [0, 1]]).tolist() == [1, 0]


@pytest.mark.parametrize("rows", [0, 1, 31, 64, 65, 200])
def test_any_number_of_rows_in_blocks(rows, monkeypatch, random_circuit):
    monkeypatch.setattr(packed_inference, "_BLOCK", 64)
    circuit, x = random_circuit(3, 6, 40, 8), booleans(rows, rows, 6)
    scores = np.asarray(evaluate(circuit, x)).reshape(rows, 4, 2).sum(axis=2)
    got = class_scores(circuit, x, classes=4)
    assert (got.shape, got.dtype) == ((rows, 4), np.int64)
    np.testing.assert_array_equal(got, scores)
    for same in (x, x.astype(np.uint8), jnp.asarray(x), np.asfortranarray(x)):
        answer = classify(circuit, same, classes=4)
        assert (answer.shape, answer.dtype) == ((rows,), np.int64)
        np.testing.assert_array_equal(answer, scores.argmax(axis=1) if rows else [])


def test_more_ones_than_an_octet_counts():
    circuit = Circuit(["a"], [], [], [1] * 300 + [0] * 300, [f"y{i}" for i in range(600)])
    assert class_scores(circuit, [[1], [0]], classes=2).tolist() == [[300, 0], [0, 0]]


def test_the_circuit_with_its_counts_is_made_once(monkeypatch):
    circuit = parse("p = a; q = b")
    classify(circuit, [[0, 1]], classes=2)
    monkeypatch.setattr(packed_inference, "_with_result", None)
    assert classify(circuit, [[0, 1]], classes=2).tolist() == [1]


def test_what_does_not_fit_is_refused(error):
    circuit = parse("p = a & b; q = a; r = b")
    rows = np.zeros((2, 2), bool)
    assert error(ValueError, classify, circuit, rows, classes=2) == (
        "classify: expected outputs that are 2 equal groups, one a class, got 3 outputs."
    )
    assert error(ValueError, class_scores, circuit, rows) == (
        "class_scores: expected the scores of two or more classes as words score0[0], score0[1], ..., got "
        "'p', 'q', 'r'. Outputs that are groups, one a class, need classes=."
    )
    for shape in ((2, 3), (2,), (0,), (1, 2, 2)):
        assert error(ValueError, classify, circuit, np.zeros(shape, bool), classes=3) == (
            f"classify: expected rows (rows, 2) for Circuit(2 inputs, 3 outputs, 1 gates), got shape {shape}."
        )
    assert error(TypeError, classify, circuit, np.zeros((1, 2)), classes=3) == (
        "classify: expected Boolean inputs, got float64. Compare them, for example x > 0."
    )
    assert error(ValueError, classify, circuit, [[0, 2]], classes=3) == (
        "classify: expected bits, 0 or 1, got 2. Compare the inputs, for example x > 0."
    )
    assert error(TypeError, classify, circuit, rows, classes=1.0) == (
        "classify: expected classes to be a whole number, got 1.0."
    )
    assert (
        error(ValueError, classify, circuit, rows, classes=0) == "classify: expected classes to be at least 1, got 0."
    )
