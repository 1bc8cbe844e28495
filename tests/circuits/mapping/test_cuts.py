"""Cuts: each table is what the gate computes from its leaves, and each price is that of the table."""

import numpy as np
import pytest

from circuits import influence, recognise, simplify
from circuits.mapping.cuts import NO_UNITS, enumerate_cuts


@pytest.mark.parametrize("seed", range(6))
def test_a_table_over_the_leaves_has_the_values_of_the_gate(seed, random_circuit, nodes_of):
    circuit = simplify(random_circuit(seed, n=7, gates=40))
    x = np.random.default_rng(seed).integers(0, 2, (200, 7))
    values, cuts = nodes_of(circuit, x), enumerate_cuts(circuit)
    for node in range(8, circuit.n_nodes):
        found = 0
        for leaves, table, units in zip(*(each[node] for each in cuts), strict=True):
            if units == NO_UNITS:
                continue
            found += 1
            leaves = leaves[leaves < circuit.n_nodes]
            assert (np.diff(leaves) > 0).all()
            rows = values[:, leaves] @ (1 << np.arange(len(leaves)))
            np.testing.assert_array_equal(values[:, node], [int(table) >> int(row) & 1 for row in rows])
        assert found


def test_prices_are_of_one_unit_or_of_a_parity(random_circuit):
    cuts = enumerate_cuts(simplify(random_circuit(3, n=7, gates=60)))
    tables, units = cuts.tables[cuts.units < NO_UNITS], cuts.units[cuts.units < NO_UNITS]
    np.testing.assert_array_equal(recognise(tables, 6).found, units == 1)
    # Half of the rows are on, and each input that matters always changes the value.
    more = tables[units > 1]
    np.testing.assert_array_equal(np.bitwise_count(more), 32)
    np.testing.assert_array_equal(influence(more, 6).sum(axis=1) >= 2, True)


@pytest.mark.parametrize(("fan_in", "weight"), [(3, 2), (4, 2), (6, 3)])
def test_bounds_leave_each_gate_a_cut(fan_in, weight, random_circuit):
    circuit = simplify(random_circuit(1, n=6, gates=60))
    cuts = enumerate_cuts(circuit, max_fan_in=fan_in, max_weight=weight)
    assert (cuts.units[7:].min(axis=1) < NO_UNITS).all()
    sizes = (cuts.leaves < circuit.n_nodes).sum(axis=2)
    assert sizes[cuts.units == 1].max() <= fan_in
