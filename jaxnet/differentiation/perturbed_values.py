"""Values of a function at many points around its parameters, in float64, by one compiled program."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnet.differentiation.complex_parts import join_complex
from jaxnet.lowering import jaxprs

_CHUNK_BYTES = 2**22  # of intermediate values at once: more would leave the cache


class _Function(NamedTuple):
    """The function f, of one flat vector; equal if its parts are equal, so that a second check compiles nothing."""

    f: Callable
    structure: Any
    shapes: tuple[tuple[int, ...], ...]
    args_structure: Any
    fixed: tuple[Any, ...]  # the leaves of args, None in place of each array

    def outputs(self, theta: Array, arrays: dict[int, Array]) -> Array:
        stops = np.cumsum([0, *map(math.prod, self.shapes)])
        leaves = [theta[a:b].reshape(s) for a, b, s in zip(stops[:-1], stops[1:], self.shapes, strict=True)]
        args = jax.tree.unflatten(self.args_structure, [arrays.get(i, leaf) for i, leaf in enumerate(self.fixed)])
        params = join_complex(jax.tree.unflatten(self.structure, leaves))
        outputs = [jnp.asarray(y) for y in jax.tree.leaves(self.f(params, *args))]
        for y in outputs:
            if not jnp.issubdtype(y.dtype, jnp.floating):
                raise TypeError(f"check_gradients: expected real floating outputs, got {y.dtype}.")
        return jnp.concatenate([y.astype(float).reshape(-1) for y in outputs] or [jnp.zeros(0)])

    def __call__(self, theta: Array, arrays: dict[int, Array], projection: Array) -> Array:
        return self.outputs(theta, arrays) @ projection


class PerturbedFunction(NamedTuple):
    """A function f, ready to be evaluated around its parameters.

    Attributes:
        function: a scalar function of `(theta, arrays, projection)`: the outputs of f times the projection.
        theta: `(p,)` float64, all parameters in one vector.
        unit: `(p,)`, how far a step of 1 moves each: a power of two, at least its size and 1, with a random sign.
        arrays: the arrays among the other arguments of f, by number.
        projection: `(m,)`; 1 for a single output.
        chunk_size: how many evaluations are done at once.
        epsilon: of the coarsest floating-point type that f rounds to.
        notes: what a reader of the values should know.
    """

    function: _Function
    theta: np.ndarray
    unit: np.ndarray
    arrays: dict[int, Any]
    projection: np.ndarray
    chunk_size: int
    epsilon: float
    notes: tuple[str, ...]

    def values(self, spans: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Evaluate with the entries start..stop of each span moved by each of its steps: `(spans, steps)`."""
        n = len(spans)
        pad = -n % 64  # to compile for few sizes
        spans, steps = np.pad(spans, ((0, pad), (0, 0)), "edge"), np.pad(steps, ((0, pad), (0, 0)), "edge")
        return np.asarray(
            _values(
                self.function, self.theta, self.unit, self.arrays, self.projection, spans, steps, chunk=self.chunk_size
            )
        )[:n]

    def gradient(self) -> np.ndarray:
        """Return the automatic derivatives: `(p,)`."""
        return np.asarray(_gradient(self.function, self.theta, self.arrays, self.projection))


