"""Checkpoints: bit for bit or not at all, whatever was saved, whatever was damaged, whenever the writer was killed."""

import collections
import contextlib
import errno
import json
import os
import re
import resource
import subprocess
import sys
import textwrap
import zlib

import hypothesis
import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend.random import define_prng_impl
from jax.sharding import PartitionSpec
from safetensors.numpy import load_file, save_file

import jaxnet
from jaxnet import CheckpointError, load, read_header, save
from jaxnet.training import checkpoints as module

Point = collections.namedtuple("Point", "x y")
NUMPY = [np.dtype(code).name for code in "?bhilBHILefdFD"]
ML = [
    *(jnp.bfloat16, jnp.float8_e4m3fn, jnp.float8_e5m2, jnp.float8_e4m3b11fnuz, jnp.float8_e8m0fnu),
    *(jnp.float4_e2m1fn, jnp.int4, jnp.uint4, jnp.int2, jnp.uint2),
]
DTYPES = [np.dtype(dtype) for dtype in [*NUMPY, *ML]]
KEYS = ["threefry2x32", "rbg", "unsafe_rbg"]
HINT = "Pass a `like` made as the saved tree was; jaxnet.read_header tells what the file holds."
DAMAGED = (
    "It was cut off or changed after it was saved, or is another kind of file: name another, or restore it from a copy."
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


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
        f"{path}: 1 of its leaves and those of `like` do not match:\n"
        f"  ['w']: found float64 (2,), but JAX's 64 bits are off: turn on jax_enable_x64, "
        f"or have a NumPy array in `like`\n{HINT}",
    ):
        load(path, like)
    with jax.enable_x64(True):
        assert load(path, like)["w"].dtype == np.float64
    assert load(path, {**like, "w": np.empty(2)})["w"].dtype == np.float64


# What cannot be saved.


@pytest.mark.parametrize(
    ("leaf", "name"),
    [
        ("text", "str"),
        (b"bytes", "bytes"),
        (object(), "object"),
        (len, "builtin_function_or_method"),
        (jax.ShapeDtypeStruct((), jnp.float32), "ShapeDtypeStruct"),
        (np.ma.masked_array([1.0], [True]), "MaskedArray"),
        (errno, "module"),
    ],
    ids=lambda value: value if isinstance(value, str) else "leaf",
)
def test_other_leaves_are_refused_by_name(path, leaf, name):
    save(path, {"a": 1})
    before = path.read_bytes()
    with message(
        TypeError,
        f"save: leaf ['a'][1]: expected an array or a number, got {name}. "
        "Take it out of the tree; text and settings go into metadata.",
    ):
        save(path, {"a": [1, leaf]})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "leaf", ["text", object(), np.ma.masked_array([1.0], [True])], ids=lambda leaf: type(leaf).__name__
)
def test_other_leaves_of_like_are_refused(path, leaf):
    save(path, 1)
    with message(
        TypeError,
        f"load: leaf (the root): expected an array or a number, got {type(leaf).__name__}. "
        "Take it out of the tree; text and settings go into metadata.",
    ):
        load(path, leaf)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a"]),
        np.array([None]),
        np.zeros(2, ">f4"),
        np.zeros(2, "M8[s]"),
        np.zeros(2, [("a", "f4")]),
        np.zeros(2, np.longdouble),
        np.zeros(2, "S1"),
        np.zeros(2, jax.dtypes.float0),
    ],
    ids=lambda array: str(array.dtype),
)
def test_other_dtypes_are_refused(path, array):
    with message(
        TypeError,
        f"save: leaf ['w']: expected a numeric dtype of native byte order, got {array.dtype}.",
    ):
        save(path, {"w": array})
    assert not path.parent.joinpath(path.name).exists()


def test_integers_past_64_bits(path):
    with message(ValueError, f"save: leaf [0]: expected an integer of 64 bits, got {2**63}."):
        save(path, [2**63])


def test_keys_of_no_known_implementation(path):
    zeros = lambda shape: jnp.zeros(shape, jnp.uint32)  # noqa: E731
    own = define_prng_impl(
        key_shape=(1,),
        seed=lambda seed: zeros((1,)),
        split=lambda key, shape: zeros((*shape, 1)),
        random_bits=lambda key, width, shape: zeros(shape),
        fold_in=lambda key, data: key,
        name="own",
        tag="own",
    )
    with message(
        TypeError,
        "save: leaf ['k']: expected a key of an implementation that JAX knows by name, got key<own>. "
        "Save jax.random.key_data(key).",
    ):
        save(path, {"k": jax.random.key(0, impl=own)})


class Twins:
    """A node whose two leaves have one path."""

    def __init__(self, key):
        self.key = key


