"""Batches of an iterator or a loader: one ahead, of one shape, whether one device works on them or several."""

import itertools
import re
import subprocess
import sys
import textwrap
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from jaxnet import ShapeError
from jaxnet.training.batches import opened
from jaxnet.training.streams import Stream

X = np.arange(32, dtype=np.float32).reshape(16, 2)
MESHES = [None, 1, 4]


def mesh(devices):
    """Of explicit axes, as `jax.make_mesh` gives them; None of None."""
    return devices and jax.make_mesh((devices,), ("data",), devices=jax.devices()[:devices])


def read(data, first=0, devices=None):
    with opened(Stream(data, first), mesh(devices)) as batches:
        return list(batches.take(100))


def of(*rows, dtypes=(np.float32,)):
    """Batches of so many examples."""
    return [{"x": X[:n].astype(dtype)} for n, dtype in zip(rows, itertools.cycle(dtypes), strict=False)]


@pytest.mark.parametrize("devices", MESHES)
@pytest.mark.parametrize("rows", [(8,), (8, 8, 8), (8, 8, 4), (8, 8, 3), (7, 7, 1), (1, 1)])
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
    with opened(Stream(iter(batches)), mesh(devices)) as opened_batches:
        given = opened_batches.take(100)
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


# What is read, when, and by whom.


class Drawn:
    """Batches of an endless iterator, and a semaphore that counts them."""

    def __init__(self):
        self.count = threading.Semaphore(0)

    def __call__(self):
        for i in itertools.count():
            self.count.release()
            yield np.full(8, i, np.float32)

    def are(self, n):
        """Whether so many were drawn since it was last asked, and no more."""
        return all(self.count.acquire(timeout=30) for _ in range(n)) and not self.count.acquire(timeout=0.05)


@pytest.mark.parametrize("devices", [None, 4])
def test_one_batch_is_read_ahead_from_the_second_step_and_none_after_the_last(devices):
    drawn = Drawn()
    with opened(Stream(drawn()), mesh(devices)) as batches:
        assert drawn.are(0)
        steps = batches.take(4)
        for expected in (1, 2, 1, 0):  # the first alone; the second and the third; the fourth; none
            next(steps)
            assert drawn.are(expected)
        assert [b[0].item() for b in batches.take(2)] == [4, 5]
        assert drawn.are(2)


@pytest.mark.parametrize("devices", [None, 4])
def test_an_error_of_the_iterator_comes_out_with_its_traceback(devices):
    def given():
        yield from of(8)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as e:
        read(given(), devices=devices)
    assert e.traceback[-1].name == "given"


def test_an_iterator_that_waits_is_not_waited_for():
    """The block ends although the next batch has not come."""
    more = threading.Event()

    def given():
        yield from of(8, 8)
        more.wait()

    with opened(Stream(given())) as batches:
        steps = batches.take(3)
        next(steps)
        next(steps)
    more.set()


