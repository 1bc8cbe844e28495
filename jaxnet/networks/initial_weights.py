"""Where training starts: weights that keep the size of a signal from layer to layer, biases at zero.

K. He and others (2015) for rectifiers; X. Glorot and Y. Bengio (2010) for all others.
"""

import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, glorot_normal, he_normal
from jax.typing import DTypeLike

from jaxnet.lowering.native_loops import on_one_cpu, zero_made_here
from jaxnet.networks.activations import Activation, elu, gelu, leaky_relu, relu, silu, softplus
from jaxnet.networks.units import Neuron
from jaxnet.pytrees import Key
from jaxnet.validation import check_key, located


def initial_layers(
    key: Key, sizes: tuple[int, ...], initializers: tuple[Initializer, ...], dtype: DTypeLike
) -> tuple[Neuron, ...]:
    """Draw the parameters of all layers in one compiled program: called one by one, each would be compiled.

    They are those that the layers would draw by themselves, with the keys that `chain` gives them.
    """
    check_key("init", key)
    # On a CPU the compiler takes seconds to make random numbers fast that are drawn once, in a millisecond.
    compiled = _drawn_once if on_one_cpu(zero_made_here(), key) else _drawn
    with located("init"):
        return compiled(key, sizes, initializers, dtype)


def _layers(
    key: Key, sizes: tuple[int, ...], initializers: tuple[Initializer, ...], dtype: DTypeLike
) -> tuple[Neuron, ...]:
    # A single layer draws with the key itself, the layers of a chain each with one of their own.
    keys = [key] if len(initializers) == 1 else jax.random.split(key, len(initializers))
    # JAX's initialisers count fan-in and fan-out on (in, out); the lecture's W is (out, in).
    return tuple(
        Neuron(initializer(k, (n, m), dtype).T, jnp.zeros((m,), dtype))
        for k, n, m, initializer in zip(keys, sizes[:-1], sizes[1:], initializers, strict=True)
    )


_drawn = jax.jit(_layers, static_argnums=(1, 2, 3))
_drawn_once = jax.jit(_layers, static_argnums=(1, 2, 3), compiler_options={"xla_backend_optimization_level": 0})


# These cut off half of what comes in, or nearly so; He's variance makes up for it.
_RECTIFIERS = (relu, leaky_relu, elu, gelu, silu, softplus)

_HE, _GLOROT = he_normal(), glorot_normal()  # the same ones each time: what starts with them is compiled once


def default_weights(activation: Activation) -> Initializer:
    """Return the initialiser that keeps the size of a signal from layer to layer, for the non-linearity that follows.

    He normal, of variance 2 / n, for rectifiers: `relu`, `leaky_relu`, `elu`, `gelu`, `silu` and `softplus`, also with
    settings given by `functools.partial`. Glorot normal, of variance 2 / (n + m), for all others: `sigmoid`, `tanh`,
    `identity`, a `per_unit` of several, and functions of your own.

    Args:
        activation: the non-linearity of a layer.

    Returns:
        An initialiser of `jax.nn.initializers`, to be called with shape (n, m).

    Source: K. He, X. Zhang, S. Ren, J. Sun, Delving deep into rectifiers (2015), eq. 10; X. Glorot and Y. Bengio,
    Understanding the difficulty of training deep feedforward neural networks (2010), eq. 12.

    >>> from jaxnet.networks.activations import sigmoid
    >>> for activation in (relu, sigmoid):                   # sqrt(2 / 200), sqrt(2 / 800)
    ...     print(f"{default_weights(activation)(jax.random.key(0), (200, 600)).std():.3f}")
    0.100
    0.050
    """
    function = getattr(activation, "func", activation)
    # By identity: an activation need not be hashable, nor comparable.
    return _HE if any(function is rectifier for rectifier in _RECTIFIERS) else _GLOROT
