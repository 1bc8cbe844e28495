import itertools

import pytest

from circuits.gates import essential, flip, swap


def value(table, a, b):
    return table >> (a + 2 * b) & 1


@pytest.mark.parametrize("table", range(16))
def test_a_table_of_inverted_inputs_and_of_swapped_ones(table):
    for a, b in itertools.product((0, 1), repeat=2):
        assert value(swap(table), a, b) == value(table, b, a)
        for not_a, not_b in itertools.product((False, True), repeat=2):
            assert value(flip(table, not_a, not_b), a, b) == value(table, a ^ not_a, b ^ not_b)


@pytest.mark.parametrize("table", range(16))
@pytest.mark.parametrize("nodes", list(itertools.product((0, 5, 7), repeat=2)))
def test_an_essential_gate_is_the_same_function_of_fewer_nodes(table, nodes):
    smaller, left = essential(table, *nodes)
    assert set(left) <= set(nodes) - {0}
    for bits in itertools.product((0, 1), repeat=2):
        of = {0: 0, 5: bits[0], 7: bits[1]}
        reads = [of[node] for node in (*left, 0, 0)][:2]
        assert value(smaller, *reads) == value(table, *(of[node] for node in nodes))
