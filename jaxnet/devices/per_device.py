"""An ensemble on several devices: each device runs its own members, as one device alone would, and sends nothing.

A program that XLA partitions over devices rounds differently from one for a single device. The same program on each
device gives the same bits.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, Sharding

from jaxnet.devices.processes import check_same_arguments
from jaxnet.devices.sharding import check_mesh, mesh_sharding, over_processes, put_on_devices


def run_per_device(function: Callable, members: Any, shared: Any, n: int, group: int, mesh: Mesh) -> Any:
    """Call a function on each device of a mesh, for the members that the device has.

    Args:
        function: `function(*members, shared)`, jitted; its results have the members along their first axis.
        members: a tuple of trees of arrays with the members along the first axis; the same in each process, or split
            over the mesh by an earlier call.
        shared: a tree of arrays that all members share.
        n: how many members there are.
        group: each device has a multiple of this many; the last member is repeated to fill up.
        mesh: of the devices.

    Returns:
        What the function returns for all members: split over the mesh, or, if it does not divide them, copied to each
        device.

    Raises:
        TypeError: if the mesh is no mesh.
        ValueError: if it is of some processes and not of all, or the arguments differ between processes.

    >>> mesh = jax.make_mesh((jax.device_count(),), ("members",))
    >>> run_per_device(jax.jit(lambda x, y: x + y), (jnp.arange(3),), 10, 3, 1, mesh)
    Array([10, 11, 12], dtype=int32)
    """
    check_mesh("train_ensemble", mesh)
    if over_processes(mesh):
        check_same_arguments("train_ensemble", members=members, data=shared)
    each = -(-n // (group * mesh.size)) * group
    split, copied = mesh_sharding(mesh, mesh.axis_names), mesh_sharding(mesh)

    def run(position: int, device: Any) -> Any:
        rows = np.minimum(np.arange(position * each, (position + 1) * each), n - 1)
        own = jax.tree.map(lambda a: _rows_on(a, rows, device, copied), members)
        return function(*own, jax.tree.map(lambda a: jax.device_put(_local(a, copied), device), shared))

    own = [
        (position, device)
        for position, device in enumerate(mesh.devices.flat)
        if device.process_index == jax.process_index()
    ]
    with ThreadPoolExecutor(len(own)) as pool:  # in parallel, since it is compiled for each device
        results = list(pool.map(run, *zip(*own, strict=True)))

    def joined(*parts: Array) -> Array:
        shape = (each * mesh.size, *parts[0].shape[1:])
        whole = jax.make_array_from_single_device_arrays(shape, split, list(parts))
        return whole if shape[0] == n else jax.jit(lambda a: a[:n], out_shardings=copied)(whole)

    return jax.tree.map(joined, *results)


def _rows_on(array: Any, rows: np.ndarray, device: Any, copied: Sharding) -> Array:
    """Return rows of an array on a device, without a copy where the device has exactly these."""
    for shard in getattr(array, "addressable_shards", ()):
        first = shard.index[0]
        if shard.device == device and (first.start or 0, shard.data.shape[0]) == (rows[0], len(rows)):
            return jax.device_put(shard.data, device)
    return jax.device_put(_local(array, copied)[rows], device)


def _local(array: Any, copied: Sharding) -> Any:
    """Return an array that this process can index."""
    if isinstance(array, jax.Array) and not array.is_fully_addressable:
        return put_on_devices(array, copied).addressable_data(0)
    return jnp.asarray(array)
