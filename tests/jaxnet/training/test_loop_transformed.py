"""A run under jit, vmap and grad, and on meshes."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.drawn import drawn
from common.trained import LEVEL, SLOPE, THREE, XOR, f32, half_square, start
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxnet import (
    Neuron,
    from_parts,
    gradient_descent,
    mlp,
    place,
    squared_error,
    train,
)

# Under transformations.


@jax.jit
def short_run(theta, data, key):
    return train(SLOPE, SLOPE.init(theta), data, steps=4, batch_size=2, key=key)


def test_a_run_goes_under_jit_with_data_of_numpy_or_jax():
    outside = train(SLOPE, SLOPE.init(start(7)), THREE, steps=4, batch_size=2, key=jax.random.key(0))
    for data in (THREE, jnp.asarray(THREE)):
        inside = short_run(start(7), data, jax.random.key(0))
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), inside, outside)


def test_many_runs_are_vmap_over_keys():
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.tree.map(np.asarray, jax.vmap(short_run, in_axes=(None, None, 0))(start(7), THREE, keys))
    assert together[1]["loss"].shape == (3, 4)
    assert len(set(together[0].params.tolist())) > 1
    for i, key in enumerate(jax.random.split(jax.random.key(0), 3)):
        alone = short_run(start(7), THREE, key)
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-5), together, alone)


def after_four_steps(eta):
    rule = gradient_descent(half_square, optax.sgd(eta))
    return train(rule, rule.init(start(7)), THREE, steps=4, key=jax.random.key(0))[0].params


def test_many_step_sizes_are_vmap_over_a_closure():
    eta = f32(0, 0.25, 1, 2)
    np.testing.assert_allclose(jax.vmap(after_four_steps)(eta), 3 + 4 * (1 - eta) ** 4, rtol=1e-6)


def test_many_step_sizes_are_vmap_over_the_state():
    """With `inject_hyperparams` the step size is data, and one compiled run serves all."""
    rule = gradient_descent(half_square, optax.inject_hyperparams(optax.sgd)(learning_rate=0.0))

    def run(eta):
        state = rule.init(start(7))
        state.optimizer_state.hyperparams["learning_rate"] = eta
        return train(rule, state, THREE, steps=4, key=jax.random.key(0))[0].params

    eta = f32(0, 0.25, 1, 2)
    np.testing.assert_allclose(jax.vmap(run)(eta), 3 + 4 * (1 - eta) ** 4, rtol=1e-6)


def test_a_run_is_differentiable_in_its_step_size():
    """d/d eta of 3 + 4 (1 - eta)^4 at 1/4 is -16 (3/4)^3."""
    np.testing.assert_allclose(jax.grad(after_four_steps)(0.25), -16 * 0.75**3, rtol=1e-6)


@pytest.mark.parametrize(("kind", "batch_size"), [(AxisType.Auto, 2), (AxisType.Explicit, None)])
def test_a_run_on_two_devices(kind, batch_size):
    """`jax.make_mesh` gives explicit axes unless told otherwise; batches want automatic ones."""
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(kind,), devices=jax.devices()[:2])
    data = tuple(jax.device_put(a, NamedSharding(mesh, P("batch"))) for a in XOR)
    params = Neuron(f32([2, -1]), f32(0.5))
    first = LEVEL.init(jax.device_put(params, NamedSharding(mesh, P())))
    one = train(LEVEL, LEVEL.init(params), XOR, steps=3, batch_size=batch_size, key=jax.random.key(1))
    two = train(LEVEL, first, data, steps=3, batch_size=batch_size, key=jax.random.key(1))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), two, one)


# On the mesh that is set.

MIXED = mlp([2, 4, 2])
TEN = np.arange(20, dtype=np.float32).reshape(10, 2) / 20
UNITS = {"[0]": P("model"), "[1].w": P(None, "model")}


def mixed_loss(params, batch):
    return squared_error(MIXED.apply(params, batch), batch[:, ::-1]).mean()


MOMENTUM = gradient_descent(mixed_loss, optax.sgd(0.5, momentum=0.9))
MIXED_START = jax.tree.map(jnp.asarray, drawn(MIXED))


def mesh_of(shape=(8,), names=("data",), kind=AxisType.Auto):
    devices = jax.devices()[: int(np.prod(shape))]
    return jax.make_mesh(shape, names, axis_types=(kind,) * len(names), devices=devices)


def mixed(params, data=TEN, key=None, batch_size=None):
    key = jax.random.key(3) if key is None else key
    return train(MOMENTUM, MOMENTUM.init(params), data, steps=8, batch_size=batch_size, key=key)


@functools.cache
def mixed_alone(batch_size):
    return mixed(MIXED_START, batch_size=batch_size)


def close(one, other):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-7), one, other)


@pytest.mark.parametrize(
    ("batch_size", "jit"),
    [
        (None, False),
        (None, True),
        pytest.param(3, False, marks=pytest.mark.slow),
        pytest.param(3, True, marks=pytest.mark.slow),
    ],
)
def test_devices_of_the_mesh_that_is_set_share_the_batches(batch_size, jit):
    """Four divide neither 10 examples nor 3. What was split stays so, and all devices have the metrics."""
    mesh = mesh_of((4, 2), ("data", "model"))
    run = functools.partial(mixed, batch_size=batch_size)
    with jax.set_mesh(mesh):
        state, history = (jax.jit(run) if jit else run)(place(MIXED_START, mesh, UNITS))
    close((state, history), mixed_alone(batch_size))
    for params in (state.params, state.optimizer_state[0].trace):
        assert [leaf.sharding.spec for leaf in jax.tree.leaves(params)] == [
            P("model"),
            P("model"),
            P(None, "model"),
            P(),
        ]
    assert history["loss"].sharding.is_fully_replicated


@pytest.mark.slow
@pytest.mark.parametrize("jit", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_run_on_a_mesh_under_vmap_and_grad(jit):
    def last_loss(params):
        return mixed(params)[1]["loss"][-1]

    together = jax.tree.map(lambda p: jnp.stack([p, 2 * p]), MIXED_START)
    functions = [(jax.grad(last_loss), MIXED_START), (jax.vmap(last_loss), together)]
    for function, params in functions:
        with jax.set_mesh(mesh_of()):
            found = (jax.jit(function) if jit else function)(params)
        close(found, jax.jit(function)(params))


@pytest.mark.slow
def test_a_run_in_a_shard_map_is_one_of_the_device():
    """There the axis "data" is looked after by the caller, and each device has a run of its own examples."""
    data = TEN.reshape(2, 5, 2)

    def of_device(data):
        params = jax.tree.map(lambda p: jax.lax.pcast(p, "data", to="varying"), MIXED_START)
        return mixed(params, data[0])[0].params[0].w[None]

    found = jax.jit(jax.shard_map(of_device, mesh=mesh_of((2,)), in_specs=P("data"), out_specs=P("data")))(data)
    for w, examples in zip(found, data, strict=True):
        close(w, mixed(MIXED_START, examples)[0].params[0].w)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [3, None])
def test_on_explicit_axes_a_run_is_the_same_and_stays_as_it_was(batch_size):
    """They are the caller's: what is copied to each device is computed by each."""
    mesh = mesh_of((2,), kind=AxisType.Explicit)
    with jax.set_mesh(mesh):
        state, history = mixed(MIXED_START, batch_size=batch_size)
    close((state, history), mixed_alone(batch_size))
    assert all(leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(state))
    data = jax.device_put(TEN, NamedSharding(mesh, P("data")))
    with jax.set_mesh(mesh):
        if batch_size is None:
            close(mixed(MIXED_START, data), mixed_alone(None))
        else:
            with pytest.raises(Exception, match="out sharding could not be resolved unambiguously"):
                mixed(MIXED_START, data, batch_size=batch_size)


COLLECTIVE = re.compile(r" (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(?:-start)?\(")


@pytest.mark.parametrize(("batch_size", "split"), [(4, False), (None, True), (None, False)])
def test_a_step_sends_gradients_and_loss_and_nothing_else(batch_size, split):
    """In the compiled program, which has one step in its loop: one all-reduce, of their sizes."""
    data = from_parts(TEN[:8], mesh_of()) if split else place(TEN, mesh_of())
    with jax.set_mesh(mesh_of()):
        run = jax.jit(functools.partial(mixed, batch_size=batch_size))
        program = run.lower(MIXED_START, data, jax.random.key(0)).compile().as_text()
    (line,) = [line for line in program.splitlines() if COLLECTIVE.search(line)]
    assert COLLECTIVE.search(line).group(1) == "all-reduce"
    result = line.split(" = ")[1].split(" all-reduce")[0]
    sizes = sorted(
        np.prod([int(n) for n in dims.split(",") if n], dtype=int) for dims in re.findall(r"\[([\d,]*)\]", result)
    )
    assert sizes[-4:] == [2, 4, 8, 8]  # the biases and weights of both layers
    assert set(sizes[:-4]) == {1}
    assert len(sizes) <= 6  # the loss, and perhaps how it was derived
