"""Layers of gates on values in [0, 1], a row for each node and a column for each example, with their own derivatives.

What a step costs on a CPU is reading and writing rows. So values are gathered, never scattered, and of a run of layers
only what each layer was given is kept for the way back.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from circuits.gate_networks.parametrisations import Coefficients


def gates(k: Coefficients, a: Array, b: Array) -> Array:
    """Return what gates make of their inputs.

    Args:
        k: of W gates, `k.k` `(4, W)`.
        a: the first input of each, `(W, B)` for B examples.
        b: the second, likewise.

    Returns:
        `(W, B)`.

    >>> k = Coefficients(jnp.array([[0.0], [1.0], [1.0], [-2.0]]), "none")               # an XOR
    >>> gates(k, jnp.array([[0.0, 1.0, 0.5]]), jnp.array([[1.0, 1.0, 0.5]]))
    Array([[1. , 0. , 0.5]], dtype=float32)
    """
    return _gates(k.squash, k.k, a, b)


def gathered(x: Array, reads: Array, readers: Array | None) -> Array:
    """Return rows of an array; the derivative gathers too, where `readers` are given.

    Args:
        x: `(n, B)`.
        reads: `(N,)`, rows.
        readers: of `circuits.gate_networks.gate_wirings`.

    Returns:
        `(N, B)`.

    >>> gathered(jnp.array([[1.0], [2.0]]), jnp.array([1, 1, 0]), None).T
    Array([[2., 2., 1.]], dtype=float32)
    """
    return _rows(x, reads) if readers is None else _gathered(x, reads, readers)


def mixed(weights: Array, x: Array, reads: Array, readers: Array | None) -> Array:
    """Return weighted sums of rows: inputs of gates that have not yet been chosen.

    Args:
        weights: `(C, N)`, of each candidate of each of N inputs.
        x: `(n, B)`.
        reads: `(C, N)`, the rows of the candidates.
        readers: of `circuits.gate_networks.gate_wirings`, or None.

    Returns:
        `(N, B)`: row j is the sum over t of weights[t, j] x[reads[t, j]].

    >>> mixed(jnp.array([[0.5], [0.5]]), jnp.array([[0.0, 1.0], [1.0, 1.0]]), jnp.array([[0], [1]]), None)
    Array([[0.5, 1. ]], dtype=float32)
    """
    return _mixed(weights, x, reads, readers)


def picked(weights: Array, chosen: Array, x: Array, reads: Array) -> Array:
    """Return rows that are chosen among candidates, with the derivative by the weights that their weighted sum has.

    Args:
        weights: `(C, N)`, of each candidate of each of N inputs; no value depends on them.
        chosen: `(N,)`, the row of x that each input is.
        x: `(n, B)`.
        reads: `(C, N)`, the rows of the candidates; with C = n all rows, in order.

    Returns:
        `(N, B)`: row j is x[chosen[j]].

    Source: Y. Bengio and others, Estimating or propagating gradients through stochastic neurons (2013),
    straight-through.

    >>> reads = jnp.array([[0], [1]])
    >>> picked(jnp.array([[0.4], [0.6]]), jnp.array([1]), jnp.array([[0.0, 1.0], [1.0, 1.0]]), reads)
    Array([[1., 1.]], dtype=float32)
    """
    return _picked(weights, chosen, x, reads)


def matched_layers(k: Coefficients, second: Array, inverse: Array, x: Array) -> Array:
    """Run layers of W gates each, gate i of which reads nodes i and p(i) of the W before: in a loop, if there are many.

    Args:
        k: of L layers, `k.k` `(L, 4, W)`.
        second: `(L, W)`, p of each layer.
        inverse: `(L, W)`, its inverse.
        x: `(W, B)`.

    Returns:
        `(W, B)`.

    >>> xor = Coefficients(jnp.tile(jnp.array([0.0, 1.0, 1.0, -2.0])[None, :, None], (2, 1, 2)), "none")
    >>> swap = jnp.array([[1, 0], [1, 0]])
    >>> matched_layers(xor, swap, swap, jnp.array([[1.0], [0.0]])).T                # 1, 1 and then 0, 0
    Array([[0., 0.]], dtype=float32)
    """
    return _matched_layers(k.squash, k.k, second, inverse, x)


def _rows(x: Array, reads: Array) -> Array:
    return x.at[reads].get(mode="promise_in_bounds")


def _polynomial(k: Array, a: Array, b: Array) -> Array:
    k = k[:, :, None]
    return k[0] + k[1] * a + (k[2] + k[3] * a) * b


def _values(squash: str, k: Array, a: Array, b: Array) -> Array:
    z = _polynomial(k, a, b)
    if squash == "none":
        return z
    return jax.nn.sigmoid(z) if squash == "sigmoid" else (z > 0).astype(z.dtype)


def _through_squash(squash: str, k: Array, a: Array, b: Array, g: Array) -> Array:
    """Return the cotangent of the polynomial, given that of the values."""
    if squash == "none":
        return g
    y = jax.nn.sigmoid(_polynomial(k, a, b))
    return g * y * (1 - y)


def _to_coefficients(g: Array, a: Array, b: Array) -> Array:
    """Return the derivatives by k0, ka, kb, kab, summed over examples."""
    # With a * b first, two of the four products are shared with no other: XLA then sums each in one pass.
    return jnp.stack([g.sum(1), (g * a).sum(1), (g * b).sum(1), (g * (a * b)).sum(1)])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gates(squash: str, k: Array, a: Array, b: Array) -> Array:
    return _values(squash, k, a, b)


def _gates_forward(squash: str, k: Array, a: Array, b: Array) -> tuple:
    return _values(squash, k, a, b), (k, a, b)


def _gates_back(squash: str, kept: tuple, g: Array) -> tuple:
    k, a, b = kept
    g = _through_squash(squash, k, a, b, g)
    c = k[:, :, None]
    return _to_coefficients(g, a, b), g * (c[1] + c[3] * b), g * (c[2] + c[3] * a)


_gates.defvjp(_gates_forward, _gates_back)


@jax.custom_vjp
def _gathered(x: Array, reads: Array, readers: Array) -> Array:
    return _rows(x, reads)


def _gathered_forward(x: Array, reads: Array, readers: Array) -> tuple:
    return _rows(x, reads), readers


def _gathered_back(readers: Array, g: Array) -> tuple:
    padded = jnp.concatenate([g, jnp.zeros((1, g.shape[1]), g.dtype)])
    return sum(_rows(padded, place) for place in readers), None, None


_gathered.defvjp(_gathered_forward, _gathered_back)


@jax.custom_vjp
def _mixed(weights: Array, x: Array, reads: Array, readers: Array | None) -> Array:
    # A loop, since its result is then stored: else each reader of the gates that follow would compute it anew.
    def add(total: Array, candidate: tuple) -> tuple[Array, None]:
        w, r = candidate
        return total + w[:, None] * _rows(x, r), None

    return jax.lax.scan(add, jnp.zeros((reads.shape[1], x.shape[1]), x.dtype), (weights, reads))[0]


def _mixed_forward(weights: Array, x: Array, reads: Array, readers: Array | None) -> tuple:
    return _mixed(weights, x, reads, readers), (weights, x, reads, readers)


def _mixed_back(kept: tuple, g: Array) -> tuple:
    weights, x, reads, readers = kept
    to_weights = _to_weights(g, x, reads)
    if readers is None:
        to_x = jnp.zeros_like(x)
        for w, r in zip(weights, reads, strict=True):
            to_x = to_x.at[r].add(w[:, None] * g)
    else:
        flat = jnp.append(weights.ravel(), 0)
        to_x = sum(flat[place][:, None] * _rows(g, place % g.shape[0]) for place in readers)
    return to_weights, to_x, None, None


_mixed.defvjp(_mixed_forward, _mixed_back)


def _to_weights(g: Array, x: Array, reads: Array) -> Array:
    """Return the derivatives by the weights of candidates."""
    if len(reads) == len(x):
        return jnp.matmul(x, g.T, precision=jax.lax.Precision.HIGHEST)
    return jax.lax.scan(lambda _, r: (None, (g * _rows(x, r)).sum(1)), None, reads)[1]


@jax.custom_vjp
def _picked(weights: Array, chosen: Array, x: Array, reads: Array) -> Array:
    return _rows(x, chosen)


def _picked_forward(weights: Array, chosen: Array, x: Array, reads: Array) -> tuple:
    return _rows(x, chosen), (chosen, x, reads)


def _picked_back(kept: tuple, g: Array) -> tuple:
    chosen, x, reads = kept
    return _to_weights(g, x, reads), None, jnp.zeros_like(x).at[chosen].add(g), None


_picked.defvjp(_picked_forward, _picked_back)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _matched_layers(squash: str, k: Array, second: Array, inverse: Array, x: Array) -> Array:
    return _matched_forward(squash, k, second, inverse, x)[0]


def _matched_forward(squash: str, k: Array, second: Array, inverse: Array, x: Array) -> tuple:
    def layer(x: Array, of_layer: tuple) -> tuple[Array, Array]:
        k, p = of_layer
        return _values(squash, k, x, _rows(x, p)), x

    y, given = jax.lax.scan(layer, x, (k, second))
    return y, (k, second, inverse, given)


def _matched_back(squash: str, kept: tuple, g: Array) -> tuple:
    def layer(g: Array, of_layer: tuple) -> tuple[Array, Array]:
        k, p, inverse, a = of_layer
        b = _rows(a, p)
        to_k, to_a, to_b = _gates_back(squash, (k, a, b), g)
        return to_a + _rows(to_b, inverse), to_k

    g, to_k = jax.lax.scan(layer, g, kept, reverse=True)
    return to_k, None, None, g


_matched_layers.defvjp(_matched_forward, _matched_back)