jax.tree_util.register_pytree_with_keys(
    Twins, lambda node: (((node.key, 1.0), (node.key, 2.0)), node.key), lambda key, leaves: Twins(key)
)


class Reserved:
    """A key of a path that is written so."""

    def __str__(self):
        return "__metadata__"


class Lone:
    """A node whose one leaf has such a path."""


jax.tree_util.register_pytree_with_keys(Lone, lambda node: (((Reserved(), 1.0),), None), lambda _, leaves: Lone())


@pytest.mark.parametrize(
    ("tree", "name"),
    [(Twins(jax.tree_util.GetAttrKey("w")), ".w"), (Lone(), "__metadata__")],
    ids=["twins", "reserved"],
)
def test_paths_must_differ(path, tree, name):
    with message(
        ValueError,
        f"save: expected a path of its own for each leaf, got {name} twice or reserved. "
        "Give the nodes other keys, see jax.tree_util.register_pytree_with_keys.",
    ):
        save(path, tree)


def test_keys_1_and_text_1_are_two_paths(path):
    for tree in [[{1: 1.0}, {"1": 2.0}], {"a']['b": 1.0, "a": {"b": 2.0}}]:
        save(path, tree)
        assert load(path, tree) == tree


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


# What does not fit.


@pytest.mark.parametrize(
    ("saved", "like", "lines"),
    [
        ({"a": np.ones(2)}, {"a": np.ones(3)}, ["['a']: expected float64 (3,), found float64 (2,)"]),
        ({"a": np.ones(2)}, {"a": np.ones((2, 1))}, ["['a']: expected float64 (2, 1), found float64 (2,)"]),
        ({"a": np.ones(2)}, {"a": np.ones(2, np.float32)}, ["['a']: expected float32 (2,), found float64 (2,)"]),
        ({"a": np.ones(2)}, {"a": jnp.ones(2)}, ["['a']: expected float32 (2,), found float64 (2,)"]),
        ({"a": np.ones(2, "uint8")}, {"a": np.ones(2, bool)}, ["['a']: expected bool (2,), found uint8 (2,)"]),
        (
            {"a": np.ones(2), "b": 1},
            {"a": np.ones(2), "c": 1},
            ["['c']: expected a Python int, found nothing", "['b']: expected nothing, found a Python int"],
        ),
        ({"a": 1}, {"a": 1.0}, ["['a']: expected a Python float, found a Python int"]),
        ({"a": True}, {"a": 1}, ["['a']: expected a Python int, found a Python bool"]),
        ({"a": 1}, {"a": np.int64(1)}, ["['a']: expected int64 (), found a Python int"]),
        ({"a": np.float64(1)}, {"a": 1.0}, ["['a']: expected a Python float, found float64 ()"]),
        (
            jax.random.key(0),
            jax.random.key(0, impl="rbg"),
            ["(the root): expected key<rbg> (), found key<fry> ()"],
        ),
        (
            jax.random.key(0),
            jax.random.key_data(jax.random.key(0)),
            ["(the root): expected uint32 (2,), found key<fry> ()"],
        ),
        ([1.0, 2.0], [1.0], ["[1]: expected nothing, found a Python float"]),
        (
            {},
            {"abcdefg"[i]: i for i in range(7)},
            [*(f"['{name}']: expected a Python int, found nothing" for name in "abcde"), "and 2 more"],
        ),
    ],
    ids=lambda value: str(len(value)) if isinstance(value, list) else "tree",
)
def test_what_does_not_match_is_listed(path, saved, like, lines):
    save(path, saved)
    count = 7 if lines[-1] == "and 2 more" else len(lines)
    head = f"{path}: {count} of its leaves and those of `like` do not match:"
    with message(CheckpointError, "\n".join([head, *(f"  {line}" for line in lines), HINT])):
        load(path, like)


def readers(path):
    yield lambda: load(path, {"w": np.zeros(3), "n": 0})
    yield lambda: read_header(path)


def refused(path, expected):
    for read in readers(path):
        with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))}: {expected}$"):
            read()


WHOLE = r"expected a whole checkpoint, but it is no whole safetensors file \(.*\). " + re.escape(DAMAGED)


def test_there_is_no_file(path):
    for read in readers(path):
        with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
            read()


def test_a_directory(path):
    path.mkdir()
    refused(path, r"expected a checkpoint, found a directory. Name the file in it.")


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"hello\n", b"hello, this is a text, and longer than a header\n" * 9]
)
def test_other_kinds_of_files(path, content):
    path.write_bytes(content)
    refused(path, WHOLE)


@pytest.mark.parametrize("metadata", [None, {"format": "np"}])
def test_a_safetensors_file_of_somebody_else(path, metadata):
    save_file({"w": np.zeros(3)}, path, metadata)
    refused(
        path,
        "expected a checkpoint, found a safetensors file that jaxnet.save did not write. "
        "Read it with safetensors.numpy.load_file.",
    )


