import itertools

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from circuits import ThresholdCircuit, evaluate, library, to_circuit
from circuits.gates import AND, BUF, FALSE, NOT, OR, TRUE, XNOR, XOR, swap
from circuits.netlist import Circuit
from circuits.threshold import threshold_circuits
from circuits.threshold.gate_conversion import from_circuit, from_unit
from circuits.threshold.symmetric_functions import parity
from circuits.threshold.threshold_circuits import depth
from circuits.threshold.units import at_least, majority
from jaxnet.networks.wiring import Wiring


def one_unit(weights, threshold):
    n = len(weights)
    wiring = Wiring(n, [0, n], range(n), [n])
    return ThresholdCircuit(wiring, weights, [threshold], [f"x{i}" for i in range(n)], ["y"])


def by_hand(circuit, x):
    """Unit after unit in Python's integers, for one example."""
    wiring, nodes = circuit.wiring, [int(bit) for bit in x]
    for unit, (start, end) in enumerate(itertools.pairwise(wiring.offsets.tolist())):
        edges = zip(circuit.weights[start:end].tolist(), wiring.sources[start:end].tolist(), strict=True)
        nodes.append(int(sum(w * nodes[source] for w, source in edges) >= int(circuit.thresholds[unit])))
    return [nodes[output] == 1 for output in wiring.outputs.tolist()]


@st.composite
def threshold_circuits_(draw, n=4):
    """Units of any weights on any nodes before them, the same node twice among them, and units without any."""
    offsets, sources, weights, thresholds = [0], [], [], []
    for unit in range(draw(st.integers(0, 8))):
        fed_by = draw(st.lists(st.integers(0, n + unit - 1), max_size=4))
        sources += fed_by
        weights += draw(st.lists(st.integers(-3, 3), min_size=len(fed_by), max_size=len(fed_by)))
        thresholds.append(draw(st.integers(-4, 4)))
        offsets.append(len(sources))
    outputs = draw(st.lists(st.integers(0, n + len(thresholds) - 1), max_size=4))
    wiring = Wiring(n, offsets, sources, outputs)
    return ThresholdCircuit(wiring, weights, thresholds, "abcd", [f"y{i}" for i in range(len(outputs))])


@given(circuit=threshold_circuits_())
def test_evaluate_agrees_with_a_plain_loop(circuit, all_rows):
    x = all_rows(4)
    got = evaluate(circuit, x)
    assert (got.shape, got.dtype) == ((16, circuit.n_outputs), bool)
    assert got.tolist() == [by_hand(circuit, row) for row in x]


@pytest.mark.parametrize("table", range(16))
def test_each_gate_is_one_unit_and_an_xor_two(table):
    circuit = from_circuit(Circuit(["a", "b"], [[1, 2]], [table], [3], ["y"]))
    got = evaluate(circuit, [[0, 0], [1, 0], [0, 1], [1, 1]])[:, 0]
    assert got.astype(int).tolist() == [table >> row & 1 for row in range(4)]
    two = table in (XOR, XNOR)
    assert circuit.n_units == depth(circuit) == 1 + two
    # No weight is wasted: a unit is fed by the bits that the gate depends on, with weights of 1, and 2 inside an XOR.
    depends = {bit for bit in (0, 1) for row in range(4) if table >> row & 1 != table >> (row ^ 1 << bit) & 1}
    assert set(circuit.wiring.sources.tolist()) == (depends | {2} if two else depends)
    assert circuit.wiring.n_edges == (5 if two else len(depends))
    assert np.abs(circuit.weights).max(initial=0) == (2 if two else int(bool(depends)))


@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), gates=st.integers(0, 40), m=st.integers(0, 4))
def test_from_circuit_keeps_names_and_function(seed, n, gates, m, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n, gates, m)
    hard = from_circuit(circuit)
    assert (hard.input_names, hard.output_names) == (circuit.input_names, circuit.output_names)
    np.testing.assert_array_equal(evaluate(hard, all_rows(n)), reference(circuit, all_rows(n)))
    xors = int(np.isin(circuit.tables, (XOR, XNOR)).sum())
    # One more unit at the most, for the constant.
    assert hard.n_units - gates - xors in (0, 1)


