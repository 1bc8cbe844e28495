"""Layers and their composition against NumPy, what `init` draws, and errors that name the place."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from jax.nn.initializers import constant, glorot_normal
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jaxnet
from jaxnet import Chain, Layer, Network, Neuron, ShapeError, chain, identity, layer, mlp, relu, sigmoid, tanh

SIZES = [3, 4, 2]
IN_NUMPY = {sigmoid: scipy.special.expit, tanh: np.tanh, identity: lambda z: z, relu: lambda z: np.maximum(z, 0)}


def forward(params, activations, x):
    """Eq. 8 in float64, layer by layer, example by example."""
    x = np.asarray(x, np.float64)
    for (w, b), activation in zip(params, activations, strict=True):
        w, b = np.asarray(w, np.float64), np.asarray(b, np.float64)
        x = IN_NUMPY[activation](np.einsum("...n,mn->...m", x, w) + b)
    return x


def random_params(sizes=SIZES, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return tuple(
        Neuron(rng.normal(size=(m, n)).astype(dtype), rng.normal(size=m).astype(dtype))
        for n, m in itertools.pairwise(sizes)
    )


def inputs(*batch, seed=1):
    return np.random.default_rng(seed).normal(size=(*batch, SIZES[0])).astype(np.float32)


def f32(*rows):
    return np.array(rows, np.float32)


def own(f=lambda x: x):
    return Network(init=lambda key: (), apply=lambda params, x: f(x))


def drawn(net, seed=0):
    return jax.tree.map(np.asarray, net.init(jax.random.key(seed)))


# What init makes.


def test_parameters_of_a_layer():
    params = drawn(layer(3, 4))
    assert isinstance(params, Neuron)
    assert params.w.shape == (4, 3)
    assert params.w.dtype == params.b.dtype == np.float32
    np.testing.assert_array_equal(params.b, np.zeros(4))


def test_parameters_of_an_mlp():
    params = drawn(mlp(SIZES))
    assert jax.tree.map(np.shape, params) == (((4, 3), (4,)), ((2, 4), (2,)))
    assert [type(p) for p in params] == [Neuron, Neuron]


def test_parameters_of_nested_chains():
    net = chain(layer(3, 4), chain(own(), layer(4, 2)))
    assert jax.tree.map(np.shape, drawn(net)) == (((4, 3), (4,)), ((), ((2, 4), (2,))))


def test_the_same_key_gives_the_same_parameters_and_another_key_others():
    net = mlp(SIZES)
    first, again, other = (drawn(net, seed) for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    for p, q in zip(first, other, strict=True):
        assert (p.w != q.w).all()


def test_layers_of_one_network_start_apart():
    first, _, second = drawn(chain(layer(3, 4), own(), layer(3, 4)))
    assert (first.w != second.w).all()


class Unhashable:
    """Equal by value and therefore without a hash, as plain dataclasses are; here even comparing it is an error."""

    def __call__(self, z):
        return jnp.tanh(z)

    def __eq__(self, other):
        raise AssertionError("an activation was compared")


GLOROT = [sigmoid, tanh, identity, jaxnet.step, jaxnet.per_unit([relu] * 100 + [tanh] * 100), abs, Unhashable()]
GLOROT += [functools.partial(sigmoid, gain=4.0)]
HE = [relu, jaxnet.leaky_relu, jaxnet.elu, jaxnet.gelu, jaxnet.silu, jaxnet.softplus, jax.nn.relu]
HE += [functools.partial(jaxnet.gelu, approximate=False)]


@pytest.mark.parametrize(("activations", "variance"), [(GLOROT, 2 / 500), (HE, 2 / 300)], ids=["Glorot", "He"])
def test_default_weights_of_each_activation(activations, variance):
    """Variance 2 / (n + m) or 2 / n; over 60,000 weights its estimate has a relative deviation under 0.6 %."""
    first = drawn(layer(300, 200, activations[0])).w
    w = first.astype(np.float64)
    assert abs(w.mean()) < 5 * np.sqrt(variance / w.size)
    np.testing.assert_allclose(w.var(), variance, rtol=0.03)
    for activation in activations:
        np.testing.assert_array_equal(drawn(layer(300, 200, activation)).w, first)


def test_default_weights_of_an_mlp_are_those_of_each_layer():
    hidden, last = drawn(mlp([300, 200, 300], [relu, identity]))
    np.testing.assert_allclose(hidden.w.astype(np.float64).var(), 2 / 300, rtol=0.03)
    np.testing.assert_allclose(last.w.astype(np.float64).var(), 2 / 500, rtol=0.03)


def test_weights_of_sigmoid_networks_are_those_of_glorot_normal_with_the_key_of_their_layer():
    for params, key, shape in zip(
        drawn(mlp(SIZES)), jax.random.split(jax.random.key(0), 2), ((3, 4), (4, 2)), strict=True
    ):
        np.testing.assert_array_equal(params.w, glorot_normal()(key, shape).T)


def second_moments(activation, weights=None):
    """Of a signal of size 1, before the first and after each of 20 layers of width 256."""
    net = layer(256, 256, activation, weights=weights)
    start, key = jax.random.split(jax.random.key(0))

    def through(x, key):
        x = net.apply(net.init(key), x)
        return x, jnp.square(x).mean()

    x = jax.random.normal(start, (64, 256))
    return np.asarray(jax.jit(lambda x, keys: jax.lax.scan(through, x, keys)[1])(x, jax.random.split(key, 20)))


@pytest.mark.parametrize(
    "activation", [relu, *(pytest.param(f, marks=pytest.mark.slow) for f in (jaxnet.leaky_relu, identity))]
)
def test_a_signal_keeps_its_size_through_twenty_layers(activation):
    """Of inputs with variance 1, the mean square after a rectifier with He's weights is again 1 (He et al., eq. 10)."""
    moments = second_moments(activation)
    assert (moments > 1 / 3).all()
    assert (moments < 3).all()


