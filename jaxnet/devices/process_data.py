"""Data that processes load in parts: which examples each of them loads, and how the parts become one array."""

from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh

from jaxnet.devices.processes import all_gather, check_same_arguments
from jaxnet.devices.sharding import DATA, check_mesh, mesh_sharding, over_processes, put_on_devices
from jaxnet.pytrees import Batch
from jaxnet.validation import ShapeError, whole_number, written


def own_part(n: int, mesh: Mesh) -> slice:
    """Return which of n examples, or files, this process is to load.

    Args:
        n: how many there are in all.
        mesh: of the devices of all processes; examples are split over its axis "data".

    Returns:
        A slice: all n where there is one process, or no axis "data".

    Raises:
        TypeError: if the mesh is no mesh, or n is no whole number.
        ValueError: if n is negative, the mesh is of some processes and not of all, or the devices of a process are not
            neighbours on that axis, or share some positions with another process and not all.

    >>> own_part(60_000, jax.make_mesh((jax.device_count(),), ("data",)))
    slice(0, 60000, None)
    """
    n = whole_number("own_part", "n", n)
    check_mesh("own_part", mesh)
    span, parts = process_spans("own_part", mesh)[jax.process_index()], mesh.shape.get(DATA, 1)
    return slice(span.start * n // parts, span.stop * n // parts)


def from_parts(part: Batch, mesh: Mesh) -> Batch:
    """Join the examples that each process has loaded to one array, the data of one run.

    Args:
        part: a pytree of arrays with examples along the first axis: those of this process, `data[own_part(n, mesh)]`.
            All have the same number, which the devices of a process divide.
        mesh: of the devices of all processes; examples are split over its axis "data".

    Returns:
        The data of all processes: JAX arrays of which each device has its part.

    Raises:
        ShapeError: in each process, if the numbers of examples differ, or the devices do not divide them.
        TypeError: if the mesh is no mesh.
        ValueError: in each process, if parts differ in other axes, or in dtypes.

    >>> mesh = jax.make_mesh((jax.device_count(),), ("data",))
    >>> from_parts(np.ones((16, 3)), mesh).addressable_shards[0].data.shape == (16 // jax.device_count(), 3)
    True
    """
    check_mesh("from_parts", mesh)
    spans = process_spans("from_parts", mesh)
    rows = np.maximum(rows_of_parts("from_parts", part, mesh), 0)
    _check_agreement("from_parts", part, mesh)
    if not splits_evenly(rows, spans):
        raise ShapeError(
            "from_parts: expected as many examples in each process, and a multiple of the "
            f"{len(spans[jax.process_index()])} devices over which it splits them, got {rows.tolist()}. Leave some "
            "out; or call fit with arrays of all examples, the same in each process, which it copies to each device."
        )
    return _joined(part, mesh)


def from_uneven_parts(where: str, part: Batch | None, like: Batch | None, mesh: Mesh) -> Batch | None:
    """Join a batch of which each process has read a part, with any number of examples.

    Args:
        where: named in the error.
        part: a pytree of NumPy arrays; None if this process has read all its data.
        like: a batch of the same shapes except for the first axis, used where `part` is None; None for the first batch.
        mesh: of all devices.

    Returns:
        The batch, split over the devices if they divide it, else copied to each; None if no process has a part.

    Raises:
        ShapeError: if the arrays of a part differ in the number of examples, or a process has no first batch.
        ValueError: if the parts of the first batch differ in other axes, or in dtypes.

    >>> mesh = jax.make_mesh((jax.device_count(),), ("data",))
    >>> from_uneven_parts("fit", np.ones((3, 2)), None, mesh).shape
    (3, 2)
    """
    spans = process_spans(where, mesh)
    rows = rows_of_parts(where, part, mesh)
    if rows.max() < 0:
        return None
    if like is None:
        if rows.min() < 0:
            raise ShapeError(
                f"{where}: expected a first batch in each process, got none in process "
                f"{part_owners(spans)[int(rows.argmin())]}."
            )
        _check_agreement(where, part, mesh)
    if splits_evenly(rows, spans):
        return _joined(part, mesh)

    def gathered(leaf: np.ndarray) -> Array:
        own = leaf if part is not None else leaf[:0]
        padded = np.zeros((rows.max(), *leaf.shape[1:]), leaf.dtype)
        padded[: len(own)] = own
        each = all_gather(padded)[part_owners(spans)] if over_processes(mesh) else padded[None]
        whole = np.concatenate([some[: max(n, 0)] for some, n in zip(each, rows, strict=True)])
        return put_on_devices(whole, mesh_sharding(mesh))

    return jax.tree.map(gathered, like if part is None else part)


def rows_of_parts(where: str, part: Batch | None, mesh: Mesh) -> np.ndarray:
    """Return how many examples each part of a batch has; -1 where a process has none left.

    Args:
        where: named in the error.
        part: that of this process, a pytree of arrays, or None.
        mesh: of all devices.

    Returns:
        `(parts,)` integers, the same in each process.

    Raises:
        ShapeError: if the arrays of the part differ in the number of examples.

    >>> rows_of_parts("fit", np.ones((3, 2)), jax.make_mesh((1,), ("data",)))
    array([3])
    """
    sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(part)}
    if len(sizes) > 1 or () in sizes:
        raise ShapeError(
            f"{where}: expected arrays with the same number of examples along the first axis, got "
            f"{written(sorted(sizes))}."
        )
    own = sizes.pop()[0] if sizes else -1
    return all_gather(own)[part_owners(process_spans(where, mesh))] if over_processes(mesh) else np.array([own])


