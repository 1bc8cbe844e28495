"""dF/dtheta by hand, against jacrev and jacfwd, one parameter at a time, in chunks, and what is refused."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet import Neuron, ShapeError, partials


def some(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


NET = jaxnet.mlp([3, 4, 2], [jaxnet.tanh, jaxnet.sigmoid])
PARAMS = (Neuron(some(4, 3), some(4)), Neuron(some(2, 4), some(2)))
X = some(5, 3)
BY_HAND = jax.device_get(jax.jit(jax.vmap(jax.jacrev(NET.apply), (None, 0)))(PARAMS, X))


def same(found, expected, rtol=1e-5, atol=1e-6):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for f, e in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert f.shape == e.shape
        assert f.dtype == e.dtype
        np.testing.assert_allclose(f, e, rtol=rtol, atol=atol)


def product(params, x):
    return params["w"] @ x + params["b"]


def line(n):
    return {"w": np.ones((2, n), np.float32), "b": np.zeros(2, np.float32)}


def test_a_linear_layer_by_hand():
    """d(Wx + b)_i / dW_jk = [i = j] x_k, and d / db_j = [i = j]."""
    x = jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    found = partials(product, line(3), x)
    np.testing.assert_array_equal(found["w"], np.einsum("ij,ek->eijk", np.eye(2), x))
    np.testing.assert_array_equal(found["b"], np.broadcast_to(np.eye(2), (2, 2, 2)))


def test_a_neuron_by_hand():
    """An output without an axis: d sigma / dw = sigma (1 - sigma) x."""
    params, x = Neuron(jnp.array([0.5, -1.0]), jnp.array(0.25)), np.array([[1.0, 2.0], [0.0, -1.0]], np.float32)
    s = 1 / (1 + np.exp(-(x.astype(float) @ [0.5, -1] + 0.25)))
    found = partials(jaxnet.neuron, params, x)
    np.testing.assert_allclose(found.w, (s * (1 - s))[:, None] * x, rtol=1e-5)
    np.testing.assert_allclose(found.b, s * (1 - s), rtol=1e-5)


@pytest.mark.parametrize(
    ("mode", "batch"),
    [(None, batch) for batch in [(), (2, 2), (1, 1), (0,), (2, 0)]] + [("reverse", (5,)), ("forward", (5,))],
)
def test_agrees_with_jacrev_by_hand_for_any_batch(mode, batch):
    n = int(np.prod(batch))
    expected = jax.tree.map(lambda d: d[:n].reshape(*batch, *d.shape[1:]), BY_HAND)
    same(partials(NET.apply, PARAMS, X[:n].reshape(*batch, 3), mode=mode), expected)


@pytest.mark.parametrize(("mode", "chunk_size"), [("reverse", 1), ("reverse", 4), ("reverse", 5), ("forward", 3)])
def test_chunks_change_nothing(mode, chunk_size):
    same(partials(NET.apply, PARAMS, X, mode=mode, chunk_size=chunk_size), BY_HAND)


@pytest.mark.parametrize(("n_examples", "chunk_size"), [(1, 2), (2, 1), (5, 4), (7, 3), (8, 4), (9, 5)])
def test_each_example_gets_its_own_place(n_examples, chunk_size):
    x = np.arange(3.0 * n_examples, dtype=np.float32).reshape(n_examples, 3)
    found = partials(product, line(3), x, chunk_size=chunk_size)
    np.testing.assert_array_equal(found["w"], np.einsum("ij,ek->eijk", np.eye(2), x))


def memory(net, batch, **options):
    """Bytes beside the result, without running anything."""
    params, x = jax.eval_shape(net.init, jax.random.key(0)), jax.ShapeDtypeStruct((batch, 64), jnp.float32)
    compiled = jax.jit(lambda p, x: partials(net.apply, p, x, **options)).lower(params, x).compile()
    return compiled.memory_analysis()


def test_memory_beside_the_result_is_bounded():
    """15,001 examples make 1.4 GB, and chunks of 64 MiB do not divide them."""
    net = jaxnet.mlp([64, 32, 10])
    found = memory(net, 15_001)
    assert found.output_size_in_bytes > 1.4e9
    assert found.temp_size_in_bytes < 2 * 2**26
    assert (
        memory(net, 1_001, chunk_size=10).temp_size_in_bytes < memory(net, 1_001, chunk_size=1_001).temp_size_in_bytes
    )


PLACES = [
    ((0, "w", 1, 2), BY_HAND[0].w[..., 1, 2]),
    ((0, "w", -1, 0), BY_HAND[0].w[..., -1, 0]),
    ((1, "b", 0), BY_HAND[1].b[..., 0]),
    ((0, "w", 3), BY_HAND[0].w[..., 3, :]),
    ((1, "w"), BY_HAND[1].w),
    ([1, "w", np.int64(1)], BY_HAND[1].w[..., 1, :]),
    (jax.tree.leaves_with_path(PARAMS)[0][0], BY_HAND[0].w),
]


@pytest.mark.parametrize(
    ("mode", "chunk_size"), [(None, 2), ("reverse", None), pytest.param("forward", None, marks=pytest.mark.slow)]
)
def test_one_parameter_is_that_part_of_the_whole(mode, chunk_size):
    """All places in one program, since each would be one of its own."""

    @jax.jit
    def at_all_places(params, x):
        return [partials(NET.apply, where=where, mode=mode, chunk_size=chunk_size)(params, x) for where, _ in PLACES]

    for found, (_, expected) in zip(at_all_places(PARAMS, X), PLACES, strict=True):
        same(found, expected)


@pytest.mark.parametrize("batch", [(), (4,), (2, 2), (0,)])
def test_the_derivative_by_one_weight_has_the_signature_of_the_network(batch):
    x = np.ones((*batch, 3), np.float32)
    slope = partials(NET.apply, where=(0, "w", 1, 2))
    assert jax.eval_shape(slope, PARAMS, x) == jax.eval_shape(NET.apply, PARAMS, x)


def test_without_arguments_it_is_a_function_of_both():
    same(partials(NET.apply)(PARAMS, X), BY_HAND)


def test_a_bare_array_is_its_own_parameter():
    scale = lambda a, x: a * x  # noqa: E731
    assert partials(scale, jnp.array(2.0), X).shape == X.shape
    same(partials(scale, where=())(jnp.array(2.0), X), X)
    same(partials(lambda a, x: a[1] * x, where=(1,))(jnp.ones(3), X), X)


@pytest.mark.slow
def test_under_jit_vmap_and_grad():
    same(jax.jit(partials(NET.apply, chunk_size=2))(PARAMS, X), BY_HAND)
    stacked = jax.tree.map(lambda p: np.stack([p, 2 * p]), PARAMS)
    both = jax.jit(jax.vmap(partials(NET.apply, chunk_size=2), (0, None)))(stacked, X)
    same(jax.tree.map(lambda d: d[0], both), BY_HAND)
    # The second derivative by one weight, in chunks, against two forward modes.
    slope = partials(NET.apply, where=(0, "w", 1, 2), chunk_size=2)
    found = jax.jit(jax.grad(lambda p: slope(p, X).sum()))(PARAMS)[0].w[1, 2]
    w = jnp.asarray(PARAMS[0].w)
    move = lambda t: NET.apply((PARAMS[0]._replace(w=w.at[1, 2].add(t)), PARAMS[1]), X).sum()  # noqa: E731
    np.testing.assert_allclose(found, jax.jit(jax.jacfwd(jax.jacfwd(move)))(0.0), rtol=1e-4)


@jax.jit
def gradient_and_product(params, x, y):
    def loss(params):
        return jaxnet.squared_error(NET.apply(params, x), y).sum()

    grad_l = NET.apply(params, x) - y
    found = jax.tree.map(lambda d: jnp.tensordot(grad_l, d, 2), partials(NET.apply, params, x))
    return jax.grad(loss)(params), found


@hypothesis.given(st.integers(0, 2**32 - 1))
def test_the_gradient_of_a_loss_is_its_inner_product_with_grad_l(seed):
    """Eq. 10: dl/dtheta = <v - y, dF/dtheta> for l = 1/2 |y - v|^2."""
    normal = np.random.default_rng(seed).standard_normal
    params = jax.tree.map(lambda p: normal(p.shape, np.float32), PARAMS)
    expected, found = gradient_and_product(params, normal((5, 3), np.float32), normal((5, 2), np.float32))
    same(found, expected)


def test_the_mode_is_chosen_by_size():
    """Reverse mode begins with the identity over the outputs, forward mode with that over the parameters."""

    def identities(apply, params, x, **options):
        text = str(jax.make_jaxpr(lambda p, x: partials(apply, p, x, **options))(params, x))
        return {"forward": f"f32[{params.size},{params.size}]" in text, "reverse": f"f32[{x.size},{x.size}]" in text}

    def spread(a, x):
        return a.sum() * x

    def gather(a, x):
        return (a * a).sum() * x

    assert identities(spread, jnp.ones(7), jnp.ones(11)) == {"forward": True, "reverse": False}
    assert identities(gather, jnp.ones(13), jnp.ones(11)) == {"forward": False, "reverse": True}
    assert identities(spread, jnp.ones(7), jnp.ones(11), mode="reverse") == {"forward": False, "reverse": True}
    assert identities(gather, jnp.ones(13), jnp.ones(11), mode="forward") == {"forward": True, "reverse": False}


@jax.custom_vjp
def square(a):
    return a * a


square.defvjp(lambda a: (square(a), a), lambda a, g: (2 * a * g,))


def only_reverse(params, x):
    return square(params["a"]) * x


def only_forward(params, x):
    return jax.lax.while_loop(lambda y: y.sum() < 100, lambda y: y * params["a"].sum(), x)


def test_a_function_without_one_of_the_rules_takes_the_other():
    found = partials(only_reverse, where=("a",))({"a": jnp.array(3.0)}, X)
    np.testing.assert_allclose(found, 6 * X, rtol=1e-6)
    # 1 -> 3 -> 9 -> 27 -> 81 -> 243: the fifth power of the sum, of which the slope is 5 * 3^4.
    found = partials(only_forward, {"a": jnp.ones(3)}, jnp.ones((2, 1)))
    np.testing.assert_allclose(found["a"], np.full((2, 1, 3), 405))


def test_a_mode_asked_for_is_not_replaced():
    with pytest.raises(TypeError) as e:
        partials(only_reverse, {"a": jnp.array(3.0)}, X, mode="forward")
    assert str(e.value) == (
        "partials: this function has no derivative in forward mode. "
        "can't apply forward-mode autodiff (jvp) to a custom_vjp function."
    )
    with pytest.raises(TypeError, match=r"^partials: this function has no derivative in reverse mode\. Reverse-mode"):
        partials(only_forward, {"a": jnp.ones(3)}, X, mode="reverse")
    with pytest.raises(TypeError, match=r"no derivative in forward or reverse mode\. can't apply .* Reverse-mode"):
        partials(lambda p, x: only_reverse(p, x) + only_forward(p, x), {"a": jnp.array(3.0)}, X)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
def test_dtype_is_that_of_the_parameter(mode, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        params = jax.tree.map(lambda p: np.asarray(p, dtype), PARAMS)
        found = jax.eval_shape(partials(NET.apply, mode=mode), params, np.asarray(X, dtype))
        assert {d.dtype for d in jax.tree.leaves(found)} == {jnp.dtype(dtype)}
        mixed = {"a": np.ones(2, jnp.bfloat16), "b": np.ones(2, dtype)}
        slopes = partials(lambda p, x: (jnp.asarray(p["a"], dtype) + p["b"]) * x, mode=mode)
        found = jax.eval_shape(slopes, mixed, np.ones(2, dtype))
        assert (found["a"].dtype, found["b"].dtype) == (jnp.bfloat16, dtype)


@pytest.mark.parametrize("mode", [None, "reverse", "forward"])
def test_nothing_to_differentiate(mode):
    none = lambda params, x: (params["w"] @ x)[:0]  # noqa: E731
    shapes = jax.eval_shape(partials(none, mode=mode), {"w": np.ones((2, 3), np.float32)}, X)
    assert shapes["w"].shape == (5, 0, 2, 3)
    empty = {"w": np.ones((0, 3), np.float32), "b": np.ones(0, np.float32)}
    assert jax.eval_shape(partials(product, mode=mode), empty, X)["w"].shape == (5, 0, 0, 3)
    assert partials(lambda params, x: x, {}, X, mode=mode) == {}
    assert partials(lambda params, x: x, None, X, mode=mode) is None


def test_a_step_has_the_derivative_zero_and_integers_may_stand_beside():
    net = jaxnet.layer(3, 2, jaxnet.step)
    assert not np.any(partials(net.apply, Neuron(some(2, 3), some(2)), X).w)
    counted = {"w": np.ones(3, np.float32), "count": np.array(2, np.int32)}
    found = partials(lambda p, x: p["w"] * x * p["count"].astype(float), where=("w",))(counted, X)
    np.testing.assert_array_equal(found, 2 * np.stack([np.diag(x) for x in X]))


def test_a_second_call_traces_nothing():
    calls = []

    def apply(params, x):
        calls.append(1)
        return params * x

    partials(apply, jnp.array(1.0), X)
    traced = len(calls)
    partials(apply, jnp.array(2.0), 2 * X)
    assert len(calls) == traced


PATHS = "(0, 'w') (4, 3), (0, 'b') (4,), (1, 'w') (2, 4), (1, 'b') (2,)"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ((0, "v"), f"where to lead to a parameter, got (0, 'v'). There are: {PATHS}."),
        ((0,), f"where to lead to a parameter, got (0,). There are: {PATHS}."),
        ((), f"where to lead to a parameter, got (). There are: {PATHS}."),
        ((0, "w", 4), "indices into the parameter (0, 'w') of shape (4, 3), got (4,)."),
        ((0, "w", -5), "indices into the parameter (0, 'w') of shape (4, 3), got (-5,)."),
        ((0, "w", 1, 2, 0), "indices into the parameter (0, 'w') of shape (4, 3), got (1, 2, 0)."),
        ((0, "w", "x"), "indices into the parameter (0, 'w') of shape (4, 3), got ('x',)."),
    ],
)
def test_a_path_that_does_not_exist(where, message):
    with pytest.raises(ValueError, match=r"^partials: ") as e:
        partials(NET.apply, where=where)(PARAMS, X)
    assert str(e.value) == f"partials: expected {message}"


def test_of_many_paths_twenty_are_listed():
    with pytest.raises(ValueError, match=r"There are: \(0,\) \(\), .*, \(19,\) \(\), and 5 more\."):
        partials(lambda p, x: x, where=("w",))([1.0] * 25, X)
    with pytest.raises(ValueError, match=r"^partials: expected where to lead to a parameter, .*There are: none\."):
        partials(lambda p, x: x, where=("w",))((), X)


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        (np.array([1]), "got int32 at ('b',). Convert it, or choose another parameter with where."),
        (np.array([True]), "got bool at ('b',). Convert it, or choose another parameter with where."),
        (
            np.array([1j], np.complex64),
            "got complex64 at ('b',). Make a parameter of each part, or choose another parameter with where.",
        ),
    ],
)
def test_parameters_that_are_not_real_and_floating(leaf, message):
    for options in ({}, {"where": ("b",)}):
        with pytest.raises(TypeError) as e:
            partials(lambda p, x: x, {"a": jnp.ones(1), "b": leaf}, X, **options)
        assert str(e.value) == "partials: expected real floating parameters, " + message


@pytest.mark.parametrize(
    ("apply", "given"),
    [
        (lambda p, x: x > 0, "bool"),
        (lambda p, x: p * x + 1j * x, "complex64"),
        (lambda p, x: (x, x), "tuple"),
    ],
)
def test_outputs_that_are_not_real_and_floating(apply, given):
    with pytest.raises(TypeError) as e, jax.numpy_dtype_promotion("standard"):
        partials(apply, jnp.array(1.0), X)
    assert str(e.value) == f"partials: expected apply to give one array of real floating outputs, got {given}."


def test_chunk_size_is_a_whole_number():
    for wrong in (True, 2.0):
        with pytest.raises(TypeError) as e:
            partials(NET.apply, PARAMS, X, chunk_size=wrong)  # pyright: ignore
        assert str(e.value) == f"partials: expected chunk_size to be a whole number, got {wrong}."
    with pytest.raises(ValueError, match=r"^partials: expected chunk_size to be at least 1, got 0\."):
        partials(NET.apply, PARAMS, X, chunk_size=0)
    assert partials(lambda p, x: p * x, np.float32(1), X, chunk_size=np.int64(2)).shape == X.shape


def test_other_errors():
    with pytest.raises(ShapeError) as e:
        partials(NET.apply, PARAMS, 1.0)
    assert str(e.value) == "partials: expected inputs (..., n), got a scalar."
    with pytest.raises(ShapeError, match=r"^partials: layer 1 of 2 \(3 -> 4 tanh\): expected inputs"):
        partials(NET.apply, PARAMS, X[:, :2])
    with pytest.raises(ValueError, match=r"^partials: expected mode") as e:
        partials(NET.apply, PARAMS, X, mode="backward")
    assert str(e.value) == 'partials: expected mode "reverse", "forward" or None, got \'backward\'.'
    with pytest.raises(TypeError) as e:
        partials(NET.apply, PARAMS)
    assert str(e.value) == "partials: got params but no x. Give both, or neither for a function of both."
