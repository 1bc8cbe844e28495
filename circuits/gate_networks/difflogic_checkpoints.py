"""Logic gate networks that were trained in PyTorch, from the checkpoints of difflogic and of torchlogix.

Gate number i of F. Petersen and others, Deep differentiable logic gate networks (2022), table 1, has the values
f(0, 0), f(0, 1), f(1, 0), f(1, 1) as its bits, the highest first: 1 is a and b, 2 is a and not b, 3 is a.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from circuits.errors import listed
from circuits.gate_networks.layered_gates import GateParams
from circuits.gate_networks.logic_gate_networks import gate_network
from jaxnet.networks.network import Network
from jaxnet.validation import integers

# Which number of theirs each table of `circuits.gates` has, whose bit r is the value where a + 2b = r.
_THEIRS = np.array([(t & 1) << 3 | (t >> 2 & 1) << 2 | (t >> 1 & 1) << 1 | t >> 3 for t in range(16)])


def from_difflogic(
    checkpoint: Any,
    *,
    indices: Sequence[Any] | None = None,
    classes: int | None = None,
    tau: float | None = None,
    inputs: int | None = None,
) -> tuple[Network, GateParams]:
    """Return a network, and its parameters, that computes what a model of difflogic does.

    Args:
        checkpoint: the model, a `torch.nn.Sequential` of `LogicLayer`, or its `state_dict()`; of torchlogix, that of a
            model of `LogicDense` with parametrisation "raw". Tensors or arrays; torch is not imported.
        indices: which two nodes the gates of each layer read, `(2, W)` or a pair of `(W,)`, first to last. Needed with
            a state_dict of difflogic, which leaves them out: `[layer.indices for layer in model if hasattr(layer,
            "indices")]`. A model, and a state_dict of torchlogix, has them.
        classes: into how many groups the last layer is summed, the k of its `GroupSum`. If None that of a model;
            without one the values of the last layer are the outputs.
        tau: the temperature of its `GroupSum`; if None that of a model, else 1.
        inputs: how many inputs the first layer has. If None that of a model, else the largest index and one: a layer of
            either library reads all of its inputs.

    Returns:
        A `Network` of `gate_network` with parametrisation "softmax" and its `GateParams`. `apply` gives what the model
        gives in training; `harden` makes the circuit of what it gives in evaluation, but where two of the sixteen
        logits are largest: there the table of the lowest number of `circuits.gates` is taken, not that of difflogic.

    Raises:
        TypeError: if the checkpoint is neither a model nor a state_dict.
        ValueError: if it holds something else than such layers, indices are missing, or shapes do not fit.

    Source: F. Petersen's difflogic (2022) and torchlogix (2026) define the files; no code of theirs is used.

    >>> weights = np.zeros((1, 16)); weights[0, 2] = 9                          # a and not b
    >>> network, params = from_difflogic({"0.weights": weights}, indices=[([0], [1])])
    >>> from circuits import harden, to_expression
    >>> to_expression(harden(network, params))
    'x0 & ~x1'
    """
    sizes: dict[str, Any] = {}
    if hasattr(checkpoint, "state_dict"):
        sizes = _sizes(checkpoint)
        checkpoint = checkpoint.state_dict()
    if not isinstance(checkpoint, Mapping):
        raise TypeError(
            f"from_difflogic: expected a model or its state_dict(), got {type(checkpoint).__name__}. torch.load reads "
            "a file."
        )
    logits, kept = _layers(checkpoint)
    reads = list(sizes.get("indices") or kept) if indices is None else list(indices)
    if not reads:
        raise ValueError(
            "from_difflogic: expected indices, which a state_dict of difflogic leaves out. Give the model itself, or "
            'indices=[layer.indices for layer in model if hasattr(layer, "indices")].'
        )
    if len(reads) != len(logits):
        raise ValueError(f"from_difflogic: expected indices for each of {len(logits)} layers, got {len(reads)}.")
    wiring = [_pair(i, pair, len(layer)) for i, (pair, layer) in enumerate(zip(reads, logits, strict=True))]
    largest = int(wiring[0].max())
    try:
        network = gate_network(
            sizes.get("inputs", largest + 1) if inputs is None else inputs,
            [len(layer) for layer in logits],
            classes=sizes.get("classes") if classes is None else classes,
            tau=sizes.get("tau", 1.0) if tau is None else tau,
            parametrisation="softmax",
            wiring=wiring,
        )
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("gate_network", "from_difflogic", 1)) from None
    ours = [layer.T[_THEIRS] for layer in logits]
    runs = network.structure.runs  # type: ignore[union-attr]
    return network, GateParams(tuple(jnp.asarray(np.stack(ours[run.start : run.stop])) for run in runs))


def _sizes(model: Any) -> dict[str, Any]:
    """Return what a model says that its state_dict leaves out."""
    sizes: dict[str, Any] = {}
    for part in model.modules():
        if hasattr(part, "weights") and hasattr(part, "indices"):
            sizes.setdefault("indices", []).append(part.indices)
        if hasattr(part, "in_dim"):
            sizes.setdefault("inputs", part.in_dim)
        if hasattr(part, "k") and hasattr(part, "tau"):
            sizes |= {"classes": part.k, "tau": part.tau}
        temperature = getattr(getattr(part, "parametrization", None), "temperature", 1.0)
        for name, value, expected in (("beta", getattr(part, "beta", 0.0), 0.0), ("temperature", temperature, 1.0)):
            if value != expected:
                raise ValueError(f"from_difflogic: expected {name} {expected}, got {value} in {type(part).__name__}.")
    return sizes


def _layers(state: Mapping[str, Any]) -> tuple[list[np.ndarray], list[Any]]:
    """Return the logits `(W, 16)` of each layer, and its indices where they are kept."""
    matches = {key: re.fullmatch(r"(.*?)(\d+)\.(weights?|connections\.indices)", key) for key in state}
    strange = [key for key, match in matches.items() if match is None]
    if strange or not matches:
        raise ValueError(
            "from_difflogic: expected keys 0.weights, 1.weights, ... of difflogic, or 0.weight, 0.connections.indices, "
            f"... of torchlogix, got {listed(strange) if strange else 'none'}."
        )
    prefixes = {match[1] for match in matches.values() if match}
    if len(prefixes) > 1:
        raise ValueError(
            f"from_difflogic: expected the layers of one torch.nn.Sequential, got those of {listed(sorted(prefixes))}. "
            "Their order is not known."
        )
    # By number, since some files keep keys by the alphabet, 10.weights before 2.weights.
    found = sorted((int(match[2]), match[3], key) for key, match in matches.items() if match)
    logits = [_logits(key, state[key]) for _, name, key in found if name.startswith("weight")]
    return logits, [state[key] for _, name, key in found if not name.startswith("weight")]


def _logits(key: str, weights: Any) -> np.ndarray:
    array = _array(weights)
    if array.ndim != 2 or array.shape[1] != 16:
        raise ValueError(
            f"from_difflogic: expected 16 logits for each gate in {key!r}, got shape {array.shape}. Of torchlogix only "
            'parametrization="raw" with two inputs can be read.'
        )
    return array.astype(np.float32)


def _pair(layer: int, pair: Any, width: int) -> np.ndarray:
    reads = np.stack([_array(side) for side in pair]) if isinstance(pair, tuple | list) else _array(pair)
    if reads.shape != (2, width):
        raise ValueError(f"from_difflogic: expected indices (2, {width}) for layer {layer}, got {reads.shape}.")
    return integers("from_difflogic", f"indices of layer {layer}", reads, np.int32)


def _array(tensor: Any) -> np.ndarray:
    """Return a tensor of torch, or any array, as one of NumPy."""
    return tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else np.asarray(tensor)
