"""Networks of logic gates that learn which gates they are: differentiable logic gate networks, as a `jaxnet.Network`.

Each gate reads two nodes of the layer before and computes a soft mixture of truth tables; its logits are the
parameters. Scores of classes are sums over equal groups of the last layer (F. Petersen and others, Deep differentiable
logic gate networks, 2022; described as patent pending by its authors).
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

import jaxnet
from circuits.gate_networks import gate_wirings
from circuits.gate_networks.gate_structures import check_word, structure_of
from circuits.gate_networks.layered_gates import GateLayers, GateParams
from circuits.gate_networks.parametrisations import Forward, Initial, Parametrisation, Pass, logits_of
from jaxnet.networks.network import Network
from jaxnet.pytrees import Batch, Key, Params
from jaxnet.validation import check_key, integers, whole_number

Wiring = Literal["balanced", "random", "learned"]


def gate_network(
    inputs: int,
    widths: Sequence[int],
    *,
    classes: int | None = None,
    parametrisation: Parametrisation = "input-wise",
    wiring: Wiring | Sequence[Wiring | ArrayLike] = "balanced",
    choices: int | Sequence[int] = 8,
    initial: Initial = "residual",
    tau: float | None = None,
    seed: int = 0,
) -> Network:
    """Return a network of logic gates that learns which gates they are.

    Args:
        inputs: n, at least 1.
        widths: how many gates each layer has, from the first.
        classes: the last layer is cut into so many equal groups, whose sums divided by `tau` are the outputs, the
            logits of the classes; if None the values of its gates are the outputs.
        parametrisation: "input-wise", four logits a gate, one for each row of its truth table; "softmax", sixteen, one
            for each table, as in the paper; "walsh", four coefficients of a polynomial of which a sigmoid is taken.
        wiring: one for all layers, or one for each: "balanced", all nodes read equally often; "random"; "learned", each
            input of each gate chosen among candidates; or the nodes to read, integers `(2, W)`.
        choices: how many candidates an input of a learned layer has, one number for all layers or one for each; n of
            the layer before or more for all of them.
        initial: how `init` draws logits: "residual", gates close to passing their first input on; "normal".
        tau: the temperature of the sums; if None half the square root of the gates of a group.
        seed: for the wiring, which belongs to the network and not to its parameters.

    Returns:
        A `Network` with parameters `GateParams` that maps `(..., n)`, Booleans or numbers in [0, 1], to logits
        `(..., classes)`, or to values `(..., W)` in [0, 1].

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if a size is not positive, classes do not divide the last layer, or a word is not known.

    Source: F. Petersen, C. Borgelt, H. Kuehne, O. Deussen, Deep differentiable logic gate networks (2022).

    >>> network = gate_network(17, [24, 24, 24], classes=2)
    >>> network
    Network(17 -> 3 x 24 gates -> 2 classes)
    >>> params = network.init(jax.random.key(0))
    >>> network.apply(params, jnp.zeros((5, 17), bool)).shape
    (5, 2)
    """
    inputs = whole_number("gate_network", "inputs", inputs, 1)
    widths = [whole_number("gate_network", f"width {i}", width, 1) for i, width in enumerate(widths)]
    if not widths:
        raise ValueError("gate_network: expected at least one layer, got no widths.")
    check_word("gate_network", "parametrisation", parametrisation, Parametrisation)
    check_word("gate_network", "initial", initial, Initial)
    if classes is not None:
        classes = whole_number("gate_network", "classes", classes, 1)
        if widths[-1] % classes:
            raise ValueError(
                f"gate_network: expected a last layer of equal groups for {classes} classes, got {widths[-1]} gates. "
                f"Take {-(-widths[-1] // classes) * classes}."
            )
    group = widths[-1] // (classes or 1)
    tau = math.sqrt(group) / 2 if tau is None else float(tau)
    if not 0 < tau < math.inf:
        raise ValueError(f"gate_network: expected a positive, finite tau, got {tau}.")
    kinds = [wiring] * len(widths) if isinstance(wiring, str) else list(wiring)
    if len(kinds) != len(widths):
        raise ValueError(f"gate_network: expected a wiring for each of {len(widths)} layers, got {len(kinds)}.")
    counts = list(choices) if isinstance(choices, Sequence) else [choices] * len(widths)
    if len(counts) != len(widths):
        raise ValueError(f"gate_network: expected choices for each of {len(widths)} layers, got {len(counts)}.")
    counts = [whole_number("gate_network", "choices", count, 1) for count in counts]
    rng = np.random.default_rng(seed)
    before = [inputs, *widths[:-1]]
    reads = tuple(
        _reads(rng, place, *layer) for place, layer in enumerate(zip(kinds, before, widths, counts, strict=True))
    )
    return network_of(GateLayers(inputs, reads, classes, tau, parametrisation), initial)


def network_of(structure: GateLayers, initial: Initial = "residual") -> Network:
    """Return the network of a structure.

    Args:
        structure: what reads what.
        initial: as for `gate_network`.

    >>> network_of(gate_network(3, [4]).structure)
    Network(3 -> 4 gates)
    """
    # One program: operation by operation there would be a dozen to compile.
    draw = jax.jit(functools.partial(_initial_params, structure, initial))

    def init(key: Key) -> GateParams:
        check_key("init", key)
        return draw(key)

    def apply(params: GateParams, x: ArrayLike) -> Array:
        return structure.outputs("apply", params, x)

    return Network(init, apply, structure)


def gate_outputs(
    network: Network,
    params: Params,
    x: ArrayLike,
    *,
    forward: Forward = "soft",
    temperature: ArrayLike = 1.0,
    key: Key | None = None,
) -> Array:
    """Run a logic gate network with soft or hard gates.

    Args:
        network: made by `gate_network` or `logic_convolution`, or a chain of them.
        params: its parameters.
        x: `(..., n)`, Booleans or numbers in [0, 1].
        forward: "soft", as `network.apply`; "hard", the gates and wires that are most likely, as in the circuit that
            `harden` makes; "straight-through", their values with the derivatives of the soft ones; "gumbel", that with
            gates drawn by their probability.
        temperature: logits are divided by it, and noise; a positive number.
        key: from `jax.random.key`, for "gumbel".

    Returns:
        What `network.apply` returns.

    Raises:
        TypeError: if the network is no logic gate network, or "gumbel" is not given a key.
        ValueError: if `forward` is none of these.
        ShapeError: if parameters or inputs do not fit.

    >>> network = gate_network(2, [4])
    >>> gate_outputs(network, network.init(jax.random.key(0)), jnp.array([[0, 1]]), forward="hard").shape
    (1, 4)
    """
    structure = structure_of("gate_outputs", network)
    check_word("gate_outputs", "forward", forward, Forward)
    if forward == "gumbel":
        check_key("gate_outputs", key)
    return structure.outputs("gate_outputs", params, x, Pass(forward, temperature, key))


def gate_loss(network: Network, *, forward: Forward = "soft", temperature: float = 1.0) -> Callable[..., Array]:
    """Return the loss of a logic gate network for `jaxnet.gradient_descent`: the mean cross-entropy.

    Args:
        network: made by `gate_network` or `logic_convolution`, or a chain of them.
        forward: "soft", the default; "straight-through"; "gumbel"; see `gate_outputs`.
        temperature: logits are divided by it.

    Returns:
        `loss(params, (x, y), key=None)`: y are numbers of classes `(...,)`; or without classes targets `(..., W)` in
        [0, 1], and the loss of an example is the sum over them. Without a key, as in validation, the gates of "gumbel"
        are not drawn, but the most likely ones.

    Raises:
        TypeError: if the network is no logic gate network.
        ValueError: if `forward` is none of the four of `gate_outputs`.

    >>> network = gate_network(2, [8, 8], classes=2)
    >>> x = jnp.array([[0, 0], [1, 0], [0, 1], [1, 1]], bool)
    >>> loss = gate_loss(network)
    >>> loss(network.init(jax.random.key(0)), (x, jnp.array([0, 1, 1, 0])), jax.random.key(1)).shape
    ()
    """
    structure = structure_of("gate_loss", network)
    check_word("gate_loss", "forward", forward, Forward)

    def loss(params: Params, batch: Batch, key: Key | None = None) -> Array:
        x, y = batch
        way = "straight-through" if forward == "gumbel" and key is None else forward
        outputs = gate_outputs(network, params, x, forward=way, temperature=temperature, key=key)
        if structure.n_classes is None:
            return jaxnet.binary_cross_entropy_from_probabilities(outputs, y).mean()
        return jaxnet.softmax_cross_entropy_with_integer_labels(outputs, y).mean()

    return loss


def _reads(rng: np.random.Generator, place: int, kind: Any, n: int, width: int, choices: int) -> np.ndarray:
    """Return the wiring of a layer."""
    if not isinstance(kind, str):
        reads = integers("gate_network", f"the wiring of layer {place}", kind, np.int32)
        if reads.shape != (2, width):
            raise ValueError(f"gate_network: expected a wiring (2, {width}) for layer {place}, got {reads.shape}.")
        if reads.size and (reads.min() < 0 or reads.max() >= n):
            raise ValueError(
                f"gate_network: expected the wiring of layer {place} to read nodes 0..{n - 1}, got "
                f"{reads.min()}..{reads.max()}."
            )
        return reads
    check_word("gate_network", "wiring", kind, Wiring)
    if kind == "balanced":
        reads = gate_wirings.balanced(rng, n, width)
    elif kind == "random":
        reads = gate_wirings.at_random(rng, n, width)
    else:
        reads = gate_wirings.candidates(rng, n, width, choices)
    reads.flags.writeable = False
    return reads


def _initial_params(structure: GateLayers, initial: Initial, key: Key) -> GateParams:
    """Draw all logits at once: the generator is most of what there is to compile."""
    shapes = structure.shapes
    sizes = [math.prod(shape) for shape in (*shapes.gates, *shapes.choices)]
    noise = iter(jnp.split(jax.random.normal(key, (sum(sizes),)), np.cumsum(sizes)[:-1]))
    logits = tuple(logits_of(next(noise).reshape(shape), structure.parametrisation, initial) for shape in shapes.gates)
    learned = [place for place, reads in enumerate(structure.reads) if reads.ndim == 3]
    choices = []
    for place, shape in zip(learned, shapes.choices, strict=True):
        drawn = 0.01 * next(noise).reshape(shape)
        # Past the first layer gates begin as in a fixed wiring: so what is near a copy of a node stays one.
        choices.append(drawn.at[0].add(2.0) if place and initial == "residual" else drawn)
    return GateParams(logits, tuple(choices))
