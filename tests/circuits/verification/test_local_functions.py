"""What a truth table proves holds on all inputs; what it does not prove says nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from circuits.verification.local_functions import equal_nearby
from circuits.verification.xor_and_graphs import XorAndGraph


@given(seed=st.integers(0, 2**32 - 1))
def test_true_is_a_proof_and_over_the_inputs_false_is_one_too(seed):
    random = np.random.default_rng(seed)
    n, graph = 4, XorAndGraph.of_inputs(4)
    rows = np.arange(16)
    values = [np.zeros(16, bool), *(rows >> i & 1 == 1 for i in range(n))]
    for _ in range(30):
        x, y = sorted(random.integers(2, 2 * len(values), 2).tolist())
        is_xor = bool(random.integers(2))
        if x >> 1 == y >> 1 or (is_xor and (x | y) & 1):
            continue
        a, b = (values[z >> 1] ^ bool(z & 1) for z in (x, y))
        graph.add(is_xor, x, y, variable=len(values))
        values.append(a ^ b if is_xor else a & b)
    for node in range(n + 1, len(values)):
        for literal in range(2 * node):
            same = bool((values[node] == values[literal >> 1] ^ bool(literal & 1)).all())
            # With four inputs, the leaves always are the inputs in the end.
            assert equal_nearby(graph, node, literal) == same


def test_more_than_sixteen_leaves_are_too_many():
    graph = XorAndGraph.of_inputs(40)
    left = right = 1
    for place in range(2, 41):
        left = graph.add(False, 2 * left, 2 * place, variable=0)
    order = [*range(40, 1, -1)]
    for place in order:
        right = graph.add(False, 2 * right, 2 * place, variable=0)
    assert not equal_nearby(graph, right, 2 * left)


def test_gates_of_one_side_are_taken_first_where_the_other_is_a_long_chain():
    # By level, the chain would be followed down to its end, far below the five nodes over which both are equal.
    graph = XorAndGraph.of_inputs(60)
    chain = [2]
    for place in range(2, 61):
        chain.append(2 * graph.add(False, 2 * place, chain[-1] ^ 1, variable=0))
    base, (p, q, r, s) = chain[-5], (2 * place for place in range(57, 61))
    # s & ~(r & ~(q & ~(p & ~base))) as s & (~r | q & ~(p & ~base)), multiplied out.
    first = graph.add(False, r ^ 1, s, variable=0)
    second = graph.add(False, s, 2 * graph.add(False, p ^ 1, q, variable=0), variable=0)
    third = graph.add(False, base, 2 * graph.add(False, q, s, variable=0), variable=0)
    either = graph.add(False, 2 * first ^ 1, 2 * second ^ 1, variable=0)
    none = graph.add(False, 2 * either, 2 * third ^ 1, variable=0)
    assert equal_nearby(graph, none, chain[-1] ^ 1)
    assert not equal_nearby(graph, none, chain[-1])
