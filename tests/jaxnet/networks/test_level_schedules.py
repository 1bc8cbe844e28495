"""Schedules read back by a second, slow program: which edges each row holds, and what each step may already read."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet import LevelSchedule, Neuron, Wiring, evaluate, identity, level_schedule
from jaxnet.networks.level_schedules import FIRST_EDGE, NO_EDGE, SUM_EDGE, size_class

XOR = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])
# How much feeds a unit, and from how far back: none, few, more than the widest row, and more than its square.
FAN_INS = st.lists(st.sampled_from([0, 1, 2, 3, 5, 33, 40, 1100]), max_size=8)


def random_wiring(n_inputs, fan_in, seed, near=False):
    """Repeated sources and outputs; `near` prefers the unit just before, which makes the graph deep."""
    rng = np.random.default_rng(seed)
    if n_inputs == 0:
        fan_in = [0, *fan_in]
    sources = [
        np.where(rng.random(n) < 0.5 * near, n_inputs + u - 1, rng.integers(0, max(n_inputs + u, 1), n)).clip(0)
        for u, n in enumerate(fan_in)
    ]
    outputs = rng.integers(0, n_inputs + len(fan_in), 3) if n_inputs + len(fan_in) else []
    return Wiring(n_inputs, np.cumsum([0, *fan_in]), np.concatenate([[], *sources]).astype(int), outputs)


def last_steps(sweep, rows_per_step):
    """For each row, the step that writes it last; -1 for none."""
    last = np.full(len(sweep.sources), -1)
    for i, start in enumerate(sweep.starts[: sweep.n_steps]):
        assert start >= 0
        assert start + rows_per_step <= len(last), "a slice past the end is moved, and writes elsewhere"
        last[start : start + rows_per_step] = i
    return last


def sums(sweep, n_leaves):
    """For each row, the (edge, position) pairs that it adds up, sums inside trees written out."""
    pairs = []
    for sources, edges in zip(sweep.sources.tolist(), sweep.edges.tolist(), strict=True):
        row = []
        for source, edge in zip(sources, edges, strict=True):
            if edge == SUM_EDGE:
                row += pairs[source - n_leaves]
            elif edge != NO_EDGE:
                row.append((edge - FIRST_EDGE, source))
            else:
                assert source == 0, "where there is no edge, zero is read"
        pairs.append(row)
    return pairs


def check_order(sweep, rows_per_step, n_leaves, n_rows):
    """A row is written for the last time after all that feeds it was; only padding is left out."""
    last = last_steps(sweep, rows_per_step)
    assert (last[:n_rows] >= 0).all()
    assert not sweep.edges[n_rows:].any()
    done = np.concatenate([np.full(n_leaves, -1), last])
    used = sweep.edges[:n_rows] != NO_EDGE
    assert (np.where(used, done[sweep.sources[:n_rows]], -1) < last[:n_rows, None]).all()


def check(wiring):
    made = level_schedule(wiring)
    layout = jax.tree.map(np.asarray, made.layout)
    n = len(layout.units) - 1 - len(layout.forward.sources)
    nodes = np.concatenate([1 + np.arange(wiring.n_inputs), layout.positions[: wiring.n_units]])

    # Where every node is, and what is read.
    assert len(set(nodes.tolist())) == len(nodes)
    np.testing.assert_array_equal(layout.units[nodes[wiring.n_inputs :]], 1 + np.arange(wiring.n_units))
    assert np.count_nonzero(layout.units) == wiring.n_units
    np.testing.assert_array_equal(layout.outputs[: wiring.n_outputs], nodes[wiring.outputs])

    # Forward: every unit adds up its own edges, each from its own source.
    added = sums(layout.forward, 1 + n)
    n_rows = max(np.flatnonzero(layout.forward.edges.any(axis=1)).max(initial=-1), nodes.max(initial=0) - 1 - n) + 1
    check_order(layout.forward, made.rows_per_step[0], 1 + n, n_rows)
    for u, row in enumerate(nodes[wiring.n_inputs :] - 1 - n):
        edges = range(wiring.offsets[u], wiring.offsets[u + 1])
        assert sorted(added[row]) == [(e, nodes[wiring.sources[e]]) for e in edges]

    # Backward: every position adds up what it fed forward, parts of sums too.
    held = np.flatnonzero(layout.nodes)
    np.testing.assert_array_equal(layout.places[layout.nodes[held]], 1 + held)
    assert layout.places[0] == 0
    assert set(range(1, 1 + n + n_rows)) <= set(layout.nodes.tolist())
    fed = [[] for _ in layout.units]
    for row, slot in zip(*np.nonzero(layout.forward.edges), strict=True):
        edge, target = layout.forward.edges[row, slot], 1 + n + row
        fed[layout.forward.sources[row, slot]].append((edge, layout.places[target]))
    for position in range(1, 1 + n + n_rows):
        assert sorted(taken(layout.backward, layout.nodes, layout.places[position])) == sorted(fed[position])
    check_order(layout.backward, made.rows_per_step[1], 1, int(layout.places.max()))


def taken(backward, nodes, place):
    """(edge, place) pairs of a backward row; a row that holds no position is a part of a sum, and is written out."""
    pairs = []
    for source, edge in zip(backward.sources[place - 1].tolist(), backward.edges[place - 1].tolist(), strict=True):
        if edge == SUM_EDGE and nodes[source - 1] == 0:
            pairs += taken(backward, nodes, source)
        elif edge != NO_EDGE:
            pairs.append((edge, source))
    return pairs


@pytest.mark.slow
@hypothesis.settings(max_examples=8)
@hypothesis.given(st.integers(0, 4), FAN_INS, st.booleans(), st.integers(0, 2**32 - 1))
def test_a_schedule_is_the_graph_in_an_order_that_can_be_computed(n_inputs, fan_in, near, seed):
    check(random_wiring(n_inputs, fan_in, seed, near))


@pytest.mark.parametrize(
    "wiring",
    [
        Wiring(0, [0], [], []),
        Wiring(3, [0], [], [2, 0, 2]),
        Wiring(0, [0, 0, 2], [0, 0], [1]),
        Wiring(1, [0, 100], np.zeros(100, int), [1]),
        random_wiring(200, [2] * 400, 0),
        random_wiring(3, [2] * 100, 0, near=True),
    ],
    ids=["nothing", "no units", "no inputs", "one source", "wide", "deep"],
)
def test_schedules_of_extremes(wiring):
    check(wiring)


def test_repr():
    assert repr(level_schedule(XOR)) == "LevelSchedule(2 inputs, 2 units, 5 edges, 1 outputs)"


def test_a_schedule_is_made_once():
    assert level_schedule(XOR) is level_schedule(XOR)


def test_a_schedule_is_a_pytree_of_small_arrays():
    with jax.enable_x64(True):
        leaves, tree = jax.tree.flatten(level_schedule(random_wiring(2, [2, 3, 40], 0)))
    assert {(type(leaf) is not np.ndarray, leaf.dtype.name) for leaf in leaves} == {(True, "int32"), (True, "bool")}
    again = jax.tree.unflatten(tree, leaves)
    assert isinstance(again, LevelSchedule)
    assert (again.n_inputs, again.n_units, again.n_edges, again.n_outputs) == (2, 3, 45, 3)


def test_schedules_can_be_compared_and_hashed():
    one, other = (level_schedule(Wiring(2, [0, 2], [0, 1], [2])) for _ in range(2))
    assert one == one
    assert one != other
    assert len({one, one, other}) == 2


def test_size_classes():
    sizes = np.array([size_class(n) for n in range(5000)])
    assert sizes[0] == 1
    assert (sizes >= np.arange(5000)).all()
    assert (np.diff(sizes) >= 0).all()
    assert (sizes[8:] < 1.25 * np.arange(8, 5000)).all()
    assert len(set(sizes.tolist())) == 8 + 4 * 10 - 3  # four in an octave
    assert all(size_class(size) == size for size in sizes.tolist())


def test_graphs_of_a_size_class_have_arrays_of_one_shape():
    """So a compiled function that takes a schedule serves them all, and gives each its own values."""
    traces = []

    @jax.jit
    def run(ready, params, x):
        traces.append(ready)
        return evaluate(ready, params, x, identity)

    one, other = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]), Wiring(2, [0, 3, 5], [1, 1, 0, 2, 0], [2])
    params, x = Neuron(jnp.array([1.0, 2.0, 3.0, 4.0, 5.0]), jnp.array([1.0, 2.0])), jnp.array([10.0, 20.0])
    assert run(level_schedule(one), params, x) == 3 * 10 + 4 * 20 + 5 * (10 + 40 + 1) + 2
    assert run(level_schedule(other), params, x) == 1 * 20 + 2 * 20 + 3 * 10 + 1
    assert len(traces) == 1


@pytest.mark.slow
def test_a_schedule_made_under_jit_holds_no_tracer():
    wiring = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])

    def f(x):
        return jax.grad(lambda x: evaluate(wiring, Neuron(jnp.ones(5), jnp.ones(2)), x, identity).sum())(x)

    with jax.checking_leaks():
        gradient = jax.jit(f)(jnp.ones(2))
    np.testing.assert_array_equal(gradient, [2, 2])
    assert not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(level_schedule(wiring)))
    np.testing.assert_array_equal(f(jnp.ones(2)), gradient)


def test_a_chain_has_a_step_a_unit():
    wiring = Wiring(1, np.arange(10_001), np.arange(10_000), [10_000])
    layout = level_schedule(wiring).layout
    assert layout.forward.n_steps == 10_000
    assert layout.backward.n_steps == 10_001  # the input too
    assert layout.forward.edges.size < 3 * 10_000


def test_a_wide_unit_beside_narrow_ones_costs_its_edges():
    """20,000 units of two edges and one of 20,000: a table as wide as the widest would have 4 * 10^8 places."""
    n = 20_000
    fan_in = np.full(n + 1, 2)
    fan_in[-1] = n
    sources = np.concatenate([np.random.default_rng(0).integers(0, 100, 2 * n), 100 + np.arange(n)])
    layout = level_schedule(Wiring(100, np.cumsum([0, *fan_in]), sources, [100 + n])).layout
    for sweep in (layout.forward, layout.backward):
        assert sweep.edges.size < 4 * 3 * n
        assert sweep.n_steps < 1000


class Vast:
    """What `level_schedule` asks of a wiring before it makes anything."""

    n_inputs, n_units, n_edges = 2, 2, 2_000_000_000


def test_a_wiring_whose_edges_32_bits_do_not_number():
    with pytest.raises(
        ValueError, match=r"^level_schedule: expected fewer than 2\^31 edges and nodes, .* 2,000,000,000 edges "
    ):
        level_schedule(Vast())
