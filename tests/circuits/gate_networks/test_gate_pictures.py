"""Pictures of logic gate networks: cells, lines and pixels are the numbers, in the places that the labels say."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import jaxnet
from circuits import (
    draw_accuracy,
    draw_gate_types,
    draw_input_map,
    gate_errors,
    gate_loss,
    gate_network,
    gate_types,
    parse,
    truth_table,
)
from circuits.gate_networks.logic_gate_networks import GateParams
from jaxnet import ShapeError
from jaxnet.canvas import new_figure


def table_named(name):
    """The number of the truth table that a label stands for."""
    return sum(int(bit) << r for r, bit in enumerate(truth_table(parse(name, inputs=["a", "b"]))[:, 0]))


@pytest.fixture(scope="module")
def learner():
    network = gate_network(40, [40, 40, 40])
    return network, GateParams((jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 40)), float),))


def test_each_row_is_the_share_of_the_table_that_its_label_names(learner, tmp_path):
    figure = draw_gate_types(*learner, path=tmp_path / "types.png")
    upper, lower = figure.axes
    types = gate_types(*learner)
    tables = [table_named(label.get_text()) for label in lower.get_yticklabels()]
    assert sorted(tables) == [*range(16)]
    shares = 100 * types.counts / 40
    assert_allclose(lower.collections[0].get_array(), shares[:, tables].T)
    for text in lower.texts[5:]:  # after the names of the kinds
        layer, row = text.get_position()
        share = shares[int(layer) - 1, tables[int(row)]]
        assert text.get_text() == (f"{share:.0f}" if share >= 0.5 else "")
    assert_allclose([bar.get_height() for bar in upper.patches], types.entropy)
    assert lower.get_ylim() == (15.5, -0.5)  # the first label is above
    assert (tmp_path / "types.png").read_bytes()[1:4] == b"PNG"


def test_kinds_stand_beside_their_tables(learner):
    lower = draw_gate_types(*learner).axes[1]
    middles = {text.get_text().replace("\n", " "): text.xy[1] for text in lower.texts[:5]}
    ones = {table: table.bit_count() for table in range(16)}
    rows = [table_named(label.get_text()) for label in lower.get_yticklabels()]
    places = {kind: [i for i, t in enumerate(rows) if ones[t] == n] for kind, n in (("like AND", 1), ("like OR", 3))}
    places |= {"constant": [rows.index(0), rows.index(15)], "like XOR": [rows.index(6), rows.index(9)]}
    places["copy or inverter"] = [rows.index(table) for table in (0b1010, 0b1100, 0b0101, 0b0011)]
    assert middles == {kind: np.mean(found) for kind, found in places.items()}


def test_many_layers_have_a_scale_in_place_of_numbers():
    figure = draw_gate_types(gate_network(6, [6] * 13), GateParams((jnp.ones((13, 4, 6)),)))
    assert [len(ax.texts) for ax in figure.axes] == [0, 5, 0]
    assert figure.axes[2].get_xlabel() == "share of the gates of a layer (%)"


def test_accuracy_is_what_was_measured(learner):
    network, params = learner
    x = np.random.default_rng(0).integers(0, 2, (30, 40)).astype(bool)
    y = np.zeros((30, 40), bool)
    rule = jaxnet.gradient_descent(gate_loss(network), optax.adam(0.3))
    run = jaxnet.fit(
        rule, params, (x, y), steps=40, every=10, key=jax.random.key(0), validation=(x, y),
        validate=gate_errors(network), monitor="hard", progress=False,
    )  # fmt: skip
    upper, lower = draw_accuracy(run).axes
    soft, hard = upper.lines
    assert soft.get_label() == f"soft gates: {100 - 100 * run.validation['soft'][-1]:.2f} % at the end"
    assert_array_equal(hard.get_xdata(), [0, 10, 20, 30, 40])
    assert_allclose(soft.get_ydata(), 100 - 100 * run.validation["soft"], atol=1e-4)
    assert_allclose(hard.get_ydata(), 100 - 100 * run.validation["hard"], atol=1e-4)
    assert [line.get_label() for line in lower.lines] == ["layer 1", "layer 2", "layer 3"]
    assert_allclose(lower.lines[2].get_ydata(), run.validation["entropy3"])
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("step", "mean entropy of a gate (bits)")


def test_the_tenth_layer_comes_after_the_second():
    measured = {"step": [1, 2], "soft": [0.5, 0], "hard": [1, 0]} | {f"entropy{i}": [i, 0] for i in (10, 2, 1)}
    panels = new_figure(4, 4).subplots(2, 1)
    draw_accuracy(measured, ax=panels)
    assert [line.get_ydata()[0] for line in panels[1].lines] == [1, 2, 10]
    assert [line.get_ydata().tolist() for line in panels[0].lines] == [[50, 100], [0, 100]]


def test_without_entropies_there_is_one_panel():
    assert len(draw_accuracy({"step": [1], "soft": [0.5], "hard": [0.5]}).axes) == 1


@pytest.mark.parametrize(
    ("history", "kind", "message"),
    [
        (
            {"loss": [1.0]},
            ValueError,
            "draw_accuracy: expected step, soft and hard, got ['loss']. Pass validation= and "
            "validate=gate_errors(network) to jaxnet.fit.",
        ),
        (
            {"step": [1, 2], "soft": [0.1, 0.2], "hard": [0.1]},
            ShapeError,
            "draw_accuracy: expected arrays (evaluations,), steps are (2,), others {'soft': (2,), 'hard': (1,)}.",
        ),
        (
            {"step": [], "soft": [], "hard": []},
            ValueError,
            "draw_accuracy: expected at least one evaluation, got none.",
        ),
    ],
)
def test_histories_that_cannot_be_drawn(history, kind, message):
    with pytest.raises(kind) as error:
        draw_accuracy(history)
    assert str(error.value) == message


def test_a_map_has_a_pixel_for_each_input_and_crosses_where_none_reads():
    figure = draw_input_map([3, 0, 1, 0, 2, 5], (2, 3))
    panel, scale = figure.axes
    assert_array_equal(panel.images[0].get_array(), [[3, 0, 1], [0, 2, 5]])
    (crosses,) = panel.lines
    assert_array_equal(crosses.get_xydata(), [[1, 0], [0, 1]])  # columns and rows
    assert panel.get_title() == "4 of 6 pixels are read, 11 times in all"
    assert scale.get_ylabel() == "gates that read the pixel (x: none)"
    assert panel.get_ylim() == (1.5, -0.5)


def test_a_map_into_given_axes_where_all_are_read():
    panel = new_figure(3, 3).subplots()
    assert draw_input_map(np.ones(4, int), (2, 2), ax=panel) is panel.figure
    assert not panel.lines


def test_counts_that_are_no_map():
    with pytest.raises(ShapeError) as error:
        draw_input_map([1, 2], (2, 2))
    assert str(error.value) == "draw_input_map: expected counts (4,) for an image of 2 x 2, got (2,)."
    with pytest.raises(TypeError, match=r"^draw_input_map: expected integers in counts, got float64\.$"):
        draw_input_map([0.5] * 4, (2, 2))


def test_axes_are_as_many_as_panels(learner):
    with pytest.raises(ValueError, match=r"^draw_gate_types: expected ax to be 2 different axes, one for each of"):
        draw_gate_types(*learner, ax=new_figure(3, 3).subplots())
