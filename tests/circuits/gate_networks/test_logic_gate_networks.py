"""Logic gate networks as networks like any other: every forward, every transformation, every way to train."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.fitted import equal
from common.gate_references import LABELS, NO_GATES, PARAMETRISATIONS, ROWS, network_of_all_kinds, random_params
from jax.sharding import AxisType

import jaxnet
from circuits import gate_loss, gate_network, gate_outputs
from circuits.gate_networks.logic_gate_networks import structure_of
from jaxnet import ShapeError, fit, gradient_descent, train, train_ensemble

each = pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
# The others where there is time: their coefficients have tests of their own.
one = pytest.mark.parametrize(
    "parametrisation", ["input-wise", *(pytest.param(p, marks=pytest.mark.slow) for p in ("softmax", "walsh"))]
)
NETWORK = network_of_all_kinds("input-wise")
DATA = ROWS.astype(np.float32), LABELS
# Gates that choose their inputs, and gates that do not, where two layers prove as much as six.
SMALL = gate_network(5, [6, 6], classes=3, wiring=["learned", "balanced"], choices=5, initial="normal")
RULE = gradient_descent(gate_loss(SMALL), optax.adam(0.1))
START = random_params(SMALL, 0)
RUN = {"steps": 6, "batch_size": 8}


def close(a, b, rtol=1e-5, atol=1e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), a, b)


@pytest.mark.parametrize("parametrisation", ["input-wise", "softmax"])
def test_one_layer_gives_the_expected_value_over_independent_bits(parametrisation):
    network = gate_network(5, [32], parametrisation=parametrisation, initial="normal")
    params = random_params(network, 2)
    p = np.linspace(0.1, 0.9, 5)
    chances = np.prod(np.where(ROWS, p, 1 - p), axis=1)
    expected = chances @ np.asarray(network.apply(params, ROWS), np.float64)
    np.testing.assert_allclose(network.apply(params, np.resize(p, (32, 5)))[0], expected, atol=1e-6)


@one
def test_straight_through_has_the_very_values_of_hard_gates_and_derivatives(parametrisation):
    network = network_of_all_kinds(parametrisation)
    loss = gate_loss(network, forward="straight-through", temperature=2.0)

    @jax.jit
    def compute(params, key):
        hard, through, drawn = (
            gate_outputs(network, params, ROWS, forward="hard"),
            gate_outputs(network, params, ROWS, forward="straight-through"),
            # Noise that is too small to matter.
            gate_outputs(network, jax.tree.map(lambda leaf: 2.0**15 * leaf, params), ROWS, forward="gumbel", key=key),
        )
        return (hard, through, drawn), jax.grad(loss)(params, DATA, None)

    params = random_params(network, 8)
    (hard, *others), gradient = compute(params, jax.random.key(0))
    for other in others:
        np.testing.assert_array_equal(other, hard)
    counts = np.asarray(hard) * network.structure.tau
    np.testing.assert_array_equal(counts, np.round(counts))
    assert counts.std() > 0
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert (leaf != 0).mean() > 0.1  # the others are of gates that no class depends on


def test_gumbel_draws_anew_for_each_key():
    params = random_params(SMALL, 4, scale=0.5)
    first, same, other = (
        gate_outputs(SMALL, params, ROWS, forward="gumbel", key=jax.random.key(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert (np.asarray(first) != np.asarray(other)).any()


def test_the_wiring_is_of_the_seed_and_the_parameters_are_of_the_key():
    first, same, other = (gate_network(9, [20, 20], seed=seed) for seed in (1, 1, 2))
    equal(first.structure.reads, same.structure.reads)
    assert any((a != b).any() for a, b in zip(first.structure.reads, other.structure.reads, strict=True))
    a, again, b = (first.init(jax.random.key(seed)) for seed in (0, 0, 1))
    equal(again, a)
    assert all((x != y).mean() > 0.99 for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
    assert (a.gates[0][0] != a.gates[1][0]).all()


def test_layers_have_as_many_choices_as_they_are_given():
    network = gate_network(6, [8, 8, 4], wiring=["learned", "balanced", "learned"], choices=[3, 1, 5])
    assert network.structure.shapes.choices == ((3, 2, 8), (5, 2, 4))


def test_residual_choices_past_the_first_layer_begin_as_a_wiring():
    network = gate_network(6, [8, 8], wiring="learned", choices=3)
    first, second = network.init(jax.random.key(0)).choices
    assert np.abs(first).max() < 0.06
    np.testing.assert_allclose(second[0], 2, atol=0.06)
    assert np.abs(second[1:]).max() < 0.06


def test_wirings_of_ones_own():
    reads = np.array([[2, 1, 0], [0, 0, 0]])
    network = gate_network(3, [3, 3], wiring=[reads, "balanced"])
    reads[:] = 0
    np.testing.assert_array_equal(network.structure.reads[0], [[2, 1, 0], [0, 0, 0]])
    assert not any(layer.flags.writeable for layer in network.structure.reads)


def test_tau_is_half_the_root_of_a_group():
    assert gate_network(4, [16], classes=1).structure.tau == 2
    assert gate_network(4, [32], classes=2).structure.tau == 2
    hot, cold = (gate_network(4, [16], classes=2, tau=tau) for tau in (1, 4))
    params = random_params(hot, 0)
    np.testing.assert_allclose(hot.apply(params, ROWS[:, :4]), 4 * cold.apply(params, ROWS[:, :4]), rtol=1e-6)


def test_losses_are_cross_entropies():
    params = random_params(NETWORK, 5)
    scores = np.asarray(NETWORK.apply(params, ROWS), np.float64)
    expected = (np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(32), LABELS]).mean()
    np.testing.assert_allclose(jax.jit(gate_loss(NETWORK))(params, (ROWS, LABELS), None), expected, rtol=1e-5)
    network = gate_network(5, [32], initial="normal")
    params, y = random_params(network, 2), np.resize(ROWS, (32, 32))
    p = np.asarray(network.apply(params, ROWS), np.float64)
    expected = -np.where(y, np.log(p), np.log(1 - p)).sum(axis=1).mean()
    np.testing.assert_allclose(jax.jit(gate_loss(network))(params, (ROWS, y), None), expected, rtol=1e-5)


def test_under_vmap_and_jit():
    members = [random_params(NETWORK, seed) for seed in range(2)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    of_each = jax.vmap(jax.vmap(NETWORK.apply, (None, 0)), (0, None))  # members, and rows one by one
    close(jax.jit(of_each)(stacked, ROWS), np.stack([NETWORK.apply(params, ROWS) for params in members]))


@pytest.mark.slow
def test_parameters_are_drawn_under_vmap():
    drawn = jax.vmap(NETWORK.init)(jax.random.split(jax.random.key(0), 2))
    alone = NETWORK.init(jax.random.split(jax.random.key(0), 2)[1])
    close(jax.tree.map(lambda leaf: leaf[1], drawn), alone)


@pytest.mark.slow
@one
def test_bfloat16_and_float64(parametrisation):
    network = network_of_all_kinds(parametrisation)
    params = random_params(network, 6)
    expected = np.asarray(network.apply(params, ROWS))
    half = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), params)
    y, hard, through = jax.jit(
        lambda params: [
            gate_outputs(network, params, ROWS, forward=forward) for forward in ("soft", "hard", "straight-through")
        ]
    )(half)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(y, np.float32), expected, atol=0.1)
    np.testing.assert_array_equal(through, hard)
    with jax.enable_x64(True):
        double = network.apply(jax.tree.map(np.float64, params), ROWS)
        assert double.dtype == np.float64
        np.testing.assert_allclose(double, expected, rtol=1e-5)
        initial = jax.eval_shape(network.init, jax.random.key(0))
        assert {leaf.dtype for leaf in jax.tree.leaves(initial)} == {np.dtype(float)}


@functools.cache
def trained():
    return train(RULE, RULE.init(START), DATA, key=jax.random.key(1), **RUN)


def test_fit_and_resume(tmp_path):
    whole = fit(RULE, START, DATA, key=jax.random.key(1), every=3, progress=False, **RUN)
    rounds = {"every": 3, "progress": False, "checkpoint": tmp_path / "run.npz"}
    fit(RULE, START, DATA, key=jax.random.key(1), **(RUN | {"steps": 3}), **rounds)
    resumed = fit(RULE, START, DATA, key=jax.random.key(1), **RUN, **rounds)
    equal(resumed.state.params, whole.state.params)
    for before, after in zip(jax.tree.leaves(START), jax.tree.leaves(whole.state.params), strict=True):
        assert (before != after).mean() > 0.5  # some gates are read by none


@pytest.mark.slow
def test_train_makes_the_steps_of_fit():
    whole = fit(RULE, START, DATA, key=jax.random.key(1), every=3, progress=False, **RUN)
    close(trained()[0].params, whole.state.params)


@pytest.mark.slow
def test_train_ensemble():
    params = jax.vmap(SMALL.init)(jax.random.split(jax.random.key(2), 2))
    states = jax.vmap(RULE.init)(params)
    states, history = train_ensemble(RULE, states, DATA, keys=jax.random.split(jax.random.key(3), 2), **RUN)
    assert history["loss"].shape == (2, 6)
    first = jax.tree.map(lambda leaf: leaf[0], params)
    alone, _ = train(RULE, RULE.init(first), DATA, key=jax.random.split(jax.random.key(3), 2)[0], **RUN)
    close(jax.tree.map(lambda leaf: leaf[0], states.params), alone.params, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_fit_on_a_mesh(kind):
    mesh = jax.make_mesh((4,), ("data",), axis_types=(kind,), devices=jax.devices()[:4])
    alone, _ = trained()
    shared = fit(RULE, START, DATA, **RUN, key=jax.random.key(1), every=6, progress=False, mesh=mesh)
    close(shared.state.params, alone.params, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_train_on_a_mesh():
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:4])
    alone, _ = trained()
    with jax.set_mesh(mesh):
        state, data, key = jaxnet.place((RULE.init(START), DATA, jax.random.key(1)), mesh)
        shared, _ = train(RULE, state, data, key=key, **RUN)
    close(shared.params, alone.params, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_gumbel_draws_nothing_without_a_key():
    params, batch = NETWORK.init(jax.random.key(0)), (ROWS, np.zeros(ROWS.shape[:-1], np.int32))
    found, hard = (gate_loss(NETWORK, forward=forward)(params, batch) for forward in ("gumbel", "hard"))
    assert found == hard


@pytest.mark.parametrize("forward", ["soft", "straight-through", "gumbel"])
@each
def test_a_function_is_learned(parametrisation, forward):
    """The parity of two of five bits, which no residual gate begins as; chosen from 4 seeds on all rows."""
    network = gate_network(5, [24, 24], classes=2, parametrisation=parametrisation)
    rule = gradient_descent(gate_loss(network, forward=forward), optax.adam(0.1))
    data = DATA[0], (ROWS[:, 0] ^ ROWS[:, 3]).astype(np.int32)
    params = jax.vmap(network.init)(jax.random.split(jax.random.key(0), 4))
    keys = jax.random.split(jax.random.key(1), 4)
    states, _ = train_ensemble(rule, jax.vmap(rule.init)(params), data, keys=keys, steps=300)
    hard = jax.vmap(lambda params: gate_outputs(network, params, ROWS, forward="hard"))(states.params)
    assert (np.asarray(hard).argmax(axis=2) == data[1]).mean(axis=1).max() == 1


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"inputs": 0}, ValueError, "expected inputs to be at least 1, got 0."),
        ({"widths": [4, 0]}, ValueError, "expected width 1 to be at least 1, got 0."),
        ({"widths": []}, ValueError, "expected at least one layer, got no widths."),
        ({"choices": 0}, ValueError, "expected choices to be at least 1, got 0."),
        ({"choices": [8, 0]}, ValueError, "expected choices to be at least 1, got 0."),
        ({"choices": [8]}, ValueError, "expected choices for each of 2 layers, got 1."),
        ({"classes": 0}, ValueError, "expected classes to be at least 1, got 0."),
        (
            {"classes": 3},
            ValueError,
            "expected a last layer of equal groups for 3 classes, got 4 gates. Take 6.",
        ),
        ({"tau": 0}, ValueError, "expected a positive, finite tau, got 0.0."),
        ({"tau": float("nan")}, ValueError, "expected a positive, finite tau, got nan."),
        (
            {"parametrisation": "light"},
            ValueError,
            "expected parametrisation to be one of ('input-wise', 'softmax', 'walsh'), got 'light'.",
        ),
        ({"initial": "zero"}, ValueError, "expected initial to be one of ('residual', 'normal'), got 'zero'."),
        (
            {"wiring": "dense"},
            ValueError,
            "expected wiring to be one of ('balanced', 'random', 'learned'), got 'dense'.",
        ),
        ({"wiring": ["random"] * 3}, ValueError, "expected a wiring for each of 2 layers, got 3."),
        (
            {"wiring": ["random", [[0, 1]]]},
            ValueError,
            "expected a wiring (2, 4) for layer 1, got (1, 2).",
        ),
        (
            {"wiring": [[[0, 1, 2, 3], [0, 1, 2, -1]], "random"]},
            ValueError,
            "expected the wiring of layer 0 to read nodes 0..2, got -1..3.",
        ),
        (
            {"wiring": [[[0.0, 1, 2, 0], [0, 1, 2, 1]], "random"]},
            TypeError,
            "expected integers in the wiring of layer 0, got float64.",
        ),
    ],
)
def test_errors_of_a_network(arguments, kind, text, error):
    arguments = {"inputs": 3, "widths": [4, 4]} | arguments
    assert error(kind, lambda: gate_network(**arguments)) == f"gate_network: {text}"


def test_errors_of_a_call(error):
    forwards = "('soft', 'straight-through', 'gumbel', 'hard')"
    other = jaxnet.layer(5, 2)
    params = random_params(NETWORK, 0)
    for name, call in {
        "gate_outputs": lambda: gate_outputs(other, params, ROWS),
        "gate_loss": lambda: gate_loss(other),
        "here": lambda: structure_of("here", other),
    }.items():
        assert error(TypeError, call) == f"{name}: {NO_GATES}, got {other!r}."
    message = f"expected forward to be one of {forwards}, got 'Hard'."
    assert error(ValueError, lambda: gate_outputs(NETWORK, params, ROWS, forward="Hard")) == f"gate_outputs: {message}"
    assert error(ValueError, lambda: gate_loss(NETWORK, forward="Hard")) == f"gate_loss: {message}"
    assert error(TypeError, lambda: gate_outputs(NETWORK, params, ROWS, forward="gumbel")) == (
        "gate_outputs: expected a key, got None. jax.random.key(0) makes one."
    )
    assert error(TypeError, lambda: NETWORK.init(0)) == "init: expected a key, got 0. jax.random.key(0) makes one."
    for name, call in {
        "apply": lambda: NETWORK.apply(params, ROWS[:, :4]),
        "gate_outputs": lambda: gate_outputs(NETWORK, params, ROWS[:, :4]),
    }.items():
        text = f"{name}: expected inputs (..., 5) for {NETWORK.structure}, got (32, 4)."
        assert error(ShapeError, call) == text


def test_every_size_runs():
    """No inputs but one, one gate, fewer gates than inputs, many more, in all wirings."""
    for n, width, wiring in itertools.product((1, 7), (1, 3), ("balanced", "random", "learned")):
        network = gate_network(n, [width, 2], wiring=wiring, choices=2)
        jax.eval_shape(network.apply, random_params(network, 0), np.zeros((4, n)))
