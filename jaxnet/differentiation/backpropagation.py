"""Backpropagation written out (eq. 9-10): the deltas of every layer, and from them every gradient.

With z^l = W^l a^{l-1} + b^l and a^l = sigma^l(z^l), delta^l = dl/dz^l is grad_v l * sigma'(z^L) at the last layer and
(W^{l+1}^T delta^{l+1}) * sigma'(z^l) before it; then dl/dW^l = delta^l (a^{l-1})^T and dl/db^l = delta^l.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.networks.activations import Activation
from jaxnet.networks.evaluation import Wired, unit_deltas, unit_sums
from jaxnet.networks.layers import Chain, Layer, Network
from jaxnet.networks.units import Neuron, pre_activation
from jaxnet.networks.wiring import Wiring
from jaxnet.validation import ShapeError, located

# How many numbers, edges times examples, are gathered at once.
_BLOCK = 1 << 20


class Backprop(NamedTuple):
    """What one forward and one backward pass find, as `backprop` returns it.

    A wiring counts as one layer: its pre-activations and deltas are those of all units, `(..., units)`, and its
    activations are the values of all nodes, inputs first, `(..., n + units)`.

    Attributes:
        losses: `(...,)`, one an example.
        activations: x `(..., n)`, then those of every layer `(..., m_l)`.
        pre_activations: z^l of every layer, `(..., m_l)`.
        deltas: delta^l = dl/dz^l of every layer, `(..., m_l)`.
        gradient: of the sum of the losses over all examples; a pytree of the structure of the parameters.
    """

    losses: Array
    activations: tuple[Array, ...]
    pre_activations: tuple[Array, ...]
    deltas: tuple[Array, ...]
    gradient: Any


def backprop(network: Network, params: Any, x: ArrayLike, y: Any, loss: Callable[[Array, Any], Array]) -> Backprop:
    """The derivatives of a loss by the chain rule, layer by layer from the last to the first, with all that is met.

    The gradient is that of the sum over examples, equal to `jax.grad` to rounding; for the mean divide it by their
    number. Under `jax.jit` what is not used of the result is not computed. It may be differentiated again.

    Args:
        network: made of `layer`, `mlp`, `chain` and `wired`.
        params: its parameters.
        x: inputs `(..., n)`, floating; any leading axes, or none.
        y: targets, as the loss wants them.
        loss: `loss(v, y)`, one value `(...,)` an example for outputs v `(..., m)`, such as `jaxnet.squared_error`; the
            value of an example depends on that example only.

    Returns:
        A `Backprop`: losses, activations, pre-activations, deltas and gradient. Each gradient has the dtype of its
        parameter.

    Raises:
        TypeError: if a part of the network is neither a layer nor a wiring, or parameters or inputs are not floating.
        ShapeError: if parameters or inputs do not fit, or the loss does not give one value an example.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 9-10; D. Rumelhart, G. Hinton, R. Williams, Learning
    representations by back-propagating errors (1986).

    >>> from jaxnet.networks.layers import layer
    >>> from jaxnet.learning.losses import squared_error
    >>> params = Neuron(w=jnp.array([[1.0, 2.0]]), b=jnp.array([0.0]))
    >>> found = backprop(layer(2, 1, jnp.tanh), params, jnp.array([2.0, -1.0]), jnp.array([1.0]), squared_error)
    >>> found.deltas, found.gradient
    ((Array([-1.], dtype=float32),), Neuron(w=Array([[-2.,  1.]], dtype=float32), b=Array([-1.], dtype=float32)))
    """
    parts = _parts("backprop", network.structure)
    with located("backprop"):
        jax.eval_shape(network.apply, params, x)  # refuses what does not fit, and says in which layer
    thetas = _pairs(params)

    # Forward: what each layer is fed with, adds up, and gives.
    x = jnp.asarray(x)
    activations, zs, v = [x], [], x
    for part, theta in zip(parts, thetas, strict=True):
        z, a = _forward(part, theta, v)
        zs.append(z)
        activations.append(a)
        v = _given(part, a)

    losses, pull = jax.vjp(lambda v: jnp.asarray(loss(v, y)), v)
    if losses.shape != v.shape[:-1]:
        raise ShapeError(
            f"backprop: expected a loss of one value an example, {v.shape[:-1]} for outputs {v.shape}, got "
            f"{losses.shape}. Leave sums and means over examples to the caller."
        )

    # Backward: `slope` is dl/da of what a layer gives, at first grad_v l.
    (slope,) = pull(jnp.ones_like(losses))
    deltas = []
    for i in reversed(range(len(parts))):
        if i + 1 < len(parts):
            slope = _backward(parts[i + 1], thetas[i + 1], deltas[0], slope)
        deltas.insert(0, _delta(parts[i], thetas[i], zs[i], slope))

    leaves = []
    for part, theta, fed, delta in zip(parts, thetas, _feeds(parts, activations), deltas, strict=True):
        pair = _gradient(part, fed, delta)
        leaves += [g.astype(p.dtype) for g, p in zip(pair, theta, strict=True)]
    gradient = jax.tree.unflatten(jax.tree.structure(params), leaves)
    return Backprop(losses, tuple(activations), tuple(zs), tuple(deltas), gradient)


def per_example_gradients(network: Network, result: Backprop) -> Any:
    """The gradient of the loss of each example, delta^l (a^{l-1})^T and delta^l, for all examples at once.

    Args:
        network: the one given to `backprop`.
        result: what `backprop` returned.

    Returns:
        A pytree of the structure of the parameters, with leaves `(..., *leaf.shape)`; summed over examples it is
        `result.gradient`.

    Raises:
        TypeError: if a part of the network is neither a layer nor a wiring.
        ValueError: if the result is of a network with another number of layers.

    Source: I. Goodfellow, Efficient per-example gradient computations (2015).

    >>> from jaxnet.networks.layers import layer
    >>> from jaxnet.learning.losses import squared_error
    >>> net, params = layer(1, 1, jnp.tanh), Neuron(w=jnp.array([[0.0]]), b=jnp.array([0.0]))
    >>> found = backprop(net, params, jnp.array([[2.0], [3.0]]), jnp.array([[1.0], [-1.0]]), squared_error)
    >>> per_example_gradients(net, found).w[:, 0, 0]
    Array([-2.,  3.], dtype=float32)
    """
    parts = _parts("per_example_gradients", network.structure, result)
    thetas = _pairs(result.gradient)
    leaves = []
    for part, theta, fed, delta in zip(parts, thetas, _feeds(parts, result.activations), result.deltas, strict=True):
        if isinstance(part, Layer):
            w = delta[..., :, None] * fed[..., None, :]
        else:
            w = fed[..., part.wiring.sources] * delta[..., _targets(part.wiring)]
        leaves += [g.astype(p.dtype) for g, p in zip((w, delta), theta, strict=True)]
    return jax.tree.unflatten(jax.tree.structure(result.gradient), leaves)


def per_example_gradient_norms(network: Network, result: Backprop) -> Array:
    """The Euclidean norm of the gradient of each example, which is never formed.

    The squared norm of an outer product is the product of the squared norms, so that a layer has
    ||delta^l||^2 (||a^{l-1}||^2 + 1). That is exact because no parameter is used twice in these networks.

    Args:
        network: the one given to `backprop`.
        result: what `backprop` returned.

    Returns:
        `(...,)`: over all parameters together, one norm an example.

    Raises:
        TypeError: if a part of the network is neither a layer nor a wiring.
        ValueError: if the result is of a network with another number of layers.

    Source: I. Goodfellow, Efficient per-example gradient computations (2015).

    >>> from jaxnet.networks.layers import layer
    >>> from jaxnet.learning.losses import squared_error
    >>> net, params = layer(2, 1, jnp.tanh), Neuron(w=jnp.array([[1.0, 1.0]]), b=jnp.array([0.0]))
    >>> found = backprop(net, params, jnp.array([[2.0, -2.0], [0.0, 0.0]]), jnp.array([[1.0], [2.0]]), squared_error)
    >>> per_example_gradient_norms(net, found)
    Array([3., 2.], dtype=float32)
    """
    parts = _parts("per_example_gradient_norms", network.structure, result)
    squares = []
    for part, fed, delta in zip(parts, _feeds(parts, result.activations), result.deltas, strict=True):
        if isinstance(part, Layer):
            squares.append(jnp.square(delta).sum(axis=-1) * (jnp.square(fed).sum(axis=-1) + 1))
        else:
            # In a wiring the units differ in what feeds them.
            wiring = part.wiring
            feeding = _along_edges(jnp.square(fed), None, wiring.sources, _targets(wiring), wiring.n_units)
            squares.append((jnp.square(delta) * (feeding + 1)).sum(axis=-1))
    return jnp.sqrt(sum(squares[1:], squares[0]))


def _parts(name: str, structure: Any, result: Backprop | None = None) -> list[Layer | Wired]:
    """The layers and wirings of a structure, nested chains unrolled; anything else is refused."""
    parts = []

    def visit(structure: Any, place: str) -> None:
        if isinstance(structure, Chain):
            for i, part in enumerate(structure.parts, start=1):
                visit(part, f"{place}.{i}" if place else f"{i}")
        elif isinstance(structure, (Layer, Wired)):
            parts.append(structure)
        else:
            found = "a network of your own, whose structure is None" if structure is None else repr(structure)
            raise TypeError(
                f"{name}: expected a network made of jaxnet.layer, mlp, chain and wired, but "
                f"{f'part {place} of the chain' if place else 'this'} is {found}. For any function use jax.grad."
            )

    visit(structure, "")
    if result is not None and len(parts) != len(result.deltas):
        raise ValueError(
            f"{name}: expected the backprop of this network of {len(parts)} layers, got one of {len(result.deltas)}."
        )
    return parts


def _pairs(params: Any) -> list[tuple[Array, Array]]:
    """The `(w, b)` of every part: in a chain of chains they are the leaves, in order and two by two."""
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(params)]
    return list(zip(leaves[::2], leaves[1::2], strict=True))


def _forward(part: Layer | Wired, theta: tuple[Array, Array], x: Array) -> tuple[Array, Array]:
    """Pre-activations and activations."""
    if isinstance(part, Layer):
        z = pre_activation(Neuron(*theta), x)
        return z, part.activation(z)
    z = unit_sums(part.wiring, Neuron(*theta), x, part.activation)
    return z, jnp.concatenate([x.astype(z.dtype), part.activation(z).astype(z.dtype)], axis=-1)


def _given(part: Layer | Wired, a: Array) -> Array:
    """Of the activations of a part, those that go on to the next."""
    return a if isinstance(part, Layer) else a[..., part.wiring.outputs]


def _feeds(parts: list, activations: Any) -> list[Array]:
    """What the weights of each part are multiplied with: in a wiring its own nodes, its inputs among them."""
    feeds, v = [], activations[0]
    for part, a in zip(parts, activations[1:], strict=True):
        feeds.append(v if isinstance(part, Layer) else a)
        v = _given(part, a)
    return feeds


def _delta(part: Layer | Wired, theta: tuple[Array, Array], z: Array, slope: Array) -> Array:
    """dl/dz, from dl/da of what the part gives."""
    if isinstance(part, Layer):
        return _times_derivative(part.activation, z, slope)
    of_units = _slopes_of_nodes(part.wiring, slope)[..., part.wiring.n_inputs :]
    return unit_deltas(part.wiring, Neuron(*theta), z, of_units, part.activation)


def _backward(part: Layer | Wired, theta: tuple[Array, Array], delta: Array, slope: Array) -> Array:
    """dl/dx of the inputs of a part: W^T delta, and where inputs are outputs of a wiring their slope besides."""
    w, _ = theta
    if isinstance(part, Layer):
        return delta @ w
    wiring = part.wiring
    fed = np.flatnonzero(wiring.sources < wiring.n_inputs)
    w = w.astype(delta.dtype)[fed]
    through_units = _along_edges(delta, w, _targets(wiring)[fed], wiring.sources[fed], wiring.n_inputs)
    return _slopes_of_nodes(wiring, slope)[..., : wiring.n_inputs] + through_units


def _times_derivative(activation: Activation, z: Array, slope: Array) -> Array:
    """The slope times sigma'(z); the Jacobian where units mix, as in a softmax."""
    _, pull = jax.vjp(activation, z)
    return pull(slope)[0]


