"""The hashed circuit is the same function, with no structure twice; equal structures come out as one node."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from circuits import Circuit, equivalent, library, parse
from circuits.formats import aiger, blif
from circuits.simulation.truth_tables import truth_table
from circuits.verification.structural_hashing import hashed


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 4), gates=st.integers(0, 30))
def test_the_function_stays(seed, n, gates):
    random = np.random.default_rng(seed)
    fan_ins = [random.integers(0, 1 + n + gate, 2) for gate in range(gates)]
    outputs = random.integers(0, 1 + n + gates, 4)
    circuit = Circuit([f"x{i}" for i in range(n)], fan_ins, random.integers(0, 16, gates), outputs, "abcd")
    found = hashed(circuit)
    np.testing.assert_array_equal(truth_table(found), truth_table(circuit))
    assert (found.input_names, found.output_names) == (circuit.input_names, circuit.output_names)
    read = list(zip(found.tables.tolist(), map(tuple, np.sort(found.fan_ins, axis=1).tolist()), strict=True))
    assert len(set(read)) + 4 >= len(read)
    assert hashed(found).n_gates == found.n_gates


def test_an_xor_of_ands_is_found_in_all_its_forms():
    forms = ["(a & ~b) | (~a & b)", "(a | b) & ~(a & b)", "~(a & b) & ~(~a & ~b)", "~((a & b) | (~a & ~b))", "b ^ a"]
    circuit = parse("; ".join(f"y{i} = {form}" for i, form in enumerate(forms)))
    assert hashed(circuit).n_gates == 1
    assert len(set(hashed(circuit).outputs.tolist())) == 1


def test_a_circuit_and_what_was_made_of_it_are_equal_by_structure():
    circuit = library.multiplier(8)
    others = [blif.loads(blif.dumps(circuit)), aiger.loads(aiger.dumps(circuit, binary=True)), circuit]
    assert {equivalent(circuit, other).method for other in others} == {"structure"}


def test_one_wrong_gate_is_not_hashed_away():
    circuit = library.adder(30)
    for gate in range(0, circuit.n_gates, 13):
        tables = circuit.tables.copy()
        tables[gate] ^= 0b0110
        wrong = Circuit(circuit.input_names, circuit.fan_ins, tables, circuit.outputs, circuit.output_names)
        assert type(equivalent(circuit, wrong)).__name__ == "Counterexample"