def test_the_constant_as_an_output_and_as_a_fan_in():
    # Node 0 is read by gates 0, 1 and 3, and is an output, twice.
    circuit = Circuit(["a"], [[0, 0], [1, 0], [2, 3], [0, 1]], [NOT, OR, AND, XOR], [0, 4, 5, 0, 1], list("vwxyz"))
    hard = from_circuit(circuit)
    assert evaluate(hard, [[0], [1]]).astype(int).tolist() == [[0, 0, 0, 0, 0], [0, 1, 1, 0, 1]]
    # Four gates, one of them an XOR, and the constant once.
    assert hard.n_units == 6


def test_constants_alone():
    circuit = Circuit([], [[0, 0], [0, 0]], [TRUE, FALSE], [0, 1, 2], list("xyz"))
    hard = from_circuit(circuit)
    assert evaluate(hard, []).tolist() == [False, True, False]
    assert evaluate(hard, np.zeros((2, 0), bool)).tolist() == [[False, True, False]] * 2


def test_a_gate_that_does_not_read_the_constant_makes_no_unit_for_it():
    # The second fan-in of NOT and BUF is node 0 by convention only.
    assert from_circuit(Circuit(["a"], [[1, 0], [2, 0]], [NOT, BUF], [3], ["y"])).n_units == 2


def test_inputs_as_outputs():
    hard = from_circuit(Circuit(["a", "b"], [], [], [2, 1, 2], list("xyz")))
    assert (hard.n_units, depth(hard)) == (0, 0)
    assert evaluate(hard, [[0, 1], [1, 0]]).astype(int).tolist() == [[1, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize("n", range(1, 11))
def test_parity_on_all_rows(n, all_rows):
    circuit, x = parity(n), all_rows(n)
    np.testing.assert_array_equal(evaluate(circuit, x)[:, 0], x.sum(axis=1) % 2 == 1)
    assert (circuit.n_units, circuit.wiring.n_edges, depth(circuit)) == (n + 1, n * n + n, 2)
    assert circuit.input_names == tuple(f"x[{i}]" for i in range(n))
    assert circuit.output_names == ("y",)


def test_parity_of_200_inputs():
    # Every number of inputs that are on.
    x = np.random.default_rng(0).random((201, 200)).argsort(axis=1) < np.arange(201)[:, None]
    np.testing.assert_array_equal(evaluate(parity(200), x)[:, 0], np.arange(201) % 2 == 1)


def test_parity_of_two_is_the_textbook_xor():
    circuit = parity(2)
    assert circuit.wiring.sources.tolist() == [0, 1, 0, 1, 2, 3]
    assert circuit.weights.tolist() == [1, 1, 1, 1, 1, -1]
    assert circuit.thresholds.tolist() == [1, 2, 1]


def test_a_parity_has_a_whole_number_of_inputs(error):
    assert parity(np.int64(3)).n_units == 4
    for n in (0, -1):
        assert error(ValueError, parity, n) == f"parity: expected n to be at least 1, got {n}."
    for n in (True, 2.0):
        assert error(TypeError, parity, n) == f"parity: expected n to be a whole number, got {n!r}."


def test_depth_counts_units_on_the_longest_path_to_an_output():
    # 2: x0; 3: node 2; 4: node 3, read by no output. 5: x0 and node 2.
    wiring = Wiring(2, [0, 1, 2, 3, 5], [0, 2, 3, 0, 2], [5])
    circuit = ThresholdCircuit(wiring, [1] * 5, [1] * 4, "ab", "y")
    assert depth(circuit) == 2
    assert depth(from_circuit(library.parity(8))) == 6
    assert depth(from_circuit(library.and_(8))) == 3


@pytest.mark.parametrize("big", [2**31, 2**53, 2**60])
def test_sums_are_exact_beyond_floating_point(big, all_rows):
    weights, threshold = [big, 1, -1, -big + 2], big + 1
    circuit = one_unit(weights, threshold)
    x = all_rows(4)
    expected = [sum(w for w, on in zip(weights, row, strict=True) if on) >= threshold for row in x.tolist()]
    assert evaluate(circuit, x)[:, 0].tolist() == expected
    assert expected.count(True) == 1


@given(weights=st.lists(st.integers(-(2**59), 2**59), min_size=1, max_size=5), data=st.data())
def test_a_threshold_at_a_sum_that_occurs(weights, data, all_rows):
    x = all_rows(len(weights))
    sums = [sum(w for w, on in zip(weights, row, strict=True) if on) for row in x.tolist()]
    threshold = data.draw(st.sampled_from(sums)) + data.draw(st.sampled_from([0, 1]))
    if sum(map(abs, weights)) + abs(threshold) < 2**62:
        assert evaluate(one_unit(weights, threshold), x)[:, 0].tolist() == [total >= threshold for total in sums]


@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (2, 0, 3)])
def test_evaluate_keeps_the_leading_axes(shape):
    circuit = parity(3)
    x = np.random.default_rng(0).integers(0, 2, (*shape, 3)).astype(bool)
    got = evaluate(circuit, x)
    assert (got.shape, got.dtype) == ((*shape, 1), bool)
    np.testing.assert_array_equal(got[..., 0], x.sum(axis=-1) % 2 == 1)


