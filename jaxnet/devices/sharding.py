"""The same run on many devices: what is split over the axes of a mesh, and what each device has a copy of.

The engine is JAX's own: arrays have a `jax.sharding.NamedSharding`, one program runs on all devices, and XLA puts the
communication in (Y. Xu et al., GSPMD, 2021). Examples are split over the axis of a mesh that is called "data".
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from jaxnet.pytrees import Batch
from jaxnet.validation import ShapeError, written

# The axis of a mesh over which examples are split; a mesh without it splits none.
DATA = "data"

Specs = Mapping[str, PartitionSpec]


def place(tree: Any, mesh: Mesh, specs: Specs | None = None) -> Any:
    """Put parameters, or the state of a rule, on the devices of a mesh: split where specs say so, else copied to each.

    Args:
        tree: a pytree of arrays, the same in each process.
        mesh: from `jax.make_mesh`, of the devices of all processes.
        specs: `jax.sharding.PartitionSpec` by path, as `jax.tree_util.keystr` writes it: "[0].w" is the weights of the
            first layer of an mlp, `(m, n)`; "[0]" is all of that layer, so that `PartitionSpec("model")` splits its
            units over the axis "model"; "" is everything. The longest path counts. In a state the paths are those of
            `state.params`, and what an optimiser remembers of a parameter is split as that is.

    Returns:
        The tree, of arrays on all devices.

    Raises:
        TypeError: if the mesh is no mesh, or the specs are not specs by path.
        ValueError: if the mesh is of some processes and not of all, a path leads to no parameter, or the mesh has no
            axis of a name.
        ShapeError: if a parameter has fewer axes than its spec, or one that the devices do not divide.

    >>> mesh = jax.make_mesh((jax.device_count(),), ("model",))
    >>> params = {"w": np.ones((8, 3)), "b": np.ones(8)}
    >>> placed = place(params, mesh, {"['w']": PartitionSpec("model")})
    >>> placed["w"].addressable_shards[0].data.shape == (8 // jax.device_count(), 3)
    True
    >>> place(params, mesh, {"w": PartitionSpec("model")})
    Traceback (most recent call last):
    ValueError: place: expected specs by paths to parameters, such as ['b'] or ['w'], got 'w'.
    """
    check_mesh("place", mesh)
    return jax.tree.map(put_on_devices, tree, shardings("place", tree, mesh, specs))


def shardings(where: str, tree: Any, mesh: Mesh, specs: Specs | None = None) -> Any:
    """Return where `place` puts each leaf of a tree.

    Args:
        where: named in the error.
        tree: of arrays or `jax.ShapeDtypeStruct`.
        mesh: of all devices.
        specs: by path.

    Returns:
        A tree of `jax.sharding.Sharding`, those of `mesh_sharding`.

    Raises:
        TypeError: if the specs are not specs by path.
        ValueError: if a path leads to no parameter, or the mesh has no axis of a name.
        ShapeError: if a parameter has fewer axes than its spec, or one that the devices do not divide.

    >>> mesh = jax.make_mesh((jax.device_count(),), ("model",))
    >>> found = shardings("place", {"w": np.ones((8, 3))}, mesh, {"": PartitionSpec("model")})
    >>> found["w"].shard_shape((8, 3)) == (8 // jax.device_count(), 3)
    True
    """
    params = getattr(tree, "params", tree)
    named = {jax.tree_util.keystr(path): np.shape(leaf) for path, leaf in jax.tree.leaves_with_path(params)}
    specs = {} if specs is None else specs
    if not isinstance(specs, Mapping) or not all(
        isinstance(path, str) and isinstance(spec, PartitionSpec) for path, spec in specs.items()
    ):
        raise TypeError(f"{where}: expected a dict of jax.sharding.PartitionSpec by path, got {written(specs)}.")
    for path in specs:
        if not any(_leads_to(path, name) for name in named):
            raise ValueError(
                f"{where}: expected specs by paths to parameters, such as {' or '.join(list(named)[:4])}, got "
                f"{written(path)}."
            )
    chosen = {name: _spec(where, name, shape, mesh, specs) for name, shape in named.items()}

    def of_leaf(path: Any, leaf: Any) -> Sharding:
        name = jax.tree_util.keystr(path)
        # An optimiser has what it remembers in trees like that of the parameters, somewhere in its state.
        like = [param for param, shape in named.items() if name.endswith(param) and shape == np.shape(leaf)]
        return mesh_sharding(mesh, *chosen[max(like, key=len)]) if like else mesh_sharding(mesh)

    return jax.tree.map_with_path(of_leaf, tree)


def _leads_to(path: str, name: str) -> bool:
    """Return whether a path is that of a leaf, or of a node that contains it."""
    return name.startswith(path) and (not path or name[len(path) :][:1] in ("", ".", "["))


def _spec(where: str, name: str, shape: tuple[int, ...], mesh: Mesh, specs: Specs) -> PartitionSpec:
    """Return the spec with the longest path to a parameter, if it fits."""
    paths = [path for path in specs if _leads_to(path, name)]
    if not paths:
        return PartitionSpec()
    spec = specs[max(paths, key=len)]
    if len(spec) > len(shape):
        raise ShapeError(
            f"{where}: expected a spec of at most {len(shape)} axes for {name} of shape {shape}, got {spec}."
        )
    for size, axes in zip(shape, spec, strict=False):
        axes = axes if isinstance(axes, tuple) else (axes,) * (axes is not None)
        if not set(axes) <= set(mesh.axis_names):
            raise ValueError(
                f"{where}: expected axes of the mesh, {mesh.axis_names}, in the spec of {name}, got {spec}."
            )
        parts = math.prod(mesh.shape[axis] for axis in axes)
        if size % parts:
            raise ShapeError(
                f"{where}: {name} has shape {shape}, and its axis of {size} cannot be split into {parts} equal parts, "
                f"as {spec} says. Split another axis, or take another number of units."
            )
    return spec


def mesh_sharding(mesh: Mesh, *axes: Any) -> Sharding:
    """Return how an array is split over a mesh whose axes XLA looks after.

    Args:
        mesh: any mesh.
        axes: those of a `PartitionSpec`; none for a copy on each device.

    Returns:
        A `NamedSharding`; that of the device alone, where there is one, so that the program is that of no mesh.

    >>> mesh_sharding(jax.make_mesh((1,), ("data",)), "data")
    SingleDeviceSharding(device=...)
    """
    if mesh.size == 1:
        return SingleDeviceSharding(mesh.devices.item())
    return NamedSharding(automatic(mesh), PartitionSpec(*axes))


def automatic(mesh: Mesh) -> Mesh:
    """Return the same mesh with axes that XLA looks after; `jax.make_mesh` makes explicit ones by default.

    Args:
        mesh: any mesh.

    Returns:
        A mesh of the same devices and names; one device alone has no axes, since there is nothing to split.

    >>> explicit = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Explicit,))
    >>> set(automatic(explicit).axis_types) <= {AxisType.Auto}
    True
    """
    if mesh.size == 1:
        return Mesh(mesh.devices.reshape(()), ())
    return Mesh(mesh.devices, mesh.axis_names, axis_types=(AxisType.Auto,) * len(mesh.axis_names))


def put_on_devices(value: Any, sharding: Sharding) -> Array:
    """Put an array where a sharding says.

    Args:
        value: an array, also of keys; the same in each process, or one that is spread over the same devices.
        sharding: over the devices of all processes.

    Returns:
        An array of the same values.

    >>> put_on_devices(np.arange(3), mesh_sharding(jax.make_mesh((jax.device_count(),), ("data",))))
    Array([0, 1, 2], dtype=int32)
    """
    if sharding.is_fully_addressable:
        return jax.device_put(value, sharding)
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        return jax.jit(lambda value: value, out_shardings=sharding)(value)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        data = put_on_devices(jax.random.key_data(jax.random.clone(value)), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(value))
    # Every process has all the values: none has to send them, as `jax.device_put` would, to compare.
    host = np.asarray(jnp.asarray(value))
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def as_numpy(array: Array) -> np.ndarray:
    """Return all values of an array, in each process; where they are split over several, all call it.

    Args:
        array: any JAX array, except one of keys.

    Returns:
        A NumPy array.

    >>> as_numpy(jnp.arange(3))
    array([0, 1, 2], dtype=int32)
    """
    if not array.is_fully_addressable and not array.is_fully_replicated:
        sharding: Any = array.sharding
        array = put_on_devices(array, mesh_sharding(sharding.mesh))
    return np.asarray(array)


def put_examples(data: Batch, mesh: Mesh | None) -> Batch:
    """Put examples on all devices: arrays split over axes of the mesh stay as they are, others are copied to each.

    Args:
        data: a pytree of arrays, the same in each process, or of `from_parts`.
        mesh: of all devices; None for the default device.

    Returns:
        The data, of JAX arrays.

    >>> mesh = jax.make_mesh((jax.device_count(),), ("data",))
    >>> put_examples(np.arange(3), mesh).sharding.is_fully_replicated
    True
    """
    if mesh is None:
        return jax.tree.map(jnp.asarray, data)

    def of_leaf(leaf: Any) -> Array:
        sharding, there = getattr(leaf, "sharding", None), mesh_sharding(mesh)
        if isinstance(sharding, NamedSharding) and sharding.device_set == set(mesh.devices.flat):
            with contextlib.suppress(ValueError):  # raised by JAX for the axes of another mesh
                split = mesh_sharding(mesh, *sharding.spec)
                split.shard_shape(leaf.shape)
                there = split
        return put_on_devices(leaf, there)

    return jax.tree.map(of_leaf, data)


def check_mesh(where: str, mesh: Any, *, splits: bool = False) -> None:
    """Check that the devices of a mesh are those of this process, or of all.

    Args:
        where: named in the error.
        mesh: what the caller passed as one.
        splits: whether it has to have an axis "data", since nothing else would be split over it.

    Raises:
        TypeError: if it is no mesh.
        ValueError: if its devices are those of some processes and not of all, or the axis is missing.

    >>> check_mesh("fit", jax.make_mesh((1,), ("data",)))
    """
    if not isinstance(mesh, Mesh):
        raise TypeError(f"{where}: expected a jax.sharding.Mesh, as jax.make_mesh gives, got {type(mesh).__name__}.")
    if splits and DATA not in mesh.axis_names:
        raise ValueError(
            f'{where}: expected a mesh with an axis "data", over which examples are split, got the axes '
            f'{mesh.axis_names}. Make it by jax.make_mesh(({mesh.size},), ("data",)), or split parameters by specs.'
        )
    processes = _processes(mesh)
    if processes != {jax.process_index()} and len(processes) != jax.process_count():
        raise ValueError(
            f"{where}: expected a mesh of devices of this process, or of all {jax.process_count()} processes, got "
            f"devices of {sorted(processes)}. jax.devices() has those of all, jax.local_devices() those of this one."
        )


def over_processes(mesh: Mesh) -> bool:
    """Return whether the devices of a mesh are those of several processes.

    Args:
        mesh: any mesh.

    Returns:
        False where they are all of one process.

    >>> over_processes(jax.make_mesh((1,), ("data",)))
    False
    """
    return len(_processes(mesh)) > 1


def _processes(mesh: Mesh) -> set[int]:
    return {device.process_index for device in mesh.devices.flat}


# Constraints in a compiled program, for XLA, where `jax.set_mesh` has set a mesh of automatic axes.


def split_examples(batch: Batch) -> Batch:
    """Share a batch among devices: split its examples, however many, over the axis "data" of the mesh that is set.

    Args:
        batch: a pytree of arrays with examples along the first axis, or of numbers, which are not split.

    Returns:
        The same values; what was given, where no mesh is set.

    >>> split_examples(jnp.ones(3))
    Array([1., 1., 1.], dtype=float32)
    """
    parts = _set_mesh().get(DATA, 1)

    def of_leaf(leaf: Array) -> Array:
        if parts == 1 or jnp.ndim(leaf) == 0:
            return leaf
        # XLA would otherwise cut an argument of the program into fewer parts, such as 2 for 8 devices.
        leaf = replicated(leaf) if len(leaf) % parts else leaf
        return jax.lax.with_sharding_constraint(leaf, PartitionSpec(DATA))

    return jax.tree.map(of_leaf, batch)


def replicated(tree: Any) -> Any:
    """Copy a tree to each device of the mesh that is set.

    Args:
        tree: of arrays.

    Returns:
        The same values; what was given, where no mesh is set.

    >>> replicated(jnp.ones(3))
    Array([1., 1., 1.], dtype=float32)
    """
    return constrained(tree, (PartitionSpec(),) * len(jax.tree.leaves(tree)))


def constrained(tree: Any, specs: tuple[PartitionSpec, ...] | None) -> Any:
    """Keep the leaves of a tree split as they were, on the mesh that is set.

    Args:
        tree: of arrays.
        specs: of `specs_of`.

    Returns:
        The same values; what was given, where there are no specs or no mesh is set.

    >>> constrained(jnp.ones(3), None)
    Array([1., 1., 1.], dtype=float32)
    """
    return tree if specs is None or math.prod(_set_mesh().values()) == 1 else _constrained(tree, specs)


def specs_of(tree: Any) -> tuple[PartitionSpec, ...] | None:
    """Return how the leaves of a tree are split over the mesh that is set, if known: for traced values it is not.

    Args:
        tree: of arrays.

    Returns:
        A spec for each leaf, or None.

    >>> with jax.set_mesh(automatic(jax.make_mesh((jax.device_count(),), ("data",)))):
    ...     specs_of([jnp.ones(3)]), jax.jit(lambda x: jnp.array(specs_of(x) is None))(jnp.ones(3)).item()
    ((P(),), True)
    """
    if not _set_mesh():
        return None
    leaves = jax.tree.leaves(tree)
    shardings = [getattr(leaf, "sharding", None) for leaf in leaves]  # a tracer has none
    if any(isinstance(a, jax.Array) and s is None for a, s in zip(leaves, shardings, strict=True)):
        return None
    return tuple(s.spec if isinstance(s, NamedSharding) else PartitionSpec() for s in shardings)


def on_explicit_axes(*trees: Any) -> bool:
    """Return whether the types of arrays say how they are split.

    Args:
        trees: of arrays.

    >>> on_explicit_axes(jnp.ones(3))
    False
    """
    leaves = [leaf for leaf in jax.tree.leaves(trees) if isinstance(leaf, jax.Array)]
    return any(AxisType.Explicit in jax.typeof(leaf).sharding.mesh.axis_types for leaf in leaves)


def _set_mesh() -> dict[str, int]:
    """Return the axes of the mesh that is set; none where XLA does not look after all of them."""
    mesh = jax.sharding.get_abstract_mesh()
    return dict(mesh.shape) if all(kind == AxisType.Auto for kind in mesh.axis_types) else {}


def _constrained(tree: Any, specs: Sequence[PartitionSpec]) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    return structure.unflatten(map(jax.lax.with_sharding_constraint, leaves, specs))
