"""Trees of gates at all places of an image, and the OR of neighbouring results: what they give, soft and hard.

Values have a row for each gate of a level and a column for each place and example, so that trees are a few layers of
gates. Only what a convolution was given is kept for the way back.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.gate_networks.gate_layers import gates, gathered
from circuits.gate_networks.gate_structures import GateStructure, HardLayer
from circuits.gate_networks.layered_gates import GateParams, check_no_nan, check_params
from circuits.gate_networks.parametrisations import (
    N_LOGITS,
    SOFT,
    Coefficients,
    Forward,
    Parametrisation,
    Pass,
    coefficients,
    hard_tables,
)
from jaxnet.pytrees import Key
from jaxnet.validation import ShapeError

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

    def outputs(self, where: str, params: Any, x: ArrayLike, how: Pass = SOFT) -> Array:
        """Run all trees at all places."""
        check_params(where, self, params)
        x = jnp.asarray(x)
        if x.ndim == 0 or x.shape[-1] != self.n_inputs:
            raise ShapeError(
                f"{where}: expected inputs (..., {self.n_inputs}) for {self}, got {x.shape}. An image {self.shape} is "
                f"given flat, x.reshape(-1, {self.n_inputs})."
            )
        return _outputs(self, params, x, how.temperature, how.key, forward=how.forward)

    def hard_layers(self, where: str, params: Any) -> list[HardLayer]:
        """Return each level of all trees at all places as a layer, then the levels of the ORs."""
        check_params(where, self, params)
        check_no_nan(where, params)
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


def _windows(n: int, size: int, stride: int, padding: int, pool: int) -> int:
    """Return how many outputs there are along a side."""
    return ((n + 2 * padding - size) // stride + 1) // pool


@functools.partial(jax.jit, static_argnames=("structure", "forward"))
def _outputs(
    structure: TreeLayers, params: GateParams, x: Array, temperature: ArrayLike, key: Key | None, forward: Forward
) -> Array:
    """Run all trees at all places, a few kernels at a time."""
    dtype = jnp.result_type(*params[0])
    examples = math.prod(x.shape[:-1])
    rows = x.reshape(examples, structure.n_inputs).astype(dtype).T
    padded = jnp.concatenate([rows, jnp.zeros((1, examples), dtype)])
    n = len(structure.widths)
    keys = jax.random.split(key, n) if forward == "gumbel" else [None] * n  # type: ignore[arg-type]
    levels = [
        coefficients(logits[0], structure.parametrisation, forward, temperature, k)
        for logits, k in zip(params[0], keys, strict=True)
    ]
    leaves, kernels, places = structure.reads.shape
    groups = _groups(kernels, structure.reads.size * examples)
    in_group = kernels // groups
    ks = [jnp.moveaxis(level.k.reshape(4, -1, groups, in_group), 2, 0) for level in levels]
    reads = np.moveaxis(structure.reads.reshape(leaves, groups, in_group, places), 1, 0)

    def trees(of_group: tuple[Array, list[Array]]) -> Array:
        reads, ks = of_group
        values = gathered(padded, reads.ravel(), None).reshape(leaves * in_group, places * examples)
        for k, level in zip(ks, levels, strict=True):
            half = len(values) // 2
            values = gates(Coefficients(k.reshape(4, half), level.squash), values[:half], values[half:])
        return _largest(values.reshape(in_group, structure.pool**2, places // structure.pool**2 * examples))

    pooled = jax.lax.map(jax.checkpoint(trees), (jnp.asarray(reads), ks))
    by_place = pooled.reshape(kernels, structure.n_outputs // kernels, examples).swapaxes(0, 1)
    return by_place.reshape(structure.n_outputs, examples).T.reshape(*x.shape[:-1], structure.n_outputs)


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