def test_a_process_ends_although_its_iterator_waits():
    script = """
        import threading, numpy as np
        from jaxnet.training.batches import opened
        from jaxnet.training.streams import Stream
        def given():
            yield np.ones(2)
            yield np.ones(2)
            threading.Event().wait()
        with opened(Stream(given())) as batches:
            steps = batches.take(3)
            next(steps), next(steps)
        print("end")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_an_iterator_may_fill_one_array_again_and_again():
    """XLA may still read the memory of a large array after `jnp.asarray` has returned."""
    array = np.zeros(2**20, np.float32)

    def given():
        for i in range(4):
            array[:] = i
            yield array

    with opened(Stream(given())) as batches:
        held = list(batches.take(4))
    np.testing.assert_array_equal([b[0] for b in held], range(4))
    np.testing.assert_array_equal([b[-1] for b in held], range(4))


def test_what_a_run_has_opened_it_closes():
    """And nothing else: the iterator of a user goes on."""
    closed = []

    def given(first=0):
        try:
            yield from of(8, 8, 8)[first:]
        finally:
            closed.append(threading.current_thread().name)

    own = given()
    for data in (own, given, lambda: given()):
        with opened(Stream(data)) as batches:
            list(batches.take(2))
    assert closed == ["jaxnet-batches"] * 2
    assert len(list(own)) == 1


def test_batches_are_made_with_the_types_and_the_device_of_the_caller():
    device = jax.devices()[3]
    with jax.enable_x64(True), jax.default_device(device):
        (batch,) = read(iter([np.ones(2)]))
    assert (batch.dtype, batch.device) == (np.float64, device)


# Loaders and functions.


class Loader:
    """As those of PyTorch: an iterable with a length."""

    def __init__(self, *rows):
        self.rows = rows

    def __iter__(self):
        return iter(of(*self.rows))

    def __len__(self):
        return len(self.rows)


def rows_read(data, first=0, passes: int | None = 1, count=100):
    with opened(Stream(data, first, passes)) as batches:
        return [len(batch["x"]) for batch in batches.take(count)]


def test_a_loader_is_read_pass_after_pass():
    for data in (Loader(8, 8, 3), lambda: Loader(8, 8, 3), lambda: of(8, 8, 3), lambda: iter(of(8, 8, 3))):
        assert rows_read(data) == [8, 8, 3]
        assert rows_read(data, passes=2) == [8, 8, 3, 8, 8, 3]
        assert rows_read(data, first=4, passes=2) == [8, 3]
        assert rows_read(data, first=1, passes=None, count=4) == [8, 3, 8, 8]


def test_a_loader_has_the_batches_that_the_run_has_seen():
    assert rows_read(Loader(8, 8, 3), first=3) == []
    with pytest.raises(ValueError, match="fit: ") as e:
        rows_read(Loader(8, 8, 3), first=4)
    assert str(e.value) == (
        "fit: expected the 4 batches of data that the run has seen, and those after them, got 3 with epochs=1. Ask for "
        "more epochs, or for steps."
    )


def test_a_short_batch_is_the_last_of_a_pass():
    with pytest.raises(ShapeError, match=re.escape("for batch 4 (the first is 0). Only the last one may")):
        rows_read(iter(of(8, 8, 8, 8, 3, 8)))
    with pytest.raises(ShapeError, match=re.escape("for batch 1 (the first is 0). Only the last one may")):
        rows_read(Loader(8, 3, 8), passes=2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (iter([]), "fit: expected at least one batch, got none: the iterator is empty, or used up."),
        (Loader(), "fit: expected at least one batch of data, got none."),
        (
            lambda size=8: iter(of(size)),
            "fit: expected a function of no arguments, or of the number of batches to leave out, got one of (size=8). "
            "Pass lambda: function(...), or lambda first: function(...).",
        ),
        (
            lambda size, rate: iter(of(size)),
            "fit: expected a function of no arguments, or of the number of batches to leave out, got one of (size, "
            "rate). Pass lambda: function(...), or lambda first: function(...).",
        ),
        (lambda: 3, "fit: expected a function that returns an iterator of batches, got 3 from it."),
    ],
)
def test_streams_without_a_batch(data, message):
    with pytest.raises((ValueError, TypeError)) as e:
        rows_read(data)
    assert str(e.value) == message


def test_a_function_that_returns_one_iterator_again_and_again():
    used_up = iter(of(8, 8))
    with pytest.raises(ValueError, match="fit: expected") as e:
        rows_read(lambda: used_up, passes=None)
    assert str(e.value) == (
        "fit: expected at least one batch of data, got none in pass 1 (the first is 0). A function has to return a new "
        "iterator each time."
    )


def test_a_generator_that_has_begun_is_not_read_as_if_it_had_not():
    def given():
        yield from of(8, 8, 8)

    begun = given()
    next(begun)
    with pytest.raises(ValueError, match="fit: expected") as e:
        rows_read(begun, first=1)
    assert str(e.value) == (
        "fit: expected an iterator at its beginning, of which the 1 batches that the run has seen are to be left out, "
        "got a generator that has begun. Make it anew, or pass a function that makes it."
    )
    assert len(list(begun)) == 2


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ("text", "got a str in a batch of data."),
        ((X, None, np.array(["a"])), "expected numbers in a batch of data[2], got text."),
        (np.ma.masked_less(X, 3), "expected no masked values in a batch of data, got 3 of 32."),
    ],
)
def test_batches_that_are_no_arrays(batch, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        read(iter([batch]))
