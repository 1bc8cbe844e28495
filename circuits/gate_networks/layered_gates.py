"""Layers of gates, one after the other: what reads what, which of them run together, and what they give.

Scores of classes are sums over equal groups of the last layer (F. Petersen and others, Deep differentiable logic gate
networks, 2022).
"""

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.gate_networks import gate_wirings
from circuits.gate_networks.gate_layers import gates, gathered, matched_layers, mixed, picked
from circuits.gate_networks.gate_structures import GateStructure, HardLayer
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
from jaxnet.networks.network import Network
from jaxnet.pytrees import Key
from jaxnet.validation import ShapeError


class GateParams(NamedTuple):
    """The parameters of a logic gate network.

    Attributes:
        gates: logits `(layers, P, W)`, P = 4 or 16, for each run of layers that are computed together.
        choices: logits `(C, 2, W)` of the candidates for both inputs of each gate, for each layer whose wiring is
            learned.
    """

    gates: tuple[Any, ...]
    choices: tuple[Any, ...] = ()


class Run(NamedTuple):
    """Layers that are computed together: several of W gates, gate i of which reads nodes i and p(i); or any other one.

    Attributes:
        kind: "matched", "fixed" or "learned".
        start: the first layer.
        stop: the layer after the last.
    """

    kind: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False, repr=False)
class GateLayers(GateStructure):
    """The structure of a logic gate network: what reads what, and what its numbers mean.

    Attributes:
        n_inputs: n.
        reads: for each layer the nodes of the layer before that its gates read, `(2, W)` int32; `(C, 2, W)`, the
            candidates, where the wiring is learned.
        n_classes: of equal groups of the last layer whose sums are the outputs; None where its gates are.
        tau: what the sums are divided by.
        parametrisation: what the logits mean.
    """

    n_inputs: int
    reads: tuple[np.ndarray, ...]
    n_classes: int | None
    tau: float
    parametrisation: Parametrisation

    @property
    def widths(self) -> tuple[int, ...]:
        """How many gates each layer has."""
        return tuple(reads.shape[-1] for reads in self.reads)

    @property
    def n_outputs(self) -> int:  # type: ignore[override]
        """How many numbers there are for an example."""
        return self.n_classes or self.widths[-1]

    @functools.cached_property
    def runs(self) -> tuple[Run, ...]:
        """Which layers are computed together."""
        runs: list[Run] = []
        before = self.n_inputs
        for place, reads in enumerate(self.reads):
            matched = reads.ndim == 2 and gate_wirings.is_matched(reads, before)
            kind = "learned" if reads.ndim == 3 else "matched" if matched else "fixed"
            if runs and kind == runs[-1].kind == "matched":
                runs[-1] = runs[-1]._replace(stop=place + 1)
            else:
                runs.append(Run(kind, place, place + 1))
            before = reads.shape[-1]
        return tuple(runs)

    @functools.cached_property
    def shapes(self) -> GateParams:
        """The shapes of the parameters."""
        logits = N_LOGITS[self.parametrisation]
        return GateParams(
            tuple((run.stop - run.start, logits, self.widths[run.start]) for run in self.runs),
            tuple(reads.shape for reads in self.reads if reads.ndim == 3),
        )

    @functools.cached_property
    def readers(self) -> tuple[np.ndarray | None, ...]:
        """Where each node is read, for each layer; see `gate_wirings`."""
        before = (self.n_inputs, *self.widths[:-1])
        return tuple(gate_wirings.readers(reads, n) for reads, n in zip(self.reads, before, strict=True))

    def outputs(self, where: str, params: Any, x: ArrayLike, how: Pass = SOFT) -> Array:
        """Run the layers."""
        check_params(where, self, params)
        x = jnp.asarray(x)
        if x.ndim == 0 or x.shape[-1] != self.n_inputs:
            raise ShapeError(f"{where}: expected inputs (..., {self.n_inputs}) for {self}, got {x.shape}.")
        return _outputs(self, params, x, how.temperature, how.key, forward=how.forward)

    def hard_layers(self, where: str, params: Any) -> list[HardLayer]:
        """Return the layers of gates, and of what they read, that are most likely."""
        check_params(where, self, params)
        check_no_nan(where, params)
        layers = []
        for reads, (logits, choices) in zip(self.reads, layer_logits(self, params), strict=True):
            if choices is not None:
                chosen = np.asarray(choice_weights(choices, 1.0, None)[1])
                reads = np.take_along_axis(reads, chosen[None], axis=0)[0]
            layers.append(HardLayer(reads, hard_tables(logits, self.parametrisation)))
        return layers

    def __repr__(self) -> str:
        text, widths, start = f"{self.n_inputs} ->", self.widths, 0
        while start < len(widths):
            stop = next((i for i in range(start, len(widths)) if widths[i] != widths[start]), len(widths))
            text += f" {stop - start} x" * (stop - start > 1) + f" {widths[start]} ->"
            start = stop
        return text.removesuffix(" ->") + " gates" + f" -> {self.n_classes} classes" * (self.n_classes is not None)


def layers_of(where: str, network: Network) -> GateLayers:
    """Return the structure of a network made by `gate_network`.

    Args:
        where: named in the error.
        network: any.

    Raises:
        TypeError: if it is another one.

    >>> from circuits import gate_network
    >>> layers_of("gate_types", gate_network(3, [4])).widths
    (4,)
    """
    structure = network.structure if isinstance(network, Network) else None
    if not isinstance(structure, GateLayers):
        raise TypeError(f"{where}: expected a network made by gate_network alone, got {network!r}.")
    return structure