@pytest.mark.slow
def test_with_the_weights_of_the_other_kind_a_signal_dies_out():
    """Half of the mean square is lost in each layer: 2^-20, about 1e-6, is left."""
    assert second_moments(relu, glorot_normal())[-1] < 1e-5


def test_an_initialiser_of_your_own_is_called_with_inputs_then_outputs():
    """As those of JAX expect, which count fan-in and fan-out on (in, out)."""
    calls = []

    def weights(key, shape, dtype):
        calls.append((shape, jnp.dtype(dtype)))
        return jnp.asarray(np.arange(np.prod(shape)).reshape(shape), dtype)

    params = drawn(mlp(SIZES, weights=weights, dtype=jnp.bfloat16))
    assert calls == [((3, 4), jnp.bfloat16), ((4, 2), jnp.bfloat16)]
    np.testing.assert_array_equal(params[1].w.astype(float), [[0, 2, 4, 6], [1, 3, 5, 7]])


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_constant_initialisers_work(value):
    params = drawn(layer(3, 4, weights=constant(value)))
    np.testing.assert_array_equal(params.w, np.full((4, 3), value))


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_dtype_of_an_mlp_is_that_of_all_it_has_and_gives(dtype):
    """`float`, the default, is float64 under x64."""
    with jax.enable_x64(dtype == "float64"):
        net = mlp(SIZES) if dtype == "float64" else mlp(SIZES, dtype=jnp.bfloat16)
        params = jax.eval_shape(net.init, jax.random.key(0))
        assert {a.dtype.name for a in jax.tree.leaves(params)} == {dtype}
        assert jax.eval_shape(net.apply, params, np.zeros((5, 3), dtype)).dtype.name == dtype


# What apply computes.


@pytest.mark.parametrize("batch", [(), (5,), (2, 5), (0,)])
def test_eq_8_by_hand(batch):
    params, x = random_params(), inputs(*batch)
    y = jax.jit(mlp(SIZES).apply)(params, x)
    assert y.shape == (*batch, 2)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, forward(params, [sigmoid, sigmoid], x), rtol=1e-5)


@pytest.mark.parametrize("activations", [[tanh, identity], [relu, sigmoid], (identity, identity)])
def test_one_activation_a_layer(activations):
    params, x = random_params(), inputs(5)
    y = jax.jit(mlp(SIZES, activations).apply)(params, x)
    np.testing.assert_allclose(y, forward(params, activations, x), rtol=1e-5, atol=1e-6)


def test_one_activation_for_all_layers():
    params, x = random_params(), inputs(5)
    np.testing.assert_allclose(mlp(SIZES, tanh).apply(params, x), forward(params, [tanh, tanh], x), rtol=1e-5)


def test_xor_by_hand():
    """OR, AND and their difference, as steps: the first network of the lecture."""
    net = mlp([2, 2, 1], jaxnet.step)
    params = (
        Neuron(f32([1, 1], [1, 1]), f32(-0.5, -1.5)),
        Neuron(f32([1, -2]), f32(-0.5)),
    )
    y = jax.jit(net.apply)(params, f32([0, 0], [1, 0], [0, 1], [1, 1]))
    np.testing.assert_array_equal(y, [[0], [1], [1], [0]])


