"""Networks on file: what `jaxnet.save` writes of a network, with the names of its inputs and outputs as metadata.

Layers without their network, as `jaxnet.save` or another library wrote them, are read too, where their tensors are
named such as "[0].w" and "[0].b", or "0.weight" and "0.bias".
"""

import os
import re
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from circuits.bridge.network_units import units_of_network
from circuits.errors import ParseError, cut_short, listed
from circuits.netlist import check_names
from jaxnet.networks.activations import Activation, PerUnit, identity, per_unit, relu, sigmoid, step, tanh
from jaxnet.networks.layers import chain, layer
from jaxnet.networks.network import Network, sizes_of
from jaxnet.networks.network_records import shapes_of
from jaxnet.networks.units import Neuron
from jaxnet.pytrees import Params
from jaxnet.training.checkpoints import CheckpointError, load_header, save
from jaxnet.training.saved_networks import load_network

ACTIVATIONS: dict[str, Activation] = {
    "step": step,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "identity": identity,
}
_DTYPES = ("F32", "F64", "I32", "I64")
# What comes before the number of a layer, the number, and which of its arrays it is.
_NAME = re.compile(r"(.*?)(\d{0,9})\]?\.(w|b|weight|bias)")


class NetworkFile(NamedTuple):
    """A network that was read from a file.

    Attributes:
        network: of any kind that `jaxnet.load_network` gives.
        params: its parameters.
        input_names: one for each input; None if the file does not say.
        output_names: one for each output; None if the file does not say.
        threshold: from which value on an output of the identity is read as 1.
    """

    network: Network
    params: Params
    input_names: tuple[str, ...] | None
    output_names: tuple[str, ...] | None
    threshold: float


def write_network(
    path: str | os.PathLike[str],
    network: Network,
    params: Params,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    *,
    threshold: float = 0.0,
) -> None:
    """Write a network, its parameters and names into one file; `read_network` and `jaxnet.load_network` read it.

    Args:
        path: the file, by custom `*.safetensors`; replaced when the new one is complete.
        network: made by `mlp`, `layer`, `chain` of them or `wired`, of sigmoid, tanh, relu, identity and step units.
            `jaxnet.save` writes others, without names.
        params: its parameters, float32 or float64.
        input_names: one for each input, x0, x1, ... if None.
        output_names: one for each output, y, or y0, y1, ..., if None.
        threshold: from which value on an output of the identity is read as 1; for `from_network`.

    Raises:
        TypeError: if the network is none of these.
        ValueError: if the parameters or the names do not fit.
        OSError: if the file cannot be written.

    >>> import tempfile
    >>> from circuits import parse, to_network
    >>> made = to_network(parse("a ^ b"), sigmoid, error=0.1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_network(f"{folder}/xor.safetensors", made.network, made.params, "ab")
    ...     read_network(f"{folder}/xor.safetensors").network
    Network(Wiring(2 inputs, 2 units, 5 edges, 1 outputs) sigmoid)
    """
    units = units_of_network("write_network", network, params)
    # As the network has them: pairs (w, b) of the caller become those of `Neuron`.
    params = jax.tree.unflatten(jax.tree.structure(shapes_of(network)), jax.tree.leaves(params))
    wiring = units.wiring
    metadata = {
        "input_names": _names("input", input_names, "x", wiring.n_inputs),
        "output_names": _names("output", output_names, "y", wiring.n_outputs),
        "threshold": float(threshold),
    }
    save(path, params, metadata, network=network)


