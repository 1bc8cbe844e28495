"""Networks composed by name, against the same calls in plain Python."""

import functools
import re

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.drawn import drawn

import jaxnet
from jaxnet import Network, ShapeError, Wiring, chain, dag, layer, mlp, wired
from jaxnet.networks.network import sizes_of

F1, F2, F3, F4, F5 = layer(1, 1), layer(1, 1), layer(1, 1), layer(2, 1), layer(3, 1)
LECTURE = {
    "f1": (F1, ["x1"]),
    "f2": (F2, ["x2"]),
    "f3": (F3, ["x3"]),
    "f4": (F4, ["f1", "f2"]),
    "f5": (F5, ["f4", "f2", "f3"]),
}
INPUTS = ["x1", "x2", "x3"]
G = dag(LECTURE, INPUTS, "f5")
PARAMS = drawn(G)
X = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
KEEP = Network(lambda key: (), lambda params, x: x)


def by_hand(params, x, second_use=None):
    """g as the lecture writes it; `second_use` are other parameters for the f2 that f5 reads."""
    apply = {name: lambda *v, name=name: LECTURE[name][0].apply(params[name], jnp.hstack(v)) for name in LECTURE}
    f1, f2, f3, f4, f5 = (apply[name] for name in ("f1", "f2", "f3", "f4", "f5"))
    x1, x2, x3 = x[:, 0:1], x[:, 1:2], x[:, 2:3]
    again = f2(x2) if second_use is None else F2.apply(second_use, x2)
    return f5(f4(f1(x1), f2(x2)), again, f3(x3))


def scale(factor):
    """A network without parameters, which multiplies."""
    return Network(lambda key: (), lambda params, x: x * factor)


def test_the_graph_of_the_lecture_is_what_plain_python_computes():
    np.testing.assert_array_equal(G.apply(PARAMS, X), by_hand(PARAMS, X))
    assert G.apply(PARAMS, X[0]).shape == (1,)
    assert G.structure.inputs == (("x1", 1), ("x2", 1), ("x3", 1))
    assert (G.structure.n_inputs, G.structure.n_outputs) == (3, 1)


def test_the_graph_of_the_lecture_by_hand():
    """With f1 = 2 x, f2 = x + 1, f3 = -x and sums above: f4 = 2 x1 + x2 + 1, and f5 adds x2 + 1 and -x3."""
    sums = [layer(n, 1, jaxnet.identity) for n in (1, 1, 1, 2, 3)]
    g = dag({name: (net, reads) for net, (name, (_, reads)) in zip(sums, LECTURE.items(), strict=True)}, INPUTS, "f5")
    neurons = [([[2.0]], 0.0), ([[1.0]], 1.0), ([[-1.0]], 0.0), ([[1.0, 1.0]], 0.0), ([[1.0, 1.0, 1.0]], 0.0)]
    params = {f"f{i}": jaxnet.Neuron(jnp.array(w), jnp.array([b])) for i, (w, b) in enumerate(neurons, start=1)}
    np.testing.assert_array_equal(g.apply(params, jnp.array([[3.0, 5.0, 7.0], [0.0, 0.0, 1.0]])), [[11], [1]])


def test_a_node_that_is_read_twice_has_one_set_of_parameters_and_the_sum_of_both_gradients():
    assert sorted(PARAMS) == ["f1", "f2", "f3", "f4", "f5"]
    assert sum(leaf.size for leaf in jax.tree.leaves(PARAMS)) == 2 + 2 + 2 + 3 + 4

    def copies(params, second_use):
        return by_hand(params, X, second_use).sum()

    @jax.jit
    def gradients(params):
        whole = jax.grad(lambda params: G.apply(params, X).sum())(params)
        return whole, jax.grad(copies, argnums=(0, 1))(params, params["f2"])

    whole, (rest, second) = gradients(PARAMS)
    assert min(abs(second.w).min(), abs(rest["f2"].w).min()) > 1e-3
    summed = rest | {"f2": jax.tree.map(jnp.add, rest["f2"], second)}
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), whole, summed)


