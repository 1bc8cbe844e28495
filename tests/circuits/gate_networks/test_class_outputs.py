import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import evaluate, parse
from circuits.gate_networks.class_outputs import circuit_of_words, first_largest, reopened, with_counts
from circuits.netlist import Circuit


@given(seed=st.integers(0, 10**6), classes=st.integers(1, 6), size=st.integers(1, 6))
def test_counts_and_the_first_largest_of_them(seed, classes, size, random_circuit, all_rows, integers_of, reference):
    circuit = random_circuit(seed, 5, 30, classes * size)
    x = all_rows(5)
    scores = reference(circuit, x).reshape(32, classes, size).sum(axis=2)
    counted = with_counts(circuit, classes, "counts")
    bits = size.bit_length()
    expected_names = [f"score{c}[{b}]" for c in range(classes) for b in range(bits)]
    assert list(counted.output_names) == expected_names
    got = reference(counted, x).reshape(32, classes, bits)
    np.testing.assert_array_equal([integers_of(words) for words in got], scores)
    decided = with_counts(circuit, classes, "class")
    assert list(decided.output_names) == [f"class[{b}]" for b in range(max(1, (classes - 1).bit_length()))]
    np.testing.assert_array_equal(integers_of(reference(decided, x)), scores.argmax(axis=1))
    for longer in (counted, decided):
        assert longer.input_names == circuit.input_names
        np.testing.assert_array_equal(longer.tables[: circuit.n_gates], circuit.tables)
        np.testing.assert_array_equal(longer.fan_ins[: circuit.n_gates], circuit.fan_ins)


@given(scores=st.lists(st.integers(0, 7), min_size=1, max_size=9))
def test_of_equal_scores_the_first_wins(scores):
    """Numbers of constant bits, each of the width it needs."""
    netlist, (no, yes) = reopened(parse("no = 0; yes = 1", inputs=["a"]))
    words = [[yes if score >> i & 1 else no for i in range(max(1, score.bit_length()))] for score in scores]
    circuit = circuit_of_words(netlist, {"class": first_largest(netlist, words)})
    bits = np.asarray(evaluate(circuit, [[0], [1]])).astype(int)
    assert (bits @ (1 << np.arange(bits.shape[1]))).tolist() == [int(np.argmax(scores))] * 2


def test_a_reopened_circuit_is_the_same(random_circuit):
    circuit = random_circuit(3)
    netlist, outputs = reopened(circuit)
    again = netlist.circuit({name: bit.node for name, bit in zip(circuit.output_names, outputs, strict=True)})
    for name in ("input_names", "fan_ins", "tables", "outputs", "output_names"):
        np.testing.assert_array_equal(getattr(again, name), getattr(circuit, name))


@pytest.mark.parametrize(("outputs", "classes"), [(4, 3), (1, 2), (0, 1)])
def test_outputs_that_are_no_groups(outputs, classes, error):
    circuit = Circuit(["a"], [], [], [1] * outputs, [f"y{i}" for i in range(outputs)])
    assert error(ValueError, with_counts, circuit, classes, "counts") == (
        f"with_counts: expected outputs that are {classes} equal groups, one a class, got {outputs} outputs."
    )
