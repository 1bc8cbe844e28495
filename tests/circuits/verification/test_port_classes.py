from collections import deque

import numpy as np
import pytest

from circuits import parse
from circuits.verification.port_classes import PortClasses, refined, structure, ways_to_split


def start(n, m):
    return PortClasses(np.zeros((2, n), int), np.zeros((2, m), int))


def classes_of(a, b, flips=1):
    rng = np.random.default_rng(0)
    return refined(a, b, start(a.n_inputs, a.n_outputs), flips, deque(), rng)


def as_sets(row):
    return {frozenset(np.flatnonzero(row == number).tolist()) for number in set(row.tolist())}


def test_classes_are_the_same_numbers_in_both():
    a, b = parse("y = a & b & ~c; z = c"), parse("p = q; r = ~q & s & t", inputs=["q", "s", "t"])
    inputs, outputs = classes_of(a, b)
    assert as_sets(inputs[0]) == {frozenset({0, 1}), frozenset({2})}
    assert inputs[0, 2] == inputs[1, 0]
    assert outputs[0].tolist() == outputs[1].tolist()[::-1]


@pytest.mark.parametrize("other", ["y = a | b", "y = a & b & 0", "y = a ^ b", "y = a"])
def test_functions_that_cannot_match(other):
    assert classes_of(parse("y = a & b"), parse(other, inputs=["a", "b"])) is None


def test_pairs_are_flipped():
    """x0 & x1 | x2 & x3 but for one input: no single flip of all zeros or all ones tells inputs apart, pairs do."""
    circuit = parse("y = (a ^ b) & (c ^ d)")
    other = parse("y = (p ^ r) & (q ^ s)", inputs=["p", "q", "r", "s"])
    assert classes_of(circuit, other).inputs.tolist() == [[0] * 4] * 2
    assert classes_of(circuit, other, flips=2) is not None
    assert classes_of(circuit, parse("y = p ^ q ^ r ^ s"), flips=2) is None


def test_ways_to_split():
    classes = PortClasses(np.array([[0, 1, 1], [1, 0, 1]]), np.zeros((2, 1), int))
    first, second = [[0, 2, 1], [2, 0, 1]], [[0, 2, 1], [1, 0, 2]]
    ways = [way.inputs.tolist() for way in ways_to_split(classes, np.zeros((2, 3), np.uint64))]
    assert ways == [first, second]
    # A partner of the same structure comes first.
    ways = [way.inputs.tolist() for way in ways_to_split(classes, np.array([[5, 6, 7], [7, 5, 6]], np.uint64))]
    assert ways == [second, first]
    classes = PortClasses(np.array([[0, 1], [1, 0]]), np.zeros((2, 1), int))
    assert ways_to_split(classes, np.zeros((2, 2), np.uint64)) == []


def test_structure():
    of_a = structure(parse("y = (a & b) ^ ~c; z = c"))
    of_b = structure(parse("z = c; y = (q & r) ^ ~c", inputs=["c", "q", "r"]))
    assert of_a[[2, 0, 1]].tolist() == of_b.tolist()
    assert len(set(of_a.tolist())) == 3  # a and b are the first and the second of their gate
