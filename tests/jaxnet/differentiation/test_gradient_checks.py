"""Every verdict by construction; wrong derivatives of every kind are found where they are, and nothing else is."""

import inspect

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet import GradientCheck, GradientRow, check_gradients

NET = jaxnet.mlp([3, 4, 2], [jaxnet.tanh, jaxnet.identity])


def some(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


PARAMS = (jaxnet.Neuron(some(4, 3), some(4)), jaxnet.Neuron(some(2, 4), some(2)))
X, Y = some(5, 3), some(5, 2)
PATHS = ("params[0].w", "params[0].b", "params[1].w", "params[1].b")
ACTIVATIONS = ["elu", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh"]


@jax.custom_vjp
def distorted(params, factors):
    """The parameters themselves, whose derivative arrives multiplied by factors."""
    return params


distorted.defvjp(
    lambda params, factors: (params, factors),
    lambda factors, g: (jax.tree.map(jnp.multiply, g, factors), jax.tree.map(jnp.zeros_like, factors)),
)


def loss(params, x, y):
    return jaxnet.squared_error(NET.apply(params, x), y).mean()


def distorted_loss(params, factors, x, y):
    return loss(distorted(params, factors), x, y)


def verdicts(check):
    return {row.path: row.verdict for row in check.rows}


def verdict(f, *args, **options):
    (row,) = check_gradients(f, *args, **options).rows
    return row.verdict


@pytest.mark.slow
def test_a_network_is_right_and_its_derivatives_are_those_of_jax():
    found = check_gradients(loss, PARAMS, X, Y)
    assert verdicts(found) == dict.fromkeys(PATHS, "right")
    assert found
    assert found.raise_if_wrong() is found
    gradient = dict(zip(PATHS, jax.tree.leaves(jax.grad(loss)(PARAMS, X, Y)), strict=True))
    for row in found.rows:
        np.testing.assert_allclose(row.automatic, gradient[row.path][row.entry], rtol=1e-4)
        np.testing.assert_allclose(row.difference, row.automatic, rtol=1e-8)
        assert row.error <= 4 * row.uncertainty + 1e-12
        assert row.checked == row.size == gradient[row.path].size


ONES = jax.tree.map(np.ones_like, PARAMS)


def one_entry(factor):
    w = np.ones((4, 3), np.float32)
    w[2, 1] = factor
    return ({"w": w, "b": ONES[0].b}, {"w": ONES[1].w, "b": ONES[1].b})


@pytest.mark.parametrize(
    ("factors", "wrong", "entry"),
    [
        (one_entry(-1), "params[0].w", (2, 1)),
        (one_entry(1.001), "params[0].w", (2, 1)),
        (one_entry(0.999), "params[0].w", (2, 1)),
        (one_entry(0), "params[0].w", (2, 1)),
        ((ONES[0]._replace(b=0 * ONES[0].b), ONES[1]), "params[0].b", None),
        ((ONES[0], ONES[1]._replace(w=2 * ONES[1].w)), "params[1].w", None),
        ((ONES[0], ONES[1]._replace(b=-ONES[1].b)), "params[1].b", None),
        ((ONES[0], ONES[1]._replace(b=1.00001 * ONES[1].b)), "params[1].b", None),
    ],
)
def test_a_wrong_derivative_is_wrong_for_exactly_its_path(factors, wrong, entry):
    factors = jax.tree.unflatten(jax.tree.structure(PARAMS), [np.asarray(f, float) for f in _leaves(factors)])
    found = check_gradients(distorted_loss, PARAMS, factors, X, Y)
    assert verdicts(found) == {path: "wrong" if path == wrong else "right" for path in PATHS}
    assert not found
    if entry is not None:
        assert next(row.entry for row in found.rows if row.path == wrong) == entry


def _leaves(factors):
    return [leaf for part in factors for leaf in ((part["w"], part["b"]) if isinstance(part, dict) else part)]


def test_all_wrong_at_once():
    for factor in (0.0, 2.0, np.nan, np.inf):
        factors = jax.tree.map(lambda p, factor=factor: np.full(p.shape, factor), PARAMS)
        found = check_gradients(distorted_loss, PARAMS, factors, X, Y)
        assert set(verdicts(found).values()) == {"wrong" if np.isfinite(factor) else "undefined"}


WIDE = jaxnet.mlp([40, 50, 1], [jaxnet.tanh, jaxnet.identity])
WIDE_PARAMS = jax.tree.map(lambda p: some(*p.shape) / 6, jax.eval_shape(WIDE.init, jax.random.key(3)))
WIDE_X = some(3, 40)


def wide_loss(params, factors, x):
    return (WIDE.apply(distorted(params, factors), x) ** 2).sum()


@pytest.mark.parametrize(("factor", "seed"), [(-1.0, 0), (0.0, 1), (1.001, 0)])
def test_no_entry_of_a_large_array_is_unchecked(factor, seed):
    """One of 2,000 is wrong and ten are drawn: the direction through the whole array finds it, and its array only."""
    factors = jax.tree.map(lambda p: np.ones(p.shape), WIDE_PARAMS)
    factors[0].w[13, 37] = factor
    found = check_gradients(wide_loss, WIDE_PARAMS, factors, WIDE_X, limit=10, seed=seed)
    assert verdicts(found) == {path: "wrong" if path == "params[0].w" else "right" for path in PATHS}
    row = found.rows[0]
    assert (row.entry, row.checked, row.size) == (None, 10, 2000)
    assert "a random direction" in str(found)
    assert "10 of 2000 and a direction" in str(found)


def test_the_sample_depends_on_the_seed_only():
    factors = jax.tree.map(lambda p: np.ones(p.shape), WIDE_PARAMS)
    rows = [check_gradients(wide_loss, WIDE_PARAMS, factors, WIDE_X, limit=10, seed=s).rows for s in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2]


NETWORKS = {name: jaxnet.mlp([3, 4, 2], [getattr(jaxnet, name), jaxnet.identity]) for name in ACTIVATIONS}


def network_loss(params, name, factors, scales, x, y):
    theta = jax.tree.map(lambda p, s: p / s, distorted(params, factors), scales)
    return jaxnet.squared_error(NETWORKS[name].apply(theta, x), y).mean()


def network_case(seed, exponents):
    """Parameters of which each array has its own size, and the same network at every size."""
    normal = np.random.default_rng(seed).standard_normal
    scales = jax.tree.unflatten(jax.tree.structure(PARAMS), [np.float64(10.0**e) for e in exponents])
    params = jax.tree.map(lambda p, s: normal(p.shape) * s, PARAMS, scales)
    return params, jax.tree.map(lambda p: np.ones(p.shape), PARAMS), scales, normal((5, 3)), normal((5, 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTIVATIONS)
@hypothesis.given(st.integers(0, 2**32 - 1), st.lists(st.integers(-8, 8), min_size=4, max_size=4))
@hypothesis.settings(max_examples=15)
def test_networks_of_every_activation_and_size_of_parameters(name, seed, exponents):
    params, factors, scales, x, y = network_case(seed, exponents)
    found = check_gradients(network_loss, params, name, factors, scales, x, y)
    # A bias of 1e-8 has the corner of its unit that near; a dead unit does not move the loss.
    beside = {"relu": {"flat", "kinked"}, "leaky_relu": {"kinked"}, "elu": {"kinked"}}.get(name, set())
    assert set(verdicts(found).values()) <= {"right"} | beside
    # The same with one entry, which counts, off by a thousandth.
    number = seed % 4
    gradient = jax.tree.leaves(jax.grad(network_loss)(params, name, factors, scales, x, y))[number]
    entry = np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape)
    if found.rows[number].verdict == "right":
        jax.tree.leaves(factors)[number][entry] = 1.001
        found = check_gradients(network_loss, params, name, factors, scales, x, y)
        assert [row.path for row in found.rows if row.verdict == "wrong"] == [PATHS[number]]


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu"])
def test_at_the_corner_a_network_is_kinked(name):
    """Zero weights and biases put every hidden unit on its corner; what comes after it sees only zeros."""
    net = NETWORKS[name]
    params = jax.tree.map(np.zeros_like, PARAMS)
    params = (params[0], params[1]._replace(w=np.ones((2, 4), np.float32)))
    found = check_gradients(lambda p: net.apply(p, jnp.ones(3)).sum(), params)
    expected = "right" if name == "elu" else "kinked"
    after = "flat"
    assert verdicts(found) == dict(zip(PATHS, [expected, expected, after, "right"], strict=True))
    assert found


def test_a_slope_that_no_side_of_the_corner_has_is_wrong():
    @jax.custom_jvp
    def leaky(z):
        return jnp.maximum(z, 0.1 * z)

    leaky.defjvp(lambda z, t: (leaky(*z), 2 * t[0]))
    assert verdict(leaky, 0.0) == "wrong"
    assert verdict(lambda z: jnp.maximum(z, 0.1 * z), 0.0) == "kinked"
    assert verdict(jaxnet.relu, 0.0) == "kinked"
    assert verdict(jnp.abs, 0.0) == "kinked"


def test_a_step_network_is_not_right():
    net = jaxnet.mlp([3, 4, 2], [jaxnet.step, jaxnet.identity])
    found = check_gradients(lambda p, x: net.apply(p, x).sum(), PARAMS, X)
    assert verdicts(found) == dict(zip(PATHS, ["discontinuous", "discontinuous", "right", "right"], strict=True))
    assert not found


@pytest.mark.parametrize(("f", "middle", "size"), [(jaxnet.step, 0, 1), (lambda z: 100 + jaxnet.step(z - 50), 50, 10)])
def test_a_step_is_discontinuous_up_to_its_own_size_from_its_jump(f, middle, size):
    for z in (0.0, 1e-12, -1e-8, 3e-4, -0.3, 0.9):
        assert verdict(f, middle + size * z) == "discontinuous"


def test_a_step_farther_from_its_jump_is_flat():
    assert verdict(lambda z: jaxnet.step(z - 9), 0.5) == "flat"
    assert verdict(lambda z: jaxnet.step(z - 50), 10.0) == "flat"
    # A dead ReLU comes to life within reach, and does not jump.
    assert verdict(jaxnet.relu, -0.5) == "flat"
    # The slope of a straight-through step is wrong, not flat.
    assert verdict(lambda z: jaxnet.sigmoid(z) + jax.lax.stop_gradient(jaxnet.step(z) - jaxnet.sigmoid(z)), 0.5) == (
        "wrong"
    )


def test_one_jump_among_many_constant_entries_is_found():
    """Two of a hundred entries are near enough to their jump; the others do not move f."""
    place = np.zeros(100)
    place[[40, 77]], place[0] = 0.25, -5
    assert verdict(lambda p: jnp.where(place > 0, jaxnet.step(p - place), 0 * p).sum(), np.zeros(100)) == (
        "discontinuous"
    )


def test_a_parameter_that_is_not_used_is_flat():
    found = check_gradients(lambda p: jnp.sin(p["a"]), {"a": 1.0, "b": jnp.ones(3)})
    assert verdicts(found) == {"params['a']": "right", "params['b']": "flat"}
    assert found


def test_an_array_with_flat_and_right_entries_is_right():
    assert verdict(lambda p: p[0] ** 2 + 0 * p[1], jnp.array([1.0, 2.0])) == "right"


def test_where_rounding_hides_everything_the_check_does_not_pass():
    found = check_gradients(lambda p: 1 + 1e-13 * p, 0.3)
    assert verdicts(found) == {"params": "unresolved"}
    assert not found
    # Beside an entry that shows something it does not matter.
    assert verdict(lambda p: 1 + 1e-13 * p[0] + p[1], jnp.array([0.3, 0.3])) == "right"
    assert verdict(lambda p: 1 + 1e-13 * p[0], jnp.array([0.3, 0.3])) == "unresolved"


@pytest.mark.parametrize(
    ("f", "theta"), [(jnp.sqrt, 0.0), (jnp.log, -1.0), (lambda p: 1 / p, 0.0), (jnp.sin, np.inf), (jnp.sin, np.nan)]
)
def test_what_is_not_finite_is_undefined(f, theta):
    assert verdict(f, theta) == "undefined"


def test_each_entry_is_undefined_by_itself_where_f_is_finite():
    found = check_gradients(lambda p: jnp.arcsin(p["a"]) + p["b"], {"a": 1.0, "b": 1.0})
    assert verdicts(found) == {"params['a']": "undefined", "params['b']": "right"}


def test_the_size_of_f_does_not_matter():
    def scaled(params, x, y, scale):
        return scale * loss(params, x, y)

    for scale in (1e-300, 1e-8, 1e8, 1e100):
        assert set(verdicts(check_gradients(scaled, PARAMS, X, Y, np.float64(scale))).values()) == {"right"}


def test_any_dtype_in_and_float64_inside():
    seen = set()

    def f(params, x):
        seen.update(a.dtype for a in (*jax.tree.leaves(params), x))
        return NET.apply(params, x).sum()

    for dtype in (jnp.bfloat16, jnp.float16, jnp.float32):
        assert check_gradients(f, jax.tree.map(lambda p, dtype=dtype: p.astype(dtype), PARAMS), X.astype(dtype))
    assert seen == {jnp.dtype(jnp.float64)}


def test_the_configuration_of_the_caller_is_untouched():
    key, enclosed = jax.random.key(0), jnp.float32(2.0)

    def f(params, key):
        return enclosed * params * jax.random.normal(key)

    assert check_gradients(f, 1.0, key)
    with pytest.raises(ValueError, match="inner"):
        check_gradients(lambda p: (_ for _ in ()).throw(ValueError("inner")), 1.0)
    assert not jax.config.jax_enable_x64
    assert jax.config.jax_numpy_dtype_promotion == "strict"
    assert jax.config.jax_debug_key_reuse
    jax.random.normal(key)  # the key has not been used


def test_complex_parameters_have_two_rows():
    """|z - t|^2 at z = 1 + 2j, t = 3j: 2 (x - 0) and 2 (y - 3)."""
    found = check_gradients(lambda p, t: jnp.abs(p["z"] - t) ** 2 * p["a"], {"a": 1.0, "z": 1 + 2j}, np.complex64(3j))
    assert verdicts(found) == dict.fromkeys(("params['a']", "params['z'].real", "params['z'].imag"), "right")
    np.testing.assert_allclose([row.automatic for row in found.rows], [2, 2, -2], rtol=1e-12)
    assert found.notes == ()
    # A derivative that is the direction of ascent itself, not its conjugate, is wrong in its imaginary part alone.
    wrong = jax.custom_jvp(lambda z: jnp.abs(z) ** 2)
    wrong.defjvp(lambda p, t: (wrong(*p), 2 * jnp.real(p[0] * t[0])))
    assert verdicts(check_gradients(wrong, 1 + 2j)) == {"params.real": "right", "params.imag": "wrong"}
    assert check_gradients(lambda z: jnp.abs(z.astype(jnp.complex64)), 1 + 2j).notes == (
        "f rounds float64 to float32: errors below 1e-07 of f are not seen.",
    )


def test_dropout_with_a_key_is_the_same_function_at_every_probe():
    def f(params, key):
        return (params * jax.random.bernoulli(key, 0.5, (20,)).astype(params.dtype)).sum()

    assert verdict(f, np.ones(20), jax.random.key(7)) == "right"


def test_a_function_that_computes_in_float32_is_noted():
    found = check_gradients(lambda p: jnp.sin(p.astype(jnp.float32)).sum(), jnp.array([0.5, 1.0]))
    assert verdicts(found) == {"params": "right"}
    assert found.notes == ("f rounds float64 to float32: errors below 1e-07 of f are not seen.",)
    assert str(found).endswith("\nNote: f rounds float64 to float32: errors below 1e-07 of f are not seen.")
    # As sharp as that type allows: an error of a hundredth is still seen.
    half = jax.custom_jvp(lambda p: jnp.sin(p.astype(jnp.float32)))
    half.defjvp(lambda p, t: (half(*p), 1.01 * (jnp.cos(p[0]) * t[0]).astype(jnp.float32)))
    assert verdict(half, 0.5) == "wrong"
    # In bfloat16 nothing is seen, and nothing passes.
    assert verdict(lambda p: jnp.sin(p.astype(jnp.bfloat16)), 0.5) == "unresolved"


def test_several_outputs_and_a_wrong_one_among_them():
    def f(p, factors):
        return {"y": NET.apply(p, np.ones(3)), "z": distorted(p[1].b, factors) ** 3}

    assert check_gradients(f, PARAMS, np.ones(2))
    params = (PARAMS[0], PARAMS[1]._replace(b=jnp.array([0.5, 0.7])))
    found = check_gradients(f, params, np.array([1, 1.001]))
    assert [row.path for row in found.rows if row.verdict == "wrong"] == ["params[1].b"]
    assert found.rows[3].entry == (1,)
    assert found.notes == ("f has 4 outputs: a random projection of them is checked.",)


@pytest.mark.slow
def test_loops_wirings_and_compiled_functions():
    def loop(p):
        return jax.lax.scan(lambda c, _: (jnp.sin(c * p), None), 1.0, length=5)[0]

    assert check_gradients(jax.jit(loop), 0.7)
    assert check_gradients(lambda p: jax.lax.cond(p > 0, jnp.sin, jnp.cos, p), 0.7)
    net = jaxnet.wired(jaxnet.Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]), jaxnet.tanh)
    params = net.init(jax.random.key(0))
    assert check_gradients(lambda p, x: net.apply(p, x).sum(), params, np.array([[0.5, -1.0]]))


