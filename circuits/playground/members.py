"""Networks of one hidden layer that learn a truth table, all from one compiled program (eq. 10).

XLA takes seconds to compile a run and milliseconds to make one. So all that the visitor of the page may change is data:
each network has as many hidden units as the widest may have, some of them switched off; its non-linearity and its
optimiser are chosen by weights of 0 and 1. Such a network computes and learns what the plain one does.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from jaxnet.learning.losses import squared_error
from jaxnet.learning.rules import Rule
from jaxnet.networks.activations import relu, sigmoid, tanh
from jaxnet.networks.units import Neuron, pre_activation
from jaxnet.pytrees import Batch, Key, Metrics

Layers = tuple[Neuron, Neuron]

WIDEST = 10
ACTIVATIONS: dict[str, Callable] = {"sigmoid": sigmoid, "tanh": tanh, "relu": relu}
# With a step size of 1, by which their updates are multiplied.
OPTIMISERS = {
    "gradient descent": optax.sgd(1.0),
    "momentum 0.9": optax.sgd(1.0, momentum=0.9),
    "Adam": optax.adam(1.0),
}


class Settings(NamedTuple):
    """How a network is made and learns, as arrays.

    Attributes:
        present: `(WIDEST,)`, 1 for each hidden unit that there is, 0 for the others.
        activation: `(3,)`, 1 at the place in `ACTIVATIONS`, else 0.
        optimiser: `(3,)`, 1 at the place in `OPTIMISERS`, else 0.
        step_size: eta.
    """

    present: Array
    activation: Array
    optimiser: Array
    step_size: Array


class Member(NamedTuple):
    """The state of one network: its parameters, two layers; its settings; what each optimiser remembers."""

    params: Layers
    settings: Settings
    optimisers: Any


def settings(width: int, activation: str, optimiser: str, step_size: float) -> Settings:
    """Return settings as arrays.

    Args:
        width: hidden units, 1 to `WIDEST`.
        activation: one of `ACTIVATIONS`.
        optimiser: one of `OPTIMISERS`.
        step_size: positive.

    >>> settings(2, "tanh", "Adam", 0.1).activation
    Array([0., 1., 0.], dtype=float32)
    """
    return Settings(
        jnp.asarray(np.arange(WIDEST) < width, jnp.float32),
        jnp.asarray([name == activation for name in ACTIVATIONS], jnp.float32),
        jnp.asarray([name == optimiser for name in OPTIMISERS], jnp.float32),
        jnp.asarray(step_size, jnp.float32),
    )


def unit_values(params: Layers, settings: Settings, x: Array) -> tuple[Array, Array]:
    """Return what a network computes: its hidden units, then sigmoids.

    Args:
        params: two `Neuron`, w `(WIDEST, n)` and `(m, WIDEST)`.
        settings: of the network.
        x: `(rows, n)`.

    Returns:
        `(rows, WIDEST)`, 0 for units that are off, and `(rows, m)`.
    """
    hidden, last = params
    z = pre_activation(hidden, x)
    each = [on * f(z) for on, f in zip(settings.activation, ACTIVATIONS.values(), strict=True)]
    values = sum(each) * settings.present[None]
    return values, sigmoid(pre_activation(last, values))


def initial_params(n: int, m: int, width: int, seeds: int, seed: int) -> Layers:
    """Return Glorot normal weights of many networks, and biases of 0; those of hidden units that are off are 0.

    Args:
        n: inputs.
        m: outputs.
        width: hidden units that there are.
        seeds: how many networks.
        seed: of the draw; the first networks are the same, however many there are.

    Returns:
        Two `Neuron`, with the networks along the first axis.

    Source: X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural networks (2010).
    """
    random = np.random.default_rng(seed)
    drawn = random.normal(size=(seeds, WIDEST, n + m)).astype(np.float32) * (np.arange(WIDEST) < width)[:, None]
    first, last = np.split(drawn, [n], axis=2)
    scale = [np.float32(np.sqrt(2 / (fan_in + fan_out))) for fan_in, fan_out in ((n, width), (width, m))]
    zeros = [np.zeros((seeds, units), np.float32) for units in (WIDEST, m)]
    return Neuron(scale[0] * first, zeros[0]), Neuron(scale[1] * last.transpose(0, 2, 1), zeros[1])


def _init(start: tuple[Layers, Settings]) -> Member:
    params, chosen = start
    return Member(params, chosen, tuple(optimiser.init(params) for optimiser in OPTIMISERS.values()))


def _update(member: Member, batch: Batch, key: Key) -> tuple[Member, Metrics]:
    params, chosen, memories = member
    x, y = batch
    gradient = jax.grad(lambda p: squared_error(unit_values(p, chosen, x)[1], y).mean())(params)
    with jax.numpy_dtype_promotion("standard"):  # Optax multiplies Python floats by its integer step count
        made: list[Any] = [o.update(gradient, memory) for o, memory in zip(OPTIMISERS.values(), memories, strict=True)]
    # The updates of all optimisers, of which one counts.
    change = jax.tree.map(
        lambda *each: chosen.step_size * sum(on * u for on, u in zip(chosen.optimiser, each, strict=True)),
        *[update for update, _ in made],
    )
    hidden, last = params = jax.tree.map(jnp.add, params, change)
    record = {"hidden w": hidden.w, "hidden b": hidden.b, "last w": last.w, "last b": last.b}
    return Member(params, chosen, tuple(memory for _, memory in made)), record


# Starts from parameters and settings; the record is the parameters after the step.
RULE = Rule(_init, _update)


def recorded_params(history: dict[str, Array]) -> Layers:
    """Return the parameters of a record of `RULE` as two `Neuron`."""
    return Neuron(history["hidden w"], history["hidden b"]), Neuron(history["last w"], history["last b"])


def on(width: int, params: Layers) -> Layers:
    """Return the parameters of the plain network, without the hidden units that are off.

    Args:
        width: hidden units that there are.
        params: of one network.

    Returns:
        Two `Neuron`, for `jaxnet.mlp([n, width, m], [activation, sigmoid])`.
    """
    hidden, last = params
    return Neuron(jnp.asarray(hidden.w[:width]), jnp.asarray(hidden.b[:width])), Neuron(
        jnp.asarray(last.w[:, :width]), jnp.asarray(last.b)
    )
