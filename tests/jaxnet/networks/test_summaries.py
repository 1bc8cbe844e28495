"""Summaries against counts by hand, the sizes of arrays, and the shapes that a network gives when it runs."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet import Network, ShapeError, SummaryRow, Wiring, chain, dag, layer, mlp, summary, wired

XOR = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])
DOUBLE = Network(lambda key: (), lambda params, x: 2 * x)
FLAT = Network(lambda key: jnp.ones(3), lambda params, x: x.reshape(x.shape[0], -1))
CHOICE = Network(lambda key: jnp.ones((5, 2)), lambda params, x: params[x])
BRANCH = Network(lambda key: (), lambda params, x: x if x.sum() > 0 else -x)
F = {n: layer(n, 1) for n in (1, 2, 3)}
LECTURE = dag(
    {
        "f1": (F[1], ["x1"]),
        "f2": (F[1], ["x2"]),
        "f3": (F[1], ["x3"]),
        "f4": (F[2], ["f1", "f2"]),
        "f5": (F[3], ["f4", "f2", "f3"]),
    },
    ["x1", "x2", "x3"],
    "f5",
)
NETWORKS = {
    "layer": layer(3, 2),
    "mlp": mlp([3, 5, 4, 2], jaxnet.tanh),
    "dag": LECTURE,
    "wired": wired(Wiring(3, [0, 2, 5], [0, 1, 0, 1, 3], [4, 0, 4])),
    "nested": chain(
        mlp([3, 4, 3]),
        dag({"g": (LECTURE, "u"), "h": (mlp([3, 2, 2]), "u")}, {"u": 3}, ["h", "g"]),
        wired(Wiring(3, [0, 3], [0, 1, 2], [3])),
    ),
    "with your own": chain(layer(3, 4), DOUBLE, chain(layer(4, 2), DOUBLE)),
    "bfloat16": mlp([3, 4, 1], dtype=jnp.bfloat16),
}


def test_rows_by_hand():
    table = summary(mlp([784, 128, 10]), input_shape=(32, 784))
    assert table.rows == (
        SummaryRow("1", "784 -> 128 sigmoid", ("input",), (32, 128), 100_480, 401_920),
        SummaryRow("2", "128 -> 10 sigmoid", ("1",), (32, 10), 1_290, 5_160),
    )
    assert (table.n_parameters, table.n_bytes) == (101_770, 407_080)
    assert (table.input_shape, table.output_shape) == ((32, 784), (32, 10))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_totals_and_output_are_those_of_the_arrays(network):
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    leaves = jax.tree.leaves(params)
    x = np.zeros((5, 7, 3), leaves[0].dtype)
    from_params = summary(network, params, input_shape=x.shape)
    assert from_params.n_parameters == sum(leaf.size for leaf in leaves)
    assert from_params.n_bytes == sum(leaf.nbytes for leaf in leaves)
    assert from_params.output_shape == jax.eval_shape(network.apply, params, x).shape
    assert summary(network, input_shape=x.shape) == from_params
    assert summary(network, shapes, input_shape=x) == from_params


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_every_row_reads_rows_above_it_or_the_input(network):
    seen = {"input"}
    for row in summary(network).rows:
        assert set(row.reads) <= seen
        assert row.name not in seen
        seen.add(row.name)
    # Without an input shape it is that of one example.
    assert summary(network).input_shape == (3,)
    assert len(summary(network).output_shape) == 1


def test_places_in_nested_networks():
    names = {row.name: row.reads for row in summary(NETWORKS["nested"]).rows}
    assert names == {
        "1.1": ("input",),
        "1.2": ("1.1",),
        "2.u": ("1.2",),
        "2.g.x1": ("2.u",),
        "2.g.x2": ("2.u",),
        "2.g.x3": ("2.u",),
        "2.g.f1": ("2.g.x1",),
        "2.g.f2": ("2.g.x2",),
        "2.g.f3": ("2.g.x3",),
        "2.g.f4": ("2.g.f1", "2.g.f2"),
        "2.g.f5": ("2.g.f4", "2.g.f2", "2.g.f3"),
        "2.h.1": ("2.u",),
        "2.h.2": ("2.h.1",),
        "3": ("2.h.2", "2.g.f5"),
    }


def test_the_graph_of_the_lecture_printed():
    """f2 is read twice and counted once: 2 + 2 + 2 + 3 + 4 parameters."""
    assert str(summary(LECTURE, input_shape=(8, 3))).splitlines() == [
        "       what            reads       output  parameters  bytes",
        "x1     [..., 0:1]      input       (8, 1)           0      0",
        "x2     [..., 1:2]      input       (8, 1)           0      0",
        "x3     [..., 2:3]      input       (8, 1)           0      0",
        "f1     1 -> 1 sigmoid  x1          (8, 1)           2      8",
        "f2     1 -> 1 sigmoid  x2          (8, 1)           2      8",
        "f3     1 -> 1 sigmoid  x3          (8, 1)           2      8",
        "f4     2 -> 1 sigmoid  f1, f2      (8, 1)           3     12",
        "f5     3 -> 1 sigmoid  f4, f2, f3  (8, 1)           4     16",
        "total                  (8, 3)      (8, 1)          13     52",
    ]
    assert repr(summary(LECTURE)) == str(summary(LECTURE))


def test_a_wiring_is_one_row_whatever_its_size():
    n = 1_000_000
    chain_of_units = Wiring(1, np.arange(n + 1), np.arange(n), [n])
    (row,) = summary(wired(chain_of_units), input_shape=(4, 1)).rows
    assert row.description == "Wiring(1 inputs, 1000000 units, 1000000 edges, 1 outputs) sigmoid"
    assert row[3:] == ((4, 1), 2 * n, 8 * n)


def test_a_hundred_billion_parameters_are_not_allocated():
    table = summary(mlp([316_228, 316_228, 1], dtype=jnp.bfloat16), input_shape=(1024, 316_228))
    assert table.n_parameters == 316_228 * 316_228 + 316_228 + 316_228 + 1 == 100_000_780_441
    assert table.n_bytes == 2 * table.n_parameters
    assert "200,001,560,882" in str(table)


def test_bytes_are_those_of_each_dtype():
    net = mlp([3, 4, 1])
    mixed = (
        jax.tree.map(lambda a: a.astype(jnp.bfloat16), net.init(jax.random.key(0))[0]),
        (np.zeros((1, 4), np.float64), np.zeros(1, np.float16)),
    )
    assert [row.n_bytes for row in summary(net, mixed).rows] == [2 * (12 + 4), 8 * 4 + 2 * 1]
    with jax.enable_x64(True):
        assert summary(net).n_bytes == 8 * (12 + 4 + 4 + 1)


def test_numbers_and_keys_among_the_parameters_of_your_own():
    net = Network(lambda key: (), lambda params, x: x * params["scale"])
    params = {"scale": 2.0, "key": jax.random.key(0), "codes": jnp.zeros((3, 2), jnp.int8)}
    table = summary(net, params, input_shape=(4, 2))
    assert table.rows == (SummaryRow("1", "your own", ("input",), (4, 2), 1 + 1 + 6, 4 + 8 + 6),)


def test_what_your_own_network_gives_is_evaluated_or_known_by_what_reads_it():
    table = summary(NETWORKS["with your own"], input_shape=(5, 3))
    assert [row.output_shape for row in table.rows] == [(5, 4), (5, 4), (5, 2), (5, 2)]
    # One that no layer follows, in between, does not say.
    table = summary(chain(layer(3, 4), DOUBLE, DOUBLE), input_shape=(5, 3))
    assert [row.output_shape for row in table.rows] == [(5, 4), (5, None), (5, 4)]
    assert str(table).splitlines()[2].split() == ["2", "your", "own", "1", "(5,", "?)", "0", "0"]
    net = dag({"a": (DOUBLE, "x"), "b": (DOUBLE, ["a", "x"])}, {"x": 2}, "b")
    assert [row.output_shape for row in summary(net).rows] == [(2,), (None,), (4,)]


def test_a_network_that_merges_axes_leaves_them_open():
    assert summary(FLAT, input_shape=(7, 3, 4)).rows[0].output_shape == (7, 12)
    table = summary(chain(FLAT, layer(12, 2)), input_shape=(7, 3, 4))
    assert [row.output_shape for row in table.rows] == [(..., 12), (7, 2)]
    assert "(..., 12)" in str(table)


def test_an_example_input_says_its_dtype():
    for example in (jnp.zeros((4, 7), int), np.zeros((4, 7), np.int32), jax.ShapeDtypeStruct((4, 7), jnp.int32)):
        assert summary(CHOICE, input_shape=example).output_shape == (4, 7, 2)


def test_nothing_runs_under_jit_and_tracers_have_shapes():
    @jax.jit
    def count(params):
        return jnp.asarray(summary(LECTURE, params).n_parameters)

    assert count(LECTURE.init(jax.random.key(0))) == 13


def test_it_is_frozen_and_comparable():
    table = summary(layer(3, 2))
    assert hash(table) == hash(summary(layer(3, 2)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.rows = ()  # pyright: ignore[reportAttributeAccessIssue]


NESTED = chain(layer(3, 2), mlp([2, 4, 1]))
GIVEN = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), jax.eval_shape(NESTED.init, jax.random.key(0)))
TRANSPOSED = (GIVEN[0], (GIVEN[1][0], (GIVEN[1][1].w.T, GIVEN[1][1].b)))
WRONG_NODE = {f"f{i}": (np.ones((1, n)), np.ones(1)) for i, n in enumerate((1, 1, 1, 2, 2), start=1)}


@pytest.mark.parametrize(
    ("network", "params", "input_shape", "error", "message"),
    [
        (
            NESTED,
            TRANSPOSED,
            None,
            ShapeError,
            "layer 2.2 (4 -> 1 sigmoid): expected weights (1, 4) and biases (1,), got (4, 1) and (1,). "
            "Weights are (outputs, inputs): are these transposed?",
        ),
        (
            NESTED,
            (GIVEN[1], GIVEN[0]),
            None,
            ShapeError,
            "layer 1 (3 -> 2 sigmoid): expected weights (2, 3) and biases (2,), got (4, 2) and (4,) and (1, 4) and "
            "(1,).",
        ),
        (NESTED, GIVEN[:1], None, ShapeError, "chain: expected parameters for 2 parts, got 1."),
        (NESTED, (GIVEN[0], {"w": 0}), None, ShapeError, "chain 2: expected parameters for 2 parts, got dict."),
        (
            layer(3, 2),
            (),
            None,
            ShapeError,
            "layer 1 (3 -> 2 sigmoid): expected weights (2, 3) and biases (2,), got none.",
        ),
        (
            layer(3, 2),
            (32, 3),
            None,
            ShapeError,
            "layer 1 (3 -> 2 sigmoid): expected weights (2, 3) and biases (2,), got () and (). "
            "If this is the shape of inputs, pass it as input_shape=.",
        ),
        (
            LECTURE,
            WRONG_NODE,
            None,
            ShapeError,
            "layer f5 (3 -> 1 sigmoid): expected weights (1, 3) and biases (1,), got (1, 2) and (1,).",
        ),
        (
            LECTURE,
            {"f1": 0},
            None,
            ShapeError,
            "dag: expected a dict with the parameters of ['f1', 'f2', 'f3', 'f4', 'f5'], got ['f1'].",
        ),
        (
            chain(LECTURE),
            ((1, 2),),
            None,
            ShapeError,
            "dag 1: expected a dict with the parameters of ['f1', 'f2', 'f3', 'f4', 'f5'], got tuple.",
        ),
        (
            wired(XOR),
            (np.zeros(5), np.zeros(3)),
            None,
            ShapeError,
            "wiring 1 (Wiring(2 inputs, 2 units, 5 edges, 1 outputs) sigmoid): expected weights (5,) and biases (2,), "
            "got (5,) and (3,).",
        ),
        (layer(3, 2), None, (3, 2), ShapeError, "expected input_shape (..., 3) for 3 -> 2 sigmoid, got (3, 2)."),
        (layer(3, 2), None, (), ShapeError, "expected input_shape (..., 3) for 3 -> 2 sigmoid, got ()."),
        (layer(3, 2), None, 3, ShapeError, "expected input_shape (..., 3) for 3 -> 2 sigmoid, got 3."),
        (DOUBLE, None, (), ShapeError, "expected input_shape (..., n) for your own, got ()."),
        (
            DOUBLE,
            None,
            None,
            ValueError,
            "a network of your own does not say what it takes. Pass its shape, for example input_shape=(32, 10).",
        ),
        (
            Network(lambda key: (), lambda params, x: (x, x)),
            None,
            (2,),
            ValueError,
            "expected apply to give one array, got tuple.",
        ),
        (
            chain(DOUBLE, layer(3, 2)),
            None,
            (5, 4),
            ShapeError,
            "layer 2 of 2 (3 -> 2 sigmoid): expected inputs (..., 3) for weights (2, 3), got (5, 4).",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(network, params, input_shape, error, message):
    with pytest.raises(ValueError, match=r"^summary: ") as caught:
        summary(network, params, input_shape=input_shape)
    assert caught.type is error
    assert str(caught.value) == f"summary: {message}"


OTHER_DTYPE = "or, if it takes another dtype, pass input_shape=jax.ShapeDtypeStruct(shape, dtype)."
DRAWN = Network(lambda key: float(jax.random.normal(key)), lambda params, x: x)


@pytest.mark.parametrize(
    ("network", "what", "fix"),
    [
        (BRANCH, "apply", OTHER_DTYPE),
        (CHOICE, "apply", OTHER_DTYPE),
        (dag({"f": (BRANCH, "x")}, {"x": 2}, "f"), "apply", OTHER_DTYPE),
        (DRAWN, "init", "or pass params."),
    ],
)
def test_what_needs_values_is_refused_with_the_fix(network, what, fix):
    """In between stands the first line of what JAX says."""
    with pytest.raises(ValueError, match=r"^summary: ") as caught:
        summary(network, input_shape=(2,))
    head, tail = f"summary: {what} cannot be evaluated on shapes alone: ", ". Write it with jax.numpy and without "
    assert str(caught.value).startswith(head)
    assert str(caught.value).endswith(f"{tail}branches on values, {fix}")
    assert caught.value.__cause__ is not None
    if network is DRAWN:
        assert summary(network, 1.0, input_shape=(2,)).n_parameters == 1


class Sizes(NamedTuple):
    """A structure of one's own."""

    n_inputs: int
    n_outputs: int


def test_your_own_network_may_say_its_sizes_and_is_then_not_evaluated():
    net = BRANCH._replace(structure=Sizes(3, 3))
    table = summary(chain(layer(2, 3), net, net), input_shape=(5, 2))
    assert [row.output_shape for row in table.rows] == [(5, 3)] * 3
    assert table.rows[1].description == "Sizes(n_inputs=3, n_outputs=3)"


def test_axes_of_the_input_shape_are_whole_numbers():
    assert summary(layer(3, 2), input_shape=(np.int64(2), 3)) == summary(layer(3, 2), input_shape=(2, 3))
    for axis in (True, 2.0):
        with pytest.raises(TypeError) as e:
            summary(layer(3, 2), input_shape=(axis, 3))
        assert str(e.value) == f"summary: expected axis 0 of input_shape to be a whole number, got {axis}."