def test_many_rows_are_taken_in_blocks(monkeypatch, all_rows):
    circuit, x = parity(5), all_rows(5)
    whole = evaluate(circuit, x)
    for rows in (1, 7, 31, 32):
        # Eight bytes for each of 5 inputs and 6 units.
        monkeypatch.setattr(threshold_circuits, "_LIVE_BYTES", 8 * 11 * rows)
        np.testing.assert_array_equal(evaluate(circuit, x), whole)
    monkeypatch.setattr(threshold_circuits, "_LIVE_BYTES", 1)
    np.testing.assert_array_equal(evaluate(circuit, x), whole)


def test_inputs_are_checked(error):
    circuit = parity(3)
    message = error(ValueError, evaluate, circuit, [0, 1])
    assert message == (
        "evaluate: expected inputs (..., 3) for ThresholdCircuit(3 inputs, 1 outputs, 4 units), got (2,)."
    )
    message = error(TypeError, evaluate, circuit, np.zeros(3))
    assert message == "evaluate: expected Boolean inputs, got float64. Compare them, for example x > 0."
    message = error(ValueError, evaluate, circuit, [0, 1, 7])
    assert message == "evaluate: expected bits, 0 or 1, got 7. Compare the inputs, for example x > 0."
    assert evaluate(circuit, jnp.array([0, 1, 0])).tolist() == [True]


def test_a_circuit_without_outputs():
    circuit = ThresholdCircuit(Wiring(2, [0], [], []), [], [], "ab", [])
    assert evaluate(circuit, np.zeros((3, 2), bool)).shape == (3, 0)
    assert depth(circuit) == 0


# An AND of two inputs, and the ways to spoil it.
GOOD = {
    "wiring": Wiring(2, [0, 2], [0, 1], [2]),
    "weights": [1, 1],
    "thresholds": [2],
    "input_names": ["a", "b"],
    "output_names": ["y"],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1]}, "expected weights, one per edge: (2,), got (1,)."),
        ({"weights": [1, 1, 1]}, "expected weights, one per edge: (2,), got (3,)."),
        ({"weights": [[1, 1]]}, "expected weights, one per edge: (2,), got (1, 2)."),
        ({"thresholds": [2, 1]}, "expected thresholds, one per unit: (1,), got (2,)."),
        ({"thresholds": 2}, "expected thresholds, one per unit: (1,), got ()."),
        ({"thresholds": [[2]]}, "expected thresholds, one per unit: (1,), got (1, 1)."),
        ({"input_names": "a"}, "expected input names: (2,), got (1,)."),
        ({"output_names": "yz"}, "expected output names: (1,), got (2,)."),
        (
            {"weights": [2**63, 1]},
            "expected weights in -9223372036854775808..9223372036854775807, got 1..9223372036854775808.",
        ),
        (
            {"thresholds": [-(2**64)]},
            "expected thresholds in -9223372036854775808..9223372036854775807, "
            "got -18446744073709551616..-18446744073709551616.",
        ),
        ({"weights": [2**62, 2**62]}, "unit 0 has sum |w| + |T| near 9.22e+18, expected below 2^62."),
        ({"weights": [2**62, -(2**62)]}, "unit 0 has sum |w| + |T| near 9.22e+18, expected below 2^62."),
        ({"weights": [-(2**63), 0]}, "unit 0 has sum |w| + |T| near 9.22e+18, expected below 2^62."),
        ({"thresholds": [-(2**63)]}, "unit 0 has sum |w| + |T| near 9.22e+18, expected below 2^62."),
    ],
)
def test_what_does_not_fit_is_refused(change, message, error):
    assert error(ValueError, ThresholdCircuit, **(GOOD | change)) == f"ThresholdCircuit: {message}"


