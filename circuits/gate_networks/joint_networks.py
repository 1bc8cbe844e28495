"""Several logic gate networks as one wide network, so that one program trains them all, each with a wiring of its own.

Rows of nodes are just more rows: a layer of M networks of W gates is a layer of M W gates, whose wiring reads the nodes
of its own network. Nothing is shared but the inputs, so that the gradient of a sum of losses is that of each alone.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

import jaxnet
from circuits.gate_networks.layered_gates import GateLayers, GateParams, check_params, layer_logits
from circuits.gate_networks.parametrisations import Forward, Pass
from jaxnet.networks.network import Network
from jaxnet.pytrees import Batch, Key
from jaxnet.validation import check_key


@dataclass(frozen=True, eq=False, repr=False)
class Members:
    """The structure of networks side by side.

    Attributes:
        members: the structure of each.
        whole: all of them as one network, whose classes are those of the first, then those of the second, ...
    """

    members: tuple[GateLayers, ...]
    whole: GateLayers

    @property
    def n_inputs(self) -> int:
        """How many inputs all of them read."""
        return self.whole.n_inputs

    def __repr__(self) -> str:
        return f"{len(self.members)} side by side: {self.members[0]!r}"


def side_by_side(networks: Sequence[Network]) -> Network:
    """Return one network that is several logic gate networks of one shape, each with its own wiring.

    Adam, and any optimiser that treats each parameter alone, trains each as it would train it by itself where the loss
    is a sum over the networks, as that of `joint_loss`.

    Args:
        networks: one or more made by `gate_network`, equal in inputs, widths, classes, tau, parametrisation and in how
            many candidates their learned layers have.

    Returns:
        A `Network` that maps `(..., n)` to `(..., members, classes)`, or without classes to `(..., members, W)`; `init`
        gives each the parameters that its own `init` gives for one of as many keys split from the key.
        `split_params` takes them apart.

    Raises:
        TypeError: if one of them is no logic gate network.
        ValueError: if there are none, or they differ in shape.

    >>> from circuits import gate_network
    >>> several = side_by_side([gate_network(17, [24, 24], classes=2, seed=seed) for seed in range(3)])
    >>> several
    Network(3 side by side: 17 -> 2 x 24 gates -> 2 classes)
    >>> several.apply(several.init(jax.random.key(0)), jnp.zeros((5, 17), bool)).shape
    (5, 3, 2)
    """
    structures = [_layers_of(network) for network in networks]
    if not structures:
        raise ValueError("side_by_side: expected at least one network, got none.")
    for place, structure in enumerate(structures):
        if _shape(structure) != _shape(structures[0]):
            raise ValueError(
                f"side_by_side: expected networks of one shape, got {structures[0]} and, as number {place}, {structure}"
                f"{'' if repr(structure) != repr(structures[0]) else ', which differ in tau, logits or candidates'}."
            )
    one, count = structures[0], len(structures)
    before = (0, *one.widths[:-1])  # the inputs are those of all
    reads = tuple(
        np.concatenate([layer + np.int32(member * nodes) for member, layer in enumerate(layers)], axis=-1)
        for nodes, layers in zip(before, zip(*(s.reads for s in structures), strict=True), strict=True)
    )
    classes = None if one.n_classes is None else count * one.n_classes
    structure = Members(tuple(structures), dataclasses.replace(one, reads=reads, n_classes=classes))

    def init(key: Key) -> GateParams:
        check_key("init", key)
        keys = jax.random.split(key, count)
        return _joined(structure, [network.init(k) for network, k in zip(networks, keys, strict=True)])

    def apply(params: GateParams, x: ArrayLike) -> Array:
        return _outputs(structure, params, x, "soft")

    return Network(init, apply, structure)


def joint_outputs(network: Network, params: GateParams, x: ArrayLike, *, forward: Forward = "soft") -> Array:
    """Run networks side by side with soft or hard gates.

    Args:
        network: made by `side_by_side`.
        params: its parameters.
        x: `(..., n)`, Booleans or numbers in [0, 1].
        forward: "soft", "hard" or "straight-through", as for `gate_outputs`.

    Returns:
        What `network.apply` returns.

    Raises:
        TypeError: if the network is not made by `side_by_side`.
        ShapeError: if parameters or inputs do not fit.

    >>> from circuits import gate_network
    >>> several = side_by_side([gate_network(2, [4], classes=2, seed=seed) for seed in range(3)])
    >>> joint_outputs(several, several.init(jax.random.key(0)), jnp.array([[0, 1]]), forward="hard").shape
    (1, 3, 2)
    """
    return _outputs(_members("joint_outputs", network), params, x, forward)


def split_params(network: Network, params: GateParams) -> list[GateParams]:
    """Return the parameters of each of several networks that were trained side by side.

    Args:
        network: made by `side_by_side`.
        params: its parameters, or their gradient.

    Returns:
        Those of each network, in their order.

    Raises:
        TypeError: if the network is not made by `side_by_side`.
        ShapeError: if the parameters do not fit.

    >>> from circuits import gate_network
    >>> one = gate_network(2, [4], classes=2)
    >>> several = side_by_side([one, one, one])
    >>> [p.gates[0].shape for p in split_params(several, several.init(jax.random.key(0)))]
    [(1, 4, 4), (1, 4, 4), (1, 4, 4)]
    """
    structure = _members("split_params", network)
    check_params("split_params", structure.whole, params)
    layers = layer_logits(structure.whole, params)
    count = len(structure.members)
    parts = [
        [
            tuple(None if logits is None else jnp.split(logits, count, axis=-1)[member] for logits in layer)
            for layer in layers
        ]
        for member in range(count)
    ]
    return [_as_params(one, part) for one, part in zip(structure.members, parts, strict=True)]


def joint_loss(network: Network) -> Callable[[GateParams, Batch], tuple[Array, dict[str, Array]]]:
    """Return the loss of networks side by side: the sum of their mean cross-entropies, and each of them.

    Args:
        network: made by `side_by_side`, of networks with classes.

    Returns:
        `loss(params, (x, y))` for `jaxnet.gradient_descent(..., has_aux=True)`: a scalar, and the metric `members`,
        the loss of each.

    Raises:
        TypeError: if the network is not made by `side_by_side`.
        ValueError: if its networks have no classes.

    >>> from circuits import gate_network
    >>> several = side_by_side([gate_network(2, [4], classes=2, seed=seed) for seed in range(3)])
    >>> data = jnp.array([[0, 0], [1, 0], [0, 1], [1, 1]], bool), jnp.array([0, 1, 1, 0])
    >>> total, each = joint_loss(several)(several.init(jax.random.key(0)), data)
    >>> total.shape, each["members"].shape
    ((), (3,))
    """
    structure = _members("joint_loss", network)
    if structure.whole.n_classes is None:
        raise ValueError(f"joint_loss: expected networks with classes, got {structure}.")

    def loss(params: GateParams, batch: Batch) -> tuple[Array, dict[str, Array]]:
        x, y = batch
        outputs = network.apply(params, x)
        labels = jnp.broadcast_to(jnp.asarray(y)[..., None], outputs.shape[:-1])
        losses = jaxnet.softmax_cross_entropy_with_integer_labels(outputs, labels)
        each = losses.reshape(-1, losses.shape[-1]).mean(axis=0)
        return each.sum(), {"members": each}

    return loss


def _layers_of(network: Network) -> GateLayers:
    structure = network.structure if isinstance(network, Network) else None
    if not isinstance(structure, GateLayers):
        raise TypeError(f"side_by_side: expected networks made by gate_network, got {network!r}.")
    return structure


def _members(where: str, network: Network) -> Members:
    if not isinstance(network, Network) or not isinstance(network.structure, Members):
        raise TypeError(f"{where}: expected a network made by side_by_side, got {network!r}.")
    return network.structure


def _outputs(structure: Members, params: GateParams, x: ArrayLike, forward: Forward) -> Array:
    outputs = structure.whole.outputs("apply", params, x, Pass(forward))
    return outputs.reshape(*outputs.shape[:-1], len(structure.members), -1)


def _shape(structure: GateLayers) -> tuple:
    """Return what networks side by side have in common."""
    reads = tuple(layer.shape for layer in structure.reads)
    return structure.n_inputs, reads, structure.n_classes, structure.tau, structure.parametrisation


def _joined(structure: Members, params: Sequence[GateParams]) -> GateParams:
    """Return the parameters of the whole, given those of each."""
    members = [layer_logits(one, p) for one, p in zip(structure.members, params, strict=True)]
    layers = [
        tuple(None if logits[0] is None else jnp.concatenate(logits, axis=-1) for logits in zip(*layer, strict=True))
        for layer in zip(*members, strict=True)
    ]
    return _as_params(structure.whole, layers)


def _as_params(structure: GateLayers, layers: Sequence[tuple[Any, ...]]) -> GateParams:
    """Return the parameters of a network, given those of each layer: the inverse of `layer_logits`."""
    gates = tuple(jnp.stack([logits for logits, _ in layers[run.start : run.stop]]) for run in structure.runs)
    return GateParams(gates, tuple(choices for _, choices in layers if choices is not None))
