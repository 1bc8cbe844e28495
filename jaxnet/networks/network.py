"""The contract: a network is two pure functions, `init` and `apply`, and a static description of what it is made of.

The shape is that of Optax's `GradientTransformation`. Parameters are plain pytrees of arrays, so `jax.jit`, `jax.grad`,
`jax.vmap` and Optax take them as they are.
"""

import itertools
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from jax import Array
from jax.typing import ArrayLike

from jaxnet.networks.activations import Activation, name_of


class Network(NamedTuple):
    """A network: `init(key) -> params`, `apply(params, x) -> y`, and what it is made of.

    Attributes:
        init: makes parameters from a key of `jax.random.key`.
        apply: maps `x` `(..., n)` to `y` `(..., m)`; pure, so it goes under jit, grad and vmap.
        structure: a hashable description (`Layer`, `Chain`, `Wiring`) for functions that look inside, or None for a
            network of your own.

    Source: the shape of the contract is Optax's (DeepMind, 2020).

    >>> double = Network(init=lambda key: (), apply=lambda params, x: 2 * x)
    >>> chain(double, double).apply(((), ()), jnp.array([1.0]))
    Array([4.], dtype=float32)
    """

    init: Callable[[Array], Any]
    apply: Callable[[Any, ArrayLike], Array]
    structure: Hashable = None

    def __repr__(self) -> str:
        return f"Network({describe(self.structure)})"

    def _repr_html_(self) -> str | None:
        from jaxnet.networks.summaries import html_of_network  # only in notebooks: summaries build on networks

        return html_of_network(self)


class Layer(NamedTuple):
    """The structure of a dense layer: how many inputs and units it has, and their non-linearity."""

    n_inputs: int
    n_outputs: int
    activation: Activation


class Chain(NamedTuple):
    """The structure of a composition: that of each part, first to last."""

    parts: tuple[Hashable, ...]


def sizes_of(structure: Any) -> tuple[int | None, int | None]:
    """How many inputs and outputs a structure says it has; None where it does not say.

    >>> sizes_of(mlp([2, 4, 1]).structure), sizes_of(None)
    ((2, 1), (None, None))
    """
    if isinstance(structure, Chain):
        return sizes_of(structure.parts[0])[0], sizes_of(structure.parts[-1])[1]
    return getattr(structure, "n_inputs", None), getattr(structure, "n_outputs", None)


def describe(structure: Any) -> str:
    """A structure in a line, as it stands in a `Network`'s repr and in errors.

    >>> describe(mlp([2, 4, 1]).structure)
    '2 -> 4 sigmoid -> 1 sigmoid'
    """
    if isinstance(structure, Layer):
        return f"{structure.n_inputs} -> {structure.n_outputs} {name_of(structure.activation)}"
    if isinstance(structure, Chain):
        # Between two layers the size in the middle is said once: 2 -> 4 sigmoid -> 1 sigmoid.
        text = describe(structure.parts[0])
        for before, part in itertools.pairwise(structure.parts):
            description = describe(part)
            if isinstance(before, Layer) and isinstance(part, Layer):
                text += description[len(str(part.n_inputs)) :]
            else:
                text += f" -> ({description})"
        return text
    return "your own" if structure is None else repr(structure)
