import pytest

from circuits.verification.drat import FALSE_VARIABLE
from circuits.verification.xor_and_graphs import XorAndGraph, folded, xor_or_and


def test_literals_and_clauses():
    graph = XorAndGraph.of_inputs(2)
    assert (graph.add(True, 2, 4, 3), graph.add(False, 2, 7, -4)) == (3, 4)
    assert graph.levels == [0, 0, 0, 1, 2]
    assert [graph.signed(x) for x in (2, 3, 0, 1, 8)] == [1, -1, FALSE_VARIABLE, -FALSE_VARIABLE, -4]
    assert graph.clauses(4, 4, graph.signed) == [[-4, 1], [-4, -3], [4, -1, 3]]
    assert sorted(graph.clauses(3, 3, graph.signed)) == sorted([[-3, 1, 2], [-3, -1, -2], [3, 1, -2], [3, -1, 2]])
    graph.pop()
    assert len(graph.is_xor) == len(graph.fan_ins) == len(graph.levels) == len(graph.variables) == 4


@pytest.mark.parametrize("table", range(16))
@pytest.mark.parametrize(
    "literals", [(0, 2), (1, 3), (2, 2), (2, 3), (2, 4), (3, 4), (5, 2), (5, 3), (4, 1), (0, 0), (1, 0)]
)
def test_gates_on_literals_are_and_or_xor_of_literals(table, literals):
    is_xor, inverted, x, y = xor_or_and(table, *literals)
    assert x <= y
    assert not (is_xor and (x | y) & 1)
    alone = folded(is_xor, x, y)
    for row in range(4):
        nodes = [0, row & 1, row >> 1]
        values = [nodes[i >> 1] ^ i & 1 for i in range(6)]
        a, b = (values[i] for i in literals)
        expected = table >> (a + 2 * b) & 1
        assert (values[x] ^ values[y] if is_xor else values[x] & values[y]) ^ inverted == expected
        if alone is not None:
            assert values[alone] ^ inverted == expected
