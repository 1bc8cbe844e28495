"""The derivatives of a network by its parameters, delta_theta = dF/dtheta: eq. 9.

The inputs are clamped, so that the derivative by one parameter is a function R^n -> R^m as F is, a vector in output
space. The gradient of a loss costs less: use `jax.grad` or `backprop`.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.pytrees import Params
from jaxnet.validation import ShapeError, located, whole_number, written

_CHUNK_BYTES = 2**26  # of derivatives computed at once, unless the caller gives chunk_size
_SHOWN = 20  # paths that an error lists


def partials(
    apply: Callable[[Params, ArrayLike], Array],
    params: Params = None,
    x: ArrayLike | None = None,
    *,
    where: Sequence[Any] | None = None,
    mode: str | None = None,
    chunk_size: int | None = None,
) -> Any:
    """Differentiate a network by its parameters, delta_theta = dF/dtheta: eq. 9.

    Without params and x, return the derivative as a function of `(params, x)`: for one scalar parameter it has the
    signature of F.

    Args:
        apply: F, pure and hashable: `apply(params, x)` maps `(..., n)` to `(..., m)`, each example independently. A
            second call with the same function and shapes compiles nothing.
        params: a pytree of real floating arrays.
        x: inputs `(..., n)`.
        where: one parameter only: the keys, names and indices that lead to its array, as in `(0, "w")`, followed by
            indices into the array for a part of it, as in `(0, "w", 1, 2)`. A path from `jax.tree.leaves_with_path`
            works too.
        mode: "reverse" costs m backward passes, "forward" one pass per parameter; None takes the cheaper one, or the
            other one if a function in F has no rule for it (`jax.custom_vjp`, `jax.lax.while_loop`).
        chunk_size: how many examples to differentiate at once, at least 1; if None, as many as give 64 MiB of
            derivatives.

    Returns:
        The pytree of params, each leaf `(..., m, *leaf.shape)` in the dtype of the leaf; with `where` an array
        `(..., m, *shape)`, so `(..., m)` for one weight. The derivative of a `(...,)` output has no axis m.

    Raises:
        ShapeError: if x is a scalar.
        TypeError: if a parameter to differentiate by, or the output, is not real and floating; if no mode works; if
            params are given without x; if `chunk_size` is not a whole number.
        ValueError: if there is no parameter at `where`, or `mode` or `chunk_size` is none of the above.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 9.

    >>> def line(params, x):
    ...     return params["a"] * x + params["b"]
    >>> partials(line, {"a": jnp.array([2.0]), "b": jnp.array([1.0])}, jnp.array([[3.0], [4.0]]))["a"].shape
    (2, 1, 1)
    >>> slope = partials(line, where=("a", 0))
    >>> slope({"a": jnp.array([2.0]), "b": jnp.array([1.0])}, jnp.array([[3.0], [4.0]]))
    Array([[3.],
           [4.]], dtype=float32)
    """
    if mode not in (None, "reverse", "forward"):
        raise ValueError(f'partials: expected mode "reverse", "forward" or None, got {written(mode)}.')
    if chunk_size is not None:
        chunk_size = whole_number("partials", "chunk_size", chunk_size, 1)
    place = None if where is None else tuple(_key(entry) for entry in where)

    def derivative(params: Params, x: ArrayLike) -> Any:
        return _partials(apply, params, x, place, mode, chunk_size)

    if x is None and params is None:
        return derivative
    if x is None:
        raise TypeError("partials: got params but no x. Give both, or neither for a function of both.")
    return derivative(params, x)


@functools.partial(jax.jit, static_argnames=("apply", "where", "mode", "chunk_size"))
def _partials(apply: Callable, params: Params, x: Any, where: Any, mode: str | None, chunk_size: int | None) -> Any:
    if x.ndim == 0:
        raise ShapeError("partials: expected inputs (..., n), got a scalar.")
    leaves, structure = jax.tree.flatten(params)
    names = [tuple(_key(entry) for entry in path) for path, _ in jax.tree.leaves_with_path(params)]
    number, index = (None, ()) if where is None else _find(where, names, leaves)
    for name, leaf in zip(names, leaves, strict=True):
        if not jnp.issubdtype(leaf.dtype, jnp.floating) and (number is None or name == names[number]):
            hint = "Make a parameter of each part" if jnp.iscomplexobj(leaf) else "Convert it"
            raise TypeError(
                f"partials: expected real floating parameters, got {leaf.dtype} at {name}. "
                f"{hint}, or choose another parameter with where."
            )
    theta = leaves if number is None else [leaves[number][index]]

    def output(theta: list[Array], x: Array) -> Array:
        if number is None:
            return apply(jax.tree.unflatten(structure, theta), x)
        changed = leaves[number].at[index].set(theta[0])
        return apply(jax.tree.unflatten(structure, [*leaves[:number], changed, *leaves[number + 1 :]]), x)

    with located("partials"):
        y = jax.eval_shape(output, theta, jax.ShapeDtypeStruct(x.shape[-1:], x.dtype))
    if not (hasattr(y, "dtype") and jnp.issubdtype(y.dtype, jnp.floating)):
        given = getattr(y, "dtype", type(y).__name__)
        raise TypeError(f"partials: expected apply to give one array of real floating outputs, got {given}.")
    if not theta:
        return params
    n_params = sum(p.size for p in theta)
    if chunk_size is None:
        chunk_size = max(1, _CHUNK_BYTES // max(1, sum(p.nbytes for p in theta) * y.size))
    # One parameter takes one forward pass. A tie goes to reverse, whose passes after the first skip the network itself.
    cheaper = "forward" if n_params == 1 or n_params < y.size else "reverse"
    modes = [mode] if mode else [cheaper, "reverse" if cheaper == "forward" else "forward"]
    refusals: list[Exception] = []
    for attempt in modes:
        differentiate = _reverse if attempt == "reverse" else _forward

        def one(x: Array, differentiate: Callable = differentiate) -> list[Array]:
            return differentiate(lambda theta: output(theta, x), theta)

        try:
            result = _in_chunks(one, x, chunk_size)
        except (TypeError, ValueError, NotImplementedError) as error:
            # F itself was traced above, so that what fails here is a rule of differentiation.
            refusals.append(error)
        else:
            return result[0] if number is not None else jax.tree.unflatten(structure, result)
    tried = " or ".join(modes)
    reasons = " ".join(str(error) for error in refusals)
    raise TypeError(f"partials: this function has no derivative in {tried} mode. {reasons}") from refusals[0]


def _reverse(f: Callable[[list[Array]], Array], theta: list[Array]) -> list[Array]:
    return jax.jacrev(f)(theta)


def _forward(f: Callable[[list[Array]], Array], theta: list[Array]) -> list[Array]:
    def by(i: int) -> Array:
        # One leaf at a time: no tangent passes through the layers before it. jacfwd gives the dtype of the output.
        return jax.jacfwd(lambda p: f([*theta[:i], p, *theta[i + 1 :]]))(theta[i]).astype(theta[i].dtype)

    return [by(i) for i in range(len(theta))]


def _in_chunks(one: Callable[[Array], list[Array]], x: Array, chunk_size: int) -> list[Array]:
    """Apply `one` to each example, at most `chunk_size` at once."""
    batch, n_examples = x.shape[:-1], math.prod(x.shape[:-1])
    if not batch:
        return one(x)
    x = x.reshape(n_examples, x.shape[-1])
    if n_examples <= chunk_size:
        each = jax.vmap(one)(x)
    else:
        # The last chunk overlaps the one before it, to be full: jax.lax.map would append a remainder, and hold
        # everything twice.
        def write(whole: list[Array], start: Array) -> tuple[list[Array], None]:
            chunk = jax.vmap(one)(jax.lax.dynamic_slice_in_dim(x, start, chunk_size))
            update = functools.partial(jax.lax.dynamic_update_slice_in_dim, start_index=start, axis=0)
            return [update(w, c) for w, c in zip(whole, chunk, strict=True)], None

        whole = [jnp.zeros((n_examples, *s.shape), s.dtype) for s in jax.eval_shape(one, x[0])]
        starts = jnp.minimum(jnp.arange(0, n_examples, chunk_size), n_examples - chunk_size)
        each, _ = jax.lax.scan(write, whole, starts)
    return [d.reshape(*batch, *d.shape[1:]) for d in each]


def _key(entry: Any) -> Any:
    """Return a step of a path as the user writes it: "w" for the attribute w, 0 for the first item."""
    for name in ("key", "idx", "name"):
        if hasattr(entry, name):
            return getattr(entry, name)
    return entry


def _find(where: tuple, names: list[tuple], leaves: list[Array]) -> tuple[int, tuple]:
    """Return the number of the leaf that a path leads to, and the rest of the path: indices into that leaf."""
    for number, (name, leaf) in enumerate(zip(names, leaves, strict=True)):
        if where[: len(name)] != name:
            continue
        index = where[len(name) :]
        inside = len(index) <= leaf.ndim and all(
            isinstance(i, int | np.integer) and -size <= i < size for i, size in zip(index, leaf.shape, strict=False)
        )
        if not inside:
            raise ValueError(
                f"partials: expected indices into the parameter {name} of shape {leaf.shape}, got {index}."
            )
        return number, tuple(int(i) for i in index)
    there = [f"{name} {leaf.shape}" for name, leaf in zip(names[:_SHOWN], leaves, strict=False)]
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    raise ValueError(
        f"partials: expected where to lead to a parameter, got {written(where)}. "
        f"There are: {', '.join(there + more) or 'none'}."
    )
