import io

import pytest
from pysat.solvers import Glucose4

from circuits.verification.drat import Proof
from circuits.verification.sat_queries import (
    AlwaysEqual,
    DeadlinePassed,
    Encoding,
    SometimesDifferent,
    prove_equal,
)
from circuits.verification.xor_and_graphs import XorAndGraph
from jaxnet.answers import Undecided


@pytest.fixture
def graph():
    """Inputs 1, 2, 3; a ^ b in two ways (nodes 4 and 7), a & b (node 8), and a chain of XORs (to node 9 + 400)."""
    made = XorAndGraph.of_inputs(3)
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
def test_answers(graph, effort, error):
    def ask(node, literal):
        answer = prove_equal(graph, node, literal, effort=effort)
        assert error(TypeError, bool, answer).startswith(f"{type(answer).__name__} is neither true nor false")
        return answer

    assert ask(7, 2 * 4 ^ 1) == AlwaysEqual()
    assert set(ask(7, 2 * 4).inputs) <= {1, 2}
    # a b is 1 for one input only, and c plays no part in it.
    assert ask(8, 0) == SometimesDifferent({1: True, 2: True})
    assert ask(8, 1).inputs in ({1: False, 2: True}, {1: True, 2: False}, {1: False, 2: False})
    assert ask(8, 2).inputs[1] is True


def test_a_window_is_widened_until_it_is_wide_enough(graph, monkeypatch):
    # An even number of XORs with c: needs all of the chain; the pair two apart needs two gates.
    loaded = []
    load = Encoding.load

    def counted(self, gates):
        load(self, gates)
        loaded.append(len(self.variables))

    monkeypatch.setattr(Encoding, "load", counted)
    assert prove_equal(graph, 408, 2 * 8, effort=10_000, window=1) == AlwaysEqual()
    assert len(loaded) > 4
    assert loaded[-1] > 400
    loaded.clear()
    assert prove_equal(graph, 408, 2 * 406, effort=10_000, window=1) == AlwaysEqual()
    assert loaded[-1] < 20


def test_too_little_effort():
    # That a sum of twenty inputs does not depend on their order takes some conflicts.
    made = XorAndGraph.of_inputs(20)
    sums = []
    for order in (range(20), [7 * i % 20 for i in range(20)]):
        sums.append(2 + 2 * order[0])
        for i in order[1:]:
            sums[-1] = 2 * made.add(True, *sorted((sums[-1], 2 + 2 * i)), len(made.variables))
    answer = prove_equal(made, sums[1] >> 1, sums[0], effort=1)
    assert answer == Undecided("limit of 1 conflicts", ("Glucose on 59 nodes",))


@pytest.mark.parametrize("effort", [None, 1000])
def test_a_deadline_that_has_passed(graph, effort):
    with pytest.raises(DeadlinePassed):
        prove_equal(graph, 7, 2 * 4 ^ 1, effort=effort, expired=lambda: True)


@pytest.mark.parametrize("effort", [None, 1000])
def test_lemmas_are_written_where_it_is_so(graph, effort):
    file = io.StringIO()
    assert prove_equal(graph, 7, 2 * 4 ^ 1, effort=effort, proof=Proof(file)) == AlwaysEqual()
    lines = file.getvalue().splitlines()
    assert {"4 7 0", "-4 -7 0"} <= set(lines)
    learned = [line for line in lines if not line.startswith("d")]
    # All but the two are deleted again.
    assert len(lines) - len(learned) == len(learned) - 2
    file = io.StringIO()
    assert prove_equal(graph, 8, 0, effort=effort, proof=Proof(file)) != AlwaysEqual()
    assert file.getvalue() == ""


def test_a_kept_solver_gives_the_answers_of_a_new_one(graph):
    whole = Encoding(graph, Glucose4())
    for node, literal in [(408, 2 * 8), (7, 2 * 4 ^ 1), (408, 2 * 8 ^ 1), (407, 2 * 8), (8, 0), (408, 2 * 406)]:
        kept = prove_equal(graph, node, literal, effort=10_000, window=1, whole=whole)
        assert type(kept) is type(prove_equal(graph, node, literal, effort=10_000))
    assert not whole.waiting
    # Only the inputs below the two gates, though the solver has met c.
    assert prove_equal(graph, 8, 0, effort=1, window=1, whole=whole) == SometimesDifferent({1: True, 2: True})


def test_a_gate_that_was_forgotten_may_be_another(graph):
    whole = Encoding(graph, Glucose4())
    window = {"effort": 1000, "window": 0, "whole": whole}
    node = graph.add(False, 2, 5, len(graph.variables))  # a & ~b
    assert prove_equal(graph, node, 2 * 8, **window).inputs in ({1: True, 2: False}, {1: True, 2: True})
    whole.forget(node)
    graph.pop()
    assert graph.add(False, 2, 4, len(graph.variables)) == node  # a & b
    assert prove_equal(graph, node, 2 * 8, **window) == AlwaysEqual()
