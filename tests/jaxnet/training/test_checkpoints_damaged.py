"""Damaged checkpoints: cut off, changed or of another kind, a file is refused."""

import contextlib
import json
import re
import zlib

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from jaxnet import CheckpointError, load, read_header, save

DAMAGED = (
    "It was cut off or changed after it was saved, or is another kind of file: name another, or restore it from a copy."
)


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


def readers(path):
    yield lambda: load(path, {"w": np.zeros(3), "n": 0})
    yield lambda: read_header(path)


def refused(path, expected):
    for read in readers(path):
        with pytest.raises(CheckpointError, match=rf"^(load|read_header): {re.escape(str(path))}: {expected}$"):
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
    rewrite(path, lambda header: {**header, "format": 3, "jaxnet": "9.1"})
    refused(path, re.escape("expected format 1 or 2, found 3, written by jaxnet 9.1. Read it with that version."))


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
        match=rf"^load: {re.escape(str(path))}: expected a whole checkpoint, but leaf \['w'\] has CRC-32 \w{{8}}, "
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
