"""Whole networks on file: a checkpoint of parameters whose header says what network they are of.

Sizes, wiring and names of activations are data, which a reader checks; no function is stored, and none is guessed.
"""

import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.networks.activations import Activation
from jaxnet.networks.network import Network
from jaxnet.networks.network_records import check_fit, network_from_record, network_to_record, shapes_of
from jaxnet.networks.records import RecordError
from jaxnet.pytrees import Params
from jaxnet.training.checkpoint_files import CheckpointError, opened, read_tensor
from jaxnet.training.checkpoint_leaves import described, read_leaves


def load_network(
    path: str | os.PathLike[str], *, activations: Mapping[str, Activation] | None = None
) -> tuple[Network, Params]:
    """Load a network and its parameters, as `save(path, params, network=network)` saved them; no code is run.

    Args:
        path: the file.
        activations: functions of your own by the names that the file has for them, `{"my_activation": my_activation}`.

    Returns:
        A `Network`, whose `apply` is the same function bit for bit and whose `init` draws as `jaxnet.default_weights`
        does, also where the saved one had another initialiser; and its parameters, JAX arrays on the default device.

    Raises:
        CheckpointError: if the file is no whole checkpoint or has no network; if it names an activation or a kind of
            network that is not known, which `circuits` brings for those of gates; if its parts and its arrays do not
            fit together; or if it has 64 bits where JAX has them turned off.
        FileNotFoundError: if there is no file.
        TypeError: if one of `activations` is not a function.

    >>> import tempfile
    >>> from jaxnet import mlp, save
    >>> net = mlp([2, 3, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/net.safetensors", net.init(jax.random.key(0)), network=net)
    ...     network, params = load_network(f"{folder}/net.safetensors")
    >>> network, params[0].w.shape
    (Network(2 -> 3 sigmoid -> 1 sigmoid), (3, 2))
    """
    for name, function in (activations or {}).items():
        if not callable(function):
            raise TypeError(f"load_network: expected activations, functions by name, got {function!r} for {name!r}.")
    with opened("load_network", path) as (file, header):
        if "network" not in header:
            raise CheckpointError(
                f"load_network: {path}: expected a network, found parameters alone. Save them with their network, "
                f"save(path, params, network=network), or load them with jaxnet.load."
            )
        try:
            record, names = header["network"]["record"], header["network"]["arrays"]
            arrays = {name: read_tensor("load_network", path, file, name, expected) for name, expected in names.items()}
            _check_dtypes(header["leaves"])
            network = network_from_record(record, arrays, activations)
            needed = shapes_of(network)
            check_fit(network, needed, {name: tuple(leaf["shape"]) for name, leaf in header["leaves"].items()})
            like = _as_on_file(needed, header["leaves"])
            leaves, structure = described("load_network", like, jax.ShapeDtypeStruct)
        except (RecordError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointError(f"load_network: {path}: {error}.") from None
        except RecursionError:
            raise CheckpointError(f"load_network: {path}: expected a network, found parts without end.") from None
        return network, structure.unflatten(read_leaves("load_network", path, file, header["leaves"], leaves))


def network_on_file(network: Network, params: Params) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what `save` writes of a network: its record, and arrays by name.

    Args:
        network: of kinds that are registered.
        params: its parameters.

    Raises:
        ValueError: if the network cannot be saved, or the parameters are not its own.
    """
    try:
        return network_to_record(network, params)
    except RecordError as error:
        raise ValueError(f"save: {error}.") from None


def _check_dtypes(records: Mapping[str, Any]) -> None:
    for name, record in records.items():
        dtype = jnp.dtype(record["dtype"])
        if record["kind"] != "array" or not jnp.issubdtype(dtype, jnp.number):
            raise RecordError(f"leaf {name}: expected an array of numbers, found {record['kind']} of {dtype}")
        if jax.dtypes.canonicalize_dtype(dtype) != dtype:
            raise RecordError(f"leaf {name} is of {dtype}, but JAX's 64 bits are off: turn on jax_enable_x64")


def _as_on_file(needed: Params, records: Mapping[str, Any]) -> Params:
    """Return the shapes that a network needs, in the types of the file: training may have changed those of `init`."""

    def typed(place: Any, leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, jnp.dtype(records[jax.tree_util.keystr(place)]["dtype"]))

    return jax.tree.map_with_path(typed, needed)
