import itertools

import jax
import numpy as np
import optax
import pytest

import jaxnet
from circuits import (
    Equivalent,
    discretisation_gap,
    equivalent,
    gate_loss,
    gate_network,
    harden,
    logic_convolution,
    trace,
)


@pytest.mark.parametrize(
    ("options", "output_shape"),
    [
        ({}, (3, 4, 5)),
        ({"padding": 1}, (4, 5, 5)),
        ({"padding": 1, "pool": 1}, (8, 10, 5)),
        ({"size": 5, "pool": 1}, (4, 6, 5)),
        ({"size": 2, "stride": 2, "pool": 2}, (2, 2, 5)),
        ({"size": 1, "pool": 3}, (2, 3, 5)),
    ],
)
def test_shapes_are_those_of_a_convolution_and_a_pooling(options, output_shape):
    structure = logic_convolution((8, 10, 3), 5, **options).structure
    assert structure.output_shape == output_shape
    assert (structure.n_inputs, structure.n_outputs) == (240, np.prod(output_shape))


@pytest.mark.parametrize("channels", [1, 2, 3, 9])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_leaves_are_different_places_of_a_few_channels(channels, depth):
    leaves = logic_convolution((6, 6, 5), 40, depth=depth, channels=channels, size=3).structure.leaves
    assert leaves.shape == (3, 2**depth, 40)
    assert leaves.min() == 0
    assert leaves.max(axis=(1, 2)).tolist() == [2, 2, 4]
    for kernel in np.moveaxis(leaves, 2, 0):
        assert len(set(kernel[2])) <= min(channels, 5)
        assert len(np.unique(kernel, axis=1).T) == min(2**depth, 9 * min(channels, 5))


def test_channels_are_read_equally_often():
    leaves = logic_convolution((6, 6, 8), 40, depth=5, channels=2).structure.leaves
    readers = [len({k for k in range(40) if channel in leaves[2, :, k]}) for channel in range(8)]
    assert readers == [10] * 8


def test_leaves_belong_to_the_network_and_logits_to_its_parameters():
    one, same, other = (logic_convolution((6, 6, 2), 4, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.structure.leaves, same.structure.leaves)
    assert (one.structure.leaves != other.structure.leaves).any()
    params = one.init(jax.random.key(0))
    assert jax.tree.map(np.shape, params) == one.structure.shapes
    assert [level.shape for level in params.gates] == [(1, 4, 8), (1, 4, 4)]


def test_residual_trees_pass_their_first_leaf_on():
    network = logic_convolution((4, 4, 1), 3, depth=2, pool=1)
    circuit = harden(network, network.init(jax.random.key(0)))
    image = np.arange(16).reshape(4, 4)
    row, column, _ = network.structure.leaves[:, 0]
    first = np.stack([image[r : r + 2, c : c + 2].ravel() for r, c in zip(row, column, strict=True)], axis=1).ravel()
    for pixel in range(16):
        x = np.zeros(16, bool)
        x[pixel] = True
        assert [bool(bit) for bit in circuit(*x)] == (first == pixel).tolist()


def bars():
    """All images of 6 x 6 whose rows are alike, and those whose columns are: nothing but bars, all and none apart."""
    sets = np.array(list(itertools.product([False, True], repeat=6)))[1:-1]
    upright = np.repeat(sets[:, None], 6, axis=1)
    return np.concatenate([upright, upright.swapaxes(1, 2)]).reshape(-1, 36), np.repeat([0, 1], len(sets))


def any_differ(image, step):
    """Whether two neighbours differ, below each other for a step of 6, beside for 1."""
    pixels = [i for i in range(36 - step) if step == 6 or i % 6 < 5]
    differ = image[0] ^ image[0]
    for pixel in pixels:
        differ = differ | (image[pixel] ^ image[pixel + step])
    return differ


@pytest.mark.slow
def test_a_chain_learns_which_way_bars_lie_and_its_circuit_is_proved_right():
    x, y = bars()
    convolution = logic_convolution((6, 6, 1), 8, size=2, pool=5)
    network = jaxnet.chain(convolution, gate_network(8, [16, 16], classes=2))
    rule = jaxnet.gradient_descent(gate_loss(network), optax.adam(0.1))
    state, _ = jaxnet.train(rule, rule.init(network.init(jax.random.key(0))), (x, y), steps=300, key=jax.random.key(1))
    assert discretisation_gap(network, state.params, x, y) == (1.0, 1.0)

    names = [f"image[{i}]" for i in range(36)]
    learned = harden(network, state.params, "class", input_names=names)
    # Of bars only: neighbours differ below each other or beside each other, but not both.
    of_bars = lambda image: any_differ(image, 6) ^ any_differ(image, 1)  # noqa: E731
    found = trace(lambda image: of_bars(image) & learned(*image)[0], image=36)
    expected = trace(lambda image: of_bars(image) & any_differ(image, 6), image=36)
    assert isinstance(equivalent(found, expected), Equivalent)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (((6, 6), 4), ValueError, "expected a shape (rows, columns, channels), got (6, 6)."),
        (((6, 0, 1), 4), ValueError, "expected columns to be at least 1, got 0."),
        (((6, 6, 1), 4.0), TypeError, "expected kernels to be a whole number, got 4.0."),
    ],
)
def test_wrong_sizes_are_refused(arguments, kind, message, error):
    assert error(kind, logic_convolution, *arguments) == f"logic_convolution: {message}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "expected depth to be at least 1, got 0."),
        ({"pool": 0}, "expected pool to be at least 1, got 0."),
        ({"padding": 3}, "expected padding in 0..2, got 3."),
        ({"initial": "zero"}, "expected initial to be one of ('residual', 'normal'), got 'zero'."),
        (
            {"parametrisation": "raw"},
            "expected parametrisation to be one of ('input-wise', 'softmax', 'walsh'), got 'raw'.",
        ),
        (
            {"size": 5, "pool": 3},
            "expected images in which 3x3 windows of 5x5 fit at stride 1, got 6x6 with padding 0. Take a smaller pool, "
            "or padding=2.",
        ),
    ],
)
def test_wrong_options_are_refused(options, message, error):
    assert error(ValueError, logic_convolution, (6, 6, 1), 4, **options) == f"logic_convolution: {message}"
