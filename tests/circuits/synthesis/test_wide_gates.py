"""Wide gates: their function, what joins, and what does not."""

from hypothesis import given
from hypothesis import strategies as st

from circuits import Circuit, parse
from circuits.synthesis.wide_gates import WideGate, join_gates


def values(wide, row):
    """The values of the outputs of wide gates for one row of inputs."""
    of_node = {0: False} | {1 + i: bool(value) for i, value in enumerate(row)}
    for node, gate in wide.gates.items():
        operands = [of_node[literal >> 1] ^ (literal & 1) for literal in gate.literals]
        of_node[node] = sum(operands) % 2 == 1 if gate.is_xor else all(operands)
    return [of_node[literal >> 1] ^ (literal & 1) for literal in wide.outputs]


@given(seed=st.integers(0, 10**6), gates=st.integers(0, 40), duplicate=st.integers(0, 8))
def test_the_function_stays(seed, gates, duplicate, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n=5, gates=gates)
    wide, rows = join_gates(circuit, duplicate=duplicate), all_rows(5)
    assert [values(wide, row) for row in rows] == reference(circuit, rows).astype(bool).tolist()
    for gate in wide.gates.values():
        nodes = [literal >> 1 for literal in gate.literals]
        assert nodes == sorted(set(nodes))
        assert not (gate.is_xor and any(literal & 1 for literal in gate.literals[1:]))


def test_gates_of_one_kind_join():
    wide = join_gates(parse("y = ~(a | b | c | d) & e; z = f ^ ~(g ^ h) ^ f ^ a"))
    found = {frozenset(gate.literals) for gate in wide.gates.values()}
    assert found == {frozenset([3, 5, 7, 9, 10]), frozenset([2, 14, 16])}


def test_what_is_read_twice_joins_only_if_it_may_be_duplicated():
    circuit = parse("y = (a & b) & c; z = (a & b) & d")
    assert len(join_gates(circuit).gates) == 3
    assert len(join_gates(circuit, duplicate=3).gates) == 2
    assert len(join_gates(circuit, duplicate=2).gates) == 3


def test_constants():
    wide = join_gates(parse("y = a & (b & ~a); z = a ^ (b ^ a) ^ b; w = a | ~a"))
    assert [values(wide, row) for row in ([0, 0], [1, 1])] == 2 * [[False, False, True]]
    assert WideGate(False, [0]) in wide.gates.values()


def test_no_gates():
    assert join_gates(Circuit(["a"], [], [], [1, 0], ["y", "z"])) == ({}, [2, 0])


def test_a_long_chain():
    circuit = parse("y = " + " & ".join(f"x{i}" for i in range(5000)))
    assert [len(gate.literals) for gate in join_gates(circuit).gates.values()] == [5000]
