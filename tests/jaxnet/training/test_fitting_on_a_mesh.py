"""A run on a mesh: the run on one device up to rounding, resumed on any other mesh."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.fitted import DATA, NET, NOISY, PLAIN, START, State, X, close, equal, error, key, noisy_loss
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import jaxnet
from jaxnet import DivergedError, Rule, ShapeError, fit, gradient_descent

# On a mesh: X has ten examples, which neither 3 nor 8 devices divide, nor batches of 4.

UNITS = {"[0]": P("model"), "[1].w": P(None, "model")}  # the three hidden units
FULLY = {"[0]": P("data"), "[1].w": P(None, "data")}
LAYERS = optax.partition(
    {"a": optax.inject_hyperparams(optax.adam)(0.05), "b": optax.sgd(0.1, momentum=0.9)}, lambda params: ("a", "b")
)
TRACES = []


def traced(loss):
    @functools.wraps(loss)
    def counted(*args, **kwargs):
        TRACES.append(1)
        return loss(*args, **kwargs)

    return counted


SHARED = gradient_descent(traced(noisy_loss), optax.MultiSteps(LAYERS, 2))
SHARED_SETTINGS = {"steps": 36, "batch_size": 4, "every": 12, "record_every": 2, "validation": DATA}


def mesh_of(shape, names=("data",), kind=AxisType.Explicit, first=0):
    """A mesh of explicit axes, as `jax.make_mesh` gives them unless told otherwise."""
    devices = jax.devices()[first : first + int(np.prod(shape))]
    return jax.make_mesh(shape, names, axis_types=(kind,) * len(names), devices=devices)


def where(tree):
    return [leaf.sharding for leaf in jax.tree.leaves(tree)]


@functools.cache
def alone():
    return fit(SHARED, START, DATA, key=key(), **SHARED_SETTINGS)


@pytest.mark.parametrize(
    ("shape", "names", "specs"),
    [
        ((2,), ("data",), None),
        pytest.param((2, 3), ("data", "model"), UNITS, marks=pytest.mark.slow),
        pytest.param((3,), ("data",), FULLY, marks=pytest.mark.slow),
        pytest.param((8,), ("data",), None, marks=pytest.mark.slow),
        pytest.param((3, 2), ("model", "data"), {"": P(), **UNITS}, marks=pytest.mark.slow),
        pytest.param((2, 3), ("other", "model"), UNITS, marks=pytest.mark.slow),
    ],
)
def test_a_run_on_a_mesh_is_the_run_on_one_device_up_to_rounding(shape, names, specs):
    """A second one is the same bit for bit, with nothing traced, whatever the kind of the axes."""
    arguments, before = {"key": key(), "specs": specs, **SHARED_SETTINGS}, len(TRACES)
    run = fit(SHARED, START, DATA, mesh=mesh_of(shape, names), **arguments)
    assert len(TRACES) == before + 2  # one for the steps, one for validation
    automatic = mesh_of(shape, names, AxisType.Auto)
    again = fit(SHARED, START, DATA, mesh=automatic, **arguments)
    further = fit(SHARED, run, DATA, mesh=automatic, **arguments)
    assert len(TRACES) == before + 2
    equal(again[:4], run[:4])
    close(run[:4], alone()[:4])
    # All is where it was put, after every chunk and run, and the optimiser's memory of a parameter with it.
    assert where(run.params) == where(jaxnet.place(START, automatic, specs))
    assert where(run.state) == where(further.state) == where(jaxnet.place(run.state, automatic, specs))
    # The three parameters, what MultiSteps sums up of them, and the memories of Adam and of momentum.
    assert len([s for s in where(run.state) if any(s.spec)]) == (0 if specs is None else 3 + 3 + 4 + 1)


@pytest.mark.slow  # that float32 agrees to rounding is seen above, always
def test_in_float64_a_run_on_a_mesh_differs_by_rounding_alone():
    """The difference is smaller by the factor by which the rounding is."""
    rule = gradient_descent(error, optax.sgd(0.1))
    with jax.enable_x64(True):
        start, data = jax.tree.map(lambda a: np.asarray(a, np.float64), (START, DATA))
        one, three = (fit(rule, start, data, steps=50, key=key(), mesh=mesh) for mesh in (None, mesh_of((3,))))
    assert three.history["loss"].dtype == np.float64
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), three[:3], one[:3])


@pytest.mark.slow
@pytest.mark.parametrize("first", [pytest.param(0, marks=pytest.mark.slow), 5])
def test_a_run_on_a_mesh_of_one_device_is_the_run_without_bit_for_bit(first):
    """Whichever device it is, and whatever mesh is set around it."""
    arguments = {"steps": 35, "batch_size": 3, "every": 10, "key": key(), "validation": DATA}
    one = mesh_of((1,), first=first)
    run = fit(NOISY, START, DATA, mesh=one, specs=FULLY, **arguments)
    equal(run[:4], fit(NOISY, START, DATA, **arguments)[:4])
    assert {device for s in where(run.state) for device in s.device_set} == {jax.devices()[first]}
    with jax.set_mesh(mesh_of((8,))):
        equal(fit(NOISY, START, DATA, mesh=one, **arguments)[:4], run[:4])


def test_what_was_put_elsewhere_is_put_on_the_mesh():
    """Parameters, a state, data and a key that are on other devices or meshes, or of other dtypes: the same run."""
    rule = gradient_descent(traced(error), optax.adam(0.05))
    mesh, other, eight = mesh_of((2,)), mesh_of((4,), first=2), mesh_of((8,), kind=AxisType.Auto)
    arguments = {"params": START, "data": DATA, "steps": 10, "every": 5}
    close(fit(rule, key=key(), **arguments).state, fit(PLAIN, key=key(), **arguments).state)
    run, before = fit(rule, key=key(), mesh=mesh, **arguments), len(TRACES)
    for elsewhere in [
        {"params": jaxnet.place(START, other)},
        {"params": jaxnet.place(START, mesh_of((3,)), FULLY)},
        {"params": jaxnet.place(rule.init(START), mesh_of((2, 3), ("data", "model")), UNITS), "start": 0},
        {"data": jax.device_put(DATA, jax.devices()[7])},
        {"data": jaxnet.from_parts(DATA, mesh_of((5,)))},
        {"data": tuple(a.astype(np.float64) for a in DATA)},
        {"key": jax.device_put(key(), jax.devices()[7])},
        {"key": jaxnet.place(key(), eight)},
    ]:
        with contextlib.nullcontext() if "data" in elsewhere else jax.set_mesh(eight):
            same = fit(rule, mesh=mesh, **{"key": key(), **arguments, **elsewhere})
        equal(same[:4], run[:4])
    assert len(TRACES) == before


@pytest.mark.parametrize("devices", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_data_and_batches_on_a_mesh_are_seen_whole(devices):
    """By a rule that adds them up: data copied and split, batches that devices divide or do not, a short one."""
    mesh, numbers = mesh_of((devices,)), np.arange(24.0, dtype=np.float32)
    rule = Rule(State, lambda s, b, k: (State(s.params + b.sum()), {"sum": b.sum()}))
    run = fit(rule, jnp.array(0.0), numbers[:23], steps=3, key=key(), mesh=mesh)
    np.testing.assert_array_equal(run.history["sum"], [253, 253, 253])
    split = jaxnet.from_parts(numbers, mesh)
    run = fit(rule, jnp.array(0.0), split, epochs=2, batch_size=6, key=key(), mesh=mesh)
    np.testing.assert_array_equal([run.history["sum"][:4].sum(), run.params], [276, 552])
    batches = [numbers[:8], numbers[8:16], numbers[16:23]]
    run = fit(rule, jnp.array(0.0), iter(batches), key=key(), every=2, mesh=mesh)
    np.testing.assert_array_equal(run.history["sum"], [28, 92, 133])
    assert (run.params, run.steps, run.stopped) == (253, 3, "no more data")


def test_on_a_mesh_a_run_stops_and_fails_as_it_does_without():
    mesh = mesh_of((8,))
    walk = Rule(State, lambda s, b, k: (State(s.params - 1), {"loss": jnp.abs(s.params)}))
    run = fit(walk, jnp.array(5.0), X, steps=100, key=key(), every=1, validation=X, patience=2, mesh=mesh)
    assert (run.params, run.steps, run.stopped) == (0, 7, "no improvement")

    def update(state, batch, key):
        loss = jnp.where(state.params >= 13, jnp.nan, state.params)
        return State(state.params + 1 + 0 * loss), {"loss": loss}

    rule = Rule(State, update)
    with pytest.raises(DivergedError, match=r"^fit: loss is nan at step 14\. The run up to step 10,") as e:
        fit(rule, jnp.array(0.0), X, steps=100, key=key(), every=5, mesh=mesh)
    assert (e.value.step, e.value.run.steps, e.value.run.params) == (14, 10, 10)


LAYER = jaxnet.Neuron(jnp.array([[0.5, -0.25], [0.25, 0.5]]), jnp.array([0.25, -0.5]))
CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 1]], np.float32)
LABELS = np.array([[0, 0], [0, 1], [0, 1], [1, 1], [1, 0]], np.int32)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "data", "exact"),
    [
        (jaxnet.perceptron(), (CORNERS, LABELS), True),  # one example after another
        (jaxnet.delta(0.5), (CORNERS, LABELS), False),
        (jaxnet.hebb(0.1), CORNERS, False),
        (jaxnet.oja(0.1), CORNERS, False),
    ],
)
def test_rules_without_a_gradient_on_a_mesh(rule, data, exact):
    arguments = {"steps": 20, "batch_size": 3, "every": 10}
    mesh, specs = mesh_of((2, 2), ("data", "model")), {"": P("model")}
    run = fit(rule, LAYER, data, mesh=mesh, specs=specs, key=key(), **arguments)
    one = fit(rule, LAYER, data, key=key(), **arguments)
    (equal if exact else close)(run[:3], one[:3])
    assert {s.spec for s in where(run.params)} == {P("model")}


@pytest.mark.slow
def test_members_of_an_ensemble_over_devices():
    """They send nothing to one another, but XLA rounds otherwise for another number of members at a time."""
    rule = jaxnet.ensemble(PLAIN)
    params = jax.vmap(NET.init)(jax.random.split(jax.random.key(0), 4))
    run = fit(rule, params, DATA, steps=30, key=key(), mesh=mesh_of((4,), ("members",)), specs={"": P("members")})
    close(run[:3], fit(rule, params, DATA, steps=30, key=key())[:3])
    assert {s.spec for s in where(run.params)} == {P("members")}


@pytest.mark.parametrize("other", ["none", pytest.param("three", marks=pytest.mark.slow)])
def test_a_checkpoint_of_one_mesh_is_gone_on_from_on_another_and_on_none(tmp_path, other):
    """On the same again it is the uninterrupted run bit for bit, and split as that."""
    meshes = {"three": (mesh_of((3,)), FULLY), "six": (mesh_of((2, 3), ("data", "model")), UNITS), "none": (None, None)}

    def go(file, steps, name):
        mesh, specs = meshes[name]
        arguments = {**SHARED_SETTINGS, "steps": steps, "checkpoint": tmp_path / file}
        return fit(SHARED, START, DATA, key=key(), mesh=mesh, specs=specs, **arguments)

    for steps, name in ((12, "six"), (24, other), (36, "none")):
        run = go("moved", steps, name)
        assert run.steps == steps
    close(run[:4], alone()[:4])
    assert all(isinstance(s, jax.sharding.SingleDeviceSharding) for s in where(run.state))
    for steps in (12, 24, 36):
        parts = go("same", steps, "six")
    whole = go("whole", 36, "six")
    equal(parts[:4], whole[:4])
    assert where(parts[:2]) == where(whole[:2])


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (TypeError, {"specs": UNITS}, "fit: expected a mesh to split parameters over, got specs alone. Pass mesh=..."),
        (TypeError, {"mesh": jax.devices()}, "fit: expected a jax.sharding.Mesh, as jax.make_mesh gives, got list."),
        (
            ValueError,
            {"mesh": mesh_of((2, 2), ("batch", "model"))},
            'fit: expected a mesh with an axis "data", over which examples are split, got the axes '
            "('batch', 'model'). Make it by jax.make_mesh((4,), (\"data\",)), or split parameters by specs.",
        ),
        (
            ValueError,
            {"mesh": mesh_of((2,)), "specs": UNITS},
            "fit: expected axes of the mesh, ('data',), in the spec of [0].w, got P('model',).",
        ),
        (
            ShapeError,
            {"mesh": mesh_of((2,)), "specs": FULLY},
            "fit: [0].w has shape (3, 1), and its axis of 3 cannot be split into 2 equal parts, as P('data',) says. "
            "Split another axis, or take another number of units.",
        ),
    ],
)
def test_meshes_and_specs_that_do_not_fit(error, arguments, message):
    with pytest.raises(error) as e:
        fit(PLAIN, START, DATA, steps=2, key=key(), **arguments)
    assert str(e.value) == message
