"""Margins: what they show is true on every row, and compiled circuits of any size are shown to be their hardening."""

import copy
import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import Circuit, Domain, Equivalent, equivalent, from_network, library, to_circuit, to_network
from circuits.bridge.extraction_certificates import ExtractionCertificate, digest_of
from circuits.bridge.hardening import Reading
from circuits.bridge.network_units import NetworkUnits, units_of_network
from circuits.bridge.row_decisions import decide
from circuits.bridge.unit_margins import hardened_everywhere
from circuits.threshold import units
from jaxnet import Neuron, identity, mlp, relu, sigmoid, step, tanh
from jaxnet.networks.wiring import Wiring


def holds(network, reading, domain, rounded):
    return hardened_everywhere(network.plain(), reading, [part.table for part in domain.parts], rounded=rounded)


DOMAINS = [Domain.cube, lambda n: Domain.one_hot([n]), lambda n: Domain.thermometer([n])]


def drawn(sizes, seed, scale):
    random = np.random.default_rng(seed)
    shapes = list(itertools.pairwise(sizes))
    return tuple(
        Neuron(*(jnp.asarray(np.round(scale * random.normal(size=s), 1), jnp.float32) for s in ((m, n), (m,))))
        for n, m in shapes
    )


@given(
    st.integers(1, 6),
    st.integers(1, 3),
    st.sampled_from([sigmoid, tanh, step]),
    st.sampled_from([sigmoid, tanh, identity]),
    st.integers(0, 10_000),
    st.sampled_from([4, 16, 40]),
    st.sampled_from(DOMAINS),
    st.booleans(),
)
def test_what_margins_show_is_true_on_every_row(n, m, hidden, last, seed, scale, domain, rounded):
    network = units_of_network("test", mlp([n, 4, m], [hidden, last]), drawn([n, 4, m], seed, scale))
    domain = domain(n)
    for reading in (Reading("bits", 1.0 if last is identity else 0.0), Reading("argmax")):
        if holds(network, reading, domain, rounded):
            x = domain.block(0, domain.n_rows)
            soft, hard = decide(network, reading, x), decide(network.hardened(), reading, x)
            np.testing.assert_array_equal(soft.bits, hard.bits)


def one_unit(w, b, kind="sigmoid", dtype="float32"):
    n = len(w)
    return NetworkUnits(Wiring(n, [0, n], range(n), [n]), np.array(w, float), np.array([b], float), (kind,), dtype)


def shown(network, domain, **reading):
    return tuple(holds(network, Reading(**reading), domain, rounded) for rounded in (False, True))


def test_a_unit_over_inputs_is_always_its_hardening_but_for_rounding():
    assert shown(one_unit([1, 1], -1.5), Domain.cube(2)) == (True, True)
    # A sum of exactly 0 is a float that says nothing about its sigmoid, which is 1/2.
    assert shown(one_unit([1, 1], -2), Domain.cube(2)) == (True, False)
    # Sums that rounding may turn.
    close = one_unit([1, 2.0**-23, 2.0**-24], -1 - 2.0**-23, kind="step")
    assert shown(close, Domain.cube(3)) == (True, False)
    assert shown(close._replace(dtype="float64"), Domain.cube(3)) == (True, True)


@pytest.mark.parametrize(
    ("w", "b"),
    [
        # Smaller than a normal float32: hardware may take it for 0, of which the step is 1.
        ([2.0**-140], -(2.0**-141)),
        # Normal numbers, whose difference is not.
        ([2.0**-126, -(2.0**-126) * (1 + 2.0**-23)], 0.0),
        # (a + a + a) + (-a - a) is inf - inf in one order, and a in another.
        ([3e38, 3e38, 3e38, -3e38, -3e38], 1e37),
    ],
)
@pytest.mark.parametrize("kind", ["step", "identity"])
def test_what_float32_loses_at_either_end_of_its_range(w, b, kind):
    assert shown(one_unit(w, b, kind), Domain.cube(len(w))) == (True, False)
    assert shown(one_unit(w, b, kind, "float64"), Domain.cube(len(w))) == (True, True)