def rewrite(path, change, tensors=None):
    """The file with another header, and a right CRC-32 of it."""
    header = read_header(path)
    text = json.dumps(change(header))
    save_file(
        load_file(path) if tensors is None else tensors,
        path,
        {"jaxnet": text, "crc32": f"{zlib.crc32(text.encode()):08x}"},
    )


def test_a_newer_format(path):
    save(path, {"w": np.zeros(3), "n": 0})
    rewrite(path, lambda header: {**header, "format": 2, "jaxnet": "9.1"})
    refused(path, re.escape("expected format 1, found 2, written by jaxnet 9.1. Read it with that version."))


@pytest.mark.parametrize(
    "change",
    [
        lambda header: [],
        lambda header: {},
        lambda header: {**header, "leaves": []},
        lambda header: {**header, "leaves": {"['w']": 1}},
        lambda header: {key: header[key] for key in header if key != "leaves"},
    ],
)
def test_a_header_that_is_none(path, change):
    save(path, {"w": np.zeros(3), "n": 0})
    rewrite(path, change)
    refused(path, r"expected a whole checkpoint, but its header cannot be read \(.*\). " + re.escape(DAMAGED))


def test_tensors_and_header_of_two_files(path):
    save(path, {"w": np.zeros(3), "n": 0})
    rewrite(path, lambda header: header, {"['w']": np.zeros(3)})
    expected = "expected a whole checkpoint, but its tensors are not those that its header describes. "
    refused(path, re.escape(expected + DAMAGED))


def test_a_changed_header(path):
    save(path, {"w": np.zeros(3), "n": 0}, {"epoch": 17})
    path.write_bytes(path.read_bytes().replace(b"17", b"18"))
    refused(
        path,
        r"expected a whole checkpoint, but its header has CRC-32 \w{8}, expected \w{8}. " + re.escape(DAMAGED),
    )


def test_changed_data(path):
    save(path, {"w": np.arange(3.0), "n": 0})
    content = bytearray(path.read_bytes())
    content[content.rindex(np.float64(2.0).tobytes())] ^= 1
    path.write_bytes(content)
    assert read_header(path)
    with pytest.raises(
        CheckpointError,
        match=rf"^{re.escape(str(path))}: expected a whole checkpoint, but leaf \['w'\] has CRC-32 \w{{8}}, "
        rf"expected \w{{8}}. {re.escape(DAMAGED)}$",
    ):
        load(path, {"w": np.zeros(3), "n": 0})


def test_arrays_changed_by_another_writer(path):
    """Who keeps the metadata and changes an array has made another file."""
    save(path, {"w": np.zeros(3), "n": 0})
    rewrite(path, lambda header: header, {"['w']": np.ones(3), "['n']": np.int64(0)[None]})
    with pytest.raises(CheckpointError, match=r"but leaf \['w'\] has CRC-32"):
        load(path, {"w": np.zeros(3), "n": 0})


def small(path):
    tree = {"w": np.arange(3, dtype=np.float32), "n": 7, "e": np.zeros((0, 2)), "b": np.array([True, False])}
    save(path, tree, {"epoch": 1})
    return tree, path.read_bytes()


def test_cut_off_at_any_length(path):
    tree, content = small(path)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        for read in (lambda: load(path, tree), lambda: read_header(path)):
            with pytest.raises(CheckpointError, match="no whole safetensors file"):
                read()


def test_longer_than_it_was(path):
    tree, content = small(path)
    path.write_bytes(content + b"\x00")
    with pytest.raises(CheckpointError, match="no whole safetensors file"):
        load(path, tree)


def test_a_flipped_bit_anywhere_is_seen(path):
    tree, content = small(path)
    header = read_header(path)
    rng = np.random.default_rng(0)
    unseen = 0
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        # The bytes of the arrays `read_header` does not read.
        with contextlib.suppress(CheckpointError):
            assert read_header(path) == header
        with contextlib.suppress(CheckpointError):
            assert same(load(path, tree), tree)
            unseen += 1
    assert unseen <= 1  # the 2 of the shape (0, 2) of no bytes, which stands there a second time


@hypothesis.given(st.data())
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], max_examples=200)
def test_garbage_in_the_file_is_seen(path, data):
    tree, content = small(path)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    changed = content[:start] + data.draw(st.binary(max_size=40)) + content[stop:]
    path.write_bytes(changed)
    try:
        assert same(load(path, tree), tree)
    except CheckpointError:
        assert changed != content


# Writing: the old file or the new one.