def test_chains_of_layers_are_mlps_and_nesting_changes_nothing():
    params, x = random_params([3, 4, 4, 2]), inputs(5)
    flat = mlp([3, 4, 4, 2], tanh)
    parts = layer(3, 4, tanh), layer(4, 4, tanh), layer(4, 2, tanh)
    assert chain(*parts).structure == flat.structure
    y = flat.apply(params, x)
    np.testing.assert_array_equal(chain(*parts).apply(params, x), y)
    nested = chain(chain(parts[0]), chain(*parts[1:]))
    np.testing.assert_array_equal(nested.apply((params[:1], params[1:]), x), y)


def test_a_network_of_your_own_in_a_chain():
    params, x = random_params(), inputs(5)
    net = chain(own(lambda x: 2 * x), *(layer(n, m) for n, m in ((3, 4), (4, 2))))
    np.testing.assert_array_equal(net.apply(((), *params), x), mlp(SIZES).apply(params, 2 * x))


def test_params_may_be_lists_of_pairs_and_arrays_those_of_jax():
    params, x = random_params(), inputs(5)
    y = mlp(SIZES).apply([[jnp.asarray(w), jnp.asarray(b)] for w, b in params], jnp.asarray(x))
    np.testing.assert_array_equal(y, mlp(SIZES).apply(params, x))


def test_a_chain_gives_an_array_of_jax():
    assert isinstance(chain(own()).apply(((),), np.zeros(2, np.float32)), jax.Array)


def test_apply_goes_under_jit_and_vmap():
    net, params, x = mlp(SIZES), random_params(), inputs(5)
    y = forward(params, [sigmoid, sigmoid], x)
    np.testing.assert_allclose(jax.jit(net.apply)(params, x), y, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(net.apply, in_axes=(None, 0)))(params, x), y, rtol=1e-5)


def test_an_ensemble_is_vmap_over_keys_and_parameters():
    net, x = mlp([3, 4]), inputs(5)
    params = jax.jit(jax.vmap(net.init))(jax.random.split(jax.random.key(0), 6))
    y = jax.jit(jax.vmap(net.apply, in_axes=(0, None)))(params, x)
    assert y.shape == (6, 5, 4)
    ((w, b),) = jax.tree.map(np.asarray, params)
    for i in range(6):
        np.testing.assert_allclose(y[i], forward([(w[i], b[i])], [sigmoid], x), rtol=1e-5)
    assert len(np.unique(w)) == 6 * 12


def test_gradient_against_finite_differences():
    """Every parameter, central differences of the NumPy forward pass in float64."""
    activations, h = [tanh, sigmoid], 1e-6
    x = inputs(5).astype(np.float64)
    with jax.enable_x64(True):
        params = random_params(dtype=np.float64)
        net = mlp(SIZES, activations)
        gradient = jax.tree.map(np.asarray, jax.jit(jax.grad(lambda p: net.apply(p, x).sum()))(params))
    leaves, tree = jax.tree.flatten(params)
    for leaf, derivative in zip(leaves, jax.tree.leaves(gradient), strict=True):
        assert derivative.dtype == np.float64
        for index in np.ndindex(leaf.shape):
            middle, ends = leaf[index], []
            for sign in (1, -1):
                leaf[index] = middle + sign * h
                ends.append(forward(jax.tree.unflatten(tree, leaves), activations, x).sum())
            leaf[index] = middle
            np.testing.assert_allclose(derivative[index], (ends[0] - ends[1]) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_a_batch_sharded_over_two_devices_stays_sharded(kind):
    assert jax.device_count() >= 2
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(kind,), devices=jax.devices()[:2])
    net, params, x = mlp(SIZES), random_params(), inputs(4)
    over, everywhere = NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
    y = jax.jit(net.apply)(jax.device_put(params, everywhere), jax.device_put(x, over))
    assert y.sharding.is_equivalent_to(over, y.ndim)
    np.testing.assert_allclose(y, forward(params, [sigmoid, sigmoid], x), rtol=1e-5)


# What a network says of itself.


