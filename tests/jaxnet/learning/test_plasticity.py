"""Learning rules by hand, against gradients, least squares and eigenvectors; their theorem is in test_separability."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet import Neuron, ShapeError

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
AND, XOR = np.array([0, 0, 0, 1], np.float32), np.array([0, 1, 1, 0], np.float32)
RULES = {
    "perceptron": jaxnet.perceptron(0.5),
    "delta": jaxnet.delta(0.5),
    "hebb": jaxnet.hebb(0.5),
    "oja": jaxnet.oja(0.5),
}
SUPERVISED = ["perceptron", "delta"]


def key():
    """Made anew for each use, since no key may be used twice."""
    return jax.random.key(0)


def one_step(rule, state, batch):
    return jax.jit(rule.update)(state, batch, key())


def unit(n, dtype=np.float32):
    return Neuron(np.zeros(n, dtype), np.zeros((), dtype))


def some(shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def batch_for(name, x, targets):
    return (x, targets) if name in SUPERVISED else x


def correlated(n_examples=200, dtype=np.float32):
    """Centred data whose mean of x x' has the eigenvalues 2, 1, 1/2, 1/10 exactly, along random axes."""
    q, _ = np.linalg.qr(some((4, 4), seed=1, dtype=np.float64))
    z = some((n_examples, 4), seed=2, dtype=np.float64)
    z, _ = np.linalg.qr(z - z.mean(axis=0))
    return (z * np.sqrt(n_examples * np.array([2, 1, 0.5, 0.1])) @ q.T).astype(dtype)


# The perceptron.


def perceptron_by_hand(w, b, x, y, eta):
    mistakes = 0
    for xi, yi in zip(x, y, strict=True):
        error = yi - float(w @ xi + b >= 0)
        w, b, mistakes = w + eta * error * xi, b + eta * error, mistakes + (error != 0)
    return w, b, mistakes


def test_an_epoch_of_the_perceptron_is_one_example_after_another():
    """(0,0) is a mistake at zero weights, since 0 fires; the examples after it see b = -1."""
    rule = jaxnet.perceptron()
    state, metrics = one_step(rule, rule.init(unit(2)), (X, AND))
    np.testing.assert_array_equal(state.params.w, [1, 1])
    assert (state.params.b, state.mistakes, metrics["mistakes"]) == (0, 2, 2)


@pytest.mark.parametrize("seed", range(5))
def test_perceptron_against_a_loop(seed):
    w, b, x = some(3, seed), some((), seed + 10), some((20, 3), seed + 20)
    y = np.random.default_rng(seed).integers(0, 2, 20)
    rule = jaxnet.perceptron(0.3)
    state = rule.init(Neuron(w, b))
    for _ in range(3):
        w, b, mistakes = perceptron_by_hand(w, b, x, y, 0.3)
        before = state.mistakes
        state, metrics = one_step(rule, state, (x, y))
        np.testing.assert_allclose(state.params.w, w, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state.params.b, b, rtol=1e-5, atol=1e-6)
        assert metrics["mistakes"] == mistakes == state.mistakes - before


def test_with_no_batch_size_a_step_is_an_epoch():
    rule = RULES["perceptron"]
    state, history = jaxnet.train(rule, rule.init(unit(2)), (X, AND), steps=8, key=key())
    w, b, counts = np.zeros(2), 0.0, []
    for _ in range(8):
        w, b, mistakes = perceptron_by_hand(w, b, X, AND, 0.5)
        counts.append(mistakes)
    np.testing.assert_array_equal(history["mistakes"], counts)
    assert counts[-1] == 0
    assert state.mistakes == sum(counts)
    np.testing.assert_array_equal(jaxnet.neuron(state.params, X, jaxnet.step), AND)


