"""Convolutions whose kernels are trees of learned gates, with OR pooling, as a `jaxnet.Network`.

A kernel is a complete binary tree of two-input gates over fixed places of a small window, the same gates wherever the
window stands (F. Petersen and others, Convolutional differentiable logic gate networks, 2024). Values have a row for
each gate and a column for each place and example, so trees are a few layers of gates. Only what a convolution was given
is kept for the way back.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.gate_networks.gate_layers import gates, gathered
from circuits.gate_networks.gate_structures import GateStructure, HardLayer, check_word, rows_of
from circuits.gate_networks.logic_gate_networks import GateParams, check_params
from circuits.gate_networks.parametrisations import (
    N_LOGITS,
    Coefficients,
    Forward,
    Initial,
    Parametrisation,
    coefficients,
    hard_tables,
    initial_logits,
)
from jaxnet.networks.network import Network
from jaxnet.pytrees import Key
from jaxnet.validation import check_key, whole_number

_OR = 0b1110

# Numbers at the leaves of the kernels that are run together, 8 MB of float32. More do not stay in the cache, and the
# system has to find memory for them: all kernels at once took 2.5 times as long.
_LEAVES_AT_ONCE = 2**21


@dataclass(frozen=True, eq=False, repr=False)
class TreeLayers(GateStructure):
    """The structure of a convolution by trees of gates: where its leaves are, and where its windows stand.

    Attributes:
        shape: `(h, w, c)`, rows, columns and channels of what it is given.
        leaves: `(3, 2^depth, kernels)` int32, row and column in the window, and channel, of each leaf of each kernel.
            A gate of the first level reads leaf g and leaf g + 2^(depth - 1), and so on upwards.
        size: rows and columns of the window.
        stride: how far it moves.
        padding: rows and columns of zeros around what is given.
        pool: rows and columns of neighbouring results whose OR is one output.
        parametrisation: what the logits mean.
    """

    shape: tuple[int, int, int]
    leaves: np.ndarray
    size: int
    stride: int
    padding: int
    pool: int
    parametrisation: Parametrisation
    n_classes: int | None = None

    @property
    def kernels(self) -> int:
        """How many trees there are."""
        return self.leaves.shape[2]

    @property
    def widths(self) -> tuple[int, ...]:
        """How many gates each level of all trees has, from the leaves."""
        half = self.leaves.shape[1] // 2
        return tuple((half >> level) * self.kernels for level in range(half.bit_length()))

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of what it gives: the shape for the convolution after it."""
        rows, columns = (_windows(n, self.size, self.stride, self.padding, self.pool) for n in self.shape[:2])
        return rows, columns, self.kernels

    @property
    def n_inputs(self) -> int:  # type: ignore[override]
        """How many values it is given, h w c."""
        return int(np.prod(self.shape))

    @property
    def n_outputs(self) -> int:  # type: ignore[override]
        """How many values it gives."""
        return int(np.prod(self.output_shape))

    @property
    def shapes(self) -> GateParams:
        """The shapes of the parameters."""
        return GateParams(tuple((1, N_LOGITS[self.parametrisation], width) for width in self.widths))

    @functools.cached_property
    def reads(self) -> np.ndarray:
        """The value at each leaf, `(2^depth, kernels, pool^2 places)`: n_inputs stands for a zero of the padding."""
        h, w, c = self.shape
        out_h, out_w, _ = self.output_shape
        # Results that are pooled together are the first axis of the places.
        i, j, y, x = np.ogrid[: self.pool, : self.pool, :out_h, :out_w]
        top = (y * self.pool + i) * self.stride - self.padding
        left = (x * self.pool + j) * self.stride - self.padding
        row, column, channel = self.leaves[..., None, None, None, None]
        row, column = row + top, column + left
        inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
        reads = np.where(inside, (row * w + column) * c + channel, self.n_inputs)
        return reads.reshape(*reads.shape[:2], -1).astype(np.int32)

    def outputs(
        self,
        where: str,
        params: Any,
        x: ArrayLike,
        forward: Forward = "soft",
        temperature: ArrayLike = 1.0,
        key: Key | None = None,
    ) -> Array:
        """Run all trees at all places, a few kernels at a time."""
        check_params(where, self, params)
        dtype = jnp.result_type(*params[0])
        rows = rows_of(where, self, x, dtype)
        examples = rows.shape[1]
        padded = jnp.concatenate([rows, jnp.zeros((1, examples), dtype)])
        n = len(self.widths)
        keys = jax.random.split(key, n) if forward == "gumbel" else [None] * n  # type: ignore[arg-type]
        levels = [
            coefficients(logits[0], self.parametrisation, forward, temperature, k)
            for logits, k in zip(params[0], keys, strict=True)
        ]
        groups = _groups(self.kernels, self.reads.size * examples)
        in_group = self.kernels // groups
        ks = [jnp.moveaxis(level.k.reshape(4, -1, groups, in_group), 2, 0) for level in levels]
        reads = np.moveaxis(self.reads.reshape(len(self.reads), groups, in_group, -1), 1, 0)

        def trees(of_group: tuple[Array, list[Array]]) -> Array:
            reads, ks = of_group
            values = gathered(padded, reads.ravel(), None).reshape(reads[..., 0].size, -1)
            for k, level in zip(ks, levels, strict=True):
                half = len(values) // 2
                values = gates(Coefficients(k.reshape(4, half), level.squash), values[:half], values[half:])
            return _largest(values.reshape(in_group, self.pool**2, -1))

        pooled = jax.lax.map(jax.checkpoint(trees), (jnp.asarray(reads), ks))
        by_place = pooled.reshape(self.kernels, -1, examples).swapaxes(0, 1)
        return by_place.reshape(-1, examples).T.reshape(*jnp.shape(x)[:-1], self.n_outputs)

    def hard_layers(self, where: str, params: Any) -> list[HardLayer]:
        """Return each level of all trees at all places as a layer, then the levels of the ORs."""
        check_params(where, self, params)
        places = self.reads.shape[2]
        tables = [np.repeat(hard_tables(logits[0], self.parametrisation), places) for logits in params[0]]
        layers = [_without_zeros(self.reads.reshape(2, -1), tables[0], self.n_inputs)]
        layers += [HardLayer(_halves(len(t)), t) for t in tables[1:]]
        left, inner = self.pool**2, places // self.pool**2
        while left > 1:
            reads = _or_reads(self.kernels, left, inner)
            layers.append(HardLayer(reads, np.full(reads.shape[1], _OR, np.uint8)))
            left = (left + 1) // 2
        order = np.arange(self.n_outputs).reshape(self.kernels, inner).T.ravel()
        layers[-1] = HardLayer(layers[-1].reads[:, order], layers[-1].tables[order])
        return layers

    def __repr__(self) -> str:
        given, gives = ("x".join(map(str, shape)) for shape in (self.shape, self.output_shape))
        return f"{given} -> {self.kernels} trees of depth {len(self.widths)} -> {gives}"


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
        channels: of so many channels each tree reads leaves; c if there are fewer. All are read equally often.
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
    numbers = {"depth": depth, "size": size, "channels": channels, "stride": stride, "pool": pool, "kernels": kernels}
    for name, number in numbers.items():
        numbers[name] = whole_number("logic_convolution", name, number, 1)
    padding = whole_number("logic_convolution", "padding", padding, 0, size - 1)
    if len(shape) != 3:
        raise ValueError(f"logic_convolution: expected a shape (rows, columns, channels), got {tuple(shape)}.")
    names = ("rows", "columns", "channels")
    h, w, c = (whole_number("logic_convolution", *named, 1) for named in zip(names, shape, strict=True))
    check_word("logic_convolution", "parametrisation", parametrisation, Parametrisation)
    check_word("logic_convolution", "initial", initial, Initial)
    if min(_windows(n, size, stride, padding, pool) for n in (h, w)) < 1:
        raise ValueError(
            f"logic_convolution: expected images in which {pool}x{pool} windows of {size}x{size} fit at stride "
            f"{stride}, got {h}x{w} with padding {padding}. Take a smaller pool, or padding={size // 2}."
        )
    leaves = _leaves(np.random.default_rng(seed), kernels, 2**depth, size, c, min(channels, c))
    structure = TreeLayers((h, w, c), leaves, size, stride, padding, pool, parametrisation)

    def init(key: Key) -> GateParams:
        check_key("init", key)
        # All levels at once, since each shape is a compilation.
        drawn = initial_logits(key, (1, N_LOGITS[parametrisation], sum(structure.widths)), parametrisation, initial)
        return GateParams(tuple(jnp.split(drawn, np.cumsum(structure.widths)[:-1], axis=-1)))

    def apply(params: GateParams, x: ArrayLike) -> Array:
        return structure.outputs("apply", params, x)

    return Network(init, apply, structure)


