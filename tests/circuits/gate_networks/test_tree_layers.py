import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import evaluate, gate_outputs, hard_layers, harden, logic_convolution
from circuits.gate_networks import tree_layers
from circuits.gate_networks.parametrisations import hard_tables
from jaxnet import ShapeError

# Padding and an OR of 4; an OR of 9, an odd number, and results that are left out; strides, no OR, more leaves than
# places in a window.
CASES = {
    "padded": {"shape": (5, 4, 3), "kernels": 4, "padding": 1},
    "pool of 3": {"shape": (6, 7, 1), "kernels": 2, "size": 2, "pool": 3, "parametrisation": "softmax"},
    "strides": {"shape": (5, 5, 2), "kernels": 3, "depth": 3, "size": 2, "channels": 1, "stride": 2, "padding": 1,
                "pool": 1, "parametrisation": "walsh"},
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def case(request):
    network = logic_convolution(**CASES[request.param], initial="normal", seed=2)
    return network, network.init(jax.random.key(1))


def bits(seed, rows, network):
    return np.random.default_rng(seed).integers(0, 2, (rows, network.structure.n_inputs)).astype(bool)


def by_hand(structure, gate, image):
    """Every tree at every place, gate by gate: `gate(level, index, a, b)`."""
    h, w, _ = structure.shape
    rows, columns, kernels = structure.output_shape

    def leaf(kernel, number, top, left):
        row, column, channel = (int(n) for n in structure.leaves[:, number, kernel])
        y, x = top + row, left + column
        return image[y, x, channel] if 0 <= y < h and 0 <= x < w else 0 * image[0, 0, 0]

    def tree(kernel, y, x):
        top, left = y * structure.stride - structure.padding, x * structure.stride - structure.padding
        values = [leaf(kernel, number, top, left) for number in range(structure.leaves.shape[1])]
        level = 0
        while (half := len(values) // 2) > 0:
            values = [gate(level, g * kernels + kernel, values[g], values[g + half]) for g in range(half)]
            level += 1
        return values[0]

    def pooled(y, x, kernel):
        size = structure.pool
        squares = itertools.product(range(y * size, (y + 1) * size), range(x * size, (x + 1) * size))
        return max((tree(kernel, *place) for place in squares), key=float)

    return [pooled(*at) for at in itertools.product(range(rows), range(columns), range(kernels))]


def soft_gates(params, parametrisation):
    """The expected value of a truth table whose rows are drawn, from the definitions."""
    rows = np.array([[table >> row & 1 for row in range(4)] for table in range(16)])

    def gate(level, index, a, b):
        z = np.asarray(params.gates[level], float)[0, :, index]
        if parametrisation == "walsh":
            a, b = 2 * a - 1, 2 * b - 1
            return 1 / (1 + np.exp(-(z[0] + z[1] * a + z[2] * b + z[3] * a * b)))
        values = rows.T @ (np.exp(z) / np.exp(z).sum()) if parametrisation == "softmax" else 1 / (1 + np.exp(-z))
        return values @ np.array([(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b])

    return gate


def test_soft_values_are_those_of_every_tree_at_every_place(case):
    network, params = case
    x = np.random.default_rng(3).random((2, network.structure.n_inputs)).astype(np.float32)
    gate = soft_gates(params, network.structure.parametrisation)
    expected = [by_hand(network.structure, gate, image.reshape(network.structure.shape)) for image in x.astype(float)]
    np.testing.assert_allclose(network.apply(params, x), expected, atol=1e-5)


def test_hard_values_are_those_of_the_circuit_and_of_every_tree(case):
    network, params = case
    structure, x = network.structure, bits(4, 70, network)
    values = np.asarray(evaluate(harden(network, params), x))
    np.testing.assert_array_equal(gate_outputs(network, params, x, forward="hard"), values)
    tables = [hard_tables(level[0], structure.parametrisation) for level in params.gates]
    gate = lambda level, index, a, b: int(tables[level][index]) >> int(a + 2 * b) & 1  # noqa: E731
    for image, row in zip(x[:3], values[:3], strict=True):
        assert by_hand(structure, gate, image.reshape(structure.shape).astype(int)) == row.tolist()


def test_soft_gates_that_are_certain_give_the_bits_of_the_circuit():
    network = logic_convolution(**CASES["padded"], initial="normal")
    params = jax.tree.map(lambda z: 60 * jnp.sign(z), network.init(jax.random.key(0)))
    x = bits(5, 70, network)
    np.testing.assert_allclose(network.apply(params, x), evaluate(harden(network, params), x), atol=1e-20)


def test_layers_read_only_the_layer_before(case):
    network, params = case
    structure = network.structure
    before, layers = structure.n_inputs, hard_layers(network, params)
    for layer in layers:
        assert layer.reads.shape == (2, len(layer.tables))
        assert layer.reads.min() >= 0
        assert layer.reads.max() < before
        before = len(layer.tables)
    assert before == structure.n_outputs
    ors = {1: 0, 2: 2, 3: 4}[structure.pool]
    assert len(layers) == len(structure.widths) + ors
    trees = int(np.prod(structure.output_shape)) * structure.pool**2
    assert sum(len(layer.tables) for layer in layers[: len(structure.widths)]) == trees * (len(structure.leaves[0]) - 1)


@pytest.mark.parametrize("leaves_at_once", [1, pytest.param(2**21, marks=pytest.mark.slow)])
def test_derivatives_are_those_of_plain_code(leaves_at_once, monkeypatch):
    monkeypatch.setattr(tree_layers, "_LEAVES_AT_ONCE", leaves_at_once)
    network = logic_convolution((4, 4, 2), 2, size=2, padding=1, initial="normal")
    structure, params = network.structure, network.init(jax.random.key(1))
    x = jax.random.uniform(jax.random.key(2), (3, 32))

    def plain(params, x):
        values = jnp.pad(x.T, ((0, 1), (0, 0)))[structure.reads]
        for logits in params.gates:
            t = jax.nn.sigmoid(logits[0]).reshape(4, -1, structure.kernels, 1, 1)
            a, b = jnp.split(values, 2)
            values = t[0] * (1 - a) * (1 - b) + t[1] * a * (1 - b) + t[2] * (1 - a) * b + t[3] * a * b
        kernels, places = structure.kernels, structure.n_outputs // structure.kernels
        squares = values.reshape(kernels, 4, places, -1).swapaxes(0, 1)
        # No max along an axis: where XLA computes values twice, none may be the largest, and its derivative is 0 / 0.
        return functools.reduce(jnp.maximum, list(squares)).transpose(2, 1, 0).reshape(len(x), -1)

    def value_and_derivatives(f):
        return jax.jit(jax.value_and_grad(lambda params, x: (f(params, x) ** 2).sum(), argnums=(0, 1)))(params, x)

    got, expected = value_and_derivatives(network.apply), value_and_derivatives(plain)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), got, expected)


def test_of_equal_results_the_first_has_the_derivative():
    values = jnp.array([[[0.0], [2.0], [1.0], [2.0]]])
    largest, back = jax.vjp(tree_layers._largest, values)
    assert largest.tolist() == [[2.0]]
    assert back(jnp.ones((1, 1)))[0][0, :, 0].tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("kernels", "numbers", "groups"),
    [(12, 1, 1), (12, 2**21, 1), (12, 2**21 + 1, 2), (12, 5 * 2**21, 6), (7, 3 * 2**21, 7), (4, 2**40, 4), (3, 0, 1)],
)
def test_groups_are_equal_and_fit(kernels, numbers, groups):
    assert tree_layers._groups(kernels, numbers) == groups


