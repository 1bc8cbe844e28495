import pytest

from circuits.formats.cell_functions import function_of, table_of
from circuits.formats.cells import Cell, parts_of

AND2 = Cell(("A", "B"), {"Y": function_of("A*B"), "Z": function_of("A+B")}, supplies=frozenset({"VDD"}))
FLIP_FLOP = Cell(("D", "CK"), {"Q": function_of("IQ"), "QN": function_of("!IQ")}, {"IQ": function_of("D")})
ENABLED = Cell(("D", "E"), {"Q": function_of("IQ"), "QN": function_of("!IQ")}, {"IQ": function_of("D*E + IQ*!E")})
CLEARED = Cell(("D", "RN"), {"Q": function_of("IQ*RN")}, {"IQ": function_of("D*RN")})


def test_gates():
    parts = parts_of("and2", AND2, {"A": "a", "B": "b", "Z": "z", "VDD": "1"})
    assert parts == ([("z", function_of("A+B"), ("a", "b"))], [])


def test_an_input_may_be_on_the_same_net_twice():
    assert parts_of("and2", AND2, {"A": "a", "B": "a", "Y": "y"}).gates[0][2] == ("a", "a")


def test_a_register_has_the_name_of_the_net_that_shows_it():
    parts = parts_of("dff", FLIP_FLOP, {"D": "d", "Q": "q", "QN": "r", "CK": "clk"})
    assert parts.registers == [("q", "q@next")]
    assert parts.gates == [("r", function_of("!IQ"), ("q",)), ("q@next", function_of("D"), ("d",))]


def test_a_register_that_is_shown_inverted_holds_the_complement():
    parts = parts_of("dffe", ENABLED, {"D": "d", "E": "e", "QN": "r"})
    assert parts.registers == [("r", "r@next")]
    ((net, function, nets),) = parts.gates
    assert (net, nets) == ("r@next", ("d", "e", "r"))
    assert function.inputs == ("D", "E", "IQ")
    assert table_of(function) == table_of(function_of("!(D*E + (!IQ)*!E)"))


def test_a_register_behind_a_clear_has_a_net_of_its_own():
    parts = parts_of("dffr", CLEARED, {"D": "d", "RN": "rn", "Q": "q"})
    assert parts.registers == [("q@IQ", "q@IQ@next")]
    assert parts.gates == [
        ("q", function_of("IQ*RN"), ("q@IQ", "rn")),
        ("q@IQ@next", function_of("D*RN"), ("d", "rn")),
    ]


def test_a_register_that_nothing_shows_is_left_out():
    assert parts_of("dff", FLIP_FLOP, {"D": "d", "CK": "clk"}) == ([], [])


@pytest.mark.parametrize(
    ("cell", "nets", "message"),
    [
        (AND2, {"X": "a"}, "cell 'c' has no pin 'X', expected 'A', 'B', 'Y', 'Z'"),
        (AND2, {"A": "a", "Y": "y"}, "pin 'B' of cell 'c' is not connected"),
        (FLIP_FLOP, {"CK": "a", "Q": "y"}, "pin 'D' of cell 'c' is not connected"),
        (Cell((), {}, refused="it has a latch"), {}, "cell 'c' is refused: it has a latch"),
    ],
)
def test_errors(error, cell, nets, message):
    assert error(ValueError, parts_of, "c", cell, nets) == message
