"""Non-linearities: the sigmoid of eq. 5, its hard limit the step, and JAX's own under their own names.

An activation is any function of one array that keeps its shape; `jaxnet` needs no more of it than that. Those with
settings (`surrogate_step`, `per_unit`) are equal if made with the same settings, so that nothing is compiled twice.
"""

import functools
import math
import numbers
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import elu as elu
from jax.nn import gelu as gelu
from jax.nn import hard_tanh
from jax.nn import identity as identity
from jax.nn import leaky_relu as leaky_relu
from jax.nn import relu as relu
from jax.nn import silu as silu
from jax.nn import softplus as softplus
from jax.nn import tanh as tanh
from jax.typing import ArrayLike

from jaxnet.validation import ShapeError, written

Activation = Callable[[Any], Array]


def sigmoid(z: ArrayLike, gain: ArrayLike = 1.0) -> Array:
    """Return the soft threshold of eq. 5, sigma(z) = 1 / (1 + e^-(gain z)), read as a firing rate or a probability.

    Args:
        z: pre-activations, any shape, floating.
        gain: the steepness, one for all or `(m,)`, one per unit of `z` `(..., m)`; read in the dtype of `z`. It may be
            traced and learned. An activation with a fixed gain is `functools.partial(sigmoid, gain=4.0)`: make it
            once, since two partials are never equal, and compiled functions would be compiled again.

    Returns:
        Values in [0, 1], the shape and dtype of `z`. Neither the value nor the derivative by `z` overflows at any
        finite `gain z`; in float32 the value rounds to 1 from about gain z = 17 on and to 0 below about -88.

    Raises:
        ShapeError: if `gain` has another shape.
        TypeError: if `z` is not floating.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 5.

    >>> sigmoid(jnp.array([-1000.0, 0.0, 1000.0]))
    Array([0. , 0.5, 1. ], dtype=float32)
    >>> sigmoid(jnp.array([1.0, 1.0]), gain=jnp.array([0.0, 100.0]))
    Array([0.5, 1. ], dtype=float32)
    """
    z, gain = jnp.asarray(z), jnp.asarray(gain)
    if not jnp.issubdtype(z.dtype, jnp.floating):
        raise TypeError(f"sigmoid: expected floating pre-activations, got {z.dtype}. Convert them: z.astype(float).")
    if gain.shape not in ((), z.shape[-1:]):
        raise ShapeError(
            f"sigmoid: expected one gain, or one per unit {z.shape[-1:]} for pre-activations {z.shape}, got "
            f"{gain.shape}."
        )
    return jax.nn.sigmoid(jnp.broadcast_to(gain.astype(z.dtype), z.shape) * z)


def step(z: ArrayLike) -> Array:
    """Return 1 where z >= 0 and 0 elsewhere, the all-or-none unit: the limit of sigmoid(gain * z) as the gain grows.

    At z = 0 the unit fires (the sigmoid has 1/2 there, whatever the gain), so that `step(w.x - T)` is [w.x >= T].
    The derivative is zero everywhere, also at the jump, so `jax.grad` does not train a network of steps;
    `straight_through_step` and `surrogate_step` have another derivative in its place.

    Args:
        z: pre-activations, any shape, floating.

    Returns:
        0 or 1 in the dtype of `z`; NaN where `z` is NaN, so that a diverged network does not look Boolean.

    Source: W. S. McCulloch and W. Pitts, A logical calculus of the ideas immanent in nervous activity (1943).

    >>> step(jnp.array([-0.5, 0.0, 0.5]))
    Array([0., 1., 1.], dtype=float32)
    >>> jax.grad(step)(0.5)
    Array(0., dtype=float32, weak_type=True)
    """
    z = jnp.asarray(z)
    return jnp.where(jnp.isnan(z), jax.lax.stop_gradient(z), (z >= 0).astype(z.dtype))


