"""Layers and their composition (eq. 7-8): F^l = sigma^l o Fbar^l and F = F^L o ... o F^1."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jax.nn.initializers import Initializer
from jax.typing import ArrayLike, DTypeLike

from jaxnet.networks.activations import Activation, sigmoid
from jaxnet.networks.initial_weights import default_weights, initial_layers
from jaxnet.networks.network import Chain, Layer, Network, describe, sizes_of
from jaxnet.networks.units import Neuron, weighted_sums
from jaxnet.pytrees import Key
from jaxnet.validation import ShapeError, check_key, located, whole_number, written


def layer(
    n_inputs: int,
    n_outputs: int,
    activation: Activation = sigmoid,
    *,
    weights: Initializer | None = None,
    dtype: DTypeLike = float,
) -> Network:
    """Return a dense layer, x -> sigma(W x + b): eq. 7.

    Args:
        n_inputs: n, at least 1.
        n_outputs: m, the number of units, at least 1.
        activation: the non-linearity of its units.
        weights: one of `jax.nn.initializers`, called with shape (n, m); that of `default_weights` if None. Biases start
            at zero.
        dtype: of the parameters; `float` is float32, or float64 under `jax.enable_x64`.

    Returns:
        A `Network` with parameters `Neuron(w, b)`, w `(m, n)` and b `(m,)`, that maps `(..., n)` to `(..., m)`.

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if a size is not positive.

    Source: Y. Zhang (2019), eq. 7.

    >>> layer(3, 2)
    Network(3 -> 2 sigmoid)
    """
    n_inputs = whole_number("layer", "n_inputs", n_inputs, 1)
    n_outputs = whole_number("layer", "n_outputs", n_outputs, 1)
    initializer = default_weights(activation) if weights is None else weights

    def init(key: Key) -> Neuron:
        return initial_layers(key, (n_inputs, n_outputs), (initializer,), dtype)[0]

    def apply(params: Neuron, x: ArrayLike) -> Array:
        shape = jnp.shape(params[0])
        if shape != (n_outputs, n_inputs):
            hint = " Weights are (outputs, inputs): are these transposed?" if shape == (n_inputs, n_outputs) else ""
            raise ShapeError(f"apply: expected weights {(n_outputs, n_inputs)}, got {shape}.{hint}")
        with located("apply"):
            return activation(weighted_sums("apply", params, x))

    return Network(init, apply, Layer(n_inputs, n_outputs, activation))


def chain(*parts: Network) -> Network:
    """Return the composition of networks, first to last: eq. 8.

    Args:
        parts: one or more networks, each fed with what the one before it gives.

    Returns:
        A `Network` whose parameters are the tuple of those of its parts.

    Raises:
        ValueError: if there are no parts.
        ShapeError: if a part takes another number of inputs than the one before it gives; and from `apply`, with the
            part's place, if parameters or inputs do not fit.

    Source: Y. Zhang (2019), eq. 8.

    >>> chain(layer(3, 2), layer(2, 1))
    Network(3 -> 2 sigmoid -> 1 sigmoid)
    """
    if not parts:
        raise ValueError("chain: expected at least one network, got none.")
    for place, (first, second) in enumerate(itertools.pairwise(parts), start=1):
        given, taken = sizes_of(first.structure)[1], sizes_of(second.structure)[0]
        if None not in (given, taken) and given != taken:
            raise ShapeError(f"chain: part {place} gives {given} outputs, but part {place + 1} takes {taken} inputs.")

    structure = Chain(tuple(part.structure for part in parts))
    places = [f"layer {i} of {len(parts)} ({describe(part)})" for i, part in enumerate(structure.parts, start=1)]

    def init(key: Key) -> tuple:
        check_key("init", key)
        params = []
        for place, part, k in zip(places, parts, jax.random.split(key, len(parts)), strict=True):
            with located("init", place):
                params.append(part.init(k))
        return tuple(params)

    def apply(params: Sequence, x: ArrayLike) -> Array:
        if len(params) != len(parts):
            raise ShapeError(f"apply: expected parameters for {len(parts)} parts of {structure}, got {len(params)}.")
        for place, part, p in zip(places, parts, params, strict=True):
            with located("apply", place):
                x = part.apply(p, x)
        return jnp.asarray(x)

    return Network(init, apply, structure)


def mlp(
    sizes: Sequence[int],
    activation: Activation | Sequence[Activation] = sigmoid,
    *,
    weights: Initializer | None = None,
    dtype: DTypeLike = float,
) -> Network:
    """Return a multilayer perceptron, F = F^L o ... o F^1 with F^l(x) = sigma^l(W^l x + b^l): eq. 7-8.

    Args:
        sizes: inputs, hidden layers, outputs: `[2, 4, 1]` has two inputs, four hidden units and one output.
        activation: one for all layers, or one for each; `[jaxnet.tanh, jaxnet.identity]` leaves the outputs linear.
        weights: an initialiser of `jax.nn.initializers` for all layers; that of `default_weights` for each if None.
        dtype: of the parameters.

    Returns:
        A `Network` with parameters `(Neuron(w, b), ...)`, one per layer.

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if there are fewer than two sizes, one is not positive, or the number of activations is not that of
            the layers.

    Source: Y. Zhang (2019), eq. 7-8.

    >>> net = mlp([2, 4, 1])
    >>> params = net.init(jax.random.key(0))
    >>> net.apply(params, jnp.zeros((5, 2))).shape
    (5, 1)
    """
    if len(sizes) < 2:
        raise ValueError(f"mlp: expected at least two sizes, inputs and outputs, got {written(list(sizes))}.")
    given = written(list(sizes))
    sizes = [whole_number("mlp", f"size {place} of {given}", size, 1) for place, size in enumerate(sizes)]
    n_layers = len(sizes) - 1
    activations = [activation] * n_layers if callable(activation) else list(activation)
    if len(activations) != n_layers:
        raise ValueError(f"mlp: {n_layers} layers need {n_layers} activations, got {len(activations)}.")
    initializers = tuple(default_weights(sigma) if weights is None else weights for sigma in activations)
    layers = chain(
        *(
            layer(n, m, sigma, weights=weights, dtype=dtype)
            for n, m, sigma in zip(sizes[:-1], sizes[1:], activations, strict=True)
        )
    )
    if n_layers > 1:
        layers = layers._replace(init=lambda key: initial_layers(key, tuple(sizes), initializers, dtype))
    return layers
