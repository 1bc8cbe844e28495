"""Traced programs, walked over: which equations there are, which are calls, and what an interpreter makes of them."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.lowering.jaxprs import bind, called, equations, interpret

X = np.array([0.5, -1.0, 2.0], np.float32)


@jax.custom_jvp
def own(x):
    return jnp.sin(x)


own.defjvp(lambda x, dx: (own(*x), 2 * dx[0]))


def branching(x):
    return jax.lax.cond(x[0] > 0, jnp.exp, lambda x: jax.lax.fori_loop(0, 2, lambda i, y: jnp.tanh(y), x), x)


def names(function):
    return [equation.primitive.name for equation in equations(jax.make_jaxpr(function)(X))]


def test_equations_inside_calls_branches_and_loops_are_all_there():
    found = names(lambda x: jax.jit(branching)(own(x)))
    assert {"jit", "cond", "scan", "exp", "tanh", "custom_jvp_call", "sin"} <= set(found)
    assert found.index("custom_jvp_call") < found.index("sin") < found.index("cond") < found.index("tanh")


def test_a_call_is_what_does_nothing_else():
    closed = jax.make_jaxpr(lambda x: branching(jax.jit(own)(x)))(X)
    calls = {equation.primitive.name for equation in equations(closed) if called(equation) is not None}
    assert calls == {"jit", "custom_jvp_call"}


def test_with_bind_a_program_computes_what_it_computed():
    constant = np.arange(3, dtype=np.float32)

    def f(x):
        y = jax.jit(lambda x: own(x) + constant)(x)
        return branching(y), jnp.split(y, 3), 1.0

    closed = jax.make_jaxpr(f)(X)
    found = interpret(closed, [X], bind)
    for a, b in zip(found, jax.tree.leaves(f(X)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_rule_is_asked_inside_calls_too():
    """It makes sums of products, wherever they are."""

    def rule(equation, operands):
        return bind(equation, operands) if equation.primitive.name != "mul" else [operands[0] + operands[1]]

    closed = jax.make_jaxpr(lambda x, y: jax.jit(lambda x: x * y)(x) * y)(2.0, 3.0)
    assert interpret(closed, [2.0, 3.0], rule) == [8.0]


def test_where_an_array_is_placed_says_nothing_on_one_device():
    mesh = jax.make_mesh((2,), ("a",), axis_types=(jax.sharding.AxisType.Auto,), devices=jax.devices()[:2])
    over = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("a"))
    closed = jax.make_jaxpr(lambda x: 2 * jax.lax.with_sharding_constraint(x, over))(X[:2])
    assert "sharding_constraint" in [equation.primitive.name for equation in equations(closed)]
    (found,) = interpret(closed, [jnp.asarray(X[:2])], bind)
    assert len(found.devices()) == 1
