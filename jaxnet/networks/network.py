"""The contract: a network is two pure functions, `init` and `apply`, and a static description of what it is made of.

The shape is that of Optax's `GradientTransformation`. Parameters are plain pytrees of arrays, so `jax.jit`, `jax.grad`,
`jax.vmap` and Optax take them as they are.
"""

import itertools
from collections.abc import Callable, Hashable
from typing import NamedTuple

from jax import Array
from jax.typing import ArrayLike

from jaxnet.networks.activations import Activation, name_of
from jaxnet.notebook import picture_of
from jaxnet.pytrees import Key, Params

# What a network is made of: `Layer`, `Chain`, `Dag`, `Wired`, something of your own, or None. Its repr describes it in
# a line; attributes `n_inputs` and `n_outputs` say its sizes, if it has them.
Structure = Hashable


class Network(NamedTuple):
    """A network: `init(key) -> params`, `apply(params, x) -> y`, and what it is made of.

    Attributes:
        init: makes parameters from a key of `jax.random.key`.
        apply: maps `x` `(..., n)` to `y` `(..., m)`; pure, so it goes under jit, grad and vmap.
        structure: a hashable description for functions that look inside, or None for a network of your own.

    Source: the shape of the contract is Optax's (DeepMind, 2020).

    >>> from jaxnet.networks.layers import chain
    >>> double = Network(init=lambda key: (), apply=lambda params, x: 2 * x)
    >>> chain(double, double).apply(((), ()), 1.5)
    Array(6., dtype=float32, weak_type=True)
    """

    init: Callable[[Key], Params]
    apply: Callable[[Params, ArrayLike], Array]
    structure: Structure = None

    def __repr__(self) -> str:
        return f"Network({describe(self.structure)})"

    def _repr_html_(self) -> str | None:
        return picture_of(self)


class Layer(NamedTuple):
    """The structure of a dense layer: how many inputs and units it has, and their non-linearity."""

    n_inputs: int
    n_outputs: int
    activation: Activation

    def __repr__(self) -> str:
        return f"{self.n_inputs} -> {self.n_outputs} {name_of(self.activation)}"


class Chain(NamedTuple):
    """The structure of a composition: that of each part, first to last."""

    parts: tuple[Structure, ...]

    @property
    def n_inputs(self) -> int | None:
        """How many numbers the first part takes, or None where it does not say."""
        return sizes_of(self.parts[0])[0]

    @property
    def n_outputs(self) -> int | None:
        """How many numbers the last part gives, or None where it does not say."""
        return sizes_of(self.parts[-1])[1]

    def __repr__(self) -> str:
        # The size between two layers stands once: 2 -> 4 sigmoid -> 1 sigmoid.
        text = describe(self.parts[0])
        for before, part in itertools.pairwise(self.parts):
            if isinstance(before, Layer) and isinstance(part, Layer):
                text += f" -> {part.n_outputs} {name_of(part.activation)}"
            else:
                text += f" -> ({describe(part)})"
        return text


def sizes_of(structure: Structure) -> tuple[int | None, int | None]:
    """Return how many inputs and outputs a structure says it has; None where it does not say.

    >>> from jaxnet.networks.layers import mlp
    >>> sizes_of(mlp([2, 4, 1]).structure), sizes_of(None)
    ((2, 1), (None, None))
    """
    return getattr(structure, "n_inputs", None), getattr(structure, "n_outputs", None)


def describe(structure: Structure) -> str:
    """Return a structure in a line, as it stands in a `Network`'s repr and in errors.

    >>> from jaxnet.networks.layers import mlp
    >>> describe(mlp([2, 4, 1]).structure)
    '2 -> 4 sigmoid -> 1 sigmoid'
    """
    return "your own" if structure is None else repr(structure)