def test_perceptron_never_rests_on_xor():
    rule = RULES["perceptron"]
    state, history = jaxnet.train(rule, rule.init(unit(2)), (X, XOR), steps=200, key=key())
    assert (history["mistakes"] > 0).all()
    # The weights of an inseparable problem stay bounded (the cycling theorem of Minsky and Papert): here they cycle.
    assert np.abs(state.params.w).max() <= 2


@pytest.mark.parametrize("y", [-1, 2, 0.5])
def test_targets_that_are_not_boolean_show_as_nan(y):
    rule = RULES["perceptron"]
    state, _ = one_step(rule, rule.init(unit(2)), (X, np.array([0, 1, y, 1], np.float32)))
    assert np.isnan(state.params.w).all()
    assert np.isnan(state.params.b)


# The delta rule.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "shape"), [(jaxnet.sigmoid, (3,)), (jaxnet.tanh, (2, 3)), (jaxnet.identity, (2, 3))]
)
def test_delta_is_gradient_descent_on_the_squared_error(activation, shape):
    params, x, y = Neuron(some(shape), some(shape[:-1], 1)), some((8, 3), 2), some((8, *shape[:-1]), 3)

    def loss(params, batch):
        x, y = batch
        each = jax.vmap(lambda x, y: jaxnet.squared_error(activation(jaxnet.pre_activation(params, x)), y))(x, y)
        return each.mean()

    rules = jaxnet.delta(0.2, activation), jaxnet.gradient_descent(loss, optax.sgd(0.2))
    (a, by_delta), (b, by_gradient) = (
        jaxnet.train(rule, rule.init(params), (x, y), steps=20, batch_size=5, key=key()) for rule in rules
    )
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-5, atol=1e-6), a.params, b.params)
    np.testing.assert_allclose(by_delta["loss"], by_gradient["loss"], rtol=1e-5)


def test_least_mean_squares_is_least_squares():
    with jax.enable_x64(True):
        x, y = some((50, 3), 1, np.float64), some(50, 2, np.float64)
        rule = jaxnet.delta(0.3, jaxnet.identity)
        state, _ = jaxnet.train(rule, rule.init(unit(3, np.float64)), (x, y), steps=2000, key=key())
        fit, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(50)]), y)
        np.testing.assert_allclose([*state.params.w, state.params.b], fit, rtol=1e-9)


@pytest.mark.parametrize(("factor", "settles"), [(0.99, True), (1.01, False)])
def test_least_mean_squares_settles_up_to_twice_the_inverse_of_the_largest_eigenvalue(factor, settles):
    with jax.enable_x64(True):
        x = correlated(dtype=np.float64)
        rule = jaxnet.delta(factor * 2 / 2, jaxnet.identity)  # the largest eigenvalue is 2
        state, _ = jaxnet.train(rule, rule.init(unit(4, np.float64)), (x, x @ np.ones(4)), steps=3000, key=key())
        assert np.allclose(state.params.w, 1) == settles


def test_delta_learns_nothing_through_a_step():
    rule = jaxnet.delta(1.0, jaxnet.step)
    state, metrics = one_step(rule, rule.init(unit(2)), (X, AND))
    np.testing.assert_array_equal(state.params.w, [0, 0])
    assert metrics["loss"] == 3 / 8


# Hebb and Oja.


def test_hebb_by_hand_for_a_unit_and_a_layer():
    """The bias counts in y = w.x + b; the change is the mean over the examples."""
    x = np.array([[1, 2], [3, -1]], np.float32)
    rule = jaxnet.hebb(0.5)
    state, metrics = one_step(rule, rule.init(Neuron(np.float32([3, 4]), np.float32(1))), x)
    y = np.array([12, 6])
    np.testing.assert_array_equal(state.params.w, [3 + (12 * 1 + 6 * 3) / 4, 4 + (12 * 2 - 6) / 4])
    assert (state.params.b, metrics["norm"]) == (1, 5)
    layer, _ = one_step(rule, rule.init(Neuron(np.float32([[0, 0], [3, 4]]), np.float32([2, 1]))), x)
    np.testing.assert_array_equal(layer.params.w, [2 * x.mean(axis=0) / 2, [3, 4] + (y @ x) / 4])
    np.testing.assert_array_equal(layer.params.b, [2, 1])