def layer_logits(structure: GateLayers, params: GateParams) -> list[tuple[Any, Any]]:
    """Return the parameters of each layer.

    Args:
        structure: of the network.
        params: its parameters.

    Returns:
        For each layer the logits of its gates `(P, W)`, and of its choices `(C, 2, W)`, or None.

    >>> from circuits import gate_network
    >>> network = gate_network(3, [4, 4])
    >>> params = network.init(jax.random.key(0))
    >>> [(logits.shape, chosen) for logits, chosen in layer_logits(network.structure, params)]
    [((4, 4), None), ((4, 4), None)]
    """
    chosen = iter(params.choices)
    return [
        (logits[layer - run.start], next(chosen) if run.kind == "learned" else None)
        for run, logits in zip(structure.runs, params.gates, strict=True)
        for layer in range(run.start, run.stop)
    ]


def check_params(where: str, structure: Any, params: Any) -> None:
    """Check that parameters have the shapes that a network needs, `structure.shapes`.

    Raises:
        ShapeError: if not.

    >>> from circuits import gate_network
    >>> network = gate_network(3, [4])
    >>> check_params("harden", network.structure, network.init(jax.random.key(0)))
    """
    if not isinstance(params, tuple) or len(params) != 2 or not all(isinstance(part, tuple | list) for part in params):
        raise ShapeError(f"{where}: expected GateParams(gates, choices) for {structure}, got {type(params).__name__}.")
    for name, arrays, shapes in zip(GateParams._fields, params, structure.shapes, strict=True):
        given = tuple(jnp.shape(array) for array in arrays)
        if given != shapes:
            raise ShapeError(f"{where}: expected {name} of shapes {list(shapes)} for {structure}, got {list(given)}.")


def check_no_nan(where: str, params: Any) -> None:
    """Check that no parameter is NaN: it would be hardened in silence, as if it were negative.

    Raises:
        ValueError: if one is.

    >>> check_no_nan("harden", GateParams((jnp.zeros((1, 4, 2)),)))
    """
    if any(bool(jnp.isnan(leaf).any()) for leaf in jax.tree.leaves(params)):
        raise ValueError(f"{where}: expected parameters that are numbers, got NaN: did the training diverge?")


@functools.partial(jax.jit, static_argnames=("structure", "forward"))
def _outputs(
    structure: GateLayers, params: GateParams, x: Array, temperature: ArrayLike, key: Key | None, forward: Forward
) -> Array:
    """Run the layers, a row for each node and a column for each example, as one program: a loop alone is one anyway."""
    dtype = jnp.result_type(*params[0])
    leading = x.shape[:-1]
    rows = x.reshape(math.prod(leading), structure.n_inputs).astype(dtype).T
    n_keys = len(structure.runs) + len(params[1])
    keys = iter(jax.random.split(key, n_keys) if forward == "gumbel" else [None] * n_keys)  # type: ignore[arg-type]
    chosen = iter(params[1])
    for run, logits in zip(structure.runs, params[0], strict=True):
        k = coefficients(logits, structure.parametrisation, forward, temperature, next(keys))
        reads, readers = structure.reads[run.start : run.stop], structure.readers[run.start]
        if run.kind == "matched":
            second = np.stack([r[1] for r in reads])
            rows = matched_layers(k, jnp.asarray(second), jnp.asarray(np.argsort(second, axis=1)), rows)
            continue
        width = reads[0].shape[-1]
        if run.kind == "learned":
            weights, best = choice_weights(next(chosen), temperature, next(keys))
            flat = weights.reshape(len(weights), -1), reads[0].reshape(len(weights), -1)
            both = _mixture(*flat, rows, readers) if forward == "soft" else _picks(*flat, rows, best.ravel())
        else:
            both = gathered(rows, jnp.asarray(reads[0].ravel()), None if readers is None else jnp.asarray(readers))
        rows = gates(Coefficients(k.k[0], k.squash), both[:width], both[width:])
    if structure.n_classes is not None:
        groups = rows.reshape(structure.n_classes, len(rows) // structure.n_classes, rows.shape[1])
        rows = groups.sum(axis=1) / jnp.asarray(structure.tau, dtype)
    return rows.T.reshape(*leading, structure.n_outputs)


def choice_weights(logits: ArrayLike, temperature: ArrayLike, key: Key | None) -> tuple[Array, Array]:
    """Return how much each candidate counts, and which counts most.

    Args:
        logits: `(C, ...)`.
        temperature: logits are divided by it.
        key: for the noise of "gumbel"; None for no noise.

    Returns:
        Weights `(C, ...)`, of sum 1 along the first axis; and the number of the largest `(...)`, the first of equals.

    >>> weights, best = choice_weights(jnp.array([[0.0], [0.0]]), 1.0, None)
    >>> weights.T, best
    (Array([[0.5, 0.5]], dtype=float32), Array([0], dtype=int32))
    """
    z = jnp.asarray(logits)
    if key is not None:
        z = z + jax.random.gumbel(key, z.shape, z.dtype)
    z = z / jnp.asarray(temperature, z.dtype)
    return jax.nn.softmax(z, axis=0), jnp.argmax(z, axis=0)


def _mixture(weights: Array, reads: np.ndarray, rows: Array, readers: np.ndarray | None) -> Array:
    """Return inputs that are mixtures of candidates: of all nodes as a product of matrices."""
    if len(weights) == len(rows):
        return jnp.matmul(weights.T, rows, precision=jax.lax.Precision.HIGHEST)
    return mixed(weights, rows, jnp.asarray(reads), None if readers is None else jnp.asarray(readers))


def _picks(weights: Array, reads: np.ndarray, rows: Array, best: Array) -> Array:
    """Return inputs that are chosen among candidates."""
    every = len(weights) == len(rows)
    chosen = best if every else jnp.take_along_axis(jnp.asarray(reads), best[None], axis=0)[0]
    return picked(weights, chosen, rows, jnp.asarray(reads))
