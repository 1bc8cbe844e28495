"""Which examples each process loads, on meshes of processes that are not there, and what becomes of the parts here."""

import contextlib
import itertools
from unittest import mock

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from jaxnet import ShapeError, from_parts, own_part
from jaxnet.devices import process_data as module
from jaxnet.devices.process_data import (
    from_uneven_parts,
    part_owners,
    process_spans,
    rows_of_parts,
    splits_evenly,
)

ROWS = np.arange(24, dtype=np.float32).reshape(8, 3)


class Device:
    """Of some process."""

    def __init__(self, process_index):
        self.id = self.process_index = process_index
        self.platform = self.device_kind = "cpu"


def of_processes(processes, names=("data",)):
    """A mesh of devices that are not there, each of a process."""
    return Mesh(np.vectorize(Device, otypes=[object])(np.asarray(processes)), names)


def own_parts(n, mesh):
    """Of each process."""
    parts = {}
    numbers = sorted({device.process_index for device in mesh.devices.flat})
    for process in numbers:
        with mock.patch.multiple(jax, process_index=lambda p=process: p, process_count=lambda: len(numbers)):
            part = own_part(n, mesh)
            assert part.step is None
            parts[process] = (part.start, part.stop)
    return parts


def mesh(shape=(8,), names=("data",)):
    return jax.make_mesh(shape, names, devices=jax.devices()[: int(np.prod(shape))])


# Which part.


@pytest.mark.parametrize(
    ("processes", "names", "expected"),
    [
        ([0, 0, 0, 0], ("data",), {0: (0, 11)}),
        ([0, 0, 1, 1], ("data",), {0: (0, 5), 1: (5, 11)}),
        ([1, 1, 0, 0], ("data",), {0: (5, 11), 1: (0, 5)}),  # the mesh says the order
        ([0, 0, 1], ("data",), {0: (0, 7), 1: (7, 11)}),  # by the number of devices
        ([0, 1, 2, 3, 4], ("model",), dict.fromkeys(range(5), (0, 11))),
        ([[0, 0], [1, 1]], ("data", "model"), {0: (0, 5), 1: (5, 11)}),
        ([[0, 0], [1, 1]], ("model", "data"), {0: (0, 11), 1: (0, 11)}),
        ([[0, 1], [0, 1]], ("data", "model"), {0: (0, 11), 1: (0, 11)}),
        ([[0, 1], [2, 3]], ("data", "model"), {0: (0, 5), 1: (0, 5), 2: (5, 11), 3: (5, 11)}),
        ([[0, 1], [2, 3]], ("model", "data"), {0: (0, 5), 1: (5, 11), 2: (0, 5), 3: (5, 11)}),
    ],
)
def test_own_part_of_eleven_examples(processes, names, expected):
    assert own_parts(11, of_processes(processes, names)) == expected


@st.composite
def meshes(draw):
    """Processes in any order, of any numbers of devices, with another axis inside a process or across processes."""
    devices = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    order = draw(st.permutations(range(len(devices))))
    along = np.repeat(order, [devices[process] for process in order])
    match draw(st.sampled_from(["alone", "inside", "across"])):
        case "alone":
            return of_processes(along), 1
        case "inside":
            return of_processes(np.stack([along] * 3), ("model", "data")), 1
        case "across":
            return of_processes(np.stack([along, along + len(devices)], axis=1), ("data", "model")), 2


@hypothesis.given(st.integers(0, 10**6), meshes())
def test_own_parts_are_all_examples_each_once(n, drawn):
    """In the order of the mesh, and each process as many as its devices ask for, up to one."""
    mesh, copies = drawn
    parts = own_parts(n, mesh)
    distinct = sorted(parts.values())[::copies]
    assert sorted(parts.values()) == sorted(distinct * copies)
    assert [distinct[0][0], distinct[-1][1]] == [0, n]
    assert all(one[1] == other[0] for one, other in itertools.pairwise(distinct))
    for process, (start, stop) in parts.items():
        axis = mesh.axis_names.index("data")
        places = np.moveaxis(mesh.devices, axis, 0).reshape(mesh.shape["data"], -1)
        share = n * sum(process in [d.process_index for d in row] for row in places) / mesh.shape["data"]
        assert abs(stop - start - share) < 1


@pytest.mark.parametrize(
    ("processes", "names", "message"),
    [
        (
            [0, 1, 0, 1],
            ("data",),
            'own_part: expected the devices of a process to be neighbours on the axis "data", but process 0 has the '
            "positions [0, 2]. Order the devices of the mesh by process.",
        ),
        (
            [[0, 0], [0, 1], [1, 1]],  # by process, but the other axis cuts one in two
            ("data", "model"),
            'own_part: expected processes to have the same positions on the axis "data", or none in common, got [(0, '
            "2), (1, 3)]. Let the other axes of the mesh divide, or be a multiple of, the devices of a process.",
        ),
    ],
)
def test_meshes_that_mix_processes(processes, names, message):
    with mock.patch.object(jax, "process_count", return_value=2), pytest.raises(ValueError, match="expected") as e:
        own_part(11, of_processes(processes, names))
    assert str(e.value) == message


@pytest.mark.parametrize("n", [True, 11.0])
def test_a_number_of_examples_is_whole(n):
    with pytest.raises(TypeError) as e:
        own_part(n, mesh())
    assert str(e.value) == f"own_part: expected n to be a whole number, got {n}."
    assert own_part(np.int64(11), mesh()) == slice(0, 11)