def read_network(path: str | os.PathLike[str], activation: str | Sequence[str] | None = None) -> NetworkFile:
    """Read a network from a safetensors file; nothing is cast and nothing is guessed.

    Args:
        path: written by `write_network`; or by `jaxnet.save` from the parameters of an `mlp`; or by another library,
            with two tensors for each layer, named alike but for a number, such as "0.weight" `(units, inputs)` and
            "0.bias" `(units,)`.
        activation: "step", "sigmoid", "tanh", "relu" or "identity", for all layers or one for each; for files that
            `write_network` did not write, and only for these.

    Raises:
        ParseError: if the file is none of these, was cut off or altered, or does not fit together.
        OSError: if the file cannot be read.

    >>> import tempfile
    >>> from jaxnet import mlp
    >>> params = mlp([2, 3, 1]).init(jax.random.key(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/trained.safetensors", params)
    ...     read_network(f"{folder}/trained.safetensors", ["tanh", "sigmoid"]).network
    Network(2 -> 3 tanh -> 1 sigmoid)
    """
    source = os.fspath(path)
    with open(source, "rb"):
        pass  # for an error with the name of the file
    try:
        header = _header(source)
        if "network" in header:
            return _own(source, header.get("metadata"), activation)
        if any(name.startswith("['state']") for name in header["leaves"]):
            save = "jaxnet.save(path, run.params, network=net)"
            raise ValueError(f"expected a network, got the checkpoint of a run. Write the network of the run: {save}")
        network, params = _layers(_tensors(source, header["leaves"]), activation)
        return NetworkFile(network, params, None, None, 0.0)
    except (ValueError, TypeError, OverflowError) as error:
        text = str(error).removesuffix(".") if isinstance(error, CheckpointError) else str(error)
        raise ParseError(text.split(f": {source}: ", 1)[-1], source=source) from None


def _names(what: str, names: Sequence[str] | None, stem: str, count: int) -> list[str]:
    if names is None:
        return [stem] if stem == "y" and count == 1 else [f"{stem}{i}" for i in range(count)]
    if len(names) != count:
        raise ValueError(f"write_network: expected {count} {what} names, got {len(names)}.")
    check_names("write_network", what, names)
    return list(names)


def is_network_file(text: str) -> bool:
    """Return whether an argument of the command line names a file of a network.

    Args:
        text: as it was typed.

    >>> is_network_file("net.safetensors"), is_network_file("a & b")
    (True, False)
    """
    return text.lower().endswith(".safetensors")


def _header(source: str) -> dict[str, Any]:
    """Return the header of a file of `jaxnet.save`; an empty one if the file is foreign."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(source, framework="np") as file:
            ours = "jaxnet" in (file.metadata() or {})
    except SafetensorError as error:
        raise ValueError(f"expected a whole safetensors file, got one with an error: {error}") from None
    return load_header("read_network", source) if ours else {"leaves": {}}


def _tensors(source: str, leaves: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name."""
    from safetensors import safe_open

    with safe_open(source, framework="np") as file:
        for name in file.keys():  # noqa: SIM118 - the file is no dict
            dtype = file.get_slice(name).get_dtype()
            if dtype not in _DTYPES:
                raise ValueError(f"expected tensors of float32 or float64, got {cut_short(repr(name))} of {dtype}")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, record in leaves.items():
        if f"{zlib.crc32(tensors[name].tobytes()):08x}" != record["crc32"]:
            raise ValueError(f"tensor {cut_short(repr(name))} was altered: its CRC-32 is another one")
    return tensors


def _own(source: str, metadata: Any, activation: Any) -> NetworkFile:
    """Return a network of `jaxnet.save`, with the names that `write_network` gave it, if it did."""
    if activation is not None:
        raise ValueError("expected no activation, since the file says what its units are")
    network, params = load_network(source)
    if not isinstance(metadata, dict) or not {"input_names", "output_names", "threshold"} <= metadata.keys():
        return NetworkFile(network, params, None, None, 0.0)
    input_names, output_names = _texts(metadata, "input_names"), _texts(metadata, "output_names")
    threshold = metadata["threshold"]
    if not isinstance(threshold, float):
        raise ValueError(f"expected a threshold, a number, got {threshold!r}")
    sizes, given = sizes_of(network.structure), (len(input_names), len(output_names))
    if sizes != given:
        raise ValueError(f"expected names of {sizes} inputs and outputs, got {given}")
    return NetworkFile(network, params, input_names, output_names, threshold)


