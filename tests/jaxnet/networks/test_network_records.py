"""Networks as records: kinds of your own, and what a record says."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet import Network
from jaxnet.networks import network_records
from jaxnet.networks.activation_records import known_activations
from jaxnet.networks.network_records import Kind, network_from_record, network_to_record, register
from jaxnet.networks.records import Record, RecordError


class Scale(NamedTuple):
    n_inputs: int
    factors: tuple[float, ...]

    @property
    def n_outputs(self):
        return self.n_inputs


def scale(factors):
    return Network(lambda key: (), lambda params, x: x * jnp.asarray(factors), Scale(len(factors), tuple(factors)))


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(network_records, "_KINDS", dict(network_records._KINDS))

    def write(writer, place, structure, params):
        return {"factors": writer.array(np.array(structure.factors))}

    register(
        Kind("tests/scale", Scale, write, lambda reader, record: scale(record.array("factors", float, 1).tolist()))
    )


def test_a_kind_of_your_own_is_a_part_like_any_other(registered, tmp_path):
    net = jaxnet.chain(scale([1.5, -2.0]), jaxnet.layer(2, 1))
    params = ((), jaxnet.Neuron(jnp.ones((1, 2)), jnp.zeros(1)))
    jaxnet.save(tmp_path / "net.safetensors", params, network=net)
    again, loaded = jaxnet.load_network(tmp_path / "net.safetensors")
    assert again.structure == net.structure
    assert again.apply(loaded, jnp.ones(2)) == net.apply(params, jnp.ones(2))


def test_a_kind_that_nobody_registered_is_refused():
    with pytest.raises(RecordError, match=r"^network: expected a network whose structure is known, found Scale\("):
        network_to_record(scale([1.0]), ())


def test_a_record_is_json_and_arrays_are_apart():
    net = jaxnet.wired(jaxnet.Wiring(1, [0, 1], [0], [1]), jaxnet.per_unit([jaxnet.step]))
    record, arrays = network_to_record(net, jax.eval_shape(net.init, jax.random.key(0)))
    assert record == {
        "version": 1,
        "kind": "wired",
        "inputs": 1,
        "offsets": "network.0",
        "sources": "network.1",
        "outputs": "network.2",
        "activation": {"per_unit": ["step"], "kinds": "network.3"},
        "dtype": "float32",
    }
    assert [array.tolist() for array in arrays.values()] == [[0, 1], [0], [1], [0]]
    assert repr(network_from_record(record, arrays)) == repr(net)


@pytest.mark.parametrize("name", sorted(known_activations()))
def test_every_known_activation_comes_back_as_itself(name):
    net = jaxnet.layer(1, 2, known_activations()[name])
    record, arrays = network_to_record(net, net_params(net))
    assert record["activation"] == name
    assert network_from_record(record, arrays).structure == net.structure


def net_params(net):
    return jax.eval_shape(net.init, jax.random.key(0))


def test_a_field_is_taken_once():
    record = Record("here", {"a": 1, "b": "x"}, {})
    assert record.whole("a") == 1
    with pytest.raises(RecordError, match=r"^here\.a: expected a value, found none$"):
        record.whole("a")
    with pytest.raises(RecordError, match=r"^here: expected no field 'b'$"):
        record.close()
