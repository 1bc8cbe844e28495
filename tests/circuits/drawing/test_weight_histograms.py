"""Histograms of weights and fan-ins: every weight and every unit stands in one bar."""

import numpy as np
import pytest

import circuits
from circuits import draw_weights, library
from circuits.ports import bits_of
from circuits.threshold.constructions import adder, comparator
from circuits.threshold.threshold_circuits import of_units
from jaxnet.canvas import new_figure


def bars(ax):
    return {patch.get_x() + patch.get_width() / 2: int(patch.get_height()) for patch in ax.patches}


def test_small_sizes_have_a_bar_each():
    weights, fan_ins = draw_weights(comparator(4)).axes
    # Two units with weights 1, 2, 4, 8 for each number; "equal" has two of size 1.
    assert {round(place): count for place, count in bars(weights).items() if count} == {1: 6, 2: 4, 4: 4, 8: 4}
    assert {round(place): count for place, count in bars(fan_ins).items() if count} == {2: 1, 8: 2}
    assert weights.get_xscale() == "linear"


def test_large_sizes_share_a_bar_for_each_power_of_two():
    circuit = of_units("abcd", [({0: 1, 1: 31, 2: 32, 3: -33}, 1)], {"y": 4})
    weights, _ = draw_weights(circuit).axes
    assert weights.get_xscale() == "log"
    starts = {patch.get_x(): int(patch.get_height()) for patch in weights.patches if patch.get_height()}
    assert starts == {1: 1, 16: 1, 32: 2}


@pytest.mark.parametrize("circuit", [adder(20), circuits.from_circuit(library.multiplier(4))], ids=str)
def test_nothing_is_left_out(circuit):
    weights, fan_ins = draw_weights(circuit).axes
    assert sum(bars(weights).values()) == len(circuit.weights)
    assert sum(bars(fan_ins).values()) == circuit.n_units
    assert weights.get_title().startswith(f"{len(circuit.weights):,} weights: median ")
    assert weights.get_title().endswith(f", largest {np.abs(circuit.weights).max():,}")


def test_a_unit_without_fan_in_is_counted():
    circuit = of_units("ab", [({}, 1), ({0: 1, 1: 1, 2: 1}, 2)], {"y": 3})
    assert sum(bars(draw_weights(circuit).axes[1]).values()) == 2
    wide = of_units(bits_of("x", 40), [({}, 1), (dict.fromkeys(range(40), 1), 2)], {"y": 40, "z": 41})
    assert sum(bars(draw_weights(wide).axes[1]).values()) == 2


def test_wide_counts_are_logarithmic():
    circuit = of_units(bits_of("x", 201), [(dict.fromkeys(range(200), 1) | {200: 2}, 2)], {"y": 201})
    weights, fan_ins = draw_weights(circuit).axes
    assert (weights.get_yscale(), fan_ins.get_yscale()) == ("log", "linear")


def test_nothing_is_cut_off():
    figure = draw_weights(adder(40))
    figure.canvas.draw()
    box, whole = figure.get_tightbbox(), figure.bbox_inches
    assert whole.x0 <= box.x0 < box.x1 <= whole.x1
    assert whole.y0 <= box.y0 < box.y1 <= whole.y1


def test_errors(error, tmp_path):
    assert error(TypeError, draw_weights, circuits.parse("a & b")) == (
        "draw_weights: expected a ThresholdCircuit, got Circuit. from_circuit makes one of gates."
    )
    assert error(TypeError, draw_weights, 3) == "draw_weights: expected a ThresholdCircuit, got int."
    assert error(ValueError, draw_weights, of_units("a", [], {"y": 0})) == (
        "draw_weights: expected a circuit with an edge, got ThresholdCircuit(1 inputs, 1 outputs, 0 units), "
        "which has none."
    )
    assert error(ValueError, draw_weights, comparator(2), ax=new_figure(3, 3).subplots()) == (
        "draw_weights: expected ax to be 2 different axes, one for each of weights, fan-ins, got 1."
    )
    draw_weights(comparator(2), path=tmp_path / "weights.svg")
    assert "<svg" in (tmp_path / "weights.svg").read_text()