def straight_through_step(z: ArrayLike) -> Array:
    """Return the step, with the derivative of the identity in place of its own: 1 everywhere.

    A gradient through it is an estimate on purpose; a check against finite differences finds it wrong.

    Args:
        z: pre-activations, any shape, floating.

    Returns:
        As `step`: exactly 0 or 1, NaN where `z` is NaN. Second derivatives are zero.

    Source: Y. Bengio, N. Léonard, A. Courville, Estimating or propagating gradients through stochastic neurons (2013),
    after G. Hinton's lectures (2012).

    >>> jax.value_and_grad(straight_through_step)(jnp.array(-3.0))
    (Array(0., dtype=float32), Array(1., dtype=float32))
    """
    return _surrogate_step(identity, 1.0, jnp.asarray(z))


def clipped_straight_through_step(z: ArrayLike) -> Array:
    """Return the step, with the derivative 1 where |z| <= 1 and 0 elsewhere, far from the threshold.

    Args:
        z: pre-activations, any shape, floating.

    Returns:
        As `step`: exactly 0 or 1, NaN where `z` is NaN. Second derivatives are zero.

    Source: I. Hubara, M. Courbariaux, D. Soudry, R. El-Yaniv, Y. Bengio, Binarized neural networks (2016), eq. 4.

    >>> jax.vmap(jax.grad(clipped_straight_through_step))(jnp.array([-1.5, -1.0, 0.0, 1.5]))
    Array([0., 1., 1., 0.], dtype=float32)
    """
    return _surrogate_step(hard_tanh, 1.0, jnp.asarray(z))


@dataclass(frozen=True, repr=False)
class SurrogateStep:
    """The step with the derivatives of another function, as `surrogate_step` makes it: an activation.

    Attributes:
        surrogate: the function whose derivatives it has.
        gain: the derivatives are those of surrogate(gain z).
    """

    surrogate: Activation
    gain: float = 1.0

    def __call__(self, z: ArrayLike) -> Array:
        """Return the step of `z`."""
        return _surrogate_step(self.surrogate, self.gain, jnp.asarray(z))

    def __repr__(self) -> str:
        return f"surrogate_step({name_of(self.surrogate)}, gain={self.gain:g})"


def surrogate_step(surrogate: Activation = sigmoid, gain: float = 1.0) -> SurrogateStep:
    """Return an activation with the values of the step and the derivatives of a smooth function, surrogate(gain z).

    Derivatives of every order, in forward and reverse mode, are those of the surrogate. Two made with the same
    arguments are equal, and are compiled once.

    Args:
        surrogate: the function to differentiate in place of the step, such as `sigmoid` or `tanh`.
        gain: how sharply it looks at the threshold, positive; with `sigmoid` the derivative at 0 is gain / 4.

    Returns:
        An activation with the values of `step`: exactly 0 or 1, NaN where `z` is NaN.

    Raises:
        TypeError: if `surrogate` is not a function, or `gain` not a plain number (it is part of the function, so
            it cannot be traced).
        ValueError: if `gain` is not positive and finite.

    Source: E. Neftci, H. Mostafa, F. Zenke, Surrogate gradient learning in spiking neural networks (2019).

    >>> fires = surrogate_step(sigmoid, gain=4.0)
    >>> fires(jnp.array([-0.5, 0.5])), float(jax.grad(fires)(0.0))
    (Array([0., 1.], dtype=float32), 1.0)
    """
    if not callable(surrogate):
        raise TypeError(f"surrogate_step: expected a function of z, such as jaxnet.sigmoid, got {written(surrogate)}.")
    if not isinstance(gain, numbers.Real):
        raise TypeError(f"surrogate_step: expected gain to be a plain number, got {type(gain).__name__}.")
    if not 0 < gain < math.inf:
        raise ValueError(f"surrogate_step: expected a positive, finite gain, got {written(gain)}.")
    return SurrogateStep(surrogate, float(gain))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _surrogate_step(surrogate: Activation, gain: float, z: Array) -> Array:
    return step(z)


@_surrogate_step.defjvp
def _surrogate_step_jvp(surrogate: Activation, gain: float, primals: Any, tangents: Any) -> tuple[Array, Array]:
    _, tangent = jax.jvp(lambda z: surrogate(gain * z), primals, tangents)
    # Not step(*primals): its own derivative is zero, and second derivatives of products would miss a term.
    return _surrogate_step(surrogate, gain, *primals), tangent