def test_the_table():
    rows = (
        GradientRow("params[0].w", "wrong", (2, 1), 1.25, -1.25, 1e-12, 6, 6),
        GradientRow("params[0].b", "right", None, 3.0, 3.0, 1e-12, 10, 2000),
        GradientRow("params[1]", "flat", None, 0.0, 0.0, 0.0, 0, 0),
    )
    found = GradientCheck(rows, ("here.",))
    expected = inspect.cleandoc("""
        parameter    verdict  worst entry         automatic  difference    error  checked
        params[0].w  wrong    [2, 1]                   1.25       -1.25  2.5e+00  all 6
        params[0].b  right    a random direction          3           3  0.0e+00  10 of 2000 and a direction
        params[1]    flat                                 0           0  0.0e+00  all 0
        Note: here.""")
    assert str(found) == expected
    with pytest.raises(AssertionError) as e:
        found.raise_if_wrong()
    assert str(e.value) == f"check_gradients: params[0].w is wrong.\n{expected}"


@pytest.mark.parametrize("verdict", jaxnet.differentiation.finite_differences.VERDICTS)
def test_which_verdicts_pass(verdict):
    passes = verdict in ("right", "flat", "kinked")
    assert bool(GradientCheck((GradientRow("params", verdict, (), 0.0, 0.0, 0.0, 1, 1),))) == passes


