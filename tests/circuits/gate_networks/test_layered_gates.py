"""Networks of all kinds of layers against the definition; what runs together; calls that compile nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.gate_references import ROWS, by_definition, network_of_all_kinds, random_params

from circuits import gate_network
from circuits.gate_networks.layered_gates import (
    GateParams,
    check_params,
    choice_weights,
    layer_logits,
)
from circuits.gate_networks.parametrisations import Pass
from jaxnet import ShapeError

X = np.random.default_rng(0).random((32, 5))
WEIGHTS = np.random.default_rng(1).normal(size=(32, 3))
COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: COMPILED.append(event) if "backend_compile" in event else None
)


@pytest.mark.parametrize(
    "parametrisation", ["input-wise", *(pytest.param(p, marks=pytest.mark.slow) for p in ("walsh", "softmax"))]
)
def test_values_and_derivatives_by_the_definition(parametrisation):
    """By logits, choices and inputs, at another temperature than 1, in float64."""
    network = network_of_all_kinds(parametrisation)
    assert [run.kind for run in network.structure.runs] == ["learned", "matched", "fixed", "learned", "fixed"]

    def ours(params, x):
        y = network.structure.outputs("apply", params, x, Pass("soft", 0.7))
        return (y * WEIGHTS).sum(), y

    def theirs(params, x):
        y = by_definition(network.structure, params, x, 0.7)
        return (y * WEIGHTS).sum(), y

    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), random_params(network, 3, scale=1.0))
        both = [jax.value_and_grad(f, (0, 1), has_aux=True) for f in (ours, theirs)]
        ((_, y), dy), ((_, z), dz) = jax.jit(lambda *arguments: [f(*arguments) for f in both])(params, jnp.asarray(X))
        assert y.dtype == jnp.float64
        np.testing.assert_allclose(y, z, rtol=1e-12)
        for one, other in zip(jax.tree.leaves(dy), jax.tree.leaves(dz), strict=True):
            assert np.abs(other).max() > 1e-5
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    ("inputs", "widths", "kinds", "text"),
    [
        (4, [4], "matched", "4 -> 4 gates"),
        (4, [6, 6, 6], "fixed matched matched", "4 -> 3 x 6 gates"),
        (1, [1, 1], "matched matched", "1 -> 2 x 1 gates"),
        (9, [2, 2, 9, 9, 3, 1], "fixed matched fixed matched fixed fixed", "9 -> 2 x 2 -> 2 x 9 -> 3 -> 1 gates"),
        (2, [70, 1], "fixed fixed", "2 -> 70 -> 1 gates"),
    ],
)
def test_layers_of_one_width_are_a_run(inputs, widths, kinds, text):
    network = gate_network(inputs, widths, parametrisation="softmax")
    structure = network.structure
    assert repr(network) == f"Network({text})"
    assert (structure.widths, structure.n_inputs, structure.n_outputs) == (tuple(widths), inputs, widths[-1])
    assert " ".join(run.kind for run in structure.runs for _ in range(run.start, run.stop)) == kinds
    assert [run.start for run in structure.runs] == [0, *(run.stop for run in structure.runs[:-1])]
    assert structure.runs[-1].stop == len(widths)
    shapes = [(run.stop - run.start, 16, widths[run.start]) for run in structure.runs]
    assert structure.shapes == GateParams(tuple(shapes), ())
    params = network.init(jax.random.key(0))
    assert [leaf.shape for leaf in jax.tree.leaves(params)] == shapes
    assert [logits.shape for logits, _ in layer_logits(structure, params)] == [(16, width) for width in widths]


def test_layers_come_with_their_choices():
    network = network_of_all_kinds("walsh")
    params = random_params(network, 0)
    layers = layer_logits(network.structure, params)
    assert [None if chosen is None else chosen.shape for _, chosen in layers] == [
        (5, 2, 6), None, None, None, (5, 2, 6), None,
    ]  # fmt: skip
    np.testing.assert_array_equal(layers[2][0], params.gates[1][1])
    assert repr(network) == "Network(5 -> 3 x 6 -> 9 -> 2 x 6 gates -> 3 classes)"


@pytest.mark.parametrize("shape", [(0,), (2, 0, 1), (2, 1, 3), ()])
def test_any_leading_axes(shape):
    network = network_of_all_kinds("input-wise")
    params = random_params(network, 1)
    x = np.resize(ROWS, (*shape, 5))
    y = network.apply(params, x)
    assert (y.shape, y.dtype) == ((*shape, 3), np.float32)
    if y.size:
        at_once = network.apply(params, ROWS)
        np.testing.assert_allclose(y.reshape(-1, 3), at_once[: y.size // 3], rtol=1e-6)


def test_a_second_call_neither_traces_nor_compiles():
    network = network_of_all_kinds("input-wise")
    params, x = jax.tree.map(jnp.asarray, (random_params(network, 1), ROWS))
    first = network.apply(params, x)
    before = len(COMPILED)
    np.testing.assert_array_equal(network.apply(params, x), first)
    assert len(COMPILED) == before
    network.apply(params, x[:5])
    assert len(COMPILED) > before


def test_inputs_that_are_numbers_of_any_kind():
    network = network_of_all_kinds("input-wise")
    params = random_params(network, 1)
    expected = network.apply(params, ROWS)
    for x in (ROWS.astype(np.uint8), ROWS.astype(float), ROWS.tolist(), jnp.asarray(ROWS)):
        np.testing.assert_array_equal(network.apply(params, x), expected)


def test_choices_are_weights():
    z = np.repeat(np.array([[0], [1], [1]], np.float32), 20_000, axis=1)
    soft, best = map(np.asarray, choice_weights(z, 0.5, None))
    np.testing.assert_allclose(soft.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(soft[:, 0], np.exp([0, 2, 2]) / np.exp([0, 2, 2]).sum(), rtol=1e-6)
    assert (best == 1).all()  # the first of equal ones
    drawn = np.arange(3)[:, None] == np.asarray(choice_weights(z, 0.5, jax.random.key(1))[1])
    p = np.exp([0, 1, 1]) / np.exp([0, 1, 1]).sum()  # noise is divided by the temperature too
    assert (np.abs(drawn.mean(axis=1) - p) < 4 * np.sqrt(p * (1 - p) / z.shape[1])).all()


def test_errors(error):
    structure = gate_network(3, [4, 2], wiring=["balanced", "learned"], choices=2).structure
    gates, choices = structure.shapes
    good = GateParams(tuple(map(np.zeros, gates)), tuple(map(np.zeros, choices)))
    check_params("here", structure, good)
    assert error(ShapeError, check_params, "here", structure, [1]) == (
        "here: expected GateParams(gates, choices) for 3 -> 4 -> 2 gates, got list."
    )
    assert error(ShapeError, check_params, "here", structure, good._replace(choices=())) == (
        "here: expected choices of shapes [(2, 2, 2)] for 3 -> 4 -> 2 gates, got []."
    )
    assert error(ShapeError, check_params, "here", structure, good._replace(gates=good.gates[:1])) == (
        "here: expected gates of shapes [(1, 4, 4), (1, 4, 2)] for 3 -> 4 -> 2 gates, got [(1, 4, 4)]."
    )
    for x in (np.zeros((3, 2)), np.float32(1)):
        assert error(ShapeError, structure.outputs, "here", good, x) == (
            f"here: expected inputs (..., 3) for 3 -> 4 -> 2 gates, got {x.shape}."
        )


def test_parameters_that_are_no_tuples_of_arrays_are_refused():
    with pytest.raises(ShapeError, match=r"^here: expected GateParams.* for 5 -> 4 gates, got tuple\.$"):
        check_params("here", gate_network(5, [4]).structure, (1, 2))