def _windows(n: int, size: int, stride: int, padding: int, pool: int) -> int:
    """Return how many outputs there are along a side."""
    return ((n + 2 * padding - size) // stride + 1) // pool


def _leaves(rng: np.random.Generator, kernels: int, leaves: int, size: int, c: int, channels: int) -> np.ndarray:
    """Draw where the leaves of each kernel are: as few at one place as can be, of as many channels as are allowed."""
    drawn = np.concatenate([rng.permutation(c) for _ in range(-(-kernels * channels // c))])
    of_kernel = drawn[: kernels * channels].reshape(kernels, channels)
    n = size * size * channels
    places = np.stack([np.concatenate([rng.permutation(n) for _ in range(-(-leaves // n))]) for _ in range(kernels)])
    place, channel = np.divmod(places[:, :leaves], channels)
    chosen = np.stack([place // size, place % size, np.take_along_axis(of_kernel, channel, axis=1)])
    found = np.ascontiguousarray(chosen.swapaxes(1, 2), np.int32)
    found.flags.writeable = False
    return found


def _groups(kernels: int, numbers: int) -> int:
    """Return in how many equal groups kernels are run, if all their leaves are so many numbers."""
    wanted = -(-numbers // _LEAVES_AT_ONCE)
    return next(groups for groups in range(1, kernels + 1) if kernels % groups == 0 and groups >= min(wanted, kernels))


def _largest(values: Array) -> Array:
    """Return the largest along the second axis; the derivative goes to the first of them."""
    return functools.reduce(lambda a, b: jnp.where(a >= b, a, b), list(values.swapaxes(0, 1)))


def _halves(width: int) -> np.ndarray:
    """Return reads of a level: gate i reads value i and value i + width."""
    return np.arange(2 * width, dtype=np.int32).reshape(2, width)


def _or_reads(kernels: int, left: int, inner: int) -> np.ndarray:
    """Return reads of a level of ORs over the middle axis of values (kernels, left, inner)."""
    half = (left + 1) // 2
    first = np.arange(half)
    # One that is left over is read twice, since a or a is a.
    pairs = np.stack([first, np.where(first + half < left, first + half, first)])
    kernel, place = np.arange(kernels)[:, None, None], np.arange(inner)
    reads = (kernel * left + pairs[:, None, :, None]) * inner + place
    return reads.reshape(2, -1).astype(np.int32)


def _without_zeros(reads: np.ndarray, tables: np.ndarray, zero: int) -> HardLayer:
    """Return a layer that reads no zeros of the padding: the table knows them instead."""
    first, second = reads == zero
    tables = np.where(first, (tables & 0b0101) * 3, tables)
    tables = np.where(second, (tables & 0b0011) * 5, tables)
    return HardLayer(np.where(reads == zero, 0, reads), tables.astype(np.uint8))