def test_missing_directories_are_made(tmp_path):
    save(tmp_path / "runs" / "today" / "x.safetensors", 1)
    assert load(str(tmp_path / "runs" / "today" / "x.safetensors"), 0) == 1


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save("x.safetensors", 1)
    assert load("x.safetensors", 0) == 1
    assert os.listdir() == ["x.safetensors"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "store").mkdir()
    link = tmp_path / "latest"
    link.symlink_to(tmp_path / "store" / "x.safetensors")
    for value in (1, 2):
        save(link, value)
        assert load(link, 0) == value
    assert link.is_symlink()
    assert os.listdir(tmp_path / "store") == ["x.safetensors"]


def test_what_a_killed_writer_left_goes_with_the_next(path):
    partial = path.with_name("run.safetensors.partial")
    partial.write_bytes(b"half")
    save(path, 1)
    assert not partial.exists()
    assert load(path, 0) == 1


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=str)
def test_what_fails_leaves_the_old_file(path, monkeypatch, where, error):
    save(path, 1)

    def fail(*args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, where, fail)
        with pytest.raises(type(error)):
            save(path, 2)
    assert os.listdir(path.parent) == [path.name]
    assert load(path, 0) == 1


def test_a_full_disk(path):
    """The system itself refuses to write more than 1,000 bytes."""
    save(path, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save(path, np.ones(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(path.parent) == [path.name]
    assert load(path, 0) == 1


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        save(tmp_path / "file" / "x.safetensors", 1)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder"):
        save(tmp_path / "folder", 1)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_the_file_is_on_disk_before_it_has_its_name_and_then_the_directory(path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        done.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def watched_replace(source, target):
        assert os.path.getsize(source) > 0
        done.append(("replace", str(source), str(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    save(path, 1)
    partial = f"{path}.partial"
    assert done == [("fsync", partial), ("replace", partial, str(path)), ("fsync", str(path.parent))]


def test_two_writers_of_one_file(path, monkeypatch):
    """Another begins while this one writes: this one says so, and leaves the other's file alone."""
    save(path, 1)
    fsync, partial = os.fsync, path.with_name("run.safetensors.partial")

    def meanwhile(descriptor):
        partial.unlink()
        partial.write_bytes(b"the other's")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with message(RuntimeError, f"save: another process writes {path} too. Give each run a file of its own."):
        save(path, 2)
    assert partial.read_bytes() == b"the other's"
    assert load(path, 0) == 1


KILLED = """
    import os, random, signal, sys, time
    import numpy as np
    from jaxnet.training.checkpoints import load, save

    folder = sys.argv[1]
    path = os.path.join(folder, "run.safetensors")
    trees = [{"w": np.full(200_000 * (i + 1), float(i)), "i": i} for i in range(2)]

    def save_for_ever():
        while True:
            for tree in trees:
                save(path, tree)

    def in_child(work):
        pid = os.fork()
        if not pid:
            try:
                work()
            finally:
                os._exit(9)
        return pid

    def check():
        found = []
        for tree in trees:
            try:
                found.append(load(path, tree))
            except ValueError as error:
                assert "do not match" in str(error), error
        assert len(found) == 1
        assert (found[0]["w"] == float(found[0]["i"])).all()
        assert set(os.listdir(folder)) <= {"run.safetensors", "run.safetensors.partial"}
        return found[0]["i"]

    save(path, trees[0])

    # At random moments.
    random.seed(0)
    partials = 0
    for _ in range(20):
        pid = in_child(save_for_ever)
        time.sleep(random.uniform(0.002, 0.03))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        partials += os.path.exists(path + ".partial")
        check()

    # Before and after each step of a save, of tree 1 over tree 0.
    def killed_at(name, after, count):
        real, calls = getattr(os, name), 0
        def step(*args):
            nonlocal calls
            calls += 1
            if after:
                real(*args)
            if calls == count:
                os.kill(os.getpid(), signal.SIGKILL)
            if not after:
                real(*args)
        def work():
            setattr(os, name, step)
            save(path, trees[1])
        return work

    outcomes = []
    for name, count in [("fsync", 1), ("replace", 1), ("fsync", 2)]:
        for after in (False, True):
            save(path, trees[0])
            _, status = os.waitpid(in_child(killed_at(name, after, count)), 0)
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            outcomes.append(check())
    print(partials, *outcomes)
"""


def test_killed_at_any_moment(tmp_path):
    """A child is killed 20 times at random and once at each step; what it leaves is one of two trees, whole."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(KILLED), tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    _, *outcomes = map(int, done.stdout.split())
    assert outcomes == [0, 0, 0, 1, 1, 1]


def test_jaxnet_does_not_import_safetensors():
    code = "import sys, jaxnet; assert not [name for name in sys.modules if name.startswith('safetensors')]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_pickle():
    assert "pickle" not in vars(module)