def test_a_node_is_computed_once_however_many_read_it():
    calls = []

    def count(params, x):
        calls.append(x.shape)
        return x

    readers = {f"r{i}": (layer(2, 1), "shared") for i in range(5)}
    net = dag({"shared": (Network(lambda key: (), count), "x"), **readers}, {"x": 2}, list(readers))
    jax.eval_shape(net.apply, net.init(jax.random.key(0)), jnp.zeros((4, 2)))
    assert calls == [(4, 2)]


@functools.cache
def drawn_by_init():
    return G.init(jax.random.key(0))


@hypothesis.given(st.permutations(list(LECTURE)))
@hypothesis.settings(max_examples=5)
def test_the_order_of_writing_makes_no_difference(names):
    g = dag({name: LECTURE[name] for name in names}, INPUTS, "f5")
    assert g.structure == G.structure
    assert hash(g.structure) == hash(G.structure)
    params, expected = g.init(jax.random.key(0)), drawn_by_init()
    for name in LECTURE:
        np.testing.assert_array_equal(params[name].w, expected[name].w)
    np.testing.assert_array_equal(g.apply(params, X), G.apply(expected, X))


def test_nodes_have_keys_of_their_own():
    params = dag({name: (layer(8, 8), "x") for name in "abc"}, {"x": 8}, ["a", "b", "c"]).init(jax.random.key(0))
    assert len({float(params[name].w[0, 0]) for name in "abc"}) == 3


def test_what_is_read_is_joined_in_the_order_of_reading():
    """Three inputs of 2, 1 and 3 numbers; a node reads the last and the first, and the outputs repeat an input."""
    net = dag({"n": (KEEP, ["c", "a"]), "twice": (scale(2), "b")}, {"a": 2, "b": 1, "c": 3}, ["twice", "n", "b"])
    x = jnp.arange(12.0).reshape(2, 6)
    expected = np.asarray(x)[:, [2, 3, 4, 5, 0, 1, 2]]
    expected[:, 0] *= 2
    np.testing.assert_array_equal(net.apply({"n": (), "twice": ()}, x), expected)
    assert net.structure.n_inputs == 6
    assert net.structure.n_outputs is None


def test_a_dag_chain_or_wiring_is_a_node_like_any_other():
    xor = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])
    parts = {"m": mlp([2, 4, 3], jaxnet.tanh), "g": G, "w": wired(xor), "c": chain(layer(1, 2), layer(2, 2))}
    net = dag(
        {"m": (parts["m"], "x"), "g": (parts["g"], ["m"]), "w": (parts["w"], ["g", "y"]), "c": (parts["c"], "w")},
        {"x": 2, "y": 1},
        ["c", "m"],
    )

    def parts_by_hand(params, x):
        m = parts["m"].apply(params["m"], x[:, :2])
        w = parts["w"].apply(params["w"], jnp.hstack([G.apply(params["g"], m), x[:, 2:]]))
        return jnp.hstack([parts["c"].apply(params["c"], w), m])

    both = jax.jit(lambda params, x: (net.apply(params, x), parts_by_hand(params, x)))
    np.testing.assert_allclose(*both(drawn(net), X[:5]), rtol=1e-6)
    assert sizes_of(net.structure) == (3, 5)


def test_a_dag_is_a_part_of_a_chain():
    net = chain(layer(2, 3), G)
    params, x = drawn(net), X[:, :2]
    np.testing.assert_array_equal(net.apply(params, x), G.apply(params[1], layer(2, 3).apply(params[0], x)))
    with pytest.raises(ShapeError, match=r"^chain: part 1 gives 4 outputs, but part 2 takes 3 inputs.$"):
        chain(layer(2, 4), G)


def test_a_skip_connection_around_an_mlp():
    net = dag(
        {"f": (mlp([3, 5, 3], jaxnet.tanh), "x"), "sum": (Network(lambda key: (), add_halves), ["f", "x"])},
        {"x": 3},
        "sum",
    )
    params = drawn(net)
    np.testing.assert_array_equal(net.apply(params, X), mlp([3, 5, 3], jaxnet.tanh).apply(params["f"], X) + X)


def add_halves(params, x):
    return x[..., :3] + x[..., 3:]


