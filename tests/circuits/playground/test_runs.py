"""Recorded runs: what is said of a network at a record is what that network does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits.playground import runs
from circuits.playground.members import ACTIVATIONS, OPTIMISERS
from circuits.playground.runs import Plan, network_at, surface, train, values_at

XOR = circuits.parse("a ^ b")
PLAN = Plan(width=3, activation="tanh", seeds=6)


def test_records_are_those_of_the_network():
    run = train(XOR, PLAN)
    x = circuits.rows(2).astype(np.float32)
    for member, record in ((0, 0), (3, 40), (5, 100)):
        network, params = network_at(run, member, record)
        outputs = np.asarray(network.apply(params, jnp.asarray(x)))
        np.testing.assert_allclose(run.outputs[member, record], outputs, atol=1e-5)
        wrong = np.abs(outputs - np.asarray(circuits.truth_table(XOR)))
        assert run.losses[member, record] == pytest.approx((0.5 * wrong**2).mean(), rel=1e-3)
        assert run.right[member, record] == (wrong < 0.5).all()
        np.testing.assert_allclose(surface(run, member, record, x), outputs, atol=1e-5)
        values = values_at(run, member, record, 2)
        assert values[:2].tolist() == [0, 1]
        assert values[-1] == pytest.approx(outputs[2, 0], abs=1e-5)
        assert len(values) == 2 + 3 + 1


def test_all_plans_of_one_shape_are_one_program():
    train(XOR, PLAN)
    before = runs._trained._cache_size()
    train(XOR, Plan(10, "relu", "momentum 0.9", 0.3, 1, 5))
    train(circuits.parse("a & b"), Plan())
    assert runs._trained._cache_size() == before


def test_the_share_that_is_solved_and_the_best():
    run = train(XOR, PLAN)
    assert run.steps[[0, -1]].tolist() == [0, 1000]
    assert run.solved[-1] == run.right[:, -1].mean()
    assert run.losses[run.best, -1] == run.losses[:, -1].min()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_no_step_size_of_the_page_makes_numbers_that_are_none(activation, optimiser):
    run = train(XOR, Plan(10, activation, optimiser, 10.0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run.params))


def test_a_run_is_begun_only_where_nothing_is_to_be_compiled(monkeypatch):
    monkeypatch.setattr(runs, "_COMPILED", set())
    circuit, plan = circuits.parse("a & ~b"), Plan(width=2, seeds=3, seed=5)
    before = runs._begun.cache_info().misses
    runs.begin(circuit, plan)
    assert runs._begun.cache_info().misses == before
    losses = runs.train(circuit, plan).losses
    other = circuits.parse("a & ~b")
    runs.begin(other, plan)
    hits = runs._begun.cache_info().hits
    np.testing.assert_array_equal(runs.train(other, plan).losses, losses)
    assert runs._begun.cache_info().hits == hits + 1
