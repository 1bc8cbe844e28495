"""Types and entropies against distributions over the sixteen tables, errors against `discretisation_gap`, readers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

import jaxnet
from circuits import (
    discretisation_gap,
    gate_errors,
    gate_network,
    gate_outputs,
    gate_types,
    harden,
    input_readers,
    parse,
    simplify,
)
from circuits.gate_networks import gate_statistics
from circuits.gate_networks.gate_statistics import table_entropy
from circuits.gate_networks.logic_gate_networks import GateParams
from circuits.gate_networks.parametrisations import N_LOGITS

TABLES = np.array([[t >> r & 1 for r in range(4)] for t in range(16)])
# Row r of a table has a = r & 1 and b = r >> 1: what Walsh coefficients of 1, A, B, AB are multiplied by there.
SIGNS = np.array([[1, 2 * a - 1, 2 * b - 1, (2 * a - 1) * (2 * b - 1)] for b in (0, 1) for a in (0, 1)])
KINDS = tuple(N_LOGITS)


def distribution(logits, kind):
    """The probability of each of the sixteen tables, for one gate."""
    if kind == "softmax":
        return np.exp(logits) / np.exp(logits).sum()
    of_one = 1 / (1 + np.exp(-(logits if kind == "input-wise" else SIGNS @ logits)))
    return np.where(TABLES, of_one, 1 - of_one).prod(axis=1)


def drawn(network, seed=0):
    """Parameters of a network, standard normal numbers."""
    rng = np.random.default_rng(seed)
    gates, choices = network.structure.shapes
    return GateParams(*(tuple(jnp.asarray(rng.normal(size=s), float) for s in shapes) for shapes in (gates, choices)))


def certain(kind):
    """Logits of sixteen gates, `(P, 16)`, gate t certain to be table t."""
    if kind == "softmax":
        return 40.0 * np.eye(16)
    rows = 40.0 * (2 * TABLES.T - 1)
    return rows if kind == "input-wise" else np.linalg.solve(SIGNS, rows)


@pytest.mark.parametrize("kind", KINDS)
def test_entropy_is_that_of_the_sixteen_tables(kind):
    logits = 2 * np.random.default_rng(1).normal(size=(N_LOGITS[kind], 30))
    expected = [entropy(distribution(gate, kind), base=2) for gate in logits.T]
    np.testing.assert_allclose(table_entropy(logits, kind), expected, atol=1e-5)
    assert table_entropy(np.zeros((N_LOGITS[kind], 2)), kind).tolist() == pytest.approx([4, 4])


@pytest.mark.parametrize("kind", KINDS)
def test_gates_that_are_certain_are_counted_by_table_and_have_no_entropy(kind):
    network = gate_network(16, [16, 16], parametrisation=kind)
    decided, swapped = certain(kind), certain(kind)[:, [0] * 15 + [6]]
    types = gate_types(network, GateParams((jnp.asarray([decided, swapped]),)))
    np.testing.assert_array_equal(types.counts, [[1] * 16, [15] + [0] * 5 + [1] + [0] * 9])
    np.testing.assert_allclose(types.entropy, 0, atol=1e-6)


def test_layers_are_in_order_whatever_runs_they_are_in():
    network = gate_network(6, [8, 8, 8, 4], wiring=["learned", "balanced", "balanced", "random"])
    params = drawn(network)
    sure = [np.full(logits.shape, 40.0, np.float32) for logits in params.gates]
    sure[1][1] = 0.0
    types = gate_types(network, params._replace(gates=tuple(sure)))
    assert types.entropy.tolist() == pytest.approx([0, 0, 4, 0], abs=1e-5)
    assert types.counts[:, 15].tolist() == [8, 8, 0, 4]


def test_errors_are_those_of_the_gap_in_blocks_of_any_length(monkeypatch):
    monkeypatch.setattr(gate_statistics, "_BLOCK", 16)
    network = gate_network(5, [12, 12], classes=3)
    params = drawn(network)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2, (45, 5)).astype(bool), rng.integers(0, 3, 45)
    gap = discretisation_gap(network, params, x, y)
    assert gap.soft != gap.hard
    found = jax.jit(gate_errors(network))(params, (x, y))
    assert (float(found["soft"]), float(found["hard"])) == pytest.approx((1 - gap.soft, 1 - gap.hard))
    np.testing.assert_allclose([found["entropy1"], found["entropy2"]], gate_types(network, params).entropy, rtol=1e-6)


def test_without_classes_all_outputs_must_be_right():
    network = gate_network(4, [6, 2])
    params = drawn(network)
    x = np.array([*itertools.product((False, True), repeat=4)])
    y = np.random.default_rng(0).integers(0, 2, (16, 2)).astype(bool)
    found = jax.jit(gate_errors(network))(params, (x, y))
    for forward in ("soft", "hard"):
        values = np.asarray(gate_outputs(network, params, x, forward=forward))
        assert float(found[forward]) == np.mean(
            [(row > 0.5).tolist() != z.tolist() for row, z in zip(values, y, strict=True)]
        )


@given(seed=st.integers(0, 10**6))
def test_readers_of_an_input_are_the_gates_on_which_it_has_an_effect(seed, random_circuit):
    circuit = random_circuit(seed, 4, 30)
    expected = np.zeros(4, int)
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        for node in {a, b} & {1, 2, 3, 4}:
            others = {a, b} - {0, node}
            # With the node at 0 and at 1, for each value of the other fan-in, if there is one; node 0 is always 0.
            for value in (0, 1):
                given = {0: 0} | dict.fromkeys(others, value)
                results = {table >> ((given | {node: bit})[a] + 2 * (given | {node: bit})[b]) & 1 for bit in (0, 1)}
                if len(results) == 2:
                    expected[node - 1] += 1
                    break
    np.testing.assert_array_equal(input_readers(circuit), expected)


def test_an_input_behind_gates_that_simplify_away_has_no_readers():
    circuit = parse("y = (a & b) ^ (a & b) ^ c & d", inputs=["a", "b", "c", "d"])
    assert input_readers(circuit).tolist() != [0, 0, 1, 1]
    assert input_readers(simplify(circuit)).tolist() == [0, 0, 1, 1]


def test_what_is_no_gate_network_is_refused():
    network = gate_network(2, [2])
    circuit = harden(network, drawn(network))
    for function, name in ((lambda other: gate_types(other, ()), "gate_types"), (gate_errors, "gate_errors")):
        with pytest.raises(TypeError, match=rf"^{name}: expected a network made by gate_network alone, got Circuit"):
            function(circuit)
        with pytest.raises(TypeError, match=rf"^{name}: expected a network made by gate_network alone, got Network"):
            function(jaxnet.chain(network, network))
    with pytest.raises(TypeError, match=r"^input_readers: expected a Circuit, got Network. harden makes one.$"):
        input_readers(network)
