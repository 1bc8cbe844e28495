import numpy as np
import pytest

from circuits import Circuit, dumps, loads
from circuits.formats.renaming import original, renamed
from circuits.gates import AND


@pytest.mark.parametrize("format", [".bench", ".blif", ".pla", ".v", ".aag", ".aig"])
def test_any_name_is_written_and_comes_back(format, reference, all_rows):
    names = ["1GAT(0)", "a b", "\u00e9", "a_b"]
    circuit = Circuit(names, [[1, 2], [3, 4]], [AND, AND], [5, 6, 1, 2], ["22GAT(2)", ".x#\\", "1GAT(0)", "a_b"])
    again = loads(dumps(circuit, format), format)
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    np.testing.assert_array_equal(reference(again, all_rows(4)), reference(circuit, all_rows(4)))


def test_names_that_can_be_written_stay_and_others_take_none_that_is_there():
    circuit, lines = renamed(Circuit(["a!", "a_"], [], [], [1], ["a!"]), lambda name: "!" not in name)
    assert (circuit.input_names, circuit.output_names) == (("a__", "a_"), ("a__",))
    assert lines == ['input a__ is "a!"', 'output a__ is "a!"']
    assert renamed(circuit, lambda name: True) == (circuit, [])


def test_a_map_that_no_longer_fits_is_left():
    circuit = Circuit(["a_", "b"], [], [], [1], ["y"])
    assert original(circuit, b'# input a_ is "b"') is circuit