@pytest.mark.parametrize("eta", [0.01, 0.1])
def test_hebb_grows_along_the_first_eigenvector_without_bound(eta):
    with jax.enable_x64(True):
        x = correlated(dtype=np.float64)
        values, vectors = np.linalg.eigh(x.T @ x / len(x))
        rule, steps = jaxnet.hebb(eta), int(30 / eta)
        state, history = jaxnet.train(rule, rule.init(Neuron(np.ones(4), np.zeros(()))), x, steps=steps, key=key())
        norm = history["norm"]
        assert (np.diff(norm) > 0).all()
        np.testing.assert_allclose(norm[-1] / norm[-2], 1 + eta * values[-1], rtol=1e-10)
        np.testing.assert_allclose(abs(state.params.w @ vectors[:, -1]) / np.linalg.norm(state.params.w), 1, rtol=1e-10)


def test_hebb_leaves_weights_alone_that_no_example_sees():
    x = np.array([[1, 1], [2, 2]], np.float32)
    rule = jaxnet.hebb(0.5)
    state, _ = jaxnet.train(rule, rule.init(Neuron(np.float32([1, -1]), np.float32(0))), x, steps=10, key=key())
    np.testing.assert_array_equal(state.params.w, [1, -1])


def test_oja_is_the_first_principal_component():
    with jax.enable_x64(True):
        x = correlated(dtype=np.float64)
        first = np.linalg.eigh(np.cov(x.T))[1][:, -1]
        rule = jaxnet.oja(0.2)
        state, history = jaxnet.train(rule, rule.init(Neuron(np.full(4, 0.5), np.zeros(()))), x, steps=300, key=key())
        np.testing.assert_allclose(state.params.w * np.sign(state.params.w @ first), first, rtol=1e-9)
        np.testing.assert_allclose(history["norm"][-1], 1, rtol=1e-12)
        assert state.params.b == 0


def test_a_layer_of_oja_is_the_principal_components_in_order():
    with jax.enable_x64(True):
        x = correlated(dtype=np.float64)
        vectors = np.linalg.eigh(np.cov(x.T))[1][:, ::-1].T
        rule = jaxnet.oja(0.2)
        start = Neuron(0.5 * np.linalg.qr(some((4, 4), 5, np.float64))[0][:3], np.zeros(3))
        state, history = jaxnet.train(rule, rule.init(start), x, steps=1000, key=key())
        np.testing.assert_allclose(np.abs(state.params.w @ vectors.T), np.eye(3, 4), atol=1e-9)
        np.testing.assert_allclose(history["norm"][-1], np.ones(3), rtol=1e-9)


def test_oja_one_example_at_a_time_comes_near_it():
    x = correlated(2000)
    first = np.linalg.eigh(np.cov(x.T))[1][:, -1]
    rule = jaxnet.oja(0.003)
    start = Neuron(np.full(4, 0.5, np.float32), np.float32(0))
    state, _ = jaxnet.train(rule, rule.init(start), x, steps=10_000, batch_size=1, key=key())
    assert abs(state.params.w @ first) > 0.99
    np.testing.assert_allclose(np.linalg.norm(state.params.w), 1, atol=0.05)


@pytest.mark.parametrize(("factor", "settles"), [(0.98, True), (1.05, False)])
def test_oja_settles_up_to_the_inverse_of_the_largest_eigenvalue(factor, settles):
    with jax.enable_x64(True):
        x = correlated(dtype=np.float64)
        rule = jaxnet.oja(factor / 2)
        _, history = jaxnet.train(rule, rule.init(Neuron(np.full(4, 0.5), np.zeros(()))), x, steps=3000, key=key())
        assert np.allclose(history["norm"][-2:], 1, atol=1e-6) == settles


