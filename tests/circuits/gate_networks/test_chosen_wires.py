"""Fixed wires against those chosen: equal values with hard gates, gates that are the same."""

import jax
import numpy as np
from common.gate_references import ROWS, network_of_all_kinds, random_params

import circuits
from jaxnet import ShapeError


def test_hard_gates_give_what_they_gave():
    network = network_of_all_kinds("input-wise")
    params = random_params(network, 2)
    fixed, gates = circuits.fix_wires(network, params)
    assert repr(fixed) == repr(network)
    assert fixed.structure.shapes.choices == gates.choices == ()
    hard = [circuits.gate_outputs(*pair, ROWS, forward="hard") for pair in ((network, params), (fixed, gates))]
    np.testing.assert_array_equal(*hard)
    for mine, theirs in zip(circuits.hard_layers(fixed, gates), circuits.hard_layers(network, params), strict=True):
        np.testing.assert_array_equal(mine.reads, theirs.reads)
        np.testing.assert_array_equal(mine.tables, theirs.tables)


def test_layers_that_become_matched_run_together():
    """Layers of 4 whose choices are those of one balanced wiring: before, each is a run of its own."""
    network = circuits.gate_network(4, [4, 4, 4], wiring="learned", choices=2, classes=2)
    params = network.init(jax.random.key(0))
    first = [np.zeros((2, 2, 4)) for _ in range(3)]
    for choices in first:
        choices[0] = 1
    fixed, gates = circuits.fix_wires(network, params._replace(choices=tuple(first)))
    assert [run.kind for run in fixed.structure.runs] == ["matched"]
    assert [leaf.shape for leaf in jax.tree.leaves(gates)] == [(3, 4, 4)]
    np.testing.assert_array_equal(np.stack([leaf[0] for leaf in params.gates]), gates.gates[0])


def test_errors(error):
    network = circuits.gate_network(2, [2])
    chain = circuits.logic_convolution((4, 4, 1), 1, channels=1)
    assert error(TypeError, circuits.fix_wires, chain, ()).startswith(
        "fix_wires: expected a network made by gate_network alone, got Network("
    )
    nan = jax.tree.map(lambda leaf: leaf * np.nan, network.init(jax.random.key(0)))
    said = "expected parameters that are numbers, got NaN: did the training diverge?"
    assert error(ValueError, circuits.fix_wires, network, nan) == f"fix_wires: {said}"
    assert error(ValueError, circuits.harden, network, nan) == f"harden: {said}"
    assert (
        error(
            ValueError, circuits.harden, chain, jax.tree.map(lambda leaf: leaf * np.nan, chain.init(jax.random.key(0)))
        )
        == f"harden: {said}"
    )
    assert error(ShapeError, circuits.fix_wires, network, [1]) == (
        "fix_wires: expected GateParams(gates, choices) for 2 -> 2 gates, got list."
    )
