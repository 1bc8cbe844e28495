"""Certificates as data: written, read, and of which network they are."""

import functools
import re

import jax.numpy as jnp
import numpy as np
import pytest

from circuits import evaluate, map_to_units, parse, rows
from circuits.bridge.extraction import from_network
from circuits.bridge.extraction_certificates import ExtractionCertificate, circuit_data, circuit_of
from jaxnet import Neuron, mlp, sigmoid

NET = mlp([2, 1], sigmoid)
PARAMS = (Neuron(jnp.array([[1.0, 2.0]]), jnp.array([-2.5])),)


@functools.cache
def found():
    return from_network(NET, PARAMS)


def test_texts_are_read_as_they_were_written():
    again = ExtractionCertificate.loads(found().certificate.dumps())
    assert again == found().certificate
    assert again.check()
    assert repr(again) == "ExtractionCertificate(structural, by all rows)"


@pytest.mark.parametrize(("text", "kind"), [("[]", "list"), ("null", "NoneType"), ("1", "int")])
def test_other_texts_are_refused(text, kind):
    message = f"loads: expected a certificate, a JSON object, got {kind}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ExtractionCertificate.loads(text)
    with pytest.raises(ValueError, match="Expecting value"):
        ExtractionCertificate.loads("")


def test_it_is_of_these_parameters_alone():
    assert found().certificate.is_of(NET, PARAMS)
    ((w, b),) = PARAMS
    assert not found().certificate.is_of(NET, (Neuron(w, jnp.nextafter(b, jnp.inf)),))
    assert not found().certificate.is_of(mlp([2, 1]), (Neuron(-w, b),))


@pytest.mark.parametrize("prepare", [lambda circuit: circuit, map_to_units])
def test_circuits_are_read_as_they_were_written(prepare):
    circuit = prepare(parse("a ^ b & c"))
    again, x = circuit_of(circuit_data(circuit)), rows(circuit.n_inputs)
    assert type(again) is type(circuit)
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    np.testing.assert_array_equal(evaluate(again, x), evaluate(circuit, x))


def test_the_circuit_is_that_of_the_certificate():
    again = circuit_of(found().certificate.data["circuit"])
    assert circuit_data(again) == circuit_data(found().circuit) == found().certificate.data["circuit"]
