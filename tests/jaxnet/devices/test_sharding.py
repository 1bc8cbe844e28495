"""What is split over which axes of a mesh, what is copied, and how a mistake is told."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.drawn import drawn
from jax.sharding import AxisType, Mesh, NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from jaxnet import ShapeError, ensemble, gradient_descent, mlp, perceptron, place, squared_error
from jaxnet.devices.sharding import (
    as_numpy,
    automatic,
    check_mesh,
    constrained,
    mesh_sharding,
    over_processes,
    put_examples,
    put_on_devices,
    replicated,
    shardings,
    specs_of,
    split_examples,
)

NET = mlp([6, 4, 2])
PARAMS = jax.tree.map(jnp.asarray, drawn(NET))
MODEL = {"[0]": P("model"), "[1].w": P(None, "model")}


def mesh(shape=(2, 2), names=("data", "model"), kind=AxisType.Explicit, first=0):
    """Of explicit axes, as `jax.make_mesh` gives them unless told otherwise."""
    devices = jax.devices()[first : first + int(np.prod(shape))]
    return jax.make_mesh(shape, names, axis_types=(kind,) * len(names), devices=devices)


def split(tree):
    """The specs of arrays, or of shardings, that are not copied, by path."""
    found = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}
    specs = {name: getattr(leaf, "sharding", leaf).spec for name, leaf in found.items()}
    return {name: spec for name, spec in specs.items() if any(spec)}


# Parameters and states, by path.


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        (None, {}),
        ({"[0]": P("model")}, {"[0].w": P("model"), "[0].b": P("model")}),
        ({"[1].w": P(None, "model")}, {"[1].w": P(None, "model")}),
        ({"[0].w": P("data", "model")}, {"[0].w": P("data", "model")}),
        ({"[0].w": P(("data", "model"))}, {"[0].w": P(("data", "model"))}),
        # The longest path counts, wherever it stands.
        ({"[0].b": P(), "": P("model")}, {"[0].w": P("model"), "[1].w": P("model"), "[1].b": P("model")}),
        ({"": P("model"), "[0]": P(), "[1].w": P("data")}, {"[1].w": P("data"), "[1].b": P("model")}),
    ],
)
def test_parameters_by_path(specs, expected):
    for kind in (AxisType.Auto, AxisType.Explicit):
        placed = place(PARAMS, mesh(kind=kind), specs)
        assert split(placed) == expected
        for leaf, before in zip(jax.tree.leaves(placed), jax.tree.leaves(PARAMS), strict=True):
            np.testing.assert_array_equal(leaf, before)
            assert leaf.sharding.mesh.axis_types == (AxisType.Auto,) * 2
            assert leaf.sharding.device_set == set(jax.devices()[:4])


def test_paths_end_where_a_name_ends():
    """ "[1]" is not the beginning of "[10]", nor ".w" of ".ww"."""
    numbers = [np.ones(2)] * 11
    assert split(place(numbers, mesh(), {"[1]": P("data")})) == {"[1]": P("data")}
    names = {"w": np.ones(2), "w]": np.ones(2), "wide": {"w": np.ones(2)}}
    assert split(place(names, mesh(), {"['wide']": P("data")})) == {"['wide']['w']": P("data")}


def test_a_parameter_that_is_the_whole_tree():
    assert place(np.ones(4), mesh(), {"": P("model")}).sharding.spec == P("model")


def loss(params, batch):
    x, y = batch
    return squared_error(NET.apply(params, x), y).mean()


LIKE_PARAMS = {"[0].w": P("model"), "[0].b": P("model"), "[1].w": P(None, "model")}
OPTIMIZERS = {
    "sgd": (optax.sgd(0.1), []),
    "adam": (optax.adam(0.1), ["[0].mu", "[0].nu"]),
    "hyperparameters": (optax.inject_hyperparams(optax.adam)(0.1), [".inner_state[0].mu", ".inner_state[0].nu"]),
    "chain": (optax.chain(optax.clip(1.0), optax.sgd(0.1, momentum=0.9)), ["[1][0].trace"]),
    "many steps": (
        optax.MultiSteps(optax.sgd(0.1, momentum=0.9), 3),
        [".inner_opt_state[0].trace", ".acc_grads"],
    ),
    # The step of one layer is remembered by one optimiser, that of the other by another.
    "partition": (
        optax.partition({"a": optax.adam(0.1), "b": optax.sgd(0.1, momentum=0.9)}, lambda params: ("a", "b")),
        {
            **{f".inner_states['a'].inner_state[0].{m}[0].{p}": P("model") for m in ("mu", "nu") for p in "wb"},
            ".inner_states['b'].inner_state[0].trace[1].w": P(None, "model"),
        },
    ),
}


@pytest.mark.parametrize(("optimizer", "memories"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_what_an_optimiser_remembers_is_split_as_its_parameter(optimizer, memories):
    if isinstance(memories, list):
        memories = {memory + name: spec for memory in memories for name, spec in LIKE_PARAMS.items()}
    expected = {f".params{name}": spec for name, spec in LIKE_PARAMS.items()}
    expected |= {f".optimizer_state{name}": spec for name, spec in memories.items()}
    state = jax.eval_shape(gradient_descent(loss, optimizer).init, PARAMS)
    assert split(shardings("place", state, mesh(), MODEL)) == expected


def test_states_of_other_rules():
    state = jax.eval_shape(perceptron().init, PARAMS[0])
    assert split(shardings("place", state, mesh(), {"": P("model")})) == {
        ".params.w": P("model"),
        ".params.b": P("model"),
    }
    members = jax.tree.map(lambda p: np.stack([p] * 4), PARAMS)
    state = jax.eval_shape(ensemble(gradient_descent(loss, optax.adam(0.1))).init, members)
    found = split(shardings("place", state, mesh((4,), ("members",)), {"": P("members")}))
    assert set(found.values()) == {P("members")}
    assert len(found) == len(jax.tree.leaves(state)) - 1  # all but Adam's counter, which is like no parameter


def test_what_is_on_other_devices_or_split_otherwise_is_moved():
    for there in (mesh((4,), ("data",), first=4), mesh((4,), ("data",)), mesh((1,), ("data",), first=7)):
        moved = place(place(PARAMS, there, {"[0]": P("data")}), mesh(), MODEL)
        assert split(moved) == LIKE_PARAMS
        jax.tree.map(np.testing.assert_array_equal, moved, PARAMS)
        assert split(place(moved, mesh())) == {}


def test_arrays_become_those_of_jax():
    """NumPy's 64 bits are cut, as `jnp.asarray` cuts them, and keys stay keys."""
    key = jax.random.key(3)
    placed = place({"a": np.arange(4.0), "b": [1.5, 2], "key": jax.random.clone(key)}, mesh(), {"['a']": P("data")})
    assert [leaf.dtype for leaf in jax.tree.leaves(placed)] == [jnp.float32, jnp.float32, jnp.int32, key.dtype]
    np.testing.assert_array_equal(jax.random.key_data(placed["key"]), jax.random.key_data(key))