@pytest.mark.parametrize(
    ("net", "text"),
    [
        (layer(3, 2), "Network(3 -> 2 sigmoid)"),
        (layer(3, 2, jaxnet.step), "Network(3 -> 2 step)"),
        (mlp([2, 4, 1]), "Network(2 -> 4 sigmoid -> 1 sigmoid)"),
        (mlp([784, 100, 10], [relu, identity]), "Network(784 -> 100 relu -> 10 identity)"),
        (layer(1, 1, lambda z: z), "Network(1 -> 1 <lambda>)"),
        (chain(layer(3, 2)), "Network(3 -> 2 sigmoid)"),
        (own(), "Network(your own)"),
        (chain(layer(3, 2), own(), layer(4, 1)), "Network(3 -> 2 sigmoid -> (your own) -> (4 -> 1 sigmoid))"),
        (
            chain(layer(3, 2), chain(layer(2, 5), layer(5, 1)), layer(1, 4)),
            "Network(3 -> 2 sigmoid -> (2 -> 5 sigmoid -> 1 sigmoid) -> (1 -> 4 sigmoid))",
        ),
        (Network(own().init, own().apply, "a perceptron of 1958"), "Network('a perceptron of 1958')"),
    ],
)
def test_repr(net, text):
    assert repr(net) == text


def test_structure_is_hashable_and_equal_for_equal_arguments():
    assert layer(3, 2).structure == Layer(3, 2, sigmoid)
    assert mlp([3, 4, 2], tanh).structure == Chain((Layer(3, 4, tanh), Layer(4, 2, tanh)))
    assert mlp([3, 4, 2]).structure == mlp((3, 4, 2), [sigmoid, sigmoid]).structure
    assert hash(mlp([3, 4, 2]).structure) == hash(mlp([3, 4, 2]).structure)
    assert len({mlp([3, 4, 2]).structure, mlp([3, 4, 2], tanh).structure, mlp([3, 5, 2]).structure}) == 3
    assert own().structure is None
    assert chain(own(), layer(3, 2)).structure == Chain((None, Layer(3, 2, sigmoid)))


# What they refuse.


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ((0, 2), ValueError, "layer: expected n_inputs to be at least 1, got 0."),
        ((3, 0), ValueError, "layer: expected n_outputs to be at least 1, got 0."),
        ((-1, 2), ValueError, "layer: expected n_inputs to be at least 1, got -1."),
        ((3, 2.0), TypeError, "layer: expected n_outputs to be a whole number, got 2.0."),
        ((True, 2), TypeError, "layer: expected n_inputs to be a whole number, got True."),
        (("3", 2), TypeError, "layer: expected n_inputs to be a whole number, got '3'."),
    ],
)
def test_sizes_of_a_layer(sizes, error, message):
    with pytest.raises(error) as e:
        layer(*sizes)
    assert str(e.value) == message


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ([2, 0, 1], ValueError, "mlp: expected size 1 of [2, 0, 1] to be at least 1, got 0."),
        ([2, True, 1], TypeError, "mlp: expected size 1 of [2, True, 1] to be a whole number, got True."),
        ([2.0, 1], TypeError, "mlp: expected size 0 of [2.0, 1] to be a whole number, got 2.0."),
    ],
)
def test_sizes_of_an_mlp(sizes, error, message):
    with pytest.raises(error) as e:
        mlp(sizes)
    assert str(e.value) == message


def test_sizes_may_be_numpy_integers_and_become_pythons():
    assert layer(np.int64(2), np.int64(1)).structure == layer(2, 1).structure
    assert repr(mlp(np.array([2, 4, 1]))) == "Network(2 -> 4 sigmoid -> 1 sigmoid)"


@pytest.mark.parametrize("sizes", [[], [2], (2,)])
def test_an_mlp_has_at_least_two_sizes(sizes):
    with pytest.raises(ValueError, match=r"^mlp") as e:
        mlp(sizes)
    assert str(e.value) == f"mlp: expected at least two sizes, inputs and outputs, got {list(sizes)}."


@pytest.mark.parametrize(("activations", "n"), [([], 0), ([tanh], 1), ([tanh] * 3, 3)])
def test_an_mlp_has_an_activation_a_layer(activations, n):
    with pytest.raises(ValueError, match=r"^mlp") as e:
        mlp(SIZES, activations)
    assert str(e.value) == f"mlp: 2 layers need 2 activations, got {n}."


def test_a_chain_has_parts():
    with pytest.raises(ValueError, match=r"^chain") as e:
        chain()
    assert str(e.value) == "chain: expected at least one network, got none."


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([layer(3, 4), layer(5, 2)], "chain: part 1 gives 4 outputs, but part 2 takes 5 inputs."),
        ([layer(3, 4), mlp([4, 4, 2]), layer(4, 1)], "chain: part 2 gives 2 outputs, but part 3 takes 4 inputs."),
        ([layer(3, 4), mlp([2, 4, 2])], "chain: part 1 gives 4 outputs, but part 2 takes 2 inputs."),
        ([own(), layer(3, 4), chain(layer(3, 1), own())], "chain: part 2 gives 4 outputs, but part 3 takes 3 inputs."),
    ],
)
def test_parts_that_do_not_fit(parts, message):
    with pytest.raises(ShapeError) as e:
        chain(*parts)
    assert str(e.value) == message


