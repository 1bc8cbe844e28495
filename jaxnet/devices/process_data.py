"""Examples of which each process loads its own part: which they are, and how they become the data of one run."""

from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh

from jaxnet.devices.processes import all_gather, check_same_arguments
from jaxnet.devices.sharding import DATA, mesh_sharding, over_processes, put_on_devices
from jaxnet.validation import ShapeError


def own_part(n: int, mesh: Mesh) -> slice:
    """Which of n examples, or files, this process is to load.

    Args:
        n: how many there are in all.
        mesh: of the devices of all processes; examples are split over its axis "data".

    Returns:
        A slice: all n where there is one process, or no axis "data".

    Raises:
        ValueError: if the devices of a process are not neighbours on that axis, or have only some places of another's.

    >>> own_part(60_000, jax.make_mesh((jax.device_count(),), ("data",)))
    slice(0, 60000, None)
    """
    places, parts = _places(mesh)[jax.process_index()], mesh.shape.get(DATA, 1)
    return slice(places.start * n // parts, places.stop * n // parts)


def from_parts(part: Any, mesh: Mesh) -> Any:
    """One array of the examples that each process has loaded: together they are the data of one run.

    Args:
        part: a pytree of arrays with examples along the first axis: those of this process, `data[own_part(n, mesh)]`.
            Each process has as many, and its devices divide them.
        mesh: of the devices of all processes; examples are split over its axis "data".

    Returns:
        The data of all, of JAX arrays of which each device has its part.

    Raises:
        ShapeError: in each process, if they have not as many, or their devices do not divide them.
        ValueError: in each process, if they differ in other axes, or in dtypes.

    >>> mesh = jax.make_mesh((jax.device_count(),), ("data",))
    >>> from_parts(np.ones((16, 3)), mesh).addressable_shards[0].data.shape == (16 // jax.device_count(), 3)
    True
    """
    rows = np.maximum(rows_of_parts("from_parts", part, mesh), 0)
    _check_agreement("from_parts", part, mesh)
    if not _are_even(rows, mesh):
        raise ShapeError(
            f"from_parts: expected as many examples in each process, and a multiple of the {_n_places(mesh)} devices "
            f"over which it splits them, got {rows.tolist()}. Leave some out; or call fit with arrays of all examples, "
            "the same in each process, which it copies to each device."
        )
    return _joined(part, mesh)


def from_uneven_parts(where: str, part: Any, like: Any, mesh: Mesh) -> Any:
    """A batch of which each process has read a part, of however many examples.

    Args:
        where: named in the error.
        part: a pytree of NumPy arrays; None if this process has read all that there is.
        like: one of the shapes of the part, but for the first axis; used if that is None.
        mesh: of all devices.

    Returns:
        The batch, split over the devices if they divide it, else copied to each; None if no process has any.

    Raises:
        ShapeError: if a part has arrays that differ in the number of examples, or a process has nothing to begin with.
        ValueError: if those to begin with differ in other axes, or in dtypes.

    >>> mesh = jax.make_mesh((jax.device_count(),), ("data",))
    >>> from_uneven_parts("fit", np.ones((3, 2)), None, mesh).shape
    (3, 2)
    """
    rows = rows_of_parts(where, part, mesh)
    if rows.max() < 0:
        return None
    if like is None:
        if rows.min() < 0:
            raise ShapeError(f"{where}: process {_owners(mesh)[int(rows.argmin())]} has no batch at all, others have.")
        _check_agreement(where, part, mesh)
    if _are_even(rows, mesh):
        return _joined(part, mesh)

    def gathered(leaf: np.ndarray) -> Array:
        own = leaf if part is not None else leaf[:0]
        padded = np.zeros((rows.max(), *leaf.shape[1:]), leaf.dtype)
        padded[: len(own)] = own
        each = all_gather(padded)[_owners(mesh)] if over_processes(mesh) else padded[None]
        whole = np.concatenate([some[: max(n, 0)] for some, n in zip(each, rows, strict=True)])
        return put_on_devices(whole, mesh_sharding(mesh))

    return jax.tree.map(gathered, like if part is None else part)


def rows_of_parts(where: str, part: Any, mesh: Mesh) -> np.ndarray:
    """How many examples there are in each part of a batch, of which a process has one; -1 for None.

    Args:
        where: named in the error.
        part: a pytree of arrays, or None.
        mesh: of all devices.

    Returns:
        `(parts,)` integers, the same in each process.

    Raises:
        ShapeError: if the arrays of the part differ in it.

    >>> rows_of_parts("fit", np.ones((3, 2)), jax.make_mesh((1,), ("data",)))
    array([3])
    """
    sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(part)}
    if len(sizes) > 1 or () in sizes:
        raise ShapeError(
            f"{where}: expected arrays with the same number of examples along the first axis, got {sorted(sizes)}."
        )
    own = sizes.pop()[0] if sizes else -1
    return all_gather(own)[_owners(mesh)] if over_processes(mesh) else np.array([own])


