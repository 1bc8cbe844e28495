"""What makes sigmoid units learn to be Boolean: penalties for a loss, and a gain that grows while an optimiser works.

A network whose hidden units are nearly 0 or 1 on all inputs is its own hardening, with steps for sigmoids.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.typing import ArrayLike

from jaxnet.networks.evaluation import Wired, unit_sums
from jaxnet.networks.network import Chain, Layer, Network, describe
from jaxnet.networks.units import Neuron, weighted_sums
from jaxnet.pytrees import Params
from jaxnet.validation import ShapeError, written


def margin_penalty(network: Network, params: Params, x: ArrayLike, margin: ArrayLike = 12.0) -> Array:
    """Return how far hidden units are from deciding: the mean of max(0, 1 - |z| / margin)^2 over what they add up.

    A loss with a tenth of it keeps each z away from 0, on either side; where |z| >= margin a sigmoid is within
    exp(-margin) of a step. From random weights it settles units before they learn: add it once the network is right.

    Args:
        network: made by `mlp`, `layer`, `chain` of layers or `wired`; units that are outputs do not count.
        params: its parameters.
        x: inputs `(..., n)`, floating.
        margin: positive.

    Returns:
        A scalar in [0, 1], 0 without hidden units; its gradient is 0 at z = 0, where neither side is better.

    Raises:
        TypeError: if the network is none of these.
        ShapeError: if parameters or inputs do not fit.
        ValueError: if `margin` is a plain number and not positive and finite.

    Source: T. Joachims, Transductive inference for text classification using support vector machines (1999): the loss
    of examples without a target, squared.

    >>> from jaxnet.networks.layers import mlp
    >>> params = (Neuron(jnp.array([[8.0], [2.0]]), jnp.array([-4.0, -1.0])), Neuron(jnp.ones((1, 2)), jnp.zeros(1)))
    >>> margin_penalty(mlp([1, 2, 1]), params, jnp.array([[0.0], [1.0]]), margin=4.0)
    Array(0.28125, dtype=float32)
    """
    if isinstance(margin, (int, float)) and not 0 < margin < math.inf:
        raise ValueError(f"margin_penalty: expected a positive, finite margin, got {written(margin)}.")
    z = _hidden_sums(network, params, jnp.asarray(x))
    # Not jnp.abs, whose derivative at 0 is 1: that would take a side.
    short = jnp.maximum(0, 1 - z * jnp.sign(z) / jnp.asarray(margin).astype(z.dtype))
    return jnp.square(short).sum() / max(1, short.size)


def integer_penalty(params: Params, step: ArrayLike) -> Array:
    """Return how far weights are from multiples of a step, and biases from odd multiples of half of it.

    It is the mean of sin^2(pi w / step) over weights and of cos^2(pi b / step) over biases. Where it is 0 a unit is
    threshold unit [w.x >= T] in integers, multiplied by the step as `circuits.to_network` multiplies by `gain`: on
    Boolean inputs it adds up to at least step / 2, on either side of 0.

    Args:
        params: `Neuron(w, b)`, or a pytree of them, such as those of an mlp.
        step: positive; of the size of the weights to be told apart.

    Returns:
        A scalar in [0, 1].

    Raises:
        TypeError: if there is no `Neuron`.
        ValueError: if `step` is a plain number and not positive and finite.

    Source: M. Naumov and others, On periodic functions as regularizers for quantization of neural networks (2018).

    >>> integer_penalty(Neuron(jnp.array([4.0, -8.0]), jnp.array(-6.0)), step=4.0).round(5)
    Array(0., dtype=float32)
    >>> integer_penalty(Neuron(jnp.array([5.0, -8.0]), jnp.array(-6.0)), step=4.0).round(5)
    Array(0.16667, dtype=float32)
    """
    if isinstance(step, (int, float)) and not 0 < step < math.inf:
        raise ValueError(f"integer_penalty: expected a positive, finite step, got {written(step)}.")
    units = [p for p in jax.tree.leaves(params, is_leaf=_is_neuron) if _is_neuron(p)]
    if not units:
        raise TypeError(f"integer_penalty: expected parameters Neuron(w, b), got {type(params).__name__}.")

    def off(function: Callable, p: ArrayLike) -> Array:
        p = jnp.asarray(p)
        return jnp.square(function(jnp.pi / jnp.asarray(step).astype(p.dtype) * p))

    parts = [part for unit in units for part in (off(jnp.sin, unit.w), off(jnp.cos, unit.b))]
    return sum(part.sum() for part in parts) / jnp.asarray(sum(part.size for part in parts), parts[0].dtype)


def anneal_gain(gain: Callable[[ArrayLike], ArrayLike]) -> optax.GradientTransformation:
    """Return the last link of an Optax chain that learns under a gain which changes from step to step.

    Learning w in sigma(k (w.x + b)) while k grows is learning W = k w in sigma(W.x + B), where each step is k times as
    long and each change of k stretches W. So the gain is in the weights at all times: the loss does not know of it, and
    nothing is left to fold in. A factor of k that the gradient lacks is none to Adam, which divides by its size.

    Args:
        gain: from the number of steps that were made to k, a positive number: an Optax schedule such as
            `optax.exponential_decay(1.0, 1000, 12.0, end_value=12.0)`, from 1 to 12 in 1,000 steps.

    Returns:
        A transformation for the end of `optax.chain`; put it under `optax.masked` for hidden layers only.

    Raises:
        ValueError: from `update`, if it is not given the parameters.

    Source: Z. Cao, M. Long, J. Wang, P. S. Yu, HashNet: deep learning to hash by continuation (2017).

    >>> optimizer = optax.chain(optax.sgd(0.5), anneal_gain(optax.exponential_decay(1.0, 2, 9.0, end_value=9.0)))
    >>> params = jnp.array([1.0, -1.0])
    >>> state = optimizer.init(params)
    >>> for _ in range(3):
    ...     updates, state = optimizer.update(jnp.array([0.0, -2.0]), state, params)
    ...     params = optax.apply_updates(params, updates)
    >>> params.round(4)
    Array([ 9., 18.], dtype=float32)
    """

    def init(params: Params) -> optax.ScaleByScheduleState:
        return optax.ScaleByScheduleState(count=jnp.zeros((), jnp.int32))

    def update(updates: Params, state: Any, params: Params = None) -> tuple[Params, optax.ScaleByScheduleState]:
        if params is None:
            raise ValueError("anneal_gain: expected the parameters too: optimizer.update(gradient, state, params).")
        count = optax.safe_increment(state.count)
        after = gain(count)
        stretch = after / gain(state.count) - 1

        def leaf(u: Array, p: ArrayLike) -> Array:
            return jnp.asarray(after, u.dtype) * u + jnp.asarray(stretch, u.dtype) * p

        return jax.tree.map(leaf, updates, params), optax.ScaleByScheduleState(count)

    return optax.GradientTransformation(init, update)


def _is_neuron(p: Any) -> bool:
    return isinstance(p, Neuron)


def _hidden_sums(network: Network, params: Params, x: Array) -> Array:
    """Return what all units that are no outputs add up, `(..., units)`."""
    structure = network.structure
    if isinstance(structure, Wired):
        hidden = np.setdiff1d(np.arange(structure.wiring.n_units), structure.wiring.outputs - structure.n_inputs)
        return unit_sums(structure.wiring, params, x, structure.activation)[..., hidden]
    parts = structure.parts if isinstance(structure, Chain) else (structure,)
    layers = [part for part in parts if isinstance(part, Layer)]
    if len(layers) < len(parts):
        raise TypeError(
            "margin_penalty: expected a network made by jaxnet.mlp, layer, chain of layers or wired, got "
            f"{describe(structure)}."
        )
    if isinstance(structure, Layer):
        return x[..., :0]
    if len(params) != len(layers):
        raise ShapeError(f"margin_penalty: expected parameters for {len(layers)} layers, got {len(params)}.")
    sums = []
    for part, p in zip(layers[:-1], params, strict=False):
        sums.append(weighted_sums("margin_penalty", p, x))
        x = part.activation(sums[-1])
    return jnp.concatenate(sums, axis=-1) if sums else x[..., :0]