# All of them.


@pytest.mark.parametrize("name", RULES)
def test_a_layer_is_its_units_side_by_side(name):
    """Except for Oja, whose second unit learns from what the first leaves: there the first one is the unit alone."""
    rule, x = RULES[name], some((6, 3))
    w, b, y = some((2, 3), 1), some(2, 2), np.array([[0, 1], [1, 1], [0, 0], [1, 0], [1, 1], [0, 1]])
    together, metrics = one_step(rule, rule.init(Neuron(w, b)), batch_for(name, x, y))
    for i in range(1 if name == "oja" else 2):
        alone, one = one_step(rule, rule.init(Neuron(w[i], b[i])), batch_for(name, x, y[:, i]))
        np.testing.assert_allclose(together.params.w[i], alone.params.w, rtol=1e-5)
        np.testing.assert_allclose(together.params.b[i], alone.params.b, rtol=1e-5)
        for metric in {"mistakes", "norm"} & set(metrics):
            np.testing.assert_allclose(metrics[metric][i], one[metric], rtol=1e-6)
    assert (together.params.w != w).any()


@pytest.mark.parametrize("name", RULES)
def test_vmap_over_starts_is_a_loop(name):
    rule, data = RULES[name], batch_for(name, X, AND)
    starts = Neuron(some((3, 2)), some(3, 1))

    def run(params):
        return jaxnet.train(rule, rule.init(params), data, steps=3, batch_size=2, key=key())

    together = jax.jit(jax.vmap(run))(starts)
    alone = [run(Neuron(starts.w[i], starts.b[i])) for i in range(3)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *alone)
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-5, atol=1e-6), together, stacked)