def test_where_sizes_are_unknown_a_chain_trusts():
    (first,), (last,) = random_params([3, 4]), random_params([2, 1])
    net = chain(layer(3, 4), own(lambda x: x[..., :2]), layer(2, 1))
    y = net.apply((first, (), last), inputs(5))
    np.testing.assert_allclose(y, forward([last], [sigmoid], forward([first], [sigmoid], inputs(5))[:, :2]), rtol=1e-5)


def refusal(net, params, x):
    with pytest.raises(ShapeError) as e:
        net.apply(params, x)
    return str(e.value)


def test_inputs_that_do_not_fit_are_placed():
    expected = "apply: layer 1 of 2 (3 -> 4 sigmoid): expected inputs (..., 3) for weights (4, 3), got (5, 2)."
    assert refusal(mlp(SIZES), random_params(), np.zeros((5, 2), np.float32)) == expected
    assert refusal(layer(3, 4), random_params()[0], np.float32(0)) == (
        "apply: expected inputs (..., 3) for weights (4, 3), got ()."
    )


def test_weights_that_do_not_fit_are_placed():
    first, second = random_params()
    assert refusal(layer(3, 5), first, inputs(5)) == "apply: expected weights (5, 3), got (4, 3)."
    assert refusal(mlp(SIZES), (first, first), inputs(5)) == (
        "apply: layer 2 of 2 (4 -> 2 sigmoid): expected weights (2, 4), got (4, 3)."
    )
    assert refusal(mlp(SIZES), (first, second._replace(b=np.zeros(3, np.float32))), inputs(5)) == (
        "apply: layer 2 of 2 (4 -> 2 sigmoid): expected weights (n,) with a bias () or weights (m, n) with biases "
        "(m,), got (2, 4) and (3,). For parameters with further leading axes use jax.vmap."
    )


def test_the_number_of_parameters_is_checked():
    expected = "apply: expected parameters for 2 parts of 3 -> 4 sigmoid -> 2 sigmoid, got"
    assert refusal(mlp(SIZES), random_params([3, 4, 4, 2]), inputs(5)) == f"{expected} 3."
    assert refusal(mlp(SIZES), (), inputs(5)) == f"{expected} 0."


def test_the_place_in_nested_chains():
    net = chain(layer(3, 4), chain(layer(4, 4, tanh), layer(4, 2, identity)))
    first, second, _ = random_params([3, 4, 4, 2])
    assert refusal(net, (first, (second, first)), inputs(5)) == (
        "apply: layer 2 of 2 (4 -> 4 tanh -> 2 identity): layer 2 of 2 (4 -> 2 identity): expected weights (2, 4), "
        "got (4, 3)."
    )
    assert refusal(net, (first, (second,)), inputs(5)) == (
        "apply: layer 2 of 2 (4 -> 4 tanh -> 2 identity): expected parameters for 2 parts of "
        "4 -> 4 tanh -> 2 identity, got 1."
    )


def test_transposed_weights_get_the_hint():
    """Kernels (inputs, outputs), as Flax and Haiku store them: the message names the likely fix."""
    first, second = random_params()
    assert refusal(mlp(SIZES), (first._replace(w=first.w.T), second), inputs(5)) == (
        "apply: layer 1 of 2 (3 -> 4 sigmoid): expected weights (4, 3), got (3, 4). "
        "Weights are (outputs, inputs): are these transposed?"
    )


def test_errors_come_when_traced():
    with pytest.raises(ShapeError) as e:
        jax.eval_shape(mlp(SIZES).apply, random_params(), jax.ShapeDtypeStruct((5, 2), jnp.float32))
    assert str(e.value) == (
        "apply: layer 1 of 2 (3 -> 4 sigmoid): expected inputs (..., 3) for weights (4, 3), got (5, 2)."
    )


def test_integers_are_refused():
    with pytest.raises(TypeError) as e:
        mlp(SIZES).apply(random_params(), np.zeros((5, 3), np.int32))
    assert str(e.value) == (
        "apply: layer 1 of 2 (3 -> 4 sigmoid): expected floating inputs, got int32. "
        "Convert them, for example x.astype(float32)."
    )
