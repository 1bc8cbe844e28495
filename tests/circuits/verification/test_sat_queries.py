import io

import pytest

from circuits.verification import sat_queries
from circuits.verification.drat import FALSE_VARIABLE, Proof
from circuits.verification.sat_queries import OutOfTime, XorAndGraph, prove_equal


def never():
    return False


@pytest.fixture
def netlist():
    """Inputs 1, 2, 3; a ^ b in two ways (nodes 4 and 7), a & b (node 8), and a chain of XORs (to node 9 + 400)."""
    made = XorAndGraph([False] * 4, [None] * 4, [0] * 4, [FALSE_VARIABLE, 1, 2, 3])
    a, b = 2, 4

    def gate(is_xor, x, y):
        return made.add(is_xor, x, y, len(made.variables))

    gate(True, a, b)
    first, second = gate(False, a, b ^ 1), gate(False, a ^ 1, b)
    gate(False, 2 * first ^ 1, 2 * second ^ 1)
    both = gate(False, a, b)
    node = both
    for _ in range(400):
        node = gate(True, 6, 2 * node)
    return made


@pytest.mark.parametrize("effort", [None, 1000])
def test_answers(netlist, effort):
    def ask(node, literal):
        return prove_equal(netlist, node, literal, effort, never, None)

    assert ask(7, 2 * 4 ^ 1) is True
    differ = ask(7, 2 * 4)
    assert set(differ) <= {1, 2}
    # a b is 1 for one input only, and c plays no part in it.
    assert ask(8, 0) == {1: True, 2: True}
    assert ask(8, 1) in ({1: False, 2: True}, {1: True, 2: False}, {1: False, 2: False})
    assert ask(8, 2)[1] is True


def test_a_window_is_widened_until_it_is_wide_enough(netlist, monkeypatch):
    monkeypatch.setattr(sat_queries, "_WINDOW", 1)
    # An even number of XORs with c: needs all of the chain; the pair two apart needs two gates.
    loaded = []
    load = sat_queries._Question.load

    def counted(self, gates):
        load(self, gates)
        loaded.append(len(self.variables))

    monkeypatch.setattr(sat_queries._Question, "load", counted)
    assert prove_equal(netlist, 408, 2 * 8, 10_000, never, None) is True
    assert len(loaded) > 4
    assert loaded[-1] > 400
    loaded.clear()
    assert prove_equal(netlist, 408, 2 * 406, 10_000, never, None) is True
    assert loaded[-1] < 20


def test_too_little_effort(netlist):
    assert prove_equal(netlist, 408, 2 * 8, 0, never, None) in (True, None)


@pytest.mark.parametrize("effort", [None, 1000])
def test_where_it_is_enough(netlist, effort):
    with pytest.raises(OutOfTime):
        prove_equal(netlist, 7, 2 * 4 ^ 1, effort, lambda: True, None)


@pytest.mark.parametrize("effort", [None, 1000])
def test_lemmas_are_written_where_it_is_so(netlist, effort):
    file = io.StringIO()
    assert prove_equal(netlist, 7, 2 * 4 ^ 1, effort, never, Proof(file)) is True
    lines = file.getvalue().splitlines()
    assert {"4 7 0", "-4 -7 0"} <= set(lines)
    learned = [line for line in lines if not line.startswith("d")]
    # All but the two are deleted again.
    assert len(lines) - len(learned) == len(learned) - 2
    file = io.StringIO()
    assert prove_equal(netlist, 8, 0, effort, never, Proof(file)) is not True
    assert file.getvalue() == ""


def test_the_netlist_names_literals_and_clauses(netlist):
    assert [netlist.signed(x) for x in (2, 3, 0, 1)] == [1, -1, FALSE_VARIABLE, -FALSE_VARIABLE]
    assert netlist.clauses(8, 8, netlist.signed) == [[-8, 1], [-8, 2], [8, -1, -2]]
    assert sorted(netlist.clauses(4, 4, netlist.signed)) == sorted([[-4, 1, 2], [-4, -1, -2], [4, 1, -2], [4, -1, 2]])
    nodes = len(netlist.levels)
    netlist.pop()
    assert len(netlist.levels) == len(netlist.fan_ins) == nodes - 1
