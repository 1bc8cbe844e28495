"""Where training starts: weights that keep the size of a signal from layer to layer, biases at zero.

K. He and others (2015) for rectifiers; X. Glorot and Y. Bengio (2010) for all others.
"""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn.initializers import Initializer, glorot_normal, he_normal
from jax.typing import DTypeLike

from jaxnet.lowering.native_loops import on_one_cpu, zero_made_here
from jaxnet.lowering.threefry import bits_by_numpy, children, is_threefry, key_words
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
    once = on_one_cpu(zero_made_here(), key)
    default = {*initializers} <= {_HE, _GLOROT} and jax.dtypes.canonicalize_dtype(dtype) == np.float32
    config: Any = jax.config
    with located("init"):
        if once and default and is_threefry(key) and config.jax_threefry_partitionable:
            if config.jax_debug_key_reuse:
                jax.random.bits(key)  # NumPy draws unseen: this marks the key as used
            return _by_numpy(key, sizes, initializers)
        return (_drawn_once if once else _drawn)(key, sizes, initializers, dtype)


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


# On a CPU the compiler takes seconds to make random numbers fast that are drawn once, in a millisecond.
_ONCE = {"xla_backend_optimization_level": 0}
_drawn = jax.jit(_layers, static_argnums=(1, 2, 3))
_drawn_once = jax.jit(_layers, static_argnums=(1, 2, 3), compiler_options=_ONCE)


def _by_numpy(key: Key, sizes: tuple[int, ...], initializers: tuple[Initializer, ...]) -> tuple[Neuron, ...]:
    """Draw the same by He or Glorot, but compile one function only, which is that of other networks as well."""
    shapes = list(itertools.pairwise(sizes))
    first, second = np.repeat(np.asarray(key_words(key))[:, None], len(shapes), axis=1)
    if len(shapes) > 1:  # a single layer draws with the key itself
        first, second = children(first, second, np.arange(len(shapes), dtype=np.uint32))
    bits = [bits_by_numpy(a, b, n * m) for a, b, (n, m) in zip(first, second, shapes, strict=True)]
    normal = np.split(_truncated_normals(np.concatenate(bits)), np.cumsum([len(b) for b in bits])[:-1])
    weights = [
        w.reshape(shape) * _deviation(*shape, initializer)
        for w, shape, initializer in zip(normal, shapes, initializers, strict=True)
    ]
    return tuple(
        Neuron(jnp.asarray(np.array(w.T, order="C")), jnp.asarray(np.zeros(w.shape[1], np.float32))) for w in weights
    )


def _truncated_normals(bits: np.ndarray) -> np.ndarray:
    """Return `_truncated_normal` of all bits, by a function of a block of few sizes."""
    size = min(2**14, 2 ** (len(bits) - 1).bit_length())
    blocks = np.pad(bits, (0, -len(bits) % size)).reshape(-1, size)
    return np.concatenate([_truncated_normal_once(block) for block in blocks])[: len(bits)]


def _deviation(n: int, m: int, initializer: Initializer) -> np.floating:
    """Return the standard deviation that He or Glorot gives a normal variable before its tails are cut off."""
    variance = 2 / n if initializer is _HE else 2 / (n + m)
    return np.sqrt(np.float32(variance)) / np.float32(0.87962566103423978)  # that of what is left of a unit normal


def _truncated_normal(bits: Array) -> Array:
    """Return what `jax.random.truncated_normal` makes of random bits: a normal variable, cut off at -2 and 2."""
    end = jax.lax.erf(jnp.float32(2) / np.float32(np.sqrt(2)))
    unit = jax.lax.bitcast_convert_type((bits >> 9) | jnp.uint32(0x3F800000), jnp.float32) - 1  # in [0, 1)
    uniform = jnp.maximum(-end, unit * (end + end) - end)
    last = np.nextafter(np.float32(2), np.float32(0))
    return jnp.clip(np.float32(np.sqrt(2)) * jax.lax.erf_inv(uniform), -last, last)


_truncated_normal_once = jax.jit(_truncated_normal, compiler_options=_ONCE)


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
