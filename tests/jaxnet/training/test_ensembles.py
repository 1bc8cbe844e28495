"""Members together learn what each would alone, in any layout and group."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

import jaxnet
from jaxnet import ShapeError, ensemble, fit, gradient_descent, mlp, squared_error, train, train_ensemble
from jaxnet.lowering.last_axis import is_fast

XOR = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)
NET = mlp([2, 3, 1])


def loss(params, batch):
    x, y = batch
    return squared_error(NET.apply(params, x), y).mean()


def noisy(params, batch, key):
    x, y = batch
    return loss(params, (x + 0.1 * jax.random.normal(key, x.shape), y))


def odd(params, batch):
    """With operations that have no rule of their own: slices, concatenations, an argmax, constants."""
    x, y = batch
    outputs = NET.apply(params, jnp.concatenate([x, x[:1]]))
    best = jnp.argmax(outputs[:, 0])
    aux = {"best": best, "seven": jnp.float32(7), "outputs": outputs, "clipped": jnp.clip(outputs, 0.4, 0.6)}
    return squared_error(outputs[1:], jnp.flip(y, 0)).mean(), aux


RULES = {
    "sgd": gradient_descent(loss, optax.sgd(0.5)),
    "adam, clipped": gradient_descent(loss, optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.05))),
    "noisy": gradient_descent(noisy, optax.adam(0.05)),
    "odd": gradient_descent(odd, optax.sgd(0.5), has_aux=True),
}


@functools.partial(jax.jit, static_argnums=0)
def states_of(rule, keys):
    return jax.vmap(lambda key: rule.init(NET.init(key)))(keys)


def members(rule, n, seed=0):
    return states_of(rule, jax.random.split(jax.random.key(seed), n)), jax.random.split(jax.random.key(seed + 1), n)


def close(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), a, b)


@pytest.mark.parametrize(
    ("name", "group", "record_every"),
    [
        ("odd", None, 1),
        *(pytest.param(name, 3, 5, marks=pytest.mark.slow) for name in ("noisy", "sgd", "odd", "adam, clipped")),
        *(pytest.param(name, None, 1, marks=pytest.mark.slow) for name in ("sgd", "noisy", "adam, clipped")),
    ],
)
def test_members_learn_what_each_would_alone(name, group, record_every):
    rule = RULES[name]
    states, keys = members(rule, 5)
    options = {"steps": 20, "record_every": record_every}
    together = train_ensemble(rule, states, XOR, keys=jax.random.clone(keys), group=group, **options)
    for i in range(5):
        state = jax.tree.map(lambda a, i=i: a[i], states)
        alone = train(rule, state, XOR, key=keys[i], **options)
        close(jax.tree.map(lambda a, i=i: a[i], together), alone)


@pytest.mark.slow
@pytest.mark.parametrize("group", [None, 2])
def test_members_with_batches_have_orders_of_their_own(group):
    rule = RULES["sgd"]
    states, keys = members(rule, 3)
    states, history = train_ensemble(
        rule, states, XOR, keys=jax.random.clone(keys), epochs=6, batch_size=2, group=group
    )
    assert history["loss"].shape == (3, 12)
    for i in range(3):
        state = jax.tree.map(lambda a, i=i: a[i], members(rule, 3)[0])
        close(history["loss"][i], train(rule, state, XOR, epochs=6, batch_size=2, key=keys[i])[1]["loss"])


@pytest.mark.slow
def test_members_have_step_sizes_of_their_own():
    rule = gradient_descent(loss, optax.inject_hyperparams(optax.sgd)(learning_rate=0.0))
    states, keys = members(rule, 4)
    sizes = jnp.array([0.0, 0.1, 1.0, 10.0])
    states.optimizer_state.hyperparams["learning_rate"] = sizes
    _, history = train_ensemble(rule, states, XOR, keys=jax.random.clone(keys), steps=10)
    for i, size in enumerate(sizes):
        params = jax.tree.map(lambda a, i=i: a[i], states.params)
        fixed = gradient_descent(loss, optax.sgd(size.item()))
        alone = train(fixed, fixed.init(params), XOR, steps=10, key=keys[i])[1]["loss"]
        np.testing.assert_allclose(history["loss"][i], alone, rtol=1e-4)


@pytest.mark.slow
def test_a_member_that_diverges_diverges_alone():
    rule = RULES["sgd"]
    states, keys = members(rule, 3)
    states = jax.tree.map(lambda a: a.at[1].set(jnp.nan), states)
    history = train_ensemble(rule, states, XOR, keys=keys, steps=5)[1]["loss"]
    np.testing.assert_array_equal(np.isnan(history).all(axis=1), [False, True, False])
    np.testing.assert_array_equal(np.isnan(history).any(axis=1), [False, True, False])


def test_a_second_ensemble_traces_nothing():
    traces = []

    def counted(params, batch):
        traces.append(1)
        return loss(params, batch)

    rule = gradient_descent(counted, optax.sgd(0.1))
    for seed in range(2):
        states, keys = members(rule, 5, seed)
        train_ensemble(rule, states, XOR, keys=keys, steps=3)
    assert len(traces) == 1


def test_tiny_networks_have_their_members_last():
    """No batched dot is left where the members are last; larger networks keep theirs."""

    def program(sizes):
        net = mlp(sizes)
        rule = gradient_descent(
            lambda params, batch: squared_error(net.apply(params, batch[0]), batch[1]).mean(), optax.sgd(0.1)
        )
        keys = jax.random.split(jax.random.key(0), 3)
        states = jax.vmap(lambda key: rule.init(net.init(key)))(keys)
        return jax.jit(lambda s, k: train_ensemble(rule, s, XOR, keys=k, steps=5)).lower(states, keys).as_text()

    assert "dot_general" not in program([2, 3, 1])
    assert "dot_general" in program([2, 300, 1])


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (
            ShapeError,
            {"keys": jax.random.split(jax.random.key(0), 4)},
            "train_ensemble: expected a key for each of the 3 members, got keys of shape (4,). "
            "jax.random.split(jax.random.key(0), 3) makes them.",
        ),
        (
            TypeError,
            {"keys": 0},
            "train_ensemble: expected a key for each of the 3 members, got 0. "
            "jax.random.split(jax.random.key(0), 3) makes them.",
        ),
        (TypeError, {"steps": None}, "train_ensemble: expected either steps or epochs, got neither."),
        (ValueError, {"group": 0}, "train_ensemble: expected group to be at least 1, got 0."),
        (
            ValueError,
            {"record_every": 2},
            "train_ensemble: expected steps to be a multiple of record_every, 2, got 3 steps.",
        ),
        (
            ShapeError,
            {"states": {"a": jnp.zeros((3, 2)), "b": jnp.zeros(4)}},
            "train_ensemble: expected states with the same number of members along the first axis, got "
            "state['a']: 3, state['b']: 4. Make one of each key: "
            "jax.vmap(lambda key: rule.init(network.init(key)))(keys).",
        ),
    ],
)
def test_arguments_that_do_not_fit(error, arguments, message):
    states, keys = members(RULES["sgd"], 3)
    with pytest.raises(error) as e:
        train_ensemble(RULES["sgd"], **{"states": states, "data": XOR, "keys": keys, "steps": 3, **arguments})
    assert str(e.value) == message


@pytest.mark.parametrize("name", ["steps", "batch_size", "record_every", "group"])
def test_whole_numbers(name):
    """Numbers of NumPy are; Booleans and floats are not."""
    states, keys = members(RULES["sgd"], 3)
    arguments = {"states": states, "data": XOR, "keys": keys, "steps": 2}
    for number in (True, 2.0):
        with pytest.raises(TypeError) as e:
            train_ensemble(RULES["sgd"], **{**arguments, name: number})
        assert str(e.value) == f"train_ensemble: expected {name} to be a whole number, got {number}."


def test_numbers_may_be_those_of_numpy():
    states, keys = members(RULES["sgd"], 3)
    two = np.int64(2)
    _, history = train_ensemble(RULES["sgd"], states, XOR, keys=keys, steps=two, record_every=two, group=two)
    assert history["loss"].shape == (3, 1)


def test_an_ensemble_is_a_rule_that_fits_and_goes_on(tmp_path):
    rule = ensemble(RULES["noisy"])
    params = jax.vmap(NET.init)(jax.random.split(jax.random.key(0), 3))
    key = jax.random.key(1)
    whole = fit(rule, params, XOR, steps=20, key=jax.random.clone(key), every=5)
    assert whole.history["loss"].shape == (20, 3)
    for steps in (10, 20):
        run = fit(rule, params, XOR, steps=steps, key=jax.random.clone(key), every=5, checkpoint=tmp_path / "run")
    jax.tree.map(np.testing.assert_array_equal, run.state, whole.state)
    np.testing.assert_array_equal(run.history["loss"], whole.history["loss"])


@pytest.mark.slow
def test_members_of_an_ensemble_draw_with_keys_of_their_own():
    rule = ensemble(RULES["noisy"])
    params = jax.tree.map(lambda a: jnp.stack([a, a]), NET.init(jax.random.key(0)))
    losses = train(rule, rule.init(params), XOR, steps=1, key=jax.random.key(1))[1]["loss"]
    assert losses[0, 0] != losses[0, 1]


def test_a_member_of_an_ensemble_that_diverges_does_not_end_a_fit():
    rule = ensemble(RULES["sgd"])
    params = jax.tree.map(lambda a: a.at[1].set(jnp.nan), jax.vmap(NET.init)(jax.random.split(jax.random.key(0), 2)))
    run = fit(rule, params, XOR, steps=5, key=jax.random.key(1))
    assert run.stopped == "finished"
    np.testing.assert_array_equal(np.isnan(run.history["loss"][-1]), [False, True])


# Over several devices.


@pytest.mark.parametrize(
    ("devices", "batch_size"),
    [pytest.param(*each, marks=pytest.mark.slow) for each in ((2, None), (1, None), (3, 2), (1, 2))],
)
def test_with_the_same_group_members_over_devices_are_the_same_bits(devices, batch_size):
    rule = RULES["sgd"]
    states, keys = members(rule, 10)
    mesh = jax.make_mesh((devices,), ("members",), devices=jax.devices()[:devices])
    settings = {"keys": keys, "steps": 30, "batch_size": batch_size, "group": 2}
    one = train_ensemble(rule, states, XOR, **settings)
    several = train_ensemble(rule, states, XOR, mesh=mesh, **settings)
    jax.tree.map(np.testing.assert_array_equal, several, one)


@pytest.mark.slow
def test_members_that_devices_divide_stay_on_them():
    """And so the next call moves nothing; without a group they are equal up to rounding."""
    rule = gradient_descent(loss, optax.sgd(0.1))
    states, keys = members(rule, 4)
    mesh = jax.make_mesh((2, 1), ("members", "other"), devices=jax.devices()[:2])
    half, _ = train_ensemble(rule, states, XOR, keys=keys, steps=3, mesh=mesh)
    both, _ = train_ensemble(rule, half, XOR, keys=keys, steps=3, mesh=mesh)
    for leaf in jax.tree.leaves(both):
        assert leaf.sharding.spec == PartitionSpec(("members", "other"))
        assert {shard.data.shape[0] for shard in leaf.addressable_shards} == {2}
    once, _ = train_ensemble(rule, states, XOR, keys=keys, steps=6)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), both, once)


def test_a_tiny_network_is_seen_to_be_tiny_where_its_data_was_on_a_mesh():
    """JAX then puts operations into the program that say where arrays are, and do nothing."""
    rule = gradient_descent(loss, optax.sgd(0.1))
    mesh = jax.make_mesh((2,), ("data",), devices=jax.devices()[:2])
    data = jax.device_put(jaxnet.place(XOR, mesh), jax.devices()[0])
    state = rule.init(NET.init(jax.random.key(0)))
    assert is_fast(jax.make_jaxpr(rule.update)(state, data, jax.random.key(1)).jaxpr)
