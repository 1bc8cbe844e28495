"""Covers, resubstitution and refactoring: each alone keeps the function and the bounds, and takes no units more."""

import pytest

from circuits import Equivalent, equivalent, from_circuit, parse, select, simplify, to_circuit
from circuits.mapping.covering import cover
from circuits.mapping.cuts import enumerate_cuts
from circuits.mapping.output_tables import of_output_tables
from circuits.mapping.refactoring import refactor
from circuits.mapping.resubstitution import resubstitute
from circuits.mapping.unit_networks import of_cover, of_threshold_circuit, share_equal


def proved(network, circuit):
    return isinstance(equivalent(circuit, to_circuit(network.circuit()), by="position"), Equivalent)


@pytest.mark.parametrize("seed", range(8))
def test_a_cover_is_the_circuit(seed, random_circuit):
    circuit = random_circuit(seed, n=6, gates=50, m=5)
    for form in (circuit, simplify(circuit)):
        cuts = enumerate_cuts(form)
        network = of_cover(form, cuts, cover(form, cuts))
        assert proved(network, circuit)
        assert len(network.units) <= from_circuit(circuit).n_units


@pytest.mark.parametrize("step", [resubstitute, refactor])
@pytest.mark.parametrize("seed", range(8))
def test_a_step_keeps_the_function(step, seed, random_circuit):
    circuit = simplify(random_circuit(seed, n=6, gates=50, m=5))
    network = of_threshold_circuit(from_circuit(circuit))
    before = len(network.units)
    gone = step(network, max_fan_in=5, max_weight=4)
    assert gone == before - len(network.units) >= 0
    assert proved(network, circuit)
    # Units that were there may be as they were; gates have at most three inputs.
    assert max((len(unit.weights) for unit in network.units.values()), default=0) <= 5
    assert max((abs(w) for unit in network.units.values() for w in unit.weights.values()), default=0) <= 4


def test_equal_units_and_complements_are_one():
    circuit = simplify(parse("y = a & b; z = ~(a & b) | c; w = b & a"))
    network = of_threshold_circuit(from_circuit(circuit))
    share_equal(network)
    assert proved(network, circuit)
    assert len(network.units) == 2


def test_readers_that_do_not_notice_give_freedom():
    """y notices h = b ^ c only where n = a | b & c is off: an OR of n, b and c will do, and h goes."""
    circuit = select(parse("n = a | b & c; h = b ^ c; y = n | h; z = n"), ["y", "z"])
    network = of_threshold_circuit(from_circuit(circuit))
    resubstitute(network)
    assert proved(network, circuit)
    assert len(network.units) <= 3


@pytest.mark.parametrize("seed", range(4))
def test_outputs_from_their_tables(seed, random_circuit):
    circuit = random_circuit(seed, n=7, gates=60, m=4)
    network = of_output_tables(circuit)
    assert network is not None
    assert proved(network, circuit)
    assert of_output_tables(parse("y = " + " & ".join(f"a{i}" for i in range(17)))) is None