def test_what_is_no_mesh():
    for where, call in (("own_part", lambda m: own_part(11, m)), ("from_parts", lambda m: from_parts(ROWS, m))):
        with pytest.raises(TypeError) as e:
            call(jax.devices())
        assert str(e.value) == f"{where}: expected a jax.sharding.Mesh, as jax.make_mesh gives, got list."


# The parts of one process: all.


def test_from_parts_splits_examples_and_nothing_else():
    for shape, names, spec in [
        ((8,), ("data",), P("data")),
        ((4, 2), ("data", "model"), P("data")),
        ((2,), ("m",), P()),
    ]:
        data = from_parts({"x": ROWS, "y": [jnp.arange(8), np.arange(8.0)]}, mesh(shape, names))
        assert {leaf.sharding.spec for leaf in jax.tree.leaves(data)} == {spec}
        np.testing.assert_array_equal(data["x"], ROWS)
        np.testing.assert_array_equal(data["y"], [np.arange(8)] * 2)
        assert [leaf.dtype for leaf in data["y"]] == [jnp.int32, jnp.float32]
        for shard in data["x"].addressable_shards:
            assert shard.data.shape == (8 // dict(zip(names, shape, strict=True)).get("data", 1), 3)
    assert from_parts(ROWS, mesh((1,))).devices() == {jax.devices()[0]}


@pytest.mark.parametrize("n", [0, 7, 12])
def test_from_parts_of_a_number_that_devices_do_not_divide(n):
    with pytest.raises(ShapeError) as e:
        from_parts(np.ones((n, 3)), mesh())
    assert str(e.value) == (
        "from_parts: expected as many examples in each process, and a multiple of the 8 devices over which it splits "
        f"them, got [{n}]. Leave some out; or call fit with arrays of all examples, the same in each process, which it "
        "copies to each device."
    )


@pytest.mark.parametrize(("rows", "spec"), [(8, P("data")), (5, P()), (0, P())])
def test_from_uneven_parts_splits_what_it_can(rows, spec):
    batch = from_uneven_parts("fit", {"x": ROWS[:rows]}, None, mesh())
    assert batch["x"].sharding.spec == spec
    np.testing.assert_array_equal(batch["x"], ROWS[:rows])
    assert from_uneven_parts("fit", None, {"x": ROWS}, mesh()) is None


@pytest.mark.parametrize(("part", "sizes"), [((ROWS, ROWS[:5]), "(5,), (8,)"), ((ROWS, 1.0), "(), (8,)")])
def test_arrays_of_different_numbers_of_examples(part, sizes):
    with pytest.raises(ShapeError) as e:
        rows_of_parts("fit", part, mesh())
    assert str(e.value) == (
        f"fit: expected arrays with the same number of examples along the first axis, got [{sizes}]."
    )


# The parts of several processes, of which only the gathering is imitated.


@contextlib.contextmanager
def processes(parts, process):
    """As if each process had one of the parts, and this were one of them."""
    rows = np.array([-1 if part is None else len(part) for part in parts])
    own = [ROWS[:0] if part is None else part for part in parts]
    padded = np.stack([np.pad(part, ((0, max(*rows, 0) - len(part)), (0, 0))) for part in own])

    def gathered(value):
        each = rows if np.ndim(value) == 0 else padded
        np.testing.assert_array_equal(value, each[process])
        return each

    spans = process_spans("fit", of_processes(range(len(parts))))
    with (
        mock.patch.multiple(module, all_gather=gathered, over_processes=lambda _: True, process_spans=lambda *_: spans),
        mock.patch.object(jax, "process_index", return_value=process),
    ):
        yield


@pytest.mark.parametrize(
    "parts", [[ROWS[:3], ROWS[3:5]], [ROWS[:3], None, ROWS[3:5]], [None, ROWS[:1]], [ROWS[:0], ROWS[:1]]]
)
def test_uneven_parts_of_several_processes_are_one_batch(parts):
    whole = np.concatenate([part for part in parts if part is not None])
    for process, part in enumerate(parts):
        with processes(parts, process):
            batch = from_uneven_parts("fit", part, ROWS, mesh())
            np.testing.assert_array_equal(batch, whole)
            assert batch.sharding.spec == P()


def test_parts_that_end():
    with processes([None, None], 0):
        assert from_uneven_parts("fit", None, ROWS, mesh()) is None
    with processes([None, ROWS], 0), pytest.raises(ShapeError) as e:
        from_uneven_parts("fit", None, None, mesh())
    assert str(e.value) == "fit: expected a first batch in each process, got none in process 0."


@pytest.mark.parametrize(
    ("rows", "places", "even"),
    [
        ([4, 4], [0, 0, 1, 1], True),
        ([3, 3], [0, 0, 1, 1], False),
        ([4, 2], [0, 0, 1, 1], False),
        ([0, 0], [0, 1], False),
        ([-1, -1], [0, 1], False),
        ([6, 6], [0, 0, 1, 1, 1], False),  # each divides its own, but not to shares of one size
    ],
)
def test_whether_parts_are_even(rows, places, even):
    assert splits_evenly(np.array(rows), process_spans("fit", of_processes(places))) == even


def test_processes_that_differ_in_other_axes_alone_have_one_part():
    for processes, names, owners in [
        ([[0, 1], [2, 3]], ("data", "model"), [0, 2]),
        ([2, 2, 0, 1], ("data",), [2, 0, 1]),
        ([3, 2], ("model",), [3]),
    ]:
        assert part_owners(process_spans("fit", of_processes(processes, names))) == owners
