"""A function of one member of an ensemble as one of many, with the members along the last axis of every array.

`jax.vmap` puts them first. For networks of a few units the loops of a CPU then run over axes of two or four; along
the last axis they run over hundreds of members, a vector register at a time.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxnet.lowering.jaxprs import Equation, bind, interpret
from jaxnet.lowering.native_loops import is_small

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, Jaxpr

# The most products of a dot. They are written out one by one, which for more of them is slower than a batched dot.
MOST_PRODUCTS = 512

# Operations with one operand for each element, and the same parameters whatever the shape.
# fmt: off
_ELEMENTWISE = frozenset([
    "abs", "add", "add_any", "and", "clamp", "convert_element_type", "copy", "cos", "div", "eq", "exp", "expm1",
    "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p", "log2", "logistic", "lt", "max", "min",
    "mul", "ne", "neg", "not", "one_minus_square", "or", "pow", "rem", "round", "rsqrt", "select_n", "sign", "sin",
    "sqrt", "square", "stop_gradient", "sub", "tanh", "xor",
])
_REDUCTIONS = frozenset([
    "reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_prod", "reduce_sum",
])
# fmt: on


def is_fast(jaxpr: "Jaxpr") -> bool:
    """Return whether a function of one member is faster for many with the members last than under `jax.vmap`.

    Args:
        jaxpr: of the function of one member.

    Returns:
        True if all is elementwise, a reduction or a small dot.

    >>> is_fast(jax.make_jaxpr(lambda w, x: jnp.tanh(x @ w))(jnp.ones((2, 4)), jnp.ones((4, 2))).jaxpr)
    True
    """
    return is_small(jaxpr, MOST_PRODUCTS)


def members_last(closed: "ClosedJaxpr", args: Sequence[Array], of_members: Sequence[bool], members: int) -> list[Array]:
    """Call a function of one member for all of them.

    Args:
        closed: the function, `is_fast`.
        args: its flat arguments, with the members along the last axis, or the same for all members.
        of_members: which of them have members.
        members: how many there are.

    Returns:
        Its flat results, all with the members along the last axis.

    >>> closed = jax.make_jaxpr(lambda w, x: w @ x)(jnp.ones(2), jnp.ones(2))
    >>> members_last(closed, [jnp.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]), jnp.array([1.0, 10.0])], [True, False], 3)
    [Array([ 1., 12.,  3.], dtype=float32)]
    """
    marked = [_Members(x) if has else x for x, has in zip(args, of_members, strict=True)]
    return [
        r.array if isinstance(r, _Members) else jnp.broadcast_to(jnp.expand_dims(r, -1), (*jnp.shape(r), members))
        for r in interpret(closed, marked, _members_last)
    ]


class _Members(NamedTuple):
    """An array with the members along its last axis; any other value is the same for all of them."""

    array: Array


def _members_last(equation: Equation, operands: Sequence) -> list:
    """One equation for all members, without a transpose where that can be helped."""
    if not any(isinstance(x, _Members) for x in operands):
        return bind(equation, operands)
    return [_Members(result) for result in _of_members(equation, operands)]


def _of_members(equation: Equation, operands: Sequence) -> list:
    name, params = equation.primitive.name, equation.params
    members = next(x.array.shape[-1] for x in operands if isinstance(x, _Members))
    wide = [x.array if isinstance(x, _Members) else jnp.expand_dims(x, -1) for x in operands]
    if name in _ELEMENTWISE:
        shape = (*equation.outvars[0].aval.shape, members)
        return bind(equation, [_filled(x, shape) for x in wide])
    if name in _REDUCTIONS:
        return bind(equation, wide)
    if name == "broadcast_in_dim":
        shape, kept = params["shape"], params["broadcast_dimensions"]
        return [jax.lax.broadcast_in_dim(wide[0], (*shape, members), (*kept, len(shape)))]
    if name == "reshape":
        return [jax.lax.reshape(wide[0], (*params["new_sizes"], members))]
    if name == "transpose":
        return [jax.lax.transpose(wide[0], (*params["permutation"], len(params["permutation"])))]
    if name == "squeeze":
        return [jax.lax.squeeze(wide[0], params["dimensions"])]
    if name == "dot_general":
        x, y = wide
        return [_dot(x, y, params["dimension_numbers"])]
    axes = tuple(-1 if isinstance(x, _Members) else None for x in operands)
    plain = [x.array if isinstance(x, _Members) else x for x in operands]
    return jax.vmap(lambda *xs: bind(equation, xs), in_axes=axes, out_axes=-1)(*plain)


def _filled(x: Array, shape: tuple[int, ...]) -> Array:
    """Broadcast an operand, also a scalar for all elements, as a bound of a clamp may be."""
    return jnp.broadcast_to(x.reshape((1,) * (len(shape) - x.ndim) + x.shape), shape)


def _dot(x: Array, y: Array, dimension_numbers: Any) -> Array:
    """Return a dot written out product by product: batch axes, free axes of x, those of y, members."""
    (sum_x, sum_y), (batch_x, batch_y) = dimension_numbers
    free_x = [i for i in range(x.ndim - 1) if i not in (*sum_x, *batch_x)]
    free_y = [i for i in range(y.ndim - 1) if i not in (*sum_y, *batch_y)]
    n_batch, n_sum = len(batch_x), math.prod(x.shape[i] for i in sum_x)

    def factor(z: Array, axes: Sequence[int], n_kept: int, added: Sequence[int]) -> Array:
        z = jnp.transpose(z, (*axes, z.ndim - 1))
        return jnp.expand_dims(z.reshape(*z.shape[:n_kept], n_sum, z.shape[-1]), added)

    after_x = range(n_batch + len(free_x), n_batch + len(free_x) + len(free_y))
    x = factor(x, (*batch_x, *free_x, *sum_x), n_batch + len(free_x), after_x)
    y = factor(y, (*batch_y, *free_y, *sum_y), n_batch + len(free_y), range(n_batch, n_batch + len(free_x)))
    products = [_times(x[..., k, :], y[..., k, :]) for k in range(n_sum)]
    total = products[0]
    for product in products[1:]:
        total = total + product
    return total


def _times(x: Array, y: Array) -> Array:
    shape = jnp.broadcast_shapes(x.shape, y.shape)
    return jnp.broadcast_to(x, shape) * jnp.broadcast_to(y, shape)
