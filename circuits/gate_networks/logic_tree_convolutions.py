"""Convolutions whose kernels are trees of learned gates, with OR pooling, as a `jaxnet.Network`.

A kernel is a complete binary tree of two-input gates over fixed places of a small window, the same gates wherever the
window stands (F. Petersen and others, Convolutional differentiable logic gate networks, 2024).
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.gate_networks.gate_structures import check_word
from circuits.gate_networks.layered_gates import GateParams
from circuits.gate_networks.parametrisations import N_LOGITS, Initial, Parametrisation, initial_logits
from circuits.gate_networks.tree_layers import TreeLayers
from jaxnet.networks.network import Network
from jaxnet.pytrees import Key
from jaxnet.validation import check_key, whole_number


def logic_convolution(
    shape: Sequence[int],
    kernels: int,
    *,
    depth: int = 2,
    size: int = 3,
    channels: int = 2,
    stride: int = 1,
    padding: int = 0,
    pool: int = 2,
    parametrisation: Parametrisation = "input-wise",
    initial: Initial = "residual",
    seed: int = 0,
) -> Network:
    """Return a convolution whose kernels are trees of learned gates, and the OR of neighbouring results.

    Args:
        shape: `(h, w, c)`, rows, columns and channels of what it is given.
        kernels: how many trees, the channels of what it gives.
        depth: levels of gates of a tree, which has 2^depth leaves.
        size: rows and columns of the window in which the leaves of a tree lie.
        channels: of so many channels each tree has leaves; c if there are fewer. They are drawn in rounds without
            replacement.
        stride: how far the window moves.
        padding: rows and columns of zeros around what is given; with size 3 and padding 1 there are as many results
            as places.
        pool: the results of pool x pool neighbouring places become one output, their largest: the OR of bits. Places
            at the end that fill no such square are left out. 1 for none.
        parametrisation: what the logits of a gate mean, as for `gate_network`.
        initial: how `init` draws them: "residual", gates close to passing their first input on; "normal".
        seed: for the places of the leaves, which belong to the network and not to its parameters.

    Returns:
        A `Network` with parameters `GateParams`, an array `(1, P, gates)` for each level of the trees, from the
        leaves. It maps `(..., h w c)`, Booleans or numbers in [0, 1], to `(..., h' w' kernels)` in [0, 1], both in the
        order of an array (row, column, channel); `structure.output_shape` is `(h', w', kernels)`. It is a part for
        `jaxnet.chain` with others and with `gate_network`; `harden` and the like take such chains.

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if a size is out of range, no window fits, or a word is not known.

    Source: F. Petersen, H. Kuehne, C. Borgelt, J. Welzel, S. Ermon, Convolutional differentiable logic gate networks
    (2024). Its LogicTreeNet-S for CIFAR-10 is, on images of 2 bits a colour:

    >>> from circuits import gate_network
    >>> from jaxnet import chain
    >>> parts, shape, k = [], (32, 32, 6), 32
    >>> for kernels in (k, 4 * k, 16 * k, 32 * k):
    ...     parts.append(logic_convolution(shape, kernels, depth=3, padding=1))
    ...     shape = parts[-1].structure.output_shape
    >>> network = chain(*parts, gate_network(128 * k, [1280 * k, 640 * k, 320 * k], classes=10, tau=20))
    >>> parts[0], shape
    (Network(32x32x6 -> 32 trees of depth 3 -> 16x16x32), (2, 2, 1024))
    """
    numbers = {"kernels": kernels, "depth": depth, "size": size, "channels": channels, "stride": stride, "pool": pool}
    kernels, depth, size, channels, stride, pool = (
        whole_number("logic_convolution", name, number, 1) for name, number in numbers.items()
    )
    padding = whole_number("logic_convolution", "padding", padding, 0, size - 1)
    if len(shape) != 3:
        raise ValueError(f"logic_convolution: expected a shape (rows, columns, channels), got {tuple(shape)}.")
    names = ("rows", "columns", "channels")
    h, w, c = (whole_number("logic_convolution", *named, 1) for named in zip(names, shape, strict=True))
    check_word("logic_convolution", "parametrisation", parametrisation, Parametrisation)
    check_word("logic_convolution", "initial", initial, Initial)
    leaves = _leaves(np.random.default_rng(seed), kernels, 2**depth, size, c, min(channels, c))
    structure = TreeLayers((h, w, c), leaves, size, stride, padding, pool, parametrisation)
    if min(structure.output_shape) < 1:
        raise ValueError(
            f"logic_convolution: expected images in which {pool}x{pool} windows of {size}x{size} fit at stride "
            f"{stride}, got {h}x{w} with padding {padding}. Take a smaller pool, or padding={size // 2}."
        )
    return convolution_of(structure, initial)


def convolution_of(structure: TreeLayers, initial: Initial = "residual") -> Network:
    """Return the network of a structure.

    Args:
        structure: where leaves are and windows stand.
        initial: as for `logic_convolution`.

    >>> convolution_of(logic_convolution((4, 4, 1), 2).structure)
    Network(4x4x1 -> 2 trees of depth 2 -> 1x1x2)
    """
    parametrisation = structure.parametrisation

    def init(key: Key) -> GateParams:
        check_key("init", key)
        # All levels at once, since each shape is a compilation.
        drawn = initial_logits(key, (1, N_LOGITS[parametrisation], sum(structure.widths)), parametrisation, initial)
        return GateParams(tuple(jnp.split(drawn, np.cumsum(structure.widths)[:-1], axis=-1)))

    def apply(params: GateParams, x: ArrayLike) -> Array:
        return structure.outputs("apply", params, x)

    return Network(init, apply, structure)


def _leaves(rng: np.random.Generator, kernels: int, leaves: int, size: int, c: int, channels: int) -> np.ndarray:
    """Draw where the leaves of each kernel are: as few at one place as can be, of as many channels as are allowed."""
    in_round = c // channels
    rounds = [rng.permutation(c)[: in_round * channels] for _ in range(-(-kernels // in_round))]
    of_kernel = np.concatenate(rounds).reshape(-1, channels)[:kernels]
    n = size * size * channels
    places = np.stack([np.concatenate([rng.permutation(n) for _ in range(-(-leaves // n))]) for _ in range(kernels)])
    place, channel = np.divmod(places[:, :leaves], channels)
    chosen = np.stack([place // size, place % size, np.take_along_axis(of_kernel, channel, axis=1)])
    found = np.ascontiguousarray(chosen.swapaxes(1, 2), np.int32)
    found.flags.writeable = False
    return found
