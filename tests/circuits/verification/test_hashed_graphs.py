import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import parse
from circuits.verification.hashed_graphs import Hashed


def values_of(graph, x):
    """The value of each node for one row of inputs."""
    values = [False, *map(bool, x)]
    for is_xor, (a, b) in zip(graph.is_xor[len(values) :], graph.fan_ins[len(values) :], strict=True):
        a, b = values[a >> 1] ^ bool(a & 1), values[b >> 1] ^ bool(b & 1)
        values.append(a ^ b if is_xor else a and b)
    return values


@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), gates=st.integers(0, 40))
def test_the_graph_of_a_circuit_has_its_values(seed, n, gates, random_circuit, nodes_of, all_rows):
    circuit = random_circuit(seed, n, gates, 1)
    hashed = Hashed(n)
    literals = hashed.add(circuit)
    for x, expected in zip(all_rows(n), nodes_of(circuit, all_rows(n)), strict=True):
        values = values_of(hashed.graph, x)
        assert [values[literal >> 1] ^ bool(literal & 1) for literal in literals] == expected.tolist()


@pytest.mark.parametrize(
    "form",
    [
        "y = a ^ b",
        "y = (a & ~b) | (~a & b)",
        "y = (a | b) & ~(a & b)",
        "y = ~(~(a & ~(a & b)) & ~(b & ~(a & b)))",  # four NANDs
        "n = ~(a | b); y = ~~(~(a | n) | ~(b | n))",  # four NORs, as in c6288
    ],
)
def test_an_xor_is_found_in_any_gates(form):
    graph = Hashed(2)
    exclusive = graph.gate(True, 2, 4)
    literals = graph.add(circuit := parse(form, inputs=["a", "b"], outputs=["y"]))
    assert literals[circuit.outputs[0]] == exclusive
