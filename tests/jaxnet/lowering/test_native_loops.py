"""Small loops as native functions: which loops they are, and that they compute what the ordinary loop computes.

XLA stops the whole process at what its emitter cannot do, so a test that ends pytest itself is one that failed.
"""

import math

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxnet import Neuron, Rule, gradient_descent, hebb, mlp, squared_error, train
from jaxnet.lowering.native_loops import LARGEST, LONGEST, apart, in_one_function, is_small, on_one_cpu, without_dots
from jaxnet.training import loop as training

pytestmark = pytest.mark.usefixtures("optimised")  # XLA's emitter is a part of what is tested

DATA = np.arange(8, dtype=np.float32)


def f32(*shape):
    return np.ones(shape, np.float32)


# Which loops are small.


def small(function, *args):
    return is_small(jax.make_jaxpr(function)(*args).jaxpr)


def many_additions(n):
    def add(x):
        for _ in range(n):
            x = x + 1
        return x

    return add


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (jnp.tanh, [f32(LARGEST)]),
        (jnp.matmul, [f32(32, 64), f32(64)]),
        (jnp.matmul, [f32(32, 8), f32(8, 8)]),
        (many_additions(LONGEST), [f32()]),
        (jax.nn.softmax, [f32(4)]),
        (jax.jit(lambda w, x: jax.nn.gelu(w @ x)), [f32(3, 2), f32(2)]),
        (jax.grad(lambda w: jax.nn.relu(w).sum()), [f32(3)]),
        (lambda x: x @ jnp.ones(4), [f32(4)]),
    ],
)
def test_what_is_small(function, args):
    assert small(function, *args)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (jnp.tanh, [f32(LARGEST + 1)]),
        (lambda x: x[:, None] * jnp.ones((1, 33)), [f32(64)]),
        (lambda x: x[:, None] * jnp.ones((1, 33)).sum() + jnp.ones((64, 33)), [f32(64)]),
        (jnp.matmul, [f32(32, 65), f32(65)]),
        (jax.jit(jnp.matmul), [f32(32, 64), f32(64, 2)]),
        (many_additions(LONGEST + 1), [f32()]),
        (lambda x: x, [f32()]),
    ],
)
def test_what_is_large_or_nothing_at_all(function, args):
    assert not small(function, *args)


@pytest.mark.parametrize(
    "function",
    [
        jnp.sort,
        jnp.argsort,
        jnp.fft.rfft,
        lambda x: x.at[jnp.array([0, 0])].add(1),
        lambda x: jnp.convolve(x, x),
        lambda x: lax.fori_loop(0, 3, lambda i, y: y + 1, x),
        lambda x: lax.while_loop(lambda y: y[0] < 3, lambda y: y + 1, x),
        lambda x: lax.cond(x[0] > 0, jnp.sin, jnp.cos, x),
        lambda x: jax.pure_callback(lambda y: y, x, x),
        lambda x: jax.debug.callback(lambda y: None, x) or x,
        lambda x: jnp.linalg.inv(x.reshape(2, 2)),
        lambda x: x.astype(jnp.bfloat16) @ x.astype(jnp.bfloat16),
        lambda x: x.astype(jnp.int32) @ x.astype(jnp.int32),
        jax.jit(lambda x: jax.jit(jnp.sort)(x)),
    ],
)
def test_what_only_xla_can_do(function):
    assert not small(function, f32(4))


# Dots as sums of products.


@st.composite
def dots(draw):
    """Shapes and dimension numbers with up to two batch, contracted and free axes, in any order."""
    size = st.lists(st.integers(1, 3), max_size=2)
    batch, contracted = draw(size), draw(size)

    def operand():
        kinds = [("batch", n) for n in range(len(batch))] + [("sum", n) for n in range(len(contracted))]
        kinds = draw(st.permutations(kinds + [("free", n) for n in draw(size)]))
        sizes = {"batch": batch, "sum": contracted}
        shape = [number if kind == "free" else sizes[kind][number] for kind, number in kinds]

        def axes(kind, count):
            return tuple(kinds.index((kind, n)) for n in range(count))

        return shape, axes("sum", len(contracted)), axes("batch", len(batch))

    (shape_x, sum_x, batch_x), (shape_y, sum_y, batch_y) = operand(), operand()
    return shape_x, shape_y, ((sum_x, sum_y), (batch_x, batch_y))