def _gradient(part: Layer | Wired, fed: Array, delta: Array) -> tuple[Array, Array]:
    """dl/dW and dl/db: delta a^T and delta, summed over examples."""
    examples = tuple(range(delta.ndim - 1))
    db = delta.sum(axis=examples)
    if isinstance(part, Layer):
        return jnp.tensordot(delta, fed, axes=(examples, examples)), db

    # One number an edge. Edges times examples may be more than memory holds: in blocks, and gathered again if
    # this is differentiated.
    nodes, units = _by_row(fed), _by_row(delta)
    edge = jax.checkpoint(lambda edge: jnp.sum(nodes[edge[0]] * units[edge[1]]))
    edges = jnp.asarray(part.wiring.sources), jnp.asarray(_targets(part.wiring))
    if not part.wiring.n_edges:
        return jnp.zeros(0, delta.dtype), db
    return jax.lax.map(edge, edges, batch_size=_edges_at_once(nodes)), db


def _slopes_of_nodes(wiring: Wiring, slope: Array) -> Array:
    """dl/da of every node that is read, zero for the others; one that is read twice has the sum."""
    zeros = jnp.zeros((*slope.shape[:-1], wiring.n_inputs + wiring.n_units), slope.dtype)
    return zeros.at[..., wiring.outputs].add(slope)


