import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from circuits import exhaustive_patterns, library, parse, random_patterns, unpack
from circuits.simulation.switching_activity import Activity, activity


@pytest.mark.parametrize("k", [1, 2, 700])
def test_ones_and_changes_are_counted_at_every_node(k, random_circuit, nodes_of):
    circuit = random_circuit(k, 5, 40, 3)
    words = random_patterns(5, k, key=jax.random.key(k))
    # 256 words at a time, so that 700 are three blocks.
    ones, toggles = activity(circuit, words, held_words=1)
    values = nodes_of(circuit, unpack(words, 32 * k))
    np.testing.assert_allclose(ones, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(toggles, (values[1:] != values[:-1]).mean(axis=0), rtol=1e-12)


def test_patterns_over_devices_are_counted_as_on_one(random_circuit):
    circuit, words = random_circuit(1, 5, 40, 3), random_patterns(5, 8 * 37, key=jax.random.key(1))
    mesh = jax.make_mesh((min(8, jax.device_count()),), ("patterns",))
    over_devices = jax.device_put(words, NamedSharding(mesh, PartitionSpec(None, "patterns")))
    for counted, expected in zip(activity(circuit, over_devices), activity(circuit, words), strict=True):
        np.testing.assert_array_equal(counted, expected)


def test_random_patterns_have_the_probabilities_of_a_tree():
    # An AND of n inputs is 1 with probability 2^-n, a parity with one half; each toggles at 2 p (1 - p).
    circuit = parse("x = a & b & c & d; y = a ^ b ^ c ^ d")
    ones, toggles = activity(circuit, random_patterns(4, 50_000, key=jax.random.key(0)))
    expected = np.array([0, *[0.5] * 4, 0.25, 0.125, 0.0625, 0.5, 0.5, 0.5])
    # Five standard deviations of 1.6 million patterns.
    np.testing.assert_allclose(ones, expected, atol=5 * 0.5 / np.sqrt(1.6e6))
    np.testing.assert_allclose(toggles, 2 * expected * (1 - expected), atol=5 * 0.5 / np.sqrt(1.6e6))


def test_a_counter_toggles_its_lowest_bit_with_every_pattern():
    circuit = library.adder(3)
    _, toggles = activity(circuit, exhaustive_patterns(6)[0])
    np.testing.assert_allclose(toggles[1:7], [63 / 63, 31 / 63, 15 / 63, 7 / 63, 3 / 63, 1 / 63])


def test_no_words_are_refused(error):
    assert error(ValueError, activity, parse("a & b"), np.zeros((2, 0), np.uint32)) == (
        "activity: expected at least one word of patterns, got none."
    )


@pytest.mark.parametrize("shape", [(3, 2), (2,), ()])
def test_words_of_the_wrong_shape_are_refused(shape, error):
    message = error(ValueError, activity, parse("a & b"), np.zeros(shape, np.uint32))
    assert message == f"activity: expected words (2, k) for Circuit(2 inputs, 1 outputs, 1 gates), got {shape}."


def test_words_of_the_wrong_type_are_refused(error):
    assert error(TypeError, activity, parse("a & b"), np.zeros((2, 2), bool)) == (
        "activity: expected uint32 words, got bool. Pack Boolean arrays with circuits.pack."
    )


def test_the_result_prints_in_a_line():
    assert repr(Activity(np.array([0, 0.5]), np.array([0, 1.0]))) == "Activity(2 nodes, mean 0.25 ones, 0.5 toggles)"