def _check_agreement(where: str, part: Any, mesh: Mesh) -> None:
    """Check that parts are of one kind; of others, XLA would read the bytes of one as those of another."""
    if over_processes(mesh):
        kind = jax.tree.map(lambda a: (np.shape(a)[1:], jax.dtypes.canonicalize_dtype(np.asarray(a).dtype).name), part)
        own = f"Those of process {jax.process_index()} are {kind}."
        check_same_arguments(where, advice=own, **{"shapes and dtypes of examples": str(kind)})


def _joined(part: Any, mesh: Mesh) -> Any:
    sharding, several = mesh_sharding(mesh, *[DATA] * (DATA in mesh.axis_names)), over_processes(mesh)

    def of_leaf(leaf: Any) -> Array:
        return (
            jax.make_array_from_process_local_data(sharding, np.asarray(leaf))
            if several
            else put_on_devices(leaf, sharding)
        )

    return jax.tree.map(of_leaf, part)


def _are_even(rows: np.ndarray, mesh: Mesh) -> bool:
    n_places = {len(places) for places in _places(mesh).values()}
    return bool(rows.min() == rows.max() > 0 and len(n_places) == 1 and rows.max() % n_places.pop() == 0)


def _n_places(mesh: Mesh) -> int:
    """Over how many devices a process splits its examples."""
    return len(_places(mesh)[jax.process_index()])


def _owners(mesh: Mesh) -> list[int]:
    """A process for each part: those that differ in other axes of the mesh alone have the same part."""
    owner: dict[int, int] = {}
    for process, places in _places(mesh).items():
        owner.setdefault(places.start, process)
    return [owner[start] for start in sorted(owner)]


def _places(mesh: Mesh) -> dict[int, range]:
    """For each process the places on the axis "data" that its devices have."""
    axis = mesh.axis_names.index(DATA) if DATA in mesh.axis_names else None
    rows = mesh.devices.reshape(1, -1) if axis is None else np.moveaxis(mesh.devices, axis, 0)
    found: dict[int, set[int]] = {}
    for place, devices in enumerate(rows.reshape(len(rows), -1)):
        for device in devices:
            found.setdefault(device.process_index, set()).add(place)
    places = {process: range(min(some), max(some) + 1) for process, some in found.items()}
    for process, some in places.items():
        if len(some) != len(found[process]):
            raise ValueError(
                f'expected the devices of a process to be neighbours on the axis "data", but process {process} has the '
                f"places {sorted(found[process])}. Order the devices of the mesh by process."
            )
    distinct = {(some.start, some.stop) for some in places.values()}
    if sum(stop - start for start, stop in distinct) != len(rows):
        raise ValueError(
            'expected processes to have the same places on the axis "data", or none in common, but they have '
            f"{sorted(distinct)}. Let the other axes of the mesh divide, or be a multiple of, the devices of a process."
        )
    return places
