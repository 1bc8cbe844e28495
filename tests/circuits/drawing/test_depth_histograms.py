"""Units by depth: the outlines are the units at each level, as a plain walk over the circuit counts them."""

from collections import Counter

import pytest

import circuits
from circuits import draw_units_by_depth, library
from circuits.netlist import depth
from circuits.threshold.constructions import adder
from circuits.threshold.symmetric_functions import parity
from circuits.threshold.threshold_circuits import of_units
from jaxnet.canvas import new_figure


def outlines(figure):
    return [patch.get_data().values.tolist() for patch in figure.axes[0].patches]


def counted(circuit):
    level = dict.fromkeys(range(circuit.n_inputs), 0)
    offsets, sources = circuit.wiring.offsets, circuit.wiring.sources
    for unit in range(circuit.n_units):
        fan_in = sources[offsets[unit] : offsets[unit + 1]].tolist()
        level[circuit.n_inputs + unit] = 1 + max((level[node] for node in fan_in), default=0)
    counts = Counter(level[circuit.n_inputs + unit] for unit in range(circuit.n_units))
    return [counts[place] for place in range(1, max(counts, default=0) + 1)]


@pytest.mark.parametrize("seed", range(3))
def test_outlines_are_the_units_at_each_depth(random_circuit, seed):
    before = circuits.from_circuit(random_circuit(seed, gates=60))
    after = parity(9, "chain")
    assert outlines(draw_units_by_depth(before, after)) == [counted(before), counted(after)]


def test_known_circuits_and_the_legend():
    figure = draw_units_by_depth(
        circuits.from_circuit(library.adder(2)), adder(2), names=("gate by gate", "Siu and Bruck")
    )
    assert outlines(figure)[1] == [2, 2]
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    gates = circuits.from_circuit(library.adder(2))
    assert texts == [f"gate by gate: {gates.n_units} units, depth {depth(gates)}", "Siu and Bruck: 4 units, depth 2"]


def test_a_circuit_of_no_units_is_flat():
    wire = of_units("a", [], {"y": 0})
    figure = draw_units_by_depth(wire, wire)
    figure.canvas.draw()
    assert outlines(figure) == [[], []]


def test_nothing_is_cut_off_and_a_file_is_written(tmp_path):
    figure = draw_units_by_depth(
        circuits.from_circuit(library.adder(16)), adder(16), path=tmp_path / "depth.png", ax=new_figure(6, 4).subplots()
    )
    assert (tmp_path / "depth.png").read_bytes().startswith(b"\x89PNG")
    figure = draw_units_by_depth(circuits.from_circuit(library.adder(16)), adder(16))
    figure.canvas.draw()
    box, whole = figure.get_tightbbox(), figure.bbox_inches
    assert whole.x0 <= box.x0 < box.x1 <= whole.x1
    assert whole.y0 <= box.y0 < box.y1 <= whole.y1


def test_errors(error):
    assert error(TypeError, draw_units_by_depth, adder(1), library.adder(1)) == (
        "draw_units_by_depth: expected a ThresholdCircuit, got Circuit. from_circuit makes one of gates."
    )
    assert error(ValueError, draw_units_by_depth, adder(1), adder(1), names="ab") == (
        "draw_units_by_depth: expected two names, before and after, got 'ab'."
    )
    assert error(ValueError, draw_units_by_depth, adder(1), adder(1), ax=new_figure(3, 3).subplots(1, 2)) == (
        "draw_units_by_depth: expected ax to be one axes, for units by depth, got 2."
    )
