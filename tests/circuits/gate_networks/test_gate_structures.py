import jax
import numpy as np
import pytest

import jaxnet
from circuits import (
    class_scores,
    classify,
    discretisation_gap,
    evaluate,
    gate_loss,
    gate_network,
    gate_outputs,
    hard_layers,
    harden,
    logic_convolution,
)

IMAGES = logic_convolution((4, 4, 2), 3, size=2, padding=1, initial="normal")
CLASSES = gate_network(12, [10, 12], classes=3, tau=2, initial="normal")
CHAIN = jaxnet.chain(IMAGES, CLASSES)


@pytest.fixture(scope="module")
def params():
    return CHAIN.init(jax.random.key(0))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).integers(0, 2, (80, 32)).astype(bool)


def test_a_chain_is_its_parts_one_after_the_other(params, x):
    soft = CLASSES.apply(params[1], IMAGES.apply(params[0], x))
    np.testing.assert_allclose(gate_outputs(CHAIN, params, x), soft, rtol=1e-6)
    np.testing.assert_allclose(CHAIN.apply(params, x), soft, rtol=1e-6)
    between = np.asarray(evaluate(harden(IMAGES, params[0]), x))
    votes = np.asarray(evaluate(harden(CLASSES, params[1]), between))
    circuit = harden(CHAIN, params)
    np.testing.assert_array_equal(evaluate(circuit, x), votes)
    assert circuit.n_gates == harden(IMAGES, params[0]).n_gates + harden(CLASSES, params[1]).n_gates
    assert circuit.output_names[:2] == ("class0_gate0", "class0_gate1")
    assert len(hard_layers(CHAIN, params)) == 2 + 2 + 2
    scores = class_scores(harden(CHAIN, params, "counts"), x)
    np.testing.assert_array_equal(gate_outputs(CHAIN, params, x, forward="hard"), scores / 2)
    np.testing.assert_array_equal(classify(harden(CHAIN, params, "class"), x), scores.argmax(axis=1))


def test_the_gap_of_a_chain(params, x):
    y = classify(harden(CHAIN, params, "class"), x)
    soft = np.asarray(CHAIN.apply(params, x)).argmax(axis=1)
    assert discretisation_gap(CHAIN, params, x, y) == ((soft == y).mean(), 1.0)


def test_the_loss_of_a_chain_has_derivatives_for_all_parts(params, x):
    y = np.arange(80) % 3
    loss = gate_loss(CHAIN)
    value, derivatives = jax.jit(jax.value_and_grad(loss))(params, (x, y), jax.random.key(1))
    logits = np.asarray(CHAIN.apply(params, x), float)
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(80), y]
    assert value == pytest.approx(expected.mean(), rel=1e-5)
    assert all(np.abs(d).sum() > 0 for d in jax.tree.leaves(derivatives))


def test_parts_of_a_chain_draw_with_keys_of_their_own():
    twice = jaxnet.chain(*[gate_network(6, [6], wiring="random", initial="normal")] * 2)
    one = twice.init(jax.random.key(0))[0]
    drawn = [
        np.asarray(
            gate_outputs(twice, (one, one), np.eye(6), forward="gumbel", key=jax.random.key(seed), temperature=1)
        )
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_chains_of_chains(params, x):
    nested = jaxnet.chain(jaxnet.chain(IMAGES), CLASSES)
    np.testing.assert_array_equal(
        evaluate(harden(nested, ((params[0],), params[1])), x), evaluate(harden(CHAIN, params), x)
    )


def test_what_is_no_network_of_gates_is_refused(params, error):
    for network in (jaxnet.mlp([2, 1]), jaxnet.chain(IMAGES, jaxnet.layer(12, 2)), None):
        for function in (hard_layers, harden):
            assert error(TypeError, function, network, params) == (
                f"{function.__name__}: expected a network made by gate_network or logic_convolution, or a chain of "
                f"them, got {network!r}."
            )


def test_classes_before_the_last_part_are_refused(params, error):
    network = jaxnet.chain(gate_network(4, [6], classes=2), gate_network(2, [4]))
    assert error(ValueError, gate_loss, network) == (
        "gate_loss: expected classes in the last part of a chain only, got them in part 1, 4 -> 6 gates -> 2 classes. "
        "Its sums are no bits that gates could read."
    )


def test_parameters_that_do_not_fit_are_refused(params, error):
    assert error(jaxnet.ShapeError, harden, CHAIN, params[:1]) == (
        "harden: expected a tuple of 2 parameters for 4x4x2 -> 3 trees of depth 2 -> 2x2x3 -> (12 -> 10 -> 12 gates -> "
        "3 classes), got of 1."
    )
    assert error(jaxnet.ShapeError, gate_outputs, CHAIN, (params[0], params[0]), np.zeros(32)) == (
        "gate_outputs: layer 2 of 2 (12 -> 10 -> 12 gates -> 3 classes): expected gates of shapes [(1, 4, 10), "
        "(1, 4, 12)] for 12 -> 10 -> 12 gates -> 3 classes, got [(1, 4, 6), (1, 4, 3)]."
    )
