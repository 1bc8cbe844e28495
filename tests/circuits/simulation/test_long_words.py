"""Every gate, on every row, as the simulator has it."""

import numpy as np

from circuits import Circuit
from circuits.simulation.long_words import simulate_long_words, variable_tables
from circuits.simulation.truth_tables import truth_table


def test_all_sixteen_gates():
    circuit = Circuit("ab", [[1, 2]] * 16, range(16), range(3, 19), [f"y{i}" for i in range(16)])
    values = simulate_long_words(circuit, variable_tables(2), 4)
    got = [[value >> row & 1 for value in values[3:]] for row in range(4)]
    np.testing.assert_array_equal(got, truth_table(circuit))


def test_variables():
    for n in range(6):
        bits = [[table >> row & 1 for table in variable_tables(n)] for row in range(2**n)]
        assert bits == [[row >> i & 1 for i in range(n)] for row in range(2**n)]
