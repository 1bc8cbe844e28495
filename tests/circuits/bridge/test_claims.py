"""Data of certificates, read strictly: the rows and values of the package's own domains and circuits, and no others."""

import copy
import functools

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from circuits import evaluate, library, map_to_units, rows
from circuits.bridge.claims import _circuit, _domain
from circuits.bridge.domains import Domain
from circuits.bridge.extraction import from_network
from circuits.bridge.extraction_certificates import ExtractionCertificate, circuit_data, digest_of
from jaxnet import Neuron, mlp, sigmoid

PARAMS = Neuron(np.array([[1, 2]], np.float32), np.array([-2.5], np.float32))


@functools.cache
def found():
    return from_network(mlp([2, 1], sigmoid), (PARAMS,))


sizes = st.lists(st.integers(1, 3), max_size=2)
small = st.one_of(
    st.integers(0, 3).map(Domain.cube),
    sizes.map(Domain.one_hot),
    sizes.map(Domain.thermometer),
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=4).map(Domain.listed),
    st.sets(st.integers(0, 2)).map(lambda free: Domain.around([0, 1, 1], free)),
)


@given(small, small)
def test_domains_have_the_same_rows(first, second):
    domain = first * second
    again = _domain(domain.description())
    assert again.n_rows == domain.n_rows
    np.testing.assert_array_equal(again.block(0, domain.n_rows), domain.block(0, domain.n_rows))
    drawn = domain.sample(9, np.random.Generator(np.random.PCG64(4)))
    np.testing.assert_array_equal(again.sample(9, 4), drawn)
    every = rows(domain.n_columns)
    assert [again.contains(row) for row in every] == domain.contains(every).tolist()


@pytest.mark.parametrize("circuit", [library.adder(3), library.multiplier(2), "units"])
def test_circuits_have_the_same_values(circuit):
    circuit = map_to_units(library.adder(3)) if circuit == "units" else circuit
    x = rows(circuit.n_inputs)
    np.testing.assert_array_equal(_circuit(circuit_data(circuit)).evaluate(x), evaluate(circuit, x))


def test_every_gate():
    x = np.array([[a, b] for a in (0, 1) for b in (0, 1)], bool)
    for table in range(16):
        data = {"kind": "gates", "input_names": ["a", "b"], "output_names": ["y"], "outputs": [3]}
        values = _circuit(data | {"fan_ins": [[1, 2]], "tables": [table]}).evaluate(x)
        assert values[:, 0].tolist() == [bool(table >> (a + 2 * b) & 1) for a, b in x.astype(int)]


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (
            "network.kinds",
            ["sine"],
            "The network has units of step, sign, sigmoid, tanh, relu, identity, in float32 or float64.",
        ),
        ("network.kinds", ["relu"], "An output is a rectifier, whose sign says nothing."),
        (
            "reading",
            {"read": "argmax", "threshold": 1.0},
            "Arg max is of outputs of one kind, which are no bits, without a threshold.",
        ),
        ("domain.0", {"kind": "bits", "columns": 1}, "There is no part of a domain {'kind': 'bits', 'columns': 1}."),
        ("domain.0", {"kind": "rows", "rows": ["1", "1"]}, "The rows of a part differ, and a fixed part is one bit."),
        (
            "domain",
            [{"kind": "bit", "columns": 1}],
            "The network has (2, 1) inputs and outputs, the circuit or the domain others.",
        ),
        ("circuit.weights.0", 3, "The units [] are said to be fitted anew, but those that differ are [0]."),
        ("network.b.0", -1.5, "The units [] are said to be fitted anew, but those that differ are [0]."),
        (
            "circuit.output_names",
            ["y", "z"],
            "The circuit is of units or gates, and has a name for each output.",
        ),
        (
            "more",
            0,
            "Expected of the certificate circuit, closest, digest, domain, format, guarantee, method, network, "
            "reading, refitted, rows, uncertain.",
        ),
        ("format", "x", "The format is 'x', not 'circuits extraction 1'."),
        ("guarantee", "statistical", "'statistical' by 'all rows' is no claim of this format."),
        ("network.w.0", 0.1, "Expected a float32, got 0.1."),
        ("network.w.0", float("nan"), "Expected a finite number, got nan."),
        ("network.w.0", 1e39, "Expected a float32, got 1e+39."),
        ("network.w.0", True, "Expected a finite number, got True."),
        ("network.w", [1.0], "The parameters do not fit the wiring."),
        ("network.offsets", [0, 1], "Offsets rise from 0 to the number of edges."),
        ("network.sources.0", 2, "Expected a whole number in 0..1, got 2."),
        ("network.outputs", [], "There are no outputs."),
        ("reading.read", "max", "Outputs are read as 'bits' or by 'argmax', not 'max'."),
        ("reading", {"read": "bits"}, "Expected of the reading read, threshold."),
        ("domain.0", {"kind": "bit", "columns": 2}, "Expected a whole number in 1..1, got 2."),
        ("domain.0", {"kind": "rows", "rows": ["2"]}, "Rows are texts of 0 and 1."),
        ("circuit.weights.0", 0, "The sources of a unit of the circuit differ, and no weight is 0."),
        ("circuit.weights", [1], "Weights and thresholds do not fit the units of the circuit."),
        ("circuit.input_names", ["a", "a"], "Inputs and outputs of the circuit have different names."),
        ("circuit.input_names", "ab", "Inputs and outputs of the circuit have different names."),
        ("refitted", [0], "The units [0] are said to be fitted anew, but those that differ are []."),
        ("rows", 3, "3 rows are said to be decided, but the domain has 4."),
        ("closest", 0.75, "A call is closer than 0.75 on row 01."),
        ("closest", None, "A call is closer than None on row 00."),
        ("uncertain", 5, "Expected a whole number in 0..4, got 5."),
    ],
)
def test_faults_say_what_came(path, value, fault):
    data = copy.deepcopy(found().certificate.data)
    *before, last = (int(key) if key.isdigit() else key for key in path.split("."))
    functools.reduce(lambda where, key: where[key], before, data)[last] = value
    data["digest"] = digest_of(data)
    assert next(ExtractionCertificate(data).faults()) == fault
    assert not ExtractionCertificate(data).check()


def test_calls_that_floats_may_miss_are_counted():
    params = Neuron(jnp.array([[1.0, 1.0]]), jnp.array([-1.0])), Neuron(jnp.array([[1.0]]), jnp.array([-0.5]))
    found = from_network(mlp([2, 1, 1], sigmoid), params)
    assert found.certificate.data["uncertain"] == 2
    data = dict(found.certificate.data, uncertain=1)
    data["digest"] = digest_of(data)
    assert list(ExtractionCertificate(data).faults()) == ["At most 1 rows are said to be uncertain, but 2 may be."]


def test_accidents_are_found_by_the_digest():
    data = dict(found().certificate.data, uncertain=1)
    assert next(ExtractionCertificate(data).faults()) == "The digest is not that of the data: something was altered."


@pytest.mark.parametrize("closest", [0.5, float(np.nextafter(0.5, 1))])
def test_closest_is_checked_to_the_last_bit(closest):
    data = dict(found().certificate.data, closest=closest)
    data["digest"] = digest_of(data)
    params = copy.deepcopy(data["network"])
    assert params["b"] == [-2.5]
    assert ExtractionCertificate(data).check() == (closest <= 0.5)