def _texts(metadata: dict[str, Any], what: str) -> tuple[str, ...]:
    texts = metadata.get(what)
    if not isinstance(texts, list) or any(not isinstance(text, str) for text in texts):
        raise ValueError(f"expected {what}, a list of texts, got {cut_short(repr(texts))}")
    check_names("read_network", what.removesuffix("_names"), texts)
    return tuple(texts)


def _layers(tensors: dict[str, np.ndarray], activation: Any) -> tuple[Network, tuple[Neuron, ...]]:
    params = _neurons(tensors)
    if activation is None:
        raise ValueError("expected an activation, such as sigmoid, since the file does not say what its units are")
    kinds = [activation] * len(params) if isinstance(activation, str) else list(activation)
    if len(kinds) != len(params):
        raise ValueError(f"expected one activation, or {len(params)}, one for each layer, got {len(kinds)}")
    parts = []
    for own, kind in zip(params, kinds, strict=True):
        m, n = own.w.shape
        parts.append(layer(n, m, _activation(kind, m), dtype=own.w.dtype))
    return chain(*parts), params


def _neurons(tensors: dict[str, np.ndarray]) -> tuple[Neuron, ...]:
    """Return the layers of a file, in the order of the numbers in their names."""
    found: dict[int, dict[str, str]] = {}
    stems = set()
    for name in tensors:
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(f'expected tensors such as "0.weight" and "0.bias", got {cut_short(repr(name))}')
        stem, number, which = match.groups()
        stems.add(stem)
        found.setdefault(int(number or 0), {})[which[0]] = name
    if len(stems) != 1 or sum(map(len, found.values())) != len(tensors):
        raise ValueError(f"expected tensors named alike but for a number, got {listed(sorted(tensors))}")
    params: list[Neuron] = []
    for _, names in sorted(found.items()):
        if len(names) != 2:
            raise ValueError(f"expected weights and biases of each layer, got {listed(names.values())} alone")
        w_name, b_name = names["w"], names["b"]
        w, b = tensors[w_name], tensors[b_name]
        before = f"{len(params[-1].b)}" if params else "inputs"
        if w.ndim != 2 or not w.size or b.shape != w.shape[:1] or (params and w.shape[1] != len(params[-1].b)):
            shapes = f"got {w.shape} and {b.shape}"
            raise ValueError(f"expected {w_name!r} (units, {before}) and {b_name!r} (units,), {shapes}")
        params.append(Neuron(_array(w_name, w), _array(b_name, b)))
    return tuple(params)


def _array(name: str, tensor: np.ndarray) -> jax.Array:
    if tensor.dtype not in ("float32", "float64"):
        raise ValueError(f"expected tensors of float32 or float64, got {name!r} of {tensor.dtype}")
    if jax.dtypes.canonicalize_dtype(tensor.dtype) != tensor.dtype:
        raise ValueError(f"{name!r} is of float64, but JAX's 64 bits are off: turn on jax_enable_x64")
    return jnp.asarray(tensor)


def _activation(kind: Any, n_units: int) -> Activation | PerUnit:
    """Return the activation of a name, or of the names of all units."""
    names = [kind] if isinstance(kind, str) else kind
    if not isinstance(names, list) or any(not isinstance(name, str) or name not in ACTIVATIONS for name in names):
        raise ValueError(f"expected activations among {', '.join(ACTIVATIONS)}, got {cut_short(repr(kind))}")
    if isinstance(kind, str):
        return ACTIVATIONS[kind]
    if len(names) != n_units:
        raise ValueError(f"expected an activation for each of {n_units} units, got {len(names)}")
    return per_unit([ACTIVATIONS[name] for name in names]) if names else step