def test_an_empty_array_beside_others():
    found = check_gradients(lambda p: p["a"] + p["b"].sum(), {"a": 1.0, "b": np.zeros((0, 3))})
    assert [(row.verdict, row.checked, row.size) for row in found.rows] == [("right", 1, 1), ("flat", 0, 0)]


@pytest.mark.parametrize(("leaf", "dtype"), [(np.array([1]), "int32"), (np.array([True]), "bool")])
def test_parameters_that_are_refused(leaf, dtype):
    with pytest.raises(TypeError) as e:
        check_gradients(lambda p: p["a"], {"a": 1.0, "b": leaf})
    assert str(e.value) == (
        f"check_gradients: expected floating or complex parameters, got {dtype} at params['b']. "
        "Pass what should not be checked in args."
    )


def test_other_errors():
    for params in ((), {"a": np.zeros(0)}, None):
        with pytest.raises(ValueError, match="got none") as e:
            check_gradients(lambda p: 1.0, params)
        assert str(e.value) == "check_gradients: expected at least one parameter, got none."


@pytest.mark.parametrize(("name", "low"), [("limit", 1), ("seed", 0)])
def test_whole_numbers(name, low):
    for wrong in (True, 2.0):
        with pytest.raises(TypeError) as e:
            check_gradients(jnp.sin, 1.0, **{name: wrong})
        assert str(e.value) == f"check_gradients: expected {name} to be a whole number, got {wrong}."
    with pytest.raises(ValueError, match=f"^check_gradients: expected {name} to be at least {low}, got {low - 1}."):
        check_gradients(jnp.sin, 1.0, **{name: low - 1})
    assert check_gradients(jnp.sin, 1.0, **{name: np.int64(2)})
