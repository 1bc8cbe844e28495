"""The structures of networks of logic gates: what each kind of them, and a chain of them, can do."""

from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.gate_networks.parametrisations import SOFT, Pass
from jaxnet.networks.network import Chain, Network, describe
from jaxnet.validation import ShapeError, located


class HardLayer(NamedTuple):
    """A layer whose gates are decided.

    Attributes:
        reads: `(2, W)` int32, the values of the layer before, or the inputs, that each gate reads.
        tables: `(W,)` uint8, the truth tables of `circuits.gates`.
    """

    reads: np.ndarray
    tables: np.ndarray


class GateStructure:
    """What the structure of a network of logic gates can do; each kind of them is made from this one.

    Attributes:
        n_inputs: n.
        n_outputs: how many numbers there are for an example.
        n_classes: of equal groups of the last gates whose sums are the outputs; None where the gates are.
    """

    n_inputs: int
    n_outputs: int
    n_classes: int | None

    def outputs(self, where: str, params: Any, x: ArrayLike, how: Pass = SOFT) -> Array:
        """Run the network, as `gate_outputs` does."""
        raise NotImplementedError

    def hard_layers(self, where: str, params: Any) -> list[HardLayer]:
        """Return the layers of gates that are most likely, from the first."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class GateChain(GateStructure):
    """Networks of logic gates, each fed with what the one before gives."""

    chain: Chain
    parts: tuple[GateStructure, ...]

    @property
    def n_inputs(self) -> int:  # type: ignore[override]
        """How many the first part takes."""
        return self.parts[0].n_inputs

    @property
    def n_outputs(self) -> int:  # type: ignore[override]
        """How many the last part gives."""
        return self.parts[-1].n_outputs

    @property
    def n_classes(self) -> int | None:  # type: ignore[override]
        """Those of the last part."""
        return self.parts[-1].n_classes

    def outputs(self, where: str, params: Any, x: ArrayLike, how: Pass = SOFT) -> Array:
        """Run the parts, first to last, each with a key of its own."""
        self._check_params(where, params)
        n = len(self.parts)
        keys = jax.random.split(how.key, n) if how.forward == "gumbel" else [None] * n  # type: ignore[arg-type]
        for i, (part, p, k) in enumerate(zip(self.parts, params, keys, strict=True), start=1):
            with located(where, f"layer {i} of {n} ({part})"):
                x = part.outputs("apply", p, x, how._replace(key=k))
        return jnp.asarray(x)

    def hard_layers(self, where: str, params: Any) -> list[HardLayer]:
        """Return those of all parts."""
        self._check_params(where, params)
        layers = []
        for i, (part, p) in enumerate(zip(self.parts, params, strict=True), start=1):
            with located(where, f"layer {i} of {len(self.parts)} ({part})"):
                layers += part.hard_layers("apply", p)
        return layers

    def _check_params(self, where: str, params: Any) -> None:
        if not isinstance(params, tuple | list) or len(params) != len(self.parts):
            got = f"of {len(params)}" if isinstance(params, tuple | list) else type(params).__name__
            raise ShapeError(f"{where}: expected a tuple of {len(self.parts)} parameters for {self}, got {got}.")

    def __repr__(self) -> str:
        return describe(self.chain)


def structure_of(where: str, network: Network) -> GateStructure:
    """Return the structure of a network of logic gates, or of a chain of them.

    Args:
        where: named in the error.
        network: any.

    Raises:
        TypeError: if it is none.
        ValueError: if a part of a chain before the last has classes: their sums are no bits.

    >>> from circuits import gate_network
    >>> structure_of("harden", gate_network(3, [4])).n_outputs
    4
    """
    structure = network.structure if isinstance(network, Network) else None
    if is_of_gates(structure):
        return _as_one(where, structure)
    raise TypeError(
        f"{where}: expected a network made by gate_network or logic_convolution, or a chain of them, got {network!r}."
    )


def check_word(where: str, name: str, value: Any, kinds: Any) -> None:
    """Check that an argument is one of the words of a type.

    Args:
        where: named in the error.
        name: of the argument.
        value: given for it.
        kinds: a `Literal` type.

    Raises:
        ValueError: if it is none of them.

    >>> from circuits.gate_networks.parametrisations import Initial
    >>> check_word("gate_network", "initial", "residual", Initial)
    """
    if value not in get_args(kinds):
        raise ValueError(f"{where}: expected {name} to be one of {get_args(kinds)}, got {value!r}.")


def is_of_gates(structure: Any) -> bool:
    """Return whether a structure is one of gates, or a chain of them.

    Args:
        structure: of a network.

    >>> is_of_gates(None)
    False
    """
    if isinstance(structure, Chain):
        return all(map(is_of_gates, structure.parts))
    return isinstance(structure, GateStructure)


def _as_one(where: str, structure: Any) -> GateStructure:
    """Return a structure of gates as it is, and a chain as a `GateChain`."""
    if not isinstance(structure, Chain):
        return structure
    parts = tuple(_as_one(where, part) for part in structure.parts)
    for i, part in enumerate(parts[:-1], start=1):
        if part.n_classes is not None:
            raise ValueError(
                f"{where}: expected classes in the last part of a chain only, got them in part {i}, {part}. Its sums "
                "are no bits that gates could read."
            )
    return GateChain(structure, parts)
