"""Branch and bound: regions divide the domain and say what the network says; a difference is found or there is none."""

import numpy as np
import pytest
from common.networks import DOMAINS, readings, said, seeds, units_of
from hypothesis import given
from hypothesis import strategies as st

from circuits import evaluate
from circuits.bridge.branch_and_bound import Limits, agrees_with_hardened, regions_of
from circuits.bridge.domain_circuits import circuit_of_regions
from circuits.bridge.domains import Domain
from circuits.bridge.exact_rows import Reading, Units
from circuits.bridge.row_decisions import decide
from jaxnet.networks.wiring import Wiring


def tables_of(domain):
    return [part.table for part in domain.parts]


@given(seeds, readings, st.sampled_from(DOMAINS))
def test_regions_divide_the_domain_and_say_what_the_network_says(seed, reading, domain):
    units = units_of(seed)
    found = regions_of(units.plain(), reading, tables_of(domain), Limits())
    assert found.outcome == "decided"
    rows = domain.block(0, domain.n_rows)
    bits, times = np.zeros((len(rows), 2), bool), np.zeros(len(rows), int)
    columns = domain.columns_of_parts()
    for places, own in found.regions:
        inside = np.ones(len(rows), bool)
        for part, place in zip(found.order, places, strict=False):
            inside &= (rows[:, columns[part]] == domain.parts[part].table[place]).all(axis=1)
        bits[inside] = own
        times += inside
    assert (times == 1).all()
    expected = said(units, reading, rows)
    np.testing.assert_array_equal(bits, expected)
    circuit = circuit_of_regions(domain, found.order, found.regions, output_names=["a", "b"])
    np.testing.assert_array_equal(evaluate(circuit, rows), expected)


@given(seeds, readings, st.sampled_from(DOMAINS), st.sampled_from([1, 8]))
def test_a_difference_is_found_if_there_is_one(seed, reading, domain, scale):
    units = units_of(seed, kinds=("sigmoid", "tanh", "identity"), scale=scale)
    found = agrees_with_hardened(units.plain(), reading, tables_of(domain), Limits())
    rows = domain.block(0, domain.n_rows)
    same = (said(units, reading, rows) == said(units.hardened(), reading, rows)).all()
    assert found.outcome == ("decided" if same else "differ")
    if found.row is not None:
        row = found.row[None]
        assert domain.contains(row).all()
        assert (said(units, reading, row) != said(units.hardened(), reading, row)).any()


def test_a_large_domain_is_decided_by_few_boxes():
    wiring = Wiring(80, [0, 80], range(80), [80])
    units = units_of(0)._replace(wiring=wiring, w=np.ones(80), b=np.array([-0.5]), kinds=("sigmoid",))
    domain = Domain.cube(80)
    found = regions_of(units.plain(), Reading(), tables_of(domain), Limits())
    assert (found.outcome, len(found.regions)) == ("decided", 77 + 8)
    circuit = circuit_of_regions(domain, found.order, found.regions)
    rows = np.concatenate([np.eye(80, dtype=bool), np.zeros((1, 80), bool)])
    assert np.asarray(evaluate(circuit, rows))[:, 0].tolist() == [True] * 80 + [False]


def test_an_output_that_is_an_input_is_split():
    wiring = Wiring(2, [0, 1], [0], [1, 2])
    units = units_of(0)._replace(wiring=wiring, w=np.ones(1), b=np.array([-0.5]), kinds=("tanh",))
    domain = Domain.cube(2) * Domain.cube(0)
    found = regions_of(units.plain(), Reading(), tables_of(domain), Limits())
    circuit = circuit_of_regions(domain, found.order, found.regions, output_names=["a", "b"])
    rows = domain.block(0, 4)
    np.testing.assert_array_equal(evaluate(circuit, rows), rows[:, ::-1])


@pytest.mark.parametrize("limits", [Limits(seconds=0), Limits(nodes=3), Limits(regions=2)])
def test_a_search_that_runs_out_decides_nothing(limits):
    wiring = Wiring(40, [0, 40], range(40), [40])
    units = units_of(0)._replace(wiring=wiring, w=np.ones(40), b=np.array([-20.5]), kinds=("sigmoid",))
    found = regions_of(units.plain(), Reading(), tables_of(Domain.cube(40)), limits)
    assert (found.outcome, found.regions) == ("unfinished", ())


def test_ties_are_left_to_exact_arithmetic():
    wiring = Wiring(6, [0, 6], range(6), [6])
    units = units_of(0)._replace(wiring=wiring, w=np.array([1.0, -1] * 3), b=np.zeros(1), kinds=("sigmoid",))
    found = agrees_with_hardened(units.plain(), Reading(), tables_of(Domain.cube(6)), Limits())
    assert found.outcome == "decided"
    regions = regions_of(units.plain(), Reading(), tables_of(Domain.cube(6)), Limits()).regions
    rows = Domain.cube(6).block(0, 64)
    assert (
        sum(2 ** (6 - len(places)) for places, bits in regions if bits[0]) == decide(units, Reading(), rows).bits.sum()
    )


def test_ties_on_half_of_a_large_domain():
    # The hidden unit is 0 where x0 and x1 differ; the network and its hardening agree everywhere.
    edges = [[(0, 1.0), (1, 1.0)], [(40, 8.0), *((k, 0.001) for k in range(2, 40))]]
    units = Units(40, edges, [-1.0, 1.0], ["sigmoid", "sigmoid"], [41], "float32")
    found = agrees_with_hardened(units, Reading(), tables_of(Domain.cube(40)), Limits(seconds=20))
    assert found.outcome == "decided"


def test_one_row_of_a_large_domain_is_found():
    # All of 40 inputs on: the hidden sigmoid is 0.62, its step 1, and the output wants 0.7.
    edges = [[(k, 1.0) for k in range(40)], [(40, 1.0)]]
    units = Units(40, edges, [-39.5, -0.7], ["sigmoid", "sigmoid"], [41], "float32")
    found = agrees_with_hardened(units, Reading(), tables_of(Domain.cube(40)), Limits(seconds=20))
    assert found.outcome == "differ"
    assert found.row.all()


def test_edges_that_may_cancel_are_left_to_others():
    units = Units(1, [[(0, 1e16), (0, 1.0), (0, -1e16)]], [-0.5], ["sigmoid"], [1], "float64")
    assert agrees_with_hardened(units, Reading(), [np.array([[0], [1]])], Limits()).outcome == "unfinished"