PATHS = "specs by paths to parameters, such as [0].w or [0].b or [1].w or [1].b"
DICT = "a dict of jax.sharding.PartitionSpec by path"


@pytest.mark.parametrize(
    ("error", "specs", "message"),
    [
        (ValueError, {"[2]": P()}, f"expected {PATHS}, got '[2]'."),
        (ValueError, {"[0].": P()}, f"expected {PATHS}, got '[0].'."),
        (ValueError, {".params[0]": P()}, f"expected {PATHS}, got '.params[0]'."),
        (
            ValueError,
            {"[0].w": P("units")},
            "expected axes of the mesh, ('data', 'model'), in the spec of [0].w, got P('units',).",
        ),
        (
            ShapeError,
            {"[0]": P(None, "model")},
            "expected a spec of at most 1 axes for [0].b of shape (4,), got P(None, 'model').",
        ),
        (
            ShapeError,
            {"[1].w": P(("data", "model"))},
            "[1].w has shape (2, 4), and its axis of 2 cannot be split into 4 equal parts, as P(('data', 'model'),) "
            "says. Split another axis, or take another number of units.",
        ),
        (TypeError, {"[0]": "model"}, f"expected {DICT}, got {{'[0]': 'model'}}."),
        (TypeError, {0: P()}, f"expected {DICT}, got {{0: P()}}."),
        (TypeError, [P()], f"expected {DICT}, got [P()]."),
    ],
)
def test_specs_that_do_not_fit(error, specs, message):
    for tree in (PARAMS, jax.eval_shape(gradient_descent(loss, optax.adam(0.1)).init, PARAMS)):
        with pytest.raises(error) as e:
            shardings("place", tree, mesh(), specs)
        assert str(e.value) == f"place: {message}"


# Meshes.


def test_a_mesh_of_one_device_is_that_device():
    one = mesh((1, 1), first=5)
    assert mesh_sharding(one, "data") == mesh_sharding(one) == SingleDeviceSharding(jax.devices()[5])
    assert automatic(one) == Mesh(np.array(jax.devices()[5]), ())
    with jax.set_mesh(automatic(mesh())), jax.set_mesh(automatic(one)):  # and it replaces one that is set
        assert jax.jit(lambda: jnp.zeros(2))().devices() == {jax.devices()[5]}
    with pytest.raises(ValueError, match="expected axes of the mesh"):
        place(PARAMS, one, {"": P("units")})