def test_vmap_over_step_sizes():
    """The step size may be traced; from zero weights it only scales what the perceptron learns."""

    def run(eta):
        rule = jaxnet.perceptron(eta)
        return one_step(rule, rule.init(jax.tree.map(jnp.asarray, unit(2))), (X, AND))[0]

    state = jax.vmap(run)(jnp.array([1.0, 0.25]))
    np.testing.assert_array_equal(state.params.w, [[1, 1], [0.25, 0.25]])
    np.testing.assert_array_equal(state.mistakes, [2, 2])


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
def test_dtype_in_is_dtype_out(name, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        rule, data = RULES[name], batch_for(name, X.astype(dtype), AND.astype(bool))
        state = rule.init(Neuron(jnp.ones((2,), dtype), jnp.zeros((), dtype)))
        after, history = jaxnet.train(rule, state, data, steps=2, key=key())
        assert [leaf.dtype for leaf in jax.tree.leaves(after)] == [leaf.dtype for leaf in jax.tree.leaves(state)]
        assert after.params.w.dtype == dtype
        (metric,) = history.values()
        assert metric.dtype == (jnp.int32 if name == "perceptron" else dtype)


@pytest.mark.parametrize("name", RULES)
def test_a_step_traces_once_and_a_run_goes_on(name):
    rule, data, traced = RULES[name], batch_for(name, X, AND), []

    def update(state, batch, step_key):
        traced.append(1)
        return rule.update(state, batch, step_key)

    counted = jaxnet.Rule(rule.init, update)
    whole, _ = jaxnet.train(rule, rule.init((jnp.ones(2), 0.0)), data, steps=6, key=key())
    state = counted.init((jnp.ones(2), 0.0))  # weakly typed, a plain pair
    for _ in range(2):
        state, _ = jaxnet.train(counted, state, data, steps=3, key=key())
    assert len(traced) == 1
    jax.tree.map(np.testing.assert_array_equal, state, whole)


def test_gradients_pass_through_a_run():
    """To differentiate by the start of one delta step on w.x: d(w - eta x (w.x - y))/dw = 1 - eta x^2."""
    rule = jaxnet.delta(0.25, jaxnet.identity)

    def end(w):
        return rule.update(rule.init(Neuron(w, jnp.zeros(()))), (jnp.ones((1, 1)), jnp.ones(1)), key())[0].params.w[0]

    np.testing.assert_array_equal(jax.grad(end)(jnp.ones(1)), [0.75])


# Refusals.


def refusal(kind, name, params, batch=None):
    rule = RULES[name]
    with pytest.raises(kind) as caught:
        jax.jit(lambda params, batch: rule.update(rule.init(params), batch, key()))(params, batch)
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize("name", RULES)
def test_parameters_that_are_no_neuron_are_refused(name):
    expected = f"{name}: expected parameters Neuron(w, b) of one unit or one layer."
    assert refusal(ShapeError, name, (unit(2),)) == f"{expected} An mlp of one layer has them as params[0]."
    assert refusal(ShapeError, name, (unit(2), unit(2))) == expected
    assert refusal(ShapeError, name, {"w": np.zeros(2), "b": 0.0}) == expected
    assert refusal(ShapeError, name, Neuron(np.zeros((2, 3), np.float32), np.zeros(3, np.float32))) == (
        f"{name}: expected weights (n,) with a bias () or weights (m, n) with biases (m,), got (2, 3) and (3,). "
        "For an ensemble use jax.vmap."
    )
    assert refusal(TypeError, name, Neuron(np.zeros(2, np.int32), np.int32(0))) == (
        f"{name}: expected floating weights, got int32. Convert them, for example w.astype(float)."
    )


@pytest.mark.parametrize("name", RULES)
def test_inputs_that_do_not_fit_are_refused(name):
    def message(kind, x):
        return refusal(kind, name, unit(2), batch_for(name, x, AND))

    assert message(ShapeError, X[:, :1]) == f"{name}: expected inputs (examples, 2), got (4, 1)."
    assert message(ShapeError, X[0]) == f"{name}: expected inputs (examples, 2), got (2,). For one example use x[None]."
    assert message(ShapeError, X[:0]) == f"{name}: expected at least one example, got none."
    assert message(TypeError, X.astype(np.int32)) == (
        f"{name}: expected floating inputs, got int32. Convert them, for example x.astype(float32)."
    )


@pytest.mark.parametrize("name", SUPERVISED)
def test_targets_that_do_not_fit_are_refused(name):
    expected = f"{name}: expected targets (4,) for inputs (4, 2), got "
    assert refusal(ShapeError, name, unit(2), (X, AND[:, None])) == expected + "(4, 1)."
    assert refusal(ShapeError, name, unit(2), (X, AND[:3])) == expected + "(3,)."
    layer = Neuron(np.zeros((3, 2), np.float32), np.zeros(3, np.float32))
    assert refusal(ShapeError, name, layer, (X, AND)) == (
        f"{name}: expected targets (4, 3) for inputs (4, 2), got (4,)."
    )
    pair = f"{name}: expected a batch (x, y) of inputs and targets, got "
    assert refusal(TypeError, name, unit(2), X) == pair + "one value."
    assert refusal(TypeError, name, unit(2), (X, AND, AND)) == pair + "3 values."


@pytest.mark.parametrize("name", ["hebb", "oja"])
def test_targets_where_none_are_used_are_refused(name):
    assert refusal(TypeError, name, unit(2), (X, AND)) == (
        f"{name}: expected a batch of inputs alone, an array, got 2 values. It has no targets."
    )


@pytest.mark.parametrize("make", [jaxnet.perceptron, jaxnet.delta, jaxnet.hebb, jaxnet.oja])
def test_a_step_size_is_a_scalar(make):
    rule = make(np.ones(2, np.float32))
    with pytest.raises(ShapeError) as e:
        one_step(rule, rule.init(unit(2)), batch_for(make.__name__, X, AND))
    assert str(e.value) == "expected a scalar step size, got shape (2,). For several use jax.vmap."