@pytest.mark.parametrize(
    ("w", "b", "expected"),
    [([2.0**-1070, 1], 1, (True, True)), ([1e308, 1e308], 1e308, (True, False))],
)
def test_sums_whose_integers_are_no_floats(w, b, expected):
    assert shown(one_unit(w, b, "identity", "float64"), Domain.cube(len(w))) == expected


def test_a_weight_so_small_that_its_product_with_an_error_is_0():
    # The last unit adds up t (h - 1), where h, a sigmoid of 40, is on and a little less than 1: it is off.
    t = 2.0**-1074
    network = NetworkUnits(
        Wiring(1, [0, 1, 2], [0, 1], [2]), np.array([0.0, t]), np.array([40.0, -t]), ("sigmoid", "step"), "float64"
    )
    assert shown(network, Domain.cube(1)) == (False, False)


def chain(gain, n):
    """h <- AND(h, h), n times, from two copies of one input."""
    sources = [0, 0, *itertools.chain.from_iterable((2 * k + 1, 2 * k + 2) * 2 for k in range(n))]
    offsets = [0, 1, 2, *range(4, 4 * n + 3, 2)]
    w = gain * np.ones(len(sources))
    b = gain * np.array([-0.5, -0.5] + [-1.5] * (2 * n))
    wiring = Wiring(1, offsets, sources, [2 * n + 1])
    return NetworkUnits(wiring, w, b, ("sigmoid",) * (2 * n + 2), "float32")


@pytest.mark.parametrize(("gain", "holds"), [(7.1875, True), (7.109375, False)])
def test_a_deep_circuit_needs_the_optimal_gain(gain, holds):
    assert shown(chain(gain, 200), Domain.cube(1)) == (holds, holds)


def test_columns_that_belong_together():
    # x0 - x1 is never 0 where exactly one is on; the next unit then reads a clear value.
    wiring = Wiring(2, [0, 2, 3], [0, 1, 2], [3])
    network = NetworkUnits(wiring, np.array([9.0, -9.0, 9.0]), np.array([0.0, -4.5]), ("sigmoid",) * 2, "float32")
    assert shown(network, Domain.one_hot([2])) == (True, True)
    assert shown(network, Domain.cube(2)) == (False, False)


def test_arg_max_without_ties():
    network = one_unit([8, 0], 0)._replace(
        wiring=Wiring(2, [0, 2, 4], [0, 1, 0, 1], [2, 3]),
        w=np.array([8.0, 0, 0, 8]),
        b=np.array([1.0, 0]),
        kinds=("identity",) * 2,
    )
    assert shown(network, Domain.cube(2), read="argmax") == (True, True)
    assert shown(network._replace(b=np.zeros(2)), Domain.cube(2), read="argmax") == (False, False)


def test_wide_units_of_whole_weights():
    majority = to_network(units.majority(301), sigmoid, error=0.1)
    assert shown(units_of_network("test", majority.network, majority.params), Domain.cube(301)) == (True, True)


@pytest.mark.parametrize("t", [1e-6, 1e-5])
def test_wide_units_of_any_weights(t):
    # A sigmoid of -1 or 1 is off by 0.27; the unit after it reads it with the weight t, and 20 inputs.
    random = np.random.default_rng(3)
    w, b, e = random.normal(size=20), 0.1, 1 / (1 + np.e)
    network = NetworkUnits(
        Wiring(20, [0, 1, 22], [0, *range(20), 20], [21]), np.array([2, *w, t]), np.array([-1, b]),
        ("sigmoid",) * 2, "float64",
    )  # fmt: skip
    bits = (np.arange(2**20)[:, None] >> np.arange(20)) & 1
    sums = bits @ w + b
    least = min(np.abs(sums).min(), np.abs(sums + t).min())
    assert holds(network, Reading(), Domain.cube(20), False) == (least > e * t)


