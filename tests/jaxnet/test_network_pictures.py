"""What is drawn of a network is its units, weights, values and deltas; what cannot be drawn is refused."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, PathPatch

import jaxnet
from jaxnet import Neuron, ShapeError, Wiring, draw_network
from jaxnet.canvas import BLUE, VERMILION, new_figure
from jaxnet.network_layout import RADIUS

XOR = jaxnet.mlp([2, 2, 1])
PARAMS = (
    Neuron(jnp.array([[4.0, 2.0], [1.0, 0.0]]), jnp.array([-1.0, 0.0])),
    Neuron(jnp.array([[3.0, -8.0]]), jnp.array([0.5])),
)
X, Y = jnp.array([0.0, 1.0]), jnp.array([1.0])
KINDS = jaxnet.per_unit([jaxnet.tanh, jaxnet.relu, jaxnet.tanh])
# Unit 2 reads input 0 past unit 1.
GRAPH = jaxnet.wired(
    Wiring(1, [0, 1, 2, 4], [0, 1, 2, 0], [3, 1]), jaxnet.per_unit([jaxnet.tanh, jaxnet.relu, jaxnet.tanh])
)


def lines(figure):
    """The lines of weights, thinnest first: those of outputs are black."""
    paths = [p for p in figure.axes[0].patches if isinstance(p, PathPatch) and to_hex(p.get_edgecolor()) != "#000000"]
    return sorted(paths, key=lambda p: p.get_linewidth())


def centres(figure):
    return [p.center for p in figure.axes[0].patches if isinstance(p, Circle) and p.radius == RADIUS]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def numbers(figure):
    return [float(text.replace("−", "-")) for text in texts(figure) if re.fullmatch(r"[−\d.e-]+", text)]  # noqa: RUF001


def test_units_stand_in_columns_and_weights_have_their_colour_width_and_dashes():
    figure = draw_network(XOR, PARAMS)
    assert centres(figure) == [(0, 0.5), (0, -0.5), (3, 0.5), (3, -0.5), (6, 0)]
    drawn = lines(figure)
    assert len(drawn) == 6
    strongest, weakest = drawn[-1], drawn[0]
    assert to_hex(strongest.get_edgecolor()) == BLUE.lower()
    assert strongest.get_linestyle() != "-" == drawn[-2].get_linestyle()
    np.testing.assert_allclose(weakest.get_edgecolor()[:3], 0xD9 / 255, atol=0.01)
    widths = [line.get_linewidth() for line in drawn]
    np.testing.assert_allclose(widths, 0.4 + 2.8 * np.array([0, 1, 2, 3, 4, 8]) / 8)
    assert texts(figure) == ["y", "x0", "x1", "inputs", "sigmoid", "sigmoid"]


def test_the_scale_is_symmetric_and_says_what_it_is():
    _, bar = draw_network(XOR, PARAMS).axes
    assert bar.get_ylim() == (-8, 8)
    assert bar.get_ylabel() == "weight (line), bias (rim)\ndashed below 0"
    same = draw_network(XOR, jax.tree.map(jnp.negative, PARAMS))
    assert to_hex(lines(same)[-1].get_edgecolor()) == VERMILION.lower()


def test_values_are_those_of_the_units():
    hidden = jax.nn.sigmoid(PARAMS[0].w @ X + PARAMS[0].b)
    expected = [*X, *hidden, *XOR.apply(PARAMS, X)]
    np.testing.assert_allclose(numbers(draw_network(XOR, PARAMS, X)), expected, atol=0.005)


def test_deltas_are_those_of_backprop():
    params = jax.tree.map(lambda leaf: leaf / 4, PARAMS)
    found = jaxnet.backprop(XOR, params, X, Y, jaxnet.squared_error)
    figure = draw_network(XOR, params, X, Y, loss=jaxnet.squared_error)
    np.testing.assert_allclose(numbers(figure), np.concatenate(found.deltas), atol=0.006)
    assert figure.axes[0].get_title() == "deltas of the units"


def test_deltas_of_a_graph_are_those_of_backprop():
    params = Neuron(jnp.array([0.5, -0.5, 1.0, 0.7]), jnp.array([0.1, 0.9, 0.3]))
    x, y = jnp.array([1.0]), jnp.array([1.0, 0.0])
    found = jaxnet.backprop(GRAPH, params, x, y, jaxnet.squared_error)
    figure = draw_network(GRAPH, params, x, y, loss=jaxnet.squared_error)
    np.testing.assert_allclose(numbers(figure), found.deltas[0], atol=0.006)
    values = numbers(draw_network(GRAPH, params, x))
    np.testing.assert_allclose(values[-1], GRAPH.apply(params, x)[0], atol=0.006)


def test_a_line_past_a_unit_bends_around_it():
    figure = draw_network(GRAPH, Neuron(jnp.ones(4), jnp.zeros(3)))
    (bent,) = [line for line in lines(figure) if len(line.get_path().vertices) == 3]
    (x0, y0), (_, y1), (x2, y2) = bent.get_path().vertices
    assert (x0, y0, x2, y2) == (0, 0, 9, 0)
    assert abs(y1) > 2 * RADIUS
    assert texts(figure)[:2] == ["y0", "y1"]


def test_the_nodes_of_a_dag_have_boxes_with_their_names():
    shared = jaxnet.layer(1, 1, jaxnet.tanh)
    net = jaxnet.dag(
        {"first": (shared, "a"), "second": (jaxnet.layer(2, 1), ["first", "b"])}, {"a": 1, "b": 1}, ["second", "first"]
    )
    params = {"first": Neuron(jnp.ones((1, 1)), jnp.zeros(1)), "second": Neuron(jnp.ones((1, 2)), jnp.zeros(1))}
    figure = draw_network(net, params, jnp.array([0.3, 0.2]), input_names=["a", "b"], output_names=["p", "q"])
    assert {"first", "second", "a", "b", "p", "q"} <= set(texts(figure))
    first = np.tanh(0.3)
    expected = [0.3, 0.2, first, 1 / (1 + np.exp(-first - 0.2))]
    np.testing.assert_allclose(numbers(figure), expected, atol=0.005)


def test_it_draws_into_axes_of_the_caller_and_into_files(tmp_path):
    figure = new_figure(5, 3)
    axes = figure.subplots()
    assert draw_network(XOR, PARAMS, ax=axes, path=tmp_path / "net.svg") is figure
    assert "<svg" in (tmp_path / "net.svg").read_text()
    with pytest.raises(TypeError, match=r"^draw_network: expected ax to be axes of matplotlib"):
        draw_network(XOR, PARAMS, ax=3)


@pytest.mark.parametrize("weight", [0.0, 1e-30, 1e30])
def test_weights_of_any_size(weight, tmp_path):
    draw_network(XOR, jax.tree.map(lambda leaf: jnp.full_like(leaf, weight), PARAMS), X, path=tmp_path / "net.png")


def test_long_names_have_room_and_settings_a_line_of_their_own():
    net = jaxnet.mlp([1, 1], [functools.partial(jaxnet.leaky_relu, negative_slope=0.2)])
    names = ["a name " * 4], ["n" * 100]
    figure = draw_network(net, shapes_filled(net), input_names=names[0], output_names=names[1])
    texts = {text.get_text(): text for text in figure.axes[0].texts}
    assert list(texts) == [f"{'n' * 37}...", *names[0], "inputs", "leaky_relu\n(negative_slope=0.2)"]
    figure.draw_without_rendering()
    bounds = [texts[name].get_window_extent() for name in (*names[0], f"{'n' * 37}...")]
    assert bounds[0].x0 >= 0
    assert bounds[1].x1 <= figure.axes[1].get_window_extent().x0


def shapes_filled(net):
    return jax.tree.map(lambda leaf: jnp.ones(leaf.shape), jax.eval_shape(net.init, jax.random.key(0)))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((jaxnet.mlp([4, 120]),), {}, ValueError, "expected at most 100 units and 64 inputs, got 120 and 4. "
         "Draw a part, or a matrix of weights as an image, matplotlib.pyplot.imshow(w)."),
        ((jaxnet.mlp([4, 90, 30, 20, 10]),), {}, ValueError, "expected at most 100 units and 64 inputs, got 150 and 4. "
         "Draw its last layers, draw_network(jaxnet.mlp([30, 20, 10], ...), params[2:])."),
        ((jaxnet.layer(65, 1),), {}, ValueError, "expected at most 100 units and 64 inputs, got 1 and 65."),
        ((XOR, {"w": 1.0}), {}, ShapeError, "expected the parameters of Network(2 -> 2 sigmoid -> 1 sigmoid), leaf"),
        ((XOR, jax.tree.map(lambda leaf: leaf * jnp.nan, PARAMS)), {}, ValueError, "expected finite parameters, got"),
        ((XOR, PARAMS, jnp.array([jnp.inf, 0])), {}, ValueError, "expected finite inputs, got NaN or infinity."),
        ((XOR, PARAMS, jnp.ones(3)), {}, ShapeError, "expected inputs (2,), one example, got (3,)."),
        ((XOR, PARAMS, jnp.ones((1, 2))), {}, ShapeError, "expected inputs (2,), one example, got (1, 2)."),
        ((XOR, PARAMS, X, Y), {}, ValueError, "expected inputs, targets and a loss to show deltas, got only some"),
        ((XOR, PARAMS, X), {"loss": jaxnet.hinge}, ValueError, "expected inputs, targets and a loss to show deltas"),
        ((XOR, PARAMS), {"input_names": "abc"}, ValueError, "expected 2 input_names, got 3."),
        ((XOR, PARAMS), {"output_names": []}, ValueError, "expected 1 output_names, got 0."),
        ((jaxnet.Network(lambda key: (), lambda params, x: x), ()), {}, TypeError,
         "expected a network made of jaxnet.layer, mlp, chain, wired and dag, got your own."),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(arguments, options, error, message):
    network, *rest = arguments
    with pytest.raises(error, match="^draw_network: " + re.escape(message)):
        draw_network(network, *(rest or [shapes_filled(network)]), **options)