@pytest.mark.slow
@hypothesis.settings(max_examples=25)
@hypothesis.given(dots())
def test_dots_of_any_dimension_numbers(dot):
    """Of whole numbers, so that the order of a sum does not matter."""
    *shapes, dimension_numbers = dot
    x, y = (np.arange(1, 1 + math.prod(shape), dtype=np.float32).reshape(shape) for shape in shapes)
    closed = jax.make_jaxpr(lambda x, y: lax.dot_general(x, y, dimension_numbers))(x, y)
    (result,) = jax.jit(without_dots(closed))(x, y)
    np.testing.assert_array_equal(result, lax.dot_general(x, y, dimension_numbers), strict=True)


@pytest.mark.parametrize("low", [jnp.bfloat16, np.int8, np.int32])
def test_dots_that_add_up_in_a_wider_type(low):
    x = np.arange(6).reshape(2, 3).astype(low)

    def product(x):
        return lax.dot(x, x.T, preferred_element_type=jnp.float32)

    closed = jax.make_jaxpr(product)(x)
    if is_small(closed.jaxpr):
        np.testing.assert_array_equal(without_dots(closed)(x)[0], product(x), strict=True)


def test_dots_inside_functions_that_are_called():
    constant = np.arange(6, dtype=np.float32).reshape(2, 3)
    twice = jax.jit(lambda x: jax.jit(lambda y: constant.T @ y)(constant @ x))

    @jax.custom_jvp
    def own(x):
        return jnp.tanh(twice(x)) @ constant.T

    own.defjvp(lambda x, dx: (own(*x), own(*dx)))

    x = np.array([1.0, 2.0, -1.0], np.float32)
    closed = jax.make_jaxpr(own)(x)
    assert is_small(closed.jaxpr)
    without = without_dots(closed)
    assert "dot_general" not in str(jax.make_jaxpr(without)(x))
    np.testing.assert_allclose(without(x)[0], own(x), rtol=1e-6)


# Native functions compute what loops compute.


@pytest.fixture
def native(monkeypatch):
    """What was made a native function, one entry a run."""
    made, real = [], training.in_one_function
    monkeypatch.setattr(training, "in_one_function", lambda *args: made.append(args) or real(*args))
    return made


def plain(a):
    a = jax.random.key_data(a) if jnp.issubdtype(a.dtype, jax.dtypes.prng_key) else a
    return np.asarray(a, np.float32) if a.dtype == jnp.bfloat16 else np.asarray(a)


def assert_both_ways(rule, state, native, data=DATA, *, steps=5, **arguments):
    """Called directly, and under jit, where it is an ordinary loop."""

    def run(state):
        return train(rule, state, data, steps=steps, key=jax.random.key(0), **arguments)

    before = len(native)
    one = jax.jit(run)(state)
    assert len(native) == before
    other = run(state)
    assert len(native) == before + 1
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(plain(b), plain(a), rtol=1e-5, atol=1e-6, strict=True)


CLOSED, ALSO, UNUSED = jnp.arange(3.0), np.arange(3, dtype=np.float32), jnp.ones(2)

RULES = {
    "the state is unchanged": (f32(3), lambda s, x, key: (s, {"sum": x.sum()})),
    "nothing is used": (f32(), lambda s, x, key: (s + 1, {})),
    "all is constant": (f32(3), lambda s, x, key: (jnp.ones(3) + 1, {"one": jnp.ones(2)})),
    "no state": ((), lambda s, x, key: ((), {"sum": x.sum(), "batch": x})),
    "the key alone": ((), lambda s, x, key: ((), {"key": jax.random.key_data(jax.random.fold_in(key, 1))})),
    "swapped": ((f32(3), 2 * f32(3)), lambda s, x, key: (s[::-1], {"difference": s[0] - s[1]})),
    "doubled": ((f32(), f32()), lambda s, x, key: ((s[0] + 1, s[0] + 1), {"a": s[0] + 1, "b": s[0]})),
    "transposed": (np.arange(4, dtype=np.float32).reshape(2, 2) / 4, lambda s, x, key: (s.T, {"s": s @ s})),
    "closed over": (f32(3), lambda s, x, key: (s * CLOSED + ALSO, {"same": CLOSED, "unused": 0 * UNUSED[0]})),
    "no size": ((f32(0, 3), f32()), lambda s, x, key: ((s[0] + 1, s[1] + s[0].sum()), {"none": s[0], "also": x[:0]})),
    "not float32": (
        (np.array([True, False]), np.int8(3), jnp.bfloat16(1.5), np.uint32(7), None),
        lambda s, x, key: ((~s[0], s[1] + s[1], s[2] * s[2], s[3] * s[3], None), {"some": s[0].any(), "none": None}),
    ),
    "keys": (lambda: jax.random.key(1), lambda s, x, key: (jax.random.fold_in(key, 3), {"sum": x.sum()})),
}


