"""Programs that are compiled for a function, and freed with it.

`jax.jit` keeps a static argument for good: a loss, and the data that it closes over, outlive all rules made of it.
"""

import functools
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax


def compiled_for_its_function(*static: str) -> Callable[[Callable], Callable]:
    """Compile a function whose first argument is a function, anew for each of those and for as long as that one lives.

    Args:
        static: names of further static arguments.

    Returns:
        A decorator. What it returns is called as before, with the function first and by position; equal functions
        share their programs. A function that cannot be referred to weakly, such as a `NamedTuple`, is kept.

    >>> import jax.numpy as jnp
    >>> @compiled_for_its_function()
    ... def twice(function, x):
    ...     return function(function(x))
    >>> twice(jnp.sin, jnp.array(0.0)).item()
    0.0
    """

    def decorator(function: Callable) -> Callable:
        programs: dict[Callable, Callable] = {}

        @functools.wraps(function)
        def call(owner: Callable, *args: Any, **options: Any) -> Any:
            program = programs.get(_reference(owner))
            if program is None:
                kept = _reference(owner, lambda gone: programs.pop(gone, None))
                program = programs.setdefault(kept, _program(function, kept, static))
            return program(*args, **options)

        return call

    return decorator


def _program(function: Callable, owner: Callable, static: Iterable[str]) -> Callable:
    """Return the compiled function of the arguments after the first; it only refers to the owner."""

    def program(*args: Any, **options: Any) -> Any:
        return function(owner(), *args, **options)

    program.__name__ = program.__qualname__ = function.__name__
    return jax.jit(program, static_argnames=tuple(static))


class _Kept(NamedTuple):
    """A reference that keeps its function, where there is no weak one."""

    owner: Callable

    def __call__(self) -> Callable:
        return self.owner


def _reference(owner: Callable, gone: Callable | None = None) -> Callable:
    """Return a weak reference, equal to that to an equal function; a method lives as long as its object."""
    try:
        if isinstance(owner, types.MethodType):
            return weakref.WeakMethod(owner, gone)
        return weakref.ref(owner, gone)
    except TypeError:
        return _Kept(owner)
