"""Checkpoints: bit for bit or not at all, whatever was saved, whatever was damaged, whenever the writer was killed."""

import collections
import json
import re
import zlib

import hypothesis
import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec
from safetensors.numpy import load_file

import jaxnet
from jaxnet import CheckpointError, load, read_header, save

Point = collections.namedtuple("Point", "x y")
NUMPY = [np.dtype(code).name for code in "?bhilBHILefdFD"]
ML = [
    *(jnp.bfloat16, jnp.float8_e4m3fn, jnp.float8_e5m2, jnp.float8_e4m3b11fnuz, jnp.float8_e8m0fnu),
    *(jnp.float4_e2m1fn, jnp.int4, jnp.uint4, jnp.int2, jnp.uint2),
]
DTYPES = [np.dtype(dtype) for dtype in [*NUMPY, *ML]]
KEYS = ["threefry2x32", "rbg", "unsafe_rbg"]
HINT = "Pass a `like` made as the saved tree was; jaxnet.read_header tells what the file holds."


def raw(leaf):
    """What must be the same: type, dtype, weak type, shape and bytes."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return "key", str(leaf.dtype), leaf.shape, np.asarray(jax.random.key_data(leaf)).tobytes()
    if isinstance(leaf, bool | int | float | complex) and not isinstance(leaf, np.generic):
        return type(leaf), np.asarray(leaf).tobytes()
    kind = "jax" if isinstance(leaf, jax.Array) else type(leaf)
    return kind, leaf.dtype, getattr(leaf, "weak_type", None), leaf.shape, np.asarray(leaf).tobytes()


def same(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and [*map(raw, jax.tree.leaves(a))] == [
        *map(raw, jax.tree.leaves(b))
    ]


def message(error, expected):
    return pytest.raises(error, match=f"^{re.escape(expected)}$")


def random_bits(dtype, shape):
    """An array of any bits: NaNs with payloads, negative zeros, denormals."""
    rng = np.random.default_rng(0)
    if dtype.kind == "b":
        return rng.integers(2, size=shape).astype(bool)
    array = rng.integers(256, size=(*shape, dtype.itemsize), dtype=np.uint8).view(dtype).reshape(shape)
    # A byte holds int4 and the like with room to spare: only what is a number of theirs.
    return array.astype(np.float32).astype(dtype) if dtype.name.removeprefix("u") in ("int2", "int4") else array


# What is saved comes back.


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (7,), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_numpy_arrays_come_back_bit_for_bit(path, dtype, shape):
    tree = {"a": random_bits(dtype, shape), "b": random_bits(dtype, (5,))}
    save(path, tree)
    back = load(path, jax.tree.map(np.empty_like, tree))
    assert same(back, tree)
    assert all(leaf.flags.writeable for leaf in back.values())


@pytest.mark.parametrize(
    ("dtype", "x64"),
    [
        (dtype, x64)
        for dtype in DTYPES
        for x64 in (False, True)
        if x64 or dtype.name not in ("int64", "uint64", "float64", "complex128")
    ],
    ids=str,
)
def test_jax_arrays_come_back_bit_for_bit(path, dtype, x64):
    with jax.enable_x64(x64):
        tree = [jnp.asarray(random_bits(dtype, shape)) for shape in [(), (0, 2), (64,)]]
        save(path, tree)
        assert same(load(path, tree), tree)
        assert same(load(path, jax.eval_shape(lambda: tree)), tree)


def test_special_floats_by_their_bits(path):
    bits = np.array([0x7FC00001, 0xFFC12345, 0x7F800001, 0x80000000, 0x00000001, 0x7F800000], np.uint32)
    save(path, {"x": bits.view(np.float32)})
    for like in (np.zeros(6, np.float32), jnp.zeros(6)):
        back = np.asarray(load(path, {"x": like})["x"])
        np.testing.assert_array_equal(back.view(np.uint32), bits)


NAMES = st.one_of(st.text(max_size=4), st.sampled_from(["__metadata__", "", "a']['b", "\ud800", "\x00"]))
LEAVES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=True),
    st.complex_numbers(),
    st.sampled_from(NUMPY).flatmap(
        lambda name: npst.arrays(name, npst.array_shapes(min_dims=0, min_side=0, max_side=3))
    ),
)
TREES = st.recursive(
    LEAVES | st.none(),
    lambda trees: st.one_of(
        st.lists(trees, max_size=3),
        st.dictionaries(NAMES, trees, max_size=3),
        st.tuples(trees, trees).map(lambda pair: Point(*pair)),
        st.lists(trees, max_size=2).map(tuple),
    ),
    max_leaves=8,
)


@hypothesis.given(TREES)
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_any_tree_comes_back(path, tree):
    save(path, tree)
    assert same(load(path, tree), tree)


@pytest.mark.parametrize("value", [True, False, 0, -(2**63), 2**63 - 1, -0.0, float("inf"), 5e-324, 1 - 2j])
def test_python_numbers_keep_their_type(path, value):
    save(path, value)
    back = load(path, type(value)())
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_numpy_scalars_come_back_as_scalars(path):
    tree = [np.float32(1.5), np.int64(3), np.bool(True)]
    save(path, tree)
    assert same(load(path, tree), tree)


@pytest.mark.parametrize("implementation", KEYS)
@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 2)], ids=str)
def test_typed_keys(path, implementation, shape):
    key = (
        jax.random.split(jax.random.key(5, impl=implementation), shape)
        if shape
        else jax.random.key(5, impl=implementation)
    )
    save(path, {"key": key})
    back = load(path, jax.eval_shape(lambda: {"key": key}))["key"]
    assert raw(back) == raw(key)
    assert jax.random.key_impl(back) == implementation
    assert read_header(path)["leaves"]["['key']"]["implementation"] == implementation


def test_a_key_can_be_saved_before_it_is_used_and_after(path):
    key = jax.random.key(0)
    save(path, key)
    drawn = jax.random.normal(key, (3,))
    np.testing.assert_array_equal(jax.random.normal(load(path, key), (3,)), drawn)
    save(path, key)


@pytest.mark.parametrize("number", [0.5, 3, 1j])
def test_weakly_typed_arrays_stay_so(path, number):
    tree = {
        "weak": jnp.full((2, 2), number),
        "scalar": jnp.asarray(number),
        "strong": jnp.asarray(np.ones(2, np.float32)),
    }
    assert tree["weak"].weak_type
    assert not tree["strong"].weak_type
    save(path, tree)
    assert same(load(path, jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree)), tree)


def test_weakly_typed_bits(path):
    bits = np.array([0x7FC00001, 0xFFC12345, 0x80000000, 0x00000001], np.uint32)
    tree = jnp.full(4, 0.0).at[...].set(jnp.asarray(bits.view(np.float32)))
    assert tree.weak_type
    save(path, tree)
    np.testing.assert_array_equal(np.asarray(load(path, tree)).view(np.uint32), bits)


def test_strided_and_transposed_arrays(path):
    base = np.arange(24.0).reshape(4, 6)
    tree = {
        "T": base.T,
        "step": base[::2, ::-1],
        "F": np.asfortranarray(base),
        "wide": np.broadcast_to(base[0], (3, 6)),
    }
    save(path, tree)
    for name, back in load(path, tree).items():
        np.testing.assert_array_equal(back, tree[name])


@pytest.mark.parametrize("tree", [None, [], {}, (None, {"a": []}), Point((), None)], ids=str)
def test_trees_without_leaves(path, tree):
    save(path, tree)
    assert load(path, tree) == tree
    assert read_header(path)["leaves"] == {}


def test_the_state_of_an_optimiser(path):
    net = jaxnet.mlp([2, 3, 1])

    def loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(
        loss, optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(optax.linear_schedule(1, 0, 9)))
    )
    batch = jnp.ones((4, 2)), jnp.zeros((4, 1))
    k1, k2, k3 = jax.random.split(jax.random.key(0), 3)
    start = rule.init(net.init(k1))
    state, _ = jaxnet.train(rule, start, batch, steps=5, key=k2)
    save(path, state)
    back = load(path, start)
    assert same(back, state)
    k4 = jax.random.clone(k3)
    assert same(jaxnet.train(rule, back, batch, steps=5, key=k3), jaxnet.train(rule, state, batch, steps=5, key=k4))


def test_leaves_are_matched_by_path_not_by_place(path):
    save(path, collections.OrderedDict(b=np.zeros(2), a=np.ones(2)))
    back = load(path, collections.OrderedDict(a=np.empty(2), b=np.empty(2)))
    assert list(back) == ["a", "b"]
    np.testing.assert_array_equal(back["a"], 1)


# Where leaves go.


def test_leaves_go_where_like_has_them(path):
    save(path, [np.ones(4, np.float32)] * 4)
    second = jax.devices()[1]
    mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
    numpy, default, on_second, spread = load(
        path,
        [
            np.zeros(4, np.float32),
            jnp.zeros(4),
            jax.device_put(jnp.zeros(4), second),
            jax.ShapeDtypeStruct((4,), jnp.float32, sharding=split),
        ],
    )
    assert type(numpy) is np.ndarray
    assert default.devices() == {jax.devices()[0]}
    assert not default.committed
    assert on_second.devices() == {second}
    assert on_second.committed
    assert spread.sharding == split
    again = load(path, [numpy, default, on_second, spread])
    assert again[3].sharding == split


def test_a_sharded_and_a_weakly_typed_leaf_and_keys_on_a_mesh(path):
    mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
    tree = jax.device_put([jnp.full(4, 2.0), jnp.arange(4), jax.random.split(jax.random.key(0), 4)], split)
    assert tree[0].weak_type
    save(path, tree)
    back = load(path, tree)
    assert same(back, tree)
    assert all(leaf.sharding == split for leaf in back)


def state_on(devices, specs):
    """A state with a memory, a counter, a key and a weak type, on a mesh of so many devices, or on none."""
    rule = jaxnet.gradient_descent(lambda params, x: jnp.sum(params["w"] * x), optax.adam(0.1))
    state = rule.init({"w": jnp.arange(24.0).reshape(8, 3), "b": jnp.array(0.5)})
    tree = {"state": state, "key": jax.random.key(3), "weak": jnp.array(2.5)}
    if not devices:
        return tree
    mesh = jax.make_mesh((devices,), ("data",), devices=jax.devices()[:devices])
    return {**jaxnet.place(tree, mesh), "state": jaxnet.place(state, mesh, specs)}


PLACES = [(0, None), (1, None), (4, None), (8, {"['w']": PartitionSpec("data")}), (3, {"": PartitionSpec()})]


@pytest.mark.parametrize(("devices", "specs"), PLACES)
def test_a_file_does_not_say_on_what_it_was_written(path, devices, specs):
    """The same bytes from any mesh, but for the order of the two texts that safetensors keeps beside the arrays."""
    tree, alone = state_on(devices, specs), state_on(0, None)
    contents = []
    for saved in (tree, alone):
        save(path, saved)
        size = int.from_bytes(path.read_bytes()[:8], "little")
        header = json.loads(path.read_bytes()[8 : 8 + size])
        contents.append((size, header, path.read_bytes()[8 + size :]))
    assert contents[0] == contents[1]
    for like in (state_on(*place) for place in PLACES):
        back = load(path, like)
        assert same(back, alone)
        assert [leaf.sharding for leaf in jax.tree.leaves(back)] == [leaf.sharding for leaf in jax.tree.leaves(like)]


def test_64_bits_are_not_cut_to_32(path):
    save(path, {"w": np.ones(2), "n": np.ones(2, np.int64), "c": 1.0})
    like = {"w": jax.ShapeDtypeStruct((2,), np.float64), "n": np.ones(2, np.int64), "c": 0.0}
    with message(
        CheckpointError,
        f"load: {path}: 1 of its leaves and those of `like` do not match:\n"
        f"  ['w']: found float64 (2,), but JAX's 64 bits are off: turn on jax_enable_x64, "
        f"or have a NumPy array in `like`\n{HINT}",
    ):
        load(path, like)
    with jax.enable_x64(True):
        assert load(path, like)["w"].dtype == np.float64
    assert load(path, {**like, "w": np.empty(2)})["w"].dtype == np.float64


# Metadata and the header.


def test_the_header(path):
    tree = {"w": jnp.ones((2, 3), jnp.bfloat16), "k": jax.random.key(7), "n": 3, "z": np.zeros(2, np.complex64)}
    save(path, tree, {"epochs": 3, "loss": [0.5, None], "name": "größer"})
    assert read_header(path) == {
        "format": 1,
        "jaxnet": "0.1.0",
        "jax": jax.__version__,
        "structure": "PyTreeDef({'k': *, 'n': *, 'w': *, 'z': *})",
        "leaves": {
            "['k']": {
                "kind": "key",
                "dtype": "key<fry>",
                "shape": [],
                "implementation": "threefry2x32",
                "crc32": f"{zlib.crc32(np.array([0, 7], np.uint32)):08x}",
            },
            "['n']": {"kind": "int", "dtype": "int64", "shape": [], "crc32": f"{zlib.crc32(np.int64(3)):08x}"},
            "['w']": {
                "kind": "array",
                "dtype": "bfloat16",
                "shape": [2, 3],
                "weak_type": False,
                "crc32": f"{zlib.crc32(np.full(6, 0x3F80, np.uint16)):08x}",
            },
            "['z']": {"kind": "array", "dtype": "complex64", "shape": [2], "crc32": f"{zlib.crc32(bytes(16)):08x}"},
        },
        "metadata": {"epochs": 3, "loss": [0.5, None], "name": "größer"},
    }


def test_no_metadata_are_empty(path):
    save(path, 1)
    assert read_header(path)["metadata"] == {}


NOT_AS_IT_WAS = (
    "save: expected metadata, a dict, that comes back from JSON as it was. "
    "Keys must be text, and lists stand where there are tuples."
)
NOT_JSON = "save: expected metadata that JSON can hold, got an error: {}."


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({1: 2}, NOT_AS_IT_WAS),
        ({"a": (1, 2)}, NOT_AS_IT_WAS),
        ([1], NOT_AS_IT_WAS),
        ("text", NOT_AS_IT_WAS),
        ({"a": float("nan")}, NOT_JSON.format("Out of range float values are not JSON compliant")),
        ({"a": {1, 2}}, NOT_JSON.format("Object of type set is not JSON serializable")),
    ],
    ids=str,
)
def test_metadata_must_be_json(path, metadata, expected):
    # Newer Pythons say which value it was, too.
    with pytest.raises(TypeError, match=re.escape(expected[:-1])):
        save(path, 1, metadata)
    assert not path.exists()


def test_text_that_utf8_has_not_comes_back(path):
    save(path, 1, {"\ud800": "\udfff\x00\n"})
    assert read_header(path)["metadata"] == {"\ud800": "\udfff\x00\n"}


def test_headers_too_long_for_the_format_are_refused(path):
    save(path, 1)
    before = path.read_bytes()
    with pytest.raises(
        ValueError,
        match=r"^save: expected a header of at most 25,000,000 characters, got 25,000,\d{3}, 25,000,009 of them "
        r"metadata\. Save what is long as an array in the tree\.$",
    ):
        save(path, 1, {"a": "x" * 25_000_000})
    assert path.read_bytes() == before


def test_the_longest_header_can_be_read_back(path):
    metadata = {"a": '"' * 6_200_000}  # four backslashes and more for each, by the time it is in the file
    save(path, 1, metadata)
    assert read_header(path)["metadata"] == metadata


# Other readers.


def test_anybody_can_read_the_file(path):
    tree = {name: random_bits(np.dtype(name), (3, 2)) for name in NUMPY}
    save(path, {**tree, "bf16": jnp.ones(2, jnp.bfloat16), "f8": jnp.ones(2, jnp.float8_e5m2), "n": 3, "x": 2.5})
    read = load_file(path)
    for name, array in tree.items():
        found = read[f"['{name}']"]
        if name.startswith("complex"):
            found = found.view(name)[..., 0]
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert found.tobytes() == array.tobytes()
    np.testing.assert_array_equal(read["['bf16']"], np.ones(2, jnp.bfloat16))
    np.testing.assert_array_equal(read["['f8']"].view(jnp.float8_e5m2), np.ones(2, jnp.float8_e5m2))
    assert read["['n']"] == 3
    assert read["['x']"] == 2.5