QUICK = ["nothing is used", "all is constant", "no state", "closed over", "no size", "not float32", "keys"]


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in RULES if n not in QUICK)])
def test_rules_of_every_kind(name, native):
    state, update = RULES[name]
    batch_size = 3 if list(RULES).index(name) % 3 == 0 else None
    state = jax.tree.map(jnp.asarray, state() if callable(state) else state)
    assert_both_ways(Rule(lambda params: params, update), state, native, batch_size=batch_size)


def drifting(state, x, key):
    u, v = state
    return (v, u + x.sum() / 100), {"u": u, "batch": x, "key": jax.random.key_data(key)}


@pytest.mark.parametrize(
    ("steps", "record_every"),
    [(2, 1), (6, 3), *(pytest.param(*run, marks=pytest.mark.slow) for run in [(3, 1), (50, 1), (50, 25)])],
)
def test_runs_of_any_length(steps, record_every, native):
    rule = Rule(lambda params: params, drifting)
    assert_both_ways(rule, (f32(), f32()), native, steps=steps, record_every=record_every)


XOR = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)
NET = mlp([2, 4, 1])


def xor_loss(params, batch):
    x, y = batch
    return squared_error(NET.apply(params, x), y).mean()


def quadratic(theta, x):
    return jnp.mean((theta - x) ** 2) / 2


@pytest.mark.slow
def test_an_optimiser_with_all_that_it_remembers(native):
    schedule = optax.cosine_decay_schedule(0.1, 9)
    optimizer = optax.chain(
        optax.clip_by_global_norm(0.1), optax.inject_hyperparams(optax.adamw)(learning_rate=0.1), optax.sgd(schedule)
    )
    rule = gradient_descent(xor_loss, optimizer)
    assert_both_ways(rule, jax.jit(rule.init)(NET.init(jax.random.key(0))), native, XOR, batch_size=3, start=5)


def test_a_rule_of_plasticity(native):
    rule = hebb(0.01)
    assert_both_ways(rule, rule.init(Neuron(f32(2), f32())), native, DATA.reshape(4, 2))


def test_mixed_precision():
    """Dots of bfloat16 that add up in float32."""

    def loss(w, x):
        low = x.astype(jnp.bfloat16)
        return jnp.tanh(lax.dot(low, w.astype(jnp.bfloat16), preferred_element_type=jnp.float32)).mean()

    rule = gradient_descent(loss, optax.sgd(0.1))
    state, data = rule.init(f32(2)), DATA.reshape(4, 2)
    one, _ = train(rule, state, data, steps=3, key=jax.random.key(0))
    other, _ = jax.jit(lambda s: train(rule, s, data, steps=3, key=jax.random.key(0)))(state)
    np.testing.assert_allclose(one.params, other.params, rtol=1e-2)


def test_float64(native):
    with jax.enable_x64(True):
        rule = gradient_descent(lambda w, x: jnp.tanh(x @ w).sum(), optax.adam(0.1))
        data = np.arange(8.0).reshape(4, 2)
        state, _ = train(rule, rule.init(np.ones(2)), data, steps=4, key=jax.random.key(0))
        same, _ = jax.jit(lambda s: train(rule, s, data, steps=4, key=jax.random.key(0)))(rule.init(np.ones(2)))
        assert len(native) == 1
        assert state.params.dtype == np.float64
        np.testing.assert_allclose(state.params, same.params, rtol=1e-13)


def test_what_xla_cannot_make_native_is_an_ordinary_loop(monkeypatch):
    def refused(*args):
        raise jax.errors.JaxRuntimeError("UNIMPLEMENTED: this")

    monkeypatch.setattr(training, "in_one_function", refused)
    rule = gradient_descent(quadratic, optax.sgd(0.5))
    state, _ = train(rule, rule.init(f32()), DATA, steps=2, key=jax.random.key(0))
    assert state.params == 3.5 - 2.5 / 4


# Where a run is a native function.

SLOPE = gradient_descent(quadratic, optax.sgd(0.25))
LEARN = gradient_descent(xor_loss, optax.sgd(0.1, momentum=0.9))


def run(theta):
    state, history = train(SLOPE, SLOPE.init(theta), DATA, steps=4, key=jax.random.key(0))
    return state.params, history["loss"]


