"""Every network and every loss under every transformation of JAX, in every dtype, on two devices; and against peers.

What a case computes is one function, `everything`: outputs, the loss of each example, and the gradient of their mean.
A transformation is right if it changes none of the three. Parameters and inputs are multiples of 1/16, exact in every
dtype, so that what differs between dtypes is the computation alone.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jaxnet
from jaxnet import Neuron, chain, dag, layer, mlp, per_unit, wired

N_INPUTS, N_OUTPUTS, N_EXAMPLES = 3, 2, 6

NETWORKS = {
    "layer": layer(3, 2),
    "mlp": mlp([3, 4, 2], [jaxnet.tanh, jaxnet.identity]),
    "nested chains": chain(layer(3, 4, jaxnet.gelu), chain(mlp([4, 3, 4], jaxnet.silu), layer(4, 2, jaxnet.softplus))),
    # The lecture's g, whose f2 is read twice, and here a third time as an output.
    "dag": dag(
        {
            "f1": (layer(1, 1), "x1"),
            "f2": (layer(1, 1), "x2"),
            "f3": (layer(1, 1), "x3"),
            "f4": (layer(2, 1), ["f1", "f2"]),
            "f5": (layer(3, 1), ["f4", "f2", "f3"]),
        },
        inputs=["x1", "x2", "x3"],
        outputs=["f5", "f2"],
    ),
    # Unit 3 is read by both others, and input 2 by all.
    "wired": wired(jaxnet.Wiring(3, [0, 2, 5, 8], [0, 2, 1, 2, 3, 3, 4, 2], [5, 4]), jaxnet.tanh),
    "per unit": mlp(
        [3, 4, 2],
        [
            per_unit([jaxnet.sigmoid, jaxnet.tanh, jaxnet.relu, jaxnet.elu]),
            per_unit([jaxnet.identity, jaxnet.sigmoid]),
        ],
    ),
}
# For losses: the least that gives logits, and probabilities.
READ = NETWORKS | {"logits": layer(3, 2, jaxnet.identity), "probabilities": layer(3, 2, jax.nn.softmax)}

# Every network with the loss of eq. 10, and every other loss.
CASES = [(name, jaxnet.squared_error) for name in NETWORKS] + [
    ("logits", jaxnet.absolute_error),
    ("logits", jaxnet.huber),
    ("logits", jaxnet.hinge),
    ("logits", jaxnet.binary_cross_entropy),
    ("probabilities", jaxnet.binary_cross_entropy_from_probabilities),
    ("logits", jaxnet.softmax_cross_entropy),
    ("probabilities", jaxnet.softmax_cross_entropy_from_probabilities),
    ("logits", jaxnet.softmax_cross_entropy_with_integer_labels),
]
# Every network with eq. 10 always, the other losses, whose own tests are more exact, when there is time.
MOST_CASES = CASES[: len(NETWORKS)] + [pytest.param(*case, marks=pytest.mark.slow) for case in CASES[len(NETWORKS) :]]
# Those that have the others as parts always, the others when there is time.
MOST_NETWORKS = ["dag", "wired", "nested chains"]
most_networks = pytest.mark.parametrize(
    "name",
    MOST_NETWORKS + [pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS if name not in MOST_NETWORKS],
)
each_network = pytest.mark.parametrize("name", NETWORKS)
each_case = pytest.mark.parametrize(("name", "loss"), CASES, ids=[f"{name}-{loss.__name__}" for name, loss in CASES])
most_cases = pytest.mark.parametrize(("name", "loss"), MOST_CASES)

# How many times the rounding of a dtype, relative to the largest value of an array or to 1; the largest seen is 1.5.
ULPS = 4


class Everything(NamedTuple):
    outputs: jax.Array
    losses: jax.Array
    gradient: object


def everything(name, loss):
    """The function of a case."""

    def mean_loss(params, x, y):
        outputs = READ[name].apply(params, x)
        losses = loss(outputs, y)
        return losses.mean(), (outputs, losses)

    def compute(params, x, y):
        gradient, (outputs, losses) = jax.grad(mean_loss, has_aux=True)(params, x, y)
        return Everything(outputs, losses, gradient)

    return compute


@functools.partial(jax.jit, static_argnums=0)
def of_all(cases, arguments):
    """Several cases in one program."""
    return [everything(*case)(*args) for case, args in zip(cases, arguments, strict=True)]


def with_its_like(case):
    """The cases that are compiled with this one: all networks, or all other losses."""
    return tuple(CASES[: len(NETWORKS)]) if case in CASES[: len(NETWORKS)] else tuple(CASES[len(NETWORKS) :])


def sixteenths(seed, shape, dtype: Any = np.float32):
    return (np.round(16 * np.random.default_rng(seed).normal(size=shape)) / 16).astype(dtype)


def parameters(name, dtype: Any = np.float32, seed=0):
    leaves, tree = jax.tree.flatten(jax.eval_shape(READ[name].init, jax.random.key(0)))
    return tree.unflatten(sixteenths((seed, place), leaf.shape, dtype) for place, leaf in enumerate(leaves))


def examples(dtype: Any = np.float32, n=N_EXAMPLES):
    return sixteenths(1, (n, N_INPUTS), dtype)


def targets(loss, n=N_EXAMPLES):
    labels = (np.arange(n) % 3 % N_OUTPUTS).astype(np.int32)
    return labels if "integer_labels" in loss.__name__ else np.eye(N_OUTPUTS, dtype=np.float32)[labels]


def problem(name, loss=jaxnet.squared_error, dtype: Any = np.float32, seed=0):
    return parameters(name, dtype, seed), examples(dtype), targets(loss)


def in_float64(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf).astype(np.float64), tree)


def assert_close(actual, expected, dtype=np.float32):
    def compare(a, b):
        a, b = in_float64((a, b))
        assert a.shape == b.shape
        np.testing.assert_allclose(
            a, b, rtol=0, atol=ULPS * float(jnp.finfo(dtype).eps) * max(1, abs(b).max(initial=0))
        )

    jax.tree.map(compare, actual, expected)


@functools.cache
def results(cases, dtype, seed=0):
    with jax.enable_x64(dtype == "float64"):
        found = of_all(cases, [problem(*case, jnp.dtype(dtype), seed) for case in cases])
        return dict(zip(cases, found, strict=True))


def result(name, loss=jaxnet.squared_error, dtype="float32", seed=0):
    return results(with_its_like((name, loss)), dtype, seed)[name, loss]


# Compiled, mapped, batched.


@most_cases
def test_compiled_is_eager(name, loss):
    params, x, y = problem(name, loss)
    outputs = READ[name].apply(params, x)
    found = result(name, loss)
    assert_close((found.outputs, found.losses), (outputs, loss(outputs, y)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "wired"])
def test_compiled_gradient_is_eager(name):
    """Of the networks made of layers for one, and of the derivative that is written down for graphs."""
    assert_close(result(name), everything(name, jaxnet.squared_error)(*problem(name)))


@functools.cache
def mapped(name):
    """Members side by side, and one example at a time, in one program."""
    f = everything(name, jaxnet.squared_error)

    @jax.jit
    def compute(ensemble, params, x, y):
        return (
            jax.vmap(f, in_axes=(0, None, None))(ensemble, x, y),
            jax.vmap(f, in_axes=(None, 0, 0))(params, x, y),
        )

    ensemble = jax.tree.map(lambda *a: np.stack(a), *(parameters(name, seed=seed) for seed in range(3)))
    return compute(ensemble, *problem(name))


@most_networks
def test_an_ensemble_is_a_loop_over_its_members(name):
    together, _ = mapped(name)
    one_by_one = [result(name, seed=seed) for seed in range(3)]
    assert_close(together, jax.tree.map(lambda *a: np.stack(a), *one_by_one))


@most_networks
def test_mapped_over_examples_is_batched(name):
    _, one_by_one = mapped(name)
    batched = result(name)
    assert_close((one_by_one.outputs, one_by_one.losses), (batched.outputs, batched.losses))
    assert_close(jax.tree.map(lambda each: each.mean(axis=0), one_by_one.gradient), batched.gradient)


@most_cases
def test_losses_mapped_over_examples_are_batched(name, loss):
    batched = result(name, loss)
    assert_close(jax.vmap(loss)(batched.outputs, targets(loss)), batched.losses)


@most_networks
def test_a_batch_may_have_many_axes_or_none(name):
    params, x, _ = problem(name)
    apply, outputs = NETWORKS[name].apply, result(name).outputs
    many, one = jax.jit(lambda params, x: (apply(params, x.reshape(2, 3, N_INPUTS)), apply(params, x[0])))(params, x)
    assert_close(many, outputs.reshape(2, 3, N_OUTPUTS))
    assert_close(one, outputs[0])


@most_networks
def test_an_empty_batch_gives_no_outputs_and_no_gradient(name):
    params = parameters(name)

    def total(params, x):
        outputs = NETWORKS[name].apply(params, x)
        return outputs.sum(), outputs

    gradient, outputs = jax.jit(jax.grad(total, has_aux=True))(params, examples(n=0))
    assert outputs.shape == (0, N_OUTPUTS)
    assert outputs.dtype == np.float32
    jax.tree.map(lambda leaf, zero: np.testing.assert_array_equal(zero, np.zeros_like(leaf)), params, gradient)


# Derivatives.


@pytest.mark.parametrize(
    "cases",
    [CASES[: len(NETWORKS)], pytest.param(CASES[len(NETWORKS) :], marks=pytest.mark.slow)],
    ids=["networks", "losses"],
)
def test_gradients_are_those_of_central_differences(cases):
    """The mean loss of every case is an output, and an error names the case of a wrong parameter."""

    def mean_losses(params, x):
        return [
            loss(READ[name].apply(params[f"{name}, {loss.__name__}"], x), targets(loss)).mean() for name, loss in cases
        ]

    params = {f"{name}, {loss.__name__}": parameters(name) for name, loss in cases}
    jaxnet.check_gradients(mean_losses, params, examples()).raise_if_wrong()


# Dtypes: what goes in comes out, and is right to its own precision.


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@most_cases
def test_dtype_is_kept(name, loss, dtype):
    assert {leaf.dtype.name for leaf in jax.tree.leaves(result(name, loss, dtype))} == {dtype}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@each_case
def test_half_precision_is_kept(name, loss, dtype):
    result = jax.eval_shape(everything(name, loss), *problem(name, loss, jnp.dtype(dtype)))
    assert {leaf.dtype.name for leaf in jax.tree.leaves(result)} == {dtype}


def reference(name, loss=jaxnet.squared_error):
    return in_float64(result(name, loss, "float64"))


@most_cases
def test_float32_is_right(name, loss):
    assert_close(result(name, loss), reference(name, loss))


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
@each_network
def test_half_precision_is_right(name, dtype):
    assert_close(result(name, dtype=dtype), reference(name), dtype)


@each_network
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_inputs_that_are_not_floating_are_refused_with_a_hint(name, dtype):
    """When traced, so before anything is computed."""
    with pytest.raises(TypeError) as e:
        jax.eval_shape(NETWORKS[name].apply, parameters(name), examples().astype(dtype))
    hint = f"expected floating inputs, got {dtype}. Convert them, for example x.astype(float32)."
    assert str(e.value).endswith(hint)


@each_network
def test_parameters_that_are_not_floating_are_refused_with_a_hint(name):
    with pytest.raises(TypeError) as e:
        jax.eval_shape(NETWORKS[name].apply, parameters(name, np.int32), examples())
    assert str(e.value).endswith("expected floating weights, got int32. Convert them, for example w.astype(float).")


# Two devices.


@functools.cache
def on_two_devices(cases):
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])
    over, everywhere = NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
    arguments = []
    for case in cases:
        params, x, y = problem(*case)
        arguments.append((jax.device_put(params, everywhere), *jax.device_put((x, y), over)))
    return over, dict(zip(cases, of_all(cases, arguments), strict=True))


@most_cases
def test_a_batch_on_two_devices_stays_there_and_gives_what_one_device_gives(name, loss):
    over, found = on_two_devices(with_its_like((name, loss)))
    sharded = found[name, loss]
    assert_close(sharded, result(name, loss))
    assert sharded.outputs.sharding.is_equivalent_to(over, sharded.outputs.ndim)
    assert sharded.losses.sharding.is_equivalent_to(over, sharded.losses.ndim)
    assert all(leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(sharded.gradient))


# Peers, where they are installed: an MLP with the same parameters.


def squared_error_of(apply):
    """Its mean and gradient as a function of the parameters, without anything of ours."""
    _, x, y = problem("mlp")
    return jax.value_and_grad(lambda params: (jnp.square(apply(params, x) - y).sum(axis=-1) / 2).mean())


def assert_equal_to_a_peer(value, gradient):
    ours = result("mlp")
    np.testing.assert_allclose(value, ours.losses.mean(), rtol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), gradient, ours.gradient)


def test_as_flax_linen():
    linen = pytest.importorskip("flax.linen")
    net = linen.Sequential([linen.Dense(4), jnp.tanh, linen.Dense(2)])
    first, last = ({"kernel": w.T, "bias": b} for w, b in parameters("mlp"))
    value, gradient = squared_error_of(net.apply)({"params": {"layers_0": first, "layers_2": last}})
    layers = (gradient["params"][name] for name in ("layers_0", "layers_2"))
    assert_equal_to_a_peer(value, tuple(Neuron(each["kernel"].T, each["bias"]) for each in layers))


def test_as_equinox():
    equinox = pytest.importorskip("equinox")
    net = equinox.nn.MLP(3, 2, width_size=4, depth=1, activation=jnp.tanh, key=jax.random.key(0))

    def arrays(net):
        return [part for each in net.layers for part in (each.weight, each.bias)]

    def apply(params, x):
        return jax.vmap(equinox.tree_at(arrays, net, jax.tree.leaves(params)))(x)

    value, gradient = squared_error_of(apply)(jax.tree.map(jnp.asarray, parameters("mlp")))
    assert_equal_to_a_peer(value, gradient)