def process_spans(where: str, mesh: Mesh) -> dict[int, range]:
    """Return for each process the positions on the axis "data" that its devices have.

    Args:
        where: named in the error.
        mesh: of the devices of all processes.

    Returns:
        A range for each process; `range(1)` where the mesh has no axis "data".

    Raises:
        ValueError: if the positions of a process have gaps, or are shared with another process in part.

    >>> process_spans("fit", jax.make_mesh((1,), ("data",)))
    {0: range(0, 1)}
    """
    axis = mesh.axis_names.index(DATA) if DATA in mesh.axis_names else None
    rows = mesh.devices.reshape(1, -1) if axis is None else np.moveaxis(mesh.devices, axis, 0)
    found: dict[int, set[int]] = {}
    for position, devices in enumerate(rows.reshape(len(rows), -1)):
        for device in devices:
            found.setdefault(device.process_index, set()).add(position)
    spans = {process: range(min(some), max(some) + 1) for process, some in found.items()}
    for process, span in spans.items():
        if len(span) != len(found[process]):
            raise ValueError(
                f'{where}: expected the devices of a process to be neighbours on the axis "data", but process '
                f"{process} has the positions {sorted(found[process])}. Order the devices of the mesh by process."
            )
    distinct = {(span.start, span.stop) for span in spans.values()}
    if sum(stop - start for start, stop in distinct) != len(rows):
        raise ValueError(
            f'{where}: expected processes to have the same positions on the axis "data", or none in common, got '
            f"{sorted(distinct)}. Let the other axes of the mesh divide, or be a multiple of, the devices of a process."
        )
    return spans


def part_owners(spans: dict[int, range]) -> list[int]:
    """Return a process for each part: processes that differ in other axes of the mesh alone have the same part.

    Args:
        spans: of `process_spans`.

    >>> part_owners({0: range(2, 4), 1: range(2), 2: range(2)})
    [1, 0]
    """
    owner: dict[int, int] = {}
    for process, span in spans.items():
        owner.setdefault(span.start, process)
    return [owner[start] for start in sorted(owner)]


def splits_evenly(rows: np.ndarray, spans: dict[int, range]) -> bool:
    """Return whether parts are of one size, which the devices of each process divide, to shares of one size.

    Args:
        rows: how many examples each part has, as from `rows_of_parts`.
        spans: of `process_spans`.

    >>> splits_evenly(np.array([4, 4]), {0: range(2), 1: range(2, 4)})
    True
    """
    lengths = {len(span) for span in spans.values()}
    return bool(rows.min() == rows.max() > 0 and len(lengths) == 1 and rows.max() % lengths.pop() == 0)


def _check_agreement(where: str, part: Batch | None, mesh: Mesh) -> None:
    """Check that parts have the same shapes and dtypes; XLA would read the bytes of one as those of another."""
    if over_processes(mesh):
        kind = jax.tree.map(lambda a: (np.shape(a)[1:], jax.dtypes.canonicalize_dtype(np.asarray(a).dtype).name), part)
        own = f"Those of process {jax.process_index()} are {written(kind)}."
        check_same_arguments(where, advice=own, **{"shapes and dtypes of examples": str(kind)})


def _joined(part: Batch, mesh: Mesh) -> Batch:
    sharding, several = mesh_sharding(mesh, *[DATA] * (DATA in mesh.axis_names)), over_processes(mesh)

    def of_leaf(leaf: Any) -> Array:
        return (
            jax.make_array_from_process_local_data(sharding, np.asarray(leaf))
            if several
            else put_on_devices(leaf, sharding)
        )

    return jax.tree.map(of_leaf, part)
