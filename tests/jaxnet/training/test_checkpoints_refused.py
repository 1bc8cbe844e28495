"""What cannot be saved, and what does not fit the tree that is asked for."""

import errno
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import define_prng_impl

from jaxnet import CheckpointError, load, save

HINT = "Pass a `like` made as the saved tree was; jaxnet.read_header tells what the file holds."


def message(error, expected):
    return pytest.raises(error, match=f"^{re.escape(expected)}$")


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
    head = f"load: {path}: {count} of its leaves and those of `like` do not match:"
    with message(CheckpointError, "\n".join([head, *(f"  {line}" for line in lines), HINT])):
        load(path, like)
