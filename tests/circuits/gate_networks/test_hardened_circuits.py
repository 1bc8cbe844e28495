"""The circuit of a network is the network with hard gates, on every row."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.gate_references import LABELS, NO_GATES, PARAMETRISATIONS, ROWS, network_of_all_kinds, random_params
from hypothesis import given
from hypothesis import strategies as st

import jaxnet
from circuits import classify, discretisation_gap, evaluate, gate_network, gate_outputs, hard_layers, harden
from circuits.gate_networks.layered_gates import GateParams
from circuits.gate_networks.parametrisations import hard_tables
from jaxnet import ShapeError

each = pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
# Logits whose ties and smallest sums must be decided alike.
NUMBERS = np.array([0, -0.0, 1e-42, -1e-42, 0.1, 0.2, -0.3, 0.3, 1, -1, 2, -2], np.float32)


def drawn(network, seed):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: rng.choice(NUMBERS, leaf.shape), random_params(network, 0))


def by_layers(layers, x):
    """Values of the last gates, read from their tables."""
    for reads, tables in layers:
        x = tables >> (x[:, reads[0]] + 2 * x[:, reads[1]]) & 1
    return x


@each
@given(seed=st.integers(0, 2**32 - 1), ties=st.booleans())
def test_the_circuit_is_the_network_with_hard_gates(parametrisation, seed, ties):
    network = network_of_all_kinds(parametrisation)
    params = drawn(network, seed) if ties else random_params(network, seed)
    hard = np.asarray(gate_outputs(network, params, ROWS, forward="hard"))
    values = by_layers(hard_layers(network, params), ROWS.astype(np.uint8))
    counts = values.reshape(32, 3, 2).sum(axis=2)
    np.testing.assert_allclose(counts / network.structure.tau, hard, rtol=1e-6)
    circuit = harden(network, params)
    assert (circuit.n_gates, circuit.n_outputs) == (sum(network.structure.widths), 6)
    np.testing.assert_array_equal(circuit.tables, np.concatenate([t for _, t in hard_layers(network, params)]))


@each
def test_outputs_counts_and_classes_on_all_rows(parametrisation, reference, integers_of):
    network = network_of_all_kinds(parametrisation)
    params = random_params(network, 3)
    hard = np.asarray(gate_outputs(network, params, ROWS, forward="hard")) * network.structure.tau
    gates, counts, decided = (harden(network, params, scores) for scores in ("gates", "counts", "class"))
    assert gates.output_names == tuple(f"class{c}_gate{i}" for c in range(3) for i in range(2))
    assert gates.input_names == ("x0", "x1", "x2", "x3", "x4")
    np.testing.assert_array_equal(reference(gates, ROWS).reshape(32, 3, 2).sum(axis=2), hard)
    words = reference(counts, ROWS).reshape(32, 3, 2)
    np.testing.assert_array_equal(np.stack([integers_of(row) for row in words]), hard)
    classes = hard.argmax(axis=1)  # the first of the largest, and there are many ties
    np.testing.assert_array_equal(integers_of(reference(decided, ROWS)), classes)


def test_classify_takes_all_three():
    network = network_of_all_kinds("input-wise")
    params = random_params(network, 3)
    classes = np.asarray(gate_outputs(network, params, ROWS, forward="hard")).argmax(axis=1)
    np.testing.assert_array_equal(classify(harden(network, params), ROWS, classes=3), classes)
    np.testing.assert_array_equal(classify(harden(network, params, "counts"), ROWS), classes)
    np.testing.assert_array_equal(classify(harden(network, params, "class"), ROWS), classes)


@pytest.mark.slow
def test_bfloat16_gates_harden_as_they_run():
    for parametrisation in PARAMETRISATIONS:
        network = network_of_all_kinds(parametrisation)
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), random_params(network, 8))
        hard = gate_outputs(network, params, ROWS, forward="hard").astype(np.float32)
        values = by_layers(hard_layers(network, params), ROWS.astype(np.uint8))
        np.testing.assert_array_equal(values.reshape(32, 3, 2).sum(axis=2) / network.structure.tau, hard)


def test_without_classes_and_with_names():
    network = gate_network(2, [3], wiring=[[[0, 1, 0], [1, 0, 0]]])
    logits = np.array([[-1, 1, 1, -1], [-1, -1, -1, 1], [1, -1, 1, -1]], np.float32).T[None]  # XOR, AND, NOT
    circuit = harden(network, GateParams((logits,)), input_names=["p", "q"])
    assert (circuit.input_names, circuit.output_names) == (("p", "q"), ("y0", "y1", "y2"))
    values = np.asarray(evaluate(circuit, [[0, 0], [1, 0], [0, 1], [1, 1]])).astype(int)
    assert values.tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 1], [0, 1, 0]]


def test_hard_layers_have_the_chosen_wires():
    network = network_of_all_kinds("softmax")
    params = random_params(network, 9)
    layers = hard_layers(network, params)
    candidates = network.structure.reads[4]
    best = np.asarray(params.choices[1]).argmax(axis=0)
    for place, gate in np.ndindex(2, 6):
        assert layers[4].reads[place, gate] == candidates[best[place, gate], place, gate]
    np.testing.assert_array_equal(layers[0].reads, np.asarray(params.choices[0]).argmax(axis=0))
    np.testing.assert_array_equal(layers[5].reads, network.structure.reads[5])
    np.testing.assert_array_equal(layers[2].tables, hard_tables(params.gates[1][1], "softmax"))


@pytest.mark.parametrize("copies", [1, pytest.param(40, marks=pytest.mark.slow)])  # more rows than a block
def test_the_gap_is_what_classes_say(copies):
    network = network_of_all_kinds("input-wise")
    params = random_params(network, 3)
    x, y = np.tile(ROWS, (copies, 1)), np.tile(LABELS, copies)
    gap = discretisation_gap(network, params, x, y)
    soft, hard = (
        (np.argmax(gate_outputs(network, params, ROWS, forward=forward), axis=1) == LABELS).mean()
        for forward in ("soft", "hard")
    )
    assert gap == (soft, hard)
    assert repr(gap) == f"Gap(soft {100 * soft:.2f} %, hard {100 * hard:.2f} %)"


def test_errors(error):
    network, params = network_of_all_kinds("walsh"), random_params(network_of_all_kinds("walsh"), 0)
    plain = gate_network(2, [3])
    start = plain.init(jax.random.key(0))
    assert error(ValueError, harden, network, params, "votes") == (
        "harden: expected scores to be 'gates', 'counts' or 'class', got 'votes'."
    )
    assert error(ValueError, harden, plain, start, "class") == (
        "harden: expected a network with classes for scores='class', got 2 -> 3 gates."
    )
    assert error(ValueError, harden, plain, start, input_names=["a"]) == (
        "harden: expected 2 input names for 2 -> 3 gates, got 1."
    )
    assert error(ValueError, harden, plain, start, input_names=["a", "a"]).startswith("harden: ")
    for call in (harden, hard_layers):
        other = jaxnet.layer(2, 1)
        text = f"{call.__name__}: {NO_GATES}, got {other!r}."
        assert error(TypeError, call, other, ()) == text
        text = f"{call.__name__}: expected GateParams(gates, choices) for 2 -> 3 gates, got int."
        assert error(ShapeError, call, plain, 3) == text
    assert error(ValueError, discretisation_gap, plain, start, ROWS[:, :2], LABELS) == (
        "discretisation_gap: expected a network with classes, got 2 -> 3 gates."
    )
    assert error(ShapeError, discretisation_gap, network, params, ROWS, LABELS[:5]) == (
        "discretisation_gap: expected x (examples, n) and y (examples,), got (32, 5) and (5,)."
    )
    assert error(TypeError, discretisation_gap, other, (), ROWS, LABELS) == (
        f"discretisation_gap: {NO_GATES}, got {other!r}."
    )