@pytest.mark.parametrize("last", [relu, identity])
def test_values_that_are_not_boolean_are_left_to_others(last):
    network = units_of_network("test", mlp([2, 2, 1], [last, sigmoid]), drawn([2, 2, 1], 0, 9))
    assert shown(network, Domain.cube(2)) == (False, False)


@pytest.mark.parametrize("activation", [sigmoid, tanh])
def test_round_trip_of_a_circuit_of_many_inputs(activation):
    circuit = library.adder(20)
    compiled = to_network(circuit, activation, error=0.1)
    found = from_network(
        compiled.network, compiled.params, input_names=circuit.input_names, output_names=circuit.output_names
    )
    assert (found.guarantee, found.certificate.data["uncertain"]) == ("structural", 0)
    assert found.certificate.check()
    assert repr(found).endswith(f", margins of all units, {2**40:,} rows)")
    assert isinstance(equivalent(circuit, to_circuit(found.circuit)), Equivalent)
    # One weight more, and the units are others.
    data = copy.deepcopy(found.certificate.data)
    data["circuit"]["weights"][0] += 1
    data["digest"] = digest_of(data)
    assert next(ExtractionCertificate(data).faults()) == (
        "The units [] are said to be fitted anew, but those that differ are [0]."
    )


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("rows", 1, "Only claims of all rows and of samples count rows."),
        ("uncertain", -1, "Expected a whole number in 0..0, got -1."),
        ("uncertain", 1, "Expected a whole number in 0..0, got 1."),
    ],
)
def test_margins_count_no_rows(name, value, fault):
    circuit = library.adder(8)
    compiled = to_network(circuit, sigmoid, error=0.1)
    data = {**from_network(compiled.network, compiled.params).certificate.data, name: value}
    data["digest"] = digest_of(data)
    assert list(ExtractionCertificate(data).faults()) == [fault]


def test_there_are_units_of_six_kinds():
    circuit = library.adder(8)
    compiled = to_network(circuit, sigmoid, error=0.1)
    data = copy.deepcopy(from_network(compiled.network, compiled.params).certificate.data)
    data["network"]["kinds"][0] = "softmax"
    data["digest"] = digest_of(data)
    assert list(ExtractionCertificate(data).faults()) == [
        "The network has units of step, sign, sigmoid, tanh, relu, identity, in float32 or float64."
    ]


def test_no_unit_is_fitted_anew_where_no_row_is_decided():
    circuit = library.adder(8)
    compiled = to_network(circuit, sigmoid, error=0.1)
    found = from_network(compiled.network, compiled.params)
    assert found.certificate.data["method"] == "margins of units"
    data = copy.deepcopy(found.certificate.data)
    last = int(found.circuit.wiring.outputs[-1]) - circuit.n_inputs
    data["circuit"]["thresholds"][last] = 99
    data["refitted"] = [last]
    data["digest"] = digest_of(data)
    assert list(ExtractionCertificate(data).faults()) == [
        "Units are said to be fitted anew where only hardened ones are proved."
    ]


@given(st.integers(0, 10_000))
def test_round_trip_of_random_circuits(seed):
    random = np.random.default_rng(seed)
    n, gates = 14, 30
    fan_ins = [[random.integers(0, n + k + 1), random.integers(0, n + k + 1)] for k in range(gates)]
    outputs = [n + gates, n + gates - 1, random.integers(0, n + gates + 1)]
    circuit = Circuit([f"x{k}" for k in range(n)], fan_ins, random.integers(0, 16, gates), outputs, "xyz")
    compiled = to_network(circuit, sigmoid, error=0.1)
    found = from_network(
        compiled.network, compiled.params, input_names=circuit.input_names, output_names=circuit.output_names
    )
    assert found.guarantee == "structural"
    assert isinstance(equivalent(circuit, to_circuit(found.circuit)), Equivalent)