def test_any_leading_axes_jit_and_vmap():
    expected = G.apply(PARAMS, X)
    np.testing.assert_allclose(jax.jit(G.apply)(PARAMS, X), expected, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(G.apply, (None, 0)))(PARAMS, X), expected, rtol=1e-6)
    assert jax.eval_shape(G.apply, PARAMS, jnp.zeros((2, 0, 5, 3))).shape == (2, 0, 5, 1)
    ensemble = jax.eval_shape(jax.vmap(G.init), jax.random.split(jax.random.key(0), 4))
    assert ensemble["f5"].w.shape == (4, 1, 3)
    assert jax.eval_shape(jax.vmap(G.apply, (0, None)), ensemble, X).shape == (4, 7, 1)


@pytest.mark.slow
def test_the_gradient_is_that_of_central_differences():
    jaxnet.check_gradients(lambda params: G.apply(params, X.astype(params["f1"].w.dtype)), PARAMS).raise_if_wrong()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float64])
def test_dtype_in_is_dtype_out(dtype):
    with jax.enable_x64(dtype == jnp.float64):
        params = jax.tree.map(lambda a: jnp.asarray(a, dtype), PARAMS)
        x = jnp.asarray(X, dtype)
        y, gradient = jax.eval_shape(jax.value_and_grad(lambda params: G.apply(params, x).sum()), params)
        assert y.dtype == dtype
        assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {jnp.dtype(dtype)}


def test_names_in_its_repr():
    net = dag({"f": (layer(2, 3), "x"), "g": (KEEP, ["f", "y"])}, {"x": 2, "y": 1}, ["g", "f"])
    assert repr(net) == "Network(x 2, y 1; f(x): 2 -> 3 sigmoid; g(f, y): your own; -> g, f)"


ONE = layer(1, 1)