def test_the_unit_that_is_too_large_is_named(error):
    wiring = Wiring(2, [0, 1, 2, 3], [0, 1, 1], [4])
    message = error(ValueError, ThresholdCircuit, wiring, [1, 2**62, 1], [1, 2**61, 1], "ab", "y")
    assert message == "ThresholdCircuit: unit 1 has sum |w| + |T| near 6.92e+18, expected below 2^62."


@pytest.mark.parametrize(
    ("change", "what", "dtype"),
    [
        ({"weights": [1.0, 1.0]}, "weights", "float64"),
        ({"thresholds": [2.0]}, "thresholds", "float64"),
        ({"weights": [True, True]}, "weights", "bool"),
    ],
)
def test_numbers_that_are_no_integers_are_refused(change, what, dtype, error):
    assert error(TypeError, ThresholdCircuit, **(GOOD | change)) == (
        f"ThresholdCircuit: expected integers in {what}, got {dtype}."
    )


@pytest.mark.parametrize("change", [{"input_names": ["a", "a"]}, {"input_names": ["a", ""]}, {"output_names": [1]}])
def test_names_are_as_those_of_a_circuit(change):
    # Its twin, Circuit, refuses names that are empty, no strings, or given twice.
    with pytest.raises(ValueError, match="name"):
        ThresholdCircuit(**(GOOD | change))


def test_a_threshold_circuit_is_immutable():
    weights, thresholds = np.array([1, 1]), np.array([2])
    circuit = ThresholdCircuit(**(GOOD | {"weights": weights, "thresholds": thresholds}))
    weights[0] = thresholds[0] = 9
    assert (circuit.weights.tolist(), circuit.thresholds.tolist()) == ([1, 1], [2])
    for array in (circuit.weights, circuit.thresholds, circuit.wiring.sources):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9
    with pytest.raises(AttributeError):
        circuit.weights = weights


def test_what_a_threshold_circuit_says_of_itself():
    circuit = ThresholdCircuit(**GOOD)
    assert repr(circuit) == "ThresholdCircuit(2 inputs, 1 outputs, 1 units)"
    assert (circuit.n_inputs, circuit.n_outputs, circuit.n_units) == (2, 1, 1)


def test_sums_of_weights():
    wiring = Wiring(2, [0, 2, 2, 5], [0, 1, 0, 1, 2], [4])
    circuit = ThresholdCircuit(wiring, [1, 2, 3, 4, 5], [0, 0, 0], "ab", "y")
    assert circuit.sums_of_weights(circuit.weights).tolist() == [3, 0, 12]


# Back to gates: circuits/threshold/gate_conversion.py.


def random_unit(rng):
    """Weights of every size, powers of two among them, and a threshold near a sum that occurs."""
    n = int(rng.integers(0, 11))
    kind = rng.integers(0, 4)
    if kind == 0:
        weights = rng.integers(-3, 4, n)
    elif kind == 1:
        weights = rng.integers(-(2**31), 2**31, n)
    elif kind == 2:
        weights = rng.integers(-(2**57), 2**57, n)
    else:
        weights = rng.choice([-1, 1], n) * (2 ** np.arange(n) + rng.integers(-1, 2, n)) * 2 ** int(rng.integers(0, 45))
    some = int(weights[rng.integers(0, 2, n) == 1].sum())
    return one_unit(weights, some + int(rng.integers(-1, 2)))


@pytest.mark.parametrize("diagrams", [True, False])
@given(seed=st.integers(0, 10**6))
def test_a_unit_as_gates(diagrams, seed, all_rows, reference):
    unit = random_unit(np.random.default_rng(seed))
    gates = to_circuit(unit, diagrams=diagrams)
    x = all_rows(unit.n_inputs)
    np.testing.assert_array_equal(reference(gates, x), evaluate(unit, x))
    # The promised size: 5 gates for each bit set in a weight, and one a digit of the sum and an inverter.
    bits = sum(abs(w).bit_count() for w in unit.weights.tolist())
    assert gates.n_gates <= 5 * bits + 64 + unit.n_inputs