class Device:
    """Of another process."""

    def __init__(self, process_index):
        self.id = self.process_index = process_index
        self.platform = self.device_kind = "cpu"


def test_whether_a_mesh_is_of_several_processes(monkeypatch):
    assert not over_processes(mesh())
    for where, call in (("fit", lambda m: check_mesh("fit", m)), ("place", lambda m: place(PARAMS, m))):
        with pytest.raises(TypeError) as e:
            call(jax.devices())
        assert str(e.value) == f"{where}: expected a jax.sharding.Mesh, as jax.make_mesh gives, got list."
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    check_mesh("fit", mesh())
    all_of_three = Mesh(np.array([Device(p) for p in range(3)]), ("data",))
    check_mesh("fit", all_of_three)
    assert over_processes(all_of_three)
    for some in ([0, 1], [2]):
        with pytest.raises(ValueError, match="expected a mesh") as e:
            check_mesh("fit", Mesh(np.array([Device(p) for p in some]), ("data",)))
        assert str(e.value) == (
            f"fit: expected a mesh of devices of this process, or of all 3 processes, got devices of {some}. "
            "jax.devices() has those of all, jax.local_devices() those of this one."
        )


# Data.


def test_data_stay_split_where_the_mesh_has_their_axes():
    eight, x = mesh((8,), ("data",)), np.arange(48, dtype=np.float32).reshape(8, 6)
    for data, there in [
        (x, P()),
        (jnp.asarray(x), P()),
        (jax.device_put(x, jax.devices()[3]), P()),
        (put_on_devices(x, mesh_sharding(eight, "data")), P("data")),
        (jax.device_put(x, NamedSharding(eight, P("data"))), P("data")),  # of explicit axes
        (put_on_devices(x, NamedSharding(automatic(mesh((4, 2))), P("data"))), P("data")),
        (put_on_devices(x, mesh_sharding(Mesh(np.array(jax.devices()[::-1]), ("data",)), "data")), P("data")),
        (put_on_devices(x, mesh_sharding(mesh((4,), ("data",)), "data")), P()),  # some of the devices
        # Of a mesh of all devices with other axes, or with fewer parts than this one has:
        (put_on_devices(x, mesh_sharding(mesh((8,), ("batch",)), "batch")), P()),
        (put_on_devices(x, mesh_sharding(mesh((4, 2)), ("data", "model"))), P()),
        (put_on_devices(x[:6], mesh_sharding(mesh((2, 4)), "data")), P()),
    ]:
        placed = put_examples({"x": data}, eight)["x"]
        assert placed.sharding == mesh_sharding(eight, *there)
        np.testing.assert_array_equal(placed, data)
        np.testing.assert_array_equal(as_numpy(placed), data)
        assert put_examples(data, mesh((1,), ("data",), first=2)).devices() == {jax.devices()[2]}


# In a compiled program.


def test_what_is_said_to_xla():
    x = np.arange(16.0, dtype=np.float32)
    eight = automatic(mesh((8,), ("data",)))
    with jax.set_mesh(eight):
        assert jax.jit(split_examples)(x).sharding.spec == P("data")
        for rest in (x[:11], x[:2], x[3]):  # also of any number, and of none
            np.testing.assert_array_equal(jax.jit(lambda a: replicated(split_examples(a)))(rest), rest)
        divided = put_on_devices(x, mesh_sharding(eight, "data"))
        assert jax.jit(replicated)(divided).sharding.spec == P()
        assert jax.jit(lambda x: constrained(x + 1, (P("data"),)))(x).sharding.spec == P("data")
        assert specs_of({"a": divided, "b": x}) == (P("data"), P())
        assert jax.eval_shape(lambda x: jnp.zeros(3 if specs_of(x) is None else 4), x).shape == (3,)
        assert constrained(x, None) is x


@pytest.mark.parametrize("kind", [None, AxisType.Explicit, "other", "manual"])
def test_nothing_is_said_to_xla_where_no_mesh_of_automatic_axes_has_data(kind):
    def said(x):
        split_examples(x), replicated(x), constrained(x, (P("data"),))
        return x

    x = np.arange(16.0, dtype=np.float32)
    if kind is None:
        jaxpr = jax.make_jaxpr(said)(x)
    elif kind == "manual":
        each = automatic(mesh((8,), ("data",)))
        jaxpr = jax.make_jaxpr(jax.shard_map(said, mesh=each, in_specs=P("data"), out_specs=P("data")))(x)
    else:
        names = ("units",) if kind == "other" else ("data",)
        with jax.set_mesh(mesh((8,), names, AxisType.Auto if kind == "other" else kind)):
            jaxpr = jax.make_jaxpr(split_examples if kind == "other" else said)(x)
    assert "sharding_constraint" not in str(jaxpr)
