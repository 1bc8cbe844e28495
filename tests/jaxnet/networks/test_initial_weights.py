"""Weights that are drawn at once, against JAX's initialisers one by one."""

import itertools

import jax
import numpy as np
import pytest
from jax.nn.initializers import glorot_normal, he_normal

import jaxnet

BOTH = {jaxnet.relu: he_normal(), jaxnet.tanh: glorot_normal()}


@pytest.mark.parametrize(
    "activations",
    [[jaxnet.tanh], [jaxnet.relu], [jaxnet.relu, jaxnet.tanh, jaxnet.relu], [jaxnet.tanh] * 6],
    ids=["Glorot", "He", "both", "6 layers"],
)
def test_weights_of_all_layers_are_those_of_each(activations):
    sizes = [5, *range(2, len(activations) + 1), 3]
    params = jaxnet.mlp(sizes, activations).init(jax.random.key(1))
    keys = jax.random.split(jax.random.key(1), len(params))
    for (w, b), key, shape, activation in zip(params, keys, itertools.pairwise(sizes), activations, strict=True):
        # XLA may round otherwise where nothing is optimised.
        np.testing.assert_allclose(w, BOTH[activation](key, shape).T, rtol=1e-5, atol=1e-7)
        assert w.dtype == b.dtype == np.float32
        np.testing.assert_array_equal(b, np.zeros(shape[1]))


def test_a_layer_draws_with_the_key_itself():
    w, b = jaxnet.layer(5, 3, jaxnet.tanh).init(jax.random.key(1))
    np.testing.assert_allclose(w, glorot_normal()(jax.random.key(1), (5, 3)).T, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(b, np.zeros(3))


@pytest.mark.parametrize(
    "key",
    [lambda: jax.random.key(2), lambda: jax.random.PRNGKey(2), lambda: jax.random.key(2, impl="rbg")],
    ids=["key", "PRNGKey", "rbg"],
)
def test_a_compiled_init_draws_the_same(key):
    init = jaxnet.mlp([4, 3, 2], jaxnet.relu).init
    for direct, compiled in zip(jax.tree.leaves(init(key())), jax.tree.leaves(jax.jit(init)(key())), strict=True):
        np.testing.assert_allclose(direct, compiled, rtol=1e-5, atol=1e-7)


def test_a_compiled_init_draws_the_same_where_keys_are_split_as_they_were():
    net = jaxnet.mlp([4, 3, 2])
    with jax.threefry_partitionable(False):
        direct, compiled = net.init(jax.random.key(2)), jax.jit(net.init)(jax.random.key(2))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), direct, compiled)


@pytest.mark.parametrize("net", [jaxnet.layer(4, 3), jaxnet.mlp([4, 3, 2])], ids=["layer", "mlp"])
def test_a_key_that_has_drawn_weights_is_used(net):
    key = jax.random.key(3)
    net.init(key)
    with pytest.raises(jax.errors.KeyReuseError):
        net.init(key)


def test_members_of_an_ensemble_draw_as_alone():
    net, keys = jaxnet.mlp([4, 3, 2]), jax.random.split(jax.random.key(0), 3)
    together = jax.vmap(net.init)(keys)
    for member, key in enumerate(jax.random.split(jax.random.key(0), 3)):
        alone = net.init(key)
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[member], b, rtol=1e-5, atol=1e-7)