def _targets(wiring: Wiring) -> np.ndarray:
    """The unit at the end of each edge."""
    return np.repeat(np.arange(wiring.n_units, dtype=np.int32), np.diff(wiring.offsets))


def _along_edges(values: Array, weights: Array | None, start: np.ndarray, end: np.ndarray, n: int) -> Array:
    """`(..., n)`: for each end the weighted sum of the values `(..., k)` at the starts of its edges, in blocks."""
    rows = _by_row(values)
    at_once = min(_edges_at_once(rows), max(1, len(start)))
    padding = -len(start) % at_once
    # Edges of padding end at a row of their own, which is dropped.
    starts = jnp.asarray(np.pad(start, (0, padding)).reshape(-1, at_once))
    ends = jnp.asarray(np.pad(end, (0, padding), constant_values=n).reshape(-1, at_once))
    weights = jnp.ones(len(start), rows.dtype) if weights is None else weights
    weights = jnp.pad(weights, (0, padding)).reshape(-1, at_once)

    @jax.checkpoint
    def block(sums: Array, edges: tuple[Array, Array, Array]) -> tuple[Array, None]:
        start, end, weights = edges
        return sums.at[end].add(weights[:, None] * rows[start]), None

    sums, _ = jax.lax.scan(block, jnp.zeros((n + 1, rows.shape[1]), rows.dtype), (starts, ends, weights))
    return sums[:n].T.reshape(*values.shape[:-1], n)


def _edges_at_once(rows: Array) -> int:
    return max(1, _BLOCK // max(1, rows.shape[1]))


def _by_row(values: Array) -> Array:
    """`(k, examples)` of values `(..., k)`."""
    return values.reshape(int(np.prod(values.shape[:-1])), values.shape[-1]).T
