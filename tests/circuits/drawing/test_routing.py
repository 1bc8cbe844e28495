"""Channels: wires that would lie on each other, in all orders of their ends."""

import itertools

import pytest

from circuits.drawing.routing import Strand, route


def check(strands, start=3):
    end, pieces = route(strands, start)
    assert set(pieces) == {strand.node for strand in strands}
    for strand in strands:
        own = pieces[strand.node].segments
        points = [(x, y) for x, y, _, _ in own] + [(x, y) for _, _, x, y in own]
        assert (start, strand.entry) in points
        assert all((end, height) in points for height in strand.exits)
        assert all(start <= x <= end for x, _ in points)
    for a, b in itertools.combinations(pieces, 2):
        for s, t in itertools.product(pieces[a].segments, pieces[b].segments):
            if s[0] <= t[2] and t[0] <= s[2] and s[1] <= t[3] and t[1] <= s[3]:
                level, upright = (s, t) if s[1] == s[3] else (t, s)
                assert level[1] == level[3]
                assert level[0] < upright[0] < level[2]
                assert upright[1] < level[1] < upright[3]
    return end, pieces


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_all_permutations(n):
    for exits in itertools.permutations(range(n)):
        check([Strand(node, 2 * node, (2 * place,)) for node, place in enumerate(exits)])


def test_two_that_change_places_take_three_tracks():
    end, pieces = check([Strand(0, 0, (4,)), Strand(1, 4, (0,))])
    assert end == 3 + 4
    assert sorted(len(piece.segments) for piece in pieces.values()) == [3, 5]


def test_branches_among_a_ring():
    check([Strand(0, 0, (2, 4)), Strand(1, 2, (6, 8)), Strand(2, 4, (0, 10)), Strand(3, 6, (12,))])


def test_a_wire_with_nowhere_to_turn_is_one_line():
    assert route([Strand(5, 4, (4,))], 0) == (2, {5: ([(0, 4, 2, 4)], [])})


def test_an_empty_channel():
    assert route([], 7) == (9, {})