def perturbed(
    f: Callable[..., Any], leaves: list[np.ndarray], structure: Any, args: tuple, random: np.random.Generator
) -> PerturbedFunction:
    """Trace a function in float64, to evaluate it around its parameters.

    Args:
        f: `f(params, *args)`.
        leaves: the parameters, float64.
        structure: the structure of their pytree, with `ComplexParts` in place of each complex array.
        args: the other arguments; floating arrays among them are cast to float64, complex ones to complex128.
        random: draws the signs and the projection.

    Returns:
        A `PerturbedFunction`. Make it and use it under `jax.enable_x64(True)`.

    Raises:
        TypeError: if an output is not real and floating.
        ValueError: if there is none.

    >>> leaves, structure = [np.float64(3)], jax.tree.structure([0])
    >>> with jax.enable_x64(True):
    ...     square = perturbed(lambda p: p[0] ** 2, leaves, structure, (), np.random.default_rng(0))
    ...     square.values(np.array([[0, 1]]), np.array([[0.0, 0.25]]) * np.sign(square.unit)), square.gradient()
    (array([[ 9., 16.]]), array([6.]))
    """
    arrays, fixed = {}, []
    args_leaves, args_structure = jax.tree.flatten(args)
    for i, leaf in enumerate(args_leaves):
        is_array = isinstance(leaf, Array | np.ndarray | np.generic)
        fixed.append(None if is_array else leaf)
        if is_array:
            arrays[i] = leaf
            for kind, double in ((jnp.floating, np.float64), (jnp.complexfloating, np.complex128)):
                if jnp.issubdtype(leaf.dtype, kind):
                    arrays[i] = np.asarray(leaf, double)
    function = _Function(f, structure, tuple(leaf.shape for leaf in leaves), args_structure, tuple(fixed))
    theta = np.concatenate([leaf.reshape(-1) for leaf in leaves])

    traced, output = jax.make_jaxpr(function.outputs, return_shape=True)(theta, arrays)
    if not output.size:
        raise ValueError("check_gradients: expected f to give a number, got no outputs.")
    equations = list(jaxprs.equations(traced))
    rounded = {
        jnp.finfo(v.aval.dtype).dtype
        for equation in equations
        if any(_is_float(v.aval, 8) for v in equation.invars)
        for v in equation.outvars
        if _is_float(v.aval, 1, 4)
    }
    epsilon = max([float(jnp.finfo(dtype).eps) for dtype in (*rounded, np.float64)])
    notes = [f"f rounds float64 to {dtype}: errors below {jnp.finfo(dtype).eps:.0e} of f are not seen."
             for dtype in sorted(rounded, key=str)]  # fmt: skip
    if output.size != 1:
        notes.append(f"f has {output.size} outputs: a random projection of them is checked.")
    held = sum(v.aval.size * 8 for equation in equations for v in equation.outvars if hasattr(v.aval, "size"))
    # Powers of two, so that theta + h is exact; the signs make a random direction of a whole array.
    finite = np.where(np.isfinite(theta), np.abs(theta), 1.0)
    unit = random.choice([-1.0, 1.0], theta.size) * 2.0 ** np.ceil(np.log2(np.maximum(finite, 1.0)))
    projection = random.choice([-1.0, 1.0], output.size) * random.uniform(0.5, 1.5, output.size)
    return PerturbedFunction(
        function,
        theta,
        unit,
        arrays,
        projection if output.size != 1 else np.ones(1),
        max(1, _CHUNK_BYTES // (theta.nbytes + held)),
        epsilon,
        tuple(notes),
    )


def _is_float(aval: Any, smallest: int, largest: int = 8) -> bool:
    dtype = getattr(aval, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jnp.inexact):
        return False
    return smallest <= jnp.finfo(dtype).bits // 8 <= largest  # of complex numbers, those of a part


@functools.partial(jax.jit, static_argnames="function")
def _gradient(function: _Function, theta: Array, arrays: dict[int, Array], projection: Array) -> Array:
    return jax.grad(function)(theta, arrays, projection)


@functools.partial(jax.jit, static_argnames=("function", "chunk"))
def _values(
    function: _Function,
    theta: Array,
    unit: Array,
    arrays: dict[int, Array],
    projection: Array,
    spans: Array,
    steps: Array,
    chunk: int,
) -> Array:
    place = jnp.arange(theta.size)

    def at(move: tuple[Array, Array]) -> Array:
        (start, stop), step = move
        moved = jnp.where((start <= place) & (place < stop), theta + step * unit, theta)
        return function(moved, arrays, projection)

    moves = (jnp.repeat(spans, steps.shape[1], axis=0), steps.reshape(-1))
    return jax.lax.map(at, moves, batch_size=chunk).reshape(steps.shape)