def learned(params):
    state, _ = train(LEARN, LEARN.init(params), XOR, steps=4, key=jax.random.key(0))
    return state.params


def marked(text):
    """The calls of a program that were marked here; XLA does not mark its own as not to be inlined."""
    return [line for line in text.splitlines() if 'xla_cpu_small_call="true"' in line and 'inlineable="false"' in line]


def test_a_small_loop_is_a_marked_call():
    """More than XLA finds small of itself."""
    leaves, tree = jax.tree.flatten(LEARN.init(NET.init(jax.random.key(0))))

    def update(*leaves):
        return jax.tree.leaves(LEARN.update(jax.tree.unflatten(tree, leaves), XOR, jax.random.key(0))[0])

    once = without_dots(jax.make_jaxpr(update)(*leaves))

    def loop(*leaves):
        return lax.fori_loop(0, 4, lambda _, leaves: once(*leaves), list(leaves))

    text = jax.jit(lambda *leaves: in_one_function(loop, *leaves)).lower(*leaves).compile().as_text()
    (call,) = marked(text)
    assert call in text.split("\nENTRY")[1]
    # The loop is in the function that is called, or, by JAX's release, in one that this calls.
    assert " while(" in text
    assert " while(" not in text.split("\nENTRY")[1]


@pytest.mark.parametrize("steps", [0, 1])
def test_a_run_of_one_step_is_a_native_function_too(steps, native):
    """So that its bits are those of a step of a longer run."""
    state, _ = train(SLOPE, SLOPE.init(f32()), DATA, steps=steps, key=jax.random.key(0))
    assert len(native) == 1
    assert state.params == [1, 1.625][steps]


def test_a_large_run_is_no_native_loop(native):
    rule = gradient_descent(lambda w, x: (x @ w).mean(), optax.sgd(0.1))
    train(rule, rule.init(f32(64, 33)), f32(2, 64), steps=2, key=jax.random.key(0))
    assert not native


def test_a_run_that_is_traced_is_not_marked():
    params = NET.init(jax.random.key(0))
    many = jax.tree.map(lambda p: jnp.stack([p, p]), params)
    slope = jax.grad(lambda params: learned(params)[0].b.sum())
    for function, argument in ((learned, params), (jax.vmap(learned), many), (slope, params)):
        text = jax.jit(function).lower(argument).compile().as_text()
        assert " while(" in text
        assert not marked(text)


def test_a_run_under_jit_vmap_and_grad_is_the_direct_one(native):
    theta = np.array([7.0, -1.0, 3.5], np.float32)
    many = jax.vmap(run)(theta)
    assert not native
    for i in range(3):
        direct = run(theta[i])
        for other in (jax.jit(run)(theta[i]), jax.tree.map(lambda a, i=i: a[i], many)):
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), direct, other)
    # theta_4 = mean + (3/4)^4 (theta - mean)
    np.testing.assert_allclose(jax.grad(lambda theta: run(theta)[0])(theta[0]), 0.75**4, rtol=1e-6)


def test_a_run_from_a_call_that_is_compiled_with_nothing_traced(native):
    """Its arguments are data, and yet it is being traced."""
    inside = jax.jit(lambda: run(f32()))()
    assert not native
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), inside, run(f32()))


# On one CPU.


def test_what_is_apart_is_called():
    """XLA would otherwise put the body of the function among the operations around it."""

    def program(x):
        return 2 * apart(lambda x: jnp.exp(x) + 1, x)

    compiled = jax.jit(program).lower(jnp.zeros(3)).compile()
    assert " call(" in compiled.as_text()
    np.testing.assert_array_equal(compiled(jnp.zeros(3)), [4, 4, 4])


def test_what_is_on_one_cpu():
    one, two = jax.devices()[:2]
    assert on_one_cpu()
    assert on_one_cpu(np.ones(2), {"a": jnp.ones(2), "b": (None, 1.0)}, jax.random.key(0))
    assert on_one_cpu(jax.device_put(1.0, two), jax.device_put(2.0, two))
    assert not on_one_cpu(jax.device_put(1.0, one), jax.device_put(2.0, two))
    both = NamedSharding(Mesh(np.array([one, two]), "a"), PartitionSpec("a"))
    assert not on_one_cpu(jax.device_put(f32(2), both))


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, lambda f: jax.grad(lambda x: f(x) or x.sum())])
def test_what_is_traced_is_not(transform):
    seen = []
    transform(lambda x: seen.append(on_one_cpu(x)))(f32(2))
    assert seen == [False]