@pytest.mark.parametrize("forward", ["straight-through", pytest.param("gumbel", marks=pytest.mark.slow)])
def test_gates_that_are_drawn_give_bits_with_derivatives(forward):
    network = logic_convolution(**CASES["padded"])
    params, x = network.init(jax.random.key(0)), bits(1, 5, network)

    def f(params, key):
        return gate_outputs(network, params, x, forward=forward, key=key).sum()

    derivatives = jax.jit(jax.grad(f))(params, jax.random.key(1))
    assert all(np.isfinite(d).all() and np.abs(d).sum() > 0 for d in derivatives.gates)
    values = np.asarray(gate_outputs(network, params, x, forward=forward, key=jax.random.key(2)))
    assert set(values.ravel().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("leading", [(), (0,), (2, 3)])
def test_leading_axes_are_kept(leading):
    network = logic_convolution(**CASES["padded"])
    params = network.init(jax.random.key(0))
    x = np.random.default_rng(0).random((*leading, 60)).astype(np.float32)
    assert network.apply(params, x).shape == (*leading, 16)


def test_an_image_that_is_not_flat_is_refused(error):
    network = logic_convolution((5, 4, 3), 4)
    assert error(ShapeError, network.apply, network.init(jax.random.key(0)), jnp.zeros((2, 5, 4, 3))) == (
        "apply: expected inputs (..., 60) for 5x4x3 -> 4 trees of depth 2 -> 1x1x4, got (2, 5, 4, 3). An image "
        "(5, 4, 3) is given flat, x.reshape(-1, 60)."
    )
