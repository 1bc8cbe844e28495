"""Batches of an iterator: one ahead, of one shape, whether one device works on them or several."""

import itertools
import re
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from jaxnet import ShapeError
from jaxnet.training.batches import prefetched

X = np.arange(32, dtype=np.float32).reshape(16, 2)
MESHES = [None, 1, 4]


def mesh(devices):
    """Of explicit axes, as `jax.make_mesh` gives them; None of None."""
    return devices and jax.make_mesh((devices,), ("data",), devices=jax.devices()[:devices])


def read(data, first=0, devices=None):
    with prefetched(data, first, mesh(devices)) as batches:
        return list(batches)


def of(*rows, dtypes=(np.float32,)):
    """Batches of so many examples."""
    return [{"x": X[:n].astype(dtype)} for n, dtype in zip(rows, itertools.cycle(dtypes), strict=False)]


@pytest.mark.parametrize("devices", MESHES)
@pytest.mark.parametrize("rows", [(), (8,), (8, 8, 8), (8, 8, 4), (8, 8, 3), (7, 7, 1), (1, 1)])
def test_batches_are_those_of_the_iterator(rows, devices):
    given = of(*rows)
    batches = read(iter(given), devices=devices)
    assert len(batches) == len(given)
    for batch, expected in zip(batches, given, strict=True):
        assert isinstance(batch["x"], jax.Array)
        np.testing.assert_array_equal(batch["x"], expected["x"])
        if devices == 4:  # split where the devices divide it, the short one too
            assert batch["x"].sharding.spec == (P("data") if len(expected["x"]) % 4 == 0 else P())
    for first in (0, 1, len(given)):
        assert len(read(iter(given), first, devices)) == len(read(lambda n: iter(given[n:]), first, devices))


@pytest.mark.parametrize("devices", MESHES)
def test_batches_of_any_arrays(devices):
    """Of JAX, of NumPy's 64 bits, of a nested tree: they come as `jnp.asarray` makes them."""
    for batch in ((jnp.asarray(X), [X.astype(np.float64), {"n": np.arange(16)}]), X > 3):
        (read_batch,) = read(iter([batch]), devices=devices)
        jax.tree.map(np.testing.assert_array_equal, read_batch, batch)
        expected = jax.tree.map(jnp.asarray, batch)
        assert jax.tree.map(lambda a: a.dtype, read_batch) == jax.tree.map(lambda a: a.dtype, expected)


def shapes(rows, dtype="float32"):
    return f"{{'x': (({rows}, 2), '{dtype}')}}"


@pytest.mark.parametrize("devices", MESHES)
@pytest.mark.parametrize(
    ("batches", "good", "found", "number"),
    [
        (of(8, 8, 5, 8), 3, shapes(5), 2),
        (of(8, 5, 5), 2, shapes(5), 1),
        (of(8, 12), 1, shapes(12), 1),
        (of(8, 8, dtypes=(np.float32, np.int32)), 1, shapes(8, "int32"), 1),
        (of(8, 4, dtypes=(np.float32, np.float16)), 1, shapes(4, "float16"), 1),
        ([{"x": X}, {"x": X[:, :1]}], 1, "{'x': ((16, 1), 'float32')}", 1),
        ([{"x": X}, {"y": X}], 1, "{'y': ((16, 2), 'float32')}", 1),
        ([{"x": X}, {"x": X, "y": X}], 1, "{'x': ((16, 2), 'float32'), 'y': ((16, 2), 'float32')}", 1),
    ],
)
def test_batches_of_other_shapes(batches, good, found, number, devices):
    with prefetched(iter(batches), 0, mesh(devices)) as given:
        for _ in range(good):
            next(given)
        with pytest.raises(ShapeError) as e:
            next(given)
    assert str(e.value) == (
        f"fit: expected batches of the same shapes, {shapes(len(batches[0]['x']))}, got {found} for batch {number} "
        "(the first is 0). Only the last one may have fewer examples: fill it up, or leave it out."
    )


@pytest.mark.parametrize("devices", MESHES)
@pytest.mark.parametrize("rows", [(0, 8), (8, 0, 8), (8, 8, 0)])
def test_batches_without_examples_are_not_the_end(rows, devices):
    expected = f"fit: expected at least one example in batch {rows.index(0)} (the first is 0), got none."
    with pytest.raises(ShapeError, match=re.escape(expected)):
        read(iter(of(*rows)), devices=devices)


@pytest.mark.parametrize("devices", [1, 4])
def test_arrays_of_one_batch_that_differ(devices):
    with pytest.raises(ShapeError) as e:
        read(iter([(X, X[:5])]), devices=devices)
    assert str(e.value) == (
        "fit: expected arrays with the same number of examples along the first axis, got [(5,), (16,)]."
    )


def test_numbers_of_batches_count_those_that_were_left_out():
    for data in (iter(of(8, 8, 12)), lambda first: iter(of(8, 8, 12)[first:])):
        with pytest.raises(ShapeError, match=re.escape("for batch 2 (the first is 0)")):
            read(data, first=1)


@pytest.mark.parametrize("devices", [None, 4])
def test_one_batch_is_read_ahead_and_no_more(devices):
    drawn = threading.Semaphore(0)

    def given():
        for batch in of(8, 8, 8, 8):
            drawn.release()
            yield batch

    with prefetched(given(), 0, mesh(devices)) as batches:
        for _ in range(2):
            next(batches)
        for _ in range(3):
            assert drawn.acquire(timeout=30)  # two that were asked for, and one
        assert not drawn.acquire(timeout=0.05)


@pytest.mark.parametrize("devices", [None, 4])
def test_an_error_of_the_iterator_comes_out(devices):
    def given():
        yield from of(8)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        read(given(), devices=devices)


def test_an_iterator_that_waits_is_not_waited_for():
    """The block ends although the next batch has not come."""
    more = threading.Event()

    def given():
        yield from of(8)
        more.wait()

    with prefetched(given(), 0) as batches:
        next(batches)
    more.set()
