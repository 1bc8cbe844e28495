"""A traced program, walked over: all its equations, and an interpreter with a rule of your own for each.

A jaxpr is what `jax.make_jaxpr` gives: equations in order, some of which call another jaxpr.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:  # where it is used it is imported late: jax.extend brings Pallas along, which takes 15 ms
    from jax.extend.core import ClosedJaxpr, Jaxpr

# An equation of a jaxpr. JAX's own type, `JaxprEqn`, does not say that variables have shapes and dtypes.
Equation = Any

# These say where an array is to be, which on one device says nothing; JAX adds them where an argument was on a mesh.
PLACING = frozenset(["mesh_cast", "reshard", "sharding_constraint"])

_CALLS = frozenset(["jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"])


def equations(jaxpr: "Jaxpr | ClosedJaxpr") -> Iterator[Equation]:
    """Yield every equation of a jaxpr, each before those inside it: of calls, branches and loop bodies.

    >>> closed = jax.make_jaxpr(jax.jit(lambda x: jax.lax.fori_loop(0, 3, lambda i, x: -x, x)))(1.0)
    >>> [equation.primitive.name for equation in equations(closed)]
    ['jit', 'scan', 'add', 'neg']
    """
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda p: hasattr(p, "eqns")):
            if hasattr(inner, "eqns"):
                yield from equations(inner)


def called(equation: Equation) -> "ClosedJaxpr | None":
    """Return the function that an equation calls; None if it is not a plain call."""
    if equation.primitive.name not in _CALLS:
        return None
    inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
    return inner if hasattr(inner, "consts") else None


def bind(equation: Equation, operands: Sequence) -> list:
    """Return the results of an equation for other operands, on one device."""
    if equation.primitive.name in PLACING:
        return [operands[0]]
    results = equation.primitive.bind(*operands, **equation.params)
    return results if equation.primitive.multiple_results else [results]


def interpret(closed: "ClosedJaxpr", args: Sequence, rule: Callable[[Equation, list], Sequence]) -> list:
    """Compute a jaxpr, equation by equation.

    Args:
        closed: the program.
        args: its flat arguments, or anything that the rule takes in their place.
        rule: gives the results of an equation for operands; `bind` is the rule that computes what JAX would. Calls
            are entered, and what they call is computed by the same rule.

    Returns:
        Its flat results.

    >>> closed = jax.make_jaxpr(lambda x, y: jax.jit(lambda y: -y)(y) + x)(1.0, 1.0)
    >>> interpret(closed, ["x", "y"], lambda equation, operands: [(equation.primitive.name, *operands)])
    [('add', ('neg', 'y'), 'x')]
    """
    jaxpr = closed.jaxpr
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*closed.consts, *args), strict=True))

    def read(variable: Any) -> Any:
        return variable.val if hasattr(variable, "val") else values[variable]  # a literal, or a variable

    for equation in jaxpr.eqns:
        operands, inner = [read(v) for v in equation.invars], called(equation)
        results = rule(equation, operands) if inner is None else interpret(inner, operands, rule)
        values.update(zip(equation.outvars, results, strict=True))
    return [read(v) for v in jaxpr.outvars]