@dataclass(frozen=True, repr=False)
class PerUnit:
    """One activation for each unit, as `per_unit` makes it: itself an activation.

    Attributes:
        functions: the activations, each once.
        kinds: `functions[kinds[i]]` is the activation of unit i.

    Raises:
        ValueError: if there are no units, or a kind is no index of a function.
    """

    functions: tuple[Activation, ...]
    kinds: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("per_unit: expected at least one activation, got none.")
        if not 0 <= min(self.kinds) <= max(self.kinds) < len(self.functions):
            raise ValueError(f"PerUnit: expected kinds in 0..{len(self.functions) - 1}, one for each unit.")

    def __call__(self, z: ArrayLike) -> Array:
        """Return activation i of z[..., i]."""
        z, m = jnp.asarray(z), len(self.kinds)
        if z.shape[-1:] != (m,):
            raise ShapeError(
                f"per_unit: expected pre-activations (..., {m}), one for each activation of {self!r}, got {z.shape}."
            )
        return _select(self.functions, self, z)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple:
        return PerUnit, (self.functions, self.kinds)  # without what is cached: hashes differ from process to process

    def __repr__(self) -> str:
        counts = sorted(Counter(self.kinds).items())
        return f"per_unit({', '.join(f'{count} {name_of(self.functions[kind])}' for kind, count in counts)})"

    # A static argument is hashed at every call, and a layer may have 10^5 units.
    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.functions, self.kinds))

    @functools.cached_property
    def _which(self) -> np.ndarray:
        return np.array(self.kinds, np.int32)


def per_unit(activations: Iterable[Activation]) -> PerUnit:
    """Return an activation for a layer whose units differ: it applies activation i to z[..., i].

    Every distinct function is computed for all units, and one value per unit is kept: for a few kinds this is far
    quicker than to sort the units. A value that is not kept, NaN or not, reaches neither the result nor its derivative.

    Args:
        activations: one for each unit, at least one; each elementwise (no softmax) and hashable.

    Returns:
        An activation that maps `(..., m)` to the same shape, for m activations; equal if made of equal activations.

    Raises:
        TypeError: if one is not a function.
        ValueError: if there are none.
        ShapeError: when called, if `z` has another number of units.

    >>> mixed = per_unit([sigmoid, step, identity])
    >>> mixed(jnp.array([[0.0, 0.0, 0.25], [0.0, -1.0, 3.0]]))
    Array([[0.5 , 1.  , 0.25],
           [0.5 , 0.  , 3.  ]], dtype=float32)
    """
    places: dict[Activation, int] = {}
    kinds = tuple(places.setdefault(activation, len(places)) for activation in activations)
    for function in places:
        if not callable(function):
            raise TypeError(f"per_unit: expected functions of z, such as jaxnet.sigmoid, got {written(function)}.")
    return PerUnit(tuple(places), kinds)


# The derivative is selected as the value is. JAX's own derivative of a select multiplies the derivatives that are not
# selected by zero, and zero times infinity is NaN.
@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _select(functions: tuple[Activation, ...], units: PerUnit, z: Array) -> Array:
    if len(functions) == 1:
        return functions[0](z)
    return jax.lax.select_n(jnp.broadcast_to(units._which, z.shape), *(f(z) for f in functions))


@_select.defjvp
def _select_jvp(functions: tuple, units: PerUnit, primals: Any, tangents: Any) -> tuple[Array, Array]:
    slope = _select(tuple(functools.partial(_derivative, f) for f in functions), units, *primals)
    return _select(functions, units, *primals), slope * tangents[0]


def _derivative(f: Activation, z: Array) -> Array:
    return jax.jvp(f, (z,), (jnp.ones_like(z),))[1]


def name_of(activation: Activation) -> str:
    """Return what an activation is called in a description or an error.

    >>> name_of(sigmoid), name_of(per_unit([sigmoid, step])), name_of(functools.partial(sigmoid, gain=2.0))
    ('sigmoid', 'per_unit(1 sigmoid, 1 step)', 'sigmoid(gain=2.0)')
    """
    if isinstance(activation, functools.partial):
        settings = [*map(repr, activation.args), *(f"{name}={value}" for name, value in activation.keywords.items())]
        return f"{name_of(activation.func)}({', '.join(settings)})"
    return getattr(activation, "__name__", repr(activation))
