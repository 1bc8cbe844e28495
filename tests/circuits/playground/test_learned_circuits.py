"""Circuits read out of networks: proved equal, or refuted with a row."""

import jax.numpy as jnp

import circuits
from circuits.playground import learned_circuits
from circuits.playground.learned_circuits import read_back
from jaxnet import Neuron, mlp
from jaxnet.answers import Undecided

AND = (Neuron(jnp.array([[9.0, 9.0]]), jnp.array([-14.0])), Neuron(jnp.array([[9.0]]), jnp.array([-4.0])))


def test_what_is_equal_is_proved():
    found = read_back(mlp([2, 1, 1]), AND, circuits.parse("y = a & b"))
    assert (found.formula, found.equal, found.structural) == ("y = a & b", True, True)
    assert found.verdict == "proved equal on all 4 rows"
    assert found.circuit.n_gates == 1


def test_what_differs_is_shown_on_a_row():
    found = read_back(mlp([2, 1, 1]), AND, circuits.parse("y = a | b"))
    assert not found.equal
    assert found.verdict in (
        "not equal: for a = 1, b = 0 it gives y = 0",
        "not equal: for a = 0, b = 1 it gives y = 0",
    )


def test_names_that_no_expression_spells_are_told_once():
    target = circuits.rename(circuits.parse("y = a & b; z = a | b"), {"a": "1", "b": "2"})
    both = AND[0], Neuron(jnp.array([[9.0], [9.0]]), jnp.array([-4.0, -4.0]))
    lines = read_back(mlp([2, 1, 2]), both, target).formula.splitlines()
    assert lines == ["# x1 is '1'", "# x2 is '2'", "y = x1 & x2", "z = x1 & x2"]


def test_what_is_not_decided_is_not_called_proved(monkeypatch):
    monkeypatch.setattr(learned_circuits, "equivalent", lambda *_: Undecided("no time left", ()))
    found = read_back(mlp([2, 1, 1]), AND, circuits.parse("y = a & b"))
    assert (found.equal, found.verdict) == (False, "neither proved equal nor refuted")
