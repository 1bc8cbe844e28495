"""Units as sigmoids, in NumPy: as the network of `to_network` has them, and within what the theorem promises."""

import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import jaxnet
from circuits.playground.choices import from_gallery
from circuits.playground.soft_units import GAINS, gain_curve, unit_values


@pytest.mark.parametrize("name", ["XOR", "full adder", "c17"])
def test_values_are_those_of_the_network(name):
    choice = from_gallery(name)
    x = circuits.rows(choice.circuit.n_inputs)
    soft = circuits.to_network(choice.units, jaxnet.sigmoid, gain=4.0)
    made = unit_values(choice.units, x, 4.0)
    for output, node in zip(choice.units.output_names, choice.units.wiring.outputs, strict=True):
        expected = soft.activations(jnp.asarray(x, jnp.float32))[output]
        np.testing.assert_allclose(made[:, node], expected, atol=1e-5)
    hard = unit_values(choice.units, x)[:, choice.units.wiring.outputs]
    np.testing.assert_array_equal(hard, circuits.truth_table(choice.circuit))


@pytest.mark.parametrize("name", ["XOR", "majority of 5", "multiplier of 3 bits"])
def test_no_error_is_larger_than_what_is_promised(name):
    curve = gain_curve(from_gallery(name).units)
    some = np.isfinite(curve.promised)
    assert some.any()
    assert (curve.measured[some] <= curve.promised[some] + 1e-15).all()
    # The theorem begins to promise where it says it does.
    assert np.array_equal(some, curve.first <= GAINS)
    assert (curve.promised[curve.tenth <= GAINS] <= 0.1).all()
