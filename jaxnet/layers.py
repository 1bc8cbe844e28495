"""Layers and their composition (eq. 7-8): F^l = sigma^l o Fbar^l and F = F^L o ... o F^1.

A `Network` is two pure functions and a static description, after Optax's `GradientTransformation`; parameters are
plain tuples of `Neuron(w, b)`, so `jax.jit`, `jax.grad`, `jax.vmap` and Optax take them as they are.
"""

import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn.initializers import Initializer, glorot_normal, he_normal
from jax.typing import ArrayLike

from jaxnet.activations import Activation, elu, gelu, leaky_relu, name_of, relu, sigmoid, silu, softplus
from jaxnet.small_loops import on_one_cpu, zero_made_here
from jaxnet.units import Neuron, pre_activation
from jaxnet.validation import ShapeError, located


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


class Layer(NamedTuple):
    """The structure of a dense layer: how many inputs and units it has, and their non-linearity."""

    n_inputs: int
    n_outputs: int
    activation: Activation


class Chain(NamedTuple):
    """The structure of a composition: that of each part, first to last."""

    parts: tuple[Hashable, ...]


def layer(
    n_inputs: int,
    n_outputs: int,
    activation: Activation = sigmoid,
    *,
    weights: Initializer | None = None,
    dtype: Any = float,
) -> Network:
    """A dense layer, x -> sigma(W x + b): eq. 7.

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
        ValueError: if a size is not a positive integer.

    Source: Y. Zhang (2019), eq. 7.

    >>> layer(3, 2)
    Network(3 -> 2 sigmoid)
    """
    for size in (n_inputs, n_outputs):
        _check_size(size, f"layer({n_inputs}, {n_outputs})")
    initializer = default_weights(activation) if weights is None else weights

    def init(key: Array) -> Neuron:
        return _initial_layers(key, (n_inputs, n_outputs), (initializer,), dtype)[0]

    def apply(params: Neuron, x: ArrayLike) -> Array:
        shape = jnp.shape(params[0])
        if shape != (n_outputs, n_inputs):
            hint = " Weights are (outputs, inputs): are these transposed?" if shape == (n_inputs, n_outputs) else ""
            raise ShapeError(f"expected weights {(n_outputs, n_inputs)}, got {shape}.{hint}")
        return activation(pre_activation(params, x))

    return Network(init, apply, Layer(n_inputs, n_outputs, activation))


def _initial_layers(key: Array, sizes: tuple, initializers: tuple, dtype: Any) -> tuple[Neuron, ...]:
    """What the layers' own functions give, in one program: JAX compiles one by one what is called one by one."""
    # On a CPU the compiler takes seconds to make random numbers fast that are drawn once, in a millisecond.
    compiled = _drawn_once if on_one_cpu(zero_made_here(), key) else _drawn
    return compiled(key, sizes, initializers, dtype)


def _layers(key: Array, sizes: tuple, initializers: tuple, dtype: Any) -> tuple[Neuron, ...]:
    # A layer has the key, and the layers of a chain have each their own.
    keys = [key] if len(initializers) == 1 else jax.random.split(key, len(initializers))
    # JAX's initialisers count fan-in and fan-out on (in, out); the lecture's W is (out, in).
    return tuple(
        Neuron(initializer(k, (n, m), dtype).T, jnp.zeros((m,), dtype))
        for k, n, m, initializer in zip(keys, sizes[:-1], sizes[1:], initializers, strict=True)
    )


_drawn = jax.jit(_layers, static_argnums=(1, 2, 3))
_drawn_once = jax.jit(_layers, static_argnums=(1, 2, 3), compiler_options={"xla_backend_optimization_level": 0})


# Half of what comes in is cut off by these, or nearly so, and He's variance makes up for it.
_RECTIFIERS = (relu, leaky_relu, elu, gelu, silu, softplus)
_HE, _GLOROT = he_normal(), glorot_normal()  # the same ones each time: what starts with them is compiled once


def default_weights(activation: Activation) -> Initializer:
    """The initialiser that keeps the size of a signal from layer to layer, for the non-linearity that follows.

    He normal, of variance 2 / n, for rectifiers: `relu`, `leaky_relu`, `elu`, `gelu`, `silu` and `softplus`, also with
    settings given by `functools.partial`. Glorot normal, of variance 2 / (n + m), for all others: `sigmoid`, `tanh`,
    `identity`, a `per_unit` of several, and functions of your own.

    Args:
        activation: the non-linearity of a layer.

    Returns:
        An initialiser of `jax.nn.initializers`, to be called with shape (n, m).

    Source: K. He, X. Zhang, S. Ren, J. Sun, Delving deep into rectifiers (2015), eq. 10; X. Glorot and Y. Bengio,
    Understanding the difficulty of training deep feedforward neural networks (2010), eq. 12.

    >>> for activation in (relu, sigmoid):                   # sqrt(2 / 200), sqrt(2 / 800)
    ...     print(f"{default_weights(activation)(jax.random.key(0), (200, 600)).std():.3f}")
    0.100
    0.050
    """
    function = getattr(activation, "func", activation)
    # By identity: an activation need not be hashable, nor comparable.
    return _HE if any(function is rectifier for rectifier in _RECTIFIERS) else _GLOROT


def chain(*parts: Network) -> Network:
    """The composition of networks, first to last: eq. 8.

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

    def init(key: Array) -> tuple:
        return tuple(part.init(k) for part, k in zip(parts, jax.random.split(key, len(parts)), strict=True))

    def apply(params: Sequence, x: ArrayLike) -> Array:
        if len(params) != len(parts):
            raise ShapeError(f"chain: expected parameters for {len(parts)} parts, got {len(params)}.")
        for place, (part, p) in enumerate(zip(parts, params, strict=True), start=1):
            with located(f"layer {place} of {len(parts)} ({describe(part.structure)})"):
                x = part.apply(p, x)
        return jnp.asarray(x)

    return Network(init, apply, Chain(tuple(part.structure for part in parts)))


def mlp(
    sizes: Sequence[int],
    activation: Activation | Sequence[Activation] = sigmoid,
    *,
    weights: Initializer | None = None,
    dtype: Any = float,
) -> Network:
    """A multilayer perceptron, F = F^L o ... o F^1 with F^l(x) = sigma^l(W^l x + b^l): eq. 7-8.

    Args:
        sizes: inputs, hidden layers, outputs: `[2, 4, 1]` has two inputs, four hidden units and one output.
        activation: one for all layers, or one a layer; `[jaxnet.tanh, jaxnet.identity]` leaves the outputs linear.
        weights: an initialiser of `jax.nn.initializers` for all layers; that of `default_weights` for each if None.
        dtype: of the parameters.

    Returns:
        A `Network` with parameters `(Neuron(w, b), ...)`, one a layer.

    Raises:
        ValueError: if there are fewer than two sizes, one is not a positive integer, or the number of activations is
            not that of the layers.

    Source: Y. Zhang (2019), eq. 7-8.

    >>> net = mlp([2, 4, 1])
    >>> params = net.init(jax.random.key(0))
    >>> net.apply(params, jnp.zeros((5, 2))).shape
    (5, 1)
    """
    if len(sizes) < 2:
        raise ValueError(f"mlp: expected at least two sizes, inputs and outputs, got {list(sizes)}.")
    for size in sizes:
        _check_size(size, f"mlp({list(sizes)})")
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
        layers = layers._replace(init=lambda key: _initial_layers(key, tuple(sizes), initializers, dtype))
    return layers


def _check_size(size: Any, where: str) -> None:
    if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
        raise ValueError(f"{where}: expected positive integers, got {size!r}.")


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
