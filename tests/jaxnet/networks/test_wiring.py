"""The graph as arrays: what is kept, what is refused, and how deep each node lies."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxnet import Wiring
from jaxnet.networks.wiring import last_readers, levels

XOR = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])


@st.composite
def graphs(draw):
    """Three inputs, five units with 0, 1, 2, 3 and 4 edges in any order, three outputs: one shape, one compilation.

    Sources repeat, some units have no edge or feed nothing, outputs repeat and may be inputs.
    """
    fan_in = draw(st.permutations(range(5)))
    sources = [draw(st.integers(0, 3 + u - 1)) for u, n in enumerate(fan_in) for _ in range(n)]
    outputs = draw(st.lists(st.integers(0, 7), min_size=3, max_size=3))
    return Wiring(3, np.cumsum([0, *fan_in]), sources, outputs)


def test_a_wiring_keeps_what_it_is_given():
    assert XOR.n_inputs == 2
    assert (XOR.n_units, XOR.n_edges, XOR.n_outputs) == (2, 5, 1)
    assert (XOR.offsets.dtype, XOR.sources.dtype, XOR.outputs.dtype) == (np.int64, np.int32, np.int32)
    np.testing.assert_array_equal(XOR.offsets, [0, 2, 5])
    np.testing.assert_array_equal(XOR.sources, [0, 1, 0, 1, 2])
    np.testing.assert_array_equal(XOR.outputs, [3])


def test_repr():
    assert repr(XOR) == "Wiring(2 inputs, 2 units, 5 edges, 1 outputs)"


def test_the_smallest_graphs():
    assert repr(Wiring(0, [0], [], [])) == "Wiring(0 inputs, 0 units, 0 edges, 0 outputs)"
    assert repr(Wiring(0, [0, 0, 2], [0, 0], [1])) == "Wiring(0 inputs, 2 units, 2 edges, 1 outputs)"


def test_the_number_of_inputs_may_be_that_of_numpy():
    assert type(Wiring(np.int64(2), [0], [], [0]).n_inputs) is int


def test_a_wiring_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        XOR.n_inputs = 3
    for array in (XOR.offsets, XOR.sources, XOR.outputs):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_wiring_copies_the_arrays_of_the_caller():
    offsets, sources, outputs = np.array([0, 1]), np.array([0], np.int32), np.array([1], np.int32)
    wiring = Wiring(1, offsets, sources, outputs)
    offsets[1], sources[0], outputs[0] = 7, 7, 7
    assert (wiring.offsets[1], wiring.sources[0], wiring.outputs[0]) == (1, 0, 1)


def test_a_wiring_is_hashable():
    assert len({XOR, XOR, Wiring(2, [0], [], [0])}) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, [0], [], []), "Wiring: expected n_inputs to be at least 0, got -1."),
        ((2, [[0, 2]], [0, 1], [2]), "Wiring: expected offsets with one axis, got shape (1, 2)."),
        ((2, [0, 2], [[0, 1]], [2]), "Wiring: expected sources with one axis, got shape (1, 2)."),
        ((2, [0, 2], [0, 1], 2), "Wiring: expected outputs with one axis, got shape ()."),
        ((2, [], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got []."),
        ((2, [1, 2], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got [1 2]."),
        ((2, [0, 1], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got [0 1]."),
        ((2, [0, 3], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got [0 3]."),
        ((2, [0, 3, 2], [0, 1], [2]), "Wiring: expected offsets that rise from 0 to the 2 edges, got [0 3 2]."),
        (
            (2, [0, 2], [0, 2], [2]),
            "Wiring: unit 0 (node 2) is fed by node 2, expected one of 0..1: a unit comes after all that feed it.",
        ),
        (
            (2, [0, 0, 2], [3, 0], [2]),
            "Wiring: unit 1 (node 3) is fed by node 3, expected one of 0..2: a unit comes after all that feed it.",
        ),
        (
            (2, [0, 1, 2], [3, 0], [2]),
            "Wiring: unit 0 (node 2) is fed by node 3, expected one of 0..1: a unit comes after all that feed it.",
        ),
        (
            (2, [0, 2], [0, -1], [2]),
            "Wiring: unit 0 (node 2) is fed by node -1, expected one of 0..1: a unit comes after all that feed it.",
        ),
        ((2, [0, 2], [0, 1], [2, 3]), "Wiring: expected outputs among the nodes 0..2, got [2 3]."),
        ((2, [0, 2], [0, 1], [-1]), "Wiring: expected outputs among the nodes 0..2, got [-1]."),
    ],
)
def test_graphs_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=r"^Wiring: ") as e:
        Wiring(*arguments)
    assert str(e.value) == message


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((2, [0, 2], [0.9, 1.9], [2]), TypeError, "Wiring: expected integers in sources, got float64."),
        ((2, [0, 2.0], [0, 1], [2]), TypeError, "Wiring: expected integers in offsets, got float64."),
        ((2, [0, 2], [False, True], [2]), TypeError, "Wiring: expected integers in sources, got bool."),
        ((2.0, [0, 2], [0, 1], [2]), TypeError, "Wiring: expected n_inputs to be a whole number, got 2.0."),
        ((True, [0, 1], [0], [1]), TypeError, "Wiring: expected n_inputs to be a whole number, got True."),
        (
            (2, [0, 2], np.array([0, 2**32 + 1]), [2]),  # would wrap to [0, 1]
            ValueError,
            "Wiring: expected sources in -2147483648..2147483647, got 0..4294967297.",
        ),
        (
            (2, [0, 2], [0, 1], [2**80]),
            ValueError,
            f"Wiring: expected outputs in -2147483648..2147483647, got {2**80}..{2**80}.",
        ),
    ],
)
def test_numbers_that_are_no_nodes_are_not_rounded_or_wrapped(arguments, error, message):
    with pytest.raises(error) as e:
        Wiring(*arguments)
    assert str(e.value) == message


@pytest.mark.parametrize(
    ("n_leaves", "offsets", "sources", "expected"),
    [
        (0, [0], [], []),
        (3, [0], [], [0, 0, 0]),
        (2, [0, 2, 5], [0, 1, 0, 1, 2], [0, 0, 1, 2]),
        (1, [0, 1, 2, 3], [0, 1, 2], [0, 1, 2, 3]),  # a line
        (1, [0, 1, 2, 4], [0, 0, 1, 2], [0, 1, 1, 2]),  # a diamond
        (1, [0, 0, 1, 2], [1, 0], [0, 1, 2, 1]),  # a unit without inputs, and one fed by it
        (1, [0, 1, 3], [0, 0, 1], [0, 1, 2]),  # a short way and a long one
    ],
)
def test_levels_by_hand(n_leaves, offsets, sources, expected):
    level = levels(n_leaves, np.array(offsets), np.array(sources, int))
    assert level.dtype == np.int32
    np.testing.assert_array_equal(level, np.array(expected))


@hypothesis.given(graphs())
def test_levels_are_the_longest_paths(wiring):
    """Peeling: after k rounds a unit is alive if a path with more than k units ends in it."""
    feeds = np.zeros((8, 8), bool)
    for u in range(wiring.n_units):
        feeds[3 + u, wiring.sources[wiring.offsets[u] : wiring.offsets[u + 1]]] = True
    is_unit = np.arange(8) >= 3
    level, alive = np.zeros(8, int), is_unit
    while alive.any():
        level += alive
        alive = is_unit & (feeds & alive).any(axis=1)
    np.testing.assert_array_equal(levels(3, wiring.offsets, wiring.sources), level)


@hypothesis.given(graphs())
def test_last_readers_are_those_of_a_loop_over_units(wiring):
    last = [-1] * 8
    for unit in range(wiring.n_units):
        for node in wiring.sources[wiring.offsets[unit] : wiring.offsets[unit + 1]]:
            last[node] = 3 + unit
    np.testing.assert_array_equal(last_readers(3, wiring.offsets, wiring.sources), last)


def test_nothing_reads_what_there_is_not():
    assert last_readers(0, np.array([0]), np.array([], int)).shape == (0,)