@pytest.mark.parametrize(
    ("nodes", "inputs", "outputs", "error", "message"),
    [
        ({"f": ONE}, ["x"], "f", TypeError, "expected node 'f' as (network, names of what it reads), got Network"),
        (
            {"f": (1, "x")},
            ["x"],
            "f",
            TypeError,
            "expected node 'f' as (network, names of what it reads), got (1, 'x').$",
        ),
        ({"f": (ONE, [])}, ["x"], "f", ValueError, "node 'f' reads nothing. Name an input or a node that feeds it.$"),
        (
            {"f": (ONE, "x")},
            "x",
            "f",
            ValueError,
            "expected inputs as distinct names in a list or with sizes in a dict, got 'x'.$",
        ),
        (
            {"f": (ONE, "x")},
            ["x", "x"],
            "f",
            ValueError,
            "expected inputs as distinct names in a list or with sizes in a dict, got ['x', 'x'].$",
        ),
        ({"x": (ONE, "x")}, ["x"], "x", ValueError, "'x' is both an input and a node. Rename one.$"),
        ({"f": (ONE, "x")}, {"x": 0}, "f", ValueError, "expected the size of input 'x' to be at least 1, got 0.$"),
        (
            {"f": (ONE, "x")},
            {"x": True},
            "f",
            TypeError,
            "expected the size of input 'x' to be a whole number, got True.$",
        ),
        (
            {"f": (ONE, "x")},
            {"x": 2.0},
            "f",
            TypeError,
            "expected the size of input 'x' to be a whole number, got 2.0.$",
        ),
        ({"f": (ONE, "x")}, ["x"], [], ValueError, "expected at least one output, got none.$"),
        (
            {"f": (ONE, "z")},
            ["x"],
            "f",
            ValueError,
            "node 'f' reads 'z', which is neither an input nor a node of ['x', 'f'].$",
        ),
        (
            {"f": (ONE, "x")},
            ["x"],
            "h",
            ValueError,
            "the output reads 'h', which is neither an input nor a node of ['x', 'f'].$",
        ),
        (
            {"f": (ONE, "x")},
            ["x", "y"],
            "f",
            ValueError,
            "input 'y' is read by no node. Leave it out, or name where it goes.$",
        ),
        (
            {"f": (ONE, "x"), "g": (ONE, "x")},
            ["x"],
            "f",
            ValueError,
            "node 'g' feeds no output. Leave it out, or read it.$",
        ),
        (
            {"f": (ONE, "x"), "g": (ONE, "f"), "h": (ONE, "g")},
            ["x"],
            "f",
            ValueError,
            "node 'g' feeds no output. Leave it out, or read it.$",
        ),
        (
            {"f": (ONE, "f")},
            [],
            "f",
            ValueError,
            "the nodes 'f' -> 'f' feed each other in a circle; expected a loop-free graph.$",
        ),
        (
            {"f": (layer(2, 1), ["x", "g"]), "g": (ONE, "f")},
            ["x"],
            "f",
            ValueError,
            "the nodes 'f' -> 'g' -> 'f' feed each other in a circle; expected a loop-free graph.$",
        ),
        (
            {"f": (layer(1, 4), "x"), "g": (layer(3, 1), ["f", "x"])},
            ["x"],
            "g",
            ShapeError,
            "node 'g' takes 3 inputs, but what it reads gives 5: f 4 + x 1.$",
        ),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused(nodes, inputs, outputs, error, message):
    pattern = "^dag: " + re.escape(message.removesuffix("$")) + ("$" if message.endswith("$") else "")
    with pytest.raises(error, match=pattern) as caught:
        dag(nodes, inputs, outputs)
    assert caught.type is error


@pytest.mark.parametrize(
    ("params", "x", "message"),
    [
        (
            (1, 2),
            X,
            "apply: expected a dict with the parameters of ['f1', 'f2', 'f3', 'f4', 'f5'], got tuple.",
        ),
        (
            {"f1": 0},
            X,
            "apply: expected a dict with the parameters of ['f1', 'f2', 'f3', 'f4', 'f5'], got ['f1'].",
        ),
        (PARAMS, X[:, :2], "apply: expected inputs (..., 3) for x1 1, x2 1, x3 1, got (7, 2)."),
        (PARAMS, 1.0, "apply: expected inputs (..., 3) for x1 1, x2 1, x3 1, got ()."),
        (
            PARAMS | {"f4": PARAMS["f5"]},
            X,
            "apply: node 'f4' (2 -> 1 sigmoid): expected weights (1, 2), got (1, 3).",
        ),
    ],
)
def test_what_does_not_fit_is_refused_when_traced(params, x, message):
    with pytest.raises(ShapeError) as caught:
        jax.eval_shape(lambda: G.apply(params, x))
    assert str(caught.value) == message


def test_an_error_names_the_node_inside_a_node():
    outer = dag({"inner": (G, "x")}, {"x": 3}, "inner")
    with pytest.raises(TypeError) as caught:
        outer.apply({"inner": PARAMS}, jnp.zeros((2, 3), int))
    assert str(caught.value).startswith("apply: node 'inner' (x1 1, x2 1, x3 1; ")
    assert str(caught.value).endswith(
        "node 'f1' (1 -> 1 sigmoid): expected floating inputs, got int32. Convert them, for example x.astype(float32)."
    )


def test_an_error_of_jax_itself_comes_through_as_it_is():
    """A branch on a traced value: its error is made from the tracer, so the node is told in a note."""
    branch = Network(lambda key: (), lambda params, x: x if x.sum() > 0 else -x)
    net = dag({"f": (branch, "x")}, ["x"], "f")
    with pytest.raises(jax.errors.TracerBoolConversionError, match="Attempted boolean conversion") as caught:
        jax.jit(net.apply)({"f": ()}, jnp.ones(1))
    assert "In node 'f' (your own)." in caught.value.__notes__


def test_sizes_may_be_those_of_numpy():
    assert dag({"f": (layer(2, 1), "x")}, {"x": np.int64(2)}, "f").structure.inputs == (("x", 2),)


def test_an_error_of_init_names_the_node_too():
    def refused(key):
        raise ShapeError("expected another day.")

    net = chain(layer(2, 2), dag({"f": (Network(refused, KEEP.apply), "x")}, {"x": 2}, "f"))
    with pytest.raises(ShapeError) as caught:
        net.init(jax.random.key(0))
    place = "layer 2 of 2 (x 2; f(x): your own; -> f)"
    assert str(caught.value) == f"init: {place}: node 'f' (your own): expected another day."
