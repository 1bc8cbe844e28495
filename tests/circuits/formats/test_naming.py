import pytest

from circuits.formats.naming import free_prefix, names_of
from circuits.gates import AND
from circuits.netlist import Circuit


def legal(name):
    return "!" not in name


def test_inputs_and_outputs_keep_their_names_and_gates_get_numbers():
    circuit = Circuit("ab", [[1, 2], [3, 2], [4, 1]], [AND] * 3, [4, 5], ["y", "z"])
    assert names_of(circuit, ".here", legal) == ([None, "a", "b", "n3", "y", "z"], [])


def test_a_node_has_one_name_and_other_outputs_are_buffers():
    circuit = Circuit("ab", [[1, 2]], [AND], [3, 3, 0, 2, 1], ["y", "z", "zero", "t", "a"])
    # An output that is the input of its name needs nothing.
    assert names_of(circuit, ".here", legal) == ([None, "a", "b", "y"], [("z", 3), ("zero", 0), ("t", 2)])


@pytest.mark.parametrize(("taken", "prefix"), [("n3", "nn"), ("n", "n"), ("no", "n"), ("n_3", "n"), ("nn7", "n")])
def test_numbers_do_not_meet_names_that_are_there(taken, prefix):
    circuit = Circuit(["a", taken], [[1, 2], [3, 3]], [AND, AND], [4], ["y"])
    nodes = names_of(circuit, ".here", legal).nodes
    assert nodes[3:] == [f"{prefix}3", "y"]


def test_the_prefix_that_is_free():
    assert free_prefix([]) == "n"
    assert free_prefix(["n1", "nnn1"]) == "nn"
    assert free_prefix(["1", "n\u0661", "m4"]) in ("n", "nn")
    assert len(free_prefix(["n" * k + "1" for k in range(1000)])) == 1000


def test_names_that_cannot_be_written_are_refused(error):
    assert error(ValueError, names_of, Circuit(["a!"], [], [], [], []), ".here", legal) == (
        "dumps: .here cannot hold the name 'a!'. Rename it."
    )
    assert error(ValueError, names_of, Circuit("ab", [], [], [2], ["!"]), ".here", legal) == (
        "dumps: .here cannot hold the name '!'. Rename it."
    )
    assert error(ValueError, names_of, Circuit("ab", [], [], [2], ["a"]), ".here", legal) == (
        "dumps: .here cannot hold output 'a', which has the name of an input and is another net. Rename it."
    )