@given(circuit=threshold_circuits_())
def test_threshold_circuits_as_gates(circuit, all_rows, reference):
    # The same fan-in twice, constant units that are read and units that no output needs.
    gates = to_circuit(circuit)
    assert (gates.input_names, gates.output_names) == (circuit.input_names, circuit.output_names)
    np.testing.assert_array_equal(reference(gates, all_rows(4)), evaluate(circuit, all_rows(4)))


def test_to_circuit_leaves_a_circuit_as_it_is(error):
    gates = library.adder(2)
    assert to_circuit(gates) is gates
    assert error(TypeError, to_circuit, "a & b") == "to_circuit: expected a ThresholdCircuit or a Circuit, got str."


@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), gates=st.integers(0, 40), m=st.integers(0, 4))
def test_from_circuit_and_back(seed, n, gates, m, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n, gates, m)
    again = to_circuit(from_circuit(circuit))
    np.testing.assert_array_equal(reference(again, all_rows(n)), reference(circuit, all_rows(n)))


@pytest.mark.parametrize(
    ("weights", "threshold", "tables"),
    [
        ([1, 1], 2, [AND]),
        ([1, 1], 1, [OR]),
        ([5, 7], 12, [AND]),
        ([2**60, 2**60], 2**60 + 1, [AND]),
        ([-1], 0, [NOT]),
        ([1, 0], 1, []),
        ([-1, 1], 1, [0b0100]),
        ([3, -1, 0], 0, [0b1101]),
        ([-2, -2], -1, [0b0001]),
        ([1, 1], 0, [TRUE]),
        ([1, 1], 3, []),
        ([], 0, [TRUE]),
        ([], 1, []),
        ([2**60, -(2**60)], 2**60, [0b0100]),
    ],
)
def test_small_units_are_small(weights, threshold, tables, all_rows, reference):
    unit = one_unit(weights, threshold)
    gates = to_circuit(unit)
    np.testing.assert_array_equal(reference(gates, all_rows(len(weights))), evaluate(unit, all_rows(len(weights))))
    # The fan-ins come in either order.
    assert gates.tables.tolist() in (tables, [swap(table) for table in tables])


def test_the_diagram_of_equal_weights_has_a_node_for_each_count():
    # k of n: at most k (n - k + 1) nodes of two gates.
    for n, k in [(6, 3), (9, 2), (12, 7)]:
        assert to_circuit(from_unit(at_least(k, n))).n_gates <= 2 * k * (n - k + 1)
    # 1, 2, 4, ...: a comparison with T, one gate a digit.
    assert to_circuit(one_unit([2**i for i in range(40)], 0x5555555555)).n_gates <= 40


@pytest.mark.parametrize("n", [300, 3000])
def test_a_majority_of_many_is_added_up(n, reference):
    gates = to_circuit(from_unit(majority(n)))
    assert gates.n_gates <= 5 * n + 20
    x = np.random.default_rng(0).random((200, n)) < np.linspace(0.45, 0.55, 200)[:, None]
    np.testing.assert_array_equal(reference(gates, x)[:, 0], x.sum(axis=1) > n // 2)


def test_a_layer_of_large_weights(reference):
    # 5 units of 32 inputs, weights of 55 bits: sums past what a double tells apart.
    rng = np.random.default_rng(0)
    wiring = Wiring(32, np.arange(6) * 32, np.tile(np.arange(32), 5), range(32, 37))
    weights = rng.integers(-(2**55), 2**55, 5 * 32)
    names = [f"x{i}" for i in range(32)], [f"y{i}" for i in range(5)]
    layer = ThresholdCircuit(wiring, weights, rng.integers(-(2**56), 2**56, 5), *names)
    gates = to_circuit(layer)
    assert gates.n_gates <= 5 * sum(abs(w).bit_count() for w in weights.tolist())
    x = rng.integers(0, 2, (500, 32)).astype(bool)
    np.testing.assert_array_equal(reference(gates, x), evaluate(layer, x))


def test_a_chain_of_units_is_expanded_without_recursion():
    n = 20_000
    wiring = Wiring(1, np.arange(n + 1), np.arange(n), [n])
    assert to_circuit(ThresholdCircuit(wiring, [-1] * n, [0] * n, "a", "y")).n_gates == n
    # And a unit of as many inputs, whose diagram is a chain.
    assert to_circuit(from_unit(at_least(1, n))).n_gates == n - 1
